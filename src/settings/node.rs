//! YAML as a tree with places, so that one look can report everything that is wrong.
//!
//! Typed deserialization stops at the first surprise; a tree does not. Nothing in here implements
//! `Debug`: scalars may be secrets that somebody wrote in clear.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

/// A place in the text: line and column, 1-based and in characters; line 0 is "the whole file".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Pos {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl From<Location> for Pos {
    fn from(location: Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: number(location.line()),
            column: number(location.column()),
        }
    }
}

/// One node: what it is and where.
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) pos: Pos,
    /// The bytes of a scalar; of a collection only its first token.
    pub(super) span: Range<usize>,
}

/// What a node is. Numbers keep no value: the text at their span is what was written.
pub(super) enum NodeKind {
    Null,
    Bool,
    Number,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for people.
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "empty",
            NodeKind::Bool => "true or false",
            NodeKind::Number => "a number",
            NodeKind::Text(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }
}

/// Why a text is no YAML document.
pub(super) struct SyntaxError {
    pub(super) pos: Pos,
    pub(super) message: String,
}

/// Reads one document. Repeated keys are kept, for the reader to report them all.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! { max_depth: 64, max_nodes: 20_000 },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 20_000 },
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Raw>(text, options) {
        Ok(raw) => Ok(raw.0),
        Err(error) => Err(SyntaxError {
            pos: error.location().map(Pos::from).unwrap_or_default(),
            message: match &error {
                serde_yaml::Error::MultipleDocuments { .. } => "more than one document".to_owned(),
                other => without_place(&other.without_snippet().to_string()),
            },
        }),
    }
}

/// The parser ends its messages with the place, which findings carry already.
fn without_place(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let end = first
        .rfind(" at line ")
        .or_else(|| first.rfind(" (line "))
        .unwrap_or(first.len());
    first[..end].trim_end_matches([':', ',']).to_owned()
}

struct Raw(Node);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned {
            value: Bare(kind),
            referenced,
            defined: _,
        } = Spanned::<Bare>::deserialize(deserializer)?;
        let span = referenced.span();
        let index = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let start = index(span.byte_offset());
        Ok(Self(Node {
            kind,
            pos: referenced.into(),
            span: start..start.saturating_add(index(span.byte_len())),
        }))
    }
}

struct Bare(NodeKind);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BareVisitor).map(Self)
    }
}

struct BareVisitor;

impl<'de> Visitor<'de> for BareVisitor {
    type Value = NodeKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_none<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<NodeKind, E> {
        Ok(NodeKind::Bool)
    }

    fn visit_i64<E>(self, _: i64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<NodeKind, E> {
        Ok(NodeKind::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<NodeKind, E> {
        Ok(NodeKind::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<NodeKind, E> {
        Ok(NodeKind::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<NodeKind, E> {
        Ok(NodeKind::Text(text))
    }

    // The default would put the bytes into the error.
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<NodeKind, E> {
        Err(E::custom("binary values are not supported"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NodeKind, A::Error> {
        let mut list = Vec::new();
        while let Some(Raw(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(NodeKind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<NodeKind, A::Error> {
        let mut map = Vec::new();
        while let Some((Raw(key), Raw(value))) = entries.next_entry()? {
            map.push((key, value));
        }
        Ok(NodeKind::Map(map))
    }
}
