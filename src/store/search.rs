//! Searches: the query, cut into batches that fit a request line, and every page of the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::client::{Client, Request, misshapen};
use super::errors::Intent;
use super::list::counted;
use super::oauth::encode;
use crate::domain::{EntityId, EntityKey, FieldName, Kind};
use crate::ports::StoreError;

/// Bytes of a request line: nginx refuses more than 8 kB by default, and proxies add a little.
pub(super) const LINE: usize = 6_000;

/// Rows of a page: the most that Magento's own input limit lets through unless a shop has set a lower one
/// ([`Client::takes_smaller_pages`]). Entities of a batch, too, so
/// that a batch is answered in one page.
pub(super) const PAGE: usize = 300;

/// The values that are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Keys(BTreeSet<EntityKey>),
    Ids(BTreeSet<EntityId>),
}

/// The parts of each entity that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Every field of the kind's table.
    All,
    /// Id and key.
    Key,
    /// The id.
    Id,
}

/// One search, of one page if all goes well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) kind: Kind,
    pub(super) filter: Filter,
    /// Only entities linked to this store; 0 is "all store views".
    pub(super) store: Option<u32>,
    pub(super) show: Show,
}

/// One entity of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: EntityId,
    /// The key as the store has it; `None` where it was not asked for.
    pub(super) key: Option<EntityKey>,
    /// Canonical, nulls left out.
    pub(super) fields: BTreeMap<FieldName, Value>,
}

impl Search {
    fn path(&self) -> String {
        self.kind.route.search.to_owned()
    }

    /// The same search in parts that fit a request line each.
    pub(super) fn batches(self, client: &Client) -> Vec<Self> {
        let room = LINE
            .saturating_sub(client.line_length("all", &self.path()))
            .saturating_sub(self.frame());
        let Self {
            kind,
            filter,
            store,
            show,
        } = self;
        let part = |filter| Self {
            kind,
            filter,
            store,
            show,
        };
        match filter {
            Filter::Keys(keys) => cut(keys, room, |key: &EntityKey| value_length(key.as_str()))
                .into_iter()
                .map(|keys| part(Filter::Keys(keys)))
                .collect(),
            Filter::Ids(ids) => cut(ids, room, |id| id.to_string().len() + 3)
                .into_iter()
                .map(|ids| part(Filter::Ids(ids)))
                .collect(),
        }
    }

    /// Length of the query without any key or id.
    fn frame(&self) -> usize {
        let empty = Self {
            filter: match self.filter {
                Filter::Keys(_) => Filter::Keys(BTreeSet::new()),
                Filter::Ids(_) => Filter::Ids(BTreeSet::new()),
            },
            ..self.clone()
        };
        // page numbers of up to seven digits
        empty.query(1, PAGE).len() + 6
    }

    /// The query string of one page, in the one encoding that is signed and sent.
    fn query(&self, page: usize, rows: usize) -> String {
        let route = &self.kind.route;
        let mut query = Query::default();
        match &self.filter {
            Filter::Keys(keys) => {
                query.among(0, route.key_column, keys.iter().map(EntityKey::as_str));
            }
            Filter::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                query.filter(0, 0, route.id_column, "in", &ids.join(","));
            }
        }
        if let Some(store) = self.store {
            query.filter(1, 0, "store_id", "eq", &store.to_string());
        }
        query.pair("searchCriteria[sortOrders][0][field]", route.id_column);
        query.pair("searchCriteria[sortOrders][0][direction]", "ASC");
        query.pair("searchCriteria[pageSize]", &rows.to_string());
        query.pair("searchCriteria[currentPage]", &page.to_string());
        query.pair("fields", &self.projection());
        query.0
    }

    fn projection(&self) -> String {
        let mut names = vec!["id"];
        match self.show {
            Show::All => names.extend(self.kind.fields.iter().map(|field| field.name)),
            Show::Key => names.push(self.kind.key_field),
            Show::Id => {}
        }
        format!("items[{}],total_count", names.join(","))
    }

    /// Every row of the answer, page by page.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Unavailable`] too when rows came or went between two pages.
    async fn rows(&self, client: &Client) -> Result<Vec<Row>, StoreError> {
        loop {
            let size = client.page_size();
            match self.rows_by(client, size).await {
                Err(error) if client.takes_smaller_pages(size, &error) => {}
                answer => return answer,
            }
        }
    }

    async fn rows_by(&self, client: &Client, size: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows: BTreeMap<EntityId, Row> = BTreeMap::new();
        for page in 1.. {
            let (found, total) = self.page(client, page, size).await?;
            let last = found.len() < size;
            rows.extend(found.into_iter().map(|row| (row.id, row)));
            if rows.len() >= total {
                break;
            }
            if last && rows.len() < total {
                return Err(StoreError::Unavailable {
                    message: format!(
                        "the store listed {} of {total} entities of kind {}: they changed while they were read",
                        rows.len(),
                        self.kind
                    ),
                    retry_after: None,
                });
            }
        }
        Ok(rows.into_values().collect())
    }

    async fn page(
        &self,
        client: &Client,
        page: usize,
        size: usize,
    ) -> Result<(Vec<Row>, usize), StoreError> {
        let answer = {
            let _permit = client.reads.acquire().await;
            client
                .send(Request {
                    intent: Intent::Read,
                    method: Method::GET,
                    scope: "all".to_owned(),
                    path: self.path(),
                    query: Some(self.query(page, size)),
                    body: None,
                })
                .await?
        };
        let wrong = |what: &str| misshapen(&format!("{what} in a search for kind {}", self.kind));
        let (items, total) = counted(answer).ok_or_else(|| wrong("no total_count"))?;
        let items = match items {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            _ => return Err(wrong("no list of items")),
        };
        let rows: Result<Vec<Row>, StoreError> = items
            .into_iter()
            .map(|item| {
                self.row(item)
                    .ok_or_else(|| wrong("an item without id or key"))
            })
            .collect();
        Ok((rows?, total))
    }

    fn row(&self, item: Value) -> Option<Row> {
        let Value::Object(mut item) = item else {
            return None;
        };
        let id = id_of(&item)?;
        let key = match self.show {
            Show::All | Show::Key => {
                let key = item.get(self.kind.key_field)?.as_str()?;
                Some(EntityKey::new(key).ok()?)
            }
            Show::Id => None,
        };
        let mut fields = BTreeMap::new();
        if self.show == Show::All {
            for spec in self.kind.fields {
                let value = item.remove(spec.name).unwrap_or(Value::Null);
                let value = spec.canonical(value);
                if !value.is_null() {
                    fields.insert(FieldName::new(spec.name).ok()?, value);
                }
            }
        }
        Some(Row { id, key, fields })
    }
}

/// The id of an entity: a number, or one in quotes.
pub(super) fn id_of(item: &Map<String, Value>) -> Option<EntityId> {
    let id = item.get("id")?;
    id.as_u64()
        .or_else(|| id.as_str()?.parse().ok())
        .map(EntityId)
}

/// Runs the searches side by side, within the client's bound. The answers come in no order.
///
/// # Errors
/// The first error; searches that are still under way are dropped.
pub(super) async fn run(
    client: &Arc<Client>,
    searches: Vec<Search>,
) -> Result<Vec<(Search, Vec<Row>)>, StoreError> {
    let batches: Vec<Search> = searches
        .into_iter()
        .flat_map(|search| search.batches(client))
        .collect();
    let mut answers = Vec::with_capacity(batches.len());
    let mut running = JoinSet::new();
    for search in batches {
        let client = Arc::clone(client);
        let job = async move {
            let rows = search.rows(&client).await?;
            Ok((search, rows))
        };
        running.spawn(job.in_current_span());
    }
    while let Some(joined) = running.join_next().await {
        let answer = joined.map_err(|error| StoreError::Unavailable {
            message: format!("a search was broken off ({error})"),
            retry_after: None,
        })?;
        answers.push(answer?);
    }
    Ok(answers)
}

/// Sets of at most [`PAGE`] entries whose lengths fit the room. One that fits nowhere stands alone: the
/// web server has the last word.
pub(super) fn cut<T: Ord>(
    all: BTreeSet<T>,
    room: usize,
    length: impl Fn(&T) -> usize,
) -> Vec<BTreeSet<T>> {
    let mut parts = Vec::new();
    let mut part = BTreeSet::new();
    let mut used = 0;
    for one in all {
        let needs = length(&one);
        if !part.is_empty() && (used + needs > room || part.len() == PAGE) {
            parts.push(std::mem::take(&mut part));
            used = 0;
        }
        used += needs;
        part.insert(one);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Returns what a key takes up in a query: with its comma, or with a filter of its own.
pub(super) fn value_length(value: &str) -> usize {
    let encoded = encode(value).to_string().len();
    if value.contains(',') {
        let mut query = Query::default();
        query.filter(0, 999, "identifier", "eq", "");
        return encoded + query.0.len() + 1;
    }
    encoded + "%2C".len()
}

/// A query string in the one encoding that is signed and sent.
#[derive(Default)]
pub(super) struct Query(pub(super) String);

impl Query {
    /// `in` for these values. A comma separates the values of `in`, so one that holds a comma needs its
    /// own filter; filters of one group are alternatives.
    pub(super) fn among<'v>(
        &mut self,
        group: usize,
        column: &str,
        values: impl Iterator<Item = &'v str>,
    ) {
        let (odd, plain): (Vec<_>, Vec<_>) = values.partition(|value| value.contains(','));
        let mut filters = 0;
        if !plain.is_empty() || odd.is_empty() {
            self.filter(group, 0, column, "in", &plain.join(","));
            filters = 1;
        }
        for (i, value) in odd.iter().enumerate() {
            self.filter(group, filters + i, column, "eq", value);
        }
    }

    pub(super) fn pair(&mut self, name: &str, value: &str) {
        let join = if self.0.is_empty() { "" } else { "&" };
        // writing to a String cannot fail
        let _ = write!(self.0, "{join}{}={}", encode(name), encode(value));
    }

    pub(super) fn filter(
        &mut self,
        group: usize,
        index: usize,
        field: &str,
        condition: &str,
        value: &str,
    ) {
        let name = |part: &str| {
            format!("searchCriteria[filter_groups][{group}][filters][{index}][{part}]")
        };
        self.pair(&name("field"), field);
        self.pair(&name("value"), value);
        self.pair(&name("condition_type"), condition);
    }
}
