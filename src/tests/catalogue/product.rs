//! Products: values per view and website, attributes of the store's own, special prices, deletion.

use serde_json::{Value, json};

mod refused;
mod special;
mod whole;

use crate::world::{World, activity};
use crate::{nothing_to_do, same};

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
    nothing_to_do(w);
    look(w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(w);
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

#[test]
fn a_view_goes_back_to_the_default_and_may_be_empty() {
    let w = World::new();
    let text = release(&[product(
        SKU,
        "de",
        "name: { default: true }, description: ''",
    )]);
    there_and_back(&w, &text, |w| {
        let dump = &w.shop.dump()["product"][SKU]["de"];
        assert_eq!(dump.get("name"), None);
        assert_eq!(dump["description"], Value::Null);
        let all = w.shop.field("product", SKU, "all", "description");
        assert!(all.is_string());
    });
}

#[test]
fn a_views_value_that_equals_the_default_comes_to_light_and_goes() {
    let w = World::new();
    let before = w.shop.dump();
    let one_view = w.repo.release("a", &one("fr", "name: Sac"), "A view");
    w.reconcile().converged();
    let all = w.repo.release("b", &one("all", "name: Sac"), "All views");
    w.reconcile().converged();
    // The older one first: its value is hidden by the same one beneath it.
    w.repo.revert(&one_view);
    w.reconcile().converged();
    w.repo.revert(&all);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn attributes_go_by_code_and_options_by_label_or_id() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "product_attribute", "key": "organic", "fields": {"frontend_input": "boolean", "default_frontend_label": "Organic", "scope": "store"}},
        {"kind": "product_attribute", "key": "finish", "fields": {"frontend_input": "multiselect", "default_frontend_label": "Finish"}},
        {"kind": "attribute_option", "key": "finish", "fields": {"label": "Matt"}},
        {"kind": "attribute_option", "key": "finish", "fields": {"label": "Gloss"}},
        {"kind": "product_attribute", "key": "launched", "fields": {"frontend_input": "date", "default_frontend_label": "Launched"}},
    ]));
    let text = release(&[
        product(
            SKU,
            "all",
            "color: Red, organic: true, launched: 2026-11-27, tax_class_id: None, options_container: container1, weight: null, meta_title: null",
        ),
        "  - kind: product\n    key: 24-MB02\n    fields:\n      color: 5\n      finish: [Matt, Gloss]\n".to_owned(),
        product(SKU, "de", "organic: false"),
    ]);
    there_and_back(&w, &text, |w| {
        for (store, field, expected) in [
            ("all", "color", json!("Red")),
            ("all", "organic", json!("1")),
            ("de", "organic", json!("0")),
            ("all", "launched", json!("2026-11-27 00:00:00")),
            ("all", "tax_class_id", json!("0")),
            ("all", "options_container", json!("container1")),
            ("all", "weight", Value::Null),
        ] {
            assert_eq!(value(w, store, field), expected, "{store} {field}");
        }
        let other = &w.shop.dump()["product"]["24-MB02"]["all"];
        assert!(other["color"].is_string(), "{other}");
    });
}

#[test]
fn a_value_of_a_website_is_that_of_all_its_views_and_goes_for_all() {
    let w = World::new();
    there_and_back(&w, &one("de", "status: 2"), |w| {
        for (store, expected) in [
            ("default", json!("2")),
            ("de", json!("2")),
            ("fr", Value::Null),
        ] {
            assert_eq!(value(w, store, "status"), expected, "{store}");
        }
    });
    there_and_back(&w, &one("[default, de]", "status: 2"), |w| {
        assert_eq!(value(w, "de", "status"), "2");
    });
}

#[test]
fn two_values_for_one_website_are_refused() {
    let w = World::new();
    let before = w.shop.dump();
    let text = release(&[
        product(SKU, "de", "status: 2"),
        product(SKU, "default", "status: 1"),
    ]);
    let commit = w.repo.release("a", &text, "Two values");
    w.reconcile()
        .failed_saying(&["`status` has one value for all views of a website"]);
    same(&before, &w.shop.dump());
    w.repo.revert(&commit);
    w.reconcile().converged();
    // Of two releases the first has it, until it is rolled back.
    let first = w.repo.release("a", &one("de", "status: 2"), "First");
    w.reconcile().converged();
    let second = w.repo.release("b", &one("default", "status: 2"), "Second");
    w.reconcile().failed_saying(&["sets it under `de`"]);
    w.repo.revert(&first);
    w.reconcile();
    w.reconcile().converged();
    assert_eq!(value(&w, "default", "status"), "2");
    assert_eq!(w.stands(&second), "deploy live");
    w.repo.revert(&second);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn another_url_key_is_told_to_make_no_redirect() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w
        .repo
        .prepare("a", &one("all", "url_key: rucksack"), "Another address");
    w.repo.push();
    let plan = w.run(&["plan", "--rev", &commit]);
    assert_eq!(plan.code, Some(2), "{}", plan.said());
    assert!(plan.said().contains("makes no redirect"), "{}", plan.said());
    w.reconcile().converged();
    assert_eq!(value(&w, "all", "url_key"), "rucksack");
    let said = activity(&w.release(&commit));
    assert!(said.contains("makes no redirect"), "{said}");
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn skus_that_addresses_must_escape() {
    let w = World::new();
    let skus = [
        "a/b", "a b", "a,b", "a+b", "Tüte", "50%", "a&b=c", "a#b?c", "a%2Fb", "1:2;$@",
    ];
    let new = |sku: &str| {
        product(
            sku,
            "all",
            &format!(
                "name: New, attribute_set_id: Default, price: 1, url_key: new-{}",
                sku.len() * 1000 + usize::from(sku.as_bytes()[1])
            ),
        )
    };
    let mut names = std::collections::BTreeSet::new();
    let changes: Vec<String> = skus
        .iter()
        .enumerate()
        .map(|(i, sku)| {
            names.insert(*sku);
            new(sku).replace("url_key: new-", &format!("url_key: new-{i}-"))
        })
        .collect();
    assert_eq!(names.len(), skus.len());
    there_and_back(&w, &release(&changes), |w| {
        let made = w.repo.head();
        let changes: Vec<String> = skus
            .iter()
            .flat_map(|sku| {
                [
                    product(sku, "all", "name: Other"),
                    product(sku, "de", "name: Anders"),
                ]
            })
            .collect();
        let commit = w.repo.release("b", &release(&changes), "Other names");
        w.reconcile().converged();
        let dump = w.shop.dump();
        for sku in skus {
            assert_eq!(dump["product"][sku]["all"]["name"], "Other", "{sku}");
            assert_eq!(dump["product"][sku]["de"]["name"], "Anders", "{sku}");
        }
        w.repo.revert(&commit);
        w.reconcile().converged();
        assert_eq!(w.stands(&made), "deploy live");
    });
}

#[test]
fn hundreds_of_products_are_read_in_batches() {
    let w = World::new();
    let before = w.shop.dump();
    let edits: Vec<Value> = (0..320)
        .map(|i| json!({"kind": "product", "key": format!("LOT-{i:03}"), "fields": {"name": format!("BatchKey {i}"), "price": 5}}))
        .collect();
    w.shop.edit(&edits.into());
    let seeded = w.shop.dump();
    let changes: Vec<String> = (0..320)
        .map(|i| product(&format!("LOT-{i:03}"), "all", &format!("price: {i}.5")))
        .collect();
    let commit = w.repo.release("a", &release(&changes), "New prices");
    w.reconcile().converged();
    assert_eq!(w.shop.writes().len(), 320);
    let reads = |w: &World| {
        let lists = w.shop.requests().into_iter().filter(|request| {
            request["method"] == "GET"
                && request["path"].as_str().unwrap().ends_with("/V1/products")
        });
        lists.count()
    };
    let first = reads(&w);
    assert!(
        first <= 12,
        "{first} lists for 320 products, before and after"
    );
    assert_eq!(
        w.shop.field("product", "LOT-319", "all", "price"),
        "319.500000"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&seeded, &w.shop.dump());
    assert_ne!(before, seeded);
}
