//! A scratch repository, in which commits of gitmage's own for the watched branch are made.
//!
//! It borrows the objects of the watched repository or of its mirror, has the same branches, and
//! lives in the system's temporary directory until it is dropped.
//!
//! # Guarantees
//! - The watched repository is written by [`Scratch::push`] alone, and its work tree never.
//! - A push moves a branch by compare-and-swap, and only forward.
//! - No file of a commit is executed, and no configuration but ours is read.
//!
//! # Assumptions
//! - Hooks of the repository that is pushed to belong to its owner, as with every push: where that is
//!   somebody else, Git itself refuses to run there, unless the user's `safe.directory` says otherwise.

mod undo;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gix::ObjectId;
use tempfile::TempDir;

use super::identity::Identity;
use super::location::Location;
use super::objects::{self, damaged, reason};
use super::open;
use super::program::Program;
use super::refusal::{self, Verdict};
use super::repository::{Repository, RepositoryOptions};
use crate::domain::CommitId;
use crate::ports::{GitError, Source as _};
pub use undo::{Clash, TreeId, Undo, Undone};

/// The time that a run of git on this machine may be silent.
const PATIENCE: Duration = Duration::from_secs(300);

/// Nothing is checked out, so that a commit's file names and links mean nothing to this machine.
/// What was moved is followed only where its content is the same: release files resemble each other.
const CONFIG: &str = "\
[core]
\tsparseCheckout = true
\tsparseCheckoutCone = false
\tlogAllRefUpdates = false
[merge]
\tdirectoryRenames = false
[user]
\tname = gitmage
\temail = gitmage@localhost
[gc]
\tauto = 0
";

/// A scratch repository beside a watched one.
pub struct Scratch {
    dir: TempDir,
    watched: Repository,
    local: Program,
    remote: Program,
}

/// The outcome of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The branch is at the commit, or beyond it.
    Done {
        /// What the remote said to it, line by line.
        said: Vec<String>,
    },
    /// The branch is not where it was expected to be.
    Raced,
    /// The repository takes pushes, but not this one: a protected branch, a hook, a branch that is
    /// checked out.
    Refused {
        /// Why, in Git's and the remote's words.
        words: String,
    },
}

impl Scratch {
    /// Makes one beside a repository, with the branches that are known of it.
    pub(super) fn beside(watched: &Repository) -> Result<Self, GitError> {
        let source = watched.local()?;
        let dir = tempfile::Builder::new()
            .prefix("gitmage-")
            .tempdir()
            .map_err(|error| not_made(&error))?;
        let local = Program {
            url: String::new(),
            token: None,
            ca_file: None,
            ssh_command: None,
            config: None,
            timeout: PATIENCE,
        };
        let remote = match watched.mirror() {
            Some(mirror) => mirror.program().clone(),
            None => Program {
                url: watched
                    .path()
                    .map_or_else(String::new, |path| path.display().to_string()),
                config: Some(dir.path().join("safe")),
                ..local.clone()
            },
        };
        let scratch = Self {
            dir,
            watched: watched.clone(),
            local,
            remote,
        };
        let format = format!("--object-format={}", source.object_hash());
        let git_dir = scratch.git_dir().to_string_lossy().into_owned();
        scratch.git(
            None,
            &[
                "init",
                "--quiet",
                "--bare",
                "--template=",
                &format,
                "--",
                &git_dir,
            ],
        )?;
        scratch.fill(&source).map_err(|error| match error {
            Filling::Disk(error) => not_made(&error),
            Filling::Git(error) => error,
        })?;
        Ok(scratch)
    }

    /// Borrows the objects and copies the branches.
    fn fill(&self, source: &gix::Repository) -> Result<(), Filling> {
        let git_dir = self.git_dir();
        let objects = source.objects.store_ref().path();
        let objects = objects.canonicalize()?;
        std::fs::create_dir_all(git_dir.join("objects/info"))?;
        std::fs::write(
            git_dir.join("objects/info/alternates"),
            format!("{}\n", objects.display()),
        )?;
        std::fs::create_dir_all(git_dir.join("info"))?;
        std::fs::write(git_dir.join("info/sparse-checkout"), "")?;
        let mut config = std::fs::read_to_string(git_dir.join("config"))?;
        config.push_str(CONFIG);
        std::fs::write(git_dir.join("config"), config)?;
        std::fs::write(git_dir.join("packed-refs"), branches(source)?)?;
        std::fs::write(self.dir.path().join("safe"), safe_directories())?;
        Ok(())
    }

    fn git_dir(&self) -> PathBuf {
        self.dir.path().join("scratch.git")
    }

    fn work_tree(&self) -> PathBuf {
        self.dir.path().join("empty")
    }

    /// Returns what is made here and all that it is made upon, to be read like the watched repository.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn repository(&self) -> Result<Repository, GitError> {
        Repository::open(RepositoryOptions {
            location: Location::Path(self.git_dir()),
            token: None,
            mirror_dir: self.dir.path().join("unused"),
            ssh_command: None,
            ca_file: None,
            timeout: PATIENCE,
        })
    }

    /// Makes a commit upon `parent`.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn commit(
        &self,
        tree: TreeId,
        parent: &CommitId,
        message: &str,
        who: &Identity,
    ) -> Result<CommitId, GitError> {
        let Identity { author, committer } = who.clone();
        self.make(gix::objs::Commit {
            tree: tree.0,
            parents: [objects::object_id(parent)?].into_iter().collect(),
            author,
            committer,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        })
    }

    fn make(&self, commit: gix::objs::Commit) -> Result<CommitId, GitError> {
        let repository = open::open(&self.git_dir())?.to_thread_local();
        let made = repository
            .write_object(commit)
            .map_err(|error| GitError::Stalled {
                message: format!("a commit cannot be made: {}", reason(&error)),
                remedy: SPACE.to_owned(),
            })?;
        objects::commit_id(made)
    }

    /// Moves a branch of the watched repository from `old` (from nothing, where there is no such
    /// branch) to a commit made here. Pushed is what a user would push: hooks and protections count.
    ///
    /// # Errors
    /// Fails where nothing can be pushed there at all, or the remote does not answer.
    pub fn push(
        &self,
        branch: &str,
        old: Option<&CommitId>,
        new: &CommitId,
    ) -> Result<Pushed, GitError> {
        const DOING: &str = "pushing to";
        let from = old.map(objects::object_id).transpose()?;
        let to = objects::object_id(new)?;
        let url = &self.remote.url;
        let answer = match self.remote.push(&self.git_dir(), branch, from, to) {
            Ok(answer) => answer,
            Err(error) => {
                return self.after_unclear_push(
                    branch,
                    old,
                    new,
                    Err(self.remote.no_answer(DOING, error)),
                );
            }
        };
        match refusal::verdict(answer.success, &answer.stdout, &answer.stderr) {
            Verdict::Accepted => Ok(Pushed::Done {
                said: refusal::said_by_remote(&answer.stderr),
            }),
            Verdict::Overtaken => Ok(Pushed::Raced),
            Verdict::Forbidden(words) => Ok(Pushed::Refused { words }),
            Verdict::Unclear(words) if refusal::is_about_the_branch(&answer.stdout) => {
                self.after_unclear_push(branch, old, new, Ok(words))
            }
            Verdict::Unclear(_)
                if self.watched.mirror().is_none()
                    && refusal::is_owned_by_others(&answer.stderr) =>
            {
                Err(GitError::Stalled {
                    message: format!("{DOING} {url}: the repository belongs to another user"),
                    remedy: "run gitmage as its owner".to_owned(),
                })
            }
            Verdict::Unclear(words) => {
                self.after_unclear_push(branch, old, new, Err(refusal::of(DOING, url, &words)))
            }
        }
    }

    /// Looks where the branch is after a push of which nothing is known for certain.
    fn after_unclear_push(
        &self,
        branch: &str,
        old: Option<&CommitId>,
        new: &CommitId,
        doubt: Result<String, GitError>,
    ) -> Result<Pushed, GitError> {
        if let Err(error) = self.watched.refresh() {
            return Err(doubt.err().unwrap_or(error));
        }
        let tip = self.watched.head(branch)?;
        if let Some(tip) = &tip
            && self.watched.is_ancestor(new, tip)?
        {
            return Ok(Pushed::Done { said: Vec::new() });
        }
        if tip.as_ref() != old {
            return Ok(Pushed::Raced);
        }
        doubt.map(|words| Pushed::Refused { words })
    }

    /// Runs git here; its standard output where it succeeds.
    fn git(&self, git_dir: Option<&Path>, args: &[&str]) -> Result<String, GitError> {
        let answer = self.run(git_dir, args)?;
        if answer.success {
            Ok(answer.stdout)
        } else {
            Err(failed(&answer.stderr))
        }
    }

    fn run(
        &self,
        git_dir: Option<&Path>,
        args: &[&str],
    ) -> Result<super::program::Answer, GitError> {
        self.local
            .run(git_dir, args)
            .map_err(|error| self.local.no_answer("preparing a commit", error))
    }
}

const SPACE: &str = "see that the temporary directory can be written and has space";

/// The reasons why there is nothing to be used.
enum Filling {
    Disk(std::io::Error),
    Git(GitError),
}

impl From<std::io::Error> for Filling {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<GitError> for Filling {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}

fn not_made(error: &std::io::Error) -> GitError {
    GitError::Stalled {
        message: format!("no scratch repository can be made: {error}"),
        remedy: SPACE.to_owned(),
    }
}

fn failed(stderr: &str) -> GitError {
    let remedy = if stderr.contains("invalid path") {
        "take that path off the branch in a commit of your own: Git cannot check it out"
    } else {
        SPACE
    };
    GitError::Stalled {
        message: format!("a commit cannot be prepared: {}", refusal::words(stderr)),
        remedy: remedy.to_owned(),
    }
}

/// The branches of a repository in the form of `packed-refs`.
fn branches(source: &gix::Repository) -> Result<String, GitError> {
    let unreadable = |error: gix::Error| damaged("list of", "branches", reason(&error));
    let references = source.references().map_err(unreadable)?;
    let mut lines: Vec<(String, ObjectId)> = Vec::new();
    // One that is damaged is no branch to go on from.
    for mut reference in references.local_branches().map_err(unreadable)?.flatten() {
        let name = reference.name().as_bstr().to_string();
        if let Ok(id) = reference.peel_to_id() {
            lines.push((name, id.detach()));
        }
    }
    lines.sort();
    let lines = lines.iter().map(|(name, id)| format!("{id} {name}\n"));
    Ok(
        std::iter::once("# pack-refs with: peeled fully-peeled sorted \n".to_owned())
            .chain(lines)
            .collect(),
    )
}

/// The repositories of others that the user trusts, as a configuration file.
fn safe_directories() -> String {
    let output = Command::new("git")
        .args(["config", "--null", "--get-all", "safe.directory"])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        return String::new();
    };
    let mut config = String::new();
    for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
        let path = path.replace('\\', "\\\\").replace('"', "\\\"");
        config.push_str(&format!("[safe]\n\tdirectory = \"{path}\"\n"));
    }
    config
}
