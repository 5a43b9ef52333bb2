//! From a tree to the desired state and every finding of every release file.

mod files;
mod listing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use files::FileReader;
use listing::Listing;

use super::across;
use super::glob::{self, BadGlob, ReleaseGlob};
use super::left_out::{LeftOut, paths_below};
use super::loaded::{Loaded, Parsed};
use super::report::about_file;
use super::tree::{Tree, TreeChanges, TreeEntry, TreeError};
use crate::domain::Finding;
use crate::domain::kinds::Charset;

/// The weight of the parsed files that are kept between loads, in bytes of their texts.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;
/// The weight that all release files of a tree may have together: all of it is in memory at once.
const MAX_TOTAL_BYTES: u64 = 512 * 1024 * 1024;
/// So many trees are kept to go on from. They share what is the same in them.
const RECENT: usize = 4;

/// The files that a loader reads, and what it checks them against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// The glob of release files: `*` stays within a directory, `**` does not.
    pub releases: String,
    /// The character set of the shop's tables.
    pub charset: Charset,
    /// The size over which a release file is refused, in bytes.
    pub max_file_bytes: u64,
}

impl Default for LoaderOptions {
    fn default() -> Self {
        Self {
            releases: glob::DEFAULT.to_owned(),
            charset: Charset::default(),
            max_file_bytes: 20 * 1024 * 1024,
        }
    }
}

/// Reads release files. Parsed versions are kept, bounded, so that walking many commits parses each
/// version of a file once; it may be shared between threads.
pub struct Loader {
    options: LoaderOptions,
    pub(super) glob: ReleaseGlob,
    /// Of the other environments.
    pub(super) others: Vec<ReleaseGlob>,
    files: FileReader,
    /// What was read last, newest last, each with the id of its tree: the next one is made of it.
    recent: Mutex<VecDeque<(String, Loaded)>>,
    pub(super) max_total_bytes: u64,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Loader {
    /// A loader with an empty cache.
    ///
    /// # Errors
    /// Fails when the glob is no glob, or one that cannot match a path of a tree.
    pub fn new(options: LoaderOptions) -> Result<Self, BadGlob> {
        let glob = ReleaseGlob::new(&options.releases)?;
        Ok(Self {
            files: FileReader::new(&options),
            options,
            glob,
            others: Vec::new(),
            recent: Mutex::default(),
            max_total_bytes: MAX_TOTAL_BYTES,
        })
    }

    /// Names the globs of other environments of the repository: what one of them takes is not reported
    /// as left out by this one.
    ///
    /// # Errors
    /// Fails when one of them is no glob.
    pub fn beside<'a>(
        mut self,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadGlob> {
        let others = others.into_iter().map(ReleaseGlob::new);
        self.others = others.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// True if a path of a tree is one of a release file.
    pub fn is_release_file(&self, path: &str) -> bool {
        self.glob.is_match(path)
    }

    /// The glob of release files.
    pub fn releases(&self) -> &str {
        self.glob.as_str()
    }

    /// Reads every release file of a tree, and tells what is to be noticed of the tree as a whole.
    ///
    /// # Errors
    /// [`TreeError::Unreadable`] when the tree itself cannot be read. What is wrong with a release
    /// file is a finding, never an error.
    pub fn load(&self, tree: &dyn Tree) -> Result<Loaded, TreeError> {
        let mut loaded = self.read(tree)?;
        self.survey(tree, &mut loaded)?;
        Ok(loaded)
    }

    /// Reads every release file of a tree: those that changed since a tree of the same repository that
    /// was read lately. All critical findings are told, and the warnings of single files.
    ///
    /// # Errors
    /// As of [`Self::load`].
    pub fn read(&self, tree: &dyn Tree) -> Result<Loaded, TreeError> {
        let Some(id) = tree.id() else {
            return self.read_all(tree);
        };
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent.iter().find(|(known, _)| *known == id);
        if let Some((_, known)) = known {
            return Ok(known.clone());
        }
        let newest_first: Vec<(String, Loaded)> = recent.iter().rev().cloned().collect();
        drop(recent);
        let mut loaded = None;
        for (since, before) in newest_first {
            // A tree that cannot be read any more does not stand in the way of the next one.
            if let Ok(Some(changes)) = tree.changes(&since) {
                loaded = self.follow(&before, changes, tree)?;
                break;
            }
        }
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => self.read_all(tree)?,
        };
        if !loaded.is_partial() {
            self.keep(id, loaded.clone());
        }
        Ok(loaded)
    }

    fn keep(&self, id: String, loaded: Loaded) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back((id, loaded));
        let weight = |recent: &VecDeque<(String, Loaded)>| {
            let weights = recent.iter().map(|(_, loaded)| loaded.weight());
            weights.sum::<u64>()
        };
        while recent.len() > RECENT || (recent.len() > 1 && weight(&recent) > CACHE_BYTES) {
            recent.pop_front();
        }
    }

    /// Adds what is to be noticed of the tree as a whole, which makes no commit invalid.
    ///
    /// # Errors
    /// As of [`Self::load`].
    pub fn survey(&self, tree: &dyn Tree, loaded: &mut Loaded) -> Result<(), TreeError> {
        let mut entries = tree.entries()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let left_out = LeftOut {
            glob: &self.glob,
            others: &self.others,
            entries: &entries,
            tree,
            paths_below: &|folder| paths_below(&entries, folder),
            is_used: &|path| loaded.files.contains_key(path),
        };
        let mut findings = left_out.findings();
        if loaded.files.is_empty() && (!findings.is_empty() || left_out.any_files()) {
            findings.push(left_out.no_release_files(None));
        }
        findings.extend(across::warnings(&loaded.state));
        loaded.findings.0.extend(findings);
        loaded.findings.sort();
        Ok(())
    }

    fn read_all(&self, tree: &dyn Tree) -> Result<Loaded, TreeError> {
        let mut entries = tree.entries()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.read_where(tree, &entries, &|path| self.is_release_file(path))
    }

    /// Reads those release files of a tree that a caller chooses; `entries` are sorted.
    pub(super) fn read_where(
        &self,
        tree: &dyn Tree,
        entries: &[TreeEntry],
        chosen: &dyn Fn(&str) -> bool,
    ) -> Result<Loaded, TreeError> {
        let listing = Listing::of(tree, entries);
        let mut files = BTreeMap::new();
        let mut total = 0;
        for entry in entries.iter().filter(|entry| chosen(&entry.path)) {
            let mut parsed = self.files.load(entry, &listing)?;
            total += parsed.weight;
            let is_too_much = total > self.max_total_bytes;
            if is_too_much {
                parsed = Arc::new(Parsed::refused(self.too_much(&entry.path), 0));
            }
            files.insert(entry.path.clone(), Some((entry.id.clone(), parsed)));
            if is_too_much {
                break;
            }
        }
        let mut loaded = Loaded::default();
        loaded.put(files);
        if total > self.max_total_bytes {
            loaded.note_partial();
        }
        Ok(loaded)
    }

    /// Goes on from another tree by what changed since; `None` where all has to be read.
    fn follow(
        &self,
        before: &Loaded,
        changes: TreeChanges,
        tree: &dyn Tree,
    ) -> Result<Option<Loaded>, TreeError> {
        if changes.iter().any(|(path, _)| path.contains('\u{fffd}')) {
            // Such a path may be that of several entries.
            return Ok(None);
        }
        let mut changed: BTreeSet<String> = BTreeSet::new();
        let mut again: BTreeSet<String> = before.unresolved().cloned().collect();
        for (path, _) in &changes {
            let is_release_file = self.is_release_file(path);
            if is_release_file {
                again.insert(path.clone());
            }
            again.extend(before.referrers(path).cloned());
            if is_release_file || before.files.contains_key(path) {
                changed.insert(path.clone());
            }
        }
        let mut known: BTreeMap<String, Option<TreeEntry>> = changes.into_iter().collect();
        let listing = Listing::lazy(tree);
        let mut files = BTreeMap::new();
        let mut total = before.weight();
        for path in again {
            let entry = match known.remove(&path) {
                Some(entry) => entry,
                None => tree.entry(&path)?,
            };
            let file = match entry {
                Some(entry) => Some((entry.id.clone(), self.files.load(&entry, &listing)?)),
                None => None,
            };
            total += file.as_ref().map_or(0, |(_, parsed)| parsed.weight);
            if total > self.max_total_bytes {
                // Which file is one too many shows when all are counted.
                return Ok(None);
            }
            // What it does not refer to any more is read no more.
            changed.extend(before.refs(&path).cloned());
            changed.insert(path.clone());
            files.insert(path, file);
        }
        changed.extend(
            files
                .values()
                .flatten()
                .flat_map(|(_, parsed)| parsed.refs.keys().cloned()),
        );
        let mut loaded = before.clone();
        loaded.state = loaded.state.descended(changed);
        loaded.put(files);
        Ok(Some(loaded))
    }

    fn too_much(&self, path: &str) -> Finding {
        about_file(
            path,
            "releases-too-large",
            format!(
                "with this file the release files of the tree exceed {} bytes",
                self.max_total_bytes
            ),
            "delete release files that later ones override",
        )
    }
}
