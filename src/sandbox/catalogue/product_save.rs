//! Saving a product: what a partial body changes, in which rows, and what changes along with it.

use serde_json::{Map, Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::service::{Args, Context};
use super::super::shape::{Shape, Type};
use super::super::shop::Moment;
use super::super::views;
use super::Catalogue;
use super::attribute::{Attribute, Attributes};
use super::eav::{Backend, Scope};
use super::product::{Product, Products, TOP_LEVEL};
use super::records::{self, Record};
use super::stock::{STOCK_ITEM, StockItem};
use super::tier_price::Tier;
use crate::domain::text::slug;

const CATEGORY_LINK: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\CategoryLinkInterface",
    fields: &[
        ("position", Type::Int),
        ("category_id", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const EXTENSION: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\ProductExtensionInterface",
    fields: &[
        ("website_ids", Type::List(&Type::Int)),
        ("category_links", Type::List(&Type::Object(&CATEGORY_LINK))),
        ("stock_item", Type::Object(&STOCK_ITEM)),
        ("downloadable_product_links", Type::Mixed),
        ("downloadable_product_samples", Type::Mixed),
        ("bundle_product_options", Type::Mixed),
        ("configurable_product_options", Type::Mixed),
        ("configurable_product_links", Type::Mixed),
        ("discounts", Type::Mixed),
    ],
};

const TIER_PRICE: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\ProductTierPriceInterface",
    fields: &[
        ("customer_group_id", Type::Int),
        ("qty", Type::Float),
        ("value", Type::Float),
        ("extension_attributes", Type::Mixed),
    ],
};

pub(super) static PRODUCT: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\ProductInterface",
    fields: &[
        ("id", Type::Int),
        ("sku", Type::Text),
        ("name", Type::Text),
        ("attribute_set_id", Type::Int),
        ("price", Type::Float),
        ("status", Type::Int),
        ("visibility", Type::Int),
        ("type_id", Type::Text),
        ("created_at", Type::Text),
        ("updated_at", Type::Text),
        ("weight", Type::Float),
        ("extension_attributes", Type::Object(&EXTENSION)),
        ("product_links", Type::List(&Type::Mixed)),
        ("options", Type::List(&Type::Mixed)),
        ("media_gallery_entries", Type::List(&Type::Mixed)),
        ("tier_prices", Type::List(&Type::Object(&TIER_PRICE))),
        ("custom_attributes", Type::Attributes),
    ],
};

/// A value that was sent, before it is stored.
struct Change<'a> {
    attribute: &'a Attribute,
    /// `None` takes the row away.
    value: Option<String>,
    /// A member of the product itself, whose number is never the stored text: always written.
    typed: bool,
}

pub(super) fn save(
    catalogue: &mut Catalogue,
    args: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    let sent = args.object("product");
    let Catalogue {
        attributes,
        products,
        sets,
        sources,
        ..
    } = catalogue;
    let sku = records::text(&sent, "sku");
    let stored = match records::id(&sent, "id") {
        0 => products.find(sku),
        id => products.rows.get(&id),
    };
    let is_new = stored.is_none();
    let mut product = match stored {
        Some(product) => product.clone(),
        None => new(&sent, context, |set| sets.rows.contains_key(&set))?,
    };
    if !sku.is_empty() {
        sku.clone_into(&mut product.sku);
    }
    let set = records::id(&sent, "attribute_set_id");
    if set > 0 && sets.rows.contains_key(&set) {
        product.set = set;
    }
    let mut changes = changes(attributes, &product, &sent)?;
    if is_new {
        add_defaults(&mut changes, attributes, &sent);
    }
    write(&mut product, &changes, context.store, is_new);
    start_special_price(&mut product, attributes, &changes, context);
    check(&product, attributes, products, context.store)?;
    if is_new {
        product.id = products.new_id();
        product.stock = StockItem::new(product.id);
    }
    let stock_sent = replace_lists(&mut product, &sent)?;
    if !is_new {
        product.stock.note_low_stock(&context.moment.database);
    }
    if stock_sent {
        sources.follow_stock(&product.sku, &product.stock);
    }
    product.updated_at.clone_from(&context.moment.database);
    let answer = product.render(attributes, context.store, true);
    products.put(product);
    Ok(answer)
}

fn new(
    sent: &Record,
    context: &Context<'_>,
    is_set: impl Fn(u64) -> bool,
) -> Result<Product, Problem> {
    let set = records::id(sent, "attribute_set_id");
    if !is_set(set) {
        return Err(Problem::with(
            400,
            "Invalid product data: %1",
            json!(["Invalid attribute set entity type"]),
        ));
    }
    let type_id = match records::text(sent, "type_id") {
        "" => "simple",
        type_id => type_id,
    };
    let websites = match context.store {
        views::ALL => views::WEBSITES
            .iter()
            .map(|w| w.id)
            .filter(|id| *id > 0)
            .collect(),
        store => [views::website_of(store)].into(),
    };
    let Moment { database: now, .. } = context.moment;
    Ok(Product {
        id: 0,
        sku: String::new(),
        set,
        type_id: type_id.to_owned(),
        created_at: now.clone(),
        updated_at: now.clone(),
        values: Default::default(),
        websites,
        categories: Default::default(),
        stock: StockItem::new(0),
        tiers: Vec::new(),
    })
}

/// The values in a body: members of the product, and custom attributes that exist and are in the
/// product's set. All others are ignored without a word.
fn changes<'a>(
    attributes: &'a Attributes,
    product: &Product,
    sent: &Record,
) -> Result<Vec<Change<'a>>, Problem> {
    let mut changes = Vec::new();
    for code in ["name", "price", "status", "visibility", "weight"] {
        if let (Some(value), Some(attribute)) = (sent.get(code), attributes.find(code)) {
            changes.push(Change {
                attribute,
                value: php::string(value).filter(|_| !value.is_null()),
                typed: code != "name",
            });
        }
    }
    let custom = sent.get("custom_attributes").and_then(Value::as_object);
    for (code, value) in custom.into_iter().flatten() {
        let known = attributes
            .find(code)
            .filter(|attribute| attribute.is_in_set(product.set));
        let Some(attribute) = known else {
            continue;
        };
        if TOP_LEVEL.contains(&code.as_str()) || attribute.backend == Backend::Static {
            continue;
        }
        let value = text(value);
        if attribute.backend == Backend::Datetime
            && value
                .as_deref()
                .is_some_and(|text| !text.is_empty() && attribute.backend.stored(text).is_none())
        {
            return Err(Problem::new(400, "Invalid date"));
        }
        let value = match code.as_str() {
            "url_key" => value.map(|key| slug(&key)),
            _ => value,
        };
        changes.push(Change {
            attribute,
            value,
            typed: false,
        });
    }
    Ok(changes)
}

/// A custom attribute's value as a text; a list is joined by commas.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(php::string).collect();
            Some(items.join(","))
        }
        other => php::string(other),
    }
}

/// Adds what a new product has that was given nothing.
fn add_defaults<'a>(changes: &mut Vec<Change<'a>>, attributes: &'a Attributes, sent: &Record) {
    let url_key = slug(records::text(sent, "name"));
    let defaults = [
        ("status", "1"),
        ("visibility", "4"),
        ("options_container", "container2"),
        ("msrp_display_actual_price_type", "0"),
        ("tax_class_id", "2"),
        ("url_key", url_key.as_str()),
    ];
    let own = attributes.rows.iter().filter_map(|attribute| {
        let default = attribute.default.as_deref()?;
        Some((attribute.code.as_str(), default))
    });
    for (code, default) in defaults.into_iter().chain(own) {
        let given = changes.iter().any(|change| {
            change.attribute.code == code && change.value.as_deref().is_some_and(|v| !v.is_empty())
        });
        if let Some(attribute) = attributes
            .find(code)
            .filter(|_| !given && !default.is_empty())
        {
            changes.push(Change {
                attribute,
                value: Some(default.to_owned()),
                typed: true,
            });
        }
    }
}

fn write(product: &mut Product, changes: &[Change<'_>], store: u32, is_new: bool) {
    for change in changes {
        let Change {
            attribute,
            value,
            typed,
        } = change;
        let code = attribute.code.as_str();
        let mut rows = attribute.scope.rows(store);
        // What is required has a default from the start.
        if is_new && attribute.required && !rows.contains(&views::ALL) {
            rows.push(views::ALL);
        }
        let stored = match value.as_deref() {
            None => {
                for row in rows {
                    product.values.unset(code, row);
                }
                continue;
            }
            Some("") if attribute.backend != Backend::Decimal => None,
            Some(text) => attribute.backend.stored(text),
        };
        let inherits = !typed
            && attribute.scope == Scope::Store
            && store != views::ALL
            && !is_new
            && !product.values.is_overridden(code, store)
            && product.values.get(code, views::ALL) == stored.as_deref();
        if inherits {
            continue;
        }
        for row in rows {
            if row == views::ALL && stored.is_none() {
                product.values.unset(code, row);
            } else {
                product.values.set(code, row, stored.clone());
            }
        }
    }
}

/// A special price without a first day gets today's. In a view the inherited first day does not
/// count, so that every save there writes one.
fn start_special_price(
    product: &mut Product,
    attributes: &Attributes,
    changes: &[Change<'_>],
    context: &Context<'_>,
) {
    const FROM: &str = "special_from_date";
    let store = context.store;
    let price = product.values.get("special_price", store);
    if price.is_none_or(|price| php::number_prefix(price) == 0.0) {
        return;
    }
    let given = |change: &Change<'_>| change.attribute.code == FROM && change.value.is_some();
    if changes.iter().any(given) {
        return;
    }
    let own = if store == views::ALL {
        product.values.get(FROM, store).is_some()
    } else {
        product.values.is_overridden(FROM, store)
    };
    if own {
        return;
    }
    let today = context.moment.database.get(..10).unwrap_or_default();
    let rows = attributes
        .find(FROM)
        .map(|attribute| attribute.scope.rows(store))
        .unwrap_or_default();
    for row in rows {
        product
            .values
            .set(FROM, row, Some(format!("{today} 00:00:00")));
    }
}

/// The last look before a product is stored.
fn check(
    product: &Product,
    attributes: &Attributes,
    products: &Products,
    store: u32,
) -> Result<(), Problem> {
    let empty = |label: &str| {
        Problem::new(
            400,
            format!("The \"{label}\" attribute value is empty. Set the attribute and try again."),
        )
    };
    if product.sku.is_empty() {
        return Err(empty("SKU"));
    }
    for attribute in &attributes.rows {
        let code = attribute.code.as_str();
        let checked = attribute.backend != Backend::Static && attribute.is_in_set(product.set);
        let lacks = |store| product.values.get(code, store).is_none();
        // In a view a value may be missing: it is inherited then, or nobody looks.
        if checked && attribute.required && store == views::ALL && lacks(store) {
            return Err(empty(&attribute.label));
        }
        if attribute.input == "price"
            && let Some(value) = product.values.get(code, store)
            && value.starts_with('-')
        {
            return Err(Problem::new(
                400,
                "Please enter a number 0 or greater in this field.",
            ));
        }
        if attribute.unique && checked && is_taken(product, products, code) {
            return Err(Problem::new(
                400,
                format!(
                    "The value of the \"{}\" attribute isn't unique. Set a unique value and try again.",
                    attribute.label
                ),
            ));
        }
    }
    if products.is_url_key_taken(product, store) {
        return Err(Problem::new(
            400,
            "URL key for specified store already exists.",
        ));
    }
    Ok(())
}

fn is_taken(product: &Product, products: &Products, code: &str) -> bool {
    let value = product.values.get(code, views::ALL);
    value.is_some()
        && products
            .rows
            .values()
            .any(|other| other.id != product.id && other.values.get(code, views::ALL) == value)
}

/// Lists that are replaced as a whole. Whether the stock's quantity or availability was sent.
fn replace_lists(product: &mut Product, sent: &Record) -> Result<bool, Problem> {
    let nothing = Map::new();
    let extension = sent.get("extension_attributes").and_then(Value::as_object);
    let extension = extension.unwrap_or(&nothing);
    if extension.get("website_ids").is_some_and(Value::is_array) {
        product.websites = records::numbers(extension, "website_ids")
            .into_iter()
            .filter_map(|id| u32::try_from(id).ok())
            .collect();
    }
    if let Some(links) = extension.get("category_links").and_then(Value::as_array) {
        product.categories = links
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|link| {
                let id = u64::try_from(php::int(records::text(link, "category_id"))).ok()?;
                Some((id, records::number(link, "position").unwrap_or_default()))
            })
            .collect();
    }
    let custom = sent.get("custom_attributes").and_then(Value::as_object);
    if let Some(Value::Array(ids)) = custom.and_then(|custom| custom.get("category_ids")) {
        let ids = ids.iter().filter_map(php::string);
        let ids = ids.filter_map(|id| u64::try_from(php::int(&id)).ok());
        let positions = std::mem::take(&mut product.categories);
        product.categories = ids
            .map(|id| (id, positions.get(&id).copied().unwrap_or_default()))
            .collect();
    }
    if let Some(tiers) = sent.get("tier_prices").and_then(Value::as_array) {
        product.tiers = tiers
            .iter()
            .filter_map(Value::as_object)
            .map(Tier::from_product)
            .collect();
    }
    Ok(extension
        .get("stock_item")
        .and_then(Value::as_object)
        .is_some_and(|item| product.stock.update(item)))
}
