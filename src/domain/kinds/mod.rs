//! Entity kinds: one file with one table each, and the one list that knows them all.

mod cms_block;
mod cms_page;
mod field;
mod spec;
mod value;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use field::{Charset, FieldScope, FieldSpec, FieldType, Owner, Place, Target, ValueProblem};
pub use spec::{Access, Acl, Bulk, EntityType, KindSpec, Route, Scoping};
pub(crate) use value::{check_charset, set, type_name};

/// Every kind, in the order in which entities are created.
static KINDS: &[&KindSpec] = &[&cms_block::TABLE, &cms_page::TABLE];

/// A kind of entity: a reference to its table.
#[derive(Clone, Copy)]
pub struct Kind(&'static KindSpec);

impl Kind {
    /// Every kind, in the order in which entities are created.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        KINDS.iter().map(|spec| Self(spec))
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name == name)
    }

    /// CMS blocks.
    pub const CMS_BLOCK: Self = Self(&cms_block::TABLE);
    /// CMS pages.
    pub const CMS_PAGE: Self = Self(&cms_page::TABLE);
}

impl std::ops::Deref for Kind {
    type Target = KindSpec;
    fn deref(&self) -> &KindSpec {
        self.0
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.level, self.name).cmp(&(other.level, other.name))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom(format!("unknown kind {name:?}")))
    }
}
