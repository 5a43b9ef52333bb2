//! `gitmage sandbox`: an embedded store that speaks Magento's REST dialect.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use super::choose::duration;
use super::failure::Outcome;
use super::present::Output;
use crate::sandbox::{Sandbox, SandboxOptions, Seed};

/// Prints one line of JSON when it is ready, {"url", "oauth": {…}}, and serves until it is interrupted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Beside the REST tree it serves GET /__sandbox/dump (every entity), \
    GET /__sandbox/requests (a log), GET and PUT /__sandbox/faults and PUT /__sandbox/entities.\n\n\
    Exit status: 0 on SIGINT or SIGTERM, 1 error."
)]
pub(super) struct Args {
    /// Port on 127.0.0.1; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// How long each request takes at least, such as 20ms
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// Entities to begin with, as YAML or JSON; a small shop without it
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    let options = SandboxOptions {
        port: args.port,
        latency: args.latency,
        seed: args.seed.as_deref().map(Seed::load).transpose()?,
    };
    // Before the ready line: whoever reads that may end the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let sandbox = Sandbox::start(options).await?;
    Output::new(context.color).raw(&format!("{}\n", sandbox.ready_line()))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sandbox.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
