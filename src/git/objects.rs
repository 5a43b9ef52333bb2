//! Ids and commits, from gix's words to ours.

use gix::objs::Kind;
use gix::{ObjectId, Repository};

use super::commit::Commit;
use crate::domain::CommitId;
use crate::manifest::EntryKind;
use crate::ports::GitError;

/// Something that is in the database cannot be read.
pub(super) fn damaged(
    what: &str,
    id: impl std::fmt::Display,
    why: impl std::fmt::Display,
) -> GitError {
    GitError::Stalled {
        message: format!("{what} {id} cannot be read: {why}"),
        remedy: "check the repository with `git fsck`; a mirror below state_dir may be deleted and is made again".to_owned(),
    }
}

/// gix's error with its causes, in one line.
pub(super) fn reason(error: &gix::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.iter_errors().map(ToString::to_string) {
        let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
        if !cause.is_empty() && !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes.join(": ")
}

pub(super) fn object_id(id: &CommitId) -> Result<ObjectId, GitError> {
    ObjectId::from_hex(id.as_str().as_bytes()).map_err(|_| GitError::NotFound(id.to_string()))
}

pub(super) fn commit_id(id: impl Into<ObjectId>) -> Result<CommitId, GitError> {
    let id: ObjectId = id.into();
    CommitId::new(id.to_hex().to_string()).map_err(|error| damaged("object", id, error))
}

/// The commit of that id, which somebody named: there may be none.
pub(super) fn named_commit(repository: &Repository, id: &CommitId) -> Result<Commit, GitError> {
    let oid = object_id(id)?;
    if oid.kind() != repository.object_hash() {
        return Err(GitError::NotFound(id.to_string()));
    }
    match repository.try_find_object(oid) {
        Ok(Some(object)) if object.kind == Kind::Commit => Commit::read(oid, &object.data),
        Ok(_) => Err(GitError::NotFound(id.to_string())),
        Err(error) => Err(damaged("commit", oid, reason(&error))),
    }
}

/// The commit of that id, which another one names: it has to be there.
pub(super) fn linked_commit(repository: &Repository, id: ObjectId) -> Result<Commit, GitError> {
    let object = repository
        .find_object(id)
        .map_err(|error| damaged("commit", id, reason(&error)))?;
    match object.kind {
        Kind::Commit => Commit::read(id, &object.data),
        other => Err(damaged("commit", id, format!("it is a {other}"))),
    }
}

/// The line of first parents that ends in `tip`, newest first; `until` is not part of it.
pub(super) fn first_parents(
    repository: &Repository,
    tip: &CommitId,
    until: Option<ObjectId>,
) -> impl Iterator<Item = Result<Commit, GitError>> {
    let mut next = Some(Ok(named_commit(repository, tip)));
    if object_id(tip).ok() == until {
        next = None;
    }
    std::iter::from_fn(move || {
        let commit = match next.take()? {
            Ok(named) => named,
            Err(id) => linked_commit(repository, id),
        };
        if let Ok(commit) = &commit {
            let parent = commit.parents.first().copied();
            next = parent.filter(|id| Some(*id) != until).map(Err);
        }
        Some(commit)
    })
}

/// Returns what an entry of a tree is, by its mode; `None` for a directory. What is neither a file nor a
/// link is taken for a submodule, as git takes it.
pub(super) fn entry_kind(mode: u32) -> Option<EntryKind> {
    match mode & 0o170_000 {
        0o040_000 => None,
        0o100_000 => Some(EntryKind::File),
        0o120_000 => Some(EntryKind::Symlink),
        _ => Some(EntryKind::Submodule),
    }
}
