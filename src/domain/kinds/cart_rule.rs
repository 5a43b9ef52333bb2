//! Cart price rules. Observed on Magento 2.4.7-p3 (`GET|POST|PUT|DELETE /V1/salesRules`), the rest from
//! `Magento\SalesRule\Model`: nulls are dropped, labels merged by view, and coupons go with their rule.

use serde_json::json;

use super::field::{FieldSpec, FieldType, Owner, Referent};
use super::spec::{
    Access, Acl, KindSpec, Probe, Route, Scoping, UpdateStyle, key_of_255, no_parents,
};
use super::tree::check_root;
use crate::domain::Value;
use crate::domain::key::KeyShape;

const COUPONS: &str = "Magento deletes the rule's coupon when it changes";
const DECIMAL: FieldType = FieldType::Decimal {
    min: 0,
    max: 99_999_999,
};
const CONDITIONS: &str = r"Magento\SalesRule\Model\Rule\Condition\Combine";
const ACTIONS: &str = r"Magento\SalesRule\Model\Rule\Condition\Product\Combine";

pub(super) static TABLE: KindSpec = KindSpec {
    name: "cart_rule",
    label: "cart rule",
    level: 60,
    route: Route {
        access: Access::Search,
        collection: "salesRules",
        search: "salesRules/search",
        wrapper: "rule",
        id_column: "rule_id",
        key_column: "name",
        id_field: "rule_id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("salesRules")],
    },
    key_field: "name",
    key: KeyShape::Plain,
    check_key: key_of_255,
    scoping: Scoping::Global,
    fields: FIELDS,
    attributes: None,
    referent: Some(Referent::CartRule),
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[],
    acl: Acl::all("Magento_SalesRule::quote"),
};

const FIELDS: &[FieldSpec] = &[
    FieldSpec::new(
        "name",
        FieldType::Text { max_chars: 255 },
        "The rule's name; the `key` of the change names it, and only one rule may have it.",
    )
    .owned_by(Owner::Key)
    .required(),
    FieldSpec::new(
        "store_labels",
        FieldType::Labels,
        "What customers see, by store view; `all` for the others: `{ all: Sale, de: Rabatt }`. The whole list.",
    )
    .void()
    .labelled("store_label"),
    FieldSpec::new(
        "description",
        FieldType::LongText {
            max_bytes: 65_535,
            html: false,
        },
        "For the admin only.",
    )
    .void(),
    FieldSpec::new(
        "website_ids",
        FieldType::References(Referent::Website),
        "The websites it counts on, by code: `[base]`.",
    )
    .required(),
    FieldSpec::new(
        "customer_group_ids",
        FieldType::References(Referent::CustomerGroup),
        "The customer groups it counts for, by code: `[NOT LOGGED IN, General]`.",
    )
    .required(),
    FieldSpec::new("from_date", FieldType::Date, "The first day.").void(),
    FieldSpec::new("to_date", FieldType::Date, "The last day.").void(),
    FieldSpec::new(
        "uses_per_customer",
        FieldType::COUNT,
        "How often one customer may use it; 0 for any.",
    ),
    FieldSpec::new(
        "is_active",
        FieldType::Bool,
        "Whether it counts. A new rule does not.",
    )
    .starting(|| json!(false)),
    FieldSpec::new(
        "condition",
        FieldType::Tree,
        "When it counts: a tree whose root is a Magento\\SalesRule\\Model\\Rule\\Condition\\Combine.",
    )
    .checked_by(|value| check_root(value, CONDITIONS))
    .starting(|| always(CONDITIONS)),
    FieldSpec::new(
        "action_condition",
        FieldType::Tree,
        "Which products it is for: a tree whose root is a Magento\\SalesRule\\Model\\Rule\\Condition\\Product\\Combine.",
    )
    .checked_by(|value| check_root(value, ACTIONS))
    .starting(|| always(ACTIONS)),
    FieldSpec::new(
        "stop_rules_processing",
        FieldType::Bool,
        "Whether later rules are left out. They are by a new rule.",
    ),
    FieldSpec::new("is_advanced", FieldType::Bool, "Unused by Magento."),
    FieldSpec::new("product_ids", FieldType::Json, "")
        .void()
        .owned_by(Owner::Refused("Magento does not use it any more")),
    FieldSpec::new("sort_order", FieldType::COUNT, "The priority: the lowest first."),
    FieldSpec::new(
        "simple_action",
        FieldType::Choice(&["by_percent", "by_fixed", "cart_fixed", "buy_x_get_y"]),
        "How the discount is taken.",
    )
    .required(),
    FieldSpec::new(
        "discount_amount",
        DECIMAL,
        "Percent, or an amount, or the number of free items.",
    ),
    FieldSpec::new(
        "discount_qty",
        DECIMAL,
        "The most items it is for; 0 or null for any.",
    )
    .void(),
    FieldSpec::new(
        "discount_step",
        FieldType::COUNT,
        "How many items are to be bought (buy X).",
    ),
    FieldSpec::new(
        "apply_to_shipping",
        FieldType::Bool,
        "Whether shipping is discounted as well.",
    )
    .starting(|| json!(false)),
    // customers' uses are counted elsewhere, too
    FieldSpec::new("times_used", FieldType::COUNT, "")
        .void()
        .volatile()
        .owned_by(Owner::Refused(
            "Magento counts how often it was used, and by whom",
        )),
    FieldSpec::new("is_rss", FieldType::Bool, "Whether it is in the RSS feed.")
        .starting(|| json!(false)),
    FieldSpec::new(
        "coupon_type",
        FieldType::Choice(&["NO_COUPON", "SPECIFIC_COUPON", "AUTO"]),
        "Whether it takes a coupon; decided at creation.",
    )
    .owned_by(Owner::Fixed(COUPONS))
    .starting(|| json!("NO_COUPON")),
    FieldSpec::new(
        "use_auto_generation",
        FieldType::Bool,
        "Whether its coupons are generated; decided at creation.",
    )
    .owned_by(Owner::Fixed(COUPONS))
    .starting(|| json!(false)),
    FieldSpec::new(
        "uses_per_coupon",
        FieldType::COUNT,
        "How often a coupon may be used; 0 for any. Its coupons follow.",
    ),
    // a number in the database, whatever the API's constants say: `NONE` would become 0
    FieldSpec::new(
        "simple_free_shipping",
        FieldType::Choice(&["0", "1", "2"]),
        "Free shipping: \"0\" no, \"1\" for matching items, \"2\" for the shipment with them.",
    ),
    FieldSpec::new("coupons", FieldType::Json, "")
        .void()
        .owned_by(Owner::Whole),
    FieldSpec::new("lost_coupons", FieldType::Json, "")
        .void()
        .volatile()
        .owned_by(Owner::Refused(
            "coupons that were generated or used go with their rule, and could not be made again as they were",
        )),
];

/// The tree of a rule that is for everything.
fn always(root: &str) -> Value {
    json!({ "condition_type": root, "aggregator_type": "all", "value": "1" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::kinds::Charset;

    fn field(name: &str) -> &'static FieldSpec {
        TABLE.field(name).unwrap()
    }

    #[test]
    fn nothing_and_null_are_one() {
        for (name, empty) in [
            ("description", json!("")),
            ("from_date", json!("")),
            ("discount_qty", json!(0)),
            ("store_labels", json!([])),
            ("times_used", json!(0)),
        ] {
            assert_eq!(field(name).canonical(empty.clone()), Value::Null, "{name}");
            assert_eq!(field(name).check(&Value::Null, Charset::default()), None);
        }
        assert_eq!(field("discount_qty").cleared(), json!(0));
        assert_eq!(field("to_date").cleared(), json!(""));
    }

    #[test]
    fn what_magento_takes_for_something_else_is_refused() {
        for (name, value) in [
            ("simple_action", json!("nosuch")),
            ("coupon_type", json!("SOME")),
            ("simple_free_shipping", json!("NONE")),
            ("discount_amount", json!(-1)),
            ("website_ids", json!([])),
            ("condition", always(ACTIONS)),
            ("action_condition", always(CONDITIONS)),
            ("sort_order", Value::Null),
        ] {
            let problem = field(name).check(&value, Charset::default());
            assert!(problem.is_some(), "{name}: {value}");
        }
        assert_eq!(
            field("condition").check(&always(CONDITIONS), Charset::default()),
            None
        );
    }
}
