//! `gitmage wait`: until a commit is handled.

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::choose::{EnvArg, duration};
use super::failure::{Failure, Outcome, fail};
use super::history::History;
use super::present::{Output, clean, paint, status_style};
use super::status;
use crate::domain::{CommitId, Release, ReleaseStatus};
use crate::plan::{Book, ReleaseRecord};
use crate::ports::{GitError, Source};
use crate::reconcile::{Recent, ReleaseList, brought_in};
use crate::settings::{Environment, SecretSource};

/// Reads Git alone: a daemon, or a `gitmage reconcile` elsewhere, does the work meanwhile.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 live, superseded, or the commit alters nothing desired; 1 failed or \
    invalid, or an error; 2 held; 3 not handled in time; 4 rolled back."
)]
pub(super) struct Args {
    /// The commit, branch or tag
    #[arg(value_name = "COMMIT")]
    commit: String,
    /// How long to wait at most, such as 30s, 5m or 1h30m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    env: EnvArg,
}

const HELD: u8 = 2;
const TIMEOUT: u8 = 3;
const ROLLED_BACK: u8 = 4;

/// Time between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(250);
/// The same where looking asks a remote.
const LOOK_REMOTE: Duration = Duration::from_secs(1);

/// The fate of a commit.
enum Fate {
    /// Not yet.
    No,
    /// It alters nothing desired.
    Quiet,
    /// It made a release, or another commit brought it in.
    Release(Box<Release>),
}

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    let end = Instant::now() + args.timeout;
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    let commit = match history.source().resolve(&args.commit) {
        Ok(commit) => commit,
        Err(error) => awaited(&args.commit, error)?,
    };
    let mut output = Output::new(context.color);
    let mut known = None;
    loop {
        let tips = (
            history.ledger_tip(environment)?,
            history.source().head(&environment.branch)?,
        );
        if known.as_ref() != Some(&tips) {
            let list = history.releases(environment, Recent::default())?;
            match handled(&history, environment, &list, &commit)? {
                Fate::No => {}
                Fate::Quiet => {
                    let short = commit.short();
                    output.text(&format!("{short} alters nothing; no release\n"))?;
                    for note in history.notes(environment, list.book(), &commit)? {
                        output.text(&format!("warning: {}\n", clean(&note)))?;
                    }
                    return Ok(ExitCode::SUCCESS);
                }
                Fate::Release(release) => {
                    if let Some(code) = verdict(&release, &mut output)? {
                        return Ok(code);
                    }
                }
            }
            known = Some(tips);
        }
        let look = if history.is_remote() {
            LOOK_REMOTE
        } else {
            LOOK
        };
        if Instant::now() >= end {
            fail(&late(&history, environment, &commit, args.timeout));
            return Ok(ExitCode::from(TIMEOUT));
        }
        tokio::time::sleep_until(end.min(Instant::now() + look)).await;
        if history.is_remote() {
            history.refresh();
        }
    }
}

/// A full id may be waited for before its push has arrived; any other name must be known.
fn awaited(name: &str, error: GitError) -> Result<CommitId, GitError> {
    match (error, CommitId::new(name)) {
        (GitError::NotFound(_), Ok(commit)) => Ok(commit),
        (error, _) => Err(error),
    }
}

/// The exit status of a release that has come to an end.
fn verdict(release: &Release, output: &mut Output) -> Result<Option<ExitCode>, Failure> {
    let code = match release.status {
        ReleaseStatus::Live | ReleaseStatus::Superseded | ReleaseStatus::Canceled => {
            ExitCode::SUCCESS
        }
        ReleaseStatus::RolledBack => ExitCode::from(ROLLED_BACK),
        ReleaseStatus::Failed | ReleaseStatus::Invalid => ExitCode::FAILURE,
        ReleaseStatus::Held => ExitCode::from(HELD),
        ReleaseStatus::Pending
        | ReleaseStatus::Validating
        | ReleaseStatus::Snapshotted
        | ReleaseStatus::Deploying
        | ReleaseStatus::Verifying => return Ok(None),
    };
    let message = match &release.message {
        Some(message) => format!(": {message}"),
        None => String::new(),
    };
    output.text(&format!(
        "{} {} {}{}\n",
        release.id.short(),
        paint(status_style(release.status), release.status.as_str()),
        clean(&release.subject),
        clean(&message)
    ))?;
    Ok(Some(code))
}

fn handled(
    history: &History,
    environment: &Environment<SecretSource>,
    list: &ReleaseList,
    commit: &CommitId,
) -> Result<Fate, Failure> {
    let book = list.book();
    let source = history.source();
    // All of the ledger is read only where the releases do not tell.
    let progress = || -> Result<_, Failure> {
        let ledger = history.ledger(environment)?;
        // An environment that a person must look at has handled nothing; it may yet.
        Ok(history.progress(environment, &ledger).ok())
    };
    if let Some(record) = release_of(source, book, commit)?
        && let Some(release) = book.view(record)
    {
        // One that was dropped from the branch may have come again.
        let comes_again = release.status == ReleaseStatus::RolledBack
            && progress()?.is_some_and(|progress| progress.pending.contains(&release.commit));
        return Ok(match comes_again {
            true => Fate::No,
            false => Fate::Release(Box::new(release)),
        });
    }
    let head = list.state.as_ref().and_then(|s| s.head.clone());
    if let Some(head) = head
        && source.is_ancestor(commit, &head)?
    {
        return Ok(Fate::Quiet);
    }
    let Some(progress) = progress()? else {
        return Ok(Fate::No);
    };
    match progress.head {
        Some(head) if source.is_ancestor(commit, &head)? => Ok(Fate::Quiet),
        Some(_) | None => Ok(Fate::No),
    }
}

/// The newest release of a commit, or of the merge that brought it in.
pub(super) fn release_of<'a, S: Source>(
    source: &S,
    book: &'a Book,
    commit: &CommitId,
) -> Result<Option<&'a ReleaseRecord>, Failure> {
    let since = || book.releases.range(book.epoch..).map(|(_, r)| r.as_ref());
    if let Some(own) = since().rev().find(|r| r.commit == *commit) {
        return Ok(Some(own));
    }
    let line: Vec<_> = since()
        .map(|release| (&release.commit, release.first_parent.as_ref()))
        .collect();
    let brought = brought_in(source, commit, &line)?;
    Ok(brought.and_then(|id| since().rev().find(|release| release.commit == id)))
}

/// Returns why the time is over.
fn late(
    history: &History,
    environment: &Environment<SecretSource>,
    commit: &CommitId,
    timeout: Duration,
) -> String {
    let state = match status::of(history, environment) {
        Ok(status) => match status.message {
            Some(message) => format!("{}: {message}", status.state),
            None => status.state.to_string(),
        },
        Err(_) => "unknown".to_owned(),
    };
    format!(
        "{} is not handled after {timeout:?}; environment {} is {state}",
        commit.short(),
        environment.name,
    )
}
