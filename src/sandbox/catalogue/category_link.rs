//! Products in categories, and their positions there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::category::Categories;
use super::product::{Products, missing};
use super::records::{self, Record};

static LINK: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\CategoryProductLinkInterface",
    fields: &[
        ("sku", Type::Text),
        ("position", Type::Int),
        ("category_id", Type::Text),
        ("extension_attributes", Type::Mixed),
    ],
};

const REPOSITORY: Resource = Resource {
    acl: "Magento_Catalog::categories",
    kind: "category_product",
    service: Service {
        interface: "Magento\\Catalog\\Api\\CategoryLinkRepositoryInterface",
        class: "Magento\\Catalog\\Model\\CategoryLinkRepository",
    },
};
const MANAGEMENT: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\CategoryLinkManagementInterface",
        class: "Magento\\Catalog\\Model\\CategoryLinkManagement",
    },
    ..REPOSITORY
};

const ID: Param = Param::new("categoryId", Type::Int);
const SAVE: &[Param] = &[Param::new("productLink", Type::Object(&LINK))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    MANAGEMENT.endpoint(
        "GET",
        "categories/:categoryId/products",
        "getAssignedProducts",
        &[ID],
        list,
    ),
    REPOSITORY.endpoint(
        "POST",
        "categories/:categoryId/products",
        "save",
        SAVE,
        save,
    ),
    REPOSITORY.endpoint("PUT", "categories/:categoryId/products", "save", SAVE, save),
    REPOSITORY.endpoint(
        "DELETE",
        "categories/:categoryId/products/:sku",
        "deleteByIds",
        &[ID, Param::new("sku", Type::Text)],
        delete,
    ),
];

/// The products of a category; of an anchor those below it as well, each at its lowest position
/// (`_applyZeroStoreProductLimitations` of Magento's collection).
fn list(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let category = catalogue.categories.get(args.id("categoryId"))?;
    let id = category.id;
    let ids = match category.values.get("is_anchor", views::ALL) {
        Some("1") => catalogue.categories.branch(id),
        _ => BTreeSet::from([id]),
    };
    let links = catalogue.products.rows.values().filter_map(|product| {
        let positions = product.categories.iter();
        let listed = positions.filter(|(id, _)| ids.contains(id));
        let position = listed.map(|(_, position)| position).min()?;
        Some(json!({ "sku": product.sku, "position": position, "category_id": id.to_string() }))
    });
    Ok(links.collect())
}

fn save(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let link = args.object("productLink");
    let category = u64::try_from(php::int(records::text(&link, "category_id"))).unwrap_or(0);
    catalogue.categories.get(category)?;
    let product = catalogue.products.find_mut(records::text(&link, "sku"));
    let product = product.ok_or_else(missing)?;
    let position = records::number(&link, "position").unwrap_or_default();
    product.categories.insert(category, position);
    Ok(true.into())
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let category = catalogue.categories.get(args.id("categoryId"))?.id;
    let product = catalogue.products.find_mut(args.text("sku"));
    let product = product.ok_or_else(missing)?;
    if product.categories.remove(&category).is_none() {
        return Err(Problem::new(
            400,
            "The category doesn't contain the specified product.",
        ));
    }
    Ok(true.into())
}

/// Every link by the category's path and the SKU.
pub(super) fn dump(products: &Products, categories: &Categories) -> Value {
    let mut dump = Record::new();
    for product in products.rows.values() {
        for (id, position) in &product.categories {
            let path = categories
                .rows
                .get(id)
                .map_or_else(|| format!("#{id}"), |row| categories.name_path(row));
            let entry = dump.entry(path).or_insert_with(|| json!({}));
            entry[&product.sku] = json!({ "meta": {}, "position": position });
        }
    }
    for links in dump.values_mut() {
        links.sort_all_objects();
    }
    dump.sort_keys();
    dump.into()
}
