//! From the text of the configuration to its YAML, or to what is wrong with that.

use crate::yaml::{self, Node, Place};

/// The reason why a text is no YAML document. No `Debug`: parsers quote what they stumble over.
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let budget = serde_yaml::budget! { max_depth: 64, max_nodes: 20_000 };
    let alias_limits = serde_yaml::alias_limits! { max_total_replayed_events: 20_000 };
    yaml::parse(text, budget, alias_limits).map_err(|error| SyntaxError {
        place: error.location().map_or(Place::FILE, Place::from),
        message: match &error {
            serde_yaml::Error::MultipleDocuments { .. } => "more than one document".to_owned(),
            other => without_place(&other.without_snippet().to_string()),
        },
    })
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
