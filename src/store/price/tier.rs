//! Tier prices.
//!
//! # Deleting
//! Magento looks for the row to delete by SKU, group, quantity and amount, but not by website, and takes
//! the first; and a fixed price of nothing it never finds. So the rows of a SKU are read before any is
//! deleted, and one that would not be found, or another one in its place, is given an amount of its own
//! first, a hair beside the one that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Number, Value, json};

use super::failures::Shape;
use super::{Row, send};
use crate::domain::kinds::{FieldType, Referent};
use crate::domain::{EntityRef, Observation, Presence, Vocabulary, key};
use crate::ports::{Payload, StoreError, Write};
use crate::store::client::{Client, misshapen};
use crate::store::list::text_of;
use crate::store::rows::{self, Results, found, information, orphan, products, resulting};
use crate::store::write::gone;
use crate::store::{Reading, Writing};

pub(super) static SHAPE: Shape = Shape {
    row: &[
        ("SKU", "sku"),
        ("websiteId", "website_id"),
        ("customerGroup", "customer_group"),
        ("qty", "quantity"),
    ],
    names: 4,
    mistaken: Some("websiteId"),
};

const PATH: &str = "products/tier-prices";
/// The store's spelling of the word for all groups.
const ALL_GROUPS: &str = "all groups";
const QUANTITY: FieldType = FieldType::Decimal {
    min: 0,
    max: 99_999_999,
};

pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let products = products(store.client, &rows::skus(wanted), "all", false).await?;
    let existing = products.keys().cloned().collect();
    let tiers = Tiers::read(store.client, wanted.first(), &existing, store.vocabulary).await?;
    let presence = |entity: &EntityRef| match (
        products.get(&entity.sku()),
        tiers.0.get(entity.key.as_str()),
    ) {
        (None, _) => orphan(entity),
        (Some(_), None) => Presence::Missing,
        (Some(product), Some(tier)) => {
            let price = tier.row.get("price").cloned().unwrap_or(Value::Null);
            let fields = [("price", price), ("price_type", tier.price_type.clone())];
            found(entity, product, fields)
        }
    };
    Ok(wanted
        .iter()
        .map(|entity| (entity.clone(), presence(entity)))
        .collect())
}

/// One tier of a product as it was read.
#[derive(Debug, Clone)]
struct Tier {
    row: Map<String, Value>,
    price_type: Value,
    /// SKU, group and quantity: what the website does not count for.
    place: (String, String, String),
    amount: Value,
}

/// Tiers by the key that names them.
struct Tiers(BTreeMap<String, Tier>);

impl Tiers {
    async fn read(
        client: &Arc<Client>,
        one: Option<&EntityRef>,
        skus: &BTreeSet<String>,
        vocabulary: &Vocabulary,
    ) -> Result<Self, StoreError> {
        let mut tiers = BTreeMap::new();
        let Some(one) = one.filter(|_| !skus.is_empty()) else {
            return Ok(Self(tiers));
        };
        for row in information(client, &one.kind, skus).await? {
            let (key, tier) = Tier::of(one, row, vocabulary)
                .ok_or_else(|| misshapen("a tier price that nothing names"))?;
            tiers.insert(key, tier);
        }
        Ok(Self(tiers))
    }

    /// True if another row would be taken for this one.
    fn is_ambiguous(&self, key: &str, tier: &Tier) -> bool {
        self.0.iter().any(|(other, twin)| {
            other != key
                && twin.place == tier.place
                && twin.price_type == tier.price_type
                && twin.amount == tier.amount
        })
    }

    /// An amount that no other row of the place has, as near as the column tells apart.
    fn own_amount(&self, tier: &Tier) -> Value {
        let amount = tier.amount.as_f64().unwrap_or_default();
        let step = if tier.price_type == "discount" {
            0.01
        } else {
            0.0001
        };
        // downwards at a hundred percent
        let step = if amount >= 50.0 { -step } else { step };
        let taken = |value: &Value| {
            let mut others = self.0.values();
            others.any(|other| other.place == tier.place && other.amount == *value)
        };
        (1..=1000)
            .map(|n| QUANTITY.canonical(rounded(amount + step * f64::from(n))))
            .find(|value| !taken(value))
            .unwrap_or_else(|| tier.amount.clone())
    }
}

/// Four decimals.
fn rounded(number: f64) -> Value {
    let number: Option<f64> = format!("{number:.4}").parse().ok();
    number
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

impl Tier {
    fn of(
        one: &EntityRef,
        row: Map<String, Value>,
        vocabulary: &Vocabulary,
    ) -> Option<(String, Self)> {
        let sku = text_of(&row, "sku")?;
        let website = match text_of(&row, "website_id")?.as_str() {
            "0" => Referent::Website.everything()?.to_owned(),
            id => {
                let id = Value::from(id);
                let natural = vocabulary.natural(one.kind, "website_id", id.clone());
                natural
                    .as_str()
                    .map_or_else(|| id.to_string(), str::to_owned)
            }
        };
        let group = match text_of(&row, "customer_group")? {
            group if group.eq_ignore_ascii_case(ALL_GROUPS) => {
                Referent::CustomerGroup.everything()?.to_owned()
            }
            group => group,
        };
        let quantity = QUANTITY.canonical(row.get("quantity")?.clone()).to_string();
        let key = key::of_parts([sku.as_str(), &website, &group, &quantity]);
        let price_type = row.get("price_type")?.clone();
        let amount = QUANTITY.canonical(row.get("price")?.clone());
        let tier = Self {
            row,
            price_type,
            place: (sku, group, quantity),
            amount,
        };
        Some((key, tier))
    }
}

pub(super) async fn write(
    store: &Writing<'_>,
    writes: &[Write],
    results: &mut Results,
) -> Result<(), StoreError> {
    let mut set = Vec::new();
    let mut doomed = Vec::new();
    for (index, write) in writes.iter().enumerate() {
        match (&write.payload, &write.current) {
            (Payload::Update(_) | Payload::Delete, None) => {
                results.set(index, Err(gone(&write.entity)));
            }
            (Payload::Delete, Some(_)) => doomed.push((index, &write.entity)),
            (Payload::Create(_) | Payload::Update(_), _) => match body(write, store.vocabulary) {
                Ok(body) => set.push(Row { index, body }),
                Err(error) => results.set(index, Err(error)),
            },
        }
    }
    for index in send(store.client, PATH, &SHAPE, set, results).await {
        results.set(index, Ok(()));
    }
    delete(store, &doomed, results).await
}

/// A row as it is sent.
fn body(write: &Write, vocabulary: &Vocabulary) -> Result<Value, StoreError> {
    let entity = &write.entity;
    let parts = key::parts(entity.key.as_str());
    let [sku, website, group, quantity] = parts.as_slice() else {
        return Err(misshapen("a key without its four parts"));
    };
    let refused = |message: String| StoreError::Refused {
        status: 400,
        message,
    };
    let website = if Some(website.as_str()) == Referent::Website.everything() {
        json!(0)
    } else {
        let name = Value::from(website.as_str());
        let id = vocabulary.wire(entity.kind, "website_id", &name);
        id.map_err(refused)?
    };
    let quantity = QUANTITY.canonical(Value::from(quantity.as_str()));
    Ok(json!({
        "sku": sku,
        "website_id": website,
        "customer_group": group,
        "quantity": quantity,
        "price": resulting(write, "price"),
        "price_type": resulting(write, "price_type"),
    }))
}

async fn delete(
    store: &Writing<'_>,
    doomed: &[(usize, &EntityRef)],
    results: &mut Results,
) -> Result<(), StoreError> {
    let Some((_, first)) = doomed.first() else {
        return Ok(());
    };
    let skus = rows::skus(doomed.iter().map(|(_, entity)| *entity));
    let mut tiers = Tiers::read(store.client, Some(first), &skus, store.vocabulary).await?;
    let mut marked = Vec::new();
    let mut rows = Vec::new();
    for (index, entity) in doomed {
        let Some(tier) = tiers.0.get(entity.key.as_str()).cloned() else {
            results.set(*index, Err(gone(entity)));
            continue;
        };
        let is_nothing = tier.price_type == "fixed" && tier.amount == json!(0);
        let mut row = tier.row.clone();
        if is_nothing || tiers.is_ambiguous(entity.key.as_str(), &tier) {
            let amount = tiers.own_amount(&tier);
            row.insert("price".to_owned(), amount.clone());
            if let Some(known) = tiers.0.get_mut(entity.key.as_str()) {
                known.amount = amount;
            }
            marked.push(Row {
                index: *index,
                body: row.clone().into(),
            });
        }
        rows.push(Row {
            index: *index,
            body: row.into(),
        });
    }
    send(store.client, PATH, &SHAPE, marked, results).await;
    // one that could not be marked must not take another one's place
    rows.retain(|row| results.is_open(row.index));
    let path = "products/tier-prices-delete";
    for index in send(store.client, path, &SHAPE, rows, results).await {
        results.set(index, Ok(()));
    }
    Ok(())
}
