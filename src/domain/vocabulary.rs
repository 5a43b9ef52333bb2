//! The store's own words: the attributes of its entity types, and the ids of what is
//! named by natural keys.
//!
//! Release files, plans and the ledger hold *natural* values, which mean the same in every environment:
//! an option's label, a website's code, a number. The store holds *wire* values: ids, strings of six
//! decimals, comma-separated lists. The vocabulary translates between the two.
//!
//! # Guarantees
//! `natural(wire(v)) == v` for every natural value `v` that can be sent; what has no name, or shares it
//! with another, is kept by its id as `{"id": "49"}`, so no value is lost on the way.

mod attribute;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

pub use attribute::{Attribute, AttributeType};
pub use names::Names;
pub(crate) use names::id_of;
use names::named;

use super::key::{self, KeyShape};
use super::kinds::{
    Access, Charset, EntityType, FieldScope, FieldSpec, FieldType, Referent, read_tree, set,
};
use super::marker::marker_of;
use super::{EntityRef, Kind, StoreCode, StoreScope, Value};

/// The store's own words, as far as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    /// The attributes of each entity type, by code.
    pub attributes: BTreeMap<EntityType, BTreeMap<String, Attribute>>,
    /// Ids and names of what references name.
    pub names: BTreeMap<Referent, Names>,
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

    /// Returns where the values of a field may differ.
    pub fn scope(&self, kind: Kind, field: &str) -> FieldScope {
        match (self.attribute(kind, field), kind.field(field)) {
            // what the shop has made of an attribute counts for more than what the table says
            (Some(attribute), _) => attribute.scope,
            (None, Some(spec)) => spec.scope,
            (None, None) => FieldScope::Global,
        }
    }

    fn names_of(&self, referent: Referent) -> &Names {
        static NONE: std::sync::LazyLock<Names> = std::sync::LazyLock::new(Names::default);
        self.names.get(&referent).unwrap_or(&NONE)
    }

    /// Returns what the store answered, in natural form.
    pub fn natural(&self, kind: Kind, field: &str, wire: Value) -> Value {
        let Some(spec) = kind.field(field) else {
            return wire;
        };
        let natural = match (spec.ty, wire) {
            (FieldType::Reference(referent), wire) => self.names_of(referent).natural_of(wire),
            (FieldType::References(referent), Value::Array(list)) => {
                let names = self.names_of(referent);
                Value::Array(set(list.into_iter().map(|v| names.natural_of(v)).collect()))
            }
            (FieldType::Labels, Value::Array(list)) => {
                self.names_of(Referent::StoreView).labels(list)
            }
            (FieldType::Tree, wire) => read_tree(wire),
            (FieldType::Attribute, wire) => match self.attribute(kind, field) {
                Some(attribute) => return attribute.natural(wire),
                None => return wire,
            },
            (_, wire) => wire,
        };
        spec.canonical(natural)
    }

    /// Returns what a release file says, in natural form, checked against what the store has.
    ///
    /// # Errors
    /// The error says why it cannot be sent, and what to do.
    pub fn resolve(
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
            FieldType::Reference(referent) if !value.is_null() => {
                let resolved = self.names_of(referent).resolve(referent.label(), value);
                resolved.map_err(|why| format!("`{field}`: {why}"))
            }
            FieldType::References(referent) => {
                let names = self.names_of(referent);
                let list = value.as_array().into_iter().flatten();
                let resolved: Result<Vec<Value>, String> = list
                    .map(|one| names.resolve(referent.label(), one))
                    .collect();
                resolved
                    .map(|list| Value::Array(set(list)))
                    .map_err(|why| format!("`{field}`: {why}"))
            }
            FieldType::Labels => {
                let views = self.names_of(Referent::StoreView);
                for view in value.as_object().into_iter().flat_map(Map::keys) {
                    let resolved = views.resolve(Referent::StoreView.label(), &named(view));
                    resolved.map_err(|why| format!("`{field}`: {why}"))?;
                }
                Ok(value.clone())
            }
            FieldType::Attribute => {
                self.known(kind, field, spec)?;
                match self.attribute(kind, field) {
                    Some(attribute) => attribute.resolve(field, value, charset),
                    None => Ok(value.clone()),
                }
            }
            _ => Ok(value.clone()),
        }
    }

    /// Checks what the key and the scope of an entity name against what the store has.
    ///
    /// # Errors
    /// The error says what there is not, and what to do.
    pub fn check_key(&self, entity: &EntityRef) -> Result<(), String> {
        if entity.kind.route.access == Access::Price && entity.store != StoreScope::All {
            self.prices_of_views()?;
        }
        let KeyShape::Parts(names) = entity.kind.key else {
            return Ok(());
        };
        for (name, part) in names.iter().zip(key::parts(entity.key.as_str())) {
            let Some(referent) = Referent::of_part(name) else {
                continue;
            };
            if referent.everything() == Some(part.as_str()) {
                continue;
            }
            let resolved = self
                .names_of(referent)
                .resolve(referent.label(), &Value::from(part));
            resolved.map_err(|why| format!("`{name}` of the key: {why}"))?;
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

    /// Returns what is sent for a natural value.
    ///
    /// # Errors
    /// The error says which name the store does not know.
    pub fn wire(&self, kind: Kind, field: &str, value: &Value) -> Result<Value, String> {
        let Some(spec) = kind.field(field) else {
            return Ok(value.clone());
        };
        match (spec.ty, value) {
            (_, Value::Null) => Ok(spec.cleared()),
            (FieldType::Labels, Value::Object(labels)) => {
                let views = self.names_of(Referent::StoreView);
                views.wire_of_labels(labels, spec.label_member)
            }
            (FieldType::Reference(referent), value) => {
                self.names_of(referent).wire_of(referent.label(), value)
            }
            (FieldType::References(referent), Value::Array(list)) => {
                let names = self.names_of(referent);
                let ids: Result<Vec<Value>, String> = list
                    .iter()
                    .map(|one| names.wire_of(referent.label(), one))
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
    pub fn expect(&mut self, referent: Referent, name: &str) {
        self.names.entry(referent).or_default().expect(name);
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
