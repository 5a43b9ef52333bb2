//! Releases as lists and `show` print them.

use std::collections::BTreeSet;

use super::{Book, Standings};
use crate::domain::{
    Change, ChangeStatus, EntityRef, FieldId, FieldOutcome, FieldStatus, Release, Slot, Value,
};
use crate::plan::layers::{Seq, Shown};
use crate::plan::release::{EntityOutcome, ReleaseRecord};

impl Book {
    /// The release as lists and `show` print it.
    pub fn view(&self, release: &ReleaseRecord) -> Option<Release> {
        self.views_of([release]).pop()
    }

    /// Some releases, in their order.
    pub fn views_of<'r>(
        &self,
        releases: impl IntoIterator<Item = &'r ReleaseRecord>,
    ) -> Vec<Release> {
        let (standings, taken_back) = (self.standings(), self.taken_back());
        let releases = releases.into_iter();
        releases
            .filter_map(|release| self.view_within(release, &standings, &taken_back))
            .collect()
    }

    /// Every release, newest first.
    pub fn views(&self) -> Vec<Release> {
        self.views_of(self.releases.values().rev().map(AsRef::as_ref))
    }

    fn view_within(
        &self,
        release: &ReleaseRecord,
        standings: &Standings,
        taken_back: &BTreeSet<Seq>,
    ) -> Option<Release> {
        let outcome = &release.outcome;
        Some(Release {
            id: self.id(release.seq)?,
            kind: release.kind,
            status: self.status_within(release, standings, taken_back),
            reverts: release
                .reverts
                .iter()
                .filter_map(|seq| self.id(*seq))
                .collect(),
            commit: release.commit.clone(),
            branch: release.branch.clone(),
            subject: release.subject.clone(),
            author: release.author.clone(),
            started_at: release.started_at,
            finished_at: outcome.finished_at,
            snapshot: outcome.snapshot.clone(),
            message: outcome.message.clone(),
            phases: outcome.phases.clone(),
            changes: changes(release),
            activity: release
                .notes
                .iter()
                .chain(&outcome.activity)
                .cloned()
                .collect(),
        })
    }
}

fn changes(release: &ReleaseRecord) -> Vec<Change> {
    let changes = release.entities.iter().map(|(entity, planned)| {
        let outcome = release.outcome.entities.get(entity);
        let fields = planned.fields.iter().map(|(field, planned)| {
            let became = outcome.and_then(|outcome| outcome.fields.get(field));
            let status = became.map_or(FieldStatus::NotWritten, |became| became.status);
            let reached = !matches!(status, FieldStatus::NotWritten | FieldStatus::InDoubt);
            let observed = match became.and_then(|became| became.observed.as_ref()) {
                Some(seen) => show(field, seen),
                None if reached => show(field, &planned.after),
                None => Value::Null,
            };
            let slot = Slot {
                entity: entity.clone(),
                field: field.clone(),
            };
            let before = release.outcome.edits.get(&slot).unwrap_or(&planned.before);
            FieldOutcome {
                field: field.clone(),
                before: show(field, before),
                after: show(field, &planned.after),
                observed,
                status,
            }
        });
        let status = match outcome.map(|outcome| outcome.status) {
            Some(status) => status,
            None if release.in_hand() => ChangeStatus::Pending,
            None => ChangeStatus::Skipped,
        };
        let EntityRef { kind, key, store } = entity.clone();
        Change {
            kind,
            key,
            store,
            action: outcome.map_or(planned.action, |outcome: &EntityOutcome| outcome.action),
            status,
            error: outcome.and_then(|outcome| outcome.error.clone()),
            fields: fields.collect(),
        }
    });
    changes.filter(|change| !change.fields.is_empty()).collect()
}

/// A value for people and JSON; existence as `present` and `absent`.
pub fn show(field: &FieldId, shown: &Shown) -> Value {
    match shown {
        Shown::Value(value) => value.to_value(),
        Shown::Gone if *field == FieldId::Existence => Value::from("absent"),
        Shown::Here => Value::from("present"),
        Shown::Gone | Shown::Unknown => Value::Null,
    }
}
