//! Data objects of requests: what a service takes, and how PHP casts what it is given.

use serde_json::{Map, Value, json};

use super::php;
use super::reply::Problem;

/// The type of a parameter or of a member of a data object.
#[derive(Debug)]
pub(super) enum Type {
    Int,
    Float,
    Bool,
    Text,
    /// Anything, kept as sent.
    Mixed,
    Object(&'static Shape),
    List(&'static Type),
    /// `custom_attributes`: a list of codes and values, or a mapping.
    Attributes,
}

/// A data object.
#[derive(Debug)]
pub(super) struct Shape {
    /// The PHP interface, for type errors.
    pub(super) interface: &'static str,
    /// Every member that has a setter.
    pub(super) fields: &'static [(&'static str, Type)],
}

impl Shape {
    /// Finds a member by what PHP would find a setter by.
    pub(super) fn field(&self, name: &str) -> Option<&'static (&'static str, Type)> {
        let wanted = php::upper_camel_case(name);
        self.fields
            .iter()
            .find(|(field, _)| php::upper_camel_case(field).eq_ignore_ascii_case(&wanted))
    }

    /// Reads an object in the order of its members: the first bad one is reported. Nulls stay.
    pub(super) fn read(&self, object: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
        let mut read = Map::new();
        for (name, value) in object {
            let (field, ty) = self
                .field(name)
                .ok_or_else(|| Problem::unsupported_field(name))?;
            let value = ty
                .read(value)
                .map_err(|problem| problem.while_processing(name))?;
            read.insert((*field).to_owned(), value);
        }
        Ok(read)
    }
}

impl Type {
    /// A value as the setter gets it. Null is of every type.
    pub(super) fn read(&self, value: &Value) -> Result<Value, Problem> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        match self {
            Self::Int => scalar(value, "int", |text| {
                php::is_numeric(text).then(|| php::int(text).into())
            }),
            Self::Float => scalar(value, "float", |text| {
                php::is_numeric(text).then(|| php::float(php::number_prefix(text)))
            }),
            Self::Bool => scalar(value, "boolean", |text| Some(php::boolean(text).into())),
            Self::Text => scalar(value, "string", |text| Some(text.into())),
            Self::Mixed => Ok(value.clone()),
            Self::Object(shape) => match value {
                Value::Object(object) => shape.read(object).map(Value::Object),
                Value::Array(items) if items.is_empty() => Ok(json!({})),
                other => Err(Problem::wrong_type(other, shape.interface)),
            },
            Self::List(item) => match value {
                Value::Array(items) => items.iter().map(|value| item.read(value)).collect(),
                Value::Object(map) => map.values().map(|value| item.read(value)).collect(),
                other => Err(Problem::wrong_type(other, "array")),
            },
            Self::Attributes => attributes(value),
        }
    }
}

fn scalar(
    value: &Value,
    expected: &str,
    cast: impl FnOnce(&str) -> Option<Value>,
) -> Result<Value, Problem> {
    php::string(value)
        .and_then(|text| cast(&text))
        .ok_or_else(|| Problem::wrong_type(value, expected))
}

/// Custom attributes as a mapping from code to value; of a code given twice the last counts.
fn attributes(value: &Value) -> Result<Value, Problem> {
    let mut read = Map::new();
    match value {
        Value::Array(items) => {
            for item in items {
                let (code, value) = attribute(item)?;
                read.insert(code, value);
            }
        }
        Value::Object(map) => {
            for (code, value) in map {
                read.insert(code.clone(), value.clone());
            }
        }
        other => return Err(Problem::wrong_type(other, "array")),
    }
    Ok(Value::Object(read))
}

fn attribute(item: &Value) -> Result<(String, Value), Problem> {
    let code = ["attribute_code", "attributeCode"]
        .iter()
        .find_map(|name| item.get(name))
        .and_then(php::string)
        .filter(|code| !code.is_empty());
    match (code, item.get("value")) {
        (Some(code), Some(value)) => Ok((code, value.clone())),
        (None, None) => Err(Problem::new(
            400,
            "An empty custom attribute is specified. Enter the attribute and try again.",
        )),
        (None, Some(_)) => Err(Problem::new(
            400,
            "A custom attribute is specified with a missing attribute code. Verify the code and try again.",
        )),
        (Some(code), None) => Err(Problem::new(
            400,
            format!(
                "The \"{code}\" attribute code doesn't have a value set. Enter the value and try again."
            ),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    static INNER: Shape = Shape {
        interface: "\\Inner",
        fields: &[("website_ids", Type::List(&Type::Int))],
    };
    static OUTER: Shape = Shape {
        interface: "\\Outer",
        fields: &[
            ("price", Type::Float),
            ("is_active", Type::Bool),
            ("extension_attributes", Type::Object(&INNER)),
            ("custom_attributes", Type::Attributes),
        ],
    };

    fn read(value: &Value) -> Result<Value, Problem> {
        Type::Object(&OUTER).read(value)
    }

    #[test]
    fn members_are_cast_and_renamed() {
        assert_eq!(
            read(&json!({
                "price": "12.50", "isActive": "0",
                "extensionAttributes": {"websiteIds": ["1", 2]},
                "custom_attributes": [{"attribute_code": "a", "value": 1}, {"attribute_code": "a", "value": null}],
            }))
            .unwrap(),
            json!({
                "price": 12.5, "is_active": false,
                "extension_attributes": {"website_ids": [1, 2]},
                "custom_attributes": {"a": null},
            })
        );
    }

    #[test]
    fn refusals_name_the_members_on_the_way() {
        for (body, message) in [
            (
                json!({"price": "12,5"}),
                "Error occurred during \"price\" processing. The \"12,5\" value's type is invalid. The \"float\" type was expected. Verify and try again.",
            ),
            (
                json!({"extension_attributes": {"website_ids": ["x"]}}),
                "Error occurred during \"extension_attributes\" processing. Error occurred during \"website_ids\" processing. The \"x\" value's type is invalid. The \"int\" type was expected. Verify and try again.",
            ),
        ] {
            assert_eq!(read(&body), Err(Problem::new(400, message)));
        }
        assert_eq!(
            read(&json!({"nosuch": 1})),
            Err(Problem::unsupported_field("nosuch"))
        );
    }

    #[test]
    fn a_custom_attribute_has_a_code_and_a_value() {
        for item in [
            json!({}),
            json!({"value": 1}),
            json!({"attribute_code": "a"}),
        ] {
            assert!(read(&json!({"custom_attributes": [item]})).is_err());
        }
    }
}
