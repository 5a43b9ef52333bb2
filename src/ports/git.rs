//! The watched repository and the ledger on the rollback branch.
//!
//! Both traits are synchronous: the core calls them on threads where blocking is allowed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Next;
use crate::domain::CommitId;
use crate::manifest::Tree;

/// One commit, without its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its parents; the first one is the line that is followed.
    pub parents: Vec<CommitId>,
    /// `Name <mail>` of the author.
    pub author: String,
    /// The committer's time.
    pub committed_at: Timestamp,
    /// First paragraph of the message, in one line.
    pub subject: String,
    /// The whole message.
    pub message: String,
}

/// `owner/name` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The name.
    pub name: String,
    /// True if a forge knows it by this name; a path only suggests one.
    pub is_certain: bool,
}

/// The reasons why the repository could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The remote did not answer, or a lock is held: goes away by itself.
    #[error("{message}")]
    Unavailable {
        /// What failed, where and why.
        message: String,
    },
    /// Needs a person.
    #[error("{message}; {remedy}")]
    Stalled {
        /// What failed, where and why.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// A revision or object that was asked for by name does not exist.
    #[error("no commit {0:?} in the repository")]
    NotFound(String),
}

impl GitError {
    /// Returns what happens next.
    pub fn next(&self) -> Next {
        match self {
            Self::Unavailable { .. } => Next::Retry(None),
            Self::Stalled { .. } | Self::NotFound(_) => Next::Stall,
        }
    }
}

/// The watched repository: read only.
pub trait Source: Send + Sync + 'static {
    /// Brings a mirror up to date; nothing to do for a repository opened in place.
    ///
    /// # Errors
    /// [`GitError::Unavailable`] when the remote cannot be reached, [`GitError::Stalled`] when it refuses.
    fn refresh(&self) -> Result<(), GitError>;

    /// The tip of a branch; `None` when there is no such branch.
    ///
    /// # Errors
    /// See [`GitError`].
    fn head(&self, branch: &str) -> Result<Option<CommitId>, GitError>;

    /// The names of all branches, sorted.
    ///
    /// # Errors
    /// See [`GitError`].
    fn branches(&self) -> Result<Vec<String>, GitError>;

    /// The commit that a revision names: an id, a unique prefix, a branch, a tag, `HEAD~2`, ….
    ///
    /// # Errors
    /// [`GitError::NotFound`] among others.
    fn resolve(&self, revision: &str) -> Result<CommitId, GitError>;

    /// The commit that an id, or an abbreviation of four digits or more, names; `None` where there is
    /// none or several. Branches and tags are not asked, whatever they are called.
    ///
    /// # Errors
    /// See [`GitError`].
    fn resolve_id(&self, id: &str) -> Result<Option<CommitId>, GitError>;

    /// `owner/name` from the repository's URL, with all parts of its path, or from the last two parts of
    /// a path; `None` for a URL that is none of a forge.
    fn name(&self) -> Option<RepositoryName>;

    /// One commit.
    ///
    /// # Errors
    /// [`GitError::NotFound`] among others.
    fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError>;

    /// The first-parent line that ends in `tip`, oldest first. It begins after `after`, or with the
    /// root when `after` is `None` or not on the line; in the second case the answer's first commit
    /// has no parents.
    ///
    /// # Errors
    /// See [`GitError`].
    fn first_parents(
        &self,
        tip: &CommitId,
        after: Option<&CommitId>,
    ) -> Result<Vec<CommitInfo>, GitError>;

    /// True if `ancestor` is reachable from `descendant`. A commit is its own ancestor.
    ///
    /// # Errors
    /// See [`GitError`]; an unknown `ancestor` is `Ok(false)`.
    fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError>;

    /// Those of some commits from which `ancestor` is reachable, found by one walk over all of their
    /// histories. Commits that are not there (any more) are none of them.
    ///
    /// # Errors
    /// See [`GitError`].
    fn descendants(
        &self,
        ancestor: &CommitId,
        of: &BTreeSet<CommitId>,
    ) -> Result<BTreeSet<CommitId>, GitError>;

    /// The commits that are reachable from `tip` and from none of `not_from`, without `tip` itself; each
    /// before its parents, and otherwise the newest first. Those of `not_from` that are not there (any
    /// more) exclude nothing.
    ///
    /// # Errors
    /// [`GitError::NotFound`] for an unknown `tip`, among others.
    fn brought_in(
        &self,
        tip: &CommitId,
        not_from: &[CommitId],
    ) -> Result<Vec<CommitInfo>, GitError>;

    /// The best common ancestor.
    ///
    /// # Errors
    /// See [`GitError`].
    fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError>;

    /// The commits that the message says it reverts, in the message's order and each once: `This
    /// reverts commit <id>` in all forms of git, and `Reverts:` trailers. An id that names no commit
    /// here, or several, is left out.
    ///
    /// # Errors
    /// See [`GitError`].
    fn reverted(&self, info: &CommitInfo) -> Result<Vec<CommitId>, GitError>;

    /// The tree of a commit, read from the object database.
    ///
    /// # Errors
    /// See [`GitError`].
    fn tree(&self, commit: &CommitId) -> Result<Box<dyn Tree>, GitError>;
}

/// One commit to be made on the rollback branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCommit {
    /// Files to write (`Some`) or take away (`None`), by path from the root. All others stay.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// The whole message, trailers included.
    pub message: String,
    /// Author's and committer's time.
    pub at: Timestamp,
}

/// One commit found on the rollback branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its id.
    pub id: CommitId,
    /// The whole message.
    pub message: String,
}

/// The reasons why the ledger could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else moved the branch since it was read: read it again.
    #[error("the rollback branch {branch} was moved by somebody else")]
    Raced {
        /// The branch.
        branch: String,
    },
    /// The remote did not answer, or a lock is held: goes away by itself.
    #[error("{message}")]
    Unavailable {
        /// What failed, where and why.
        message: String,
    },
    /// Refused for good: a protected branch, missing rights, a damaged object.
    #[error("{message}; {remedy}")]
    Stalled {
        /// What failed, where and why.
        message: String,
        /// What to do.
        remedy: String,
    },
}

impl LedgerError {
    /// Returns what happens next.
    pub fn next(&self) -> Next {
        match self {
            Self::Raced { .. } | Self::Unavailable { .. } => Next::Retry(None),
            Self::Stalled { .. } => Next::Stall,
        }
    }
}

/// The rollback branch of one environment: an orphan branch that only fast-forwards.
///
/// # Guarantees
/// - [`Ledger::append`] moves the branch by compare-and-swap, from exactly `expected` to the last
///   new commit, in one step; for a mirrored repository the step is the push to the remote.
/// - What it returned as done is on the branch (and on the remote, where there is one).
pub trait Ledger: Send + Sync + 'static {
    /// Makes [`Ledger::tip`] the remote's; local commits that the remote lacks are dropped.
    ///
    /// # Errors
    /// See [`LedgerError`].
    fn refresh(&self) -> Result<(), LedgerError>;

    /// The newest commit; `None` while the branch does not exist.
    ///
    /// # Errors
    /// See [`LedgerError`].
    fn tip(&self) -> Result<Option<CommitId>, LedgerError>;

    /// Every file of one ledger commit whose path starts with `prefix` (`""` for all), with its bytes.
    ///
    /// # Errors
    /// See [`LedgerError`].
    fn files(&self, at: &CommitId, prefix: &str) -> Result<BTreeMap<String, Vec<u8>>, LedgerError>;

    /// The path of every file of one ledger commit whose path starts with `prefix`; sorted.
    ///
    /// # Errors
    /// See [`LedgerError`].
    fn paths(&self, at: &CommitId, prefix: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.files(at, prefix)?.into_keys().collect())
    }

    /// The commits that end in `at`, newest first, until `until` (not included) or the root.
    ///
    /// # Errors
    /// See [`LedgerError`].
    fn history(
        &self,
        at: &CommitId,
        until: Option<&CommitId>,
    ) -> Result<Vec<LedgerEntry>, LedgerError>;

    /// Makes the commits, one upon the other, and moves the branch from `expected` to the last.
    /// Returns their ids in order. When the answer of a push is lost, the remote is asked: our commit
    /// there means that it succeeded.
    ///
    /// # Errors
    /// [`LedgerError::Raced`] when the branch is not at `expected`; nothing has moved then.
    fn append(
        &self,
        expected: Option<&CommitId>,
        commits: &[LedgerCommit],
    ) -> Result<Vec<CommitId>, LedgerError>;
}
