//! `gitmage reconcile`: one pass, then exits.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::fail;
use crate::assembly::{self, HolderLock};
use crate::reconcile::{Bootstrap, Request, Stop};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The environment; needed only where there are several
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Begin anew on this store, whatever the ledger says
    #[arg(long, value_name = "HOW")]
    rebootstrap: Option<How>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    Deploy,
    Adopt,
}

pub(super) async fn run(config: Option<&Path>, args: Args) -> ExitCode {
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    let holder = match HolderLock::take(&settings.state_dir) {
        Ok(Some(holder)) => holder,
        Ok(None) => return fail(&"another gitmage uses this state directory"),
        Err(error) => return fail(&error),
    };
    let repository = match assembly::repository(&settings, settings.repository.token.clone()) {
        Ok(repository) => repository,
        Err(error) => return fail(&error),
    };
    let (_sender, stop) = Stop::new();
    let request = Request {
        retry: false,
        rebootstrap: args.rebootstrap.map(|how| match how {
            How::Deploy => Bootstrap::Deploy,
            How::Adopt => Bootstrap::Adopt,
        }),
    };
    let mut code = ExitCode::SUCCESS;
    for name in settings.environments.keys() {
        if args.env.as_deref().is_some_and(|env| env != name.as_str()) {
            continue;
        }
        let reconciler = assembly::reconciler(
            &settings,
            &repository,
            name,
            holder.id(),
            Arc::new(|_| ()),
            stop.clone(),
        );
        let report = match reconciler {
            Ok(reconciler) => reconciler.pass(request).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match report {
            Ok(report) => {
                for release in &report.releases {
                    println!(
                        "{} {} {}: {}",
                        release.id.short(),
                        release.kind,
                        release.status,
                        release.message.as_deref().unwrap_or_default()
                    );
                }
                if !report.converged {
                    code = ExitCode::FAILURE;
                }
            }
            Err(error) => code = fail(&error),
        }
    }
    code
}
