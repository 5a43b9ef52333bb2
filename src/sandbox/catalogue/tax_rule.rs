//! Tax rules.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Records, Searchable};
use super::tax::{check_code, known, whole};

static RULE: Shape = Shape {
    interface: "\\Magento\\Tax\\Api\\Data\\TaxRuleInterface",
    fields: &[
        ("id", Type::Int),
        ("code", Type::Text),
        ("priority", Type::Int),
        ("position", Type::Int),
        ("customer_tax_class_ids", Type::List(&Type::Int)),
        ("product_tax_class_ids", Type::List(&Type::Int)),
        ("tax_rate_ids", Type::List(&Type::Int)),
        ("calculate_subtotal", Type::Bool),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_Tax::manage_tax",
    kind: "tax_rule",
    service: Service {
        interface: "Magento\\Tax\\Api\\TaxRuleRepositoryInterface",
        class: "Magento\\Tax\\Model\\TaxRuleRepository",
    },
};

const ID: &[Param] = &[Param::new("ruleId", Type::Int)];
const SAVE: &[Param] = &[Param::new("rule", Type::Object(&RULE))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "taxRules/search", "getList", &[], list),
    ROUTES.endpoint("GET", "taxRules/:ruleId", "get", ID, get),
    ROUTES.endpoint("POST", "taxRules", "save", SAVE, save),
    ROUTES.endpoint("PUT", "taxRules", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "taxRules/:ruleId", "deleteById", ID, delete),
];

const COLUMNS: &[Searchable] = &[
    Searchable::number("tax_calculation_rule_id", "id"),
    Searchable::number("id", "id"),
    Searchable::text("code", "code"),
    Searchable::number("priority", "priority"),
    Searchable::number("position", "position"),
    Searchable::number("sort_order", "position"),
    Searchable::number("calculate_subtotal", "calculate_subtotal"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    catalogue.tax_rules.search(context, COLUMNS, whole)
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_rules, args.id("ruleId"), "taxRuleId").map(whole)
}

fn save(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let mut rule = args.object("rule");
    rule.retain(|_, value| !value.is_null());
    let id = records::id(&rule, "id");
    if id > 0 {
        known(&catalogue.tax_rules, id, "taxRuleId")?;
    }
    check(catalogue, &rule)?;
    check_code(&catalogue.tax_rules, id, records::text(&rule, "code"))?;
    for rate in records::numbers(&rule, "tax_rate_ids") {
        let known = u64::try_from(rate).is_ok_and(|id| catalogue.tax_rates.rows.contains_key(&id));
        if !known {
            // The database refuses the foreign key.
            return Err(Problem::internal(context.moment.report));
        }
    }
    for (field, default) in [
        ("priority", json!(0)),
        ("position", json!(0)),
        ("calculate_subtotal", json!(false)),
    ] {
        rule.entry(field).or_insert(default);
    }
    let id = catalogue.tax_rules.put(rule);
    known(&catalogue.tax_rules, id, "taxRuleId").map(whole)
}

/// The first refusal alone is told, filled in.
fn check(catalogue: &Catalogue, rule: &Record) -> Result<(), Problem> {
    let refused = |why: String| Err(Problem::new(400, why));
    let required = |field: &str| refused(format!("\"{field}\" is required. Enter and try again."));
    for field in ["position", "priority"] {
        let number = records::number(rule, field).unwrap_or_default();
        if number < 0 {
            return refused(format!(
                "The {field} value of \"{number}\" must be greater than or equal to 0."
            ));
        }
    }
    if records::text(rule, "code").trim().is_empty() {
        return required("code");
    }
    for (field, kind) in [
        ("customer_tax_class_ids", "CUSTOMER"),
        ("product_tax_class_ids", "PRODUCT"),
    ] {
        let ids = records::numbers(rule, field);
        if ids.is_empty() {
            return required(field);
        }
        for id in ids {
            let class = u64::try_from(id).ok();
            let class = class.and_then(|id| catalogue.tax_classes.rows.get(&id));
            if class.is_none_or(|class| records::text(class, "class_type") != kind) {
                return refused(format!("No such entity with class_id = {id}"));
            }
        }
    }
    if records::numbers(rule, "tax_rate_ids").is_empty() {
        return required("tax_rate_ids");
    }
    Ok(())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("ruleId");
    known(&catalogue.tax_rules, id, "taxRuleId")?;
    catalogue.tax_rules.rows.remove(&id);
    Ok(true.into())
}

/// The classes a rule names, by their names: ids change when a class is made again.
pub(super) fn dump(catalogue: &Catalogue, rule: &Record) -> Record {
    let mut fields = rule.clone();
    let named = |field: &str, records: &Records, name: &str| -> Value {
        let mut names: Vec<String> = records::numbers(rule, field)
            .into_iter()
            .map(|id| {
                let row = u64::try_from(id).ok().and_then(|id| records.rows.get(&id));
                row.map_or_else(|| id.to_string(), |row| records::text(row, name).to_owned())
            })
            .collect();
        names.sort_unstable();
        names.into()
    };
    for (field, records, name) in [
        (
            "customer_tax_class_ids",
            &catalogue.tax_classes,
            "class_name",
        ),
        (
            "product_tax_class_ids",
            &catalogue.tax_classes,
            "class_name",
        ),
        ("tax_rate_ids", &catalogue.tax_rates, "code"),
    ] {
        fields.insert(field.to_owned(), named(field, records, name));
    }
    fields
}
