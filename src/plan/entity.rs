//! One managed entity: the slots of all its scopes, and what the files say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::layers::{LayerId, Origin, Policy, Seq, Shown, SlotState};
use super::statements::Authors;
use crate::domain::{DesiredState, EntityRef, FieldId, FieldName, Slot};

/// What a pass sees of the store.
pub trait Look {
    /// What a slot shows.
    fn shown(&self, slot: &Slot) -> Shown;

    /// What a slot shows once its entity, which is missing, is made without it being set; `None` where
    /// that is not known.
    fn created(&self, slot: &Slot) -> Option<Shown>;

    /// The fields from which an entity can be made again, as far as it has them.
    fn whole(&self, entity: &EntityRef) -> Vec<FieldName>;

    /// The slots of views that have a value of their own: they go with the entity, and come back with it.
    fn own_values(&self, _entity: &EntityRef) -> Vec<Slot> {
        Vec::new()
    }

    /// True if a look that shows `seen` is explained by the value `held`.
    fn same(&self, slot: &Slot, held: &Shown, seen: &Shown) -> bool;

    /// True of a value that moves by itself, like what is in stock: one that moved is never taken back.
    fn moves(&self, _slot: &Slot) -> bool {
        false
    }

    /// The settings, as far as they hold for a slot.
    fn policy_of(&self, slot: &Slot, policy: Policy) -> Policy {
        Policy {
            keep_conflicts: policy.keep_conflicts || self.moves(slot),
            ..policy
        }
    }
}

/// Why an entity is not where it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In the store's words.
    pub error: String,
    /// True if only a person's `retry` or another value helps.
    pub permanent: bool,
}

/// The slots of one entity: its existence, its fields, and its values under each view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManagedEntity {
    /// Its slots. One without layers stays until the store shows its base.
    pub slots: BTreeMap<Slot, SlotState>,
    /// What the files say.
    pub authors: Authors,
    /// The release that moved each slot last.
    pub moved_by: BTreeMap<Slot, Seq>,
    /// Those of which `ensure: present` is spelled out.
    pub explicit: BTreeSet<EntityRef>,
    /// What could not be brought to its target.
    pub failures: BTreeMap<EntityRef, Failure>,
    /// True if the slots hold all that it was made of when it was deleted.
    pub whole: bool,
}

/// All managed entities, by the entity that their slots belong to.
pub type Managed = BTreeMap<EntityRef, Arc<ManagedEntity>>;

/// Names layers: those of one release or pass.
#[derive(Debug)]
pub struct LayerNames {
    next: LayerId,
}

impl LayerNames {
    /// The names of what this release or pass puts on slots.
    pub fn new(seq: Seq) -> Self {
        Self {
            next: LayerId { seq, n: 1 },
        }
    }

    /// The names of what a further look of this pass puts on the slots of an entity.
    fn further(seq: Seq, entity: &ManagedEntity) -> Self {
        let layers = entity.slots.values().flat_map(|state| &state.layers);
        let known = layers.map(|layer| layer.id).filter(|id| id.seq == seq);
        let n = known.map(|id| id.n).max().unwrap_or(0) + 1;
        Self {
            next: LayerId { seq, n },
        }
    }

    /// Another name.
    pub fn take(&mut self) -> LayerId {
        let id = self.next;
        self.next.n += 1;
        id
    }
}

/// The slot that says whether an entity exists.
pub fn existence(entity: &EntityRef) -> Slot {
    Slot {
        entity: entity.clone(),
        field: FieldId::Existence,
    }
}

/// The slots from which an entity can be made again.
pub(super) fn whole(root: &EntityRef, look: &impl Look) -> Vec<Slot> {
    let fields = look.whole(root).into_iter().map(|name| Slot {
        entity: root.clone(),
        field: FieldId::Named(name),
    });
    fields.chain(look.own_values(root)).collect()
}

impl ManagedEntity {
    /// A look at all slots, before a pass changes any. Returns the slots that were edited. Where a slot
    /// cannot be read, nothing is learned of it.
    pub fn look(
        &mut self,
        root: &EntityRef,
        look: &impl Look,
        pass: Seq,
        policy: Policy,
    ) -> Vec<Slot> {
        let mut names = LayerNames::further(pass, self);
        let being = existence(root);
        let base = |entity: &Self| entity.slots.get(&being).map(|slot| slot.base.clone());
        let was = base(self);
        let mut edited = Vec::new();
        for (slot, state) in &mut self.slots {
            let seen = look.shown(slot);
            if seen == Shown::Unknown {
                continue;
            }
            let same = |held: &Shown, seen: &Shown| look.same(slot, held, seen);
            let policy = look.policy_of(slot, policy);
            if state.observe(names.take(), &seen, &same, policy) {
                edited.push(slot.clone());
            }
        }
        if was == Some(Shown::Gone) && base(self) == Some(Shown::Here) {
            // Made in the admin where nothing was: what it is made with is the base.
            for (slot, state) in &mut self.slots {
                if slot.field != FieldId::Existence {
                    state.base = look.shown(slot);
                }
            }
        }
        if let Some(being) = self.slots.get(&being) {
            let deletions = being.ids(|_| true);
            // Made again in the admin, and managed no more: the deletion is over.
            for (slot, state) in &mut self.slots {
                if slot.field != FieldId::Existence {
                    let over = |of: LayerId| !deletions.contains(&of);
                    for layer in state.ids(|l| l.of.is_some_and(over)) {
                        state.forget(layer);
                    }
                    state.ground();
                }
            }
        }
        edited
    }

    /// Keeps all fields of an entity that is about to be deleted and that was there before all layers:
    /// an earlier life is to come back whole.
    pub fn keep_whole(&mut self, root: &EntityRef, look: &impl Look) {
        let before_all = self.slots.get(&existence(root));
        if before_all.is_none_or(|slot| slot.base != Shown::Here) {
            return;
        }
        for slot in whole(root, look) {
            let seen = look.shown(&slot);
            self.slots
                .entry(slot)
                .or_insert_with(|| SlotState::new(seen));
        }
        self.whole = true;
    }

    /// Notes of which entities the files spell `ensure: present` out.
    pub(super) fn note_explicit(&mut self, after: &DesiredState) {
        let stated = self.authors.stated.keys().map(|s| &s.slot.entity);
        let spelled_out = stated.filter(|entity| {
            let desired = after.entities.get(*entity);
            desired.is_some_and(|desired| desired.explicit)
        });
        self.explicit = spelled_out.cloned().collect();
    }

    /// Takes slots away that have no layer any more and show their base, or have nothing to show.
    pub fn close(&mut self, root: &EntityRef, is_there: bool) {
        let being = self.slots.get(&existence(root));
        let never_was = being.is_none_or(|s| s.layers.is_empty() && s.base == Shown::Gone);
        // A deletion whose answer was lost may still arrive.
        if is_there && being.is_none_or(SlotState::is_settled) {
            self.whole = false;
        }
        self.slots.retain(|slot, state| {
            let is_field = slot.field != FieldId::Existence;
            let went = is_field && !is_there && never_was;
            let nothing = is_field && is_there && state.base == Shown::Gone;
            !state.layers.is_empty() || !(state.is_at_base() || went || nothing)
        });
        self.moved_by
            .retain(|slot, _| self.slots.contains_key(slot));
        // What nothing is wanted of any more has not failed.
        let has_slots = |entity: &EntityRef| self.slots.keys().any(|slot| slot.entity == *entity);
        self.failures.retain(|entity, _| has_slots(entity));
    }

    /// Slots of which the store is not known to show what it shall show.
    pub fn open_slots(&self, root: &EntityRef) -> impl Iterator<Item = &Slot> {
        let being = self.slots.get(&existence(root));
        let goes = being.is_some_and(|being| *being.target().shown == Shown::Gone);
        self.slots.iter().filter_map(move |(slot, state)| {
            // What shall be gone has no fields to show, and what was never read none to be put back.
            let with_it = goes && slot.field != FieldId::Existence;
            let open = !state.is_settled() && !with_it && !state.is_unread();
            open.then_some(slot)
        })
    }

    /// True if nothing is left to be done with it, not even by a person's `retry`.
    pub fn is_at_rest(&self, root: &EntityRef) -> bool {
        let mut layers = self.slots.values().flat_map(|state| &state.layers);
        let is_open = self.open_slots(root).next().is_some();
        !is_open && self.failures.is_empty() && !layers.any(|layer| layer.parked)
    }

    /// True if the entity, which is missing, is not to be made again: somebody deleted it in the admin,
    /// and nobody knows all of it.
    pub fn stays_deleted(&self, root: &EntityRef) -> bool {
        let being = self.slots.get(&existence(root));
        being.is_some_and(|being| {
            being.top() == Origin::Base && being.base == Shown::Here && !self.whole
        })
    }

    /// True if nothing is known of it any more.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.authors == Authors::default() && self.failures.is_empty()
    }
}
