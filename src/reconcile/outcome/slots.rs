//! What results make of the slots: what they are known to show now, and what is left to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{EntityResult, Reach};
use crate::domain::{EntityRef, FieldId, FieldStatus, Marker, Presence, Slot, marker_of};
use crate::plan::{
    Book, EntityWork, ExistenceGoal, Failure, ManagedEntity, Shown, existence, shown,
};

/// Settles the slots of what was carried out. What was neither reached nor refused keeps all its
/// candidates, until the next look decides.
pub(in crate::reconcile) fn settle(
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
            let is_deleted = matches!(work.being, ExistenceGoal::Absent { .. });
            if is_deleted && shown(after, &FieldId::Existence) == Shown::Gone {
                settle_what_went_along(managed, entity, work);
            }
        }
    }
}

/// Notes that an entity which was deleted took all of its fields along, those among them that this pass
/// moves no more: they are to come back with it.
fn settle_what_went_along(managed: &mut ManagedEntity, entity: &EntityRef, work: &EntityWork) {
    for (slot, state) in &mut managed.slots {
        let is_settled = slot.entity == *entity && work.slots.contains(&slot.field);
        if is_settled || slot.entity.root() != *entity || slot.field == FieldId::Existence {
            continue;
        }
        let reached = *state.target().shown == Shown::Gone;
        state.settle(&Shown::Gone, reached, &|a: &Shown, b: &Shown| a == b);
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
pub(in crate::reconcile) fn close(book: &mut Book, results: &BTreeMap<EntityRef, EntityResult>) {
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
