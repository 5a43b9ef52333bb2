//! The observed state: what the store answers now.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EntityId, EntityRef, FieldName, StoreCode, StoreScope, Value};

/// An entity as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedEntity {
    /// The store's id.
    pub id: EntityId,
    /// Every field that REST shows, canonical, the server's own among them. A field that is null
    /// is left out; [`ObservedEntity::get`] knows.
    pub fields: BTreeMap<FieldName, Value>,
}

impl ObservedEntity {
    /// The value of a field; null where the store left it out.
    pub fn get(&self, field: &FieldName) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }
}

/// An entity with the asked key under another assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The store's id.
    pub id: EntityId,
    /// Its assignment.
    pub store: StoreScope,
}

/// What was found under one [`EntityRef`].
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// No entity has this key, under any assignment.
    Missing,
    /// Exactly one entity has this key and this assignment.
    Found(ObservedEntity),
    /// The key exists, but only under these other assignments.
    Elsewhere(Vec<Hit>),
    /// Several entities have this key and this assignment.
    Ambiguous(Vec<EntityId>),
    /// The store has no view of this code.
    UnknownView(StoreCode),
}

impl Presence {
    /// The entity, when exactly one was found.
    pub fn found(&self) -> Option<&ObservedEntity> {
        match self {
            Self::Found(entity) => Some(entity),
            Self::Missing | Self::Elsewhere(_) | Self::Ambiguous(_) | Self::UnknownView(_) => None,
        }
    }
}

/// What was found, for every entity asked for.
pub type Observation = BTreeMap<EntityRef, Presence>;

/// One store view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreView {
    /// Its code.
    pub code: StoreCode,
    /// Its id; 0 ("admin", all views) is not among them.
    pub id: u32,
}

/// The store's views, without "admin".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreViews(pub BTreeSet<StoreView>);

impl StoreViews {
    /// The id of a view.
    pub fn id(&self, code: &StoreCode) -> Option<u32> {
        self.0
            .iter()
            .find(|view| view.code == *code)
            .map(|view| view.id)
    }

    /// The code of a view.
    pub fn code(&self, id: u32) -> Option<&StoreCode> {
        self.0
            .iter()
            .find(|view| view.id == id)
            .map(|view| &view.code)
    }
}
