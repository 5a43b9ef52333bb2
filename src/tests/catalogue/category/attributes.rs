//! Product attributes and their options.

use serde_json::{Value, json};

use super::there_and_back;
use crate::world::World;
use crate::{nothing_to_do, same};

#[test]
fn an_attribute_is_made_with_its_options_and_goes_with_them() {
    let w = World::new();
    let changes = "changes:
  - kind: product_attribute
    key: fit
    fields:
      frontend_input: select
      default_frontend_label: Fit
      frontend_labels: { de: Passform }
      attribute_sets: [Default]
      scope: store
      is_searchable: true
      is_comparable: false
  - kind: attribute_option
    key: { attribute: fit, option: Slim }
    fields: { is_default: true, store_labels: { de: Schmal } }
  - kind: attribute_option
    key: fit|Wide
    fields: { store_labels: {} }
";
    there_and_back(&w, changes, |dump| {
        let fit = &dump["product_attribute"]["fit"]["all"];
        assert_eq!(fit["is_searchable"], "1");
        assert_eq!(
            fit["frontend_labels"],
            json!([{"store_id": 2, "label": "Passform"}])
        );
        assert_eq!(fit["attribute_sets"], json!([4]));
        let options = &dump["attribute_option"]["fit"];
        assert_eq!(options["Slim"]["store_labels"], json!({"de": "Schmal"}));
        assert_eq!(options["Slim"]["is_default"], true);
        assert_eq!(options["Wide"]["is_default"], false);
    });
}

#[test]
fn one_field_of_an_attribute_is_set_and_the_others_stay() {
    let w = World::new();
    w.shop.edit(
        &json!({"kind": "product_attribute", "key": "fit", "fields": {
        "frontend_input": "text", "default_frontend_label": "Fit", "is_required": false,
        "frontend_labels": [{"store_id": 2, "label": "Passform"}],
        "is_searchable": "1", "is_visible_in_advanced_search": "1", "note": "Old"}}),
    );
    let changes = "changes:
  - kind: product_attribute
    key: fit
    fields: { default_frontend_label: Cut, note: New, is_filterable_in_search: false }
";
    there_and_back(&w, changes, |dump| {
        let fit = &dump["product_attribute"]["fit"]["all"];
        assert_eq!(fit["default_frontend_label"], "Cut");
        assert_eq!(fit["is_visible_in_advanced_search"], "1");
        assert_eq!(
            fit["frontend_labels"],
            json!([{"store_id": 2, "label": "Passform"}])
        );
    });
    let labels = "changes:
  - kind: product_attribute
    key: fit
    fields: { frontend_labels: { fr: Coupe } }
";
    there_and_back(&w, labels, |dump| {
        let fit = &dump["product_attribute"]["fit"]["all"];
        assert_eq!(
            fit["frontend_labels"],
            json!([{"store_id": 3, "label": "Coupe"}])
        );
    });
}

#[test]
fn an_attribute_leaves_its_set_only_where_no_value_is_lost() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product_attribute", "key": "fit",
        "fields": {"frontend_input": "text"}}));
    let changes = "changes:
  - kind: product_attribute
    key: fit
    fields: { attribute_sets: [] }
";
    there_and_back(&w, changes, |dump| {
        let fit = &dump["product_attribute"]["fit"]["all"];
        assert_eq!(fit["attribute_sets"], json!([]));
    });
    w.shop
        .edit(&json!({"kind": "product", "key": "24-MB01", "fields": {"fit": "slim"}}));
    let before = w.shop.dump();
    w.repo.release("b", changes, "Out of the set");
    w.reconcile()
        .failed_saying(&["1 products of attribute set 4 have a value"]);
    same(&before, &w.shop.dump());
}

#[test]
fn an_attribute_without_values_is_deleted_and_made_again_with_its_options() {
    let w = World::new();
    w.shop.edit(
        &json!({"kind": "product_attribute", "key": "fit", "fields": {
        "frontend_input": "select", "default_frontend_label": "Fit", "scope": "store"}}),
    );
    for (label, order) in [("Slim", 1), ("Wide", 2)] {
        w.shop.edit(
            &json!({"kind": "attribute_option", "key": "fit", "fields": {
            "label": label, "sort_order": order,
            "store_labels": [{"store_id": 2, "label": format!("{label} de")}]}}),
        );
    }
    let changes = "changes:
  - kind: product_attribute
    key: fit
    ensure: absent
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(dump["product_attribute"]["fit"], Value::Null);
        assert_eq!(dump["attribute_option"]["fit"], Value::Null);
    });
}

#[test]
fn an_attribute_that_products_need_stays() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product_attribute", "key": "fit",
        "fields": {"frontend_input": "text", "scope": "store"}}));
    w.shop
        .edit(&json!({"kind": "product", "key": "24-MB01", "store": "de",
        "fields": {"fit": "eng"}}));
    let before = w.shop.dump();
    for (key, why) in [
        ("fit", "1 of the products have a value"),
        ("status", "one of Magento's own"),
    ] {
        let changes =
            format!("changes:\n  - kind: product_attribute\n    key: {key}\n    ensure: absent\n");
        w.repo.release("a", &changes, key);
        w.reconcile().failed_saying(&[why]);
    }
    same(&before, &w.shop.dump());
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn the_input_of_an_attribute_is_fixed() {
    let w = World::new();
    let changes = "changes:
  - kind: product_attribute
    key: color
    fields: { frontend_input: text }
";
    w.repo.release("a", changes, "Another input");
    w.reconcile()
        .failed_saying(&["`frontend_input`", "cannot be changed"]);
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn an_option_gets_labels_and_the_order_stays() {
    let w = World::new();
    let changes = "changes:
  - kind: attribute_option
    key: color|Red
    fields:
      store_labels: { de: Rubinrot, fr: Rouge }
      is_default: true
";
    there_and_back(&w, changes, |dump| {
        let colors = &dump["attribute_option"]["color"];
        assert_eq!(
            colors["Red"]["store_labels"],
            json!({"de": "Rubinrot", "fr": "Rouge"})
        );
        assert_eq!(colors["Red"]["is_default"], true);
        assert_eq!(colors["Red"]["sort_order"], 1);
        assert_eq!(colors["Blue"]["store_labels"], json!({"de": "Blau"}));
        assert_eq!(colors["Blue"]["sort_order"], 2);
    });
}

#[test]
fn several_options_of_one_attribute_change_at_once() {
    let w = World::new();
    let changes = "changes:
  - kind: attribute_option
    key: color|Red
    fields: { store_labels: { fr: Rouge } }
  - kind: attribute_option
    key: color|Blue
    fields: { store_labels: { fr: Bleu }, is_default: true }
  - kind: attribute_option
    key: color|Green
    fields: { store_labels: { fr: Vert } }
  - kind: attribute_option
    key: color|Red / White
    fields: { is_default: false }
";
    there_and_back(&w, changes, |dump| {
        let colors = &dump["attribute_option"]["color"];
        for (color, label) in [("Red", "Rouge"), ("Blue", "Bleu"), ("Green", "Vert")] {
            assert_eq!(colors[color]["store_labels"], json!({"fr": label}));
        }
        let order = |color: &str| colors[color]["sort_order"].as_u64().unwrap();
        assert!(order("Red") < order("Blue"));
        assert!(order("Blue") < order("Green").min(order("Red / White")));
    });
}

#[test]
fn a_deleted_option_comes_back_to_its_place() {
    let w = World::new();
    for (label, order) in [("Green", 3), ("Grey", 4), ("White", 5)] {
        w.shop.edit(
            &json!({"kind": "attribute_option", "key": "color", "fields": {
            "label": label, "sort_order": order,
            "store_labels": [{"store_id": 3, "label": format!("{label} fr")}]}}),
        );
    }
    let changes = "changes:
  - kind: attribute_option
    key: color|Green
    ensure: absent
  - kind: attribute_option
    key: color|Grey
    ensure: absent
";
    there_and_back(&w, changes, |dump| {
        let colors = dump["attribute_option"]["color"].as_object().unwrap();
        assert_eq!(colors.len(), 3);
    });
}

#[test]
fn an_option_that_products_have_stays() {
    let w = World::new();
    let before = w.shop.dump();
    // 24-MB01 is blue
    let changes = "changes:
  - kind: attribute_option
    key: color|Blue
    ensure: absent
";
    w.repo.release("a", changes, "No more blue");
    w.reconcile()
        .failed_saying(&["1 of the products have it and would lose it"]);
    same(&before, &w.shop.dump());
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn a_rolled_back_option_that_a_product_was_given_meanwhile_stays() {
    let w = World::new();
    let changes = "changes:
  - kind: attribute_option
    key: color|Green
    fields: { is_default: false }
";
    let commit = w.repo.release("a", changes, "Green");
    w.reconcile().converged();
    let id = green(&w);
    w.shop
        .edit(&json!({"kind": "product", "key": "24-MB02", "fields": {"color": id}}));
    let before = w.shop.dump();
    w.repo.revert(&commit);
    w.reconcile()
        .failed_saying(&["is not deleted", "1 of the products"]);
    same(&before, &w.shop.dump());
    // Once no product has it any more, the rollback can be carried out.
    w.shop
        .edit(&json!({"kind": "product", "key": "24-MB02", "fields": {"color": null}}));
    w.reconcile_with(&[]);
    w.run(&["retry"]).converged();
    assert!(w.shop.dump()["attribute_option"]["color"]["Green"].is_null());
    nothing_to_do(&w);
}

/// The id of the option, from what the store answered when it was made.
fn green(w: &World) -> String {
    let url = format!("{}/", w.shop.url);
    let dump = crate::shop::own_page(url.trim_end_matches('/'), "GET", "dump", "");
    dump["attribute_option"]["color"]["Green"]["meta"]["id"].to_string()
}
