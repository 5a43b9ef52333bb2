//! Reading mappings key by key, reporting everything and stopping at nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::report::{Report, is_key_like};
use super::secrets::Location;
use super::types::Choice;
use super::values::{self, Problem};
use crate::yaml::{Node, Place, Yaml};

/// Keys that a later version will have: refused, but not called unknown.
const RESERVED: &[&str] = &[
    "listen",
    "drift",
    "allowed_signers",
    "limits",
    "freeze",
    "hooks",
    "notify",
    "checks",
    "cache",
];

/// A mapping whose keys are known and unique.
pub(super) struct Section<'t> {
    /// The dotted path, for messages; empty for the whole file.
    path: String,
    /// The key that it belongs to.
    pub(super) place: Place,
    entries: BTreeMap<&'t str, (&'t Node, &'t Node)>,
}

impl<'t> Section<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&'t Node> {
        self.entries.get(key).map(|(_, value)| *value)
    }

    /// The path of a key in here.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Returns where a key stands; where it is left out, the key of this mapping.
    pub(super) fn key_place(&self, key: &str) -> Place {
        self.entries
            .get(key)
            .map_or(self.place, |(key, _)| key.place)
    }

    /// Returns where the value of a key stands; where it is left out, the key of this mapping.
    pub(super) fn value_place(&self, key: &str) -> Place {
        self.get(key).map_or(self.place, |value| value.place)
    }

    fn place(&self) -> String {
        if self.path.is_empty() {
            "the file".to_owned()
        } else {
            format!("`{}`", self.path)
        }
    }
}

/// Reads sections and values; what is wrong goes into the report.
pub(super) struct Reader<'a> {
    pub(super) report: Report<'a>,
}

impl Reader<'_> {
    /// The keys and values of a mapping, in the order of the file; without repeated keys.
    pub(super) fn entries<'t>(
        &mut self,
        node: &'t Node,
        place: Place,
        path: &str,
    ) -> Option<Vec<(&'t str, &'t Node, &'t Node)>> {
        let Yaml::Map(entries) = &node.value else {
            let name = if path.is_empty() {
                "the file".to_owned()
            } else {
                format!("`{path}`")
            };
            let place = match node.value {
                Yaml::Null => place,
                _ => node.place,
            };
            self.report.critical(
                place,
                Problem::new(
                    "wrong-type",
                    format!("{name} is {}, but must be a mapping", node.value.label()),
                    "write keys and values below it, indented by two spaces",
                ),
            );
            return None;
        };
        let mut seen: Vec<(&str, &Node, &Node)> = Vec::new();
        for (key, value) in entries {
            let Yaml::Text(name) = &key.value else {
                let what = key.value.label();
                self.report.critical(
                    key.place,
                    Problem::new(
                        "wrong-type",
                        format!("a key is {what}, but must be text"),
                        "write a plain key; put it in quotes if it looks like a number",
                    ),
                );
                continue;
            };
            self.report.show_key(key);
            if let Some((_, first, _)) = seen.iter().find(|(known, _, _)| known == name) {
                let line = first.place.line;
                self.report.critical(
                    key.place,
                    Problem::new(
                        "duplicate-key",
                        format!("the key {} was given in line {line} already", quoted(name)),
                        "keep one of the two",
                    ),
                );
                continue;
            }
            seen.push((name, key, value));
        }
        Some(seen)
    }

    /// A mapping of which the keys are known.
    pub(super) fn section<'t>(
        &mut self,
        node: &'t Node,
        place: Place,
        path: String,
        known: &[&str],
    ) -> Option<Section<'t>> {
        let entries = self.entries(node, place, &path)?;
        let mut section = Section {
            path,
            place,
            entries: BTreeMap::new(),
        };
        for (name, key, value) in entries {
            if known.contains(&name) {
                section.entries.insert(name, (key, value));
            } else {
                let problem = unknown_key(name, &section.place(), known);
                self.report.critical(key.place, problem);
            }
        }
        Some(section)
    }

    /// The node of a key that must be there.
    pub(super) fn require<'t>(&mut self, section: &Section<'t>, key: &str) -> Option<&'t Node> {
        let node = section.get(key);
        if node.is_none() {
            self.report.critical(
                section.place,
                Problem::new(
                    "missing-key",
                    format!("{} lacks `{key}`", section.place()),
                    format!("add `{key}:`"),
                ),
            );
        }
        node
    }

    /// A text that must be there, made into something.
    pub(super) fn required<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        self.require(section, key)?;
        self.optional(section, key, parse)
    }

    /// A text that may be there, made into something. It is marked as harmless.
    pub(super) fn optional<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let node = section.get(key)?;
        self.report.show(node);
        self.masked(node, &section.path_of(key), parse)
    }

    /// As [`Self::optional`], without marking the text as harmless.
    pub(super) fn masked<T>(
        &mut self,
        node: &Node,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let parsed = match &node.value {
            Yaml::Text(text) => parse(text),
            _ => Err(wrong_type(node, path, "text")),
        };
        parsed
            .map_err(|problem| self.report.critical(node.place, problem))
            .ok()
    }

    /// A duration between two limits.
    pub(super) fn duration(
        &mut self,
        section: &Section<'_>,
        key: &str,
        limits: (Duration, Duration),
    ) -> Option<Duration> {
        let node = section.get(key)?;
        self.report.show(node);
        let parsed = match &node.value {
            Yaml::Text(text) => values::duration(text),
            Yaml::Number(_) => values::duration(self.report.written(node)),
            _ => Err(wrong_type(node, &section.path_of(key), "a duration")),
        };
        let (least, most) = limits;
        let within = parsed.and_then(|duration| {
            if (least..=most).contains(&duration) {
                Ok(duration)
            } else {
                Err(Problem::new(
                    "bad-duration",
                    format!("`{}` is out of range", section.path_of(key)),
                    format!("use a duration from {least:?} to {most:?}"),
                ))
            }
        });
        within
            .map_err(|problem| self.report.critical(node.place, problem))
            .ok()
    }

    /// A whole number between two limits.
    pub(super) fn number(
        &mut self,
        section: &Section<'_>,
        key: &str,
        limits: (usize, usize),
    ) -> Option<usize> {
        let node = section.get(key)?;
        self.report.show(node);
        let (least, most) = limits;
        let number = match node.value {
            Yaml::Number(_) => self.report.written(node).parse().ok(),
            _ => None,
        };
        let within = number.filter(|number| (least..=most).contains(number));
        if within.is_none() {
            self.report.critical(
                node.place,
                Problem::new(
                    "bad-number",
                    format!(
                        "`{}` is no whole number from {least} to {most}",
                        section.path_of(key)
                    ),
                    format!("write a whole number from {least} to {most}, without quotes"),
                ),
            );
        }
        within
    }

    /// One of a few words; the default where the key is left out.
    pub(super) fn choice<T: Choice>(&mut self, section: &Section<'_>, key: &str) -> T {
        let path = section.path_of(key);
        self.optional(section, key, |text| {
            let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
            match T::WORDS.iter().find(|(word, _)| *word == text) {
                Some((_, value)) => Ok(*value),
                None => Err(Problem::new(
                    "bad-choice",
                    format!("`{path}` is {text:?}, which it cannot be"),
                    nearest_or_all(text, &words),
                )),
            }
        })
        .unwrap_or_default()
    }

    /// Returns where a secret is. Whatever else stands there is never repeated.
    pub(super) fn secret(
        &mut self,
        section: &Section<'_>,
        key: &str,
        base: &Path,
    ) -> Option<(Location, Place)> {
        let node = section.get(key)?;
        match secret_source(node, &section.path_of(key), base) {
            Ok((location, source, value)) => {
                self.report.show(source);
                self.report.show(value);
                Some((location, source.place))
            }
            Err((place, problem)) => {
                self.report.critical(place, problem);
                None
            }
        }
    }
}

/// The place that a node names, with the nodes of the kind of place and of its name.
fn secret_source<'t>(
    node: &'t Node,
    path: &str,
    base: &Path,
) -> Result<(Location, &'t Node, &'t Node), (Place, Problem)> {
    let bad = |place, why: &str| {
        let message = format!("`{path}` {why}");
        (
            place,
            Problem::new("bad-secret-source", message, SECRET_REMEDY),
        )
    };
    let entries = match &node.value {
        Yaml::Map(entries) => entries,
        Yaml::Null => return Err(bad(node.place, "is empty")),
        _ => {
            let message = format!(
                "`{path}` holds a secret in clear; the configuration names only where secrets are"
            );
            let remedy =
                format!("{SECRET_REMEDY}; renew the secret if others could read this file");
            return Err((node.place, Problem::new("clear-secret", message, remedy)));
        }
    };
    let [(source, value)] = entries.as_slice() else {
        return Err(bad(node.place, "must name exactly one place"));
    };
    let (Yaml::Text(name), Yaml::Text(text)) = (&source.value, &value.value) else {
        return Err(bad(source.place, "has a place that is no text"));
    };
    let location = location(name, text, base).map_err(|why| bad(source.place, why))?;
    Ok((location, source, value))
}

const SECRET_REMEDY: &str =
    "write { env: NAME }, { file: PATH } or { credential: NAME } (systemd's LoadCredential=)";

fn location(source: &str, text: &str, base: &Path) -> Result<Location, &'static str> {
    let word = |extra: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c))
    };
    match source {
        "env" if word("") && !text.starts_with(|c: char| c.is_ascii_digit()) => {
            Ok(Location::Env(text.to_owned()))
        }
        "env" => Err("names no environment variable"),
        "file" if !text.is_empty() => Ok(Location::File(base.join(text))),
        "file" => Err("names an empty path"),
        "credential" if word("-.") && !text.starts_with('.') => {
            Ok(Location::Credential(text.to_owned()))
        }
        "credential" => Err("names no credential of systemd"),
        _ => Err("names a kind of place that does not exist"),
    }
}

/// The finding for a value of the wrong type.
pub(super) fn wrong_type(node: &Node, path: &str, wanted: &str) -> Problem {
    let remedy = match node.value {
        Yaml::Null => "give it a value, or leave the key out".to_owned(),
        Yaml::Bool(_) | Yaml::Number(_) => "put it in quotes".to_owned(),
        _ => format!("write {wanted}"),
    };
    Problem::new(
        "wrong-type",
        format!("`{path}` is {}, but must be {wanted}", node.value.label()),
        remedy,
    )
}

fn quoted(key: &str) -> String {
    if is_key_like(key) {
        format!("`{key}`")
    } else {
        "(masked)".to_owned()
    }
}

fn unknown_key(key: &str, place: &str, known: &[&str]) -> Problem {
    if RESERVED.contains(&key) {
        return Problem::new(
            "unsupported-key",
            format!("`{key}` in {place} is not supported by this version"),
            "leave it out until a version supports it",
        );
    }
    Problem::new(
        "unknown-key",
        format!("unknown key {} in {place}", quoted(key)),
        nearest_or_all(key, known),
    )
}

/// "did you mean" where one is near, else everything that is possible.
fn nearest_or_all(text: &str, words: &[&str]) -> String {
    let allowed = (text.chars().count() / 3).max(1);
    let nearest = words
        .iter()
        .map(|word| {
            (
                strsim::damerau_levenshtein(word, &text.to_lowercase()),
                word,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= allowed);
    match nearest {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("possible are {}", words.join(", "))
        }
    }
}
