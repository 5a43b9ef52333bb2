//! The commit that a revision names.
//!
//! Names and ids are looked up by gix. The steps behind them, `~2` and `^`, are taken here: gix's walk
//! ends at a commit whose author it cannot read, and panics at a tag that is damaged.

use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::Kind;
use gix::{ObjectId, Repository};

use super::objects::{self, damaged, reason};
use crate::domain::CommitId;
use crate::ports::GitError;

/// A step back from a commit.
#[derive(Clone, Copy)]
enum Step {
    /// `~2`: along so many first parents.
    Back(usize),
    /// `^2`: to that one of its parents, from 1; `^0` is the commit itself.
    Parent(usize),
}

/// The commit that a revision names.
pub(super) fn commit(repository: &Repository, revision: &str) -> Result<CommitId, GitError> {
    let not_found = || GitError::NotFound(revision.to_owned());
    let (name, steps) = steps(revision).unwrap_or((revision, Vec::new()));
    let named = match repository.rev_parse_single(<&BStr>::from(name)) {
        Ok(id) => id.detach(),
        Err(error) if is_ambiguous(&error) => match only_commit(repository, name)? {
            Some(only) => objects::object_id(&only)?,
            None => {
                return Err(GitError::Stalled {
                    message: format!("revision {revision:?} is ambiguous: {}", reason(&error)),
                    remedy: "give more digits".to_owned(),
                });
            }
        },
        Err(_) => return Err(not_found()),
    };
    let mut id = peeled(repository, named)?.ok_or_else(not_found)?;
    for step in steps {
        let (times, parent) = match step {
            Step::Back(times) => (times, 0),
            Step::Parent(0) => (0, 0),
            Step::Parent(number) => (1, number - 1),
        };
        for _ in 0..times {
            let commit = objects::linked_commit(repository, id)?;
            id = *commit.parents.get(parent).ok_or_else(not_found)?;
        }
    }
    objects::commit_id(id)
}

/// A name and the steps behind it; nothing where there is more in it than that, as in `:/text~2`.
fn steps(revision: &str) -> Option<(&str, Vec<Step>)> {
    if revision.contains(':') {
        return None;
    }
    let start = revision.find(['~', '^']).filter(|start| *start > 0)?;
    let (name, mut rest) = revision.split_at(start);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = ["^{}", "^{commit}"]
            .iter()
            .find_map(|s| rest.strip_prefix(s))
        {
            rest = after;
            continue;
        }
        let (sign, after) = rest.split_at_checked(1)?;
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (digits, after) = after.split_at(end);
        let number = if digits.is_empty() {
            1
        } else {
            digits.parse().ok()?
        };
        steps.push(match sign {
            "~" => Step::Back(number),
            "^" => Step::Parent(number),
            _ => return None,
        });
        rest = after;
    }
    Some((name, steps))
}

/// The commit that an object is, or that a tag stands for.
fn peeled(repository: &Repository, mut id: ObjectId) -> Result<Option<ObjectId>, GitError> {
    loop {
        let object = repository
            .find_object(id)
            .map_err(|error| damaged("object", id, reason(&error)))?;
        match object.kind {
            Kind::Commit => return Ok(Some(id)),
            Kind::Tag => {
                let line = object.data.lines().next().unwrap_or_default();
                let target = line.strip_prefix(b"object ");
                id = target
                    .and_then(|hex| ObjectId::from_hex(hex).ok())
                    .ok_or_else(|| damaged("tag", id, "it names no object"))?;
            }
            Kind::Tree | Kind::Blob => return Ok(None),
        }
    }
}

/// The only commit whose id starts so.
pub(super) fn only_commit(
    repository: &gix::Repository,
    hex: &str,
) -> Result<Option<CommitId>, GitError> {
    let unreadable = |error: gix::Error| damaged("object", hex, reason(&error));
    if hex.len() > repository.object_hash().len_in_hex() {
        return Ok(None);
    }
    let Ok(prefix) = gix::hash::Prefix::from_hex(hex) else {
        return Ok(None);
    };
    let mut candidates = std::collections::HashSet::new();
    repository
        .objects
        .lookup_prefix(prefix, Some(&mut candidates))
        .map_err(unreadable)?;
    let mut commits = Vec::new();
    for id in candidates {
        let header = repository.find_header(id).map_err(unreadable)?;
        if header.kind() == gix::object::Kind::Commit {
            commits.push(id);
        }
    }
    match commits.as_slice() {
        [only] => objects::commit_id(*only).map(Some),
        _ => Ok(None),
    }
}

fn is_ambiguous(error: &gix::Error) -> bool {
    use gix::revision::spec::parse::Error;
    error
        .downcast_any_ref::<Error>()
        .is_some_and(|error| matches!(error, Error::AmbiguousPrefix { .. }))
}
