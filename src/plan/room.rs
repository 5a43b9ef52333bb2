//! Room is made first: what one entity has to give up so that another can have it, and the order that
//! follows.
//!
//! Of some values the store lets only one entity have each: an identifier in a store view, a URL key, a
//! code, a label. A pass may hand such a value over, by deleting the one that has it or by giving that
//! one another. All of it is known before anything is sent, from what the pass wants and what the store
//! shows:
//! - who waits for whom, and so the levels in which it is sent;
//! - where two exchange their values, the value of its own that one of them has in between;
//! - what is not sent because another cannot be: whoever would need the room, and a deletion that would
//!   have made room for nobody.
//!
//! # Guarantees
//! - An entity comes after all that stands in its way, and a deletion is moved ahead for nothing else.
//! - What waits for each other in a ring and cannot be put aside is refused, by names.
//! - The same work and the same observation give the same order and the same values in between.
//!
//! # Assumptions
//! Only entities of the pass are looked at. That one outside it has the value, the store itself says.

mod graph;
mod pass;
#[cfg(test)]
mod tests;
mod unique;

use std::collections::{BTreeMap, BTreeSet};

use self::graph::Graph;
use self::pass::Pass;
use self::unique::{Attributes, Intent, UniqueValue};
use super::decide::Decision;
use super::work::EntityWork;
use crate::domain::{Action, EntityRef, FieldName, Observation, Value, Vocabulary};

/// One write: the part of an entity that is sent at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteStep {
    /// The value that another one is to have is put aside (`Room::aside`).
    Aside(EntityRef),
    /// All that is decided for it.
    Whole(EntityRef),
}

impl WriteStep {
    /// Returns its entity.
    pub fn entity(&self) -> &EntityRef {
        match self {
            Self::Aside(entity) | Self::Whole(entity) => entity,
        }
    }
}

/// One entity comes before another.
#[derive(Debug, Clone, PartialEq)]
struct Link {
    first: EntityRef,
    then: EntityRef,
    over: Over,
}

/// The reason why one comes before the other.
#[derive(Debug, Clone, PartialEq)]
enum Over {
    /// The second needs what the first gives up.
    Room(UniqueValue),
    /// The first takes the place of the second beside it; that goes only when the first is there.
    Successor {
        /// True if the first can be there without the second going.
        free: bool,
    },
}

/// The values that a pass hands over from one entity to another.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// The handovers, ordered by the entity that waits.
    links: Vec<Link>,
    /// The order of what belongs together: parents before what is made below them, what is below before
    /// what is deleted above, references.
    order: Vec<(EntityRef, EntityRef)>,
    asides: BTreeMap<EntityRef, BTreeMap<FieldName, Value>>,
    refused: BTreeMap<EntityRef, String>,
}

impl Room {
    /// Finds what the pass hands over. `decide` says what would be sent for an entity by itself.
    pub(super) fn of(
        work: &BTreeMap<EntityRef, EntityWork>,
        observation: &Observation,
        vocabulary: &Vocabulary,
        decide: impl Fn(&EntityRef) -> Option<Decision>,
    ) -> Self {
        let pass = Pass { work, observation };
        let mut links = pass.links(&Attributes::of(vocabulary));
        links.sort_by(|a, b| (&a.then, &a.first).cmp(&(&b.then, &b.first)));
        let concerned = links.iter().flat_map(|link| [&link.first, &link.then]);
        let concerned: BTreeSet<EntityRef> = concerned.cloned().collect();
        let decided = concerned.into_iter().filter_map(|entity| {
            let decision = decide(&entity)?;
            Some((entity, decision))
        });
        let decided: BTreeMap<EntityRef, Decision> = decided.collect();
        // An entity that is as it shall be gives nothing up and needs nothing.
        let is_sent = |entity: &EntityRef| {
            let decision = decided.get(entity);
            decision.is_some_and(|decision| *decision != Decision::Noop)
        };
        links.retain(|link| is_sent(&link.first) && is_sent(&link.then));
        if links.is_empty() {
            return Self::default();
        }
        let mut room = Self {
            order: pass.order(&links),
            links,
            ..Self::default()
        };
        let unsent = decided
            .iter()
            .filter(|(_, d)| matches!(d, Decision::Refused(_)));
        let unsent = unsent.map(|(entity, _)| entity.clone()).collect();
        room.resolve(&pass, unsent);
        room
    }

    /// Says why an entity is not to be sent although it could be by itself.
    pub fn refused(&self, entity: &EntityRef) -> Option<&str> {
        self.refused.get(entity).map(String::as_str)
    }

    /// Returns the fields of an entity that are put aside before it is sent, with the values in between.
    pub fn aside(&self, entity: &EntityRef) -> Option<&BTreeMap<FieldName, Value>> {
        self.asides.get(entity)
    }

    /// Returns what the pass sends, in levels: the steps of one level may go at the same time.
    ///
    /// As far as nothing is handed over, creates and updates go top-down and deletes after them,
    /// bottom-up.
    pub fn levels(&self, sent: &BTreeMap<EntityRef, Action>) -> Vec<Vec<WriteStep>> {
        let rank = |entity: &EntityRef| match sent.get(entity) {
            Some(Action::Create | Action::Update) => Some((false, entity.rank())),
            Some(Action::Delete) => Some((true, entity.rank())),
            Some(Action::Noop) | None => None,
        };
        let ranks: BTreeSet<_> = sent.keys().filter_map(rank).collect();
        let (up, down): (Vec<_>, Vec<_>) = ranks.into_iter().partition(|(down, _)| !down);
        let ranks = up.into_iter().chain(down.into_iter().rev());
        let places: BTreeMap<_, i64> = ranks.zip(0..).collect();
        let mut graph = self.graph(|entity| sent.contains_key(entity));
        for entity in sent.keys() {
            graph.step(WriteStep::Whole(entity.clone()));
        }
        graph.levels(|step| places.get(&rank(step.entity())?).copied())
    }

    /// Says why an entity is not to be sent, where another has failed that should have gone before it.
    pub fn awaits(
        &self,
        entity: &EntityRef,
        failed: impl Fn(&EntityRef) -> bool,
    ) -> Option<String> {
        let from = self.links.partition_point(|link| link.then < *entity);
        let before = self.links.iter().skip(from);
        let mut before = before.take_while(|link| link.then == *entity);
        let link = before.find(|link| failed(&link.first))?;
        Some(link.without_first())
    }

    /// Returns the entities among which something is handed over, in sets: what one entity of a set gives
    /// up is of no use without the others.
    pub fn handovers(&self) -> Vec<BTreeSet<EntityRef>> {
        let mut places: BTreeMap<&EntityRef, usize> = BTreeMap::new();
        let mut sets: Vec<BTreeSet<&EntityRef>> = Vec::new();
        for link in self.links.iter().filter(|link| link.is_room()) {
            let both = [&link.first, &link.then];
            let known = both.map(|entity| places.get(entity).copied());
            let place = known.iter().flatten().max().copied().unwrap_or(sets.len());
            if place == sets.len() {
                sets.push(BTreeSet::new());
            }
            let mut set = BTreeSet::from(both);
            for other in known.into_iter().flatten() {
                set.extend(sets.get_mut(other).map(std::mem::take).unwrap_or_default());
            }
            places.extend(set.iter().map(|entity| (*entity, place)));
            if let Some(into) = sets.get_mut(place) {
                into.extend(set);
            }
        }
        let sets = sets.into_iter().filter(|set| !set.is_empty());
        sets.map(|set| set.into_iter().cloned().collect()).collect()
    }

    /// Returns what is worth knowing beforehand: values that an entity has for a moment only.
    pub fn notes(&self) -> impl Iterator<Item = (&EntityRef, String)> {
        self.asides.iter().flat_map(move |(entity, fields)| {
            fields.iter().filter_map(move |(name, value)| {
                let mut links = self.links.iter();
                let link =
                    links.find(|link| link.first == *entity && link.field() == Some(name))?;
                let note = format!(
                    "`{name}` becomes {value} for a moment, so that {} can have {}",
                    link.then.named(),
                    link.value()
                );
                Some((entity, note))
            })
        })
    }

    fn graph(&self, is_sent: impl Fn(&EntityRef) -> bool) -> Graph<'_> {
        let mut graph = Graph::default();
        for entity in self.asides.keys().filter(|entity| is_sent(entity)) {
            let (aside, whole) = (
                WriteStep::Aside(entity.clone()),
                WriteStep::Whole(entity.clone()),
            );
            graph.edge(aside, whole, None);
        }
        for link in &self.links {
            if !is_sent(&link.first) || !is_sent(&link.then) {
                continue;
            }
            let first = match self.is_aside(link) {
                true => WriteStep::Aside(link.first.clone()),
                false => WriteStep::Whole(link.first.clone()),
            };
            graph.edge(first, WriteStep::Whole(link.then.clone()), Some(link));
        }
        for (first, then) in &self.order {
            if is_sent(first) && is_sent(then) {
                let (first, then) = (
                    WriteStep::Whole(first.clone()),
                    WriteStep::Whole(then.clone()),
                );
                graph.edge(first, then, None);
            }
        }
        graph
    }

    fn is_aside(&self, link: &Link) -> bool {
        let asides = self.asides.get(&link.first);
        let field = link.field();
        asides.is_some_and(|fields| field.is_some_and(|field| fields.contains_key(field)))
    }

    /// Finds what is not sent, and what is put aside.
    fn resolve(&mut self, pass: &Pass<'_>, mut unsent: BTreeSet<EntityRef>) {
        loop {
            self.spread(pass, &mut unsent);
            let graph = self.graph(|entity| !unsent.contains(entity));
            let rings = graph.rings().into_iter();
            let ways = rings.map(|ring| (pass.put_aside(&ring), ring.entities));
            let ways: Vec<_> = ways.collect();
            if ways.is_empty() {
                return;
            }
            let mut broken: BTreeSet<EntityRef> = BTreeSet::new();
            for (aside, ring) in ways {
                // A ring that shares an entity with one that is broken already may be a ring no more.
                if ring.iter().any(|entity| broken.contains(entity)) {
                    continue;
                }
                broken.extend(ring.iter().cloned());
                if let Some((entity, field, value)) = aside {
                    self.asides.entry(entity).or_default().insert(field, value);
                    continue;
                }
                for (at, entity) in ring.iter().enumerate() {
                    let why = waits_in_a_ring(&ring, at);
                    self.refused.insert(entity.clone(), why);
                    unsent.insert(entity.clone());
                }
            }
            self.keep_needed_asides(&unsent);
        }
    }

    /// A value that was put aside for an entity that is not sent need not be.
    fn keep_needed_asides(&mut self, unsent: &BTreeSet<EntityRef>) {
        let links = &self.links;
        self.asides.retain(|entity, fields| {
            fields.retain(|name, _| {
                links.iter().any(|link| {
                    link.first == *entity
                        && link.field() == Some(name)
                        && !unsent.contains(&link.then)
                })
            });
            !fields.is_empty() && !unsent.contains(entity)
        });
    }

    /// Finds what is not sent because something else is not.
    fn spread(&mut self, pass: &Pass<'_>, unsent: &mut BTreeSet<EntityRef>) {
        loop {
            let mut fresh: BTreeMap<EntityRef, String> = BTreeMap::new();
            for link in &self.links {
                let Link { first, then, .. } = link;
                match (unsent.contains(first), unsent.contains(then)) {
                    (true, false) => {
                        fresh.insert(then.clone(), link.without_first());
                    }
                    (false, true) if pass.is_only_for_the_second(link) => {
                        fresh.insert(first.clone(), link.without_then());
                    }
                    (true, true) | (false, _) => {}
                }
            }
            for (below, above) in &self.order {
                let deleted = |entity| pass.intent(entity) == Intent::Delete;
                let stays = self.refused.contains_key(below) && !unsent.contains(above);
                if stays && deleted(below) && deleted(above) {
                    let why = format!("not deleted, because {} below it stays", below.named());
                    fresh.insert(above.clone(), why);
                }
            }
            if fresh.is_empty() {
                return;
            }
            unsent.extend(fresh.keys().cloned());
            self.refused.extend(fresh);
        }
    }
}

impl Link {
    fn is_room(&self) -> bool {
        matches!(self.over, Over::Room(_))
    }

    /// The field whose value is handed over.
    fn field(&self) -> Option<&FieldName> {
        match &self.over {
            Over::Room(handed) => handed.field.as_ref(),
            Over::Successor { .. } => None,
        }
    }

    fn value(&self) -> String {
        match &self.over {
            Over::Room(handed) => handed.value.to_string(),
            Over::Successor { .. } => String::new(),
        }
    }

    /// Says why the second is not sent where the first is not.
    fn without_first(&self) -> String {
        let first = self.first.named();
        match (&self.over, self.field()) {
            (Over::Room(_), Some(field)) => {
                format!(
                    "not sent, because {first} keeps the `{field}` {}",
                    self.value()
                )
            }
            (Over::Room(_), None) => format!("not sent, because {first} is in its way and stays"),
            (Over::Successor { .. }, _) => format!(
                "not deleted, because {first}, which is to take its place, cannot be carried out"
            ),
        }
    }

    /// Says why the first is not sent where the second is not.
    fn without_then(&self) -> String {
        let then = self.then.named();
        match &self.over {
            Over::Room(_) => format!(
                "not deleted, because {then}, for which that makes room, cannot be carried out"
            ),
            Over::Successor { .. } => {
                format!("not sent, because {then}, whose place it is to take, stays")
            }
        }
    }
}

/// True if a pass gave the entity this value for a moment only, so that another could have its own: it is
/// nobody's edit, and nothing to be put back.
pub fn is_put_aside(entity: &EntityRef, field: &FieldName, value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.ends_with(&unique::suffix(entity, field)))
}

/// Says why none of a ring can be the first to be sent. Each waits for the one before it.
fn waits_in_a_ring(ring: &[EntityRef], at: usize) -> String {
    let before = ring.iter().take(at).rev();
    let before = before.chain(ring.iter().skip(at + 1).rev());
    let names: Vec<String> = before.map(EntityRef::named).collect();
    format!(
        "cannot be carried out in one pass: it waits for {}, which waits for it; make room in a release of its own before, with a value that is nobody's",
        names.join(", which waits for ")
    )
}
