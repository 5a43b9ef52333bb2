//! `gitmage status`: the environments at a glance, from Git alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::Context;
use super::choose::{Format, FormatArg};
use super::failure::{Failure, Outcome};
use super::history::{Failed, History, Progress, is_invalid};
use super::present::{self, Output};
use crate::assembly::HolderLock;
use crate::domain::{CommitId, EntityKey, FieldId, Kind, StoreScope};
use crate::plan::Book;
use crate::ports::Source as _;
use crate::reconcile::{LedgerSnapshot, LoadError, PassError, is_own, remembered};
use crate::settings::{Environment, SecretSource};

/// Reads Git alone: it works while a daemon runs, and while the store is down.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "States: synced, pending (commits to handle), deploying, failed, waiting (needs time), \
    stalled (needs a person).\n\n\
    Exit status: 0 all synced, 2 not all, 1 error."
)]
pub(super) struct Args {
    #[command(flatten)]
    form: FormatArg,
}

const NOT_SYNCED: u8 = 2;

/// The standing of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Everything is as the branch says.
    Synced,
    /// There are commits to handle.
    Pending,
    /// A pass is in hand.
    Deploying,
    /// Values put back differ from the files.
    Drifted,
    /// Something is not at its target, or the newest commit cannot be used.
    Failed,
    /// Needs time.
    Waiting,
    /// Needs a person.
    Stalled,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Deploying => "deploying",
            Self::Drifted => "drifted",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
        })
    }
}

/// One environment.
#[derive(Debug, Serialize)]
pub(super) struct EnvironmentStatus {
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) head: Option<CommitId>,
    pub(super) live: Option<CommitId>,
    pub(super) state: Standing,
    pub(super) message: Option<String>,
    pub(super) drift: Vec<Drifted>,
}

/// A field whose value put back differs from the files.
#[derive(Debug, Serialize)]
pub(super) struct Drifted {
    pub(super) kind: Kind,
    pub(super) key: EntityKey,
    pub(super) store: StoreScope,
    pub(super) field: FieldId,
}

#[derive(Debug, Serialize)]
struct Document {
    environments: Vec<EnvironmentStatus>,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let history = History::open(context)?;
    let environments = history
        .settings
        .environments
        .values()
        .map(|environment| of(&history, environment))
        .collect::<Result<Vec<_>, _>>()?;
    let synced = environments.iter().all(|e| e.state == Standing::Synced);
    let mut output = Output::new(context.color);
    match args.form.format {
        Format::Text => output.text(&present::statuses(&environments))?,
        Format::Json => output.json(&Document { environments })?,
    }
    Ok(if synced {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_SYNCED)
    })
}

/// Returns where one environment stands.
pub(super) fn of(
    history: &History,
    environment: &Environment<SecretSource>,
) -> Result<EnvironmentStatus, Failure> {
    if let Some(line) = at_rest(history, environment) {
        return Ok(line);
    }
    let ledger = match history.ledger(environment) {
        Ok(ledger) => ledger,
        Err(error) => {
            let nothing = LedgerSnapshot {
                tip: None,
                state: None,
                book: Default::default(),
            };
            // Where nothing is known here, a daemon that runs still knows whether time helps.
            let stands = match (told(history, environment), error) {
                (Some(stands), _) => stands,
                (None, LoadError::Ledger(error)) => return Err(error.into()),
                (
                    None,
                    error @ (LoadError::Damaged { .. }
                    | LoadError::Older { .. }
                    | LoadError::Newer { .. }),
                ) => (Standing::Stalled, Some(error.to_string())),
            };
            return Ok(line(environment, &nothing, None, stands));
        }
    };
    if let Some(message) = vanished(history, environment, &ledger) {
        let stalled = (Standing::Stalled, Some(message));
        return Ok(line(environment, &ledger, None, stalled));
    }
    let (progress, stands) = match history.progress(environment, &ledger) {
        Ok(progress) => {
            let stands = stands(environment, &ledger, &progress);
            (Some(progress), stands)
        }
        Err(Failed::Pass(error)) => {
            let state = match error {
                PassError::Stalled { .. } | PassError::Stopped => Standing::Stalled,
                PassError::Waiting { .. } | PassError::Leased { .. } | PassError::Raced => {
                    Standing::Waiting
                }
            };
            (None, (state, Some(error.to_string())))
        }
        Err(Failed::Other(failure)) => return Err(failure),
    };
    let stands = told(history, environment).unwrap_or(stands);
    Ok(line(environment, &ledger, progress, stands))
}

/// Returns where an environment at rest stands: the newest commit is handled, and the ledger says in one
/// file that nothing is left to be done. `None` where more has to be read.
fn at_rest(
    history: &History,
    environment: &Environment<SecretSource>,
) -> Option<EnvironmentStatus> {
    // On top of somebody else's commit all has to be read: it may not fit.
    let newest = history.ledger_tip(environment).ok()??;
    let message = history.source().commit(&newest).ok()?.message;
    if !is_own(&message, environment.name.as_str()) {
        return None;
    }
    let state = history.state(environment).ok()??;
    let rest = state.rest.filter(|rest| rest.at_rest)?;
    let tip = history.source().head(&environment.branch).ok()??;
    let is_handled = state.pass.is_none()
        && state.head.as_ref() == Some(&tip)
        && state.branch == environment.branch
        && state.store.url == environment.store.url.as_str();
    if !is_handled {
        return None;
    }
    let stands = (Standing::Synced, deviations(rest.deviations));
    let (state_of, message) = told(history, environment).unwrap_or(stands);
    Some(EnvironmentStatus {
        name: environment.name.to_string(),
        branch: environment.branch.clone(),
        head: Some(tip),
        live: state.live,
        state: state_of,
        message,
        drift: Vec::new(),
    })
}

/// A ledger that was there once. A pass stalls then.
fn vanished(
    history: &History,
    environment: &Environment<SecretSource>,
    ledger: &LedgerSnapshot,
) -> Option<String> {
    if ledger.tip.is_some() {
        return None;
    }
    let memory = history.settings.state_dir.join("ledgers");
    let commit = remembered(
        &memory.join(environment.name.as_str()),
        &environment.rollback_branch,
    )?;
    Some(format!(
        "the rollback branch {} is gone; push its commit {} back, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
        environment.rollback_branch, commit
    ))
}

fn line(
    environment: &Environment<SecretSource>,
    ledger: &LedgerSnapshot,
    progress: Option<Progress>,
    (state, message): (Standing, Option<String>),
) -> EnvironmentStatus {
    let recorded = ledger.state.as_ref();
    let (head, live) = match progress {
        Some(progress) => (progress.head, progress.live),
        None => (
            recorded.and_then(|s| s.head.clone()),
            recorded.and_then(|s| s.live.clone()),
        ),
    };
    EnvironmentStatus {
        name: environment.name.to_string(),
        branch: environment.branch.clone(),
        head,
        live,
        state,
        message,
        drift: Vec::new(),
    }
}

/// Returns what the ledger and the branch say.
fn stands(
    environment: &Environment<SecretSource>,
    ledger: &LedgerSnapshot,
    progress: &Progress,
) -> (Standing, Option<String>) {
    let book = &ledger.book;
    if let Some(state) = &ledger.state
        && state.store.url != environment.store.url.as_str()
    {
        let message = format!(
            "the rollback branch {} holds the values of {}, but `store.url` is {}; set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
            environment.rollback_branch, state.store.url, environment.store.url
        );
        return (Standing::Stalled, Some(message));
    }
    if let Some(pass) = ledger.state.as_ref().and_then(|s| s.pass.as_ref()) {
        let message = format!("going to {}", pass.head.short());
        return (Standing::Deploying, Some(message));
    }
    if let Some(first) = progress.pending.first() {
        let more = match progress.pending.len() {
            1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        return (
            Standing::Pending,
            Some(format!("{}{more} to handle", first.short())),
        );
    }
    if let Some(message) = failed(book, progress) {
        return (Standing::Failed, Some(message));
    }
    (Standing::Synced, deviations(book.deviations().len()))
}

/// What differs from the files on purpose is told, but is no drift.
fn deviations(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("a field differs from the files: adopted, or edited in Magento".to_owned()),
        more => Some(format!(
            "{more} fields differ from the files: adopted, or edited in Magento"
        )),
    }
}

/// Returns why the environment is not where it shall be.
fn failed(book: &Book, progress: &Progress) -> Option<String> {
    if let Some(head) = progress.head.as_ref().filter(|head| is_invalid(book, head)) {
        return Some(format!(
            "{} cannot be used; `gitmage show {}` tells why",
            head.short(),
            head.short()
        ));
    }
    if book.is_at_rest(true) {
        return None;
    }
    let failures = book.managed.values().flat_map(|entity| &entity.failures);
    let failures: BTreeMap<_, _> = failures.collect();
    let open = book.open_slots(true);
    let waiting = open.iter().map(|slot| &slot.entity);
    let entities: BTreeSet<_> = waiting.chain(failures.keys().copied()).collect();
    let Some(first) = entities.first() else {
        return Some("a release lies aside until it is tried again".to_owned());
    };
    let error = failures
        .get(first)
        .map_or("not written", |failure| failure.error.as_str());
    let more = match entities.len() {
        1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    Some(format!("{first}: {error}{more}"))
}

/// Returns what a running daemon says of an environment: it alone knows what it waits for.
fn told(
    history: &History,
    environment: &Environment<SecretSource>,
) -> Option<(Standing, Option<String>)> {
    #[derive(Deserialize)]
    struct Told {
        state: Standing,
        message: Option<String>,
    }
    let state_dir = &history.settings.state_dir;
    let path = state_dir
        .join("status")
        .join(format!("{}.json", environment.name));
    let told: Told = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    // The lock is asked for only where a file claims that a daemon waits: it must not come into the
    // way of one that starts.
    match HolderLock::take(state_dir) {
        Ok(Some(_nobody_runs)) => None,
        Ok(None) | Err(_) => Some((told.state, told.message)),
    }
}
