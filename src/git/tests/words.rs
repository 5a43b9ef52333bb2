//! Which commits a message says it reverts, with messages of the real git.

use std::collections::BTreeMap;

use super::support::Site;
use crate::domain::CommitId;
use crate::git::reverted_commits;
use crate::plan::{Candidate, Claims, Message, Revision, Seq, claims, name};
use crate::ports::Source as _;

const A: &str = "0123456789abcdef0123456789abcdef01234567";
const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

#[test]
fn finds_what_a_message_names() {
    let b7 = &B[..7];
    let table: &[(&str, String, &[&str])] = &[
        (
            "plain",
            format!("Revert \"x\"\n\nThis reverts commit {A}.\n"),
            &[A],
        ),
        (
            "merge, wrapped",
            format!("Revert \"x\"\n\nThis reverts commit {A}, reversing\nchanges made to {B}.\n"),
            &[A],
        ),
        (
            "wrapped elsewhere",
            format!("x\n\nThis reverts\ncommit\n{A}."),
            &[A],
        ),
        (
            "flattened",
            format!("Revert \"x\" This reverts commit {A}."),
            &[A],
        ),
        (
            "reference",
            format!("why\n\nThis reverts commit {b7} (x, 2026-11-20).\n"),
            &[b7],
        ),
        (
            "CRLF",
            format!("x\r\n\r\nThis reverts commit {A}.\r\n"),
            &[A],
        ),
        (
            "several, each once",
            format!(
                "x\n\nThis reverts commit {B}.\n\nThis reverts commit {A}.\nThis reverts commit {B}."
            ),
            &[B, A],
        ),
        (
            "upper case",
            format!("x\n\nThis reverts commit {}.", A.to_uppercase()),
            &[A],
        ),
        (
            "with a reason after it",
            format!("x\n\nThis reverts commit {A} because of a typo."),
            &[A],
        ),
        ("subject alone", format!("This reverts commit {A}"), &[A]),
        (
            "quoted in the subject",
            format!("Revert \"This reverts commit {A}.\"\n\nThis reverts commit {B}."),
            &[B],
        ),
        (
            "indented",
            format!(
                "Squashed commit of the following:\n\n    This reverts commit {A}.\n\tThis reverts commit {B}."
            ),
            &[],
        ),
        (
            "quoted mail",
            format!("x\n\n> This reverts commit {A}."),
            &[],
        ),
        (
            "in quotation marks",
            format!("x\n\nIt said \"This reverts commit {A}.\""),
            &[],
        ),
        (
            "no id",
            "x\n\nThis reverts commit of Monday.".to_owned(),
            &[],
        ),
        (
            "a forge's words",
            "Revert \"x\"\n\nReverts owner/shop#12".to_owned(),
            &[],
        ),
        ("trailer", format!("x\n\nReverts: {A}\n"), &[A]),
        (
            "trailer of any case",
            format!("x\n\nbody\n\nreverts: {b7}\nSigned-off-by: A <a@b>\n"),
            &[b7],
        ),
        (
            "several trailers",
            format!("x\n\nReverts: {B}\nReverts: {A}\n"),
            &[B, A],
        ),
        ("several ids", format!("x\n\nReverts: {B},{A}\n"), &[B, A]),
        (
            "continued",
            format!("x\n\nReverts: {B},\n  {A}\nAcked-by: Ada\n  {b7}"),
            &[B, A],
        ),
        (
            "with a reference",
            format!("x\n\nReverts: {b7} (added, deed, 2026-11-20)"),
            &[b7],
        ),
        (
            "trailers in two paragraphs",
            format!("x\n\nReverts: {A}\n\nCo-authored-by: B <b@c>\n\n"),
            &[A],
        ),
        (
            "trailer among git's own",
            format!("x\n\nsome words\nSigned-off-by: A <a@b>\nReverts: {A}"),
            &[A],
        ),
        (
            "in the middle",
            format!("x\n\nReverts: {A}\n\nand then prose\n"),
            &[],
        ),
        ("below prose", format!("x\n\nprose\nReverts: {A}\n"), &[]),
        (
            "body, then trailer",
            format!("x\n\nThis reverts commit {B}.\n\nReverts: {A}"),
            &[B, A],
        ),
        ("another trailer", format!("x\n\nFixes: {A}\n"), &[]),
        ("empty", String::new(), &[]),
    ];
    for (name, message, expected) in table {
        assert_eq!(&reverted_commits(message), expected, "{name}");
    }
}

#[test]
fn understands_the_reverts_of_git_itself() {
    let site = Site::new();
    site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    let named = |site: &Site| reverted_commits(&site.git(&["log", "-1", "--format=%B"]));
    site.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(named(&site), [two.to_string()]);
    assert_eq!(claimed(&site), (two.to_string(), "two".to_owned(), true));
    let revert = site.head();
    site.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(named(&site), [revert.to_string()]);
    let subject = "Revert \"two\"".to_owned();
    assert_eq!(claimed(&site), (revert.to_string(), subject, false));
    let again = site.head();
    site.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(named(&site), [again.to_string()]);
    let (id, subject, says) = claimed(&site);
    assert_eq!((id, says), (again.to_string(), true));
    // `Reapply "two"`, or `Revert "Revert "two""` before 2.43
    let title = site.git(&["log", "-1", "--format=%s", again.as_str()]);
    assert_eq!(subject, title);
    let reverted = site.head();
    site.git(&["revert", "--no-edit", "--reference", "HEAD"]);
    let [short] = named(&site).try_into().unwrap();
    assert!(reverted.as_str().starts_with(&short) && short.len() < 40);
    let message = site.git(&["log", "-1", "--format=%B"]);
    let claims = claims(&message);
    assert_eq!(claims.ids, [short]);
    assert!(claims.says_revert, "{message}");
}

/// The id and the subject that the newest commit claims to revert, and whether it says so.
fn claimed(site: &Site) -> (String, String, bool) {
    let message = site.git(&["log", "-1", "--format=%B"]);
    let Claims {
        ids,
        subjects,
        numbers,
        says_revert,
    } = claims(&message);
    assert_eq!(numbers, []);
    (ids.join(" "), subjects.join(" "), says_revert)
}

#[test]
fn understands_reverts_of_merges() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.git(&["checkout", "-q", "-b", "topic"]);
    site.commit("b", "1", "topic \"quoted\"");
    site.git(&["checkout", "-q", "main"]);
    site.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    let merge = site.head();
    site.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    let message = site.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("reversing"), "{message}");
    assert_eq!(reverted_commits(&message), [merge.to_string()]);
    assert_eq!(claims(&message).ids, [merge.to_string()]);
    assert_eq!(claims(&message).subjects, ["merge"]);
    site.git(&["reset", "-q", "--hard", merge.as_str()]);
    site.git(&["revert", "--no-edit", "--reference", "-m", "1", "HEAD"]);
    let [short] = reverted_commits(&site.git(&["log", "-1", "--format=%B"]))
        .try_into()
        .unwrap();
    assert!(merge.as_str().starts_with(&short));
}

#[test]
fn a_squash_merge_reverts_nothing_that_it_quotes() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.git(&["checkout", "-q", "-b", "topic"]);
    site.commit("a", "2", "two");
    site.git(&["revert", "--no-edit", "HEAD"]);
    site.commit("b", "1", "more");
    site.git(&["checkout", "-q", "main"]);
    site.git(&["merge", "-q", "--squash", "topic"]);
    site.git(&["commit", "-q", "--no-edit"]);
    let message = site.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("This reverts commit"), "{message}");
    assert_eq!(reverted_commits(&message), [""; 0]);
    assert_eq!(claims(&message), Claims::default());
}

/// A commit as the core hands it over, without a change.
fn message(info: &crate::ports::CommitInfo, own: bool) -> Message {
    Message {
        commit: info.id.clone(),
        own,
        text: info.message.clone(),
    }
}

#[test]
fn a_revert_that_arrives_as_a_merged_pull_request_names_its_release() {
    let site = Site::new();
    let footer = site.commit("footer", "1", "Footer");
    site.git(&["checkout", "-q", "-b", "bf"]);
    let hero = site.commit("hero", "1", "Hero");
    site.git(&["checkout", "-q", "main"]);
    site.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #12 from a/bf",
        "bf",
    ]);
    let campaign = site.head();
    site.git(&["checkout", "-q", "-b", "revert-12-bf"]);
    site.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    site.commit("other", "1", "Something else beside it");
    site.git(&["checkout", "-q", "main"]);
    site.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #13 from a/r",
        "revert-12-bf",
    ]);
    let source = site.in_place("work");
    let revision = |commit: &CommitId| {
        let info = source.commit(commit).unwrap();
        Revision::new(commit.clone(), &info.message, None, BTreeMap::new())
    };
    let [first, second, brought] = [&footer, &campaign, &hero].map(revision);
    let release = |seq: u64, head, brings| Candidate {
        seq: Seq(seq),
        head,
        brings,
        invalid: false,
        rolled_back: false,
        is_rollback: false,
        is_adoption: false,
    };
    let brought = [brought];
    let candidates = [release(1, &first, &[]), release(2, &second, &brought)];
    let named = |tip: &CommitId| {
        let brought = source
            .brought_in(tip, std::slice::from_ref(&campaign))
            .unwrap();
        let own = message(&source.commit(tip).unwrap(), true);
        let brought = brought.iter().map(|info| message(info, false));
        let messages: Vec<Message> = std::iter::once(own).chain(brought).collect();
        let resolve = |id: &str| source.resolve_id(id).unwrap();
        let paths = BTreeMap::new();
        name(&messages, &candidates, &resolve, &|_| None, None, &paths)
    };
    let naming = named(&site.head());
    assert_eq!(naming.named.len(), 1);
    assert!(naming.named[0].release == Seq(2) && naming.named[0].commits.is_empty());
    assert!(!naming.named[0].own);
    // one commit of it alone
    site.git(&["reset", "-q", "--hard", campaign.as_str()]);
    site.git(&["revert", "--no-edit", hero.as_str()]);
    let naming = named(&site.head());
    assert_eq!(naming.named[0].commits, [hero].into());
    assert!(naming.named[0].own);
}
