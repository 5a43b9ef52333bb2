//! Magento's own queue: lists of writes that are accepted at once and carried out by a consumer later,
//! each for itself.
//!
//! # Guarantees
//! - Each item of a list has the shape that a single write has, with its id *inside* the object: beside
//!   it, Magento takes an update for a creation.
//! - One list holds writes of one route and one scope; the store carries them out in that scope.
//! - A list is refused or taken as a whole; of one that was taken the answer names every item that was
//!   left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Writing;
use super::client::{Client, Request, misshapen};
use super::errors::{Intent, contended};
use super::oauth::encode;
use super::product;
use super::write::{create_body, create_scope, gone, update_body, update_scope};
use crate::domain::FieldName;
use crate::domain::kinds::{Access, Bulk};
use crate::ports::{BatchKey, BulkId, Operation, Payload, StoreError, Submitted, Write};

/// A list that never was.
const NO_LIST: &str = "00000000-0000-0000-0000-000000000000";

/// The route of a list.
struct Route<'a> {
    method: Method,
    scope: String,
    path: &'a str,
}

/// The route of the list that a write can be in.
fn route(write: &Write) -> Option<(Route<'_>, &Bulk)> {
    let entity = &write.entity;
    let kind = &entity.kind.route;
    let bulk = kind.bulk.as_ref()?;
    let (method, scope, path) = match &write.payload {
        Payload::Create(_) | Payload::Update(_) if fields_of(write).is_none() => return None,
        Payload::Create(_) => (
            Method::POST,
            create_scope(entity)?.to_owned(),
            kind.collection,
        ),
        Payload::Update(_) => (Method::PUT, update_scope(entity), bulk.update),
        Payload::Delete => (Method::DELETE, "all".to_owned(), bulk.delete),
    };
    let route = Route {
        method,
        scope,
        path,
    };
    Some((route, bulk))
}

/// The fields that a creation or an update sends, where that is the one request that it takes.
fn fields_of(write: &Write) -> Option<Cow<'_, BTreeMap<FieldName, Value>>> {
    // Only these make their requests in a way that is known here.
    match (write.entity.kind.route.access, &write.payload) {
        (Access::Product, _) => product::at_once(write).map(Cow::Owned),
        (Access::Assignment, Payload::Create(fields) | Payload::Update(fields)) => {
            Some(Cow::Borrowed(fields))
        }
        _ => None,
    }
}

/// Returns what a write can be in one list with.
pub(super) fn batch_key(write: &Write) -> Option<BatchKey> {
    let (route, _) = route(write)?;
    let Route {
        method,
        scope,
        path,
    } = route;
    Some(BatchKey(format!("{method} {scope} {path}")))
}

/// Sends a list.
pub(super) async fn submit(store: &Writing<'_>, writes: &[Write]) -> Result<Submitted, StoreError> {
    let first = writes.first().and_then(route);
    let Some((
        Route {
            method,
            scope,
            path,
        },
        bulk,
    )) = first
    else {
        return Err(no_list());
    };
    let mut items = Vec::with_capacity(writes.len());
    for write in writes {
        items.push(item(store, write, bulk).await?);
    }
    let answer = store
        .client
        .send_to_queue(Request {
            intent: Intent::Write,
            method,
            scope,
            path: path.to_owned(),
            query: None,
            body: Some(Value::Array(items)),
        })
        .await?;
    submitted(&answer).ok_or_else(|| StoreError::InDoubt {
        message: format!(
            "a list of {} writes was sent to the store's queue, but its answer names no list",
            writes.len()
        ),
    })
}

fn no_list() -> StoreError {
    StoreError::Refused {
        status: 400,
        message: "there is no list in which this could be sent".to_owned(),
    }
}

/// One write, as it stands in a list.
async fn item(store: &Writing<'_>, write: &Write, bulk: &Bulk) -> Result<Value, StoreError> {
    let Write {
        entity,
        current,
        payload,
    } = write;
    let fields = || fields_of(write).ok_or_else(no_list);
    let of_product = entity.kind.route.access == Access::Product;
    match (payload, current) {
        (Payload::Create(_) | Payload::Update(_), _) if of_product => {
            product::body(store, entity, fields()?.as_ref()).await
        }
        (Payload::Create(_), _) => Ok(create_body(entity, fields()?.as_ref())),
        (Payload::Update(_), Some(current)) => {
            let mut body = update_body(entity, current, fields()?.as_ref());
            if let Some(Value::Object(object)) = body.get_mut(entity.kind.route.wrapper) {
                let named_by = bulk.named_by.to_owned();
                object
                    .entry(named_by)
                    .or_insert_with(|| json!(entity.key.as_str()));
            }
            Ok(body)
        }
        (Payload::Delete, Some(current)) => {
            let by_key = bulk.named_by == entity.kind.key_field;
            let id = match by_key {
                true => json!(entity.key.as_str()),
                false => json!(current.id.0),
            };
            Ok(Map::from_iter([(bulk.deleted_by.to_owned(), id)]).into())
        }
        (Payload::Update(_) | Payload::Delete, None) => Err(gone(entity)),
    }
}

/// `{"bulk_uuid":…,"request_items":[{"id":0,"status":"accepted"}],"errors":false}`.
fn submitted(answer: &Value) -> Option<Submitted> {
    let bulk = answer.get("bulk_uuid")?.as_str()?;
    let items = answer.get("request_items").and_then(Value::as_array);
    let rejected = items.into_iter().flatten().filter_map(|item| {
        if item.get("status")?.as_str()? != "rejected" {
            return None;
        }
        let why = item.get("error_message").and_then(Value::as_str);
        let why = why.unwrap_or("the store left it out of its list, and does not say why");
        Some((place(item)?, why.to_owned()))
    });
    Some(Submitted {
        bulk: BulkId(bulk.to_owned()),
        rejected: rejected.collect(),
    })
}

fn place(item: &Value) -> Option<usize> {
    usize::try_from(item.get("id")?.as_u64()?).ok()
}

/// Checks whether lists can be sent, and their progress be read.
pub(super) async fn check(client: &Client) -> Result<(), StoreError> {
    match status(client, NO_LIST).await {
        Ok(_) | Err(StoreError::Gone { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns what has become of each operation of a list.
pub(super) async fn progress(
    client: &Client,
    bulk: &BulkId,
) -> Result<BTreeMap<usize, Operation>, StoreError> {
    let answer = status(client, &bulk.0).await?;
    let operations = answer.get("operations_list").and_then(Value::as_array);
    let Some(operations) = operations else {
        return Err(misshapen("no list of operations"));
    };
    let read = |operation: &Value| {
        let place = place(operation).ok_or_else(|| misshapen("an operation without an id"))?;
        Ok((place, state(operation)?))
    };
    operations.iter().map(read).collect()
}

/// The numbers are those of `Magento\Framework\Bulk\OperationInterface`.
fn state(operation: &Value) -> Result<Operation, StoreError> {
    let message = || {
        let words = operation.get("result_message").and_then(Value::as_str);
        words
            .filter(|words| !words.is_empty())
            .unwrap_or("the operation failed in the store's queue, and the store does not say why")
            .to_owned()
    };
    match operation.get("status").and_then(Value::as_u64) {
        Some(1) => Ok(Operation::Done),
        Some(2) => Ok(Operation::FailedForNow { message: message() }),
        // Magento's own services wrap a deadlock, and the consumer takes that for good.
        Some(3) if contended(&message()) => Ok(Operation::FailedForNow { message: message() }),
        Some(3 | 5) => Ok(Operation::Failed { message: message() }),
        Some(4) => Ok(Operation::Open),
        _ => Err(misshapen("an operation with a status of its own")),
    }
}

async fn status(client: &Client, bulk: &str) -> Result<Value, StoreError> {
    let _permit = client.reads.acquire().await;
    let request = Request {
        intent: Intent::Read,
        method: Method::GET,
        scope: "all".to_owned(),
        path: format!("bulk/{}/status", encode(bulk)),
        query: None,
        body: None,
    };
    client.send(request).await
}
