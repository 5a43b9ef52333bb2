//! What is to be sent for one entity: its targets against what the store shows.

use std::collections::BTreeMap;

use super::book::Book;
use super::stack::{Before, Target};
use crate::domain::kinds::{Charset, Owner, Scoping};
use crate::domain::{
    Action, DesiredValue, Ensure, EntityRef, FieldId, FieldName, ObservedEntity, Presence, Slot,
    StoreScope, Value,
};

/// A field's value to be brought about.
#[derive(Debug, Clone, PartialEq)]
pub struct Want {
    /// The value, canonical.
    pub value: Value,
    /// Whether it is compared exactly (a put-back) or by type and line ends.
    pub exact: bool,
}

impl Want {
    /// Whether a value read from the store is the wanted one.
    pub fn met_by(&self, entity: &EntityRef, field: &FieldName, seen: &Value) -> bool {
        match entity.kind.field(field.as_str()) {
            Some(spec) if !self.exact => spec.same(&self.value, seen),
            Some(_) | None => self.value == *seen,
        }
    }
}

/// Whether an entity shall be there.
#[derive(Debug, Clone, PartialEq)]
pub enum Being {
    /// Whatever it is.
    Any,
    /// It shall exist; made if it is missing, from these fields beneath its targets.
    Present(BTreeMap<FieldName, Value>),
    /// It must exist; never made.
    Existing,
    /// It shall not exist. `put_back`: a release made it, and that is rolled back.
    Absent {
        /// Whether a rollback asks for it.
        put_back: bool,
    },
}

/// What a pass wants of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityWork {
    /// Whether it shall be there.
    pub being: Being,
    /// The fields with a transition in the pass, or being retried, that have a value to be written.
    pub fields: BTreeMap<FieldName, Want>,
    /// Every slot of the pass, those without a value to be written among them.
    pub slots: Vec<FieldId>,
    /// Whether `ensure: present` was spelled out.
    pub explicit: bool,
}

/// What is sent for an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing.
    Noop,
    /// It is made with these fields.
    Create(BTreeMap<FieldName, Value>),
    /// These fields are set.
    Update(BTreeMap<FieldName, Value>),
    /// It is deleted.
    Delete,
    /// Nothing can be sent; the reason.
    Refused(String),
}

impl Decision {
    /// The word for lists.
    pub fn action(&self) -> Action {
        match self {
            Self::Noop | Self::Refused(_) => Action::Noop,
            Self::Create(_) => Action::Create,
            Self::Update(_) => Action::Update,
            Self::Delete => Action::Delete,
        }
    }
}

/// What a pass wants, by entity, of the slots given.
pub fn work<'a>(
    book: &Book,
    slots: impl IntoIterator<Item = &'a Slot>,
) -> BTreeMap<EntityRef, EntityWork> {
    let mut by_entity: BTreeMap<&EntityRef, Vec<FieldId>> = BTreeMap::new();
    for slot in slots {
        by_entity
            .entry(&slot.entity)
            .or_default()
            .push(slot.field.clone());
    }
    by_entity
        .into_iter()
        .map(|(entity, fields)| (entity.clone(), entity_work(book, entity, fields)))
        .collect()
}

fn entity_work(book: &Book, entity: &EntityRef, slots: Vec<FieldId>) -> EntityWork {
    // A slot whose last release wanted nothing of the store has no standing any more: its target is
    // found in that release's record.
    let target = |field: &FieldId| -> Option<Target> {
        let slot = Slot {
            entity: entity.clone(),
            field: field.clone(),
        };
        book.standings
            .get(&slot)
            .map(|standing| standing.target.clone())
    };
    let managed: BTreeMap<FieldName, Value> = entity
        .kind
        .settable()
        .filter_map(|spec| {
            let name = FieldName::new(spec.name).ok()?;
            match target(&FieldId::Named(name.clone()))? {
                Target::Desired(Some(DesiredValue::Value(value)))
                | Target::PutBack(Before::Value(value)) => Some((name, value)),
                Target::Desired(_) | Target::PutBack(_) | Target::Leave => None,
            }
        })
        .collect();
    let being = match target(&FieldId::Existence) {
        None
        | Some(
            Target::Leave
            | Target::Desired(None)
            | Target::PutBack(Before::Unknown | Before::Value(_)),
        ) => Being::Any,
        Some(Target::Desired(Some(DesiredValue::Ensure(ensure)))) => match ensure {
            Ensure::Present => Being::Present(managed),
            Ensure::Existing => Being::Existing,
            Ensure::Absent => Being::Absent { put_back: false },
        },
        Some(Target::Desired(Some(DesiredValue::Value(_)))) => Being::Any,
        Some(Target::PutBack(Before::Missing)) => Being::Absent { put_back: true },
        Some(Target::PutBack(Before::Entity(whole))) => match whole {
            Some(mut whole) => {
                whole.extend(managed);
                Being::Present(whole)
            }
            None => Being::Any,
        },
    };
    let fields = slots
        .iter()
        .filter_map(|field| {
            let FieldId::Named(name) = field else {
                return None;
            };
            let want = match target(field)? {
                Target::Desired(Some(DesiredValue::Value(value))) => Want {
                    value,
                    exact: false,
                },
                Target::PutBack(Before::Value(value)) => Want { value, exact: true },
                Target::Desired(_) | Target::PutBack(_) | Target::Leave => return None,
            };
            Some((name.clone(), want))
        })
        .collect();
    let explicit = book
        .releases
        .values()
        .rev()
        .find_map(|release| release.entities.get(entity))
        .is_some_and(|record| record.explicit);
    EntityWork {
        being,
        fields,
        slots,
        explicit,
    }
}

/// What is to be sent.
pub fn decide(
    entity: &EntityRef,
    work: &EntityWork,
    presence: &Presence,
    charset: Charset,
) -> Decision {
    match presence {
        Presence::UnknownView(code) => Decision::Refused(format!(
            "the store has no view `{code}`; correct `store:`, or create the view"
        )),
        Presence::Ambiguous(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            Decision::Refused(format!(
                "{} entities have this key and assignment (ids {}); delete or rename all but one in the admin",
                ids.len(),
                ids.join(", ")
            ))
        }
        Presence::Elsewhere(hits) => match &work.being {
            Being::Absent { put_back: true } | Being::Any => Decision::Noop,
            Being::Present(base) if work.explicit && side_by_side(entity) => {
                create(entity, work, base)
            }
            Being::Present(_) | Being::Existing | Being::Absent { put_back: false } => {
                let hits: Vec<String> = hits
                    .iter()
                    .map(|hit| format!("{} (id {})", hit.store, hit.id))
                    .collect();
                let hint = if side_by_side(entity) {
                    "; set `store:` to that, or spell out `ensure: present` to create one beside it"
                } else {
                    "; set `store:` to that"
                };
                Decision::Refused(format!(
                    "exists, but assigned to {}{hint}",
                    hits.join(" and ")
                ))
            }
        },
        Presence::Missing => match &work.being {
            Being::Absent { .. } => Decision::Noop,
            Being::Present(base) => create(entity, work, base),
            Being::Any if work.fields.is_empty() => Decision::Noop,
            Being::Existing | Being::Any => Decision::Refused(if creatable(entity) {
                "does not exist in the store; create it there, or set `ensure: present`".to_owned()
            } else {
                cannot_create(entity)
            }),
        },
        Presence::Found(found) => match &work.being {
            Being::Absent { put_back } => match (put_back, irreplaceable(entity, found, charset)) {
                (false, Some(why)) => Decision::Refused(why),
                (true, _) | (false, None) => Decision::Delete,
            },
            Being::Any | Being::Existing | Being::Present(_) => update(entity, work, found),
        },
    }
}

/// Whether REST can make an entity with this assignment.
fn creatable(entity: &EntityRef) -> bool {
    matches!(&entity.store, StoreScope::All) || entity.store.single().is_some()
}

fn cannot_create(entity: &EntityRef) -> String {
    format!(
        "does not exist, and Magento's REST API cannot create a {} assigned to several views; create it in the admin first",
        entity.kind.label
    )
}

fn side_by_side(entity: &EntityRef) -> bool {
    let Scoping::Assignment { side_by_side, .. } = entity.kind.scoping;
    side_by_side
}

fn update(entity: &EntityRef, work: &EntityWork, found: &ObservedEntity) -> Decision {
    let fields: BTreeMap<FieldName, Value> = work
        .fields
        .iter()
        .filter(|(name, want)| !want.met_by(entity, name, found.get(name)))
        .map(|(name, want)| (name.clone(), want.value.clone()))
        .collect();
    if fields.is_empty() {
        Decision::Noop
    } else {
        Decision::Update(fields)
    }
}

fn create(entity: &EntityRef, work: &EntityWork, base: &BTreeMap<FieldName, Value>) -> Decision {
    if !creatable(entity) {
        return Decision::Refused(cannot_create(entity));
    }
    let mut fields = base.clone();
    fields.extend(
        work.fields
            .iter()
            .map(|(name, want)| (name.clone(), want.value.clone())),
    );
    fields.retain(|name, value| {
        !value.is_null()
            && entity
                .kind
                .field(name.as_str())
                .is_some_and(|f| f.owner == Owner::File)
    });
    let missing = entity
        .kind
        .settable()
        .find(|spec| spec.required && !fields.keys().any(|name| name.as_str() == spec.name));
    match missing {
        Some(spec) => Decision::Refused(format!(
            "does not exist, and a new {} needs a `{}`; add it to `fields`, or set `ensure: existing`",
            entity.kind.label, spec.name
        )),
        None => Decision::Create(fields),
    }
}

/// Why an entity could not be made again after a deletion.
fn irreplaceable(entity: &EntityRef, found: &ObservedEntity, charset: Charset) -> Option<String> {
    if !creatable(entity) {
        return Some(format!(
            "deleting a {} assigned to several views could not be undone: REST cannot create it again; delete it in the admin",
            entity.kind.label
        ));
    }
    if let Some(problem) = (entity.kind.check_key)(entity.key.as_str()) {
        return Some(format!(
            "deleting it could not be undone: {}; delete it in the admin",
            problem.message
        ));
    }
    for spec in entity.kind.fields {
        let Some((_, value)) = found
            .fields
            .iter()
            .find(|(name, value)| name.as_str() == spec.name && !value.is_null())
        else {
            continue;
        };
        match spec.owner {
            Owner::Refused(why) => {
                return Some(format!(
                    "deleting it could not be undone: it has a `{}`, and {why}; delete it in the admin",
                    spec.name
                ));
            }
            Owner::File => {
                if let Some(problem) = spec.check(value, charset) {
                    return Some(format!(
                        "deleting it could not be undone: {}; delete it in the admin",
                        problem.message
                    ));
                }
            }
            Owner::Key | Owner::Store(_) => {}
        }
    }
    None
}
