//! YAML documents as trees whose nodes know where they stand.
//!
//! serde's own derive stops at the first thing that it dislikes. Whoever writes a file is to be told
//! everything at once, so the parser only builds this tree and the checks walk over it.
//!
//! # Guarantees
//! No scalar shows in `Debug` or in an error of this module: it may be a secret that somebody wrote in
//! clear.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::options::{AliasLimits, DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Budget, Location, Spanned};

/// A place in a text: 1-based, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// The file as a whole.
    pub(crate) const FILE: Self = Self { line: 0, column: 0 };
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self {
            line: u32::try_from(location.line()).unwrap_or(u32::MAX),
            column: u32::try_from(location.column()).unwrap_or(u32::MAX),
        }
    }
}

/// A node with its place.
#[derive(Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Yaml,
    /// The place of its use; for an alias that is the alias, not the anchor.
    pub(crate) place: Place,
    /// The bytes of a scalar or of an alias; of a collection only its first token.
    pub(crate) span: Range<usize>,
    /// True if the value is spelled elsewhere, at an anchor.
    pub(crate) is_alias: bool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "{} at {line}:{column}", self.value.label())
    }
}

/// A value of a document.
#[derive(Clone, PartialEq)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, duplicate keys included.
    Map(Vec<(Node, Node)>),
}

impl Yaml {
    /// Returns the type, for people.
    pub(crate) fn label(&self) -> &'static str {
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
    /// Returns the bytes that spell the value; none for an alias.
    pub(crate) fn spelled_at(&self) -> Range<usize> {
        match self.is_alias {
            true => 0..0,
            false => self.span.clone(),
        }
    }
}

/// Parses one document; a text without any is `Null` at the first line. Repeated keys are kept.
///
/// # Errors
/// The parser's own, as the text is no single document or exceeds the limits.
pub(crate) fn parse(
    text: &str,
    budget: Option<Budget>,
    alias_limits: AliasLimits,
) -> Result<Node, serde_yaml::Error> {
    let options = serde_yaml::options! {
        budget: budget,
        alias_limits: alias_limits,
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options::<Spanned<Yaml>>(text, options).map(Node::from)
}

impl From<Spanned<Yaml>> for Node {
    fn from(spanned: Spanned<Yaml>) -> Self {
        let Spanned {
            value,
            referenced,
            defined,
        } = spanned;
        let span = referenced.span();
        let index = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let start = index(span.byte_offset());
        Self {
            value,
            place: Place::from(referenced),
            span: start..start.saturating_add(index(span.byte_len())),
            is_alias: referenced != defined,
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

    // The default would put the bytes into the error.
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Yaml, E> {
        Err(E::custom("binary values are not supported"))
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
