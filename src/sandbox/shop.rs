//! The shop: its entities, and how a request is answered once it has come in.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::SandboxError;
use super::catalogue::{Catalogue, EDITABLE_KINDS};
use super::cms::{CmsKind, Row, Table};
use super::column::TIME;
use super::faults::Faults;
use super::oauth::{Conditions, Credentials, Signed, Verifier};
use super::php;
use super::projection;
use super::queue::{self, Queue, Taken, Work};
use super::reply::{Problem, Reply};
use super::request::{CMS_KINDS, Call, CmsCall, RestRequest, Route, RoutedRequest};
use super::seed::{Edit, Seed};
use super::service::Context;

/// The time at which something happens, in the forms that are needed.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// As the database prints it, UTC.
    pub(super) database: String,
    /// Seconds since 1970.
    pub(super) unix: i64,
    /// The number in an error report's id.
    pub(super) report: u64,
}

impl Moment {
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            database: now.strftime(TIME).to_string(),
            unix: now.as_second(),
            report: u64::try_from(now.as_microsecond()).unwrap_or_default(),
        }
    }
}

/// All that the store keeps.
pub(super) struct Shop {
    verifier: Verifier,
    tables: Vec<Table>,
    catalogue: Catalogue,
    queue: Queue,
}

/// The entity that a request is about, for the log and for faults.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Subject {
    pub(super) kind: Option<&'static str>,
    pub(super) id: Option<String>,
    pub(super) identifier: Option<String>,
}

/// An operation that is made to fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationFailure {
    pub(super) retriable: bool,
    pub(super) message: &'static str,
}

impl Shop {
    pub(super) fn new(
        credentials: Credentials,
        seed: &Seed,
        moment: &Moment,
    ) -> Result<Self, SandboxError> {
        let mut shop = Self {
            verifier: Verifier::new(credentials),
            tables: CMS_KINDS.iter().map(|kind| Table::new(kind)).collect(),
            catalogue: Catalogue::installed(moment),
            queue: Queue::default(),
        };
        for entity in &seed.entities {
            shop.edit(entity, moment)?;
        }
        Ok(shop)
    }

    pub(super) fn credentials(&self) -> &Credentials {
        self.verifier.credentials()
    }

    pub(super) fn edit(&mut self, edit: &Edit, moment: &Moment) -> Result<(), SandboxError> {
        let table = self
            .tables
            .iter_mut()
            .find(|table| table.kind.name == edit.kind);
        if let Some(table) = table {
            return edit.apply(table, moment);
        }
        if !EDITABLE_KINDS.contains(&edit.kind.as_str()) {
            let kinds = EDITABLE_KINDS.join(", ");
            return Err(edit.error(&format!(
                "names an unknown kind; use cms_page or cms_block, or one of {kinds}"
            )));
        }
        let context = Context {
            store: edit.scope()?,
            moment,
            query: &Map::new(),
        };
        let edited = self.catalogue.edit(edit, &context);
        edited.map_err(|why| edit.error(&why))
    }

    pub(super) fn dump(&self) -> Value {
        let tables = self
            .tables
            .iter()
            .map(|table| (table.kind.name, table.dump()));
        let mut kinds: Vec<_> = tables.chain(self.catalogue.dump()).collect();
        kinds.sort_by_key(|(name, _)| *name);
        kinds
            .into_iter()
            .map(|(name, dump)| (name.to_owned(), dump))
            .collect::<Map<_, _>>()
            .into()
    }

    fn table(&self, kind: &CmsKind) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.kind.name == kind.name)
    }

    fn table_mut(&mut self, kind: &CmsKind) -> Option<&mut Table> {
        self.tables
            .iter_mut()
            .find(|table| table.kind.name == kind.name)
    }

    /// The row that an update is about, as it is now.
    pub(super) fn row_of(&self, routed: &RoutedRequest) -> Option<Row> {
        let Route::Now(Call::Cms(kind, CmsCall::Update)) = routed.route else {
            return None;
        };
        let id = u64::try_from(php::int(routed.id()?)).ok()?;
        self.table(kind)?.rows.get(&id).cloned()
    }

    /// Returns what a request is about: the identifier of its body, else the stored one of its id.
    pub(super) fn subject(&self, routed: &RoutedRequest, body: &[u8]) -> Subject {
        let Some(call) = routed.route.call() else {
            return Subject::default();
        };
        let sent = |wrapper: &str| {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let object = body.get(wrapper).or(body.get(php::snake_case(wrapper)));
            object.cloned().unwrap_or_default()
        };
        let id = routed.id().map(str::to_owned);
        let kind = match (routed.route, call) {
            (Route::Now(_) | Route::Later(_), Call::Cms(kind, _)) => kind,
            (Route::Now(_) | Route::Later(_), Call::Service(endpoint)) => {
                let object = endpoint.wrapper().map(sent);
                let natural = ["sku", "attribute_code", "code", "name", "label"];
                let named = |object: Value| {
                    let mut names = natural.iter();
                    names.find_map(|name| object[*name].as_str().map(str::to_owned))
                };
                return Subject {
                    kind: Some(endpoint.kind),
                    identifier: object.and_then(named).or_else(|| id.clone()),
                    id,
                };
            }
            _ => {
                return Subject {
                    kind: Some(call.kind()),
                    ..Subject::default()
                };
            }
        };
        let object = sent(kind.wrapper);
        let id = id.or_else(|| php::string(&object["id"]).filter(|id| !id.is_empty()));
        let stored = || {
            let id = u64::try_from(php::int(id.as_deref()?)).ok()?;
            let row = self.table(kind)?.rows.get(&id)?;
            row.text("identifier").map(str::to_owned)
        };
        Subject {
            kind: Some(kind.name),
            identifier: object["identifier"]
                .as_str()
                .map(str::to_owned)
                .or_else(stored),
            id,
        }
    }

    /// Answers a request: store and route, then authorization, then the body.
    ///
    /// `stale` is the row to update as it was when the request came in, for lost updates.
    pub(super) fn answer(
        &mut self,
        request: &RestRequest,
        faults: &Faults,
        moment: &Moment,
        stale: Option<Row>,
    ) -> Reply {
        if !request.accepts_json() {
            return Reply::html(
                500,
                "Internal Server Error",
                "Server cannot understand Accept HTTP header media type.",
            );
        }
        match self.result(request, faults, moment, stale) {
            Ok((status, answer)) => Reply::json(status, &answer),
            Err(problem) => problem.into(),
        }
    }

    fn result(
        &mut self,
        request: &RestRequest,
        faults: &Faults,
        moment: &Moment,
        stale: Option<Row>,
    ) -> Result<(u16, Value), Problem> {
        let routed = request.routed()?;
        self.authorize(request, &routed.route, faults, moment)?;
        let query = php::query(&request.query);
        let context = Context {
            store: routed.store,
            moment,
            query: &query,
        };
        let (status, answer) = match routed.route {
            Route::Now(Call::Cms(kind, call)) => (
                200,
                self.cms(kind, call, request, &routed, &context, stale)?,
            ),
            Route::Now(Call::Service(endpoint)) => {
                let body = match request.method.as_str() {
                    "POST" | "PUT" => request.members()?,
                    _ => Map::new(),
                };
                let sent = endpoint.gather(&routed.params, &query, body);
                let args = endpoint.read(&sent)?;
                (200, (endpoint.run)(&mut self.catalogue, &args, &context)?)
            }
            Route::Later(call) => (202, self.later(call, request, &routed, &context)?),
            Route::LaterEach(call) => (202, self.later_each(call, request, &context)?),
            Route::Bulk(call) => (200, self.queue.answer(call, &routed.params)?),
        };
        let answer = match query.get("fields").and_then(Value::as_str) {
            Some(fields) => projection::project(answer, fields),
            None => answer,
        };
        Ok((status, answer))
    }

    fn cms(
        &mut self,
        kind: &'static CmsKind,
        call: CmsCall,
        request: &RestRequest,
        routed: &RoutedRequest,
        context: &Context<'_>,
        stale: Option<Row>,
    ) -> Result<Value, Problem> {
        let table = self.table_mut(kind).ok_or_else(Problem::no_route)?;
        let id = routed.id();
        match call {
            CmsCall::Get => table.get(id.unwrap_or_default()),
            CmsCall::Search => table.search(&context.criteria()?, context.moment),
            CmsCall::Delete => table.delete(id.unwrap_or_default()),
            CmsCall::Create | CmsCall::Update => {
                let object = object(kind, request, id, context.query)?;
                table.save(kind.read(&object)?, context.store, context.moment, stale)
            }
        }
    }

    /// Accepts one call for the queue.
    fn later(
        &mut self,
        call: Call,
        request: &RestRequest,
        routed: &RoutedRequest,
        context: &Context<'_>,
    ) -> Result<Value, Problem> {
        let sent = match call {
            Call::Cms(_, CmsCall::Delete) => routed.params.iter().cloned().collect(),
            Call::Cms(kind, _) => {
                let object = object(kind, request, routed.id(), context.query)?;
                Map::from_iter([(kind.wrapper.to_owned(), object.into())])
            }
            Call::Service(endpoint) => {
                let body = match request.method.as_str() {
                    "DELETE" => Map::new(),
                    _ => request.members()?,
                };
                endpoint.gather(&routed.params, context.query, body)
            }
        };
        let work = Work::read(call, &sent)?;
        let works = vec![(work, sent.into())];
        self.queue
            .accept(queue::topic(call), works, context.store, context.moment)
    }

    /// Accepts a list of calls for the queue: all of them, or none where one cannot be read.
    fn later_each(
        &mut self,
        call: Call,
        request: &RestRequest,
        context: &Context<'_>,
    ) -> Result<Value, Problem> {
        let items = match request.json()? {
            Value::Array(items) => items,
            Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        };
        let nothing = Map::new();
        let works: Result<Vec<_>, Problem> = items
            .into_iter()
            .map(|item| {
                let work = Work::read(call, item.as_object().unwrap_or(&nothing))?;
                Ok((work, item))
            })
            .collect();
        self.queue
            .accept(queue::topic(call), works?, context.store, context.moment)
    }

    /// True if operations wait for the consumer.
    pub(super) fn has_open_operations(&self) -> bool {
        self.queue.is_waiting()
    }

    /// Takes the oldest open operation and carries it out, or lets it fail as it is told.
    pub(super) fn consume(&mut self, failure: Option<OperationFailure>, moment: &Moment) {
        let Some(taken) = self.queue.take() else {
            return;
        };
        let for_now = failure.as_ref().is_some_and(|failure| failure.retriable);
        let result = match failure {
            Some(failure) => Err(failure.message.to_owned()),
            None => self
                .execute(&taken, moment)
                .map_err(|problem| problem.filled()),
        };
        self.queue.finish(taken, result, for_now);
    }

    fn execute(&mut self, taken: &Taken, moment: &Moment) -> Result<Value, Problem> {
        let context = Context {
            store: taken.store,
            moment,
            query: &Map::new(),
        };
        match taken.work.clone() {
            Work::Service(endpoint, args) => (endpoint.run)(&mut self.catalogue, &args, &context),
            Work::SaveCms(kind, sent) => {
                let table = self.table_mut(kind).ok_or_else(Problem::no_route)?;
                table.save(sent, taken.store, moment, None)
            }
            Work::DeleteCms(kind, id) => {
                let table = self.table_mut(kind).ok_or_else(Problem::no_route)?;
                table.delete(&id)
            }
        }
    }

    fn authorize(
        &mut self,
        request: &RestRequest,
        route: &Route,
        faults: &Faults,
        moment: &Moment,
    ) -> Result<(), Problem> {
        let resource = route.resource();
        let signed = Signed {
            method: &request.method,
            origin: &request.origin,
            path: &request.path,
            query: &request.query,
        };
        let conditions = Conditions {
            revoked: faults.revoked,
            sha1_only: faults.sha1_only,
        };
        let authorization = request.authorization.as_deref();
        self.verifier
            .verify(authorization, signed, conditions, moment.unix)
            .unwrap_or_else(|| Err(Problem::unauthorized(resource)))?;
        if faults.inactive || faults.deny.contains(resource) {
            return Err(Problem::unauthorized(resource));
        }
        Ok(())
    }
}

/// The object of a body that is to be saved, with the URL's id put in as Magento does: under the
/// name of the *last* parameter, which any query string changes, and only where the body has one
/// member.
fn object(
    kind: &CmsKind,
    request: &RestRequest,
    id: Option<&str>,
    query: &Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let mut members = request.members()?;
    let alone = members.len() == 1;
    let mut object = match members.remove(kind.wrapper) {
        None | Some(Value::Null) => return Err(Problem::required(kind.wrapper)),
        Some(Value::Object(object)) => object,
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        Some(other) => {
            return Err(Problem::wrong_field_type(
                kind.wrapper,
                &other,
                kind.interface,
            ));
        }
    };
    let from_path = id.map(|id| ("id", json!(id)));
    let last = query
        .iter()
        // The path's own parameter is there already.
        .rfind(|(name, _)| !(id.is_some() && *name == "id"))
        .map(|(name, value)| (name.as_str(), value.clone()))
        .or(from_path);
    if let Some((name, value)) = last.filter(|(name, _)| alone && kind.declares(name)) {
        object.insert(name.to_owned(), value);
    }
    Ok(object)
}
