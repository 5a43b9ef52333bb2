//! The command line: one file per verb, and what they share to choose, read and present.

mod choose;
mod commits;
mod daemon;
mod demo;
mod failure;
mod history;
mod ledger;
mod logging;
mod logs;
mod plan;
mod present;
mod reconcile;
mod releases;
mod report;
mod retry;
mod rollback;
mod sandbox;
mod schema;
mod show;
mod status;
mod validate;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use failure::{exit_code, fail};
use logging::LogFormat;

/// Deploys a Git repository of release files to a Magento 2 store; reverting a commit rolls back.
#[derive(Debug, Parser)]
#[command(
    name = "gitmage",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "A wrong command line exits with 1, as every other error does.\n\
        Logs go to standard error; RUST_LOG sets what is logged, module by module."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options that can stand anywhere on the line.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Configuration file; else $GITMAGE_CONFIG, ./gitmage.yaml, /etc/gitmage/gitmage.yaml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Form of the logs on standard error
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// More logs; -vv for all of them
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Colours; `auto` is where the stream is a terminal and NO_COLOR is not set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watches the repository and reconciles, until SIGTERM
    Daemon(daemon::Args),
    /// The whole story in one command: a store, a repository, a push that deploys, a revert
    Demo(demo::Args),
    /// One pass, then exits
    Reconcile(reconcile::Args),
    /// What a revision would change in the store; writes nothing
    Plan(plan::Args),
    /// Checks release files offline
    Validate(validate::Args),
    /// The environments: head, state, drift; asks Git alone, never the store
    Status(status::Args),
    /// The history of an environment, newest first
    Releases(releases::Args),
    /// One release: fields before and after, outcome of each entity, activity
    Show(show::Args),
    /// Waits until a commit is handled
    Wait(wait::Args),
    /// Takes releases back: makes the right revert commit and pushes it
    Rollback(rollback::Args),
    /// The activity, phase by phase
    Logs(logs::Args),
    /// The rollback branch itself: `ledger verify`
    Ledger(ledger::Args),
    /// Prints a JSON Schema, for editors and CI
    Schema(schema::Args),
    /// Tries again what failed, also what the store refused for good
    Retry(retry::Args),
    /// An embedded store that speaks Magento's REST dialect
    Sandbox(sandbox::Args),
}

/// The global options that every verb may need.
#[derive(Debug, Clone)]
struct Context {
    /// `--config`.
    config: Option<PathBuf>,
    /// `--color`.
    color: ColorChoice,
}

/// Reads the command line and carries it out.
pub async fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let Cli { global, command } = cli;
    let verb = matches.subcommand_name().unwrap_or_default();
    logging::start(verb, global.log_format, global.verbose, global.color);
    let context = Context {
        config: global.config,
        color: global.color,
    };
    run(&context, command).await
}

async fn run(context: &Context, command: Command) -> ExitCode {
    match command {
        Command::Reconcile(args) => reconcile::run(context.config.as_deref(), args).await,
        Command::Plan(args) => exit_code(plan::run(context, args).await),
        Command::Validate(args) => exit_code(validate::run(context, args)),
        Command::Status(args) => exit_code(status::run(context, args)),
        Command::Releases(args) => exit_code(releases::run(context, args)),
        Command::Show(args) => exit_code(show::run(context, args)),
        Command::Wait(args) => exit_code(wait::run(context, args).await),
        Command::Rollback(args) => exit_code(rollback::run(context, args).await),
        Command::Logs(args) => exit_code(logs::run(context, args).await),
        Command::Ledger(args) => exit_code(ledger::run(context, args)),
        Command::Schema(args) => exit_code(schema::run(context, args).await),
        Command::Sandbox(args) => exit_code(sandbox::run(context, args).await),
        Command::Daemon(args) => daemon::run(context.config.as_deref(), args).await,
        Command::Demo(args) => demo::run(context, args).await,
        Command::Retry(args) => retry::run(context.config.as_deref(), args).await,
    }
}

/// Help and version are no errors. Clap's own 2 for a wrong line would read as `plan`'s "changes".
fn usage(error: &clap::Error) -> ExitCode {
    let wrong = error.use_stderr();
    // Whoever closed the stream does not want to read it.
    let _ = error.print();
    if wrong {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            ["gitmage", "--config", "f", "status"],
            ["gitmage", "status", "--config", "f"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.global.config, Some(PathBuf::from("f")));
        }
    }

    #[test]
    fn every_option_of_every_verb_is_explained() {
        for verb in Cli::command().get_subcommands() {
            for argument in verb.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    verb.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
