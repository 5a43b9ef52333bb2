//! Nothing is lost and nothing is written twice: the real daemon is killed, starved, lied to and run
//! twice, over a mirrored repository, against the embedded store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod elsewhere;
mod faults;
mod hooks;
mod matrix;
mod proxy;
#[path = "../support/mod.rs"]
mod support;
mod two;
mod world;

use support::{repo, shop};
