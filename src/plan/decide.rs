//! What is to be sent for one entity: its targets against what the store shows.

use std::collections::BTreeMap;

use super::book::{Book, Standing};
use super::stack::{Before, Target};
use crate::domain::kinds::{Charset, Owner, Scoping};
use crate::domain::{
    Action, DesiredValue, Ensure, EntityRef, FieldId, FieldName, ObservedEntity, Presence,
    ReleaseKind, Slot, StoreScope, Value,
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
    // A slot whose last release wanted nothing of the store has no standing any more.
    let standing = |field: &FieldId| -> Option<&Standing> {
        book.standings.get(&Slot {
            entity: entity.clone(),
            field: field.clone(),
        })
    };
    let managed: BTreeMap<FieldName, Value> = book
        .standings_of(entity)
        .filter_map(|(slot, standing)| match (&slot.field, &standing.target) {
            (
                FieldId::Named(name),
                Target::Desired(Some(DesiredValue::Value(value)))
                | Target::PutBack(Before::Value(value)),
            ) => Some((name.clone(), value.to_value())),
            _ => None,
        })
        .collect();
    let mut fields: BTreeMap<FieldName, Want> = slots
        .iter()
        .filter_map(|field| {
            let FieldId::Named(name) = field else {
                return None;
            };
            let want = match open(book, standing(field)?)? {
                Target::Desired(Some(DesiredValue::Value(value))) => Want {
                    value: value.to_value(),
                    exact: false,
                },
                Target::PutBack(Before::Value(value)) => Want {
                    value: value.to_value(),
                    exact: true,
                },
                Target::Desired(_) | Target::PutBack(_) | Target::Leave => return None,
            };
            Some((name.clone(), want))
        })
        .collect();
    let existence = standing(&FieldId::Existence);
    if let Some(Target::PutBack(Before::Entity(Some(whole)))) =
        existence.and_then(|standing| open(book, standing))
    {
        // Somebody may have made the entity again meanwhile: its fields are put back all the same.
        for (name, value) in whole {
            let wanted = managed.get(name).unwrap_or(value).clone();
            fields.entry(name.clone()).or_insert(Want {
                value: wanted,
                exact: true,
            });
        }
    }
    let (being, again) = match existence.map(|standing| (standing, open(book, standing))) {
        None => (Being::Any, false),
        Some((standing, Some(target))) => {
            let there = matches!(
                target,
                Target::Desired(Some(DesiredValue::Ensure(Ensure::Present)))
                    | Target::PutBack(Before::Entity(None))
            );
            match overtaken(book, entity, standing) {
                Some(whole) if there => {
                    let mut whole = whole.clone();
                    whole.extend(managed);
                    (Being::Present(whole), true)
                }
                Some(_) | None => being(target, managed),
            }
        }
        // Where nothing is asked of its existence, it is made only to hold a field.
        Some((_, None)) if fields.is_empty() => (Being::Any, false),
        Some((standing, None)) => match &standing.desired {
            Some(DesiredValue::Ensure(Ensure::Present)) => (Being::Present(managed), false),
            Some(DesiredValue::Ensure(Ensure::Existing)) => (Being::Existing, false),
            Some(DesiredValue::Ensure(Ensure::Absent) | DesiredValue::Value(_)) | None => {
                (Being::Any, false)
            }
        },
    };
    if matches!(being, Being::Absent { .. }) {
        // What was still to be put back goes with the entity.
        fields.clear();
    }
    let explicit = again
        || book
            .of_entity(entity)
            .next_back()
            .and_then(|release| release.entities.get(entity))
            .is_some_and(|record| record.explicit);
    EntityWork {
        being,
        fields,
        slots,
        explicit,
    }
}

/// The target that is still to be reached: a slot that is there already was named by a release that
/// leaves it as it is, and what was edited in Magento since stays. An adoption writes nothing.
fn open<'a>(book: &Book, standing: &'a Standing) -> Option<&'a Target> {
    let adopted = book
        .releases
        .get(&standing.release)
        .is_some_and(|release| release.kind == ReleaseKind::Adopt);
    (!standing.done && !adopted).then_some(&standing.target)
}

/// The fields from which a release that was overtaken before it was carried out would have made a
/// deleted entity again: the later one sets some of them only.
fn overtaken<'a>(
    book: &'a Book,
    entity: &EntityRef,
    standing: &Standing,
) -> Option<&'a BTreeMap<FieldName, Value>> {
    let earlier = book.of_entity(entity).rev();
    let earlier = earlier.filter(|release| release.seq <= standing.release);
    let records =
        earlier.filter_map(|release| release.entities.get(entity)?.slots.get(&FieldId::Existence));
    for record in records.take_while(|record| !record.done()) {
        match &record.target {
            Target::PutBack(Before::Entity(Some(whole))) => return Some(whole),
            Target::PutBack(Before::Missing)
            | Target::Desired(Some(DesiredValue::Ensure(Ensure::Absent))) => return None,
            Target::Leave | Target::Desired(_) | Target::PutBack(_) => {}
        }
    }
    None
}

/// What a target of the existence asks for, and whether a deleted entity is made again.
fn being(target: &Target, managed: BTreeMap<FieldName, Value>) -> (Being, bool) {
    let being = match target {
        Target::Leave
        | Target::Desired(None | Some(DesiredValue::Value(_)))
        | Target::PutBack(Before::Unknown | Before::Value(_) | Before::Entity(None)) => Being::Any,
        Target::Desired(Some(DesiredValue::Ensure(ensure))) => match ensure {
            Ensure::Present => Being::Present(managed),
            Ensure::Existing => Being::Existing,
            Ensure::Absent => Being::Absent { put_back: false },
        },
        Target::PutBack(Before::Missing) => Being::Absent { put_back: true },
        Target::PutBack(Before::Entity(Some(whole))) => {
            let mut whole = whole.clone();
            whole.extend(managed);
            return (Being::Present(whole), true);
        }
    };
    (being, false)
}

/// What is to be sent.
pub fn decide(
    entity: &EntityRef,
    work: &EntityWork,
    presence: &Presence,
    charset: Charset,
) -> Decision {
    if work.being == Being::Any && work.fields.is_empty() {
        return Decision::Noop;
    }
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
            Being::Absent { put_back: true } => Decision::Noop,
            Being::Present(base) if work.explicit && side_by_side(entity) => {
                create(entity, work, base)
            }
            Being::Any
            | Being::Present(_)
            | Being::Existing
            | Being::Absent { put_back: false } => {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{EntityId, Hit, Kind, StoreCode};

    fn block(store: StoreScope) -> EntityRef {
        EntityRef {
            kind: Kind::CMS_BLOCK,
            key: "hero".parse().unwrap(),
            store,
        }
    }

    fn title(value: &str) -> BTreeMap<FieldName, Value> {
        BTreeMap::from([("title".parse().unwrap(), Value::from(value))])
    }

    fn wanted(being: Being, fields: BTreeMap<FieldName, Value>) -> EntityWork {
        EntityWork {
            being,
            slots: vec![FieldId::Existence],
            fields: fields
                .into_iter()
                .map(|(name, value)| (name, Want { value, exact: true }))
                .collect(),
            explicit: false,
        }
    }

    fn found(fields: BTreeMap<FieldName, Value>) -> Presence {
        Presence::Found(ObservedEntity {
            id: EntityId(7),
            fields,
        })
    }

    #[test]
    fn what_is_as_it_shall_be_needs_nothing() {
        for being in [Being::Any, Being::Existing, Being::Present(title("a"))] {
            let decision = decide(
                &block(StoreScope::All),
                &wanted(being, title("a")),
                &found(title("a")),
                Charset::default(),
            );
            assert_eq!(decision, Decision::Noop);
        }
    }

    #[test]
    fn where_nothing_is_wanted_an_unreadable_entity_is_no_failure() {
        let presences = [
            Presence::UnknownView(StoreCode::new("xx").unwrap()),
            Presence::Ambiguous(vec![EntityId(1), EntityId(2)]),
            Presence::Missing,
        ];
        for presence in presences {
            let work = wanted(Being::Any, BTreeMap::new());
            let decision = decide(
                &block(StoreScope::All),
                &work,
                &presence,
                Charset::default(),
            );
            assert_eq!(decision, Decision::Noop);
        }
    }

    #[test]
    fn a_value_that_cannot_be_put_back_is_refused_and_not_passed_over() {
        let elsewhere = Presence::Elsewhere(vec![Hit {
            id: EntityId(3),
            store: StoreScope::All,
        }]);
        let de = block(StoreScope::view(StoreCode::new("de").unwrap()));
        let work = wanted(Being::Any, title("old"));
        assert!(matches!(
            decide(&de, &work, &elsewhere, Charset::default()),
            Decision::Refused(_)
        ));
    }
}
