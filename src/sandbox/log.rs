//! The log of REST requests.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One REST request. Headers are not kept: they hold signatures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedRequest {
    /// Counts all requests since the start, from 1, in the order in which they came in.
    pub sequence: u64,
    /// When it came in.
    pub at: Timestamp,
    /// When its answer was ready; `None` while it is being answered, or where it never is.
    pub finished_at: Option<Timestamp>,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query string, as sent; `None` without one.
    pub query: Option<String>,
    /// The scope in the path; `None` without one, and for paths that lead nowhere.
    pub scope: Option<String>,
    /// The kind of entity, where the path leads to one.
    pub kind: Option<&'static str>,
    /// The id in the path, else in the body.
    pub id: Option<String>,
    /// The identifier in the body, else that of the stored entity.
    pub identifier: Option<String>,
    /// The fault that was played, if any.
    pub fault: Option<&'static str>,
    /// The status of the answer; `None` while there is none, and where none was sent.
    pub status: Option<u16>,
    /// The body of a write: as JSON where it is, else as text; the length of one over 1 MiB.
    pub body: Option<Value>,
}

/// The newest requests.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<LoggedRequest>,
    last: u64,
}

/// The number of requests that are kept.
const LIMIT: usize = 50_000;

impl Log {
    /// Notes a request that has come in, and returns its number.
    pub(super) fn begin(&mut self, entry: impl FnOnce(u64) -> LoggedRequest) -> u64 {
        self.last += 1;
        if self.entries.len() == LIMIT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry(self.last));
        self.last
    }

    /// Notes the answer.
    pub(super) fn finish(&mut self, sequence: u64, status: Option<u16>, at: Timestamp) {
        // Sequences have no gaps, so the place follows from the distance to the newest.
        let from_end = self.last.saturating_sub(sequence);
        let entry = usize::try_from(from_end)
            .ok()
            .and_then(|from_end| self.entries.len().checked_sub(from_end + 1))
            .and_then(|index| self.entries.get_mut(index));
        if let Some(entry) = entry {
            entry.status = status;
            entry.finished_at = Some(at);
        }
    }

    pub(super) fn entries(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }
}

/// The body as the log keeps it.
pub(super) fn body(bytes: &[u8]) -> Value {
    const LIMIT: usize = 1 << 20;
    if bytes.len() > LIMIT {
        return format!("{} bytes", bytes.len()).into();
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}
