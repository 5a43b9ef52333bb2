//! Base prices. Behaviour observed on Magento 2.4.7-p3 (`POST /V1/products/base-prices`).

use super::field::FieldSpec;
use super::row::{PRICE, SKU, check_sku, of_product, route};
use super::spec::{Access, Acl, KindSpec, Probe, Scoping};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "base_price",
    label: "base price",
    level: 50,
    route: route(
        Access::Price,
        "products/base-prices",
        "products/base-prices-information",
        "prices",
        500,
        &[Probe::EmptyPost("products/base-prices")],
    ),
    key_field: "sku",
    key: KeyShape::Plain,
    check_key: check_sku,
    scoping: Scoping::Rows,
    fields: &[
        SKU,
        FieldSpec::new(
            "price",
            PRICE,
            "The price, with four decimals at most. Of a store view only where the shop's price scope is \"website\": then it is that of all views of the website.",
        )
        .required(),
    ],
    attributes: None,
    referent: None,
    parents: of_product,
    needed: &[],
    permanent: Some("a product always has one; set another price instead"),
    unique: &[],
    acl: Acl::all("Magento_Catalog::catalog"),
};
