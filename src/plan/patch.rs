//! A decision as an RFC 6902 patch of the entity's fields.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};

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
        Decision::Delete => vec![PatchOperation::Remove(RemoveOperation {
            path: PointerBuf::default(),
        })],
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
