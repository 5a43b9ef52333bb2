//! Branches that turn round, move back, are rewritten; ledgers that vanish; stores that are others.

use serde_json::json;

use crate::shop::Shop;
use crate::world::{Options, World, title};

#[test]
fn a_pull_that_turns_the_first_parent_line_round_is_one_release() {
    let w = World::new();
    let before = w.shop.dump();
    let base = w.repo.head();
    // Somebody else's two commits are on the branch and handled.
    let theirs = w.repo.release("a", &title("home-hero", "Theirs"), "Theirs");
    w.reconcile().converged();
    // Our own work began before them; `git pull` merges theirs into it.
    w.repo.git(&["checkout", "-q", "-b", "ours", &base]);
    let first = w.repo.prepare("b", &title("old-hero", "First"), "First");
    let second = w
        .repo
        .prepare("c", &title("footer-links", "Second"), "Second");
    w.repo.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge branch 'main'",
        "main",
    ]);
    let merge = w.repo.head();
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "old-hero", "all", "title"),
        "First"
    );
    assert_eq!(w.stands(&merge), "deploy live");
    assert_eq!(w.find_release(&first), None);
    assert_eq!(w.find_release(&second), None);
    assert_eq!(w.releases().len(), 2);
    // Each of them can be reverted all the same.
    w.repo.revert(&first);
    w.reconcile().converged();
    assert_eq!(
        w.shop.dump()["cms_block"]["old-hero"],
        before["cms_block"]["old-hero"]
    );
    assert_eq!(
        w.shop.field("cms_block", "footer-links", "all", "title"),
        "Second"
    );
    w.repo.revert(&theirs);
    w.repo.revert(&second);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_list_shows_as_many_as_are_asked_for_and_says_how_many_it_leaves_out() {
    let w = World::new();
    for number in 1..=3 {
        let title = title("home-hero", &format!("Title {number}"));
        w.repo.release("hero", &title, &format!("Title {number}"));
    }
    let newest = w.repo.head();
    w.reconcile().converged();
    w.repo.revert(&newest);
    w.reconcile().converged();
    let all = w.releases();
    assert_eq!(all.len(), 4);
    let list = |options: &[&str]| {
        let run = w.run(&[&["releases"], options].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let json = |options: &[&str]| {
        let list = list(&[&["--format", "json"], options].concat());
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list["releases"].as_array().unwrap().clone()
    };
    // What the newest takes back is named although it is not listed.
    assert_eq!(json(&["--limit", "1"]), all[..1]);
    assert_eq!(all[0]["reverts"], json!([newest]));
    assert_eq!(json(&["--limit", "3"]), all[..3]);
    assert_eq!(json(&["--limit", "0"]), all);
    assert_eq!(json(&["--since", "1h"]), all);
    assert_eq!(
        json(&["--since", "2100-01-01"]),
        Vec::<serde_json::Value>::new()
    );
    let text = list(&["--limit", "1"]);
    assert!(
        text.contains("3 older releases are not listed; `--limit 0` lists all."),
        "{text}"
    );
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!list(&[]).contains("older"));
}

#[test]
fn a_branch_moved_back_rolls_the_dropped_releases_back() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        w.repo.release("a", &title("home-hero", "Kept"), "Kept");
        w.reconcile().converged();
        let kept = w.repo.head();
        let before = w.shop.dump();
        let one = w.repo.release("a", &title("home-hero", "One"), "One");
        w.reconcile().converged();
        let two = w.repo.release("b", &title("old-hero", "Two"), "Two");
        w.reconcile().converged();
        w.repo.git(&["reset", "-q", "--hard", &kept]);
        w.repo.force_push();
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before);
        assert_eq!(w.stands(&one), "deploy rolled_back");
        assert_eq!(w.stands(&two), "deploy rolled_back");
        let newest = w.releases()[0].clone();
        assert_eq!(newest["kind"], "rollback");
        assert_eq!(newest["reverts"], json!([two, one]));
        assert_eq!(newest["commit"], kept);
        assert_ne!(
            newest["id"], kept,
            "the commit's id belongs to its first release"
        );
        let ledger = w.ledger();
        w.reconcile().converged();
        assert_eq!(w.ledger(), ledger);
    }
}

fn rewritten(settings: &'static str) -> (World, String) {
    let w = World::with(Options {
        settings,
        ..Options::default()
    });
    w.repo.release("a", &title("home-hero", "Kept"), "Kept");
    let kept = w.repo.head();
    let left = w.repo.release("b", &title("old-hero", "Left"), "Left");
    w.reconcile().converged();
    w.repo.git(&["reset", "-q", "--hard", &kept]);
    w.repo
        .release_forced("c", &title("footer-links", "Rewritten"));
    (w, left)
}

impl crate::repo::Repo {
    fn release_forced(&self, name: &str, changes: &str) {
        self.prepare(name, changes, "Rewritten");
        self.force_push();
    }
}

#[test]
fn a_rewritten_branch_stalls_with_the_remedy() {
    let (w, left) = rewritten("");
    let (before, ledger) = (w.shop.dump(), w.ledger());
    let words = ["was rewritten", "history_rewrites: follow", &left[..10]];
    w.reconcile().failed_saying(&words);
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.ledger(), ledger);
}

#[test]
fn a_rewritten_branch_is_followed_where_that_is_configured() {
    let (w, left) = rewritten("history_rewrites: follow");
    w.reconcile().converged();
    assert_eq!(w.stands(&left), "deploy rolled_back");
    assert_eq!(w.stands(&w.repo.head()), "deploy live");
    let title = |key: &str| w.shop.field("cms_block", key, "all", "title");
    assert_eq!(title("old-hero"), "Last year's hero");
    assert_eq!(title("footer-links"), "Rewritten");
    assert_eq!(title("home-hero"), "Kept");
}

#[test]
fn another_store_on_the_same_ledger_stalls_with_both_remedies() {
    let mut w = World::new();
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    let ledger = w.ledger();
    w.shop = Shop::open();
    w.configure("");
    let before = w.shop.dump();
    w.repo.release("b", &title("old-hero", "New"), "Second");
    let words = ["rollback_branch", "--rebootstrap", &w.shop.url.clone()];
    w.reconcile().failed_saying(&words);
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.ledger(), ledger);

    w.reconcile_with(&["--rebootstrap", "deploy"]).converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "New"
    );
    assert_eq!(w.shop.field("cms_block", "old-hero", "all", "title"), "New");
    // From here on it is an ordinary environment, and knows the values of this store.
    w.reconcile().converged();
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Home hero"
    );
}

#[test]
fn nothing_of_before_is_left_on_the_branch_after_beginning_anew() {
    for mode in ["adopt", "deploy"] {
        let w = World::new();
        let long = format!(
            "changes:\n  - {{ kind: cms_block, key: home-hero, fields: {{ content: {} }} }}\n",
            "long ".repeat(400)
        );
        w.repo.release("a", &long, "Long");
        w.reconcile().converged();
        w.repo.release("b", &title("old-hero", "Two"), "Two");
        w.reconcile().converged();
        w.reconcile_with(&["--rebootstrap", mode]).converged();
        w.run(&["ledger", "verify"]).converged();
        w.reconcile().converged();
        w.run(&["retry"]).converged();
        w.run(&["ledger", "verify"]).converged();
    }
}

#[test]
fn another_store_is_taken_over_with_rebootstrap_adopt() {
    let mut w = World::new();
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    w.shop = Shop::open();
    w.configure("");
    let before = w.shop.dump();
    w.reconcile().failed();
    w.reconcile_with(&["--rebootstrap", "adopt"]).converged();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.shop.written(), Vec::<String>::new());
    assert_eq!(w.releases()[0]["kind"], "adopt");
}

#[test]
fn somebody_elses_commit_on_the_rollback_branch_is_told_at_once() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    w.run(&["status"]).exits(0);
    let git = |args: &[&str]| w.repo.git(args);
    git(&["fetch", "-q", "origin", "rollback/production"]);
    git(&["checkout", "-q", "FETCH_HEAD"]);
    let files = git(&["ls-files", "entities"]);
    let path = files.lines().next().unwrap();
    let text = std::fs::read_to_string(w.repo.path(path)).unwrap();
    w.repo.write(path, text.replace("Home hero", "Another"));
    git(&["commit", "-q", "-a", "-m", "Mend a typo"]);
    git(&[
        "push",
        "-q",
        "origin",
        "HEAD:refs/heads/rollback/production",
    ]);
    git(&["checkout", "-q", "main"]);
    w.run(&["status"]).exits(2).says("stalled");
    w.reconcile().failed_saying(&["has written there"]);
}

#[test]
fn a_ledger_that_vanished_stalls_with_both_remedies() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        let commit = w.repo.release("a", &title("home-hero", "New"), "New");
        w.reconcile().converged();
        let before = w.shop.dump();
        let ledger = w.ledger().unwrap();
        w.repo
            .git_bare(&["update-ref", "-d", "refs/heads/rollback/production"]);
        w.reconcile()
            .failed_saying(&["rollback_branch", "--rebootstrap", &ledger]);
        assert_eq!(w.ledger(), None);
        // Pushed back, all goes on.
        w.repo
            .git_bare(&["update-ref", "refs/heads/rollback/production", &ledger]);
        w.reconcile().converged();
        w.repo.revert(&commit);
        w.reconcile().converged();
        assert_ne!(w.shop.dump(), before);
        assert_eq!(w.stands(&commit), "deploy rolled_back");
    }
}

#[test]
fn a_new_rollback_branch_begins_anew() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    w.configure("rollback_branch: rollback/second");
    w.reconcile().converged();
    assert!(w.repo.tip("rollback/second").is_some());
    assert_eq!(w.shop.writes().len(), 1, "all values are there already");
}

#[test]
fn another_branch_is_one_ordinary_deploy_of_the_difference() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "Main"), "Main");
    w.reconcile().converged();
    w.repo.git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
    w.repo.prepare("b", &title("old-hero", "One"), "One");
    let tip = w.repo.prepare("b", &title("old-hero", "Other"), "Other");
    w.repo.git(&["push", "-q", "origin", "other"]);
    let other = w.environment("production", "other", &w.shop, "");
    w.configure_all(&[other]);
    w.reconcile().converged();
    assert_eq!(w.stands(&tip), "deploy live");
    assert_eq!(w.releases().len(), 2);
    assert_eq!(
        w.shop.field("cms_block", "old-hero", "all", "title"),
        "Other"
    );
    // What the new branch does not list stays: it is no rollback.
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Main"
    );
}

#[test]
fn a_missing_branch_stalls_and_says_so() {
    let w = World::new();
    let other = w.environment("production", "nowhere", &w.shop, "");
    w.configure_all(&[other]);
    w.reconcile().failed_saying(&["no branch nowhere"]);
    assert_eq!(w.ledger(), None);
}

#[test]
fn a_ledger_that_was_moved_back_stalls_and_nothing_is_written() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "A"), "A");
    w.reconcile().converged();
    w.repo.release("a", &title("home-hero", "B"), "B");
    w.reconcile().converged();
    let newest = w.repo.tip("rollback/production").unwrap();
    w.repo.git_bare(&[
        "update-ref",
        "refs/heads/rollback/production",
        &format!("{newest}~2"),
    ]);
    w.repo.release("a", &title("home-hero", "C"), "C");
    w.reconcile()
        .failed_saying(&["moved back", &newest, "rollback_branch", "--rebootstrap"]);
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "B",
        "the original is not to be snapshotted from a half-known history"
    );
    w.repo
        .git_bare(&["update-ref", "refs/heads/rollback/production", &newest]);
    w.reconcile().converged();
    assert_eq!(w.shop.field("cms_block", "home-hero", "all", "title"), "C");
}

#[test]
fn a_pull_request_that_is_behind_is_planned_by_what_it_changes() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "A"), "A");
    w.reconcile().converged();
    w.repo.git(&["checkout", "-q", "-b", "pr"]);
    w.repo
        .prepare("b", &title("footer-links", "From the request"), "Request");
    w.repo.git(&["push", "-q", "origin", "pr"]);
    w.repo.git(&["checkout", "-q", "main"]);
    w.repo.release("a", &title("home-hero", "Later"), "Later");
    w.reconcile().converged();
    let plan = w.run(&["plan", "--rev", "pr", "--format", "json"]);
    assert_eq!(plan.code, Some(2), "{}", plan.said());
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{plan:#}");
    assert_eq!(changes[0]["key"], "footer-links");
    assert_eq!(changes[0]["fields"][0]["after"], "From the request");
}
