//! The first day of a special price, which Magento moves with every save.
//!
//! While a product has a special price, a save that leaves `special_from_date` empty sets it to today
//! (`Magento\Catalog\Observer\SetSpecialPriceStartDate`). Under a view even an inherited day counts as
//! empty, so that changing a view's name would start its special price today. An empty text is kept as
//! empty; so the day goes along with every write of a product that has a special price.
//!
//! Under a view that makes rows for all views of the website, though they equal the value under `all`.
//! When that changes, those that equalled it change along with it, as if they only inherited it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::body::Body;
use super::{Fields, Writing, path, put};
use crate::domain::{
    EntityKey, EntityRef, FieldName, Kind, Marker, ObservedEntity, StoreCode, StoreScope, marker_of,
};
use crate::ports::StoreError;
use crate::store::list::{List, get, text_of};

const PRICE: &str = "special_price";
const FROM: &str = "special_from_date";

/// Returns what a product is made with: one that is made again without a first day has none.
pub(super) fn of_new(fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    let again = find(&fields, super::whole::SIGN).is_some();
    if again && stands(find(&fields, PRICE)) && find(&fields, FROM).is_none() {
        set(&mut fields, FROM, "".into());
    }
    fields
}

/// Returns what an update sends, with the first day where it would move; and the day under `all` that
/// views had in common with it, where that changes.
pub(super) async fn of_update(
    store: &Writing<'_>,
    entity: &EntityRef,
    current: Option<&ObservedEntity>,
    fields: &Fields,
) -> Result<(Fields, Option<Value>), StoreError> {
    let seen = match entity.store.single() {
        // the values under `all` may have been written since they were read
        Some(view) => Seen::read(store, entity, view.as_str()).await?,
        None => Seen::of(current),
    };
    let default = match asks_for_default(&seen, fields) {
        true => Seen::read(store, entity, "all").await?.from,
        false => Value::Null,
    };
    Ok(with_day_and_followers(entity, seen, fields, default))
}

/// Returns what an update of an entity sends where it is known without asking the store, and nothing is to
/// follow it; `None` elsewhere. The values that `current` inherits must be those of now.
pub(super) fn of_update_at_once(
    entity: &EntityRef,
    current: &ObservedEntity,
    fields: &Fields,
) -> Option<Fields> {
    let seen = Seen::of(Some(current));
    if asks_for_default(&seen, fields) {
        return None;
    }
    match with_day_and_followers(entity, seen, fields, Value::Null) {
        (fields, None) => Some(fields),
        (_, Some(_)) => None,
    }
}

fn with_day_and_followers(
    entity: &EntityRef,
    seen: Seen,
    fields: &Fields,
    default: Value,
) -> (Fields, Option<Value>) {
    let (known, before) = (seen.is_known(), seen.from.clone());
    let fields = with_day(seen, fields.clone(), default);
    let moves = find(&fields, FROM).is_some_and(|from| !same_day(from, &before));
    let followed = (entity.base().is_none() && known && moves).then_some(before);
    (fields, followed)
}

/// True if there is a special price after an update.
fn stays(seen: &Seen, fields: &Fields) -> bool {
    match find(fields, PRICE) {
        Some(price) if marker_of(price).is_none() => stands(Some(price)),
        _ => !seen.price.is_null(),
    }
}

/// True if the first day of `all` has to be sent.
fn asks_for_default(seen: &Seen, fields: &Fields) -> bool {
    let from = find(fields, FROM).and_then(marker_of);
    from == Some(Marker::Default) && stays(seen, fields)
}

/// `default`: the first day of `all`, where it is asked for.
fn with_day(seen: Seen, mut fields: Fields, default: Value) -> Fields {
    if !stays(&seen, &fields) {
        return fields;
    }
    let from = match find(&fields, FROM) {
        Some(value) => match marker_of(value) {
            Some(Marker::Coupled) if seen.from.is_null() => {
                // it is set along with the price, so that goes along
                if find(&fields, PRICE).is_none() {
                    set(&mut fields, PRICE, seen.price);
                }
                return fields;
            }
            Some(Marker::Coupled) => seen.from,
            // taken away, it would be today's
            Some(Marker::Default) => default,
            None => value.clone(),
        },
        None => seen.from,
    };
    set(
        &mut fields,
        FROM,
        if from.is_null() { "".into() } else { from },
    );
    fields
}

/// Gives the views that had the same first day as `all` the new one, too: one write for each website.
pub(super) async fn follow(
    store: &Writing<'_>,
    entity: &EntityRef,
    before: &Value,
) -> Result<(), StoreError> {
    let now = Seen::read(store, entity, "all").await?;
    let mut websites = BTreeSet::new();
    for (view, website) in &store.vocabulary.websites {
        if !websites.insert(website) {
            continue;
        }
        let there = Seen::read(store, entity, view.as_str()).await?;
        if there.from != *before || there.from == now.from {
            continue;
        }
        let under = EntityRef {
            store: StoreScope::view(view.clone()),
            ..entity.clone()
        };
        give_day(store, &under, &now).await?;
    }
    Ok(())
}

/// The same for many products whose special price was written as a row: `before` is the first day that each
/// had under `all`. What went wrong, by SKU.
///
/// # Accepted losses
/// Where the process ends between the row and this, the views keep the old day.
pub(in crate::store) async fn follow_rows(
    store: &Writing<'_>,
    before: &BTreeMap<String, Value>,
) -> BTreeMap<String, StoreError> {
    let failed = |error: StoreError| {
        let each = before.keys().map(|sku| (sku.clone(), error.clone()));
        each.collect()
    };
    let skus: BTreeSet<String> = before.keys().cloned().collect();
    let now = match Seen::of_many(store, &skus, "all").await {
        Ok(now) => now,
        Err(error) => return failed(error),
    };
    let moved: BTreeSet<String> = before
        .iter()
        .filter(|(sku, day)| now.get(*sku).is_some_and(|now| now.from != **day))
        .map(|(sku, _)| sku.clone())
        .collect();
    let mut errors = BTreeMap::new();
    let mut websites = BTreeSet::new();
    for (view, website) in &store.vocabulary.websites {
        if moved.is_empty() || !websites.insert(website) {
            continue;
        }
        let there = match Seen::of_many(store, &moved, view.as_str()).await {
            Ok(there) => there,
            Err(error) => return failed(error),
        };
        for (sku, there) in there {
            let (Some(day), Some(now)) = (before.get(&sku), now.get(&sku)) else {
                continue;
            };
            if there.from != *day || there.from == now.from {
                continue;
            }
            let followed = match product(&sku, view) {
                Some(under) => give_day(store, &under, now).await,
                None => Ok(()),
            };
            if let Err(error) = followed {
                errors.insert(sku, error);
            }
        }
    }
    errors
}

fn product(sku: &str, view: &StoreCode) -> Option<EntityRef> {
    Some(EntityRef {
        kind: Kind::PRODUCT,
        key: EntityKey::new(sku).ok()?,
        store: StoreScope::view(view.clone()),
    })
}

/// Gives a view the first day that there is under `all`.
async fn give_day(store: &Writing<'_>, under: &EntityRef, now: &Seen) -> Result<(), StoreError> {
    let from = match (now.price.is_null(), now.from.is_null()) {
        (true, _) => Marker::Default.value().clone(),
        (false, true) => "".into(),
        (false, false) => now.from.clone(),
    };
    let mut fields = Fields::new();
    set(&mut fields, FROM, from);
    let body = Body::of(store, under, &fields).await?;
    put(store, under, body).await
}

fn same_day(a: &Value, b: &Value) -> bool {
    let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    a == b || (empty(a) && empty(b)) || marker_of(a).is_some()
}

/// A special price and its first day, natural.
#[derive(Debug, Default)]
struct Seen {
    price: Value,
    from: Value,
}

impl Seen {
    /// True if views may have rows of it: a product without a special price and its day gets none.
    fn is_known(&self) -> bool {
        !self.price.is_null() || !self.from.is_null()
    }

    fn of(current: Option<&ObservedEntity>) -> Self {
        let value = |name: &str| {
            let value = current.and_then(|current| {
                let name = FieldName::new(name).ok()?;
                Some(current.effective(&name).clone())
            });
            value.unwrap_or(Value::Null)
        };
        Self {
            price: value(PRICE),
            from: value(FROM),
        }
    }

    async fn read(
        store: &Writing<'_>,
        entity: &EntityRef,
        scope: &str,
    ) -> Result<Self, StoreError> {
        let fields = Some("fields=custom_attributes".to_owned());
        let answer = get(store.client, scope, &path(entity.key.as_str()), fields).await?;
        Ok(Self::of_item(store, &answer))
    }

    /// Of these products that exist, by SKU.
    async fn of_many(
        store: &Writing<'_>,
        skus: &BTreeSet<String>,
        scope: &str,
    ) -> Result<BTreeMap<String, Self>, StoreError> {
        let list = List {
            scope: scope.to_owned(),
            path: Kind::PRODUCT.route.search.to_owned(),
            fields: "sku,custom_attributes".to_owned(),
            sort: Kind::PRODUCT.route.id_column,
        };
        let column = Kind::PRODUCT.route.key_column;
        let items = list.among(store.client, column, skus).await?;
        let seen = items.into_iter().filter_map(|item| {
            let sku = text_of(&item, "sku")?;
            Some((sku, Self::of_item(store, &Value::Object(item))))
        });
        Ok(seen.collect())
    }

    fn of_item(store: &Writing<'_>, item: &Value) -> Self {
        let custom = item.get("custom_attributes").and_then(Value::as_array);
        let value = |code: &str| {
            let found = custom
                .into_iter()
                .flatten()
                .find(|row| row["attribute_code"] == code);
            let value = found.map_or(Value::Null, |row| row["value"].clone());
            store.vocabulary.natural(Kind::PRODUCT, code, value)
        };
        Self {
            price: value(PRICE),
            from: value(FROM),
        }
    }
}

/// True if Magento takes it for a special price: for PHP a zero is none.
fn stands(price: Option<&Value>) -> bool {
    price.is_some_and(|price| !price.is_null() && price.as_f64() != Some(0.0))
}

fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields
        .iter()
        .find(|(n, _)| n.as_str() == name)
        .map(|(_, v)| v)
}

fn set(fields: &mut Fields, name: &str, value: Value) {
    if let Ok(name) = FieldName::new(name) {
        fields.insert(name, value);
    }
}
