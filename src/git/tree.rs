//! One commit's tree, read from the object database.

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};

use super::objects;
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
        let bytes = repository
            .find_header(entry.id)
            .map_err(|error| unreadable("file", path, entry.id, &error))?
            .size();
        if bytes > limit {
            return Err(TreeError::TooLarge { bytes, limit });
        }
        read_blob(&repository, path.into(), entry.id)
    }
}

impl CommitTree {
    fn find(&self, repository: &gix::Repository, path: &str) -> Result<Option<Found>, TreeError> {
        if path.split('/').any(|name| !is_proper(name.into())) {
            return Ok(None);
        }
        let root = repository
            .find_tree(self.root)
            .map_err(|error| unreadable("tree", "", self.root, &error))?;
        let entry = root
            .lookup_entry_by_path(path)
            .map_err(|error| unreadable("tree of", path, self.root, &error))?;
        Ok(entry.and_then(|entry| {
            Some(Found {
                path: path.into(),
                kind: objects::entry_kind(entry.mode())?,
                id: entry.object_id(),
            })
        }))
    }
}

/// The bytes of every file of a tree whose path starts with `prefix`. Only directories that can hold
/// one are opened.
pub(super) fn files(
    repository: &gix::Repository,
    root: ObjectId,
    prefix: &str,
) -> Result<std::collections::BTreeMap<String, Vec<u8>>, TreeError> {
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
    found
        .into_iter()
        .map(|entry| {
            let bytes = read_blob(repository, entry.path.as_bstr(), entry.id)?;
            Ok((entry.path.to_str_lossy().into_owned(), bytes))
        })
        .collect()
}

/// The path of every file of a tree that has this name, in whatever directory; sorted.
pub(super) fn named(
    repository: &gix::Repository,
    root: ObjectId,
    name: &str,
) -> Result<Vec<String>, TreeError> {
    let mut found = Vec::new();
    let mut visit = |entry: Found| {
        let path = entry.path.to_str_lossy();
        if entry.kind == EntryKind::File && path.rsplit('/').next() == Some(name) {
            found.push(path.into_owned());
        }
        found.len() <= MOST_ENTRIES
    };
    walk(repository, root, BString::default(), &|_| true, &mut visit)?;
    found.sort_unstable();
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
            .map_err(|error| unreadable("tree", &base.to_str_lossy(), id, &error))?;
        for entry in tree.iter() {
            let entry =
                entry.map_err(|error| unreadable("tree", &base.to_str_lossy(), id, &error))?;
            if !is_proper(entry.filename()) {
                continue;
            }
            let mut path = base.clone();
            path.extend_from_slice(entry.filename());
            let id = entry.object_id();
            match objects::entry_kind(entry.mode()) {
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

fn read_blob(
    repository: &gix::Repository,
    path: &BStr,
    id: ObjectId,
) -> Result<Vec<u8>, TreeError> {
    let mut blob = repository
        .find_blob(id)
        .map_err(|error| unreadable("file", &path.to_str_lossy(), id, &error))?;
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

fn unreadable(what: &str, path: &str, id: ObjectId, error: &gix::Error) -> TreeError {
    let reason = objects::reason(error);
    TreeError::Unreadable(format!(
        "{what} {path:?} (object {id}) cannot be read: {reason}"
    ))
}
