//! Secrets: where they are, and reading them.
//!
//! # Guarantees
//! A value is a [`SecretString`] from the moment it is read. Findings name the source, never the
//! value.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::values::Problem;
use crate::domain::{Finding, Origin, Severity};

/// More than any token or key has.
const MAX_BYTES: u64 = 64 * 1024;

/// Looks a variable of the environment up.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The place where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A variable of the environment.
    Env(String),
    /// A file, absolute.
    File(PathBuf),
    /// A credential of systemd, in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// A secret that has not been read: where it is, and where the configuration says so.
#[derive(Debug, Clone)]
pub struct SecretSource {
    pub(super) location: Location,
    pub(super) origin: Origin,
    pub(super) snippet: String,
}

impl SecretSource {
    /// Reads the secret, with the environment of this process.
    ///
    /// # Errors
    /// The finding says which source is missing, empty or unreadable.
    pub fn read(&self) -> Result<SecretString, Box<Finding>> {
        self.read_with(&|name| std::env::var_os(name))
    }

    pub(super) fn read_with(&self, variables: Variables<'_>) -> Result<SecretString, Box<Finding>> {
        self.location.read(variables).map_err(|problem| {
            let Problem {
                id,
                message,
                remedy,
            } = problem;
            Box::new(Finding {
                id: id.to_owned(),
                severity: Severity::Critical,
                origin: self.origin.clone(),
                message,
                remedy,
                snippet: self.snippet.clone(),
            })
        })
    }
}

impl Location {
    fn read(&self, variables: Variables<'_>) -> Result<SecretString, Problem> {
        match self {
            Self::Env(name) => {
                let value = variables(name).ok_or_else(|| {
                    Problem::new(
                        "missing-secret",
                        format!("the environment variable {name} is not set"),
                        format!("set {name}, or say `file:` or `credential:` instead"),
                    )
                })?;
                let what = format!("the environment variable {name}");
                check(value.into_encoded_bytes(), &what)
            }
            Self::File(path) => {
                let what = format!("the secret file {}", path.display());
                let file = open(path, &what, "check the path, and that gitmage may read it")?;
                warn_if_open_to_others(&file, path);
                check_file(file, &what)
            }
            Self::Credential(name) => {
                let what = format!("the credential {name}");
                let Some(directory) = variables("CREDENTIALS_DIRECTORY") else {
                    return Err(Problem::new(
                        "missing-secret",
                        format!("{what} cannot be read: CREDENTIALS_DIRECTORY is not set"),
                        "start gitmage as a systemd service with LoadCredential=, or say `file:` or `env:` instead",
                    ));
                };
                let path = Path::new(&directory).join(name);
                let remedy = format!("add LoadCredential={name}:PATH to the systemd unit");
                check_file(open(&path, &what, &remedy)?, &what)
            }
        }
    }
}

fn open(path: &Path, what: &str, remedy: &str) -> Result<File, Problem> {
    File::open(path).map_err(|error| {
        let id = match error.kind() {
            std::io::ErrorKind::NotFound => "missing-secret",
            _ => "unreadable-secret",
        };
        Problem::new(id, format!("{what} cannot be opened: {error}"), remedy)
    })
}

fn check_file(file: File, what: &str) -> Result<SecretString, Problem> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Problem::new(
                "unreadable-secret",
                format!("{what} cannot be read: {error}"),
                "name a plain file that holds the secret alone",
            )
        })?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    check(bytes, what)
}

fn check(bytes: Vec<u8>, what: &str) -> Result<SecretString, Problem> {
    let bad = |id, why: &str| {
        Problem::new(
            id,
            format!("{what} {why}"),
            "let it hold the secret alone, on one line",
        )
    };
    if bytes.is_empty() {
        return Err(bad("empty-secret", "is empty"));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(bad("bad-secret", "is longer than 64 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("bad-secret", "is not UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(bad(
            "bad-secret",
            "holds a line break or another control character",
        ));
    }
    if text.trim() != text {
        return Err(bad("bad-secret", "starts or ends with white space"));
    }
    Ok(SecretString::from(text))
}

#[cfg(unix)]
fn warn_if_open_to_others(file: &File, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if let Ok(metadata) = file.metadata()
        && metadata.permissions().mode() & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{:03o}", metadata.permissions().mode() & 0o777),
            "secret file is accessible to its group or to others; chmod 600 closes it"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open_to_others(_: &File, _: &Path) {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

    use secrecy::ExposeSecret;

    use super::*;

    fn read_file(bytes: &[u8]) -> Result<String, Problem> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, bytes).unwrap();
        Location::File(path)
            .read(&|_| None)
            .map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn one_final_newline_is_dropped() {
        assert_eq!(read_file(b"s3cret"), Ok("s3cret".to_owned()));
        assert_eq!(read_file(b"s3cret\n"), Ok("s3cret".to_owned()));
        assert_eq!(read_file(b"s3cret\r\n"), Ok("s3cret".to_owned()));
    }

    #[test]
    fn what_is_no_secret_is_refused_without_repeating_it() {
        for (bytes, id) in [
            (&b""[..], "empty-secret"),
            (b"\n", "empty-secret"),
            (b"s3cret\n\n", "bad-secret"),
            (b"s3cret\nmore", "bad-secret"),
            (b"s3cret \n", "bad-secret"),
            (b"s3cret\xff", "bad-secret"),
            (&[b's'; 70_000], "bad-secret"),
        ] {
            let problem = read_file(bytes).unwrap_err();
            assert_eq!(problem.id, id);
            assert!(!problem.message.contains("s3cret"));
            assert!(!problem.message.contains("sss"));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let problem = Location::File(dir.path().join("none"))
            .read(&|_| None)
            .unwrap_err();
        assert_eq!(problem.id, "missing-secret");
        assert!(problem.message.contains("none"), "{}", problem.message);

        let problem = Location::Env("TOKEN".into()).read(&|_| None).unwrap_err();
        assert_eq!(problem.message, "the environment variable TOKEN is not set");

        let problem = Location::Credential("consumer_key".into())
            .read(&|_| None)
            .unwrap_err();
        assert!(problem.message.contains("CREDENTIALS_DIRECTORY is not set"));
        let problem = Location::Credential("consumer_key".into())
            .read(&|_| Some(dir.path().into()))
            .unwrap_err();
        assert!(problem.remedy.contains("LoadCredential=consumer_key:"));
    }

    #[test]
    fn a_directory_is_unreadable() {
        let dir = tempfile::tempdir().unwrap();
        let problem = Location::File(dir.path().into())
            .read(&|_| None)
            .unwrap_err();
        assert_eq!(problem.id, "unreadable-secret");
    }

    #[test]
    fn variables_and_credentials_are_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("consumer_key"), "from-systemd\n").unwrap();
        let variables = |name: &str| match name {
            "TOKEN" => Some("from-env".into()),
            "CREDENTIALS_DIRECTORY" => Some(dir.path().into()),
            _ => None,
        };
        let read = |location: Location| {
            location
                .read(&variables)
                .unwrap()
                .expose_secret()
                .to_owned()
        };
        assert_eq!(read(Location::Env("TOKEN".into())), "from-env");
        assert_eq!(
            read(Location::Credential("consumer_key".into())),
            "from-systemd"
        );
    }
}
