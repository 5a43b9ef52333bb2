//! `gitmage show`: one release.

use std::process::ExitCode;

use jiff::Timestamp;

use super::Context;
use super::choose::{EnvArg, Format, FormatArg};
use super::failure::Outcome;
use super::history::History;
use super::present::{self, Output};
use crate::reconcile::Recent;

/// Reads Git alone: it works while a daemon runs, and while the store is down.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0; 1 error, also where there is no such release.")]
pub(super) struct Args {
    /// A release id, a unique prefix of one (four digits at least), or a Git revision, of which the newest release is shown
    #[arg(value_name = "RELEASE")]
    release: String,
    #[command(flatten)]
    env: EnvArg,
    #[command(flatten)]
    form: FormatArg,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    let list = history.releases(environment, Recent::default())?;
    let release = history.find(environment, list.book(), &args.release)?;
    let mut output = Output::new(context.color);
    match args.form.format {
        Format::Text => output.text(&present::release(&release, Timestamp::now()))?,
        Format::Json => output.json(&release)?,
    }
    Ok(ExitCode::SUCCESS)
}
