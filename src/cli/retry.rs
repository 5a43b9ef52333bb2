//! `gitmage retry`: tries again what failed, also what the store refused for good.

use std::path::Path;
use std::process::ExitCode;

use super::failure::fail;
use super::reconcile::reconcile;
use crate::assembly;
use crate::domain::{Release, ReleaseStatus};
use crate::git::Repository;
use crate::ports::{Ledger as _, Source as _};
use crate::reconcile::{Request, load};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A release id, the start of one, or a Git revision; without it, all that failed
    release: Option<String>,
    /// The environment; needed only where the release is in several
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

pub(super) async fn run(config: Option<&Path>, args: Args) -> ExitCode {
    let Args { release, env } = args;
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    let request = Request {
        retry: true,
        rebootstrap: None,
    };
    let Some(wanted) = release else {
        return reconcile(settings, env, None, request).await;
    };
    let (found, settings) = match tokio::task::spawn_blocking(move || {
        let found = find(&settings, &wanted, env.as_deref());
        (found, settings)
    })
    .await
    {
        Ok(found) => found,
        Err(error) => return fail(&error),
    };
    match found {
        Ok((environment, release)) if release.status == ReleaseStatus::Failed => {
            let id = Some(release.id.to_string());
            reconcile(settings, Some(environment), id, request).await
        }
        Ok((environment, release)) => {
            println!(
                "{environment}: {} is {}, not failed; nothing to retry",
                release.id.short(),
                release.status
            );
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// The release that a text names, and its environment.
fn find(settings: &Settings, wanted: &str, env: Option<&str>) -> Result<(String, Release), String> {
    let repository = assembly::repository(settings, settings.repository.token.clone())
        .map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    let mut known = Vec::new();
    let mut environments = Vec::new();
    for environment in settings.environments.values() {
        let name = environment.name.as_str();
        if env.is_some_and(|env| env != name) {
            continue;
        }
        environments.push(name);
        let ledger = repository.ledger(&environment.rollback_branch, name);
        ledger.refresh().map_err(|e| format!("{name}: {e}"))?;
        let ledger =
            load(&ledger, &environment.rollback_branch).map_err(|e| format!("{name}: {e}"))?;
        let releases = ledger.book.views();
        let hits = matching(&repository, &releases, wanted);
        found.extend(hits.into_iter().map(|release| (name.to_owned(), release)));
        known.extend(releases.into_iter().map(|release| (name, release)));
    }
    if environments.is_empty() {
        let names: Vec<&str> = settings.environments.keys().map(|n| n.as_str()).collect();
        return Err(format!(
            "no environment {:?}; there are: {}",
            env.unwrap_or_default(),
            names.join(", ")
        ));
    }
    match found.len() {
        1 => found.pop().ok_or_else(String::new),
        0 => Err(unknown(wanted, &known)),
        _ => {
            let hits: Vec<String> = found
                .iter()
                .map(|(name, release)| line(name, release))
                .collect();
            Err(format!(
                "{wanted:?} names several releases; give more digits, or --env:\n{}",
                hits.join("\n")
            ))
        }
    }
}

/// By id, by the start of one, or by revision.
fn matching(repository: &Repository, releases: &[Release], wanted: &str) -> Vec<Release> {
    let is_hex = wanted.len() >= 4 && wanted.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex {
        let start = wanted.to_ascii_lowercase();
        let hits: Vec<Release> = releases
            .iter()
            .filter(|release| release.id.as_str().starts_with(&start))
            .cloned()
            .collect();
        if !hits.is_empty() {
            return hits;
        }
    }
    let Ok(commit) = repository.resolve(wanted) else {
        return Vec::new();
    };
    let of_commit = |release: &&Release| release.commit == commit;
    // The oldest is the commit's own release.
    releases
        .iter()
        .rev()
        .find(of_commit)
        .cloned()
        .into_iter()
        .collect()
}

fn unknown(wanted: &str, known: &[(&str, Release)]) -> String {
    if known.is_empty() {
        return format!("no release {wanted:?}: there is none at all yet");
    }
    let failed: Vec<String> = known
        .iter()
        .filter(|(_, release)| release.status == ReleaseStatus::Failed)
        .map(|(name, release)| line(name, release))
        .collect();
    if failed.is_empty() {
        return format!("no release {wanted:?}, and none is failed; `gitmage releases` lists all");
    }
    format!("no release {wanted:?}; failed are:\n{}", failed.join("\n"))
}

fn line(name: &str, release: &Release) -> String {
    format!(
        "  {name}: {} {} {}: {}",
        release.id.short(),
        release.kind,
        release.status,
        release.subject
    )
}
