//! Reverts where something else went wrong before.

use super::faults::{block, over, release, revert, title, titled, world};
use super::world::files;
use crate::domain::{CommitId, ReleaseKind, ReleaseStatus, Value};

#[test]
fn a_deletion_that_failed_does_not_forget_what_is_still_to_be_put_back() {
    let mut world = world();
    let first = world.store.dump();
    world.settle(false, false);
    let id = release(&world, &titled("a", "second"));
    world.settle(false, false);
    world.store.broken.lock().unwrap().insert("a".to_owned());
    revert(&world, &id);
    world.settle(false, false);
    let deletion = "  - kind: cms_block\n    key: a\n    ensure: absent\n";
    let id = release(&world, deletion);
    world.settle(false, false);
    revert(&world, &id);
    world.settle(false, false);
    world.store.broken.lock().unwrap().clear();
    assert!(world.settle(true, false).converged);
    assert_eq!(world.store.dump(), first);
}

#[test]
fn words_that_name_several_releases_take_none_back_whose_fields_stay() {
    let mut world = world();
    world.settle(false, false);
    let older = release(&world, &titled("a", "second"));
    world.settle(false, false);
    let newer = release(&world, &titled("a", "third"));
    world.settle(false, false);
    world
        .store
        .edit(&block("a"), Some(&[("title", Value::from("edited"))]));
    let text = format!(
        "changes:\n{}{}",
        titled("a", "third"),
        titled("b", "second")
    );
    world.source.commit(
        &format!("Squashed\n\nThis reverts commit {newer}.\nThis reverts commit {older}."),
        files(&[("README.md", "hello"), ("releases/a.yaml", &text)]),
    );
    let report = world.settle(false, false);
    // The older one lies beneath the newer one, whose statement stands.
    assert_eq!(report.releases[0].kind, ReleaseKind::Rollback);
    assert_eq!(report.releases[0].reverts.len(), 1);
    assert_eq!(title(&world, "a"), Value::from("edited"));
    let book = world.read().book;
    let newer = book.of_commit(&newer).unwrap();
    assert_eq!(book.status(newer), ReleaseStatus::Live);
}

#[test]
fn an_entity_that_is_made_for_a_later_release_goes_with_the_one_that_could_not_make_it() {
    let mut world = world();
    let first = world.store.dump();
    world.settle(false, false);
    world.store.broken.lock().unwrap().insert("new".to_owned());
    let older = release(&world, &titled("new", "second"));
    world.settle(false, false);
    world.store.broken.lock().unwrap().clear();
    let one = format!("changes:\n{}", titled("new", "second"));
    let two = "changes:\n  - kind: cms_block\n    key: new\n    fields:\n      active: false\n";
    let both = [("releases/0.yaml", two), ("releases/1.yaml", &one)];
    let newer = world.source.commit("Newer", files(&both));
    let report = world.settle(false, false);
    assert!(report.converged);
    assert_eq!(title(&world, "new"), Value::from("second"));
    world.source.commit(
        &format!("Revert\n\nThis reverts commit {newer}.\nThis reverts commit {older}."),
        files(&[]),
    );
    assert!(world.settle(false, false).converged);
    assert_eq!(world.store.dump(), first);
}

#[test]
fn an_entity_of_an_unknown_view_keeps_nothing_from_coming_to_rest() {
    let mut world = world();
    world.settle(false, false);
    let there = titled("there", "second");
    let nowhere = "  - kind: cms_block\n    key: no-such-view\n    store: [xx]\n    fields:\n      title: second\n";
    let file = |changes: &[&str]| format!("changes:\n{}", changes.concat());
    let commit = |message: &str, changes: &[&str]| match changes {
        [] => world.source.commit(message, files(&[])),
        changes => world
            .source
            .commit(message, files(&[("releases/1.yaml", &file(changes))])),
    };
    let zero = commit("Release 0", &[&there]);
    let one = commit("Release 1", &[&there, nowhere]);
    let two = commit("Release 2", &[&there]);
    commit(
        &format!("Revert\n\nThis reverts commit {zero}.\nThis reverts commit {two}."),
        &[nowhere],
    );
    commit(&format!("Revert\n\nThis reverts commit {one}."), &[]);
    let report = world.settle(false, false);
    assert!(report.converged, "{:#?}", report.ledger.book.managed);
}

#[test]
fn an_entity_that_one_commit_deletes_and_the_next_of_the_push_demands_comes_back_whole() {
    let absent = "  - kind: cms_block\n    key: a\n    ensure: absent\n";
    for ensure in ["existing", "present"] {
        for fuse in 0..8 {
            let mut world = world();
            world.settle(false, false);
            let first = world.store.dump();
            let again = titled("a", "second") + &format!("    ensure: {ensure}\n");
            let zero = release(&world, absent);
            let one = release(&world, &again);
            world.fuse.arm(fuse);
            world.settle(false, false);
            world.fuse.arm(0);
            over(&world);
            let message = format!("Revert\n\nThis reverts commit {one}.");
            let deleted = format!("changes:\n{absent}");
            let tree = [("README.md", "hello"), ("releases/a.yaml", &deleted)];
            world.source.commit(&message, files(&tree));
            world.settle(false, false);
            assert!(!world.store.dump().contains_key("cms_block a (all)"));
            revert(&world, &zero);
            world.settle(true, false);
            assert!(world.settle(true, false).converged);
            assert_eq!(world.store.dump(), first, "{ensure}, killed at {fuse}");
            assert!(world.read().book.has_no_slots());
        }
    }
}

#[test]
fn what_is_demanded_no_more_has_not_failed() {
    let mut world = world();
    world.settle(false, false);
    let first = world.store.dump();
    let of_view = |field: &str| {
        format!("  - kind: cms_block\n    key: a\n    store: [de]\n    fields:\n      {field}\n")
    };
    let commit = |message: &str, changes: &[(&str, &str)]| {
        let texts = changes
            .iter()
            .map(|(path, text)| (*path, format!("changes:\n{text}")));
        let texts: Vec<(&str, String)> = texts.collect();
        let tree: Vec<(&str, &str)> = texts
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        world.source.commit(message, files(&tree))
    };
    let (title, active) = (of_view("title: second"), of_view("active: false"));
    let other = titled("new", "second");
    let revert = |ids: &[&CommitId]| {
        let lines = ids.iter().map(|id| format!("This reverts commit {id}.\n"));
        format!("Revert\n\n{}", lines.collect::<String>())
    };
    // There is a block of this key for all views: nothing is made beside it unasked.
    let one = commit("One", &[("releases/1.yaml", &title)]);
    let two = commit(
        "Two",
        &[("releases/0.yaml", &active), ("releases/1.yaml", &title)],
    );
    let three = commit(
        "Three",
        &[("releases/0.yaml", &other), ("releases/1.yaml", &title)],
    );
    commit(&revert(&[&one]), &[("releases/0.yaml", &other)]);
    assert!(!world.settle(false, false).converged);
    world.source.commit(&revert(&[&three, &two]), files(&[]));
    world.settle(true, false);
    let report = world.settle(true, false);
    assert!(report.converged, "{:#?}", report.ledger.book.managed);
    assert_eq!(world.store.dump(), first);
    assert!(world.read().book.has_no_slots());
}
