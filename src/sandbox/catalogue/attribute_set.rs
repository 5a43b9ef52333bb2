//! Attribute sets: which attributes a product has values for.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::records::{self, Records, Searchable};

/// The set that every store has.
pub(super) const DEFAULT_SET: u64 = 4;

/// The entity type of products.
const PRODUCTS: u64 = 4;

static SET: Shape = Shape {
    interface: "\\Magento\\Eav\\Api\\Data\\AttributeSetInterface",
    fields: &[
        ("attribute_set_id", Type::Int),
        ("attribute_set_name", Type::Text),
        ("sort_order", Type::Int),
        ("entity_type_id", Type::Int),
        ("extension_attributes", Type::Mixed),
    ],
};

const REPOSITORY: Resource = Resource {
    acl: "Magento_Catalog::sets",
    kind: "attribute_set",
    service: Service {
        interface: "Magento\\Catalog\\Api\\AttributeSetRepositoryInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\SetRepository",
    },
};
const MANAGEMENT: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\AttributeSetManagementInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\SetManagement",
    },
    ..REPOSITORY
};
const ATTRIBUTES: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductAttributeManagementInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\Management",
    },
    ..REPOSITORY
};

const GROUPS: Resource = Resource {
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductAttributeGroupRepositoryInterface",
        class: "Magento\\Catalog\\Model\\ProductAttributeGroupRepository",
    },
    ..REPOSITORY
};

const ID: Param = Param::new("attributeSetId", Type::Int);
const CODE: Param = Param::new("attributeCode", Type::Text);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    REPOSITORY.endpoint(
        "GET",
        "products/attribute-sets/sets/list",
        "getList",
        &[],
        list,
    ),
    GROUPS.endpoint(
        "GET",
        "products/attribute-sets/groups/list",
        "getList",
        &[],
        groups,
    ),
    REPOSITORY.endpoint(
        "GET",
        "products/attribute-sets/:attributeSetId",
        "get",
        &[ID],
        get,
    ),
    MANAGEMENT.endpoint(
        "POST",
        "products/attribute-sets",
        "create",
        &[
            Param::new("attributeSet", Type::Object(&SET)),
            Param::new("skeletonId", Type::Int),
        ],
        create,
    ),
    ATTRIBUTES.endpoint(
        "GET",
        "products/attribute-sets/:attributeSetId/attributes",
        "getAttributes",
        &[ID],
        attributes,
    ),
    ATTRIBUTES.endpoint(
        "POST",
        "products/attribute-sets/attributes",
        "assign",
        &[
            ID,
            Param::new("attributeGroupId", Type::Int),
            CODE,
            Param::new("sortOrder", Type::Int),
        ],
        assign,
    ),
    ATTRIBUTES.endpoint(
        "DELETE",
        "products/attribute-sets/:attributeSetId/attributes/:attributeCode",
        "unassign",
        &[ID, CODE],
        unassign,
    ),
];

/// The sets of a fresh store.
pub(super) fn installed() -> Records {
    let mut sets = Records::new("attribute_set_id", DEFAULT_SET);
    if let Value::Object(set) = json!({
        "attribute_set_name": "Default", "sort_order": 1, "entity_type_id": PRODUCTS,
    }) {
        sets.put(set);
    }
    sets
}

const SEARCHABLE: &[Searchable] = &[
    Searchable::number("attribute_set_id", "attribute_set_id"),
    Searchable::text("attribute_set_name", "attribute_set_name"),
    Searchable::number("sort_order", "sort_order"),
    Searchable::number("entity_type_id", "entity_type_id"),
];

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let render = |row: &records::Record| row.clone().into();
    catalogue.sets.search(context, SEARCHABLE, render)
}

fn known(catalogue: &Catalogue, id: u64) -> Result<&records::Record, Problem> {
    let set = catalogue.sets.rows.get(&id);
    set.ok_or_else(|| Problem::no_such_entity("id", id))
}

fn get(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    Ok(known(catalogue, args.id("attributeSetId"))?.clone().into())
}

fn create(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let skeleton = args.id("skeletonId");
    known(catalogue, skeleton)?;
    let mut set = args.object("attributeSet");
    let name = records::text(&set, "attribute_set_name").to_owned();
    if name.is_empty() {
        return Err(Problem::new(
            400,
            "The attribute set name is empty. Enter the name and try again.",
        ));
    }
    if catalogue.sets.find("attribute_set_name", &name).is_some() {
        return Err(Problem::with(
            400,
            "A \"%1\" attribute set name already exists. Create a new name and try again.",
            json!([name]),
        ));
    }
    if records::id(&set, "attribute_set_id") != 0 {
        return Err(Problem::invalid_value(
            "id",
            records::id(&set, "attribute_set_id"),
        ));
    }
    set.insert("entity_type_id".to_owned(), PRODUCTS.into());
    set.entry("sort_order").or_insert(0.into());
    let id = catalogue.sets.put(set);
    for attribute in &mut catalogue.attributes.rows {
        if attribute.sets.contains(&skeleton) {
            attribute.sets.insert(id);
        }
    }
    Ok(known(catalogue, id)?.clone().into())
}

fn attributes(
    catalogue: &mut Catalogue,
    args: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    let id = args.id("attributeSetId");
    known(catalogue, id)?;
    let rows = catalogue.attributes.rows.iter();
    Ok(rows
        .filter(|attribute| attribute.is_in_set(id))
        .map(|attribute| attribute.render(context.store))
        .collect())
}

/// The id of a set's only group; 7 is that of a fresh store's first.
const fn group_of(set: u64) -> u64 {
    set + 3
}

/// The groups of sets, which order the form of a product. Here each set has one.
fn groups(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let criteria = context.criteria()?;
    let ids: Vec<u64> = catalogue.sets.rows.keys().copied().collect();
    let column = |set: &u64, name: &str| match name {
        "attribute_set_id" => Some(set.to_string()),
        "attribute_group_id" => Some(group_of(*set).to_string()),
        "attribute_group_name" => Some(GROUP_NAME.to_owned()),
        "attribute_group_code" => Some(GROUP_CODE.to_owned()),
        _ => None,
    };
    let hits = criteria
        .select(
            ids.iter(),
            |name| column(&0, name).map(|_| Comparison::Text),
            |set, name| column(set, name).map(Into::into),
        )
        .map_err(|unknown| unknown.internal(context.moment))?;
    Ok(criteria.answer(&hits, |set| {
        json!({
            "attribute_group_id": group_of(**set).to_string(),
            "attribute_group_name": GROUP_NAME,
            "attribute_set_id": set,
            "extension_attributes": { "attribute_group_code": GROUP_CODE, "sort_order": "10" },
        })
    }))
}

const GROUP_NAME: &str = "Product Details";
const GROUP_CODE: &str = "product-details";

/// The set and the attribute of an assignment. An id of a row of the assignment is answered.
fn assign(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("attributeSetId");
    if !catalogue.sets.rows.contains_key(&id) {
        return Err(Problem::with(
            404,
            "The AttributeSet with a \"%1\" ID doesn't exist. Verify the attributeSet and try again.",
            json!([id]),
        ));
    }
    let group = args.id("attributeGroupId");
    if !catalogue
        .sets
        .rows
        .keys()
        .any(|set| group_of(*set) == group)
    {
        return Err(Problem::with(
            404,
            "The group with the \"%1\" ID doesn't exist. Verify the ID and try again.",
            json!([group]),
        ));
    }
    if group != group_of(id) {
        return Err(Problem::new(
            400,
            "The attribute group doesn't belong to the attribute set.",
        ));
    }
    let code = args.text("attributeCode").to_owned();
    catalogue.attributes.get(&code)?;
    let attribute = catalogue.attributes.find_mut(&code);
    Ok(attribute
        .map(|attribute| {
            attribute.sets.insert(id);
            attribute.id
        })
        .into())
}

fn unassign(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let id = args.id("attributeSetId");
    if !catalogue.sets.rows.contains_key(&id) {
        return Err(Problem::with(
            404,
            "The \"%1\" attribute set wasn't found. Verify and try again.",
            json!([id]),
        ));
    }
    let code = args.text("attributeCode").to_owned();
    let attribute = catalogue.attributes.get(&code)?;
    if !attribute.user_defined {
        return Err(Problem::new(400, "The system attribute can't be deleted."));
    }
    if !attribute.sets.contains(&id) {
        return Err(Problem::with(
            400,
            "The \"%1\" attribute wasn't found in the \"%2\" attribute set. Enter the attribute and try again.",
            json!([code, id]),
        ));
    }
    if let Some(attribute) = catalogue.attributes.find_mut(&code) {
        attribute.sets.remove(&id);
    }
    Ok(true.into())
}
