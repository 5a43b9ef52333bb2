//! The store as the releases of a pass find it, one after the other: observed, then derived.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::book::Slots;
use super::stack::{Before, Target};
use crate::domain::kinds::{FieldType, Owner, VIEW_VALUES};
use crate::domain::{
    DesiredValue, Ensure, EntityRef, FieldId, FieldName, Marker, Observation, Presence, Value,
};

/// What a pass knows of the store.
#[derive(Debug, Clone, Default)]
pub(super) struct World<'a> {
    entities: BTreeMap<EntityRef, Known<'a>>,
}

#[derive(Debug, Clone)]
struct Known<'a> {
    /// Its fields; `None` when it does not exist. Those that were read until a release changes one.
    fields: Option<Cow<'a, BTreeMap<FieldName, Value>>>,
    /// The values under `all` beneath those of a view.
    inherited: Option<Arc<BTreeMap<FieldName, Value>>>,
    /// What earlier releases of the pass would have changed.
    touched: BTreeSet<FieldId>,
}

impl<'a> World<'a> {
    pub(super) fn new(observation: &'a Observation) -> Self {
        let mut entities = BTreeMap::new();
        for (entity, presence) in observation {
            let fields = match presence {
                Presence::Found(found) => Some(Cow::Borrowed(&found.fields)),
                // A view has no values of its own where there is no entity yet.
                Presence::Missing if entity.base().is_some() => Some(Cow::Owned(BTreeMap::new())),
                // Under this assignment there is none.
                Presence::Missing
                | Presence::Elsewhere(_)
                | Presence::Alias(_)
                | Presence::Orphan(_) => None,
                Presence::Ambiguous(_) | Presence::UnknownView(_) => continue,
            };
            entities.insert(
                entity.clone(),
                Known {
                    fields,
                    inherited: presence.found().and_then(|found| found.inherited.clone()),
                    touched: BTreeSet::new(),
                },
            );
        }
        Self { entities }
    }

    /// What a slot shows, and whether that is derived. `whole` asks for all fields of an entity.
    pub(super) fn before(
        &self,
        entity: &EntityRef,
        field: &FieldId,
        whole: bool,
    ) -> (Before, bool) {
        let Some(known) = self.entities.get(entity) else {
            return (Before::Unknown, false);
        };
        let before = match (&known.fields, field) {
            (None, _) => Before::Missing,
            (Some(fields), FieldId::Existence) => {
                Before::Entity(whole.then(|| self::whole(entity, fields)))
            }
            (Some(fields), FieldId::Named(name)) => {
                let value = fields.get(name).unwrap_or_else(|| unset(entity));
                Before::Value(value.clone().into())
            }
        };
        let derived = known.touched.contains(field)
            || (whole && !known.touched.is_empty())
            || (known.touched.contains(&FieldId::Existence));
        (before, derived)
    }

    /// The value under `all` beneath that of a view, as it was read.
    pub(super) fn inherited(&self, entity: &EntityRef, field: &FieldName) -> Option<&Value> {
        let inherited = self.entities.get(entity)?.inherited.as_ref()?;
        Some(inherited.get(field).unwrap_or(&Value::Null))
    }

    /// Carries out what one release makes of one entity.
    pub(super) fn apply<'t>(
        &mut self,
        entity: &EntityRef,
        targets: impl Iterator<Item = (&'t FieldId, &'t Target)>,
    ) {
        let Some(known) = self.entities.get_mut(entity) else {
            return;
        };
        let existed = known.fields.is_some();
        // Existence comes first: `FieldId` is ordered so.
        for (field, target) in targets {
            match (field, target) {
                (_, Target::Leave | Target::Desired(None) | Target::PutBack(Before::Unknown)) => {}
                (
                    FieldId::Existence,
                    Target::Desired(Some(DesiredValue::Ensure(Ensure::Absent)))
                    | Target::PutBack(Before::Missing),
                ) => {
                    if known.fields.take().is_some() {
                        known.touched.insert(FieldId::Existence);
                    }
                }
                (
                    FieldId::Existence,
                    Target::Desired(Some(DesiredValue::Ensure(Ensure::Present))),
                ) => {
                    if known.fields.is_none() {
                        known.fields = Some(Cow::Owned(created(entity)));
                        known.touched.insert(FieldId::Existence);
                    }
                }
                (FieldId::Existence, Target::PutBack(Before::Entity(Some(fields)))) => {
                    // One that has taken its place meanwhile gets its fields back, too.
                    let known_fields = known.fields.get_or_insert_with(Cow::default);
                    known_fields.to_mut().extend(fields.clone());
                    known.touched.insert(FieldId::Existence);
                }
                (FieldId::Existence, Target::Desired(Some(_)) | Target::PutBack(_)) => {}
                (
                    FieldId::Named(name),
                    Target::Desired(Some(DesiredValue::Value(value)))
                    | Target::PutBack(Before::Value(value)),
                ) => {
                    if let Some(fields) = &mut known.fields {
                        fields.to_mut().insert(name.clone(), value.to_value());
                        known.touched.insert(field.clone());
                    }
                }
                (FieldId::Named(_), Target::Desired(Some(_)) | Target::PutBack(_)) => {}
            }
        }
        if existed != known.fields.is_some() {
            let own = known.fields.as_ref().and_then(|fields| {
                let mut fields = fields.iter();
                fields.find(|(name, _)| name.as_str() == VIEW_VALUES)
            });
            let own = own.map(|(_, values)| values.clone());
            self.renew_views(entity, own.as_ref());
        }
    }

    /// With an entity its views' own values go; a new one has none, and one that is made again those
    /// that went with it.
    fn renew_views(&mut self, base: &EntityRef, own: Option<&Value>) {
        let views = self.entities.range_mut(base..);
        let views = views.take_while(|(e, _)| e.kind == base.kind && e.key == base.key);
        for (view, known) in views.filter(|(entity, _)| !entity.exists_by_itself()) {
            let values = view.store.single().and_then(|code| own?.get(code.as_str()));
            let values = values.and_then(Value::as_object).into_iter().flatten();
            let fields = values
                .filter_map(|(name, value)| {
                    Some((FieldName::new(name.as_str()).ok()?, value.clone()))
                })
                .collect();
            known.fields = Some(Cow::Owned(fields));
            known.touched.insert(FieldId::Existence);
        }
    }
}

/// What a field shows that nobody has set.
fn unset(entity: &EntityRef) -> &'static Value {
    match entity.exists_by_itself() {
        true => &Value::Null,
        false => Marker::Default.value(),
    }
}

/// The fields from which an entity can be made again: all but those that the store writes itself.
pub(crate) fn whole(
    entity: &EntityRef,
    fields: &BTreeMap<FieldName, Value>,
) -> BTreeMap<FieldName, Value> {
    fields
        .iter()
        .filter(|(name, value)| {
            !value.is_null()
                && entity
                    .kind
                    .field(name.as_str())
                    .is_some_and(|f| match f.owner {
                        Owner::File | Owner::Fixed(_) | Owner::Whole => true,
                        // what the store moves by itself is not waited for
                        Owner::Refused(_) => !f.volatile,
                        Owner::Key | Owner::KeyUnderAll | Owner::Store(_) => false,
                    })
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Puts into the whole of an entity what the release that deletes it puts back: that is how the entity
/// is made again, for no other release will put those fields back then.
pub(crate) fn put_back_into(whole: &mut BTreeMap<FieldName, Value>, slots: &Slots) {
    for (field, record) in slots.iter() {
        if let (FieldId::Named(name), Target::PutBack(Before::Value(value))) =
            (field, &record.target)
        {
            match &**value {
                Value::Null => whole.remove(name),
                value => whole.insert(name.clone(), value.clone()),
            };
        }
    }
}

/// What an entity shows that was just made and whose fields were not set.
fn created(entity: &EntityRef) -> BTreeMap<FieldName, Value> {
    entity
        .kind
        .settable()
        .filter(|field| !field.nullable || field.start.is_some())
        .filter_map(|field| {
            let value = match field.ty {
                _ if field.start.is_some() => field.start.map(|start| start())?,
                FieldType::Bool => Value::Bool(true),
                FieldType::Integer { .. } => Value::from(0),
                FieldType::Text { .. } | FieldType::LongText { .. } => Value::from(""),
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
                | FieldType::Hindrance => return None,
            };
            Some((FieldName::new(field.name).ok()?, value))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Kind, StoreCode, StoreScope};

    #[test]
    fn an_entity_that_is_made_again_has_its_views_values_again() {
        let product = |store| EntityRef {
            kind: Kind::PRODUCT,
            key: "24-MB01".parse().unwrap(),
            store,
        };
        let base = product(StoreScope::All);
        let de = product(StoreScope::view(StoreCode::new("de").unwrap()));
        let fr = product(StoreScope::view(StoreCode::new("fr").unwrap()));
        let name = FieldId::Named("name".parse().unwrap());
        let missing = [&base, &de, &fr].map(|entity| (entity.clone(), Presence::Missing));
        let missing = Observation::from(missing);
        let mut world = World::new(&missing);
        let whole = BTreeMap::from([(
            VIEW_VALUES.parse::<FieldName>().unwrap(),
            json!({"de": {"name": "Tasche"}}),
        )]);
        let again = Target::PutBack(Before::Entity(Some(whole)));
        world.apply(&base, [(&FieldId::Existence, &again)].into_iter());
        let (of_de, derived) = world.before(&de, &name, false);
        assert_eq!(
            (of_de, derived),
            (Before::Value(json!("Tasche").into()), true)
        );
        let (of_fr, _) = world.before(&fr, &name, false);
        assert_eq!(of_fr, Before::Value(Marker::Default.value().clone().into()));

        world.apply(
            &base,
            [(&FieldId::Existence, &Target::PutBack(Before::Missing))].into_iter(),
        );
        let (of_de, _) = world.before(&de, &name, false);
        assert_eq!(of_de, Before::Value(Marker::Default.value().clone().into()));
    }
}
