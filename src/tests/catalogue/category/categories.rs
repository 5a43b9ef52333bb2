//! Categories.

use serde_json::{Value, json};

use super::there_and_back;
use crate::world::{Options, World, activity, change, field};
use crate::{nothing_to_do, same};

const BAGS: &str = "Default Category/Gear/Bags";

#[test]
fn one_field_is_set_and_goes_back_and_nothing_else_is_sent() {
    let w = World::new();
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    fields:
      description: <p>Everything for the sea.</p>
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(
            dump["category"]["Default Category/Gear"]["all"]["description"],
            "<p>Everything for the sea.</p>"
        );
    });
    for write in w.shop.writes() {
        assert_eq!(write["method"], "PUT");
        assert!(write["path"].as_str().unwrap().starts_with("/rest/all/V1/"));
        assert_eq!(write["query"].as_str().unwrap_or_default(), "");
        let category = write["body"]["category"].as_object().unwrap();
        let names: Vec<&String> = category.keys().collect();
        assert_eq!(names, ["custom_attributes", "id"]);
    }
}

#[test]
fn a_tree_is_made_from_the_top_and_deleted_from_the_bottom() {
    let w = World::new();
    let changes = r#"changes:
  - kind: category
    key: Default Category/Summer/Men\/Boys/Sale
    fields: { is_active: true, include_in_menu: false }
  - kind: category
    key: Default Category/Summer
    fields:
      is_active: true
      url_key: summer-26
      display_mode: PAGE
      landing_page: summer
      is_anchor: false
      available_sort_by: [position, name]
      filter_price_range: 12.5
  - kind: category
    key: Default Category/Summer/Men\/Boys
    fields: { is_active: false }
  - kind: category
    key: Default Category/Summer
    store: de
    fields: { name: Sommer, meta_title: Sommer 26 }
  - kind: cms_block
    key: summer
    fields: { title: Summer, content: <h1>Summer</h1> }
"#;
    there_and_back(&w, changes, |dump| {
        let categories = &dump["category"];
        assert_eq!(
            categories["Default Category/Summer/Men/Boys/Sale"]["all"]["include_in_menu"],
            "0"
        );
        let summer = &categories["Default Category/Summer"];
        assert_eq!(summer["de"]["name"], "Sommer");
        assert_eq!(summer["de"]["meta_title"], "Sommer 26");
        assert_eq!(summer["all"]["available_sort_by"], "name,position");
        assert_eq!(summer["all"]["filter_price_range"], "12.500000");
        assert_eq!(summer["all"]["is_anchor"], "0");
        assert_eq!(
            dump["category"][r"Default Category/Summer"]["all"]["display_mode"],
            "PAGE"
        );
    });
    let names = |method: &str, member: &str| -> Vec<Value> {
        let writes = w.shop.writes().into_iter();
        writes
            .filter(|write| write["method"] == method && write["kind"] == "category")
            .map(|write| write["body"]["category"][member].clone())
            .collect()
    };
    assert_eq!(names("POST", "name"), ["Summer", "Men/Boys", "Sale"]);
    assert_eq!(names("DELETE", "name").len(), 3);
}

#[test]
fn a_view_has_values_of_its_own_and_goes_back_to_the_default() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "category", "key": BAGS, "store": "de",
        "fields": {"description": "Taschen", "meta_title": "Taschen"}}));
    let changes = "changes:
  - kind: category
    key: Default Category/Gear/Bags
    fields: { description: Bags, meta_title: All bags }
  - kind: category
    key: Default Category/Gear/Bags
    store: [de, fr]
    fields:
      description: { default: true }
      meta_description: Sacs
";
    there_and_back(&w, changes, |dump| {
        let bags = &dump["category"][BAGS];
        assert_eq!(bags["all"]["description"], "Bags");
        assert_eq!(bags["de"]["description"], Value::Null);
        assert_eq!(bags["de"]["meta_title"], "Taschen");
        assert_eq!(bags["fr"]["meta_description"], "Sacs");
    });
}

#[test]
fn an_empty_override_is_no_default() {
    let w = World::new();
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    store: de
    fields: { description: '' }
";
    there_and_back(&w, changes, |dump| {
        let gear = &dump["category"]["Default Category/Gear"];
        assert!(gear["de"].as_object().unwrap().contains_key("description"));
        assert_ne!(gear["all"]["description"], Value::Null);
        assert_eq!(gear["de"]["description"], Value::Null);
    });
}

#[test]
fn a_name_of_a_view_stays_its_own_and_both_plan_and_rollback_say_so() {
    let w = World::new();
    let before = w.shop.dump();
    let changes = "changes:
  - kind: category
    key: Default Category/Sale
    store: de
    fields: { name: Ausverkauf, is_active: true }
";
    let commit = w.repo.release("a", changes, "Sale in German");
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(2), "{}", plan.said());
    for word in ["`name`", "`is_active`", "never be taken away again"] {
        assert!(plan.stdout.contains(word), "no {word}: {}", plan.stdout);
    }
    w.reconcile().converged();
    let sale = &w.shop.dump()["category"]["Default Category/Sale"];
    assert_eq!(sale["de"]["name"], "Ausverkauf");
    assert_eq!(sale["de"]["is_active"], "1");
    nothing_to_do(&w);

    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    // The dump does not tell a row of its own from an inherited one of the same value.
    same(&before, &w.shop.dump());
    assert_eq!(w.stands(&revert), "rollback live");
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    let release = w.release(&revert);
    assert!(
        activity(&release).contains("its own row stays"),
        "{}",
        activity(&release)
    );
    nothing_to_do(&w);
}

#[test]
fn what_a_view_of_its_own_falls_back_to_is_the_value_of_the_same_rollback() {
    let w = World::new();
    let before = w.shop.dump();
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    fields: { is_active: false, include_in_menu: false }
  - kind: category
    key: Default Category/Gear
    store: de
    fields: { is_active: true, include_in_menu: true }
";
    let commit = w.repo.release("a", changes, "Only in German");
    w.reconcile().converged();
    let gear = &w.shop.dump()["category"]["Default Category/Gear"];
    assert_eq!(gear["all"]["is_active"], "0");
    assert_eq!(gear["de"]["is_active"], "1");
    nothing_to_do(&w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_deleted_tree_comes_back_with_its_views_and_products() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "category", "key": BAGS, "store": "fr",
        "fields": {"name": "Sacs", "description": "<p>Sacs</p>", "url_key": "sacs"}}));
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    ensure: absent
  - kind: category
    key: Default Category/Gear/Bags
    ensure: absent
";
    there_and_back(&w, changes, |dump| {
        assert_eq!(dump["category"]["Default Category/Gear"], Value::Null);
        assert_eq!(dump["category_product"], json!({}));
    });
}

#[test]
fn a_category_is_not_deleted_over_the_heads_of_those_below_it() {
    let w = World::new();
    let before = w.shop.dump();
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    ensure: absent
";
    w.repo.release("a", changes, "Gear goes");
    w.reconcile()
        .failed_saying(&["Default Category/Gear/Bags", "`ensure: absent`"]);
    same(&before, &w.shop.dump());
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn a_rollback_does_not_take_along_what_an_administrator_put_below() {
    let w = World::new();
    let changes = "changes:
  - kind: category
    key: Default Category/Summer
    fields: { is_active: true }
";
    let commit = w.repo.release("a", changes, "Summer");
    w.reconcile().converged();
    w.shop
        .edit(&json!({"kind": "category", "key": "Default Category/Summer/Shoes"}));
    w.repo.revert(&commit);
    w.reconcile()
        .failed_saying(&["Default Category/Summer/Shoes"]);
    assert!(
        w.shop
            .has("category", "Default Category/Summer/Shoes", "all")
    );
}

#[test]
fn another_url_key_is_warned_of() {
    let w = World::new();
    let changes = "changes:
  - kind: category
    key: Default Category/Gear
    fields: { url_key: equipment }
";
    let commit = w.repo.release("a", changes, "Another address");
    let plan = w.run(&["plan"]);
    assert!(plan.stdout.contains("no redirect"), "{}", plan.stdout);
    w.reconcile().converged();
    let release = w.release(&commit);
    assert!(activity(&release).contains("no redirect"));
    let url_key = field(&release, "category", "Default Category/Gear", "url_key");
    assert_eq!(url_key["before"], "gear");
}

#[test]
fn two_of_one_name_are_told_apart_by_nobody() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "category", "key": "Default Category/Twin"}));
    w.shop
        .edit(&json!({"kind": "category", "key": "Default Category/Other"}));
    w.shop
        .edit(&json!({"kind": "category", "key": "Default Category/Other",
        "fields": {"name": "Twin"}}));
    let changes = "changes:
  - kind: category
    key: Default Category/Twin
    fields: { description: Which? }
";
    let commit = w.repo.release("a", changes, "Twins");
    w.reconcile()
        .failed_saying(&["2 entities have this key", "ids"]);
    let twin = change(&w.release(&commit), "category", "Default Category/Twin");
    assert_eq!(twin["status"], "failed");
}

#[test]
fn a_category_that_is_made_anew_is_whole_whatever_answers_are_lost() {
    let gear = "changes:
  - kind: category
    key: Default Category/Gear/Bags
    ensure: absent
";
    let lost = [
        json!({"match": {"method": "POST", "path": "V1/categories", "nth": 2}, "action": "reset_after"}),
        json!({"match": {"method": "PUT", "path": "/rest/fr/V1/categories", "nth": 1}, "action": "reset_before"}),
        json!({"match": {"method": "PUT", "path": "/products", "nth": 2}, "action": "reset_after"}),
    ];
    for rule in lost {
        let w = World::with(Options {
            settings: "store.timeout: 1s",
            ..Options::default()
        });
        w.shop
            .edit(&json!({"kind": "category", "key": BAGS, "store": "fr",
            "fields": {"name": "Sacs", "description": "<p>Sacs</p>"}}));
        let before = w.shop.dump();
        let commit = w.repo.release("a", gear, "No bags");
        w.reconcile().converged();
        assert!(!w.shop.has("category", BAGS, "all"));
        w.shop.faults(&json!({"rules": [rule]}));
        w.repo.revert(&commit);
        w.reconcile().converged();
        same(&before, &w.shop.dump());
        nothing_to_do(&w);
    }
}

#[test]
fn a_category_is_found_in_few_requests_however_many_there_are() {
    let w = World::new();
    let mut changes = "changes:\n".to_owned();
    for i in 0..40 {
        let key = format!("Default Category/Gear/Nr. {i}, new");
        w.shop.edit(&json!({"kind": "category", "key": key}));
        changes.push_str(&format!(
            "  - kind: category\n    key: '{key}'\n    fields: {{ description: d }}\n"
        ));
    }
    w.repo.release("a", &changes, "Forty");
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(2), "{}", plan.said());
    let requests = w.shop.requests();
    let lists = requests.iter().filter(|request| {
        let path = request["path"].as_str().unwrap();
        path.contains("/categories")
    });
    assert!(lists.count() < 8, "{}", requests.len());
}

#[test]
fn a_field_emptied_again_stays_empty_when_the_deletion_after_it_is_taken_back_in_the_same_push() {
    let w = World::new();
    let before = w.shop.dump();
    let titled = w.repo.release(
        "a",
        "changes:
  - kind: category
    key: Default Category/Sale
    fields: { meta_title: Sale }
",
        "Title it",
    );
    w.reconcile().converged();
    w.repo.revert_only(&[&titled]);
    let deleted = w.repo.prepare(
        "a",
        "changes:
  - kind: category
    key: Default Category/Sale
    ensure: absent
",
        "Delete it",
    );
    w.repo.revert_only(&[&deleted]);
    w.repo.push();
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(&w);
}

#[test]
fn what_was_set_where_a_category_was_to_be_deleted_goes_when_both_are_taken_back_at_once() {
    let w = World::new();
    let before = w.shop.dump();
    let deleted = w.repo.prepare(
        "a",
        "changes:
  - kind: category
    key: Default Category/Sale
    ensure: absent
",
        "Delete it",
    );
    let anew = w.repo.prepare(
        "b",
        "changes:
  - kind: category
    key: Default Category/Sale
    fields: { is_active: true, meta_title: Sale }
",
        "Make it anew",
    );
    w.repo.push();
    w.reconcile().converged();
    w.repo.revert_only(&[&anew]);
    w.repo.revert_only(&[&deleted]);
    w.repo.push();
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(&w);
}
