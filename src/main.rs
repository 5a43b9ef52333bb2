//! The program `gitmage`.

use std::process::ExitCode;

use clap::Parser;
use gitmage::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
