//! Reading configurations, right and wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::domain::kinds::Charset;
use crate::domain::{Findings, Severity};
use secrecy::ExposeSecret;

mod leaks;
mod shipped;

const OAUTH: &str = "{ consumer_key: { env: CK }, consumer_secret: { env: CS }, access_token: { env: AT }, access_token_secret: { env: AS } }";

/// A configuration that is right; each test spoils one thing.
fn minimal() -> String {
    format!(
        "\
repository:
  url: /srv/git/store.git
environments:
  production:
    branch: main
    store:
      url: https://shop.example.com
      oauth: {OAUTH}
"
    )
}

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn try_parse(text: &str) -> Result<Settings<SecretSource>, Findings> {
    parse::settings(
        text,
        Path::new("/etc/gitmage/gitmage.yaml"),
        "gitmage.yaml",
        &nothing,
    )
}

fn parsed(text: &str) -> Settings<SecretSource> {
    match try_parse(text) {
        Ok(settings) => settings,
        Err(findings) => panic!("{findings}"),
    }
}

fn findings(text: &str) -> Findings {
    try_parse(text).map(|_| ()).unwrap_err()
}

fn ids(findings: &Findings) -> Vec<&str> {
    findings.0.iter().map(|f| f.id.as_str()).collect()
}

/// The one finding of a text.
fn finding(text: &str) -> String {
    let findings = findings(text);
    assert_eq!(findings.0.len(), 1, "{findings}");
    findings.to_string()
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = parsed(&minimal());
    assert_eq!(
        settings.repository.url,
        RepositoryUrl::Path("/srv/git/store.git".into())
    );
    assert_eq!(settings.repository.poll_interval, Duration::from_secs(30));
    assert!(settings.repository.token.is_none());
    assert_eq!(settings.state_dir, PathBuf::from("/var/lib/gitmage"));
    let environment = &settings.environments["production"];
    assert_eq!(environment.branch, "main");
    assert_eq!(environment.rollback_branch, "rollback/production");
    assert_eq!(environment.releases, "releases/**/*.{yaml,yml}");
    assert_eq!(environment.store.concurrency, 4);
    assert_eq!(environment.store.timeout, Duration::from_secs(30));
    assert_eq!(environment.store.charset, Charset::Utf8mb3);
    assert_eq!(environment.bootstrap, Bootstrap::Deploy);
    assert_eq!(environment.on_failure, OnFailure::Keep);
    assert_eq!(environment.on_remove, OnRemove::Keep);
    assert_eq!(environment.on_conflict, OnConflict::Restore);
    assert_eq!(environment.history_rewrites, HistoryRewrites::Stall);
    assert_eq!(environment.writes, Writes::Rest);
    assert_eq!(settings.warnings, Findings::default());
}

#[test]
fn everything_can_be_said() {
    let settings = parsed(&format!(
        "\
repository:
  url: https://git.example.com/shop.git
  token: {{ file: token }}
  poll_interval: 5m
state_dir: state
environments:
  live-1:
    branch: live
    rollback_branch: undo/live
    releases: \"content/*.yml\"
    store:
      url: https://example.com/shop
      oauth: {OAUTH}
      concurrency: 8
      timeout: 500ms
      charset: utf8mb4
    bootstrap: adopt
    on_failure: restore
    on_remove: restore
    on_conflict: keep
    history_rewrites: follow
    writes: auto
"
    ));
    assert_eq!(
        settings.repository.token.unwrap().location,
        secrets::Location::File("/etc/gitmage/token".into())
    );
    assert_eq!(settings.repository.poll_interval, Duration::from_secs(300));
    assert_eq!(settings.state_dir, PathBuf::from("/etc/gitmage/state"));
    let environment = &settings.environments["live-1"];
    assert_eq!(environment.name.as_str(), "live-1");
    assert_eq!(environment.branch, "live");
    assert_eq!(environment.rollback_branch, "undo/live");
    assert_eq!(environment.releases, "content/*.yml");
    assert_eq!(environment.store.url.as_str(), "https://example.com/shop/");
    assert_eq!(environment.store.concurrency, 8);
    assert_eq!(environment.store.timeout, Duration::from_millis(500));
    assert_eq!(environment.store.charset, Charset::Utf8mb4);
    assert_eq!(environment.bootstrap, Bootstrap::Adopt);
    assert_eq!(environment.on_failure, OnFailure::Restore);
    assert_eq!(environment.on_remove, OnRemove::Restore);
    assert_eq!(environment.on_conflict, OnConflict::Keep);
    assert_eq!(environment.history_rewrites, HistoryRewrites::Follow);
    assert_eq!(environment.writes, Writes::Auto);
}

#[test]
fn all_findings_come_at_once_with_place_snippet_and_remedy() {
    insta::assert_snapshot!(findings(
        "\
repository:
  url: /srv/git/store.git
  poll_intervall: 30s
  token: { env: GIT_TOKEN }
environments:
  production:
    branch: 1.10
    store:
      url: https://shop.example.com   # the shop
      timeout: 30
      concurrency: 99
      charset: utf8
    on_failure: keeep
    drift: heal
    branch: main
  Staging: {}
"
    ), @r#"
    gitmage.yaml:3:3: critical: unknown key `poll_intervall` in `repository` [unknown-key]
     3 |   poll_intervall: ***
       |   ^
      = did you mean `poll_interval`?

    gitmage.yaml:4:3: critical: `repository.token` is for https URLs only [useless-token]
     4 |   token: { env: GIT_TOKEN }
       |   ^
      = leave it out: paths need none, and ssh uses keys

    gitmage.yaml:7:13: critical: `environments.production.branch` is a number, but must be text [wrong-type]
     7 |     branch: 1.10
       |             ^
      = put it in quotes

    gitmage.yaml:8:5: critical: `environments.production.store` lacks `oauth` [missing-key]
     8 |     store:
       |     ^
      = add `oauth:`

    gitmage.yaml:10:16: critical: "30" is no duration: it has no unit [bad-duration]
     10 |       timeout: 30
        |                ^
      = write a whole number and a unit (ms, s, m or h): 500ms, 30s, 5m, 1h

    gitmage.yaml:11:20: critical: `environments.production.store.concurrency` is no whole number from 1 to 32 [bad-number]
     11 |       concurrency: 99
        |                    ^
      = write a whole number from 1 to 32, without quotes

    gitmage.yaml:12:16: critical: `environments.production.store.charset` is "utf8", which it cannot be [bad-choice]
     12 |       charset: utf8
        |                ^
      = possible are `utf8mb3`, `utf8mb4`

    gitmage.yaml:13:17: critical: `environments.production.on_failure` is "keeep", which it cannot be [bad-choice]
     13 |     on_failure: keeep
        |                 ^
      = did you mean `keep`?

    gitmage.yaml:14:5: critical: `drift` in `environments.production` is not supported by this version [unsupported-key]
     14 |     drift: ***
        |     ^
      = leave it out until a version supports it

    gitmage.yaml:15:5: critical: the key `branch` was given in line 7 already [duplicate-key]
     15 |     branch: ***
        |     ^
      = keep one of the two

    gitmage.yaml:16:3: critical: an environment's name holds lower-case letters, digits, `-` and `_` only, and at most 63 of them [bad-name]
     16 |   Staging: {}
        |   ^
      = rename it, for example to production
    "#);
}

#[test]
fn an_unusable_file_is_one_finding() {
    insta::assert_snapshot!(finding(""), @r#"
    gitmage.yaml: critical: the file is empty, but must be a mapping [wrong-type]
      = write keys and values below it, indented by two spaces
    "#);
    insta::assert_snapshot!(finding("- a\n"), @r#"
    gitmage.yaml:1:1: critical: the file is a list, but must be a mapping [wrong-type]
     1 | - ***
       | ^
      = write keys and values below it, indented by two spaces
    "#);
    insta::assert_snapshot!(finding("repository: {\n"), @r#"
    gitmage.yaml:1:13: critical: the file is no valid YAML: unclosed bracket '{' [yaml-syntax]
     1 | repository: ***
       |             ^
      = check indentation, quotes and colons around this place; values are masked here on purpose
    "#);
    insta::assert_snapshot!(finding("a: 1\n---\nb: 2\n"), @r#"
    gitmage.yaml:3:1: critical: the file is no valid YAML: more than one document [yaml-syntax]
     3 | b: ***
       | ^
      = check indentation, quotes and colons around this place; values are masked here on purpose
    "#);
}

#[test]
fn bombs_and_pits_are_refused() {
    let pit = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(ids(&findings(&pit)), ["yaml-syntax"]);
    let mut bomb = "a0: &a0 x\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(ids(&findings(&bomb)), ["yaml-syntax"]);
}

#[test]
fn ledgers_are_shared_with_nothing() {
    let environments = |second: &str| {
        format!(
            "{}  staging: {{ {second}, store: {{ url: https://s.example.com, oauth: {OAUTH} }} }}\n",
            minimal()
        )
    };
    assert!(try_parse(&environments("branch: main")).is_ok());
    for (second, id) in [
        ("branch: rollback/production", "shared-rollback-branch"),
        (
            "branch: main, rollback_branch: main",
            "shared-rollback-branch",
        ),
        (
            "branch: dev, rollback_branch: main",
            "shared-rollback-branch",
        ),
        (
            "branch: dev, rollback_branch: dev",
            "shared-rollback-branch",
        ),
        (
            "branch: dev, rollback_branch: rollback/production",
            "shared-rollback-branch",
        ),
        ("branch: rollback", "clashing-branches"),
        (
            "branch: dev, rollback_branch: rollback/production/x",
            "clashing-branches",
        ),
        ("branch: dev, rollback_branch: main/x", "clashing-branches"),
    ] {
        let found = findings(&environments(second));
        assert!(found.0.iter().all(|f| f.id == id), "{second}: {found}");
    }
}

#[test]
fn later_keys_are_not_supported_yet() {
    for key in [
        "listen",
        "drift",
        "allowed_signers",
        "limits",
        "freeze",
        "hooks",
        "notify",
        "checks",
        "cache",
    ] {
        let text = format!("{}{key}: x\n", minimal());
        assert_eq!(ids(&findings(&text)), ["unsupported-key"], "{key}");
        let text = minimal().replace("    branch", &format!("    {key}: {{}}\n    branch"));
        assert_eq!(ids(&findings(&text)), ["unsupported-key"], "{key}");
    }
}

#[test]
fn tokens_are_for_https() {
    let text = minimal().replace(
        "/srv/git/store.git",
        "ssh://git@h/x.git\n  token: { env: T }",
    );
    assert_eq!(ids(&findings(&text)), ["useless-token"]);
}

#[test]
fn plain_http_is_a_warning_for_a_store() {
    let settings = parsed(&minimal().replace("https://shop.example.com", "http://magento:8080"));
    assert_eq!(ids(&settings.warnings), ["insecure-url"]);
    assert_eq!(settings.warnings.0[0].severity, Severity::Warning);
}

#[test]
fn anchors_and_merges_work() {
    let text = format!(
        "{}  staging:\n    branch: dev\n    store: &s\n      url: https://s.example.com\n      oauth: {OAUTH}\n  third:\n    branch: third\n    store:\n      <<: *s\n      url: https://t.example.com\n",
        minimal()
    );
    let settings = parsed(&text);
    assert_eq!(
        settings.environments["third"].store.url.as_str(),
        "https://t.example.com/"
    );
}

#[test]
fn systemd_names_the_state_directory_unless_the_file_does() {
    let systemd =
        |name: &str| (name == "STATE_DIRECTORY").then(|| OsString::from("/var/lib/a:/var/lib/b"));
    let path = Path::new("/etc/gitmage/gitmage.yaml");
    let settings = parse::settings(&minimal(), path, "f", &systemd).unwrap();
    assert_eq!(settings.state_dir, PathBuf::from("/var/lib/a"));
    let text = format!("{}state_dir: /srv/state\n", minimal());
    let settings = parse::settings(&text, path, "f", &systemd).unwrap();
    assert_eq!(settings.state_dir, PathBuf::from("/srv/state"));
}

#[test]
fn secrets_are_read_when_asked_for_and_every_missing_one_is_reported() {
    let variables = |name: &str| {
        matches!(name, "CK" | "AT").then(|| OsString::from(format!("value of {name}")))
    };
    let SettingsError::Invalid { findings, .. } =
        parsed(&minimal()).resolve_with(&variables).unwrap_err()
    else {
        panic!("another error");
    };
    insta::assert_snapshot!(findings, @r#"
    gitmage.yaml:8:62: critical: the environment variable CS is not set [missing-secret]
     8 |       oauth: { consumer_key: { env: CK }, consumer_secret: { env: CS }, access_token: { env: AT }, access_token_secret: { env: AS } }
       |                                                              ^
      = set CS, or say `file:` or `credential:` instead

    gitmage.yaml:8:123: critical: the environment variable AS is not set [missing-secret]
     8 |       oauth: { consumer_key: { env: CK }, consumer_secret: { env: CS }, access_token: { env: AT }, access_token_secret: { env: AS } }
       |                                                                                                                           ^
      = set AS, or say `file:` or `credential:` instead
    "#);

    let all = |name: &str| Some(OsString::from(format!("value-of-{name}")));
    let settings = parsed(&minimal()).resolve_with(&all).unwrap();
    let oauth = &settings.environments["production"].store.oauth;
    assert_eq!(oauth.consumer_key.expose_secret(), "value-of-CK");
    assert_eq!(oauth.consumer_secret.expose_secret(), "value-of-CS");
    assert_eq!(oauth.access_token.expose_secret(), "value-of-AT");
    assert_eq!(oauth.access_token_secret.expose_secret(), "value-of-AS");
    assert!(!format!("{settings:?}").contains("value-of"));
}

#[test]
fn the_file_is_looked_for_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let local = dir.path().join("gitmage.yaml");
    let system = dir.path().join("etc.yaml");
    let usual = [local.as_path(), system.as_path()];
    let variable = |name: &str| (name == "GITMAGE_CONFIG").then(|| OsString::from("/from/env"));
    let empty = |_: &str| Some(OsString::new());

    let error = load::find(None, &nothing, &usual).unwrap_err().to_string();
    for place in ["--config", "GITMAGE_CONFIG", "gitmage.yaml", "etc.yaml"] {
        assert!(error.contains(place), "{error}");
    }
    std::fs::write(&system, "").unwrap();
    assert_eq!(load::find(None, &nothing, &usual).unwrap(), system);
    std::fs::write(&local, "").unwrap();
    assert_eq!(load::find(None, &empty, &usual).unwrap(), local);
    assert_eq!(
        load::find(None, &variable, &usual).unwrap(),
        PathBuf::from("/from/env")
    );
    let explicit = Path::new("/from/line");
    assert_eq!(
        load::find(Some(explicit), &variable, &usual).unwrap(),
        explicit
    );
}

#[test]
fn a_file_is_read_from_disk_with_paths_relative_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gitmage.yaml");
    assert!(matches!(
        load::read(&path, &nothing),
        Err(SettingsError::Unreadable { .. })
    ));
    std::fs::write(&path, minimal().replace("/srv/git/store.git", "store.git")).unwrap();
    let settings = load::read(&path, &nothing).unwrap();
    assert_eq!(settings.path, path);
    assert_eq!(
        settings.repository.url,
        RepositoryUrl::Path(dir.path().join("store.git"))
    );
    for bytes in [&b"\xff\xfe"[..], &vec![b' '; 1024 * 1024 + 1]] {
        std::fs::write(&path, bytes).unwrap();
        let error = load::read(&path, &nothing).unwrap_err();
        assert!(matches!(&error, SettingsError::Invalid { findings, .. } if findings.0.len() == 1));
    }
}
