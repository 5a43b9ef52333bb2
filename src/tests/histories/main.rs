//! Random histories of a shop: releases, reverts in any order, refusals and deaths, told by the
//! program itself with real repositories and the embedded store. After everything is reverted the
//! store is as it was.
//!
//! Every case is made from its number alone. One that failed is played again by
//! `GITMAGE_SEED=<number> cargo test --test histories`; `GITMAGE_SEED=<first>..<last>` plays others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod course;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Mutex;
use std::time::Instant;

use course::{Course, Figures};
use steps::{CATALOGUE_FROM, Case};
use support::threads::failures;

/// What runs without a wish.
const SEEDS: std::ops::Range<u64> = 0..50;

/// The same of the catalogue.
const CATALOGUE_SEEDS: std::ops::Range<u64> = CATALOGUE_FROM..CATALOGUE_FROM + 30;

/// What once failed: a deleted page that was reverted to by two commits of one push; a category that
/// was never deleted after all, and kept what was set meanwhile, two ways.
const FOUND: [u64; 3] = [204, 100_057, 100_112];

fn seeds() -> Vec<u64> {
    let Ok(wish) = std::env::var("GITMAGE_SEED") else {
        return SEEDS.chain(CATALOGUE_SEEDS).chain(FOUND).collect();
    };
    let number = |text: &str| text.parse().expect("GITMAGE_SEED is a number, or two");
    match wish.split_once("..") {
        Some((first, last)) => (number(first)..number(last)).collect(),
        None => vec![number(&wish)],
    }
}

#[test]
fn reverting_everything_restores_the_first_store() {
    let begun = Instant::now();
    let seeds = seeds();
    let figures = Mutex::new(Figures::default());
    let failed = failures(&seeds, |seed| {
        let case = Case::of(*seed);
        let came_to = Course::run(&case);
        *figures.lock().unwrap() += came_to;
    });
    let figures = figures.into_inner().unwrap();
    eprintln!(
        "{} histories in {:?}: {figures:?}",
        seeds.len(),
        begun.elapsed()
    );
    assert!(
        failed.is_empty(),
        "{} of {} failed, with GITMAGE_SEED={}",
        failed.len(),
        seeds.len(),
        failed.join(", GITMAGE_SEED=")
    );
    if std::env::var_os("GITMAGE_SEED").is_none() {
        assert!(
            figures.releases >= 150 && figures.reverts >= 150,
            "{figures:?}"
        );
        assert!(figures.passes >= 150 && figures.deaths >= 20, "{figures:?}");
    }
}
