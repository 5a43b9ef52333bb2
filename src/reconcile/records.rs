//! The ledger's files, readable by people and by programs.
//!
//! Values over 1 kB, or not plain printable text, are files of their own beside the file that names
//! them. Whatever is written is parsed back and compared first.

mod entity;
mod pass;
mod release;
mod standing;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use self::entity::{entity_path, read_entities, write_entities};
pub(crate) use self::pass::{PassRecord, pass_path, read_pass, write_pass};
pub(crate) use self::release::{read_release, write_release};
pub(crate) use self::standing::{read_standing, standing_path, write_standing};
use super::pool::Pool;
use crate::domain::{DesiredValue, Ensure, FieldId, SharedValue, Value};
use crate::plan::Shown;

/// A value longer than this is a file of its own. In bytes.
const INLINE_BYTES: usize = 1024;

/// Why a ledger file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub(crate) struct RecordError {
    path: String,
    why: String,
}

impl RecordError {
    pub(crate) fn new(path: &str, why: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    fn differs(path: &str) -> Self {
        Self::new(
            path,
            "does not read back as it was written; nothing was recorded",
        )
    }
}

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What the store shows of a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ShownFile {
    Gone,
    Here,
    Unknown,
    Value(Value),
    File(String),
}

/// What files demand of a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DemandFile {
    Ensure(Ensure),
    Value(Value),
    File(String),
}

/// YAML of one of our own structures.
pub(crate) fn yaml<T: Serialize>(path: &str, value: &T) -> Result<Vec<u8>, RecordError> {
    serde_yaml::to_string(value)
        .map(String::into_bytes)
        .map_err(|e| RecordError::new(path, e))
}

/// Parses one of our own files: as large as a release may be, so without the budgets that guard
/// release files.
pub(crate) fn parse<T: DeserializeOwned>(path: &str, files: &Files) -> Result<T, RecordError> {
    let text = text_of(path, files)?;
    let options = serde_yaml::options! { budget: None };
    serde_yaml::from_str_with_options(text, options).map_err(|e| RecordError::new(path, e))
}

/// The digest of some files with their paths.
pub(crate) fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        hash.update(path.len().to_be_bytes());
        hash.update(path);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    let hash = hash.finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of<'f>(path: &str, files: &'f Files) -> Result<&'f str, RecordError> {
    let bytes = files
        .get(path)
        .ok_or_else(|| RecordError::new(path, "missing from the rollback branch"))?;
    std::str::from_utf8(bytes).map_err(|e| RecordError::new(path, e))
}

/// Writes values: long ones into files of their own below a folder.
struct ValueWriter {
    folder: String,
    files: Files,
}

impl ValueWriter {
    fn new(folder: String) -> Self {
        Self {
            folder,
            files: Files::new(),
        }
    }

    fn shown(&mut self, field: &FieldId, shown: &Shown) -> ShownFile {
        match shown {
            Shown::Gone => ShownFile::Gone,
            Shown::Here => ShownFile::Here,
            Shown::Unknown => ShownFile::Unknown,
            Shown::Value(value) => match self.file(field, value) {
                Some(path) => ShownFile::File(path),
                None => ShownFile::Value(value.to_value()),
            },
        }
    }

    fn demand(&mut self, field: &FieldId, demand: &DesiredValue) -> DemandFile {
        match demand {
            DesiredValue::Ensure(ensure) => DemandFile::Ensure(*ensure),
            DesiredValue::Value(value) => match self.file(field, value) {
                Some(path) => DemandFile::File(path),
                None => DemandFile::Value(value.to_value()),
            },
        }
    }

    /// The name of the file that holds a value; equal ones are kept once.
    fn file(&mut self, field: &FieldId, value: &Value) -> Option<String> {
        let Value::String(text) = value else {
            return None;
        };
        if is_plain(text) {
            return None;
        }
        let digest = Sha256::digest(text);
        let digest: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let name = format!("{}-{digest}.txt", field.as_str());
        let path = format!("{}/{name}", self.folder);
        self.files.insert(path, text.clone().into_bytes());
        Some(name)
    }
}

/// Reads values back.
struct ValueReader<'a> {
    folder: String,
    files: &'a Files,
    pool: &'a mut Pool,
}

impl ValueReader<'_> {
    fn shown(&mut self, shown: ShownFile) -> Result<Shown, RecordError> {
        Ok(match shown {
            ShownFile::Gone => Shown::Gone,
            ShownFile::Here => Shown::Here,
            ShownFile::Unknown => Shown::Unknown,
            ShownFile::Value(value) => Shown::Value(self.pool.value(value)),
            ShownFile::File(name) => Shown::Value(self.file(&name)?),
        })
    }

    fn demand(&mut self, demand: DemandFile) -> Result<DesiredValue, RecordError> {
        Ok(match demand {
            DemandFile::Ensure(ensure) => DesiredValue::Ensure(ensure),
            DemandFile::Value(value) => DesiredValue::Value(self.pool.value(value)),
            DemandFile::File(name) => DesiredValue::Value(self.file(&name)?),
        })
    }

    fn file(&mut self, name: &str) -> Result<SharedValue, RecordError> {
        let path = format!("{}/{name}", self.folder);
        let text = text_of(&path, self.files)?;
        Ok(self.pool.value(Value::from(text)))
    }
}

/// Short text of printable characters that survives an editor.
fn is_plain(text: &str) -> bool {
    text.len() <= INLINE_BYTES
        && text.chars().all(|c| {
            c == '\n'
                || !(c.is_control()
                    || matches!(
                        c,
                        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
                    ))
        })
        && !text.lines().any(|line| line.ends_with(' '))
        && !text.starts_with([' ', '\n'])
}
