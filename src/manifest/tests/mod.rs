//! A tree in memory, and what the tests of the whole module share.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod examples;
mod findings;
mod folding;
mod left_out;
mod limits;
mod on_disk;
mod properties;
mod references;
mod rows;
mod spellings;
mod steps;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::{EntryKind, Loaded, Loader, LoaderOptions, Tree, TreeEntry, TreeError};
use crate::domain::kinds::Charset;

/// A tree in memory that counts its reads.
#[derive(Debug, Default)]
pub(super) struct MapTree {
    files: BTreeMap<String, (TreeEntry, Vec<u8>)>,
    reads: AtomicUsize,
}

impl MapTree {
    fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.set(path, text);
        }
        tree
    }

    fn set(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.put(path, EntryKind::File, bytes.as_ref());
    }

    fn set_kind(&mut self, path: &str, kind: EntryKind) {
        self.put(path, kind, &[]);
    }

    fn link(&mut self, path: &str, target: &str) {
        self.put(path, EntryKind::Symlink, target.as_bytes());
    }

    fn put(&mut self, path: &str, kind: EntryKind, bytes: &[u8]) {
        let entry = TreeEntry {
            path: path.to_owned(),
            kind,
            id: format!("{:x?}", Sha256::digest(bytes)),
        };
        self.files.insert(path.to_owned(), (entry, bytes.to_vec()));
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Tree for MapTree {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        Ok(self
            .files
            .values()
            .map(|(entry, _)| entry.clone())
            .collect())
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        Ok(self.files.get(path).map(|(entry, _)| entry.clone()))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let Some((entry, bytes)) = self.files.get(path) else {
            return Err(TreeError::NotFound);
        };
        let length = bytes.len() as u64;
        match entry.kind {
            EntryKind::Submodule => Err(TreeError::NotFound),
            EntryKind::File | EntryKind::Symlink if length <= limit => Ok(bytes.clone()),
            EntryKind::File | EntryKind::Symlink => Err(TreeError::TooLarge {
                bytes: length,
                limit,
            }),
        }
    }
}

fn loader() -> Loader {
    Loader::new(LoaderOptions::default()).unwrap()
}

fn load(tree: &MapTree) -> Loaded {
    loader().load(tree).unwrap()
}

/// The findings of one file `releases/a.yaml`, as they are shown.
fn findings(yaml: &str) -> String {
    load(&MapTree::of(&[("releases/a.yaml", yaml)]))
        .findings
        .to_string()
}

/// The findings of one field of a page.
fn field_findings(line: &str) -> String {
    findings(&page_with(line))
}

fn page_with(line: &str) -> String {
    format!("changes:\n  - kind: cms_page\n    key: home\n    fields:\n      {line}\n")
}

fn utf8mb4() -> Loader {
    Loader::new(LoaderOptions {
        charset: Charset::Utf8mb4,
        ..LoaderOptions::default()
    })
    .unwrap()
}
