//! What a day costs where much exists: a daemon's own CPU time and memory for a push that changes one file
//! of many, for commits caught up at once, and the time of the commands that read.
//!
//! `cargo bench --bench scale [-- COUNT…]`: 100 and 10,000 release files of one block each unless told
//! otherwise. The whole program over the embedded sandbox, each in a process of its own. What counts is
//! the ratio of one column to the other; CPU time is counted by Linux in hundredths of a second.
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
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use shop::{SECRETS, Shop};

/// How many pushes of one file are measured together.
const PUSHES: u64 = 10;
/// How many commits are caught up at once.
const COMMITS: usize = 300;

fn main() {
    let counts: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let counts = match counts.is_empty() {
        true => vec![100, 10_000],
        false => counts,
    };
    let columns: Vec<Vec<(&str, u64)>> = counts.iter().map(|count| figures(*count)).collect();
    print!("{:<36}", "release files");
    for count in &counts {
        print!("{count:>10}");
    }
    println!();
    for (row, (name, _)) in columns[0].iter().enumerate() {
        print!("{name:<36}");
        for column in &columns {
            print!("{:>10}", column[row].1);
        }
        println!();
    }
}

fn figures(count: usize) -> Vec<(&'static str, u64)> {
    let scratch = tempfile::tempdir().unwrap();
    let world = World::new(scratch.path(), count);
    let daemon = world.daemon();
    world.wait(&daemon);
    waiting::stop(daemon, String::new);
    // What it keeps is what another one reads, not what the first deploy left behind.
    let daemon = world.daemon();
    world.change(count, 0);
    world.wait(&daemon);
    let idle = memory(&daemon, "VmRSS:");
    let before = cpu_ms(&daemon);
    for push in 1..=PUSHES {
        world.change(count, usize::try_from(push).unwrap());
        world.wait(&daemon);
    }
    let one_file = (cpu_ms(&daemon) - before) / PUSHES;
    let commands = [["status"], ["releases"], ["plan"]].map(|words| world.time(&words));
    let before = cpu_ms(&daemon);
    waiting::signal(&daemon, Signal::STOP);
    for commit in 0..COMMITS {
        world.change(count, commit + 100);
    }
    waiting::signal(&daemon, Signal::CONT);
    world.wait(&daemon);
    let caught_up = cpu_ms(&daemon) - before;
    let peak = memory(&daemon, "VmHWM:");
    waiting::stop(daemon, String::new);
    let [status, releases, plan] = commands;
    vec![
        ("memory of a daemon at rest, MB", idle),
        ("one changed file, ms CPU", one_file),
        ("300 commits caught up, ms CPU", caught_up),
        ("and the most memory, MB", peak),
        ("status, ms", status),
        ("releases, ms", releases),
        ("plan of nothing, ms", plan),
    ]
}

/// A shop, and a repository in place that is watched for it.
struct World {
    root: PathBuf,
    shop: Shop,
}

impl World {
    fn new(root: &Path, count: usize) -> Self {
        let shop = Shop::open();
        let world = Self {
            root: root.to_owned(),
            shop,
        };
        world.git(&["init", "-q", "-b", "main", "repo"]);
        std::fs::create_dir_all(root.join("repo/releases")).unwrap();
        for number in 0..count {
            world.write(number, "first");
        }
        world.commit("first");
        let mut config = format!(
            "repository: {{ url: {} }}\nstate_dir: {}\nenvironments:\n  bench:\n    branch: main\n    store:\n      url: {}\n      oauth:\n",
            root.join("repo").display(),
            root.join("state").display(),
            world.shop.url,
        );
        for (name, secret) in SECRETS.iter().zip(world.shop.secrets()) {
            std::fs::write(root.join(name), secret).unwrap();
            writeln!(config, "        {name}: {{ file: {name} }}").unwrap();
        }
        std::fs::write(root.join("gitmage.yaml"), config).unwrap();
        world
    }

    fn write(&self, number: usize, text: &str) {
        let path = self.root.join(format!("repo/releases/{number:05}.yaml"));
        let file = format!(
            "changes:\n  - kind: cms_block\n    key: scale-{number:05}\n    fields:\n      title: Block {number}\n      content: <p>{text}</p>\n      active: true\n"
        );
        std::fs::write(path, file).unwrap();
    }

    fn change(&self, count: usize, round: usize) {
        self.write(round % count, &format!("round {round}"));
        self.commit(&format!("round {round}"));
    }

    fn commit(&self, message: &str) {
        self.git(&["-C", "repo", "add", "--all"]);
        self.git(&["-C", "repo", "commit", "-q", "-m", message]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn gitmage(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitmage"));
        command
            .args([
                "--config".as_ref(),
                self.root.join("gitmage.yaml").as_os_str(),
            ])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn daemon(&self) -> Child {
        self.gitmage(&["daemon"]).spawn().unwrap()
    }

    /// Until the newest commit is handled.
    fn wait(&self, daemon: &Child) {
        let tip = self.git(&["-C", "repo", "rev-parse", "HEAD"]);
        let begun = Instant::now();
        loop {
            let state = self.git(&["-C", "repo", "show", "rollback/bench:state.yaml"]);
            let line = |name: &str| {
                let line = state.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            if line("head:") == tip.trim() && line("pass:") == "null" {
                return;
            }
            assert!(begun.elapsed().as_secs() < 600, "{} hangs", daemon.id());
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }

    /// Returns how long a command takes that somebody waits for.
    fn time(&self, words: &[&str]) -> u64 {
        let begun = Instant::now();
        self.gitmage(words).status().unwrap();
        u64::try_from(begun.elapsed().as_millis()).unwrap()
    }
}

/// In megabytes.
fn memory(process: &Child, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() / 1024
}

/// User and system time of all threads.
fn cpu_ms(process: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    10 * (ticks(11) + ticks(12))
}
