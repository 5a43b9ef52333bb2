//! The one form in which a field's values are kept and compared, and what the store would mangle.

use serde_json::Number;

use super::field::{Charset, FieldPlace, FieldSpec, FieldType, ValueProblem};
use super::tree;
use crate::domain::Value;

impl FieldType {
    /// Brings a value into the one form in which values are kept and compared.
    ///
    /// What the store answers and what a release file says come out alike when they mean the same:
    /// `"7"` and `7` for a number, `"19.990000"` and `19.99`, `"0"` and `false` for a boolean,
    /// `2026-01-01 00:00:00` and `2026-01-01` for a date. Text is never touched. A value that does not
    /// fit the type is kept as it is: what the store answered is not to be lost.
    pub fn canonical(self, value: Value) -> Value {
        match (self, value) {
            (Self::Bool, Value::Number(n)) if n.as_i64() == Some(0) => Value::Bool(false),
            (Self::Bool, Value::Number(n)) if n.as_i64() == Some(1) => Value::Bool(true),
            (Self::Bool, Value::String(s)) if s == "0" => Value::Bool(false),
            (Self::Bool, Value::String(s)) if s == "1" => Value::Bool(true),
            (Self::Integer { .. }, Value::String(s)) => match s.parse::<i64>() {
                Ok(n) => Value::Number(Number::from(n)),
                Err(_) => Value::String(s),
            },
            (Self::Decimal { .. }, Value::String(s)) => match decimal(&s) {
                Some(number) => Value::Number(number),
                None => Value::String(s),
            },
            (Self::Integer { .. } | Self::Decimal { .. }, Value::Number(n)) => {
                Value::Number(shortest(n))
            }
            (Self::Date | Self::DateTime, Value::String(s)) if s.is_empty() => Value::Null,
            (Self::Date, Value::String(s)) => match s.strip_suffix(" 00:00:00") {
                Some(date) => Value::String(date.to_owned()),
                None => Value::String(s),
            },
            (Self::DateTime, Value::String(s)) if s.parse::<jiff::civil::Date>().is_ok() => {
                match s.len() {
                    10 => Value::String(format!("{s} 00:00:00")),
                    _ => Value::String(s),
                }
            }
            (Self::Texts | Self::References(_), Value::Array(list)) => Value::Array(set(list)),
            (Self::Tree, value) => tree::canonical(value),
            (Self::Labels, Value::Object(mut labels)) => {
                // an empty label is none
                labels.retain(|_, text| text.as_str() != Some(""));
                labels.sort_keys();
                Value::Object(labels)
            }
            (_, value) => value,
        }
    }
}

/// A list in which order and repetition mean nothing.
pub(crate) fn set(mut list: Vec<Value>) -> Vec<Value> {
    list.sort_by_cached_key(|value| match value {
        Value::String(text) => (1, text.clone()),
        Value::Number(number) => (0, format!("{:0>20}", number.to_string())),
        other => (2, other.to_string()),
    });
    list.dedup();
    list
}

/// A decimal number as the database prints it, if nothing of it is lost.
pub(crate) fn decimal(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    if fraction.is_empty() {
        return format!("{sign}{whole}")
            .parse::<i64>()
            .ok()
            .map(Number::from);
    }
    let plain = format!("{sign}{whole}.{fraction}");
    let number = Number::from_f64(plain.parse().ok()?)?;
    (number.to_string() == plain).then_some(number)
}

/// A whole number without a fraction, whatever it was written like.
fn shortest(number: Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(n) if number.is_f64() && n.fract() == 0.0 && n.abs() < EXACT => {
            decimal(&format!("{n:.0}")).unwrap_or(number)
        }
        Some(_) | None => number,
    }
}

/// True if a value says nothing.
pub(super) fn is_void(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    }
}

impl FieldSpec {
    /// True if two canonical values mean the same: by type, and with all line ends alike.
    ///
    /// For noops of deploys, drift and plans. A put-back is compared with `==`, exactly.
    pub fn same(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            _ if self.both_empty(a, b) => true,
            (Value::String(a), Value::String(b)) => {
                a == b || a.replace("\r\n", "\n") == b.replace("\r\n", "\n")
            }
            (a, b) => a == b,
        }
    }

    /// True if both are nothing: the store keeps no empty text as the value of an attribute.
    pub fn both_empty(&self, a: &Value, b: &Value) -> bool {
        let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
        self.place == FieldPlace::Attribute && empty(a) && empty(b)
    }

    /// Returns what the store would refuse or mangle about a canonical value that has the right type.
    ///
    /// `null` for a field that cannot be null and a wrong type are reported here too.
    pub fn check(&self, value: &Value, charset: Charset) -> Option<ValueProblem> {
        self.check_as(self.name, value, charset)
    }

    /// The same for an attribute, whose name is no part of the table.
    pub fn check_as(&self, name: &str, value: &Value, charset: Charset) -> Option<ValueProblem> {
        match (self.ty, value) {
            (_, Value::Null) if self.nullable => None,
            (_, Value::Null) => Some(ValueProblem::new(
                "value-null",
                format!("`{name}` cannot be null"),
                "give it a value, or leave the field out",
            )),
            (FieldType::Text { .. } | FieldType::Choice(_), Value::String(text))
                if self.required && text.is_empty() =>
            {
                Some(ValueProblem::new(
                    "value-empty",
                    format!("`{name}` is empty"),
                    "give it a text",
                ))
            }
            (FieldType::References(_) | FieldType::Texts, Value::Array(list))
                if self.required && list.is_empty() =>
            {
                Some(ValueProblem::new(
                    "value-empty",
                    format!("`{name}` is an empty list, which Magento refuses"),
                    "name one at least",
                ))
            }
            (ty, value) => {
                check(ty, name, value, charset).or_else(|| self.rule.and_then(|rule| rule(value)))
            }
        }
    }
}

fn check(ty: FieldType, name: &str, value: &Value, charset: Charset) -> Option<ValueProblem> {
    match (ty, value) {
        (FieldType::Text { max_chars }, Value::String(text)) => {
            check_length(name, text.chars().count(), max_chars, "characters")
                .or_else(|| check_charset(name, text, charset, false))
        }
        (FieldType::LongText { max_bytes, html }, Value::String(text)) => {
            check_length(name, text.len(), max_bytes, "bytes")
                .or_else(|| check_charset(name, text, charset, html))
        }
        (FieldType::Bool, Value::Bool(_)) | (FieldType::Json, _) => None,
        (FieldType::Tree, Value::Object(tree)) => tree::check(name, tree, charset),
        (FieldType::Integer { min, max }, Value::Number(n)) => match n.as_i64() {
            Some(n) if (min..=max).contains(&n) => None,
            Some(_) | None => Some(out_of_range(name, n, min, max, "whole numbers")),
        },
        (FieldType::Decimal { min, max }, Value::Number(n)) => check_decimal(name, n, min, max),
        (FieldType::Date, Value::String(text)) => match text.parse::<jiff::civil::Date>() {
            Ok(date) if date.to_string() == *text => None,
            Ok(_) | Err(_) => Some(bad_date(name, text, "YYYY-MM-DD")),
        },
        (FieldType::DateTime, Value::String(text)) => match is_date_time(text) {
            true => None,
            false => Some(bad_date(name, text, "YYYY-MM-DD HH:MM:SS")),
        },
        (FieldType::Choice(words), Value::String(text)) => {
            (!words.contains(&text.as_str())).then(|| {
                ValueProblem::new(
                    "value-unknown",
                    format!("`{name}` is {text:?}, which Magento does not know"),
                    format!("write one of: {}", words.join(", ")),
                )
            })
        }
        (FieldType::Texts, Value::Array(list)) => list.iter().find_map(|value| match value {
            Value::String(text) => check_charset(name, text, charset, false),
            other => Some(wrong_type(name, other, "text")),
        }),
        (FieldType::Reference(_), value) => check_reference(name, value),
        (FieldType::References(_), Value::Array(list)) => {
            list.iter().find_map(|value| check_reference(name, value))
        }
        (FieldType::Labels, Value::Object(labels)) => {
            labels.values().find_map(|value| match value {
                Value::String(text) => check_charset(name, text, charset, false),
                other => Some(wrong_type(name, other, "text")),
            })
        }
        (FieldType::Attribute, Value::String(text)) => check_charset(name, text, charset, true),
        (FieldType::Attribute, Value::Bool(_) | Value::Number(_)) => None,
        (FieldType::Attribute, Value::Array(list)) => {
            list.iter().find_map(|value| check_reference(name, value))
        }
        (ty, value) => Some(wrong_type(name, value, ty.label())),
    }
}

fn check_reference(name: &str, value: &Value) -> Option<ValueProblem> {
    match value {
        Value::String(text) if !text.is_empty() => None,
        Value::Number(id) if id.is_u64() => None,
        // what has no name, or shares it, is kept by its id
        Value::Object(_) => super::super::vocabulary::id_of(value)
            .is_none()
            .then(|| wrong_type(name, value, "a name or an id")),
        other => Some(wrong_type(name, other, "a name or an id")),
    }
}

/// `YYYY-MM-DD HH:MM:SS`.
fn is_date_time(text: &str) -> bool {
    text.len() == 19
        && text.as_bytes().get(10) == Some(&b' ')
        && text.parse::<jiff::civil::DateTime>().is_ok()
}

/// Four decimals of prices, and of quantities, are what all columns keep.
fn check_decimal(name: &str, number: &Number, min: i64, max: i64) -> Option<ValueProblem> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "limits of columns are far below 2^53"
    )]
    let within = |n: f64| n >= min as f64 && n <= max as f64;
    if !number.as_f64().is_some_and(within) {
        return Some(out_of_range(name, number, min, max, "numbers"));
    }
    let text = number.to_string();
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    (decimals > 4 || text.contains('e')).then(|| {
        ValueProblem::new(
            "value-too-precise",
            format!("`{name}` is {number}, but Magento keeps four decimals and rounds the rest"),
            "write four decimals at most",
        )
    })
}

fn check_length(name: &str, length: usize, max: usize, unit: &str) -> Option<ValueProblem> {
    (length > max).then(|| {
        ValueProblem::new(
            "value-too-long",
            format!(
                "`{name}` has {length} {unit}; Magento keeps the first {max} and drops the rest without a word"
            ),
            format!("shorten it to {max} {unit}"),
        )
    })
}

fn out_of_range(name: &str, n: &Number, min: i64, max: i64, what: &str) -> ValueProblem {
    let one = what.trim_end_matches('s');
    ValueProblem::new(
        "value-out-of-range",
        format!(
            "`{name}` is {n}; Magento keeps {what} from {min} to {max} and changes others without a word"
        ),
        format!("use a {one} from {min} to {max}"),
    )
}

fn bad_date(name: &str, text: &str, form: &str) -> ValueProblem {
    ValueProblem::new(
        "value-bad-date",
        format!("`{name}` is {text:?}, which is no date"),
        format!("write it as {form}, in quotes"),
    )
}

fn wrong_type(name: &str, value: &Value, wanted: &str) -> ValueProblem {
    ValueProblem::new(
        "value-wrong-type",
        format!("`{name}` is {}, but must be {wanted}", type_name(value)),
        format!("write {wanted}"),
    )
}

/// A character that the shop's tables would mangle.
pub(crate) fn check_charset(
    name: &str,
    text: &str,
    charset: Charset,
    html: bool,
) -> Option<ValueProblem> {
    if charset == Charset::Utf8mb4 {
        return None;
    }
    let found = text.chars().find(|c| c.len_utf8() == 4)?;
    let line = 1 + text
        .split(found)
        .next()
        .unwrap_or_default()
        .matches('\n')
        .count();
    let code = u32::from(found);
    Some(ValueProblem::new(
        "value-four-byte",
        format!(
            "`{name}` holds {found} (U+{code:04X}) in line {line} of its text; Magento's tables turn four-byte characters into `????`"
        ),
        if html {
            format!(
                "write `&#{code};` instead, or set `charset: utf8mb4` where the shop's tables were converted"
            )
        } else {
            "leave the character out, or set `charset: utf8mb4` where the shop's tables were converted".to_owned()
        },
    ))
}

/// The type of a JSON value, for people.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::kinds::Referent;

    #[test]
    fn what_means_the_same_has_one_form() {
        const PRICE: FieldType = FieldType::Decimal {
            min: 0,
            max: 99_999_999,
        };
        let cases = [
            (PRICE, json!("19.990000"), json!(19.99)),
            (PRICE, json!("20.000000"), json!(20)),
            (PRICE, json!(20.0), json!(20)),
            (PRICE, json!("0.10"), json!(0.1)),
            (PRICE, json!("-0.5"), json!(-0.5)),
            (PRICE, json!("12,5"), json!("12,5")),
            (PRICE, json!(""), json!("")),
            (PRICE, json!("1e3"), json!("1e3")),
            (
                FieldType::DateTime,
                json!("2030-01-01"),
                json!("2030-01-01 00:00:00"),
            ),
            (
                FieldType::DateTime,
                json!("2030-01-31 23:59:59"),
                json!("2030-01-31 23:59:59"),
            ),
            (FieldType::DateTime, json!(""), json!(null)),
            (
                FieldType::References(Referent::Website),
                json!([10, 9, "b", "a", 9]),
                json!([9, 10, "a", "b"]),
            ),
        ];
        for (ty, value, expected) in cases {
            assert_eq!(ty.canonical(value.clone()), expected, "{value}");
            assert_eq!(ty.canonical(expected.clone()), expected, "{value} again");
        }
    }

    #[test]
    fn a_decimal_of_which_something_would_be_lost_stays_text() {
        assert_eq!(decimal("12345678901234567890.1234"), None);
        assert_eq!(
            decimal("123456789.1234"),
            Number::from_f64(123_456_789.123_4)
        );
    }
}
