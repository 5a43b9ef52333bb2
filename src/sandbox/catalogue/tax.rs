//! The parts that taxes have in common: none of them is merged, what is not sent is missing.

use serde_json::{Value, json};

use super::super::reply::Problem;
use super::records::{Record, Records};

/// A row as an answer.
pub(super) fn whole(row: &Record) -> Value {
    row.clone().into()
}

/// A row that must be there.
pub(super) fn known<'a>(records: &'a Records, id: u64, name: &str) -> Result<&'a Record, Problem> {
    let row = records.rows.get(&id);
    row.ok_or_else(|| Problem::no_such_entity(name, id))
}

/// Codes are unique.
pub(super) fn check_code(records: &Records, id: u64, code: &str) -> Result<(), Problem> {
    match records.find("code", code) {
        Some((other, _)) if other != id => {
            Err(Problem::with(400, "%1 already exists.", json!(["Code"])))
        }
        _ => Ok(()),
    }
}
