//! How far the write of one entity has come, over as many attempts as it takes.

use std::time::Duration;

use super::{Job, PATIENCE, WriteStats, Written, payload};
use crate::domain::EntityRef;
use crate::plan::{Decision, decide};
use crate::ports::{StoreError, Write};

/// One entity on its way.
pub(super) struct WriteAttempt {
    pub(super) job: Job,
    /// What was to be sent before anything was.
    first: Decision,
    /// How many answers were lost.
    lost: u32,
    /// What the last of them was.
    doubt: Option<String>,
    /// Why the last attempt failed.
    error: Option<StoreError>,
    stats: WriteStats,
    written: Option<Written>,
}

impl WriteAttempt {
    pub(super) fn new(job: Job) -> Self {
        Self {
            first: job.decide(),
            job,
            lost: 0,
            doubt: None,
            error: None,
            stats: WriteStats::default(),
            written: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.written.is_none()
    }

    pub(super) fn end(&mut self, written: Written) {
        self.written = Some(written);
    }

    pub(super) fn ended(self) -> (EntityRef, Decision, Written, WriteStats) {
        let lease_over = || Written::LeaseOver;
        let written = self.written.unwrap_or_else(lease_over);
        (self.job.entity, self.first, written, self.stats)
    }

    /// What is to be sent now; `None` where nothing is, which ends it.
    pub(super) fn next(&mut self) -> Option<(Decision, Write)> {
        let decision = self.job.decide();
        if let Decision::Refused(why) = &decision {
            // A person who mends it in the store needs no new commit: not permanent.
            self.refused(why.clone(), false);
            return None;
        }
        let Some(payload) = payload(&decision) else {
            if self.lost == 1 {
                // The one that was lost has arrived.
                self.stats.lost = None;
            }
            self.end(match self.lost {
                0 => Written::Needless,
                _ => Written::Sent,
            });
            return None;
        };
        let write = Write {
            entity: self.job.entity.clone(),
            current: self.job.presence.found().cloned(),
            payload,
        };
        Some((decision, write))
    }

    /// The answer to what was sent, given up or received at `now`; how long the store wants to be left
    /// alone before it is sent again.
    pub(super) fn answered(
        &mut self,
        decision: Decision,
        answer: Result<(), StoreError>,
        now: Duration,
    ) -> Option<Duration> {
        let error = match answer {
            Ok(()) => {
                self.end(Written::Sent);
                return None;
            }
            Err(error) => error,
        };
        self.stats.pressed |= matches!(
            error,
            StoreError::Unavailable { .. } | StoreError::Contended { .. }
        );
        let mut wait = None;
        match &error {
            StoreError::Unauthorized { .. } | StoreError::Unusable { .. } => {
                self.end(Written::Abort(error.clone()));
            }
            StoreError::Refused { message, .. } => self.refused(message.clone(), true),
            StoreError::Gone { .. } if decision == Decision::Delete => self.end(Written::Sent),
            StoreError::Gone { message } => self.refused(message.clone(), false),
            StoreError::Unavailable { retry_after, .. } => wait = *retry_after,
            StoreError::InDoubt { message } => {
                self.lost += 1;
                self.doubt = Some(message.clone());
                self.stats.lost = Some((decision, now));
            }
            StoreError::Contended { .. } => {}
        }
        self.error = Some(error);
        if wait.is_some_and(|wait| wait > PATIENCE) {
            self.exhausted();
        }
        wait
    }

    /// The entity failed; after a lost answer it stays in doubt, so that a rollback puts it back.
    fn refused(&mut self, error: String, permanent: bool) {
        self.end(match &self.doubt {
            Some(doubt) => Written::InDoubt {
                error: format!("{error}; before that: {doubt}"),
            },
            None => Written::Failed { error, permanent },
        });
    }

    /// Neither could it be read afterwards.
    pub(super) fn failed(&mut self, error: StoreError) {
        self.error = Some(error);
    }

    /// It has been tried often enough.
    pub(super) fn exhausted(&mut self) {
        let written = match (self.doubt.take(), self.error.take()) {
            (Some(error), _) => Written::InDoubt { error },
            (None, Some(StoreError::Contended { message })) => Written::Failed {
                error: message,
                permanent: false,
            },
            (None, Some(error)) => Written::Abort(error),
            (None, None) => Written::LeaseOver,
        };
        self.end(written);
    }
}

impl Job {
    fn decide(&self) -> Decision {
        decide(&self.entity, &self.work, &self.presence, &self.around)
    }
}
