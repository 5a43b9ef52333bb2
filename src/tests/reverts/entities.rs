//! Reverts of releases that made entities and deleted them.

use serde_json::json;

use crate::world::{World, change, file, title};

const NO_OLD_HERO: &str = "changes:\n  - kind: cms_block\n    key: old-hero\n    ensure: absent\n";
const NO_PROMO: &str = "changes:\n  - kind: cms_block\n    key: promo\n    ensure: absent\n";

fn promo(field: &str, value: &str) -> String {
    file(&[("cms_block", "promo", "all", field, value)])
}

fn promo_is_there(w: &World) -> bool {
    w.shop.has("cms_block", "promo", "all")
}

#[test]
fn a_deletion_that_a_pull_request_reverts_gives_every_field_back() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("clear", |repo| {
        repo.prepare("clear", NO_OLD_HERO, "Clear out")
    });
    let merge = w.repo.merge("clear", "Merge pull request #12");
    w.push();
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    w.repo.on("undo", |repo| repo.revert_merge(&merge));
    let undone = w.repo.merge("undo", "Merge pull request #13");
    w.repo.push();
    w.plan(&[]).exits(2).says("old-hero");
    w.reconcile().converged();
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back"), (&undone, "rollback live")]);
    let release = w.release(&undone);
    assert_eq!(
        change(&release, "cms_block", "old-hero")["action"],
        "create"
    );
}

#[test]
fn a_deletion_without_words_taken_out_of_the_files_leaves_the_entity_gone() {
    let w = World::new();
    let before = w.shop.dump();
    let deletion = w.deploy("clear", NO_OLD_HERO, "Clear out");
    let removal = w.repo.remove_saying("clear", "Tidy up");
    w.push();
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    w.stand(&[(&removal, "deploy live")]);
    w.repo.say(&format!("Roll back\n\nReverts: {deletion}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&deletion, "deploy rolled_back")]);
}

/// A block made by one release, with a field more by a second one.
fn made_and_added(w: &World) -> [String; 2] {
    let made = w.deploy("a", &promo("title", "Promo"), "Make it");
    let added = w.deploy("b", &promo("content", "More"), "Add to it");
    assert_eq!(w.shop.field("cms_block", "promo", "all", "content"), "More");
    [made, added]
}

#[test]
fn a_field_added_to_a_created_block_is_reverted_alone() {
    for merged in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let made = w.deploy("a", &promo("title", "Promo"), "Make it");
        let alone = w.shop.dump();
        let added = w.deploy("b", &promo("content", "More"), "Add to it");
        let undone = if merged {
            w.repo.on("undo", |repo| repo.revert_only(&[&added]));
            w.repo.merge("undo", "Merge undo")
        } else {
            w.repo.revert_only(&[&added])
        };
        w.push();
        w.is_as(&alone);
        w.stand(&[
            (&made, "deploy live"),
            (&added, "deploy rolled_back"),
            (&undone, "rollback live"),
        ]);
        w.revert(&made);
        w.is_as(&before);
        w.stand(&[(&made, "deploy rolled_back")]);
    }
}

#[test]
fn the_release_that_made_a_block_is_reverted_before_the_one_that_added_to_it() {
    let w = World::new();
    let before = w.shop.dump();
    let [made, added] = made_and_added(&w);
    w.revert(&made);
    // The other still wants it.
    assert!(promo_is_there(&w));
    assert_eq!(w.shop.field("cms_block", "promo", "all", "content"), "More");
    w.stand(&[(&made, "deploy rolled_back"), (&added, "deploy live")]);
    w.revert(&added);
    w.is_as(&before);
    w.stand(&[(&added, "deploy rolled_back")]);
}

#[test]
fn both_are_reverted_by_one_pull_request() {
    let w = World::new();
    let before = w.shop.dump();
    let [made, added] = made_and_added(&w);
    w.repo.on("undo", |repo| {
        repo.revert_only(&[&made]);
        repo.revert_only(&[&added])
    });
    let undone = w.repo.merge("undo", "Merge undo");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&made, "deploy rolled_back"),
        (&added, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&added, &made]);
}

/// A block that one release makes and a later one deletes.
fn made_and_deleted(w: &World) -> [String; 2] {
    let made = w.deploy("a", &promo("title", "Promo"), "Make it");
    let deleted = w.deploy("b", NO_PROMO, "Delete it");
    assert!(!promo_is_there(w));
    [made, deleted]
}

#[test]
fn what_was_made_and_deleted_is_undone_newest_first() {
    let w = World::new();
    let before = w.shop.dump();
    let [made, deleted] = made_and_deleted(&w);
    w.revert(&deleted);
    assert_eq!(w.shop.field("cms_block", "promo", "all", "title"), "Promo");
    w.stand(&[(&made, "deploy live"), (&deleted, "deploy rolled_back")]);
    w.revert(&made);
    w.is_as(&before);
    w.stand(&[(&made, "deploy rolled_back")]);
}

#[test]
fn what_was_made_and_deleted_is_undone_oldest_first() {
    let w = World::new();
    let before = w.shop.dump();
    let [made, deleted] = made_and_deleted(&w);
    w.revert(&made);
    w.is_as(&before);
    w.stand(&[(&made, "deploy rolled_back"), (&deleted, "deploy live")]);
    w.revert(&deleted);
    // Nothing was there before either of them.
    w.is_as(&before);
    w.stand(&[(&deleted, "deploy rolled_back")]);
}

#[test]
fn what_was_made_and_deleted_is_undone_in_one_commit() {
    let w = World::new();
    let before = w.shop.dump();
    let [made, deleted] = made_and_deleted(&w);
    let undone = w.repo.revert_saying(
        &[&deleted, &made],
        &format!("Undo both\n\nReverts: {made}\nReverts: {deleted}"),
    );
    w.push();
    w.is_as(&before);
    w.takes_back(&undone, &[&deleted, &made]);
    w.stand(&[
        (&made, "deploy rolled_back"),
        (&deleted, "deploy rolled_back"),
    ]);
}

#[test]
fn a_file_that_made_a_block_leaves_it_under_keep_and_its_remedy_deletes_it() {
    let w = World::new();
    let before = w.shop.dump();
    let made = w.deploy("a", &promo("title", "Promo"), "Make it");
    w.repo.remove_saying("a", "Tidy up");
    w.push();
    assert!(promo_is_there(&w));
    let undone = w.repo.say(&format!("Roll back\n\nReverts: {made}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&made, "deploy rolled_back"), (&undone, "rollback live")]);
}

#[test]
fn under_restore_the_block_goes_with_its_file() {
    let w = World::set_to("on_remove: restore");
    let before = w.shop.dump();
    w.deploy("a", &promo("title", "Promo"), "Make it");
    let removal = w.repo.remove_saying("a", "Tidy up");
    w.push();
    w.is_as(&before);
    w.stand(&[(&removal, "deploy live")]);
}

/// One block goes and another comes by one merge; its revert turns both round.
#[test]
fn a_merge_that_replaces_a_block_is_reverted_as_a_whole_and_by_parts() {
    for by_parts in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let parts = w.repo.on("replace", |repo| {
            let gone = repo.prepare("gone", NO_OLD_HERO, "Old one away");
            let come = repo.prepare("come", &promo("title", "Promo"), "New one");
            [gone, come]
        });
        let merge = w.repo.merge("replace", "Merge replace");
        w.push();
        assert!(promo_is_there(&w));
        assert!(!w.shop.has("cms_block", "old-hero", "all"));
        if by_parts {
            w.revert(&parts[0]);
            assert!(promo_is_there(&w));
            w.shows("old-hero", "Last year's hero");
            w.stand(&[(&merge, "deploy live")]);
            w.revert(&parts[1]);
        } else {
            w.repo.revert_merge(&merge);
            w.push();
        }
        w.is_as(&before);
        w.stand(&[(&merge, "deploy rolled_back")]);
    }
}

/// A change beneath a deletion; the deletion alone is reverted, and both in either order.
#[test]
fn a_change_beneath_a_deletion_comes_to_light_with_its_revert() {
    for oldest_first in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let changed = w.deploy("a", &title("old-hero", "Changed"), "Change it");
        let deleted = w.deploy("b", NO_OLD_HERO, "Delete it");
        if oldest_first {
            w.revert(&changed);
            assert!(!w.shop.has("cms_block", "old-hero", "all"));
            w.stand(&[(&changed, "deploy rolled_back"), (&deleted, "deploy live")]);
            w.revert(&deleted);
        } else {
            w.revert(&deleted);
            w.shows("old-hero", "Changed");
            w.stand(&[(&changed, "deploy live"), (&deleted, "deploy rolled_back")]);
            w.revert(&changed);
        }
        w.is_as(&before);
    }
}

#[test]
fn what_somebody_deleted_by_hand_stays_deleted_after_a_revert() {
    let w = World::new();
    let mut before = w.shop.dump();
    let campaign = w.deploy("a", &title("old-hero", "Changed"), "Change it");
    w.shop
        .edit(&json!({"kind": "cms_block", "key": "old-hero", "delete": true}));
    let undone = w.revert(&campaign);
    before["cms_block"]
        .as_object_mut()
        .unwrap()
        .remove("old-hero");
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
}
