//! The options of product attributes: rows with a label for the admin and labels for views.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::collation;
use super::super::php;
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::attribute::{Attribute, Attributes, Source};
use super::attribute_routes::ACL;
use super::records::{self, Record};

/// A row of an attribute's options.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) id: u64,
    /// The admin's label.
    pub(super) label: String,
    pub(super) sort_order: i64,
    /// The labels of views.
    pub(super) labels: BTreeMap<u32, String>,
}

const LABEL: Shape = Shape {
    interface: "\\Magento\\Eav\\Api\\Data\\AttributeOptionLabelInterface",
    fields: &[("store_id", Type::Int), ("label", Type::Text)],
};

pub(super) static OPTION: Shape = Shape {
    interface: "\\Magento\\Eav\\Api\\Data\\AttributeOptionInterface",
    fields: &[
        ("label", Type::Text),
        ("value", Type::Text),
        ("sort_order", Type::Int),
        ("is_default", Type::Bool),
        ("store_labels", Type::List(&Type::Object(&LABEL))),
    ],
};

const MANAGEMENT: Resource = Resource {
    acl: ACL,
    kind: "attribute_option",
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductAttributeOptionManagementInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\OptionManagement",
    },
};

const UPDATE: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductAttributeOptionUpdateInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\OptionManagement",
    },
    ..MANAGEMENT
};

const CODE: Param = Param::new("attributeCode", Type::Text);
const BODY: Param = Param::new("option", Type::Object(&OPTION));

pub(super) static ENDPOINTS: &[Endpoint] = &[
    MANAGEMENT.endpoint(
        "GET",
        "products/attributes/:attributeCode/options",
        "getItems",
        &[CODE],
        list,
    ),
    MANAGEMENT.endpoint(
        "POST",
        "products/attributes/:attributeCode/options",
        "add",
        &[CODE, BODY],
        add,
    ),
    UPDATE.endpoint(
        "PUT",
        "products/attributes/:attributeCode/options/:optionId",
        "update",
        &[CODE, Param::new("optionId", Type::Int), BODY],
        update,
    ),
    MANAGEMENT.endpoint(
        "DELETE",
        "products/attributes/:attributeCode/options/:optionId",
        "delete",
        &[CODE, Param::new("optionId", Type::Text)],
        delete,
    ),
];

/// The options of an attribute as a store shows them, the empty one first.
pub(super) fn listing(attribute: &Attribute, store: u32) -> Value {
    let option = |label: &str, value: &str| json!({ "label": label, "value": value });
    match attribute.source {
        Source::None => json!([]),
        Source::Boolean => json!([option("Yes", "1"), option("No", "0")]),
        Source::Fixed(options) => options.iter().map(|(v, label)| option(label, v)).collect(),
        Source::Table => {
            let mut choices: Vec<&Choice> = attribute.options.iter().collect();
            choices.sort_by_key(|choice| (choice.sort_order, choice.id));
            let rows = choices.into_iter().map(|choice| {
                let label = choice.labels.get(&store).unwrap_or(&choice.label);
                option(label, &choice.id.to_string())
            });
            std::iter::once(option(" ", "")).chain(rows).collect()
        }
    }
}

/// The admin's labels of one or more option ids, which stay the same when options are made again.
pub(super) fn label_of(attribute: &Attribute, ids: &str) -> String {
    let labels: Vec<&str> = ids
        .split(',')
        .map(|id| {
            let choice = attribute.options.iter().find(|c| c.id.to_string() == id);
            choice.map_or(id, |choice| choice.label.as_str())
        })
        .collect();
    labels.join(",")
}

/// The options that come with an attribute: those with a known id are updated, others made.
pub(super) fn save_all(attributes: &mut Attributes, code: &str, options: &[Value]) {
    let mut order = 0;
    for option in options.iter().filter_map(Value::as_object) {
        let sort_order = match records::number(option, "sort_order") {
            Some(sort_order) if sort_order != 0 => sort_order,
            _ => {
                order += 1;
                order - 1
            }
        };
        let sent: u64 = records::text(option, "value").parse().unwrap_or_default();
        let known = attributes
            .find(code)
            .is_some_and(|attribute| attribute.options.iter().any(|c| c.id == sent));
        // The listing's first entry is no option.
        if !known && records::text(option, "label").trim().is_empty() {
            continue;
        }
        let id = if known {
            sent
        } else {
            attributes.new_option_id()
        };
        if let Some(attribute) = attributes.find_mut(code) {
            write(attribute, id, option, sort_order);
        }
    }
}

fn write(attribute: &mut Attribute, id: u64, option: &Record, sort_order: i64) {
    let label = records::text(option, "label").trim().to_owned();
    let known = attribute.options.iter_mut().find(|choice| choice.id == id);
    let mut labels: BTreeMap<u32, String> = known
        .as_ref()
        .map(|choice| choice.labels.clone())
        .unwrap_or_default();
    if let Some(sent) = option.get("store_labels").and_then(Value::as_array) {
        // The form's labels replace all that there were.
        labels = sent
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|label| {
                let store = u32::try_from(records::id(label, "store_id")).ok()?;
                let text = records::text(label, "label");
                (store != views::ALL && !text.is_empty()).then(|| (store, text.to_owned()))
            })
            .collect();
    } else {
        labels.clear();
    }
    let choice = Choice {
        id,
        label,
        sort_order,
        labels,
    };
    match known {
        Some(known) => *known = choice,
        None => attribute.options.push(choice),
    }
    let is_default = attribute.default.as_deref() == Some(&id.to_string());
    if option.get("is_default").and_then(Value::as_bool) == Some(true) {
        attribute.default = Some(id.to_string());
    } else if is_default && option.contains_key("is_default") {
        attribute.default = None;
    }
}

fn list(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let attribute = catalogue.attributes.get(args.text("attributeCode"))?;
    Ok(listing(attribute, context.store))
}

/// The attribute, where it has rows of options, and the label of the option sent.
fn checked<'a>(
    catalogue: &'a mut Catalogue,
    args: &Args,
    option: &Record,
) -> Result<(&'a mut Attributes, Attribute, String), Problem> {
    let attributes = &mut catalogue.attributes;
    let attribute = attributes.get(args.text("attributeCode"))?.clone();
    if attribute.source == Source::None {
        return Err(Problem::with(
            400,
            "The \"%1\" attribute doesn't work with options.",
            json!([attribute.code]),
        ));
    }
    let label = records::text(option, "label").trim().to_owned();
    if label.is_empty() {
        return Err(Problem::new(
            400,
            "The attribute option label is empty. Enter the value and try again.",
        ));
    }
    Ok((attributes, attribute, label))
}

/// The option with a label, as MySQL and PHP compare them: case does not count.
fn labelled<'a>(attribute: &'a Attribute, label: &str) -> Option<&'a Choice> {
    attribute
        .options
        .iter()
        .find(|choice| collation::equal(&choice.label, label))
}

fn add(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let option = args.object("option");
    let (attributes, attribute, label) = checked(catalogue, args, &option)?;
    if labelled(&attribute, &label).is_some() {
        return Err(Problem::with(
            400,
            "Admin store attribute option label \"%1\" is already exists.",
            json!([option.get("label")]),
        ));
    }
    let id = attributes.new_option_id();
    if let Some(attribute) = attributes.find_mut(&attribute.code) {
        let sort_order = records::number(&option, "sort_order").unwrap_or_default();
        write(attribute, id, &option, sort_order);
    }
    Ok(id.to_string().into())
}

fn update(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let option = args.object("option");
    let (attributes, attribute, label) = checked(catalogue, args, &option)?;
    let id = args.id("optionId");
    if !attribute.options.iter().any(|choice| choice.id == id) {
        return Err(Problem::with(
            400,
            "The '%1' attribute doesn't include an option id '%2'.",
            json!([attribute.code, id]),
        ));
    }
    if labelled(&attribute, &label).is_some_and(|other| other.id != id) {
        return Err(Problem::with(
            400,
            "Admin store attribute option label '%1' is already exists.",
            json!([option.get("label")]),
        ));
    }
    if let Some(attribute) = attributes.find_mut(&attribute.code) {
        // What is not sent is set too: the order to 0, the default to no.
        let sort_order = records::number(&option, "sort_order").unwrap_or_default();
        let mut option = option;
        option.entry("is_default").or_insert(Value::Bool(false));
        write(attribute, id, &option, sort_order);
    }
    Ok(true.into())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let attributes = &mut catalogue.attributes;
    let code = attributes.get(args.text("attributeCode"))?.code.clone();
    let id = php::int(args.text("optionId")).to_string();
    let attribute = attributes.find_mut(&code);
    let known = attribute.and_then(|attribute| {
        let at = attribute
            .options
            .iter()
            .position(|c| c.id.to_string() == id)?;
        attribute.options.remove(at);
        if attribute.default.as_ref() == Some(&id) {
            attribute.default = None;
        }
        Some(())
    });
    if known.is_none() {
        return Err(Problem::with(
            404,
            "The \"%1\" attribute doesn't include an option with \"%2\" ID.",
            json!([code, args.text("optionId")]),
        ));
    }
    Ok(true.into())
}

/// Every option by attribute and label.
pub(super) fn dump(attributes: &Attributes) -> Value {
    let of = |attribute: &Attribute| {
        let default = attribute.default.as_deref().unwrap_or_default();
        let is_default = |id: u64| default.split(',').any(|one| one == id.to_string());
        let rows = attribute.options.iter().map(|choice| {
            let labels: Map<String, Value> = views::scopes()
                .filter_map(|(store, code)| {
                    let label = choice.labels.get(&store)?;
                    Some((code.to_owned(), label.as_str().into()))
                })
                .collect();
            let fields = json!({
                "is_default": is_default(choice.id),
                "meta": { "id": choice.id },
                "sort_order": choice.sort_order,
                "store_labels": labels,
            });
            (choice.label.clone(), fields)
        });
        let mut rows: Map<String, Value> = rows.collect();
        rows.sort_keys();
        rows
    };
    let mut dump: Map<String, Value> = attributes
        .rows
        .iter()
        .filter(|attribute| !attribute.options.is_empty())
        .map(|attribute| (attribute.code.clone(), of(attribute).into()))
        .collect();
    dump.sort_keys();
    dump.into()
}
