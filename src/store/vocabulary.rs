//! Reading the store's own words: what references name, and the attributes of entity types.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use crate::domain::key::KeyShape;
use crate::domain::kinds::{Access, EntityType, FieldScope, FieldType, Scoping, Target};
use crate::domain::vocabulary::{Attribute, Names};
use crate::domain::{Kind, Vocabulary};
use crate::ports::StoreError;

/// Reads what entities of these kinds are written in.
pub(super) async fn read(
    client: &Arc<Client>,
    kinds: &BTreeSet<Kind>,
) -> Result<Vocabulary, StoreError> {
    let mut vocabulary = Vocabulary::default();
    for target in kinds.iter().flat_map(|kind| targets(*kind)) {
        if let Entry::Vacant(slot) = vocabulary.names.entry(target) {
            slot.insert(names(client, target).await?);
        }
    }
    let has_prices_of_views =
        |kind: &Kind| kind.route.access == Access::Price && kind.scoping == Scoping::Rows;
    if kinds.iter().any(has_prices_of_views) {
        vocabulary.price_scope = Some(price_scope(client).await?);
    }
    let types: BTreeSet<EntityType> = kinds.iter().filter_map(|kind| kind.attributes).collect();
    for ty in types {
        let attributes = attributes(client, ty).await?;
        vocabulary.attributes.insert(ty, attributes);
    }
    Ok(vocabulary)
}

/// What the fields and the key of a kind refer to.
fn targets(kind: Kind) -> BTreeSet<Target> {
    let fields = kind.fields.iter();
    let of_fields = fields.filter_map(|field| match field.ty {
        FieldType::Reference(target) | FieldType::References(target) => Some(target),
        _ => None,
    });
    let parts = match kind.key {
        KeyShape::Parts(parts) => parts,
        KeyShape::Plain | KeyShape::Path => &[],
    };
    let of_parts = parts.iter().filter_map(|part| Target::of_part(part));
    of_fields.chain(of_parts).collect()
}

/// Where prices may differ, as the shop has set it. To read it takes a right of its own, which an
/// integration that has only prices for all views to write can do without.
async fn price_scope(client: &Arc<Client>) -> Result<Result<FieldScope, String>, StoreError> {
    let attribute = match get(client, "all", "products/attributes/price", None).await {
        Ok(attribute) => attribute,
        Err(error @ StoreError::Unauthorized { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    match attribute.get("scope").and_then(Value::as_str) {
        Some("global") => Ok(Ok(FieldScope::Global)),
        Some("website") => Ok(Ok(FieldScope::Website)),
        Some("store") => Ok(Ok(FieldScope::View)),
        Some(_) | None => Err(misshapen("an attribute without a scope")),
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
        Target::Source => source(
            "inventory/sources",
            "source_code",
            "source_code",
            "source_code",
        ),
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

async fn attributes(
    _client: &Arc<Client>,
    _ty: EntityType,
) -> Result<BTreeMap<String, Attribute>, StoreError> {
    Ok(BTreeMap::new())
}
