//! Two real daemons on one remote, each with a state directory of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use crate::repo::Repo;
use crate::world::{Story, World, stop, until};

const PUSHES: usize = 20;

fn tell(repo: &Repo) -> Vec<String> {
    (1..=PUSHES)
        .map(|number| {
            let text = format!(
                "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      title: Number {number}\n  - kind: cms_page\n    key: home\n    fields:\n      title: Number {number}\n"
            );
            repo.prepare("a", &text, &format!("Number {number}"))
        })
        .collect()
}

#[test]
fn two_daemons_write_every_release_once() {
    let story = Story::new(tell);
    let w = World::new(&story);
    w.configure("other", &w.proxy.url);
    let mut daemons = [w.spawn("state"), w.spawn("other")];
    for (at, commit) in story.commits.iter().enumerate() {
        w.push(commit);
        w.handled(commit);
        assert_eq!(w.stands(commit), "deploy live");
        // Each release writes its two entities, and each of them once.
        assert_eq!(
            w.shop.writes().len(),
            2 * (at + 1),
            "{:?}\n{}",
            w.shop.written(),
            w.told()
        );
    }
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        format!("Number {PUSHES}")
    );
    assert_eq!(w.ledger().unwrap().book.views().len(), PUSHES);
    let [all, first_parent, merges] = w.ledger_shape();
    assert_eq!((all, merges), (first_parent, 0));
    // A snapshot and an outcome each: two daemons make no more commits than one.
    assert_eq!(all, 2 * PUSHES);
    for daemon in &mut daemons {
        assert_eq!(daemon.try_wait().unwrap(), None, "{}", w.told());
    }
    for daemon in daemons {
        stop(daemon, || w.told());
    }
}

/// Keeps the second push of the ledger, an outcome, on its way until there is a file `go`.
const HOLD: &str = r#"#!/bin/sh
here=$(dirname "$0")/..
[ "$(wc -l < "$here/pushes")" -eq 2 ] || exit 0
until [ -e "$here/go" ]; do sleep 0.05; done
"#;

#[test]
fn a_lease_that_was_given_back_is_not_waited_for() {
    let story = Story::new(tell);
    // The lease lasts 50 seconds.
    let w = World::with(&story, "timeout: 20s", None);
    w.configure("other", &w.proxy.url);
    let hook = w.bare.join("hooks/update");
    std::fs::write(&hook, HOLD).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    w.push(&story.commits[0]);
    w.start();
    until(|| w.told(), || w.ledger().map(drop));
    let other = w.spawn("other");
    let log = w.dir.path().join("other.log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    until(
        || w.told(),
        || said().contains("holds the lease").then_some(()),
    );
    std::fs::write(w.bare.join("go"), "").unwrap();
    w.handled(&story.commits[0]);
    w.stop();
    let begun = Instant::now();
    w.push(&story.commits[1]);
    w.handled(&story.commits[1]);
    assert!(
        begun.elapsed().as_secs() < 20,
        "{:?}\n{}",
        begun.elapsed(),
        w.told()
    );
    stop(other, || w.told());
}
