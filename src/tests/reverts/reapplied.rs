//! Pull requests that revert something and apply it again: what they say cancels out.

use crate::world::World;
use crate::{black_friday, cyber_monday};

const SUBJECT: &str = "Black Friday hero";

fn campaign() -> (World, String) {
    let w = World::new();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    (w, campaign)
}

/// The revert and its revert, on a branch; their ids.
fn there_and_back(w: &World, campaign: &str) -> (String, String) {
    w.repo.on("never-mind", |repo| {
        let revert = repo.revert_only(&[campaign]);
        let reapply = repo.revert_only(&[&revert]);
        (revert, reapply)
    })
}

#[test]
fn a_revert_and_its_reapply_in_one_pull_request_change_nothing() {
    let (w, campaign) = campaign();
    let (shop, releases) = (w.shop.dump(), w.releases().len());
    let count = w.shop.writes().len();
    let (revert, reapply) = there_and_back(&w, &campaign);
    let merge = w.repo.merge("never-mind", "Merge pull request #14");
    w.repo.push();
    w.plan(&[]).exits(0);
    w.reconcile().converged();
    w.is_as(&shop);
    assert_eq!(w.shop.written_since(count), Vec::<String>::new());
    w.stand(&[(&campaign, "deploy live")]);
    assert_eq!(w.releases().len(), releases);
    for commit in [&merge, &revert, &reapply] {
        w.wait(commit).exits(0).says("no release");
    }
}

#[test]
fn what_comes_beside_them_is_an_ordinary_deploy() {
    let (w, campaign) = campaign();
    there_and_back(&w, &campaign);
    w.repo.on("never-mind", |repo| {
        repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
    });
    let merge = w.repo.merge("never-mind", "Merge pull request #14");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&campaign, "deploy live"), (&merge, "deploy live")]);
    w.takes_back(&merge, &[]);
    // Both are still to be reverted, each by itself.
    w.revert(&campaign);
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&campaign, "deploy rolled_back"), (&merge, "deploy live")]);
}

#[test]
fn squashed_with_the_list_of_its_commits_it_changes_nothing_either() {
    for beside in [false, true] {
        let (w, campaign) = campaign();
        let releases = w.releases().len();
        let (revert, _) = there_and_back(&w, &campaign);
        if beside {
            w.repo.on("never-mind", |repo| {
                repo.prepare("cyber-monday", &cyber_monday(), "Cyber Monday")
            });
        }
        let squash = w.repo.squash(
            "never-mind",
            &format!(
                "Never mind (#14)\n\n* Revert \"{SUBJECT}\"\n\nThis reverts commit {campaign}.\n\n\
                 * Reapply \"{SUBJECT}\"\n\nThis reverts commit {revert}."
            ),
        );
        w.push();
        w.shows("home-hero", "Black Friday");
        w.stand(&[(&campaign, "deploy live")]);
        if beside {
            w.shows("old-hero", "Cyber Monday");
            w.stand(&[(&squash, "deploy live")]);
            w.takes_back(&squash, &[]);
        } else {
            assert_eq!(w.releases().len(), releases);
            w.makes_no_release(&squash);
        }
    }
}

#[test]
fn reverted_reapplied_and_reverted_again_in_one_pull_request_rolls_back() {
    // The last one reverts the reapply, as Git's own words go, or the campaign itself.
    for by_campaign in [false, true] {
        let w = World::new();
        let before = w.shop.dump();
        let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
        let (_, reapply) = there_and_back(&w, &campaign);
        let last = if by_campaign { &campaign } else { &reapply };
        w.repo.on("never-mind", |repo| repo.revert_only(&[last]));
        let merge = w.repo.merge("never-mind", "Merge pull request #14");
        w.push();
        w.is_as(&before);
        w.stand(&[(&campaign, "deploy rolled_back"), (&merge, "rollback live")]);
        w.takes_back(&merge, &[&campaign]);
    }
}

#[test]
fn a_revert_that_the_branch_itself_took_back_by_hand_changes_nothing() {
    let (w, campaign) = campaign();
    let shop = w.shop.dump();
    w.repo.on("never-mind", |repo| {
        repo.revert_only(&[&campaign]);
        // No words, only the file again.
        repo.prepare("black-friday", &black_friday(), "We need it after all")
    });
    let merge = w.repo.merge("never-mind", "Merge pull request #14");
    w.push();
    w.is_as(&shop);
    w.stand(&[(&campaign, "deploy live")]);
    w.makes_no_release(&merge);
    w.repo.revert_only(&[&campaign]);
    w.push();
    w.shows("home-hero", "Home hero");
    w.stand(&[(&campaign, "deploy rolled_back")]);
}

#[test]
fn a_reapply_that_arrives_as_a_pull_request_is_a_deploy() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("black-friday", &black_friday(), SUBJECT);
    let revert = w.revert(&campaign);
    w.repo.on("again", |repo| repo.revert_only(&[&revert]));
    let again = w.repo.merge(
        "again",
        "Merge pull request #15\n\nReapply \"Black Friday hero\"",
    );
    w.push();
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&campaign, "deploy rolled_back"), (&again, "deploy live")]);
    w.takes_back(&again, &[]);
    w.repo.on("over", |repo| repo.revert_merge(&again));
    let over = w.repo.merge("over", "Merge pull request #16");
    w.push();
    w.is_as(&before);
    w.stand(&[(&again, "deploy rolled_back"), (&over, "rollback live")]);
}
