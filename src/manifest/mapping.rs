//! Reading mappings of a release file: known keys, each once.

use std::collections::BTreeMap;

use super::report::{Report, quote, suggestion};
use crate::yaml::{Node, Yaml};

/// One entry: the key's node and the value's node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'n> {
    pub(super) key: &'n Node,
    pub(super) value: &'n Node,
}

/// The entries of a mapping by key. Of a duplicate the first counts; it and keys that are no text
/// are reported.
pub(super) fn entries<'n>(
    node: &'n Node,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Vec<(&'n str, Entry<'n>)>> {
    let Yaml::Map(pairs) = &node.value else {
        let remedy = format!("write {what} as `name: value` lines");
        report.wrong_type(node.place, what, node.value.label(), "a mapping", remedy);
        return None;
    };
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut entries = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Yaml::Text(name) = &key.value else {
            let message = format!("a key of {what} is {}, but must be text", key.value.label());
            report.critical("wrong-type", key.place, message, "put the key in quotes");
            continue;
        };
        if let Some(first) = seen.get(name.as_str()) {
            report.critical(
                "duplicate-key",
                key.place,
                format!("{} is given twice, first in line {first}", quote(name)),
                "keep one of them",
            );
            continue;
        }
        seen.insert(name, key.place.line);
        entries.push((name.as_str(), Entry { key, value }));
    }
    Some(entries)
}

/// A mapping of which all keys are known.
pub(super) struct Mapping<'n>(BTreeMap<&'n str, Entry<'n>>);

impl<'n> Mapping<'n> {
    /// Reads it and reports unknown keys.
    pub(super) fn read(
        node: &'n Node,
        what: &str,
        known: &'static [&'static str],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let mut map = BTreeMap::new();
        for (name, entry) in entries(node, what, report)? {
            if known.contains(&name) {
                map.insert(name, entry);
            } else {
                report.critical(
                    "unknown-key",
                    entry.key.place,
                    format!("unknown key {} in {what}", quote(name)),
                    suggestion(name, known.iter().copied()),
                );
            }
        }
        Some(Self(map))
    }

    pub(super) fn get(&self, name: &str) -> Option<Entry<'n>> {
        self.0.get(name).copied()
    }

    /// The text at a key; anything else is reported.
    pub(super) fn text(&self, name: &str, report: &mut Report<'_>) -> Option<&'n str> {
        let Entry { value, .. } = self.get(name)?;
        let text = text_of(value, &format!("`{name}`"), report)?;
        Some(text)
    }
}

/// The text of a node; anything else is reported.
pub(super) fn text_of<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    if let Yaml::Text(text) = &node.value {
        return Some(text);
    }
    let remedy = match report.source.spelling(node) {
        Some(spelling) => format!("put it in quotes: \"{spelling}\""),
        None => "write a text".to_owned(),
    };
    report.wrong_type(node.place, what, node.value.label(), "text", remedy);
    None
}
