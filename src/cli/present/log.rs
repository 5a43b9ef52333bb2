//! The activity of a release, phase by phase.

use jiff::Timestamp;

use super::text::{DIM, PLAIN, RED, YELLOW, clean_line, paint, took};
use crate::domain::{Activity, Level, Phase, PhaseName, Release};

/// One line each, in the order in which things happened: where a phase begins, and what happened
/// in it.
pub(crate) fn log(release: &Release) -> Vec<String> {
    let phases = release
        .phases
        .iter()
        .map(|phase| (phase.started_at, phase.name, begun(phase)));
    let lines = release
        .activity
        .iter()
        .map(|line| (line.at, line.phase, happened(line)));
    let mut all: Vec<(Timestamp, PhaseName, String)> = phases.chain(lines).collect();
    // Stable: within a millisecond a phase begins before anything happens in it.
    all.sort_by_key(|(at, phase, _)| (*at, *phase));
    all.into_iter().map(|(_, _, line)| line).collect()
}

fn begun(phase: &Phase) -> String {
    let text = match phase.finished_at {
        Some(end) => took(phase.started_at, end),
        None => "…".to_owned(),
    };
    line(phase.started_at, phase.name, &paint(DIM, &text))
}

fn happened(activity: &Activity) -> String {
    let Activity {
        at,
        phase,
        level,
        kind,
        key,
        store,
        message,
    } = activity;
    let about = match (kind, key, store) {
        (Some(kind), Some(key), Some(store)) => {
            format!("{kind} {} ({store}): ", clean_line(key.as_str()))
        }
        _ => String::new(),
    };
    let style = match level {
        Level::Info => PLAIN,
        Level::Warning => YELLOW,
        Level::Error => RED,
    };
    let word = match level {
        Level::Info => String::new(),
        Level::Warning | Level::Error => format!("{level}: "),
    };
    let text = format!("{word}{about}{}", clean_line(message));
    line(*at, *phase, &paint(style, &text))
}

fn line(at: Timestamp, phase: PhaseName, text: &str) -> String {
    format!("{}  {phase:<8}  {text}", paint(DIM, &format!("{at:.3}")))
}
