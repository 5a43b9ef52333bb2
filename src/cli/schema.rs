//! `gitmage schema`: the JSON Schemas.

use std::process::ExitCode;

use clap::ValueEnum;

use super::Context;
use super::failure::Outcome;
use super::present::Output;
use crate::{manifest, settings};

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0.")]
pub(super) struct Args {
    /// Of which kind of file
    #[arg(value_name = "WHAT")]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Release files
    Release,
    /// The configuration, gitmage.yaml
    Config,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let schema = match args.what {
        What::Release => manifest::schema(),
        What::Config => settings::schema(),
    };
    Output::new(context.color).raw(&format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
