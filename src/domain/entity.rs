//! The names of one entity and of one of its fields.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EntityKey, FieldName, Kind, StoreCode};

/// `store:` of a change: all views, or exactly these views.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreScope {
    /// Store 0, "all store views".
    All,
    /// Exactly these views; never empty.
    Views(Views),
}

/// Codes of store views. Shared, for they are copied with every name of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Views(Arc<BTreeSet<StoreCode>>);

impl Deref for Views {
    type Target = BTreeSet<StoreCode>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<BTreeSet<StoreCode>> for Views {
    fn from(codes: BTreeSet<StoreCode>) -> Self {
        Self(Arc::new(codes))
    }
}

impl FromIterator<StoreCode> for Views {
    fn from_iter<I: IntoIterator<Item = StoreCode>>(codes: I) -> Self {
        Self(Arc::new(codes.into_iter().collect()))
    }
}

impl StoreScope {
    /// One view alone.
    pub fn view(code: StoreCode) -> Self {
        Self::Views([code].into_iter().collect())
    }

    /// The view, when it is exactly one.
    pub fn single(&self) -> Option<&StoreCode> {
        match self {
            Self::Views(views) if views.len() == 1 => views.first(),
            Self::Views(_) | Self::All => None,
        }
    }
}

impl fmt::Display for StoreScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Views(views) => {
                for (i, view) in views.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{view}")?;
                }
                Ok(())
            }
        }
    }
}

/// As in a release file: `"all"`, `"de"`, or a list for several views.
impl Serialize for StoreScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, self.single()) {
            (Self::All, _) => serializer.serialize_str("all"),
            (Self::Views(_), Some(view)) => serializer.serialize_str(view.as_str()),
            (Self::Views(views), None) => views.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StoreScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            One(String),
            Many(Vec<String>),
        }
        let codes = match Wire::deserialize(deserializer)? {
            Wire::One(text) if text == "all" => return Ok(Self::All),
            Wire::One(text) => vec![text],
            Wire::Many(codes) => codes,
        };
        let views: BTreeSet<StoreCode> = codes
            .into_iter()
            .map(StoreCode::new)
            .collect::<Result<_, _>>()
            .map_err(D::Error::custom)?;
        if views.is_empty() {
            return Err(D::Error::custom("an empty list of store views"));
        }
        Ok(Self::Views(views.into()))
    }
}

/// `kind` + `key` + `store`: what names one entity.
///
/// Ordered by dependency level, then kind, key and store: the order of plans.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityRef {
    /// The kind of the entity.
    pub kind: Kind,
    /// Its natural key, case-sensitive.
    pub key: EntityKey,
    /// Its assignment, or the scope of its values.
    pub store: StoreScope,
}

impl Ord for EntityRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.kind
            .cmp(&other.kind)
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| self.store.cmp(&other.store))
    }
}

impl PartialOrd for EntityRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.key, self.store)
    }
}

/// A field of an entity, or whether the entity exists, which is such a field too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldId {
    /// True if the entity exists; spelled `ensure`, like the key of a release file.
    Existence,
    /// A field of the REST API.
    Named(FieldName),
}

impl FieldId {
    const EXISTENCE: &'static str = "ensure";

    /// The spelling in lists and JSON.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Existence => Self::EXISTENCE,
            Self::Named(name) => name.as_str(),
        }
    }
}

impl fmt::Display for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FieldId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FieldId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == Self::EXISTENCE {
            return Ok(Self::Existence);
        }
        FieldName::new(text)
            .map(Self::Named)
            .map_err(D::Error::custom)
    }
}

/// One field of one entity: what has a desired value, an observed value and a stack of transitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The entity.
    pub entity: EntityRef,
    /// Its field.
    pub field: FieldId,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entity, self.field)
    }
}
