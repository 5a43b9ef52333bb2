//! The `key` of a change: one text, or its parts by their names.

use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, Kind};
use crate::manifest::mapping::{Entry, Mapping, text_of};
use crate::manifest::report::{Report, quote};
use crate::yaml::{Node, Place, Yaml};

/// The part of a key that is a number.
const QUANTITY: &str = "quantity";

/// The part of a key that is a path of names.
const PATH: &str = "category";

/// Refuses `\/` in double quotes: it is a plain slash to YAML, which divides names, and never one within
/// a name.
fn check_slashes(node: &Node, report: &mut Report<'_>) -> Option<()> {
    let spelled = report
        .source
        .text
        .get(node.spelled_at())
        .unwrap_or_default();
    let mut characters = spelled.chars();
    let mut is_escaped = false;
    while let Some(c) = characters.next() {
        is_escaped |= c == '\\' && characters.next() == Some('/');
    }
    if !spelled.starts_with('"') || !is_escaped {
        return Some(());
    }
    report.critical(
        "escaped-slash",
        node.place,
        "in double quotes `\\/` is a plain `/`, which divides the names of a path",
        "for a slash within a name use single quotes, '…\\/…', or write `\\\\/`",
    );
    None
}

pub(super) fn read(
    kind: Option<Kind>,
    map: &Mapping<'_>,
    place: Place,
    report: &mut Report<'_>,
) -> Option<(String, Place)> {
    const REMEDY: &str = "name the entity, such as `key: home`";
    let Some(Entry { value, .. }) = map.get("key") else {
        report.critical("missing-key", place, "the change has no `key`", REMEDY);
        return None;
    };
    if matches!(kind.map(|kind| kind.key), Some(KeyShape::Path)) {
        check_slashes(value, report)?;
    }
    let key = match (&value.value, kind.map(|kind| kind.key)) {
        (Yaml::Map(_), Some(KeyShape::Parts(names))) => read_parts(names, value, report)?,
        _ => text_of(value, "`key`", report)?.to_owned(),
    };
    if let Err(error) = EntityKey::new(key.as_str()) {
        report.critical("bad-key", value.place, error.to_string(), REMEDY);
        return None;
    }
    let parts = match kind.map(|kind| kind.key) {
        None | Some(KeyShape::Plain) => Vec::new(),
        Some(KeyShape::Path) => key::names(&key),
        Some(KeyShape::Parts(names)) => {
            let parts = key::parts(&key);
            if parts.len() != names.len() {
                report.critical(
                    "bad-key",
                    value.place,
                    format!(
                        "key {} has {} of its {} parts",
                        quote(&key),
                        parts.len(),
                        names.len()
                    ),
                    format!("write {}", spelled(names)),
                );
                return None;
            }
            parts
        }
    };
    if parts.iter().any(String::is_empty) {
        let message = format!("key {} has an empty part", quote(&key));
        report.critical("bad-key", value.place, message, "give each part a name");
        return None;
    }
    Some((key, value.place))
}

fn read_parts(
    names: &'static [&'static str],
    node: &Node,
    report: &mut Report<'_>,
) -> Option<String> {
    let map = Mapping::read(node, "`key`", names, report)?;
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let Some(entry) = map.get(name) else {
            let message = format!("the key has no `{name}`");
            report.critical(
                "missing-key",
                node.place,
                message,
                format!("write {}", spelled(names)),
            );
            return None;
        };
        if *name == PATH {
            check_slashes(entry.value, report)?;
        }
        let part = match &entry.value.value {
            Yaml::Number(number) if *name == QUANTITY => number.to_string(),
            // A SKU or a label is what is written, and never the number that YAML makes of it.
            Yaml::Number(_) => match report.source.spelling(entry.value) {
                Some(spelling) => spelling.to_owned(),
                None => text_of(entry.value, &format!("`{name}`"), report)?.to_owned(),
            },
            _ => text_of(entry.value, &format!("`{name}`"), report)?.to_owned(),
        };
        parts.push(part);
    }
    Some(key::of_parts(parts.iter().map(String::as_str)))
}

/// `key: { sku: …, source: … }`, and as one text.
fn spelled(names: &[&str]) -> String {
    let parts: Vec<String> = names.iter().map(|name| format!("{name}: …")).collect();
    format!(
        "`key: {{ {} }}`, or `{}`",
        parts.join(", "),
        names.join("|")
    )
}
