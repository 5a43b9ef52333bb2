//! One commit: which statements it alters, which releases it takes back, and what that makes of the
//! slots. The rule of a single slot is in [`super::layers`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entity::{LayerNames, Look, Managed, ManagedEntity, existence};
use super::layers::{By, Layer, LayerId, Policy, RollBack, Says, Seq, Shown, SlotState};
use super::statements::{Authors, Difference, Taken};
use crate::domain::{DesiredState, DesiredValue, Ensure, EntityRef, FieldId, FieldName, Slot};

/// A commit as the rule needs it.
#[derive(Debug, Clone, Copy)]
pub struct Altering<'a> {
    /// The release that it makes.
    pub release: Seq,
    /// The files before it.
    pub before: &'a DesiredState,
    /// The files after it.
    pub after: &'a DesiredState,
    /// The statements that it alters.
    pub difference: &'a Difference,
    /// The releases that it reverts; where it alters no statement, those that its own message names.
    pub reverted: &'a BTreeSet<Seq>,
    /// The settings.
    pub policy: Policy,
}

/// What a commit did to a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The releases whose layers it took away there.
    pub taken: BTreeSet<Seq>,
    /// True if edits were taken away with them, or stay although they are.
    pub conflict: bool,
}

/// Carries out one commit. Returns the slots that it moved.
pub fn commit(
    managed: &mut Managed,
    look: &impl Look,
    altering: Altering<'_>,
) -> BTreeMap<Slot, Moved> {
    let mut names = LayerNames::new(altering.release);
    let mut parts = altering.difference.clone().by_entity();
    let only_says = altering.difference.alters_nothing();
    for (root, entity) in managed.iter() {
        let theirs = |reverted: &Seq| {
            let by_layer = || entity.slots.values().flat_map(|slot| &slot.layers);
            entity.authors.knows(*reverted) || by_layer().any(|l| l.release() == Some(*reverted))
        };
        if altering.reverted.iter().any(theirs) {
            parts.entry(root.clone()).or_default();
        }
    }
    let mut moved = BTreeMap::new();
    for (root, difference) in parts {
        let entity = Arc::make_mut(managed.entry(root.clone()).or_default());
        let was = entity.authors.clone();
        let taken =
            entity
                .authors
                .commit(altering.release, &difference, altering.reverted, only_says);
        let step = Step {
            root: &root,
            was: &was,
            look,
            altering,
            only_says,
        };
        let of_entity = step.run(entity, taken, &mut names);
        for slot in of_entity.keys() {
            entity.moved_by.insert(slot.clone(), altering.release);
            entity.failures.remove(&slot.entity);
        }
        moved.extend(of_entity);
    }
    moved
}

/// One commit, as far as it concerns one entity.
struct Step<'a, L> {
    root: &'a EntityRef,
    /// Whose the statements were before it.
    was: &'a Authors,
    look: &'a L,
    altering: Altering<'a>,
    only_says: bool,
}

impl<L: Look> Step<'_, L> {
    fn run(
        &self,
        entity: &mut ManagedEntity,
        mut taken: Taken,
        names: &mut LayerNames,
    ) -> BTreeMap<Slot, Moved> {
        let Altering {
            release,
            reverted,
            policy,
            ..
        } = self.altering;
        let being = existence(self.root);
        let changed = self.changed(entity);
        self.note_explicit(entity);
        if !reverted.is_empty() {
            self.take_what_is_named(entity, &changed, &mut taken);
        }
        let mut moved: BTreeMap<Slot, Moved> = BTreeMap::new();
        let mut rolled: BTreeSet<Slot> = taken.keys().cloned().collect();
        if !rolled.is_empty() && changed.contains(&being) {
            rolled.insert(being.clone());
        }
        let mut slots: BTreeSet<Slot> = entity.slots.keys().chain(&changed).cloned().collect();
        slots.insert(being.clone());
        // Existence comes first: `FieldId` is ordered so, and the root before its views.
        for slot in slots {
            let known = entity.slots.contains_key(&slot);
            if !rolled.contains(&slot) || !(known || changed.contains(&slot)) {
                continue;
            }
            let had = entity
                .slots
                .get(&slot)
                .map_or_else(Vec::new, |s| s.layers.clone());
            let reverted: Vec<Seq> = taken.get(&slot).into_iter().flatten().copied().collect();
            let (demands, by) = self.demand(entity, &slot);
            let rollback = RollBack {
                reverted: &reverted,
                demands: demands.as_ref(),
                by,
                says: says(demands.as_ref()),
                id: names.next(),
                floor: slot.field != FieldId::Existence,
            };
            let state = self.slot(entity, &slot);
            state.roll_back(rollback, policy);
            let left = state.layers.clone();
            let taken_here = moved.entry(slot.clone()).or_default();
            taken_here.conflict = lie_on(&had, &reverted);
            taken_here.taken.extend(reverted);
            if slot.field != FieldId::Existence {
                continue;
            }
            let stays = |id: LayerId| left.iter().any(|l| l.id == id);
            for gone in had
                .iter()
                .filter(|l| is_absent(l.demands.as_ref()) && !stays(l.id))
            {
                // A deletion taken back gives every field back.
                self.undelete(entity, gone.id);
            }
            if let Some(top) = left.last()
                && is_absent(top.demands.as_ref())
                && !had.iter().any(|l| l.id == top.id)
                && let Some(by) = top.release()
            {
                self.delete(entity, by, top.id, names);
            }
            let ids = |layers: &[Layer]| layers.iter().map(|l| l.id).collect::<Vec<_>>();
            if ids(&left) != ids(&had) {
                // A life begins or ends: all its fields go by it.
                rolled.extend(entity.slots.keys().chain(&changed).cloned());
            }
        }
        let mine: BTreeSet<Slot> = changed.difference(&rolled).cloned().collect();
        moved.extend(mine.iter().map(|slot| (slot.clone(), Moved::default())));
        if mine.is_empty() {
            return moved;
        }
        // All else is deployed.
        let (wanted, by) = self.demand(entity, &being);
        if mine.contains(&being) && is_absent(wanted.as_ref()) {
            let id = names.next();
            let says = says(wanted.as_ref());
            self.slot(entity, &being).push(id, by, wanted, says, None);
            self.delete(entity, by, id, names);
            return moved;
        }
        for slot in &mine {
            let (demands, by) = self.demand(entity, slot);
            let state = self.slot(entity, slot);
            if demands.is_none() || by != release {
                // What was demanded is gone; an older statement may come to light.
                state.remove(names.next(), release, policy);
            }
            if demands.is_some() {
                let says = says(demands.as_ref());
                state.push(names.next(), by, demands, says, None);
            }
        }
        let (wanted, _) = self.demand(entity, &being);
        let present = DesiredValue::Ensure(Ensure::Present);
        if wanted.as_ref() == Some(&present) && !mine.contains(&being) {
            let state = self.slot(entity, &being);
            if *state.target().shown != Shown::Here {
                // It is made again to hold a field.
                let says = Says::Demand(Shown::Here);
                state.push(names.next(), release, Some(present), says, None);
                moved.entry(being).or_default();
            }
        }
        moved
    }

    /// The slots whose winning statement changes, in value or author.
    fn changed(&self, entity: &ManagedEntity) -> BTreeSet<Slot> {
        let Altering {
            before,
            after,
            release,
            ..
        } = self.altering;
        let stated = self.was.stated.keys().chain(entity.authors.stated.keys());
        let entities: BTreeSet<&EntityRef> = stated.map(|s| &s.slot.entity).collect();
        let slots = entities.into_iter().flat_map(|e| {
            let of = |state: &DesiredState| state.slots_of(e).collect::<Vec<_>>();
            of(before).into_iter().chain(of(after))
        });
        let who = |state: &DesiredState, authors: &Authors, slot: &Slot| {
            Some((state.get(slot)?, author(authors, slot).unwrap_or(release)))
        };
        let differs =
            |slot: &Slot| who(before, self.was, slot) != who(after, &entity.authors, slot);
        slots.filter(differs).collect()
    }

    /// Of a slot that the commit changes, all releases that it names are taken back; of a commit that
    /// only says so, of every slot. An entity made again to hold a field goes with the field.
    fn take_what_is_named(
        &self,
        entity: &ManagedEntity,
        changed: &BTreeSet<Slot>,
        taken: &mut Taken,
    ) {
        let reverted = self.altering.reverted;
        let authors = &entity.authors;
        for (slot, state) in &entity.slots {
            let by = state.layers.iter().filter_map(|l| l.release());
            let named = by.filter(|seq| reverted.contains(seq));
            let named: BTreeSet<Seq> = named.filter(|seq| !stands(authors, *seq, slot)).collect();
            let concerned = taken.contains_key(slot) || changed.contains(slot) || self.only_says;
            if !named.is_empty() && concerned {
                taken.entry(slot.clone()).or_default().extend(named);
            }
        }
        let being = existence(self.root);
        for release in reverted {
            let of_a_field = taken
                .iter()
                .any(|(slot, by)| slot.field != FieldId::Existence && by.contains(release));
            let made = entity
                .slots
                .get(&being)
                .is_some_and(|state| state.layers.iter().any(|l| l.release() == Some(*release)));
            if of_a_field && made && !authors.stands_anywhere(*release) {
                taken.entry(being.clone()).or_default().insert(*release);
            }
        }
    }

    /// What the files demand, and whose statement that is.
    fn demand(&self, entity: &ManagedEntity, slot: &Slot) -> (Option<DesiredValue>, Seq) {
        let release = self.altering.release;
        match self.altering.after.get(slot) {
            None => (None, release),
            demands => (demands, author(&entity.authors, slot).unwrap_or(release)),
        }
    }

    fn slot<'e>(&self, entity: &'e mut ManagedEntity, slot: &Slot) -> &'e mut SlotState {
        if !entity.slots.contains_key(slot) {
            let mut seen = self.look.shown(slot);
            let being = entity.slots.get(&existence(self.root));
            let is_made = being.is_some_and(|being| *being.target().shown == Shown::Here);
            if seen == Shown::Gone && is_made && slot.field != FieldId::Existence {
                // An earlier commit of the pass makes the entity, without this field.
                seen = self.look.created(slot).unwrap_or(seen);
            }
            entity.slots.insert(slot.clone(), SlotState::new(seen));
        }
        // It was put there right now.
        entity
            .slots
            .entry(slot.clone())
            .or_insert_with(|| SlotState::new(Shown::Unknown))
    }

    /// A deletion lies on every field of the entity.
    fn delete(
        &self,
        entity: &mut ManagedEntity,
        by: Seq,
        deletion: LayerId,
        names: &mut LayerNames,
    ) {
        let whole = self.look.whole(self.root).into_iter().map(|name| Slot {
            entity: self.root.clone(),
            field: FieldId::Named(name),
        });
        let known = entity.slots.keys().cloned();
        let slots: BTreeSet<Slot> = known.chain(whole).collect();
        for slot in slots.iter().filter(|slot| slot.field != FieldId::Existence) {
            let (demands, _) = self.demand(entity, slot);
            let says = Says::Demand(Shown::Gone);
            let state = self.slot(entity, slot);
            state.push(names.next(), by, demands, says, Some(deletion));
        }
        entity.whole = true;
    }

    fn undelete(&self, entity: &mut ManagedEntity, deletion: LayerId) {
        for (slot, state) in &mut entity.slots {
            if slot.field != FieldId::Existence {
                for part in state.ids(|l| l.of == Some(deletion)) {
                    state.drop_layer(part, self.altering.policy);
                }
            }
        }
    }

    fn note_explicit(&self, entity: &mut ManagedEntity) {
        let stated: BTreeSet<EntityRef> = entity
            .authors
            .stated
            .keys()
            .map(|s| s.slot.entity.clone())
            .collect();
        let spelled_out = |e: &EntityRef| {
            let desired = self.altering.after.entities.get(e);
            desired.is_some_and(|desired| desired.explicit)
        };
        entity.explicit = stated.into_iter().filter(spelled_out).collect();
    }
}

/// True if edits lie on a layer of one of these releases.
fn lie_on(layers: &[Layer], releases: &[Seq]) -> bool {
    let mut beneath = None;
    layers.iter().any(|layer| {
        beneath = layer.release().or(beneath);
        layer.by == By::Edit && beneath.is_some_and(|seq| releases.contains(&seq))
    })
}

/// What a layer of the files' demand shows.
fn says(demands: Option<&DesiredValue>) -> Says {
    Says::Demand(match demands {
        Some(DesiredValue::Ensure(Ensure::Existing)) | None => return Says::Same,
        Some(DesiredValue::Ensure(Ensure::Present)) => Shown::Here,
        Some(DesiredValue::Ensure(Ensure::Absent)) => Shown::Gone,
        Some(DesiredValue::Value(value)) => Shown::Value(value.clone()),
    })
}

fn is_absent(demands: Option<&DesiredValue>) -> bool {
    demands == Some(&DesiredValue::Ensure(Ensure::Absent))
}

/// The field that the store sets this one along with, where no file names it.
fn leader(slot: &Slot) -> Option<Slot> {
    let FieldId::Named(name) = &slot.field else {
        return None;
    };
    let spec = slot.entity.kind.field(name.as_str())?;
    let leader = FieldName::new(spec.coupled_to?).ok()?;
    Some(Slot {
        entity: slot.entity.clone(),
        field: FieldId::Named(leader),
    })
}

/// Whose the winning statement about a slot is. What the store sets along with a field is whose the
/// field is.
fn author(authors: &Authors, slot: &Slot) -> Option<Seq> {
    authors
        .author(slot)
        .or_else(|| authors.author(&leader(slot)?))
}

fn stands(authors: &Authors, release: Seq, slot: &Slot) -> bool {
    authors.stands(release, slot)
        || leader(slot).is_some_and(|leader| authors.stands(release, &leader))
}
