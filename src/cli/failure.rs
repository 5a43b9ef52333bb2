//! The reasons why a verb ends early, folded once into what a person reads and an exit status.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::Write as _;
use std::process::ExitCode;

/// The end of a verb.
pub(super) type Outcome = Result<ExitCode, Failure>;

/// An error with all its causes, as one text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors repeat their cause in their own words.
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            cause = error.source();
        }
        Self(text)
    }
}

/// Says why, on standard error.
pub(super) fn fail(error: &dyn Display) -> ExitCode {
    // There is nobody left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

/// From an outcome to an exit status.
pub(super) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(Failure(text)) => fail(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the door")]
    struct Door(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("house: {source}")]
    struct House {
        source: Door,
    }

    #[test]
    fn causes_are_told_once() {
        let source = Door(std::io::Error::other("no key"));
        let failure = Failure::from(House { source });
        assert_eq!(failure, Failure::new("house: cannot open the door: no key"));
    }
}
