//! Looks at the ledger and the store from outside, on a clock of its own, and says what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::world::{FakeLedger, FakeStore};
use super::TIMEOUT;
use crate::domain::{EntityRef, FieldName, Value};
use crate::ports::LedgerCommit;

/// A write on its way.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    pub(super) who: usize,
    pub(super) entity: EntityRef,
    /// What the entity shall have; `None` takes it away.
    pub(super) fields: Option<BTreeMap<FieldName, Value>>,
    pub(super) creates: bool,
}

/// A write that was sent; it reaches the store when its request's timeout is over at the latest.
struct Sent {
    write: InFlight,
    number: usize,
    due: Duration,
}

/// A lease in the ledger, and when it came there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    who: usize,
    at: Duration,
    valid: Duration,
}

pub(super) struct Observer {
    ledger: Arc<FakeLedger>,
    store: Arc<FakeStore>,
    lease: Option<Taken>,
    length: usize,
    in_flight: Vec<Sent>,
    sent: usize,
    pub(super) tally: Tally,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// How often each entity was written.
    pub(super) writes: BTreeMap<String, usize>,
    /// How often a lease went from one daemon to the other before it was given back.
    pub(super) takeovers: usize,
    /// How often a daemon prolonged its lease, or took it again.
    pub(super) renewals: usize,
    pub(super) snapshots: usize,
}

pub(super) fn holder(who: usize) -> String {
    format!("daemon-{who}")
}

/// The holder and the term that `state.yaml` names, read as anybody would read it.
fn written_lease(commits: &[LedgerCommit]) -> Option<(String, Duration)> {
    let bytes = commits.last()?.files.get("state.yaml")?.as_ref()?;
    let text = std::str::from_utf8(bytes).unwrap();
    let after = |key: &str| {
        let line = text.lines().find_map(|it| it.trim().strip_prefix(key))?;
        Some(line.trim().to_owned())
    };
    let valid = after("valid_ms:")?.parse().unwrap();
    Some((after("holder:")?, Duration::from_millis(valid)))
}

impl Observer {
    pub(super) fn new(ledger: Arc<FakeLedger>, store: Arc<FakeStore>) -> Self {
        Self {
            length: ledger.len(),
            ledger,
            store,
            lease: None,
            in_flight: Vec::new(),
            sent: 0,
            tally: Tally::default(),
        }
    }

    /// The ledger was moved by this daemon.
    pub(super) fn appended(
        &mut self,
        who: usize,
        commits: &[LedgerCommit],
        now: Duration,
    ) -> Result<(), String> {
        self.length += commits.len();
        if self.ledger.len() != self.length {
            return Err("a move of the ledger is no fast-forward".to_owned());
        }
        let snapshots = commits
            .iter()
            .filter(|it| it.message.starts_with("Snapshot "));
        self.tally.snapshots += snapshots.count();
        let next = written_lease(commits).map(|(holder, valid)| Taken {
            who: usize::from(holder == self::holder(1)),
            at: now,
            valid,
        });
        if let Some(held) = self.lease
            && held.who != who
        {
            self.tally.takeovers += 1;
            if now < held.at + held.valid {
                return Err(format!(
                    "daemon {who} moved the ledger {:?} after daemon {} took the lease",
                    now.saturating_sub(held.at),
                    held.who
                ));
            }
        } else if self.lease.is_some() && next.is_some() {
            self.tally.renewals += 1;
        }
        self.lease = next;
        match next {
            Some(taken) if taken.who != who => {
                Err(format!("daemon {who} took the lease for the other one"))
            }
            _ => Ok(()),
        }
    }

    /// A write begins; it is known by its number from here on.
    pub(super) fn sent(&mut self, write: InFlight, now: Duration) -> (usize, Result<(), String>) {
        let verdict = self.allowed(&write, now + TIMEOUT, "sends").and_then(|()| {
            let same = |sent: &Sent| sent.write.entity == write.entity;
            match self.in_flight.iter().any(same) {
                true => Err(format!("two writes of {} at once", write.entity)),
                false => Ok(()),
            }
        });
        self.sent += 1;
        let (number, due) = (self.sent, now + TIMEOUT);
        self.in_flight.push(Sent { write, number, due });
        (number, verdict)
    }

    /// A write is right only while the newest lease in the ledger is the writer's and, counted from
    /// when it came there, does not run out before the write has ended at the latest.
    fn allowed(&self, write: &InFlight, end: Duration, does: &str) -> Result<(), String> {
        let what = format!("daemon {} {does} {}", write.who, write.entity);
        match self.lease {
            None => Err(format!("{what} although nobody holds the lease")),
            Some(taken) if taken.who != write.who => Err(format!(
                "{what} although daemon {} holds the lease",
                taken.who
            )),
            Some(taken) if end > taken.at + taken.valid => Err(format!(
                "{what}, which ends {:?} after it took the lease",
                end.saturating_sub(taken.at)
            )),
            Some(_) => Ok(()),
        }
    }

    /// The next write whose time is up by then, and when it is.
    pub(super) fn due(&mut self, by: Duration) -> Option<(InFlight, Duration)> {
        let at = self.in_flight.iter().position(|sent| sent.due <= by)?;
        let Sent { write, due, .. } = self.in_flight.remove(at);
        Some((write, due))
    }

    /// The write of this number, if it is still on its way.
    pub(super) fn take(&mut self, number: usize) -> Option<InFlight> {
        let at = self
            .in_flight
            .iter()
            .position(|sent| sent.number == number)?;
        Some(self.in_flight.remove(at).write)
    }

    pub(super) fn landed(&mut self, write: InFlight, now: Duration) -> Result<(), String> {
        let verdict = self.allowed(&write, now, "writes");
        let InFlight {
            who,
            entity,
            fields,
            creates,
        } = write;
        let name = entity.to_string();
        if creates && self.store.dump().contains_key(&name) {
            return Err(format!("daemon {who} makes {name}, which exists"));
        }
        *self.tally.writes.entry(name).or_default() += 1;
        match &fields {
            None => self.store.edit(&entity, None),
            Some(fields) => {
                let fields: Vec<(&str, Value)> = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.clone()))
                    .collect();
                self.store.edit(&entity, Some(&fields));
            }
        }
        verdict
    }
}
