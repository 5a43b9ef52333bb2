//! One attribute of the store: the type of its values, and both of their forms.

use super::names::Names;
use crate::domain::Value;
use crate::domain::kinds::{Charset, FieldScope, FieldSpec, FieldType, check_charset, set};

/// The type of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// Text of at most 255 characters.
    Text,
    /// Text of at most 65,535 bytes, perhaps HTML.
    LongText,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// Yes or no.
    Bool,
    /// A date.
    Date,
    /// A date and time.
    DateTime,
    /// One of its options, by label.
    Select,
    /// Some of its options.
    MultiSelect,
}

impl AttributeType {
    /// The type of an attribute with this `frontend_input` and `backend_type`.
    pub fn of(input: &str, backend: &str) -> Self {
        match (input, backend) {
            ("boolean", _) => Self::Bool,
            ("select" | "swatch_visual" | "swatch_text", _) => Self::Select,
            ("multiselect", _) => Self::MultiSelect,
            ("price" | "weight", _) | (_, "decimal") => Self::Decimal,
            ("date", _) => Self::Date,
            ("datetime", _) | (_, "datetime") => Self::DateTime,
            (_, "int") => Self::Integer,
            ("textarea" | "texteditor" | "pagebuilder", _) | (_, "text") => Self::LongText,
            _ => Self::Text,
        }
    }

    /// The type of field that has the same form, but for options.
    fn field_type(self) -> FieldType {
        match self {
            Self::Text | Self::Select => FieldType::Text { max_chars: 255 },
            Self::LongText => FieldType::LongText {
                max_bytes: 65_535,
                html: true,
            },
            Self::Integer => FieldType::INT,
            Self::Decimal => FieldType::Decimal {
                min: -99_999_999_999_999,
                max: 99_999_999_999_999,
            },
            Self::Bool => FieldType::Bool,
            Self::Date => FieldType::Date,
            Self::DateTime => FieldType::DateTime,
            Self::MultiSelect => FieldType::Texts,
        }
    }
}

/// One attribute of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its label in the admin.
    pub label: String,
    /// What it holds.
    pub ty: AttributeType,
    /// Where its values may differ.
    pub scope: FieldScope,
    /// True if an entity cannot be saved without it.
    pub required: bool,
    /// True if no two entities may have one value.
    pub unique: bool,
    /// Why release files cannot set it, where that is so.
    pub refused: Option<String>,
    /// Its options.
    pub options: Names,
}

impl Attribute {
    pub(super) fn natural(&self, wire: Value) -> Value {
        match (self.ty, wire) {
            (_, Value::String(text)) if text.is_empty() && !self.is_text() => Value::Null,
            (AttributeType::Select, Value::String(id)) => self.options.natural(&id),
            (AttributeType::Select, Value::Number(id)) => self.options.natural(&id.to_string()),
            (AttributeType::MultiSelect, Value::String(ids)) => {
                let ids = ids.split(',').map(|id| self.options.natural(id));
                Value::Array(set(ids.collect()))
            }
            (AttributeType::MultiSelect, Value::Array(ids)) => {
                let ids = ids.into_iter().map(|id| self.options.natural_of(id));
                Value::Array(set(ids.collect()))
            }
            (ty, wire) => ty.field_type().canonical(wire),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.ty, AttributeType::Text | AttributeType::LongText)
    }

    pub(super) fn resolve(
        &self,
        field: &str,
        value: &Value,
        charset: Charset,
    ) -> Result<Value, String> {
        let option = |one: &Value| {
            let resolved = self.options.resolve("option", one);
            resolved.map_err(|why| format!("`{field}`: {why}"))
        };
        match (self.ty, value) {
            (_, Value::Null) if self.required => {
                Err(format!("`{field}` cannot be null: the store demands it"))
            }
            (_, Value::Null) => Ok(Value::Null),
            (AttributeType::Select, value) => option(value),
            // The store shows no options like no value.
            (AttributeType::MultiSelect, Value::Array(list)) if list.is_empty() => {
                self.resolve(field, &Value::Null, charset)
            }
            (AttributeType::MultiSelect, Value::Array(list)) => {
                let list: Result<Vec<Value>, String> = list.iter().map(option).collect();
                list.map(|list| Value::Array(set(list)))
            }
            (AttributeType::MultiSelect, one) => option(one).map(|one| Value::Array(vec![one])),
            (ty, value) => {
                let ty = ty.field_type();
                let value = ty.canonical(value.clone());
                match checked(ty, field, &value, charset) {
                    Some(problem) => Err(problem),
                    None => Ok(value),
                }
            }
        }
    }

    /// Values of custom attributes are strings, as the admin's forms send them.
    pub(super) fn wire(&self, value: &Value) -> Result<Value, String> {
        let option = |one: &Value| self.options.wire("option", one);
        Ok(match (self.ty, value) {
            (AttributeType::Select, value) => Value::from(option(value)?),
            (AttributeType::MultiSelect, Value::Array(list)) => {
                let ids: Result<Vec<String>, String> = list.iter().map(option).collect();
                Value::from(ids?.join(","))
            }
            (_, Value::Bool(yes)) => Value::from(if *yes { "1" } else { "0" }),
            (_, Value::Number(number)) => Value::from(number.to_string()),
            (_, other) => other.clone(),
        })
    }
}

fn checked(ty: FieldType, field: &str, value: &Value, charset: Charset) -> Option<String> {
    if let (FieldType::LongText { html, .. }, Value::String(text)) = (ty, value)
        && let Some(problem) = check_charset(field, text, charset, html)
    {
        return Some(format!("{}; {}", problem.message, problem.remedy));
    }
    let spec = FieldSpec::new("", ty, "");
    let problem = spec.check_as(field, value, charset)?;
    Some(format!("{}; {}", problem.message, problem.remedy))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn colors() -> Names {
        let mut names = Names::default();
        names.add("49", "Red");
        names.add("50", "Blue");
        names.add("51", "Grey");
        names.add("52", "Grey");
        names
    }

    fn attribute(ty: AttributeType) -> Attribute {
        Attribute {
            label: "Color".to_owned(),
            ty,
            scope: FieldScope::Global,
            required: false,
            unique: false,
            refused: None,
            options: colors(),
        }
    }

    #[test]
    fn what_the_store_answers_is_sent_back_as_it_was() {
        use AttributeType as Ty;
        let cases = [
            (Ty::Select, json!("49"), json!("Red"), json!("49")),
            (Ty::Select, json!("51"), json!({"id": "51"}), json!("51")),
            (Ty::Select, json!("99"), json!({"id": "99"}), json!("99")),
            (
                Ty::MultiSelect,
                json!("50,49"),
                json!(["Blue", "Red"]),
                json!("50,49"),
            ),
            (
                Ty::Decimal,
                json!("19.990000"),
                json!(19.99),
                json!("19.99"),
            ),
            (Ty::Bool, json!("0"), json!(false), json!("0")),
            (
                Ty::Date,
                json!("2026-01-01 00:00:00"),
                json!("2026-01-01"),
                json!("2026-01-01"),
            ),
            (Ty::Text, json!(""), json!(""), json!("")),
        ];
        for (ty, read, natural, sent) in cases {
            let attribute = attribute(ty);
            assert_eq!(attribute.natural(read), natural);
            assert_eq!(attribute.wire(&natural).unwrap(), sent);
            assert_eq!(attribute.natural(sent), natural);
            let resolved = attribute.resolve("color", &natural, Charset::default());
            assert_eq!(resolved.unwrap(), natural);
        }
    }

    #[test]
    fn an_id_in_a_file_is_its_name_and_what_is_unknown_is_refused_with_a_hint() {
        let select = attribute(AttributeType::Select);
        let resolve = |value: Value| select.resolve("color", &value, Charset::default());
        assert_eq!(resolve(json!(49)).unwrap(), json!("Red"));
        assert_eq!(resolve(json!(51)).unwrap(), json!({"id": "51"}));
        assert_eq!(
            resolve(json!("Rde")).unwrap_err(),
            "`color`: the store has no option \"Rde\"; did you mean \"Red\"?"
        );
        assert_eq!(
            resolve(json!("Grey")).unwrap_err(),
            "`color`: the store has 2 options named \"Grey\" (ids 51, 52); write the id of the one that is meant"
        );
        resolve(json!(99)).unwrap_err();
        resolve(json!(true)).unwrap_err();
    }

    #[test]
    fn a_number_that_is_a_name_and_another_ones_id_is_refused() {
        let mut sizes = attribute(AttributeType::Select);
        sizes.options.add("38", "30");
        sizes.options.add("60", "38");
        sizes.options.add("61", "61");
        let resolve = |value: Value| sizes.resolve("size", &value, Charset::default());
        let why = resolve(json!(38)).unwrap_err();
        assert!(why.contains("in quotes"), "{why}");
        assert_eq!(resolve(json!("38")).unwrap(), json!("38"));
        assert_eq!(resolve(json!(60)).unwrap(), json!("38"));
        assert_eq!(resolve(json!(61)).unwrap(), json!("61"));
    }

    #[test]
    fn what_was_kept_by_its_id_goes_by_its_name_once_it_has_one() {
        let select = attribute(AttributeType::Select);
        let resolve = |id: &str| select.resolve("color", &json!({ "id": id }), Charset::default());
        assert_eq!(resolve("49").unwrap(), json!("Red"));
        assert_eq!(resolve("51").unwrap(), json!({"id": "51"}));
    }

    #[test]
    fn a_type_that_the_store_would_mangle_is_refused() {
        let resolve = |ty, value: Value| attribute(ty).resolve("x", &value, Charset::default());
        assert_eq!(
            resolve(AttributeType::Decimal, json!("12.50")).unwrap(),
            json!(12.5)
        );
        for (ty, value) in [
            (AttributeType::Decimal, json!("12,50")),
            (AttributeType::Decimal, json!(1.234_56)),
            (AttributeType::Integer, json!(1.5)),
            (AttributeType::Bool, json!("yes")),
            (AttributeType::Date, json!("tomorrow")),
            (AttributeType::Text, json!("a".repeat(256))),
            (AttributeType::LongText, json!("😀")),
        ] {
            assert!(resolve(ty, value.clone()).is_err(), "{ty:?} {value}");
        }
    }
}
