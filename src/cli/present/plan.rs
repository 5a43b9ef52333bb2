//! A plan for people. The same plan gives the same text.

use super::findings::finding;
use super::text::{
    BOLD, CYAN, DIM, GREEN, RED, YELLOW, action_sign, clean, clean_line, count, paint,
};
use super::value::difference;
use crate::domain::{Action, FieldId};
use crate::reconcile::{Preview, PreviewedChange};

/// How many entities there are of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Summary {
    create: usize,
    update: usize,
    delete: usize,
    noop: usize,
    errors: usize,
}

impl Summary {
    pub(crate) fn of(preview: &Preview) -> Self {
        let mut summary = Self::default();
        for change in &preview.changes {
            let counter = match (&change.error, change.action) {
                (Some(_), _) => &mut summary.errors,
                (None, Action::Create) => &mut summary.create,
                (None, Action::Update) => &mut summary.update,
                (None, Action::Delete) => &mut summary.delete,
                (None, Action::Noop) => &mut summary.noop,
            };
            *counter += 1;
        }
        summary
    }
}

/// The whole plan.
pub(crate) fn plan(preview: &Preview) -> String {
    let mut out = heading(preview);
    for change in &preview.changes {
        out.push_str(&entity(change));
    }
    if !preview.overridden.is_empty() {
        out.push_str(&format!("\n{}\n", paint(BOLD, "Overridden values")));
        for hidden in &preview.overridden {
            out.push_str(&format!(
                "  {} {} ({}): {} at {} is hidden by {}\n",
                hidden.kind,
                clean_line(hidden.key.as_str()),
                hidden.store,
                hidden.field,
                clean_line(&hidden.hidden),
                clean_line(&hidden.by),
            ));
        }
    }
    if !preview.notes.is_empty() {
        out.push_str(&format!("\n{}\n", paint(BOLD, "Notes")));
        for note in &preview.notes {
            out.push_str(&format!("  {}\n", clean_line(note)));
        }
    }
    out.push_str(&closing(preview));
    out
}

fn heading(preview: &Preview) -> String {
    let base = preview
        .base
        .as_ref()
        .map_or("nothing", |commit| commit.short());
    let mut out = format!(
        "{} {}: {base} → {}\n",
        paint(BOLD, "Plan for"),
        preview.environment,
        preview.revision.short()
    );
    for release in &preview.releases {
        let reverts: Vec<&str> = release.reverts.iter().map(|c| c.short()).collect();
        let reverts = if reverts.is_empty() {
            String::new()
        } else {
            format!("  reverts {}", reverts.join(", "))
        };
        let kind = if release.valid {
            paint(CYAN, release.kind.as_str())
        } else {
            paint(RED, "invalid")
        };
        out.push_str(&format!(
            "  {kind} {} {}{}\n",
            release.commit.short(),
            clean_line(&release.subject),
            paint(DIM, &reverts)
        ));
        for found in &release.findings.0 {
            for line in finding(found).lines() {
                out.push_str(format!("      {line}").trim_end());
                out.push('\n');
            }
        }
    }
    out
}

fn entity(change: &PreviewedChange) -> String {
    let name = format!(
        "{} {} ({})",
        change.kind,
        clean_line(change.key.as_str()),
        change.store
    );
    let id = change.id.map_or(String::new(), |id| format!(" id {id}"));
    if let Some(error) = &change.error {
        let line = format!("! {name}{id} cannot: {}", clean_line(error));
        return format!("\n{}\n", paint(RED, &line));
    }
    let (sign, style) = action_sign(change.action);
    if change.action == Action::Noop {
        return String::new();
    }
    let mut out = format!(
        "\n{} {name}{id}\n",
        paint(style, &format!("{sign} {}", change.action))
    );
    for field in &change.fields {
        let marks = if field.put_back {
            paint(YELLOW, "(put back)")
        } else {
            String::new()
        };
        if field.field == FieldId::Existence {
            // The sign says it already; only where it comes from is news.
            if field.put_back {
                out.push_str(&format!("    {marks}\n"));
            }
            continue;
        }
        out.push_str(&difference(
            "    ",
            field.field.as_str(),
            &field.before,
            &field.after,
            &marks,
        ));
    }
    out
}

fn closing(preview: &Preview) -> String {
    let Summary {
        create,
        update,
        delete,
        noop: _,
        errors,
    } = Summary::of(preview);
    let invalid = preview.releases.iter().filter(|r| !r.valid).count();
    let mut out = String::from("\n");
    if create + update + delete + errors + invalid == 0 {
        out.push_str(&paint(GREEN, "No changes: the store is as the files say."));
        out.push('\n');
    }
    if invalid > 0 {
        let invalid = count(invalid, "commit", "commits");
        out.push_str(&paint(RED, &format!("{invalid} cannot be used.")));
        out.push('\n');
    }
    if errors > 0 {
        let errors = count(errors, "entity", "entities");
        out.push_str(&paint(RED, &format!("{errors} cannot be carried out.")));
        out.push('\n');
    }
    out.push_str(&clean(&format!(
        "Plan: {create} to create, {update} to update, {delete} to delete.\n"
    )));
    out
}
