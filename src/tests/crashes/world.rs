//! A shop, a bare repository at a `file://` URL, a proxy between, and daemons.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use gitmage::reconcile::LedgerSnapshot;
use serde_json::Value;
use tempfile::TempDir;

use crate::hooks;
use crate::proxy::Proxy;
use crate::repo::Repo;
use crate::shop::{SECRETS, Shop};
use crate::support::ledger::SharedLedger;
pub(crate) use crate::support::waiting::{PATIENCE, stop, until};

/// Whom a proxy kills.
#[derive(Default)]
pub(crate) struct Victim(Mutex<Option<Child>>);

impl Victim {
    /// As `kill -9` does; one that is dead already stays so.
    pub(crate) fn kill(&self) {
        if let Some(child) = self.0.lock().unwrap().as_mut() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.0.lock().unwrap().as_mut()?.try_wait().unwrap()
    }
}

/// Commits that are made once and copied into each world: nothing but the beginning is on `main`.
pub(crate) struct Story {
    dir: TempDir,
    /// Commits to be pushed, in order.
    pub(crate) commits: Vec<String>,
}

impl Story {
    /// The commits that `tell` makes in the clone, without pushing.
    pub(crate) fn new(tell: impl FnOnce(&Repo) -> Vec<String>) -> Self {
        let dir = TempDir::new().unwrap();
        let repo = Repo::new(dir.path());
        let commits = tell(&repo);
        repo.git(&["push", "-q", "origin", "HEAD:refs/told/main"]);
        for (key, value) in [("gc.auto", "0"), ("receive.autogc", "false")] {
            repo.git_bare(&["config", key, value]);
        }
        let bare = dir.path().join("store.git");
        std::fs::remove_dir_all(bare.join("hooks")).unwrap();
        hooks::install(&bare);
        Self { dir, commits }
    }

    /// A release and its revert.
    pub(crate) fn there_and_back(files: &[(&str, &str)]) -> Self {
        Self::new(|repo| {
            for (path, text) in files {
                repo.write(path, text);
            }
            let release = repo.commit("Black Friday");
            vec![release.clone(), repo.revert_only(&[&release])]
        })
    }

    pub(crate) fn release(&self) -> &str {
        &self.commits[0]
    }

    pub(crate) fn revert(&self) -> &str {
        &self.commits[1]
    }
}

/// A shop, a repository, a proxy and a daemon.
pub(crate) struct World {
    pub(crate) shop: Shop,
    pub(crate) proxy: Proxy,
    pub(crate) victim: Arc<Victim>,
    pub(crate) bare: PathBuf,
    /// Every setting of the store but its address and secrets.
    store_settings: &'static str,
    pub(crate) dir: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.victim.kill();
    }
}

impl World {
    pub(crate) fn new(story: &Story) -> Self {
        Self::with(story, "timeout: 3s", None)
    }

    /// With settings of the store (one line), and a URL to reach it other than the proxy's.
    pub(crate) fn with(story: &Story, store: &'static str, url: Option<&str>) -> Self {
        let dir = TempDir::new().unwrap();
        let bare = dir.path().join("store.git");
        copy(&story.dir.path().join("store.git"), &bare);
        let shop = Shop::open();
        let victim = Arc::new(Victim::default());
        let proxy = Proxy::before(&shop.url, victim.clone());
        let world = Self {
            shop,
            proxy,
            victim,
            bare,
            store_settings: store,
            dir,
        };
        let url = url.unwrap_or(&world.proxy.url).to_owned();
        world.configure("state", &url);
        world
    }

    /// Writes `STATE.yaml`: a configuration with this state directory.
    pub(crate) fn configure(&self, state: &str, url: &str) {
        let root = self.dir.path();
        let mut text = format!(
            "repository:\n  url: file://{}\n  poll_interval: 200ms\nstate_dir: {}\nenvironments:\n  production:\n    branch: main\n    store:\n      url: {url}\n      {}\n      oauth:\n",
            self.bare.display(),
            root.join(state).display(),
            self.store_settings,
        );
        for secret in SECRETS {
            let file = root.join(secret);
            std::fs::write(&file, self.shop.oauth[secret].as_str().unwrap()).unwrap();
            writeln!(text, "        {secret}: {{ file: {} }}", file.display()).unwrap();
        }
        std::fs::write(root.join(format!("{state}.yaml")), text).unwrap();
    }

    fn command(&self, state: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitmage"));
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join(format!("{state}.yaml")))
            .current_dir(self.dir.path())
            .env_remove("GITMAGE_CONFIG")
            .env_remove("NOTIFY_SOCKET")
            .env("RUST_LOG", "warn,gitmage=debug")
            .stdin(Stdio::null());
        command
    }

    fn log(&self, state: &str) -> PathBuf {
        self.dir.path().join(format!("{state}.log"))
    }

    /// A daemon with this state directory, whose log is kept beside it.
    pub(crate) fn spawn(&self, state: &str) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log(state))
            .unwrap();
        self.command(state, &["daemon"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// The daemon that proxy and hooks may kill.
    pub(crate) fn start(&self) {
        self.start_with("state");
    }

    pub(crate) fn start_with(&self, state: &str) {
        let mut victim = self.victim.0.lock().unwrap();
        assert!(
            victim
                .as_mut()
                .is_none_or(|child| child.try_wait().unwrap().is_some()),
            "the daemon before it still runs"
        );
        let child = self.spawn(state);
        std::fs::write(self.bare.join("pid"), child.id().to_string()).unwrap();
        *victim = Some(child);
    }

    /// Another verb, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command("state", args).output().unwrap()
    }

    /// Asks the daemon to stop, and expects that it does so well.
    pub(crate) fn stop(&self) {
        let child = self.victim.0.lock().unwrap().take().unwrap();
        stop(child, || self.told());
    }

    /// Moves the shared branch, as a push does.
    pub(crate) fn push(&self, commit: &str) {
        let reference = self.bare.join("refs/heads/main");
        let new = self.bare.join("refs/heads/main.new");
        std::fs::write(&new, format!("{commit}\n")).unwrap();
        std::fs::rename(new, reference).unwrap();
    }

    fn shared(&self) -> SharedLedger {
        SharedLedger::of(&self.bare)
    }

    pub(crate) fn ledger(&self) -> Option<LedgerSnapshot> {
        self.shared().load()
    }

    /// Waits until everything up to this commit is done.
    #[track_caller]
    pub(crate) fn handled(&self, commit: &str) {
        self.handled_unless(commit, || false);
    }

    /// The same; whether it came to that before the other thing.
    #[track_caller]
    pub(crate) fn handled_unless(&self, commit: &str, other: impl Fn() -> bool) -> bool {
        let mut known = None;
        until(
            || format!("{commit} handled\n{}", self.told()),
            || {
                let tip = self.shared().tip();
                if tip != known {
                    known = tip;
                    if self.shared().has_handled(commit) {
                        return Some(true);
                    }
                }
                other().then_some(false)
            },
        )
    }

    /// Waits until the daemon is dead, or everything up to this commit done; whether it is dead.
    #[track_caller]
    pub(crate) fn dies_before(&self, commit: &str) -> bool {
        self.handled_unless(commit, || self.victim.ended().is_some());
        // The last push has moved the branch before the hook after it kills.
        if hooks::reached(&self.bare) {
            until(|| "the hook kills".to_owned(), || self.victim.ended());
        }
        self.victim.ended().is_some()
    }

    /// The first release of a commit, as JSON.
    #[track_caller]
    pub(crate) fn release(&self, commit: &str) -> Value {
        let ledger = self.ledger().unwrap();
        let view = ledger
            .book
            .views()
            .into_iter()
            .rev()
            .find(|r| r.commit.as_str() == commit);
        serde_json::to_value(view.unwrap_or_else(|| panic!("no release of {commit}"))).unwrap()
    }

    #[track_caller]
    pub(crate) fn stands(&self, commit: &str) -> String {
        let release = self.release(commit);
        let word = |key: &str| release[key].as_str().unwrap().to_owned();
        format!("{} {}", word("kind"), word("status"))
    }

    /// All commits of the ledger, on first parents, merges.
    pub(crate) fn ledger_shape(&self) -> [usize; 3] {
        self.shared().shape()
    }

    /// The ends of the logs, for a test that fails.
    pub(crate) fn told(&self) -> String {
        let mut told = String::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "log") {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = text.lines().collect();
                let end = &lines[lines.len().saturating_sub(60)..];
                writeln!(told, "{}:\n{}", path.display(), end.join("\n")).unwrap();
            }
        }
        told
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
