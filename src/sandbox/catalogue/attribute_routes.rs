//! The routes of product attributes, and what they may change.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::super::search::Comparison;
use super::super::service::{Args, Context, Endpoint, Param, Resource, Service};
use super::super::shape::{Shape, Type};
use super::Catalogue;
use super::attribute::{Attribute, Attributes, Source};
use super::attribute_option::{self, OPTION};
use super::eav::{Backend, Scope};
use super::records::{self, Record};
use crate::domain::text::slug;

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

const ROUTES: Resource = Resource {
    acl: ACL,
    kind: "product_attribute",
    service: Service {
        interface: "Magento\\Catalog\\Api\\ProductAttributeRepositoryInterface",
        class: "Magento\\Catalog\\Model\\Product\\Attribute\\Repository",
    },
};

pub(super) const ACL: &str = "Magento_Catalog::attributes_attributes";

pub(super) static ENDPOINTS: &[Endpoint] = &[
    ROUTES.endpoint("GET", "products/attributes", "getList", &[], list),
    ROUTES.endpoint(
        "GET",
        "products/attributes/:attributeCode",
        "get",
        CODE,
        get,
    ),
    ROUTES.endpoint("POST", "products/attributes", "save", SAVE, save),
    ROUTES.endpoint(
        "PUT",
        "products/attributes/:attributeCode",
        "save",
        SAVE,
        save,
    ),
    ROUTES.endpoint(
        "DELETE",
        "products/attributes/:attributeCode",
        "deleteById",
        CODE,
        delete,
    ),
    ROUTES.endpoint(
        "GET",
        "categories/attributes",
        "getList",
        &[],
        list_of_categories,
    ),
    ROUTES.endpoint(
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
    // A list takes the place of all labels; an empty one counts as none (PHP's `[] == null`).
    if labels.is_some_and(|labels| !labels.is_empty()) {
        attribute.labels.clear();
    }
    for label in labels.into_iter().flatten().filter_map(Value::as_object) {
        let text = records::text(label, "label").to_owned();
        match u32::try_from(records::id(label, "store_id")) {
            Ok(0) => attribute.label = text,
            Ok(store) if !text.is_empty() => {
                attribute.labels.insert(store, text);
            }
            Ok(_) => {}
            Err(_) => {}
        }
    }
    match records::text(sent, "default_frontend_label") {
        "" => {}
        label => label.clone_into(&mut attribute.label),
    }
    // Of the columns that may be null, null is a value like any other.
    if sent.get("note") == Some(&Value::Null) {
        attribute.flags.remove("note");
    }
    if sent.get("default_value") == Some(&Value::Null) {
        attribute.default = None;
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
        "" => slug(label).replace('-', "_"),
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
    let id = attributes.new_id();
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

/// Returns how the values of an input are stored, and where its options come from.
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
    // A store without its system attributes is beyond what this one plays.
    if !attribute.user_defined {
        return Err(Problem::new(400, "The system attribute can't be deleted."));
    }
    let code = attribute.code.clone();
    catalogue.attributes.rows.retain(|row| row.code != code);
    catalogue.products.forget_attribute(&code);
    Ok(true.into())
}
