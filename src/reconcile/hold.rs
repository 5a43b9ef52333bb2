//! The ledger in this process's hand: the only place that moves it.
//!
//! # Guarantees
//! - A [`Recorded`] pass exists only when its snapshot is on the rollback branch (and on the remote,
//!   where there is one): [`Hold::record`] and [`Hold::resume`] are its only constructors.
//! - Writing demands the [`Lease`] that those took with the same commit.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::error::PassError;
use super::lease::Lease;
use super::ledger::{self, Ledgered, PassFile, State, Writer};
use crate::domain::CommitId;
use crate::plan::{Book, ReleaseRecord, Seq};
use crate::ports::{BulkId, Clock, Ledger, LedgerCommit};

/// A pass whose snapshot is recorded, with the right to carry it out.
#[derive(Debug)]
pub(super) struct Recorded {
    pass: PassFile,
    lease: Arc<Lease>,
    resumed: bool,
}

impl Recorded {
    /// Whether an earlier attempt at it may have written already.
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
    book: Arc<Book>,
}

impl<L: Ledger, C: Clock> Hold<L, C> {
    pub(super) fn new(
        ledger: Arc<L>,
        clock: Arc<C>,
        holder: Holder,
        ledgered: &Ledgered,
        state: State,
    ) -> Self {
        Self {
            ledger,
            clock,
            holder,
            tip: ledgered.tip.clone(),
            state,
            book: ledgered.book.clone(),
        }
    }

    pub(super) fn book(&self) -> &Book {
        &self.book
    }

    pub(super) fn into_ledgered(self) -> Ledgered {
        Ledgered {
            tip: self.tip,
            state: Some(self.state),
            book: self.book,
        }
    }

    /// Commits the snapshots of a pass and takes the lease, in one move of the branch.
    /// `book` holds the pass's releases; `changed` are the earlier ones that were observed anew.
    pub(super) async fn record(
        &mut self,
        book: Book,
        pass: PassFile,
        changed: &[Seq],
    ) -> Result<Recorded, PassError> {
        self.book = Arc::new(book);
        let mut writer = self.writer(pass.started_at);
        for seq in changed {
            if let Some(release) = self.book.releases.get(seq) {
                writer.release("Observe anew", release)?;
            }
        }
        for seq in &pass.releases {
            if let Some(release) = self.book.releases.get(seq) {
                let verb = match release.status {
                    crate::domain::ReleaseStatus::Invalid => "Invalid",
                    _ => "Snapshot",
                };
                writer.release(verb, release)?;
            }
        }
        let state = State {
            lease: Some(Lease::file(&self.holder.id, self.holder.timeout)),
            pass: Some(pass.clone()),
            ..self.state.clone()
        };
        let asked = self.clock.monotonic();
        let commits = writer.finish(&state, "Try again what failed")?;
        let ids = self.append(commits, state).await?;
        let snapshots = ids.iter().skip(changed.len());
        let book = Arc::make_mut(&mut self.book);
        for (seq, id) in pass.releases.iter().zip(snapshots) {
            if let Some(release) = book.releases.get_mut(seq) {
                ledger::name(Arc::make_mut(release), id);
            }
        }
        Ok(Recorded {
            pass,
            lease: Arc::new(Lease::taken(asked, self.holder.timeout)),
            resumed: false,
        })
    }

    /// Takes the lease for the pass that is in the ledger already: its first snapshot stays.
    pub(super) async fn resume(&mut self, pass: PassFile) -> Result<Recorded, PassError> {
        let asked = self.clock.monotonic();
        self.take_lease("Resume the pass in hand").await?;
        Ok(Recorded {
            pass,
            lease: Arc::new(Lease::taken(asked, self.holder.timeout)),
            resumed: true,
        })
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

    /// Adds to snapshots of the pass in hand what was found before the first write.
    pub(super) async fn extend(&mut self, releases: Vec<ReleaseRecord>) -> Result<(), PassError> {
        let mut writer = self.writer(self.now());
        for release in &releases {
            writer.release("Extend the snapshot of", release)?;
        }
        let state = self.state.clone();
        let commits = writer.finish(&state, "Extend the snapshot")?;
        self.append(commits, state).await?;
        Arc::make_mut(&mut self.book).update(releases);
        Ok(())
    }

    /// Commits the outcome and gives the lease back.
    pub(super) async fn finish(
        &mut self,
        recorded: Recorded,
        releases: Vec<ReleaseRecord>,
    ) -> Result<(), PassError> {
        let mut writer = self.writer(self.now());
        for release in &releases {
            let verb = match release.status {
                crate::domain::ReleaseStatus::Failed => "Failed",
                _ => "Live",
            };
            writer.release(verb, release)?;
        }
        let Recorded {
            pass,
            lease: _,
            resumed: _,
        } = recorded;
        let state = State {
            head: Some(pass.head),
            live: pass.live,
            lease: None,
            pass: None,
            ..self.state.clone()
        };
        let commits = writer.finish(&state, "Finish the pass")?;
        self.append(commits, state).await?;
        Arc::make_mut(&mut self.book).update(releases);
        Ok(())
    }

    /// Records releases that need no write: invalid ones, and heads without a release.
    pub(super) async fn note(
        &mut self,
        mut book: Book,
        releases: &[Seq],
        head: CommitId,
        live: Option<CommitId>,
    ) -> Result<(), PassError> {
        let mut writer = self.writer(self.now());
        for seq in releases {
            if let Some(release) = book.releases.get(seq) {
                writer.release("Invalid", release)?;
            }
        }
        let state = State {
            head: Some(head),
            live,
            ..self.state.clone()
        };
        let commits = writer.finish(&state, "Handle commits without a release")?;
        let ids = self.append(commits, state).await?;
        for (seq, id) in releases.iter().zip(&ids) {
            if let Some(release) = book.releases.get_mut(seq) {
                ledger::name(Arc::make_mut(release), id);
            }
        }
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
