//! What always holds, what holds in quiet times, and the figures.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gitmage::domain::{DesiredValue, Ensure, FieldId, ReleaseStatus};
use gitmage::plan::{Book, Shown, SlotState};
use serde_json::Value;

use crate::simulation::Simulation;
use crate::support::history::ENTITIES;
use crate::support::shop::differences;
use crate::support::waiting::until;

/// The fields that releases list.
const LISTED: [&str; 3] = ["title", "content", "active"];

impl Simulation {
    pub(crate) fn gate_saw_nothing_wrong(&self) {
        let violations = self.gate.shared.violations.lock().unwrap();
        assert!(violations.is_empty(), "{violations:#?}\n{}", self.told());
    }

    fn told(&self) -> String {
        let ends = self.machines.iter().map(|machine| {
            let log = std::fs::read_to_string(&machine.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = &lines[lines.len().saturating_sub(80)..];
            format!("{}:\n{}\n", machine.name, end.join("\n"))
        });
        let ends: String = ends.collect();
        format!("{}\n{}\n{ends}", self.history.told, self.ledger.told())
    }

    /// All is mended, everybody is there, and everything pushed is handled.
    pub(crate) fn quiet_down(&mut self) {
        self.w.shop.mend();
        self.gate.shared.trouble.store(0, Ordering::SeqCst);
        self.tend(true);
        let head = self.w.repo.head();
        let wait = self
            .w
            .command(&["wait", &head, "--timeout", "3m", "--config"])
            .arg(self.w.reader())
            .output()
            .unwrap();
        assert!(
            matches!(wait.status.code(), Some(0 | 1)),
            "{head}: {wait:?}\n{}",
            self.told()
        );
        until(
            || format!("the pass ends\n{}", self.told()),
            || {
                let state = self.ledger.state();
                state.is_none_or(|s| s.pass.is_none()).then_some(())
            },
        );
        // What was refused is tried once more.
        let retry = self
            .w
            .command(&["retry", "--config"])
            .arg(&self.machines[0].config)
            .output()
            .unwrap();
        assert!(
            matches!(retry.status.code(), Some(0 | 1)),
            "{retry:?}\n{}",
            self.told()
        );
    }

    pub(crate) fn all_is_well(&mut self) {
        self.gate_saw_nothing_wrong();
        let Some(ledger) = self.ledger.load() else {
            return;
        };
        let [all, first_parent, merges] = self.ledger.shape();
        assert_eq!((all, merges), (first_parent, 0), "the ledger is not linear");
        let state = ledger.state.as_ref().unwrap();
        assert!(state.pass.is_none() && state.lease.is_none(), "{state:?}");
        every_release_has_ended(&ledger.book);
        self.nothing_else_moved(&ledger.book);
        if ledger.book.open_slots(true).is_empty() {
            self.figures.plans += 1;
            let plan = self.w.run(&["plan"]);
            assert_eq!(plan.code, Some(0), "{}\n{}", plan.said(), self.told());
        }
    }

    /// Entities and fields that no release lists are as the external editor left them.
    fn nothing_else_moved(&self, book: &Book) {
        let now = self.w.shop.dump();
        for (kind, key, store, expected) in entities(&self.expected) {
            let entity = &now[kind][key][store];
            if !ENTITIES.contains(&[kind, key, store]) {
                assert_eq!(entity, expected, "{kind} {key} {store}\n{}", self.told());
            } else if let Some(fields) = entity.as_object()
                && !is_made_anew(book, [kind, key, store])
            {
                for (field, value) in fields {
                    let listed = LISTED.contains(&field.as_str());
                    assert!(
                        listed || *value == expected[field],
                        "{kind} {key} {store} {field}: {value}, not {}\n{}",
                        expected[field],
                        self.told()
                    );
                }
            }
        }
        for (kind, key, store, entity) in entities(&now) {
            let known = self.expected[kind][key][store].is_object();
            assert!(
                known || ENTITIES.contains(&[kind, key, store]),
                "{kind} {key} {store} came from nowhere: {entity}\n{}",
                self.told()
            );
        }
    }

    /// An edit of an entity that releases name, while nothing else happens: of a listed field it is
    /// gone when all is reverted, of any other it stays.
    pub(crate) fn edit_in_quiet(&mut self) {
        let now = self.w.shop.dump();
        let book = self.ledger.load().map(|ledger| ledger.book);
        let [kind, key, store] = ENTITIES[self.dice.below(ENTITIES.len())];
        let field = match kind {
            "cms_page" => ["title", "content", "meta_title"][self.dice.below(3)],
            _ => ["title", "content"][self.dice.below(2)],
        };
        let unsettled = book.as_ref().is_some_and(|book| is_unsettled(book, key));
        if !now[kind][key][store].is_object() || unsettled {
            return;
        }
        let place = [kind, key, store];
        let anew = book.as_ref().is_some_and(|book| is_made_anew(book, place));
        let held = book.is_some_and(|book| slot(&book, place, field).is_some());
        if anew {
            return;
        }
        let lasting = !held && self.first[kind][key][store].is_object();
        self.edit([kind, key, store, field], lasting);
    }

    /// Everything is reverted: the store is the first one with the external editor's edits.
    pub(crate) fn is_as_before(&self) {
        let now = self.w.shop.dump();
        let moved = differences(&self.expected, &now);
        assert!(moved.is_empty(), "{moved:#?}\n{}", self.told());
        let book = self.ledger.load().unwrap().book;
        let left: Vec<_> = book.slots().collect();
        assert!(left.is_empty(), "{left:#?}\n{}", self.told());
    }

    pub(crate) fn kept_its_secrets(&self) {
        let mut texts = vec![("ledger", self.w.repo.everything("rollback/production"))];
        for machine in &self.machines {
            texts.push(("log", std::fs::read_to_string(&machine.log).unwrap()));
        }
        for secret in self.w.shop.secrets() {
            for (place, text) in &texts {
                assert!(!text.contains(&secret), "a secret in the {place}");
            }
        }
    }

    pub(crate) fn report(&self) {
        let gate = &self.gate.shared;
        let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::SeqCst);
        let states = self.ledger.states();
        let takeovers = states.windows(2).filter(|pair| {
            let holder = |at: usize| pair[at].lease.as_ref().map(|lease| &lease.holder);
            matches!((holder(0), holder(1)), (Some(before), Some(after)) if before != after)
        });
        let [median, most] = self.watch.percentiles();
        println!("{:?}", self.figures);
        println!(
            "pushes {}, releases {}, reverts {}, ledger commits {}, takeovers {}",
            self.watch.count(),
            self.history.releases,
            self.history.reverted,
            states.len(),
            takeovers.count()
        );
        println!(
            "requests {}, writes {}, network faults {}, violations {}",
            count(&gate.requests),
            count(&gate.writes),
            count(&gate.faults),
            gate.violations.lock().unwrap().len()
        );
        println!("push to handled: median {median:.1?}, 95th {most:.1?}");
        for machine in &self.machines {
            for memory in &machine.memories {
                if memory.lived > Duration::from_secs(60) {
                    println!("memory of {}: {memory:?}", machine.name);
                    assert!(
                        memory.last_kb < 2 * memory.first_kb + 64 * 1024,
                        "the memory grows without bound"
                    );
                }
            }
        }
    }
}

fn slot<'a>(book: &'a Book, place: [&str; 3], field: &str) -> Option<&'a SlotState> {
    let found = book.slots().find(|(slot, _)| {
        let entity = &slot.entity;
        let names = [
            entity.kind.to_string(),
            entity.key.to_string(),
            entity.store.to_string(),
        ];
        names == place && slot.field.as_str() == field
    });
    found.map(|(_, state)| state)
}

/// True if releases in effect have deleted or made an entity, so that it is not the first one.
fn is_made_anew(book: &Book, place: [&str; 3]) -> bool {
    let existence = slot(book, place, FieldId::Existence.as_str());
    existence.is_some_and(|state| {
        let deleted = |demands: &DesiredValue| *demands == DesiredValue::Ensure(Ensure::Absent);
        let mut demands = state
            .layers
            .iter()
            .filter_map(|layer| layer.demands.as_ref());
        demands.any(deleted) || state.base != Shown::Here
    })
}

/// True if an entity of this key is not where it shall be, or a release of it has failed.
fn is_unsettled(book: &Book, key: &str) -> bool {
    let open = book.open_slots(true);
    let failed = book.releases.values().any(|release| {
        book.status(release) == ReleaseStatus::Failed
            && release.entities.keys().any(|e| e.key.to_string() == key)
    });
    failed || open.iter().any(|slot| slot.entity.key.to_string() == key)
}

fn every_release_has_ended(book: &Book) {
    for release in book.releases.values() {
        let status = book.status(release);
        let mut entities = release.outcome.entities.values();
        let reason =
            release.outcome.message.is_some() || entities.any(|entity| entity.error.is_some());
        let ended = match status {
            ReleaseStatus::Live
            | ReleaseStatus::Superseded
            | ReleaseStatus::RolledBack
            | ReleaseStatus::Canceled => true,
            ReleaseStatus::Failed | ReleaseStatus::Invalid => reason,
            _ => false,
        };
        assert!(ended, "{} is {status}, why: {reason}", release.subject);
    }
}

/// Kind, key, assignment and fields of all entities.
fn entities(dump: &Value) -> impl Iterator<Item = (&str, &str, &str, &Value)> {
    dump.as_object().unwrap().iter().flat_map(|(kind, keys)| {
        keys.as_object()
            .unwrap()
            .iter()
            .flat_map(move |(key, stores)| {
                stores
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(move |(store, fields)| {
                        (kind.as_str(), key.as_str(), store.as_str(), fields)
                    })
            })
    })
}
