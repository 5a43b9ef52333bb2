//! The scene that the demo needs: a directory, a store, repositories, the daemon. All of it goes
//! when the scene is closed or dropped.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::assembly;
use crate::daemon::control::socket;
use crate::domain::Release;
use crate::git::Repository;
use crate::reconcile::load;
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::settings::{SecretSource, Settings};

/// The time that anything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(25);
/// Lines of the daemon's log that a failure shows.
const TAIL: usize = 30;

pub(super) const BRANCH: &str = "rollback/production";

/// Everything around the story.
pub(super) struct Scene {
    dir: tempfile::TempDir,
    pub(super) sandbox: Sandbox,
    daemon: Child,
    settings: Settings<SecretSource>,
    repository: Repository,
}

impl Scene {
    /// Starts a store, makes a bare repository with a clone of it, and starts the daemon.
    pub(super) async fn open() -> Result<Self, String> {
        let dir = tempfile::Builder::new()
            .prefix("gitmage-demo-")
            .tempdir()
            .map_err(|e| format!("no scratch directory: {e}"))?;
        let sandbox = Sandbox::start(SandboxOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        let root = dir.path();
        git(
            root,
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "shop.git",
            ],
        )?;
        git(root, &["clone", "--quiet", "shop.git", "shop"])
            .and_then(|_| git(&root.join("shop"), &["checkout", "--quiet", "-B", "main"]))?;
        write(root, "shop/README.md", "Release files of the shop.\n")?;
        commit_and_push(&root.join("shop"), "Begin")?;
        configure(root, &sandbox)?;
        let config = root.join("gitmage.yaml");
        let settings = Settings::load_without_secrets(Some(&config)).map_err(|e| e.to_string())?;
        let repository = assembly::repository(&settings, None).map_err(|e| e.to_string())?;
        let daemon = start_daemon(root)?;
        let mut scene = Self {
            dir,
            sandbox,
            daemon,
            settings,
            repository,
        };
        // What is pushed from now on is seen by the watch, not by the first look.
        let socket = socket(&scene.root().join("state"));
        let begun = Instant::now();
        while !socket.exists() {
            if let Err(error) = scene.look_again("the daemon listened", begun).await {
                return Err(format!("{error}\n{}", scene.log_tail()));
            }
        }
        Ok(scene)
    }

    /// The directory of it all.
    pub(super) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The clone that a developer works in.
    pub(super) fn clone_dir(&self) -> PathBuf {
        self.root().join("shop")
    }

    /// The releases of the ledger, newest first.
    fn releases(&self) -> Result<Vec<Release>, String> {
        let environment = self
            .settings
            .environments
            .values()
            .next()
            .ok_or("no environment")?;
        let branch = &environment.rollback_branch;
        let ledger = self.repository.ledger(branch, environment.name.as_str());
        let ledger = load(&ledger, branch).map_err(|e| e.to_string())?;
        Ok(ledger.book.views())
    }

    /// Waits until the ledger holds what is looked for.
    pub(super) async fn wait_for<T>(
        &mut self,
        what: &str,
        found: impl Fn(&[Release]) -> Option<T>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        loop {
            // In place and small: no thread of its own is needed.
            if let Some(found) = found(&self.releases()?) {
                return Ok(found);
            }
            self.look_again(what, begun).await?;
        }
    }

    /// A pause, unless there is nothing to wait for any more.
    async fn look_again(&mut self, what: &str, begun: Instant) -> Result<(), String> {
        if let Ok(Some(status)) = self.daemon.try_wait() {
            return Err(format!("the daemon ended before {what}: {status}"));
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!(
                "more than {} s went by before {what}",
                PATIENCE.as_secs()
            ));
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Asks the daemon to stop, and waits for it.
    pub(super) async fn stop_daemon(&mut self) -> Result<(), String> {
        let pid = self
            .daemon
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .ok_or("the daemon has ended already")?;
        kill_process(pid, Signal::TERM).map_err(|e| format!("cannot signal the daemon: {e}"))?;
        match tokio::time::timeout(PATIENCE, self.daemon.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the daemon ended with {status}")),
            Ok(Err(error)) => Err(format!("the daemon cannot be waited for: {error}")),
            Err(_) => Err("the daemon did not stop".to_owned()),
        }
    }

    /// The end of the daemon's log.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.root().join("daemon.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Ends everything; the directory stays when it shall be kept.
    pub(super) async fn close(self, keep: bool) -> Option<PathBuf> {
        let Self {
            dir,
            sandbox,
            mut daemon,
            ..
        } = self;
        // What has ended already cannot be ended.
        let _ = daemon.kill().await;
        sandbox.shutdown().await;
        keep.then(|| dir.keep())
    }
}

fn start_daemon(root: &Path) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|e| format!("where is gitmage? {e}"))?;
    let log = fs::File::create(root.join("daemon.log")).map_err(|e| e.to_string())?;
    tokio::process::Command::new(program)
        .arg("daemon")
        .arg("--config")
        .arg(root.join("gitmage.yaml"))
        .current_dir(root)
        // It reports to nobody but us.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .env_remove("GITMAGE_CONFIG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("the daemon cannot be started: {e}"))
}

fn configure(root: &Path, sandbox: &Sandbox) -> Result<(), String> {
    let ready: serde_json::Value =
        serde_json::from_str(&sandbox.ready_line()).map_err(|e| e.to_string())?;
    let mut oauth = String::new();
    for name in [
        "consumer_key",
        "consumer_secret",
        "access_token",
        "access_token_secret",
    ] {
        secret(
            root,
            name,
            ready["oauth"][name].as_str().unwrap_or_default(),
        )?;
        oauth.push_str(&format!("        {name}: {{ file: secrets/{name} }}\n"));
    }
    let yaml = format!(
        "repository:\n  url: {:?}\nstate_dir: {:?}\nenvironments:\n  production:\n    branch: main\n    store:\n      url: {}\n      oauth:\n{oauth}",
        root.join("shop.git"),
        root.join("state"),
        sandbox.url(),
    );
    write(root, "gitmage.yaml", &yaml)
}

fn secret(root: &Path, name: &str, value: &str) -> Result<(), String> {
    use std::io::Write as _;
    let folder = root.join("secrets");
    fs::create_dir_all(&folder)
        .and_then(|()| {
            fs::File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(folder.join(name))
        })
        .and_then(|mut file| file.write_all(value.as_bytes()))
        .map_err(|e| format!("the secret {name} cannot be written: {e}"))
}

/// Writes a file below the root.
pub(super) fn write(root: &Path, path: &str, text: &str) -> Result<(), String> {
    let file = root.join(path);
    let folder = file.parent().unwrap_or(root);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|e| format!("{path} cannot be written: {e}"))
}

/// Commits everything in a clone and pushes it.
pub(super) fn commit_and_push(clone: &Path, message: &str) -> Result<(), String> {
    git(clone, &["add", "--all"])?;
    git(clone, &["commit", "--quiet", "-m", message])?;
    git(clone, &["push", "--quiet", "origin", "main"]).map(drop)
}

/// Runs git with nothing of the host but its programs: no configuration, no hooks, no prompt.
pub(super) fn git(dir: &Path, args: &[&str]) -> Result<String, String> {
    let inherited = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "GIT_EXEC_PATH"];
    let known = inherited
        .iter()
        .filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs(known)
        .env("HOME", dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Ada Demo")
        .env("GIT_AUTHOR_EMAIL", "ada@shop.example")
        .env("GIT_COMMITTER_NAME", "Ada Demo")
        .env("GIT_COMMITTER_EMAIL", "ada@shop.example")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("git cannot be run ({e}); install it"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "git {} failed: {}",
        args.first().unwrap_or(&""),
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
