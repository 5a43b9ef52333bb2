//! The watched repository, in place or through its mirror.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix::refs::FullName;
use gix::{ObjectId, ThreadSafeRepository};
use secrecy::SecretString;

use super::ancestry::Ancestry;
use super::exclusive::exclusive;
use super::ledger::BranchLedger;
use super::location::{self, Location, Transport};
use super::mirror::Mirror;
use super::objects::{self, damaged, reason};
use super::open::{self, Stamp};
use super::program::Program;
use super::revision;
use super::scratch::Scratch;
use super::tree::CommitTree;
use super::watch::Watch;
use super::words;
use crate::domain::CommitId;
use crate::manifest::Tree;
use crate::ports::{CommitInfo, GitError, RepositoryName, Source};

/// The place of the repository, and the way to it.
#[derive(Debug, Clone)]
pub struct RepositoryOptions {
    /// Where it is.
    pub location: Location,
    /// The token for `https://`; its user name is the URL's, else `x-access-token`.
    pub token: Option<SecretString>,
    /// Where the mirror of a remote lives. Ours alone; it may be deleted at any time.
    pub mirror_dir: PathBuf,
    /// Replaces `ssh` with its options (`core.sshCommand`). It should never ask for anything.
    pub ssh_command: Option<String>,
    /// Certificate authorities for `https://`, as a PEM file (`http.sslCAInfo`).
    pub ca_file: Option<PathBuf>,
    /// The time that the remote may be silent.
    pub timeout: Duration,
}

/// The watched repository. Cheap to clone; all clones share what is open.
#[derive(Clone)]
pub struct Repository {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
    opened: Mutex<Option<Opened>>,
}

enum Place {
    InPlace(PathBuf),
    Mirrored(Mirror),
}

#[derive(Clone)]
struct Opened {
    repository: ThreadSafeRepository,
    common_dir: PathBuf,
    stamp: Stamp,
}

impl Repository {
    /// Opens a repository. A mirror is made when it is first needed, not here: the remote may be
    /// down.
    ///
    /// # Errors
    /// [`GitError::Stalled`] when there is no usable repository at the path, or the URL or the
    /// credential cannot be used.
    pub fn open(options: RepositoryOptions) -> Result<Self, GitError> {
        let repository = Self::at(options)?;
        if let Place::InPlace(_) = repository.shared.place {
            repository.local()?;
        }
        Ok(repository)
    }

    /// The same without a look at what is there: that is told by whatever needs it first, and what
    /// is mended meanwhile needs no second call.
    ///
    /// # Errors
    /// [`GitError::Stalled`] when the URL or the credential cannot be used.
    pub fn at(options: RepositoryOptions) -> Result<Self, GitError> {
        let RepositoryOptions {
            location,
            token,
            mirror_dir,
            ssh_command,
            ca_file,
            timeout,
        } = options;
        let transport = match &location {
            Location::Path(_) => None,
            Location::Remote(url) => Some(location::transport(url)?),
        };
        if token.is_some() && transport != Some(Transport::Https) {
            return Err(GitError::Stalled {
                message: format!("repository {location}: a token is of use for https:// only"),
                remedy: "take repository.token out, or use an https:// URL".to_owned(),
            });
        }
        let place = match location {
            Location::Path(path) => Place::InPlace(path),
            Location::Remote(url) => Place::Mirrored(Mirror::new(
                mirror_dir,
                Program {
                    url,
                    token,
                    ca_file,
                    ssh_command,
                    config: None,
                    timeout,
                },
            )),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                opened: Mutex::new(None),
            }),
        })
    }

    /// The ledger on the rollback branch `branch` of an environment.
    pub fn ledger(&self, branch: &str, environment: &str) -> BranchLedger {
        BranchLedger::new(self.clone(), branch, environment)
    }

    /// A scratch repository beside it, in which commits for it can be made and pushed from.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn scratch(&self) -> Result<Scratch, GitError> {
        Scratch::beside(self)
    }

    /// Watches the references. For a mirrored repository there is nothing to watch: it has to be
    /// polled, and so it should be, rarely, for a watched one.
    ///
    /// # Errors
    /// [`GitError::Stalled`] when the system refuses.
    pub fn watch(&self) -> Result<Watch, GitError> {
        match self.shared.place {
            Place::InPlace(_) => Watch::on(self.local()?.common_dir()),
            Place::Mirrored(_) => Ok(Watch::nothing()),
        }
    }

    /// The path, where the repository is opened in place.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.shared.place {
            Place::InPlace(path) => Some(path),
            Place::Mirrored(_) => None,
        }
    }

    /// The mirror, where the repository is one.
    pub(super) fn mirror(&self) -> Option<&Mirror> {
        match &self.shared.place {
            Place::InPlace(_) => None,
            Place::Mirrored(mirror) => Some(mirror),
        }
    }

    /// The repository to read from, opened anew where the one on disk is another by now.
    pub(super) fn local(&self) -> Result<gix::Repository, GitError> {
        Ok(self.shared_local()?.to_thread_local())
    }

    fn shared_local(&self) -> Result<ThreadSafeRepository, GitError> {
        let mut opened = self
            .shared
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = opened.as_ref()
            && Stamp::of(&opened.common_dir) == opened.stamp
        {
            return Ok(opened.repository.clone());
        }
        *opened = None;
        let repository = match &self.shared.place {
            Place::InPlace(path) => open::open(path)?,
            Place::Mirrored(mirror) => mirror.open()?,
        };
        let common_dir = repository.to_thread_local().common_dir().to_owned();
        let stamp = Stamp::of(&common_dir);
        *opened = Some(Opened {
            repository: repository.clone(),
            common_dir,
            stamp,
        });
        Ok(repository)
    }

    /// Returns what a branch points to.
    pub(super) fn branch_tip(
        &self,
        repository: &gix::Repository,
        branch: &str,
    ) -> Result<Option<ObjectId>, GitError> {
        let name = branch_ref(branch)?;
        let unreadable = |error: gix::Error| damaged("branch", branch, reason(&error));
        let look = || {
            let Some(mut reference) = repository.try_find_reference(name.as_ref())? else {
                return Ok(None);
            };
            Ok(Some(reference.peel_to_id()?.detach()))
        };
        // Somebody who writes or packs references at this moment makes and removes directories where
        // the name is looked for; a reference that really is damaged stays so.
        let mut seen: Result<_, gix::Error> = look();
        for _ in 0..READS {
            if seen.is_ok() {
                break;
            }
            seen = look();
        }
        seen.map_err(unreadable)
    }
}

/// The number of looks at a reference that cannot be read.
const READS: u32 = 5;

/// The full name of a branch's reference.
pub(super) fn branch_ref(branch: &str) -> Result<FullName, GitError> {
    FullName::try_from(format!("refs/heads/{branch}")).map_err(|error| GitError::Stalled {
        message: format!("branch name {branch:?} is none that Git allows: {error}"),
        remedy: "correct it in the configuration".to_owned(),
    })
}

impl Source for Repository {
    fn refresh(&self) -> Result<(), GitError> {
        match &self.shared.place {
            Place::InPlace(_) => self.local().map(drop),
            Place::Mirrored(mirror) => mirror.refresh(),
        }
    }

    fn head(&self, branch: &str) -> Result<Option<CommitId>, GitError> {
        let repository = self.local()?;
        self.branch_tip(&repository, branch)?
            .map(objects::commit_id)
            .transpose()
    }

    fn branches(&self) -> Result<Vec<String>, GitError> {
        let repository = self.local()?;
        let unreadable = |error: gix::Error| damaged("list of", "branches", reason(&error));
        let references = repository.references().map_err(unreadable)?;
        let mut names: Vec<String> = references
            .local_branches()
            .map_err(unreadable)?
            // one that is damaged is no branch to go on from
            .filter_map(Result::ok)
            .map(|reference| reference.name().shorten().to_string())
            .collect();
        names.sort();
        Ok(names)
    }

    fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        revision::commit(&self.local()?, revision)
    }

    fn resolve_id(&self, id: &str) -> Result<Option<CommitId>, GitError> {
        revision::only_commit(&self.local()?, id)
    }

    fn name(&self) -> Option<RepositoryName> {
        let (name, is_certain) = match &self.shared.place {
            Place::InPlace(path) => (location::local_name(path), false),
            Place::Mirrored(mirror) => match mirror.url().strip_prefix("file://") {
                Some(path) => (location::local_name(Path::new(path)), false),
                None => (location::forge_path(mirror.url()), true),
            },
        };
        name.map(|name| RepositoryName { name, is_certain })
    }

    fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        objects::named_commit(&self.local()?, id)?.info()
    }

    fn first_parents(
        &self,
        tip: &CommitId,
        after: Option<&CommitId>,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.local()?;
        let after = after.map(objects::object_id).transpose()?;
        let mut line = objects::first_parents(&repository, tip, after)
            .map(|commit| commit?.info())
            .collect::<Result<Vec<_>, _>>()?;
        line.reverse();
        Ok(line)
    }

    fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError> {
        let repository = self.local()?;
        let ancestor = match objects::named_commit(&repository, ancestor) {
            Ok(commit) => commit.id,
            Err(GitError::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let descendant = objects::named_commit(&repository, descendant)?.id;
        Ancestry::of(&repository).reaches(descendant, ancestor)
    }

    fn descendants(
        &self,
        ancestor: &CommitId,
        of: &BTreeSet<CommitId>,
    ) -> Result<BTreeSet<CommitId>, GitError> {
        let repository = self.local()?;
        let mut present = Vec::new();
        for id in std::iter::once(ancestor).chain(of) {
            match objects::named_commit(&repository, id) {
                Ok(commit) => present.push(commit.id),
                Err(GitError::NotFound(_)) if id == ancestor => return Ok(BTreeSet::new()),
                Err(GitError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let tips = present.split_off(1);
        Ancestry::of(&repository)
            .descendants(present[0], tips)?
            .into_iter()
            .map(objects::commit_id)
            .collect()
    }

    fn brought_in(
        &self,
        tip: &CommitId,
        not_from: &[CommitId],
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.local()?;
        let tip = objects::named_commit(&repository, tip)?.id;
        let mut excluded = Vec::new();
        for id in not_from {
            match objects::named_commit(&repository, id) {
                Ok(commit) => excluded.push(commit.id),
                Err(GitError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        exclusive(&repository, tip, &excluded)?
            .into_iter()
            .map(|id| objects::linked_commit(&repository, id)?.info())
            .collect()
    }

    fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        let repository = self.local()?;
        let a = objects::named_commit(&repository, a)?.id;
        let b = objects::named_commit(&repository, b)?.id;
        let base = Ancestry::of(&repository).merge_base(a, b)?;
        base.map(objects::commit_id).transpose()
    }

    fn reverted(&self, info: &CommitInfo) -> Result<Vec<CommitId>, GitError> {
        let repository = self.local()?;
        let mut commits = Vec::new();
        for id in words::reverted_commits(&info.message) {
            if let Some(id) = revision::only_commit(&repository, &id)?
                && !commits.contains(&id)
            {
                commits.push(id);
            }
        }
        Ok(commits)
    }

    fn tree(&self, commit: &CommitId) -> Result<Box<dyn Tree>, GitError> {
        let shared = self.shared_local()?;
        let root = objects::named_commit(&shared.to_thread_local(), commit)?.tree;
        Ok(Box::new(CommitTree {
            repository: shared,
            root,
        }))
    }
}
