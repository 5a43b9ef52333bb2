//! Prices and stock: rows, of which one request takes many.

use serde_json::{Value, json};

use crate::shop::differences;
use crate::world::{World, change};

/// A release file.
fn changes(list: &str) -> String {
    format!("changes:\n{list}")
}

/// One change of a row, with its fields in YAML's short form.
fn row(kind: &str, key: &str, fields: &str) -> String {
    format!("  - {{ kind: {kind}, key: {key}, fields: {{ {fields} }} }}\n")
}

fn absent(kind: &str, key: &str) -> String {
    format!("  - {{ kind: {kind}, key: {key}, ensure: absent }}\n")
}

#[track_caller]
fn planless(w: &World) {
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said());
}

#[track_caller]
fn unchanged(before: &Value, w: &World) {
    let after = w.shop.dump();
    assert_eq!(*before, after, "{:#?}", differences(before, &after));
}

/// Deploys, finds nothing left to do, reverts, and finds the shop as it was.
#[track_caller]
fn there_and_back(w: &World, files: &str, check: impl FnOnce(&Value)) {
    let before = w.shop.dump();
    let commit = w.repo.release("a", &changes(files), "Rows");
    w.reconcile().converged();
    planless(w);
    check(&w.shop.dump());
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    planless(w);
    unchanged(&before, w);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    assert_eq!(w.stands(&revert), "rollback live");
}

#[test]
fn a_base_price_is_set_and_put_back() {
    there_and_back(
        &World::new(),
        &row("base_price", "24-MB01", "price: 29.9"),
        |dump| {
            assert_eq!(dump["product"]["24-MB01"]["all"]["price"], "29.900000");
        },
    );
}

#[test]
fn a_special_price_is_made_and_taken_away() {
    let days =
        r#"price: 19.99, price_from: "2030-01-01 00:00:00", price_to: "2030-01-31 23:59:59""#;
    there_and_back(
        &World::new(),
        &row("special_price", "24-MB01", days),
        |dump| {
            let product = &dump["product"]["24-MB01"]["all"];
            assert_eq!(product["special_price"], "19.990000");
            assert_eq!(product["special_from_date"], "2030-01-01 00:00:00");
        },
    );
    there_and_back(
        &World::new(),
        &row("special_price", "24-MB01", "price: 19.99"),
        |dump| {
            let product = &dump["product"]["24-MB01"]["all"];
            assert_eq!(product["special_from_date"], Value::Null);
        },
    );
}

#[test]
fn tier_prices_are_made_and_taken_away() {
    let files = [
        row(
            "tier_price",
            "24-MB01|all|ALL GROUPS|5",
            "price: 30, price_type: fixed",
        ),
        row(
            "tier_price",
            "24-MB01|base|General|2.5",
            "price: 10, price_type: discount",
        ),
    ];
    there_and_back(&World::new(), &files.concat(), |dump| {
        assert_eq!(dump["tier_price"]["24-MB01"].as_object().unwrap().len(), 2);
    });
}

#[test]
fn source_items_are_made_and_taken_away() {
    let w = World::new();
    w.shop.edit(&json!({"kind": "source", "key": "berlin"}));
    let files = row("source_item", "24-WB03|berlin", "quantity: 2.5, status: 1");
    there_and_back(&w, &files, |dump| {
        assert_eq!(dump["source_item"]["24-WB03"]["berlin"]["quantity"], 2.5);
    });
}

#[test]
fn one_field_is_updated_and_no_other() {
    let w = World::new();
    let files = [
        row("special_price", "24-MB02", "price: 45"),
        row(
            "tier_price",
            "{ sku: 24-MB02, website: all, customer_group: ALL GROUPS, quantity: 5 }",
            "price: 50",
        ),
        row("source_item", "24-MB02|default", "quantity: 3"),
    ];
    there_and_back(&w, &files.concat(), |dump| {
        assert_eq!(
            dump["product"]["24-MB02"]["all"]["special_from_date"],
            "2026-01-01 00:00:00"
        );
        assert_eq!(dump["source_item"]["24-MB02"]["default"]["status"], 1);
    });
    there_and_back(
        &w,
        &row("source_item", "24-MB02|default", "status: 0"),
        |dump| {
            assert_eq!(dump["source_item"]["24-MB02"]["default"]["quantity"], 12);
        },
    );
}

#[test]
fn rows_are_deleted_and_made_again() {
    let files = [
        absent("special_price", "24-MB02"),
        absent("tier_price", "24-MB02|all|ALL GROUPS|5"),
        absent("source_item", "24-MB02|default"),
        absent("source_item", "24-MB02|nowhere"),
        absent("tier_price", "nothing|all|ALL GROUPS|5"),
    ];
    there_and_back(&World::new(), &files.concat(), |dump| {
        assert_eq!(
            dump["product"]["24-MB02"]["all"]["special_price"],
            Value::Null
        );
        assert_eq!(dump["tier_price"]["24-MB02"], Value::Null);
        assert_eq!(dump["source_item"]["24-MB02"], Value::Null);
    });
}
