//! Tax rates.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Searchable};
use super::tax::{check_code, known, whole};

const TITLE: Shape = Shape {
    interface: "\\Magento\\Tax\\Api\\Data\\TaxRateTitleInterface",
    fields: &[
        ("store_id", Type::Text),
        ("value", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

static RATE: Shape = Shape {
    interface: "\\Magento\\Tax\\Api\\Data\\TaxRateInterface",
    fields: &[
        ("id", Type::Int),
        ("tax_country_id", Type::Text),
        ("tax_region_id", Type::Int),
        ("region_name", Type::Text),
        ("tax_postcode", Type::Text),
        ("zip_is_range", Type::Int),
        ("zip_from", Type::Int),
        ("zip_to", Type::Int),
        ("rate", Type::Float),
        ("code", Type::Text),
        ("titles", Type::List(&Type::Object(&TITLE))),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_Tax::manage_tax",
    kind: "tax_rate",
    service: Service {
        interface: "Magento\\Tax\\Api\\TaxRateRepositoryInterface",
        class: "Magento\\Tax\\Model\\Calculation\\RateRepository",
    },
};

const ID: &[Param] = &[Param::new("rateId", Type::Int)];
const SAVE: &[Param] = &[Param::new("taxRate", Type::Object(&RATE))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "taxRates/search", "getList", &[], list),
    ROUTES.endpoint("GET", "taxRates/:rateId", "get", ID, get),
    ROUTES.endpoint("POST", "taxRates", "save", SAVE, save),
    ROUTES.endpoint("PUT", "taxRates", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "taxRates/:rateId", "deleteById", ID, delete),
];

const COLUMNS: &[Searchable] = &[
    Searchable::number("tax_calculation_rate_id", "id"),
    Searchable::text("tax_country_id", "tax_country_id"),
    Searchable::number("tax_region_id", "tax_region_id"),
    Searchable::text("tax_postcode", "tax_postcode"),
    Searchable::text("code", "code"),
    Searchable::number("rate", "rate"),
    Searchable::number("zip_is_range", "zip_is_range"),
    Searchable::number("zip_from", "zip_from"),
    Searchable::number("zip_to", "zip_to"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    catalogue.tax_rates.search(context, COLUMNS, whole)
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_rates, args.id("rateId"), "taxRateId").map(whole)
}

fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let mut rate = args.object("taxRate");
    rate.retain(|_, value| !value.is_null());
    let id = records::id(&rate, "id");
    if id > 0 {
        known(&catalogue.tax_rates, id, "taxRateId")?;
    }
    let mut problems = check(&rate);
    match problems.len() {
        0 => {}
        1 => return Err(problems.remove(0)),
        _ => return Err(Problem::several(problems)),
    }
    check_code(&catalogue.tax_rates, id, records::text(&rate, "code"))?;
    rate.entry("tax_region_id").or_insert(0.into());
    rate.entry("titles").or_insert_with(|| json!([]));
    let id = catalogue.tax_rates.put(rate);
    known(&catalogue.tax_rates, id, "taxRateId").map(whole)
}

fn check(rate: &Record) -> Vec<Problem> {
    let mut problems = Vec::new();
    let empty = |field: &str| records::text(rate, field).trim().is_empty();
    if empty("tax_country_id") {
        problems.push(Problem::required("country_id"));
    }
    let percentage = rate.get("rate").and_then(Value::as_f64);
    if percentage.is_none_or(|percentage| percentage < 0.0) {
        problems.push(Problem::required("percentage_rate"));
    }
    if empty("code") {
        problems.push(Problem::required("code"));
    }
    let range = records::number(rate, "zip_is_range").unwrap_or_default() != 0;
    if range {
        for field in ["zip_from", "zip_to"] {
            if records::number(rate, field).is_none_or(|zip| zip < 0) {
                let sent = rate.get(field).cloned().unwrap_or_default();
                problems.push(Problem::invalid_value(field, sent));
            }
        }
        if records::number(rate, "zip_from") > records::number(rate, "zip_to") {
            problems.push(Problem::new(
                400,
                "Range To should be equal or greater than Range From.",
            ));
        }
    } else if empty("tax_postcode") {
        problems.push(Problem::required("postcode"));
    }
    problems
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("rateId");
    known(&catalogue.tax_rates, id, "taxRateId")?;
    let mut rules = catalogue.tax_rules.rows.values();
    let wanted = i64::try_from(id).unwrap_or_default();
    if rules.any(|rule| records::numbers(rule, "tax_rate_ids").contains(&wanted)) {
        return Err(Problem::new(
            400,
            "The tax rate can't be removed because it exists in a tax rule.",
        ));
    }
    catalogue.tax_rates.rows.remove(&id);
    Ok(true.into())
}
