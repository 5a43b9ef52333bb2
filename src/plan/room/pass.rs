//! The pass, before anything of it is decided: who waits for whom, and what can be put aside.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Ring;
use super::unique::{Attributes, Intent, Moves, UniqueValue};
use super::{Link, Over};
use crate::domain::kinds::FieldType;
use crate::domain::{EntityRef, FieldName, Observation, Presence, Value};
use crate::plan::work::{EntityWork, ExistenceGoal};

/// The pass, before anything of it is decided.
pub(super) struct Pass<'a> {
    pub(super) work: &'a BTreeMap<EntityRef, EntityWork>,
    pub(super) observation: &'a Observation,
}

impl Pass<'_> {
    fn presence(&self, entity: &EntityRef) -> &Presence {
        self.observation.get(entity).unwrap_or(&Presence::Missing)
    }

    pub(super) fn intent(&self, entity: &EntityRef) -> Intent {
        let work = self.work.get(entity);
        work.map_or(Intent::Nothing, |work| {
            Intent::of(entity, work, self.presence(entity))
        })
    }

    /// Finds who waits for whom, by what each gives up and needs.
    pub(super) fn links(&self, attributes: &Attributes) -> Vec<Link> {
        let mut given: BTreeMap<_, Vec<(&EntityRef, UniqueValue)>> = BTreeMap::new();
        let mut needed: Vec<(&EntityRef, UniqueValue)> = Vec::new();
        for (entity, work) in self.work {
            let base = entity.base().and_then(|base| self.work.get(&base));
            let presence = self.presence(entity);
            let Moves { gives, needs } = Moves::of(entity, (work, base), presence, attributes);
            for value in gives {
                let of_spot = given.entry(value.spot.clone()).or_default();
                of_spot.push((entity, value));
            }
            needed.extend(needs.into_iter().map(|value| (entity, value)));
        }
        let mut links = Vec::new();
        for (then, need) in needed {
            let own = then.base();
            let own = own.as_ref().unwrap_or(then);
            for (first, gift) in given.get(&need.spot).into_iter().flatten() {
                let is_own = first.base().as_ref().unwrap_or(first) == own;
                if !is_own && gift.clashes(first, &need) {
                    links.push(Link {
                        first: (*first).clone(),
                        then: then.clone(),
                        over: Over::Room(gift.clone()),
                    });
                }
            }
        }
        links.extend(self.successors());
        links
    }

    /// Returns the entities that are made under another assignment than the one that they replace, and
    /// beside it.
    fn successors(&self) -> impl Iterator<Item = Link> {
        self.work.iter().flat_map(move |(entity, work)| {
            let hits = match (self.presence(entity), &work.being) {
                (Presence::Elsewhere(hits), ExistenceGoal::Present(_)) => hits.as_slice(),
                _ => &[],
            };
            hits.iter().filter_map(move |hit| {
                let replaced = EntityRef {
                    store: hit.store.clone(),
                    ..entity.clone()
                };
                let beside = !entity.kind.scoping.overlap(&entity.store, &hit.store);
                let goes = self.intent(&replaced) == Intent::Delete;
                (beside && goes).then(|| Link {
                    first: entity.clone(),
                    then: replaced,
                    over: Over::Successor {
                        free: work.explicit,
                    },
                })
            })
        })
    }

    /// Returns the order besides handovers, each entity with one that comes after it: it holds wherever a
    /// handover moves something.
    pub(super) fn order(&self, links: &[Link]) -> Vec<(EntityRef, EntityRef)> {
        let mut order = Vec::new();
        for entity in self.work.keys() {
            let own = self.intent(entity);
            let base = entity.base();
            for parent in entity.parents() {
                let above = self.intent(&parent);
                let is_base = base.as_ref() == Some(&parent) && self.work.contains_key(&parent);
                match (own, above) {
                    // a value that is put back in an entity that goes is of no use, but would come too
                    // late
                    (Intent::Delete | Intent::Update, Intent::Delete) => {
                        order.push((entity.clone(), parent));
                    }
                    (Intent::Create | Intent::Update, Intent::Create) => {
                        order.push((parent, entity.clone()));
                    }
                    _ if is_base => order.push((parent, entity.clone())),
                    _ => {}
                }
            }
        }
        let moved = links.iter().flat_map(|link| [&link.first, &link.then]);
        let moved: BTreeSet<&EntityRef> = moved.collect();
        for entity in moved.into_iter().filter(|e| e.kind.referent.is_some()) {
            match self.intent(entity) {
                Intent::Delete => order.extend(self.left(entity).map(|r| (r, entity.clone()))),
                Intent::Create => order.extend(self.taken_up(entity).map(|r| (entity.clone(), r))),
                Intent::Update | Intent::Nothing => {}
            }
        }
        order
    }

    /// Returns the entities that refer to this one, and no longer do after the pass: only then can it be
    /// deleted.
    fn left<'a>(&'a self, to: &'a EntityRef) -> impl Iterator<Item = EntityRef> + 'a {
        self.work.iter().filter_map(move |(entity, work)| {
            let intent = self.intent(entity);
            let found = self.presence(entity).found()?;
            let mut fields = found.fields.iter();
            let leaves = fields.any(|(name, seen)| {
                let then = work.fields.get(name).map(|want| &want.value);
                let goes = intent == Intent::Delete
                    || then.is_some_and(|then| !refers(entity, name, then, to));
                goes && refers(entity, name, seen, to)
            });
            leaves.then(|| entity.clone())
        })
    }

    /// Returns the entities that refer to this one from this pass on: it has to be there first.
    fn taken_up<'a>(&'a self, to: &'a EntityRef) -> impl Iterator<Item = EntityRef> + 'a {
        self.work.iter().filter_map(move |(entity, work)| {
            let mut fields = work.fields.iter();
            let takes = fields.any(|(name, want)| refers(entity, name, &want.value, to));
            takes.then(|| entity.clone())
        })
    }

    /// True if what the first does, or that it is made, is of no use without the second.
    pub(super) fn is_only_for_the_second(&self, link: &Link) -> bool {
        match link.over {
            Over::Room(_) => self.intent(&link.first) == Intent::Delete,
            Over::Successor { free } => !free,
        }
    }

    /// Returns the value of a ring that is put aside, so that it is a ring no more: of several the first
    /// in the order of entities.
    pub(super) fn put_aside(&self, ring: &Ring<'_>) -> Option<(EntityRef, FieldName, Value)> {
        let able = ring.links.iter().filter_map(|link| {
            let (Over::Room(handed), Some(field)) = (&link.over, link.field()) else {
                return None;
            };
            // It gets another value afterwards only where the pass says so of this very field.
            let is_set = self.work.get(&link.first)?.fields.contains_key(field);
            let instead = handed.instead(&link.first)?;
            is_set.then(|| (link.first.clone(), field.clone(), instead))
        });
        able.min_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)))
    }
}

/// True if a field's value names this entity.
fn refers(entity: &EntityRef, name: &FieldName, value: &Value, to: &EntityRef) -> bool {
    let spec = entity.kind.field(name.as_str());
    let target = match spec.map(|spec| spec.ty) {
        Some(FieldType::Reference(target) | FieldType::References(target)) => target,
        _ => return false,
    };
    let key = to.key.as_str();
    to.kind.referent == Some(target)
        && match value {
            Value::Array(list) => list.iter().any(|one| one.as_str() == Some(key)),
            one => one.as_str() == Some(key),
        }
}
