//! The client against a scripted store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bulk;
mod failing;
mod reading;
mod rows;
mod server;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Credentials, Magento, StoreOptions};
use crate::domain::{
    EntityKey, EntityRef, FieldName, Kind, ObservedEntity, StoreCode, StoreScope, StoreView,
    StoreViews,
};
use crate::ports::{Payload, StoreError, StoreWrite as _, Write};

/// Long enough that no message could hold them by chance.
const SECRETS: [&str; 4] = [
    "ck0123456789abcdef0123456789abcd",
    "cs-secret/with+signs=&",
    "atfedcba9876543210fedcba98765432",
    "ts-secret-0123456789",
];

fn magento(url: &str) -> Magento {
    patient(url, Duration::from_secs(30))
}

fn patient(url: &str, timeout: Duration) -> Magento {
    let [
        consumer_key,
        consumer_secret,
        access_token,
        access_token_secret,
    ] = SECRETS.map(Into::into);
    Magento::new(StoreOptions {
        url: url.parse().unwrap(),
        credentials: Credentials {
            consumer_key,
            consumer_secret,
            access_token,
            access_token_secret,
        },
        timeout,
        concurrency: 2,
    })
    .unwrap()
}

fn code(text: &str) -> StoreCode {
    StoreCode::new(text).unwrap()
}

/// default (1), de (2), fr (3).
fn views() -> StoreViews {
    let views = [("default", 1), ("de", 2), ("fr", 3)];
    StoreViews(
        views
            .into_iter()
            .map(|(text, id)| StoreView {
                code: code(text),
                id,
            })
            .collect(),
    )
}

/// `all`, or views separated by commas.
fn entity(kind: Kind, key: &str, store: &str) -> EntityRef {
    let store = match store {
        "all" => StoreScope::All,
        list => StoreScope::Views(list.split(',').map(code).collect()),
    };
    EntityRef {
        kind,
        key: EntityKey::new(key).unwrap(),
        store,
    }
}

fn wanted(entities: &[EntityRef]) -> BTreeSet<EntityRef> {
    entities.iter().cloned().collect()
}

fn fields(json: Value) -> BTreeMap<FieldName, Value> {
    let Value::Object(map) = json else {
        panic!("not a mapping: {json}")
    };
    map.into_iter()
        .map(|(name, value)| (FieldName::new(name).unwrap(), value))
        .collect()
}

fn block(id: u64, key: &str) -> Value {
    json!({"id": id, "identifier": key, "title": "T", "content": "c", "active": true})
}

fn items(items: &[Value]) -> Value {
    match items {
        [] => json!({"items": null, "total_count": 0}),
        items => json!({"items": items, "total_count": items.len()}),
    }
}

/// Writes one by one.
pub(super) trait One {
    async fn create(&self, entity: &EntityRef, fields: &Fields) -> Result<(), StoreError>;
    async fn update(
        &self,
        entity: &EntityRef,
        current: &ObservedEntity,
        fields: &Fields,
    ) -> Result<(), StoreError>;
    async fn delete(&self, entity: &EntityRef, current: &ObservedEntity) -> Result<(), StoreError>;
}

type Fields = BTreeMap<FieldName, Value>;

async fn one(
    store: &Magento,
    entity: &EntityRef,
    current: Option<&ObservedEntity>,
    payload: Payload,
) -> Result<(), StoreError> {
    let write = Write {
        entity: entity.clone(),
        current: current.cloned(),
        payload,
    };
    store.write(&[write]).await.pop().unwrap()
}

impl One for Magento {
    async fn create(&self, entity: &EntityRef, fields: &Fields) -> Result<(), StoreError> {
        one(self, entity, None, Payload::Create(fields.clone())).await
    }
    async fn update(
        &self,
        entity: &EntityRef,
        current: &ObservedEntity,
        fields: &Fields,
    ) -> Result<(), StoreError> {
        one(self, entity, Some(current), Payload::Update(fields.clone())).await
    }
    async fn delete(&self, entity: &EntityRef, current: &ObservedEntity) -> Result<(), StoreError> {
        one(self, entity, Some(current), Payload::Delete).await
    }
}
