//! What a pass costs: requests per changed entity, and time over the pure store time.
//!
//! `cargo bench`. The embedded sandbox answers every request after 20 ms; all entities are blocks on
//! one assignment; four requests at a time. The store's own time is measured in the same run: the
//! same requests, sent by the bare client without Git, ledger or plan. Ratios, not times, are what
//! to compare.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitmage::assembly;
use gitmage::domain::{EntityKey, EntityRef, FieldName, Kind, StoreScope, Value};
use gitmage::ports::{Payload, StoreRead, StoreWrite, Write};
use gitmage::reconcile::{Request, Stop};
use gitmage::sandbox::{Sandbox, SandboxOptions, Seed};
use gitmage::settings::Settings;
use gitmage::store::Magento;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;

const LATENCY: Duration = Duration::from_millis(20);
const CONCURRENCY: usize = 4;
const MOST: usize = 200;

#[tokio::main]
async fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let blocks: Vec<String> = (1..=MOST).map(|n| format!("bench-block-{n:03}")).collect();
    let seed: String = std::iter::once("entities:\n".to_owned())
        .chain(blocks.iter().map(|key| {
            format!("  - {{kind: cms_block, key: {key}, store: all, fields: {{title: Old, content: \"<p>old</p>\"}}}}\n")
        }))
        .collect();
    let sandbox = Sandbox::start(SandboxOptions {
        latency: LATENCY,
        seed: Some(Seed::parse(&seed).unwrap()),
        ..SandboxOptions::default()
    })
    .await
    .unwrap();
    let repository = Watched::new(scratch.path(), &sandbox);
    let settings = Settings::load(Some(&scratch.path().join("gitmage.yaml"))).unwrap();
    let opened = assembly::repository(&settings, None).unwrap();
    let (_sender, stop) = Stop::new();
    let name = settings.environments.keys().next().unwrap();
    let reconciler =
        assembly::reconciler(&settings, &opened, name, "bench", Arc::new(|_| ()), stop).unwrap();

    println!(
        "{:>8}  {:>9}  {:>10}  {:>10}  {:>10}  {:>6}",
        "blocks", "requests", "per block", "pass ms", "store ms", "ratio"
    );
    let mut fixed = None;
    for count in [1, 1, 30, MOST] {
        repository.release(
            &blocks[..count],
            &format!("title {count} {:?}", Instant::now()),
        );
        let before = sandbox.requests().len();
        let report = reconciler.pass(Request::default()).await.unwrap();
        assert!(report.converged, "{report:?}");
        let requests = sandbox.requests().len() - before;
        let release = report.releases.last().unwrap();
        let taken = release
            .finished_at
            .unwrap()
            .duration_since(release.started_at);
        let taken = Duration::try_from(taken).unwrap();
        let pure = pure_store_time(&settings, &blocks[..count]).await;
        if count == 1 {
            // The first pass also reads the store's views and probes its rights; the second is the
            // fixed cost of every pass.
            fixed = Some(taken.saturating_sub(pure));
        }
        let over = taken.saturating_sub(fixed.unwrap_or_default());
        println!(
            "{count:>8}  {requests:>9}  {:>10.3}  {:>10.1}  {:>10.1}  {:>6.3}",
            ratio(requests, count),
            taken.as_secs_f64() * 1e3,
            pure.as_secs_f64() * 1e3,
            over.as_secs_f64() / pure.as_secs_f64(),
        );
    }
    println!(
        "fixed cost of a pass: {:.1} ms (already taken off the ratios)",
        fixed.unwrap_or_default().as_secs_f64() * 1e3
    );
    sandbox.shutdown().await;
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

/// The same requests without gitmage around them: views, one batched read, the writes four at a
/// time, one batched read.
async fn pure_store_time(settings: &Settings, blocks: &[String]) -> Duration {
    let (name, environment) = settings.environments.iter().next().unwrap();
    let store: Magento = assembly::store(name, environment).unwrap();
    let views = store.views().await.unwrap();
    let wanted: BTreeSet<EntityRef> = blocks
        .iter()
        .map(|key| EntityRef {
            kind: Kind::CMS_BLOCK,
            key: EntityKey::new(key.as_str()).unwrap(),
            store: StoreScope::All,
        })
        .collect();
    let begun = Instant::now();
    store.views().await.unwrap();
    let seen = store
        .observe(&wanted, &BTreeSet::new(), &views)
        .await
        .unwrap();
    let fields = BTreeMap::from([(
        FieldName::new("title").unwrap(),
        Value::from(format!("{begun:?}")),
    )]);
    let mut running = JoinSet::new();
    for (entity, presence) in seen {
        if running.len() >= CONCURRENCY {
            running.join_next().await.unwrap().unwrap();
        }
        let (store, fields) = (store.clone(), fields.clone());
        running.spawn(async move {
            let write = Write {
                entity,
                current: presence.found().cloned(),
                payload: Payload::Update(fields),
            };
            for result in store.write(&[write]).await {
                result.unwrap();
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    store
        .observe(&wanted, &BTreeSet::new(), &views)
        .await
        .unwrap();
    begun.elapsed()
}

/// A bare repository whose commits are made from a clone.
struct Watched {
    clone: std::path::PathBuf,
}

impl Watched {
    fn new(root: &Path, sandbox: &Sandbox) -> Self {
        let bare = root.join("store.git");
        let clone = root.join("clone");
        git(
            root,
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "store.git",
            ],
        );
        git(root, &["clone", "--quiet", "store.git", "clone"]);
        let credentials = sandbox.credentials();
        for (name, secret) in [
            ("consumer_key", &credentials.consumer_key),
            ("consumer_secret", &credentials.consumer_secret),
            ("access_token", &credentials.access_token),
            ("access_token_secret", &credentials.access_token_secret),
        ] {
            std::fs::write(root.join(name), secret.expose_secret()).unwrap();
        }
        let config = format!(
            "repository: {{ url: {} }}\nstate_dir: {}\nenvironments:\n  bench:\n    branch: main\n    store:\n      url: {}\n      concurrency: {CONCURRENCY}\n      oauth:\n        consumer_key: {{ file: consumer_key }}\n        consumer_secret: {{ file: consumer_secret }}\n        access_token: {{ file: access_token }}\n        access_token_secret: {{ file: access_token_secret }}\n",
            bare.display(),
            root.join("state").display(),
            sandbox.url(),
        );
        std::fs::write(root.join("gitmage.yaml"), config).unwrap();
        Self { clone }
    }

    fn release(&self, blocks: &[String], title: &str) {
        let changes: String = blocks
            .iter()
            .map(|key| {
                format!("  - {{ kind: cms_block, key: {key}, fields: {{ title: '{title}' }} }}\n")
            })
            .collect();
        std::fs::create_dir_all(self.clone.join("releases")).unwrap();
        std::fs::write(
            self.clone.join("releases/bench.yaml"),
            format!("changes:\n{changes}"),
        )
        .unwrap();
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["commit", "--quiet", "--message", title]);
        git(&self.clone, &["push", "--quiet", "origin", "HEAD:main"]);
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Bench", "-c", "user.email=bench@localhost"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .status()
        .unwrap();
    assert!(status.success(), "git {arguments:?}");
}
