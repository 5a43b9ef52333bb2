//! The environments at a glance.

use anstyle::Style;

use super::table::table;
use super::text::{BOLD, CYAN, GREEN, PLAIN, RED, YELLOW, clean_line, paint, short};
use crate::cli::status::{EnvironmentStatus, Standing};

/// A table, and below it what drifts.
pub(crate) fn statuses(environments: &[EnvironmentStatus]) -> String {
    let commit = |id: &Option<crate::domain::CommitId>| {
        id.as_ref()
            .map_or("-".to_owned(), |id| short(id.as_str()).to_owned())
    };
    let rows: Vec<_> = environments
        .iter()
        .map(|environment| {
            vec![
                (environment.name.clone(), BOLD),
                (environment.state.to_string(), style(environment.state)),
                (environment.branch.clone(), PLAIN),
                (commit(&environment.head), YELLOW),
                (commit(&environment.live), YELLOW),
                (environment.message.clone().unwrap_or_default(), PLAIN),
            ]
        })
        .collect();
    let mut out = table(
        &["ENVIRONMENT", "STATE", "BRANCH", "HEAD", "LIVE", "MESSAGE"],
        &rows,
    );
    for environment in environments.iter().filter(|e| !e.drift.is_empty()) {
        out.push_str(&format!(
            "\n{} {}\n",
            paint(BOLD, "Drift in"),
            environment.name
        ));
        for slot in &environment.drift {
            out.push_str(&format!(
                "  {} {} ({}): {}\n",
                slot.kind,
                clean_line(slot.key.as_str()),
                slot.store,
                slot.field
            ));
        }
    }
    out
}

fn style(state: Standing) -> Style {
    match state {
        Standing::Synced => GREEN,
        Standing::Pending | Standing::Deploying => CYAN,
        Standing::Drifted | Standing::Waiting => YELLOW,
        Standing::Failed | Standing::Stalled => RED,
    }
}
