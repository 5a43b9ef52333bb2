//! The shop: its entities, and how a request is answered once it has come in.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::SandboxError;
use super::cms::{CmsKind, Row, Table};
use super::column::TIME;
use super::faults::Faults;
use super::oauth::{Conditions, Credentials, Signed, Verifier};
use super::php;
use super::projection;
use super::reply::{Problem, Reply};
use super::request::{CMS_KINDS, CmsCall, RestRequest, Route, Target};
use super::search::Criteria;
use super::seed::{Edit, Seed};
use super::views;

/// When something happens, in the forms that are needed.
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
}

/// Which entity a request is about, for the log and for faults.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Subject {
    pub(super) kind: Option<&'static str>,
    pub(super) id: Option<String>,
    pub(super) identifier: Option<String>,
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
            .find(|table| table.kind.name == edit.kind)
            .ok_or_else(|| edit.error("names an unknown kind; use cms_page or cms_block"))?;
        edit.apply(table, moment)
    }

    pub(super) fn dump(&self) -> Value {
        let mut kinds: Vec<_> = self
            .tables
            .iter()
            .map(|table| (table.kind.name, table.dump()))
            .collect();
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
    pub(super) fn row_of(&self, target: &Target) -> Option<Row> {
        let Route::Cms(kind, CmsCall::Update) = target.route else {
            return None;
        };
        let id = u64::try_from(php::int(target.id.as_deref()?)).ok()?;
        self.table(kind)?.rows.get(&id).cloned()
    }

    /// What a request is about: the identifier of its body, else the stored one of its id.
    pub(super) fn subject(&self, target: &Target, body: &[u8]) -> Subject {
        let Route::Cms(kind, _) = target.route else {
            return Subject::default();
        };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let object = &body[kind.wrapper];
        let id = target
            .id
            .clone()
            .or_else(|| php::string(&object["id"]).filter(|id| !id.is_empty()));
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
            Ok(answer) => Reply::json(200, &answer),
            Err(problem) => problem.into(),
        }
    }

    fn result(
        &mut self,
        request: &RestRequest,
        faults: &Faults,
        moment: &Moment,
        stale: Option<Row>,
    ) -> Result<Value, Problem> {
        let target = request.target()?;
        self.authorize(request, &target.route, faults, moment)?;
        let query = php::query(&request.query);
        let answer = match target.route {
            Route::StoreViews => views::listing(),
            Route::Cms(kind, call) => {
                let table = self.table_mut(kind).ok_or_else(Problem::no_route)?;
                let id = target.id.as_deref().unwrap_or_default();
                match call {
                    CmsCall::Get => table.get(id)?,
                    CmsCall::Search => table.search(&Criteria::from_query(&query)?, moment)?,
                    CmsCall::Delete => table.delete(id)?,
                    CmsCall::Create | CmsCall::Update => {
                        let object = object(kind, request, target.id.as_deref(), &query)?;
                        table.save(kind.read(&object)?, target.store, moment, stale)?
                    }
                }
            }
        };
        Ok(match query.get("fields").and_then(Value::as_str) {
            Some(fields) => projection::project(answer, fields),
            None => answer,
        })
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
