//! Fields with one value per website: a value of a view is that of all views of its website.
//!
//! Two views of one website are two slots of what is one value in the store. Were they set by two
//! releases, undoing one would take the other's value away: so one of them has to do.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Book;
use super::layers::SlotState;
use super::work::EntityWork;
use crate::domain::kinds::FieldScope;
use crate::domain::{
    DesiredValue, EntityRef, FieldId, FieldName, Slot, StoreCode, StoreScope, Value, Vocabulary,
};

/// Refuses what is set for a view of a website while another view of it has, or had until this pass,
/// another value from the files, or one of another release.
pub(super) fn check(
    work: &mut BTreeMap<EntityRef, EntityWork>,
    book: &Book,
    vocabulary: &Vocabulary,
) {
    let mut problems = Vec::new();
    for (entity, wanted) in work.iter().filter(|(entity, _)| entity.base().is_some()) {
        let Some(view) = entity.store.single() else {
            continue;
        };
        let siblings = siblings(view, vocabulary);
        if siblings.is_empty() || wanted.problem.is_some() {
            continue;
        }
        let per_website = wanted.fields.iter().filter(|(name, want)| {
            !want.exact && vocabulary.scope(entity.kind, name.as_str()) == FieldScope::Website
        });
        let problem = per_website
            .filter_map(|(name, want)| clash(entity, name, &want.value, &siblings, work, book))
            .next();
        if let Some(problem) = problem {
            problems.push((entity.clone(), problem));
        }
    }
    for (entity, problem) in problems {
        if let Some(wanted) = work.get_mut(&entity) {
            wanted.problem = Some(problem);
        }
    }
}

/// The other views of a view's website.
fn siblings(view: &StoreCode, vocabulary: &Vocabulary) -> BTreeSet<StoreCode> {
    let Some(website) = vocabulary.websites.get(view) else {
        return BTreeSet::new();
    };
    let same = vocabulary.websites.iter();
    same.filter(|(other, of)| *of == website && *other != view)
        .map(|(other, _)| other.clone())
        .collect()
}

fn clash(
    entity: &EntityRef,
    name: &FieldName,
    value: &Value,
    siblings: &BTreeSet<StoreCode>,
    work: &BTreeMap<EntityRef, EntityWork>,
    book: &Book,
) -> Option<String> {
    let state = |entity: &EntityRef| -> Option<&SlotState> {
        book.slot(&Slot {
            entity: entity.clone(),
            field: FieldId::Named(name.clone()),
        })
    };
    let by = |state: &SlotState| state.uppermost().and_then(|layer| layer.release());
    let own = by(state(entity)?);
    siblings.iter().find_map(|view| {
        let other = EntityRef {
            store: StoreScope::view(view.clone()),
            ..entity.clone()
        };
        let theirs = state(&other)?;
        let open = work.get(&other).and_then(|work| work.fields.get(name));
        let wants = match (theirs.demanded(), open) {
            (Some(DesiredValue::Value(_)), Some(want)) => &want.value,
            (Some(DesiredValue::Value(value)), None) => value,
            // Until a rollback of theirs is done, the value in the store is still theirs.
            (_, Some(want)) => &want.value,
            (_, None) => return None,
        };
        let together = by(theirs) == own && wants == value;
        // A value that is put back under theirs takes away the value of both.
        let first = by(theirs) <= own || open.is_some_and(|want| want.exact);
        (!together && first).then(|| {
            format!(
                "`{name}` has one value for all views of a website, and a release sets it under `{view}`, which is of the same website; set it there, or for both views in one release with one value"
            )
        })
    })
}
