//! The parts that prices and stock have in common: rows that belong to products, of which one request
//! takes many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{Client, Request, misshapen};
use super::errors::Intent;
use super::list::{List, get, objects, text_of};
use super::search::id_of;
use crate::domain::kinds::KindSpec;
use crate::domain::{EntityId, EntityRef, FieldName, ObservedEntity, Presence};
use crate::ports::{Payload, StoreError, Write};

/// The number of SKUs that one request asks for.
const SKUS: usize = 500;

/// A product as far as its rows need it.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) id: EntityId,
    /// By code; empty where they were not asked for.
    attributes: BTreeMap<String, Value>,
}

impl Product {
    /// The value of an attribute in the scope that was asked for.
    pub(super) fn attribute(&self, code: &str) -> Value {
        self.attributes.get(code).cloned().unwrap_or(Value::Null)
    }
}

/// Those of these products that there are, by SKU, compared with case. (The store's comparison ignores
/// it.)
pub(super) async fn products(
    client: &Arc<Client>,
    skus: &BTreeSet<String>,
    scope: &str,
    with_attributes: bool,
) -> Result<BTreeMap<String, Product>, StoreError> {
    let mut fields = "id,sku".to_owned();
    if with_attributes {
        fields.push_str(",custom_attributes");
    }
    let list = List {
        scope: scope.to_owned(),
        path: "products".to_owned(),
        fields,
        sort: "entity_id",
    };
    let mut products = BTreeMap::new();
    for item in list.among(client, "sku", skus).await? {
        let (Some(id), Some(sku)) = (id_of(&item), text_of(&item, "sku")) else {
            return Err(misshapen("a product without id or SKU"));
        };
        let attributes = attributes(item.get("custom_attributes"));
        products.insert(sku, Product { id, attributes });
    }
    products.retain(|sku, _| skus.contains(sku));
    Ok(products)
}

fn attributes(list: Option<&Value>) -> BTreeMap<String, Value> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|row| {
        let code = row.get("attribute_code")?.as_str()?;
        Some((code.to_owned(), row.get("value")?.clone()))
    })
    .collect()
}

/// The SKUs that rows name.
pub(super) fn skus<'a>(rows: impl IntoIterator<Item = &'a EntityRef>) -> BTreeSet<String> {
    rows.into_iter().map(EntityRef::sku).collect()
}

/// The rows of these products, which must all exist. The routes of prices are read by POST.
pub(super) async fn information(
    client: &Client,
    kind: &KindSpec,
    skus: &BTreeSet<String>,
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let skus: Vec<&String> = skus.iter().collect();
    let mut rows = Vec::new();
    for part in skus.chunks(SKUS) {
        let _permit = client.reads.acquire().await;
        let answer = client
            .send(Request {
                intent: Intent::Read,
                method: Method::POST,
                scope: "all".to_owned(),
                path: kind.route.search.to_owned(),
                query: None,
                body: Some(json!({ "skus": part })),
            })
            .await?;
        let found = objects(answer);
        rows.extend(found.ok_or_else(|| misshapen(&format!("no list of {}s", kind.label)))?);
    }
    Ok(rows)
}

/// Returns what stands for a row whose product is missing.
pub(super) fn orphan(row: &EntityRef) -> Presence {
    match row.product() {
        Some(product) => Presence::Orphan(Box::new(product)),
        None => Presence::Missing,
    }
}

/// A row that was found: these of its fields, canonical, nulls left out. The id is that of the product.
pub(super) fn found(
    row: &EntityRef,
    product: &Product,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
) -> Presence {
    let mut known = BTreeMap::new();
    for (name, value) in fields {
        let value = match row.kind.field(name) {
            Some(spec) => spec.canonical(value),
            None => value,
        };
        if let (false, Ok(name)) = (value.is_null(), FieldName::new(name)) {
            known.insert(name, value);
        }
    }
    Presence::Found(ObservedEntity {
        id: product.id,
        fields: known,
        inherited: None,
    })
}

/// The ids of the store's views, by code.
pub(super) async fn view_ids(client: &Client) -> Result<BTreeMap<String, u64>, StoreError> {
    let answer = get(client, "all", "store/storeViews", None).await?;
    let views = objects(answer).ok_or_else(|| misshapen("no list of store views"))?;
    let pairs = views.iter().filter_map(|view| {
        let id = view.get("id")?.as_u64()?;
        Some((text_of(view, "code")?, id))
    });
    Ok(pairs.collect())
}

/// The value that a row is going to have: the one sent, else the one it has.
pub(super) fn resulting(write: &Write, field: &str) -> Value {
    sent(write, field)
        .or_else(|| current(write, field))
        .unwrap_or(Value::Null)
}

/// The value that is sent; null where a field is to be cleared.
pub(super) fn sent(write: &Write, field: &str) -> Option<Value> {
    match &write.payload {
        Payload::Create(fields) | Payload::Update(fields) => named(fields, field),
        Payload::Delete => None,
    }
}

/// The value that was last read.
pub(super) fn current(write: &Write, field: &str) -> Option<Value> {
    named(&write.current.as_ref()?.fields, field)
}

fn named(fields: &BTreeMap<FieldName, Value>, field: &str) -> Option<Value> {
    let mut fields = fields.iter();
    fields.find_map(|(name, value)| (name.as_str() == field).then(|| value.clone()))
}

/// Sends rows together. The answer, as it came.
pub(super) async fn post(
    client: &Client,
    path: &str,
    wrapper: &str,
    rows: Vec<Value>,
) -> Result<Value, StoreError> {
    client
        .send(Request {
            intent: Intent::Write,
            method: Method::POST,
            scope: "all".to_owned(),
            path: path.to_owned(),
            query: None,
            body: Some(json!({ wrapper: rows })),
        })
        .await
}

/// Returns what a refusal of the whole request says of each of its rows. Of several, one is to blame and
/// none was stored: the others may go through once it is known which.
pub(super) fn of_each(error: StoreError, rows: usize) -> StoreError {
    match error {
        StoreError::Refused { message, .. } | StoreError::Gone { message } if rows > 1 => {
            StoreError::Contended {
                message: format!("{message} (said of {rows} rows together)"),
            }
        }
        error => error,
    }
}

/// Results of writes, in any order as they become known.
pub(super) struct Results(Vec<Option<Result<(), StoreError>>>);

impl Results {
    pub(super) fn new(writes: &[Write]) -> Self {
        Self(vec![None; writes.len()])
    }

    /// Says what became of one; what was said first counts.
    pub(super) fn set(&mut self, index: usize, result: Result<(), StoreError>) {
        if let Some(slot) = self.0.get_mut(index) {
            slot.get_or_insert(result);
        }
    }

    /// Says the same of several.
    pub(super) fn fail(&mut self, indices: &[usize], error: &StoreError) {
        for index in indices {
            self.set(*index, Err(error.clone()));
        }
    }

    /// What failed is unknown instead: a request before it went through.
    pub(super) fn doubt(&mut self, index: usize, what: &str) {
        if let Some(Some(result @ Err(_))) = self.0.get_mut(index)
            && let Err(error) = result
        {
            let message = format!("{what}: {error}");
            *result = Err(StoreError::InDoubt { message });
        }
    }

    /// What went through is not all that had to be done.
    pub(super) fn unsure(&mut self, index: usize, error: &StoreError) {
        if let Some(Some(result @ Ok(()))) = self.0.get_mut(index) {
            *result = Err(StoreError::InDoubt {
                message: format!(
                    "it was written, but the views that had the same day could not follow: {error}"
                ),
            });
        }
    }

    pub(super) fn went_through(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Some(Ok(()))))
    }

    pub(super) fn is_open(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(None))
    }

    /// All of them; what was never said is unknown.
    pub(super) fn finish(self) -> Vec<Result<(), StoreError>> {
        let unknown = || StoreError::InDoubt {
            message: "a row was sent, but nothing is known of it".to_owned(),
        };
        self.0
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(unknown())))
            .collect()
    }
}
