//! Reading the store's own words: what references name, the websites of views, attribute sets. The
//! attributes of entity types are read by [`super::attributes`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use super::{Writing, attributes};
use crate::domain::key::KeyShape;
use crate::domain::kinds::{
    Access, EntityType, FieldScope, FieldSpec, FieldType, Referent, Scoping,
};
use crate::domain::vocabulary::Names;
use crate::domain::{Kind, StoreCode, Vocabulary};
use crate::ports::StoreError;

/// Reads what entities of these kinds are written in.
pub(super) async fn read(
    client: &Arc<Client>,
    kinds: &BTreeSet<Kind>,
) -> Result<Vocabulary, StoreError> {
    let mut vocabulary = Vocabulary::default();
    let wanted: BTreeSet<Referent> = kinds.iter().flat_map(|kind| referents(*kind)).collect();
    for referent in wanted {
        let names = names(client, referent).await?;
        vocabulary.names.insert(referent, names);
    }
    let has_prices_of_views =
        |kind: &Kind| kind.route.access == Access::Price && kind.scoping == Scoping::Rows;
    if kinds.iter().any(has_prices_of_views) {
        vocabulary.price_scope = Some(price_scope(client).await?);
    }
    let types: BTreeSet<EntityType> = kinds.iter().filter_map(|kind| kind.attributes).collect();
    for ty in types {
        let attributes = attributes::all(client, ty).await?;
        vocabulary.attributes.insert(ty, attributes);
    }
    if vocabulary.attributes.contains_key(&EntityType::Product)
        && let Some(names) = vocabulary.names.get(&Referent::AttributeSet)
    {
        vocabulary.sets = sets(client, names).await?;
    }
    if kinds
        .iter()
        .any(|kind| kind.scoping.is_values() || has_prices_of_views(kind))
    {
        vocabulary.websites = websites(client).await?;
    }
    Ok(vocabulary)
}

/// The codes of the attributes in each set. (No set can be told apart by its name that shares it.)
async fn sets(
    client: &Arc<Client>,
    names: &Names,
) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
    let mut running = JoinSet::new();
    for name in names.names() {
        let Some(id) = names.id(name) else { continue };
        let path = format!("products/attribute-sets/{id}/attributes");
        let (client, name) = (Arc::clone(client), name.to_owned());
        let job = async move {
            let fields = Some("fields=attribute_code".to_owned());
            let list = get(&client, "all", &path, fields).await?;
            let codes = objects(list)
                .ok_or_else(|| misshapen("no list of the attributes of a set"))?
                .iter()
                .filter_map(|item| text_of(item, "attribute_code"))
                .collect();
            Ok((name, codes))
        };
        running.spawn(job.in_current_span());
    }
    let mut sets = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        let set = joined.map_err(|error| StoreError::Unavailable {
            message: format!("a list was broken off ({error})"),
            retry_after: None,
        })?;
        sets.extend([set?]);
    }
    Ok(sets)
}

/// The website of each view.
async fn websites(client: &Client) -> Result<BTreeMap<StoreCode, String>, StoreError> {
    let views = get(client, "all", "store/storeViews", None).await?;
    let views = objects(views).ok_or_else(|| misshapen("no list of store views"))?;
    let of = |view: &serde_json::Map<String, Value>| {
        let code = view.get("code")?.as_str()?;
        Some((StoreCode::new(code).ok()?, text_of(view, "website_id")?))
    };
    Ok(views
        .iter()
        .filter(|view| text_of(view, "id").as_deref() != Some("0"))
        .filter_map(of)
        .collect())
}

impl Writing<'_> {
    /// Returns what is sent for a natural value. A name that is not known was made by this pass: it is
    /// read anew, and kept.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a name that the store does not know now either; what reading says.
    pub(super) async fn wire(
        &self,
        kind: Kind,
        field: &str,
        value: &Value,
    ) -> Result<Value, StoreError> {
        if let Ok(wire) = self.known(self.vocabulary, kind, field, value) {
            return Ok(wire);
        }
        let latest = self.latest();
        if let Ok(wire) = self.known(&latest, kind, field, value) {
            return Ok(wire);
        }
        self.renew(kind, field).await?;
        let latest = self.latest();
        self.known(&latest, kind, field, value)
            .map_err(|why| StoreError::Refused {
                status: 400,
                message: format!("`{field}`: {why}"),
            })
    }

    fn known(
        &self,
        vocabulary: &Vocabulary,
        kind: Kind,
        field: &str,
        value: &Value,
    ) -> Result<Value, String> {
        let of_store = kind
            .field(field)
            .is_some_and(|spec| spec.ty == FieldType::Attribute);
        if of_store && vocabulary.attribute(kind, field).is_none() {
            return Err("the store has no such attribute".to_owned());
        }
        vocabulary.wire(kind, field, value)
    }

    /// As last read, by whichever write.
    fn latest(&self) -> Arc<Vocabulary> {
        let kept = self.kept.lock();
        Arc::clone(&kept.unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads anew what a field is written in.
    async fn renew(&self, kind: Kind, field: &str) -> Result<(), StoreError> {
        let Some(spec) = kind.field(field) else {
            return Ok(());
        };
        match (spec.ty, kind.attributes) {
            (FieldType::Reference(_) | FieldType::References(_) | FieldType::Labels, _) => {
                let Some(referent) = referent(spec) else {
                    return Ok(());
                };
                let names = names(self.client, referent).await?;
                self.keep(|vocabulary| {
                    vocabulary.names.insert(referent, names);
                });
            }
            (FieldType::Attribute, Some(ty)) => {
                if let Some(attribute) = attributes::one(self.client, ty, field).await? {
                    self.keep(|vocabulary| {
                        let known = vocabulary.attributes.entry(ty).or_default();
                        known.insert(field.to_owned(), attribute);
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&self, add: impl FnOnce(&mut Vocabulary)) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        add(Arc::make_mut(&mut kept));
    }
}

/// Returns what the fields and the key of a kind refer to.
fn referents(kind: Kind) -> BTreeSet<Referent> {
    let fields = kind.fields.iter();
    let of_fields = fields.filter_map(referent);
    let parts = match kind.key {
        KeyShape::Parts(parts) => parts,
        KeyShape::Plain | KeyShape::Path => &[],
    };
    let of_parts = parts.iter().filter_map(|part| Referent::of_part(part));
    of_fields.chain(of_parts).collect()
}

/// Returns what a field refers to.
pub(super) fn referent(field: &FieldSpec) -> Option<Referent> {
    match field.ty {
        FieldType::Reference(referent) | FieldType::References(referent) => Some(referent),
        FieldType::Labels => Some(Referent::StoreView),
        _ => None,
    }
}

/// Returns where prices may differ, as the shop has set it. To read it takes a right of its own, which an
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

/// The route that lists the names of a referent, and what they are called there.
struct Source {
    path: &'static str,
    id: &'static str,
    name: &'static str,
    /// The column that pages are sorted by.
    sort: &'static str,
    /// A field and the value that it has in what counts.
    only: Option<(&'static str, &'static str)>,
}

fn source(referent: Referent) -> Source {
    let source = |path, id, name, sort| Source {
        path,
        id,
        name,
        sort,
        only: None,
    };
    match referent {
        Referent::Website => source("store/websites", "id", "code", "id"),
        Referent::StoreView => source("store/storeViews", "id", "code", "id"),
        Referent::CustomerGroup => source("customerGroups/search", "id", "code", "id"),
        Referent::CustomerTaxClass => Source {
            only: Some(("class_type", "CUSTOMER")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        Referent::ProductTaxClass => Source {
            only: Some(("class_type", "PRODUCT")),
            ..source("taxClasses/search", "class_id", "class_name", "class_id")
        },
        // the one search whose `id` is not known to its sorting
        Referent::TaxRate => source("taxRates/search", "id", "code", "tax_calculation_rate_id"),
        Referent::AttributeSet => source(
            "products/attribute-sets/sets/list",
            "attribute_set_id",
            "attribute_set_name",
            "attribute_set_id",
        ),
        Referent::CmsBlock => source("cmsBlock/search", "id", "identifier", "block_id"),
        Referent::CartRule => source("salesRules/search", "rule_id", "name", "rule_id"),
        Referent::Source => source(
            "inventory/sources",
            "source_code",
            "source_code",
            "source_code",
        ),
    }
}

/// Reads the ids and names of a referent.
pub(super) async fn names(client: &Arc<Client>, referent: Referent) -> Result<Names, StoreError> {
    let source = source(referent);
    let of_stores = matches!(referent, Referent::Website | Referent::StoreView);
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
            let what = format!("a {} without id or name", referent.label());
            return Err(misshapen(&what));
        };
        // 0 is the admin's
        if counts && !(of_stores && id == "0") {
            names.add(id, name);
        }
    }
    if referent == Referent::StoreView {
        names.add("0", "all");
    }
    Ok(names)
}
