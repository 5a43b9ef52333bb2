//! Sending what is written one request at a time: which entities go together, and what must be so
//! before any of them goes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::task::JoinSet;

use super::{EntityResult, Execution, FRESH, aborted, observe};
use crate::domain::{EntityRef, Level, Observation, Presence};
use crate::plan::{Decision, EntityWork, Observed, WriteStep, attempt, look_at};
use crate::ports::{Clock, Ledger, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::outcome;
use crate::reconcile::write::{self, Ended, Job, Written};

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Sends what is of one level. What is put aside for a moment, and what comes after it, does not wait
    /// for the store's queue.
    pub(super) async fn level(&mut self, steps: Vec<WriteStep>) -> Result<(), PassError> {
        let (mut alone, mut whole) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                WriteStep::Whole(entity) if self.asides.of(&entity).is_none() => {
                    whole.push(entity);
                }
                WriteStep::Aside(_) | WriteStep::Whole(_) => alone.push(step),
            }
        }
        let left = self.through_queue(whole).await?;
        alone.extend(left.into_iter().map(WriteStep::Whole));
        self.one_by_one(alone).await
    }

    async fn one_by_one(&mut self, steps: Vec<WriteStep>) -> Result<(), PassError> {
        let mut queue: VecDeque<WriteStep> = steps.into();
        let mut running: JoinSet<Vec<Ended>> = JoinSet::new();
        let mut halted: Option<PassError> = None;
        loop {
            while halted.is_none() && !queue.is_empty() && running.len() < self.throttle.limit() {
                if let Err(error) = self.ready().await {
                    halted = Some(error);
                    break;
                }
                self.spawn(&mut queue, &mut running);
            }
            let Some(joined) = running.join_next().await else {
                break;
            };
            let ended = joined.map_err(|error| {
                PassError::waiting(format!(
                    "a write ended unexpectedly ({error}); the pass is resumed"
                ))
            })?;
            self.throttle
                .ended(ended.iter().any(|(_, _, _, stats)| stats.pressed));
            for (entity, decision, written, stats) in ended {
                if let Some((sent, at)) = stats.lost {
                    let timeout = self.tools.timeout;
                    self.in_flight().lost(&entity, &sent, at, timeout);
                }
                if let Some(error) = self.note(entity, decision, written) {
                    halted = Some(error);
                }
            }
        }
        match halted {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Before an entity is sent: not stopped, the lease long enough, the observation fresh.
    pub(super) async fn ready(&mut self) -> Result<(), PassError> {
        self.hold_on().await?;
        if self
            .tools
            .clock
            .monotonic()
            .saturating_sub(self.observed_at)
            <= FRESH
        {
            return Ok(());
        }
        let rest: BTreeSet<EntityRef> = self
            .work
            .keys()
            .filter(|entity| !self.begun.contains(entity) && !self.results.contains_key(entity))
            .cloned()
            .collect();
        let asked = self.tools.clock.monotonic();
        let mut fresh = observe(self.tools, &rest).await?;
        self.asides.leave_out_of(&mut fresh, &self.observation);
        self.look_again(&fresh, &rest).await?;
        self.observation.extend(fresh);
        self.observed_at = asked;
        Ok(())
    }

    /// What was edited since the snapshot is recorded before anything is sent of its entity.
    async fn look_again(
        &mut self,
        fresh: &Observation,
        rest: &BTreeSet<EntityRef>,
    ) -> Result<(), PassError> {
        let known = &self.observation;
        // One that was deleted meanwhile is made again with all that is known of it.
        let went = |entity: &EntityRef, seen: &Presence| {
            let known = known.get(&entity.root()).or_else(|| known.get(entity));
            let then = known.is_some_and(|known| known.found().is_some());
            then && seen.found().is_none()
        };
        let seen = fresh.iter().filter(|(entity, seen)| !went(entity, seen));
        let seen: Observation = seen.map(|(e, seen)| (e.clone(), seen.clone())).collect();
        let mut book = self.hold.book().clone();
        let pass = self.recorded.pass().sequence;
        let edits = look_at(&mut book, &Observed(&seen), pass, self.tools.policy);
        if edits.is_empty() {
            return Ok(());
        }
        let why = match self.recorded.resumed() {
            true => {
                "shows neither the value of the snapshot nor the release's; it is kept beside the snapshot"
            }
            false => {
                "edited in Magento after the snapshot and before the write; the newer value is now the one kept"
            }
        };
        for slot in edits.keys() {
            let line = format!("{}: {why}", slot.field);
            self.journal.about(Level::Warning, &slot.entity, line);
        }
        if !self.recorded.resumed() {
            self.late_edits.extend(edits.clone());
        }
        let entities = self.recorded.pass().entities.iter().cloned().collect();
        let renewed = self.tools.plan(&book, &entities, &seen).work;
        attempt(&mut book, &renewed, &seen);
        self.hold.extend(book, edits).await?;
        let renewed = renewed.into_iter();
        self.work
            .extend(renewed.filter(|(entity, _)| rest.contains(entity)));
        Ok(())
    }

    /// One request: the next entity, with as many of its kind as go along with it.
    fn spawn(&mut self, queue: &mut VecDeque<WriteStep>, running: &mut JoinSet<Vec<Ended>>) {
        let mut jobs: Vec<Job> = Vec::new();
        while let Some(step) = queue.front() {
            let kind = step.entity().kind;
            let fits = jobs
                .first()
                .is_none_or(|job| job.entity.kind == kind && jobs.len() < kind.route.rows);
            if !fits {
                break;
            }
            let job = match queue.pop_front() {
                Some(WriteStep::Whole(entity)) => self.job(entity),
                Some(WriteStep::Aside(entity)) => self.aside(entity),
                None => None,
            };
            jobs.extend(job);
        }
        if jobs.is_empty() {
            return;
        }
        let store = self.tools.store.clone();
        let clock = self.tools.clock.clone();
        let lease = self.recorded.lease().clone();
        running
            .spawn(async move { write::write(store.as_ref(), clock.as_ref(), &lease, jobs).await });
    }

    /// What writing an entity takes; `None` where it is not to be sent.
    pub(super) fn job(&mut self, entity: EntityRef) -> Option<Job> {
        // What should have been put aside first was not, and that is its result.
        if self.asides.is_wanting(&entity, &self.around) && self.results.contains_key(&entity) {
            return None;
        }
        let work = self.work.get(&entity)?.clone();
        let parents = entity.parents();
        let missing = parentless(&parents, &self.results, &self.observation);
        let failed = |other: &EntityRef| {
            let result = self.results.get(other);
            result.is_some_and(EntityResult::is_failed)
        };
        let why = missing.or_else(|| self.around.room().awaits(&entity, failed));
        if let Some(why) = why {
            self.journal.about(Level::Error, &entity, why.clone());
            self.results.insert(entity, EntityResult::refused(why));
            return None;
        }
        let presence = self.asides.seen(&entity, self.observation.get(&entity));
        Some(self.begin(entity, work, presence))
    }

    /// What putting aside takes that another entity is to have.
    fn aside(&mut self, entity: EntityRef) -> Option<Job> {
        let fields = self.around.room().aside(&entity)?.clone();
        let work = self.asides.begin(&entity, fields);
        let presence = self.observation.get(&entity).cloned();
        let presence = presence.unwrap_or(Presence::Missing);
        Some(self.begin(entity, work, presence))
    }

    fn begin(&mut self, entity: EntityRef, work: EntityWork, presence: Presence) -> Job {
        self.begun.insert(entity.clone());
        Job {
            entity,
            work,
            presence,
            views: self.tools.views.clone(),
            around: self.around.clone(),
        }
    }

    /// Keeps what became of an entity; an error stops the pass.
    pub(super) fn note(
        &mut self,
        entity: EntityRef,
        decision: Decision,
        written: Written,
    ) -> Option<PassError> {
        let action = decision.action();
        let is_aside = self.asides.end(&entity);
        match written {
            Written::Sent | Written::Needless if is_aside => {
                let line = format!("{} for a moment", outcome::sent(&decision));
                self.journal.about(Level::Info, &entity, line);
                self.asides.sent(&entity, &self.around);
                // All that is decided for it is still to be sent, upon a fresh look.
                self.begun.remove(&entity);
                None
            }
            Written::Sent => {
                self.asides.forget(&entity);
                self.journal
                    .about(Level::Info, &entity, outcome::sent(&decision));
                self.results.insert(entity, EntityResult::sent(decision));
                (self.tools.progress)(crate::reconcile::Event::Entity { action });
                None
            }
            Written::Needless => {
                self.results.insert(entity, EntityResult::noop());
                None
            }
            Written::Failed { error, permanent } => {
                self.journal.about(Level::Error, &entity, error.clone());
                self.results
                    .insert(entity, EntityResult::failed(decision, error, permanent));
                None
            }
            Written::InDoubt { error } => {
                self.journal
                    .about(Level::Error, &entity, format!("in doubt: {error}"));
                self.results
                    .insert(entity, EntityResult::in_doubt(decision, error));
                None
            }
            Written::Abort(error) => Some(aborted(&error)),
            Written::LeaseOver => Some(PassError::Raced),
        }
    }
}

/// Why an entity is not to be sent: one that must be there before it was to be made by this pass, and
/// is not there. (For some, Magento says 200 all the same and leaves a row that belongs to nothing.)
fn parentless(
    parents: &[EntityRef],
    results: &BTreeMap<EntityRef, EntityResult>,
    observation: &Observation,
) -> Option<String> {
    let lost = parents.iter().find(|parent| {
        let failed = results.get(parent).is_some_and(EntityResult::is_failed);
        let there = observation.get(parent).and_then(Presence::found);
        failed && there.is_none()
    })?;
    Some(format!(
        "not sent, because {} {} could not be made",
        lost.kind.label, lost.key
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{EntityId, Kind, ObservedEntity, StoreScope};

    fn block(key: &str) -> EntityRef {
        EntityRef {
            kind: Kind::CMS_BLOCK,
            key: key.parse().unwrap(),
            store: StoreScope::All,
        }
    }

    #[test]
    fn nothing_is_sent_whose_parent_could_not_be_made() {
        let parent = [block("parent")];
        let failed = |decision| EntityResult::failed(decision, "no".to_owned(), true);
        let made = Decision::Create(BTreeMap::new());
        let found = Presence::Found(ObservedEntity {
            id: EntityId(1),
            fields: BTreeMap::new(),
            inherited: None,
        });
        let missing: Observation = [(block("parent"), Presence::Missing)].into();
        let there: Observation = [(block("parent"), found)].into();

        let results = [(block("parent"), failed(made.clone()))].into();
        let why = parentless(&parent, &results, &missing);
        let said = "not sent, because CMS block parent could not be made";
        assert_eq!(why.as_deref(), Some(said));
        // An update that failed: it is there all the same.
        assert_eq!(parentless(&parent, &results, &there), None);
        let results = [(block("parent"), EntityResult::sent(made))].into();
        assert_eq!(parentless(&parent, &results, &missing), None);
        assert_eq!(parentless(&[], &results, &missing), None);
        // One that was itself not sent, for its own parent.
        let results = [(block("parent"), EntityResult::refused("no".to_owned()))].into();
        assert!(parentless(&parent, &results, &missing).is_some());
    }
}
