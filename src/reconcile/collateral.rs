//! What a write must not have moved: the fields nobody listed.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::domain::kinds::Owner;
use crate::domain::{EntityRef, FieldId, FieldName, ObservedEntity, Value};

/// The fields of an entity that a pass does not set and that the store does not move by itself.
fn unlisted<'a>(
    entity: &EntityRef,
    found: &'a ObservedEntity,
    listed: &BTreeSet<FieldId>,
) -> BTreeMap<&'a FieldName, &'a Value> {
    found
        .fields
        .iter()
        .filter(|(name, value)| {
            !value.is_null()
                && !listed.contains(&FieldId::Named((*name).clone()))
                && entity
                    .kind
                    .field(name.as_str())
                    .is_none_or(|spec| !spec.volatile && spec.owner != Owner::Whole)
        })
        .collect()
}

/// A digest of those fields: it outlives a crash.
pub(super) fn digest(
    entity: &EntityRef,
    found: &ObservedEntity,
    listed: &BTreeSet<FieldId>,
) -> String {
    let mut hash = Sha256::new();
    for (name, value) in unlisted(entity, found, listed) {
        let value = value.to_string();
        hash.update(name.as_str().len().to_be_bytes());
        hash.update(name.as_str());
        hash.update(value.len().to_be_bytes());
        hash.update(value);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One field that moved although nobody listed it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moved {
    pub(super) field: FieldName,
    pub(super) before: Value,
    pub(super) after: Value,
}

/// What moved between two readings.
pub(super) fn moved(
    entity: &EntityRef,
    before: &ObservedEntity,
    after: &ObservedEntity,
    listed: &BTreeSet<FieldId>,
) -> Vec<Moved> {
    let then = unlisted(entity, before, listed);
    let now = unlisted(entity, after, listed);
    let names: BTreeSet<&FieldName> = then.keys().chain(now.keys()).copied().collect();
    names
        .into_iter()
        .filter(|name| then.get(name) != now.get(name))
        .map(|name| Moved {
            field: name.clone(),
            before: before.get(name).clone(),
            after: after.get(name).clone(),
        })
        .collect()
}
