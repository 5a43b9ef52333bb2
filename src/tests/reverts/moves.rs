//! Release files that move: nothing is deployed, and whose values they are stays known.

use crate::support::expect::matches;
use crate::world::{World, file, title};

const AT: &str = "releases/2026-11-black-friday.yaml";
const DONE: &str = "releases/done/2026-11-black-friday.yaml";

/// A campaign whose file was moved; the campaign, and the move.
fn moved(w: &World) -> [String; 2] {
    let campaign = w.deploy(
        "2026-11-black-friday",
        &title("home-hero", "Black Friday"),
        "Black Friday hero",
    );
    let count = w.shop.writes().len();
    w.repo.rename(AT, DONE);
    let moved = w.repo.commit("Tidy up: old releases into done/");
    w.repo.push();
    w.plan(&[]).exits(0);
    w.reconcile().converged();
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    [campaign, moved]
}

#[test]
fn a_move_alone_is_no_release() {
    let w = World::new();
    let [campaign, moved] = moved(&w);
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&campaign, "deploy live")]);
    w.makes_no_release(&moved);
    assert_eq!(w.releases().len(), 1);
    w.wait(&campaign).exits(0);
    w.run(&["status"]).exits(0);
}

#[test]
fn reverting_the_release_of_a_moved_file_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _] = moved(&w);
    // Git cannot tell whether the moved file is to go, and somebody says so.
    w.repo.try_git(&["revert", "--no-edit", &campaign]);
    w.repo.git(&["rm", "-q", "--ignore-unmatch", DONE]);
    if !w.repo.git(&["status", "--porcelain"]).is_empty() {
        w.repo.git(&["revert", "--continue"]);
    }
    let undone = w.repo.head();
    assert!(
        w.repo
            .git(&["log", "-1", "--format=%b"])
            .contains(&format!("This reverts commit {campaign}"))
    );
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

#[test]
fn so_does_deleting_the_moved_file_with_words() {
    for merged in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let [campaign, _] = moved(&w);
        let words = format!("Over\n\nReverts: {campaign}");
        let delete = || {
            w.repo.remove(DONE);
            w.repo.commit(&words)
        };
        let undone = if merged {
            w.repo.on("over", |_| delete());
            w.repo.merge("over", "Merge over")
        } else {
            delete()
        };
        w.push();
        w.is_as(&before);
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&undone, "rollback live"),
        ]);
        w.takes_back(&undone, &[&campaign]);
    }
}

#[test]
fn deleting_the_moved_file_without_words_names_the_release_that_wrote_it() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _] = moved(&w);
    w.repo.remove(DONE);
    let removal = w.repo.commit("Tidy up");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.activity_says(&removal, &format!("Reverts: {}", &campaign[..7]));
    w.repo.say(&format!("Roll back\n\nReverts: {campaign}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn a_move_that_is_reverted_changes_nothing_either() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, moved] = moved(&w);
    let back = w.revert(&moved);
    w.shows("home-hero", "Black Friday");
    w.makes_no_release(&back);
    w.stand(&[(&campaign, "deploy live")]);
    w.revert(&campaign);
    w.is_as(&before);
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn files_put_together_into_one_make_no_release_and_are_reverted_apart() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.deploy("one", &title("home-hero", "One"), "One");
    let two = w.deploy("two", &title("old-hero", "Two"), "Two");
    let count = w.shop.writes().len();
    let both = [
        ("cms_block", "home-hero", "all", "title", "One"),
        ("cms_block", "old-hero", "all", "title", "Two"),
    ];
    w.repo.remove("releases/one.yaml");
    w.repo.remove("releases/two.yaml");
    let together = w
        .repo
        .prepare("all", &file(&both), "Put them into one file");
    w.push();
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.makes_no_release(&together);
    w.stand(&[(&one, "deploy live"), (&two, "deploy live")]);
    let undone = w.repo.prepare(
        "all",
        &file(&both[1..]),
        &format!("One is over\n\nThis reverts commit {one}."),
    );
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Two");
    w.takes_back(&undone, &[&one]);
    w.stand(&[(&one, "deploy rolled_back"), (&two, "deploy live")]);
    w.repo
        .remove_saying("all", &format!("Two is over\n\nThis reverts commit {two}."));
    w.push();
    w.is_as(&before);
    w.stand(&[(&two, "deploy rolled_back")]);
}

#[test]
fn moved_and_changed_at_once_only_the_change_is_a_release() {
    let w = World::new();
    let hero = |content: &str| {
        file(&[
            ("cms_block", "home-hero", "all", "content", content),
            ("cms_block", "old-hero", "all", "title", "Old"),
        ])
    };
    let campaign = w.deploy("hero", &hero("One"), "Campaign");
    w.repo
        .rename("releases/hero.yaml", "releases/done/hero.yaml");
    w.repo.write("releases/done/hero.yaml", hero("Two"));
    let changed = w.repo.commit("Move it and mend it");
    w.push();
    w.stand(&[(&campaign, "deploy live"), (&changed, "deploy live")]);
    let changes = w.release(&changed)["changes"].clone();
    assert_eq!(changes.as_array().unwrap().len(), 1, "{changes:#}");
    assert_eq!(changes[0]["key"], "home-hero");
    // Its revert moves the file back and puts the content back.
    w.revert(&changed);
    let content = w.shop.field("cms_block", "home-hero", "all", "content");
    assert_eq!(content, "One");
    w.shows("old-hero", "Old");
    w.stand(&[(&campaign, "deploy live"), (&changed, "deploy rolled_back")]);
}

/// The file that sets the older value sorts after the newer one once it is below `done/`.
#[test]
fn a_move_that_would_make_an_older_value_win_leaves_the_newer_one_or_is_said() {
    let w = World::new();
    w.deploy("b-autumn", &title("home-hero", "Autumn"), "Autumn");
    w.deploy("c-winter", &title("home-hero", "Winter"), "Winter");
    w.shows("home-hero", "Winter");
    w.repo
        .rename("releases/b-autumn.yaml", "releases/done/b-autumn.yaml");
    w.repo.commit("Tidy up: old releases into done/");
    w.repo.push();
    let plan = w.plan(&[]);
    w.reconcile().converged();
    let shown = w.shop.field("cms_block", "home-hero", "all", "title");
    if shown != "Winter" {
        assert!(matches(&plan.stdout, "renam|moved"), "{}", plan.said());
    }
}

#[test]
fn moved_out_of_the_releases_the_values_go_as_on_remove_says() {
    for (settings, shown) in [
        ("on_remove: keep", "Autumn"),
        ("on_remove: restore", "Home hero"),
    ] {
        let w = World::set_to(settings);
        w.deploy("b-autumn", &title("home-hero", "Autumn"), "Autumn");
        w.repo
            .rename("releases/b-autumn.yaml", "archive/b-autumn.yaml");
        let archived = w.repo.commit("Archive");
        w.repo.push();
        let plan = w.plan(&[]);
        if shown == "Home hero" {
            plan.exits(2)
                .says("Home hero")
                .never_says("(stays?|left) in the store");
        }
        w.reconcile().converged();
        w.shows("home-hero", shown);
        w.stand(&[(&archived, "deploy live")]);
        if shown == "Home hero" {
            w.activity_never_says(&archived, "(stays?|left) in the store");
        }
    }
}
