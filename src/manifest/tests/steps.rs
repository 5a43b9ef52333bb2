//! From one tree to the next: what is made of the tree before is what a loader reads that never saw it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MapTree, loader};
use crate::domain::DesiredState;
use crate::manifest::{EntryKind, Tree, TreeChanges, TreeEntry, TreeError};

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

/// What becomes of a path: `None`, it goes.
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

fn same_files(before: &DesiredState, after: &DesiredState) -> Vec<String> {
    let paths = before.listed.keys().chain(after.listed.keys());
    let differ = paths.filter(|path| before.listed.get(*path) != after.listed.get(*path));
    differ.cloned().collect()
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
        let mut last: Option<DesiredState> = None;
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
                let told = last.changed_files(&stepped.state);
                prop_assert!(told.is_some());
                for path in same_files(last, &stepped.state) {
                    prop_assert!(told.is_some_and(|told| told.contains(&path)), "{}", path);
                }
            }
            last = Some(stepped.state);
            before = after;
        }
    }
}
