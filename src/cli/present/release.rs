//! The history, and one release of it.

use anstyle::Style;
use jiff::Timestamp;

use super::log::log;
use super::table::table;
use super::text::{
    BOLD, CYAN, DIM, GREEN, PLAIN, RED, YELLOW, action_sign, age, clean_line, paint, short,
    status_style, took,
};
use super::value::{difference, literal};
use crate::domain::{Change, ChangeStatus, FieldId, FieldOutcome, FieldStatus, Release, ReleaseId};

/// The list, newest first.
pub(crate) fn releases(releases: &[Release], now: Timestamp) -> String {
    if releases.is_empty() {
        return "No releases yet.\n".to_owned();
    }
    let rows: Vec<_> = releases
        .iter()
        .map(|release| {
            vec![
                (release.id.short().to_owned(), YELLOW),
                (release.status.to_string(), status_style(release.status)),
                (release.kind.to_string(), PLAIN),
                (age(release.started_at, now), DIM),
                (author(&release.author), PLAIN),
                (release.subject.clone(), PLAIN),
            ]
        })
        .collect();
    table(&["ID", "STATUS", "KIND", "AGE", "AUTHOR", "SUBJECT"], &rows)
}

/// `Name <mail>` without the mail.
fn author(author: &str) -> String {
    match author.split_once(" <") {
        Some((name, _)) if !name.is_empty() => name.to_owned(),
        Some(_) | None => author.to_owned(),
    }
}

/// One release with all that is known of it.
pub(crate) fn release(release: &Release, now: Timestamp) -> String {
    let mut out = format!(
        "{} {}  {}  {}\n",
        paint(BOLD, "Release"),
        paint(YELLOW, release.id.as_str()),
        release.kind,
        paint(status_style(release.status), release.status.as_str()),
    );
    for (name, text) in headers(release, now) {
        out.push_str(&format!("{name:<9} {}\n", clean_line(&text)));
    }
    if let Some(message) = &release.message {
        let style = status_style(release.status);
        out.push_str(&format!(
            "{:<9} {}\n",
            "Outcome",
            paint(style, &clean_line(message))
        ));
    }
    if release.changes.is_empty() {
        out.push_str("\nNo entity is changed.\n");
    }
    for change in &release.changes {
        out.push('\n');
        out.push_str(&entity(change));
    }
    if !release.activity.is_empty() || !release.phases.is_empty() {
        out.push_str(&format!("\n{}\n", paint(BOLD, "Activity")));
        for line in log(release) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}

fn headers(release: &Release, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Subject", release.subject.clone()),
        ("Author", release.author.clone()),
        (
            "Commit",
            format!("{} on {}", release.commit, release.branch),
        ),
    ];
    if !release.reverts.is_empty() {
        let reverts: Vec<&str> = release.reverts.iter().map(ReleaseId::as_str).collect();
        headers.push(("Reverts", reverts.join(", ")));
    }
    let started = format!(
        "{:.3} ({})",
        release.started_at,
        age(release.started_at, now)
    );
    let started = match release.finished_at {
        Some(end) => format!("{started}, took {}", took(release.started_at, end)),
        None => format!("{started}, not finished"),
    };
    headers.push(("Started", started));
    if let Some(snapshot) = &release.snapshot {
        headers.push(("Snapshot", short(snapshot.as_str()).to_owned()));
    }
    headers
}

fn entity(change: &Change) -> String {
    let (sign, style) = action_sign(change.action);
    let mut out = format!(
        "{} {} {} ({})  {}\n",
        paint(style, &format!("{sign} {}", change.action)),
        change.kind,
        clean_line(change.key.as_str()),
        change.store,
        paint(change_style(change.status), change.status.as_str()),
    );
    if let Some(error) = &change.error {
        let line = format!("! {}", clean_line(error));
        out.push_str(&format!("    {}\n", paint(RED.bold(), &line)));
    }
    for field in &change.fields {
        out.push_str(&outcome(field));
    }
    out
}

fn outcome(field: &FieldOutcome) -> String {
    let FieldOutcome {
        field: name,
        before,
        after,
        observed,
        status,
    } = field;
    let marks = paint(field_style(*status), status.as_str());
    let mut out = difference("    ", name.as_str(), before, after, &marks);
    let known = !observed.is_null() || *status == FieldStatus::Written;
    if known && observed != after && *name != FieldId::Existence {
        out.push_str(&format!(
            "      {} {}\n",
            paint(RED, "the store shows"),
            literal(observed)
        ));
    }
    out
}

fn change_style(status: ChangeStatus) -> Style {
    match status {
        ChangeStatus::Pending => CYAN,
        ChangeStatus::Done => GREEN,
        ChangeStatus::Failed => RED,
        ChangeStatus::Skipped => DIM,
    }
}

fn field_style(status: FieldStatus) -> Style {
    match status {
        FieldStatus::Written => GREEN,
        FieldStatus::Unchanged => DIM,
        FieldStatus::NotWritten | FieldStatus::InDoubt => RED,
        FieldStatus::Conflict => YELLOW,
    }
}
