//! Reading the store, and what a failure to do so means for a pass.

use std::collections::BTreeSet;

use super::Tools;
use crate::domain::{EntityRef, Observation};
use crate::ports::{Clock, StoreError, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::write;

/// How often reading is tried before the store counts as down.
const READ_ATTEMPTS: u32 = 4;

/// Reads entities, with retries where waiting helps.
pub(in crate::reconcile) async fn observe<M: StoreWrite, C: Clock>(
    tools: &Tools<M, C>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, PassError> {
    retry(tools.clock.as_ref(), || {
        tools.store.observe(wanted, &tools.whole, &tools.views)
    })
    .await
}

/// Tries a read a few times where waiting helps.
pub(in crate::reconcile) async fn retry<T, C: Clock, F>(
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

pub(super) fn aborted(error: &StoreError) -> PassError {
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
