//! A remote that is out of reach, or a path with nothing at it.

use crate::trouble::{Trouble, at_first, later};
use crate::world::{Kind, World};

/// The repository is away; the release waits in it.
fn away(world: &mut World) -> String {
    let commit = world.prepare("two");
    let away = world.path("away.git");
    std::fs::rename(&world.repo.bare, &away).unwrap();
    let away = away.to_str().unwrap().to_owned();
    world.repo.git(&["push", "-q", &away, "HEAD:main"]);
    commit
}

fn back(world: &mut World) {
    std::fs::rename(world.path("away.git"), &world.repo.bare).unwrap();
}

fn remote_gone(world: &mut World) -> Trouble {
    let url = format!("file://{}", world.repo.bare.display());
    Trouble::waiting(away(world), &[&url, "does not appear to be a git"], back)
}

fn path_gone(world: &mut World) -> Trouble {
    let path = world.repo.bare.display().to_string();
    Trouble::stalled(away(world), &[&path, "repository.url"], back)
}

fn host_unknown(world: &mut World) -> Trouble {
    let words = "ssh: Could not resolve hostname shop.example: Name or service not known";
    world.ssh(&format!("echo {words:?} >&2; exit 255"));
    Trouble::waiting(world.release("two"), &[words], |world| world.ssh(""))
}

fn key_refused(world: &mut World) -> Trouble {
    let words = "git@shop.example: Permission denied (publickey).";
    world.ssh(&format!("echo {words:?} >&2; exit 255"));
    let says = [words, "a key that the remote knows"];
    Trouble::stalled(world.release("two"), &says, |world| world.ssh(""))
}

#[test]
fn a_remote_that_goes_away_is_waited_for() {
    later(Kind::Mirrored, remote_gone);
}

#[test]
fn a_remote_that_is_away_at_first_is_waited_for() {
    at_first(Kind::Mirrored, remote_gone);
}

#[test]
fn a_path_that_goes_away_needs_a_person() {
    later(Kind::InPlace, path_gone);
}

#[test]
fn a_path_with_nothing_at_it_needs_a_person() {
    at_first(Kind::InPlace, path_gone);
}

#[test]
fn a_path_that_comes_back_is_watched_again() {
    let mut world = World::new(Kind::InPlace);
    world.do_not_poll();
    let two = away(&mut world);
    world.start();
    world.until_status(|status| status["state"] == "stalled");
    back(&mut world);
    world.live(&two);
    let three = world.release("three");
    world.live(&three);
    assert_eq!(world.title(), "three");
}

#[test]
fn a_host_that_is_unknown_for_a_while_is_waited_for() {
    later(Kind::Ssh, host_unknown);
}

#[test]
fn a_refused_key_needs_a_person() {
    at_first(Kind::Ssh, key_refused);
}
