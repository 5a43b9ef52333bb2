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

mod order;
mod outlast;
mod queue;
mod read;
mod restore;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::read::aborted;
pub(super) use self::read::{observe, retry, shown};
use super::doubt::Doubts;
use super::error::PassError;
use super::hold::{Hold, Recorded};
use super::journal::Journal;
use super::outcome::{self, Readings, Result as EntityResult};
use super::throttle::Throttle;
use super::{Progress, Stop, collateral};
use crate::domain::kinds::Charset;
use crate::domain::{
    EntityRef, Level, Observation, PhaseName, Presence, ReleaseKind, Slot, StoreViews, Vocabulary,
};
use crate::plan::{Book, EntityWork, ReleaseRecord, Surroundings, work};
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
        let around = Surroundings::of(&work, &observation, tools.charset, &tools.vocabulary);
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
            self.restore(seen).await?;
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

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.tools
            .doubts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads every entity that was written or tried, in batches, and judges what they show: beside what
    /// all of them were there is never all of what they are. The others are as they were observed. What
    /// was read is the answer where something may be restored by it.
    async fn verify(&mut self) -> Result<Observation, PassError> {
        let (touched, others): (Vec<EntityRef>, Vec<EntityRef>) =
            self.work.keys().cloned().partition(|entity| {
                let result = self.results.get(entity);
                result.is_some_and(EntityResult::was_tried)
            });
        self.judge(&others, &Observation::new());
        let mut kept = Observation::new();
        for batch in touched.chunks(BATCH) {
            let wanted = batch.iter().cloned().collect();
            let seen = observe(self.tools, &wanted).await?;
            self.judge(batch, &seen);
            if self.tools.restore {
                kept.extend(seen);
            }
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
            let releases = self.hold.book().of_entity(entity).rev();
            let mut own = releases.take_while(|release| {
                let first = self.recorded.pass().releases.first();
                first.is_some_and(|first| release.seq >= *first)
            });
            let digest = own.find_map(|release| release.entities.get(entity)?.digest.clone());
            let around = Readings {
                before,
                after,
                digest: digest.as_deref(),
                set_by_rows: rows.set_of(entity).collect(),
            };
            result.verify(entity, work, &around, self.journal);
        }
    }
}
