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
