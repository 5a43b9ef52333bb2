//! What is tried again in a pass, with what is observed of it now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Composed, Composer};
use crate::domain::{DesiredState, DesiredValue, EntityRef, FieldId, FieldStatus, Slot};
use crate::plan::book::ReleaseRecord;
use crate::plan::stack::{Before, Seq, Target};

impl Composer<'_> {
    pub(super) fn finish(
        mut self,
        retry: &BTreeSet<Slot>,
        wanted: Option<&DesiredState>,
    ) -> Composed {
        let touched: BTreeSet<Slot> = self
            .new
            .iter()
            .filter_map(|seq| self.book.releases.get(seq))
            .flat_map(|release| {
                // A release that leaves a slot as it is does not answer for it.
                release
                    .slots()
                    .filter(|(_, record)| record.target != Target::Leave)
                    .map(|(slot, _)| slot)
                    .collect::<Vec<_>>()
            })
            .collect();
        // What a release leaves as it is belongs to the pass, too: where it is open, it is sent.
        let open = self.book.open_slots(true);
        let left = self
            .new
            .iter()
            .filter_map(|seq| self.book.releases.get(seq));
        let left =
            left.flat_map(|release| release.slots().map(|(slot, _)| slot).collect::<Vec<_>>());
        let left = left.filter(|slot| open.contains(slot) && !touched.contains(slot));
        let retry: BTreeSet<Slot> = retry.iter().cloned().chain(left).collect();
        let retry = self.with_entities(&touched, &retry);
        let retried: BTreeSet<Slot> = retry.difference(&touched).cloned().collect();
        let mut renewed: BTreeMap<Seq, Arc<ReleaseRecord>> = BTreeMap::new();
        for slot in &retried {
            self.renew(slot, &mut renewed);
            if let Some(desired) = wanted.and_then(|state| state.entities.get(&slot.entity)) {
                self.allow(&slot.entity, desired.explicit, &mut renewed);
            }
        }
        let seqs = renewed.keys().copied().collect();
        if !renewed.is_empty() {
            self.book.update(renewed.into_values());
        }
        for entity in &self.dissolved {
            self.book.replay_entity(entity);
        }
        Composed {
            book: self.book,
            new: self.new,
            renewed: seqs,
            retried,
        }
    }

    /// What is tried again, and all that is open of entities that the pass touches and that are still to
    /// be made or deleted: whatever is sent for one of their fields does that, too.
    fn with_entities(&self, touched: &BTreeSet<Slot>, retry: &BTreeSet<Slot>) -> BTreeSet<Slot> {
        let concerned: BTreeSet<&EntityRef> = touched.union(retry).map(|s| &s.entity).collect();
        let open = self.book.open_slots(true);
        let unmade: BTreeSet<&EntityRef> = open
            .iter()
            .filter(|slot| slot.field == FieldId::Existence && concerned.contains(&slot.entity))
            .map(|slot| &slot.entity)
            .collect();
        let joined = open.iter().filter(|slot| unmade.contains(&slot.entity));
        retry.iter().chain(joined).cloned().collect()
    }

    /// `ensure: present` spelled out, or not any more, is no transition, but decides how a failed
    /// entity is tried again.
    fn allow(
        &self,
        entity: &EntityRef,
        explicit: bool,
        renewed: &mut BTreeMap<Seq, Arc<ReleaseRecord>>,
    ) {
        let newest = self.book.of_entity(entity).next_back();
        let Some(newest) = newest else { return };
        let release = renewed.get(&newest.seq).unwrap_or(newest);
        let record = release.entities.get(entity);
        if record.is_none_or(|record| record.explicit == explicit) {
            return;
        }
        let release = renewed.entry(newest.seq).or_insert_with(|| newest.clone());
        if let Some(record) = Arc::make_mut(release).entities.get_mut(entity) {
            record.explicit = explicit;
        }
    }

    /// A slot that was never written is observed anew: the lowest of its unwritten transitions takes
    /// what the store shows now, those above what the one below it would have left.
    fn renew(&self, slot: &Slot, renewed: &mut BTreeMap<Seq, Arc<ReleaseRecord>>) {
        let (seen, _) = self.world.before(&slot.entity, &slot.field, true);
        if seen == Before::Unknown {
            return;
        }
        let Some(stack) = self.book.stacks.get(slot) else {
            return;
        };
        let first = stack.iter().rposition(|t| t.effective).map_or(0, |i| i + 1);
        let mut before = seen;
        for transition in &stack[first..] {
            let seq = transition.observed_at;
            let Some(known) = self.book.releases.get(&seq) else {
                continue;
            };
            if known.slot(slot).is_none() {
                continue;
            }
            let release = renewed.entry(seq).or_insert_with(|| known.clone());
            let Some(record) = Arc::make_mut(release).slot_mut(slot) else {
                continue;
            };
            if record.status == Some(FieldStatus::NotWritten) && record.observed_before != before {
                let old = std::mem::replace(&mut record.observed_before, before.clone());
                if old != Before::Unknown {
                    record.also.push(old);
                }
            }
            if let Some(DesiredValue::Value(value)) = &transition.desired_after {
                before = Before::Value(value.clone());
            }
        }
    }
}
