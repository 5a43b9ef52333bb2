//! Reverts and commits that cannot be used.

use serde_json::json;

use crate::world::{World, title};
use crate::{BROKEN, black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";

/// The status of a commit's release.
fn status(w: &World, commit: &str) -> String {
    let release = w.find_release(commit).unwrap();
    release["status"].as_str().unwrap().to_owned()
}

/// A push that brings nothing valid, or not yet a pass.
fn push_invalid(w: &World, one_push: bool) {
    if !one_push {
        w.repo.push();
        w.reconcile().failed();
    }
}

#[test]
fn a_revert_pushed_while_another_file_is_broken_counts_with_the_next_valid_commit() {
    for one_push in [false, true] {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
        let broken = w.repo.prepare("other", BROKEN, "Break another");
        push_invalid(&w, one_push);
        let revert = w.repo.revert_only(&[&campaign]);
        push_invalid(&w, one_push);
        w.shows("home-hero", "Black Friday");
        let mended = w
            .repo
            .prepare("other", &title("old-hero", "Mended"), "Mend it");
        w.push();
        w.shows("home-hero", "Home hero");
        w.shows("old-hero", "Mended");
        assert_eq!(status(&w, &broken), "invalid");
        assert_eq!(status(&w, &revert), "invalid");
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&mended, "rollback live"),
        ]);
        w.takes_back(&mended, &[&campaign]);
        w.run(&["status"]).exits(0);
    }
}

#[test]
fn so_does_one_that_was_merged() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let broken = w.repo.release("other", BROKEN, "Break another");
    w.reconcile().failed();
    w.repo
        .on("revert-12", |repo| repo.revert_only(&[&campaign]));
    let merge = w.repo.merge("revert-12", "Merge pull request #13");
    w.repo.push();
    w.reconcile().failed();
    assert_eq!(status(&w, &merge), "invalid");
    // The broken one is reverted as well.
    let mended = w.repo.revert_only(&[&broken]);
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&mended, "rollback live"),
    ]);
    let reverts = w.release(&mended)["reverts"].clone();
    assert!(
        reverts.as_array().unwrap().contains(&json!(campaign)),
        "{reverts}"
    );
}

#[test]
fn a_revert_on_a_branch_that_was_broken_for_a_while_counts() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.on("next", |repo| {
        repo.prepare("other", BROKEN, "Work in progress");
        repo.revert_only(&[&campaign]);
        repo.prepare("other", &cyber_monday(), "Cyber Monday")
    });
    let merge = w.repo.merge("next", "Merge pull request #13");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    assert_eq!(w.releases().len(), 2);
    w.stand(&[(&campaign, "deploy rolled_back"), (&merge, "rollback live")]);
    w.takes_back(&merge, &[&campaign]);
}

#[test]
fn a_revert_and_its_reapply_while_another_file_is_broken_change_nothing() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.prepare("other", BROKEN, "Break another");
    let revert = w.repo.revert_only(&[&campaign]);
    w.repo.push();
    w.reconcile().failed();
    w.repo.revert_only(&[&revert]);
    let mended = w.repo.prepare("other", &cyber_monday(), "Mend it");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&campaign, "deploy live"), (&mended, "deploy live")]);
    w.takes_back(&mended, &[]);
}

#[test]
fn the_revert_of_an_invalid_commit_is_a_rollback_without_changes() {
    for merged in [false, true] {
        let w = World::new();
        w.deploy("black-friday", &black_friday(), SUBJECT);
        let shop = w.shop.dump();
        let count = w.shop.writes().len();
        let bad = w.repo.release("other", BROKEN, "Break another");
        w.reconcile().failed();
        w.wait(&bad).exits(1);
        let revert = if merged {
            w.repo.on("undo", |repo| repo.revert_only(&[&bad]));
            w.repo.merge("undo", "Merge undo")
        } else {
            w.repo.revert_only(&[&bad])
        };
        w.push();
        w.is_as(&shop);
        assert_eq!(w.shop.written_since(count), Vec::<String>::new());
        w.stand(&[(&revert, "rollback live")]);
        assert_eq!(w.release(&revert)["changes"], json!([]));
        w.wait(&revert).exits(0);
        w.run(&["status"]).exits(0);
    }
}

/// A broken file, a good one on top of it, and what mends the first: the id of the good one's commit
/// names the release of what mended.
#[test]
fn the_changes_of_an_invalid_commit_are_reverted_by_its_id() {
    for merged in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let bad = w.repo.release("other", BROKEN, "Break it");
        w.reconcile().failed();
        let good = w
            .repo
            .release("black-friday", &black_friday(), "Good, on top of bad");
        w.reconcile().failed();
        w.is_as(&before);
        let mended = w.repo.prepare("other", &cyber_monday(), "Mend it");
        w.push();
        w.shows("home-hero", "Black Friday");
        w.shows("old-hero", "Cyber Monday");
        assert_eq!(status(&w, &bad), "invalid");
        assert_eq!(status(&w, &good), "invalid");
        w.stand(&[(&mended, "deploy live")]);
        let undone = if merged {
            w.repo.on("undo", |repo| repo.revert_only(&[&good]));
            w.repo.merge("undo", "Merge undo")
        } else {
            w.repo.revert_only(&[&good])
        };
        w.push();
        w.shows("home-hero", "Home hero");
        w.shows("old-hero", "Cyber Monday");
        w.stand(&[(&mended, "deploy live"), (&undone, "rollback live")]);
        w.takes_back(&undone, &[&mended]);
        w.repo
            .remove_saying("other", &format!("Over\n\nReverts: {mended}"));
        w.push();
        w.is_as(&before);
        w.stand(&[(&mended, "deploy rolled_back")]);
    }
}

#[test]
fn a_broken_file_is_named_with_the_commit_since_which_it_is() {
    let w = World::new();
    let bad = w.repo.release("other", BROKEN, "Break it");
    w.reconcile().failed();
    let good = w
        .repo
        .release("black-friday", &black_friday(), "Good, on top of bad");
    w.reconcile().failed();
    w.activity_says(&good, &bad[..7]);
    w.activity_says(&good, "Ada Merchant");
}
