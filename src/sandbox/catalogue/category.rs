//! Categories: a tree whose nodes have values per store view.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::views;
use super::attribute::Attributes;
use super::eav::{Backend, Values};
use super::records;

/// One category.
#[derive(Debug, Clone)]
pub(super) struct Category {
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) position: i64,
    /// The root has 0.
    pub(super) level: u64,
    /// Ids from the root down to this one.
    pub(super) path: Vec<u64>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) values: Values,
}

/// All categories.
#[derive(Debug, Clone)]
pub(super) struct Categories {
    pub(super) rows: BTreeMap<u64, Category>,
    next_id: u64,
}

/// The root of all roots.
pub(super) const ROOT: u64 = 1;

impl Categories {
    /// The two categories of a fresh store.
    pub(super) fn installed(now: &str) -> Self {
        let mut categories = Self {
            rows: BTreeMap::new(),
            next_id: ROOT,
        };
        for (parent, name) in [(0, "Root Catalog"), (ROOT, "Default Category")] {
            let mut category = categories.draft(parent, now);
            let mut set = |code, value: &str| {
                category
                    .values
                    .set(code, views::ALL, Some(value.to_owned()));
            };
            set("name", name);
            set("include_in_menu", "1");
            if parent == ROOT {
                set("is_active", "1");
                set("display_mode", "PRODUCTS");
            }
            categories.put(category);
        }
        categories
    }

    /// Stores a category; the id of a draft is used up by this alone.
    pub(super) fn put(&mut self, category: Category) -> u64 {
        let id = category.id;
        self.next_id = self.next_id.max(id + 1);
        self.rows.insert(id, category);
        id
    }

    /// A new category as the last child of a parent.
    pub(super) fn draft(&self, parent: u64, now: &str) -> Category {
        let id = self.next_id;
        let mut path = self
            .rows
            .get(&parent)
            .map_or_else(Vec::new, |p| p.path.clone());
        let level = path.len() as u64;
        path.push(id);
        Category {
            id,
            parent,
            position: self.last_position(parent) + 1,
            level,
            path,
            created_at: now.to_owned(),
            updated_at: now.to_owned(),
            values: Values::default(),
        }
    }

    pub(super) fn last_position(&self, parent: u64) -> i64 {
        let positions = self
            .children(parent)
            .into_iter()
            .map(|child| child.position);
        positions.max().unwrap_or_default()
    }

    pub(super) fn get(&self, id: u64) -> Result<&Category, Problem> {
        let category = self.rows.get(&id);
        category.ok_or_else(|| Problem::no_such_entity("id", id))
    }

    /// The direct children in their order.
    pub(super) fn children(&self, parent: u64) -> Vec<&Category> {
        let mut children: Vec<&Category> = self
            .rows
            .values()
            .filter(|category| category.parent == parent)
            .collect();
        children.sort_by_key(|category| (category.position, category.id));
        children
    }

    /// A category and all below it.
    pub(super) fn branch(&self, id: u64) -> BTreeSet<u64> {
        let below = self
            .rows
            .values()
            .filter(|category| category.path.contains(&id));
        below.map(|category| category.id).collect()
    }

    /// The URL keys of a category and those above it; shops begin at the third level.
    fn url_path(&self, category: &Category, store: u32) -> Option<String> {
        let keys: Option<Vec<&str>> = category
            .path
            .iter()
            .skip(2)
            .map(|id| self.rows.get(id)?.values.get("url_key", store))
            .collect();
        keys.filter(|keys| !keys.is_empty())
            .map(|keys| keys.join("/"))
    }

    /// The names from the first level down, which is how people name a category.
    pub(super) fn name_path(&self, category: &Category) -> String {
        let names: Vec<&str> = category
            .path
            .iter()
            .skip(1)
            .filter_map(|id| self.rows.get(id)?.values.get("name", views::ALL))
            .collect();
        names.join("/")
    }

    /// The category of a path of names.
    pub(super) fn by_name_path(&self, path: &str) -> Option<u64> {
        let mut rows = self.rows.values().filter(|category| category.level > 0);
        rows.find(|category| self.name_path(category) == path)
            .map(|category| category.id)
    }
}

fn joined(path: &[u64]) -> String {
    let ids: Vec<String> = path.iter().map(u64::to_string).collect();
    ids.join("/")
}

/// The attributes that are no custom attributes.
pub(super) const TOP_LEVEL: &[&str] = &[
    "name",
    "is_active",
    "include_in_menu",
    "available_sort_by",
    "position",
    "level",
];

impl Categories {
    /// A category as an answer shows it.
    pub(super) fn render(&self, category: &Category, attributes: &Attributes, store: u32) -> Value {
        let mut answer = Map::new();
        let mut set = |name: &str, value: Value| {
            answer.insert(name.to_owned(), value);
        };
        let text = |code| category.values.get(code, store);
        let flag = |code| text(code).map(php::boolean);
        set("id", category.id.into());
        set("parent_id", category.parent.into());
        if let Some(name) = text("name") {
            set("name", name.into());
        }
        set("is_active", flag("is_active").into());
        set("position", category.position.into());
        set("level", category.level.into());
        set("children", self.active_children(category.id, store).into());
        set("created_at", category.created_at.as_str().into());
        set("updated_at", category.updated_at.as_str().into());
        set("path", joined(&category.path).into());
        if let Some(sorts) = text("available_sort_by") {
            set("available_sort_by", sorts.split(',').collect());
        }
        set(
            "include_in_menu",
            flag("include_in_menu").unwrap_or_default().into(),
        );
        let custom = attributes
            .rows
            .iter()
            .filter(|attribute| !TOP_LEVEL.contains(&attribute.code.as_str()))
            .filter_map(|attribute| {
                let value = self.column(category, &attribute.code, store)?;
                Some(json!({ "attribute_code": attribute.code, "value": value }))
            })
            .collect();
        set("custom_attributes", custom);
        Value::Object(answer)
    }

    fn active_children(&self, id: u64, store: u32) -> String {
        let active = |child: &&Category| {
            child
                .values
                .get("is_active", store)
                .is_some_and(php::boolean)
        };
        let ids: Vec<String> = self
            .children(id)
            .into_iter()
            .filter(active)
            .map(|child| child.id.to_string())
            .collect();
        ids.join(",")
    }

    /// A value as the database has it.
    pub(super) fn column<'a>(
        &self,
        category: &'a Category,
        name: &str,
        store: u32,
    ) -> Option<Cow<'a, str>> {
        Some(match name {
            "entity_id" => category.id.to_string().into(),
            "parent_id" => category.parent.to_string().into(),
            "path" => joined(&category.path).into(),
            "level" => category.level.to_string().into(),
            "position" => category.position.to_string().into(),
            "children_count" => (self.branch(category.id).len() - 1).to_string().into(),
            "created_at" => Cow::Borrowed(category.created_at.as_str()),
            "updated_at" => Cow::Borrowed(category.updated_at.as_str()),
            "url_path" => self.url_path(category, store)?.into(),
            code => Cow::Borrowed(category.values.get(code, store)?),
        })
    }

    /// A category with those below it, so many levels down, and how many products each has.
    pub(super) fn tree(
        &self,
        category: &Category,
        store: u32,
        counts: &BTreeMap<u64, usize>,
        depth: Option<i64>,
    ) -> Value {
        let children: Vec<Value> = if depth.is_some_and(|depth| depth <= 0) {
            Vec::new()
        } else {
            let below = self.children(category.id).into_iter();
            below
                .map(|child| self.tree(child, store, counts, depth.map(|depth| depth - 1)))
                .collect()
        };
        let values = &category.values;
        json!({
            "id": category.id,
            "parent_id": category.parent,
            "name": values.get("name", store),
            "is_active": values.get("is_active", store).is_some_and(php::boolean),
            "position": category.position,
            "level": category.level,
            "product_count": counts.get(&category.id).copied().unwrap_or_default(),
            "children_data": children,
        })
    }
}

impl Categories {
    /// Every category by the path of its names: its values under `all`, and under each view those
    /// that differ.
    pub(super) fn dump(&self, attributes: &Attributes) -> Value {
        let mut dump = records::Record::new();
        for category in self.rows.values().filter(|category| category.level > 0) {
            let mut key = self.name_path(category);
            // Two of one name below one parent cannot be told apart but by their ids.
            if dump.contains_key(&key) {
                key = format!("{key}#{}", category.id);
            }
            dump.insert(key, self.dump_one(category, attributes));
        }
        dump.sort_keys();
        dump.into()
    }

    fn dump_one(&self, category: &Category, attributes: &Attributes) -> Value {
        let mut scopes = Map::new();
        for (store, scope) in views::scopes() {
            let mut fields = Map::new();
            let coded = attributes.rows.iter();
            for attribute in coded.filter(|attribute| attribute.backend != Backend::Static) {
                let value = |store| self.column(category, &attribute.code, store);
                if store == views::ALL || value(store) != value(views::ALL) {
                    let value = value(store).map_or(Value::Null, Value::from);
                    if store != views::ALL || !value.is_null() {
                        fields.insert(attribute.code.clone(), value);
                    }
                }
            }
            if store == views::ALL {
                fields.insert("position".to_owned(), category.position.into());
                let meta = json!({
                    "created_at": category.created_at,
                    "id": category.id,
                    "path": joined(&category.path),
                    "updated_at": category.updated_at,
                });
                fields.insert("meta".to_owned(), meta);
            }
            if fields.is_empty() {
                continue;
            }
            fields.entry("meta").or_insert_with(|| json!({}));
            fields.sort_keys();
            scopes.insert(scope.to_owned(), fields.into());
        }
        scopes.into()
    }
}
