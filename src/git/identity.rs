//! The author of a commit of gitmage's own on a branch that people read.

use std::process::{Command, Stdio};

use gix::actor::{Signature, SignatureRef};
use jiff::Timestamp;

use super::write;

/// The author and the committer of a commit, with their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub(super) author: Signature,
    pub(super) committer: Signature,
}

impl Identity {
    /// The one that `git commit` would use for the person at this terminal; gitmage's own where
    /// that person has told Git no name. Git's guesses from the host's name are not taken.
    pub fn of_user(now: Timestamp) -> Self {
        let or_own = |ident: Option<Signature>| ident.unwrap_or_else(|| write::signature(now));
        Self {
            author: or_own(told("GIT_AUTHOR_IDENT")),
            committer: or_own(told("GIT_COMMITTER_IDENT")),
        }
    }
}

/// Asks the user's git, with the user's own configuration and environment.
fn told(variable: &str) -> Option<Signature> {
    let output = Command::new("git")
        .args(["-c", "user.useConfigOnly=true", "var", variable])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let ident = SignatureRef::from_bytes(output.stdout.trim_ascii()).ok()?;
    ident.to_owned().ok()
}
