//! What is counted over all entities, once: afterwards only what has changed is counted anew.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Book, Standing, Standings};
use crate::domain::EntityRef;
use crate::plan::entity::{Managed, ManagedEntity};
use crate::plan::layers::Seq;

/// What was counted last. Copies of a book share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    entities: BTreeMap<EntityRef, Entity>,
    totals: Totals,
}

/// What is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) standings: Arc<Standings>,
    /// The entities with which something is left to be done.
    pub(super) restless: Arc<BTreeSet<EntityRef>>,
    /// The fields that differ from the files on purpose.
    pub(super) deviations: usize,
}

/// An entity, and what it adds.
#[derive(Debug)]
struct Entity {
    managed: Arc<ManagedEntity>,
    adds: Box<[(Seq, Standing)]>,
    is_restless: bool,
    deviations: usize,
}

impl Entity {
    fn new(book: &Book, root: &EntityRef, managed: Arc<ManagedEntity>) -> Self {
        let mut adds = Standings::new();
        book.count_entity(root, &managed, &mut adds);
        Self {
            adds: adds.into_iter().collect(),
            is_restless: !managed.is_at_rest(root),
            deviations: super::deviations_of(&managed).count(),
            managed,
        }
    }
}

/// It follows from the rest of the book.
impl PartialEq for Tally {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Tally {
    /// What somebody has counted before, of entities that are not in the book.
    pub(super) fn given(standings: Standings) -> Self {
        let totals = Totals {
            standings: Arc::new(standings),
            ..Totals::default()
        };
        Self(Arc::new(Mutex::new(Counted {
            entities: BTreeMap::new(),
            totals,
        })))
    }

    pub(super) fn of(&self, book: &Book) -> Totals {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = changes(&counted.entities, &book.managed);
        if changes.is_empty() {
            return counted.totals.clone();
        }
        let Totals {
            standings,
            restless,
            mut deviations,
        } = counted.totals.clone();
        let mut standings = Standings::clone(&standings);
        let mut restless = BTreeSet::clone(&restless);
        for (root, is) in changes {
            let was = match is {
                Some(managed) => {
                    let entity = Entity::new(book, &root, managed);
                    add(&mut standings, &entity.adds, usize::wrapping_add);
                    match entity.is_restless {
                        true => restless.insert(root.clone()),
                        false => restless.remove(&root),
                    };
                    deviations += entity.deviations;
                    counted.entities.insert(root, entity)
                }
                None => {
                    restless.remove(&root);
                    counted.entities.remove(&root)
                }
            };
            if let Some(was) = was {
                add(&mut standings, &was.adds, usize::wrapping_sub);
                deviations -= was.deviations;
            }
        }
        let nothing = Standing::default();
        standings.retain(|_, standing| *standing != nothing);
        counted.totals = Totals {
            standings: Arc::new(standings),
            restless: Arc::new(restless),
            deviations,
        };
        counted.totals.clone()
    }
}

fn add(standings: &mut Standings, adds: &[(Seq, Standing)], add: fn(usize, usize) -> usize) {
    for (seq, mut adds) in adds.iter().copied() {
        let standing = standings.entry(seq).or_default();
        for (count, more) in standing.counts().into_iter().zip(adds.counts()) {
            *count = add(*count, *more);
        }
    }
}

/// The entities that are not the very same ones any more, with what they are now.
fn changes(
    before: &BTreeMap<EntityRef, Entity>,
    after: &Managed,
) -> Vec<(EntityRef, Option<Arc<ManagedEntity>>)> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) if was == is => Ordering::Equal,
            (Some((was, _)), Some((is, _))) => was.cmp(is),
        };
        let was = before.next_if(|_| order.is_le());
        let is = after.next_if(|_| order.is_ge());
        let same = |was: &Entity, is: &Arc<ManagedEntity>| Arc::ptr_eq(&was.managed, is);
        match (was, is) {
            (Some((_, was)), Some((_, is))) if same(was, is) => {}
            (_, Some((root, is))) => changes.push((root.clone(), Some(is.clone()))),
            (Some((root, _)), None) => changes.push((root.clone(), None)),
            (None, None) => return changes,
        }
    }
}
