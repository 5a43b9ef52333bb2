//! A pass: from the ledger and the branch to an outcome in the ledger.

mod commits;
mod forward;
mod identity;
mod queue;
mod reading;
mod resume;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

pub(super) use self::forward::with_roots;
use super::error::PassError;
use super::execute::{self, Tools};
use super::hold::{Hold, Holder, Recorded};
use super::in_flight::InFlightWrites;
use super::journal::Journal;
use super::ledger::{LedgerSnapshot, State};
use super::walk::{Bootstrap, Rewrites, Walked};
use super::{Progress, Stop, Writes, lease};
use crate::domain::kinds::Charset;
use crate::domain::{CommitId, EntityRef, Kind, Release, StoreViews};
use crate::manifest::Loader;
use crate::plan::{Blueprint, Book, EntityWork, Policy, Seq, asked};
use crate::ports::{Clock, Ledger, Source, StoreWrite};

/// What helps where the ledger belongs to another store.
const OTHER_STORE_REMEDY: &str =
    "set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`";

/// An environment, as the core sees it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name.
    pub environment: String,
    /// The watched branch.
    pub branch: String,
    /// The rollback branch.
    pub rollback_branch: String,
    /// The store's URL, as the ledger names it.
    pub store_url: String,
    /// What the first start does.
    pub bootstrap: Bootstrap,
    /// What a rewritten branch does.
    pub rewrites: Rewrites,
    /// The policies that shape targets.
    pub policy: Policy,
    /// `on_failure: restore`: what a pass wrote is undone when an entity of it failed.
    pub restore_failed: bool,
    /// The character set of the shop's tables.
    pub charset: Charset,
    /// How many requests may be in flight.
    pub concurrency: usize,
    /// How writes reach the store.
    pub writes: Writes,
    /// How long a request may take.
    pub timeout: Duration,
    /// Who this process is, for the lease.
    pub holder: String,
    /// The other environments of the same store: no field may be set by two of them.
    pub siblings: Vec<Sibling>,
    /// Where this host remembers the ledger's newest commit, so that a ledger that vanished is noticed.
    pub memory: PathBuf,
}

/// Another environment of the same store.
#[derive(Debug, Clone)]
pub struct Sibling {
    /// Its name.
    pub environment: String,
    /// Its branch.
    pub branch: String,
    /// Its release files.
    pub loader: Arc<Loader>,
}

/// What a pass is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    /// Also what the store refused for good.
    pub retry: bool,
    /// Begin anew on this store, whatever the ledger says.
    pub rebootstrap: Option<Bootstrap>,
}

/// What a pass came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The newest commit handled.
    pub head: Option<CommitId>,
    /// The releases that were made or whose outcome changed, oldest first.
    pub releases: Vec<Release>,
    /// Whether everything is at its target.
    pub converged: bool,
    /// The ledger afterwards.
    pub ledger: LedgerSnapshot,
}

/// Reconciles one environment.
pub struct Reconciler<S, L, M, C> {
    pub(super) source: Arc<S>,
    pub(super) ledger: Arc<L>,
    pub(super) store: Arc<M>,
    pub(super) clock: Arc<C>,
    pub(super) loader: Arc<Loader>,
    pub(super) setup: Setup,
    progress: Progress,
    stop: Stop,
    memory: Mutex<Memory>,
    /// Apart from `memory`, so that what a failing pass has learned is kept.
    in_flight: Arc<std::sync::Mutex<InFlightWrites>>,
}

/// A pass that is about to be planned.
struct Beginning {
    walked: Walked,
    /// The book, with releases that go on under other commits.
    known: Book,
    /// The same with what lies aside back in its place, where that may return.
    returns: Option<Book>,
    /// The book as far as it is known without a look at the store.
    asked_for: Book,
    /// The entities that the pass concerns.
    entities: BTreeSet<EntityRef>,
    at: Timestamp,
}

/// A pass that is carried out.
struct Carrying<M, C> {
    recorded: Recorded,
    plan: Blueprint,
    tools: Tools<M, C>,
    journal: Journal,
}

#[derive(Default)]
struct Memory {
    ledger: Option<LedgerSnapshot>,
    seen: Option<lease::Seen>,
    rights: BTreeSet<Kind>,
    /// Whether the store's queue was found to be there.
    queue: bool,
    patience: Patience,
}

/// When what failed is tried again by a pass that has nothing else to do: after 30 s, then ever less
/// often, ten minutes at most. A pass with new commits tries it in any case.
#[derive(Debug, Default)]
struct Patience {
    failures: u32,
    due: Duration,
}

impl Patience {
    const FIRST: Duration = Duration::from_secs(30);
    const LONGEST: Duration = Duration::from_secs(600);

    fn failed(&mut self, now: Duration) {
        let wait = Self::FIRST * 2_u32.saturating_pow(self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        self.due = now + wait.min(Self::LONGEST);
    }
}

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// Wires an environment.
    pub fn new(
        (source, ledger, store, clock): (Arc<S>, Arc<L>, Arc<M>, Arc<C>),
        loader: Arc<Loader>,
        setup: Setup,
        progress: Progress,
        stop: Stop,
    ) -> Self {
        Self {
            source,
            ledger,
            store,
            clock,
            loader,
            setup,
            progress,
            stop,
            memory: Mutex::default(),
            in_flight: Arc::default(),
        }
    }

    /// One pass: resumes what is in hand, then goes to the newest valid commit.
    ///
    /// # Errors
    /// See [`PassError`]; what was recorded by then is resumed by the next pass.
    pub async fn pass(&self, mut request: Request) -> Result<Report, PassError> {
        let mut raced = 0;
        loop {
            match self.attempt(&mut request).await {
                Err(PassError::Raced) if raced < 3 => raced += 1,
                Err(PassError::Raced) => {
                    return Err(PassError::waiting(
                        "another gitmage works on this environment and moves its rollback branch",
                    ));
                }
                other => return other,
            }
        }
    }

    async fn attempt(&self, request: &mut Request) -> Result<Report, PassError> {
        let mut memory = self.memory.lock().await;
        let mut ledger = self
            .read(&mut memory, request.rebootstrap.is_some())
            .await?;
        if let Some(state) = &ledger.state
            && request.rebootstrap.is_none()
        {
            // Told even where there is nothing to do: the values in the ledger are not this store's.
            self.same_url(&state.store)?;
        }
        self.respect_lease(&mut memory, &ledger)?;
        self.outlast_queue(&ledger).await?;
        let mut releases = Vec::new();
        if request.rebootstrap.is_none()
            && let Some(pass) = ledger.state.as_ref().and_then(|s| s.pass.clone())
        {
            let (next, made) = self.resume(&mut memory, ledger, pass).await?;
            ledger = self.keep(&mut memory, next);
            releases.extend(made);
        }
        let (next, head, made) = self.forward(&mut memory, ledger, request).await?;
        releases.extend(made);
        let ledger = self.keep(&mut memory, next);
        let now = self.clock.monotonic();
        if ledger.book.is_at_rest(false) {
            memory.patience = Patience::default();
        } else if !releases.is_empty() || now >= memory.patience.due {
            memory.patience.failed(now);
        }
        Ok(self.report(ledger, head, &releases))
    }

    fn report(&self, ledger: LedgerSnapshot, head: CommitId, seqs: &[Seq]) -> Report {
        let book = &ledger.book;
        let releases: BTreeSet<Seq> = seqs.iter().copied().collect();
        let handled = ledger.state.as_ref().and_then(|s| s.head.clone());
        let invalid = handled
            .and_then(|head| book.releases.values().rev().find(|r| r.commit == head))
            .is_some_and(|r| r.is_invalid());
        Report {
            head: Some(head),
            converged: book.is_at_rest(true) && !invalid,
            releases: {
                let releases = releases.iter().filter_map(|seq| book.releases.get(seq));
                book.views_of(releases.map(AsRef::as_ref))
            },
            ledger,
        }
    }

    fn hold(&self, ledger: &LedgerSnapshot, state: State) -> Hold<L, C> {
        let holder = Holder {
            environment: self.setup.environment.clone(),
            id: self.setup.holder.clone(),
            timeout: self.setup.timeout,
        };
        Hold::new(
            self.ledger.clone(),
            self.clock.clone(),
            holder,
            ledger,
            state,
        )
    }

    fn journal(&self) -> Journal {
        Journal::new(super::now_of(&self.clock), self.progress.clone())
    }

    /// What carrying out, or planning, work on these entities takes: the store's words among it.
    pub(super) async fn tools(
        &self,
        views: Arc<StoreViews>,
        book: &Book,
        entities: &BTreeSet<EntityRef>,
    ) -> Result<Tools<M, C>, PassError> {
        let kinds: BTreeSet<Kind> = entities.iter().map(|entity| entity.kind).collect();
        let read = || self.store.vocabulary(&kinds);
        let vocabulary = execute::retry(self.clock.as_ref(), read).await?;
        let whole = |(entity, work): (EntityRef, EntityWork)| {
            work.is_of_the_whole(&entity).then_some(entity)
        };
        Ok(Tools {
            store: self.store.clone(),
            clock: self.clock.clone(),
            views,
            charset: self.setup.charset,
            policy: self.setup.policy,
            vocabulary,
            whole: asked(book, entities)
                .into_iter()
                .filter_map(whole)
                .collect(),
            concurrency: self.setup.concurrency,
            restore: self.setup.restore_failed,
            progress: self.progress.clone(),
            stop: self.stop.clone(),
            queue: None,
            timeout: self.setup.timeout,
            in_flight: self.in_flight.clone(),
        })
    }
}
