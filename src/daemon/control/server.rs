//! Answering requests on the control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::{Answer, Ask, ControlError, ControlVerb, Last, Line, socket};
use crate::daemon::environment::Job;
use crate::daemon::outcome::{PassOutcome, Streamed};
use crate::reconcile::Request;

/// A request longer than this is refused. In bytes.
const LONGEST_REQUEST: u64 = 4096;
/// The time that a connection may take to say what it wants, and to take a line of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of requests that are answered at a time.
const CONNECTIONS: usize = 16;

/// The tasks that carry out what is asked for.
pub(in crate::daemon) struct ControlState {
    /// The environments, by name.
    pub(in crate::daemon) jobs: BTreeMap<String, mpsc::Sender<Job>>,
    /// The events of all of them.
    pub(in crate::daemon) events: broadcast::Sender<Streamed>,
}

/// The control socket. Dropping it takes it away.
pub(in crate::daemon) struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = std::fs::remove_file(&self.path) {
            debug!(%error, "the control socket was gone already");
        }
    }
}

/// Makes the socket and answers on it. One that an earlier daemon left is replaced: whoever calls
/// this holds the lock of the state directory.
pub(in crate::daemon) fn serve(
    state_dir: &Path,
    office: ControlState,
) -> Result<Control, ControlError> {
    let path = socket(state_dir);
    let listener = bind(state_dir, &path).map_err(|why| ControlError::Socket {
        path: path.clone(),
        why,
    })?;
    let task = tokio::spawn(accept(listener, Arc::new(office)));
    Ok(Control { path, task })
}

fn bind(state_dir: &Path, path: &Path) -> io::Result<UnixListener> {
    // Its mode is 0700 from the start.
    let private = tempfile::Builder::new()
        .prefix(".ctl")
        .rand_bytes(4)
        .tempdir_in(state_dir)?;
    let unfinished = private.path().join("s");
    let listener = UnixListener::bind(&unfinished)?;
    std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    std::fs::rename(&unfinished, path)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, office: Arc<ControlState>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let office = office.clone();
                connections.spawn(async move {
                    converse(stream, &office).await;
                    drop(place);
                });
            }
            // Out of file descriptors, most likely: some will be closed.
            Err(error) => {
                warn!(%error, "a connection to the control socket was not accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, office: &ControlState) {
    let (read, mut write) = stream.into_split();
    let mut text = Vec::new();
    let mut limited = BufReader::new(read.take(LONGEST_REQUEST));
    let asked = match timeout(PATIENCE, limited.read_until(b'\n', &mut text)).await {
        Ok(Ok(_)) => parse(&text, office),
        Ok(Err(error)) => Err(format!("the request cannot be read: {error}")),
        Err(_) => Err("no request within 5 s".to_owned()),
    };
    let last = match asked {
        Ok(ask) => Last::Result(carry_out(&ask, office, &mut write).await),
        Err(why) => Last::Error(why),
    };
    send(&mut write, &Line::Last(last)).await;
}

fn parse(text: &[u8], office: &ControlState) -> Result<Ask, String> {
    if !text.ends_with(b"\n") {
        return Err(format!(
            "a request is one line of at most {LONGEST_REQUEST} bytes"
        ));
    }
    let ask: Ask =
        serde_json::from_slice(text).map_err(|error| format!("malformed request: {error}"))?;
    match &ask.environment {
        Some(name) if !office.jobs.contains_key(name) => {
            let known: Vec<&str> = office.jobs.keys().map(String::as_str).collect();
            Err(format!(
                "no environment {name:?}; there are: {}",
                known.join(", ")
            ))
        }
        _ => Ok(ask),
    }
}

/// Has every environment asked for make a pass, and streams what happens until all have.
async fn carry_out(ask: &Ask, office: &ControlState, write: &mut OwnedWriteHalf) -> Answer {
    let (verb, environment, release) = (&ask.command, &ask.environment, &ask.release);
    info!(command = ?verb, environment, release, "asked for over the control socket");
    let names: BTreeSet<&String> = match environment {
        Some(name) => BTreeSet::from([name]),
        None => office.jobs.keys().collect(),
    };
    let mut events = office.events.subscribe();
    let mut passes = JoinSet::new();
    for name in &names {
        let (name, sender) = ((*name).clone(), office.jobs.get(*name).cloned());
        let request = Request {
            retry: *verb == ControlVerb::Retry,
            rebootstrap: None,
        };
        passes.spawn(async move { pass(&name, sender, request).await });
    }
    let mut outcomes = BTreeMap::new();
    let mut listens = true;
    loop {
        tokio::select! {
            // What happened comes before what came of it.
            biased;
            event = events.recv(), if listens => match event {
                Ok(event) if names.iter().any(|name| *name == event.environment()) => {
                    listens = send(write, &Line::Event(event)).await;
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => listens = false,
            },
            joined = passes.join_next() => match joined {
                Some(Ok(outcome)) => {
                    outcomes.insert(outcome.environment.clone(), outcome);
                }
                Some(Err(error)) => warn!(%error, "a request ended unexpectedly"),
                None => break,
            },
        }
    }
    Answer {
        outcomes: outcomes.into_values().collect(),
    }
}

async fn pass(name: &str, sender: Option<mpsc::Sender<Job>>, request: Request) -> PassOutcome {
    let ended = || PassOutcome::of_error(name, "the daemon is stopping".to_owned());
    let Some(sender) = sender else {
        return ended();
    };
    let (reply, answer) = oneshot::channel();
    if sender.send(Job { request, reply }).await.is_err() {
        return ended();
    }
    answer.await.unwrap_or_else(|_| ended())
}

/// True if the other side still listens.
async fn send(write: &mut OwnedWriteHalf, line: &Line) -> bool {
    let Ok(mut bytes) = serde_json::to_vec(line) else {
        return false;
    };
    bytes.push(b'\n');
    matches!(timeout(PATIENCE, write.write_all(&bytes)).await, Ok(Ok(())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::ControlClient;
    use super::*;

    struct Open {
        dir: tempfile::TempDir,
        jobs: mpsc::Receiver<Job>,
        events: broadcast::Sender<Streamed>,
        _control: Control,
    }

    fn open() -> Open {
        let dir = tempfile::tempdir().unwrap();
        let (sender, jobs) = mpsc::channel(4);
        let (events, _) = broadcast::channel(16);
        let office = ControlState {
            jobs: BTreeMap::from([("production".to_owned(), sender)]),
            events: events.clone(),
        };
        let control = serve(dir.path(), office).unwrap();
        Open {
            dir,
            jobs,
            events,
            _control: control,
        }
    }

    async fn raw(open: &Open, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(socket(open.dir.path())).await.unwrap();
        // The server may have refused, and closed, before all of it is written.
        let _ = stream.write_all(bytes).await;
        let mut text = String::new();
        BufReader::new(stream).read_line(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_retry_is_handed_to_the_environment_and_its_events_streamed() {
        let mut open = open();
        let client = ControlClient::connect(open.dir.path())
            .await
            .unwrap()
            .unwrap();
        let ask = Ask {
            command: ControlVerb::Retry,
            environment: None,
            release: None,
        };
        let mut seen = Vec::new();
        let outcome = PassOutcome::of_error("production", "the store is down".to_owned());
        let work = async {
            let job = open.jobs.recv().await.unwrap();
            assert!(job.request.retry);
            let name = crate::domain::PhaseName::Write;
            for environment in ["production", "elsewhere"] {
                let event = crate::reconcile::Event::Phase { name };
                open.events.send(Streamed::new(environment, event)).unwrap();
            }
            job.reply.send(outcome.clone()).unwrap();
        };
        let (answer, ()) = tokio::join!(client.ask(&ask, |event| seen.push(event)), work);
        assert_eq!(answer.unwrap(), std::slice::from_ref(&outcome));
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].environment(), "production");
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_by_a_line() {
        let open = open();
        for (bytes, words) in [
            (&b"{}\n"[..], "malformed request"),
            (b"\xff\xfe\n", "malformed request"),
            (b"{\"command\":\"halt\"}\n", "malformed request"),
            (
                b"{\"command\":\"retry\",\"environment\":\"x\"}\n",
                "no environment",
            ),
            (&[b'x'; 5000], "at most 4096 bytes"),
        ] {
            let answer = raw(&open, bytes).await;
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            let error = answer["error"].as_str().unwrap();
            assert!(error.contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_replaces_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = socket(dir.path());
        std::fs::write(&path, "stale").unwrap();
        assert!(ControlClient::connect(dir.path()).await.unwrap().is_none());
        let office = ControlState {
            jobs: BTreeMap::new(),
            events: broadcast::channel(1).0,
        };
        let control = serve(dir.path(), office).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(control);
        assert!(ControlClient::connect(dir.path()).await.unwrap().is_none());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
