//! PHP's habits that show through Magento's API: casts, query strings, JSON escapes.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// `(int) $text`: the number at the start, else 0.
pub(super) fn int(text: &str) -> i64 {
    // Saturating, as PHP does for numbers out of range in numeric strings of integers.
    number_prefix(text) as i64
}

/// The number that a text starts with, as PHP and MySQL read it; 0 without one.
pub(super) fn number_prefix(text: &str) -> f64 {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = digits(sign);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    text[..end].parse().unwrap_or(0.0)
}

/// `is_numeric($text)`.
pub(super) fn is_numeric(text: &str) -> bool {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let starts_well = trimmed
        .trim_start_matches(['+', '-'])
        .starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts_well && trimmed.parse::<f64>().is_ok()
}

/// A float as `json_encode` writes it: whole ones without a fraction.
pub(super) fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// `filter_var($text, FILTER_VALIDATE_BOOLEAN)`.
pub(super) fn boolean(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "1" | "true" | "on" | "yes"
    )
}

/// `(string) $value` of a scalar; `None` for arrays and objects.
pub(super) fn string(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Number(n) => Some(match n.as_f64() {
            // PHP writes whole floats without a fraction.
            Some(f) if n.is_f64() && f.fract() == 0.0 && f.abs() < 1e15 => format!("{f:.0}"),
            _ => n.to_string(),
        }),
        Value::String(s) => Some(s.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A query string as `$_GET` holds it: `a[b][0]=c` nests, `+` is a space, the last one wins.
pub(super) fn query(text: &str) -> Map<String, Value> {
    let mut params = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        let (head, rest) = match name.find('[') {
            Some(at) if at > 0 && name[at..].contains(']') => name.split_at(at),
            _ => (name.as_str(), ""),
        };
        let mut path = vec![head.replace(['.', ' '], "_")];
        path.extend(
            rest.split('[')
                .skip(1)
                .map_while(|part| part.split_once(']'))
                .map(|(key, _)| key.to_owned()),
        );
        insert(&mut params, &path, decode(value));
    }
    params
}

fn insert(into: &mut Map<String, Value>, path: &[String], value: String) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let key = if key.is_empty() {
        into.len().to_string()
    } else {
        key.clone()
    };
    if rest.is_empty() {
        into.insert(key, Value::String(value));
        return;
    }
    let slot = into.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(inner) = slot {
        insert(inner, rest, value);
    }
}

/// `urldecode($text)`.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// `json_encode($value)`: `/` and everything that is not ASCII are escaped, empty arrays are `[]`.
pub(super) fn json(value: &Value) -> String {
    let plain = match value {
        Value::Object(map) if map.is_empty() => "[]".to_owned(),
        value => value.to_string(),
    };
    let mut out = String::with_capacity(plain.len());
    let mut units = [0; 2];
    for c in plain.chars() {
        match c {
            '/' => out.push_str("\\/"),
            c if c.is_ascii() => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// `meta_title` and `metaTitle` to `MetaTitle`, as Magento looks for setters.
pub(super) fn upper_camel_case(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(chars)
                .collect::<String>()
        })
        .collect()
}

/// `attributeCode` to `attribute_code`.
pub(super) fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `attribute_code` to `attributeCode`.
pub(super) fn lower_camel_case(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => {
            let rest = upper_camel_case(&format!("x{}", chars.as_str()));
            format!("{first}{}", &rest[1..])
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn casts() {
        for (text, number) in [
            ("99999", 99_999),
            ("abc", 0),
            ("12abc", 12),
            (" -7.9", -7),
            ("1e3", 1000),
            ("", 0),
        ] {
            assert_eq!(int(text), number, "{text}");
        }
        assert!(is_numeric("12") && is_numeric("1.5") && is_numeric("1e3"));
        assert!(!is_numeric("12abc") && !is_numeric("") && !is_numeric("inf"));
        assert_eq!(string(&json!(true)).as_deref(), Some("1"));
        assert_eq!(string(&json!(5.0)).as_deref(), Some("5"));
        assert_eq!(string(&json!([])), None);
    }

    #[test]
    fn queries_nest() {
        assert_eq!(
            Value::Object(query("a[b][0][c]=x%20y&a[b][10][c]=%2B+&d&e[]=1&e[]=2")),
            json!({
                "a": {"b": {"0": {"c": "x y"}, "10": {"c": "+ "}}},
                "d": "",
                "e": {"0": "1", "1": "2"},
            })
        );
    }

    #[test]
    fn answers_are_escaped_as_php_does() {
        assert_eq!(
            json(&json!({"a": "</p> ż😀\u{1}"})),
            "{\"a\":\"<\\/p> \\u017c\\ud83d\\ude00\\u0001\"}"
        );
        assert_eq!(json(&json!({})), "[]");
    }

    #[test]
    fn setter_names() {
        assert_eq!(upper_camel_case("store_id"), "StoreId");
        assert_eq!(upper_camel_case("metaTitle"), "MetaTitle");
    }
}
