//! What a large release costs: requests and own CPU time per entity, and the most memory of a pass.
//!
//! `cargo bench --bench large [-- COUNT] [rest] [bulk] [blocks] [products]`: 5,000 entities, both ways
//! and both kinds unless told otherwise. The embedded sandbox runs in a process of its own and answers after 20 ms; each pass runs in a process of its own too, so
//! that its memory and CPU time are gitmage's alone. Every entity gets one field, all of them in one
//! release, which is reverted afterwards: one request each at concurrency 8, and through the queue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/support/shop.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod shop;
#[path = "../tests/support/waiting.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod waiting;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use gitmage::assembly;
use gitmage::reconcile::{Request, Stop};
use gitmage::settings::Settings;

use shop::{SECRETS, Shop};

const ENTITIES: usize = 5000;
const CONCURRENCY: usize = 8;
/// The argument of a process that makes one pass.
const PASS: &str = "--pass";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, config] = arguments.as_slice()
        && flag == PASS
    {
        pass(Path::new(config));
        return;
    }
    let count = arguments.iter().find_map(|text| text.parse().ok());
    let count = count.unwrap_or(ENTITIES);
    println!(
        "{:>20}  {:>8}  {:>9}  {:>10}  {:>8}  {:>8}  {:>13}",
        "", "entities", "requests", "per entity", "pass s", "peak MB", "CPU ms/entity"
    );
    let named = |word: &str| arguments.iter().any(|text| text == word);
    let ways = ["rest", "bulk"];
    let all_ways = !ways.iter().any(|way| named(way));
    let all_sorts = !SORTS.iter().any(|sort| named(sort.name));
    for sort in SORTS.iter().filter(|sort| all_sorts || named(sort.name)) {
        for writes in ways.iter().filter(|way| all_ways || named(way)) {
            measure(sort, writes, count);
        }
    }
}

/// The sort of the entities.
struct Sort {
    name: &'static str,
    kind: &'static str,
    key: &'static str,
    /// What they hold at first, `#` being the number.
    fields: &'static str,
    /// The field that is set.
    field: &'static str,
}

const SORTS: [Sort; 2] = [
    Sort {
        name: "blocks",
        kind: "cms_block",
        key: "bench-block-",
        fields: "title: Old, content: <p>old</p>",
        field: "title",
    },
    Sort {
        name: "products",
        kind: "product",
        key: "BENCH-",
        fields: "name: 'Old #', price: 10, weight: 1, meta_title: Old, meta_keyword: 'old, very old', description: <p>A bag of which its maker says at length what it is made of and what goes in.</p>, short_description: <p>A bag.</p>",
        field: "name",
    },
];

impl Sort {
    fn key(&self, number: usize) -> String {
        format!("{}{number:05}", self.key)
    }
}

/// Deploys and reverts.
fn measure(sort: &Sort, writes: &str, count: usize) {
    let scratch = tempfile::tempdir().unwrap();
    let watched = Watched::new(scratch.path(), sort, writes, count);
    let commit = watched.release(sort, count);
    watched.pass(&format!("{} {writes} deploy", sort.name), count);
    watched.revert(&commit);
    watched.pass(&format!("{} {writes} revert", sort.name), count);
}

/// One pass, and what this process has used for it.
fn pass(config: &Path) {
    let settings = Settings::load(Some(config)).unwrap();
    let repository = assembly::repository(&settings, None).unwrap();
    let (_sender, stop) = Stop::new();
    let name = settings.environments.keys().next().unwrap();
    let reconciler = assembly::reconciler(
        &settings,
        &repository,
        name,
        "bench",
        Arc::new(|_| ()),
        stop,
    )
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = Instant::now();
    let report = runtime
        .block_on(reconciler.pass(Request::default()))
        .unwrap();
    assert!(report.converged, "{:?}", report.releases);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seconds} {} {}", peak_kb(), cpu_ms());
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// User and system time of all threads; Linux counts it in hundredths of a second.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    10 * (ticks(11) + ticks(12))
}

/// A shop, and a repository that is watched for it.
struct Watched {
    shop: Shop,
    clone: PathBuf,
    config: PathBuf,
}

impl Watched {
    fn new(root: &Path, sort: &Sort, writes: &str, count: usize) -> Self {
        let mut seed = "entities:\n".to_owned();
        for number in 1..=count {
            let (kind, key) = (sort.kind, sort.key(number));
            let fields = sort.fields.replace('#', &number.to_string());
            writeln!(
                seed,
                "  - {{kind: {kind}, key: {key}, fields: {{{fields}}}}}"
            )
            .unwrap();
        }
        let seeded = root.join("seed.yaml");
        std::fs::write(&seeded, seed).unwrap();
        let seeded = seeded.to_str().unwrap();
        let shop = Shop::open_with(&["--latency", "20ms", "--seed", seeded]);
        git(root, &["init", "-q", "--bare", "-b", "main", "store.git"]);
        git(root, &["clone", "-q", "store.git", "clone"]);
        let mut config = format!(
            "repository: {{ url: {} }}\nstate_dir: {}\nenvironments:\n  bench:\n    branch: main\n    writes: {writes}\n    store:\n      url: {}\n      concurrency: {CONCURRENCY}\n      oauth:\n",
            root.join("store.git").display(),
            root.join("state").display(),
            shop.url,
        );
        for (name, secret) in SECRETS.iter().zip(shop.secrets()) {
            std::fs::write(root.join(name), secret).unwrap();
            writeln!(config, "        {name}: {{ file: {name} }}").unwrap();
        }
        let path = root.join("gitmage.yaml");
        std::fs::write(&path, config).unwrap();
        Self {
            shop,
            clone: root.join("clone"),
            config: path,
        }
    }

    fn release(&self, sort: &Sort, count: usize) -> String {
        let mut release = "changes:\n".to_owned();
        for number in 1..=count {
            let (kind, key, field) = (sort.kind, sort.key(number), sort.field);
            let line = format!("fields: {{ {field}: 'New {number}' }}");
            writeln!(release, "  - {{ kind: {kind}, key: {key}, {line} }}").unwrap();
        }
        std::fs::create_dir_all(self.clone.join("releases")).unwrap();
        std::fs::write(self.clone.join("releases/large.yaml"), release).unwrap();
        git(&self.clone, &["add", "--all"]);
        git(&self.clone, &["commit", "-q", "-m", "A large release"]);
        git(&self.clone, &["push", "-q", "origin", "HEAD:main"]);
        git(&self.clone, &["rev-parse", "HEAD"])
    }

    fn revert(&self, commit: &str) {
        git(&self.clone, &["revert", "--no-edit", commit]);
        git(&self.clone, &["push", "-q", "origin", "HEAD:main"]);
    }

    fn pass(&self, what: &str, count: usize) {
        let before = self.requests();
        let output = Command::new(std::env::current_exe().unwrap())
            .arg(PASS)
            .arg(&self.config)
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{what}");
        let said = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = said
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        let [seconds, peak_kb, cpu_ms] = numbers[..] else {
            panic!("{said}")
        };
        let requests = self.requests() - before;
        println!(
            "{what:>20}  {count:>8}  {requests:>9}  {:>10.4}  {seconds:>8.1}  {:>8.1}  {:>13.2}",
            ratio(requests, count),
            peak_kb / 1024.0,
            cpu_ms / ratio(count, 1),
        );
    }

    /// Returns how many came in so far.
    fn requests(&self) -> usize {
        let requests = self.shop.requests();
        let last = requests
            .last()
            .map(|last| last["sequence"].as_u64().unwrap());
        usize::try_from(last.unwrap_or(0)).unwrap()
    }
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Bench", "-c", "user.email=bench@localhost"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
