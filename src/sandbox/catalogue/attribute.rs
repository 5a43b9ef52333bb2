//! Product attributes: their metadata, which says what values of products mean, and their routes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::php;
use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::{Args, Context, Endpoint, Param, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::attribute_option::{self, Choice, OPTION};
use super::attribute_set::DEFAULT_SET;
use super::eav::{Backend, Scope};
use super::records::{self, Record};

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

/// Where an attribute's options come from.
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

    /// Whether a product of this set can have a value.
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
            Source::None | Source::Fixed(_) => {}
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
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
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

/// What an attribute has that was given nothing.
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

    pub(super) fn new_option_id(&mut self) -> u64 {
        let id = self.next_option;
        self.next_option += 1;
        id
    }
}

const FRONTEND_LABEL: Shape = Shape {
    interface: "\\Magento\\Eav\\Api\\Data\\AttributeFrontendLabelInterface",
    fields: &[("store_id", Type::Int), ("label", Type::Text)],
};

const EXTENSION: Shape = Shape {
    interface: "\\Magento\\Eav\\Api\\Data\\AttributeExtensionInterface",
    fields: &[("is_pagebuilder_enabled", Type::Bool)],
};

static ATTRIBUTE: Shape = Shape {
    interface: "\\Magento\\Catalog\\Api\\Data\\ProductAttributeInterface",
    fields: &[
        ("extension_attributes", Type::Object(&EXTENSION)),
        ("is_wysiwyg_enabled", Type::Bool),
        ("is_html_allowed_on_front", Type::Bool),
        ("used_for_sort_by", Type::Bool),
        ("is_filterable", Type::Bool),
        ("is_filterable_in_search", Type::Bool),
        ("is_used_in_grid", Type::Bool),
        ("is_visible_in_grid", Type::Bool),
        ("is_filterable_in_grid", Type::Bool),
        ("position", Type::Int),
        ("apply_to", Type::List(&Type::Text)),
        ("is_searchable", Type::Text),
        ("is_visible_in_advanced_search", Type::Text),
        ("is_comparable", Type::Text),
        ("is_used_for_promo_rules", Type::Text),
        ("is_visible_on_front", Type::Text),
        ("used_in_product_listing", Type::Text),
        ("is_visible", Type::Bool),
        ("scope", Type::Text),
        ("attribute_id", Type::Int),
        ("attribute_code", Type::Text),
        ("frontend_input", Type::Text),
        ("entity_type_id", Type::Text),
        ("is_required", Type::Bool),
        ("options", Type::List(&Type::Object(&OPTION))),
        ("is_user_defined", Type::Bool),
        ("default_frontend_label", Type::Text),
        (
            "frontend_labels",
            Type::List(&Type::Object(&FRONTEND_LABEL)),
        ),
        ("note", Type::Text),
        ("backend_type", Type::Text),
        ("backend_model", Type::Text),
        ("source_model", Type::Text),
        ("default_value", Type::Text),
        ("is_unique", Type::Text),
        ("frontend_class", Type::Text),
        ("validation_rules", Type::List(&Type::Mixed)),
        ("custom_attributes", Type::Attributes),
    ],
};

const SERVICE: Service = Service {
    interface: "Magento\\Catalog\\Api\\ProductAttributeRepositoryInterface",
    class: "Magento\\Catalog\\Model\\Product\\Attribute\\Repository",
};

pub(super) const ACL: &str = "Magento_Catalog::attributes_attributes";

const fn endpoint(
    verb: &'static str,
    path: &'static str,
    method: &'static str,
    params: &'static [Param],
    run: super::super::service::Run,
) -> Endpoint {
    Endpoint {
        verb,
        path,
        acl: ACL,
        kind: "product_attribute",
        service: SERVICE,
        method,
        params,
        run,
    }
}

pub(super) static ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "products/attributes", "getList", &[], list),
    endpoint(
        "GET",
        "products/attributes/:attributeCode",
        "get",
        CODE,
        get,
    ),
    endpoint("POST", "products/attributes", "save", SAVE, save),
    endpoint(
        "PUT",
        "products/attributes/:attributeCode",
        "save",
        SAVE,
        save,
    ),
    endpoint(
        "DELETE",
        "products/attributes/:attributeCode",
        "deleteById",
        CODE,
        delete,
    ),
    endpoint(
        "GET",
        "categories/attributes",
        "getList",
        &[],
        list_of_categories,
    ),
    endpoint(
        "GET",
        "categories/attributes/:attributeCode",
        "get",
        CODE,
        get_of_categories,
    ),
];

const CODE: &[Param] = &[Param::new("attributeCode", Type::Text)];
const SAVE: &[Param] = &[Param::new("attribute", Type::Object(&ATTRIBUTE))];

fn search(rows: &[Attribute], context: &Context<'_>) -> Result<Value, Problem> {
    let criteria = context.criteria()?;
    let any = rows.first();
    let mut by_id: Vec<&Attribute> = rows.iter().collect();
    by_id.sort_by_key(|row| row.id);
    let hits = criteria
        .select(
            by_id.into_iter(),
            |name| {
                any.and_then(|row| row.column(name)).map(|_| match name {
                    "attribute_id" | "position" => Comparison::Number,
                    _ => Comparison::Text,
                })
            },
            |row: &Attribute, name| row.column(name),
        )
        .map_err(|unknown| unknown.internal(context.moment))?;
    Ok(criteria.answer(&hits, |row| row.render(context.store)))
}

fn list(catalogue: &mut Catalogue, _: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    search(&catalogue.attributes.rows, context)
}

fn list_of_categories(
    catalogue: &mut Catalogue,
    _: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    search(&catalogue.category_attributes.rows, context)
}

fn get(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let attribute = catalogue.attributes.get(args.text("attributeCode"))?;
    Ok(attribute.render(context.store))
}

fn get_of_categories(
    catalogue: &mut Catalogue,
    args: &Args,
    context: &Context<'_>,
) -> Result<Value, Problem> {
    let attribute = catalogue
        .category_attributes
        .get(args.text("attributeCode"))?;
    Ok(attribute.render(context.store))
}

fn save(catalogue: &mut Catalogue, args: &Args, context: &Context<'_>) -> Result<Value, Problem> {
    let mut sent = args.object("attribute");
    let options = sent.remove("options");
    let code = if records::id(&sent, "attribute_id") > 0 {
        let attribute = catalogue
            .attributes
            .get(records::text(&sent, "attribute_code"))?;
        attribute.code.clone()
    } else {
        create(&mut catalogue.attributes, &sent)?
    };
    let attributes = &mut catalogue.attributes;
    if let Some(attribute) = attributes.find_mut(&code) {
        update(attribute, &sent);
    }
    if let Some(Value::Array(options)) = options {
        attribute_option::save_all(attributes, &code, &options);
    }
    Ok(attributes.get(&code)?.render(context.store))
}

/// The fields of an attribute that an update may change, and those of its input at creation.
fn update(attribute: &mut Attribute, sent: &Record) {
    let labels = sent.get("frontend_labels").and_then(Value::as_array);
    for label in labels.into_iter().flatten().filter_map(Value::as_object) {
        let text = records::text(label, "label").to_owned();
        match u32::try_from(records::id(label, "store_id")) {
            Ok(0) => attribute.label = text,
            Ok(store) => {
                attribute.labels.insert(store, text);
            }
            Err(_) => {}
        }
    }
    match records::text(sent, "default_frontend_label") {
        "" => {}
        label => label.clone_into(&mut attribute.label),
    }
    for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "is_required" => attribute.required = value.as_bool().unwrap_or_default(),
            "is_unique" => attribute.unique = value.as_str() == Some("1"),
            "scope" => {
                if let Some(scope) = value.as_str().and_then(Scope::parse) {
                    attribute.scope = scope;
                }
            }
            "default_value" => {
                attribute.default = value.as_str().map(str::to_owned).filter(|d| !d.is_empty());
            }
            name if attribute.flags.contains_key(name) || name == "note" => {
                attribute.flags.insert(name.to_owned(), value.clone());
            }
            // Everything else is fixed once the attribute exists.
            _ => {}
        }
    }
}

fn create(attributes: &mut Attributes, sent: &Record) -> Result<String, Problem> {
    let label = records::text(sent, "default_frontend_label");
    let no_labels = numberless(sent.get("frontend_labels"));
    if label.is_empty() && no_labels {
        return Err(Problem::required("frontend_label"));
    }
    let code = match records::text(sent, "attribute_code") {
        "" => php::slug(label).replace('-', "_"),
        code => code.to_owned(),
    };
    if !is_code(&code) {
        return Err(Problem::invalid_value("attribute_code", code));
    }
    let input = records::text(sent, "frontend_input");
    let (backend, source) =
        kind_of_input(input).ok_or_else(|| Problem::invalid_value("frontend_input", input))?;
    if attributes.find(&code).is_some() {
        return Err(Problem::with(
            400,
            "%1 already exists.",
            json!(["Attribute with the same code"]),
        ));
    }
    let id = attributes.next_id;
    attributes.next_id += 1;
    // The form's default is store-wide, that of the database is global: REST leaves it to the latter.
    let mut attribute = Attribute::new(id, &code, input, backend, Scope::Global);
    attribute.user_defined = true;
    attribute.source = source;
    attributes.rows.push(attribute);
    Ok(code)
}

fn numberless(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// `^[a-z][a-z_0-9]{0,60}$`
fn is_code(code: &str) -> bool {
    code.len() <= 61
        && code.starts_with(|c: char| c.is_ascii_lowercase())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// How the values of an input are stored, and where its options come from.
fn kind_of_input(input: &str) -> Option<(Backend, Source)> {
    Some(match input {
        "text" | "media_image" | "gallery" => (Backend::Varchar, Source::None),
        "multiselect" => (Backend::Text, Source::Table),
        "textarea" | "texteditor" | "pagebuilder" => (Backend::Text, Source::None),
        "date" | "datetime" => (Backend::Datetime, Source::None),
        "boolean" => (Backend::Int, Source::Boolean),
        "select" | "swatch_visual" | "swatch_text" => (Backend::Int, Source::Table),
        "price" | "weight" => (Backend::Decimal, Source::None),
        _ => return None,
    })
}

fn delete(catalogue: &mut Catalogue, args: &Args, _: &Context<'_>) -> Result<Value, Problem> {
    let attribute = catalogue.attributes.get(args.text("attributeCode"))?;
    if !attribute.user_defined {
        return Err(Problem::new(400, "The system attribute can't be deleted."));
    }
    let code = attribute.code.clone();
    catalogue.attributes.rows.retain(|row| row.code != code);
    catalogue.products.forget_attribute(&code);
    Ok(true.into())
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
