//! A pass: from the ledger and the branch to an outcome in the ledger.

mod queue;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::error::PassError;
use super::execute::{self, Execution, Tools};
use super::hold::{Hold, Holder, Recorded};
use super::in_flight::InFlightWrites;
use super::journal::Journal;
use super::ledger::{self, FORMAT, LedgerSnapshot, PassFile, State, StoreIdentity};
use super::memory::{self, remembered};
use super::records::PassRecord;
use super::walk::{Bootstrap, Rewrites, Route, Walked, tip_of, walk};
use super::{Progress, Stop, Writes, blocking, collateral, lease};
use crate::domain::kinds::Charset;
use crate::domain::{
    CommitId, DesiredState, EntityRef, FieldId, Kind, Level, Observation, PhaseName, Presence,
    Release, ReleaseStatus, StoreViews,
};
use crate::manifest::Loader;
use crate::plan::{
    Blueprint, Book, Composed, Decision, EntityWork, Observed, PlannedEntity, Policy, Seq, asked,
    attempt, compose, look_at,
};
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

    fn keep(&self, memory: &mut Memory, ledger: LedgerSnapshot) -> LedgerSnapshot {
        if let Some(tip) = &ledger.tip
            && let Err(error) = memory::write(&self.setup.memory, &self.setup.rollback_branch, tip)
        {
            warn!(path = %self.setup.memory.display(), %error, "cannot remember the ledger's newest commit");
        }
        memory.ledger = Some(ledger.clone());
        ledger
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

    /// The ledger at the remote's tip, read again only when it moved.
    async fn read(
        &self,
        memory: &mut Memory,
        rebootstrap: bool,
    ) -> Result<LedgerSnapshot, PassError> {
        let source = self.source.clone();
        let ledger = self.ledger.clone();
        let branch = self.setup.rollback_branch.clone();
        let known = memory.ledger.clone();
        let ledger = blocking(move || {
            source.refresh()?;
            ledger.refresh()?;
            let tip = ledger.tip()?;
            match known {
                Some(known) if known.tip == tip => Ok(known),
                _ => Ok(ledger::load(ledger.as_ref(), &branch)?),
            }
        })
        .await?;
        if ledger.tip.is_none()
            && !rebootstrap
            && let Some(remembered) = remembered(&self.setup.memory, &self.setup.rollback_branch)
        {
            return Err(PassError::stalled(format!(
                "the rollback branch {} is gone, but {} remembers its commit {}; push that commit back, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
                self.setup.rollback_branch,
                self.setup.memory.display(),
                remembered
            )));
        }
        if !rebootstrap {
            self.only_forward(&ledger).await?;
        }
        memory.ledger = Some(ledger.clone());
        Ok(ledger)
    }

    /// The rollback branch must hold the newest commit that this host has seen on it: one that was
    /// moved back has lost snapshots, and what is deployed on it would be snapshotted as the original.
    async fn only_forward(&self, ledger: &LedgerSnapshot) -> Result<(), PassError> {
        let branch = self.setup.rollback_branch.clone();
        let (Some(tip), Some(remembered)) =
            (ledger.tip.clone(), remembered(&self.setup.memory, &branch))
        else {
            return Ok(());
        };
        let Ok(remembered) = CommitId::new(remembered) else {
            return Ok(());
        };
        if remembered == tip {
            return Ok(());
        }
        // Looked for only when somebody else has moved the branch since.
        let ledger = self.ledger.clone();
        let known = remembered.clone();
        let holds = move || {
            Ok(ledger
                .history(&tip, None)?
                .iter()
                .any(|entry| entry.id == known))
        };
        if blocking(holds).await? {
            return Ok(());
        }
        Err(PassError::stalled(format!(
            "the rollback branch {branch} was moved back or rewritten: it does not hold its commit {remembered}, which {} remembers, so snapshots are missing; push that commit back, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
            self.setup.memory.display()
        )))
    }

    fn respect_lease(&self, memory: &mut Memory, ledger: &LedgerSnapshot) -> Result<(), PassError> {
        let (Some(tip), Some(state)) = (&ledger.tip, &ledger.state) else {
            return Ok(());
        };
        let Some(lease) = &state.lease else {
            return Ok(());
        };
        let now = self.clock.monotonic();
        let left = lease::respect(&mut memory.seen, tip, lease, &self.setup.holder, now);
        if left.is_zero() {
            return Ok(());
        }
        Err(PassError::Leased {
            holder: lease.holder.clone(),
            left,
        })
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

    /// Finishes the pass that the ledger has in hand, with its first snapshot.
    async fn resume(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        pass: PassFile,
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        let Some(state) = ledger.state.clone() else {
            return Ok((ledger, Vec::new()));
        };
        let mut journal = self.journal();
        journal.begin(PhaseName::Observe);
        journal.line(
            Level::Info,
            "resumed: the pass was interrupted; its first snapshot stays",
        );
        let views = self.views(&state.store).await?;
        let entities: BTreeSet<EntityRef> = pass.entities.iter().cloned().collect();
        let mut tools = self.tools(views, &ledger.book, &entities).await?;
        tools.queue = self.queue(memory, &entities, &mut journal).await?;
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &with_roots(&entities)).await?;
        self.inherit(&state, &pass, &entities, asked);
        let mut book = Book::clone(&ledger.book);
        let look = Observed(&observation);
        let edits = look_at(&mut book, &look, pass.sequence, self.setup.policy);
        for slot in edits.keys() {
            let line = format!(
                "{}: shows neither the value of the snapshot nor the release's; it is kept beside the snapshot",
                slot.field
            );
            journal.about(Level::Warning, &slot.entity, line);
        }
        let plan = tools.plan(&book, &entities, &observation);
        attempt(&mut book, &plan.work, &observation);
        self.in_flight()
            .note(&mut book, &entities, self.clock.monotonic());
        let mut hold = self.hold(&ledger, state);
        let recorded = hold.resume(book, pass, edits).await?;
        let carrying = Carrying {
            recorded,
            plan,
            tools,
            journal,
        };
        self.carry_out(hold, carrying, (observation, asked)).await
    }

    /// What another process may have in flight that has begun the pass: everything where it did not
    /// give the pass back, and what it said itself.
    fn inherit(
        &self,
        state: &State,
        pass: &PassFile,
        entities: &BTreeSet<EntityRef>,
        asked: Duration,
    ) {
        let mut in_flight = self.in_flight();
        if in_flight.is_foreign(pass.started_at) && (pass.in_doubt || state.lease.is_some()) {
            let sender = (!pass.in_doubt).then_some(pass.started_at);
            in_flight.inherited(entities, sender, asked, self.setup.timeout);
        }
    }

    fn in_flight(&self) -> std::sync::MutexGuard<'_, InFlightWrites> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether lost writes may still arrive at these entities.
    fn in_doubt(&self, entities: &BTreeSet<EntityRef>) -> bool {
        self.in_flight().concern(entities, self.clock.monotonic())
    }

    async fn carry_out(
        &self,
        mut hold: Hold<L, C>,
        carrying: Carrying<M, C>,
        observed: (Observation, Duration),
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        let Carrying {
            recorded,
            plan,
            tools,
            mut journal,
        } = carrying;
        self.in_flight().carries_out(recorded.pass().started_at);
        let execution = Execution::new(&mut hold, &recorded, &tools, &mut journal, &plan, observed);
        let (book, mut outcomes) = match execution.run(plan).await {
            Ok(carried) => carried,
            Err(PassError::Raced) => return Err(PassError::Raced),
            Err(error) => {
                // The lease is given back; a park that fails only makes the others wait for its end.
                let entities = recorded.pass().entities.iter().cloned().collect();
                if let Err(park) = hold.park(self.in_doubt(&entities)).await {
                    warn!(error = %park, "the lease could not be given back; it runs out by itself");
                }
                return Err(error);
            }
        };
        journal.begin(PhaseName::Record);
        journal.end();
        for (seq, outcome) in &mut outcomes {
            if recorded.pass().releases.contains(seq) {
                outcome.phases = journal.phases().to_vec();
            }
            outcome.finished_at = Some(journal.now());
        }
        let seqs = outcomes.keys().copied().collect();
        hold.finish(recorded, book, outcomes).await?;
        Ok((hold.into_snapshot(), seqs))
    }

    /// Goes to the tip of the branch, and tries again what failed.
    async fn forward(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        request: &mut Request,
    ) -> Result<(LedgerSnapshot, CommitId, Vec<Seq>), PassError> {
        let mut journal = self.journal();
        journal.begin(PhaseName::Validate);
        let at = journal.now();
        let begun = match request.rebootstrap {
            Some(_) => Arc::new(ledger.book.begun_anew()),
            None => ledger.book.clone(),
        };
        let at_rest = begun.is_at_rest(request.retry);
        let patient = !request.retry && self.clock.monotonic() < memory.patience.due;
        let tip = self.tip().await?;
        if (at_rest || patient) && self.is_handled(&ledger, &tip, *request) {
            return Ok((ledger, tip, Vec::new()));
        }
        let walked = self
            .walk(ledger.clone(), tip, request.rebootstrap, false)
            .await?;
        let head = walked.head.clone();
        let known = begun.renamed(&walked.renamed);
        let nothing_seen = Observation::new();
        let drafted =
            |book: &Book| compose(book, &walked.drafts, &nothing_seen, self.setup.policy, at);
        let (mut book, mut draft) = (known.clone(), drafted(&known));
        // What lies aside returns on a retry, or where nothing of it would be refused: a pass with new
        // commits may have mended it.
        let returns = draft.book.has_parked(request.retry);
        if returns {
            book = known.unparked();
            draft = drafted(&book);
        }
        let elsewhere = walked.must_record_head || request.rebootstrap.is_some();
        let mut entities = draft.entities(request.retry);
        if returns {
            entities.extend(known.lying_aside());
        }
        let idle = patient || entities.is_empty();
        if draft.new.is_empty() && idle && !elsewhere {
            for (commit, note) in &draft.notes {
                warn!(commit = %commit.short(), "{note}");
            }
            return Ok((ledger, head, Vec::new()));
        }
        if entities.is_empty() {
            let (next, seqs) = self.note(ledger, &walked, draft, *request).await?;
            return Ok((next, head, seqs));
        }
        let beginning = Beginning {
            walked,
            known,
            returns: returns.then_some(book),
            asked_for: draft.book,
            entities,
            at,
        };
        let (next, seqs) = self
            .begin(memory, ledger, beginning, request, journal)
            .await?;
        Ok((next, head, seqs))
    }

    /// Observes the entities concerned, plans, and commits the snapshot; then carries the plan out.
    async fn begin(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        beginning: Beginning,
        request: &mut Request,
        mut journal: Journal,
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        journal.begin(PhaseName::Observe);
        let entities = &beginning.entities;
        let identity = self.identify(&ledger, *request).await?;
        self.check_rights(memory, entities).await?;
        let queue = self.queue(memory, entities, &mut journal).await?;
        let views = Arc::new(identity.views.clone());
        let mut tools = self.tools(views, &beginning.asked_for, entities).await?;
        tools.queue = queue;
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &with_roots(entities)).await?;
        let elsewhere = beginning.walked.must_record_head || request.rebootstrap.is_some();
        let (head, live) = (beginning.walked.head.clone(), beginning.walked.live.clone());
        let (at, renamed) = (beginning.at, beginning.walked.renamed.clone());
        let (mut composed, mut plan) = self.plan(beginning, &observation, &tools, *request);
        if composed.new.is_empty() && !elsewhere && is_all_on_record(&composed, &plan) {
            // Nothing has changed since: another pair of ledger commits would say the same again.
            return Ok((ledger, Vec::new()));
        }
        complete(&mut composed, &mut plan, &observation, &tools);
        for slot in composed
            .edits
            .keys()
            .filter(|slot| !composed.moved.contains(slot))
        {
            let line = format!("{}: was edited in Magento since the last pass", slot.field);
            journal.about(Level::Info, &slot.entity, line);
        }
        journal.begin(PhaseName::Snapshot);
        let entities: BTreeSet<EntityRef> = plan.work.keys().cloned().collect();
        let now = self.clock.monotonic();
        self.in_flight().note(&mut composed.book, &entities, now);
        let pass = PassFile {
            sequence: composed.pass,
            head: head.clone(),
            live,
            releases: composed.new.clone(),
            entities: entities.iter().cloned().collect(),
            started_at: at,
            in_doubt: self.in_doubt(&entities),
            bulks: Vec::new(),
        };
        let mut hold = self.hold(&ledger, self.state(&ledger, identity, *request));
        let found = (composed.edits, renamed);
        let recorded = hold.record(composed.book, pass, found).await?;
        // Begun anew once: from here on the pass is resumed, never begun with a second snapshot.
        request.rebootstrap = None;
        info!(
            environment = self.setup.environment,
            head = %head,
            releases = recorded.pass().releases.len(),
            entities = entities.len(),
            "snapshot committed"
        );
        if self.stop.requested() {
            hold.park(false).await?;
            return Err(PassError::Stopped);
        }
        let carrying = Carrying {
            recorded,
            plan,
            tools,
            journal,
        };
        self.carry_out(hold, carrying, (observation, asked)).await
    }

    /// Composes the pass from what was observed, with what lies aside where nothing of it would be
    /// refused, and plans what is sent.
    fn plan(
        &self,
        beginning: Beginning,
        observation: &Observation,
        tools: &Tools<M, C>,
        request: Request,
    ) -> (Composed, Blueprint) {
        let Beginning {
            walked,
            known,
            returns,
            asked_for: _,
            entities: _,
            at,
        } = beginning;
        let plan = |book: &Book, returning: BTreeSet<EntityRef>| {
            let composed = compose(book, &walked.drafts, observation, self.setup.policy, at);
            let mut entities = composed.entities(request.retry);
            entities.extend(returning);
            let plan = tools.plan(&composed.book, &entities, observation);
            (composed, plan)
        };
        if let Some(unparked) = returns {
            let (composed, all) = plan(&unparked, known.lying_aside());
            if request.retry || all.refused().next().is_none() {
                return (composed, all);
            }
        }
        plan(&known, BTreeSet::new())
    }

    pub(super) async fn tip(&self) -> Result<CommitId, PassError> {
        let source = self.source.clone();
        let setup = self.setup.clone();
        blocking(move || tip_of(source.as_ref(), &setup.branch, &setup.rollback_branch)).await
    }

    /// Whether the ledger says that this commit is done, so that no file of it need be read.
    fn is_handled(&self, ledger: &LedgerSnapshot, tip: &CommitId, request: Request) -> bool {
        let state = ledger.state.as_ref();
        request.rebootstrap.is_none()
            && state.is_some_and(|s| s.branch == self.setup.branch && s.head.as_ref() == Some(tip))
    }

    pub(super) async fn walk(
        &self,
        mut ledger: LedgerSnapshot,
        tip: CommitId,
        rebootstrap: Option<Bootstrap>,
        aside: bool,
    ) -> Result<Walked, PassError> {
        let source = self.source.clone();
        let loader = self.loader.clone();
        let setup = self.setup.clone();
        if rebootstrap.is_some() {
            ledger.state = None;
            ledger.book = Arc::new(ledger.book.begun_anew());
        }
        blocking(move || {
            let route = Route {
                branch: &setup.branch,
                tip,
                bootstrap: rebootstrap.unwrap_or(setup.bootstrap),
                rewrites: setup.rewrites,
                aside,
                others: others(source.as_ref(), &setup.siblings)?,
            };
            walk(source.as_ref(), &loader, &ledger, &route)
        })
        .await
    }

    /// Records commits that need nothing of the store: invalid ones, reverts without changes.
    async fn note(
        &self,
        ledger: LedgerSnapshot,
        walked: &Walked,
        mut draft: Composed,
        request: Request,
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        // A first commit that is invalid is recorded before the store was ever asked: the next pass
        // fills in its views.
        let identity = match &ledger.state {
            Some(state) if request.rebootstrap.is_none() => state.store.clone(),
            Some(_) | None => self.identify(&ledger, request).await?,
        };
        for seq in &draft.new {
            if let Some(release) = draft.book.releases.get_mut(seq)
                && !release.is_invalid()
            {
                let outcome = &mut Arc::make_mut(release).outcome;
                outcome.status = ReleaseStatus::Live;
                outcome.finished_at = Some(super::now(self.clock.as_ref()));
                outcome.message = Some("nothing to write".to_owned());
            }
        }
        let state = self.state(&ledger, identity, request);
        let mut hold = self.hold(&ledger, state);
        let record = PassRecord {
            renamed: walked.renamed.clone(),
            ..PassRecord::new(draft.pass, super::now(self.clock.as_ref()), &draft.new)
        };
        let (head, live) = (walked.head.clone(), walked.live.clone());
        hold.note(draft.book, record, head, live).await?;
        Ok((hold.into_snapshot(), draft.new))
    }

    fn state(&self, ledger: &LedgerSnapshot, store: StoreIdentity, request: Request) -> State {
        let known = ledger
            .state
            .clone()
            .filter(|_| request.rebootstrap.is_none());
        State {
            format: FORMAT,
            environment: self.setup.environment.clone(),
            branch: self.setup.branch.clone(),
            store,
            epoch: match request.rebootstrap {
                Some(_) => ledger.book.begun_anew().epoch,
                None => ledger.book.epoch,
            },
            next: ledger.book.next,
            head: known.as_ref().and_then(|s| s.head.clone()),
            live: known.and_then(|s| s.live),
            lease: None,
            pass: None,
            rest: None,
        }
    }

    async fn views(&self, known: &StoreIdentity) -> Result<Arc<StoreViews>, PassError> {
        let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
        self.same_store(known, &views)?;
        Ok(Arc::new(views))
    }

    /// The store that answers, which must be the one that the ledger names.
    async fn identify(
        &self,
        ledger: &LedgerSnapshot,
        request: Request,
    ) -> Result<StoreIdentity, PassError> {
        let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
        if let Some(state) = &ledger.state
            && request.rebootstrap.is_none()
        {
            self.same_store(&state.store, &views)?;
        }
        Ok(StoreIdentity {
            url: self.setup.store_url.clone(),
            views,
        })
    }

    pub(super) fn same_url(&self, known: &StoreIdentity) -> Result<(), PassError> {
        if known.url == self.setup.store_url {
            return Ok(());
        }
        Err(PassError::stalled(format!(
            "the rollback branch {} holds the values of {}, but `store.url` is {}; {OTHER_STORE_REMEDY}",
            self.setup.rollback_branch, known.url, self.setup.store_url
        )))
    }

    fn same_store(&self, known: &StoreIdentity, views: &StoreViews) -> Result<(), PassError> {
        self.same_url(known)?;
        let moved = known
            .views
            .0
            .iter()
            .find(|view| views.id(&view.code).is_some_and(|id| id != view.id));
        if let Some(view) = moved {
            return Err(PassError::stalled(format!(
                "the store at {} is another one: its view {} had id {} and now has another; {OTHER_STORE_REMEDY}",
                known.url, view.code, view.id
            )));
        }
        Ok(())
    }

    /// Missing rights are found before anything is written; asked once a process and kind.
    async fn check_rights(
        &self,
        memory: &mut Memory,
        entities: &BTreeSet<EntityRef>,
    ) -> Result<(), PassError> {
        let kinds: BTreeSet<Kind> = entities
            .iter()
            .map(|entity| entity.kind)
            .filter(|kind| !memory.rights.contains(kind))
            .collect();
        if kinds.is_empty() {
            return Ok(());
        }
        execute::retry(self.clock.as_ref(), || self.store.check_rights(&kinds)).await?;
        memory.rights.extend(kinds);
        Ok(())
    }
}

/// The entities, with those whose values views are: both are read together.
pub(super) fn with_roots(entities: &BTreeSet<EntityRef>) -> BTreeSet<EntityRef> {
    let roots = entities.iter().map(EntityRef::root);
    entities.iter().cloned().chain(roots).collect()
}

/// True if nothing would be sent, and whatever is refused is refused for the reason on record already.
fn is_all_on_record(composed: &Composed, plan: &Blueprint) -> bool {
    let on_record = |(entity, why): (&EntityRef, &str)| {
        let known = composed.book.entity(entity);
        let known = known.and_then(|managed| managed.failures.get(entity));
        known.is_some_and(|failure| failure.error == why)
    };
    let refused: Vec<_> = plan.refused().collect();
    refused.len() == plan.decisions.len() && refused.into_iter().all(on_record)
}

/// Completes a snapshot: what is deleted is kept whole, what may be sent is recorded, and each entity
/// of a release has its id, the digest of its other fields and the planned action.
fn complete<M, C>(
    composed: &mut Composed,
    plan: &mut Blueprint,
    observation: &Observation,
    tools: &Tools<M, C>,
) {
    let deleted = plan
        .decisions
        .iter()
        .filter(|(_, d)| **d == Decision::Delete);
    let deleted: Vec<EntityRef> = deleted.map(|(entity, _)| entity.clone()).collect();
    for entity in &deleted {
        if let Some(managed) = composed.book.managed.get_mut(entity) {
            Arc::make_mut(managed).keep_whole(entity, &Observed(observation));
        }
    }
    if !deleted.is_empty() {
        let entities = plan.work.keys().cloned().collect();
        *plan = tools.plan(&composed.book, &entities, observation);
    }
    for seq in &composed.new {
        let release = composed.book.releases.get_mut(seq);
        let Some(release) = release.filter(|release| !release.is_invalid()) else {
            continue;
        };
        let release = Arc::make_mut(release);
        release.outcome.status = ReleaseStatus::Snapshotted;
        for (entity, planned) in &mut release.entities {
            complete_entity(entity, planned, plan, observation);
        }
    }
    let mut sent = plan.work.clone();
    sent.retain(|entity, _| !matches!(plan.decisions.get(entity), Some(Decision::Refused(_))));
    attempt(&mut composed.book, &sent, observation);
}

fn complete_entity(
    entity: &EntityRef,
    planned: &mut PlannedEntity,
    plan: &Blueprint,
    observation: &Observation,
) {
    let Some(decision) = plan.decisions.get(entity) else {
        return;
    };
    planned.action = decision.action();
    let (Some(Presence::Found(found)), Some(work)) =
        (observation.get(entity), plan.work.get(entity))
    else {
        return;
    };
    let rows = collateral::Rows::of(plan.work.keys());
    let own = work.slots.iter().cloned();
    let listed: BTreeSet<FieldId> = own.chain(rows.set_of(entity)).collect();
    planned.id = Some(found.id);
    planned.digest = Some(collateral::digest(entity, found, &listed));
    if *decision == Decision::Delete {
        let all = found.fields.iter();
        planned.whole = all.map(|(n, v)| (n.clone(), v.clone().into())).collect();
    }
}

/// What the siblings want at the tips of their branches.
fn others<S: Source>(
    source: &S,
    siblings: &[Sibling],
) -> Result<Vec<(String, Arc<DesiredState>)>, PassError> {
    let mut others = Vec::new();
    for sibling in siblings {
        // A branch that is not there yet wants nothing.
        let Some(tip) = source.head(&sibling.branch)? else {
            continue;
        };
        let loaded = sibling.loader.load(source.tree(&tip)?.as_ref())?;
        others.push((sibling.environment.clone(), Arc::new(loaded.state)));
    }
    Ok(others)
}
