//! What counts as a rollback, and what it puts back.

use serde_json::json;

use crate::world::{Options, World, activity, field, file, title};

const PAIR: [(&str, &str, &str, &str, &str); 3] = [
    ("cms_page", "home", "all", "title", "Sale"),
    ("cms_block", "home-hero", "all", "content", "<h1>Sale</h1>"),
    ("cms_block", "shipping-banner", "de", "title", "Schnell"),
];

#[test]
fn a_revert_restores_the_identical_store() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        let before = w.shop.dump();
        let commit = w.repo.release("a", &file(&PAIR), "Sale");
        w.reconcile().converged();
        assert_ne!(w.shop.dump(), before);
        let revert = w.repo.revert(&commit);
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before);
        assert_eq!(w.stands(&commit), "deploy rolled_back");
        assert_eq!(w.stands(&revert), "rollback live");
        assert_eq!(w.release(&revert)["reverts"], json!([commit]));
    }
}

#[test]
fn a_revert_puts_back_what_was_observed_not_what_an_older_file_says() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "First"), "First");
    w.reconcile().converged();
    w.shop
        .set("cms_block", "home-hero", &json!("all"), "title", "By hand");
    let second = w.repo.release("a", &title("home-hero", "Second"), "Second");
    w.reconcile().converged();
    let revert = w.repo.revert(&second);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "By hand"
    );
    let message = w.release(&revert)["message"].to_string();
    assert!(message.contains("differs from the files"), "{message}");
    assert!(message.contains("home-hero"), "{message}");
}

#[test]
fn a_merge_commit_is_one_release_and_its_revert_undoes_it() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.git(&["checkout", "-q", "-b", "feature"]);
    w.repo.prepare("a", &title("home-hero", "One"), "One");
    w.repo.prepare("b", &title("old-hero", "Two"), "Two");
    w.repo.git(&["checkout", "-q", "main"]);
    w.repo
        .git(&["merge", "-q", "--no-ff", "-m", "Merge feature", "feature"]);
    let merge = w.repo.head();
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.releases().len(), 1);
    assert_eq!(w.stands(&merge), "deploy live");
    assert_eq!(w.shop.field("cms_block", "old-hero", "all", "title"), "Two");
    w.repo.revert_only(&["-m", "1", &merge]);
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&merge), "deploy rolled_back");
}

#[test]
fn one_commit_of_a_merged_branch_can_be_reverted() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.git(&["checkout", "-q", "-b", "feature"]);
    let one = w.repo.prepare("a", &title("home-hero", "One"), "One");
    w.repo.prepare("b", &title("old-hero", "Two"), "Two");
    w.repo.git(&["checkout", "-q", "main"]);
    w.repo
        .git(&["merge", "-q", "--no-ff", "-m", "Merge feature", "feature"]);
    let merge = w.repo.head();
    w.repo.push();
    w.reconcile().converged();
    let revert = w.repo.revert(&one);
    w.reconcile().converged();
    assert_eq!(w.stands(&revert), "rollback live");
    assert_eq!(w.release(&revert)["reverts"], json!([merge]));
    assert_eq!(
        w.shop.dump()["cms_block"]["home-hero"],
        before["cms_block"]["home-hero"]
    );
    assert_eq!(w.shop.field("cms_block", "old-hero", "all", "title"), "Two");
    assert_eq!(w.stands(&merge), "deploy live");
}

#[test]
fn two_releases_undone_in_one_commit_with_a_trailer() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("b", &title("old-hero", "Two"), "Two");
    w.reconcile().converged();
    w.repo.git(&["revert", "--no-commit", &two, &one]);
    let message = format!("Undo the campaign\n\nReverts: {one}\nReverts: {two}");
    let undo = w.repo.commit(&message);
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.release(&undo)["reverts"], json!([two, one]));
    assert_eq!(w.stands(&one), "deploy rolled_back");
    assert_eq!(w.stands(&two), "deploy rolled_back");
}

#[test]
fn two_releases_undone_without_words_where_a_path_gets_earlier_content_back() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "Base"), "Base");
    w.reconcile().converged();
    w.shop
        .set("cms_block", "home-hero", &json!("all"), "title", "By hand");
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("b", &title("old-hero", "Two"), "Two");
    w.reconcile().converged();
    w.repo.git(&["revert", "--no-commit", &two, &one]);
    let undo = w.repo.commit("Back to before");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.stands(&undo), "rollback live");
    assert_eq!(w.release(&undo)["reverts"], json!([two, one]));
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_revert_of_a_revert_is_an_ordinary_deploy() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release("a", &title("home-hero", "Sale"), "Sale");
    w.reconcile().converged();
    let deployed = w.shop.dump();
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    let again = w.repo.revert(&revert);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), deployed);
    let release = w.release(&again);
    assert_eq!(release["kind"], "deploy");
    assert_eq!(
        release["subject"],
        w.repo.git(&["log", "-1", "--format=%s"])
    );
    assert_eq!(release["reverts"], json!([]));
    w.repo.revert(&again);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&again), "deploy rolled_back");
}

#[test]
fn a_file_deleted_without_words_leaves_the_store_alone_and_names_the_remedy() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release("a", &title("home-hero", "Sale"), "Sale");
    w.reconcile().converged();
    let deployed = w.shop.dump();
    w.repo.remove("releases/a.yaml");
    let removal = w.repo.commit("Tidy up");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), deployed);
    let release = w.release(&removal);
    assert_eq!(w.stands(&removal), "deploy live");
    let said = activity(&release);
    assert!(said.contains(&format!("`Reverts: {commit}`")), "{said}");
    // As advised: the removal is undone, then done again with the words.
    w.repo.revert(&removal);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), deployed);
    w.repo.remove("releases/a.yaml");
    w.repo.commit(&format!("Roll back\n\nReverts: {commit}"));
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_removed_field_is_restored_where_that_is_configured() {
    let w = World::with(Options {
        settings: "on_remove: restore",
        ..Options::default()
    });
    let before = w.shop.dump();
    w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    w.repo.remove("releases/a.yaml");
    let removal = w.repo.commit("Tidy up");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&removal), "deploy live");
    // A revert of the removal puts back what the removal overwrote.
    w.repo.revert(&removal);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Two"
    );
}

#[test]
fn an_edit_in_magento_is_reported_and_kept_in_the_rollbacks_snapshot() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release("a", &file(&PAIR), "Sale");
    w.reconcile().converged();
    w.shop
        .set("cms_page", "home", &json!("all"), "title", "Edited by Bob");
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    let release = w.release(&revert);
    let title = field(&release, "cms_page", "home", "title");
    assert_eq!(title["status"], "conflict");
    assert_eq!(title["before"], "Edited by Bob");
    assert_eq!(title["observed"], "Home page");
    assert!(
        activity(&release).contains("edited in Magento"),
        "{}",
        activity(&release)
    );
    let other = field(&release, "cms_block", "home-hero", "content");
    assert_eq!(other["status"], "written");
}

#[test]
fn an_edit_in_magento_is_left_where_that_is_configured() {
    let w = World::with(Options {
        settings: "on_conflict: keep",
        ..Options::default()
    });
    let before = w.shop.dump();
    let commit = w.repo.release("a", &file(&PAIR), "Sale");
    w.reconcile().converged();
    w.shop
        .set("cms_page", "home", &json!("all"), "title", "Edited by Bob");
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    let mut wanted = before;
    wanted["cms_page"]["home"]["all"]["title"] = json!("Edited by Bob");
    assert_eq!(w.shop.dump(), wanted);
    let release = w.release(&revert);
    assert_eq!(
        field(&release, "cms_page", "home", "title")["status"],
        "conflict"
    );
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}

#[test]
fn fields_that_git_lists_in_two_releases_are_reverted_in_any_order() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("b", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    assert_eq!(w.stands(&one), "deploy superseded");
    w.repo.revert(&one);
    w.reconcile().converged();
    // The newer one is in effect and stays so.
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Two"
    );
    w.repo.revert(&two);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn nulls_dates_numbers_and_line_ends_are_put_back_exactly() {
    let w = World::new();
    w.shop.set(
        "cms_block",
        "home-hero",
        &json!("all"),
        "content",
        "one\r\ntwo\r\n",
    );
    let before = w.shop.dump();
    let same = w.repo.release(
        "a",
        "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      content: |\n        one\n        two\n",
        "Only line ends differ",
    );
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());
    let text = "changes:
  - kind: cms_page
    key: home
    fields:
      meta_keywords: new
      content_heading: \"\"
      custom_theme_from: 2026-12-24
      sort_order: -3
  - kind: cms_page
    key: winter-sale
    fields:
      custom_theme_from: null
      custom_theme_to: 2027-02-01
      active: true
  - kind: cms_block
    key: home-hero
    fields:
      content: null
";
    let all = w.repo.release("b", text, "Everything");
    w.reconcile().converged();
    let home = w.shop.dump()["cms_page"]["home"]["all"].clone();
    assert_eq!(home["content_heading"], "");
    assert_eq!(home["meta_keywords"], "new");
    let sale = w.shop.dump()["cms_page"]["winter-sale"]["all"].clone();
    assert_eq!(sale["custom_theme_from"], json!(null));
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "content"),
        json!(null)
    );
    w.repo.revert(&all);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    w.repo.revert(&same);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn several_reverts_in_one_push_are_one_write_an_entity() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("b", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    let count = w.shop.writes().len();
    w.repo.revert_only(&[&two]);
    w.repo.revert(&one);
    w.reconcile().converged();
    assert_eq!(w.shop.written_since(count), ["PUT all cmsBlock home-hero"]);
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&one), "deploy rolled_back");
    assert_eq!(w.stands(&two), "deploy rolled_back");
}
