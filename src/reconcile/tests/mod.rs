//! The engine over a repository, a ledger and a store in memory: whole histories, killed anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod batches;
mod crashes;
mod faults;
mod histories;
mod lease;
mod queue;
mod reverts;
mod world;
