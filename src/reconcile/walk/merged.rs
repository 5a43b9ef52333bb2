//! The tree that a merge comes to, without making it.

use std::collections::BTreeMap;

use crate::manifest::{Tree, TreeEntry, TreeError};
use crate::reconcile::error::PassError;

/// The files of one commit, with what another one changes since a third laid over them.
pub(super) struct Merged {
    ours: Box<dyn Tree>,
    theirs: Box<dyn Tree>,
    changed: BTreeMap<String, Option<TreeEntry>>,
}

impl Merged {
    pub(super) fn new(
        base: &dyn Tree,
        ours: Box<dyn Tree>,
        theirs: Box<dyn Tree>,
    ) -> Result<Self, PassError> {
        let by_path = |entries: Vec<TreeEntry>| -> BTreeMap<String, TreeEntry> {
            entries
                .into_iter()
                .map(|entry| (entry.path.clone(), entry))
                .collect()
        };
        let (was, is) = (by_path(base.entries()?), by_path(theirs.entries()?));
        let paths = was.keys().chain(is.keys());
        let changed = paths.filter(|path| was.get(*path) != is.get(*path));
        let changed = changed
            .map(|path| (path.clone(), is.get(path).cloned()))
            .collect();
        Ok(Self {
            ours,
            theirs,
            changed,
        })
    }
}

impl Tree for Merged {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let mut entries = self.ours.entries()?;
        entries.retain(|entry| !self.changed.contains_key(&entry.path));
        entries.extend(self.changed.values().flatten().cloned());
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        match self.changed.get(path) {
            Some(entry) => Ok(entry.clone()),
            None => self.ours.entry(path),
        }
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        match self.changed.get(path) {
            Some(Some(_)) => self.theirs.read(path, limit),
            Some(None) => Err(TreeError::NotFound),
            None => self.ours.read(path, limit),
        }
    }
}
