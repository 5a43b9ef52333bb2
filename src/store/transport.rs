//! The meaning of there being no answer at all: names, connections, TLS, timeouts.

use std::error::Error;

use super::errors::{Asked, CHECK_URL};
use super::words::quote;
use crate::ports::StoreError;

const TRUST: &str = "let the shop send its whole certificate chain for that host name, or name a file with the certificate authority in SSL_CERT_FILE";

/// Returns what a failed attempt means. Of a write it is certain that nothing was sent only where the
/// connection was never made.
pub(super) fn failed(asked: &Asked, error: &reqwest::Error) -> StoreError {
    let chain = causes(error);
    if error.is_builder() {
        return asked.unusable(&chain, CHECK_URL);
    }
    if error.is_connect() {
        return not_reached(asked, &chain, error.is_timeout());
    }
    if error.is_timeout() {
        return asked.lost("no answer in time (`store.timeout`)");
    }
    asked.lost(&format!("the connection was lost ({chain})"))
}

fn not_reached(asked: &Asked, chain: &str, timeout: bool) -> StoreError {
    let host = asked.url.host_str().unwrap_or_default();
    let lower = chain.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["certificate"]) {
        return StoreError::Unusable {
            message: format!("no trusted TLS connection to {host}: {chain}"),
            remedy: TRUST.to_owned(),
        };
    }
    if says(&[
        "corrupt message",
        "invalidcontenttype",
        "fatal alert",
        "peer is incompatible",
    ]) {
        return StoreError::Unusable {
            message: format!("no TLS connection to {host}: {chain}"),
            remedy: format!(
                "check the scheme and port in `store.url`, and that {host} speaks TLS 1.2 or 1.3 there"
            ),
        };
    }
    let why = if timeout {
        "no connection in time".to_owned()
    } else {
        chain.to_owned()
    };
    StoreError::Unavailable {
        message: format!(
            "the store {} is not reached: {why}",
            asked.url.origin().ascii_serialization()
        ),
        retry_after: None,
    }
}

/// The causes, outermost first, each once and without the URL.
fn causes(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // wrappers often repeat what they wrap, and the outermost says nothing
        if !text.starts_with("client error (")
            && said.last().is_none_or(|last| !last.ends_with(&text))
        {
            said.push(text);
        }
        next = cause.source();
    }
    if said.is_empty() {
        said.push("no cause given".to_owned());
    }
    quote(&said.join(": "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use reqwest::Method;

    use super::super::errors::Intent;
    use super::*;

    fn judged(chain: &str, timeout: bool) -> StoreError {
        let asked = Asked {
            intent: Intent::Write,
            method: Method::PUT,
            url: "https://shop.example.com/rest/all/V1/cmsBlock/1"
                .parse()
                .unwrap(),
            scope: "all".to_owned(),
        };
        not_reached(&asked, chain, timeout)
    }

    #[test]
    fn a_certificate_needs_a_person_and_says_what_to_do() {
        let error = judged("invalid peer certificate: UnknownIssuer", false);
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        let text = error.to_string();
        for words in [
            "shop.example.com",
            "UnknownIssuer",
            "SSL_CERT_FILE",
            "chain",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn names_and_connections_come_back_by_themselves() {
        let chains = [
            (
                "dns error: failed to lookup address information: Name or service not known",
                false,
                "Name or service not known",
            ),
            (
                "tcp connect error: Connection refused (os error 111)",
                false,
                "refused",
            ),
            ("tls handshake eof", false, "handshake eof"),
            ("operation timed out", true, "no connection in time"),
        ];
        for (chain, timeout, told) in chains {
            let error = judged(chain, timeout);
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains(told), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("https://shop.example.com is not reached"),
                "{error}"
            );
        }
    }
}
