//! The ledger in this process's hand: the only place that moves it.
//!
//! # Guarantees
//! - A [`Recorded`] pass exists only when its snapshot is on the rollback branch (and on the remote,
//!   where there is one): [`Hold::record`] and [`Hold::resume`] are its only constructors.
//! - Writing demands the [`Lease`] that those took with the same commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::error::PassError;
use super::lease::Lease;
use super::ledger::{self, LedgerSnapshot, PassFile, State, Writer};
use super::pool::Pool;
use super::records::{self, PassRecord};
use crate::domain::{CommitId, Slot};
use crate::plan::{Book, NewCommit, Outcome, Rest, Seq, Shown};
use crate::ports::{BulkId, Clock, Ledger, LedgerCommit};

/// A pass whose snapshot is recorded, with the right to carry it out.
#[derive(Debug)]
pub(super) struct Recorded {
    pass: PassFile,
    lease: Arc<Lease>,
    resumed: bool,
}

impl Recorded {
    /// True if an earlier attempt at it may have written already.
    pub(super) fn resumed(&self) -> bool {
        self.resumed
    }

    /// The pass.
    pub(super) fn pass(&self) -> &PassFile {
        &self.pass
    }

    /// The right to write.
    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }
}

/// Who holds the ledger.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) environment: String,
    pub(super) id: String,
    pub(super) timeout: Duration,
}

/// The ledger at the commit this process knows, and what it says.
pub(super) struct Hold<L, C> {
    ledger: Arc<L>,
    clock: Arc<C>,
    holder: Holder,
    tip: Option<CommitId>,
    state: State,
    /// What the ledger holds.
    book: Arc<Book>,
    /// The pass in hand, as far as it has come.
    pass: Option<PassRecord>,
}

impl<L: Ledger, C: Clock> Hold<L, C> {
    pub(super) fn new(
        ledger: Arc<L>,
        clock: Arc<C>,
        holder: Holder,
        known: &LedgerSnapshot,
        state: State,
    ) -> Self {
        Self {
            ledger,
            clock,
            holder,
            tip: known.tip.clone(),
            state,
            book: known.book.clone(),
            pass: None,
        }
    }

    pub(super) fn book(&self) -> &Book {
        &self.book
    }

    pub(super) fn into_snapshot(self) -> LedgerSnapshot {
        LedgerSnapshot {
            tip: self.tip,
            state: Some(self.state),
            book: self.book,
        }
    }

    /// Commits the snapshots of a pass and takes the lease, in one move of the branch. `book` holds the
    /// pass's releases and their layers.
    pub(super) async fn record(
        &mut self,
        mut book: Book,
        pass: PassFile,
        (edits, renamed): (BTreeMap<Slot, Shown>, BTreeMap<Seq, NewCommit>),
    ) -> Result<Recorded, PassError> {
        let mut record = PassRecord {
            edits,
            renamed,
            ..PassRecord::new(pass.sequence, pass.started_at, &pass.releases)
        };
        let mut writer = self.writer(pass.started_at);
        for seq in &pass.releases {
            if let Some(release) = book.releases.get(seq) {
                let verb = match release.is_invalid() {
                    true => "Invalid",
                    false => "Snapshot",
                };
                writer.release(verb, release, &mut record)?;
            }
        }
        writer.book(&self.book, &book, &mut record)?;
        writer.pass(&record)?;
        let state = State {
            lease: Some(Lease::file(&self.holder.id, self.holder.timeout)),
            pass: Some(pass.clone()),
            next: book.next,
            rest: None,
            ..self.state.clone()
        };
        let asked = self.clock.monotonic();
        let commits = writer.finish(&state, "Try again what failed")?;
        let ids = self.append(commits, state).await?;
        name_releases(&mut book, &pass.releases, &ids);
        self.book = Arc::new(book);
        self.pass = Some(record);
        Ok(Recorded {
            pass,
            lease: Arc::new(Lease::taken(asked, self.holder.timeout)),
            resumed: false,
        })
    }

    /// Takes the lease for the pass that is in the ledger already: its first snapshot stays. `book`
    /// holds what a look at its entities has found, `edits` what that was.
    pub(super) async fn resume(
        &mut self,
        book: Book,
        pass: PassFile,
        edits: BTreeMap<Slot, Shown>,
    ) -> Result<Recorded, PassError> {
        let asked = self.clock.monotonic();
        let record = self.known_pass(&pass).await?;
        self.pass = Some(record);
        let mut writer = self.writer(self.now());
        writer.note("Resume the pass in hand", "leased");
        self.found(&mut writer, &book, edits)?;
        let state = State {
            lease: Some(Lease::file(&self.holder.id, self.holder.timeout)),
            ..self.state.clone()
        };
        let commits = writer.finish(&state, "Resume the pass in hand")?;
        self.append(commits, state).await?;
        self.book = Arc::new(book);
        Ok(Recorded {
            pass,
            lease: Arc::new(Lease::taken(asked, self.holder.timeout)),
            resumed: true,
        })
    }

    /// What the ledger says of the pass in hand.
    async fn known_pass(&self, pass: &PassFile) -> Result<PassRecord, PassError> {
        let (ledger, tip, seq) = (self.ledger.clone(), self.tip.clone(), pass.sequence);
        let read = move || {
            let path = records::pass_path(seq);
            let Some(tip) = tip else {
                return Ok(None);
            };
            let files = ledger.files(&tip, path.trim_end_matches(".yaml"))?;
            Ok(Some(records::read_pass(
                &path,
                &files,
                &mut Pool::default(),
            )?))
        };
        let known = super::blocking(read).await?;
        Ok(
            known
                .unwrap_or_else(|| PassRecord::new(pass.sequence, pass.started_at, &pass.releases)),
        )
    }

    /// Puts what a look has found into the commit to be made: at the releases of the pass that move the
    /// slots, and at the pass.
    fn found(
        &mut self,
        writer: &mut Writer,
        book: &Book,
        edits: BTreeMap<Slot, Shown>,
    ) -> Result<(), PassError> {
        if let Some(pass) = &mut self.pass {
            pass.edits.extend(edits);
            writer.book(&self.book, book, pass)?;
            writer.pass(pass)?;
        }
        Ok(())
    }

    /// Prolongs the lease by a commit.
    pub(super) async fn renew(&mut self, lease: &Lease) -> Result<(), PassError> {
        let asked = self.clock.monotonic();
        self.take_lease("Renew the lease").await?;
        lease.renewed(asked);
        Ok(())
    }

    /// Names the lists of writes that the store has in its queue, and prolongs the lease with the same
    /// commit. `count`: how many writes the newest holds.
    pub(super) async fn queued(
        &mut self,
        lease: &Lease,
        bulks: Vec<BulkId>,
        count: usize,
    ) -> Result<(), PassError> {
        let asked = self.clock.monotonic();
        if let Some(pass) = &mut self.state.pass {
            pass.bulks = bulks;
        }
        let subject = format!("Name {count} writes that are in the store's queue");
        self.take_lease(&subject).await?;
        lease.renewed(asked);
        Ok(())
    }

    async fn take_lease(&mut self, subject: &str) -> Result<(), PassError> {
        let state = State {
            lease: Some(Lease::file(&self.holder.id, self.holder.timeout)),
            ..self.state.clone()
        };
        // A renewal must be a new commit even where it says the same.
        let mut writer = self.writer(self.now());
        writer.note(subject, "leased");
        let commits = writer.finish(&state, subject)?;
        self.append(commits, state).await.map(|_| ())
    }

    /// Adds to the snapshot of the pass in hand what was found before the first write, or records other
    /// values that are going to be sent.
    pub(super) async fn extend(
        &mut self,
        book: Book,
        edits: BTreeMap<Slot, Shown>,
    ) -> Result<(), PassError> {
        let mut writer = self.writer(self.now());
        writer.note("Extend the snapshot of the pass in hand", "snapshotted");
        self.found(&mut writer, &book, edits)?;
        let state = self.state.clone();
        let commits = writer.finish(&state, "Extend the snapshot")?;
        self.append(commits, state).await?;
        self.book = Arc::new(book);
        Ok(())
    }

    /// Commits the outcome and gives the lease back.
    pub(super) async fn finish(
        &mut self,
        recorded: Recorded,
        mut book: Book,
        outcomes: BTreeMap<Seq, Outcome>,
    ) -> Result<(), PassError> {
        let now = self.now();
        let Recorded {
            pass,
            lease: _,
            resumed: _,
        } = recorded;
        let known = self.pass.clone();
        let known = known
            .unwrap_or_else(|| PassRecord::new(pass.sequence, pass.started_at, &pass.releases));
        let mut record = PassRecord {
            finished_at: Some(now),
            outcomes: outcomes.clone(),
            ..known
        };
        let concerned: Vec<Seq> = outcomes.keys().copied().collect();
        book.add_outcomes(outcomes);
        let mut writer = self.writer(now);
        for release in concerned.iter().filter_map(|seq| book.releases.get(seq)) {
            let verb = match release.outcome.status {
                crate::domain::ReleaseStatus::Failed => "Failed",
                _ => "Live",
            };
            writer.outcome(verb, release);
        }
        writer.book(&self.book, &book, &mut record)?;
        writer.pass(&record)?;
        let state = State {
            rest: Some(rest(&book, &pass.head)),
            head: Some(pass.head),
            live: pass.live,
            lease: None,
            pass: None,
            ..self.state.clone()
        };
        let commits = writer.finish(&state, "Finish the pass")?;
        self.append(commits, state).await?;
        self.book = Arc::new(book);
        self.pass = None;
        Ok(())
    }

    /// Records releases that need no write: invalid ones, and heads without a release.
    pub(super) async fn note(
        &mut self,
        mut book: Book,
        mut record: PassRecord,
        head: CommitId,
        live: Option<CommitId>,
    ) -> Result<(), PassError> {
        let releases = record.releases.clone();
        record.finished_at = Some(self.now());
        let mut writer = self.writer(self.now());
        for seq in &releases {
            if let Some(release) = book.releases.get(seq) {
                let verb = match release.is_invalid() {
                    true => "Invalid",
                    false => "Live",
                };
                writer.release(verb, release, &mut record)?;
            }
        }
        writer.book(&self.book, &book, &mut record)?;
        writer.pass(&record)?;
        let state = State {
            rest: Some(rest(&book, &head)),
            head: Some(head),
            live,
            next: book.next,
            ..self.state.clone()
        };
        let commits = writer.finish(&state, "Handle commits without a release")?;
        let ids = self.append(commits, state).await?;
        name_releases(&mut book, &releases, &ids);
        self.book = Arc::new(book);
        Ok(())
    }

    /// Gives the lease back without an outcome: the pass stays in hand and is resumed later.
    /// `in_doubt`: whether writes whose answers were lost may still arrive.
    pub(super) async fn park(&mut self, in_doubt: bool) -> Result<(), PassError> {
        let mut state = State {
            lease: None,
            ..self.state.clone()
        };
        if let Some(pass) = &mut state.pass {
            pass.in_doubt |= in_doubt;
        }
        let mut writer = self.writer(self.now());
        writer.note("Park the pass in hand", "parked");
        let commits = writer.finish(&state, "Park the pass in hand")?;
        self.append(commits, state).await.map(|_| ())
    }

    fn writer(&self, at: Timestamp) -> Writer {
        Writer::new(self.holder.environment.clone(), at)
    }

    fn now(&self) -> Timestamp {
        super::now(self.clock.as_ref())
    }

    async fn append(
        &mut self,
        commits: Vec<LedgerCommit>,
        state: State,
    ) -> Result<Vec<CommitId>, PassError> {
        let ledger = self.ledger.clone();
        let expected = self.tip.clone();
        let ids = super::blocking(move || Ok(ledger.append(expected.as_ref(), &commits)?)).await?;
        if let Some(last) = ids.last() {
            self.tip = Some(last.clone());
        }
        self.state = state;
        Ok(ids)
    }
}

/// How an environment stands whose newest commit handled is this one: at rest only if that can be used.
fn rest(book: &Book, head: &CommitId) -> Rest {
    let is_invalid = book.of_commit(head).is_some_and(|r| r.is_invalid());
    let rest = book.rest();
    Rest {
        at_rest: rest.at_rest && !is_invalid,
        ..rest
    }
}

/// Names releases after the commits that recorded them.
fn name_releases(book: &mut Book, releases: &[Seq], ids: &[CommitId]) {
    for (seq, id) in releases.iter().zip(ids) {
        if let Some(release) = book.releases.get_mut(seq) {
            ledger::name(Arc::make_mut(release), id);
        }
    }
}
