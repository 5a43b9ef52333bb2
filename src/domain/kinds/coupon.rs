//! Coupons. Observed on Magento 2.4.7-p3 (`GET|POST|PUT|DELETE /V1/coupons`), the rest from
//! `Magento\SalesRule\Model\CouponRepository`: the limits are those of the rule, whatever is sent.

use super::field::{FieldSpec, FieldType, Owner, Referent};
use super::spec::{
    Access, Acl, Among, Aside, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, key_of_255,
    no_parents,
};
use crate::domain::key::KeyShape;

const LIMIT: &str =
    "Magento takes it from the rule; set `uses_per_coupon` and `uses_per_customer` there";

pub(super) static TABLE: KindSpec = KindSpec {
    name: "coupon",
    label: "coupon",
    level: 70,
    route: Route {
        access: Access::Search,
        collection: "coupons",
        search: "coupons/search",
        wrapper: "coupon",
        id_column: "coupon_id",
        key_column: "code",
        id_field: "coupon_id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("coupons")],
    },
    key_field: "code",
    key: KeyShape::Plain,
    check_key: key_of_255,
    scoping: Scoping::Global,
    fields: &[
        FieldSpec::new(
            "code",
            FieldType::Text { max_chars: 255 },
            "What customers type in; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "rule_id",
            FieldType::Reference(Referent::CartRule),
            "The cart rule, by name. It has to take coupons.",
        )
        .required(),
        FieldSpec::of_store("usage_limit", FieldType::COUNT, LIMIT).volatile(),
        FieldSpec::of_store("usage_per_customer", FieldType::COUNT, LIMIT).volatile(),
        FieldSpec::new("times_used", FieldType::COUNT, "")
            .void()
            .volatile()
            .owned_by(Owner::Refused(
                "Magento counts how often it was used, and by whom",
            )),
        FieldSpec::new(
            "expiration_date",
            FieldType::DateTime,
            "Until when it can be used.",
        )
        .void(),
        FieldSpec::new(
            "is_primary",
            FieldType::Bool,
            "Whether it is the one that the admin shows at its rule; one of a rule at most.",
        )
        .void(),
        FieldSpec::of_store(
            "created_at",
            FieldType::Timestamp,
            "Magento sets the creation time",
        )
        .volatile(),
        FieldSpec::new(
            "type",
            FieldType::Integer { min: 0, max: 1 },
            "0 for one of its own, 1 for a generated one, as its rule demands; decided at creation.",
        )
        .void()
        .owned_by(Owner::Fixed("the rule demands it to be so")),
    ],
    attributes: None,
    referent: None,
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[
        Unique::new("code", Among::Kind),
        // one of a rule at most
        Unique::new("is_primary", Among::Same("rule_id")).aside(Aside::Empty),
    ],
    acl: Acl::all("Magento_SalesRule::quote"),
};
