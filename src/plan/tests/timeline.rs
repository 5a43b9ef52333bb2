//! The store as it shall be, told without layers: of all that happened only what was not taken back is
//! played once more, in a shop in which nothing ever fails.

use std::collections::{BTreeMap, BTreeSet};

use super::super::entity::existence;
use super::super::layers::{Policy, Seq, Shown};
use super::shop::{File, Files, Patch, Store, field, fold, names, price_of, sells, unset};
use crate::domain::{
    DesiredState, DesiredValue, Ensure, EntityRef, FieldId, Marker, SharedValue, Slot, marker_of,
};

/// The one whose value a slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setter {
    /// Nothing that a release said.
    Nobody,
    /// A statement of the first release, which came to light by the second.
    Said(Seq, Seq),
    /// Its removal by this release.
    Removed(Seq),
}

impl Setter {
    fn says_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Said(one, _), Self::Said(other, _)) => one == other,
            (one, other) => one == other,
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Commit {
        release: Seq,
        patch: Patch,
        /// True if it only takes note of what is there.
        adopts: bool,
        /// True if it is not carried out for now.
        aside: bool,
        /// The slots that it changed, what they are to be and what they were set by.
        changed: BTreeMap<Slot, (Demand, Setter)>,
        /// The values that its pass saw of them, where those were others than they were set to.
        left: BTreeMap<Slot, Shown>,
        /// Slots of which the look does not tell what they were left with: the commit takes back another
        /// release there.
        goes: BTreeSet<Slot>,
    },
    Edit {
        slot: Slot,
        value: Shown,
        on: Setter,
        heal: Option<String>,
    },
}

/// All that happened, in order.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    events: Vec<Event>,
    /// The first store. An edit of what no release manages is as good as there from the beginning.
    pub(super) first: Store,
    policy: Policy,
    /// The reason why this cannot tell what the store shall show: something happened that it does not
    /// know of.
    pub(super) blind: Option<&'static str>,
    /// Slots of which it cannot tell.
    pub(super) unsure: BTreeSet<Slot>,
}

/// The demand of the files for a slot, and the release whose statement that is.
type Demand = Option<(DesiredValue, Seq)>;

/// The author of each statement in the files.
pub(super) type Whose = BTreeMap<(String, Slot), Seq>;

/// The store as it shall be, and whose the statements in the files are.
#[derive(Debug, Clone)]
pub(super) struct Ideal {
    pub(super) store: Store,
    pub(super) files: Files,
    pub(super) desired: DesiredState,
    pub(super) whose: Whose,
    demands: BTreeMap<Slot, (DesiredValue, Seq)>,
    setters: BTreeMap<Slot, Setter>,
    /// The slots whose demand is not shown for now.
    pub(super) aside: BTreeSet<Slot>,
    /// The slots that show what their entity was made with, and that nothing has set since. Where one
    /// pass deletes an entity and makes it again it is never deleted, and shows what it showed.
    pub(super) made_with: BTreeSet<Slot>,
    /// The entities of which nothing was demanded last but that they exist.
    existing: BTreeSet<Slot>,
    /// The slots that an edit has set last.
    pub(super) edited: BTreeSet<Slot>,
    /// The slots of which something was said while their entity was not there.
    pub(super) early: BTreeSet<Slot>,
    /// Had what was taken back never been, another release would have changed other slots: one file hides
    /// another by path, and layers lie by time.
    unsure: BTreeSet<Slot>,
    /// The values that `on_remove: restore` brings back.
    bases: BTreeMap<Slot, Shown>,
}

impl Ideal {
    fn new(store: Store) -> Self {
        Self {
            store,
            files: Files::new(),
            desired: DesiredState::default(),
            whose: Whose::new(),
            demands: BTreeMap::new(),
            setters: BTreeMap::new(),
            aside: BTreeSet::new(),
            made_with: BTreeSet::new(),
            existing: BTreeSet::new(),
            edited: BTreeSet::new(),
            early: BTreeSet::new(),
            unsure: BTreeSet::new(),
            bases: BTreeMap::new(),
        }
    }

    /// The slots of an entity and its views, beside its existence.
    fn fields(&self, root: &EntityRef) -> Vec<Slot> {
        let family = self.store.goods.family(root).into_iter();
        let fields = family.flat_map(|e| names(&e).into_iter().map(move |name| field(&e, &name)));
        fields.collect()
    }

    /// The demand of the files for a slot, and the release whose statement that is.
    pub(super) fn demand(&self, slot: &Slot) -> Demand {
        self.demands.get(slot).cloned()
    }

    fn told_demand(&self, slot: &Slot) -> Demand {
        let demanded = self.desired.get(slot)?;
        let author = |slot: &Slot| {
            let mut about = self.whose.iter().rev();
            let winner = about.find(|((_, s), _)| s == slot);
            winner.map(|(_, author)| *author)
        };
        // A field that is set along with another one has the author of that one.
        let by = author(slot).or_else(|| author(&price_of(slot)?));
        Some((demanded, by?))
    }

    pub(super) fn setter(&self, slot: &Slot) -> Setter {
        self.setters.get(slot).copied().unwrap_or(Setter::Nobody)
    }

    fn commit(&mut self, release: Seq, patch: &Patch) -> BTreeMap<Slot, Demand> {
        for (path, (_, after)) in patch {
            match after {
                Some(file) => self.files.insert(path.clone(), file.clone()),
                None => self.files.remove(path),
            };
        }
        let was = std::mem::replace(&mut self.desired, fold(&self.files));
        for path in patch.keys() {
            let said = |of: &DesiredState| of.listed.get(path).cloned().unwrap_or_default();
            let (was, is) = (said(&was), said(&self.desired));
            for slot in was.keys().filter(|slot| !is.contains_key(slot)) {
                self.whose.remove(&(path.clone(), slot.clone()));
            }
            for (slot, listed) in is.iter() {
                if was.get(slot).map(|l| &l.value) != Some(&listed.value) {
                    self.whose.insert((path.clone(), slot.clone()), release);
                }
            }
        }
        let slots = self.store.goods.slots().into_iter();
        let demands = slots.filter_map(|slot| Some((slot.clone(), self.told_demand(&slot)?)));
        let demands = demands.collect();
        let was = std::mem::replace(&mut self.demands, demands);
        let slots = was.keys().chain(self.demands.keys());
        let differ = slots.filter(|slot| was.get(slot) != self.demands.get(slot));
        differ
            .map(|slot| (slot.clone(), self.demand(slot)))
            .collect()
    }

    /// Notes the value that a slot showed before anything was said of it; of an entity that is about to
    /// be made, the value that it is made with.
    fn note_base(&mut self, slot: &Slot) {
        let mut seen = self.store.seen(slot);
        if seen == Shown::Gone && slot.field != FieldId::Existence {
            seen = Shown::Value(unset(slot));
        }
        self.bases.entry(slot.clone()).or_insert(seen);
    }

    /// Shows the base, and of an entity that comes back all as it was.
    fn restore(&mut self, slot: &Slot, setter: Setter) {
        let base = self.bases[slot].clone();
        let stays = matches!(
            self.demand(slot),
            Some((DesiredValue::Ensure(Ensure::Present), _))
        );
        if stays && base == Shown::Gone && self.store.has(&slot.entity) {
            // An entity that another release demands as well is not deleted in between.
            return;
        }
        let comes_back = !self.store.has(&slot.entity) && base == Shown::Here;
        if base != Shown::Gone || slot.field == FieldId::Existence {
            self.put(slot, &base);
        }
        for slot in self.fields(&slot.entity) {
            if let Some(base) = self.bases.get(&slot).cloned()
                && comes_back
                && self.demand(&slot).is_none()
            {
                self.setters.insert(slot.clone(), setter);
                self.put(&slot, &base);
            }
        }
    }

    /// Compares what a commit changed with what it would have changed without what was taken back.
    fn doubt(&mut self, was: &BTreeMap<Slot, (Demand, Setter)>, is: &BTreeMap<Slot, Demand>) {
        for slot in was.keys().chain(is.keys()) {
            let (was, is) = (was.get(slot).map(|(demand, _)| demand), is.get(slot));
            // A demand that was not there is not removed either.
            if was != is && (was, is) != (Some(&None), None) {
                self.unsure.insert(slot.clone());
            }
            if slot.field == FieldId::Existence && self.unsure.contains(slot) {
                self.unsure.extend(self.fields(&slot.entity));
            }
        }
    }

    /// True if the slot is that of an entity of which it was said last that it shall not be made.
    fn says_nothing(&self, slot: &Slot) -> bool {
        self.existing.contains(slot)
    }

    fn make(&mut self, root: &EntityRef) {
        if self.store.has(root) {
            return;
        }
        self.store.make(root);
        for slot in self.fields(root) {
            match self.demand(&slot) {
                Some((DesiredValue::Value(value), _)) if !self.aside.contains(&slot) => {
                    self.set(&slot, &value);
                }
                Some(_) | None => {
                    self.made_with.insert(slot);
                }
            }
        }
    }

    fn set(&mut self, slot: &Slot, value: &SharedValue) {
        self.made_with.remove(slot);
        if marker_of(value) != Some(Marker::Coupled) {
            self.store.set(slot, value);
        }
    }

    /// The value under `all` has changed, and with it the values that views show.
    fn show_views(&mut self, root: &EntityRef) {
        for slot in self
            .fields(root)
            .into_iter()
            .filter(|slot| slot.entity != *root)
        {
            match self.demand(&slot) {
                _ if !self.store.has(root) || self.aside.contains(&slot) => {}
                Some((DesiredValue::Value(value), _)) if !self.edited.contains(&slot) => {
                    self.set(&slot, &value);
                }
                Some(_) | None => {
                    // A value of its own may come to light that could not be seen.
                    self.early.insert(slot);
                }
            }
        }
    }

    fn delete(&mut self, root: &EntityRef, setter: Setter) {
        for slot in self.fields(root) {
            let is_kept = match slot.entity.exists_by_itself() {
                true => self.store.has(root),
                false => self.store.has_own(&slot),
            };
            if is_kept || self.setters.contains_key(&slot) {
                self.setters.insert(slot, setter);
            }
        }
        self.store.delete(root);
    }

    /// Shows this, which is not demanded.
    fn put(&mut self, slot: &Slot, value: &Shown) {
        match (value, &slot.field) {
            (Shown::Gone, FieldId::Existence) => {
                self.store.delete(&slot.entity);
            }
            (_, FieldId::Existence) => self.make(&slot.entity),
            (_, FieldId::Named(_)) if !self.store.has(&slot.entity) => {}
            (Shown::Value(value), FieldId::Named(_)) => self.set(slot, value),
            (_, FieldId::Named(_)) => {
                self.store.set(slot, &unset(slot));
                self.made_with.insert(slot.clone());
            }
        }
    }
}

impl Timeline {
    pub(super) fn new(first: Store, policy: Policy) -> Self {
        Self {
            events: Vec::new(),
            first,
            policy,
            blind: None,
            unsure: BTreeSet::new(),
        }
    }

    pub(super) fn commit(
        &mut self,
        release: Seq,
        patch: Patch,
        adopts: bool,
        goes: BTreeSet<Slot>,
    ) {
        let mut ideal = self.play();
        let before = ideal.setters.clone();
        let changed = ideal.commit(release, &patch).into_iter();
        let changed = changed.map(|(slot, demand)| {
            let lay_on = before.get(&slot).copied().unwrap_or(Setter::Nobody);
            (slot, (demand, lay_on))
        });
        let changed = changed.collect();
        self.events.push(Event::Commit {
            release,
            patch,
            adopts,
            aside: false,
            changed,
            left: BTreeMap::new(),
            goes,
        });
    }

    /// A pass has composed a commit from this look.
    pub(super) fn composed(&mut self, of: Seq, look: &Store) {
        let is = |e: &Event| matches!(e, Event::Commit { release, .. } if *release == of);
        let Some(at) = self.events.iter().position(is) else {
            return;
        };
        let before = self.play_until(at).store;
        if let Event::Commit { changed, left, .. } = &mut self.events[at] {
            for slot in changed.keys() {
                if look.seen(slot) != before.seen(slot) {
                    left.insert(slot.clone(), look.seen(slot));
                }
            }
        }
    }

    /// True if it cannot tell what the slot shall show.
    pub(super) fn is_unsure(&self, slot: &Slot) -> bool {
        self.unsure.contains(slot)
    }

    /// A release is taken back.
    pub(super) fn take_back(&mut self, taken: Seq) {
        self.note_what_has_no_base(taken);
        self.note_what_was_kept();
        self.note_what_was_left();
        let theirs = |e: &Event| matches!(e, Event::Commit { release, .. } if *release == taken);
        self.events.retain(|event| !theirs(event));
        self.note_doubts();
    }

    /// It is told nothing of what a rollback does that is not carried out for now.
    pub(super) fn lay_rollback_aside(&mut self, moved: impl IntoIterator<Item = Slot>) {
        self.unsure.extend(moved);
    }

    /// A release is not carried out for now; `None`: all are again.
    pub(super) fn lay_aside(&mut self, laid: Option<Seq>) {
        let mut begun = false;
        for event in &mut self.events {
            if let Event::Commit {
                release,
                aside,
                changed,
                ..
            } = event
            {
                begun |= Some(*release) == laid;
                if begun || (*aside && laid.is_none()) {
                    // Nobody knows whether later releases would have left the same values without it.
                    let entities = changed.keys().map(|slot| slot.entity.root());
                    let entities: BTreeSet<EntityRef> = entities.collect();
                    let slots = self.first.goods.slots().into_iter();
                    let theirs = |slot: &Slot| entities.contains(&slot.entity.root());
                    self.unsure.extend(slots.filter(theirs));
                }
                *aside = laid.is_some() && (*aside || Some(*release) == laid);
            }
        }
    }

    /// A path is another one now, as if it had always been.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for event in &mut self.events {
            if let Event::Commit { patch, .. } = event
                && let Some(change) = patch.remove(from)
            {
                patch.insert(to.to_owned(), change);
            }
        }
    }

    /// A release never said what it said of a path, but this.
    pub(super) fn amend(&mut self, amended: Seq, path: &str, says: &File) {
        self.note_what_has_no_base(amended);
        for event in &mut self.events {
            if let Event::Commit { release, patch, .. } = event
                && *release == amended
            {
                patch.get_mut(path).unwrap().1 = Some(says.clone());
            }
        }
        self.note_doubts();
    }

    fn note_doubts(&mut self) {
        let doubts = self.play().unsure;
        self.unsure.extend(doubts);
    }

    /// A field that came with its entity has nothing to put back while the entity stays. And a day that is
    /// set along with a price stays what it is while any will do.
    fn note_what_has_no_base(&mut self, taken: Seq) {
        let ideal = self.play();
        let slots = ideal.store.goods.slots().into_iter();
        self.unsure
            .extend(slots.filter(|slot| slot.field.as_str() == "special_from_date"));
        let Ideal { bases, early, .. } = ideal;
        self.unsure.extend(early);
        for event in &self.events {
            if let Event::Commit { release, patch, .. } = event
                && *release == taken
            {
                let entities = patch.values().filter_map(|(_, after)| after.as_ref());
                for (entity, change) in entities.flatten() {
                    let slots = change.fields.keys().map(|name| field(entity, name));
                    let gone = slots.filter(|slot| bases.get(slot) == Some(&Shown::Gone));
                    self.unsure.extend(gone);
                }
            }
        }
    }

    /// An edit that outlived what it was made on may be the base by now.
    fn note_what_was_kept(&mut self) {
        let live = self.events.iter().filter_map(|event| match event {
            Event::Commit { release, .. } => Some(*release),
            Event::Edit { .. } => None,
        });
        let live: BTreeSet<Seq> = live.collect();
        let kept = self.events.iter().filter_map(|event| match event {
            Event::Edit {
                slot,
                on: Setter::Said(author, by),
                ..
            } if !live.contains(author) || !live.contains(by) => Some(slot.clone()),
            Event::Edit { .. } | Event::Commit { .. } => None,
        });
        let kept = kept.filter(|slot| self.policy.keep_conflicts || sells(slot));
        let kept: Vec<Slot> = kept.collect();
        self.unsure.extend(kept);
    }

    /// The value that a removal left is forgotten where another release comes to light beneath.
    fn note_what_was_left(&mut self) {
        for event in &self.events {
            if let Event::Commit { left, .. } = event {
                self.unsure.extend(left.keys().cloned());
            }
        }
    }

    /// Somebody edits what is settled.
    pub(super) fn edit(&mut self, slot: &Slot, value: &Shown) {
        let ideal = self.play();
        let on = ideal.setter(slot);
        let is_base = matches!(on, Setter::Nobody | Setter::Removed(_));
        let remade = ideal.made_with.contains(slot) && self.first.has(&slot.entity);
        if is_base && remade {
            // It may go with the deletion of the entity that was there first.
            self.unsure.insert(slot.clone());
        }
        let is_base = is_base && !remade;
        if !is_base && ideal.demand(slot).is_none() {
            // It outlives the entity that was made again.
            self.unsure.insert(slot.clone());
        }
        if is_base && ideal.bases.get(&existence(&slot.entity.root())) == Some(&Shown::Gone) {
            // It goes with its entity, of which nothing is kept.
            self.unsure.insert(slot.clone());
        }
        if let Shown::Value(value) = value
            && is_base
            && self.first.has(&slot.entity)
        {
            self.first.set(slot, value);
        }
        if is_base {
            // It is the base, and older edits are forgotten.
            let about = |e: &Event| matches!(e, Event::Edit { slot: s, .. } if s == slot);
            self.events.retain(|event| !about(event));
        }
        self.events.push(Event::Edit {
            slot: slot.clone(),
            value: value.clone(),
            on,
            heal: None,
        });
    }

    pub(super) fn heal(&mut self, slot: &Slot, name: &str) {
        let ideal = self.play();
        let Some((DesiredValue::Value(value), _)) = ideal.demand(slot) else {
            self.blind = Some("a heal of what should not be demanded");
            return;
        };
        self.events.push(Event::Edit {
            slot: slot.clone(),
            value: Shown::Value(value),
            on: ideal.setter(slot),
            heal: Some(name.to_owned()),
        });
    }

    pub(super) fn roll_heal_back(&mut self, slot: &Slot, name: &str) {
        let is = self.play().setter(slot);
        let covered = |e: &Event| match e {
            Event::Edit { heal, on, .. } => heal.as_deref() == Some(name) && !on.says_like(is),
            Event::Commit { .. } => false,
        };
        if self.events.iter().any(covered) {
            // The value that a removal left stays.
            self.unsure.insert(slot.clone());
        }
        let theirs = |e: &Event| matches!(e, Event::Edit { heal: Some(heal), .. } if heal == name);
        self.events.retain(|event| !theirs(event));
    }

    /// The store as it shall be.
    pub(super) fn play(&self) -> Ideal {
        self.play_until(self.events.len())
    }

    fn play_until(&self, end: usize) -> Ideal {
        let mut ideal = Ideal::new(self.first.clone());
        let mut live = BTreeSet::new();
        for event in &self.events[..end] {
            match event {
                Event::Commit {
                    release,
                    patch,
                    adopts,
                    aside,
                    changed: first,
                    left,
                    goes,
                } => {
                    live.insert(*release);
                    let changed = ideal.commit(*release, patch);
                    ideal.doubt(first, &changed);
                    for slot in changed.keys() {
                        ideal.note_base(slot);
                    }
                    if *adopts {
                        for slot in changed.keys() {
                            ideal
                                .setters
                                .insert(slot.clone(), Setter::Said(*release, *release));
                        }
                        continue;
                    }
                    if *aside {
                        ideal.aside.extend(changed.into_keys());
                        continue;
                    }
                    // Existence comes first.
                    for (slot, demand) in &changed {
                        ideal.aside.remove(slot);
                        let like = |(_, on): &(Demand, Setter)| on.says_like(ideal.setter(slot));
                        let knows = first.get(slot).is_some_and(like);
                        let knows = knows && !goes.contains(slot) && !ideal.says_nothing(slot);
                        let left = left.get(slot).filter(|_| knows).cloned();
                        let removal = match self.policy.restore_removed {
                            true => Removal::Restores,
                            false => Removal::Keeps(left),
                        };
                        self.show(&mut ideal, *release, slot, demand.as_ref(), removal);
                    }
                    let roots: BTreeSet<EntityRef> =
                        changed.keys().map(|slot| slot.entity.root()).collect();
                    for root in roots {
                        ideal.store.couple(&root);
                        ideal.show_views(&root);
                    }
                }
                Event::Edit {
                    slot,
                    value,
                    on,
                    heal,
                } => {
                    let stands = !matches!(on, Setter::Said(_, by) if !live.contains(by));
                    let is = stands && on.says_like(ideal.setter(slot));
                    let kept = self.policy.keep_conflicts || sells(slot);
                    let stays = match on {
                        Setter::Said(..) => is || (kept && heal.is_none()),
                        // It is the base.
                        Setter::Nobody | Setter::Removed(_) => ideal.demand(slot).is_none(),
                    };
                    if stays && slot.field != FieldId::Existence && !ideal.store.has(&slot.entity) {
                        // Without what is taken back the entity came later, and nobody edited that.
                        ideal.unsure.insert(slot.clone());
                    }
                    if stays {
                        ideal.put(slot, value);
                        ideal.edited.insert(slot.clone());
                        if slot.entity.exists_by_itself() {
                            ideal.show_views(&slot.entity);
                        }
                    }
                    if let Setter::Removed(_) = on {
                        if ideal.demand(slot).is_none() {
                            ideal.setters.remove(slot);
                        }
                        ideal.bases.insert(slot.clone(), value.clone());
                    }
                }
            }
        }
        ideal
    }

    fn show(
        &self,
        ideal: &mut Ideal,
        release: Seq,
        slot: &Slot,
        demand: Option<&(DesiredValue, Seq)>,
        removal: Removal,
    ) {
        let root = slot.entity.root();
        let absent = Some(DesiredValue::Ensure(Ensure::Absent));
        let is_absent = ideal.desired.get(&existence(&root)) == absent;
        if is_absent && slot.field != FieldId::Existence {
            // It went with its entity, and is no removal.
            return;
        }
        // A statement that comes to light lies on the removal of the one that hid it.
        if demand.is_none_or(|(_, author)| *author != release) {
            let setter = Setter::Removed(release);
            ideal.setters.insert(slot.clone(), setter);
            match removal {
                Removal::Keeps(Some(left)) => ideal.put(slot, &left),
                Removal::Keeps(None) => {}
                Removal::Restores => ideal.restore(slot, setter),
            }
        }
        let Some((value, author)) = demand else {
            return;
        };
        let setter = Setter::Said(*author, release);
        ideal.setters.insert(slot.clone(), setter);
        ideal.existing.remove(slot);
        ideal.edited.remove(slot);
        match value {
            DesiredValue::Ensure(Ensure::Absent) => {
                if ideal.store.has(&root) {
                    for slot in ideal.fields(&root) {
                        ideal.note_base(&slot);
                    }
                }
                ideal.delete(&root, setter);
            }
            DesiredValue::Ensure(Ensure::Present) => ideal.make(&root),
            DesiredValue::Ensure(Ensure::Existing) => {
                ideal.existing.insert(slot.clone());
            }
            DesiredValue::Value(value) if ideal.store.has(&root) => ideal.set(slot, value),
            DesiredValue::Value(_) => {
                ideal.early.insert(slot.clone());
            }
        }
    }
}

/// The value that a slot shows when no file names it any more.
enum Removal {
    /// The value that it showed, where another one than lies beneath is known.
    Keeps(Option<Shown>),
    Restores,
}
