//! Checks that need the changes of all files.

use std::collections::BTreeMap;

use super::prices::{self, Prices};
use super::report::quote;
use crate::domain::kinds::Scoping;
use crate::domain::{DesiredEntity, DesiredState, Ensure, EntityRef, Finding, Severity};

/// The checks of the folded state. Each is asked of each commit, so it costs what it is about.
const ERRORS: &[fn(&DesiredState, &Prices) -> Vec<Finding>] = &[
    prices::are_set_in_one_place,
    prices::discounts_are_percentages,
];

/// The checks that warn.
const WARNINGS: &[fn(&DesiredState) -> Vec<Finding>] =
    &[keys_differ_by_more_than_case, assignments_do_not_overlap];

/// Returns why a state cannot be used.
pub(super) fn errors(state: &DesiredState, prices: &Prices) -> Vec<Finding> {
    let errors = ERRORS.iter();
    errors.flat_map(|check| check(state, prices)).collect()
}

/// Returns what is to be noticed of a state that can be used all the same.
pub(super) fn warnings(state: &DesiredState) -> Vec<Finding> {
    WARNINGS.iter().flat_map(|check| check(state)).collect()
}

type Mention<'a> = (&'a EntityRef, &'a DesiredEntity);

/// The store's search takes such keys for one.
fn keys_differ_by_more_than_case(state: &DesiredState) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<Mention<'_>>> = BTreeMap::new();
    for (entity, desired) in &state.entities {
        let folded = entity.key.as_str().to_lowercase();
        let group = (entity.kind, &entity.store, folded);
        groups.entry(group).or_default().push((entity, desired));
    }
    let mut findings = Vec::new();
    for mut group in groups.into_values().filter(|group| group.len() > 1) {
        group.sort_by(|a, b| a.1.origin.cmp(&b.1.origin));
        let Some(((first, place), others)) = group.split_first() else {
            continue;
        };
        findings.extend(others.iter().map(|(entity, desired)| {
            warning(
                "ambiguous-key-case",
                desired,
                format!(
                    "key {} differs from {} ({}) by case only; the store's search does not tell them apart",
                    quote(entity.key.as_str()),
                    quote(first.key.as_str()),
                    place.origin
                ),
                "use one spelling, the one that the store has",
            )
        }));
    }
    findings
}

/// Magento refuses a second entity of one key in a store view.
fn assignments_do_not_overlap(state: &DesiredState) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<Mention<'_>>> = BTreeMap::new();
    for (entity, desired) in &state.entities {
        if desired.ensure != Ensure::Absent {
            let group = (entity.kind, &entity.key);
            groups.entry(group).or_default().push((entity, desired));
        }
    }
    let mut findings = Vec::new();
    for group in groups.into_values() {
        for (i, (entity, desired)) in group.iter().enumerate() {
            let clash = group[..i].iter().find(|(other, _)| overlap(entity, other));
            if let Some((other, place)) = clash {
                findings.push(warning(
                    "overlapping-assignment",
                    desired,
                    format!(
                        "{entity} and {other} ({}) share a store view, where Magento allows one {} of a key",
                        place.origin, entity.kind.label
                    ),
                    "keep one of them, or delete one with `ensure: absent`",
                ));
            }
        }
    }
    findings
}

fn overlap(a: &EntityRef, b: &EntityRef) -> bool {
    let scoping = a.kind.scoping;
    matches!(scoping, Scoping::Assignment { .. }) && scoping.overlap(&a.store, &b.store)
}

fn warning(id: &str, desired: &DesiredEntity, message: String, remedy: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        severity: Severity::Warning,
        origin: desired.origin.clone(),
        message,
        remedy: remedy.to_owned(),
        snippet: String::new(),
    }
}
