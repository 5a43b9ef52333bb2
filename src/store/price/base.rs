//! Base prices. A product always has one for all views, so a row is there when the product is.
//!
//! A view without a price of its own shows that of all views, and no route takes a view's price away
//! again: a rollback writes the price that the view showed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::failures::Shape;
use super::{Row, Stores, send, store_id};
use crate::domain::{EntityRef, Observation, Presence};
use crate::ports::{Payload, StoreError, Write};
use crate::store::list::text_of;
use crate::store::rows::{self, Results, found, information, orphan, products, resulting};
use crate::store::{Reading, Writing};

pub(super) static SHAPE: Shape = Shape {
    row: &[("SKU", "sku"), ("storeId", "store_id")],
    names: 2,
    mistaken: None,
};

pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let products = products(store.client, &rows::skus(wanted), "all", false).await?;
    let kind = wanted.first().map(|entity| entity.kind);
    let mut prices: BTreeMap<(String, u64), Value> = BTreeMap::new();
    if let Some(kind) = kind {
        let existing = products.keys().cloned().collect();
        for row in information(store.client, &kind, &existing).await? {
            if let (Some(sku), Some(id)) = (text_of(&row, "sku"), super::number(&row, "store_id")) {
                let price = row.get("price").cloned().unwrap_or(Value::Null);
                prices.insert((sku, id), price);
            }
        }
    }
    let presence = |entity: &EntityRef| {
        let sku = entity.sku();
        let Some(product) = products.get(&sku) else {
            return orphan(entity);
        };
        match (store_id(entity, store.views), entity.store.single()) {
            (None, Some(view)) => Presence::UnknownView(view.clone()),
            (None, None) => Presence::Missing,
            (Some(id), _) => {
                let own = prices.get(&(sku.clone(), id));
                let price = own.or_else(|| prices.get(&(sku.clone(), 0)));
                let price = price.cloned().unwrap_or(Value::Null);
                found(entity, product, [("price", price)])
            }
        }
    };
    Ok(wanted
        .iter()
        .map(|entity| (entity.clone(), presence(entity)))
        .collect())
}

pub(super) async fn write(
    store: &Writing<'_>,
    writes: &[Write],
    results: &mut Results,
) -> Result<(), StoreError> {
    let stores = Stores::of(store.client, writes).await?;
    let mut rows = Vec::new();
    for (index, write) in writes.iter().enumerate() {
        if write.payload == Payload::Delete {
            // it goes with its product; where that stays, the verification finds the price still there
            results.set(index, Ok(()));
            continue;
        }
        match row(write, &stores) {
            Ok(body) => rows.push(Row { index, body }),
            Err(error) => results.set(index, Err(error)),
        }
    }
    let path = "products/base-prices";
    for index in send(store.client, path, &SHAPE, rows, results).await {
        results.set(index, Ok(()));
    }
    Ok(())
}

fn row(write: &Write, stores: &Stores) -> Result<Value, StoreError> {
    let price = resulting(write, "price");
    if price.is_null() {
        return Err(StoreError::Refused {
            status: 400,
            message: "Magento has no way to take a base price away".to_owned(),
        });
    }
    Ok(json!({
        "sku": write.entity.sku(),
        "store_id": stores.id(&write.entity)?,
        "price": price,
    }))
}
