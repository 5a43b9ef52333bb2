//! Several reverts in one commit, and reverts among other tidying up.

use crate::world::{World, file, title};

const KEEP: &str = "on_remove: keep";
const RESTORE: &str = "on_remove: restore";

/// Three releases, each of a file and a block of its own; their ids.
fn three(w: &World) -> [String; 3] {
    [
        w.deploy("one", &title("home-hero", "One"), "One"),
        w.deploy("two", &title("old-hero", "Two"), "Two"),
        w.deploy("three", &title("footer-links", "Three"), "Three"),
    ]
}

/// Three releases of one file.
fn versions(w: &World) -> [String; 3] {
    ["One", "Two", "Three"].map(|version| w.deploy("hero", &title("home-hero", version), version))
}

#[test]
fn a_squash_of_reverts_with_the_list_of_its_commits_takes_all_of_them_back() {
    let w = World::new();
    let [one, two, three] = three(&w);
    w.repo.on("undo", |repo| repo.revert_only(&[&three, &one]));
    let squash = w.repo.squash(
        "undo",
        &format!(
            "Undo two campaigns (#14)\n\n* Revert \"Three\"\n\nThis reverts commit {three}.\n\n\
             * Revert \"One\"\n\nThis reverts commit {one}."
        ),
    );
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Two");
    w.shows("footer-links", "Footer links");
    w.stand(&[
        (&one, "deploy rolled_back"),
        (&two, "deploy live"),
        (&three, "deploy rolled_back"),
        (&squash, "rollback live"),
    ]);
    w.takes_back(&squash, &[&three, &one]);
}

/// Git's own message of a squash indents what it quotes.
#[test]
fn a_squash_under_gits_own_message_is_a_removal_where_it_only_deletes() {
    let w = World::new();
    let before = w.shop.dump();
    let [one, two, three] = three(&w);
    let shop = w.shop.dump();
    w.repo
        .on("undo", |repo| repo.revert_only(&[&three, &two, &one]));
    w.repo.git(&["merge", "-q", "--squash", "undo"]);
    w.repo.git(&["commit", "-q", "--no-edit"]);
    let squash = w.repo.head();
    w.repo.push();
    // All three remedies are said.
    let plan = w.plan(&[]);
    for release in [&one, &two, &three] {
        assert!(plan.stdout.contains(&release[..7]), "{}", plan.said());
    }
    w.reconcile().converged();
    w.is_as(&shop);
    w.stand(&[(&squash, "deploy live")]);
    w.takes_back(&squash, &[]);
    let undone = w.repo.say(&format!(
        "Roll back\n\nReverts: {one}\nReverts: {two}\nReverts: {three}"
    ));
    w.push();
    w.is_as(&before);
    w.takes_back(&undone, &[&three, &two, &one]);
}

#[test]
fn a_squash_under_gits_own_message_is_a_rollback_where_a_file_gets_earlier_content_back() {
    let w = World::new();
    let [one, two, three] = versions(&w);
    w.repo.on("undo", |repo| repo.revert_only(&[&three, &two]));
    w.repo.git(&["merge", "-q", "--squash", "undo"]);
    w.repo.git(&["commit", "-q", "--no-edit"]);
    let squash = w.repo.head();
    w.push();
    w.shows("home-hero", "One");
    w.stand(&[
        (&one, "deploy live"),
        (&two, "deploy rolled_back"),
        (&three, "deploy rolled_back"),
        (&squash, "rollback live"),
    ]);
    w.takes_back(&squash, &[&three, &two]);
}

/// `git revert --no-commit A..B` leaves the message to whoever commits.
#[test]
fn a_range_reverted_at_once_is_a_rollback_under_words_that_name_nothing() {
    let w = World::new();
    let before = w.shop.dump();
    let [one, two, three] = three(&w);
    let range = format!("{one}~1..{three}");
    let undone = w
        .repo
        .revert_saying(&[&range], "Revert \"Campaigns of the week\"");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&one, "deploy rolled_back"),
        (&two, "deploy rolled_back"),
        (&three, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&three, &two, &one]);
}

#[test]
fn a_range_reverted_at_once_without_words_is_a_removal_where_it_only_deletes() {
    let w = World::new();
    let [one, _, three] = three(&w);
    let shop = w.shop.dump();
    let undone = w
        .repo
        .revert_saying(&[&format!("{one}~1..{three}")], "The week is over");
    w.push();
    w.is_as(&shop);
    w.stand(&[(&undone, "deploy live")]);
    w.activity_says(&undone, "looks like the undoing");
}

#[test]
fn a_range_reverted_at_once_without_words_is_a_rollback_where_a_file_gets_earlier_content_back() {
    let w = World::new();
    let base = w.deploy("base", &title("footer-links", "Base"), "Base");
    w.shop.set(
        "cms_block",
        "footer-links",
        &serde_json::json!("all"),
        "title",
        "By hand",
    );
    let before = w.shop.dump();
    let one = w.deploy("base", &title("footer-links", "One"), "One");
    let two = w.deploy("two", &title("old-hero", "Two"), "Two");
    let undone = w
        .repo
        .revert_saying(&[&format!("{base}..{two}")], "Back to Monday");
    w.push();
    w.is_as(&before);
    w.stand(&[
        (&one, "deploy rolled_back"),
        (&two, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    w.takes_back(&undone, &[&two, &one]);
}

/// One release to undo and one that is only tidied up, both by one squash.
fn tidied(settings: &'static str, changes: &str) -> (World, [String; 3]) {
    let w = World::set_to(settings);
    let old = w.deploy("old", changes, "Old");
    let campaign = w.deploy("campaign", &title("home-hero", "Campaign"), "Campaign");
    w.repo.on("tidy", |repo| {
        repo.revert_only(&[&campaign]);
        repo.remove_saying("old", "Remove old files")
    });
    let squash = w.repo.squash(
        "tidy",
        &format!(
            "Tidy up (#14)\n\n* Revert \"Campaign\"\n\nThis reverts commit {campaign}.\n\n* Remove old files"
        ),
    );
    w.push();
    (w, [old, campaign, squash])
}

#[test]
fn a_file_tidied_up_beside_a_revert_leaves_its_value_under_keep() {
    let (w, [old, campaign, squash]) = tidied(KEEP, &title("old-hero", "Old"));
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Old");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&squash, "rollback live"),
    ]);
    w.takes_back(&squash, &[&campaign]);
    assert_ne!(w.stands(&old), "deploy rolled_back");
    // Its own remedy is still there.
    w.repo.say(&format!("Roll back\n\nReverts: {old}"));
    w.push();
    w.shows("old-hero", "Last year's hero");
    w.stand(&[(&old, "deploy rolled_back")]);
}

#[test]
fn a_file_tidied_up_beside_a_revert_goes_back_under_restore() {
    let (w, [old, campaign, squash]) = tidied(RESTORE, &title("old-hero", "Old"));
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Last year's hero");
    w.stand(&[
        (&campaign, "deploy rolled_back"),
        (&squash, "rollback live"),
    ]);
    w.takes_back(&squash, &[&campaign]);
    assert_ne!(w.stands(&old), "deploy rolled_back");
}

/// Another field of the same entity: no life of it begins or ends, so each field goes its own way.
#[test]
fn another_field_of_the_same_entity_is_tidied_up_by_itself() {
    let content = file(&[("cms_block", "home-hero", "all", "content", "Old")]);
    let (w, [_, campaign, _]) = tidied(KEEP, &content);
    w.shows("home-hero", "Home hero");
    let shown = w.shop.field("cms_block", "home-hero", "all", "content");
    assert_eq!(shown, "Old");
    w.stand(&[(&campaign, "deploy rolled_back")]);

    let first = World::new().shop.dump();
    let (w, _) = tidied(RESTORE, &content);
    w.is_as(&first);
}

/// The same field: what the campaign showed goes, and the older value stays as `on_remove` says.
#[test]
fn an_older_value_of_the_same_field_that_is_tidied_up_too_goes_as_on_remove_says() {
    for settings in [KEEP, RESTORE] {
        let first = World::new().shop.dump();
        let w = World::set_to(settings);
        let old = w.deploy("a-old", &title("home-hero", "Old"), "Old");
        let campaign = w.deploy("b-campaign", &title("home-hero", "Campaign"), "Campaign");
        w.repo.remove("releases/a-old.yaml");
        let undone = w.repo.remove_saying(
            "b-campaign",
            &format!("Tidy up\n\nThis reverts commit {campaign}."),
        );
        w.push();
        match settings {
            KEEP => w.shows("home-hero", "Old"),
            _ => w.is_as(&first),
        }
        w.takes_back(&undone, &[&campaign]);
        w.stand(&[(&campaign, "deploy rolled_back")]);
        assert_ne!(w.stands(&old), "deploy live");
    }
}

#[test]
fn a_revert_beside_a_change_of_another_release_leaves_that_one_its_own() {
    let w = World::new();
    let [one, two, _] = three(&w);
    w.repo.remove("releases/one.yaml");
    let both = w.repo.prepare(
        "two",
        &title("old-hero", "Two and a half"),
        &format!("Undo One, and mend Two\n\nReverts: {one}"),
    );
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Two and a half");
    w.stand(&[
        (&one, "deploy rolled_back"),
        (&two, "deploy superseded"),
        (&both, "rollback live"),
    ]);
    w.takes_back(&both, &[&one]);
    // What it deployed is taken back as that of any release.
    w.repo.prepare(
        "two",
        &title("old-hero", "Two"),
        &format!("Two was right\n\nReverts: {both}"),
    );
    w.push();
    w.shows("home-hero", "Home hero");
    w.shows("old-hero", "Two");
    w.stand(&[(&two, "deploy live")]);
}

#[test]
fn three_releases_are_taken_back_in_one_commit_and_the_others_stay() {
    let w = World::new();
    let footer = w.deploy(
        "hours",
        &file(&[("cms_page", "home", "all", "title", "Hours")]),
        "Hours",
    );
    let kept = w.shop.dump();
    let [one, two, three] = three(&w);
    let undone = w.repo.revert_saying(
        &[&three, &two, &one],
        &format!("Undo the week\n\nReverts: {one}\nReverts: {two}\nReverts: {three}"),
    );
    w.push();
    w.is_as(&kept);
    w.takes_back(&undone, &[&three, &two, &one]);
    w.stand(&[
        (&footer, "deploy live"),
        (&one, "deploy rolled_back"),
        (&two, "deploy rolled_back"),
        (&three, "deploy rolled_back"),
        (&undone, "rollback live"),
    ]);
    // The revert of that is an ordinary deploy of all three.
    let again = w.revert(&undone);
    w.shows("home-hero", "One");
    w.shows("old-hero", "Two");
    w.shows("footer-links", "Three");
    w.stand(&[(&again, "deploy live")]);
    w.takes_back(&again, &[]);
    w.revert(&again);
    w.is_as(&kept);
    w.stand(&[(&again, "deploy rolled_back")]);
}
