//! The `fields=` parameter: which parts of an answer are sent.

use serde_json::{Map, Value};

/// Names to keep; each with the names inside it, or with nothing to keep it whole.
#[derive(Debug, Default, PartialEq)]
struct Filter(Vec<(String, Option<Filter>)>);

/// Keeps the named parts of an answer. A malformed filter keeps nothing; scalars pass.
pub(super) fn project(answer: Value, fields: &str) -> Value {
    if !(answer.is_object() || answer.is_array()) || fields.is_empty() {
        return answer;
    }
    match parse(fields) {
        Some(filter) => apply(answer, &filter),
        None => Value::Array(Vec::new()),
    }
}

/// `None` where a character is neither of a name nor one of `[`, `]` and `,`.
fn parse(fields: &str) -> Option<Filter> {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !fields.chars().all(|c| name(c) || "[],".contains(c)) {
        return None;
    }
    let mut outer: Vec<(Filter, Option<String>)> = Vec::new();
    let mut current = Filter::default();
    let mut last: Option<String> = None;
    let mut rest = fields;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '[' => {
                outer.push((std::mem::take(&mut current), last.take()));
                1
            }
            ']' => {
                if let Some((parent, element)) = outer.pop() {
                    let inner = std::mem::replace(&mut current, parent);
                    if let Some(element) = element {
                        current.set(element, Some(inner));
                    }
                }
                1
            }
            ',' => 1,
            _ => {
                let end = rest.find(|c| !name(c)).unwrap_or(rest.len());
                current.set(rest[..end].to_owned(), None);
                last = Some(rest[..end].to_owned());
                end
            }
        };
        rest = &rest[length..];
    }
    Some(current)
}

impl Filter {
    fn set(&mut self, name: String, inner: Option<Self>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, inner));
    }

    fn get(&self, name: &str) -> Option<&Option<Self>> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, inner)| inner)
    }
}

/// A list is filtered item by item. An empty list becomes `null`: Magento never sets its result.
fn apply(answer: Value, filter: &Filter) -> Value {
    match answer {
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(map) => keep(map, filter),
                other => other,
            })
            .collect(),
        Value::Object(map) => keep(map, filter),
        other => other,
    }
}

fn keep(map: Map<String, Value>, filter: &Filter) -> Value {
    let kept: Map<String, Value> = map
        .into_iter()
        .filter_map(|(name, value)| {
            let inner = filter.get(&name)?;
            Some(match inner {
                Some(inner) => (name, apply(value, inner)),
                None => (name, value),
            })
        })
        .collect();
    if kept.is_empty() {
        Value::Array(Vec::new())
    } else {
        Value::Object(kept)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_and_flat_names() {
        let answer = json!({"items": [{"id": 1, "title": "x", "content": "y"}], "total_count": 1});
        assert_eq!(
            project(answer.clone(), "items[id,title],total_count"),
            json!({"items": [{"id": 1, "title": "x"}], "total_count": 1})
        );
        assert_eq!(
            project(answer.clone(), "total_count"),
            json!({"total_count": 1})
        );
        assert_eq!(
            project(answer.clone(), "items"),
            json!({"items": answer["items"]})
        );
    }

    #[test]
    fn an_empty_list_becomes_null() {
        let answer = json!({"items": [], "total_count": 0});
        assert_eq!(
            project(answer, "items[id],total_count"),
            json!({"items": null, "total_count": 0})
        );
    }

    #[test]
    fn unknown_and_malformed_names_keep_nothing() {
        let answer = json!({"id": 1});
        assert_eq!(project(answer.clone(), "nosuch"), json!([]));
        assert_eq!(project(answer.clone(), "id title"), json!([]));
        assert_eq!(project(json!(true), "id"), json!(true));
        assert_eq!(project(answer.clone(), ""), answer);
    }
}
