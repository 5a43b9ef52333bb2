//! Making ledger commits as objects.

use gix::ObjectId;
use gix::Repository;
use gix::bstr::ByteSlice as _;
use gix::objs::WriteTo;
use gix::objs::tree::EntryKind;
use jiff::Timestamp;

use super::objects::{self, reason};
use crate::ports::{GitError, LedgerCommit};

/// The objects that were made, for syncing.
#[derive(Default)]
pub(super) struct Made {
    pub(super) objects: Vec<ObjectId>,
}

impl Made {
    fn write(
        &mut self,
        repository: &Repository,
        object: impl WriteTo,
    ) -> Result<ObjectId, GitError> {
        let id = repository
            .write_object(object)
            .map_err(|error| not_written(repository, &error))?
            .detach();
        self.objects.push(id);
        Ok(id)
    }
}

/// Returns who writes the ledger, whatever the host's Git is set to.
pub(super) fn signature(at: Timestamp) -> gix::actor::Signature {
    gix::actor::Signature {
        name: "gitmage".into(),
        email: "gitmage@localhost".into(),
        time: gix::date::Time::new(at.as_second(), 0),
    }
}

/// Makes one commit upon `parent`: its tree with the commit's files written and taken away.
pub(super) fn commit(
    repository: &Repository,
    parent: Option<ObjectId>,
    commit: &LedgerCommit,
    made: &mut Made,
) -> Result<ObjectId, GitError> {
    let unreadable =
        |error: gix::Error| objects::damaged("ledger tree of", describe(parent), reason(&error));
    let mut editor = match parent {
        Some(parent) => {
            let parent = objects::named_commit(repository, &objects::commit_id(parent)?)?;
            let tree = repository.find_tree(parent.tree).map_err(unreadable)?;
            tree.edit().map_err(unreadable)?.detach()
        }
        None => repository.empty_tree().edit().map_err(unreadable)?.detach(),
    };
    for (path, bytes) in &commit.files {
        check(path)?;
        let names = path.split('/').map(|name| name.as_bytes().as_bstr());
        match bytes {
            Some(bytes) => {
                let blob = gix::objs::BlobRef { data: bytes };
                let id = made.write(repository, blob)?;
                editor.upsert(names, EntryKind::Blob, id)
            }
            None => editor.remove(names),
        }
        .map_err(unreadable)?;
    }
    let tree = editor.write(|tree| made.write(repository, tree))?;
    let who = signature(commit.at);
    made.write(
        repository,
        gix::objs::Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: who.clone(),
            committer: who,
            encoding: None,
            message: commit.message.as_str().into(),
            extra_headers: Vec::new(),
        },
    )
}

/// A path that every Git would check out.
fn check(path: &str) -> Result<(), GitError> {
    let proper = |name: &str| {
        !matches!(name, "" | "." | "..")
            && !name.eq_ignore_ascii_case(".git")
            && !name.contains('\0')
    };
    if path.split('/').all(proper) {
        return Ok(());
    }
    Err(GitError::Stalled {
        message: format!("path {path:?} cannot be in a ledger commit"),
        remedy: "report this as a defect".to_owned(),
    })
}

fn describe(parent: Option<ObjectId>) -> String {
    parent.map_or_else(|| "no commit".to_owned(), |id| id.to_string())
}

fn not_written(repository: &Repository, error: &gix::Error) -> GitError {
    let place = repository.common_dir().display();
    GitError::Stalled {
        message: format!("objects cannot be written to {place}: {}", reason(error)),
        remedy: format!("let gitmage write to {place}, and see that it has space"),
    }
}
