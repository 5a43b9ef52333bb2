//! A small shop: its entities, the release files that are about them, and its store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::LazyLock;

use super::super::entity::{Look, existence};
use super::super::layers::Shown;
use crate::domain::{
    DesiredEntity, DesiredState, DesiredValue, Ensure, EntityRef, FieldId, FieldName, Kind, Listed,
    Marker, Origin, SharedValue, Slot, StoreCode, StoreScope, Value, marker_of,
};

/// The goods that a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goods {
    /// Two blocks with three fields each.
    Blocks,
    /// A product with values under two views, whose special price has a first day.
    Product,
    /// A block, and a stock that moves by itself.
    Stock,
}

static ENTITIES: LazyLock<[Vec<EntityRef>; 3]> = LazyLock::new(|| {
    let entity = |kind: &str, key: &str, store: StoreScope| EntityRef {
        kind: Kind::from_name(kind).unwrap(),
        key: key.parse().unwrap(),
        store,
    };
    let view = |code: &str| StoreScope::view(StoreCode::new(code).unwrap());
    [
        vec![
            entity("cms_block", "E", StoreScope::All),
            entity("cms_block", "F", StoreScope::All),
        ],
        vec![
            entity("product", "P", StoreScope::All),
            entity("product", "P", view("de")),
            entity("product", "P", view("fr")),
        ],
        vec![
            entity("cms_block", "E", StoreScope::All),
            entity("source_item", "P/default", StoreScope::All),
        ],
    ]
});

impl Goods {
    /// The entities, views after what they are views of.
    pub(super) fn entities(self) -> &'static [EntityRef] {
        match self {
            Self::Blocks => &ENTITIES[0],
            Self::Product => &ENTITIES[1],
            Self::Stock => &ENTITIES[2],
        }
    }

    /// Those with an existence of their own.
    pub(super) fn roots(self) -> Vec<EntityRef> {
        let all = self.entities().iter();
        all.filter(|e| e.exists_by_itself()).cloned().collect()
    }

    /// An entity and its values under views.
    pub(super) fn family(self, root: &EntityRef) -> Vec<EntityRef> {
        let all = self.entities().iter();
        all.filter(|e| e.root() == *root).cloned().collect()
    }

    pub(super) fn slots(self) -> Vec<Slot> {
        let of = |e: &EntityRef| {
            let fields = names(e).into_iter().map(|name| field(e, &name));
            let being = e.exists_by_itself().then(|| existence(e));
            being.into_iter().chain(fields).collect::<Vec<_>>()
        };
        self.entities().iter().flat_map(of).collect()
    }
}

static NAMES: LazyLock<BTreeMap<EntityRef, Vec<FieldName>>> = LazyLock::new(|| {
    let names = |entity: &EntityRef| {
        let names: &[&str] = match (entity.kind.name, entity.exists_by_itself()) {
            ("cms_block", _) => &["active", "content", "title"],
            ("product", true) => &["name", "special_from_date", "special_price"],
            ("product", false) => &["name"],
            ("source_item", _) => &["quantity", "status"],
            (kind, _) => unreachable!("{kind}"),
        };
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let entities = ENTITIES.iter().flatten();
    entities
        .map(|entity| (entity.clone(), names(entity)))
        .collect()
});

/// The fields that release files set.
pub(super) fn names(entity: &EntityRef) -> Vec<FieldName> {
    NAMES[entity].clone()
}

pub(super) fn field(entity: &EntityRef, name: &FieldName) -> Slot {
    Slot {
        entity: entity.clone(),
        field: FieldId::Named(name.clone()),
    }
}

pub(super) fn name_of(slot: &Slot) -> &FieldName {
    match &slot.field {
        FieldId::Named(name) => name,
        FieldId::Existence => unreachable!("{slot} has no value"),
    }
}

/// True of a value that the store moves by itself.
pub(super) fn sells(slot: &Slot) -> bool {
    slot.entity.kind.name == "source_item" && slot.field != FieldId::Existence
}

pub(super) fn text(value: impl Into<String>) -> SharedValue {
    Value::from(value.into()).into()
}

/// Returns the value that a field shows of a new entity.
pub(super) fn unset(slot: &Slot) -> SharedValue {
    match slot.field.as_str() {
        "special_price" | "special_from_date" => Value::Null.into(),
        _ if !slot.entity.exists_by_itself() => Marker::Default.value().clone().into(),
        _ => text("unset"),
    }
}

// ---------------------------------------------------- files

/// The word of one release file about an entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// It says nothing of views.
    pub(super) ensure: Ensure,
    pub(super) fields: BTreeMap<FieldName, SharedValue>,
}

pub(super) type File = BTreeMap<EntityRef, Change>;
pub(super) type Files = BTreeMap<String, File>;

/// The files of a commit, folded as the manifest does it.
pub(super) fn fold(files: &Files) -> DesiredState {
    let mut listed_by_path: BTreeMap<String, BTreeMap<Slot, Listed>> = BTreeMap::new();
    let mut entities: BTreeMap<EntityRef, DesiredEntity> = BTreeMap::new();
    for (path, file) in files {
        let listed = listed_by_path.entry(path.clone()).or_default();
        for (entity, change) in file {
            let said = |value| Listed {
                value,
                origin: Origin::default(),
            };
            if entity.exists_by_itself() {
                let ensure = DesiredValue::Ensure(change.ensure);
                listed.insert(existence(entity), said(ensure));
            }
            for (name, value) in &change.fields {
                let value = DesiredValue::Value(value.clone());
                listed.insert(field(entity, name), said(value));
            }
            let desired = entities.entry(entity.clone());
            let desired = desired.or_insert_with(|| DesiredEntity {
                ensure: change.ensure,
                explicit: false,
                fields: BTreeMap::new(),
                origin: Origin::default(),
                overridden: Vec::new(),
            });
            if change.ensure == Ensure::Absent {
                desired.fields.clear();
            }
            desired.ensure = change.ensure;
            desired.fields.extend(change.fields.clone());
        }
    }
    let absent = |entity: &EntityRef| {
        let root = entities.get(&entity.root());
        !entity.exists_by_itself() && root.is_some_and(|root| root.ensure == Ensure::Absent)
    };
    let hidden: Vec<EntityRef> = entities.keys().filter(|e| absent(e)).cloned().collect();
    for view in hidden {
        entities.remove(&view);
    }
    for desired in entities.values_mut() {
        let price = desired.fields.get(&PRICE);
        if price.is_some_and(|price| !price.is_null()) {
            let day = desired.fields.entry(DAY.clone());
            day.or_insert_with(|| Marker::Coupled.value().clone().into());
        }
    }
    let mut state = DesiredState::default();
    for (entity, desired) in entities {
        state.entities.insert_mut(entity, Arc::new(desired));
    }
    for (path, listed) in listed_by_path {
        state.listed.insert_mut(path, Arc::new(listed));
    }
    state
}

static PRICE: LazyLock<FieldName> = LazyLock::new(|| "special_price".parse().unwrap());
static DAY: LazyLock<FieldName> = LazyLock::new(|| "special_from_date".parse().unwrap());

/// The special price whose first day this is.
pub(super) fn price_of(day: &Slot) -> Option<Slot> {
    let is_day = day.field == FieldId::Named(DAY.clone());
    is_day.then(|| field(&day.entity, &PRICE))
}

pub(super) fn said(files: &Files, path: &str, slot: &Slot) -> Option<DesiredValue> {
    let change = files.get(path)?.get(&slot.entity)?;
    match &slot.field {
        FieldId::Existence => Some(DesiredValue::Ensure(change.ensure)),
        FieldId::Named(name) => change.fields.get(name).cloned().map(DesiredValue::Value),
    }
}

/// The change of a commit to some paths: before and after.
pub(super) type Patch = BTreeMap<String, (Option<File>, Option<File>)>;

pub(super) fn patched(files: &Files, patch: &Patch) -> Files {
    let mut files = files.clone();
    for (path, (_, after)) in patch {
        set(&mut files, path, after.as_ref());
    }
    files
}

pub(super) fn unpatched(files: &Files, patch: &Patch) -> Files {
    let mut files = files.clone();
    for (path, (before, _)) in patch {
        set(&mut files, path, before.as_ref());
    }
    files
}

fn set(files: &mut Files, path: &str, file: Option<&File>) {
    match file {
        Some(file) => files.insert(path.to_owned(), file.clone()),
        None => files.remove(path),
    };
}

pub(super) fn difference(before: &Files, after: &Files) -> Patch {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path));
    let change = |path: &String| (before.get(path).cloned(), after.get(path).cloned());
    differ.map(|path| (path.clone(), change(path))).collect()
}

pub(super) fn show(files: &Files) -> String {
    let mut line = String::new();
    for (path, file) in files {
        write!(line, "\n    {path}:").unwrap();
        for (entity, change) in file {
            let ensure = match entity.exists_by_itself() {
                true => change.ensure.as_str().to_owned(),
                false => entity.store.to_string(),
            };
            write!(line, " {} {ensure}", entity.key).unwrap();
            for (name, value) in &change.fields {
                write!(line, " {name}={}", **value).unwrap();
            }
        }
    }
    line
}

// ---------------------------------------------------- the store

/// The entities that are there. A view has the values that are its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Store {
    pub(super) goods: Goods,
    pub(super) entities: BTreeMap<EntityRef, BTreeMap<FieldName, SharedValue>>,
}

impl Store {
    pub(super) fn new(goods: Goods) -> Self {
        Self {
            goods,
            entities: BTreeMap::new(),
        }
    }

    pub(super) fn has(&self, entity: &EntityRef) -> bool {
        self.entities.contains_key(&entity.root())
    }

    pub(super) fn seen(&self, slot: &Slot) -> Shown {
        let Slot { entity, field } = slot;
        match (self.entities.get(entity), field) {
            (None, _) => Shown::Gone,
            (Some(_), FieldId::Existence) => Shown::Here,
            (Some(fields), FieldId::Named(name)) => {
                let default = || Marker::Default.value().clone().into();
                let value = fields.get(name).cloned().unwrap_or_else(default);
                let shows_all = !entity.exists_by_itself() && value == *self.under_all(slot);
                Shown::Value(if shows_all { default() } else { value })
            }
        }
    }

    /// True of a view that is seen to have a value of its own.
    pub(super) fn has_own(&self, slot: &Slot) -> bool {
        let seen = self.seen(slot);
        seen.value().is_some_and(|value| marker_of(value).is_none())
    }

    /// The value beneath that of a view.
    fn under_all(&self, slot: &Slot) -> &SharedValue {
        &self.entities[&slot.entity.root()][name_of(slot)]
    }

    /// Makes an entity of which only this is set.
    pub(super) fn make(&mut self, root: &EntityRef) {
        for entity in self.goods.family(root) {
            let fields = names(&entity).into_iter().map(|name| {
                let value = unset(&field(&entity, &name));
                (name, value)
            });
            self.entities.insert(entity.clone(), fields.collect());
        }
    }

    pub(super) fn delete(&mut self, root: &EntityRef) {
        for entity in self.goods.family(root) {
            self.entities.remove(&entity);
        }
    }

    pub(super) fn set(&mut self, slot: &Slot, value: &SharedValue) {
        let fields = self.entities.get_mut(&slot.entity).unwrap();
        fields.insert(name_of(slot).clone(), value.clone());
    }

    /// Sets the fields that the store sets along with others.
    pub(super) fn couple(&mut self, root: &EntityRef) {
        if let Some(fields) = self.entities.get_mut(root)
            && let Some(price) = fields.get(&PRICE)
            && !price.is_null()
            && fields[&DAY].is_null()
        {
            fields.insert(DAY.clone(), text("today"));
        }
    }

    pub(super) fn short(&self) -> String {
        let mut line = String::new();
        for (entity, fields) in &self.entities {
            let fields: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", **v)).collect();
            write!(
                line,
                " {}({}){{{}}}",
                entity.key,
                entity.store,
                fields.join(" ")
            )
            .unwrap();
        }
        line
    }
}

impl Look for Store {
    fn shown(&self, slot: &Slot) -> Shown {
        self.seen(slot)
    }

    fn created(&self, slot: &Slot) -> Option<Shown> {
        Some(Shown::Value(unset(slot)))
    }

    fn whole(&self, entity: &EntityRef) -> Vec<FieldName> {
        match self.has(entity) {
            true => names(entity),
            false => Vec::new(),
        }
    }

    fn own_values(&self, entity: &EntityRef) -> Vec<Slot> {
        let views = self.goods.family(entity).into_iter().skip(1);
        let slots = views.flat_map(|v| names(&v).into_iter().map(move |name| field(&v, &name)));
        slots.filter(|slot| self.has_own(slot)).collect()
    }

    fn same(&self, slot: &Slot, held: &Shown, seen: &Shown) -> bool {
        let (Shown::Value(held), Shown::Value(seen)) = (held, seen) else {
            return held == seen;
        };
        // A view that shows what `all` shows may have that value for its own.
        let hides = marker_of(seen) == Some(Marker::Default) && held == self.under_all(slot);
        held == seen || hides
    }

    fn moves(&self, slot: &Slot) -> bool {
        sells(slot)
    }
}

pub(super) fn short(shown: &Shown) -> String {
    match shown {
        Shown::Value(value) => match marker_of(value) {
            Some(marker) => format!("{marker:?}"),
            None => value.to_string(),
        },
        other => format!("{other:?}"),
    }
}
