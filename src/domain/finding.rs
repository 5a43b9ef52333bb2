//! Findings: what is wrong in release files or in the configuration, where, why and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Origin;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The commit or configuration cannot be used.
    Critical,
    /// It can be used, but probably does not say what was meant.
    Warning,
    /// Worth knowing.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id, kebab-case: `unknown-field`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where: the offending key, or the value for a wrong type. Line 0 is "the whole file".
    pub origin: Origin,
    /// What is wrong and why.
    pub message: String,
    /// What to do; with the nearest valid name where there is one.
    pub remedy: String,
    /// The line of the file, without its end; empty where there is none.
    pub snippet: String,
}

/// `path:line:column: severity: message [id]`, the snippet with a caret, and the remedy.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            severity,
            origin,
            message,
            remedy,
            snippet,
        } = self;
        if origin.line == 0 {
            write!(f, "{}: {severity}: {message} [{id}]", origin.path)?;
        } else {
            write!(f, "{origin}: {severity}: {message} [{id}]")?;
        }
        if !snippet.is_empty() {
            let line = origin.line.to_string();
            let pad = " ".repeat(line.len());
            let indent: String = snippet
                .chars()
                .take(origin.column.saturating_sub(1) as usize)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            write!(f, "\n {line} | {snippet}\n {pad} | {indent}^")?;
        }
        if !remedy.is_empty() {
            write!(f, "\n  = {remedy}")?;
        }
        Ok(())
    }
}

/// Findings, in path and position order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// True if any of them is critical.
    pub fn any_critical(&self) -> bool {
        self.0
            .iter()
            .any(|finding| finding.severity == Severity::Critical)
    }

    /// Sorts by place, then severity and id.
    pub fn sort(&mut self) {
        self.0
            .sort_by(|a, b| (&a.origin, a.severity, &a.id).cmp(&(&b.origin, b.severity, &b.id)));
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}
