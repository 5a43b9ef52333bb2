//! Product attributes, with their labels of views and the attribute sets that they are in.
//!
//! # Guarantees
//! - An update carries what a partial one would reset, and no options: those are a kind of their own.
//! - An attribute is deleted, or taken out of a set, only where no product loses a value by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{Client, misshapen};
use super::list::{List, count, get, objects, text_of};
use super::option::{Choices, LOST_SWATCH, has_rows, is_swatch};
use super::tree::number;
use super::write::{gone, is_true, same_id};
use super::{Reading, Writing, after_a_part, read_views};
use crate::domain::kinds::Owner;
use crate::domain::{
    EntityId, EntityRef, FieldName, Kind, Observation, ObservedEntity, Presence, StoreViews,
};
use crate::ports::{Payload, StoreError, Write};

type Fields = BTreeMap<FieldName, Value>;

/// The name of the sets an attribute is in, of its options, and of what keeps it.
const SETS: &str = "attribute_sets";
const OPTIONS: &str = "options";
const KEPT: &str = "kept_by";

/// Flags that the API takes as text; of a boolean `false` PHP would make an empty one.
const TEXTS: &[&str] = &[
    "is_unique",
    "is_searchable",
    "is_visible_in_advanced_search",
    "is_comparable",
    "is_used_for_promo_rules",
    "is_visible_on_front",
    "used_in_product_listing",
];

/// The list of attributes under a scope.
pub(super) fn list(scope: &str, fields: &str) -> List {
    List {
        scope: scope.to_owned(),
        path: "products/attributes".to_owned(),
        fields: fields.to_owned(),
        sort: "attribute_id",
    }
}

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let codes: BTreeSet<String> = wanted.iter().map(|e| e.key.as_str().to_owned()).collect();
    let items = list("all", "")
        .among(store.client, "attribute_code", &codes)
        .await?;
    let mut by_code: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for item in items {
        if let Some(code) = text_of(&item, "attribute_code") {
            by_code.insert(code, item);
        }
    }
    let sets = match by_code.is_empty() {
        true => BTreeMap::new(),
        false => members_of_sets(store.client).await?,
    };
    let mut seen = Observation::new();
    for entity in wanted {
        let presence = match by_code.get(entity.key.as_str()) {
            Some(item) => Presence::Found(found(store, entity, item, &sets).await?),
            None => Presence::Missing,
        };
        seen.insert(entity.clone(), presence);
    }
    Ok(seen)
}

async fn found(
    store: &Reading<'_>,
    entity: &EntityRef,
    item: &Map<String, Value>,
    sets: &BTreeMap<u64, BTreeSet<String>>,
) -> Result<ObservedEntity, StoreError> {
    let id = number(item, "attribute_id").ok_or_else(|| misshapen("an attribute without an id"))?;
    let code = entity.key.as_str();
    let mut fields = Fields::new();
    let mut add = |name: &str, value: Value| {
        let value = store.vocabulary.natural(entity.kind, name, value);
        if let (Ok(name), false) = (FieldName::new(name), value.is_null()) {
            fields.insert(name, value);
        }
    };
    let rows = has_rows(item);
    for spec in entity.kind.fields {
        match (spec.name, item.get(spec.name)) {
            (OPTIONS | KEPT | SETS, _) => {}
            ("frontend_labels", labels) => add(spec.name, labels_of(labels, store.views)),
            // ids of options, which say it of themselves
            ("default_value", _) if rows => {}
            (name, Some(value)) => add(name, value.clone()),
            (_, None) => {}
        }
    }
    let is_in = sets.iter().filter(|(_, codes)| codes.contains(code));
    add(SETS, is_in.map(|(set, _)| Value::from(*set)).collect());
    if store.whole.contains(entity) {
        if rows {
            let choices = Choices::read(store.client, store.views, [code]).await?;
            add(OPTIONS, choices.to_be_made_again(code));
        }
        if let Some(why) = kept_by(store.client, store.views, item).await? {
            add(KEPT, Value::from(why));
        }
    }
    Ok(ObservedEntity {
        id: EntityId(id),
        fields,
        inherited: None,
    })
}

/// Labels by the codes of their views.
fn labels_of(list: Option<&Value>, views: &StoreViews) -> Value {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let labels = list.filter_map(|label| {
        let id = label.get("store_id")?.as_u64()?;
        let view = views.code(u32::try_from(id).ok()?)?;
        Some((view.as_str().to_owned(), label.get("label")?.clone()))
    });
    Value::Object(labels.collect())
}

/// Labels as the API takes them, the admin's first: a list without it would be taken for none.
pub(super) fn labels_for(
    admin: &str,
    labels: &Value,
    views: &StoreViews,
) -> Result<Value, StoreError> {
    let mut list = vec![json!({ "store_id": 0, "label": admin })];
    for (view, label) in labels.as_object().into_iter().flatten() {
        let known = views.0.iter().find(|known| known.code.as_str() == view);
        let Some(known) = known else {
            return Err(StoreError::Refused {
                status: 400,
                message: format!("the store has no view `{view}` to have a label"),
            });
        };
        list.push(json!({ "store_id": known.id, "label": label }));
    }
    Ok(Value::Array(list))
}

/// The codes of the attributes in each set.
async fn members_of_sets(
    client: &Arc<Client>,
) -> Result<BTreeMap<u64, BTreeSet<String>>, StoreError> {
    let list = List {
        scope: "all".to_owned(),
        path: "products/attribute-sets/sets/list".to_owned(),
        fields: "attribute_set_id".to_owned(),
        sort: "attribute_set_id",
    };
    let mut sets = BTreeMap::new();
    for set in list.all(client).await? {
        let Some(id) = number(&set, "attribute_set_id") else {
            return Err(misshapen("an attribute set without an id"));
        };
        let path = format!("products/attribute-sets/{id}/attributes");
        let fields = Some("fields=attribute_code".to_owned());
        let members = objects(get(client, "all", &path, fields).await?);
        let members = members.ok_or_else(|| misshapen("no list of a set's attributes"))?;
        let codes = members
            .iter()
            .filter_map(|item| text_of(item, "attribute_code"));
        sets.insert(id, codes.collect());
    }
    Ok(sets)
}

/// Returns why an attribute cannot be deleted without losing what nobody has kept.
async fn kept_by(
    client: &Client,
    views: &StoreViews,
    item: &Map<String, Value>,
) -> Result<Option<String>, StoreError> {
    if item.get("is_user_defined") != Some(&Value::Bool(true)) {
        return Ok(Some("it is one of Magento's own".to_owned()));
    }
    if is_swatch(item) {
        return Ok(Some(LOST_SWATCH.to_owned()));
    }
    let code = text_of(item, "attribute_code").unwrap_or_default();
    let products = products_with(client, views, &[(code.as_str(), "notnull", "1")]).await?;
    Ok((products > 0).then(|| {
        format!(
            "{products} of the products have a value, which would be lost; take their values away first"
        )
    }))
}

/// Returns how many products have such values, in the scope with the most of them.
pub(super) async fn products_with(
    client: &Client,
    views: &StoreViews,
    filters: &[(&str, &str, &str)],
) -> Result<u64, StoreError> {
    let codes = views.0.iter().map(|view| view.code.as_str());
    let mut most = 0;
    for scope in std::iter::once("all").chain(codes) {
        most = most.max(count(client, scope, "products", filters).await?);
    }
    Ok(most)
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
        (Payload::Update(fields), Some(current)) => update(store, entity, current, fields).await,
        (Payload::Delete, Some(_)) => delete(store, entity).await,
        (Payload::Update(_) | Payload::Delete, None) => Err(gone(entity)),
    }
}

fn value<'a>(fields: &'a Fields, wanted: &str) -> Option<&'a Value> {
    let mut fields = fields.iter();
    fields.find_map(|(name, value)| (name.as_str() == wanted).then_some(value))
}

async fn create(
    store: &Writing<'_>,
    entity: &EntityRef,
    fields: &Fields,
) -> Result<(), StoreError> {
    let mut body = body(store, fields, fields).await?;
    body.insert("attribute_code".to_owned(), entity.key.as_str().into());
    if let Some(options) = value(fields, OPTIONS) {
        let views = read_views(store.client).await?;
        body.insert(OPTIONS.to_owned(), Choices::made_again(options, &views)?);
    }
    let body = json!({ "attribute": body });
    let path = "products/attributes".to_owned();
    let answer = store.send(Method::POST, "all", path, Some(body)).await?;
    let code = answer.get("attribute_code").and_then(Value::as_str);
    if code != Some(entity.key.as_str()) {
        return Err(StoreError::InDoubt {
            message: format!("{entity} was sent to be created, but the store answers with another"),
        });
    }
    match value(fields, SETS) {
        Some(sets) => put_into_sets(store, entity, &Value::Null, sets)
            .await
            .map_err(after_a_part),
        None => Ok(()),
    }
}

async fn update(
    store: &Writing<'_>,
    entity: &EntityRef,
    current: &ObservedEntity,
    fields: &Fields,
) -> Result<(), StoreError> {
    let of_itself = fields.keys().any(|name| name.as_str() != SETS);
    if of_itself {
        let mut whole = current.fields.clone();
        whole.extend(fields.clone());
        if value(fields, "default_value").is_some() && !is_free(&whole) {
            return Err(StoreError::Refused {
                status: 400,
                message: "an attribute with options has one of them as its default: set `is_default` of the option".to_owned(),
            });
        }
        let mut sent = fields.clone();
        for name in entity.kind.route.carry {
            if let (Ok(field), Some(value)) = (FieldName::new(*name), value(&whole, name)) {
                sent.insert(field, value.clone());
            }
        }
        let mut body = body(store, &sent, &whole).await?;
        body.insert("attribute_id".to_owned(), current.id.0.into());
        body.insert("attribute_code".to_owned(), entity.key.as_str().into());
        let body = json!({ "attribute": body });
        let path = format!("products/attributes/{}", entity.key);
        let answer = store.send(Method::PUT, "all", path, Some(body)).await?;
        let id = answer
            .as_object()
            .and_then(|answer| number(answer, "attribute_id"));
        same_id(entity, current.id, id.map(EntityId))?;
    }
    match value(fields, SETS) {
        Some(sets) => {
            let known = value(&current.fields, SETS).unwrap_or(&Value::Null);
            let put = put_into_sets(store, entity, known, sets).await;
            put.map_err(|error| {
                if of_itself {
                    after_a_part(error)
                } else {
                    error
                }
            })
        }
        None => Ok(()),
    }
}

/// True if its default is what people write, and none of its options.
fn is_free(fields: &Fields) -> bool {
    let input = value(fields, "frontend_input").and_then(Value::as_str);
    !matches!(
        input,
        Some("select" | "multiselect" | "swatch_visual" | "swatch_text")
    )
}

/// The fields as the API takes them; what goes with the attribute is left out.
async fn body(
    store: &Writing<'_>,
    fields: &Fields,
    whole: &Fields,
) -> Result<Map<String, Value>, StoreError> {
    let mut body = Map::new();
    for (name, natural) in fields {
        let name = name.as_str();
        let spec = Kind::PRODUCT_ATTRIBUTE.field(name);
        if name == SETS || spec.is_none_or(|spec| spec.owner == Owner::Whole) {
            continue;
        }
        let sent = match (name, natural) {
            ("frontend_labels", labels) => {
                let admin = value(whole, "default_frontend_label").and_then(Value::as_str);
                let views = read_views(store.client).await?;
                labels_for(admin.unwrap_or_default(), labels, &views)?
            }
            (name, Value::Bool(yes)) if TEXTS.contains(&name) => {
                Value::from(if *yes { "1" } else { "0" })
            }
            (_, other) => other.clone(),
        };
        body.insert(name.to_owned(), sent);
    }
    Ok(body)
}

/// Puts an attribute into sets, and takes it out of those where no product loses a value by it.
async fn put_into_sets(
    store: &Writing<'_>,
    entity: &EntityRef,
    known: &Value,
    wanted: &Value,
) -> Result<(), StoreError> {
    let known = set_ids(store, known).await?;
    let wanted = set_ids(store, wanted).await?;
    for set in wanted.difference(&known) {
        let group = group_of(store.client, *set).await?;
        let body = json!({
            "attributeSetId": set,
            "attributeGroupId": group,
            "attributeCode": entity.key.as_str(),
            "sortOrder": 0,
        });
        let path = "products/attribute-sets/attributes".to_owned();
        store.send(Method::POST, "all", path, Some(body)).await?;
    }
    for set in known.difference(&wanted) {
        let views = read_views(store.client).await?;
        let id = set.to_string();
        let filters = [
            ("attribute_set_id", "eq", id.as_str()),
            (entity.key.as_str(), "notnull", "1"),
        ];
        let products = products_with(store.client, &views, &filters).await?;
        if products > 0 {
            return Err(StoreError::Refused {
                status: 400,
                message: format!(
                    "{products} products of attribute set {set} have a value, which would be lost; take their values away first"
                ),
            });
        }
        let path = format!("products/attribute-sets/{set}/attributes/{}", entity.key);
        let answer = store.send(Method::DELETE, "all", path, None).await?;
        is_true(entity, &answer)?;
    }
    Ok(())
}

async fn set_ids(store: &Writing<'_>, sets: &Value) -> Result<BTreeSet<u64>, StoreError> {
    let ids = store.wire(Kind::PRODUCT_ATTRIBUTE, SETS, sets).await?;
    let ids = ids.as_array().into_iter().flatten();
    Ok(ids.filter_map(Value::as_u64).collect())
}

/// The group of a set that new attributes are put into: the general one, or the first.
async fn group_of(client: &Arc<Client>, set: u64) -> Result<u64, StoreError> {
    let groups = List {
        scope: "all".to_owned(),
        path: "products/attribute-sets/groups/list".to_owned(),
        fields: "attribute_group_id,attribute_group_name".to_owned(),
        sort: "attribute_group_id",
    };
    let sets = BTreeSet::from([set.to_string()]);
    let groups = groups.among(client, "attribute_set_id", &sets).await?;
    let general = groups
        .iter()
        .find(|group| text_of(group, "attribute_group_name").as_deref() == Some("Product Details"));
    let id = general
        .or(groups.first())
        .and_then(|group| number(group, "attribute_group_id"));
    id.ok_or_else(|| misshapen("an attribute set without a group"))
}

async fn delete(store: &Writing<'_>, entity: &EntityRef) -> Result<(), StoreError> {
    let views = read_views(store.client).await?;
    let filters = [(entity.key.as_str(), "notnull", "1")];
    let products = products_with(store.client, &views, &filters).await?;
    if products > 0 {
        return Err(StoreError::Refused {
            status: 400,
            message: format!(
                "{entity} is not deleted: {products} of the products have a value, which would be lost"
            ),
        });
    }
    let path = format!("products/attributes/{}", entity.key);
    let answer = store.send(Method::DELETE, "all", path, None).await?;
    is_true(entity, &answer)
}
