//! Nothing is lost and nothing is written twice: the real daemon is killed, starved, lied to and run
//! twice, over a mirrored repository, against the embedded store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod elsewhere;
mod faults;
mod hooks;
mod matrix;
mod proxy;
#[path = "../scenarios/repo.rs"]
#[allow(dead_code, reason = "shared with the scenarios, which use the rest")]
mod repo;
#[path = "../scenarios/shop.rs"]
#[allow(dead_code, reason = "shared with the scenarios, which use the rest")]
mod shop;
mod two;
mod world;
