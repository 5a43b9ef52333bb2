//! The store that answers: whether it is the one that the ledger names, and what may be done there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Memory, OTHER_STORE_REMEDY, Reconciler, Request};
use crate::domain::{EntityRef, Kind, StoreViews};
use crate::ports::{Clock, Ledger, Source, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::execute::{self};
use crate::reconcile::ledger::{LedgerSnapshot, StoreIdentity};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    pub(super) async fn views(&self, known: &StoreIdentity) -> Result<Arc<StoreViews>, PassError> {
        let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
        self.same_store(known, &views)?;
        Ok(Arc::new(views))
    }

    /// The store that answers, which must be the one that the ledger names.
    pub(super) async fn identify(
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

    pub(in crate::reconcile) fn same_url(&self, known: &StoreIdentity) -> Result<(), PassError> {
        if known.url == self.setup.store_url {
            return Ok(());
        }
        Err(PassError::stalled(format!(
            "the rollback branch {} holds the values of {}, but `store.url` is {}; {OTHER_STORE_REMEDY}",
            self.setup.rollback_branch, known.url, self.setup.store_url
        )))
    }

    pub(super) fn same_store(
        &self,
        known: &StoreIdentity,
        views: &StoreViews,
    ) -> Result<(), PassError> {
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
    pub(super) async fn check_rights(
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
