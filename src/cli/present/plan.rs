//! A plan for people. The same plan gives the same text.

use super::findings::finding;
use super::text::{
    BOLD, CYAN, DIM, GREEN, RED, YELLOW, action_sign, clean, clean_line, count, paint,
};
use super::value::difference;
use crate::domain::{Action, FieldId};
use crate::reconcile::{Preview, PreviewedChange};

/// The number of entities of each sort.
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
        out.push_str(&paint(
            GREEN,
            "Nothing to deploy. What is handled already was not compared with the store.",
        ));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use anstream::adapter::strip_str;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{
        CommitId, EntityId, EntityKey, FieldName, Findings, Kind, ReleaseKind, StoreScope,
    };
    use crate::reconcile::{PreviewedField, PreviewedOverride, PreviewedRelease};

    fn commit(digit: char) -> CommitId {
        CommitId::new(digit.to_string().repeat(40)).unwrap()
    }

    fn field(name: &str, before: Value, after: Value, put_back: bool) -> PreviewedField {
        let field = match name {
            "ensure" => FieldId::Existence,
            name => FieldId::Named(FieldName::new(name.to_owned()).unwrap()),
        };
        PreviewedField {
            field,
            before,
            after,
            put_back,
        }
    }

    fn change(key: &str, action: Action, fields: Vec<PreviewedField>) -> PreviewedChange {
        PreviewedChange {
            kind: Kind::from_name("cms_block").unwrap(),
            key: EntityKey::new(key.to_owned()).unwrap(),
            store: StoreScope::All,
            id: (action != Action::Create).then_some(EntityId(12)),
            action,
            error: None,
            fields,
            patch: json_patch::Patch(Vec::new()),
        }
    }

    fn preview(changes: Vec<PreviewedChange>) -> Preview {
        Preview {
            environment: "production".to_owned(),
            revision: commit('b'),
            base: Some(commit('a')),
            releases: Vec::new(),
            changes,
            overridden: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn show(preview: &Preview) -> String {
        strip_str(&plan(preview)).to_string()
    }

    #[test]
    fn a_plan_shows_every_sort_of_change() {
        let mut refused = change("stray", Action::Noop, Vec::new());
        refused.error = Some("exists under de only".to_owned());
        let mut preview = preview(vec![
            change(
                "new",
                Action::Create,
                vec![
                    field("ensure", json!("absent"), json!("present"), true),
                    field("title", json!(null), json!("New"), true),
                ],
            ),
            change(
                "hero",
                Action::Update,
                vec![
                    field("active", json!(false), json!(true), false),
                    field("content", json!("a\nb\n"), json!("a\nc\n"), true),
                ],
            ),
            change(
                "old",
                Action::Delete,
                vec![field("ensure", json!("present"), json!("absent"), false)],
            ),
            change("same", Action::Noop, Vec::new()),
            refused,
        ]);
        preview.releases = vec![
            PreviewedRelease {
                commit: commit('b'),
                subject: "Revert \"Hero\"".to_owned(),
                files: vec!["releases/hero.yaml".to_owned()],
                kind: ReleaseKind::Rollback,
                valid: true,
                reverts: vec![commit('a')],
                findings: Findings::default(),
            },
            PreviewedRelease {
                commit: commit('c'),
                subject: "Broken".to_owned(),
                files: Vec::new(),
                kind: ReleaseKind::Deploy,
                valid: false,
                reverts: Vec::new(),
                findings: serde_json::from_value(json!([{
                    "id": "unknown-kind", "severity": "critical",
                    "origin": {"path": "releases/a.yaml", "line": 2, "column": 11},
                    "message": "no kind \"cms_blok\"", "remedy": "write cms_block",
                    "snippet": "  - kind: cms_blok",
                }]))
                .unwrap(),
            },
        ];
        preview.overridden = vec![PreviewedOverride {
            kind: Kind::from_name("cms_block").unwrap(),
            key: EntityKey::new("hero".to_owned()).unwrap(),
            store: StoreScope::All,
            field: FieldId::Named(FieldName::new("title".to_owned()).unwrap()),
            hidden: "a.yaml:3:5".to_owned(),
            by: "b.yaml:3:5".to_owned(),
        }];
        preview.notes = vec!["looks like the undoing of X".to_owned()];
        insta::assert_snapshot!(show(&preview), @r#"
        Plan for production: aaaaaaaaaa → bbbbbbbbbb
          rollback bbbbbbbbbb Revert "Hero"  reverts aaaaaaaaaa
          invalid cccccccccc Broken
              releases/a.yaml:2:11: critical: no kind "cms_blok" [unknown-kind]
               2 |   - kind: cms_blok
                 |           ^
                = write cms_block

        + create cms_block new (all)
            (put back)
            title: null → "New"  (put back)

        ~ update cms_block hero (all) id 12
            active: false → true
            content:  (put back)
              @@ -1,2 +1,2 @@
               a
              -b
              +c

        - delete cms_block old (all) id 12

        ! cms_block stray (all) id 12 cannot: exists under de only

        Overridden values
          cms_block hero (all): title at a.yaml:3:5 is hidden by b.yaml:3:5

        Notes
          looks like the undoing of X

        1 commit cannot be used.
        1 entity cannot be carried out.
        Plan: 1 to create, 1 to update, 1 to delete.
        "#);
    }

    #[test]
    fn nothing_to_do_is_said() {
        let preview = preview(vec![change("same", Action::Noop, Vec::new())]);
        insta::assert_snapshot!(show(&preview), @r"
        Plan for production: aaaaaaaaaa → bbbbbbbbbb

        Nothing to deploy. What is handled already was not compared with the store.
        Plan: 0 to create, 0 to update, 0 to delete.
        ");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        let evil = change("a\u{1b}[2J\nPlan: 0", Action::Delete, Vec::new());
        let text = plan(&preview(vec![evil]));
        assert!(text.contains("a\\u{1b}[2J Plan: 0"), "{text}");
    }
}
