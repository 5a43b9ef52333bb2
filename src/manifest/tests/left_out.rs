//! What looks like a release file and is left out.

use super::{MapTree, load, loader, page_with};
use crate::manifest::{EntryKind, Loader, LoaderOptions};

const FINE: &str = "changes:\n  - { kind: cms_page, key: home, fields: { title: Home } }\n";

fn with_glob(glob: &str) -> Loader {
    Loader::new(LoaderOptions {
        releases: glob.to_owned(),
        ..LoaderOptions::default()
    })
    .unwrap()
}

/// A tree of release files that are fine, by their paths.
fn tree(paths: &[&str]) -> MapTree {
    let mut tree = MapTree::default();
    for path in paths {
        tree.set(path, FINE);
    }
    tree
}

/// The ids and places of the findings; none of them may be critical.
fn found(loader: &Loader, tree: &MapTree) -> Vec<String> {
    let findings = loader.load(tree).unwrap().findings;
    assert!(!findings.any_critical(), "{findings}");
    let lines = findings.0.iter();
    lines
        .map(|finding| format!("{} {}", finding.id, finding.origin.path))
        .collect()
}

#[test]
fn both_usual_endings_are_taken() {
    let tree = tree(&["releases/a.yaml", "releases/2026/b.yml"]);
    let loaded = load(&tree);
    assert_eq!(loaded.findings.to_string(), "");
    assert_eq!(loaded.files.size(), 2);
}

#[test]
fn another_case_of_an_ending_is_named() {
    let tree = tree(&["releases/a.yaml", "releases/b.YAML", "releases/2026/c.Yml"]);
    let loaded = load(&tree);
    assert_eq!(loaded.files.size(), 1);
    insta::assert_snapshot!(loaded.findings, @"
    releases/2026/c.Yml: warning: `releases/2026/c.Yml` looks like a release file, but does not match the glob `releases/**/*.{yaml,yml}`: it is left out [release-not-matched]
      = rename it to `releases/2026/c.yml`

    releases/b.YAML: warning: `releases/b.YAML` looks like a release file, but does not match the glob `releases/**/*.{yaml,yml}`: it is left out [release-not-matched]
      = rename it to `releases/b.yaml`
    ");
}

#[test]
fn a_name_that_is_taken_is_not_proposed() {
    let tree = tree(&["releases/a.yaml", "releases/a.YAML"]);
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/a.YAML: warning: `releases/a.YAML` looks like a release file, but does not match the glob `releases/**/*.{yaml,yml}`: it is left out [release-not-matched]
      = `releases/a.yaml` is there already: put the changes of both into that one, or choose another name
    ");
}

#[test]
fn a_glob_of_ones_own_leaves_out_other_endings_and_folders_below() {
    let tree = tree(&["releases/a.yaml", "releases/b.yml", "releases/2026/c.yaml"]);
    insta::assert_snapshot!(with_glob("releases/*.yaml").load(&tree).unwrap().findings, @"
    releases/2026/c.yaml: warning: `releases/2026/c.yaml` looks like a release file, but does not match the glob `releases/*.yaml`: it is left out [release-not-matched]
      = move it to `releases/c.yaml`, or correct the glob

    releases/b.yml: warning: `releases/b.yml` looks like a release file, but does not match the glob `releases/*.yaml`: it is left out [release-not-matched]
      = rename it to `releases/b.yaml`
    ");
    let dated = with_glob("releases/20*.yaml");
    insta::assert_snapshot!(dated.load(&self::tree(&["releases/20.yaml", "releases/x.yaml"])).unwrap().findings, @"
    releases/x.yaml: warning: `releases/x.yaml` looks like a release file, but does not match the glob `releases/20*.yaml`: it is left out [release-not-matched]
      = rename it so that it matches, or correct the glob
    ");
}

#[test]
fn one_folder_of_several_says_nothing_of_the_others() {
    let tree = tree(&[
        "releases/production/a.yaml",
        "releases/staging/b.YAML",
        "releases/c.yml",
        ".github/ci.yml",
    ]);
    let production = with_glob("releases/production/**/*.yaml");
    assert!(found(&production, &tree).is_empty());
    let two = with_glob("releases/{production,test}/*.yaml");
    assert!(found(&two, &tree).is_empty());
    assert!(found(&with_glob("**/a.yaml"), &tree).is_empty());
}

#[test]
fn what_another_environment_takes_is_not_left_out() {
    let tree = tree(&["releases/a.yaml", "releases/staging/b.yaml"]);
    let alone = with_glob("releases/*.yaml");
    assert_eq!(
        found(&alone, &tree),
        ["release-not-matched releases/staging/b.yaml"]
    );
    let beside = alone.beside(["releases/staging/*.yaml"]).unwrap();
    assert!(found(&beside, &tree).is_empty());
    assert!(with_glob("a/*").beside(["/b"]).is_err());
}

#[test]
fn a_file_that_a_release_file_refers_to_is_not_left_out() {
    let mut tree = tree(&[]);
    tree.set(
        "releases/a.yaml",
        page_with("content: { file: releases/block.YAML }"),
    );
    tree.set("releases/block.YAML", "<p>");
    assert_eq!(load(&tree).findings.to_string(), "");
}

#[test]
fn a_submodule_is_named_where_release_files_are_looked_for() {
    let mut tree = tree(&["releases/a.yaml"]);
    tree.set_kind("releases/shared", EntryKind::Submodule);
    tree.set_kind("vendor/theme", EntryKind::Submodule);
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/shared: warning: `releases/shared` is a submodule, whose files are not in the commit: release files in it are left out [release-folder-submodule]
      = commit the files themselves in its place
    ");
}

#[test]
fn a_link_to_a_folder_of_release_files_is_named() {
    let mut tree = tree(&["releases/a.yaml", "archive/2026/b.yaml", "media/x.png"]);
    tree.link("releases/2026", "../archive/2026");
    tree.link("releases/again", "2026");
    tree.link("releases/outside", "/srv/releases");
    tree.link("releases/gone", "../nowhere");
    insta::assert_snapshot!(load(&tree).findings.0[0], @"
    releases/2026: warning: `releases/2026` is a symbolic link, which is never followed: release files behind it are left out [release-folder-linked]
      = commit the files themselves in its place
    ");
    assert_eq!(
        found(&loader(), &tree),
        [
            "release-folder-linked releases/2026",
            "release-folder-linked releases/again",
            "release-folder-linked releases/gone",
            "release-folder-linked releases/outside",
        ]
    );
}

#[test]
fn a_link_that_hides_no_release_file_is_passed_over() {
    let mut tree = tree(&["releases/2026/a.yaml", "media/x.png", "README.md"]);
    tree.link("releases/current", "2026");
    tree.link("releases/media", "../media");
    tree.link("releases/README", "../README.md");
    tree.link("releases/logo.png", "/srv/logo.png");
    tree.link("elsewhere", "/srv/releases");
    tree.link("releases/loop.x", "loop.x");
    assert!(found(&loader(), &tree).is_empty());
}

#[test]
fn a_link_that_is_called_as_a_release_file_is_one_that_does_not_match() {
    let mut tree = tree(&["releases/a.yaml", "archive/b.yaml"]);
    tree.link("releases/b.YAML", "../archive/b.yaml");
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/b.YAML: warning: `releases/b.YAML` looks like a release file, but does not match the glob `releases/**/*.{yaml,yml}`, and is a symbolic link: it is left out [release-not-matched]
      = commit the file itself as `releases/b.yaml`
    ");
}

#[test]
fn a_leading_folder_that_is_none_is_named() {
    let mut linked = tree(&["archive/a.yaml"]);
    linked.link("releases", "archive");
    assert_eq!(
        found(&loader(), &linked),
        [
            "no-release-files releases",
            "release-folder-linked releases"
        ]
    );
    let mut module = tree(&["a.yaml"]);
    module.set_kind("shop", EntryKind::Submodule);
    assert_eq!(
        found(&with_glob("shop/releases/*.yaml"), &module),
        [
            "release-folder-submodule shop",
            "no-release-files shop/releases"
        ]
    );
}

#[test]
fn a_glob_that_matches_nothing_is_told_where_there_are_files() {
    let found = |glob: &str, paths: &[&str]| {
        with_glob(glob)
            .load(&tree(paths))
            .unwrap()
            .findings
            .to_string()
    };
    insta::assert_snapshot!(found("releases/*.yml", &["releases/a.txt", "releases/b.html"]), @"
    releases: warning: no file matches the glob `releases/*.yml`, though there are 2 files in `releases` [no-release-files]
      = name release files such as `releases/2026-11-27-black-friday.yaml`, or correct the glob
    ");
    insta::assert_snapshot!(found("**/*.yaml", &["a.YAML"]), @"
    .: warning: no file matches the glob `**/*.yaml` [no-release-files]
      = name release files so that they match, or correct the glob

    a.YAML: warning: `a.YAML` looks like a release file, but does not match the glob `**/*.yaml`: it is left out [release-not-matched]
      = rename it to `a.yaml`
    ");
    // A folder that waits for its first release file, and one that is not there yet.
    let quiet = ["releases/.gitkeep", "releases/README.md", "index.php"];
    assert_eq!(found("releases/**/*.yaml", &quiet), "");
    assert_eq!(found("releases/**/*.yaml", &["shop/a.yaml"]), "");
}

#[test]
fn very_many_of_them_are_told_in_a_hundred_findings_and_one() {
    let paths: Vec<String> = (0..250).map(|i| format!("releases/{i:03}.YAML")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let findings = load(&tree(&paths)).findings;
    assert_eq!(findings.0.len(), 102);
    let summary = &findings.0[1];
    insta::assert_snapshot!(summary, @"
    releases: warning: 150 further files look like release files, but do not match the glob `releases/**/*.{yaml,yml}`: they are left out [release-not-matched]
      = rename these and check again
    ");
}
