//! The order of the steps of a pass.

use std::collections::{BTreeMap, BTreeSet};

use super::WriteStep;
use crate::domain::EntityRef;

/// Steps, and which of them come before which.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    steps: Vec<WriteStep>,
    places: BTreeMap<WriteStep, usize>,
    edges: Vec<Edge<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Edge<'a> {
    from: usize,
    to: usize,
    /// The handover that this edge stands for, if any.
    why: Option<&'a super::Link>,
}

impl<'a> Graph<'a> {
    /// Adds a step that is not there yet.
    pub(super) fn step(&mut self, step: WriteStep) -> usize {
        if let Some(place) = self.places.get(&step) {
            return *place;
        }
        let place = self.steps.len();
        self.places.insert(step.clone(), place);
        self.steps.push(step);
        place
    }

    /// One step comes before another.
    pub(super) fn edge(&mut self, from: WriteStep, to: WriteStep, why: Option<&'a super::Link>) {
        let (from, to) = (self.step(from), self.step(to));
        self.edges.push(Edge { from, to, why });
    }

    fn outgoing(&self) -> Vec<Vec<usize>> {
        let mut outgoing = vec![Vec::new(); self.steps.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            if let Some(list) = outgoing.get_mut(edge.from) {
                list.push(at);
            }
        }
        outgoing
    }

    /// Steps that wait for each other in rings: at least one of all that hang together, and none only
    /// where there is none.
    pub(super) fn rings(&self) -> Vec<Ring<'a>> {
        let outgoing = self.outgoing();
        let mut rings = Vec::new();
        let mut done = vec![false; self.steps.len()];
        for start in 0..self.steps.len() {
            if done.get(start) == Some(&true) {
                continue;
            }
            // The steps on the way here with the next edge of each to be tried, and the edges between.
            let mut steps: Vec<(usize, usize)> = vec![(start, 0)];
            let mut way: Vec<usize> = Vec::new();
            let mut open = BTreeSet::from([start]);
            while let Some((at, next)) = steps.last_mut() {
                let place = outgoing.get(*at).and_then(|edges| edges.get(*next));
                *next += 1;
                let Some((place, edge)) = place.and_then(|p| Some((*p, self.edges.get(*p)?)))
                else {
                    if let Some(done) = done.get_mut(*at) {
                        *done = true;
                    }
                    open.remove(at);
                    steps.pop();
                    way.pop();
                    continue;
                };
                if open.contains(&edge.to) {
                    let whole = way.iter().copied().chain([place]);
                    rings.push(self.ring_of(whole, edge.to));
                } else if done.get(edge.to) == Some(&false) {
                    way.push(place);
                    open.insert(edge.to);
                    steps.push((edge.to, 0));
                }
            }
        }
        rings
    }

    /// The end of a way that comes back to a step on it.
    fn ring_of(&self, way: impl Iterator<Item = usize>, back_to: usize) -> Ring<'a> {
        let edges = way.filter_map(|edge| self.edges.get(edge));
        let edges: Vec<&Edge<'a>> = edges.skip_while(|edge| edge.from != back_to).collect();
        let entities = edges.iter().filter_map(|edge| self.steps.get(edge.from));
        let mut entities: Vec<EntityRef> = entities.map(|step| step.entity().clone()).collect();
        entities.dedup();
        Ring {
            entities,
            links: edges.iter().filter_map(|edge| edge.why).collect(),
        }
    }

    /// The steps in levels: each as late as what needs it allows, and no later than its own level.
    /// `level` says which that is; only what has one is sent.
    pub(super) fn levels(&self, level: impl Fn(&WriteStep) -> Option<i64>) -> Vec<Vec<WriteStep>> {
        let between = i64::try_from(self.steps.len()).unwrap_or(i64::MAX / 2) + 1;
        let mut at: Vec<Option<i64>> = self
            .steps
            .iter()
            .map(|step| level(step).map(|level| level.saturating_mul(between)))
            .collect();
        let outgoing = self.outgoing();
        for place in self.last_first(&outgoing) {
            let after = outgoing.get(place).into_iter().flatten();
            let after = after.filter_map(|edge| *at.get(self.edges.get(*edge)?.to)?);
            if let Some(first) = after.min()
                && let Some(Some(own)) = at.get_mut(place)
            {
                *own = (*own).min(first - 1);
            }
        }
        let mut levels: BTreeMap<i64, Vec<WriteStep>> = BTreeMap::new();
        for (step, at) in self.steps.iter().zip(at) {
            if let Some(at) = at {
                levels.entry(at).or_default().push(step.clone());
            }
        }
        levels.into_values().flat_map(one_at_a_time).collect()
    }

    /// Every step after all that wait for it. What is in a ring is left out; there is none.
    fn last_first(&self, outgoing: &[Vec<usize>]) -> Vec<usize> {
        let mut waiting = vec![0_usize; self.steps.len()];
        let mut incoming = vec![Vec::new(); self.steps.len()];
        for edge in &self.edges {
            if let Some(list) = incoming.get_mut(edge.to) {
                list.push(edge.from);
            }
        }
        for (place, edges) in outgoing.iter().enumerate() {
            if let Some(count) = waiting.get_mut(place) {
                *count = edges.len();
            }
        }
        let free = waiting.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut order: Vec<usize> = free.map(|(place, _)| place).collect();
        let mut next = 0;
        while let Some(place) = order.get(next).copied() {
            next += 1;
            for from in incoming.get(place).into_iter().flatten() {
                let Some(count) = waiting.get_mut(*from) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    order.push(*from);
                }
            }
        }
        order
    }
}

/// Steps that wait for each other.
#[derive(Debug)]
pub(super) struct Ring<'a> {
    /// Each waits for the one before it, and the first for the last.
    pub(super) entities: Vec<EntityRef>,
    pub(super) links: Vec<&'a super::Link>,
}

/// Two requests at once for one entity would lose values: of the values of its views, and of what is put
/// aside before, one goes after the other.
fn one_at_a_time(level: Vec<WriteStep>) -> Vec<Vec<WriteStep>> {
    let mut counts: BTreeMap<EntityRef, usize> = BTreeMap::new();
    let mut levels: Vec<Vec<WriteStep>> = Vec::new();
    for step in level {
        let entity = step.entity();
        let own = entity.base().unwrap_or_else(|| entity.clone());
        let count = counts.entry(own).or_default();
        if levels.len() <= *count {
            levels.push(Vec::new());
        }
        if let Some(level) = levels.get_mut(*count) {
            level.push(step);
        }
        *count += 1;
    }
    levels
}
