//! What a write must not have moved: the fields nobody listed.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::domain::kinds::{Owner, fields_of_product};
use crate::domain::{EntityKey, EntityRef, FieldId, FieldName, Kind, ObservedEntity, Value};

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

/// The fields of products that rows of prices in a pass set as well, by the product's key.
#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<EntityKey, BTreeSet<FieldId>>);

impl Rows {
    /// Of all entities of a pass.
    pub(super) fn of<'a>(entities: impl Iterator<Item = &'a EntityRef>) -> Self {
        let mut rows: BTreeMap<EntityKey, BTreeSet<FieldId>> = BTreeMap::new();
        for entity in entities {
            let fields = fields_of_product(entity.kind);
            let product = entity.product().filter(|_| !fields.is_empty());
            if let Some(product) = product {
                let names = fields.iter().filter_map(|name| FieldName::new(*name).ok());
                let known = rows.entry(product.key).or_default();
                known.extend(names.map(FieldId::Named));
            }
        }
        Self(rows)
    }

    /// What they set of an entity.
    pub(super) fn set_of(&self, entity: &EntityRef) -> impl Iterator<Item = FieldId> + '_ {
        let fields = self.0.get(&entity.key);
        let fields = fields.filter(|_| entity.kind == Kind::PRODUCT);
        fields.into_iter().flatten().cloned()
    }
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
