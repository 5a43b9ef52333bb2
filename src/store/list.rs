//! Lists of whatever the store has, as JSON: cut into batches that fit a request line, page by page.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::client::{Client, Request, misshapen};
use super::errors::Intent;
use super::search::{LINE, PAGE, Query, cut, value_length};
use crate::ports::StoreError;

/// A list of items with `searchCriteria`.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// The scope of the URL: `all` or a view's code.
    pub(super) scope: String,
    /// Path after `/V1/`.
    pub(super) path: String,
    /// The projection of an item, `id,name`; empty for all of it.
    pub(super) fields: String,
    /// The column by which pages are sorted, so that none is missed between two of them.
    pub(super) sort: &'static str,
}

impl List {
    /// Every item.
    pub(super) async fn all(&self, client: &Client) -> Result<Vec<Map<String, Value>>, StoreError> {
        self.pages(client, &Query::default()).await
    }

    /// The items whose column has one of these values, as the store compares: without regard to case.
    pub(super) async fn among(
        &self,
        client: &Arc<Client>,
        column: &str,
        values: &BTreeSet<String>,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let mut items = Vec::new();
        self.each_among(client, column, values, |item| {
            items.push(item);
            Ok(())
        })
        .await?;
        Ok(items)
    }

    /// The same, batch by batch as they come in: of a large list there is never all of it at once.
    pub(super) async fn each_among(
        &self,
        client: &Arc<Client>,
        column: &str,
        values: &BTreeSet<String>,
        mut take: impl FnMut(Map<String, Value>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut frame = Query::default();
        frame.among(0, column, std::iter::empty());
        let taken =
            client.line_length(&self.scope, &self.path) + self.query(&frame, 1, PAGE).len() + 6;
        let room = LINE.saturating_sub(taken);
        let mut running = JoinSet::new();
        for part in cut(values.clone(), room, |value: &String| value_length(value)) {
            let (list, client) = (self.clone(), Arc::clone(client));
            let column = column.to_owned();
            let job = async move {
                let mut query = Query::default();
                query.among(0, &column, part.iter().map(String::as_str));
                list.pages(&client, &query).await
            };
            running.spawn(job.in_current_span());
        }
        while let Some(joined) = running.join_next().await {
            let items = joined.map_err(|error| StoreError::Unavailable {
                message: format!("a list was broken off ({error})"),
                retry_after: None,
            })?;
            items?.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    fn query(&self, filters: &Query, page: usize, rows: usize) -> String {
        let mut query = Query(filters.0.clone());
        query.pair("searchCriteria[sortOrders][0][field]", self.sort);
        query.pair("searchCriteria[sortOrders][0][direction]", "ASC");
        query.pair("searchCriteria[pageSize]", &rows.to_string());
        query.pair("searchCriteria[currentPage]", &page.to_string());
        if !self.fields.is_empty() {
            let fields = format!("items[{}],total_count", self.fields);
            query.pair("fields", &fields);
        }
        query.0
    }

    async fn pages(
        &self,
        client: &Client,
        filters: &Query,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        loop {
            let size = client.page_size();
            match self.pages_by(client, filters, size).await {
                Err(error) if client.takes_smaller_pages(size, &error) => {}
                answer => return answer,
            }
        }
    }

    async fn pages_by(
        &self,
        client: &Client,
        filters: &Query,
        size: usize,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let mut items = Vec::new();
        for page in 1.. {
            let (found, total) = self.page(client, self.query(filters, page, size)).await?;
            let last = found.len() < size;
            items.extend(found);
            if items.len() >= total {
                break;
            }
            if last {
                return Err(StoreError::Unavailable {
                    message: format!(
                        "the store listed {} of {total} items of {}: they changed while they were read",
                        items.len(),
                        self.path
                    ),
                    retry_after: None,
                });
            }
        }
        Ok(items)
    }

    async fn page(
        &self,
        client: &Client,
        query: String,
    ) -> Result<(Vec<Map<String, Value>>, usize), StoreError> {
        let answer = get(client, &self.scope, &self.path, Some(query)).await?;
        let wrong = |what: &str| misshapen(&format!("{what} in a list of {}", self.path));
        let (items, total) = counted(answer).ok_or_else(|| wrong("no total_count"))?;
        Ok((
            objects(items).ok_or_else(|| wrong("no list of items"))?,
            total,
        ))
    }
}

/// Returns the items of an answer as they stand there, and how many there are on all pages.
pub(super) fn counted(answer: Value) -> Option<(Value, usize)> {
    let total = answer.get("total_count").and_then(Value::as_u64)?;
    let items = match answer {
        Value::Object(mut answer) => answer.remove("items").unwrap_or(Value::Null),
        _ => Value::Null,
    };
    Some((items, usize::try_from(total).ok()?))
}

/// Returns how many items have such a value in a column.
pub(super) async fn count(
    client: &Client,
    scope: &str,
    path: &str,
    filters: &[(&str, &str, &str)],
) -> Result<u64, StoreError> {
    let mut query = Query::default();
    for (group, (column, condition, value)) in filters.iter().enumerate() {
        query.filter(group, 0, column, condition, value);
    }
    query.pair("searchCriteria[pageSize]", "1");
    query.pair("searchCriteria[currentPage]", "1");
    query.pair("fields", "total_count");
    let answer = get(client, scope, path, Some(query.0)).await?;
    let total = answer.get("total_count").and_then(Value::as_u64);
    total.ok_or_else(|| misshapen(&format!("no total_count in a list of {path}")))
}

/// One write, within no bound: the core sees to that.
pub(super) async fn send(
    client: &Client,
    method: Method,
    path: String,
    body: Option<Value>,
) -> Result<Value, StoreError> {
    client
        .send(Request {
            intent: Intent::Write,
            method,
            scope: "all".to_owned(),
            path,
            query: None,
            body,
        })
        .await
}

/// A list of objects; `null` is an empty one.
pub(super) fn objects(list: Value) -> Option<Vec<Map<String, Value>>> {
    let items = match list {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => return None,
    };
    items
        .into_iter()
        .map(|item| match item {
            Value::Object(item) => Some(item),
            _ => None,
        })
        .collect()
}

/// One read, within the client's bound.
pub(super) async fn get(
    client: &Client,
    scope: &str,
    path: &str,
    query: Option<String>,
) -> Result<Value, StoreError> {
    let _permit = client.reads.acquire().await;
    client
        .send(Request {
            intent: Intent::Read,
            method: Method::GET,
            scope: scope.to_owned(),
            path: path.to_owned(),
            query,
            body: None,
        })
        .await
}

/// An id, as a text, whether the store wrote it as a number or in quotes.
pub(super) fn text_of(item: &Map<String, Value>, name: &str) -> Option<String> {
    match item.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
