//! The rest of a pass, as far as a decision about one entity must know it: the entities that are made,
//! the values that move beneath it, and the words that the store will know by then.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::decide::decide;
use super::room::Room;
use super::work::{EntityWork, ExistenceGoal, FieldGoal};
use crate::domain::kinds::{
    Access, Charset, EntityType, FieldPlace, FieldScope, FieldType, Scoping,
};
use crate::domain::vocabulary::{Attribute, AttributeType, Names};
use crate::domain::{
    EntityRef, FieldId, FieldName, Hit, Kind, Marker, Observation, ObservedEntity, Presence, Slot,
    Value, Vocabulary, key,
};

/// The field that names the attribute set.
const ATTRIBUTE_SET: &str = "attribute_set_id";

/// The rest of a pass, as a decision about one entity sees it.
#[derive(Debug, Clone, Default)]
pub struct PlanContext {
    /// The character set of the shop's tables.
    pub charset: Charset,
    /// The entities that the pass makes.
    pub made: BTreeSet<EntityRef>,
    /// The values under `all` that the pass changes.
    moved: BTreeSet<Slot>,
    /// The entities that the pass deletes.
    deleted: BTreeSet<EntityRef>,
    /// The entities that are assigned to store views and of which the pass says that they shall be there.
    present: BTreeSet<EntityRef>,
    /// The reason why an entity cannot get what is wanted: its attribute set lacks an attribute.
    unfit: BTreeMap<EntityRef, String>,
    /// The values that the pass hands over from one entity to another.
    room: Room,
}

impl PlanContext {
    /// Collects what a pass makes, moves and hands over.
    pub fn of(
        work: &BTreeMap<EntityRef, EntityWork>,
        observation: &Observation,
        charset: Charset,
        vocabulary: &Vocabulary,
    ) -> Self {
        let mut context = Self {
            charset,
            ..Self::default()
        };
        for (entity, work) in work.iter().filter(|(entity, _)| entity.exists_by_itself()) {
            let found = observation.get(entity).and_then(Presence::found);
            match &work.being {
                ExistenceGoal::Absent { .. } => {
                    context.deleted.insert(entity.clone());
                }
                ExistenceGoal::Present(_) => {
                    if matches!(entity.kind.scoping, Scoping::Assignment { .. }) {
                        context.present.insert(entity.clone());
                    }
                    if found.is_none() {
                        context.made.insert(entity.clone());
                    }
                }
                ExistenceGoal::Any | ExistenceGoal::Existing => {}
            }
            if let Some(found) = found.filter(|_| entity.kind.scoping.is_values()) {
                let fields = work.fields.iter();
                let moved = fields.filter(|(name, want)| !want.met_in(entity, name, found));
                context.moved.extend(moved.map(|(name, _)| Slot {
                    entity: entity.clone(),
                    field: FieldId::Named(name.clone()),
                }));
            }
        }
        if !vocabulary.sets.is_empty() {
            let unfit = work.iter().filter_map(|(entity, wanted)| {
                let set = attribute_set(entity, work, observation)?;
                let why = misfit(entity, wanted, set, vocabulary)?;
                Some((entity.clone(), why))
            });
            context.unfit = unfit.collect();
        }
        let room = Room::of(work, observation, vocabulary, |entity| {
            let presence = observation.get(entity).unwrap_or(&Presence::Missing);
            Some(decide(entity, work.get(entity)?, presence, &context))
        });
        context.room = room;
        context
    }

    /// Returns what the pass hands over from one entity to another, and what follows from that.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Returns the assignments under which an entity exists and of which the pass says nothing.
    pub(super) fn unmentioned<'a>(&self, entity: &EntityRef, hits: &'a [Hit]) -> Vec<&'a Hit> {
        let is_unmentioned = |hit: &&Hit| {
            let other = under(entity, hit);
            !self.deleted.contains(&other) && !self.present.contains(&other)
        };
        hits.iter().filter(is_unmentioned).collect()
    }

    /// Returns the assignments under which an entity exists and that the pass leaves in its way: it
    /// neither deletes nor names them beside it.
    pub(super) fn in_the_way<'a>(&self, entity: &EntityRef, hits: &'a [Hit]) -> Vec<&'a Hit> {
        let is_in_the_way = |hit: &&Hit| {
            let other = under(entity, hit);
            let is_named = self.present.contains(&other) && !entity.overlaps(&other);
            !self.deleted.contains(&other) && !is_named
        };
        hits.iter().filter(is_in_the_way).collect()
    }

    /// True if the pass deletes the entity of this kind and key.
    pub(super) fn deletes(&self, kind: Kind, key: &str) -> bool {
        let mut deleted = self.deleted.iter();
        deleted.any(|entity| entity.kind == kind && entity.key.as_str() == key)
    }

    /// Returns the entity that the pass deletes although this one, which belongs to it, is to be there.
    pub(super) fn deleted_parent(&self, entity: &EntityRef) -> Option<EntityRef> {
        let mut parents = entity.parents().into_iter();
        parents.find(|parent| self.deleted.contains(parent))
    }

    /// True if the pass makes something that the entity belongs to.
    pub(super) fn makes_parent(&self, entity: &EntityRef) -> bool {
        let mut parents = entity.parents().into_iter();
        parents.any(|parent| self.made.contains(&parent))
    }

    /// Says why an entity cannot get what is wanted, whatever it shows.
    pub(super) fn unfit(&self, entity: &EntityRef) -> Option<&str> {
        self.unfit.get(entity).map(String::as_str)
    }

    /// True if the wanted value is one that the view only inherits, and the pass takes it away beneath
    /// the view: then the view needs it as its own.
    pub(super) fn moves_beneath(
        &self,
        entity: &EntityRef,
        field: &FieldName,
        want: &FieldGoal,
        found: &ObservedEntity,
    ) -> bool {
        if want.is_default() || found.get(field) != Marker::Default.value() {
            return false;
        }
        entity.base().is_some_and(|base| {
            self.moved.contains(&Slot {
                entity: base,
                field: FieldId::Named(field.clone()),
            })
        })
    }
}

/// The entity that was found under another assignment.
fn under(entity: &EntityRef, hit: &Hit) -> EntityRef {
    EntityRef {
        store: hit.store.clone(),
        ..entity.clone()
    }
}

/// The attribute set that an entity has, or is made with.
fn attribute_set<'a>(
    entity: &EntityRef,
    work: &'a BTreeMap<EntityRef, EntityWork>,
    observation: &'a Observation,
) -> Option<&'a str> {
    entity.kind.attributes?;
    let set = FieldName::new(ATTRIBUTE_SET).ok()?;
    let base = entity.base();
    let base = base.as_ref().unwrap_or(entity);
    let found = observation.get(base).or_else(|| observation.get(entity));
    if let Some(Presence::Found(found)) = found {
        let inherited = || found.inherited.as_ref()?.get(&set);
        return found.fields.get(&set).or_else(inherited)?.as_str();
    }
    work.get(base)?.value(&set)?.as_str()
}

/// Magento ignores, with a 200, the value of an attribute that is not in a product's set.
fn misfit(
    entity: &EntityRef,
    work: &EntityWork,
    set: &str,
    vocabulary: &Vocabulary,
) -> Option<String> {
    let codes = vocabulary.sets.get(set)?;
    let name = work.fields.iter().find(|(name, want)| {
        let known = vocabulary.attribute(entity.kind, name.as_str());
        let stands_there = entity
            .kind
            .field(name.as_str())
            .is_some_and(|spec| spec.place == FieldPlace::Attribute);
        !want.exact
            && !want.is_default()
            && !want.value.is_null()
            && stands_there
            && known.is_some()
            && !codes.contains(name.as_str())
    });
    let (name, _) = name?;
    Some(format!(
        "`{name}` is no attribute of the set {set:?} that this {} has, and Magento would ignore it without a word; add it to the set, or take it out",
        entity.kind.label
    ))
}

/// Brings what the files say into the store's own words; where the store does not know one, and the pass
/// does not make it either, the work says so.
pub(super) fn put_into_store_words(
    work: &mut BTreeMap<EntityRef, EntityWork>,
    vocabulary: &Vocabulary,
    charset: Charset,
) {
    let vocabulary = expecting(work, vocabulary);
    for (entity, work) in work.iter_mut() {
        if entity.base().is_some() {
            work.fields.retain(|name, want| {
                !want.exact || !want.is_default() || may_differ(entity, name, &vocabulary)
            });
        }
        let mut problem = match work.being {
            ExistenceGoal::Absent { .. } => None,
            ExistenceGoal::Any | ExistenceGoal::Present(_) | ExistenceGoal::Existing => {
                vocabulary.check_key(entity).err()
            }
        };
        let mut notes = Vec::new();
        let mut translate = |name: &FieldName, value: &mut Value| match vocabulary.resolve(
            entity,
            name.as_str(),
            value,
            charset,
        ) {
            Ok(natural) => {
                notes.extend(taken_for_ids(name, value, &natural));
                *value = natural;
            }
            Err(why) => {
                problem.get_or_insert(why);
            }
        };
        for (name, want) in work.fields.iter_mut() {
            if !want.exact {
                translate(name, &mut want.value);
            } else if let Ok(natural) =
                vocabulary.resolve(entity, name.as_str(), &want.value, charset)
            {
                // A value that an earlier release of the pass would have left is kept as its file says
                // it. A value that was read is in the store's words, and goes back as it is even where no
                // file could say it.
                want.value = natural;
            }
        }
        if let ExistenceGoal::Present(fields) = &mut work.being {
            for (name, value) in fields.iter_mut() {
                translate(name, value);
            }
        }
        work.problem = problem;
        work.notes = notes;
    }
}

/// Says which numbers of a file were taken for ids, where names are meant.
fn taken_for_ids(name: &FieldName, said: &Value, natural: &Value) -> Option<String> {
    let list = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let (said, natural) = (list(said), list(natural));
    let named = natural
        .iter()
        .filter(|one| one.is_string() && !said.contains(one));
    let named: Vec<String> = named.map(Value::to_string).collect();
    let has_ids = said.iter().any(Value::is_number);
    (has_ids && !named.is_empty()).then(|| {
        format!(
            "`{name}`: numbers are read as ids, of {}; write the names, which are the same in every store",
            named.join(", ")
        )
    })
}

/// True if a view can have a value of its own. Where it cannot, none is taken away: under a view that
/// would be the value of all views.
fn may_differ(entity: &EntityRef, name: &FieldName, vocabulary: &Vocabulary) -> bool {
    let kind = entity.kind;
    let is_known = kind
        .field(name.as_str())
        .is_some_and(|spec| spec.ty != FieldType::Attribute)
        || vocabulary.attribute(kind, name.as_str()).is_some();
    is_known && vocabulary.scope(kind, name.as_str()) != FieldScope::Global
}

/// The vocabulary with what the pass adds to it.
fn expecting<'v>(
    work: &BTreeMap<EntityRef, EntityWork>,
    vocabulary: &'v Vocabulary,
) -> Cow<'v, Vocabulary> {
    let mut expecting = Cow::Borrowed(vocabulary);
    let made = work
        .iter()
        .filter(|(_, work)| matches!(work.being, ExistenceGoal::Present(_)));
    for (entity, work) in made {
        match (entity.kind.route.access, entity.kind.referent) {
            (Access::Attribute, _) => {
                let attribute = expected_attribute(work);
                let code = entity.key.as_str();
                expecting
                    .to_mut()
                    .expect_attribute(EntityType::Product, code, attribute);
            }
            (Access::Option, _) => {
                if let [code, label] = key::parts(entity.key.as_str()).as_slice() {
                    let vocabulary = expecting.to_mut();
                    vocabulary.expect_option(EntityType::Product, code, label);
                }
            }
            (_, Some(referent)) => expecting.to_mut().expect(referent, entity.key.as_str()),
            (_, None) => {}
        }
    }
    expecting
}

/// The attribute that a release makes.
fn expected_attribute(work: &EntityWork) -> Attribute {
    let text = |name: &str| {
        let name = FieldName::new(name).ok();
        let value = name.and_then(|name| work.value(&name)?.as_str());
        value.unwrap_or_default().to_owned()
    };
    Attribute {
        label: text("default_frontend_label"),
        ty: AttributeType::of(&text("frontend_input"), &text("backend_type")),
        scope: match text("scope").as_str() {
            "global" => FieldScope::Global,
            "website" => FieldScope::Website,
            _ => FieldScope::View,
        },
        required: false,
        unique: false,
        refused: None,
        options: Names::default(),
    }
}
