//! The observed state: what the store answers now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::marker::Marker;
use super::{EntityId, EntityKey, EntityRef, FieldName, StoreCode, StoreScope, Value};

/// An entity as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedEntity {
    /// The store's id.
    pub id: EntityId,
    /// Every field that REST shows, natural, the server's own among them. A field that is null
    /// is left out; [`ObservedEntity::get`] knows. Of the values of a view: those that differ from the
    /// ones under `all`, a null among them where the view has none.
    pub fields: BTreeMap<FieldName, Value>,
    /// The values under `all` beneath those of a view; `None` for an entity of its own.
    pub inherited: Option<Arc<BTreeMap<FieldName, Value>>>,
}

impl ObservedEntity {
    /// The value of a field: null where the store left it out, "use default" where a view shows the
    /// value under `all`. (No answer tells that from an equal value of the view's own.)
    pub fn get(&self, field: &FieldName) -> &Value {
        match (self.fields.get(field), &self.inherited) {
            (Some(value), _) => value,
            (None, Some(_)) => Marker::Default.value(),
            (None, None) => &Value::Null,
        }
    }

    /// Returns what a visitor sees: the value of the view, or the one that it inherits.
    pub fn effective(&self, field: &FieldName) -> &Value {
        let seen = self.fields.get(field);
        let inherited = || self.inherited.as_ref()?.get(field);
        seen.or_else(inherited).unwrap_or(&Value::Null)
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

/// The finding under one [`EntityRef`].
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
    /// There is none of this spelling, but the store takes this other key for the same: it compares
    /// without regard to case and accents.
    Alias(EntityKey),
    /// There is none, and there can be none, because this entity is missing.
    Orphan(Box<EntityRef>),
}

impl Presence {
    /// The entity, when exactly one was found.
    pub fn found(&self) -> Option<&ObservedEntity> {
        match self {
            Self::Found(entity) => Some(entity),
            Self::Missing
            | Self::Elsewhere(_)
            | Self::Ambiguous(_)
            | Self::UnknownView(_)
            | Self::Alias(_)
            | Self::Orphan(_) => None,
        }
    }
}

/// The findings for all entities that were asked for.
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
