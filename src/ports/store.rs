//! One Magento store, reached over REST. Reading and writing are separate, so a planner cannot write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Next;
use crate::domain::{
    EntityId, EntityRef, FieldName, Kind, Observation, ObservedEntity, StoreViews, Value,
    Vocabulary,
};

/// Why a request failed, by what happens next. Messages hold the store's own words, with their
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
    /// What happens next to the environment; `None` when only the one entity is concerned.
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
}

/// What is done to an entity.
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
    /// Whether these kinds may be written, found out without writing anything.
    fn check_rights(
        &self,
        kinds: &BTreeSet<Kind>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes an entity under the assignment that `entity` names: `all` or one view.
    fn create(
        &self,
        entity: &EntityRef,
        fields: &BTreeMap<FieldName, Value>,
    ) -> impl Future<Output = Result<EntityId, StoreError>> + Send;

    /// Sets these fields and no others. `current` is the entity as last read: its id and the fields
    /// that must be carried along.
    fn update(
        &self,
        entity: &EntityRef,
        current: &ObservedEntity,
        fields: &BTreeMap<FieldName, Value>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes the entity away. One that is gone already is [`StoreError::Gone`].
    fn delete(
        &self,
        entity: &EntityRef,
        current: &ObservedEntity,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Several writes of a kind of which one request takes many ([`crate::domain::kinds::Route::rows`]);
    /// one result for each, in their order.
    fn write_rows(
        &self,
        writes: &[Write],
    ) -> impl Future<Output = Vec<Result<(), StoreError>>> + Send {
        async move {
            let mut results = Vec::with_capacity(writes.len());
            for write in writes {
                results.push(match (&write.payload, &write.current) {
                    (Payload::Create(fields), _) => {
                        self.create(&write.entity, fields).await.map(|_| ())
                    }
                    (Payload::Update(fields), Some(current)) => {
                        self.update(&write.entity, current, fields).await
                    }
                    (Payload::Delete, Some(current)) => self.delete(&write.entity, current).await,
                    (Payload::Update(_) | Payload::Delete, None) => Err(StoreError::Gone {
                        message: format!("{} does not exist", write.entity),
                    }),
                });
            }
            results
        }
    }
}
