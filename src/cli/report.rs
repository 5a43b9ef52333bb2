//! The output of passes: progress to standard error of a terminal, outcomes to standard output.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use super::present::clean;
use crate::daemon::{HandledRelease, PassOutcome, Streamed};
use crate::domain::{Level, PhaseName};

/// One line that is overwritten, and warnings that stay. Nothing where nobody looks.
#[derive(Debug, Default)]
pub(super) struct Progress {
    phase: Option<PhaseName>,
    written: usize,
    shown: bool,
}

impl Progress {
    /// Shows an event.
    pub(super) fn tell(&mut self, event: &Streamed) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        match event {
            Streamed::Phase { name, .. } => {
                self.phase = Some(*name);
                if *name == PhaseName::Validate {
                    self.written = 0;
                }
            }
            Streamed::Entity { .. } => self.written += 1,
            Streamed::Line { activity, .. } => {
                if activity.level != Level::Info {
                    self.clear();
                    let key = activity.key.as_ref().map_or("", |key| key.as_str());
                    eprintln!("{}: {key} {}", event.environment(), activity.message);
                }
            }
        }
        let phase = self.phase.map_or("", PhaseName::as_str);
        let written = match self.written {
            0 => String::new(),
            n => format!(" ({n} written)"),
        };
        eprint!("\r\u{1b}[2K{}: {phase}{written}", event.environment());
        // Progress that cannot be shown is no reason to fail.
        let _ = std::io::stderr().flush();
        self.shown = true;
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\u{1b}[2K");
        }
    }
}

/// Prints what passes came to; the exit status says whether all is at its target.
pub(super) fn print(outcomes: &[PassOutcome]) -> ExitCode {
    let mut text = String::new();
    for outcome in outcomes {
        text.push_str(&describe(outcome));
    }
    // Somebody who reads no further (`| head`) has seen enough.
    let _ = std::io::stdout().write_all(clean(&text).as_bytes());
    if outcomes.iter().all(|outcome| outcome.converged) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn describe(outcome: &PassOutcome) -> String {
    let PassOutcome {
        environment,
        head,
        converged,
        releases,
        still_failed,
        error,
    } = outcome;
    let mut text = String::new();
    for release in releases {
        handled(&mut text, environment, release, "");
    }
    let head = head.as_ref().map_or("no commit", |head| head.short());
    if let Some(error) = error {
        text.push_str(&format!("{environment}: {error}\n"));
    } else if releases.is_empty() && *converged {
        text.push_str(&format!("{environment}: up to date at {head}\n"));
    } else if releases.is_empty() {
        text.push_str(&format!(
            "{environment}: nothing new at {head}, but not everything is at its target; `gitmage retry` tries again what the store refused\n"
        ));
    }
    for release in still_failed {
        handled(&mut text, environment, release, "still ");
    }
    text
}

fn handled(text: &mut String, environment: &str, release: &HandledRelease, still: &str) {
    let HandledRelease {
        id,
        kind,
        status,
        subject,
        message,
        failed,
    } = release;
    text.push_str(&format!(
        "{environment}: {} {kind} {still}{status}: {subject}\n",
        id.short()
    ));
    if failed.is_empty() {
        if let Some(message) = message {
            text.push_str(&format!("  {}\n", message.replace('\n', "\n  ")));
        }
        return;
    }
    for failure in failed {
        let why = failure.error.as_deref().unwrap_or("not at its target");
        text.push_str(&format!(
            "  {} {} ({}) failed: {why}\n",
            failure.kind, failure.key, failure.store
        ));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_idle_pass_is_one_line() {
        let head = "ab".repeat(20);
        let outcome: PassOutcome = serde_json::from_value(serde_json::json!({
            "environment": "production", "head": head, "converged": true,
            "releases": [], "still_failed": [], "error": null,
        }))
        .unwrap();
        assert_eq!(describe(&outcome), "production: up to date at ababababab\n");
    }

    #[test]
    fn a_failed_entity_has_the_words_of_the_store() {
        let id = "cd".repeat(20);
        let outcome: PassOutcome = serde_json::from_value(serde_json::json!({
            "environment": "production", "head": id, "converged": false,
            "releases": [{
                "id": id, "kind": "deploy", "status": "failed", "subject": "Black Friday",
                "message": "1 failed",
                "failed": [{"kind": "cms_page", "key": "home", "store": "all",
                            "error": "URL key for specified store already exists."}],
            }],
            "still_failed": [], "error": null,
        }))
        .unwrap();
        assert_eq!(
            describe(&outcome),
            "production: cdcdcdcdcd deploy failed: Black Friday\n  \
             cms_page home (all) failed: URL key for specified store already exists.\n"
        );
    }
}
