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
use crate::domain::{
    Action, Change, ChangeStatus, FieldId, FieldOutcome, FieldStatus, Release, ReleaseId,
};

/// The list, newest first.
pub(crate) fn releases(releases: &[Release], older: usize, now: Timestamp) -> String {
    let older = match older {
        0 => String::new(),
        1 => "1 older release is not listed; `--limit 0` lists all.\n".to_owned(),
        older => format!("{older} older releases are not listed; `--limit 0` lists all.\n"),
    };
    if releases.is_empty() {
        return match older.is_empty() {
            true => "No releases yet.\n".to_owned(),
            false => format!("No releases since then.\n{older}"),
        };
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
    let listed = table(&["ID", "STATUS", "KIND", "AGE", "AUTHOR", "SUBJECT"], &rows);
    listed + &older
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
    let name = format!(
        "{} {} ({})",
        change.kind,
        clean_line(change.key.as_str()),
        change.store
    );
    let status = paint(change_style(change.status), change.status.as_str());
    let (sign, style) = action_sign(change.action);
    let mut out = if change.action == Action::Noop && change.status == ChangeStatus::Failed {
        // What was refused before it was sent has no action.
        format!("{} {status} {name}\n", paint(RED, "!"))
    } else {
        let action = paint(style, &format!("{sign} {}", change.action));
        format!("{action} {name}  {status}\n")
    };
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
    if *name == FieldId::Existence && *status == FieldStatus::Unchanged {
        return String::new();
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

    fn failed() -> Release {
        let field = |name: &str,
                     before: &str,
                     after: &str,
                     observed: Option<&str>,
                     status: &str| {
            json!({"field": name, "before": before, "after": after, "observed": observed, "status": status})
        };
        serde_json::from_value(json!({
            "id": "1".repeat(40), "kind": "rollback", "status": "failed",
            "reverts": ["2".repeat(40)], "commit": "1".repeat(40), "branch": "main",
            "subject": "Undo \u{1b}[2Jthe hero", "author": "田中 <t@example.com>",
            "started_at": "2026-11-21T10:00:00.000Z", "finished_at": "2026-11-21T10:00:01.500Z",
            "snapshot": "3".repeat(40), "message": "1 entity failed",
            "phases": [{"name": "write", "started_at": "2026-11-21T10:00:00.100Z", "finished_at": "2026-11-21T10:00:01.100Z"}],
            "changes": [{
                "kind": "cms_block", "key": "hero", "store": ["de", "fr"], "action": "update",
                "status": "failed", "error": "The block could not be saved (HTTP 400)",
                "fields": [
                    field("ensure", "present", "present", Some("present"), "unchanged"),
                    field("content", "a\nb\n", "a\nc\n", None, "not_written"),
                    field("title", "Sale", "Hero", Some("Her"), "written"),
                ],
            }],
            "activity": [{
                "at": "2026-11-21T10:00:00.100Z", "phase": "write", "level": "error",
                "kind": "cms_block", "key": "hero", "store": "all", "message": "refused",
            }],
        }))
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-21T10:05:00Z".parse().unwrap()
    }

    #[test]
    fn a_release_tells_what_failed_and_why() {
        let text = strip_str(&release(&failed(), now())).to_string();
        insta::assert_snapshot!(text, @r#"
        Release 1111111111111111111111111111111111111111  rollback  failed
        Subject   Undo \u{1b}[2Jthe hero
        Author    田中 <t@example.com>
        Commit    1111111111111111111111111111111111111111 on main
        Reverts   2222222222222222222222222222222222222222
        Started   2026-11-21T10:00:00.000Z (5m ago), took 1.5 s
        Snapshot  3333333333
        Outcome   1 entity failed

        ~ update cms_block hero (de,fr)  failed
            ! The block could not be saved (HTTP 400)
            content:  not_written
              @@ -1,2 +1,2 @@
               a
              -b
              +c
            title: "Sale" → "Hero"  written
              the store shows "Her"

        Activity
          2026-11-21T10:00:00.100Z  write     1.0 s
          2026-11-21T10:00:00.100Z  write     error: cms_block hero (all): refused
        "#);
    }

    #[test]
    fn the_list_has_a_line_each() {
        let text = strip_str(&releases(&[failed()], 0, now())).to_string();
        insta::assert_snapshot!(text, @r"
        ID          STATUS  KIND      AGE     AUTHOR  SUBJECT
        1111111111  failed  rollback  5m ago  田中    Undo \u{1b}[2Jthe hero
        ");
        assert_eq!(releases(&[], 0, now()), "No releases yet.\n");
        let none =
            "No releases since then.\n1 older release is not listed; `--limit 0` lists all.\n";
        assert_eq!(releases(&[], 1, now()), none);
    }
}
