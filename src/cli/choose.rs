//! Options that several verbs have: the environment, the form of the output, durations.

use std::time::Duration;

use clap::ValueEnum;

use super::failure::Failure;
use crate::settings::{Environment, Settings};

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// `--format`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct FormatArg {
    /// Form of the output on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

/// `--env`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct EnvArg {
    /// The environment, by its name in the configuration; needed only where there are several
    #[arg(long, value_name = "NAME")]
    pub(super) env: Option<String>,
}

impl EnvArg {
    /// The one environment that is meant.
    pub(super) fn choose<'a, S>(
        &self,
        settings: &'a Settings<S>,
    ) -> Result<&'a Environment<S>, Failure> {
        match (&self.env, settings.environments.len()) {
            (Some(name), _) => named(settings, name),
            (None, 1) => settings
                .environments
                .values()
                .next()
                .ok_or_else(|| Failure::new("no environment in the configuration")),
            (None, _) => Err(Failure::new(format!(
                "{} has several environments; choose one with --env: {}",
                settings.path.display(),
                names(settings)
            ))),
        }
    }

    /// The environment named, or all of them.
    pub(super) fn one_or_all<'a, S>(
        &self,
        settings: &'a Settings<S>,
    ) -> Result<Vec<&'a Environment<S>>, Failure> {
        match &self.env {
            Some(name) => Ok(vec![named(settings, name)?]),
            None => Ok(settings.environments.values().collect()),
        }
    }
}

fn named<'a, S>(settings: &'a Settings<S>, name: &str) -> Result<&'a Environment<S>, Failure> {
    settings.environments.get(name).ok_or_else(|| {
        Failure::new(format!(
            "no environment {name:?} in {}; there are: {}",
            settings.path.display(),
            names(settings)
        ))
    })
}

fn names<S>(settings: &Settings<S>) -> String {
    let names: Vec<&str> = settings.environments.keys().map(|n| n.as_str()).collect();
    names.join(", ")
}

/// A duration with units: `20ms`, `30s`, `5m`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "a duration needs a unit: 20ms, 30s, 5m, 1h30m";
    let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| FORM.to_owned())?;
    Duration::try_from(signed).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("20ms").unwrap(), Duration::from_millis(20));
        assert_eq!(duration("5m").unwrap(), Duration::from_secs(300));
        assert_eq!(duration("1h30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
        for wrong in ["", "5", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
