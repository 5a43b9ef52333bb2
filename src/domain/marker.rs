//! Values that stand for what is no value of the store's.

use std::sync::LazyLock;

use serde_json::json;

use super::Value;

/// A value that says where the real one comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// `{"default": true}`: a view shows the value under `all` ("use default value").
    Default,
    /// `{"coupled": true}`: the store sets the field when it sets the one that it is coupled to.
    Coupled,
}

static DEFAULT: LazyLock<Value> = LazyLock::new(|| json!({ "default": true }));
static COUPLED: LazyLock<Value> = LazyLock::new(|| json!({ "coupled": true }));

impl Marker {
    /// The value that stands for it.
    pub fn value(self) -> &'static Value {
        match self {
            Self::Default => &DEFAULT,
            Self::Coupled => &COUPLED,
        }
    }

    /// True if a value read from the store is what the marker asks for.
    pub fn met_by(self, seen: &Value) -> bool {
        match self {
            Self::Default => seen == Self::Default.value(),
            // the store has set something
            Self::Coupled => !seen.is_null(),
        }
    }
}

/// The marker that a value is; `None` for a value of the store's.
pub fn marker_of(value: &Value) -> Option<Marker> {
    if !value.is_object() {
        return None;
    }
    [Marker::Default, Marker::Coupled]
        .into_iter()
        .find(|marker| marker.value() == value)
}
