//! The choice of the releases to take back, and of the commits that are undone for it.

use std::collections::BTreeSet;

use crate::cli::failure::Failure;
use crate::cli::history::{History, Past};
use crate::cli::present::{TakenBack, clean};
use crate::domain::{CommitId, ReleaseKind, ReleaseStatus};
use crate::git::Undo;
use crate::plan::Seq;
use crate::ports::{CommitInfo, Source as _};
use crate::reconcile::LedgerSnapshot;
use crate::settings::{Environment, SecretSource};

/// The releases and commits that a rollback takes back.
#[derive(Debug)]
pub(super) struct Choice {
    /// The releases, and the commits that would become some, newest first.
    pub(super) taken: Vec<TakenBack>,
    /// The commits whose changes are undone, in this order.
    pub(super) steps: Vec<Step>,
}

/// A commit whose changes are undone.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) undo: Undo,
    /// True if the message names it. What was taken back before and came again with a rollback that is
    /// undone here must not be: a name means the newest release with that change.
    pub(super) named: bool,
}

/// The releases of an environment and the branch that they are taken back from.
pub(super) struct Chooser<'a> {
    history: &'a History,
    environment: &'a Environment<SecretSource>,
    ledger: &'a LedgerSnapshot,
    tip: &'a CommitId,
    past: Vec<Past>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(
        history: &'a History,
        environment: &'a Environment<SecretSource>,
        ledger: &'a LedgerSnapshot,
        tip: &'a CommitId,
    ) -> Self {
        Self {
            history,
            environment,
            ledger,
            tip,
            past: History::past(&ledger.book),
        }
    }

    /// The releases named; every reason against it at once.
    pub(super) fn named(&self, words: &[String]) -> Result<Choice, Failure> {
        let mut places = BTreeSet::new();
        for word in words {
            places.insert(self.place(word)?);
        }
        let waiting = self.waiting()?;
        let chosen: Vec<&Past> = self
            .newest_first(|past| places.contains(&past.seq))
            .collect();
        let mut refusals = Vec::new();
        for past in &chosen {
            if let Some(why) = self.refusal(past, &waiting)? {
                refusals.push(format!("{}: {why}", label(past)));
            }
        }
        if !refusals.is_empty() {
            return Err(Failure::new(refusals.join("\n")));
        }
        let mut choice = Choice {
            taken: Vec::new(),
            steps: Vec::new(),
        };
        for past in chosen {
            choice.take(past);
            if past.kind != ReleaseKind::Heal {
                choice.undo(past);
                for invalid in self.came_in_with(past) {
                    choice.take(invalid);
                    choice.undo(invalid);
                }
            }
        }
        Ok(choice)
    }

    /// Everything that came after a release.
    pub(super) fn after(&self, word: &str) -> Result<Choice, Failure> {
        let place = self.place(word)?;
        let goal = self.past.iter().find(|past| past.seq == place);
        let goal = goal.ok_or_else(|| Failure::new(format!("no release {word:?}")))?;
        if let Some(why) = self.unreachable(goal)? {
            return Err(Failure::new(format!("{}: {why}", label(goal))));
        }
        let mut choice = Choice {
            taken: Vec::new(),
            steps: Vec::new(),
        };
        self.take_waiting(&mut choice)?;
        let again = self.comes_again(goal.seq)?;
        for past in self.newest_first(|past| past.counts && past.seq > goal.seq) {
            let again = again.contains(&past.seq);
            match (past.kind, past.status) {
                // What holds what the files demand, or only says when, goes with the commit that demands.
                (ReleaseKind::Heal | ReleaseKind::ScheduleStart | ReleaseKind::ScheduleEnd, _)
                | (ReleaseKind::Adopt, _) => {}
                (ReleaseKind::Rollback, _) if !again => {}
                (ReleaseKind::Deploy, ReleaseStatus::RolledBack) if !again => {}
                (ReleaseKind::Deploy, ReleaseStatus::RolledBack) => choice.steps.push(Step {
                    undo: undo(past),
                    named: false,
                }),
                (ReleaseKind::Deploy | ReleaseKind::Rollback, _) => {
                    choice.take(past);
                    choice.undo(past);
                }
            }
        }
        let line = self
            .history
            .source()
            .first_parents(self.tip, Some(&goal.commit))?;
        let line: BTreeSet<CommitId> = line.into_iter().map(|info| info.id).collect();
        for step in &choice.steps {
            let commit = &step.undo.commit;
            if !line.contains(commit) && !self.is_on_branch(commit)? {
                return Err(Failure::new(format!(
                    "commit {} was deployed, but is not on {} any more, and that is not handled yet; wait for it, then run this again",
                    commit.short(),
                    self.environment.branch
                )));
            }
        }
        Ok(choice)
    }

    /// The releases, oldest first.
    pub(super) fn into_past(self) -> Vec<Past> {
        self.past
    }

    fn place(&self, word: &str) -> Result<Seq, Failure> {
        let book = &self.ledger.book;
        self.history.place(self.environment, book, word)
    }

    fn newest_first(&self, wanted: impl Fn(&Past) -> bool) -> impl Iterator<Item = &Past> {
        self.past.iter().rev().filter(move |past| wanted(past))
    }

    fn is_on_branch(&self, commit: &CommitId) -> Result<bool, Failure> {
        Ok(self.history.source().is_ancestor(commit, self.tip)?)
    }

    /// The commits on the branch that are not handled yet, oldest first.
    fn waiting(&self) -> Result<Vec<CommitInfo>, Failure> {
        let source = self.history.source();
        let state = self.ledger.state.as_ref();
        let handled = state.and_then(|state| state.head.as_ref());
        match handled {
            Some(head) if source.is_ancestor(head, self.tip)? => {
                Ok(source.first_parents(self.tip, Some(head))?)
            }
            Some(_) | None => Ok(Vec::new()),
        }
    }

    /// Returns why a release cannot be taken back, and what to do instead.
    fn refusal(&self, past: &Past, waiting: &[CommitInfo]) -> Result<Option<String>, Failure> {
        let commit = past.commit.short();
        if let Some(why) = self.uncounted(past) {
            return Ok(Some(why));
        }
        let why = match (past.kind, past.status) {
            (ReleaseKind::Rollback, _) => Some(format!(
                "is a rollback itself; what it took back is deployed again by `git revert {commit}`"
            )),
            (ReleaseKind::Adopt, _) => Some(
                "took over what the store showed and wrote nothing, so there is nothing to put back; what shall not be managed any more is deleted from the release files".to_owned(),
            ),
            (ReleaseKind::ScheduleStart | ReleaseKind::ScheduleEnd, _) => Some(
                "only carries out a schedule; roll back the release that brought the scheduled file".to_owned(),
            ),
            (_, ReleaseStatus::RolledBack) => Some(match self.taken_back_by(past) {
                Some(by) => format!("is rolled back already, by {}", label(by)),
                None => "is rolled back already".to_owned(),
            }),
            (_, ReleaseStatus::Invalid) => Some(match self.came_in_by(past) {
                Some(next) => format!(
                    "its files could not be used, and what it changed came in with {}; roll back that one: `gitmage rollback {}`",
                    label(next),
                    next.id.short()
                ),
                None => format!(
                    "its files cannot be used, so nothing of it was deployed; repair them, or `git revert {commit}`"
                ),
            }),
            (_, ReleaseStatus::Canceled) => Some(format!(
                "was never sent, because later commits of the same push set all of its fields; roll those back, or take it out of the files with `git revert {commit}`"
            )),
            (ReleaseKind::Deploy | ReleaseKind::Heal, _) => None,
        };
        if why.is_some() {
            return Ok(why);
        }
        if !self.is_on_branch(&past.commit)? {
            return Ok(Some(self.left()));
        }
        let source = self.history.source();
        for info in waiting {
            if source.reverted(info)?.contains(&past.commit) {
                let by = info.id.short();
                return Ok(Some(format!(
                    "commit {by} on {} takes it back already and is not handled yet: `gitmage wait {by}`",
                    self.environment.branch
                )));
            }
        }
        Ok(None)
    }

    /// Returns why nobody can go back to a release.
    fn unreachable(&self, goal: &Past) -> Result<Option<String>, Failure> {
        if let Some(why) = self.uncounted(goal) {
            return Ok(Some(why));
        }
        Ok(match goal.status {
            ReleaseStatus::RolledBack => Some(
                "is rolled back itself, so going back to it would not bring it back; name the release before it, or deploy it again with `git revert` of its rollback".to_owned(),
            ),
            ReleaseStatus::Invalid => Some(
                "its files cannot be used, so nobody can go back to it; name a release that was deployed".to_owned(),
            ),
            _ if !self.is_on_branch(&goal.commit)? => Some(self.left()),
            _ => None,
        })
    }

    fn uncounted(&self, past: &Past) -> Option<String> {
        let begun_anew = "was made before the environment was begun anew, and what was there before it is not put back any more; take it out of the files with `git revert`";
        (!past.counts).then(|| begun_anew.to_owned())
    }

    fn left(&self) -> String {
        format!(
            "its commit is not on {} any more, and went from the store with it, or will",
            self.environment.branch
        )
    }

    fn taken_back_by(&self, past: &Past) -> Option<&Past> {
        let mut all = self.past.iter().rev();
        all.find(|other| other.reverts.contains(&past.seq))
    }

    /// The valid release that brought in what an invalid commit changed.
    fn came_in_by(&self, invalid: &Past) -> Option<&Past> {
        let mut valid = self.past.iter().filter(|past| past.seq > invalid.seq);
        let next = valid.find(|past| past.status != ReleaseStatus::Invalid)?;
        let brought = self.came_in_with(next);
        brought
            .iter()
            .any(|past| past.seq == invalid.seq)
            .then_some(next)
    }

    /// The invalid commits right before a release: it deployed what they changed. Newest first.
    fn came_in_with(&self, past: &Past) -> Vec<&Past> {
        let mut found: Vec<&Past> = Vec::new();
        let mut parent = past.parent.as_ref();
        while let Some(id) = parent {
            let invalid = self.past.iter().find(|past| {
                past.counts && past.status == ReleaseStatus::Invalid && past.commit == *id
            });
            let Some(invalid) = invalid.filter(|i| found.iter().all(|f| f.seq != i.seq)) else {
                break;
            };
            found.push(invalid);
            parent = invalid.parent.as_ref();
        }
        found
    }

    /// After a release: the rollbacks that took back something older, which therefore comes again, and
    /// what else they took back. All other rollbacks undid what came after the release, too.
    fn comes_again(&self, goal: Seq) -> Result<BTreeSet<Seq>, Failure> {
        let mut again = BTreeSet::new();
        for rollback in self.newest_first(|past| past.counts && past.seq > goal) {
            if rollback.kind != ReleaseKind::Rollback {
                continue;
            }
            let older = rollback.reverts.iter().filter(|seq| **seq <= goal);
            let older: Vec<&Past> = older
                .filter_map(|seq| self.past.iter().find(|past| past.seq == *seq))
                .collect();
            for past in &older {
                if !self.is_on_branch(&past.commit)? {
                    return Err(Failure::new(format!(
                        "{} was taken off {} since, and cannot be brought back by undoing commits; push it again, or name a later release",
                        label(past),
                        self.environment.branch
                    )));
                }
            }
            if !older.is_empty() {
                again.insert(rollback.seq);
                again.extend(rollback.reverts.iter().filter(|seq| **seq > goal));
            }
        }
        Ok(again)
    }

    /// What is on the branch and not handled yet would be deployed right after.
    fn take_waiting(&self, choice: &mut Choice) -> Result<(), Failure> {
        let waiting = self.waiting()?;
        if waiting.is_empty() {
            return Ok(());
        }
        let source = self.history.source();
        let state = self.ledger.state.as_ref();
        let handled = state.and_then(|state| state.head.as_ref());
        let pending = self
            .history
            .progress(self.environment, self.ledger)?
            .pending;
        for info in waiting
            .into_iter()
            .rev()
            .filter(|info| pending.contains(&info.id))
        {
            if !source.reverted(&info)?.is_empty() {
                return Err(Failure::new(format!(
                    "commit {} on {} takes something back itself and is not handled yet; wait for it with `gitmage wait {}`, then run this again",
                    info.id.short(),
                    self.environment.branch,
                    info.id.short()
                )));
            }
            let mut parent = info.parents.first().cloned();
            // Of a line that somebody's `git pull` turned round, all since the head handled is one.
            if let (Some(first), Some(handled)) = (&parent, handled)
                && !source.is_ancestor(handled, first)?
            {
                parent = Some(handled.clone());
            }
            choice.taken.push(TakenBack {
                id: info.id.to_string(),
                kind: None,
                status: ReleaseStatus::Pending,
                subject: info.subject,
            });
            choice.steps.push(Step {
                undo: Undo {
                    commit: info.id,
                    parent,
                },
                named: true,
            });
        }
        Ok(())
    }
}

impl Choice {
    fn take(&mut self, past: &Past) {
        // Words name a release by its commit; what a heal did stands in no commit.
        let id = match past.kind {
            ReleaseKind::Heal => past.id.to_string(),
            _ => past.commit.to_string(),
        };
        self.taken.push(TakenBack {
            id,
            kind: Some(past.kind),
            status: past.status,
            subject: past.subject.clone(),
        });
    }

    fn undo(&mut self, past: &Past) {
        self.steps.push(Step {
            undo: undo(past),
            named: true,
        });
    }
}

fn undo(past: &Past) -> Undo {
    Undo {
        commit: past.commit.clone(),
        parent: past.parent.clone(),
    }
}

/// A release as messages name it.
pub(super) fn label(past: &Past) -> String {
    format!("{} ({})", past.id.short(), clean(&past.subject))
}
