//! Words, colours and times.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};
use jiff::Timestamp;

use crate::domain::{Action, ReleaseStatus, Severity};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().effects(Effects::BOLD);
pub(crate) const DIM: Style = Style::new().effects(Effects::DIMMED);
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// The text in a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    if style == PLAIN || text.is_empty() {
        text.to_owned()
    } else {
        format!("{style}{text}{style:#}")
    }
}

/// The text with every character spelled out that would do something to a terminal. Line ends and
/// tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_bidirectional(c) => {
                // A String takes everything.
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// [`clean`], in one line.
pub(crate) fn clean_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// Characters that turn the direction of what follows round, and so make it look like something else.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first digits of an id, for people.
pub(crate) fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

pub(crate) fn status_style(status: ReleaseStatus) -> Style {
    match status {
        ReleaseStatus::Live => GREEN,
        ReleaseStatus::Failed | ReleaseStatus::Invalid => RED,
        ReleaseStatus::Held => YELLOW,
        ReleaseStatus::Pending
        | ReleaseStatus::Validating
        | ReleaseStatus::Snapshotted
        | ReleaseStatus::Deploying
        | ReleaseStatus::Verifying => CYAN,
        ReleaseStatus::Canceled | ReleaseStatus::Superseded | ReleaseStatus::RolledBack => DIM,
    }
}

/// The sign of an action and its colour.
pub(crate) fn action_sign(action: Action) -> (&'static str, Style) {
    match action {
        Action::Create => ("+", GREEN),
        Action::Update => ("~", YELLOW),
        Action::Delete => ("-", RED),
        Action::Noop => (" ", DIM),
    }
}

pub(crate) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => RED,
        Severity::Warning => YELLOW,
        Severity::Info => CYAN,
    }
}

/// Returns how long ago something was, in one unit.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s ago"),
        120..7200 => format!("{}m ago", seconds / 60),
        7200..172_800 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// Returns how long something took.
pub(crate) fn took(from: Timestamp, to: Timestamp) -> String {
    let ms = to.duration_since(from).as_millis().max(0);
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// `1 change`, `2 changes`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{9b}c\r\nd\te"),
            "a\\u{1b}[31mb\\u{9b}c\\r\nd\te"
        );
        assert_eq!(clean("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(clean("żółć 日本語"), "żółć 日本語");
        assert_eq!(clean_line("a\nb"), "a b");
    }

    #[test]
    fn ages_have_one_unit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2026-11-21T12:00:05Z", "0s ago"),
            ("2026-11-21T11:59:18Z", "42s ago"),
            ("2026-11-21T11:30:00Z", "30m ago"),
            ("2026-11-20T12:00:00Z", "24h ago"),
            ("2026-11-01T12:00:00Z", "20d ago"),
        ] {
            assert_eq!(age(at.parse().unwrap(), now), expected);
        }
    }
}
