//! `plan --rev` shows the merge of a branch as it would be now, with the words of its commits.

use serde_json::Value;

use crate::world::{World, title};
use crate::{BROKEN, black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";

/// The changes of a plan, without the commits that they come from.
fn changes(plan: &Value) -> Value {
    plan["changes"].clone()
}

#[test]
fn the_plan_of_a_revert_branch_that_is_behind_shows_the_rollback() {
    let w = World::new();
    w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("undo", |repo| repo.revert_only(&[&campaign]));
    w.repo.push_branch("undo");
    w.deploy("other", &title("old-hero", "Last year"), "Other");
    let behind = w.plan(&["--rev", "undo"]).exits(2).says("Home hero");
    let behind = behind.says("rollback").never_says("Last year");
    let json = w.plan(&["--rev", "undo", "--format", "json"]).json();
    // Rebased and merged, the same comes of it.
    w.repo.rebase_merge("undo");
    w.repo.push();
    w.plan(&[]).exits(2).says("Home hero");
    let now = w.plan(&["--format", "json"]).json();
    assert_eq!(changes(&json), changes(&now), "{}", behind.stdout);
    w.reconcile().converged();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Last year");
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn the_plan_of_the_revert_of_a_merge_is_what_its_merge_does() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("campaign", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT);
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let merge = w.repo.merge("campaign", "Merge pull request #12");
    w.push();
    w.repo.on("undo", |repo| repo.revert_merge(&merge));
    w.repo.push_branch("undo");
    let planned = w.plan(&["--rev", "undo", "--format", "json"]).exits(2);
    w.repo.merge("undo", "Merge pull request #13");
    w.repo.push();
    let now = w.plan(&["--format", "json"]).exits(2);
    assert_eq!(changes(&planned.json()), changes(&now.json()));
    w.reconcile().converged();
    w.is_as(&before);
}

#[test]
fn the_plan_of_a_branch_that_was_broken_for_a_while_shows_what_it_comes_to() {
    for behind in [false, true] {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
        w.repo.on("next", |repo| {
            repo.prepare("next", BROKEN, "Work in progress");
            repo.revert_only(&[&campaign]);
            repo.prepare("next", &cyber_monday(), "Cyber Monday")
        });
        w.repo.push_branch("next");
        if behind {
            w.deploy("footer", &title("footer-links", "Footer"), "Footer");
        }
        w.plan(&["--rev", "next"])
            .exits(2)
            .says("Home hero")
            .says("Cyber Monday")
            .never_says("cannot be used|titel");
        w.run(&["validate", "--rev", "next"]).exits(0);
    }
}

#[test]
fn the_plan_of_a_branch_whose_first_commit_was_broken_is_no_error() {
    let w = World::new();
    w.deploy("a", &black_friday(), SUBJECT);
    w.repo.on("pr", |repo| {
        repo.prepare("b", BROKEN, "wip");
        repo.prepare("b", &cyber_monday(), "fix")
    });
    w.repo.push_branch("pr");
    w.plan(&["--rev", "pr"]).exits(2).says("Cyber Monday");
}

#[test]
fn the_plan_of_a_branch_that_reverts_and_reapplies_is_empty() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("never-mind", |repo| {
        let revert = repo.revert_only(&[&campaign]);
        repo.revert_only(&[&revert])
    });
    w.repo.push_branch("never-mind");
    w.plan(&["--rev", "never-mind"])
        .exits(0)
        .never_says("Home hero");
    w.deploy("other", &cyber_monday(), "Other");
    w.plan(&["--rev", "never-mind"])
        .exits(0)
        .never_says("Home hero");
}

#[test]
fn the_plan_of_a_deletion_without_words_says_the_remedy_and_changes_nothing() {
    for behind in [false, true] {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
        w.repo
            .on("tidy", |repo| repo.remove_saying("black-friday", "Tidy up"));
        w.repo.push_branch("tidy");
        if behind {
            w.deploy("other", &cyber_monday(), "Other");
        }
        w.plan(&["--rev", "tidy"])
            .exits(0)
            .says(&format!("Reverts: {}", &campaign[..7]));
    }
}

#[test]
fn the_plan_of_the_remedy_on_a_branch_shows_the_rollback() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.remove_saying("black-friday", "Tidy up");
    w.push();
    w.repo.on("remedy", |repo| {
        repo.say(&format!("Roll back\n\nReverts: {campaign}"))
    });
    w.repo.push_branch("remedy");
    w.plan(&["--rev", "remedy"]).exits(2).says("Home hero");
}

#[test]
fn the_plan_of_a_branch_that_names_nothing_warns() {
    let w = World::new();
    w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("wrong", |repo| {
        repo.say("Roll back\n\nThis reverts commit deadbeef12.")
    });
    w.repo.push_branch("wrong");
    w.plan(&["--rev", "wrong"]).exits(0).warns("deadbeef12");
}
