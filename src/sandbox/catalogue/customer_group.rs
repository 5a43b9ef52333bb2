//! Customer groups.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::records::{self, Record, Records, Searchable};
use super::tier_price;

static GROUP: Shape = Shape {
    interface: "\\Magento\\Customer\\Api\\Data\\GroupInterface",
    fields: &[
        ("id", Type::Int),
        ("code", Type::Text),
        ("tax_class_id", Type::Int),
        ("tax_class_name", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const ROUTES: Resource = Resource {
    acl: "Magento_Customer::group",
    kind: "customer_group",
    service: Service {
        interface: "Magento\\Customer\\Api\\GroupRepositoryInterface",
        class: "Magento\\Customer\\Model\\ResourceModel\\GroupRepository",
    },
};

const MANAGEMENT: Resource = Resource {
    service: Service {
        interface: "Magento\\Customer\\Api\\GroupManagementInterface",
        class: "Magento\\Customer\\Model\\GroupManagement",
    },
    ..ROUTES
};

const VIEW: &[Param] = &[Param::new("storeId", Type::Int)];
const ID: &[Param] = &[Param::new("id", Type::Int)];
const SAVE: &[Param] = &[Param::new("group", Type::Object(&GROUP))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "customerGroups/search", "getList", &[], list),
    ROUTES.endpoint("GET", "customerGroups/:id", "getById", ID, get),
    MANAGEMENT.endpoint(
        "GET",
        "customerGroups/default/:storeId",
        "getDefaultGroup",
        VIEW,
        default,
    ),
    ROUTES.endpoint("POST", "customerGroups", "save", SAVE, save),
    ROUTES.endpoint("PUT", "customerGroups/:id", "save", SAVE, save),
    ROUTES.endpoint("DELETE", "customerGroups/:id", "deleteById", ID, delete),
];

/// The class of a customer who has no other.
const RETAIL: u64 = 3;
/// The group of new customers.
pub(super) const GENERAL: u64 = 1;

/// The groups of a fresh store.
pub(super) fn installed() -> Records {
    let mut groups = Records::new("id", 4);
    for (id, code) in ["NOT LOGGED IN", "General", "Wholesale", "Retailer"]
        .iter()
        .enumerate()
    {
        if let Value::Object(row) = json!({ "id": id, "code": code, "tax_class_id": RETAIL }) {
            groups.rows.insert(id as u64, row);
        }
    }
    groups
}

const SEARCHABLE: &[Searchable] = &[
    Searchable::text("customer_group_code", "code"),
    Searchable::text("code", "code"),
    Searchable::number("customer_group_id", "id"),
    Searchable::number("id", "id"),
    Searchable::number("tax_class_id", "tax_class_id"),
];

fn render(row: &Record, classes: &Records) -> Value {
    let mut answer = row.clone();
    let class = classes.rows.get(&records::id(row, "tax_class_id"));
    answer.insert(
        "tax_class_name".to_owned(),
        class.map(|class| records::text(class, "class_name")).into(),
    );
    answer.into()
}

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let classes = &catalogue.tax_classes;
    catalogue
        .customer_groups
        .search(context, SEARCHABLE, |row| render(row, classes))
}

fn known(catalogue: &Catalogue, id: u64) -> Result<&Record, Problem> {
    let row = catalogue.customer_groups.rows.get(&id);
    row.ok_or_else(|| Problem::no_such_entity("id", id))
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    Ok(render(
        known(catalogue, args.id("id"))?,
        &catalogue.tax_classes,
    ))
}

/// The group of a view's new customers, the same for all.
fn default(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let view = args.id("storeId");
    if !i64::try_from(view).is_ok_and(views::exists) {
        return Err(Problem::no_such_entity("storeId", view));
    }
    Ok(render(known(catalogue, GENERAL)?, &catalogue.tax_classes))
}

fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let sent = args.object("group");
    let code = records::text(&sent, "code");
    if code.is_empty() {
        return Err(Problem::required("code"));
    }
    // Group 0 exists, so that only a missing id makes a new group.
    let id = records::number(&sent, "id").map(|_| records::id(&sent, "id"));
    let class = match (records::number(&sent, "tax_class_id"), id) {
        (None | Some(0), None) => RETAIL,
        _ => records::id(&sent, "tax_class_id"),
    };
    let known_class = catalogue.tax_classes.rows.get(&class);
    if known_class.is_none_or(|class| records::text(class, "class_type") != "CUSTOMER") {
        let sent = sent.get("tax_class_id").cloned().unwrap_or_default();
        return Err(Problem::invalid_value("taxClassId", sent));
    }
    if let Some(id) = id {
        known(catalogue, id)?;
    }
    let twin = catalogue.customer_groups.find("code", code);
    if twin.is_some_and(|(other, _)| Some(other) != id) {
        return Err(Problem::new(400, "Customer Group already exists."));
    }
    let mut row = Record::new();
    if let Some(id) = id {
        row.insert("id".to_owned(), id.into());
    }
    let code: String = code.chars().take(32).collect();
    row.insert("code".to_owned(), code.into());
    row.insert("tax_class_id".to_owned(), class.into());
    let id = catalogue.customer_groups.put(row);
    Ok(render(known(catalogue, id)?, &catalogue.tax_classes))
}

/// A group takes its tier prices along, and leaves the cart rules that name it; its customers go to the
/// default one.
fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("id");
    known(catalogue, id)?;
    if id <= GENERAL {
        return Err(Problem::new(400, "Cannot delete group."));
    }
    catalogue.customer_groups.rows.remove(&id);
    for customer in catalogue.customers.rows.values_mut() {
        if records::id(customer, "group_id") == id {
            customer.insert("group_id".to_owned(), GENERAL.into());
        }
    }
    tier_price::forget_group(catalogue, id);
    for rule in catalogue.cart_rules.rows.values_mut() {
        if let Some(Value::Array(groups)) = rule.get_mut("customer_group_ids") {
            groups.retain(|group| group.as_u64() != Some(id));
        }
    }
    Ok(true.into())
}
