//! The rollback rule, played against its properties: random histories of a small shop and, to a small
//! depth, all of them. What the store shall show is told by an [`Ideal`](timeline::Ideal) that knows
//! neither layers nor what is held.
//!
//! Every case is made from its number. `GITMAGE_CASES=<number>` plays as many of each kind,
//! `GITMAGE_SEED=<number>` begins there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod checks;
mod exhaustive;
mod histories;
mod history;
mod random;
mod shop;
mod simulation;
mod timeline;
