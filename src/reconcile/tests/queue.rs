//! Writes through the store's own queue: killed anywhere, without a consumer, refused, lost.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{PassError, Request, Writes};
use super::faults::{release, revert, title, titled, world};
use super::world::World;
use crate::domain::{EntityRef, ReleaseStatus, Value};
use crate::ports::{BatchKey, BulkId, Operation, Payload, StoreError, Submitted, Write};

/// What goes wrong with the next list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It is taken, and the answer lost.
    Lost,
    /// None of it is taken.
    Refused,
}

/// A queue as Magento's: what came first is carried out first.
#[derive(Default)]
pub(super) struct FakeQueue {
    lists: Mutex<Vec<Vec<(Write, Operation)>>>,
    /// Nobody carries anything out.
    pub(super) stopped: AtomicBool,
    /// Its progress may not be read.
    pub(super) denied: AtomicBool,
    pub(super) mishap: Mutex<Option<Mishap>>,
    /// Each failure may pass.
    pub(super) for_now: AtomicBool,
    /// How many operations are carried out until somebody asks again.
    budget: AtomicUsize,
}

impl FakeQueue {
    pub(super) fn batch_key(&self, write: &Write) -> Option<BatchKey> {
        let verb = match write.payload {
            Payload::Create(_) => "create",
            Payload::Update(_) => "update",
            Payload::Delete => "delete",
        };
        Some(BatchKey(format!("{verb} {}", write.entity.kind)))
    }

    pub(super) fn accept(&self, writes: &[Write]) -> Result<Submitted, StoreError> {
        let mishap = self.mishap.lock().unwrap().take();
        if mishap == Some(Mishap::Refused) {
            return Err(StoreError::Refused {
                status: 400,
                message: "one of them is bad".to_owned(),
            });
        }
        let mut lists = self.lists.lock().unwrap();
        let open = writes.iter().map(|write| (write.clone(), Operation::Open));
        lists.push(open.collect());
        if mishap == Some(Mishap::Lost) {
            return Err(StoreError::InDoubt {
                message: "the answer was lost".to_owned(),
            });
        }
        Ok(Submitted {
            bulk: BulkId((lists.len() - 1).to_string()),
            rejected: BTreeMap::new(),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.lists.lock().unwrap().len()
    }

    pub(super) fn progress(&self, bulk: &BulkId) -> Result<BTreeMap<usize, Operation>, StoreError> {
        self.budget.store(2, Ordering::SeqCst);
        let lists = self.lists.lock().unwrap();
        let list = bulk.0.parse().ok().and_then(|at: usize| lists.get(at));
        let list = list.ok_or_else(|| StoreError::Gone {
            message: "no such bulk".to_owned(),
        })?;
        Ok(list
            .iter()
            .map(|(_, state)| state.clone())
            .enumerate()
            .collect())
    }

    pub(super) fn is_open(&self, entity: &EntityRef, bulks: &[BulkId]) -> bool {
        let lists = self.lists.lock().unwrap();
        let named = bulks.iter().filter_map(|bulk| bulk.0.parse::<usize>().ok());
        named
            .filter_map(|at| lists.get(at))
            .flatten()
            .any(|(write, state)| write.entity == *entity && *state == Operation::Open)
    }

    /// The oldest open operation, while the consumer has time for it.
    pub(super) fn take(&self) -> Option<Write> {
        let budget = self.budget.load(Ordering::SeqCst);
        if self.stopped.load(Ordering::SeqCst) || budget == 0 {
            return None;
        }
        self.budget.store(budget - 1, Ordering::SeqCst);
        let lists = self.lists.lock().unwrap();
        let mut open = lists.iter().flatten();
        let (write, _) = open.find(|(_, state)| *state == Operation::Open)?;
        Some(write.clone())
    }

    pub(super) fn finish(&self, done: Operation) {
        let mut lists = self.lists.lock().unwrap();
        let mut open = lists.iter_mut().flatten();
        let (_, state) = open.find(|(_, state)| *state == Operation::Open).unwrap();
        *state = match done {
            Operation::Failed { message } if self.for_now.load(Ordering::SeqCst) => {
                Operation::FailedForNow { message }
            }
            done => done,
        };
    }
}

fn queueing() -> World {
    let mut world = world();
    world.writes = Writes::Bulk;
    world
}

const CHANGES: &str = "  - kind: cms_block
    key: a
    fields: { title: second }
  - kind: cms_block
    key: b
    fields: { title: second }
  - kind: cms_block
    key: made
    fields: { title: made, content: made }
  - kind: cms_page
    key: page
    fields: { title: made, content: made }
  - kind: cms_block
    key: gone
    ensure: absent
";

/// Deploys and reverts, killed at one point of each; how many points the two had.
fn killed_at(point: usize, elsewhere: bool) -> (usize, usize) {
    let mut world = queueing();
    world.settle(false, false);
    let first = world.store.dump();
    let id = release(&world, CHANGES);
    world.fuse.arm(point);
    assert!(world.settle(false, elsewhere).converged);
    let deployed = world.fuse.points();
    assert_eq!(title(&world, "b"), Value::from("second"));
    assert_eq!(world.store.dump().len(), 4);
    revert(&world, &id);
    world.fuse.arm(point);
    let report = world.settle(false, elsewhere);
    assert!(report.converged, "killed at {point}");
    assert_eq!(world.store.dump(), first, "killed at {point}");
    assert!(world.read().book.has_no_slots(), "killed at {point}");
    let named = world.ledger.state().unwrap().pass;
    assert_eq!(named, None);
    (deployed, world.fuse.points())
}

#[test]
fn a_process_killed_with_a_list_under_way_loses_nothing_and_sends_no_named_list_twice() {
    let (deployed, reverted) = killed_at(0, false);
    // The snapshot, four lists with their names, the outcome: before and after each.
    assert_eq!((deployed, reverted), (20, 20));
    for point in 1..=deployed {
        for elsewhere in [false, true] {
            killed_at(point, elsewhere);
        }
    }
}

fn waits(result: Result<super::super::Report, PassError>) -> String {
    match result {
        Err(PassError::Waiting { message, .. }) => message,
        other => panic!("{:?}", other.map(|_| "an outcome")),
    }
}

#[test]
fn without_a_consumer_the_release_stays_in_hand_and_a_revert_waits_for_the_queue() {
    let mut world = queueing();
    world.settle(false, false);
    let first = world.store.dump();
    world.store.queue.stopped.store(true, Ordering::SeqCst);
    let id = release(&world, CHANGES);
    let before = crate::ports::Clock::monotonic(world.clock.as_ref());
    let said = waits(world.pass(Request::default()));
    let took = crate::ports::Clock::monotonic(world.clock.as_ref()) - before;
    assert!(took < Duration::from_secs(100), "told after {took:?}");
    for words in [
        "3 writes",
        "bulk 0, 1",
        "queue:consumers:start",
        "nothing is lost",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    let commits = world.ledger.len();
    assert_eq!(world.ledger.state().unwrap().lease, None);

    // Nothing else is sent until the queue has carried it out: it would be overwritten.
    revert(&world, &id);
    for elsewhere in [false, true] {
        world.restart(elsewhere);
        waits(world.pass(Request {
            retry: true,
            rebootstrap: None,
        }));
    }
    assert_eq!(world.store.queue.count(), 2);
    assert_eq!(world.ledger.len(), commits, "waiting makes no commits");
    assert_eq!(world.store.dump(), first);

    world.store.queue.stopped.store(false, Ordering::SeqCst);
    assert!(world.settle(false, false).converged);
    assert_eq!(world.store.dump(), first);
    let book = world.read().book;
    let release = book.of_commit(&id).unwrap();
    assert_eq!(book.status(release), ReleaseStatus::RolledBack);
}

#[test]
fn a_list_that_the_store_has_lost_is_sent_again() {
    let mut world = queueing();
    world.settle(false, false);
    world.store.queue.stopped.store(true, Ordering::SeqCst);
    release(&world, CHANGES);
    waits(world.pass(Request::default()));
    // A person deletes the row of the bulk.
    world.store.queue.lists.lock().unwrap().clear();
    world.store.queue.stopped.store(false, Ordering::SeqCst);
    assert!(world.settle(false, false).converged);
    assert_eq!(title(&world, "a"), Value::from("second"));
}

#[test]
fn what_the_queue_cannot_carry_out_fails_alone_and_goes_through_on_retry() {
    let mut world = queueing();
    world.settle(false, false);
    world.store.broken.lock().unwrap().insert("b".to_owned());
    release(&world, CHANGES);
    let report = world.settle(false, false);
    assert!(!report.converged);
    let made = &report.releases[0];
    assert_eq!(made.status, ReleaseStatus::Failed);
    let failed: Vec<_> = made.changes.iter().filter(|c| c.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].key.as_str(), "b");
    assert_eq!(
        failed[0].error.as_deref(),
        Some("Something is wrong with it.")
    );
    assert_eq!(title(&world, "a"), Value::from("second"));
    world.store.broken.lock().unwrap().clear();
    assert!(world.settle(true, false).converged);
    assert_eq!(title(&world, "b"), Value::from("second"));
}

#[test]
fn what_failed_for_now_and_what_the_queue_refuses_goes_on_one_by_one() {
    for refused in [true, false] {
        let mut world = queueing();
        world.settle(false, false);
        if refused {
            *world.store.queue.mishap.lock().unwrap() = Some(Mishap::Refused);
        } else {
            world.store.queue.for_now.store(true, Ordering::SeqCst);
            world.store.broken.lock().unwrap().insert("b".to_owned());
        }
        let both = format!("{}{}", titled("a", "second"), titled("b", "second"));
        release(&world, &both);
        let writes = world.store.writes.load(Ordering::SeqCst);
        let report = world.settle(false, false);
        let alone = world.store.writes.load(Ordering::SeqCst) - writes;
        assert_eq!(alone, if refused { 2 } else { 1 });
        assert_eq!(report.converged, refused);
    }
}

#[test]
fn a_list_whose_answer_was_lost_is_sent_again_behind_itself() {
    let mut world = queueing();
    let first = world.store.dump();
    world.settle(false, false);
    *world.store.queue.mishap.lock().unwrap() = Some(Mishap::Lost);
    let id = release(&world, CHANGES);
    assert!(world.settle(false, false).converged);
    assert_eq!(title(&world, "a"), Value::from("second"));
    revert(&world, &id);
    assert!(world.settle(false, false).converged);
    assert_eq!(world.store.dump(), first);
}

#[test]
fn a_pass_that_is_undone_goes_back_through_the_queue() {
    let mut world = queueing();
    world.restore_failed = true;
    world.settle(false, false);
    let first = world.store.dump();
    world.store.broken.lock().unwrap().insert("b".to_owned());
    release(&world, CHANGES);
    assert!(!world.settle(false, false).converged);
    assert_eq!(world.store.dump(), first);
}

#[test]
fn without_the_right_to_read_its_progress_the_queue_is_not_used() {
    let mut world = queueing();
    world.settle(false, false);
    world.store.queue.denied.store(true, Ordering::SeqCst);
    release(&world, CHANGES);
    match world.pass(Request::default()) {
        Err(PassError::Stalled { message }) => {
            assert!(message.contains("tick the box"), "{message}");
            assert!(message.contains("writes: rest"), "{message}");
        }
        other => panic!("{:?}", other.map(|_| "an outcome")),
    }
    assert_eq!(world.ledger.state(), None);

    world.restart(false);
    world.writes = Writes::Auto;
    let many: String = (0..50).map(|n| titled(&format!("n-{n}"), "new")).collect();
    release(&world, &many);
    let report = world.settle(false, false);
    assert!(report.converged);
    let activity = &report.releases.last().unwrap().activity;
    let told = |words: &str| activity.iter().any(|line| line.message.contains(words));
    assert!(told("tick the box") && told("one by one"), "{activity:?}");
    assert_eq!(world.store.queue.count(), 0);
}

#[test]
fn few_are_not_worth_the_queue() {
    for (count, lists) in [(49, 0), (50, 1)] {
        let mut world = queueing();
        world.writes = Writes::Auto;
        world.settle(false, false);
        let many: String = (0..count)
            .map(|n| titled(&format!("n-{n}"), "new"))
            .collect();
        release(&world, &many);
        assert!(world.settle(false, false).converged);
        assert_eq!(world.store.queue.count(), lists, "of {count}");
    }
}
