//! Whole histories at random: releases, shadowing, deletions, failures, lost answers and crashes, and
//! then everything reverted in any order.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::super::Request;
use super::world::{World, entity};
use crate::domain::{CommitId, EntityRef, Kind, ReleaseKind, ReleaseStatus, Value};

#[path = "../../tests/support/model.rs"]
#[allow(dead_code, reason = "shared with the histories of the whole program")]
mod model;

use model::{Change, Edit, Files, share, shows, undone};

const ENTITIES: [[&str; 3]; 7] = [
    ["cms_block", "there", "all"],
    ["cms_block", "not-there", "de"],
    ["cms_page", "home", "all"],
    ["cms_page", "new-page", "all"],
    // The same key under `all` exists.
    ["cms_block", "there", "de"],
    // Both exist.
    ["cms_block", "twin", "de"],
    ["cms_block", "no-such-view", "xx"],
];

fn entities() -> Vec<EntityRef> {
    let kind = |name| match name {
        "cms_block" => Kind::CMS_BLOCK,
        _ => Kind::CMS_PAGE,
    };
    let all = ENTITIES.iter();
    all.map(|[name, key, store]| entity(kind(*name), key, store))
        .collect()
}

fn world() -> World {
    let world = World::new();
    let texts = |title: &str| {
        [
            ("title", Value::from(title)),
            ("content", Value::from("<p>first</p>")),
            ("active", Value::Bool(false)),
        ]
    };
    let known = entities();
    for entity in [&known[0], &known[2], &known[5]] {
        world.store.edit(entity, Some(&texts("first")));
    }
    world.store.edit(
        &entity(Kind::CMS_BLOCK, "twin", "all"),
        Some(&texts("twin")),
    );
    world.store.edit(
        &entity(Kind::CMS_BLOCK, "other", "all"),
        Some(&texts("other")),
    );
    world
}

fn tree(files: &Files) -> BTreeMap<String, String> {
    let readme = ("README.md".to_owned(), "hello".to_owned());
    model::tree(files, &ENTITIES)
        .into_iter()
        .chain([readme])
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    Release(Vec<Edit>),
    Revert(Vec<Index>),
    /// Writes of an entity are refused from now on, or not any more.
    Refuse(usize),
    Pass,
    /// A pass that is killed at this point.
    Crash {
        at: usize,
        elsewhere: bool,
    },
}

fn step(entities: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(model::edit(entities), 1..4).prop_map(Step::Release),
        4 => prop::collection::vec(any::<Index>(), 1..3).prop_map(Step::Revert),
        1 => (0..entities).prop_map(Step::Refuse),
        4 => Just(Step::Pass),
        2 => (1_usize..16, any::<bool>()).prop_map(|(at, elsewhere)| Step::Crash { at, elsewhere }),
    ]
}

#[derive(Default)]
struct Repository {
    files: Files,
    live: Vec<(CommitId, Vec<Change>)>,
    story: Story,
}

/// What happened, for a case that fails: the last one printed is the smallest.
#[derive(Default)]
struct Story(std::cell::RefCell<Vec<String>>);

impl Story {
    /// Of ids that begin with zeroes.
    fn short(id: &CommitId) -> String {
        id.to_string().chars().skip(24).collect()
    }

    fn tell(&self, line: String) {
        self.0.borrow_mut().push(line);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the history:\n{}", self.0.borrow().join("\n"));
        }
    }
}

impl Repository {
    fn commit(&self, world: &World, message: &str) -> CommitId {
        let id = world.source.commit(message, tree(&self.files));
        let files: Vec<String> = self
            .files
            .iter()
            .map(|((file, at), spec)| format!("    {file} {}: {spec:?}", entities()[*at]))
            .collect();
        let message = message.replace('\n', " ");
        self.story.tell(format!(
            "commit {}: {message}\n{}",
            Story::short(&id),
            files.join("\n")
        ));
        id
    }

    fn release(&mut self, world: &World, edits: &[Edit]) {
        let before = self.files.clone();
        let changes = model::apply(&mut self.files, edits);
        if self.is_inverse(&before) {
            // It would be a rollback without words, and reverting that an ordinary deploy.
            self.files = before;
        } else if !changes.is_empty() {
            let id = self.commit(world, &format!("Release {}", self.live.len()));
            self.live.push((id, changes));
        }
    }

    /// True if the files are what they were before some of the releases, the newest ones or one or two in
    /// between.
    fn is_inverse(&self, before: &Files) -> bool {
        let without = |files: &Files, release: usize| undone(files, &self.live[release].1);
        let mut now = before.clone();
        let newest = (0..self.live.len()).rev().any(|release| {
            if let Some(files) = without(&now, release) {
                now = files;
            }
            now == self.files
        });
        newest
            || (0..self.live.len()).any(|newer| {
                let Some(files) = without(before, newer) else {
                    return false;
                };
                let mut older = (0..newer).filter_map(|older| without(&files, older));
                files == self.files || older.any(|files| files == self.files)
            })
    }

    /// Reverts some of the releases in one commit; whether there was any to be reverted.
    fn revert(&mut self, world: &World, picks: &[Index]) -> bool {
        let mut message = String::from("Revert something\n\n");
        let mut any = false;
        let start = self.files.clone();
        let mut taken: Vec<Vec<Change>> = Vec::new();
        for pick in picks {
            let undone: Vec<(usize, Files)> = (0..self.live.len())
                .filter_map(|i| Some((i, undone(&self.files, &self.live[i].1)?)))
                // Words count only where the commit changes a field that the release changed, or that
                // it shares with another one that the commit takes back.
                .filter(|(i, files)| {
                    let all: Vec<_> = taken.iter().chain([&self.live[*i].1]).collect();
                    let any = all.iter().any(|changes| shows(changes, &start, files));
                    let counts = |changes: &Vec<Change>| {
                        let shared = all
                            .iter()
                            .any(|o| !std::ptr::eq(*o, changes) && share(o, changes));
                        shared || shows(changes, &start, files)
                    };
                    any && all.iter().all(|changes| counts(changes))
                })
                .collect();
            if undone.is_empty() {
                break;
            }
            let (at, files) = pick.get(&undone).clone();
            self.files = files;
            let (id, changes) = self.live.remove(at);
            taken.push(changes);
            writeln!(message, "This reverts commit {id}.").unwrap();
            any = true;
        }
        if any {
            self.commit(world, &message);
        }
        any
    }

    /// What is left conflicts: a person takes all of it back in one commit.
    fn revert_the_rest(&mut self, world: &World) {
        let mut message = String::from("Revert the rest\n\n");
        for (id, _) in self.live.drain(..).rev() {
            writeln!(message, "This reverts commit {id}.").unwrap();
        }
        self.files.clear();
        self.commit(world, &message);
    }
}

/// The next write may be lost, and carried out when others have been sent.
fn lose(world: &World, late: u64) {
    let writes = world.store.writes.load(std::sync::atomic::Ordering::SeqCst) as u64;
    let delay = writes * late % 56;
    *world.store.delay.lock().unwrap() = (delay > 0).then(|| Duration::from_secs(delay));
}

fn run(steps: &[Step], order: &[Vec<Index>], (lossy, late): (usize, u64), latency: u64) -> World {
    let mut world = world();
    let before = world.store.dump();
    world
        .store
        .lossy
        .store(lossy, std::sync::atomic::Ordering::SeqCst);
    world
        .store
        .latency
        .store(latency, std::sync::atomic::Ordering::SeqCst);
    let mut repository = Repository::default();
    repository.commit(&world, "Begin");
    for step in steps {
        if !matches!(step, Step::Release(_) | Step::Revert(_)) {
            repository.story.tell(format!("{step:?}"));
        }
        match step {
            Step::Release(edits) => repository.release(&world, edits),
            Step::Revert(picks) => {
                repository.revert(&world, picks);
            }
            Step::Refuse(at) => {
                let key = entities()[*at].key.to_string();
                let mut broken = world.store.broken.lock().unwrap();
                if !broken.remove(&key) {
                    broken.insert(key);
                }
            }
            Step::Pass => {
                lose(&world, late);
                world.settle(false, false);
            }
            Step::Crash { at, elsewhere } => {
                // What a process has lost in passes that it ended it does not leave to the next one.
                world.clock.forward(Duration::from_secs(60));
                world.store.arrive();
                lose(&world, late);
                world.fuse.arm(*at);
                world.settle(false, *elsewhere);
                world.fuse.arm(0);
                // What a process had lost when it ended a pass is an accepted loss, if it is killed
                // before it begins another one: such writes arrive while nobody knows of them.
                world.clock.forward(Duration::from_secs(60));
                world.store.arrive();
            }
        }
    }
    world.store.broken.lock().unwrap().clear();
    for picks in order {
        if !repository.revert(&world, picks) {
            break;
        }
        // Now and then several commits meet in one pass.
        if picks.len() == 1 {
            repository.story.tell("Pass".to_owned());
            lose(&world, late);
            world.settle(false, false);
        }
    }
    if !repository.live.is_empty() {
        repository.revert_the_rest(&world);
    }
    world
        .store
        .lossy
        .store(0, std::sync::atomic::Ordering::SeqCst);
    world.settle(true, false);
    let report = world.settle(true, false);
    assert!(report.converged, "open: {:#?}", report.ledger.book.managed);

    world.clock.forward(Duration::from_secs(60));
    world.store.arrive();
    let book = world.read().book;
    let left: Vec<_> = book.slots().collect();
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(world.store.dump(), before);
    for release in book.releases.values() {
        let status = book.status(release);
        if release.kind == ReleaseKind::Deploy {
            assert!(
                matches!(status, ReleaseStatus::RolledBack | ReleaseStatus::Invalid)
                    || release.slots().all(|(_, field)| !field.changes())
                    || !release.subject.starts_with("Release"),
                "{} is {status}",
                release.subject
            );
        }
    }
    // Nothing is left to do, and nothing is recorded of that.
    let (commits, writes) = (
        world.ledger.len(),
        world.store.writes.load(std::sync::atomic::Ordering::SeqCst),
    );
    world.pass(Request::default()).unwrap();
    assert_eq!(world.ledger.len(), commits);
    assert_eq!(
        world.store.writes.load(std::sync::atomic::Ordering::SeqCst),
        writes
    );
    assert!(!world.preview().changes_anything());
    world
}

/// The same histories in every run, in four parts that run side by side; as many random ones as
/// `PROPTEST_CASES` asks for in each part.
fn config(part: u64) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: asked.unwrap_or(256),
        rng_seed: match asked {
            Some(_) => default.rng_seed,
            None => RngSeed::Fixed(part),
        },
        max_shrink_iters: 250,
        failure_persistence: None,
        ..default
    }
}

fn reverting_everything_restores_the_first_store(part: u64) {
    let case = (
        prop::collection::vec(step(7), 1..14),
        prop::collection::vec(prop::collection::vec(any::<Index>(), 1..3), 40),
        prop_oneof![2 => Just(0_u64), 1 => 1_u64..56],
        prop_oneof![3 => Just(0_usize), 1 => 2_usize..5],
        prop_oneof![Just(5_u64), Just(2000)],
    );
    proptest!(config(part), |((steps, order, late, lossy, latency) in case)| {
        run(&steps, &order, (lossy, late), latency);
    });
}

#[test]
fn reverting_everything_restores_the_first_store_1() {
    reverting_everything_restores_the_first_store(1);
}

#[test]
fn reverting_everything_restores_the_first_store_2() {
    reverting_everything_restores_the_first_store(2);
}

#[test]
fn reverting_everything_restores_the_first_store_3() {
    reverting_everything_restores_the_first_store(3);
}

#[test]
fn reverting_everything_restores_the_first_store_4() {
    reverting_everything_restores_the_first_store(4);
}
