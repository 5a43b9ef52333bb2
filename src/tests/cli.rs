//! The program as its users run it: real repositories, the embedded store, real passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gitmage");

fn gitmage(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("GITMAGE_CONFIG");
    command
}

/// A child that does not outlive its test.
struct Running(Child);

impl Running {
    fn lines(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.0.stdout.take().unwrap())
    }

    /// Ends it as a terminal or a service manager would; its exit status.
    fn end(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(mut command: Command) -> Running {
    Running(command.stdout(Stdio::piped()).spawn().unwrap())
}

/// A repository, a store and a configuration that joins them.
struct World {
    dir: TempDir,
    sandbox: Running,
    secrets: Vec<(String, String)>,
}

impl World {
    fn new() -> Self {
        Self::with(&["production"], "")
    }

    /// `scheme` goes before the path of the repository: `file://` makes a mirror of it.
    fn with(names: &[&str], scheme: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut sandbox = start(gitmage(&["sandbox"]));
        let mut line = String::new();
        sandbox.lines().read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let secrets = ready["oauth"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, secret)| (name.to_uppercase(), secret.as_str().unwrap().to_owned()))
            .collect();
        let environments: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| {
                let oauth = json!({
                    "consumer_key": {"env": "CONSUMER_KEY"},
                    "consumer_secret": {"env": "CONSUMER_SECRET"},
                    "access_token": {"env": "ACCESS_TOKEN"},
                    "access_token_secret": {"env": "ACCESS_TOKEN_SECRET"},
                });
                let store = json!({"url": ready["url"], "oauth": oauth});
                let releases = format!("{name}/**/*.yaml");
                let environment = json!({"branch": "main", "releases": releases, "store": store});
                ((*name).to_owned(), environment)
            })
            .collect();
        let config = json!({
            "repository": {"url": format!("{scheme}{}", dir.path().join("repo").display())},
            "state_dir": dir.path().join("state"),
            "environments": environments,
        });
        fs::write(dir.path().join("gitmage.yaml"), config.to_string()).unwrap();
        let world = Self {
            dir,
            sandbox,
            secrets,
        };
        fs::create_dir(world.path("repo")).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(args)
            .current_dir(self.path("repo"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes one file and commits it.
    fn commit(&self, path: &str, content: &str) -> String {
        let file = self.path("repo").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", path]);
        self.head()
    }

    fn hero(&self, title: &str) -> String {
        self.commit(
            "production/hero.yaml",
            &format!("changes:\n  - kind: cms_block\n    key: home-hero\n    fields: {{ title: {title} }}\n"),
        )
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Without the secrets: what reads Git alone needs none.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = gitmage(args);
        command.current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn with_secrets(&self, args: &[&str]) -> Output {
        self.command(args)
            .envs(self.secrets.iter().map(|(k, v)| (k, v)))
            .output()
            .unwrap()
    }

    fn reconcile(&self) -> i32 {
        self.with_secrets(&["reconcile"]).status.code().unwrap()
    }

    /// Exit status and standard output as JSON.
    fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[args, &["--format", "json"]].concat());
        let value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code().unwrap(), value)
    }

    fn environment(&self) -> (i32, Value) {
        let (code, status) = self.json(&["status"]);
        (code, status["environments"][0].clone())
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_push_and_a_revert_as_the_commands_tell_it() {
    let world = World::new();
    let first = world.hero("Sale");
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (2, &json!("pending")));
    assert_eq!(status["head"], Value::Null);
    let (exit, releases) = world.json(&["releases"]);
    assert_eq!(exit, 0);
    assert_eq!(
        releases,
        json!({"environment": "production", "releases": []})
    );

    assert_eq!(code(&world.with_secrets(&["plan"])), 2);
    assert_eq!(world.reconcile(), 0);
    assert_eq!(code(&world.with_secrets(&["plan"])), 0);
    let (exit, status) = world.environment();
    assert_eq!(exit, 0);
    assert_eq!(
        status,
        json!({"name": "production", "branch": "main", "head": first, "live": first,
            "state": "synced", "message": null, "drift": []})
    );

    let quiet = world.commit("README", "nothing to see");
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["head"]), (0, &json!(quiet)));
    let waited = world.run(&["wait", &quiet, "--timeout", "0s"]);
    assert_eq!(code(&waited), 0, "{waited:?}");

    world.git(&["revert", "--no-edit", &first]);
    let late = world.run(&["wait", "HEAD", "--timeout", "10ms"]);
    assert_eq!(code(&late), 3, "{late:?}");
    assert_eq!(world.environment().1["head"], json!(quiet));
    assert_eq!(world.reconcile(), 0);
    assert_eq!(code(&world.run(&["wait", "HEAD"])), 0);
    let (_, releases) = world.json(&["releases"]);
    let told: Vec<_> = releases["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["kind"].clone(), r["status"].clone(), r["reverts"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("rollback"), json!("live"), json!([first])),
            (json!("deploy"), json!("rolled_back"), json!([])),
        ]
    );
    assert_eq!(code(&world.run(&["wait", &first])), 4);
}

#[test]
fn releases_and_show_have_exactly_their_keys() {
    let world = World::new();
    let commit = world.hero("Sale");
    assert_eq!(world.reconcile(), 0);
    let (_, list) = world.json(&["releases"]);
    let (_, shown) = world.json(&["show", "HEAD"]);
    let mut names = vec![
        "id",
        "kind",
        "status",
        "reverts",
        "commit",
        "branch",
        "subject",
        "author",
        "started_at",
        "finished_at",
        "snapshot",
        "message",
        "phases",
        "changes",
    ];
    let listed = &list["releases"][0];
    assert_eq!(keys(listed), names);
    names.push("activity");
    assert_eq!(keys(&shown), names);
    let change = [
        "kind", "key", "store", "action", "status", "error", "fields",
    ];
    assert_eq!(keys(&listed["changes"][0]), change);
    assert_eq!(keys(&shown["changes"][0]), change);
    assert_eq!(listed["changes"][0]["fields"], json!(["ensure", "title"]));
    assert_eq!(
        shown["changes"][0]["fields"][1],
        json!({"field": "title", "before": "Home hero", "after": "Sale", "observed": "Sale",
            "status": "written"})
    );
    assert_eq!(
        keys(&shown["activity"][0]),
        ["at", "phase", "level", "kind", "key", "store", "message"]
    );
    let started = shown["started_at"].as_str().unwrap();
    assert_eq!(started.len(), "2026-11-21T10:00:00.000Z".len(), "{started}");

    for word in [&commit[..4], &commit[..10], &commit, "main", "HEAD~0"] {
        assert_eq!(world.json(&["show", word]).1["id"], json!(commit), "{word}");
    }
    let unknown = world.run(&["show", "no-such-thing"]);
    assert_eq!(code(&unknown), 1);
    assert!(stderr(&unknown).contains("no-such-thing"));
}

#[test]
fn a_bad_commit_is_told_everywhere_and_does_not_block() {
    let world = World::new();
    world.hero("Sale");
    let good = world.head();
    assert_eq!(world.reconcile(), 0);
    let bad = world.commit(
        "production/bad.yaml",
        "changes:\n  - kind: cms_block\n    key: x\n    fields: { titel: x }\n",
    );

    let validated = world.run(&["validate"]);
    assert_eq!(code(&validated), 1);
    assert!(stdout(&validated).contains("production/bad.yaml:4:"));
    assert!(stdout(&validated).contains("1 critical"));
    let file = world.run(&["validate", "repo/production/bad.yaml"]);
    assert_eq!(code(&file), 1);
    let older = world.run(&["validate", "--rev", &good]);
    assert_eq!(code(&older), 0, "{older:?}");
    assert_eq!(code(&world.with_secrets(&["plan"])), 1);

    assert_eq!(world.reconcile(), 1);
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (2, &json!("failed")));
    assert_eq!(
        (&status["head"], &status["live"]),
        (&json!(bad), &json!(good))
    );
    assert_eq!(code(&world.run(&["wait", &bad])), 1);
    assert_eq!(world.json(&["show", &bad]).1["status"], json!("invalid"));

    world.commit("production/bad.yaml", "changes: []\n");
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (0, &json!("synced")), "{status}");
}

#[test]
fn a_plan_is_the_same_byte_for_byte() {
    let world = World::new();
    world.hero("Sale");
    for format in ["text", "json"] {
        let plan = || world.with_secrets(&["plan", "--format", format]);
        let (one, two) = (plan(), plan());
        assert_eq!(code(&one), 2);
        assert_eq!(stdout(&one), stdout(&two));
    }
    let plan = world.with_secrets(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(
        plan["summary"],
        json!({"create": 0, "update": 1, "delete": 0, "noop": 0, "errors": 0})
    );
}

#[test]
fn several_environments_are_listed_where_one_must_be_chosen() {
    let world = World::with(&["production", "staging"], "");
    world.hero("Sale");
    for verb in ["plan", "releases", "logs"] {
        let output = world.with_secrets(&[verb]);
        assert_eq!(code(&output), 1, "{verb}");
        assert!(stderr(&output).contains("--env: production, staging"));
    }
    assert_eq!(code(&world.run(&["releases", "--env", "staging"])), 0);
    let unknown = world.run(&["releases", "--env", "stagging"]);
    assert!(stderr(&unknown).contains("there are: production, staging"));
    let (_, status) = world.json(&["status"]);
    assert_eq!(status["environments"][0]["state"], json!("pending"));
    assert_eq!(
        status["environments"][1]["state"],
        json!("synced"),
        "a branch without release files asks for nothing"
    );
}

#[test]
fn a_remote_that_is_gone_leaves_what_is_known() {
    let world = World::with(&["production"], "file://");
    let commit = world.hero("Sale");
    assert_eq!(world.reconcile(), 0);
    assert_eq!(world.environment().1["state"], json!("synced"));
    fs::rename(world.path("repo"), world.path("gone")).unwrap();
    let output = world.run(&["status"]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(stdout(&output).contains(&commit[..10]));
    assert!(stderr(&output).contains("could not be brought up to date"));
    fs::remove_dir_all(world.path("state")).unwrap();
    assert_eq!(code(&world.run(&["status"])), 1);
}

#[test]
fn a_ledger_that_vanished_needs_a_person() {
    let world = World::new();
    world.hero("Sale");
    assert_eq!(world.reconcile(), 0);
    world.git(&["branch", "-D", "rollback/production"]);
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (2, &json!("stalled")));
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("rollback/production is gone"), "{message}");
}

#[test]
fn a_merge_stands_for_the_commits_that_it_brought_in() {
    let world = World::new();
    world.hero("Sale");
    world.git(&["checkout", "-q", "-b", "side"]);
    let side = world.hero("Winter");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
    let merge = world.head();
    assert_eq!(code(&world.run(&["wait", &side, "--timeout", "0s"])), 3);
    assert_eq!(world.reconcile(), 0);
    let output = world.run(&["wait", &side]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with(&merge[..10]), "{output:?}");
}

#[test]
fn an_entity_that_fails_is_told_with_its_reason() {
    let world = World::new();
    let commit = world.commit(
        "production/page.yaml",
        "changes:\n  - kind: cms_page\n    key: nowhere\n    ensure: existing\n    fields: { title: X }\n",
    );
    let plan = world.with_secrets(&["plan"]);
    assert_eq!(code(&plan), 1);
    assert!(stdout(&plan).contains("! cms_page nowhere (all) cannot: does not exist"));
    assert_eq!(world.reconcile(), 1);
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (2, &json!("failed")));
    assert!(status["message"].as_str().unwrap().contains("nowhere"));
    assert_eq!(code(&world.run(&["wait", &commit])), 1);
    let shown = stdout(&world.run(&["show", &commit]));
    assert!(shown.contains("! failed cms_page nowhere (all)"), "{shown}");
}

#[test]
fn a_field_that_two_environments_of_a_store_set_is_critical_in_both() {
    let world = World::with(&["production", "staging"], "");
    world.hero("Sale");
    assert_eq!(code(&world.run(&["validate"])), 0);
    let file = world.path("repo/production/hero.yaml");
    world.commit("staging/hero.yaml", &fs::read_to_string(file).unwrap());
    for (name, other) in [("production", "staging"), ("staging", "production")] {
        let (exit, found) = world.json(&["validate", "--env", name]);
        assert_eq!(exit, 1);
        assert_eq!(found["summary"]["critical"], json!(1), "{found}");
        let finding = &found["checked"][0]["findings"][0];
        assert_eq!(finding["id"], json!("two-environments"));
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains(other), "{message}");
    }
}

#[test]
fn what_a_daemon_waits_for_counts_while_it_runs() {
    let world = World::new();
    world.hero("Sale");
    assert_eq!(world.reconcile(), 0);
    fs::create_dir(world.path("state/status")).unwrap();
    fs::write(
        world.path("state/status/production.json"),
        json!({"state": "waiting", "message": "the store is down", "at": "2026-11-21T10:00:00.000Z"})
            .to_string(),
    )
    .unwrap();
    assert_eq!(world.environment().1["state"], json!("synced"));
    let holder = fs::File::open(world.path("state/holder")).unwrap();
    holder.lock().unwrap();
    let (exit, status) = world.environment();
    assert_eq!((exit, &status["state"]), (2, &json!("waiting")));
    assert_eq!(status["message"], json!("the store is down"));
}

#[test]
fn logs_follow_until_interrupted() {
    let world = World::new();
    world.hero("Sale");
    assert_eq!(world.reconcile(), 0);
    let mut following = start(world.command(&["logs", "-f"]));
    let mut lines = following.lines();
    let mut until = |needle: &str| {
        let mut line = String::new();
        while !line.contains(needle) {
            line.clear();
            assert_ne!(
                lines.read_line(&mut line).unwrap(),
                0,
                "ended before {needle}"
            );
        }
    };
    until("record");
    world.hero("Winter");
    assert_eq!(world.reconcile(), 0);
    until("set title");
    assert_eq!(following.end(Signal::INT), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [["schema", "config"], ["schema", "release"]] {
        let mut child = gitmage(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut words = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut words)
            .unwrap();
        assert_eq!(words, "");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_wrong_line_is_an_error_and_never_changes() {
    for args in [&["plan", "--formt", "json"][..], &["nonsense"], &[]] {
        let output = gitmage(args).output().unwrap();
        assert_eq!(code(&output), 1, "{args:?}");
        assert!(!stderr(&output).is_empty());
    }
    let help = gitmage(&["plan", "--help"]).output().unwrap();
    assert_eq!(code(&help), 0);
    assert!(stdout(&help).contains("Exit status: 0 no change, 2 changes, 1 error"));
    let unconfigured = gitmage(&["status", "--config", "no-such-file.yaml"])
        .output()
        .unwrap();
    assert_eq!(code(&unconfigured), 1);
    assert!(stderr(&unconfigured).contains("no-such-file.yaml"));
}

#[test]
fn colours_are_asked_for_or_seen() {
    let world = World::new();
    world.hero("Sale");
    let escape = |args: &[&str]| stdout(&world.run(args)).contains('\u{1b}');
    assert!(!escape(&["status"]), "a pipe is no terminal");
    assert!(escape(&["status", "--color", "always"]));
    assert!(!escape(&["--color", "never", "status"]));
}

#[test]
fn schemas_are_the_shipped_ones() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for what in ["release", "config"] {
        let shipped = root.join(format!("schemas/{what}.schema.json"));
        let printed = gitmage(&["schema", what]).output().unwrap();
        assert_eq!(stdout(&printed), fs::read_to_string(shipped).unwrap());
    }
}

#[test]
fn a_sandbox_ends_when_told() {
    let mut world = World::new();
    assert_eq!(world.sandbox.end(Signal::TERM), Some(0));
}
