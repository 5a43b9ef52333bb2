//! An embedded store that speaks Magento's REST dialect over entities in memory.
//!
//! It behaves as Magento Open Source 2.4.7-p3 was seen to behave, traps included: a PUT without its
//! identifier renames a page, a query string turns an update into a creation, over-long values are
//! cut without a word. Requests are signed with OAuth 1.0a and refused as Magento refuses them.
//!
//! Pages and blocks are described in `cms`, everything else in `catalogue`; what `/async` accepts is
//! carried out by a consumer in the background, as `queue` says.
//!
//! Beside `/rest` it serves `GET /__sandbox/dump`, `GET /__sandbox/requests`,
//! `GET|PUT /__sandbox/faults` ([`Faults`]) and `PUT /__sandbox/entities` ([`Edit`], one or a list).
//!
//! # Where it departs from Magento
//! - XML is neither read nor written, bearer tokens are never accepted, answers are not compressed
//!   and set no cookie.
//! - An update is atomic unless [`Faults::lost_updates`] is on (for pages and blocks), and saving
//!   never deadlocks: a rule with a canned answer plays that.

mod catalogue;
mod cms;
mod cms_block;
mod cms_page;
mod collation;
mod column;
mod connection;
mod faults;
mod log;
mod natural;
mod oauth;
mod php;
mod projection;
mod queue;
mod reply;
mod request;
mod search;
mod seed;
mod server;
mod service;
mod shape;
mod shop;
mod views;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use connection::{CuttableListener, Wire};
use server::App;
use shop::{Moment, Shop};

pub use faults::{Action, Canned, Faults, Match, QueueFaults, Rule};
pub use log::LoggedRequest;
pub use oauth::Credentials;
pub use seed::{Edit, Seed, Stores};

/// The options of a sandbox.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SandboxOptions {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// The least time that each REST request takes.
    pub latency: Duration,
    /// What the store holds; without it [`Seed::shop`].
    pub seed: Option<Seed>,
}

/// The reasons why a sandbox did not start, or refused an edit.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port is taken, most likely.
    #[error("cannot listen on 127.0.0.1:{port}; choose another port, or 0 for any")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gave no random bytes for the credentials.
    #[error("no random bytes for the credentials of the sandbox")]
    Random(#[source] getrandom::Error),
    /// The seed file could not be read.
    #[error("cannot read the seed file {}", path.display())]
    SeedFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The text is no seed.
    #[error("invalid seed: {0}")]
    Seed(String),
    /// An entity cannot be saved like this, not even by an administrator.
    #[error("the {kind} {key:?} {why}")]
    Edit {
        /// Kind of the entity.
        kind: String,
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The time that a shutdown waits for connections.
const GRACE: Duration = Duration::from_secs(2);

/// A running store. Dropping it shuts it down too, without waiting.
pub struct Sandbox {
    address: SocketAddr,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Starts a store on 127.0.0.1 and serves it in the background.
    ///
    /// # Errors
    /// See [`SandboxError`].
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let SandboxOptions {
            port,
            latency,
            seed,
        } = options;
        let seed = match seed {
            Some(seed) => seed,
            None => Seed::shop()?,
        };
        let credentials = Credentials::random().map_err(SandboxError::Random)?;
        let shop = Shop::new(credentials, &seed, &Moment::at(Timestamp::now()))?;

        let refused = |source| SandboxError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;

        let (stop, stopped) = watch::channel(false);
        let app = Arc::new(App::new(shop, latency, stopped));
        let service = server::router(app.clone()).into_make_service_with_connect_info::<Wire>();
        let consumer = app.clone();
        tokio::spawn(async move { consumer.consume().await });
        let stopping = app.clone();
        let server = axum::serve(CuttableListener(listener), service)
            .with_graceful_shutdown(async move { stopping.stopped().await });
        Ok(Self {
            address,
            app,
            stop,
            server: tokio::spawn(server.into_future()),
        })
    }

    /// The store's base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what requests must be signed with.
    pub fn credentials(&self) -> Credentials {
        self.app.shop().credentials().clone()
    }

    /// The one line of JSON that tells a caller where the store is and how to sign. It holds the
    /// credentials in clear.
    pub fn ready_line(&self) -> String {
        let credentials = self.credentials();
        json!({
            "url": self.url(),
            "oauth": {
                "consumer_key": credentials.consumer_key.expose_secret(),
                "consumer_secret": credentials.consumer_secret.expose_secret(),
                "access_token": credentials.access_token.expose_secret(),
                "access_token_secret": credentials.access_token_secret.expose_secret(),
            },
        })
        .to_string()
    }

    /// Every entity, sorted: kind, key, assignment (`all`, `de`, `default,fr`), fields; ids and
    /// times under `meta`. Values are those of REST, with nulls.
    ///
    /// Products and categories show their values under `all`, and under a view those that differ
    /// there; references are by natural key. Of links, options, source items and tier prices the
    /// third level is what the key has several of: a SKU, a label, a source, a tier.
    pub fn dump(&self) -> Value {
        self.app.shop().dump()
    }

    /// The REST requests so far, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.app.requests()
    }

    /// Replaces all faults, and starts their counts anew.
    pub fn set_faults(&self, faults: Faults) {
        self.app.set_faults(faults);
    }

    /// Edits entities as an administrator would, past the checks of REST. Edits before a bad one
    /// stay.
    ///
    /// # Errors
    /// [`SandboxError::Edit`].
    pub fn edit(&self, edits: &[Edit]) -> Result<(), SandboxError> {
        self.app.edit(edits)
    }

    /// Stops accepting, lets running requests end and drops the hanging ones. A connection that is
    /// still open after two seconds (half a request was sent on it) is not waited for.
    pub async fn shutdown(self) {
        let Self {
            stop, mut server, ..
        } = self;
        // Nobody listening means that it has ended already.
        let _ = stop.send(true);
        if tokio::time::timeout(GRACE, &mut server).await.is_err() {
            server.abort();
        }
    }
}
