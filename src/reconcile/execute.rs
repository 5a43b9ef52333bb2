//! Carrying out a recorded pass: write level by level, verify, and say what became of every field.
//!
//! # Guarantees
//! - Nothing is sent without a [`Recorded`] pass and its lease.
//! - One request in flight per entity; at most `concurrency` in all.
//! - Observations older than five seconds are renewed before a write; what differs from the snapshot
//!   then is added to it first.
//!
//! # Accepted losses
//! An edit in Magento within those five seconds is overwritten without being kept.

mod restore;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::doubt::Doubts;
use super::error::PassError;
use super::hold::{Hold, Recorded};
use super::journal::Journal;
use super::outcome::{self, Result as EntityResult};
use super::throttle::Throttle;
use super::write::{self, Job, Signs, Written};
use super::{Progress, Stop};
use crate::domain::kinds::Charset;
use crate::domain::{
    EntityRef, FieldId, Level, Marker, Observation, PhaseName, Presence, ReleaseKind, Slot,
    StoreViews, Vocabulary,
};
use crate::plan::{
    Before, Book, Decision, EntityWork, ReleaseRecord, Surroundings, cautions, decide, work,
};
use crate::ports::{Clock, Ledger, StoreError, StoreWrite};

/// How old an observation may be when a write begins.
const FRESH: Duration = Duration::from_secs(5);
/// How often reading is tried before the store counts as down.
const READ_ATTEMPTS: u32 = 4;

/// What an execution needs besides the ledger.
pub(super) struct Tools<M, C> {
    pub(super) store: Arc<M>,
    pub(super) clock: Arc<C>,
    pub(super) views: Arc<StoreViews>,
    pub(super) charset: Charset,
    /// The store's words, as they were when the pass began.
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The entities that the pass deletes: all that goes with them is read, too.
    pub(super) whole: BTreeSet<EntityRef>,
    pub(super) concurrency: usize,
    /// `on_failure: restore`.
    pub(super) restore: bool,
    pub(super) progress: Progress,
    pub(super) stop: Stop,
    /// How long a request may take.
    pub(super) timeout: Duration,
    /// Lost writes of this pass and of earlier ones.
    pub(super) doubts: Arc<Mutex<Doubts>>,
}

impl<M, C> Tools<M, C> {
    /// What a pass wants, in the store's own words.
    pub(super) fn work<'a>(
        &self,
        book: &Book,
        slots: impl IntoIterator<Item = &'a Slot>,
    ) -> BTreeMap<EntityRef, EntityWork> {
        work(book, slots, &self.vocabulary, self.charset)
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
    around: Arc<Surroundings>,
    observation: Observation,
    observed_at: Duration,
    results: BTreeMap<EntityRef, EntityResult>,
    /// Entities whose first write has begun: their values are no snapshot any more.
    begun: BTreeSet<EntityRef>,
    throttle: Throttle,
}

impl<'a, L: Ledger, M: StoreWrite, C: Clock> Execution<'a, L, M, C> {
    /// `observation` must hold every entity of `slots`.
    pub(super) fn new(
        hold: &'a mut Hold<L, C>,
        recorded: &'a Recorded,
        tools: &'a Tools<M, C>,
        journal: &'a mut Journal,
        slots: &BTreeSet<Slot>,
        (observation, observed_at): (Observation, Duration),
    ) -> Self {
        let work = tools.work(hold.book(), slots);
        let around = Surroundings::of(&work, &observation, tools.charset);
        Self {
            hold,
            recorded,
            tools,
            journal,
            work,
            around: Arc::new(around),
            observation,
            observed_at,
            results: BTreeMap::new(),
            begun: BTreeSet::new(),
            throttle: Throttle::new(tools.concurrency),
        }
    }

    /// Writes and verifies; the answer is every release whose record changes.
    pub(super) async fn run(mut self) -> Result<Vec<ReleaseRecord>, PassError> {
        if self.adopts() {
            for (entity, work) in &self.work {
                self.results
                    .insert(entity.clone(), EntityResult::adopted(&work.slots));
            }
        } else {
            self.journal.begin(PhaseName::Write);
            let levels = self.levels();
            if self.is_doomed() {
                self.hold_back(&levels);
            } else {
                for level in levels {
                    self.level(level).await?;
                }
                self.outlast(Some(self.recorded.pass().started_at)).await?;
            }
            self.journal.begin(PhaseName::Verify);
            let seen = self.verify().await?;
            self.judge(&seen);
            self.restore(&seen).await?;
        }
        Ok(outcome::releases(
            self.hold.book(),
            self.recorded,
            &self.results,
            self.journal,
        ))
    }

    /// With `on_failure: restore`, a pass is not begun that is known to fail: no visitor of the shop
    /// shall see half of it.
    fn is_doomed(&self) -> bool {
        self.tools.restore
            && !self.recorded.resumed()
            && self.results.values().any(EntityResult::is_failed)
    }

    fn hold_back(&mut self, levels: &[Vec<EntityRef>]) {
        for entity in levels.iter().flatten() {
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

    /// The entities to be written, in the order of the levels: deletes that make room for a create
    /// of the same key, then creates and updates top-down, then deletes bottom-up.
    fn levels(&mut self) -> Vec<Vec<EntityRef>> {
        let mut decisions: BTreeMap<EntityRef, Decision> = BTreeMap::new();
        for (entity, work) in &self.work {
            let presence = self.observation.get(entity).unwrap_or(&Presence::Missing);
            let decision = decide(entity, work, presence, &self.around);
            for caution in cautions(entity, &decision, presence) {
                self.journal.about(Level::Warning, entity, caution);
            }
            match &decision {
                Decision::Refused(why) => {
                    self.journal.about(Level::Error, entity, why.clone());
                    self.results
                        .insert(entity.clone(), EntityResult::refused(why.clone()));
                }
                Decision::Noop => {
                    self.results.insert(entity.clone(), EntityResult::noop());
                }
                Decision::Create(_) | Decision::Update(_) | Decision::Delete => {
                    decisions.insert(entity.clone(), decision);
                }
            }
        }
        let created: BTreeSet<_> = decisions
            .iter()
            .filter(|(_, d)| matches!(d, Decision::Create(_)))
            .map(|(e, _)| (e.kind, e.key.clone()))
            .collect();
        let mut room = Vec::new();
        let mut up: BTreeMap<_, Vec<EntityRef>> = BTreeMap::new();
        let mut down: BTreeMap<_, Vec<EntityRef>> = BTreeMap::new();
        for (entity, decision) in decisions {
            if decision != Decision::Delete {
                up.entry(entity.rank()).or_default().push(entity);
            } else if created.contains(&(entity.kind, entity.key.clone())) {
                room.push(entity);
            } else {
                down.entry(entity.rank()).or_default().push(entity);
            }
        }
        std::iter::once(room)
            .chain(up.into_values())
            .chain(down.into_values().rev())
            .filter(|level| !level.is_empty())
            .collect()
    }

    async fn level(&mut self, entities: Vec<EntityRef>) -> Result<(), PassError> {
        let mut queue: VecDeque<EntityRef> = entities.into();
        let mut running: JoinSet<(EntityRef, Decision, (Written, Signs))> = JoinSet::new();
        let mut halted: Option<PassError> = None;
        loop {
            while halted.is_none() && running.len() < self.throttle.limit() {
                let Some(entity) = queue.pop_front() else {
                    break;
                };
                if let Err(error) = self.ready().await {
                    halted = Some(error);
                    break;
                }
                self.spawn(entity, &mut running);
            }
            let Some(joined) = running.join_next().await else {
                break;
            };
            let (entity, decision, (written, signs)) = joined.map_err(|error| {
                PassError::waiting(format!(
                    "a write ended unexpectedly ({error}); the pass is resumed"
                ))
            })?;
            self.throttle.ended(signs.pressed);
            if let Some((sent, at)) = signs.lost {
                let timeout = self.tools.timeout;
                self.doubts().lost(&entity, &sent, at, timeout);
            }
            if let Some(error) = self.note(entity, decision, written) {
                halted = Some(error);
            }
        }
        match halted {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Before an entity is sent: not stopped, the lease long enough, the observation fresh.
    async fn ready(&mut self) -> Result<(), PassError> {
        if self.tools.stop.requested() {
            return Err(PassError::Stopped);
        }
        if self
            .recorded
            .lease()
            .wants_renewal(self.tools.clock.monotonic())
        {
            self.hold.renew(self.recorded.lease()).await?;
        }
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
        let fresh = observe(self.tools, &rest).await?;
        // What shows after an interruption may be half written: it never replaces the first snapshot.
        let add = match self.recorded.resumed() {
            true => outcome::third_values,
            false => outcome::extended,
        };
        let extended = add(self.hold.book(), self.recorded.pass(), &fresh, self.journal);
        if !extended.is_empty() {
            self.hold.extend(extended).await?;
        }
        self.observation.extend(fresh);
        self.observed_at = asked;
        Ok(())
    }

    fn spawn(
        &mut self,
        entity: EntityRef,
        running: &mut JoinSet<(EntityRef, Decision, (Written, Signs))>,
    ) {
        let Some(work) = self.work.get(&entity).cloned() else {
            return;
        };
        self.begun.insert(entity.clone());
        let presence = self
            .observation
            .get(&entity)
            .cloned()
            .unwrap_or(Presence::Missing);
        let decision = decide(&entity, &work, &presence, &self.around);
        let job = Job {
            entity: entity.clone(),
            work,
            presence,
            views: self.tools.views.clone(),
            around: self.around.clone(),
        };
        let store = self.tools.store.clone();
        let clock = self.tools.clock.clone();
        let lease = self.recorded.lease().clone();
        running.spawn(async move {
            let written = write::write(store.as_ref(), clock.as_ref(), &lease, job).await;
            (entity, decision, written)
        });
    }

    /// Keeps what became of an entity; an error stops the pass.
    fn note(
        &mut self,
        entity: EntityRef,
        decision: Decision,
        written: Written,
    ) -> Option<PassError> {
        let action = decision.action();
        match written {
            Written::Sent => {
                self.journal
                    .about(Level::Info, &entity, outcome::sent(&decision));
                self.results.insert(entity, EntityResult::sent(decision));
                (self.tools.progress)(super::Event::Entity { action });
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

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.tools
            .doubts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no lost write can arrive any more at an entity that shall show something else, and
    /// writes again where one did. `pass`: when the pass began; `None` while it is undone.
    async fn outlast(&mut self, pass: Option<Timestamp>) -> Result<(), PassError> {
        let now = self.tools.clock.monotonic();
        self.doubts().forget(now);
        let threatened: BTreeMap<EntityRef, Duration> = self
            .results
            .iter()
            .filter(|(_, result)| result.was_written() || !result.is_failed())
            .filter_map(|(entity, _)| {
                let work = self.work.get(entity)?;
                let until = self.doubts().threaten(entity, work, pass, now)?;
                Some((entity.clone(), until))
            })
            .collect();
        let Some(until) = threatened.values().max().copied() else {
            return Ok(());
        };
        for entity in threatened.keys() {
            self.journal.about(
                Level::Warning,
                entity,
                "an earlier write whose answer was lost may still arrive; read again once it cannot any more",
            );
        }
        while self.tools.clock.monotonic() < until {
            self.ready().await?;
            let left = until.saturating_sub(self.tools.clock.monotonic());
            self.tools
                .clock
                .sleep(left.min(Duration::from_secs(1)))
                .await;
        }
        let entities = threatened.into_keys().collect();
        let seen = observe(self.tools, &entities).await?;
        self.observation.extend(seen);
        let (mut late, mut results) = (Vec::new(), BTreeMap::new());
        for entity in entities {
            let (Some(work), Some(presence)) =
                (self.work.get(&entity), self.observation.get(&entity))
            else {
                continue;
            };
            if decide(&entity, work, presence, &self.around) != Decision::Noop {
                self.journal.about(
                    Level::Warning,
                    &entity,
                    "a write whose answer had been lost arrived late; written again",
                );
                results.extend(self.results.remove_entry(&entity));
                late.push(entity);
            }
        }
        self.level(late).await?;
        // What was sent in the end is both writes together: the later one may be a part of the first.
        for (entity, first) in results {
            if let Some(result) = self.results.get_mut(&entity) {
                result.repeats(first);
            }
        }
        Ok(())
    }

    /// Reads every entity that was written or tried, in batches.
    async fn verify(&mut self) -> Result<Observation, PassError> {
        let touched: BTreeSet<EntityRef> = self
            .results
            .iter()
            .filter(|(_, result)| result.was_tried())
            .map(|(entity, _)| entity.clone())
            .collect();
        let mut seen = self.observation.clone();
        if !touched.is_empty() {
            seen.extend(observe(self.tools, &touched).await?);
        }
        Ok(seen)
    }

    fn judge(&mut self, seen: &Observation) {
        for (entity, work) in &self.work {
            let Some(result) = self.results.get_mut(entity) else {
                continue;
            };
            let after = seen.get(entity).unwrap_or(&Presence::Missing);
            let before = self.observation.get(entity).unwrap_or(&Presence::Missing);
            let digest = self.recorded.pass().releases.iter().rev().find_map(|seq| {
                self.hold
                    .book()
                    .releases
                    .get(seq)?
                    .entities
                    .get(entity)?
                    .digest
                    .clone()
            });
            result.verify(entity, work, before, after, digest.as_deref(), self.journal);
        }
    }
}

/// Reads entities, with retries where waiting helps.
pub(super) async fn observe<M: StoreWrite, C: Clock>(
    tools: &Tools<M, C>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, PassError> {
    retry(tools.clock.as_ref(), || {
        tools.store.observe(wanted, &tools.whole, &tools.views)
    })
    .await
}

/// Tries a read a few times where waiting helps.
pub(super) async fn retry<T, C: Clock, F>(
    clock: &C,
    mut read: impl FnMut() -> F,
) -> Result<T, PassError>
where
    F: Future<Output = Result<T, StoreError>> + Send,
{
    let mut attempt = 1;
    loop {
        match read().await {
            Ok(value) => return Ok(value),
            Err(StoreError::Unavailable { retry_after, .. })
                if attempt < READ_ATTEMPTS
                    && retry_after.is_none_or(|it| it <= write::PATIENCE) =>
            {
                clock
                    .sleep(retry_after.unwrap_or_else(|| write::backoff(attempt, clock.jitter())))
                    .await;
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn aborted(error: &StoreError) -> PassError {
    match PassError::from(error.clone()) {
        PassError::Waiting { message, after } => PassError::Waiting {
            message: format!(
                "the store went away while it was being written to; the release stays in hand and is resumed: {message}"
            ),
            after,
        },
        PassError::Stalled { message } => PassError::Stalled {
            message: format!(
                "the store refused gitmage while it was being written to; the release stays in hand and is resumed: {message}"
            ),
        },
        error @ (PassError::Leased { .. } | PassError::Stopped | PassError::Raced) => error,
    }
}

/// What a slot shows in an observation.
pub(super) fn shown(entity: &EntityRef, presence: &Presence, field: &FieldId) -> Before {
    match (presence, field) {
        (Presence::Missing, FieldId::Named(_)) if entity.base().is_some() => {
            Before::Value(Marker::Default.value().clone())
        }
        (Presence::Found(_), FieldId::Existence) => Before::Entity(None),
        (Presence::Found(found), FieldId::Named(name)) => Before::Value(found.get(name).clone()),
        (Presence::Missing | Presence::Elsewhere(_) | Presence::Orphan(_), _) => Before::Missing,
        (Presence::Ambiguous(_) | Presence::UnknownView(_), _) => Before::Unknown,
    }
}
