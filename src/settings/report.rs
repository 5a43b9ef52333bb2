//! Findings with places and snippets, and what a snippet may show.
//!
//! # Guarantees
//! A snippet shows keys, punctuation and the values that were explicitly marked as harmless
//! ([`Report::show`]). Everything else of the line, comments included, is masked: a secret that
//! stands where nobody expected one is not repeated.

use std::ops::Range;

use super::syntax::SyntaxError;
use super::values::Problem;
use crate::domain::{Finding, Findings, Origin, Severity};
use crate::yaml::{Node, Place, Yaml};

/// Longer names are masked: they are more likely something pasted than a key.
const LONGEST_KEY: usize = 30;

/// The findings about one file, collected while it is read.
pub(super) struct Report<'a> {
    path: &'a str,
    text: &'a str,
    /// Bytes that may be shown.
    shown: Vec<Range<usize>>,
    /// Bytes of scalars: punctuation in them is content.
    scalars: Vec<Range<usize>>,
    pending: Vec<(Place, Severity, Problem)>,
}

impl<'a> Report<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text,
            shown: Vec::new(),
            scalars: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Learns where the scalars are.
    pub(super) fn learn(&mut self, node: &Node) {
        match &node.value {
            Yaml::List(items) => items.iter().for_each(|item| self.learn(item)),
            Yaml::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.learn(key);
                self.learn(value);
            }),
            _ => self.scalars.push(node.span.clone()),
        }
    }

    /// Adds what makes the file unusable.
    pub(super) fn critical(&mut self, place: Place, problem: Problem) {
        self.pending.push((place, Severity::Critical, problem));
    }

    /// Adds what is probably not meant.
    pub(super) fn warning(&mut self, place: Place, problem: Problem) {
        self.pending.push((place, Severity::Warning, problem));
    }

    /// Adds the one finding about a text that is no YAML.
    pub(super) fn syntax(&mut self, error: SyntaxError) {
        let SyntaxError { place, message } = error;
        // Parsers like to quote what they stumbled over, which may be a secret.
        let (start, line) = self.line(place).unwrap_or_default();
        self.scalars.push(0..self.text.len());
        self.shown.push(start..start + key_prefix(line));
        let quoted = line
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word.len() >= 6 && message.contains(word));
        let why = if quoted { "a syntax error" } else { &message };
        let problem = Problem::new(
            "yaml-syntax",
            format!("the file is no valid YAML: {why}"),
            "check indentation, quotes and colons around this place; values are masked here on purpose",
        );
        self.critical(place, problem);
    }

    /// Marks a scalar as harmless to show.
    pub(super) fn show(&mut self, node: &Node) {
        if !matches!(node.value, Yaml::List(_) | Yaml::Map(_)) {
            self.shown.push(node.span.clone());
        }
    }

    /// Marks a key as harmless to show, unless it does not look like one.
    pub(super) fn show_key(&mut self, key: &Node) {
        if let Yaml::Text(text) = &key.value
            && is_key_like(text)
        {
            self.show(key);
        }
    }

    /// The text of a scalar as it is written, for numbers and the like.
    pub(super) fn written(&self, node: &Node) -> &'a str {
        self.text.get(node.span.clone()).unwrap_or_default()
    }

    /// The place and the masked line, for findings that are made later.
    pub(super) fn place(&self, place: Place) -> (Origin, String) {
        let origin = Origin {
            path: self.path.to_owned(),
            line: place.line,
            column: place.column,
        };
        (origin, self.snippet(place))
    }

    /// Everything found, in order of place.
    pub(super) fn finish(mut self) -> Findings {
        let pending = std::mem::take(&mut self.pending);
        let mut findings = Findings(
            pending
                .into_iter()
                .map(|(place, severity, problem)| {
                    let (origin, snippet) = self.place(place);
                    let Problem {
                        id,
                        message,
                        remedy,
                    } = problem;
                    Finding {
                        id: id.to_owned(),
                        severity,
                        origin,
                        message,
                        remedy,
                        snippet,
                    }
                })
                .collect(),
        );
        findings.sort();
        findings
    }

    /// Returns where the line of a place starts, and the line without its end.
    fn line(&self, place: Place) -> Option<(usize, &'a str)> {
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let line = self.text.split('\n').nth(index)?;
        let start = line.as_ptr() as usize - self.text.as_ptr() as usize;
        Some((start, line.strip_suffix('\r').unwrap_or(line)))
    }

    /// The line with all but harmless parts masked. Before the place every character keeps its
    /// width, so that the caret stays right; after it even the length of a value is hidden.
    fn snippet(&self, place: Place) -> String {
        let Some((start, line)) = self.line(place) else {
            return String::new();
        };
        let mut snippet = String::new();
        let mut masking = false;
        for (column, (offset, c)) in (1_u32..).zip(line.char_indices()) {
            let at = start + offset;
            let in_scalar = contains(&self.scalars, at);
            if c == '#' && !in_scalar {
                break;
            }
            let shown = contains(&self.shown, at) || (!in_scalar && " \t{}[],:-".contains(c));
            if shown {
                snippet.push(c);
            } else if column < place.column {
                snippet.push('*');
            } else if !masking {
                snippet.push_str("***");
            }
            masking = !shown && column >= place.column;
        }
        snippet.truncate(snippet.trim_end().len());
        snippet
    }
}

fn contains(spans: &[Range<usize>], at: usize) -> bool {
    spans.iter().any(|span| span.contains(&at))
}

/// True if a text looks like a key rather than like something pasted in the wrong place.
pub(super) fn is_key_like(text: &str) -> bool {
    text.len() <= LONGEST_KEY
        && text
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.'))
}

/// The length of the indentation, the key and the colon that a line starts with, if it does.
fn key_prefix(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    match line.split_once(':') {
        Some((key, rest)) if is_key_like(key.trim()) => {
            key.len() + 1 + rest.len() - rest.trim_start().len()
        }
        _ => indent,
    }
}
