//! Tax classes, of products and of customers.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Records, Searchable};
use super::tax::{known, whole};

static CLASS: Shape = Shape {
    interface: "\\Magento\\Tax\\Api\\Data\\TaxClassInterface",
    fields: &[
        ("class_id", Type::Int),
        ("class_name", Type::Text),
        ("class_type", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_Tax::manage_tax",
    kind: "tax_class",
    service: Service {
        interface: "Magento\\Tax\\Api\\TaxClassRepositoryInterface",
        class: "Magento\\Tax\\Model\\TaxClass\\Repository",
    },
};

const ID: &[Param] = &[Param::new("taxClassId", Type::Int)];
const SAVE: &[Param] = &[Param::new("taxClass", Type::Object(&CLASS))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "taxClasses/search", "getList", &[], list),
    ROUTES.endpoint("GET", "taxClasses/:taxClassId", "get", ID, get),
    ROUTES.endpoint("POST", "taxClasses", "save", SAVE, save),
    ROUTES.endpoint("PUT", "taxClasses/:classId", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "taxClasses/:taxClassId", "deleteById", ID, delete),
];

/// The classes of a fresh store.
pub(super) fn installed() -> Records {
    let mut classes = Records::new("class_id", 2);
    for (name, kind) in [
        ("Taxable Goods", "PRODUCT"),
        ("Retail Customer", "CUSTOMER"),
    ] {
        if let Value::Object(row) = json!({ "class_name": name, "class_type": kind }) {
            classes.put(row);
        }
    }
    classes
}

const COLUMNS: &[Searchable] = &[
    Searchable::number("class_id", "class_id"),
    Searchable::text("class_name", "class_name"),
    Searchable::text("class_type", "class_type"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    catalogue.tax_classes.search(context, COLUMNS, whole)
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_classes, args.id("taxClassId"), "class_id").map(whole)
}

/// Answers with the id alone, as a text.
fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let mut class = args.object("taxClass");
    class.retain(|_, value| !value.is_null());
    let id = records::id(&class, "class_id");
    let kind = records::text(&class, "class_type").to_owned();
    if id > 0 {
        let stored = known(&catalogue.tax_classes, id, "class_id")?;
        if records::text(stored, "class_type") != kind {
            return Err(Problem::new(400, "Updating classType is not allowed."));
        }
    }
    let name = records::text(&class, "class_name");
    if name.trim().is_empty() {
        return Err(Problem::required("class_name"));
    }
    match kind.as_str() {
        "CUSTOMER" | "PRODUCT" => {}
        "" => return Err(Problem::required("class_type")),
        other => return Err(Problem::invalid_value("class_type", other)),
    }
    let twin = catalogue.tax_classes.rows.iter().any(|(other, row)| {
        *other != id
            && records::text(row, "class_type") == kind
            && records::text(row, "class_name") == name
    });
    if twin {
        return Err(Problem::with(
            400,
            "A class with the same name already exists for ClassType %1.",
            json!([kind]),
        ));
    }
    Ok(catalogue.tax_classes.put(class).to_string().into())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("taxClassId");
    known(&catalogue.tax_classes, id, "class_id")?;
    let wanted = i64::try_from(id).unwrap_or_default();
    let used = catalogue.tax_rules.rows.values().any(|rule| {
        ["customer_tax_class_ids", "product_tax_class_ids"]
            .iter()
            .any(|field| records::numbers(rule, field).contains(&wanted))
    });
    if used {
        return Err(Problem::new(
            400,
            "You cannot delete this tax class because it is used in Tax Rules. You have to delete the rules it is used in first.",
        ));
    }
    catalogue.tax_classes.rows.remove(&id);
    Ok(true.into())
}
