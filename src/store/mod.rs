//! Magento over REST.
//!
//! | module | does |
//! |---|---|
//! | `oauth` | signs, in Magento's dialect of OAuth 1.0a |
//! | `client` | one attempt of one request |
//! | `search` | queries, batches, pages |
//! | `list` | lists of whatever else the store has |
//! | `vocabulary`, `attributes` | the store's own words: ids of names, attributes |
//! | `assignment` | fields and exact assignment of pages and blocks |
//! | `write` | creates, updates and deletes pages and blocks |
//! | `product`, `category`, `attribute`, `option`, `link` | the catalogue |
//! | `tree` | paths of names through the categories |
//! | `price`, `stock` | rows, of which one request takes many; `rows` is what they share |
//! | `entity`, `belongings` | promotions, groups and taxes, and what goes with them |
//! | `bulk` | lists of writes for the store's queue |
//! | `errors`, `transport`, `words` | what a refusal means, and how it is told |
//!
//! # Guarantees
//! - One write sends one request at most, once (one for each part, of the few that make an entity again
//!   together with what went with it, or that move what views have in common); nothing is ever retried
//!   here.
//! - An update names its fields and what must be carried along, and nothing else.
//! - Credentials are in no error, log line or `Debug` output.
//! - Redirects are not followed: nothing signed goes to another host.
//!
//! # Accepted losses
//! - Assignments are read store by store, in several requests: an entity whose assignment is edited in
//!   that instant may be reported under a mix of both. The next read shows it.

mod assignment;
mod attribute;
mod attributes;
mod belongings;
mod bulk;
mod category;
mod category_paths;
mod client;
mod entity;
mod errors;
mod link;
mod list;
mod oauth;
mod option;
mod price;
mod product;
mod rows;
mod search;
mod stock;
mod transport;
mod tree;
mod vocabulary;
mod words;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use self::client::{Client, Request, misshapen};
use self::errors::Intent;
use crate::domain::kinds::{Access, Probe};
use crate::domain::{EntityRef, Kind, Observation, StoreCode, StoreView, StoreViews, Vocabulary};
use crate::ports::{
    BatchKey, BulkId, Operation, StoreError, StoreRead, StoreWrite, Submitted, Write,
};

/// The four values that Magento shows when an integration is activated.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Names the integration.
    pub consumer_key: SecretString,
    /// Signs for the integration.
    pub consumer_secret: SecretString,
    /// Names the token.
    pub access_token: SecretString,
    /// Signs for the token.
    pub access_token_secret: SecretString,
}

/// The way to one store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The shop's own address; a path before `/rest` is kept.
    pub url: Url,
    /// The integration.
    pub credentials: Credentials,
    /// For a whole request, from connecting to the last byte.
    pub timeout: Duration,
    /// The number of reads that may be under way at once. Writes are not counted: they never wait here.
    pub concurrency: usize,
}

/// One Magento store. Cheap to clone.
#[derive(Clone)]
pub struct Magento {
    client: Arc<Client>,
    /// As last read: what is observed and written between is translated by it.
    vocabulary: Arc<Mutex<Arc<Vocabulary>>>,
    /// Held while options are written: each such request names all options of an attribute.
    options: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Magento {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Magento").finish_non_exhaustive()
    }
}

impl Magento {
    /// Prepares the connection; nothing is sent.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for a URL that is none of a shop.
    pub fn new(options: StoreOptions) -> Result<Self, StoreError> {
        Ok(Self {
            client: Arc::new(Client::new(options)?),
            vocabulary: Arc::default(),
            options: Arc::default(),
        })
    }

    /// The vocabulary as last read.
    fn known(&self) -> Arc<Vocabulary> {
        let kept = self.vocabulary.lock();
        Arc::clone(&kept.unwrap_or_else(PoisonError::into_inner))
    }

    fn writing<'a>(&'a self, known: &'a Vocabulary) -> Writing<'a> {
        Writing {
            client: &self.client,
            vocabulary: known,
            options: &self.options,
            kept: &self.vocabulary,
        }
    }

    /// Finds out whether the integration may write entities of these kinds, without writing anything.
    ///
    /// # Errors
    /// [`StoreError::Unauthorized`] names the missing right.
    async fn probe_rights(&self, kinds: &BTreeSet<Kind>) -> Result<(), StoreError> {
        let mut probed = Vec::new();
        for kind in kinds {
            for probe in kind.route.probes {
                // kinds of one route share their probe
                if !probed.contains(probe) {
                    self.probe(*kind, *probe).await?;
                    probed.push(*probe);
                }
            }
        }
        Ok(())
    }

    async fn probe(&self, kind: Kind, probe: Probe) -> Result<(), StoreError> {
        let (method, path, body) = match probe {
            Probe::EmptyPost(path) => (Method::POST, path, Some(json!({}))),
            Probe::DeleteNone(path) => (Method::DELETE, path, None),
        };
        let request = Request {
            // nothing can be carried out of it, so that no doubt can remain
            intent: Intent::Read,
            method,
            scope: "all".to_owned(),
            path: path.to_owned(),
            query: None,
            body,
        };
        match (probe, self.client.send(request).await) {
            (_, Err(StoreError::Refused { status: 400, .. }))
            | (Probe::DeleteNone(_), Err(StoreError::Gone { .. } | StoreError::Refused { .. })) => {
                Ok(())
            }
            (_, Err(error)) => Err(error),
            (Probe::EmptyPost(_), Ok(_)) => Err(misshapen(&format!(
                "it accepted an empty request for a new {}",
                kind.label
            ))),
            (Probe::DeleteNone(_), Ok(_)) => Err(misshapen("it deleted an entity without an id")),
        }
    }
}

/// The store's views, without "admin".
async fn read_views(client: &Client) -> Result<StoreViews, StoreError> {
    let answer = client
        .send(Request {
            intent: Intent::Read,
            method: Method::GET,
            scope: "all".to_owned(),
            path: "store/storeViews".to_owned(),
            query: None,
            body: None,
        })
        .await?;
    let Value::Array(items) = answer else {
        return Err(misshapen("no list of store views"));
    };
    let mut views = BTreeSet::new();
    for item in items {
        let id = item.get("id").and_then(Value::as_u64);
        let Some(id) = id.and_then(|id| u32::try_from(id).ok()) else {
            return Err(misshapen("a store view without an id"));
        };
        if id == 0 {
            continue;
        }
        // one that is left out would be missing wherever an assignment is made out
        let code = item.get("code").and_then(Value::as_str).unwrap_or_default();
        let code = StoreCode::new(code)
            .map_err(|error| misshapen(&format!("store view {id}: {error}")))?;
        views.insert(StoreView { code, id });
    }
    Ok(StoreViews(views))
}

impl StoreRead for Magento {
    async fn views(&self) -> Result<StoreViews, StoreError> {
        read_views(&self.client).await
    }

    async fn vocabulary(&self, kinds: &BTreeSet<Kind>) -> Result<Arc<Vocabulary>, StoreError> {
        let vocabulary = Arc::new(vocabulary::read(&self.client, kinds).await?);
        let mut kept = self
            .vocabulary
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = Arc::clone(&vocabulary);
        Ok(vocabulary)
    }

    async fn observe(
        &self,
        wanted: &BTreeSet<EntityRef>,
        whole: &BTreeSet<EntityRef>,
        views: &StoreViews,
    ) -> Result<Observation, StoreError> {
        let mut by_access: BTreeMap<Access, BTreeSet<EntityRef>> = BTreeMap::new();
        for entity in wanted {
            let access = entity.kind.route.access;
            by_access.entry(access).or_default().insert(entity.clone());
        }
        let known = self.known();
        let reading = Reading {
            client: &self.client,
            views,
            vocabulary: &known,
            whole,
        };
        let mut seen = Observation::new();
        for (access, wanted) in by_access {
            seen.extend(reading.observe(access, &wanted).await?);
        }
        Ok(seen)
    }

    async fn check_queue(&self) -> Result<(), StoreError> {
        bulk::check(&self.client).await
    }

    async fn progress(&self, bulk: &BulkId) -> Result<BTreeMap<usize, Operation>, StoreError> {
        bulk::progress(&self.client, bulk).await
    }
}

/// The means that every reading of entities needs.
struct Reading<'a> {
    client: &'a Arc<Client>,
    views: &'a StoreViews,
    vocabulary: &'a Vocabulary,
    /// The entities of which all that goes with them is read, too.
    whole: &'a BTreeSet<EntityRef>,
}

impl Reading<'_> {
    async fn observe(
        &self,
        access: Access,
        wanted: &BTreeSet<EntityRef>,
    ) -> Result<Observation, StoreError> {
        match access {
            Access::Assignment => assignment::observe(self.client, wanted, self.views).await,
            Access::Search => entity::observe(self, wanted).await,
            Access::Product => product::observe(self, wanted).await,
            Access::Category => category::observe(self, wanted).await,
            Access::Attribute => attribute::observe(self, wanted).await,
            Access::Option => option::observe(self, wanted).await,
            Access::Link => link::observe(self, wanted).await,
            Access::Price => price::observe(self, wanted).await,
            Access::Stock => stock::observe(self, wanted).await,
        }
    }
}

/// The means that every writing needs.
struct Writing<'a> {
    client: &'a Arc<Client>,
    /// As last read. A name that is not in it may have been made since, by this pass: it is read anew.
    vocabulary: &'a Vocabulary,
    options: &'a tokio::sync::Mutex<()>,
    /// What is read anew is kept here.
    kept: &'a Mutex<Arc<Vocabulary>>,
}

impl Writing<'_> {
    /// One write, on its way once.
    async fn send(
        &self,
        method: Method,
        scope: &str,
        path: String,
        body: Option<Value>,
    ) -> Result<Value, StoreError> {
        let request = Request {
            intent: Intent::Write,
            method,
            scope: scope.to_owned(),
            path,
            query: None,
            body,
        };
        self.client.send(request).await
    }

    /// Sends writes of one kind: rows together, anything else one by one.
    async fn write(&self, writes: &[Write]) -> Vec<Result<(), StoreError>> {
        let Some(first) = writes.first() else {
            return Vec::new();
        };
        match first.entity.kind.route.access {
            Access::Price => price::write(self, writes).await,
            Access::Stock => stock::write(self, writes).await,
            access => {
                let mut results = Vec::with_capacity(writes.len());
                for write in writes {
                    results.push(self.write_one(access, write).await);
                }
                results
            }
        }
    }

    async fn write_one(&self, access: Access, write: &Write) -> Result<(), StoreError> {
        match access {
            Access::Assignment => write::write(self.client, write).await,
            Access::Search => entity::write(self, write).await,
            Access::Product => product::write(self, write).await,
            Access::Category => category::write(self, write).await,
            Access::Attribute => attribute::write(self, write).await,
            Access::Option => option::write(self, write).await,
            Access::Link => link::write(self, write).await,
            Access::Price => only(price::write(self, std::slice::from_ref(write)).await),
            Access::Stock => only(stock::write(self, std::slice::from_ref(write)).await),
        }
    }
}

/// An error of one of the requests of a write, after another of them was carried out: what was refused
/// then leaves a part behind, which is read again, and undone where the pass is.
fn after_a_part(error: StoreError) -> StoreError {
    match error {
        StoreError::Refused { message, .. }
        | StoreError::Gone { message }
        | StoreError::Contended { message } => StoreError::InDoubt {
            message: format!("a part of it was written, but then: {message}"),
        },
        error @ (StoreError::Unavailable { .. }
        | StoreError::InDoubt { .. }
        | StoreError::Unauthorized { .. }
        | StoreError::Unusable { .. }) => error,
    }
}

/// The result of the one write that was sent.
fn only(results: Vec<Result<(), StoreError>>) -> Result<(), StoreError> {
    let lost = || StoreError::InDoubt {
        message: "a row was sent, but nothing is known of it".to_owned(),
    };
    results.into_iter().next().unwrap_or_else(|| Err(lost()))
}

impl StoreWrite for Magento {
    async fn check_rights(&self, kinds: &BTreeSet<Kind>) -> Result<(), StoreError> {
        self.probe_rights(kinds).await
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<(), StoreError>> {
        self.writing(&self.known()).write(writes).await
    }

    fn batch_key(&self, write: &Write) -> Option<BatchKey> {
        bulk::batch_key(write)
    }

    async fn submit(&self, writes: &[Write]) -> Result<Submitted, StoreError> {
        bulk::submit(&self.writing(&self.known()), writes).await
    }
}
