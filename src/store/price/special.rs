//! Special prices and their days.
//!
//! # Reading
//! Magento joins each price with every row of its days, of whatever store, so one price comes several
//! times and with days that are not its own. The price is taken from there, once; the days from the
//! product in the scope of the row.
//!
//! Where a special price was taken away through the product, its days stay behind. They are read as a
//! row without a price, so that a rollback can leave them behind again.
//!
//! # Writing
//! A day that is not sent stays as it was. To clear one, the row is taken away and made anew: two
//! requests. A price that is to go while its days stay goes through the product. Views that have had the
//! same first day as `all` change along with it ([`follow_rows`]).

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::failures::Shape;
use super::{Row, Stores, send, store_id};
use crate::domain::{EntityRef, Kind, Observation, Presence, StoreScope};
use crate::ports::{Payload, StoreError, Write};
use crate::store::client::Request;
use crate::store::errors::Intent;
use crate::store::list::text_of;
use crate::store::product::follow_rows;
use crate::store::rows::{
    self, Product, Results, current, found, information, orphan, products, resulting, sent,
};
use crate::store::write::gone;
use crate::store::{Reading, Writing};

pub(super) static SHAPE: Shape = Shape {
    row: &[
        ("SKU", "sku"),
        ("storeId", "store_id"),
        ("priceFrom", "price_from"),
        ("priceTo", "price_to"),
    ],
    names: 2,
    mistaken: None,
};

/// The days, as the route calls them and as the product does.
const DAYS: [(&str, &str); 2] = [
    ("price_from", "special_from_date"),
    ("price_to", "special_to_date"),
];
const DELETE: &str = "products/special-price-delete";

pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let mut by_scope: BTreeMap<&StoreScope, Vec<&EntityRef>> = BTreeMap::new();
    for entity in wanted {
        by_scope.entry(&entity.store).or_default().push(entity);
    }
    let mut seen = Observation::new();
    let mut existing: BTreeMap<&EntityRef, Product> = BTreeMap::new();
    for (scope, entities) in by_scope {
        if let Some(view) = scope.single().filter(|view| store.views.id(view).is_none()) {
            let unknown = |entity: &&EntityRef| {
                let presence = Presence::UnknownView(view.clone());
                ((*entity).clone(), presence)
            };
            seen.extend(entities.iter().map(unknown));
            continue;
        }
        let scope = scope.single().map_or("all", |view| view.as_str());
        let skus = rows::skus(entities.iter().copied());
        let products = products(store.client, &skus, scope, true).await?;
        for entity in entities {
            match products.get(&entity.sku()) {
                Some(product) => {
                    existing.insert(entity, product.clone());
                }
                None => {
                    seen.insert(entity.clone(), orphan(entity));
                }
            }
        }
    }
    let prices = prices(store, &existing).await?;
    for (entity, product) in existing {
        let price = store_id(entity, store.views).and_then(|id| prices.get(&(entity.sku(), id)));
        seen.insert(entity.clone(), presence(entity, &product, price));
    }
    Ok(seen)
}

/// Each price once, by SKU and store.
async fn prices(
    store: &Reading<'_>,
    existing: &BTreeMap<&EntityRef, Product>,
) -> Result<BTreeMap<(String, u64), Value>, StoreError> {
    let mut prices = BTreeMap::new();
    let Some((first, _)) = existing.first_key_value() else {
        return Ok(prices);
    };
    let skus = rows::skus(existing.keys().copied());
    for row in information(store.client, &first.kind, &skus).await? {
        if let (Some(sku), Some(id)) = (text_of(&row, "sku"), super::number(&row, "store_id")) {
            let price = row.get("price").cloned().unwrap_or(Value::Null);
            prices.insert((sku, id), price);
        }
    }
    Ok(prices)
}

fn presence(entity: &EntityRef, product: &Product, price: Option<&Value>) -> Presence {
    let days = DAYS.map(|(field, code)| (field, product.attribute(code)));
    let left_behind = entity.store == StoreScope::All && days.iter().any(|(_, day)| !day.is_null());
    if price.is_none() && !left_behind {
        return Presence::Missing;
    }
    let price = price.cloned().unwrap_or(Value::Null);
    found(entity, product, [("price", price)].into_iter().chain(days))
}

/// The request that a row needs.
enum Way {
    /// The row with its days.
    Set,
    /// Taken away, then made anew.
    Renew,
    /// Taken away with its days.
    Delete,
    /// The price is taken away and the days stay.
    Leave,
}

fn way(write: &Write) -> Result<Way, StoreError> {
    if matches!(write.payload, Payload::Update(_) | Payload::Delete) && write.current.is_none() {
        return Err(gone(&write.entity));
    }
    if write.payload == Payload::Delete {
        return Ok(Way::Delete);
    }
    let days = || DAYS.iter().map(|(field, _)| *field);
    if resulting(write, "price").is_null() {
        let bare = days().all(|field| resulting(write, field).is_null());
        return Ok(if bare { Way::Delete } else { Way::Leave });
    }
    let cleared = |field: &str| sent(write, field) == Some(Value::Null);
    let had = |field: &str| current(write, field).is_some();
    let renew = days().any(|field| cleared(field) && had(field));
    Ok(if renew { Way::Renew } else { Way::Set })
}

pub(super) async fn write(
    store: &Writing<'_>,
    writes: &[Write],
    results: &mut Results,
) -> Result<(), StoreError> {
    let client = store.client;
    let stores = Stores::of(client, writes).await?;
    let mut deleted = Vec::new();
    let mut made = Vec::new();
    let mut again = BTreeMap::new();
    let mut renewed = Vec::new();
    for (index, write) in writes.iter().enumerate() {
        let id = match stores.id(&write.entity) {
            Ok(id) => id,
            Err(error) => {
                results.set(index, Err(error));
                continue;
            }
        };
        let before = |field: &str| current(write, field);
        match way(write) {
            Ok(Way::Set) => made.push(Row {
                index,
                body: row(write, id, |field| sent(write, field)),
            }),
            Ok(Way::Renew) => {
                deleted.push(Row {
                    index,
                    body: row(write, id, before),
                });
                let whole = row(write, id, |field| Some(resulting(write, field)));
                again.insert(index, whole);
            }
            Ok(Way::Delete) => deleted.push(Row {
                index,
                body: row(write, id, before),
            }),
            Ok(Way::Leave) => {
                let left = leave(store, write).await;
                results.set(index, left);
            }
            Err(error) => results.set(index, Err(error)),
        }
    }
    for index in send(client, DELETE, &SHAPE, deleted, results).await {
        match again.remove(&index) {
            Some(body) => {
                renewed.push(index);
                made.push(Row { index, body });
            }
            None => results.set(index, Ok(())),
        }
    }
    for index in send(client, "products/special-price", &SHAPE, made, results).await {
        results.set(index, Ok(()));
    }
    for index in renewed {
        results.doubt(index, "taken away to be made anew, but then");
    }
    follow(store, writes, results).await;
    Ok(())
}

/// A save of the product under a view has left rows of the first day there: they change along with it.
async fn follow(store: &Writing<'_>, writes: &[Write], results: &mut Results) {
    let (from, code) = DAYS[0];
    let first_day = |write: &Write| {
        let day = current(write, from).filter(|_| write.entity.store == StoreScope::All)?;
        let spec = Kind::PRODUCT.field(code)?;
        let day = spec.canonical(day);
        let stays =
            write.payload != Payload::Delete && spec.canonical(resulting(write, from)) == day;
        (!day.is_null() && !stays).then_some(day)
    };
    let before: BTreeMap<String, Value> = writes
        .iter()
        .enumerate()
        .filter(|(index, _)| results.went_through(*index))
        .filter_map(|(_, write)| Some((write.entity.sku(), first_day(write)?)))
        .collect();
    if before.is_empty() {
        return;
    }
    let errors = follow_rows(store, &before).await;
    for (index, write) in writes.iter().enumerate() {
        if let Some(error) = errors.get(&write.entity.sku()) {
            results.unsure(index, error);
        }
    }
}

/// A row with the days that are given. Magento looks at price and days of a row that it is to delete,
/// too, but finds it by SKU and store.
fn row(write: &Write, store: u64, day: impl Fn(&str) -> Option<Value>) -> Value {
    let price = match &write.payload {
        Payload::Delete => current(write, "price"),
        Payload::Create(_) | Payload::Update(_) => Some(resulting(write, "price")),
    };
    let price = price.filter(|price| !price.is_null());
    let mut row = json!({
        "sku": write.entity.sku(),
        "store_id": store,
        "price": price.unwrap_or_else(|| json!(0)),
    });
    for (field, _) in DAYS {
        if let Some(day) = day(field).filter(|day| !day.is_null()) {
            row[field] = day;
        }
    }
    row
}

/// Takes the price away through the product, and sets the days that are to be set.
async fn leave(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let attribute = |code: &str, value: Value| json!({ "attribute_code": code, "value": value });
    let mut attributes = vec![attribute("special_price", Value::Null)];
    for (field, code) in DAYS {
        if let Some(day) = sent(write, field) {
            attributes.push(attribute(code, day));
        }
    }
    let scope = write.entity.store.single();
    let sku = write.entity.sku();
    let body = json!({ "product": { "sku": sku, "custom_attributes": attributes } });
    let answer = store
        .client
        .send(Request {
            intent: Intent::Write,
            // a known SKU is updated; in the path it would have to be signed in Magento's own way
            method: Method::POST,
            scope: scope.map_or("all", |view| view.as_str()).to_owned(),
            path: "products".to_owned(),
            query: None,
            body: Some(body),
        })
        .await?;
    match answer
        .as_object()
        .and_then(|answer: &Map<String, Value>| text_of(answer, "sku"))
    {
        Some(answered) if answered == sku => Ok(()),
        Some(_) | None => Err(StoreError::InDoubt {
            message: format!(
                "the special price of {sku} was sent to be taken away, but the store's answer does not name it"
            ),
        }),
    }
}
