//! `{ file: … }`: what is taken as it is, and what is refused.

use serde_json::json;

use super::{MapTree, load, page_with};
use crate::domain::FieldName;
use crate::manifest::EntryKind;

/// A page whose content is a file, beside some entries that are no good.
fn tree(path: &str) -> MapTree {
    let mut tree = MapTree::of(&[("content/home.html", "<h1>Hi</h1>")]);
    tree.set_kind("content/link.html", EntryKind::Symlink);
    tree.set_kind("content/linked", EntryKind::Symlink);
    tree.set_kind("content/module", EntryKind::Submodule);
    tree.set("content/latin.html", b"ok\nd\xe9j\xe0 vu");
    tree.set("content/emoji.html", "a\nb 🎉");
    tree.set(
        "content/lfs.html",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    );
    tree.set(
        "releases/a.yaml",
        page_with(&format!("content: {{ file: '{path}' }}")),
    );
    tree
}

fn findings(path: &str) -> String {
    load(&tree(path)).findings.to_string()
}

#[test]
fn the_bytes_of_the_file_are_the_value() {
    let mut tree = tree("content/home.html");
    let text = "\u{feff}a\r\n\tb\u{b}\u{0} \n\n";
    tree.set("content/home.html", text);
    let loaded = load(&tree);
    assert_eq!(loaded.findings.to_string(), "");
    let entity = loaded.state.entities.values().next().unwrap();
    let content = FieldName::new("content").unwrap();
    assert_eq!(entity.fields[&content], json!(text));
    let files: Vec<&String> = loaded.files.keys().collect();
    assert_eq!(files, ["content/home.html", "releases/a.yaml"]);
}

#[test]
fn the_longest_content_is_accepted() {
    let mut tree = tree("content/huge.html");
    tree.set("content/huge.html", vec![b'x'; 16_777_215]);
    assert_eq!(load(&tree).findings.to_string(), "");
}

#[test]
fn a_title_from_a_file_is_checked_as_a_title() {
    let mut tree = MapTree::of(&[("t.txt", &"x".repeat(256))]);
    tree.set("releases/a.yaml", page_with("title: { file: t.txt }"));
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/a.yaml:5:22: critical: `title` has 256 characters; Magento keeps the first 255 and drops the rest without a word (t.txt) [value-too-long]
     5 |       title: { file: t.txt }
       |                      ^
      = shorten it to 255 characters
    ");
}

#[test]
fn missing_file() {
    insta::assert_snapshot!(findings("content/hmoe.html"), @"
    releases/a.yaml:5:24: critical: no file `content/hmoe.html` in the commit [file-missing]
     5 |       content: { file: 'content/hmoe.html' }
       |                        ^
      = did you mean `content/home.html`?
    ");
}

#[test]
fn missing_file_of_a_known_name() {
    insta::assert_snapshot!(findings("home.html"), @"
    releases/a.yaml:5:24: critical: no file `home.html` in the commit [file-missing]
     5 |       content: { file: 'home.html' }
       |                        ^
      = did you mean `content/home.html`?
    ");
}

#[test]
fn missing_file_unlike_any() {
    insta::assert_snapshot!(findings("zzz/q.txt"), @"
    releases/a.yaml:5:24: critical: no file `zzz/q.txt` in the commit [file-missing]
     5 |       content: { file: 'zzz/q.txt' }
       |                        ^
      = commit the file too; paths start at the repository's root
    ");
}

#[test]
fn directory() {
    insta::assert_snapshot!(findings("content"), @"
    releases/a.yaml:5:24: critical: `content` is a directory [file-is-directory]
     5 |       content: { file: 'content' }
       |                        ^
      = name one file, such as `content/emoji.html`
    ");
}

#[test]
fn symlink() {
    insta::assert_snapshot!(findings("content/link.html"), @"
    releases/a.yaml:5:24: critical: `content/link.html` is a symbolic link, which is never followed [file-symlink]
     5 |       content: { file: 'content/link.html' }
       |                        ^
      = name the file itself
    ");
}

#[test]
fn below_a_symlink() {
    insta::assert_snapshot!(findings("content/linked/a.html"), @"
    releases/a.yaml:5:24: critical: `content/linked` is a symbolic link, which is never followed [file-symlink]
     5 |       content: { file: 'content/linked/a.html' }
       |                        ^
      = name the file itself
    ");
}

#[test]
fn below_a_submodule() {
    insta::assert_snapshot!(findings("content/module/a.html"), @"
    releases/a.yaml:5:24: critical: `content/module` is a submodule, whose files are not in the commit [file-in-submodule]
     5 |       content: { file: 'content/module/a.html' }
       |                        ^
      = commit the file itself to this repository
    ");
}

#[test]
fn out_of_the_repository() {
    insta::assert_snapshot!(findings("../secret"), @"
    releases/a.yaml:5:24: critical: path `../secret` could leave the repository [file-outside]
     5 |       content: { file: '../secret' }
       |                        ^
      = write the path from the repository's root, such as content/home.html
    ");
}

#[test]
fn absolute() {
    insta::assert_snapshot!(findings("/etc/passwd"), @"
    releases/a.yaml:5:24: critical: path `/etc/passwd` is absolute [file-outside]
     5 |       content: { file: '/etc/passwd' }
       |                        ^
      = write the path from the repository's root, such as content/home.html
    ");
}

#[test]
fn dotted() {
    insta::assert_snapshot!(findings("./content//home.html"), @"
    releases/a.yaml:5:24: critical: path `./content//home.html` holds an empty part or `.` [file-bad-path]
     5 |       content: { file: './content//home.html' }
       |                        ^
      = write `content/home.html`
    ");
}

#[test]
fn backslashes() {
    insta::assert_snapshot!(findings(r"content\home.html"), @r"
    releases/a.yaml:5:24: critical: path `content\home.html` holds a backslash [file-bad-path]
     5 |       content: { file: 'content\home.html' }
       |                        ^
      = write `content/home.html`
    ");
}

#[test]
fn empty_path() {
    insta::assert_snapshot!(findings(""), @"
    releases/a.yaml:5:24: critical: path `` is empty [file-bad-path]
     5 |       content: { file: '' }
       |                        ^
      = write the path from the repository's root, such as content/home.html
    ");
}

#[test]
fn pointer_of_git_lfs() {
    insta::assert_snapshot!(findings("content/lfs.html"), @"
    releases/a.yaml:5:24: critical: file `content/lfs.html` is a Git LFS pointer; its content is not in the commit [lfs-pointer]
     5 |       content: { file: 'content/lfs.html' }
       |                        ^
      = take the path out of .gitattributes and commit the file itself
    ");
}

#[test]
fn not_utf8() {
    insta::assert_snapshot!(findings("content/latin.html"), @"
    releases/a.yaml:5:24: critical: file `content/latin.html` is not UTF-8 in line 2 (byte 4) [file-not-utf8]
     5 |       content: { file: 'content/latin.html' }
       |                        ^
      = save it as UTF-8
    ");
}

#[test]
fn four_byte_character() {
    insta::assert_snapshot!(findings("content/emoji.html"), @"
    releases/a.yaml:5:24: critical: `content` holds 🎉 (U+1F389) in line 2 of its text; Magento's tables turn four-byte characters into `????` (content/emoji.html) [value-four-byte]
     5 |       content: { file: 'content/emoji.html' }
       |                        ^
      = write `&#127881;` instead, or set `charset: utf8mb4` where the shop's tables were converted
    ");
}

#[test]
fn one_large_file_cannot_be_named_a_thousand_times() {
    let change = |i| {
        format!(
            "  - {{ kind: cms_block, key: b{i}, fields: {{ content: {{ file: big.html }} }} }}\n"
        )
    };
    let changes: String = (0..1000).map(change).collect();
    let mut tree = MapTree::of(&[("big.html", &"x".repeat(16_000_000))]);
    tree.set("releases/a.yaml", format!("changes:\n{changes}"));
    let found = load(&tree).findings;
    assert_eq!(found.0.len(), 101);
    assert_eq!(found.0[0].id, "too-many-findings");
    insta::assert_snapshot!(found.0[1], @"
    releases/a.yaml:6:60: critical: with file `big.html` the values of this release file exceed 67108864 bytes [content-too-large]
     6 |   - { kind: cms_block, key: b4, fields: { content: { file: big.html } } }
       |                                                            ^
      = split the release file
    ");
}

#[test]
fn too_large() {
    let mut tree = tree("content/huge.html");
    tree.set("content/huge.html", vec![b'x'; 16_777_216]);
    insta::assert_snapshot!(load(&tree).findings, @"
    releases/a.yaml:5:24: critical: file `content/huge.html` is 16777216 bytes long; Magento keeps 16777215 [file-too-large]
     5 |       content: { file: 'content/huge.html' }
       |                        ^
      = shorten it to 16777215 bytes
    ");
}
