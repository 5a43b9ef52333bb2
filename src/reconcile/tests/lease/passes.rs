//! Whole passes of two reconcilers over one branch: one release that changes a block, makes one and
//! takes one away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::world::{FakeSource, World, entity, files};
use super::TIMEOUT;
use super::arena::{Arena, Dangers, PAUSES, Played};
use super::explore::{Scene, after_a_lost_write, cases, deeper, every, random};
use super::observer::holder;
use super::ports::{ClockPort, LedgerPort, StorePort, ports};
use super::token::PATIENCE;
use crate::domain::{CommitId, FieldName, Kind, Value};
use crate::ports::{Clock, Source};
use crate::reconcile::{PassError, Reconciler, Request, Setup, Stop};

const RELEASE: &str = "\
changes:
  - kind: cms_block
    key: hero
    fields: { title: New hero }
  - kind: cms_block
    key: made
    fields: { title: Made }
  - kind: cms_block
    key: old
    ensure: absent
";

struct Passes {
    /// Whether the release is reverted in the end.
    reverts: bool,
}

type Daemon = Reconciler<FakeSource, LedgerPort, StorePort, ClockPort>;

impl Passes {
    fn daemon(world: &World, arena: &Arc<Arena>, who: usize) -> Daemon {
        let setup = world.setup();
        let setup = Setup {
            // One write at a time: a daemon stands at one gate only.
            concurrency: 1,
            timeout: TIMEOUT,
            holder: holder(who),
            memory: setup.memory.with_extension(holder(who)),
            ..setup
        };
        let ports = (
            world.source.clone(),
            Arc::new(ports(arena, who, world.ledger.clone())),
            Arc::new(ports(arena, who, world.store.clone())),
            Arc::new(ports(arena, who, Arc::new(()))),
        );
        let (loader, stop) = (world.loader.clone(), Stop::new().1);
        Reconciler::new(ports, loader, setup, Arc::new(|_| ()), stop)
    }

    /// Passes, with the waits that the daemon's pace has, until the branch's tip is in effect.
    async fn work(daemon: &Daemon, arena: &Arena, who: usize) -> Result<(), String> {
        let tip = daemon.source.head("main").unwrap();
        for _ in 0..PATIENCE {
            if arena.is_dead(who) {
                return Ok(());
            }
            let wait = match daemon.pass(Request::default()).await {
                Ok(report) if report.converged && report.head == tip => return Ok(()),
                Ok(_) => Duration::from_secs(30),
                Err(PassError::Leased { left, .. }) => left,
                Err(PassError::Waiting { after, .. }) => after.unwrap_or(Duration::from_secs(1)),
                Err(PassError::Raced) => Duration::from_secs(1),
                Err(_) if arena.is_dead(who) => return Ok(()),
                Err(error) => return Err(format!("a pass ended with: {error}")),
            };
            daemon.clock.sleep(wait).await;
        }
        match arena.is_dead(who) {
            true => Ok(()),
            false => Err("does not come to an end".to_owned()),
        }
    }

    /// A third machine reverts: the first store is back.
    fn revert(world: &mut World, id: &CommitId) -> Result<(), String> {
        let message = format!("Revert\n\nThis reverts commit {id}.");
        world.source.commit(&message, files(&[]));
        let report = world.settle(false, true);
        if !report.converged || !report.ledger.book.has_no_slots() {
            return Err("the revert is not in effect".to_owned());
        }
        same(
            &world.store.dump(),
            &first().store.dump(),
            "after the revert",
        )
    }
}

fn first() -> World {
    let world = World::new();
    for (key, title) in [("hero", "Hero"), ("old", "Old"), ("other", "Other")] {
        let fields = [("title", Value::from(title)), ("active", Value::Bool(true))];
        world
            .store
            .edit(&entity(Kind::CMS_BLOCK, key, "all"), Some(&fields));
    }
    world
}

type Dump = BTreeMap<String, BTreeMap<FieldName, Value>>;

fn same(shown: &Dump, wanted: &Dump, when: &str) -> Result<(), String> {
    match shown == wanted {
        true => Ok(()),
        false => Err(format!(
            "{when} the store has {shown:#?} instead of {wanted:#?}"
        )),
    }
}

fn wanted() -> Dump {
    let world = first();
    let block = |key| entity(Kind::CMS_BLOCK, key, "all");
    let title = |title: &str| [("title", Value::from(title))];
    world.store.edit(&block("hero"), Some(&title("New hero")));
    world.store.edit(&block("made"), Some(&title("Made")));
    world.store.edit(&block("old"), None);
    world.store.dump()
}

impl Scene for Passes {
    fn world(&self) -> World {
        let world = first();
        world
            .source
            .commit("Deploy", files(&[("releases/a.yaml", RELEASE)]));
        world
    }

    fn live(&self, world: &World, arena: &Arc<Arena>, who: usize) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let daemon = Self::daemon(world, arena, who);
        runtime.block_on(Self::work(&daemon, arena, who))
    }

    fn judge(&self, world: &mut World, played: &Played) -> Result<(), String> {
        same(&world.store.dump(), &wanted(), "after the release")?;
        let tally = &played.tally;
        let counts: Vec<usize> = tally.writes.values().copied().collect();
        if counts != [1, 1, 1] {
            return Err(format!(
                "not every entity was written once: {:?}",
                tally.writes
            ));
        }
        if tally.snapshots != 1 {
            return Err(format!("{} snapshots of one release", tally.snapshots));
        }
        let ledger = world.read();
        let state = ledger.state.ok_or("nothing was recorded")?;
        if state.lease.is_some() || state.pass.is_some() {
            return Err("the lease was not given back".to_owned());
        }
        let id = world.source.head("main").unwrap().unwrap();
        let release = ledger.book.of_commit(&id).ok_or("no release")?;
        let status = ledger.book.status(release);
        if status.as_str() != "live" {
            return Err(format!("the release is {status}"));
        }
        match self.reverts {
            true => Self::revert(world, &id),
            false => Ok(()),
        }
    }
}

const DANGERS: Dangers = Dangers {
    pauses: PAUSES,
    losses: true,
    crashes: 0,
};
const MORTAL: Dangers = Dangers {
    pauses: &[],
    losses: false,
    crashes: 1,
};

#[test]
fn an_interruption_anywhere_writes_every_entity_once() {
    let unusual = 1 + deeper();
    let explored = every(&Passes { reverts: false }, DANGERS, unusual);
    println!("{explored:?}");
    // Two reads, two ledger commits before and after, three writes, and the clock between.
    assert!(explored.first.len() >= 24, "{explored:?}");
    assert!(explored.schedules >= explored.with_one(), "{explored:?}");
    assert!(explored.takeovers > 0, "{explored:?}");
    assert!(explored.renewals > 0, "{explored:?}");
}

#[test]
fn a_lost_write_is_repeated_with_the_lease_alone() {
    let explored = after_a_lost_write(&Passes { reverts: false }, DANGERS, 1 + deeper());
    println!("{explored:?}");
    // The write is repeated after a wait and a look; two more follow, and the outcome.
    assert!(explored.schedules >= 40, "{explored:?}");
    assert!(explored.takeovers > 0, "{explored:?}");
}

#[test]
fn a_daemon_that_dies_anywhere_is_succeeded_and_the_first_store_comes_back() {
    let explored = every(&Passes { reverts: true }, MORTAL, 1 + deeper());
    println!("{explored:?}");
    assert!(explored.schedules >= explored.with_one(), "{explored:?}");
    // It dies at two reads, before and after two ledger commits, and in three writes.
    assert!(explored.crashes >= 9, "{explored:?}");
    assert!(explored.takeovers > 0, "{explored:?}");
}

#[test]
fn many_interruptions_write_every_entity_once_and_the_first_store_comes_back() {
    let dangers = Dangers {
        crashes: 1,
        ..DANGERS
    };
    let explored = random(&Passes { reverts: true }, dangers, cases(120), 8);
    println!("{explored:?}");
    assert!(explored.schedules >= cases(120), "{explored:?}");
    assert!(explored.takeovers > 10, "{explored:?}");
}
