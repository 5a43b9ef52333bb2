//! Reverts that arrive as pull requests: the Revert button, and the ways to merge what it makes.

use crate::support::waiting::until;
use crate::world::{Options, World, title};
use crate::{black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";
const MERGED: &str = "Merge pull request #12 from example/black-friday\n\nBlack Friday hero";
const UNDONE: &str =
    "Merge pull request #13 from example/revert-12-black-friday\n\nRevert \"Black Friday hero\"";

/// The campaign as a pull request, merged with a merge commit; its id.
fn merged(w: &World) -> String {
    w.repo.on("black-friday", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT)
    });
    w.repo.merge("black-friday", MERGED)
}

#[test]
fn the_revert_button_and_the_merge_button_roll_back() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        let before = w.shop.dump();
        let campaign = merged(&w);
        w.push();
        w.shows("home-hero", "Black Friday");
        w.repo.on("revert-12", |repo| repo.revert_merge(&campaign));
        let undone = w.repo.merge("revert-12", UNDONE);
        w.repo.push();
        w.plan(&[]).exits(2).says("Home hero").says("rollback");
        w.reconcile().converged();
        w.is_as(&before);
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&undone, "rollback live"),
        ]);
        w.takes_back(&undone, &[&campaign]);
        w.run(&["status"]).exits(0);
    }
}

/// The campaign and its revert meet a store that has seen neither.
#[test]
fn a_campaign_and_its_revert_in_the_first_push_write_nothing_of_it() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = merged(&w);
    w.repo.on("revert-12", |repo| repo.revert_merge(&campaign));
    let undone = w.repo.merge("revert-12", UNDONE);
    w.repo.on("next", |repo| {
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let next = w.repo.merge("next", "Merge pull request #14");
    w.push();
    assert_eq!(w.shop.written(), ["PUT all cmsBlock old-hero"]);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
        (&next, "deploy live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
    w.repo.revert_merge(&next);
    w.push();
    w.is_as(&before);
}

#[test]
fn the_revert_button_on_a_commit_of_the_branch_rolls_back_too() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo
        .on("revert-12", |repo| repo.revert_only(&[&campaign]));
    let undone = w.repo.merge("revert-12", UNDONE);
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

#[test]
fn whoever_waits_for_a_merged_revert_learns_that_the_campaign_is_rolled_back() {
    let w = World::new();
    let before = w.shop.dump();
    let daemon = w.daemon();
    let wait = |commit: &str| w.run(&["wait", commit, "--timeout", "90s"]);
    let campaign = merged(&w);
    w.repo.push();
    wait(&campaign).exits(0);
    w.shows("home-hero", "Black Friday");
    w.repo.on("revert-12", |repo| repo.revert_merge(&campaign));
    w.repo.push_branch("revert-12");
    w.plan(&["--rev", "revert-12"]).exits(2).says("Home hero");
    let undone = w.repo.merge("revert-12", UNDONE);
    w.repo.push();
    wait(&undone).exits(0);
    w.is_as(&before);
    wait(&campaign).exits(4).warns("rolled.back");
    // The shop is at rest, and says so.
    until(
        || w.run(&["status"]).said(),
        || (w.run(&["status"]).code == Some(0)).then_some(()),
    );
    daemon.terminate();
    assert_eq!(daemon.wait(), Some(0));
}

#[test]
fn the_remedy_after_a_merged_revert_has_nothing_left_to_do() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = merged(&w);
    w.push();
    w.repo.on("revert-12", |repo| repo.revert_merge(&campaign));
    w.repo.merge("revert-12", UNDONE);
    w.push();
    w.is_as(&before);
    w.repo
        .say(&format!("Roll back for real\n\nReverts: {campaign}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn a_revert_and_the_next_campaign_in_one_pull_request_are_both_carried_out() {
    for merge_commit in [true, false] {
        let w = World::new();
        let before = w.shop.dump();
        let campaign = if merge_commit {
            let id = merged(&w);
            w.push();
            id
        } else {
            w.deploy("black-friday", &black_friday(), SUBJECT)
        };
        let next = w.repo.on("next", |repo| {
            if merge_commit {
                repo.revert_merge(&campaign);
            } else {
                repo.revert_only(&[&campaign]);
            }
            repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
        });
        let both = w.repo.merge(
            "next",
            "Merge pull request #14 from example/next\n\nBlack Friday off, Cyber Monday on",
        );
        w.repo.push();
        w.plan(&[]).exits(2).says("Home hero").says("Cyber Monday");
        w.reconcile().converged();
        w.shows("home-hero", "Home hero");
        w.shows("old-hero", "Cyber Monday");
        w.stand(&[(&campaign, "deploy rolled_back"), (&both, "rollback live")]);
        w.takes_back(&both, &[&campaign]);
        // The campaign that came with the revert is undone by its own commit.
        w.revert(&next);
        w.is_as(&before);
        w.stand(&[(&campaign, "deploy rolled_back")]);
    }
}

#[test]
fn undoing_such_a_pull_request_turns_both_round() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("next", |repo| {
        repo.revert_only(&[&campaign]);
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let both = w.repo.merge("next", "Merge pull request #14");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.repo.on("undo", |repo| repo.revert_merge(&both));
    let undone = w.repo.merge("undo", "Merge pull request #15");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.shows("old-hero", "Last year's hero");
    w.stand(&[(&both, "rollback rolled_back")]);
    w.takes_back(&undone, &[&both]);
    w.repo.revert_merge(&undone);
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.repo.remove_saying(
        "cyber-monday",
        &format!("Enough\n\nReverts: {}", w.repo.head()),
    );
    w.push();
    w.is_as(&before);
}

#[test]
fn a_revert_beside_something_better_deploys_it_and_takes_the_first_back() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("better", |repo| {
        repo.revert_only(&[&campaign]);
        repo.prepare(
            "black-week",
            &title("home-hero", "Black Week"),
            "Black week hero",
        )
    });
    let better = w.repo.merge("better", "Merge pull request #13");
    w.push();
    w.shows("home-hero", "Black Week");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&better, "rollback live"),
    ]);
    // Nothing of the first is left beneath it.
    w.repo.remove_saying(
        "black-week",
        &format!("Over\n\nThis reverts commit {better}."),
    );
    w.push();
    w.is_as(&before);
}

#[test]
fn a_cherry_picked_revert_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let revert = w.repo.on("hotfix", |repo| repo.revert_only(&[&campaign]));
    let footer = w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    let picked = w.repo.cherry_pick(&revert);
    w.push();
    w.shows("home-hero", "Home hero");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&footer, "deploy live"),
        (&picked, "rollback live"),
    ]);
    w.takes_back(&picked, &[&campaign]);
    w.revert(&footer);
    w.is_as(&before);
}

#[test]
fn a_revert_of_the_commit_that_was_cherry_picked_rolls_the_copy_back() {
    let w = World::new();
    let original = w.repo.on("next", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT)
    });
    w.repo.push_branch("next");
    w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    let before = w.shop.dump();
    let copy = w.repo.cherry_pick(&original);
    w.push();
    w.shows("home-hero", "Black Friday");
    let revert = w.repo.on("next", |repo| repo.revert_only(&[&original]));
    w.repo.push_branch("next");
    let picked = w.repo.cherry_pick(&revert);
    w.push();
    w.is_as(&before);
    w.stand(&[(&copy, "deploy rolled_back"), (&picked, "rollback live")]);
    w.takes_back(&picked, &[&copy]);
}

#[test]
fn a_rebased_revert_rolls_back() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo
        .on("revert-12", |repo| repo.revert_only(&[&campaign]));
    let footer = w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    let undone = w.repo.rebase_merge("revert-12");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("footer-links", "Footer");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&footer, "deploy live"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

/// The campaign and its revert are rebased, one after the other, so that the revert names a commit
/// that never was on the branch.
fn revert_of_what_was_rebased(pushed: bool) {
    let w = World::new();
    let original = w.repo.on("campaign", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT)
    });
    w.repo.branch_at("undo", &original);
    if pushed {
        w.repo.push_branch("undo");
    }
    w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    let before = w.shop.dump();
    let campaign = w.repo.rebase_merge("campaign");
    assert_ne!(campaign, original);
    w.push();
    w.shows("home-hero", "Black Friday");
    w.repo.on("undo", |repo| repo.revert_only(&[&original]));
    let undone = w.repo.rebase_merge("undo");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

#[test]
fn a_revert_that_names_the_campaign_before_it_was_rebased_rolls_back() {
    revert_of_what_was_rebased(true);
}

#[test]
fn where_nobody_knows_that_commit_any_more_the_subject_tells() {
    revert_of_what_was_rebased(false);
}
