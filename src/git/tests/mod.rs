//! Real repositories made by the git program, in scratch directories.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod ancestry;
mod exclusive;
mod https;
mod ledger;
mod mirror;
mod odd;
mod revision;
mod scratch;
mod source;
mod support;
mod watch;
mod words;
