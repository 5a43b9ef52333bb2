//! `gitmage logs`: the activity, phase by phase.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use super::Context;
use super::choose::EnvArg;
use super::failure::{Failure, Outcome};
use super::history::History;
use super::present::{self, BOLD, Output, clean, paint, status_style};
use crate::domain::{Release, ReleaseId, ReleaseStatus};
use crate::reconcile::Recent;

/// Of one release, or of all of them, oldest first. Reads Git alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0, also when following is interrupted; 1 error.")]
pub(super) struct Args {
    /// A release id, a unique prefix of one (four digits at least), or a Git revision; all releases without it
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
    /// Goes on with what is recorded from now on, until interrupted
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    env: EnvArg,
}

/// Time between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(500);
/// The same where looking asks a remote.
const LOOK_REMOTE: Duration = Duration::from_secs(2);

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    let mut output = Output::new(context.color);
    let mut printed = Printed::default();
    let mut tip = history.ledger_tip(environment)?;
    loop {
        let list = history.releases(environment, Recent::default())?;
        let releases = match &args.release {
            Some(word) => vec![history.find(environment, list.book(), word)?],
            None => list.views().into_iter().rev().collect(),
        };
        output.text(&printed.news(&releases))?;
        if !args.follow {
            return Ok(ExitCode::SUCCESS);
        }
        tip = tokio::select! {
            tip = moved(&history, || history.ledger_tip(environment), tip, &output) => tip?,
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        };
        if output.closed() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Waits until the ledger moves.
async fn moved<T: PartialEq>(
    history: &History,
    look: impl Fn() -> Result<T, Failure>,
    known: T,
    output: &Output,
) -> Result<T, Failure> {
    loop {
        if output.closed() {
            return Ok(known);
        }
        if history.is_remote() {
            tokio::time::sleep(LOOK_REMOTE).await;
            history.refresh();
        } else {
            tokio::time::sleep(LOOK).await;
        }
        let now = look()?;
        if now != known {
            return Ok(now);
        }
    }
}

/// The lines that have been printed: a release is recorded more than once, with more lines each time.
#[derive(Debug, Default)]
struct Printed {
    lines: BTreeMap<ReleaseId, (ReleaseStatus, BTreeSet<String>)>,
}

impl Printed {
    fn news(&mut self, releases: &[Release]) -> String {
        let mut out = String::new();
        for release in releases {
            let (status, seen) = self
                .lines
                .entry(release.id.clone())
                .or_insert_with(|| (ReleaseStatus::Pending, BTreeSet::new()));
            let news: Vec<String> = present::log(release)
                .into_iter()
                .filter(|line| seen.insert(line.clone()))
                .collect();
            if news.is_empty() && *status == release.status {
                continue;
            }
            *status = release.status;
            out.push_str(&heading(release));
            for line in news {
                out.push_str(&format!("  {line}\n"));
            }
        }
        out
    }
}

fn heading(release: &Release) -> String {
    format!(
        "{} {} {} {}\n",
        paint(BOLD, release.id.short()),
        release.kind,
        paint(status_style(release.status), release.status.as_str()),
        clean(&release.subject)
    )
}
