//! Rows of entities that have no scopes: numbered JSON objects, and searching them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::php;
use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::Context;

/// The members of a row, in the order of an answer.
pub(super) type Record = Map<String, Value>;

/// A field that can be searched by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Searchable {
    /// The database's name for it, which searches use.
    pub(super) column: &'static str,
    /// The member of a row.
    pub(super) field: &'static str,
    pub(super) by: Comparison,
}

impl Searchable {
    pub(super) const fn text(column: &'static str, field: &'static str) -> Self {
        Self {
            column,
            field,
            by: Comparison::Text,
        }
    }

    pub(super) const fn number(column: &'static str, field: &'static str) -> Self {
        Self {
            column,
            field,
            by: Comparison::Number,
        }
    }
}

/// All entities of a kind, by id.
#[derive(Debug, Clone)]
pub(super) struct Records {
    pub(super) rows: BTreeMap<u64, Record>,
    next_id: u64,
    /// The member that holds the id.
    id: &'static str,
}

impl Records {
    pub(super) fn new(id: &'static str, first_id: u64) -> Self {
        Self {
            rows: BTreeMap::new(),
            next_id: first_id,
            id,
        }
    }

    /// Stores a row under its id, or under a new one where it has none.
    pub(super) fn put(&mut self, mut row: Record) -> u64 {
        let id = match row.get(self.id).and_then(Value::as_u64) {
            Some(id) if id > 0 || self.rows.contains_key(&id) => id,
            _ => {
                let id = self.next_id;
                self.next_id += 1;
                // The id is the first member of an answer.
                let mut first = Map::from_iter([(self.id.to_owned(), Value::from(id))]);
                row.remove(self.id);
                first.append(&mut row);
                row = first;
                id
            }
        };
        self.rows.insert(id, row);
        id
    }

    /// The first row of which a member is this text, as the database compares it.
    pub(super) fn find(&self, field: &str, text: &str) -> Option<(u64, &Record)> {
        self.rows
            .iter()
            .find(|(_, row)| {
                row.get(field)
                    .and_then(Value::as_str)
                    .is_some_and(|stored| super::super::collation::equal(stored, text))
            })
            .map(|(id, row)| (*id, row))
    }

    /// The answer of a search; an unknown column is an error of the query.
    pub(super) fn search(
        &self,
        context: &Context<'_>,
        fields: &'static [Searchable],
        render: impl Fn(&Record) -> Value,
    ) -> Result<Value, Problem> {
        let criteria = context.criteria()?;
        let find = |name: &str| fields.iter().find(|field| field.column == name);
        let hits = criteria
            .select(
                self.rows.values(),
                |name| find(name).map(|field| field.by),
                |row, name| find(name).and_then(|field| stored(row, field.field)),
            )
            .map_err(|unknown| unknown.internal(context.moment))?;
        Ok(criteria.answer(&hits, |row| render(row)))
    }
}

/// A member as the database holds it; null is NULL.
fn stored<'r>(row: &'r Record, field: &str) -> Option<Cow<'r, str>> {
    match row.get(field)? {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "1" } else { "0" })),
        other => php::string(other).map(Cow::Owned),
    }
}

/// A member as a text; empty where there is none.
pub(super) fn text<'r>(row: &'r Record, field: &str) -> &'r str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A member as a number.
pub(super) fn number(row: &Record, field: &str) -> Option<i64> {
    row.get(field).and_then(Value::as_i64)
}

/// A member as an id; no entity has 0.
pub(super) fn id(row: &Record, field: &str) -> u64 {
    row.get(field).and_then(Value::as_u64).unwrap_or_default()
}

/// A list of numbers.
pub(super) fn numbers(row: &Record, field: &str) -> Vec<i64> {
    row.get(field)
        .and_then(Value::as_array)
        .map(|items| items.iter().filter_map(Value::as_i64).collect())
        .unwrap_or_default()
}

/// Lays the members that are not null over a row.
pub(super) fn merge(row: &mut Record, sent: Record) {
    for (name, value) in sent {
        if !value.is_null() {
            row.insert(name, value);
        }
    }
}
