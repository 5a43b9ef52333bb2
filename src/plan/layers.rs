//! The rollback rule: what releases, rollbacks, edits in the admin, refusals, lost answers and crashes
//! make of one slot. This module is the rule and nothing else.
//!
//! A *slot* is one field of one entity, or the entity's existence. It has a *base*, which is what the
//! store showed before any layer; *layers* from bottom to top; and what it is known to *hold*. The store
//! shall show the [target](SlotState::target), which is what the uppermost layer shows. To roll a
//! release back is to take its layers away, wherever they lie.
//!
//! # Guarantees
//! - Once every release is taken back, in any order, no layer is left and the target is the base.
//! - What was never shown leaves nothing to put back: failures, crashes, debts and passes of many
//!   commits need no rule of their own.
//!
//! # Assumptions
//! - Before a pass changes a slot, the slot is looked at ([`SlotState::observe`]).
//! - Before a value is sent, it is recorded as a candidate ([`SlotState::attempt`]).
//!
//! The crate's tests play the rule against its properties, exhaustively to a small depth and at random
//! beyond.

mod held;
mod roll_back;

use serde::{Deserialize, Serialize};

pub(super) use self::roll_back::RollBack;
use crate::domain::{DesiredValue, Marker, SharedValue, Value, marker_of};

/// The place of a release or a pass in its environment's history. The order follows it, never a clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// The state of a slot, as the store shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// The entity does not exist, and the field with it.
    Gone,
    /// The entity exists. Only the existence slot shows this.
    Here,
    /// The slot cannot be read under its key and assignment, so nothing is written there either.
    Unknown,
    /// The field's value. "Use default" is a value like any other.
    Value(SharedValue),
}

impl Shown {
    /// Returns the value of a field; `None` where there is none.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Gone | Self::Here | Self::Unknown => None,
        }
    }

    /// True of a view that shows what `all` shows.
    fn is_default(&self) -> bool {
        self.value().and_then(marker_of) == Some(Marker::Default)
    }

    /// True of a field that the store sets along with another one: it may show anything.
    fn is_coupled(&self) -> bool {
        self.value().and_then(marker_of) == Some(Marker::Coupled)
    }
}

/// The name of a layer, unique in its entity: the release or pass that put it there, and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId {
    /// The release or pass.
    pub seq: Seq,
    /// Counts what it puts on its entity's slots.
    pub n: u32,
}

/// The author of a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A release.
    Release(Seq),
    /// Somebody edited the store.
    Edit,
    /// A heal of this name. It lies like an edit.
    Heal(String),
}

/// The value that a layer shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// The base, whatever it is by then.
    Base,
    /// The same as what lies beneath.
    Same,
    /// The demand of the files, in their words: compared by the field's type.
    Demand(Shown),
    /// A value that was read from the store: compared exactly.
    Seen(Shown),
}

impl Says {
    fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Demand(shown) | Self::Seen(shown) => Some(shown),
            Self::Base | Self::Same => None,
        }
    }

    fn is_gone(&self) -> bool {
        self.shown() == Some(&Shown::Gone)
    }
}

/// A layer that a release, a heal, or an edit found in the store puts on a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name.
    pub id: LayerId,
    /// Its author.
    pub by: By,
    /// The demand of the release's files; `None` where no file names the slot any more, and for edits.
    pub demands: Option<DesiredValue>,
    /// The value that it shows.
    pub says: Says,
    /// The deletion of the entity that this layer of a field is part of.
    pub of: Option<LayerId>,
    /// True if it lies aside: the target passes over it until it returns.
    pub parked: bool,
    /// True once the store was seen to show it.
    pub shown: bool,
}

impl Layer {
    fn new(id: LayerId, by: By, demands: Option<DesiredValue>, says: Says) -> Self {
        Self {
            id,
            by,
            demands,
            says,
            of: None,
            parked: false,
            shown: false,
        }
    }

    /// Returns the release that put it there.
    pub fn release(&self) -> Option<Seq> {
        match &self.by {
            By::Release(seq) => Some(*seq),
            By::Edit | By::Heal(_) => None,
        }
    }

    /// True if this release put it there: as its own, or because it brought another's statement to light.
    pub fn is_put_by(&self, release: Seq) -> bool {
        let by = self.release();
        by.is_some_and(|by| by == release || self.id.seq == release)
    }

    /// True if it says that no file names the slot any more.
    pub fn is_removal(&self) -> bool {
        self.release().is_some() && self.demands.is_none() && self.of.is_none()
    }

    fn is_edit(&self) -> bool {
        self.release().is_none()
    }
}

/// The origin of a held value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there before any layer.
    Base,
    /// A layer that was taken away since, or something that nobody knows.
    Removed,
    /// This layer.
    Layer(LayerId),
}

/// A value that the store is known to hold, or may hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The value.
    pub value: Shown,
    /// Its origin.
    pub by: Origin,
}

/// The value that the store shall show of a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target<'a> {
    /// The value.
    pub shown: &'a Shown,
    /// True if it was read from the store, so that it is put back exactly.
    pub exact: bool,
}

/// The settings of the environment that the rule follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// `on_remove: restore`.
    pub restore_removed: bool,
    /// `on_conflict: keep`.
    pub keep_conflicts: bool,
}

/// One slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotState {
    /// The value that the store showed before any layer.
    pub base: Shown,
    /// Its layers, from bottom to top.
    pub layers: Vec<Layer>,
    /// The value that the store is known to hold, or all candidates while a pass is in hand or an answer
    /// was lost; the next look decides. Never empty.
    pub held: Vec<Held>,
}

impl SlotState {
    /// A slot that shows this before any layer.
    pub fn new(seen: Shown) -> Self {
        let held = vec![Held {
            value: seen.clone(),
            by: Origin::Base,
        }];
        Self {
            base: seen,
            layers: Vec::new(),
            held,
        }
    }

    /// A slot of an entity that is missing, which will show this of it when it is made.
    pub fn to_be_made(made_with: Shown) -> Self {
        let mut state = Self::new(made_with);
        let nothing = Held {
            value: Shown::Gone,
            by: Origin::Base,
        };
        state.held.insert(0, nothing);
        state
    }

    // ------------------------------------------------ what the files do

    /// Puts a layer of a release on top.
    pub fn push(
        &mut self,
        id: LayerId,
        by: Seq,
        demands: Option<DesiredValue>,
        says: Says,
        of: Option<LayerId>,
    ) {
        self.layers.push(Layer {
            of,
            ..Layer::new(id, By::Release(by), demands, says)
        });
    }

    /// Notes the value that a field shows where its entity was deleted and made again, before a release
    /// sets the field. It is put back where nothing but deletions lies beneath the layers of that
    /// release.
    pub fn remember(&mut self, made_with: Shown, release: Seq) {
        let layers = self.layers.iter_mut().rev();
        let beneath = layers.skip_while(|l| l.of.is_none() && l.id.seq == release);
        for part in beneath.take_while(|l| l.of.is_some()) {
            part.says = Says::Seen(made_with.clone());
        }
    }

    /// No file names the slot any more: the value that is shown stays, or the base comes back.
    pub fn remove(&mut self, id: LayerId, by: Seq, policy: Policy) {
        // A value that a deleted entity will be made with was not held yet.
        let is_made_with = |l: &Layer| l.of.is_some() && !l.says.is_gone();
        let says_nothing = self
            .newest()
            .is_some_and(|l| l.says == Says::Same || is_made_with(l));
        let says = match self.held.last() {
            _ if policy.restore_removed => Says::Base,
            Some(held) if !says_nothing => Says::Seen(held.value.clone()),
            // It was shown already.
            Some(_) | None => Says::Same,
        };
        self.push(id, by, None, says, None);
    }

    /// Takes a layer away, and with it the edits and heals made on top of it. (Edits stay under
    /// `on_conflict: keep`, and where somebody deleted the entity: nothing could make it again.) A
    /// removal that lay on it shows what is beneath, or goes.
    pub fn drop_layer(&mut self, layer: LayerId, policy: Policy) {
        let Some(at) = self.position(layer) else {
            return;
        };
        let was_removed = self.layers[at].demands.is_some();
        self.drop_at(at, was_removed, policy);
    }

    /// Takes the layer at this place away. `was_removed`: true if a removal that lies on it removed its
    /// demand.
    fn drop_at(&mut self, at: usize, was_removed: bool, policy: Policy) {
        let layer = self.layers[at].id;
        let shown_so_far = self.target().shown.clone();
        let edits = self.layers[at + 1..].iter().take_while(|l| l.is_edit());
        let edits = edits.filter(|edit| {
            matches!(edit.by, By::Heal(_)) || !(policy.keep_conflicts || edit.says.is_gone())
        });
        let gone: Vec<LayerId> = std::iter::once(layer).chain(edits.map(|l| l.id)).collect();
        for id in gone {
            self.forget(id);
        }
        if let Some(over) = self.layers.get_mut(at)
            && over.is_removal()
            && over.says != Says::Base
            && was_removed
        {
            over.says = Says::Same;
        }
        self.ground();
        if *self.target().shown != shown_so_far {
            self.reopen();
        }
    }

    /// The layer on top shows another value than before: one that the store holds is no longer of this
    /// layer.
    fn reopen(&mut self) {
        let (top, shown) = (self.top(), self.target().shown.clone());
        for held in &mut self.held {
            if held.by == top && held.value != shown {
                held.by = Origin::Removed;
            }
        }
    }

    /// Takes away what lies at the bottom without a demand beneath: an edit becomes the base, and a
    /// removal or a heal says nothing there.
    pub fn ground(&mut self) {
        while let Some(lowest) = self.layers.first()
            && (lowest.is_edit() || lowest.is_removal())
        {
            let lowest = self.layers.remove(0);
            if let (By::Edit, Says::Seen(value)) = (&lowest.by, &lowest.says) {
                self.base = value.clone();
            }
            for held in &mut self.held {
                if held.by == Origin::Layer(lowest.id) {
                    held.by = match held.value == self.base {
                        true => Origin::Base,
                        false => Origin::Removed,
                    };
                }
            }
        }
    }

    /// Takes a layer away and nothing else.
    pub fn forget(&mut self, layer: LayerId) {
        self.layers.retain(|l| l.id != layer);
        for held in &mut self.held {
            if held.by == Origin::Layer(layer) {
                held.by = Origin::Removed;
            }
        }
    }

    /// Returns the demand of the files, as the layers know it.
    pub fn demanded(&self) -> Option<&DesiredValue> {
        self.newest()?.demands.as_ref()
    }

    /// Returns the release whose demand that is.
    pub fn demanded_by(&self) -> Option<Seq> {
        let newest = self.newest()?;
        newest.demands.as_ref().and(newest.release())
    }

    /// The files demand the same as before, but it is the statement of this release now.
    pub fn hand_over(&mut self, to: Seq) {
        if let Some(newest) = self.layers.iter_mut().rev().find(|l| !l.is_edit()) {
            newest.by = By::Release(to);
        }
    }

    // ------------------------------------------------ what the store shall show

    /// Returns the layer that is shown, or the base. A layer that lies aside, or that demands what is
    /// beneath it, is passed over: an edit that is found then is one of the layer beneath.
    pub fn top(&self) -> Origin {
        let passed = |l: &Layer| l.parked || (l.says == Says::Same && !l.is_removal());
        let top = self.layers.iter().rev().find(|l| !passed(l));
        top.map_or(Origin::Base, |l| Origin::Layer(l.id))
    }

    /// Returns what the store shall show.
    pub fn target(&self) -> Target<'_> {
        let telling = self.layers.iter().rev().filter(|l| !l.parked);
        let telling = telling.map(|l| &l.says).find(|says| **says != Says::Same);
        match telling {
            Some(Says::Demand(shown)) => Target {
                shown,
                exact: false,
            },
            Some(Says::Seen(shown)) => Target { shown, exact: true },
            Some(Says::Base | Says::Same) | None => Target {
                shown: &self.base,
                exact: true,
            },
        }
    }

    // ------------------------------------------------ layers that lie aside

    /// Puts the layers of these releases aside; they stay in their places.
    pub fn park(&mut self, releases: &[Seq]) {
        for layer in &mut self.layers {
            layer.parked |= releases.iter().any(|seq| layer.is_put_by(*seq));
        }
        // Where the layer beneath shows the same value, that is shown already.
        let (top, shown) = (self.top(), self.target().shown.clone());
        let parked = |id: LayerId| self.layer(id).is_some_and(|layer| layer.parked);
        if let [held] = self.held.as_slice()
            && let Origin::Layer(id) = held.by
            && parked(id)
            && held.value == shown
        {
            self.hold(shown, top);
        }
    }

    /// Lets all layers that lie aside return.
    pub fn unpark(&mut self) {
        for layer in &mut self.layers {
            layer.parked = false;
        }
    }

    // ------------------------------------------------ questions

    /// True if the store is known to show the base, and for its own sake. (A view that shows the value
    /// under `all` may have that for its base.)
    pub fn is_at_base(&self) -> bool {
        let shows = |held: &Held| {
            held.value == self.base || (held.value.is_default() && self.base.value().is_some())
        };
        matches!(self.held.as_slice(), [held] if held.by == Origin::Base && shows(held))
    }

    /// True if the store is known to show the target, and for the layer that shows it.
    pub fn is_settled(&self) -> bool {
        matches!(self.held.as_slice(), [held] if held.by == self.top())
    }

    /// True if nobody knows what the store shows, ever knew it, or demands anything of it: there is
    /// nothing to be put back and nothing to wait for.
    pub fn is_unread(&self) -> bool {
        let shows = self.held.iter().map(|held| &held.value);
        let mut all = shows.chain([&self.base, self.target().shown]);
        all.all(|shown| *shown == Shown::Unknown)
    }

    /// Returns the layer of this name.
    pub fn layer(&self, id: LayerId) -> Option<&Layer> {
        self.layers.iter().find(|l| l.id == id)
    }

    /// Returns the uppermost release's layer that does not lie aside.
    pub fn uppermost(&self) -> Option<&Layer> {
        self.layers.iter().rev().find(|l| !l.is_edit() && !l.parked)
    }

    /// Returns the names of the layers of which this is true, from bottom to top.
    pub fn ids(&self, which: impl FnMut(&&Layer) -> bool) -> Vec<LayerId> {
        self.layers.iter().filter(which).map(|l| l.id).collect()
    }

    /// Returns the uppermost release's layer, also where it lies aside.
    fn newest(&self) -> Option<&Layer> {
        self.layers.iter().rev().find(|l| !l.is_edit())
    }

    fn position(&self, id: LayerId) -> Option<usize> {
        self.layers.iter().position(|l| l.id == id)
    }
}
