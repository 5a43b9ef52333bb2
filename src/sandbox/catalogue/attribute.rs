//! Attributes of products and categories: the metadata that says what their values mean.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::search::Comparison;
use super::attribute_option::{self, Choice};
use super::attribute_set::DEFAULT_SET;
use super::eav::{Backend, Scope};
use super::records::Record;
use super::system;

/// One attribute of products or categories.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) id: u64,
    pub(super) code: String,
    /// The label in the admin.
    pub(super) label: String,
    /// The labels of views.
    pub(super) labels: BTreeMap<u32, String>,
    pub(super) input: String,
    pub(super) backend: Backend,
    pub(super) scope: Scope,
    pub(super) required: bool,
    pub(super) unique: bool,
    pub(super) user_defined: bool,
    pub(super) default: Option<String>,
    pub(super) source: Source,
    /// The rows of options, where the source is a table.
    pub(super) options: Vec<Choice>,
    /// Everything else that can be set.
    pub(super) flags: Record,
    /// The attribute sets that it is in; a product of another set has no value. System attributes
    /// are in all of them.
    pub(super) sets: BTreeSet<u64>,
}

/// The origin of an attribute's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    None,
    /// From rows that can be edited.
    Table,
    Boolean,
    /// From code.
    Fixed(&'static [(&'static str, &'static str)]),
}

impl Attribute {
    pub(super) fn new(id: u64, code: &str, input: &str, backend: Backend, scope: Scope) -> Self {
        Self {
            id,
            code: code.to_owned(),
            label: String::new(),
            labels: BTreeMap::new(),
            input: input.to_owned(),
            backend,
            scope,
            required: false,
            unique: false,
            user_defined: false,
            default: None,
            source: Source::None,
            options: Vec::new(),
            flags: flags(),
            sets: BTreeSet::new(),
        }
    }

    /// True if a product of this set can have a value.
    pub(super) fn is_in_set(&self, set: u64) -> bool {
        !self.user_defined || self.sets.contains(&set)
    }

    pub(super) fn comparison(&self) -> Comparison {
        match self.backend {
            Backend::Int | Backend::Decimal => Comparison::Number,
            _ => Comparison::Text,
        }
    }

    /// The attribute as an answer shows it; options are those of a store.
    pub(super) fn render(&self, store: u32) -> Value {
        let mut answer = self.flags.clone();
        let labels: Vec<Value> = self
            .labels
            .iter()
            .map(|(store, label)| json!({ "store_id": store, "label": label }))
            .collect();
        let mut set = |name: &str, value: Value| {
            answer.insert(name.to_owned(), value);
        };
        set("is_visible", true.into());
        set("scope", self.scope.name().into());
        set("attribute_id", self.id.into());
        set("attribute_code", self.code.as_str().into());
        set("frontend_input", self.input.as_str().into());
        set("entity_type_id", "4".into());
        set("is_required", self.required.into());
        set("options", attribute_option::listing(self, store));
        set("is_user_defined", self.user_defined.into());
        set("default_frontend_label", self.label.as_str().into());
        set("frontend_labels", labels.into());
        set("backend_type", self.backend.name().into());
        match self.source {
            Source::Table => set(
                "source_model",
                "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Table".into(),
            ),
            Source::Boolean => set(
                "source_model",
                "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean".into(),
            ),
            Source::None | Source::Fixed(_) => {
                if let Some(model) = system::source_model(&self.code) {
                    set("source_model", model.into());
                }
            }
        }
        // A select's default is a list of options, which is empty but not null.
        match &self.default {
            Some(default) => set("default_value", default.as_str().into()),
            None if self.source == Source::Table => set("default_value", "".into()),
            None => {}
        }
        set("is_unique", if self.unique { "1" } else { "0" }.into());
        set("validation_rules", json!([]));
        Value::Object(answer)
    }

    /// A field that searches know.
    pub(super) fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        let flag = |flag: bool| Some(Cow::Borrowed(if flag { "1" } else { "0" }));
        match name {
            "attribute_code" => Some(Cow::Borrowed(&self.code)),
            "attribute_id" | "main_table.attribute_id" => Some(self.id.to_string().into()),
            "frontend_input" => Some(Cow::Borrowed(&self.input)),
            "frontend_label" | "default_frontend_label" => Some(Cow::Borrowed(&self.label)),
            "backend_type" => Some(self.backend.name().into()),
            "is_user_defined" => flag(self.user_defined),
            "is_required" => flag(self.required),
            "is_unique" => flag(self.unique),
            "is_visible" => flag(true),
            "entity_type_id" => Some("4".into()),
            "is_global" => Some(
                match self.scope {
                    Scope::Store => "0",
                    Scope::Global => "1",
                    Scope::Website => "2",
                }
                .into(),
            ),
            name => self.flags.get(name).and_then(php::string).map(Cow::Owned),
        }
    }
}

/// Returns what an attribute has that was given nothing.
fn flags() -> Record {
    let Value::Object(flags) = json!({
        "extension_attributes": {"is_pagebuilder_enabled": false},
        "is_wysiwyg_enabled": false,
        "is_html_allowed_on_front": false,
        "used_for_sort_by": false,
        "is_filterable": false,
        "is_filterable_in_search": false,
        "is_used_in_grid": false,
        "is_visible_in_grid": false,
        "is_filterable_in_grid": false,
        "position": 0,
        "apply_to": [],
        "is_searchable": "0",
        "is_visible_in_advanced_search": "0",
        "is_comparable": "0",
        "is_used_for_promo_rules": "0",
        "is_visible_on_front": "0",
        "used_in_product_listing": "0",
    }) else {
        return Map::new();
    };
    flags
}

/// All attributes of an entity type.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    /// In the order of an answer: system attributes first, others as they were made.
    pub(super) rows: Vec<Attribute>,
    next_id: u64,
    next_option: u64,
}

impl Attributes {
    pub(super) fn new(rows: Vec<Attribute>) -> Self {
        Self {
            rows,
            next_id: 150,
            // The first are those of a customer's gender.
            next_option: 4,
        }
    }

    pub(super) fn find(&self, code: &str) -> Option<&Attribute> {
        self.rows.iter().find(|row| row.code == code)
    }

    pub(super) fn find_mut(&mut self, code: &str) -> Option<&mut Attribute> {
        self.rows.iter_mut().find(|row| row.code == code)
    }

    /// The attribute of a path, which may also be an id.
    pub(super) fn get(&self, code: &str) -> Result<&Attribute, Problem> {
        self.find(code).ok_or_else(|| {
            Problem::with(
                404,
                "The attribute with a \"%1\" attributeCode doesn't exist. Verify the attribute and try again.",
                json!([code]),
            )
        })
    }

    pub(super) fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn new_option_id(&mut self) -> u64 {
        let id = self.next_option;
        self.next_option += 1;
        id
    }
}

impl Attributes {
    /// The attributes that people made, or gave options to, by code.
    pub(super) fn dump(&self) -> Value {
        let rows = self.rows.iter().filter(|row| row.user_defined);
        rows.map(|row| (row.code.clone(), json!({ "all": row.dump() })))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl Attribute {
    fn dump(&self) -> Value {
        let mut fields = match self.render(super::super::views::ALL) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        // Options are a kind of their own.
        fields.remove("options");
        fields.remove("attribute_id");
        if let (Source::Table, Some(default)) = (self.source, &self.default) {
            let label = attribute_option::label_of(self, default);
            fields.insert("default_value".to_owned(), label.into());
        }
        let sets: Vec<u64> = self.sets.iter().copied().collect();
        fields.insert("attribute_sets".to_owned(), json!(sets));
        fields.insert("meta".to_owned(), json!({ "id": self.id }));
        fields.sort_keys();
        fields.into()
    }

    /// Puts an attribute into the set that a fresh store has, as an administrator would.
    pub(super) fn add_to_default_set(&mut self) {
        self.sets.insert(DEFAULT_SET);
    }
}
