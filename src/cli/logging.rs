//! Logs, on standard error.

use std::io::stderr;

use anstream::AutoStream;
use clap::{ColorChoice, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::present::stream_choice;

/// Form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// The verbs whose log is what one reads of them.
const TALKATIVE: &[&str] = &["daemon"];

/// Returns what is logged. Libraries stay at warnings: their words are for those who work on them.
fn directives(verb: &str, verbose: u8) -> &'static str {
    match verbose + u8::from(TALKATIVE.contains(&verb)) {
        0 => "warn",
        1 => "warn,gitmage=info",
        2 => "warn,gitmage=debug",
        _ => "warn,gitmage=trace",
    }
}

/// Begins to log.
pub(super) fn start(verb: &str, format: LogFormat, verbose: u8, color: ColorChoice) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() && verbose == 0 => EnvFilter::new(text),
        Ok(_) | Err(_) => EnvFilter::new(directives(verb, verbose.min(9))),
    };
    let colored = match stream_choice(color) {
        anstream::ColorChoice::Auto => {
            AutoStream::choice(&stderr()) != anstream::ColorChoice::Never
        }
        choice => choice != anstream::ColorChoice::Never,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_target(false)
        .with_ansi(colored)
        .log_internal_errors(false);
    // It fails only where a log was begun before, which then goes on.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_talk_and_lists_do_not() {
        assert_eq!(directives("status", 0), "warn");
        assert_eq!(directives("daemon", 0), "warn,gitmage=info");
        assert_eq!(directives("plan", 1), "warn,gitmage=info");
        assert_eq!(directives("daemon", 1), "warn,gitmage=debug");
        assert_eq!(directives("reconcile", 0), "warn");
        assert_eq!(directives("plan", 9), "warn,gitmage=trace");
    }
}
