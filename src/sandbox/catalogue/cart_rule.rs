//! Cart rules with their trees of conditions.

use serde_json::{Value, json};

use super::super::column::date_time;
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Record, Records, Searchable};

const LABEL: Shape = Shape {
    interface: "\\Magento\\SalesRule\\Api\\Data\\RuleLabelInterface",
    fields: &[
        ("store_id", Type::Int),
        ("store_label", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

static CONDITION: Shape = Shape {
    interface: "\\Magento\\SalesRule\\Api\\Data\\ConditionInterface",
    fields: &[
        ("condition_type", Type::Text),
        ("conditions", Type::List(&Type::Object(&CONDITION))),
        ("aggregator_type", Type::Text),
        ("operator", Type::Text),
        ("attribute_name", Type::Text),
        ("value", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

static RULE: Shape = Shape {
    interface: "\\Magento\\SalesRule\\Api\\Data\\RuleInterface",
    fields: &[
        ("rule_id", Type::Int),
        ("name", Type::Text),
        ("store_labels", Type::List(&Type::Object(&LABEL))),
        ("description", Type::Text),
        ("website_ids", Type::List(&Type::Int)),
        ("customer_group_ids", Type::List(&Type::Int)),
        ("from_date", Type::Text),
        ("to_date", Type::Text),
        ("uses_per_customer", Type::Int),
        ("is_active", Type::Bool),
        ("condition", Type::Object(&CONDITION)),
        ("action_condition", Type::Object(&CONDITION)),
        ("stop_rules_processing", Type::Bool),
        ("is_advanced", Type::Bool),
        ("product_ids", Type::List(&Type::Int)),
        ("sort_order", Type::Int),
        ("simple_action", Type::Text),
        ("discount_amount", Type::Float),
        ("discount_qty", Type::Float),
        ("discount_step", Type::Int),
        ("apply_to_shipping", Type::Bool),
        ("times_used", Type::Int),
        ("is_rss", Type::Bool),
        ("coupon_type", Type::Text),
        ("use_auto_generation", Type::Bool),
        ("uses_per_coupon", Type::Int),
        ("simple_free_shipping", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_SalesRule::quote",
    kind: "cart_rule",
    service: Service {
        interface: "Magento\\SalesRule\\Api\\RuleRepositoryInterface",
        class: "Magento\\SalesRule\\Model\\RuleRepository",
    },
};

const ID: &[Param] = &[Param::new("ruleId", Type::Int)];
const SAVE: &[Param] = &[Param::new("rule", Type::Object(&RULE))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "salesRules/search", "getList", &[], list),
    ROUTES.endpoint("GET", "salesRules/:ruleId", "getById", ID, get),
    ROUTES.endpoint("POST", "salesRules", "save", SAVE, save),
    ROUTES.endpoint("PUT", "salesRules/:ruleId", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "salesRules/:ruleId", "deleteById", ID, delete),
];

const SEARCHABLE: &[Searchable] = &[
    Searchable::number("rule_id", "rule_id"),
    Searchable::text("name", "name"),
    Searchable::text("description", "description"),
    Searchable::text("from_date", "from_date"),
    Searchable::text("to_date", "to_date"),
    Searchable::number("is_active", "is_active"),
    Searchable::number("sort_order", "sort_order"),
    Searchable::text("simple_action", "simple_action"),
    Searchable::number("discount_amount", "discount_amount"),
    Searchable::number("stop_rules_processing", "stop_rules_processing"),
    Searchable::number("times_used", "times_used"),
];

pub(super) fn missing() -> Problem {
    Problem::new(404, "No such entity.")
}

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let rules = &catalogue.cart_rules;
    rules.search(context, SEARCHABLE, |row| row.clone().into())
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    show(&catalogue.cart_rules, args.id("ruleId"))
}

fn show(rules: &Records, id: u64) -> Result<Value, Problem> {
    let row = rules.rows.get(&id).ok_or_else(missing)?;
    Ok(row.clone().into())
}

/// Returns what a new rule has that was given nothing.
fn defaults() -> Record {
    const CONDITION: &str = "Magento\\SalesRule\\Model\\Rule\\Condition";
    let combine = |kind: &str| {
        json!({
            "condition_type": format!("{CONDITION}\\{kind}"),
            "aggregator_type": "all",
            "operator": null,
            "value": true,
        })
    };
    let defaults = json!({
        "store_labels": [],
        "website_ids": [],
        "customer_group_ids": [],
        "uses_per_customer": 0,
        "is_active": false,
        "condition": combine("Combine"),
        "action_condition": combine("Product\\Combine"),
        "stop_rules_processing": true,
        "is_advanced": true,
        "sort_order": 0,
        "discount_amount": 0,
        "discount_step": 0,
        "apply_to_shipping": false,
        "times_used": 0,
        "is_rss": false,
        "coupon_type": "NO_COUPON",
        "use_auto_generation": false,
        "uses_per_coupon": 0,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Record::new(),
    }
}

fn save(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let mut sent = args.object("rule");
    let id = records::id(&sent, "rule_id");
    let mut rule = match id {
        0 => defaults(),
        id => catalogue
            .cart_rules
            .rows
            .get(&id)
            .ok_or_else(missing)?
            .clone(),
    };
    for field in ["condition", "action_condition"] {
        if let Some(Value::Object(condition)) = sent.get_mut(field) {
            complete(condition);
        }
    }
    if let Some(Value::Array(labels)) = sent.remove("store_labels") {
        merge_labels(&mut rule, labels);
    }
    // Nulls are filtered out: they clear nothing.
    records::merge(&mut rule, sent);
    keep_dates(&mut rule).map_err(|()| Problem::internal(context.moment.report))?;
    check(&rule)?;
    let id = catalogue.cart_rules.put(rule);
    keep_primary_coupon(catalogue, id);
    show(&catalogue.cart_rules, id)
}

/// Labels are stored view by view: those that are not sent stay, and an empty one goes.
fn merge_labels(rule: &mut Record, sent: Vec<Value>) {
    let stored = rule.get("store_labels").and_then(Value::as_array);
    let mut labels = stored.cloned().unwrap_or_default();
    for label in sent {
        let view = label.get("store_id");
        let at = labels
            .iter()
            .position(|other| other.get("store_id") == view);
        match (at, label.get("store_label").and_then(Value::as_str)) {
            (Some(at), None | Some("")) => {
                labels.remove(at);
            }
            (None, None | Some("")) => {}
            (Some(at), Some(_)) => labels[at] = label,
            (None, Some(_)) => labels.push(label),
        }
    }
    rule.insert("store_labels".to_owned(), labels.into());
}

/// A rule that takes a coupon gives it its limits; that of any other is deleted.
fn keep_primary_coupon(catalogue: &mut Catalogue, id: u64) {
    let Some(rule) = catalogue.cart_rules.rows.get(&id) else {
        return;
    };
    let takes_one = records::text(rule, "coupon_type") == "SPECIFIC_COUPON"
        && rule.get("use_auto_generation") != Some(&Value::Bool(true));
    let limits = ["uses_per_coupon", "uses_per_customer"]
        .map(|field| rule.get(field).cloned().unwrap_or_default());
    let is_primary = |coupon: &Record| {
        records::id(coupon, "rule_id") == id && coupon.get("is_primary") == Some(&Value::Bool(true))
    };
    catalogue
        .coupons
        .rows
        .retain(|_, coupon| takes_one || !is_primary(coupon));
    for coupon in catalogue.coupons.rows.values_mut() {
        if is_primary(coupon) {
            let [of_coupon, of_customer] = limits.clone();
            coupon.insert("usage_limit".to_owned(), of_coupon);
            coupon.insert("usage_per_customer".to_owned(), of_customer);
        }
    }
}

/// A combination always shows its operator, which it has none of; its conditions likewise.
fn complete(condition: &mut Record) {
    condition.retain(|_, value| !value.is_null());
    if let Some(Value::Array(inner)) = condition.get_mut("conditions") {
        for condition in inner.iter_mut().filter_map(Value::as_object_mut) {
            complete(condition);
        }
        if inner.is_empty() {
            condition.remove("conditions");
        }
    }
    if condition.contains_key("aggregator_type") {
        condition.entry("operator").or_insert(Value::Null);
    }
}

/// Dates without a time; an empty text clears.
fn keep_dates(rule: &mut Record) -> Result<(), ()> {
    for field in ["from_date", "to_date"] {
        match rule.get(field).and_then(Value::as_str) {
            None => {}
            Some("") => {
                rule.remove(field);
            }
            Some(text) => {
                let date = date_time(text).ok_or(())?.date().to_string();
                rule.insert(field.to_owned(), date.into());
            }
        }
    }
    Ok(())
}

fn check(rule: &Record) -> Result<(), Problem> {
    let mut wrong = String::new();
    let (from, to) = (
        records::text(rule, "from_date"),
        records::text(rule, "to_date"),
    );
    if !from.is_empty() && !to.is_empty() && from > to {
        wrong.push_str("End Date must follow Start Date.; ");
    }
    for (field, why) in [
        ("website_ids", "Please specify a website.; "),
        ("customer_group_ids", "Please specify Customer Groups.; "),
    ] {
        if records::numbers(rule, field).is_empty() {
            wrong.push_str(why);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Problem::new(400, wrong))
    }
}

/// A rule takes its coupons along.
fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("ruleId");
    catalogue.cart_rules.rows.remove(&id).ok_or_else(missing)?;
    catalogue
        .coupons
        .rows
        .retain(|_, coupon| records::id(coupon, "rule_id") != id);
    Ok(true.into())
}

/// The fields of a rule as a dump shows them; its groups by their codes, whose ids change when they are made again.
pub(super) fn dump(catalogue: &Catalogue, rule: &Record) -> Record {
    let mut fields = rule.clone();
    let mut codes: Vec<String> = records::numbers(rule, "customer_group_ids")
        .into_iter()
        .map(|id| {
            let id = u64::try_from(id).unwrap_or(u64::MAX);
            let group = catalogue.customer_groups.rows.get(&id);
            group.map_or_else(
                || id.to_string(),
                |row| records::text(row, "code").to_owned(),
            )
        })
        .collect();
    codes.sort_unstable();
    fields.insert("customer_group_ids".to_owned(), codes.into());
    let mut websites = records::numbers(rule, "website_ids");
    websites.sort_unstable();
    fields.insert("website_ids".to_owned(), websites.into());
    // REST clears a description by an empty text only: the same as none.
    if records::text(rule, "description").is_empty() {
        fields.remove("description");
    }
    for field in ["condition", "action_condition"] {
        if let Some(Value::Object(condition)) = fields.get_mut(field) {
            dump_condition(condition);
        }
    }
    fields
}

/// A combination that was never sent shows `true`, one that was sent back shows `"1"`: the same.
fn dump_condition(condition: &mut Record) {
    if condition.get("value") == Some(&Value::Bool(true)) {
        condition.insert("value".to_owned(), "1".into());
    }
    if let Some(Value::Array(inner)) = condition.get_mut("conditions") {
        inner
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(dump_condition);
    }
    condition.sort_keys();
}
