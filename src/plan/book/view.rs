//! The releases as lists and `show` print them, with the statuses that follow from the stacks.

use super::{Book, EntityRecord, ReleaseRecord, SlotRecord};
use crate::domain::{
    Change, ChangeStatus, DesiredValue, EntityRef, FieldId, FieldOutcome, FieldStatus, Release,
    ReleaseKind, ReleaseStatus, Slot, Value,
};
use crate::plan::stack::{Before, Target};

impl Book {
    /// The status for lists, derived from the stacks.
    pub fn status(&self, release: &ReleaseRecord) -> ReleaseStatus {
        if release.status == ReleaseStatus::Invalid {
            return release.status;
        }
        // Whatever was in hand when everything began anew is never carried out any more.
        if release.seq < self.epoch {
            return ReleaseStatus::Superseded;
        }
        if release.in_hand() {
            return release.status;
        }
        let slots: Vec<(Slot, &SlotRecord)> = release.slots().collect();
        let has_transition = |slot: &Slot| {
            self.stacks
                .get(slot)
                .is_some_and(|s| s.iter().any(|t| t.release == release.seq))
        };
        if self.reverted_by.contains_key(&release.seq)
            && !slots.iter().any(|(s, _)| has_transition(s))
        {
            return ReleaseStatus::RolledBack;
        }
        let last = |slot: &Slot| {
            self.standings
                .get(slot)
                .is_some_and(|s| s.release == release.seq)
        };
        if slots
            .iter()
            .any(|(slot, record)| last(slot) && !record.done())
        {
            return ReleaseStatus::Failed;
        }
        if slots.is_empty() {
            return release.status;
        }
        let is_removal = slots
            .iter()
            .all(|(_, record)| record.desired_after.is_none());
        if release.kind == ReleaseKind::Rollback || is_removal {
            return ReleaseStatus::Live;
        }
        let only_idle = slots.iter().all(|(_, record)| record.is_idle_demand());
        let telling = slots
            .iter()
            .filter(|(_, record)| only_idle || !record.is_idle_demand());
        let in_effect = telling.into_iter().any(|(slot, _)| {
            self.stacks
                .get(slot)
                .and_then(|s| s.last())
                .is_some_and(|t| t.release == release.seq)
        });
        if in_effect {
            return ReleaseStatus::Live;
        }
        if release
            .entities
            .values()
            .all(|e| e.status == ChangeStatus::Skipped)
        {
            return ReleaseStatus::Canceled;
        }
        ReleaseStatus::Superseded
    }

    /// The release as lists and `show` print it.
    pub fn view(&self, release: &ReleaseRecord) -> Option<Release> {
        Some(Release {
            id: self.id(release.seq)?,
            kind: release.kind,
            status: self.status(release),
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
            finished_at: release.finished_at,
            snapshot: release.snapshot.clone(),
            message: release.message.clone(),
            phases: release.phases.clone(),
            changes: release
                .entities
                .iter()
                .filter_map(|(e, r)| self.change(release, e, r))
                .collect(),
            activity: release.activity.clone(),
        })
    }

    /// Every release, newest first.
    pub fn views(&self) -> Vec<Release> {
        self.releases
            .values()
            .rev()
            .filter_map(|release| self.view(release))
            .collect()
    }

    fn change(
        &self,
        release: &ReleaseRecord,
        entity: &EntityRef,
        record: &EntityRecord,
    ) -> Option<Change> {
        if record.slots.is_empty() {
            return None;
        }
        let fields = record
            .slots
            .iter()
            .map(|(field, slot)| {
                let before = show(field, &slot.observed_before);
                let after = match &slot.target {
                    Target::Leave | Target::Desired(None) => before.clone(),
                    Target::Desired(Some(desired)) => show_desired(desired),
                    Target::PutBack(before) => show(field, before),
                };
                let observed = match (&slot.observed, slot.done()) {
                    (Some(seen), _) => show(field, seen),
                    (None, true) => after.clone(),
                    (None, false) => Value::Null,
                };
                FieldOutcome {
                    field: field.clone(),
                    before,
                    after,
                    observed,
                    status: slot.status.unwrap_or(FieldStatus::NotWritten),
                }
            })
            .collect();
        let status = match record.status {
            ChangeStatus::Pending if !release.in_hand() => ChangeStatus::Skipped,
            status => status,
        };
        Some(Change {
            kind: entity.kind,
            key: entity.key.clone(),
            store: entity.store.clone(),
            action: record.action,
            status,
            error: record.error.clone(),
            fields,
        })
    }
}

/// A value for people and JSON; existence as `present` and `absent`.
pub fn show(field: &FieldId, before: &Before) -> Value {
    match before {
        Before::Value(value) => value.to_value(),
        Before::Missing if *field == FieldId::Existence => Value::from("absent"),
        Before::Missing => Value::Null,
        Before::Entity(_) => Value::from("present"),
        Before::Unknown => Value::Null,
    }
}

/// A desired value for people and JSON.
pub fn show_desired(desired: &DesiredValue) -> Value {
    match desired {
        DesiredValue::Ensure(ensure) => Value::from(ensure.as_str()),
        DesiredValue::Value(value) => value.to_value(),
    }
}
