//! The embedded store as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::waiting::PATIENCE;

/// The four values of an integration, in the order of the configuration.
pub(crate) const SECRETS: [&str; 4] = [
    "consumer_key",
    "consumer_secret",
    "access_token",
    "access_token_secret",
];

/// A running store; killed when dropped.
pub(crate) struct Shop {
    child: Child,
    pub(crate) url: String,
    pub(crate) oauth: Value,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A child that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    /// With arguments of its own.
    pub(crate) fn open_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitmage"))
            .arg("sandbox")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        Self {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
            oauth: ready["oauth"].clone(),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        SECRETS
            .iter()
            .map(|name| self.oauth[name].as_str().unwrap().to_owned())
            .collect()
    }

    fn call(&self, method: &str, page: &str, body: &str) -> Value {
        own_page(&self.url, method, page, body)
    }

    /// Every entity: kind, key, assignment, fields; without ids and times.
    pub(crate) fn dump(&self) -> Value {
        let mut dump = self.call("GET", "dump", "");
        for kind in dump.as_object_mut().unwrap().values_mut() {
            for key in kind.as_object_mut().unwrap().values_mut() {
                for entity in key.as_object_mut().unwrap().values_mut() {
                    let gone = entity.as_object_mut().unwrap().remove("meta");
                    assert!(gone.is_some(), "an entity without meta: {entity}");
                }
            }
        }
        dump
    }

    /// One field in the store; null also for an entity that is not there.
    pub(crate) fn field(&self, kind: &str, key: &str, store: &str, field: &str) -> Value {
        self.dump()[kind][key][store][field].clone()
    }

    /// True if an entity is there.
    pub(crate) fn has(&self, kind: &str, key: &str, store: &str) -> bool {
        self.dump()[kind][key][store].is_object()
    }

    pub(crate) fn requests(&self) -> Vec<Value> {
        self.call("GET", "requests", "").as_array().unwrap().clone()
    }

    /// Requests that would change something, without the ones that only ask for rights: those are
    /// refused by Magento for their empty body, or because there is no such id.
    pub(crate) fn writes(&self) -> Vec<Value> {
        let asks = |request: &Value| {
            request["body"] == json!({})
                || (request["method"] == "DELETE" && request["status"] == 404)
        };
        self.requests()
            .into_iter()
            .filter(|request| request["method"] != "GET" && !asks(request))
            .collect()
    }

    /// Writes in short: method, path below `/rest`, identifier.
    pub(crate) fn written(&self) -> Vec<String> {
        self.writes().iter().map(brief).collect()
    }

    /// Returns what was written since an earlier count of [`Shop::writes`].
    pub(crate) fn written_since(&self, count: usize) -> Vec<String> {
        self.writes()[count..].iter().map(brief).collect()
    }

    /// Replaces all faults; `{}` mends the store.
    pub(crate) fn faults(&self, faults: &Value) {
        self.call("PUT", "faults", &faults.to_string());
    }

    pub(crate) fn mend(&self) {
        self.faults(&json!({}));
    }

    /// An administrator's edits.
    pub(crate) fn edit(&self, edits: &Value) {
        self.call("PUT", "entities", &edits.to_string());
    }

    /// An administrator sets one field.
    pub(crate) fn set(&self, kind: &str, key: &str, store: &Value, field: &str, value: &str) {
        self.edit(&json!({"kind": kind, "key": key, "store": store, "fields": {field: value}}));
    }

    /// Waits for a request that satisfies a condition.
    pub(crate) fn wait_for(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(request) = self.requests().into_iter().find(|r| condition(r)) {
                return request;
            }
            std::thread::yield_now();
        }
        panic!("no request came: {what}");
    }
}

/// One of the pages that the store at this URL has beside the REST tree.
pub(crate) fn own_page(url: &str, method: &str, page: &str, body: &str) -> Value {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} /__sandbox/{page} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// Returns where two dumps differ, one line each.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        let line = || format!(": {before} became {after}");
        return (before != after).then(line).into_iter().collect();
    };
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let keys = old.keys().chain(added);
    keys.flat_map(|key| {
        let below = differences(&before[key], &after[key]);
        below.into_iter().map(move |line| format!(" {key}{line}"))
    })
    .collect()
}

fn brief(request: &Value) -> String {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let path = text("path");
    let path = path.strip_prefix("/rest/").unwrap_or(&path);
    let words: Vec<&str> = path.split('/').collect();
    let (scope, collection) = match words.as_slice() {
        [scope, "V1", collection, ..] => (*scope, *collection),
        _ => ("", path),
    };
    format!(
        "{} {scope} {collection} {}",
        text("method"),
        text("identifier")
    )
}
