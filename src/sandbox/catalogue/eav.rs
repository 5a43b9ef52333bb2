//! Values of entities by attribute and store: the default under 0, overrides beside it.

use std::collections::BTreeMap;

use super::super::column::{Column, ColumnType, TIME, date_time};
use super::super::php;
use super::super::views;

/// The ways in which an attribute's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    /// A column of the entity itself, the same in all stores.
    Static,
    Varchar,
    Int,
    Text,
    Decimal,
    Datetime,
}

/// The reach of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Global,
    Website,
    Store,
}

impl Backend {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Varchar => "varchar",
            Self::Int => "int",
            Self::Text => "text",
            Self::Decimal => "decimal",
            Self::Datetime => "datetime",
        }
    }

    /// Returns what the database keeps of a text; an unreadable date is none.
    pub(super) fn stored(self, text: &str) -> Option<String> {
        match self {
            Self::Varchar => Column::new("value", ColumnType::Varchar(255)).stored(text),
            Self::Text | Self::Static => {
                Column::new("value", ColumnType::Text(16_777_215)).stored(text)
            }
            Self::Int => Some(
                php::int(text)
                    .clamp(i64::from(i32::MIN), i64::from(i32::MAX))
                    .to_string(),
            ),
            Self::Decimal => Some(format!("{:.6}", php::number_prefix(text))),
            Self::Datetime => date_time(text).map(|at| at.strftime(TIME).to_string()),
        }
    }
}

impl Scope {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Website => "website",
            Self::Store => "store",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Global, Self::Website, Self::Store]
            .into_iter()
            .find(|scope| scope.name() == text)
    }

    /// The rows that a write under a store goes to.
    pub(super) fn rows(self, store: u32) -> Vec<u32> {
        match self {
            Self::Global => vec![views::ALL],
            Self::Website => views::of_same_website(store).collect(),
            Self::Store => vec![store],
        }
    }
}

/// Rows of values: attribute, store, value. A row may hold NULL: an empty override.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values(BTreeMap<String, BTreeMap<u32, Option<String>>>);

impl Values {
    /// Returns what a store shows: its own row, else the default's.
    pub(super) fn get(&self, code: &str, store: u32) -> Option<&str> {
        let rows = self.0.get(code)?;
        rows.get(&store)
            .or_else(|| rows.get(&views::ALL))?
            .as_deref()
    }

    /// True if a store has a row of its own.
    pub(super) fn is_overridden(&self, code: &str, store: u32) -> bool {
        self.0
            .get(code)
            .is_some_and(|rows| rows.contains_key(&store))
    }

    /// Every row of an attribute.
    pub(super) fn rows(&self, code: &str) -> impl Iterator<Item = (u32, Option<&str>)> {
        self.0
            .get(code)
            .into_iter()
            .flatten()
            .map(|(store, value)| (*store, value.as_deref()))
    }

    pub(super) fn set(&mut self, code: &str, store: u32, value: Option<String>) {
        match self.0.get_mut(code) {
            Some(rows) => {
                rows.insert(store, value);
            }
            None => {
                self.0
                    .insert(code.to_owned(), BTreeMap::from([(store, value)]));
            }
        }
    }

    /// Takes a row away: the store shows the default again.
    pub(super) fn unset(&mut self, code: &str, store: u32) {
        if let Some(rows) = self.0.get_mut(code) {
            rows.remove(&store);
            if rows.is_empty() {
                self.0.remove(code);
            }
        }
    }

    /// Takes all rows of an attribute away.
    pub(super) fn forget(&mut self, code: &str) {
        self.0.remove(code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_shows_its_row_else_the_default() {
        let mut values = Values::default();
        values.set("name", 0, Some("Bag".to_owned()));
        assert_eq!(values.get("name", 2), Some("Bag"));
        values.set("name", 2, Some("Tasche".to_owned()));
        assert_eq!(values.get("name", 2), Some("Tasche"));
        assert_eq!(values.get("name", 1), Some("Bag"));
        // An empty override is no "use default".
        values.set("name", 2, None);
        assert_eq!(values.get("name", 2), None);
        assert!(values.is_overridden("name", 2));
        values.unset("name", 2);
        assert_eq!(values.get("name", 2), Some("Bag"));
    }

    #[test]
    fn writes_reach_as_far_as_the_scope() {
        assert_eq!(Scope::Global.rows(2), [0]);
        assert_eq!(Scope::Website.rows(2), [1, 2]);
        assert_eq!(Scope::Website.rows(3), [3]);
        assert_eq!(Scope::Website.rows(0), [0]);
        assert_eq!(Scope::Store.rows(2), [2]);
    }

    #[test]
    fn what_the_database_keeps() {
        assert_eq!(Backend::Decimal.stored("abc").as_deref(), Some("0.000000"));
        assert_eq!(
            Backend::Decimal.stored("19.99").as_deref(),
            Some("19.990000")
        );
        assert_eq!(Backend::Int.stored("7x").as_deref(), Some("7"));
        assert_eq!(Backend::Datetime.stored("nonsense"), None);
        assert_eq!(
            Backend::Datetime.stored("2030-01-01").as_deref(),
            Some("2030-01-01 00:00:00")
        );
        assert_eq!(
            Backend::Varchar.stored("a\u{1F600}").as_deref(),
            Some("a????")
        );
    }
}
