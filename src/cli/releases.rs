//! `gitmage releases`: the history of an environment.

use std::io::{IsTerminal as _, stdout};
use std::process::ExitCode;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Value, json};

use super::Context;
use super::choose::{EnvArg, Format, FormatArg};
use super::failure::{Failure, Outcome};
use super::history::History;
use super::present::{self, Output};
use crate::domain::Release;
use crate::reconcile::Recent;

/// Reads Git alone: it works while a daemon runs, and while the store is down.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0, also for an empty history; 1 error.")]
pub(super) struct Args {
    /// So many of the newest ones; 0 for all. A terminal gets 20 unless told otherwise, everything else all
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Those taken up since then: a date (midnight UTC), a time (RFC 3339), or so long ago (`36h`, `30d`)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    #[command(flatten)]
    env: EnvArg,
    #[command(flatten)]
    form: FormatArg,
}

/// As many of the newest releases as a terminal gets.
const SCREEN: usize = 20;

/// A point in time on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Since {
    fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(long) => now.saturating_sub(long).unwrap_or(Timestamp::MIN),
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    const FORM: &str =
        "a date (2026-11-01), a time (2026-11-01T08:00:00Z), or how long ago (36h, 30d)";
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Since::At(time));
    }
    if let Ok(date) = text.parse::<Date>() {
        let midnight = date
            .to_zoned(TimeZone::UTC)
            .map_err(|error| error.to_string())?;
        return Ok(Since::At(midnight.timestamp()));
    }
    let span: Span = text.parse().map_err(|_| FORM.to_owned())?;
    let days_are_24_hours = SpanRelativeTo::days_are_24_hours();
    match span.to_duration(days_are_24_hours) {
        Ok(long) if !long.is_negative() => Ok(Since::Ago(long)),
        Ok(_) | Err(_) => Err(FORM.to_owned()),
    }
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    let form = args.form.format;
    let on_screen = matches!(form, Format::Text) && stdout().is_terminal();
    let limit = args.limit.or(on_screen.then_some(SCREEN));
    let now = Timestamp::now();
    let list = history.releases(
        environment,
        Recent {
            limit: limit.filter(|limit| *limit > 0),
            since: args.since.map(|since| since.time(now)),
        },
    )?;
    let releases = list.views();
    let mut output = Output::new(context.color);
    match form {
        Format::Text => {
            output.text(&present::releases(&releases, list.older(), now))?;
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_point_in_time_is_a_date_a_time_or_so_long_ago() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        for (text, time) in [
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T08:30:00Z", "2026-11-01T08:30:00Z"),
            ("2026-11-01T08:30:00+01:00", "2026-11-01T07:30:00Z"),
            ("36h", "2026-11-26T00:00:00Z"),
            ("7d", "2026-11-20T12:00:00Z"),
            ("1w 2d", "2026-11-18T12:00:00Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!(since(text).unwrap().time(now), time, "{text}");
        }
        for wrong in ["", "yesterday", "-3d", "7", "2026-13-01"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
