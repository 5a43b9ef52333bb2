//! Promotions, customer groups and taxes: every kind is made, changed, deleted and put back.

use serde_json::{Value, json};

use crate::nothing_to_do;
use crate::shop::differences;
use crate::world::{World, activity, change};

const CONDITION: &str = r"Magento\SalesRule\Model\Rule\Condition";

/// A release that changes the store as expected and leaves nothing to do; its revert puts everything back.
#[track_caller]
fn there_and_back(w: &World, yaml: &str, changed: &[&str]) {
    let before = w.shop.dump();
    let commit = w.repo.release("a", yaml, "There");
    w.reconcile().converged();
    let moved = differences(&before, &w.shop.dump());
    for line in &moved {
        let expected = changed
            .iter()
            .any(|part| line.starts_with(&format!(" {part}")));
        assert!(expected, "{line}");
    }
    for part in changed {
        let seen = moved
            .iter()
            .any(|line| line.starts_with(&format!(" {part}")));
        assert!(seen, "{part} did not change: {moved:#?}");
    }
    nothing_to_do(w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    let left = differences(&before, &w.shop.dump());
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    nothing_to_do(w);
}

/// A release that is refused before anything is written, for these reasons.
#[track_caller]
fn refused(yaml: &str, words: &[&str]) {
    let w = World::new();
    refused_in(&w, yaml, words);
}

#[track_caller]
fn refused_in(w: &World, yaml: &str, words: &[&str]) {
    let before = w.shop.dump();
    let commit = w.repo.release("a", yaml, "Refused");
    let said = w.reconcile().failed().said();
    let release = w.release(&commit);
    let told = format!("{said}{release}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

/// One change; `fields` as YAML in braces.
fn one(kind: &str, key: &str, fields: &str) -> String {
    format!("changes:\n  - kind: {kind}\n    key: {key}\n    fields: {fields}\n")
}

fn absent(kind: &str, key: &str) -> String {
    format!("changes:\n  - kind: {kind}\n    key: {key}\n    ensure: absent\n")
}

#[test]
fn tax_rates_come_change_and_go() {
    let w = World::new();
    let rate = "{ tax_country_id: FR, tax_postcode: \"75*\", rate: 20.125, titles: { fr: TVA } }";
    there_and_back(&w, &one("tax_rate", "FR-20", rate), &["tax_rate FR-20"]);
    let range = "{ tax_country_id: DE, zip_is_range: 1, zip_from: 10000, zip_to: 19999, rate: 7 }";
    there_and_back(&w, &one("tax_rate", "DE-1", range), &["tax_rate DE-1"]);
    // An update sends the whole, or Magento would drop the rest.
    let change = one("tax_rate", "DE-19", "{ rate: 16 }");
    there_and_back(&w, &change, &["tax_rate DE-19 all rate"]);
    let title = one(
        "tax_rate",
        "DE-19",
        "{ titles: { de: MwSt., default: VAT } }",
    );
    there_and_back(&w, &title, &["tax_rate DE-19 all titles"]);
}

#[test]
fn a_tax_rate_with_everything_is_deleted_and_made_again() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "tax_rate", "key": "FR-5.5", "fields": {"tax_country_id": "FR", "tax_postcode": "*",
            "rate": 5.5, "titles": [{"store_id": "3", "value": "TVA"}]}},
        {"kind": "tax_rate", "key": "US-1", "fields": {"tax_country_id": "US", "tax_region_id": 12,
            "zip_is_range": 1, "zip_from": 90000, "zip_to": 96162, "tax_postcode": "90000-96162", "rate": 8.25}},
    ]));
    there_and_back(&w, &absent("tax_rate", "FR-5.5"), &["tax_rate FR-5.5"]);
    there_and_back(&w, &absent("tax_rate", "US-1"), &["tax_rate US-1"]);
}

#[test]
fn tax_rules_name_classes_and_rates() {
    let w = World::new();
    w.shop
        .edit(&json!({"kind": "tax_class", "key": "Books", "fields": {"class_type": "PRODUCT"}}));
    // The rate is made in the same release, so its id is not known beforehand.
    let both = "changes:
  - kind: tax_rule
    key: Books in Germany
    fields:
      customer_tax_class_ids: [Retail Customer]
      product_tax_class_ids: [Books]
      tax_rate_ids: [DE-7]
      priority: 1
  - kind: tax_rate
    key: DE-7
    fields: { tax_country_id: DE, tax_postcode: \"*\", rate: 7 }
";
    there_and_back(&w, both, &["tax_rate DE-7", "tax_rule Books in Germany"]);
    let classes = "{ product_tax_class_ids: [Taxable Goods, Books], position: 3 }";
    there_and_back(
        &w,
        &one("tax_rule", "Germany", classes),
        &[
            "tax_rule Germany all product_tax_class_ids",
            "tax_rule Germany all position",
        ],
    );
    there_and_back(&w, &absent("tax_rule", "Germany"), &["tax_rule Germany"]);
}

#[test]
fn a_rate_goes_with_the_rule_that_uses_it_and_both_come_back() {
    let w = World::new();
    let both = format!(
        "{}  - kind: tax_rate\n    key: DE-19\n    ensure: absent\n",
        absent("tax_rule", "Germany")
    );
    there_and_back(&w, &both, &["tax_rule Germany", "tax_rate DE-19"]);
}

#[test]
fn a_rate_in_use_is_not_deleted() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo
        .release("a", &absent("tax_rate", "DE-19"), "Too early");
    w.reconcile()
        .failed_saying(&["can't be removed because it exists in a tax rule"]);
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn customer_groups_come_change_and_go() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "tax_class", "key": "Trade", "fields": {"class_type": "CUSTOMER"}},
        {"kind": "customer_group", "key": "Spare", "fields": {"tax_class_id": 3}},
    ]));
    let group = "{ tax_class_id: Trade }";
    there_and_back(
        &w,
        &one("customer_group", "VIP", group),
        &["customer_group VIP"],
    );
    there_and_back(
        &w,
        &one("customer_group", "General", group),
        &["customer_group General all tax_class_name"],
    );
    there_and_back(
        &w,
        &absent("customer_group", "Spare"),
        &["customer_group Spare"],
    );
}

#[test]
fn a_group_that_would_take_more_with_it_stays() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "customer_group", "key": "Friends", "fields": {"tax_class_id": 3}},
        {"kind": "customer", "key": "ada@shop.example",
            "fields": {"firstname": "Ada", "lastname": "M", "group_id": 5}},
    ]));
    for (key, words) in [
        ("NOT LOGGED IN", "`built_in`"),
        ("General", "`built_in`"),
        ("Club", "`cart_rules`"),
        ("Friends", "`customers`"),
    ] {
        let before = w.shop.dump();
        w.repo.release(key, &absent("customer_group", key), "No");
        w.reconcile().failed_saying(&["could not be undone", words]);
        assert_eq!(w.shop.dump(), before);
        w.repo.git(&["rm", "-q", &format!("releases/{key}.yaml")]);
        w.repo.commit("Never mind");
        w.repo.push();
        w.reconcile();
    }
    // tier prices are read by a POST
    let reads =
        |request: &serde_json::Value| request["path"].as_str().unwrap().ends_with("-information");
    let sent = w.shop.writes();
    assert!(sent.iter().all(reads), "{sent:#?}");
}

#[test]
fn cart_rules_come_change_and_go() {
    let w = World::new();
    let rule = format!(
        "changes:
  - kind: cart_rule
    key: Buy 2, get 10%
    fields:
      description: Ten off
      is_active: true
      website_ids: [base]
      customer_group_ids: [NOT LOGGED IN, Club]
      from_date: 2030-01-01
      to_date: 2030-01-31
      simple_action: by_percent
      discount_amount: 10
      discount_qty: 3
      store_labels: {{ all: Sale, de: Rabatt }}
      condition:
        condition_type: {CONDITION}\\Combine
        aggregator_type: all
        value: true
        conditions:
          - condition_type: {CONDITION}\\Address
            attribute_name: base_subtotal
            operator: \">=\"
            value: 50
"
    );
    there_and_back(&w, &rule, &["cart_rule Buy 2, get 10%"]);
    let change = "{ discount_amount: 12.5, customer_group_ids: [General], from_date: 2030-02-01 }";
    there_and_back(
        &w,
        &one("cart_rule", "Welcome", change),
        &[
            "cart_rule Welcome all discount_amount",
            "cart_rule Welcome all customer_group_ids",
            "cart_rule Welcome all from_date",
        ],
    );
}

#[test]
fn what_is_cleared_is_cleared_and_comes_back() {
    let w = World::new();
    w.shop.edit(&json!({"kind": "cart_rule", "key": "Welcome", "fields": {
        "from_date": "2030-01-01", "to_date": "2030-01-31", "discount_qty": 2,
        "store_labels": [{"store_id": 0, "store_label": "Sale"}, {"store_id": 2, "store_label": "Rabatt"}],
    }}));
    // Magento drops a null that it is sent: these go as what it takes for empty.
    let clear = "{ description: null, from_date: null, to_date: null, discount_qty: null, store_labels: { all: Sale! } }";
    let all = "cart_rule Welcome all";
    there_and_back(
        &w,
        &one("cart_rule", "Welcome", clear),
        &[
            &format!("{all} description"),
            &format!("{all} from_date"),
            &format!("{all} to_date"),
            &format!("{all} discount_qty"),
            &format!("{all} store_labels"),
        ],
    );
    let none = one("cart_rule", "Welcome", "{ store_labels: {} }");
    there_and_back(&w, &none, &[&format!("{all} store_labels")]);
}

#[test]
fn conditions_are_replaced_and_compared_as_trees() {
    let w = World::new();
    // The tree of every new rule, in other words than the store's.
    let same = format!(
        "{{ condition: {{ value: \"1\", condition_type: {CONDITION}\\Combine, aggregator_type: all, conditions: [] }} }}"
    );
    w.repo
        .release("same", &one("cart_rule", "Welcome", &same), "Same");
    nothing_to_do(&w);
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());
    let leaf = format!(
        "{{ condition_type: {CONDITION}\\Product, attribute_name: sku, operator: \"()\", value: \"24-MB01, 24-MB02\" }}"
    );
    let tree = format!(
        "{{ action_condition: {{ condition_type: {CONDITION}\\Product\\Combine, aggregator_type: any, value: \"0\", conditions: [{leaf}] }} }}"
    );
    let tree = one("cart_rule", "Welcome", &tree);
    there_and_back(&w, &tree, &["cart_rule Welcome all action_condition"]);
}

#[test]
fn a_cart_rule_is_made_again_with_its_coupons() {
    let w = World::new();
    w.shop.edit(&json!({"kind": "coupon", "key": "SECOND",
        "fields": {"rule": "Welcome", "expiration_date": "2030-01-31 23:59:59"}}));
    there_and_back(
        &w,
        &absent("cart_rule", "Welcome"),
        &["cart_rule Welcome", "coupon WELCOME10", "coupon SECOND"],
    );
    // One that the release deletes itself is left to it.
    let both = format!(
        "{}  - kind: coupon\n    key: SECOND\n    ensure: absent\n",
        absent("cart_rule", "Welcome")
    );
    there_and_back(
        &w,
        &both,
        &["cart_rule Welcome", "coupon WELCOME10", "coupon SECOND"],
    );
}

#[test]
fn coupons_that_come_again_after_a_lost_write_are_not_made_twice() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w
        .repo
        .release("a", &absent("cart_rule", "Welcome"), "Delete");
    w.reconcile().converged();
    w.repo.revert(&commit);
    // The rule is made; the answer to its coupon is lost.
    w.shop.faults(&json!({"rules": [
        {"match": {"method": "POST", "path": "V1/coupons", "nth": 1}, "action": "reset_after"},
    ]}));
    w.reconcile().converged();
    let left = differences(&before, &w.shop.dump());
    assert!(left.is_empty(), "{left:#?}");
    let made = w.shop.writes();
    let made = made
        .iter()
        .filter(|request| request["method"] == "POST" && request["path"] == "/rest/all/V1/coupons");
    assert_eq!(made.count(), 1);
}

#[test]
fn coupons_come_change_and_go_with_the_rule_by_its_name() {
    let w = World::new();
    let campaign = "changes:
  - kind: coupon
    key: SPRING
    fields: { rule_id: Spring, is_primary: true, expiration_date: 2030-03-31 23:59:59 }
  - kind: cart_rule
    key: Spring
    fields:
      website_ids: [base]
      customer_group_ids: [Spring guests]
      simple_action: cart_fixed
      coupon_type: SPECIFIC_COUPON
      uses_per_coupon: 100
  - kind: customer_group
    key: Spring guests
    fields: { tax_class_id: Retail Customer }
";
    there_and_back(
        &w,
        campaign,
        &[
            "coupon SPRING",
            "cart_rule Spring",
            "customer_group Spring guests",
        ],
    );
    let change = one("coupon", "WELCOME10", "{ expiration_date: 2030-01-31 }");
    there_and_back(&w, &change, &["coupon WELCOME10 all expiration_date"]);
    let second = one("coupon", "SECOND", "{ rule_id: Welcome }");
    there_and_back(&w, &second, &["coupon SECOND"]);
    there_and_back(&w, &absent("coupon", "WELCOME10"), &["coupon WELCOME10"]);
}

#[test]
fn a_rule_whose_limit_moves_its_coupon_is_no_drift() {
    let w = World::new();
    let both = "changes:
  - kind: cart_rule
    key: Welcome
    fields: { uses_per_coupon: 5 }
  - kind: coupon
    key: WELCOME10
    fields: { expiration_date: 2030-01-31 }
";
    there_and_back(
        &w,
        both,
        &[
            "cart_rule Welcome all uses_per_coupon",
            "coupon WELCOME10 all usage_limit",
            "coupon WELCOME10 all expiration_date",
        ],
    );
}

#[test]
fn used_and_generated_coupons_are_not_deleted() {
    let w = World::new();
    w.shop.edit(&json!([
        {"kind": "coupon", "key": "WELCOME10", "fields": {"times_used": 3}},
        {"kind": "cart_rule", "key": "Lottery", "fields": {"website_ids": [1], "customer_group_ids": [1],
            "coupon_type": "SPECIFIC_COUPON", "use_auto_generation": true, "simple_action": "by_fixed"}},
        {"kind": "coupon", "key": "L-1", "fields": {"rule": "Lottery", "type": 1}},
    ]));
    let all = "changes:
  - { kind: coupon, key: WELCOME10, ensure: absent }
  - { kind: cart_rule, key: Welcome, ensure: absent }
  - { kind: cart_rule, key: Lottery, ensure: absent }
";
    refused_in(&w, all, &["`times_used`", "`lost_coupons`"]);
}

#[test]
fn two_rules_of_one_name_are_named() {
    let w = World::new();
    w.shop.edit(
        &json!({"kind": "cart_rule", "key": "Other", "fields": {"website_ids": [1],
        "customer_group_ids": [1], "simple_action": "by_fixed"}}),
    );
    w.shop
        .edit(&json!({"kind": "cart_rule", "key": "Other", "fields": {"name": "Welcome"}}));
    refused_in(
        &w,
        &one("cart_rule", "Welcome", "{ discount_amount: 5 }"),
        &["2 entities have this key", "(ids 1, 2)"],
    );
}

#[test]
fn a_key_in_other_letters_is_no_other_entity() {
    let w = World::new();
    w.repo.release(
        "a",
        "changes:\n  - { kind: customer_group, key: CLUB, ensure: existing, fields: { tax_class_id: Retail Customer } }\n",
        "Letters",
    );
    w.reconcile().failed_saying(&["the store has it as `Club`"]);
}

#[test]
fn what_magento_mangles_or_drops_is_found_offline() {
    let w = World::new();
    let yaml = r#"changes:
  - kind: cart_rule
    key: Welcome
    fields:
      simple_action: nosuch
      discount_amount: "10"
      is_activ: true
      times_used: 0
      condition: { condition_type: Magento\SalesRule\Model\Rule\Condition\Combine, aggregator_type: some, value: "1" }
  - kind: coupon
    key: WELCOME10
    fields: { usage_limit: 3 }
  - kind: tax_rate
    key: DE-19
    fields: { tax_postcode: "12345678901" }
  - kind: tax_rule
    key: Germany
    store: de
    fields: { tax_rate_ids: [], priority: -1 }
  - kind: customer_group
    key: A group whose name is far too long
    fields: { tax_class_id: true }
"#;
    w.repo.write("releases/a.yaml", yaml);
    let file = w.repo.path("releases/a.yaml");
    let run = w.run(&["validate", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!(run.code, Some(1), "{}", run.said());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut found: Vec<(u64, u64, &str)> = report["checked"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["origin"]["line"].as_u64().unwrap(),
                finding["origin"]["column"].as_u64().unwrap(),
                finding["id"].as_str().unwrap(),
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (5, 22, "value-unknown"),
            (6, 24, "wrong-type"),
            (7, 7, "unknown-field"),
            (8, 7, "read-only-field"),
            (9, 18, "value-bad-condition"),
            (12, 15, "read-only-field"),
            (15, 29, "value-too-long"),
            (18, 12, "store-of-global"),
            (19, 29, "value-empty"),
            (19, 43, "value-out-of-range"),
            (21, 10, "key-too-long"),
            (22, 29, "wrong-type"),
        ],
        "{report:#}"
    );
}

#[test]
fn a_missing_reference_is_refused_before_anything_is_written() {
    for (kind, fields, words) in [
        ("coupon", "{ rule_id: Welcom }", "did you mean \"Welcome\"?"),
        (
            "customer_group",
            "{ tax_class_id: Taxable Goods }",
            "no customer tax class",
        ),
        (
            "cart_rule",
            "{ website_ids: [nosuch], customer_group_ids: [General], simple_action: by_fixed }",
            "no website \"nosuch\"",
        ),
        (
            "cart_rule",
            "{ website_ids: [base], customer_group_ids: [Nobody], simple_action: by_fixed }",
            "no customer group \"Nobody\"",
        ),
        (
            "cart_rule",
            "{ website_ids: [base], customer_group_ids: [General], simple_action: by_fixed, store_labels: { it: X } }",
            "no store view \"it\"",
        ),
        (
            "tax_rule",
            "{ customer_tax_class_ids: [Retail Customer], product_tax_class_ids: [Taxable Goods], tax_rate_ids: [DE-7] }",
            "no tax rate \"DE-7\"",
        ),
        (
            "tax_rate",
            "{ tax_country_id: DE, rate: 7, titles: { it: X } }",
            "no store view \"it\"",
        ),
    ] {
        refused(&one(kind, "New", fields), &[words]);
    }
}

#[test]
fn what_is_decided_at_creation_stays() {
    for (kind, key, fields) in [
        ("cart_rule", "Welcome", "{ coupon_type: NO_COUPON }"),
        ("coupon", "WELCOME10", "{ type: 1 }"),
        (
            "tax_rate",
            "DE-19",
            "{ zip_is_range: 1, zip_from: 1, zip_to: 2 }",
        ),
    ] {
        refused(&one(kind, key, fields), &["cannot be changed"]);
    }
}

#[test]
fn a_missing_right_is_named_before_anything_is_written() {
    for (right, kind, key, fields) in [
        (
            "Magento_SalesRule::quote",
            "cart_rule",
            "Welcome",
            "{ sort_order: 2 }",
        ),
        (
            "Magento_SalesRule::quote",
            "coupon",
            "WELCOME10",
            "{ expiration_date: 2030-01-01 }",
        ),
        (
            "Magento_Customer::group",
            "customer_group",
            "Club",
            "{ tax_class_id: Retail Customer }",
        ),
        (
            "Magento_Tax::manage_tax",
            "tax_rate",
            "DE-19",
            "{ rate: 7 }",
        ),
        (
            "Magento_Tax::manage_tax",
            "tax_rule",
            "Germany",
            "{ priority: 7 }",
        ),
    ] {
        let w = World::new();
        w.shop.faults(&json!({ "deny": [right] }));
        let before = w.shop.dump();
        w.repo.release("a", &one(kind, key, fields), "Denied");
        w.reconcile().failed_saying(&[right, "API tab"]);
        assert_eq!(w.shop.dump(), before);
        assert_eq!(w.shop.written(), Vec::<String>::new());
        w.shop.mend();
        w.reconcile().converged();
    }
}

#[test]
fn a_tax_update_whose_answer_is_lost_is_not_repeated() {
    let w = World::new();
    w.shop.faults(&json!({"rules": [
        {"match": {"method": "PUT", "path": "taxRates", "nth": 1}, "action": "reset_after"},
    ]}));
    let commit = w
        .repo
        .release("a", &one("tax_rate", "DE-19", "{ rate: 16 }"), "Sixteen");
    w.reconcile().converged();
    assert_eq!(w.shop.field("tax_rate", "DE-19", "all", "rate"), 16);
    assert_eq!(
        w.shop.writes().len(),
        1,
        "{}",
        activity(&w.release(&commit))
    );
    assert_eq!(
        change(&w.release(&commit), "tax_rate", "DE-19")["status"],
        "done"
    );
}
