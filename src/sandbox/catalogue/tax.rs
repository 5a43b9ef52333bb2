//! Tax classes, rates and rules. None of them is merged: what is not sent is missing.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Run, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Records, Searchable};

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

static CLASS: Shape = Shape {
    interface: "\\Magento\\Tax\\Api\\Data\\TaxClassInterface",
    fields: &[
        ("class_id", Type::Int),
        ("class_name", Type::Text),
        ("class_type", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const RATES: (Service, &str) = (
    Service {
        interface: "Magento\\Tax\\Api\\TaxRateRepositoryInterface",
        class: "Magento\\Tax\\Model\\Calculation\\RateRepository",
    },
    "tax_rate",
);
const RULES: (Service, &str) = (
    Service {
        interface: "Magento\\Tax\\Api\\TaxRuleRepositoryInterface",
        class: "Magento\\Tax\\Model\\TaxRuleRepository",
    },
    "tax_rule",
);
const CLASSES: (Service, &str) = (
    Service {
        interface: "Magento\\Tax\\Api\\TaxClassRepositoryInterface",
        class: "Magento\\Tax\\Model\\TaxClass\\Repository",
    },
    "tax_class",
);

const fn endpoint(
    verb: &'static str,
    path: &'static str,
    ((service, kind), method): ((Service, &'static str), &'static str),
    params: &'static [Param],
    run: Run,
) -> Endpoint {
    Endpoint {
        verb,
        path,
        acl: "Magento_Tax::manage_tax",
        kind,
        service,
        method,
        params,
        run,
    }
}

const RATE_ID: &[Param] = &[Param::new("rateId", Type::Int)];
const RATE_BODY: &[Param] = &[Param::new("tax_rate", Type::Object(&RATE))];
const RULE_ID: &[Param] = &[Param::new("ruleId", Type::Int)];
const RULE_BODY: &[Param] = &[Param::new("rule", Type::Object(&RULE))];
const CLASS_ID: &[Param] = &[Param::new("taxClassId", Type::Int)];
const CLASS_BODY: &[Param] = &[Param::new("taxClass", Type::Object(&CLASS))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    endpoint(
        "GET",
        "taxRates/search",
        (RATES, "getList"),
        &[],
        list_rates,
    ),
    endpoint("GET", "taxRates/:rateId", (RATES, "get"), RATE_ID, get_rate),
    endpoint("POST", "taxRates", (RATES, "save"), RATE_BODY, save_rate),
    endpoint("PUT", "taxRates", (RATES, "save"), RATE_BODY, save_rate),
    endpoint(
        "DELETE",
        "taxRates/:rateId",
        (RATES, "deleteById"),
        RATE_ID,
        delete_rate,
    ),
    endpoint(
        "GET",
        "taxRules/search",
        (RULES, "getList"),
        &[],
        list_rules,
    ),
    endpoint("GET", "taxRules/:ruleId", (RULES, "get"), RULE_ID, get_rule),
    endpoint("POST", "taxRules", (RULES, "save"), RULE_BODY, save_rule),
    endpoint("PUT", "taxRules", (RULES, "save"), RULE_BODY, save_rule),
    endpoint(
        "DELETE",
        "taxRules/:ruleId",
        (RULES, "deleteById"),
        RULE_ID,
        delete_rule,
    ),
    endpoint(
        "GET",
        "taxClasses/search",
        (CLASSES, "getList"),
        &[],
        list_classes,
    ),
    endpoint(
        "GET",
        "taxClasses/:taxClassId",
        (CLASSES, "get"),
        CLASS_ID,
        get_class,
    ),
    endpoint(
        "POST",
        "taxClasses",
        (CLASSES, "save"),
        CLASS_BODY,
        save_class,
    ),
    endpoint(
        "PUT",
        "taxClasses/:classId",
        (CLASSES, "save"),
        CLASS_BODY,
        save_class,
    ),
    endpoint(
        "DELETE",
        "taxClasses/:taxClassId",
        (CLASSES, "deleteById"),
        CLASS_ID,
        delete_class,
    ),
];

/// The classes of a fresh store.
pub(super) fn installed_classes() -> Records {
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

fn whole(row: &Record) -> Value {
    row.clone().into()
}

fn known<'a>(records: &'a Records, id: u64, name: &str) -> Result<&'a Record, Problem> {
    let row = records.rows.get(&id);
    row.ok_or_else(|| Problem::no_such_entity(name, id))
}

fn check_code(records: &Records, id: u64, code: &str) -> Result<(), Problem> {
    match records.find("code", code) {
        Some((other, _)) if other != id => {
            Err(Problem::with(400, "%1 already exists.", json!(["Code"])))
        }
        _ => Ok(()),
    }
}

const RATE_COLUMNS: &[Searchable] = &[
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

fn list_rates(
    catalogue: &mut Catalogue,
    _: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    catalogue.tax_rates.search(context, RATE_COLUMNS, whole)
}

fn get_rate(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_rates, args.id("rateId"), "taxRateId").map(whole)
}

fn save_rate(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let mut rate = args.object("tax_rate");
    rate.retain(|_, value| !value.is_null());
    let id = records::id(&rate, "id");
    if id > 0 {
        known(&catalogue.tax_rates, id, "taxRateId")?;
    }
    let mut problems = check_rate(&rate);
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

fn check_rate(rate: &Record) -> Vec<Problem> {
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

fn delete_rate(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
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

const RULE_COLUMNS: &[Searchable] = &[
    Searchable::number("tax_calculation_rule_id", "id"),
    Searchable::number("id", "id"),
    Searchable::text("code", "code"),
    Searchable::number("priority", "priority"),
    Searchable::number("position", "position"),
    Searchable::number("sort_order", "position"),
    Searchable::number("calculate_subtotal", "calculate_subtotal"),
];

fn list_rules(
    catalogue: &mut Catalogue,
    _: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    catalogue.tax_rules.search(context, RULE_COLUMNS, whole)
}

fn get_rule(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_rules, args.id("ruleId"), "taxRuleId").map(whole)
}

fn save_rule(
    catalogue: &mut Catalogue,
    args: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    let mut rule = args.object("rule");
    rule.retain(|_, value| !value.is_null());
    let id = records::id(&rule, "id");
    if id > 0 {
        known(&catalogue.tax_rules, id, "taxRuleId")?;
    }
    check_rule(catalogue, &rule)?;
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
fn check_rule(catalogue: &Catalogue, rule: &Record) -> Result<(), Problem> {
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

fn delete_rule(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("ruleId");
    known(&catalogue.tax_rules, id, "taxRuleId")?;
    catalogue.tax_rules.rows.remove(&id);
    Ok(true.into())
}

const CLASS_COLUMNS: &[Searchable] = &[
    Searchable::number("class_id", "class_id"),
    Searchable::text("class_name", "class_name"),
    Searchable::text("class_type", "class_type"),
];

fn list_classes(
    catalogue: &mut Catalogue,
    _: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    catalogue.tax_classes.search(context, CLASS_COLUMNS, whole)
}

fn get_class(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    known(&catalogue.tax_classes, args.id("taxClassId"), "class_id").map(whole)
}

/// Answers with the id alone, as a text.
fn save_class(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
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

fn delete_class(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
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

/// The classes a rule names, by their names: ids change when a class is made again.
pub(super) fn dump_rule(catalogue: &Catalogue, rule: &Record) -> Record {
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
