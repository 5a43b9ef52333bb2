//! `kill -9`, lost answers and somebody else's lease.

use serde_json::json;

use crate::world::{Options, World, activity, chmod, field, file, title};

/// Two blocks, one after the other.
fn two_blocks() -> String {
    file(&[
        ("cms_block", "home-hero", "all", "title", "New"),
        ("cms_block", "old-hero", "all", "title", "New"),
    ])
}

/// A world whose pass was killed when a request with this identifier and method was under way.
fn killed(remote: bool, rule: &serde_json::Value) -> (World, String, serde_json::Value) {
    let w = World::with(Options {
        remote,
        settings: "store.concurrency: 1",
    });
    let before = w.shop.dump();
    let commit = w.repo.release("a", &two_blocks(), "New");
    w.shop.faults(&json!({ "rules": [rule] }));
    let pass = w.start();
    w.shop.wait_for("one to hang", |r| {
        r["fault"]
            .as_str()
            .is_some_and(|fault| fault.starts_with("hang"))
    });
    pass.kill();
    w.shop.mend();
    (w, commit, before)
}

#[test]
fn a_pass_killed_between_two_writes_is_resumed_with_its_first_snapshot() {
    for remote in [false, true] {
        for action in ["hang", "hang_after"] {
            let rule =
                json!({"match": {"method": "PUT", "identifier": "old-hero"}, "action": action});
            let (w, commit, before) = killed(remote, &rule);
            assert_eq!(
                w.shop.field("cms_block", "home-hero", "all", "title"),
                "New"
            );
            assert_eq!(w.stands(&commit), "deploy snapshotted");
            w.reconcile().converged();
            let release = w.release(&commit);
            assert_eq!(release["status"], "live");
            for (key, title) in [("home-hero", "Home hero"), ("old-hero", "Last year's hero")] {
                assert_eq!(field(&release, "cms_block", key, "title")["before"], title);
                assert_eq!(w.shop.field("cms_block", key, "all", "title"), "New");
            }
            assert!(
                activity(&release).contains("resumed"),
                "{}",
                activity(&release)
            );
            // One PUT each; the hanging one was repeated only where it was not carried out.
            let puts = if action == "hang" { 3 } else { 2 };
            assert_eq!(w.shop.writes().len(), puts, "{action}");
            w.repo.revert(&commit);
            w.reconcile().converged();
            assert_eq!(w.shop.dump(), before);
        }
    }
}

#[test]
fn a_pass_killed_before_its_snapshot_leaves_no_trace() {
    let rule = json!({"match": {"path": "cmsBlock/search"}, "action": "hang"});
    let (w, commit, before) = killed(false, &rule);
    assert_eq!(w.ledger(), None);
    assert_eq!(w.shop.dump(), before);
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
}

#[test]
fn a_newer_commit_does_not_disturb_a_pass_that_was_killed() {
    let rule = json!({"match": {"method": "PUT", "identifier": "old-hero"}, "action": "hang"});
    let (w, commit, before) = killed(false, &rule);
    let newer = w.repo.release("b", &title("home-hero", "Newer"), "Newer");
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.stands(&newer), "deploy live");
    assert_eq!(
        field(&w.release(&newer), "cms_block", "home-hero", "title")["before"],
        "New"
    );
    w.repo.revert(&newer);
    w.reconcile().converged();
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "New"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_killed_pass_can_be_reverted_before_it_is_resumed() {
    let rule = json!({"match": {"method": "PUT", "identifier": "old-hero"}, "action": "hang"});
    let (w, commit, before) = killed(true, &rule);
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}

#[test]
fn a_third_value_found_on_resume_is_recorded_and_reported() {
    let rule = json!({"match": {"method": "PUT", "identifier": "old-hero"}, "action": "hang"});
    let (w, commit, _) = killed(false, &rule);
    w.shop.set(
        "cms_block",
        "old-hero",
        &json!("all"),
        "title",
        "A third value",
    );
    w.reconcile().converged();
    let release = w.release(&commit);
    assert_eq!(
        field(&release, "cms_block", "old-hero", "title")["before"],
        "Last year's hero"
    );
    let said = activity(&release);
    assert!(
        said.contains("neither the value of the snapshot nor"),
        "{said}"
    );
    let snapshot = w.repo.everything("rollback/production");
    assert!(snapshot.contains("A third value"));
}

#[test]
fn a_second_holder_does_not_take_a_lease_that_may_still_be_used() {
    let rule = json!({"match": {"method": "PUT", "identifier": "old-hero"}, "action": "hang"});
    let (w, commit, _) = killed(false, &rule);
    let mine = w.dir.path().join("state");
    let away = w.dir.path().join("away");
    // Another host has the same configuration, and its own state directory.
    std::fs::rename(&mine, &away).unwrap();
    let writes = w.shop.writes().len();
    w.reconcile().failed_saying(&["holds the lease"]);
    assert_eq!(w.shop.writes().len(), writes);
    // A restart on the first host takes its lease back at once.
    std::fs::remove_dir_all(&mine).unwrap();
    std::fs::rename(&away, &mine).unwrap();
    w.reconcile().converged();
    assert_eq!(w.stands(&commit), "deploy live");
}

#[test]
fn a_second_process_of_one_state_directory_waits_for_the_first() {
    let w = World::new();
    let commit = w.repo.release("a", &title("home-hero", "New"), "New");
    w.shop
        .faults(&json!({"rules": [{"match": {"method": "PUT"}, "action": "hang"}]}));
    let first = w.start();
    w.shop.wait_for("one to hang", |r| r["fault"] == "hang");
    let mut second = w.start();
    second.wait_until_it_says("waiting for another gitmage");
    assert_eq!(w.shop.writes().len(), 1);
    w.shop.mend();
    first.kill();
    assert_eq!(second.wait(), Some(0));
    assert_eq!(w.stands(&commit), "deploy live");
    assert_eq!(w.shop.writes().len(), 2);
}

#[test]
fn a_lost_answer_is_looked_up_before_anything_is_repeated() {
    for action in ["reset_after", "truncate"] {
        let w = World::new();
        let commit = w.repo.release(
            "a",
            &file(&[
                ("cms_block", "home-hero", "all", "title", "New"),
                ("cms_block", "brand-new", "all", "title", "New"),
                ("cms_page", "brand-new", "de", "title", "New"),
            ]),
            "New",
        );
        // Not the questions for rights, which name no entity.
        let lose = |method: &str, identifier: &str| json!({"match": {"method": method, "identifier": identifier}, "action": action});
        w.shop
            .faults(&json!({"rules": [lose("PUT", "home-hero"), lose("POST", "brand-new")]}));
        w.reconcile().converged();
        let mut written = w.shop.written();
        written.sort();
        assert_eq!(
            written,
            [
                "POST all cmsBlock brand-new",
                "POST de cmsPage brand-new",
                "PUT all cmsBlock home-hero"
            ],
            "{action}"
        );
        assert_eq!(w.stands(&commit), "deploy live");
        // The same for deletes.
        w.shop
            .faults(&json!({"rules": [lose("DELETE", "brand-new")]}));
        w.repo.revert(&commit);
        w.reconcile().converged();
        assert!(!w.shop.has("cms_block", "brand-new", "all"));
        assert!(!w.shop.has("cms_page", "brand-new", "de"));
    }
}

#[test]
fn a_request_that_never_arrived_is_repeated() {
    let w = World::new();
    let commit = w.repo.release("a", &title("brand-new", "New"), "New");
    w.shop.faults(&json!({"rules": [{"match": {"method": "POST", "path": "cmsBlock", "identifier": "brand-new"}, "times": 1, "action": "reset_before"}]}));
    w.reconcile().converged();
    assert_eq!(w.shop.writes().len(), 2);
    assert_eq!(
        w.shop.field("cms_block", "brand-new", "all", "title"),
        "New"
    );
    assert_eq!(w.stands(&commit), "deploy live");
}

#[test]
fn a_state_directory_that_is_deleted_loses_nothing() {
    for remote in [false, true] {
        let w = World::with(Options {
            remote,
            ..Options::default()
        });
        let before = w.shop.dump();
        let commit = w.repo.release("a", &two_blocks(), "New");
        w.reconcile().converged();
        std::fs::remove_dir_all(w.dir.path().join("state")).unwrap();
        w.reconcile().converged();
        assert_eq!(w.shop.writes().len(), 2);
        w.repo.revert(&commit);
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before);
    }
}

#[test]
fn an_outcome_that_was_not_pushed_is_made_anew() {
    let w = World::with(Options {
        remote: true,
        ..Options::default()
    });
    let before = w.shop.dump();
    let commit = w.repo.release("a", &two_blocks(), "New");
    // The remote takes the snapshot, and nothing after it.
    let hook = w.repo.bare.join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        "#!/bin/sh\ncase $1 in refs/heads/rollback/*)\n  case $2 in *[1-9a-f]*) echo closed >&2; exit 1;; esac;;\nesac\n",
    )
    .unwrap();
    chmod(&hook, 0o755);
    w.reconcile().failed();
    assert_eq!(w.shop.writes().len(), 2);
    assert_eq!(w.stands(&commit), "deploy snapshotted");

    std::fs::remove_file(&hook).unwrap();
    w.reconcile().converged();
    assert_eq!(w.shop.writes().len(), 2, "all was written already");
    let release = w.release(&commit);
    assert_eq!(release["status"], "live");
    assert_eq!(
        field(&release, "cms_block", "home-hero", "title")["before"],
        "Home hero"
    );
    w.repo.revert(&commit);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}
