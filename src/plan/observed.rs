//! The store as a pass observed it, in the words of the rule.

use serde_json::Value;

use super::entity::Look;
use super::layers::Shown;
use super::room::is_put_aside;
use crate::domain::kinds::{FieldType, Owner};
use crate::domain::{
    EntityRef, FieldId, FieldName, Marker, Observation, Presence, Slot, marker_of,
};

/// The observation of a pass. An entity that is not in it is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a>(pub &'a Observation);

impl Look for Observed<'_> {
    fn shown(&self, slot: &Slot) -> Shown {
        let Some(presence) = self.0.get(&slot.entity) else {
            return Shown::Unknown;
        };
        match (shown(presence, &slot.field), &slot.field) {
            // A value that was put aside for a moment tells nothing of the field.
            (Shown::Value(value), FieldId::Named(name))
                if is_put_aside(&slot.entity, name, &value) =>
            {
                Shown::Unknown
            }
            (seen, _) => seen,
        }
    }

    fn created(&self, slot: &Slot) -> Option<Shown> {
        let FieldId::Named(name) = &slot.field else {
            return None;
        };
        if slot.entity.base().is_some() {
            return Some(Shown::Value(Marker::Default.value().clone().into()));
        }
        created(&slot.entity, name).map(|value| Shown::Value(value.into()))
    }

    fn moves(&self, slot: &Slot) -> bool {
        let FieldId::Named(name) = &slot.field else {
            return false;
        };
        let spec = slot.entity.kind.field(name.as_str());
        spec.is_some_and(|spec| spec.volatile)
    }

    fn whole(&self, entity: &EntityRef) -> Vec<FieldName> {
        let found = self.0.get(entity).and_then(Presence::found);
        let fields = found.into_iter().flat_map(|found| &found.fields);
        let of_whole = fields.filter(|(name, value)| is_of_whole(entity, name, value));
        of_whole.map(|(name, _)| name.clone()).collect()
    }

    fn same(&self, slot: &Slot, held: &Shown, seen: &Shown) -> bool {
        let (Shown::Value(held), Shown::Value(seen), FieldId::Named(name)) =
            (held, seen, &slot.field)
        else {
            return held == seen;
        };
        if held == seen || may_be(&slot.entity, name, held, seen) {
            return true;
        }
        // A view's own value that is equal to the one under `all` shows as inherited.
        let found = self.0.get(&slot.entity).and_then(Presence::found);
        let inherited = found.and_then(|found| found.inherited.as_ref());
        marker_of(seen) == Some(Marker::Default)
            && inherited.is_some_and(|inherited| {
                let value = inherited.get(name).unwrap_or(&Value::Null);
                may_be(&slot.entity, name, held, value)
            })
    }
}

/// Returns what a field shows of an entity that was looked for.
pub fn shown(presence: &Presence, field: &FieldId) -> Shown {
    match (presence, field) {
        (Presence::Found(_), FieldId::Existence) => Shown::Here,
        (Presence::Found(found), FieldId::Named(name)) => {
            Shown::Value(found.get(name).clone().into())
        }
        // There is no entity under this assignment.
        (
            Presence::Missing | Presence::Elsewhere(_) | Presence::Alias(_) | Presence::Orphan(_),
            _,
        ) => Shown::Gone,
        (Presence::Ambiguous(_) | Presence::UnknownView(_), _) => Shown::Unknown,
    }
}

/// True if an entity can be made again from this value among others: all but what the store writes
/// itself.
fn is_of_whole(entity: &EntityRef, name: &FieldName, value: &Value) -> bool {
    let spec = entity.kind.field(name.as_str());
    !value.is_null()
        && spec.is_some_and(|spec| match spec.owner {
            Owner::File | Owner::Fixed(_) | Owner::Whole => true,
            // A value that the store moves by itself is not waited for.
            Owner::Refused(_) => !spec.volatile,
            Owner::Key | Owner::KeyUnderAll | Owner::Store(_) => false,
        })
}

/// Returns the value that a field shows of an entity that was just made without it being set.
fn created(entity: &EntityRef, name: &FieldName) -> Option<Value> {
    let spec = entity
        .kind
        .settable()
        .find(|spec| spec.name == name.as_str())?;
    if let Some(start) = spec.start {
        return Some(start());
    }
    if spec.nullable {
        return Some(Value::Null);
    }
    match spec.ty {
        FieldType::Bool => Some(Value::Bool(true)),
        FieldType::Integer { .. } => Some(Value::from(0)),
        FieldType::Text { .. } | FieldType::LongText { .. } => Some(Value::from("")),
        FieldType::Decimal { .. }
        | FieldType::Date
        | FieldType::DateTime
        | FieldType::Timestamp
        | FieldType::Choice(_)
        | FieldType::Texts
        | FieldType::Reference(_)
        | FieldType::References(_)
        | FieldType::Labels
        | FieldType::Tree
        | FieldType::Attribute
        | FieldType::Json
        | FieldType::Keys
        | FieldType::Hindrance => None,
    }
}

/// True if a value read from the store may be what was made of a field by this value of the files or of
/// a snapshot. Files may say an id, a text or a number where the store is read as a name, a number or a
/// truth: what cannot be compared without the store's words counts as the same.
pub(super) fn may_be(entity: &EntityRef, field: &FieldName, made: &Value, seen: &Value) -> bool {
    let spec = entity.kind.field(field.as_str());
    let in_its_words = spec.is_some_and(|spec| {
        matches!(
            spec.ty,
            FieldType::Attribute | FieldType::Reference(_) | FieldType::References(_)
        )
    });
    if in_its_words && marker_of(made).is_none() && !seen.is_null() && !same_form(made, seen) {
        return true;
    }
    match (marker_of(made), spec) {
        (Some(marker), _) => marker.met_by(seen),
        (None, Some(spec)) => spec.same(made, seen),
        (None, None) => made == seen,
    }
}

/// True if two values are of one type, and lists of texts alike.
fn same_form(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.iter().chain(b).all(Value::is_string),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{Kind, StoreScope};

    #[test]
    fn an_id_in_a_file_may_be_the_name_that_the_store_shows() {
        let block = EntityRef {
            kind: Kind::CMS_BLOCK,
            key: "hero".parse().unwrap(),
            store: StoreScope::All,
        };
        let field: FieldName = "content".parse().unwrap();
        let (crlf, lf) = (Value::from("a\r\n"), Value::from("a\n"));
        assert!(may_be(&block, &field, &crlf, &lf));
        let (id, name) = (Value::from(49), Value::from("Red"));
        assert!(!may_be(&block, &field, &id, &name));
    }
}
