//! From a tree to the desired state and every finding of every release file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::Cache;
use super::change::Change;
use super::file::{self, ReleaseFile};
use super::glob::{self, BadGlob, ReleaseGlob};
use super::left_out::{LeftOut, paths_below};
use super::report::{about_file, origin, quote};
use super::source::{Place, Source};
use super::tree::{EntryKind, Tree, TreeEntry, TreeError};
use super::{across, content, fold};
use crate::domain::kinds::Charset;
use crate::domain::{DesiredState, Finding, Findings, Severity};

/// How much of parsed files is kept between loads, in bytes of their texts.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;
/// What all release files of a tree may weigh together: all of it is in memory at once.
const MAX_TOTAL_BYTES: u64 = 512 * 1024 * 1024;
/// What a parsed file weighs beyond its text.
const BASE_WEIGHT: u64 = 4096;

/// What a loader reads, and what it checks against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The glob of release files: `*` stays within a directory, `**` does not.
    pub releases: String,
    /// The character set of the shop's tables.
    pub charset: Charset,
    /// The size over which a release file is refused, in bytes.
    pub max_file_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            releases: glob::DEFAULT.to_owned(),
            charset: Charset::default(),
            max_file_bytes: 20 * 1024 * 1024,
        }
    }
}

/// All that the release files of one tree say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// What parsed, folded. Not to be used when a finding is critical.
    pub state: DesiredState,
    /// What is wrong, in all files, and what looks like a release file and is left out.
    pub findings: Findings,
    /// Path to entry id of every release file and of every file that one refers to.
    pub files: BTreeMap<String, String>,
    /// Path to `name:` of every release file that has one.
    pub names: BTreeMap<String, String>,
}

/// Reads release files. Parsed versions are kept, bounded, so that walking many commits parses each
/// version of a file once; it may be shared between threads.
pub struct Loader {
    options: Options,
    pub(super) glob: ReleaseGlob,
    /// Of the other environments.
    pub(super) others: Vec<ReleaseGlob>,
    cache: Cache<Version, Parsed>,
    pub(super) max_total_bytes: u64,
}

/// One version of a release file: with `refs`, also of the files that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    path: String,
    id: String,
    refs: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default)]
struct Parsed {
    file: ReleaseFile,
    findings: Vec<Finding>,
    /// Of the release file and all that stands in for it.
    weight: u64,
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
    /// When the glob is no glob, or one that cannot match a path of a tree.
    pub fn new(options: Options) -> Result<Self, BadGlob> {
        let glob = ReleaseGlob::new(&options.releases)?;
        Ok(Self {
            options,
            glob,
            others: Vec::new(),
            cache: Cache::new(CACHE_BYTES),
            max_total_bytes: MAX_TOTAL_BYTES,
        })
    }

    /// Names the globs of other environments of the repository: what one of them takes is not reported
    /// as left out by this one.
    ///
    /// # Errors
    /// When one of them is no glob.
    pub fn beside<'a>(
        mut self,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadGlob> {
        let others = others.into_iter().map(ReleaseGlob::new);
        self.others = others.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Whether a path of a tree is one of a release file.
    pub fn is_release_file(&self, path: &str) -> bool {
        self.glob.is_match(path)
    }

    /// The glob of release files.
    pub fn releases(&self) -> &str {
        self.glob.as_str()
    }

    /// Reads every release file of a tree.
    ///
    /// # Errors
    /// [`TreeError::Unreadable`] when the tree itself cannot be read. What is wrong with a release
    /// file is a finding, never an error.
    pub fn load(&self, tree: &dyn Tree) -> Result<Loaded, TreeError> {
        let mut entries = tree.entries()?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut loaded = self.load_where(tree, &entries, &|path| self.is_release_file(path))?;
        let left_out = LeftOut {
            glob: &self.glob,
            others: &self.others,
            entries: &entries,
            tree,
            paths_below: &|folder| paths_below(&entries, folder),
            used: &loaded.files,
        };
        let mut findings = left_out.findings();
        if loaded.files.is_empty() && (!findings.is_empty() || left_out.any_files()) {
            findings.push(left_out.no_release_files(None));
        }
        loaded.findings.0.extend(findings);
        loaded.findings.sort();
        Ok(loaded)
    }

    /// Reads those release files of a tree that a caller chooses; `entries` are sorted.
    pub(super) fn load_where(
        &self,
        tree: &dyn Tree,
        entries: &[TreeEntry],
        chosen: &dyn Fn(&str) -> bool,
    ) -> Result<Loaded, TreeError> {
        let mut loaded = Loaded::default();
        let mut total = 0;
        let mut files: BTreeMap<&str, Arc<Parsed>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| chosen(&entry.path)) {
            loaded.files.insert(entry.path.clone(), entry.id.clone());
            if let Some(finding) = refused_entry(entry) {
                loaded.findings.0.push(finding);
                continue;
            }
            let parsed = self.load_file(entry, entries, tree, &mut loaded.files)?;
            total += parsed.weight;
            if total > self.max_total_bytes {
                loaded.findings.0.push(about_file(
                    &entry.path,
                    "releases-too-large",
                    format!(
                        "with this file the release files of the tree exceed {} bytes",
                        self.max_total_bytes
                    ),
                    "delete release files that later ones override",
                ));
                break;
            }
            files.insert(&entry.path, parsed);
        }
        for (path, parsed) in &files {
            loaded.findings.0.extend(parsed.findings.iter().cloned());
            if let Some(name) = &parsed.file.name {
                loaded.names.insert((*path).to_owned(), name.clone());
            }
        }
        let changes: BTreeMap<&str, &[Change]> = files
            .iter()
            .map(|(path, parsed)| (*path, parsed.file.changes.as_slice()))
            .collect();
        loaded.state = fold::fold(&changes);
        loaded.findings.0.extend(across::check(&loaded.state));
        loaded.findings.sort();
        Ok(loaded)
    }

    fn load_file(
        &self,
        entry: &TreeEntry,
        entries: &[TreeEntry],
        tree: &dyn Tree,
        files: &mut BTreeMap<String, String>,
    ) -> Result<Arc<Parsed>, TreeError> {
        let parsed = self.parse(entry, tree)?;
        let mut found: BTreeMap<String, TreeEntry> = BTreeMap::new();
        let refs = parsed.file.refs();
        if refs.is_empty() {
            return Ok(parsed);
        }
        for path in &refs {
            if let Some(entry) = content::find(path, entries, tree)? {
                files.insert(path.clone(), entry.id.clone());
                found.insert(path.clone(), entry);
            }
        }
        let all_files = refs.iter().all(|path| {
            found
                .get(path)
                .is_some_and(|entry| entry.kind == EntryKind::File)
        });
        // What is said about a path that is missing depends on the whole tree: that is not kept.
        let version = all_files.then(|| Version {
            path: entry.path.clone(),
            id: entry.id.clone(),
            refs: Some(found.values().map(|entry| entry.id.clone()).collect()),
        });
        if let Some(known) = version.as_ref().and_then(|version| self.cache.get(version)) {
            return Ok(known);
        }
        let resolved = Arc::new(self.resolve(entry, &parsed, &found, entries, tree)?);
        if let Some(version) = version {
            self.cache
                .insert(version, Arc::clone(&resolved), resolved.weight);
        }
        Ok(resolved)
    }

    fn resolve(
        &self,
        entry: &TreeEntry,
        parsed: &Parsed,
        found: &BTreeMap<String, TreeEntry>,
        entries: &[TreeEntry],
        tree: &dyn Tree,
    ) -> Result<Parsed, TreeError> {
        let mut resolved = parsed.clone();
        let findings = content::resolve(
            &entry.path,
            &mut resolved.file,
            self.options.charset,
            &|path| found.get(path).cloned(),
            entries,
            tree,
        )?;
        resolved.findings.extend(findings);
        resolved.weight += resolved.file.text_bytes() - parsed.file.text_bytes();
        Ok(resolved)
    }

    fn parse(&self, entry: &TreeEntry, tree: &dyn Tree) -> Result<Arc<Parsed>, TreeError> {
        let version = Version {
            path: entry.path.clone(),
            id: entry.id.clone(),
            refs: None,
        };
        if let Some(known) = self.cache.get(&version) {
            return Ok(known);
        }
        let parsed = Arc::new(self.read(entry, tree)?);
        self.cache
            .insert(version, Arc::clone(&parsed), parsed.weight);
        Ok(parsed)
    }

    fn read(&self, entry: &TreeEntry, tree: &dyn Tree) -> Result<Parsed, TreeError> {
        let refused = |finding| Parsed {
            findings: vec![finding],
            weight: BASE_WEIGHT,
            ..Parsed::default()
        };
        let bytes = match tree.read(&entry.path, self.options.max_file_bytes) {
            Ok(bytes) => bytes,
            Err(TreeError::TooLarge { bytes, limit }) => {
                return Ok(refused(about_file(
                    &entry.path,
                    "release-too-large",
                    format!("the release file is {bytes} bytes long, over the limit of {limit}"),
                    "split it, or move long texts into files of their own: `content: { file: … }`",
                )));
            }
            Err(TreeError::NotFound) => {
                return Err(TreeError::Unreadable(format!(
                    "{} is listed but cannot be found",
                    entry.path
                )));
            }
            Err(error @ TreeError::Unreadable(_)) => return Err(error),
        };
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                return Ok(refused(not_utf8(&entry.path, &bytes, error.valid_up_to())));
            }
        };
        let source = Source::new(&entry.path, text);
        let (file, findings) = file::read(&source, self.options.charset);
        let weight = BASE_WEIGHT + bytes.len() as u64 + file.text_bytes();
        Ok(Parsed {
            file,
            findings,
            weight,
        })
    }
}

/// Why an entry that matches the glob is not read.
fn refused_entry(entry: &TreeEntry) -> Option<Finding> {
    let what = match entry.kind {
        EntryKind::File if entry.path.contains('\u{fffd}') => {
            return Some(about_file(
                &entry.path,
                "path-not-utf8",
                format!("the path {} is not UTF-8", quote(&entry.path)),
                "rename the file",
            ));
        }
        EntryKind::File => return None,
        EntryKind::Symlink => "a symbolic link, which is never followed",
        EntryKind::Submodule => "a submodule, whose files are not in the commit",
    };
    Some(about_file(
        &entry.path,
        "release-not-a-file",
        format!(
            "{} matches the glob of release files but is {what}",
            quote(&entry.path)
        ),
        "commit the file itself",
    ))
}

fn not_utf8(path: &str, bytes: &[u8], valid: usize) -> Finding {
    // What is before the bad byte is UTF-8.
    let head = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
    let source = Source::new(path, head);
    let place = source.place_at(source.text.len());
    Finding {
        id: "not-utf8".to_owned(),
        severity: Severity::Critical,
        origin: origin(path, place),
        message: format!("the release file is not UTF-8 from byte {valid} on"),
        remedy: "save it as UTF-8".to_owned(),
        snippet: source.snippet(Place { ..place }),
    }
}
