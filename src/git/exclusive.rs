//! The commits that are reachable from one commit and from none of some others, by one walk.
//!
//! # Guarantees
//! - The walk goes back from both sides at once, newest commit first, and ends where they have met: what
//!   it costs follows how far they are apart, not how long the history is.
//! - Each commit is read once, whatever the dates of the commits are.
//!
//! # Accepted losses
//! - Where several commits in a row are dated more than a day before what they came after, a commit can
//!   be counted as exclusive although it is not. Git's own walks have the same limit.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use gix::{ObjectId, Repository};

use super::ancestry::Ancestry;
use crate::ports::GitError;

/// The time, in seconds, by which clocks that are merely inexact may date a commit after its children.
const SLOP: i64 = 24 * 60 * 60;

/// The state of a commit that the walk has come to.
struct Seen {
    /// True if it is reachable from one of the excluded ones.
    excluded: bool,
    /// True if it was passed on to its parents, in its present state.
    followed: bool,
}

struct Walk<'r> {
    ancestry: Ancestry<'r>,
    seen: HashMap<ObjectId, Seen>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// The number of commits in the queue that are not excluded.
    open: usize,
    /// The oldest time of a commit that is, or was once thought to be, exclusive; without the tip's.
    oldest: Option<i64>,
}

/// Returns the commits that are reachable from `tip`, but not from `not_from`, without `tip` itself; each
/// before its parents, and otherwise the newest first.
pub(super) fn exclusive(
    repository: &Repository,
    tip: ObjectId,
    not_from: &[ObjectId],
) -> Result<Vec<ObjectId>, GitError> {
    let mut walk = Walk {
        ancestry: Ancestry::of(repository),
        seen: HashMap::new(),
        queue: BinaryHeap::new(),
        open: 0,
        oldest: None,
    };
    for id in not_from {
        walk.reach(*id, true)?;
    }
    walk.reach(tip, false)?;
    // Most commits bring nothing in: they have one parent, and that is excluded.
    let mut parents = walk.ancestry.parents(tip)?.iter();
    if not_from.contains(&tip) || parents.all(|parent| not_from.contains(parent)) {
        return Ok(Vec::new());
    }
    walk.run(tip)?;
    walk.in_order(tip)
}

impl Walk<'_> {
    /// The time at which a commit has its turn: its own, or that of a parent that is dated later, so that
    /// one wrong clock hides nothing.
    fn turn(&mut self, id: ObjectId) -> Result<i64, GitError> {
        let mut turn = self.ancestry.time(id)?;
        for parent in self.ancestry.parents(id)?.to_vec() {
            turn = turn.max(self.ancestry.time(parent)?);
        }
        Ok(turn)
    }

    /// Comes to a commit along one of the sides.
    fn reach(&mut self, id: ObjectId, excluded: bool) -> Result<(), GitError> {
        let known = self
            .seen
            .get(&id)
            .map(|seen| (seen.excluded, seen.followed));
        match known {
            Some((was_excluded, _)) if was_excluded || !excluded => return Ok(()),
            Some((_, followed)) => self.open -= usize::from(!followed),
            None => self.open += usize::from(!excluded),
        }
        let followed = false;
        self.seen.insert(id, Seen { excluded, followed });
        let turn = self.turn(id)?;
        self.queue.push((turn, id));
        Ok(())
    }

    fn run(&mut self, tip: ObjectId) -> Result<(), GitError> {
        while let Some((time, id)) = self.queue.pop() {
            // Nothing older than the exclusive commits leads to one of them.
            let done = |oldest: i64| time < oldest.saturating_sub(SLOP);
            if self.open == 0 && self.oldest.is_none_or(done) {
                break;
            }
            let Some(seen) = self.seen.get_mut(&id).filter(|seen| !seen.followed) else {
                continue;
            };
            seen.followed = true;
            let excluded = seen.excluded;
            if !excluded {
                self.open -= 1;
                if id != tip {
                    let time = self.ancestry.time(id)?;
                    self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
                }
            }
            for parent in self.ancestry.parents(id)?.to_vec() {
                self.reach(parent, excluded)?;
            }
        }
        Ok(())
    }

    /// The exclusive commits, each before its parents.
    fn in_order(&mut self, tip: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        let exclusive = self.seen.iter().filter(|(_, seen)| !seen.excluded);
        let mut parents: HashMap<ObjectId, Vec<ObjectId>> =
            exclusive.map(|(id, _)| (*id, Vec::new())).collect();
        let mut children: HashMap<ObjectId, usize> = HashMap::new();
        for id in parents.keys().copied().collect::<Vec<_>>() {
            let mut own = self.ancestry.parents(id)?.to_vec();
            own.retain(|parent| parents.contains_key(parent));
            for parent in &own {
                *children.entry(*parent).or_default() += 1;
            }
            parents.insert(id, own);
        }
        // Of one date, those of earlier parents come first.
        let mut ready = BinaryHeap::from([(i64::MAX, Reverse(0), tip)]);
        let mut order = Vec::new();
        let mut place = 0_usize;
        while let Some((_, _, id)) = ready.pop() {
            if id != tip {
                order.push(id);
            }
            for parent in parents.remove(&id).unwrap_or_default() {
                let left = children.entry(parent).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    place += 1;
                    ready.push((self.ancestry.time(parent)?, Reverse(place), parent));
                }
            }
        }
        Ok(order)
    }
}
