//! The ledger in a repository opened in place.

use std::collections::BTreeMap;

use super::support::{Site, entry};
use crate::domain::CommitId;
use crate::ports::{Ledger, LedgerError, Source as _};

const BRANCH: &str = "rollback/production";

fn texts(files: BTreeMap<String, Vec<u8>>) -> Vec<(String, String)> {
    files
        .into_iter()
        .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap()))
        .collect()
}

/// Appends one commit again and again until nobody is quicker.
pub(super) fn append_somehow(ledger: &impl Ledger, file: &str) {
    for _ in 0..500 {
        let tip = ledger.tip().unwrap();
        match ledger.append(tip.as_ref(), &[entry(file, &[(file, Some("x"))])]) {
            Ok(_) => return,
            Err(LedgerError::Raced { .. } | LedgerError::Unavailable { .. }) => {
                ledger.refresh().unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never the quickest");
}

#[test]
fn makes_an_orphan_branch_and_goes_on_from_it() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ledger = site.in_place("bare.git").ledger(BRANCH, "production");
    assert_eq!(ledger.tip().unwrap(), None);
    let first = entry(
        "snapshot\n\nRelease: 1\n",
        &[
            ("state.yaml", Some("s: 1")),
            ("releases/2026/0001-a/release.yaml", Some("r")),
            ("releases/2026/0001-a/values/x", Some("v")),
        ],
    );
    let second = entry(
        "outcome",
        &[
            ("state.yaml", Some("s: 2")),
            ("releases/2026/0001-a/values/x", None),
            ("releases/2026/0002-b/release.yaml", Some("r2")),
        ],
    );
    let made = ledger.append(None, &[first, second]).unwrap();
    assert_eq!(ledger.tip().unwrap().as_ref(), made.last());
    let tip = made.last().unwrap();
    let releases = [
        (
            "releases/2026/0001-a/release.yaml".to_owned(),
            "r".to_owned(),
        ),
        (
            "releases/2026/0002-b/release.yaml".to_owned(),
            "r2".to_owned(),
        ),
    ];
    assert_eq!(texts(ledger.files(tip, "releases/").unwrap()), releases);
    assert_eq!(
        texts(ledger.files(tip, "releases/2026/0002").unwrap()),
        releases[1..]
    );
    assert_eq!(ledger.files(tip, "").unwrap().len(), 3);
    let paths = ledger.paths(tip, "releases/").unwrap();
    assert_eq!(paths, releases.each_ref().map(|(path, _)| path.clone()));
    assert_eq!(ledger.paths(tip, "releases/2026/0002").unwrap(), paths[1..]);
    assert_eq!(ledger.paths(tip, "yaml").unwrap(), Vec::<String>::new());
    assert_eq!(ledger.files(tip, "nothing/").unwrap().len(), 0);
    assert_eq!(ledger.files(&made[0], "").unwrap().len(), 3);
    // emptied directories go
    assert_eq!(
        site.git_in(
            "bare.git",
            &[
                "ls-tree",
                "--name-only",
                &format!("{tip}:releases/2026/0001-a")
            ]
        ),
        "release.yaml"
    );
    let history = ledger.history(tip, None).unwrap();
    let messages: Vec<_> = history.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(messages, ["outcome", "snapshot\n\nRelease: 1\n"]);
    assert_eq!(ledger.history(tip, Some(&made[0])).unwrap().len(), 1);
    assert_eq!(ledger.history(tip, Some(tip)).unwrap(), []);
    let shown = site.git_in(
        "bare.git",
        &[
            "log",
            "--reverse",
            "--format=%an <%ae>|%cn|%at|%ct|%P",
            BRANCH,
        ],
    );
    let who = "gitmage <gitmage@localhost>|gitmage|1800000000|1800000000|";
    assert_eq!(shown, format!("{who}\n{who}{}", made[0]));
    site.git_in("bare.git", &["fsck", "--strict"]);
    assert_eq!(ledger.append(Some(tip), &[]).unwrap(), []);
}

#[test]
fn moves_only_from_where_it_was_expected() {
    let site = Site::new();
    site.commit("a", "1", "one");
    let ledger = site.in_place("work").ledger(BRANCH, "production");
    let raced = |expected: Option<&CommitId>| {
        let before = ledger.tip().unwrap();
        let result = ledger.append(expected, &[entry("late", &[("x", Some("late"))])]);
        assert!(
            matches!(result, Err(LedgerError::Raced { .. })),
            "{result:?}"
        );
        assert_eq!(ledger.tip().unwrap(), before);
    };
    raced(Some(&site.head()));
    let one = ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    raced(None);
    let two = ledger
        .append(Some(&one[0]), &[entry("2", &[("x", Some("2"))])])
        .unwrap();
    raced(Some(&one[0]));
    raced(Some(&CommitId::new("1".repeat(40)).unwrap()));
    // whether its value is packed or not
    site.git(&["pack-refs", "--all"]);
    raced(None);
    raced(Some(&one[0]));
    let three = ledger
        .append(Some(&two[0]), &[entry("3", &[("x", Some("3"))])])
        .unwrap();
    assert_eq!(ledger.tip().unwrap(), Some(three[0].clone()));
    assert_eq!(ledger.history(&three[0], None).unwrap().len(), 3);
}

#[test]
fn loses_no_commit_of_several_writers() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let repository = site.in_place("bare.git");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = repository.clone().ledger(BRANCH, "production");
            scope.spawn(move || {
                for n in 0..10 {
                    append_somehow(&ledger, &format!("{writer}/{n}"));
                }
            });
        }
        for _ in 0..5 {
            site.git_in("bare.git", &["pack-refs", "--all"]);
        }
    });
    let ledger = repository.ledger(BRANCH, "production");
    let tip = ledger.tip().unwrap().unwrap();
    assert_eq!(ledger.files(&tip, "").unwrap().len(), 40);
    assert_eq!(ledger.history(&tip, None).unwrap().len(), 40);
    assert_eq!(
        site.git_in("bare.git", &["rev-list", "--merges", "--count", BRANCH]),
        "0"
    );
}

#[test]
fn a_held_lock_is_named() {
    let site = Site::new();
    site.commit("a", "1", "one");
    let ledger = site.in_place("work").ledger(BRANCH, "production");
    let lock = site.path("work/.git/refs/heads/rollback/production.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let one = entry("1", &[("x", Some("1"))]);
    match ledger.append(None, std::slice::from_ref(&one)).unwrap_err() {
        LedgerError::Unavailable { message } => {
            assert!(message.contains("production.lock"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&lock).unwrap();
    let made = ledger.append(None, &[one]).unwrap();
    site.git(&["pack-refs", "--all"]);
    let lock = site.path("work/.git/packed-refs.lock");
    std::fs::write(&lock, "").unwrap();
    let two = entry("2", &[("x", Some("2"))]);
    match ledger
        .append(made.last(), std::slice::from_ref(&two))
        .unwrap_err()
    {
        LedgerError::Unavailable { message } => {
            assert!(message.contains("packed-refs.lock"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(ledger.append(made.last(), &[two]).unwrap().len(), 1);
}

#[test]
fn refuses_a_branch_that_another_one_is_in_the_way_of() {
    let site = Site::new();
    site.commit("a", "1", "one");
    let source = site.in_place("work");
    let refused = |branch: &str| {
        let ledger = source.ledger(branch, "production");
        let result = ledger.append(None, &[entry("1", &[("x", Some("1"))])]);
        assert!(
            matches!(result, Err(LedgerError::Stalled { .. })),
            "{branch}: {result:?}"
        );
    };
    site.git(&["branch", "rollback"]);
    site.git(&["branch", "undo/production/old"]);
    for packed in [false, true] {
        if packed {
            site.git(&["pack-refs", "--all"]);
        }
        refused("rollback/production");
        refused("undo/production");
        refused("no good..name");
    }
    assert_eq!(source.head("rollback").unwrap(), Some(site.head()));
}

#[test]
fn honours_shared_repositories() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    site.commit("a", "1", "one");
    site.git(&["config", "core.sharedRepository", "group"]);
    let ledger = site.in_place("work").ledger(BRANCH, "production");
    let made = ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    let id = made[0].as_str();
    let mode = |path: &str| {
        let meta = std::fs::metadata(site.path("work/.git").join(path)).unwrap();
        meta.permissions().mode() & 0o7777
    };
    assert_eq!(mode(&format!("objects/{}", &id[..2])) & 0o2070, 0o2070);
    assert_eq!(mode("refs/heads/rollback") & 0o2070, 0o2070);
    assert_eq!(mode("refs/heads/rollback/production") & 0o060, 0o060);
}
