//! `gitmage sandbox`: an embedded store that speaks Magento's REST dialect.

use std::path::PathBuf;
use std::process::ExitCode;

use super::fail;
use crate::sandbox::{Options, Sandbox, Seed};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port on loopback; 0 for any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Entities to begin with, as YAML or JSON; a small shop without it
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> ExitCode {
    let seed = match args.seed.as_deref().map(Seed::load).transpose() {
        Ok(seed) => seed,
        Err(error) => return fail(&error),
    };
    let options = Options {
        port: args.port,
        seed,
        ..Options::default()
    };
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => return fail(&error),
    };
    println!("{}", sandbox.ready_line());
    if let Err(error) = tokio::signal::ctrl_c().await {
        return fail(&error);
    }
    sandbox.shutdown().await;
    ExitCode::SUCCESS
}
