//! The goals of a pass for each entity, from the targets of its slots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::book::Book;
use super::context::put_into_store_words;
use super::entity::{Look, ManagedEntity, existence};
use super::layers::{Says, Shown, SlotState};
use super::observed::Observed;
use super::websites;
use crate::domain::kinds::{Charset, Owner, VIEW_VALUES};
use crate::domain::{
    DesiredValue, Ensure, EntityRef, FieldId, FieldName, Marker, Observation, ObservedEntity,
    Presence, Slot, Value, Vocabulary, marker_of,
};

/// A field's value to be brought about.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldGoal {
    /// The value, canonical.
    pub value: Value,
    /// True if it is compared exactly (a put-back), false if by type and line ends.
    pub exact: bool,
}

impl FieldGoal {
    /// True if a value is the wanted one.
    pub fn met_by(&self, entity: &EntityRef, field: &FieldName, seen: &Value) -> bool {
        if let Some(marker) = marker_of(&self.value) {
            return marker.met_by(seen);
        }
        match entity.kind.field(field.as_str()) {
            Some(spec) if !self.exact => spec.same(&self.value, seen),
            Some(spec) => self.value == *seen || spec.both_empty(&self.value, seen),
            None => self.value == *seen,
        }
    }

    /// True if an entity read from the store shows the wanted value. A view's value equal to the one
    /// under `all` counts as either.
    pub fn met_in(&self, entity: &EntityRef, field: &FieldName, found: &ObservedEntity) -> bool {
        let seen = found.get(field);
        match marker_of(&self.value) {
            Some(Marker::Default) => self.met_by(entity, field, seen),
            Some(Marker::Coupled) | None => self.met_by(entity, field, found.effective(field)),
        }
    }

    /// True if nothing has to be there for it to be met.
    pub fn is_default(&self) -> bool {
        self.value == *Marker::Default.value()
    }
}

/// The existence that a pass wants of an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum ExistenceGoal {
    /// It may exist or not.
    Any,
    /// It shall exist. If it is missing it is made, from its targets and, beneath them, from these
    /// fields.
    Present(BTreeMap<FieldName, Value>),
    /// It must exist, and is never made.
    Existing,
    /// It shall not exist.
    Absent {
        /// True if a release made it, and that is rolled back.
        put_back: bool,
    },
}

/// The goals of a pass for one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityWork {
    /// The goal for its existence.
    pub being: ExistenceGoal,
    /// The fields that have a value to be written.
    pub fields: BTreeMap<FieldName, FieldGoal>,
    /// Every slot of the pass, those without a value to be written among them.
    pub slots: Vec<FieldId>,
    /// True if `ensure: present` is spelled out.
    pub explicit: bool,
    /// The reason why it cannot be sent as the files say it: the store does not know one of its words.
    pub problem: Option<String>,
    /// What a person should know of how its words were understood.
    pub notes: Vec<String>,
}

impl EntityWork {
    /// True if all that goes with the entity has to be read: it is deleted, or was and is made again.
    pub fn is_of_the_whole(&self, entity: &EntityRef) -> bool {
        let goes_with = |name: &FieldName| {
            let spec = entity.kind.field(name.as_str());
            spec.is_some_and(|spec| spec.owner == Owner::Whole)
        };
        matches!(self.being, ExistenceGoal::Absent { .. }) || self.fields.keys().any(goes_with)
    }

    /// Returns the value that a field shall have: the wanted one, or the one that the entity is made with.
    pub(super) fn value(&self, name: &FieldName) -> Option<&Value> {
        let wanted = self.fields.get(name).map(|want| &want.value);
        wanted.or_else(|| self.standing(name))
    }

    /// Returns the value that the entity is made with, besides what is wanted of it.
    pub(super) fn standing(&self, name: &FieldName) -> Option<&Value> {
        match &self.being {
            ExistenceGoal::Present(fields) => fields.get(name),
            ExistenceGoal::Any | ExistenceGoal::Existing | ExistenceGoal::Absent { .. } => None,
        }
    }

    /// True if every field already has the value to be put back: none of the store's words is needed for
    /// that.
    pub(super) fn is_put_back_already(&self, entity: &EntityRef, presence: &Presence) -> bool {
        let there = |(name, want): (&FieldName, &FieldGoal)| {
            let found = presence.found();
            want.exact && found.is_some_and(|found| want.met_in(entity, name, found))
        };
        self.being == ExistenceGoal::Any && self.fields.iter().all(there)
    }
}

/// Returns the goals for these entities, in the store's own words.
pub(super) fn work(
    book: &Book,
    entities: &BTreeSet<EntityRef>,
    vocabulary: &Vocabulary,
    charset: Charset,
) -> BTreeMap<EntityRef, EntityWork> {
    let mut work = asked(book, entities);
    put_into_store_words(&mut work, vocabulary, charset);
    websites::check(&mut work, book, vocabulary);
    work
}

/// Returns the goals for these entities, in the words of the files.
pub fn asked(book: &Book, entities: &BTreeSet<EntityRef>) -> BTreeMap<EntityRef, EntityWork> {
    let roots: BTreeSet<EntityRef> = entities.iter().map(EntityRef::root).collect();
    let mut asked = BTreeMap::new();
    for root in roots {
        let Some(managed) = book.managed.get(&root) else {
            continue;
        };
        let known: BTreeSet<&EntityRef> = managed.slots.keys().map(|slot| &slot.entity).collect();
        for entity in known {
            if entities.contains(entity) {
                asked.insert(entity.clone(), entity_work(book, managed, &root, entity));
            }
        }
    }
    asked
}

/// Returns the entities of which something is open, with the views under which a value changes beneath
/// them.
pub(super) fn concerned(book: &Book, open: &BTreeSet<Slot>) -> BTreeSet<EntityRef> {
    let mut entities = BTreeSet::new();
    for slot in open {
        entities.insert(slot.entity.clone());
        let root = slot.entity.root();
        let Some(managed) = book.managed.get(&root).filter(|_| root == slot.entity) else {
            continue;
        };
        let views = managed.slots.iter().filter(|(view, state)| {
            let same = view.field == slot.field || slot.field == FieldId::Existence;
            view.entity != root && same && !state.layers.is_empty()
        });
        entities.extend(views.map(|(view, _)| view.entity.clone()));
    }
    entities
}

/// Records the values that may be sent from now on as values that the store may hold.
pub fn attempt(book: &mut Book, all: &BTreeMap<EntityRef, EntityWork>, observation: &Observation) {
    for (entity, work) in all {
        let makes = matches!(work.being, ExistenceGoal::Present(_));
        let Some(managed) = book.managed.get_mut(&entity.root()) else {
            continue;
        };
        let look = Observed(observation);
        let slots = &mut Arc::make_mut(managed).slots;
        if makes && look.shown(&existence(entity)) == Shown::Gone {
            // Until they are written, the values under its views are those that it is made with.
            for (slot, state) in slots.iter_mut().filter(|(slot, _)| slot.entity != *entity) {
                if let Some(made_with) = look.created(slot) {
                    state.pass_by(made_with);
                }
            }
        }
        for field in &work.slots {
            let slot = Slot {
                entity: entity.clone(),
                field: field.clone(),
            };
            let seen = look.shown(&slot);
            let Some(state) = slots.get_mut(&slot).filter(|_| seen != Shown::Unknown) else {
                continue;
            };
            let value = match (field, &work.being) {
                (_, ExistenceGoal::Absent { .. }) => Shown::Gone,
                (FieldId::Existence, ExistenceGoal::Present(_)) => Shown::Here,
                (FieldId::Existence, ExistenceGoal::Any | ExistenceGoal::Existing) => seen,
                (FieldId::Named(name), _) => match work.fields.get(name) {
                    Some(want) => Shown::Value(want.value.clone().into()),
                    None => seen,
                },
            };
            state.attempt(value);
        }
    }
}

fn entity_work(
    book: &Book,
    managed: &ManagedEntity,
    root: &EntityRef,
    entity: &EntityRef,
) -> EntityWork {
    let own = managed
        .slots
        .iter()
        .filter(|(slot, _)| slot.entity == *entity);
    let own: Vec<(&Slot, &SlotState)> = own.collect();
    let open: BTreeSet<&Slot> = managed.open_slots(root).collect();
    let life = existence(root);
    // Where a life begins or ends, all fields of the entity go by it.
    let of_a_life = open.contains(&life);
    let being = match entity == root {
        true => being(managed, root),
        false => ExistenceGoal::Any,
    };
    // A slot that a release in hand moves is watched until the outcome is known, even where it shows its
    // target already.
    let in_hand = |slot: &Slot| {
        let release = managed.moved_by.get(slot);
        let release = release.and_then(|release| book.releases.get(release));
        release.is_some_and(|release| release.in_hand())
    };
    let concerned = |slot: &Slot, state: &SlotState| {
        let view = slot.entity != *root && !state.layers.is_empty();
        open.contains(slot) || of_a_life || view || in_hand(slot)
    };
    // The values of its views go with an entity.
    let goes = managed.slots.get(&life);
    let goes = goes.is_some_and(|state| *state.target().shown == Shown::Gone);
    let mut fields = BTreeMap::new();
    if !goes || being == ExistenceGoal::Existing {
        for (slot, state) in &own {
            if let (FieldId::Named(name), true) = (&slot.field, concerned(slot, state))
                && let Some(want) = want(managed, slot, state)
            {
                fields.insert(name.clone(), want);
            }
        }
    }
    EntityWork {
        being,
        fields,
        slots: own
            .iter()
            .filter(|(slot, state)| concerned(slot, state))
            .map(|(slot, _)| slot.field.clone())
            .collect(),
        // An entity that is made again was there beside the others before.
        explicit: managed.explicit.contains(entity) || managed.whole,
        problem: None,
        notes: Vec::new(),
    }
}

fn want(managed: &ManagedEntity, slot: &Slot, state: &SlotState) -> Option<FieldGoal> {
    let target = state.target();
    let mut value = target.shown.value()?.clone();
    if slot.field.as_str() == VIEW_VALUES {
        lay_views_over(&mut value, managed);
    }
    Some(FieldGoal {
        value,
        exact: target.exact,
    })
}

/// The values that go with an entity hold those of its views as they were; the managed ones among these
/// have targets of their own, which replace them.
fn lay_views_over(values: &mut Value, managed: &ManagedEntity) {
    let Some(views) = values.as_object_mut() else {
        return;
    };
    for (slot, state) in &managed.slots {
        let (Some(view), FieldId::Named(name)) = (slot.entity.store.single(), &slot.field) else {
            continue;
        };
        let Some(value) = state.target().shown.value() else {
            continue;
        };
        let own = views.entry(view.as_str()).or_insert_with(|| json!({}));
        let Some(own) = own.as_object_mut() else {
            continue;
        };
        match marker_of(value) {
            Some(Marker::Default) => drop(own.remove(name.as_str())),
            Some(Marker::Coupled) => {}
            None => drop(own.insert(name.to_string(), value.clone())),
        }
        if own.is_empty() {
            views.remove(view.as_str());
        }
    }
}

fn being(managed: &ManagedEntity, root: &EntityRef) -> ExistenceGoal {
    let Some(state) = managed.slots.get(&existence(root)) else {
        return ExistenceGoal::Any;
    };
    let top = state.layers.iter().rev().find(|layer| !layer.parked);
    let demands = top.and_then(|layer| layer.demands.as_ref());
    let target = state.target();
    // A release's layer, and not the base, says that the entity is there.
    let is_made = !target.exact && *target.shown == Shown::Here;
    match target.shown {
        Shown::Unknown | Shown::Value(_) => match demands {
            Some(DesiredValue::Ensure(Ensure::Existing)) => ExistenceGoal::Existing,
            Some(_) | None => ExistenceGoal::Any,
        },
        // An entity that gitmage deleted itself is made again beneath an `existing`, too.
        shown
            if top.is_some_and(|layer| layer.says == Says::Same && layer.demands.is_some())
                && !is_made
                && !(managed.whole && *shown == Shown::Here) =>
        {
            ExistenceGoal::Existing
        }
        Shown::Gone => ExistenceGoal::Absent {
            put_back: demands != Some(&DesiredValue::Ensure(Ensure::Absent)),
        },
        Shown::Here if managed.stays_deleted(root) => ExistenceGoal::Any,
        Shown::Here => {
            let fields = managed
                .slots
                .iter()
                .filter(|(slot, _)| slot.entity == *root);
            let fields = fields.filter_map(|(slot, state)| match &slot.field {
                FieldId::Named(name) => Some((name.clone(), want(managed, slot, state)?.value)),
                FieldId::Existence => None,
            });
            ExistenceGoal::Present(fields.collect())
        }
    }
}
