//! The voice of the demo: plain lines, with colour on a terminal.

use std::io::{IsTerminal as _, Write as _};

use clap::ColorChoice;
use similar::{ChangeTag, TextDiff};

use crate::domain::{Action, Release, Value};

/// A speaker.
pub(super) struct Voice {
    colour: bool,
    step: usize,
}

impl Voice {
    pub(super) fn new(choice: ColorChoice) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => wanted && std::io::stdout().is_terminal(),
        };
        Self { colour, step: 0 }
    }

    /// A new chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.step += 1;
        let title = self.paint("1", &format!("{}. {title}", self.step));
        self.say(&format!("\n{title}"));
    }

    /// A line.
    pub(super) fn say(&self, line: &str) {
        // Somebody who reads no further has seen enough.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// A command that somebody could have typed.
    pub(super) fn command(&self, line: &str) {
        self.say(&format!("   {}", self.paint("36", &format!("$ {line}"))));
    }

    /// Text to look at, each line with a margin.
    pub(super) fn quote(&self, text: &str) {
        for line in text.lines() {
            self.say(&format!("   {} {line}", self.paint("2", "|")));
        }
    }

    /// Good news.
    pub(super) fn good(&self, line: &str) {
        self.say(&format!("   {} {line}", self.paint("32", "ok")));
    }

    /// Every field of a release: what the store had, and what it has now.
    pub(super) fn fields(&self, release: &Release) {
        for change in &release.changes {
            let what = match change.action {
                Action::Create => "created",
                Action::Update => "updated",
                Action::Delete => "deleted",
                Action::Noop => "unchanged",
            };
            let name = format!("{} {}", change.kind, change.key);
            self.say(&format!("   {} {what}", self.paint("1", &name)));
            for field in change.fields.iter().filter(|f| f.before != f.after) {
                self.say(&format!("     {}", field.field));
                self.difference(&text(&field.before), &text(&field.after));
            }
        }
    }

    fn difference(&self, before: &str, after: &str) {
        for change in TextDiff::from_lines(before, after).iter_all_changes() {
            let (sign, colour) = match change.tag() {
                ChangeTag::Delete => ("-", "31"),
                ChangeTag::Insert => ("+", "32"),
                ChangeTag::Equal => (" ", "2"),
            };
            let line = format!("{sign} {}", change.value().trim_end_matches('\n'));
            self.say(&format!("       {}", self.paint(colour, &line)));
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A value as lines; nothing at all for null.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("{}\n", text.trim_end_matches('\n')),
        other => format!("{other}\n"),
    }
}
