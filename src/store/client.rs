//! One attempt of one request: built, signed, sent, read and classified.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::debug;
use url::Url;

use super::errors::{Answer, Asked, CHECK_PROXY, CHECK_URL, Intent, classify};
use super::oauth::{Signer, encode};
use super::search::PAGE;
use super::words::title;
use super::{StoreOptions, transport};
use crate::ports::StoreError;

/// The bytes that are read of an answer that is no success.
const ERROR_BODY: usize = 64 * 1024;

/// More than any page of a search can sensibly hold; a runaway answer must not take all memory.
const LARGEST_BODY: usize = 512 * 1024 * 1024;

/// Shorter than the keep-alive of common web servers (Apache closes after 5 s), so that a write is not
/// sent into a connection that the server is just closing.
const IDLE: Duration = Duration::from_secs(4);

/// One request, before it is signed.
pub(super) struct Request {
    pub(super) intent: Intent,
    pub(super) method: Method,
    /// `all` or a view's code.
    pub(super) scope: String,
    /// After `/V1/`, encoded.
    pub(super) path: String,
    /// Encoded once, by [`encode`].
    pub(super) query: Option<String>,
    pub(super) body: Option<Value>,
}

/// A connection to one store.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    signer: Signer,
    /// What must appear in no message, plain and percent-encoded.
    secrets: Vec<SecretString>,
    /// Bounds the reads that are under way; the core bounds the writes itself.
    pub(super) reads: Semaphore,
    /// The rows of a page that the shop lets through, as far as is known.
    page_size: AtomicUsize,
}

impl Client {
    pub(super) fn new(options: StoreOptions) -> Result<Self, StoreError> {
        let StoreOptions {
            url: base,
            credentials,
            timeout,
            concurrency,
        } = options;
        check(&base)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("gitmage/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            // a request that is sent again must be signed again
            .retry(reqwest::retry::never())
            .referer(false)
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .pool_idle_timeout(IDLE);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| StoreError::Unusable {
            message: format!("no HTTP client: {error}"),
            remedy: "check the machine's certificate store and proxy settings".to_owned(),
        })?;
        let secrets = [
            &credentials.consumer_key,
            &credentials.consumer_secret,
            &credentials.access_token,
            &credentials.access_token_secret,
        ]
        .into_iter()
        // a secret of a few characters would blot out common words
        .filter(|secret| secret.expose_secret().len() >= 6)
        .flat_map(|secret| {
            let encoded = encode(secret.expose_secret()).to_string();
            [secret.clone(), encoded.into()]
        })
        .collect();
        Ok(Self {
            http,
            base,
            signer: Signer::new(credentials),
            secrets,
            reads: Semaphore::new(concurrency.max(1)),
            page_size: AtomicUsize::new(PAGE),
        })
    }

    /// The rows of a page that the shop lets through, as far as is known.
    pub(super) fn page_size(&self) -> usize {
        self.page_size.load(Ordering::Relaxed)
    }

    /// True if the shop refused pages of this size and named a smaller one, which is asked for from now
    /// on: its input limits (`webapi/validation/maximum_page_size`) may be lower than Magento's default.
    pub(super) fn takes_smaller_pages(&self, refused: usize, error: &StoreError) -> bool {
        const WORDS: &str = "Maximum SearchCriteria pageSize is ";
        let message = error.to_string();
        let named = message.split_once(WORDS).and_then(|(_, rest)| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<usize>().ok()
        });
        match named.filter(|named| (1..refused).contains(named)) {
            Some(named) => {
                self.page_size.fetch_min(named, Ordering::Relaxed);
                true
            }
            None => false,
        }
    }

    /// Returns what a request line holds beside the query: of batches, which are measured in bytes.
    pub(super) fn line_length(&self, scope: &str, path: &str) -> usize {
        self.url(scope, path).path().len() + "DELETE ? HTTP/1.1\r\n".len()
    }

    fn url(&self, scope: &str, path: &str) -> Url {
        self.url_below(scope, "V1", path)
    }

    fn url_below(&self, scope: &str, root: &str, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{base}/rest/{scope}/{root}/{path}"));
        url
    }

    /// Sends a request once and returns the JSON of a successful answer.
    pub(super) async fn send(&self, request: Request) -> Result<Value, StoreError> {
        let url = self.url(&request.scope, &request.path);
        self.exchange(request, url).await
    }

    /// Sends a list of requests, in one body, to the store's queue, likewise.
    pub(super) async fn send_to_queue(&self, request: Request) -> Result<Value, StoreError> {
        let url = self.url_below(&request.scope, "async/bulk/V1", &request.path);
        self.exchange(request, url).await
    }

    async fn exchange(&self, request: Request, url: Url) -> Result<Value, StoreError> {
        let asked = Asked {
            intent: request.intent,
            method: request.method.clone(),
            url: url.clone(),
            scope: request.scope.clone(),
        };
        let started = Instant::now();
        let result = self.attempt(request, url, &asked).await;
        let duration = started.elapsed().as_millis();
        let (method, path) = (asked.method.as_str(), asked.url.path());
        match &result {
            Ok((status, _)) => debug!(method, path, status, duration, "answered"),
            Err(error) => debug!(method, path, %error, duration, "not answered"),
        }
        let (status, body) = result?;
        self.judge(&asked, status, body)
    }

    async fn attempt(
        &self,
        request: Request,
        mut url: Url,
        asked: &Asked,
    ) -> Result<(u16, Body), StoreError> {
        url.set_query(request.query.as_deref());
        let authorization = self.authorization(&request.method, &url, asked)?;
        let mut builder = self
            .http
            .request(request.method, url)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json");
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let lost = |error: reqwest::Error| self.scrubbed(transport::failed(asked, &error));
        let mut response = builder.send().await.map_err(lost)?;
        let status = response.status();
        if status.is_success() {
            let bytes = read(&mut response, LARGEST_BODY).await.map_err(lost)?;
            return Ok((status.as_u16(), Body::Success(bytes)));
        }
        // the status is known: a body that breaks off is as good as none
        let bytes = read(&mut response, ERROR_BODY).await.unwrap_or_default();
        let header = |name: HeaderName| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(self.scrub(value))
        };
        let answer = Answer {
            status: status.as_u16(),
            body: self.scrub(&String::from_utf8_lossy(&bytes)),
            location: header(LOCATION),
            retry_after: header(RETRY_AFTER),
            date: header(DATE),
        };
        Ok((status.as_u16(), Body::Other(answer)))
    }

    fn authorization(
        &self,
        method: &Method,
        url: &Url,
        asked: &Asked,
    ) -> Result<HeaderValue, StoreError> {
        let text = self
            .signer
            .authorization(method.as_str(), url)
            .map_err(|error| {
                asked.unavailable(&format!("no randomness for a nonce ({error})"), None)
            })?;
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            asked.unusable(
                "credentials that fit in no header",
                "check the four OAuth values",
            )
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn judge(&self, asked: &Asked, status: u16, body: Body) -> Result<Value, StoreError> {
        match body {
            Body::Other(answer) => Err(classify(asked, &answer, Timestamp::now())),
            Body::Success(bytes) => {
                let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
                serde_json::from_slice(json).map_err(|error| {
                    let start = &bytes[..bytes.len().min(ERROR_BODY)];
                    let text = self.scrub(&String::from_utf8_lossy(start));
                    asked.lost(&no_json(status, &text, &error))
                })
            }
        }
    }

    /// Blots out whatever of the credentials stands in a text.
    pub(super) fn scrub(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose_secret(), "***")
        })
    }

    fn scrubbed(&self, mut error: StoreError) -> StoreError {
        match &mut error {
            StoreError::Unavailable { message, .. }
            | StoreError::InDoubt { message }
            | StoreError::Contended { message }
            | StoreError::Unauthorized { message, .. }
            | StoreError::Unusable { message, .. }
            | StoreError::Refused { message, .. }
            | StoreError::Gone { message } => *message = self.scrub(message),
        }
        error
    }
}

enum Body {
    Success(Vec<u8>),
    Other(Answer),
}

async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == limit {
            break;
        }
    }
    Ok(bytes)
}

fn no_json(status: u16, text: &str, error: &serde_json::Error) -> String {
    let text = text.trim_start();
    if text.is_empty() {
        return format!("an empty answer (HTTP {status})");
    }
    if text.starts_with(['{', '[', '"']) {
        return format!("a JSON answer that breaks off or is damaged (HTTP {status}, {error})");
    }
    format!(
        "a page that says {:?} where JSON was expected (HTTP {status})",
        title(text)
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Refuses what could never be talked to, before anything is sent.
fn check(url: &Url) -> Result<(), StoreError> {
    let problem = if !matches!(url.scheme(), "http" | "https") {
        Some(format!("the scheme {:?} instead of https", url.scheme()))
    } else if url.host_str().is_none() {
        Some("no host".to_owned())
    } else if !url.username().is_empty() || url.password().is_some() {
        // it would take the place of the signature in the header, and show up in logs
        Some("a user name or password".to_owned())
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("a query or fragment".to_owned())
    } else {
        None
    };
    problem.map_or(Ok(()), |problem| {
        Err(StoreError::Unusable {
            message: format!("the store's URL has {problem}"),
            remedy: CHECK_URL.to_owned(),
        })
    })
}

/// The store answered with JSON of another shape than Magento's.
pub(super) fn misshapen(what: &str) -> StoreError {
    StoreError::Unusable {
        message: format!("the store answered, but not as Magento does: {what}"),
        remedy: CHECK_PROXY.to_owned(),
    }
}
