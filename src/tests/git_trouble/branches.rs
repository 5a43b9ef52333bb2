//! Branches that are gone, have another name, or hold what somebody else has pushed there.

use crate::trouble::{Trouble, at_first, later};
use crate::world::{Kind, LEDGER, World};

const BOTH: [Kind; 2] = [Kind::InPlace, Kind::Mirrored];

fn deleted(world: &mut World) -> Trouble {
    let commit = world.prepare("two");
    world
        .repo
        .git_bare(&["update-ref", "-d", "refs/heads/main"]);
    let says = ["no branch main", "push it"];
    Trouble::stalled(commit, &says, |world| world.repo.push())
}

fn renamed(world: &mut World) -> Trouble {
    world.repo.git_bare(&["branch", "-m", "main", "trunk"]);
    world.repo.git_bare(&["branch", "other", "trunk"]);
    let commit = world.prepare("two");
    world.repo.git(&["push", "-q", "origin", "HEAD:trunk"]);
    let says = [
        "no branch main",
        "there are: other, trunk)",
        "correct `branch`",
    ];
    Trouble::stalled(commit, &says, |world| {
        world.correct_branch("trunk");
        world.stop();
        world.start();
    })
}

fn ledger_deleted(world: &mut World) -> Trouble {
    let tip = world.repo.tip(LEDGER).unwrap();
    let name = format!("refs/heads/{LEDGER}");
    // Its commits stay for as long as nobody collects them.
    world.repo.git_bare(&["update-ref", "-d", &name]);
    let says = ["rollback/production is gone", &tip.clone(), "push"];
    Trouble::stalled(world.release("two"), &says, move |world| {
        world.repo.git_bare(&["update-ref", &name, &tip]);
    })
}

/// Somebody else's commit on the rollback branch, made by these commands in a clone of it.
fn meddle(world: &World, commands: &[&[&str]]) {
    let repo = &world.repo;
    repo.git(&["fetch", "-q", "origin", LEDGER]);
    repo.git(&["checkout", "-q", "FETCH_HEAD"]);
    for command in commands {
        repo.git(command);
    }
    repo.git(&["commit", "-q", "--allow-empty", "-m", "Tidy up"]);
    repo.git(&["push", "-q", "origin", &format!("HEAD:{LEDGER}")]);
    repo.git(&["checkout", "-q", "main"]);
}

fn ledger_damaged(world: &mut World) -> Trouble {
    let tip = world.repo.tip(LEDGER).unwrap();
    meddle(world, &[&["rm", "-q", "state.yaml"]]);
    let says = ["rollback/production", "state.yaml", "put it back"];
    Trouble::stalled(world.release("two"), &says, move |world| {
        world
            .repo
            .git_bare(&["update-ref", &format!("refs/heads/{LEDGER}"), &tip]);
    })
}

fn ledger_is_another_branch(world: &mut World) -> Trouble {
    world
        .repo
        .git(&["push", "-q", "origin", &format!("HEAD:{LEDGER}")]);
    let says = ["rollback/production", "state.yaml", "new `rollback_branch`"];
    Trouble::stalled(world.release("two"), &says, |world| {
        // Given another name, so that the branch is free.
        world.repo.git_bare(&["branch", "-m", LEDGER, "somebodys"]);
    })
}

#[test]
fn a_branch_that_was_deleted_needs_a_person() {
    for kind in BOTH {
        later(kind, deleted);
    }
}

#[test]
fn a_branch_that_was_renamed_needs_a_person() {
    for kind in BOTH {
        later(kind, renamed);
    }
}

#[test]
fn a_rollback_branch_that_was_deleted_needs_a_person() {
    for kind in BOTH {
        later(kind, ledger_deleted);
    }
}

#[test]
fn a_commit_that_breaks_the_rollback_branch_needs_a_person() {
    for kind in BOTH {
        later(kind, ledger_damaged);
    }
}

#[test]
fn a_rollback_branch_that_is_not_one_needs_a_person() {
    for kind in BOTH {
        at_first(kind, ledger_is_another_branch);
    }
}

#[test]
fn a_commit_that_breaks_nothing_on_the_rollback_branch_is_kept() {
    for kind in BOTH {
        let mut world = World::new(kind);
        world.start();
        let one = world.release("one");
        world.live(&one);
        meddle(&world, &[]);
        let theirs = world.repo.tip(LEDGER).unwrap();
        let two = world.release("two");
        world.live(&two);
        assert_eq!(world.before("two"), "one");
        let line = world.repo.git_bare(&["rev-list", "--first-parent", LEDGER]);
        assert!(line.contains(&theirs), "{kind:?}: their commit is lost");
    }
}
