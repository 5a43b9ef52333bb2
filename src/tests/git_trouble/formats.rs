//! Repositories that are there only in part, and other formats of objects and references.

use std::process::Command;

use crate::trouble::{Trouble, at_first, later};
use crate::world::{Kind, World};

/// Replaces the shared repository by a clone of it, which knows the whole one as `origin`.
fn replace_by_clone(world: &mut World, how: &str) -> String {
    let commit = world.release("two");
    let whole = world.path("whole.git");
    world
        .repo
        .git_bare(&["config", "uploadpack.allowFilter", "true"]);
    std::fs::rename(&world.repo.bare, &whole).unwrap();
    let url = format!("file://{}", whole.display());
    let bare = world.repo.bare.to_str().unwrap();
    world.repo.git(&["clone", "-q", "--bare", how, &url, bare]);
    // Whoever fetches what is missing leaves a trace.
    let spy = world.path("spy");
    let trace = world.path("asked");
    std::fs::write(
        &spy,
        format!(
            "#!/bin/sh\n: > {:?}\nexec git-upload-pack \"$@\"\n",
            trace.display()
        ),
    )
    .unwrap();
    let mut rights = std::fs::metadata(&spy).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    std::fs::set_permissions(&spy, rights).unwrap();
    let spy = spy.to_str().unwrap();
    world
        .repo
        .git_bare(&["config", "remote.origin.uploadpack", spy]);
    commit
}

/// Carries out a remedy in the shared repository, which nobody has asked for what it lacks so far.
fn complete(world: &World, args: &[&str]) {
    let trace = world.path("asked");
    assert!(!trace.exists(), "something was fetched for us");
    world.repo.git_bare(args);
    assert!(trace.exists(), "the spy does not watch");
}

fn shallow(world: &mut World) -> Trouble {
    let commit = replace_by_clone(world, "--depth=1");
    let says = ["shallow", "git fetch --unshallow"];
    Trouble::stalled(commit, &says, |world| {
        complete(world, &["fetch", "-q", "--unshallow"]);
    })
}

/// Another clone comes to the place, made beside it: half of one would be another trouble.
fn clone_again(world: &mut World) {
    assert!(
        !world.path("asked").exists(),
        "something was fetched for us"
    );
    let whole = format!("file://{}", world.path("whole.git").display());
    let new = world.path("new.git");
    let clone = ["clone", "-q", "--bare", &whole, new.to_str().unwrap()];
    world.repo.git(&clone);
    std::fs::rename(&world.repo.bare, world.path("partial.git")).unwrap();
    std::fs::rename(new, &world.repo.bare).unwrap();
}

fn partial_in_place(world: &mut World) -> Trouble {
    let commit = replace_by_clone(world, "--filter=blob:none");
    let says = ["a partial clone", "clone it again without `--filter`"];
    Trouble::stalled(commit, &says, clone_again)
}

fn partial_remote(world: &mut World) -> Trouble {
    let commit = replace_by_clone(world, "--filter=blob:none");
    let says = ["a partial clone", "clone it again there without `--filter`"];
    Trouble::stalled(commit, &says, clone_again)
}

#[test]
fn a_shallow_clone_needs_a_person() {
    at_first(Kind::InPlace, shallow);
    at_first(Kind::Mirrored, shallow);
}

#[test]
fn a_partial_clone_in_place_needs_a_person_and_fetches_nothing() {
    at_first(Kind::InPlace, partial_in_place);
}

#[test]
fn a_partial_clone_as_remote_needs_a_person_and_fetches_nothing() {
    at_first(Kind::Mirrored, partial_remote);
    later(Kind::Mirrored, replaced_by_a_partial_one);
}

/// The ledger comes with the clone, and its files are among what is missing.
fn replaced_by_a_partial_one(world: &mut World) -> Trouble {
    world.stop();
    std::fs::remove_dir_all(world.path("state")).unwrap();
    partial_remote(world)
}

/// A release and its revert, in a repository of a certain format.
fn works(kind: Kind, init: &[&str]) -> String {
    let mut world = World::with(kind, init);
    world.start();
    let one = world.release("one");
    world.live(&one);
    let two = world.release("two");
    world.live(&two);
    assert_eq!(world.title(), "two");
    let back = world.repo.revert(&two);
    world.live(&back);
    assert_eq!(world.title(), "one");
    let listed = world.gitmage(&["releases", "--format", "json"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.said.contains("\"rollback\""), "{listed:?}");
    two
}

#[test]
fn sha256_repositories_work() {
    for kind in [Kind::InPlace, Kind::Mirrored] {
        assert_eq!(works(kind, &["--object-format=sha256"]).len(), 64);
    }
}

/// True if the git at hand has reftables (2.45) and can convert them (2.46).
fn knows_reftables() -> bool {
    let output = Command::new("git").arg("version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse::<u32>().ok());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    if version < (2, 46) {
        eprintln!("SKIPPED: reftables need git 2.46, this is {text}");
    }
    version >= (2, 46)
}

#[test]
fn a_remote_with_a_reftable_works() {
    if knows_reftables() {
        works(Kind::Mirrored, &["--ref-format=reftable"]);
    }
}

fn reftable(world: &mut World) -> Trouble {
    world
        .repo
        .git_bare(&["refs", "migrate", "--ref-format=reftable"]);
    let says = ["reftable", "git refs migrate --ref-format=files"];
    Trouble::stalled(world.release("two"), &says, |world| {
        world
            .repo
            .git_bare(&["refs", "migrate", "--ref-format=files"]);
    })
}

#[test]
fn a_reftable_in_place_needs_a_person() {
    if knows_reftables() {
        at_first(Kind::InPlace, reftable);
        later(Kind::InPlace, reftable);
    }
}
