//! The watched repository, in place or through its mirror.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix::bstr::BStr;
use gix::refs::FullName;
use gix::{ObjectId, ThreadSafeRepository};
use secrecy::SecretString;

use super::ledger::BranchLedger;
use super::location::{self, Location, Transport};
use super::mirror::Mirror;
use super::objects::{self, damaged, reason};
use super::open::{self, Stamp};
use super::program::Program;
use super::tree::CommitTree;
use super::watch::Watch;
use super::words;
use crate::domain::CommitId;
use crate::manifest::Tree;
use crate::ports::{CommitInfo, GitError, Source};

/// Where the repository is and how it is reached.
#[derive(Debug, Clone)]
pub struct Options {
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
    /// How long the remote may be silent.
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
    pub fn open(options: Options) -> Result<Self, GitError> {
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
    pub fn at(options: Options) -> Result<Self, GitError> {
        let Options {
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

    /// What a branch points to.
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

/// How often a reference that cannot be read is looked at again.
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
        let repository = self.local()?;
        let not_found = || GitError::NotFound(revision.to_owned());
        let id = match repository.rev_parse_single(<&BStr>::from(revision)) {
            Ok(id) => id,
            Err(error) if is_ambiguous(&error) => {
                return Err(GitError::Stalled {
                    message: format!("revision {revision:?} is ambiguous: {}", reason(&error)),
                    remedy: "give more digits".to_owned(),
                });
            }
            Err(_) => return Err(not_found()),
        };
        let object = id
            .object()
            .map_err(|error| damaged("object", id, reason(&error)))?;
        let commit = object.peel_to_commit().map_err(|_| not_found())?;
        objects::commit_id(commit.id)
    }

    fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        objects::info(&objects::named_commit(&self.local()?, id)?)
    }

    fn first_parents(
        &self,
        tip: &CommitId,
        after: Option<&CommitId>,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let repository = self.local()?;
        let after = after.map(objects::object_id).transpose()?;
        let mut line = objects::first_parents(&repository, tip, after)
            .map(|commit| objects::info(&commit?))
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
        // Each commit is looked at once. The search for a merge base looks at them again and again
        // where many merges have one date.
        let broken = |error: gix::Error| damaged("history of", descendant, reason(&error));
        let walk = repository.rev_walk([descendant]).all();
        for commit in walk.map_err(broken)? {
            if commit.map_err(broken)?.id == ancestor {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn descendants(
        &self,
        ancestor: &CommitId,
        of: &BTreeSet<CommitId>,
    ) -> Result<BTreeSet<CommitId>, GitError> {
        let repository = self.local()?;
        let mut tips = BTreeMap::new();
        for id in of {
            match objects::named_commit(&repository, id) {
                Ok(commit) => _ = tips.insert(commit.id, id),
                Err(GitError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let broken = |error: gix::Error| damaged("history of", ancestor, reason(&error));
        let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let walk = repository.rev_walk(tips.keys().copied()).all();
        for commit in walk.map_err(broken)? {
            let commit = commit.map_err(broken)?;
            for parent in &commit.parent_ids {
                children.entry(*parent).or_default().push(commit.id);
            }
        }
        let mut found = BTreeSet::new();
        let mut next = vec![objects::object_id(ancestor)?];
        while let Some(id) = next.pop() {
            if let Some(tip) = tips.remove(&id) {
                found.insert(tip.clone());
            }
            // Each is followed once: what it leads to is taken out.
            next.extend(children.remove(&id).unwrap_or_default());
        }
        Ok(found)
    }

    fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        let repository = self.local()?;
        let a = objects::named_commit(&repository, a)?.id;
        let b = objects::named_commit(&repository, b)?.id;
        let base = repository
            .merge_base(a, b)
            .map_err(|error| damaged("history of", a, reason(&error)))?;
        base.map(objects::commit_id).transpose()
    }

    fn reverted(&self, info: &CommitInfo) -> Result<Vec<CommitId>, GitError> {
        let repository = self.local()?;
        let mut commits = Vec::new();
        for id in words::reverted_commits(&info.message) {
            if let Some(id) = only_commit(&repository, &id)?
                && !commits.contains(&id)
            {
                commits.push(id);
            }
        }
        Ok(commits)
    }

    fn tree(&self, commit: &CommitId) -> Result<Box<dyn Tree>, GitError> {
        let shared = self.shared_local()?;
        let repository = shared.to_thread_local();
        let commit = objects::named_commit(&repository, commit)?;
        let root = commit
            .tree_id()
            .map_err(|error| damaged("commit", commit.id, reason(&error)))?
            .detach();
        Ok(Box::new(CommitTree {
            repository: shared,
            root,
        }))
    }
}

/// The only commit whose id starts so.
fn only_commit(repository: &gix::Repository, hex: &str) -> Result<Option<CommitId>, GitError> {
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
