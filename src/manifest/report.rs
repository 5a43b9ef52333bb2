//! Collecting findings: everything that is wrong with a file, not the first thing.

use super::source::{Source, clip};
use crate::domain::kinds::ValueProblem;
pub(super) use crate::domain::nearest;
use crate::domain::{Finding, Origin, Severity};
use crate::yaml::Place;

/// So many findings of one file are worth reading; a file may be made to have millions.
pub(super) const MAX_FINDINGS: usize = 100;

/// The findings of one file.
pub(super) struct Report<'a> {
    pub(super) source: &'a Source,
    findings: Vec<Finding>,
    left_out: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            findings: Vec::new(),
            left_out: false,
        }
    }

    pub(super) fn critical(
        &mut self,
        id: &str,
        place: Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(id, Severity::Critical, place, message.into(), remedy.into());
    }

    pub(super) fn warning(
        &mut self,
        id: &str,
        place: Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(id, Severity::Warning, place, message.into(), remedy.into());
    }

    pub(super) fn problem(&mut self, place: Place, problem: ValueProblem) {
        let ValueProblem {
            id,
            message,
            remedy,
        } = problem;
        self.critical(id, place, message, remedy);
    }

    pub(super) fn wrong_type(
        &mut self,
        place: Place,
        what: &str,
        found: &str,
        wanted: &str,
        remedy: impl Into<String>,
    ) {
        let message = format!("{what} is {found}, but must be {wanted}");
        self.critical("wrong-type", place, message, remedy);
    }

    fn add(&mut self, id: &str, severity: Severity, place: Place, message: String, remedy: String) {
        if self.findings.len() >= MAX_FINDINGS {
            self.left_out = true;
            return;
        }
        self.findings.push(Finding {
            id: id.to_owned(),
            severity,
            origin: origin(&self.source.path, place),
            message,
            remedy,
            snippet: self.source.snippet(place),
        });
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.findings;
        if self.left_out {
            findings.push(too_many(&self.source.path));
        }
        findings
    }
}

pub(super) fn origin(path: &str, place: Place) -> Origin {
    Origin {
        path: path.to_owned(),
        line: place.line,
        column: place.column,
    }
}

/// A finding about a file as a whole.
pub(super) fn about_file(path: &str, id: &str, message: String, remedy: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Critical,
        origin: origin(path, Place::FILE),
        message,
        remedy: remedy.to_owned(),
        snippet: String::new(),
    }
}

/// The finding that stands for those that are left out.
pub(super) fn too_many(path: &str) -> Finding {
    about_file(
        path,
        "too-many-findings",
        format!("there are further findings than the first {MAX_FINDINGS}"),
        "correct these and check again",
    )
}

/// A user's text in a message: in backticks, of bearable length, without control characters.
pub(super) fn quote(text: &str) -> String {
    quote_whole(&clip(text, 80))
}

/// The same in full, for what is to be copied.
pub(super) fn quote_whole(text: &str) -> String {
    let clean: String = text
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    format!("`{clean}`")
}

/// "did you mean …", or the list of what there is.
pub(super) fn suggestion<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(name, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let all: Vec<String> = candidates
                .into_iter()
                .map(|name| format!("`{name}`"))
                .collect();
            format!("use one of {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["title", "content", "meta_title", "active"];
        assert_eq!(nearest("tilte", names), Some("title"));
        assert_eq!(nearest("metaTitle", names), Some("meta_title"));
        assert_eq!(nearest("is_active", names), Some("active"));
        assert_eq!(nearest("sort_order", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn quoted_text_is_short_and_harmless() {
        assert_eq!(quote("a\u{1b}[2J"), "`a\\u{1b}[2J`");
        assert_eq!(quote(&"x".repeat(200)).chars().count(), 83);
    }
}
