//! Statements that leave the files without a word, and the remedies for it.

use crate::world::{World, file, title};
use crate::{black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";

/// A campaign whose file was deleted without words: the campaign, and the removal.
fn removed(w: &World) -> [String; 2] {
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let removal = w.repo.remove_saying("black-friday", "Tidy up");
    w.push();
    [campaign, removal]
}

#[test]
fn a_deletion_without_words_is_a_removal_that_names_release_and_remedy() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let shop = w.shop.dump();
    let count = w.shop.writes().len();
    let removal = w.repo.remove_saying("black-friday", "Tidy up");
    w.repo.push();
    let remedy = format!("Reverts: {}", &campaign[..7]);
    w.plan(&[])
        .exits(0)
        .says(&remedy)
        .says("empty commit")
        .says(&format!("gitmage rollback {}", &campaign[..7]));
    w.reconcile().converged();
    w.is_as(&shop);
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.stand(&[(&removal, "deploy live")]);
    w.takes_back(&removal, &[]);
    w.activity_says(&removal, &remedy);
    w.activity_says(&removal, "looks like the undoing");
    w.wait(&removal).exits(0);
}

#[test]
fn the_remedy_rolls_back() {
    // The whole id, a short one, one of several trailers.
    for digits in [40, 10, 7] {
        let w = World::new();
        let before = w.shop.dump();
        let [campaign, _] = removed(&w);
        w.shows("home-hero", "Black Friday");
        let remedy = w.repo.say(&format!(
            "Roll back for real\n\nReverts: {}\nSigned-off-by: Ada Merchant <ada@shop.example>",
            &campaign[..digits]
        ));
        w.repo.push();
        w.plan(&[]).exits(2).says("rollback").says("Home hero");
        w.reconcile().converged();
        w.is_as(&before);
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&remedy, "rollback live"),
        ]);
        w.takes_back(&remedy, &[&campaign]);
        w.wait(&campaign).exits(4);
        w.wait(&remedy).exits(0);
    }
}

#[test]
fn the_remedy_in_the_words_of_git_rolls_back_too() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _] = removed(&w);
    let remedy = w.repo.say(&format!(
        "Revert \"{SUBJECT}\"\n\nThis reverts commit {campaign}."
    ));
    w.push();
    w.is_as(&before);
    w.takes_back(&remedy, &[&campaign]);
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn the_remedy_rolls_back_what_a_merge_removed() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("campaign", |repo| {
        repo.prepare("black-friday", &black_friday(), SUBJECT)
    });
    let merge = w.repo.merge("campaign", "Merge campaign");
    w.push();
    w.repo.on("tidy", |repo| {
        repo.remove_saying("black-friday", "Old files away")
    });
    let removal = w.repo.merge("tidy", "Merge tidy");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.activity_says(&removal, &format!("Reverts: {}", &merge[..7]));
    let remedy = w.repo.say(&format!("Roll back\n\nReverts: {merge}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back"), (&remedy, "rollback live")]);
}

#[test]
fn under_restore_a_removal_puts_back_and_nobody_says_that_values_stay() {
    let w = World::set_to("on_remove: restore");
    let before = w.shop.dump();
    w.deploy("black-friday", &black_friday(), SUBJECT);
    let removal = w.repo.remove_saying("black-friday", "Tidy up");
    w.repo.push();
    w.plan(&[])
        .exits(2)
        .says("Home hero")
        .never_says("(stays?|left) in the store");
    w.reconcile().converged();
    w.is_as(&before);
    w.stand(&[(&removal, "deploy live")]);
    w.activity_never_says(&removal, "(stays?|left) in the store");
}

#[test]
fn one_of_two_blocks_that_leaves_a_file_has_its_remedy_too() {
    let w = World::new();
    let before = w.shop.dump();
    let both = [
        ("cms_block", "home-hero", "all", "title", "One"),
        ("cms_block", "old-hero", "all", "title", "Two"),
    ];
    let campaign = w.deploy("a", &file(&both), "Campaign");
    w.repo
        .prepare("a", &file(&both[..1]), "Two is no longer ours");
    w.push();
    w.shows("old-hero", "Two");
    let remedy = w.repo.say(&format!("Roll back\n\nReverts: {campaign}"));
    w.push();
    // Where a statement of the campaign stands, its layer stays.
    w.shows("home-hero", "One");
    w.shows("old-hero", "Last year's hero");
    w.stand(&[(&campaign, "deploy live"), (&remedy, "rollback live")]);
    w.takes_back(&remedy, &[&campaign]);
    w.repo
        .remove_saying("a", &format!("Over\n\nReverts: {campaign}"));
    w.push();
    w.is_as(&before);
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn the_remedy_for_a_release_that_still_stands_takes_nothing_back() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let shop = w.shop.dump();
    let said = w.repo.say(&format!("Roll back\n\nReverts: {campaign}"));
    w.repo.push();
    w.plan(&[]).exits(0);
    w.reconcile().converged();
    w.is_as(&shop);
    w.stand(&[(&campaign, "deploy live")]);
    w.makes_no_release(&said);
}

#[test]
fn the_remedy_takes_away_what_lies_beneath_a_newer_value() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _] = removed(&w);
    let newer = w.deploy("newer", &title("home-hero", "Newer"), "Newer");
    w.repo.say(&format!("Roll back\n\nReverts: {campaign}"));
    w.push();
    w.shows("home-hero", "Newer");
    w.stand(&[(&campaign, "deploy rolled_back"), (&newer, "deploy live")]);
    // Nothing of the campaign is beneath it any more.
    w.revert(&newer);
    w.is_as(&before);
}

#[test]
fn an_unknown_id_is_a_warning_wherever_the_commit_is_spoken_of() {
    let w = World::new();
    w.deploy("black-friday", &black_friday(), SUBJECT);
    let shop = w.shop.dump();
    // Without a release of its own.
    let empty = w.repo.say("Roll back\n\nReverts: deadbeef12");
    w.repo.push();
    w.plan(&[]).exits(0).warns("deadbeef12");
    w.reconcile().converged();
    w.is_as(&shop);
    assert_eq!(w.find_release(&empty), None);
    w.wait(&empty).exits(0).warns("deadbeef12");
    // With one.
    w.repo.write("releases/cyber-monday.yaml", cyber_monday());
    let next = w.repo.commit("Cyber Monday\n\nReverts: deadbeef12");
    w.repo.push();
    w.plan(&[]).exits(2).warns("deadbeef12");
    w.reconcile().converged();
    w.stand(&[(&next, "deploy live")]);
    w.activity_says(&next, "deadbeef12");
    w.shows("home-hero", "Black Friday");
}

#[test]
fn an_unknown_id_on_the_exact_inverse_is_a_rollback_with_a_warning() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let undone = w
        .repo
        .remove_saying("black-friday", "Roll back\n\nReverts: deadbeef12");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.activity_says(&undone, "deadbeef12");
}

#[test]
fn a_removal_that_lets_an_older_value_come_to_light_says_no_word_of_staying() {
    let w = World::new();
    w.deploy(
        "a",
        &file(&[
            ("cms_block", "home-hero", "all", "title", "Older"),
            ("cms_block", "footer-links", "all", "title", "Footer"),
        ]),
        "Older",
    );
    w.deploy("b", &title("home-hero", "Newer"), "Newer");
    let removal = w.repo.remove_saying("b", "Remove it");
    w.repo.push();
    w.plan(&[])
        .exits(2)
        .says("Older")
        .never_says("(stays?|left) in the store");
    w.reconcile().converged();
    w.shows("home-hero", "Older");
    w.stand(&[(&removal, "deploy live")]);
    // What nothing lists any more is named, with what becomes of it.
    w.repo.prepare(
        "a",
        &title("home-hero", "Older"),
        "Stop managing the footer",
    );
    w.repo.push();
    w.plan(&[])
        .exits(0)
        .says("footer-links")
        .says("no longer managed|unmanaged|not managed");
    w.reconcile().converged();
    w.shows("footer-links", "Footer");
}

/// One release and another that took its file away and brought something of its own.
fn replaced(w: &World) -> [String; 2] {
    let first = w.deploy("first", &title("home-hero", "First"), "First");
    w.repo.remove("releases/first.yaml");
    let second = w.deploy("second", &title("old-hero", "Second"), "Second");
    w.shows("home-hero", "First");
    w.shows("old-hero", "Second");
    [first, second]
}

#[test]
fn a_release_named_with_the_one_that_removed_its_file_goes_back_too() {
    for merged in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let [first, second] = replaced(&w);
        let words = format!("Undo both\n\nReverts: {first}\nReverts: {second}");
        let undone = if merged {
            w.repo
                .on("undo", |repo| repo.remove_saying("second", &words));
            w.repo.merge("undo", "Merge undo")
        } else {
            w.repo.remove_saying("second", &words)
        };
        w.push();
        w.is_as(&before);
        w.stand(&[
            (&first, "deploy rolled_back"),
            (&second, "deploy rolled_back"),
            (&undone, "rollback live"),
        ]);
        w.takes_back(&undone, &[&second, &first]);
    }
}

#[test]
fn named_alone_the_one_that_removed_brings_the_first_back() {
    let w = World::new();
    let before = w.shop.dump();
    let [first, second] = replaced(&w);
    let undone = w.revert(&second);
    w.shows("home-hero", "First");
    w.shows("old-hero", "Last year's hero");
    w.stand(&[
        (&first, "deploy live"),
        (&second, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&second]);
    w.revert(&first);
    w.is_as(&before);
    w.stand(&[(&first, "deploy rolled_back")]);
}

#[test]
fn named_alone_the_first_stays_beside_a_commit_that_does_not_touch_it() {
    let w = World::new();
    let [first, second] = replaced(&w);
    w.repo
        .write("releases/third.yaml", title("footer-links", "Third"));
    let third = w
        .repo
        .commit(&format!("Third\n\nThis reverts commit {first}."));
    w.push();
    w.shows("home-hero", "First");
    w.shows("old-hero", "Second");
    w.shows("footer-links", "Third");
    w.stand(&[(&second, "deploy live"), (&third, "deploy live")]);
    w.takes_back(&third, &[]);
}
