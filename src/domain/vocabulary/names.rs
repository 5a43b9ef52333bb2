//! Ids and names of one kind of thing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, json};

use crate::domain::kinds::{Referent, type_name};
use crate::domain::{Value, nearest};

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
    pub(super) fn natural(&self, id: &str) -> Value {
        match self.name(id) {
            Some(name) => Value::from(name),
            None => json!({ "id": id }),
        }
    }

    /// The natural form of what a file says: a name, or an id.
    pub(super) fn resolve(&self, what: &str, value: &Value) -> Result<Value, String> {
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
                // A number among numbers is more likely one of these than an id.
                if let Some(name) = self.name(&id).filter(|name| !is_number(name))
                    && self.names().any(is_number)
                {
                    return Err(format!(
                        "no {what} is named {id:?}, and some names here are numbers; the {what} with id {id} is {name:?}: if that one is meant, write its name"
                    ));
                }
                match self.by_id.contains_key(&id) {
                    true => Ok(self.natural(&id)),
                    false if self.by_name.contains_key(&id) => Err(format!(
                        "the store has no {what} with id {id}, but one named {id:?}; put the name in quotes: {id:?}"
                    )),
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
    pub(super) fn wire(&self, what: &str, value: &Value) -> Result<String, String> {
        if let Some(id) = id_of(value) {
            return Ok(id.to_owned());
        }
        let name = value.as_str().unwrap_or_default();
        self.id(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("the store has no {what} {name:?}, or several"))
    }

    /// The nearest names, or all of a few.
    pub(super) fn hint(&self, wanted: &str) -> String {
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

    /// A list of labels with the ids of their views, by the views' codes.
    pub(super) fn labels(&self, list: Vec<Value>) -> Value {
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

    pub(super) fn wire_of_labels(
        &self,
        labels: &Map<String, Value>,
        member: &str,
    ) -> Result<Value, String> {
        let label = |(view, text): (&String, &Value)| {
            let id = self.wire_of(Referent::StoreView.label(), &named(view))?;
            Ok(json!({ "store_id": id, member: text }))
        };
        labels
            .iter()
            .map(label)
            .collect::<Result<_, _>>()
            .map(Value::Array)
    }

    pub(super) fn natural_of(&self, wire: Value) -> Value {
        match wire {
            Value::Number(id) => self.natural(&id.to_string()),
            Value::String(id) if !id.is_empty() => self.natural(&id),
            Value::String(_) => Value::Null,
            other => other,
        }
    }

    pub(super) fn wire_of(&self, what: &str, value: &Value) -> Result<Value, String> {
        let id = self.wire(what, value)?;
        Ok(match id.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(id),
        })
    }
}

fn is_number(name: &str) -> bool {
    name.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The id of a value that has no name of its own: `{"id": "49"}`.
pub(crate) fn id_of(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get("id")?.as_str()
}

/// Returns how a label's view is named: by its code, or by its id where it has none.
pub(super) fn named(view: &str) -> Value {
    match view.parse::<u64>() {
        Ok(_) => json!({ "id": view }),
        Err(_) => Value::from(view),
    }
}
