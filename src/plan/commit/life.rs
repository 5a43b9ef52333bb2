//! The lives of one entity: what deletions, and taking them back, make of its fields.

use std::collections::BTreeSet;

use super::{Altering, RolledBack, Step};
use crate::domain::{DesiredValue, Ensure, FieldId, Slot};
use crate::plan::entity::{LayerNames, Look, ManagedEntity, existence, whole};
use crate::plan::layers::{Layer, LayerId, Says, Seq, Shown};
use crate::plan::statements::Statement;

impl<L: Look> Step<'_, L> {
    /// Carries over to the fields what a rollback of the existence does to deletions. Returns true if a
    /// life of the entity begins or ends by it.
    pub(super) fn carry_life(
        &self,
        entity: &mut ManagedEntity,
        rolled_back: &RolledBack,
        names: &mut LayerNames,
    ) -> bool {
        let RolledBack { had, left, turns } = rolled_back;
        let deletions = |layers: &[Layer]| {
            let absent = layers.iter().filter(|l| is_absent(l.demands.as_ref()));
            absent.map(|l| l.id).collect::<BTreeSet<_>>()
        };
        let (before, after) = (deletions(had), deletions(left));
        for gone in before.difference(&after) {
            // A deletion taken back gives every field back.
            self.undelete(entity, *gone);
        }
        if let Some(top) = left.last()
            && after.contains(&top.id)
            && !before.contains(&top.id)
            && let Some(by) = top.release()
        {
            self.delete(entity, by, top.id, names);
        }
        *turns || before != after
    }

    /// Returns the fields that were hidden by a deletion that is taken back, in whichever file it stood.
    pub(super) fn brought_to_light(
        &self,
        entity: &ManagedEntity,
        changed: &BTreeSet<Slot>,
    ) -> BTreeSet<Slot> {
        let Altering {
            difference,
            release,
            reverted,
            ..
        } = self.altering;
        let being = existence(self.root);
        let is_deletion = |s: &&Statement| s.slot == being && s.digest.is_absent();
        let mut deletions = difference.gone.iter().filter(is_deletion);
        let is_taken = |s: &Statement| {
            let author = self.was.stated.get(s);
            author.is_some_and(|by| reverted.contains(by))
        };
        if !deletions.any(is_taken) {
            return BTreeSet::new();
        }
        let is_older = |slot: &&Slot| {
            let (demands, by) = self.demand(entity, slot);
            slot.field != FieldId::Existence && demands.is_some() && by != release
        };
        changed.iter().filter(is_older).cloned().collect()
    }

    /// Returns the value that a field shows, or will show, once its entity, which was deleted, is made
    /// again.
    pub(super) fn made_with(&self, entity: &ManagedEntity, slot: &Slot) -> Option<Shown> {
        let being = entity.slots.get(&existence(self.root))?;
        if *being.target().shown != Shown::Here || slot.field == FieldId::Existence {
            return None;
        }
        match self.look.shown(slot) {
            Shown::Value(value) => Some(Shown::Value(value)),
            Shown::Gone | Shown::Here | Shown::Unknown => self.look.created(slot),
        }
    }

    /// A deletion lies on every field of the entity.
    pub(super) fn delete(
        &self,
        entity: &mut ManagedEntity,
        by: Seq,
        deletion: LayerId,
        names: &mut LayerNames,
    ) {
        let whole = whole(self.root, self.look);
        let known = entity.slots.keys().cloned();
        let slots: BTreeSet<Slot> = known.chain(whole).collect();
        for slot in slots.iter().filter(|slot| slot.field != FieldId::Existence) {
            let (demands, _) = self.demand(entity, slot);
            let says = Says::Demand(Shown::Gone);
            let state = self.slot(entity, slot);
            state.push(names.take(), by, demands, says, Some(deletion));
        }
        entity.whole = true;
    }

    fn undelete(&self, entity: &mut ManagedEntity, deletion: LayerId) {
        for (slot, state) in &mut entity.slots {
            if slot.field != FieldId::Existence {
                for part in state.ids(|l| l.of == Some(deletion)) {
                    let policy = self.look.policy_of(slot, self.altering.policy);
                    state.drop_layer(part, policy);
                }
            }
        }
    }

    /// Where the removal of a deletion restores the entity, all of it comes back.
    pub(super) fn bring_back(&self, entity: &mut ManagedEntity, names: &mut LayerNames) {
        let policy = self.altering.policy;
        let being = entity.slots.get(&existence(self.root));
        let being = being.map_or_else(Vec::new, |being| being.layers.clone());
        let remover = |of: LayerId| {
            let mut above = being.iter().skip_while(|l| l.id != of).skip(1);
            let telling = above.find(|l| l.says != Says::Same)?;
            let restores = telling.is_removal() && telling.says == Says::Base;
            telling.release().filter(|_| restores)
        };
        for state in entity.slots.values_mut() {
            let newest = state.layers.iter().rev().find(|l| l.release().is_some());
            if let Some(remover) = newest.and_then(|l| l.of).and_then(remover) {
                state.remove(names.take(), remover, policy);
            }
        }
    }
}

/// True if the files demand that there be no entity.
pub(super) fn is_absent(demands: Option<&DesiredValue>) -> bool {
    demands == Some(&DesiredValue::Ensure(Ensure::Absent))
}
