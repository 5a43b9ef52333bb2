//! All histories to a small depth: one block, two files, two values.

use std::sync::LazyLock;

use super::history::{Features, History, Played};
use super::random::wish;
use super::shop::{Change, File, Goods, field, text};
use super::simulation::{Answer, Crash};
use crate::domain::{Ensure, EntityRef, Slot};

const FEATURES: Features = Features {
    goods: Goods::Blocks,
    edits: true,
    heals: false,
    adopts: false,
    admin: false,
    moves: false,
    stops: false,
    keep_conflicts: false,
    restore_removed: false,
    calm: false,
};

/// An event that may happen next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The first or the second file says this: one of [`SAYS`], or it is removed.
    Says(usize, Option<usize>),
    /// The n-th release that stands is reverted.
    Reverts(usize),
    Pass,
    Crash {
        carried_out: bool,
    },
    Lost {
        carried_out: bool,
    },
    Edit,
    /// Writes are refused from now on, or not any more.
    Refuse,
}

static SLOT: LazyLock<Slot> = LazyLock::new(|| field(block(), &"title".parse().unwrap()));

fn block() -> &'static EntityRef {
    &Goods::Blocks.entities()[0]
}

/// Returns the word of a file about the block, by its number.
fn says(n: usize) -> Change {
    let (ensure, title) = [
        (Ensure::Present, Some("1")),
        (Ensure::Existing, Some("2")),
        (Ensure::Absent, None),
    ][n];
    let title = title.map(|title| ("title".parse().unwrap(), text(title)));
    Change {
        ensure,
        fields: title.into_iter().collect(),
    }
}

fn happens(history: &mut History, event: Event) -> Option<Played> {
    history.lost = 0;
    match event {
        Event::Says(file, says_this) => {
            let mut files = history.sim.files.clone();
            let path = ["1", "2"][file].to_owned();
            match says_this {
                Some(n) => files.insert(path, File::from([(block().clone(), says(n))])),
                None => files.remove(&path),
            };
            if files == history.sim.files {
                return None;
            }
            history.deploy(files, None, "says");
        }
        Event::Reverts(n) => {
            let release = *history.live.keys().nth(n)?;
            if !history.revert(&[release]) {
                return None;
            }
        }
        Event::Pass => return Some(history.pass(None)),
        Event::Crash { carried_out } => {
            let crash = Crash {
                after: 0,
                carried_out,
            };
            return Some(history.pass(Some(crash)));
        }
        Event::Lost { carried_out } => {
            return Some(history.pass_with(None, || Answer::IsLost(carried_out)));
        }
        Event::Edit => {
            let edited = history.edit_to(&SLOT, &text("edit"));
            return edited.then_some(Ok(()));
        }
        Event::Refuse => {
            if !history.sim.refused.remove(block()) {
                history.sim.refused.insert(block().clone());
            }
        }
    }
    Some(Ok(()))
}

fn events(features: Features) -> Vec<Event> {
    let mut events = Vec::new();
    for file in 0..2 {
        events.extend((0..3).map(|n| Event::Says(file, Some(n))));
        events.push(Event::Says(file, None));
    }
    events.extend((0..4).map(Event::Reverts));
    events.push(Event::Edit);
    if !features.calm {
        for carried_out in [false, true] {
            events.push(Event::Crash { carried_out });
            events.push(Event::Lost { carried_out });
        }
        events.extend([Event::Pass, Event::Refuse]);
    }
    events
}

/// Plays every history that begins with this one and has so many events more. Returns their number.
fn play_all(history: &History, events: &[Event], past: &mut Vec<Event>, depth: usize) -> u64 {
    let holds = |played: Played| {
        if let Err(wrong) = played {
            let (mut told, mut trace) = (History::new(history.features, 0, true), String::new());
            for event in past.iter() {
                let _ = happens(&mut told, *event);
            }
            trace += &told.trace.unwrap_or_default();
            panic!("{wrong} after {past:?} of {:?}\n{trace}", history.features);
        }
    };
    // Whenever all is settled.
    let mut settled = history.clone();
    settled.sim.refused.clear();
    holds(settled.rest());
    if depth == 0 {
        for order in orders(settled.live.len()) {
            let mut end = settled.clone();
            holds(end.take_back_in_order(&order));
        }
        return 1;
    }
    let mut number = 0;
    for event in events {
        let mut next = match history.features.calm {
            true => settled.clone(),
            false => history.clone(),
        };
        past.push(*event);
        match happens(&mut next, *event) {
            None => {}
            Some(Ok(())) => number += play_all(&next, events, past, depth - 1),
            Some(Err(wrong)) => panic!("{wrong} after {past:?}"),
        }
        past.pop();
    }
    number
}

/// All orders of so many.
fn orders(number: usize) -> Vec<Vec<usize>> {
    if number == 0 {
        return vec![Vec::new()];
    }
    let less = orders(number - 1);
    let at = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, number - 1);
        order
    };
    less.iter()
        .flat_map(|order| (0..number).map(move |n| at(order, n)))
        .collect()
}

fn play(features: Features, depth: u64) {
    let begun = std::time::Instant::now();
    let depth = wish("GITMAGE_DEPTH").map_or(depth, |more| depth + more);
    let history = History::new(features, 0, false);
    let depth = usize::try_from(depth).unwrap();
    let number = play_all(&history, &events(features), &mut Vec::new(), depth);
    eprintln!(
        "{number} histories of {depth} events in {:?}: {features:?}",
        begun.elapsed()
    );
}

#[test]
fn all_in_which_things_fail() {
    play(FEATURES, 3);
}

#[test]
fn all_in_which_nothing_fails() {
    play(
        Features {
            calm: true,
            ..FEATURES
        },
        3,
    );
}

#[test]
fn all_in_which_nothing_fails_and_edits_stay() {
    play(
        Features {
            calm: true,
            keep_conflicts: true,
            ..FEATURES
        },
        3,
    );
}

#[test]
fn all_in_which_nothing_fails_and_what_is_removed_is_restored() {
    play(
        Features {
            calm: true,
            restore_removed: true,
            ..FEATURES
        },
        3,
    );
}
