//! Special prices. Behaviour observed on Magento 2.4.7-p3 (`POST /V1/products/special-price`).
//!
//! A day that is not sent stays as it was, so a day can only be cleared by taking the row away and making
//! it anew. Both days are optional: without them the price holds at once and for good.

use super::field::{FieldSpec, FieldType};
use super::row::{PRICE, SKU, check_sku, of_product, route};
use super::spec::{Access, Acl, KindSpec, Probe, Scoping};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "special_price",
    label: "special price",
    level: 50,
    route: route(
        Access::Price,
        "products/special-price",
        "products/special-price-information",
        "prices",
        500,
        &[Probe::EmptyPost("products/special-price")],
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
            "The special price, with four decimals at most. Of a store view only where the shop's price scope is \"website\".",
        )
        .required(),
        FieldSpec::new(
            "price_from",
            FieldType::DateTime,
            "From when on, YYYY-MM-DD HH:MM:SS; without it, or null, at once.",
        )
        .nullable(),
        FieldSpec::new(
            "price_to",
            FieldType::DateTime,
            "Until when, YYYY-MM-DD HH:MM:SS; without it, or null, for good.",
        )
        .nullable(),
    ],
    attributes: None,
    referent: None,
    parents: of_product,
    needed: &[],
    permanent: None,
    unique: &[],
    acl: Acl::all("Magento_Catalog::catalog"),
};
