//! Reading the store's own words: what references name, and the attributes of entity types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use crate::domain::kinds::{EntityType, FieldSpec, FieldType, Target};
use crate::domain::vocabulary::{Attribute, Names};
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
    fields.filter_map(target).collect()
}

/// What a field refers to.
pub(super) fn target(field: &FieldSpec) -> Option<Target> {
    match field.ty {
        FieldType::Reference(target) | FieldType::References(target) => Some(target),
        FieldType::Labels => Some(Target::StoreView),
        _ => None,
    }
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
        Target::StoreView => source("store/storeViews", "id", "code", "id"),
        Target::CustomerGroup => source("customerGroups/search", "id", "code", "id"),
        Target::CustomerTaxClass => Source {
            only: Some(("class_type", "CUSTOMER")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        Target::ProductTaxClass => Source {
            only: Some(("class_type", "PRODUCT")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        // the one search whose `id` is not known to its sorting
        Target::TaxRate => source("taxRates/search", "id", "code", "tax_calculation_rate_id"),
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

/// Reads the ids and names of a target.
pub(super) async fn names(client: &Arc<Client>, target: Target) -> Result<Names, StoreError> {
    let source = source(target);
    let of_stores = matches!(target, Target::Website | Target::StoreView);
    let items = if of_stores {
        // no search: a plain list
        let list = get(client, "all", source.path, None).await?;
        objects(list).ok_or_else(|| misshapen(&format!("no list in {}", source.path)))?
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
        // 0 is the admin's
        if counts && !(of_stores && id == "0") {
            names.add(id, name);
        }
    }
    if target == Target::StoreView {
        names.add("0", "all");
    }
    Ok(names)
}

async fn attributes(
    _client: &Arc<Client>,
    _ty: EntityType,
) -> Result<BTreeMap<String, Attribute>, StoreError> {
    Ok(BTreeMap::new())
}
