//! Histories of a few releases, and what a commit after them names.

use super::*;
use crate::plan::inverse::{Inverse, inverse_of};

/// A commit id whose digits repeat: `id(0x1a)` is `1a1a1a…`.
fn id(number: u8) -> CommitId {
    CommitId::new(format!("{number:02x}").repeat(20)).unwrap()
}

fn change(before: &str, after: &str) -> PathChange {
    let content = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PathChange {
        before: content(before),
        after: content(after),
    }
}

/// `path: before after`; nothing is no such path.
fn paths(changes: &[(&str, &str, &str)]) -> BTreeMap<String, PathChange> {
    let changes = changes.iter();
    changes
        .map(|(path, before, after)| ((*path).to_owned(), change(before, after)))
        .collect()
}

fn revision(number: u8, message: &str, changes: &[(&str, &str, &str)]) -> Revision {
    let digest = (!changes.is_empty()).then(|| ChangeId::new(format!("{changes:?}")));
    Revision::new(id(number), message, digest, paths(changes))
}

/// A release with its own revisions.
struct Release {
    seq: Seq,
    head: Revision,
    brings: Vec<Revision>,
    invalid: bool,
    rolled_back: bool,
    is_rollback: bool,
    is_adoption: bool,
}

impl Release {
    fn as_candidate(&self) -> Candidate<'_> {
        Candidate {
            seq: self.seq,
            head: &self.head,
            brings: &self.brings,
            invalid: self.invalid,
            rolled_back: self.rolled_back,
            is_rollback: self.is_rollback,
            is_adoption: self.is_adoption,
        }
    }
}

/// The releases before a commit, and what else is in the repository.
#[derive(Default)]
struct History {
    releases: Vec<Release>,
    others: BTreeMap<CommitId, Option<ChangeId>>,
    repository: Option<&'static str>,
}

impl History {
    /// A release of the commit `id(number)`; its place is its number, too.
    fn release(
        &mut self,
        number: u8,
        message: &str,
        changes: &[(&str, &str, &str)],
    ) -> &mut Release {
        self.releases.push(Release {
            seq: Seq(number.into()),
            head: revision(number, message, changes),
            brings: Vec::new(),
            invalid: false,
            rolled_back: false,
            is_rollback: false,
            is_adoption: false,
        });
        self.releases.last_mut().unwrap()
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        self.releases.iter().map(Release::as_candidate).collect()
    }

    /// A commit that made no release.
    fn other(&mut self, number: u8, changes: &[(&str, &str, &str)]) {
        self.others
            .insert(id(number), revision(number, "", changes).change);
    }

    /// Names for a commit: its own message first, then those of the commits that it brings in.
    fn named(&self, messages: &[(u8, &str)], changes: &[(&str, &str, &str)]) -> Naming {
        let messages: Vec<Message> = messages
            .iter()
            .enumerate()
            .map(|(at, (number, text))| Message {
                commit: id(*number),
                own: at == 0,
                text: (*text).to_owned(),
            })
            .collect();
        let brought = self.releases.iter().flat_map(|release| &release.brings);
        let heads = self.releases.iter().map(|release| &release.head);
        let known: BTreeSet<&CommitId> = heads
            .chain(brought)
            .map(|revision| &revision.commit)
            .chain(self.others.keys())
            .chain(messages.iter().map(|message| &message.commit))
            .collect();
        let resolve = |start: &str| {
            let mut fitting = known.iter().filter(|id| id.as_str().starts_with(start));
            let first = fitting.next()?;
            fitting.next().is_none().then(|| (*first).clone())
        };
        let change_of = |commit: &CommitId| self.others.get(commit).cloned().flatten();
        name(
            &messages,
            &self.candidates(),
            &resolve,
            &change_of,
            self.repository.map(|name| (name, true)),
            &paths(changes),
        )
    }

    /// The same in one line: releases (`3`, or `3[1a]` where a part is meant), `~` rollbacks, `=` what is
    /// rolled back, `?` what is unknown, `!` where the words leave it to the trees.
    fn read(&self, messages: &[(u8, &str)], changes: &[(&str, &str, &str)]) -> String {
        summary(&self.named(messages, changes))
    }

    /// The same of a commit that brings nothing in.
    fn own(&self, message: &str, changes: &[(&str, &str, &str)]) -> String {
        self.read(&[(0xff, message)], changes)
    }
}

fn summary(naming: &Naming) -> String {
    let mut words = Vec::new();
    for named in &naming.named {
        let commits: Vec<&str> = named.commits.iter().map(|id| &id.as_str()[..2]).collect();
        words.push(match commits.is_empty() {
            true => named.release.0.to_string(),
            false => format!("{}[{}]", named.release.0, commits.join(",")),
        });
    }
    words.extend(naming.rollbacks.iter().map(|seq| format!("~{}", seq.0)));
    words.extend(naming.rolled_back.iter().map(|seq| format!("={}", seq.0)));
    words.extend(naming.unknown.iter().map(|unknown| match &unknown.claim {
        Claim::Id(_, Some(commit)) => format!("?({})", &commit.as_str()[..2]),
        claim => format!("?{claim}"),
    }));
    words.extend(naming.says_revert.then(|| "!".to_owned()));
    words.join(" ")
}

/// `This reverts commit …` of `id(number)`.
fn reverts(number: u8) -> String {
    format!("This reverts commit {}.", id(number))
}

/// A release that adds a file of its own.
const BF: &[(&str, &str, &str)] = &[("bf.yaml", "", "v1")];
/// Its inverse.
const BF_OUT: &[(&str, &str, &str)] = &[("bf.yaml", "v1", "")];

#[test]
fn a_release_by_its_commit() {
    let mut history = History::default();
    history.release(1, "Footer", &[("footer.yaml", "", "v1")]);
    history.release(2, "Black Friday", BF);
    assert_eq!(history.own("Undo", BF_OUT), "");
    assert_eq!(history.own(&reverts(2), BF_OUT), "2");
    assert_eq!(history.own("Undo\n\nReverts: 0202", BF_OUT), "2");
    assert_eq!(
        history.own("Undo\n\nReverts: 0101010, 0202020", BF_OUT),
        "2 1"
    );
    // whatever the commit changes
    assert_eq!(history.own(&reverts(2), &[]), "2");
    let naming = history.named(&[(9, &reverts(2))], &[]);
    assert!(naming.named[0].own && naming.named[0].by == id(9) && !naming.is_undecided());
}

#[test]
fn what_does_not_exist_is_unknown() {
    let mut history = History::default();
    history.release(1, "Black Friday", BF);
    history.other(7, &[]);
    assert_eq!(
        history.own("x\n\nReverts: deadbeef12", BF_OUT),
        "?deadbeef12 !"
    );
    // one that made no release exists
    assert_eq!(history.own(&reverts(7), BF_OUT), "?(07) !");
    // and one of several that does
    let both = format!("{}\n{}", reverts(1), reverts(8));
    assert_eq!(history.own(&both, BF_OUT), format!("1 ?{}", id(8)));
    assert_eq!(
        history.own("Revert \"Cyber Monday\"", BF_OUT),
        "?\"Cyber Monday\" !"
    );
    assert_eq!(history.own("x\n\nReverts #99", BF_OUT), "?#99 !");
    assert_eq!(history.own("Revert the whole campaign", BF_OUT), "!");
    let naming = history.named(&[(9, "merge"), (8, "x\n\nReverts: deadbeef12")], &[]);
    assert!(!naming.unknown[0].own && naming.unknown[0].by == id(8) && naming.is_undecided());
}

#[test]
fn a_release_that_the_repository_has_no_more() {
    let mut history = History::default();
    history.release(0x1a, "Black Friday", BF);
    history.release(0x1b, "Other", &[("o.yaml", "", "v1")]);
    let text = format!("x\n\nReverts: {}, 1a1a1a1, 1a1a", id(0x1a));
    let message = Message {
        commit: id(9),
        own: true,
        text,
    };
    let naming = name(
        std::slice::from_ref(&message),
        &history.candidates(),
        &|_| None,
        &|_| None,
        None,
        &paths(BF_OUT),
    );
    // four digits are too few to be looked for among the releases alone; the list ends there
    assert_eq!(summary(&naming), "26");
}

#[test]
fn a_commit_that_a_release_brought_in() {
    let mut history = History::default();
    history.release(1, "Footer", &[("footer.yaml", "", "v1")]);
    let merge = history.release(2, "Merge pull request #12 from agency/bf\n\nCampaign", &[]);
    merge.brings = vec![
        revision(0x22, "Hero", &[("hero.yaml", "v1", "v2")]),
        revision(0x21, "Banner", &[("banner.yaml", "", "v1")]),
    ];
    assert_eq!(history.own(&reverts(0x21), &[]), "2[21]");
    let both = format!("{}\n{}", reverts(0x21), reverts(0x22));
    assert_eq!(history.own(&both, &[]), "2[21,22]");
    // the whole, before or after a part
    let part_and_whole = format!("{}\n{}", reverts(0x21), reverts(2));
    assert_eq!(history.own(&part_and_whole, &[]), "2");
    let whole_and_part = format!("{}\n{}", reverts(2), reverts(0x21));
    assert_eq!(history.own(&whole_and_part, &[]), "2");
    // by its subject, which is no title of the release
    assert_eq!(history.own("Revert \"Banner\"", &[]), "2[21]");
    assert_eq!(history.own("Revert \"Campaign\"", &[]), "2");
    assert_eq!(history.own("Undo\n\nReverts #12", &[]), "2");
}

#[test]
fn a_commit_with_the_same_change() {
    let mut history = History::default();
    history.release(1, "Black Friday (#12)", BF);
    history.release(2, "Other", &[("o.yaml", "", "v1")]);
    // the commit of the branch that was squashed, rebased or picked
    history.other(0x31, BF);
    history.other(0x32, &[("bf.yaml", "", "v2")]);
    history.other(0x33, &[]);
    assert_eq!(history.own(&reverts(0x31), BF_OUT), "1");
    assert_eq!(history.own(&reverts(0x32), BF_OUT), "?(32) !");
    assert_eq!(history.own(&reverts(0x33), BF_OUT), "?(33) !");
    // a part of a merge
    history.release(3, "Merge branch 'x'", &[]).brings =
        vec![revision(0x41, "x", &[("x.yaml", "", "v1")])];
    history.other(0x42, &[("x.yaml", "", "v1")]);
    assert_eq!(history.own(&reverts(0x42), &[]), "3[41]");
}

#[test]
fn of_a_release_that_is_rolled_back_the_newest_with_the_same_change() {
    let mut history = History::default();
    history.release(1, "Black Friday", BF).rolled_back = true;
    history
        .release(2, "Revert \"Black Friday\"", BF_OUT)
        .is_rollback = true;
    assert_eq!(history.own(&reverts(1), BF_OUT), "=1");
    assert!(!history.named(&[(9, &reverts(1))], &[]).is_undecided());
    history.release(3, "Reapply \"Black Friday\"", BF);
    assert_eq!(history.own(&reverts(1), BF_OUT), "3");
    assert_eq!(history.own("Revert \"Black Friday\"", BF_OUT), "3");
    history.release(4, "And again", BF);
    assert_eq!(history.own(&reverts(1), BF_OUT), "4");
    history.releases[3].rolled_back = true;
    assert_eq!(history.own(&reverts(1), BF_OUT), "3");
    // one that is live is meant itself
    assert_eq!(history.own(&reverts(3), BF_OUT), "3");
    // a part of a release that was rolled back, brought in by another one
    history.releases[2].rolled_back = true;
    history.release(5, "Merge branch 'bf'", BF).brings = vec![revision(0x51, "Bf", BF)];
    assert_eq!(history.own(&reverts(1), BF_OUT), "5[51]");
}

#[test]
fn several_releases_of_one_commit() {
    // A branch that was moved back and forward again makes a second release of the same commit.
    let mut history = History::default();
    history.release(1, "Black Friday", BF).rolled_back = true;
    history.release(1, "Black Friday", BF).seq = Seq(5);
    assert_eq!(history.own(&reverts(1), BF_OUT), "5");
}

#[test]
fn reverting_a_revert_names_nothing_to_take_back() {
    let mut history = History::default();
    history.release(1, "Black Friday (#12)", BF).rolled_back = true;
    let rollback = history.release(
        2,
        "Merge pull request #13 from x\n\nRevert \"Black Friday\"",
        BF_OUT,
    );
    rollback.is_rollback = true;
    rollback.brings = vec![revision(
        0x21,
        &format!("Revert \"Black Friday\"\n\n{}", reverts(1)),
        BF_OUT,
    )];
    for message in [
        &format!("Reapply \"Black Friday\"\n\n{}", reverts(2)),
        &format!("Revert \"Revert \"Black Friday\"\"\n\n{}", reverts(0x21)),
        "Reapply \"Black Friday\"",
        "Revert \"Revert \"Black Friday\"\" (#14)\n\nReverts #13",
    ] {
        assert_eq!(history.own(message, BF), "~2", "{message}");
        assert!(!history.named(&[(9, message)], BF).is_undecided());
    }
    // One that deploys something beside it is a release like any other, its revert is not.
    history.releases[1].is_rollback = false;
    assert_eq!(history.own(&reverts(2), BF), "2");
    assert_eq!(history.own(&reverts(0x21), BF), "~2");
}

#[test]
fn a_revert_that_is_merged_as_a_pull_request() {
    let mut history = History::default();
    history.release(
        1,
        "Merge pull request #12 from example/bf\n\nBlack Friday hero",
        BF,
    );
    let merge = "Merge pull request #13 from example/revert-12\n\nRevert \"Black Friday hero\"";
    let revert = format!(
        "Revert \"Merge pull request #12 from example/bf\"\n\n{}",
        reverts(1)
    );
    let naming = history.named(&[(3, merge), (2, &revert)], BF_OUT);
    assert_eq!(summary(&naming), "1");
    assert!(naming.named[0].own);
    let naming = history.named(&[(3, "Merge branch 'x'"), (2, &revert)], BF_OUT);
    assert_eq!(summary(&naming), "1");
    assert!(!naming.named[0].own && naming.named[0].by == id(2));
}

#[test]
fn what_a_pull_request_takes_back_itself_does_not_count() {
    let mut history = History::default();
    history.release(1, "Black Friday", BF);
    let (merge, revert) = ((9, "Merge branch 'x'"), reverts(1));
    // a revert and its re-apply, with another commit between them
    let again = reverts(3);
    let branch = [
        merge,
        (5, again.as_str()),
        (4, "Typo"),
        (3, revert.as_str()),
    ];
    assert_eq!(history.read(&branch, &[]), "");
    // and the revert again
    let reapply_undone = reverts(5);
    let branch = [merge, (6, &reapply_undone), (5, &again), (3, &revert)];
    assert_eq!(history.read(&branch, BF_OUT), "1");
    // and another one, of the release itself
    let branch = [merge, (6, &revert), (5, &again), (3, &revert)];
    assert_eq!(history.read(&branch, BF_OUT), "1");
    // what is only undone within the branch was never released
    let branch = [merge, (4, &again), (3, "New banner")];
    assert_eq!(history.read(&branch, &[]), "");
    assert!(history.named(&branch, &[]).is_undecided());
}

#[test]
fn an_invalid_commit_belongs_to_the_next_valid_release() {
    let mut history = History::default();
    history.release(1, "Footer", &[("footer.yaml", "", "v1")]);
    history.release(2, "Broken", BF).invalid = true;
    let own = [(3, reverts(2)), (2, "Broken".to_owned())];
    let own: Vec<(u8, &str)> = own.iter().map(|(n, text)| (*n, text.as_str())).collect();
    // reverted before a valid one came
    assert_eq!(history.read(&own, &[]), "2");
    history.releases[1].rolled_back = true;
    assert_eq!(history.read(&own, &[]), "=2");
    history.releases[1].rolled_back = false;
    history.release(3, "Broken still", &[]).invalid = true;
    history.release(4, "Repaired", BF).brings =
        vec![revision(3, "Broken still", &[]), revision(2, "Broken", BF)];
    history.release(5, "Other", &[("o.yaml", "", "v1")]);
    assert_eq!(history.own(&reverts(2), BF_OUT), "4[02]");
    assert_eq!(history.own("Revert \"Broken\"", BF_OUT), "4[02]");
    assert_eq!(history.own(&reverts(4), BF_OUT), "4");
    // the one that reverted it was a rollback without changes
    history.releases[3].is_rollback = true;
    assert_eq!(history.own(&reverts(2), BF_OUT), "~4");
}

#[test]
fn a_revert_in_an_invalid_commit_counts_with_the_next_valid_one() {
    let mut history = History::default();
    history.release(1, "Black Friday", BF);
    history.release(2, "Revert", &[]).invalid = true;
    assert_eq!(
        history.read(&[(3, "Repair"), (2, &reverts(1))], BF_OUT),
        "1"
    );
}

#[test]
fn ids_before_subjects_and_numbers() {
    let mut history = History::default();
    history.release(1, "Black Friday (#12)", BF);
    history.release(2, "Cyber Monday (#13)", &[("cm.yaml", "", "v1")]);
    let message = format!(
        "Revert \"Black Friday (#12)\"\n\n{}\n\nReverts #12",
        reverts(2)
    );
    assert_eq!(history.own(&message, BF_OUT), "2");
    // an id that names nothing leaves it to them, and is told
    let message = format!("Revert \"Black Friday (#12)\"\n\n{}", reverts(8));
    assert_eq!(history.own(&message, BF_OUT), format!("1 ?{}", id(8)));
    // a pull request whose title names nothing
    let messages = [
        (9, "Merge branch 'x'\n\nRevert \"Nothing\""),
        (8, &reverts(1)),
    ];
    assert_eq!(history.read(&messages, BF_OUT), "1 !");
    // each message for itself
    let messages = [
        (9, "Revert \"Black Friday\""),
        (8, &reverts(2)),
        (7, "Nothing of that kind"),
    ];
    assert_eq!(history.read(&messages, BF_OUT), "2 1");
}

#[test]
fn subjects() {
    let mut history = History::default();
    history.release(1, "feat(cms): black friday hero (#12)", BF);
    for message in [
        "Revert \"feat(cms): black friday hero (#12)\" (#13)",
        "Revert \"feat(cms): black friday hero\"",
        "revert: feat(cms): black friday hero",
        // the number is that of the squashed pull request
        "revert: feat(cms): black friday hero (#13)",
        "revert: feat(cms): black friday hero (#12) (#13)",
        "revert(cms): black friday hero",
        "revert(cms): black friday hero (#13)",
        "Revert \"feat(cms): black friday hero (pull request #12)\"",
    ] {
        assert_eq!(history.own(message, BF_OUT), "1", "{message}");
    }
    for message in [
        "Revert \"feat(cms): black friday hero (#11)\"",
        "Revert \"Black Friday hero\"",
        "Revert \"feat(cms): black friday\"",
    ] {
        let naming = history.named(&[(9, message)], BF_OUT);
        assert!(naming.named.is_empty() && naming.says_revert, "{message}");
    }
}

#[test]
fn of_several_the_newest_of_which_a_path_gets_its_earlier_content_back() {
    let mut history = History::default();
    history.release(1, "Update hero", &[("hero.yaml", "v1", "v2")]);
    history.release(
        2,
        "Update hero",
        &[("hero.yaml", "v2", "v3"), ("b.yaml", "", "v1")],
    );
    history.release(3, "Update hero", &[("footer.yaml", "v1", "v2")]);
    let message = "Revert \"Update hero\"";
    assert_eq!(history.own(message, &[("hero.yaml", "v3", "v2")]), "2");
    assert_eq!(history.own(message, &[("b.yaml", "v1", "")]), "2");
    assert_eq!(history.own(message, &[("hero.yaml", "v3", "v1")]), "1");
    assert_eq!(
        history.own(
            message,
            &[("hero.yaml", "v3", "v1"), ("footer.yaml", "v2", "v1")]
        ),
        "3"
    );
    // nothing changes there, or nothing that was
    assert_eq!(
        history.own(message, &[("hero.yaml", "v2", "v2")]),
        "?\"Update hero\" !"
    );
    assert_eq!(
        history.own(message, &[("hero.yaml", "v3", "v9")]),
        "?\"Update hero\" !"
    );
    assert_eq!(history.own(message, &[]), "?\"Update hero\" !");
    history.releases[1].rolled_back = true;
    assert_eq!(history.own(message, &[("hero.yaml", "v2", "v1")]), "1");
    // one alone is meant whatever the commit changes
    history.releases.truncate(1);
    assert_eq!(history.own(message, &[]), "1");
}

#[test]
fn of_several_brought_in_by_their_own_paths() {
    let mut history = History::default();
    history
        .release(1, "Merge branch 'a'", &[("hero.yaml", "v1", "v3")])
        .brings = vec![
        revision(0x12, "Typo", &[("hero.yaml", "v2", "v3")]),
        revision(0x11, "Hero", &[("hero.yaml", "v1", "v2")]),
    ];
    history
        .release(2, "Merge branch 'b'", &[("b.yaml", "v1", "v2")])
        .brings = vec![revision(0x21, "Typo", &[])];
    assert_eq!(
        history.own("Revert \"Typo\"", &[("hero.yaml", "v3", "v2")]),
        "1[12]"
    );
    assert_eq!(
        history.own("Revert \"Typo\"", &[("b.yaml", "v2", "v1")]),
        "2[21]"
    );
}

#[test]
fn numbers_of_this_repository_only() {
    let mut history = History::default();
    history.release(1, "Black Friday (#12)", BF);
    history.release(
        2,
        "Merge branch 'cm' into 'main'\n\nSee merge request shop/content!13",
        &[],
    );
    let foreign = "Undo\n\nReverts agency/other#12";
    let spelled = "Undo\n\nReverts Shop/Content#12";
    assert_eq!(history.own("Undo\n\nReverts #12", BF_OUT), "1");
    assert_eq!(history.own(spelled, BF_OUT), "?Shop/Content#12 !");
    // what the release's own message spells out is known all the same
    assert_eq!(
        history.own("x\n\nThis reverts merge request shop/content!13", &[]),
        "2"
    );
    assert_eq!(history.own("x\n\nThis reverts merge request !13", &[]), "2");
    history.repository = Some("shop/content");
    assert_eq!(history.own(spelled, BF_OUT), "1");
    assert_eq!(history.own(foreign, BF_OUT), "?agency/other#12 !");
    assert_eq!(history.own("x\n\nThis reverts merge request !13", &[]), "2");
    history.repository = Some("fork/content");
    assert_eq!(
        history.own("x\n\nThis reverts merge request !13", &[]),
        "?#13 !"
    );
}

#[test]
fn a_number_decides_between_releases_of_one_subject() {
    let mut history = History::default();
    let merge = |number| {
        format!("Merge branch 'bf' into 'main'\n\nSee merge request shop/content!{number}")
    };
    history.release(1, &merge(12), &[("a.yaml", "", "v1")]);
    history.release(2, &merge(13), &[("b.yaml", "", "v1")]);
    let message = "Revert \"Merge branch 'bf' into 'main'\"\n\nThis reverts merge request !12";
    assert_eq!(history.own(message, &[("a.yaml", "v1", "")]), "1");
}

#[test]
fn adopted_commits_are_parts_of_the_adoption() {
    let mut history = History::default();
    let adoption = history.release(5, "Newest", &[]);
    adoption.is_adoption = true;
    adoption.brings = vec![revision(4, "Black Friday", BF), revision(3, "Footer", &[])];
    assert_eq!(history.own(&reverts(4), BF_OUT), "5[04]");
    assert_eq!(history.own("Revert \"Black Friday\"", BF_OUT), "5[04]");
    assert_eq!(history.own(&reverts(5), &[]), "5");
}

#[test]
fn the_exact_inverse() {
    let mut history = History::default();
    history.release(1, "Hero", &[("hero.yaml", "v1", "v2")]);
    history.release(2, "Footer", &[("footer.yaml", "v1", "v2")]);
    history.release(
        3,
        "Both",
        &[("hero.yaml", "v2", "v3"), ("bf.yaml", "", "v1")],
    );
    history.release(4, "Other", &[("o.yaml", "", "v1")]);
    let of = |history: &History, changes: &[(&str, &str, &str)]| match inverse_of(
        &history.candidates(),
        &paths(changes),
    ) {
        Inverse::Of(seqs) => format!("{:?}", seqs.iter().map(|seq| seq.0).collect::<Vec<_>>()),
        Inverse::OnlyDeletes(seqs) => {
            format!("-{:?}", seqs.iter().map(|seq| seq.0).collect::<Vec<_>>())
        }
        Inverse::None => String::new(),
    };
    let three = &[("hero.yaml", "v3", "v2"), ("bf.yaml", "v1", "")];
    assert_eq!(of(&history, three), "[3]");
    let three_and_one = &[("hero.yaml", "v3", "v1"), ("bf.yaml", "v1", "")];
    assert_eq!(of(&history, three_and_one), "[3, 1]");
    assert_eq!(of(&history, &[("footer.yaml", "v2", "v1")]), "[2]");
    assert_eq!(of(&history, &[("o.yaml", "v1", "")]), "-[4]");
    for not_exactly in [
        &[][..],
        &[("hero.yaml", "v3", "v2")],
        &[("hero.yaml", "v3", "v3")],
        &[("hero.yaml", "v3", "v2"), ("bf.yaml", "v1", "v2")],
        &[("footer.yaml", "v2", "v1"), ("new.yaml", "", "v1")],
        &[("footer.yaml", "v2", "v0")],
    ] {
        assert_eq!(of(&history, not_exactly), "", "{not_exactly:?}");
    }
    let excluded: [fn(&mut Release); 4] = [
        |release| release.rolled_back = true,
        |release| release.invalid = true,
        |release| release.is_rollback = true,
        |release| release.is_adoption = true,
    ];
    for exclude in excluded {
        let mut history = History::default();
        exclude(history.release(1, "Footer", &[("footer.yaml", "v1", "v2")]));
        assert_eq!(of(&history, &[("footer.yaml", "v2", "v1")]), "");
    }
}
