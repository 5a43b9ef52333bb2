//! The book of one environment: its releases, and the slots of all that is managed.

mod tally;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::tally::Tally;
pub use self::view::show;
use super::entity::{Managed, ManagedEntity};
use super::layers::{Seq, Shown, SlotState, Target};
use super::observed::may_be;
use super::release::{NewCommit, Outcome, ReleaseRecord};
use super::statements::Statement;
use crate::domain::{
    CommitId, DesiredValue, Ensure, EntityRef, FieldId, ReleaseId, ReleaseKind, ReleaseStatus, Slot,
};

/// The releases of an environment and the layers that they have put on slots.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Book {
    /// The releases, by their place in the history.
    pub releases: BTreeMap<Seq, Arc<ReleaseRecord>>,
    /// What is managed here.
    pub managed: Managed,
    /// The first release that counts: what is older belongs to another store, or was begun anew, and
    /// is history only.
    pub epoch: Seq,
    /// The place of the next release or pass.
    pub next: Seq,
    tally: Tally,
}

/// How an environment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// True if nothing is left to be done, not even by a person's `retry`.
    pub at_rest: bool,
    /// How many fields differ from the files on purpose.
    pub deviations: usize,
}

/// How the layers of each release lie.
pub type Standings = BTreeMap<Seq, Standing>;

/// How the layers of a release lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How many are the uppermost demand of their slot.
    pub uppermost: usize,
    /// How many lie beneath others.
    pub covered: usize,
    /// How many of those were never shown.
    pub unshown: usize,
    /// How many lie aside.
    pub parked: usize,
    /// How many of its statements are in the files.
    pub stated: usize,
    /// How many slots that it moved last are not where they shall be.
    pub open: usize,
}

impl Standing {
    /// All counts, so that a new one is not forgotten in a sum.
    fn counts(&mut self) -> [&mut usize; 6] {
        let Self {
            uppermost,
            covered,
            unshown,
            parked,
            stated,
            open,
        } = self;
        [uppermost, covered, unshown, parked, stated, open]
    }
}

impl Book {
    /// A book in which nothing is written yet.
    pub fn new(epoch: Seq) -> Self {
        Self {
            epoch,
            next: epoch.max(Seq(1)),
            ..Self::default()
        }
    }

    /// A book of releases alone: how their layers lie was counted before.
    #[must_use]
    pub fn with_standings(mut self, standings: Standings) -> Self {
        self.tally = Tally::given(standings);
        self
    }

    /// Takes the next place in the history.
    pub fn take_seq(&mut self) -> Seq {
        let seq = self.next.max(Seq(1));
        self.next = Seq(seq.0 + 1);
        seq
    }

    /// Adds what a pass came to.
    pub fn add_outcomes(&mut self, outcomes: BTreeMap<Seq, Outcome>) {
        for (seq, outcome) in outcomes {
            if let Some(release) = self.releases.get_mut(&seq) {
                Arc::make_mut(release).outcome.add(outcome);
            }
        }
    }

    /// The book with releases that go on under other commits.
    #[must_use]
    pub fn renamed(&self, renamed: &BTreeMap<Seq, NewCommit>) -> Self {
        let mut book = self.clone();
        for (seq, new) in renamed {
            if let Some(release) = book.releases.get_mut(seq) {
                Arc::make_mut(release).rename(new.clone());
            }
        }
        book
    }

    /// The slots of the entity that this one belongs to.
    pub fn entity(&self, entity: &EntityRef) -> Option<&ManagedEntity> {
        self.managed.get(&entity.root()).map(AsRef::as_ref)
    }

    /// One slot.
    pub fn slot(&self, slot: &Slot) -> Option<&SlotState> {
        self.entity(&slot.entity)?.slots.get(slot)
    }

    /// Records that the store may show this of a slot that is managed, whatever it shall show.
    pub fn may_show(&mut self, slot: &Slot, value: Shown) {
        let managed = self.managed.get_mut(&slot.entity.root());
        let state = managed.and_then(|managed| Arc::make_mut(managed).slots.get_mut(slot));
        if let Some(state) = state {
            state.pass_by(value);
        }
    }

    /// True if no slot is managed any more.
    pub fn has_no_slots(&self) -> bool {
        self.slots().next().is_none()
    }

    /// Every slot.
    pub fn slots(&self) -> impl Iterator<Item = (&Slot, &SlotState)> {
        self.managed.values().flat_map(|entity| &entity.slots)
    }

    /// The entities with which something is left to be done.
    fn restless(&self) -> Vec<(&EntityRef, &Arc<ManagedEntity>)> {
        let roots = self.tally.of(self).restless;
        let entities = roots
            .iter()
            .filter_map(|root| self.managed.get_key_value(root));
        entities.collect()
    }

    /// Those of which layers lie aside.
    fn with_parked(&self) -> impl Iterator<Item = (&EntityRef, &Arc<ManagedEntity>)> {
        let restless = self.restless().into_iter();
        restless.filter(|(_, entity)| entity.slots.values().any(has_parked))
    }

    /// Slots that are not where they shall be. `with_permanent`: also those of entities that only a
    /// person's `retry` or another value helps.
    pub fn open_slots(&self, with_permanent: bool) -> BTreeSet<Slot> {
        let open = self.restless().into_iter().flat_map(|(root, entity)| {
            let helps = move |slot: &&Slot| {
                let failure = entity.failures.get(&slot.entity);
                with_permanent || !failure.is_some_and(|failure| failure.permanent)
            };
            entity.open_slots(root).filter(helps)
        });
        open.cloned().collect()
    }

    /// The entities that could not be brought to their targets. `with_permanent`: also those that only a
    /// person's `retry` or another value helps.
    pub fn failed(&self, with_permanent: bool) -> impl Iterator<Item = &EntityRef> {
        let failures = self.restless().into_iter();
        let failures = failures.flat_map(|(_, entity)| &entity.failures);
        let helps = move |permanent: bool| with_permanent || !permanent;
        failures
            .filter(move |(_, failure)| helps(failure.permanent))
            .map(|(entity, _)| entity)
    }

    /// True if layers lie aside that may return: all of them do at once. `with_permanent`: also where one
    /// is of an entity that only a person's `retry` or another value helps.
    pub fn has_parked(&self, with_permanent: bool) -> bool {
        let mut aside = self.with_parked().peekable();
        let is_helped = |(_, entity): (&EntityRef, &Arc<ManagedEntity>)| {
            let mut failures = entity.failures.values();
            with_permanent || !failures.any(|failure| failure.permanent)
        };
        aside.peek().is_some() && aside.all(is_helped)
    }

    /// The entities that layers lie aside of.
    pub fn lying_aside(&self) -> BTreeSet<EntityRef> {
        let entities = self.with_parked().flat_map(|(_, entity)| {
            let slots = entity.slots.iter().filter(|(_, state)| has_parked(state));
            let of_slots = slots.map(|(slot, _)| slot.entity.clone());
            of_slots.chain(entity.failures.keys().cloned())
        });
        entities.collect()
    }

    /// The book with all layers that lie aside back in their places.
    #[must_use]
    pub fn unparked(&self) -> Self {
        let mut book = self.clone();
        for (root, _) in self.with_parked() {
            if let Some(entity) = book.managed.get_mut(root) {
                let entity = Arc::make_mut(entity);
                entity.slots.values_mut().for_each(SlotState::unpark);
            }
        }
        book
    }

    /// True if nothing is left to be done. `with_permanent`: not even by a person's `retry`.
    pub fn is_at_rest(&self, with_permanent: bool) -> bool {
        if with_permanent {
            return self.rest().at_rest;
        }
        self.open_slots(with_permanent).is_empty()
            && !self.has_parked(with_permanent)
            && self.has_tried_all(with_permanent)
    }

    /// True if nothing failed but what lies aside.
    fn has_tried_all(&self, with_permanent: bool) -> bool {
        let aside = self.lying_aside();
        self.failed(with_permanent)
            .all(|entity| aside.contains(entity))
    }

    /// The fields whose target differs from what the files demand: adopted, or edited in Magento since.
    pub fn deviations(&self) -> Vec<&Slot> {
        let entities = self.managed.values();
        entities.flat_map(|entity| deviations_of(entity)).collect()
    }

    /// How the environment stands, for whoever does not read all of it.
    pub fn rest(&self) -> Rest {
        let totals = self.tally.of(self);
        Rest {
            at_rest: totals.restless.is_empty(),
            deviations: totals.deviations,
        }
    }

    /// How the layers of every release lie that has any, or anything else left.
    pub fn standings(&self) -> Arc<Standings> {
        self.tally.of(self).standings
    }

    /// Counts what an entity adds to how the layers of releases lie.
    fn count_entity(&self, root: &EntityRef, entity: &ManagedEntity, standings: &mut Standings) {
        for (statement, author) in &entity.authors.stated {
            let standing = standings.entry(*author).or_default();
            standing.stated += usize::from(self.tells(entity, statement, *author));
        }
        for (slot, state) in &entity.slots {
            count(slot, state, standings);
        }
        for slot in entity.open_slots(root) {
            if let Some(release) = entity.moved_by.get(slot) {
                standings.entry(*release).or_default().open += 1;
            }
        }
        for failed in entity.failures.keys() {
            let moved_by = entity.moved_by.iter();
            let own: BTreeSet<&Seq> = moved_by
                .filter(|(slot, _)| slot.entity == *failed)
                .map(|(_, release)| release)
                .collect();
            for release in own {
                standings.entry(*release).or_default().open += 1;
            }
        }
    }

    /// True if a statement tells whether its release is in effect. That an entity shall be there which
    /// was there before does not, beside the fields that the release sets.
    fn tells(&self, entity: &ManagedEntity, statement: &Statement, author: Seq) -> bool {
        let slot = &statement.slot;
        if slot.field != FieldId::Existence || statement.digest.is_absent() {
            return true;
        }
        let release = self.releases.get(&author);
        let planned = release.and_then(|release| release.entities.get(&slot.entity));
        let mut fields = planned
            .into_iter()
            .flat_map(|planned| planned.fields.keys());
        if fields.all(|field| *field == FieldId::Existence) {
            return true;
        }
        entity.slots.get(slot).is_some_and(|state| {
            let mut own = state
                .layers
                .iter()
                .filter(|layer| layer.release() == Some(author));
            own.any(|layer| !is_idle(state, layer))
        })
    }

    /// The releases that a later one takes back.
    pub fn taken_back(&self) -> BTreeSet<Seq> {
        let releases = self.releases.range(self.epoch..).map(|(_, r)| r);
        let valid = releases.filter(|release| !release.is_invalid());
        valid
            .flat_map(|release| release.reverts.iter().copied())
            .collect()
    }

    /// The status for lists, derived from the layers.
    pub fn status(&self, release: &ReleaseRecord) -> ReleaseStatus {
        self.status_within(release, &self.standings(), &self.taken_back())
    }

    /// The status of every release.
    pub fn statuses(&self, standings: &Standings) -> BTreeMap<Seq, ReleaseStatus> {
        let taken_back = self.taken_back();
        let releases = self.releases.iter();
        releases
            .map(|(seq, release)| (*seq, self.status_within(release, standings, &taken_back)))
            .collect()
    }

    fn status_within(
        &self,
        release: &ReleaseRecord,
        standings: &Standings,
        taken_back: &BTreeSet<Seq>,
    ) -> ReleaseStatus {
        if release.is_invalid() {
            return ReleaseStatus::Invalid;
        }
        // Whatever was in hand when everything began anew is never carried out any more.
        if release.seq < self.epoch {
            return ReleaseStatus::Superseded;
        }
        if release.in_hand() {
            return release.outcome.status;
        }
        let standing = standings.get(&release.seq).copied().unwrap_or_default();
        let layers = standing.uppermost + standing.covered + standing.parked;
        let nothing_left = layers == 0 && standing.stated == 0;
        if nothing_left && (taken_back.contains(&release.seq) || release.states) {
            return ReleaseStatus::RolledBack;
        }
        if standing.open > 0 || standing.parked > 0 {
            return ReleaseStatus::Failed;
        }
        if release.entities.is_empty() {
            return release.outcome.status;
        }
        // A rollback or a removal is in effect once it is carried out.
        let is_done = release.kind == ReleaseKind::Rollback || !release.states;
        if is_done || standing.uppermost > 0 {
            return ReleaseStatus::Live;
        }
        match layers {
            // A removal with nothing beneath it leaves nothing; a statement that was never the winning
            // one has no layer.
            0 if standing.stated == 0 => ReleaseStatus::Live,
            0 => ReleaseStatus::Superseded,
            _ if standing.unshown == standing.covered => ReleaseStatus::Canceled,
            _ => ReleaseStatus::Superseded,
        }
    }

    /// The id of a release; for one that has none yet, its commit's.
    pub fn id(&self, seq: Seq) -> Option<ReleaseId> {
        let record = self.releases.get(&seq)?;
        let id = record.id.clone();
        Some(id.unwrap_or_else(|| ReleaseId::from(record.commit.clone())))
    }

    /// The releases since the epoch, oldest first.
    pub fn current(&self) -> impl DoubleEndedIterator<Item = &ReleaseRecord> {
        self.releases.range(self.epoch..).map(|(_, r)| r.as_ref())
    }

    /// The first release of a commit, since the epoch.
    pub fn of_commit(&self, commit: &CommitId) -> Option<&ReleaseRecord> {
        self.current().find(|r| r.commit == *commit)
    }

    /// True if a commit has a release, in any epoch.
    pub fn knows(&self, commit: &CommitId) -> bool {
        self.releases.values().any(|r| r.commit == *commit)
    }

    /// Begins anew: what there is stays history, and nothing is managed.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        Self {
            releases: self.releases.clone(),
            managed: Managed::new(),
            epoch: self.next,
            next: self.next,
            tally: Tally::default(),
        }
    }
}

fn has_parked(state: &SlotState) -> bool {
    state.layers.iter().any(|layer| layer.parked)
}

/// The fields of an entity whose target differs from what the files demand.
fn deviations_of(entity: &ManagedEntity) -> impl Iterator<Item = &Slot> {
    let slots = entity.slots.iter();
    let settled = slots.filter(|(_, state)| state.is_settled() && !has_parked(state));
    let deviate = settled.filter(|(slot, state)| deviates(slot, state));
    deviate.map(|(slot, _)| slot)
}

fn count(slot: &Slot, state: &SlotState, standings: &mut Standings) {
    let uppermost = state.uppermost().map(|layer| layer.id);
    for layer in &state.layers {
        let Some(release) = layer.release() else {
            continue;
        };
        // That an entity shall be there which is there already tells nothing of a release.
        if layer.of.is_some() || (slot.field == FieldId::Existence && is_idle(state, layer)) {
            standings.entry(release).or_default();
            continue;
        }
        let standing = standings.entry(release).or_default();
        if layer.parked {
            standing.parked += 1;
        } else if Some(layer.id) == uppermost {
            standing.uppermost += 1;
        } else {
            standing.covered += 1;
            standing.unshown += usize::from(!layer.shown);
        }
    }
}

/// True if the entity was there before the layer that demands it.
fn is_idle(state: &SlotState, layer: &super::layers::Layer) -> bool {
    let demands = matches!(
        layer.demands,
        Some(DesiredValue::Ensure(Ensure::Present | Ensure::Existing))
    );
    let beneath = state.layers.iter().take_while(|l| l.id != layer.id);
    let mut alone = SlotState::new(state.base.clone());
    alone.layers = beneath.cloned().collect();
    demands && *alone.target().shown == Shown::Here
}

/// True if a slot shows something else than the files demand.
fn deviates(slot: &Slot, state: &SlotState) -> bool {
    let Some(demanded) = state.demanded() else {
        return false;
    };
    let Target { shown, .. } = state.target();
    match (shown, demanded, &slot.field) {
        (Shown::Unknown, _, _) => false,
        (Shown::Value(value), DesiredValue::Value(wanted), FieldId::Named(name)) => {
            !may_be(&slot.entity, name, wanted, value)
        }
        (Shown::Gone, DesiredValue::Ensure(ensure), _) => *ensure == Ensure::Present,
        (Shown::Here, DesiredValue::Ensure(ensure), _) => *ensure == Ensure::Absent,
        (Shown::Gone | Shown::Here | Shown::Value(_), _, _) => false,
    }
}
