//! Categories, found by the path of their names, with values per scope.
//!
//! # Guarantees
//! - Every request names its scope; an update is partial and has no query.
//! - A category is deleted only where none is left below it: the store would delete those, too.
//!
//! # What goes with a category
//! The values of its views and its products. Both are read before it is deleted, and written again
//! when it is made anew.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::list::get;
use super::tree::{self, Tree, number};
use super::write::{gone, is_true, same_id};
use super::{Reading, Writing, after_a_part, link};
use crate::domain::key;
use crate::domain::kinds::{FieldPlace, Owner, VIEW_VALUES};

use crate::domain::{
    EntityId, EntityRef, FieldName, Kind, Marker, Observation, ObservedEntity, Presence,
    StoreScope, marker_of,
};
use crate::ports::{Payload, StoreError, Write};

/// Natural values by field.
type Fields = BTreeMap<FieldName, Value>;

/// The fields of an observation for the views, for products and for the categories below.
const VIEWS: &str = VIEW_VALUES;
const LINKS: &str = "product_links";
const BELOW: &str = "subcategories";

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let parents: Vec<EntityRef> = wanted.iter().flat_map(EntityRef::parents).collect();
    let named = wanted.iter().chain(&parents);
    let tree = Tree::read(store.client, named.map(|entity| entity.key.as_str())).await?;
    let mut seen = Observation::new();
    let mut ids = BTreeMap::new();
    for entity in wanted {
        match place(store, entity, &tree) {
            Ok(id) => {
                ids.insert(entity, id);
            }
            Err(presence) => {
                seen.insert(entity.clone(), presence);
            }
        }
    }
    let values = Values::read(store, &ids).await?;
    let mut extras = Extras::read(store, &ids).await?;
    for (entity, id) in ids {
        let presence = match values.observed(entity, id) {
            Some(mut found) => {
                if store.whole.contains(entity) {
                    extras.add_to(&mut found, entity, id, store, &values);
                }
                Presence::Found(found)
            }
            // deleted between the two readings
            None => Presence::Missing,
        };
        seen.insert(entity.clone(), presence);
    }
    Ok(seen)
}

/// The id of a category, or why it has none.
fn place(store: &Reading<'_>, entity: &EntityRef, tree: &Tree) -> Result<u64, Presence> {
    if let StoreScope::Views(views) = &entity.store
        && let Some(view) = views.iter().find(|view| store.views.id(view).is_none())
    {
        return Err(Presence::UnknownView(view.clone()));
    }
    let found = tree.find(entity.key.as_str());
    let mut ids = found.iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(*id),
        (Some(_), Some(_)) => Err(Presence::Ambiguous(
            found.into_iter().map(EntityId).collect(),
        )),
        (None, _) => {
            let parent = (entity.kind.parents)(entity).into_iter().next();
            let parent = parent.filter(|_| entity.exists_by_itself());
            Err(match parent {
                Some(parent) if tree.find(parent.key.as_str()).is_empty() => {
                    Presence::Orphan(Box::new(parent))
                }
                Some(_) | None => Presence::Missing,
            })
        }
    }
}

/// The values of categories by scope.
struct Values(BTreeMap<(String, u64), Fields>);

impl Values {
    async fn read(
        store: &Reading<'_>,
        ids: &BTreeMap<&EntityRef, u64>,
    ) -> Result<Self, StoreError> {
        let mut scopes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut ask = |scope: &str, id: u64| {
            let ids = scopes.entry(scope.to_owned()).or_default();
            ids.insert(id.to_string());
        };
        for (entity, id) in ids {
            ask("all", *id);
            if let Some(view) = entity.store.single() {
                ask(view.as_str(), *id);
            }
            if store.whole.contains(*entity) {
                let views = store.views.0.iter();
                views.for_each(|view| ask(view.code.as_str(), *id));
            }
        }
        let mut values = BTreeMap::new();
        for (scope, ids) in scopes {
            let list = tree::list(&scope, "");
            for item in list.among(store.client, "entity_id", &ids).await? {
                if let Some(id) = number(&item, "id") {
                    values.insert((scope.clone(), id), fields(store, item));
                }
            }
        }
        Ok(Self(values))
    }

    /// The values of a scope: all of them, or of a view those that differ.
    fn observed(&self, entity: &EntityRef, id: u64) -> Option<ObservedEntity> {
        let all = self.0.get(&("all".to_owned(), id))?;
        let (fields, inherited) = match entity.store.single() {
            None => (all.clone(), None),
            Some(view) => {
                let own = own(all, self.0.get(&(view.as_str().to_owned(), id))?);
                (own, Some(all.clone().into()))
            }
        };
        Some(ObservedEntity {
            id: EntityId(id),
            fields,
            inherited,
        })
    }

    /// Returns what each view has of its own.
    fn of_views(&self, store: &Reading<'_>, id: u64) -> Option<Value> {
        let all = self.0.get(&("all".to_owned(), id))?;
        let views = store.views.0.iter().filter_map(|view| {
            let own = own(all, self.0.get(&(view.code.as_str().to_owned(), id))?);
            let own: Map<String, Value> = own
                .into_iter()
                .map(|(name, value)| (name.as_str().to_owned(), value))
                .collect();
            (!own.is_empty()).then(|| (view.code.as_str().to_owned(), Value::Object(own)))
        });
        let views: Map<String, Value> = views.collect();
        (!views.is_empty()).then_some(Value::Object(views))
    }
}

/// One category of a list, with natural values; nulls are left out.
fn fields(store: &Reading<'_>, item: Map<String, Value>) -> Fields {
    let kind = Kind::CATEGORY;
    let mut fields = Fields::new();
    let mut add = |name: &str, value: Value| {
        let value = store.vocabulary.natural(kind, name, value);
        if let (Ok(name), false) = (FieldName::new(name), value.is_null()) {
            fields.entry(name).or_insert(value);
        }
    };
    let mut custom = Value::Null;
    for (name, value) in item {
        match kind.field(&name) {
            _ if name == "custom_attributes" => custom = value,
            Some(spec) if spec.place == FieldPlace::Top && spec.name == name => add(&name, value),
            _ => {}
        }
    }
    for attribute in custom.as_array().into_iter().flatten() {
        if let (Some(code), Some(value)) = (
            attribute.get("attribute_code").and_then(Value::as_str),
            attribute.get("value"),
        ) {
            add(code, value.clone());
        }
    }
    fields
}

/// Returns what a view has of its own: what differs, a null where it shows nothing.
fn own(all: &Fields, view: &Fields) -> Fields {
    let names: BTreeSet<&FieldName> = all.keys().chain(view.keys()).collect();
    let settable = |name: &FieldName| {
        let spec = Kind::CATEGORY.field(name.as_str());
        spec.is_some_and(|spec| matches!(spec.owner, Owner::File | Owner::KeyUnderAll))
    };
    names
        .into_iter()
        .filter(|name| settable(name) && all.get(*name) != view.get(*name))
        .map(|name| (name.clone(), view.get(name).cloned().unwrap_or_default()))
        .collect()
}

/// The links and values that go with categories that are to be deleted.
struct Extras {
    /// Positions by category and SKU.
    links: BTreeMap<u64, BTreeMap<String, i64>>,
    /// Names of the categories right below, by their parent.
    below: BTreeMap<u64, BTreeSet<String>>,
}

impl Extras {
    async fn read(
        store: &Reading<'_>,
        ids: &BTreeMap<&EntityRef, u64>,
    ) -> Result<Self, StoreError> {
        let whole = ids
            .iter()
            .filter(|(entity, _)| store.whole.contains(**entity) && entity.exists_by_itself());
        let whole: BTreeSet<u64> = whole.map(|(_, id)| *id).collect();
        let mut below: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for (parent, name) in tree::below(store.client, &whole).await? {
            below.entry(parent).or_default().insert(name);
        }
        Ok(Self {
            links: link::of_categories(store.client, &whole).await?,
            below,
        })
    }

    fn add_to(
        &mut self,
        found: &mut ObservedEntity,
        entity: &EntityRef,
        id: u64,
        store: &Reading<'_>,
        values: &Values,
    ) {
        let mut add = |name: &str, value: Value| {
            if let Ok(name) = FieldName::new(name) {
                found.fields.insert(name, value);
            }
        };
        if let Some(views) = values.of_views(store, id) {
            add(VIEWS, views);
        }
        if let Some(links) = self.links.remove(&id) {
            add(LINKS, json!(links));
        }
        if let Some(names) = self.below.remove(&id) {
            let own = key::names(entity.key.as_str());
            let path = |name: &String| {
                let names = own.iter().chain([name]).map(String::as_str);
                Value::from(key::of_names(names))
            };
            add(BELOW, names.iter().map(path).collect());
        }
    }
}

/// Sends one write.
pub(super) async fn write(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let Write {
        entity,
        current,
        payload,
    } = write;
    match (payload, current) {
        (Payload::Create(fields), _) => {
            let id = create(store, entity, fields).await?;
            let restored = restore(store, entity, id, fields).await;
            restored.map_err(after_a_part)
        }
        (Payload::Update(fields), current) => {
            // the values of a view, where the pass has made the category a moment ago
            let id = match current {
                Some(current) => current.id.0,
                None => tree::resolve(store.client, entity.key.as_str()).await?,
            };
            update(store, entity, id, fields).await?;
            let restored = restore(store, entity, id, fields).await;
            restored.map_err(after_a_part)
        }
        (Payload::Delete, Some(current)) => delete(store, entity, current.id.0).await,
        (Payload::Delete, None) => Err(gone(entity)),
    }
}

async fn create(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<u64, StoreError> {
    let key = entity.key.as_str();
    let parent = tree::resolve_parent(store.client, key).await?;
    let mut category = members(store, entity, 0, fields).await?;
    category.insert("parent_id".to_owned(), parent.into());
    let name = key::names(key).pop().unwrap_or_default();
    category.insert("name".to_owned(), name.into());
    let body = json!({ "category": category });
    let answer = store
        .send(Method::POST, "all", "categories".to_owned(), Some(body))
        .await?;
    answer
        .as_object()
        .and_then(|answer| number(answer, "id"))
        .ok_or_else(|| StoreError::InDoubt {
            message: format!("{entity} was sent to be created, but the store's answer names no id"),
        })
}

async fn update(
    store: &Writing<'_>,
    entity: &EntityRef,
    id: u64,
    fields: &Fields,
) -> Result<(), StoreError> {
    let mut category = members(store, entity, id, fields).await?;
    if category.is_empty() {
        return Ok(());
    }
    category.insert("id".to_owned(), id.into());
    let scope = match entity.store.single() {
        Some(view) => view.as_str(),
        None => "all",
    };
    let body = json!({ "category": category });
    let answer = store
        .send(Method::PUT, scope, format!("categories/{id}"), Some(body))
        .await?;
    let answered = answer.as_object().and_then(|answer| number(answer, "id"));
    same_id(entity, EntityId(id), answered.map(EntityId))
}

/// The members and the custom attributes that are to be set, as the store takes them.
async fn members(
    store: &Writing<'_>,
    entity: &EntityRef,
    id: u64,
    fields: &Fields,
) -> Result<Map<String, Value>, StoreError> {
    let of_view = !entity.exists_by_itself();
    let mut members = Map::new();
    let mut custom = Vec::new();
    for (name, value) in fields {
        let name = name.as_str();
        let Some(spec) = entity.kind.field(name) else {
            continue;
        };
        if matches!(spec.owner, Owner::Whole) {
            continue;
        }
        let default = marker_of(value) == Some(Marker::Default);
        let value = match (default, spec.place) {
            // it stays a value of the view's own, like the one that it should inherit
            (true, FieldPlace::Top) => under_all(store, id, name).await?,
            (true, _) => Value::Null,
            (false, _) => store.wire(entity.kind, name, value).await?,
        };
        match spec.place {
            // null is ignored, an empty list is none
            FieldPlace::Top if value.is_null() => {
                members.insert(name.to_owned(), json!([]));
            }
            FieldPlace::Top => {
                members.insert(name.to_owned(), value);
            }
            FieldPlace::Extension | FieldPlace::Attribute => {
                let value = match value {
                    Value::Bool(yes) => Value::from(if yes { "1" } else { "0" }),
                    Value::Number(number) => Value::from(number.to_string()),
                    // of a view null is "use default", and the empty text is no value
                    Value::Null if of_view && !default => Value::from(""),
                    other => other,
                };
                custom.push(json!({ "attribute_code": name, "value": value }));
            }
        }
    }
    if !custom.is_empty() {
        members.insert("custom_attributes".to_owned(), Value::Array(custom));
    }
    Ok(members)
}

/// The value under `all` of a member of the category, read now: the pass may just have changed it.
async fn under_all(store: &Writing<'_>, id: u64, name: &str) -> Result<Value, StoreError> {
    let mut category = get(store.client, "all", &format!("categories/{id}"), None).await?;
    Ok(category[name].take())
}

/// Writes what went with a category that is made anew.
async fn restore(
    store: &Writing<'_>,
    entity: &EntityRef,
    id: u64,
    fields: &Fields,
) -> Result<(), StoreError> {
    let part = |wanted: &str| {
        let mut parts = fields.iter();
        let found = parts.find(|(name, _)| name.as_str() == wanted);
        found
            .and_then(|(_, value)| value.as_object())
            .into_iter()
            .flatten()
    };
    for (view, values) in part(VIEWS) {
        let Ok(scope) = serde_json::from_value::<StoreScope>(Value::from(view.as_str())) else {
            continue;
        };
        let of_view = EntityRef {
            store: scope,
            ..entity.clone()
        };
        let values = values.as_object().into_iter().flatten();
        let values: Fields = values
            .filter_map(|(name, value)| Some((FieldName::new(name).ok()?, value.clone())))
            .collect();
        update(store, &of_view, id, &values).await?;
    }
    let mut missing = Ok(());
    for (sku, position) in part(LINKS) {
        match link::put(store, Method::PUT, id, sku, position).await {
            // one that was deleted too comes back later, and brings its categories along
            Err(error @ StoreError::Gone { .. }) => missing = Err(error),
            other => other?,
        }
    }
    missing
}

async fn delete(store: &Writing<'_>, entity: &EntityRef, id: u64) -> Result<(), StoreError> {
    let below = tree::below(store.client, &BTreeSet::from([id])).await?;
    if let Some((_, name)) = below.first() {
        return Err(StoreError::Refused {
            status: 400,
            message: format!(
                "{entity} is not deleted: the store would delete {name:?} below it, too"
            ),
        });
    }
    let path = format!("categories/{id}");
    is_true(
        entity,
        &store.send(Method::DELETE, "all", path, None).await?,
    )
}
