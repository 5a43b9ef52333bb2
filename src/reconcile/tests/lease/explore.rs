//! Which schedules are played: all with so many unusual moves, and random ones with many more.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use super::super::world::World;
use super::arena::{Arena, Chooser, Dangers, Played};
use super::observer::Observer;

/// The unusual moves of a schedule: at which step, and which one (from 1), in order.
pub(super) type Plan = Vec<(usize, usize)>;

/// Two daemons and what they work on.
pub(super) trait Scene {
    /// A world before anything happened.
    fn world(&self) -> World;

    /// What a daemon does, on a thread of its own, until it has nothing more to do.
    fn live(&self, world: &World, arena: &Arc<Arena>, who: usize) -> Result<(), String>;

    /// What must hold in the end.
    fn judge(&self, world: &mut World, played: &Played) -> Result<(), String>;
}

/// What was played.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) schedules: usize,
    /// How many moves there were at each step of the first schedule.
    pub(super) first: Vec<usize>,
    pub(super) steps: usize,
    /// Of those, how many had a lease go from one daemon to the other before it was given back.
    pub(super) takeovers: usize,
    pub(super) renewals: usize,
    pub(super) crashes: usize,
}

impl Explored {
    /// How many schedules there are with one unusual move at most.
    pub(super) fn with_one(&self) -> usize {
        1 + self.first.iter().map(|width| width - 1).sum::<usize>()
    }

    fn add(&mut self, played: &Played) {
        if self.schedules == 0 {
            self.first = played.widths.clone();
        }
        self.schedules += 1;
        self.steps += played.widths.len();
        self.takeovers += usize::from(played.tally.takeovers > 0);
        self.renewals += usize::from(played.tally.renewals > 0);
        self.crashes += usize::from(played.crashed);
    }
}

/// How much deeper than usual, from the environment: so many more unusual moves, ten times as many
/// random schedules for each.
pub(super) fn deeper() -> usize {
    let set = std::env::var("GITMAGE_LEASE_DEEPER").ok();
    set.map_or(0, |text| text.parse().unwrap())
}

/// So many random schedules.
pub(super) fn cases(usual: usize) -> usize {
    usual * 10_usize.pow(u32::try_from(deeper()).unwrap())
}

fn follow(plan: &Plan) -> Chooser {
    let mut moves = plan.clone().into_iter().peekable();
    Box::new(move |step, _| {
        let due = moves.next_if(|(at, _)| *at == step);
        due.map_or(0, |(_, chosen)| chosen)
    })
}

/// Plays one schedule.
pub(super) fn play<S: Scene + Sync>(
    scene: &S,
    dangers: Dangers,
    chooser: Chooser,
    traced: bool,
) -> Played {
    let mut world = scene.world();
    let observer = Observer::new(world.ledger.clone(), world.store.clone());
    let arena = Arc::new(Arena::new(dangers, chooser, observer, traced));
    std::thread::scope(|scope| {
        for who in [0, 1] {
            let (arena, world) = (&arena, &world);
            scope.spawn(move || {
                arena.start(who);
                let live = std::panic::AssertUnwindSafe(|| scene.live(world, arena, who));
                match std::panic::catch_unwind(live) {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => arena.fail(format!("daemon {who}: {why}")),
                    Err(_) => arena.fail(format!("daemon {who} panicked")),
                }
                arena.finish(who);
            });
        }
        arena.open();
    });
    let mut played = arena.played();
    if played.failure.is_none() {
        played.failure = scene.judge(&mut world, &played).err();
    }
    played
}

/// Plays a schedule again and tells it.
fn report<S: Scene + Sync>(scene: &S, dangers: Dangers, plan: &Plan, why: &str) -> ! {
    let again = play(scene, dangers, follow(plan), true);
    panic!(
        "{why}\nunusual moves: {plan:?}\nonce more: {:?}\n{}",
        again.failure,
        again.trace.join("\n")
    );
}

/// Plays every schedule with at most so many unusual moves.
pub(super) fn every<S: Scene + Sync>(scene: &S, dangers: Dangers, unusual: usize) -> Explored {
    after(scene, dangers, Plan::new(), unusual)
}

/// Loses the first write, and plays every schedule with at most so many unusual moves after that.
pub(super) fn after_a_lost_write<S: Scene + Sync>(
    scene: &S,
    dangers: Dangers,
    unusual: usize,
) -> Explored {
    let calm = play(scene, dangers, follow(&Plan::new()), false);
    after(scene, dangers, vec![calm.lost_writes[0]], 1 + unusual)
}

fn after<S: Scene + Sync>(scene: &S, dangers: Dangers, first: Plan, unusual: usize) -> Explored {
    let mut explored = Explored::default();
    let mut plans = vec![first];
    while let Some(plan) = plans.pop() {
        let played = play(scene, dangers, follow(&plan), false);
        if let Some(why) = &played.failure {
            report(scene, dangers, &plan, why);
        }
        explored.add(&played);
        if plan.len() == unusual {
            continue;
        }
        let next = plan.last().map_or(0, |(step, _)| step + 1);
        for (step, width) in played.widths.iter().enumerate().skip(next) {
            plans.extend((1..*width).map(|chosen| {
                let mut longer = plan.clone();
                longer.push((step, chosen));
                longer
            }));
        }
    }
    explored
}

/// Plays random schedules with up to `most` unusual moves each; the same ones every time.
pub(super) fn random<S: Scene + Sync>(
    scene: &S,
    dangers: Dangers,
    cases: usize,
    most: usize,
) -> Explored {
    let explored = RefCell::new(Explored::default());
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        rng_seed: RngSeed::Fixed(3),
        failure_persistence: None,
        ..Config::default()
    };
    // Close together or far apart; a number beyond the moves that there are begins again with them.
    let gaps = (0_usize..16, 0_usize..24);
    let result = TestRunner::new(config).run(&vec(gaps, 0..=most), |gaps| {
        let mut plan = Plan::new();
        let mut step = 0;
        for (gap, chosen) in gaps {
            step += gap;
            plan.push((step, chosen));
            step += 1;
        }
        let played = play(scene, dangers, follow(&plan), false);
        explored.borrow_mut().add(&played);
        match played.failure {
            None => Ok(()),
            Some(why) => Err(TestCaseError::fail(format!("{why}, by {plan:?}"))),
        }
    });
    match result {
        Ok(()) => explored.into_inner(),
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(error) => panic!("{error}"),
    }
}
