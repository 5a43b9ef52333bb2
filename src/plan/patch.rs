//! A decision as an RFC 6902 patch of the entity's fields.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, ReplaceOperation, TestOperation};

use super::decide::Decision;
use crate::domain::{FieldName, ObservedEntity, Value};

/// The patch: every value that is replaced is tested first, so it applies only to what was observed.
/// The document it applies to is the entity's fields; a missing entity is the document `null`.
pub fn patch(decision: &Decision, found: Option<&ObservedEntity>) -> Patch {
    let operations = match decision {
        Decision::Noop | Decision::Refused(_) => Vec::new(),
        Decision::Create(fields) => {
            let document = fields
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect();
            vec![
                PatchOperation::Test(TestOperation {
                    path: PointerBuf::default(),
                    value: Value::Null,
                }),
                PatchOperation::Replace(ReplaceOperation {
                    path: PointerBuf::default(),
                    value: Value::Object(document),
                }),
            ]
        }
        Decision::Delete => {
            let document = found.map_or(Value::Null, document);
            vec![
                PatchOperation::Test(TestOperation {
                    path: PointerBuf::default(),
                    value: document,
                }),
                PatchOperation::Replace(ReplaceOperation {
                    path: PointerBuf::default(),
                    value: Value::Null,
                }),
            ]
        }
        Decision::Update(fields) => fields
            .iter()
            .flat_map(|(name, value)| update(name, value, found))
            .collect(),
    };
    Patch(operations)
}

fn update(name: &FieldName, value: &Value, found: Option<&ObservedEntity>) -> Vec<PatchOperation> {
    let path = PointerBuf::from_tokens([name.as_str()]);
    match found.and_then(|f| f.fields.get(name)) {
        Some(before) => vec![
            PatchOperation::Test(TestOperation {
                path: path.clone(),
                value: before.clone(),
            }),
            PatchOperation::Replace(ReplaceOperation {
                path,
                value: value.clone(),
            }),
        ],
        // Null is left out of the store's answers.
        None => vec![PatchOperation::Add(AddOperation {
            path,
            value: value.clone(),
        })],
    }
}

/// An entity's fields as the document that a patch applies to.
fn document(found: &ObservedEntity) -> Value {
    let fields = found.fields.iter();
    Value::Object(
        fields
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::EntityId;

    fn fields(of: &[(&str, &str)]) -> BTreeMap<FieldName, Value> {
        of.iter()
            .map(|(name, value)| (FieldName::new(*name).unwrap(), Value::from(*value)))
            .collect()
    }

    fn seen(of: &[(&str, &str)]) -> ObservedEntity {
        ObservedEntity {
            id: EntityId(1),
            fields: fields(of),
            inherited: None,
        }
    }

    #[test]
    fn a_patch_makes_of_what_was_observed_what_is_decided() {
        let found = seen(&[("title", "Old"), ("content", "same")]);
        for (decision, before, after) in [
            (
                Decision::Update(fields(&[("title", "New"), ("meta_title", "Meta")])),
                Some(&found),
                document(&seen(&[
                    ("title", "New"),
                    ("content", "same"),
                    ("meta_title", "Meta"),
                ])),
            ),
            (
                Decision::Create(fields(&[("title", "New")])),
                None,
                document(&seen(&[("title", "New")])),
            ),
            (Decision::Delete, Some(&found), Value::Null),
            (Decision::Noop, Some(&found), document(&found)),
        ] {
            let mut target = before.map_or(Value::Null, document);
            json_patch::patch(&mut target, &patch(&decision, before)).unwrap();
            assert_eq!(target, after, "{decision:?}");
        }
    }

    #[test]
    fn a_patch_does_not_apply_to_what_somebody_edited_meanwhile() {
        let found = seen(&[("title", "Old")]);
        for decision in [
            Decision::Update(fields(&[("title", "New")])),
            Decision::Delete,
        ] {
            let mut edited = document(&seen(&[("title", "Edited")]));
            json_patch::patch(&mut edited, &patch(&decision, Some(&found))).unwrap_err();
        }
    }
}
