//! The rows of a request that the store did not carry out.
//!
//! Each failure is a message with parameters, but no number of a row. The message is filled in
//! sometimes, and sometimes not; the parameters come as a list, without the names that the message calls
//! them by. Their order is Magento's own (`SpecialPriceStorage`, `TierPriceValidator`): perhaps one that
//! is wrong, then what names the row.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Row;
use crate::domain::kinds::FieldType;
use crate::ports::StoreError;
use crate::store::words::{fill, plain, quote};

/// The parameters that name a row of one route, in the messages and in the body.
pub(super) struct Shape {
    /// The parameters at the end of the list: the name in messages, and the field in the body.
    pub(super) row: &'static [(&'static str, &'static str)],
    /// The number of them that name the row.
    pub(super) names: usize,
    /// True if a failure may name another row that is in the way of the one meant, in this parameter
    /// differently.
    pub(super) mistaken: Option<&'static str>,
}

/// The failed rows by their number, each with what the store says of it. A row that cannot be told from
/// others is in doubt, and so are they.
pub(super) fn of_rows(
    shape: &Shape,
    path: &str,
    rows: &[Row],
    failures: &[Value],
) -> Vec<(usize, StoreError)> {
    let mut found = Vec::new();
    for failure in failures {
        let failure = Failure::read(shape, failure);
        let (rows, certain) = failure.rows(shape, rows);
        for row in rows {
            let error = match certain {
                true => StoreError::Refused {
                    status: 200,
                    message: format!("the store refuses the row (POST {path}): {}", failure.text),
                },
                false => StoreError::InDoubt {
                    message: format!(
                        "the store refuses one of several rows (POST {path}): {}",
                        failure.text
                    ),
                },
            };
            found.push((row.index, error));
        }
    }
    // one that failed for certain is in no doubt, whatever else is said of it
    found.sort_by_key(|(_, error)| matches!(error, StoreError::InDoubt { .. }));
    found
}

struct Failure {
    /// The store's words, filled in.
    text: String,
    /// Parameters by the names that messages have for them.
    named: Map<String, Value>,
}

impl Failure {
    fn read(shape: &Shape, failure: &Value) -> Self {
        let template = failure.get("message").and_then(Value::as_str);
        let template = template.unwrap_or("it does not say why");
        let parameters = failure.get("parameters").unwrap_or(&Value::Null);
        let named = match parameters {
            Value::Object(named) => named.clone(),
            Value::Array(list) => named(shape, template, list),
            _ => Map::new(),
        };
        let text = match named.is_empty() {
            true => fill(template, parameters),
            false => fill(template, &Value::Object(named.clone())),
        };
        Self {
            text: quote(&text),
            named,
        }
    }

    /// The rows that it is about, and whether it is each of them for certain.
    fn rows<'r>(&self, shape: &Shape, rows: &'r [Row]) -> (Vec<&'r Row>, bool) {
        if let Some(sku) = self.of_sku() {
            let named = |row: &&Row| same("sku", row.body.get("sku"), sku);
            let found: Vec<&Row> = rows.iter().filter(named).collect();
            if !found.is_empty() {
                return (found, true);
            }
        }
        let names = shape.row.iter().take(shape.names);
        let fits = |row: &Row, without: Option<&str>| {
            names.clone().all(|(name, field)| {
                let said = self.named.get(*name);
                Some(*name) == without
                    || said.is_some_and(|said| same(field, row.body.get(*field), said))
            })
        };
        let exact: Vec<&Row> = rows.iter().filter(|row| fits(row, None)).collect();
        if !exact.is_empty() {
            let certain = exact.len() == 1;
            return (exact, certain);
        }
        if let Some(mistaken) = shape.mistaken {
            let near = rows.iter().filter(|row| fits(row, Some(mistaken)));
            let near: Vec<&Row> = near.collect();
            if !near.is_empty() {
                let certain = near.len() == 1;
                return (near, certain);
            }
        }
        self.guess(rows)
    }

    /// The SKU that is itself what is wrong, in the words of base prices: then so is each of its rows.
    fn of_sku(&self) -> Option<&Value> {
        let field = self.named.get("fieldName")?.as_str()?;
        (field == "SKU").then(|| self.named.get("fieldValue"))?
    }

    /// The rows of a SKU that is named anywhere, or all of them.
    fn guess<'r>(&self, rows: &'r [Row]) -> (Vec<&'r Row>, bool) {
        let said: BTreeSet<String> = self.named.values().map(plain).collect();
        let named = |row: &&Row| {
            let sku = row.body.get("sku").and_then(Value::as_str);
            sku.is_some_and(|sku| said.contains(sku))
        };
        let mut found: Vec<&Row> = rows.iter().filter(named).collect();
        if found.is_empty() {
            found = rows.iter().collect();
        }
        let certain = found.len() == 1;
        (found, certain)
    }
}

/// Parameters by name: the last ones name the row; one more before them is what is wrong with it, and
/// called what the message has beside the row's. Those of base prices are a field and its value.
fn named(shape: &Shape, template: &str, list: &[Value]) -> Map<String, Value> {
    let tail: Vec<&str> = shape.row.iter().map(|(name, _)| *name).collect();
    let mut names: Vec<String> = Vec::new();
    if template.contains("%fieldName") {
        names.extend(["fieldName".to_owned(), "fieldValue".to_owned()]);
    } else {
        if list.len() == tail.len() + 1 {
            let first = placeholders(template)
                .into_iter()
                .find(|name| !tail.contains(&name.as_str()));
            names.push(first.unwrap_or_default());
        }
        names.extend(tail.iter().map(|name| (*name).to_owned()));
    }
    if names.len() != list.len() {
        // words of another version
        return Map::new();
    }
    let pairs = names.into_iter().zip(list.iter().cloned());
    pairs.filter(|(name, _)| !name.is_empty()).collect()
}

fn placeholders(template: &str) -> Vec<String> {
    let after = template.split('%').skip(1);
    after
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

/// True if what was sent is what a parameter says: `5` is `5.0`, names of groups and SKUs are compared
/// without regard to case, and nothing is an empty text.
fn same(field: &str, sent: Option<&Value>, said: &Value) -> bool {
    const NUMBER: FieldType = FieldType::Decimal {
        min: i64::MIN,
        max: i64::MAX,
    };
    let text = |value: &Value| plain(&NUMBER.canonical(value.clone())).to_lowercase();
    let sent = sent.unwrap_or(&Value::Null);
    match field {
        "sku" | "customer_group" => plain(sent).to_lowercase() == plain(said).to_lowercase(),
        _ => text(sent) == text(said),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::super::{base, special, tier};
    use super::*;

    fn row(index: usize, body: Value) -> Row {
        Row { index, body }
    }

    fn said(shape: &Shape, rows: &[Row], failures: &Value) -> Vec<(usize, bool, String)> {
        let failures = failures.as_array().unwrap();
        of_rows(shape, "x", rows, failures)
            .into_iter()
            .map(|(index, error)| {
                let certain = matches!(error, StoreError::Refused { .. });
                let text = error.to_string();
                let (_, text) = text.split_once("x): ").unwrap();
                (index, certain, text.replace(" (HTTP 200)", ""))
            })
            .collect()
    }

    #[test]
    fn a_failure_as_recorded_is_that_of_its_row() {
        let tiers: Vec<Row> = [("p", 0, "General", 5), ("p", 0, "Nobody", 5), ("q", 0, "Nobody", 5)]
            .into_iter()
            .enumerate()
            .map(|(index, (sku, website, group, quantity))| {
                row(index, json!({"sku": sku, "website_id": website, "customer_group": group, "quantity": quantity}))
            })
            .collect();
        let failures = json!([{
            "message": "No such entity with Customer Group = %customerGroup. Row ID: SKU = %SKU, Website ID: %websiteId, Customer Group: %customerGroup, Quantity: %qty.",
            "parameters": ["p", "0", "Nobody", "5"],
        }]);
        let text = "No such entity with Customer Group = Nobody. Row ID: SKU = p, Website ID: 0, Customer Group: Nobody, Quantity: 5.";
        assert_eq!(
            said(&tier::SHAPE, &tiers, &failures),
            [(1, true, text.to_owned())]
        );

        let prices = [
            row(0, json!({"sku": "p", "store_id": 0, "price": 25.5})),
            row(1, json!({"sku": "none", "store_id": 0, "price": 1})),
            row(2, json!({"sku": "none", "store_id": 2, "price": 1})),
        ];
        let failures = json!([{"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["SKU", "none"]}]);
        let text = "Invalid attribute SKU = none.".to_owned();
        assert_eq!(
            said(&base::SHAPE, &prices, &failures),
            [(1, true, text.clone()), (2, true, text)]
        );

        let specials = [
            row(
                4,
                json!({"sku": "p", "store_id": 0, "price": 18, "price_from": "nonsense", "price_to": "2030-01-31 23:59:59"}),
            ),
            row(
                5,
                json!({"sku": "p", "store_id": 2, "price": 18, "price_from": "nonsense", "price_to": "2030-01-31 23:59:59"}),
            ),
        ];
        let words = "Invalid attribute Price From = 2030-01-31 23:59:59. Row ID: SKU = p, Store ID: 0, Price From: nonsense, Price To: 2030-01-31 23:59:59.";
        let failures = json!([{"message": words, "parameters": ["Price From", "p", "0", "nonsense", "2030-01-31 23:59:59"]}]);
        assert_eq!(
            said(&special::SHAPE, &specials, &failures),
            [(4, true, words.to_owned())]
        );
    }

    #[test]
    fn a_price_that_is_wrong_is_named_before_its_row() {
        let rows = [
            row(
                0,
                json!({"sku": "p", "website_id": 0, "customer_group": "ALL GROUPS", "quantity": 2.5}),
            ),
            row(
                1,
                json!({"sku": "p", "website_id": 0, "customer_group": "ALL GROUPS", "quantity": 5}),
            ),
        ];
        let failures = json!([{
            "message": "Invalid attribute Price = %price. Row ID: SKU = %SKU, Website ID: %websiteId, Customer Group: %customerGroup, Quantity: %qty.",
            "parameters": ["101", "p", "0", "all groups", "2.5000"],
        }]);
        let text = "Invalid attribute Price = 101. Row ID: SKU = p, Website ID: 0, Customer Group: all groups, Quantity: 2.5000.";
        assert_eq!(
            said(&tier::SHAPE, &rows, &failures),
            [(0, true, text.to_owned())]
        );
    }

    #[test]
    fn a_duplicate_names_the_row_that_is_in_the_way() {
        let rows = [
            row(
                0,
                json!({"sku": "p", "website_id": 1, "customer_group": "General", "quantity": 5}),
            ),
            row(
                1,
                json!({"sku": "p", "website_id": 1, "customer_group": "General", "quantity": 6}),
            ),
        ];
        let failures =
            json!([{"message": "We found a duplicate", "parameters": ["p", "0", "General", "5"]}]);
        assert_eq!(
            said(&tier::SHAPE, &rows, &failures),
            [(0, true, "We found a duplicate".to_owned())]
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_in_doubt() {
        let rows = [
            row(0, json!({"sku": "p", "store_id": 0})),
            row(1, json!({"sku": "p", "store_id": 2})),
            row(2, json!({"sku": "q", "store_id": 0})),
        ];
        let of = |failures: Value| -> Vec<(usize, bool)> {
            let said = said(&base::SHAPE, &rows, &failures);
            said.into_iter()
                .map(|(index, certain, _)| (index, certain))
                .collect()
        };
        let price = json!([{"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["Price", "-1"]}]);
        assert_eq!(of(price), [(0, false), (1, false), (2, false)]);
        let odd = json!([{"message": "%a is odd", "parameters": {"a": "p"}}]);
        assert_eq!(of(odd), [(0, false), (1, false)]);
        let odd = json!([{"message": "%a is odd", "parameters": {"a": "q"}}]);
        assert_eq!(of(odd), [(2, true)]);
        // what failed for certain comes first, so that a doubt about others does not hide it
        let both = json!([
            {"message": "?", "parameters": []},
            {"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["SKU", "q"]},
        ]);
        assert_eq!(of(both), [(2, true), (0, false), (1, false), (2, false)]);
    }
}
