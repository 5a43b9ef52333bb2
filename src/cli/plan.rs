//! `gitmage plan`: what a revision would change.

use std::process::ExitCode;
use std::sync::Arc;

use super::Context;
use super::choose::{EnvArg, Format, FormatArg};
use super::failure::{Failure, Outcome};
use super::present::{self, Output, Summary};
use crate::assembly;
use crate::reconcile::{Preview, Stop};
use crate::settings::Settings;

/// Reads the ledger, the release files and the store, and writes nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 no change, 2 changes, 1 error, also where something in the \
    plan cannot be carried out or a commit cannot be used.\n\n\
    The same commit and the same store give the same plan, byte for byte."
)]
pub(super) struct Args {
    #[command(flatten)]
    env: EnvArg,
    /// The commit, branch or tag to go to; the tip of the environment's branch without it
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    #[command(flatten)]
    form: FormatArg,
}

const CHANGES: u8 = 2;

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    let settings = Settings::load(context.config.as_deref())?;
    let name = &args.env.choose(&settings)?.name;
    let repository = assembly::repository(&settings, settings.repository.token.clone())?;
    let (_sender, stop) = Stop::new();
    let nobody = Arc::new(|_| ());
    let reconciler = assembly::reconciler(&settings, &repository, name, "plan", nobody, stop)?;
    let preview = reconciler.preview(args.rev.as_deref()).await?;
    let mut output = Output::new(context.color);
    match args.form.format {
        Format::Text => output.text(&present::plan(&preview))?,
        Format::Json => output.json(&document(&preview)?)?,
    }
    Ok(if preview.has_errors() {
        ExitCode::FAILURE
    } else if preview.changes_anything() {
        ExitCode::from(CHANGES)
    } else {
        ExitCode::SUCCESS
    })
}

/// The preview with its summary.
fn document(preview: &Preview) -> Result<serde_json::Value, Failure> {
    let mut document = serde_json::to_value(preview)?;
    document["summary"] = serde_json::to_value(Summary::of(preview))?;
    Ok(document)
}
