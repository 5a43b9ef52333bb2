//! A machine with a daemon, which is killed, stopped and started again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::gate::Shared;
use crate::support::world::{Background, World};

/// The memory of one process, from when it had warmed up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) lived: Duration,
    pub(crate) first_kb: u64,
    pub(crate) last_kb: u64,
    pub(crate) most_kb: u64,
}

/// How long a process warms up.
const WARM: Duration = Duration::from_secs(10);

pub(crate) struct Machine {
    pub(crate) name: &'static str,
    pub(crate) config: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) state: PathBuf,
    child: Option<Background>,
    started: Instant,
    /// When it is started, or goes on.
    due: Option<Instant>,
    pub(crate) memories: Vec<Memory>,
    fresh: bool,
}

impl Machine {
    pub(crate) fn new(w: &World, name: &'static str, url: &str) -> Self {
        let root = w.dir.path();
        let config = root.join(format!("{name}.yaml"));
        let state = root.join(format!("state-{name}"));
        let text = std::fs::read_to_string(w.config())
            .unwrap()
            .replace(&w.shop.url, url)
            .replace(
                &format!("state_dir: {}", root.join("state").display()),
                &format!("state_dir: {}", state.display()),
            );
        std::fs::write(&config, text).unwrap();
        Self {
            name,
            config,
            log: root.join(format!("{name}.log")),
            state,
            child: None,
            started: Instant::now(),
            due: None,
            memories: Vec::new(),
            fresh: true,
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.child.is_some() && self.due.is_none()
    }

    fn start(&mut self, w: &World, gate: &Shared) {
        let child = w.daemon_of(&self.config, &self.log);
        let mut machines = gate.machines.lock().unwrap();
        machines.retain(|(_, state)| *state != self.state);
        machines.push((child.pid(), self.state.clone()));
        (self.child, self.started, self.fresh) = (Some(child), Instant::now(), true);
    }

    /// Starts it or lets it go on, if it is time or there is no more time.
    pub(crate) fn tend(&mut self, w: &World, gate: &Shared, at_once: bool) {
        if self.due.is_some_and(|due| at_once || due <= Instant::now()) {
            self.due = None;
            if let Some(child) = &self.child {
                child.signal(Signal::CONT);
            }
        }
        if self.child.is_none() && self.due.is_none() {
            self.start(w, gate);
        }
        if let Some(child) = &mut self.child {
            assert!(!child.ended(), "the daemon {} has ended", self.name);
        }
    }

    pub(crate) fn kill(&mut self, back_after: Duration) {
        self.child.take().unwrap().kill();
        self.due = Some(Instant::now() + back_after);
    }

    pub(crate) fn terminate(&mut self, back_after: Duration) {
        let child = self.child.take().unwrap();
        child.terminate();
        assert_eq!(child.wait(), Some(0), "the daemon {}", self.name);
        self.due = Some(Instant::now() + back_after);
    }

    pub(crate) fn freeze(&mut self, length: Duration) {
        self.child.as_ref().unwrap().signal(Signal::STOP);
        self.due = Some(Instant::now() + length);
    }

    /// Notes how much memory it has.
    pub(crate) fn measure(&mut self) {
        let Some(child) = &self.child else { return };
        let lived = self.started.elapsed();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.pid()));
        let resident = status.unwrap_or_default().lines().find_map(|line| {
            let number = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            number.parse::<u64>().ok()
        });
        let (Some(resident), true) = (resident, lived > WARM) else {
            return;
        };
        if self.fresh {
            self.fresh = false;
            self.memories.push(Memory {
                lived,
                first_kb: resident,
                last_kb: resident,
                most_kb: resident,
            });
        }
        let memory = self.memories.last_mut().unwrap();
        (memory.lived, memory.last_kb) = (lived, resident);
        memory.most_kb = memory.most_kb.max(resident);
    }
}
