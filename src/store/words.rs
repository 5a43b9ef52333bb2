//! The store's own words: messages with their parameters filled in, titles of pages, and what is
//! quoted of either, in one line of bounded length.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;

/// The number of characters that are quoted of anything the store says.
const QUOTED: usize = 600;

/// No `Retry-After` is believed beyond this: a mistaken one must not park a store for days.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);

/// A refusal in Magento's form: `{"message": "… %1 …", "parameters": …, "errors": […]}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// The message as it was sent, placeholders and all: what kinds of refusals are known by.
    pub(super) template: String,
    /// For people: parameters filled in, further errors behind it.
    pub(super) text: String,
    /// The parameter `resources`: the ACL resource that was missing.
    pub(super) resources: Option<String>,
    /// The parameter `fieldName`.
    pub(super) field_name: Option<String>,
}

impl Words {
    /// Reads the body of a refusal; `None` when it is something else.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(body.trim_start_matches('\u{feff}')).ok()?;
        let template = json.get("message")?.as_str()?.to_owned();
        let parameters = json.get("parameters").unwrap_or(&Value::Null);
        let mut text = fill(&template, parameters);
        let further = json.get("errors").and_then(Value::as_array);
        for error in further.into_iter().flatten() {
            if let Some(message) = error.get("message").and_then(Value::as_str) {
                let parameters = error.get("parameters").unwrap_or(&Value::Null);
                text.push_str("; ");
                text.push_str(&fill(message, parameters));
            }
        }
        let named = |name: &str| parameters.get(name).map(plain);
        Some(Self {
            template,
            text: quote(&text),
            resources: named("resources").map(|text| quote(&text)),
            field_name: named("fieldName").map(|text| quote(&text)),
        })
    }
}

/// Fills `%1`, `%2`, … from a list and `%name` from a map, in one go, so that what a parameter holds
/// is never filled in again. Of two names the longer wins: `%10` is not `%1` and a zero.
pub(super) fn fill(template: &str, parameters: &Value) -> String {
    let mut names: Vec<(String, String)> = match parameters {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, value)| ((i + 1).to_string(), plain(value)))
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let found = names
            .iter()
            .find_map(|(name, value)| Some((value, after.strip_prefix(name.as_str())?)));
        match found {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('%');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// One line of bounded length, with control characters visible.
pub(super) fn quote(text: &str) -> String {
    cut(text, QUOTED)
}

fn cut(text: &str, limit: usize) -> String {
    let mut quoted = String::new();
    for (i, c) in text.trim().chars().enumerate() {
        if i == limit {
            quoted.push('…');
            break;
        }
        // direction marks and line separators forge log lines as well as control characters do
        let hidden = c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    quoted
}

/// The first words of a page: its title, or its text.
pub(super) fn title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let titled = lower.find("<title").and_then(|at| {
        let start = at + lower[at..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        page.get(start..end)
    });
    let text = match titled.map(str::trim) {
        Some(title) if !title.is_empty() => title.to_owned(),
        Some(_) | None => untagged(page),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(&words.join(" "), 80)
}

fn untagged(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in page.chars().take(4096) {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if inside => {}
            _ => text.push(c),
        }
    }
    text
}

/// `Retry-After`: seconds, or an HTTP date, which counts from `now` (the answer's own `Date` where it has
/// one, so that a wrong clock on either side does no harm).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let at = http_date(value)?;
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

/// An HTTP date, such as that of the `Date` header.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(value.trim())
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(body: &Value) -> String {
        Words::parse(&body.to_string()).unwrap().text
    }

    #[test]
    fn parameters_are_filled_in() {
        let cases = [
            (
                json!({"message": "Could not save the page: %1", "parameters": ["URL key for specified store already exists."]}),
                "Could not save the page: URL key for specified store already exists.",
            ),
            (
                json!({"message": "\"%fieldName\" is required. Enter and try again.", "parameters": {"fieldName": "page"}}),
                "\"page\" is required. Enter and try again.",
            ),
            (
                json!({"message": "The CMS page with the \"%1\" ID doesn't exist.", "parameters": [29]}),
                "The CMS page with the \"29\" ID doesn't exist.",
            ),
            (
                json!({"message": "%field and %fieldName, 100%", "parameters": {"field": "a", "fieldName": "b"}}),
                "a and b, 100%",
            ),
            (
                json!({"message": "%1 %2", "parameters": ["%2", "x"]}),
                "%2 x",
            ),
            (
                json!({"message": "%1 %10", "parameters": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]}),
                "a j",
            ),
            (
                json!({"message": "No such entity.", "errors": [{"message": "Bad %1", "parameters": ["rate"]}, {"message": "Worse"}]}),
                "No such entity.; Bad rate; Worse",
            ),
            (json!({"message": "as it is %1"}), "as it is %1"),
        ];
        for (body, expected) in cases {
            assert_eq!(text(&body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_refusal_is_not_taken_for_one() {
        for body in ["", "<html>", "[]", "{}", "{\"message\": 5}", "true"] {
            assert_eq!(Words::parse(body), None, "{body}");
        }
    }

    #[test]
    fn quotes_are_one_bounded_visible_line() {
        assert_eq!(
            quote("a\nb\u{1b}[31m\u{202e}c"),
            "a\\nb\\u{1b}[31m\\u{202e}c"
        );
        assert_eq!(quote(&"x".repeat(700)).chars().count(), QUOTED + 1);
    }

    #[test]
    fn a_page_is_named_by_its_title_or_its_text() {
        assert_eq!(
            title("<HTML><title lang=en>\n502  Bad Gateway </title>x"),
            "502 Bad Gateway"
        );
        assert_eq!(title("<p>Down <b>for</b> now</p>"), "Down for now");
        assert_eq!(title("<title></title><p>Text</p>"), "Text");
        assert_eq!(title(""), "");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = http_date("Sat, 21 Nov 2026 10:00:00 GMT").unwrap();
        let wait = |value: &str| retry_after(value, now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            wait("Sat, 21 Nov 2026 10:00:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(wait("Sat, 21 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("99999999999999999999999"), Some(LONGEST_WAIT));
        assert_eq!(wait("-5"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(wait(""), None);
    }
}
