//! What became of every field, from what was sent and what was read afterwards.

mod releases;
mod slots;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::releases::outcomes;
pub(super) use self::slots::{close, settle};
use super::collateral;
use super::journal::Journal;
use crate::domain::{EntityRef, FieldId, FieldName, FieldStatus, Level, Presence, Value};
use crate::plan::{
    Decision, EntityWork, ExistenceGoal, FieldGoal, FieldOutcome, Shown, show, shown,
};

/// How far an entity got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing needed to be sent.
    Noop,
    /// Nothing could be sent, or the store refused it.
    Refused,
    /// The store took it.
    Sent,
    /// The answer was lost.
    InDoubt,
}

/// What became of one entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EntityResult {
    decision: Decision,
    reach: Reach,
    error: Option<String>,
    permanent: bool,
    fields: BTreeMap<FieldId, FieldOutcome>,
    /// What was read last.
    after: Option<Presence>,
}

/// An entity as it was read before and after a pass wrote to it.
#[derive(Debug)]
pub(super) struct BeforeAfter<'a> {
    pub(super) before: &'a Presence,
    pub(super) after: &'a Presence,
    /// Of its other fields, when the snapshot was taken.
    pub(super) digest: Option<&'a str>,
    /// The fields that other entities of the pass set as well.
    pub(super) set_by_rows: BTreeSet<FieldId>,
}

impl EntityResult {
    fn new(decision: Decision, reach: Reach, error: Option<String>, permanent: bool) -> Self {
        Self {
            decision,
            reach,
            error,
            permanent,
            fields: BTreeMap::new(),
            after: None,
        }
    }

    pub(super) fn noop() -> Self {
        Self::new(Decision::Noop, Reach::Noop, None, false)
    }

    pub(super) fn refused(why: String) -> Self {
        // A person who mends it in the store needs no new commit: it is looked at in every pass.
        Self::new(
            Decision::Refused(why.clone()),
            Reach::Refused,
            Some(why),
            false,
        )
    }

    pub(super) fn sent(decision: Decision) -> Self {
        Self::new(decision, Reach::Sent, None, false)
    }

    pub(super) fn failed(decision: Decision, error: String, permanent: bool) -> Self {
        Self::new(decision, Reach::Refused, Some(error), permanent)
    }

    pub(super) fn in_doubt(decision: Decision, error: String) -> Self {
        Self::new(decision, Reach::InDoubt, Some(error), false)
    }

    pub(super) fn decision(&self) -> &Decision {
        &self.decision
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// True if the entity is not where it shall be.
    pub(super) fn is_failed(&self) -> bool {
        self.error.is_some()
    }

    /// True if it failed, and only a person or another value helps.
    pub(super) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// What became of its fields.
    pub(super) fn statuses(&self) -> impl Iterator<Item = FieldStatus> {
        self.fields.values().map(|field| field.status)
    }

    /// True if the store was, or may have been, changed.
    pub(super) fn was_written(&self) -> bool {
        matches!(self.reach, Reach::Sent | Reach::InDoubt)
    }

    /// What was written has been undone: as if it had never been sent, to be tried again together
    /// with what failed.
    pub(super) fn restored(&mut self, restored: Self) {
        self.reach = Reach::Refused;
        self.after = restored.after;
        for field in self.fields.values_mut() {
            if matches!(field.status, FieldStatus::Written | FieldStatus::InDoubt) {
                field.status = FieldStatus::NotWritten;
            }
        }
        self.error.get_or_insert_with(|| {
            "restored, because another entity of the pass failed (on_failure: restore)".to_owned()
        });
    }

    /// What was written could not be undone: it stays written.
    pub(super) fn not_restored(&mut self, message: String) {
        self.error = Some(message);
    }

    /// An earlier attempt was undone before this one by a write that arrived late: what was sent in
    /// the end is both together.
    pub(super) fn repeats(&mut self, first: Self) {
        if !first.was_written() {
            return;
        }
        if self.reach == Reach::Noop {
            self.reach = first.reach;
        }
        let again = std::mem::replace(&mut self.decision, first.decision);
        if let (Decision::Update(sent), Decision::Update(again)) = (&mut self.decision, again) {
            sent.extend(again);
        }
    }

    /// True if a request was sent, so that the entity must be read again.
    pub(super) fn was_tried(&self) -> bool {
        match &self.decision {
            Decision::Noop | Decision::Refused(_) => false,
            Decision::Create(_) | Decision::Update(_) | Decision::Delete => true,
        }
    }

    /// Holds what was read afterwards against what was wanted.
    pub(super) fn verify(
        &mut self,
        entity: &EntityRef,
        work: &EntityWork,
        readings: &BeforeAfter<'_>,
        journal: &mut Journal,
    ) {
        let after = readings.after;
        let mut wrong = Vec::new();
        // What goes with an entity has no slots of its own, and may have been written in part.
        let in_part = self.reach == Reach::InDoubt
            && after.found().is_some_and(|found| {
                let mut wanted = work.fields.iter();
                wanted.any(|(name, want)| !want.met_in(entity, name, found))
            });
        for field in &work.slots {
            let seen = shown(after, field);
            // What belongs to it and is managed by itself has a target of its own.
            let by_row = after.found().is_some() && readings.set_by_rows.contains(field);
            let met = by_row || met(entity, work, field, after);
            let met = met && !(in_part && *field == FieldId::Existence);
            let status = match (met, self.touches(field), self.reach) {
                (true, true, Reach::Sent | Reach::InDoubt) => FieldStatus::Written,
                (true, _, _) => FieldStatus::Unchanged,
                (false, _, Reach::Refused | Reach::Noop) => FieldStatus::NotWritten,
                (false, _, Reach::Sent | Reach::InDoubt) => FieldStatus::InDoubt,
            };
            if !met && self.reach == Reach::Sent {
                wrong.push(mismatch(work, field, &seen));
            }
            let observed = (!met).then_some(seen);
            self.fields
                .insert(field.clone(), FieldOutcome { status, observed });
        }
        self.after = Some(after.clone());
        if !wrong.is_empty() {
            let error = format!(
                "the store answered that it took the change, but shows something else: {}",
                wrong.join("; ")
            );
            journal.about(Level::Error, entity, error.clone());
            self.error = Some(error);
        }
        if self.reach == Reach::InDoubt
            && self
                .fields
                .values()
                .all(|f| f.status != FieldStatus::InDoubt)
        {
            self.error = None;
            journal.about(
                Level::Info,
                entity,
                "the lost answer was a success: the store shows every value",
            );
        }
        if self.was_tried() {
            self.collateral(entity, work, readings, journal);
        }
    }

    fn touches(&self, field: &FieldId) -> bool {
        match (&self.decision, field) {
            (Decision::Noop | Decision::Refused(_), _) => false,
            (Decision::Create(_) | Decision::Delete, FieldId::Existence)
            | (Decision::Delete, _) => true,
            (Decision::Update(_), FieldId::Existence) => false,
            (Decision::Create(fields) | Decision::Update(fields), FieldId::Named(name)) => {
                fields.contains_key(name)
            }
        }
    }

    /// Nothing unlisted may have moved: the key and the assignment are failures, others warnings.
    fn collateral(
        &mut self,
        entity: &EntityRef,
        work: &EntityWork,
        readings: &BeforeAfter<'_>,
        journal: &mut Journal,
    ) {
        let Decision::Update(_) = &self.decision else {
            return;
        };
        let BeforeAfter {
            before,
            after,
            digest,
            set_by_rows,
        } = readings;
        let listed: BTreeSet<FieldId> = work
            .slots
            .iter()
            .cloned()
            .chain(work.fields.keys().cloned().map(FieldId::Named))
            .chain(set_by_rows.iter().cloned())
            .collect();
        match (*before, *after) {
            (Presence::Found(then), Presence::Found(now)) if then.id == now.id => {
                let moved = collateral::moved(entity, then, now, &listed);
                for field in &moved {
                    journal.about(
                        Level::Warning,
                        entity,
                        format!(
                            "{} moved meanwhile although no release file lists it: {} became {}",
                            field.field,
                            brief(&field.before),
                            brief(&field.after)
                        ),
                    );
                }
                let now = collateral::digest(entity, now, &listed);
                if moved.is_empty() && digest.is_some_and(|digest| digest != now) {
                    journal.about(
                        Level::Warning,
                        entity,
                        "fields that no release file lists have moved since the snapshot was taken",
                    );
                }
            }
            (Presence::Found(then), _) => {
                let error = format!(
                    "after the write no {} of this key and assignment with id {} was found any more; look at it in the admin",
                    entity.kind.label, then.id
                );
                journal.about(Level::Error, entity, error.clone());
                self.error = Some(error);
            }
            _ => {}
        }
    }
}

fn met(entity: &EntityRef, work: &EntityWork, field: &FieldId, after: &Presence) -> bool {
    let readable = !matches!(after, Presence::Ambiguous(_) | Presence::UnknownView(_));
    match (field, &work.being) {
        (_, ExistenceGoal::Absent { .. }) => readable && after.found().is_none(),
        (FieldId::Existence, ExistenceGoal::Present(_) | ExistenceGoal::Existing) => {
            after.found().is_some()
        }
        (FieldId::Existence, ExistenceGoal::Any) => true,
        // it was refused, whatever the store shows; what is put back needs none of the store's words
        (FieldId::Named(name), _)
            if work.problem.is_some() && work.fields.get(name).is_some_and(|want| !want.exact) =>
        {
            false
        }
        (FieldId::Named(name), _) => match work.fields.get(name) {
            None => true,
            Some(want) => match after.found() {
                Some(found) => want.met_in(entity, name, found),
                // A view has no values of its own where there is no entity any more.
                None => readable && entity.base().is_some() && want.is_default(),
            },
        },
    }
}

fn mismatch(work: &EntityWork, field: &FieldId, seen: &Shown) -> String {
    let wanted = match field {
        FieldId::Existence => match &work.being {
            ExistenceGoal::Absent { .. } => "absent".to_owned(),
            ExistenceGoal::Any | ExistenceGoal::Present(_) | ExistenceGoal::Existing => {
                "present".to_owned()
            }
        },
        FieldId::Named(name) => work
            .fields
            .get(name)
            .map_or_else(String::new, |FieldGoal { value, .. }| brief(value)),
    };
    let seen = show(field, seen);
    format!("{field} is {} instead of {wanted}", brief(&seen))
}

/// A value in one short line.
pub(super) fn brief(value: &Value) -> String {
    const CHARS: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= CHARS {
        return text;
    }
    let cut: String = text.chars().take(CHARS).collect();
    format!("{cut}… ({} bytes)", text.len())
}

/// What was sent, for the activity.
pub(super) fn sent(decision: &Decision) -> String {
    let names = |fields: &BTreeMap<FieldName, Value>| {
        fields
            .keys()
            .map(FieldName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match decision {
        Decision::Create(fields) => format!("created with {}", names(fields)),
        Decision::Update(fields) => format!("set {}", names(fields)),
        Decision::Delete => "deleted".to_owned(),
        Decision::Noop | Decision::Refused(_) => String::new(),
    }
}
