//! The values that the store gives to one entity only: those that an entity has, and those that it will
//! have after the pass.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::kinds::{Among, Aside, EntityType, Unique, VIEW_VALUES};
use crate::domain::vocabulary::AttributeType;
use crate::domain::{
    EntityRef, FieldName, Kind, ObservedEntity, Presence, StoreCode, StoreScope, Value, Vocabulary,
    key, marker_of, text,
};
use crate::plan::work::{EntityWork, ExistenceGoal};

/// The number of characters that are left of a value when it is put aside: with its suffix it fits a
/// column of 255.
const CHARS: usize = 240;

/// A value that one entity has, and no other that shares a store view with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UniqueValue {
    /// The spot where it is the only one.
    pub(super) spot: Spot,
    /// The store views that it counts in.
    pub(super) reach: StoreScope,
    /// The field that holds it; `None` where it is the key.
    pub(super) field: Option<FieldName>,
    pub(super) value: Value,
    pub(super) aside: Aside,
}

/// A value and the entities among which it is the only one, as the store compares them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    space: Space,
    within: String,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Field(Kind, String),
    Addresses,
}

impl UniqueValue {
    /// True if two entities cannot have these at the same time.
    pub(super) fn clashes(&self, of: &EntityRef, other: &Self) -> bool {
        self.spot == other.spot && of.kind.scoping.overlap(&self.reach, &other.reach)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.spot == other.spot && self.reach == other.reach
    }

    /// Returns the value that the entity has instead while another takes this one over. The same pass
    /// always gives the same.
    pub(super) fn instead(&self, entity: &EntityRef) -> Option<Value> {
        let field = self.field.as_ref()?;
        match self.aside {
            Aside::Never => None,
            Aside::Empty => Some(Value::Null),
            Aside::Suffix => {
                let own: String = self.value.as_str()?.chars().take(CHARS).collect();
                Some(Value::from(own + &suffix(entity, field)))
            }
        }
    }
}

/// Returns the end of a value that is put aside: no other entity and no other field has the same.
pub(super) fn suffix(entity: &EntityRef, field: &FieldName) -> String {
    let mut hash = Sha256::new();
    for part in [entity.to_string().as_str(), field.as_str()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let digits = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
    std::iter::once("-".to_owned()).chain(digits).collect()
}

/// The action that a pass has in mind for an entity, as far as it can be told without the rest of the
/// pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Nothing,
    Create,
    Update,
    Delete,
}

impl Intent {
    pub(super) fn of(entity: &EntityRef, work: &EntityWork, presence: &Presence) -> Self {
        match (&work.being, presence.found()) {
            (ExistenceGoal::Absent { .. }, Some(_)) => Self::Delete,
            (ExistenceGoal::Absent { .. }, None) => Self::Nothing,
            (_, Some(found)) => {
                let mut wanted = work.fields.iter();
                match wanted.any(|(name, want)| !want.met_in(entity, name, found)) {
                    true => Self::Update,
                    false => Self::Nothing,
                }
            }
            (_, None) if !entity.exists_by_itself() => Self::Update,
            (ExistenceGoal::Present(_), None) => Self::Create,
            (ExistenceGoal::Any | ExistenceGoal::Existing, None) => Self::Nothing,
        }
    }
}

/// The attributes that only the store knows and of which no two products may have one value.
pub(super) struct Attributes(BTreeMap<EntityType, Vec<(FieldName, Aside)>>);

impl Attributes {
    pub(super) fn of(vocabulary: &Vocabulary) -> Self {
        let unique = |attributes: &BTreeMap<String, _>| {
            let unique = attributes.iter().filter(|(_, attribute)| {
                let attribute: &crate::domain::vocabulary::Attribute = attribute;
                attribute.unique
            });
            let named = unique.filter_map(|(code, attribute)| {
                let aside = match (attribute.required, attribute.ty) {
                    (false, _) => Aside::Empty,
                    (true, AttributeType::Text) => Aside::Suffix,
                    (true, _) => Aside::Never,
                };
                Some((FieldName::new(code.as_str()).ok()?, aside))
            });
            named.collect()
        };
        let types = vocabulary.attributes.iter();
        Self(types.map(|(ty, all)| (*ty, unique(all))).collect())
    }

    /// True if an entity that stays may, by what is wanted of it, give one of its values up, or need
    /// another.
    fn concern(&self, kind: Kind, work: &EntityWork) -> bool {
        let listed = |name: &str| {
            let mut unique = kind.unique.iter();
            unique.any(|unique| {
                let among = matches!(unique.among, Among::Same(other) if other == name);
                unique.field == name || among
            })
        };
        let mut wanted = work.fields.keys();
        wanted.any(|name| {
            let mut attributes = self.of_kind(kind);
            listed(name.as_str()) || attributes.any(|(attribute, _)| attribute == name)
        })
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &(FieldName, Aside)> {
        let all = kind.attributes.and_then(|ty| self.0.get(&ty));
        all.into_iter().flatten().filter(move |(name, _)| {
            let mut listed = kind.unique.iter();
            listed.all(|unique| unique.field != name.as_str())
        })
    }
}

/// An entity as it is, or as it will be.
struct Projected<'a> {
    entity: &'a EntityRef,
    found: Option<&'a ObservedEntity>,
    work: &'a EntityWork,
    /// For the values of a view: the goals of the pass under `all`.
    base: Option<&'a EntityWork>,
    /// True if it is looked at as it will be.
    is_after: bool,
}

impl<'a> Projected<'a> {
    fn get(&self, name: &FieldName) -> &'a Value {
        let wanted = self.work.fields.get(name).map(|want| &want.value);
        if !self.entity.exists_by_itself() {
            return self.shown(name, wanted).unwrap_or(&Value::Null);
        }
        match (self.is_after, wanted, self.found) {
            (true, Some(wanted), _) => wanted,
            (_, _, Some(found)) => found.get(name),
            (true, None, None) => self.work.standing(name).unwrap_or(&Value::Null),
            (false, _, None) => &Value::Null,
        }
    }

    /// Returns the value that a visitor of a view sees, its own or inherited. One that the pass does not
    /// touch there goes with the value under `all`.
    fn shown(&self, name: &FieldName, wanted: Option<&'a Value>) -> Option<&'a Value> {
        let wanted = wanted?;
        match (self.is_after, marker_of(wanted)) {
            (false, _) => Some(self.found?.effective(name)),
            (true, None) => Some(wanted),
            (true, Some(_)) => {
                let under_all = self.base.and_then(|base| base.value(name));
                under_all.or_else(|| self.found?.inherited.as_ref()?.get(name))
            }
        }
    }

    fn values(&self, attributes: &Attributes) -> Vec<UniqueValue> {
        let mut values = Vec::new();
        let kind = self.entity.kind;
        for unique in kind.unique {
            values.extend(self.listed(unique));
        }
        for (name, aside) in attributes.of_kind(kind) {
            values.extend(self.field(name, *aside, self.get(name), &self.entity.store));
        }
        values.extend(self.of_views(attributes));
        values
    }

    fn listed(&self, unique: &Unique) -> Option<UniqueValue> {
        let entity = self.entity;
        if unique.field == entity.kind.key_field {
            let is_own = entity.exists_by_itself();
            let name = last(entity).filter(|_| is_own)?;
            return self.at(unique, Value::from(name), &entity.store, None);
        }
        let name = FieldName::new(unique.field).ok()?;
        let mut value = self.get(&name).clone();
        if value.is_null() && self.found.is_none() && entity.exists_by_itself() {
            value = Value::from(self.made_of(unique.made_of?)?);
        }
        self.at(unique, value, &entity.store, Some(name))
    }

    /// Returns the text of which the store makes an address where a new entity is not given one.
    fn made_of(&self, field: &str) -> Option<String> {
        if field == self.entity.kind.key_field {
            return Some(text::slug(&last(self.entity)?));
        }
        let name = self.get(&FieldName::new(field).ok()?).as_str()?;
        Some(text::slug(name))
    }

    fn at(
        &self,
        unique: &Unique,
        value: Value,
        reach: &StoreScope,
        field: Option<FieldName>,
    ) -> Option<UniqueValue> {
        let entity = self.entity;
        let mut text = text_of(&value)?;
        let space = match unique.among {
            Among::Addresses => {
                // a page may be named as the shop's suffix makes products be named
                if let Some(bare) = text.strip_suffix(".html") {
                    text = bare.to_owned();
                }
                Space::Addresses
            }
            Among::Kind | Among::Siblings | Among::Same(_) => {
                Space::Field(entity.kind, unique.field.to_owned())
            }
        };
        let within = match unique.among {
            Among::Kind => String::new(),
            Among::Siblings => above(entity, 0)?,
            // the root has no address, and is no part of one
            Among::Addresses => above(entity, 1)?,
            Among::Same(other) => text_of(self.get(&FieldName::new(other).ok()?))?,
        };
        Some(UniqueValue {
            spot: Spot {
                space,
                within,
                text: text::folded(&text),
            },
            reach: reach.clone(),
            field,
            value,
            aside: unique.aside,
        })
    }

    fn field(
        &self,
        name: &FieldName,
        aside: Aside,
        value: &Value,
        reach: &StoreScope,
    ) -> Option<UniqueValue> {
        let text = text_of(value)?;
        Some(UniqueValue {
            spot: Spot {
                space: Space::Field(self.entity.kind, name.as_str().to_owned()),
                within: String::new(),
                text: text::folded(&text),
            },
            reach: reach.clone(),
            field: Some(name.clone()),
            value: value.clone(),
            aside,
        })
    }

    /// Returns what goes or comes with an entity: the values of its views.
    fn of_views(&self, attributes: &Attributes) -> Vec<UniqueValue> {
        let mut values = Vec::new();
        let kind = self.entity.kind;
        if !kind.scoping.is_values() || !self.entity.exists_by_itself() {
            return values;
        }
        let Ok(name) = FieldName::new(VIEW_VALUES) else {
            return values;
        };
        let views = self.get(&name).as_object();
        for (view, own) in views.into_iter().flatten() {
            let Ok(view) = StoreCode::new(view.as_str()) else {
                continue;
            };
            let reach = StoreScope::view(view);
            for unique in kind.unique.iter().filter(|u| u.field != kind.key_field) {
                let field = FieldName::new(unique.field).ok();
                values.extend(self.at(unique, own[unique.field].clone(), &reach, field));
            }
            for (name, aside) in attributes.of_kind(kind) {
                values.extend(self.field(name, *aside, &own[name.as_str()], &reach));
            }
        }
        values
    }
}

/// The values that an entity gives up in a pass, and those that it comes to need.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) gives: Vec<UniqueValue>,
    pub(super) needs: Vec<UniqueValue>,
}

impl Moves {
    pub(super) fn of(
        entity: &EntityRef,
        (work, base): (&EntityWork, Option<&EntityWork>),
        presence: &Presence,
        attributes: &Attributes,
    ) -> Self {
        let stays =
            presence.found().is_some() && !matches!(work.being, ExistenceGoal::Absent { .. });
        if stays && !attributes.concern(entity.kind, work) {
            return Self::default();
        }
        let intent = Intent::of(entity, work, presence);
        if intent == Intent::Nothing {
            return Self::default();
        }
        let found = presence.found();
        let project = |is_after| Projected {
            entity,
            found,
            work,
            base,
            is_after,
        };
        let before = match found {
            Some(_) => project(false).values(attributes),
            None => Vec::new(),
        };
        let after = match intent {
            Intent::Delete => Vec::new(),
            Intent::Nothing | Intent::Create | Intent::Update => project(true).values(attributes),
        };
        let without = |of: &[UniqueValue], others: &[UniqueValue]| {
            let moved = of.iter().filter(|c| !others.iter().any(|o| c.is_same(o)));
            moved.cloned().collect()
        };
        Self {
            gives: without(&before, &after),
            needs: without(&after, &before),
        }
    }
}

/// The text of a value, where it is one that another could want.
fn text_of(value: &Value) -> Option<String> {
    if marker_of(value).is_some() {
        return None;
    }
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(true) | Value::Number(_) => Some(value.to_string()),
        Value::Object(map) if map.len() == 1 => Some(value.to_string()),
        _ => None,
    }
}

fn parts(entity: &EntityRef) -> Vec<String> {
    match entity.kind.key {
        key::KeyShape::Plain => vec![entity.key.as_str().to_owned()],
        key::KeyShape::Path => key::names(entity.key.as_str()),
        key::KeyShape::Parts(_) => key::parts(entity.key.as_str()),
    }
}

fn last(entity: &EntityRef) -> Option<String> {
    parts(entity).pop()
}

/// Returns the parts before the last one of a key; of a path, without the first `roots` of them.
fn above(entity: &EntityRef, roots: usize) -> Option<String> {
    let parts = parts(entity);
    let (_, above) = parts.split_last()?;
    let roots = match entity.kind.key {
        key::KeyShape::Path => roots,
        key::KeyShape::Plain | key::KeyShape::Parts(_) => 0,
    };
    let above = above.get(roots..)?;
    let names = above.iter().map(|name| text::folded(name));
    Some(names.collect::<Vec<_>>().join("\n"))
}
