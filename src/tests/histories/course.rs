//! A history as it happens to a shop.

use std::collections::BTreeSet;

use gitmage::domain::{ReleaseKind, ReleaseStatus};
use serde_json::{Value, json};

use crate::steps::{Case, Death, Step};
use crate::support::history::History;
use crate::support::ledger::SharedLedger;
use crate::support::shop::differences;
use crate::support::waiting::until;
use crate::support::world::{Background, Options, Run, World};

/// How much happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) releases: usize,
    pub(crate) reverts: usize,
    pub(crate) passes: usize,
    /// Processes that were ended in the middle of a pass.
    pub(crate) deaths: usize,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.releases += other.releases;
        self.reverts += other.reverts;
        self.passes += other.passes;
        self.deaths += other.deaths;
    }
}

pub(crate) struct Course<'a> {
    case: &'a Case,
    history: History,
    daemon: Option<Background>,
    /// Keys whose writes the store refuses.
    refused: BTreeSet<&'static str>,
    figures: Figures,
    w: World,
}

impl Drop for Course<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.w.log()).unwrap_or_default();
            eprintln!("{:#?}\n{}{log}", self.case.steps, self.history.told);
            eprintln!("{}", SharedLedger::of(&self.w.repo.bare).told());
            eprintln!("GITMAGE_SEED={}", self.case.seed);
        }
    }
}

impl<'a> Course<'a> {
    pub(crate) fn run(case: &'a Case) -> Figures {
        let w = World::with(Options {
            remote: case.remote,
            // Twice as long is waited for what a killed daemon may have sent.
            settings: "store.timeout: 3s",
        });
        let before = w.shop.dump();
        let history = History::begin(&w.repo, case.entities.clone());
        let mut course = Self {
            case,
            history,
            daemon: case.daemon.then(|| w.daemon()),
            refused: BTreeSet::new(),
            figures: Figures::default(),
            w,
        };
        for step in &case.steps {
            course.step(step);
        }
        course.refused.clear();
        course.w.shop.mend();
        course.take_everything_back();
        course.is_as_before(&before);
        if let Some(daemon) = course.daemon.take() {
            daemon.terminate();
            assert_eq!(daemon.wait(), Some(0));
        }
        Figures {
            releases: course.history.releases,
            reverts: course.history.reverted,
            ..course.figures
        }
    }

    fn step(&mut self, step: &Step) {
        let repo = &self.w.repo;
        match step {
            Step::Release(edits) => self.history.release(repo, edits),
            Step::Merge { releases, parts } => self.history.merge(repo, releases, *parts),
            Step::Bad { handled } => {
                let bad = self.history.bad(repo);
                if *handled {
                    self.pass();
                }
                self.history.good_again(&self.w.repo, &bad);
            }
            Step::Revert { picks, one_commit } => {
                self.history.revert(repo, picks, *one_commit);
            }
            Step::Reapply(pick) => self.history.reapply(repo, pick),
            Step::Refuse(at) => {
                let key = self.case.entities[*at][1];
                if !self.refused.remove(key) {
                    self.refused.insert(key);
                }
                self.arm(None);
            }
            Step::Pass => self.pass(),
            Step::Die { nth, death } => self.die(*nth, *death),
        }
    }

    /// Makes something go wrong in the store, at a request.
    fn arm(&self, fatal: Option<(usize, Death)>) {
        let mut rules: Vec<Value> = Vec::new();
        if let Some((nth, death)) = fatal {
            let action = match death {
                Death::KillBefore => json!("hang"),
                Death::KillAfter => json!("hang_after"),
                Death::Terminate => json!({"delay_ms": 100}),
            };
            rules.push(json!({"match": {"nth": nth}, "action": action}));
        }
        for key in &self.refused {
            for method in ["PUT", "POST", "DELETE"] {
                let body = r#"{"message": "Not today."}"#;
                rules.push(json!({
                    "match": {"method": method, "identifier": key},
                    "action": {"respond": {"status": 400, "body": body}},
                }));
            }
        }
        self.w.shop.faults(&json!({ "rules": rules }));
    }

    /// Pushes and lets it be handled, by the daemon where there is one.
    fn pass(&mut self) {
        self.figures.passes += 1;
        self.w.repo.push();
        self.is_handled(&self.w.reconcile());
    }

    /// A pass may fail only where a release says so.
    fn is_handled(&self, run: &Run) {
        let shared = SharedLedger::of(&self.w.repo.bare);
        let in_hand = shared.state().and_then(|state| state.pass);
        assert!(in_hand.is_none(), "{in_hand:?}: {}", run.said());
        if run.code != Some(0) {
            let book = shared.load().unwrap().book;
            let says_so = book.releases.values().any(|release| {
                let status = book.status(release);
                status == ReleaseStatus::Failed || status == ReleaseStatus::Invalid
            });
            assert!(run.code == Some(1) && says_so, "{}", run.said());
        }
    }

    /// A pass in which the process dies at a request, if there are so many.
    fn die(&mut self, nth: usize, death: Death) {
        let known = self.w.shop.requests().len();
        self.arm(Some((nth, death)));
        self.w.repo.push();
        let mut pass = self.w.start();
        let reached = until(
            || "a pass ends, or comes to a request".to_owned(),
            || {
                let requests = self.w.shop.requests();
                let mut new = requests[known..].iter();
                let fatal = ["hang", "hang_after", "delay_ms"];
                if new.any(|r| fatal.iter().any(|fault| r["fault"] == *fault)) {
                    return Some(true);
                }
                pass.ended().then_some(false)
            },
        );
        if reached {
            self.strike(pass, death);
        }
        self.arm(None);
        if self.case.daemon && self.daemon.is_none() {
            self.daemon = Some(self.w.daemon());
        }
    }

    fn strike(&mut self, pass: Background, death: Death) {
        self.figures.deaths += 1;
        // With a daemon it is the daemon that passes, and the other one only waits for it.
        let (victim, waiting) = match self.daemon.take() {
            Some(daemon) => (daemon, Some(pass)),
            None => (pass, None),
        };
        match death {
            Death::KillBefore | Death::KillAfter => victim.kill(),
            Death::Terminate => {
                victim.terminate();
                let code = victim.wait();
                assert!(
                    code == Some(0) || waiting.is_none() && code == Some(1),
                    "{code:?}"
                );
            }
        }
        if let Some(waiting) = waiting {
            waiting.wait();
        }
    }

    fn take_everything_back(&mut self) {
        for undo in &self.case.order {
            if !self
                .history
                .revert(&self.w.repo, &undo.picks, undo.one_commit)
            {
                break;
            }
            if undo.pass {
                self.pass();
            }
        }
        if self.history.live() > 0 {
            self.history.revert_the_rest(&self.w.repo);
        }
        self.pass();
        self.w.run(&["retry"]).converged();
    }

    fn is_as_before(&self, before: &Value) {
        let moved = differences(before, &self.w.shop.dump());
        assert!(moved.is_empty(), "{moved:#?}");
        let shared = SharedLedger::of(&self.w.repo.bare);
        if let Some(ledger) = shared.load() {
            let left: Vec<_> = ledger.book.slots().collect();
            assert!(left.is_empty(), "{left:#?}");
            for release in ledger.book.releases.values() {
                let status = ledger.book.status(release);
                let own = ["Release", "Merge", "Reapply"];
                let undone = matches!(status, ReleaseStatus::RolledBack | ReleaseStatus::Invalid)
                    // What only takes changes out of the files is done with that.
                    || release.slots().all(|(_, field)| !field.changes());
                assert!(
                    undone
                        || release.kind != ReleaseKind::Deploy
                        || !own.iter().any(|word| release.subject.starts_with(word)),
                    "{} is {status}",
                    release.subject
                );
            }
            let [all, first_parent, merges] = shared.shape();
            assert_eq!((all, merges), (first_parent, 0));
        }
        // Nothing is left to do, and nothing is recorded of that.
        let (tip, writes) = (shared.tip(), self.w.shop.writes().len());
        self.w.reconcile().converged();
        let plan = self.w.run(&["plan"]);
        assert_eq!(plan.code, Some(0), "{}", plan.said());
        assert_eq!(shared.tip(), tip);
        assert_eq!(self.w.shop.writes().len(), writes);
    }
}
