//! Magento's queue: operations that are accepted at once and carried out by a consumer later.
//!
//! A list is checked as a whole when it comes in; each of its operations succeeds or fails alone.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::cms::{CmsKind, Sent};
use super::php;
use super::reply::Problem;
use super::request::{BulkCall, Call, CmsCall};
use super::service::{Args, Endpoint};
use super::shop::Moment;

/// All operations so far.
#[derive(Default)]
pub(super) struct Queue {
    bulks: BTreeMap<String, Bulk>,
    open: VecDeque<(String, usize)>,
}

/// The operations of one request.
struct Bulk {
    topic: String,
    start_time: String,
    operations: Vec<Operation>,
}

struct Operation {
    status: Status,
    work: Work,
    store: u32,
    /// What was sent.
    data: String,
    message: Option<String>,
    result: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Done = 1,
    FailedForNow = 2,
    Failed = 3,
    Open = 4,
}

/// The work of an operation.
#[derive(Clone)]
pub(super) enum Work {
    SaveCms(&'static CmsKind, Sent),
    DeleteCms(&'static CmsKind, String),
    Service(&'static Endpoint, Args),
}

impl Work {
    /// Reads what was sent for a call; nothing is carried out.
    pub(super) fn read(call: Call, sent: &Map<String, Value>) -> Result<Self, Problem> {
        let given = |name: &str| sent.get(name).filter(|value| !value.is_null());
        match call {
            Call::Service(endpoint) => Ok(Self::Service(endpoint, endpoint.read(sent)?)),
            Call::Cms(kind, CmsCall::Delete) => {
                let name = php::lower_camel_case(kind.id_column);
                let id = given(&name)
                    .or_else(|| given(kind.id_column))
                    .or_else(|| given("id"));
                let id = id.and_then(php::string);
                Ok(Self::DeleteCms(
                    kind,
                    id.ok_or_else(|| Problem::required(&name))?,
                ))
            }
            Call::Cms(kind, _) => match given(kind.wrapper) {
                None => Err(Problem::required(kind.wrapper)),
                Some(Value::Object(object)) => Ok(Self::SaveCms(kind, kind.read(object)?)),
                Some(other) => Err(Problem::wrong_type(other, kind.interface)),
            },
        }
    }

    /// Returns what Magento says when it went well.
    fn success(&self) -> String {
        let (class, method) = match self {
            Self::SaveCms(kind, _) => (cms_class(kind), "save"),
            Self::DeleteCms(kind, _) => (cms_class(kind), "deleteById"),
            Self::Service(endpoint, _) => (endpoint.service.class.to_owned(), endpoint.method),
        };
        format!("Service execution success {class}::{method}")
    }
}

/// `Block` or `Page`.
fn cms_name(kind: &CmsKind) -> String {
    php::upper_camel_case(kind.wrapper)
}

fn cms_class(kind: &CmsKind) -> String {
    format!("Magento\\Cms\\Model\\{}Repository", cms_name(kind))
}

/// The topic of a call.
pub(super) fn topic(call: Call) -> String {
    let (interface, method, verb) = match call {
        Call::Service(endpoint) => (
            endpoint.service.interface.to_owned(),
            endpoint.method,
            endpoint.verb,
        ),
        Call::Cms(kind, call) => {
            let (method, verb) = match call {
                CmsCall::Create => ("save", "post"),
                CmsCall::Delete => ("deleteById", "delete"),
                _ => ("save", "put"),
            };
            let interface = format!("Magento\\Cms\\Api\\{}RepositoryInterface", cms_name(kind));
            (interface, method, verb)
        }
    };
    format!("async.{interface}.{method}.{verb}")
        .replace('\\', ".")
        .to_ascii_lowercase()
}

/// An operation to be carried out, as the consumer takes it.
pub(super) struct Taken {
    bulk: String,
    index: usize,
    pub(super) work: Work,
    pub(super) store: u32,
}

impl Queue {
    /// Accepts operations, each with what was sent for it, and answers as Magento does.
    pub(super) fn accept(
        &mut self,
        topic: String,
        works: Vec<(Work, Value)>,
        store: u32,
        moment: &Moment,
    ) -> Result<Value, Problem> {
        let uuid = uuid().ok_or_else(|| Problem::internal(moment.report))?;
        let operations: Vec<Operation> = works
            .into_iter()
            .map(|(work, sent)| Operation {
                status: Status::Open,
                work,
                store,
                data: data(&sent),
                message: None,
                result: None,
            })
            .collect();
        let items: Vec<Value> = operations
            .iter()
            .enumerate()
            .map(|(id, operation)| {
                json!({ "id": id, "data_hash": hash(&operation.data), "status": "accepted" })
            })
            .collect();
        self.open
            .extend((0..operations.len()).map(|index| (uuid.clone(), index)));
        let bulk = Bulk {
            topic,
            start_time: moment.database.clone(),
            operations,
        };
        self.bulks.insert(uuid.clone(), bulk);
        Ok(json!({ "bulk_uuid": uuid, "request_items": items, "errors": false }))
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The oldest open operation.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let (bulk, index) = self.open.pop_front()?;
        let operation = self.bulks.get(&bulk)?.operations.get(index)?;
        Some(Taken {
            work: operation.work.clone(),
            store: operation.store,
            bulk,
            index,
        })
    }

    /// Notes what has become of an operation.
    pub(super) fn finish(&mut self, taken: Taken, result: Result<Value, String>, for_now: bool) {
        let Taken { bulk, index, .. } = taken;
        let bulk = self.bulks.get_mut(&bulk);
        let Some(operation) = bulk.and_then(|bulk| bulk.operations.get_mut(index)) else {
            return;
        };
        match result {
            Ok(answer) => {
                operation.status = Status::Done;
                operation.message = Some(operation.work.success());
                operation.result = Some(php::json(&answer));
            }
            Err(why) => {
                operation.status = if for_now {
                    Status::FailedForNow
                } else {
                    Status::Failed
                };
                operation.message = Some(why);
            }
        }
    }

    /// Answers a question about a list.
    pub(super) fn answer(
        &self,
        call: BulkCall,
        params: &[(String, Value)],
    ) -> Result<Value, Problem> {
        let param = |name: &str| {
            let value = params.iter().find(|(known, _)| known == name);
            value
                .and_then(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        let uuid = param("bulkUuid");
        if call == BulkCall::Count {
            let status = param("status");
            if !php::is_numeric(status) {
                return Err(Problem::wrong_type(&status.into(), "int"));
            }
            let status = php::int(status);
            let operations = self
                .bulks
                .get(uuid)
                .map_or(&[][..], |bulk| &bulk.operations);
            let counted = operations.iter().filter(|o| o.status as i64 == status);
            return Ok(counted.count().into());
        }
        let bulk = self.bulks.get(uuid).ok_or_else(|| {
            Problem::with(
                404,
                "Bulk uuid %bulkUuid not exist",
                json!({ "bulkUuid": uuid }),
            )
        })?;
        let detailed = call == BulkCall::DetailedStatus;
        let operations = bulk.operations.iter().enumerate();
        let operations: Vec<Value> = operations
            .map(|(id, operation)| operation.show(id, detailed.then_some((uuid, &bulk.topic))))
            .collect();
        Ok(json!({
            "operation_count": operations.len(),
            "operations_list": operations,
            "user_type": 1,
            "bulk_id": uuid,
            "description": format!("Topic {}", bulk.topic),
            "start_time": bulk.start_time,
            "user_id": 1,
        }))
    }
}

impl Operation {
    fn show(&self, id: usize, details: Option<(&str, &String)>) -> Value {
        let failed = matches!(self.status, Status::Failed | Status::FailedForNow);
        let mut shown = json!({
            "id": id,
            "status": self.status as u8,
            "result_message": self.message,
            "error_code": failed.then_some(0),
        });
        if let Some((uuid, topic)) = details {
            let data = (self.status != Status::Done).then_some(&self.data);
            shown["bulk_uuid"] = uuid.into();
            shown["topic_name"] = topic.as_str().into();
            shown["serialized_data"] = json!(data);
            shown["result_serialized_data"] = json!(self.result);
        }
        shown
    }
}

/// Returns what was sent, as Magento keeps it.
fn data(sent: &Value) -> String {
    php::json(&json!({
        "entity_id": null,
        "entity_link": "",
        "meta_information": php::json(sent),
    }))
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A random UUID of version 4.
fn uuid() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    Some(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_well_formed() {
        let (a, b) = (uuid().unwrap_or_default(), uuid().unwrap_or_default());
        assert_ne!(a, b);
        let form: Vec<usize> = a.split('-').map(str::len).collect();
        assert_eq!(form, [8, 4, 4, 4, 12]);
        assert_eq!(a.as_bytes().get(14), Some(&b'4'));
    }
}
