//! What became of every field, from what was sent and what was read afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::collateral;
use super::execute::shown;
use super::hold::Recorded;
use super::journal::Journal;
use super::ledger::PassFile;
use crate::domain::{
    Action, Activity, ChangeStatus, DesiredValue, EntityRef, FieldId, FieldName, FieldStatus,
    Level, Observation, Presence, ReleaseKind, ReleaseStatus, Slot, Value,
};
use crate::plan::{
    Before, Being, Book, Decision, EntityWork, ReleaseRecord, Seq, SlotRecord, Target, Want,
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
pub(super) struct Result {
    decision: Decision,
    reach: Reach,
    error: Option<String>,
    permanent: bool,
    fields: BTreeMap<FieldId, FieldResult>,
}

/// An entity as it was read before and after a pass wrote to it.
#[derive(Debug)]
pub(super) struct Readings<'a> {
    pub(super) before: &'a Presence,
    pub(super) after: &'a Presence,
    /// Of its other fields, when the snapshot was taken.
    pub(super) digest: Option<&'a str>,
    /// The fields that other entities of the pass set as well.
    pub(super) set_by_rows: BTreeSet<FieldId>,
}

#[derive(Debug, Clone, PartialEq)]
struct FieldResult {
    status: FieldStatus,
    observed: Option<Before>,
}

impl Result {
    fn new(decision: Decision, reach: Reach, error: Option<String>, permanent: bool) -> Self {
        Self {
            decision,
            reach,
            error,
            permanent,
            fields: BTreeMap::new(),
        }
    }

    pub(super) fn noop() -> Self {
        Self::new(Decision::Noop, Reach::Noop, None, false)
    }

    /// Taken over as it is, whatever it shows by now.
    pub(super) fn adopted(slots: &[FieldId]) -> Self {
        let unchanged = FieldResult {
            status: FieldStatus::Unchanged,
            observed: None,
        };
        Self {
            fields: slots
                .iter()
                .map(|field| (field.clone(), unchanged.clone()))
                .collect(),
            ..Self::noop()
        }
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

    /// Whether the entity is not where it shall be.
    pub(super) fn is_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Whether it failed, and only a person or another value helps.
    pub(super) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Whether the store was, or may have been, changed.
    pub(super) fn was_written(&self) -> bool {
        matches!(self.reach, Reach::Sent | Reach::InDoubt)
    }

    /// What was written has been undone: as if it had never been sent, to be tried again together
    /// with what failed.
    pub(super) fn restored(&mut self, sent: Decision, permanent: bool) {
        self.permanent = permanent;
        self.decision = sent;
        let mut fields = std::mem::take(&mut self.fields);
        for (name, field) in &mut fields {
            let written = matches!(field.status, FieldStatus::Written | FieldStatus::InDoubt);
            if written || self.touches(name) {
                field.status = FieldStatus::NotWritten;
            }
        }
        self.fields = fields;
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

    /// Whether a request was sent, so that the entity must be read again.
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
        readings: &Readings<'_>,
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
            let seen = shown(entity, after, field);
            let met = met(entity, work, field, after) && !(in_part && *field == FieldId::Existence);
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
                .insert(field.clone(), FieldResult { status, observed });
        }
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
        readings: &Readings<'_>,
        journal: &mut Journal,
    ) {
        let Decision::Update(_) = &self.decision else {
            return;
        };
        let Readings {
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
        (_, Being::Absent { .. }) => readable && after.found().is_none(),
        (FieldId::Existence, Being::Present(_) | Being::Existing) => after.found().is_some(),
        (FieldId::Existence, Being::Any) => true,
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

fn mismatch(work: &EntityWork, field: &FieldId, seen: &Before) -> String {
    let wanted = match field {
        FieldId::Existence => match &work.being {
            Being::Absent { .. } => "absent".to_owned(),
            Being::Any | Being::Present(_) | Being::Existing => "present".to_owned(),
        },
        FieldId::Named(name) => work
            .fields
            .get(name)
            .map_or_else(String::new, |Want { value, .. }| brief(value)),
    };
    let seen = crate::plan::show(field, seen);
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

/// The releases whose record changes with the outcome of a pass.
pub(super) fn releases(
    book: &Book,
    recorded: &Recorded,
    results: &BTreeMap<EntityRef, Result>,
    journal: &Journal,
) -> Vec<ReleaseRecord> {
    let pass = recorded.pass();
    let mut changed: BTreeMap<Seq, Arc<ReleaseRecord>> = BTreeMap::new();
    for seq in &pass.releases {
        let Some(release) = book.releases.get(seq) else {
            continue;
        };
        if release.status == ReleaseStatus::Invalid {
            continue;
        }
        let mut release = ReleaseRecord::clone(release);
        for (entity, record) in &mut release.entities {
            let mut own = false;
            let only_idle = record.slots.values().all(SlotRecord::is_idle_demand);
            for (field, slot) in record.slots.iter_mut() {
                let name = Slot {
                    entity: entity.clone(),
                    field: field.clone(),
                };
                let result = results.get(entity).and_then(|r| r.fields.get(field));
                let last = settle(book, *seq, &name, slot, result, recorded.resumed());
                own |= last && (only_idle || !slot.is_idle_demand());
            }
            close(record, results.get(entity), own, recorded.resumed());
        }
        changed.insert(*seq, Arc::new(release));
    }
    for name in &pass.retried {
        let slot = Slot::from(name.clone());
        let Some(standing) = book.standings.get(&slot) else {
            continue;
        };
        let Some(known) = book.releases.get(&standing.release) else {
            continue;
        };
        let release = changed
            .entry(standing.release)
            .or_insert_with(|| known.clone());
        let result = results.get(&slot.entity);
        let mut beneath = false;
        if let Some(record) = Arc::make_mut(release).entities.get_mut(&slot.entity) {
            if let Some(slot_record) = record.slots.get_mut(&slot.field) {
                let field = result.and_then(|r| r.fields.get(&slot.field));
                let written = slot_record.effective;
                settle(
                    book,
                    standing.release,
                    &slot,
                    slot_record,
                    field,
                    recorded.resumed(),
                );
                // What an earlier pass wrote stays written, whatever becomes of this attempt.
                slot_record.effective |= written;
                beneath = slot_record.effective && !written;
            }
            close(record, result, true, recorded.resumed());
        }
        if beneath {
            carry_beneath(book, &slot, standing.release, &mut changed);
        }
    }
    let new: BTreeSet<Seq> = pass.releases.iter().copied().collect();
    let lines = Lines::new(journal);
    changed
        .into_values()
        .map(|release| finish(Arc::unwrap_or_clone(release), &lines, journal, &new))
        .collect()
}

/// What could be written only now was observed as what the ones beneath it would have left: they are
/// undone one after the other, as if each had been written.
fn carry_beneath(
    book: &Book,
    slot: &Slot,
    release: Seq,
    changed: &mut BTreeMap<Seq, Arc<ReleaseRecord>>,
) {
    let stack = book.stacks.get(slot).map_or(&[][..], |s| s.as_slice());
    let Some((top, beneath)) = stack.split_last() else {
        return;
    };
    if top.observed_at != release {
        return;
    }
    for transition in beneath.iter().rev().take_while(|t| !t.effective) {
        let seq = transition.observed_at;
        let Some(known) = book.releases.get(&seq) else {
            continue;
        };
        let record = changed.entry(seq).or_insert_with(|| known.clone());
        if let Some(slot_record) = Arc::make_mut(record).slot_mut(slot) {
            slot_record.effective = true;
        }
    }
}

/// One slot's outcome; whether this release was the last of the pass to touch it.
fn settle(
    book: &Book,
    seq: Seq,
    name: &Slot,
    slot: &mut SlotRecord,
    result: Option<&FieldResult>,
    resumed: bool,
) -> bool {
    if slot.target == Target::Leave {
        slot.status = Some(FieldStatus::Unchanged);
        return true;
    }
    let status = result.map_or(FieldStatus::Unchanged, |r| r.status);
    // An attempt that was interrupted may have written what this one could not.
    let moved = |seen: &Before| *seen != slot.observed_before && !slot.derived;
    let before_it = resumed && result.and_then(|r| r.observed.as_ref()).is_some_and(moved);
    slot.effective = status != FieldStatus::NotWritten || before_it;
    let last = book
        .standings
        .get(name)
        .is_none_or(|standing| standing.release == seq);
    if !last {
        // A later release of the same pass set it: never sent, but undone together with it.
        slot.status = Some(FieldStatus::NotWritten);
        return false;
    }
    slot.observed = result.and_then(|r| r.observed.clone());
    slot.status = Some(match status {
        FieldStatus::Written | FieldStatus::Unchanged if slot.conflict => FieldStatus::Conflict,
        // The interrupted attempt wrote it: the snapshot shows another value.
        FieldStatus::Unchanged if resumed && !slot.derived && was_moved(slot) => {
            FieldStatus::Written
        }
        status => status,
    });
    true
}

/// Whether the target is another value than the one observed before.
fn was_moved(slot: &SlotRecord) -> bool {
    use crate::domain::{DesiredValue, Ensure};
    match (&slot.target, &slot.observed_before) {
        (Target::Desired(Some(DesiredValue::Value(value))), Before::Value(seen)) => value != seen,
        (Target::Desired(Some(DesiredValue::Value(_))), Before::Missing) => true,
        (Target::Desired(Some(DesiredValue::Ensure(ensure))), seen) => match ensure {
            Ensure::Present => *seen == Before::Missing,
            Ensure::Absent => matches!(seen, Before::Entity(_)),
            Ensure::Existing => false,
        },
        (Target::PutBack(target), seen) => target != seen,
        (Target::Leave | Target::Desired(_), _) => false,
    }
}

fn close(
    record: &mut crate::plan::EntityRecord,
    result: Option<&Result>,
    own: bool,
    resumed: bool,
) {
    if !own {
        record.status = ChangeStatus::Skipped;
        record.action = Action::Noop;
        return;
    }
    if let Some(result) = result {
        record.action = match &result.decision {
            Decision::Refused(_) => record.action,
            // An attempt that was interrupted has done it.
            Decision::Noop if resumed => record.action,
            decision => decision.action(),
        };
        record.error.clone_from(&result.error);
        record.permanent = result.permanent;
    }
    let open = record.slots.values().any(|slot| {
        matches!(
            slot.status,
            Some(FieldStatus::NotWritten | FieldStatus::InDoubt)
        ) && slot.observed.is_some()
    });
    record.status = if open || record.error.is_some() {
        ChangeStatus::Failed
    } else {
        ChangeStatus::Done
    };
}

/// The lines of a journal by what they are about, so that a release need not look at all of them.
struct Lines<'a> {
    journal: &'a Journal,
    /// Those about the pass as a whole.
    general: Vec<usize>,
    about: BTreeMap<EntityRef, Vec<usize>>,
}

impl<'a> Lines<'a> {
    fn new(journal: &'a Journal) -> Self {
        let mut general = Vec::new();
        let mut about: BTreeMap<EntityRef, Vec<usize>> = BTreeMap::new();
        for (place, line) in journal.lines().iter().enumerate() {
            let Activity {
                kind, key, store, ..
            } = line;
            match (kind, key, store) {
                (Some(kind), Some(key), Some(store)) => {
                    let entity = EntityRef {
                        kind: *kind,
                        key: key.clone(),
                        store: store.clone(),
                    };
                    about.entry(entity).or_default().push(place);
                }
                _ => general.push(place),
            }
        }
        Self {
            journal,
            general,
            about,
        }
    }

    /// Those of one release, in their order.
    fn of(&self, release: &ReleaseRecord, is_new: bool) -> Vec<Activity> {
        let about = release.entities.keys().filter_map(|e| self.about.get(e));
        let general = is_new.then_some(&self.general);
        let places: BTreeSet<usize> = about.chain(general).flatten().copied().collect();
        let lines = self.journal.lines();
        let lines = places.into_iter().filter_map(|place| lines.get(place));
        lines.cloned().collect()
    }
}

fn finish(
    mut release: ReleaseRecord,
    lines: &Lines<'_>,
    journal: &Journal,
    new: &BTreeSet<Seq>,
) -> ReleaseRecord {
    let is_new = new.contains(&release.seq);
    release.activity.extend(lines.of(&release, is_new));
    if is_new {
        release.phases.extend(journal.phases().iter().cloned());
    }
    release.finished_at = Some(journal.now());
    let failed = release
        .entities
        .values()
        .any(|e| e.status == ChangeStatus::Failed);
    release.status = if failed {
        ReleaseStatus::Failed
    } else {
        ReleaseStatus::Live
    };
    release.message = Some(summary(&release));
    release
}

fn summary(release: &ReleaseRecord) -> String {
    let failed: Vec<String> = release
        .entities
        .iter()
        .filter(|(_, e)| e.status == ChangeStatus::Failed)
        .map(|(entity, e)| {
            format!(
                "{entity}: {}",
                e.error.as_deref().unwrap_or("not at its target")
            )
        })
        .collect();
    let count = |action: Action| {
        release
            .entities
            .values()
            .filter(|e| e.status == ChangeStatus::Done && e.action == action && !e.slots.is_empty())
            .count()
    };
    let mut parts = Vec::new();
    for (action, word) in [
        (Action::Create, "created"),
        (Action::Update, "updated"),
        (Action::Delete, "deleted"),
        (Action::Noop, "unchanged"),
    ] {
        match count(action) {
            0 => {}
            n => parts.push(format!("{n} {word}")),
        }
    }
    let drift: Vec<String> = release
        .slots()
        .filter(|(slot, record)| {
            crate::plan::Standing {
                release: release.seq,
                target: record.target.clone(),
                desired: record.desired_after.clone(),
                done: record.done(),
                undoes: false,
                permanent: false,
            }
            .is_drift(slot)
        })
        .map(|(slot, _)| slot.to_string())
        .collect();
    let mut message = if parts.is_empty() {
        "nothing to write".to_owned()
    } else {
        parts.join(", ")
    };
    if !failed.is_empty() {
        message = format!("{} failed ({}); {message}", failed.len(), failed.join("; "));
    }
    if !drift.is_empty() && release.kind == ReleaseKind::Adopt {
        message = format!(
            "{message}; the store's value is taken over and differs from the files: {}",
            drift.join(", ")
        );
    } else if !drift.is_empty() {
        message = format!(
            "{message}; the value put back is the one observed before the release and differs from the files: {}",
            drift.join(", ")
        );
    }
    message
}

/// Snapshots of the pass to which a value is added that was found before the first write.
pub(super) fn extended(
    book: &Book,
    pass: &PassFile,
    fresh: &Observation,
    journal: &mut Journal,
) -> Vec<ReleaseRecord> {
    differing(
        book,
        pass,
        fresh,
        journal,
        |record, seen| {
            if record.owed {
                record.also.push(seen);
                return "edited in Magento after the snapshot and before the write; the newer value is kept beside the snapshot";
            }
            let old = std::mem::replace(&mut record.observed_before, seen);
            record.also.push(old);
            "edited in Magento after the snapshot and before the write; the newer value is now the one kept"
        },
        |_, record, seen| match record.owed {
            true => record.observed_before != *seen && record.also.last() != Some(seen),
            false => record.observed_before != *seen,
        },
    )
}

/// Snapshots of a resumed pass to which a third value is added: neither the first one nor the target.
pub(super) fn third_values(
    book: &Book,
    pass: &PassFile,
    fresh: &Observation,
    journal: &mut Journal,
) -> Vec<ReleaseRecord> {
    differing(
        book,
        pass,
        fresh,
        journal,
        |record, seen| {
            record.also.push(seen);
            "shows neither the value of the snapshot nor the release's; it is kept beside the snapshot"
        },
        |slot, record, seen| {
            // What the pass writes is the target of its last release, not of its lowest.
            let target = book.standings.get(slot).map(|standing| &standing.target);
            let target = match target {
                None | Some(Target::Leave | Target::Desired(None)) => return false,
                Some(Target::Desired(Some(DesiredValue::Value(value)))) => {
                    Before::Value(value.clone())
                }
                Some(Target::Desired(Some(DesiredValue::Ensure(_)))) => return false,
                Some(Target::PutBack(before)) => before.clone(),
            };
            slot.field != FieldId::Existence
                && record.observed_before != *seen
                && target != *seen
                && *seen != Before::Missing
                && record.observed_before != Before::Missing
                && record.also.last() != Some(seen)
        },
    )
}

fn differing(
    book: &Book,
    pass: &PassFile,
    fresh: &Observation,
    journal: &mut Journal,
    mut keep: impl FnMut(&mut SlotRecord, Before) -> &'static str,
    differs: impl Fn(&Slot, &SlotRecord, &Before) -> bool,
) -> Vec<ReleaseRecord> {
    let mut changed = Vec::new();
    let mut first: BTreeSet<Slot> = BTreeSet::new();
    for seq in &pass.releases {
        let Some(release) = book.releases.get(seq) else {
            continue;
        };
        let mut release = ReleaseRecord::clone(release);
        let mut any = false;
        for (entity, record) in &mut release.entities {
            let Some(presence) = fresh.get(entity) else {
                continue;
            };
            let slots = record.slots.clone();
            for (field, slot) in record.slots.iter_mut() {
                let name = Slot {
                    entity: entity.clone(),
                    field: field.clone(),
                };
                // Only the lowest release of the pass holds what was really read.
                if !first.insert(name.clone()) || slot.derived {
                    continue;
                }
                let seen = match (presence, slot.read()) {
                    (Presence::Found(found), Before::Entity(Some(_))) => {
                        let mut whole = crate::plan::whole(entity, &found.fields);
                        crate::plan::put_back_into(&mut whole, &slots);
                        Before::Entity(Some(whole))
                    }
                    _ => shown(entity, presence, field),
                };
                if seen != Before::Unknown && differs(&name, slot, &seen) {
                    let message = keep(slot, seen);
                    journal.about(Level::Warning, entity, format!("{field}: {message}"));
                    any = true;
                }
            }
        }
        if any {
            changed.push(release);
        }
    }
    changed
}
