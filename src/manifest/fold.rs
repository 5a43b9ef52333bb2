//! Folding: all changes of all files, in path order, field by field; the later path wins.

use std::collections::BTreeMap;

use super::change::{Change, Field};
use super::report::origin;
use super::value::FieldValue;
use crate::domain::{
    DesiredEntity, DesiredValue, Ensure, EntityRef, FieldId, FieldName, Kind, Listed, Marker,
    Origin, Overridden, SharedValue, Slot, marker_of,
};

/// Returns what one file lists, before folding.
pub(super) fn listing(path: &str, changes: &[Change]) -> BTreeMap<Slot, Listed> {
    let mut slots = BTreeMap::new();
    for change in changes {
        list(&Lines::of(path, change), &mut slots);
    }
    slots
}

/// Folds the changes of one entity and of its views. They come in the order of folding, which is that
/// of their paths, bytewise.
pub(super) fn family<'c>(
    changes: impl Iterator<Item = (&'c str, &'c Change)>,
) -> BTreeMap<EntityRef, DesiredEntity> {
    let mut entities: BTreeMap<EntityRef, Folded> = BTreeMap::new();
    for (path, change) in changes {
        let change = Lines::of(path, change);
        match entities.get_mut(change.entity) {
            Some(folded) => folded.add(change),
            None => {
                entities.insert(change.entity.clone(), Folded::new(change));
            }
        }
    }
    let finished = entities.into_iter().map(|(entity, folded)| {
        let desired = folded.finish(&entity);
        (entity, desired)
    });
    let mut entities = finished.collect();
    hide_views_of_the_absent(&mut entities);
    entities
}

/// A change with origins in place of places.
struct Lines<'a> {
    entity: &'a EntityRef,
    ensure: Ensure,
    explicit: bool,
    origin: Origin,
    ensure_origin: Origin,
    fields: Vec<(&'a FieldName, SharedValue, Origin)>,
}

impl<'a> Lines<'a> {
    fn of(path: &str, change: &'a Change) -> Self {
        let field = |field: &'a Field| match &field.value {
            FieldValue::Ready(value) => {
                Some((&field.name, value.clone(), origin(path, field.place)))
            }
            // Its file could not be read, and a critical finding says so.
            FieldValue::File(_) => None,
        };
        Self {
            entity: &change.entity,
            ensure: change.ensure,
            explicit: change.spelled_out && change.ensure == Ensure::Present,
            origin: origin(path, change.place),
            ensure_origin: origin(path, change.ensure_place),
            fields: change.fields.iter().filter_map(field).collect(),
        }
    }
}

fn list(change: &Lines<'_>, slots: &mut BTreeMap<Slot, Listed>) {
    let slot = |field| Slot {
        entity: change.entity.clone(),
        field,
    };
    if change.entity.exists_by_itself() {
        slots.insert(
            slot(FieldId::Existence),
            Listed {
                value: DesiredValue::Ensure(change.ensure),
                origin: change.ensure_origin.clone(),
            },
        );
    }
    for (name, value, origin) in &change.fields {
        slots.insert(
            slot(FieldId::Named((*name).clone())),
            Listed {
                value: DesiredValue::Value(value.clone()),
                origin: origin.clone(),
            },
        );
    }
}

/// One entity while it is folded.
struct Folded {
    ensure: Ensure,
    explicit: bool,
    origin: Origin,
    ensure_origin: Origin,
    fields: BTreeMap<FieldName, (SharedValue, Origin)>,
    /// What is hidden so far; by what, is known only at the end.
    hidden: Vec<(FieldId, Origin)>,
    /// The last `ensure: absent`: it hides fields that nothing sets again.
    removed: Option<Origin>,
}

impl Folded {
    fn new(change: Lines<'_>) -> Self {
        let mut folded = Self {
            ensure: change.ensure,
            explicit: change.explicit,
            origin: change.origin.clone(),
            ensure_origin: change.ensure_origin.clone(),
            fields: BTreeMap::new(),
            hidden: Vec::new(),
            removed: None,
        };
        folded.set(change);
        folded
    }

    fn add(&mut self, change: Lines<'_>) {
        if self.ensure != change.ensure {
            self.hidden
                .push((FieldId::Existence, self.ensure_origin.clone()));
        }
        self.set(change);
    }

    fn set(&mut self, change: Lines<'_>) {
        let Lines {
            entity: _,
            ensure,
            explicit,
            origin,
            ensure_origin,
            fields,
        } = change;
        if ensure == Ensure::Absent {
            let gone = std::mem::take(&mut self.fields);
            self.hidden.extend(
                gone.into_iter()
                    .map(|(name, (_, origin))| (FieldId::Named(name), origin)),
            );
            self.removed = Some(ensure_origin.clone());
        }
        for (name, value, origin) in fields {
            if let Some((_, before)) = self.fields.insert(name.clone(), (value, origin)) {
                self.hidden.push((FieldId::Named(name.clone()), before));
            }
        }
        // A `present` that is not spelled out takes nothing back of one that is.
        let still = self.explicit && ensure == Ensure::Present;
        self.explicit = explicit || still;
        self.ensure = ensure;
        self.origin = origin;
        self.ensure_origin = ensure_origin;
    }

    fn finish(self, entity: &EntityRef) -> DesiredEntity {
        let Self {
            ensure,
            explicit,
            origin,
            ensure_origin,
            fields,
            hidden,
            removed,
        } = self;
        let overridden = hidden.into_iter().map(|(field, hidden)| {
            let by = match &field {
                FieldId::Existence => Some(&ensure_origin),
                FieldId::Named(name) => fields
                    .get(name)
                    .map(|(_, origin)| origin)
                    .or(removed.as_ref()),
            };
            Overridden {
                by: by.unwrap_or(&origin).clone(),
                slot: Slot {
                    entity: entity.clone(),
                    field,
                },
                hidden,
            }
        });
        let overridden = overridden.collect();
        DesiredEntity {
            ensure,
            explicit,
            overridden,
            fields: coupled(
                entity.kind,
                fields
                    .into_iter()
                    .map(|(name, (value, _))| (name, value))
                    .collect(),
            ),
            origin,
        }
    }
}

/// PHP takes a zero for nothing, and Magento with it: nothing is set along with it.
fn is_zero(value: &crate::domain::Value) -> bool {
    value.as_f64() == Some(0.0)
}

/// What the store sets along with a field that the files set is desired as well: whatever it sets.
fn coupled(
    kind: Kind,
    mut fields: BTreeMap<FieldName, SharedValue>,
) -> BTreeMap<FieldName, SharedValue> {
    for spec in kind.fields {
        let Some(leader) = spec.coupled_to.and_then(|name| FieldName::new(name).ok()) else {
            continue;
        };
        let moves = fields
            .get(&leader)
            .is_some_and(|value| !value.is_null() && marker_of(value).is_none() && !is_zero(value));
        if let (true, Ok(name)) = (moves, FieldName::new(spec.name)) {
            fields
                .entry(name)
                .or_insert_with(|| Marker::Coupled.value().clone().into());
        }
    }
    fields
}

/// What shall be absent has no values under any view, wherever the files set them.
fn hide_views_of_the_absent(entities: &mut BTreeMap<EntityRef, DesiredEntity>) {
    let absent = entities
        .iter()
        .find(|(entity, desired)| entity.exists_by_itself() && desired.ensure == Ensure::Absent);
    let Some((root, by)) = absent.map(|(root, absent)| (root.clone(), absent.origin.clone()))
    else {
        return;
    };
    let is_view = |view: &EntityRef| view.base().as_ref() == Some(&root);
    let views = entities.extract_if(.., |view, _| is_view(view));
    let views: Vec<(EntityRef, DesiredEntity)> = views.collect();
    let Some(absent) = entities.get_mut(&root) else {
        return;
    };
    for (view, desired) in views {
        absent.overridden.extend(desired.overridden);
        let fields = desired.fields.into_keys();
        absent.overridden.extend(fields.map(|name| Overridden {
            slot: Slot {
                entity: view.clone(),
                field: FieldId::Named(name),
            },
            hidden: desired.origin.clone(),
            by: by.clone(),
        }));
    }
}
