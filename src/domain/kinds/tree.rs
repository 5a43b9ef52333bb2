//! Trees of conditions: the form in which they are kept, and what Magento would drop or mangle of them
//! with a 200 (`Magento\Rule\Model\Condition\Combine::loadArray` leaves out what it cannot make).

use serde_json::Map;

use super::field::{Charset, ValueProblem};
use super::value::check_charset;
use crate::domain::{Value, nearest};

/// The members of a node, in the order in which they are kept.
const MEMBERS: [&str; 6] = [
    "condition_type",
    "aggregator_type",
    "attribute_name",
    "operator",
    "value",
    "conditions",
];

/// The namespace of Magento's own conditions of cart rules.
const CORE: &str = r"Magento\SalesRule\Model\Rule\Condition\";
const CORE_TYPES: [&str; 6] = [
    "Address",
    "Combine",
    "Product",
    r"Product\Combine",
    r"Product\Found",
    r"Product\Subselect",
];

const OPERATORS: [&str; 11] = [
    "==", "!=", ">=", "<=", ">", "<", "{}", "!{}", "()", "!()", "<=>",
];

/// A tree in the one form in which it is kept: values as texts (`true` of the default tree is `"1"` when
/// it is sent back), and nothing where there is nothing.
pub(super) fn canonical(value: Value) -> Value {
    let Value::Object(mut node) = value else {
        return value;
    };
    let mut kept = Map::new();
    for name in MEMBERS {
        let member = match (name, node.remove(name)) {
            (_, None | Some(Value::Null)) => continue,
            ("attribute_name" | "operator", Some(Value::String(text))) if text.is_empty() => {
                continue;
            }
            ("conditions", Some(Value::Array(list))) if list.is_empty() => continue,
            ("conditions", Some(Value::Array(list))) => {
                Value::Array(list.into_iter().map(canonical).collect())
            }
            ("value", Some(Value::Array(list))) => {
                Value::Array(list.into_iter().map(text).collect())
            }
            ("value", Some(value)) => text(value),
            (_, Some(other)) => other,
        };
        kept.insert(name.to_owned(), member);
    }
    let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    node.retain(|name, value| !(name == "extension_attributes" && nothing(value)));
    kept.append(&mut node);
    Value::Object(kept)
}

fn text(value: Value) -> Value {
    match value {
        Value::Bool(true) => Value::from("1"),
        Value::Number(number) => Value::from(number.to_string()),
        other => other,
    }
}

/// A tree as the store answers: `false` stands for a member that was never given.
pub(crate) fn read(value: Value) -> Value {
    match value {
        Value::Object(node) => Value::Object(
            node.into_iter()
                .filter(|(_, member)| *member != Value::Bool(false))
                .map(|(name, member)| (name, read(member)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(read).collect()),
        other => other,
    }
}

/// Returns what is wrong with a canonical tree.
pub(super) fn check(at: &str, node: &Map<String, Value>, charset: Charset) -> Option<ValueProblem> {
    members(at, node)
        .or_else(|| known_type(at, node))
        .or_else(|| match node.contains_key("aggregator_type") {
            true => combination(at, node),
            false => leaf(at, node),
        })
        .or_else(|| operator(at, node))
        .or_else(|| values(at, node, charset))
        .or_else(|| {
            let inner = node.get("conditions").and_then(Value::as_array);
            inner
                .into_iter()
                .flatten()
                .enumerate()
                .find_map(|(i, one)| {
                    let at = format!("{at}.conditions[{i}]");
                    match one {
                        Value::Object(node) => check(&at, node, charset),
                        _ => Some(wrong(&at, "is no mapping", "write a condition")),
                    }
                })
        })
}

fn wrong(at: &str, what: &str, remedy: impl Into<String>) -> ValueProblem {
    ValueProblem::new("value-bad-condition", format!("`{at}` {what}"), remedy)
}

fn members(at: &str, node: &Map<String, Value>) -> Option<ValueProblem> {
    let odd = node.keys().find(|name| !MEMBERS.contains(&name.as_str()))?;
    let remedy = match nearest(odd, MEMBERS) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("a condition has {}", MEMBERS.join(", ")),
    };
    Some(wrong(
        at,
        &format!("has a `{odd}`, which no condition has"),
        remedy,
    ))
}

/// A class that Magento does not have is left out without a word; those of other vendors are not known.
fn known_type(at: &str, node: &Map<String, Value>) -> Option<ValueProblem> {
    let Some(ty) = node.get("condition_type").and_then(Value::as_str) else {
        return Some(wrong(
            at,
            "has no `condition_type`",
            format!(r"name the class, such as {CORE}Address"),
        ));
    };
    let core = ty.strip_prefix(CORE)?;
    if CORE_TYPES.contains(&core) {
        return None;
    }
    let remedy = match nearest(core, CORE_TYPES) {
        Some(name) => format!("did you mean {CORE}{name}?"),
        None => format!(
            "write one of: {}",
            CORE_TYPES.map(|t| format!("{CORE}{t}")).join(", ")
        ),
    };
    let what = format!("is of type {ty}, which Magento does not have and drops without a word");
    Some(wrong(at, &what, remedy))
}

fn combination(at: &str, node: &Map<String, Value>) -> Option<ValueProblem> {
    let aggregator = node.get("aggregator_type").and_then(Value::as_str);
    if !matches!(aggregator, Some("all" | "any")) {
        return Some(wrong(
            &format!("{at}.aggregator_type"),
            "is unknown to Magento",
            "write `all` or `any`",
        ));
    }
    let counts = node.contains_key("attribute_name");
    let value = node.get("value").and_then(Value::as_str);
    (!counts && !matches!(value, Some("0" | "1"))).then(|| {
        wrong(
            at,
            "combines conditions, but does not say whether they shall be true",
            r#"write `value: "1"` for true, or `value: "0"` for false"#,
        )
    })
}

fn leaf(at: &str, node: &Map<String, Value>) -> Option<ValueProblem> {
    if node.contains_key("conditions") {
        return Some(wrong(
            at,
            "has `conditions`, but no `aggregator_type`",
            "write `aggregator_type: all` or `any`",
        ));
    }
    // what is undefined has no value
    let undefined = node.get("operator").and_then(Value::as_str) == Some("<=>");
    let demanded: &[&str] = match undefined {
        true => &["attribute_name", "operator"],
        false => &["attribute_name", "operator", "value"],
    };
    let lacking = demanded.iter().find(|name| !node.contains_key(**name))?;
    Some(wrong(
        at,
        &format!("has no `{lacking}`"),
        "a condition compares an attribute by an operator with a value",
    ))
}

fn operator(at: &str, node: &Map<String, Value>) -> Option<ValueProblem> {
    let operator = node.get("operator")?;
    let known = operator
        .as_str()
        .is_some_and(|operator| OPERATORS.contains(&operator));
    (!known).then(|| {
        wrong(
            &format!("{at}.operator"),
            &format!("is {operator}, which Magento does not know"),
            format!("write one of: {}", OPERATORS.join("  ")),
        )
    })
}

/// Texts where texts belong.
fn values(at: &str, node: &Map<String, Value>, charset: Charset) -> Option<ValueProblem> {
    let text = |name: &str, value: &Value| {
        let at = format!("{at}.{name}");
        match value {
            Value::String(text) => check_charset(&at, text, charset, false),
            _ => Some(wrong(
                &at,
                "is no text",
                r#"write a text in quotes; true is "1", false is "0""#,
            )),
        }
    };
    let conditions = node.get("conditions");
    if conditions.is_some_and(|inner| !inner.is_array()) {
        return Some(wrong(
            &format!("{at}.conditions"),
            "is no list",
            "write a list",
        ));
    }
    node.iter()
        .filter(|(name, _)| *name != "conditions")
        .find_map(|(name, value)| match (name.as_str(), value) {
            ("value", Value::Array(list)) => list.iter().find_map(|one| text("value", one)),
            (name, value) => text(name, value),
        })
}

/// The root of a tree is always of one class: Magento takes whatever else is written there for it.
pub(super) fn check_root(value: &Value, root: &str) -> Option<ValueProblem> {
    let ty = value.get("condition_type").and_then(Value::as_str)?;
    (ty != root).then(|| {
        ValueProblem::new(
            "value-bad-condition",
            format!("the root of the tree is of type {ty}, which Magento takes for {root}"),
            format!("write `condition_type: {root}` and put the other beneath it"),
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    const ROOT: &str = r"Magento\SalesRule\Model\Rule\Condition\Combine";

    fn subtotal() -> Value {
        json!({"condition_type": format!("{CORE}Address"), "operator": ">=",
            "attribute_name": "base_subtotal", "value": "50"})
    }

    fn tree(inner: Value) -> Value {
        json!({"condition_type": ROOT, "aggregator_type": "all", "value": "1", "conditions": [inner]})
    }

    fn problem(value: Value) -> Option<String> {
        let value = canonical(value);
        let problem = check("condition", value.as_object().unwrap(), Charset::default());
        problem.map(|problem| problem.message)
    }

    #[test]
    fn what_means_the_same_has_one_form() {
        let default = json!({"condition_type": ROOT, "aggregator_type": "all", "operator": null, "value": true});
        let sent = json!({"value": "1", "conditions": [], "aggregator_type": "all", "condition_type": ROOT});
        assert_eq!(canonical(read(default)), canonical(sent));
        let mut number = subtotal();
        number["value"] = json!(50);
        assert_eq!(canonical(tree(number)), canonical(tree(subtotal())));
        let mut never_given = subtotal();
        never_given["value"] = json!(false);
        assert!(canonical(read(never_given)).get("value").is_none());
        let once = canonical(tree(subtotal()));
        assert_eq!(canonical(once.clone()), once);
    }

    #[test]
    fn what_magento_would_drop_or_mangle_is_refused() {
        assert_eq!(problem(tree(subtotal())), None);
        let with = |name: &str, value: Value| {
            let mut leaf = subtotal();
            leaf[name] = value;
            problem(tree(leaf))
        };
        for (name, value, words) in [
            (
                "condition_type",
                json!(format!("{CORE}Adress")),
                "drops without a word",
            ),
            ("condition_type", Value::Null, "has no `condition_type`"),
            ("operator", json!("=>"), "does not know"),
            ("operator", Value::Null, "has no `operator`"),
            ("nosuch", json!("1"), "has a `nosuch`"),
            ("value", json!(false), "is no text"),
            ("value", json!("😀"), "four-byte"),
            ("aggregator_type", json!("some"), "is unknown"),
            ("conditions", json!([subtotal()]), "no `aggregator_type`"),
        ] {
            let found = with(name, value).unwrap();
            assert!(found.contains(words), "{found}");
            assert!(found.contains("condition.conditions[0]"), "{found}");
        }
        assert_eq!(with("condition_type", json!(r"Acme\Rules\Weather")), None);
        let undecided = json!({"condition_type": ROOT, "aggregator_type": "all"});
        assert!(problem(undecided).unwrap().contains("shall be true"));
    }

    #[test]
    fn the_root_is_of_its_class() {
        assert_eq!(check_root(&tree(subtotal()), ROOT), None);
        assert!(check_root(&subtotal(), ROOT).is_some());
    }
}
