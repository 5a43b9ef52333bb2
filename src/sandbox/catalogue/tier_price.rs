//! Tier prices: many rows a call, and the bad ones named in a 200.

use serde_json::{Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::price::failed;
use super::product::Product;
use super::records::{self, Record, Records};

/// A price from a quantity on, for one group of customers or for all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tier {
    pub(super) website: i64,
    /// `None` is all groups.
    pub(super) group: Option<u64>,
    pub(super) quantity: f64,
    pub(super) price: f64,
    /// The price is a percentage to take off.
    pub(super) discount: bool,
}

/// The word for all groups.
const ALL_GROUPS: &str = "all groups";
/// Its number in a product.
const ALL_GROUPS_ID: u64 = 32_000;

impl Tier {
    /// A member of a product's `tier_prices`.
    pub(super) fn from_product(sent: &Record) -> Self {
        let number = |name: &str| sent.get(name).and_then(Value::as_f64).unwrap_or_default();
        let extension = sent.get("extension_attributes");
        let inner = |name: &str| extension.and_then(|e| e.get(name)).and_then(Value::as_f64);
        let percentage = inner("percentage_value");
        let group = records::id(sent, "customer_group_id");
        Self {
            website: inner("website_id").unwrap_or_default() as i64,
            group: (group != ALL_GROUPS_ID).then_some(group),
            quantity: number("qty"),
            price: percentage.unwrap_or_else(|| number("value")),
            discount: percentage.is_some(),
        }
    }

    pub(super) fn of_product(&self) -> Value {
        let mut extension = json!({ "website_id": self.website });
        if self.discount {
            extension["percentage_value"] = php::float(self.price);
        }
        json!({
            "customer_group_id": self.group.unwrap_or(ALL_GROUPS_ID),
            "qty": php::float(self.quantity),
            "value": php::float(if self.discount { 0.0 } else { self.price }),
            "extension_attributes": extension,
        })
    }

    /// The order of the table's unique key.
    fn key(&self) -> (bool, u64, i64, i64) {
        let quantity = (self.quantity * 10_000.0) as i64;
        (
            self.group.is_none(),
            self.group.unwrap_or_default(),
            quantity,
            self.website,
        )
    }

    fn group_code(&self, groups: &Records) -> String {
        match self.group {
            None => ALL_GROUPS.to_owned(),
            Some(id) => {
                let group = groups.rows.get(&id);
                group.map_or_else(
                    || id.to_string(),
                    |row| records::text(row, "code").to_owned(),
                )
            }
        }
    }

    /// Returns what fills a failure's message, as texts from the database.
    fn parameters(&self, sku: &str, groups: &Records) -> Vec<String> {
        vec![
            sku.to_owned(),
            self.website.to_string(),
            self.group_code(groups),
            format!("{:.4}", self.quantity),
        ]
    }

    fn kind(&self) -> &'static str {
        if self.discount { "discount" } else { "fixed" }
    }
}

static PRICE: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\TierPriceInterface",
    fields: &[
        ("price", Type::Float),
        ("price_type", Type::Text),
        ("website_id", Type::Int),
        ("sku", Type::Text),
        ("customer_group", Type::Text),
        ("quantity", Type::Float),
        ("extension_attributes", Type::Mixed),
    ],
};

static PRICE_ROW: Type = Type::Object(&PRICE);

const ROUTES: Resource = Resource {
    acl: "Magento_Catalog::catalog",
    kind: "tier_price",
    service: Service {
        interface: "Magento\\Catalog\\Api\\TierPriceStorageInterface",
        class: "Magento\\Catalog\\Model\\Product\\Price\\TierPriceStorage",
    },
};

const PRICES: &[Param] = &[Param::new("prices", Type::List(&PRICE_ROW))];
const SKUS: &[Param] = &[Param::new("skus", Type::List(&Type::Text))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("POST", "products/tier-prices", "update", PRICES, update),
    ROUTES.endpoint("PUT", "products/tier-prices", "replace", PRICES, replace),
    ROUTES.endpoint(
        "POST",
        "products/tier-prices-delete",
        "delete",
        PRICES,
        delete,
    ),
    ROUTES.endpoint(
        "POST",
        "products/tier-prices-information",
        "get",
        SKUS,
        read,
    ),
];

fn read(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let products = args.list("skus").iter().filter_map(Value::as_str);
    let products = products.filter_map(|sku| catalogue.products.find(sku));
    Ok(products
        .flat_map(|product| product.tiers.iter().map(move |tier| (product, tier)))
        .map(|(product, tier)| {
            json!({
                "price": php::float(tier.price),
                "price_type": tier.kind(),
                "website_id": tier.website,
                "sku": product.sku,
                "customer_group": tier.group_code(&catalogue.customer_groups),
                "quantity": php::float(tier.quantity),
            })
        })
        .collect())
}

/// A row that was sent, with what it would become; `None` where its group is unknown.
struct Row<'a> {
    sent: &'a Record,
    sku: &'a str,
    tier: Option<Tier>,
}

fn rows<'a>(catalogue: &Catalogue, args: &'a Args) -> Vec<Row<'a>> {
    let rows = args.list("prices").iter().filter_map(Value::as_object);
    rows.map(|sent| Row {
        sent,
        sku: records::text(sent, "sku"),
        tier: tier(sent, &catalogue.customer_groups),
    })
    .collect()
}

fn tier(sent: &Record, groups: &Records) -> Option<Tier> {
    let code = records::text(sent, "customer_group");
    let group = if code.eq_ignore_ascii_case(ALL_GROUPS) {
        None
    } else {
        let (id, group) = groups.find("code", code)?;
        if !records::text(group, "code").eq_ignore_ascii_case(code) {
            return None;
        }
        Some(id)
    };
    let number = |name: &str| sent.get(name).and_then(Value::as_f64).unwrap_or_default();
    Some(Tier {
        website: records::number(sent, "website_id").unwrap_or_default(),
        group,
        quantity: number("quantity"),
        price: number("price"),
        discount: records::text(sent, "price_type") == "discount",
    })
}

const ROW: &str =
    "Row ID: SKU = %SKU, Website ID: %websiteId, Customer Group: %customerGroup, Quantity: %qty.";

/// Every failure of every row, and for each row whether it may be carried out. A SKU that does not
/// exist is an error of the whole request.
fn validate(
    catalogue: &Catalogue,
    rows: &[Row<'_>],
    against_stored: bool,
) -> Result<(Vec<Value>, Vec<bool>), Problem> {
    let mut failures = Vec::new();
    let mut good = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let product = catalogue.products.get(row.sku)?;
        let before = failures.len();
        let others = rows.iter().enumerate();
        let others = others
            .filter(|(other, _)| *other != index)
            .map(|(_, other)| other);
        check(row, &mut failures);
        let same = |other: &Tier, tier: &Tier| {
            other.group == tier.group && other.quantity == tier.quantity
        };
        if let Some(tier) = &row.tier {
            let twins = others.filter(|other| other.sku == row.sku).filter(|other| {
                let other = other.tier.as_ref();
                other.is_some_and(|other| same(other, tier) && other.website == tier.website)
            });
            let overlaps = |other: &&Tier| {
                let all = other.website == 0 || tier.website == 0;
                same(other, tier) && all && other.website != tier.website
            };
            let stored = product.tiers.iter().filter(overlaps);
            let stored = stored.filter(|_| against_stored);
            // The parameters are those of the row in the way.
            let in_the_way = twins
                .map(|other| parameters(other.sent, None))
                .chain(stored.map(|other| other.parameters(row.sku, &catalogue.customer_groups)));
            let message = format!(
                "We found a duplicate website, tier price, customer group and quantity: Customer Group = %customerGroup, Website ID = %websiteId, Quantity = %qty. {ROW}"
            );
            failures.extend(in_the_way.map(|parameters| failed(&message, &parameters)));
        } else {
            let message = format!("No such entity with Customer Group = %customerGroup. {ROW}");
            failures.push(failed(&message, &parameters(row.sent, None)));
        }
        good.push(failures.len() == before);
    }
    Ok((failures, good))
}

fn check(row: &Row<'_>, failures: &mut Vec<Value>) {
    let number = |name: &str| row.sent.get(name).and_then(Value::as_f64);
    let kind = records::text(row.sent, "price_type");
    let mut fail = |what: &str, first: Option<&str>| {
        failures.push(failed(
            &format!("Invalid attribute {what}. {ROW}"),
            &parameters(row.sent, first),
        ));
    };
    let price = number("price");
    if price.is_none_or(|price| price < 0.0 || kind == "discount" && price > 100.0) {
        fail("Price = %price", Some("price"));
    }
    if !matches!(kind, "fixed" | "discount") {
        fail("Price Type = %priceType", Some("price_type"));
    }
    if number("quantity").is_none_or(|quantity| quantity < 1.0) {
        fail("Quantity = %qty", None);
    }
    let website = records::number(row.sent, "website_id").unwrap_or_default();
    if !views::WEBSITES.iter().any(|w| i64::from(w.id) == website) {
        fail("Website ID = %websiteId", None);
    }
}

/// Returns what fills a failure's message, as texts.
fn parameters(sent: &Record, first: Option<&str>) -> Vec<String> {
    let names = ["sku", "website_id", "customer_group", "quantity"];
    first
        .into_iter()
        .chain(names)
        .map(|name| sent.get(name).and_then(php::string).unwrap_or_default())
        .collect()
}

fn update(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let rows = rows(catalogue, args);
    let (failures, good) = validate(catalogue, &rows, true)?;
    for row in kept(rows, &good) {
        put(catalogue, row);
    }
    Ok(failures.into())
}

/// All tiers of the SKUs named make room for the rows sent.
fn replace(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let rows = rows(catalogue, args);
    let (failures, good) = validate(catalogue, &rows, false)?;
    let rows: Vec<Row<'_>> = kept(rows, &good).collect();
    for row in &rows {
        if let Some(product) = catalogue.products.find_mut(row.sku) {
            product.tiers.clear();
        }
    }
    for row in rows {
        put(catalogue, row);
    }
    Ok(failures.into())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let rows = rows(catalogue, args);
    let (failures, good) = validate(catalogue, &rows, false)?;
    let mut ids = Vec::new();
    for row in kept(rows, &good) {
        if let (Some(tier), Some(product)) = (row.tier, catalogue.products.find(row.sku)) {
            // The website does not count; the amount does, and the first row that fits goes. A fixed
            // price of nothing fits none.
            let fits = |stored: &Tier| {
                stored.group == tier.group
                    && stored.quantity == tier.quantity
                    && stored.price == tier.price
                    && stored.discount == tier.discount
                    && (stored.discount || stored.price != 0.0)
            };
            if let Some(first) = product.tiers.iter().position(fits) {
                ids.push((product.sku.clone(), first));
            }
        }
    }
    // The rows are found before any is deleted, so two that are alike find the same one.
    ids.sort_unstable();
    ids.dedup();
    for (sku, index) in ids.into_iter().rev() {
        if let Some(product) = catalogue.products.find_mut(&sku) {
            product.tiers.remove(index);
        }
    }
    Ok(failures.into())
}

fn kept<'a>(rows: Vec<Row<'a>>, good: &[bool]) -> impl Iterator<Item = Row<'a>> {
    let rows = rows.into_iter().zip(good.to_vec());
    rows.filter(|(_, good)| *good).map(|(row, _)| row)
}

fn put(catalogue: &mut Catalogue, row: Row<'_>) {
    if let (Some(tier), Some(product)) = (row.tier, catalogue.products.find_mut(row.sku)) {
        product.tiers.retain(|stored| stored.key() != tier.key());
        product.tiers.push(tier);
        product.tiers.sort_by_key(Tier::key);
    }
}

/// Every tier by SKU, website, group and quantity.
pub(super) fn dump<'a>(products: impl Iterator<Item = &'a Product>, groups: &Records) -> Value {
    let of = |product: &Product| {
        let mut rows: Record = product
            .tiers
            .iter()
            .map(|tier| {
                let group = tier.group_code(groups);
                let quantity = php::float(tier.quantity);
                (
                    format!("{}/{group}/{quantity}", tier.website),
                    json!({ "meta": {}, "price": php::float(tier.price), "price_type": tier.kind() }),
                )
            })
            .collect();
        rows.sort_keys();
        rows
    };
    let mut dump: Record = products
        .filter(|product| !product.tiers.is_empty())
        .map(|product| (product.sku.clone(), of(product).into()))
        .collect();
    dump.sort_keys();
    dump.into()
}

/// A group that is deleted takes its tiers along.
pub(super) fn forget_group(catalogue: &mut Catalogue, group: u64) {
    for product in catalogue.products.rows.values_mut() {
        product.tiers.retain(|tier| tier.group != Some(group));
    }
}
