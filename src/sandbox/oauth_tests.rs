use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::sandbox::reply::Reply;

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

impl Case {
    fn signed(&self) -> Signed<'_> {
        let (url, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let at = url.find("/rest").unwrap();
        Signed {
            method: &self.method,
            origin: &url[..at],
            path: &url[at..],
            query,
        }
    }

    fn header(&self) -> String {
        let mut header = "OAuth ".to_owned();
        for (name, value) in &self.oauth {
            header.push_str(&format!("{name}=\"{}\", ", encode(value)));
        }
        header + &format!("oauth_signature=\"{}\"", encode(&self.signature))
    }
}

const NOW: i64 = 1_700_000_000;

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../tests/oauth-vectors.json")).unwrap()
}

fn verifier(vectors: &Vectors) -> Verifier {
    let secret = |name: &str| SecretString::from(vectors.credentials[name].clone());
    Verifier::new(Credentials {
        consumer_key: secret("consumer_key"),
        consumer_secret: secret("consumer_secret"),
        access_token: secret("access_token"),
        access_token_secret: secret("access_token_secret"),
    })
}

/// The first case with one thing changed in its header; the answer's status and body.
fn refusal(change: impl Fn(String) -> String, conditions: Conditions) -> (u16, Value) {
    let vectors = vectors();
    let case = &vectors.cases[0];
    let header = change(case.header());
    let problem = verifier(&vectors)
        .verify(Some(&header), case.signed(), conditions, NOW)
        .unwrap()
        .unwrap_err();
    let reply = Reply::from(problem);
    (reply.status, serde_json::from_str(&reply.body).unwrap())
}

#[test]
fn the_recorded_signatures_are_accepted() {
    let vectors = vectors();
    assert_eq!(vectors.cases.len(), 16);
    for case in &vectors.cases {
        assert_eq!(
            base_string(case.signed(), &case.oauth),
            case.base_string,
            "{}",
            case.name
        );
        let verdict = verifier(&vectors).verify(
            Some(&case.header()),
            case.signed(),
            Conditions::default(),
            NOW,
        );
        assert_eq!(verdict, Some(Ok(())), "{}", case.name);
    }
}

#[test]
fn a_nonce_is_used_up_by_a_bad_signature_too() {
    let vectors = vectors();
    let case = &vectors.cases[0];
    let mut verifier = verifier(&vectors);
    let bad = case.header().replace("faEHf", "faEHg");
    let mut status = |header: &str| {
        let problem = verifier
            .verify(Some(header), case.signed(), Conditions::default(), NOW)
            .unwrap()
            .unwrap_err();
        Reply::from(problem).body
    };
    assert!(status(&bad).contains("The signature is invalid."));
    assert!(status(&case.header()).contains("The nonce is already being used"));
}

#[test]
fn each_refusal_has_its_words() {
    let cases: [(&str, &str, u16, &str); 11] = [
        (
            "HMAC-SHA256",
            "HMAC-SHA1",
            400,
            "Signature method %1 is not supported",
        ),
        (
            "ck0123456789abcdef0123456789abcd",
            "ck0123456789abcdef0123456789abce",
            401,
            "A consumer having the specified key does not exist",
        ),
        (
            "ck0123456789abcdef0123456789abcd",
            "ck",
            401,
            "Consumer key is not the correct length",
        ),
        (
            "atfedcba9876543210fedcba98765432",
            "atfedcba9876543210fedcba98765431",
            401,
            "Specified token does not exist",
        ),
        (
            "atfedcba9876543210fedcba98765432",
            "at",
            400,
            "The token length is invalid. Check the length and try again.",
        ),
        (
            "faEHf",
            "faEHg",
            401,
            "The signature is invalid. Verify and try again.",
        ),
        (
            "1700000000",
            "1700000601",
            401,
            "An error occurred validating the nonce",
        ),
        (
            "1700000000",
            "0",
            401,
            "An error occurred validating the nonce",
        ),
        (
            "1700000000",
            "abc",
            401,
            "An error occurred validating the nonce",
        ),
        (
            "\"1.0\"",
            "\"2.0\"",
            400,
            "The \"%1\" Oauth version isn't supported.",
        ),
        (
            "oauth_nonce",
            "oauth_once",
            400,
            "\"%fieldName\" is required. Enter and try again.",
        ),
    ];
    for (from, to, status, message) in cases {
        let (got, body) = refusal(|h| h.replace(from, to), Conditions::default());
        assert_eq!(
            (got, body["message"].as_str().unwrap()),
            (status, message),
            "{from} -> {to}"
        );
    }
}

#[test]
fn an_old_timestamp_is_accepted() {
    let vectors = vectors();
    let case = &vectors.cases[0];
    let verdict = verifier(&vectors).verify(
        Some(&case.header()),
        case.signed(),
        Conditions::default(),
        NOW + 30 * 86_400,
    );
    assert_eq!(verdict, Some(Ok(())));
}

#[test]
fn what_an_administrator_did() {
    let revoked = Conditions {
        revoked: true,
        ..Conditions::default()
    };
    assert_eq!(
        refusal(|h| h, revoked).1["message"],
        "Access token has been revoked"
    );
    let old = Conditions {
        sha1_only: true,
        ..Conditions::default()
    };
    assert_eq!(refusal(|h| h, old).1["parameters"], json!(["HMAC-SHA256"]));
}

#[test]
fn other_schemes_are_no_attempt() {
    let vectors = vectors();
    for header in [
        None,
        Some("Bearer atfedcba9876543210fedcba98765432"),
        Some("x"),
        Some("OAuth x"),
    ] {
        let verdict = verifier(&vectors).verify(
            header,
            vectors.cases[0].signed(),
            Conditions::default(),
            NOW,
        );
        assert_eq!(verdict, None, "{header:?}");
    }
}

#[test]
fn credentials_are_fresh_and_do_not_print() {
    let (a, b) = (
        Credentials::random().unwrap(),
        Credentials::random().unwrap(),
    );
    let text = a.consumer_secret.expose_secret();
    assert_eq!(text.len(), 32);
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_ne!(text, b.consumer_secret.expose_secret());
    assert!(!format!("{a:?}").contains(text));
}
