//! Passes over the shop that the store refuses, whose answers are lost or that die in between. What the
//! layers say is the crate's; what is sent and how a pass goes is told here in a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::super::commit::{Altering, commit};
use super::super::entity::{LayerNames, Look, Managed, existence};
use super::super::layers::{LayerId, Origin as By, Policy, Says, Seq, Shown, SlotState};
use super::super::statements::Difference;
use super::shop::{Files, Store, fold, name_of, short};
use crate::domain::{
    DesiredState, DesiredValue, EntityRef, FieldId, Marker, SharedValue, Slot, marker_of,
};

/// The request for an entity, or for its values under a view.
#[derive(Debug, Clone)]
enum Write {
    Delete,
    Make(BTreeMap<Slot, SharedValue>),
    Set(BTreeMap<Slot, SharedValue>),
}

/// The fate of a write that the store does not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Comes,
    /// It is lost; true if the write was carried out.
    IsLost(bool),
}

/// A pass that dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crash {
    /// After so many requests that were due.
    pub(super) after: usize,
    /// True if the write in hand was carried out.
    pub(super) carried_out: bool,
}

#[derive(Debug, Clone)]
struct Queued {
    release: Seq,
    before: Arc<DesiredState>,
    after: Arc<DesiredState>,
    reverted: BTreeSet<Seq>,
    stops: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Simulation {
    pub(super) store: Store,
    pub(super) files: Files,
    pub(super) desired: Arc<DesiredState>,
    pub(super) managed: Managed,
    policy: Policy,
    /// Those whose writes are refused.
    pub(super) refused: BTreeSet<EntityRef>,
    /// The next commit is foreseen to be refused.
    pub(super) stops: bool,
    /// Releases that lie aside.
    pub(super) stopped: BTreeSet<Seq>,
    /// True while a pass has no outcome.
    pub(super) in_hand: bool,
    /// The layers that the store was seen to show, and their demands.
    pub(super) proven: BTreeMap<(Slot, LayerId), Option<DesiredValue>>,
    /// The looks from which commits were composed since this was emptied.
    pub(super) composed: Vec<(Seq, Arc<Store>)>,
    queue: Vec<Queued>,
    seq: u64,
}

impl Simulation {
    pub(super) fn new(store: Store, policy: Policy) -> Self {
        Self {
            store,
            files: Files::new(),
            desired: Arc::default(),
            managed: Managed::new(),
            policy,
            refused: BTreeSet::new(),
            stops: false,
            stopped: BTreeSet::new(),
            in_hand: false,
            proven: BTreeMap::new(),
            composed: Vec::new(),
            queue: Vec::new(),
            seq: 0,
        }
    }

    pub(super) fn next_seq(&mut self) -> Seq {
        self.seq += 1;
        Seq(self.seq)
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn slot(&self, slot: &Slot) -> Option<&SlotState> {
        let managed = self.managed.get(&slot.entity.root())?;
        managed.slots.get(slot)
    }

    pub(super) fn slot_mut(&mut self, slot: &Slot) -> Option<&mut SlotState> {
        let managed = self.managed.get_mut(&slot.entity.root())?;
        Arc::make_mut(managed).slots.get_mut(slot)
    }

    pub(super) fn all_slots(&self) -> impl Iterator<Item = (&Slot, &SlotState)> {
        self.managed.values().flat_map(|entity| &entity.slots)
    }

    /// A commit that the next pass handles.
    pub(super) fn commit(&mut self, files: Files, reverted: BTreeSet<Seq>) -> Seq {
        let release = self.next_seq();
        let after = Arc::new(fold(&files));
        self.queue.push(Queued {
            release,
            before: Arc::clone(&self.desired),
            after: Arc::clone(&after),
            reverted,
            stops: std::mem::take(&mut self.stops),
        });
        self.files = files;
        self.desired = after;
        release
    }

    /// Layers that demand what the files say and show what was observed; nothing is written.
    pub(super) fn adopt(&mut self, files: Files) -> Seq {
        let release = self.next_seq();
        let mut names = LayerNames::new(release);
        let after = fold(&files);
        let difference = Difference::between(&self.desired, &after);
        for (root, difference) in difference.by_entity() {
            let entity = Arc::make_mut(self.managed.entry(root).or_default());
            let nothing = BTreeSet::new();
            let altering = Altering {
                release,
                before: &self.desired,
                after: &after,
                difference: &difference,
                reverted: &nothing,
                parts: &nothing,
                policy: self.policy,
            };
            entity.authors.commit(&difference, altering, false);
        }
        for slot in after.slots() {
            let entity = Arc::make_mut(self.managed.entry(slot.entity.root()).or_default());
            let seen = self.store.seen(&slot);
            let demands = after.get(&slot);
            let mut state = SlotState::new(seen.clone());
            let id = names.take();
            let says = Says::Seen(seen.clone());
            state.push(id, release, demands.clone(), says, None);
            state.settle(&seen, true, &Shown::eq);
            self.proven.insert((slot.clone(), id), demands);
            entity.slots.insert(slot, state);
        }
        self.files = files;
        self.desired = Arc::new(after);
        release
    }

    /// The layers that lay aside return, all at once.
    pub(super) fn retry(&mut self) {
        self.stopped.clear();
        self.each_slot(SlotState::unpark);
    }

    fn each_slot(&mut self, each: impl Fn(&mut SlotState)) {
        for entity in self.managed.values_mut() {
            Arc::make_mut(entity).slots.values_mut().for_each(&each);
        }
    }

    /// A pass. Returns what somebody edited, as it found.
    pub(super) fn pass(
        &mut self,
        crash: Option<Crash>,
        mut answer: impl FnMut() -> Answer,
    ) -> Vec<Slot> {
        let seq = self.next_seq();
        let look = Arc::new(self.store.clone());
        let mut edited = Vec::new();
        for (root, entity) in &mut self.managed {
            let entity = Arc::make_mut(entity);
            edited.extend(entity.look(root, &*look, seq, self.policy));
        }
        if !self.in_hand {
            self.compose(&look);
        }
        let roots: Vec<EntityRef> = self.managed.keys().cloned().collect();
        // The snapshot, before any write.
        for root in &roots {
            self.record(root);
        }
        self.in_hand = true;
        let mut due = 0;
        let mut outcomes: Vec<(EntityRef, bool)> = Vec::new();
        'roots: for root in &roots {
            let refused = self.refused.contains(root);
            let mut was_refused = false;
            // Under `all`, then each view: what it shows by then is looked at.
            for entity in self.store.goods.family(root) {
                let write = self.decide(&entity, &self.store);
                if let Some(crash) = crash
                    && crash.after == due
                {
                    if let (true, false, Some(write)) = (crash.carried_out, refused, write) {
                        self.store.carry_out(root, &write);
                    }
                    return edited;
                }
                due += 1;
                let Some(write) = write else { continue };
                if refused {
                    was_refused = true;
                    break;
                }
                let answer = answer();
                if answer != Answer::IsLost(false) {
                    self.store.carry_out(root, &write);
                }
                if answer != Answer::Comes {
                    continue 'roots;
                }
            }
            outcomes.push((root.clone(), was_refused));
        }
        for (root, refused) in outcomes {
            self.note_outcome(&root, refused);
        }
        self.in_hand = false;
        for (root, entity) in &mut self.managed {
            let is_there = self.store.has(root);
            Arc::make_mut(entity).close(root, is_there);
        }
        self.managed.retain(|_, entity| !entity.is_empty());
        edited
    }

    fn compose(&mut self, look: &Arc<Store>) {
        for queued in std::mem::take(&mut self.queue) {
            let difference = Difference::between(&queued.before, &queued.after);
            let altering = Altering {
                release: queued.release,
                before: &queued.before,
                after: &queued.after,
                difference: &difference,
                reverted: &queued.reverted,
                parts: &BTreeSet::new(),
                policy: self.policy,
            };
            commit(&mut self.managed, &**look, altering);
            if queued.stops {
                self.each_slot(|state| state.park(&[queued.release]));
                self.stopped.insert(queued.release);
            }
            self.composed.push((queued.release, Arc::clone(look)));
        }
    }

    /// Returns the request for an entity under `all` or for its values under a view, if one is sent.
    fn decide(&self, entity: &EntityRef, store: &Store) -> Option<Write> {
        let root = entity.root();
        let managed = self.managed.get(&root)?;
        let is_there = store.has(&root);
        let being = managed.slots.get(&existence(&root));
        let shall_be = match being {
            Some(being) => *being.target().shown == Shown::Here,
            None => is_there,
        };
        if !shall_be {
            let deletes = is_there && entity.exists_by_itself();
            return deletes.then_some(Write::Delete);
        }
        let known = being.is_none_or(|being| being.top() != By::Base || managed.whole);
        if !is_there && (!known || !entity.exists_by_itself()) {
            // Deleted in the admin, and nobody knows all of it: it stays so.
            return None;
        }
        let mut fields = BTreeMap::new();
        for (slot, state) in managed
            .slots
            .iter()
            .filter(|(slot, _)| slot.entity == *entity)
        {
            if let Shown::Value(value) = state.target().shown
                && !is_coupled(state)
                && (!shows(store, slot, state) || may_differ(store, slot, state))
            {
                fields.insert(slot.clone(), value.clone());
            }
        }
        match is_there {
            false => Some(Write::Make(fields)),
            true => (!fields.is_empty()).then_some(Write::Set(fields)),
        }
    }

    /// Records the values that may be held from now on.
    fn record(&mut self, root: &EntityRef) {
        let (mut store, mut sent) = (self.store.as_visible(), Vec::new());
        let mut stages = vec![store.clone()];
        let mut beneath = Vec::new();
        for entity in self.store.goods.family(root) {
            let Some(write) = self.decide(&entity, &store) else {
                continue;
            };
            if let (Write::Set(fields), true) = (&write, entity.exists_by_itself()) {
                beneath.extend(
                    fields
                        .keys()
                        .map(|slot| (name_of(slot).clone(), store.seen(slot))),
                );
            }
            if matches!(write, Write::Delete) {
                let entity = Arc::make_mut(self.managed.get_mut(root).unwrap());
                entity.keep_whole(root, &self.store);
            }
            store.carry_out(root, &write);
            stages.push(store.clone());
            sent.push(write);
        }
        if sent.is_empty() {
            return;
        }
        let entity = Arc::make_mut(self.managed.get_mut(root).unwrap());
        for (slot, state) in &mut entity.slots {
            let hidden = beneath
                .iter()
                .filter(|(name, _)| !slot.entity.exists_by_itself() && name_of(slot) == name);
            for (_, value) in hidden {
                // A view that shows what `all` shows may have the value for its own; then it is sent again.
                state.attempt(value.clone());
                let shall = state.target().shown.clone();
                state.attempt(shall);
            }
            let is_view = !slot.entity.exists_by_itself();
            // The value that a view shows may change while the one that it has does not.
            let made = matches!(sent[0], Write::Make(_));
            let own = sent.iter().position(|write| match write {
                Write::Delete => false,
                Write::Make(fields) | Write::Set(fields) => fields.contains_key(slot),
            });
            // Without one it shows what it was made with from the first write on.
            let own = own.unwrap_or(1);
            for (n, stage) in stages[1..].iter().enumerate() {
                // One that is made has nothing of its own under a view until that is set.
                if is_view && stage.has(root) && made && n < own {
                    state.pass_by(stage.seen(slot));
                } else if !is_view || !stage.has(root) || !made || n > 0 {
                    state.attempt(stage.seen(slot));
                }
            }
            for write in &sent {
                if let Write::Make(fields) | Write::Set(fields) = write
                    && let Some(value) = fields.get(slot)
                {
                    state.attempt(Shown::Value(value.clone()));
                }
            }
            if is_coupled(state) && store.has(root) {
                state.attempt(Shown::Value(Marker::Coupled.value().clone().into()));
            }
        }
    }

    fn note_outcome(&mut self, root: &EntityRef, refused: bool) {
        let entity = Arc::make_mut(self.managed.get_mut(root).unwrap());
        let store = &self.store;
        for (slot, state) in &mut entity.slots {
            let reached = !refused && shows(store, slot, state);
            if reached && let By::Layer(id) = state.top() {
                let demands = state.layer(id).unwrap().demands.clone();
                self.proven.insert((slot.clone(), id), demands);
            }
            let same = |held: &Shown, seen: &Shown| store.same(slot, held, seen);
            state.settle(&store.seen(slot), reached, &same);
        }
    }

    /// Describes the slots for whoever reads a failed history.
    pub(super) fn slots(&self) -> String {
        let mut lines = String::new();
        for (slot, state) in self.all_slots() {
            write!(lines, "\n      {slot}: {} [", short(&state.base)).unwrap();
            for layer in &state.layers {
                let by = layer
                    .release()
                    .map_or("edit".to_owned(), |r| r.0.to_string());
                let says = match &layer.says {
                    Says::Base => "base".to_owned(),
                    Says::Same => "same".to_owned(),
                    Says::Demand(shown) => short(shown),
                    Says::Seen(shown) => format!("seen {}", short(shown)),
                };
                let demands = match &layer.demands {
                    None => "none".to_owned(),
                    Some(DesiredValue::Ensure(ensure)) => ensure.as_str().to_owned(),
                    Some(DesiredValue::Value(value)) => short(&Shown::Value(value.clone())),
                };
                let of = layer
                    .of
                    .map_or(String::new(), |of| format!(" of {}", of.seq.0));
                let aside = if layer.parked { " aside" } else { "" };
                write!(lines, " {by}:{demands}={says}{of}{aside}").unwrap();
            }
            lines += " ]";
            for held in &state.held {
                let by = match held.by {
                    By::Base => "base".to_owned(),
                    By::Removed => "removed".to_owned(),
                    By::Layer(id) => format!("{}.{}", id.seq.0, id.n),
                };
                write!(lines, " {} by {by}", short(&held.value)).unwrap();
            }
        }
        lines
    }
}

fn is_coupled(state: &SlotState) -> bool {
    let shall = state.target().shown.value();
    shall.and_then(marker_of) == Some(Marker::Coupled)
}

/// True of a view that shows what `all` shows and is not known to have its target for its own.
fn may_differ(store: &Store, slot: &Slot, state: &SlotState) -> bool {
    let default = Shown::Value(Marker::Default.value().clone().into());
    let is_view = !slot.entity.exists_by_itself() && store.seen(slot) == default;
    is_view
        && state
            .held
            .iter()
            .any(|held| held.value != *state.target().shown)
}

/// True if the store shows the target, or has nothing to show it with.
pub(super) fn shows(store: &Store, slot: &Slot, state: &SlotState) -> bool {
    let shall = state.target().shown;
    let is_there = store.has(&slot.entity) && slot.field != FieldId::Existence;
    let any = *shall == Shown::Gone || is_coupled(state);
    (is_there && any) || store.same(slot, shall, &store.seen(slot))
}

impl Store {
    /// Returns what can be seen of it: not which values of views are their own although `all` has the
    /// same.
    pub(super) fn as_visible(&self) -> Self {
        let mut store = self.clone();
        for slot in self.goods.slots() {
            if !slot.entity.exists_by_itself()
                && let Shown::Value(value) = self.seen(&slot)
            {
                store.set(&slot, &value);
            }
        }
        store
    }

    fn carry_out(&mut self, root: &EntityRef, write: &Write) {
        let fields = match write {
            Write::Delete => return self.delete(root),
            Write::Make(fields) => {
                self.make(root);
                fields
            }
            Write::Set(fields) => fields,
        };
        for (slot, value) in fields {
            self.set(slot, value);
        }
        if fields
            .keys()
            .any(|slot| slot.field.as_str() == "special_price")
        {
            self.couple(root);
        }
    }
}
