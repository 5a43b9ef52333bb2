//! What became of every field, from what was sent and what was read afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::collateral;
use super::hold::Recorded;
use super::journal::Journal;
use crate::domain::{
    Action, Activity, ChangeStatus, EntityRef, FieldId, FieldName, FieldStatus, Level, Marker,
    Presence, ReleaseKind, ReleaseStatus, Slot, Value, marker_of,
};
use crate::plan::{
    Book, Decision, EntityOutcome, EntityWork, ExistenceGoal, Failure, FieldGoal, FieldOutcome,
    ManagedEntity, Outcome, PlannedEntity, ReleaseRecord, Seq, Shown, existence, show, shown,
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

/// Settles the slots of what was carried out. What was neither reached nor refused keeps all its
/// candidates, until the next look decides.
pub(super) fn settle(
    book: &mut Book,
    work: &BTreeMap<EntityRef, EntityWork>,
    results: &BTreeMap<EntityRef, EntityResult>,
) {
    for (entity, result) in results {
        let (Some(work), Some(managed)) = (work.get(entity), book.managed.get_mut(&entity.root()))
        else {
            continue;
        };
        let managed = Arc::make_mut(managed);
        match &result.error {
            Some(error) => {
                let failure = Failure {
                    error: error.clone(),
                    permanent: result.permanent,
                };
                managed.failures.insert(entity.clone(), failure);
            }
            None => drop(managed.failures.remove(entity)),
        }
        if let Some(after) = &result.after {
            for field in &work.slots {
                settle_slot(managed, entity, field, work, result, after);
            }
        }
    }
}

fn settle_slot(
    managed: &mut ManagedEntity,
    entity: &EntityRef,
    field: &FieldId,
    work: &EntityWork,
    result: &EntityResult,
    after: &Presence,
) {
    let slot = Slot {
        entity: entity.clone(),
        field: field.clone(),
    };
    let Some(state) = managed.slots.get_mut(&slot) else {
        return;
    };
    let mut seen = shown(after, field);
    let status = result.fields.get(field).map(|became| became.status);
    let in_doubt = status == Some(FieldStatus::InDoubt) && result.reach == Reach::InDoubt;
    if seen == Shown::Unknown || in_doubt {
        return;
    }
    let met = matches!(status, Some(FieldStatus::Written | FieldStatus::Unchanged));
    let reached = match (state.target().shown, &seen) {
        (Shown::Gone, Shown::Gone) => true,
        // The entity stays, and the field has nothing to be put back.
        (Shown::Gone, _) => *field != FieldId::Existence,
        (_, Shown::Gone) => false,
        _ => met,
    };
    let want = match field {
        FieldId::Named(name) => work.fields.get(name),
        FieldId::Existence => None,
    };
    if let (true, Some(want), Some(value)) = (reached, want, seen.value()) {
        // A view's own value that is equal to the one under `all` shows as inherited.
        if marker_of(&want.value).is_none() && marker_of(value) == Some(Marker::Default) {
            seen = Shown::Value(want.value.clone().into());
        }
    }
    state.settle(&seen, reached, &|a: &Shown, b: &Shown| a == b);
}

/// Takes slots away that have nothing to show any more.
pub(super) fn close(book: &mut Book, results: &BTreeMap<EntityRef, EntityResult>) {
    let roots: BTreeSet<EntityRef> = results.keys().map(EntityRef::root).collect();
    for root in roots {
        let of_a_view = || {
            let mut of_root = results.iter().filter(|(entity, _)| entity.root() == root);
            of_root.find_map(|(_, result)| result.after.as_ref())
        };
        let seen = results.get(&root).and_then(|result| result.after.as_ref());
        let seen = seen.or_else(|| {
            book.slot(&existence(&root))
                .map_or_else(of_a_view, |_| None)
        });
        let Some(managed) = book.managed.get_mut(&root) else {
            continue;
        };
        let managed = Arc::make_mut(managed);
        let held = managed
            .slots
            .get(&existence(&root))
            .and_then(|state| state.held.last());
        let is_there = match (seen, held) {
            (Some(seen), _) => seen.found().is_some(),
            (None, Some(held)) => held.value == Shown::Here,
            (None, None) => true,
        };
        managed.close(&root, is_there);
        if managed.is_empty() {
            book.managed.remove(&root);
        }
    }
}

/// What the pass adds to what became of its releases, and of earlier ones that were tried again: the
/// slots where that is so are in `again`.
pub(super) fn outcomes(
    book: &Book,
    recorded: &Recorded,
    again: &BTreeMap<Slot, Seq>,
    results: &BTreeMap<EntityRef, EntityResult>,
    journal: &Journal,
) -> BTreeMap<Seq, Outcome> {
    let new: BTreeSet<Seq> = recorded.pass().releases.iter().copied().collect();
    let lines = Lines::new(journal);
    let mut concerned: BTreeMap<Seq, BTreeSet<EntityRef>> = BTreeMap::new();
    for seq in &new {
        if let Some(release) = book
            .releases
            .get(seq)
            .filter(|release| !release.is_invalid())
        {
            let entities = release.entities.keys().cloned().collect();
            concerned.insert(*seq, entities);
        }
    }
    for (slot, release) in again {
        if results.contains_key(&slot.entity) {
            let entities = concerned.entry(*release).or_default();
            entities.insert(slot.entity.clone());
        }
    }
    let outcomes = concerned.into_iter().filter_map(|(seq, mut entities)| {
        let release = book.releases.get(&seq)?;
        // What failed of it has been moved by others since, and is their concern.
        let is_over = |entity: &&EntityRef| {
            let managed = book.entity(entity);
            managed.is_none_or(|managed| !managed.failures.contains_key(*entity))
        };
        let over = failed(release).map(|(entity, _)| entity);
        entities.extend(over.filter(is_over).cloned());
        let of = |entity: &EntityRef| {
            let planned = release.entities.get(entity)?;
            let result = results.get(entity);
            Some((
                entity.clone(),
                entity_outcome(book, seq, entity, planned, result),
            ))
        };
        let mut outcome = Outcome {
            entities: entities.iter().filter_map(of).collect(),
            activity: lines.of(release, new.contains(&seq)),
            finished_at: Some(journal.now()),
            snapshot: release.outcome.snapshot.clone(),
            ..Outcome::default()
        };
        if new.contains(&seq) {
            outcome.phases = journal.phases().to_vec();
        }
        let mut known = ReleaseRecord::clone(release);
        known.outcome.add(outcome.clone());
        outcome.status = match failed(&known).next() {
            Some(_) => ReleaseStatus::Failed,
            None => ReleaseStatus::Live,
        };
        outcome.message = Some(summary(&known, book));
        Some((seq, outcome))
    });
    outcomes.collect()
}

fn entity_outcome(
    book: &Book,
    release: Seq,
    entity: &EntityRef,
    planned: &PlannedEntity,
    result: Option<&EntityResult>,
) -> EntityOutcome {
    let mut own = false;
    let idle = |planned: &crate::plan::PlannedField| {
        planned.before == Shown::Here && planned.after == Shown::Here
    };
    let only_idle = planned.fields.values().all(idle);
    let mut fields = BTreeMap::new();
    for (field, of_field) in &planned.fields {
        let slot = Slot {
            entity: entity.clone(),
            field: field.clone(),
        };
        let moved_by = book
            .entity(entity)
            .and_then(|managed| managed.moved_by.get(&slot));
        let last = moved_by.is_none_or(|by| *by == release);
        own |= last && (only_idle || !idle(of_field));
        let became = result.and_then(|result| result.fields.get(field));
        let status = match (last, became.map(|became| became.status)) {
            // A later release of the same pass set it: never sent.
            (false, _) => FieldStatus::NotWritten,
            (true, Some(FieldStatus::Written | FieldStatus::Unchanged)) if of_field.conflict => {
                FieldStatus::Conflict
            }
            (true, Some(status)) => status,
            (true, None) if of_field.conflict => FieldStatus::Conflict,
            (true, None) => FieldStatus::Unchanged,
        };
        let observed = became.and_then(|became| became.observed.clone());
        let observed = observed.filter(|_| last);
        fields.insert(field.clone(), FieldOutcome { status, observed });
    }
    if !own {
        return EntityOutcome {
            action: Action::Noop,
            status: ChangeStatus::Skipped,
            error: None,
            fields,
        };
    }
    let open = fields.values().any(|field| {
        let not_there = matches!(field.status, FieldStatus::NotWritten | FieldStatus::InDoubt);
        not_there && field.observed.is_some()
    });
    let error = result.and_then(|result| result.error.clone());
    EntityOutcome {
        action: match result.map(|result| &result.decision) {
            // An attempt that was interrupted has done it.
            Some(Decision::Refused(_) | Decision::Noop) | None if planned.changes() => {
                planned.action
            }
            Some(decision) => decision.action(),
            None => Action::Noop,
        },
        status: match open || error.is_some() {
            true => ChangeStatus::Failed,
            false => ChangeStatus::Done,
        },
        error,
        fields,
    }
}

fn failed(release: &ReleaseRecord) -> impl Iterator<Item = (&EntityRef, &EntityOutcome)> {
    let entities = release.outcome.entities.iter();
    entities.filter(|(_, outcome)| outcome.status == ChangeStatus::Failed)
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

/// One sentence about what became of a release.
fn summary(release: &ReleaseRecord, book: &Book) -> String {
    let failed: Vec<String> = failed(release)
        .map(|(entity, outcome)| {
            let error = outcome.error.as_deref().unwrap_or("not at its target");
            format!("{entity}: {error}")
        })
        .collect();
    let count = |action: Action| {
        let outcomes = release.outcome.entities.values();
        let done = outcomes.filter(|e| e.status == ChangeStatus::Done && e.action == action);
        done.count()
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
    let deviations: BTreeSet<&Slot> = book.deviations().into_iter().collect();
    let deviating: Vec<String> = release
        .slots()
        .filter(|(slot, _)| deviations.contains(slot))
        .map(|(slot, _)| slot.to_string())
        .collect();
    let mut message = match parts.is_empty() {
        true => "nothing to write".to_owned(),
        false => parts.join(", "),
    };
    if !failed.is_empty() {
        message = format!("{} failed ({}); {message}", failed.len(), failed.join("; "));
    }
    if !deviating.is_empty() {
        let why = match release.kind {
            ReleaseKind::Adopt => "the store's value is taken over and differs from the files",
            _ => "an edit in Magento is put back that differs from the files",
        };
        message = format!("{message}; {why}: {}", deviating.join(", "));
    }
    message
}
