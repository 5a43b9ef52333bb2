//! Carrying out a recorded pass: write level by level, verify, and say what became of every field.
//!
//! # Guarantees
//! - Nothing is sent without a [`Recorded`] pass and its lease.
//! - One request in flight per entity; at most `concurrency` in all.
//! - Observations older than five seconds are renewed before a write; what differs from the snapshot
//!   then is added to it first.
//! - What needs the room of another entity is sent only after that has gone; where it fails, what was
//!   deleted for it is made again.
//!
//! # Accepted losses
//! An edit in Magento within those five seconds is overwritten without being kept.

mod asides;
mod late_writes;
mod order;
mod queue;
mod read;
mod restore;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::asides::Asides;
use self::read::aborted;
pub(super) use self::read::{observe, retry};
use super::error::PassError;
use super::hold::{Hold, Recorded};
use super::in_flight::InFlightWrites;
use super::journal::Journal;
use super::outcome::{self, BeforeAfter, EntityResult};
use super::throttle::Throttle;
use super::{Progress, Stop, collateral};
use crate::domain::kinds::Charset;
use crate::domain::{
    EntityRef, FieldStatus, Level, Observation, PhaseName, Presence, ReleaseKind, Slot, StoreViews,
    Vocabulary,
};
use crate::plan::{
    Blueprint, Book, Decision, EntityWork, Look as _, Observed, Outcome, PlanContext, Policy, Seq,
    Shown, WriteStep,
};
use crate::ports::{Clock, Ledger, StoreWrite};

/// How old an observation may be when a write begins.
const FRESH: Duration = Duration::from_secs(5);

/// How many entities are read at a time to be verified.
const BATCH: usize = 1000;

/// What an execution needs besides the ledger.
pub(super) struct Tools<M, C> {
    pub(super) store: Arc<M>,
    pub(super) clock: Arc<C>,
    pub(super) views: Arc<StoreViews>,
    pub(super) charset: Charset,
    pub(super) policy: Policy,
    /// The store's words, as they were when the pass began.
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The entities that the pass deletes: all that goes with them is read, too.
    pub(super) whole: BTreeSet<EntityRef>,
    pub(super) concurrency: usize,
    /// `on_failure: restore`.
    pub(super) restore: bool,
    pub(super) progress: Progress,
    pub(super) stop: Stop,
    /// How many entities of a kind it takes to go through the store's queue; `None`: none ever do.
    pub(super) queue: Option<usize>,
    /// How long a request may take.
    pub(super) timeout: Duration,
    /// Lost writes of this pass and of earlier ones.
    pub(super) in_flight: Arc<Mutex<InFlightWrites>>,
}

impl<M, C> Tools<M, C> {
    /// Plans what these entities need.
    pub(super) fn plan(
        &self,
        book: &Book,
        entities: &BTreeSet<EntityRef>,
        observation: &Observation,
    ) -> Blueprint {
        Blueprint::of(book, entities, observation, &self.vocabulary, self.charset)
    }

    /// Plans what this work takes.
    pub(super) fn plan_work(
        &self,
        work: BTreeMap<EntityRef, EntityWork>,
        observation: &Observation,
    ) -> Blueprint {
        Blueprint::of_work(work, observation, &self.vocabulary, self.charset)
    }
}

/// A pass being carried out.
pub(super) struct Execution<'a, L, M, C> {
    hold: &'a mut Hold<L, C>,
    recorded: &'a Recorded,
    tools: &'a Tools<M, C>,
    journal: &'a mut Journal,
    work: BTreeMap<EntityRef, EntityWork>,
    /// What the pass makes and moves, as it was found to be at the beginning.
    around: Arc<PlanContext>,
    observation: Observation,
    observed_at: Duration,
    results: BTreeMap<EntityRef, EntityResult>,
    /// What was put aside so that another entity could have it.
    asides: Asides,
    /// Entities whose first write has begun: their values are no snapshot any more.
    begun: BTreeSet<EntityRef>,
    /// What was edited in Magento between the snapshot and the first write.
    late_edits: BTreeMap<Slot, Shown>,
    throttle: Throttle,
}

/// What a pass came to: the book with what the store is known to hold, and what became of releases.
pub(super) type Carried = (Book, BTreeMap<Seq, Outcome>);

impl<'a, L: Ledger, M: StoreWrite, C: Clock> Execution<'a, L, M, C> {
    /// `observation` must hold every entity of the pass.
    pub(super) fn new(
        hold: &'a mut Hold<L, C>,
        recorded: &'a Recorded,
        tools: &'a Tools<M, C>,
        journal: &'a mut Journal,
        plan: &Blueprint,
        (observation, observed_at): (Observation, Duration),
    ) -> Self {
        let asides = Asides::left(&plan.work, &observation);
        Self {
            hold,
            recorded,
            tools,
            journal,
            work: plan.work.clone(),
            around: plan.around.clone(),
            observation,
            observed_at,
            results: BTreeMap::new(),
            asides,
            begun: BTreeSet::new(),
            late_edits: BTreeMap::new(),
            throttle: Throttle::new(tools.concurrency),
        }
    }

    /// Writes and verifies.
    pub(super) async fn run(mut self, plan: Blueprint) -> Result<Carried, PassError> {
        if !self.adopts() {
            self.journal.begin(PhaseName::Write);
            let levels = self.take_over(plan);
            if self.is_doomed() {
                self.hold_back(&levels);
            } else {
                for level in levels {
                    self.level(level).await?;
                }
                self.await_late_writes(Some(self.recorded.pass().started_at))
                    .await?;
            }
            self.journal.begin(PhaseName::Verify);
            let handed_over: BTreeSet<EntityRef> = self
                .around
                .room()
                .handovers()
                .into_iter()
                .flatten()
                .collect();
            let all = self.tools.restore;
            let seen = self
                .verify(|entity| all || handed_over.contains(entity))
                .await?;
            self.restore(seen).await?;
        }
        Ok(self.carried())
    }

    fn carried(self) -> Carried {
        let mut book = self.hold.book().clone();
        outcome::settle(&mut book, &self.work, &self.results);
        self.keep_candidates(&mut book);
        let again = self.tried_again();
        if self.tools.restore && self.results.values().any(EntityResult::is_failed) {
            self.park(&mut book, &again);
        }
        let mut outcomes =
            outcome::outcomes(&book, self.recorded, &again, &self.results, self.journal);
        for (slot, shown) in self.late_edits {
            let moved_by = book
                .entity(&slot.entity)
                .and_then(|e| e.moved_by.get(&slot));
            if let Some(outcome) = moved_by.and_then(|release| outcomes.get_mut(release)) {
                outcome.edits.insert(slot, shown);
            }
        }
        outcome::close(&mut book, &self.results);
        (book, outcomes)
    }

    /// What failed may still come to show what was sent, while a lost write may arrive: then that is no
    /// edit.
    fn keep_candidates(&self, book: &mut Book) {
        let now = self.tools.clock.monotonic();
        let failed = self.results.iter().filter(|(_, result)| result.is_failed());
        for (entity, _) in failed {
            if !self
                .in_flight()
                .concern(&BTreeSet::from([entity.clone()]), now)
            {
                continue;
            }
            let Some(managed) = self.hold.book().entity(entity) else {
                continue;
            };
            let look = Observed(&self.observation);
            let can_come =
                |slot: &Slot| slot.entity == *entity && look.shown(slot) != Shown::Unknown;
            let own = managed.slots.iter().filter(|(slot, _)| can_come(slot));
            for (slot, state) in own {
                for held in &state.held {
                    book.may_show(slot, held.value.clone());
                }
            }
        }
    }

    /// The slots that the pass had to bring to their targets or that had failed, each with the release
    /// that moved it.
    fn tried_again(&self) -> BTreeMap<Slot, Seq> {
        let mut again = BTreeMap::new();
        for (entity, work) in &self.work {
            let Some(managed) = self.hold.book().entity(entity) else {
                continue;
            };
            let has_failed = managed.failures.contains_key(entity);
            for (slot, state) in &managed.slots {
                let is_tried = work.slots.contains(&slot.field) && !state.is_settled();
                if slot.entity == *entity
                    && let Some(release) = managed.moved_by.get(slot)
                    && (is_tried || has_failed)
                {
                    again.insert(slot.clone(), *release);
                }
            }
        }
        again
    }

    /// Puts the layers of the pass aside where nothing of it is left in the store: the target passes
    /// over them until all of them return at once.
    fn park(&self, book: &mut Book, again: &BTreeMap<Slot, Seq>) {
        let releases = &self.recorded.pass().releases;
        let left =
            |status: FieldStatus| matches!(status, FieldStatus::Written | FieldStatus::InDoubt);
        let undone = self
            .results
            .iter()
            .filter(|(_, result)| !result.statuses().any(left));
        for (entity, _) in undone {
            let Some(managed) = book.managed.get_mut(&entity.root()) else {
                continue;
            };
            let slots = Arc::make_mut(managed).slots.iter_mut();
            let of_entity = again.iter().filter(|(slot, _)| slot.entity == *entity);
            let tried: Vec<Seq> = of_entity.map(|(_, release)| *release).collect();
            for (slot, state) in slots.filter(|(slot, _)| slot.entity == *entity) {
                state.park(releases);
                match again.get(slot) {
                    Some(release) => state.park(&[*release]),
                    // A deletion lies on every field.
                    None if !state.is_settled() => state.park(&tried),
                    None => {}
                }
            }
        }
    }

    /// With `on_failure: restore`, a pass is not begun that is known to fail: no visitor of the shop
    /// shall see half of it.
    fn is_doomed(&self) -> bool {
        self.tools.restore
            && !self.recorded.resumed()
            && self.results.values().any(EntityResult::is_failed)
    }

    fn hold_back(&mut self, levels: &[Vec<WriteStep>]) {
        for entity in levels.iter().flatten().map(WriteStep::entity) {
            let why = "not sent, because another entity of the pass cannot be carried out (on_failure: restore)";
            self.journal.about(Level::Warning, entity, why);
            self.results
                .insert(entity.clone(), EntityResult::refused(why.to_owned()));
        }
    }

    /// The first start with `adopt` writes nothing, whatever was edited since it was begun.
    fn adopts(&self) -> bool {
        self.recorded.pass().releases.iter().any(|seq| {
            let release = self.hold.book().releases.get(seq);
            release.is_some_and(|release| release.kind == ReleaseKind::Adopt)
        })
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlightWrites> {
        self.tools
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads every entity that was written or tried, in batches, and judges what they show: beside what
    /// all of them were there is never all of what they are. The others are as they were observed. What
    /// was read is the answer where something may be put back by it.
    async fn verify(
        &mut self,
        is_kept: impl Fn(&EntityRef) -> bool,
    ) -> Result<Observation, PassError> {
        let tried = |entity: &EntityRef| {
            let result = self.results.get(entity);
            result.filter(|result| result.was_tried())
        };
        // With an entity the values of its views come and go.
        let came_or_went = |entity: &EntityRef| {
            let base = entity.base();
            let result = base.as_ref().and_then(tried);
            result.is_some_and(|result| !matches!(result.decision(), Decision::Update(_)))
        };
        let (touched, others): (Vec<EntityRef>, Vec<EntityRef>) = self
            .work
            .keys()
            .cloned()
            .partition(|entity| tried(entity).is_some() || came_or_went(entity));
        self.judge(&others, &Observation::new());
        let mut kept = Observation::new();
        for batch in touched.chunks(BATCH) {
            let wanted = batch.iter().cloned().collect();
            let mut seen = observe(self.tools, &wanted).await?;
            self.judge(batch, &seen);
            seen.retain(|entity, _| is_kept(entity));
            kept.extend(seen);
        }
        // What is put aside and was not sent for good is looked at as well, but is no outcome.
        let aside = others.iter().filter(|e| self.asides.of(e).is_some());
        let aside: BTreeSet<EntityRef> = aside.cloned().collect();
        if !aside.is_empty() {
            kept.extend(observe(self.tools, &aside).await?);
        }
        Ok(kept)
    }

    fn judge(&mut self, entities: &[EntityRef], seen: &Observation) {
        let rows = collateral::Rows::of(self.work.keys());
        for entity in entities {
            let Some(work) = self.work.get(entity) else {
                continue;
            };
            let Some(result) = self.results.get_mut(entity) else {
                continue;
            };
            let before = self.observation.get(entity).unwrap_or(&Presence::Missing);
            let after = seen.get(entity).unwrap_or(before);
            let book = self.hold.book();
            let own = self.recorded.pass().releases.iter().rev();
            let mut own = own.filter_map(|seq| book.releases.get(seq)?.entities.get(entity));
            let digest = own.find_map(|planned| planned.digest.clone());
            let around = BeforeAfter {
                before,
                after,
                digest: digest.as_deref(),
                set_by_rows: rows.set_of(entity).collect(),
            };
            result.verify(entity, work, &around, self.journal);
        }
    }
}
