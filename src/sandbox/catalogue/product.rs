//! Products: what is stored of them, how they are shown, found and taken away.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::super::collation;
use super::super::php;
use super::super::reply::Problem;
use super::super::search::{Comparison, Criteria};
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::Type;
use super::super::views;
use super::Catalogue;
use super::attribute::{Attribute, Attributes, Source};
use super::attribute_option;
use super::eav::{Backend, Values};
use super::product_save::{PRODUCT, save};
use super::stock::StockItem;
use super::tier_price::Tier;

/// One product.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) sku: String,
    pub(super) set: u64,
    pub(super) type_id: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) values: Values,
    pub(super) websites: BTreeSet<u32>,
    /// Categories, and the position in each.
    pub(super) categories: BTreeMap<u64, i64>,
    pub(super) stock: StockItem,
    pub(super) tiers: Vec<Tier>,
}

/// All products, found by SKU at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Products {
    pub(super) rows: BTreeMap<u64, Product>,
    by_sku: HashMap<String, u64>,
    /// The URL keys that are shown in each store view.
    by_url_key: HashMap<(u32, String), u64>,
    last_id: u64,
}

impl Products {
    /// The id of a SKU, as the database compares it.
    pub(super) fn id(&self, sku: &str) -> Option<u64> {
        self.by_sku.get(&collation::key(sku)).copied()
    }

    pub(super) fn find(&self, sku: &str) -> Option<&Product> {
        self.rows.get(&self.id(sku)?)
    }

    pub(super) fn find_mut(&mut self, sku: &str) -> Option<&mut Product> {
        let id = self.id(sku)?;
        self.rows.get_mut(&id)
    }

    pub(super) fn get(&self, sku: &str) -> Result<&Product, Problem> {
        self.find(sku).ok_or_else(missing)
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Stores a product and keeps the indexes right.
    pub(super) fn put(&mut self, product: Product) {
        self.remove(product.id);
        self.by_sku.insert(collation::key(&product.sku), product.id);
        for key in product.url_keys(views::ALL) {
            self.by_url_key.insert(key, product.id);
        }
        self.rows.insert(product.id, product);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Product> {
        let product = self.rows.remove(&id)?;
        self.by_sku.remove(&collation::key(&product.sku));
        for key in product.url_keys(views::ALL) {
            if self.by_url_key.get(&key) == Some(&id) {
                self.by_url_key.remove(&key);
            }
        }
        Some(product)
    }

    /// True if another product has a URL key of this one, in a view that a save in this scope reaches.
    pub(super) fn is_url_key_taken(&self, product: &Product, store: u32) -> bool {
        let mut keys = product.url_keys(store);
        keys.any(|key| {
            self.by_url_key
                .get(&key)
                .is_some_and(|id| *id != product.id)
        })
    }

    /// Takes all values of an attribute away.
    pub(super) fn forget_attribute(&mut self, code: &str) {
        for product in self.rows.values_mut() {
            product.values.forget(code);
        }
    }
}

pub(super) fn missing() -> Problem {
    Problem::new(
        404,
        "The product that was requested doesn't exist. Verify the product and try again.",
    )
}

impl Product {
    /// The URL key in each view that a scope reaches.
    fn url_keys(&self, store: u32) -> impl Iterator<Item = (u32, String)> {
        let views = views::reached(&[store].into()).into_iter();
        views.filter_map(|view| Some((view, self.values.get("url_key", view)?.to_owned())))
    }

    /// The product as an answer shows it; searches leave the stock out.
    pub(super) fn render(&self, attributes: &Attributes, store: u32, with_stock: bool) -> Value {
        let mut answer = Map::new();
        let mut set = |name: &str, value: Value| {
            answer.insert(name.to_owned(), value);
        };
        set("id", self.id.into());
        set("sku", self.sku.as_str().into());
        for code in ["name", "attribute_set_id", "price", "status", "visibility"] {
            match code {
                "attribute_set_id" => set(code, self.set.into()),
                code => {
                    if let Some(value) = self.top_level(code, store) {
                        set(code, value);
                    }
                }
            }
        }
        set("type_id", self.type_id.as_str().into());
        set("created_at", self.created_at.as_str().into());
        set("updated_at", self.updated_at.as_str().into());
        if let Some(weight) = self.top_level("weight", store) {
            set("weight", weight);
        }
        set("extension_attributes", self.extension(with_stock));
        set("options", json!([]));
        set("media_gallery_entries", json!([]));
        if !self.tiers.is_empty() {
            set(
                "tier_prices",
                self.tiers.iter().map(Tier::of_product).collect(),
            );
        }
        set("custom_attributes", self.custom(attributes, store));
        Value::Object(answer)
    }

    /// A value that is a member of the product itself, with its type.
    fn top_level(&self, code: &str, store: u32) -> Option<Value> {
        let text = self.values.get(code, store)?;
        Some(match code {
            "name" => text.into(),
            "status" | "visibility" => php::int(text).into(),
            _ => php::float(php::number_prefix(text)),
        })
    }

    fn extension(&self, with_stock: bool) -> Value {
        let mut extension = json!({ "website_ids": self.websites });
        if !self.categories.is_empty() {
            extension["category_links"] = self
                .categories
                .iter()
                .map(
                    |(id, position)| json!({ "position": position, "category_id": id.to_string() }),
                )
                .collect();
        }
        if with_stock {
            extension["stock_item"] = self.stock.render(self.id);
        }
        extension
    }

    fn custom(&self, attributes: &Attributes, store: u32) -> Value {
        attributes
            .rows
            .iter()
            .filter(|attribute| !TOP_LEVEL.contains(&attribute.code.as_str()))
            .filter_map(|attribute| {
                let value = self.custom_value(attribute, store)?;
                Some(json!({ "attribute_code": attribute.code, "value": value }))
            })
            .collect()
    }

    fn custom_value(&self, attribute: &Attribute, store: u32) -> Option<Value> {
        match attribute.code.as_str() {
            "category_ids" => Some(self.categories.keys().map(u64::to_string).collect()),
            "required_options" | "has_options" => Some("0".into()),
            _ if attribute.backend == Backend::Static => None,
            code if attribute.is_in_set(self.set) => self.values.get(code, store).map(Value::from),
            _ => None,
        }
    }

    /// A value that searches compare.
    fn column(&self, name: &str, store: u32) -> Option<Cow<'_, str>> {
        match name {
            "entity_id" => Some(self.id.to_string().into()),
            "sku" => Some(Cow::Borrowed(&self.sku)),
            "attribute_set_id" => Some(self.set.to_string().into()),
            "type_id" => Some(Cow::Borrowed(&self.type_id)),
            "created_at" => Some(Cow::Borrowed(&self.created_at)),
            "updated_at" => Some(Cow::Borrowed(&self.updated_at)),
            code => self.values.get(code, store).map(Cow::Borrowed),
        }
    }
}

/// The attributes that are no custom attributes.
pub(super) const TOP_LEVEL: &[&str] = &[
    "name",
    "sku",
    "price",
    "weight",
    "status",
    "visibility",
    "created_at",
    "updated_at",
    "tier_price",
];

const ROUTES: Resource = Resource {
    acl: "Magento_Catalog::products",
    kind: "product",
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductRepositoryInterface",
        class: "Magento\\Catalog\\Model\\ProductRepository",
    },
};

const SKU: &[Param] = &[Param::new("sku", Type::Text)];
const SAVE: &[Param] = &[
    Param::new("product", Type::Object(&PRODUCT)),
    Param::optional("saveOptions", Type::Bool),
];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "products", "getList", &[], list),
    ROUTES.endpoint("POST", "products", "save", SAVE, save),
    ROUTES.endpoint("GET", "products/:sku", "get", SKU, get),
    ROUTES.endpoint("PUT", "products/:sku", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "products/:sku", "deleteById", SKU, delete),
];

fn get(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let product = catalogue.products.get(args.text("sku"))?;
    Ok(product.render(&catalogue.attributes, context.store, true))
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = catalogue.products.get(args.text("sku"))?.id;
    catalogue.products.remove(id);
    Ok(true.into())
}

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let Catalogue {
        attributes,
        products,
        ..
    } = catalogue;
    let criteria = context.criteria()?;
    let store = context.store;
    let hits = criteria
        .select(
            candidates(products, &criteria).into_iter(),
            |name| comparison(attributes, name),
            |product: &Product, name| match name {
                // One of its categories decides; a list of ids is compared as a set.
                "category_id" => in_category(product, &criteria).map(Cow::Owned),
                name => product.column(name, store),
            },
        )
        .map_err(|unknown| {
            Problem::with(
                400,
                "The \"%1\" attribute name is invalid. Reset the name and try again.",
                json!([unknown.0]),
            )
        })?;
    Ok(criteria.answer(&hits, |product| product.render(attributes, store, false)))
}

/// The products that can be hits at all: by index where SKUs or ids are asked for.
fn candidates<'a>(products: &'a Products, criteria: &Criteria) -> Vec<&'a Product> {
    let ids: BTreeSet<u64> = if let Some(skus) = criteria.exactly("sku") {
        skus.iter().filter_map(|sku| products.id(sku)).collect()
    } else if let Some(ids) = criteria.exactly("entity_id") {
        let id = |text: &&str| u64::try_from(php::int(text)).ok();
        ids.iter().filter_map(id).collect()
    } else {
        return products.rows.values().collect();
    };
    ids.iter().filter_map(|id| products.rows.get(id)).collect()
}

fn comparison(attributes: &Attributes, name: &str) -> Option<Comparison> {
    match name {
        "entity_id" | "attribute_set_id" | "category_id" => Some(Comparison::Number),
        "type_id" => Some(Comparison::Text),
        name => attributes.find(name).map(Attribute::comparison),
    }
}

/// The first category asked for that the product is in, else any that it is in.
fn in_category(product: &Product, criteria: &Criteria) -> Option<String> {
    let asked = criteria.exactly("category_id").unwrap_or_default();
    asked
        .iter()
        .filter_map(|id| u64::try_from(php::int(id)).ok())
        .find(|id| product.categories.contains_key(id))
        .or_else(|| product.categories.keys().next().copied())
        .map(|id| id.to_string())
}

impl Products {
    /// Every product by SKU: its values under `all`, and under each view those that differ.
    pub(super) fn dump(&self, attributes: &Attributes) -> Value {
        let mut dump: Map<String, Value> = self
            .rows
            .values()
            .map(|product| (product.sku.clone(), product.dump(attributes)))
            .collect();
        dump.sort_keys();
        dump.into()
    }
}

impl Product {
    fn dump(&self, attributes: &Attributes) -> Value {
        let mut scopes = Map::new();
        for (store, scope) in views::scopes() {
            let mut fields = Map::new();
            for attribute in &attributes.rows {
                if store == views::ALL {
                    if let Some(value) = self.dump_value(attribute, store) {
                        fields.insert(attribute.code.clone(), value);
                    }
                } else if self.values.is_overridden(&attribute.code, store) {
                    let value = self.dump_value(attribute, store);
                    // Whether an equal value is an override does not count.
                    if value != self.dump_value(attribute, views::ALL) {
                        fields.insert(attribute.code.clone(), json!(value));
                    }
                }
            }
            if store == views::ALL {
                fields.insert("attribute_set_id".to_owned(), self.set.into());
                fields.insert("type_id".to_owned(), self.type_id.as_str().into());
                fields.insert("website_ids".to_owned(), json!(self.websites));
                fields.insert("stock_item".to_owned(), self.stock.dump());
                fields.insert(
                    "meta".to_owned(),
                    json!({
                        "created_at": self.created_at,
                        "id": self.id,
                        "item_id": self.stock.item_id,
                        "low_stock_date": self.stock.low_stock_date,
                        "updated_at": self.updated_at,
                    }),
                );
            }
            if fields.is_empty() {
                continue;
            }
            fields.entry("meta").or_insert_with(|| json!({}));
            fields.sort_keys();
            scopes.insert(scope.to_owned(), fields.into());
        }
        scopes.into()
    }

    /// Returns what a store shows; options by their labels, whose ids change when they are made again.
    fn dump_value(&self, attribute: &Attribute, store: u32) -> Option<Value> {
        let text = match attribute.backend {
            Backend::Static => return None,
            _ if !attribute.is_in_set(self.set) => return None,
            _ => self.values.get(&attribute.code, store)?,
        };
        Some(match attribute.source {
            Source::Table => attribute_option::label_of(attribute, text).into(),
            _ => text.into(),
        })
    }
}
