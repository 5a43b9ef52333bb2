//! Options of a product attribute, by the attribute's code and their label in the admin. Behaviour
//! observed on Magento 2.4.7-p3 and read in its source (`/V1/products/attributes/:code/options`).

use super::Kind;
use super::field::{FieldSpec, FieldType, Owner, ValueProblem};
use super::spec::{
    Access, Acl, Among, KindSpec, Probe, Route, SWATCH, Scoping, Unique, UpdateStyle,
};
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, EntityRef};

pub(super) static TABLE: KindSpec = KindSpec {
    name: "attribute_option",
    label: "attribute option",
    level: 24,
    route: Route {
        access: Access::Option,
        // of no attribute: what is asked there is only whether one may
        collection: "products/attributes/0/options",
        search: "products/attributes",
        wrapper: "option",
        id_column: "attribute_id",
        key_column: "attribute_code",
        id_field: "value",
        carry: &["store_labels", "is_default"],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("products/attributes/x/options")],
    },
    key_field: "label",
    key: KeyShape::Parts(&["attribute", "option"]),
    check_key,
    scoping: Scoping::Global,
    fields: &[
        FieldSpec::new(
            "label",
            FieldType::Text { max_chars: 255 },
            "The label in the admin; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "sort_order",
            FieldType::Json,
            "",
        )
        .owned_by(Owner::Refused(
            "Magento's REST API never shows it, so it could not be put back; a new option comes last, and the order of the others stays",
        )),
        FieldSpec::new(
            "is_default",
            FieldType::Bool,
            "Whether new products have it. Of a select one option at most.",
        ),
        FieldSpec::new(
            "store_labels",
            FieldType::Labels,
            "Labels of views, by their codes; all of them. `{}` for none. A label like that of the admin counts as none.",
        ),
        FieldSpec::new("place", FieldType::Json, "").owned_by(Owner::Whole),
        FieldSpec::new("kept_by", FieldType::Hindrance, "").owned_by(Owner::Whole),
        FieldSpec::new(SWATCH, FieldType::Text { max_chars: 255 }, "")
            .owned_by(Owner::Store("REST neither shows nor sets swatches")),
    ],
    attributes: None,
    referent: None,
    parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("label", Among::Siblings)],
    acl: Acl::all("Magento_Catalog::attributes_attributes"),
};

/// The attribute.
fn parents(entity: &EntityRef) -> Vec<EntityRef> {
    let code = key::parts(entity.key.as_str()).into_iter().next();
    let key = code.and_then(|code| EntityKey::new(code).ok());
    let attribute = |key| EntityRef {
        kind: Kind::PRODUCT_ATTRIBUTE,
        key,
        ..entity.clone()
    };
    key.map(attribute).into_iter().collect()
}

fn check_key(key: &str) -> Option<ValueProblem> {
    let label = key::parts(key).into_iter().nth(1)?;
    (label.trim() != label).then(|| {
        ValueProblem::new(
            "key-bad-label",
            format!("{label:?} begins or ends with a space, which Magento takes away"),
            "take the space away",
        )
    })
}
