//! What holds for all inputs.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{MapTree, load, loader};
use crate::manifest::{Loader, Tree, TreeEntry, TreeError};

/// The same tree, listed the other way round.
struct Reversed<'a>(&'a MapTree);

impl Tree for Reversed<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let mut entries = self.0.entries()?;
        entries.reverse();
        Ok(entries)
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        self.0.entry(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.0.read(path, limit)
    }
}

/// Pieces of release files, so that random texts come near to real ones.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "changes:\n",
        "  - ",
        "    ",
        "kind: cms_page\n",
        "kind: cms_block\n",
        "key: home\n",
        "key: Home\n",
        "store: [de, fr]\n",
        "store: all\n",
        "ensure: absent\n",
        "ensure: existing\n",
        "fields:\n",
        "      title: x\n",
        "      content: |\n        <p>😀\n",
        "      content: { file: content/a.html }\n",
        "      active: yes\n",
        "&a ",
        "*a ",
        "<<: *a\n",
        "---\n",
        "\t",
        "\r\n",
        "\u{feff}",
        "é",
        "schedule: { start: x }\n",
        "name: 5\n",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "? ",
        "!!str ",
        "\u{0}",
    ];
    prop_oneof![
        9 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// A change that parses.
fn change() -> impl Strategy<Value = String> {
    let rest = prop_oneof![
        Just("ensure: absent"),
        Just("fields: { title: A }"),
        Just("fields: { title: B, active: true }"),
        Just("fields: { content: { file: content/a.html } }"),
        Just("fields: { content: { file: content/gone.html } }"),
        Just("ensure: present, fields: { content: c }"),
        Just("ensure: existing, fields: { active: no }"),
    ];
    (
        prop_oneof!["x", "y"],
        prop_oneof![Just("all"), Just("de")],
        rest,
    )
        .prop_map(|(key, store, rest)| {
            format!("  - {{ kind: cms_block, key: {key}, store: {store}, {rest} }}\n")
        })
}

fn tree() -> impl Strategy<Value = MapTree> {
    let file = prop::collection::vec(change(), 0..3);
    let files = prop::collection::btree_map("[a-c]/?[a-c]", file, 0..5);
    (files, "[ab]{1,2}").prop_map(|(files, content)| {
        let mut tree = MapTree::of(&[("content/a.html", &content)]);
        for (name, changes) in files {
            let text = format!("changes:\n{}", changes.concat());
            tree.set(&format!("releases/{name}.yaml"), text);
        }
        tree
    })
}

/// Shared by all cases, so that its cache has seen much.
static WARM: LazyLock<Loader> = LazyLock::new(loader);

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut tree = MapTree::default();
        tree.set("releases/a.yaml", bytes);
        load(&tree);
    }

    #[test]
    fn any_text_is_read_and_its_findings_shown(pieces in prop::collection::vec(piece(), 0..30)) {
        let mut tree = MapTree::of(&[("content/a.html", "a")]);
        let text = pieces.concat();
        let lines = text.split(['\n', '\r']).count();
        tree.set("releases/a.yaml", text);
        for finding in load(&tree).findings.0 {
            prop_assert!(finding.origin.line as usize <= lines + 1);
            prop_assert!(!finding.message.is_empty() && !finding.to_string().is_empty());
        }
    }

    #[test]
    fn the_order_of_entries_does_not_matter(tree in tree()) {
        let forwards = load(&tree);
        let backwards = loader().load(&Reversed(&tree)).unwrap();
        prop_assert_eq!(forwards, backwards);
    }

    #[test]
    fn a_warm_cache_changes_nothing(tree in tree()) {
        let cold = load(&tree);
        let warm = WARM.load(&tree).unwrap();
        prop_assert_eq!(&cold, &warm);
        prop_assert_eq!(&cold, &WARM.load(&tree).unwrap());
    }

    #[test]
    fn every_desired_value_is_listed_by_a_file(tree in tree()) {
        let state = load(&tree).state;
        for slot in state.slots() {
            let value = state.get(&slot).unwrap();
            let listed = state.listed.values().any(|slots| {
                slots.get(&slot).is_some_and(|listed| listed.value == value)
            });
            prop_assert!(listed, "{} is listed nowhere", slot);
        }
    }
}

#[test]
fn an_unchanged_tree_is_not_read_again() {
    let mut tree = MapTree::of(&[
        ("content/a.html", "a"),
        (
            "releases/a.yaml",
            "changes:\n  - { kind: cms_block, key: x, fields: { content: { file: content/a.html } } }\n",
        ),
        ("releases/b.yaml", "changes: []\n"),
    ]);
    let loader = loader();
    let first = loader.load(&tree).unwrap();
    assert_eq!(tree.reads(), 3);
    assert_eq!(loader.load(&tree).unwrap(), first);
    assert_eq!(tree.reads(), 3);
    tree.set("content/a.html", "b");
    assert_ne!(loader.load(&tree).unwrap().state, first.state);
    assert_eq!(tree.reads(), 4);
}
