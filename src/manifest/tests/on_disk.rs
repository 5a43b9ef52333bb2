//! Directories and files on disk, as `gitmage validate PATH` sees them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{loader, page_with};
use crate::manifest::{DirTree, EntryKind, Tree, TreeError};

fn repository() -> TempDir {
    let root = TempDir::new().unwrap();
    for directory in [".git", "releases/2026", "content"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
    write(".git/config", "");
    write("content/home.html", "<p>");
    write(
        "releases/2026/a.yaml",
        &page_with("content: { file: content/home.html }"),
    );
    write("releases/b.yaml", "nmae: x\nchanges: []\n");
    write("releases/notes.txt", "not a release");
    root
}

/// The places of all findings, with the root's path taken out.
fn check(root: &Path, path: &str) -> Vec<String> {
    let loaded = loader().load_path(&root.join(path)).unwrap();
    let root = root.canonicalize().unwrap();
    loaded
        .findings
        .0
        .iter()
        .map(|finding| {
            let place = finding.origin.to_string();
            let place = place.replace(&*root.to_string_lossy(), "");
            let place = place.trim_end_matches(":0:0");
            format!("{} {place}", finding.id)
        })
        .collect()
}

#[test]
fn files_and_directories_are_checked_from_the_root_that_the_glob_means() {
    let root = repository();
    let findings = [
        "no-changes /releases/b.yaml:2:1",
        "unknown-key /releases/b.yaml:1:1",
    ];
    let mut sorted = check(root.path(), "");
    sorted.sort();
    assert_eq!(sorted, findings);
    let mut sorted = check(root.path(), "releases");
    sorted.sort();
    assert_eq!(sorted, findings);
    assert!(check(root.path(), "releases/2026").is_empty());
    assert!(check(root.path(), "releases/2026/a.yaml").is_empty());
    assert_eq!(check(root.path(), "releases/b.yaml").len(), 2);
}

#[test]
fn a_file_that_the_glob_does_not_match_is_checked_all_the_same() {
    let root = repository();
    fs::write(
        root.path().join("draft.yaml"),
        page_with("content: { file: content/home.html }"),
    )
    .unwrap();
    assert!(check(root.path(), "draft.yaml").is_empty());
    fs::write(root.path().join("draft.yaml"), page_with("titel: x")).unwrap();
    assert_eq!(
        check(root.path(), "draft.yaml"),
        ["unknown-field /draft.yaml:5:7"]
    );
}

#[test]
fn a_directory_without_release_files_is_told() {
    let root = repository();
    let found = loader().load_path(&root.path().join("content")).unwrap();
    assert_eq!(found.findings.0[0].id, "no-release-files");
    assert_eq!(
        found.findings.0[0].origin.path,
        root.path().join("content").to_string_lossy()
    );
    assert!(!found.findings.any_critical());
}

#[test]
fn what_looks_like_a_release_file_and_is_left_out_is_told() {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("releases/2026")).unwrap();
    let text = page_with("title: x");
    fs::write(root.path().join("releases/2026/a.YAML"), &text).unwrap();
    let missed = "release-not-matched /releases/2026/a.YAML";
    let nothing = |path: &str| vec![format!("no-release-files {path}"), missed.to_owned()];
    assert_eq!(check(root.path(), ""), nothing(""));
    assert_eq!(check(root.path(), "releases"), nothing("/releases"));
    assert_eq!(
        check(root.path(), "releases/2026"),
        nothing("/releases/2026")
    );
    assert_eq!(check(root.path(), "releases/2026/a.YAML"), [missed]);
    fs::write(root.path().join("releases/b.yml"), &text).unwrap();
    assert_eq!(check(root.path(), ""), [missed]);
    assert!(check(root.path(), "releases/b.yml").is_empty());
}

#[test]
fn the_root_is_not_looked_for_outside_of_the_repository() {
    let root = TempDir::new().unwrap();
    let repository = root.path().join("releases/shop");
    fs::create_dir_all(repository.join(".git")).unwrap();
    fs::write(repository.join(".gitlab-ci.yml"), "stages: []\n").unwrap();
    assert_eq!(
        check(root.path(), "releases/shop"),
        ["no-release-files /releases/shop"]
    );
}

#[test]
fn nothing_at_the_path_is_an_error() {
    let root = repository();
    let error = loader()
        .load_path(&root.path().join("nowhere.yaml"))
        .unwrap_err();
    assert!(error.to_string().contains("nowhere.yaml cannot be read"));
}

#[test]
fn equal_bytes_have_equal_ids() {
    let root = repository();
    let tree = DirTree::new(root.path());
    let id = |path: &str| tree.entry(path).unwrap().unwrap().id;
    let before = id("content/home.html");
    fs::write(root.path().join("content/copy.html"), "<p>").unwrap();
    assert_eq!(id("content/copy.html"), before);
    fs::write(root.path().join("content/home.html"), "<b>").unwrap();
    assert_ne!(id("content/home.html"), before);
    let paths: Vec<String> = tree
        .entries()
        .unwrap()
        .into_iter()
        .map(|e| e.path)
        .collect();
    assert_eq!(
        paths,
        [
            "content/copy.html",
            "content/home.html",
            "releases/2026/a.yaml",
            "releases/b.yaml",
            "releases/notes.txt"
        ]
    );
}

#[test]
fn reading_keeps_the_limit() {
    let root = repository();
    let tree = DirTree::new(root.path());
    assert_eq!(tree.read("content/home.html", 3).unwrap(), b"<p>");
    let error = tree.read("content/home.html", 2).unwrap_err();
    assert!(matches!(error, TreeError::TooLarge { bytes: 3, limit: 2 }));
}

#[test]
fn nothing_outside_can_be_reached() {
    let root = repository();
    let tree = DirTree::new(root.path().join("content"));
    for path in [
        "../releases/b.yaml",
        "/etc/hostname",
        "a/../../releases/b.yaml",
        "./home.html",
        ".git/config",
    ] {
        assert!(tree.entry(path).unwrap().is_none(), "{path}");
        assert!(
            matches!(tree.read(path, 99), Err(TreeError::NotFound)),
            "{path}"
        );
    }
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_never_followed() {
    let root = repository();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret.yaml"), "secret").unwrap();
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, root.path().join(name)).unwrap();
    };
    link(outside.path(), "releases/dir");
    link(&outside.path().join("secret.yaml"), "releases/link.yaml");
    fs::create_dir_all(root.path().join("module/.git")).unwrap();
    let tree = DirTree::new(root.path());
    let kind = |path: &str| tree.entry(path).unwrap().map(|entry| entry.kind);
    assert_eq!(kind("releases/dir"), Some(EntryKind::Symlink));
    assert_eq!(kind("releases/dir/secret.yaml"), None);
    assert_eq!(kind("releases/link.yaml"), Some(EntryKind::Symlink));
    assert_eq!(kind("module"), Some(EntryKind::Submodule));
    assert!(tree.read("releases/dir/secret.yaml", 99).is_err());
    assert!(tree.read("releases/link.yaml", 99).is_err());
    let findings = check(root.path(), "releases/link.yaml");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].starts_with("release-not-a-file"));
    let findings = check(root.path(), "releases");
    assert!(
        findings.contains(&"release-folder-linked /releases/dir".to_owned()),
        "{findings:?}"
    );
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_told_where_they_hide_release_files() {
    let root = repository();
    fs::rename(root.path().join("releases"), root.path().join("archive")).unwrap();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, root.path().join(name)).unwrap();
    };
    link("archive", "releases");
    let expected = [
        "no-release-files /releases",
        "release-folder-linked /releases",
    ];
    assert_eq!(check(root.path(), "releases"), expected);
    assert_eq!(check(root.path(), "releases/"), expected);
    fs::remove_file(root.path().join("releases")).unwrap();
    fs::create_dir(root.path().join("releases")).unwrap();
    fs::write(root.path().join("releases/a.yaml"), page_with("title: x")).unwrap();
    link("../content", "releases/content");
    assert!(check(root.path(), "releases").is_empty());
    link("../archive/2026", "releases/2026");
    assert_eq!(
        check(root.path(), "releases"),
        ["release-folder-linked /releases/2026"]
    );
}
