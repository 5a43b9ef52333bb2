//! The text of a file, and places in it.

use std::borrow::Cow;

use crate::yaml::{Node, Place, Yaml};

/// Lines longer than this are cut in snippets: findings go into logs and into the ledger.
const SNIPPET_CHARS: usize = 200;

/// The text of a file without its byte order mark, and where its lines begin.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            line_starts: line_starts(text.as_bytes()),
        }
    }

    /// The place of a byte.
    pub(super) fn place_at(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self
            .line_starts
            .get(line.wrapping_sub(1))
            .copied()
            .unwrap_or(0);
        let column = 1 + self
            .text
            .get(start..offset)
            .map_or(0, |head| head.chars().count());
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// Returns the spelling of a short scalar.
    pub(super) fn spelling(&self, node: &Node) -> Option<&str> {
        let is_scalar = matches!(node.value, Yaml::Bool(_) | Yaml::Number(_) | Yaml::Text(_));
        self.text
            .get(node.spelled_at())
            .filter(|text| is_scalar && !text.is_empty() && text.len() <= 40)
    }

    /// The line of a place without its end; empty where a caret would be out of sight.
    pub(super) fn snippet(&self, place: Place) -> String {
        let line = place.line as usize;
        let Some(start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return String::new();
        };
        let end = self.line_starts.get(line).copied();
        let text = self
            .text
            .get(*start..end.unwrap_or(self.text.len()))
            .unwrap_or_default()
            .trim_end_matches(['\r', '\n']);
        if place.column as usize > SNIPPET_CHARS {
            return String::new();
        }
        clip(text, SNIPPET_CHARS).into_owned()
    }
}

/// YAML's line breaks: LF, CRLF and CR.
fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => starts.push(i + 1),
            b'\r' if bytes.get(i + 1) != Some(&b'\n') => starts.push(i + 1),
            _ => {}
        }
    }
    starts
}

/// A text of at most so many characters, with `…` where something was cut.
pub(super) fn clip(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_every_kind_of_line_end() {
        let source = Source::new("a", "\u{feff}ab\r\nüx\rc\n");
        let at = |needle| source.place_at(source.text.find(needle).unwrap_or(usize::MAX));
        assert_eq!(at("ab"), Place::START);
        assert_eq!(at("x"), Place { line: 2, column: 2 });
        assert_eq!(at("c"), Place { line: 3, column: 1 });
        assert_eq!(source.snippet(at("x")), "üx");
        assert_eq!(source.snippet(Place::FILE), "");
    }

    #[test]
    fn long_lines_are_cut() {
        let source = Source::new("a", &"é".repeat(500));
        assert_eq!(source.snippet(Place::START).chars().count(), 201);
        assert_eq!(
            source.snippet(Place {
                line: 1,
                column: 400
            }),
            ""
        );
    }
}
