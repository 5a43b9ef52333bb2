//! The words that forges, conventions and people write where they revert something.

use std::fmt;

use crate::cyber_monday;
use crate::support::threads::failures;
use crate::world::{World, title};

/// The words of a campaign, which adds a file, and of its revert.
struct Form {
    name: &'static str,
    /// The campaign's message.
    campaign: &'static str,
    /// The message of its revert, with `{id}`, `{seven}` and `{four}` digits of the campaign's id.
    revert: &'static str,
    /// True if it names the campaign; else only its being the exact inverse tells.
    names: bool,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn names(name: &'static str, campaign: &'static str, revert: &'static str) -> Form {
    Form {
        name,
        campaign,
        revert,
        names: true,
    }
}

const fn hints(name: &'static str, campaign: &'static str, revert: &'static str) -> Form {
    Form {
        name,
        campaign,
        revert,
        names: false,
    }
}

const PLAIN: &str = "Black Friday hero";
const NUMBERED: &str = "Black Friday hero (#12)";
const MERGE_REQUEST: &str = "Merge branch 'black-friday' into 'main'\n\nBlack Friday hero\n\nSee merge request acme/shop!12";

const FORMS: [Form; 19] = [
    names(
        "git revert",
        PLAIN,
        "Revert \"Black Friday hero\"\n\nThis reverts commit {id}.",
    ),
    names(
        "git revert --reference",
        PLAIN,
        "Back to the old hero\n\nThis reverts commit {seven} (Black Friday hero, 2026-11-20).",
    ),
    names(
        "GitLab's button on a commit",
        PLAIN,
        "Revert \"Black Friday hero\"\n\n\nThis reverts commit {id}",
    ),
    names(
        "GitLab's button on a merge request",
        MERGE_REQUEST,
        "Revert \"Merge branch 'black-friday' into 'main'\"\n\nThis reverts merge request !12",
    ),
    names(
        "the same where the first message names no request",
        "Merge branch 'black-friday' into 'main'",
        "Revert \"Merge branch 'black-friday' into 'main'\"\n\nThis reverts merge request !12",
    ),
    names(
        "GitLab's button under a title of its own",
        MERGE_REQUEST,
        "Take Black Friday off\n\nThis reverts merge request !12",
    ),
    names(
        "GitHub, squash with title and description",
        NUMBERED,
        "Revert \"Black Friday hero (#12)\" (#13)\n\nReverts example/content#12",
    ),
    names(
        "GitHub, squash with the list of commits",
        NUMBERED,
        "Revert \"Black Friday hero (#12)\" (#13)\n\n* Revert \"Black Friday hero (#12)\"\n\nThis reverts commit {id}.\n\n* fix typo",
    ),
    names(
        "GitHub's list of commits under a title of its own",
        NUMBERED,
        "Black Friday is over (#13)\n\n* Revert \"Black Friday hero (#12)\"\n\nThis reverts commit {id}.",
    ),
    names("the subject alone", PLAIN, "Revert \"Black Friday hero\""),
    names(
        "the subject with its number",
        NUMBERED,
        "Revert \"Black Friday hero (#12)\"",
    ),
    names(
        "Conventional Commits",
        "feat: black friday hero",
        "revert: feat: black friday hero\n\nThe campaign is over.\n\nRefs: {seven}",
    ),
    hints(
        "Conventional Commits with another subject",
        "feat: black friday hero",
        "revert: let us never speak of it again\n\nRefs: {seven}",
    ),
    hints(
        "Conventional Commits without the number",
        NUMBERED,
        "revert: Black Friday hero",
    ),
    hints("an id without a colon", PLAIN, "Reverts {id}"),
    names(
        "a trailer in lower case with seven digits",
        PLAIN,
        "Over and done\n\nreverts: {seven}",
    ),
    names(
        "a trailer among others",
        PLAIN,
        "Over and done\n\nReverts: {id}\nSigned-off-by: Ada Merchant <ada@shop.example>",
    ),
    hints(
        "a trailer with four digits",
        PLAIN,
        "Over and done\n\nReverts: {four}",
    ),
    hints(
        "a subject that no release has",
        PLAIN,
        "Revert \"Black Friday campaign\"",
    ),
];

/// The campaign, and its revert under the form's words; their ids.
fn play(w: &World, form: &Form, beside: bool) -> (String, String) {
    let campaign = w.deploy(
        "black-friday",
        &title("home-hero", "Black Friday"),
        form.campaign,
    );
    w.shows("home-hero", "Black Friday");
    let words = form
        .revert
        .replace("{id}", &campaign)
        .replace("{seven}", &campaign[..7])
        .replace("{four}", &campaign[..4]);
    w.repo.git(&["revert", "--no-commit", &campaign]);
    if beside {
        w.repo.write("releases/cyber-monday.yaml", cyber_monday());
    }
    let revert = w.repo.commit(&words);
    w.repo.push();
    w.plan(&[]).exits(2).says("rollback").says("Home hero");
    w.reconcile().converged();
    (campaign, revert)
}

#[test]
fn every_everyday_form_of_a_revert_is_a_rollback() {
    let failed = failures(&FORMS, |form| {
        let w = World::new();
        let before = w.shop.dump();
        let (campaign, revert) = play(&w, form, false);
        w.is_as(&before);
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&revert, "rollback live"),
        ]);
        w.takes_back(&revert, &[&campaign]);
        w.run(&["status"]).exits(0);
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_form_that_names_the_release_does_so_beside_other_changes_too() {
    let naming: Vec<&Form> = FORMS.iter().filter(|form| form.names).collect();
    let failed = failures(&naming, |form| {
        let w = World::new();
        let (campaign, revert) = play(&w, form, true);
        w.shows("home-hero", "Home hero");
        w.shows("old-hero", "Cyber Monday");
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&revert, "rollback live"),
        ]);
        w.takes_back(&revert, &[&campaign]);
    });
    assert_eq!(failed, Vec::<String>::new());
}

/// GitLab's button makes a branch and a merge request of its own.
#[test]
fn gitlabs_revert_of_a_merge_request_as_a_merge_request_rolls_back() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.on("black-friday", |repo| {
        repo.prepare(
            "black-friday",
            &title("home-hero", "Black Friday"),
            "Black Friday hero",
        )
    });
    let campaign = w.repo.merge("black-friday", MERGE_REQUEST);
    w.push();
    w.shows("home-hero", "Black Friday");
    w.repo.on("revert-abc", |repo| {
        repo.revert_saying(
            &["-m", "1", &campaign],
            "Revert \"Merge branch 'black-friday' into 'main'\"\n\nThis reverts merge request !12",
        )
    });
    let undone = w.repo.merge(
        "revert-abc",
        "Merge branch 'revert-abc' into 'main'\n\nRevert \"Merge branch 'black-friday' into 'main'\"\n\nSee merge request acme/shop!13",
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
fn two_ids_in_one_trailer_take_both_back() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.deploy("one", &title("home-hero", "One"), "One");
    let two = w.deploy("two", &title("old-hero", "Two"), "Two");
    let undone = w.repo.revert_saying(
        &[&two, &one],
        &format!("Undo both\n\nReverts: {two}, {one}"),
    );
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&one, "deploy rolled_back"),
        (&two, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&two, &one]);
}

#[test]
fn git_writes_the_reference_itself() {
    let w = World::new();
    let before = w.shop.dump();
    let campaign = w.deploy("a", &title("home-hero", "Black Friday"), PLAIN);
    let revert = w.repo.revert_only(&["--reference", &campaign]);
    w.push();
    w.is_as(&before);
    w.takes_back(&revert, &[&campaign]);
}
