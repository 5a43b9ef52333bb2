//! The decision about one entity: its goals against what the store shows.

mod deletion;

use std::collections::BTreeMap;

use self::deletion::{irreplaceable, takes_along};
use super::context::PlanContext;
use super::work::{EntityWork, ExistenceGoal, FieldGoal};
use crate::domain::kinds::Owner;
use crate::domain::{
    Action, EntityId, EntityKey, EntityRef, FieldName, Hit, ObservedEntity, Presence, StoreCode,
    StoreScope, Value, marker_of,
};

/// The request that is sent for an entity, if any.
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

/// Decides what is to be sent for an entity.
pub fn decide(
    entity: &EntityRef,
    work: &EntityWork,
    presence: &Presence,
    context: &PlanContext,
) -> Decision {
    if work.being == ExistenceGoal::Any && work.fields.is_empty() {
        return Decision::Noop;
    }
    if let Some(problem) = &work.problem {
        return match work.is_put_back_already(entity, presence) {
            true => Decision::Noop,
            false => Decision::Refused(problem.clone()),
        };
    }
    if let Some(why) = context
        .unfit(entity)
        .or_else(|| context.room().refused(entity))
    {
        return Decision::Refused(why.to_owned());
    }
    if entity.base().is_some() {
        return decide_view(entity, work, presence, context);
    }
    // A value that is put back may go with the parent; one that a file asks for would be lost as soon as
    // it is written.
    if work.fields.values().any(|want| !want.exact)
        && let Some(parent) = context.deleted_parent(entity)
    {
        return Decision::Refused(format!(
            "not sent, because the same pass deletes the {} {}, and this would go with it; take it out of its file, or keep what it belongs to",
            parent.kind.label, parent.key
        ));
    }
    match presence {
        Presence::UnknownView(code) => Decision::Refused(no_view(code)),
        Presence::Ambiguous(ids) => Decision::Refused(ambiguous(ids)),
        Presence::Alias(known) if entity.kind.has_unique_keys() => {
            decide_alias(entity, work, known, context)
        }
        Presence::Orphan(parent) if !context.made.contains(parent) => decide_orphan(work, parent),
        Presence::Elsewhere(hits) => decide_elsewhere(entity, work, hits, context),
        Presence::Missing | Presence::Orphan(_) | Presence::Alias(_) => {
            decide_missing(entity, work, context)
        }
        Presence::Found(found) => decide_found(entity, work, found, context),
    }
}

/// Decides about an entity that the store has under another spelling of its key.
fn decide_alias(
    entity: &EntityRef,
    work: &EntityWork,
    known: &EntityKey,
    context: &PlanContext,
) -> Decision {
    match &work.being {
        ExistenceGoal::Absent { put_back: true } => Decision::Noop,
        // the other spelling makes room
        ExistenceGoal::Present(base) if context.deletes(entity.kind, known.as_str()) => {
            create(entity, work, base)
        }
        ExistenceGoal::Any
        | ExistenceGoal::Present(_)
        | ExistenceGoal::Existing
        | ExistenceGoal::Absent { put_back: false } => Decision::Refused(spelled_otherwise(known)),
    }
}

/// Decides about an entity whose parent does not exist and is not made by the pass.
fn decide_orphan(work: &EntityWork, parent: &EntityRef) -> Decision {
    match &work.being {
        ExistenceGoal::Absent { .. } => Decision::Noop,
        ExistenceGoal::Any | ExistenceGoal::Present(_) | ExistenceGoal::Existing => {
            Decision::Refused(format!(
                "the {} {} does not exist in the store; correct the key, or create it there or in a release",
                parent.kind.label, parent.key
            ))
        }
    }
}

/// Decides about an entity that the store has under other assignments only.
fn decide_elsewhere(
    entity: &EntityRef,
    work: &EntityWork,
    hits: &[Hit],
    context: &PlanContext,
) -> Decision {
    match &work.being {
        ExistenceGoal::Absent { put_back: true } => Decision::Noop,
        ExistenceGoal::Present(base) => {
            let staying = context.in_the_way(entity, hits);
            let beside = staying.iter().all(|hit| side_by_side(entity, hit));
            match staying.is_empty() || beside && work.explicit {
                true => create(entity, work, base),
                false => Decision::Refused(elsewhere(&staying, beside)),
            }
        }
        // The entity was deleted and has made room for those that the pass names.
        ExistenceGoal::Absent { put_back: false } => {
            match context.unmentioned(entity, hits).as_slice() {
                [] => Decision::Noop,
                hits => Decision::Refused(elsewhere(hits, false)),
            }
        }
        ExistenceGoal::Any | ExistenceGoal::Existing => {
            let hits: Vec<&Hit> = hits.iter().collect();
            Decision::Refused(elsewhere(&hits, false))
        }
    }
}

/// Decides about an entity that the store does not have.
fn decide_missing(entity: &EntityRef, work: &EntityWork, context: &PlanContext) -> Decision {
    match &work.being {
        ExistenceGoal::Absent { .. } => Decision::Noop,
        ExistenceGoal::Present(base) => create(entity, work, base),
        // It comes back with its parent, and then shows the values that are asked for.
        ExistenceGoal::Any if context.makes_parent(entity) && !work.fields.is_empty() => {
            create(entity, work, &BTreeMap::new())
        }
        ExistenceGoal::Existing | ExistenceGoal::Any => {
            Decision::Refused(match creatable(entity) {
                true => "does not exist in the store; create it there, or set `ensure: present`"
                    .to_owned(),
                false => cannot_create(entity),
            })
        }
    }
}

/// Decides about an entity that the store has.
fn decide_found(
    entity: &EntityRef,
    work: &EntityWork,
    found: &ObservedEntity,
    context: &PlanContext,
) -> Decision {
    match &work.being {
        ExistenceGoal::Absent { put_back } => {
            if let Some(why) = takes_along(entity, found, context) {
                return Decision::Refused(why);
            }
            match (put_back, irreplaceable(entity, found, context.charset)) {
                (false, Some(why)) => Decision::Refused(why),
                (true, _) | (false, None) => Decision::Delete,
            }
        }
        ExistenceGoal::Any | ExistenceGoal::Existing | ExistenceGoal::Present(_) => {
            update(entity, work, found, context)
        }
    }
}

/// Decides about the values of a view, which are there when the entity is.
fn decide_view(
    entity: &EntityRef,
    work: &EntityWork,
    presence: &Presence,
    context: &PlanContext,
) -> Decision {
    match presence {
        Presence::Found(found) => update(entity, work, found, context),
        Presence::UnknownView(code) => Decision::Refused(no_view(code)),
        _ if work.fields.values().all(FieldGoal::is_default) => Decision::Noop,
        Presence::Alias(known) if !context.deletes(entity.kind, known.as_str()) => {
            Decision::Refused(spelled_otherwise(known))
        }
        _ if entity
            .base()
            .is_some_and(|base| context.made.contains(&base)) =>
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

fn no_view(code: &StoreCode) -> String {
    format!("the store has no view `{code}`; correct `store:`, or create the view")
}

fn ambiguous(ids: &[EntityId]) -> String {
    let known: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!(
        "{} entities have this key and assignment (ids {}); delete or rename all but one in the admin",
        known.len(),
        known.join(", ")
    )
}

fn spelled_otherwise(known: &EntityKey) -> String {
    format!(
        "the store has it as `{known}`, and takes the two spellings for one; write the key as the store has it"
    )
}

/// True if REST can make an entity with this assignment.
fn creatable(entity: &EntityRef) -> bool {
    matches!(&entity.store, StoreScope::All) || entity.store.single().is_some()
}

/// Says why a field cannot be changed any more, where that is asked for.
fn fixed(entity: &EntityRef, name: &FieldName, seen: &Value, want: &FieldGoal) -> Option<String> {
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

/// True if the store takes this entity beside the one that it has under another assignment.
fn side_by_side(entity: &EntityRef, hit: &Hit) -> bool {
    !entity.kind.scoping.overlap(&entity.store, &hit.store)
}

/// Says where an entity is instead.
fn elsewhere(hits: &[&Hit], beside: bool) -> String {
    let hits: Vec<String> = hits
        .iter()
        .map(|hit| format!("{} (id {})", hit.store, hit.id))
        .collect();
    let hint = match beside {
        true => "set `store:` to that, or spell out `ensure: present` to create one beside it",
        false => "set `store:` to that",
    };
    format!("exists, but assigned to {}; {hint}", hits.join(" and "))
}

fn update(
    entity: &EntityRef,
    work: &EntityWork,
    found: &ObservedEntity,
    context: &PlanContext,
) -> Decision {
    let mut fields = BTreeMap::new();
    for (name, want) in &work.fields {
        if want.met_in(entity, name, found)
            && !context.moves_beneath(entity, name, want, found)
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

/// True if a view may have a value of its own although it shall have none: one that equals the value
/// under `all` is not seen, but comes to light when that changes. So it is taken away in any case.
fn may_hide(entity: &EntityRef, name: &FieldName, want: &FieldGoal) -> bool {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{FieldId, Kind};

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

    fn wanted(being: ExistenceGoal, fields: BTreeMap<FieldName, Value>) -> EntityWork {
        EntityWork {
            being,
            slots: vec![FieldId::Existence],
            fields: fields
                .into_iter()
                .map(|(name, value)| (name, FieldGoal { value, exact: true }))
                .collect(),
            explicit: false,
            problem: None,
            notes: Vec::new(),
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
    fn what_is_as_it_shall_be_needs_nothing() {
        for being in [
            ExistenceGoal::Any,
            ExistenceGoal::Existing,
            ExistenceGoal::Present(title("a")),
        ] {
            let decision = decide(
                &block(StoreScope::All),
                &wanted(being, title("a")),
                &found(title("a")),
                &PlanContext::default(),
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
            let work = wanted(ExistenceGoal::Any, BTreeMap::new());
            let decision = decide(
                &block(StoreScope::All),
                &work,
                &presence,
                &PlanContext::default(),
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
        let work = wanted(ExistenceGoal::Any, title("old"));
        assert!(matches!(
            decide(&de, &work, &elsewhere, &PlanContext::default()),
            Decision::Refused(_)
        ));
    }
}
