//! The checks between the parts of a change.

use super::{Draft, is_list_that_rest_cannot_create};
use crate::domain::kinds::Scoping;
use crate::domain::{Ensure, StoreScope};
use crate::manifest::mapping::Entry;
use crate::manifest::report::Report;
use crate::yaml::Yaml;

/// The checks of a change as a whole.
pub(super) const CHECKS: &[fn(&Draft<'_>, &mut Report<'_>)] = &[
    key_fits_the_kind,
    store_fits_the_kind,
    something_is_set,
    absent_sets_nothing,
    absent_can_be_undone,
    present_can_be_created,
    views_do_not_exist_alone,
];

fn key_fits_the_kind(draft: &Draft<'_>, report: &mut Report<'_>) {
    if let (Some(kind), Some((key, place))) = (draft.kind, &draft.key)
        && let Some(problem) = (kind.check_key)(key)
    {
        report.problem(*place, problem);
    }
}

fn store_fits_the_kind(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, place))) = (draft.kind, &draft.store) else {
        return;
    };
    if kind.scoping == Scoping::Global && *store != StoreScope::All {
        report.critical(
            "store-of-global",
            *place,
            format!(
                "a {} has one value for all store views, so there is none of {store}",
                kind.label
            ),
            "take `store` out",
        );
    }
}

/// The values of a view are no entity: they come and go with the one under `all`.
fn views_do_not_exist_alone(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let of_view = kind.scoping == Scoping::Values && *store != StoreScope::All;
    match draft.ensure {
        Some((ensure @ (Ensure::Absent | Ensure::Present), place)) if of_view => report.critical(
            "ensure-of-view",
            place,
            format!(
                "`ensure: {}` under {store}: a {} exists for all views, and has only values of its own under some",
                ensure.as_str(),
                kind.label
            ),
            "write it in a change with `store: all`; a view's own value goes away with `{ default: true }`",
        ),
        _ => {}
    }
}

fn something_is_set(draft: &Draft<'_>, report: &mut Report<'_>) {
    if draft.bad_ensure || matches!(draft.ensure, Some((Ensure::Absent, _))) {
        return;
    }
    match draft.fields {
        None => report.critical(
            "missing-fields",
            draft.place,
            "the change has no `fields`",
            "list what it sets, or write `ensure: absent` to delete the entity",
        ),
        Some(Entry { key, value }) if matches!(&value.value, Yaml::Map(map) if map.is_empty()) => {
            report.warning(
                "no-fields",
                key.place,
                "`fields` is empty: the change sets nothing",
                "list what it sets, or take the change out",
            );
        }
        Some(_) => {}
    }
}

fn absent_sets_nothing(draft: &Draft<'_>, report: &mut Report<'_>) {
    if let (Some((Ensure::Absent, _)), Some(fields)) = (draft.ensure, draft.fields) {
        report.critical(
            "fields-of-absent",
            fields.key.place,
            "`fields` of an entity that shall be absent",
            "take `fields` out, or `ensure: absent`",
        );
    }
}

fn absent_can_be_undone(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let Some((Ensure::Absent, place)) = draft.ensure else {
        return;
    };
    if let Some(why) = kind.permanent {
        report.critical(
            "absent-cannot-be-undone",
            place,
            format!("a {} cannot be deleted: {why}", kind.label),
            "take the change out",
        );
    }
    if is_list_that_rest_cannot_create(kind, store) {
        report.critical(
            "absent-cannot-be-undone",
            place,
            format!("a {} assigned to several single views ({store}) could not be made again: REST creates for one view or for all", kind.label),
            "set `active: false` instead, or delete it in Magento's admin",
        );
    }
}

fn present_can_be_created(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let Some((Ensure::Present, place)) = draft.ensure else {
        return;
    };
    if is_list_that_rest_cannot_create(kind, store) {
        report.critical(
            "present-cannot-be-created",
            place,
            format!("a {} assigned to several single views ({store}) cannot be created: REST creates for one view or for all", kind.label),
            "create it in Magento's admin and write `ensure: existing`, or use one change for each view",
        );
    }
}
