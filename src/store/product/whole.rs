//! The belongings of a product, which go when it is deleted and come back when it is made again: its
//! stock, its place in categories, tier prices and the values of views.
//!
//! The stock in sources, tier prices and the values of views cannot be sent with a new product: each takes
//! requests of its own after it. Each of them may be sent again, so that what was interrupted is
//! finished by an update.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::body::Body;
use super::{Fields, Shelf, dates, own_values, path, put, values_of};
use crate::domain::kinds::{FieldPlace, Owner, VIEW_VALUES};
use crate::domain::{
    EntityKey, EntityRef, FieldName, Kind, StoreCode, StoreScope, Value as Natural,
};
use crate::ports::StoreError;
use crate::store::category_paths;
use crate::store::client::{Client, Request, misshapen};
use crate::store::errors::Intent;
use crate::store::list::{List, get, objects, text_of};
use crate::store::words::Words;
use crate::store::{Reading, Writing};

/// A field that every product has that was read with all that goes with it.
pub(super) const SIGN: &str = VIEW_VALUES;

/// Adds to the products named all that goes with them.
pub(super) async fn add(
    store: &Reading<'_>,
    kind: Kind,
    whole: &BTreeSet<&str>,
    shelf: &mut Shelf,
) -> Result<(), StoreError> {
    if whole.is_empty() {
        return Ok(());
    }
    let skus: BTreeSet<String> = whole.iter().map(|sku| (*sku).to_owned()).collect();
    let mut sources = source_items(store.client, &skus).await?;
    let mut tiers = tier_prices(store.client, &skus).await?;
    let mut own = own_of_views(store, kind, &skus, shelf).await?;
    let mut entire = entire(store.client, &skus).await?;
    let categories = category_paths::of_ids(store.client, &linked(&entire)).await?;
    for sku in &skus {
        let (Some(product), Some(item)) = (shelf.products.get_mut(sku), entire.remove(sku)) else {
            continue;
        };
        let mut add = |name: &str, value: Value| {
            let is_none = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if let (false, Ok(name)) = (is_none, FieldName::new(name)) {
                product.fields.insert(name, value);
            }
        };
        for (name, value) in parts(kind, item, &categories) {
            add(name, value);
        }
        add("source_items", sources.remove(sku).into());
        add("tier_prices", tiers.remove(sku).into());
        add(SIGN, Value::Object(own.remove(sku).unwrap_or_default()));
    }
    Ok(())
}

/// The members of a whole product that no list shows.
fn parts(
    kind: Kind,
    mut item: Map<String, Value>,
    categories: &BTreeMap<String, String>,
) -> Vec<(&'static str, Value)> {
    let mut extension = match item.remove("extension_attributes") {
        Some(Value::Object(extension)) => extension,
        _ => Map::new(),
    };
    let mut parts = Vec::new();
    for field in kind.fields {
        if !matches!(field.owner, Owner::Whole | Owner::Refused(_)) {
            continue;
        }
        let value = match field.place {
            FieldPlace::Extension => extension.remove(field.name),
            FieldPlace::Top if field.owner != Owner::Whole => item.remove(field.name),
            FieldPlace::Top | FieldPlace::Attribute => None,
        };
        let value = match (field.name, value) {
            (_, None) => continue,
            ("stock_item", Some(Value::Object(stock))) => stock_item(stock),
            ("category_links", Some(links)) => named_links(links, categories),
            (_, Some(value)) => value,
        };
        parts.push((field.name, value));
    }
    parts
}

/// A stock item without what names the row, and without what Magento notes by itself.
fn stock_item(mut stock: Map<String, Value>) -> Value {
    for own in ["item_id", "product_id", "stock_id", "low_stock_date"] {
        stock.remove(own);
    }
    stock.retain(|_, value| !value.is_null());
    stock.into()
}

/// Links by the categories' paths: a category that is made again has another id.
fn named_links(links: Value, categories: &BTreeMap<String, String>) -> Value {
    let links = objects(links).unwrap_or_default().into_iter();
    links
        .filter_map(|link| {
            let id = text_of(&link, "category_id")?;
            let position = link.get("position").cloned().unwrap_or(json!(0));
            Some(match categories.get(&id) {
                Some(path) => json!({ "category": path, "position": position }),
                None => json!({ "category_id": id, "position": position }),
            })
        })
        .collect()
}

/// The ids of the categories that products are in.
fn linked(entire: &BTreeMap<String, Map<String, Value>>) -> BTreeSet<String> {
    let links = entire.values().filter_map(|item| {
        let links = item.get("extension_attributes")?.get("category_links")?;
        links.as_array()
    });
    links
        .flatten()
        .filter_map(|link| text_of(link.as_object()?, "category_id"))
        .collect()
}

/// Each product with everything that REST shows of it.
async fn entire(
    client: &Arc<Client>,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Map<String, Value>>, StoreError> {
    let mut running = JoinSet::new();
    for sku in skus.clone() {
        let client = Arc::clone(client);
        let job = async move {
            match get(&client, "all", &path(&sku), None).await {
                Ok(Value::Object(item)) => Ok(Some((sku, item))),
                Ok(_) => Err(misshapen("no product where one was asked for")),
                // taken away meanwhile
                Err(StoreError::Gone { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        running.spawn(job.in_current_span());
    }
    let mut entire = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        let item = joined.map_err(|error| StoreError::Unavailable {
            message: format!("a read was broken off ({error})"),
            retry_after: None,
        })?;
        entire.extend(item?);
    }
    Ok(entire)
}

/// Returns what each view has of its own, by SKU and view.
async fn own_of_views(
    store: &Reading<'_>,
    kind: Kind,
    skus: &BTreeSet<String>,
    shelf: &Shelf,
) -> Result<BTreeMap<String, Map<String, Value>>, StoreError> {
    let mut own: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for view in &store.views.0 {
        for (sku, values) in values_of(store, &view.code, skus).await? {
            let Some(all) = shelf.values.get(&sku) else {
                continue;
            };
            let values: Map<String, Natural> = own_values(kind, all, &values, store.vocabulary)
                .into_iter()
                .map(|(name, value)| (name.as_str().to_owned(), value))
                .collect();
            if !values.is_empty() {
                let views = own.entry(sku).or_default();
                views.insert(view.code.as_str().to_owned(), values.into());
            }
        }
    }
    Ok(own)
}

/// The rows of every source, by SKU.
async fn source_items(
    client: &Arc<Client>,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<Value>>, StoreError> {
    let list = List {
        scope: "all".to_owned(),
        path: "inventory/source-items".to_owned(),
        fields: "sku,source_code,quantity,status".to_owned(),
        sort: "sku",
    };
    match list.among(client, "sku", skus).await {
        Ok(rows) => Ok(by_sku(rows)),
        // a shop may do without the modules of inventory
        Err(StoreError::Unusable { message, .. })
            if message.contains("does not match any route") =>
        {
            Ok(BTreeMap::new())
        }
        Err(error) => Err(error),
    }
}

async fn tier_prices(
    client: &Arc<Client>,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<Value>>, StoreError> {
    let request = Request {
        intent: Intent::Read,
        method: Method::POST,
        scope: "all".to_owned(),
        path: "products/tier-prices-information".to_owned(),
        query: None,
        body: Some(json!({ "skus": skus })),
    };
    let rows = objects(client.send(request).await?);
    Ok(by_sku(
        rows.ok_or_else(|| misshapen("no list of tier prices"))?,
    ))
}

fn by_sku(rows: Vec<Map<String, Value>>) -> BTreeMap<String, Vec<Value>> {
    let mut by_sku: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut row in rows {
        if let Some(Value::String(sku)) = row.remove("sku") {
            by_sku.entry(sku).or_default().push(row.into());
        }
    }
    by_sku
}

/// Returns what is sent, with the product itself, of what goes with it.
pub(super) async fn wire(
    store: &Writing<'_>,
    name: &str,
    value: &Value,
) -> Result<Value, StoreError> {
    if name != "category_links" {
        return Ok(value.clone());
    }
    let links = objects(value.clone()).unwrap_or_default();
    let paths = links
        .iter()
        .filter_map(|link| text_of(link, "category"))
        .collect();
    let ids = category_paths::of_paths(store.client, &paths).await?;
    let mut wire = Vec::with_capacity(links.len());
    for mut link in links {
        if let Some(path) = text_of(&link, "category") {
            let Some(id) = ids.get(&path) else {
                return Err(StoreError::Refused {
                    status: 400,
                    message: format!(
                        "the product was in the category `{path}`, which the store does not have any more, or twice; make it again, or rename one of the two"
                    ),
                });
            };
            link.remove("category");
            link.insert("category_id".to_owned(), id.as_str().into());
        }
        wire.push(Value::Object(link));
    }
    Ok(wire.into())
}

/// Sends what goes with a product and cannot be sent with it. `made`: it was made just now.
pub(super) async fn follow(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
    made: bool,
) -> Result<(), StoreError> {
    let of = |name: &str| {
        let found = fields.iter().find(|(field, _)| field.as_str() == name);
        found.map(|(_, value)| value)
    };
    let views = of(SIGN);
    if made && views.is_some() {
        take_defaults_away(store, entity, fields).await?;
    }
    for (name, route, wrapper) in [
        ("source_items", "inventory/source-items", "sourceItems"),
        ("tier_prices", "products/tier-prices", "prices"),
    ] {
        if let Some(rows) = of(name) {
            send_rows(store, &entity.key, route, wrapper, rows).await?;
        }
    }
    for (view, values) in views.and_then(Value::as_object).into_iter().flatten() {
        let Ok(view) = StoreCode::new(view.as_str()) else {
            continue;
        };
        let under = EntityRef {
            store: StoreScope::view(view),
            ..entity.clone()
        };
        let values: Fields = values
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((FieldName::new(name.as_str()).ok()?, value.clone())))
            .collect();
        let (values, _) = dates::of_update(store, &under, None, &values).await?;
        let body = Body::of(store, &under, &values).await?;
        put(store, &under, body).await?;
    }
    Ok(())
}

/// A new product has defaults for what it is not given; one that is made again shall have nothing there.
async fn take_defaults_away(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<(), StoreError> {
    let sku = entity.key.as_str();
    let shown = Some("fields=custom_attributes".to_owned());
    let answer = get(store.client, "all", &path(sku), shown).await?;
    let custom = answer.get("custom_attributes").and_then(Value::as_array);
    let codes: Vec<String> = custom
        .into_iter()
        .flatten()
        .filter_map(|row| row.get("attribute_code")?.as_str())
        .filter(|code| !fields.keys().any(|name| name.as_str() == *code))
        .filter(|code| {
            let known = store.vocabulary.attribute(entity.kind, code);
            known.is_some_and(|known| known.refused.is_none() && !known.required)
        })
        .map(str::to_owned)
        .collect();
    if codes.is_empty() {
        return Ok(());
    }
    put(store, entity, Body::without(sku, codes)).await
}

async fn send_rows(
    store: &Writing<'_>,
    sku: &EntityKey,
    route: &str,
    wrapper: &str,
    rows: &Value,
) -> Result<(), StoreError> {
    let mut rows = objects(rows.clone()).unwrap_or_default();
    for row in &mut rows {
        row.insert("sku".to_owned(), sku.as_str().into());
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut body = Map::new();
    body.insert(wrapper.to_owned(), rows.into_iter().collect());
    let request = Request {
        intent: Intent::Write,
        method: Method::POST,
        scope: "all".to_owned(),
        path: route.to_owned(),
        query: None,
        body: Some(body.into()),
    };
    let answer = store.client.send(request).await?;
    // bad rows stand in an answer that looks good
    let refused = answer.as_array().and_then(|rows| rows.first());
    match refused.and_then(|row| Words::parse(&row.to_string())) {
        None => Ok(()),
        Some(words) => Err(StoreError::Refused {
            status: 200,
            message: format!("{route}: {}", words.text),
        }),
    }
}
