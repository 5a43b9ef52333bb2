//! `gitmage rollback`: the right revert commit, pushed.

mod choice;
mod make;
mod message;

use std::io::{IsTerminal as _, Write as _, stdin};
use std::process::ExitCode;
use std::sync::Arc;

use choice::{Choice, Chooser};
use make::{Made, Maker};

use super::Context;
use super::choose::EnvArg;
use super::commits::{Publication, Published, check_branch, publish};
use super::failure::{Failure, Outcome};
use super::history::History;
use super::present::{self, BOLD, Output, clean, paint};
use crate::assembly;
use crate::domain::CommitId;
use crate::reconcile::{Preview, Stop, tip_of};
use crate::settings::{Environment, RepositoryUrl, SecretSource, Settings};

/// Takes releases back with one commit, as `git revert` and `git push` would.
///
/// The commit removes what the releases changed in the files, and names them. Once it is on the
/// watched branch, the daemon puts back what it had observed in the store before them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The commit takes out of the files what the releases changed, and names them. Once it is on the watched \
    branch, the daemon puts back what the store showed before them.\n\n\
    Where the watched branch takes no push (protection, a hook, missing rights, a work tree that has it \
    checked out), the commit goes to a branch gitmage/rollback-<id> and is not live until somebody merges it.\n\n\
    Exit status: 0 pushed, or nothing to take back; 1 error, also where the question was not answered with yes."
)]
pub(super) struct Args {
    /// The releases: ids, ids of commits in them, unique prefixes of one (four digits at least), branches or tags
    #[arg(
        value_name = "RELEASE",
        required_unless_present = "to",
        conflicts_with = "to"
    )]
    releases: Vec<String>,
    /// Takes back everything that came after this release
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// Pushes to this branch and not to the watched one, for a pull request
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Shows what would be taken back and what that would change in the store; pushes nothing
    #[arg(long)]
    dry_run: bool,
    /// Pushes without a question and without a look at the store
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    env: EnvArg,
}

/// The number of times that the commit is made anew where the branch was moved meanwhile.
const ATTEMPTS: u32 = 2;

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    if !args.dry_run && !args.yes && !stdin().is_terminal() {
        return Err(Failure::new(
            "there is nobody to ask, because standard input is no terminal; say --yes to push the rollback, or --dry-run to see it",
        ));
    }
    let history = History::open(context)?;
    let environment = args.env.choose(&history.settings)?;
    if let Some(branch) = &args.branch {
        check_branch(&history, branch)?;
    }
    let target = args.branch.as_deref().unwrap_or(&environment.branch);
    let mut output = Output::new(context.color);
    let mut agreed = args.yes;
    for _ in 0..ATTEMPTS {
        let (tip, made) = match prepare(&history, environment, &args, &mut output)? {
            Some(prepared) => prepared,
            None => return Ok(ExitCode::SUCCESS),
        };
        if args.dry_run {
            let preview = preview(context, environment, &made).await?;
            output.text(&present::plan(&preview))?;
            output.text(&format!("\nDry run: nothing was pushed to {target}.\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !agreed {
            ask(context, environment, &made, target, &mut output).await?;
            agreed = true;
        }
        let publication = Publication {
            scratch: &made.scratch,
            commit: &made.commit,
            tip: &tip,
            verb: "rollback",
        };
        match publish(&history, environment, &publication, args.branch.as_deref())? {
            Published::Raced => {
                let moved = format!(
                    "{} was moved meanwhile; the rollback is made again upon what is there now.\n",
                    environment.branch
                );
                output.text(&moved)?;
                history.refresh();
            }
            published => {
                output.text(&told(&history, environment, &made, published))?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    Err(Failure::new(format!(
        "nothing was pushed, because {} is moved all the time; run this again",
        environment.branch
    )))
}

/// Chooses and makes; `None`, and says so, where nothing is to be taken back.
fn prepare(
    history: &History,
    environment: &Environment<SecretSource>,
    args: &Args,
    output: &mut Output,
) -> Result<Option<(CommitId, Made)>, Failure> {
    let ledger = history.ledger(environment)?;
    let tip = tip_of(
        history.source(),
        &environment.branch,
        &environment.rollback_branch,
    )?;
    let chooser = Chooser::new(history, environment, &ledger, &tip);
    let choice = match &args.to {
        Some(goal) => chooser.after(goal)?,
        None => chooser.named(&args.releases)?,
    };
    let Choice { taken, steps } = &choice;
    if let (Some(goal), true) = (&args.to, taken.is_empty() && steps.is_empty()) {
        output.text(&format!(
            "Nothing to take back: nothing came after {} in {}.\n",
            clean(goal),
            environment.name
        ))?;
        return Ok(None);
    }
    output.text(&present::taken_back(environment.name.as_str(), taken))?;
    let maker = Maker {
        history,
        environment,
        tip: &tip,
        past: chooser.into_past(),
    };
    let made = maker.make(&choice)?;
    if made.is_empty {
        output.text("What they changed is gone from the files already: the commit is empty, and takes them back by its words.\n\n")?;
    }
    Ok(Some((tip, made)))
}

/// Returns what bringing in the commit would change in the store.
async fn preview(
    context: &Context,
    environment: &Environment<SecretSource>,
    made: &Made,
) -> Result<Preview, Failure> {
    let settings = Settings::load(context.config.as_deref())?;
    let repository = made.scratch.repository()?;
    let (_sender, stop) = Stop::new();
    let nobody = Arc::new(|_| ());
    let name = &environment.name;
    let reconciler = assembly::reconciler(&settings, &repository, name, "plan", nobody, stop)?;
    Ok(reconciler.preview(Some(made.commit.as_str())).await?)
}

/// Shows what pushing the commit would change, and asks for it.
async fn ask(
    context: &Context,
    environment: &Environment<SecretSource>,
    made: &Made,
    target: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    match preview(context, environment, made).await {
        Ok(preview) => output.text(&present::plan(&preview))?,
        // Whoever is in a hurry because of the store must not wait for the store.
        Err(why) => output.text(&format!("The plan cannot be shown: {why}\n"))?,
    }
    match is_agreed(target)? {
        true => Ok(()),
        false => Err(Failure::new("nothing was pushed")),
    }
}

/// Asks whoever sits at the terminal, also where standard output goes elsewhere.
fn is_agreed(target: &str) -> Result<bool, Failure> {
    let mut stderr = std::io::stderr();
    write!(stderr, "\nPush this rollback to {target}? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

/// Returns where the commit is now, and what happens next.
fn told(
    history: &History,
    environment: &Environment<SecretSource>,
    made: &Made,
    published: Published,
) -> String {
    let short = made.commit.short();
    let subject = clean(&made.subject);
    let env = match history.settings.environments.len() {
        1 => String::new(),
        _ => format!(" --env {}", environment.name),
    };
    let watched = &environment.branch;
    let Published::Beside {
        branch,
        refused,
        address,
    } = published
    else {
        let others: Vec<&str> = history
            .settings
            .environments
            .values()
            .filter(|other| other.branch == *watched && other.name != environment.name)
            .map(|other| other.name.as_str())
            .collect();
        let others = match others.as_slice() {
            [] => String::new(),
            names => format!("{watched} is deployed to {}, too.\n", names.join(", ")),
        };
        return format!(
            "Pushed {short} to {watched}: {subject}\n{others}The daemon rolls back now; `gitmage wait {short}{env}` tells when it is done.\n"
        );
    };
    let mut text = String::new();
    let checked_out = refused
        .as_ref()
        .is_some_and(|words| words.contains("checked out"));
    if let (RepositoryUrl::Path(path), true) = (&history.settings.repository.url, checked_out) {
        text.push_str(&format!(
            "{watched} is checked out in a work tree of {}, from which a push does not pull it away.\n",
            path.display()
        ));
    } else if let Some(words) = &refused {
        text.push_str(&format!("{watched} takes no push: {}\n", clean(words)));
    }
    text.push_str(&format!(
        "Pushed {short} to the branch {branch}: {subject}\n{}\n",
        paint(
            BOLD,
            &format!("It is NOT live: nothing is rolled back until it is merged into {watched}.")
        )
    ));
    if let Some(address) = address {
        text.push_str(&format!("Open a pull request: {}\n", clean(&address)));
    }
    if checked_out {
        text.push_str(&format!(
            "Bring it in there with `git merge --ff-only {branch}`.\n"
        ));
    }
    text.push_str(&format!(
        "`gitmage plan --rev {branch}{env}` shows what that will change.\n"
    ));
    text
}
