//! Reading the store's own words: what references name, and the attributes of entity types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use crate::domain::kinds::{EntityType, FieldScope, FieldType, Target};
use crate::domain::vocabulary::{Attribute, AttributeType, Names};
use crate::domain::{Kind, Vocabulary};
use crate::ports::StoreError;

/// Reads what entities of these kinds are written in.
pub(super) async fn read(
    client: &Arc<Client>,
    kinds: &BTreeSet<Kind>,
) -> Result<Vocabulary, StoreError> {
    let mut vocabulary = Vocabulary::default();
    let targets: BTreeSet<Target> = kinds.iter().flat_map(|kind| targets(*kind)).collect();
    for target in targets {
        let names = names(client, target).await?;
        vocabulary.names.insert(target, names);
    }
    let types: BTreeSet<EntityType> = kinds.iter().filter_map(|kind| kind.attributes).collect();
    for ty in types {
        let attributes = attributes(client, ty).await?;
        vocabulary.attributes.insert(ty, attributes);
    }
    Ok(vocabulary)
}

/// What the fields of a kind refer to.
fn targets(kind: Kind) -> BTreeSet<Target> {
    let fields = kind.fields.iter();
    fields
        .filter_map(|field| match field.ty {
            FieldType::Reference(target) | FieldType::References(target) => Some(target),
            _ => None,
        })
        .collect()
}

/// Where the names of a target are listed, and what they are called there.
struct Source {
    path: &'static str,
    id: &'static str,
    name: &'static str,
    /// The column that pages are sorted by.
    sort: &'static str,
    /// A field and the value that it has in what counts.
    only: Option<(&'static str, &'static str)>,
}

fn source(target: Target) -> Source {
    let source = |path, id, name, sort| Source {
        path,
        id,
        name,
        sort,
        only: None,
    };
    match target {
        Target::Website => source("store/websites", "id", "code", "id"),
        Target::CustomerGroup => source("customerGroups/search", "id", "code", "id"),
        Target::CustomerTaxClass => Source {
            only: Some(("class_type", "CUSTOMER")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        Target::ProductTaxClass => Source {
            only: Some(("class_type", "PRODUCT")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        Target::TaxRate => source("taxRates/search", "id", "code", "id"),
        Target::AttributeSet => source(
            "products/attribute-sets/sets/list",
            "attribute_set_id",
            "attribute_set_name",
            "attribute_set_id",
        ),
        Target::CmsBlock => source("cmsBlock/search", "id", "identifier", "block_id"),
        Target::CartRule => source("salesRules/search", "rule_id", "name", "rule_id"),
    }
}

async fn names(client: &Arc<Client>, target: Target) -> Result<Names, StoreError> {
    let source = source(target);
    let items = if target == Target::Website {
        // no search: a plain list
        let list = get(client, "all", source.path, None).await?;
        objects(list).ok_or_else(|| misshapen("no list of websites"))?
    } else {
        let mut fields = format!("{},{}", source.id, source.name);
        if let Some((field, _)) = source.only {
            fields = format!("{fields},{field}");
        }
        let list = List {
            scope: "all".to_owned(),
            path: source.path.to_owned(),
            fields,
            sort: source.sort,
        };
        list.all(client).await?
    };
    let mut names = Names::default();
    for item in items {
        let counts = source
            .only
            .is_none_or(|(field, value)| item.get(field).and_then(Value::as_str) == Some(value));
        let (Some(id), Some(name)) = (text_of(&item, source.id), text_of(&item, source.name))
        else {
            let what = format!("a {} without id or name", target.label());
            return Err(misshapen(&what));
        };
        // website 0 is the admin
        if counts && !(target == Target::Website && id == "0") {
            names.add(id, name);
        }
    }
    Ok(names)
}

/// The attributes of an entity type, by code.
async fn attributes(
    client: &Arc<Client>,
    ty: EntityType,
) -> Result<BTreeMap<String, Attribute>, StoreError> {
    let path = match ty {
        EntityType::Product => "products/attributes",
        EntityType::Category => "categories/attributes",
    };
    let list = List {
        scope: "all".to_owned(),
        path: path.to_owned(),
        fields: "attribute_code,default_frontend_label,frontend_input,backend_type,scope,is_required,is_unique,options[value,label]".to_owned(),
        sort: "attribute_id",
    };
    let items = list.all(client).await?;
    let attributes = items.iter().map(|item| {
        let code = text_of(item, "attribute_code");
        code.map(|code| (code, attribute(item)))
            .ok_or_else(|| misshapen("an attribute without a code"))
    });
    attributes.collect()
}

fn attribute(item: &Map<String, Value>) -> Attribute {
    let text = |name: &str| text_of(item, name).unwrap_or_default();
    let backend = text("backend_type");
    let mut options = Names::default();
    let listed = item.get("options").and_then(Value::as_array);
    for option in listed.into_iter().flatten().filter_map(Value::as_object) {
        // the first is the empty one
        if let (Some(id), Some(label)) = (text_of(option, "value"), text_of(option, "label"))
            && !id.is_empty()
        {
            options.add(id, label);
        }
    }
    Attribute {
        label: text("default_frontend_label"),
        ty: AttributeType::of(&text("frontend_input"), &backend),
        scope: match text("scope").as_str() {
            "store" => FieldScope::View,
            "website" => FieldScope::Website,
            _ => FieldScope::Global,
        },
        required: item.get("is_required") == Some(&Value::Bool(true)),
        unique: text("is_unique") == "1",
        refused: (backend == "static").then(|| "Magento keeps it itself".to_owned()),
        options,
    }
}
