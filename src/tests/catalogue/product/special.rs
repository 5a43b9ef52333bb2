//! Special prices and their days, which Magento sets together.

use serde_json::Value;

use super::{SKU, one, product, release, there_and_back, value};
use crate::same;
use crate::world::{World, field};

const SPECIAL: &str = "24-MB02";

#[test]
fn a_special_price_brings_its_first_day_and_takes_it_away_again() {
    let w = World::new();
    there_and_back(&w, &one("all", "special_price: 25"), |w| {
        assert_eq!(value(w, "all", "special_price"), "25.000000");
        assert!(value(w, "all", "special_from_date").is_string());
        let release = w.release(&w.repo.head());
        let day = field(&release, "product", SKU, "special_from_date");
        assert_eq!(day["before"], Value::Null);
    });
    there_and_back(
        &w,
        &one(
            "all",
            "special_price: 25, special_from_date: 2026-11-27, special_to_date: 2026-11-30",
        ),
        |w| assert_eq!(value(w, "all", "special_from_date"), "2026-11-27 00:00:00"),
    );
    // For PHP a zero is nothing: no day comes with it.
    there_and_back(&w, &one("all", "special_price: 0"), |w| {
        assert_eq!(value(w, "all", "special_price"), "0.000000");
        assert_eq!(value(w, "all", "special_from_date"), Value::Null);
    });
}

#[test]
fn another_special_price_leaves_the_days_where_they_are() {
    let w = World::new();
    for fields in [
        "special_price: 45.5",
        "special_price: null",
        "special_price: null, special_from_date: null, special_to_date: null",
        "special_from_date: null",
        "name: Other",
    ] {
        there_and_back(&w, &release(&[product(SPECIAL, "all", fields)]), |w| {
            if !fields.contains("from_date") {
                let from = w.shop.field("product", SPECIAL, "all", "special_from_date");
                assert_eq!(from, "2026-01-01 00:00:00", "{fields}");
            }
        });
    }
}

#[test]
fn a_change_of_a_view_does_not_start_the_special_price_anew() {
    let w = World::new();
    there_and_back(
        &w,
        &release(&[product(SPECIAL, "de", "name: Rucksack")]),
        |w| {
            for store in ["de", "default"] {
                let from = w.shop.field("product", SPECIAL, store, "special_from_date");
                assert_eq!(from, Value::Null, "{store} has a day of its own");
            }
        },
    );
    // Where there is no first day, none comes into being either.
    let w = World::new();
    let plain =
        serde_json::json!({"kind": "product", "key": SPECIAL, "fields": {"special_from_date": ""}});
    w.shop.edit(&plain);
    for store in ["de", "all"] {
        there_and_back(
            &w,
            &release(&[product(SPECIAL, store, "name: Rucksack")]),
            |w| {
                let from = w.shop.field("product", SPECIAL, store, "special_from_date");
                assert_eq!(from, Value::Null, "{store}");
            },
        );
    }
}

#[test]
fn views_that_only_equal_the_first_day_follow_it() {
    let w = World::new();
    let before = w.shop.dump();
    let named = w.repo.release(
        "a",
        &release(&[product(SPECIAL, "de", "name: Rucksack")]),
        "A view",
    );
    w.reconcile().converged();
    let later = product(
        SPECIAL,
        "all",
        "special_price: 45, special_from_date: 2026-12-01",
    );
    let later = w.repo.release("b", &release(&[later]), "Later");
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("product", SPECIAL, "all", "special_from_date"),
        "2026-12-01 00:00:00"
    );
    assert_eq!(
        w.shop.field("product", SPECIAL, "de", "special_from_date"),
        Value::Null
    );
    w.repo.revert(&named);
    w.reconcile().converged();
    w.repo.revert(&later);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
}

#[test]
fn a_special_price_and_a_views_name_in_one_release() {
    let w = World::new();
    let text = release(&[
        product(SKU, "all", "special_price: 20"),
        product(SKU, "fr", "name: Sac"),
        product(SKU, "de", "special_to_date: 2030-01-01"),
    ]);
    there_and_back(&w, &text, |w| {
        assert_eq!(value(w, "fr", "special_from_date"), Value::Null);
        assert_eq!(value(w, "de", "special_to_date"), "2030-01-01 00:00:00");
        assert_eq!(
            value(w, "default", "special_to_date"),
            "2030-01-01 00:00:00"
        );
    });
}
