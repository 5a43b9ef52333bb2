//! Edits in Magento's admin between a deploy and its revert.

use serde_json::json;

use crate::black_friday;
use crate::world::{World, title};

const KEEP: &str = "on_conflict: keep";
const SUBJECT: &str = "Black Friday hero";

fn edit(w: &World, block: &str, title: &str) {
    w.shop
        .set("cms_block", block, &json!("all"), "title", title);
}

/// A campaign, an edit on top of it, and the revert as a pull request: the campaign and the merge.
fn edited_and_reverted(w: &World) -> [String; 2] {
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    edit(w, "home-hero", "Edited by Bob");
    w.repo
        .on("revert-12", |repo| repo.revert_only(&[&campaign]));
    let undone = w.repo.merge("revert-12", "Merge pull request #13");
    w.push();
    [campaign, undone]
}

#[test]
fn an_edit_goes_with_the_release_that_a_pull_request_reverts_and_is_kept_in_show() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, undone] = edited_and_reverted(&w);
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.reports_conflict(&undone, "home-hero", "Edited by Bob");
    w.run(&["show", &undone]).exits(0).says("Edited by Bob");
}

#[test]
fn an_edit_stays_under_keep_and_is_reported_all_the_same() {
    let w = World::set_to(KEEP);
    let before = w.shop.dump();
    let [campaign, undone] = edited_and_reverted(&w);
    let mut wanted = before;
    wanted["cms_block"]["home-hero"]["all"]["title"] = json!("Edited by Bob");
    w.is_as(&wanted);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.reports_conflict(&undone, "home-hero", "Edited by Bob");
    // It is what the store showed before any release from now on.
    let next = w.deploy("next", &title("home-hero", "Next"), "Next");
    w.revert(&next);
    w.is_as(&wanted);
}

/// A campaign, an edit, and a second release on top of the edit.
fn between(w: &World) -> [String; 2] {
    let one = w.deploy("a", &title("home-hero", "One"), "One");
    edit(w, "home-hero", "Edited by Bob");
    let two = w.deploy("b", &title("home-hero", "Two"), "Two");
    w.shows("home-hero", "Two");
    [one, two]
}

#[test]
fn an_edit_between_two_releases_is_shown_again_and_goes_with_the_first() {
    let w = World::new();
    let before = w.shop.dump();
    let [one, two] = between(&w);
    w.revert(&two);
    w.shows("home-hero", "Edited by Bob");
    w.stand(&[(&one, "deploy live"), (&two, "deploy rolled_back")]);
    let undone = w.revert(&one);
    w.is_as(&before);
    w.reports_conflict(&undone, "home-hero", "Edited by Bob");
}

#[test]
fn an_edit_between_two_releases_stays_under_keep() {
    let w = World::set_to(KEEP);
    let [one, two] = between(&w);
    w.revert(&two);
    w.shows("home-hero", "Edited by Bob");
    w.revert(&one);
    w.shows("home-hero", "Edited by Bob");
    w.stand(&[(&one, "deploy rolled_back")]);
}

#[test]
fn reverted_oldest_first_the_edit_goes_with_the_release_beneath_it() {
    for (settings, left) in [("", "Home hero"), (KEEP, "Edited by Bob")] {
        let w = World::set_to(settings);
        let [one, two] = between(&w);
        w.revert(&one);
        w.shows("home-hero", "Two");
        w.stand(&[(&one, "deploy rolled_back"), (&two, "deploy live")]);
        w.revert(&two);
        w.shows("home-hero", left);
        w.stand(&[(&two, "deploy rolled_back")]);
    }
}

#[test]
fn an_edit_of_another_field_is_nobodys_conflict() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.shop.set(
        "cms_block",
        "home-hero",
        &json!("all"),
        "content",
        "<p>Bob's</p>",
    );
    let undone = w.revert(&campaign);
    w.shows("home-hero", "Home hero");
    let content = w.shop.field("cms_block", "home-hero", "all", "content");
    assert_eq!(content, "<p>Bob's</p>");
    assert!(
        !w.release(&undone).to_string().contains("\"conflict\""),
        "{:#}",
        w.release(&undone)
    );
}

#[test]
fn an_edit_that_is_what_the_revert_puts_back_is_no_conflict() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    edit(&w, "home-hero", "Home hero");
    let count = w.shop.writes().len();
    let undone = w.revert(&campaign);
    w.is_as(&before);
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
}

/// A value that nobody manages any more belongs to whoever edits it.
#[test]
fn an_edit_of_what_a_removal_left_is_not_undone_by_the_remedy() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.remove_saying("black-friday", "Tidy up");
    w.push();
    edit(&w, "home-hero", "Edited by Bob");
    // A pass looks at it.
    w.deploy("other", &title("home-hero", "Other"), "Other");
    w.revert(&w.repo.head());
    w.shows("home-hero", "Edited by Bob");
    w.repo.say(&format!("Roll back\n\nReverts: {campaign}"));
    w.push();
    w.shows("home-hero", "Edited by Bob");
}

#[test]
fn a_plan_shows_the_edit_that_a_revert_would_undo() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    edit(&w, "home-hero", "Edited by Bob");
    w.repo.on("undo", |repo| repo.revert_only(&[&campaign]));
    w.repo.push_branch("undo");
    w.plan(&["--rev", "undo"])
        .exits(2)
        .says("Edited by Bob")
        .says("Home hero");
    // Nothing was written by it.
    w.shows("home-hero", "Edited by Bob");
}
