//! A shop, a repository in place or behind a URL, and a daemon.

use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::repo::Repo;
use crate::shop::{SECRETS, Shop};

/// Far longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The rollback branch.
pub(crate) const LEDGER: &str = "rollback/production";

/// How the repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By its path: opened in place.
    InPlace,
    /// By a `file://` URL: mirrored.
    Mirrored,
    /// By an `ssh://` URL, through a script in the place of ssh.
    Ssh,
}

/// What a verb came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// Both outputs.
    pub(crate) said: String,
}

pub(crate) struct World {
    pub(crate) shop: Shop,
    pub(crate) repo: Repo,
    kind: Kind,
    branch: &'static str,
    poll: &'static str,
    daemon: Option<Child>,
    /// Blocks of at most 1024 bytes that the daemon may write into one file.
    file_limit: Option<u32>,
    pub(crate) dir: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            // One that ended by itself needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl World {
    pub(crate) fn new(kind: Kind) -> Self {
        Self::with(kind, &[])
    }

    /// With further arguments of `git init`.
    pub(crate) fn with(kind: Kind, init: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let world = Self {
            shop: Shop::open(),
            repo: Repo::with(dir.path(), init),
            kind,
            branch: "main",
            poll: "200ms",
            daemon: None,
            file_limit: None,
            dir,
        };
        let hooks = world.repo.bare.join("hooks");
        std::fs::remove_dir_all(&hooks).unwrap();
        std::fs::create_dir(&hooks).unwrap();
        world.ssh("");
        world.configure();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self) {
        let bare = self.repo.bare.display();
        let url = match self.kind {
            Kind::InPlace => bare.to_string(),
            Kind::Mirrored => format!("file://{bare}"),
            Kind::Ssh => format!("ssh://git@shop.example{bare}"),
        };
        let mut text = format!(
            "repository:\n  url: {url}\n  poll_interval: {}\nstate_dir: {}\nenvironments:\n  production:\n    branch: {}\n    store:\n      url: {}\n      oauth:\n",
            self.poll,
            self.path("state").display(),
            self.branch,
            self.shop.url,
        );
        for secret in SECRETS {
            let file = self.path(secret);
            std::fs::write(&file, self.shop.oauth[secret].as_str().unwrap()).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            writeln!(text, "        {secret}: {{ file: {} }}", file.display()).unwrap();
        }
        std::fs::write(self.path("gitmage.yaml"), text).unwrap();
    }

    /// Polls so rarely that nothing is found by it.
    pub(crate) fn do_not_poll(&mut self) {
        self.poll = "1h";
        self.configure();
    }

    /// Names another branch in the configuration, for the next start.
    pub(crate) fn correct_branch(&mut self, branch: &'static str) {
        self.branch = branch;
        self.configure();
    }

    /// Puts something in the place of ssh: these lines of shell, then the command on this host.
    pub(crate) fn ssh(&self, first: &str) {
        let text = format!("for command; do :; done\n{first}\nexec sh -c \"$command\"\n");
        script(&self.path("ssh"), &text);
    }

    /// A hook of the shared repository that refuses pushes of the ledger with these words.
    pub(crate) fn refuse_ledger(&self, words: &str) {
        let text = format!(
            "while read -r _ _ ref; do case $ref in refs/heads/rollback/*) echo {words:?} >&2; exit 1 ;; esac; done\n"
        );
        self.hook("pre-receive", &text);
    }

    pub(crate) fn hook(&self, name: &str, text: &str) {
        script(&self.repo.bare.join("hooks").join(name), text);
    }

    pub(crate) fn remove_hook(&self, name: &str) {
        std::fs::remove_file(self.repo.bare.join("hooks").join(name)).unwrap();
    }

    /// Commits a release file with this title; not pushed.
    pub(crate) fn prepare(&self, title: &str) -> String {
        let text = format!(
            "changes:\n  - kind: cms_block\n    key: hero\n    fields:\n      title: {title}\n      content: {title}\n"
        );
        self.repo.prepare("hero", &text, title)
    }

    /// The same, pushed.
    pub(crate) fn release(&self, title: &str) -> String {
        let commit = self.prepare(title);
        self.repo.push();
        commit
    }

    /// The same: its objects are in the shared repository, but no branch has it.
    pub(crate) fn deposit(&self, title: &str) -> String {
        let commit = self.prepare(title);
        self.repo
            .git(&["push", "-q", "origin", "HEAD:refs/told/main"]);
        commit
    }

    /// Moves a branch of the shared repository, without a look at what it is moved to.
    pub(crate) fn point(&self, branch: &str, commit: &str) {
        let reference = self.repo.bare.join("refs/heads").join(branch);
        let new = self.path("reference");
        std::fs::write(&new, format!("{commit}\n")).unwrap();
        std::fs::rename(new, reference).unwrap();
    }

    /// The file of a loose object of the shared repository.
    pub(crate) fn object(&self, revision: &str) -> PathBuf {
        let id = self.repo.git_bare(&["rev-parse", revision]);
        self.repo.bare.join("objects").join(&id[..2]).join(&id[2..])
    }

    /// The program, on a disk as full as it is.
    fn product(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_gitmage");
        let mut command = match self.file_limit {
            None => Command::new(program),
            Some(blocks) => {
                // Soft, so that it can be raised later; the signal would end the program.
                let limited = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$@\"");
                let mut command = Command::new("sh");
                command.args(["-c", &limited, "sh", program]);
                command
            }
        };
        command
            .current_dir(self.dir.path())
            .env_remove("GITMAGE_CONFIG")
            .env_remove("NOTIFY_SOCKET")
            .env("GIT_SSH_COMMAND", self.path("ssh"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("daemon.log"))
            .unwrap();
        let mut command = self.product();
        let child = command
            .args(["daemon", "--config", "gitmage.yaml"])
            .env("RUST_LOG", "warn,gitmage=info")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemon = Some(child);
        let socket = self.path("state/control.sock");
        self.until("the daemon listens", || socket.exists().then_some(()));
    }

    pub(crate) fn start_if_stopped(&mut self) {
        if self.daemon.is_none() {
            self.start();
        }
    }

    /// Asks the daemon to stop, and expects that it does so well.
    pub(crate) fn stop(&mut self) {
        let mut child = self.daemon.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.until("stopped", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// The daemon starts anew and may write so many blocks into one file: its disk is full.
    pub(crate) fn restart_on_a_full_disk(&mut self, blocks: u32) {
        self.stop();
        self.file_limit = Some(blocks);
        self.start();
    }

    /// There is space again, for the daemon that runs.
    pub(crate) fn free_space(&mut self) {
        self.file_limit = None;
        let child = self.daemon.as_ref().unwrap();
        let none = rustix::process::Rlimit {
            current: None,
            maximum: None,
        };
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, none).unwrap();
    }

    /// Any verb, to its end.
    pub(crate) fn gitmage(&self, args: &[&str]) -> Run {
        let output = self
            .product()
            .args(args)
            .args(["--config", "gitmage.yaml"])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Run {
            code: output.status.code(),
            said: String::from_utf8(said).unwrap(),
        }
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self
            .product()
            .args(args)
            .args(["--config", "gitmage.yaml", "--format", "json"])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr)))
    }

    /// Waits until `gitmage status` says so of the environment.
    #[track_caller]
    pub(crate) fn until_status(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let document = self.json(&["status"]);
            let status = &document["environments"][0];
            if is_so(status) {
                return status.clone();
            }
            seen = document;
        }
        panic!("last seen: {seen:#}\n{}", self.log());
    }

    /// Waits until everything up to a commit is in effect.
    #[track_caller]
    pub(crate) fn live(&self, commit: &str) {
        let status = self.until_status(|s| s["state"] == "synced" && s["live"] == commit);
        assert_eq!(status["head"], commit);
        assert_eq!(status["message"], Value::Null);
    }

    pub(crate) fn title(&self) -> Value {
        self.shop.field("cms_block", "hero", "all", "title")
    }

    /// The title that was there before the newest release with this subject, as its snapshot says.
    #[track_caller]
    pub(crate) fn before(&self, subject: &str) -> Value {
        let listed = self.json(&["releases"]);
        let release = listed["releases"]
            .as_array()
            .unwrap_or_else(|| panic!("{listed}"))
            .iter()
            .find(|release| release["subject"] == subject)
            .unwrap_or_else(|| panic!("no {subject}: {listed:#}"))
            .clone();
        let shown = self.json(&["show", release["id"].as_str().unwrap()]);
        let fields = shown["changes"][0]["fields"].as_array().unwrap().clone();
        let title = fields.iter().find(|field| field["field"] == "title");
        title.unwrap_or_else(|| panic!("no title: {shown:#}"))["before"].clone()
    }

    #[track_caller]
    fn until<T>(&self, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = check() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "never: {what}\n{}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Returns what the daemon has said, for a test that fails.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(self.path("daemon.log")) {
            file.read_to_string(&mut text).unwrap();
        }
        text
    }
}

/// An executable shell script.
fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
