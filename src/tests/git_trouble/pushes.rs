//! A push of the ledger that the remote refuses, and locks that are in its way.

use crate::trouble::{Trouble, at_first, later};
use crate::world::{Kind, LEDGER, World};

fn protected(world: &mut World) -> Trouble {
    let words = "error: GH006: Protected branch update failed for refs/heads/rollback/production.";
    world.refuse_ledger(words);
    let says = [
        words,
        "hook declined",
        "allow the account to push to rollback/production",
    ];
    Trouble::stalled(world.release("two"), &says, |world| {
        world.remove_hook("pre-receive");
    })
}

fn update_hook(world: &mut World) -> Trouble {
    let words = "only release managers write here";
    let text = format!("case $1 in refs/heads/rollback/*) echo {words:?}; exit 1 ;; esac\n");
    world.hook("update", &text);
    let says = [words, "allow the account to push to rollback/production"];
    Trouble::stalled(world.release("two"), &says, |world| {
        world.remove_hook("update");
    })
}

fn hidden(world: &mut World) -> Trouble {
    let hide = ["config", "receive.hideRefs", "refs/heads/rollback"];
    world.repo.git_bare(&hide);
    let says = [
        "hidden ref",
        "allow the account to push to rollback/production",
    ];
    Trouble::stalled(world.release("two"), &says, |world| {
        world
            .repo
            .git_bare(&["config", "--unset", "receive.hideRefs"]);
    })
}

fn read_only_key(world: &mut World) -> Trouble {
    let words = "ERROR: The key you are authenticating with has been marked as read only.";
    world.ssh(&format!(
        "case $command in *receive-pack*) echo {words:?} >&2; exit 1 ;; esac"
    ));
    let says = [words, "give the account the right"];
    Trouble::stalled(world.release("two"), &says, |world| world.ssh(""))
}

fn full_disk_there(world: &mut World) -> Trouble {
    let words = "fatal: write error: No space left on device";
    world.refuse_ledger(words);
    Trouble::stalled(world.release("two"), &[words, "free some space"], |world| {
        world.remove_hook("pre-receive");
    })
}

/// A lock that a crash has left in the shared repository.
fn lock(world: &mut World, name: &str) -> Trouble {
    let path = world.repo.bare.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    let says = [name, "remove"];
    Trouble::waiting(world.release("two"), &says, move |_| {
        std::fs::remove_file(path).unwrap();
    })
}

fn branch_lock(world: &mut World) -> Trouble {
    lock(world, "refs/heads/rollback/production.lock")
}

fn packed_lock(world: &mut World) -> Trouble {
    // The lock is asked for where the reference is packed.
    world.repo.git_bare(&["pack-refs", "--all"]);
    lock(world, "packed-refs.lock")
}

#[test]
fn a_protected_rollback_branch_needs_a_person() {
    later(Kind::Mirrored, protected);
}

#[test]
fn a_rollback_branch_that_may_not_be_made_needs_a_person() {
    at_first(Kind::Mirrored, protected);
}

#[test]
fn an_update_hook_that_refuses_needs_a_person() {
    later(Kind::Mirrored, update_hook);
}

#[test]
fn a_hidden_rollback_branch_needs_a_person() {
    at_first(Kind::Mirrored, hidden);
}

#[test]
fn a_key_that_may_only_read_needs_a_person() {
    later(Kind::Ssh, read_only_key);
}

#[test]
fn a_full_disk_at_the_remote_needs_a_person() {
    later(Kind::Mirrored, full_disk_there);
}

#[test]
fn a_lock_left_at_the_remote_is_waited_for_and_named() {
    later(Kind::Mirrored, branch_lock);
}

#[test]
fn a_lock_left_in_place_is_waited_for_and_named() {
    later(Kind::InPlace, branch_lock);
}

#[test]
fn a_lock_of_the_first_ledger_commit_is_waited_for_and_named() {
    at_first(Kind::InPlace, branch_lock);
}

#[test]
fn a_lock_of_the_packed_references_is_waited_for_and_named() {
    later(Kind::InPlace, packed_lock);
}

#[test]
fn an_outcome_that_is_refused_is_recorded_without_a_second_write() {
    let mut world = World::new(Kind::Mirrored);
    world.start();
    let one = world.release("one");
    world.live(&one);
    // The snapshot comes through, nothing of the ledger after it.
    world.hook(
        "pre-receive",
        "here=$(dirname \"$0\")/..\nwhile read -r _ _ ref; do case $ref in refs/heads/rollback/*)\n[ -e \"$here/came\" ] && { echo 'closed for the night' >&2; exit 1; }\n: > \"$here/came\" ;; esac; done\n",
    );
    let written = world.shop.writes().len();
    let two = world.release("two");
    let told = |text: &str| text.contains("closed for the night") && text.contains("allow");
    world.until_status(|status| {
        status["state"] == "stalled" && status["message"].as_str().is_some_and(told)
    });
    assert_eq!(world.title(), "two");
    assert_eq!(world.before("two"), "one");
    assert_eq!(world.gitmage(&["reconcile"]).code, Some(1));
    world.remove_hook("pre-receive");
    world.live(&two);
    assert_eq!(world.shop.written_since(written).len(), 1);
}

#[test]
fn locks_left_in_the_mirror_are_in_nobodys_way() {
    let mut world = World::new(Kind::Mirrored);
    world.start();
    let one = world.release("one");
    world.live(&one);
    for name in ["main", LEDGER] {
        let lock = world
            .path("state/mirror/refs/heads")
            .join(format!("{name}.lock"));
        std::fs::write(lock, "").unwrap();
    }
    let two = world.release("two");
    world.live(&two);
    assert_eq!(world.title(), "two");
}
