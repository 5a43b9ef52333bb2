//! The content of the release files of one tree, file by file, so that the next tree's is made of it
//! by the files that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use super::file::ReleaseFile;
use super::prices::{Prices, is_price};
use super::{across, fold};
use crate::domain::{DesiredState, EntityRef, FileListing, Finding, Findings};

/// All that the release files of one tree say.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// What parsed, folded. Not to be used when a finding is critical.
    pub state: DesiredState,
    /// What is wrong, in all files, and what looks like a release file and is left out.
    pub findings: Findings,
    /// Path to entry id of every release file and of every file that one refers to.
    pub files: RedBlackTreeMapSync<String, String>,
    parts: Parts,
}

/// The release files one by one, and where each thing is said.
#[derive(Debug, Clone, Default)]
struct Parts {
    parsed: RedBlackTreeMapSync<String, Arc<Parsed>>,
    /// The files that say something of an entity or of its views.
    mentions: RedBlackTreeMapSync<EntityRef, Arc<BTreeSet<String>>>,
    /// The release files that refer to a file, whether it is there or not.
    referrers: RedBlackTreeMapSync<String, Arc<BTreeSet<String>>>,
    /// The release files with findings.
    flawed: RedBlackTreeMapSync<String, ()>,
    prices: Prices,
    weight: u64,
    /// True if the files are too large together, so that not all were read.
    is_partial: bool,
}

/// One version of a release file, with the texts of the files that it refers to.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) file: ReleaseFile,
    pub(super) findings: Vec<Finding>,
    /// Of the release file and all that stands in for it.
    pub(super) weight: u64,
    /// The files that it refers to, each with the id of its entry; `None` where there is none.
    pub(super) refs: BTreeMap<String, Option<String>>,
    listing: FileListing,
    /// The changes of each entity and of its views, as they stand in the file.
    families: BTreeMap<EntityRef, Vec<usize>>,
}

impl Parsed {
    pub(super) fn new(
        path: &str,
        file: ReleaseFile,
        findings: Vec<Finding>,
        weight: u64,
        refs: BTreeMap<String, Option<String>>,
    ) -> Self {
        let mut families: BTreeMap<EntityRef, Vec<usize>> = BTreeMap::new();
        for (at, change) in file.changes.iter().enumerate() {
            families.entry(change.entity.root()).or_default().push(at);
        }
        Self {
            listing: Arc::new(fold::listing(path, &file.changes)),
            file,
            findings,
            weight,
            refs,
            families,
        }
    }

    /// A file that is not read, and why.
    pub(super) fn refused(finding: Finding, weight: u64) -> Self {
        Self {
            findings: vec![finding],
            weight,
            ..Self::default()
        }
    }
}

impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            state,
            findings,
            files,
            parts: _,
        } = self;
        *state == other.state && *findings == other.findings && *files == other.files
    }
}

impl Loaded {
    /// Path to `name:` of every release file that has one.
    pub fn names(&self) -> BTreeMap<&str, &str> {
        let parsed = self.parts.parsed.iter();
        let names = parsed.filter_map(|(path, parsed)| {
            let name = parsed.file.name.as_deref()?;
            Some((path.as_str(), name))
        });
        names.collect()
    }

    /// The release files that have to be looked at again when this path changes.
    pub(super) fn referrers(&self, path: &str) -> impl Iterator<Item = &String> {
        let referrers = self.parts.referrers.get(path);
        referrers.into_iter().flat_map(|files| files.iter())
    }

    /// The release files that refer to something that is not there: it may lie elsewhere in the next
    /// tree, which the finding tells.
    pub(super) fn unresolved(&self) -> impl Iterator<Item = &String> {
        let flawed = self.parts.flawed.keys();
        flawed.filter(|path| {
            let parsed = self.parts.parsed.get(*path);
            parsed.is_some_and(|parsed| !parsed.refs.is_empty())
        })
    }

    /// The files that a release file refers to.
    pub(super) fn refs(&self, path: &str) -> impl Iterator<Item = &String> {
        let parsed = self.parts.parsed.get(path).into_iter();
        parsed.flat_map(|parsed| parsed.refs.keys())
    }

    /// Notes that not all files were read: nothing can go on from here.
    pub(super) fn note_partial(&mut self) {
        self.parts.is_partial = true;
    }

    /// True if not all files were read.
    pub(super) fn is_partial(&self) -> bool {
        self.parts.is_partial
    }

    /// Returns what all files weigh together.
    pub(super) fn weight(&self) -> u64 {
        self.parts.weight
    }

    /// Puts versions of release files in place of those that were there; `None` takes one away. The
    /// findings are those of the files, and the critical ones of all of them together.
    pub(super) fn put(&mut self, files: BTreeMap<String, Option<(String, Arc<Parsed>)>>) {
        // With each family the members of it that a file named so far.
        let mut families: BTreeMap<EntityRef, BTreeSet<EntityRef>> = BTreeMap::new();
        for (path, file) in files {
            if let Some(gone) = self.parts.parsed.get(&path).cloned() {
                for (root, at) in &gone.families {
                    let members = at.iter().map(|at| gone.file.changes[*at].entity.clone());
                    families.entry(root.clone()).or_default().extend(members);
                }
                self.take_out(&path, &gone);
            }
            if let Some((id, parsed)) = file {
                for root in parsed.families.keys() {
                    families.entry(root.clone()).or_default();
                }
                self.put_in(path, id, parsed);
            }
        }
        for (root, named) in families {
            self.fold(&root, named);
        }
        let flawed = self.parts.flawed.keys();
        let flawed = flawed.filter_map(|path| self.parts.parsed.get(path));
        self.findings = Findings::default();
        let own = flawed.flat_map(|parsed| parsed.findings.iter().cloned());
        self.findings.0.extend(own);
        self.findings
            .0
            .extend(across::errors(&self.state, &self.parts.prices));
        self.findings.sort();
    }

    fn take_out(&mut self, path: &str, parsed: &Parsed) {
        let parts = &mut self.parts;
        parts.parsed.remove_mut(path);
        parts.flawed.remove_mut(path);
        parts.weight -= parsed.weight;
        self.state.listed.remove_mut(path);
        for root in parsed.families.keys() {
            without(&mut parts.mentions, root, path);
        }
        self.files.remove_mut(path);
        for to in parsed.refs.keys() {
            without(&mut parts.referrers, to, path);
            if !parts.referrers.contains_key(to) && !parts.parsed.contains_key(to) {
                self.files.remove_mut(to);
            }
        }
    }

    fn put_in(&mut self, path: String, id: String, parsed: Arc<Parsed>) {
        let parts = &mut self.parts;
        for root in parsed.families.keys() {
            with(&mut parts.mentions, root, &path);
        }
        for (to, entry) in &parsed.refs {
            with(&mut parts.referrers, to, &path);
            match entry {
                Some(id) => self.files.insert_mut(to.clone(), id.clone()),
                None => drop(self.files.remove_mut(to)),
            }
        }
        if !parsed.findings.is_empty() {
            parts.flawed.insert_mut(path.clone(), ());
        }
        if !parsed.file.changes.is_empty() {
            let listing = parsed.listing.clone();
            self.state.listed.insert_mut(path.clone(), listing);
        }
        parts.weight += parsed.weight;
        self.files.insert_mut(path.clone(), id);
        parts.parsed.insert_mut(path, parsed);
    }

    /// Folds an entity and its views anew. `named`: those of them that a file named which is gone.
    fn fold(&mut self, root: &EntityRef, mut named: BTreeSet<EntityRef>) {
        let parts = &self.parts;
        let paths = parts.mentions.get(root).into_iter();
        let paths = paths.flat_map(|paths| paths.iter());
        let changes = paths.flat_map(|path| {
            let parsed = parts.parsed.get(path);
            parsed.into_iter().flat_map(move |parsed| {
                let at = parsed.families.get(root).into_iter().flatten();
                at.map(move |at| (path.as_str(), &parsed.file.changes[*at]))
            })
        });
        let changes: Vec<_> = changes.collect();
        named.extend(changes.iter().map(|(_, change)| change.entity.clone()));
        let mut folded = fold::family(changes.into_iter());
        for entity in named {
            if is_price(&entity) {
                match folded.contains_key(&entity) {
                    true => self.parts.prices.insert_mut(entity.clone(), ()),
                    false => drop(self.parts.prices.remove_mut(&entity)),
                }
            }
            match folded.remove(&entity) {
                Some(desired) => {
                    let known = self.state.entities.get(&entity);
                    if known.is_none_or(|known| **known != desired) {
                        self.state.entities.insert_mut(entity, Arc::new(desired));
                    }
                }
                None => drop(self.state.entities.remove_mut(&entity)),
            }
        }
    }
}

type Index<K> = RedBlackTreeMapSync<K, Arc<BTreeSet<String>>>;

fn with<K: Ord + Clone>(index: &mut Index<K>, key: &K, path: &str) {
    let mut paths = index.get(key).cloned().unwrap_or_default();
    Arc::make_mut(&mut paths).insert(path.to_owned());
    index.insert_mut(key.clone(), paths);
}

fn without<K: Ord + Clone>(index: &mut Index<K>, key: &K, path: &str) {
    let Some(mut paths) = index.get(key).cloned() else {
        return;
    };
    Arc::make_mut(&mut paths).remove(path);
    match paths.is_empty() {
        true => drop(index.remove_mut(key)),
        false => index.insert_mut(key.clone(), paths),
    }
}
