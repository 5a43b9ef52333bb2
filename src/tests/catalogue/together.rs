//! What belongs together is deleted, and comes back, together.

use serde_json::json;

use crate::same;
use crate::world::World;

/// A release that deletes a product.
const PRODUCT_GONE: &str = "changes:\n  - kind: product\n    key: 24-MB02\n    ensure: absent\n";

#[test]
fn a_category_comes_back_with_products_that_were_deleted_with_it() {
    let w = World::new();
    w.shop.edit(&json!({"kind": "category_product", "key": "Default Category/Gear/Bags", "fields": {"sku": "24-MB02", "position": 7}}));
    w.shop.edit(&json!({"kind": "category_product", "key": "Default Category/Gear/Bags", "fields": {"sku": "24-WB03", "position": 8}}));
    let before = w.shop.dump();
    let text = format!(
        "{PRODUCT_GONE}  - kind: category\n    key: Default Category/Gear/Bags\n    ensure: absent\n"
    );
    let commit = w.repo.release("a", &text, "Gone");
    w.reconcile().converged();
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_views_value_of_the_same_pass_comes_back_with_its_product() {
    let w = World::new();
    let view = "changes:\n  - kind: product\n    key: 24-MB02\n    store: de\n    fields: { name: Rucksack }\n";
    let first = w.repo.release("a", view, "View");
    let gone = w.repo.release("b", PRODUCT_GONE, "Gone");
    w.reconcile().converged();
    w.repo.revert(&gone);
    w.reconcile().converged();
    assert_eq!(
        w.shop.dump()["product"]["24-MB02"]["de"]["name"],
        "Rucksack"
    );
    assert_eq!(w.stands(&first), "deploy live");
}

#[test]
fn a_row_of_the_same_pass_comes_back_with_its_product() {
    let w = World::new();
    let row = "changes:\n  - kind: tier_price\n    key: 24-MB02|all|ALL GROUPS|5\n    fields: { price: 30, price_type: fixed }\n";
    w.repo.release("a", row, "Row");
    let gone = w.repo.release("b", PRODUCT_GONE, "Gone");
    w.reconcile()
        .failed_saying(&["deletes the product 24-MB02"]);
    assert!(
        w.shop
            .writes()
            .iter()
            .all(|w| !w["path"].to_string().contains("tier-prices\""))
    );
    w.repo.revert(&gone);
    w.reconcile().converged();
    let tiers = w.shop.dump()["tier_price"]["24-MB02"].clone();
    assert!(tiers.to_string().contains("30"), "{tiers}");
}

#[test]
fn a_row_of_an_earlier_pass_comes_back_with_its_product_and_goes_with_its_release() {
    let w = World::new();
    let before = w.shop.dump();
    let row = "changes:\n  - kind: tier_price\n    key: 24-MB02|all|ALL GROUPS|5\n    fields: { price: 30, price_type: fixed }\n";
    let first = w.repo.release("a", row, "Row");
    w.reconcile().converged();
    let gone = w.repo.release("b", PRODUCT_GONE, "Gone");
    w.reconcile().converged();
    w.repo.revert(&gone);
    w.reconcile().converged();
    let tiers = w.shop.dump()["tier_price"]["24-MB02"].clone();
    assert!(tiers.to_string().contains("30"), "{tiers}");
    w.repo.revert(&first);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn an_attribute_that_was_half_made_goes_again() {
    let w = World::new();
    let before = w.shop.dump();
    let text = "changes:\n  - kind: product_attribute\n    key: fit\n    fields: { frontend_input: text, default_frontend_label: Fit, attribute_sets: [Default] }\n";
    let commit = w.repo.release("a", text, "Half");
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "POST", "path": "attribute-sets/attributes"},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"no\"}"}},
    }]}));
    w.reconcile().failed();
    w.shop.mend();
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_group_with_prices_of_its_own_stays() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "customer_group", "key": "Spare", "fields": {"tax_class_id": 3}},
    ]));
    let row = "changes:\n  - kind: tier_price\n    key: 24-MB02|all|Spare|5\n    fields: { price: 30, price_type: fixed }\n";
    w.repo.release("a", row, "Row");
    w.reconcile().converged();
    let before = w.shop.dump();
    let gone = "changes:\n  - kind: customer_group\n    key: Spare\n    ensure: absent\n";
    w.repo.release("b", gone, "Gone");
    w.reconcile().failed_saying(&["tier prices"]);
    same(&before, &w.shop.dump());
}

#[test]
fn a_product_and_its_rows_are_rolled_back_in_one_pass() {
    let w = World::new();
    let before = w.shop.dump();
    let product = "changes:\n  - kind: product\n    key: NEW-1\n    fields: { name: New, attribute_set_id: Default, price: 9.99 }\n";
    let first = w.repo.release("a", product, "Product");
    w.reconcile().converged();
    let rows = "changes:\n  - kind: source_item\n    key: NEW-1|default\n    fields: { quantity: 5, status: 1 }\n  - kind: category_product\n    key: Default Category/Gear/Bags|NEW-1\n    fields: { position: 5 }\n  - kind: product\n    key: NEW-1\n    store: de\n    fields: { name: Neu }\n";
    let second = w.repo.release("b", rows, "Rows");
    w.reconcile().converged();
    w.repo.revert(&second);
    w.repo.revert(&first);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn what_went_with_a_product_and_is_refused_is_tried_again() {
    let w = World::new();
    let before = w.shop.dump();
    let gone = w.repo.release("a", PRODUCT_GONE, "Gone");
    w.reconcile().converged();
    w.repo.revert(&gone);
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "POST", "path": "inventory/source-items", "nth": 1},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"no\"}"}},
    }]}));
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn restoring_takes_away_what_was_half_made() {
    let w = World::with(crate::world::Options {
        settings: "on_failure: restore\nstore.timeout: 1s",
        ..crate::world::Options::default()
    });
    let before = w.shop.dump();
    let text = "changes:\n  - kind: product_attribute\n    key: fit\n    fields: { frontend_input: text, default_frontend_label: Fit, attribute_sets: [Default] }\n";
    w.repo.release("a", text, "Half");
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "POST", "path": "attribute-sets/attributes"},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"no\"}"}},
    }]}));
    w.reconcile().failed();
    same(&before, &w.shop.dump());
}
