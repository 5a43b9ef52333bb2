//! The meaning of refusals: every answer that is not a plain success becomes one [`StoreError`], here.
//!
//! # Guarantees
//! - Of a write, [`StoreError::Unavailable`] is said only where it is certain that Magento did not carry
//!   it out. Wherever that cannot be told, it is [`StoreError::InDoubt`], and costs one read.
//! - Words of the store are quoted in one line of bounded length.
//!
//! # What is certain about a write
//! | answer | why |
//! |---|---|
//! | 429 | a limit is checked before Magento runs |
//! | 503 with the maintenance page | Magento's bootstrap, nginx's `limit_req` and balancers without a backend send it before any code of the API runs |
//! | 503 of any other kind | in doubt: Varnish sends one (with `Retry-After`) when a backend was too slow, too |
//! | 502, 504, 52x, HTML with 500, a success that is no JSON | in doubt: the request may have reached Magento |
//! | "nonce already used" | in doubt: every attempt has a nonce of its own, so a proxy sent this request twice, and the first copy may have been carried out |
//! | 408 | in doubt: balancers also send it while the backend works |

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use url::Url;

use super::words::{Words, http_date, quote, retry_after, title};
use crate::ports::StoreError;

/// The intent of a request: whether the store is changed when it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Read,
    Write,
}

/// The request that was answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) intent: Intent,
    pub(super) method: Method,
    /// The URL without its query.
    pub(super) url: Url,
    /// The store scope in the URL: `all` or a view's code.
    pub(super) scope: String,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url.path())
    }
}

impl Asked {
    /// Nothing came back, or nothing that can be read.
    pub(super) fn lost(&self, why: &str) -> StoreError {
        match self.intent {
            Intent::Read => self.unavailable(why, None),
            Intent::Write => StoreError::InDoubt {
                message: format!("the outcome of {self} is unknown: {why}"),
            },
        }
    }

    /// It is certain that nothing was carried out.
    pub(super) fn unavailable(&self, why: &str, retry_after: Option<Duration>) -> StoreError {
        StoreError::Unavailable {
            message: format!("the store cannot answer {self}: {why}"),
            retry_after,
        }
    }

    /// It answered, but not as Magento does.
    pub(super) fn unusable(&self, why: &str, remedy: &str) -> StoreError {
        StoreError::Unusable {
            message: format!("no Magento REST API behind {self}: {why}"),
            remedy: remedy.to_owned(),
        }
    }

    fn unauthorized(&self, words: &str, remedy: &str) -> StoreError {
        StoreError::Unauthorized {
            message: format!("the store denies {self}: {words}"),
            remedy: remedy.to_owned(),
        }
    }

    fn refused(&self, status: u16, words: &str) -> StoreError {
        StoreError::Refused {
            status,
            message: format!("the store refuses {self}: {words}"),
        }
    }
}

/// An answer that is no success.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The beginning of the body, without secrets.
    pub(super) body: String,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) date: Option<String>,
}

pub(super) const CHECK_URL: &str =
    "check `store.url`: it is the address of the shop itself, without `/rest`";
pub(super) const CHECK_PROXY: &str =
    "let the firewall, CDN or proxy in front of the shop pass requests to `/rest/` unchanged";

/// Returns what an answer means that is no success.
pub(super) fn classify(asked: &Asked, answer: &Answer, now: Timestamp) -> StoreError {
    match answer.status {
        300..=399 => redirected(asked, answer),
        413 => asked.refused(
            413,
            "the web server takes no body of this size; raise its limit (`client_max_body_size` in nginx, `post_max_size` in PHP)",
        ),
        414 | 431 | 494 => asked.refused(
            answer.status,
            "the web server takes no request line or header of this length; raise its limit (`large_client_header_buffers` in nginx)",
        ),
        429 => {
            let since = answer.date.as_deref().and_then(http_date).unwrap_or(now);
            let wait = answer
                .retry_after
                .as_deref()
                .and_then(|value| retry_after(value, since));
            asked.unavailable("too many requests (HTTP 429)", wait)
        }
        _ => match Words::parse(&answer.body) {
            Some(words) => spoken(asked, answer, &words, now),
            None => page(asked, answer, now),
        },
    }
}

fn redirected(asked: &Asked, answer: &Answer) -> StoreError {
    let target = answer
        .location
        .as_deref()
        .and_then(|location| asked.url.join(location).ok());
    let Some(mut target) = target else {
        return asked.unusable(
            &format!("a redirect to nowhere (HTTP {})", answer.status),
            CHECK_URL,
        );
    };
    target.set_query(None);
    target.set_fragment(None);
    let _ = target.set_username("");
    let _ = target.set_password(None);
    let why = format!(
        "it redirects to {} (HTTP {}), and redirects are not followed",
        quote(target.as_str()),
        answer.status
    );
    // the part before `/rest/` is what `store.url` should have been, where the rest was kept
    let tail = asked
        .url
        .path()
        .find("/rest/")
        .map(|at| &asked.url.path()[at..]);
    let base = tail.and_then(|tail| target.as_str().strip_suffix(tail));
    let remedy = base.map_or_else(
        || CHECK_URL.to_owned(),
        |base| format!("set `store.url` to {}/", quote(base)),
    );
    asked.unusable(&why, &remedy)
}

/// An answer in Magento's own form.
fn spoken(asked: &Asked, answer: &Answer, words: &Words, now: Timestamp) -> StoreError {
    let status = answer.status;
    if let Some(error) = oauth(asked, answer, words, now) {
        return error;
    }
    match status {
        404 if words
            .template
            .starts_with("Request does not match any route") =>
        {
            asked.unusable(
                &words.text,
                "check that the shop is Magento 2.3 or later with its CMS modules enabled",
            )
        }
        404 => StoreError::Gone {
            message: format!("the store does not find {asked}: {}", words.text),
        },
        405 => asked.unusable(&words.text, CHECK_PROXY),
        400 if words.template == "Specified request cannot be processed." => {
            let words = format!(
                "{} (the store has no active view {:?})",
                words.text, asked.scope
            );
            asked.refused(status, &words)
        }
        502 | 504 | 520..=599 => asked.lost(&format!("{} (HTTP {status})", words.text)),
        503 => unavailable_503(asked, answer, &words.text, now),
        _ if contended(&words.text) => match asked.intent {
            Intent::Read => asked.unavailable(&words.text, None),
            Intent::Write => StoreError::Contended {
                message: format!("the store could not carry out {asked}: {}", words.text),
            },
        },
        500 if words.text.contains("Report ID") => {
            let words = format!(
                "{}; the cause is in the shop's var/log/exception.log or var/report under that id",
                words.text
            );
            asked.refused(status, &words)
        }
        _ => asked.refused(status, &words.text),
    }
}

/// Words of a deadlock. The first is also the answer to some permanent faults, so retries are few.
pub(super) fn contended(text: &str) -> bool {
    [
        "Something went wrong while saving the page.",
        "Could not save Source Item Configuration",
        "Deadlock found",
        "Lock wait timeout exceeded",
        "SQLSTATE[40001]",
    ]
    .iter()
    .any(|words| text.contains(words))
}

const NEW_CREDENTIALS: &str = "open System > Extensions > Integrations in the admin, reauthorize the integration and put its four values into the configuration";
const METHOD: &str = "gitmage signs with HMAC-SHA256, which Magento accepts from 2.4.4 on; upgrade the shop, whose older versions know HMAC-SHA1 only";

/// Returns what Magento says when it does not accept the signature or the integration; `None` for
/// anything else.
fn oauth(asked: &Asked, answer: &Answer, words: &Words, now: Timestamp) -> Option<StoreError> {
    if !matches!(answer.status, 400 | 401 | 403) {
        return None;
    }
    let signature = signature(asked, answer, words, now);
    signature.or_else(|| (answer.status != 400).then(|| rights(asked, answer, words)))
}

/// Returns why the signature or what it names was not accepted.
fn signature(asked: &Asked, answer: &Answer, words: &Words, now: Timestamp) -> Option<StoreError> {
    let Words {
        template,
        text,
        field_name,
        ..
    } = words;
    let says = |start: &str| template.starts_with(start);
    let denied = |remedy: &str| Some(asked.unauthorized(text, remedy));
    if says("Signature method") {
        return Some(asked.unusable(text, METHOD));
    }
    if says("The \"%1\" Oauth version") {
        return Some(asked.unusable(text, CHECK_PROXY));
    }
    if field_name
        .as_deref()
        .is_some_and(|name| name.starts_with("oauth_"))
    {
        return Some(asked.unusable(
            text,
            "let the proxy in front of the shop pass the `Authorization` header unchanged",
        ));
    }
    if says("A consumer having the specified key") || says("Consumer key") {
        return denied(&format!(
            "check `consumer_key`, or the integration was deleted: {NEW_CREDENTIALS}"
        ));
    }
    if says("The signature is invalid") {
        return denied(&signature_remedy(asked));
    }
    if says("Specified token does not exist") || says("The token length") {
        return denied(&format!(
            "check `access_token`, or it was replaced: {NEW_CREDENTIALS}"
        ));
    }
    if says("Token is not associated") {
        return denied(
            "take `access_token` and `consumer_key` from the same integration (System > Extensions > Integrations)",
        );
    }
    if says("Access token has been revoked") {
        return denied(NEW_CREDENTIALS);
    }
    if says("The nonce is already being used") {
        let why = format!("{text} (a proxy sent the request twice)");
        return Some(asked.lost(&why));
    }
    if says("An error occurred validating the nonce") || says("The timestamp value") {
        return Some(skewed(asked, answer, text, now));
    }
    None
}

/// The signature is good, but the integration lacks a right.
fn rights(asked: &Asked, answer: &Answer, words: &Words) -> StoreError {
    let text = &words.text;
    if text.contains("design settings") {
        // Magento\Cms\Model\Page\Authorization: this page alone, for its layout or theme
        return asked.refused(
            answer.status,
            &format!("{text}; tick Content > Elements > Pages > Save Page > Edit Page Design (Magento_Cms::save_design) in the integration's API tab"),
        );
    }
    asked.unauthorized(text, &rights_remedy(words.resources.as_deref()))
}

fn signature_remedy(asked: &Asked) -> String {
    let mut remedy = "check `consumer_secret` and `access_token_secret` (System > Extensions > Integrations in the admin)".to_owned();
    if let Some(port) = asked.url.port() {
        // Debian's fastcgi_params hands PHP the host without its port, and Magento signs that
        remedy.push_str(&format!(
            "; if they are right, the web server hides port {port} from PHP: set `fastcgi_param HTTP_HOST $http_host`"
        ));
    } else {
        remedy.push_str("; if they are right, a proxy changes the host, the scheme or the path: let Magento see them as in `store.url`");
    }
    remedy
}

/// Magento refuses timestamps more than ten minutes ahead, and says the same when its nonce table
/// fails. The answer's `Date` tells one from the other; either way nothing was carried out.
fn skewed(asked: &Asked, answer: &Answer, text: &str, now: Timestamp) -> StoreError {
    let remedy = "set the clocks of this machine and of the shop by NTP: Magento refuses requests from more than 600 s ahead of its own clock";
    let Some(theirs) = answer.date.as_deref().and_then(http_date) else {
        return asked.unauthorized(text, remedy);
    };
    let ahead = now.duration_since(theirs).as_secs();
    // the header has whole seconds and the request took a while: some slack
    if ahead < 590 {
        return asked.unavailable(text, None);
    }
    asked.unauthorized(
        &format!("{text} (this machine's clock is {ahead} s ahead of the store's)"),
        remedy,
    )
}

/// Magento has one answer for a missing right, an inactive integration and a lost header.
fn rights_remedy(resources: Option<&str>) -> String {
    let Some(resources) = resources else {
        return format!(
            "check the integration under System > Extensions > Integrations; {NEW_CREDENTIALS}"
        );
    };
    let place = match resources {
        "Magento_Cms::page" => " (Content > Elements > Pages)",
        "Magento_Cms::save" => " (Content > Elements > Pages > Save Page)",
        "Magento_Cms::page_delete" => " (Content > Elements > Pages > Delete Page)",
        "Magento_Cms::block" => " (Content > Elements > Blocks)",
        "Magento_Catalog::catalog" => " (Catalog)",
        "Magento_Catalog::products" => " (Catalog > Inventory > Products)",
        "Magento_Catalog::attributes_attributes" => " (Stores > Attributes > Product)",
        "Magento_InventoryApi::source" => " (Stores > Inventory > Sources)",
        "Magento_InventoryApi::stock_source_item_assign" => {
            " (Stores > Inventory > Stocks > Source Item Assigning)"
        }
        "Magento_Logging::system_magento_logging_bulk_operations" => {
            " (System > Action Log > Bulk Actions)"
        }
        "Magento_Backend::store" => " (Stores > Settings > All Stores)",
        _ => "",
    };
    format!(
        "under System > Extensions > Integrations in the admin tick {resources}{place} in the integration's API tab and see that the integration is active; if both are so, the web server drops the `Authorization` header"
    )
}

fn unavailable_503(asked: &Asked, answer: &Answer, what: &str, now: Timestamp) -> StoreError {
    let lower = answer.body.to_ascii_lowercase();
    let early = lower.contains("maintenance") || lower.contains("service temporarily unavailable");
    if !early && asked.intent == Intent::Write {
        return asked.lost(&format!("{what} (HTTP 503)"));
    }
    let since = answer.date.as_deref().and_then(http_date).unwrap_or(now);
    let wait = answer
        .retry_after
        .as_deref()
        .and_then(|value| retry_after(value, since));
    let why = if early {
        "the shop is in maintenance mode or overloaded (HTTP 503)".to_owned()
    } else {
        format!("{what} (HTTP 503)")
    };
    asked.unavailable(&why, wait)
}

/// An answer that is not in Magento's form: of the web server, a proxy, a firewall, or a broken PHP.
fn page(asked: &Asked, answer: &Answer, now: Timestamp) -> StoreError {
    let status = answer.status;
    let what = match title(&answer.body) {
        title if title.is_empty() => "an empty answer".to_owned(),
        title => format!("a page that says {title:?}"),
    };
    let why = format!("{what} (HTTP {status})");
    match (status, asked.intent) {
        (401, _) => asked.unauthorized(
            &why,
            "the web server in front of the shop wants a password of its own: exempt `/rest/` from it",
        ),
        // of a write only this content may have displeased a firewall: the other entities go on
        (403, Intent::Write) => asked.refused(
            status,
            &format!("{what}; a firewall in front of the shop blocks it: exempt `/rest/` from its rules"),
        ),
        (403, Intent::Read) => asked.unusable(&why, CHECK_PROXY),
        (404 | 405 | 410, _) => asked.unusable(&why, CHECK_URL),
        (503, _) => unavailable_503(asked, answer, &what, now),
        (408 | 499 | 500..=599, _) => asked.lost(&why),
        _ => asked.refused(status, &what),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#[path = "errors_tests.rs"]
mod tests;
