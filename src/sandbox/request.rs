//! A REST request, and which route it takes: store, method and path are found before anything else.

use axum::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::catalogue;
use super::cms::CmsKind;
use super::cms_block::BLOCK;
use super::cms_page::PAGE;
use super::php::upper_camel_case;
use super::reply::Problem;
use super::service::Endpoint;
use super::views;

/// A request under `/rest`, as it came.
#[derive(Debug, Clone)]
pub(super) struct RestRequest {
    pub(super) method: String,
    /// `http://` and the Host header.
    pub(super) origin: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) authorization: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
}

/// The destination of a request.
#[derive(Clone, Copy)]
pub(super) enum Route {
    /// A call that is carried out at once.
    Now(Call),
    /// One that the queue carries out later.
    Later(Call),
    /// A list of such calls.
    LaterEach(Call),
    /// A question about what has become of a list.
    Bulk(BulkCall),
}

/// The operation that is called.
#[derive(Clone, Copy)]
pub(super) enum Call {
    /// One of the routes of a kind of CMS entities.
    Cms(&'static CmsKind, CmsCall),
    Service(&'static Endpoint),
}

/// The operations on CMS entities; the id is the last segment of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CmsCall {
    Get,
    Search,
    Create,
    Update,
    Delete,
}

/// The questions about a list of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BulkCall {
    Status,
    DetailedStatus,
    /// The number of operations that have a status.
    Count,
}

/// A request whose scope, store and route are found.
#[derive(Clone)]
pub(super) struct RoutedRequest {
    /// The scope as written.
    pub(super) scope: Option<String>,
    pub(super) store: u32,
    pub(super) route: Route,
    /// The parameters in the path.
    pub(super) params: Vec<(String, Value)>,
}

impl RoutedRequest {
    /// The last parameter in the path, which is the id of a CMS entity.
    pub(super) fn id(&self) -> Option<&str> {
        self.params.last().and_then(|(_, value)| value.as_str())
    }
}

/// The kinds there are.
pub(super) const CMS_KINDS: [&CmsKind; 2] = [&BLOCK, &PAGE];

impl RestRequest {
    /// Finds store and route, in Magento's order: answer type, method, store, route.
    pub(super) fn routed(&self) -> Result<RoutedRequest, Problem> {
        if !matches!(self.method.as_str(), "GET" | "POST" | "PUT" | "DELETE") {
            return Err(Problem::new(
                405,
                format!("The {} HTTP method is not supported.", self.method),
            ));
        }
        let path = self.path.strip_prefix("/rest").unwrap_or(&self.path);
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (scope, rest) = match segments.split_first() {
            None => return Err(Problem::no_route()),
            Some((first, _)) if is_version(first) || *first == "async" => (None, &segments[..]),
            Some((first, rest)) => (Some(*first), rest),
        };
        let store = match scope {
            None => views::DEFAULT,
            Some(scope) => views::scope(scope)
                .ok_or_else(|| Problem::new(400, "Specified request cannot be processed."))?,
        };
        let (route, params) = route(&self.method, rest).ok_or_else(Problem::no_route)?;
        Ok(RoutedRequest {
            scope: scope.map(str::to_owned),
            store,
            route,
            params,
        })
    }

    /// True if an answer in JSON is wanted. XML, which Magento could write too, is not spoken here.
    pub(super) fn accepts_json(&self) -> bool {
        let accept = self.accept.as_deref().unwrap_or_default();
        accept.trim().is_empty()
            || accept.split(',').any(|range| {
                let media = range.split(';').next().unwrap_or_default().trim();
                matches!(media, "*/*" | "application/*" | "application/json")
            })
    }

    /// The members of the body; anything but an object has none.
    pub(super) fn members(&self) -> Result<Map<String, Value>, Problem> {
        match self.json()? {
            Value::Object(map) => Ok(map),
            _ => Ok(Map::new()),
        }
    }

    /// The body; null where there is none.
    pub(super) fn json(&self) -> Result<Value, Problem> {
        self.check_content_type()?;
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| Problem::new(400, "Decoding error."))
    }

    fn check_content_type(&self) -> Result<(), Problem> {
        let Some(header) = self
            .content_type
            .as_deref()
            .filter(|h| !h.trim().is_empty())
        else {
            return Err(Problem::new(400, "Content-Type header is empty."));
        };
        let mut parts = header.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.eq_ignore_ascii_case("charset")
                .then(|| value.trim_matches('"').to_ascii_lowercase())
        });
        if charset.is_some_and(|charset| charset != "utf-8") {
            return Err(Problem::new(400, "UTF-8 is the only supported charset."));
        }
        if media != "application/json" {
            return Err(Problem::new(
                400,
                format!("Server cannot understand Content-Type HTTP header media type {media}"),
            ));
        }
        Ok(())
    }
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('V')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The parameters in a path.
type Params = Vec<(String, Value)>;

fn route(method: &str, segments: &[&str]) -> Option<(Route, Params)> {
    let writes = matches!(method, "POST" | "PUT" | "DELETE");
    match segments {
        ["async", "bulk", "V1", rest @ ..] if writes => {
            Some((Route::LaterEach(bulk_call(method, rest)?), Params::new()))
        }
        ["async", "V1", rest @ ..] if writes => {
            let (call, params) = call(method, rest)?;
            Some((Route::Later(call), params))
        }
        ["V1", "bulk", uuid, rest @ ..] if method == "GET" => {
            let mut params = vec![("bulkUuid".to_owned(), Value::from(*uuid))];
            let call = match rest {
                ["status"] => BulkCall::Status,
                ["detailed-status"] => BulkCall::DetailedStatus,
                ["operation-status", status] => {
                    params.push(("status".to_owned(), Value::from(*status)));
                    BulkCall::Count
                }
                _ => return None,
            };
            Some((Route::Bulk(call), params))
        }
        ["V1", rest @ ..] => {
            let (call, params) = call(method, rest)?;
            Some((Route::Now(call), params))
        }
        _ => None,
    }
}

fn call(method: &str, segments: &[&str]) -> Option<(Call, Params)> {
    if let Some((kind, rest)) = cms(segments) {
        let (call, id) = match (method, rest) {
            ("GET", ["search"]) => (CmsCall::Search, None),
            ("GET", [id]) => (CmsCall::Get, Some(*id)),
            ("POST", []) => (CmsCall::Create, None),
            ("PUT", [id]) => (CmsCall::Update, Some(*id)),
            ("DELETE", [id]) => (CmsCall::Delete, Some(*id)),
            _ => return None,
        };
        let params = id.map(|id| ("id".to_owned(), Value::from(id)));
        return Some((Call::Cms(kind, call), params.into_iter().collect()));
    }
    let (endpoint, params) = catalogue::find(method, segments)?;
    Some((Call::Service(endpoint), params))
}

/// The call of each item of a list; ids are in the items.
fn bulk_call(method: &str, segments: &[&str]) -> Option<Call> {
    if let Some((kind, rest)) = cms(segments) {
        let call = match (method, rest) {
            ("POST", []) => CmsCall::Create,
            ("PUT", ["byId"]) => CmsCall::Update,
            ("DELETE", [by]) if *by == format!("by{}", upper_camel_case(kind.id_column)) => {
                CmsCall::Delete
            }
            _ => return None,
        };
        return Some(Call::Cms(kind, call));
    }
    catalogue::find_bulk(method, segments).map(Call::Service)
}

fn cms<'s, 'a>(segments: &'s [&'a str]) -> Option<(&'static CmsKind, &'s [&'a str])> {
    let (collection, rest) = segments.split_first()?;
    let kind = CMS_KINDS
        .iter()
        .find(|kind| kind.collection == *collection)?;
    Some((kind, rest))
}

impl Route {
    /// The ACL resource that the consumer needs.
    pub(super) fn resource(&self) -> &'static str {
        match self {
            Self::Now(call) | Self::Later(call) | Self::LaterEach(call) => call.resource(),
            Self::Bulk(_) => "Magento_Logging::system_magento_logging_bulk_operations",
        }
    }

    /// Returns what is called, whenever.
    pub(super) fn call(&self) -> Option<Call> {
        match self {
            Self::Now(call) | Self::Later(call) | Self::LaterEach(call) => Some(*call),
            Self::Bulk(_) => None,
        }
    }
}

impl Call {
    fn resource(&self) -> &'static str {
        match self {
            Self::Cms(kind, CmsCall::Get | CmsCall::Search) => kind.acl[0],
            Self::Cms(kind, CmsCall::Create | CmsCall::Update) => kind.acl[1],
            Self::Cms(kind, CmsCall::Delete) => kind.acl[2],
            Self::Service(endpoint) => endpoint.acl,
        }
    }

    /// The kind of entity, for the log.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Cms(kind, _) => kind.name,
            Self::Service(endpoint) => endpoint.kind,
        }
    }
}
