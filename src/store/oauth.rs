//! Signatures: OAuth 1.0a with HMAC-SHA256, as Magento verifies them.
//!
//! Magento's base string is not quite RFC 5849's, and a signature made by the book is refused:
//! - parameters are sorted by their encoded names in PHP's natural order, not by bytes;
//! - some escapes in the path are taken back before signing ([`signed_path`]);
//! - `oauth1-request` encodes values but not names, so names are handed to it encoded twice.
//!
//! A nonce is used up even by a refused request, so nothing signed is ever sent again.

mod natural_order;

use std::cmp::Ordering;
use std::fmt::{self, Display, Write as _};
use std::num::NonZeroU64;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use oauth1_request::signature_method::{Sign, SignatureMethod};
use oauth1_request::{Builder, Credentials as Pair, ParameterList};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::Credentials;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// RFC 3986 encoding: everything but the unreserved characters. The one encoding of query strings.
pub(super) fn encode(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}

/// Signs requests.
pub(super) struct Signer {
    credentials: Credentials,
    /// Seconds since 1970.
    now: fn() -> u64,
}

impl Signer {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            now: seconds_since_1970,
        }
    }

    /// The value of the `Authorization` header for one attempt.
    ///
    /// # Errors
    /// Fails when the system has no randomness to give.
    pub(super) fn authorization(
        &self,
        method: &str,
        url: &Url,
    ) -> Result<String, getrandom::Error> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random)?;
        let nonce = random.iter().fold(String::new(), |mut hex, byte| {
            // writing to a String cannot fail
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let timestamp = NonZeroU64::new((self.now)()).unwrap_or(NonZeroU64::MIN);
        Ok(self.sign(method, url, &nonce, timestamp, HmacSha256))
    }

    fn sign<M: SignatureMethod + Clone>(
        &self,
        method: &str,
        url: &Url,
        nonce: &str,
        timestamp: NonZeroU64,
        signature_method: M,
    ) -> String {
        let Credentials {
            consumer_key,
            consumer_secret,
            access_token,
            access_token_secret,
        } = &self.credentials;
        let consumer = Pair::new(
            consumer_key.expose_secret(),
            consumer_secret.expose_secret(),
        );
        let token = Pair::new(
            access_token.expose_secret(),
            access_token_secret.expose_secret(),
        );
        Builder::new(consumer, signature_method)
            .token(token)
            .nonce(nonce)
            .timestamp(timestamp)
            .version(true)
            .authorize(method, signed_url(url), &signed_query(url))
    }
}

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |elapsed| elapsed.as_secs())
}

/// Scheme, host, port where it is not the scheme's own, and path: as the store sees them.
fn signed_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", url.scheme(), signed_path(url.path()))
}

/// Magento decodes `,+&=@:;$/` and the unreserved characters in a path before it verifies, and
/// leaves all other escapes as they were sent.
fn signed_path(path: &str) -> String {
    let mut signed = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        signed.push_str(before);
        let decoded = escape
            .get(1..3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .map(char::from)
            .filter(|c| c.is_ascii_alphanumeric() || ",+&=@:;$/-._~".contains(*c));
        match decoded {
            Some(c) => {
                signed.push(c);
                rest = &escape[3..];
            }
            None => {
                signed.push('%');
                rest = &escape[1..];
            }
        }
    }
    signed.push_str(rest);
    signed
}

/// The query's parameters, each name encoded twice and each value plain, as the serializer wants them.
fn signed_query(url: &Url) -> ParameterList<String, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = url
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let once = encode(&decode(name)).to_string();
            (encode(&once).to_string(), decode(value))
        });
    ParameterList::new(pairs.collect())
}

/// HMAC-SHA256, the one method that Magento 2.4.4 and later accept.
#[derive(Clone, Copy)]
struct HmacSha256;

impl SignatureMethod for HmacSha256 {
    type Sign = HmacSha256Sign;

    fn sign_with(self, client_secret: &str, token_secret: Option<&str>) -> HmacSha256Sign {
        let key = format!(
            "{}&{}",
            encode(client_secret),
            encode(token_secret.unwrap_or_default())
        );
        // A key longer than the block is hashed first and a shorter one filled up with zeros, as
        // HMAC says; with exactly one block the constructor cannot fail.
        let mut block = [0_u8; 64];
        if key.len() > block.len() {
            block[..32].copy_from_slice(&Sha256::digest(key.as_bytes()));
        } else {
            block[..key.len()].copy_from_slice(key.as_bytes());
        }
        HmacSha256Sign {
            mac: Hmac::new(&block.into()),
            method: String::new(),
            uri: String::new(),
            parameters: Vec::new(),
        }
    }
}

/// Collects the parts of a base string, because the serializer's order is not Magento's.
struct HmacSha256Sign {
    mac: Hmac<Sha256>,
    method: String,
    uri: String,
    /// Names encoded once (what Magento sorts by) and values encoded twice, in natural order.
    parameters: Vec<(String, String)>,
}

impl HmacSha256Sign {
    fn base_string(&self) -> String {
        let mut base = format!("{}&{}&", self.method, self.uri);
        for (i, (name, value)) in self.parameters.iter().enumerate() {
            if i > 0 {
                base.push_str("%26");
            }
            base.push_str(&name.replace('%', "%25"));
            base.push_str("%3D");
            base.push_str(value);
        }
        base
    }
}

impl Sign for HmacSha256Sign {
    type Signature = Signature;

    fn get_signature_method_name(&self) -> &'static str {
        "HMAC-SHA256"
    }

    fn request_method(&mut self, method: &str) {
        method.clone_into(&mut self.method);
    }

    fn uri<T: Display>(&mut self, uri: T) {
        self.uri = uri.to_string();
    }

    fn parameter<V: Display>(&mut self, key: &str, value: V) {
        let name = key.replace("%25", "%");
        // Inserted one by one, not sorted at the end: PHP's order is not total for every input,
        // and a sort may panic on one that is not.
        let at = self.parameters.partition_point(|(other, _)| {
            natural_order::compare(other, &name) != Ordering::Greater
        });
        self.parameters.insert(at, (name, value.to_string()));
    }

    fn delimiter(&mut self) {}

    fn end(mut self) -> Signature {
        let base = self.base_string();
        self.mac.update(base.as_bytes());
        Signature(STANDARD.encode(self.mac.finalize().into_bytes()))
    }
}

/// A signature in base64; displayed as it stands in the header, percent-encoded.
struct Signature(String);

impl Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", encode(&self.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        credentials: BTreeMap<String, String>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        method: String,
        url: String,
        oauth: BTreeMap<String, String>,
        base_string: String,
        signature: String,
    }

    /// [`HmacSha256`], and a look at what it signs.
    #[derive(Clone)]
    struct Watched(Rc<RefCell<String>>);

    struct WatchedSign(HmacSha256Sign, Rc<RefCell<String>>);

    impl SignatureMethod for Watched {
        type Sign = WatchedSign;
        fn sign_with(self, client_secret: &str, token_secret: Option<&str>) -> WatchedSign {
            WatchedSign(HmacSha256.sign_with(client_secret, token_secret), self.0)
        }
    }

    impl Sign for WatchedSign {
        type Signature = Signature;
        fn get_signature_method_name(&self) -> &'static str {
            self.0.get_signature_method_name()
        }
        fn request_method(&mut self, method: &str) {
            self.0.request_method(method);
        }
        fn uri<T: Display>(&mut self, uri: T) {
            self.0.uri(uri);
        }
        fn parameter<V: Display>(&mut self, key: &str, value: V) {
            self.0.parameter(key, value);
        }
        fn delimiter(&mut self) {}
        fn end(self) -> Signature {
            *self.1.borrow_mut() = self.0.base_string();
            self.0.end()
        }
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../tests/oauth-vectors.json")).unwrap()
    }

    fn signer(credentials: &BTreeMap<String, String>) -> Signer {
        let secret = |name: &str| credentials[name].clone().into();
        Signer::new(Credentials {
            consumer_key: secret("consumer_key"),
            consumer_secret: secret("consumer_secret"),
            access_token: secret("access_token"),
            access_token_secret: secret("access_token_secret"),
        })
    }

    #[test]
    fn the_signatures_are_the_ones_that_magento_accepted() {
        let vectors = vectors();
        assert_eq!(vectors.cases.len(), 16);
        let signer = signer(&vectors.credentials);
        for case in &vectors.cases {
            let base = Rc::new(RefCell::new(String::new()));
            let header = signer.sign(
                &case.method,
                &case.url.parse().unwrap(),
                &case.oauth["oauth_nonce"],
                case.oauth["oauth_timestamp"].parse().unwrap(),
                Watched(Rc::clone(&base)),
            );
            assert_eq!(*base.borrow(), case.base_string, "{}", case.name);
            let mut sent: BTreeMap<String, String> = header
                .strip_prefix("OAuth ")
                .unwrap()
                .split(',')
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
                .collect();
            let signature = sent.remove("oauth_signature").unwrap();
            let signature = percent_decode_str(&signature).decode_utf8().unwrap();
            assert_eq!(signature, case.signature, "{}", case.name);
            assert_eq!(sent, case.oauth, "{}", case.name);
        }
    }

    #[test]
    fn every_attempt_has_its_own_nonce() {
        let signer = signer(&vectors().credentials);
        let url = "https://shop.example.com/rest/all/V1/cmsPage/1"
            .parse()
            .unwrap();
        let headers = [0; 2].map(|_| signer.authorization("GET", &url).unwrap());
        assert_ne!(headers[0], headers[1]);
        let nonce = headers[0].split("oauth_nonce=\"").nth(1).unwrap();
        let (nonce, _) = nonce.split_once('"').unwrap();
        assert_eq!(nonce.len(), 32);
    }

    #[test]
    fn a_secret_longer_than_a_block_is_hashed() {
        let sign = |secret: &str| {
            let mut sign = HmacSha256.sign_with(secret, Some(""));
            sign.request_method("GET");
            sign.uri("u");
            sign.end().0
        };
        // the key is the secret and an ampersand; 63 characters fill the block exactly
        let long = "s".repeat(70);
        let digest = Sha256::digest(format!("{long}&"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&digest).unwrap();
        mac.update(b"GET&u&");
        assert_eq!(sign(&long), STANDARD.encode(mac.finalize().into_bytes()));
        let mut mac =
            Hmac::<Sha256>::new_from_slice(format!("{}&", "s".repeat(63)).as_bytes()).unwrap();
        mac.update(b"GET&u&");
        assert_eq!(
            sign(&"s".repeat(63)),
            STANDARD.encode(mac.finalize().into_bytes())
        );
    }

    #[test]
    fn a_port_of_its_own_is_signed_and_the_scheme_s_is_not() {
        let url = |text: &str| signed_url(&text.parse().unwrap());
        assert_eq!(
            url("http://127.0.0.1:8080/rest/x"),
            "http://127.0.0.1:8080/rest/x"
        );
        assert_eq!(
            url("https://shop.example.com:443/x"),
            "https://shop.example.com/x"
        );
    }

    #[test]
    fn the_path_is_decoded_where_magento_does() {
        assert_eq!(
            signed_path("/a%2Fb%2c%31%20%25%C3%BC%5B"),
            "/a/b,1%20%25%C3%BC%5B"
        );
        assert_eq!(signed_path("/a%2"), "/a%2");
        assert_eq!(signed_path("/a%ü"), "/a%ü");
    }
}
