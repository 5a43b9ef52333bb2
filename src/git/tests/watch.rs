//! The watch on the references.

use std::time::Duration;

use tokio::time::timeout;

use super::support::Site;
use crate::domain::CommitId;
use crate::git::{Repository, Watch};
use crate::ports::Source as _;

const LONG: Duration = Duration::from_secs(10);

/// Reads after every event, as the daemon does, until the branch is there.
async fn see(watch: &mut Watch, source: &Repository, branch: &str, id: &CommitId) {
    let seen = async {
        loop {
            watch.changed().await;
            if source.head(branch).unwrap().as_ref() == Some(id) {
                break;
            }
        }
    };
    timeout(LONG, seen).await.expect("the change was not seen");
}

#[tokio::test]
async fn sees_pushes_new_directories_and_packing() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let source = site.in_place("bare.git");
    let mut watch = source.watch().unwrap();
    site.push();
    see(&mut watch, &source, "main", &one).await;
    for n in 0..5 {
        site.git(&[
            "push",
            "-q",
            "origin",
            &format!("HEAD:refs/heads/dir{n}/deep/y"),
        ]);
        see(&mut watch, &source, &format!("dir{n}/deep/y"), &one).await;
    }
    site.git_in("bare.git", &["pack-refs", "--all"]);
    timeout(LONG, watch.changed()).await.unwrap();
    let two = site.commit("a", "2", "two");
    site.push();
    see(&mut watch, &source, "main", &two).await;
}

#[tokio::test]
async fn sees_commits_in_linked_work_trees() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let source = site.in_place("linked");
    let mut watch = source.watch().unwrap();
    let two = site.commit("a", "2", "two");
    see(&mut watch, &source, "main", &two).await;
}

#[tokio::test]
async fn is_not_disturbed_by_reading_and_not_by_a_mirror() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    let source = site.in_place("bare.git");
    let mut watch = source.watch().unwrap();
    source.first_parents(&one, None).unwrap();
    source.tree(&one).unwrap().entries().unwrap();
    source.head("main").unwrap();
    let short = Duration::from_millis(400);
    assert!(timeout(short, watch.changed()).await.is_err());
    let mut nothing = site.mirror("m").watch().unwrap();
    assert!(timeout(short, nothing.changed()).await.is_err());
}

#[tokio::test]
async fn tells_a_burst_together() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let source = site.in_place("bare.git");
    let mut watch = source.watch().unwrap();
    for n in 0..20 {
        site.git_in(
            "bare.git",
            &["update-ref", &format!("refs/heads/b{n}"), "main"],
        );
    }
    let mut told = 0;
    while timeout(Duration::from_millis(400), watch.changed())
        .await
        .is_ok()
    {
        told += 1;
    }
    assert!((1..10).contains(&told), "{told}");
}

#[tokio::test]
async fn knows_when_another_repository_has_come_to_its_place() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let watch = site.in_place("bare.git").watch().unwrap();
    assert!(!watch.watched().is_outlived());
    site.push();
    assert!(!watch.watched().is_outlived());
    std::fs::rename(site.path("bare.git"), site.path("away.git")).unwrap();
    assert!(watch.watched().is_outlived());
    site.git_in("", &["init", "-q", "--bare", "bare.git"]);
    assert!(watch.watched().is_outlived());
    assert!(
        !site
            .in_place("bare.git")
            .watch()
            .unwrap()
            .watched()
            .is_outlived()
    );
    assert!(!site.mirror("m").watch().unwrap().watched().is_outlived());
}
