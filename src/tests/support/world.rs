//! A shop, a repository and a configuration: what each scenario begins with.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::repo::Repo;
use super::shop::{SECRETS, Shop};
use super::waiting::signal;

/// How a world begins, where it is not the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Reach the repository over `file://`, so that it is mirrored.
    pub(crate) remote: bool,
    /// Further settings of the environment, one a line.
    pub(crate) settings: &'static str,
}

/// A shop, a repository and a configuration.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) shop: Shop,
    pub(crate) repo: Repo,
    remote: bool,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output and error together.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn converged(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.said());
        self
    }

    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert_eq!(self.code, Some(1), "{}", self.said());
        self
    }

    /// Failed, and said all of these.
    #[track_caller]
    pub(crate) fn failed_saying(self, words: &[&str]) -> Self {
        let run = self.failed();
        for word in words {
            assert!(run.said().contains(word), "no {word:?} in: {}", run.said());
        }
        run
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::at("store.git", options)
    }

    /// With settings of the environment, one a line.
    pub(crate) fn set_to(settings: &'static str) -> Self {
        Self::with(Options {
            settings,
            ..Options::default()
        })
    }

    /// With another path of the shared repository, below the world's own directory.
    pub(crate) fn at(path: &str, options: Options) -> Self {
        let dir = TempDir::new().unwrap();
        let world = Self {
            shop: Shop::open(),
            repo: Repo::at(dir.path(), path, &[]),
            remote: options.remote,
            dir,
        };
        world.configure(options.settings);
        world
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("gitmage.yaml")
    }

    /// Writes the configuration anew, with further settings of the one environment.
    pub(crate) fn configure(&self, settings: &str) {
        let production = self.environment("production", "main", &self.shop, settings);
        self.configure_all(&[production]);
    }

    /// One environment's part of a configuration.
    pub(crate) fn environment(
        &self,
        name: &str,
        branch: &str,
        shop: &Shop,
        settings: &str,
    ) -> String {
        let mut text = format!(
            "  {name}:\n    branch: {branch}\n    store:\n      url: {}\n      oauth:\n",
            shop.url
        );
        for secret in SECRETS {
            let file = self.dir.path().join(format!("{name}.{secret}"));
            std::fs::write(&file, format!("{}\n", shop.oauth[secret].as_str().unwrap())).unwrap();
            chmod(&file, 0o600);
            writeln!(text, "        {secret}: {{ file: {} }}", file.display()).unwrap();
        }
        for line in settings.lines() {
            match line.strip_prefix("store.") {
                // A setting of the store goes where the store is.
                Some(setting) => {
                    text = text.replacen(
                        "      oauth:\n",
                        &format!("      {setting}\n      oauth:\n"),
                        1,
                    );
                }
                None => writeln!(text, "    {line}").unwrap(),
            }
        }
        text
    }

    /// Puts another secret where the configuration looks for one.
    pub(crate) fn replace_secret(&self, secret: &str, value: &str) {
        std::fs::write(self.dir.path().join(format!("production.{secret}")), value).unwrap();
    }

    pub(crate) fn configure_all(&self, environments: &[String]) {
        let bare = self.repo.bare.display();
        let url = if self.remote {
            format!("file://{bare}")
        } else {
            bare.to_string()
        };
        let text = format!(
            "repository:\n  url: {url}\n  poll_interval: 200ms\nstate_dir: {}\nenvironments:\n{}",
            self.dir.path().join("state").display(),
            environments.concat()
        );
        std::fs::write(self.config(), &text).unwrap();
        let text = text
            .replacen(&format!("url: {url}"), &format!("url: {bare}"), 1)
            .replacen("/state\n", "/reader\n", 1);
        std::fs::write(self.reader(), text).unwrap();
    }

    /// A configuration for asking the shared repository in place.
    pub(crate) fn reader(&self) -> PathBuf {
        self.dir.path().join("reader.yaml")
    }

    /// The program, with arguments, as nobody's environment touches it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitmage"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GITMAGE_CONFIG")
            .stdin(Stdio::null());
        command
    }

    /// One pass.
    pub(crate) fn reconcile(&self) -> Run {
        self.reconcile_with(&[])
    }

    /// One pass, with arguments.
    pub(crate) fn reconcile_with(&self, args: &[&str]) -> Run {
        let mut all = vec!["reconcile"];
        all.extend(args);
        self.run(&all)
    }

    /// Any command. Whatever it prints is searched for secrets.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let output = self
            .command(args)
            .arg("-vv")
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap();
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        self.assert_no_secret(&run.said());
        run
    }

    /// A pass in the background; killed when dropped.
    pub(crate) fn start(&self) -> Background {
        let child = self
            .command(&["reconcile"])
            .arg("--config")
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Background(child)
    }

    /// A daemon, whose log is kept beside the configuration; killed when dropped.
    pub(crate) fn daemon(&self) -> Background {
        self.daemon_of(&self.config(), &self.log())
    }

    /// A daemon with its own configuration and log.
    pub(crate) fn daemon_of(&self, config: &Path, log: &Path) -> Background {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let child = self
            .command(&["daemon"])
            .arg("--config")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Background(child)
    }

    /// Returns what daemons said.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("daemon.log")
    }

    /// The releases, newest first, as `gitmage releases --format json` lists them.
    pub(crate) fn releases(&self) -> Vec<Value> {
        self.releases_of("production")
    }

    pub(crate) fn releases_of(&self, environment: &str) -> Vec<Value> {
        let list = self.ask(&["releases", "--env", environment]);
        list["releases"].as_array().unwrap().clone()
    }

    /// Returns what a command that reads Git alone says as JSON. It is asked of the shared repository
    /// itself, so that of a mirrored one too only what was pushed counts.
    fn ask(&self, args: &[&str]) -> Value {
        let output = self
            .command(args)
            .args(["--format", "json", "--config"])
            .arg(self.reader())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        self.assert_no_secret(&text);
        serde_json::from_str(&text).unwrap()
    }

    fn assert_no_secret(&self, text: &str) {
        for secret in self.shop.secrets() {
            assert!(!text.contains(&secret), "a secret in: {text}");
        }
    }

    /// The first release of a commit, as `gitmage show --format json` prints it.
    #[track_caller]
    pub(crate) fn release(&self, commit: &str) -> Value {
        let listed = self
            .find_release(commit)
            .unwrap_or_else(|| panic!("no release of {commit}: {:#?}", self.releases()));
        let id = listed["id"].as_str().unwrap();
        self.ask(&["show", id, "--env", "production"])
    }

    /// The first release of a commit, as it is listed.
    pub(crate) fn find_release(&self, commit: &str) -> Option<Value> {
        self.releases()
            .into_iter()
            .rev()
            .find(|r| r["commit"] == commit)
    }

    /// `deploy live`: kind and status of a commit's release.
    #[track_caller]
    pub(crate) fn stands(&self, commit: &str) -> String {
        let release = self
            .find_release(commit)
            .unwrap_or_else(|| panic!("no release of {commit}: {:#?}", self.releases()));
        format!(
            "{} {}",
            release["kind"].as_str().unwrap(),
            release["status"].as_str().unwrap()
        )
    }

    /// The ledger's newest commit.
    pub(crate) fn ledger(&self) -> Option<String> {
        self.repo.tip("rollback/production")
    }

    /// Files below the state directory, for searching them.
    pub(crate) fn state_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.dir.path().join("state"), &mut found);
        found
    }
}

/// Sets the rights of a file.
pub(crate) fn chmod(path: &Path, mode: u32) {
    let mut rights = std::fs::metadata(path).unwrap().permissions();
    rights.set_mode(mode);
    std::fs::set_permissions(path, rights).unwrap();
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A pass or a daemon in the background; killed when dropped.
pub(crate) struct Background(Child);

impl Background {
    /// As `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Reads its standard error up to a line with these words.
    pub(crate) fn wait_until_it_says(&mut self, words: &str) {
        let stderr = self.0.stderr.as_mut().unwrap();
        let mut lines = BufReader::new(stderr).lines();
        let found = lines.any(|line| line.unwrap().contains(words));
        assert!(found, "it never said {words:?}");
    }

    /// As a service manager ends it.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, number: Signal) {
        signal(&self.0, number);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// True if it has ended.
    pub(crate) fn ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Its exit status, once it ends.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // One that ended by itself needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The activity of a release, one line each.
pub(crate) fn activity(release: &Value) -> String {
    let lines = release["activity"].as_array().unwrap();
    let texts: Vec<&str> = lines
        .iter()
        .map(|l| l["message"].as_str().unwrap())
        .collect();
    texts.join("\n")
}

/// The change of one entity in a release.
#[track_caller]
pub(crate) fn change(release: &Value, kind: &str, key: &str) -> Value {
    release["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["kind"] == kind && c["key"] == key)
        .unwrap_or_else(|| panic!("no {kind} {key} in {release:#}"))
        .clone()
}

/// One field of one entity in a release.
#[track_caller]
pub(crate) fn field(release: &Value, kind: &str, key: &str, name: &str) -> Value {
    let change = change(release, kind, key);
    change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["field"] == name)
        .unwrap_or_else(|| panic!("no field {name} in {change:#}"))
        .clone()
}

/// A release file with changes of one field each: `kind`, `key`, `store`, `field`, `value`.
pub(crate) fn file(changes: &[(&str, &str, &str, &str, &str)]) -> String {
    let mut text = "changes:\n".to_owned();
    for (kind, key, store, field, value) in changes {
        writeln!(
            text,
            "  - kind: {kind}\n    key: {key}\n    store: {store}\n    fields:\n      {field}: {value}"
        )
        .unwrap();
    }
    text
}

/// A release file that sets the title of one block for all views.
pub(crate) fn title(key: &str, title: &str) -> String {
    file(&[("cms_block", key, "all", "title", title)])
}
