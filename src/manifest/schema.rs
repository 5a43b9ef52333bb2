//! The JSON Schema of release files, for editors: made from the tables of the kinds.
//!
//! Release files are read node by node and not by serde's derive, so there is no type to derive it
//! from. It knows names, types and lengths; what needs the rest of the file or the tree is left to
//! `gitmage validate`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::change::CHANGE_KEYS;
use super::file::FILE_KEYS;
use crate::domain::key::KeyShape;
use crate::domain::kinds::{FieldScope, FieldSpec, FieldType, Owner, Scoping};
use crate::domain::{Kind, StoreScope};

/// The JSON Schema (draft 2020-12) of release files.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert("change".to_owned(), change());
    definitions.insert("store".to_owned(), store());
    definitions.insert("view".to_owned(), view());
    definitions.insert("file".to_owned(), file_reference());
    definitions.insert("default".to_owned(), default());
    definitions.insert("attribute".to_owned(), attribute());
    for kind in Kind::all() {
        definitions.insert(format!("{kind}_fields"), fields(kind));
    }
    let properties = properties(FILE_KEYS, &|key| match key {
        "name" => text("A name for people, shown in every list."),
        "description" => text("What the release is for."),
        "schedule" => schedule(),
        "changes" => Some(json!({
            "description": "What the release sets, entity by entity.",
            "type": "array",
            "items": { "$ref": "#/$defs/change" },
        })),
        _ => None,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gitmage release file",
        "description": "Changes that gitmage makes to a Magento 2 store, field by field.",
        "type": "object",
        "properties": properties,
        "required": ["changes"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// One property for each key that the reader knows, so that neither can forget the other's.
fn properties(keys: &[&str], of: &dyn Fn(&str) -> Option<Value>) -> Map<String, Value> {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), of(key)?)))
        .collect()
}

fn text(description: &str) -> Option<Value> {
    Some(json!({ "description": description, "type": "string" }))
}

fn schedule() -> Option<Value> {
    let time = |what: &str| json!({ "description": what, "type": "string", "format": "date-time" });
    Some(json!({
        "description": "Not supported by this version: leave it out, and push the file at the time it shall start.",
        "type": "object",
        "properties": {
            "start": time("When the file becomes active: 2026-11-27T00:00:00+01:00."),
            "end": time("When its fields are put back: 2026-11-30T23:59:59+01:00."),
        },
        "additionalProperties": false,
    }))
}

fn change() -> Value {
    let kinds: Vec<Value> = Kind::all()
        .map(|kind| json!({ "const": kind.name, "description": kind.label }))
        .collect();
    let mut rules: Vec<Value> = Kind::all()
        .map(|kind| {
            let mut properties = json!({ "fields": { "$ref": format!("#/$defs/{kind}_fields") } });
            properties["key"] = key(kind).unwrap_or_else(|| json!({ "type": "string" }));
            if kind.scoping == Scoping::Global {
                properties["store"] = json!({ "const": "all" });
            }
            json!({
                "if": { "properties": { "kind": { "const": kind.name } }, "required": ["kind"] },
                "then": { "properties": properties },
            })
        })
        .collect();
    rules.push(json!({
        "if": { "properties": { "ensure": { "const": "absent" } }, "required": ["ensure"] },
        "then": { "properties": { "fields": false } },
        "else": { "required": ["fields"] },
    }));
    let properties = properties(CHANGE_KEYS, &|key| match key {
        "kind" => Some(json!({ "description": "What kind of entity.", "oneOf": kinds })),
        "key" => Some(json!({
            "description": "The natural key: an identifier, a SKU, a code, a path of names, or a mapping of its parts. Case matters.",
            "type": ["string", "object"],
        })),
        "store" => Some(json!({ "$ref": "#/$defs/store" })),
        "ensure" => Some(ensure()),
        "fields" => Some(json!({
            "description": "The fields to set, by the REST API's names. What is not listed is never written.",
            "type": "object",
        })),
        _ => None,
    });
    json!({
        "description": "One entity and the fields it shall have.",
        "type": "object",
        "properties": properties,
        "required": ["kind", "key"],
        "additionalProperties": false,
        "allOf": rules,
    })
}

fn ensure() -> Value {
    json!({
        "description": "Whether the entity shall exist.",
        "default": "present",
        "oneOf": [
            { "const": "present", "description": "Create it if it is missing." },
            { "const": "existing", "description": "Never create it; it must exist already." },
            { "const": "absent", "description": "Delete it." },
        ],
    })
}

fn store() -> Value {
    json!({
        "description": "`all` (store views), one view's code, or a list of codes: the assignment of a page or block, the scope of the values of the catalogue.",
        "default": "all",
        "anyOf": [
            { "const": "all", "description": "All store views." },
            { "$ref": "#/$defs/view" },
            {
                "description": "Exactly these views; a page or block must exist already.",
                "type": "array",
                "items": { "$ref": "#/$defs/view" },
                "minItems": 1,
                "uniqueItems": true,
            },
        ],
    })
}

fn view() -> Value {
    json!({
        "description": "The code of a store view.",
        "type": "string",
        "pattern": "^[A-Za-z][A-Za-z0-9_]*$",
        "maxLength": 32,
        "not": { "enum": ["all", "admin"] },
    })
}

fn file_reference() -> Value {
    json!({
        "description": "The text of a file of the same commit, byte for byte.",
        "type": "object",
        "properties": {
            "file": {
                "description": "Path from the repository's root, such as content/home.html.",
                "type": "string",
                "minLength": 1,
            },
        },
        "required": ["file"],
        "additionalProperties": false,
    })
}

fn fields(kind: Kind) -> Value {
    let mut properties: Map<String, Value> = kind
        .fields
        .iter()
        .filter(|field| {
            let view = StoreScope::Views(BTreeSet::new());
            [StoreScope::All, view]
                .iter()
                .any(|store| matches!(field.owner_under(store), Owner::File | Owner::Fixed(_)))
        })
        .map(|field| (field.name.to_owned(), field_schema(field)))
        .collect();
    if kind.scoping.is_values() {
        for (name, schema) in &mut properties {
            let per_view = kind
                .field(name)
                .is_some_and(|field| field.scope != FieldScope::Global && field.sticky.is_none());
            if per_view {
                let described = schema["description"].take();
                *schema = json!({
                    "description": described,
                    "anyOf": [schema, { "$ref": "#/$defs/default" }],
                });
            }
        }
    }
    let others = match kind.attributes {
        Some(_) => json!({ "$ref": "#/$defs/attribute" }),
        None => json!(false),
    };
    json!({
        "description": format!("Fields of a {}.", kind.label),
        "type": "object",
        "properties": properties,
        "additionalProperties": others,
    })
}

/// The value of an attribute that only the store knows.
fn attribute() -> Value {
    let one = json!(["string", "number", "boolean", "null"]);
    json!({
        "description": "An attribute of the store's own, by its code; options by their labels.",
        "anyOf": [
            { "type": one },
            { "type": "array", "items": { "type": ["string", "integer"] } },
            { "$ref": "#/$defs/file" },
            { "$ref": "#/$defs/default" },
        ],
    })
}

fn default() -> Value {
    json!({
        "description": "Under a store view: go back to the value under `all` (\"use default value\").",
        "type": "object",
        "properties": { "default": { "const": true } },
        "required": ["default"],
        "additionalProperties": false,
    })
}

/// The key of a kind: a text, or its parts.
fn key(kind: Kind) -> Option<Value> {
    let KeyShape::Parts(names) = kind.key else {
        return None;
    };
    let parts: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "type": ["string", "number"] })))
        .collect();
    Some(json!({
        "anyOf": [
            { "type": "string", "minLength": 1 },
            {
                "type": "object",
                "properties": parts,
                "required": names,
                "additionalProperties": false,
            },
        ],
    }))
}

fn field_schema(field: &FieldSpec) -> Value {
    let typed = |name: &str| match field.nullable {
        true => json!([name, "null"]),
        false => json!(name),
    };
    match field.ty {
        FieldType::Text { max_chars: most }
        | FieldType::LongText {
            max_bytes: most, ..
        } => {
            let mut inline = json!({ "type": typed("string"), "maxLength": most });
            if field.required {
                inline["minLength"] = json!(1);
            }
            json!({ "description": field.doc, "anyOf": [inline, { "$ref": "#/$defs/file" }] })
        }
        FieldType::Bool => json!({ "description": field.doc, "type": typed("boolean") }),
        FieldType::Integer { min, max } => json!({
            "description": field.doc,
            "type": typed("integer"),
            "minimum": min,
            "maximum": max,
        }),
        FieldType::Date => json!({
            "description": field.doc,
            "type": typed("string"),
            "format": "date",
        }),
        FieldType::Timestamp => json!({ "description": field.doc, "type": typed("string") }),
        FieldType::DateTime => json!({
            "description": field.doc,
            "type": typed("string"),
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$",
        }),
        FieldType::Decimal { min, max } => json!({
            "description": field.doc,
            "type": typed("number"),
            "minimum": min,
            "maximum": max,
        }),
        FieldType::Choice(words) => json!({ "description": field.doc, "enum": words }),
        FieldType::Texts => json!({
            "description": field.doc,
            "type": typed("array"),
            "items": { "type": "string" },
            "uniqueItems": true,
        }),
        FieldType::Reference(_) => json!({
            "description": field.doc,
            "type": match field.nullable {
                true => json!(["string", "integer", "null"]),
                false => json!(["string", "integer"]),
            },
        }),
        FieldType::References(_) => json!({
            "description": field.doc,
            "type": typed("array"),
            "items": { "type": ["string", "integer"] },
            "uniqueItems": true,
        }),
        FieldType::Labels => json!({
            "description": field.doc,
            "type": typed("object"),
            "additionalProperties": { "type": "string" },
        }),
        FieldType::Tree => json!({ "description": field.doc, "type": typed("object") }),
        FieldType::Attribute | FieldType::Json | FieldType::Keys | FieldType::Hindrance => {
            json!({ "description": field.doc })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    fn property_names(schema: &Value) -> Vec<&str> {
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().map(String::as_str).collect()
    }

    #[test]
    fn it_has_every_key_and_every_settable_field() {
        let schema = schema();
        assert_eq!(property_names(&schema), FILE_KEYS);
        assert_eq!(property_names(&schema["$defs"]["change"]), CHANGE_KEYS);
        for kind in Kind::all() {
            let is_set = |field: &&FieldSpec| {
                matches!(
                    field.owner,
                    Owner::File | Owner::Fixed(_) | Owner::KeyUnderAll
                )
            };
            let settable: Vec<&str> = kind
                .fields
                .iter()
                .filter(is_set)
                .map(|field| field.name)
                .collect();
            let definition = &schema["$defs"][format!("{kind}_fields")];
            assert_eq!(property_names(definition), settable);
        }
    }

    #[test]
    fn the_file_in_the_repository_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/release.schema.json");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let expected = format!("{:#}\n", schema());
        assert!(
            text == expected,
            "schemas/release.schema.json is out of date; run: gitmage schema release > schemas/release.schema.json"
        );
    }
}
