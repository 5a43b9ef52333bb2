//! Names, ids and letters: what is meant, and what only looks like it.

use serde_json::json;

use crate::world::World;
use crate::{nothing_to_do, same};

/// The plan of a release of these changes, as it is printed.
fn planned(w: &World, changes: &str) -> String {
    w.repo
        .release("a", &format!("changes:\n{changes}"), "Spelled");
    w.run(&["plan"]).stdout
}

fn sizes(w: &World, labels: &[&str]) {
    w.shop
        .edit(&json!({"kind": "product_attribute", "key": "size",
        "fields": {"frontend_input": "select", "default_frontend_label": "Size"}}));
    for (at, label) in labels.iter().enumerate() {
        w.shop
            .edit(&json!({"kind": "attribute_option", "key": "size",
            "fields": {"label": label, "sort_order": at}}));
    }
}

#[test]
fn a_key_in_other_letters_is_refused_by_the_plan_where_the_store_takes_it_for_the_same() {
    for (kind, known, key, fields) in [
        ("coupon", "WELCOME10", "Welcome10", "{ rule_id: Welcome }"),
        (
            "customer_group",
            "Club",
            "CLUB",
            "{ tax_class_id: Retail Customer }",
        ),
    ] {
        let w = World::new();
        let before = w.shop.dump();
        let change = format!("  - {{ kind: {kind}, key: {key}, fields: {fields} }}\n");
        let plan = planned(&w, &change);
        let words = format!("the store has it as `{known}`");
        assert!(plan.contains(&words), "{plan}");
        w.reconcile().failed_saying(&[&words]);
        same(&before, &w.shop.dump());
    }
}

#[test]
fn a_rule_beside_one_in_other_letters_is_made_with_a_warning() {
    let w = World::new();
    let change = "  - kind: cart_rule
    key: WELCOME
    fields: { website_ids: [base], customer_group_ids: [General], simple_action: by_percent, discount_amount: 5, is_active: true }
";
    let plan = planned(&w, change);
    assert!(
        plan.contains("makes a second cart rule beside `Welcome`"),
        "{plan}"
    );
    w.reconcile().converged();
    nothing_to_do(&w);
}

#[test]
fn a_number_among_labels_that_are_numbers_is_no_id() {
    let w = World::new();
    sizes(&w, &["XS", "38"]);
    let before = w.shop.dump();
    let plan_of = |size: &str| {
        let change = format!("  - {{ kind: product, key: 24-MB01, fields: {{ size: {size} }} }}\n");
        planned(&w, &change)
    };
    let plan = plan_of("38");
    assert!(plan.contains("put the name in quotes: \"38\""), "{plan}");
    // The one that has an id is told by its name.
    let mut plans = (1..100).map(|id| plan_of(&id.to_string()));
    let plan = plans
        .find(|plan| !plan.contains("no option with id"))
        .unwrap();
    assert!(
        plan.contains("is \"XS\": if that one is meant, write its name"),
        "{plan}"
    );
    w.reconcile().failed_saying(&["size"]);
    same(&before, &w.shop.dump());
    planned(
        &w,
        "  - { kind: product, key: 24-MB01, fields: { size: '38' } }\n",
    );
    w.reconcile().converged();
    nothing_to_do(&w);
}

#[test]
fn options_that_are_emptied_are_at_rest_and_come_back() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product_attribute", "key": "suits",
        "fields": {"frontend_input": "multiselect", "default_frontend_label": "Suits"}}));
    w.shop
        .edit(&json!({"kind": "attribute_option", "key": "suits",
        "fields": {"label": "Gas, Elektro", "sort_order": 1}}));
    w.repo.release(
        "a",
        "changes:\n  - { kind: product, key: 24-MB01, fields: { suits: ['Gas, Elektro'] } }\n",
        "Suits",
    );
    w.reconcile().converged();
    let before = w.shop.dump();
    let emptied = w.repo.release(
        "b",
        "changes:\n  - { kind: product, key: 24-MB01, fields: { suits: [] } }\n",
        "Nothing",
    );
    w.reconcile().converged();
    assert_eq!(w.stands(&emptied), "deploy live");
    nothing_to_do(&w);
    w.repo.revert(&emptied);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(&w);
}

#[test]
fn a_swatch_is_not_deleted_and_its_change_is_warned_of() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "product_attribute", "key": "colour",
        "fields": {"frontend_input": "swatch_visual", "default_frontend_label": "Colour"}}));
    for label in ["Red", "Blue"] {
        w.shop
            .edit(&json!({"kind": "attribute_option", "key": "colour",
            "fields": {"label": label, "sort_order": 1}}));
    }
    let before = w.shop.dump();
    let plan = planned(
        &w,
        "  - { kind: attribute_option, key: colour|Blue, ensure: absent }\n  - { kind: product_attribute, key: colour, ensure: absent }\n",
    );
    let refused = plan
        .matches("its swatches (colours, images) could not be made again")
        .count();
    assert_eq!(refused, 2, "{plan}");
    w.reconcile().failed_saying(&["swatches"]);
    same(&before, &w.shop.dump());
    let plan = planned(
        &w,
        "  - { kind: attribute_option, key: colour|Red, fields: { store_labels: { de: Rot } } }\n",
    );
    assert!(plan.contains("the option is a swatch"), "{plan}");
}

#[test]
fn a_page_that_the_shop_needs_is_deleted_with_a_warning() {
    let w = World::new();
    let plan = planned(
        &w,
        "  - { kind: cms_page, key: home, ensure: absent }\n  - { kind: cms_page, key: no-route, ensure: absent }\n",
    );
    assert!(plan.contains("web/default/cms_home_page"), "{plan}");
    assert!(plan.contains("web/default/cms_no_route"), "{plan}");
}

#[test]
fn a_shop_that_lets_smaller_pages_through_is_asked_for_these() {
    let w = World::new();
    let before = w.shop.dump();
    w.shop.faults(&json!({"rules": [{
        "match": {"path": "pageSize%5D=300"},
        "action": {"respond": {"status": 400, "body":
            "{\"message\":\"Maximum SearchCriteria pageSize is %max\",\"parameters\":{\"max\":2}}"}},
    }]}));
    let blocks: String = (1..=5).map(|n| format!("  - {{ kind: cms_block, key: page-{n}, ensure: present, fields: {{ title: T, content: c }} }}\n")).collect();
    let products = "  - { kind: product, key: 24-MB01, fields: { name: Bag } }\n  - { kind: product, key: 24-MB02, fields: { name: Bag } }\n";
    let commit = w
        .repo
        .release("a", &format!("changes:\n{blocks}{products}"), "Pages");
    w.reconcile().converged();
    nothing_to_do(&w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}
