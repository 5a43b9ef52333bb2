//! Customer groups. Observed on Magento 2.4.7-p3 (`GET|POST|PUT|DELETE /V1/customerGroups`), deleting from
//! `Magento\Customer\Model\ResourceModel\Group`: it moves the customers of a group to the default one.

use super::field::{FieldPlace, FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::spec::{
    Access, Acl, Among, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, no_parents,
};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "customer_group",
    label: "customer group",
    level: 16,
    route: Route {
        access: Access::Search,
        collection: "customerGroups",
        search: "customerGroups/search",
        wrapper: "group",
        id_column: "customer_group_id",
        key_column: "customer_group_code",
        id_field: "id",
        // both are required of every update
        carry: &["code", "tax_class_id"],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("customerGroups")],
    },
    key_field: "code",
    key: KeyShape::Plain,
    check_key,
    scoping: Scoping::Global,
    fields: &[
        FieldSpec::new(
            "code",
            FieldType::Text { max_chars: 32 },
            "The group's name; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "tax_class_id",
            FieldType::Reference(Referent::CustomerTaxClass),
            "The customer tax class, by name: Retail Customer.",
        )
        .required(),
        FieldSpec::of_store(
            "tax_class_name",
            FieldType::Text { max_chars: 255 },
            "Magento names the class by `tax_class_id`",
        ),
        FieldSpec::new(
            "exclude_website_ids",
            FieldType::References(Referent::Website),
            "",
        )
        .void()
        .at(FieldPlace::Extension)
        .owned_by(Owner::Refused(
            "gitmage does not exclude groups from websites",
        )),
        goes_with(
            "customers",
            "Magento moves its customers to the default group",
        ),
        goes_with("cart_rules", "Magento takes it out of these cart rules"),
        goes_with(
            "tier_prices",
            "Magento deletes the tier prices that products have for it; delete those in a release of its own first",
        ),
        goes_with(
            "built_in",
            "Magento deletes neither the group of guests nor a default one",
        ),
    ],
    attributes: None,
    referent: Some(Referent::CustomerGroup),
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("code", Among::Kind)],
    acl: Acl::all("Magento_Customer::group"),
};

/// Returns a field for what would be lost with a group; read before one is deleted.
const fn goes_with(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Json, "")
        .void()
        .volatile()
        .owned_by(Owner::Refused(why))
}

fn check_key(key: &str) -> Option<ValueProblem> {
    let chars = key.chars().count();
    // PHP's substr counts bytes
    (key.len() > 32).then(|| {
        ValueProblem::new(
            "key-too-long",
            format!(
                "the group's code has {chars} characters ({} bytes); Magento keeps the first 32 bytes and drops the rest without a word",
                key.len()
            ),
            "shorten it to 32 bytes",
        )
    })
}
