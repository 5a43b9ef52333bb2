//! Finding the file, reading it, and reading the secrets that it names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::parse;
use super::secrets::{SecretSource, Variables};
use super::types::Settings;
use crate::domain::{Finding, Findings, Origin, Severity};

const SYSTEM_FILE: &str = "/etc/gitmage/gitmage.yaml";
const LOCAL_FILE: &str = "gitmage.yaml";
const MAX_BYTES: u64 = 1024 * 1024;

/// The reasons why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No file was named, and none is where it is looked for.
    #[error(
        "no configuration found: neither --config nor GITMAGE_CONFIG names one, and there is no {}; write one as in examples/gitmage.yaml",
        .looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and no ")
    )]
    NotFound {
        /// The places that were looked at.
        looked_at: Vec<PathBuf>,
    },
    /// The file cannot be read.
    #[error("configuration {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file, or a secret that it names, cannot be used.
    #[error("configuration {} cannot be used\n\n{findings}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        findings: Findings,
    },
}

impl Settings {
    /// Finds, reads and checks the configuration and every secret that it names.
    ///
    /// Looked for are, in this order: `explicit` (`--config`), `GITMAGE_CONFIG`, `gitmage.yaml` in
    /// the working directory, `/etc/gitmage/gitmage.yaml`.
    ///
    /// # Errors
    /// See [`SettingsError`]; all findings at once.
    pub fn load(explicit: Option<&Path>) -> Result<Self, SettingsError> {
        Self::load_without_secrets(explicit)?.resolve()
    }

    /// As [`Settings::load`], for what reads Git only: secrets are not read and need not exist.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn load_without_secrets(
        explicit: Option<&Path>,
    ) -> Result<Settings<SecretSource>, SettingsError> {
        let variables: Variables<'_> = &|name| std::env::var_os(name);
        let path = find(
            explicit,
            variables,
            &[Path::new(LOCAL_FILE), Path::new(SYSTEM_FILE)],
        )?;
        read(&path, variables)
    }
}

impl Settings<SecretSource> {
    /// Reads every secret.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] with a finding for each secret that is missing or unusable.
    pub fn resolve(self) -> Result<Settings, SettingsError> {
        self.resolve_with(&|name| std::env::var_os(name))
    }

    pub(super) fn resolve_with(self, variables: Variables<'_>) -> Result<Settings, SettingsError> {
        let path = self.path.clone();
        let mut findings = Findings::default();
        let settings = self.map_secrets(|source: SecretSource| -> Option<SecretString> {
            source
                .read_with(variables)
                .map_err(|finding| findings.0.push(*finding))
                .ok()
        });
        settings.ok_or_else(|| {
            findings.sort();
            SettingsError::Invalid { path, findings }
        })
    }
}

pub(super) fn find(
    explicit: Option<&Path>,
    variables: Variables<'_>,
    usual: &[&Path],
) -> Result<PathBuf, SettingsError> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    if let Some(path) = variables("GITMAGE_CONFIG").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    usual
        .iter()
        .find(|path| path.exists())
        .map(|path| path.to_path_buf())
        .ok_or_else(|| SettingsError::NotFound {
            looked_at: usual.iter().map(|path| path.to_path_buf()).collect(),
        })
}

pub(super) fn read(
    path: &Path,
    variables: Variables<'_>,
) -> Result<Settings<SecretSource>, SettingsError> {
    let unreadable = |error: io::Error| SettingsError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let name = path.display().to_string();
    let invalid = |findings| SettingsError::Invalid {
        path: path.to_owned(),
        findings,
    };
    let whole_file = |id: &str, message: &str, remedy: &str| {
        invalid(Findings(vec![Finding {
            id: id.to_owned(),
            severity: Severity::Critical,
            origin: Origin {
                path: name.clone(),
                ..Origin::default()
            },
            message: message.to_owned(),
            remedy: remedy.to_owned(),
            snippet: String::new(),
        }]))
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(whole_file(
            "too-large",
            "the file is larger than 1 MiB",
            "name a gitmage.yaml",
        ));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| whole_file("not-utf8", "the file is not UTF-8", "save it as UTF-8"))?;
    let settings = parse::settings(&text, &absolute, &name, variables).map_err(invalid)?;
    for warning in &settings.warnings.0 {
        tracing::warn!(at = %warning.origin, id = %warning.id, "{}", warning.message);
    }
    Ok(settings)
}
