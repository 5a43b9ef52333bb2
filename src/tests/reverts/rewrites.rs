//! Branches that are amended, rebased, moved back and forth.

use serde_json::json;

use crate::world::{World, title};
use crate::{black_friday, cyber_monday};

const FOLLOW: &str = "history_rewrites: follow";
const SUBJECT: &str = "Black Friday hero";

#[test]
fn an_amended_message_keeps_the_release_under_its_new_id() {
    let w = World::set_to(FOLLOW);
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let count = w.shop.writes().len();
    let amended = w.repo.amend("Black Friday hero, reviewed");
    assert_ne!(amended, campaign);
    w.force_push();
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&amended, "deploy live")]);
    assert_eq!(w.releases().len(), 1);
    w.wait(&amended).exits(0);
    let undone = w.revert(&amended);
    w.is_as(&before);
    w.stand(&[(&amended, "deploy rolled_back"), (&undone, "rollback live")]);
}

#[test]
fn an_amended_change_takes_the_first_back_and_deploys_the_second() {
    let w = World::set_to(FOLLOW);
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.write(
        "releases/black-friday.yaml",
        title("home-hero", "Black Week"),
    );
    let count = w.shop.writes().len();
    let amended = w.repo.amend(SUBJECT);
    w.force_push();
    w.shows("home-hero", "Black Week");
    assert_eq!(w.shop.written_since(count).len(), 1);
    w.stand(&[(&campaign, "deploy rolled_back"), (&amended, "deploy live")]);
    w.revert(&amended);
    w.is_as(&before);
}

#[test]
fn an_amended_revert_stays_the_rollback_that_it_was() {
    let w = World::set_to(FOLLOW);
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.revert(&campaign);
    let count = w.shop.writes().len();
    let amended = w.repo.amend(&format!(
        "Black Friday is over\n\nThis reverts commit {campaign}."
    ));
    w.force_push();
    w.is_as(&before);
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&amended, "rollback live"),
    ]);
}

/// Three releases of a file and a block each.
fn three(w: &World) -> [String; 3] {
    [
        w.deploy("one", &title("home-hero", "One"), "One"),
        w.deploy("two", &title("old-hero", "Two"), "Two"),
        w.deploy("three", &title("footer-links", "Three"), "Three"),
    ]
}

#[test]
fn a_commit_that_a_rebase_drops_is_rolled_back_and_those_above_it_stay() {
    let w = World::set_to(FOLLOW);
    let before = w.shop.dump();
    let [one, two, three] = three(&w);
    let count = w.shop.writes().len();
    w.repo.git(&["rebase", "-q", "--onto", &one, &two]);
    let rebased = w.repo.head();
    w.force_push();
    assert_eq!(w.shop.written_since(count), ["PUT all cmsBlock old-hero"]);
    w.shows("home-hero", "One");
    w.shows("old-hero", "Last year's hero");
    w.shows("footer-links", "Three");
    w.stand(&[
        (&one, "deploy live"),
        (&two, "deploy rolled_back"),
        (&rebased, "deploy live"),
    ]);
    // The one that stayed is known by both of its ids.
    let undone = w.repo.remove_saying(
        "three",
        &format!("Three is over\n\nThis reverts commit {three}."),
    );
    w.push();
    w.shows("footer-links", "Footer links");
    w.stand(&[(&rebased, "deploy rolled_back"), (&undone, "rollback live")]);
    w.revert(&one);
    w.is_as(&before);
}

#[test]
fn a_commit_that_a_rebase_puts_between_is_deployed_and_those_above_it_stay() {
    let w = World::set_to(FOLLOW);
    let before = w.shop.dump();
    let one = w.deploy("one", &title("home-hero", "One"), "One");
    let two = w.deploy("two", &title("old-hero", "Two"), "Two");
    let count = w.shop.writes().len();
    w.repo.reset(&one);
    let between = w
        .repo
        .prepare("between", &title("footer-links", "Between"), "Between");
    w.repo.git(&["cherry-pick", &two]);
    let again = w.repo.head();
    w.force_push();
    assert_eq!(
        w.shop.written_since(count),
        ["PUT all cmsBlock footer-links"]
    );
    w.stand(&[
        (&one, "deploy live"),
        (&between, "deploy live"),
        (&again, "deploy live"),
    ]);
    for release in [&again, &one, &between] {
        w.revert(release);
    }
    w.is_as(&before);
}

#[test]
fn a_branch_moved_back_takes_the_dropped_releases_back_newest_first() {
    let w = World::new();
    let before = w.shop.dump();
    let start = w.repo.head();
    w.repo.on("campaign", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT)
    });
    let merge = w.repo.merge("campaign", "Merge campaign");
    w.push();
    let above = w.deploy("hero", &title("home-hero", "Above"), "Above");
    let beside = w.deploy("cyber-monday", &cyber_monday(), "Cyber Monday");
    w.repo.reset(&start);
    w.force_push();
    w.is_as(&before);
    w.stand(&[
        (&merge, "deploy rolled_back"),
        (&above, "deploy rolled_back"),
        (&beside, "deploy rolled_back"),
    ]);
    let newest = w.releases()[0].clone();
    assert_eq!(newest["kind"], "rollback");
    assert_eq!(newest["reverts"], json!([beside, above, merge]));
    w.wait(&merge).exits(4);
}

#[test]
fn a_branch_moved_back_behind_a_revert_shows_the_campaign_again() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.revert(&campaign);
    w.is_as(&before);
    w.repo.reset(&campaign);
    w.force_push();
    w.shows("home-hero", "Black Friday");
    w.wait(&campaign).exits(0);
    w.run(&["status"]).exits(0);
    w.revert(&campaign);
    w.is_as(&before);
    w.wait(&campaign).exits(4);
}

#[test]
fn a_commit_that_was_dropped_and_comes_again_is_waited_for_until_it_is_deployed() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let next = w.deploy("cyber-monday", &cyber_monday(), "Cyber Monday");
    w.repo.reset(&campaign);
    w.force_push();
    w.shows("old-hero", "Last year's hero");
    w.wait(&next).exits(4);
    w.repo.reset(&next);
    w.repo.push();
    // Pushed again, and nothing has deployed it yet.
    w.wait(&next).exits(3);
    w.reconcile().converged();
    w.shows("old-hero", "Cyber Monday");
    w.wait(&next).exits(0);
    assert_eq!(w.releases()[0]["commit"], next);
    assert_eq!(w.releases()[0]["status"], "live");
}

#[test]
fn whoever_waits_for_a_reverted_commit_is_told_so() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.wait(&campaign).exits(0);
    let revert = w.revert(&campaign);
    w.wait(&campaign).exits(4).warns("rolled.back");
    w.wait(&revert).exits(0);
}
