//! Products of a category.
//!
//! The list of a category's products names those of the categories below it as well, where it is an
//! anchor. So links are read from the products, whose own lists are exact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use super::oauth::encode;
use super::tree::{self, Tree, number};
use super::write::{gone, is_true};
use super::{Reading, Writing};
use crate::domain::key;
use crate::domain::{EntityId, EntityRef, FieldName, Observation, ObservedEntity, Presence};
use crate::ports::{Payload, StoreError, Write};

/// Positions by category.
type Links = BTreeMap<u64, i64>;

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let parts = |entity: &EntityRef| {
        let mut parts = key::parts(entity.key.as_str()).into_iter();
        (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        )
    };
    let keys: Vec<(&EntityRef, (String, String))> = wanted
        .iter()
        .map(|entity| (entity, parts(entity)))
        .collect();
    let paths = keys.iter().map(|(_, (path, _))| path.as_str());
    let tree = Tree::read(store.client, paths).await?;
    let skus = keys.iter().map(|(_, (_, sku))| sku.clone()).collect();
    let products = of_products(store.client, &skus).await?;
    let mut seen = Observation::new();
    for (entity, (path, sku)) in keys {
        let presence = presence(entity, &tree.find(&path), products.get(&sku));
        seen.insert(entity.clone(), presence);
    }
    Ok(seen)
}

fn presence(entity: &EntityRef, categories: &BTreeSet<u64>, product: Option<&Links>) -> Presence {
    let parent = |kind: &str| {
        let mut parents = (entity.kind.parents)(entity).into_iter();
        parents
            .find(|parent| parent.kind.name == kind)
            .map(Box::new)
    };
    let orphan = |kind: &str| parent(kind).map_or(Presence::Missing, Presence::Orphan);
    if categories.len() > 1 {
        return Presence::Ambiguous(categories.iter().copied().map(EntityId).collect());
    }
    let Some(id) = categories.first() else {
        return orphan("category");
    };
    let Some(links) = product else {
        return orphan("product");
    };
    match (links.get(id), FieldName::new("position")) {
        (Some(position), Ok(name)) => Presence::Found(ObservedEntity {
            id: EntityId(*id),
            fields: BTreeMap::from([(name, Value::from(*position))]),
            inherited: None,
        }),
        _ => Presence::Missing,
    }
}

/// The categories of these products; those that do not exist are left out.
async fn of_products(
    client: &Arc<Client>,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Links>, StoreError> {
    if skus.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = List {
        scope: "all".to_owned(),
        path: "products".to_owned(),
        fields: "sku,extension_attributes[category_links]".to_owned(),
        sort: "entity_id",
    };
    let items = list.among(client, "sku", skus).await?;
    let products = items.iter().map(|item| {
        let sku = text_of(item, "sku")?;
        let links = item
            .get("extension_attributes")
            .and_then(|e| e.get("category_links"));
        let links = links.and_then(Value::as_array).into_iter().flatten();
        let links = links.map(|link| link.as_object().and_then(link_of));
        Some((sku, links.collect::<Option<Links>>()?))
    });
    products
        .map(|product| {
            product.ok_or_else(|| misshapen("a product whose categories are unreadable"))
        })
        .collect()
}

fn link_of(link: &Map<String, Value>) -> Option<(u64, i64)> {
    let position = text_of(link, "position")?.parse().ok()?;
    Some((number(link, "category_id")?, position))
}

/// The products of these categories, with their positions.
pub(super) async fn of_categories(
    client: &Arc<Client>,
    ids: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, BTreeMap<String, i64>>, StoreError> {
    let mut skus = BTreeSet::new();
    for id in ids {
        let path = format!("categories/{id}/products");
        let listed = objects(get(client, "all", &path, None).await?);
        let listed = listed.ok_or_else(|| misshapen("no list of a category's products"))?;
        skus.extend(listed.iter().filter_map(|link| text_of(link, "sku")));
    }
    let mut categories: BTreeMap<u64, BTreeMap<String, i64>> = BTreeMap::new();
    for (sku, links) in of_products(client, &skus).await? {
        for (id, position) in links.into_iter().filter(|(id, _)| ids.contains(id)) {
            let links = categories.entry(id).or_default();
            links.insert(sku.clone(), position);
        }
    }
    Ok(categories)
}

/// Sends one write.
pub(super) async fn write(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let entity = &write.entity;
    let parts = key::parts(entity.key.as_str());
    let [path, sku] = parts.as_slice() else {
        return Err(gone(entity));
    };
    let id = match &write.current {
        Some(current) => current.id.0,
        // the pass may have made it a moment ago
        None => tree::resolve(store.client, path).await?,
    };
    let (method, fields) = match &write.payload {
        Payload::Create(fields) => (Method::POST, fields),
        Payload::Update(fields) => (Method::PUT, fields),
        Payload::Delete => return delete(store, entity, id, sku).await,
    };
    let mut positions = fields
        .iter()
        .filter(|(name, _)| name.as_str() == "position");
    let position = positions
        .next()
        .map_or(Value::from(0), |(_, at)| at.clone());
    put(store, method, id, sku, &position).await
}

/// Puts a product into a category, or at another place there.
pub(super) async fn put(
    store: &Writing<'_>,
    method: Method,
    category: u64,
    sku: &str,
    position: &Value,
) -> Result<(), StoreError> {
    let link = json!({ "sku": sku, "position": position, "category_id": category.to_string() });
    let body = json!({ "productLink": link });
    let path = format!("categories/{category}/products");
    let answer = store.send(method, "all", path, Some(body)).await?;
    match answer {
        Value::Bool(true) => Ok(()),
        _ => Err(StoreError::InDoubt {
            message: format!(
                "{sku} was sent to be put into category {category}, but the store does not say that it is"
            ),
        }),
    }
}

async fn delete(
    store: &Writing<'_>,
    entity: &EntityRef,
    id: u64,
    sku: &str,
) -> Result<(), StoreError> {
    let path = format!("categories/{id}/products/{}", encode(sku));
    match store.send(Method::DELETE, "all", path, None).await {
        Ok(answer) => is_true(entity, &answer),
        // Magento's words for a link that is not there, with a 400
        Err(StoreError::Refused { message, .. })
            if message.contains("doesn't contain the specified product") =>
        {
            Err(StoreError::Gone { message })
        }
        Err(error) => Err(error),
    }
}
