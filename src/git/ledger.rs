//! The ledger: commits on the rollback branch of one environment.
//!
//! # Guarantees
//! - Objects are on disk (of a plain path: synced) before the reference moves; the reference moves
//!   by compare-and-swap from exactly the expected commit.
//! - Of a mirrored repository the swap is the push; the mirror's own branch only follows it.
//!
//! # Assumptions
//! - Nobody runs `git gc --prune=now` in the moment between the objects and the reference.

use std::collections::BTreeMap;
use std::time::Duration;

use gix::lock::acquire::Fail;
use gix::refs::Target;
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::{ObjectId, Repository as Gix};

use super::durable;
use super::mirror::{Mirror, MirrorPush};
use super::objects::{self, damaged, reason};
use super::repository::{Repository, branch_ref};
use super::tree;
use super::write;
use crate::domain::CommitId;
use crate::ports::{GitError, Ledger, LedgerCommit, LedgerEntry, LedgerError, Source};

/// The time that a lock is waited for that somebody holds. Git holds one for milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The rollback branch of one environment.
#[derive(Clone)]
pub struct BranchLedger {
    repository: Repository,
    branch: String,
    environment: String,
}

impl BranchLedger {
    pub(super) fn new(repository: Repository, branch: &str, environment: &str) -> Self {
        Self {
            repository,
            branch: branch.to_owned(),
            environment: environment.to_owned(),
        }
    }

    fn raced(&self) -> LedgerError {
        LedgerError::Raced {
            branch: self.branch.clone(),
        }
    }

    fn failed(&self, error: GitError) -> LedgerError {
        match error {
            GitError::Unavailable { message } => LedgerError::Unavailable {
                message: format!("ledger of {}: {message}", self.environment),
            },
            GitError::Stalled { message, remedy } => LedgerError::Stalled {
                message: format!("ledger of {}: {message}", self.environment),
                remedy,
            },
            GitError::NotFound(id) => LedgerError::Stalled {
                message: format!(
                    "ledger of {}: no commit {id} in the repository any more",
                    self.environment
                ),
                remedy: format!(
                    "put the rollback branch {} back to where it was, or name a new rollback_branch",
                    self.branch
                ),
            },
        }
    }

    /// Makes the commits as objects; no reference knows them yet.
    fn write(
        &self,
        repository: &Gix,
        expected: Option<ObjectId>,
        commits: &[LedgerCommit],
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut made = write::Made::default();
        let mut parent = expected;
        let mut ids = Vec::with_capacity(commits.len());
        for commit in commits {
            let id = write::commit(repository, parent, commit, &mut made)?;
            ids.push(id);
            parent = Some(id);
        }
        if self.repository.mirror().is_none() {
            durable::objects(repository, &made.objects)?;
        }
        Ok(ids)
    }

    /// The compare-and-swap of a repository opened in place.
    fn swap(
        &self,
        repository: &Gix,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<(), LedgerError> {
        let name = branch_ref(&self.branch).map_err(|error| self.failed(error))?;
        if old.is_none() {
            self.refuse_nesting(repository)?;
        }
        let expected = match old {
            Some(old) => PreviousValue::MustExistAndMatch(Target::Object(old)),
            None => PreviousValue::MustNotExist,
        };
        let edit = RefEdit::update(name.clone(), new, expected, "gitmage: append");
        let wait = Fail::AfterDurationWithBackoff(LOCK_WAIT);
        let prepared = repository
            .refs
            .transaction()
            .prepare(Some(edit), wait, wait);
        // `pack-refs` may have moved the value between the look into the packed references and the
        // lock: while the lock is held nobody can, so this look is the one that counts
        let tip = self
            .repository
            .branch_tip(repository, &self.branch)
            .map_err(|error| self.failed(error))?;
        let prepared = match prepared {
            _ if tip != old => return Err(self.raced()),
            Ok(prepared) => prepared,
            Err(error) => return Err(self.not_moved(repository, &error)),
        };
        let mut time = gix::date::parse::TimeBuf::default();
        let who = write::signature(jiff::Timestamp::now());
        prepared
            .commit(who.to_ref(&mut time))
            .map_err(|error| self.not_moved(repository, &error))?;
        durable::reference(repository, &name).map_err(|error| self.failed(error))
    }

    /// `a` and `a/b` cannot both be branches; packed references would hide that from the swap.
    fn refuse_nesting(&self, repository: &Gix) -> Result<(), LedgerError> {
        let unreadable =
            |error: gix::Error| self.failed(damaged("references of", &self.branch, reason(&error)));
        let parts = self
            .branch
            .match_indices('/')
            .map(|(at, _)| &self.branch[..at]);
        let mut inside = None;
        for part in parts {
            let tip = self.repository.branch_tip(repository, part);
            if tip.map_err(|error| self.failed(error))?.is_some() {
                inside = Some(part.to_owned());
            }
        }
        let prefix = format!("refs/heads/{}/", self.branch);
        let references = repository.references().map_err(unreadable)?;
        let mut below = references.prefixed(prefix.as_str()).map_err(unreadable)?;
        if let Some(Ok(reference)) = below.next() {
            inside = Some(reference.name().shorten().to_string());
        }
        match inside {
            None => Ok(()),
            Some(other) => Err(LedgerError::Stalled {
                message: format!(
                    "rollback branch {} cannot be made beside the branch {other}",
                    self.branch
                ),
                remedy: "name another rollback_branch".to_owned(),
            }),
        }
    }

    fn not_moved(&self, repository: &Gix, error: &gix::Error) -> LedgerError {
        let place = repository.common_dir();
        let locks = [
            place
                .join("refs/heads")
                .join(format!("{}.lock", self.branch)),
            place.join("packed-refs.lock"),
        ];
        if let Some(lock) = locks.iter().find(|lock| lock.exists()) {
            return LedgerError::Unavailable {
                message: format!(
                    "rollback branch {} cannot be moved: {} is held; remove it if no git runs any more",
                    self.branch,
                    lock.display()
                ),
            };
        }
        let message = format!(
            "rollback branch {} cannot be moved: {}",
            self.branch,
            reason(error)
        );
        LedgerError::Stalled {
            message,
            remedy: format!(
                "let gitmage write to {}, and see that it has space",
                place.display()
            ),
        }
    }

    fn push(
        &self,
        repository: &Gix,
        mirror: &Mirror,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<(), LedgerError> {
        match mirror.push(&self.branch, old, new) {
            Ok(MirrorPush::Done) => {}
            Ok(MirrorPush::Landed) => return Ok(()),
            Ok(MirrorPush::Raced) => return Err(self.raced()),
            Err(error) => return Err(self.failed(error)),
        }
        let name = branch_ref(&self.branch).map_err(|error| self.failed(error))?;
        let edit = RefEdit::update(name, new, PreviousValue::Any, "gitmage: pushed");
        let mut time = gix::date::parse::TimeBuf::default();
        let who = write::signature(jiff::Timestamp::now());
        if let Err(error) = repository.edit_references_as(Some(edit), Some(who.to_ref(&mut time))) {
            // it is on the remote, which is what counts; the next refresh brings it here
            tracing::warn!(branch = %self.branch, error = %reason(&error), "mirror not moved after a push");
        }
        Ok(())
    }
}

/// The tree of a ledger commit.
fn ledger_tree(repository: &Gix, at: &CommitId) -> Result<ObjectId, GitError> {
    Ok(objects::named_commit(repository, at)?.tree)
}

impl Ledger for BranchLedger {
    fn refresh(&self) -> Result<(), LedgerError> {
        self.repository
            .refresh()
            .map_err(|error| self.failed(error))
    }

    fn tip(&self) -> Result<Option<CommitId>, LedgerError> {
        self.repository
            .head(&self.branch)
            .map_err(|error| self.failed(error))
    }

    fn files(&self, at: &CommitId, prefix: &str) -> Result<BTreeMap<String, Vec<u8>>, LedgerError> {
        let read = || {
            let repository = self.repository.local()?;
            tree::files(&repository, ledger_tree(&repository, at)?, prefix)
                .map_err(|error| damaged("ledger commit", at, error))
        };
        read().map_err(|error| self.failed(error))
    }

    fn paths(&self, at: &CommitId, prefix: &str) -> Result<Vec<String>, LedgerError> {
        let read = || {
            let repository = self.repository.local()?;
            tree::paths(&repository, ledger_tree(&repository, at)?, prefix)
                .map_err(|error| damaged("ledger commit", at, error))
        };
        read().map_err(|error| self.failed(error))
    }

    fn history(
        &self,
        at: &CommitId,
        until: Option<&CommitId>,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        let read = || {
            let repository = self.repository.local()?;
            let until = until.map(objects::object_id).transpose()?;
            objects::first_parents(&repository, at, until)
                .map(|commit| {
                    let info = commit?.info()?;
                    Ok(LedgerEntry {
                        id: info.id,
                        message: info.message,
                    })
                })
                .collect::<Result<Vec<_>, GitError>>()
        };
        read().map_err(|error| self.failed(error))
    }

    fn append(
        &self,
        expected: Option<&CommitId>,
        commits: &[LedgerCommit],
    ) -> Result<Vec<CommitId>, LedgerError> {
        let failed = |error| self.failed(error);
        let repository = self.repository.local().map_err(failed)?;
        let old = expected
            .map(objects::object_id)
            .transpose()
            .map_err(failed)?;
        let tip = self.repository.branch_tip(&repository, &self.branch);
        if self.repository.mirror().is_none() && tip.map_err(failed)? != old {
            return Err(self.raced());
        }
        let ids = match self.write(&repository, old, commits) {
            Err(GitError::NotFound(_)) => return Err(self.raced()),
            written => written.map_err(failed)?,
        };
        if let Some(new) = ids.last() {
            match self.repository.mirror() {
                None => self.swap(&repository, old, *new)?,
                Some(mirror) => self.push(&repository, mirror, old, *new)?,
            }
        }
        ids.into_iter()
            .map(|id| objects::commit_id(id).map_err(failed))
            .collect()
    }
}
