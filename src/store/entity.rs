//! Entities found by key in a search and written one by one: groups, taxes, cart rules, coupons.
//!
//! A search finds by the store's comparison, which ignores case; the key is compared with case here, and
//! exactly one entity has to have it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::belongings;
use super::client::misshapen;
use super::list::{List, send, text_of};
use super::write::{carried, created, delete, gone, same_id, wrapped};
use super::{Reading, Writing, after_a_part};
use crate::domain::kinds::{FieldPlace, FieldType, Owner, UpdateStyle};
use crate::domain::{
    EntityId, EntityKey, EntityRef, FieldName, Kind, Observation, ObservedEntity, Presence,
    Vocabulary,
};
use crate::ports::{Payload, StoreError, Write};

/// Fields by their names.
type Fields = BTreeMap<FieldName, Value>;

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let mut by_kind: BTreeMap<Kind, Vec<&EntityRef>> = BTreeMap::new();
    for entity in wanted {
        by_kind.entry(entity.kind).or_default().push(entity);
    }
    let mut seen = Observation::new();
    for (kind, entities) in by_kind {
        let mut found = search(store, kind, &entities).await?;
        let aliases = aliases(store, kind, &entities, &found).await?;
        for entity in entities {
            let mut hits = found.remove(&entity.key).unwrap_or_default();
            let presence = match (hits.len(), hits.pop()) {
                (1, Some(only)) => Presence::Found(only),
                (_, None) => match aliases.get(&entity.key) {
                    Some(other) => Presence::Alias(other.clone()),
                    None => Presence::Missing,
                },
                (_, Some(last)) => {
                    let others = hits.iter().map(|hit| hit.id);
                    Presence::Ambiguous(others.chain([last.id]).collect())
                }
            };
            seen.insert(entity.clone(), presence);
        }
    }
    belongings::add(store, wanted, &mut seen).await?;
    Ok(seen)
}

/// Everything of a kind that has one of the keys, as the store compares them.
async fn search(
    store: &Reading<'_>,
    kind: Kind,
    entities: &[&EntityRef],
) -> Result<BTreeMap<EntityKey, Vec<ObservedEntity>>, StoreError> {
    let route = &kind.route;
    let keys: BTreeSet<String> = entities
        .iter()
        .map(|entity| entity.key.as_str().to_owned())
        .collect();
    let list = List {
        scope: "all".to_owned(),
        path: route.search.to_owned(),
        fields: String::new(),
        sort: route.id_column,
    };
    let mut found: BTreeMap<EntityKey, Vec<ObservedEntity>> = BTreeMap::new();
    for item in list.among(store.client, route.key_column, &keys).await? {
        let (Some(id), Some(key)) = (id(kind, &item), text_of(&item, kind.key_field)) else {
            return Err(misshapen(&format!("a {} without id or key", kind.label)));
        };
        let Ok(key) = EntityKey::new(key) else {
            continue;
        };
        let fields = natural(store.vocabulary, kind, item);
        let hits = found.entry(key).or_default();
        // two keys that the store compares alike find each other's entities
        if !hits.iter().any(|hit| hit.id == id) {
            hits.push(ObservedEntity {
                id,
                fields,
                inherited: None,
            });
        }
    }
    Ok(found)
}

/// Returns the keys that the store takes for those that were not found: spelled in other letters.
async fn aliases(
    store: &Reading<'_>,
    kind: Kind,
    entities: &[&EntityRef],
    found: &BTreeMap<EntityKey, Vec<ObservedEntity>>,
) -> Result<BTreeMap<EntityKey, EntityKey>, StoreError> {
    let mut aliases = BTreeMap::new();
    let asked: BTreeSet<&EntityKey> = entities.iter().map(|entity| &entity.key).collect();
    if found.keys().all(|key| asked.contains(key)) {
        return Ok(aliases);
    }
    // Only the store knows which of the others it takes for which.
    for entity in entities {
        if !found.contains_key(&entity.key) {
            let alike = search(store, kind, &[*entity]).await?;
            if let Some(other) = alike.into_keys().next() {
                aliases.insert(entity.key.clone(), other);
            }
        }
    }
    Ok(aliases)
}

fn id(kind: Kind, item: &Map<String, Value>) -> Option<EntityId> {
    let id = text_of(item, kind.route.id_field)?;
    id.parse().ok().map(EntityId)
}

/// The fields of an item in natural form, nulls left out.
pub(super) fn natural(vocabulary: &Vocabulary, kind: Kind, mut item: Map<String, Value>) -> Fields {
    let mut extensions = match item.remove("extension_attributes") {
        Some(Value::Object(extensions)) => extensions,
        _ => Map::new(),
    };
    let value = |name: &str, place: FieldPlace| match place {
        FieldPlace::Extension => extensions.remove(name),
        FieldPlace::Top | FieldPlace::Attribute => item.remove(name),
    };
    fields_of(vocabulary, kind, value)
}

fn fields_of(
    vocabulary: &Vocabulary,
    kind: Kind,
    mut value: impl FnMut(&str, FieldPlace) -> Option<Value>,
) -> Fields {
    kind.fields
        .iter()
        .filter_map(|spec| {
            let value = value(spec.name, spec.place)?;
            let value = vocabulary.natural(kind, spec.name, value);
            (!value.is_null()).then_some((FieldName::new(spec.name).ok()?, value))
        })
        .collect()
}

/// Sends one write.
pub(super) async fn write(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let Write {
        entity,
        current,
        payload,
    } = write;
    match (payload, current) {
        (Payload::Create(fields), _) => {
            let id = create(store, entity, fields).await?;
            let restored = belongings::restore(store, entity.kind, id, fields).await;
            restored.map_err(after_a_part)
        }
        (Payload::Update(fields), Some(current)) => {
            update(store, entity, current, fields).await?;
            let restored = belongings::restore(store, entity.kind, current.id, fields).await;
            restored.map_err(after_a_part)
        }
        (Payload::Delete, Some(current)) => delete(store.client, entity, current).await,
        (Payload::Update(_) | Payload::Delete, None) => Err(gone(entity)),
    }
}

async fn create(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<EntityId, StoreError> {
    let kind = entity.kind;
    let mut body = Map::new();
    body.insert(kind.key_field.to_owned(), json!(entity.key.as_str()));
    for (name, value) in own(kind, fields) {
        body.insert(name.to_owned(), store.wire(kind, name, value).await?);
    }
    let body = Some(wrapped(kind.route.wrapper, body));
    let path = kind.route.collection.to_owned();
    let answer = send(store.client, Method::POST, path, body).await?;
    created(entity, answer.as_object().and_then(|it| id(kind, it)))
}

async fn update(
    store: &Writing<'_>,
    entity: &EntityRef,
    current: &ObservedEntity,
    fields: &Fields,
) -> Result<(), StoreError> {
    let kind = entity.kind;
    let route = &kind.route;
    let mut sent: BTreeMap<&str, Value> = own(kind, fields)
        .map(|(name, value)| (name, value.clone()))
        .collect();
    if sent.is_empty() {
        return Ok(());
    }
    let path = match route.update {
        UpdateStyle::Partial => {
            for name in route.carry {
                sent.entry(name)
                    .or_insert_with(|| carried(entity, current, name));
            }
            format!("{}/{}", route.collection, current.id)
        }
        UpdateStyle::Whole => {
            for (name, value) in own(kind, &current.fields) {
                sent.entry(name).or_insert_with(|| value.clone());
            }
            sent.insert(kind.key_field, json!(entity.key.as_str()));
            // what is left out is empty then
            sent.retain(|_, value| !value.is_null());
            route.collection.to_owned()
        }
    };
    let mut body = Map::new();
    body.insert(route.id_field.to_owned(), json!(current.id.0));
    for (name, value) in sent {
        let wire = store.wire(kind, name, &value).await?;
        let wire = match route.update {
            UpdateStyle::Partial => without_lost_labels(store, kind, name, current, wire).await?,
            UpdateStyle::Whole => wire,
        };
        body.insert(name.to_owned(), wire);
    }
    let body = Some(wrapped(route.wrapper, body));
    let answer = send(store.client, Method::PUT, path, body).await?;
    let answered = answer.as_object().and_then(|it| id(kind, it));
    same_id(entity, current.id, answered)
}

/// The fields of the entity itself that can be sent.
fn own(kind: Kind, fields: &Fields) -> impl Iterator<Item = (&str, &Value)> {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(move |(name, _)| {
            let owner = kind.field(name).map(|spec| spec.owner);
            matches!(owner, Some(Owner::File | Owner::Fixed(_)))
        })
}

/// A list of labels is merged by view: one that shall go is sent empty.
async fn without_lost_labels(
    store: &Writing<'_>,
    kind: Kind,
    name: &str,
    current: &ObservedEntity,
    wire: Value,
) -> Result<Value, StoreError> {
    let Some(spec) = kind.field(name).filter(|spec| spec.ty == FieldType::Labels) else {
        return Ok(wire);
    };
    let shown = current
        .fields
        .iter()
        .find(|(field, _)| field.as_str() == name);
    let (Some((_, shown)), Value::Array(mut labels)) = (shown, wire.clone()) else {
        return Ok(wire);
    };
    let shown = store.wire(kind, name, shown).await?;
    for label in shown.as_array().into_iter().flatten() {
        let view = &label["store_id"];
        if !labels.iter().any(|wanted| wanted["store_id"] == *view) {
            labels.push(json!({ "store_id": view, spec.label_member: "" }));
        }
    }
    Ok(Value::Array(labels))
}
