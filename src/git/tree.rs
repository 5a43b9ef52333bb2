//! One commit's tree, read from the object database no more strictly than git reads it.
//!
//! # Guarantees
//! - Of several entries of one name in a tree object, the first is the one that counts, in lists as in
//!   look-ups, as in git's own look-ups.
//! - The order of the entries means nothing.
//!
//! # Accepted losses
//! - Nobody is told of such entries. A checkout of git's ends with the last of them.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};

use super::objects::{self, reason};
use crate::manifest::{EntryKind, Tree, TreeEntry, TreeError};

/// A few kilobytes of nested trees can list more files than fit into any memory.
const MOST_ENTRIES: usize = 1_000_000;
/// Deeper than any path that a file system would take.
const DEEPEST: usize = 2_000;

/// One commit's tree.
pub(super) struct CommitTree {
    pub(super) repository: gix::ThreadSafeRepository,
    pub(super) root: ObjectId,
}

/// One entry as it stands in the tree object that holds it.
struct Found {
    path: BString,
    kind: EntryKind,
    id: ObjectId,
}

impl Tree for CommitTree {
    fn id(&self) -> Option<String> {
        Some(self.root.to_string())
    }

    fn changes(&self, since: &str) -> Result<Option<Vec<(String, Option<TreeEntry>)>>, TreeError> {
        let repository = self.repository.to_thread_local();
        let known = ObjectId::from_hex(since.as_bytes()).ok();
        match known.filter(|id| repository.has_object(*id)) {
            Some(since) => differences(&repository, since, self.root).map(Some),
            None => Ok(None),
        }
    }

    fn read_entry(&self, entry: &TreeEntry, limit: u64) -> Result<Vec<u8>, TreeError> {
        let Ok(id) = ObjectId::from_hex(entry.id.as_bytes()) else {
            return self.read(&entry.path, limit);
        };
        read_within(&self.repository.to_thread_local(), &entry.path, id, limit)
    }

    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let repository = self.repository.to_thread_local();
        let mut found = Vec::new();
        walk(
            &repository,
            self.root,
            BString::default(),
            &|_| true,
            &mut |entry| {
                found.push(TreeEntry {
                    path: entry.path.to_str_lossy().into_owned(),
                    kind: entry.kind,
                    id: entry.id.to_string(),
                });
                found.len() <= MOST_ENTRIES
            },
        )?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        let found = self.find(&self.repository.to_thread_local(), path)?;
        Ok(found.map(|entry| TreeEntry {
            path: path.to_owned(),
            kind: entry.kind,
            id: entry.id.to_string(),
        }))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let repository = self.repository.to_thread_local();
        let entry = self
            .find(&repository, path)?
            .filter(|entry| entry.kind != EntryKind::Submodule)
            .ok_or(TreeError::NotFound)?;
        read_within(&repository, path, entry.id, limit)
    }
}

/// The entries of a directory by their names; those of directories below have no kind.
type Names<'a> = HashMap<&'a BStr, (Option<EntryKind>, ObjectId)>;

fn names(data: &[u8], tree: ObjectId) -> Result<Names<'_>, TreeError> {
    let mut names = Names::new();
    for entry in entries(data, tree) {
        let entry = entry.map_err(|why| unreadable("tree", "", tree, why))?;
        if is_proper(entry.name) {
            names.entry(entry.name).or_insert((entry.kind, entry.id));
        }
    }
    Ok(names)
}

/// The paths in which two trees differ, each with what is there in the second one.
fn differences(
    repository: &gix::Repository,
    before: ObjectId,
    after: ObjectId,
) -> Result<Vec<(String, Option<TreeEntry>)>, TreeError> {
    let data = |id: Option<ObjectId>| match id {
        None => Ok(Vec::new()),
        Some(id) => match repository.find_tree(id) {
            Ok(mut tree) => Ok(std::mem::take(&mut tree.data)),
            Err(error) => Err(unreadable("tree", "", id, reason(&error))),
        },
    };
    let mut found = Vec::new();
    let mut pending = vec![(BString::default(), Some(before), Some(after), 0_usize)];
    let mut opened = 0_usize;
    while let Some((base, was, is, depth)) = pending.pop() {
        opened += 1;
        if depth > DEEPEST || opened > MOST_ENTRIES || found.len() > MOST_ENTRIES {
            return Err(too_much(after));
        }
        let (old, new) = (data(was)?, data(is)?);
        let (old, new) = (
            names(&old, was.unwrap_or(before))?,
            names(&new, is.unwrap_or(after))?,
        );
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        for name in new.keys().chain(gone) {
            let (was, is) = (old.get(name), new.get(name));
            if was == is {
                continue;
            }
            let mut path = base.clone();
            path.extend_from_slice(name);
            let file = is.and_then(|(kind, id)| Some(((*kind)?, *id)));
            let was_file = was.is_some_and(|(kind, _)| kind.is_some());
            if file.is_some() || was_file {
                let path = path.to_str_lossy().into_owned();
                let entry = file.map(|(kind, id)| TreeEntry {
                    path: path.clone(),
                    kind,
                    id: id.to_string(),
                });
                found.push((path, entry));
            }
            let folder = |side: Option<&(Option<EntryKind>, ObjectId)>| {
                side.filter(|(kind, _)| kind.is_none()).map(|(_, id)| *id)
            };
            let (was, is) = (folder(was), folder(is));
            if was.is_some() || is.is_some() {
                path.push(b'/');
                pending.push((path, was, is, depth + 1));
            }
        }
    }
    Ok(found)
}

impl CommitTree {
    fn find(&self, repository: &gix::Repository, path: &str) -> Result<Option<Found>, TreeError> {
        if path.split('/').any(|name| !is_proper(name.into())) {
            return Ok(None);
        }
        let mut id = self.root;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let tree = repository
                .find_tree(id)
                .map_err(|error| unreadable("tree of", path, id, reason(&error)))?;
            let mut entry = None;
            for found in entries(&tree.data, id) {
                let found = found.map_err(|error| unreadable("tree of", path, id, error))?;
                if found.name == name {
                    entry = Some((found.kind, found.id));
                    break;
                }
            }
            match (entry, names.peek()) {
                (Some((None, below)), Some(_)) => id = below,
                (Some((Some(kind), id)), None) => {
                    let path = path.into();
                    return Ok(Some(Found { path, kind, id }));
                }
                _ => break,
            }
        }
        Ok(None)
    }
}

/// An entry as it stands in the tree object that holds it.
struct Entry<'a> {
    name: &'a BStr,
    /// Nothing for a directory.
    kind: Option<EntryKind>,
    id: ObjectId,
}

/// The entries of a tree object, by its bytes. A mode may have any number of zeros before it and any
/// permissions in it.
fn entries(data: &[u8], tree: ObjectId) -> impl Iterator<Item = Result<Entry<'_>, &'static str>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = entry(rest, tree.kind().len_in_bytes());
        rest = entry.as_ref().map_or(&[], |(_, after)| after);
        let entry = entry.map(|(entry, _)| entry);
        Some(entry.ok_or("one of its entries is cut off, or has no proper mode"))
    })
}

/// The first entry, and what comes after it.
fn entry(data: &[u8], id_length: usize) -> Option<(Entry<'_>, &[u8])> {
    let (mode, rest) = cut(data, b' ')?;
    if mode.is_empty() {
        return None;
    }
    let mut bits = 0_u32;
    for digit in mode {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        bits = bits << 3 | u32::from(digit);
    }
    let (name, rest) = cut(rest, 0)?;
    let (id, rest) = rest.split_at_checked(id_length)?;
    let entry = Entry {
        name: name.as_bstr(),
        kind: objects::entry_kind(bits),
        id: ObjectId::try_from(id).ok()?,
    };
    Some((entry, rest))
}

/// Returns what comes before the first of a byte, and what comes after it.
fn cut(data: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = data.find_byte(at)?;
    Some((&data[..end], &data[end + 1..]))
}

/// The bytes of every file of a tree whose path starts with `prefix`.
pub(super) fn files(
    repository: &gix::Repository,
    root: ObjectId,
    prefix: &str,
) -> Result<std::collections::BTreeMap<String, Vec<u8>>, TreeError> {
    let found = found_under(repository, root, prefix)?;
    found
        .into_iter()
        .map(|entry| {
            let bytes = read_blob(repository, entry.path.as_bstr(), entry.id)?;
            Ok((entry.path.to_str_lossy().into_owned(), bytes))
        })
        .collect()
}

/// The path of every file of a tree whose path starts with `prefix`; sorted.
pub(super) fn paths(
    repository: &gix::Repository,
    root: ObjectId,
    prefix: &str,
) -> Result<Vec<String>, TreeError> {
    let found = found_under(repository, root, prefix)?.into_iter();
    let mut paths: Vec<String> = found
        .map(|entry| entry.path.to_str_lossy().into_owned())
        .collect();
    paths.sort_unstable();
    Ok(paths)
}

/// Every file of a tree whose path starts with `prefix`. Only directories that can hold one are opened.
fn found_under(
    repository: &gix::Repository,
    root: ObjectId,
    prefix: &str,
) -> Result<Vec<Found>, TreeError> {
    let prefix = prefix.as_bytes();
    let wanted = |path: &BStr| path.starts_with(prefix) || prefix.starts_with(path);
    let mut found = Vec::new();
    walk(
        repository,
        root,
        BString::default(),
        &wanted,
        &mut |entry| {
            if entry.kind == EntryKind::File && entry.path.starts_with(prefix) {
                found.push(entry);
            }
            found.len() <= MOST_ENTRIES
        },
    )?;
    Ok(found)
}

/// Visits every entry that is no directory, in Git's order, until `visit` says no. Directories come
/// to `enter` with a slash at the end.
///
/// A name that no checkout could make (`..`, one with a slash) is passed over: it cannot be meant.
fn walk(
    repository: &gix::Repository,
    root: ObjectId,
    base: BString,
    enter: &dyn Fn(&BStr) -> bool,
    visit: &mut dyn FnMut(Found) -> bool,
) -> Result<(), TreeError> {
    let mut pending = vec![(base, root, 0_usize)];
    let mut opened = 0_usize;
    while let Some((base, id, depth)) = pending.pop() {
        opened += 1;
        if depth > DEEPEST || opened > MOST_ENTRIES {
            return Err(too_much(root));
        }
        let tree = repository
            .find_tree(id)
            .map_err(|error| unreadable("tree", &base.to_str_lossy(), id, reason(&error)))?;
        let mut names = HashSet::new();
        for entry in entries(&tree.data, id) {
            let Entry { name, kind, id } =
                entry.map_err(|error| unreadable("tree", &base.to_str_lossy(), id, error))?;
            if !is_proper(name) || !names.insert(name) {
                continue;
            }
            let mut path = base.clone();
            path.extend_from_slice(name);
            match kind {
                Some(kind) => {
                    if !visit(Found { path, kind, id }) {
                        return Err(too_much(root));
                    }
                }
                None => {
                    path.push(b'/');
                    if enter(path.as_bstr()) {
                        pending.push((path, id, depth + 1));
                    }
                }
            }
        }
    }
    Ok(())
}

fn read_within(
    repository: &gix::Repository,
    path: &str,
    id: ObjectId,
    limit: u64,
) -> Result<Vec<u8>, TreeError> {
    let bytes = repository
        .find_header(id)
        .map_err(|error| unreadable("file", path, id, reason(&error)))?
        .size();
    if bytes > limit {
        return Err(TreeError::TooLarge { bytes, limit });
    }
    read_blob(repository, path.into(), id)
}

fn read_blob(
    repository: &gix::Repository,
    path: &BStr,
    id: ObjectId,
) -> Result<Vec<u8>, TreeError> {
    let mut blob = repository
        .find_blob(id)
        .map_err(|error| unreadable("file", &path.to_str_lossy(), id, reason(&error)))?;
    Ok(blob.take_data())
}

fn is_proper(name: &BStr) -> bool {
    !matches!(name.as_bytes(), b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

fn too_much(root: ObjectId) -> TreeError {
    TreeError::Unreadable(format!(
        "tree {root} lists more than {MOST_ENTRIES} entries"
    ))
}

fn unreadable(what: &str, path: &str, id: ObjectId, why: impl std::fmt::Display) -> TreeError {
    TreeError::Unreadable(format!(
        "{what} {path:?} (object {id}) cannot be read: {why}"
    ))
}
