//! From the text of a release file to its YAML, or to what is wrong with that.

use serde_yaml::MessageFormatter;
use serde_yaml::options::AliasLimits;

use super::source::clip;
use crate::yaml::{self, Node, Place};

/// Release files need a depth of six; what is far deeper is made to exhaust the stack.
const MAX_DEPTH: usize = 32;
/// Some ten nodes a change and two a field.
const MAX_NODES: usize = 100_000;

/// The reason why a text is no single YAML document.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) id: &'static str,
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Parses one document; a text without any is `Null` at the first line.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let budget = serde_yaml::budget! {
        max_depth: MAX_DEPTH,
        max_nodes: MAX_NODES,
        flow_nesting_limit: MAX_DEPTH + 1,
        // Replayed nodes and bytes are counted already, so that one anchor may serve many changes.
        enforce_alias_anchor_ratio: false,
    };
    yaml::parse(text, budget, AliasLimits::default()).map_err(|error| syntax_error(&error))
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
