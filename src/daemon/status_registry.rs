//! The standing of all environments, in one place: for the status line and for what was told already.

use std::collections::BTreeMap;
use std::fmt;

use tokio::sync::watch;

use crate::domain::CommitId;

/// A status line longer than this is cut. In characters.
const LONGEST_MESSAGE: usize = 160;

/// The standing of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvironmentState {
    /// Its first pass has not begun.
    Starting,
    /// Everything is at its target.
    Synced,
    /// Something is not, and is or was tried.
    Failed,
    /// Needs time.
    Waiting,
    /// Needs a person.
    Stalled,
}

impl fmt::Display for EnvironmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Synced => "synced",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    state: EnvironmentState,
    begun: bool,
    head: Option<CommitId>,
    message: Option<String>,
}

/// The standing of all environments. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct StatusRegistry(watch::Sender<BTreeMap<String, Entry>>);

impl StatusRegistry {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let entry = Entry {
            state: EnvironmentState::Starting,
            begun: false,
            head: None,
            message: None,
        };
        let entries = names.into_iter().map(|name| (name, entry.clone()));
        Self(watch::Sender::new(entries.collect()))
    }

    /// An environment begins a pass.
    pub(super) fn begin(&self, name: &str) {
        self.0.send_if_modified(|entries| {
            let Some(entry) = entries.get_mut(name) else {
                return false;
            };
            !std::mem::replace(&mut entry.begun, true)
        });
    }

    /// Ends a pass; true if it ended otherwise than the one before.
    pub(super) fn finish(
        &self,
        name: &str,
        state: EnvironmentState,
        head: Option<&CommitId>,
        message: Option<String>,
    ) -> bool {
        self.0.send_if_modified(|entries| {
            let Some(entry) = entries.get_mut(name) else {
                return false;
            };
            let new = Entry {
                state,
                begun: true,
                head: head.cloned().or_else(|| entry.head.clone()),
                message,
            };
            std::mem::replace(entry, new.clone()) != new
        })
    }

    /// True if every environment has begun its first pass.
    pub(super) fn all_begun(&self) -> bool {
        self.0.borrow().values().all(|entry| entry.begun)
    }

    /// Tells of every change.
    pub(super) fn changes(&self) -> Changes {
        Changes(self.0.subscribe())
    }

    /// One line over all environments.
    pub(super) fn line(&self) -> String {
        let entries = self.0.borrow();
        let parts: Vec<String> = entries
            .iter()
            .map(|(name, entry)| {
                let head = entry.head.as_ref();
                let at = head.map_or_else(String::new, |head| format!(" at {}", head.short()));
                let why = entry.message.as_ref().map_or_else(String::new, |message| {
                    let one_line: String = message
                        .chars()
                        .map(|c| if c.is_control() { ' ' } else { c })
                        .take(LONGEST_MESSAGE)
                        .collect();
                    format!(": {one_line}")
                });
                format!("{name} {}{at}{why}", entry.state)
            })
            .collect();
        parts.join("; ")
    }
}

/// Tells of the changes of a statuses.
pub(super) struct Changes(watch::Receiver<BTreeMap<String, Entry>>);

impl Changes {
    /// Waits for the next change; for ever when the statuses is gone.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_every_environment() {
        let statuses = StatusRegistry::new(["production".to_owned(), "staging".to_owned()]);
        assert_eq!(statuses.line(), "production starting; staging starting");
        statuses.begin("production");
        assert!(!statuses.all_begun());
        let head = CommitId::new("ab".repeat(20)).unwrap();
        assert!(statuses.finish("production", EnvironmentState::Synced, Some(&head), None));
        let why = || Some("no branch\nstaging".to_owned());
        assert!(statuses.finish("staging", EnvironmentState::Stalled, None, why()));
        assert!(!statuses.finish("staging", EnvironmentState::Stalled, None, why()));
        assert!(statuses.all_begun());
        assert_eq!(
            statuses.line(),
            "production synced at ababababab; staging stalled: no branch staging"
        );
    }
}
