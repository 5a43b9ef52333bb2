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

/// A release that fails with these words and writes nothing.
#[track_caller]
fn refused(w: &World, name: &str, files: &str, words: &[&str]) {
    let before = w.shop.dump();
    let commit = w.repo.release(name, &changes(files), "Refused");
    w.reconcile().failed_saying(words);
    unchanged(&before, w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    unchanged(&before, w);
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

#[test]
fn a_day_is_cleared_and_put_back() {
    there_and_back(
        &World::new(),
        &row("special_price", "24-MB02", "price_to: null"),
        |dump| {
            let product = &dump["product"]["24-MB02"]["all"];
            assert_eq!(product["special_price"], "49.000000");
            assert_eq!(product["special_to_date"], Value::Null);
            assert_eq!(product["special_from_date"], "2026-01-01 00:00:00");
        },
    );
}

#[test]
fn days_that_an_earlier_price_left_behind_are_left_behind_again() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product", "key": "24-MB02", "fields": {"special_price": null}}));
    let shows = |dump: &Value| dump["product"]["24-MB02"]["all"].clone();
    assert_eq!(
        shows(&w.shop.dump())["special_from_date"],
        "2026-01-01 00:00:00"
    );
    there_and_back(&w, &row("special_price", "24-MB02", "price: 40"), |dump| {
        assert_eq!(shows(dump)["special_price"], "40.000000");
    });
    let whole = r#"price: 40, price_from: "2030-01-01 00:00:00", price_to: null"#;
    there_and_back(&w, &row("special_price", "24-MB02", whole), |dump| {
        assert_eq!(shows(dump)["special_price"], "40.000000");
        assert_eq!(shows(dump)["special_to_date"], Value::Null);
    });
    // what it cannot make again it does not delete
    refused(
        &w,
        "b",
        &absent("special_price", "24-MB02"),
        &["it has no `price`"],
    );
}

#[test]
fn what_a_row_refers_to_must_be_there() {
    let w = World::new();
    let cases = [
        (
            row("base_price", "24-MB99", "price: 1"),
            "the product 24-MB99 does not exist",
        ),
        (
            row("base_price", "24-mb01", "price: 1"),
            "the product 24-mb01 does not exist",
        ),
        (
            row("special_price", "24-MB99", "price: 1"),
            "the product 24-MB99 does not exist",
        ),
        (
            row(
                "tier_price",
                "24-MB99|all|General|5",
                "price: 1, price_type: fixed",
            ),
            "the product 24-MB99 does not exist",
        ),
        (
            row("source_item", "24-MB99|default", "quantity: 1, status: 1"),
            "the product 24-MB99 does not exist",
        ),
        (
            row("source_item", "24-MB01|defalut", "quantity: 1, status: 1"),
            "`source` of the key: the store has no source \"defalut\"; did you mean \"default\"?",
        ),
        (
            row(
                "tier_price",
                "24-MB01|all|Generel|5",
                "price: 1, price_type: fixed",
            ),
            "`customer_group` of the key: the store has no customer group \"Generel\"; did you mean \"General\"?",
        ),
        (
            row(
                "tier_price",
                "24-MB01|bse|General|5",
                "price: 1, price_type: fixed",
            ),
            "`website` of the key: the store has no website \"bse\"",
        ),
        (
            row("tier_price", "24-MB01|all|General|5", "price: 1"),
            "needs a `price_type`",
        ),
        (
            row("special_price", "24-MB01, store: de", "price: 1"),
            "its price scope is \"global\"",
        ),
        (
            row("base_price", "24-MB01, store: de", "price: 1"),
            "its price scope is \"global\"",
        ),
    ];
    let writes = w.shop.writes().len();
    for (n, (files, words)) in cases.iter().enumerate() {
        refused(&w, &format!("case-{n}"), files, &[words]);
    }
    let sent = &w.shop.writes()[writes..];
    let reads = |request: &Value| request["path"].as_str().unwrap().ends_with("-information");
    assert!(sent.iter().all(reads), "{sent:#?}");
}

#[test]
fn a_missing_right_is_named() {
    let w = World::new();
    let before = w.shop.dump();
    let files = [
        row("source_item", "24-MB01|default", "quantity: 1"),
        row("base_price", "24-MB01", "price: 1"),
    ];
    w.repo.release("a", &changes(&files.concat()), "Rights");
    for (right, place) in [
        ("Magento_Catalog::catalog", "(Catalog)"),
        (
            "Magento_InventoryApi::source",
            "(Stores > Inventory > Sources)",
        ),
        (
            "Magento_InventoryApi::stock_source_item_assign",
            "Source Item Assigning",
        ),
    ] {
        w.shop.faults(&json!({ "deny": [right] }));
        w.reconcile().failed_saying(&[right, place]);
        unchanged(&before, &w);
    }
    w.shop.mend();
    w.reconcile().converged();
}

#[test]
fn of_two_tier_prices_that_are_alike_the_one_that_is_meant_is_deleted() {
    let w = World::new();
    let tier = |website: &str, price: u32| {
        let fields = format!("price: {price}, price_type: fixed");
        row(
            "tier_price",
            &format!("24-MB01|{website}|General|5"),
            &fields,
        )
    };
    let before = w.shop.dump();
    let first = w.repo.release("a", &changes(&tier("base", 9)), "One");
    w.reconcile().converged();
    let with_one = w.shop.dump();
    let websites = with_one["tier_price"]["24-MB01"].as_object().unwrap().len();
    assert_eq!(websites, 1);
    let second = w.repo.release("b", &changes(&tier("second", 9)), "Two");
    w.reconcile().converged();
    w.repo.revert(&second);
    w.reconcile().converged();
    unchanged(&with_one, &w);
    // what costs nothing is deleted, too
    there_and_back(
        &w,
        &row(
            "tier_price",
            "24-MB02|all|General|7",
            "price: 0, price_type: fixed",
        ),
        |_| {},
    );
    w.repo.revert(&first);
    w.reconcile().converged();
    unchanged(&before, &w);
}

#[test]
fn of_many_rows_the_bad_ones_fail_and_the_others_go_through() {
    let w = World::new();
    let bad = [20, 60, 100];
    for quantity in bad {
        w.shop.edit(&json!({"kind": "tier_price", "key": "24-MB01", "fields": {"quantity": quantity, "price": 7}}));
    }
    let before = w.shop.dump();
    let files: String = (1..=120)
        .map(|n| {
            row(
                "tier_price",
                &format!("24-MB01|base|ALL GROUPS|{n}"),
                "price: 5, price_type: fixed",
            )
        })
        .collect();
    let commit = w.repo.release("a", &changes(&files), "Tiers");
    w.reconcile()
        .failed_saying(&["We found a duplicate website"]);
    let release = w.release(&commit);
    for n in 1..=120 {
        let row = change(
            &release,
            "tier_price",
            &format!("24-MB01|base|ALL GROUPS|{n}"),
        );
        let status = if bad.contains(&n) { "failed" } else { "done" };
        assert_eq!(row["status"], status, "{row:#}");
    }
    w.repo.revert(&commit);
    w.reconcile().converged();
    unchanged(&before, &w);
}
