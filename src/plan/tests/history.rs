//! A history of the shop: what happens, and what the tests know of it without asking the layers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::entity::LayerNames;
use super::super::layers::{By, Origin, Policy, Seq, Shown};
use super::super::statements::Difference;
use super::random::Rng;
use super::shop::{
    Change, File, Files, Goods, Patch, Store, difference, field, fold, name_of, names, said, sells,
    show, text, unpatched,
};
use super::simulation::{Answer, Crash, Simulation};
use super::timeline::Timeline;
use crate::domain::{Ensure, EntityRef, Marker, SharedValue, Slot};

/// The events that may happen beside releases, reverts, refusals, lost answers and deaths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Features {
    pub(super) goods: Goods,
    pub(super) edits: bool,
    pub(super) heals: bool,
    pub(super) adopts: bool,
    /// Entities are made and deleted in the admin.
    pub(super) admin: bool,
    /// Files are moved to other paths.
    pub(super) moves: bool,
    /// Releases are stopped and lie aside.
    pub(super) stops: bool,
    pub(super) keep_conflicts: bool,
    pub(super) restore_removed: bool,
    /// Every commit has a pass of its own, and nothing fails.
    pub(super) calm: bool,
}

#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) features: Features,
    pub(super) rng: Rng,
    /// In so many of a hundred writes the answer is lost.
    pub(super) lost: u64,
    pub(super) sim: Simulation,
    pub(super) timeline: Timeline,
    pub(super) live: BTreeMap<Seq, Patch>,
    /// The releases that were reverted.
    pub(super) gone: Vec<Patch>,
    pub(super) taken: BTreeSet<Seq>,
    pub(super) heals: Vec<(Slot, String)>,
    /// The slots that were edited at any time, and those of which no look has seen it yet.
    pub(super) edited: BTreeSet<Slot>,
    unseen: BTreeSet<Slot>,
    pub(super) steps: u64,
    pub(super) trace: Option<String>,
    /// The slots that the trace showed last.
    shown: String,
}

macro_rules! say {
    ($history:expr, $($what:tt)*) => {
        if let Some(trace) = &mut $history.trace {
            writeln!(trace, $($what)*).unwrap();
        }
    };
}
pub(super) use say;

pub(super) type Played = Result<(), String>;

impl History {
    /// A shop in which nothing has happened yet.
    pub(super) fn new(features: Features, seed: u64, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut store = Store::new(features.goods);
        for (n, root) in features.goods.roots().iter().enumerate() {
            if n == 0 || rng.percent(50) {
                store.make(root);
                for entity in features.goods.family(root) {
                    for slot in names(&entity).iter().map(|name| field(&entity, name)) {
                        first_value(&mut store, &slot, &mut rng);
                    }
                }
            }
        }
        let policy = Policy {
            restore_removed: features.restore_removed,
            keep_conflicts: features.keep_conflicts,
        };
        let sim = Simulation::new(store.clone(), policy);
        let mut history = Self {
            features,
            rng,
            lost: if features.calm { 0 } else { 12 },
            sim,
            timeline: Timeline::new(store.as_visible(), policy),
            live: BTreeMap::new(),
            gone: Vec::new(),
            taken: BTreeSet::new(),
            heals: Vec::new(),
            edited: BTreeSet::new(),
            unseen: BTreeSet::new(),
            steps: 0,
            trace: traced.then(String::new),
            shown: String::new(),
        };
        say!(history, "first {}", history.sim.store.short());
        if features.adopts {
            history.adopt();
        }
        history
    }

    // ------------------------------------------------ files

    pub(super) fn path(&mut self, suffix: &str) -> String {
        format!("{:02}-{}{suffix}", self.rng.below(100), self.steps)
    }

    /// Makes up what a file says of an entity.
    pub(super) fn change(&mut self, entity: &EntityRef) -> Change {
        if entity.exists_by_itself() && self.rng.percent(25) {
            return Change {
                ensure: Ensure::Absent,
                fields: BTreeMap::new(),
            };
        }
        let ensure = [Ensure::Present, Ensure::Present, Ensure::Existing];
        let ensure = *self.rng.pick(&ensure);
        let names = names(entity);
        let number = 1 + self.rng.below(2.min(names.len()));
        let names = self.rng.sample(&names, number).into_iter();
        let slots: Vec<Slot> = names.map(|name| field(entity, &name)).collect();
        let fields = slots.into_iter().map(|slot| {
            let value = self.value(&slot);
            (name_of(&slot).clone(), value)
        });
        Change {
            ensure,
            fields: fields.collect(),
        }
    }

    fn value(&mut self, slot: &Slot) -> SharedValue {
        let value = text(*self.rng.pick(&["1", "2", "3"]));
        let is_view = !slot.entity.exists_by_itself();
        match self.rng.percent(25) {
            true if is_view => Marker::Default.value().clone().into(),
            true if slot.field.as_str() == "special_price" => SharedValue::from(()),
            _ => value,
        }
    }

    // ------------------------------------------------ what happens

    fn adopt(&mut self) {
        let mut file = File::new();
        let store = self.sim.store.clone();
        for entity in self
            .features
            .goods
            .entities()
            .iter()
            .filter(|e| store.has(e))
        {
            let mut change = self.change(entity);
            if change.ensure == Ensure::Absent {
                continue;
            }
            change.ensure = Ensure::Present;
            file.insert(entity.clone(), change);
        }
        let path = "50".to_owned();
        let files = Files::from([(path.clone(), file.clone())]);
        say!(self, "adopt {}", show(&files));
        let release = self.sim.adopt(files);
        let patch = Patch::from([(path, (None, Some(file)))]);
        self.timeline
            .commit(release, patch.clone(), true, BTreeSet::new());
        self.live.insert(release, patch);
    }

    /// A pass in which some answers are lost.
    pub(super) fn pass(&mut self, crash: Option<Crash>) -> Played {
        let (lost, mut rng) = (self.lost, self.rng.clone());
        let answer = || match rng.percent(lost) {
            true => Answer::IsLost(rng.percent(50)),
            false => Answer::Comes,
        };
        let played = self.pass_with(crash, answer);
        self.rng = rng;
        played
    }

    pub(super) fn pass_with(
        &mut self,
        crash: Option<Crash>,
        answer: impl FnMut() -> Answer,
    ) -> Played {
        let found = self.sim.pass(crash, answer);
        for (release, look) in std::mem::take(&mut self.sim.composed) {
            self.timeline.composed(release, &look);
            if self.sim.stopped.contains(&release) {
                self.timeline.lay_aside(Some(release));
                let aside = self.sim.all_slots().filter(|(_, state)| {
                    state.layers.iter().any(|l| l.parked && l.id.seq == release)
                });
                self.timeline
                    .lay_rollback_aside(aside.map(|(slot, _)| slot.clone()));
            }
        }
        if self.trace.is_some() {
            let in_hand = if self.sim.in_hand { " in hand" } else { "" };
            let crash = crash.map_or(String::new(), |crash| format!(" {crash:?}"));
            let shown = format!("{in_hand}{}{}", self.sim.store.short(), self.sim.slots());
            match shown == self.shown {
                true => say!(self, "pass{crash}: the same"),
                false => say!(self, "pass{crash}{shown}"),
            }
            self.shown = shown;
        }
        let unseen = std::mem::take(&mut self.unseen);
        match found.iter().find(|slot| !unseen.contains(slot)) {
            Some(slot) => Err(format!("nobody edited {slot}")),
            None => Ok(()),
        }
    }

    pub(super) fn commit(&mut self, files: Files, names: &[Seq], what: &str) -> Seq {
        let names: BTreeSet<Seq> = names.iter().copied().collect();
        let text = self.trace.is_some().then(|| show(&files));
        let release = self.sim.commit(files, names.clone());
        say!(self, "{what} {names:?} as {release}: {}", text.unwrap());
        release
    }

    pub(super) fn is_clean(&self, files: &Files, release: Seq) -> bool {
        let mut patch = self.live[&release].iter();
        patch.all(|(path, (_, after))| files.get(path) == after.as_ref())
    }

    pub(super) fn revert(&mut self, chosen: &[Seq]) -> bool {
        let mut files = self.sim.files.clone();
        for release in chosen {
            if !self.is_clean(&files, *release) {
                return false;
            }
            files = unpatched(&files, &self.live[release]);
        }
        if files == self.sim.files {
            // Together they came to nothing, and nobody could tell.
            return false;
        }
        self.note_what_stands(chosen, &files);
        self.commit(files, chosen, "revert");
        for release in chosen {
            self.timeline.take_back(*release);
            self.taken.insert(*release);
            self.gone.extend(self.live.remove(release));
        }
        self.note_what_looked_alike();
        true
    }

    /// What was reverted may have looked like the work of another release.
    fn note_what_looked_alike(&mut self) {
        if self.timeline.play().files != self.sim.files {
            self.timeline.blind = Some("a file was as another release had left it");
        }
    }

    /// Where a statement of theirs is as it was, it is theirs still.
    fn note_what_stands(&mut self, chosen: &[Seq], files: &Files) {
        let ideal = self.timeline.play();
        let stands = |(path, slot): &(String, Slot)| {
            said(files, path, slot) == said(&ideal.files, path, slot)
        };
        let mut theirs = ideal.whose.iter().filter(|(_, r)| chosen.contains(r));
        if theirs.any(|(place, _)| stands(place)) {
            self.timeline.blind = Some("a statement of a release that was named stands");
        }
    }

    /// A commit that changes the files. Beside a revert, what it deploys is a release to be taken back
    /// like any other.
    pub(super) fn deploy(&mut self, files: Files, reverted: Option<Seq>, what: &str) {
        let before = match reverted {
            None => self.sim.files.clone(),
            Some(release) => unpatched(&self.sim.files, &self.live[&release]),
        };
        let patch = difference(&before, &files);
        if patch.is_empty() && reverted.is_none() {
            return;
        }
        let names: Vec<Seq> = reverted.into_iter().collect();
        if !names.is_empty() {
            self.note_what_stands(&names, &files);
        }
        let release = self.commit(files, &names, what);
        let mut goes = BTreeSet::new();
        for name in names {
            goes.extend(self.what_goes_with(name, &patch));
            self.live.remove(&name);
            self.taken.insert(name);
            self.timeline.take_back(name);
        }
        if !patch.is_empty() {
            self.timeline.commit(release, patch.clone(), false, goes);
            self.live.insert(release, patch);
        }
        self.note_what_looked_alike();
    }

    /// The slots that a commit changes of entities in which it takes a release back, too. What was never
    /// shown there is forgotten.
    fn what_goes_with(&mut self, release: Seq, patch: &Patch) -> BTreeSet<Slot> {
        let changes = |patch: &Patch| {
            let files = patch.values().flat_map(|(before, after)| [before, after]);
            let files = files.flatten().flat_map(|file| file.clone());
            files.collect::<Vec<(EntityRef, Change)>>()
        };
        let theirs = changes(&self.live[&release]);
        let of_theirs = |entity: &EntityRef| theirs.iter().any(|(e, _)| e.root() == entity.root());
        let others = changes(patch);
        let both = others
            .iter()
            .map(|(entity, _)| entity)
            .filter(|entity| of_theirs(entity));
        let both: BTreeSet<EntityRef> = both.map(EntityRef::root).collect();
        let slots = self.features.goods.slots().into_iter();
        let goes: BTreeSet<Slot> = slots.filter(|s| both.contains(&s.entity.root())).collect();
        let absent = |slot: &Slot| {
            let mut all = theirs.iter().chain(&others);
            all.any(|(e, change)| *e == slot.entity.root() && change.ensure == Ensure::Absent)
        };
        let before = self.timeline.play();
        // An edit stays where another statement demands the same, and where goods were sold.
        let kept = |slot: &Slot| {
            let demand = before.demand(slot).map(|(value, _)| value);
            let same = demand == self.sim.desired.get(slot);
            before.edited.contains(slot) && (sells(slot) || same)
        };
        let early = |slot: &Slot| before.early.contains(slot);
        let forgotten = |s: &&Slot| !self.features.calm || early(s) || absent(s) || kept(s);
        self.timeline
            .unsure
            .extend(goes.iter().filter(forgotten).cloned());
        goes
    }

    /// A revert, and a change beside it in the same commit.
    pub(super) fn revert_and_more(&mut self, release: Seq) {
        if !self.is_clean(&self.sim.files, release) {
            return;
        }
        let patch = self.live[&release].clone();
        let mut files = unpatched(&self.sim.files, &patch);
        let others = files.keys().filter(|path| !patch.contains_key(*path));
        let others: Vec<String> = others.cloned().collect();
        if !others.is_empty() && self.rng.percent(50) {
            files.remove(self.rng.pick(&others));
        } else {
            let path = self.path("m");
            let entity = self.rng.pick(self.features.goods.entities()).clone();
            let change = self.change(&entity);
            files.insert(path, File::from([(entity, change)]));
        }
        let difference = Difference::between(&self.sim.desired, &fold(&files));
        if difference.moved.is_empty() {
            self.deploy(files, Some(release), "revert and more");
        }
    }

    /// `git revert` of one of the commits that a release brought in: one statement goes, the rest stays.
    pub(super) fn revert_a_part(&mut self, release: Seq) {
        let mut parts = Vec::new();
        for (path, (before, after)) in &self.live[&release] {
            let Some(after) = after else { continue };
            if before.is_some() || self.sim.files.get(path) != Some(after) {
                continue;
            }
            for (entity, change) in after {
                if after.len() > 1 {
                    parts.push((path.clone(), entity.clone(), None));
                }
                if change.fields.len() > 1 {
                    let fields = change.fields.keys();
                    parts.extend(fields.map(|n| (path.clone(), entity.clone(), Some(n.clone()))));
                }
            }
        }
        if parts.is_empty() {
            return;
        }
        let (path, entity, name) = self.rng.pick(&parts).clone();
        let mut files = self.sim.files.clone();
        let file = files.get_mut(&path).unwrap();
        match &name {
            None => {
                file.remove(&entity);
            }
            Some(name) => {
                file.get_mut(&entity).unwrap().fields.remove(name);
            }
        }
        let file = file.clone();
        self.commit(files, &[release], "revert a part of");
        self.timeline.amend(release, &path, &file);
        self.note_what_looked_alike();
        self.live
            .get_mut(&release)
            .unwrap()
            .get_mut(&path)
            .unwrap()
            .1 = Some(file);
    }

    /// A commit that changes no file and says that it reverts a release whose files were taken away
    /// before.
    pub(super) fn revert_by_word(&mut self, release: Seq) {
        let patch = &self.live[&release];
        let stands = patch
            .iter()
            .any(|(path, (_, after))| after.is_some() && self.sim.files.contains_key(path));
        let took = self.live.iter().filter(|(other, theirs)| {
            let took = |path: &String| {
                let change = theirs.get(path);
                change.is_some_and(|(before, after)| before.is_some() && after.is_none())
            };
            **other != release && patch.keys().any(took)
        });
        let took: Vec<(Seq, Patch)> = took.map(|(r, patch)| (*r, patch.clone())).collect();
        let only = |(_, theirs): &(Seq, Patch)| {
            let mut theirs = theirs.iter();
            theirs.all(|(path, (_, after))| patch.contains_key(path) && after.is_none())
        };
        if stands || took.is_empty() || !took.iter().all(only) {
            return;
        }
        self.commit(self.sim.files.clone(), &[release], "say that it reverts");
        self.timeline.take_back(release);
        self.taken.insert(release);
        self.live.remove(&release);
        for (took, _) in took {
            // To revert the removal afterwards would be to deploy anew.
            self.live.remove(&took);
        }
        self.note_what_looked_alike();
    }

    pub(super) fn edit(&mut self) -> Played {
        for _ in 0..6 {
            self.pass(None)?;
        }
        let slots = self.features.goods.slots().into_iter();
        // The store sets a day along with a price, and not back with it.
        let fixed = ["ensure", "special_price"];
        let slots = slots.filter(|slot| !fixed.contains(&slot.field.as_str()));
        let slots: Vec<Slot> = slots.collect();
        let slot = self.rng.pick(&slots).clone();
        let value = match self.rng.percent(25) && !slot.entity.exists_by_itself() {
            true => Marker::Default.value().clone().into(),
            false => text(format!("edit{}", self.rng.below(4))),
        };
        if self.edit_to(&slot, &value) && self.features.heals && self.rng.percent(60) {
            self.heal(&slot)?;
        }
        Ok(())
    }

    /// Somebody sets a field in the admin, or something is sold. False where that is what it shows.
    pub(super) fn edit_to(&mut self, slot: &Slot, value: &SharedValue) -> bool {
        let shown = Shown::Value(value.clone());
        if !self.sim.store.has(&slot.entity) || self.sim.in_hand {
            return false;
        }
        let before = self.sim.store.clone();
        self.sim.store.set(slot, value);
        self.sim.store.couple(&slot.entity.root());
        if self.sim.store.seen(slot) == before.seen(slot) {
            self.sim.store = before;
            return false;
        }
        say!(self, "edit {slot} {shown:?}");
        let is_settled = self.is_settled(&slot.entity.root());
        let default = Shown::Value(Marker::Default.value().clone().into());
        for other in self.features.goods.slots() {
            let (was, is) = (before.seen(&other), self.sim.store.seen(&other));
            // A value of a view's own comes to light where it was what `all` had; a day is set along.
            let is_view = !other.entity.exists_by_itself();
            if was != is && (!is_view || other == *slot || was == default && is != default) {
                self.note_edit(&other, &is, is_settled);
            }
        }
        true
    }

    fn note_edit(&mut self, slot: &Slot, is: &Shown, is_settled: bool) {
        self.edited.insert(slot.clone());
        self.unseen.insert(slot.clone());
        if !is_settled || self.timeline.is_unsure(slot) {
            self.timeline.blind = Some("an edit of what was not settled");
        }
        let first = &mut self.timeline.first;
        match (self.timeline.blind, is) {
            (None, _) => self.timeline.edit(slot, is),
            (Some(_), Shown::Value(value))
                if is_free(&self.sim, slot) && first.has(&slot.entity) =>
            {
                first.set(slot, value);
            }
            (Some(_), _) => {}
        }
    }

    pub(super) fn is_settled(&self, root: &EntityRef) -> bool {
        let managed = self.sim.managed.get(root);
        let all = managed.is_none_or(|m| m.slots.values().all(|slot| slot.is_settled()));
        all && !self.sim.is_behind() && !self.sim.refused.contains(root)
    }

    fn heal(&mut self, slot: &Slot) -> Played {
        self.pass(None)?;
        if self.sim.in_hand || sells(slot) {
            return Ok(());
        }
        let id = LayerNames::new(self.sim.next_seq()).take();
        let name = format!("heal{}", self.steps);
        let state = self.sim.slot_mut(slot);
        if state.is_some_and(|state| state.heal(id, &name)) {
            say!(self, "{name}");
            if self.timeline.blind.is_none() {
                self.timeline.heal(slot, &name);
            }
            self.heals.push((slot.clone(), name));
            self.pass(None)?;
        }
        Ok(())
    }

    pub(super) fn roll_a_heal_back(&mut self) -> Played {
        self.pass(None)?;
        let (slot, name) = self.heals.pop().unwrap();
        if self.sim.in_hand {
            return Ok(());
        }
        let Some(state) = self.sim.slot_mut(&slot) else {
            return Ok(());
        };
        let heal = By::Heal(name.clone());
        for layer in state.ids(|layer| layer.by == heal) {
            state.forget(layer);
            say!(self, "roll {name} back");
            self.timeline.roll_heal_back(&slot, &name);
        }
        Ok(())
    }

    pub(super) fn make_or_delete_in_the_admin(&mut self) -> Played {
        for _ in 0..6 {
            self.pass(None)?;
        }
        if self.sim.in_hand {
            return Ok(());
        }
        let goods = self.features.goods;
        let root = self.rng.pick(&goods.roots()).clone();
        let managed = self.sim.managed.get(&root);
        let is_bare = managed.is_none_or(|managed| managed.slots.is_empty());
        if self.sim.store.has(&root) {
            self.sim.store.delete(&root);
        } else {
            self.sim.store.make(&root);
            for name in names(&root) {
                let value = text(format!("new{}", &name.as_str()[..1]));
                self.sim.store.set(&field(&root, &name), &value);
            }
        }
        say!(self, "admin {}", self.sim.store.short());
        self.timeline.blind = Some("an entity was made or deleted in the admin");
        for entity in goods.family(&root).iter().filter(|_| is_bare) {
            match self.sim.store.entities.get(entity) {
                None => self.timeline.first.entities.remove(entity),
                Some(is) => self
                    .timeline
                    .first
                    .entities
                    .insert(entity.clone(), is.clone()),
            };
        }
        for slot in goods
            .slots()
            .into_iter()
            .filter(|slot| slot.entity.root() == root)
        {
            self.unseen.insert(slot.clone());
            self.edited.insert(slot);
        }
        Ok(())
    }

    /// `git mv`.
    pub(super) fn rename(&mut self, keeps_order: bool) {
        let paths: Vec<String> = self.sim.files.keys().cloned().collect();
        let from = self.rng.pick(&paths).clone();
        let to = match keeps_order {
            true => format!("{from}~"),
            false => self.path("r"),
        };
        let mut files = self.sim.files.clone();
        let Some(file) = files.remove(&from) else {
            return;
        };
        files.insert(to.clone(), file);
        self.commit(files, &[], "rename");
        if !keeps_order {
            self.timeline.blind = Some("files were moved to other places in the order");
        }
        self.timeline.rename(&from, &to);
        let live = self.live.values_mut();
        for patch in live.chain(&mut self.gone) {
            if let Some(change) = patch.remove(&from) {
                patch.insert(to.clone(), change);
            }
        }
    }

    /// The layers that lay aside are tried again.
    pub(super) fn retry(&mut self) {
        say!(self, "retry");
        self.sim.retry();
        self.timeline.lay_aside(None);
    }
}

/// True if the store shows what nobody here put there.
fn is_free(sim: &Simulation, slot: &Slot) -> bool {
    let Some(state) = sim.slot(slot) else {
        return true;
    };
    match state.held[0].by {
        Origin::Base => true,
        Origin::Removed => false,
        Origin::Layer(id) => state.layer(id).unwrap().is_removal(),
    }
}

fn first_value(store: &mut Store, slot: &Slot, rng: &mut Rng) {
    let is_view = !slot.entity.exists_by_itself();
    let first = text(format!("{}{}", slot.entity.key, &slot.field.as_str()[..1]));
    match slot.field.as_str() {
        // Set along with a special price.
        "special_from_date" if rng.percent(50) => {
            let price = field(&slot.entity, &"special_price".parse().unwrap());
            store.set(&price, &text("Ps"));
            store.set(slot, &first);
        }
        "special_from_date" | "special_price" => {}
        // Some views have values of their own, and some of these are what `all` has.
        _ if is_view && rng.percent(50) => {}
        _ if is_view && rng.percent(50) => store.set(slot, &text("own")),
        _ => store.set(slot, &first),
    }
}

pub(super) fn keys(entities: &BTreeSet<EntityRef>) -> Vec<&str> {
    entities.iter().map(|e| e.key.as_str()).collect()
}
