//! The program `gitmage`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    gitmage::cli::main().await
}
