//! Numbers of pull and merge requests: those of this repository count, others do not.

use crate::support::threads::failures;
use crate::world::{Options, World};
use crate::{black_friday, cyber_monday};

/// A campaign's message, the words of a later commit, and true if those name the campaign.
const CASES: [(&str, &str, bool); 11] = [
    ("Black Friday hero (#12)", "Reverts acme/shop#12", true),
    (
        "Merge pull request #12 from example/black-friday\n\nBlack Friday hero",
        "Reverts acme/shop#12",
        true,
    ),
    (
        "Merge branch 'black-friday' into 'main'\n\nSee merge request acme/shop!12",
        "This reverts merge request !12",
        true,
    ),
    ("Black Friday hero (#12)", "Reverts other/shop#12", false),
    ("Black Friday hero (#12)", "Reverts acme/content#12", false),
    ("Black Friday hero (#12)", "Reverts acme/shop#1", false),
    ("Black Friday hero (#12)", "Reverts acme/shop#123", false),
    (
        "Merge branch 'black-friday' into 'main'\n\nSee merge request acme/shop!12",
        "This reverts merge request other/shop!12",
        false,
    ),
    ("Black Friday hero, see #12", "Reverts acme/shop#12", false),
    ("Black Friday (#12) hero", "Reverts acme/shop#12", false),
    (
        "Black Friday hero\n\nFixes #12",
        "Reverts acme/shop#12",
        false,
    ),
];

/// Another change stands beside it, so that the commit is nobody's exact inverse and the words alone
/// tell.
#[test]
fn a_number_names_a_release_where_it_is_one_of_this_repository() {
    let failed = failures(&CASES, |(campaign, words, named)| {
        let w = World::at("acme/shop.git", Options::default());
        let campaign = w.deploy("black-friday", &black_friday(), campaign);
        w.repo.write("releases/cyber-monday.yaml", cyber_monday());
        let next = w
            .repo
            .remove_saying("black-friday", &format!("Cyber Monday (#13)\n\n{words}"));
        w.push();
        w.shows("old-hero", "Cyber Monday");
        if *named {
            w.shows("home-hero", "Home hero");
            w.stand(&[(&campaign, "deploy rolled_back"), (&next, "rollback live")]);
            w.takes_back(&next, &[&campaign]);
        } else {
            w.shows("home-hero", "Black Friday");
            w.stand(&[(&next, "deploy live")]);
            w.takes_back(&next, &[]);
        }
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn the_revert_button_of_github_counts_by_its_description_alone() {
    let w = World::at("acme/shop.git", Options::default());
    let before = w.shop.dump();
    w.repo.on("black-friday", |repo| {
        repo.prepare("black-friday", &black_friday(), "Black Friday hero")
    });
    let campaign = w.repo.merge(
        "black-friday",
        "Merge pull request #12 from example/black-friday\n\nBlack Friday hero",
    );
    w.push();
    w.repo.on("revert-12", |repo| repo.revert_merge(&campaign));
    // Squashed, with the pull request's title and description: no id is left.
    let undone = w
        .repo
        .squash("revert-12", "Off with it (#13)\n\nReverts acme/shop#12");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

/// The number of the pull request that a commit came by is not one that it reverts.
#[test]
fn a_commits_own_number_names_nothing() {
    let w = World::at("acme/shop.git", Options::default());
    let first = w.deploy("black-friday", &black_friday(), "Black Friday hero (#12)");
    w.repo.write("releases/cyber-monday.yaml", cyber_monday());
    let second = w
        .repo
        .remove_saying("black-friday", "Cyber Monday instead (#12)");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&second, "deploy live")]);
    w.takes_back(&second, &[]);
    assert_ne!(w.stands(&first), "deploy rolled_back");
}
