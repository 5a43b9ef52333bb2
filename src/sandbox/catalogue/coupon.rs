//! Coupons of cart rules.

use serde_json::{Value, json};

use super::super::column::{TIME, date_time};
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::cart_rule::missing;
use super::records::{self, Record, Searchable};

static COUPON: Shape = Shape {
    interface: "\\Magento\\SalesRule\\Api\\Data\\CouponInterface",
    fields: &[
        ("coupon_id", Type::Int),
        ("rule_id", Type::Int),
        ("code", Type::Text),
        ("usage_limit", Type::Int),
        ("usage_per_customer", Type::Int),
        ("times_used", Type::Int),
        ("expiration_date", Type::Text),
        ("is_primary", Type::Bool),
        ("created_at", Type::Text),
        ("type", Type::Int),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_SalesRule::quote",
    kind: "coupon",
    service: Service {
        interface: "Magento\\SalesRule\\Api\\CouponRepositoryInterface",
        class: "Magento\\SalesRule\\Model\\CouponRepository",
    },
};

const ID: &[Param] = &[Param::new("couponId", Type::Int)];
const SAVE: &[Param] = &[Param::new("coupon", Type::Object(&COUPON))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "coupons/search", "getList", &[], list),
    ROUTES.endpoint("GET", "coupons/:couponId", "getById", ID, get),
    ROUTES.endpoint("POST", "coupons", "save", SAVE, save),
    ROUTES.endpoint("PUT", "coupons/:couponId", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "coupons/:couponId", "deleteById", ID, delete),
];

const SEARCHABLE: &[Searchable] = &[
    Searchable::number("coupon_id", "coupon_id"),
    Searchable::number("rule_id", "rule_id"),
    Searchable::text("code", "code"),
    Searchable::number("usage_limit", "usage_limit"),
    Searchable::number("usage_per_customer", "usage_per_customer"),
    Searchable::number("times_used", "times_used"),
    Searchable::text("expiration_date", "expiration_date"),
    Searchable::number("is_primary", "is_primary"),
    Searchable::number("type", "type"),
    Searchable::text("created_at", "created_at"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let coupons = &catalogue.coupons;
    coupons.search(context, SEARCHABLE, |row| row.clone().into())
}

fn show(catalogue: &Catalogue, id: u64) -> Result<Value, Problem> {
    let row = catalogue.coupons.rows.get(&id).ok_or_else(missing)?;
    Ok(row.clone().into())
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    show(catalogue, args.id("couponId"))
}

fn save(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let sent = args.object("coupon");
    let id = records::id(&sent, "coupon_id");
    let mut coupon = match id {
        0 => new(&context.moment.database),
        id => catalogue.coupons.rows.get(&id).ok_or_else(missing)?.clone(),
    };
    records::merge(&mut coupon, sent);
    follow_rule(catalogue, &mut coupon)
        .map_err(|why| Problem::with(400, "Error occurred when saving coupon: %1", json!([why])))?;
    keep_date(&mut coupon).map_err(|()| Problem::internal(context.moment.report))?;
    let others = catalogue
        .coupons
        .rows
        .iter()
        .filter(|(other, _)| **other != id);
    let code = records::text(&coupon, "code");
    let twin = catalogue.coupons.find("code", code);
    if !code.is_empty() && twin.is_some_and(|(other, _)| other != id) {
        return Err(Problem::with(
            400,
            "%1 already exists.",
            json!(["Coupon with the same code"]),
        ));
    }
    let is_primary = |row: &Record| row.get("is_primary") == Some(&Value::Bool(true));
    let of_rule = |row: &Record| records::id(row, "rule_id") == records::id(&coupon, "rule_id");
    let mut others = others.map(|(_, row)| row);
    if is_primary(&coupon) && others.any(|other| is_primary(other) && of_rule(other)) {
        return Err(Problem::new(400, "Unique constraint violation found"));
    }
    let id = catalogue.coupons.put(coupon);
    show(catalogue, id)
}

fn new(now: &str) -> Record {
    let coupon = json!({
        "rule_id": 0,
        "usage_limit": 0,
        "usage_per_customer": 0,
        "times_used": 0,
        "is_primary": false,
        "created_at": now,
        "type": 0,
    });
    match coupon {
        Value::Object(coupon) => coupon,
        _ => Record::new(),
    }
}

/// The rule says whether it takes such coupons, and how often they can be used.
fn follow_rule(catalogue: &Catalogue, coupon: &mut Record) -> Result<(), String> {
    let id = records::id(coupon, "rule_id");
    let rule = catalogue.cart_rules.rows.get(&id);
    let rule = rule.ok_or_else(|| format!("No such entity with rule_id = {id}"))?;
    let generates = rule.get("use_auto_generation") == Some(&Value::Bool(true));
    let generated = records::number(coupon, "type") == Some(1);
    if records::text(rule, "coupon_type") == "NO_COUPON" {
        return Err("Specified rule does not allow coupons".to_owned());
    }
    if generates && !generated {
        return Err("Specified rule only allows auto generated coupons".to_owned());
    }
    if !generates && generated {
        return Err("Specified rule does not allow auto generated coupons".to_owned());
    }
    for (field, of_rule) in [
        ("usage_limit", "uses_per_coupon"),
        ("usage_per_customer", "uses_per_customer"),
    ] {
        let value = rule.get(of_rule).cloned().unwrap_or_default();
        coupon.insert(field.to_owned(), value);
    }
    Ok(())
}

fn keep_date(coupon: &mut Record) -> Result<(), ()> {
    match records::text(coupon, "expiration_date") {
        "" => {
            coupon.remove("expiration_date");
        }
        text => {
            let at = date_time(text).ok_or(())?.strftime(TIME).to_string();
            coupon.insert("expiration_date".to_owned(), at.into());
        }
    }
    Ok(())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let row = catalogue.coupons.rows.remove(&args.id("couponId"));
    row.ok_or_else(missing)?;
    Ok(true.into())
}

/// The fields of a coupon; its rule by name.
pub(super) fn dump(catalogue: &Catalogue, coupon: &Record) -> Record {
    let mut fields = coupon.clone();
    let rule = catalogue
        .cart_rules
        .rows
        .get(&records::id(coupon, "rule_id"));
    fields.remove("rule_id");
    fields.insert(
        "rule".to_owned(),
        rule.map(|rule| records::text(rule, "name")).into(),
    );
    fields
}
