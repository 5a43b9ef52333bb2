//! Search criteria: parsing them from a query, and applying them to rows.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde_json::{Map, Value, json};

use super::reply::Problem;
use super::shop::Moment;
use super::{collation, php};

/// `searchCriteria` of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Criteria {
    /// All of them hold.
    pub(super) groups: Vec<Group>,
    /// The first counts most.
    pub(super) sorts: Vec<Sort>,
    pub(super) page_size: Option<i64>,
    pub(super) current_page: Option<i64>,
}

/// Filters of which one holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group(pub(super) Vec<Filter>);

/// One comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) field: String,
    pub(super) value: Option<String>,
    pub(super) condition: String,
}

/// One column to sort by.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sort {
    pub(super) field: String,
    /// `ASC` or `DESC`; absent is descending.
    pub(super) direction: Option<String>,
}

/// The ways in which the values of a column compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// By number.
    Number,
    /// By collation; times and dates too, whose form sorts as text.
    Text,
}

impl Criteria {
    /// Reads the criteria of a query; without the parameter the search is refused.
    pub(super) fn from_query(query: &Map<String, Value>) -> Result<Self, Problem> {
        let criteria = query
            .get("searchCriteria")
            .or_else(|| query.get("search_criteria"))
            .ok_or_else(|| Problem::required("searchCriteria"))?;
        let mut parsed = Self::default();
        for (name, value) in members(criteria) {
            match php::upper_camel_case(name).as_str() {
                "FilterGroups" => {
                    parsed.groups = list(value, group_from)?;
                }
                "SortOrders" => parsed.sorts = list(value, sort_from)?,
                "PageSize" => parsed.page_size = Some(int_from(name, value)?),
                "CurrentPage" => parsed.current_page = Some(int_from(name, value)?),
                _ => return Err(Problem::unsupported_field(name)),
            }
        }
        Ok(parsed)
    }

    /// The criteria as an answer repeats them.
    pub(super) fn echo(&self) -> Value {
        let groups: Vec<Value> = self
            .groups
            .iter()
            .map(|group| json!({ "filters": group.0.iter().map(Filter::echo).collect::<Vec<_>>() }))
            .collect();
        let mut echo = json!({ "filter_groups": groups });
        if !self.sorts.is_empty() {
            echo["sort_orders"] = self.sorts.iter().map(Sort::echo).collect();
        }
        if let Some(size) = self.page_size {
            echo["page_size"] = size.into();
        }
        if let Some(page) = self.current_page {
            echo["current_page"] = page.into();
        }
        echo
    }

    /// The part of the hits that the page asked for holds.
    pub(super) fn page<'a, T>(&self, hits: &'a [T]) -> &'a [T] {
        let size = match self.page_size {
            None | Some(0) => return hits,
            Some(size) => usize::try_from(size).unwrap_or(1),
        };
        let page = self
            .current_page
            .and_then(|page| usize::try_from(page).ok())
            .unwrap_or(1)
            .max(1);
        let start = (page - 1).saturating_mul(size).min(hits.len());
        let end = start.saturating_add(size).min(hits.len());
        &hits[start..end]
    }
}

/// A field that no row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownField(pub(super) String);

impl UnknownField {
    /// An unknown column is an error of the query.
    pub(super) fn internal(self, moment: &Moment) -> Problem {
        Problem::internal(moment.report)
    }
}

impl Criteria {
    /// The rows that satisfy all groups, in order. `by` says how a field's values compare, and that
    /// it exists; `value` reads it.
    pub(super) fn select<'r, R: ?Sized>(
        &self,
        rows: impl Iterator<Item = &'r R>,
        by: impl Fn(&str) -> Option<Comparison>,
        value: impl Fn(&'r R, &str) -> Option<Cow<'r, str>>,
    ) -> Result<Vec<&'r R>, UnknownField> {
        let by = |field: &str| by(field).ok_or_else(|| UnknownField(field.to_owned()));
        let mut groups = Vec::new();
        for group in self.groups.iter().filter(|group| !group.0.is_empty()) {
            let filters: Result<Vec<_>, _> = group
                .0
                .iter()
                .map(|filter| by(&filter.field).map(|by| (filter, by)))
                .collect();
            groups.push(filters?);
        }
        let hit = |row: &'r R| {
            groups.iter().all(|filters| {
                filters.iter().any(|(filter, by)| {
                    let stored = value(row, &filter.field);
                    filter.matches(stored.as_deref(), *by) == Some(true)
                })
            })
        };
        let mut hits: Vec<&R> = rows.filter(|row| hit(row)).collect();
        for sort in self.sorts.iter().rev() {
            let by = by(&sort.field)?;
            hits.sort_by(|a, b| {
                let (a, b) = (value(a, &sort.field), value(b, &sort.field));
                sort.order(a.as_deref(), b.as_deref(), by)
            });
        }
        Ok(hits)
    }

    /// An answer with one page of the hits.
    pub(super) fn answer<T>(&self, hits: &[T], render: impl Fn(&T) -> Value) -> Value {
        let items: Vec<Value> = self.page(hits).iter().map(render).collect();
        json!({
            "items": items,
            "search_criteria": self.echo(),
            "total_count": hits.len(),
        })
    }

    /// The values that a field must have, where a group asks for nothing else: an index may be
    /// looked up instead of reading all rows.
    pub(super) fn exactly(&self, field: &str) -> Option<Vec<&str>> {
        self.groups.iter().find_map(|group| {
            let [filter] = group.0.as_slice() else {
                return None;
            };
            let value = filter.value.as_deref()?;
            match filter.condition.as_str() {
                _ if filter.field != field => None,
                "in" => Some(value.split(',').collect()),
                "eq" => Some(vec![value]),
                _ => None,
            }
        })
    }
}

impl Filter {
    fn echo(&self) -> Value {
        let mut echo = json!({ "field": self.field });
        if let Some(value) = &self.value {
            echo["value"] = value.as_str().into();
        }
        echo["condition_type"] = self.condition.as_str().into();
        echo
    }

    /// Returns whether a column's value satisfies the filter; NULL satisfies `null` alone. `None` where
    /// the database would refuse the comparison.
    pub(super) fn matches(&self, stored: Option<&str>, by: Comparison) -> Option<bool> {
        if self.condition == "null" {
            return Some(stored.is_none());
        }
        let wanted = self.value.as_deref().unwrap_or_default();
        let Some(stored) = stored else {
            // A bad pattern is an error of the query, whatever the rows hold.
            return if self.condition == "regexp" {
                regex(wanted).map(|_| false)
            } else {
                Some(false)
            };
        };
        let order = |wanted: &str| compare(stored, wanted, by);
        let in_list = || wanted.split(',').any(|one| order(one).is_eq());
        Some(match self.condition.as_str() {
            "notnull" => true,
            "neq" => order(wanted).is_ne(),
            "in" => in_list(),
            "nin" => !in_list(),
            "like" => collation::like(stored, wanted),
            "nlike" => !collation::like(stored, wanted),
            "gt" => order(wanted).is_gt(),
            "gteq" | "moreq" | "from" => order(wanted).is_ge(),
            "lt" => order(wanted).is_lt(),
            "lteq" | "to" => order(wanted).is_le(),
            "finset" => stored.split(',').any(|one| collation::equal(one, wanted)),
            "regexp" => regex(wanted)?.is_match(stored),
            _ => order(wanted).is_eq(),
        })
    }
}

impl Sort {
    fn echo(&self) -> Value {
        let mut echo = json!({ "field": self.field });
        if let Some(direction) = &self.direction {
            echo["direction"] = direction.as_str().into();
        }
        echo
    }

    /// The order of two values of a column; NULL is the least.
    pub(super) fn order(&self, a: Option<&str>, b: Option<&str>, by: Comparison) -> Ordering {
        let ascending = match (a, b) {
            (Some(a), Some(b)) => compare(a, b, by),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        if self.direction.as_deref() == Some("ASC") {
            ascending
        } else {
            ascending.reverse()
        }
    }
}

fn compare(a: &str, b: &str, by: Comparison) -> Ordering {
    match by {
        Comparison::Number => php::number_prefix(a).total_cmp(&php::number_prefix(b)),
        Comparison::Text => collation::compare(a, b),
    }
}

fn regex(pattern: &str) -> Option<Regex> {
    Regex::builder()
        .syntax(syntax::Config::new().case_insensitive(true))
        .build(pattern)
        .ok()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list<T>(value: &Value, item: fn(&Value) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
    members(value).map(|(_, value)| item(value)).collect()
}

fn group_from(value: &Value) -> Result<Group, Problem> {
    let mut group = Group::default();
    for (name, value) in members(value) {
        match php::upper_camel_case(name).as_str() {
            "Filters" => group.0 = list(value, filter_from)?,
            _ => return Err(Problem::unsupported_field(name)),
        }
    }
    Ok(group)
}

fn filter_from(value: &Value) -> Result<Filter, Problem> {
    let mut filter = Filter {
        condition: "eq".to_owned(),
        ..Filter::default()
    };
    for (name, value) in members(value) {
        let text = text_from(name, value);
        match php::upper_camel_case(name).as_str() {
            "Field" => filter.field = text?,
            "Value" => filter.value = Some(text?),
            "ConditionType" => {
                filter.condition = Some(text?)
                    .filter(|c| !c.is_empty())
                    .unwrap_or(filter.condition);
            }
            _ => return Err(Problem::unsupported_field(name)),
        }
    }
    Ok(filter)
}

fn sort_from(value: &Value) -> Result<Sort, Problem> {
    let mut sort = Sort::default();
    for (name, value) in members(value) {
        let text = text_from(name, value);
        match php::upper_camel_case(name).as_str() {
            "Field" => sort.field = text?,
            "Direction" => sort.direction = Some(direction_from(&text?)?),
            _ => return Err(Problem::unsupported_field(name)),
        }
    }
    Ok(sort)
}

fn direction_from(text: &str) -> Result<String, Problem> {
    let direction = text.to_ascii_uppercase();
    if matches!(direction.as_str(), "ASC" | "DESC") {
        return Ok(direction);
    }
    Err(Problem::with(
        400,
        "The sort order has to be specified as %1 for ascending order or %2 for descending order.",
        json!(["ASC", "DESC"]),
    ))
}

fn text_from(name: &str, value: &Value) -> Result<String, Problem> {
    php::string(value).ok_or_else(|| Problem::wrong_field_type(name, value, "string"))
}

fn int_from(name: &str, value: &Value) -> Result<i64, Problem> {
    match php::string(value) {
        Some(text) if php::is_numeric(&text) => Ok(php::int(&text)),
        _ => Err(Problem::wrong_field_type(name, value, "int")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#[path = "search_tests.rs"]
mod tests;
