//! What results make of the releases of a pass, and of earlier ones that were tried again.

use std::collections::{BTreeMap, BTreeSet};

use super::EntityResult;
use crate::domain::{
    Action, Activity, ChangeStatus, EntityRef, FieldStatus, ReleaseKind, ReleaseStatus, Slot,
};
use crate::plan::{
    Book, Decision, EntityOutcome, FieldOutcome, Outcome, PlannedEntity, ReleaseRecord, Seq, Shown,
};
use crate::reconcile::hold::Recorded;
use crate::reconcile::journal::Journal;

/// What the pass adds to what became of its releases, and of earlier ones that were tried again: the
/// slots where that is so are in `again`.
pub(in crate::reconcile) fn outcomes(
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
