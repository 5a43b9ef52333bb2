//! The commit of a rollback: the branch's content without what is taken back.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::choice::{Choice, Step, label};
use super::message::{Reverted, message};
use crate::assembly;
use crate::cli::failure::Failure;
use crate::cli::history::{History, Past};
use crate::cli::present::{clean, findings};
use crate::domain::{CommitId, Findings, ReleaseKind, ReleaseStatus};
use crate::git::{Clash, Identity, Scratch, Undone};
use crate::manifest::{Loaded, Loader};
use crate::ports::{CommitInfo, Source as _};
use crate::settings::{Environment, SecretSource};

/// A commit that exists in its scratch repository alone.
pub(super) struct Made {
    pub(super) scratch: Scratch,
    pub(super) commit: CommitId,
    pub(super) subject: String,
    /// True if it changes no file, and takes back by its words alone.
    pub(super) is_empty: bool,
}

/// Makes commits upon the tip of the watched branch.
pub(super) struct Maker<'a> {
    pub(super) history: &'a History,
    pub(super) environment: &'a Environment<SecretSource>,
    pub(super) tip: &'a CommitId,
    pub(super) past: Vec<Past>,
}

/// A file that stands in the way, and the commits that changed it since.
type InTheWay<'a> = (&'a str, Vec<CommitInfo>);

impl Maker<'_> {
    /// Makes the commit, or says which files are in its way.
    pub(super) fn make(&self, choice: &Choice) -> Result<Made, Failure> {
        let loader = assembly::loader(&self.history.settings, &self.environment.name)?;
        let scratch = self.history.source().scratch()?;
        let before = scratch.content(self.tip)?;
        let mut tree = before;
        for step in &choice.steps {
            tree = match scratch.undo(tree, &step.undo)? {
                Undone::Clean(tree) => tree,
                Undone::Conflict(clashes) if self.are_removed(&loader, step, &clashes)? => {
                    scratch.undo_but_for_gone(tree, &step.undo)?
                }
                Undone::Conflict(clashes) => return Err(self.conflict(choice, step, &clashes)?),
            };
        }
        let named = choice.steps.iter().filter(|step| step.named);
        let reverted = named
            .map(|step| {
                Ok(Reverted {
                    info: self.history.source().commit(&step.undo.commit)?,
                    parent: step.undo.parent.clone(),
                })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let message = message(&choice.taken, &reverted);
        let who = Identity::of_user(Timestamp::now());
        let commit = scratch.commit(tree, self.tip, &message, &who)?;
        self.check(&loader, &scratch, &commit)?;
        Ok(Made {
            scratch,
            commit,
            subject: message.lines().next().unwrap_or_default().to_owned(),
            is_empty: tree == before,
        })
    }

    /// A commit whose files cannot be used is not carried out.
    fn check(&self, loader: &Loader, scratch: &Scratch, commit: &CommitId) -> Result<(), Failure> {
        let tree = scratch.repository()?.tree(commit)?;
        let mut found = loader.load(tree.as_ref())?.findings;
        if !found.any_critical() {
            return Ok(());
        }
        found
            .0
            .retain(|finding| Findings(vec![finding.clone()]).any_critical());
        let branch = &self.environment.branch;
        let tip = self.history.source().tree(self.tip)?;
        let remedy = if loader.load(tip.as_ref())?.findings.any_critical() {
            format!(
                "the release files of {branch} cannot be used as they are, so a rollback upon them could not be carried out; nothing was pushed. Repair them or `git revert` what broke them, or take back all since then with `gitmage rollback --to RELEASE`"
            )
        } else {
            "what is left would refer to what is taken back, and could not be deployed; nothing was pushed. Roll back what refers to it, too".to_owned()
        };
        Err(Failure::new(format!(
            "{remedy}:\n\n{}",
            anstream::adapter::strip_str(findings(&found).trim_end())
        )))
    }

    /// True if the files that clash were deleted by commits that only deleted: then their statements
    /// stand nowhere else, and there is nothing to bring back.
    fn are_removed(
        &self,
        loader: &Loader,
        step: &Step,
        clashes: &[Clash],
    ) -> Result<bool, Failure> {
        let source = self.history.source();
        for Clash { path, gone } in clashes {
            if !gone {
                return Ok(false);
            }
            let changes = self.changes_since(step, path)?;
            let mut newest_first = changes.iter().rev();
            let deletion = newest_first.find(|(_, before, after)| *before && !after);
            let Some((deletion, ..)) = deletion else {
                return Ok(false);
            };
            let mut files = [Loaded::default(), Loaded::default()].map(|loaded| loaded.files);
            let before = deletion.parents.first();
            for (files, commit) in files.iter_mut().zip([before, Some(&deletion.id)]) {
                if let Some(commit) = commit {
                    *files = loader.read(source.tree(commit)?.as_ref())?.files;
                }
            }
            let [before, after] = files;
            if after.iter().any(|(path, id)| before.get(path) != Some(id)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The commits of the branch since a step's that changed a path, oldest first, and whether it was
    /// there before and after each.
    fn changes_since(
        &self,
        step: &Step,
        path: &str,
    ) -> Result<Vec<(CommitInfo, bool, bool)>, Failure> {
        let source = self.history.source();
        let start = &step.undo.commit;
        let mut line = source.first_parents(self.tip, Some(start))?;
        if line.first().and_then(|info| info.parents.first()) != Some(start) {
            // It came in by a merge that turned the line round.
            let all: BTreeSet<CommitId> = line.iter().map(|info| info.id.clone()).collect();
            let later = source.descendants(start, &all)?;
            line.retain(|info| later.contains(&info.id) && info.id != *start);
        }
        let at = |commit: &CommitId| -> Result<Option<String>, Failure> {
            let entry = source.tree(commit)?.entry(path)?;
            Ok(entry.map(|entry| entry.id))
        };
        let mut changes = Vec::new();
        for info in line {
            let before = info.parents.first().map(at).transpose()?.flatten();
            let after = at(&info.id)?;
            if before != after {
                changes.push((info, before.is_some(), after.is_some()));
            }
        }
        Ok(changes)
    }

    /// Says which files are in the way, because of which later releases, and what to do.
    fn conflict(
        &self,
        choice: &Choice,
        step: &Step,
        clashes: &[Clash],
    ) -> Result<Failure, Failure> {
        let mut in_the_way: Vec<InTheWay<'_>> = Vec::new();
        for clash in clashes {
            in_the_way.push((&clash.path, self.later(choice, step, &clash.path)?));
        }
        let mut text = format!(
            "{} cannot be taken back alone: files that it changed were changed again since\n",
            self.name(&step.undo.commit)?
        );
        for (path, changes) in &in_the_way {
            let by: Vec<String> = changes
                .iter()
                .map(|info| self.name(&info.id))
                .collect::<Result<_, _>>()?;
            let by = match by.is_empty() {
                true => "moved, or changed by what is taken back with it".to_owned(),
                false => format!("by {}", by.join(", ")),
            };
            text.push_str(&format!("  {}: {by}\n", clean(path)));
        }
        text.push_str(&self.advice(choice, step, &in_the_way));
        Ok(Failure::new(text))
    }

    fn advice(&self, choice: &Choice, step: &Step, in_the_way: &[InTheWay<'_>]) -> String {
        let later: BTreeSet<&CommitId> = in_the_way
            .iter()
            .flat_map(|(_, changes)| changes.iter().map(|info| &info.id))
            .collect();
        let releases: Vec<&Past> = self
            .past
            .iter()
            .rev()
            .filter(|past| later.contains(&past.commit) && past.kind == ReleaseKind::Deploy)
            .collect();
        let by_hand = format!(
            "do it by hand with `git revert {}`",
            step.undo.commit.short()
        );
        let Some(oldest) = releases.last() else {
            return format!("nothing was pushed; {by_hand}");
        };
        let mut ids: Vec<&str> = releases.iter().map(|past| past.id.short()).collect();
        let taken = choice.taken.iter().filter(|taken| taken.is_put_back());
        ids.extend(taken.filter_map(|taken| taken.id.get(..10)));
        let begun = self.release(&step.undo.commit).unwrap_or(oldest).seq;
        let goal = self.past.iter().rev().find(|past| {
            past.counts
                && past.seq < begun
                && !matches!(
                    past.status,
                    ReleaseStatus::Invalid | ReleaseStatus::RolledBack
                )
        });
        let to = goal.map_or_else(String::new, |goal| {
            format!(
                ", or everything since {}: `gitmage rollback --to {}`",
                label(goal),
                goal.id.short()
            )
        });
        format!(
            "nothing was pushed; roll back what came later, too: `gitmage rollback {}`{to}, or {by_hand}",
            ids.join(" ")
        )
    }

    /// The commits that changed a path after a step's and are not taken back with it; without those that
    /// came to nothing, where there are others.
    fn later(&self, choice: &Choice, step: &Step, path: &str) -> Result<Vec<CommitInfo>, Failure> {
        let taken: BTreeSet<&CommitId> = choice.steps.iter().map(|s| &s.undo.commit).collect();
        let changes = self.changes_since(step, path)?.into_iter();
        let mut changes: Vec<CommitInfo> = changes
            .map(|(info, ..)| info)
            .filter(|info| !taken.contains(&info.id))
            .collect();
        changes.reverse();
        let counts = |info: &CommitInfo| {
            self.release(&info.id).is_none_or(|past| {
                past.status != ReleaseStatus::RolledBack && past.kind != ReleaseKind::Rollback
            })
        };
        if changes.iter().any(counts) {
            changes.retain(counts);
        }
        Ok(changes)
    }

    fn release(&self, commit: &CommitId) -> Option<&Past> {
        self.past.iter().rev().find(|past| past.commit == *commit)
    }

    fn name(&self, commit: &CommitId) -> Result<String, Failure> {
        let info = self.history.source().commit(commit)?;
        let subject = clean(&info.subject);
        Ok(match self.release(commit) {
            Some(past) => format!("{} ({subject})", past.id.short()),
            None => format!(
                "commit {} ({subject}), which made no release",
                commit.short()
            ),
        })
    }
}
