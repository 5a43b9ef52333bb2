//! Products, as far as rows of prices and stock name them.

use super::row::check_sku;
use super::spec::{Access, Acl, KindSpec, Route, Scoping, no_parents};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "product",
    label: "product",
    level: 40,
    route: Route {
        access: Access::Product,
        collection: "products",
        search: "products",
        wrapper: "product",
        id_column: "entity_id",
        key_column: "sku",
        id_field: "id",
        carry: &[],
        rows: 1,
    },
    key_field: "sku",
    key: KeyShape::Plain,
    check_key: check_sku,
    scoping: Scoping::Values,
    fields: &[],
    attributes: Some(super::EntityType::Product),
    target: None,
    parents: no_parents,
    permanent: None,
    acl: Acl::all("Magento_Catalog::products"),
};
