//! The author of each statement in the files, and the statements that each release has made and has
//! removed, as far as they were not taken back.
//!
//! A *statement* is what one release file says of one slot. A commit that moves statements to another
//! path alters none of them, and they keep their author.

mod difference;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::difference::Difference;
use super::commit::Altering;
use super::layers::Seq;
use crate::domain::{DesiredValue, Ensure, FieldId, Slot};

/// The digest of a statement's value: enough to tell two statements apart. Hexadecimal in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ValueDigest(u128);

static ABSENT: LazyLock<ValueDigest> =
    LazyLock::new(|| ValueDigest::of(&DesiredValue::Ensure(Ensure::Absent)));

impl ValueDigest {
    /// True if it is that of `ensure: absent`.
    pub fn is_absent(self) -> bool {
        self == *ABSENT
    }

    /// Returns the digest of the value that a file states.
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

/// The word of one release file about one slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// The slot.
    pub slot: Slot,
    /// The file's path from the repository's root.
    pub path: String,
    /// The digest of the value that it states.
    pub digest: ValueDigest,
}

/// The releases whose layers a commit takes away, for each slot.
pub(super) type Taken = BTreeMap<Slot, BTreeSet<Seq>>;

/// The layers that a commit takes back of one entity.
pub(super) struct TakenBack {
    /// The layers that go.
    pub(super) taken: Taken,
    /// The slots where a release stays but says something else now: a commit that it brought in was taken
    /// back.
    pub(super) replaced: Taken,
}

/// The statements about one entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Authors {
    /// The statements in the files, each with its author.
    pub stated: BTreeMap<Statement, Seq>,
    /// The statements that each release has made and that were not taken back, in the files or hidden
    /// since.
    pub said: BTreeMap<Seq, BTreeSet<Statement>>,
    /// The statements that each release has removed.
    pub removed: BTreeMap<Seq, BTreeSet<Statement>>,
}

impl Authors {
    /// Returns the author of the statement about a slot that wins: the one of the last path.
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

    /// True if the release removed something about the slot from a file that says nothing of it now.
    pub(super) fn removes(&self, release: Seq, slot: &Slot) -> bool {
        let is_said = |path: &str| {
            let mut stated = self.stated.keys();
            stated.any(|s| s.slot == *slot && s.path == path)
        };
        let mut removed = self.removed.get(&release).into_iter().flatten();
        removed.any(|s| s.slot == *slot && !is_said(&s.path))
    }

    /// Returns the release by which the files no longer demand what this one says of the slot: the last
    /// that removed it, of those not taken back, or the one whose `absent` hides it.
    pub(super) fn remover(&self, of: Seq, slot: &Slot, taken: &BTreeSet<Seq>) -> Option<Seq> {
        if self.stands(of, slot) {
            let of_entity = |s: &Statement| {
                s.slot.entity == slot.entity.root() && s.slot.field == FieldId::Existence
            };
            let hiding = self.stated.iter();
            let hiding = hiding.filter(|(s, _)| of_entity(s) && s.digest.is_absent());
            let last = hiding.max_by(|(a, _), (b, _)| a.path.cmp(&b.path));
            return last.map(|(_, author)| *author);
        }
        let said = self.said.get(&of)?;
        let is_gone = |s: &&Statement| s.slot == *slot && !self.stated.contains_key(*s);
        let gone: Vec<&Statement> = said.iter().filter(is_gone).collect();
        let mut removed = self.removed.iter().rev();
        let last = removed.find(|(release, removed)| {
            !taken.contains(release) && gone.iter().any(|s| removed.contains(*s))
        });
        last.map(|(release, _)| *release)
    }

    /// True if a release has said this and that was not taken back.
    pub(super) fn has_said(&self, statement: &Statement) -> bool {
        let mut said = self.said.values();
        said.any(|said| said.contains(statement))
    }

    /// True if the release has said or removed anything here.
    pub(super) fn knows(&self, release: Seq) -> bool {
        self.said.contains_key(&release) || self.removed.contains_key(&release)
    }

    /// Carries out one commit. Returns what it takes back: a statement is taken back where the commit
    /// removes it and reverts its author; where the author says something of the slot in another file
    /// still, its layer stays. `only_says`: the commit alters no statement of any entity and only says
    /// what it reverts.
    pub(super) fn commit(
        &mut self,
        difference: &Difference,
        altering: Altering<'_>,
        only_says: bool,
    ) -> TakenBack {
        let Altering {
            release,
            reverted,
            parts,
            ..
        } = altering;
        for (was, is) in &difference.moved {
            self.move_statement(was, is);
        }
        for (was, is) in &difference.moved {
            self.move_path(&was.path, &is.path);
        }
        let mut replaced = Taken::new();
        let mut taken = match !reverted.is_empty() && only_says {
            true => self.take_back_all(reverted),
            false => self.alter(release, difference, reverted, parts),
        };
        taken.retain(|(release, slot)| {
            let stands = self.stands(*release, slot);
            if stands && parts.contains(release) {
                replaced.entry(slot.clone()).or_default().insert(*release);
            }
            !stands
        });
        taken.extend(self.take_back_removed(reverted));
        if only_says {
            self.removed
                .retain(|release, _| !reverted.contains(release));
        }
        let mut by_slot = Taken::new();
        for (release, slot) in taken {
            by_slot.entry(slot).or_default().insert(release);
        }
        TakenBack {
            taken: by_slot,
            replaced,
        }
    }

    /// Takes back all that these releases have said about slots of which no statement of theirs stands any
    /// more.
    fn take_back_all(&mut self, reverted: &BTreeSet<Seq>) -> Vec<(Seq, Slot)> {
        let mut taken = Vec::new();
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
            if !said.is_empty() {
                self.said.insert(*reverted, said);
            }
        }
        taken
    }

    /// Takes back the statements that one of these releases made and another one removed, also where the
    /// commit does not change them.
    fn take_back_removed(&mut self, reverted: &BTreeSet<Seq>) -> Vec<(Seq, Slot)> {
        let mut taken = Vec::new();
        let both = self.removed_among(reverted);
        for (first, second, statement) in &both {
            self.give_back(statement, *first, reverted);
            let both = [*first, *second].map(|r| (r, statement.slot.clone()));
            let is_taken = |(r, slot): &(Seq, Slot)| !self.stands(*r, slot);
            taken.extend(both.into_iter().filter(is_taken));
        }
        for (first, second, statement) in &both {
            if self.stated.get(statement) != Some(first) {
                take_out(&mut self.said, *first, statement);
                take_out(&mut self.removed, *second, statement);
            }
        }
        taken
    }

    /// Returns the statements that one of these releases made and another one removed.
    fn removed_among(&self, reverted: &BTreeSet<Seq>) -> Vec<(Seq, Seq, Statement)> {
        let of = |by: &BTreeMap<Seq, BTreeSet<Statement>>| {
            let theirs = by.iter().filter(|(by, _)| reverted.contains(by));
            theirs.map(|(by, s)| (*by, s.clone())).collect::<Vec<_>>()
        };
        let (said, removed) = (of(&self.said), of(&self.removed));
        let pairs = said
            .iter()
            .flat_map(|first| removed.iter().map(move |second| (first, second)));
        let both = pairs.flat_map(|((first, said), (second, removed))| {
            let both = said.intersection(removed);
            both.map(|s| (*first, *second, s.clone()))
        });
        both.collect()
    }

    /// A statement that a release made again after another had removed it goes to its earlier author, if
    /// both are taken back.
    fn give_back(&mut self, statement: &Statement, taken: Seq, reverted: &BTreeSet<Seq>) {
        let before = self.said.iter().rev().find(|(release, said)| {
            **release < taken && !reverted.contains(release) && said.contains(statement)
        });
        if let (Some(author), Some((before, _))) = (self.stated.get_mut(statement), before)
            && *author == taken
        {
            *author = *before;
        }
    }

    /// Takes statements out of the files and puts others in. Returns whose statements are taken back, and
    /// about which slots.
    fn alter(
        &mut self,
        release: Seq,
        difference: &Difference,
        reverted: &BTreeSet<Seq>,
        parts: &BTreeSet<Seq>,
    ) -> Vec<(Seq, Slot)> {
        let (theirs, taken) = self.take_back(difference, reverted);
        let Difference {
            gone,
            new,
            moved: _,
        } = difference;
        // A statement that the commit takes back is not removed by it.
        let removed = gone.iter().filter(|s| !taken.contains(*s));
        let removed: BTreeSet<Statement> = removed.cloned().collect();
        if !removed.is_empty() {
            self.removed.insert(release, removed);
        }
        let author = |statement: &Statement| match reverted.is_empty() {
            true => release,
            false => {
                let earlier = self.earlier_author(statement, difference, parts);
                earlier.unwrap_or(release)
            }
        };
        let back: Vec<(Statement, Seq)> = new.iter().map(|s| (s.clone(), author(s))).collect();
        for statement in gone {
            self.stated.remove(statement);
        }
        for (statement, author) in &back {
            let said = self.said.entry(*author).or_default();
            said.insert(statement.clone());
        }
        self.stated.extend(back);
        theirs
    }

    /// Forgets what the reverted releases have said where it goes, and what they have removed where it
    /// comes back. Returns both by release and slot, and the statements that go so.
    fn take_back<'d>(
        &mut self,
        difference: &'d Difference,
        reverted: &BTreeSet<Seq>,
    ) -> (Vec<(Seq, Slot)>, BTreeSet<&'d Statement>) {
        let mut theirs = Vec::new();
        let mut taken = BTreeSet::new();
        for statement in &difference.gone {
            for reverted in reverted {
                let author = self.stated.get(statement) == Some(reverted);
                let said = self.said.get_mut(reverted);
                if said.is_some_and(|said| said.remove(statement)) || author {
                    theirs.push((*reverted, statement.slot.clone()));
                    taken.insert(statement);
                }
            }
        }
        for statement in &difference.new {
            for reverted in reverted {
                let removed = self.removed.get_mut(reverted);
                if removed.is_some_and(|removed| removed.remove(statement)) {
                    theirs.push((*reverted, statement.slot.clone()));
                }
            }
        }
        self.said.retain(|_, said| !said.is_empty());
        self.removed.retain(|_, removed| !removed.is_empty());
        (theirs, taken)
    }

    /// The release to which a rollback gives a statement back that comes into the files: its author
    /// before, or, of a merged branch of which only a part is taken back, the release that brought the
    /// branch in.
    fn earlier_author(
        &self,
        statement: &Statement,
        difference: &Difference,
        parts: &BTreeSet<Seq>,
    ) -> Option<Seq> {
        let mut said = self.said.iter().rev();
        if let Some((release, _)) = said.find(|(_, said)| said.contains(statement)) {
            return Some(*release);
        }
        let same = |s: &&Statement| s.slot == statement.slot && s.path == statement.path;
        let author = self.stated.get(difference.gone.iter().find(same)?)?;
        parts.contains(author).then_some(*author)
    }

    /// Where all statements of a file have moved, those that were made in it before have moved as well.
    fn move_path(&mut self, was: &str, is: &str) {
        if self.stated.keys().any(|statement| statement.path == was) {
            return;
        }
        for statements in self.said.values_mut().chain(self.removed.values_mut()) {
            let all = std::mem::take(statements).into_iter();
            *statements = all
                .map(|statement| match statement.path == was {
                    true => Statement {
                        path: is.to_owned(),
                        ..statement
                    },
                    false => statement,
                })
                .collect();
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

fn take_out(from: &mut BTreeMap<Seq, BTreeSet<Statement>>, by: Seq, statement: &Statement) {
    if let Some(statements) = from.get_mut(&by) {
        statements.remove(statement);
        if statements.is_empty() {
            from.remove(&by);
        }
    }
}
