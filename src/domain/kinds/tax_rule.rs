//! Tax rules. Observed on Magento 2.4.7-p3 (`GET|POST|PUT /V1/taxRules`, `DELETE /V1/taxRules/:id`).

use serde_json::json;

use super::field::{FieldSpec, FieldType, Owner, Referent};
use super::spec::{
    Access, Acl, Among, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, key_of_255,
    no_parents,
};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "tax_rule",
    label: "tax rule",
    level: 14,
    route: Route {
        access: Access::Search,
        collection: "taxRules",
        search: "taxRules/search",
        wrapper: "rule",
        id_column: "tax_calculation_rule_id",
        key_column: "code",
        id_field: "id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Whole,
        probes: &[Probe::EmptyPost("taxRules")],
    },
    key_field: "code",
    key: KeyShape::Plain,
    check_key: key_of_255,
    scoping: Scoping::Global,
    fields: &[
        FieldSpec::new(
            "code",
            FieldType::Text { max_chars: 255 },
            "The rule's name; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "priority",
            FieldType::COUNT,
            "Rules of one priority are added up, those of different ones compounded.",
        ),
        FieldSpec::new("position", FieldType::COUNT, "The place in lists."),
        FieldSpec::new(
            "customer_tax_class_ids",
            FieldType::References(Referent::CustomerTaxClass),
            "Customer tax classes, by name: `[Retail Customer]`.",
        )
        .required(),
        FieldSpec::new(
            "product_tax_class_ids",
            FieldType::References(Referent::ProductTaxClass),
            "Product tax classes, by name: `[Taxable Goods]`.",
        )
        .required(),
        FieldSpec::new(
            "tax_rate_ids",
            FieldType::References(Referent::TaxRate),
            "Tax rates, by code.",
        )
        .required(),
        FieldSpec::new(
            "calculate_subtotal",
            FieldType::Bool,
            "Whether it is calculated off the subtotal only.",
        )
        .starting(|| json!(false)),
    ],
    attributes: None,
    referent: None,
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("code", Among::Kind)],
    acl: Acl::all("Magento_Tax::manage_tax"),
};
