//! The store's own queue: which writes go through it, and what is waited for.
//!
//! # Guarantees
//! - A list that the store took is named in the ledger before anything else is sent, and no pass goes on
//!   while operations of a named list are open: nothing else reaches their entities until then, neither
//!   from here nor from another host that takes over.
//! - A queue that does not move is told of within three request timeouts.
//!
//! # Assumptions
//! - The queue carries out what came first first: once a list that is sent again after a lost answer is
//!   done, so is the lost one.
//!
//! # Accepted losses
//! - A process killed, or cut off, between the store's answer and the ledger's commit has sent a list
//!   that nobody names: what of it is not carried out when the pass is resumed is sent again, with the
//!   same values. Where that goes by REST (`writes` was changed, or few are left), the unnamed list may
//!   still come after it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::PassError;
use super::{execute, seconds};
use crate::ports::{BulkId, Clock, Operation, StoreError, StoreRead};

/// From how many entities of a kind on the queue pays: below it, waiting for its consumer takes longer.
pub(super) const WORTHWHILE: usize = 50;

/// How writes reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writes {
    /// One request each.
    #[default]
    Rest,
    /// Through the store's queue, where a kind has a route for that.
    Bulk,
    /// Through the queue from 50 entities of a kind on; one request each below, and where the queue
    /// cannot be used.
    Auto,
}

impl Writes {
    /// How many entities of a kind it takes to go through the queue; `None`: none ever do.
    pub(super) fn least(self) -> Option<usize> {
        match self {
            Self::Rest => None,
            Self::Bulk => Some(1),
            Self::Auto => Some(WORTHWHILE),
        }
    }
}

/// Lists that were sent, and what has become of them.
pub(super) struct Watch {
    /// In the order in which they were sent, and are carried out.
    lists: Vec<Listed>,
    /// When an operation was last seen to end.
    moved_at: Duration,
    pause: Duration,
}

struct Listed {
    bulk: BulkId,
    /// `None` until it was looked at.
    open: Option<usize>,
    operations: BTreeMap<usize, Operation>,
}

impl Listed {
    fn is_settled(&self) -> bool {
        self.open == Some(0)
    }
}

impl Watch {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);

    pub(super) fn new(bulks: impl IntoIterator<Item = BulkId>, now: Duration) -> Self {
        let lists = bulks.into_iter().map(|bulk| Listed {
            bulk,
            open: None,
            operations: BTreeMap::new(),
        });
        Self {
            lists: lists.collect(),
            moved_at: now,
            pause: Self::FIRST,
        }
    }

    /// What has become of the operations of a list; of one that the store does not know any more,
    /// nothing.
    pub(super) fn operations(&self, bulk: &BulkId) -> BTreeMap<usize, Operation> {
        let list = self.lists.iter().find(|list| list.bulk == *bulk);
        list.map(|list| list.operations.clone()).unwrap_or_default()
    }

    /// Looks at the lists, the oldest first, up to one that is not done. How long to wait before the
    /// next look; `None` when all are done.
    pub(super) async fn look<M: StoreRead, C: Clock>(
        &mut self,
        store: &M,
        clock: &C,
        timeout: Duration,
    ) -> Result<Option<Duration>, PassError> {
        let mut patient = true;
        for list in self.lists.iter_mut().filter(|list| !list.is_settled()) {
            let before = list.open;
            list.read(store, clock).await?;
            let now = clock.monotonic();
            if before != list.open && before.is_some() {
                self.moved_at = now;
                self.pause = self.pause.min(Self::LONGEST / 5);
            }
            patient = now.saturating_sub(self.moved_at) < 3 * timeout;
            // Another consumer may have got on with the ones behind it.
            if !list.is_settled() && patient {
                let pause = self.pause;
                self.pause = (pause * 3 / 2).min(Self::LONGEST);
                return Ok(Some(pause));
            }
        }
        if self.lists.iter().all(Listed::is_settled) {
            return Ok(None);
        }
        match patient {
            true => Ok(Some(self.pause)),
            false => Err(self.stuck(3 * timeout)),
        }
    }

    fn stuck(&self, waited: Duration) -> PassError {
        let open: Vec<&Listed> = self.lists.iter().filter(|l| !l.is_settled()).collect();
        let waiting: usize = open.iter().filter_map(|list| list.open).sum();
        let names: Vec<&str> = open.iter().map(|list| list.bulk.0.as_str()).collect();
        PassError::waiting(format!(
            "the store's queue has not moved for {} s: {waiting} writes of this release are open in it (bulk {}), as no consumer takes them; start one with `bin/magento queue:consumers:start async.operations.all`, or see that the shop's cron runs; nothing is lost: the release stays in hand and goes on when they are carried out, and nothing else is sent until then; where the queue has lost them for good, delete these rows of `magento_bulk`, and they are sent again",
            seconds(waited),
            names.join(", "),
        ))
    }
}

impl Listed {
    async fn read<M: StoreRead, C: Clock>(
        &mut self,
        store: &M,
        clock: &C,
    ) -> Result<(), PassError> {
        let bulk = &self.bulk;
        let progress = || async move {
            match store.progress(bulk).await {
                Ok(operations) => Ok(operations),
                Err(StoreError::Gone { .. }) => Ok(BTreeMap::new()),
                Err(error) => Err(error),
            }
        };
        self.operations = execute::retry(clock, progress).await?;
        let open = self.operations.values().filter(|o| **o == Operation::Open);
        self.open = Some(open.count());
        Ok(())
    }
}
