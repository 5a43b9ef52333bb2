//! What Git knows of an environment: its branch and its ledger. The store is never asked, and a
//! daemon that runs is not disturbed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Context;
use super::failure::Failure;
use crate::assembly;
use crate::domain::{CommitId, Observation, Release, ReleaseStatus};
use crate::git::Repository;
use crate::manifest::Loader;
use crate::plan::{Book, Policy, ReleaseRecord, compose};
use crate::ports::Source;
use crate::reconcile::{
    Bootstrap, Ledgered, LoadError, PassError, Rewrites, Route, State, load, tip_of, walk,
};
use crate::settings::{self, Environment, SecretSource, Settings};

/// Digits that a prefix of a release id has at least.
const MIN_PREFIX: usize = 4;

/// The watched repository and the configuration, without the secrets of the stores.
pub(super) struct History {
    /// The configuration.
    pub(super) settings: Settings<SecretSource>,
    repository: Repository,
}

/// How far an environment has come, with the commits that need no release of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// The tip of the branch.
    pub(super) tip: CommitId,
    /// The newest commit handled.
    pub(super) head: Option<CommitId>,
    /// The newest valid commit handled.
    pub(super) live: Option<CommitId>,
    /// The commits that will make a release, oldest first.
    pub(super) pending: Vec<CommitId>,
}

impl History {
    /// Loads the configuration, opens the repository and brings a mirror up to date, if it can be.
    pub(super) fn open(context: &Context) -> Result<Self, Failure> {
        let settings = Settings::load_without_secrets(context.config.as_deref())?;
        let token = match settings.repository.token.as_ref().map(SecretSource::read) {
            Some(Ok(token)) => Some(token),
            Some(Err(finding)) => {
                tracing::warn!("{}", finding.message);
                None
            }
            None => None,
        };
        let repository = assembly::repository(&settings, token)?;
        let history = Self {
            settings,
            repository,
        };
        history.refresh();
        Ok(history)
    }

    /// Brings a mirror up to date. Where the remote cannot be reached, what was fetched last is shown.
    pub(super) fn refresh(&self) {
        // Of a repository in place nothing is known then, which whatever is asked will tell.
        if self.is_remote()
            && let Err(error) = self.repository.refresh()
        {
            tracing::warn!(%error, "the repository could not be brought up to date; showing what is known");
        }
    }

    /// The repository.
    pub(super) fn source(&self) -> &Repository {
        &self.repository
    }

    /// Whether looking again means asking a remote.
    pub(super) fn is_remote(&self) -> bool {
        matches!(
            self.settings.repository.url,
            settings::RepositoryUrl::Remote(_)
        )
    }

    /// The ledger of an environment.
    pub(super) fn ledger(
        &self,
        environment: &Environment<SecretSource>,
    ) -> Result<Ledgered, LoadError> {
        let branch = &environment.rollback_branch;
        load(
            &self.repository.ledger(branch, environment.name.as_str()),
            branch,
        )
    }

    /// The newest commit of an environment's ledger: whether it is worth reading again.
    pub(super) fn ledger_tip(
        &self,
        environment: &Environment<SecretSource>,
    ) -> Result<Option<CommitId>, Failure> {
        Ok(self.repository.head(&environment.rollback_branch)?)
    }

    /// The release that a word of the command line means: an id, a unique prefix of one, or a
    /// revision, of which the newest release is taken.
    pub(super) fn find(&self, book: &Book, word: &str) -> Result<Release, Failure> {
        if let Some(record) = by_id(book, word)? {
            return view(book, record);
        }
        let commit = self.repository.resolve(word).map_err(|error| {
            Failure::new(format!(
                "no release {word:?}: {error}; `gitmage releases` lists them"
            ))
        })?;
        let newest = book
            .releases
            .values()
            .rev()
            .find(|r| r.commit == commit)
            .ok_or_else(|| {
                Failure::new(format!(
                    "commit {commit} made no release: it alters nothing desired, or is not handled yet; `gitmage releases` lists those there are"
                ))
            })?;
        view(book, newest)
    }

    /// How far an environment has come.
    pub(super) fn progress(
        &self,
        environment: &Environment<SecretSource>,
        ledgered: &Ledgered,
    ) -> Result<Progress, Failed> {
        let tip = tip_of(
            &self.repository,
            &environment.branch,
            &environment.rollback_branch,
        )?;
        let loader = assembly::loader(&environment.name, environment)
            .map_err(|error| Failed::Other(error.into()))?;
        Ok(progress(
            &self.repository,
            &loader,
            environment,
            ledgered,
            tip,
        )?)
    }
}

/// Why it is not known how far an environment has come.
#[derive(Debug)]
pub(super) enum Failed {
    /// A pass would end in the same way.
    Pass(PassError),
    /// Anything else.
    Other(Failure),
}

impl From<PassError> for Failed {
    fn from(error: PassError) -> Self {
        Self::Pass(error)
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Pass(error) => error.into(),
            Failed::Other(failure) => failure,
        }
    }
}

fn progress<S: Source, T>(
    source: &S,
    loader: &Loader,
    environment: &Environment<T>,
    ledgered: &Ledgered,
    tip: CommitId,
) -> Result<Progress, PassError> {
    let route = Route {
        branch: &environment.branch,
        tip: tip.clone(),
        bootstrap: match environment.bootstrap {
            settings::Bootstrap::Deploy => Bootstrap::Deploy,
            settings::Bootstrap::Adopt => Bootstrap::Adopt,
        },
        rewrites: match environment.history_rewrites {
            settings::HistoryRewrites::Stall => Rewrites::Stall,
            settings::HistoryRewrites::Follow => Rewrites::Follow,
        },
        // What it would make of a dispute between environments shows once it is handled.
        others: Vec::new(),
        aside: false,
    };
    let policy = Policy {
        restore_removed: environment.on_remove == settings::OnRemove::Restore,
        keep_conflicts: environment.on_conflict == settings::OnConflict::Keep,
    };
    let state = ledgered.state.as_ref();
    let handled = state.and_then(|s| s.pass.as_ref().map(|p| &p.head).or(s.head.as_ref()));
    let live = state.and_then(|s| s.live.clone());
    let walked = walk(source, loader, &ahead(ledgered), &route)?;
    let composed = compose(
        &ledgered.book,
        &walked.drafts,
        &BTreeSet::new(),
        &Observation::new(),
        policy,
        Timestamp::UNIX_EPOCH,
    );
    let pending: Vec<CommitId> = composed
        .new
        .iter()
        .filter_map(|seq| composed.book.releases.get(seq))
        .map(|release| release.commit.clone())
        .collect();
    let in_hand = state.is_some_and(|s| s.pass.is_some());
    if in_hand {
        return Ok(Progress {
            tip,
            head: state.and_then(|s| s.head.clone()),
            live,
            pending,
        });
    }
    if pending.is_empty() {
        return Ok(Progress {
            head: Some(tip.clone()),
            live: walked.live,
            tip,
            pending,
        });
    }
    let quiet = quiet(source, handled, &tip, &pending)?;
    Ok(Progress {
        tip,
        head: quiet.clone().or_else(|| handled.cloned()),
        live: quiet.or(live),
        pending,
    })
}

/// The ledger as the pass in hand will leave it, as far as commits go: what comes after is pending.
fn ahead(ledgered: &Ledgered) -> Ledgered {
    let mut ledgered = ledgered.clone();
    if let Some(State {
        head, live, pass, ..
    }) = &mut ledgered.state
        && let Some(pass) = pass
    {
        *head = Some(pass.head.clone());
        live.clone_from(&pass.live);
    }
    ledgered
}

/// The last of the commits after the one handled that alter nothing, before the first that does.
fn quiet<S: Source>(
    source: &S,
    handled: Option<&CommitId>,
    tip: &CommitId,
    pending: &[CommitId],
) -> Result<Option<CommitId>, PassError> {
    let Some(handled) = handled else {
        return Ok(None);
    };
    let line = source.first_parents(tip, Some(handled))?;
    if line.first().and_then(|first| first.parents.first()) != Some(handled) {
        return Ok(None);
    }
    Ok(line
        .into_iter()
        .map(|info| info.id)
        .take_while(|id| !pending.contains(id))
        .last())
}

fn view(book: &Book, record: &ReleaseRecord) -> Result<Release, Failure> {
    book.view(record)
        .ok_or_else(|| Failure::new(format!("the release of {} cannot be shown", record.commit)))
}

fn by_id<'a>(book: &'a Book, word: &str) -> Result<Option<&'a ReleaseRecord>, Failure> {
    let prefix = word.to_ascii_lowercase();
    if prefix.len() < MIN_PREFIX || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let candidates: Vec<&ReleaseRecord> = book
        .releases
        .values()
        .rev()
        .filter(|r| {
            book.id(r.seq)
                .is_some_and(|id| id.as_str().starts_with(&prefix))
        })
        .map(AsRef::as_ref)
        .collect();
    match candidates.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        // Only an id that is whole can be that of several: not yet named ones bear their commit's.
        [newest, ..] if prefix == newest.commit.as_str() => Ok(Some(newest)),
        several => {
            let list: Vec<String> = several
                .iter()
                .filter_map(|r| Some(format!("  {}  {}", book.id(r.seq)?, r.subject)))
                .collect();
            Err(Failure::new(format!(
                "several releases begin with {word:?}; give more digits:\n{}",
                super::present::clean(&list.join("\n"))
            )))
        }
    }
}

/// Whether the newest release of a commit says that its files cannot be used.
pub(super) fn is_invalid(book: &Book, commit: &CommitId) -> bool {
    book.releases
        .values()
        .rev()
        .find(|r| r.commit == *commit)
        .is_some_and(|r| r.status == ReleaseStatus::Invalid)
}
