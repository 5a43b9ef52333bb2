//! The main job, told by the program itself: a push deploys, a revert rolls back, against the
//! embedded store and real repositories. Nothing here looks inside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bad_files;
mod crashing;
mod deploying;
mod entities;
mod failing;
mod history;
mod pushes;
mod reverting;
mod rollback;
mod several;
#[path = "../support/mod.rs"]
mod support;

use support::{repo, shop, world};
