//! One commit: the statements that it alters, the releases that it takes back, and the layers that follow
//! on the slots. The rule of a single slot is in [`super::layers`].

mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::life::is_absent;
use super::entity::{LayerNames, Look, Managed, ManagedEntity, existence};
use super::layers::{By, Layer, Policy, RollBack, Says, Seq, Shown, SlotState};
use super::statements::{Authors, Difference, Taken, TakenBack};
use crate::domain::{DesiredState, DesiredValue, Ensure, EntityRef, FieldId, FieldName, Slot};

/// A commit as the rule needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Altering<'a> {
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
    /// Those of them of which only commits that they brought in are named.
    pub parts: &'a BTreeSet<Seq>,
    /// The settings.
    pub policy: Policy,
}

/// The effect of a commit on a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// The releases whose layers it took away there.
    pub taken: BTreeSet<Seq>,
    /// True if edits were taken away with them, or stay although they are.
    pub conflict: bool,
}

/// Carries out one commit. Returns the slots that it moved.
pub(super) fn commit(
    managed: &mut Managed,
    look: &impl Look,
    altering: Altering<'_>,
) -> BTreeMap<Slot, Moved> {
    let mut names = LayerNames::new(altering.release);
    let mut difference = altering.difference.clone();
    if !altering.reverted.is_empty() {
        difference.give_back(|is| {
            let entity = managed.get(&is.slot.entity.root());
            entity.is_some_and(|entity| entity.authors.has_said(is))
        });
    }
    let only_says = difference.alters_nothing();
    let mut parts = difference.by_entity();
    for (root, entity) in managed.iter() {
        let theirs = |reverted: &Seq| {
            let by_layer = || entity.slots.values().flat_map(|slot| &slot.layers);
            entity.authors.knows(*reverted) || by_layer().any(|l| l.is_put_by(*reverted))
        };
        if altering.reverted.iter().any(theirs) {
            parts.entry(root.clone()).or_default();
        }
    }
    let mut moved = BTreeMap::new();
    for (root, difference) in parts {
        let entity = Arc::make_mut(managed.entry(root.clone()).or_default());
        let was = entity.authors.clone();
        let TakenBack { taken, replaced } = entity.authors.commit(&difference, altering, only_says);
        let step = Step {
            root: &root,
            was: &was,
            look,
            altering,
            only_says,
        };
        let mut of_entity = step.run(entity, taken, &mut names);
        for (slot, releases) in replaced {
            of_entity.entry(slot).or_default().taken.extend(releases);
        }
        step.bring_back(entity, &mut names);
        step.hand_over(entity);
        for slot in of_entity.keys() {
            entity.moved_by.insert(slot.clone(), altering.release);
            entity.failures.remove(&slot.entity);
        }
        moved.extend(of_entity);
    }
    moved
}

/// The outcome of a rollback for a slot.
struct RolledBack {
    had: Vec<Layer>,
    left: Vec<Layer>,
    /// True if the slot shall show something else now.
    turns: bool,
}

/// One commit, as far as it concerns one entity.
struct Step<'a, L> {
    root: &'a EntityRef,
    /// The authors of the statements before it.
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
        let being = existence(self.root);
        let changed = self.changed(entity);
        entity.note_explicit(self.altering.after);
        if !self.altering.reverted.is_empty() {
            self.take_what_is_named(entity, &changed, &mut taken);
        }
        let mut moved: BTreeMap<Slot, Moved> = BTreeMap::new();
        let mut rolled: BTreeSet<Slot> = taken.keys().cloned().collect();
        if !rolled.is_empty() && changed.contains(&being) {
            rolled.insert(being.clone());
        }
        rolled.extend(self.brought_to_light(entity, &changed));
        // A field that the store sets along with another one goes by the same rule as that one.
        let is_taken =
            |slot: &&Slot| leader(slot).is_some_and(|leader| taken.contains_key(&leader));
        rolled.extend(changed.iter().filter(is_taken).cloned());
        let mut slots: BTreeSet<Slot> = entity.slots.keys().chain(&changed).cloned().collect();
        slots.insert(being);
        // Existence comes first: `FieldId` is ordered so, and the root before its views.
        for slot in slots {
            let known = entity.slots.contains_key(&slot);
            if !rolled.contains(&slot) || !(known || changed.contains(&slot)) {
                continue;
            }
            let reverted: Vec<Seq> = taken.get(&slot).into_iter().flatten().copied().collect();
            let rolled_back = self.roll_back(entity, &slot, &reverted, names);
            let taken_here = moved.entry(slot.clone()).or_default();
            taken_here.conflict = conflict(&rolled_back.had, &rolled_back.left);
            taken_here.taken.extend(reverted);
            let is_life = slot.field == FieldId::Existence;
            if is_life && self.carry_life(entity, &rolled_back, names) {
                // A life begins or ends: all its fields go by it.
                rolled.extend(entity.slots.keys().chain(&changed).cloned());
            }
        }
        let mine: BTreeSet<Slot> = changed.difference(&rolled).cloned().collect();
        moved.extend(mine.iter().map(|slot| (slot.clone(), Moved::default())));
        if !mine.is_empty() && self.deploy(entity, &mine, names) {
            moved.entry(existence(self.root)).or_default();
        }
        moved
    }

    fn roll_back(
        &self,
        entity: &mut ManagedEntity,
        slot: &Slot,
        reverted: &[Seq],
        names: &mut LayerNames,
    ) -> RolledBack {
        let Altering {
            release, policy, ..
        } = self.altering;
        let (demands, by) = self.demand(entity, slot);
        let beside = entity.authors.removes(release, slot);
        let upon = beside && self.was_built_upon(entity, slot);
        let id = names.take();
        let made_with = self.made_with(entity, slot);
        let state = self.slot(entity, slot);
        let (had, lived) = (state.layers.clone(), state.target().shown.clone());
        let rollback = RollBack {
            reverted,
            demands: demands.as_ref(),
            by,
            says: says(demands.as_ref()),
            id,
            floor: slot.field != FieldId::Existence,
            beside,
            upon,
        };
        state.roll_back(rollback, self.look.policy_of(slot, policy));
        if let Some(made_with) = made_with
            && state.layers.last().is_some_and(|top| top.id == id)
        {
            state.remember(made_with, release);
        }
        self.attribute(entity, slot);
        let state = self.slot(entity, slot);
        RolledBack {
            had,
            left: state.layers.clone(),
            turns: lived != *state.target().shown,
        }
    }

    /// True if what the commit removes about a slot, beside what it takes back, stood only in files where
    /// the releases taken back had said something of the entity.
    fn was_built_upon(&self, entity: &ManagedEntity, slot: &Slot) -> bool {
        let reverted = self.altering.reverted.iter();
        let said = reverted.filter_map(|release| self.was.said.get(release));
        let paths: BTreeSet<&str> = said
            .flatten()
            .filter(|s| s.slot.entity == slot.entity)
            .map(|s| s.path.as_str())
            .collect();
        let removed = entity.authors.removed.get(&self.altering.release);
        let mut removed = removed.into_iter().flatten().filter(|s| s.slot == *slot);
        removed.all(|s| paths.contains(s.path.as_str()))
    }

    /// Deploys what no rollback of the same commit has moved. True if the entity is made again to hold
    /// a field.
    fn deploy(
        &self,
        entity: &mut ManagedEntity,
        mine: &BTreeSet<Slot>,
        names: &mut LayerNames,
    ) -> bool {
        let Altering {
            release, policy, ..
        } = self.altering;
        let being = existence(self.root);
        let (wanted, by) = self.demand(entity, &being);
        if mine.contains(&being) && is_absent(wanted.as_ref()) {
            let id = names.take();
            let says = says(wanted.as_ref());
            self.slot(entity, &being).push(id, by, wanted, says, None);
            self.delete(entity, by, id, names);
            return false;
        }
        for slot in mine {
            let (demands, by) = self.demand(entity, slot);
            let made_with = self.made_with(entity, slot);
            let state = self.slot(entity, slot);
            if let Some(made_with) = made_with {
                state.remember(made_with, release);
            }
            if demands.is_none() || by != release {
                // The value that was demanded is gone; an older statement may come to light.
                state.remove(names.take(), release, policy);
            }
            if demands.is_some() {
                let says = says(demands.as_ref());
                state.push(names.take(), by, demands, says, None);
            } else {
                self.attribute(entity, slot);
            }
        }
        let present = DesiredValue::Ensure(Ensure::Present);
        if wanted.as_ref() != Some(&present) || mine.contains(&being) {
            return false;
        }
        let state = self.slot(entity, &being);
        let lies_aside = state.layers.last().is_some_and(|l| l.parked);
        let gone = *state.target().shown != Shown::Here && !lies_aside;
        if gone {
            let says = Says::Demand(Shown::Here);
            state.push(names.take(), release, Some(present), says, None);
        }
        gone
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

    /// Takes back all releases that the commit names on the slots that it changes, or on every slot where
    /// it changes none and only names them. An entity that was made again to hold a field goes with the
    /// field.
    fn take_what_is_named(
        &self,
        entity: &ManagedEntity,
        changed: &BTreeSet<Slot>,
        taken: &mut Taken,
    ) {
        let reverted = self.altering.reverted;
        let authors = &entity.authors;
        let being = existence(self.root);
        let stated = taken.clone();
        for (slot, state) in &entity.slots {
            let concerned = stated.contains_key(slot) || changed.contains(slot) || self.only_says;
            // A field that is set along with another one goes with it, and all fields go with the entity.
            let with = leader(slot).into_iter().chain([being.clone()]);
            let with: Vec<&BTreeSet<Seq>> = with.filter_map(|slot| stated.get(&slot)).collect();
            let lies = |seq: &&Seq| state.layers.iter().any(|l| l.is_put_by(**seq));
            let named = reverted.iter().filter(lies).copied();
            let named = named.filter(|seq| concerned || with.iter().any(|t| t.contains(seq)));
            let named: BTreeSet<Seq> = named.filter(|seq| !stands(authors, *seq, slot)).collect();
            if !named.is_empty() {
                taken.entry(slot.clone()).or_default().extend(named);
            }
        }
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

    /// Where a demand that comes to light had been removed while it was hidden, the removal belongs to
    /// the release that removed it.
    fn attribute(&self, entity: &mut ManagedEntity, slot: &Slot) {
        let Altering {
            release, reverted, ..
        } = self.altering;
        let ManagedEntity { authors, slots, .. } = entity;
        let layers = slots.get_mut(slot).map(|state| state.layers.as_mut_slice());
        let Some([beneath @ .., removal]) = layers else {
            return;
        };
        // Edits of that demand may lie between.
        let beneath = beneath.iter().rev().find_map(Layer::release);
        if removal.is_removal()
            && removal.id.seq == release
            && let Some(beneath) = beneath
            && let Some(remover) = authors
                .remover(beneath, slot, reverted)
                .or_else(|| authors.remover(beneath, &leader(slot)?, reverted))
        {
            removal.by = By::Release(remover);
        }
    }

    /// Where the uppermost demand comes from a statement that went while another hid it, the files still
    /// demand the same by another statement: the layer goes over to the author of that one.
    fn hand_over(&self, entity: &mut ManagedEntity) {
        let authors = &entity.authors;
        for (slot, state) in &mut entity.slots {
            let is_theirs = |seq: Seq| stands(authors, seq, slot);
            if state.demanded_by().is_some_and(|seq| !is_theirs(seq))
                && let Some(author) = author(authors, slot)
            {
                state.hand_over(author);
            }
        }
    }

    /// Returns the demand of the files, and the release whose statement that is.
    fn demand(&self, entity: &ManagedEntity, slot: &Slot) -> (Option<DesiredValue>, Seq) {
        let release = self.altering.release;
        match self.altering.after.get(slot) {
            None => (None, release),
            demands => (demands, author(&entity.authors, slot).unwrap_or(release)),
        }
    }

    fn slot<'e>(&self, entity: &'e mut ManagedEntity, slot: &Slot) -> &'e mut SlotState {
        entity.slots.entry(slot.clone()).or_insert_with(|| {
            let seen = self.look.shown(slot);
            let is_missing = slot.field != FieldId::Existence && seen == Shown::Gone;
            match self.look.created(slot).filter(|_| is_missing) {
                Some(made_with) => SlotState::to_be_made(made_with),
                None => SlotState::new(seen),
            }
        })
    }
}

/// True if edits lay on a layer that went.
fn conflict(had: &[Layer], left: &[Layer]) -> bool {
    let mut beneath_went = false;
    had.iter().any(|layer| {
        let went = !left.iter().any(|l| l.id == layer.id);
        if layer.release().is_some() {
            beneath_went = went;
        }
        layer.by == By::Edit && beneath_went
    })
}

/// Returns the value that a layer of this demand shows.
fn says(demands: Option<&DesiredValue>) -> Says {
    Says::Demand(match demands {
        Some(DesiredValue::Ensure(Ensure::Existing)) | None => return Says::Same,
        Some(DesiredValue::Ensure(Ensure::Present)) => Shown::Here,
        Some(DesiredValue::Ensure(Ensure::Absent)) => Shown::Gone,
        Some(DesiredValue::Value(value)) => Shown::Value(value.clone()),
    })
}

/// Returns the field with which the store sets this one along, where no file names it.
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

/// Returns the author of the winning statement about a slot. A field that the store sets along with
/// another one has the author of that one.
fn author(authors: &Authors, slot: &Slot) -> Option<Seq> {
    authors
        .author(slot)
        .or_else(|| authors.author(&leader(slot)?))
}

fn stands(authors: &Authors, release: Seq, slot: &Slot) -> bool {
    authors.stands(release, slot)
        || leader(slot).is_some_and(|leader| authors.stands(release, &leader))
}
