//! The `store` of a change: all views, one, or a list.

use std::collections::BTreeSet;

use crate::domain::{StoreCode, StoreScope};
use crate::manifest::mapping::text_of;
use crate::manifest::report::{Report, quote};
use crate::yaml::{Node, Place, Yaml};

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<StoreScope> {
    const WANTED: &str = "a store view's code, `all`, or a list of codes";
    let remedy = "write `store: all`, `store: de` or `store: [default, fr]`";
    match &node.value {
        Yaml::Text(text) if text == "all" => Some(StoreScope::All),
        Yaml::Text(text) => read_view(text, node.place, report).map(StoreScope::view),
        Yaml::List(items) if items.is_empty() => {
            let message = "the list of store views is empty";
            report.critical("bad-store", node.place, message, remedy);
            None
        }
        Yaml::List(items) => read_views(items, report),
        other => {
            report.wrong_type(node.place, "`store`", other.label(), WANTED, remedy);
            None
        }
    }
}

fn read_views(items: &[Node], report: &mut Report<'_>) -> Option<StoreScope> {
    let mut views = BTreeSet::new();
    let mut good = true;
    for item in items {
        let view = text_of(item, "a store view", report)
            .and_then(|text| read_view(text, item.place, report));
        let Some(view) = view else {
            good = false;
            continue;
        };
        if views.contains(&view) {
            good = false;
            report.critical(
                "bad-store",
                item.place,
                format!("store view `{view}` is listed twice"),
                "list each view once",
            );
        }
        views.insert(view);
    }
    good.then_some(StoreScope::Views(views.into()))
}

fn read_view(text: &str, place: Place, report: &mut Report<'_>) -> Option<StoreCode> {
    let remedy = match text {
        "admin" => "write `store: all` for all store views",
        "all" => "write `store: all`, not in a list",
        _ => "use the code of a store view, as in Stores > All Stores",
    };
    match StoreCode::new(text) {
        Ok(code) => Some(code),
        Err(_) if matches!(text, "all" | "admin") => {
            let message = format!("`{text}` is no store view");
            report.critical("bad-store", place, message, remedy);
            None
        }
        Err(_) => {
            let message = format!(
                "{} is no code of a store view: a letter, then letters, digits and `_`, 32 at most",
                quote(text)
            );
            report.critical("bad-store", place, message, remedy);
            None
        }
    }
}
