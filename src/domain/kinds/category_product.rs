//! Products of a category, by the category's path and the SKU. Behaviour observed on Magento 2.4.7-p3
//! (`POST|PUT|DELETE /V1/categories/:id/products`).

use super::Kind;
use super::field::{FieldSpec, FieldType};
use super::row::SKU;
use super::spec::{Access, Acl, KindSpec, Probe, Route, Scoping, UpdateStyle, any_key};
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, EntityRef, StoreScope};

pub(super) static TABLE: KindSpec = KindSpec {
    name: "category_product",
    label: "product of a category",
    level: 50,
    route: Route {
        access: Access::Link,
        // of no category: what is asked there is only whether one may
        collection: "categories/0/products",
        search: "products",
        wrapper: "productLink",
        id_column: "category_id",
        key_column: "sku",
        id_field: "category_id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("categories/0/products")],
    },
    key_field: "sku",
    key: KeyShape::Parts(&["category", "sku"]),
    check_key: any_key,
    scoping: Scoping::Global,
    fields: &[
        SKU,
        FieldSpec::new(
            "position",
            FieldType::INT,
            "The product's place in the category.",
        ),
    ],
    attributes: None,
    referent: None,
    parents,
    needed: &[],
    permanent: None,
    unique: &[],
    acl: Acl::all("Magento_Catalog::categories"),
};

/// The category and the product.
fn parents(entity: &EntityRef) -> Vec<EntityRef> {
    let parts = key::parts(entity.key.as_str());
    let [category, sku] = parts.as_slice() else {
        return Vec::new();
    };
    let one = |kind: Option<Kind>, key: &str| {
        Some(EntityRef {
            kind: kind?,
            key: EntityKey::new(key).ok()?,
            store: StoreScope::All,
        })
    };
    let parents = [
        one(Some(Kind::CATEGORY), category),
        one(Kind::from_name("product"), sku),
    ];
    parents.into_iter().flatten().collect()
}
