//! The statements that a commit takes away, brings, or only moves to another path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Statement, ValueDigest};
use crate::domain::{DesiredState, EntityRef, FileListing};

/// The statements that a commit takes away and brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Those that are there no more.
    pub gone: BTreeSet<Statement>,
    /// Those that are new.
    pub new: BTreeSet<Statement>,
    /// Those that only stand under another path now: before and after.
    pub moved: Vec<(Statement, Statement)>,
}

impl Difference {
    /// Returns the difference between the files of two commits.
    pub fn between(before: &DesiredState, after: &DesiredState) -> Self {
        let mut difference = Self::default();
        let all = || before.listed.keys().chain(after.listed.keys()).collect();
        let paths: BTreeSet<&String> = match before.changed_files(after) {
            Some(changed) => changed.iter().collect(),
            None => all(),
        };
        for path in paths {
            let (was, is) = (before.listed.get(path), after.listed.get(path));
            let same = |was: &FileListing, is: &FileListing| Arc::ptr_eq(was, is) || was == is;
            if was.zip(is).is_some_and(|(was, is)| same(was, is)) {
                continue;
            }
            let say = |listing: Option<&FileListing>| {
                let listed = listing.into_iter().flat_map(|listing| listing.iter());
                let statements = listed.map(|(slot, listed)| Statement {
                    slot: slot.clone(),
                    path: path.clone(),
                    digest: ValueDigest::of(&listed.value),
                });
                statements.collect::<BTreeSet<_>>()
            };
            let (was, is) = (say(was), say(is));
            difference.gone.extend(was.difference(&is).cloned());
            difference.new.extend(is.difference(&was).cloned());
        }
        difference.find_moved();
        difference
    }

    fn find_moved(&mut self) {
        for was in std::mem::take(&mut self.gone) {
            let same = |is: &&Statement| is.slot == was.slot && is.digest == was.digest;
            // A statement that a file only says again is no move.
            let elsewhere = self.new.iter().find(|is| same(is) && is.path != was.path);
            match elsewhere.cloned() {
                Some(is) => {
                    self.new.remove(&is);
                    self.moved.push((was, is));
                }
                None => {
                    self.gone.insert(was);
                }
            }
        }
    }

    /// A statement that a rollback gives back to its author has not moved there.
    pub(in crate::plan) fn give_back(&mut self, is_given_back: impl Fn(&Statement) -> bool) {
        for (was, is) in std::mem::take(&mut self.moved) {
            if is_given_back(&is) {
                self.gone.insert(was);
                self.new.insert(is);
            } else {
                self.moved.push((was, is));
            }
        }
    }

    /// True if no statement is altered. (One may have moved.)
    pub fn alters_nothing(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    /// Splits the difference by the entity that the slots belong to.
    pub(in crate::plan) fn by_entity(self) -> BTreeMap<EntityRef, Self> {
        let mut parts: BTreeMap<EntityRef, Self> = BTreeMap::new();
        let Self { gone, new, moved } = self;
        for statement in gone {
            let part = parts.entry(statement.slot.entity.root()).or_default();
            part.gone.insert(statement);
        }
        for statement in new {
            let part = parts.entry(statement.slot.entity.root()).or_default();
            part.new.insert(statement);
        }
        for (was, is) in moved {
            let part = parts.entry(was.slot.entity.root()).or_default();
            part.moved.push((was, is));
        }
        parts
    }
}
