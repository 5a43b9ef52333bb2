//! Tax rates. Observed on Magento 2.4.7-p3 (`GET|POST|PUT /V1/taxRates`, `DELETE /V1/taxRates/:id`), the
//! rest from `Magento\Tax\Model\Calculation\Rate`.

use super::field::{FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::spec::{
    Access, Acl, Among, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, key_of_255,
    no_parents,
};
use crate::domain::Value;
use crate::domain::key::KeyShape;

const RANGE: &str =
    "Magento writes the postcode of a range itself, so a range could not be taken back";
const ZIP: FieldType = FieldType::Integer {
    min: 0,
    max: 999_999_999,
};

pub(super) static TABLE: KindSpec = KindSpec {
    name: "tax_rate",
    label: "tax rate",
    level: 12,
    route: Route {
        access: Access::Search,
        collection: "taxRates",
        search: "taxRates/search",
        wrapper: "tax_rate",
        id_column: "tax_calculation_rate_id",
        key_column: "code",
        id_field: "id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Whole,
        probes: &[Probe::EmptyPost("taxRates")],
    },
    key_field: "code",
    key: KeyShape::Plain,
    check_key: key_of_255,
    scoping: Scoping::Global,
    fields: &[
        FieldSpec::new(
            "code",
            FieldType::Text { max_chars: 255 },
            "The rate's code; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "tax_country_id",
            FieldType::Text { max_chars: 2 },
            "The country, two letters: DE.",
        )
        .required(),
        FieldSpec::new(
            "tax_region_id",
            FieldType::COUNT,
            "The region's id; 0 for all. One of another country becomes 0 in Magento, and the release fails.",
        ),
        FieldSpec::of_store(
            "region_name",
            FieldType::Text { max_chars: 255 },
            "Magento names the region by `tax_region_id`",
        ),
        FieldSpec::new(
            "tax_postcode",
            FieldType::Text { max_chars: 21 },
            "The postcode, `*` for all, `123*` for a beginning. At most 10 characters.",
        )
        .nullable()
        .checked_by(check_postcode),
        FieldSpec::new(
            "zip_is_range",
            FieldType::Integer { min: 0, max: 1 },
            "1 where `zip_from` and `zip_to` say which postcodes it is for.",
        )
        .void()
        .owned_by(Owner::Fixed(RANGE)),
        FieldSpec::new("zip_from", ZIP, "The first postcode of the range.")
            .nullable()
            .owned_by(Owner::Fixed(RANGE)),
        FieldSpec::new("zip_to", ZIP, "The last postcode of the range.")
            .nullable()
            .owned_by(Owner::Fixed(RANGE)),
        FieldSpec::new(
            "rate",
            FieldType::Decimal {
                min: 0,
                max: 99_999_999,
            },
            "The percentage.",
        )
        .required(),
        FieldSpec::new(
            "titles",
            FieldType::Labels,
            "The rate's title under store views, by their codes: `{ de: MwSt. }`. The whole list.",
        )
        .void()
        .labelled("value"),
    ],
    attributes: None,
    referent: Some(Referent::TaxRate),
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("code", Among::Kind)],
    acl: Acl::all("Magento_Tax::manage_tax"),
};

/// Magento cuts postcodes at ten characters without a word, but for those of ranges, which it makes.
fn check_postcode(value: &Value) -> Option<ValueProblem> {
    let text = value.as_str()?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_range = text
        .split_once('-')
        .is_some_and(|(from, to)| digits(from) && digits(to));
    (text.chars().count() > 10 && !is_range).then(|| {
        ValueProblem::new(
            "value-too-long",
            format!(
                "`tax_postcode` has {} characters; Magento keeps the first 10 and drops the rest without a word",
                text.chars().count()
            ),
            "shorten it to 10 characters",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_postcode_that_would_be_cut_is_refused() {
        for (postcode, good) in [
            ("*", true),
            ("1234567890", true),
            ("10000-19999", true),
            ("12345678901", false),
            ("12345-ABCDE", false),
        ] {
            assert_eq!(
                check_postcode(&json!(postcode)).is_none(),
                good,
                "{postcode}"
            );
        }
    }
}
