//! Writes whose answers were lost, and which may therefore reach the store after later ones.
//!
//! # Guarantees
//! Where an entity shall show something else within two request timeouts of a lost answer, it is read
//! once more after them, and written again if the lost write came through late.
//!
//! # Assumptions
//! A store carries out no request later than two timeouts after its sender has given it up.
//!
//! # Accepted losses
//! The list is this process's own. Of one that is no more the ledger tells which pass it was carrying
//! out, all of which counts as lost, and whether it held anything for lost when it recorded that pass
//! or gave it back; not what it lost and ended a pass with when no other one was begun.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{EntityRef, FieldId, Slot};
use crate::plan::{Book, Decision, EntityWork, ExistenceGoal, Shown};

/// The lost writes of one environment.
#[derive(Debug, Default)]
pub(super) struct InFlightWrites {
    lost: BTreeMap<EntityRef, Vec<Doubt>>,
    /// When the pass began that this process carried out last: what it lost of that, it knows.
    own: Option<Timestamp>,
}

#[derive(Debug)]
struct Doubt {
    sent: Sent,
    /// On the monotonic clock: the write does not arrive any more after that.
    until: Duration,
}

/// What was lost.
#[derive(Debug)]
enum Sent {
    /// By this process.
    Known(Decision),
    /// By another one, in the pass that began then; what an earlier pass had sent with `None`.
    Elsewhere(Option<Timestamp>),
}

impl InFlightWrites {
    /// The answer to a write was given up at `at`.
    pub(super) fn lost(
        &mut self,
        entity: &EntityRef,
        sent: &Decision,
        at: Duration,
        timeout: Duration,
    ) {
        let sent = Sent::Known(sent.clone());
        let until = at + 2 * timeout;
        let lost = self.lost.entry(entity.clone()).or_default();
        lost.push(Doubt { sent, until });
    }

    /// This process carries out the pass that began then.
    pub(super) fn carries_out(&mut self, pass: Timestamp) {
        self.own = Some(pass);
    }

    /// Whether another process has begun to carry that pass out.
    pub(super) fn is_foreign(&self, pass: Timestamp) -> bool {
        self.own != Some(pass)
    }

    /// Another process may have sent anything to these until `at`, in the pass that began then or, with
    /// `None`, in whichever.
    pub(super) fn inherited(
        &mut self,
        entities: &BTreeSet<EntityRef>,
        pass: Option<Timestamp>,
        at: Duration,
        timeout: Duration,
    ) {
        let until = at + 2 * timeout;
        for entity in entities {
            let sent = Sent::Elsewhere(pass);
            let lost = self.lost.entry(entity.clone()).or_default();
            lost.push(Doubt { sent, until });
        }
    }

    /// Whether a lost write may still arrive at one of these.
    pub(super) fn concern(&self, entities: &BTreeSet<EntityRef>, now: Duration) -> bool {
        let concerned = entities.iter().filter_map(|entity| self.lost.get(entity));
        concerned.flatten().any(|doubt| doubt.until > now)
    }

    /// Records what the lost writes of this process may still make an entity show, so that it is not
    /// taken for an edit when it comes.
    pub(super) fn note(&self, book: &mut Book, entities: &BTreeSet<EntityRef>, now: Duration) {
        for entity in entities {
            let in_flight = self.lost.get(entity).into_iter().flatten();
            for doubt in in_flight.filter(|doubt| doubt.until > now) {
                if let Sent::Known(sent) = &doubt.sent {
                    let fields = match sent {
                        Decision::Create(fields) | Decision::Update(fields) => fields,
                        Decision::Delete | Decision::Noop | Decision::Refused(_) => continue,
                    };
                    for (name, value) in fields {
                        let slot = Slot {
                            entity: entity.clone(),
                            field: FieldId::Named(name.clone()),
                        };
                        book.may_show(&slot, Shown::Value(value.clone().into()));
                    }
                }
            }
        }
    }

    /// Until when a lost write may still undo what was made of an entity. `pass` is when the pass
    /// began that is carried out; `None` while it is undone.
    pub(super) fn threaten(
        &self,
        entity: &EntityRef,
        work: &EntityWork,
        pass: Option<Timestamp>,
        now: Duration,
    ) -> Option<Duration> {
        let in_flight = self.lost.get(entity)?.iter();
        let threats = in_flight.filter(|doubt| match &doubt.sent {
            Sent::Known(sent) => breaks(sent, entity, work),
            Sent::Elsewhere(sender) => sender.is_none() || *sender != pass,
        });
        let until = threats.map(|doubt| doubt.until);
        until.filter(|until| *until > now).max()
    }

    /// Forgets what cannot arrive any more.
    pub(super) fn forget(&mut self, now: Duration) {
        self.lost.retain(|_, in_flight| {
            in_flight.retain(|doubt| doubt.until > now);
            !in_flight.is_empty()
        });
    }
}

/// Whether what was sent, carried out now, would leave an entity other than it shall be.
fn breaks(sent: &Decision, entity: &EntityRef, work: &EntityWork) -> bool {
    let absent = matches!(work.being, ExistenceGoal::Absent { .. });
    match sent {
        Decision::Create(_) if absent => true,
        Decision::Create(fields) | Decision::Update(fields) => {
            fields.iter().any(|(name, value)| {
                let want = work.fields.get(name);
                want.is_some_and(|want| !want.met_by(entity, name, value))
            })
        }
        Decision::Delete => !absent,
        Decision::Noop | Decision::Refused(_) => false,
    }
}
