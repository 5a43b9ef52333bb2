//! `gitmage validate`: release files, checked offline.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::Context;
use super::choose::{EnvArg, Format, FormatArg};
use super::failure::{Failure, Outcome};
use super::history::History;
use super::present::{BOLD, Output, Tally, clean, findings, paint};
use crate::assembly;
use crate::domain::{CommitId, Finding, Findings};
use crate::manifest::{Loaded, Loader, LoaderOptions};
use crate::ports::Source;
use crate::reconcile::tip_of;
use crate::settings::{Environment, SecretSource};

/// With PATH, checks files on disk and needs no configuration. Without it, checks what the
/// configured repository holds, for each environment.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 clean (there may be warnings), 1 critical findings or an error.\n\n\
    The store is not asked: whether an entity exists there shows in `gitmage plan`."
)]
pub(super) struct Args {
    /// Release files, or directories with files that match releases/**/*.{yaml,yml}; paths in them start at the root of the repository
    #[arg(value_name = "PATH", conflicts_with_all = ["rev", "env"])]
    paths: Vec<PathBuf>,
    /// The commit, branch or tag to check; the tip of each environment's branch without it
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    /// Only this environment; all of them without it
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    #[command(flatten)]
    form: FormatArg,
}

/// Files that were checked together, and what was found.
#[derive(Debug, Serialize)]
struct Checked {
    environment: Option<String>,
    revision: Option<CommitId>,
    path: Option<PathBuf>,
    files: usize,
    /// The paths of the release files, from the root of the repository.
    release_files: Vec<String>,
    findings: Findings,
}

/// So many release files are listed for people. Those that come last in path order win.
const LISTED: usize = 10;

#[derive(Debug, Serialize)]
struct Document {
    checked: Vec<Checked>,
    summary: Tally,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let checked = if args.paths.is_empty() {
        repository(context, args.rev.as_deref(), args.env)?
    } else {
        paths(args.paths)?
    };
    let mut summary = Tally::default();
    for checked in &checked {
        summary.add(&checked.findings);
    }
    let mut output = Output::new(context.color);
    match args.form.format {
        Format::Text => output.text(&text(&checked, summary))?,
        Format::Json => output.json(&Document { checked, summary })?,
    }
    Ok(if summary.any_critical() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn paths(paths: Vec<PathBuf>) -> Result<Vec<Checked>, Failure> {
    let loader = Loader::new(LoaderOptions::default())?;
    let mut checked = Vec::with_capacity(paths.len());
    for path in paths {
        let loaded = loader.load_path(&path)?;
        checked.push(Checked {
            environment: None,
            revision: None,
            files: loaded.files.size(),
            release_files: release_files(&loader, &loaded),
            findings: loaded.findings,
            path: Some(path),
        });
    }
    Ok(checked)
}

fn repository(
    context: &Context,
    revision: Option<&str>,
    env: Option<String>,
) -> Result<Vec<Checked>, Failure> {
    let history = History::open(context)?;
    let wanted: BTreeSet<&str> = (EnvArg { env })
        .one_or_all(&history.settings)?
        .into_iter()
        .map(|environment| environment.name.as_str())
        .collect();
    let mut read = Vec::new();
    for environment in history.settings.environments.values() {
        let name = environment.name.as_str();
        let is_wanted = wanted.contains(name);
        match at(&history, environment, revision.filter(|_| is_wanted)) {
            Ok(found) => read.push(found),
            Err(failure) if is_wanted => return Err(failure),
            // It is read only to be compared with, and is told when it is asked for.
            Err(_) => {}
        }
    }
    let disputes = disputes(&read);
    let checked = read.into_iter().zip(disputes).map(|(read, disputed)| {
        let mut findings = read.loaded.findings;
        findings.0.extend(disputed);
        findings.sort();
        Checked {
            environment: Some(read.environment.name.to_string()),
            revision: Some(read.commit),
            path: None,
            files: read.loaded.files.size(),
            release_files: read.release_files,
            findings,
        }
    });
    Ok(checked
        .filter(|c| {
            c.environment
                .as_deref()
                .is_some_and(|name| wanted.contains(name))
        })
        .collect())
}

/// The release files of an environment.
struct Read<'a> {
    environment: &'a Environment<SecretSource>,
    commit: CommitId,
    loaded: Loaded,
    release_files: Vec<String>,
}

fn at<'a>(
    history: &History,
    environment: &'a Environment<SecretSource>,
    revision: Option<&str>,
) -> Result<Read<'a>, Failure> {
    let source = history.source();
    let commit = match revision {
        Some(revision) => source.resolve(revision)?,
        None => tip_of(source, &environment.branch, &environment.rollback_branch)
            .map_err(|error| Failure::new(format!("environment {}: {error}", environment.name)))?,
    };
    let tree = source.tree(&commit)?;
    let loader = assembly::loader(&history.settings, &environment.name)?;
    let loaded = loader.load(tree.as_ref())?;
    Ok(Read {
        environment,
        commit,
        release_files: release_files(&loader, &loaded),
        loaded,
    })
}

/// The release files among the files that were read.
fn release_files(loader: &Loader, loaded: &Loaded) -> Vec<String> {
    let paths = loaded.files.keys();
    paths
        .filter(|path| loader.is_release_file(path))
        .cloned()
        .collect()
}

/// For each environment, the fields that another environment of the same store sets too.
fn disputes(read: &[Read<'_>]) -> Vec<Vec<Finding>> {
    read.iter()
        .map(|mine| {
            let others: Vec<&Read<'_>> = read
                .iter()
                .filter(|other| {
                    other.environment.name != mine.environment.name
                        && other.environment.store.url == mine.environment.store.url
                })
                .collect();
            others
                .iter()
                .flat_map(|other| {
                    let name = other.environment.name.as_str();
                    mine.loaded.state.disputes(name, &other.loaded.state)
                })
                .collect()
        })
        .collect()
}

fn text(checked: &[Checked], summary: Tally) -> String {
    let mut out = String::new();
    for checked in checked {
        let heading = match (&checked.environment, &checked.revision, &checked.path) {
            (Some(environment), Some(revision), _) => {
                Some(format!("{environment} at {}", revision.short()))
            }
            (_, _, Some(path)) if path.is_dir() => Some(clean(&path.display().to_string())),
            _ => None,
        };
        if let Some(heading) = heading {
            out.push_str(&format!("{}\n", paint(BOLD, &heading)));
            out.push_str(&listing(&checked.release_files));
            out.push('\n');
        }
        out.push_str(&findings(&checked.findings));
    }
    out.push_str(&summary.line(checked.iter().map(|c| c.files).sum()));
    out
}

/// The last of the release files, one a line.
fn listing(paths: &[String]) -> String {
    let left_out = paths.len().saturating_sub(LISTED);
    let more = (left_out > 0).then(|| format!("  … and {left_out} before these\n"));
    let listed = paths.iter().skip(left_out);
    let listed = listed.map(|path| format!("  {}\n", clean(path).replace('\n', " ")));
    more.into_iter().chain(listed).collect()
}
