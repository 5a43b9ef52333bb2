//! One release file of a tree: parsed, and with the files that it refers to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::listing::Listing;
use super::{CACHE_BYTES, LoaderOptions};
use crate::domain::kinds::Charset;
use crate::domain::{Finding, Severity};
use crate::manifest::cache::Cache;
use crate::manifest::loaded::Parsed;
use crate::manifest::report::{about_file, origin, quote};
use crate::manifest::source::Source;
use crate::manifest::tree::{EntryKind, Tree, TreeEntry, TreeError};
use crate::manifest::{content, file};
use crate::yaml::Place;

/// The weight of a parsed file beyond its text.
const BASE_WEIGHT: u64 = 4096;

/// Reads release files, and keeps the versions that it has parsed.
pub(super) struct FileReader {
    charset: Charset,
    max_bytes: u64,
    cache: Cache<Version, Parsed>,
}

/// One version of a release file: with `refs`, also of the files that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    path: String,
    id: String,
    refs: Option<Vec<String>>,
}

impl FileReader {
    pub(super) fn new(options: &LoaderOptions) -> Self {
        Self {
            charset: options.charset,
            max_bytes: options.max_file_bytes,
            cache: Cache::new(CACHE_BYTES),
        }
    }

    pub(super) fn load(
        &self,
        entry: &TreeEntry,
        listing: &Listing<'_>,
    ) -> Result<Arc<Parsed>, TreeError> {
        if let Some(finding) = refused_entry(entry) {
            return Ok(Arc::new(Parsed::refused(finding, 0)));
        }
        let tree = listing.tree;
        let parsed = self.parse(entry, tree)?;
        let refs = parsed.file.refs();
        if refs.is_empty() {
            return Ok(parsed);
        }
        let mut found: BTreeMap<String, TreeEntry> = BTreeMap::new();
        for path in &refs {
            if let Some(entry) = listing.find(path)? {
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
        let entries = match all_files {
            true => &[],
            false => listing.all()?,
        };
        let resolved = Arc::new(self.resolve(entry, &parsed, &refs, &found, entries, tree)?);
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
        refs: &BTreeSet<String>,
        found: &BTreeMap<String, TreeEntry>,
        entries: &[TreeEntry],
        tree: &dyn Tree,
    ) -> Result<Parsed, TreeError> {
        let mut file = parsed.file.clone();
        let more = content::resolve(
            &entry.path,
            &mut file,
            self.charset,
            &|path| found.get(path).cloned(),
            entries,
            tree,
        )?;
        let findings = parsed.findings.iter().cloned().chain(more).collect();
        let weight = parsed.weight + file.text_bytes() - parsed.file.text_bytes();
        let id = |path: &String| found.get(path).map(|entry| entry.id.clone());
        let refs = refs.iter().map(|path| (path.clone(), id(path))).collect();
        Ok(Parsed::new(&entry.path, file, findings, weight, refs))
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
        let parsed = Arc::new(self.read_file(entry, tree)?);
        self.cache
            .insert(version, Arc::clone(&parsed), parsed.weight);
        Ok(parsed)
    }

    fn read_file(&self, entry: &TreeEntry, tree: &dyn Tree) -> Result<Parsed, TreeError> {
        let refused = |finding| Parsed::refused(finding, BASE_WEIGHT);
        let bytes = match tree.read_entry(entry, self.max_bytes) {
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
        let (file, findings) = file::read(&source, self.charset);
        let weight = BASE_WEIGHT + bytes.len() as u64 + file.text_bytes();
        let refs = BTreeMap::new();
        Ok(Parsed::new(&entry.path, file, findings, weight, refs))
    }
}

/// Returns why an entry that matches the glob is not read.
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
