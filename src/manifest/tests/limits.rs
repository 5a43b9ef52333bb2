//! Sizes, depths, encodings, and files that are made to hurt.

use serde_json::json;

use super::{MapTree, findings, load, loader, page_with, utf8mb4};
use crate::domain::FieldName;
use crate::manifest::{EntryKind, Loader, LoaderOptions};

/// The ids of a text of findings, in order, each once.
fn ids(findings: &str) -> Vec<&str> {
    let mut ids: Vec<&str> = findings
        .lines()
        .filter(|line| line.starts_with("releases/"))
        .filter_map(|line| line.strip_suffix(']')?.rsplit_once('['))
        .map(|(_, id)| id)
        .collect();
    ids.dedup();
    ids
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..10 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert_eq!(ids(&findings(&bomb)), ["yaml-too-complex"]);
}

#[test]
fn a_bomb_of_text_is_refused() {
    let aliases = "*a, ".repeat(200);
    let bomb = format!("a: &a {}\nb: [{aliases}]\n", "x".repeat(1_000_000));
    assert_eq!(ids(&findings(&bomb)), ["yaml-too-complex"]);
}

#[test]
fn an_alias_of_itself_is_refused() {
    assert_eq!(ids(&findings("a: &a [*a]\n")), ["yaml-too-complex"]);
}

#[test]
fn deep_nesting_is_refused() {
    for bomb in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..300).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
    ] {
        let found = findings(&bomb);
        assert!(
            matches!(ids(&found)[..], ["yaml-too-complex" | "yaml-syntax"]),
            "{found}"
        );
    }
}

#[test]
fn aliases_and_merge_keys_work() {
    let found = findings(
        "changes:
  - &banner { kind: cms_block, key: a, fields: &fields { title: A, content: '<p>' } }
  - { <<: *banner, key: b }
  - { kind: cms_block, key: c, fields: *fields }
",
    );
    assert_eq!(found, "");
}

#[test]
fn a_finding_in_an_alias_points_at_the_alias() {
    let found = findings(
        "changes:
  - { kind: cms_page, key: home, fields: { active: &x 'yes' } }
  - { kind: cms_block, key: a, fields: { active: *x } }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:55: critical: `active` is text, but must be true or false [wrong-type]
     2 |   - { kind: cms_page, key: home, fields: { active: &x 'yes' } }
       |                                                       ^
      = write `true`

    releases/a.yaml:3:50: critical: `active` is text, but must be true or false [wrong-type]
     3 |   - { kind: cms_block, key: a, fields: { active: *x } }
       |                                                  ^
      = write `true`
    ");
}

#[test]
fn a_file_over_the_limit_is_refused_and_one_under_it_is_read() {
    let text = "  <p>a line of html</p>\n".repeat(400_000);
    let yaml = page_with(&format!(
        "content: |\n{}",
        text.replace("  <p>", "        <p>")
    ));
    assert!(yaml.len() > 10_000_000);
    let tree = MapTree::of(&[("releases/a.yaml", &yaml)]);
    assert_eq!(load(&tree).findings.to_string(), "");
    let small = Loader::new(LoaderOptions {
        max_file_bytes: 10_000_000,
        ..LoaderOptions::default()
    })
    .unwrap();
    let found = small.load(&tree).unwrap().findings.to_string();
    insta::assert_snapshot!(found, @"
    releases/a.yaml: critical: the release file is 12000072 bytes long, over the limit of 10000000 [release-too-large]
      = split it, or move long texts into files of their own: `content: { file: … }`
    ");
}

#[test]
fn twenty_megabytes_are_the_limit() {
    let tree = MapTree::of(&[("releases/a.yaml", &"#".repeat(20 * 1024 * 1024 + 1))]);
    let found = load(&tree).findings.to_string();
    assert_eq!(ids(&found), ["release-too-large"]);
}

#[test]
fn content_over_magentos_limit_is_refused() {
    let yaml = page_with(&format!("content: {}", "x".repeat(16_777_216)));
    assert_eq!(ids(&findings(&yaml)), ["value-too-long"]);
}

#[test]
fn a_file_full_of_faults_is_told_in_a_hundred_findings() {
    let yaml: String = (0..5000).map(|i| format!("key{i}: x\n")).collect();
    let found = load(&MapTree::of(&[("releases/a.yaml", &yaml)])).findings;
    assert_eq!(found.0.len(), 101);
    assert_eq!(found.0[0].id, "too-many-findings");
    assert!(found.any_critical());
}

#[test]
fn all_release_files_together_are_limited() {
    let mut small = loader();
    small.max_total_bytes = 20_000;
    let yaml = page_with(&format!("content: {}", "x".repeat(5_000)));
    let other = yaml.replace("home", "other");
    let tree = MapTree::of(&[("releases/a.yaml", &yaml), ("releases/b.yaml", &other)]);
    assert_eq!(load(&tree).findings.to_string(), "");
    let loaded = small.load(&tree).unwrap();
    insta::assert_snapshot!(loaded.findings, @"
    releases/b.yaml: critical: with this file the release files of the tree exceed 20000 bytes [releases-too-large]
      = delete release files that later ones override
    ");
}

#[test]
fn names_are_one_line() {
    let tree = MapTree::of(&[("releases/a.yaml", "name: \"a\\n\\e[2Jb \"\nchanges: []\n")]);
    assert_eq!(load(&tree).names()["releases/a.yaml"], "a  [2Jb");
}

#[test]
fn byte_order_marks_and_windows_line_ends_are_fine() {
    let yaml = format!("\u{feff}{}", page_with("title: Ä").replace('\n', "\r\n"));
    assert_eq!(findings(&yaml), "");
    let wrong = format!(
        "\u{feff}nmae: x\r\n{}",
        page_with("titel: Ä").replace('\n', "\r\n")
    );
    insta::assert_snapshot!(findings(&wrong), @"
    releases/a.yaml:1:1: critical: unknown key `nmae` in the release file [unknown-key]
     1 | nmae: x
       | ^
      = did you mean `name`?

    releases/a.yaml:6:7: critical: unknown field `titel` of kind `cms_page` [unknown-field]
     6 |       titel: Ä
       |       ^
      = did you mean `title`?
    ");
}

#[test]
fn control_characters_are_kept() {
    let tree = MapTree::of(&[("releases/a.yaml", &page_with(r#"content: "a\0\v\tb""#))]);
    let loaded = load(&tree);
    assert_eq!(loaded.findings.to_string(), "");
    let entity = loaded.state.entities.values().next().unwrap();
    let content = FieldName::new("content").unwrap();
    assert_eq!(entity.fields[&content], json!("a\0\u{b}\tb"));
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut tree = MapTree::default();
    tree.set("releases/a.yaml", b"name: a\nd\xc3\xa9j\xe0: vu\n");
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/a.yaml:2:4: critical: the release file is not UTF-8 from byte 12 on [not-utf8]
     2 | déj
       |    ^
      = save it as UTF-8
    ");
}

#[test]
fn converted_tables_keep_four_byte_characters() {
    let tree = MapTree::of(&[("releases/a.yaml", &page_with("title: 😀"))]);
    assert_eq!(utf8mb4().load(&tree).unwrap().findings.to_string(), "");
}

#[test]
fn what_is_no_file_is_refused() {
    let mut tree = MapTree::default();
    tree.set_kind("releases/link.yaml", EntryKind::Symlink);
    tree.set_kind("releases/module.yaml", EntryKind::Submodule);
    tree.set("releases/b\u{fffd}d.yaml", "changes: []");
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/b�d.yaml: critical: the path `releases/b�d.yaml` is not UTF-8 [path-not-utf8]
      = rename the file

    releases/link.yaml: critical: `releases/link.yaml` matches the glob of release files but is a symbolic link, which is never followed [release-not-a-file]
      = commit the file itself

    releases/module.yaml: critical: `releases/module.yaml` matches the glob of release files but is a submodule, whose files are not in the commit [release-not-a-file]
      = commit the file itself
    ");
}

#[test]
fn the_glob_decides_what_a_release_file_is() {
    let loader = loader();
    for path in [
        "releases/a.yaml",
        "releases/a.yml",
        "releases/2026/11/a.yaml",
    ] {
        assert!(loader.is_release_file(path), "{path}");
    }
    for path in [
        "releases/a.YAML",
        "releases/README.md",
        "x/releases/a.yaml",
        "releases.yaml",
    ] {
        assert!(!loader.is_release_file(path), "{path}");
    }
    let flat = Loader::new(LoaderOptions {
        releases: "releases/*.yaml".to_owned(),
        ..LoaderOptions::default()
    })
    .unwrap();
    assert!(flat.is_release_file("releases/a.yaml"));
    assert!(!flat.is_release_file("releases/b/a.yaml"));
}

#[test]
fn bad_globs_are_refused() {
    let error = |glob: &str| {
        Loader::new(LoaderOptions {
            releases: glob.to_owned(),
            ..LoaderOptions::default()
        })
        .unwrap_err()
        .to_string()
    };
    insta::assert_snapshot!(
        ["", "/releases/*.yaml", "../*.yaml", "releases/[a.yaml", "a/{b.yaml"].map(error).join("\n"),
        @r#"
    bad glob "" of release files: it is empty; write one such as "releases/**/*.{yaml,yml}"
    bad glob "/releases/*.yaml" of release files: paths start at the repository's root, without `/`, `.` or `..`; write one such as "releases/**/*.{yaml,yml}"
    bad glob "../*.yaml" of release files: paths start at the repository's root, without `/`, `.` or `..`; write one such as "releases/**/*.{yaml,yml}"
    bad glob "releases/[a.yaml" of release files: unclosed character class; missing ']'; write one such as "releases/**/*.{yaml,yml}"
    bad glob "a/{b.yaml" of release files: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?); write one such as "releases/**/*.{yaml,yml}"
    "#
    );
}
