//! The control socket: `control.sock` in the state directory, for its owner alone.
//!
//! One request a connection, as a line of JSON; the answer is lines of JSON: events of the passes
//! that run meanwhile, then one `{"result": …}` or `{"error": …}`.
//!
//! # Guarantees
//! - Nobody else than the owner can ever connect: the socket is made in a directory of mode 0700,
//!   given its own mode, and only then moved to its place.
//! - A request has a limit of size and time, and their number at a time is limited too.

mod client;
mod server;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::outcome::{PassOutcome, Streamed};

pub use client::ControlClient;
pub(super) use server::{ControlState, serve};

/// Returns where the socket is.
pub fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// The requests that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlVerb {
    /// A pass.
    Reconcile,
    /// A pass that also tries what the store refused for good.
    Retry,
}

/// A request: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What is asked for.
    pub command: ControlVerb,
    /// In which environment; in all of them where there is none.
    #[serde(default)]
    pub environment: Option<String>,
    /// The release that is meant, for the log; a retry tries everything that failed.
    #[serde(default)]
    pub release: Option<String>,
}

/// The last line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Last {
    Result(Answer),
    Error(String),
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    outcomes: Vec<PassOutcome>,
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Event(Streamed),
    Last(Last),
}

/// The reasons why a daemon could not be asked, or cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket cannot be made or used.
    #[error("the control socket {}: {why}", path.display())]
    Socket {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The daemon refused the request.
    #[error("the daemon refused: {0}")]
    Refused(String),
    /// The daemon ended before it answered.
    #[error(
        "the daemon ended before it answered; `gitmage status` tells where it stands, the release in hand is resumed at its next start"
    )]
    Ended,
    /// An answer of another version, most likely.
    #[error("the daemon's answer cannot be read ({0}); is it of another version?")]
    Unreadable(String),
}
