//! From the text of `gitmage.yaml` to settings, with every finding at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::{Reader, Section, wrong_type};
use super::report::Report;
use super::secrets::{Location, SecretSource, Variables};
use super::syntax::parse;
use super::types::{
    Environment, EnvironmentName, OAuth, RepositorySettings, RepositoryUrl, Settings, Store,
};
use super::values::{self, Problem};
use crate::domain::Findings;
use crate::yaml::{Node, Place, Yaml};

pub(super) const TOP_KEYS: &[&str] = &["repository", "state_dir", "environments"];
pub(super) const REPOSITORY_KEYS: &[&str] = &["url", "token", "poll_interval"];
pub(super) const ENVIRONMENT_KEYS: &[&str] = &[
    "branch",
    "rollback_branch",
    "releases",
    "store",
    "bootstrap",
    "on_failure",
    "on_remove",
    "on_conflict",
    "history_rewrites",
    "writes",
];
pub(super) const STORE_KEYS: &[&str] = &["url", "oauth", "concurrency", "timeout", "charset"];
pub(super) const OAUTH_KEYS: &[&str] = &[
    "consumer_key",
    "consumer_secret",
    "access_token",
    "access_token_secret",
];

pub(super) const DEFAULT_RELEASES: &str = "releases/**/*.{yaml,yml}";
pub(super) const DEFAULT_STATE_DIR: &str = "/var/lib/gitmage";
pub(super) const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(30);
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const DEFAULT_CONCURRENCY: usize = 4;
pub(super) const CONCURRENCY: (usize, usize) = (1, 32);
const POLL_INTERVAL: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(24 * 3600));
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(600));

/// A secret whose snippet is not known before everything has been read.
type Draft = (Location, Place);

/// Reads the text of the file at `path` (absolute). `name` is what findings call the file.
pub(super) fn settings(
    text: &str,
    path: &Path,
    name: &str,
    variables: Variables<'_>,
) -> Result<Settings<SecretSource>, Findings> {
    let mut reader = Reader {
        report: Report::new(name, text),
    };
    let draft = match parse(text) {
        Ok(root) => {
            reader.report.learn(&root);
            read(&mut reader, &root, path, variables)
        }
        Err(error) => {
            reader.report.syntax(error);
            None
        }
    };
    let settings = draft.and_then(|draft| {
        draft.map_secrets(|(location, place)| {
            let (origin, snippet) = reader.report.place(place);
            Some(SecretSource {
                location,
                origin,
                snippet,
            })
        })
    });
    let findings = reader.report.finish();
    match settings {
        Some(settings) if !findings.any_critical() => Ok(Settings {
            warnings: findings,
            ..settings
        }),
        _ => Err(findings),
    }
}

fn read(
    reader: &mut Reader<'_>,
    root: &Node,
    path: &Path,
    variables: Variables<'_>,
) -> Option<Settings<Draft>> {
    let base = path.parent().unwrap_or(path);
    let top = reader.section(root, Place::FILE, String::new(), TOP_KEYS)?;
    let repository = repository(reader, &top, base);
    let state_dir = state_dir(reader, &top, base, variables);
    let environments = environments(reader, &top, base);
    Some(Settings {
        path: path.to_owned(),
        repository: repository?,
        state_dir,
        environments: environments?,
        warnings: Findings::default(),
    })
}

fn repository(
    reader: &mut Reader<'_>,
    top: &Section<'_>,
    base: &Path,
) -> Option<RepositorySettings<Draft>> {
    let node = reader.require(top, "repository")?;
    let place = top.key_place("repository");
    let section = reader.section(node, place, "repository".to_owned(), REPOSITORY_KEYS)?;
    let url = url(reader, &section, |text| values::repository_url(text, base));
    let token = reader.secret(&section, "token", base);
    if section.get("token").is_some() && url.as_ref().is_some_and(|url| !takes_token(url)) {
        reader.report.critical(
            section.key_place("token"),
            Problem::new(
                "useless-token",
                "`repository.token` is for https URLs only",
                "leave it out: paths need none, and ssh uses keys",
            ),
        );
    }
    let poll_interval = reader
        .duration(&section, "poll_interval", POLL_INTERVAL)
        .unwrap_or(DEFAULT_POLL_INTERVAL);
    Some(RepositorySettings {
        url: url?,
        token,
        poll_interval,
    })
}

/// HTTPS, or HTTP on loopback, which nothing else passed the check.
fn takes_token(url: &RepositoryUrl) -> bool {
    match url {
        RepositoryUrl::Remote(url) => url.to_ascii_lowercase().starts_with("http"),
        RepositoryUrl::Path(_) => false,
    }
}

/// A URL is shown only when nothing in it can be a password.
fn url<T>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    parse: impl FnOnce(&str) -> Result<T, Problem>,
) -> Option<T> {
    let node = reader.require(section, "url")?;
    if let Yaml::Text(text) = &node.value
        && values::is_showable(text)
    {
        reader.report.show(node);
    }
    reader.masked(node, &section.path_of("url"), parse)
}

fn state_dir(
    reader: &mut Reader<'_>,
    top: &Section<'_>,
    base: &Path,
    variables: Variables<'_>,
) -> PathBuf {
    let given = reader.optional(top, "state_dir", |text| match text {
        "" => Err(Problem::new(
            "bad-path",
            "`state_dir` is empty",
            "name a directory, or leave the key out",
        )),
        text if text.starts_with('~') => Err(Problem::new(
            "bad-path",
            "`state_dir` starts with `~`, which is not expanded",
            "write the whole path",
        )),
        text => Ok(base.join(text)),
    });
    given
        .or_else(|| systemd_state_dir(variables("STATE_DIRECTORY")?))
        .unwrap_or_else(|| DEFAULT_STATE_DIR.into())
}

/// systemd gives several directories separated by colons; the first is ours.
fn systemd_state_dir(variable: OsString) -> Option<PathBuf> {
    std::env::split_paths(&variable).find(|path| path.is_absolute())
}

fn environments(
    reader: &mut Reader<'_>,
    top: &Section<'_>,
    base: &Path,
) -> Option<BTreeMap<EnvironmentName, Environment<Draft>>> {
    let node = reader.require(top, "environments")?;
    let place = top.key_place("environments");
    let entries = reader.entries(node, place, "environments")?;
    if entries.is_empty() {
        reader.report.critical(
            place,
            Problem::new(
                "missing-key",
                "`environments` names no environment",
                "add one, such as `production:`",
            ),
        );
    }
    let total = entries.len();
    let mut branches = Branches::default();
    let mut environments = BTreeMap::new();
    for (name, key, node) in entries {
        let Some(name) = EnvironmentName::new(name) else {
            reader.report.critical(
                key.place,
                Problem::new(
                    "bad-name",
                    "an environment's name holds lower-case letters, digits, `-` and `_` only, and at most 63 of them",
                    "rename it, for example to production",
                ),
            );
            continue;
        };
        reader.report.show(key);
        if let Some(environment) = environment(reader, &name, key, node, base, &mut branches) {
            environments.insert(name, environment);
        }
    }
    branches.check(reader);
    (environments.len() == total).then_some(environments)
}

fn environment(
    reader: &mut Reader<'_>,
    name: &EnvironmentName,
    key: &Node,
    node: &Node,
    base: &Path,
    branches: &mut Branches,
) -> Option<Environment<Draft>> {
    let section = reader.section(
        node,
        key.place,
        format!("environments.{name}"),
        ENVIRONMENT_KEYS,
    )?;
    let check = |text: &str| values::branch(text).map(|()| text.to_owned());
    let branch = reader.required(&section, "branch", check);
    let rollback_branch = match section.get("rollback_branch") {
        Some(_) => reader.optional(&section, "rollback_branch", check),
        None => Some(format!("rollback/{name}")),
    };
    branches.add(
        name,
        Role::Watched,
        branch.as_ref(),
        section.value_place("branch"),
    );
    branches.add(
        name,
        Role::Rollback,
        rollback_branch.as_ref(),
        section.value_place("rollback_branch"),
    );
    let releases = reader
        .optional(&section, "releases", |text| {
            values::glob(text).map(|()| text.to_owned())
        })
        .unwrap_or_else(|| DEFAULT_RELEASES.to_owned());
    let store = store(reader, &section, base);
    Some(Environment {
        name: name.clone(),
        bootstrap: reader.choice(&section, "bootstrap"),
        on_failure: reader.choice(&section, "on_failure"),
        on_remove: reader.choice(&section, "on_remove"),
        on_conflict: reader.choice(&section, "on_conflict"),
        history_rewrites: reader.choice(&section, "history_rewrites"),
        writes: reader.choice(&section, "writes"),
        branch: branch?,
        rollback_branch: rollback_branch?,
        releases,
        store: store?,
    })
}

fn store(reader: &mut Reader<'_>, environment: &Section<'_>, base: &Path) -> Option<Store<Draft>> {
    let node = reader.require(environment, "store")?;
    let (place, path) = (environment.key_place("store"), environment.path_of("store"));
    let section = reader.section(node, place, path, STORE_KEYS)?;
    let accepted = url(reader, &section, values::store_url);
    let url = accepted.map(|accepted| {
        if let Some(warning) = accepted.warning {
            reader.report.warning(section.value_place("url"), warning);
        }
        accepted.value
    });
    let oauth = oauth(reader, &section, base);
    let concurrency = reader
        .number(&section, "concurrency", CONCURRENCY)
        .unwrap_or(DEFAULT_CONCURRENCY);
    let timeout = reader
        .duration(&section, "timeout", TIMEOUT)
        .unwrap_or(DEFAULT_TIMEOUT);
    let charset = reader.choice(&section, "charset");
    Some(Store {
        url: url?,
        oauth: oauth?,
        concurrency,
        timeout,
        charset,
    })
}

fn oauth(reader: &mut Reader<'_>, store: &Section<'_>, base: &Path) -> Option<OAuth<Draft>> {
    let node = reader.require(store, "oauth")?;
    let path = store.path_of("oauth");
    if !matches!(node.value, Yaml::Map(_)) {
        let problem = wrong_type(node, &path, "a mapping");
        let remedy = format!("write the keys {} below it", OAUTH_KEYS.join(", "));
        reader
            .report
            .critical(node.place, Problem { remedy, ..problem });
        return None;
    }
    let section = reader.section(node, store.key_place("oauth"), path, OAUTH_KEYS)?;
    let mut secret = |key| {
        reader.require(&section, key)?;
        reader.secret(&section, key, base)
    };
    let four = (
        secret("consumer_key"),
        secret("consumer_secret"),
        secret("access_token"),
        secret("access_token_secret"),
    );
    Some(OAuth {
        consumer_key: four.0?,
        consumer_secret: four.1?,
        access_token: four.2?,
        access_token_secret: four.3?,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Watched,
    Rollback,
}

struct Used {
    environment: EnvironmentName,
    role: Role,
    branch: String,
    place: Place,
}

/// Every branch that the configuration names: a ledger shares its branch with nothing.
#[derive(Default)]
struct Branches(Vec<Used>);

impl Branches {
    fn add(
        &mut self,
        environment: &EnvironmentName,
        role: Role,
        branch: Option<&String>,
        place: Place,
    ) {
        if let Some(branch) = branch {
            self.0.push(Used {
                environment: environment.clone(),
                role,
                branch: branch.clone(),
                place,
            });
        }
    }

    fn check(&self, reader: &mut Reader<'_>) {
        for (index, later) in self.0.iter().enumerate() {
            for earlier in &self.0[..index] {
                if let Some((place, problem)) = clash(earlier, later) {
                    reader.report.critical(place, problem);
                }
            }
        }
    }
}

/// Two branches of which one is a ledger must differ, and Git must be able to hold both.
fn clash(earlier: &Used, later: &Used) -> Option<(Place, Problem)> {
    let (ledger, other) = match (earlier.role, later.role) {
        (Role::Watched, Role::Watched) => return None,
        (Role::Rollback, Role::Watched) => (earlier, later),
        (_, Role::Rollback) => (later, earlier),
    };
    let inside = |a: &str, b: &str| b.strip_prefix(a).is_some_and(|rest| rest.starts_with('/'));
    let role = match other.role {
        Role::Watched => "watched branch",
        Role::Rollback => "rollback branch",
    };
    let Used {
        environment,
        branch,
        place,
        ..
    } = ledger;
    let remedy =
        format!("set `rollback_branch` to a branch of its own, such as rollback/{environment}");
    if *branch == other.branch {
        let message = format!(
            "the rollback branch {branch:?} of {environment} is also the {role} of {}",
            other.environment
        );
        return Some((
            *place,
            Problem::new("shared-rollback-branch", message, remedy),
        ));
    }
    if inside(branch, &other.branch) || inside(&other.branch, branch) {
        let message = format!(
            "Git cannot hold both the rollback branch {branch:?} of {environment} and the {role} {:?} of {}: one is a folder of the other",
            other.branch, other.environment
        );
        let remedy = "set `rollback_branch` to a name that neither starts nor continues the other";
        return Some((*place, Problem::new("clashing-branches", message, remedy)));
    }
    None
}
