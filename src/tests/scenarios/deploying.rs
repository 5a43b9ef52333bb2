//! What a deploy touches, and in which order.

use serde_json::json;

use crate::world::{Options, World, activity, change, chmod, field, file, title};

/// The dump with one field set, for comparing whole stores.
fn with(
    mut dump: serde_json::Value,
    changes: &[(&str, &str, &str, &str, serde_json::Value)],
) -> serde_json::Value {
    for (kind, key, store, field, value) in changes {
        assert!(
            dump[kind][key][store].is_object(),
            "no {kind} {key} {store}"
        );
        dump[kind][key][store][field] = value.clone();
    }
    dump
}

#[test]
fn a_deploy_touches_only_the_listed_fields() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release(
        "a",
        &file(&[
            ("cms_page", "home", "all", "meta_title", "Gear"),
            (
                "cms_page",
                "stores",
                "[default, fr]",
                "title",
                "Where we are",
            ),
            ("cms_page", "winter-sale", "all", "active", "true"),
            ("cms_block", "footer-links", "de", "title", "Unten"),
            (
                "cms_block",
                "shipping-banner",
                "fr",
                "content",
                "Port offert",
            ),
            (
                "cms_block",
                "store-hours",
                "[default, fr]",
                "active",
                "false",
            ),
        ]),
        "Autumn",
    );
    w.reconcile().converged();
    let wanted = with(
        before,
        &[
            ("cms_page", "home", "all", "meta_title", json!("Gear")),
            (
                "cms_page",
                "stores",
                "default,fr",
                "title",
                json!("Where we are"),
            ),
            ("cms_page", "winter-sale", "all", "active", json!(true)),
            ("cms_block", "footer-links", "de", "title", json!("Unten")),
            (
                "cms_block",
                "shipping-banner",
                "fr",
                "content",
                json!("Port offert"),
            ),
            (
                "cms_block",
                "store-hours",
                "default,fr",
                "active",
                json!(false),
            ),
        ],
    );
    assert_eq!(w.shop.dump(), wanted);
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.shop.writes().len(), 6, "{:?}", w.shop.written());
}

#[test]
fn a_second_pass_sends_nothing_and_records_nothing() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    let (ledger, writes) = (w.ledger(), w.shop.writes().len());
    w.reconcile().converged();
    assert_eq!(w.shop.writes().len(), writes);
    assert_eq!(w.ledger(), ledger);
}

#[test]
fn the_snapshot_is_in_the_ledger_while_the_first_write_is_on_its_way() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        let commit = w.repo.release("a", &title("home-hero", "New"), "New");
        w.shop.faults(&json!({"rules": [{"match": {"method": "PUT", "identifier": "home-hero"}, "action": "hang"}]}));
        let pass = w.start();
        w.shop.wait_for("the first PUT", |r| r["fault"] == "hang");
        let release = w.release(&commit);
        assert_eq!(release["status"], "snapshotted", "remote: {remote}");
        let title = field(&release, "cms_block", "home-hero", "title");
        assert_eq!(title["before"], "Home hero");
        pass.kill();
    }
}

#[test]
fn without_a_snapshot_on_the_remote_nothing_is_written() {
    let w = World::with(Options {
        remote: true,
        ..Options::default()
    });
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    let before = w.shop.dump();
    let hook = w.repo.bare.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        "#!/bin/sh\necho the ledger is closed today >&2\nexit 1\n",
    )
    .unwrap();
    chmod(&hook, 0o755);

    w.reconcile().failed_saying(&["the ledger is closed today"]);
    assert_eq!(w.shop.written(), Vec::<String>::new());
    assert_eq!(w.ledger(), None);

    std::fs::remove_file(&hook).unwrap();
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_ne!(w.shop.dump(), before);
}

#[test]
fn blocks_are_written_before_pages() {
    let w = World::new();
    w.repo.release(
        "a",
        &file(&[
            ("cms_page", "about-us", "all", "title", "A"),
            ("cms_page", "home", "all", "title", "B"),
            ("cms_block", "home-hero", "all", "title", "C"),
            ("cms_block", "old-hero", "all", "title", "D"),
        ]),
        "All",
    );
    // The first block is slow: the pages wait for it all the same.
    w.shop.faults(&json!({"rules": [{"match": {"method": "PUT", "identifier": "home-hero"}, "action": {"delay_ms": 200}}]}));
    w.reconcile().converged();
    let kinds: Vec<_> = w.shop.writes().iter().map(|r| r["kind"].clone()).collect();
    assert_eq!(kinds, ["cms_block", "cms_block", "cms_page", "cms_page"]);
    let writes = w.shop.writes();
    let ended = writes[..2]
        .iter()
        .map(|r| r["finished_at"].as_str().unwrap())
        .max();
    let began = writes[2..].iter().map(|r| r["at"].as_str().unwrap()).min();
    assert!(ended.unwrap() <= began.unwrap(), "{writes:#?}");
}

#[test]
fn twins_are_written_in_their_own_scopes() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.release(
        "a",
        &file(&[("cms_block", "footer-links", "de", "title", "Unten")]),
        "de",
    );
    w.reconcile().converged();
    assert_eq!(w.shop.written(), ["PUT de cmsBlock footer-links"]);
    let one = with(
        before,
        &[("cms_block", "footer-links", "de", "title", json!("Unten"))],
    );
    assert_eq!(w.shop.dump(), one);
    w.repo.release("b", &title("footer-links", "Bottom"), "all");
    w.reconcile().converged();
    assert_eq!(w.shop.written_since(1), ["PUT all cmsBlock footer-links"]);
    let both = with(
        one,
        &[("cms_block", "footer-links", "all", "title", json!("Bottom"))],
    );
    assert_eq!(w.shop.dump(), both);
}

#[test]
fn a_key_under_another_assignment_is_refused_unless_present_is_spelled_out() {
    let w = World::new();
    let before = w.shop.dump();
    let refused = w.repo.release(
        "a",
        &file(&[("cms_block", "home-hero", "fr", "title", "Héros")]),
        "fr",
    );
    w.reconcile().failed();
    assert_eq!(w.shop.dump(), before);
    let error = change(&w.release(&refused), "cms_block", "home-hero")["error"].to_string();
    assert!(error.contains("assigned to all"), "{error}");
    assert!(error.contains("ensure: present"), "{error}");

    let text = "changes:\n  - kind: cms_block\n    key: home-hero\n    store: fr\n    ensure: present\n    fields:\n      title: Héros\n";
    let commit = w.repo.release("a", text, "fr beside all");
    w.reconcile().converged();
    assert_eq!(w.shop.written(), ["POST fr cmsBlock home-hero"]);
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "fr", "title"),
        "Héros"
    );
    assert_eq!(
        w.shop.dump()["cms_block"]["home-hero"]["all"],
        before["cms_block"]["home-hero"]["all"]
    );
    w.repo.revert_only(&[&commit]);
    w.repo.revert(&refused);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_page_of_two_views_keeps_its_assignment_and_cannot_be_deleted_or_made() {
    let w = World::new();
    let before = w.shop.dump();
    let update = w.repo.release(
        "a",
        &file(&[("cms_page", "stores", "[default, fr]", "title", "Shops")]),
        "Update",
    );
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_page", "stores", "default,fr", "title"),
        "Shops"
    );
    w.repo.revert(&update);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);

    let absent = "changes:\n  - kind: cms_page\n    key: stores\n    store: [default, fr]\n    ensure: absent\n";
    let delete = w.repo.release("b", absent, "Delete");
    w.reconcile().failed();
    assert_eq!(w.stands(&delete), "deploy invalid");
    let said = activity(&w.release(&delete));
    assert!(said.contains("could not be made again"), "{said}");
    assert_eq!(w.shop.dump(), before);
    w.repo.revert(&delete);
    w.reconcile().converged();

    let create = w.repo.release(
        "c",
        &file(&[("cms_page", "new-stores", "[default, fr]", "title", "Shops")]),
        "Create",
    );
    w.reconcile().failed();
    let error = change(&w.release(&create), "cms_page", "new-stores")["error"].to_string();
    assert!(error.contains("cannot create"), "{error}");
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_commit_that_changes_nothing_desired_makes_no_release_and_no_ledger_commit() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    let (ledger, writes) = (w.ledger(), w.shop.writes().len());
    w.repo.write("README.md", "more words\n");
    let docs = w.repo.commit("Docs");
    // Another way to write the same.
    let quoted = w
        .repo
        .release("a", &title("home-hero", "\"New\""), "Quotes");
    w.reconcile().converged();
    assert_eq!(w.ledger(), ledger);
    assert_eq!(w.shop.writes().len(), writes);
    assert_eq!(w.find_release(&docs), None);
    assert_eq!(w.find_release(&quoted), None);
}

#[test]
fn a_value_that_the_store_has_already_is_not_sent_but_can_be_rolled_back() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w
        .repo
        .release("a", &title("home-hero", "Home hero"), "Same");
    w.reconcile().converged();
    assert_eq!(w.shop.written(), Vec::<String>::new());
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}

#[test]
fn line_ends_and_final_newlines_are_no_endless_changes() {
    let w = World::new();
    w.repo
        .write("content/crlf.html", "<p>one</p>\r\n<p>two</p>\r\n");
    let text = "changes:
  - kind: cms_block
    key: home-hero
    fields:
      content: |
        <h1>Hi</h1>
  - kind: cms_page
    key: home
    fields:
      content: { file: content/crlf.html }
";
    w.repo.release("a", text, "Contents");
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "content"),
        "<h1>Hi</h1>\n"
    );
    assert_eq!(
        w.shop.field("cms_page", "home", "all", "content"),
        "<p>one</p>\r\n<p>two</p>\r\n"
    );
    let (ledger, writes) = (w.ledger(), w.shop.writes().len());
    assert_eq!(writes, 2);
    // The editor of another system: only line ends differ.
    w.repo
        .write("content/crlf.html", "<p>one</p>\n<p>two</p>\n");
    let ends = w.repo.commit("Line ends");
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.writes().len(), writes);
    assert_eq!(w.stands(&ends), "deploy live");
    assert_ne!(w.ledger(), ledger);
    let after = w.ledger();
    w.reconcile().converged();
    assert_eq!((w.shop.writes().len(), w.ledger()), (writes, after));
}

#[test]
fn keys_match_case_sensitively() {
    let w = World::new();
    w.shop.edit(&json!({"kind": "cms_block", "key": "Promo", "fields": {"title": "Capital", "content": "c"}}));
    let before = w.shop.dump();
    let commit = w.repo.release(
        "a",
        "changes:\n  - kind: cms_block\n    key: promo\n    ensure: existing\n    fields:\n      title: Small\n",
        "Small",
    );
    w.reconcile().failed();
    let error = change(&w.release(&commit), "cms_block", "promo")["error"].to_string();
    assert!(error.contains("does not exist"), "{error}");
    assert_eq!(w.shop.dump(), before);
    w.repo.release("a", &title("Promo", "Great"), "Great");
    w.reconcile().converged();
    assert_eq!(
        w.shop.dump(),
        with(
            before,
            &[("cms_block", "Promo", "all", "title", json!("Great"))]
        )
    );
}

#[test]
fn the_ledger_explains_itself() {
    let w = World::new();
    let commit = w.repo.release("a", &title("home-hero", "New"), "New title");
    w.reconcile().converged();
    let messages = w
        .repo
        .git_bare(&["log", "--format=%B", "rollback/production"]);
    for trailer in [
        format!("Release: {commit}"),
        "Environment: production".to_owned(),
        "Status: live".to_owned(),
        "Status: snapshotted".to_owned(),
    ] {
        assert!(messages.contains(&trailer), "{trailer} in {messages}");
    }
    let files = w
        .repo
        .git_bare(&["ls-tree", "-r", "--name-only", "rollback/production"]);
    for file in ["README.md", "state.yaml", "release.yaml", "snapshot.yaml"] {
        assert!(files.contains(file), "{file} in {files}");
    }
    // An orphan branch: it shares no commit with the watched one.
    let base = w
        .repo
        .try_bare(&["merge-base", "main", "rollback/production"]);
    assert!(!base.status.success());
    let release = w.release(&commit);
    assert!(
        activity(&release).contains("set title"),
        "{}",
        activity(&release)
    );
    assert_eq!(release["snapshot"].as_str().unwrap().len(), 40);
    assert_eq!(release["author"], "Ada Merchant <ada@shop.example>");
}
