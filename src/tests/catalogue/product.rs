//! Products: values per view and website, attributes of the store's own, special prices, deletion.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::world::{World, activity, change};

const SKU: &str = "24-MB01";

/// A change of one product; `fields` in YAML's flow style.
fn product(sku: &str, store: &str, fields: &str) -> String {
    format!(
        "  - kind: product\n    key: {}\n    store: {store}\n    fields: {{ {fields} }}\n",
        json!(sku)
    )
}

fn release(changes: &[String]) -> String {
    format!("changes:\n{}", changes.concat())
}

fn one(store: &str, fields: &str) -> String {
    release(&[product(SKU, store, fields)])
}

/// Deploys, looks for drift, reverts and looks again: the shop is as it was.
#[track_caller]
fn there_and_back(w: &World, text: &str, look: impl FnOnce(&World)) {
    let before = w.shop.dump();
    let commit = w.repo.release("a", text, "Change");
    w.reconcile().converged();
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said());
    look(w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said());
}

#[track_caller]
fn same(before: &Value, after: &Value) {
    let differences = crate::shop::differences(before, after);
    assert!(differences.is_empty(), "{differences:#?}");
}

fn value(w: &World, store: &str, field: &str) -> Value {
    w.shop.field("product", SKU, store, field)
}

#[test]
fn one_field_of_a_product_is_set_and_put_back() {
    let w = World::new();
    there_and_back(&w, &one("all", "name: Rucksack"), |w| {
        assert_eq!(value(w, "all", "name"), "Rucksack");
        // Nothing but the field goes along with the SKU.
        let sent = w.shop.writes().pop().unwrap();
        assert_eq!(
            sent["body"],
            json!({"product": {"sku": SKU, "name": "Rucksack"}})
        );
        assert_eq!(sent["path"], format!("/rest/all/V1/products/{SKU}"));
    });
}

#[test]
fn all_and_a_view_have_values_of_their_own() {
    let w = World::new();
    let text = release(&[
        product(SKU, "all", "name: Bag, meta_title: A bag, price: 31.5"),
        product(SKU, "fr", "name: Sac, meta_title: Un sac"),
        product(SKU, "default", "name: Bag"),
    ]);
    there_and_back(&w, &text, |w| {
        assert_eq!(value(w, "all", "name"), "Bag");
        assert_eq!(value(w, "all", "price"), "31.500000");
        assert_eq!(value(w, "fr", "name"), "Sac");
        assert_eq!(value(w, "fr", "meta_title"), "Un sac");
    });
}

#[test]
fn a_product_is_made_with_what_the_file_says_and_taken_away_again() {
    let w = World::new();
    let text = release(&[
        product(
            "NEW-1",
            "all",
            "name: New, attribute_set_id: Default, price: 9.99, type_id: virtual, status: 2, website_ids: [base], description: Long, tax_class_id: Taxable Goods",
        ),
        product("NEW-1", "de", "name: Neu"),
    ]);
    there_and_back(&w, &text, |w| {
        let dump = &w.shop.dump()["product"]["NEW-1"];
        assert_eq!(dump["all"]["name"], "New");
        assert_eq!(dump["all"]["type_id"], "virtual");
        assert_eq!(dump["all"]["website_ids"], json!([1]));
        assert_eq!(dump["de"]["name"], "Neu");
    });
}
