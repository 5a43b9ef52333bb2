//! Trouble with Git: what a remote, a disk or another person does to the repository. The environment
//! waits or is stalled and says why, nothing is written to the store meanwhile, and the release goes
//! live once the trouble is over or the stated remedy is carried out. The real program, repositories
//! in place and mirrored, real hooks, locks, limits and damage.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod branches;
mod disk;
mod formats;
mod pushes;
mod remote;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod world;

use support::{repo, shop};
