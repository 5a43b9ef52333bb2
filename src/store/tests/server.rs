//! A store that knows its part: it answers each request that is in the script once, in any order, and
//! remembers the ones that are not.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request that the script has, and its answer.
pub(super) struct Step {
    method: Method,
    path: String,
    /// What the query must hold, decoded.
    query: Vec<String>,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Step {
    pub(super) fn new(method: &str, path: &str, body: &Value) -> Self {
        Self::raw(method, path, 200, &body.to_string())
    }

    pub(super) fn raw(method: &str, path: &str, status: u16, body: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: Vec::new(),
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    /// A search of one kind, in one store or without one.
    pub(super) fn search(collection: &str, store: Option<u32>, body: &Value) -> Self {
        let mut step = Self::new("GET", &format!("/rest/all/V1/{collection}/search"), body);
        step.query = vec![match store {
            Some(store) => format!(
                "[1][filters][0][field]=store_id&searchCriteria[filter_groups][1][filters][0][value]={store}&"
            ),
            None => "!store_id".to_owned(),
        }];
        step
    }

    /// Only a query that holds this.
    pub(super) fn with(mut self, query: &str) -> Self {
        self.query.push(query.to_owned());
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn fits(&self, seen: &Seen) -> bool {
        self.method == seen.method
            && self.path == seen.path
            && self.query.iter().all(|part| match part.strip_prefix('!') {
                Some(part) => !seen.query.contains(part),
                None => seen.query.contains(part),
            })
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    /// Decoded.
    pub(super) query: String,
    /// As it came, with the path: what stands in the request line.
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
}

#[derive(Default)]
struct Play {
    script: Vec<Step>,
    seen: Vec<Seen>,
    extra: Vec<String>,
}

/// The running server; it ends with the test's runtime.
pub(super) struct Scripted {
    pub(super) url: String,
    play: Arc<Mutex<Play>>,
}

impl Scripted {
    pub(super) async fn start(script: Vec<Step>) -> Self {
        let play = Arc::new(Mutex::new(Play {
            script,
            ..Play::default()
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&play));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, play }
    }

    /// The requests in their order, after every one of the script came and no other.
    pub(super) fn finish(self) -> Vec<Seen> {
        let play = self.play.lock().unwrap();
        assert!(
            play.extra.is_empty(),
            "not in the script: {:#?}",
            play.extra
        );
        let missing: Vec<_> = play
            .script
            .iter()
            .map(|step| (&step.method, &step.path, &step.query))
            .collect();
        assert!(missing.is_empty(), "never asked for: {missing:#?}");
        play.seen.clone()
    }
}

async fn answer(
    State(play): State<Arc<Mutex<Play>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query = uri.query().unwrap_or_default();
    let seen = Seen {
        method,
        path: uri.path().to_owned(),
        query: percent_decode_str(query)
            .decode_utf8()
            .unwrap()
            .into_owned(),
        line: uri.to_string(),
        headers,
        body: serde_json::from_slice(&body).ok(),
    };
    let mut play = play.lock().unwrap();
    let step = play.script.iter().position(|step| step.fits(&seen));
    let Some(step) = step.map(|at| play.script.remove(at)) else {
        play.extra
            .push(format!("{} {} {}", seen.method, seen.path, seen.query));
        return Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .body(Body::from("{\"message\":\"not in the script\"}"))
            .unwrap();
    };
    play.seen.push(seen);
    let mut response = Response::builder()
        .status(step.status)
        .header("Content-Type", "application/json; charset=utf-8");
    for (name, value) in &step.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(step.body)).unwrap()
}
