//! Both sides of a field: in one line where they are short, else as a unified diff.

use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthStr as _;

use super::text::{CYAN, GREEN, RED, clean, paint};
use crate::domain::Value;

/// Up to this width, both sides stand in one line.
const SHORT: usize = 60;

/// A value in one line, as JSON spells it.
pub(super) fn literal(value: &Value) -> String {
    clean(&value.to_string())
}

/// A field with both sides, indented; `marks` follows the field or the values.
pub(super) fn difference(
    indent: &str,
    field: &str,
    before: &Value,
    after: &Value,
    marks: &str,
) -> String {
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!("  {marks}")
    };
    let field = clean(field);
    if before == after {
        return match long(after) {
            None => format!("{indent}{field}: {}{marks}\n", literal(after)),
            Some(text) => format!(
                "{indent}{field}: unchanged, {} characters{marks}\n",
                text.chars().count()
            ),
        };
    }
    if long(before).is_none() && long(after).is_none() {
        return format!(
            "{indent}{field}: {} → {}{marks}\n",
            paint(RED, &literal(before)),
            paint(GREEN, &literal(after))
        );
    }
    let null = match (before, after) {
        (Value::Null, _) => " null →",
        (_, Value::Null) => " → null",
        _ => "",
    };
    format!(
        "{indent}{field}:{null}{marks}\n{}",
        unified(&format!("{indent}  "), &text(before), &text(after))
    )
}

/// The text of a value that does not fit in a line.
fn long(value: &Value) -> Option<String> {
    let text = text(value);
    (text.contains('\n') || text.width() > SHORT).then_some(text)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) if value.to_string().width() <= SHORT => {
            value.to_string()
        }
        Value::Array(_) | Value::Object(_) => format!("{value:#}\n"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn unified(indent: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        let header = hunk.header().to_string();
        out.push_str(&format!("{indent}{}\n", paint(CYAN, &header)));
        for change in hunk.iter_changes() {
            let line = change.value();
            let body = line.strip_suffix('\n').unwrap_or(line);
            let body = clean(body);
            let line = match change.tag() {
                ChangeTag::Equal => format!(" {body}"),
                ChangeTag::Delete => paint(RED, &format!("-{body}")),
                ChangeTag::Insert => paint(GREEN, &format!("+{body}")),
            };
            let line = format!("{indent}{line}");
            out.push_str(line.trim_end_matches(' '));
            out.push('\n');
            if change.missing_newline() {
                out.push_str(&format!("{indent}\\ no newline at the end\n"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

    fn show(before: &Value, after: &Value) -> String {
        strip_str(&difference("  ", "content", before, after, "")).to_string()
    }

    #[test]
    fn short_values_stand_in_one_line() {
        insta::assert_snapshot!(show(&json!("a\"b"), &json!(true)), @r#"  content: "a\"b" → true"#);
        insta::assert_snapshot!(show(&json!(null), &json!("")), @r#"  content: null → """#);
    }

    #[test]
    fn long_values_are_a_diff() {
        insta::assert_snapshot!(show(&json!("a\nb\nc\n"), &json!("a\nB\nc")), @r"
          content:
            @@ -1,3 +1,3 @@
             a
            -b
            -c
            +B
            +c
            \ no newline at the end
        ");
        insta::assert_snapshot!(show(&json!("a\nb\r\n"), &json!("a\nb\n")), @r"
          content:
            @@ -1,2 +1,2 @@
             a
            -b\r
            +b
        ");
    }

    #[test]
    fn lists_stand_in_one_line_as_long_as_they_fit() {
        insta::assert_snapshot!(show(&json!(null), &json!(["base", "fr"])), @r#"  content: null → ["base","fr"]"#);
        let long = json!({"conditions": ["a".repeat(40), "b".repeat(40)]});
        insta::assert_snapshot!(show(&json!(null), &long), @r#"
          content: null →
            @@ -0,0 +1,6 @@
            +{
            +  "conditions": [
            +    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            +    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
            +  ]
            +}
        "#);
    }

    #[test]
    fn a_long_value_from_nothing_says_so() {
        insta::assert_snapshot!(show(&json!(null), &json!("a\nb\n")), @r"
          content: null →
            @@ -0,0 +1,2 @@
            +a
            +b
        ");
    }
}
