//! One change of a release file.

mod checks;
mod key;
mod scope;

use super::mapping::{Entry, Mapping, entries, text_of};
use super::report::{Report, quote, suggestion};
use super::value::{self, FieldValue};
use crate::domain::kinds::{Charset, FieldSpec, Owner, Scoping};
use crate::domain::{Ensure, EntityKey, EntityRef, FieldName, Kind, StoreScope};
use crate::yaml::{Node, Place};

/// The keys of a change.
pub(super) const CHANGE_KEYS: &[&str] = &["kind", "key", "store", "ensure", "fields"];
const ENSURES: [Ensure; 3] = [Ensure::Present, Ensure::Existing, Ensure::Absent];

/// One change that could be read.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) entity: EntityRef,
    pub(super) ensure: Ensure,
    /// True if `ensure` stands in the file.
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
    /// True if `ensure` is there but cannot be read, so that nothing follows from its default.
    bad_ensure: bool,
    fields: Option<Entry<'n>>,
}

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
        key: key::read(kind, &map, node.place, report),
        kind,
        store: match map.get("store") {
            None => Some((StoreScope::All, node.place)),
            Some(entry) => scope::read(entry.value, report).map(|store| (store, entry.value.place)),
        },
        bad_ensure: ensure.is_some_and(|ensure| ensure.is_none()),
        ensure: ensure.flatten(),
        fields: map.get("fields"),
    };
    for check in checks::CHECKS {
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
