//! Lost answers that arrive late, and passes that are undone as a whole.

use std::time::Duration;

use super::super::{PassError, Request};
use super::world::{World, entity, files};
use crate::domain::{CommitId, EntityRef, Kind, ReleaseStatus, Value};

pub(super) fn block(key: &str) -> EntityRef {
    entity(Kind::CMS_BLOCK, key, "all")
}

pub(super) fn world() -> World {
    let world = World::new();
    for key in ["a", "b", "gone"] {
        world.store.edit(
            &block(key),
            Some(&[
                ("title", Value::from("first")),
                ("content", Value::from("<p>first</p>")),
                ("active", Value::Bool(true)),
            ]),
        );
    }
    world
        .source
        .commit("Begin", files(&[("README.md", "hello")]));
    world
}

pub(super) fn title(world: &World, key: &str) -> Value {
    let dump = world.store.dump();
    let fields = &dump[&block(key).to_string()];
    let (_, value) = fields
        .iter()
        .find(|(name, _)| name.as_str() == "title")
        .unwrap();
    value.clone()
}

/// A release of these changes alone.
pub(super) fn release(world: &World, changes: &str) -> CommitId {
    let text = format!("changes:\n{changes}");
    let tree = files(&[("README.md", "hello"), ("releases/a.yaml", &text)]);
    world.source.commit("Release", tree)
}

pub(super) fn revert(world: &World, id: &CommitId) {
    world.source.commit(
        &format!("Revert\n\nThis reverts commit {id}."),
        files(&[("README.md", "hello")]),
    );
}

/// Until nothing arrives any more.
pub(super) fn over(world: &World) {
    world.clock.forward(Duration::from_secs(300));
    world.store.arrive();
}

/// A release file that sets a title.
pub(super) fn titled(key: &str, title: &str) -> String {
    format!("  - kind: cms_block\n    key: {key}\n    fields:\n      title: {title}\n")
}

#[test]
fn a_write_whose_answer_was_lost_does_not_undo_the_next_one_when_it_arrives_late() {
    for delay in [Duration::from_secs(5), Duration::from_secs(50)] {
        let mut world = world();
        world.settle(false, false);
        let release = format!("changes:\n{}", titled("a", "second"));
        let id = world
            .source
            .commit("Second", files(&[("releases/a.yaml", &release)]));
        *world.store.delay.lock().unwrap() = Some(delay);
        let report = world.settle(false, false);
        assert!(report.converged);
        assert_eq!(title(&world, "a"), Value::from("second"));

        world.source.commit(
            &format!("Revert\n\nThis reverts commit {id}."),
            files(&[("README.md", "hello")]),
        );
        let report = world.settle(false, false);
        assert!(report.converged);
        let activity = &report.releases[0].activity;
        let told = |what: &str| activity.iter().any(|line| line.message.contains(what));
        assert!(told("may still arrive"), "{activity:?}");
        assert!(told("arrived late"), "{activity:?}");
        assert_eq!(report.releases[0].status, ReleaseStatus::Live);
        world.clock.forward(Duration::from_secs(300));
        world.store.arrive();
        assert_eq!(title(&world, "a"), Value::from("first"));
    }
}

#[test]
fn nor_does_the_write_of_a_process_that_was_killed() {
    let mut world = world();
    world.settle(false, false);
    let release = format!("changes:\n{}", titled("a", "second"));
    let id = world
        .source
        .commit("Second", files(&[("releases/a.yaml", &release)]));
    // Killed when it wants to repeat the write.
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(30));
    world.fuse.arm(3);
    world.settle(false, false);
    assert_eq!(title(&world, "a"), Value::from("second"));
    world.source.commit(
        &format!("Revert\n\nThis reverts commit {id}."),
        files(&[("README.md", "hello")]),
    );
    world.settle(false, false);
    world.clock.forward(Duration::from_secs(300));
    world.store.arrive();
    assert_eq!(title(&world, "a"), Value::from("first"));
}

#[test]
fn a_lost_answer_that_was_a_success_holds_up_nothing() {
    let mut world = world();
    world.settle(false, false);
    let release = format!("changes:\n{}", titled("a", "second"));
    let id = world
        .source
        .commit("Second", files(&[("releases/a.yaml", &release)]));
    // Carried out before it is looked for.
    *world.store.delay.lock().unwrap() = Some(Duration::ZERO);
    world.settle(false, false);
    let before = crate::ports::Clock::monotonic(world.clock.as_ref());
    world.source.commit(
        &format!("Revert\n\nThis reverts commit {id}."),
        files(&[("README.md", "hello")]),
    );
    let report = world.settle(false, false);
    let activity = &report.releases[0].activity;
    assert!(
        activity
            .iter()
            .all(|l| !l.message.contains("may still arrive"))
    );
    assert_eq!(title(&world, "a"), Value::from("first"));
    let took = crate::ports::Clock::monotonic(world.clock.as_ref()) - before;
    assert!(
        took < Duration::from_secs(5),
        "{took:?} on the store's clock"
    );
}

#[test]
fn nor_one_that_went_out_before_another_lost_one() {
    let mut world = world();
    world.settle(false, false);
    let id = release(&world, &titled("a", "second"));
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(50));
    world.settle(false, false);
    revert(&world, &id);
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(20));
    world.settle(false, false);
    over(&world);
    assert_eq!(title(&world, "a"), Value::from("first"));
}

#[test]
fn what_a_revert_finds_as_it_shall_be_is_not_undone_by_a_late_write_either() {
    let mut world = world();
    let first = world.store.dump();
    world.settle(false, false);
    let deletion = "  - kind: cms_block\n    key: gone\n    ensure: absent\n";
    for change in [titled("gone", "second"), deletion.to_owned()] {
        let id = release(&world, &change);
        *world.store.delay.lock().unwrap() = Some(Duration::from_secs(50));
        world.store.broken.lock().unwrap().insert("gone".to_owned());
        assert!(!world.settle(false, false).converged);
        world.store.broken.lock().unwrap().clear();
        revert(&world, &id);
        let report = world.settle(false, false);
        assert!(report.converged, "{change}: {:#?}", report.releases);
        over(&world);
        assert_eq!(world.store.dump(), first, "{change}");
    }
}

#[test]
fn a_late_write_is_outlasted_by_the_next_process_where_the_first_is_stopped() {
    let mut world = world();
    world.settle(false, false);
    let id = release(&world, &titled("a", "second"));
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(50));
    world.restart(false);
    world.stop_after = Some(Duration::from_secs(10));
    world.settle(false, false);
    revert(&world, &id);
    let stopped = world.pass(Request::default());
    assert!(matches!(stopped, Err(PassError::Stopped)));
    world.restart(false);
    world.settle(false, false);
    over(&world);
    assert_eq!(title(&world, "a"), Value::from("first"));
}

#[test]
fn a_pass_that_is_given_back_after_a_kill_is_still_known_as_killed() {
    let mut world = world();
    world.settle(false, false);
    let id = release(&world, &titled("a", "second"));
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(30));
    world.fuse.arm(3);
    world.pass(Request::default()).unwrap_err();
    assert!(world.fuse.blown());
    world.restart(false);
    world.stop_after = Some(Duration::ZERO);
    let stopped = world.pass(Request::default());
    assert!(matches!(stopped, Err(PassError::Stopped)));
    world.restart(false);
    world.settle(false, false);
    revert(&world, &id);
    world.settle(false, false);
    over(&world);
    assert_eq!(title(&world, "a"), Value::from("first"));
}

/// `b` is refused; `a` is updated, `new` made and `gone` deleted before.
fn half_refused(world: &mut World) -> CommitId {
    world.restore_failed = true;
    world.settle(false, false);
    world.store.broken.lock().unwrap().insert("b".to_owned());
    let release = format!(
        "changes:\n{}{}{}  - kind: cms_block\n    key: gone\n    ensure: absent\n",
        titled("a", "second"),
        titled("b", "second"),
        titled("new", "second"),
    );
    world
        .source
        .commit("Half of it", files(&[("releases/a.yaml", &release)]))
}

#[test]
fn a_pass_that_is_undone_outlasts_what_a_killed_process_has_sent() {
    let mut world = world();
    let first = world.store.dump();
    half_refused(&mut world);
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(20));
    // Killed when it wants to repeat the write.
    world.fuse.arm(3);
    world.pass(Request::default()).unwrap_err();
    assert!(world.fuse.blown());
    assert!(world.store.delay.lock().unwrap().is_none());
    world.restart(false);
    world.settle(false, false);
    over(&world);
    assert_eq!(world.store.dump(), first);
}

#[test]
fn what_was_edited_in_magento_and_never_written_is_not_undone() {
    let mut world = world();
    world.restore_failed = true;
    world.settle(false, false);
    *world.store.unfit.lock().unwrap() = Some("unfit".to_owned());
    let both = format!("{}{}", titled("a", "second"), titled("b", "unfit"));
    release(&world, &both);
    world.fuse.arm(3);
    world.pass(Request::default()).unwrap_err();
    world.restart(false);
    world
        .store
        .edit(&block("b"), Some(&[("title", Value::from("edited"))]));
    world.settle(false, false);
    assert_eq!(title(&world, "a"), Value::from("first"));
    assert_eq!(title(&world, "b"), Value::from("edited"));
}

#[test]
fn what_is_undone_is_what_was_read_not_what_is_still_to_be_put_back() {
    let mut world = world();
    world.settle(false, false);
    let id = release(&world, &titled("a", "second"));
    world.settle(false, false);
    world.store.broken.lock().unwrap().insert("a".to_owned());
    revert(&world, &id);
    assert!(!world.settle(false, false).converged);
    *world.store.broken.lock().unwrap() = ["b".to_owned()].into();
    world.restart(false);
    world.restore_failed = true;
    let both = format!("{}{}", titled("a", "third"), titled("b", "third"));
    let id = release(&world, &both);
    assert!(!world.settle(false, false).converged);
    assert_eq!(title(&world, "a"), Value::from("second"));
    world.store.broken.lock().unwrap().clear();
    revert(&world, &id);
    assert!(world.settle(true, false).converged);
    assert_eq!(title(&world, "a"), Value::from("first"));
}

#[test]
fn a_pass_that_is_undone_is_undone_whole_wherever_it_was_killed() {
    let mut world = self::world();
    let first = world.store.dump();
    half_refused(&mut world);
    world.fuse.arm(0);
    world.settle(false, false);
    assert_eq!(world.store.dump(), first);
    let points = world.fuse.points();
    assert!(points > 12, "{points} points");
    for point in 1..=points {
        for elsewhere in [false, true] {
            let mut world = self::world();
            let id = half_refused(&mut world);
            world.fuse.arm(point);
            let report = world.settle(false, elsewhere);
            assert!(!report.converged);
            assert_eq!(world.store.dump(), first, "killed at {point}");
            // Mended, all of it is carried out; reverted, all of it goes.
            world.store.broken.lock().unwrap().clear();
            let report = world.pass(Request {
                retry: true,
                rebootstrap: None,
            });
            assert!(report.unwrap().converged, "killed at {point}");
            assert_eq!(title(&world, "b"), Value::from("second"));
            assert!(!world.store.dump().contains_key(&block("gone").to_string()));
            world
                .source
                .commit(&format!("Revert\n\nThis reverts commit {id}."), files(&[]));
            assert!(world.settle(true, false).converged);
            assert_eq!(
                world.store.dump(),
                first,
                "killed at {point}, then reverted"
            );
        }
    }
}

#[test]
fn a_rollback_that_is_overtaken_by_a_refused_release_is_not_lost() {
    for together in [true, false] {
        let mut world = world();
        let nothing = || files(&[("README.md", "hello")]);
        let set = |to: &str| {
            let text = format!("changes:\n{}", titled("a", to));
            files(&[("releases/a.yaml", &text)])
        };
        world.settle(false, false);
        let first = world.store.dump();
        let one = world.source.commit("One", set("one"));
        world.settle(false, false);
        world.store.broken.lock().unwrap().insert("a".to_owned());
        world
            .source
            .commit(&format!("Back\n\nThis reverts commit {one}."), nothing());
        if !together {
            world.settle(false, false);
        }
        let two = world.source.commit("Two", set("two"));
        assert!(!world.settle(false, false).converged);
        assert_eq!(title(&world, "a"), Value::from("one"));

        world.store.broken.lock().unwrap().clear();
        world
            .source
            .commit(&format!("Back\n\nThis reverts commit {two}."), nothing());
        assert!(world.settle(true, false).converged);
        assert_eq!(world.store.dump(), first, "together: {together}");
        assert!(world.read().book.has_no_slots());
    }
}

#[test]
fn nor_is_it_taken_for_an_edit_where_the_store_had_refused_to_take_it_again() {
    let mut world = world();
    world.settle(false, false);
    let slow = &world.store.latency;
    slow.store(2000, std::sync::atomic::Ordering::SeqCst);
    let id = release(&world, &titled("a", "second"));
    world.store.broken.lock().unwrap().insert("a".to_owned());
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(16));
    let report = world.settle(false, false);
    assert!(!report.converged);
    assert_eq!(title(&world, "a"), Value::from("first"));

    // What is to be put back is there, and the write that was lost comes only now.
    world.store.broken.lock().unwrap().clear();
    revert(&world, &id);
    let report = world.settle(false, false);
    let activity = &report.releases[0].activity;
    let told = |what: &str| activity.iter().any(|line| line.message.contains(what));
    assert!(told("arrived late"), "{activity:?}");
    assert!(!told("edited in Magento"), "{activity:?}");
    assert!(report.converged);
    assert_eq!(title(&world, "a"), Value::from("first"));
    assert!(world.read().book.has_no_slots());
}

#[test]
fn nor_where_the_process_was_killed_and_the_store_had_refused_to_take_it_again() {
    let mut world = world();
    world.settle(false, false);
    let slow = &world.store.latency;
    slow.store(2000, std::sync::atomic::Ordering::SeqCst);
    let id = release(&world, &titled("a", "second"));
    world.store.broken.lock().unwrap().insert("a".to_owned());
    *world.store.delay.lock().unwrap() = Some(Duration::from_secs(40));
    // Killed when it wants to repeat the write.
    world.fuse.arm(3);
    let report = world.settle(false, false);
    assert!(!report.converged);
    assert_eq!(title(&world, "a"), Value::from("first"));

    over(&world);
    assert_eq!(title(&world, "a"), Value::from("second"));
    world.store.broken.lock().unwrap().clear();
    revert(&world, &id);
    let report = world.settle(false, false);
    assert!(report.converged);
    assert_eq!(title(&world, "a"), Value::from("first"));
    assert!(world.read().book.has_no_slots());
}
