//! What is refused before anything is written.

use serde_json::json;

use super::{SKU, one, product, release};
use crate::same;
use crate::world::World;

/// A release that cannot be used: nothing is sent, and it says so.
#[track_caller]
fn refused(w: &World, text: &str, says: &[&str]) {
    let before = w.shop.dump();
    let count = w.shop.writes().len();
    let commit = w.repo.release("a", text, "Bad");
    w.reconcile().failed_saying(says);
    assert_eq!(w.shop.written_since(count), Vec::<String>::new(), "{text}");
    same(&before, &w.shop.dump());
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn what_a_file_alone_shows_is_found_with_its_place() {
    let w = World::new();
    let path = w.repo.path("bad.yaml");
    let text = "changes:
  - kind: product
    key: 24-MB01
    fields:
      price: abc
      status: 3
      type_id: bundle
      url_key: Bad Key
      special_from_date: soon
      sku: other
      updated_at: now
      nonsense-field: 1
      stock_item: 1
  - kind: product
    key: 24-MB01
    store: de
    fields:
      price: 5
      name: null
";
    std::fs::write(&path, text).unwrap();
    let run = w.run(&["validate", path.to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{}", run.said());
    for place in [
        "5:14", "6:15", "7:16", "8:16", "9:26", "10:7", "11:7", "12:7", "13:7", "18:14", "19:13",
    ] {
        let words = format!("bad.yaml:{place}");
        assert!(run.said().contains(&words), "no {words} in: {}", run.said());
    }
}

#[test]
fn what_only_the_store_knows_is_refused_before_it_is_sent() {
    let w = World::new();
    let new = |fields: &str| {
        let fields = format!("name: New, price: 1, {fields}");
        release(&[product("NEW", "all", &fields)])
    };
    for (text, says) in [
        (
            one("all", "colour: Red"),
            &["no attribute `colour`", "did you mean \"color\"?"][..],
        ),
        (
            one("all", "color: Rde"),
            &["`color`", "no option \"Rde\"", "did you mean \"Red\"?"],
        ),
        (
            one("all", "category_ids: [3]"),
            &["use the kind `category_product`"],
        ),
        (one("all", "tier_price: 1"), &["use the kind `tier_price`"]),
        (
            one("all", "has_options: 1"),
            &["`has_options` cannot be set"],
        ),
        (one("all", "image: /a.jpg"), &["gitmage sets no images"]),
        (one("all", "cost: '12,50'"), &["`cost`"]),
        (
            one("de", "color: Red"),
            &["`color` has one value for all store views"],
        ),
        (one("it", "name: Borsa"), &["no view `it`"]),
        (
            one("all", "website_ids: [nowhere]"),
            &["no website \"nowhere\""],
        ),
        (
            one("all", "type_id: virtual"),
            &["`type_id`", "cannot be changed"],
        ),
        (
            new("attribute_set_id: Nowhere"),
            &["no attribute set \"Nowhere\""],
        ),
        (
            new("status: 1"),
            &["a new product needs a `attribute_set_id`"],
        ),
        (
            release(&[product("24-mb01", "all", "name: Small")]),
            &["the store has it as `24-MB01`"],
        ),
        (
            release(&[product("24-mb01", "de", "name: Small")]),
            &["the store has it as `24-MB01`"],
        ),
        (
            release(&[product("NOWHERE", "de", "name: Nichts")]),
            &["does not exist in the store"],
        ),
    ] {
        refused(&w, &text, says);
    }
}

#[test]
fn an_attribute_of_another_set_is_refused_instead_of_ignored() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "attribute_set", "key": "Shoes"},
        {"kind": "product_attribute", "key": "strap", "fields": {"frontend_input": "text", "default_frontend_label": "Strap"}},
    ]));
    let new = |fields: &str| {
        let fields = format!("name: Boot, price: 1, attribute_set_id: Shoes{fields}");
        product("BOOT", "all", &fields)
    };
    let says = &["`strap` is no attribute of the set \"Shoes\""];
    refused(&w, &release(&[new(", strap: long")]), says);
    let made = w.repo.release("a", &release(&[new("")]), "Boot");
    w.reconcile().converged();
    w.repo.release(
        "b",
        &release(&[product("BOOT", "all", "strap: long")]),
        "Strap",
    );
    w.reconcile().failed_saying(says);
    w.repo
        .release("b", &one("all", "strap: long"), "The bag has one");
    w.reconcile().converged();
    assert_eq!(w.shop.field("product", SKU, "all", "strap"), "long");
    assert_eq!(w.stands(&made), "deploy live");
}

#[test]
fn a_missing_right_is_named() {
    let w = World::new();
    w.repo.release("a", &one("all", "name: Bag"), "Bag");
    for resource in [
        "Magento_Catalog::products",
        "Magento_Catalog::attributes_attributes",
        "Magento_Catalog::sets",
        "Magento_Backend::store",
    ] {
        w.shop.faults(&json!({ "deny": [resource] }));
        w.reconcile().failed_saying(&[resource]);
        assert_eq!(w.shop.written(), Vec::<String>::new());
    }
    w.shop.mend();
    w.reconcile().converged();
    assert_eq!(w.shop.field("product", SKU, "all", "name"), "Bag");
}
