//! Reverts as people really make them: Git histories with real repositories, the program itself and
//! the embedded store, each with what its author wants of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod again;
mod edits;
mod entities;
mod forges;
mod invalid;
mod made_again;
mod merges;
mod moves;
mod numbers;
mod odd_commits;
mod previews;
mod pull_requests;
mod quoted;
mod reapplied;
mod removals;
mod rewrites;
mod several;
mod squashes;
#[path = "../support/mod.rs"]
mod support;
mod wrong_files;

use support::world;
use world::title;

/// A file that cannot be read.
const BROKEN: &str =
    "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      titel: Oops\n";

/// The usual campaign: it adds a release file, which sets one title.
fn black_friday() -> String {
    title("home-hero", "Black Friday")
}

/// The one that comes next.
fn cyber_monday() -> String {
    title("old-hero", "Cyber Monday")
}
