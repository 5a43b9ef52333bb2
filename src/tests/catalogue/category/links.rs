//! Products of categories.

use serde_json::{Value, json};

use super::there_and_back;
use crate::world::World;

#[test]
fn a_product_is_put_in_moved_and_taken_out() {
    let w = World::new();
    let changes = "changes:
  - kind: category_product
    key: { category: Default Category/Gear/Bags, sku: 24-WB03 }
    fields: { position: 7 }
  - kind: category_product
    key: Default Category/Gear/Bags|24-MB01
    fields: { position: 9 }
  - kind: category_product
    key: Default Category/Gear/Bags|24-MB02
    ensure: absent
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(
            dump["category_product"]["Default Category/Gear/Bags"],
            json!({"24-MB01": {"position": 9}, "24-WB03": {"position": 7}})
        );
    });
}

#[test]
fn a_new_category_gets_products_in_the_same_release() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product", "key": "A B/2,c", "fields": {"name": "Odd", "price": 1}}));
    let changes = "changes:
  - kind: category_product
    key: Default Category/Summer|A B/2,c
    fields: { position: 1 }
  - kind: category
    key: Default Category/Summer
    fields: { is_active: true }
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(
            dump["category_product"]["Default Category/Summer"]["A B/2,c"]["position"],
            1
        );
    });
}

#[test]
fn the_products_of_the_categories_below_are_not_its_own() {
    let w = World::new();
    // an anchor lists what is below it, too
    let changes = "changes:
  - kind: category_product
    key: Default Category/Gear|24-MB01
    fields: { position: 3 }
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(
            dump["category_product"]["Default Category/Gear"],
            json!({"24-MB01": {"position": 3}})
        );
        assert_eq!(
            dump["category_product"]["Default Category/Gear/Bags"]["24-MB01"]["position"],
            1
        );
    });
}

#[test]
fn what_is_not_there_is_said_before_anything_is_written() {
    let w = World::new();
    for key in ["Default Category/Nowhere|24-MB01", "Nowhere/Bags|24-MB01"] {
        let changes = format!(
            "changes:
  - kind: category_product
    key: {key}
    fields: {{ position: 1 }}
"
        );
        w.repo.release("a", &changes, key);
        let category = key.split('|').next().unwrap();
        w.reconcile()
            .failed_saying(&[category, "does not exist in the store"]);
    }
    assert_eq!(w.shop.written(), Vec::<String>::new());
    let absent = "changes:
  - kind: category_product
    key: Default Category/Nowhere|24-MB01
    ensure: absent
";
    w.repo.release("a", absent, "Gone already");
    w.reconcile().converged();
}

#[test]
fn a_product_that_is_not_there_is_named() {
    let w = World::new();
    let before = w.shop.dump();
    let changes = "changes:
  - kind: category_product
    key: Default Category/Gear|nothing
    fields: { position: 1 }
";
    w.repo.release("a", changes, "No such product");
    let run = w.reconcile().failed();
    assert!(run.said().contains("exist"), "{}", run.said());
    assert_eq!(w.shop.dump(), before);
    assert_eq!(
        w.shop.dump()["category_product"]["Default Category/Gear"],
        Value::Null
    );
}
