//! Plain values: kinds, keys, fields, desired and observed state, releases, snapshots.
//!
//! No I/O, no async and no clock lives here. Every other module speaks in these words.

mod desired;
mod entity;
mod finding;
mod ids;
pub mod key;
pub mod kinds;
mod marker;
mod nearest;
mod observed;
mod release;
mod shared;
pub mod text;
pub mod vocabulary;

pub use desired::{
    DesiredEntity, DesiredState, DesiredValue, Ensure, FileListing, Listed, Origin, Overridden,
};
pub use entity::{EntityRef, FieldId, Slot, StoreScope, Views};
pub use finding::{Finding, Findings, Severity};
pub use ids::{CommitId, EntityId, EntityKey, FieldName, InvalidId, ReleaseId, StoreCode};
pub use kinds::Kind;
pub use marker::{Marker, marker_of};
pub use nearest::nearest;
pub use observed::{Hit, Observation, ObservedEntity, Presence, StoreView, StoreViews};
pub use release::{
    Action, Activity, Change, ChangeStatus, FieldOutcome, FieldStatus, Level, Phase, PhaseName,
    Release, ReleaseKind, ReleaseStatus,
};
pub use shared::SharedValue;
pub use vocabulary::Vocabulary;

/// A field's value in canonical form: what [`kinds::FieldSpec::canonical`] makes of JSON.
///
/// `null` and "absent from the answer" are the same value; see [`kinds::FieldSpec`].
pub type Value = serde_json::Value;
