//! `gitmage schema`: the JSON Schemas.

use std::process::ExitCode;

use clap::ValueEnum;

use super::Context;
use super::choose::EnvArg;
use super::failure::{Failure, Outcome};
use super::present::Output;
use crate::domain::Kind;
use crate::ports::StoreRead as _;
use crate::settings::Settings;
use crate::{assembly, manifest, settings};

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0; 1 where the store of --env cannot be read.")]
pub(super) struct Args {
    /// Of which kind of file
    #[arg(value_name = "WHAT")]
    what: What,
    /// For release files: with the attributes, options, names and views of this environment's store
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Release files
    Release,
    /// The configuration, gitmage.yaml
    Config,
}

pub(super) async fn run(context: &Context, args: Args) -> Outcome {
    let schema = match (args.what, args.env) {
        (What::Release, None) => manifest::schema(None),
        (What::Release, env @ Some(_)) => of_store(context, EnvArg { env }).await?,
        (What::Config, None) => settings::schema(),
        (What::Config, Some(_)) => {
            let message = "--env goes with `schema release`: the configuration's schema is the same everywhere";
            return Err(Failure::new(message));
        }
    };
    Output::new(context.color).raw(&format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The schema of release files with what the store of an environment has.
async fn of_store(context: &Context, env: EnvArg) -> Result<serde_json::Value, Failure> {
    let settings = Settings::load(context.config.as_deref())?;
    let environment = env.choose(&settings)?;
    let store = assembly::store(&environment.name, environment)?;
    let views = store.views().await?;
    let vocabulary = store.vocabulary(&Kind::all().collect()).await?;
    Ok(manifest::schema(Some(manifest::OfStore {
        vocabulary: &vocabulary,
        views: &views,
    })))
}
