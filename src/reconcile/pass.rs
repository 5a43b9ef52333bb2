//! A pass: from the ledger and the branch to an outcome in the ledger.

mod queue;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tracing::{info, warn};

use super::doubt::Doubts;
use super::error::PassError;
use super::execute::{self, Execution, Tools};
use super::hold::{Hold, Holder, Recorded};
use super::journal::Journal;
use super::ledger::{self, FORMAT, Ledgered, PassFile, SlotName, State, StoreIdentity};
use super::memory::{self, remembered};
use super::walk::{Bootstrap, Rewrites, Route, Walked, tip_of, walk};
use super::{Progress, Stop, Writes, blocking, collateral, lease, outcome};
use crate::domain::kinds::Charset;
use crate::domain::{
    CommitId, DesiredState, EntityRef, FieldId, Kind, Level, Observation, PhaseName, Presence,
    Release, ReleaseStatus, Slot, StoreViews,
};
use crate::manifest::Loader;
use crate::plan::{
    Book, Composed, Decision, EntityWork, Policy, ReleaseRecord, Seq, Surroundings, asked, compose,
    decide,
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
    pub ledger: Ledgered,
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
    doubts: Arc<std::sync::Mutex<Doubts>>,
}

#[derive(Default)]
struct Memory {
    ledgered: Option<Ledgered>,
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
            doubts: Arc::default(),
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
        let mut ledgered = self
            .read(&mut memory, request.rebootstrap.is_some())
            .await?;
        if let Some(state) = &ledgered.state
            && request.rebootstrap.is_none()
        {
            // Told even where there is nothing to do: the values in the ledger are not this store's.
            self.same_url(&state.store)?;
        }
        self.respect_lease(&mut memory, &ledgered)?;
        self.outlast_queue(&ledgered).await?;
        let mut releases = Vec::new();
        if request.rebootstrap.is_some() {
            ledgered.book = Arc::new(ledgered.book.begun_anew());
        } else if let Some(pass) = ledgered.state.as_ref().and_then(|s| s.pass.clone()) {
            let (next, made) = self.resume(&mut memory, ledgered, pass).await?;
            ledgered = self.keep(&mut memory, next);
            releases.extend(made);
        }
        let (next, head, made) = self.forward(&mut memory, ledgered, request).await?;
        releases.extend(made);
        let ledgered = self.keep(&mut memory, next);
        if ledgered.book.open_slots(false).is_empty() {
            memory.patience = Patience::default();
        } else if !releases.is_empty() {
            let now = self.clock.monotonic();
            memory.patience.failed(now);
        }
        Ok(self.report(ledgered, head, &releases))
    }

    fn keep(&self, memory: &mut Memory, ledgered: Ledgered) -> Ledgered {
        if let Some(tip) = &ledgered.tip
            && let Err(error) = memory::write(&self.setup.memory, &self.setup.rollback_branch, tip)
        {
            warn!(path = %self.setup.memory.display(), %error, "cannot remember the ledger's newest commit");
        }
        memory.ledgered = Some(ledgered.clone());
        ledgered
    }

    fn report(&self, ledgered: Ledgered, head: CommitId, seqs: &[Seq]) -> Report {
        let book = &ledgered.book;
        let releases: BTreeSet<Seq> = seqs.iter().copied().collect();
        let handled = ledgered.state.as_ref().and_then(|s| s.head.clone());
        let invalid = handled
            .and_then(|head| book.releases.values().rev().find(|r| r.commit == head))
            .is_some_and(|r| r.status == ReleaseStatus::Invalid);
        Report {
            head: Some(head),
            converged: book.open_slots(true).is_empty() && !invalid,
            releases: releases
                .iter()
                .filter_map(|seq| book.releases.get(seq))
                .filter_map(|release| book.view(release))
                .collect(),
            ledger: ledgered,
        }
    }

    /// The ledger at the remote's tip, read again only when it moved.
    async fn read(&self, memory: &mut Memory, rebootstrap: bool) -> Result<Ledgered, PassError> {
        let source = self.source.clone();
        let ledger = self.ledger.clone();
        let branch = self.setup.rollback_branch.clone();
        let known = memory.ledgered.clone();
        let ledgered = blocking(move || {
            source.refresh()?;
            ledger.refresh()?;
            let tip = ledger.tip()?;
            match known {
                Some(known) if known.tip == tip => Ok(known),
                _ => Ok(ledger::load(ledger.as_ref(), &branch)?),
            }
        })
        .await?;
        if ledgered.tip.is_none()
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
            self.only_forward(&ledgered).await?;
        }
        memory.ledgered = Some(ledgered.clone());
        Ok(ledgered)
    }

    /// The rollback branch must hold the newest commit that this host has seen on it: one that was
    /// moved back has lost snapshots, and what is deployed on it would be snapshotted as the original.
    async fn only_forward(&self, ledgered: &Ledgered) -> Result<(), PassError> {
        let branch = self.setup.rollback_branch.clone();
        let (Some(tip), Some(remembered)) = (
            ledgered.tip.clone(),
            remembered(&self.setup.memory, &branch),
        ) else {
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

    fn respect_lease(&self, memory: &mut Memory, ledgered: &Ledgered) -> Result<(), PassError> {
        let (Some(tip), Some(state)) = (&ledgered.tip, &ledgered.state) else {
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

    fn hold(&self, ledgered: &Ledgered, state: State) -> Hold<L, C> {
        let holder = Holder {
            environment: self.setup.environment.clone(),
            id: self.setup.holder.clone(),
            timeout: self.setup.timeout,
        };
        Hold::new(
            self.ledger.clone(),
            self.clock.clone(),
            holder,
            ledgered,
            state,
        )
    }

    fn journal(&self) -> Journal {
        Journal::new(super::now_of(&self.clock), self.progress.clone())
    }

    /// What carrying out, or planning, these slots takes: the store's words among it.
    pub(super) async fn tools(
        &self,
        views: Arc<StoreViews>,
        book: &Book,
        slots: &BTreeSet<Slot>,
    ) -> Result<Tools<M, C>, PassError> {
        let kinds: BTreeSet<Kind> = slots.iter().map(|slot| slot.entity.kind).collect();
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
            vocabulary,
            whole: asked(book, slots).into_iter().filter_map(whole).collect(),
            concurrency: self.setup.concurrency,
            restore: self.setup.restore_failed,
            progress: self.progress.clone(),
            stop: self.stop.clone(),
            queue: None,
            timeout: self.setup.timeout,
            doubts: self.doubts.clone(),
        })
    }

    /// Finishes the pass that the ledger has in hand, with its first snapshot.
    async fn resume(
        &self,
        memory: &mut Memory,
        ledgered: Ledgered,
        pass: PassFile,
    ) -> Result<(Ledgered, Vec<Seq>), PassError> {
        let Some(state) = ledgered.state.clone() else {
            return Ok((ledgered, Vec::new()));
        };
        let mut journal = self.journal();
        journal.begin(PhaseName::Observe);
        journal.line(
            Level::Info,
            "resumed: the pass was interrupted; its first snapshot stays",
        );
        let views = self.views(&state.store).await?;
        let slots = pass_slots(&ledgered, &pass);
        let mut tools = self.tools(views, &ledgered.book, &slots).await?;
        let entities: BTreeSet<EntityRef> = slots.iter().map(|slot| slot.entity.clone()).collect();
        tools.queue = self.queue(memory, &entities, &mut journal).await?;
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &entities).await?;
        self.inherit(&state, &pass, &entities, asked);
        let mut hold = self.hold(&ledgered, state);
        let recorded = hold.resume(pass).await?;
        let third = outcome::third_values(hold.book(), recorded.pass(), &observation, &mut journal);
        if !third.is_empty() {
            hold.extend(third).await?;
        }
        self.carry_out(hold, recorded, tools, journal, &slots, (observation, asked))
            .await
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
        let mut doubts = self.doubts();
        if doubts.is_foreign(pass.started_at) && (pass.in_doubt || state.lease.is_some()) {
            let sender = (!pass.in_doubt).then_some(pass.started_at);
            doubts.inherited(entities, sender, asked, self.setup.timeout);
        }
    }

    fn doubts(&self) -> std::sync::MutexGuard<'_, Doubts> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether lost writes may still arrive at these entities.
    fn in_doubt(&self, entities: &BTreeSet<EntityRef>) -> bool {
        self.doubts().concern(entities, self.clock.monotonic())
    }

    async fn carry_out(
        &self,
        mut hold: Hold<L, C>,
        recorded: Recorded,
        tools: Tools<M, C>,
        mut journal: Journal,
        slots: &BTreeSet<Slot>,
        observed: (Observation, Duration),
    ) -> Result<(Ledgered, Vec<Seq>), PassError> {
        self.doubts().carries_out(recorded.pass().started_at);
        let execution = Execution::new(&mut hold, &recorded, &tools, &mut journal, slots, observed);
        let mut releases = match execution.run().await {
            Ok(releases) => releases,
            Err(PassError::Raced) => return Err(PassError::Raced),
            Err(error) => {
                // The lease is given back; a park that fails only makes the others wait for its end.
                let entities = slots.iter().map(|slot| slot.entity.clone()).collect();
                if let Err(park) = hold.park(self.in_doubt(&entities)).await {
                    warn!(error = %park, "the lease could not be given back; it runs out by itself");
                }
                return Err(error);
            }
        };
        journal.begin(PhaseName::Record);
        journal.end();
        for release in &mut releases {
            if recorded.pass().releases.contains(&release.seq) {
                release.phases = journal.phases().to_vec();
            }
            release.finished_at = Some(journal.now());
        }
        let seqs = releases.iter().map(|release| release.seq).collect();
        hold.finish(recorded, releases).await?;
        Ok((hold.into_ledgered(), seqs))
    }

    /// Goes to the tip of the branch, and tries again what failed.
    async fn forward(
        &self,
        memory: &mut Memory,
        ledgered: Ledgered,
        request: &mut Request,
    ) -> Result<(Ledgered, CommitId, Vec<Seq>), PassError> {
        let mut journal = self.journal();
        journal.begin(PhaseName::Validate);
        let at = journal.now();
        let retry = ledgered.book.open_slots(request.retry);
        let patient = !request.retry && self.clock.monotonic() < memory.patience.due;
        let tip = self.tip().await?;
        if (retry.is_empty() || patient) && self.is_handled(&ledgered, &tip, *request) {
            return Ok((ledgered, tip, Vec::new()));
        }
        let walked = self
            .walk(ledgered.clone(), tip, request.rebootstrap, false)
            .await?;
        let head = walked.head.clone();
        let policy = self.setup.policy;
        let draft = compose(
            &ledgered.book,
            &walked.drafts,
            &retry,
            &Observation::new(),
            policy,
            at,
        );
        let elsewhere = walked.astray || request.rebootstrap.is_some();
        if draft.new.is_empty() && (draft.retried.is_empty() || patient) && !elsewhere {
            return Ok((ledgered, head, Vec::new()));
        }
        let entities = draft.entities();
        if entities.is_empty() {
            let (next, seqs) = self.note(ledgered, &walked, draft, *request).await?;
            return Ok((next, head, seqs));
        }
        journal.begin(PhaseName::Observe);
        let identity = self.identify(&ledgered, *request).await?;
        self.check_rights(memory, &entities).await?;
        let queue = self.queue(memory, &entities, &mut journal).await?;
        let views = Arc::new(identity.views.clone());
        let mut tools = self.tools(views, &draft.book, &draft.slots()).await?;
        tools.queue = queue;
        drop(draft);
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &entities).await?;
        let mut composed = compose(
            &ledgered.book,
            &walked.drafts,
            &retry,
            &observation,
            policy,
            at,
        );
        if composed.new.is_empty()
            && !elsewhere
            && self.still_refused(&composed, &observation, &tools)
        {
            // Nothing has changed since: another pair of ledger commits would say the same again.
            return Ok((ledgered, head, Vec::new()));
        }
        prepare(&mut composed, &observation, &tools);
        let live = walked.live.clone();
        // The files of every commit of the pass: not needed any more.
        drop(walked);
        journal.begin(PhaseName::Snapshot);
        let pass = PassFile {
            head: head.clone(),
            live,
            releases: composed.new.clone(),
            retried: composed
                .retried
                .iter()
                .cloned()
                .map(SlotName::from)
                .collect(),
            started_at: at,
            in_doubt: self.in_doubt(&entities),
            bulks: Vec::new(),
        };
        let slots = composed.slots();
        let mut hold = self.hold(&ledgered, self.state(&ledgered, identity, *request));
        let recorded = hold.record(composed.book, pass, &composed.renewed).await?;
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
        let (next, seqs) = self
            .carry_out(hold, recorded, tools, journal, &slots, (observation, asked))
            .await?;
        Ok((next, head, seqs))
    }

    pub(super) async fn tip(&self) -> Result<CommitId, PassError> {
        let source = self.source.clone();
        let setup = self.setup.clone();
        blocking(move || tip_of(source.as_ref(), &setup.branch, &setup.rollback_branch)).await
    }

    /// Whether the ledger says that this commit is done, so that no file of it need be read.
    fn is_handled(&self, ledgered: &Ledgered, tip: &CommitId, request: Request) -> bool {
        let state = ledgered.state.as_ref();
        request.rebootstrap.is_none()
            && state.is_some_and(|s| s.branch == self.setup.branch && s.head.as_ref() == Some(tip))
    }

    pub(super) async fn walk(
        &self,
        mut ledgered: Ledgered,
        tip: CommitId,
        rebootstrap: Option<Bootstrap>,
        aside: bool,
    ) -> Result<Walked, PassError> {
        let source = self.source.clone();
        let loader = self.loader.clone();
        let setup = self.setup.clone();
        if rebootstrap.is_some() {
            ledgered.state = None;
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
            walk(source.as_ref(), &loader, &ledgered, &route)
        })
        .await
    }

    /// Records commits that need nothing of the store: invalid ones, reverts without changes.
    async fn note(
        &self,
        ledgered: Ledgered,
        walked: &Walked,
        mut draft: Composed,
        request: Request,
    ) -> Result<(Ledgered, Vec<Seq>), PassError> {
        // A first commit that is invalid is recorded before the store was ever asked: the next pass
        // fills in its views.
        let identity = match &ledgered.state {
            Some(state) if request.rebootstrap.is_none() => state.store.clone(),
            Some(_) | None => self.identify(&ledgered, request).await?,
        };
        let mut changed = Vec::new();
        for seq in &draft.new {
            if let Some(release) = draft.book.releases.get(seq)
                && release.status != ReleaseStatus::Invalid
            {
                let mut release = ReleaseRecord::clone(release);
                release.status = ReleaseStatus::Live;
                release.finished_at = Some(super::now(self.clock.as_ref()));
                release.message = Some("nothing to write".to_owned());
                changed.push(release);
            }
        }
        draft.book.update(changed);
        let state = self.state(&ledgered, identity, request);
        let mut hold = self.hold(&ledgered, state);
        hold.note(
            draft.book,
            &draft.new,
            walked.head.clone(),
            walked.live.clone(),
        )
        .await?;
        Ok((hold.into_ledgered(), draft.new))
    }

    fn state(&self, ledgered: &Ledgered, store: StoreIdentity, request: Request) -> State {
        let known = ledgered
            .state
            .clone()
            .filter(|_| request.rebootstrap.is_none());
        State {
            format: FORMAT,
            environment: self.setup.environment.clone(),
            branch: self.setup.branch.clone(),
            store,
            epoch: ledgered.book.epoch,
            head: known.as_ref().and_then(|s| s.head.clone()),
            live: known.and_then(|s| s.live),
            lease: None,
            pass: None,
        }
    }

    /// Whether all that is tried again would be refused for the reason that is on record already.
    fn still_refused(
        &self,
        composed: &Composed,
        observation: &Observation,
        tools: &Tools<M, C>,
    ) -> bool {
        let book = &composed.book;
        let on_record = |entity: &EntityRef, why: &str| {
            book.standings_of(entity)
                .filter(|(_, standing)| !standing.done)
                .filter_map(|(_, standing)| book.releases.get(&standing.release))
                .filter_map(|release| release.entities.get(entity))
                .all(|record| record.error.as_deref() == Some(why))
        };
        let wanted = tools.work(book, &composed.slots());
        let around = Surroundings::of(&wanted, observation, tools.charset, &tools.vocabulary);
        wanted.iter().all(|(entity, work)| {
            let presence = observation.get(entity).unwrap_or(&Presence::Missing);
            match decide(entity, work, presence, &around) {
                Decision::Refused(why) => on_record(entity, &why),
                Decision::Noop | Decision::Create(_) | Decision::Update(_) | Decision::Delete => {
                    false
                }
            }
        })
    }

    async fn views(&self, known: &StoreIdentity) -> Result<Arc<StoreViews>, PassError> {
        let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
        self.same_store(known, &views)?;
        Ok(Arc::new(views))
    }

    /// The store that answers, which must be the one that the ledger names.
    async fn identify(
        &self,
        ledgered: &Ledgered,
        request: Request,
    ) -> Result<StoreIdentity, PassError> {
        let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
        if let Some(state) = &ledgered.state
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

/// Sets what a snapshot says of each entity: id, digest of the other fields, planned action.
fn prepare<M, C>(composed: &mut Composed, observation: &Observation, tools: &Tools<M, C>) {
    let slots = composed.slots();
    let wanted = tools.work(&composed.book, &slots);
    let around = Surroundings::of(&wanted, observation, tools.charset, &tools.vocabulary);
    let rows = collateral::Rows::of(wanted.keys());
    for seq in &composed.new {
        let Some(release) = composed.book.releases.get_mut(seq) else {
            continue;
        };
        if release.status == ReleaseStatus::Invalid {
            continue;
        }
        // Nothing that follows from a release follows from these.
        let release = Arc::make_mut(release);
        release.status = ReleaseStatus::Snapshotted;
        for (entity, record) in &mut release.entities {
            let Some(presence) = observation.get(entity) else {
                continue;
            };
            if let Some(work) = wanted.get(entity) {
                record.action = decide(entity, work, presence, &around).action();
                if let Presence::Found(found) = presence {
                    let own = work.slots.iter().cloned();
                    let listed: BTreeSet<FieldId> = own.chain(rows.set_of(entity)).collect();
                    record.id = Some(found.id);
                    record.digest = Some(collateral::digest(entity, found, &listed));
                }
            }
        }
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

/// Every slot of a pass that is in the ledger.
fn pass_slots(ledgered: &Ledgered, pass: &PassFile) -> BTreeSet<Slot> {
    let retried = pass.retried.iter().cloned().map(Slot::from);
    ledgered.book.slots_of(&pass.releases, retried)
}
