//! Pushes of one commit and of many, valid and not.

use serde_json::json;

use crate::world::{Options, World, activity, change, file, title};

const BROKEN: &str =
    "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      titel: Oops\n";

#[test]
fn many_commits_in_one_push_are_one_write_an_entity_and_a_release_each() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.prepare("a", &title("home-hero", "One"), "One");
    let other = w.repo.prepare(
        "b",
        &file(&[("cms_block", "home-hero", "all", "content", "Other")]),
        "Other",
    );
    let two = w.repo.prepare("a", &title("home-hero", "Two"), "Two");
    let page = w.repo.prepare(
        "c",
        &file(&[("cms_page", "home", "all", "title", "Page")]),
        "Page",
    );
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(
        w.shop.written(),
        ["PUT all cmsBlock home-hero", "PUT all cmsPage home"]
    );
    assert_eq!(w.releases().len(), 4);
    assert_eq!(w.stands(&one), "deploy canceled");
    assert_eq!(w.stands(&other), "deploy live");
    assert_eq!(w.stands(&two), "deploy live");
    assert_eq!(w.stands(&page), "deploy live");

    // Each can be reverted alone, and puts back what the earlier ones would have left.
    w.repo.revert(&two);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "One"
    );
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "content"),
        "Other"
    );
    assert_eq!(w.stands(&one), "deploy live");
    for commit in [&page, &one, &other] {
        w.repo.revert(commit);
        w.reconcile().converged();
    }
    assert_eq!(w.shop.dump(), before);
    for commit in [&one, &other, &two, &page] {
        assert_eq!(w.stands(commit), "deploy rolled_back");
    }
}

#[test]
fn made_and_reverted_in_one_push_writes_nothing() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.prepare("a", &title("home-hero", "Oops"), "Oops");
    let made = w
        .repo
        .prepare("b", &title("brand-new", "Oops"), "Oops again");
    w.repo.revert_only(&[&commit]);
    let revert = w.repo.revert_only(&[&made]);
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    assert_eq!(w.stands(&made), "deploy rolled_back");
    assert_eq!(w.stands(&revert), "rollback live");
}

#[test]
fn a_superseded_release_is_live_again_when_the_one_above_it_is_reverted() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    assert_eq!(w.stands(&one), "deploy superseded");
    w.repo.revert(&two);
    w.reconcile().converged();
    assert_eq!(w.stands(&one), "deploy live");
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "One"
    );
}

#[test]
fn an_invalid_commit_between_two_good_ones_is_left_out() {
    let w = World::new();
    let good = w.repo.prepare("a", &title("home-hero", "Good"), "Good");
    let bad = w.repo.prepare("b", BROKEN, "Bad");
    let still_bad = w
        .repo
        .prepare("c", &title("old-hero", "Held back"), "On top of bad");
    let fixed = w
        .repo
        .prepare("b", &title("footer-links", "Fixed"), "Fixed");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.stands(&good), "deploy live");
    assert_eq!(w.stands(&bad), "deploy invalid");
    assert_eq!(w.stands(&still_bad), "deploy invalid");
    assert_eq!(w.stands(&fixed), "deploy live");
    let said = activity(&w.release(&bad));
    assert!(said.contains("releases/b.yaml:5:7"), "{said}");
    assert!(said.contains("title"), "no nearest name: {said}");
    // The fix is compared with the last valid commit, so it brings what stood on the bad one.
    assert_eq!(
        w.shop.field("cms_block", "old-hero", "all", "title"),
        "Held back"
    );
    assert_eq!(w.shop.written().len(), 3);
}

#[test]
fn reverting_an_invalid_commit_is_a_rollback_without_changes() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "Good"), "Good");
    w.reconcile().converged();
    let before = w.shop.dump();
    let bad = w.repo.release("b", BROKEN, "Bad");
    w.reconcile().failed();
    assert_eq!(w.stands(&bad), "deploy invalid");
    assert_eq!(w.shop.dump(), before);
    let revert = w.repo.revert(&bad);
    w.reconcile().converged();
    assert_eq!(w.stands(&revert), "rollback live");
    assert_eq!(w.release(&revert)["changes"], json!([]));
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.shop.writes().len(), 1);
}

#[test]
fn a_start_deploys_the_whole_history_in_one_pass() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.prepare("a", &title("home-hero", "One"), "One");
    let undone = w.repo.prepare("b", &title("old-hero", "Undone"), "Undone");
    let bad = w.repo.prepare("c", BROKEN, "Bad");
    w.repo.revert_only(&[&bad]);
    w.repo.revert_only(&[&undone]);
    let last = w.repo.prepare(
        "d",
        &file(&[("cms_page", "home", "all", "title", "Last")]),
        "Last",
    );
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(
        w.shop.written(),
        ["PUT all cmsBlock home-hero", "PUT all cmsPage home"]
    );
    assert_eq!(w.stands(&one), "deploy live");
    assert_eq!(w.stands(&undone), "deploy rolled_back");
    assert_eq!(w.stands(&bad), "deploy invalid");
    assert_eq!(w.stands(&last), "deploy live");
    w.repo.revert(&one);
    w.repo.revert(&last);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn an_adoption_writes_nothing_and_its_fields_can_be_rolled_back_to_what_was_there() {
    let w = World::with(Options {
        settings: "bootstrap: adopt",
        ..Options::default()
    });
    let before = w.shop.dump();
    w.repo
        .prepare("a", &title("home-hero", "In the file"), "In the file");
    let head = w
        .repo
        .prepare("b", &title("old-hero", "Last year's hero"), "As it is");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.releases().len(), 1);
    assert_eq!(w.stands(&head), "adopt live");
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());

    // What comes later is deployed, and its revert puts back what was taken over.
    let later = w.repo.release("a", &title("home-hero", "Later"), "Later");
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Later"
    );
    w.repo.revert(&later);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn the_file_of_an_adoption_can_be_undone_by_its_commit() {
    let w = World::with(Options {
        settings: "bootstrap: adopt",
        ..Options::default()
    });
    let before = w.shop.dump();
    let head = w
        .repo
        .release("a", &title("home-hero", "In the file"), "In the file");
    w.reconcile().converged();
    let later = w.repo.release("a", &title("home-hero", "Later"), "Later");
    w.reconcile().converged();
    w.repo.revert_only(&[&later]);
    let revert = w.repo.revert(&head);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&revert), "rollback live");
    assert_eq!(w.stands(&head), "adopt rolled_back");
    let title = change(&w.release(&later), "cms_block", "home-hero");
    assert_eq!(title["status"], "done");
}
