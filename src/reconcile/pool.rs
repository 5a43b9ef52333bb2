//! What the files of a ledger have in common, kept once while they are read.

use std::collections::HashSet;
use std::hash::Hash;

use crate::domain::{EntityRef, FieldId, SharedValue, Value};

/// Names and values met so far. A value is mostly the one that the release before left, and stands in
/// several files.
#[derive(Debug, Default)]
pub(super) struct Pool {
    values: HashSet<SharedValue>,
    entities: HashSet<EntityRef>,
    fields: HashSet<FieldId>,
}

impl Pool {
    /// The value, where it was met before: that one.
    pub(super) fn value(&mut self, value: Value) -> SharedValue {
        match value {
            Value::Null | Value::Bool(_) | Value::String(_) => {
                known(&mut self.values, value.into())
            }
            // Equal is not the same: -0.0 and 0.0, or the keys in another order.
            Value::Number(_) | Value::Array(_) | Value::Object(_) => value.into(),
        }
    }

    /// The entity's name.
    pub(super) fn entity(&mut self, entity: EntityRef) -> EntityRef {
        known(&mut self.entities, entity)
    }

    /// The field's name.
    pub(super) fn field(&mut self, field: FieldId) -> FieldId {
        known(&mut self.fields, field)
    }
}

fn known<T: Hash + Eq + Clone>(met: &mut HashSet<T>, new: T) -> T {
    if let Some(known) = met.get(&new) {
        return known.clone();
    }
    met.insert(new.clone());
    new
}
