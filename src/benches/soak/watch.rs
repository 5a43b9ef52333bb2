//! From a push until it is handled, as anybody sees it who looks at the rollback branch.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::ledger::SharedLedger;

struct Push {
    head: String,
    at: Instant,
    taken: Option<Duration>,
}

#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Vec<Push>>>);

impl Watch {
    /// Looks until the program ends.
    pub(crate) fn over(bare: &Path) -> Self {
        let watch = Self::default();
        let (pushes, ledger) = (watch.0.clone(), SharedLedger::of(bare));
        std::thread::spawn(move || {
            let mut known = None;
            loop {
                std::thread::sleep(Duration::from_millis(20));
                let tip = ledger.tip();
                if tip == known {
                    continue;
                }
                known = tip;
                let state = ledger.state();
                if let Some(head) = state.filter(|s| s.pass.is_none()).and_then(|s| s.head) {
                    settle(&mut pushes.lock().unwrap(), head.as_str());
                }
            }
        });
        watch
    }

    pub(crate) fn pushed(&self, head: String) {
        let (at, taken) = (Instant::now(), None);
        self.0.lock().unwrap().push(Push { head, at, taken });
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The median and the 95th percentile.
    pub(crate) fn percentiles(&self) -> [Duration; 2] {
        let pushes = self.0.lock().unwrap();
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

fn settle(pushes: &mut [Push], head: &str) {
    let Some(last) = pushes.iter().rposition(|push| push.head == head) else {
        return;
    };
    for push in &mut pushes[..=last] {
        push.taken.get_or_insert(push.at.elapsed());
    }
}
