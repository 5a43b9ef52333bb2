//! The catalogue, told by the program itself against the embedded store: every kind is made, changed,
//! deleted and put back, and nothing that was just written shows as different.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bulk;
mod campaign;
mod category;
mod product;
mod promotions;
mod room;
mod rows;
mod spelled;
#[path = "../support/mod.rs"]
mod support;
mod together;

#[allow(unused_imports, reason = "the supports name each other by these")]
use support::{repo, shop, world};

use serde_json::Value;

/// Nothing is left to do: what was just written does not show as different.
#[track_caller]
fn nothing_to_do(w: &world::World) {
    let plan = w.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said());
}

/// The store is as it was.
#[track_caller]
fn same(before: &Value, after: &Value) {
    assert!(before == after, "{:#?}", shop::differences(before, after));
}
