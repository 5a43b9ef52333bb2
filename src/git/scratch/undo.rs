//! Taking back what commits changed, as `git revert` does, without a work tree.

use std::collections::BTreeMap;

use gix::ObjectId;
use jiff::Timestamp;

use super::{Scratch, failed, not_made};
use crate::domain::CommitId;
use crate::git::objects;
use crate::git::open;
use crate::git::write;
use crate::ports::GitError;

/// The content of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeId(pub(super) ObjectId);

/// The difference that is taken back, that is the one from one commit to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// Where the difference leads to.
    pub commit: CommitId,
    /// Where it begins; nothing, for the first commit of a history.
    pub parent: Option<CommitId>,
}

/// The content that is left once a difference is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// This, without a doubt.
    Clean(TreeId),
    /// These files were changed since, where the difference changed them.
    Conflict(Vec<Clash>),
}

/// A file that cannot be brought back to what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Its path.
    pub path: String,
    /// True if the file is gone, so that only its earlier content could be put back.
    pub gone: bool,
}

/// The three contents of a path in a merge: by mode and id, as far as there are any.
type Stages = [Option<String>; 3];

impl Scratch {
    /// The content of a commit.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn content(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        let repository = open::open(&self.git_dir())?.to_thread_local();
        Ok(TreeId(objects::named_commit(&repository, commit)?.tree))
    }

    /// Takes a difference back from a content. A file that was moved since, and not changed, is taken
    /// back where it is now.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn undo(&self, from: TreeId, undo: &Undo) -> Result<Undone, GitError> {
        let stages = match self.revert(from, undo)? {
            Some(stages) => stages,
            None => return self.written().map(Undone::Clean),
        };
        let (moved, clashes): (Vec<_>, Vec<_>) = stages.into_iter().partition(|(path, stages)| {
            // It is as the difference left it, somewhere else, and was not there before.
            let [base, ours, theirs] = stages;
            base.is_some() && base == ours && theirs.is_none() && is_exact(path)
        });
        if !clashes.is_empty() {
            let clash = |(path, [base, ours, theirs]): (String, Stages)| Clash {
                gone: base.is_some() && ours.is_none() && theirs.is_some() && is_exact(&path),
                path,
            };
            return Ok(Undone::Conflict(clashes.into_iter().map(clash).collect()));
        }
        self.without(moved.into_iter().map(|(path, _)| path))
            .map(Undone::Clean)
    }

    /// The same where all files that clash are gone, and are to stay so.
    ///
    /// # Errors
    /// See [`GitError`].
    pub fn undo_but_for_gone(&self, from: TreeId, undo: &Undo) -> Result<TreeId, GitError> {
        let stages = self.revert(from, undo)?.unwrap_or_default();
        self.without(stages.into_keys())
    }

    /// Leaves the outcome in the index; what is not merged there, by path.
    fn revert(
        &self,
        from: TreeId,
        undo: &Undo,
    ) -> Result<Option<BTreeMap<String, Stages>>, GitError> {
        // A commit of its own, so that a merge needs no number of a parent.
        let who = write::signature(Timestamp::UNIX_EPOCH);
        let parent = undo.parent.as_ref().map(objects::object_id).transpose()?;
        let difference = self.make(gix::objs::Commit {
            tree: self.content(&undo.commit)?.0,
            parents: parent.into_iter().collect(),
            author: who.clone(),
            committer: who,
            encoding: None,
            message: "Difference".into(),
            extra_headers: Vec::new(),
        })?;
        self.begin(from, &difference)?;
        let answer = self.run_in_index(&[
            "revert",
            "--no-commit",
            "--strategy-option=find-renames=100%",
            difference.as_str(),
        ])?;
        if answer.success {
            return Ok(None);
        }
        let stages = self.stages()?;
        if stages.is_empty() {
            return Err(failed(&answer.stderr));
        }
        Ok(Some(stages))
    }

    /// Sets the index to a content.
    fn begin(&self, from: TreeId, head: &CommitId) -> Result<(), GitError> {
        let git_dir = self.git_dir();
        // What an earlier conflict has left would be in the way.
        let work_tree = self.work_tree();
        if work_tree.exists() {
            std::fs::remove_dir_all(&work_tree).map_err(|error| not_made(&error))?;
        }
        std::fs::create_dir(&work_tree).map_err(|error| not_made(&error))?;
        std::fs::write(git_dir.join("HEAD"), format!("{head}\n"))
            .map_err(|error| not_made(&error))?;
        let from = from.0.to_string();
        self.in_index(&["read-tree", "--reset", "-u", &from])
            .map(drop)
    }

    /// The index without some paths, as a content.
    fn without(&self, paths: impl Iterator<Item = String>) -> Result<TreeId, GitError> {
        for path in paths {
            self.in_index(&["update-index", "--force-remove", "--", &path])?;
        }
        self.written()
    }

    fn written(&self) -> Result<TreeId, GitError> {
        let hex = self.in_index(&["write-tree"])?;
        ObjectId::from_hex(hex.trim().as_bytes())
            .map(TreeId)
            .map_err(|_| failed(&hex))
    }

    fn stages(&self) -> Result<BTreeMap<String, Stages>, GitError> {
        let mut stages: BTreeMap<String, Stages> = BTreeMap::new();
        // `<mode> <id> <stage>\t<path>`
        let listed = self.in_index(&["ls-files", "--unmerged", "-z"])?;
        for entry in listed.split_terminator('\0') {
            let Some((what, path)) = entry.split_once('\t') else {
                continue;
            };
            let Some((content, stage)) = what.rsplit_once(' ') else {
                continue;
            };
            let place = stage.parse().ok().and_then(|n: usize| n.checked_sub(1));
            let stages = stages.entry(path.to_owned()).or_default();
            if let Some(place) = place.and_then(|place| stages.get_mut(place)) {
                *place = Some(content.to_owned());
            }
        }
        Ok(stages)
    }

    fn in_index(&self, args: &[&str]) -> Result<String, GitError> {
        let answer = self.run_in_index(args)?;
        if answer.success {
            Ok(answer.stdout)
        } else {
            Err(failed(&answer.stderr))
        }
    }

    fn run_in_index(&self, args: &[&str]) -> Result<crate::git::program::Answer, GitError> {
        let work_tree = format!("--work-tree={}", self.work_tree().display());
        let mut all = vec![work_tree.as_str()];
        all.extend(args);
        self.run(Some(&self.git_dir()), &all)
    }
}

/// True if the path came through as it is: git's output is read as UTF-8.
fn is_exact(path: &str) -> bool {
    !path.contains(char::REPLACEMENT_CHARACTER)
}
