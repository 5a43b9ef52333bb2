//! Base and special prices: many rows a call, and the bad ones named in a 200.

use serde_json::{Value, json};

use super::super::column::{TIME, date_time};
use super::super::php;
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::product::Product;
use super::records::{self, Record};

static BASE: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\BasePriceInterface",
    fields: &[
        ("price", Type::Float),
        ("store_id", Type::Int),
        ("sku", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

static BASE_ROW: Type = Type::Object(&BASE);

static SPECIAL: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\SpecialPriceInterface",
    fields: &[
        ("price", Type::Float),
        ("store_id", Type::Int),
        ("sku", Type::Text),
        ("price_from", Type::Text),
        ("price_to", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

static SPECIAL_ROW: Type = Type::Object(&SPECIAL);

const BASE_STORAGE: Resource = Resource {
    acl: "Magento_Catalog::catalog",
    kind: "base_price",
    service: Service {
        interface: "Magento\\Catalog\\Api\\BasePriceStorageInterface",
        class: "Magento\\Catalog\\Model\\Product\\Price\\BasePriceStorage",
    },
};
const SPECIAL_STORAGE: Resource = Resource {
    acl: "Magento_Catalog::catalog",
    kind: "special_price",
    service: Service {
        interface: "Magento\\Catalog\\Api\\SpecialPriceStorageInterface",
        class: "Magento\\Catalog\\Model\\Product\\Price\\SpecialPriceStorage",
    },
};

const BASES: &[Param] = &[Param::new("prices", Type::List(&BASE_ROW))];
const SPECIALS: &[Param] = &[Param::new("prices", Type::List(&SPECIAL_ROW))];
const SKUS: &[Param] = &[Param::new("skus", Type::List(&Type::Text))];

// Reads are POSTs too.
pub(super) static ENDPOINTS: &[Endpoint] = &[
    BASE_STORAGE.endpoint("POST", "products/base-prices", "update", BASES, update_base),
    BASE_STORAGE.endpoint(
        "POST",
        "products/base-prices-information",
        "get",
        SKUS,
        read_base,
    ),
    SPECIAL_STORAGE.endpoint(
        "POST",
        "products/special-price",
        "update",
        SPECIALS,
        update_special,
    ),
    SPECIAL_STORAGE.endpoint(
        "POST",
        "products/special-price-delete",
        "delete",
        SPECIALS,
        delete_special,
    ),
    SPECIAL_STORAGE.endpoint(
        "POST",
        "products/special-price-information",
        "get",
        SKUS,
        read_special,
    ),
];

/// A row that was not carried out. The parameters come as a list, whatever the message calls them.
pub(super) fn failed(message: &str, parameters: &[String]) -> Value {
    json!({ "message": message, "parameters": parameters })
}

fn rows(args: &Args) -> impl Iterator<Item = &Record> {
    args.list("prices").iter().filter_map(Value::as_object)
}

fn asked<'a>(catalogue: &'a Catalogue, args: &'a Args) -> impl Iterator<Item = &'a Product> {
    let skus = args.list("skus").iter().filter_map(Value::as_str);
    skus.filter_map(|sku| catalogue.products.find(sku))
}

fn text(row: &Record, field: &str) -> String {
    row.get(field).and_then(php::string).unwrap_or_default()
}

fn is_negative(row: &Record) -> bool {
    let price = row.get("price").and_then(Value::as_f64);
    price.is_none_or(|price| price < 0.0)
}

fn is_store(row: &Record) -> bool {
    records::number(row, "store_id").is_some_and(views::exists)
}

fn read_base(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    Ok(asked(catalogue, args)
        .flat_map(|product| {
            product.values.rows("price").map(move |(store, value)| {
                json!({
                    "price": value.map(php::number_prefix).map_or(Value::Null, php::float),
                    "store_id": store,
                    "sku": product.sku,
                })
            })
        })
        .collect())
}

fn update_base(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    const INVALID: &str = "Invalid attribute %fieldName = %fieldValue.";
    let mut failures = Vec::new();
    for row in rows(args) {
        let before = failures.len();
        let sku = records::text(row, "sku");
        let known = catalogue.products.id(sku).is_some();
        if !known {
            failures.push(failed(INVALID, &["SKU".to_owned(), sku.to_owned()]));
        }
        if is_negative(row) {
            failures.push(failed(INVALID, &["Price".to_owned(), text(row, "price")]));
        }
        if !is_store(row) {
            let store = text(row, "store_id");
            failures.push(failed(
                &format!("Requested store is not found. Row ID: SKU = {sku}, Store ID: {store}."),
                &[sku.to_owned(), store],
            ));
        }
        let product = catalogue.products.find_mut(sku);
        if let Some(product) = product.filter(|_| failures.len() == before) {
            // The scope of prices is global: the store does not count.
            write(product, "price", views::ALL, &text(row, "price"));
        }
    }
    Ok(failures.into())
}

fn write(product: &mut Product, code: &str, store: u32, text: &str) {
    let stored = match code {
        "price" | "special_price" => Some(format!("{:.6}", php::number_prefix(text))),
        _ => date_time(text).map(|at| at.strftime(TIME).to_string()),
    };
    product.values.set(code, store, stored);
}

/// Each row of the price with each row of both dates, whatever their stores.
fn read_special(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let mut answer = Vec::new();
    for product in asked(catalogue, args) {
        for (store, price) in product.values.rows("special_price") {
            for from in joined(product, "special_from_date") {
                for to in joined(product, "special_to_date") {
                    let mut row = json!({
                        "price": price.map(php::number_prefix).map_or(Value::Null, php::float),
                        "store_id": store,
                        "sku": product.sku,
                    });
                    row["price_from"] = from.clone();
                    row["price_to"] = to.clone();
                    answer.push(row);
                }
            }
        }
    }
    Ok(answer.into())
}

/// A left join: a null where there is no row.
fn joined(product: &Product, code: &str) -> Vec<Value> {
    let rows: Vec<Value> = product
        .values
        .rows(code)
        .map(|(_, value)| value.into())
        .collect();
    if rows.is_empty() {
        vec![Value::Null]
    } else {
        rows
    }
}

/// Checks a row; its failures are added. The messages come filled in.
fn check_special(catalogue: &Catalogue, row: &Record, failures: &mut Vec<Value>) -> bool {
    let before = failures.len();
    let sku = records::text(row, "sku");
    let values = ["sku", "store_id", "price_from", "price_to"].map(|name| text(row, name));
    let [_, store, from, to] = &values;
    let row_id =
        format!("Row ID: SKU = {sku}, Store ID: {store}, Price From: {from}, Price To: {to}.");
    let mut fail = |what: &str, first: Option<String>| {
        let parameters: Vec<String> = first.into_iter().chain(values.clone()).collect();
        failures.push(failed(&format!("{what} {row_id}"), &parameters));
    };
    if catalogue.products.id(sku).is_none() {
        fail(
            "The product that was requested doesn't exist. Verify the product and try again.",
            None,
        );
    }
    if records::number(row, "store_id") != Some(0) {
        fail(
            "Could not change non global Price when price scope is global.",
            None,
        );
    }
    if !is_store(row) {
        fail("Requested store is not found.", None);
    }
    if is_negative(row) {
        let price = text(row, "price");
        fail(&format!("Invalid attribute Price = {price}."), Some(price));
    }
    for (label, date) in [("Price From", from), ("Price To", to)] {
        let exact = date_time(date).is_some_and(|at| at.strftime(TIME).to_string() == *date);
        if !date.is_empty() && !exact {
            // Magento's message names the last day, whichever is wrong.
            fail(
                &format!("Invalid attribute {label} = {to}."),
                Some(label.to_owned()),
            );
        }
    }
    failures.len() == before
}

fn update_special(
    catalogue: &mut Catalogue,
    args: &Args,
    _: &Context<'_>,
) -> Result<Value, Problem> {
    let mut failures = Vec::new();
    for row in rows(args) {
        if !check_special(catalogue, row, &mut failures) {
            continue;
        }
        let Some(product) = catalogue.products.find_mut(records::text(row, "sku")) else {
            continue;
        };
        write(product, "special_price", views::ALL, &text(row, "price"));
        // A day that is not sent stays as it was.
        for (field, code) in [
            ("price_from", "special_from_date"),
            ("price_to", "special_to_date"),
        ] {
            let day = text(row, field);
            if !day.is_empty() {
                write(product, code, views::ALL, &day);
            }
        }
    }
    Ok(failures.into())
}

fn delete_special(
    catalogue: &mut Catalogue,
    args: &Args,
    _: &Context<'_>,
) -> Result<Value, Problem> {
    let mut failures = Vec::new();
    for row in rows(args) {
        if !check_special(catalogue, row, &mut failures) {
            continue;
        }
        if let Some(product) = catalogue.products.find_mut(records::text(row, "sku")) {
            for code in ["special_price", "special_from_date", "special_to_date"] {
                product.values.unset(code, views::ALL);
            }
        }
    }
    Ok(failures.into())
}
