//! The value of a field: a scalar of the field's type, `{ file: … }` or `{ default: true }`.

use serde_json::Number;

use super::mapping::{Entry, Mapping, entries, text_of};
use super::report::{Report, quote};
use crate::domain::kinds::{Charset, FieldScope, FieldSpec, FieldType, Scoping};
use crate::domain::{Kind, Marker, SharedValue, StoreScope, Value};
use crate::yaml::{Node, Place, Yaml};

/// The keys of a value that is a mapping.
pub(super) const VALUE_KEYS: &[&str] = &["file", "default"];

/// A value as the file says it.
#[derive(Debug, Clone)]
pub(super) enum FieldValue {
    /// Checked and canonical.
    Ready(SharedValue),
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

/// The field whose value is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) kind: Kind,
    pub(super) store: &'a StoreScope,
    /// As the file spells it; an attribute of the store's own has no name in the table.
    pub(super) name: &'a str,
    pub(super) spec: &'static FieldSpec,
}

impl Of<'_> {
    /// True if the value is one of a view, beneath which there is that of all views.
    fn is_of_view(&self) -> bool {
        self.kind.scoping == Scoping::Values && *self.store != StoreScope::All
    }
}

/// Reads a value; `None` when it is no good, and why stands in the report.
pub(super) fn read(
    of: Of<'_>,
    node: &Node,
    charset: Charset,
    report: &mut Report<'_>,
) -> Option<FieldValue> {
    if of.is_of_view() && of.spec.scope == FieldScope::Global {
        report.critical(
            "one-value-for-all",
            node.place,
            format!(
                "`{}` of a {} has one value for all store views, and a change of a view would move it for all",
                of.name, of.kind.label
            ),
            "set it in a change with `store: all`",
        );
        return None;
    }
    let value = match (of.spec.ty, &node.value) {
        (_, Yaml::Null) if of.is_of_view() => {
            report.critical(
                "null-of-view",
                node.place,
                format!(
                    "`{}` is null, which Magento takes for \"use default value\" under a view",
                    of.name
                ),
                "write `{ default: true }` to use the default value, or `\"\"` for an empty text",
            );
            return None;
        }
        (ty, Yaml::Map(entries)) if !entries.is_empty() && !is_data(ty, node) => {
            return read_mapping(of, node, report);
        }
        (ty, value) => match plain(ty, value).or_else(|| structured(ty, node, report)) {
            Some(value) => value,
            None => {
                let remedy = wrong_type_remedy(of, node, report);
                let what = format!("`{}`", of.name);
                let wanted = of.spec.ty.label();
                report.wrong_type(node.place, &what, node.value.label(), wanted, remedy);
                return None;
            }
        },
    };
    let value = of.spec.canonical(value);
    if let Some(problem) = of.spec.check_as(of.name, &value, charset) {
        let place = match problem.id {
            "value-four-byte" => four_byte_place(node, report).unwrap_or(node.place),
            _ => node.place,
        };
        report.problem(place, problem);
        return None;
    }
    Some(FieldValue::Ready(value.into()))
}

/// A scalar of the field's type.
fn plain(ty: FieldType, value: &Yaml) -> Option<Value> {
    Some(match (ty, value) {
        (_, Yaml::Null) => Value::Null,
        (FieldType::Bool | FieldType::Attribute, Yaml::Bool(value)) => Value::Bool(*value),
        (FieldType::Integer { .. }, Yaml::Number(number)) if is_whole(number) => {
            Value::Number(number.clone())
        }
        (
            FieldType::Decimal { .. } | FieldType::Attribute | FieldType::Reference(_),
            Yaml::Number(number),
        ) => Value::Number(number.clone()),
        (
            FieldType::Text { .. }
            | FieldType::LongText { .. }
            | FieldType::Date
            | FieldType::DateTime
            | FieldType::Timestamp
            | FieldType::Choice(_)
            | FieldType::Reference(_)
            | FieldType::Attribute,
            Yaml::Text(text),
        ) => Value::String(text.clone()),
        _ => return None,
    })
}

/// True if a mapping is the value itself, and not `{ file: … }` or `{ default: true }`.
fn is_data(ty: FieldType, node: &Node) -> bool {
    let Yaml::Map(pairs) = &node.value else {
        return false;
    };
    let marks = |(key, value): &(Node, Node)| {
        key.value == Yaml::Text("default".to_owned()) && value.value == Yaml::Bool(true)
    };
    matches!(ty, FieldType::Labels | FieldType::Tree) && !pairs.iter().any(marks)
}

/// A list or a mapping, where the type is one.
fn structured(ty: FieldType, node: &Node, report: &mut Report<'_>) -> Option<Value> {
    match (ty, &node.value) {
        (FieldType::Texts | FieldType::References(_) | FieldType::Attribute, Yaml::List(_))
        | (FieldType::Labels | FieldType::Tree, Yaml::Map(_)) => json(node, report),
        _ => None,
    }
}

/// A node as JSON; keys that are no text or stand twice are reported.
fn json(node: &Node, report: &mut Report<'_>) -> Option<Value> {
    Some(match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Number(number) => Value::Number(number.clone()),
        Yaml::Text(text) => Value::String(text.clone()),
        Yaml::List(items) => {
            let items: Option<Vec<Value>> = items.iter().map(|item| json(item, report)).collect();
            Value::Array(items?)
        }
        Yaml::Map(_) => {
            let mut map = serde_json::Map::new();
            for (key, entry) in entries(node, "the value", report)? {
                map.insert(key.to_owned(), json(entry.value, report)?);
            }
            Value::Object(map)
        }
    })
}

/// A number in a whole number's spelling; the largest ones are kept as fractions.
fn is_whole(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    !number.is_f64() || number.as_f64().is_some_and(|n| n.abs() > EXACT)
}

/// Returns where the first four-byte character stands; unknown where it is written as an escape.
fn four_byte_place(node: &Node, report: &Report<'_>) -> Option<Place> {
    let text = report.source.text.get(node.spelled_at())?;
    let (offset, _) = text.char_indices().find(|(_, c)| c.len_utf8() == 4)?;
    Some(report.source.place_at(node.spelled_at().start + offset))
}

fn wrong_type_remedy(of: Of<'_>, node: &Node, report: &Report<'_>) -> String {
    let spelling = report.source.spelling(node);
    match (of.spec.ty, &node.value) {
        (FieldType::Bool, value) => match truth(value) {
            Some(truth) => format!("write `{truth}`"),
            None => "write `true` or `false`".to_owned(),
        },
        (FieldType::Integer { .. } | FieldType::Decimal { .. }, Yaml::Text(text))
            if let Some(number) = meant_number(text)
                && (number.parse::<i64>().is_ok()
                    || matches!(of.spec.ty, FieldType::Decimal { .. })) =>
        {
            match spelling.is_some_and(|spelling| spelling.starts_with(['"', '\''])) {
                true if number == *text => format!("take the quotes away: {number}"),
                true => format!("write {number}, without quotes"),
                false => format!("write {number}"),
            }
        }
        (FieldType::Choice(words), _) => format!("write one of: {}", words.join(", ")),
        (FieldType::References(_), Yaml::Text(text)) => format!("write a list: [{text}]"),
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

/// Returns the number that a text with leading zeros or with underscores between its digits means, as
/// YAML reads it.
fn meant_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1;
    let without = digits.trim_start_matches('0');
    let zero = match without.is_empty() || without.starts_with('.') {
        true => "0",
        false => "",
    };
    is_number.then(|| format!("{sign}{zero}{without}"))
}

/// Returns what somebody used to YAML 1.1 or to Magento's database means.
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

fn read_mapping(of: Of<'_>, node: &Node, report: &mut Report<'_>) -> Option<FieldValue> {
    let what = format!("the value of `{}`", of.name);
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
        (Some(file), None) => read_file(of, file, report).map(FieldValue::File),
        (None, Some(default)) => read_default(of, default, report),
        (None, None) => None,
    }
}

/// `{ default: true }`: the value under `all` shows through again.
fn read_default(of: Of<'_>, entry: Entry<'_>, report: &mut Report<'_>) -> Option<FieldValue> {
    if entry.value.value != Yaml::Bool(true) {
        let found = entry.value.value.label();
        report.wrong_type(
            entry.value.place,
            "`default`",
            found,
            "`true`",
            "write `{ default: true }`",
        );
        if of.is_of_view() {
            return None;
        }
    }
    if of.is_of_view() {
        if let Some(why) = of.spec.sticky {
            report.critical(
                "default-impossible",
                entry.key.place,
                format!("`{}` of a {} cannot go back to the default: {why}", of.name, of.kind.label),
                "give it the value that it has under `all`, or tick \"Use Default Value\" in the admin",
            );
            return None;
        }
        return Some(FieldValue::Ready(Marker::Default.value().clone().into()));
    }
    let why = match of.kind.scoping {
        Scoping::Assignment { .. } => format!(
            "a {} has one value, and `store` says where it is shown",
            of.kind.label
        ),
        Scoping::Global => format!("a {} has one value for all store views", of.kind.label),
        Scoping::Values => "this is the value under `all`, which views go back to".to_owned(),
        Scoping::Rows => "delete the view's row with `ensure: absent` instead".to_owned(),
    };
    report.critical(
        "default-without-scope",
        entry.key.place,
        format!("`{}` has no default to go back to: {why}", of.name),
        "give it a value, or leave the field out",
    );
    None
}

fn read_file(of: Of<'_>, entry: Entry<'_>, report: &mut Report<'_>) -> Option<FileRef> {
    let path = text_of(entry.value, "`file`", report)?;
    let place = entry.value.place;
    let ty = of.spec.ty;
    if !matches!(
        ty,
        FieldType::Text { .. } | FieldType::LongText { .. } | FieldType::Attribute
    ) {
        report.critical(
            "file-for-no-text",
            entry.key.place,
            format!("`{}` is {}, which no file holds", of.name, ty.label()),
            format!("write {} here", ty.label()),
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
