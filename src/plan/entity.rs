//! One managed entity: the slots of all its scopes, and what the files say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::layers::{LayerId, Policy, Seq, Shown, SlotState};
use super::statements::Authors;
use crate::domain::{EntityRef, FieldId, FieldName, Slot};

/// What a pass sees of the store.
pub trait Look {
    /// What a slot shows.
    fn shown(&self, slot: &Slot) -> Shown;

    /// What a slot shows once its entity, which is missing, is made without it being set; `None` where
    /// that is not known.
    fn created(&self, slot: &Slot) -> Option<Shown>;

    /// The fields from which an entity can be made again, as far as it has them.
    fn whole(&self, entity: &EntityRef) -> Vec<FieldName>;

    /// True if a look that shows `seen` is explained by the value `held`.
    fn same(&self, slot: &Slot, held: &Shown, seen: &Shown) -> bool;
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

    /// Another name.
    pub fn next(&mut self) -> LayerId {
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

impl ManagedEntity {
    /// A look at all slots, before a pass changes any. Returns the slots that were edited. Where a slot
    /// cannot be read, nothing is learned of it.
    pub fn look(
        &mut self,
        root: &EntityRef,
        look: &impl Look,
        names: &mut LayerNames,
        policy: Policy,
    ) -> Vec<Slot> {
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
            if state.observe(names.next(), &seen, &same, policy) {
                edited.push(slot.clone());
            }
        }
        if was == Some(Shown::Gone) && base(self) == Some(Shown::Here) {
            // Made in the admin where nothing was: what it is made with is the base.
            for (slot, state) in &mut self.slots {
                if slot.field != FieldId::Existence && state.base == Shown::Gone {
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
        for name in look.whole(root) {
            let slot = Slot {
                entity: root.clone(),
                field: FieldId::Named(name),
            };
            let seen = look.shown(&slot);
            self.slots
                .entry(slot)
                .or_insert_with(|| SlotState::new(seen));
        }
        self.whole = true;
    }

    /// Takes slots away that have no layer any more and show their base, or have nothing to show.
    pub fn close(&mut self, root: &EntityRef, is_there: bool) {
        let being = self.slots.get(&existence(root));
        let never_was = being.is_none_or(|s| s.layers.is_empty() && s.base == Shown::Gone);
        if is_there {
            self.whole = false;
        }
        self.slots.retain(|slot, state| {
            let is_field = slot.field != FieldId::Existence;
            let went = is_field && !is_there && never_was;
            let nothing = is_field && is_there && state.base == Shown::Gone;
            let at_base = SlotState::new(state.base.clone()).held == state.held;
            !state.layers.is_empty() || !(at_base || went || nothing)
        });
        self.moved_by
            .retain(|slot, _| self.slots.contains_key(slot));
    }

    /// True if nothing is known of it any more.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.authors == Authors::default() && self.failures.is_empty()
    }
}
