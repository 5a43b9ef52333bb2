//! A client that signs as the real store demands, written apart from the program's own.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use gitmage::sandbox::Sandbox;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use sha2::Sha256;

/// How a request is signed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signing {
    pub(crate) consumer_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) token_secret: String,
    pub(crate) method: &'static str,
    pub(crate) nonce: String,
}

static NONCES: AtomicU64 = AtomicU64::new(1);

impl Signing {
    /// Proper credentials and a nonce of its own.
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let credentials = sandbox.credentials();
        Self::of([
            credentials.consumer_key.expose_secret(),
            credentials.consumer_secret.expose_secret(),
            credentials.access_token.expose_secret(),
            credentials.access_token_secret.expose_secret(),
        ])
    }

    /// The same of the four values of an integration, and a nonce of its own.
    pub(crate) fn of([consumer_key, secret, token, token_secret]: [&str; 4]) -> Self {
        Self {
            consumer_key: consumer_key.to_owned(),
            secret: secret.to_owned(),
            token: token.to_owned(),
            token_secret: token_secret.to_owned(),
            method: "HMAC-SHA256",
            nonce: format!("{:032x}", NONCES.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The Authorization header of a request.
    pub(crate) fn header(&self, method: &str, url: &str) -> String {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let now = jiff::Timestamp::now().as_second().to_string();
        let oauth = [
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", self.nonce.as_str()),
            ("oauth_signature_method", self.method),
            ("oauth_timestamp", now.as_str()),
            ("oauth_token", self.token.as_str()),
            ("oauth_version", "1.0"),
        ];
        let mut pairs: Vec<(String, String)> = oauth
            .iter()
            .map(|(name, value)| (encode(name), encode(value)))
            .chain(
                query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(name, value)| (encode(&decode(name)), encode(&decode(value)))),
            )
            .collect();
        pairs.sort_by_key(|(name, _)| natural(name));
        let joined: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let base = format!("{method}&{}&{}", encode(base), encode(&joined.join("&")));
        let key = format!("{}&{}", encode(&self.secret), encode(&self.token_secret));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key will do");
        mac.update(base.as_bytes());
        let signature =
            base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        let mut header = "OAuth ".to_owned();
        for (name, value) in oauth {
            header += &format!("{name}=\"{}\", ", encode(value));
        }
        header + &format!("oauth_signature=\"{}\"", encode(&signature))
    }
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .expect("UTF-8")
        .into_owned()
}

/// A key that sorts names as natural order does: numbers padded to one width.
fn natural(name: &str) -> String {
    let mut key = String::new();
    let mut number = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if !number.is_empty() {
            key += &format!("{:0>20}", std::mem::take(&mut number));
        }
        key.push(c);
    }
    key
}
