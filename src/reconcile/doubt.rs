//! Writes whose answers were lost, and which may therefore reach the store after later ones.
//!
//! # Guarantees
//! Where an entity is sent something else within two request timeouts of a lost answer, it is read
//! once more after them, and written again if the lost write came through late.
//!
//! # Assumptions
//! A store carries out no request later than two timeouts after its sender has given it up.
//!
//! # Accepted losses
//! The list is this process's own. One that takes over the pass of a killed one counts all of that pass
//! as lost; what the killed one had lost in earlier passes it does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::EntityRef;
use crate::plan::Decision;

/// The lost writes of one environment.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<EntityRef, Doubt>);

#[derive(Debug)]
struct Doubt {
    /// Not known of what somebody else has sent.
    sent: Option<Decision>,
    /// On the monotonic clock: the write does not arrive any more after that.
    until: Duration,
}

impl Doubts {
    /// The answer to a write was given up at `at`.
    pub(super) fn lost(
        &mut self,
        entity: &EntityRef,
        sent: &Decision,
        at: Duration,
        timeout: Duration,
    ) {
        let sent = Some(sent.clone());
        let until = at + 2 * timeout;
        self.0.insert(entity.clone(), Doubt { sent, until });
    }

    /// A process that is no more may have sent anything to these until `at`.
    pub(super) fn inherited(
        &mut self,
        entities: BTreeSet<EntityRef>,
        at: Duration,
        timeout: Duration,
    ) {
        let until = at + 2 * timeout;
        for entity in entities {
            self.0.entry(entity).or_insert(Doubt { sent: None, until });
        }
    }

    /// Until when a lost write may still undo what was sent now.
    pub(super) fn threaten(
        &self,
        entity: &EntityRef,
        sent: &Decision,
        now: Duration,
    ) -> Option<Duration> {
        let doubt = self.0.get(entity)?;
        (doubt.until > now && doubt.sent.as_ref() != Some(sent)).then_some(doubt.until)
    }

    /// Forgets what cannot arrive any more.
    pub(super) fn forget(&mut self, now: Duration) {
        self.0.retain(|_, doubt| doubt.until > now);
    }
}
