//! What stands between the daemon and the store: passes requests on unchanged (the `Host` header is
//! signed), counts them, and plays what a store cannot: a client that dies in the middle of a request.

use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use crate::support::wire::{Message, exchange, stall};
use crate::world::{PATIENCE, Victim};

/// On which side of the store's work something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The store never gets the request.
    Before,
    /// The store has answered, and nobody gets the answer.
    After,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// The daemon is killed.
    Kill(Side),
    /// The daemon is killed, and the request is still on its way until [`Proxy::deliver`].
    KillAndKeep,
    /// The answer's body comes a byte at a time.
    Dribble,
    /// Half of the answer's body comes, and then nothing until the client gives up.
    Stall,
}

/// A trick, and the request that it is played on: counted from 1 since it was set, among those of
/// this method, if one is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) method: Option<&'static str>,
    pub(crate) nth: usize,
    pub(crate) trick: Trick,
}

#[derive(Default)]
struct Desk {
    plan: Option<Plan>,
    /// Requests since the plan was set, in short.
    seen: Vec<String>,
    matched: usize,
    /// Requests that the store is at.
    busy: usize,
    /// What was kept on the way.
    kept: Option<Message>,
}

struct Shared {
    upstream: String,
    victim: Arc<Victim>,
    desk: Mutex<Desk>,
    idle: Condvar,
    stop: AtomicBool,
}

/// The proxy; gone when dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Before the store at this URL.
    pub(crate) fn before(store: &str, victim: Arc<Victim>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, store, victim)
    }

    /// The same on a listener of the caller's.
    pub(crate) fn on(listener: TcpListener, store: &str, victim: Arc<Victim>) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream: store.strip_prefix("http://").unwrap().to_owned(),
            victim,
            desk: Mutex::default(),
            idle: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let desk = shared.clone();
        let accepting = std::thread::spawn(move || {
            for client in listener.incoming() {
                if desk.stop.load(Ordering::SeqCst) {
                    break;
                }
                let (desk, client) = (desk.clone(), client.unwrap());
                std::thread::spawn(move || desk.serve(&client));
            }
        });
        Self {
            url,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Counts anew, with or without something to happen.
    pub(crate) fn plan(&self, plan: Option<Plan>) {
        let mut desk = self.shared.desk.lock().unwrap();
        desk.plan = plan;
        desk.seen.clear();
        desk.matched = 0;
    }

    /// The requests since the last plan, in short.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.desk.lock().unwrap().seen.clone()
    }

    /// Waits until the store is at no request: what a dead daemon had sent has arrived.
    pub(crate) fn wait_until_idle(&self) {
        let desk = self.shared.desk.lock().unwrap();
        let (desk, late) = self
            .shared
            .idle
            .wait_timeout_while(desk, PATIENCE, |desk| desk.busy > 0)
            .unwrap();
        drop(desk);
        assert!(!late.timed_out(), "the store does not answer");
    }

    /// The store gets what was kept on the way; its status.
    pub(crate) fn deliver(&self) -> u16 {
        let kept = self.shared.desk.lock().unwrap().kept.take();
        let mut store = BufReader::new(self.shared.connect());
        let answer = exchange(&mut store, &kept.expect("nothing was kept")).unwrap();
        let status = answer.start.split(' ').nth(1).unwrap();
        status.parse().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; where that fails it has ended already.
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.upstream).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// One connection of the client, until either side closes it.
    fn serve(&self, client: &TcpStream) {
        client.set_nodelay(true).unwrap();
        let mut requests = BufReader::new(client);
        let mut store = BufReader::new(self.connect());
        while let Ok(Some(request)) = Message::read(&mut requests) {
            let trick = self.note(&request);
            if trick == Some(Trick::Kill(Side::Before)) || trick == Some(Trick::KillAndKeep) {
                self.strike(request, trick == Some(Trick::KillAndKeep));
                break;
            }
            let answer = exchange(&mut store, &request);
            if trick == Some(Trick::Kill(Side::After)) {
                assert!(answer.is_ok(), "the store gave no answer");
                self.victim.kill();
            }
            self.done();
            // A store that drops the connection is passed on as just that.
            let Ok(answer) = answer else { break };
            let passed = match trick {
                Some(Trick::Dribble) => answer.write(&mut &*client, 1),
                Some(Trick::Stall) => stall(client, &answer),
                _ => answer.write(&mut &*client, usize::MAX),
            };
            if passed.is_err() {
                break;
            }
        }
        // The client may have closed it first.
        let _ = client.shutdown(Shutdown::Both);
    }

    /// Counts a request; what happens to it.
    fn note(&self, request: &Message) -> Option<Trick> {
        let mut desk = self.desk.lock().unwrap();
        desk.busy += 1;
        let line = request.start.strip_suffix(" HTTP/1.1").unwrap();
        let line = line.split('?').next().unwrap().to_owned();
        let method = line.split(' ').next().unwrap().to_owned();
        desk.seen.push(line);
        let plan = desk.plan?;
        if plan.method.is_some_and(|wanted| wanted != method) {
            return None;
        }
        desk.matched += 1;
        (desk.matched == plan.nth).then_some(plan.trick)
    }

    fn strike(&self, request: Message, keep: bool) {
        self.victim.kill();
        if keep {
            self.desk.lock().unwrap().kept = Some(request);
        }
        self.done();
    }

    fn done(&self) {
        self.desk.lock().unwrap().busy -= 1;
        self.idle.notify_all();
    }
}
