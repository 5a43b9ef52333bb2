//! Answers, and Magento's words for what it refuses.

use serde_json::{Value, json};

use super::php;

/// An answer of the store.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=UTF-8";

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: JSON,
            body: php::json(body),
        }
    }

    pub(super) fn html(status: u16, title: &str, text: &str) -> Self {
        Self {
            status,
            content_type: HTML,
            body: format!(
                "<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
            ),
        }
    }

    /// Returns what Magento shows under `maintenance:enable`.
    pub(super) fn maintenance() -> Self {
        Self::html(
            503,
            "Service Temporarily Unavailable",
            "The server is temporarily unable to service your request due to maintenance downtime or capacity problems. Please try again later.",
        )
    }

    pub(super) fn not_found_page() -> Self {
        Self::html(
            404,
            "404 Not Found",
            "The page you requested was not found.",
        )
    }
}

/// A refusal: Magento's message with its placeholders, and what fills them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    status: u16,
    message: String,
    /// Boxed, so that results stay small.
    parameters: Option<Box<Value>>,
    /// What is wrong in particular, where there are several.
    errors: Vec<Problem>,
}

impl Problem {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            parameters: None,
            errors: Vec::new(),
        }
    }

    pub(super) fn with(status: u16, message: impl Into<String>, parameters: Value) -> Self {
        Self {
            parameters: Some(Box::new(parameters)),
            ..Self::new(status, message)
        }
    }

    pub(super) fn required(field: &str) -> Self {
        Self::with(
            400,
            "\"%fieldName\" is required. Enter and try again.",
            json!({ "fieldName": field }),
        )
    }

    pub(super) fn unsupported_field(field: &str) -> Self {
        Self::with(
            400,
            "\"%fieldName\" is not supported. Correct the field name and try again.",
            json!({ "fieldName": php::upper_camel_case(field) }),
        )
    }

    /// A value of the wrong type: a scalar is quoted, of the others the type is named.
    pub(super) fn wrong_type(value: &Value, expected: &str) -> Self {
        let shown = php::string(value).unwrap_or_else(|| "array".to_owned());
        Self::new(
            400,
            format!(
                "The \"{shown}\" value's type is invalid. The \"{expected}\" type was expected. Verify and try again."
            ),
        )
    }

    /// The same inside a data object, where the field is named.
    pub(super) fn wrong_field_type(field: &str, value: &Value, expected: &str) -> Self {
        Self::wrong_type(value, expected).while_processing(field)
    }

    /// A refusal of a value inside a data object names the member; one of a name stays as it is.
    pub(super) fn while_processing(self, field: &str) -> Self {
        if self.parameters.is_some() {
            return self;
        }
        Self {
            message: format!(
                "Error occurred during \"{field}\" processing. {}",
                self.message
            ),
            ..self
        }
    }

    /// An entity that is not there.
    pub(super) fn no_such_entity(field: &str, value: impl Into<Value>) -> Self {
        Self::with(
            404,
            "No such entity with %fieldName = %fieldValue",
            json!({ "fieldName": field, "fieldValue": value.into() }),
        )
    }

    /// A value that is refused by its field.
    pub(super) fn invalid_value(field: &str, value: impl Into<Value>) -> Self {
        Self::with(
            400,
            "Invalid value of \"%value\" provided for the %fieldName field.",
            json!({ "fieldName": field, "value": value.into() }),
        )
    }

    /// Several refusals at once.
    pub(super) fn several(problems: Vec<Self>) -> Self {
        Self::several_named("One or more input exceptions have occurred.", problems)
    }

    /// Several refusals under another heading.
    pub(super) fn several_named(heading: &str, problems: Vec<Self>) -> Self {
        Self {
            errors: problems,
            ..Self::new(400, heading)
        }
    }

    /// Returns what people read: the message with its parameters filled in.
    pub(super) fn filled(&self) -> String {
        let text = |value: &Value| php::string(value).unwrap_or_default();
        let fill = |message: String, (name, value): (String, &Value)| {
            message.replace(&format!("%{name}"), &text(value))
        };
        let message = self.message.clone();
        match self.parameters.as_deref() {
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, value)| ((index + 1).to_string(), value))
                .fold(message, fill),
            Some(Value::Object(map)) => map
                .iter()
                .map(|(name, value)| (name.clone(), value))
                .fold(message, fill),
            _ => message,
        }
    }

    pub(super) fn unauthorized(resource: &str) -> Self {
        Self::with(
            401,
            "The consumer isn't authorized to access %resources.",
            json!({ "resources": resource }),
        )
    }

    pub(super) fn no_route() -> Self {
        Self::new(404, "Request does not match any route.")
    }

    /// Any exception that Magento does not expect, such as an SQL error.
    pub(super) fn internal(report: u64) -> Self {
        Self::new(
            500,
            format!(
                "Internal Error. Details are available in Magento log file. Report ID: webapi-{report:013x}"
            ),
        )
    }
}

impl Problem {
    fn body(&self) -> Value {
        let mut body = json!({ "message": self.message });
        if !self.errors.is_empty() {
            body["errors"] = self.errors.iter().map(Self::body).collect();
        }
        if let Some(parameters) = &self.parameters {
            body["parameters"] = (**parameters).clone();
        }
        body
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        Self::json(problem.status, &problem.body())
    }
}
