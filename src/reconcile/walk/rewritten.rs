//! A branch that was rewritten: `history_rewrites: follow`.

use super::merged::Merged;
use super::{Rewrites, Route, Walker};
use crate::domain::CommitId;
use crate::manifest::{Loaded, Tree};
use crate::plan::{Cause, ChangeId, Difference, NewCommit, Revision, Seq};
use crate::ports::{CommitInfo, Source};
use crate::reconcile::error::PassError;

/// The commits of a rewritten branch, told apart.
#[derive(Default)]
struct Told {
    /// The releases that left, newest first.
    left: Vec<Seq>,
    /// Those whose commit came again with the same change.
    again: Vec<(Seq, CommitInfo, Option<ChangeId>)>,
    /// The commits that are new, oldest first.
    new: Vec<CommitInfo>,
}

/// A commit with the files that it comes to.
type Step = (CommitInfo, Option<Cause>, Loaded);

impl<S: Source> Walker<'_, S> {
    pub(super) fn rewritten(
        &mut self,
        handled: &CommitId,
        route: &Route<'_>,
    ) -> Result<(), PassError> {
        let base = match route.rewrites {
            Rewrites::Stall => {
                return Err(PassError::stalled(format!(
                    "the branch {} was rewritten: {} does not descend from {}, the commit handled last; push a branch that does, or set `history_rewrites: follow` to roll back what left and deploy the rest",
                    route.branch,
                    route.tip.short(),
                    handled.short()
                )));
            }
            Rewrites::Follow => self.source.merge_base(handled, &route.tip)?,
        };
        let Some(base) = base else {
            return Err(PassError::stalled(format!(
                "the branch {} was replaced by one without a common history; run `gitmage reconcile --rebootstrap deploy|adopt`",
                route.branch
            )));
        };
        if self.rebased(&base, &route.tip)? || self.is_only_told_anew(&route.tip)? {
            return Ok(());
        }
        self.back(&self.source.commit(&base)?)?;
        let line = self.source.first_parents(&route.tip, Some(&base))?;
        if line
            .first()
            .is_some_and(|first| first.parents.first() == Some(&base))
        {
            for commit in &line {
                self.commit(commit)?;
            }
            Ok(())
        } else {
            self.reparented(&self.source.commit(&route.tip)?, base)
        }
    }

    /// Goes to a tip on which commits came again with the same change: their releases go on under the
    /// new commits, and only what really left or is new makes a difference. False where the files
    /// cannot be told apart so.
    fn rebased(&mut self, base: &CommitId, tip: &CommitId) -> Result<bool, PassError> {
        let line = self.source.first_parents(tip, Some(base))?;
        let straight = line.first().and_then(|first| first.parents.first()) == Some(base);
        let told = self.tell_apart(line, tip)?;
        let Some(live) = self.live.clone() else {
            return Ok(false);
        };
        if !straight || told.again.is_empty() {
            return Ok(false);
        }
        let Some((steps, reached)) = self.steps(base, &live, &told)? else {
            return Ok(false);
        };
        let wanted = self.load(tip)?;
        let steps_are_valid = steps.iter().all(|(_, _, loaded)| self.is_valid(loaded));
        if reached.files != wanted.files || !self.is_valid(&wanted) || !steps_are_valid {
            return Ok(false);
        }
        for (info, cause, loaded) in steps {
            self.loaded(&info, cause, loaded)?;
        }
        for (seq, info, change) in told.again {
            let known = self.book.releases.get(&seq);
            let paths = known.map(|release| release.revision.paths.clone());
            let revision = Revision::new(
                info.id.clone(),
                &info.message,
                change,
                paths.unwrap_or_default(),
            );
            let headline = self.headline(&info);
            self.renamed.insert(seq, NewCommit { headline, revision });
        }
        self.must_record_head = true;
        self.files = wanted.files;
        self.live = Some(tip.clone());
        Ok(true)
    }

    fn tell_apart(&self, line: Vec<CommitInfo>, tip: &CommitId) -> Result<Told, PassError> {
        let mut told = Told {
            left: self.dropped(tip)?,
            ..Told::default()
        };
        for info in line {
            let change = self.change_of_info(&info)?;
            let same = |seq: &Seq| {
                let release = self.book.releases.get(seq);
                change.is_some() && release.is_some_and(|r| r.revision.change == change)
            };
            // The oldest of several.
            match told.left.iter().rposition(same) {
                Some(at) => told.again.push((told.left.remove(at), info, change)),
                None => told.new.push(info),
            }
        }
        Ok(told)
    }

    /// The files without what left, then with each commit that is new; and what that comes to. `None`
    /// where a commit has no parent to be compared with.
    fn steps(
        &self,
        base: &CommitId,
        live: &CommitId,
        told: &Told,
    ) -> Result<Option<(Vec<Step>, Loaded)>, PassError> {
        let mut tree = self.source.tree(live)?;
        let mut steps = Vec::new();
        let left = told
            .left
            .iter()
            .filter_map(|seq| self.book.releases.get(seq));
        for release in left {
            let Some(parent) = &release.first_parent else {
                return Ok(None);
            };
            let (commit, parent) = (
                self.source.tree(&release.commit)?,
                self.source.tree(parent)?,
            );
            tree = Box::new(Merged::new(commit.as_ref(), tree, parent)?);
        }
        if !told.left.is_empty() {
            let cause = Cause::MovedBack(told.left.clone());
            let loaded = self.load_tree(tree.as_ref())?;
            steps.push((self.source.commit(base)?, Some(cause), loaded));
        }
        for info in &told.new {
            let Some(parent) = info.parents.first() else {
                return Ok(None);
            };
            let (parent, commit) = (self.source.tree(parent)?, self.source.tree(&info.id)?);
            tree = Box::new(Merged::new(parent.as_ref(), tree, commit)?);
            steps.push((info.clone(), None, self.load_tree(tree.as_ref())?));
        }
        let reached = self.load_tree(tree.as_ref())?;
        Ok(Some((steps, reached)))
    }

    fn is_valid(&self, loaded: &Loaded) -> bool {
        let others = self.others.iter();
        let mut disputes = others.flat_map(|(name, theirs)| loaded.state.disputes(name, theirs));
        !loaded.findings.any_critical() && disputes.next().is_none()
    }

    fn load_tree(&self, tree: &dyn Tree) -> Result<Loaded, PassError> {
        Ok(self.loader.load(tree)?)
    }

    /// Goes to a tip whose files say the same as those in effect: messages were amended, or commits
    /// rebased, and every release keeps its place. False where that is not so.
    fn is_only_told_anew(&mut self, tip: &CommitId) -> Result<bool, PassError> {
        let loaded = self.load(tip)?;
        let same = self.is_valid(&loaded)
            && Difference::between(&self.state, &loaded.state).alters_nothing();
        if same {
            self.must_record_head = true;
            self.files = loaded.files;
            self.live = Some(tip.clone());
        }
        Ok(same)
    }
}
