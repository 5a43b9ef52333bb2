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

    /// What Magento shows under `maintenance:enable`.
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
    parameters: Option<Value>,
}

impl Problem {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            parameters: None,
        }
    }

    pub(super) fn with(status: u16, message: impl Into<String>, parameters: Value) -> Self {
        Self {
            parameters: Some(parameters),
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
        let inner = Self::wrong_type(value, expected);
        Self::new(
            400,
            format!(
                "Error occurred during \"{field}\" processing. {}",
                inner.message
            ),
        )
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

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let Problem {
            status,
            message,
            parameters,
        } = problem;
        let body = match parameters {
            Some(parameters) => json!({ "message": message, "parameters": parameters }),
            None => json!({ "message": message }),
        };
        Self::json(status, &body)
    }
}
