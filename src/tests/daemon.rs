//! The program as a child process, with real repositories and a store on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "tests"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use gitmage::assembly;
use gitmage::daemon::status::{self, TroubleState};
use gitmage::domain::{Release, ReleaseKind, ReleaseStatus};
use gitmage::reconcile::{LedgerSnapshot, load};
use gitmage::sandbox::{Faults, LoggedRequest, Sandbox, SandboxOptions};
use gitmage::settings::{EnvironmentName, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gitmage");
/// Far longer than anything takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition; the deadline is a failure.
fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A directory with a bare repository, a clone of it, a store and a configuration.
struct World {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
    daemon: Option<Child>,
}

/// What differs between the worlds.
struct Plan {
    by_url: bool,
    poll: &'static str,
    environments: &'static [(&'static str, &'static str)],
    latency: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            by_url: false,
            // So long that only the watch can be the reason.
            poll: "1h",
            environments: &[("production", "main")],
            latency: Duration::ZERO,
        }
    }
}

impl World {
    async fn new(plan: Plan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        git(
            root,
            &["init", "-q", "--bare", "--initial-branch=main", "shop.git"],
        );
        git(root, &["clone", "-q", "shop.git", "shop"]);
        git(&root.join("shop"), &["checkout", "-q", "-B", "main"]);
        let sandbox = Sandbox::start(SandboxOptions {
            latency: plan.latency,
            ..SandboxOptions::default()
        })
        .await
        .unwrap();
        let world = Self {
            dir,
            sandbox,
            daemon: None,
        };
        world.configure(&plan);
        world.write("README.md", "A shop.\n");
        world.push("Begin");
        world
    }

    fn configure(&self, plan: &Plan) {
        let ready: Value = serde_json::from_str(&self.sandbox.ready_line()).unwrap();
        let mut oauth = String::new();
        for (name, value) in ready["oauth"].as_object().unwrap() {
            let path = self.path(name);
            fs::write(&path, value.as_str().unwrap()).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            oauth.push_str(&format!("        {name}: {{ file: {name} }}\n"));
        }
        let repository = self.path("shop.git").display().to_string();
        let url = if plan.by_url {
            format!("file://{repository}")
        } else {
            repository
        };
        let mut yaml = format!(
            "repository:\n  url: {url:?}\n  poll_interval: {}\nstate_dir: {:?}\nenvironments:\n",
            plan.poll,
            self.path("state")
        );
        for (number, (name, branch)) in plan.environments.iter().enumerate() {
            // Two environments of one store must not share fields; here they share no files.
            yaml.push_str(&format!(
                "  {name}:\n    branch: {branch}\n    releases: \"releases{number}/*.yaml\"\n    store:\n      url: {}\n      oauth:\n{oauth}",
                self.sandbox.url()
            ));
        }
        fs::write(self.path("gitmage.yaml"), yaml).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    fn clone_dir(&self) -> PathBuf {
        self.path("shop")
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.clone_dir().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A release file that sets the content of blocks.
    fn blocks(&self, folder: usize, blocks: &[(&str, &str)]) {
        let mut yaml = "changes:\n".to_owned();
        for (key, content) in blocks {
            yaml.push_str(&format!(
                "  - kind: cms_block\n    key: {key}\n    fields:\n      content: {content:?}\n"
            ));
        }
        self.write(&format!("releases{folder}/one.yaml"), &yaml);
    }

    /// Commits everything and pushes it; the answer is the commit.
    fn push(&self, message: &str) -> String {
        let clone = self.clone_dir();
        git(&clone, &["add", "--all"]);
        git(&clone, &["commit", "-q", "-m", message]);
        git(&clone, &["push", "-q", "origin", "HEAD"]);
        git(&clone, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .arg("--config")
            .arg(self.path("gitmage.yaml"))
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn start(&mut self) {
        self.start_with(|command| command);
    }

    fn start_with(&mut self, change: impl FnOnce(&mut Command) -> &mut Command) {
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.path("daemon.log"))
            .unwrap();
        let mut command = self.command(&["daemon"]);
        change(&mut command);
        command.stdout(Stdio::null()).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
        let socket = self.state_dir().join("control.sock");
        until("the daemon listens", || socket.exists().then_some(()));
    }

    fn signal(&self, signal: Signal) {
        let id = self.daemon.as_ref().unwrap().id();
        let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().unwrap();
        let status = until("the daemon ends", || daemon.try_wait().unwrap());
        drop(daemon);
        status
    }

    fn ledger(&self, environment: &str) -> LedgerSnapshot {
        let settings = Settings::load_without_secrets(Some(&self.path("gitmage.yaml"))).unwrap();
        // What the bare repository holds counts, however the daemon reaches it.
        let mut settings = settings;
        settings.repository.url = gitmage::settings::RepositoryUrl::Path(self.path("shop.git"));
        let repository = assembly::repository(&settings, None).unwrap();
        let name = EnvironmentName::new(environment).unwrap();
        let branch = &settings.environments[&name].rollback_branch;
        load(&repository.ledger(branch, environment), branch).unwrap()
    }

    fn releases(&self, environment: &str) -> Vec<Release> {
        self.ledger(environment).book.views()
    }

    /// Waits for the release of a commit to come to an end.
    fn handled(&self, environment: &str, commit: &str) -> Release {
        until("the release is handled", || {
            let releases = self.releases(environment);
            let release = releases.into_iter().find(|r| r.commit.as_str() == commit)?;
            release.finished_at.is_some().then_some(release)
        })
    }

    fn content(&self, block: &str) -> String {
        let dump = self.sandbox.dump();
        let content = &dump["cms_block"][block]["all"]["content"];
        content.as_str().unwrap().to_owned()
    }

    fn fail(&self, faults: Value) {
        let faults: Faults = serde_json::from_value(faults).unwrap();
        self.sandbox.set_faults(faults);
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // A test that failed left it behind.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.com")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_deploys_and_a_revert_rolls_back() {
    let mut world = World::new(Plan::default()).await;
    let before = world.content("home-hero");
    world.start();
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    let release = world.handled("production", &commit);
    assert_eq!(release.status, ReleaseStatus::Live, "{:?}", release.message);
    assert_eq!(world.content("home-hero"), "<h1>New</h1>");

    git(&world.clone_dir(), &["revert", "--no-edit", "HEAD"]);
    git(&world.clone_dir(), &["push", "-q", "origin", "HEAD"]);
    let revert = git(&world.clone_dir(), &["rev-parse", "HEAD"]);
    let rollback = world.handled("production", revert.trim());
    assert_eq!(rollback.kind, ReleaseKind::Rollback);
    assert_eq!(rollback.status, ReleaseStatus::Live);
    assert_eq!(world.content("home-hero"), before);
    let releases = world.releases("production");
    assert_eq!(releases[1].status, ReleaseStatus::RolledBack);

    world.signal(Signal::TERM);
    assert_eq!(world.ended().code(), Some(0));
    assert!(!world.state_dir().join("control.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_is_polled() {
    let mut world = World::new(Plan {
        by_url: true,
        poll: "100ms",
        ..Plan::default()
    })
    .await;
    world.start();
    for content in ["<h1>One</h1>", "<h1>Two</h1>"] {
        world.blocks(0, &[("home-hero", content)]);
        let commit = world.push(content);
        let release = world.handled("production", &commit);
        assert_eq!(release.status, ReleaseStatus::Live, "{:?}", release.message);
        assert_eq!(world.content("home-hero"), content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_environment_blocks_no_other_and_recovers_by_a_push() {
    let mut world = World::new(Plan {
        environments: &[("production", "main"), ("staging", "staging")],
        ..Plan::default()
    })
    .await;
    world.start();
    let state_dir = world.state_dir();
    let trouble = until("staging is stalled", || status::read(&state_dir, "staging"));
    assert_eq!(trouble.state, TroubleState::Stalled);
    assert!(
        trouble.message.contains("no branch staging"),
        "{}",
        trouble.message
    );
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    assert_eq!(
        world.handled("production", &commit).status,
        ReleaseStatus::Live
    );
    assert_eq!(status::read(&state_dir, "production"), None);

    git(&world.clone_dir(), &["checkout", "-q", "-b", "staging"]);
    world.blocks(1, &[("old-hero", "<h1>Old</h1>")]);
    let commit = world.push("Staging");
    assert_eq!(
        world.handled("staging", &commit).status,
        ReleaseStatus::Live
    );
    until("staging is not stalled any more", || {
        status::read(&state_dir, "staging").is_none().then_some(())
    });
    let said = world
        .log()
        .matches("stalled: the repository has no branch")
        .count();
    assert_eq!(said, 1, "said again and again: {}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_of_a_release_it_parks_and_resumes() {
    let mut world = World::new(Plan {
        latency: Duration::from_millis(150),
        ..Plan::default()
    })
    .await;
    let keys: Vec<String> = (0..24).map(|number| format!("block-{number:02}")).collect();
    let mut yaml = "changes:\n".to_owned();
    for key in &keys {
        yaml.push_str(&format!(
            "  - kind: cms_block\n    key: {key}\n    fields: {{ title: T, content: C }}\n"
        ));
    }
    world.write("releases0/many.yaml", &yaml);
    let commit = world.push("Many");
    world.start();
    until("the snapshot is recorded", || {
        world.ledger("production").state?.pass
    });
    world.signal(Signal::TERM);
    assert_eq!(world.ended().code(), Some(0));
    let state = world.ledger("production").state.unwrap();
    assert!(state.pass.is_some(), "nothing was left in hand");
    assert_eq!(state.lease, None);
    let first = world.releases("production").remove(0).snapshot;

    world.start();
    let release = world.handled("production", &commit);
    assert_eq!(release.status, ReleaseStatus::Live, "{:?}", release.message);
    assert_eq!(release.snapshot, first);
    let dump = world.sandbox.dump();
    for key in &keys {
        assert_eq!(dump["cms_block"][key]["all"]["content"], "C", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_nothing_is_lost() {
    let mut world = World::new(Plan::default()).await;
    world.fail(json!({"rules": [{"match": {"method": "PUT", "identifier": "home-hero"}, "action": {"delay_ms": 3_600_000}}]}));
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    world.start();
    until("the block is being written", || {
        let requests = world.sandbox.requests();
        let is_write = |r: &LoggedRequest| r.identifier.as_deref() == Some("home-hero");
        requests.iter().any(is_write).then_some(())
    });
    world.signal(Signal::TERM);
    until("it waits for the write", || {
        world.log().contains("stopping:").then_some(())
    });
    world.signal(Signal::TERM);
    assert_eq!(world.ended().code(), Some(143));

    world.fail(json!({}));
    // The socket that was left behind is in nobody's way.
    world.start();
    let release = world.handled("production", &commit);
    assert_eq!(release.status, ReleaseStatus::Live, "{:?}", release.message);
    assert_eq!(world.content("home-hero"), "<h1>New</h1>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_over_the_socket_of_its_owner() {
    let mut world = World::new(Plan::default()).await;
    world.start();
    let socket = world.state_dir().join("control.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let words = "A block identifier with the same properties already exists in the selected store.";
    world.fail(json!({"rules": [{
        "match": {"method": "PUT", "path": "cmsBlock"},
        "times": 1,
        "action": {"respond": {
            "status": 400,
            "content_type": "application/json",
            "body": json!({"message": words}).to_string(),
        }},
    }]}));
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    let release = world.handled("production", &commit);
    assert_eq!(release.status, ReleaseStatus::Failed);

    let unknown = world.run(&["retry", "0123456789"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains(&commit[..10]), "{unknown:?}");

    let refused = world.run(&["reconcile", "--rebootstrap", "adopt"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("a daemon runs"),
        "{refused:?}"
    );

    let still = world.run(&["reconcile"]);
    assert_eq!(still.status.code(), Some(1));
    assert!(text(&still.stdout).contains(words), "{still:?}");

    let retried = world.run(&["retry", &commit[..8]]);
    assert_eq!(retried.status.code(), Some(0), "{retried:?}");
    assert!(text(&retried.stdout).contains("live"), "{retried:?}");
    assert_eq!(world.content("home-hero"), "<h1>New</h1>");

    let again = world.run(&["retry", "HEAD"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again.stdout).contains("not failed"), "{again:?}");

    let idle = world.run(&["reconcile", "--env", "production"]);
    assert_eq!(idle.status.code(), Some(0));
    let line = format!("production: up to date at {}\n", &commit[..10]);
    assert_eq!(text(&idle.stdout), line);
    assert_eq!(text(&idle.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_the_pass_is_made_here() {
    let world = World::new(Plan::default()).await;
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    let made = world.run(&["reconcile"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let line = format!("production: {} deploy live: New hero", &commit[..10]);
    assert!(text(&made.stdout).starts_with(&line), "{made:?}");
    let idle = world.run(&["retry"]);
    assert_eq!(idle.status.code(), Some(0));
    assert!(text(&idle.stdout).contains("up to date at"), "{idle:?}");
    let unknown = world.run(&["reconcile", "--env", "staging"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("there are: production"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told() {
    let mut world = World::new(Plan::default()).await;
    let path = world.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let expect = |what: &str| {
        let mut buffer = [0; 4096];
        until(what, || {
            let length = socket.recv(&mut buffer).unwrap();
            let message = text(&buffer[..length]);
            message
                .lines()
                .any(|line| line.starts_with(what))
                .then_some(())
        });
    };
    world.start_with(|command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000")
    });
    expect("READY=1");
    expect("STATUS=production synced");
    expect("WATCHDOG=1");
    expect("WATCHDOG=1");
    world.signal(Signal::INT);
    expect("STOPPING=1");
    assert_eq!(world.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_waits_for_what_has_the_state_directory_and_is_none() {
    let mut world = World::new(Plan::default()).await;
    fs::create_dir_all(world.state_dir()).unwrap();
    let holder = fs::File::create(world.state_dir().join("holder")).unwrap();
    holder.lock().unwrap();
    let log = world.path("daemon.log");
    let waits = std::thread::spawn(move || {
        until("the daemon waits", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("waiting for another gitmage").then_some(())
        });
        drop(holder);
    });
    world.start();
    waits.join().unwrap();
    world.signal(Signal::TERM);
    assert_eq!(world.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused() {
    let mut world = World::new(Plan::default()).await;
    world.start();
    let second = world.run(&["daemon"]);
    assert_eq!(second.status.code(), Some(1));
    let error = text(&second.stderr);
    assert!(error.contains("another gitmage runs"), "{error}");
    assert!(
        error.contains(&world.state_dir().display().to_string()),
        "{error}"
    );
    // The first one still answers.
    assert_eq!(world.run(&["reconcile"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_at_the_start_is_waited_for() {
    let mut world = World::new(Plan::default()).await;
    world.fail(json!({"maintenance": true}));
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    world.start();
    let state_dir = world.state_dir();
    let trouble = until("production waits", || {
        status::read(&state_dir, "production")
    });
    assert_eq!(trouble.state, TroubleState::Waiting, "{}", trouble.message);
    world.fail(json!({}));
    let release = world.handled("production", &commit);
    assert_eq!(release.status, ReleaseStatus::Live, "{:?}", release.message);
    until("nothing is waited for any more", || {
        status::read(&state_dir, "production")
            .is_none()
            .then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_a_poke() {
    let mut world = World::new(Plan {
        by_url: true,
        ..Plan::default()
    })
    .await;
    world.start();
    until("the first pass is over", || {
        world.log().contains("up to date").then_some(())
    });
    world.blocks(0, &[("home-hero", "<h1>New</h1>")]);
    let commit = world.push("New hero");
    world.signal(Signal::USR1);
    assert_eq!(
        world.handled("production", &commit).status,
        ReleaseStatus::Live
    );
}

#[test]
fn the_demo_tells_its_story() {
    let output = Command::new(PROGRAM).arg("demo").output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("identical"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
}
