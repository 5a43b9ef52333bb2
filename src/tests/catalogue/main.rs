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
#[path = "../support/mod.rs"]
mod support;
mod together;

#[allow(unused_imports, reason = "the supports name each other by these")]
use support::{repo, shop, world};
