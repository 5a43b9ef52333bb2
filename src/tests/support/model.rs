//! What the files of a random history say, and what undoing a release makes of them: the model that
//! the histories through the library and those through the whole program are generated from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

/// What one file says of one entity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    ensure: Option<&'static str>,
    title: Option<u8>,
    content: Option<u8>,
    active: Option<bool>,
}

const FILES: usize = 3;
const CONTENTS: u8 = 3;

/// What all files say, by the numbers of the file and of the entity.
pub(crate) type Files = BTreeMap<(usize, usize), Spec>;

/// One file says something else of one entity, or nothing any more.
pub(crate) type Edit = (usize, usize, Option<Spec>);

/// An edit as it was carried out.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) at: (usize, usize),
    pub(crate) before: Option<Spec>,
    pub(crate) after: Option<Spec>,
}

/// The files in a commit, of entities as `[kind, key, store]`.
pub(crate) fn tree(files: &Files, entities: &[[&str; 3]]) -> BTreeMap<String, String> {
    let mut tree = BTreeMap::new();
    for n in 0..CONTENTS {
        tree.insert(format!("content/{n}.html"), format!("<p>{n}</p>\r\n"));
    }
    for file in 0..FILES {
        let mut text = String::new();
        for ((_, at), spec) in files.range((file, 0)..(file + 1, 0)) {
            let [kind, key, store] = entities[*at];
            let head = format!("  - kind: {kind}\n    key: \"{key}\"\n    store: {store}\n");
            text.push_str(&head);
            spec.write(&Words::of(kind, store), &mut text);
        }
        if !text.is_empty() {
            tree.insert(format!("releases/{file}.yaml"), format!("changes:\n{text}"));
        }
    }
    tree
}

/// What can be said of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// True if it is there, and three fields.
    Whole,
    /// Three fields of what is always there: the values of a view.
    Fields,
    /// True if it is there, and one field.
    Row,
    /// One field of what is always there.
    Value,
}

/// What the three fields of the model are called in an entity, and what their values are there.
struct Words {
    title: fn(u8) -> String,
    content: fn(u8) -> String,
    active: fn(bool) -> String,
    /// What an entity of this kind cannot be made without.
    always: &'static str,
}

impl Words {
    fn of(kind: &str, store: &str) -> Self {
        let page = Self {
            title: |n| format!("title: title {n}"),
            content: |n| format!("content: {{ file: content/{n}.html }}"),
            active: |yes| format!("active: {yes}"),
            always: "",
        };
        match (kind, store) {
            ("product", "all") => Self {
                title: |n| format!("name: title {n}"),
                content: |n| format!("description: {{ file: content/{n}.html }}"),
                active: |yes| format!("status: {}", if yes { 1 } else { 2 }),
                always: "      price: 20\n      attribute_set_id: Default\n      weight: 1\n",
            },
            ("product", _) => Self {
                title: |n| format!("name: title {n}"),
                content: |n| match n {
                    0 => "description: { default: true }".to_owned(),
                    n => format!("description: {{ file: content/{n}.html }}"),
                },
                active: |yes| format!("meta_title: {yes} title"),
                always: "",
            },
            ("category", _) => Self {
                title: |n| format!("meta_title: title {n}"),
                content: |n| format!("description: {{ file: content/{n}.html }}"),
                active: |yes| format!("meta_keywords: words {yes}"),
                always: if store == "all" {
                    "      is_active: true\n"
                } else {
                    ""
                },
            },
            ("category_product", _) => Self {
                title: |n| format!("position: {n}"),
                ..page
            },
            ("tier_price", _) => Self {
                title: |n| format!("price: {}.5", n + 1),
                always: "      price_type: fixed\n",
                ..page
            },
            ("source_item", _) => Self {
                title: |n| format!("quantity: {}", 10 * n),
                always: "      status: 1\n",
                ..page
            },
            ("special_price", _) => Self {
                title: |n| format!("price: {}", 10 + n),
                always: "      price_from: 2030-01-01 00:00:00\n      price_to: 2030-01-31 00:00:00\n",
                ..page
            },
            ("base_price", _) => Self {
                title: |n| format!("price: {}", 20 + n),
                ..page
            },
            ("cart_rule", _) => Self {
                title: |n| format!("description: text {n}"),
                content: |n| format!("discount_amount: {}", 10 + n),
                active: |yes| format!("is_active: {yes}"),
                always: "      website_ids: [base]\n      customer_group_ids: [General]\n",
            },
            _ => page,
        }
    }
}

impl Spec {
    /// Sets what of it an entity of this form can be asked for.
    pub(crate) fn fit(mut self, form: Form) -> Self {
        if form != Form::Whole {
            self.ensure = self.ensure.filter(|_| form == Form::Row);
        }
        if form == Form::Row || form == Form::Value {
            (self.content, self.active) = (None, None);
        }
        if self.ensure != Some("absent") && !self.sets_a_field() {
            self.title = Some(0);
        }
        self
    }

    fn write(&self, words: &Words, text: &mut String) {
        if let Some(ensure) = self.ensure {
            writeln!(text, "    ensure: {ensure}").unwrap();
        }
        if !self.sets_a_field() {
            return;
        }
        let mut fields = words.always.to_owned();
        let set = [
            self.title.map(words.title),
            self.content.map(words.content),
            self.active.map(words.active),
        ];
        for line in set.into_iter().flatten().filter(|line| !line.is_empty()) {
            writeln!(fields, "      {line}").unwrap();
        }
        if !fields.is_empty() {
            write!(text, "    fields:\n{fields}").unwrap();
        }
    }

    fn sets_a_field(&self) -> bool {
        self.title.is_some() || self.content.is_some() || self.active.is_some()
    }

    /// True if it may stand in a file: an absent entity has no fields, any other has one.
    fn is_valid(&self) -> bool {
        (self.ensure == Some("absent")) != self.sets_a_field()
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    let ensure = prop_oneof![
        6 => Just(None),
        1 => Just(Some("present")),
        1 => Just(Some("existing")),
        2 => Just(Some("absent")),
    ];
    (
        ensure,
        prop::option::weighted(0.8, 0_u8..3),
        prop::option::of(0..CONTENTS),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(ensure, title, content, active)| {
            let mut spec = Spec {
                ensure,
                title,
                content,
                active,
            };
            if ensure == Some("absent") {
                (spec.title, spec.content, spec.active) = (None, None, None);
            } else if !spec.sets_a_field() {
                spec.title = Some(0);
            }
            spec
        })
}

/// Edits of so many entities.
pub(crate) fn edit(entities: usize) -> impl Strategy<Value = Edit> {
    (0..FILES, 0..entities, prop::option::weighted(0.85, spec()))
}

pub(crate) fn set(files: &mut Files, at: (usize, usize), spec: Option<Spec>) {
    match spec {
        Some(spec) => files.insert(at, spec),
        None => files.remove(&at),
    };
}

/// Carries edits out; those that change nothing are no changes.
pub(crate) fn apply(files: &mut Files, edits: &[Edit]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (file, entity, spec) in edits {
        let at = (*file, *entity);
        let before = files.get(&at).cloned();
        if before == *spec {
            continue;
        }
        set(files, at, spec.clone());
        let after = spec.clone();
        changes.push(Change { at, before, after });
    }
    changes
}

/// All that is different between two trees, as one change of each entity in a file.
pub(crate) fn between(before: &Files, after: &Files) -> Vec<Change> {
    let mut places: Vec<_> = before.keys().chain(after.keys()).copied().collect();
    places.sort_unstable();
    places.dedup();
    let changes = places.into_iter().map(|at| Change {
        at,
        before: before.get(&at).cloned(),
        after: after.get(&at).cloned(),
    });
    changes.filter(|c| c.before != c.after).collect()
}

/// The fields in which two versions of a change differ; its being there is one of them.
fn differing(a: Option<&Spec>, b: Option<&Spec>) -> Vec<&'static str> {
    let of = |spec: Option<&Spec>| {
        [
            // Spelled out or not, `present` is the same demand.
            (
                "ensure",
                spec.map(|s| s.ensure.unwrap_or("present").to_owned()),
            ),
            ("title", spec.and_then(|s| s.title).map(|v| v.to_string())),
            (
                "content",
                spec.and_then(|s| s.content).map(|v| v.to_string()),
            ),
            ("active", spec.and_then(|s| s.active).map(|v| v.to_string())),
        ]
    };
    let (a, b) = (of(a), of(b));
    let pairs = a.into_iter().zip(b);
    pairs
        .filter(|(a, b)| a != b)
        .map(|((name, _), _)| name)
        .collect()
}

/// True if something that a release changed is different before and after a commit.
pub(crate) fn shows(changes: &[Change], before: &Files, after: &Files) -> bool {
    changes.iter().any(|change| {
        let own = differing(change.before.as_ref(), change.after.as_ref());
        let net = differing(before.get(&change.at), after.get(&change.at));
        own.iter().any(|field| net.contains(field))
    })
}

/// True if two releases change the same field.
pub(crate) fn share(a: &[Change], b: &[Change]) -> bool {
    let fields = |changes: &[Change]| -> BTreeSet<_> {
        let each = changes.iter().flat_map(|change| {
            let own = differing(change.before.as_ref(), change.after.as_ref());
            own.into_iter().map(|field| (change.at.1, field))
        });
        each.collect()
    };
    !fields(a).is_disjoint(&fields(b))
}

/// Returns what undoing changes makes of the files, where nothing since is in the way.
pub(crate) fn undone(files: &Files, changes: &[Change]) -> Option<Files> {
    let mut files = files.clone();
    for Change { at, before, after } in changes.iter().rev() {
        let spec = undone_spec(files.get(at), before.as_ref(), after.as_ref())?;
        set(&mut files, *at, spec);
    }
    Some(files)
}

/// The same for one entity in one file: field by field, as lines that are apart.
#[allow(
    clippy::option_option,
    reason = "the outer one says whether it can be undone"
)]
fn undone_spec(
    now: Option<&Spec>,
    before: Option<&Spec>,
    after: Option<&Spec>,
) -> Option<Option<Spec>> {
    if now == after {
        return Some(before.cloned());
    }
    let (now, before, after) = (now?, before?, after?);
    let spec = Spec {
        ensure: undone_field(now.ensure, before.ensure, after.ensure)?,
        title: undone_field(now.title, before.title, after.title)?,
        content: undone_field(now.content, before.content, after.content)?,
        active: undone_field(now.active, before.active, after.active)?,
    };
    spec.is_valid().then_some(Some(spec))
}

fn undone_field<T: PartialEq>(now: T, before: T, after: T) -> Option<T> {
    if before == after {
        Some(now)
    } else {
        (now == after).then_some(before)
    }
}
