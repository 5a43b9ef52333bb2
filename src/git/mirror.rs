//! The mirror of a remote: a bare repository that has the remote's branches and nothing of its own.
//!
//! # Guarantees
//! - After a refresh its branches are the remote's as they were after the refresh was asked for.
//! - One run of git at a time; of those who ask during one, the next serves all.
//! - The mirror may be deleted at any time: it is made again when it is next needed, and so is one
//!   that is damaged, or that a crash has left locks in.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gix::bstr::ByteSlice as _;
use gix::{ObjectId, ThreadSafeRepository};

use super::ancestry::Ancestry;
use super::location;
use super::open;
use super::program::{Answer, Program};
use super::refusal::{self, Verdict};
use crate::ports::GitError;

const ALL_BRANCHES: &str = "+refs/heads/*:refs/heads/*";

/// The mirror of a remote.
pub(super) struct Mirror {
    dir: PathBuf,
    program: Program,
    /// Number of fetches that have begun.
    begun: AtomicU64,
    /// Held while git runs; the fetch that ended last.
    line: Mutex<Option<Fetched>>,
}

struct Fetched {
    number: u64,
    outcome: Result<(), GitError>,
}

/// The outcome of a push.
pub(super) enum MirrorPush {
    Done,
    /// Its answer was lost, but it was carried out: a fetch has brought the branch here since, with
    /// whatever came upon it.
    Landed,
    /// The branch on the remote is not where it was expected.
    Raced,
}

impl Mirror {
    pub(super) fn new(dir: PathBuf, program: Program) -> Self {
        Self {
            dir,
            program,
            begun: AtomicU64::new(0),
            line: Mutex::new(None),
        }
    }

    /// The URL of the remote.
    pub(super) fn url(&self) -> &str {
        &self.program.url
    }

    /// Returns how its remote is reached.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// The mirror, made when there is none.
    pub(super) fn open(&self) -> Result<ThreadSafeRepository, GitError> {
        if let Some(repository) = self.existing() {
            return Ok(repository);
        }
        self.refresh()?;
        open::open(&self.dir)
    }

    /// Fetches all branches, or shares the fetch of somebody who asked meanwhile.
    pub(super) fn refresh(&self) -> Result<(), GitError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut line = self.stand_in_line();
        if let Some(fetched) = line.as_ref()
            && fetched.number > begun
        {
            return fetched.outcome.clone();
        }
        self.fetch(&mut line)
    }

    /// Moves a branch on the remote from `old` to `new`. A lost answer is asked for again: what counts
    /// is where the branch is.
    pub(super) fn push(
        &self,
        branch: &str,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<MirrorPush, GitError> {
        let mut line = self.stand_in_line();
        let answer = self.program.push(&self.dir, branch, old, new);
        let doubt = match answer {
            Ok(answer) => match refusal::verdict(answer.success, &answer.stdout, &answer.stderr) {
                Verdict::Accepted => return Ok(MirrorPush::Done),
                Verdict::Overtaken => return Ok(MirrorPush::Raced),
                Verdict::Forbidden(words) => return Err(self.forbidden(branch, &words)),
                Verdict::Unclear(words) if answer.stdout.is_empty() => {
                    refusal::of("pushing to", &self.program.url, &words)
                }
                Verdict::Unclear(words) if refusal::is_troubled(&words) => {
                    return Err(self.forbidden(branch, &words));
                }
                Verdict::Unclear(words) => GitError::Unavailable {
                    message: self.refused(branch, &words) + refusal::lock_advice(&words),
                },
            },
            Err(error) => self.program.no_answer("pushing to", error),
        };
        self.fetch(&mut line).map_err(|_| doubt.clone())?;
        self.after_unclear_push(branch, old, new, doubt)
    }

    /// After a fetch: whether a push of which nothing is known has been carried out.
    fn after_unclear_push(
        &self,
        branch: &str,
        old: Option<ObjectId>,
        new: ObjectId,
        doubt: GitError,
    ) -> Result<MirrorPush, GitError> {
        let repository = open::open(&self.dir)?.to_thread_local();
        let tip = repository
            .try_find_reference(&format!("refs/heads/{branch}"))
            .ok()
            .flatten()
            .and_then(|mut reference| reference.peel_to_id().ok())
            .map(gix::Id::detach);
        let landed = |tip: ObjectId| Ancestry::of(&repository).reaches(tip, new).unwrap_or(false);
        match tip {
            Some(tip) if tip == new || landed(tip) => Ok(MirrorPush::Landed),
            tip if tip != old => Ok(MirrorPush::Raced),
            _ => Err(doubt),
        }
    }

    fn refused(&self, branch: &str, words: &str) -> String {
        let url = location::without_password(&self.program.url);
        format!("pushing {branch} to {url}: the remote refused it: {words}")
    }

    fn forbidden(&self, branch: &str, words: &str) -> GitError {
        GitError::Stalled {
            message: self.refused(branch, words),
            remedy: refusal::remedy_of_push(branch, words),
        }
    }

    fn stand_in_line(&self) -> MutexGuard<'_, Option<Fetched>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, line: &mut Option<Fetched>) -> Result<(), GitError> {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = self.fetch_or_make();
        *line = Some(Fetched {
            number,
            outcome: outcome.clone(),
        });
        outcome
    }

    fn fetch_or_make(&self) -> Result<(), GitError> {
        const DOING: &str = "fetching from";
        if self.existing().is_none() {
            return self.make();
        }
        let answer = self
            .program
            .run(
                Some(&self.dir),
                &[
                    "fetch",
                    "--progress",
                    "--prune",
                    "--no-tags",
                    "--no-write-fetch-head",
                    "--no-show-forced-updates",
                    "--recurse-submodules=no",
                    "--",
                    &self.program.url,
                    ALL_BRANCHES,
                ],
            )
            .map_err(|error| self.program.no_answer(DOING, error))?;
        let Answer {
            success, stderr, ..
        } = answer;
        if success {
            Ok(())
        } else if refusal::is_broken_mirror(&stderr) || refusal::is_locked_mirror(&stderr) {
            // One that a crash has left locks in would wait for ever: who else runs here holds a lock
            // for less than it was waited for.
            self.remote_answers()?;
            self.make()
        } else {
            Err(refusal::of(DOING, &self.program.url, &stderr))
        }
    }

    /// Checks whether the remote answers: a mirror is not thrown away for a message about the remote.
    fn remote_answers(&self) -> Result<(), GitError> {
        const DOING: &str = "asking";
        let url = &self.program.url;
        let answer = self
            .program
            .run(None, &["ls-remote", "--heads", "--", url])
            .map_err(|error| self.program.no_answer(DOING, error))?;
        if answer.success {
            Ok(())
        } else {
            Err(refusal::of(DOING, url, &answer.stderr))
        }
    }

    /// Clones beside the mirror's place and moves the clone there, so that what is there is whole.
    fn make(&self) -> Result<(), GitError> {
        const DOING: &str = "cloning";
        let local = |error: std::io::Error| GitError::Stalled {
            message: format!("mirror {} cannot be made: {error}", self.dir.display()),
            remedy: "let gitmage write to state_dir, and see that it has space".to_owned(),
        };
        let parent = self.dir.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(local)?;
        let scratch = tempfile::Builder::new()
            .prefix(".clone-")
            .tempdir_in(parent)
            .map_err(local)?;
        let clone = scratch.path().join("mirror");
        let path = clone.to_string_lossy();
        let answer = self
            .program
            .run(
                None,
                &[
                    "clone",
                    "--bare",
                    "--no-tags",
                    "--progress",
                    "--reject-shallow",
                    "--template=",
                    "--",
                    &self.program.url,
                    &path,
                ],
            )
            .map_err(|error| self.program.no_answer(DOING, error))?;
        if !answer.success {
            return Err(refusal::of(DOING, &self.program.url, &answer.stderr));
        }
        if self.dir.exists() {
            std::fs::rename(&self.dir, scratch.path().join("old")).map_err(local)?;
        }
        match std::fs::rename(&clone, &self.dir) {
            // another program of ours was quicker
            Err(_) if self.existing().is_some() => Ok(()),
            renamed => renamed.map_err(local),
        }
    }

    /// The mirror on disk, if it is one of this remote.
    fn existing(&self) -> Option<ThreadSafeRepository> {
        let repository = open::open(&self.dir).ok()?;
        let url = repository
            .to_thread_local()
            .config_snapshot()
            .string("remote.origin.url")?;
        (url.as_bytes() == self.program.url.as_bytes()).then_some(repository)
    }
}
