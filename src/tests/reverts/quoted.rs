//! Messages that quote a revert: nothing is taken back by them.

use crate::support::threads::failures;
use crate::world::World;
use crate::{black_friday, cyber_monday};

/// Bodies that quote what a revert would say; `{id}` is the release's commit.
const QUOTES: [(&str, &str); 9] = [
    (
        "a mail",
        "Ada wrote:\n\n> This reverts commit {id}.\n\nShe meant another one.",
    ),
    ("a mail in a mail", "> > This reverts commit {id}."),
    ("a trailer in a mail", "> Reverts: {id}"),
    (
        "fenced text",
        "Do not write\n\n```\nThis reverts commit {id}.\n```\n\nby hand.",
    ),
    (
        "fenced text with a word",
        "```text\nThis reverts commit {id}.\n\nReverts: {id}\n```",
    ),
    (
        "text fenced with tildes",
        "~~~\nThis reverts commit {id}.\n~~~",
    ),
    (
        "indented text",
        "The message was:\n\n    This reverts commit {id}.\n    Reverts: {id}",
    ),
    (
        "text after a tab",
        "The message was:\n\n\tThis reverts commit {id}.",
    ),
    (
        "a sentence about it",
        "Somebody pushed \"This reverts commit {id}.\" by mistake.",
    ),
];

#[test]
fn a_quoted_revert_beside_a_campaign_takes_nothing_back() {
    let failed = failures(&QUOTES, |(_, quote)| {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
        w.repo.write("releases/cyber-monday.yaml", cyber_monday());
        let quote = quote.replace("{id}", &campaign);
        let next = w.repo.commit(&format!("Cyber Monday\n\n{quote}"));
        w.push();
        w.shows("home-hero", "Black Friday");
        w.shows("old-hero", "Cyber Monday");
        w.stand(&[(&campaign, "deploy live"), (&next, "deploy live")]);
        w.takes_back(&next, &[]);
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_deletion_that_quotes_a_revert_is_a_removal() {
    let failed = failures(&QUOTES, |(_, quote)| {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
        let shop = w.shop.dump();
        let quote = quote.replace("{id}", &campaign);
        let removal = w
            .repo
            .remove_saying("black-friday", &format!("Tidy up\n\n{quote}"));
        w.push();
        w.is_as(&shop);
        w.stand(&[(&removal, "deploy live")]);
        w.takes_back(&removal, &[]);
        assert_ne!(w.stands(&campaign), "deploy rolled_back");
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_quoting_commit_that_a_merge_brings_in_takes_nothing_back() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    let shop = w.shop.dump();
    w.repo.on("tidy", |repo| {
        repo.remove_saying(
            "black-friday",
            &format!("Tidy up\n\n> This reverts commit {campaign}.\n"),
        )
    });
    let merge = w.repo.merge(
        "tidy",
        &format!("Merge pull request #13\n\nTidy up\n\n    Reverts: {campaign}"),
    );
    w.push();
    w.is_as(&shop);
    w.stand(&[(&merge, "deploy live")]);
    w.takes_back(&merge, &[]);
}

#[test]
fn an_empty_commit_that_quotes_the_remedy_takes_nothing_back() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    let shop = w.shop.dump();
    w.repo.remove_saying("black-friday", "Tidy up");
    w.push();
    let note = w
        .repo
        .say(&format!("Note the remedy\n\n> Reverts: {campaign}"));
    w.push();
    w.is_as(&shop);
    w.makes_no_release(&note);
    assert_ne!(w.stands(&campaign), "deploy rolled_back");
}

#[test]
fn words_beside_a_quote_count() {
    let w = World::new();
    let before = w.shop.dump();
    let footer = w.deploy("footer", &crate::title("footer-links", "Footer"), "Footer");
    let kept = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    let undone = w.repo.remove_saying(
        "black-friday",
        &format!(
            "Undo the right one\n\nAda wrote:\n> This reverts commit {footer}.\n\n\
             This reverts commit {campaign}."
        ),
    );
    w.push();
    w.is_as(&kept);
    w.takes_back(&undone, &[&campaign]);
    w.stand(&[(&footer, "deploy live")]);
    w.revert(&footer);
    w.is_as(&before);
}
