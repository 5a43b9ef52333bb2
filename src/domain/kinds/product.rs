//! Products. Behaviour observed on Magento 2.4.7-p3 (`GET|PUT|POST|DELETE /V1/products`).
//!
//! A product has one entity with values per view. What is not in the table is an attribute of the
//! store's own, which its metadata describes.

use super::field::{FieldPlace, FieldScope, FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::spec::{
    Access, Acl, Among, Aside, Bulk, EntityType, KindSpec, Probe, Route, Scoping, Unique,
    UpdateStyle, VIEW_VALUES, no_parents,
};
use crate::domain::Value;
use crate::domain::key::KeyShape;

/// The largest number that columns of twenty digits, six of them decimals, keep.
const LARGEST: i64 = 99_999_999_999_999;

const NO_REDIRECT: &str =
    "Magento makes no redirect over REST: the product's old address will not be found any more";
const LAYOUT_XML: &str = "Magento lets nobody change layout XML of products any more";
const IN_PARTS: &str = "REST cannot make all of it again in one go";

const fn amount(name: &'static str, doc: &'static str) -> FieldSpec {
    let ty = FieldType::Decimal {
        min: 0,
        max: LARGEST,
    };
    FieldSpec::new(name, ty, doc)
}

const fn choice(name: &'static str, max: i64, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Integer { min: 1, max }, doc)
}

const fn day(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Date, doc)
        .nullable()
        .per(FieldScope::Website)
        .at(FieldPlace::Attribute)
}

const fn time(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::of_store(name, FieldType::Timestamp, why).volatile()
}

/// Returns a field for what goes with a deleted product, and comes back with it.
const fn whole(name: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Json, "").owned_by(Owner::Whole)
}

/// Returns a field for what cannot be made again.
const fn part(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Json, "").owned_by(Owner::Refused(why))
}

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
        carry: &["sku"],
        rows: 1,
        bulk: Some(Bulk {
            update: "products/bySku",
            named_by: "sku",
            delete: "products/bySku",
            deleted_by: "sku",
        }),
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("products")],
    },
    key_field: "sku",
    key: KeyShape::Plain,
    check_key,
    scoping: Scoping::Values,
    fields: &[
        FieldSpec::new(
            "sku",
            FieldType::Text { max_chars: 64 },
            "The SKU; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "name",
            FieldType::Text { max_chars: 255 },
            "Name of the product. At most 255 characters.",
        )
        .required()
        .per(FieldScope::View),
        FieldSpec::new(
            "attribute_set_id",
            FieldType::Reference(Referent::AttributeSet),
            "The attribute set, by its name. Only at creation.",
        )
        .required()
        .owned_by(Owner::Fixed(
            "the values of attributes that the other set lacks would be lost",
        )),
        amount(
            "price",
            "The price, four decimals at most. Under `store: all` alone.",
        )
        .required(),
        choice("status", 2, "1 enabled, 2 disabled. One value per website.")
            .per(FieldScope::Website),
        choice(
            "visibility",
            4,
            "1 not visible individually, 2 catalog, 3 search, 4 catalog and search.",
        )
        .per(FieldScope::View),
        FieldSpec::new(
            "type_id",
            FieldType::Choice(&["simple", "virtual"]),
            "The type of the product, `simple` by default. Only at creation.",
        )
        .owned_by(Owner::Fixed("Magento keeps the type of a product")),
        time("created_at", "Magento sets the creation time"),
        time("updated_at", "Magento sets the update time"),
        amount("weight", "The weight, four decimals at most.").nullable(),
        FieldSpec::new(
            "website_ids",
            FieldType::References(Referent::Website),
            "The websites that sell the product, by their codes.",
        )
        .at(FieldPlace::Extension),
        FieldSpec::new(
            "url_key",
            FieldType::Text { max_chars: 255 },
            "The last part of the product's address: lower-case letters, digits and `-`.",
        )
        .per(FieldScope::View)
        .at(FieldPlace::Attribute)
        .checked_by(check_url_key)
        .noted(NO_REDIRECT),
        amount(
            "special_price",
            "The special price, or null for none. Magento sets `special_from_date` to today where that is empty.",
        )
        .nullable()
        .at(FieldPlace::Attribute),
        day(
            "special_from_date",
            "First day of the special price, YYYY-MM-DD. One value per website.",
        )
        .coupled_to("special_price"),
        day(
            "special_to_date",
            "Last day of the special price, YYYY-MM-DD. One value per website.",
        ),
        FieldSpec::new(
            "custom_layout_update",
            FieldType::LongText {
                max_bytes: 65_535,
                html: false,
            },
            "",
        )
        .at(FieldPlace::Attribute)
        .owned_by(Owner::Refused(LAYOUT_XML)),
        whole("category_links").at(FieldPlace::Extension),
        whole("stock_item").at(FieldPlace::Extension),
        whole("source_items"),
        whole("tier_prices"),
        whole(VIEW_VALUES),
        part("media_gallery_entries", "gitmage keeps no images"),
        part("options", "gitmage keeps no custom options"),
        part("product_links", "gitmage keeps no related products"),
        part("bundle_product_options", IN_PARTS).at(FieldPlace::Extension),
        part("configurable_product_options", IN_PARTS).at(FieldPlace::Extension),
        part("downloadable_product_links", IN_PARTS).at(FieldPlace::Extension),
        part("downloadable_product_samples", IN_PARTS).at(FieldPlace::Extension),
        part("giftcard_amounts", IN_PARTS).at(FieldPlace::Extension),
    ],
    attributes: Some(EntityType::Product),
    referent: None,
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[
        Unique::new("sku", Among::Kind),
        Unique::new("url_key", Among::Addresses)
            .made_of("name")
            .aside(Aside::Suffix),
    ],
    acl: Acl::all("Magento_Catalog::products"),
};

pub(super) fn check_key(key: &str) -> Option<ValueProblem> {
    let chars = key.chars().count();
    if chars > 64 {
        return Some(ValueProblem::new(
            "key-too-long",
            format!("the SKU has {chars} characters; Magento takes 64 at most"),
            "shorten it to 64 characters",
        ));
    }
    // Four-byte characters are destroyed in every column of a shop as Magento makes it.
    let odd = |c: char| c.is_control() || c.len_utf8() == 4;
    if let Some(found) = key.chars().find(|c| odd(*c)) {
        return Some(ValueProblem::new(
            "key-bad-character",
            format!("the SKU holds {found:?}, which Magento does not keep"),
            "leave the character out",
        ));
    }
    if key.trim() != key {
        return Some(ValueProblem::new(
            "key-bad-character",
            "the SKU begins or ends with white space, which Magento does not tell from the SKU without",
            "write it without",
        ));
    }
    // Both would be taken out of the request's address.
    matches!(key, "." | "..").then(|| {
        ValueProblem::new(
            "key-bad-character",
            format!("the SKU is `{key}`, which no address can hold"),
            "use another SKU",
        )
    })
}

/// `Magento\Catalog\Model\Product\Url::formatUrlKey` makes everything else into a hyphen.
fn check_url_key(value: &Value) -> Option<ValueProblem> {
    let key = value.as_str()?;
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    (!key.split('-').all(word)).then(|| {
        ValueProblem::new(
            "value-bad-url-key",
            format!(
                "`url_key` is {key:?}, which Magento would change to another one without a word"
            ),
            "use lower-case letters, digits and single hyphens between them",
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Kind;
    use crate::domain::kinds::Charset;

    fn problem(field: &str, value: &Value) -> Option<&'static str> {
        let spec = Kind::PRODUCT.field(field).unwrap();
        let value = spec.canonical(value.clone());
        spec.check_as(field, &value, Charset::default())
            .map(|problem| problem.id)
    }

    #[test]
    fn what_magento_would_mangle_is_refused() {
        for (field, value, expected) in [
            ("price", json!(null), Some("value-null")),
            ("price", json!(""), Some("value-wrong-type")),
            ("price", json!(-1), Some("value-out-of-range")),
            ("price", json!(19.999_99), Some("value-too-precise")),
            ("price", json!(0), None),
            ("special_price", json!(null), None),
            ("special_price", json!("abc"), Some("value-wrong-type")),
            ("special_from_date", json!("2026-11-27"), None),
            (
                "special_from_date",
                json!("27.11.2026"),
                Some("value-bad-date"),
            ),
            ("status", json!(3), Some("value-out-of-range")),
            ("type_id", json!("bundle"), Some("value-unknown")),
            ("url_key", json!("joust-duffle-bag-2"), None),
            ("url_key", json!("Joust"), Some("value-bad-url-key")),
            ("url_key", json!("a--b"), Some("value-bad-url-key")),
            ("url_key", json!(""), Some("value-bad-url-key")),
            ("url_key", json!(null), Some("value-null")),
            ("name", json!(""), Some("value-empty")),
            ("name", json!("😀"), Some("value-four-byte")),
        ] {
            assert_eq!(problem(field, &value), expected, "{field}: {value}");
        }
    }

    #[test]
    fn skus_may_hold_what_addresses_must_escape() {
        for good in ["24-MB01", "a/b c,d+e", "ä%?#&=", "…"] {
            assert_eq!(check_key(good), None, "{good}");
        }
        for bad in [" a", "a ", "a\tb", ".", "..", "😀", &"x".repeat(65)] {
            assert!(check_key(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_an_attribute() {
        let kind = Kind::PRODUCT;
        assert_eq!(kind.field("color").unwrap().ty, FieldType::Attribute);
        assert!(kind.field("9color").is_none());
    }
}
