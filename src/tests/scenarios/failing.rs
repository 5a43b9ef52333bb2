//! Stores that refuse, are down or are somebody else; and secrets, which show nowhere.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::world::{Options, World, change, field, file, title};

const REFUSAL: &str =
    r#"{"message":"The \"%1\" of the block is odd on %2.","parameters":["title","Mondays"]}"#;
const WORDS: &str = "The \"title\" of the block is odd on Mondays.";

fn refuse(identifier: &str) -> Value {
    json!({"rules": [{
        "match": {"method": "PUT", "identifier": identifier},
        "action": {"respond": {"status": 400, "body": REFUSAL}},
    }]})
}

impl World {
    /// No file of ours, and no commit of the ledger, holds a secret.
    fn keeps_its_secrets(&self) {
        let mut texts = vec![self.repo.everything("--all").into_bytes()];
        for path in self.state_files() {
            texts.push(std::fs::read(path).unwrap());
        }
        for text in texts {
            let text = String::from_utf8_lossy(&text);
            for secret in self.shop.secrets() {
                assert!(!text.contains(&secret), "a secret in: {text}");
            }
        }
    }
}

/// A release of two blocks, one of which the store refuses.
fn half_failed(settings: &'static str) -> (World, String) {
    let w = World::with(Options {
        settings,
        ..Options::default()
    });
    w.shop.faults(&refuse("home-hero"));
    let commit = w.repo.release(
        "a",
        &file(&[
            ("cms_block", "home-hero", "all", "title", "New"),
            ("cms_block", "old-hero", "all", "title", "New"),
            ("cms_page", "home", "all", "title", "New"),
        ]),
        "New",
    );
    w.reconcile().failed();
    (w, commit)
}

#[test]
fn one_refused_entity_fails_the_release_and_the_rest_goes_on() {
    let (w, commit) = half_failed("");
    let release = w.release(&commit);
    assert_eq!(w.stands(&commit), "deploy failed");
    let refused = change(&release, "cms_block", "home-hero");
    assert_eq!(refused["status"], "failed");
    assert!(
        refused["error"].as_str().unwrap().ends_with(WORDS),
        "{refused}"
    );
    assert_eq!(
        field(&release, "cms_block", "home-hero", "title")["status"],
        "not_written"
    );
    assert_eq!(change(&release, "cms_block", "old-hero")["status"], "done");
    assert_eq!(change(&release, "cms_page", "home")["status"], "done");
    let said = release["message"].to_string();
    assert!(
        said.contains("cms_block home-hero (all)") && said.contains("Mondays"),
        "{said}"
    );
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Home hero"
    );
    assert_eq!(w.shop.field("cms_page", "home", "all", "title"), "New");
}

#[test]
fn what_is_refused_for_good_is_tried_again_with_a_new_value_only() {
    let (w, commit) = half_failed("");
    let (writes, ledger) = (w.shop.writes().len(), w.ledger());
    w.shop.mend();
    w.reconcile().failed();
    assert_eq!(w.shop.writes().len(), writes);
    assert_eq!(w.ledger(), ledger);
    let second = w.repo.release("b", &title("home-hero", "Newer"), "Newer");
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Newer"
    );
    assert_eq!(w.stands(&second), "deploy live");
    // Two of its three entities are in effect.
    assert_eq!(w.stands(&commit), "deploy live");
}

#[test]
fn what_is_refused_for_good_is_tried_again_when_asked_to() {
    let (w, commit) = half_failed("");
    let writes = w.shop.writes().len();
    w.shop.mend();
    w.shop.set(
        "cms_block",
        "home-hero",
        &json!("all"),
        "title",
        "Edited meanwhile",
    );
    w.run(&["retry"]).converged();
    assert_eq!(
        w.shop.written_since(writes),
        ["PUT all cmsBlock home-hero"],
        "only what failed"
    );
    assert_eq!(w.stands(&commit), "deploy live");
    // What never was written before is observed anew, and that is what a rollback puts back.
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Edited meanwhile"
    );
}

#[test]
fn a_store_that_was_contended_is_tried_again_by_itself() {
    let w = World::new();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT", "path": "cmsPage"},
        "times": 1,
        "action": {"respond": {"status": 400, "body":
            "{\"message\":\"Could not save the page: %1\",\"parameters\":[\"Something went wrong while saving the page.\"]}"}},
    }]}));
    let commit = w.repo.release(
        "a",
        &file(&[("cms_page", "home", "all", "title", "New")]),
        "New",
    );
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.shop.writes().len(), 2);
}

#[test]
fn a_store_that_asks_to_wait_is_obeyed() {
    let w = World::new();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT"},
        "times": 1,
        "action": {"respond": {"status": 429, "headers": {"Retry-After": "1"}}},
    }]}));
    w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().converged();
    let writes = w.shop.writes();
    let at = |request: &Value| {
        request["at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert_eq!(writes.len(), 2);
    assert!(
        at(&writes[1]).duration_since(at(&writes[0])).as_millis() >= 1000,
        "{writes:#?}"
    );
}

#[test]
fn reverting_a_failed_release_leaves_alone_what_never_was_written() {
    let (w, commit) = half_failed("");
    w.shop.set(
        "cms_block",
        "home-hero",
        &json!("all"),
        "title",
        "Edited meanwhile",
    );
    w.shop.mend();
    let revert = w.repo.revert(&commit);
    w.reconcile().converged();
    let title = |kind: &str, key: &str| w.shop.field(kind, key, "all", "title");
    assert_eq!(title("cms_block", "home-hero"), "Edited meanwhile");
    assert_eq!(title("cms_block", "old-hero"), "Last year's hero");
    assert_eq!(title("cms_page", "home"), "Home page");
    assert_eq!(w.stands(&commit), "deploy rolled_back");
    assert_eq!(w.stands(&revert), "rollback live");
}

/// What a broken store makes the program say; what was broken is mended again.
struct Trouble {
    name: &'static str,
    faults: Value,
    says: &'static [&'static str],
}

fn troubles() -> Vec<Trouble> {
    let html = json!({"respond": {"status": 200, "content_type": "text/html", "body": "<h1>Hello, I am a proxy</h1>"}});
    let trouble = |name, faults, says| Trouble { name, faults, says };
    vec![
        trouble(
            "revoked",
            json!({"revoked": true}),
            &["revoked", "integration"],
        ),
        trouble(
            "inactive",
            json!({"inactive": true}),
            &["the integration is active"],
        ),
        trouble(
            "no blocks",
            json!({"deny": ["Magento_Cms::block"]}),
            &["Magento_Cms::block"],
        ),
        trouble(
            "no views",
            json!({"deny": ["Magento_Backend::store"]}),
            &["Magento_Backend::store"],
        ),
        trouble(
            "old Magento",
            json!({"sha1_only": true}),
            &["HMAC-SHA256", "2.4.4"],
        ),
        trouble(
            "maintenance",
            json!({"maintenance": true}),
            &["503", "maintenance"],
        ),
        trouble(
            "a proxy",
            json!({"rules": [{"action": html}]}),
            &["Hello, I am a proxy", "JSON was expected"],
        ),
    ]
}

#[test]
fn a_store_that_cannot_be_used_is_named_nothing_is_written_and_it_recovers() {
    std::thread::scope(|scope| {
        for trouble in troubles() {
            scope.spawn(move || {
                let w = World::new();
                let before = w.shop.dump();
                let commit = w.repo.release("a", &title("home-hero", "New"), "New");
                w.shop.faults(&trouble.faults);
                let run = w.reconcile();
                assert_eq!(run.code, Some(1), "{}: {}", trouble.name, run.said());
                for word in trouble.says {
                    assert!(
                        run.said().contains(word),
                        "{}: no {word:?} in {}",
                        trouble.name,
                        run.said()
                    );
                }
                assert_eq!(w.shop.dump(), before, "{}", trouble.name);
                w.shop.mend();
                w.reconcile().converged();
                assert_eq!(w.stands(&commit), "deploy live", "{}", trouble.name);
                w.keeps_its_secrets();
            });
        }
    });
}

#[test]
fn a_wrong_secret_is_named_and_shown_nowhere() {
    for secret in [
        "consumer_key",
        "consumer_secret",
        "access_token",
        "access_token_secret",
    ] {
        let w = World::new();
        let before = w.shop.dump();
        let wrong = "0123456789abcdef0123456789abcdef";
        w.replace_secret(secret, wrong);
        w.repo.release("a", &title("home-hero", "New"), "New");
        let run = w.reconcile().failed();
        assert!(!run.said().contains(wrong), "{}", run.said());
        assert!(
            run.said().contains(secret),
            "{secret} is not named: {}",
            run.said()
        );
        assert_eq!(w.shop.dump(), before);
        assert_eq!(w.ledger(), None);
        w.configure("");
        w.reconcile().converged();
        w.keeps_its_secrets();
    }
}

#[test]
fn a_store_that_nobody_serves_is_named() {
    let w = World::new();
    // A port that was free a moment ago, and that nobody else is given while we hold it unheard.
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    drop(held);
    w.repo.release("a", &title("home-hero", "New"), "New");
    let config = std::fs::read_to_string(w.config()).unwrap();
    let nobody = format!("http://127.0.0.1:{port}");
    std::fs::write(w.config(), config.replace(&w.shop.url, &nobody)).unwrap();
    w.reconcile().failed_saying(&[&nobody]);
    assert_eq!(w.ledger(), None);
    w.configure("");
    w.reconcile().converged();
    w.keeps_its_secrets();
}

#[test]
fn a_store_that_goes_away_between_snapshot_and_write_is_resumed() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT"},
        "action": {"respond": {"status": 503, "content_type": "text/html", "body": "maintenance"}},
    }]}));
    w.reconcile().failed_saying(&["resumed"]);
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy snapshotted");
    w.shop.mend();
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    w.keeps_its_secrets();
}

#[test]
fn a_refusal_that_echoes_a_secret_leaves_none_in_the_ledger() {
    let w = World::new();
    let secret = w.shop.secrets()[3].clone();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT"},
        "action": {"respond": {"status": 400, "body": json!({"message": format!("odd: {secret}")}).to_string()}},
    }]}));
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.reconcile().failed_saying(&["odd: "]);
    assert_eq!(w.stands(&commit), "deploy failed");
    w.keeps_its_secrets();
}

#[test]
fn on_failure_restore_undoes_what_the_pass_wrote() {
    let w = World::with(Options {
        settings: "on_failure: restore",
        ..Options::default()
    });
    let before = w.shop.dump();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT", "path": "cmsPage"},
        "action": {"respond": {
            "status": 400,
            "content_type": "application/json",
            "body": "{\"message\":\"No %1\",\"parameters\":[\"way\"]}",
        }},
    }]}));
    let changes = file(&[
        ("cms_block", "home-hero", "all", "title", "New"),
        ("cms_block", "brand-new", "all", "title", "New"),
        ("cms_page", "about-us", "all", "title", "New"),
    ]);
    let commit = w.repo.release("a", &changes, "All or nothing");
    w.reconcile().failed_saying(&["No way"]);
    assert!(!w.shop.written().is_empty(), "the blocks come first");
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy failed");
    w.shop.mend();
    w.run(&["retry"]).converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.shop.field("cms_page", "about-us", "all", "title"), "New");
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "New"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

/// A release of an update, a deletion and a product of which the store refuses the price.
fn restored() -> (World, Value, String) {
    let w = World::with(Options {
        settings: "on_failure: restore",
        ..Options::default()
    });
    let before = w.shop.dump();
    w.shop.faults(&json!({"rules": [{
        "match": {"method": "PUT", "path": "products/24-MB01"},
        "action": {"respond": {"status": 400, "body": "{\"message\":\"No such price\"}"}},
    }]}));
    let changes = "changes:
  - { kind: cms_block, key: home-hero, fields: { title: Camp } }
  - { kind: cms_page, key: winter-sale, ensure: absent }
  - { kind: product, key: 24-MB01, fields: { price: 5 } }
";
    let commit = w.repo.release("a", changes, "Campaign");
    w.reconcile().failed_saying(&["No such price"]);
    assert_eq!(w.shop.dump(), before);
    (w, before, commit)
}

#[test]
fn on_failure_restore_undoes_what_is_tried_again_and_fails_again() {
    let (w, before, commit) = restored();
    for _ in 0..2 {
        w.run(&["retry"]).failed();
        assert_eq!(w.shop.dump(), before);
    }
    assert_eq!(w.stands(&commit), "deploy failed");
    let ledger = w.ledger();
    w.reconcile().failed();
    w.reconcile().failed();
    assert_eq!(
        w.ledger(),
        ledger,
        "nothing is tried that only a retry helps"
    );
    w.shop.mend();
    w.run(&["retry"]).converged();
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn on_failure_restore_brings_all_of_a_release_back_when_a_commit_mends_it() {
    let (w, before, commit) = restored();
    w.shop.mend();
    let changes = "changes:\n  - { kind: product, key: 24-MB01, fields: { price: 6 } }\n";
    let mended = w.repo.release("b", changes, "Another price");
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Camp"
    );
    assert_eq!(w.stands(&commit), "deploy live");
    w.repo.revert(&mended);
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn on_failure_restore_holds_a_release_back_for_what_is_missing_still() {
    let w = World::with(Options {
        settings: "on_failure: restore",
        ..Options::default()
    });
    let before = w.shop.dump();
    let changes = "changes:
  - { kind: cms_block, key: nope, ensure: existing, fields: { title: Nope } }
  - { kind: cms_block, key: home-hero, fields: { title: New } }
";
    let commit = w.repo.release("a", changes, "Half of it is missing");
    w.reconcile().failed_saying(&["nope"]);
    w.run(&["retry"]).failed_saying(&["nope"]);
    let other = w
        .repo
        .release("b", &title("footer-links", "Other"), "Other");
    w.reconcile().failed();
    assert_eq!(w.stands(&other), "deploy live");
    assert_eq!(w.stands(&commit), "deploy failed");
    w.run(&["retry"]).failed_saying(&["nope"]);
    w.repo.revert(&other);
    w.reconcile().failed();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn on_failure_restore_does_not_begin_what_is_known_to_fail() {
    let w = World::with(Options {
        settings: "on_failure: restore",
        ..Options::default()
    });
    let changes = file(&[
        ("cms_block", "home-hero", "all", "title", "New"),
        ("cms_block", "footer-links", "nosuch", "title", "New"),
    ]);
    w.repo.release("a", &changes, "Half of it cannot be");
    w.reconcile().failed_saying(&["nosuch"]);
    assert_eq!(w.shop.written(), Vec::<String>::new());
}

#[test]
fn a_deletion_is_put_back_over_what_somebody_made_in_its_place() {
    let w = World::new();
    let before = w.shop.dump();
    let commit = w.repo.release(
        "a",
        "changes:\n  - { kind: cms_block, key: home-hero, ensure: absent }\n",
        "Gone",
    );
    w.reconcile().converged();
    w.shop.edit(&json!({
        "kind": "cms_block", "key": "home-hero", "store": "all",
        "fields": {"title": "Made by hand", "content": "by hand"},
    }));
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}
