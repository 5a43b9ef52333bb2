//! A YAML document as a tree of nodes that know where they stand.
//!
//! serde's own derive stops at the first thing it dislikes. Release files are to be told everything
//! at once, so the parser only builds this tree and the checks walk over it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{MessageFormatter, Spanned};

use super::source::{Place, Source, clip};

/// Release files need a depth of six; what is far deeper is made to exhaust the stack.
const MAX_DEPTH: usize = 32;
/// Some ten nodes a change and two a field.
const MAX_NODES: usize = 100_000;

/// A node with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Yaml,
    /// Where it is used; for an alias that is the alias, not the anchor.
    pub(super) place: Place,
    /// Its bytes in the text; empty for an alias and where the parser cannot tell.
    pub(super) span: std::ops::Range<usize>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yaml {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, duplicate keys included.
    Map(Vec<(Node, Node)>),
}

impl Yaml {
    /// The type, for people.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// How a short scalar is spelled in the file.
    pub(super) fn spelling<'s>(&self, source: &'s Source) -> Option<&'s str> {
        let scalar = matches!(self.value, Yaml::Bool(_) | Yaml::Number(_) | Yaml::Text(_));
        source
            .text
            .get(self.span.clone())
            .filter(|text| scalar && !text.is_empty() && text.len() <= 40)
    }
}

/// Why a text is no single YAML document.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) id: &'static str,
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Parses one document; a text without any is `Null` at the first line.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            flow_nesting_limit: MAX_DEPTH + 1,
            // Replayed nodes and bytes are counted already, so that one anchor may serve many changes.
            enforce_alias_anchor_ratio: false,
        },
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options::<Spanned<Yaml>>(text, options)
        .map(Node::from)
        .map_err(|error| syntax_error(&error))
}

fn syntax_error(error: &serde_yaml::Error) -> SyntaxError {
    use serde_yaml::Error as E;
    let place = error.location().map_or(Place::START, Place::from);
    let (id, message, remedy) = match innermost(error) {
        E::MultipleDocuments { .. } => (
            "multiple-documents",
            "a second YAML document begins here; a release file is one document".to_owned(),
            "write one file a document, or take the `---` away",
        ),
        E::Budget { .. }
        | E::AliasReplayLimitExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. }
        | E::AliasReplayCounterOverflow { .. }
        | E::RecursiveReferencesRequireWeakTypes { .. } => (
            "yaml-too-complex",
            format!(
                "too deep or too large once aliases are followed ({MAX_DEPTH} levels, {MAX_NODES} nodes and 64 MiB of text at most)"
            ),
            "write it with fewer aliases and less nesting, or split the file",
        ),
        other => ("yaml-syntax", syntax_message(other), "correct the YAML"),
    };
    SyntaxError {
        id,
        place,
        message,
        remedy,
    }
}

/// The error without what is wrapped around it: snippets, and the place of the alias.
fn innermost(error: &serde_yaml::Error) -> &serde_yaml::Error {
    match error.without_snippet() {
        serde_yaml::Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

/// The parser's words without the place, which stands elsewhere, and without control characters.
fn syntax_message(error: &serde_yaml::Error) -> String {
    let words = serde_yaml::DefaultMessageFormatter.format_message(error);
    let clean: String = clip(&words, 300)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("no valid YAML: {clean}")
}

impl From<Spanned<Yaml>> for Node {
    fn from(spanned: Spanned<Yaml>) -> Self {
        let Spanned {
            value,
            referenced,
            defined,
        } = spanned;
        let span = match (
            referenced == defined,
            defined.span().byte_offset(),
            defined.span().byte_len(),
        ) {
            (true, Some(start), Some(len)) => start as usize..(start + len) as usize,
            _ => 0..0,
        };
        Self {
            value,
            place: Place::from(referenced),
            span,
        }
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Yaml, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Yaml, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Yaml, E> {
        Number::from_f64(value)
            .map(Yaml::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Yaml>>()? {
            items.push(item.into());
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<Yaml>, Spanned<Yaml>>()? {
            entries.push((key.into(), value.into()));
        }
        Ok(Yaml::Map(entries))
    }
}
