//! The value of a field: a scalar of the field's type, `{ file: … }` or `{ default: true }`.

use serde_json::Number;

use super::mapping::{Entry, Mapping, text_of};
use super::node::{Node, Yaml};
use super::report::{Report, quote};
use super::source::Place;
use crate::domain::kinds::{Charset, FieldSpec, FieldType, Scoping};
use crate::domain::{Kind, Value};

/// The keys of a value that is a mapping.
pub(super) const VALUE_KEYS: &[&str] = &["file", "default"];

/// A value as the file says it.
#[derive(Debug, Clone)]
pub(super) enum FieldValue {
    /// Checked and canonical.
    Ready(Value),
    /// The text of another file of the same tree.
    File(FileRef),
}

/// `{ file: path }`. The place and snippet are kept for findings about the file.
#[derive(Debug, Clone)]
pub(super) struct FileRef {
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) snippet: String,
}

/// Reads a value; `None` when it is no good, and why stands in the report.
pub(super) fn read(
    kind: Kind,
    spec: &'static FieldSpec,
    node: &Node,
    charset: Charset,
    report: &mut Report<'_>,
) -> Option<FieldValue> {
    let value = match (spec.ty, &node.value) {
        (_, Yaml::Map(entries)) if !entries.is_empty() => {
            return read_mapping(kind, spec, node, report);
        }
        (_, Yaml::Null) => Value::Null,
        (FieldType::Bool, Yaml::Bool(value)) => Value::Bool(*value),
        (FieldType::Integer { .. }, Yaml::Number(number)) if is_whole(number) => {
            Value::Number(number.clone())
        }
        (
            FieldType::Text { .. }
            | FieldType::LongText { .. }
            | FieldType::Date
            | FieldType::Timestamp,
            Yaml::Text(text),
        ) => Value::String(text.clone()),
        (_, found) => {
            let remedy = wrong_type_remedy(spec, node, report);
            let what = format!("`{}`", spec.name);
            report.wrong_type(node.place, &what, found.label(), spec.ty.label(), remedy);
            return None;
        }
    };
    let value = spec.canonical(value);
    if let Some(problem) = spec.check(&value, charset) {
        let place = match problem.id {
            "value-four-byte" => four_byte_place(node, report).unwrap_or(node.place),
            _ => node.place,
        };
        report.problem(place, problem);
        return None;
    }
    Some(FieldValue::Ready(value))
}

/// A number in a whole number's spelling; the largest ones are kept as fractions.
fn is_whole(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    !number.is_f64() || number.as_f64().is_some_and(|n| n.abs() > EXACT)
}

/// Where the first four-byte character stands; unknown where it is written as an escape.
fn four_byte_place(node: &Node, report: &Report<'_>) -> Option<Place> {
    let text = report.source.text.get(node.span.clone())?;
    let (offset, _) = text.char_indices().find(|(_, c)| c.len_utf8() == 4)?;
    Some(report.source.place_at(node.span.start + offset))
}

fn wrong_type_remedy(spec: &FieldSpec, node: &Node, report: &Report<'_>) -> String {
    let spelling = node.spelling(report.source);
    match (spec.ty, &node.value) {
        (FieldType::Bool, value) => match truth(value) {
            Some(truth) => format!("write `{truth}`"),
            None => "write `true` or `false`".to_owned(),
        },
        (FieldType::Integer { .. }, Yaml::Text(text)) if text.parse::<i64>().is_ok() => {
            format!("take the quotes away: {text}")
        }
        (FieldType::Text { .. } | FieldType::LongText { .. }, Yaml::Bool(_) | Yaml::Number(_)) => {
            match spelling {
                Some(spelling) => format!("put it in quotes: \"{spelling}\""),
                None => "put it in quotes".to_owned(),
            }
        }
        (FieldType::Text { .. } | FieldType::LongText { .. }, _) => {
            "write a text, or `{ file: path }`".to_owned()
        }
        (ty, _) => format!("write {}", ty.label()),
    }
}

/// What somebody used to YAML 1.1 or to Magento's database means.
fn truth(value: &Yaml) -> Option<bool> {
    match value {
        Yaml::Number(number) if *number == Number::from(1) => Some(true),
        Yaml::Number(number) if *number == Number::from(0) => Some(false),
        Yaml::Text(text) => match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "true" | "1" => Some(true),
            "no" | "n" | "off" | "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn read_mapping(
    kind: Kind,
    spec: &FieldSpec,
    node: &Node,
    report: &mut Report<'_>,
) -> Option<FieldValue> {
    let what = format!("the value of `{}`", spec.name);
    let map = Mapping::read(node, &what, VALUE_KEYS, report)?;
    match (map.get("file"), map.get("default")) {
        (Some(_), Some(default)) => {
            report.critical(
                "two-values",
                default.key.place,
                format!("{what} has both `file` and `default`"),
                "keep one of them",
            );
            None
        }
        (Some(file), None) => read_file(spec, file, report).map(FieldValue::File),
        (None, Some(default)) => {
            refuse_default(kind, spec, default, report);
            None
        }
        (None, None) => None,
    }
}

fn refuse_default(kind: Kind, spec: &FieldSpec, entry: Entry<'_>, report: &mut Report<'_>) {
    if entry.value.value != Yaml::Bool(true) {
        let found = entry.value.value.label();
        report.wrong_type(
            entry.value.place,
            "`default`",
            found,
            "`true`",
            "write `{ default: true }`",
        );
    }
    match kind.scoping {
        Scoping::Assignment { .. } => report.critical(
            "default-without-scope",
            entry.key.place,
            format!(
                "`{}` has no default to go back to: a {} has one value, and `store` says where it is shown",
                spec.name, kind.label
            ),
            "give it a value, or leave the field out",
        ),
    }
}

fn read_file(spec: &FieldSpec, entry: Entry<'_>, report: &mut Report<'_>) -> Option<FileRef> {
    let path = text_of(entry.value, "`file`", report)?;
    let place = entry.value.place;
    if !matches!(spec.ty, FieldType::Text { .. } | FieldType::LongText { .. }) {
        report.critical(
            "file-for-no-text",
            entry.key.place,
            format!(
                "`{}` is {}, which no file holds",
                spec.name,
                spec.ty.label()
            ),
            format!("write {} here", spec.ty.label()),
        );
        return None;
    }
    if let Some((id, why, remedy)) = path_problem(path) {
        report.critical(id, place, format!("path {} {why}", quote(path)), remedy);
        return None;
    }
    Some(FileRef {
        path: path.to_owned(),
        place,
        snippet: report.source.snippet(place),
    })
}

fn path_problem(path: &str) -> Option<(&'static str, &'static str, String)> {
    const FROM_ROOT: &str = "write the path from the repository's root, such as content/home.html";
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.is_empty() {
        return Some(("file-bad-path", "is empty", FROM_ROOT.to_owned()));
    }
    if path.contains('\\') {
        let remedy = format!("write {}", quote(&path.replace('\\', "/")));
        return Some(("file-bad-path", "holds a backslash", remedy));
    }
    if path.starts_with('/') || drive {
        return Some(("file-outside", "is absolute", FROM_ROOT.to_owned()));
    }
    let parts = || path.split('/');
    if parts().any(|part| part == "..") {
        return Some((
            "file-outside",
            "could leave the repository",
            FROM_ROOT.to_owned(),
        ));
    }
    if path.chars().any(char::is_control) {
        return Some((
            "file-bad-path",
            "holds a control character",
            FROM_ROOT.to_owned(),
        ));
    }
    if parts().any(|part| part.is_empty() || part == ".") {
        let plain: Vec<&str> = parts().filter(|part| !matches!(*part, "" | ".")).collect();
        let remedy = format!("write {}", quote(&plain.join("/")));
        return Some(("file-bad-path", "holds an empty part or `.`", remedy));
    }
    None
}
