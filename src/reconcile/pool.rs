//! What the releases of a ledger have in common, kept once while they are read.

use std::collections::HashSet;
use std::hash::Hash;

use crate::domain::{DesiredValue, EntityRef, FieldId, SharedValue, Value};
use crate::plan::{Before, ReleaseRecord};

/// Names and values met so far. A value is mostly the one that the release before left, and is said
/// several times in its own release.
#[derive(Debug, Default)]
pub(super) struct Pool {
    values: HashSet<SharedValue>,
    entities: HashSet<EntityRef>,
    fields: HashSet<FieldId>,
}

impl Pool {
    /// What a release says, for one that is read back and compared with it.
    pub(super) fn of(release: &ReleaseRecord) -> Self {
        let mut pool = Self::default();
        for (entity, record) in &release.entities {
            pool.entities.insert(entity.clone());
            for (field, slot) in record.slots.iter() {
                pool.fields.insert(field.clone());
                if let Some(DesiredValue::Value(value)) = &slot.desired_after {
                    pool.values.insert(value.clone());
                }
                if let Before::Value(value) = &slot.observed_before {
                    pool.values.insert(value.clone());
                }
            }
        }
        pool
    }

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
