//! Random histories: releases, reverts of all forms, edits, refusals, lost answers and deaths. Whenever
//! all is settled the store is compared with what it shall be; then everything is taken back in a random
//! order, and the store is what it was.

use std::fmt::Write as _;

use super::super::layers::Seq;
use super::history::{Features, History, Played, keys, say};
use super::random::{Rng, wish};
use super::shop::{File, Goods, patched};
use super::simulation::Crash;

impl History {
    /// Plays a case. Returns how it failed, with its trace.
    fn played(features: Features, case: &Case, traced: bool) -> Result<(), (String, String)> {
        let mut history = Self::new(features, case.world, traced);
        let mut played = Ok(());
        for step in &case.steps {
            history.rng = Rng::new(*step);
            played = played.and_then(|()| history.step());
        }
        history.rng = Rng::new(case.end);
        let played = played.and_then(|()| history.take_everything_back());
        played.map_err(|wrong| (wrong, history.trace.unwrap_or_default()))
    }

    // ------------------------------------------------ what happens

    fn step(&mut self) -> Played {
        self.steps += 1;
        if self.features.stops && self.rng.percent(15) {
            self.sim.stops = true;
        }
        let chance = self.rng.below(100);
        let goods = self.features.goods;
        let live: Vec<Seq> = self.live.keys().copied().collect();
        let paths: Vec<String> = self.sim.files.keys().cloned().collect();
        let adopted = |release: &Seq| self.features.adopts && release.0 == 1;
        let some = (!live.is_empty()).then(|| *self.rng.pick(&live));
        let made = some.filter(|release| !adopted(release));
        match chance {
            0..14 => {
                self.pass(None)?;
                self.rest()?;
            }
            14..19 if !self.features.calm => {
                let crash = Crash {
                    after: self.rng.below(2),
                    carried_out: self.rng.percent(50),
                };
                self.pass(Some(crash))?;
            }
            14..34 if !live.is_empty() => {
                let number = 1 + self.rng.below(2.min(live.len()));
                let chosen = self.rng.sample(&live, number);
                self.revert(&chosen);
                self.rest_at_times()?;
            }
            34..40 if !self.gone.is_empty() => {
                let patch = self.rng.pick(&self.gone).clone();
                let is = |path: &String| self.sim.files.get(path);
                if patch
                    .iter()
                    .all(|(path, (before, _))| is(path) == before.as_ref())
                {
                    let files = patched(&self.sim.files, &patch);
                    self.deploy(files, None, "revert the revert");
                }
            }
            40..44 if made.is_some() => {
                self.revert_a_part(made.unwrap());
                self.rest_at_times()?;
            }
            44..48 if made.is_some() => self.revert_and_more(made.unwrap()),
            48..51 if made.is_some() => self.revert_by_word(made.unwrap()),
            51..55 if !self.features.calm => {
                let entity = self.rng.pick(&goods.roots()).clone();
                if !self.sim.refused.remove(&entity) {
                    self.sim.refused.insert(entity);
                }
                say!(self, "refused {:?}", keys(&self.sim.refused));
            }
            55..64 if self.features.edits => self.edit()?,
            64..67 if self.features.admin => self.make_or_delete_in_the_admin()?,
            64..68 if self.features.moves && !paths.is_empty() => {
                let keeps_order = self.rng.percent(70);
                self.rename(keeps_order);
            }
            64..70 if !self.sim.stopped.is_empty() => self.retry(),
            68..72 if !self.heals.is_empty() => self.roll_a_heal_back()?,
            72..82 if !paths.is_empty() => {
                let mut files = self.sim.files.clone();
                let path = self.rng.pick(&paths).clone();
                let entity = self.rng.pick(goods.entities()).clone();
                let change = self.change(&entity);
                files.get_mut(&path).unwrap().insert(entity, change);
                self.deploy(files, None, "change");
            }
            82..86 if !paths.is_empty() => {
                let mut files = self.sim.files.clone();
                files.remove(self.rng.pick(&paths));
                self.deploy(files, None, "remove");
            }
            _ => {
                let mut files = self.sim.files.clone();
                let number = 1 + self.rng.below(2);
                let entities = self.rng.sample(goods.entities(), number);
                let file = entities.into_iter().map(|entity| {
                    let change = self.change(&entity);
                    (entity, change)
                });
                let file: File = file.collect();
                files.insert(self.path(""), file);
                self.deploy(files, None, "add");
            }
        }
        if self.features.calm {
            self.rest()?;
        }
        Ok(())
    }
}

// ---------------------------------------------------- cases

/// The numbers that a history is made from.
#[derive(Debug, Clone)]
struct Case {
    world: u64,
    steps: Vec<u64>,
    end: u64,
}

impl Case {
    fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let number = 3 + rng.below(10);
        Self {
            world: rng.next(),
            steps: (0..number).map(|_| rng.next()).collect(),
            end: rng.next(),
        }
    }

    /// The shortest history that fails still, found by leaving steps out.
    fn smallest(mut self, features: Features) -> Self {
        let fails = |case: &Self| History::played(features, case, false).is_err();
        let mut at = self.steps.len();
        while at > 0 {
            at -= 1;
            let mut less = self.clone();
            less.steps.remove(at);
            if fails(&less) {
                self = less;
                at = self.steps.len();
            }
        }
        for end in 0..50 {
            let other = Self {
                end,
                ..self.clone()
            };
            if fails(&other) {
                return other;
            }
        }
        self
    }
}

fn play(features: Features) {
    let begun = std::time::Instant::now();
    let first = wish("GITMAGE_SEED").unwrap_or(0);
    let cases = wish("GITMAGE_CASES").unwrap_or(150);
    for seed in first..first + cases {
        play_one(features, seed);
    }
    eprintln!("{cases} histories in {:?}: {features:?}", begun.elapsed());
}

fn play_one(features: Features, seed: u64) {
    let case = Case::of(seed);
    if History::played(features, &case, false).is_err() {
        let smallest = case.smallest(features);
        let (wrong, trace) = History::played(features, &smallest, true).unwrap_err();
        panic!("{wrong}, with GITMAGE_SEED={seed}; the smallest history of {features:?}:\n{trace}");
    }
}

const PLAIN: Features = Features {
    goods: Goods::Blocks,
    edits: false,
    heals: false,
    adopts: false,
    admin: false,
    moves: false,
    stops: false,
    keep_conflicts: false,
    restore_removed: false,
    calm: false,
};

const EDITS: Features = Features {
    edits: true,
    ..PLAIN
};

const HEALS: Features = Features {
    heals: true,
    ..EDITS
};

const CALM: Features = Features {
    calm: true,
    ..PLAIN
};

#[test]
fn nothing_fails() {
    play(CALM);
}

#[test]
fn things_fail() {
    play(PLAIN);
}

#[test]
fn nothing_fails_and_people_edit() {
    play(Features {
        edits: true,
        ..CALM
    });
}

#[test]
fn nothing_fails_and_edits_are_healed() {
    play(Features {
        edits: true,
        heals: true,
        ..CALM
    });
}

#[test]
fn things_fail_and_people_edit() {
    play(EDITS);
}

#[test]
fn things_fail_and_edits_are_healed() {
    play(HEALS);
}

#[test]
fn what_is_there_was_adopted() {
    play(Features {
        adopts: true,
        ..PLAIN
    });
}

#[test]
fn edits_stay() {
    play(Features {
        keep_conflicts: true,
        ..HEALS
    });
}

#[test]
fn what_is_removed_is_restored() {
    play(Features {
        restore_removed: true,
        ..HEALS
    });
}

#[test]
fn entities_are_made_and_deleted_in_the_admin() {
    play(Features {
        admin: true,
        ..EDITS
    });
}

#[test]
fn entities_are_made_and_deleted_in_the_admin_and_edits_are_healed() {
    play(Features {
        admin: true,
        ..HEALS
    });
}

#[test]
fn files_are_moved() {
    play(Features {
        moves: true,
        ..EDITS
    });
}

#[test]
fn nothing_fails_and_files_are_moved() {
    play(Features {
        moves: true,
        ..CALM
    });
}

#[test]
fn releases_are_stopped() {
    play(Features {
        stops: true,
        ..HEALS
    });
}

#[test]
fn nothing_fails_and_releases_are_stopped() {
    play(Features {
        stops: true,
        ..CALM
    });
}

const PRODUCT: Goods = Goods::Product;

/// One in some ten thousand each, found while a hundred thousand of every kind were played.
#[test]
fn what_failed_once() {
    let admin = Features {
        admin: true,
        ..EDITS
    };
    let keep = Features {
        keep_conflicts: true,
        ..HEALS
    };
    let restore = Features {
        restore_removed: true,
        ..HEALS
    };
    let adopted = Features {
        adopts: true,
        ..PLAIN
    };
    let calm_edits = Features {
        edits: true,
        ..CALM
    };
    let calm_heals = Features {
        heals: true,
        ..calm_edits
    };
    let moved = Features {
        moves: true,
        ..CALM
    };
    let views = |features: Features| Features {
        goods: PRODUCT,
        ..features
    };
    let stock = |features: Features| Features {
        goods: Goods::Stock,
        ..features
    };
    let stopped = Features {
        stops: true,
        ..HEALS
    };
    for (features, seed) in [
        (keep, 81_441),
        (admin, 60_328),
        (calm_heals, 13_211),
        (calm_heals, 75_638),
        (CALM, 34_069),
        (CALM, 94_666),
        (calm_edits, 72_501),
        (moved, 34_838),
        (views(CALM), 11_071),
        (views(CALM), 24_738),
        (views(CALM), 61_451),
        (views(calm_edits), 44_301),
        (views(calm_edits), 61_681),
        (views(calm_edits), 65_628),
        (views(HEALS), 11_446),
        (views(HEALS), 19_094),
        (views(PLAIN), 47_149),
        (views(PLAIN), 67_522),
        (stock(calm_edits), 58_113),
        (stock(calm_edits), 68_383),
        (stock(calm_edits), 68_935),
        (views(PLAIN), 41_571),
        (stopped, 11_668),
        (stock(calm_edits), 2_190),
        (stock(calm_edits), 5_699),
        (stock(HEALS), 96_211),
        (PLAIN, 99_605),
        (restore, 49_546),
        (restore, 49_650),
        (adopted, 95_844),
    ] {
        play_one(features, seed);
    }
}

#[test]
fn nothing_fails_under_views() {
    play(Features {
        goods: PRODUCT,
        ..CALM
    });
}

#[test]
fn things_fail_under_views() {
    play(Features {
        goods: PRODUCT,
        ..PLAIN
    });
}

#[test]
fn nothing_fails_and_people_edit_under_views() {
    play(Features {
        goods: PRODUCT,
        edits: true,
        ..CALM
    });
}

#[test]
fn things_fail_and_edits_are_healed_under_views() {
    play(Features {
        goods: PRODUCT,
        ..HEALS
    });
}

#[test]
fn stock_is_sold_and_nothing_fails() {
    play(Features {
        goods: Goods::Stock,
        edits: true,
        ..CALM
    });
}

#[test]
fn stock_is_sold() {
    play(Features {
        goods: Goods::Stock,
        ..HEALS
    });
}
