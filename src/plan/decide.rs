//! What is to be sent for one entity: its targets against what the store shows.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Book, Standing};
use super::stack::{Before, Target};
use super::surroundings::{Surroundings, settle};
use super::websites;
use crate::domain::kinds::{Charset, FieldType, Owner, Scoping};
use crate::domain::{
    Action, DesiredValue, Ensure, EntityKey, EntityRef, FieldId, FieldName, Marker, ObservedEntity,
    Presence, ReleaseKind, Slot, StoreScope, Value, Vocabulary, marker_of,
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
    /// Whether a value is the wanted one.
    pub fn met_by(&self, entity: &EntityRef, field: &FieldName, seen: &Value) -> bool {
        if let Some(marker) = marker_of(&self.value) {
            return marker.met_by(seen);
        }
        match entity.kind.field(field.as_str()) {
            Some(spec) if !self.exact => spec.same(&self.value, seen),
            Some(spec) => self.value == *seen || spec.both_empty(&self.value, seen),
            None => self.value == *seen,
        }
    }

    /// Whether an entity read from the store shows the wanted value. A view's value equal to the one
    /// under `all` counts as either.
    pub fn met_in(&self, entity: &EntityRef, field: &FieldName, found: &ObservedEntity) -> bool {
        let seen = found.get(field);
        match marker_of(&self.value) {
            Some(Marker::Default) => self.met_by(entity, field, seen),
            Some(Marker::Coupled) | None => self.met_by(entity, field, found.effective(field)),
        }
    }

    /// Whether nothing has to be there for it to be met.
    pub fn is_default(&self) -> bool {
        self.value == *Marker::Default.value()
    }
}

/// Whether a value read from the store may be what was made of a field by this value of the files or of a
/// snapshot. Files may say an id, a text or a number where the store is read as a name, a number or a
/// truth: what cannot be compared without the store's words counts as the same.
pub(super) fn may_be(entity: &EntityRef, field: &FieldName, made: &Value, seen: &Value) -> bool {
    let ty = entity.kind.field(field.as_str()).map(|spec| spec.ty);
    let in_its_words = matches!(
        ty,
        Some(FieldType::Attribute | FieldType::Reference(_) | FieldType::References(_))
    );
    if in_its_words && marker_of(made).is_none() && !seen.is_null() && !same_form(made, seen) {
        return true;
    }
    let made = Want {
        value: made.clone(),
        exact: false,
    };
    made.met_by(entity, field, seen)
}

/// Whether two values are of one type, and lists of texts alike.
fn same_form(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.iter().chain(b).all(Value::is_string),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
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
    /// Why it cannot be sent as the files say it: the store does not know a word of it.
    pub problem: Option<String>,
}

impl EntityWork {
    /// Whether all that goes with the entity has to be read: it is deleted, or was and is made again.
    pub fn is_of_the_whole(&self, entity: &EntityRef) -> bool {
        let goes_with = |name: &FieldName| {
            let spec = entity.kind.field(name.as_str());
            spec.is_some_and(|spec| spec.owner == Owner::Whole)
        };
        matches!(self.being, Being::Absent { .. }) || self.fields.keys().any(goes_with)
    }
}

impl EntityWork {
    /// Whether all that is asked for is to put back what is there: it needs none of the store's words.
    fn is_put_back_already(&self, entity: &EntityRef, presence: &Presence) -> bool {
        let there = |(name, want): (&FieldName, &Want)| {
            let found = presence.found();
            want.exact && found.is_some_and(|found| want.met_in(entity, name, found))
        };
        self.being == Being::Any && self.fields.iter().all(there)
    }
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

/// What a pass wants, by entity, of the slots given, in the store's own words.
pub fn work<'a>(
    book: &Book,
    slots: impl IntoIterator<Item = &'a Slot>,
    vocabulary: &Vocabulary,
    charset: Charset,
) -> BTreeMap<EntityRef, EntityWork> {
    let mut work = asked(book, slots);
    settle(&mut work, vocabulary, charset);
    websites::check(&mut work, book, vocabulary);
    work
}

/// What a pass wants, by entity, as the files say it.
pub fn asked<'a>(
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
        // It may not have been deleted at all, and still show what a release set that is taken back.
        for name in named(book, entity) {
            if whole.contains_key(name) || managed.contains_key(name) {
                continue;
            }
            fields.entry(name.clone()).or_insert(Want {
                value: Value::Null,
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
        problem: None,
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

/// The fields of an entity that releases have named and that can be empty.
fn named<'a>(book: &'a Book, entity: &EntityRef) -> BTreeSet<&'a FieldName> {
    let records = book.of_entity(entity).filter(|r| r.seq >= book.epoch);
    let records = records.filter_map(|release| release.entities.get(entity));
    let fields = records.flat_map(|record| record.slots.iter());
    let names = fields.filter_map(|(field, _)| match field {
        FieldId::Named(name) => Some(name),
        FieldId::Existence => None,
    });
    let can_be_empty = |name: &&FieldName| {
        let spec = entity.kind.field(name.as_str());
        spec.is_some_and(|spec| spec.nullable)
    };
    names.filter(can_be_empty).collect()
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
    around: &Surroundings,
) -> Decision {
    if work.being == Being::Any && work.fields.is_empty() {
        return Decision::Noop;
    }
    if let Some(problem) = &work.problem {
        return match work.is_put_back_already(entity, presence) {
            true => Decision::Noop,
            false => Decision::Refused(problem.clone()),
        };
    }
    if let Some(why) = around.unfit(entity) {
        return Decision::Refused(why.to_owned());
    }
    if entity.base().is_some() {
        return decide_view(entity, work, presence, around);
    }
    // What is put back goes with it; what a file asks for would be lost as soon as it is written.
    if work.fields.values().any(|want| !want.exact)
        && let Some(parent) = around.deleted_parent(entity)
    {
        return Decision::Refused(format!(
            "not sent, because the same pass deletes the {} {}, and this would go with it; take it out of its file, or keep what it belongs to",
            parent.kind.label, parent.key
        ));
    }
    match presence {
        Presence::Alias(known) => match &work.being {
            Being::Absent { put_back: true } => Decision::Noop,
            Being::Any
            | Being::Present(_)
            | Being::Existing
            | Being::Absent { put_back: false } => Decision::Refused(spelled_otherwise(known)),
        },
        Presence::Orphan(parent) if !around.made.contains(parent) => match &work.being {
            Being::Absent { .. } => Decision::Noop,
            Being::Any | Being::Present(_) | Being::Existing => Decision::Refused(format!(
                "the {} {} does not exist in the store; correct the key, or create it there or in a release",
                parent.kind.label, parent.key
            )),
        },
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
        Presence::Missing | Presence::Orphan(_) => match &work.being {
            Being::Absent { .. } => Decision::Noop,
            Being::Present(base) => create(entity, work, base),
            Being::Existing | Being::Any => Decision::Refused(if creatable(entity) {
                "does not exist in the store; create it there, or set `ensure: present`".to_owned()
            } else {
                cannot_create(entity)
            }),
        },
        Presence::Found(found) => match &work.being {
            Being::Absent { put_back } => {
                if let Some(why) = takes_along(entity, found, around) {
                    return Decision::Refused(why);
                }
                match (put_back, irreplaceable(entity, found, around.charset)) {
                    (false, Some(why)) => Decision::Refused(why),
                    (true, _) | (false, None) => Decision::Delete,
                }
            }
            Being::Any | Being::Existing | Being::Present(_) => update(entity, work, found, around),
        },
    }
}

/// What is to be sent for the values of a view, which are there when the entity is.
fn decide_view(
    entity: &EntityRef,
    work: &EntityWork,
    presence: &Presence,
    around: &Surroundings,
) -> Decision {
    match presence {
        Presence::Found(found) => update(entity, work, found, around),
        Presence::UnknownView(code) => Decision::Refused(format!(
            "the store has no view `{code}`; correct `store:`, or create the view"
        )),
        _ if work.fields.values().all(Want::is_default) => Decision::Noop,
        Presence::Alias(known) => Decision::Refused(spelled_otherwise(known)),
        _ if entity
            .base()
            .is_some_and(|base| around.made.contains(&base)) =>
        {
            let fields = work.fields.iter().filter(|(_, want)| !want.is_default());
            Decision::Update(
                fields
                    .map(|(name, want)| (name.clone(), want.value.clone()))
                    .collect(),
            )
        }
        _ => Decision::Refused(format!(
            "the {} does not exist in the store; create it there, or in a change with `store: all`",
            entity.kind.label
        )),
    }
}

fn spelled_otherwise(known: &EntityKey) -> String {
    format!(
        "the store has it as `{known}`, and takes the two spellings for one; write the key as the store has it"
    )
}

/// Whether REST can make an entity with this assignment.
fn creatable(entity: &EntityRef) -> bool {
    matches!(&entity.store, StoreScope::All) || entity.store.single().is_some()
}

/// What cannot be changed any more, where that is asked for.
fn fixed(entity: &EntityRef, name: &FieldName, seen: &Value, want: &Want) -> Option<String> {
    let spec = entity.kind.field(name.as_str())?;
    let Owner::Fixed(why) = spec.owner else {
        return None;
    };
    Some(format!(
        "`{name}` is {seen} and cannot be changed to {}: {why}; set it back, or delete the {} and make it anew",
        want.value, entity.kind.label
    ))
}

fn cannot_create(entity: &EntityRef) -> String {
    format!(
        "does not exist, and Magento's REST API cannot create a {} assigned to several views; create it in the admin first",
        entity.kind.label
    )
}

fn side_by_side(entity: &EntityRef) -> bool {
    matches!(
        entity.kind.scoping,
        Scoping::Assignment {
            side_by_side: true,
            ..
        }
    )
}

fn update(
    entity: &EntityRef,
    work: &EntityWork,
    found: &ObservedEntity,
    around: &Surroundings,
) -> Decision {
    let mut fields = BTreeMap::new();
    for (name, want) in &work.fields {
        if want.met_in(entity, name, found)
            && !around.moves_beneath(entity, name, want, found)
            && !may_hide(entity, name, want)
        {
            continue;
        }
        if let Some(why) = fixed(entity, name, found.get(name), want) {
            return Decision::Refused(why);
        }
        fields.insert(name.clone(), want.value.clone());
    }
    if fields.is_empty() {
        Decision::Noop
    } else {
        Decision::Update(fields)
    }
}

/// Whether a view may have a value of its own although it shall have none: one that equals the value
/// under `all` is not seen, but comes to light when that changes. So it is taken away in any case.
fn may_hide(entity: &EntityRef, name: &FieldName, want: &Want) -> bool {
    let spec = entity.kind.field(name.as_str());
    entity.base().is_some() && want.is_default() && spec.is_some_and(|spec| spec.sticky.is_none())
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
            && marker_of(value).is_none()
            && entity
                .kind
                .field(name.as_str())
                .is_some_and(|f| matches!(f.owner, Owner::File | Owner::Fixed(_) | Owner::Whole))
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

/// What the store would delete along with it although nothing in the pass says so.
fn takes_along(
    entity: &EntityRef,
    found: &ObservedEntity,
    around: &Surroundings,
) -> Option<String> {
    let lists = found.fields.iter().filter(|(name, _)| {
        let spec = entity.kind.field(name.as_str());
        spec.is_some_and(|spec| spec.ty == FieldType::Keys)
    });
    let keys = lists.flat_map(|(_, list)| list.as_array().into_iter().flatten());
    let staying: Vec<&str> = keys
        .filter_map(Value::as_str)
        .filter(|key| !around.deletes(entity.kind, key))
        .collect();
    (!staying.is_empty()).then(|| {
        format!(
            "it cannot be deleted alone: the store would delete {} with it; let the same release say `ensure: absent` of them, or move them in the admin",
            staying.join(", ")
        )
    })
}

/// What an entity cannot be made without, and this one does not have.
fn missing(entity: &EntityRef, found: &ObservedEntity) -> Option<&'static str> {
    let mut required = entity.kind.settable().filter(|spec| spec.required);
    let spec = required.find(|spec| {
        let name = FieldName::new(spec.name);
        name.is_ok_and(|name| found.get(&name).is_null())
    })?;
    Some(spec.name)
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
    if let Some(why) = entity.kind.permanent {
        return Some(format!("it cannot be deleted: {why}"));
    }
    if let Some(name) = missing(entity, found) {
        return Some(format!(
            "deleting it could not be undone: it has no `{name}`, without which REST cannot make it again; delete it in the admin"
        ));
    }
    for (name, value) in found.fields.iter().filter(|(_, value)| !value.is_null()) {
        let Some(spec) = entity.kind.field(name.as_str()) else {
            continue;
        };
        match spec.owner {
            Owner::Refused(why) => {
                return Some(format!(
                    "deleting it could not be undone: it has a `{name}`, and {why}; delete it in the admin"
                ));
            }
            Owner::Whole if spec.ty == FieldType::Hindrance => {
                return Some(format!(
                    "it cannot be deleted: {}",
                    value.as_str().unwrap_or_default()
                ));
            }
            // what the store says of its own attributes, it takes back
            Owner::File | Owner::Fixed(_) if spec.ty != FieldType::Attribute => {
                if let Some(problem) = spec.check_as(name.as_str(), value, charset) {
                    return Some(format!(
                        "deleting it could not be undone: {}; delete it in the admin",
                        problem.message
                    ));
                }
            }
            Owner::File
            | Owner::Fixed(_)
            | Owner::Key
            | Owner::KeyUnderAll
            | Owner::Store(_)
            | Owner::Whole => {}
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
            problem: None,
        }
    }

    fn found(fields: BTreeMap<FieldName, Value>) -> Presence {
        Presence::Found(ObservedEntity {
            id: EntityId(7),
            fields,
            inherited: None,
        })
    }

    #[test]
    fn an_id_in_a_file_may_be_the_name_that_the_store_shows() {
        let block = block(StoreScope::All);
        let field: FieldName = "content".parse().unwrap();
        assert!(may_be(
            &block,
            &field,
            &Value::from("a\r\n"),
            &Value::from("a\n")
        ));
        assert!(!may_be(
            &block,
            &field,
            &Value::from(49),
            &Value::from("Red")
        ));
    }

    #[test]
    fn what_is_as_it_shall_be_needs_nothing() {
        for being in [Being::Any, Being::Existing, Being::Present(title("a"))] {
            let decision = decide(
                &block(StoreScope::All),
                &wanted(being, title("a")),
                &found(title("a")),
                &Surroundings::default(),
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
                &Surroundings::default(),
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
            decide(&de, &work, &elsewhere, &Surroundings::default()),
            Decision::Refused(_)
        ));
    }
}
