//! OAuth 1.0a as Magento 2.4.7 verifies it, where it departs from RFC 5849 too.
//!
//! The order of the checks matters: the nonce is used up before the signature is looked at.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::Sha256;

use super::natural;
use super::reply::Problem;

/// The secrets that an integration signs with. New ones are made at every start.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Names the consumer.
    pub consumer_key: SecretString,
    /// First half of the signing key.
    pub consumer_secret: SecretString,
    /// Names the access token.
    pub access_token: SecretString,
    /// Second half of the signing key.
    pub access_token_secret: SecretString,
}

impl Credentials {
    /// Four random texts of 32 letters and digits.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self {
            consumer_key: random_text()?,
            consumer_secret: random_text()?,
            access_token: random_text()?,
            access_token_secret: random_text()?,
        })
    }
}

fn random_text() -> Result<SecretString, getrandom::Error> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(32);
    let mut bytes = [0; 64];
    while text.len() < 32 {
        getrandom::fill(&mut bytes)?;
        // 252 is the greatest multiple of 36 in a byte: the rest would favour some letters.
        let fair = bytes.iter().filter(|byte| **byte < 252);
        text.extend(fair.map(|byte| char::from(LETTERS[usize::from(byte % 36)])));
        text.truncate(32);
    }
    Ok(text.into())
}

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// `http://host:port`, from the Host header.
    pub(super) origin: &'a str,
    /// As sent.
    pub(super) path: &'a str,
    /// As sent, without the question mark.
    pub(super) query: &'a str,
}

/// The changes that an administrator may have made to the integration.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    /// The token was revoked.
    pub(super) revoked: bool,
    /// A Magento before 2.4.4, which knows HMAC-SHA1 only.
    pub(super) sha1_only: bool,
}

/// The one consumer with its token, and the nonces it has used.
#[derive(Debug)]
pub(super) struct Verifier {
    credentials: Credentials,
    nonces: HashSet<String>,
}

/// Parameters of the Authorization header.
type Protocol = BTreeMap<String, String>;

const REQUIRED: [&str; 6] = [
    "oauth_consumer_key",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_nonce",
    "oauth_timestamp",
    "oauth_token",
];

/// The furthest that a timestamp may lie in the future, in seconds. The past is not limited.
const TIME_DEVIATION: i64 = 600;

impl Verifier {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            nonces: HashSet::new(),
        }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Checks whether the request is signed by the consumer. `None` when it makes no attempt to.
    pub(super) fn verify(
        &mut self,
        authorization: Option<&str>,
        signed: Signed<'_>,
        conditions: Conditions,
        now: i64,
    ) -> Option<Result<(), Problem>> {
        let header = authorization?;
        let scheme = header.get(..6)?;
        if !scheme.eq_ignore_ascii_case("oauth ") {
            return None;
        }
        let protocol = header_parameters(&header[6..]);
        if protocol.is_empty() {
            return None;
        }
        Some(self.check(&protocol, signed, conditions, now))
    }

    fn check(
        &mut self,
        protocol: &Protocol,
        signed: Signed<'_>,
        conditions: Conditions,
        now: i64,
    ) -> Result<(), Problem> {
        check_protocol(protocol, conditions)?;
        let parameter = |name: &str| protocol.get(name).map_or("", String::as_str);

        let consumer_key = parameter("oauth_consumer_key");
        if consumer_key.len() != 32 {
            return Err(unauthorized("Consumer key is not the correct length"));
        }
        if consumer_key != self.credentials.consumer_key.expose_secret() {
            return Err(unauthorized(
                "A consumer having the specified key does not exist",
            ));
        }

        let timestamp = super::php::int(parameter("oauth_timestamp"));
        if timestamp <= 0 || timestamp > now.saturating_add(TIME_DEVIATION) {
            return Err(unauthorized("An error occurred validating the nonce"));
        }
        if !self.nonces.insert(parameter("oauth_nonce").to_owned()) {
            return Err(Problem::with(
                401,
                "The nonce is already being used by the consumer with ID %1",
                json!(["1"]),
            ));
        }

        if parameter("oauth_token") != self.credentials.access_token.expose_secret() {
            return Err(unauthorized("Specified token does not exist"));
        }
        if conditions.revoked {
            return Err(unauthorized("Access token has been revoked"));
        }
        let base = base_string(signed, protocol);
        if parameter("oauth_signature") != sign(&base, &self.credentials)? {
            return Err(unauthorized(
                "The signature is invalid. Verify and try again.",
            ));
        }
        Ok(())
    }
}

fn check_protocol(protocol: &Protocol, conditions: Conditions) -> Result<(), Problem> {
    if let Some(version) = protocol.get("oauth_version").filter(|v| *v != "1.0") {
        return Err(Problem::with(
            400,
            "The \"%1\" Oauth version isn't supported.",
            json!([version]),
        ));
    }
    if let Some(missing) = REQUIRED.iter().find(|name| !protocol.contains_key(**name)) {
        return Err(Problem::required(missing));
    }
    let parameter = |name: &str| protocol.get(name).map_or("", String::as_str);
    if parameter("oauth_token").len() != 32 {
        return Err(Problem::new(
            400,
            "The token length is invalid. Check the length and try again.",
        ));
    }
    let method = parameter("oauth_signature_method");
    if conditions.sha1_only || method != "HMAC-SHA256" {
        return Err(Problem::with(
            400,
            "Signature method %1 is not supported",
            json!([method]),
        ));
    }
    Ok(())
}

fn unauthorized(message: &str) -> Problem {
    Problem::new(401, message)
}

/// `a="b", c="d"`, with or without the space; names that are not OAuth's are left out.
fn header_parameters(list: &str) -> Protocol {
    list.split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| name.contains("oauth_"))
        .map(|(name, value)| (decode(name), decode(value.trim_matches('"'))))
        .collect()
}

/// The text that is signed: method, URL and all parameters but the signature.
fn base_string(signed: Signed<'_>, protocol: &Protocol) -> String {
    let mut parameters: BTreeMap<String, String> = signed
        .query
        .split('&')
        // A pair with more or fewer than one `=` is lost to Magento.
        .filter(|pair| pair.matches('=').count() == 1)
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    parameters.extend(
        protocol
            .iter()
            .filter(|(name, _)| *name != "oauth_signature")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let mut pairs: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    natural::sort(&mut pairs);
    let joined = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&");
    let url = format!("{}{}", signed.origin, normal_path(signed.path));
    format!("{}&{}&{}", signed.method, encode(&url), encode(&joined))
}

fn sign(base: &str, credentials: &Credentials) -> Result<String, Problem> {
    let key = format!(
        "{}&{}",
        encode(credentials.consumer_secret.expose_secret()),
        encode(credentials.access_token_secret.expose_secret())
    );
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| Problem::internal(0))?;
    mac.update(base.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

/// RFC 3986's unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The path as Magento signs it: escapes of unreserved characters and of `,+&=@:;$/` are decoded,
/// the others stay as sent.
fn normal_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let Some(escape) = rest.get(at..at + 3) else {
            break;
        };
        match u8::from_str_radix(&escape[1..], 16) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~,+&=@:;$/".contains(&byte) => {
                out.push(char::from(byte));
            }
            // Writing to a string does not fail.
            Ok(byte) => drop(write!(out, "%{byte:02X}")),
            Err(_) => out.push_str(escape),
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#[path = "oauth_tests.rs"]
mod tests;
