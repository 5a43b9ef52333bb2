//! One change of a release file.

use std::collections::BTreeSet;

use super::mapping::{Entry, Mapping, entries, text_of};
use super::node::{Node, Yaml};
use super::report::{Report, quote, suggestion};
use super::source::Place;
use super::value::{self, FieldValue};
use crate::domain::key::{self, KeyShape};
use crate::domain::kinds::{Charset, FieldSpec, Owner, Scoping};
use crate::domain::{Ensure, EntityKey, EntityRef, FieldName, Kind, StoreCode, StoreScope};

/// The keys of a change.
pub(super) const CHANGE_KEYS: &[&str] = &["kind", "key", "store", "ensure", "fields"];
const ENSURES: [Ensure; 3] = [Ensure::Present, Ensure::Existing, Ensure::Absent];

/// One change that could be read.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) entity: EntityRef,
    pub(super) ensure: Ensure,
    /// Whether `ensure` stands in the file.
    pub(super) spelled_out: bool,
    /// Where the change begins.
    pub(super) place: Place,
    /// Of `ensure` where it is spelled out, else of the change.
    pub(super) ensure_place: Place,
    pub(super) fields: Vec<Field>,
}

/// One field of a change.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: FieldName,
    pub(super) spec: &'static FieldSpec,
    /// Of the key.
    pub(super) place: Place,
    pub(super) value: FieldValue,
}

/// The parts of a change, each where it could be read.
struct Draft<'n> {
    place: Place,
    kind: Option<Kind>,
    key: Option<(String, Place)>,
    store: Option<(StoreScope, Place)>,
    ensure: Option<(Ensure, Place)>,
    /// Whether `ensure` is there but cannot be read, so that nothing follows from its default.
    bad_ensure: bool,
    fields: Option<Entry<'n>>,
}

/// What must hold for a change as a whole.
const CHECKS: &[fn(&Draft<'_>, &mut Report<'_>)] = &[
    key_fits_the_kind,
    store_fits_the_kind,
    something_is_set,
    absent_sets_nothing,
    absent_can_be_undone,
    present_can_be_created,
    views_do_not_exist_alone,
];

/// Reads one change: one for each entity that it names, so several where a list of views stands for as
/// many scopes of values. None when it does not name an entity; why, stands in the report.
pub(super) fn read(node: &Node, charset: Charset, report: &mut Report<'_>) -> Vec<Change> {
    let Some(map) = Mapping::read(node, "a change", CHANGE_KEYS, report) else {
        return Vec::new();
    };
    let kind = read_kind(&map, node.place, report);
    let ensure = map.get("ensure").map(|entry| read_ensure(entry, report));
    let draft = Draft {
        place: node.place,
        key: read_key(kind, &map, node.place, report),
        kind,
        store: match map.get("store") {
            None => Some((StoreScope::All, node.place)),
            Some(entry) => read_store(entry.value, report).map(|store| (store, entry.value.place)),
        },
        bad_ensure: ensure.is_some_and(|ensure| ensure.is_none()),
        ensure: ensure.flatten(),
        fields: map.get("fields"),
    };
    for check in CHECKS {
        check(&draft, report);
    }
    finish(draft, charset, report)
        .map(one_for_each_scope)
        .unwrap_or_default()
}

/// Of a kind whose values are those of a view, a list of views says the same of each.
fn one_for_each_scope(change: Change) -> Vec<Change> {
    match (change.entity.kind.scoping, &change.entity.store) {
        (Scoping::Values | Scoping::Rows, StoreScope::Views(views)) => views
            .iter()
            .map(|view| {
                let mut one = change.clone();
                one.entity.store = StoreScope::view(view.clone());
                one
            })
            .collect(),
        (Scoping::Assignment { .. } | Scoping::Global, _) | (_, StoreScope::All) => vec![change],
    }
}

fn finish(draft: Draft<'_>, charset: Charset, report: &mut Report<'_>) -> Option<Change> {
    let all = StoreScope::All;
    let fields = match draft.fields {
        Some(entry) => {
            let store = draft.store.as_ref().map_or(&all, |(store, _)| store);
            read_fields(draft.kind, store, entry, charset, report)
        }
        None => Vec::new(),
    };
    let kind = draft.kind?;
    let (store, _) = draft.store?;
    let key = EntityKey::new(draft.key?.0).ok()?;
    let (ensure, ensure_place) = match draft.ensure {
        Some((ensure, place)) => (ensure, place),
        None if draft.bad_ensure => return None,
        None => (default_ensure(kind, &store), draft.place),
    };
    let fields = match ensure {
        Ensure::Absent => Vec::new(),
        Ensure::Present | Ensure::Existing => fields,
    };
    Some(Change {
        entity: EntityRef { kind, key, store },
        ensure,
        spelled_out: draft.ensure.is_some(),
        place: draft.place,
        ensure_place,
        fields,
    })
}

/// `present`; but what REST cannot create must exist already.
fn default_ensure(kind: Kind, store: &StoreScope) -> Ensure {
    let of_view = kind.scoping == Scoping::Values && *store != StoreScope::All;
    if of_view || is_list_that_rest_cannot_create(kind, store) {
        Ensure::Existing
    } else {
        Ensure::Present
    }
}

fn is_list_that_rest_cannot_create(kind: Kind, store: &StoreScope) -> bool {
    match kind.scoping {
        Scoping::Assignment { .. } => *store != StoreScope::All && store.single().is_none(),
        Scoping::Global | Scoping::Values | Scoping::Rows => false,
    }
}

fn read_kind(map: &Mapping<'_>, place: Place, report: &mut Report<'_>) -> Option<Kind> {
    let names = Kind::all().map(|kind| kind.name);
    let Some(Entry { value, .. }) = map.get("kind") else {
        let remedy = suggestion("", names.collect::<Vec<_>>());
        report.critical("missing-kind", place, "the change has no `kind`", remedy);
        return None;
    };
    let name = text_of(value, "`kind`", report)?;
    let kind = Kind::from_name(name);
    if kind.is_none() {
        report.critical(
            "unknown-kind",
            value.place,
            format!("unknown kind {}", quote(name)),
            suggestion(name, names.collect::<Vec<_>>()),
        );
    }
    kind
}

fn read_key(
    kind: Option<Kind>,
    map: &Mapping<'_>,
    place: Place,
    report: &mut Report<'_>,
) -> Option<(String, Place)> {
    const REMEDY: &str = "name the entity, such as `key: home`";
    let Some(Entry { value, .. }) = map.get("key") else {
        report.critical("missing-key", place, "the change has no `key`", REMEDY);
        return None;
    };
    let key = match (&value.value, kind.map(|kind| kind.key)) {
        (Yaml::Map(_), Some(KeyShape::Parts(names))) => read_parts(names, value, report)?,
        _ => text_of(value, "`key`", report)?.to_owned(),
    };
    if let Err(error) = EntityKey::new(key.as_str()) {
        report.critical("bad-key", value.place, error.to_string(), REMEDY);
        return None;
    }
    let parts = match kind.map(|kind| kind.key) {
        None | Some(KeyShape::Plain) => Vec::new(),
        Some(KeyShape::Path) => key::names(&key),
        Some(KeyShape::Parts(names)) => {
            let parts = key::parts(&key);
            if parts.len() != names.len() {
                report.critical(
                    "bad-key",
                    value.place,
                    format!(
                        "key {} has {} of its {} parts",
                        quote(&key),
                        parts.len(),
                        names.len()
                    ),
                    format!("write {}", spelled(names)),
                );
                return None;
            }
            parts
        }
    };
    if parts.iter().any(String::is_empty) {
        let message = format!("key {} has an empty part", quote(&key));
        report.critical("bad-key", value.place, message, "give each part a name");
        return None;
    }
    Some((key, value.place))
}

/// `key: { sku: …, source: … }`, and as one text.
fn spelled(names: &[&str]) -> String {
    let parts: Vec<String> = names.iter().map(|name| format!("{name}: …")).collect();
    format!(
        "`key: {{ {} }}`, or `{}`",
        parts.join(", "),
        names.join("|")
    )
}

fn read_parts(
    names: &'static [&'static str],
    node: &Node,
    report: &mut Report<'_>,
) -> Option<String> {
    let map = Mapping::read(node, "`key`", names, report)?;
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let Some(entry) = map.get(name) else {
            let message = format!("the key has no `{name}`");
            report.critical(
                "missing-key",
                node.place,
                message,
                format!("write {}", spelled(names)),
            );
            return None;
        };
        let part = match &entry.value.value {
            // a quantity, or a code of digits
            Yaml::Number(number) => number.to_string(),
            _ => text_of(entry.value, &format!("`{name}`"), report)?.to_owned(),
        };
        parts.push(part);
    }
    Some(key::of_parts(parts.iter().map(String::as_str)))
}

fn read_ensure(entry: Entry<'_>, report: &mut Report<'_>) -> Option<(Ensure, Place)> {
    let text = text_of(entry.value, "`ensure`", report)?;
    let found = ENSURES.into_iter().find(|ensure| ensure.as_str() == text);
    if found.is_none() {
        report.critical(
            "unknown-ensure",
            entry.value.place,
            format!("unknown `ensure` {}", quote(text)),
            suggestion(text, ENSURES.map(Ensure::as_str)),
        );
    }
    found.map(|ensure| (ensure, entry.key.place))
}

fn read_store(node: &Node, report: &mut Report<'_>) -> Option<StoreScope> {
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

fn read_fields(
    kind: Option<Kind>,
    store: &StoreScope,
    entry: Entry<'_>,
    charset: Charset,
    report: &mut Report<'_>,
) -> Vec<Field> {
    let entries = entries(entry.value, "`fields`", report);
    let (Some(kind), Some(entries)) = (kind, entries) else {
        return Vec::new();
    };
    let mut fields = Vec::with_capacity(entries.len());
    for (name, Entry { key, value }) in entries {
        let Some(spec) = settable_field(kind, store, name, key.place, report) else {
            continue;
        };
        let of = value::Of {
            kind,
            store,
            name,
            spec,
        };
        let Some(value) = value::read(of, value, charset, report) else {
            continue;
        };
        if let Ok(name) = FieldName::new(name) {
            fields.push(Field {
                name,
                spec,
                place: key.place,
                value,
            });
        }
    }
    fields
}

fn settable_field(
    kind: Kind,
    store: &StoreScope,
    name: &str,
    place: Place,
    report: &mut Report<'_>,
) -> Option<&'static FieldSpec> {
    let Some(spec) = kind.field(name) else {
        let names: Vec<&str> = kind.settable().map(|field| field.name).collect();
        report.critical(
            "unknown-field",
            place,
            format!("unknown field {} of kind `{kind}`", quote(name)),
            suggestion(name, names),
        );
        return None;
    };
    let (why, remedy) = match spec.owner_under(store) {
        Owner::File | Owner::Fixed(_) => return Some(spec),
        Owner::Whole => (
            "it goes with the entity when that is deleted or made again",
            "take it out, and use the kind that it belongs to",
        ),
        Owner::Key | Owner::KeyUnderAll => (
            "it is what names the entity",
            "take it out; `key` of the change names the entity",
        ),
        Owner::Store(why) => (why, "take it out"),
        Owner::Refused(why) => (why, "take it out, and set it in Magento's admin if need be"),
    };
    report.critical(
        "read-only-field",
        place,
        format!("field `{name}` of kind `{kind}` cannot be set: {why}"),
        remedy,
    );
    None
}

fn key_fits_the_kind(draft: &Draft<'_>, report: &mut Report<'_>) {
    if let (Some(kind), Some((key, place))) = (draft.kind, &draft.key)
        && let Some(problem) = (kind.check_key)(key)
    {
        report.problem(*place, problem);
    }
}

fn store_fits_the_kind(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, place))) = (draft.kind, &draft.store) else {
        return;
    };
    if kind.scoping == Scoping::Global && *store != StoreScope::All {
        report.critical(
            "store-of-global",
            *place,
            format!(
                "a {} has one value for all store views, so there is none of {store}",
                kind.label
            ),
            "take `store` out",
        );
    }
}

/// The values of a view are no entity: they come and go with the one under `all`.
fn views_do_not_exist_alone(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let of_view = kind.scoping == Scoping::Values && *store != StoreScope::All;
    match draft.ensure {
        Some((ensure @ (Ensure::Absent | Ensure::Present), place)) if of_view => report.critical(
            "ensure-of-view",
            place,
            format!(
                "`ensure: {}` under {store}: a {} exists for all views, and has only values of its own under some",
                ensure.as_str(),
                kind.label
            ),
            "write it in a change with `store: all`; a view's own value goes away with `{ default: true }`",
        ),
        _ => {}
    }
}

fn something_is_set(draft: &Draft<'_>, report: &mut Report<'_>) {
    if draft.bad_ensure || matches!(draft.ensure, Some((Ensure::Absent, _))) {
        return;
    }
    match draft.fields {
        None => report.critical(
            "missing-fields",
            draft.place,
            "the change has no `fields`",
            "list what it sets, or write `ensure: absent` to delete the entity",
        ),
        Some(Entry { key, value }) if matches!(&value.value, Yaml::Map(map) if map.is_empty()) => {
            report.warning(
                "no-fields",
                key.place,
                "`fields` is empty: the change sets nothing",
                "list what it sets, or take the change out",
            );
        }
        Some(_) => {}
    }
}

fn absent_sets_nothing(draft: &Draft<'_>, report: &mut Report<'_>) {
    if let (Some((Ensure::Absent, _)), Some(fields)) = (draft.ensure, draft.fields) {
        report.critical(
            "fields-of-absent",
            fields.key.place,
            "`fields` of an entity that shall be absent",
            "take `fields` out, or `ensure: absent`",
        );
    }
}

fn absent_can_be_undone(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let Some((Ensure::Absent, place)) = draft.ensure else {
        return;
    };
    if let Some(why) = kind.permanent {
        report.critical(
            "absent-cannot-be-undone",
            place,
            format!("a {} cannot be deleted: {why}", kind.label),
            "take the change out",
        );
    }
    if is_list_that_rest_cannot_create(kind, store) {
        report.critical(
            "absent-cannot-be-undone",
            place,
            format!("a {} assigned to several single views ({store}) could not be made again: REST creates for one view or for all", kind.label),
            "set `active: false` instead, or delete it in Magento's admin",
        );
    }
}

fn present_can_be_created(draft: &Draft<'_>, report: &mut Report<'_>) {
    let (Some(kind), Some((store, _))) = (draft.kind, &draft.store) else {
        return;
    };
    let Some((Ensure::Present, place)) = draft.ensure else {
        return;
    };
    if is_list_that_rest_cannot_create(kind, store) {
        report.critical(
            "present-cannot-be-created",
            place,
            format!("a {} assigned to several single views ({store}) cannot be created: REST creates for one view or for all", kind.label),
            "create it in Magento's admin and write `ensure: existing`, or use one change for each view",
        );
    }
}
