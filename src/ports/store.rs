//! One Magento store, reached over REST. Reading and writing are separate, so a planner cannot write.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Next;
use crate::domain::{
    EntityRef, FieldName, Kind, Observation, ObservedEntity, StoreViews, Value, Vocabulary,
};

/// The reasons why a request failed, by what happens next. Messages hold the store's own words, with their
/// parameters filled in, and never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not reached, 429, 502-504, a maintenance page, an answer that is no JSON: goes away by
    /// itself. Of a write it is certain that it was not carried out.
    #[error("{message}")]
    Unavailable {
        /// Which it is, and what the store said.
        message: String,
        /// `Retry-After`, where it was sent.
        retry_after: Option<Duration>,
    },
    /// A write was sent and its answer lost: it may have been carried out. Read before repeating.
    #[error("{message}")]
    InDoubt {
        /// What was lost and how.
        message: String,
    },
    /// A deadlock-like 400: nothing was stored; a few spaced retries help, after a read that shows so.
    #[error("{message}")]
    Contended {
        /// The store's words.
        message: String,
    },
    /// Credentials or rights: nothing works until a person acts.
    #[error("{message}; {remedy}")]
    Unauthorized {
        /// Which it is, and the store's words.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The other side is no Magento that can be talked to: TLS failure, a wrong URL, an unsupported
    /// signature method.
    #[error("{message}; {remedy}")]
    Unusable {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The store understood and refuses this entity for good.
    #[error("{message} (HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The store's words.
        message: String,
    },
    /// The entity does not exist any more.
    #[error("{message}")]
    Gone {
        /// The store's words.
        message: String,
    },
}

impl StoreError {
    /// Returns what happens next to the environment; `None` when only the one entity is concerned.
    pub fn next(&self) -> Option<Next> {
        match self {
            Self::Unavailable { retry_after, .. } => Some(Next::Retry(*retry_after)),
            Self::Unauthorized { .. } | Self::Unusable { .. } => Some(Next::Stall),
            Self::InDoubt { .. }
            | Self::Contended { .. }
            | Self::Refused { .. }
            | Self::Gone { .. } => None,
        }
    }
}

/// The name that the store gave to a list of writes in its queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BulkId(pub String);

impl fmt::Display for BulkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of one write of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It waits, or is being carried out.
    Open,
    /// It was carried out.
    Done,
    /// It was not, and may be the next time.
    FailedForNow {
        /// The store's words.
        message: String,
    },
    /// It was not, and will not be.
    Failed {
        /// The store's words.
        message: String,
    },
}

/// The key of the writes that can go into one list: writes of one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchKey(pub String);

/// A list that the store took into its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its name.
    pub bulk: BulkId,
    /// Writes that it left out, by their place in the list, and why.
    pub rejected: BTreeMap<usize, String>,
}

/// Reading a store. Every call is one attempt per request it needs; retrying is the core's business.
pub trait StoreRead: Send + Sync + 'static {
    /// The store's views, without "admin".
    fn views(&self) -> impl Future<Output = Result<StoreViews, StoreError>> + Send;

    /// The store's own words, as far as entities of these kinds are written in them. Read anew: what a
    /// pass begins with counts for the whole of it.
    fn vocabulary(
        &self,
        kinds: &BTreeSet<Kind>,
    ) -> impl Future<Output = Result<Arc<Vocabulary>, StoreError>> + Send;

    /// Reads every entity named, in batches: fields and assignment in one search per assignment
    /// (`identifier in …` and `store_id eq N`). The answer has an entry for each one asked for, with
    /// natural values.
    ///
    /// Keys match case-sensitively; an assignment matches exactly. Of those in `whole` it has all that
    /// goes with them when they are deleted ([`crate::domain::kinds::Owner::Whole`]) as well.
    fn observe(
        &self,
        wanted: &BTreeSet<EntityRef>,
        whole: &BTreeSet<EntityRef>,
        views: &StoreViews,
    ) -> impl Future<Output = Result<Observation, StoreError>> + Send;

    /// Checks whether the store has a queue for lists of writes, of which this integration may read what
    /// becomes of them: found out without writing anything.
    fn check_queue(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns what has become of the writes of a list so far, by their place in it. A list that the
    /// store does not know (any more) is [`StoreError::Gone`].
    fn progress(
        &self,
        bulk: &BulkId,
    ) -> impl Future<Output = Result<BTreeMap<usize, Operation>, StoreError>> + Send;
}

/// The action upon an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// It is made with these fields.
    Create(BTreeMap<FieldName, Value>),
    /// These fields are set, and no others.
    Update(BTreeMap<FieldName, Value>),
    /// It is taken away.
    Delete,
}

/// One write of several that go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The entity.
    pub entity: EntityRef,
    /// The entity as last read; `None` where it does not exist.
    pub current: Option<ObservedEntity>,
    /// What is done to it.
    pub payload: Payload,
}

/// Writing to a store. Each call is one attempt of one request; of the few that make an entity again
/// together with what went with it, one attempt of each.
pub trait StoreWrite: StoreRead {
    /// Checks whether these kinds may be written, found out without writing anything.
    fn check_rights(
        &self,
        kinds: &BTreeSet<Kind>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sends writes of one kind: together where one request takes many of them
    /// ([`crate::domain::kinds::Route::rows`]), else one after the other. One result for each, in their
    /// order. An entity that is to be deleted and is gone already is [`StoreError::Gone`].
    fn write(&self, writes: &[Write]) -> impl Future<Output = Vec<Result<(), StoreError>>> + Send;

    /// In which list a write can go through the store's queue; `None` where it cannot.
    fn batch_key(&self, write: &Write) -> Option<BatchKey>;

    /// Sends writes of one batch key to the store's queue, which carries them out later, each for itself. The
    /// store checks the list as a whole: [`StoreError::Refused`] means that it took none of them.
    fn submit(
        &self,
        writes: &[Write],
    ) -> impl Future<Output = Result<Submitted, StoreError>> + Send;
}
