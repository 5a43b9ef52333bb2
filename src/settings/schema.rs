//! The JSON Schema of `gitmage.yaml`, for editors.
//!
//! The types here are only described, never read: reading has to report everything at once and
//! with places. Tests hold the keys and the defaults of both together.
#![expect(dead_code, reason = "the fields exist for their description alone")]

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use super::parse;
use super::types::{Bootstrap, HistoryRewrites, OnConflict, OnFailure, OnRemove, Writes};
use crate::domain::kinds::Charset;

/// The JSON Schema of `gitmage.yaml`.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<File>()
        .to_value()
}

/// The configuration of gitmage.
#[derive(JsonSchema)]
#[schemars(title = "gitmage.yaml", deny_unknown_fields)]
struct File {
    /// The watched repository.
    repository: Repository,
    /// Where the mirror, the holder id and the control socket live. May be deleted at any time
    /// without losing anything. Left out, systemd's `$STATE_DIRECTORY` goes before the default.
    #[schemars(default = "state_dir", length(min = 1))]
    state_dir: String,
    /// The environments by name: lower-case letters, digits, `-` and `_`.
    #[schemars(schema_with = "environments")]
    environments: BTreeMap<String, Environment>,
}

/// The watched repository.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Repository {
    /// A path (relative to this file), or a `file://`, `https://` or `ssh://` URL, or `host:path`
    /// for ssh. Never with a password in it.
    #[schemars(length(min = 1))]
    url: String,
    /// The token for an https URL.
    #[schemars(default, transform = without_null)]
    token: Option<Secret>,
    /// Time between two looks at a remote. Paths are watched, and polled only as a safety net.
    #[schemars(default = "poll_interval", schema_with = "duration")]
    poll_interval: String,
}

/// A branch, a store and a rollback branch.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Environment {
    /// The watched branch.
    #[schemars(length(min = 1))]
    branch: String,
    /// The branch for snapshots and outcomes; default: `rollback/<name>`. Shared with nothing.
    #[schemars(default, transform = without_null)]
    rollback_branch: Option<String>,
    /// The glob of the release files, from the repository's root.
    #[schemars(default = "releases", length(min = 1))]
    releases: String,
    /// The Magento store.
    store: Store,
    /// What the first start does.
    #[schemars(default)]
    bootstrap: Bootstrap,
    /// What happens to what a failed pass has written.
    #[schemars(default)]
    on_failure: OnFailure,
    /// What happens to a field that leaves the files without a revert.
    #[schemars(default)]
    on_remove: OnRemove,
    /// What a rollback does about a field that was edited in Magento since.
    #[schemars(default)]
    on_conflict: OnConflict,
    /// What happens when the branch was rewritten.
    #[schemars(default)]
    history_rewrites: HistoryRewrites,
    /// How writes reach the store: one by one, or through Magento's own queue, many at a time.
    #[schemars(default)]
    writes: Writes,
}

/// The Magento store.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Store {
    /// The base URL, without `/rest`.
    #[schemars(url)]
    url: String,
    /// The integration's credentials: the four values that Magento shows when it is activated.
    oauth: OAuth,
    /// Upper bound of requests at a time; adapts downwards on 429, 503 and lock errors.
    #[schemars(default = "concurrency", range(min = 1, max = 32))]
    concurrency: usize,
    /// Time that a single request may take.
    #[schemars(default = "timeout", schema_with = "duration")]
    timeout: String,
    /// The character set of the shop's tables.
    #[schemars(default)]
    charset: Charset,
}

/// The integration's credentials.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OAuth {
    /// Consumer key.
    consumer_key: Secret,
    /// Consumer secret.
    consumer_secret: Secret,
    /// Access token.
    access_token: Secret,
    /// Access token secret.
    access_token_secret: Secret,
}

/// Where a secret is. Secrets never stand in this file.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Secret {
    /// The name of an environment variable.
    Env(String),
    /// A path, relative to this file. One final newline is dropped.
    File(String),
    /// The name of a systemd credential (`LoadCredential=`). One final newline is dropped.
    Credential(String),
}

fn environments(generator: &mut SchemaGenerator) -> Schema {
    let environment = generator.subschema_for::<Environment>();
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$" },
        "additionalProperties": environment,
        "minProperties": 1,
    })
}

/// A key may be left out, but not be left empty.
fn without_null(schema: &mut Schema) {
    schema.remove("default");
    if schema.get("type").is_some_and(Value::is_array) {
        schema.insert("type".to_owned(), "string".into());
    }
    if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&"null".into()));
        if let Some(Value::Object(choice)) = choices.pop() {
            schema.ensure_object().extend(choice);
        }
    }
}

fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
}

fn state_dir() -> String {
    parse::DEFAULT_STATE_DIR.to_owned()
}

fn releases() -> String {
    parse::DEFAULT_RELEASES.to_owned()
}

fn poll_interval() -> String {
    format!("{}s", parse::DEFAULT_POLL_INTERVAL.as_secs())
}

fn timeout() -> String {
    format!("{}s", parse::DEFAULT_TIMEOUT.as_secs())
}

fn concurrency() -> usize {
    parse::DEFAULT_CONCURRENCY
}
