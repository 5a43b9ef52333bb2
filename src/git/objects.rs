//! Ids and commits, from gix's words to ours.

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryMode;
use gix::{ObjectId, Repository};
use jiff::Timestamp;

use super::words;
use crate::domain::CommitId;
use crate::manifest::EntryKind;
use crate::ports::{CommitInfo, GitError};

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
pub(super) fn named_commit<'r>(
    repository: &'r Repository,
    id: &CommitId,
) -> Result<gix::Commit<'r>, GitError> {
    let oid = object_id(id)?;
    if oid.kind() != repository.object_hash() {
        return Err(GitError::NotFound(id.to_string()));
    }
    match repository.try_find_object(oid) {
        Ok(Some(object)) => object
            .try_into_commit()
            .map_err(|_| GitError::NotFound(id.to_string())),
        Ok(None) => Err(GitError::NotFound(id.to_string())),
        Err(error) => Err(damaged("commit", oid, reason(&error))),
    }
}

/// The commit of that id, which another one names: it has to be there.
pub(super) fn linked_commit(
    repository: &Repository,
    id: ObjectId,
) -> Result<gix::Commit<'_>, GitError> {
    repository
        .find_commit(id)
        .map_err(|error| damaged("commit", id, reason(&error)))
}

/// One commit in the core's words. Bytes that are not UTF-8 are replaced.
pub(super) fn info(commit: &gix::Commit<'_>) -> Result<CommitInfo, GitError> {
    let damaged = |error: gix::Error| damaged("commit", commit.id, reason(&error));
    let decoded = commit.decode().map_err(damaged)?;
    let author = decoded.author().map_err(damaged)?;
    let seconds = decoded.committer().map_err(damaged)?.seconds();
    let message = decoded.message.to_str_lossy().into_owned();
    Ok(CommitInfo {
        id: commit_id(commit.id)?,
        parents: decoded.parents().map(commit_id).collect::<Result<_, _>>()?,
        author: format!(
            "{} <{}>",
            author.name.trim().to_str_lossy(),
            author.email.trim().to_str_lossy()
        ),
        committed_at: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        subject: words::subject(&message),
        message,
    })
}

/// The line of first parents that ends in `tip`, newest first; `until` is not part of it.
pub(super) fn first_parents<'r>(
    repository: &'r Repository,
    tip: &CommitId,
    until: Option<ObjectId>,
) -> impl Iterator<Item = Result<gix::Commit<'r>, GitError>> {
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
            let parent = commit.parent_ids().next().map(gix::Id::detach);
            next = parent.filter(|id| Some(*id) != until).map(Err);
        }
        Some(commit)
    })
}

/// What an entry of a tree is; `None` for a directory.
pub(super) fn entry_kind(mode: EntryMode) -> Option<EntryKind> {
    use gix::objs::tree::EntryKind as Git;
    match mode.kind() {
        Git::Tree => None,
        Git::Blob | Git::BlobExecutable => Some(EntryKind::File),
        Git::Link => Some(EntryKind::Symlink),
        Git::Commit => Some(EntryKind::Submodule),
    }
}
