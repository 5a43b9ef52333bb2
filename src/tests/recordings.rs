//! Replays what a real store was seen to answer against the sandbox, over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gitmage::sandbox::{Sandbox, SandboxOptions};
use serde::Deserialize;
use serde_json::{Map, Value};

mod signing;
use signing::Signing;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    title: String,
    #[serde(rename = "observed_on")]
    _observed_on: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    auth: Auth,
    request: Call,
    response: Answer,
    /// Variable to the key of the answer that it is taken from: dots lead inwards, nothing is all.
    #[serde(default)]
    capture: BTreeMap<String, String>,
    /// Repeat until it is answered alike.
    #[serde(default)]
    poll: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Auth {
    Oauth,
    None,
    WrongSecret,
    UnknownKey,
    BadMethod,
    ReusedNonce,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    method: String,
    path: String,
    body: Option<Value>,
    raw: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    content_type: String,
    body: Value,
}

type Variables = BTreeMap<String, Value>;

fn parse(text: &str) -> Recording {
    let recording: Recording = serde_json::from_str(text).expect("a recording");
    assert!(!recording.steps.is_empty(), "a recording has steps");
    recording
}

struct Replay {
    sandbox: Sandbox,
    http: reqwest::Client,
    variables: Variables,
    last_nonce: String,
}

async fn replay(tag: &str, text: &str) {
    let recording = parse(text);
    let mut replay = Replay {
        sandbox: Sandbox::start(SandboxOptions::default()).await.unwrap(),
        http: reqwest::Client::new(),
        variables: Variables::from([("tag".to_owned(), tag.into())]),
        last_nonce: String::new(),
    };
    for step in &recording.steps {
        let started = Instant::now();
        loop {
            match replay.step(step).await {
                Ok(()) => break,
                Err(_) if step.poll && started.elapsed() < Duration::from_secs(10) => {
                    tokio::task::yield_now().await;
                }
                Err(why) => panic!("{}, step {:?}: {why}", recording.title, step.name),
            }
        }
    }
    replay.sandbox.shutdown().await;
}

impl Replay {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let response = self.send(step).await;
        let status = response.status().as_u16();
        let header = response.headers()[reqwest::header::CONTENT_TYPE]
            .to_str()
            .unwrap();
        let content_type = header.split(';').next().unwrap_or_default().to_owned();
        let text = response.text().await.unwrap();
        let body: Value =
            serde_json::from_str(&text).map_err(|e| format!("{status}, no JSON ({e}): {text}"))?;
        if status != step.response.status {
            return Err(format!("status {status}, body {body}"));
        }
        if content_type != step.response.content_type {
            return Err(format!("content type {content_type}"));
        }
        for (variable, key) in &step.capture {
            let value = captured(&body, key).ok_or(format!("no {key:?} to capture in {body}"))?;
            self.variables.insert(variable.clone(), value.clone());
        }
        self.compare(&step.response.body, &body, "body")
    }

    async fn send(&mut self, step: &Step) -> reqwest::Response {
        let Call {
            method,
            path,
            body,
            raw,
            headers,
        } = &step.request;
        let path = self.filled_text(path);
        let url: url::Url = format!("{}/rest{path}", self.sandbox.url())
            .parse()
            .unwrap();
        let mut request = self.http.request(method.parse().unwrap(), url.clone());
        let content = raw
            .clone()
            .or_else(|| body.as_ref().map(|body| self.filled(body).to_string()));
        if let Some(content) = content {
            let media = headers
                .get("Content-Type")
                .map_or("application/json", String::as_str);
            request = request.header("Content-Type", media).body(content);
        }
        for (name, value) in headers.iter().filter(|(name, _)| *name != "Content-Type") {
            request = request.header(name, value);
        }
        if let Some(signing) = self.signing(step.auth) {
            self.last_nonce.clone_from(&signing.nonce);
            request = request.header("Authorization", signing.header(method, url.as_str()));
        }
        request.send().await.unwrap()
    }

    fn signing(&self, auth: Auth) -> Option<Signing> {
        let mut signing = Signing::new(&self.sandbox);
        match auth {
            Auth::Oauth => {}
            Auth::None => return None,
            Auth::WrongSecret => signing.secret = "wrong".to_owned(),
            Auth::UnknownKey => signing.consumer_key = "k".repeat(32),
            Auth::BadMethod => signing.method = "HMAC-SHA1",
            Auth::ReusedNonce => signing.nonce.clone_from(&self.last_nonce),
        }
        Some(signing)
    }

    /// Variables in a value; one that is the whole text keeps its type.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match variable(text) {
                Some(name) => self.variables[name].clone(),
                None => self.filled_text(text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (key.clone(), self.filled(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn filled_text(&self, text: &str) -> String {
        self.variables
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{{name}}}}}"), &plain(value))
            })
    }

    fn compare(&self, expected: &Value, actual: &Value, at: &str) -> Result<(), String> {
        let differs = || Err(format!("{at}: expected {expected}, got {actual}"));
        match (expected, actual) {
            (Value::Object(map), _) if map.contains_key("__string_of") => {
                let name = map["__string_of"].as_str().unwrap();
                if *actual != Value::String(plain(&self.variables[name])) {
                    return differs();
                }
            }
            (Value::Object(expected), Value::Object(actual_map)) => {
                if !expected.keys().all(|key| actual_map.contains_key(key))
                    || expected.len() != actual_map.len()
                {
                    return differs();
                }
                for (key, value) in expected {
                    self.compare(value, &actual_map[key], &format!("{at}.{key}"))?;
                }
            }
            (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
                for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                    self.compare(expected, actual, &format!("{at}[{index}]"))?;
                }
            }
            (Value::String(text), actual) => match (variable(text), actual) {
                (Some("any"), _) => {}
                (Some(name), actual) if self.variables.contains_key(name) => {
                    if self.variables[name] != *actual {
                        return differs();
                    }
                }
                (_, Value::String(actual)) if matches(&self.filled_text(text), actual) => {}
                _ => return differs(),
            },
            (expected, actual) if expected == actual => {}
            _ => return differs(),
        }
        Ok(())
    }
}

fn captured<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    let mut keys = key.split('.').filter(|key| !key.is_empty());
    keys.try_fold(body, |value, key| value.get(key))
}

/// The name, where the whole text is one variable.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!name.contains('}')).then_some(name)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// True if a text is what a pattern with `{{time}}`, `{{today}}` and `{{any}}` describes.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once("{{") else {
        return pattern == text;
    };
    let (mask, after) = rest.split_once("}}").expect("a closed mask");
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    let fixed = |length: usize, good: fn(&str) -> bool| {
        text.get(..length)
            .is_some_and(|part| good(part) && matches(after, &text[length..]))
    };
    match mask {
        "time" => fixed(19, |part| {
            part.bytes()
                .zip(*b"0000-00-00 00:00:00")
                .all(|(byte, form)| match form {
                    b'0' => byte.is_ascii_digit(),
                    form => byte == form,
                })
        }),
        "today" => fixed(10, |part| {
            part == jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
        }),
        "any" => (0..=text.len())
            .filter(|at| text.is_char_boundary(*at))
            .any(|at| matches(after, &text[at..])),
        other => panic!("unknown mask {other:?}"),
    }
}

#[tokio::test]
async fn cms_page_fields() {
    replay("rec-page", include_str!("recordings/cms-page-fields.json")).await;
}

#[tokio::test]
async fn cms_block_fields() {
    replay(
        "rec-block",
        include_str!("recordings/cms-block-fields.json"),
    )
    .await;
}

#[tokio::test]
async fn cms_scopes_and_search() {
    replay(
        "rec-search",
        include_str!("recordings/cms-scopes-and-search.json"),
    )
    .await;
}

#[tokio::test]
async fn errors() {
    replay("rec-errors", include_str!("recordings/errors.json")).await;
}

#[tokio::test]
async fn products() {
    replay("rec-product", include_str!("recordings/products.json")).await;
}

#[tokio::test]
async fn categories() {
    replay("rec-category", include_str!("recordings/categories.json")).await;
}

#[tokio::test]
async fn prices_and_stock() {
    replay(
        "rec-price",
        include_str!("recordings/prices-and-stock.json"),
    )
    .await;
}

#[tokio::test]
async fn cart_rules() {
    replay("rec-rule", include_str!("recordings/cart-rules.json")).await;
}

/// The tag begins the code of an attribute, which cannot have a hyphen.
#[tokio::test]
async fn attributes_and_groups() {
    replay(
        "rec_attribute",
        include_str!("recordings/attributes-and-groups.json"),
    )
    .await;
}

#[tokio::test]
async fn async_bulk() {
    replay("rec-bulk", include_str!("recordings/async-bulk.json")).await;
}

#[test]
#[should_panic(expected = "a recording has steps")]
fn a_recording_without_steps_fails() {
    parse(r#"{"title": "x", "observed_on": "y", "steps": []}"#);
}

#[test]
#[should_panic(expected = "unknown variant `psychic`")]
fn an_unknown_way_of_signing_fails() {
    parse(
        r#"{"title": "x", "observed_on": "y", "steps": [{"name": "n", "auth": "psychic",
            "request": {"method": "GET", "path": "/"},
            "response": {"status": 200, "content_type": "a/b", "body": 1}}]}"#,
    );
}

#[test]
fn masks() {
    assert!(matches("at {{time}}.", "at 2026-01-02 03:04:05."));
    assert!(!matches("at {{time}}.", "at 2026-01-02T03:04:05."));
    assert!(matches("Report ID: {{any}}", "Report ID: webapi-1"));
    assert!(!matches("Report ID: {{any}}", "Report: webapi-1"));
    assert!(!matches("x", "y"));
}
