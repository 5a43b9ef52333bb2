//! What the store says of its own words: the attributes of its entity types, and the ids of what is
//! named by natural keys.
//!
//! Release files, plans and the ledger hold *natural* values, which mean the same in every environment:
//! an option's label, a website's code, a number. The store holds *wire* values: ids, strings of six
//! decimals, comma-separated lists. The vocabulary translates between the two.
//!
//! # Guarantees
//! `natural(wire(v)) == v` for every natural value `v` that can be sent; what has no name, or shares it
//! with another, is kept by its id as `{"id": "49"}`, so no value is lost on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, json};

use super::key::{self, KeyShape};
use super::kinds::{
    Access, Charset, EntityType, FieldScope, FieldSpec, FieldType, Target, check_charset,
    read_tree, set, type_name,
};
use super::marker::{Marker, marker_of};
use super::{EntityRef, Kind, StoreCode, StoreScope, Value, nearest};

/// Ids and names of one kind of thing. An id has one name; a name may be shared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    by_id: BTreeMap<String, String>,
    by_name: BTreeMap<String, BTreeSet<String>>,
    /// Names that the pass at hand is going to make.
    expected: BTreeSet<String>,
}

impl Names {
    /// Adds one.
    pub fn add(&mut self, id: impl Into<String>, name: impl Into<String>) {
        let (id, name) = (id.into(), name.into());
        self.by_name
            .entry(name.clone())
            .or_default()
            .insert(id.clone());
        self.by_id.insert(id, name);
    }

    /// One will be made.
    pub fn expect(&mut self, name: impl Into<String>) {
        self.expected.insert(name.into());
    }

    /// The id of a name that only one has.
    pub fn id(&self, name: &str) -> Option<&str> {
        let ids = self.by_name.get(name)?;
        ids.first().filter(|_| ids.len() == 1).map(String::as_str)
    }

    /// The name of an id, where no other has it.
    pub fn name(&self, id: &str) -> Option<&str> {
        let name = self.by_id.get(id)?;
        (self.id(name) == Some(id)).then_some(name)
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The natural form of an id.
    fn natural(&self, id: &str) -> Value {
        match self.name(id) {
            Some(name) => Value::from(name),
            None => json!({ "id": id }),
        }
    }

    /// The natural form of what a file says: a name, or an id.
    fn settle(&self, what: &str, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(name) => match self.by_name.get(name) {
                Some(ids) if ids.len() == 1 => Ok(value.clone()),
                None if self.expected.contains(name) => Ok(value.clone()),
                Some(ids) => Err(format!(
                    "the store has {} {what}s named {name:?} (ids {}); write the id of the one that is meant",
                    ids.len(),
                    ids.iter().cloned().collect::<Vec<_>>().join(", ")
                )),
                None => Err(format!(
                    "the store has no {what} {name:?}; {}",
                    self.hint(name)
                )),
            },
            Value::Number(id) => {
                let id = id.to_string();
                // a size 38 is not the option whose id is 38
                if let Some(name) = self.by_id.get(&id)
                    && *name != id
                    && self.by_name.contains_key(&id)
                {
                    return Err(format!(
                        "{id} may be the {what} named {id:?} or the one with that id, which is {name:?}; write the name of the one that is meant in quotes"
                    ));
                }
                match self.by_id.contains_key(&id) {
                    true => Ok(self.natural(&id)),
                    false => Err(format!(
                        "the store has no {what} with id {id}; {}",
                        self.hint(&id)
                    )),
                }
            }
            // what had no name when it was read may have one by now
            value if let Some(id) = id_of(value) => Ok(self.natural(id)),
            other => Err(format!("{} where a {what} is wanted", type_name(other))),
        }
    }

    /// The id to be sent.
    fn wire(&self, what: &str, value: &Value) -> Result<String, String> {
        if let Some(id) = id_of(value) {
            return Ok(id.to_owned());
        }
        let name = value.as_str().unwrap_or_default();
        self.id(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("the store has no {what} {name:?}, or several"))
    }

    /// The nearest names, or all of a few.
    fn hint(&self, wanted: &str) -> String {
        match nearest(wanted, self.names()) {
            Some(name) => format!("did you mean {name:?}?"),
            None => {
                let names: Vec<String> = self.names().take(8).map(|n| format!("{n:?}")).collect();
                match (names.is_empty(), self.by_name.len() > names.len()) {
                    (true, _) => "it has none".to_owned(),
                    (false, false) => format!("it has {}", names.join(", ")),
                    (false, true) => format!("it has {}, …", names.join(", ")),
                }
            }
        }
    }
}

/// The id of a value that has no name of its own: `{"id": "49"}`.
pub(crate) fn id_of(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get("id")?.as_str()
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// Text of at most 255 characters.
    Text,
    /// Text of at most 65,535 bytes, perhaps HTML.
    LongText,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// Yes or no.
    Bool,
    /// A date.
    Date,
    /// A date and time.
    DateTime,
    /// One of its options, by label.
    Select,
    /// Some of its options.
    MultiSelect,
}

impl AttributeType {
    /// The type of an attribute with this `frontend_input` and `backend_type`.
    pub fn of(input: &str, backend: &str) -> Self {
        match (input, backend) {
            ("boolean", _) => Self::Bool,
            ("select" | "swatch_visual" | "swatch_text", _) => Self::Select,
            ("multiselect", _) => Self::MultiSelect,
            ("price" | "weight", _) | (_, "decimal") => Self::Decimal,
            ("date", _) => Self::Date,
            ("datetime", _) | (_, "datetime") => Self::DateTime,
            (_, "int") => Self::Integer,
            ("textarea" | "texteditor" | "pagebuilder", _) | (_, "text") => Self::LongText,
            _ => Self::Text,
        }
    }

    /// The type of field that has the same form, but for options.
    fn field_type(self) -> FieldType {
        match self {
            Self::Text | Self::Select => FieldType::Text { max_chars: 255 },
            Self::LongText => FieldType::LongText {
                max_bytes: 65_535,
                html: true,
            },
            Self::Integer => FieldType::Integer {
                min: -2_147_483_648,
                max: 2_147_483_647,
            },
            Self::Decimal => FieldType::Decimal {
                min: -99_999_999_999_999,
                max: 99_999_999_999_999,
            },
            Self::Bool => FieldType::Bool,
            Self::Date => FieldType::Date,
            Self::DateTime => FieldType::DateTime,
            Self::MultiSelect => FieldType::Texts,
        }
    }
}

/// One attribute of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its label in the admin.
    pub label: String,
    /// What it holds.
    pub ty: AttributeType,
    /// Where its values may differ.
    pub scope: FieldScope,
    /// Whether an entity cannot be saved without it.
    pub required: bool,
    /// Whether no two entities may have one value.
    pub unique: bool,
    /// Why release files cannot set it, where that is so.
    pub refused: Option<String>,
    /// Its options.
    pub options: Names,
}

/// The store's own words, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    /// The attributes of each entity type, by code.
    pub attributes: BTreeMap<EntityType, BTreeMap<String, Attribute>>,
    /// Ids and names of what references name.
    pub names: BTreeMap<Target, Names>,
    /// The codes of the attributes that each attribute set of products has, by the set's name.
    pub sets: BTreeMap<String, BTreeSet<String>>,
    /// The website of each view: its views share what has one value per website.
    pub websites: BTreeMap<StoreCode, String>,
    /// Where prices may differ: for all views, or between websites. `Err`: why it cannot be known.
    /// `None`: nobody asked.
    pub price_scope: Option<Result<FieldScope, String>>,
}

impl Vocabulary {
    /// The attribute that a field of a kind is, where it is one that the store alone knows.
    pub fn attribute(&self, kind: Kind, field: &str) -> Option<&Attribute> {
        self.attributes.get(&kind.attributes?)?.get(field)
    }

    /// Where the values of a field may differ.
    pub fn scope(&self, kind: Kind, field: &str) -> FieldScope {
        match (self.attribute(kind, field), kind.field(field)) {
            // what the shop has made of an attribute counts for more than what the table says
            (Some(attribute), _) => attribute.scope,
            (None, Some(spec)) => spec.scope,
            (None, None) => FieldScope::Global,
        }
    }

    fn targets(&self, target: Target) -> &Names {
        static NONE: std::sync::LazyLock<Names> = std::sync::LazyLock::new(Names::default);
        self.names.get(&target).unwrap_or(&NONE)
    }

    /// What the store answered, in natural form.
    pub fn natural(&self, kind: Kind, field: &str, wire: Value) -> Value {
        let Some(spec) = kind.field(field) else {
            return wire;
        };
        let natural = match (spec.ty, wire) {
            (FieldType::Reference(target), wire) => self.targets(target).natural_of(wire),
            (FieldType::References(target), Value::Array(list)) => {
                let names = self.targets(target);
                Value::Array(set(list.into_iter().map(|v| names.natural_of(v)).collect()))
            }
            (FieldType::Labels, Value::Array(list)) => self.targets(Target::StoreView).labels(list),
            (FieldType::Tree, wire) => read_tree(wire),
            (FieldType::Attribute, wire) => match self.attribute(kind, field) {
                Some(attribute) => return attribute.natural(wire),
                None => return wire,
            },
            (_, wire) => wire,
        };
        spec.canonical(natural)
    }

    /// What a release file says, in natural form, checked against what the store has.
    ///
    /// # Errors
    /// Why it cannot be sent, and what to do.
    pub fn settle(
        &self,
        entity: &EntityRef,
        field: &str,
        value: &Value,
        charset: Charset,
    ) -> Result<Value, String> {
        let kind = entity.kind;
        let Some(spec) = kind.field(field) else {
            return Ok(value.clone());
        };
        if entity.store != StoreScope::All
            && kind.scoping.is_values()
            && self.scope(kind, field) == FieldScope::Global
        {
            return Err(format!(
                "`{field}` has one value for all store views; set it under `store: all`"
            ));
        }
        if marker_of(value).is_some() {
            return self.known(kind, field, spec).map(|()| value.clone());
        }
        match spec.ty {
            FieldType::Reference(target) if !value.is_null() => {
                let settled = self.targets(target).settle(target.label(), value);
                settled.map_err(|why| format!("`{field}`: {why}"))
            }
            FieldType::References(target) => {
                let names = self.targets(target);
                let list = value.as_array().into_iter().flatten();
                let settled: Result<Vec<Value>, String> =
                    list.map(|one| names.settle(target.label(), one)).collect();
                settled
                    .map(|list| Value::Array(set(list)))
                    .map_err(|why| format!("`{field}`: {why}"))
            }
            FieldType::Labels => {
                let views = self.targets(Target::StoreView);
                for view in value.as_object().into_iter().flat_map(Map::keys) {
                    let settled = views.settle(Target::StoreView.label(), &named(view));
                    settled.map_err(|why| format!("`{field}`: {why}"))?;
                }
                Ok(value.clone())
            }
            FieldType::Attribute => {
                self.known(kind, field, spec)?;
                match self.attribute(kind, field) {
                    Some(attribute) => attribute.settle(field, value, charset),
                    None => Ok(value.clone()),
                }
            }
            _ => Ok(value.clone()),
        }
    }

    /// Checks what the key and the scope of an entity name against what the store has.
    ///
    /// # Errors
    /// What there is not, and what to do.
    pub fn settle_key(&self, entity: &EntityRef) -> Result<(), String> {
        if entity.kind.route.access == Access::Price && entity.store != StoreScope::All {
            self.prices_of_views()?;
        }
        let KeyShape::Parts(names) = entity.kind.key else {
            return Ok(());
        };
        for (name, part) in names.iter().zip(key::parts(entity.key.as_str())) {
            let Some(target) = Target::of_part(name) else {
                continue;
            };
            if target.everything() == Some(part.as_str()) {
                continue;
            }
            let settled = self
                .targets(target)
                .settle(target.label(), &Value::from(part));
            settled.map_err(|why| format!("`{name}` of the key: {why}"))?;
        }
        Ok(())
    }

    /// Under a global price scope Magento takes the price of a view for that of all, or refuses it.
    fn prices_of_views(&self) -> Result<(), String> {
        match &self.price_scope {
            Some(Ok(FieldScope::Global)) => Err("the shop has one price for all store views (its price scope is \"global\"); set it under `store: all`, or change Stores > Configuration > Catalog > Catalog > Price > Catalog Price Scope".to_owned()),
            Some(Err(why)) => Err(format!("whether the shop has prices of store views cannot be known: {why}")),
            Some(Ok(FieldScope::Website | FieldScope::View)) | None => Ok(()),
        }
    }

    /// Magento ignores unknown attributes with a 200, so they are refused here.
    fn known(&self, kind: Kind, field: &str, spec: &FieldSpec) -> Result<(), String> {
        let (FieldType::Attribute, Some(ty)) = (spec.ty, kind.attributes) else {
            return Ok(());
        };
        let none = BTreeMap::new();
        let attributes = self.attributes.get(&ty).unwrap_or(&none);
        match attributes.get(field) {
            Some(Attribute {
                refused: Some(why), ..
            }) => Err(format!("`{field}` cannot be set: {why}")),
            Some(_) => Ok(()),
            None => {
                let mut names = Names::default();
                for code in attributes.keys() {
                    names.add(code, code);
                }
                let hint = match attributes.is_empty() {
                    true => "make it first".to_owned(),
                    false => names.hint(field),
                };
                Err(format!(
                    "the store's {} have no attribute `{field}`; {hint}",
                    plural(kind)
                ))
            }
        }
    }

    /// What is sent for a natural value.
    ///
    /// # Errors
    /// Which name the store does not know.
    pub fn wire(&self, kind: Kind, field: &str, value: &Value) -> Result<Value, String> {
        let Some(spec) = kind.field(field) else {
            return Ok(value.clone());
        };
        match (spec.ty, value) {
            (_, Value::Null) => Ok(spec.cleared()),
            (FieldType::Labels, Value::Object(labels)) => {
                let views = self.targets(Target::StoreView);
                views.wire_of_labels(labels, spec.label_member)
            }
            (FieldType::Reference(target), value) => {
                self.targets(target).wire_of(target.label(), value)
            }
            (FieldType::References(target), Value::Array(list)) => {
                let names = self.targets(target);
                let ids: Result<Vec<Value>, String> = list
                    .iter()
                    .map(|one| names.wire_of(target.label(), one))
                    .collect();
                ids.map(Value::Array)
            }
            (FieldType::Attribute, value) => match self.attribute(kind, field) {
                Some(attribute) => attribute.wire(value),
                None => Ok(value.clone()),
            },
            (_, value) => Ok(value.clone()),
        }
    }

    /// Counts on what the pass at hand is going to make, so that what refers to it is not refused.
    pub fn expect(&mut self, target: Target, name: &str) {
        self.names.entry(target).or_default().expect(name);
    }

    /// Counts on an attribute, or on an option of one.
    pub fn expect_attribute(&mut self, ty: EntityType, code: &str, attribute: Attribute) {
        let known = self.attributes.entry(ty).or_default();
        known.entry(code.to_owned()).or_insert(attribute);
    }

    /// Counts on an option of an attribute.
    pub fn expect_option(&mut self, ty: EntityType, code: &str, label: &str) {
        let attribute = self.attributes.entry(ty).or_default().get_mut(code);
        if let Some(attribute) = attribute {
            attribute.options.expect(label);
        }
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind.attributes {
        Some(EntityType::Category) => "categories",
        Some(EntityType::Product) | None => "products",
    }
}

/// How a label's view is named: by its code, or by its id where it has none.
fn named(view: &str) -> Value {
    match view.parse::<u64>() {
        Ok(_) => json!({ "id": view }),
        Err(_) => Value::from(view),
    }
}

impl Names {
    /// A list of labels with the ids of their views, by the views' codes.
    fn labels(&self, list: Vec<Value>) -> Value {
        let mut labels = Map::new();
        for mut label in list {
            let view = label["store_id"].take();
            let view = match self.natural_of(view) {
                Value::String(code) => code,
                other => id_of(&other).unwrap_or_default().to_owned(),
            };
            let texts = label.as_object_mut().map(std::mem::take);
            let text = texts
                .into_iter()
                .flatten()
                .find(|(name, text)| name != "extension_attributes" && text.is_string());
            if let Some((_, text)) = text {
                labels.insert(view, text);
            }
        }
        Value::Object(labels)
    }

    fn wire_of_labels(&self, labels: &Map<String, Value>, member: &str) -> Result<Value, String> {
        let label = |(view, text): (&String, &Value)| {
            let id = self.wire_of(Target::StoreView.label(), &named(view))?;
            Ok(json!({ "store_id": id, member: text }))
        };
        labels
            .iter()
            .map(label)
            .collect::<Result<_, _>>()
            .map(Value::Array)
    }

    fn natural_of(&self, wire: Value) -> Value {
        match wire {
            Value::Number(id) => self.natural(&id.to_string()),
            Value::String(id) if !id.is_empty() => self.natural(&id),
            Value::String(_) => Value::Null,
            other => other,
        }
    }

    fn wire_of(&self, what: &str, value: &Value) -> Result<Value, String> {
        let id = self.wire(what, value)?;
        Ok(match id.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(id),
        })
    }
}

impl Attribute {
    fn natural(&self, wire: Value) -> Value {
        match (self.ty, wire) {
            (_, Value::String(text)) if text.is_empty() && !self.is_text() => Value::Null,
            (AttributeType::Select, Value::String(id)) => self.options.natural(&id),
            (AttributeType::Select, Value::Number(id)) => self.options.natural(&id.to_string()),
            (AttributeType::MultiSelect, Value::String(ids)) => {
                let ids = ids.split(',').map(|id| self.options.natural(id));
                Value::Array(set(ids.collect()))
            }
            (AttributeType::MultiSelect, Value::Array(ids)) => {
                let ids = ids.into_iter().map(|id| self.options.natural_of(id));
                Value::Array(set(ids.collect()))
            }
            (ty, wire) => ty.field_type().canonical(wire),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.ty, AttributeType::Text | AttributeType::LongText)
    }

    fn settle(&self, field: &str, value: &Value, charset: Charset) -> Result<Value, String> {
        let option = |one: &Value| {
            let settled = self.options.settle("option", one);
            settled.map_err(|why| format!("`{field}`: {why}"))
        };
        match (self.ty, value) {
            (_, Value::Null) if self.required => {
                Err(format!("`{field}` cannot be null: the store demands it"))
            }
            (_, Value::Null) => Ok(Value::Null),
            (AttributeType::Select, value) => option(value),
            (AttributeType::MultiSelect, Value::Array(list)) => {
                let list: Result<Vec<Value>, String> = list.iter().map(option).collect();
                list.map(|list| Value::Array(set(list)))
            }
            (AttributeType::MultiSelect, one) => option(one).map(|one| Value::Array(vec![one])),
            (ty, value) => {
                let ty = ty.field_type();
                let value = ty.canonical(value.clone());
                match checked(ty, field, &value, charset) {
                    Some(problem) => Err(problem),
                    None => Ok(value),
                }
            }
        }
    }

    /// Values of custom attributes are strings, as the admin's forms send them.
    fn wire(&self, value: &Value) -> Result<Value, String> {
        let option = |one: &Value| self.options.wire("option", one);
        Ok(match (self.ty, value) {
            (AttributeType::Select, value) => Value::from(option(value)?),
            (AttributeType::MultiSelect, Value::Array(list)) => {
                let ids: Result<Vec<String>, String> = list.iter().map(option).collect();
                Value::from(ids?.join(","))
            }
            (_, Value::Bool(yes)) => Value::from(if *yes { "1" } else { "0" }),
            (_, Value::Number(number)) => Value::from(number.to_string()),
            (_, other) => other.clone(),
        })
    }
}

fn checked(ty: FieldType, field: &str, value: &Value, charset: Charset) -> Option<String> {
    if let (FieldType::LongText { html, .. }, Value::String(text)) = (ty, value)
        && let Some(problem) = check_charset(field, text, charset, html)
    {
        return Some(format!("{}; {}", problem.message, problem.remedy));
    }
    let spec = FieldSpec::new("", ty, "");
    let problem = spec.check_as(field, value, charset)?;
    Some(format!("{}; {}", problem.message, problem.remedy))
}

impl Marker {
    /// Whether a value read from the store is what the marker asks for.
    pub fn met_by(self, seen: &Value) -> bool {
        match self {
            Self::Default => seen == Self::Default.value(),
            // the store has set something
            Self::Coupled => !seen.is_null(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn colors() -> Names {
        let mut names = Names::default();
        names.add("49", "Red");
        names.add("50", "Blue");
        names.add("51", "Grey");
        names.add("52", "Grey");
        names
    }

    fn attribute(ty: AttributeType) -> Attribute {
        Attribute {
            label: "Color".to_owned(),
            ty,
            scope: FieldScope::Global,
            required: false,
            unique: false,
            refused: None,
            options: colors(),
        }
    }

    #[test]
    fn what_the_store_answers_is_sent_back_as_it_was() {
        use AttributeType as Ty;
        let cases = [
            (Ty::Select, json!("49"), json!("Red"), json!("49")),
            (Ty::Select, json!("51"), json!({"id": "51"}), json!("51")),
            (Ty::Select, json!("99"), json!({"id": "99"}), json!("99")),
            (
                Ty::MultiSelect,
                json!("50,49"),
                json!(["Blue", "Red"]),
                json!("50,49"),
            ),
            (
                Ty::Decimal,
                json!("19.990000"),
                json!(19.99),
                json!("19.99"),
            ),
            (Ty::Bool, json!("0"), json!(false), json!("0")),
            (
                Ty::Date,
                json!("2026-01-01 00:00:00"),
                json!("2026-01-01"),
                json!("2026-01-01"),
            ),
            (Ty::Text, json!(""), json!(""), json!("")),
        ];
        for (ty, read, natural, sent) in cases {
            let attribute = attribute(ty);
            assert_eq!(attribute.natural(read), natural);
            assert_eq!(attribute.wire(&natural).unwrap(), sent);
            assert_eq!(attribute.natural(sent), natural);
            let settled = attribute.settle("color", &natural, Charset::default());
            assert_eq!(settled.unwrap(), natural);
        }
    }

    #[test]
    fn an_id_in_a_file_is_its_name_and_what_is_unknown_is_refused_with_a_hint() {
        let select = attribute(AttributeType::Select);
        let settle = |value: Value| select.settle("color", &value, Charset::default());
        assert_eq!(settle(json!(49)).unwrap(), json!("Red"));
        assert_eq!(settle(json!(51)).unwrap(), json!({"id": "51"}));
        assert_eq!(
            settle(json!("Rde")).unwrap_err(),
            "`color`: the store has no option \"Rde\"; did you mean \"Red\"?"
        );
        assert_eq!(
            settle(json!("Grey")).unwrap_err(),
            "`color`: the store has 2 options named \"Grey\" (ids 51, 52); write the id of the one that is meant"
        );
        settle(json!(99)).unwrap_err();
        settle(json!(true)).unwrap_err();
    }

    #[test]
    fn a_number_that_is_a_name_and_another_ones_id_is_refused() {
        let mut sizes = attribute(AttributeType::Select);
        sizes.options.add("38", "30");
        sizes.options.add("60", "38");
        sizes.options.add("61", "61");
        let settle = |value: Value| sizes.settle("size", &value, Charset::default());
        let why = settle(json!(38)).unwrap_err();
        assert!(why.contains("in quotes"), "{why}");
        assert_eq!(settle(json!("38")).unwrap(), json!("38"));
        assert_eq!(settle(json!(60)).unwrap(), json!("38"));
        assert_eq!(settle(json!(61)).unwrap(), json!("61"));
    }

    #[test]
    fn what_was_kept_by_its_id_goes_by_its_name_once_it_has_one() {
        let select = attribute(AttributeType::Select);
        let settle = |id: &str| select.settle("color", &json!({ "id": id }), Charset::default());
        assert_eq!(settle("49").unwrap(), json!("Red"));
        assert_eq!(settle("51").unwrap(), json!({"id": "51"}));
    }

    #[test]
    fn a_type_that_the_store_would_mangle_is_refused() {
        let settle = |ty, value: Value| attribute(ty).settle("x", &value, Charset::default());
        assert_eq!(
            settle(AttributeType::Decimal, json!("12.50")).unwrap(),
            json!(12.5)
        );
        for (ty, value) in [
            (AttributeType::Decimal, json!("12,50")),
            (AttributeType::Decimal, json!(1.234_56)),
            (AttributeType::Integer, json!(1.5)),
            (AttributeType::Bool, json!("yes")),
            (AttributeType::Date, json!("tomorrow")),
            (AttributeType::Text, json!("a".repeat(256))),
            (AttributeType::LongText, json!("😀")),
        ] {
            assert!(settle(ty, value.clone()).is_err(), "{ty:?} {value}");
        }
    }
}
