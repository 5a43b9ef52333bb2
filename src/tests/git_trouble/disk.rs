//! A disk that is full, and objects that are damaged.

use serde_json::json;

use crate::trouble::{Trouble, at_first, later};
use crate::world::{Kind, LEDGER, World};

/// Text that compresses badly, of 64 hexadecimal digits a line.
fn noise(lines: u64) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let word = |n: u64| {
        let mut hasher = DefaultHasher::new();
        n.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    (0..4 * lines).map(word).collect()
}

/// A full disk stands in as a limit on the size of a file, which writes of the daemon and of its git
/// run into: what has to be saved does not fit.
fn full(world: &mut World) -> Trouble {
    let long = noise(1_000);
    world
        .shop
        .set("cms_block", "hero", &json!("all"), "content", &long);
    world.restart_on_a_full_disk(16);
    let says = [
        "objects cannot be written",
        "File too large",
        "see that it has space",
    ];
    Trouble::stalled(world.release("two"), &says, World::free_space)
}

/// A release that is too large to be fetched.
fn full_for_a_fetch(world: &mut World) -> Trouble {
    world.restart_on_a_full_disk(16);
    world.repo.write("large", noise(1_000));
    let says = ["fetching from", "File too large", "free some space"];
    Trouble::stalled(world.release("two"), &says, World::free_space)
}

/// Junk in the place of an object of the shared repository, until it is put back.
fn damage(world: &mut World, revision: &str) -> impl FnOnce(&mut World) + 'static {
    let path = world.object(revision);
    let whole = std::fs::read(&path).unwrap();
    let kept = path.with_extension("kept");
    std::fs::rename(&path, &kept).unwrap();
    std::fs::write(&path, "junk").unwrap();
    assert_ne!(whole, b"junk");
    move |_| std::fs::rename(kept, path).unwrap()
}

/// One object of a release that nobody has read yet.
fn damaged(world: &mut World, below: &str) -> Trouble {
    let commit = world.deposit("two");
    let mend = damage(world, &format!("{commit}{below}"));
    world.point("main", &commit);
    Trouble::stalled(commit, &["git fsck"], mend)
}

fn damaged_commit(world: &mut World) -> Trouble {
    damaged(world, "")
}

fn damaged_tree(world: &mut World) -> Trouble {
    damaged(world, ":releases")
}

fn damaged_file(world: &mut World) -> Trouble {
    damaged(world, ":releases/hero.yaml")
}

/// The ledger, where nothing of it is known on this host.
fn damaged_ledger(world: &mut World) -> Trouble {
    world.stop();
    std::fs::remove_dir_all(world.path("state")).unwrap();
    let mend = damage(world, &format!("{LEDGER}:state.yaml"));
    Trouble::stalled(world.release("two"), &["git fsck"], mend)
}

#[test]
fn a_full_disk_in_place_needs_a_person() {
    later(Kind::InPlace, full);
}

#[test]
fn a_full_disk_under_the_mirror_needs_a_person() {
    later(Kind::Mirrored, full);
}

#[test]
fn a_fetch_that_does_not_fit_needs_a_person() {
    later(Kind::Mirrored, full_for_a_fetch);
}

#[test]
fn a_damaged_commit_needs_a_person() {
    later(Kind::InPlace, damaged_commit);
    later(Kind::Mirrored, damaged_commit);
}

#[test]
fn a_damaged_tree_needs_a_person() {
    at_first(Kind::InPlace, damaged_tree);
    at_first(Kind::Mirrored, damaged_tree);
}

#[test]
fn a_damaged_file_needs_a_person() {
    later(Kind::InPlace, damaged_file);
    later(Kind::Mirrored, damaged_file);
}

#[test]
fn a_damaged_ledger_needs_a_person() {
    later(Kind::InPlace, damaged_ledger);
    later(Kind::Mirrored, damaged_ledger);
}

#[test]
fn a_damaged_mirror_is_made_again() {
    let mut world = World::new(Kind::Mirrored);
    world.start();
    let one = world.release("one");
    world.live(&one);
    world.stop();
    let mut damaged = 0;
    for found in walk(&world.path("state/mirror/objects")) {
        std::fs::remove_file(&found).unwrap();
        std::fs::write(found, "junk").unwrap();
        damaged += 1;
    }
    assert!(damaged > 0);
    let two = world.release("two");
    world.start();
    world.live(&two);
    assert_eq!(world.before("two"), "one");
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}
