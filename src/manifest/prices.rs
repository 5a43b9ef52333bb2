//! Checks of prices, which need the changes of all files.

use rpds::RedBlackTreeMapSync;

use crate::domain::kinds::{Access, fields_of_product};
use crate::domain::{
    DesiredEntity, DesiredState, Ensure, EntityRef, FieldName, Finding, Origin, Severity, Value,
};

/// The rows of prices that a state has, so that they are found among much else.
pub(super) type Prices = RedBlackTreeMapSync<EntityRef, ()>;

pub(super) fn is_price(entity: &EntityRef) -> bool {
    entity.kind.route.access == Access::Price
}

/// A price is a field of the product, too: with both in the files, each would undo the other.
/// `prices`: the rows of prices.
pub(super) fn are_set_in_one_place(state: &DesiredState, prices: &Prices) -> Vec<Finding> {
    prices
        .keys()
        .filter_map(|row| {
            let desired = state.entities.get(row)?;
            let product = EntityRef {
                store: row.store.clone(),
                ..row.product()?
            };
            let other = state.entities.get(&product)?;
            let field = fields_of_product(row.kind)
                .iter()
                .find(|field| set(other, field).is_some())?;
            // said of the later one, which names the earlier
            let (origin, subject, elsewhere, place) = if desired.origin > other.origin {
                let what = format!("`{field}` of {product}");
                (&desired.origin, row.to_string(), what, &other.origin)
            } else {
                let what = format!("`{field}` of {product}");
                (&other.origin, what, row.to_string(), &desired.origin)
            };
            Some(critical(
                "price-set-twice",
                origin,
                format!("{subject} is the same value in the store as {elsewhere} ({place})"),
                "set it in one of the two places",
            ))
        })
        .collect()
}

/// Magento refuses more than a hundred percent, and keeps two decimals of them (`DECIMAL(5,2)`).
pub(super) fn discounts_are_percentages(state: &DesiredState, prices: &Prices) -> Vec<Finding> {
    let mut findings = Vec::new();
    for row in prices.keys() {
        let Some(desired) = state.entities.get(row) else {
            continue;
        };
        let is_discount = set(desired, "price_type").and_then(Value::as_str) == Some("discount");
        if row.kind.name != "tier_price" || desired.ensure == Ensure::Absent || !is_discount {
            continue;
        }
        let Some(price) = set(desired, "price").and_then(Value::as_f64) else {
            continue;
        };
        let (message, remedy) = if price > 100.0 {
            (
                format!("{row} takes {price} percent off; Magento takes a hundred at most"),
                "write a percentage from 0 to 100, or `price_type: fixed`",
            )
        } else if format!("{price:.2}").parse() != Ok(price) {
            (
                format!(
                    "{row} takes {price} percent off; Magento keeps two decimals of a percentage"
                ),
                "write two decimals at most",
            )
        } else {
            continue;
        };
        findings.push(critical("bad-discount", &desired.origin, message, remedy));
    }
    findings
}

fn set<'d>(entity: &'d DesiredEntity, field: &str) -> Option<&'d Value> {
    entity
        .fields
        .get(&FieldName::new(field).ok()?)
        .map(|value| &**value)
}

fn critical(id: &str, origin: &Origin, message: String, remedy: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Critical,
        origin: origin.clone(),
        message,
        remedy: remedy.to_owned(),
        snippet: String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Kind, StoreCode, StoreScope};

    fn add(state: &mut DesiredState, line: u32, kind: Kind, store: StoreScope, field: &str) {
        let entity = EntityRef {
            kind,
            key: "24-MB01".parse().unwrap(),
            store,
        };
        let desired = DesiredEntity {
            overridden: Vec::new(),
            ensure: Ensure::Present,
            explicit: false,
            fields: [(FieldName::new(field).unwrap(), json!(5).into())].into(),
            origin: Origin {
                path: "a.yaml".to_owned(),
                line,
                column: 1,
            },
        };
        state.entities.insert_mut(entity, desired.into());
    }

    fn found(row: &str, store: StoreScope, field: &str) -> Vec<String> {
        let mut state = DesiredState::default();
        let kind = Kind::from_name(row).unwrap();
        add(&mut state, 2, kind, StoreScope::All, "price");
        add(&mut state, 1, Kind::PRODUCT, store, field);
        let rows = state.entities.keys().filter(|entity| is_price(entity));
        let prices = rows.map(|row| (row.clone(), ())).collect();
        let findings = are_set_in_one_place(&state, &prices);
        findings.into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn a_price_of_the_product_and_one_of_its_own_kind_exclude_each_other() {
        let all = || StoreScope::All;
        assert_eq!(
            found("special_price", all(), "special_to_date"),
            [
                "special_price 24-MB01 (all) is the same value in the store as `special_to_date` of product 24-MB01 (all) (a.yaml:1:1)"
            ]
        );
        assert_eq!(found("base_price", all(), "price").len(), 1);
        assert!(found("base_price", all(), "special_price").is_empty());
        let de = StoreScope::view(StoreCode::new("de").unwrap());
        assert!(found("base_price", de, "price").is_empty());
    }
}
