//! What stands between the daemons and the store: a bad network, and a witness who looks up for each
//! write whether the rollback branch allows it.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gitmage::reconcile::State;
use serde_json::Value;

use crate::support::ledger::SharedLedger;
use crate::support::shop::own_page;
use crate::support::wire::{Message, exchange};

/// The gate; it stays open until the program ends.
pub(crate) struct Gate {
    pub(crate) url: String,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    store: String,
    ledger: SharedLedger,
    /// The daemons that run: process ids and state directories.
    pub(crate) machines: Mutex<Vec<(u32, PathBuf)>>,
    /// How many of a thousand requests go wrong on the way.
    pub(crate) trouble: AtomicU64,
    pub(crate) requests: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    pub(crate) faults: AtomicUsize,
    pub(crate) violations: Mutex<Vec<String>>,
    /// What the ledger said at its newest commit: its state, and the snapshots of the pass in hand.
    known: Mutex<Option<(String, State, String)>>,
}

impl Gate {
    pub(crate) fn before(store: &str, bare: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            store: store.to_owned(),
            ledger: SharedLedger::of(bare),
            machines: Mutex::default(),
            trouble: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
            violations: Mutex::default(),
            known: Mutex::default(),
        });
        let desk = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (desk, client) = (desk.clone(), client.unwrap());
                std::thread::spawn(move || desk.serve(&client));
            }
        });
        Self { url, shared }
    }
}

/// Whose socket has this port, of these processes.
fn owner(port: u16, machines: &[(u32, PathBuf)]) -> Option<PathBuf> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let local = format!("0100007F:{port:04X}");
    let line = table
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some(&local))?;
    let socket = format!("socket:[{}]", line.split_whitespace().nth(9)?);
    let has = |pid: u32| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors.into_iter().flatten().flatten().any(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == socket.as_str())
        })
    };
    machines
        .iter()
        .find(|(pid, _)| has(*pid))
        .map(|(_, state)| state.clone())
}

impl Shared {
    fn serve(&self, client: &TcpStream) {
        client.set_nodelay(true).unwrap();
        let port = client.peer_addr().unwrap().port();
        let machines = self.machines.lock().unwrap().clone();
        // One that was killed right after connecting is nobody any more.
        let owner = owner(port, &machines);
        let upstream = TcpStream::connect(self.store.strip_prefix("http://").unwrap()).unwrap();
        upstream.set_nodelay(true).unwrap();
        let mut store = BufReader::new(upstream);
        let mut requests = BufReader::new(client);
        while let Ok(Some(request)) = Message::read(&mut requests) {
            let number = self.requests.fetch_add(1, Ordering::SeqCst) as u64;
            // Well mixed, and the same for the same number.
            let lot = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let trouble = (lot % 1000 < self.trouble.load(Ordering::SeqCst)).then_some(lot % 3);
            if trouble.is_some() {
                self.faults.fetch_add(1, Ordering::SeqCst);
            }
            if trouble == Some(0) {
                break;
            }
            if let Some(wrong) = self.wrong(&request, owner.as_deref()) {
                self.violations.lock().unwrap().push(wrong);
            }
            let Ok(answer) = exchange(&mut store, &request) else {
                break;
            };
            if trouble == Some(1) {
                break;
            }
            let piece = if trouble == Some(2) { 1 } else { usize::MAX };
            if answer.write(&mut &*client, piece).is_err() {
                break;
            }
        }
        // The client may have closed it first.
        let _ = client.shutdown(Shutdown::Both);
    }

    /// Returns what is wrong with a request that writes, at this moment.
    fn wrong(&self, request: &Message, owner: Option<&Path>) -> Option<String> {
        let write = Write::read(request, &self.store)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().unwrap();
        let tip = self.ledger.tip();
        let Some(tip) = tip else {
            return Some(format!("{write:?} before there is a ledger"));
        };
        if known.as_ref().is_none_or(|(commit, ..)| *commit != tip) {
            let state = self.ledger.state().unwrap();
            let releases = state.pass.as_ref().map(|pass| pass.releases.clone());
            let text = self
                .ledger
                .snapshots(&tip, releases.unwrap_or_default().as_slice());
            *known = Some((tip, state, text));
        }
        let (tip, state, snapshots) = known.as_ref().unwrap();
        let wrong = write.wrong(state, snapshots, owner)?;
        Some(format!("{wrong}: {write:?} at the ledger's {tip}"))
    }
}

/// A request that would change something.
#[derive(Debug)]
struct Write {
    method: String,
    kind: &'static str,
    key: String,
    scope: String,
    fields: BTreeSet<String>,
}

impl Write {
    /// `None` for what only reads or asks for rights, and for an entity that is gone.
    fn read(request: &Message, store: &str) -> Option<Self> {
        let mut line = request.start.split(' ');
        let (method, path) = (line.next()?, line.next()?);
        if method == "GET" {
            return None;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let at = parts.iter().position(|part| *part == "V1")?;
        let (kind, object) = match parts[at + 1] {
            "cmsBlock" => ("cms_block", "block"),
            _ => ("cms_page", "page"),
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let fields = body[object].as_object();
        if method != "DELETE" && fields.is_none_or(serde_json::Map::is_empty) {
            return None;
        }
        let names = fields.into_iter().flat_map(|fields| fields.keys().cloned());
        let (key, scope) = match parts.get(at + 2) {
            Some(id) => named(store, kind, id)?,
            None => {
                let key = body[object]["identifier"].as_str()?;
                (key.to_owned(), parts[at - 1].to_owned())
            }
        };
        Some(Self {
            method: method.to_owned(),
            kind,
            key,
            scope,
            fields: names
                .filter(|name| name != "id" && name != "identifier")
                .collect(),
        })
    }

    fn wrong(&self, state: &State, snapshots: &str, owner: Option<&Path>) -> Option<String> {
        let (Some(pass), Some(lease)) = (&state.pass, &state.lease) else {
            return Some("a write without a pass and a lease".to_owned());
        };
        if let Some(owner) = owner {
            let holder = std::fs::read_to_string(owner.join("holder")).unwrap();
            if lease.holder != holder.trim() {
                return Some(format!(
                    "the lease is {}'s, not {}",
                    lease.holder,
                    holder.trim()
                ));
            }
        }
        let Self {
            kind, key, scope, ..
        } = self;
        let head = format!("- kind: {kind}\n  key: {key}\n  store: {scope}\n");
        let entity: String = snapshots
            .split(&head)
            .skip(1)
            .map(|rest| rest.split("\n- kind: ").next().unwrap_or_default())
            .collect();
        let is_named = pass.entities.iter().any(|entity| {
            entity.kind.to_string() == *kind
                && entity.key.to_string() == *key
                && entity.store.to_string() == *scope
        });
        if !is_named {
            return Some("the pass does not name the entity".to_owned());
        }
        // What is tried again has its snapshot in an earlier release, and what is made again is whole.
        let whole =
            self.method == "POST" || entity.is_empty() || entity.contains("field: ensure\n");
        let listed = |field: &str| entity.contains(&format!("- field: {field}\n"));
        let unlisted = self.fields.iter().find(|field| !whole && !listed(field));
        unlisted.map(|field| format!("no snapshot of {field}"))
    }
}

/// The key and the assignment of an entity by its id.
fn named(store: &str, kind: &str, id: &str) -> Option<(String, String)> {
    let dump = own_page(store, "GET", "dump", "");
    for (key, assignments) in dump[kind].as_object()? {
        for (assignment, entity) in assignments.as_object()? {
            if entity["meta"]["id"].to_string().trim_matches('"') == id {
                return Some((key.clone(), assignment.clone()));
            }
        }
    }
    None
}
