//! The release that is meant: of one that came again, of several that have one subject.

use crate::world::{World, title};
use crate::{black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";

/// A campaign, its revert and its reapply, each pushed by itself or all at once.
fn reapplied(w: &World, one_push: bool) -> [String; 3] {
    let campaign = w.repo.prepare("black-friday", &black_friday(), SUBJECT);
    let push = || {
        if !one_push {
            w.push();
        }
    };
    push();
    let revert = w.repo.revert_only(&[&campaign]);
    push();
    let reapply = w.repo.revert_only(&[&revert]);
    push();
    [campaign, revert, reapply]
}

#[test]
fn reverting_a_release_that_was_reapplied_takes_the_reapplied_one_back() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, revert, reapply] = reapplied(&w, false);
    w.shows("home-hero", "Black Friday");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&revert, "rollback live"),
        (&reapply, "deploy live"),
    ]);
    // Git finds the same lines and names the first of the two.
    let undone = w.revert(&campaign);
    w.is_as(&before);
    w.stand(&[(&reapply, "deploy rolled_back"), (&undone, "rollback live")]);
    w.takes_back(&undone, &[&reapply]);
}

#[test]
fn the_same_in_one_push_writes_nothing() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _, reapply] = reapplied(&w, true);
    let undone = w.revert(&campaign);
    w.is_as(&before);
    assert_eq!(w.shop.written(), Vec::<String>::new());
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&reapply, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&reapply]);
}

#[test]
fn reapplied_twice_the_newest_is_meant() {
    let w = World::new();
    let before = w.shop.dump();
    let [campaign, _, second] = reapplied(&w, false);
    let off = w.revert(&campaign);
    let third = w.revert(&off);
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&third, "deploy live")]);
    let undone = w.revert(&campaign);
    w.is_as(&before);
    w.takes_back(&undone, &[&third]);
    w.stand(&[
        (&second, "deploy rolled_back"),
        (&third, "deploy rolled_back"),
    ]);
}

#[test]
fn a_trailer_or_a_pull_request_that_names_the_first_means_the_reapplied_one_too() {
    for pull_request in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let [campaign, _, reapply] = reapplied(&w, false);
        let words = format!("Off again\n\nReverts: {campaign}");
        let undone = if pull_request {
            w.repo
                .on("off", |repo| repo.remove_saying("black-friday", &words));
            w.repo.merge("off", "Merge pull request #16")
        } else {
            w.repo.remove_saying("black-friday", &words)
        };
        w.push();
        w.is_as(&before);
        w.stand(&[(&reapply, "deploy rolled_back"), (&undone, "rollback live")]);
        w.takes_back(&undone, &[&reapply]);
    }
}

#[test]
fn reapplied_beside_another_campaign_its_part_alone_is_taken_back() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let revert = w.revert(&campaign);
    w.repo.on("again", |repo| {
        repo.revert_only(&[&revert]);
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let again = w.repo.merge("again", "Merge pull request #15");
    w.push();
    w.shows("home-hero", "Black Friday");
    let undone = w.revert(&campaign);
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&again, "deploy live"), (&undone, "rollback live")]);
    w.takes_back(&undone, &[&again]);
}

/// Three releases of one subject.
fn weekly(w: &World, names: [&str; 3], blocks: [&str; 3]) -> Vec<String> {
    let weeks = ["Week 1", "Week 2", "Week 3"];
    let each = names.iter().zip(blocks).zip(weeks);
    each.map(|((name, block), week)| w.deploy(name, &title(block, week), "Weekly hero"))
        .collect()
}

/// Commits beside another change, so that it is nobody's exact inverse and the words alone tell.
fn undo_weekly(w: &World, message: &str) -> String {
    w.repo
        .write("releases/other.yaml", title("store-hours-note", "Open"));
    let id = w.repo.commit(message);
    w.push();
    id
}

const UNDO: &str = "Revert \"Weekly hero\"";

#[test]
fn of_one_subject_the_newest_is_meant_where_its_path_gets_its_earlier_content_back() {
    let w = World::new();
    let weeks = weekly(&w, ["hero"; 3], ["home-hero"; 3]);
    w.repo
        .write("releases/hero.yaml", title("home-hero", "Week 2"));
    let undone = undo_weekly(&w, UNDO);
    w.shows("home-hero", "Week 2");
    w.stand(&[
        (&weeks[1], "deploy live"),
        (&weeks[2], "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&weeks[2]]);
}

#[test]
fn of_one_subject_an_older_one_is_meant_where_its_path_gets_its_earlier_content_back() {
    let w = World::new();
    let weeks = weekly(
        &w,
        ["one", "two", "three"],
        ["home-hero", "old-hero", "footer-links"],
    );
    w.repo.remove("releases/two.yaml");
    let undone = undo_weekly(&w, UNDO);
    w.shows("home-hero", "Week 1");
    w.shows("old-hero", "Last year's hero");
    w.shows("footer-links", "Week 3");
    w.stand(&[
        (&weeks[0], "deploy live"),
        (&weeks[1], "deploy rolled_back"),
        (&weeks[2], "deploy live"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&weeks[1]]);
}

#[test]
fn of_one_subject_the_content_before_two_of_them_takes_both_back() {
    let w = World::new();
    let before = w.shop.dump();
    let weeks = weekly(&w, ["hero"; 3], ["home-hero"; 3]);
    w.repo
        .write("releases/hero.yaml", title("home-hero", "Week 1"));
    let undone = w.repo.commit(UNDO);
    w.push();
    w.shows("home-hero", "Week 1");
    w.stand(&[
        (&weeks[0], "deploy live"),
        (&weeks[1], "deploy rolled_back"),
        (&weeks[2], "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.revert(&weeks[0]);
    w.is_as(&before);
}

#[test]
fn a_subject_whose_releases_get_nothing_back_names_none_of_them() {
    let w = World::new();
    let weeks = weekly(&w, ["hero"; 3], ["home-hero"; 3]);
    let next = undo_weekly(&w, UNDO);
    w.shows("home-hero", "Week 3");
    w.stand(&[(&weeks[2], "deploy live"), (&next, "deploy live")]);
    w.takes_back(&next, &[]);
}

#[test]
fn an_id_says_more_than_a_subject() {
    let w = World::new();
    let weeks = weekly(
        &w,
        ["one", "two", "three"],
        ["home-hero", "old-hero", "footer-links"],
    );
    // Two files go, and only one of them is named by its id.
    w.repo.remove("releases/one.yaml");
    w.repo.remove("releases/three.yaml");
    let undone = w
        .repo
        .commit(&format!("{UNDO}\n\nThis reverts commit {}.", weeks[0]));
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("footer-links", "Week 3");
    w.takes_back(&undone, &[&weeks[0]]);
    w.stand(&[(&weeks[1], "deploy live")]);
    assert_ne!(w.stands(&weeks[2]), "deploy rolled_back");
}

#[test]
fn an_id_that_names_nothing_leaves_it_to_the_subject() {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    w.repo.remove("releases/black-friday.yaml");
    let undone = undo_weekly(
        &w,
        &format!("Revert \"{SUBJECT}\"\n\nThis reverts commit deadbeefdeadbeef."),
    );
    w.shows("home-hero", "Home hero");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&campaign]);
}

/// The subject of a revert names the revert and not what that reverted.
#[test]
fn the_revert_of_a_revert_by_its_subject_is_a_deploy() {
    for subject in [
        format!("Revert \"Revert \\\"{SUBJECT}\\\"\""),
        format!("Revert \"Revert \"{SUBJECT}\"\""),
        format!("Reapply \"{SUBJECT}\""),
    ] {
        let w = World::new();
        let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
        w.revert(&campaign);
        w.repo.write("releases/black-friday.yaml", black_friday());
        let again = w.repo.commit(&subject);
        w.push();
        w.shows("home-hero", "Black Friday");
        w.stand(&[(&again, "deploy live")]);
        w.takes_back(&again, &[]);
    }
}
