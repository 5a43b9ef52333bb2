//! Entities that come into being and go.

use serde_json::json;

use crate::world::{World, change, file};

#[test]
fn a_release_that_makes_an_entity_is_reverted_by_deleting_it() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release(
        "a",
        &file(&[
            ("cms_block", "black-friday", "all", "title", "Black Friday"),
            (
                "cms_page",
                "black-friday",
                "de",
                "title",
                "Schwarzer Freitag",
            ),
        ]),
        "Black Friday",
    );
    w.reconcile().converged();
    assert!(w.shop.has("cms_block", "black-friday", "all"));
    assert!(w.shop.has("cms_page", "black-friday", "de"));
    let release = w.release(&commit);
    assert_eq!(
        change(&release, "cms_page", "black-friday")["action"],
        "create"
    );
    let count = w.shop.writes().len();
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    // Bottom-up: the page goes before the block that it may show.
    let deletes: Vec<_> = w.shop.writes()[count..]
        .iter()
        .map(|r| (r["method"].clone(), r["kind"].clone()))
        .collect();
    assert_eq!(
        deletes,
        [
            (json!("DELETE"), json!("cms_page")),
            (json!("DELETE"), json!("cms_block"))
        ]
    );
    assert_eq!(
        change(&w.release(&revert), "cms_block", "black-friday")["action"],
        "delete"
    );
}

#[test]
fn an_entity_made_by_one_release_and_changed_by_another_survives_until_both_are_gone() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.release(
        "a",
        &file(&[("cms_block", "promo", "all", "title", "One")]),
        "One",
    );
    w.reconcile().converged();
    let two = w.repo.release(
        "b",
        &file(&[("cms_block", "promo", "all", "content", "Two")]),
        "Two",
    );
    w.reconcile().converged();
    w.repo.revert(&one);
    w.reconcile().converged();
    assert_eq!(w.shop.field("cms_block", "promo", "all", "content"), "Two");
    w.repo.revert(&two);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn absent_deletes_and_its_revert_makes_the_entity_again_with_all_its_fields() {
    let w = World::new();
    let before = w.shop.dump();
    let absent = "changes:
  - kind: cms_page
    key: winter-sale
    ensure: absent
  - kind: cms_page
    key: impressum
    store: de
    ensure: absent
  - kind: cms_block
    key: old-hero
    ensure: absent
  - kind: cms_block
    key: never-was
    ensure: absent
";
    let commit = w.repo.release("a", absent, "Clear out");
    w.reconcile().converged();
    assert!(!w.shop.has("cms_page", "winter-sale", "all"));
    assert!(!w.shop.has("cms_page", "impressum", "de"));
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}

#[test]
fn existing_never_makes_an_entity() {
    let w = World::new();
    let before = w.shop.dump();
    let existing = |key: &str| {
        format!(
            "changes:\n  - kind: cms_block\n    key: {key}\n    ensure: existing\n    fields:\n      title: New\n      content: New\n"
        )
    };
    let missing = w.repo.release("a", &existing("nowhere"), "Missing");
    w.reconcile().failed();
    assert_eq!(w.shop.dump(), before);
    let error = change(&w.release(&missing), "cms_block", "nowhere")["error"].to_string();
    assert!(error.contains("does not exist"), "{error}");
    // Made by hand, it is taken up by the next pass.
    w.shop.edit(&json!({"kind": "cms_block", "key": "nowhere", "fields": {"title": "By hand", "content": "x"}}));
    w.reconcile().converged();
    assert_eq!(w.shop.field("cms_block", "nowhere", "all", "title"), "New");
    assert_eq!(w.stands(&missing), "deploy live");
    // The revert puts back what the retry found, and does not delete it.
    w.repo.revert(&missing);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "nowhere", "all", "title"),
        "By hand"
    );
}

#[test]
fn an_absent_file_after_a_present_one_wins_and_the_other_way_round() {
    let w = World::new();
    let before = w.shop.dump();
    let absent = "changes:\n  - kind: cms_block\n    key: old-hero\n    ensure: absent\n";
    w.repo.prepare("a", absent, "Absent");
    let a = w.repo.head();
    let present = w.repo.release(
        "b",
        &file(&[("cms_block", "old-hero", "all", "title", "Again")]),
        "Present",
    );
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "old-hero", "all", "title"),
        "Again"
    );
    w.repo.revert(&present);
    w.reconcile().converged();
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    w.repo.revert(&a);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

/// A block that one release changes and another deletes.
fn changed_then_deleted() -> (World, serde_json::Value, String, String) {
    let w = World::new();
    let before = w.shop.dump();
    let title = file(&[("cms_block", "old-hero", "all", "title", "Changed")]);
    let changed = w.repo.release("a", &title, "Changed");
    w.reconcile().converged();
    let absent = "changes:\n  - kind: cms_block\n    key: old-hero\n    ensure: absent\n";
    let deleted = w.repo.release("b", absent, "Deleted");
    w.reconcile().converged();
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    (w, before, changed, deleted)
}

#[test]
fn a_change_and_a_deletion_are_undone_newest_first() {
    let (w, before, changed, deleted) = changed_then_deleted();
    w.repo.revert(&deleted);
    w.reconcile().converged();
    let title = w.shop.field("cms_block", "old-hero", "all", "title");
    assert_eq!(title, "Changed");
    w.repo.revert(&changed);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_change_and_a_deletion_are_undone_oldest_first() {
    let (w, before, changed, deleted) = changed_then_deleted();
    w.repo.revert(&changed);
    w.reconcile().converged();
    assert!(!w.shop.has("cms_block", "old-hero", "all"));
    w.repo.revert(&deleted);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_change_and_a_deletion_are_undone_in_one_push_and_in_one_commit() {
    for one_commit in [false, true] {
        let (w, before, changed, deleted) = changed_then_deleted();
        if one_commit {
            w.repo.git(&["revert", "--no-commit", &deleted, &changed]);
            w.repo.commit(&format!(
                "Undo both\n\nReverts: {changed}\nReverts: {deleted}"
            ));
        } else {
            w.repo.revert_only(&[&deleted]);
            w.repo.revert_only(&[&changed]);
        }
        w.repo.push();
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before, "one commit: {one_commit}");
    }
}

#[test]
fn an_entity_made_again_and_changed_in_one_push_is_whole() {
    let w = World::new();
    let before = w.shop.dump();
    let absent = "changes:\n  - kind: cms_block\n    key: old-hero\n    ensure: absent\n";
    let deleted = w.repo.release("a", absent, "Deleted");
    w.reconcile().converged();
    w.repo.revert_only(&[&deleted]);
    let title = file(&[("cms_block", "old-hero", "all", "title", "Changed")]);
    let changed = w.repo.release("b", &title, "Changed");
    w.reconcile().converged();
    let mut wanted = before.clone();
    wanted["cms_block"]["old-hero"]["all"]["title"] = json!("Changed");
    assert_eq!(w.shop.dump(), wanted);
    w.repo.revert(&changed);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn an_entity_that_somebody_deleted_by_hand_needs_no_deleting() {
    let w = World::new();
    let before = w.shop.dump();
    let new = file(&[("cms_block", "promo", "all", "title", "Promo")]);
    let commit = w.repo.release("a", &new, "Promo");
    w.reconcile().converged();
    w.shop
        .edit(&json!({"kind": "cms_block", "key": "promo", "delete": true}));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    assert_eq!(w.shop.writes().len(), 1);
}

#[test]
fn an_entity_edited_by_hand_is_kept_in_the_snapshot_of_the_rollback_that_deletes_it() {
    let w = World::new();
    let before = w.shop.dump();
    let new = file(&[("cms_block", "promo", "all", "title", "Promo")]);
    let commit = w.repo.release("a", &new, "Promo");
    w.reconcile().converged();
    w.shop.set(
        "cms_block",
        "promo",
        &json!("all"),
        "content",
        "By hand, not in Git",
    );
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    let ledger = w.repo.everything("rollback/production");
    assert!(ledger.contains("By hand, not in Git"));
    // Undoing the rollback makes it again.
    w.repo.revert(&revert);
    w.reconcile().converged();
    assert_eq!(w.shop.field("cms_block", "promo", "all", "title"), "Promo");
}
