//! Killed before and after every write to the store and every commit to the ledger.

use std::collections::BTreeSet;

use super::super::Request;
use super::world::{World, entity, files};
use crate::domain::{Kind, Value};

const RELEASE: &str = "\
changes:
  - kind: cms_block
    key: hero
    fields: { title: New hero, content: new }
  - kind: cms_block
    key: made
    store: de
    fields: { title: Made, content: made }
  - kind: cms_block
    key: old
    ensure: absent
  - kind: cms_page
    key: home
    fields: { title: New home, active: false }
";

fn world() -> World {
    let world = World::new();
    let fields = |title: &str| {
        [
            ("title", Value::from(title)),
            ("content", Value::from("<p>first</p>\r\n")),
            ("active", Value::Bool(true)),
        ]
    };
    world.store.edit(
        &entity(Kind::CMS_BLOCK, "hero", "all"),
        Some(&fields("hero")),
    );
    world
        .store
        .edit(&entity(Kind::CMS_BLOCK, "old", "all"), Some(&fields("old")));
    world.store.edit(
        &entity(Kind::CMS_PAGE, "home", "all"),
        Some(&fields("home")),
    );
    world
}

/// Deploys the release, is killed at one point, goes on, and reverts it, killed at the same point
/// again; how many points the two passes had.
fn killed_at(point: usize, elsewhere: bool) -> (usize, usize) {
    let mut world = world();
    let before = world.store.dump();
    let id = world
        .source
        .commit("Deploy", files(&[("releases/a.yaml", RELEASE)]));
    world.fuse.arm(point);
    world.settle(false, elsewhere);
    let deployed = world.fuse.points();
    let after = world.store.dump();
    assert_eq!(after.len(), 3);
    let book = world.read().book;
    let release = book.of_commit(&id).unwrap();
    assert_eq!(book.status(release).as_str(), "live");

    world
        .source
        .commit(&format!("Revert\n\nThis reverts commit {id}."), files(&[]));
    world.fuse.arm(point);
    world.settle(false, elsewhere);
    let reverted = world.fuse.points();
    assert_eq!(world.store.dump(), before, "killed at point {point}");
    let book = world.read().book;
    assert!(book.has_no_slots(), "killed at point {point}");
    assert_eq!(book.releases.len(), 2, "killed at point {point}");

    let commits = world.ledger.len();
    world.fuse.arm(0);
    world.pass(Request::default()).unwrap();
    assert_eq!(world.ledger.len(), commits);
    (deployed, reverted)
}

#[test]
fn a_process_killed_at_any_point_loses_nothing() {
    let (deployed, reverted) = killed_at(0, false);
    // Snapshot, four writes and the outcome: before and after each.
    assert_eq!((deployed, reverted), (12, 12));
    let mut seen = BTreeSet::new();
    for point in 1..=deployed {
        for elsewhere in [false, true] {
            killed_at(point, elsewhere);
            seen.insert((point, elsewhere));
        }
    }
    assert_eq!(seen.len(), 24);
}
