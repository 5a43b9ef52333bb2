//! Whose each statement in the files is, what each release has said that was not taken back, and what
//! it has removed.
//!
//! A *statement* is what one release file says of one slot. A commit that moves statements to another
//! path alters none of them, and they keep their author.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::layers::Seq;
use crate::domain::{DesiredState, DesiredValue, EntityRef, Slot};

/// The digest of a statement's value: enough to tell two statements apart. Hexadecimal in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ValueDigest(u128);

impl ValueDigest {
    /// The digest of what a file says.
    pub fn of(value: &DesiredValue) -> Self {
        let text = match value {
            DesiredValue::Ensure(ensure) => format!("ensure {}", ensure.as_str()),
            DesiredValue::Value(value) => format!("value {}", serde_json::Value::clone(value)),
        };
        let hash = Sha256::digest(text);
        Self(
            hash.iter()
                .take(16)
                .fold(0, |sum, byte| sum << 8 | u128::from(*byte)),
        )
    }
}

impl fmt::Display for ValueDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<ValueDigest> for String {
    fn from(digest: ValueDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for ValueDigest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digest = u128::from_str_radix(&text, 16);
        digest
            .map(Self)
            .map_err(|_| format!("{text:?} is no digest"))
    }
}

/// What one release file says of one slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// The slot.
    pub slot: Slot,
    /// The file's path from the repository's root.
    pub path: String,
    /// What it says.
    pub digest: ValueDigest,
}

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
    /// The difference between the files of two commits.
    pub fn between(before: &DesiredState, after: &DesiredState) -> Self {
        let mut difference = Self::default();
        for path in before.listed.keys().chain(after.listed.keys()) {
            let (was, is) = (before.listed.get(path), after.listed.get(path));
            if was == is {
                continue;
            }
            let say = |listed: Option<&BTreeMap<Slot, crate::domain::Listed>>| {
                let listed = listed.into_iter().flatten();
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
            // What a file takes back of its own is no move.
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

    /// True if no statement is altered. (One may have moved.)
    pub fn alters_nothing(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    /// The difference by the entity that the slots belong to.
    pub(super) fn by_entity(self) -> BTreeMap<EntityRef, Self> {
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

/// What a commit takes back: for each slot, the releases whose layers go.
pub(super) type Taken = BTreeMap<Slot, BTreeSet<Seq>>;

/// The statements about one entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Authors {
    /// The statements in the files, each with its author.
    pub stated: BTreeMap<Statement, Seq>,
    /// What each release has said that was not taken back, in the files or hidden since.
    pub said: BTreeMap<Seq, BTreeSet<Statement>>,
    /// What each release has removed.
    pub removed: BTreeMap<Seq, BTreeSet<Statement>>,
}

impl Authors {
    /// The author of the statement about a slot that wins: the one of the last path.
    pub fn author(&self, slot: &Slot) -> Option<Seq> {
        let about = self.stated.iter().filter(|(s, _)| s.slot == *slot);
        about
            .max_by(|(a, _), (b, _)| a.path.cmp(&b.path))
            .map(|(_, author)| *author)
    }

    /// True if a statement about the slot by this release is in the files.
    pub fn stands(&self, release: Seq, slot: &Slot) -> bool {
        let mut about = self.stated.iter();
        about.any(|(s, author)| *author == release && s.slot == *slot)
    }

    /// True if any statement by this release is in the files.
    pub fn stands_anywhere(&self, release: Seq) -> bool {
        self.stated.values().any(|author| *author == release)
    }

    /// True if the release has said or removed anything here.
    pub(super) fn knows(&self, release: Seq) -> bool {
        self.said.contains_key(&release) || self.removed.contains_key(&release)
    }

    /// One commit. Returns what it takes back: a statement is taken back where the commit removes it and
    /// reverts its author; where the author says something of the slot in another file still, its layer
    /// stays. `only_says`: the commit alters no statement of any entity and only says what it reverts.
    pub(super) fn commit(
        &mut self,
        release: Seq,
        difference: &Difference,
        reverted: &BTreeSet<Seq>,
        only_says: bool,
    ) -> Taken {
        for (was, is) in &difference.moved {
            self.move_statement(was, is);
        }
        let mut taken: Vec<(Seq, Slot)> = Vec::new();
        if !reverted.is_empty() && only_says {
            // Wherever nothing of theirs stands any more.
            for reverted in reverted {
                let Some(mut said) = self.said.remove(reverted) else {
                    continue;
                };
                said.retain(|s| {
                    let stands = self.stands(*reverted, &s.slot);
                    if !stands {
                        taken.push((*reverted, s.slot.clone()));
                    }
                    stands
                });
                self.keep_said(*reverted, said);
            }
        } else {
            taken = self.alter(release, difference, reverted);
            taken.retain(|(release, slot)| !self.stands(*release, slot));
        }
        // And of one that the commit does not change, a release named with the one that removed it.
        let mut together = Vec::new();
        for first in reverted {
            for second in reverted {
                if let (Some(said), Some(removed)) =
                    (self.said.get(first), self.removed.get(second))
                {
                    for statement in said.intersection(removed) {
                        let both = [*first, *second];
                        let both = both.into_iter().map(|r| (r, statement.slot.clone()));
                        together.extend(both.filter(|(r, slot)| !self.stands(*r, slot)));
                    }
                }
            }
        }
        let mut by_slot = Taken::new();
        for (release, slot) in taken.into_iter().chain(together) {
            by_slot.entry(slot).or_default().insert(release);
        }
        by_slot
    }

    /// Takes statements out of the files and puts others in.
    fn alter(
        &mut self,
        release: Seq,
        difference: &Difference,
        reverted: &BTreeSet<Seq>,
    ) -> Vec<(Seq, Slot)> {
        let Difference {
            gone,
            new,
            moved: _,
        } = difference;
        let mut theirs = Vec::new();
        for statement in gone {
            for reverted in reverted {
                let author = self.stated.get(statement) == Some(reverted);
                let said = self.said.get_mut(reverted);
                if said.is_some_and(|said| said.remove(statement)) || author {
                    theirs.push((*reverted, statement.slot.clone()));
                }
            }
        }
        for statement in new {
            for reverted in reverted {
                // What it removed is back.
                let removed = self.removed.get(reverted);
                if removed.is_some_and(|removed| removed.contains(statement)) {
                    theirs.push((*reverted, statement.slot.clone()));
                }
            }
        }
        self.said.retain(|_, said| !said.is_empty());
        if !gone.is_empty() {
            self.removed.insert(release, gone.clone());
        }
        // A rollback gives a statement back to whom it was.
        let author = |statement: &Statement| {
            let mut said = self.said.iter().rev();
            let known = said.find(|(_, said)| said.contains(statement));
            let known = known.map(|(release, _)| *release);
            known.filter(|_| !reverted.is_empty()).unwrap_or(release)
        };
        let back: Vec<(Statement, Seq)> = new.iter().map(|s| (s.clone(), author(s))).collect();
        for statement in gone {
            let about = |s: &Statement| s.slot == statement.slot && s.path == statement.path;
            self.stated.retain(|s, _| !about(s));
        }
        let own = back.iter().filter(|(_, author)| *author == release);
        let own = own.map(|(statement, _)| statement.clone()).collect();
        self.keep_said(release, own);
        self.stated.extend(back);
        theirs
    }

    fn keep_said(&mut self, release: Seq, said: BTreeSet<Statement>) {
        if said.is_empty() {
            self.said.remove(&release);
        } else {
            self.said.insert(release, said);
        }
    }

    fn move_statement(&mut self, was: &Statement, is: &Statement) {
        if let Some(author) = self.stated.remove(was) {
            self.stated.insert(is.clone(), author);
            let said = self.said.get_mut(&author);
            if let Some(said) = said
                && said.remove(was)
            {
                said.insert(is.clone());
            }
        }
    }
}
