//! Rows of the inventory routes: the stock of a product in a source.
//!
//! Magento takes an unknown SKU without a word and leaves a row without a product, so rows are written
//! of products only that were there when they were read. A row is written whole: where only one of its
//! fields is to change, the other one is read right before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::client::misshapen;
use super::list::{List, text_of};
use super::rows::{Results, found, of_each, orphan, post, products, sent, skus};
use super::write::gone;
use super::{Reading, Writing};
use crate::domain::{EntityRef, Observation, Presence, key};
use crate::ports::{Payload, StoreError, Write};

const PATH: &str = "inventory/source-items";
const FIELDS: [&str; 2] = ["quantity", "status"];

type Row = Map<String, Value>;

/// Rows by the key that names them.
type Rows = BTreeMap<String, Row>;

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let skus = skus(wanted);
    let products = products(store.client, &skus, "all", false).await?;
    let existing = products.keys().cloned().collect();
    let rows = read(store.client, &existing).await?;
    let presence =
        |entity: &EntityRef| match (products.get(&entity.sku()), rows.get(entity.key.as_str())) {
            (None, _) => orphan(entity),
            (Some(_), None) => Presence::Missing,
            (Some(product), Some(row)) => {
                let value = |field: &str| row.get(field).cloned().unwrap_or(Value::Null);
                found(entity, product, FIELDS.map(|field| (field, value(field))))
            }
        };
    Ok(wanted
        .iter()
        .map(|entity| (entity.clone(), presence(entity)))
        .collect())
}

async fn read(
    client: &std::sync::Arc<super::client::Client>,
    skus: &BTreeSet<String>,
) -> Result<Rows, StoreError> {
    if skus.is_empty() {
        return Ok(Rows::new());
    }
    let list = List {
        scope: "all".to_owned(),
        path: PATH.to_owned(),
        fields: String::new(),
        sort: "source_item_id",
    };
    let mut rows = Rows::new();
    for row in list.among(client, "sku", skus).await? {
        let (Some(sku), Some(source)) = (text_of(&row, "sku"), text_of(&row, "source_code")) else {
            return Err(misshapen("a source item without SKU or source"));
        };
        rows.insert(key::of_parts([sku.as_str(), source.as_str()]), row);
    }
    Ok(rows)
}

/// Sends the writes together; one result for each, in their order.
pub(super) async fn write(store: &Writing<'_>, writes: &[Write]) -> Vec<Result<(), StoreError>> {
    let mut results = Results::new(writes);
    let mut saved = Vec::new();
    let mut deleted = Vec::new();
    let mut partial = BTreeSet::new();
    for (index, write) in writes.iter().enumerate() {
        match (&write.payload, &write.current) {
            (Payload::Create(_), _) => saved.push(index),
            (Payload::Update(_), Some(_)) => {
                if FIELDS.iter().any(|field| sent(write, field).is_none()) {
                    partial.insert(write.entity.sku());
                }
                saved.push(index);
            }
            (Payload::Delete, Some(_)) => deleted.push(index),
            (Payload::Update(_) | Payload::Delete, None) => {
                results.set(index, Err(gone(&write.entity)));
            }
        }
    }
    let stored = match read(store.client, &partial).await {
        Ok(stored) => stored,
        Err(error) => {
            results.fail(&saved, &error);
            results.fail(&deleted, &error);
            return results.finish();
        }
    };
    let mut rows = Vec::new();
    for index in std::mem::take(&mut saved) {
        let Some(write) = writes.get(index) else {
            continue;
        };
        match whole(write, &stored) {
            Ok(row) => {
                rows.push(row);
                saved.push(index);
            }
            Err(error) => results.set(index, Err(error)),
        }
    }
    send(store, PATH, &saved, rows, &mut results).await;
    let rows = deleted.iter().filter_map(|index| writes.get(*index));
    let rows = rows.map(|write| identity(&write.entity).into()).collect();
    let path = "inventory/source-items-delete";
    send(store, path, &deleted, rows, &mut results).await;
    results.finish()
}

/// The SKU and source of a row.
fn identity(entity: &EntityRef) -> Row {
    let mut parts = key::parts(entity.key.as_str()).into_iter();
    let mut part = || Value::from(parts.next().unwrap_or_default());
    Row::from_iter([
        ("sku".to_owned(), part()),
        ("source_code".to_owned(), part()),
    ])
}

/// A row as it is sent: with both its fields.
fn whole(write: &Write, stored: &Rows) -> Result<Value, StoreError> {
    let mut row = identity(&write.entity);
    for field in FIELDS {
        let value = match sent(write, field) {
            Some(value) => value,
            None => {
                let stored = stored.get(write.entity.key.as_str());
                let value = stored.and_then(|row| row.get(field)).cloned();
                value.ok_or_else(|| gone(&write.entity))?
            }
        };
        row.insert(field.to_owned(), value);
    }
    Ok(row.into())
}

async fn send(
    store: &Writing<'_>,
    path: &str,
    indices: &[usize],
    rows: Vec<Value>,
    results: &mut Results,
) {
    if rows.is_empty() {
        return;
    }
    match post(store.client, path, "sourceItems", rows).await {
        Ok(answer) if answer == json!([]) => {
            for index in indices {
                results.set(*index, Ok(()));
            }
        }
        Ok(_) => results.fail(
            indices,
            &StoreError::InDoubt {
                message: format!(
                    "source items were sent, but the store's answer to {path} is not the usual one"
                ),
            },
        ),
        Err(error) => results.fail(indices, &of_each(error, indices.len())),
    }
}
