//! From a push until it is handled, as anybody sees it who looks at the rollback branch.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::ledger::SharedLedger;

struct Push {
    head: String,
    at: Instant,
    taken: Option<Duration>,
}

pub(crate) struct Watch {
    pushes: Arc<Mutex<Vec<Push>>>,
    /// Tells the thread to end, and waits for it.
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.end.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

impl Watch {
    /// Looks until it is dropped, which must be before the repository goes.
    pub(crate) fn over(bare: &Path) -> Self {
        let pushes = Arc::<Mutex<Vec<Push>>>::default();
        let (end, ended) = channel();
        let (seen, ledger) = (pushes.clone(), SharedLedger::of(bare));
        let thread = std::thread::spawn(move || {
            let mut known = None;
            while ended.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                let tip = ledger.tip();
                if tip == known {
                    continue;
                }
                known = tip;
                let state = ledger.state();
                if let Some(head) = state.filter(|s| s.pass.is_none()).and_then(|s| s.head) {
                    take_up_to(&mut seen.lock().unwrap(), head.as_str());
                }
            }
        });
        let end = Some((end, thread));
        Self { pushes, end }
    }

    pub(crate) fn pushed(&self, head: String) {
        let (at, taken) = (Instant::now(), None);
        self.pushes.lock().unwrap().push(Push { head, at, taken });
    }

    pub(crate) fn count(&self) -> usize {
        self.pushes.lock().unwrap().len()
    }

    /// The median and the 95th percentile.
    pub(crate) fn percentiles(&self) -> [Duration; 2] {
        let pushes = self.pushes.lock().unwrap();
        let mut taken: Vec<Duration> = pushes.iter().filter_map(|push| push.taken).collect();
        taken.sort_unstable();
        [50, 95].map(|percent| {
            taken
                .get(taken.len() * percent / 100)
                .copied()
                .unwrap_or_default()
        })
    }
}

fn take_up_to(pushes: &mut [Push], head: &str) {
    let Some(last) = pushes.iter().rposition(|push| push.head == head) else {
        return;
    };
    for push in &mut pushes[..=last] {
        push.taken.get_or_insert(push.at.elapsed());
    }
}
