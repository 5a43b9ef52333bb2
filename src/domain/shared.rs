//! A value that is held in many places at once.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;

/// A value of which a copy is another hold on the same one: a release, the stack of its field and
/// where that stands all say the same, and a value may be a whole page.
#[derive(Debug, Clone)]
pub struct SharedValue(Arc<Value>);

impl SharedValue {
    /// The value itself, copied.
    pub fn to_value(&self) -> Value {
        Value::clone(&self.0)
    }

    /// Lets go of a text where `kept` is the same one. Of other values equal is not the same: -0.0 and
    /// 0.0, or the keys in another order.
    pub fn share(&mut self, kept: &Self) {
        if self.0.is_string() && self.0 == kept.0 {
            self.clone_from(kept);
        }
    }
}

impl Deref for SharedValue {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0
    }
}

impl<T: Into<Value>> From<T> for SharedValue {
    fn from(value: T) -> Self {
        Self(Arc::new(value.into()))
    }
}

impl PartialEq for SharedValue {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for SharedValue {}

impl Hash for SharedValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq<Value> for SharedValue {
    fn eq(&self, other: &Value) -> bool {
        *self.0 == *other
    }
}

impl Serialize for SharedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}
