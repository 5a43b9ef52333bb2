//! Rows of the price routes.
//!
//! | module | does |
//! |---|---|
//! | `base` | base prices |
//! | `special` | special prices and their days |
//! | `tier` | tier prices |
//! | `failures` | which rows of a request failed, and why |
//!
//! Magento answers 200 with a list of the rows that it did not carry out, and carries out the others.

mod base;
mod failures;
mod special;
mod tier;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use self::failures::Shape;
use super::client::{Client, misshapen};
use super::list::text_of;
use super::rows::{Results, of_each, post, view_ids};
use super::{Reading, Writing};
use crate::domain::{EntityRef, Kind, Observation, StoreScope, StoreViews};
use crate::ports::{StoreError, Write};

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let mut by_kind: BTreeMap<Kind, BTreeSet<EntityRef>> = BTreeMap::new();
    for entity in wanted {
        by_kind
            .entry(entity.kind)
            .or_default()
            .insert(entity.clone());
    }
    let mut seen = Observation::new();
    for (kind, wanted) in by_kind {
        seen.extend(match kind.name {
            "base_price" => base::observe(store, &wanted).await?,
            "special_price" => special::observe(store, &wanted).await?,
            "tier_price" => tier::observe(store, &wanted).await?,
            _ => return Err(misshapen("no way to read this kind")),
        });
    }
    Ok(seen)
}

/// Sends the writes together; one result for each, in their order.
pub(super) async fn write(store: &Writing<'_>, writes: &[Write]) -> Vec<Result<(), StoreError>> {
    let kind = writes.first().map(|write| write.entity.kind);
    let mut results = Results::new(writes);
    let done = match kind.map(|kind| kind.name) {
        Some("base_price") => base::write(store, writes, &mut results).await,
        Some("special_price") => special::write(store, writes, &mut results).await,
        Some("tier_price") => tier::write(store, writes, &mut results).await,
        Some(_) | None => Err(misshapen("no way to write this kind")),
    };
    if let Err(error) = done {
        // something that all of them need could not be read: nothing of what is open was sent
        let open = (0..writes.len()).filter(|index| results.is_open(*index));
        let open: Vec<usize> = open.collect();
        results.fail(&open, &error);
    }
    results.finish()
}

/// A row of a request.
struct Row {
    /// Its place among the writes.
    index: usize,
    body: Value,
}

/// Sends rows, and notes which of them failed. Those that went through are handed back; whether they
/// are done with that is the caller's to say.
async fn send(
    client: &Client,
    path: &str,
    shape: &Shape,
    rows: Vec<Row>,
    results: &mut Results,
) -> Vec<usize> {
    if rows.is_empty() {
        return Vec::new();
    }
    let indices: Vec<usize> = rows.iter().map(|row| row.index).collect();
    let bodies = rows.iter().map(|row| row.body.clone()).collect();
    let answer = match post(client, path, "prices", bodies).await {
        Ok(answer) => answer,
        Err(error) => {
            results.fail(&indices, &of_each(error, indices.len()));
            return Vec::new();
        }
    };
    let Value::Array(failures) = answer else {
        results.fail(
            &indices,
            &StoreError::InDoubt {
                message: format!("prices were sent, but the store's answer to {path} is no list"),
            },
        );
        return Vec::new();
    };
    for (index, error) in failures::of_rows(shape, path, &rows, &failures) {
        results.set(index, Err(error));
    }
    let good = indices.into_iter();
    good.filter(|index| results.is_open(*index)).collect()
}

/// Ids of the stores that rows are for.
struct Stores(BTreeMap<String, u64>);

impl Stores {
    /// Reads them, where there is a row of a view.
    async fn of(client: &Client, writes: &[Write]) -> Result<Self, StoreError> {
        let all = |write: &Write| write.entity.store == StoreScope::All;
        if writes.iter().all(all) {
            return Ok(Self(BTreeMap::new()));
        }
        view_ids(client).await.map(Self)
    }

    fn id(&self, entity: &EntityRef) -> Result<u64, StoreError> {
        let Some(view) = entity.store.single() else {
            return Ok(0);
        };
        let id = self.0.get(view.as_str()).copied();
        id.ok_or_else(|| StoreError::Refused {
            status: 400,
            message: format!("the store has no view `{view}` any more"),
        })
    }
}

/// A whole number of an answer, in quotes or without.
fn number(row: &Map<String, Value>, field: &str) -> Option<u64> {
    text_of(row, field)?.parse().ok()
}

/// The id of the store that a row is for; `None` for a view that there is not.
fn store_id(entity: &EntityRef, views: &StoreViews) -> Option<u64> {
    match entity.store.single() {
        None => Some(0),
        Some(view) => views.id(view).map(u64::from),
    }
}
