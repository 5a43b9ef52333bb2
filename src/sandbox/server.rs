//! HTTP: the REST tree under `/rest`, and the sandbox's own pages under `/__sandbox`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::SandboxError;
use super::cms::Row;
use super::connection::Wire;
use super::faults::{Action, Armed, Canned, Consumption, Faults, Seen};
use super::log::{self, Log, LoggedRequest};
use super::reply::Reply;
use super::request::RestRequest;
use super::seed::Edit;
use super::shop::{Moment, OperationFailure, Shop, Subject};

/// The state that all connections share. Locks are held for one look or one change, never while waiting.
pub(super) struct App {
    shop: Mutex<Shop>,
    faults: Mutex<Armed>,
    log: Mutex<Log>,
    latency: Duration,
    stopped: watch::Receiver<bool>,
    /// Told when the queue's consumer may have something to do.
    work: Notify,
}

/// The largest body that is read; nginx in front of a shop would limit it too.
const BODY_LIMIT: usize = 64 << 20;
/// nginx's default for the length of a request line.
const LINE_LIMIT: usize = 8 * 1024;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    pub(super) fn new(shop: Shop, latency: Duration, stopped: watch::Receiver<bool>) -> Self {
        Self {
            shop: Mutex::new(shop),
            faults: Mutex::default(),
            log: Mutex::default(),
            latency,
            stopped,
            work: Notify::new(),
        }
    }

    pub(super) fn shop(&self) -> MutexGuard<'_, Shop> {
        locked(&self.shop)
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        locked(&self.log).entries()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *locked(&self.faults) = Armed::new(faults);
        // The consumer may have been started.
        self.work.notify_one();
    }

    /// Carries out what is in the queue, until the sandbox is shut down.
    pub(super) async fn consume(&self) {
        loop {
            while self.consume_some() {
                tokio::task::yield_now().await;
            }
            tokio::select! {
                () = self.work.notified() => {}
                () = self.stopped() => return,
            }
        }
    }

    /// Carries out a few operations; whether there may be more. Requests come in between.
    fn consume_some(&self) -> bool {
        const AT_ONCE: usize = 50;
        let moment = Moment::at(Timestamp::now());
        for _ in 0..AT_ONCE {
            if *self.stopped.borrow() || !self.shop().has_open_operations() {
                return false;
            }
            let failure = match locked(&self.faults).consumption() {
                Consumption::Waits => return false,
                Consumption::Runs => None,
                Consumption::Fails { retriable: true } => Some(OperationFailure {
                    retriable: true,
                    message: "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock; try restarting transaction",
                }),
                Consumption::Fails { retriable: false } => Some(OperationFailure {
                    retriable: false,
                    message: "The product was unable to be saved. Please try again.",
                }),
            };
            self.shop().consume(failure, &moment);
        }
        true
    }

    pub(super) fn edit(&self, edits: &[Edit]) -> Result<(), SandboxError> {
        let moment = Moment::at(Timestamp::now());
        let mut shop = self.shop();
        edits.iter().try_for_each(|edit| shop.edit(edit, &moment))
    }

    /// Waits until the sandbox is shut down or dropped.
    pub(super) async fn stopped(&self) {
        // An error means that the sender is gone, which is a shutdown too.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    /// Sleeps; `false` when the sandbox was shut down meanwhile.
    async fn sleep(&self, time: Duration) -> bool {
        if time.is_zero() {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stopped() => false,
        }
    }
}

/// All routes.
pub(super) fn router(app: Arc<App>) -> Router {
    Router::new().fallback(serve).with_state(app)
}

async fn serve(
    State(app): State<Arc<App>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let line = parts.uri.path_and_query().map_or(0, |p| p.as_str().len());
    if line + parts.method.as_str().len() + " HTTP/1.1\r\n".len() >= LINE_LIMIT {
        return Ok(response(Reply::html(
            414,
            "414 Request-URI Too Large",
            "nginx",
        )));
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return Ok(response(Reply::html(
            413,
            "413 Request Entity Too Large",
            "nginx",
        )));
    };
    if let Some(page) = path.strip_prefix("/__sandbox/") {
        return Ok(response(own_page(&app, parts.method.as_str(), page, &body)));
    }
    if path != "/rest" && !path.starts_with("/rest/") {
        return Ok(response(Reply::not_found_page()));
    }
    let header = |name: HeaderName| text(&parts.headers, &name);
    let request = RestRequest {
        method: parts.method.to_string(),
        origin: format!("http://{}", header(header::HOST).unwrap_or_default()),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        body,
    };
    Ok(rest(&app, &wire, &request).await)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A request that has come in: noted, and its fault decided.
struct Arrival {
    sequence: u64,
    action: Option<Action>,
    stale: Option<Row>,
}

impl App {
    fn arrive(&self, request: &RestRequest) -> Arrival {
        let routed = request.routed().ok();
        let (subject, row) = match &routed {
            Some(routed) => {
                let shop = self.shop();
                (shop.subject(routed, &request.body), shop.row_of(routed))
            }
            None => (Subject::default(), None),
        };
        let query = Some(request.query.clone()).filter(|query| !query.is_empty());
        let whole = match &query {
            Some(query) => format!("{}?{query}", request.path),
            None => request.path.clone(),
        };
        let (action, lost_updates) = {
            let mut armed = locked(&self.faults);
            let action = armed.action(&Seen {
                method: &request.method,
                target: &whole,
                identifier: subject.identifier.as_deref(),
            });
            (action, armed.faults.lost_updates)
        };
        let writes = matches!(request.method.as_str(), "PUT" | "POST" | "PATCH");
        let sequence = locked(&self.log).begin(|sequence| LoggedRequest {
            sequence,
            at: Timestamp::now(),
            finished_at: None,
            method: request.method.clone(),
            path: request.path.clone(),
            query,
            scope: routed.and_then(|routed| routed.scope),
            kind: subject.kind,
            id: subject.id,
            identifier: subject.identifier,
            fault: action.as_ref().map(Action::name),
            status: None,
            // A deletion has one only where it is a list for the queue.
            body: (writes || !request.body.is_empty()).then(|| log::body(&request.body)),
        });
        Arrival {
            sequence,
            action,
            stale: row.filter(|_| lost_updates),
        }
    }

    /// Carries the request out.
    fn answer(&self, request: &RestRequest, stale: Option<Row>) -> Reply {
        let faults = locked(&self.faults).faults.clone();
        if faults.maintenance {
            return Reply::maintenance();
        }
        let moment = Moment::at(Timestamp::now());
        let reply = self.shop().answer(request, &faults, &moment, stale);
        if reply.status == 202 {
            self.work.notify_one();
        }
        reply
    }

    fn finish(&self, sequence: u64, status: Option<u16>) {
        locked(&self.log).finish(sequence, status, Timestamp::now());
    }
}

async fn rest(app: &App, wire: &Wire, request: &RestRequest) -> Response {
    let Arrival {
        sequence,
        action,
        stale,
    } = app.arrive(request);
    let delay = match action {
        Some(Action::DelayMs(ms)) => Duration::from_millis(ms),
        _ => Duration::ZERO,
    };
    if !app.sleep(app.latency + delay).await {
        return dropped(wire);
    }
    let unanswered = |app: &App| {
        app.finish(sequence, None);
        dropped(wire)
    };
    match action {
        Some(Action::Respond(canned)) => {
            app.finish(sequence, Some(canned.status));
            return canned_response(&canned);
        }
        Some(Action::ResetBefore) => return unanswered(app),
        Some(Action::Hang) => {
            app.stopped().await;
            return dropped(wire);
        }
        _ => {}
    }
    let reply = app.answer(request, stale);
    match action {
        Some(Action::ResetAfter) => return unanswered(app),
        Some(Action::HangAfter) => {
            app.stopped().await;
            return dropped(wire);
        }
        Some(Action::Truncate) => wire.cut_body_after(reply.body.len() / 2),
        _ => {}
    }
    app.finish(sequence, Some(reply.status));
    response(reply)
}

/// No answer: the connection is cut before the first byte.
fn dropped(wire: &Wire) -> Response {
    wire.cut();
    Response::new(Body::empty())
}

fn response(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = status(reply.status);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(reply.content_type),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn canned_response(canned: &Canned) -> Response {
    let Canned {
        status: code,
        content_type,
        body,
        headers,
    } = canned;
    let mut response = Response::new(Body::from(body.clone()));
    *response.status_mut() = status(*code);
    let own = BTreeMap::from([("content-type".to_owned(), content_type.clone())]);
    for (name, value) in own.iter().chain(headers) {
        // A header that HTTP cannot carry is left out.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// One edit, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Edits {
    One(Box<Edit>),
    Many(Vec<Edit>),
}

fn own_page(app: &App, method: &str, page: &str, body: &Bytes) -> Reply {
    let plain = |status, value: &Value| Reply {
        status,
        content_type: "application/json",
        body: format!("{value:#}\n"),
    };
    let done = |result: Result<Value, String>| match result {
        Ok(value) => plain(200, &value),
        Err(error) => plain(400, &json!({ "error": error })),
    };
    match (method, page) {
        ("GET", "dump") => plain(200, &app.shop().dump()),
        ("GET", "requests") => done(as_json(&app.requests())),
        ("GET", "faults") => done(as_json(&locked(&app.faults).faults)),
        ("PUT", "faults") => done(from_json::<Faults>(body).and_then(|faults| {
            let shown = as_json(&faults)?;
            app.set_faults(faults);
            Ok(shown)
        })),
        ("PUT", "entities") => done(from_json(body).and_then(|edits| {
            let edits = match edits {
                Edits::One(edit) => vec![*edit],
                Edits::Many(edits) => edits,
            };
            app.edit(&edits).map_err(|error| error.to_string())?;
            Ok(json!({ "edited": edits.len() }))
        })),
        _ => plain(
            404,
            &json!({ "error": format!("no page {method} /__sandbox/{page}") }),
        ),
    }
}

fn as_json(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn from_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
