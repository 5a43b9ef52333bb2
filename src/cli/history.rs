//! The history of an environment as Git knows it: its branch and its ledger. The store is never asked,
//! and a daemon that runs is not disturbed.

use jiff::Timestamp;

use super::Context;
use super::failure::Failure;
use super::wait::release_of;
use crate::assembly;
use crate::domain::{CommitId, Observation, Release, ReleaseId, ReleaseKind, ReleaseStatus};
use crate::git::Repository;
use crate::manifest::Loader;
use crate::plan::{Book, ReleaseRecord, Seq, claims, compose};
use crate::ports::Source;
use crate::reconcile::{
    LedgerSnapshot, LoadError, PassError, Recent, ReleaseList, Route, State, load, load_releases,
    load_state, tip_of, walk,
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

/// A release, as far as it matters for taking it back.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) seq: Seq,
    pub(super) id: ReleaseId,
    pub(super) kind: ReleaseKind,
    pub(super) status: ReleaseStatus,
    pub(super) commit: CommitId,
    /// What its changes are the difference from.
    pub(super) parent: Option<CommitId>,
    pub(super) subject: String,
    /// The releases that it took back.
    pub(super) reverts: Vec<Seq>,
    /// False for those made before the environment was begun anew.
    pub(super) counts: bool,
}

/// The progress of an environment, with the commits that need no release of their own.
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

    /// True if looking again means asking a remote.
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
    ) -> Result<LedgerSnapshot, LoadError> {
        let branch = &environment.rollback_branch;
        load(
            &self.repository.ledger(branch, environment.name.as_str()),
            branch,
        )
    }

    /// Returns releases of an environment, without what is managed.
    pub(super) fn releases(
        &self,
        environment: &Environment<SecretSource>,
        recent: Recent,
    ) -> Result<ReleaseList, LoadError> {
        let branch = &environment.rollback_branch;
        let ledger = self.repository.ledger(branch, environment.name.as_str());
        load_releases(&ledger, branch, recent)
    }

    /// Returns what the ledger of an environment says in one file.
    pub(super) fn state(
        &self,
        environment: &Environment<SecretSource>,
    ) -> Result<Option<State>, LoadError> {
        let branch = &environment.rollback_branch;
        let ledger = self.repository.ledger(branch, environment.name.as_str());
        load_state(&ledger, branch)
    }

    /// The newest commit of an environment's ledger: whether it is worth reading again.
    pub(super) fn ledger_tip(
        &self,
        environment: &Environment<SecretSource>,
    ) -> Result<Option<CommitId>, Failure> {
        Ok(self.repository.head(&environment.rollback_branch)?)
    }

    /// The release that a word of the command line means; see [`Self::place`].
    pub(super) fn find(
        &self,
        environment: &Environment<SecretSource>,
        book: &Book,
        word: &str,
    ) -> Result<Release, Failure> {
        let place = self.place(environment, book, word)?;
        let record = book.releases.get(&place);
        let record = record.ok_or_else(|| Failure::new(format!("no release {word:?}")))?;
        view(book, record)
    }

    /// The place in the history of the release that a word of the command line means: an id, that of a
    /// commit in it, a unique prefix of one, a branch or a tag. The watched branch wins over a tag of
    /// the same name.
    pub(super) fn place(
        &self,
        environment: &Environment<SecretSource>,
        book: &Book,
        word: &str,
    ) -> Result<Seq, Failure> {
        if let Some(record) = by_id(book, word)? {
            return Ok(record.seq);
        }
        let of_head = word.strip_prefix("HEAD").or(word.strip_prefix('@'));
        if self.is_remote() && of_head.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        {
            return Err(Failure::new(format!(
                "{word:?} is a place in a work tree, and the repository is a URL; name a commit, a branch or a release"
            )));
        }
        let branch = match word == environment.branch {
            true => self.repository.head(word)?,
            false => None,
        };
        let commit = match branch {
            Some(tip) => tip,
            None => self.repository.resolve(word).map_err(|error| {
                Failure::new(format!(
                    "no release {word:?}: {error}; `gitmage releases` lists them"
                ))
            })?,
        };
        match release_of(&self.repository, book, &commit)? {
            Some(record) => Ok(record.seq),
            None => Err(Failure::new(format!(
                "commit {commit} made no release: it alters nothing desired, or is not handled yet; `gitmage releases` lists those there are"
            ))),
        }
    }

    /// Returns what is to be said of a commit that made no release: what its message names and does not
    /// exist.
    pub(super) fn notes(
        &self,
        environment: &Environment<SecretSource>,
        book: &Book,
        commit: &CommitId,
    ) -> Result<Vec<String>, Failure> {
        let message = self.repository.commit(commit)?.message;
        let mut notes = Vec::new();
        for id in claims(&message).ids {
            let named = self.repository.resolve_id(&id)?;
            let release = match &named {
                Some(named) => release_of(&self.repository, book, named)?,
                None => None,
            };
            if release.is_none() {
                notes.push(format!(
                    "the message names {id}, which is no release of {}: nothing is taken back for it; `gitmage releases` lists those there are",
                    environment.name
                ));
            }
        }
        Ok(notes)
    }

    /// The releases as a rollback needs them, oldest first.
    pub(super) fn past(book: &Book) -> Vec<Past> {
        let statuses = book.statuses(&book.standings());
        let past = |record: &ReleaseRecord| {
            Some(Past {
                seq: record.seq,
                id: book.id(record.seq)?,
                kind: record.kind,
                status: *statuses.get(&record.seq)?,
                commit: record.commit.clone(),
                parent: record.first_parent.clone(),
                subject: record.subject.clone(),
                reverts: record.reverts.clone(),
                counts: record.seq >= book.epoch,
            })
        };
        book.releases
            .values()
            .filter_map(|record| past(record))
            .collect()
    }

    /// Returns how far an environment has come.
    pub(super) fn progress(
        &self,
        environment: &Environment<SecretSource>,
        ledger: &LedgerSnapshot,
    ) -> Result<Progress, Failed> {
        let tip = tip_of(
            &self.repository,
            &environment.branch,
            &environment.rollback_branch,
        )?;
        let loader = assembly::loader(&self.settings, &environment.name)
            .map_err(|error| Failed::Other(error.into()))?;
        Ok(progress(
            &self.repository,
            &loader,
            environment,
            ledger,
            tip,
        )?)
    }
}

/// The reasons why it is not known how far an environment has come.
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
    ledger: &LedgerSnapshot,
    tip: CommitId,
) -> Result<Progress, PassError> {
    let route = Route {
        branch: &environment.branch,
        tip: tip.clone(),
        bootstrap: assembly::bootstrap(environment),
        rewrites: assembly::rewrites(environment),
        // What it would make of a dispute between environments shows once it is handled.
        others: Vec::new(),
        aside: false,
    };
    let policy = assembly::policy(environment);
    let state = ledger.state.as_ref();
    let handled = state.and_then(|s| s.pass.as_ref().map(|p| &p.head).or(s.head.as_ref()));
    let live = state.and_then(|s| s.live.clone());
    let walked = walk(source, loader, &ahead(ledger), &route)?;
    let composed = compose(
        &ledger.book,
        &walked.drafts,
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
fn ahead(ledger: &LedgerSnapshot) -> LedgerSnapshot {
    let mut ledger = ledger.clone();
    if let Some(State {
        head, live, pass, ..
    }) = &mut ledger.state
        && let Some(pass) = pass
    {
        *head = Some(pass.head.clone());
        live.clone_from(&pass.live);
    }
    ledger
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

/// True if the newest release of a commit says that its files cannot be used.
pub(super) fn is_invalid(book: &Book, commit: &CommitId) -> bool {
    book.releases
        .values()
        .rev()
        .find(|r| r.commit == *commit)
        .is_some_and(|r| r.is_invalid())
}
