//! The command line: one file per verb.

mod daemon;
mod demo;
mod reconcile;
mod report;
mod retry;
mod sandbox;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Deploys a Git repository of release files to a Magento 2 store; reverting a commit rolls back.
#[derive(Debug, Parser)]
#[command(name = "gitmage", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file
    #[arg(long, global = true, env = "GITMAGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watches the repository and reconciles, until SIGTERM
    Daemon(daemon::Args),
    /// The whole story in one command: a store, a repository, a push that deploys, a revert
    Demo(demo::Args),
    /// One pass, then exits
    Reconcile(reconcile::Args),
    /// Tries again what failed, also what the store refused for good
    Retry(retry::Args),
    /// An embedded store that speaks Magento's REST dialect
    Sandbox(sandbox::Args),
}

impl Cli {
    /// Carries out the command.
    pub async fn run(self) -> ExitCode {
        let Self { config, command } = self;
        match command {
            Command::Daemon(args) => daemon::run(config.as_deref(), args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Reconcile(args) => reconcile::run(config.as_deref(), args).await,
            Command::Retry(args) => retry::run(config.as_deref(), args).await,
            Command::Sandbox(args) => sandbox::run(args).await,
        }
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
