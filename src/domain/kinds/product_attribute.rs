//! Attributes of products, by their code. Behaviour observed on Magento 2.4.7-p3 and read in its source
//! (`GET|PUT|POST|DELETE /V1/products/attributes`, `/V1/products/attribute-sets/attributes`).

use super::field::{FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::spec::{
    Access, Acl, Among, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, no_parents,
};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "product_attribute",
    label: "product attribute",
    level: 22,
    route: Route {
        access: Access::Attribute,
        collection: "products/attributes",
        search: "products/attributes",
        wrapper: "attribute",
        id_column: "attribute_id",
        key_column: "attribute_code",
        id_field: "attribute_id",
        // Magento finds it by id and code, and switches the advanced search off where no word of the
        // search is said
        carry: &[
            "frontend_input",
            "default_frontend_label",
            "frontend_labels",
            "is_required",
            "is_searchable",
            "is_visible_in_advanced_search",
        ],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("products/attributes")],
    },
    key_field: "attribute_code",
    key: KeyShape::Plain,
    check_key,
    scoping: Scoping::Global,
    fields: FIELDS,
    attributes: None,
    referent: None,
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("attribute_code", Among::Kind)],
    acl: Acl::all("Magento_Catalog::attributes_attributes"),
};

const fn flag(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Bool, doc)
}

const fn of_store(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::of_store(name, FieldType::Json, why)
}

static FIELDS: &[FieldSpec] = &[
    FieldSpec::new(
        "attribute_code",
        FieldType::Text { max_chars: 60 },
        "The code; the `key` of the change names it.",
    )
    .owned_by(Owner::Key)
    .required(),
    FieldSpec::new(
        "frontend_input",
        FieldType::Choice(&[
            "text",
            "textarea",
            "texteditor",
            "pagebuilder",
            "date",
            "datetime",
            "boolean",
            "select",
            "multiselect",
            "swatch_visual",
            "swatch_text",
            "price",
            "weight",
            "media_image",
            "gallery",
        ]),
        "What is entered in the admin; it decides what values are. Fixed at creation.",
    )
    .owned_by(Owner::Fixed("Magento fixes it when the attribute is made"))
    .required(),
    FieldSpec::new(
        "default_frontend_label",
        FieldType::Text { max_chars: 255 },
        "The label in the admin, and in views without one of their own.",
    )
    .required(),
    FieldSpec::new(
        "frontend_labels",
        FieldType::Labels,
        "Labels of views, by their codes; all of them. `{}` for none.",
    ),
    FieldSpec::new(
        "attribute_sets",
        FieldType::References(Referent::AttributeSet),
        "The attribute sets it is in, by their names; all of them. Products of other sets have no value. It goes into the group \"Product Details\" of a set, or its first. It is taken out of a set only where none of the set's products has a value.",
    ),
    FieldSpec::new(
        "scope",
        FieldType::Choice(&["global", "website", "store"]),
        "Where values may differ.",
    ),
    flag(
        "is_required",
        "Whether no product can be saved without a value.",
    ),
    flag("is_unique", "Whether no two products may have one value."),
    FieldSpec::new(
        "default_value",
        FieldType::LongText {
            max_bytes: 65_535,
            html: false,
        },
        "The value of new products; of options, `is_default` says it.",
    )
    .nullable(),
    FieldSpec::new(
        "note",
        FieldType::Text { max_chars: 255 },
        "A note, shown in the admin.",
    )
    .nullable(),
    FieldSpec::new(
        "position",
        FieldType::COUNT,
        "The place among the filters of the layered navigation.",
    ),
    FieldSpec::new(
        "apply_to",
        FieldType::Texts,
        "The types of products that have it: `simple`, `configurable`, …; `[]` for all.",
    ),
    flag("is_searchable", "Whether the search looks at it."),
    flag(
        "is_visible_in_advanced_search",
        "Whether the advanced search has it; only where `is_searchable`.",
    ),
    flag(
        "is_comparable",
        "Whether the comparison of products shows it.",
    ),
    flag(
        "is_used_for_promo_rules",
        "Whether promotions may depend on it.",
    ),
    flag("is_visible_on_front", "Whether product pages show it."),
    flag(
        "used_in_product_listing",
        "Whether lists of products know it.",
    ),
    flag("used_for_sort_by", "Whether lists can be sorted by it."),
    flag(
        "is_filterable",
        "Whether the layered navigation filters by it.",
    ),
    flag(
        "is_filterable_in_search",
        "Whether search results are filtered by it.",
    ),
    flag("is_used_in_grid", "Whether the admin's grid can show it."),
    flag("is_visible_in_grid", "Whether the admin's grid shows it."),
    flag(
        "is_filterable_in_grid",
        "Whether the admin's grid filters by it.",
    ),
    flag(
        "is_wysiwyg_enabled",
        "Whether the admin has an editor for it.",
    ),
    flag("is_html_allowed_on_front", "Whether pages show its HTML."),
    of_store("is_visible", "Magento decides whether the admin shows it"),
    of_store(
        "is_user_defined",
        "it tells Magento's own attributes from others",
    ),
    of_store("backend_type", "it follows from `frontend_input`"),
    of_store("backend_model", "it follows from `frontend_input`"),
    of_store("source_model", "it follows from `frontend_input`"),
    of_store("entity_type_id", "it is that of products"),
    of_store("validation_rules", "Magento has no route for them"),
    FieldSpec::new("options", FieldType::Json, "").owned_by(Owner::Whole),
    FieldSpec::new("kept_by", FieldType::Hindrance, "").owned_by(Owner::Whole),
];

/// `^[a-z][a-z_0-9]{0,59}$` (`Magento\Catalog\Model\Product\Attribute\Repository::validateCode`).
fn check_key(key: &str) -> Option<ValueProblem> {
    let chars = key
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let good = key.len() <= 60 && key.starts_with(|c: char| c.is_ascii_lowercase()) && chars;
    (!good).then(|| {
        ValueProblem::new(
            "key-bad-code",
            format!("{key:?} is no code of an attribute"),
            "write a lower-case letter, then lower-case letters, digits and `_`, 60 at most",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_magento_takes() {
        for good in ["color", "a", "fit_2"] {
            assert_eq!(check_key(good), None, "{good}");
        }
        for bad in ["Color", "2fit", "a-b", "a b", "ü", "_x"] {
            assert!(check_key(bad).is_some(), "{bad}");
        }
        assert!(check_key(&"a".repeat(61)).is_some());
    }
}
