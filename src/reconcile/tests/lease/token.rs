//! The lease alone: [`Hold`], [`Lease`] and [`respect`] of the product, and a daemon that does nothing
//! but take it, write, prolong it and give it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::world::{World, entity};
use super::arena::{Arena, Dangers, PAUSES, Played};
use super::explore::{Scene, cases, deeper, every, random};
use super::observer::holder;
use super::ports::{ClockPort, LedgerPort, StorePort, ports};
use super::{TERM, TIMEOUT};
use crate::domain::{CommitId, Kind, StoreViews};
use crate::plan::Seq;
use crate::ports::{Clock, Ledger};
use crate::reconcile::hold::{Hold, Holder, Recorded};
use crate::reconcile::lease::{Lease, Seen, respect};
use crate::reconcile::ledger::{FORMAT, LedgerSnapshot, PassFile, State, StoreIdentity};
use crate::reconcile::{PassError, now, records};

/// How many passes a daemon may need.
pub(super) const PATIENCE: usize = 100;

struct Token {
    writes: usize,
}

struct Daemon {
    who: usize,
    arena: Arc<Arena>,
    ledger: Arc<LedgerPort>,
    clock: Arc<ClockPort>,
    store: StorePort,
    seen: Option<Seen>,
    /// Read again only when it moved.
    read: LedgerSnapshot,
    writes: usize,
}

impl Daemon {
    fn new(world: &World, arena: &Arc<Arena>, who: usize, writes: usize) -> Self {
        let arena = arena.clone();
        Self {
            who,
            ledger: Arc::new(ports(&arena, who, world.ledger.clone())),
            clock: Arc::new(ports(&arena, who, Arc::new(()))),
            store: ports(&arena, who, world.store.clone()),
            arena,
            seen: None,
            read: LedgerSnapshot {
                tip: None,
                state: None,
                book: Arc::default(),
            },
            writes,
        }
    }

    async fn live(&mut self) -> Result<(), String> {
        for _ in 0..PATIENCE {
            if self.arena.is_dead(self.who) {
                return Ok(());
            }
            let result = self.attempt().await;
            self.arena.lock().tokens[self.who] = None;
            match result {
                Ok(true) => return Ok(()),
                Ok(false) | Err(PassError::Raced) => {}
                Err(PassError::Leased { left, .. }) => self.clock.sleep(left).await,
                Err(PassError::Waiting { .. }) => self.clock.sleep(TIMEOUT / 30).await,
                Err(error) => return Err(format!("{error}")),
            }
        }
        match self.arena.is_dead(self.who) {
            true => Ok(()),
            false => Err("does not come to an end".to_owned()),
        }
    }

    /// One pass; whether all is done.
    async fn attempt(&mut self) -> Result<bool, PassError> {
        let ledger = self.ledger.clone();
        let tip = ledger.tip()?;
        let known = self.read(tip)?;
        let state = known.state.clone().unwrap_or_else(first_state);
        if state.head.is_some() {
            return Ok(true);
        }
        if let (Some(tip), Some(lease)) = (&known.tip, &state.lease) {
            let now = self.clock.monotonic();
            let left = respect(&mut self.seen, tip, lease, &holder(self.who), now);
            if !left.is_zero() {
                let holder = lease.holder.clone();
                return Err(PassError::Leased { holder, left });
            }
        }
        let who = Holder {
            environment: "production".to_owned(),
            id: holder(self.who),
            timeout: TIMEOUT,
        };
        let pass = state.pass.clone();
        let mut hold = Hold::new(ledger, self.clock.clone(), who, &known, state);
        let recorded = match pass {
            Some(pass) => {
                let book = hold.book().clone();
                hold.resume(book, pass, BTreeMap::new()).await?
            }
            None => {
                let pass = self.pass();
                hold.record(crate::plan::Book::default(), pass, Default::default())
                    .await?
            }
        };
        self.arena.lock().tokens[self.who] = Some(recorded.lease().clone());
        self.carry_out(&mut hold, &recorded).await?;
        // It gives it back: no write follows.
        self.arena.lock().tokens[self.who] = None;
        let book = hold.book().clone();
        hold.finish(recorded, book, BTreeMap::new()).await?;
        Ok(false)
    }

    /// In the order of `Execution::ready` and `write::attempts`.
    async fn carry_out(
        &self,
        hold: &mut Hold<LedgerPort, ClockPort>,
        recorded: &Recorded,
    ) -> Result<(), PassError> {
        let lease: &Lease = recorded.lease();
        let written = entity(Kind::CMS_BLOCK, "hero", "all");
        for _ in 0..self.writes {
            if lease.wants_renewal(self.clock.monotonic()) {
                hold.renew(lease).await?;
            }
            if !lease.allows_write(self.clock.monotonic()) {
                return Err(PassError::Raced);
            }
            if self.store.send(&written, None, false).await.is_err() {
                return Err(PassError::waiting("the answer was lost"));
            }
        }
        Ok(())
    }

    fn read(&mut self, tip: Option<CommitId>) -> Result<LedgerSnapshot, PassError> {
        if self.read.tip != tip {
            let files = match &tip {
                Some(tip) => self.ledger.files(tip, "state.yaml")?,
                None => BTreeMap::new(),
            };
            self.read = LedgerSnapshot {
                tip,
                state: Some(records::parse("state.yaml", &files)?),
                book: Arc::default(),
            };
        }
        Ok(self.read.clone())
    }

    fn pass(&self) -> PassFile {
        PassFile {
            head: CommitId::new("1".repeat(40)).unwrap(),
            live: None,
            releases: Vec::new(),
            sequence: Seq(1),
            entities: Vec::new(),
            started_at: now(self.clock.as_ref()),
            in_doubt: false,
            bulks: Vec::new(),
        }
    }
}

fn first_state() -> State {
    State {
        format: FORMAT,
        environment: "production".to_owned(),
        branch: "main".to_owned(),
        store: StoreIdentity {
            url: "https://shop.example.com/".to_owned(),
            views: StoreViews::default(),
        },
        epoch: Seq(1),
        next: Seq(1),
        head: None,
        live: None,
        lease: None,
        pass: None,
        rest: None,
    }
}

impl Scene for Token {
    fn world(&self) -> World {
        World::new()
    }

    fn live(&self, world: &World, arena: &Arc<Arena>, who: usize) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(Daemon::new(world, arena, who, self.writes).live())
    }

    fn judge(&self, world: &mut World, _played: &Played) -> Result<(), String> {
        let state = world.ledger.state().ok_or("nothing was recorded")?;
        match (state.lease, state.pass, state.head) {
            (None, None, Some(_)) => Ok(()),
            left => Err(format!("the pass is not finished: {left:?}")),
        }
    }
}

const DANGERS: Dangers = Dangers {
    pauses: PAUSES,
    losses: true,
    crashes: 0,
};

#[test]
fn the_design_says_how_long_a_lease_is_valid() {
    assert_eq!(Lease::term(TIMEOUT), TERM);
}

#[test]
fn two_interruptions_anywhere_make_no_second_holder() {
    let dangers = Dangers {
        losses: false,
        ..DANGERS
    };
    let explored = every(&Token { writes: 2 }, dangers, 2 + deeper());
    println!("{explored:?}");
    // Every pair of steps at least.
    let steps = explored.first.len();
    assert!(steps >= 16, "{explored:?}");
    let floor = explored.with_one() + steps * (steps - 1) / 2;
    assert!(explored.schedules >= floor, "{explored:?}");
    assert!(explored.takeovers > steps, "{explored:?}");
    assert!(explored.renewals > steps, "{explored:?}");
}

#[test]
fn many_interruptions_make_no_second_holder() {
    let dangers = Dangers {
        crashes: 1,
        ..DANGERS
    };
    let explored = random(&Token { writes: 4 }, dangers, cases(300), 16);
    println!("{explored:?}");
    assert!(explored.schedules >= cases(300), "{explored:?}");
    assert!(explored.takeovers > 50, "{explored:?}");
    assert!(explored.crashes > 50, "{explored:?}");
}
