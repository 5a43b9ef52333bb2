//! The trouble that keeps an environment from going on, as a file: `status/<environment>.json` below
//! `state_dir`.
//!
//! The ledger cannot say it, as it may be the very thing that is out of reach. The file exists only
//! while the environment waits or is stalled and a daemon runs.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// Waiting or stalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleState {
    /// Needs time.
    Waiting,
    /// Needs a person.
    Stalled,
}

/// The trouble that keeps an environment from going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// True if time helps.
    pub state: TroubleState,
    /// What is waited for, or what is wrong and what to do.
    pub message: String,
    /// When it was found, in RFC 3339 with milliseconds.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
}

/// Reads what a daemon wrote; `None` where nothing is wrong.
pub fn read(state_dir: &Path, environment: &str) -> Option<Trouble> {
    let bytes = std::fs::read(path(state_dir, environment)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Replaces the file in one step.
pub(super) fn write(state_dir: &Path, environment: &str, trouble: &Trouble) -> io::Result<()> {
    let folder = state_dir.join("status");
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    serde_json::to_writer(&mut file, trouble)?;
    file.write_all(b"\n")?;
    file.persist(path(state_dir, environment))?;
    Ok(())
}

/// Takes the file away, if there is one.
pub(super) fn remove(state_dir: &Path, environment: &str) -> io::Result<()> {
    match std::fs::remove_file(path(state_dir, environment)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn milliseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

fn path(state_dir: &Path, environment: &str) -> PathBuf {
    state_dir.join("status").join(format!("{environment}.json"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_until_it_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), "production"), None);
        for state in [TroubleState::Waiting, TroubleState::Stalled] {
            let trouble = Trouble {
                state,
                message: "the store is down".to_owned(),
                at: "2026-11-21T20:00:00.125Z".parse().unwrap(),
            };
            write(dir.path(), "production", &trouble).unwrap();
            assert_eq!(read(dir.path(), "production"), Some(trouble));
        }
        let names: Vec<_> = std::fs::read_dir(dir.path().join("status"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["production.json"]);
        remove(dir.path(), "production").unwrap();
        remove(dir.path(), "production").unwrap();
        assert_eq!(read(dir.path(), "production"), None);
    }
}
