//! Two daemons, one of which runs at a time: whenever one comes to a gate, a schedule says who goes
//! on, and how much time passes before that.
//!
//! Nothing here waits for time: a daemon's thread stands at its gate until it is its turn, and time is
//! a number. There is one time; each daemon reads it on a clock of its own, begun at another moment.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::observer::{InFlight, Observer, Tally};
use super::{TERM, TIMEOUT};
use crate::reconcile::lease::Lease;

/// Where a daemon stands. Everything between two gates happens at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Start,
    /// Before its clock is read.
    Clock,
    /// Before the tip of the ledger is read.
    Tip,
    /// Before the ledger moves.
    Append,
    /// The ledger has moved or refused, the daemon does not know it yet.
    Appended,
    /// Before the store is read.
    Observe,
    /// A write of this number is on its way; between the check of the lease and the sending there
    /// is no gate.
    InFlight(usize),
    /// It waits.
    Asleep,
    /// Its last pass has ended.
    Done,
    Dead,
}

/// How a daemon goes on from its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// The daemon goes on after so long.
    Run { who: usize, after: Duration },
    /// A daemon that waits is woken early.
    Wake { who: usize },
    /// What was on its way is carried out, but the daemon does not learn it.
    LoseAnswer { who: usize },
    /// What was on its way never arrives.
    LoseRequest { who: usize },
    /// It never does anything again.
    Crash { who: usize },
}

/// Which moves there are besides the usual one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dangers {
    pub(super) pauses: &'static [Duration],
    pub(super) losses: bool,
    pub(super) crashes: usize,
}

/// Says which of so many moves is made at the step of this number; 0 is the usual one.
pub(super) type Chooser = Box<dyn FnMut(usize, usize) -> usize + Send>;

pub(super) struct Inner {
    /// Since the beginning; each daemon's own clock shows something else.
    pub(super) now: Duration,
    pub(super) observer: Observer,
    pub(super) tokens: [Option<Arc<Lease>>; 2],
    gates: [Gate; 2],
    wakes: [Duration; 2],
    lost: [Option<Move>; 2],
    turn: Option<usize>,
    crashes: usize,
    dangers: Dangers,
    chooser: Chooser,
    /// How many moves there were at each step.
    widths: Vec<usize>,
    lost_writes: Vec<(usize, usize)>,
    trace: Option<Vec<String>>,
    failure: Option<String>,
}

/// Where the daemons meet.
pub(super) struct Arena {
    inner: Mutex<Inner>,
    turn: Condvar,
}

/// What a schedule came to.
pub(super) struct Played {
    pub(super) widths: Vec<usize>,
    /// At which steps a write could have been lost, and by which move.
    pub(super) lost_writes: Vec<(usize, usize)>,
    pub(super) failure: Option<String>,
    pub(super) trace: Vec<String>,
    pub(super) crashed: bool,
    pub(super) tally: Tally,
}

/// The answer to a daemon that was killed: it gets through to nothing.
#[derive(Debug)]
pub(super) struct Killed;

/// What became of what was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Arrived,
    Lost,
}

const STEPS: usize = 2_000;

impl Arena {
    pub(super) fn new(
        dangers: Dangers,
        chooser: Chooser,
        observer: Observer,
        traced: bool,
    ) -> Self {
        Self {
            inner: Mutex::new(Inner {
                now: Duration::ZERO,
                observer,
                tokens: [None, None],
                gates: [Gate::Start; 2],
                wakes: [Duration::ZERO; 2],
                lost: [None; 2],
                turn: None,
                crashes: dangers.crashes,
                dangers,
                chooser,
                widths: Vec::new(),
                lost_writes: Vec::new(),
                trace: traced.then(Vec::new),
                failure: None,
            }),
            turn: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Lets the daemons go, once all of them wait at the start.
    pub(super) fn open(&self) {
        self.lock().decide(0);
        self.turn.notify_all();
    }

    /// The daemon's thread stands here until it is let go.
    pub(super) fn start(&self, who: usize) {
        let inner = self.lock();
        drop(self.await_turn(inner, who));
    }

    /// Stops at a gate until the schedule lets this daemon go on.
    pub(super) fn gate(&self, who: usize, gate: Gate) -> Result<Answer, Killed> {
        self.stop(who, gate, Duration::ZERO)
    }

    pub(super) fn sleep(&self, who: usize, duration: Duration) -> Result<Answer, Killed> {
        self.stop(who, Gate::Asleep, duration)
    }

    fn stop(&self, who: usize, gate: Gate, sleep: Duration) -> Result<Answer, Killed> {
        let mut inner = self.lock();
        if inner.gates[who] == Gate::Dead {
            return Err(Killed);
        }
        inner.gates[who] = gate;
        inner.wakes[who] = inner.now + sleep;
        inner.decide(who);
        if inner.turn != Some(who) {
            self.turn.notify_all();
        }
        let mut inner = self.await_turn(inner, who);
        if inner.gates[who] == Gate::Dead {
            return Err(Killed);
        }
        Ok(inner.settle(who, gate))
    }

    fn await_turn<'a>(&self, inner: MutexGuard<'a, Inner>, who: usize) -> MutexGuard<'a, Inner> {
        let waits = |inner: &mut Inner| inner.turn != Some(who) && inner.gates[who] != Gate::Dead;
        self.turn.wait_while(inner, waits).unwrap()
    }

    /// The daemon has nothing more to do.
    pub(super) fn finish(&self, who: usize) {
        let mut inner = self.lock();
        inner.tokens[who] = None;
        if inner.gates[who] != Gate::Dead {
            inner.gates[who] = Gate::Done;
            inner.decide(who);
        }
        self.turn.notify_all();
    }

    pub(super) fn fail(&self, why: String) {
        self.lock().fail(why);
        self.turn.notify_all();
    }

    pub(super) fn is_dead(&self, who: usize) -> bool {
        self.lock().gates[who] == Gate::Dead
    }

    /// What it came to, once both daemons have ended.
    pub(super) fn played(&self) -> Played {
        let mut inner = self.lock();
        // What was sent by a daemon that died arrives all the same.
        let end = inner.now + TIMEOUT;
        inner.pass_time(end);
        Played {
            widths: std::mem::take(&mut inner.widths),
            lost_writes: std::mem::take(&mut inner.lost_writes),
            failure: inner.failure.take(),
            trace: inner.trace.take().unwrap_or_default(),
            crashed: inner.crashes < inner.dangers.crashes,
            tally: inner.observer.tally.clone(),
        }
    }
}

impl Inner {
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} s  {}", now.as_secs_f64(), line()));
        }
    }

    /// The first failure ends the schedule: everybody gets through to nothing any more.
    pub(super) fn fail(&mut self, why: String) {
        self.note(|| format!("FAILED: {why}"));
        self.failure.get_or_insert(why);
        self.gates = [Gate::Dead; 2];
        self.turn = None;
    }

    pub(super) fn judge(&mut self, verdict: Result<(), String>) {
        if let Err(why) = verdict {
            self.fail(why);
        }
    }

    /// What this daemon's own clock shows.
    pub(super) fn clock(&self, who: usize) -> Duration {
        const BEGUN: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(900_000)];
        BEGUN[who] + self.now
    }

    /// The number of the write, by which its gate is known.
    pub(super) fn send(&mut self, write: InFlight) -> usize {
        self.note(|| format!("daemon {} sends {}", write.who, write.entity));
        let (number, verdict) = self.observer.sent(write, self.now);
        self.judge(verdict);
        number
    }

    fn decide(&mut self, current: usize) {
        self.watch_tokens();
        let moves = self.moves(current);
        if moves.is_empty() || self.failure.is_some() {
            self.turn = None;
            return;
        }
        let step = self.widths.len();
        if step >= STEPS {
            self.fail("the daemons do not come to an end".to_owned());
            return;
        }
        self.widths.push(moves.len());
        let lost = |it: &Move| matches!(it, Move::LoseRequest { .. });
        if let Some(chosen) = moves.iter().position(lost) {
            self.lost_writes.push((step, chosen));
        }
        let chosen = moves[(self.chooser)(step, moves.len()) % moves.len()];
        self.carry_out(current, chosen);
    }

    /// Two daemons that would both write are wrong even if neither does.
    fn watch_tokens(&mut self) {
        let holds = |who: usize| {
            let token = self.tokens[who].as_ref();
            token.is_some_and(|lease| lease.allows_write(self.clock(who)))
        };
        if holds(0) && holds(1) {
            self.fail("both daemons believe that they hold the lease".to_owned());
        }
    }

    /// The usual move first: go on; let the other one look once the ledger has moved; wait for
    /// whoever wakes first.
    fn moves(&self, current: usize) -> Vec<Move> {
        let other = 1 - current;
        let run = |who| Move::Run {
            who,
            after: Duration::ZERO,
        };
        let ends = |gate| matches!(gate, Gate::Done | Gate::Dead);
        let (here, there) = (self.gates[current], self.gates[other]);
        let mut moves = Vec::new();
        let watching = there == Gate::Asleep || there == Gate::Start;
        if here == Gate::Appended && watching {
            moves.push(Move::Wake { who: other });
        }
        if !ends(here) && here != Gate::Asleep {
            moves.push(run(current));
        }
        match there {
            Gate::Done | Gate::Dead => {}
            Gate::Asleep if here == Gate::Asleep && self.wakes[current] <= self.wakes[other] => {}
            Gate::Asleep => {
                moves.push(self.sleep_out(other));
                if here != Gate::Appended && !ends(here) {
                    moves.push(Move::Wake { who: other });
                }
            }
            _ if moves.first() == Some(&Move::Wake { who: other }) => {}
            _ => moves.push(run(other)),
        }
        if here == Gate::Asleep {
            moves.push(self.sleep_out(current));
            if !ends(there) {
                moves.push(Move::Wake { who: current });
            }
        } else if !ends(here) {
            moves.extend(self.troubles(current));
        }
        moves
    }

    fn sleep_out(&self, who: usize) -> Move {
        Move::Run {
            who,
            after: self.wakes[who].saturating_sub(self.now),
        }
    }

    fn troubles(&self, who: usize) -> Vec<Move> {
        let here = self.gates[who];
        let pauses = self.dangers.pauses.iter();
        let mut moves: Vec<Move> = match here {
            // Time that passes at the other gates shows at these.
            Gate::Clock | Gate::Append | Gate::Observe | Gate::InFlight(_) => pauses
                .map(|after| Move::Run { who, after: *after })
                .collect(),
            _ => Vec::new(),
        };
        if self.dangers.losses && matches!(here, Gate::Appended | Gate::InFlight(_)) {
            moves.push(Move::LoseAnswer { who });
        }
        if self.dangers.losses && matches!(here, Gate::InFlight(_)) {
            moves.push(Move::LoseRequest { who });
        }
        // Dying before a clock is read is dying at the gate before it.
        if self.crashes > 0 && !matches!(here, Gate::Clock | Gate::Start) {
            moves.push(Move::Crash { who });
        }
        moves
    }

    fn carry_out(&mut self, current: usize, chosen: Move) {
        let here = self.gates[current];
        self.note(|| format!("daemon {current} at {here:?}: {chosen:?}"));
        match chosen {
            Move::Run { who, after } => {
                self.pass_time(self.now + after);
                self.turn = Some(who);
            }
            Move::Wake { who } => self.turn = Some(who),
            Move::LoseAnswer { who } | Move::LoseRequest { who } => {
                self.lost[who] = Some(chosen);
                self.turn = Some(who);
            }
            Move::Crash { who } => {
                self.crashes -= 1;
                self.gates[who] = Gate::Dead;
                self.tokens[who] = None;
                self.decide(1 - who);
            }
        }
        if self.failure.is_some() {
            self.turn = None;
        }
    }

    /// Writes on their way arrive when their time is up, whatever became of the sender.
    fn pass_time(&mut self, to: Duration) {
        while let Some((write, at)) = self.observer.due(to) {
            self.now = at;
            self.land(write);
        }
        self.now = self.now.max(to);
        self.watch_tokens();
    }

    fn land(&mut self, write: InFlight) {
        self.note(|| {
            format!(
                "the store carries out {} of daemon {}",
                write.entity, write.who
            )
        });
        let verdict = self.observer.landed(write, self.now);
        self.judge(verdict);
    }

    /// A daemon that goes on learns what became of what it sent.
    fn settle(&mut self, who: usize, gate: Gate) -> Answer {
        let lost = self.lost[who].take();
        if let Gate::InFlight(number) = gate
            && let Some(write) = self.observer.take(number)
        {
            match lost {
                Some(Move::LoseRequest { .. }) => {}
                _ => self.land(write),
            }
        }
        match lost {
            Some(_) => Answer::Lost,
            None => Answer::Arrived,
        }
    }
}

/// A pause that a lease outlives although a write may not begin any more, and one beyond its end.
pub(super) const PAUSES: &[Duration] = &[
    TERM.saturating_sub(TIMEOUT)
        .saturating_sub(Duration::from_millis(1)),
    TERM.saturating_sub(Duration::from_secs(10)),
    TERM.saturating_add(Duration::from_secs(1)),
];
