//! Everybody and everything that a shop has to do with, at random.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::external_editor::{self, UNMANAGED};
use crate::gate::Gate;
use crate::machine::Machine;
use crate::support::history::{ENTITIES, History};
use crate::support::ledger::SharedLedger;
use crate::support::model::{self, Edit};
use crate::support::world::{Options, World};
use crate::watch::Watch;

/// Chance, the same for the same seed.
pub(crate) struct Dice(TestRunner);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    fn roll<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.roll(0..end)
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.roll(range))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) edits: usize,
    pub(crate) kills: usize,
    pub(crate) terminations: usize,
    pub(crate) freezes: usize,
    pub(crate) store_faults: usize,
    pub(crate) rounds: usize,
    pub(crate) plans: usize,
}

pub(crate) struct Simulation {
    pub(crate) machines: [Machine; 2],
    pub(crate) gate: Gate,
    pub(crate) ledger: SharedLedger,
    pub(crate) history: History,
    pub(crate) dice: Dice,
    pub(crate) watch: Watch,
    /// The store as it shall be in the end.
    pub(crate) expected: Value,
    pub(crate) first: Value,
    pub(crate) figures: Figures,
    measured: Instant,
    pub(crate) w: World,
}

/// A lease lasts twice the timeout and ten seconds.
const SETTINGS: &str = "store.timeout: 3s\nstore.concurrency: 2";
const LEASE: Duration = Duration::from_secs(16);
/// The block that the store does not take, as its key exists for all views, would fail every time.
fn possible((file, entity, spec): Edit) -> Edit {
    (file, if entity == 4 { 0 } else { entity }, spec)
}

/// More releases than these are not let grow.
const MOST_LIVE: usize = 10;

impl Simulation {
    pub(crate) fn new(seed: u64) -> Self {
        let w = World::with(Options {
            remote: true,
            settings: SETTINGS,
        });
        let first = w.shop.dump();
        let gate = Gate::before(&w.shop.url, &w.repo.bare);
        // All know the store by one URL: another one would be another store.
        let machines = ["one", "two"].map(|name| Machine::new(&w, name, &gate.url));
        for config in [w.config(), w.reader()] {
            let text = std::fs::read_to_string(&config).unwrap();
            std::fs::write(&config, text.replace(&w.shop.url, &gate.url)).unwrap();
        }
        let history = History::begin(&w.repo, ENTITIES.to_vec());
        w.repo.push();
        Self {
            machines,
            gate,
            ledger: SharedLedger::of(&w.repo.bare),
            history,
            dice: Dice::new(seed),
            watch: Watch::over(&w.repo.bare),
            expected: first.clone(),
            first,
            figures: Figures::default(),
            measured: Instant::now(),
            w,
        }
    }

    /// Restless times and quiet ones, in which all is looked at.
    pub(crate) fn live(&mut self, length: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < length {
            let restless = Instant::now() + self.dice.millis(10_000..25_000);
            while Instant::now() < restless {
                // In the end the second one lives on, so that its memory can be watched.
                let mortal = begun.elapsed() < length / 2;
                self.act(if mortal { 2 } else { 1 });
                self.tend(false);
                self.gate_saw_nothing_wrong();
                std::thread::sleep(self.dice.millis(50..600));
            }
            self.quiet_down();
            self.all_is_well();
            self.edit_in_quiet();
            self.figures.rounds += 1;
            println!(
                "{:>4} s: {} pushes, {} live, {:?}",
                begun.elapsed().as_secs(),
                self.watch.count(),
                self.history.live(),
                self.figures
            );
        }
    }

    pub(crate) fn tend(&mut self, at_once: bool) {
        for machine in &mut self.machines {
            machine.tend(&self.w, &self.gate.shared, at_once);
        }
        if self.measured.elapsed() > Duration::from_secs(1) {
            self.measured = Instant::now();
            for machine in &mut self.machines {
                machine.measure();
            }
        }
    }

    fn act(&mut self, mortals: usize) {
        match self.dice.below(100) {
            0..35 => self.develop(),
            35..50 => self.edit_unmanaged(),
            50..65 => self.break_the_store(),
            65..75 => self.w.shop.mend(),
            75..85 => {
                let trouble = [0, 0, 30, 100][self.dice.below(4)];
                let gate = &self.gate.shared;
                gate.trouble
                    .store(trouble, std::sync::atomic::Ordering::SeqCst);
            }
            _ => self.strike(mortals),
        }
    }

    fn develop(&mut self) {
        let repo = &self.w.repo;
        for _ in 0..=self.dice.below(3) {
            let edits = || vec(model::edit(ENTITIES.len()).prop_map(possible), 1..4);
            let full = self.history.live() >= MOST_LIVE;
            match self.dice.below(if full { 4 } else { 12 }) {
                0..4 => {
                    let picks = self.dice.roll(vec(any::<Index>(), 1..3));
                    let one_commit = self.dice.roll(any::<bool>());
                    self.history.revert(repo, &picks, one_commit);
                }
                4 => {
                    let pick = self.dice.roll(any::<Index>());
                    self.history.reapply(repo, &pick);
                }
                5 => {
                    let (releases, parts) = self.dice.roll((vec(edits(), 1..3), any::<bool>()));
                    self.history.merge(repo, &releases, parts);
                }
                6 => {
                    let bad = self.history.bad(repo);
                    repo.push();
                    self.history.good_again(repo, &bad);
                }
                _ => {
                    let edits = self.dice.roll(edits());
                    self.history.release(repo, &edits);
                }
            }
        }
        self.push();
    }

    fn push(&self) {
        self.w.repo.push();
        self.watch.pushed(self.w.repo.head());
    }

    fn edit_unmanaged(&mut self) {
        let place = UNMANAGED[self.dice.below(UNMANAGED.len())];
        self.edit(place, true);
    }

    /// An edit in Magento; whether it shall be there in the end.
    pub(crate) fn edit(&mut self, place: [&str; 4], lasting: bool) {
        self.figures.edits += 1;
        let text = format!("edited {}", self.figures.edits);
        external_editor::edit(&self.w.shop, place, &text);
        let [kind, key, store, field] = place;
        if lasting {
            self.expected[kind][key][store][field] = text.into();
        }
    }

    fn break_the_store(&mut self) {
        self.figures.store_faults += 1;
        let html = |status: u16, name: &str| json!({"respond": {"status": status, "content_type": "text/html", "body": format!("<h1>{name}</h1>"), "headers": {"Retry-After": "1"}}});
        let refused = |message: &str| {
            let body = json!({"message": message, "parameters": ["Something went wrong while saving the page."]});
            json!({"respond": {"status": 400, "body": body.to_string()}})
        };
        let actions = [
            json!({"delay_ms": 300}),
            json!("reset_before"),
            json!("reset_after"),
            json!("truncate"),
            json!("hang"),
            json!("hang_after"),
            html(503, "Backend fetch failed"),
            html(502, "Bad Gateway"),
            html(429, "Too many requests"),
            refused("Could not save the page: %1"),
            refused("Not today."),
        ];
        let action = &actions[self.dice.below(actions.len())];
        let nth = 1 + self.dice.below(8);
        let times = 1 + self.dice.below(3);
        let methods = [
            json!({"method": "PUT", "nth": nth}),
            json!({"method": "POST", "nth": nth}),
            json!({"method": "DELETE", "nth": nth}),
            json!({"nth": nth}),
        ];
        let reads = action["respond"]["status"] != 400;
        let matching = &methods[self.dice.below(if reads { 4 } else { 3 })];
        let rule = json!({"match": matching, "times": times, "action": action});
        self.w.shop.faults(&json!({"rules": [rule]}));
    }

    fn strike(&mut self, mortals: usize) {
        let at = self.dice.below(2);
        let long = self.dice.below(6) == 0;
        // So long that the other one takes over, or shorter than the lease.
        let away = if long {
            LEASE + self.dice.millis(0..4_000)
        } else {
            self.dice.millis(0..3_000)
        };
        let frozen = self.dice.millis(200..4_000);
        let what = self.dice.below(4);
        let machine = &mut self.machines[at];
        if !machine.is_well() {
            return;
        }
        if at >= mortals || what == 3 {
            machine.freeze(frozen);
            self.figures.freezes += 1;
        } else if what == 2 {
            machine.terminate(away);
            self.figures.terminations += 1;
        } else {
            machine.kill(away);
            self.figures.kills += 1;
        }
    }

    /// Everything is reverted, in any order, while all goes well.
    pub(crate) fn take_everything_back(&mut self) {
        while self.history.live() > 0 {
            let (picks, one_commit) = self.dice.roll((vec(any::<Index>(), 1..3), any::<bool>()));
            if !self.history.revert(&self.w.repo, &picks, one_commit) {
                self.history.revert_the_rest(&self.w.repo);
            }
            self.push();
        }
        self.quiet_down();
        self.all_is_well();
        self.is_as_before();
        for machine in &mut self.machines {
            machine.terminate(Duration::ZERO);
        }
        self.kept_its_secrets();
    }
}
