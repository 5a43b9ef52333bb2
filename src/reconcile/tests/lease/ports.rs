//! The ports of one daemon: every call is a gate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::world::{FakeLedger, FakeStore};
use super::arena::{Answer, Arena, Gate, Killed};
use super::observer::InFlight;
use crate::domain::{
    CommitId, EntityRef, FieldName, Kind, Observation, StoreViews, Value, Vocabulary,
};
use crate::ports::{
    BatchKey, BulkId, Clock, Ledger, LedgerCommit, LedgerEntry, LedgerError, Operation, Payload,
    StoreError, StoreRead, StoreWrite, Submitted, Write,
};

pub(super) struct Ports<T> {
    pub(super) who: usize,
    pub(super) arena: Arc<Arena>,
    pub(super) inner: Arc<T>,
}

pub(super) fn ports<T>(arena: &Arc<Arena>, who: usize, inner: Arc<T>) -> Ports<T> {
    let arena = arena.clone();
    Ports { who, arena, inner }
}

impl<T> Ports<T> {
    fn gate(&self, gate: Gate) -> Result<Answer, Killed> {
        self.arena.gate(self.who, gate)
    }
}

pub(super) type LedgerPort = Ports<FakeLedger>;
pub(super) type StorePort = Ports<FakeStore>;
pub(super) type ClockPort = Ports<()>;

impl Clock for ClockPort {
    /// The wall clocks of the two differ by years: nothing may rest on them.
    fn now(&self) -> Timestamp {
        let years = [0, 1][self.who];
        let at = SignedDuration::try_from(self.arena.lock().now).unwrap();
        Timestamp::from_millisecond(1_700_000_000_000 + years * 94_608_000_000).unwrap() + at
    }
    fn monotonic(&self) -> Duration {
        // A dead daemon reads what it likes: it gets through to nothing.
        let _ = self.gate(Gate::Clock);
        self.arena.lock().clock(self.who)
    }
    async fn sleep(&self, duration: Duration) {
        let _ = self.arena.sleep(self.who, duration);
    }
    fn jitter(&self) -> f64 {
        0.5
    }
}

fn unreachable_ledger(_: Killed) -> LedgerError {
    LedgerError::Unavailable {
        message: "killed".to_owned(),
    }
}

fn unreachable_store(_: Killed) -> StoreError {
    StoreError::Unavailable {
        message: "killed".to_owned(),
        retry_after: None,
    }
}

impl Ledger for LedgerPort {
    fn refresh(&self) -> Result<(), LedgerError> {
        Ok(())
    }
    fn tip(&self) -> Result<Option<CommitId>, LedgerError> {
        self.gate(Gate::Tip).map_err(unreachable_ledger)?;
        self.inner.tip()
    }
    fn files(&self, at: &CommitId, prefix: &str) -> Result<BTreeMap<String, Vec<u8>>, LedgerError> {
        self.inner.files(at, prefix)
    }
    fn history(
        &self,
        at: &CommitId,
        until: Option<&CommitId>,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        self.inner.history(at, until)
    }
    fn append(
        &self,
        expected: Option<&CommitId>,
        commits: &[LedgerCommit],
    ) -> Result<Vec<CommitId>, LedgerError> {
        self.gate(Gate::Append).map_err(unreachable_ledger)?;
        let result = self.inner.append(expected, commits);
        let mut arena = self.arena.lock();
        let done = result.as_ref().map_or("refused", |_| "done");
        let subject = commits.last().and_then(|it| it.message.lines().next());
        arena.note(|| format!("daemon {} appends {subject:?}: {done}", self.who));
        if result.is_ok() {
            let now = arena.now;
            let verdict = arena.observer.appended(self.who, commits, now);
            arena.judge(verdict);
        }
        drop(arena);
        match self.gate(Gate::Appended).map_err(unreachable_ledger)? {
            Answer::Arrived => result,
            Answer::Lost => Err(LedgerError::Unavailable {
                message: "the answer was lost".to_owned(),
            }),
        }
    }
}

impl StoreRead for StorePort {
    async fn views(&self) -> Result<StoreViews, StoreError> {
        if self.arena.is_dead(self.who) {
            return Err(unreachable_store(Killed));
        }
        self.inner.views().await
    }
    async fn vocabulary(&self, kinds: &BTreeSet<Kind>) -> Result<Arc<Vocabulary>, StoreError> {
        self.inner.vocabulary(kinds).await
    }

    async fn observe(
        &self,
        wanted: &BTreeSet<EntityRef>,
        whole: &BTreeSet<EntityRef>,
        views: &StoreViews,
    ) -> Result<Observation, StoreError> {
        self.gate(Gate::Observe).map_err(unreachable_store)?;
        self.inner.observe(wanted, whole, views).await
    }

    async fn check_queue(&self) -> Result<(), StoreError> {
        self.inner.check_queue().await
    }

    async fn progress(&self, bulk: &BulkId) -> Result<BTreeMap<usize, Operation>, StoreError> {
        self.inner.progress(bulk).await
    }
}

impl StorePort {
    pub(super) async fn send(
        &self,
        entity: &EntityRef,
        fields: Option<BTreeMap<FieldName, Value>>,
        creates: bool,
    ) -> Result<(), StoreError> {
        // From the check of the lease to here nothing can come between: the accepted loss.
        if self.arena.is_dead(self.who) {
            return Err(unreachable_store(Killed));
        }
        let number = self.arena.lock().send(InFlight {
            who: self.who,
            entity: entity.clone(),
            fields,
            creates,
        });
        match self
            .gate(Gate::InFlight(number))
            .map_err(unreachable_store)?
        {
            Answer::Arrived => Ok(()),
            Answer::Lost => Err(StoreError::InDoubt {
                message: "the answer was lost".to_owned(),
            }),
        }
    }
}

impl StoreWrite for StorePort {
    async fn check_rights(&self, _kinds: &BTreeSet<Kind>) -> Result<(), StoreError> {
        Ok(())
    }
    async fn write(&self, writes: &[Write]) -> Vec<Result<(), StoreError>> {
        let mut results = Vec::new();
        for Write {
            entity, payload, ..
        } in writes
        {
            let (fields, creates) = match payload {
                Payload::Create(fields) => (Some(fields.clone()), true),
                Payload::Update(fields) => (Some(fields.clone()), false),
                Payload::Delete => (None, false),
            };
            results.push(self.send(entity, fields, creates).await);
        }
        results
    }
    fn batch_key(&self, _: &Write) -> Option<BatchKey> {
        None
    }
    async fn submit(&self, writes: &[Write]) -> Result<Submitted, StoreError> {
        self.inner.submit(writes).await
    }
}
