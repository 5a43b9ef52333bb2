//! The routes of categories.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::super::views;
use super::Catalogue;
use super::attribute::Attribute;
use super::category::{Category, ROOT};
use super::category_save::{move_below, save};

const EXTENSION: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\CategoryExtensionInterface",
    fields: &[],
};

static CATEGORY: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\CategoryInterface",
    fields: &[
        ("id", Type::Int),
        ("parent_id", Type::Int),
        ("name", Type::Text),
        ("is_active", Type::Bool),
        ("position", Type::Int),
        ("level", Type::Int),
        ("children", Type::Text),
        ("created_at", Type::Text),
        ("updated_at", Type::Text),
        ("path", Type::Text),
        ("available_sort_by", Type::List(&Type::Text)),
        ("include_in_menu", Type::Bool),
        ("extension_attributes", Type::Object(&EXTENSION)),
        ("custom_attributes", Type::Attributes),
    ],
};

const REPOSITORY: Resource = Resource {
    acl: "Magento_Catalog::categories",
    kind: "category",
    service: Service {
        interface: "Magento\\Catalog\\Api\\CategoryRepositoryInterface",
        class: "Magento\\Catalog\\Model\\CategoryRepository",
    },
};
const MANAGEMENT: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\CategoryManagementInterface",
        class: "Magento\\Catalog\\Model\\CategoryManagement",
    },
    ..REPOSITORY
};
const LIST: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\CategoryListInterface",
        class: "Magento\\Catalog\\Model\\CategoryList",
    },
    ..REPOSITORY
};

const ID: Param = Param::new("categoryId", Type::Int);
const SAVE: &[Param] = &[Param::new("category", Type::Object(&CATEGORY))];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    REPOSITORY.endpoint("GET", "categories/:categoryId", "get", &[ID], get),
    REPOSITORY.endpoint("POST", "categories", "save", SAVE, save_category),
    REPOSITORY.endpoint("PUT", "categories/:id", "save", SAVE, save_category),
    REPOSITORY.endpoint(
        "DELETE",
        "categories/:categoryId",
        "deleteByIdentifier",
        &[ID],
        delete,
    ),
    MANAGEMENT.endpoint(
        "GET",
        "categories",
        "getTree",
        &[
            Param::optional("rootCategoryId", Type::Int),
            Param::optional("depth", Type::Int),
        ],
        tree,
    ),
    MANAGEMENT.endpoint(
        "PUT",
        "categories/:categoryId/move",
        "move",
        &[
            ID,
            Param::new("parentId", Type::Int),
            Param::optional("afterId", Type::Int),
        ],
        move_category,
    ),
    LIST.endpoint("GET", "categories/list", "getList", &[], list),
];

fn get(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    show(catalogue, args.id("categoryId"), context.store)
}

fn show(catalogue: &Catalogue, id: u64, store: u32) -> Result<Value, Problem> {
    let category = catalogue.categories.get(id)?;
    Ok(catalogue
        .categories
        .render(category, &catalogue.category_attributes, store))
}

fn save_category(
    catalogue: &mut Catalogue,
    args: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    let id = save(catalogue, &args.object("category"), context)?;
    show(catalogue, id, context.store)
}

fn move_category(
    catalogue: &mut Catalogue,
    args: &Args,
    _: &Context<'_>,
) -> Result<Value, Problem> {
    let (id, parent) = (args.id("categoryId"), args.id("parentId"));
    move_below(&mut catalogue.categories, id, parent, args.int("afterId"))?;
    Ok(true.into())
}

/// Takes a category away with all below it, and their links to products.
fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("categoryId");
    catalogue.categories.get(id)?;
    if id <= views::ROOT_CATEGORY {
        return Err(Problem::with(
            400,
            "Cannot delete category with id %1",
            json!([id.to_string()]),
        ));
    }
    for gone in catalogue.categories.branch(id) {
        catalogue.categories.rows.remove(&gone);
        for product in catalogue.products.rows.values_mut() {
            product.categories.remove(&gone);
        }
    }
    Ok(true.into())
}

fn tree(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let root = match args.int("rootCategoryId") {
        Some(_) => args.id("rootCategoryId"),
        None if context.store == views::ALL => ROOT,
        None => views::root_category(context.store),
    };
    let mut counts = BTreeMap::new();
    for product in catalogue.products.rows.values() {
        for id in product.categories.keys() {
            *counts.entry(*id).or_insert(0) += 1;
        }
    }
    let categories = &catalogue.categories;
    let root = categories.get(root)?;
    Ok(categories.tree(root, context.store, &counts, args.int("depth")))
}

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let Catalogue {
        categories,
        category_attributes,
        ..
    } = catalogue;
    let criteria = context.criteria()?;
    let by = |name: &str| match name {
        "entity_id" | "parent_id" | "level" | "position" | "children_count" => {
            Some(Comparison::Number)
        }
        "path" | "created_at" | "updated_at" => Some(Comparison::Text),
        name => category_attributes.find(name).map(Attribute::comparison),
    };
    let hits = criteria
        .select(categories.rows.values(), by, |category: &Category, name| {
            categories.column(category, name, context.store)
        })
        .map_err(|unknown| {
            Problem::with(
                400,
                "The \"%1\" attribute name is invalid. Reset the name and try again.",
                json!([unknown.0]),
            )
        })?;
    Ok(criteria.answer(&hits, |category| {
        categories.render(category, category_attributes, context.store)
    }))
}
