//! Writing entities of one kind: one request at a time for all of them, where the store takes rows, or
//! for the only one. Retried where that helps, read before it is repeated.
//!
//! # Guarantees
//! - Each entity of a request has its own outcome; those that are to be sent again go together again.
//! - Where the store refuses a request as a whole, each entity is sent alone: one bad row fails alone.

mod attempt;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::attempt::WriteAttempt;
use super::lease::Lease;
use crate::domain::{EntityRef, Presence, StoreViews};
use crate::plan::{Decision, EntityWork, PlanContext};
use crate::ports::{Backoff, Clock, Payload, StoreError, StoreWrite, Write};

/// How often a request is tried before the entity, or the store, is given up for this pass.
pub(super) const ATTEMPTS: u32 = 5;
/// A longer `Retry-After` is not waited for with the lease in hand: the pass is parked.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The waits between two attempts.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_millis(6_400),
    spread: 0.5,
};

/// What became of an entity's write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    /// The store took it, or showed it after a lost answer.
    Sent,
    /// Nothing needed to be sent after all.
    Needless,
    /// The entity failed; whether only a person or another value helps.
    Failed { error: String, permanent: bool },
    /// Sent, the answer lost, and the store could not be read again.
    InDoubt { error: String },
    /// The environment is concerned: nothing more is to be sent.
    Abort(StoreError),
    /// The lease does not allow another write.
    LeaseOver,
}

/// One entity to be written.
pub(super) struct Job {
    pub(super) entity: EntityRef,
    pub(super) work: EntityWork,
    pub(super) presence: Presence,
    pub(super) views: Arc<StoreViews>,
    pub(super) around: Arc<PlanContext>,
}

/// Returns the wait after the attempt of this number (from 1).
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    BACKOFF.after(attempt.saturating_sub(1), jitter)
}

/// What is sent for a decision; `None` where nothing is.
pub(super) fn payload(decision: &Decision) -> Option<Payload> {
    match decision {
        Decision::Noop | Decision::Refused(_) => None,
        Decision::Create(fields) => Some(Payload::Create(fields.clone())),
        Decision::Update(fields) => Some(Payload::Update(fields.clone())),
        Decision::Delete => Some(Payload::Delete),
    }
}

/// How many bytes a write takes, about.
pub(super) fn size(write: &Write) -> usize {
    match &write.payload {
        Payload::Create(fields) | Payload::Update(fields) => fields
            .iter()
            .map(|(name, value)| name.as_str().len() + value.to_string().len() + 8)
            .sum(),
        Payload::Delete => 32,
    }
}

/// What was learned on the way, besides what became of the write.
#[derive(Debug, Default)]
pub(super) struct WriteStats {
    /// Whether the store was pressed (429, 503, locks).
    pub(super) pressed: bool,
    /// The last request whose answer was lost, and when it was given up on the monotonic clock.
    pub(super) lost: Option<(Decision, Duration)>,
}

/// What became of one of the entities, and what was to be sent at first.
pub(super) type Ended = (EntityRef, Decision, Written, WriteStats);

/// Writes the entities, all of one kind.
pub(super) async fn write<M: StoreWrite, C: Clock>(
    store: &M,
    clock: &C,
    lease: &Lease,
    jobs: Vec<Job>,
) -> Vec<Ended> {
    let mut attempts: Vec<WriteAttempt> = jobs.into_iter().map(WriteAttempt::new).collect();
    let mut attempt = 0;
    loop {
        let wait = round(store, clock, lease, &mut attempts).await;
        if attempts.iter().all(|attempt| !attempt.is_open()) {
            break;
        }
        attempt += 1;
        if attempt >= ATTEMPTS {
            give_up(&mut attempts);
            break;
        }
        clock
            .sleep(wait.unwrap_or_else(|| backoff(attempt, clock.jitter())))
            .await;
        // What became of it shows in the store alone: a lost answer may have been a success. Without
        // that look nothing is repeated.
        while let Err(error) = look(store, &mut attempts).await {
            attempt += 1;
            for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
                attempt.failed(error.clone());
            }
            if attempt >= ATTEMPTS {
                give_up(&mut attempts);
                break;
            }
            clock.sleep(backoff(attempt, clock.jitter())).await;
        }
    }
    attempts.into_iter().map(WriteAttempt::ended).collect()
}

fn give_up(attempts: &mut [WriteAttempt]) {
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
        attempt.exhausted();
    }
}

/// Sends what is still to be sent, once; how long the store wants to be left alone.
async fn round<M: StoreWrite, C: Clock>(
    store: &M,
    clock: &C,
    lease: &Lease,
    attempts: &mut [WriteAttempt],
) -> Option<Duration> {
    let mut sent = Vec::new();
    let mut writes = Vec::new();
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
        if !lease.allows_write(clock.monotonic()) {
            attempt.end(Written::LeaseOver);
        } else if let Some((decision, write)) = attempt.next() {
            writes.push(write);
            sent.push((attempt, decision));
        }
    }
    if writes.is_empty() {
        return None;
    }
    let answers = send(store, clock, lease, &writes).await;
    let now = clock.monotonic();
    let mut wait = None;
    for ((attempt, decision), answer) in sent.into_iter().zip(answers) {
        match answer {
            Some(answer) => wait = wait.max(attempt.answered(decision, answer, now)),
            None => attempt.end(Written::LeaseOver),
        }
    }
    wait
}

/// One request for all of them, and one for each where the store refuses them as a whole. `None`: not
/// sent, as the lease is over.
async fn send<M: StoreWrite, C: Clock>(
    store: &M,
    clock: &C,
    lease: &Lease,
    writes: &[Write],
) -> Vec<Option<Result<(), StoreError>>> {
    let unknown = || StoreError::InDoubt {
        message: "it was sent, but the store's answer says nothing of it".to_owned(),
    };
    let mut answers = store.write(writes).await;
    answers.resize_with(writes.len(), || Err(unknown()));
    if !refused_as_a_whole(&answers) {
        return answers.into_iter().map(Some).collect();
    }
    let mut alone = Vec::with_capacity(writes.len());
    for write in writes {
        if !lease.allows_write(clock.monotonic()) {
            alone.push(None);
            continue;
        }
        let answer = store.write(std::slice::from_ref(write)).await.pop();
        alone.push(Some(answer.unwrap_or_else(|| Err(unknown()))));
    }
    alone
}

/// Several were sent, and all of them were refused with the same words.
fn refused_as_a_whole(answers: &[Result<(), StoreError>]) -> bool {
    match answers {
        [first @ Err(StoreError::Refused { .. }), rest @ ..] if !rest.is_empty() => {
            rest.iter().all(|answer| answer == first)
        }
        _ => false,
    }
}

async fn look<M: StoreWrite>(store: &M, attempts: &mut [WriteAttempt]) -> Result<(), StoreError> {
    let open = || attempts.iter().filter(|attempt| attempt.is_open());
    let Some(views) = open().next().map(|attempt| attempt.job.views.clone()) else {
        return Ok(());
    };
    let wanted: BTreeSet<EntityRef> = open().map(|attempt| attempt.job.entity.clone()).collect();
    let whole = open()
        .filter(|attempt| attempt.job.work.is_of_the_whole(&attempt.job.entity))
        .map(|attempt| attempt.job.entity.clone())
        .collect();
    let mut seen = store.observe(&wanted, &whole, &views).await?;
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
        let job = &mut attempt.job;
        job.presence = seen.remove(&job.entity).unwrap_or(Presence::Missing);
    }
    Ok(())
}
