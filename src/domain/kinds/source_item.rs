//! The stock of a product in a source. Behaviour observed on Magento 2.4.7-p3
//! (`POST /V1/inventory/source-items`): every row is written whole; an unknown SKU is taken without a
//! word and leaves a row without a product. Every order moves the stock, so a moved value is never taken
//! back: that would oversell.

use super::field::{FieldSpec, FieldType, Owner};
use super::row::{SKU, check_first_part, of_product, route};
use super::spec::{Access, Acl, KindSpec, Probe, Scoping};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "source_item",
    label: "source item",
    level: 50,
    route: route(
        Access::Stock,
        "inventory/source-items",
        "inventory/source-items",
        "sourceItems",
        500,
        &[
            Probe::EmptyPost("inventory/source-items"),
            Probe::EmptyPost("inventory/source-items-delete"),
        ],
    ),
    key_field: "source_code",
    key: KeyShape::Parts(&["sku", "source"]),
    check_key: check_first_part,
    scoping: Scoping::Global,
    fields: &[
        SKU,
        FieldSpec::new(
            "source_code",
            FieldType::Text { max_chars: 255 },
            "The source's code; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "quantity",
            FieldType::Decimal {
                min: -99_999_999,
                max: 99_999_999,
            },
            "How many there are in the source, with four decimals at most.",
        )
        .volatile()
        .required(),
        FieldSpec::new(
            "status",
            FieldType::Integer { min: 0, max: 1 },
            "1: in stock, 0: out of stock.",
        )
        .volatile()
        .required(),
    ],
    attributes: None,
    referent: None,
    parents: of_product,
    needed: &[],
    permanent: None,
    unique: &[],
    acl: Acl {
        read: "Magento_InventoryApi::source",
        write: "Magento_InventoryApi::stock_source_item_assign",
        delete: "Magento_InventoryApi::stock_source_item_assign",
    },
};
