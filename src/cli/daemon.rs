//! `gitmage daemon`: watches and reconciles.

use std::path::Path;
use std::process::ExitCode;

use super::fail;
use crate::daemon::{self, Ended};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(config: Option<&Path>, Args {}: Args) -> ExitCode {
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
