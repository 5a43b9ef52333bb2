//! The JSON Schema of release files, for editors: made from the tables of the kinds.
//!
//! Release files are read node by node and not by serde's derive, so there is no type to derive it
//! from. It knows names, types and lengths; what needs the rest of the file or the tree is left to
//! `gitmage validate`.

use serde_json::{Map, Value, json};

use super::change::CHANGE_KEYS;
use super::file::FILE_KEYS;
use crate::domain::key::KeyShape;
use crate::domain::kinds::{FieldScope, FieldSpec, FieldType, Owner, Scoping};
use crate::domain::vocabulary::{Attribute, AttributeType, Names};
use crate::domain::{Kind, StoreViews, Vocabulary};

/// The parts that one store adds to the schema: its attributes, its names and its views.
#[derive(Debug, Clone, Copy)]
pub struct OfStore<'a> {
    /// Its words, of all kinds.
    pub vocabulary: &'a Vocabulary,
    /// Its views.
    pub views: &'a StoreViews,
}

/// The JSON Schema (draft 2020-12) of release files; with a store's own attributes, options, names and
/// views where one is given.
pub fn schema(store: Option<OfStore<'_>>) -> Value {
    let mut definitions = Map::new();
    definitions.insert("change".to_owned(), change());
    definitions.insert("store".to_owned(), scope());
    definitions.insert("view".to_owned(), view(store));
    definitions.insert("file".to_owned(), file_reference());
    definitions.insert("default".to_owned(), default());
    definitions.insert("attribute".to_owned(), attribute());
    for kind in Kind::all() {
        definitions.insert(format!("{kind}_fields"), fields(kind, store));
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

fn scope() -> Value {
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

fn view(store: Option<OfStore<'_>>) -> Value {
    if let Some(store) = store {
        let codes: Vec<&str> = store
            .views
            .0
            .iter()
            .map(|view| view.code.as_str())
            .collect();
        return json!({ "description": "The code of a store view.", "enum": codes });
    }
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

fn fields(kind: Kind, store: Option<OfStore<'_>>) -> Value {
    let words = store.map(|store| store.vocabulary);
    let mut properties = settable(kind, words);
    if let (Some(ty), Some(words)) = (kind.attributes, words) {
        for (code, attribute) in words.attributes.get(&ty).into_iter().flatten() {
            let listed = kind.fields.iter().any(|field| field.name == code);
            if attribute.refused.is_none() && !listed {
                properties.insert(code.clone(), attribute_schema(attribute));
            }
        }
    }
    if kind.scoping.is_values() {
        for (name, schema) in &mut properties {
            allow_default(kind, words, name, schema);
        }
    }
    let others = match (kind.attributes, store) {
        (Some(_), None) => json!({ "$ref": "#/$defs/attribute" }),
        (Some(_), Some(_)) | (None, _) => json!(false),
    };
    json!({
        "description": format!("Fields of a {}.", kind.label),
        "type": "object",
        "properties": properties,
        "additionalProperties": others,
    })
}

/// The fields of a kind's table that a change may set, under `all` or under a view.
fn settable(kind: Kind, words: Option<&Vocabulary>) -> Map<String, Value> {
    let fields = kind.fields.iter().filter(|field| {
        matches!(
            field.owner,
            Owner::File | Owner::Fixed(_) | Owner::KeyUnderAll
        )
    });
    fields
        .map(|field| {
            let schema = field_schema(field);
            let schema = match (words, field.ty) {
                (Some(words), FieldType::Reference(referent) | FieldType::References(referent)) => {
                    named(schema, words.names.get(&referent))
                }
                _ => schema,
            };
            (field.name.to_owned(), schema)
        })
        .collect()
}

/// A field whose values may differ between views may also go back to the default.
fn allow_default(kind: Kind, words: Option<&Vocabulary>, name: &str, schema: &mut Value) {
    let scope = match words {
        Some(words) => words.scope(kind, name),
        None => kind
            .field(name)
            .map_or(FieldScope::Global, |field| field.scope),
    };
    let sticky = kind.field(name).is_some_and(|field| field.sticky.is_some());
    if scope != FieldScope::Global && !sticky {
        let described = described(schema);
        *schema = json!({
            "description": described,
            "anyOf": [schema, { "$ref": "#/$defs/default" }],
        });
    }
}

/// A reference, or a list of them, to what the store has: by one of its names, or by an id.
fn named(mut schema: Value, names: Option<&Names>) -> Value {
    let one = one_of(names);
    match schema.get_mut("items") {
        Some(items) => *items = one,
        None => {
            let described = described(&mut schema);
            let nullable = schema["type"]
                .as_array()
                .is_some_and(|types| types.contains(&json!("null")));
            schema = match nullable {
                true => json!({ "description": described, "anyOf": [one, { "type": "null" }] }),
                false => json!({ "description": described, "anyOf": [one] }),
            };
        }
    }
    schema
}

/// Takes the description out: it goes to the schema around this one. (The order of the keys stays.)
fn described(schema: &mut Value) -> Value {
    let taken = schema
        .as_object_mut()
        .and_then(|map| map.shift_remove("description"));
    taken.unwrap_or_default()
}

fn one_of(names: Option<&Names>) -> Value {
    let names: Vec<&str> = names.into_iter().flat_map(Names::names).collect();
    json!({ "anyOf": [{ "enum": names }, { "type": "integer" }] })
}

/// An attribute of the store's own.
fn attribute_schema(attribute: &Attribute) -> Value {
    let options = || one_of(Some(&attribute.options));
    let mut schema = match attribute.ty {
        AttributeType::Select => options(),
        AttributeType::MultiSelect => {
            json!({ "type": "array", "items": options(), "uniqueItems": true })
        }
        AttributeType::Bool => json!({ "type": "boolean" }),
        AttributeType::Integer => json!({ "type": "integer" }),
        AttributeType::Decimal => json!({ "type": "number" }),
        AttributeType::Date | AttributeType::DateTime => json!({ "type": "string" }),
        AttributeType::Text => json!({
            "anyOf": [{ "type": "string", "maxLength": 255 }, { "$ref": "#/$defs/file" }],
        }),
        AttributeType::LongText => json!({
            "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/file" }],
        }),
    };
    if !attribute.required {
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = json!(attribute.label);
    schema
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
    let mut schema = json!({ "description": field.doc });
    if let (Some(schema), Value::Object(form)) = (schema.as_object_mut(), form(field)) {
        schema.extend(form);
    }
    schema
}

/// The form of a field's values.
fn form(field: &FieldSpec) -> Value {
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
            json!({ "anyOf": [inline, { "$ref": "#/$defs/file" }] })
        }
        FieldType::Bool => json!({ "type": typed("boolean") }),
        FieldType::Integer { min, max } => {
            json!({ "type": typed("integer"), "minimum": min, "maximum": max })
        }
        FieldType::Date => json!({ "type": typed("string"), "format": "date" }),
        FieldType::Timestamp => json!({ "type": typed("string") }),
        FieldType::DateTime => json!({
            "type": typed("string"),
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$",
        }),
        FieldType::Decimal { min, max } => {
            json!({ "type": typed("number"), "minimum": min, "maximum": max })
        }
        FieldType::Choice(words) => json!({ "enum": words }),
        FieldType::Texts => {
            json!({ "type": typed("array"), "items": { "type": "string" }, "uniqueItems": true })
        }
        FieldType::Reference(_) => match field.nullable {
            true => json!({ "type": ["string", "integer", "null"] }),
            false => json!({ "type": ["string", "integer"] }),
        },
        FieldType::References(_) => json!({
            "type": typed("array"),
            "items": { "type": ["string", "integer"] },
            "uniqueItems": true,
        }),
        FieldType::Labels => {
            json!({ "type": typed("object"), "additionalProperties": { "type": "string" } })
        }
        FieldType::Tree => json!({ "type": typed("object") }),
        FieldType::Attribute | FieldType::Json | FieldType::Keys | FieldType::Hindrance => {
            json!({})
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
        let schema = schema(None);
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
        let expected = format!("{:#}\n", schema(None));
        assert!(
            text == expected,
            "schemas/release.schema.json is out of date; run: gitmage schema release > schemas/release.schema.json"
        );
    }
}
