//! Options of product attributes, found by the attribute's code and their label in the admin.
//!
//! Magento's REST API shows the order of options but not the numbers behind it, and an update of an
//! option sets its number, its default and its labels, sent or not. So an option is updated through its
//! attribute, with all options in the order that they have: the order stays, and the numbers behind it
//! are counted anew from 1, as the admin does.
//!
//! # Guarantees
//! - Writes of options go one after the other, each after a reading of its own.
//! - An option is deleted only where no product has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::attribute::{labels_for, list, products_with};
use super::client::{Client, misshapen};
use super::list::text_of;
use super::tree::number;
use super::write::{gone, is_true, same_id};
use super::{Reading, Writing, after_a_part, read_views};
use crate::domain::key;
use crate::domain::kinds::SWATCH;
use crate::domain::{
    EntityId, EntityRef, FieldName, Observation, ObservedEntity, Presence, StoreViews,
};
use crate::ports::{Payload, StoreError, Write};

type Fields = BTreeMap<FieldName, Value>;

/// The labels of the options before it, where it is to be deleted.
const PLACE: &str = "place";
/// The field for what keeps an option from being deleted.
const KEPT: &str = "kept_by";

/// One option.
#[derive(Debug, Clone, Default)]
struct Choice {
    id: u64,
    label: String,
    is_default: bool,
    /// Labels of views that differ, by their codes.
    labels: Map<String, Value>,
}

/// An attribute with its options in their order.
#[derive(Debug, Clone)]
struct Attribute {
    item: Map<String, Value>,
    choices: Vec<Choice>,
}

/// The options of attributes, by code.
pub(super) struct Choices(BTreeMap<String, Attribute>);

/// True if an attribute has options that can be written.
pub(super) fn has_rows(item: &Map<String, Value>) -> bool {
    matches!(
        item.get("frontend_input").and_then(Value::as_str),
        Some("select" | "multiselect" | "swatch_visual" | "swatch_text")
    )
}

impl Choices {
    /// Reads the options of these attributes, with their labels in all views.
    pub(super) async fn read<'c>(
        client: &Arc<Client>,
        views: &StoreViews,
        codes: impl IntoIterator<Item = &'c str>,
    ) -> Result<Self, StoreError> {
        let codes: BTreeSet<String> = codes.into_iter().map(str::to_owned).collect();
        let mut attributes = BTreeMap::new();
        for item in list("all", "")
            .among(client, "attribute_code", &codes)
            .await?
        {
            let code = text_of(&item, "attribute_code").unwrap_or_default();
            let choices = choices(&item)?;
            attributes.insert(code, Attribute { item, choices });
        }
        if attributes.is_empty() {
            return Ok(Self(attributes));
        }
        for scope in views.0.iter().map(|view| view.code.as_str()) {
            let list = list(scope, "attribute_code,options[value,label]");
            for item in list.among(client, "attribute_code", &codes).await? {
                let code = text_of(&item, "attribute_code").unwrap_or_default();
                if let Some(attribute) = attributes.get_mut(&code) {
                    attribute.add_labels(scope, &item);
                }
            }
        }
        Ok(Self(attributes))
    }

    /// The options of an attribute as they are made again with it.
    pub(super) fn to_be_made_again(&self, code: &str) -> Value {
        let choices = self.0.get(code).into_iter().flat_map(|a| &a.choices);
        let one = |choice: &Choice| {
            json!({
                "label": choice.label,
                "is_default": choice.is_default,
                "store_labels": choice.labels,
            })
        };
        choices.map(one).collect()
    }

    /// The same as the API takes them.
    pub(super) fn made_again(options: &Value, views: &StoreViews) -> Result<Value, StoreError> {
        let mut list = Vec::new();
        for (at, option) in (1..).zip(options.as_array().into_iter().flatten()) {
            let label = option["label"].as_str().unwrap_or_default();
            list.push(json!({
                "label": label,
                "sort_order": at,
                "is_default": option["is_default"],
                "store_labels": labels_for(label, &option["store_labels"], views)?,
            }));
        }
        Ok(Value::Array(list))
    }
}

/// The options of a list's item; the first is the empty one.
fn choices(item: &Map<String, Value>) -> Result<Vec<Choice>, StoreError> {
    let default = text_of(item, "default_value").unwrap_or_default();
    let mut choices = Vec::new();
    let listed = item.get("options").and_then(Value::as_array);
    for option in listed.into_iter().flatten().filter_map(Value::as_object) {
        let Some(id) = text_of(option, "value").filter(|id| !id.is_empty()) else {
            continue;
        };
        choices.push(Choice {
            is_default: default.split(',').any(|one| one == id),
            // of sources that are code, a value may be any word: none of them is written
            id: id.parse().unwrap_or_default(),
            label: text_of(option, "label")
                .ok_or_else(|| misshapen("an option without a label"))?,
            labels: Map::new(),
        });
    }
    Ok(choices)
}

impl Attribute {
    fn add_labels(&mut self, view: &str, item: &Map<String, Value>) {
        let listed = item.get("options").and_then(Value::as_array);
        for option in listed.into_iter().flatten().filter_map(Value::as_object) {
            let (Some(id), Some(label)) = (number(option, "value"), text_of(option, "label"))
            else {
                continue;
            };
            let mut choices = self.choices.iter_mut();
            if let Some(choice) = choices.find(|choice| choice.id == id && choice.label != label) {
                choice.labels.insert(view.to_owned(), label.into());
            }
        }
    }

    fn labelled<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (usize, &'a Choice)> {
        let choices = self.choices.iter().enumerate();
        choices.filter(move |(_, choice)| choice.label == label)
    }

    fn is_multiple(&self) -> bool {
        self.item.get("frontend_input").and_then(Value::as_str) == Some("multiselect")
    }
}

/// The attribute's code and the option's label.
fn parts(entity: &EntityRef) -> (String, String) {
    let mut parts = key::parts(entity.key.as_str()).into_iter();
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// Reads every entity named.
pub(super) async fn observe(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    let codes: BTreeSet<String> = wanted.iter().map(|entity| parts(entity).0).collect();
    let codes = codes.iter().map(String::as_str);
    let choices = Choices::read(store.client, store.views, codes).await?;
    let mut seen = Observation::new();
    for entity in wanted {
        let (code, label) = parts(entity);
        let presence = match choices.0.get(&code) {
            Some(attribute) => presence(store, entity, attribute, &label).await?,
            None => match entity.parents().into_iter().next() {
                Some(parent) => Presence::Orphan(Box::new(parent)),
                None => Presence::Missing,
            },
        };
        seen.insert(entity.clone(), presence);
    }
    Ok(seen)
}

async fn presence(
    store: &Reading<'_>,
    entity: &EntityRef,
    attribute: &Attribute,
    label: &str,
) -> Result<Presence, StoreError> {
    let hits: Vec<(usize, &Choice)> = attribute.labelled(label).collect();
    let [(at, choice)] = hits[..] else {
        let ids = hits.iter().map(|(_, choice)| EntityId(choice.id)).collect();
        return Ok(match hits.is_empty() {
            true => Presence::Missing,
            false => Presence::Ambiguous(ids),
        });
    };
    let mut fields = Fields::new();
    let mut add = |name: &str, value: Value| {
        if let Ok(name) = FieldName::new(name) {
            fields.insert(name, value);
        }
    };
    add("is_default", choice.is_default.into());
    if is_swatch(&attribute.item) {
        add(SWATCH, Value::from("shown in the admin"));
    }
    add("store_labels", Value::Object(choice.labels.clone()));
    if store.whole.contains(entity) {
        let before = attribute.choices.iter().take(at);
        let before = before.map(|choice| Value::from(choice.label.as_str()));
        add(PLACE, before.collect());
        if let Some(why) = kept_by(store.client, store.views, attribute, choice.id).await? {
            add(KEPT, why.into());
        }
    }
    Ok(Presence::Found(ObservedEntity {
        id: EntityId(choice.id),
        fields,
        inherited: None,
    }))
}

/// True of an attribute whose options are swatches: colours, images or texts, of which REST shows nothing
/// but what kind they are.
pub(super) fn is_swatch(attribute: &Map<String, Value>) -> bool {
    let input = text_of(attribute, "frontend_input").unwrap_or_default();
    let more = text_of(attribute, "additional_data").unwrap_or_default();
    input.starts_with("swatch_") || more.contains("swatch_input_type")
}

/// The reason why neither a swatch nor its attribute is deleted.
pub(super) const LOST_SWATCH: &str = "its swatches (colours, images) could not be made again, as REST neither shows nor sets them; delete it in the admin";

/// Returns why an option cannot be deleted without losing what nobody has kept.
async fn kept_by(
    client: &Client,
    views: &StoreViews,
    attribute: &Attribute,
    id: u64,
) -> Result<Option<String>, StoreError> {
    if !has_rows(&attribute.item) {
        return Ok(Some("it is one of Magento's own".to_owned()));
    }
    if is_swatch(&attribute.item) {
        return Ok(Some(LOST_SWATCH.to_owned()));
    }
    let code = text_of(&attribute.item, "attribute_code").unwrap_or_default();
    let condition = if attribute.is_multiple() {
        "finset"
    } else {
        "eq"
    };
    let id = id.to_string();
    let products = products_with(client, views, &[(&code, condition, &id)]).await?;
    Ok((products > 0).then(|| {
        format!("{products} of the products have it and would lose it; give them another first")
    }))
}

/// Sends one write.
pub(super) async fn write(store: &Writing<'_>, write: &Write) -> Result<(), StoreError> {
    let _alone = store.options.lock().await;
    let entity = &write.entity;
    let (code, label) = parts(entity);
    let views = read_views(store.client).await?;
    let mut read = Choices::read(store.client, &views, [code.as_str()]).await?;
    let Some(attribute) = read.0.remove(&code) else {
        return Err(gone(entity));
    };
    if !has_rows(&attribute.item) {
        return Err(StoreError::Refused {
            status: 400,
            message: format!("the attribute `{code}` has no options that can be written"),
        });
    }
    let ids: Vec<u64> = attribute
        .labelled(&label)
        .map(|(_, choice)| choice.id)
        .collect();
    let option = OptionWrite {
        entity,
        code: &code,
        label: &label,
        views: &views,
    };
    match (&write.payload, ids.as_slice()) {
        (Payload::Create(fields), []) => option.create(store, attribute, fields).await,
        (Payload::Create(fields) | Payload::Update(fields), [id]) => {
            option.update(store, attribute, *id, fields).await
        }
        (Payload::Delete, [id]) => option.delete(store, &attribute, *id).await,
        (Payload::Update(_) | Payload::Delete, []) => Err(gone(entity)),
        (_, several) => Err(StoreError::Refused {
            status: 400,
            message: format!("{} options have the label {label:?}", several.len()),
        }),
    }
}

/// A write to one option: the entity, what its key says, and the views its labels are for.
struct OptionWrite<'a> {
    entity: &'a EntityRef,
    code: &'a str,
    label: &'a str,
    views: &'a StoreViews,
}

fn value<'f>(fields: &'f Fields, wanted: &str) -> Option<&'f Value> {
    let mut fields = fields.iter();
    fields.find_map(|(name, value)| (name.as_str() == wanted).then_some(value))
}

impl OptionWrite<'_> {
    async fn create(
        &self,
        store: &Writing<'_>,
        mut attribute: Attribute,
        fields: &Fields,
    ) -> Result<(), StoreError> {
        let none = json!({});
        let labels = value(fields, "store_labels").unwrap_or(&none);
        let option = json!({
            "label": self.label,
            "sort_order": attribute.choices.len() + 1,
            "is_default": value(fields, "is_default") == Some(&Value::Bool(true)),
            "store_labels": labels_for(self.label, labels, self.views)?,
        });
        let path = format!("products/attributes/{}/options", self.code);
        let body = json!({ "option": option });
        let answer = store.send(Method::POST, "all", path, Some(body)).await?;
        let id = answer.as_str().and_then(|id| id.parse().ok());
        let Some(id) = id.or(answer.as_u64()) else {
            return Err(StoreError::InDoubt {
                message: format!(
                    "{} was sent to be created, but the store's answer names no id",
                    self.entity
                ),
            });
        };
        if value(fields, PLACE).is_none() {
            return Ok(());
        }
        attribute.choices.push(Choice {
            id,
            label: self.label.to_owned(),
            ..Choice::default()
        });
        let placed = self.update(store, attribute, id, fields).await;
        placed.map_err(after_a_part)
    }

    /// Sends all options of the attribute, this one with its new fields.
    async fn update(
        &self,
        store: &Writing<'_>,
        mut attribute: Attribute,
        id: u64,
        fields: &Fields,
    ) -> Result<(), StoreError> {
        let multiple = attribute.is_multiple();
        let default = value(fields, "is_default").and_then(Value::as_bool);
        for choice in &mut attribute.choices {
            if choice.id == id {
                choice.is_default = default.unwrap_or(choice.is_default);
                if let Some(Value::Object(labels)) = value(fields, "store_labels") {
                    choice.labels.clone_from(labels);
                }
            } else if default == Some(true) && !multiple {
                choice.is_default = false;
            }
        }
        if let Some(before) = value(fields, PLACE).and_then(Value::as_array) {
            put_behind(&mut attribute.choices, id, before);
        }
        let item = &attribute.item;
        let attribute_id = number(item, "attribute_id").unwrap_or_default();
        let mut body = Map::new();
        // what Magento resets where it is not sent
        for name in [
            "attribute_id",
            "attribute_code",
            "frontend_input",
            "default_frontend_label",
            "is_required",
            "is_searchable",
            "is_visible_in_advanced_search",
        ] {
            if let Some(value) = item.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        body.insert("options".to_owned(), self.options(&attribute.choices)?);
        let path = format!("products/attributes/{}", self.code);
        let body = json!({ "attribute": body });
        let answer = store.send(Method::PUT, "all", path, Some(body)).await?;
        let answered = answer
            .as_object()
            .and_then(|answer| number(answer, "attribute_id"));
        same_id(self.entity, EntityId(attribute_id), answered.map(EntityId))
    }

    fn options(&self, choices: &[Choice]) -> Result<Value, StoreError> {
        let mut list = Vec::with_capacity(choices.len());
        for (at, choice) in (1..).zip(choices) {
            let labels = Value::Object(choice.labels.clone());
            list.push(json!({
                "value": choice.id.to_string(),
                "label": choice.label,
                "sort_order": at,
                "is_default": choice.is_default,
                "store_labels": labels_for(&choice.label, &labels, self.views)?,
            }));
        }
        Ok(Value::Array(list))
    }

    async fn delete(
        &self,
        store: &Writing<'_>,
        attribute: &Attribute,
        id: u64,
    ) -> Result<(), StoreError> {
        if let Some(why) = kept_by(store.client, self.views, attribute, id).await? {
            return Err(StoreError::Refused {
                status: 400,
                message: format!("{} is not deleted: {why}", self.entity),
            });
        }
        let path = format!("products/attributes/{}/options/{id}", self.code);
        let answer = store.send(Method::DELETE, "all", path, None).await?;
        is_true(self.entity, &answer)
    }
}

/// Puts an option right behind the last of those that were before it: whichever of several deleted
/// ones is made again first, all stand in their old order in the end.
fn put_behind(choices: &mut Vec<Choice>, id: u64, before: &[Value]) {
    let Some(at) = choices.iter().position(|choice| choice.id == id) else {
        return;
    };
    let choice = choices.remove(at);
    let known = |choice: &Choice| before.iter().any(|label| *label == choice.label.as_str());
    let at = choices.iter().rposition(known).map_or(0, |at| at + 1);
    choices.insert(at, choice);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(labels: &[&str]) -> Vec<Choice> {
        let choice = |(id, label): (u64, &&str)| Choice {
            id,
            label: (*label).to_owned(),
            ..Choice::default()
        };
        (1..).zip(labels).map(choice).collect()
    }

    #[test]
    fn deleted_options_stand_in_their_old_order_whichever_comes_back_first() {
        let orders = [["Blue", "Grey"], ["Grey", "Blue"]];
        for order in orders {
            let mut all = choices(&["Red", "Teal"]);
            for (id, label) in (10..).zip(order) {
                let before = match label {
                    "Blue" => vec![json!("Red")],
                    _ => vec![json!("Red"), json!("Blue")],
                };
                all.push(Choice {
                    id,
                    label: label.to_owned(),
                    ..Choice::default()
                });
                put_behind(&mut all, id, &before);
            }
            let labels: Vec<&str> = all.iter().map(|choice| choice.label.as_str()).collect();
            assert_eq!(labels, ["Red", "Blue", "Grey", "Teal"]);
        }
    }

    #[test]
    fn the_first_option_comes_back_to_the_front() {
        let mut all = choices(&["Red", "Teal"]);
        put_behind(&mut all, 2, &[]);
        assert_eq!(all[0].label, "Teal");
    }
}
