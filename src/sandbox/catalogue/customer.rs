//! Customers, as far as groups are about them.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::customer_group::GENERAL;
use super::records::{self, Record, Searchable};

static CUSTOMER: Shape = Shape {
    interface: "\\Magento\\Customer\\Api\\Data\\CustomerInterface",
    fields: &[
        ("id", Type::Int),
        ("group_id", Type::Int),
        ("email", Type::Text),
        ("firstname", Type::Text),
        ("lastname", Type::Text),
        ("store_id", Type::Int),
        ("website_id", Type::Int),
    ],
};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        verb: "GET",
        path: "customers/search",
        acl: "Magento_Customer::customer",
        kind: "customer",
        service: Service {
            interface: "Magento\\Customer\\Api\\CustomerRepositoryInterface",
            class: "Magento\\Customer\\Model\\ResourceModel\\CustomerRepository",
        },
        method: "getList",
        params: &[],
        run: list,
    },
    Endpoint {
        verb: "POST",
        path: "customers",
        // anybody may open an account
        acl: "anonymous",
        kind: "customer",
        service: Service {
            interface: "Magento\\Customer\\Api\\AccountManagementInterface",
            class: "Magento\\Customer\\Model\\AccountManagement",
        },
        method: "createAccount",
        params: &[Param::new("customer", Type::Object(&CUSTOMER))],
        run: create,
    },
];

const SEARCHABLE: &[Searchable] = &[
    Searchable::number("entity_id", "id"),
    Searchable::number("group_id", "group_id"),
    Searchable::text("email", "email"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let customers = &catalogue.customers;
    customers.search(context, SEARCHABLE, |row| row.clone().into())
}

fn create(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let customer = args.object("customer");
    for field in ["email", "firstname", "lastname"] {
        if records::text(&customer, field).is_empty() {
            return Err(Problem::required(field));
        }
    }
    let email = records::text(&customer, "email");
    if catalogue.customers.find("email", email).is_some() {
        return Err(Problem::new(
            400,
            "A customer with the same email address already exists in an associated website.",
        ));
    }
    let mut row = Record::from_iter([
        ("group_id".to_owned(), json!(GENERAL)),
        ("store_id".to_owned(), json!(1)),
        ("website_id".to_owned(), json!(1)),
    ]);
    records::merge(&mut row, customer);
    row.remove("id");
    let id = catalogue.customers.put(row);
    let row = catalogue.customers.rows.get(&id);
    Ok(row.cloned().unwrap_or_default().into())
}
