//! Every kind of refusal, and what is made of it.

use serde_json::{Value, json};

use super::Intent::{Read, Write};
use super::*;

const MAINTENANCE: &str = "<!doctype html><html><head><title>503 Service Temporarily Unavailable</title></head><body><h1>Service Temporarily Unavailable</h1><p>The server is temporarily unable to service your request due to maintenance downtime or capacity problems.</p></body></html>";

fn asked(intent: Intent) -> Asked {
    Asked {
        intent,
        method: match intent {
            Read => Method::GET,
            Write => Method::PUT,
        },
        url: Url::parse("https://shop.example.com/rest/de/V1/cmsPage/12").unwrap(),
        scope: "de".to_owned(),
    }
}

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.to_owned(),
        ..Answer::default()
    }
}

fn judged(intent: Intent, status: u16, body: &str) -> StoreError {
    classify(&asked(intent), &answer(status, body), now())
}

fn name(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::InDoubt { .. } => "in doubt",
        StoreError::Contended { .. } => "contended",
        StoreError::Unauthorized { .. } => "unauthorized",
        StoreError::Unusable { .. } => "unusable",
        StoreError::Refused { .. } => "refused",
        StoreError::Gone { .. } => "gone",
    }
}

fn said(message: &str) -> Value {
    json!({ "message": message })
}

/// Status, body, what it is for a read and for a write, and what is told.
type Row<'a> = (u16, String, &'static str, &'static str, &'a [&'a str]);

fn row<'a>(
    status: u16,
    body: Value,
    read: &'static str,
    write: &'static str,
    told: &'a [&'a str],
) -> Row<'a> {
    (status, body.to_string(), read, write, told)
}

fn both<'a>(status: u16, body: Value, kind: &'static str, told: &'a [&'a str]) -> Row<'a> {
    row(status, body, kind, kind, told)
}

fn check(rows: &[Row<'_>]) {
    for (status, body, read, write, told) in rows {
        for (intent, expected) in [(Read, read), (Write, write)] {
            let error = judged(intent, *status, body);
            assert_eq!(
                name(&error),
                *expected,
                "{intent:?} {status} {body}: {error}"
            );
            for words in *told {
                assert!(error.to_string().contains(words), "{words:?} in {error}");
            }
        }
    }
}

#[test]
fn every_oauth_refusal_says_which_value_to_look_at() {
    let rights = |resource: &str| json!({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": resource}});
    check(&[
        both(
            400,
            json!({"message": "Signature method %1 is not supported", "parameters": ["HMAC-SHA256"]}),
            "unusable",
            &[
                "Signature method HMAC-SHA256 is not supported",
                "HMAC-SHA1",
                "2.4.4",
            ],
        ),
        both(
            401,
            said("A consumer having the specified key does not exist"),
            "unauthorized",
            &["consumer_key"],
        ),
        both(
            401,
            said("Consumer key is not the correct length"),
            "unauthorized",
            &["consumer_key"],
        ),
        both(
            401,
            said("The signature is invalid. Verify and try again."),
            "unauthorized",
            &["consumer_secret", "access_token_secret"],
        ),
        both(
            401,
            said("Specified token does not exist"),
            "unauthorized",
            &["access_token", "System > Extensions > Integrations"],
        ),
        both(
            400,
            said("The token length is invalid. Check the length and try again."),
            "unauthorized",
            &["access_token"],
        ),
        both(
            401,
            said("Token is not associated with the specified consumer"),
            "unauthorized",
            &["same integration"],
        ),
        both(
            401,
            said("Access token has been revoked"),
            "unauthorized",
            &["revoked", "reauthorize"],
        ),
        both(
            401,
            json!({"message": "You are not allowed to change CMS pages design settings"}),
            "refused",
            &[
                "design settings",
                "Magento_Cms::save_design",
                "Edit Page Design",
            ],
        ),
        both(
            401,
            rights("Magento_Cms::page"),
            "unauthorized",
            &[
                "isn't authorized to access Magento_Cms::page",
                "API tab",
                "Content > Elements > Pages",
                "active",
            ],
        ),
        both(
            401,
            rights("Magento_Backend::store"),
            "unauthorized",
            &["Stores > Settings > All Stores"],
        ),
        both(
            401,
            rights("Vendor_Module::thing"),
            "unauthorized",
            &["tick Vendor_Module::thing in"],
        ),
        both(401, said("Ein Fehler"), "unauthorized", &["Ein Fehler"]),
        both(
            400,
            json!({"message": "The \"%1\" Oauth version isn't supported.", "parameters": ["2.0"]}),
            "unusable",
            &["\"2.0\""],
        ),
        both(
            400,
            json!({"message": "\"%fieldName\" is required. Enter and try again.", "parameters": {"fieldName": "oauth_nonce"}}),
            "unusable",
            &["Authorization"],
        ),
    ]);
}

#[test]
fn a_nonce_seen_before_leaves_a_write_in_doubt() {
    let body = json!({"message": "The nonce is already being used by the consumer with ID %1", "parameters": ["1"]});
    check(&[(
        401,
        body.to_string(),
        "unavailable",
        "in doubt",
        &["consumer with ID 1", "twice"],
    )]);
}

#[test]
fn a_clock_that_is_ahead_is_told_from_a_passing_fault() {
    let judged = |date: Option<&str>| {
        let mut answer = answer(
            401,
            &said("An error occurred validating the nonce").to_string(),
        );
        answer.date = date.map(ToOwned::to_owned);
        classify(&asked(Write), &answer, now())
    };
    let error = judged(Some("Sat, 21 Nov 2026 09:40:00 GMT"));
    assert_eq!(name(&error), "unauthorized");
    assert!(error.to_string().contains("1200 s ahead"), "{error}");
    assert!(error.to_string().contains("600 s"), "{error}");
    assert_eq!(
        name(&judged(Some("Sat, 21 Nov 2026 09:59:59 GMT"))),
        "unavailable"
    );
    assert_eq!(name(&judged(None)), "unauthorized");
}

#[test]
fn a_signature_refused_on_a_port_of_its_own_points_at_the_host_header() {
    let mut asked = asked(Read);
    asked.url.set_port(Some(8080)).unwrap();
    let body = said("The signature is invalid. Verify and try again.").to_string();
    let error = classify(&asked, &answer(401, &body), now());
    assert!(
        error.to_string().contains("fastcgi_param HTTP_HOST"),
        "{error}"
    );
}

#[test]
fn the_store_s_own_refusals_keep_their_words() {
    check(&[
        row(
            400,
            json!({"message": "Could not save the page: %1", "parameters": ["URL key for specified store already exists."]}),
            "refused",
            "refused",
            &[
                "/rest/de/V1/cmsPage/12: Could not save the page: URL key for specified store already exists.",
                "(HTTP 400)",
            ],
        ),
        row(
            400,
            json!({"message": "Could not save the page: %1", "parameters": ["Something went wrong while saving the page."]}),
            "unavailable",
            "contended",
            &["Something went wrong"],
        ),
        row(
            400,
            said("Could not save Source Item Configuration"),
            "unavailable",
            "contended",
            &[],
        ),
        row(
            500,
            said(
                "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock",
            ),
            "unavailable",
            "contended",
            &[],
        ),
        row(
            404,
            json!({"message": "The CMS page with the \"%1\" ID doesn't exist.", "parameters": [29]}),
            "gone",
            "gone",
            &["\"29\""],
        ),
        row(
            404,
            said("Request does not match any route."),
            "unusable",
            "unusable",
            &["route"],
        ),
        row(
            405,
            said("The PUT HTTP method is not supported."),
            "unusable",
            "unusable",
            &[],
        ),
        row(
            400,
            said("Specified request cannot be processed."),
            "refused",
            "refused",
            &["no active view \"de\""],
        ),
        row(
            400,
            json!({"message": "Invalid", "errors": [{"message": "%1 is bad", "parameters": ["rate"]}]}),
            "refused",
            "refused",
            &["Invalid; rate is bad"],
        ),
        row(
            500,
            said("Internal Error. Details are available in Magento log file. Report ID: webapi-67"),
            "refused",
            "refused",
            &["webapi-67", "var/report", "var/log", "(HTTP 500)"],
        ),
    ]);
}

#[test]
fn what_is_not_magento_s_is_told_by_its_title() {
    let page = |title: &str| format!("<html><head><title>{title}</title></head></html>");
    check(&[
        (
            502,
            page("502 Bad Gateway"),
            "unavailable",
            "in doubt",
            &["502 Bad Gateway", "(HTTP 502)"],
        ),
        (
            504,
            page("504 Gateway Time-out"),
            "unavailable",
            "in doubt",
            &["504 Gateway Time-out"],
        ),
        (
            502,
            said("upstream").to_string(),
            "unavailable",
            "in doubt",
            &["upstream"],
        ),
        (522, page("shop | 522"), "unavailable", "in doubt", &["522"]),
        (
            503,
            MAINTENANCE.to_owned(),
            "unavailable",
            "unavailable",
            &["maintenance mode"],
        ),
        (
            503,
            page("503 Backend fetch failed"),
            "unavailable",
            "in doubt",
            &["Backend fetch failed"],
        ),
        (
            500,
            page("Error 500"),
            "unavailable",
            "in doubt",
            &["Error 500"],
        ),
        (
            408,
            String::new(),
            "unavailable",
            "in doubt",
            &["empty answer"],
        ),
        (
            413,
            page("413 Request Entity Too Large"),
            "refused",
            "refused",
            &["client_max_body_size", "(HTTP 413)"],
        ),
        (
            414,
            page("414 Request-URI Too Large"),
            "refused",
            "refused",
            &["large_client_header_buffers"],
        ),
        (
            401,
            page("401 Authorization Required"),
            "unauthorized",
            "unauthorized",
            &["password"],
        ),
        (
            403,
            page("Attention Required! | Cloudflare"),
            "unusable",
            "refused",
            &["Attention Required!", "firewall"],
        ),
        (
            404,
            page("404 Not Found"),
            "unusable",
            "unusable",
            &["404 Not Found", "`store.url`"],
        ),
    ]);
}

#[test]
fn retry_after_is_handed_on() {
    let wait = |status, body: &str, value: &str, date: Option<&str>| {
        let mut answer = answer(status, body);
        answer.retry_after = Some(value.to_owned());
        answer.date = date.map(ToOwned::to_owned);
        match classify(&asked(Write), &answer, now()) {
            StoreError::Unavailable { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        }
    };
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(wait(429, "", "7", None), seconds(7));
    assert_eq!(
        wait(429, "", "Sat, 21 Nov 2026 10:00:09 GMT", None),
        seconds(9)
    );
    // counted from the answer's own clock, whatever this machine's says
    assert_eq!(
        wait(
            429,
            "",
            "Sat, 21 Nov 2026 12:00:05 GMT",
            Some("Sat, 21 Nov 2026 12:00:00 GMT")
        ),
        seconds(5)
    );
    assert_eq!(
        wait(429, "{\"message\":\"slow down\"}", "never", None),
        None
    );
    assert_eq!(wait(503, MAINTENANCE, "60", None), seconds(60));
}

#[test]
fn a_redirect_says_what_the_url_should_have_been() {
    let judged = |location: Option<&str>| {
        let mut answer = answer(301, "");
        answer.location = location.map(ToOwned::to_owned);
        classify(&asked(Write), &answer, now())
    };
    let error = judged(Some(
        "https://www.example.com/shop/rest/de/V1/cmsPage/12?a=b",
    ));
    assert_eq!(name(&error), "unusable");
    assert!(
        error
            .to_string()
            .contains("set `store.url` to https://www.example.com/shop/"),
        "{error}"
    );
    assert!(!error.to_string().contains("a=b"), "{error}");
    let error = judged(Some("/login"));
    assert!(
        error.to_string().contains("https://shop.example.com/login"),
        "{error}"
    );
    assert!(error.to_string().contains("check `store.url`"), "{error}");
    assert_eq!(name(&judged(None)), "unusable");
}
