//! From one tree to the next: what is made of the tree before is what a loader reads that never saw it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MapTree, loader};
use crate::manifest::{EntryKind, Loaded, Tree, TreeChanges, TreeEntry, TreeError};

/// A tree that knows what came before it.
struct Step<'a> {
    before: &'a MapTree,
    after: &'a MapTree,
    number: usize,
}

impl Tree for Step<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        self.after.entries()
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        self.after.entry(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.after.read(path, limit)
    }

    fn id(&self) -> Option<String> {
        Some(self.number.to_string())
    }

    fn changes(&self, since: &str) -> Result<Option<TreeChanges>, TreeError> {
        if self.number == 0 || since != (self.number - 1).to_string() {
            return Ok(None);
        }
        let by_path = |tree: &MapTree| -> BTreeMap<String, TreeEntry> {
            let entries = tree.entries().into_iter().flatten();
            entries.map(|entry| (entry.path.clone(), entry)).collect()
        };
        let (was, is) = (by_path(self.before), by_path(self.after));
        let paths = was.keys().chain(is.keys());
        let changed = paths.filter(|path| was.get(*path) != is.get(*path));
        let changed = changed.map(|path| (path.clone(), is.get(path).cloned()));
        Ok(Some(changed.collect()))
    }
}

const PATHS: &[&str] = &[
    "releases/a.yaml",
    "releases/b.yaml",
    "releases/b/c.yaml",
    "releases/d.yml",
    "content/a.html",
    "content/b.html",
    "notes.md",
];

const CHANGES: &[&str] = &[
    "{ kind: cms_block, key: x, ensure: absent }",
    "{ kind: cms_block, key: x, fields: { title: A } }",
    "{ kind: cms_block, key: X, fields: { title: B, content: { file: content/a.html } } }",
    "{ kind: cms_block, key: x, store: de, fields: { title: C, content: { file: content/b.html } } }",
    "{ kind: product, key: LAMP, fields: { name: L, special_price: 3 } }",
    "{ kind: product, key: LAMP, store: de, fields: { name: D } }",
    "{ kind: product, key: LAMP, store: [de, fr], fields: { name: F } }",
    "{ kind: product, key: LAMP, ensure: absent }",
    "{ kind: base_price, key: LAMP, fields: { price: 5 } }",
    "{ kind: product, key: LAMP, fields: { price: 6 } }",
    "{ kind: cms_block, key: y, fields: { no_such: 1 } }",
    "not a change",
];

/// Returns what becomes of a path: `None`, it goes.
fn text() -> impl Strategy<Value = Option<String>> {
    let changes = proptest::collection::vec(proptest::sample::select(CHANGES.to_vec()), 0..4);
    let file = changes.prop_map(|changes| {
        let lines = changes.iter().map(|change| format!("  - {change}\n"));
        Some(format!(
            "name: some\nchanges:\n{}",
            lines.collect::<String>()
        ))
    });
    prop_oneof![2 => Just(None), 6 => file, 1 => Just(Some("\t: [".to_owned()))]
}

/// The paths of which two trees say something else.
fn differing(before: &Loaded, after: &Loaded) -> Vec<String> {
    let (was, is) = (&before.state.listed, &after.state.listed);
    let listed = was.keys().chain(is.keys());
    let listed = listed.filter(|path| was.get(*path) != is.get(*path));
    let files = before.files.keys().chain(after.files.keys());
    let files = files.filter(|path| before.files.get(*path) != after.files.get(*path));
    listed.chain(files).cloned().collect()
}

#[test]
fn nothing_goes_on_from_a_tree_that_was_too_large_to_be_read() {
    let block = |key: &str, text: &str| {
        format!("changes:\n  - {{ kind: cms_block, key: {key}, fields: {{ title: {text} }} }}\n")
    };
    let mut going_on = loader();
    going_on.max_total_bytes = 15_000;
    let (a, b, c) = (
        block("a", "A"),
        block("b", &"B".repeat(4000)),
        block("c", "C"),
    );
    let before = MapTree::of(&[
        ("releases/a.yaml", &a),
        ("releases/b.yaml", &b),
        ("releases/c.yaml", &c),
    ]);
    let after = MapTree::of(&[("releases/a.yaml", &a), ("releases/c.yaml", &c)]);
    let step = |number| Step {
        before: &before,
        after: if number == 0 { &before } else { &after },
        number,
    };
    let large = going_on.read(&step(0)).unwrap();
    assert!(large.findings.any_critical());
    let mended = going_on.read(&step(1)).unwrap();
    assert!(!mended.findings.any_critical());
    let keys: Vec<&str> = mended
        .state
        .entities
        .keys()
        .map(|e| e.key.as_str())
        .collect();
    assert_eq!(keys, ["a", "c"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_step_comes_to_what_a_fresh_look_comes_to(
        steps in proptest::collection::vec(
            proptest::collection::vec(
                (proptest::sample::select(PATHS.to_vec()), text(), 0_u8..12),
                1..4,
            ),
            1..8,
        )
    ) {
        let going_on = loader();
        let mut files: BTreeMap<&str, (Option<String>, u8)> = BTreeMap::new();
        let mut before = MapTree::default();
        let mut last: Option<Loaded> = None;
        for (number, step) in steps.into_iter().enumerate() {
            for (path, text, kind) in step {
                files.insert(path, (text, kind));
            }
            let mut after = MapTree::default();
            for (path, (text, kind)) in &files {
                match (text, kind) {
                    (None, _) => {}
                    (Some(_), 0) => after.set_kind(path, EntryKind::Submodule),
                    (Some(text), 1) => after.link(path, text),
                    (Some(text), _) => after.set(path, text),
                }
            }
            let tree = Step { before: &before, after: &after, number };
            let (stepped, fresh) = (going_on.load(&tree).unwrap(), loader().load(&after).unwrap());
            prop_assert_eq!(stepped.findings.to_string(), fresh.findings.to_string());
            prop_assert_eq!(&stepped.files, &fresh.files);
            prop_assert_eq!(stepped.names(), fresh.names());
            prop_assert_eq!(&stepped.state, &fresh.state);
            prop_assert_eq!(stepped.state.overridden(), fresh.state.overridden());
            if let Some(last) = &last {
                // What it says may differ is all that does.
                let told = last.state.changed_files(&stepped.state);
                prop_assert!(told.is_some());
                for path in differing(last, &stepped) {
                    prop_assert!(told.is_some_and(|told| told.contains(&path)), "{}", path);
                }
            }
            last = Some(stepped);
            before = after;
        }
    }
}
