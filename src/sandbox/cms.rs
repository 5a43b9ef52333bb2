//! The parts that CMS pages and blocks have in common: rows with store links, reading, searching, saving.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::collation;
use super::column::{Column, ColumnType, Default};
use super::php;
use super::reply::Problem;
use super::search::{Comparison, Criteria, Filter, Group};
use super::shop::Moment;
use super::views;

/// One kind of CMS entity.
pub(super) struct CmsKind {
    /// The name in seeds and dumps.
    pub(super) name: &'static str,
    /// The collection in the URL.
    pub(super) collection: &'static str,
    /// The key of the object in a body.
    pub(super) wrapper: &'static str,
    /// The PHP interface of that object, for type errors.
    pub(super) interface: &'static str,
    /// For people: "CMS page".
    pub(super) label: &'static str,
    pub(super) id_column: &'static str,
    /// The ACL resources to read, to create and update, and to delete.
    pub(super) acl: [&'static str; 3],
    /// Pages read an id as a number; blocks take it as text and so never refuse its type.
    pub(super) numeric_id: bool,
    /// In the order of an answer.
    pub(super) columns: &'static [Column],
    /// What happens to a sent object before it is merged over the stored one.
    pub(super) before_merge: fn(&mut Record, Option<&Row>),
    /// The last look at the merged object; may normalise it.
    pub(super) check: fn(&mut Draft<'_>) -> Result<(), Problem>,
}

/// Values by field; `None` is null, a missing field was never set.
pub(super) type Record = BTreeMap<&'static str, Option<String>>;

/// A stored entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: u64,
    /// The stores it is linked to; 0 is all.
    pub(super) stores: BTreeSet<u32>,
    /// All columns.
    pub(super) values: Record,
}

/// An object about to be stored.
pub(super) struct Draft<'a> {
    pub(super) object: &'a mut Record,
    /// The row it replaces.
    pub(super) stored: Option<&'a Row>,
    /// The store of the URL.
    pub(super) store: u32,
    pub(super) table: &'a Table,
}

/// An object of a body, with every value cast as PHP does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) id: Option<i64>,
    pub(super) record: Record,
}

/// All entities of a kind.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) kind: &'static CmsKind,
    pub(super) rows: BTreeMap<u64, Row>,
    next_id: u64,
}

impl CmsKind {
    /// Finds a column by what PHP would find a setter by.
    fn field(&self, name: &str) -> Option<&'static Column> {
        let wanted = php::upper_camel_case(name);
        self.columns
            .iter()
            .find(|column| php::upper_camel_case(column.field).eq_ignore_ascii_case(&wanted))
    }

    /// True if a body's object may have such a member.
    pub(super) fn declares(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case("id") || self.field(name).is_some()
    }

    /// Reads the object of a body, in the order of its members: the first bad one is reported.
    pub(super) fn read(&self, object: &Map<String, Value>) -> Result<Sent, Problem> {
        let mut sent = Sent {
            id: None,
            record: Record::new(),
        };
        for (name, value) in object {
            if name.eq_ignore_ascii_case("id") {
                sent.id = read_id(name, value)?;
            } else if let Some(column) = self.field(name) {
                sent.record.insert(column.field, column.cast(name, value)?);
            } else {
                return Err(Problem::unsupported_field(name));
            }
        }
        Ok(sent)
    }

    /// The refusal of an id that does not exist, with the id as the caller's PHP type prints it.
    fn missing(&self, id: Value) -> Problem {
        Problem::with(
            404,
            format!("The {} with the \"%1\" ID doesn't exist.", self.label),
            json!([id]),
        )
    }
}

fn read_id(name: &str, value: &Value) -> Result<Option<i64>, Problem> {
    if value.is_null() {
        return Ok(None);
    }
    match php::string(value) {
        Some(text) if php::is_numeric(&text) => Ok(Some(php::int(&text))),
        _ => Err(Problem::wrong_field_type(name, value, "int")),
    }
}

impl Row {
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.values.get(field).and_then(Option::as_deref)
    }

    /// The stored entity as an answer shows it: nulls are left out.
    fn render(&self, kind: &CmsKind) -> Value {
        render(kind, self.id, &self.values)
    }
}

fn render(kind: &CmsKind, id: u64, values: &Record) -> Value {
    let mut answer = Map::new();
    answer.insert("id".to_owned(), id.into());
    for column in kind.columns {
        let value = values.get(column.field).and_then(Option::as_deref);
        match (value, column.ty) {
            (Some(text), _) => {
                answer.insert(column.field.to_owned(), column.render(text));
            }
            // PHP casts what was never set.
            (None, ColumnType::Bool) => {
                answer.insert(column.field.to_owned(), Value::Bool(false));
            }
            (None, _) => {}
        }
    }
    Value::Object(answer)
}

impl Table {
    pub(super) fn new(kind: &'static CmsKind) -> Self {
        Self {
            kind,
            rows: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// The id in a path, and how a refusal prints it.
    fn id_in_path(&self, text: &str) -> Result<(u64, Value), Problem> {
        if self.kind.numeric_id && !php::is_numeric(text) {
            return Err(Problem::wrong_type(&text.into(), "int"));
        }
        let id = php::int(text);
        let shown = if self.kind.numeric_id {
            id.into()
        } else {
            text.into()
        };
        Ok((u64::try_from(id).unwrap_or(0), shown))
    }

    pub(super) fn get(&self, id: &str) -> Result<Value, Problem> {
        let (id, shown) = self.id_in_path(id)?;
        let row = self.rows.get(&id).ok_or_else(|| self.kind.missing(shown))?;
        Ok(row.render(self.kind))
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<Value, Problem> {
        let (id, shown) = self.id_in_path(id)?;
        match self.rows.remove(&id) {
            Some(_) => Ok(Value::Bool(true)),
            None => Err(self.kind.missing(shown)),
        }
    }

    pub(super) fn search(&self, criteria: &Criteria, moment: &Moment) -> Result<Value, Problem> {
        let internal = || Problem::internal(moment.report);
        let store = first_store(criteria);
        // Long lists of identifiers are looked up, not compared one by one with every row.
        let keys: Option<BTreeSet<String>> = criteria
            .exactly("identifier")
            .map(|keys| keys.into_iter().map(collation::key).collect());
        let mut hits = Vec::new();
        for row in self.rows.values() {
            let identifier = self.value(row, "identifier");
            let key = identifier.as_deref().map(collation::key);
            let named = |keys: &BTreeSet<String>| key.is_some_and(|key| keys.contains(&key));
            if !keys.as_ref().is_none_or(named) {
                continue;
            }
            let linked = store.is_none_or(|store| row.stores.contains(&store));
            if linked && self.all_groups(row, criteria).ok_or_else(internal)? {
                hits.push(row);
            }
        }
        // An unknown column is an error of the query, even where no row is looked at.
        self.check_columns(criteria).ok_or_else(internal)?;
        for sort in criteria.sorts.iter().rev() {
            let (name, by) = self.column(&sort.field).ok_or_else(internal)?;
            hits.sort_by(|a, b| {
                sort.order(
                    self.value(a, name).as_deref(),
                    self.value(b, name).as_deref(),
                    by,
                )
            });
        }
        let items: Vec<Value> = criteria
            .page(&hits)
            .iter()
            .map(|row| row.render(self.kind))
            .collect();
        Ok(json!({
            "items": items,
            "search_criteria": criteria.echo(),
            "total_count": hits.len(),
        }))
    }

    fn check_columns(&self, criteria: &Criteria) -> Option<()> {
        for filter in criteria.groups.iter().flat_map(|group| &group.0) {
            if filter.field != STORE_ID {
                self.column(&filter.field)?;
            }
            filter.matches(None, Comparison::Text)?;
        }
        Some(())
    }

    fn all_groups(&self, row: &Row, criteria: &Criteria) -> Option<bool> {
        for group in &criteria.groups {
            if !self.any_filter(row, group)? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Filters by store never take part in the "or" of their group.
    fn any_filter(&self, row: &Row, group: &Group) -> Option<bool> {
        let mut filters = group.0.iter().filter(|f| f.field != STORE_ID).peekable();
        if filters.peek().is_none() {
            return Some(true);
        }
        for filter in filters {
            if self.matches(row, filter)? {
                return Some(true);
            }
        }
        Some(false)
    }

    fn matches(&self, row: &Row, filter: &Filter) -> Option<bool> {
        let (name, by) = self.column(&filter.field)?;
        filter.matches(self.value(row, name).as_deref(), by)
    }

    /// The field behind a column's name (the empty one is the id), and how it compares.
    fn column(&self, name: &str) -> Option<(&'static str, Comparison)> {
        if name == self.kind.id_column {
            return Some(("", Comparison::Number));
        }
        let column = self.kind.columns.iter().find(|c| c.column == name)?;
        Some((column.field, column.comparison()))
    }

    fn value<'a>(&self, row: &'a Row, field: &str) -> Option<std::borrow::Cow<'a, str>> {
        match field {
            "" => Some(row.id.to_string().into()),
            field => row.text(field).map(Into::into),
        }
    }

    /// Creates or updates, and answers with the object in memory, which is not what is stored.
    ///
    /// `stale` is the row as it was when the request came in, for lost updates.
    pub(super) fn save(
        &mut self,
        sent: Sent,
        store: u32,
        moment: &Moment,
        stale: Option<Row>,
    ) -> Result<Value, Problem> {
        let Sent { id, mut record } = sent;
        let stored = match id {
            None | Some(0) => None,
            Some(id) => {
                let current = u64::try_from(id).ok().and_then(|id| self.rows.get(&id));
                let current = current.ok_or_else(|| self.kind.missing(id.into()))?;
                Some(stale.unwrap_or_else(|| current.clone()))
            }
        };
        (self.kind.before_merge)(&mut record, stored.as_ref());
        let mut object = stored
            .as_ref()
            .map(|row| row.values.clone())
            .unwrap_or_default();
        object.append(&mut record);
        // The database sets it, whatever is sent.
        object.insert("update_time", None);
        (self.kind.check)(&mut Draft {
            object: &mut object,
            stored: stored.as_ref(),
            store,
            table: self,
        })?;
        let id = self.store(stored.map(|row| row.id), &object, store, moment);
        Ok(render(self.kind, id, &object))
    }

    /// Writes an object to the table as the database would, and returns its id.
    pub(super) fn store(
        &mut self,
        id: Option<u64>,
        object: &Record,
        store: u32,
        moment: &Moment,
    ) -> u64 {
        let before = id.and_then(|id| self.rows.get(&id)).cloned();
        let mut row = before.clone().unwrap_or_else(|| {
            let id = self.next_id;
            self.next_id += 1;
            Row {
                id,
                stores: BTreeSet::from([store]),
                values: self.defaults(moment),
            }
        });
        for column in self.kind.columns {
            match object.get(column.field) {
                Some(Some(text)) => {
                    row.values.insert(column.field, column.stored(text));
                }
                Some(None) if column.nullable => {
                    row.values.insert(column.field, None);
                }
                Some(None) | None => {}
            }
        }
        if before.as_ref().is_some_and(|before| *before != row) {
            row.values
                .insert("update_time", Some(moment.database.clone()));
        }
        let id = row.id;
        self.rows.insert(id, row);
        id
    }

    fn defaults(&self, moment: &Moment) -> Record {
        let value = |default| match default {
            Default::Null => None,
            Default::Text(text) => Some(text.to_owned()),
            Default::Now => Some(moment.database.clone()),
        };
        self.kind
            .columns
            .iter()
            .map(|column| (column.field, value(column.default)))
            .collect()
    }

    /// Others with this identifier, as the database compares it.
    pub(super) fn namesakes<'a>(
        &'a self,
        identifier: &'a str,
        but: Option<u64>,
    ) -> impl Iterator<Item = &'a Row> {
        self.rows.values().filter(move |row| {
            Some(row.id) != but
                && row
                    .text("identifier")
                    .is_some_and(|other| collation::equal(other, identifier))
        })
    }

    /// Every entity by key and assignment, ids and times under `meta`.
    pub(super) fn dump(&self) -> Value {
        let mut keys: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
        for row in self.rows.values() {
            let assignments = keys
                .entry(row.text("identifier").unwrap_or_default())
                .or_default();
            let mut assignment = views::assignment(&row.stores);
            // Two entities of one key and assignment cannot be told apart but by their ids.
            if assignments.contains_key(&assignment) {
                assignment = format!("{assignment}#{}", row.id);
            }
            assignments.insert(assignment, self.dump_row(row));
        }
        json!(keys)
    }

    fn dump_row(&self, row: &Row) -> Value {
        let mut fields = BTreeMap::new();
        let mut meta = BTreeMap::from([("id", json!(row.id))]);
        for column in self.kind.columns {
            let value = row
                .text(column.field)
                .map_or(Value::Null, |text| column.render(text));
            if column.ty == ColumnType::Timestamp {
                meta.insert(column.field, value);
            } else {
                fields.insert(column.field, value);
            }
        }
        fields.insert("meta", json!(meta));
        json!(fields)
    }
}

const STORE_ID: &str = "store_id";

/// The store that a search is limited to: the first such filter counts, whatever its condition and
/// group, and of a list its first number.
fn first_store(criteria: &Criteria) -> Option<u32> {
    let mut filters = criteria.groups.iter().flat_map(|group| &group.0);
    let filter = filters.find(|filter| filter.field == STORE_ID)?;
    let value = filter.value.as_deref().unwrap_or_default();
    Some(u32::try_from(php::int(value)).unwrap_or(u32::MAX))
}
