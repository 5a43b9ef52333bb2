//! Merges of all sorts: parts reverted alone, reverted and merged again, octopuses, `git pull`.

use crate::world::{World, file, title};
use crate::{black_friday, cyber_monday};

/// A branch of two commits, merged and deployed: the merge and its two commits.
fn two_parts(w: &World) -> (String, [String; 2]) {
    let parts = w.repo.on("feature", |repo| {
        let one = repo.prepare("one", &title("home-hero", "One"), "One");
        let two = repo.prepare("two", &title("old-hero", "Two"), "Two");
        [one, two]
    });
    let merge = w.repo.merge("feature", "Merge feature");
    w.push();
    (merge, parts)
}

#[test]
fn the_commits_of_a_merged_branch_are_reverted_one_by_one_in_any_order() {
    for [first, second] in [[0, 1], [1, 0]] {
        let w = World::new();
        let before = w.shop.dump();
        let (merge, parts) = two_parts(&w);
        let undone = w.revert(&parts[first]);
        let left = [("home-hero", "One"), ("old-hero", "Two")][second];
        w.shows(left.0, left.1);
        w.stand(&[(&merge, "deploy live"), (&undone, "rollback live")]);
        w.takes_back(&undone, &[&merge]);
        let undone = w.revert(&parts[second]);
        w.is_as(&before);
        w.stand(&[(&merge, "deploy rolled_back"), (&undone, "rollback live")]);
        w.takes_back(&undone, &[&merge]);
    }
}

#[test]
fn one_commit_of_a_merged_branch_is_reverted_by_a_pull_request() {
    let w = World::new();
    let before = w.shop.dump();
    let (merge, [one, _]) = two_parts(&w);
    w.repo.on("undo-one", |repo| repo.revert_only(&[&one]));
    let undone = w.repo.merge("undo-one", "Merge pull request #13");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Two");
    w.stand(&[(&merge, "deploy live"), (&undone, "rollback live")]);
    w.takes_back(&undone, &[&merge]);
    // The merge as a whole takes the rest back.
    w.repo.revert_merge(&merge);
    w.push();
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back")]);
}

/// Two commits of a branch that write into one file.
fn one_file(w: &World, first: &str, second: &str) -> (String, [String; 2]) {
    let parts = w.repo.on("feature", |repo| {
        let one = repo.prepare("hero", first, "First");
        let two = repo.prepare("hero", second, "Second");
        [one, two]
    });
    let merge = w.repo.merge("feature", "Merge feature");
    w.push();
    (merge, parts)
}

const TITLE: &str =
    "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      title: One\n";
const BOTH: &str = "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      title: One\n      content: Two\n";
const CONTENT: &str =
    "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      content: Two\n";

#[test]
fn fields_that_two_commits_of_a_branch_put_into_one_file_are_reverted_one_by_one() {
    let w = World::new();
    let before = w.shop.dump();
    let (merge, [first, second]) = one_file(&w, TITLE, BOTH);
    w.revert(&second);
    w.shows("home-hero", "One");
    let content = || w.shop.field("cms_block", "home-hero", "all", "content");
    assert_eq!(
        content(),
        before["cms_block"]["home-hero"]["all"]["content"]
    );
    w.stand(&[(&merge, "deploy live")]);
    w.revert(&first);
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back")]);
}

#[test]
fn the_first_of_the_two_is_reverted_by_hand() {
    let w = World::new();
    let before = w.shop.dump();
    let (merge, [first, second]) = one_file(&w, TITLE, BOTH);
    // Git finds a conflict; somebody takes the line away.
    let words = |id: &str| format!("Revert something\n\nThis reverts commit {id}.");
    w.repo.prepare("hero", CONTENT, &words(&first));
    w.push();
    w.shows("home-hero", "Home hero");
    let content = || w.shop.field("cms_block", "home-hero", "all", "content");
    assert_eq!(content(), "Two");
    w.stand(&[(&merge, "deploy live")]);
    w.repo.remove_saying("hero", &words(&second));
    w.push();
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back")]);
}

/// The value of the first of them was never in effect by itself.
#[test]
fn a_value_that_a_branch_overwrote_comes_to_light_and_goes_again() {
    let w = World::new();
    let before = w.shop.dump();
    let (_, [first, second]) = one_file(&w, &title("home-hero", "One"), &title("home-hero", "Two"));
    w.shows("home-hero", "Two");
    let undone = w.revert(&second);
    w.shows("home-hero", "One");
    w.stand(&[(&undone, "rollback live")]);
    w.revert(&first);
    w.is_as(&before);
}

#[test]
fn a_reverted_branch_is_mended_and_merged_again() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("black-friday", |repo| {
        repo.prepare("black-friday", &black_friday(), "Black Friday hero")
    });
    let merge = w.repo.merge("black-friday", "Merge black-friday");
    w.push();
    let revert = w.repo.revert_merge(&merge);
    w.push();
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back")]);
    // As Git's own how-to says: revert the revert, then mend it.
    w.repo.on("mended", |repo| {
        repo.revert_only(&[&revert]);
        repo.prepare(
            "black-friday",
            &title("home-hero", "Black Friday, mended"),
            "Mend it",
        )
    });
    let again = w.repo.merge("mended", "Merge mended");
    w.push();
    w.shows("home-hero", "Black Friday, mended");
    w.stand(&[(&merge, "deploy rolled_back"), (&again, "deploy live")]);
    w.takes_back(&again, &[]);
    let undone = w.repo.revert_merge(&again);
    w.push();
    w.is_as(&before);
    w.stand(&[(&again, "deploy rolled_back"), (&undone, "rollback live")]);
}

#[test]
fn merging_a_reverted_branch_again_brings_only_what_is_new() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("black-friday", |repo| {
        repo.prepare("black-friday", &black_friday(), "Black Friday hero")
    });
    let merge = w.repo.merge("black-friday", "Merge black-friday");
    w.push();
    w.repo.revert_merge(&merge);
    w.push();
    w.repo.on("black-friday", |repo| {
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let again = w.repo.merge("black-friday", "Merge black-friday again");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&merge, "deploy rolled_back"), (&again, "deploy live")]);
    w.repo.revert_merge(&again);
    w.push();
    w.is_as(&before);
}

#[test]
fn a_branch_made_anew_from_a_reverted_one_is_what_the_old_ids_mean() {
    let w = World::new();
    let before = w.shop.dump();
    let old = w.repo.on("black-friday", |repo| {
        repo.prepare("black-friday", &black_friday(), "Black Friday hero")
    });
    let merge = w.repo.merge("black-friday", "Merge black-friday");
    w.push();
    w.repo.revert_merge(&merge);
    w.push();
    // The same change as a new commit, and another beside it.
    w.repo.on("anew", |repo| {
        repo.cherry_pick(&old);
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let again = w.repo.merge("anew", "Merge anew");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&again, "deploy live")]);
    let undone = w.revert(&old);
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.takes_back(&undone, &[&again]);
    w.stand(&[(&again, "deploy live"), (&undone, "rollback live")]);
    w.repo.revert_merge(&again);
    w.push();
    w.is_as(&before);
    w.stand(&[(&again, "deploy rolled_back")]);
}

const ARMS: [(&str, &str); 3] = [
    ("one", "home-hero"),
    ("two", "old-hero"),
    ("three", "footer-links"),
];

#[test]
fn an_octopus_is_one_release_whose_arms_are_reverted_one_by_one() {
    let w = World::new();
    let before = w.shop.dump();
    let arms = ARMS.map(|(arm, block)| {
        w.repo
            .on(arm, |repo| repo.prepare(arm, &title(block, arm), arm))
    });
    w.repo.git(&[
        "merge", "-q", "--no-ff", "-m", "Octopus", "one", "two", "three",
    ]);
    let octopus = w.repo.head();
    w.push();
    assert_eq!(w.releases().len(), 1);
    w.stand(&[(&octopus, "deploy live")]);
    for (arm, block) in ARMS {
        w.shows(block, arm);
    }
    let undone = w.revert(&arms[1]);
    w.shows("home-hero", "one");
    w.shows("old-hero", "Last year's hero");
    w.shows("footer-links", "three");
    w.takes_back(&undone, &[&octopus]);
    w.stand(&[(&octopus, "deploy live")]);
    w.repo.revert_merge(&octopus);
    w.push();
    w.is_as(&before);
    w.stand(&[(&octopus, "deploy rolled_back")]);
}

#[test]
fn an_octopus_of_reverts_takes_all_of_them_back() {
    let w = World::new();
    let before = w.shop.dump();
    let releases = ARMS.map(|(arm, block)| w.deploy(arm, &title(block, arm), arm));
    for (at, undo) in ["undo-one", "undo-two", "undo-three"].iter().enumerate() {
        w.repo.on(undo, |repo| repo.revert_only(&[&releases[at]]));
    }
    w.repo.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Octopus",
        "undo-one",
        "undo-two",
        "undo-three",
    ]);
    let octopus = w.repo.head();
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&releases[0], "deploy rolled_back"),
        (&releases[1], "deploy rolled_back"),
        (&releases[2], "deploy rolled_back"),
        (&octopus, "rollback live"),
    ]);
    w.takes_back(&octopus, &[&releases[2], &releases[1], &releases[0]]);
}

/// A branch that has merged `main` does not say again what is handled there already.
#[test]
fn main_merged_into_a_branch_and_back_says_nothing_twice() {
    let w = World::new();
    w.repo.on("long", |repo| {
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    let revert = w.revert(&campaign);
    let reapply = w.revert(&revert);
    w.repo.on("long", |repo| repo.merge("main", "Merge main"));
    let merge = w.repo.merge("long", "Merge long");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&reapply, "deploy live"), (&merge, "deploy live")]);
    w.takes_back(&merge, &[]);
}

#[test]
fn a_revert_on_a_branch_that_merged_main_meanwhile_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    w.repo.on("undo", |repo| repo.revert_only(&[&campaign]));
    let footer = w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    w.repo.on("undo", |repo| repo.merge("main", "Merge main"));
    let merge = w.repo.merge("undo", "Merge undo");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("footer-links", "Footer");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&footer, "deploy live"),
        (&merge, "rollback live"),
    ]);
    w.takes_back(&merge, &[&campaign]);
    w.revert(&footer);
    w.is_as(&before);
}

#[test]
fn a_revert_that_comes_by_way_of_another_branch_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    w.repo.on("undo", |repo| repo.revert_only(&[&campaign]));
    w.repo.on("develop", |repo| {
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday");
        repo.merge("undo", "Merge undo into develop")
    });
    let merge = w.repo.merge("develop", "Merge develop");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&campaign, "deploy rolled_back"), (&merge, "rollback live")]);
    w.takes_back(&merge, &[&campaign]);
    w.repo
        .remove_saying("cyber-monday", &format!("Over\n\nReverts: {merge}"));
    w.push();
    w.is_as(&before);
}

/// Somebody reverts in a clone that is behind, and `git pull` merges what is on the branch into it:
/// the first parent of what is pushed is the revert.
#[test]
fn a_revert_that_git_pull_turned_round_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), "Black Friday hero");
    w.repo.branch_at("theirs", &campaign);
    let theirs = w.repo.on("theirs", |repo| {
        repo.prepare("footer", &title("footer-links", "Footer"), "Footer")
    });
    w.repo.git(&["push", "-q", "origin", "theirs:main"]);
    w.reconcile().converged();
    w.stand(&[(&theirs, "deploy live")]);
    w.repo.revert_only(&[&campaign]);
    let pulled = w.repo.merge("theirs", "Merge branch 'main' of store");
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("footer-links", "Footer");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&theirs, "deploy live"),
        (&pulled, "rollback live"),
    ]);
    w.takes_back(&pulled, &[&campaign]);
    w.revert(&theirs);
    w.is_as(&before);
}

#[test]
fn show_and_wait_know_the_release_of_a_commit_inside_a_merge() {
    let w = World::new();
    let (merge, [one, _]) = two_parts(&w);
    w.repo.git(&["tag", "inside", &one]);
    w.repo.git(&["push", "-q", "origin", "inside"]);
    for name in [one.as_str(), "inside"] {
        w.wait(name).exits(0).says(&merge[..7]);
        let shown = w.run(&["show", name, "--format", "json"]).exits(0).json();
        assert_eq!(shown["commit"], merge);
    }
    w.repo.revert_merge(&merge);
    w.push();
    w.wait(&one).exits(4);
}

#[test]
fn a_branch_whose_commits_touch_two_kinds_is_reverted_by_parts() {
    let w = World::new();
    let before = w.shop.dump();
    let page = file(&[("cms_page", "home", "all", "title", "Sale")]);
    let parts = w.repo.on("feature", |repo| {
        let page = repo.prepare("page", &page, "Page");
        let block = repo.prepare("block", &title("promo", "Promo"), "Block");
        [page, block]
    });
    let merge = w.repo.merge("feature", "Merge feature");
    w.push();
    assert!(w.shop.has("cms_block", "promo", "all"));
    w.revert(&parts[1]);
    assert!(!w.shop.has("cms_block", "promo", "all"));
    assert_eq!(w.shop.field("cms_page", "home", "all", "title"), "Sale");
    w.stand(&[(&merge, "deploy live")]);
    w.revert(&parts[0]);
    w.is_as(&before);
    w.stand(&[(&merge, "deploy rolled_back")]);
}
