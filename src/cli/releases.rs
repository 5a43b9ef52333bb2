//! `gitmage releases`: the history of an environment.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::choose::{EnvArg, Format, FormatArg};
use super::failure::{Failure, Outcome};
use super::history::History;
use super::present::{self, Output};
use crate::domain::Release;

/// Reads Git alone: it works while a daemon runs, and while the store is down.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0, also for an empty history; 1 error.")]
pub(super) struct Args {
    #[command(flatten)]
    env: EnvArg,
    #[command(flatten)]
    form: FormatArg,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    let releases = history.ledger(environment)?.book.views();
    let mut output = Output::new(context.color);
    match args.form.format {
        Format::Text => output.text(&present::releases(&releases, Timestamp::now()))?,
        Format::Json => {
            let releases = releases.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            output.json(&json!({
                "environment": environment.name.as_str(),
                "releases": releases,
            }))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A release of the list: its fields by name only, and without the activity.
fn entry(release: &Release) -> Result<Value, Failure> {
    let mut entry = serde_json::to_value(release)?;
    if let Some(entry) = entry.as_object_mut() {
        entry.shift_remove("activity");
    }
    for (shown, change) in entry["changes"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .zip(&release.changes)
    {
        let names: Vec<&str> = change.fields.iter().map(|f| f.field.as_str()).collect();
        shown["fields"] = json!(names);
    }
    Ok(entry)
}
