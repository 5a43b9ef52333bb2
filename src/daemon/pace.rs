//! The time at which an environment is looked at again: a function of how its last pass ended.

use std::time::Duration;

use crate::ports::Backoff;
use crate::reconcile::{PassError, Report};

/// After passes that left something undone.
const FAILED: Backoff = Backoff {
    first: Duration::from_secs(30),
    longest: Duration::from_secs(10 * 60),
    spread: 0.0,
};
/// After passes that found something out of reach.
const WAITING: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(60),
    spread: 0.25,
};

/// The triggers that count while nothing is due. A poke by a person always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WakeOn {
    /// Every poll, and every event that brings a new head.
    Polls,
    /// Polls and events that bring a new head.
    NewHeads,
    /// Events that bring a new head; polling would only ask what is known to be down.
    Events,
    /// Nothing: the other side said when to come back.
    Nothing,
}

/// The wait after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// The next pass is due after this long, whatever happens.
    pub(super) due: Option<Duration>,
    /// What may bring it forward.
    pub(super) wake_on: WakeOn,
}

/// The waits that have grown so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failed: u32,
    waited: u32,
}

impl Pace {
    /// `jitter` is in `0.0..1.0`.
    pub(super) fn after(&mut self, result: &Result<Report, PassError>, jitter: f64) -> Wait {
        match result {
            Ok(report) if report.ledger.book.is_at_rest(false) => {
                *self = Self::default();
                Wait::at_rest()
            }
            Ok(_) => {
                self.waited = 0;
                let due = FAILED.after(self.failed, jitter);
                self.failed = self.failed.saturating_add(1);
                Wait {
                    due: Some(due),
                    wake_on: WakeOn::NewHeads,
                }
            }
            Err(PassError::Waiting { after, .. }) => self.waiting(*after, jitter),
            // The polls see at once when it is given back, and each new lease when it is taken: its
            // expiry counts from there.
            Err(PassError::Leased { left, .. }) => Wait {
                due: Some(*left),
                wake_on: WakeOn::Polls,
            },
            Err(PassError::Raced) => self.waiting(None, jitter),
            Err(PassError::Stalled { .. } | PassError::Stopped) => {
                self.waited = 0;
                Wait::at_rest()
            }
        }
    }

    fn waiting(&mut self, after: Option<Duration>, jitter: f64) -> Wait {
        let backoff = WAITING.after(self.waited, jitter);
        self.waited = self.waited.saturating_add(1);
        Wait {
            due: Some(after.map_or(backoff, |after| after.max(backoff))),
            wake_on: if after.is_some() {
                WakeOn::Nothing
            } else {
                WakeOn::Events
            },
        }
    }
}

impl Wait {
    fn at_rest() -> Self {
        Self {
            due: None,
            wake_on: WakeOn::Polls,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn down(after: Option<u64>) -> Result<Report, PassError> {
        Err(PassError::Waiting {
            message: "down".to_owned(),
            after: after.map(Duration::from_secs),
        })
    }

    fn seconds(wait: Wait) -> u64 {
        wait.due.unwrap().as_secs()
    }

    #[test]
    fn waiting_grows_to_a_minute_and_starts_over_after_something_else() {
        let mut pace = Pace::default();
        let waits: Vec<u64> = (0..9)
            .map(|_| seconds(pace.after(&down(None), 0.5)))
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let stalled = Err(PassError::Stalled {
            message: "a person must act".to_owned(),
        });
        assert_eq!(pace.after(&stalled, 0.5), Wait::at_rest());
        assert_eq!(seconds(pace.after(&down(None), 0.5)), 1);
    }

    #[test]
    fn jitter_spreads_by_a_quarter() {
        let due = |jitter| Pace::default().after(&down(None), jitter).due.unwrap();
        assert_eq!(due(0.0), Duration::from_millis(750));
        assert_eq!(due(1.0), Duration::from_millis(1250));
    }

    #[test]
    fn what_the_other_side_asks_for_is_the_least() {
        let mut pace = Pace::default();
        let wait = pace.after(&down(Some(70)), 0.5);
        assert_eq!((seconds(wait), wait.wake_on), (70, WakeOn::Nothing));
        let wait = pace.after(&down(Some(0)), 0.5);
        assert_eq!((seconds(wait), wait.wake_on), (2, WakeOn::Nothing));
    }
}
