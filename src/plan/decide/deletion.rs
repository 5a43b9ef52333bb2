//! The reasons not to delete an entity: the store would delete more with it, or it could not be made again.

use super::creatable;
use crate::domain::kinds::{Charset, FieldType, Owner};
use crate::domain::{EntityRef, FieldName, ObservedEntity, Value};
use crate::plan::context::PlanContext;

/// Says why an entity cannot be deleted alone: the store would delete others along with it although nothing
/// in the pass says so.
pub(super) fn takes_along(
    entity: &EntityRef,
    found: &ObservedEntity,
    context: &PlanContext,
) -> Option<String> {
    let lists = found.fields.iter().filter(|(name, _)| {
        let spec = entity.kind.field(name.as_str());
        spec.is_some_and(|spec| spec.ty == FieldType::Keys)
    });
    let keys = lists.flat_map(|(_, list)| list.as_array().into_iter().flatten());
    let staying: Vec<&str> = keys
        .filter_map(Value::as_str)
        .filter(|key| !context.deletes(entity.kind, key))
        .collect();
    (!staying.is_empty()).then(|| {
        format!(
            "it cannot be deleted alone: the store would delete {} with it; let the same release say `ensure: absent` of them, or move them in the admin",
            staying.join(", ")
        )
    })
}

/// Returns the first field that an entity cannot be made without and this one does not have.
fn missing(entity: &EntityRef, found: &ObservedEntity) -> Option<&'static str> {
    let mut required = entity.kind.settable().filter(|spec| spec.required);
    let spec = required.find(|spec| {
        let name = FieldName::new(spec.name);
        name.is_ok_and(|name| found.get(&name).is_null())
    })?;
    Some(spec.name)
}

/// Says why an entity could not be made again after a deletion.
pub(super) fn irreplaceable(
    entity: &EntityRef,
    found: &ObservedEntity,
    charset: Charset,
) -> Option<String> {
    if !creatable(entity) {
        return Some(format!(
            "deleting a {} assigned to several views could not be undone: REST cannot create it again; delete it in the admin",
            entity.kind.label
        ));
    }
    if let Some(problem) = (entity.kind.check_key)(entity.key.as_str()) {
        return Some(format!(
            "deleting it could not be undone: {}; delete it in the admin",
            problem.message
        ));
    }
    if let Some(why) = entity.kind.permanent {
        return Some(format!("it cannot be deleted: {why}"));
    }
    if let Some(name) = missing(entity, found) {
        return Some(format!(
            "deleting it could not be undone: it has no `{name}`, without which REST cannot make it again; delete it in the admin"
        ));
    }
    for (name, value) in found.fields.iter().filter(|(_, value)| !value.is_null()) {
        let Some(spec) = entity.kind.field(name.as_str()) else {
            continue;
        };
        match spec.owner {
            Owner::Refused(why) => {
                return Some(format!(
                    "deleting it could not be undone: it has a `{name}`, and {why}; delete it in the admin"
                ));
            }
            Owner::Whole if spec.ty == FieldType::Hindrance => {
                return Some(format!(
                    "it cannot be deleted: {}",
                    value.as_str().unwrap_or_default()
                ));
            }
            // what the store says of its own attributes, it takes back
            Owner::File | Owner::Fixed(_) if spec.ty != FieldType::Attribute => {
                if let Some(problem) = spec.check_as(name.as_str(), value, charset) {
                    return Some(format!(
                        "deleting it could not be undone: {}; delete it in the admin",
                        problem.message
                    ));
                }
            }
            Owner::File
            | Owner::Fixed(_)
            | Owner::Key
            | Owner::KeyUnderAll
            | Owner::Store(_)
            | Owner::Whole => {}
        }
    }
    None
}
