//! Creating, updating and deleting one entity. The shape of each request is what keeps Magento from doing
//! more than it was asked (a query string or a second key in the body makes an update create).

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{Client, Request};
use super::errors::Intent;
use super::search::id_of;
use crate::domain::kinds::Scoping;
use crate::domain::{EntityId, EntityRef, FieldName, ObservedEntity, StoreScope};
use crate::ports::{Payload, StoreError, Write};

/// Sends one write.
pub(super) async fn write(client: &Client, write: &Write) -> Result<(), StoreError> {
    let Write {
        entity,
        current,
        payload,
    } = write;
    match (payload, current) {
        (Payload::Create(fields), _) => create(client, entity, fields).await.map(|_| ()),
        (Payload::Update(fields), Some(current)) => update(client, entity, current, fields).await,
        (Payload::Delete, Some(current)) => delete(client, entity, current).await,
        (Payload::Update(_) | Payload::Delete, None) => Err(gone(entity)),
    }
}

/// There is nothing to be written to.
pub(super) fn gone(entity: &EntityRef) -> StoreError {
    StoreError::Gone {
        message: format!("{entity} does not exist"),
    }
}

/// Makes an entity; the URL's scope decides its assignment.
pub(super) async fn create(
    client: &Client,
    entity: &EntityRef,
    fields: &BTreeMap<FieldName, Value>,
) -> Result<EntityId, StoreError> {
    let scope = create_scope(entity).ok_or_else(|| several_views(entity))?;
    let route = &entity.kind.route;
    let answer = client
        .send(Request {
            intent: Intent::Write,
            method: Method::POST,
            scope: scope.to_owned(),
            path: route.collection.to_owned(),
            query: None,
            body: Some(create_body(entity, fields)),
        })
        .await?;
    created(entity, answer.as_object().and_then(id_of))
}

/// Returns what the id in the answer to a creation proves.
pub(super) fn created(
    entity: &EntityRef,
    answered: Option<EntityId>,
) -> Result<EntityId, StoreError> {
    answered.ok_or_else(|| StoreError::InDoubt {
        message: format!("{entity} was sent to be created, but the store's answer names no id"),
    })
}

/// Sets fields of an entity.
pub(super) async fn update(
    client: &Client,
    entity: &EntityRef,
    current: &ObservedEntity,
    fields: &BTreeMap<FieldName, Value>,
) -> Result<(), StoreError> {
    let route = &entity.kind.route;
    let answer = client
        .send(Request {
            intent: Intent::Write,
            method: Method::PUT,
            scope: update_scope(entity),
            path: format!("{}/{}", route.collection, current.id),
            query: None,
            body: Some(update_body(entity, current, fields)),
        })
        .await?;
    same_id(entity, current.id, answer.as_object().and_then(id_of))
}

/// Checks whether an update was one, by the id that the store answers.
pub(super) fn same_id(
    entity: &EntityRef,
    id: EntityId,
    answered: Option<EntityId>,
) -> Result<(), StoreError> {
    match answered {
        Some(answered) if answered == id => Ok(()),
        Some(answered) => Err(StoreError::Unusable {
            message: format!("the update of {entity} (id {id}) made a new entity with id {answered}"),
            remedy: "delete the new entity, and see that no proxy in front of the shop adds parameters to requests under `/rest/`: Magento takes an update with a query string for a creation".to_owned(),
        }),
        None => Err(StoreError::InDoubt {
            message: format!("an update of {entity} was sent, but the store's answer names no id"),
        }),
    }
}

/// Takes an entity away.
pub(super) async fn delete(
    client: &Client,
    entity: &EntityRef,
    current: &ObservedEntity,
) -> Result<(), StoreError> {
    let answer = client
        .send(Request {
            intent: Intent::Write,
            method: Method::DELETE,
            scope: "all".to_owned(),
            path: format!("{}/{}", entity.kind.route.collection, current.id),
            query: None,
            body: None,
        })
        .await?;
    is_true(entity, &answer)
}

/// Checks whether the store says that an entity is deleted.
pub(super) fn is_true(entity: &EntityRef, answer: &Value) -> Result<(), StoreError> {
    if *answer == Value::Bool(true) {
        return Ok(());
    }
    Err(StoreError::InDoubt {
        message: format!("{entity} was sent to be deleted, but the store does not say that it is"),
    })
}

/// The scope of the URL that makes an entity of this assignment; `None` where there is none.
pub(super) fn create_scope(entity: &EntityRef) -> Option<&str> {
    match &entity.store {
        StoreScope::All => Some("all"),
        StoreScope::Views(_) => entity.store.single().map(|view| view.as_str()),
    }
}

/// The body that makes an entity.
pub(super) fn create_body(entity: &EntityRef, fields: &BTreeMap<FieldName, Value>) -> Value {
    let spec = entity.kind;
    let mut body = Map::new();
    body.insert(spec.key_field.to_owned(), json!(entity.key.as_str()));
    for (name, value) in fields {
        // the key names the entity, whatever the fields say
        if name.as_str() != spec.key_field {
            body.insert(name.as_str().to_owned(), value.clone());
        }
    }
    wrapped(spec.route.wrapper, body)
}

/// The body that sets fields of an entity.
pub(super) fn update_body(
    entity: &EntityRef,
    current: &ObservedEntity,
    fields: &BTreeMap<FieldName, Value>,
) -> Value {
    let route = &entity.kind.route;
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(current.id.0));
    for name in route.carry {
        let value = carried(entity, current, name);
        body.insert((*name).to_owned(), value);
    }
    for (name, value) in fields {
        body.insert(name.as_str().to_owned(), value.clone());
    }
    wrapped(route.wrapper, body)
}

pub(super) fn wrapped(wrapper: &str, fields: Map<String, Value>) -> Value {
    let mut body = Map::new();
    body.insert(wrapper.to_owned(), Value::Object(fields));
    Value::Object(body)
}

/// The current value of a field that goes along with every update.
pub(super) fn carried(entity: &EntityRef, current: &ObservedEntity, name: &str) -> Value {
    let observed = current
        .fields
        .iter()
        .find_map(|(field, value)| (field.as_str() == name).then(|| value.clone()));
    match observed {
        Some(value) => value,
        // the entity was found by its key, so the key is what the field holds
        None if name == entity.kind.key_field => json!(entity.key.as_str()),
        None => Value::Null,
    }
}

/// The scope of the URL of an update.
pub(super) fn update_scope(entity: &EntityRef) -> String {
    let own_scope = matches!(
        entity.kind.scoping,
        Scoping::Assignment {
            own_scope: true,
            ..
        }
    );
    match &entity.store {
        StoreScope::Views(views) if own_scope || entity.kind.scoping.is_values() => views
            .first()
            .map_or_else(|| "all".to_owned(), |view| view.as_str().to_owned()),
        StoreScope::Views(_) | StoreScope::All => "all".to_owned(),
    }
}

fn several_views(entity: &EntityRef) -> StoreError {
    StoreError::Refused {
        status: 400,
        message: format!(
            "{entity} cannot be created: REST assigns a new {} to all store views or to a single one",
            entity.kind.label
        ),
    }
}
