//! `gitmage daemon`: watches and reconciles.

use std::path::Path;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use super::failure::fail;
use crate::daemon::{self, Ended};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(config: Option<&Path>, Args {}: Args) -> ExitCode {
    log_to_stderr();
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    match daemon::run(settings).await {
        // At once: a fetch that hangs has nothing in hand that would be worth a wait.
        Ok(Ended::Parked) => std::process::exit(0),
        Ok(Ended::Forced(signal)) => std::process::exit(128 + signal),
        Err(error) => fail(&error),
    }
}

/// A daemon without a log would be silent; a log that is set up already stays.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
}
