//! The entries of one tree.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::manifest::tree::{Tree, TreeEntry, TreeError};

/// The entries of a tree, listed when they are asked for.
pub(super) struct Listing<'a> {
    pub(super) tree: &'a dyn Tree,
    entries: OnceCell<Cow<'a, [TreeEntry]>>,
}

impl<'a> Listing<'a> {
    /// `entries` are sorted.
    pub(super) fn of(tree: &'a dyn Tree, entries: &'a [TreeEntry]) -> Self {
        Self {
            tree,
            entries: OnceCell::from(Cow::Borrowed(entries)),
        }
    }

    pub(super) fn lazy(tree: &'a dyn Tree) -> Self {
        Self {
            tree,
            entries: OnceCell::new(),
        }
    }

    pub(super) fn all(&self) -> Result<&[TreeEntry], TreeError> {
        if let Some(entries) = self.entries.get() {
            return Ok(entries);
        }
        let mut entries = self.tree.entries()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.entries.get_or_init(|| Cow::Owned(entries)))
    }

    pub(super) fn find(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        let listed = self.entries.get().map_or(&[][..], |entries| entries);
        match listed.binary_search_by(|entry| entry.path.as_str().cmp(path)) {
            Ok(at) => Ok(listed.get(at).cloned()),
            // Not every tree lists all that it can read.
            Err(_) => self.tree.entry(path),
        }
    }
}
