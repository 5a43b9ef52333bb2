//! `{ file: path }`: the text of another file of the same commit.

use super::file::{LFS_POINTER, ReleaseFile};
use super::report::{MAX_FINDINGS, nearest, origin, quote, too_many};
use super::tree::{EntryKind, Tree, TreeEntry, TreeError};
use super::value::{FieldValue, FileRef};
use crate::domain::kinds::{Charset, ValueProblem};
use crate::domain::{Finding, Severity, Value};

/// The longest text that any field holds (`MEDIUMTEXT`).
const MAX_BYTES: u64 = 16_777_215;
/// The bytes that the values of one release file may hold together: one large file named a thousand times
/// would exhaust the memory.
const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;

/// Puts the texts of files in place of `{ file: … }`. A value whose file is no good is left as it
/// is, and the finding says why. `found` gives the entry of each path.
pub(super) fn resolve(
    path: &str,
    file: &mut ReleaseFile,
    charset: Charset,
    found: &dyn Fn(&str) -> Option<TreeEntry>,
    entries: &[TreeEntry],
    tree: &dyn Tree,
) -> Result<Vec<Finding>, TreeError> {
    let mut findings = Vec::new();
    let mut left = MAX_TOTAL_BYTES;
    for field in file
        .changes
        .iter_mut()
        .flat_map(|change| &mut change.fields)
    {
        let FieldValue::File(file) = &field.value else {
            continue;
        };
        if findings.len() >= MAX_FINDINGS {
            findings.push(too_many(path));
            break;
        }
        let problem = match read(&file.path, found(&file.path), left, entries, tree)? {
            Ok(text) => {
                left = left.saturating_sub(text.len() as u64);
                let value = field.spec.canonical(Value::String(text));
                match field.spec.check_as(field.name.as_str(), &value, charset) {
                    None => {
                        field.value = FieldValue::Ready(value.into());
                        continue;
                    }
                    Some(problem) => in_file(&file.path, problem),
                }
            }
            Err(problem) => problem,
        };
        findings.push(finding(path, file, problem));
    }
    Ok(findings)
}

fn finding(path: &str, file: &FileRef, problem: ValueProblem) -> Finding {
    let ValueProblem {
        id,
        message,
        remedy,
    } = problem;
    Finding {
        id: id.to_owned(),
        severity: Severity::Critical,
        origin: origin(path, file.place),
        message,
        remedy,
        snippet: file.snippet.clone(),
    }
}

fn in_file(path: &str, mut problem: ValueProblem) -> ValueProblem {
    problem.message = format!("{} ({path})", problem.message);
    problem
}

fn read(
    path: &str,
    entry: Option<TreeEntry>,
    left: u64,
    entries: &[TreeEntry],
    tree: &dyn Tree,
) -> Result<Result<String, ValueProblem>, TreeError> {
    let quoted = quote(path);
    match entry.map(|entry| entry.kind) {
        None => return Ok(Err(missing(path, entries))),
        Some(EntryKind::Symlink) => return Ok(Err(symlink(&quoted))),
        Some(EntryKind::Submodule) => return Ok(Err(submodule(&quoted))),
        Some(EntryKind::File) => {}
    }
    let bytes = match tree.read(path, MAX_BYTES.min(left)) {
        Ok(bytes) => bytes,
        Err(TreeError::TooLarge { bytes, .. }) if bytes <= MAX_BYTES => {
            return Ok(Err(ValueProblem::new(
                "content-too-large",
                format!(
                    "with file {quoted} the values of this release file exceed {MAX_TOTAL_BYTES} bytes"
                ),
                "split the release file",
            )));
        }
        Err(TreeError::TooLarge { bytes, limit }) => {
            return Ok(Err(ValueProblem::new(
                "file-too-large",
                format!("file {quoted} is {bytes} bytes long; Magento keeps {limit}"),
                format!("shorten it to {limit} bytes"),
            )));
        }
        Err(TreeError::NotFound) => {
            return Err(TreeError::Unreadable(format!(
                "{path} is listed but cannot be found"
            )));
        }
        Err(error @ TreeError::Unreadable(_)) => return Err(error),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Ok(Err(not_utf8(&quoted, &error))),
    };
    if text.starts_with(LFS_POINTER) {
        return Ok(Err(ValueProblem::new(
            "lfs-pointer",
            format!("file {quoted} is a Git LFS pointer; its content is not in the commit"),
            "take the path out of .gitattributes and commit the file itself",
        )));
    }
    Ok(Ok(text))
}

fn not_utf8(quoted: &str, error: &std::string::FromUtf8Error) -> ValueProblem {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
    ValueProblem::new(
        "file-not-utf8",
        format!(
            "file {quoted} is not UTF-8 in line {line} (byte {})",
            good.len()
        ),
        "save it as UTF-8",
    )
}

fn symlink(quoted: &str) -> ValueProblem {
    ValueProblem::new(
        "file-symlink",
        format!("{quoted} is a symbolic link, which is never followed"),
        "name the file itself",
    )
}

fn submodule(quoted: &str) -> ValueProblem {
    ValueProblem::new(
        "file-in-submodule",
        format!("{quoted} is a submodule, whose files are not in the commit"),
        "commit the file itself to this repository",
    )
}

/// Returns why there is no entry: below a link or a submodule, a directory, or not there at all.
fn missing(path: &str, entries: &[TreeEntry]) -> ValueProblem {
    let above = entries.iter().find(|entry| {
        path.strip_prefix(&entry.path)
            .is_some_and(|rest| rest.starts_with('/'))
    });
    match above.map(|entry| (entry.kind, quote(&entry.path))) {
        Some((EntryKind::Symlink, quoted)) => return symlink(&quoted),
        Some((EntryKind::Submodule, quoted)) => return submodule(&quoted),
        Some((EntryKind::File, _)) | None => {}
    }
    let quoted = quote(path);
    let directory = format!("{path}/");
    let inside: Vec<&str> = entries
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|other| other.starts_with(&directory))
        .collect();
    if let Some(first) = inside.first() {
        return ValueProblem::new(
            "file-is-directory",
            format!("{quoted} is a directory"),
            format!("name one file, such as {}", quote(first)),
        );
    }
    let remedy = match nearest_path(path, entries) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None => "commit the file too; paths start at the repository's root".to_owned(),
    };
    ValueProblem::new(
        "file-missing",
        format!("no file {quoted} in the commit"),
        remedy,
    )
}

/// A file of the same name elsewhere, else the nearest path.
fn nearest_path<'a>(path: &str, entries: &'a [TreeEntry]) -> Option<&'a str> {
    let files = || {
        entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::File)
            .map(|entry| entry.path.as_str())
    };
    let tail = format!("/{path}");
    let name = path.rsplit('/').next().unwrap_or(path);
    files()
        .find(|other| other.ends_with(&tail))
        .or_else(|| nearest(path, files()))
        .or_else(|| files().find(|other| other.rsplit('/').next() == Some(name)))
}
