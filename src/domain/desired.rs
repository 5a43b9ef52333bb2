//! The desired state: what the release files of one commit say, folded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EntityRef, FieldId, FieldName, Finding, Severity, SharedValue, Slot};

/// `ensure:` of a change. `Default` is `present` that was not spelled out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Ensure {
    /// Create the entity if it is missing.
    #[default]
    Present,
    /// Never create it.
    Existing,
    /// Delete it.
    Absent,
}

impl Ensure {
    /// The spelling in release files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Existing => "existing",
            Self::Absent => "absent",
        }
    }
}

/// The desired value of a slot. "Absent" is a desired value like any other and is written as
/// `None` around this type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredValue {
    /// Of the existence slot.
    Ensure(Ensure),
    /// Of a named field, canonical.
    Value(SharedValue),
}

/// Where in the commit something was said. Lines and columns are 1-based, in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Path from the repository's root.
    pub path: String,
    /// Line of the key.
    pub line: u32,
    /// Column of the key.
    pub column: u32,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// What is desired of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredEntity {
    /// Whether it shall exist.
    pub ensure: Ensure,
    /// Whether `ensure: present` was spelled out, so that an entity of the same key may be created
    /// beside one under another assignment.
    pub explicit: bool,
    /// The fields that are set; empty when it shall be absent.
    pub fields: BTreeMap<FieldName, SharedValue>,
    /// Where the entity was last mentioned.
    pub origin: Origin,
}

/// A value that a later path hides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overridden {
    /// The field.
    pub slot: Slot,
    /// Where the hidden value stands.
    pub hidden: Origin,
    /// Where the value stands that is in effect.
    pub by: Origin,
}

/// One slot as one file lists it, before folding. Used for "the fields that R's own difference
/// lists, shadowed or not".
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The value in that file.
    pub value: DesiredValue,
    /// Where it stands.
    pub origin: Origin,
}

/// All changes of all active release files of one commit, folded field by field in path order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DesiredState {
    /// What is desired, by entity.
    pub entities: BTreeMap<EntityRef, DesiredEntity>,
    /// Every slot as every file lists it: path, then slot.
    pub listed: BTreeMap<String, BTreeMap<Slot, Listed>>,
    /// What a later path hides, sorted.
    pub overridden: Vec<Overridden>,
}

impl DesiredState {
    /// The desired value of a slot; `None` is "absent".
    pub fn get(&self, slot: &Slot) -> Option<DesiredValue> {
        let entity = self.entities.get(&slot.entity)?;
        match &slot.field {
            FieldId::Existence => slot
                .entity
                .exists_by_itself()
                .then_some(DesiredValue::Ensure(entity.ensure)),
            FieldId::Named(name) => entity.fields.get(name).cloned().map(DesiredValue::Value),
        }
    }

    /// The slots of one entity that have a desired value.
    pub fn slots_of(&self, entity: &EntityRef) -> impl Iterator<Item = Slot> + '_ {
        let desired = self.entities.get_key_value(entity);
        desired.into_iter().flat_map(|(entity, desired)| {
            let existence = Slot {
                entity: entity.clone(),
                field: FieldId::Existence,
            };
            let fields = desired.fields.keys().map(|name| Slot {
                entity: entity.clone(),
                field: FieldId::Named(name.clone()),
            });
            let existence = entity.exists_by_itself().then_some(existence);
            existence.into_iter().chain(fields)
        })
    }

    /// Every slot with a desired value.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.entities
            .keys()
            .flat_map(|entity| self.slots_of(entity))
    }

    /// The fields that another environment of the same store sets too: critical in both, as each
    /// would write over the other.
    pub fn disputes(&self, other: &str, theirs: &Self) -> Vec<Finding> {
        let listed = self.listed.values().flatten();
        listed
            .filter(|(slot, _)| slot.field != FieldId::Existence && theirs.get(slot).is_some())
            .map(|(slot, listed)| Finding {
                id: "two-environments".to_owned(),
                severity: Severity::Critical,
                origin: listed.origin.clone(),
                message: format!(
                    "{} of {} is also set by environment {other}, which has the same store",
                    slot.field, slot.entity
                ),
                remedy: "set it in one of the two environments alone".to_owned(),
                snippet: String::new(),
            })
            .collect()
    }

    /// The slots whose desired value differs between two states.
    pub fn changed_slots(&self, after: &Self) -> BTreeSet<Slot> {
        self.slots()
            .chain(after.slots())
            .filter(|slot| self.get(slot) != after.get(slot))
            .collect()
    }

    /// The slots that the files list differently in two states, shadowed or not, together with
    /// those whose folded value differs: a commit's own difference.
    pub fn own_difference(&self, after: &Self) -> BTreeSet<Slot> {
        let mut slots = self.changed_slots(after);
        let nothing = BTreeMap::new();
        for path in self.listed.keys().chain(after.listed.keys()) {
            let before = self.listed.get(path).unwrap_or(&nothing);
            let later = after.listed.get(path).unwrap_or(&nothing);
            for slot in before.keys().chain(later.keys()) {
                let value = |of: &BTreeMap<Slot, Listed>| of.get(slot).map(|l| l.value.clone());
                if value(before) != value(later) {
                    slots.insert(slot.clone());
                }
            }
        }
        slots
    }
}
