//! `gitmage ledger`: the rollback branch itself.

use std::process::ExitCode;

use clap::Subcommand;

use super::Context;
use super::choose::EnvArg;
use super::failure::Outcome;
use super::history::History;
use super::present::{Output, clean, count};
use crate::reconcile::{Audit, audit};

/// Reads Git alone: it works while a daemon runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Says what on the rollback branch its releases and passes do not explain
    #[command(after_help = "Exit status: 0 all is explained, 1 something is not, or an error.")]
    Verify(VerifyArgs),
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    env: EnvArg,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let Verb::Verify(VerifyArgs { env }) = args.verb;
    let history = History::open(context)?;
    let mut output = Output::new(context.color);
    let mut sound = true;
    for environment in env.one_or_all(&history.settings)? {
        let branch = &environment.rollback_branch;
        let name = environment.name.as_str();
        let ledger = history.source().ledger(branch, name);
        let Some(Audit {
            releases,
            entities,
            flaws,
        }) = audit(&ledger, branch)?
        else {
            output.text(&format!("{name}: no rollback branch {branch} yet\n"))?;
            continue;
        };
        for flaw in &flaws {
            output.text(&format!(
                "{name}: {} {}\n",
                clean(&flaw.path),
                clean(&flaw.what)
            ))?;
        }
        sound &= flaws.is_empty();
        output.text(&match flaws.len() {
            0 => format!("{name}: {releases} releases, {entities} entities: all is explained\n"),
            n => format!(
                "{name}: {}; move {branch} back to the newest commit that gitmage made there, or set a new `rollback_branch`\n",
                count(n, "flaw", "flaws")
            ),
        })?;
    }
    Ok(match sound {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
