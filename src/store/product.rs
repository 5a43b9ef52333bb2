//! Products: found by SKU under `all`, and once more under each view whose values are asked for.
//!
//! Every write names its scope: an address without one would write the values of the default view. A
//! `PUT` holds what is set and nothing else; a full body would make a view's own values of all that it
//! inherits.
//!
//! # Accepted losses
//! A value per website that is set under a view makes Magento keep rows of its own for every view of the
//! website, and nothing takes the first day of a special price away again while that price stands: then
//! the views keep a value of their own that equals the one under `all`.

mod body;
mod dates;
mod whole;

pub(super) use dates::follow_rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value};

use self::body::Body;
use super::client::{Request, misshapen};
use super::errors::Intent;
use super::list::{List, text_of};
use super::oauth::encode;
use super::search::id_of;
use super::write::{gone, update_scope};
use super::{Reading, Writing, after_a_part};
use crate::domain::kinds::{FieldPlace, FieldScope, Owner};
use crate::domain::{
    EntityKey, EntityRef, FieldName, Kind, Marker, Observation, ObservedEntity, Presence,
    StoreCode, StoreScope, Vocabulary, marker_of,
};
use crate::ports::{Payload, StoreError, Write};

/// The columns that lists show of a product.
const SHOWN: &str = "id,sku,name,attribute_set_id,price,status,visibility,type_id,created_at,updated_at,weight,extension_attributes[website_ids],custom_attributes";

/// The fields of a product under one scope.
type Fields = BTreeMap<FieldName, Value>;

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let kind = Kind::PRODUCT;
    let keys = |entities: &mut dyn Iterator<Item = &EntityRef>| -> BTreeSet<String> {
        entities
            .map(|entity| entity.key.as_str().to_owned())
            .collect()
    };
    let skus = keys(&mut wanted.iter());
    let of_views = keys(&mut wanted.iter().filter(|entity| !entity.exists_by_itself()));
    let of_whole = keys(&mut store.whole.iter().filter(|entity| wanted.contains(*entity)));
    let both = of_views.union(&of_whole).map(String::as_str).collect();
    let mut shelf = Shelf::read(store, &skus, &both).await?;
    let whole: BTreeSet<&str> = wanted
        .iter()
        .filter(|entity| store.whole.contains(*entity) && entity.exists_by_itself())
        .map(|entity| entity.key.as_str())
        .filter(|sku| shelf.products.contains_key(*sku))
        .collect();
    whole::add(store, kind, &whole, &mut shelf).await?;

    let mut by_view: BTreeMap<&StoreCode, Vec<&EntityRef>> = BTreeMap::new();
    let mut seen = Observation::new();
    for entity in wanted {
        let StoreScope::Views(views) = &entity.store else {
            continue;
        };
        let sku = entity.key.as_str();
        let unknown = views.iter().find(|code| store.views.id(code).is_none());
        let presence = match (unknown, entity.store.single(), shelf.products.get(sku)) {
            (Some(code), _, _) => Presence::UnknownView(code.clone()),
            (None, Some(view), Some(_)) => {
                by_view.entry(view).or_default().push(entity);
                continue;
            }
            (None, None, Some(product)) => Presence::Found(product.clone()),
            (None, _, None) => shelf.absence(sku),
        };
        seen.insert(entity.clone(), presence);
    }
    for (view, entities) in by_view {
        let skus = keys(&mut entities.iter().copied());
        let values = values_of(store, view, &skus).await?;
        for entity in entities {
            let presence = shelf.of_view(entity, values.get(entity.key.as_str()), store.vocabulary);
            seen.insert(entity.clone(), presence);
        }
    }
    // the last that is asked of the shelf, so that nothing of it is copied
    for entity in wanted.iter().filter(|e| e.store == StoreScope::All) {
        let sku = entity.key.as_str();
        let found = shelf.products.remove(sku).map(Presence::Found);
        let presence = found.unwrap_or_else(|| shelf.absence(sku));
        seen.insert(entity.clone(), presence);
    }
    Ok(seen)
}

/// The products that were found, by SKU, with their values under `all`.
struct Shelf {
    products: BTreeMap<String, ObservedEntity>,
    /// As `inherited` of their views' values, where such are asked for.
    values: BTreeMap<String, Arc<Fields>>,
    /// SKUs that are not there, and the other spelling of each that is.
    aliases: BTreeMap<String, EntityKey>,
}

impl Shelf {
    /// `with_views`: those of which values of views will be asked for.
    async fn read(
        store: &Reading<'_>,
        skus: &BTreeSet<String>,
        with_views: &BTreeSet<&str>,
    ) -> Result<Self, StoreError> {
        let mut products = BTreeMap::new();
        let mut others = BTreeSet::new();
        let mut names = Names::default();
        let take = |item| {
            let sku = sku_of(&item)?;
            if !skus.contains(&sku) {
                others.insert(sku);
                return Ok(());
            }
            let id = id_of(&item).ok_or_else(|| misshapen("a product without an id"))?;
            let fields = fields_of(item, store.vocabulary, &mut names);
            products.insert(
                sku,
                ObservedEntity {
                    id,
                    fields,
                    inherited: None,
                },
            );
            Ok(())
        };
        let list = list("all");
        list.each_among(store.client, "sku", skus, take).await?;
        let mut aliases = BTreeMap::new();
        if !others.is_empty() {
            for sku in skus.iter().filter(|sku| !products.contains_key(*sku)) {
                if let Some(other) = alias(store, sku).await? {
                    aliases.insert(sku.clone(), other);
                }
            }
        }
        let values = products
            .iter()
            .filter(|(sku, _)| with_views.contains(sku.as_str()))
            .map(|(sku, product)| (sku.clone(), Arc::new(product.fields.clone())))
            .collect();
        Ok(Self {
            products,
            values,
            aliases,
        })
    }

    /// Returns what there is instead of a product that was not found.
    fn absence(&self, sku: &str) -> Presence {
        match self.aliases.get(sku) {
            Some(other) => Presence::Alias(other.clone()),
            None => Presence::Missing,
        }
    }

    fn of_view(
        &self,
        entity: &EntityRef,
        values: Option<&Fields>,
        vocabulary: &Vocabulary,
    ) -> Presence {
        let sku = entity.key.as_str();
        match (self.products.get(sku), self.values.get(sku), values) {
            (Some(product), Some(all), Some(values)) => Presence::Found(ObservedEntity {
                id: product.id,
                fields: own_values(entity.kind, all, values, vocabulary),
                inherited: Some(Arc::clone(all)),
            }),
            // taken away between the two lists
            _ => Presence::Missing,
        }
    }
}

/// The values of a view that differ from those under `all`; null where the view has none.
fn own_values(kind: Kind, all: &Fields, values: &Fields, vocabulary: &Vocabulary) -> Fields {
    let names: BTreeSet<&FieldName> = all.keys().chain(values.keys()).collect();
    names
        .into_iter()
        .filter(|name| vocabulary.scope(kind, name.as_str()) != FieldScope::Global)
        .filter(|name| all.get(*name) != values.get(*name))
        .map(|name| {
            let value = values.get(name).cloned().unwrap_or(Value::Null);
            (name.clone(), value)
        })
        .collect()
}

fn list(scope: &str) -> List {
    List {
        scope: scope.to_owned(),
        path: Kind::PRODUCT.route.search.to_owned(),
        fields: SHOWN.to_owned(),
        sort: Kind::PRODUCT.route.id_column,
    }
}

/// Returns what products show under a view, by SKU.
async fn values_of(
    store: &Reading<'_>,
    view: &StoreCode,
    skus: &BTreeSet<String>,
) -> Result<BTreeMap<String, Fields>, StoreError> {
    let mut values = BTreeMap::new();
    let mut names = Names::default();
    let take = |item| {
        let sku = sku_of(&item)?;
        values.insert(sku, fields_of(item, store.vocabulary, &mut names));
        Ok(())
    };
    let list = list(view.as_str());
    list.each_among(store.client, "sku", skus, take).await?;
    Ok(values)
}

/// The SKU that the store takes for this one.
async fn alias(store: &Reading<'_>, sku: &str) -> Result<Option<EntityKey>, StoreError> {
    let one = List {
        fields: "sku".to_owned(),
        ..list("all")
    };
    let items = one
        .among(store.client, "sku", &BTreeSet::from([sku.to_owned()]))
        .await?;
    let Some(item) = items.first() else {
        return Ok(None);
    };
    EntityKey::new(sku_of(item)?)
        .map(Some)
        .map_err(|_| misshapen("a product with an empty SKU"))
}

fn sku_of(item: &Map<String, Value>) -> Result<String, StoreError> {
    text_of(item, "sku").ok_or_else(|| misshapen("a product without a SKU"))
}

/// The names of fields, each of them held once for all products.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, FieldName>);

impl Names {
    fn of(&mut self, name: &str) -> Option<FieldName> {
        if let Some(known) = self.0.get(name) {
            return Some(known.clone());
        }
        let new = FieldName::new(name).ok()?;
        self.0.insert(name.to_owned(), new.clone());
        Some(new)
    }
}

/// Returns what an answer shows of a product, natural; nulls, and what goes by another kind, left out.
fn fields_of(mut item: Map<String, Value>, vocabulary: &Vocabulary, names: &mut Names) -> Fields {
    let kind = Kind::PRODUCT;
    let mut fields = Fields::new();
    let mut add = |name: &str, value: Value| {
        let value = vocabulary.natural(kind, name, value);
        if let (false, Some(name)) = (value.is_null(), names.of(name)) {
            fields.insert(name, value);
        }
    };
    let custom = match item.remove("custom_attributes") {
        Some(Value::Array(custom)) => custom,
        _ => Vec::new(),
    };
    for mut attribute in custom {
        let value = attribute.get_mut("value").map(Value::take);
        let Some(code) = attribute.get("attribute_code").and_then(Value::as_str) else {
            continue;
        };
        // what is refused and in no table goes by another kind, or nobody sets it
        let refused = vocabulary
            .attribute(kind, code)
            .is_some_and(|known| known.refused.is_some());
        let is_listed = kind.fields.iter().any(|field| field.name == code);
        if is_listed || !refused {
            add(code, value.unwrap_or(Value::Null));
        }
    }
    let mut extension = match item.remove("extension_attributes") {
        Some(Value::Object(extension)) => extension,
        _ => Map::new(),
    };
    for field in kind.fields {
        if matches!(field.owner, Owner::Whole | Owner::Refused(_)) {
            continue;
        }
        let value = match field.place {
            FieldPlace::Top => item.remove(field.name),
            FieldPlace::Extension => extension.remove(field.name),
            FieldPlace::Attribute => None,
        };
        add(field.name, value.unwrap_or(Value::Null));
    }
    fields
}

/// The address of a product.
fn path(sku: &str) -> String {
    format!("{}/{}", Kind::PRODUCT.route.collection, encode(sku))
}

/// Sends one write.
pub(super) async fn write(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let Write {
        entity,
        current,
        payload,
    } = write;
    match (payload, current) {
        (Payload::Create(fields), _) => create(store, entity, fields).await,
        (Payload::Update(fields), Some(current)) => {
            update(store, entity, Some(current), fields).await
        }
        // The entity was made earlier in the pass: it was not there to be read.
        (Payload::Update(fields), None) if entity.base().is_some() => {
            update(store, entity, None, fields).await
        }
        (Payload::Delete, Some(_)) => delete(store, entity).await,
        (Payload::Update(_) | Payload::Delete, None) => Err(gone(entity)),
    }
}

async fn create(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<(), StoreError> {
    let fields = dates::of_new(fields);
    let body = Body::of(store, entity, &fields).await?;
    let answer = send(
        store,
        Method::POST,
        "all",
        Kind::PRODUCT.route.collection,
        body,
    )
    .await?;
    answered(entity, &answer)?;
    let followed = whole::follow(store, entity, &fields, true).await;
    followed.map_err(after_a_part)
}

async fn update(
    store: &Writing<'_>,
    entity: &EntityRef,
    current: Option<&ObservedEntity>,
    fields: &Fields,
) -> Result<(), StoreError> {
    let (fields, day) = dates::of_update(store, entity, current, fields).await?;
    let body = Body::of(store, entity, &fields).await?;
    if !body.is_empty() {
        put(store, entity, body).await?;
    }
    if let Some(day) = day {
        let followed = dates::follow(store, entity, &day).await;
        followed.map_err(after_a_part)?;
    }
    whole::follow(store, entity, &fields, false).await
}

/// Returns what a write sends, where it is the one request that it takes: nothing has to be asked before
/// it, and nothing follows it. `None` elsewhere.
pub(super) fn at_once(write: &Write) -> Option<Fields> {
    let entity = &write.entity;
    let fields = match (&write.payload, &write.current) {
        (Payload::Create(fields), _) => dates::of_new(fields),
        (Payload::Update(fields), Some(current)) => {
            dates::of_update_at_once(entity, current, fields)?
        }
        (Payload::Update(_) | Payload::Delete, _) => return None,
    };
    let is_whole = |name: &FieldName| {
        let spec = entity.kind.field(name.as_str());
        spec.is_some_and(|spec| spec.owner == Owner::Whole)
    };
    let is_sent = |value: &Value| marker_of(value) != Some(Marker::Coupled);
    let alone = !fields.keys().any(is_whole) && fields.values().any(is_sent);
    alone.then_some(fields)
}

/// The body of a write that is one request.
pub(super) async fn body(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<Value, StoreError> {
    Ok(Body::of(store, entity, fields).await?.wrapped())
}

async fn put(store: &Writing<'_>, entity: &EntityRef, body: Body) -> Result<(), StoreError> {
    let path = path(entity.key.as_str());
    let answer = send(store, Method::PUT, &update_scope(entity), &path, body).await?;
    answered(entity, &answer)
}

async fn send(
    store: &Writing<'_>,
    method: Method,
    scope: &str,
    path: &str,
    body: Body,
) -> Result<Value, StoreError> {
    let request = Request {
        intent: Intent::Write,
        method,
        scope: scope.to_owned(),
        path: path.to_owned(),
        query: None,
        body: Some(body.wrapped()),
    };
    store.client.send(request).await
}

/// The answer to a write names the product that was written.
fn answered(entity: &EntityRef, answer: &Value) -> Result<(), StoreError> {
    match answer.get("sku").and_then(Value::as_str) {
        Some(sku) if sku == entity.key.as_str() => Ok(()),
        _ => Err(StoreError::InDoubt {
            message: format!("{entity} was sent, but the store's answer does not name it"),
        }),
    }
}

async fn delete(store: &Writing<'_>, entity: &EntityRef) -> Result<(), StoreError> {
    let request = Request {
        intent: Intent::Write,
        method: Method::DELETE,
        scope: "all".to_owned(),
        path: path(entity.key.as_str()),
        query: None,
        body: None,
    };
    match store.client.send(request).await? {
        Value::Bool(true) => Ok(()),
        _ => Err(StoreError::InDoubt {
            message: format!(
                "{entity} was sent to be deleted, but the store does not say that it is"
            ),
        }),
    }
}
