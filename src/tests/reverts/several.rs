//! Several releases live side by side, or one above the other, reverted in each order.

use crate::support::threads::failures;
use crate::world::{World, file, title};

const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// One field of one block each.
const FIELDS: [(&str, &str, &str); 3] = [
    ("a", "title", "Title"),
    ("b", "content", "Content"),
    ("c", "active", "true"),
];

#[test]
fn three_fields_of_one_entity_are_reverted_in_each_order() {
    let failed = failures(&ORDERS, |order| {
        let w = World::new();
        let before = w.shop.dump();
        let releases = FIELDS.map(|(name, field, value)| {
            w.deploy(
                name,
                &file(&[("cms_block", "old-hero", "all", field, value)]),
                field,
            )
        });
        let fields =
            || FIELDS.map(|(_, field, _)| w.shop.field("cms_block", "old-hero", "all", field));
        let deployed = fields();
        assert!(releases.iter().all(|r| w.stands(r) == "deploy live"));
        let mut wanted = deployed;
        for at in order {
            let undone = w.revert(&releases[*at]);
            wanted[*at] = before["cms_block"]["old-hero"]["all"][FIELDS[*at].1].clone();
            assert_eq!(fields(), wanted);
            w.takes_back(&undone, &[&releases[*at]]);
            w.stand(&[
                (&releases[*at], "deploy rolled_back"),
                (&undone, "rollback live"),
            ]);
        }
        w.is_as(&before);
    });
    assert_eq!(failed, Vec::<String>::new());
}

const TITLES: [&str; 3] = ["One", "Two", "Three"];

#[test]
fn three_titles_one_above_the_other_are_reverted_in_each_order() {
    let failed = failures(&ORDERS, |order| {
        let w = World::new();
        let before = w.shop.dump();
        let releases =
            TITLES.map(|name| w.deploy(&name.to_lowercase(), &title("home-hero", name), name));
        // Paths count and not time: `one`, `three`, `two`.
        let by_path = [0, 2, 1];
        let mut live = vec![0, 1, 2];
        let check = |live: &[usize]| {
            let top = by_path.iter().rev().find(|at| live.contains(at));
            w.shows("home-hero", top.map_or("Home hero", |at| TITLES[*at]));
            for (at, release) in releases.iter().enumerate() {
                let wanted = match (live.contains(&at), top == Some(&at)) {
                    (false, _) => "deploy rolled_back",
                    (true, true) => "deploy live",
                    // One that no later path let be seen says so in its own words.
                    (true, false) => continue,
                };
                w.stand(&[(release, wanted)]);
            }
        };
        check(&live);
        for at in order {
            let undone = w.revert(&releases[*at]);
            live.retain(|other| other != at);
            check(&live);
            w.stand(&[(&undone, "rollback live")]);
            w.takes_back(&undone, &[&releases[*at]]);
        }
        w.is_as(&before);
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_superseded_release_is_live_again_after_a_merged_revert() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.deploy("hero", &title("home-hero", "One"), "One");
    let two = w.deploy("hero", &title("home-hero", "Two"), "Two");
    let three = w.deploy("hero", &title("home-hero", "Three"), "Three");
    w.stand(&[
        (&one, "deploy superseded"),
        (&two, "deploy superseded"),
        (&three, "deploy live"),
    ]);
    w.repo.on("undo", |repo| {
        repo.revert_only(&[&three]);
        repo.revert_only(&[&two])
    });
    let undone = w.repo.merge("undo", "Merge undo");
    w.push();
    w.shows("home-hero", "One");
    w.stand(&[
        (&one, "deploy live"),
        (&two, "deploy rolled_back"),
        (&three, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&three, &two]);
    w.revert(&one);
    w.is_as(&before);
}

#[test]
fn the_revert_of_a_merged_rollback_is_an_ordinary_deploy() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("hero", &title("home-hero", "One"), "One");
    w.repo.on("undo", |repo| repo.revert_only(&[&campaign]));
    let undone = w.repo.merge("undo", "Merge undo");
    w.push();
    w.is_as(&before);
    let again = w.repo.revert_merge(&undone);
    w.push();
    w.shows("home-hero", "One");
    w.stand(&[(&campaign, "deploy rolled_back"), (&again, "deploy live")]);
    w.takes_back(&again, &[]);
    w.revert(&again);
    w.is_as(&before);
    w.stand(&[(&again, "deploy rolled_back")]);
}

#[test]
fn a_release_that_says_a_thing_in_two_files_stays_until_both_are_gone() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.write("releases/a.yaml", title("home-hero", "One"));
    let twice = w.deploy("b", &title("home-hero", "One"), "One");
    let words = format!("Once is enough\n\nThis reverts commit {twice}.");
    w.repo.remove_saying("b", &words);
    w.push();
    w.shows("home-hero", "One");
    w.stand(&[(&twice, "deploy live")]);
    w.repo.remove_saying("a", &words);
    w.push();
    w.is_as(&before);
    w.stand(&[(&twice, "deploy rolled_back")]);
}
