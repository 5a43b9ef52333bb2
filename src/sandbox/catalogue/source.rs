//! Sources of stock. A fresh store has one; they cannot be deleted.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Records, Searchable};
use super::source_item::DEFAULT;

static SOURCE: Shape = Shape {
    interface: "\\Magento\\InventoryApi\\Api\\Data\\SourceInterface",
    fields: &[
        ("source_code", Type::Text),
        ("name", Type::Text),
        ("email", Type::Text),
        ("contact_name", Type::Text),
        ("enabled", Type::Bool),
        ("description", Type::Text),
        ("latitude", Type::Float),
        ("longitude", Type::Float),
        ("country_id", Type::Text),
        ("region_id", Type::Int),
        ("region", Type::Text),
        ("city", Type::Text),
        ("street", Type::Text),
        ("postcode", Type::Text),
        ("phone", Type::Text),
        ("fax", Type::Text),
        ("use_default_carrier_config", Type::Bool),
        ("carrier_links", Type::List(&Type::Mixed)),
        ("extension_attributes", Type::Mixed),
    ],
};

const READ: Resource = Resource {
    acl: "Magento_InventoryApi::source",
    kind: "source",
    service: Service {
        interface: "Magento\\InventoryApi\\Api\\SourceRepositoryInterface",
        class: "Magento\\Inventory\\Model\\SourceRepository",
    },
};
const EDIT: Resource = Resource {
    acl: "Magento_InventoryApi::source_edit",
    ..READ
};

const CODE: &[Param] = &[Param::new("sourceCode", Type::Text)];
const SAVE: &[Param] = &[Param::new("source", Type::Object(&SOURCE))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    READ.endpoint("GET", "inventory/sources", "getList", &[], list),
    READ.endpoint("GET", "inventory/sources/:sourceCode", "get", CODE, get),
    EDIT.endpoint("POST", "inventory/sources", "save", SAVE, save),
    EDIT.endpoint("PUT", "inventory/sources/:sourceCode", "save", SAVE, save),
];

/// The member that numbers the rows; no answer shows it.
const ROW: &str = "#";

/// The source of a fresh store.
pub(super) fn installed() -> Records {
    let mut sources = Records::new(ROW, 1);
    if let Value::Object(source) = json!({
        "source_code": DEFAULT,
        "name": "Default Source",
        "enabled": true,
        "description": "Default Source",
        "latitude": 0,
        "longitude": 0,
        "country_id": "US",
        "postcode": "00000",
        "use_default_carrier_config": true,
        "carrier_links": [],
    }) {
        sources.put(source);
    }
    sources
}

fn show(row: &Record) -> Value {
    let mut row = row.clone();
    row.remove(ROW);
    row.into()
}

const SEARCHABLE: &[Searchable] = &[
    Searchable::text("source_code", "source_code"),
    Searchable::text("name", "name"),
    Searchable::number("enabled", "enabled"),
    Searchable::text("country_id", "country_id"),
    Searchable::text("postcode", "postcode"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    catalogue.stock_sources.search(context, SEARCHABLE, show)
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let code = args.text("sourceCode");
    match catalogue.stock_sources.find("source_code", code) {
        Some((_, row)) => Ok(show(row)),
        None => Err(Problem::with(
            404,
            "Source with code \"%value\" does not exist.",
            json!({ "value": code }),
        )),
    }
}

/// Merges over the source of that code, or makes it. Nothing is answered.
fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let sent = args.object("source");
    let stored = catalogue
        .stock_sources
        .find("source_code", records::text(&sent, "source_code"));
    let mut source = stored.map_or_else(Record::new, |(_, row)| row.clone());
    records::merge(&mut source, sent);
    for field in ["source_code", "name", "country_id", "postcode"] {
        if records::text(&source, field).trim().is_empty() {
            return Err(Problem::several_named(
                "Validation Failed",
                vec![Problem::with(
                    400,
                    "\"%field\" can not be empty.",
                    json!({ "field": field }),
                )],
            ));
        }
    }
    for (field, default) in [
        ("enabled", json!(true)),
        ("use_default_carrier_config", json!(true)),
        ("carrier_links", json!([])),
    ] {
        source.entry(field).or_insert(default);
    }
    catalogue.stock_sources.put(source);
    Ok(json!([]))
}
