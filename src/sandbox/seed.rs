//! Seeds, and edits as an administrator makes them: past every check of REST.
//!
//! A seed is YAML or JSON:
//!
//! ```yaml
//! entities:
//!   - kind: cms_block          # cms_page, cms_block, or a kind of the catalogue: see below
//!     key: home-hero           # the identifier
//!     store: all               # all (default), a store view's code, or a list: [default, fr]
//!     fields:                  # REST names; what is left out gets the column's default
//!       title: Hero
//!       content: <h1>Hi</h1>
//! ```
//!
//! Ids are given in the order of the file, from 1 for each kind.
//!
//! The catalogue is edited through the services that REST leads to, so that what they refuse is
//! refused; there `store` is the scope of the values. By kind:
//!
//! | kind | key | fields |
//! |---|---|---|
//! | `product` | SKU | members, codes of attributes, `website_ids`, `category_links`, `stock_item` |
//! | `category` | names from the root: `Default Category/Gear` | members and codes of attributes |
//! | `category_product` | the category's names | `sku`, `position` |
//! | `product_attribute` | code | as in REST; it is put into the default set |
//! | `attribute_option` | the attribute's code | `label`, `sort_order`, `store_labels` |
//! | `attribute_set` | name | none |
//! | `source` | code | as in REST |
//! | `source_item`, `tier_price` | SKU | as in REST |
//! | `cart_rule` | name | as in REST |
//! | `coupon` | code | as in REST; `rule` may name the cart rule |
//! | `customer` | e-mail address | as in REST; made only, never changed |
//! | `customer_group`, `tax_rate`, `tax_rule` | code | as in REST |
//! | `tax_class` | name | as in REST |

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SandboxError;
use super::cms::{Record, Table};
use super::php;
use super::shop::Moment;
use super::views;

/// The entities that a store holds at the start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The entities, in the order of their ids.
    #[serde(default)]
    pub entities: Vec<Edit>,
}

/// A small real shop.
const DEFAULT_SEED: &str = include_str!("seed.yaml");

impl Seed {
    /// Reads a seed in YAML or JSON.
    ///
    /// # Errors
    /// [`SandboxError::Seed`] where the text is no seed.
    pub fn parse(text: &str) -> Result<Self, SandboxError> {
        serde_yaml::from_str(text).map_err(|error| SandboxError::Seed(error.to_string()))
    }

    /// Reads a seed file.
    ///
    /// # Errors
    /// [`SandboxError::SeedFile`] where it cannot be read, [`SandboxError::Seed`] where it is no seed.
    pub fn load(path: &Path) -> Result<Self, SandboxError> {
        let text = std::fs::read_to_string(path).map_err(|source| SandboxError::SeedFile {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// A small real shop: pages and blocks for all views, for one, and for two.
    ///
    /// # Errors
    /// None that a test would not have shown.
    pub fn shop() -> Result<Self, SandboxError> {
        Self::parse(DEFAULT_SEED)
    }
}

/// One entity as an administrator saves it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// `cms_page`, `cms_block` or a kind of the catalogue.
    pub kind: String,
    /// The identifier, SKU, code or path of names.
    pub key: String,
    /// Its present assignment: with the key it names the entity. In the catalogue, the scope of the
    /// values.
    #[serde(default)]
    pub store: Stores,
    /// Fields to set, by their REST names; `null` clears.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Another assignment to give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<Stores>,
    /// Take the entity away.
    #[serde(default)]
    pub delete: bool,
}

/// A store assignment: one code (`all` is every view), or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stores {
    /// `all` or one view.
    One(String),
    /// Exactly these.
    Many(Vec<String>),
}

impl Default for Stores {
    fn default() -> Self {
        Self::One("all".to_owned())
    }
}

impl Stores {
    fn ids(&self, edit: &Edit) -> Result<BTreeSet<u32>, SandboxError> {
        let codes = match self {
            Self::One(code) => std::slice::from_ref(code),
            Self::Many(codes) => codes.as_slice(),
        };
        if codes.is_empty() {
            return Err(edit.error("lists no store view; name one, or `all`"));
        }
        codes
            .iter()
            .map(|code| {
                views::scope(code).ok_or_else(|| {
                    edit.error(&format!(
                        "names an unknown store view {code:?}; use all, default, de and fr"
                    ))
                })
            })
            .collect()
    }
}

impl Edit {
    /// The one scope of an edit of the catalogue.
    pub(super) fn scope(&self) -> Result<u32, SandboxError> {
        let stores = self.store.ids(self)?;
        match (stores.len(), stores.first()) {
            (1, Some(store)) => Ok(*store),
            _ => Err(self.error("lists several store views; its values have one scope")),
        }
    }

    /// The same entity with other fields, for tests.
    pub fn new(kind: &str, key: &str, store: Stores, fields: Map<String, Value>) -> Self {
        Self {
            kind: kind.to_owned(),
            key: key.to_owned(),
            store,
            fields,
            ..Self::default()
        }
    }

    pub(super) fn error(&self, why: &str) -> SandboxError {
        SandboxError::Edit {
            kind: self.kind.clone(),
            key: self.key.clone(),
            why: why.to_owned(),
        }
    }

    /// Finds, makes, changes or takes away the entity.
    pub(super) fn apply(&self, table: &mut Table, moment: &Moment) -> Result<(), SandboxError> {
        let stores = self.store.ids(self)?;
        let id = table
            .rows
            .values()
            .find(|row| row.stores == stores && row.text("identifier") == Some(&self.key))
            .map(|row| row.id);
        if self.delete {
            let id = id.ok_or_else(|| self.error("does not exist, so it cannot be deleted"))?;
            table.rows.remove(&id);
            return Ok(());
        }
        let record = self.record(table)?;
        let assigned = match &self.assign {
            Some(assign) => assign.ids(self)?,
            None => stores,
        };
        let id = table.store(id, &record, views::ALL, moment);
        if let Some(row) = table.rows.get_mut(&id) {
            row.stores = assigned;
        }
        Ok(())
    }

    fn record(&self, table: &Table) -> Result<Record, SandboxError> {
        let mut record = Record::from([("identifier", Some(self.key.clone()))]);
        for (name, value) in &self.fields {
            let column = table
                .kind
                .columns
                .iter()
                .find(|column| column.field == name)
                .ok_or_else(|| self.error(&format!("sets an unknown field {name:?}")))?;
            let text = match value {
                Value::Null => None,
                value => Some(php::string(value).ok_or_else(|| {
                    self.error(&format!("sets the field {name:?} to a list or a mapping"))
                })?),
            };
            record.insert(column.field, text);
        }
        Ok(record)
    }
}
