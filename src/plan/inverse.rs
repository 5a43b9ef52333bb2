//! Reverts without words: a commit that is exactly the combined inverse of releases.

use std::collections::BTreeMap;

use super::layers::Seq;
use super::naming::Candidate;
use super::release::PathChange;

/// The releases that a commit's file changes undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inverse {
    /// Exactly these releases, newest first, and a path gets an earlier content back.
    Of(Vec<Seq>),
    /// Exactly these releases, but by deleting files only: a removal.
    OnlyDeletes(Vec<Seq>),
    /// Nothing in particular.
    None,
}

/// Returns the releases of which a commit is exactly the combined inverse.
///
/// Goes back through the releases that are not yet rolled back, newest first, and undoes on paper each
/// one whose files are all among the commit's and stand as it left them, until the files are as the
/// commit leaves them.
///
/// `candidates`: the releases before the commit, oldest first. `paths`: what it changes, compared with
/// the last valid one.
pub(super) fn inverse_of(
    candidates: &[Candidate<'_>],
    paths: &BTreeMap<String, PathChange>,
) -> Inverse {
    let mut wrong = paths.values().filter(|c| c.before != c.after).count();
    if wrong == 0 {
        return Inverse::None;
    }
    let mut now: BTreeMap<&str, Option<&str>> = paths
        .iter()
        .map(|(path, change)| (path.as_str(), change.before.as_deref()))
        .collect();
    let mut undone = Vec::new();
    for candidate in candidates.iter().rev().filter(|c| can_be_undone(c)) {
        let theirs = &candidate.head.paths;
        let stands = |(path, change): (&String, &PathChange)| {
            now.get(path.as_str()) == Some(&change.after.as_deref())
        };
        if !theirs.iter().all(stands) {
            continue;
        }
        for (path, change) in theirs {
            let goal = paths.get(path).map(|change| change.after.as_deref());
            let is_there = |content: &Option<String>| goal == Some(content.as_deref());
            wrong += usize::from(is_there(&change.after));
            wrong -= usize::from(is_there(&change.before));
            now.insert(path, change.before.as_deref());
        }
        undone.push(candidate.seq);
        if wrong == 0 {
            let gives_back = paths.values().any(|change| change.after.is_some());
            return match gives_back {
                true => Inverse::Of(undone),
                false => Inverse::OnlyDeletes(undone),
            };
        }
    }
    Inverse::None
}

/// True if a commit without words can be the inverse of a release. Reverting a revert is an ordinary
/// deploy, and an adoption changed no file.
fn can_be_undone(candidate: &Candidate<'_>) -> bool {
    let Candidate {
        seq: _,
        head,
        brings: _,
        invalid,
        rolled_back,
        is_rollback,
        is_adoption,
    } = candidate;
    let left_out = *invalid || *rolled_back || *is_rollback || *is_adoption;
    !(left_out || head.paths.is_empty())
}
