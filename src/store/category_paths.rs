//! Categories by the path of their names, and back: ids differ between environments, and a category that
//! is made again has a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::client::Client;
use super::list::{List, text_of};
use crate::domain::key;
use crate::ports::StoreError;

/// A category as the list shows it.
struct Row {
    id: String,
    name: String,
    /// Ids from the root of all roots, which is no category that anybody sees, to this one.
    path: Vec<String>,
}

impl Row {
    fn read(item: &Map<String, Value>) -> Option<Self> {
        let path = text_of(item, "path")?;
        Some(Self {
            id: text_of(item, "id")?,
            name: text_of(item, "name")?,
            path: path.split('/').map(str::to_owned).collect(),
        })
    }
}

async fn rows(
    client: &Arc<Client>,
    column: &str,
    values: &BTreeSet<String>,
) -> Result<Vec<Row>, StoreError> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let list = List {
        scope: "all".to_owned(),
        path: "categories/list".to_owned(),
        fields: "id,name,path".to_owned(),
        sort: "entity_id",
    };
    let items = list.among(client, column, values).await?;
    Ok(items.iter().filter_map(Row::read).collect())
}

/// The paths of these rows, as keys, by id.
async fn keys(client: &Arc<Client>, rows: &[Row]) -> Result<Vec<(String, String)>, StoreError> {
    let mut names: BTreeMap<String, String> = rows
        .iter()
        .map(|row| (row.id.clone(), row.name.clone()))
        .collect();
    let unknown = rows
        .iter()
        .flat_map(|row| row.path.iter().skip(1))
        .filter(|id| !names.contains_key(*id))
        .cloned()
        .collect();
    for row in self::rows(client, "entity_id", &unknown).await? {
        names.insert(row.id, row.name);
    }
    let key = |row: &Row| {
        let path = row.path.iter().skip(1);
        let path: Option<Vec<&str>> = path.map(|id| names.get(id).map(String::as_str)).collect();
        Some((row.id.clone(), key::of_names(path?)))
    };
    Ok(rows.iter().filter_map(key).collect())
}

/// The paths of the categories with these ids.
pub(super) async fn of_ids(
    client: &Arc<Client>,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = rows(client, "entity_id", ids).await?;
    Ok(keys(client, &rows).await?.into_iter().collect())
}

/// The ids of the categories with these paths; none for a path that several have.
pub(super) async fn of_paths(
    client: &Arc<Client>,
    paths: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, StoreError> {
    let last = |path: &String| key::names(path).pop();
    let names: BTreeSet<String> = paths.iter().filter_map(last).collect();
    let rows = rows(client, "name", &names).await?;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, path) in keys(client, &rows).await? {
        found.entry(path).or_default().insert(id);
    }
    let only = |(path, ids): (String, BTreeSet<String>)| match ids.len() {
        1 => Some((path, ids.into_iter().next()?)),
        _ => None,
    };
    Ok(found.into_iter().filter_map(only).collect())
}
