//! Sending lists of writes to the store's own queue, and taking note of what becomes of each write.
//!
//! # Guarantees
//! - A list is named in the ledger before the next one is sent.
//! - What the queue could not carry out for now, and what it would not take, goes on one by one, after
//!   it was read again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Execution, aborted, observe};
use crate::domain::{EntityRef, Kind, Level, Observation, Presence};
use crate::plan::{Decision, decide};
use crate::ports::{
    BatchKey, BulkId, Clock, Ledger, Operation, StoreError, StoreWrite, Submitted, Write,
};
use crate::reconcile::error::PassError;
use crate::reconcile::queue::Watch;
use crate::reconcile::write::{self, Written};

/// How many operations one list holds at most.
const OPERATIONS: usize = 1000;
/// And how large it is at most, about: nginx takes bodies of 1 MB unless it is told otherwise.
const BYTES: usize = 700_000;

/// A list that the store took.
struct List {
    bulk: BulkId,
    /// By their place in it.
    entities: Vec<(EntityRef, Decision)>,
    /// Places of those that the store left out, and why.
    rejected: BTreeMap<usize, String>,
}

/// Why an entity needs another look.
enum Doubtful {
    /// It failed for good, unless the store shows it all the same.
    Failed(Decision, String),
    /// It goes on by itself.
    Alone,
}

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Sends what can go through the queue, and waits for it; what is left is to be sent one by one.
    pub(super) async fn through_queue(
        &mut self,
        entities: Vec<EntityRef>,
    ) -> Result<Vec<EntityRef>, PassError> {
        let Some(least) = self.tools.queue else {
            return Ok(entities);
        };
        let moved = self.moved(&entities).await?;
        let (batches, mut left) = self.batches(entities, least, &moved);
        let mut doubtful: BTreeMap<EntityRef, Doubtful> = BTreeMap::new();
        let mut lists: Vec<List> = Vec::new();
        for (batch_key, entities) in batches {
            let mut entities = entities.into_iter().peekable();
            while entities.peek().is_some() {
                self.ready().await?;
                let (sent, writes) = self.list(&batch_key, &mut entities, &moved, &mut left);
                if writes.is_empty() {
                    continue;
                }
                match self.submit(&writes).await? {
                    Some(submitted) => {
                        lists.push(List::new(submitted, sent));
                        self.name(&lists).await?;
                    }
                    None => {
                        doubtful.extend(sent.into_iter().map(|(e, _)| (e, Doubtful::Alone)));
                    }
                }
            }
        }
        for list in self.wait_for(lists).await? {
            self.settle(list, &mut doubtful);
        }
        left.extend(self.read_doubtful(doubtful).await?);
        Ok(left)
    }

    /// Views' values above those that this pass has written, as they are by now: what a list sends of
    /// them may hang on what they inherit.
    async fn moved(&self, entities: &[EntityRef]) -> Result<Observation, PassError> {
        let begun = |entity: &&EntityRef| {
            let base = entity.base();
            base.is_some_and(|base| self.begun.contains(&base))
        };
        let moved: BTreeSet<EntityRef> = entities.iter().filter(begun).cloned().collect();
        match moved.is_empty() {
            true => Ok(Observation::new()),
            false => observe(self.tools, &moved).await,
        }
    }

    /// What can go in lists, and what cannot or is not worth it.
    fn batches(
        &self,
        entities: Vec<EntityRef>,
        least: usize,
        moved: &Observation,
    ) -> (BTreeMap<BatchKey, Vec<EntityRef>>, Vec<EntityRef>) {
        let mut batches: BTreeMap<BatchKey, Vec<EntityRef>> = BTreeMap::new();
        let mut left = Vec::new();
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut fit = Vec::new();
        for entity in entities {
            let write = self.write_of(&entity, moved);
            match write.and_then(|(_, write)| self.tools.store.batch_key(&write)) {
                Some(batch_key) => {
                    *counts.entry(entity.kind).or_default() += 1;
                    fit.push((batch_key, entity));
                }
                None => left.push(entity),
            }
        }
        for (batch_key, entity) in fit {
            match counts
                .get(&entity.kind)
                .is_some_and(|count| *count >= least)
            {
                true => batches.entry(batch_key).or_default().push(entity),
                false => left.push(entity),
            }
        }
        (batches, left)
    }

    /// What is to be sent for an entity now.
    fn write_of(&self, entity: &EntityRef, moved: &Observation) -> Option<(Decision, Write)> {
        let presence = self.observation.get(entity).unwrap_or(&Presence::Missing);
        let decision = self.decision_of(entity)?;
        let write = Write {
            entity: entity.clone(),
            current: moved.get(entity).unwrap_or(presence).found().cloned(),
            payload: write::payload(&decision)?,
        };
        Some((decision, write))
    }

    fn decision_of(&self, entity: &EntityRef) -> Option<Decision> {
        let work = self.work.get(entity)?;
        let presence = self.observation.get(entity).unwrap_or(&Presence::Missing);
        Some(decide(entity, work, presence, &self.around))
    }

    /// The next writes of a batch key that fit in one list. What belongs in it no more, as it was edited
    /// meanwhile, is left.
    fn list(
        &mut self,
        batch_key: &BatchKey,
        entities: &mut std::iter::Peekable<std::vec::IntoIter<EntityRef>>,
        moved: &Observation,
        left: &mut Vec<EntityRef>,
    ) -> (Vec<(EntityRef, Decision)>, Vec<Write>) {
        let (mut sent, mut writes, mut bytes) = (Vec::new(), Vec::new(), 0);
        while writes.len() < OPERATIONS {
            let Some(entity) = entities.peek() else {
                break;
            };
            let next = self.write_of(entity, moved);
            let fits =
                |write: &Write| self.tools.store.batch_key(write).as_ref() == Some(batch_key);
            let Some((decision, write)) = next.filter(|(_, write)| fits(write)) else {
                left.extend(entities.next());
                continue;
            };
            let size = write::size(&write);
            if bytes + size > BYTES && !writes.is_empty() {
                break;
            }
            let Some(entity) = entities.next() else {
                break;
            };
            if self.job(entity.clone()).is_some() {
                bytes += size;
                writes.push(write);
                sent.push((entity, decision));
            }
        }
        (sent, writes)
    }

    /// Sends a list; `None` where the store takes none of it.
    async fn submit(&mut self, writes: &[Write]) -> Result<Option<Submitted>, PassError> {
        let clock = self.tools.clock.clone();
        let mut attempt = 0;
        loop {
            if !self.recorded.lease().allows_write(clock.monotonic()) {
                return Err(PassError::Raced);
            }
            let error = match self.tools.store.submit(writes).await {
                Ok(submitted) => return Ok(Some(submitted)),
                Err(error) => error,
            };
            attempt += 1;
            let over = attempt >= write::ATTEMPTS;
            let mut wait = None;
            match &error {
                StoreError::Unauthorized { .. } | StoreError::Unusable { .. } => {
                    return Err(aborted(&error));
                }
                StoreError::Refused { .. } | StoreError::Gone { .. } => {
                    self.refused(writes.len(), &error);
                    return Ok(None);
                }
                StoreError::Contended { .. } if over => {
                    self.refused(writes.len(), &error);
                    return Ok(None);
                }
                StoreError::Unavailable { retry_after, .. } => {
                    wait = *retry_after;
                    if over || wait.is_some_and(|wait| wait > write::PATIENCE) {
                        return Err(aborted(&error));
                    }
                }
                StoreError::InDoubt { message } => {
                    self.lost(writes);
                    if over {
                        return Err(PassError::waiting(message.clone()));
                    }
                }
                StoreError::Contended { .. } => {}
            }
            let wait = wait.unwrap_or_else(|| write::backoff(attempt, clock.jitter()));
            clock.sleep(wait).await;
        }
    }

    fn refused(&mut self, writes: usize, error: &StoreError) {
        self.journal.line(
            Level::Warning,
            format!("the store's queue takes none of a list of {writes} writes, so that they are sent one by one: {error}"),
        );
    }

    /// The answer to a list was lost: it may be in the queue, and is sent again behind itself.
    fn lost(&mut self, writes: &[Write]) {
        let (at, timeout) = (self.tools.clock.monotonic(), self.tools.timeout);
        for write in writes {
            if let Some(decision) = self.decision_of(&write.entity) {
                self.in_flight().lost(&write.entity, &decision, at, timeout);
            }
        }
    }

    /// Names the lists that are under way in the ledger, and prolongs the lease with the same commit.
    async fn name(&mut self, lists: &[List]) -> Result<(), PassError> {
        let Some(last) = lists.last() else {
            return Ok(());
        };
        let count = last.entities.len() - last.rejected.len();
        self.journal.line(
            Level::Info,
            format!(
                "{count} writes given to the store's queue (bulk {})",
                last.bulk
            ),
        );
        let bulks = lists.iter().map(|list| list.bulk.clone()).collect();
        self.hold.queued(self.recorded.lease(), bulks, count).await
    }

    /// Waits until all are carried out; each with what has become of its operations.
    async fn wait_for(
        &mut self,
        lists: Vec<List>,
    ) -> Result<Vec<(List, BTreeMap<usize, Operation>)>, PassError> {
        let clock = self.tools.clock.clone();
        let bulks = lists.iter().map(|list| list.bulk.clone());
        let mut watch = Watch::new(bulks, clock.monotonic());
        while let Some(pause) = watch
            .look(
                self.tools.store.as_ref(),
                clock.as_ref(),
                self.tools.timeout,
            )
            .await?
        {
            self.hold_on().await?;
            clock.sleep(pause).await;
        }
        let settled = lists.into_iter().map(|list| {
            let operations = watch.operations(&list.bulk);
            (list, operations)
        });
        Ok(settled.collect())
    }

    /// Takes note of what was carried out; what was not needs another look.
    fn settle(
        &mut self,
        (list, mut operations): (List, BTreeMap<usize, Operation>),
        doubtful: &mut BTreeMap<EntityRef, Doubtful>,
    ) {
        let List {
            bulk: _,
            entities,
            mut rejected,
        } = list;
        for (place, (entity, decision)) in entities.into_iter().enumerate() {
            let doubt = match (rejected.remove(&place), operations.remove(&place)) {
                (Some(why), _) => Doubtful::Failed(decision, why),
                (None, Some(Operation::Done)) => {
                    // Only an abort is an error, and this is none.
                    self.note(entity, decision, Written::Sent);
                    continue;
                }
                (None, Some(Operation::Failed { message })) => Doubtful::Failed(decision, message),
                (None, Some(Operation::FailedForNow { .. } | Operation::Open) | None) => {
                    Doubtful::Alone
                }
            };
            doubtful.insert(entity, doubt);
        }
    }

    /// Reads what was not carried out again; what is to be sent one by one.
    async fn read_doubtful(
        &mut self,
        doubtful: BTreeMap<EntityRef, Doubtful>,
    ) -> Result<Vec<EntityRef>, PassError> {
        if doubtful.is_empty() {
            return Ok(Vec::new());
        }
        let entities: BTreeSet<EntityRef> = doubtful.keys().cloned().collect();
        let seen = observe(self.tools, &entities).await?;
        self.observation.extend(seen);
        let mut left = Vec::new();
        for (entity, doubt) in doubtful {
            let Doubtful::Failed(decision, error) = doubt else {
                left.push(entity);
                continue;
            };
            // The queue may hand one operation to its consumers twice, and the second time fails. What
            // has changed besides, nobody but the store can tell: it is looked at in the next pass.
            let now = self.decision_of(&entity);
            let written = match now.filter(|now| write::payload(now).is_some()) {
                None => Written::Sent,
                Some(now) => Written::Failed {
                    error,
                    permanent: now == decision,
                },
            };
            self.note(entity, decision, written);
        }
        Ok(left)
    }

    /// While something is waited for: not stopped, and the lease long enough.
    pub(super) async fn hold_on(&mut self) -> Result<(), PassError> {
        if self.tools.stop.requested() {
            return Err(PassError::Stopped);
        }
        let lease = self.recorded.lease();
        if lease.wants_renewal(self.tools.clock.monotonic()) {
            self.hold.renew(lease).await?;
        }
        Ok(())
    }
}

impl List {
    fn new(submitted: Submitted, entities: Vec<(EntityRef, Decision)>) -> Self {
        let Submitted { bulk, rejected } = submitted;
        Self {
            bulk,
            entities,
            rejected,
        }
    }
}
