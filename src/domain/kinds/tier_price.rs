//! Tier prices. Behaviour observed on Magento 2.4.7-p3 (`POST /V1/products/tier-prices`; a `PUT` there
//! replaces all rows of a SKU and is never sent).

use super::Kind;
use super::field::{FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::row::{PRICE, SKU, check_sku, of_product, route};
use super::spec::{Access, Acl, KindSpec, Probe, Scoping};
use super::value::decimal;
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, EntityRef, StoreScope};

/// The types of a price.
const TYPES: &[&str] = &["fixed", "discount"];

pub(super) static TABLE: KindSpec = KindSpec {
    name: "tier_price",
    label: "tier price",
    level: 50,
    // Magento loads every product of a request to look at its quantities: fewer rows than elsewhere.
    route: route(
        Access::Price,
        "products/tier-prices",
        "products/tier-prices-information",
        "prices",
        200,
        &[Probe::EmptyPost("products/tier-prices")],
    ),
    key_field: "quantity",
    key: KeyShape::Parts(&["sku", "website", "customer_group", "quantity"]),
    check_key,
    scoping: Scoping::Global,
    fields: &[
        SKU,
        FieldSpec::new("website_id", FieldType::Reference(Referent::Website), "The website; the `key` of the change names it.")
            .owned_by(Owner::Key),
        FieldSpec::new("customer_group", FieldType::Reference(Referent::CustomerGroup), "The customer group; the `key` of the change names it.")
            .owned_by(Owner::Key),
        FieldSpec::new("quantity", PRICE, "From how many on; the `key` of the change names it.")
            .owned_by(Owner::Key)
            .required(),
        FieldSpec::new(
            "price",
            PRICE,
            "The price, with four decimals at most; of a discount the percentage that is taken off, with two.",
        )
        .required(),
        FieldSpec::new(
            "price_type",
            FieldType::Choice(TYPES),
            "`fixed`: `price` is what one costs; `discount`: the percentage that is taken off.",
        )
        .required(),
    ],
    attributes: None,
    referent: None,
    parents: |row| {
        let mut parents = of_product(row);
        parents.extend(group(row));
        parents
    },
    needed: &[],
    permanent: None,
    unique: &[],
    acl: Acl::all("Magento_Catalog::catalog"),
};

/// The customer group that a row is for; none for all of them.
fn group(row: &EntityRef) -> Option<EntityRef> {
    let parts = key::parts(row.key.as_str());
    let code = parts.get(2).map(String::as_str)?;
    if Some(code) == Referent::CustomerGroup.everything() {
        return None;
    }
    Some(EntityRef {
        kind: Kind::from_name("customer_group")?,
        key: EntityKey::new(code).ok()?,
        store: StoreScope::All,
    })
}

fn check_key(key: &str) -> Option<ValueProblem> {
    let parts = key::parts(key);
    let [sku, _, group, quantity] = parts.as_slice() else {
        return None;
    };
    let all = Referent::CustomerGroup.everything().unwrap_or_default();
    if group != all && group.eq_ignore_ascii_case(all) {
        return Some(ValueProblem::new(
            "key-bad-word",
            format!("the customer group is {group:?}, but all of them are {all:?}"),
            format!("write `customer_group: {all}`"),
        ));
    }
    check_sku(sku).or_else(|| check_quantity(quantity))
}

/// One spelling for each quantity, so that each row has one key; `DECIMAL(12,4)`.
fn check_quantity(text: &str) -> Option<ValueProblem> {
    let problem = |what: &str, remedy: String| {
        let message = format!("the quantity of the key is {text:?}, {what}");
        Some(ValueProblem::new("key-bad-quantity", message, remedy))
    };
    let Some(number) = decimal(text) else {
        return problem("which is no number", "write it as `5` or `2.5`".to_owned());
    };
    let decimals = text.split_once('.').map_or(0, |(_, part)| part.len());
    let value = number.as_f64().unwrap_or_default();
    if value <= 0.0 || value >= 100_000_000.0 {
        return problem(
            "but Magento keeps quantities above 0 and below 100,000,000",
            "correct the quantity".to_owned(),
        );
    }
    if number.to_string() != *text {
        return problem(
            "which is also spelled otherwise",
            format!("write `{number}`"),
        );
    }
    if decimals > 4 {
        return problem(
            "but Magento keeps four decimals",
            "write four decimals at most".to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_one_spelling() {
        for good in [
            "24-MB01|all|ALL GROUPS|5",
            "24-MB01|base|General|2.5",
            "a|b|c|0.0001",
        ] {
            assert_eq!(check_key(good), None, "{good}");
        }
        for (bad, remedy) in [
            ("24-MB01|all|ALL GROUPS|5.0", "write `5`"),
            ("24-MB01|all|ALL GROUPS|05", "write `5`"),
            ("24-MB01|all|ALL GROUPS|5,5", "write it as `5` or `2.5`"),
            ("24-MB01|all|ALL GROUPS|0", "correct the quantity"),
            (
                "24-MB01|all|ALL GROUPS|1.00001",
                "write four decimals at most",
            ),
            (
                "24-MB01|all|all groups|5",
                "write `customer_group: ALL GROUPS`",
            ),
            (" 24-MB01|all|ALL GROUPS|5", "write it without"),
        ] {
            let problem = check_key(bad);
            assert_eq!(problem.map(|p| p.remedy).as_deref(), Some(remedy), "{bad}");
        }
    }
}
