//! Reading the attributes of products and categories: what their values mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::client::{Client, misshapen};
use super::list::{List, get, objects, text_of};
use super::oauth::encode;
use crate::domain::kinds::{EntityType, FieldScope};
use crate::domain::vocabulary::{Attribute, AttributeType, Names};
use crate::ports::StoreError;

const FIELDS: &str = "attribute_code,default_frontend_label,frontend_input,backend_type,scope,is_required,is_unique,source_model,options[label,value]";

fn collection(ty: EntityType) -> &'static str {
    match ty {
        EntityType::Product => "products/attributes",
        EntityType::Category => "categories/attributes",
    }
}

/// All attributes of an entity type, by code.
pub(super) async fn all(
    client: &Arc<Client>,
    ty: EntityType,
) -> Result<BTreeMap<String, Attribute>, StoreError> {
    let list = List {
        scope: "all".to_owned(),
        path: collection(ty).to_owned(),
        fields: FIELDS.to_owned(),
        // the id stands in two of the tables that Magento joins
        sort: "attribute_code",
    };
    let items = list.all(client).await?;
    items.into_iter().map(|item| read(ty, item)).collect()
}

/// One attribute; `None` where there is none of this code.
pub(super) async fn one(
    client: &Client,
    ty: EntityType,
    code: &str,
) -> Result<Option<Attribute>, StoreError> {
    let path = format!("{}/{}", collection(ty), encode(code));
    let fields = Some(format!("fields={}", encode(FIELDS)));
    match get(client, "all", &path, fields).await {
        Ok(Value::Object(item)) => read(ty, item).map(|(_, attribute)| Some(attribute)),
        Ok(_) => Err(misshapen("no attribute where one was asked for")),
        Err(StoreError::Gone { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(ty: EntityType, item: Map<String, Value>) -> Result<(String, Attribute), StoreError> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(code) = text_of(&item, "attribute_code") else {
        return Err(misshapen("an attribute without a code"));
    };
    let (input, backend) = (text("frontend_input"), text("backend_type"));
    let source = Source::of(input, text("source_model"));
    let is = |name: &str| match item.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(other) => other.as_str() == Some("1") || other.as_i64() == Some(1),
        None => false,
    };
    let options = options(&code, source, item.get("options"))?;
    let attribute = Attribute {
        label: text("default_frontend_label").to_owned(),
        ty: match (source, AttributeType::of(input, backend)) {
            (Source::Boolean, _) => AttributeType::Bool,
            // Values of a class that lists none for anybody: whatever it takes.
            (Source::Class, AttributeType::Select) if options.names().next().is_none() => {
                AttributeType::Text
            }
            (_, ty) => ty,
        },
        scope: match text("scope") {
            "global" => FieldScope::Global,
            "website" => FieldScope::Website,
            _ => FieldScope::View,
        },
        required: is("is_required"),
        unique: is("is_unique"),
        refused: refused(ty, &code, input, backend),
        options,
    };
    Ok((code, attribute))
}

/// The origin of an attribute's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Rows that people make: their ids differ between environments, so they go by their labels.
    Rows,
    /// Yes and no.
    Boolean,
    /// A class: its values are the same everywhere, and its labels are translated, so they go by
    /// their values.
    Class,
}

impl Source {
    fn of(input: &str, model: &str) -> Self {
        let model = model.trim_start_matches('\\');
        match (input, model) {
            ("boolean", _) | (_, "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean") => {
                Self::Boolean
            }
            // tax classes are rows, too
            (
                _,
                ""
                | "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Table"
                | "Magento\\Tax\\Model\\TaxClass\\Source\\Product",
            ) => Self::Rows,
            _ => Self::Class,
        }
    }
}

fn options(code: &str, source: Source, list: Option<&Value>) -> Result<Names, StoreError> {
    let list = objects(list.cloned().unwrap_or(Value::Null))
        .ok_or_else(|| misshapen(&format!("no list of options of attribute {code}")))?;
    let mut names = Names::default();
    for option in list {
        // the empty one stands for "nothing chosen"; groups of options have no value
        let Some(id) = text_of(&option, "value").filter(|id| !id.is_empty()) else {
            continue;
        };
        let label = text_of(&option, "label").filter(|_| source == Source::Rows);
        names.add(id.clone(), label.unwrap_or(id));
    }
    Ok(names)
}

/// Returns why a release file cannot set an attribute.
fn refused(ty: EntityType, code: &str, input: &str, backend: &str) -> Option<String> {
    let why = match (ty, code) {
        (_, "created_at" | "updated_at" | "url_path") => "Magento sets it itself",
        (_, "custom_layout_update") => "Magento lets nobody change layout XML any more",
        (EntityType::Product, "sku") => "the key of the change names it",
        (EntityType::Product, "category_ids") => "use the kind `category_product`",
        (EntityType::Product, "tier_price") => "use the kind `tier_price`",
        (EntityType::Product, "quantity_and_stock_status") => "use the kind `source_item`",
        (EntityType::Product, "media_gallery" | "gallery") => "gitmage sets no images",
        (
            EntityType::Category,
            "children" | "all_children" | "children_count" | "level" | "path" | "path_in_store",
        ) => "it follows from the category's place in the tree",
        _ if matches!(input, "media_image" | "gallery" | "image") => "gitmage sets no images",
        _ if backend == "static" && !(ty == EntityType::Category && code == "position") => {
            "Magento keeps it in a column of its own and sets it itself"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn attribute(item: Value) -> Attribute {
        let Value::Object(item) = item else {
            unreachable!("the tests' attributes are objects")
        };
        read(EntityType::Product, item).unwrap().1
    }

    #[test]
    fn options_that_people_make_go_by_label_and_those_of_a_class_by_value() {
        let options = json!([
            { "label": " ", "value": "" },
            { "label": "Red", "value": "49" },
            { "label": "1 column", "value": "1column" },
        ]);
        let names = |source: Value| {
            let attribute = attribute(json!({
                "attribute_code": "x", "frontend_input": "select", "backend_type": "int",
                "source_model": source, "options": options.clone(),
            }));
            attribute
                .options
                .names()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let labels = ["1 column", "Red"];
        assert_eq!(names(Value::Null), labels);
        assert_eq!(
            names(json!(
                "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Table"
            )),
            labels
        );
        assert_eq!(
            names(json!("\\Magento\\Tax\\Model\\TaxClass\\Source\\Product")),
            labels
        );
        assert_eq!(
            names(json!(
                "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Layout"
            )),
            ["1column", "49"]
        );
    }

    #[test]
    fn a_select_of_yes_and_no_is_a_boolean() {
        let select = |source: &str| {
            attribute(json!({
                "attribute_code": "x", "frontend_input": "select", "backend_type": "int",
                "source_model": source, "options": [{ "label": "Yes", "value": "1" }],
            }))
            .ty
        };
        assert_eq!(
            select("Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean"),
            AttributeType::Bool
        );
        // That one knows "use config", too.
        assert_eq!(
            select("Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Boolean"),
            AttributeType::Select
        );
    }

    #[test]
    fn what_the_store_sets_itself_is_refused() {
        for (code, input, backend) in [
            ("sku", "text", "static"),
            ("has_options", "text", "static"),
            ("category_ids", "text", "static"),
            ("tier_price", "text", "decimal"),
            ("quantity_and_stock_status", "select", "int"),
            ("image", "media_image", "varchar"),
            ("url_path", "text", "varchar"),
        ] {
            let why = refused(EntityType::Product, code, input, backend);
            assert!(why.is_some(), "{code}");
        }
        assert_eq!(refused(EntityType::Product, "color", "select", "int"), None);
        assert_eq!(
            refused(EntityType::Category, "position", "text", "static"),
            None
        );
    }
}
