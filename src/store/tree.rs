//! The tree of categories, as far as paths of names lead through it.
//!
//! One search finds every category that has a name of one of the paths, their ancestors among them, so
//! however many paths there are, they cost no request each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::client::{Client, misshapen};
use super::list::List;
use crate::domain::key;
use crate::ports::StoreError;

/// The root of all roots, which no path names.
const ROOT: u64 = 1;

/// Categories by id: parent and name under `all`.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<u64, (u64, String)>);

impl Tree {
    /// Reads what these paths lead through.
    pub(super) async fn read<'k>(
        client: &Arc<Client>,
        paths: impl IntoIterator<Item = &'k str>,
    ) -> Result<Self, StoreError> {
        let names: BTreeSet<String> = paths.into_iter().flat_map(key::names).collect();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let mut tree = Self::default();
        for item in list("all", "id,parent_id,name")
            .among(client, "name", &names)
            .await?
        {
            let (Some(id), Some(parent)) = (number(&item, "id"), number(&item, "parent_id")) else {
                return Err(misshapen("a category without id or parent"));
            };
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            tree.0.insert(id, (parent, name.to_owned()));
        }
        Ok(tree)
    }

    /// The categories at the end of a path, compared with case.
    pub(super) fn find(&self, path: &str) -> BTreeSet<u64> {
        let mut found = BTreeSet::from([ROOT]);
        for name in key::names(path) {
            found = self
                .0
                .iter()
                .filter(|(_, (parent, own))| found.contains(parent) && *own == name)
                .map(|(id, _)| *id)
                .collect();
        }
        found
    }
}

/// The one category at the end of a path, read now: it may have been made a moment ago.
pub(super) async fn resolve(client: &Arc<Client>, path: &str) -> Result<u64, StoreError> {
    let found = Tree::read(client, [path]).await?.find(path);
    let mut ids = found.iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(*id),
        (None, _) => Err(StoreError::Gone {
            message: format!("the category {path} does not exist"),
        }),
        (Some(_), Some(_)) => Err(StoreError::Refused {
            status: 400,
            message: format!(
                "{} categories have the path {path}; rename all but one in the admin",
                found.len()
            ),
        }),
    }
}

/// The category that a new one of this path is put into.
pub(super) async fn resolve_parent(client: &Arc<Client>, path: &str) -> Result<u64, StoreError> {
    let names = key::names(path);
    match names.split_last() {
        Some((_, above)) if !above.is_empty() => {
            let above = key::of_names(above.iter().map(String::as_str));
            resolve(client, &above).await
        }
        _ => Ok(ROOT),
    }
}

/// The categories right below these: their parent and their name.
pub(super) async fn below(
    client: &Arc<Client>,
    parents: &BTreeSet<u64>,
) -> Result<Vec<(u64, String)>, StoreError> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let parents = parents.iter().map(u64::to_string).collect();
    let list = list("all", "id,parent_id,name");
    let items = list.among(client, "parent_id", &parents).await?;
    let children = items.iter().map(|item| {
        let name = item.get("name")?.as_str()?.to_owned();
        Some((number(item, "parent_id")?, name))
    });
    children
        .map(|child| child.ok_or_else(|| misshapen("a category without parent or name")))
        .collect()
}

/// The list of categories under a scope.
pub(super) fn list(scope: &str, fields: &str) -> List {
    List {
        scope: scope.to_owned(),
        path: "categories/list".to_owned(),
        fields: fields.to_owned(),
        sort: "entity_id",
    }
}

/// A whole number, however the store wrote it.
pub(super) fn number(item: &Map<String, Value>, name: &str) -> Option<u64> {
    super::list::text_of(item, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_through_names_alone_and_to_every_category_that_has_it() {
        let node = |id, parent, name: &str| (id, (parent, name.to_owned()));
        let tree = Tree(BTreeMap::from([
            node(2, 1, "Default Category"),
            node(3, 2, "Men"),
            node(4, 3, "Sale"),
            node(5, 2, "Sale"),
            node(6, 2, "Sale"),
            node(7, 2, "sale"),
            node(8, 2, "Men/Boys"),
            node(9, 1, "Sale"),
        ]));
        let cases = [
            ("Default Category", vec![2]),
            ("Default Category/Men/Sale", vec![4]),
            ("Default Category/Sale", vec![5, 6]),
            ("Default Category/sale", vec![7]),
            (r"Default Category/Men\/Boys", vec![8]),
            ("Sale", vec![9]),
            ("Men/Sale", vec![]),
        ];
        for (path, ids) in cases {
            assert_eq!(tree.find(path), BTreeSet::from_iter(ids), "{path}");
        }
    }
}
