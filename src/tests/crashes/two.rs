//! Two real daemons on one remote, each with a state directory of its own.

use crate::repo::Repo;
use crate::world::{Story, World, stop};

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
