//! The campaign of `examples/`: everything at once, as a merchant would write it.

use std::fs;

use serde_json::Value;

use crate::world::{World, activity};
use crate::{nothing_to_do, same};

const CAMPAIGN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/releases/2026-11-30-cyber-week.yaml"
);

#[test]
fn the_example_goes_live_and_its_revert_takes_all_of_it_back() {
    let w = World::new();
    let before = w.shop.dump();
    let text = fs::read_to_string(CAMPAIGN).unwrap();
    let commit = w.repo.release("cyber-week", &text, "Cyber week");
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(2), "{}", plan.said());
    same(&before, &w.shop.dump());

    w.reconcile().converged();
    nothing_to_do(&w);
    assert_eq!(w.stands(&commit), "deploy live");
    let shop = w.shop.dump();
    let bag = &shop["product"]["24-MB01"];
    assert_eq!(bag["all"]["color"], "Red");
    assert_eq!(bag["de"]["name"], "Joust Reisetasche, Cyber-Edition");
    assert_eq!(bag["all"]["special_from_date"], "2026-11-30 00:00:00");
    assert_eq!(bag["de"]["special_from_date"], Value::Null);
    assert!(shop["cms_page"]["cyber-week"].is_object());
    assert!(shop["coupon"]["CYBER20"].is_object());
    // What a row of prices sets is no surprise in its product.
    let told = activity(&w.release(&commit));
    assert!(!told.contains("moved meanwhile"), "{told}");

    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    nothing_to_do(&w);
    same(&before, &w.shop.dump());
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    let told = activity(&w.release(&revert));
    assert!(!told.contains("moved meanwhile"), "{told}");
}

/// Saving a view while a special price stands makes a row of the first day in that view.
#[test]
fn a_views_name_keeps_no_first_day_when_a_row_of_prices_moves_it() {
    let w = World::new();
    let before = w.shop.dump();
    let named = "changes:
  - { kind: product, key: 24-MB02, store: de, fields: { name: Rucksack } }\n";
    w.repo.release("a", named, "A view");
    w.reconcile().converged();
    let priced = "changes:
  - { kind: special_price, key: 24-MB02, fields: { price: 47, price_from: 2026-11-30 00:00:00 } }\n";
    w.repo.release("b", priced, "A price");
    w.reconcile().converged();
    let product = w.shop.dump()["product"]["24-MB02"].clone();
    assert_eq!(product["all"]["special_from_date"], "2026-11-30 00:00:00");
    for view in ["de", "default"] {
        let day = &product[view]["special_from_date"];
        let follows = day.is_null() || *day == product["all"]["special_from_date"];
        assert!(follows, "{view}: {day}");
    }
    let head = w.repo.head();
    w.repo.revert(&head);
    w.repo.revert(&format!("{head}~1"));
    w.reconcile().converged();
    nothing_to_do(&w);
    same(&before, &w.shop.dump());
}
