//! The message of a rollback's commit, as `git revert` writes it.

use crate::cli::present::TakenBack;
use crate::domain::CommitId;
use crate::ports::CommitInfo;

/// A commit that the message names, and what its changes are the difference from.
pub(super) struct Reverted {
    pub(super) info: CommitInfo,
    pub(super) parent: Option<CommitId>,
}

/// The whole message. Both commits and releases come newest first.
pub(super) fn message(taken: &[TakenBack], commits: &[Reverted]) -> String {
    let mut message = format!("{}\n", subject(taken));
    if !commits.is_empty() {
        message.push('\n');
    }
    for Reverted { info, parent } in commits {
        message.push_str(&format!("This reverts commit {}", info.id));
        let plain = info.parents.len() < 2 && info.parents.first() == parent.as_ref();
        match parent {
            Some(parent) if !plain => {
                message.push_str(&format!(", reversing\nchanges made to {parent}.\n"));
            }
            Some(_) | None => message.push_str(".\n"),
        }
    }
    let trailers: Vec<String> = taken
        .iter()
        .filter(|taken| taken.is_put_back())
        .map(|taken| format!("Reverts: {}\n", taken.id))
        .collect();
    if !trailers.is_empty() {
        message.push_str(&format!("\n{}", trailers.concat()));
    }
    message
}

fn subject(taken: &[TakenBack]) -> String {
    let put_back: Vec<&TakenBack> = taken.iter().filter(|taken| taken.is_put_back()).collect();
    match (put_back.as_slice(), taken) {
        ([one], _) => format!("Revert \"{}\"", one.subject),
        ([], [one]) => format!("Revert \"{}\"", one.subject),
        ([], all) => format!("Revert {} commits", all.len()),
        (several, _) => format!("Revert {} releases", several.len()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use jiff::Timestamp;

    use super::*;
    use crate::domain::{ReleaseKind, ReleaseStatus};
    use crate::git::reverted_commits;

    fn id(digit: char) -> CommitId {
        CommitId::new(digit.to_string().repeat(40)).unwrap()
    }

    fn reverted(digit: char, parents: &[char], parent: Option<char>) -> Reverted {
        Reverted {
            info: CommitInfo {
                id: id(digit),
                parents: parents.iter().copied().map(id).collect(),
                author: String::new(),
                committed_at: Timestamp::UNIX_EPOCH,
                subject: String::new(),
                message: String::new(),
            },
            parent: parent.map(id),
        }
    }

    fn taken(digit: char, status: ReleaseStatus, subject: &str) -> TakenBack {
        TakenBack {
            id: id(digit).to_string(),
            kind: Some(ReleaseKind::Deploy),
            status,
            subject: subject.to_owned(),
        }
    }

    #[test]
    fn one_release_with_an_invalid_commit_before_it() {
        let text = message(
            &[
                taken('c', ReleaseStatus::Live, "Say \"Black Friday\""),
                taken('b', ReleaseStatus::Invalid, "Broken"),
            ],
            &[
                reverted('c', &['b'], Some('b')),
                reverted('b', &['a'], Some('a')),
            ],
        );
        insta::assert_snapshot!(text, @r#"
        Revert "Say "Black Friday""

        This reverts commit cccccccccccccccccccccccccccccccccccccccc.
        This reverts commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.

        Reverts: cccccccccccccccccccccccccccccccccccccccc
        "#);
        assert_eq!(
            reverted_commits(&text),
            [id('c').as_str(), id('b').as_str()]
        );
    }

    #[test]
    fn a_merge_and_the_first_commit() {
        let text = message(
            &[
                taken('c', ReleaseStatus::Live, "Merge"),
                taken('a', ReleaseStatus::Superseded, "Begin"),
            ],
            &[
                reverted('c', &['a', 'b'], Some('a')),
                reverted('a', &[], None),
            ],
        );
        insta::assert_snapshot!(text, @r"
        Revert 2 releases

        This reverts commit cccccccccccccccccccccccccccccccccccccccc, reversing
        changes made to aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.
        This reverts commit aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.

        Reverts: cccccccccccccccccccccccccccccccccccccccc
        Reverts: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        ");
        assert_eq!(
            reverted_commits(&text),
            [id('c').as_str(), id('a').as_str()]
        );
    }

    #[test]
    fn what_changes_no_file_is_named_by_its_trailer() {
        let mut heal = taken('d', ReleaseStatus::Live, "Heal 2 fields");
        heal.kind = Some(ReleaseKind::Heal);
        insta::assert_snapshot!(message(&[heal], &[]), @r#"
        Revert "Heal 2 fields"

        Reverts: dddddddddddddddddddddddddddddddddddddddd
        "#);
    }
}
