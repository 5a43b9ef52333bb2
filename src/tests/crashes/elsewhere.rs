//! After a crash somebody else goes on: another machine, or the same one without its state directory.

use std::time::Instant;

use serde_json::Value;

use crate::matrix::{ENTITIES, story};
use crate::proxy::{Plan, Side, Trick};
use crate::world::{Story, World};

/// The store's `timeout`; a lease lasts twice that and ten seconds.
const TIMEOUT: &str = "timeout: 2s";
const LEASE_SECONDS: u64 = 14;

/// The daemon was killed at the first update of a page (or before), with the lease in its hand.
fn dead_in_the_middle(story: &Story, side: Side) -> (World, Value) {
    let w = World::with(story, TIMEOUT, None);
    let before = w.shop.dump();
    w.proxy.plan(Some(Plan {
        method: Some("DELETE"),
        nth: 3,
        trick: Trick::Kill(side),
    }));
    w.push(story.release());
    w.start();
    assert!(
        w.dies_before(story.release()),
        "the daemon lives: the point was not reached"
    );
    w.proxy.wait_until_idle();
    w.proxy.plan(None);
    assert!(w.ledger().unwrap().state.unwrap().lease.is_some());
    (w, before)
}

fn ends_well(w: &World, story: &Story, before: &Value) {
    w.handled(story.release());
    assert_eq!(w.stands(story.release()), "deploy live");
    w.push(story.revert());
    w.handled(story.revert());
    assert_eq!(w.shop.dump(), *before);
    assert_eq!(
        w.shop.writes().len(),
        2 * ENTITIES,
        "{:?}",
        w.shop.written()
    );
    w.stop();
}

fn the_lease_is_waited_for(state: &str, side: Side, prepare: impl Fn(&World)) {
    let story = story();
    let (w, before) = dead_in_the_middle(&story, side);
    prepare(&w);
    w.configure(state, &w.proxy.url);
    let begun = Instant::now();
    w.start_with(state);
    w.handled(story.release());
    assert!(
        begun.elapsed().as_secs() >= LEASE_SECONDS,
        "taken over after {:?}",
        begun.elapsed()
    );
    ends_well(&w, &story, &before);
}

#[test]
fn another_machine_takes_over_when_the_lease_has_run_out() {
    the_lease_is_waited_for("machine", Side::Before, |_| {});
}

#[test]
fn another_machine_finds_what_was_written_last() {
    the_lease_is_waited_for("machine", Side::After, |_| {});
}

#[test]
fn a_state_directory_that_was_deleted_loses_nothing_but_time() {
    the_lease_is_waited_for("state", Side::After, |w| {
        std::fs::remove_dir_all(w.dir.path().join("state")).unwrap();
    });
}

#[test]
fn a_create_that_arrives_after_the_restart_makes_no_second_entity() {
    let story = story();
    let w = World::new(&story);
    let before = w.shop.dump();
    // The page's creation is the last POST of the release.
    let posts = {
        let dry = World::new(&story);
        dry.push(story.release());
        dry.start();
        dry.handled(story.release());
        let seen = dry.proxy.seen();
        seen.iter().filter(|line| line.starts_with("POST ")).count()
    };
    w.proxy.plan(Some(Plan {
        method: Some("POST"),
        nth: posts,
        trick: Trick::KillAndKeep,
    }));
    w.push(story.release());
    w.start();
    assert!(
        w.dies_before(story.release()),
        "the daemon lives: the point was not reached"
    );
    w.proxy.plan(None);
    w.start();
    w.handled(story.release());
    assert_eq!(w.stands(story.release()), "deploy live");
    // What the network still held comes through only now: the store refuses the second one.
    assert_eq!(w.proxy.deliver(), 400);
    w.push(story.revert());
    w.handled(story.revert());
    assert_eq!(w.shop.dump(), before);
    w.stop();
}
