//! The desired state: what the release files of one commit say, folded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpds::RedBlackTreeMapSync;
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

/// The place in the commit where something was said. Lines and columns are 1-based, in characters.
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

/// The desired state of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredEntity {
    /// True if it shall exist.
    pub ensure: Ensure,
    /// True if `ensure: present` was spelled out, so that an entity of the same key may be created
    /// beside one under another assignment.
    pub explicit: bool,
    /// The fields that are set; empty when it shall be absent.
    pub fields: BTreeMap<FieldName, SharedValue>,
    /// Where the entity was last mentioned.
    pub origin: Origin,
    /// What a later path hides of it; of one that shall be absent, also what files say of its views.
    pub overridden: Vec<Overridden>,
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

/// The slots that one file lists.
pub type FileListing = Arc<BTreeMap<Slot, Listed>>;

/// All changes of all active release files of one commit, folded field by field in path order.
///
/// States that were made from each other share what is the same in both, and know in which files they
/// differ: a step from one commit to the next costs what the commit changed.
#[derive(Debug, Clone, Default)]
pub struct DesiredState {
    /// What is desired, by entity.
    pub entities: RedBlackTreeMapSync<EntityRef, Arc<DesiredEntity>>,
    /// Every slot as every file lists it: path, then slot.
    pub listed: RedBlackTreeMapSync<String, FileListing>,
    descent: Descent,
}

impl PartialEq for DesiredState {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            entities,
            listed,
            descent: _,
        } = self;
        *entities == other.entities && *listed == other.listed
    }
}

/// The state that another one was made from, and the files in which the two differ.
#[derive(Debug, Clone)]
struct Descent {
    /// Unique within the process.
    id: u64,
    from: Option<(u64, Arc<BTreeSet<String>>)>,
}

impl Default for Descent {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            from: None,
        }
    }
}

impl DesiredState {
    /// A state made from another one by changing these files, those that release files refer to among
    /// them.
    #[must_use]
    pub fn descended(&self, changed: BTreeSet<String>) -> Self {
        Self {
            entities: self.entities.clone(),
            listed: self.listed.clone(),
            descent: Descent {
                from: Some((self.descent.id, Arc::new(changed))),
                ..Descent::default()
            },
        }
    }

    /// The files in which two states may differ, if one of them was made from the other.
    pub fn changed_files<'a>(&'a self, other: &'a Self) -> Option<&'a BTreeSet<String>> {
        let made_from = |is: &'a Self, was: &Self| {
            let (from, changed) = is.descent.from.as_ref()?;
            (*from == was.descent.id).then_some(changed.as_ref())
        };
        made_from(other, self).or_else(|| made_from(self, other))
    }

    /// Returns what a later path hides, sorted.
    pub fn overridden(&self) -> Vec<&Overridden> {
        let entities = self.entities.values();
        let mut overridden: Vec<_> = entities.flat_map(|entity| &entity.overridden).collect();
        overridden.sort();
        overridden
    }

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
        let listed = self.listed.values().flat_map(|listing| listing.iter());
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
}
