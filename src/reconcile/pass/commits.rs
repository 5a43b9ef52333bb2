//! The commits of the watched branch, and those that need nothing of the store.

use std::sync::Arc;

use super::{Reconciler, Request, Sibling};
use crate::domain::{CommitId, DesiredState, ReleaseStatus};
use crate::plan::{Composed, Seq};
use crate::ports::{Clock, Ledger, Source, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::ledger::{FORMAT, LedgerSnapshot, State, StoreIdentity};
use crate::reconcile::records::PassRecord;
use crate::reconcile::walk::{Bootstrap, Route, Walked, tip_of, walk};
use crate::reconcile::{blocking, now};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    pub(in crate::reconcile) async fn tip(&self) -> Result<CommitId, PassError> {
        let source = self.source.clone();
        let setup = self.setup.clone();
        blocking(move || tip_of(source.as_ref(), &setup.branch, &setup.rollback_branch)).await
    }

    /// Whether the ledger says that this commit is done, so that no file of it need be read.
    pub(super) fn is_handled(
        &self,
        ledger: &LedgerSnapshot,
        tip: &CommitId,
        request: Request,
    ) -> bool {
        let state = ledger.state.as_ref();
        request.rebootstrap.is_none()
            && state.is_some_and(|s| s.branch == self.setup.branch && s.head.as_ref() == Some(tip))
    }

    pub(in crate::reconcile) async fn walk(
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
    pub(super) async fn note(
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
                outcome.finished_at = Some(now(self.clock.as_ref()));
                outcome.message = Some("nothing to write".to_owned());
            }
        }
        let state = self.state(&ledger, identity, request);
        let mut hold = self.hold(&ledger, state);
        let record = PassRecord {
            renamed: walked.renamed.clone(),
            ..PassRecord::new(draft.pass, now(self.clock.as_ref()), &draft.new)
        };
        let (head, live) = (walked.head.clone(), walked.live.clone());
        hold.note(draft.book, record, head, live).await?;
        Ok((hold.into_snapshot(), draft.new))
    }

    pub(super) fn state(
        &self,
        ledger: &LedgerSnapshot,
        store: StoreIdentity,
        request: Request,
    ) -> State {
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
