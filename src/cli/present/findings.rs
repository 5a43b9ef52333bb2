//! Findings, as they spell themselves, with colours.

use super::text::{BOLD, CYAN, GREEN, RED, clean, count, paint, severity_style};
use crate::domain::{Finding, Findings, Severity};

/// The number of findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Tally {
    critical: usize,
    warning: usize,
    info: usize,
}

impl Tally {
    /// Counts these too.
    pub(crate) fn add(&mut self, findings: &Findings) {
        for finding in &findings.0 {
            *match finding.severity {
                Severity::Critical => &mut self.critical,
                Severity::Warning => &mut self.warning,
                Severity::Info => &mut self.info,
            } += 1;
        }
    }

    /// True if any is critical.
    pub(crate) fn any_critical(self) -> bool {
        self.critical > 0
    }

    /// The closing line.
    pub(crate) fn line(self, files: usize) -> String {
        let Self {
            critical,
            warning,
            info,
        } = self;
        let files = count(files, "file", "files");
        if critical + warning + info == 0 {
            return format!("{}\n", paint(GREEN, &format!("{files}, no findings.")));
        }
        let counts = format!(
            "{critical} critical, {}, {info} info",
            count(warning, "warning", "warnings")
        );
        let style = if critical > 0 { RED } else { BOLD };
        format!("{}\n", paint(style, &format!("{files}: {counts}.")))
    }
}

/// All of them, a blank line after each.
pub(crate) fn findings(findings: &Findings) -> String {
    findings
        .0
        .iter()
        .map(|found| format!("{}\n\n", finding(found)))
        .collect()
}

/// One finding.
pub(super) fn finding(finding: &Finding) -> String {
    let text = clean(&finding.to_string());
    let severity = format!(": {}: ", finding.severity);
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        lines.push(match line.split_once(&severity) {
            Some((place, message)) if i == 0 => format!(
                "{}: {}: {message}",
                paint(BOLD, place),
                paint(
                    severity_style(finding.severity),
                    &finding.severity.to_string()
                )
            ),
            _ if line.starts_with("  = ") => paint(CYAN, line),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}
