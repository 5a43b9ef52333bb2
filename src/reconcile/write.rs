//! Writing one entity: one request at a time, retried where that helps, read before it is repeated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::lease::Lease;
use crate::domain::{EntityRef, Presence, StoreViews};
use crate::plan::{Decision, EntityWork, Surroundings, decide};
use crate::ports::{Clock, Payload, StoreError, StoreWrite, Write};

/// How often a request is tried before the entity, or the store, is given up for this pass.
const ATTEMPTS: u32 = 5;
/// A longer `Retry-After` is not waited for with the lease in hand: the pass is parked.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

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
    pub(super) around: Arc<Surroundings>,
}

/// Before the attempt of this number (from 1): exponential, with jitter.
pub(super) fn backoff(attempt: u32, jitter: f64) -> Duration {
    let base = Duration::from_millis(200) * 2_u32.saturating_pow(attempt.saturating_sub(1).min(5));
    base.mul_f64(0.5 + jitter)
}

/// What was learned on the way, besides what became of the write.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Whether the store was pressed (429, 503, locks).
    pub(super) pressed: bool,
    /// The last request whose answer was lost, and when it was given up on the monotonic clock.
    pub(super) lost: Option<(Decision, Duration)>,
}

/// Writes the entity.
pub(super) async fn write<M: StoreWrite, C: Clock>(
    store: &M,
    clock: &C,
    lease: &Lease,
    job: Job,
) -> (Written, Signs) {
    let mut signs = Signs::default();
    let written = attempts(store, clock, lease, job, &mut signs).await;
    (written, signs)
}

async fn attempts<M: StoreWrite, C: Clock>(
    store: &M,
    clock: &C,
    lease: &Lease,
    mut job: Job,
    signs: &mut Signs,
) -> Written {
    let mut lost = 0;
    let mut doubt = None;
    let mut attempt = 0;
    loop {
        let decision = decide(&job.entity, &job.work, &job.presence, &job.around);
        if !lease.allows_write(clock.monotonic()) {
            return Written::LeaseOver;
        }
        if let Decision::Refused(why) = &decision {
            // A person who mends it in the store needs no new commit: not permanent.
            return refused(doubt, why.clone(), false);
        }
        let error = match send(store, &job, &decision).await {
            None if lost > 0 => {
                if lost == 1 {
                    // The one that was lost has arrived.
                    signs.lost = None;
                }
                return Written::Sent;
            }
            None => return Written::Needless,
            Some(Ok(())) => return Written::Sent,
            Some(Err(error)) => error,
        };
        attempt += 1;
        signs.pressed |= matches!(
            error,
            StoreError::Unavailable { .. } | StoreError::Contended { .. }
        );
        let wait = match &error {
            StoreError::Unauthorized { .. } | StoreError::Unusable { .. } => {
                return Written::Abort(error);
            }
            StoreError::Refused { message, .. } => {
                return refused(doubt, message.clone(), true);
            }
            StoreError::Gone { .. } if decision == Decision::Delete => return Written::Sent,
            StoreError::Gone { message } => {
                return refused(doubt, message.clone(), false);
            }
            StoreError::Unavailable {
                retry_after: Some(after),
                ..
            } if *after > PATIENCE => return exhausted(error, doubt),
            StoreError::Unavailable { retry_after, .. } => *retry_after,
            StoreError::InDoubt { message } => {
                lost += 1;
                doubt = Some(message.clone());
                signs.lost = Some((decision.clone(), clock.monotonic()));
                None
            }
            StoreError::Contended { .. } => None,
        };
        if attempt >= ATTEMPTS {
            return exhausted(error, doubt);
        }
        clock
            .sleep(wait.unwrap_or_else(|| backoff(attempt, clock.jitter())))
            .await;
        // What became of it shows in the store alone: a lost answer may have been a success. Without
        // that look nothing is repeated.
        while let Err(error) = look(store, &mut job).await {
            attempt += 1;
            if attempt >= ATTEMPTS {
                return exhausted(error, doubt);
            }
            clock.sleep(backoff(attempt, clock.jitter())).await;
        }
    }
}

/// The entity failed; after a lost answer it stays in doubt, so that a rollback puts it back.
fn refused(doubt: Option<String>, error: String, permanent: bool) -> Written {
    match doubt {
        Some(doubt) => Written::InDoubt {
            error: format!("{error}; before that: {doubt}"),
        },
        None => Written::Failed { error, permanent },
    }
}

fn exhausted(error: StoreError, doubt: Option<String>) -> Written {
    match (doubt, error) {
        (Some(error), _) => Written::InDoubt { error },
        (None, StoreError::Contended { message }) => Written::Failed {
            error: message,
            permanent: false,
        },
        (None, error) => Written::Abort(error),
    }
}

async fn look<M: StoreWrite>(store: &M, job: &mut Job) -> Result<(), StoreError> {
    let wanted = BTreeSet::from([job.entity.clone()]);
    let whole = match job.work.is_of_the_whole(&job.entity) {
        true => wanted.clone(),
        false => BTreeSet::new(),
    };
    let mut seen = store.observe(&wanted, &whole, &job.views).await?;
    job.presence = seen.remove(&job.entity).unwrap_or(Presence::Missing);
    Ok(())
}

async fn send<M: StoreWrite>(
    store: &M,
    job: &Job,
    decision: &Decision,
) -> Option<Result<(), StoreError>> {
    let payload = match decision {
        Decision::Noop | Decision::Refused(_) => return None,
        Decision::Create(fields) => Payload::Create(fields.clone()),
        Decision::Update(fields) => Payload::Update(fields.clone()),
        Decision::Delete => Payload::Delete,
    };
    let write = Write {
        entity: job.entity.clone(),
        current: job.presence.found().cloned(),
        payload,
    };
    store.write(&[write]).await.into_iter().next()
}
