//! Saving and moving categories.

use serde_json::{Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::service::Context;
use super::super::views;
use super::Catalogue;
use super::attribute::Attributes;
use super::category::{Categories, Category, TOP_LEVEL};
use super::eav::Backend;
use super::records::{self, Record};
use crate::domain::text::slug;

fn refused(why: impl Into<Value>) -> Problem {
    Problem::with(400, "Could not save category: %1", json!([why.into()]))
}

/// Creates or updates, and returns the id.
pub(super) fn save(
    catalogue: &mut Catalogue,
    sent: &Record,
    context: &Context<'_>,
) -> Result<u64, Problem> {
    let Catalogue {
        categories,
        category_attributes: attributes,
        ..
    } = catalogue;
    let now = &context.moment.database;
    let is_new = records::id(sent, "id") == 0;
    let mut category = if is_new {
        let parent = match records::id(sent, "parent_id") {
            0 => views::root_category(context.store),
            parent => parent,
        };
        categories.get(parent)?;
        categories.draft(parent, now)
    } else {
        categories.get(records::id(sent, "id"))?.clone()
    };
    let store = context.store;
    write_members(&mut category, attributes, sent, store, is_new);
    write_custom(&mut category, attributes, sent, store, is_new)?;
    if is_new {
        add_defaults(&mut category);
    }
    check(&category, categories, context.store)?;
    category.updated_at.clone_from(now);
    Ok(categories.put(category))
}

/// The members of the category itself. A null is ignored: an override stays.
fn write_members(
    category: &mut Category,
    attributes: &Attributes,
    sent: &Record,
    store: u32,
    is_new: bool,
) {
    for code in ["name", "is_active", "include_in_menu", "available_sort_by"] {
        let text = match sent.get(code) {
            None | Some(Value::Null) => continue,
            Some(Value::Bool(flag)) => u8::from(*flag).to_string(),
            Some(Value::Array(items)) => {
                let items: Vec<String> = items.iter().filter_map(php::string).collect();
                items.join(",")
            }
            Some(other) => php::string(other).unwrap_or_default(),
        };
        set(category, attributes, code, Some(&text), store, is_new);
    }
    if let Some(position) = records::number(sent, "position") {
        category.position = position;
    }
}

fn write_custom(
    category: &mut Category,
    attributes: &Attributes,
    sent: &Record,
    store: u32,
    is_new: bool,
) -> Result<(), Problem> {
    let custom = sent.get("custom_attributes").and_then(Value::as_object);
    for (code, value) in custom.into_iter().flatten() {
        let Some(attribute) = attributes.find(code) else {
            continue;
        };
        // Server-owned ones and those of the category itself are ignored without a word.
        if TOP_LEVEL.contains(&code.as_str())
            || attribute.backend == Backend::Static
            || code == "url_path"
        {
            continue;
        }
        let text = php::string(value).filter(|_| !value.is_null());
        let text = match code.as_str() {
            "url_key" => text.map(|key| slug(&key)),
            _ => text,
        };
        if attribute.backend == Backend::Datetime
            && text
                .as_deref()
                .is_some_and(|text| !text.is_empty() && attribute.backend.stored(text).is_none())
        {
            return Err(refused("Invalid date"));
        }
        set(category, attributes, code, text.as_deref(), store, is_new);
    }
    Ok(())
}

/// Writes a row, or takes it away where there is no value. A value equal to the default is an
/// override all the same.
fn set(
    category: &mut Category,
    attributes: &Attributes,
    code: &str,
    text: Option<&str>,
    store: u32,
    is_new: bool,
) {
    let Some(attribute) = attributes.find(code) else {
        return;
    };
    let mut rows = attribute.scope.rows(store);
    if is_new && attribute.required && !rows.contains(&views::ALL) {
        rows.push(views::ALL);
    }
    for row in rows {
        let stored = match text {
            Some("") | None => None,
            Some(text) => attribute.backend.stored(text),
        };
        match (text, stored) {
            (Some(_), None) if row != views::ALL => category.values.set(code, row, None),
            (_, None) => category.values.unset(code, row),
            (_, stored) => category.values.set(code, row, stored),
        }
    }
}

fn add_defaults(category: &mut Category) {
    let name = category.values.get("name", views::ALL).unwrap_or_default();
    let url_key = slug(name);
    for (code, default) in [
        ("include_in_menu", "1"),
        ("is_anchor", "1"),
        ("url_key", url_key.as_str()),
    ] {
        if category.values.get(code, views::ALL).is_none() && !default.is_empty() {
            category
                .values
                .set(code, views::ALL, Some(default.to_owned()));
        }
    }
}

fn check(category: &Category, categories: &Categories, store: u32) -> Result<(), Problem> {
    for (code, label) in [("name", "Name"), ("is_active", "Is Active")] {
        if category.values.get(code, views::ALL).is_none() {
            return Err(refused(format!(
                "The \"{label}\" attribute value is empty. Set the attribute and try again."
            )));
        }
    }
    let views = views::reached(&[store].into());
    let taken = |other: &&Category| {
        let same = |view: &u32| {
            let key = category.values.get("url_key", *view);
            key.is_some() && other.values.get("url_key", *view) == key
        };
        other.id != category.id && views.iter().any(same)
    };
    if categories.children(category.parent).iter().any(taken) {
        return Err(refused("URL key for specified store already exists."));
    }
    Ok(())
}

/// Hangs a category with all below it under another parent: last, or after one of its children.
pub(super) fn move_below(
    categories: &mut Categories,
    id: u64,
    parent: u64,
    after: Option<i64>,
) -> Result<(), Problem> {
    let category = categories.get(id)?;
    let new_parent = categories.get(parent)?;
    if new_parent.path.contains(&id) {
        return Err(Problem::new(
            400,
            "Operation do not allow to move a parent category to any of children category",
        ));
    }
    let (old, mut path) = (category.path.clone(), new_parent.path.clone());
    path.push(id);
    let sibling = after
        .and_then(|after| u64::try_from(after).ok())
        .and_then(|after| categories.rows.get(&after))
        .filter(|sibling| sibling.parent == parent);
    let position = match sibling {
        Some(sibling) => sibling.position + 1,
        None => categories.last_position(parent) + 1,
    };
    for child in categories.rows.values_mut() {
        if child.parent == parent && child.position >= position {
            child.position += 1;
        }
        if child.path.starts_with(&old) {
            child.path.splice(..old.len(), path.iter().copied());
            child.level = child.path.len() as u64 - 1;
        }
        if child.id == id {
            child.parent = parent;
            child.position = position;
        }
    }
    Ok(())
}
