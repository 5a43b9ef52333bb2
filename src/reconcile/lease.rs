//! The lease: who may write to the store of an environment.
//!
//! # Guarantees
//! - The snapshot commit takes the lease and the outcome commit gives it back; both move the rollback
//!   branch by compare-and-swap, so two daemons never hold it at the same time.
//! - A write begins only with more than one request timeout of the lease left, so it has ended while
//!   the lease is the writer's.
//! - A taker counts the expiry on its own monotonic clock, from when it first saw that lease commit.
//!   No wall clocks are compared.
//! - Whoever takes over reads the store after the last write of its predecessor has ended, so that
//!   nothing is written twice.
//!
//! # Why they hold
//! A holder counts from before it asked for the commit, a taker from after it saw it: the holder's
//! term ends first, however long the push and its answer took. A renewal is a new commit, from which
//! a taker counts anew. One that counted to the end of an older commit loses the compare-and-swap,
//! which starts from that commit; and where the taker's move comes first, the renewal loses it, and
//! nothing is counted anew: [`Lease::renewed`] comes after the success alone. Every attempt of a
//! write looks at the lease again, as waiting and reading lie between them.
//!
//! `tests::lease` plays it: two daemons, interrupted between any two steps for longer than a term.
//!
//! # Assumptions
//! - A request does not outlive its timeout: the store carries out nothing of it afterwards.
//! - The monotonic clocks of two machines are equally fast, and go on while a machine is suspended.
//!   Both count the same term, so that there is no margin but the time until the taker looked.
//! - A holder id belongs to one process: it lies under a file lock in the state directory, which is
//!   not copied to a second machine.
//!
//! # Accepted losses
//! - A process frozen between its last check and the send may write once after its lease was taken
//!   over; the successor's verification sees that write.
//! - The guest of a hypervisor that stops its clocks while it is paused does not know that its lease
//!   has run out: it is as if it were frozen there, until its next move of the branch.
//! - A daemon that is restarted after `kill -9` takes its own lease back at once. What the dead process
//!   sent may be carried out for one more timeout: the values of the same pass, which are harmless
//!   unless the entity shall show others in that time, for which `super::in_flight` waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ledger::LeaseFile;
use crate::domain::CommitId;

/// The right to write, for a while. Only taking the lease in the ledger makes one.
#[derive(Debug)]
pub(super) struct Lease {
    /// Until when, on the holder's monotonic clock. In milliseconds.
    until_ms: AtomicU64,
    timeout: Duration,
}

impl Lease {
    /// How long a lease is valid: twice the request timeout and ten seconds.
    pub(super) fn term(timeout: Duration) -> Duration {
        2 * timeout + Duration::from_secs(10)
    }

    /// What is written to the ledger.
    pub(super) fn file(holder: &str, timeout: Duration) -> LeaseFile {
        LeaseFile {
            holder: holder.to_owned(),
            valid_ms: u64::try_from(Self::term(timeout).as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// A lease whose ledger commit was *begun* at `asked` and has succeeded.
    pub(super) fn taken(asked: Duration, timeout: Duration) -> Self {
        let lease = Self {
            until_ms: AtomicU64::new(0),
            timeout,
        };
        lease.renewed(asked);
        lease
    }

    /// Counts anew from when the renewal was begun.
    pub(super) fn renewed(&self, asked: Duration) {
        let until = asked + Self::term(self.timeout);
        self.until_ms.store(
            u64::try_from(until.as_millis()).unwrap_or(u64::MAX),
            Ordering::SeqCst,
        );
    }

    fn left(&self, now: Duration) -> Duration {
        Duration::from_millis(self.until_ms.load(Ordering::SeqCst)).saturating_sub(now)
    }

    /// Whether a write may begin now.
    pub(super) fn allows_write(&self, now: Duration) -> bool {
        self.left(now) > self.timeout
    }

    /// Whether it is time to renew: half of it is gone.
    pub(super) fn wants_renewal(&self, now: Duration) -> bool {
        self.left(now) < Self::term(self.timeout) / 2 + self.timeout / 2
    }
}

/// Somebody else's lease, as it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    commit: CommitId,
    at: Duration,
}

/// How long somebody else's lease still has to be respected; zero when it may be taken over.
pub(super) fn respect(
    seen: &mut Option<Seen>,
    tip: &CommitId,
    lease: &LeaseFile,
    holder: &str,
    now: Duration,
) -> Duration {
    if lease.holder == holder {
        return Duration::ZERO;
    }
    let first = match seen {
        Some(seen) if seen.commit == *tip => seen.at,
        _ => {
            *seen = Some(Seen {
                commit: tip.clone(),
                at: now,
            });
            now
        }
    };
    (first + Duration::from_millis(lease.valid_ms)).saturating_sub(now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[test]
    fn a_write_needs_more_than_one_timeout() {
        let lease = Lease::taken(Duration::from_secs(100), TIMEOUT);
        assert!(lease.allows_write(Duration::from_secs(139)));
        assert!(!lease.allows_write(Duration::from_secs(140)));
        lease.renewed(Duration::from_secs(130));
        assert!(lease.allows_write(Duration::from_secs(169)));
        assert!(!lease.allows_write(Duration::from_secs(500)));
    }

    #[test]
    fn the_expiry_counts_from_the_first_sight_of_that_commit() {
        let lease = Lease::file("a", TIMEOUT);
        let one = CommitId::new("1".repeat(40)).unwrap();
        let two = CommitId::new("2".repeat(40)).unwrap();
        let mut seen = None;
        let left = |seen: &mut Option<Seen>, tip: &CommitId, now| {
            respect(seen, tip, &lease, "b", Duration::from_secs(now)).as_secs()
        };
        assert_eq!(left(&mut seen, &one, 1000), 70);
        assert_eq!(left(&mut seen, &one, 1060), 10);
        // A renewal is a new commit: the count begins again.
        assert_eq!(left(&mut seen, &two, 1065), 70);
        assert_eq!(left(&mut seen, &two, 1135), 0);
        assert_eq!(
            respect(&mut seen, &two, &lease, "a", Duration::ZERO),
            Duration::ZERO
        );
    }
}
