//! The rollback rule: one stack of transitions per field, and what a release does to it.
//!
//! # Guarantees
//! Revert everything that is live, in any order, and every stack is empty and the value that is put
//! back last is the one observed first. (Property-tested in this module and over whole releases.)
//!
//! # Assumptions
//! `observed` is what the store shows right before the release, or what the earlier releases of the
//! same pass would have left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{DesiredValue, Ensure, FieldName, SharedValue, Value};

/// The place of a release in its environment's history. Replay follows it, never a clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// What was observed of a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    /// The field's value, as stored.
    Value(SharedValue),
    /// The entity did not exist.
    Missing,
    /// The entity existed; with all its fields where it is about to be deleted.
    Entity(Option<BTreeMap<FieldName, Value>>),
    /// It could not be read under its key and assignment, so nothing was written either.
    Unknown,
}

/// What a release makes of a slot in the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Nothing: whatever was the target stays it.
    Leave,
    /// The desired value; `None` is absent, and then nothing is written.
    Desired(Option<DesiredValue>),
    /// What was observed before a release that is being rolled back, exactly.
    PutBack(Before),
}

impl Target {
    /// Whether it makes a deleted entity again.
    pub(super) fn makes_again(&self) -> bool {
        matches!(self, Self::PutBack(Before::Entity(Some(_))))
    }

    /// Whether it asks that an entity be there, whatever it is.
    pub(super) fn demands_existence(&self) -> bool {
        matches!(
            self,
            Self::PutBack(Before::Entity(None))
                | Self::Desired(Some(DesiredValue::Ensure(
                    Ensure::Present | Ensure::Existing
                )))
        )
    }
}

/// One change of a slot's desired value by a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The release.
    pub release: Seq,
    /// The desired value before.
    pub desired_before: Option<DesiredValue>,
    /// The desired value after.
    pub desired_after: Option<DesiredValue>,
    /// What the store showed before.
    pub observed_before: Before,
    /// The release for which that was observed: the release itself, or the one below it whose
    /// transition it took over.
    pub observed_at: Seq,
    /// Whether the store was, or may have been, brought to the target. What never was written is
    /// left alone by a rollback.
    pub effective: bool,
}

impl Transition {
    /// What never was written is brought about by a later step, which observed it anew.
    fn take_up(&mut self, step: &Step) {
        self.observed_before = step.observed.clone();
        self.observed_at = step.release;
        self.effective = step.effective;
    }
}

/// The transitions of one slot, oldest first.
pub type Stack = Vec<Transition>;

/// What the files demand of a slot, before and after one commit, and what the store shows.
#[derive(Debug, Clone)]
pub struct Step {
    /// The release of that commit.
    pub release: Seq,
    /// The desired value before.
    pub before: Option<DesiredValue>,
    /// The desired value after.
    pub after: Option<DesiredValue>,
    /// What the store shows.
    pub observed: Before,
    /// Whether the store was, or may have been, brought to the target; true until that is known.
    pub effective: bool,
}

/// A commit that is no revert: pushes a transition. `restore_removed` is `on_remove: restore`.
pub fn deploy(stack: &mut Stack, step: Step, restore_removed: bool) -> Target {
    let Step {
        release,
        before,
        after,
        observed,
        effective,
    } = step;
    let target = match &after {
        // What never was written needs no putting back, and is not to be tried again either.
        None if restore_removed => put_back(stack).map_or(Target::Desired(None), Target::PutBack),
        _ => Target::Desired(after.clone()),
    };
    stack.push(Transition {
        release,
        desired_before: before,
        desired_after: after,
        observed_before: observed,
        observed_at: release,
        effective,
    });
    target
}

/// A commit that reverts releases, newest first. `None`: the slot is none of this commit's business
/// (no transition of theirs, and the desired value stays).
pub fn revert(stack: &mut Stack, step: &Step, reverted: &[Seq]) -> Option<Target> {
    let mut target = None;
    let mut before = &step.before;
    let mut found = step.clone();
    for release in reverted {
        // What an earlier revert of this commit puts back is what the next one finds.
        if let Some(Target::PutBack(put)) = &target {
            found.observed.clone_from(put);
        }
        match revert_one(stack, &found, before, *release) {
            // "Nothing is written" does not take back what an earlier revert of this commit put.
            Some(Target::Leave) if target.is_some() => {}
            // Nor does the demand that an entity be there make less of one that is made again.
            Some(next)
                if next.demands_existence() && target.as_ref().is_some_and(Target::makes_again) => {
            }
            Some(next) => target = Some(next),
            None => {}
        }
        // Whatever the first one did, the desired value is the final one from here on.
        before = &step.after;
    }
    target
}

fn revert_one(
    stack: &mut Stack,
    step: &Step,
    before: &Option<DesiredValue>,
    reverted: Seq,
) -> Option<Target> {
    let changed = *before != step.after;
    let position = stack.iter().rposition(|t| t.release == reverted);
    match position {
        Some(index) if index + 1 < stack.len() => {
            // 1. Below the top: the one above takes over where it came from.
            let gone = stack.remove(index);
            let above = &mut stack[index];
            above.desired_before = gone.desired_before;
            if gone.effective {
                // Where both say that it existed, only one may know how to make it again.
                let knows_more = gone.observed_before == Before::Entity(None)
                    && matches!(above.observed_before, Before::Entity(Some(_)));
                if !knows_more {
                    above.observed_before = gone.observed_before;
                    above.observed_at = gone.observed_at;
                }
                above.effective = true;
            }
            if changed {
                return Some(search(stack, step).unwrap_or_else(|| push(stack, step, before)));
            }
            Some(Target::Leave)
        }
        Some(_) => {
            // 2. The top.
            if let Some(target) = search(stack, step) {
                return Some(target);
            }
            if let Some(top) = stack.last_mut() {
                top.release = step.release;
                top.desired_after = step.after.clone();
                let deletes = matches!(step.observed, Before::Entity(Some(_)))
                    && top.observed_before == Before::Entity(None);
                if deletes {
                    // It existed then, too; what it is made from again is known only now.
                    top.observed_before = step.observed.clone();
                    top.observed_at = step.release;
                }
                if !top.effective {
                    top.take_up(step);
                }
            }
            Some(Target::Desired(step.after.clone()))
        }
        // 3. No transition here, but the desired value changed.
        None if changed => Some(search(stack, step).unwrap_or_else(|| push(stack, step, before))),
        None => None,
    }
}

/// From the top downwards, the transition that left today's desired value: what was observed before
/// it is put back, and it and all above it are dropped.
fn search(stack: &mut Stack, step: &Step) -> Option<Target> {
    let index = stack.iter().rposition(|t| t.desired_before == step.after)?;
    let dropped = stack.split_off(index);
    if let Some(before) = put_back(&dropped) {
        return Some(Target::PutBack(before));
    }
    // What never was written needs no putting back.
    match stack.last_mut() {
        // Nor was what lies below it, which is today's desired value and is tried again.
        Some(top) if !top.effective => {
            top.take_up(step);
            Some(Target::Desired(step.after.clone()))
        }
        // The store shows what it shall show.
        Some(_) | None => Some(Target::PutBack(step.observed.clone())),
    }
}

/// What was observed before the lowest transition that was written. Of an entity that existed then
/// and was deleted by a later one, with the fields from which it can be made again.
fn put_back(transitions: &[Transition]) -> Option<Before> {
    let mut written = transitions.iter().filter(|t| t.effective);
    let lowest = &written.next()?.observed_before;
    if *lowest != Before::Entity(None) {
        return Some(lowest.clone());
    }
    let whole = written.find(|t| matches!(t.observed_before, Before::Entity(Some(_))));
    Some(whole.map_or(lowest, |t| &t.observed_before).clone())
}

fn push(stack: &mut Stack, step: &Step, before: &Option<DesiredValue>) -> Target {
    stack.push(Transition {
        release: step.release,
        desired_before: before.clone(),
        desired_after: step.after.clone(),
        observed_before: step.observed.clone(),
        observed_at: step.release,
        effective: step.effective,
    });
    Target::Desired(step.after.clone())
}

/// The release that deleted an entity which a rollback makes again: of the transitions of its existence
/// that the rollback dropped, the lowest that knows the whole entity.
pub(super) fn deleted_at(before: &[Transition], after: &[Transition]) -> Option<Seq> {
    dropped(before, after)
        .find(|t| t.effective && matches!(t.observed_before, Before::Entity(Some(_))))
        .map(|t| t.observed_at)
}

/// The release for which a step's put-back was observed: of the transitions it dropped, the lowest
/// that was written. Where there is none, what it puts back has not been away.
pub(super) fn origin(before: &[Transition], after: &[Transition]) -> Option<Seq> {
    let mut written = dropped(before, after).filter(|t| t.effective);
    written.next().map(|t| t.observed_at)
}

/// A field that was observed for release `origin` is put back. Where the entity was deleted after
/// that, it is made again with that value, too.
pub(super) fn put_into_whole(existence: &mut Stack, origin: Seq, name: &FieldName, value: &Value) {
    let later = existence.iter_mut().filter(|t| t.observed_at > origin);
    let mut wholes = later.filter_map(|t| match &mut t.observed_before {
        Before::Entity(Some(whole)) => Some(whole),
        Before::Entity(None) | Before::Value(_) | Before::Missing | Before::Unknown => None,
    });
    if let Some(whole) = wholes.next() {
        match value {
            Value::Null => whole.remove(name),
            value => whole.insert(name.clone(), value.clone()),
        };
    }
}

fn dropped<'a>(
    before: &'a [Transition],
    after: &'a [Transition],
) -> impl Iterator<Item = &'a Transition> {
    let kept = |t: &Transition| after.iter().any(|kept| kept.release == t.release);
    before.iter().filter(move |t| !kept(t))
}

/// The entity that was deleted for release `deleted` is there again as it was, with this value of the
/// field. What was observed since then belonged to another entity of the same key.
pub(super) fn rebase(stack: &mut Stack, deleted: Seq, value: &Value) {
    if let Some(lowest) = stack.first_mut()
        && lowest.observed_at > deleted
    {
        lowest.observed_before = Before::Value(value.clone().into());
        lowest.observed_at = deleted;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(n: u8) -> Option<DesiredValue> {
        Some(DesiredValue::Value(SharedValue::from(n)))
    }

    fn seen(n: u8) -> Before {
        Before::Value(SharedValue::from(n))
    }

    fn step(
        release: u64,
        before: Option<DesiredValue>,
        after: Option<DesiredValue>,
        observed: u8,
    ) -> Step {
        Step {
            release: Seq(release),
            before,
            after,
            observed: seen(observed),
            effective: true,
        }
    }

    #[test]
    fn the_top_puts_back_what_was_observed_not_what_an_older_file_says() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(1), 0), false);
        // Somebody edits the field to 7 in Magento.
        deploy(&mut stack, step(2, value(1), value(2), 7), false);
        let target = revert(&mut stack, &step(3, value(2), value(1), 2), &[Seq(2)]);
        assert_eq!(target, Some(Target::PutBack(seen(7))));
        assert_eq!(stack.len(), 1);
    }

    #[test]
    fn below_the_top_nothing_is_written_and_the_one_above_takes_over() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(1), 0), false);
        deploy(&mut stack, step(2, value(1), value(2), 1), false);
        assert_eq!(
            revert(&mut stack, &step(3, value(2), value(2), 2), &[Seq(1)]),
            Some(Target::Leave)
        );
        let target = revert(&mut stack, &step(4, value(2), None, 2), &[Seq(2)]);
        assert_eq!(target, Some(Target::PutBack(seen(0))));
        assert_eq!(stack, []);
    }

    #[test]
    fn a_value_that_never_was_in_effect_is_written_and_the_transition_stays() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(2), 0), false);
        // An older file that was shadowed shows through.
        let target = revert(&mut stack, &step(2, value(2), value(1), 2), &[Seq(1)]);
        assert_eq!(target, Some(Target::Desired(value(1))));
        let target = revert(&mut stack, &step(3, value(1), None, 1), &[Seq(9)]);
        assert_eq!(target, Some(Target::PutBack(seen(0))));
        assert_eq!(stack, []);
    }

    #[test]
    fn a_field_that_was_never_written_is_left_as_it_is_now() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(1), 0), false);
        stack[0].effective = false;
        let target = revert(&mut stack, &step(2, value(1), None, 9), &[Seq(1)]);
        assert_eq!(target, Some(Target::PutBack(seen(9))));
    }

    #[test]
    fn what_one_revert_puts_back_is_not_undone_by_the_next_that_never_was_written() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(1), 0), false);
        deploy(&mut stack, step(2, value(1), None, 0), false);
        for failed in &mut stack {
            failed.effective = false;
        }
        revert(&mut stack, &step(3, None, None, 0), &[Seq(1)]);
        deploy(&mut stack, step(4, None, value(2), 0), false);
        let both = step(5, value(2), None, 2);
        let target = revert(&mut stack, &both, &[Seq(4), Seq(2)]);
        assert_eq!(target, Some(Target::PutBack(seen(0))));
        assert_eq!(stack, []);
    }

    fn existence(
        release: u64,
        before: Option<Ensure>,
        after: Option<Ensure>,
        observed: Before,
    ) -> Step {
        Step {
            release: Seq(release),
            before: before.map(DesiredValue::Ensure),
            after: after.map(DesiredValue::Ensure),
            observed,
            effective: true,
        }
    }

    /// An entity that existed, was set by one release and deleted by the next.
    fn deleted() -> (Stack, Before) {
        let whole = Before::Entity(Some(BTreeMap::from([(
            FieldName::new("title").unwrap(),
            Value::from("t"),
        )])));
        let mut stack = Stack::new();
        let set = existence(1, None, Some(Ensure::Present), Before::Entity(None));
        deploy(&mut stack, set, false);
        let delete = existence(
            2,
            Some(Ensure::Present),
            Some(Ensure::Absent),
            whole.clone(),
        );
        deploy(&mut stack, delete, false);
        (stack, whole)
    }

    #[test]
    fn a_deleted_entity_that_is_still_demanded_is_made_again_from_its_whole() {
        let (mut stack, whole) = deleted();
        // Both are reverted at once, and an older file that never was in effect demands it still.
        let both = existence(
            3,
            Some(Ensure::Absent),
            Some(Ensure::Present),
            Before::Missing,
        );
        let target = revert(&mut stack, &both, &[Seq(2), Seq(1)]);
        assert_eq!(target, Some(Target::PutBack(whole)));
    }

    #[test]
    fn a_deleted_entity_is_made_again_when_all_its_releases_are_reverted_at_once() {
        let (mut stack, whole) = deleted();
        let step = existence(3, Some(Ensure::Absent), None, Before::Missing);
        let target = revert(&mut stack, &step, &[Seq(2), Seq(1)]);
        assert_eq!(target, Some(Target::PutBack(whole)));
        assert_eq!(stack, []);
    }

    #[test]
    fn a_deleted_entity_is_made_again_when_the_older_release_is_reverted_first() {
        let (mut stack, whole) = deleted();
        let absent = Some(Ensure::Absent);
        let older = existence(3, absent, absent, Before::Missing);
        assert_eq!(revert(&mut stack, &older, &[Seq(1)]), Some(Target::Leave));
        let newer = existence(4, absent, None, Before::Missing);
        let target = revert(&mut stack, &newer, &[Seq(2)]);
        assert_eq!(target, Some(Target::PutBack(whole)));
    }

    #[test]
    fn a_deletion_that_shows_through_a_revert_can_be_undone_too() {
        let (_, whole) = deleted();
        let mut stack = Stack::new();
        let set = existence(1, None, Some(Ensure::Present), Before::Entity(None));
        deploy(&mut stack, set, false);
        // An older file that deletes the entity was shadowed.
        let absent = Some(Ensure::Absent);
        let shows = existence(2, Some(Ensure::Present), absent, whole.clone());
        revert(&mut stack, &shows, &[Seq(1)]);
        let back = existence(3, absent, None, Before::Missing);
        let target = revert(&mut stack, &back, &[Seq(9)]);
        assert_eq!(target, Some(Target::PutBack(whole)));
    }

    #[test]
    fn a_rollback_that_could_not_write_the_tree_s_value_still_knows_what_was_written_before() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(2), 0), false);
        let failed = Step {
            effective: false,
            ..step(2, value(2), value(1), 2)
        };
        assert_eq!(
            revert(&mut stack, &failed, &[Seq(1)]),
            Some(Target::Desired(value(1)))
        );
        let target = revert(&mut stack, &step(3, value(1), None, 2), &[Seq(2)]);
        assert_eq!(target, Some(Target::PutBack(seen(0))));
    }

    #[test]
    fn a_removal_of_what_never_was_written_is_not_tried_again() {
        let mut stack = Stack::new();
        let failed = Step {
            effective: false,
            ..step(1, None, value(1), 0)
        };
        deploy(&mut stack, failed, true);
        assert_eq!(
            deploy(&mut stack, step(2, value(1), None, 0), true),
            Target::Desired(None)
        );
    }

    #[test]
    fn a_removal_restores_the_lowest_value_only_when_asked_to() {
        let mut stack = Stack::new();
        deploy(&mut stack, step(1, None, value(1), 0), false);
        let mut other = stack.clone();
        assert_eq!(
            deploy(&mut stack, step(2, value(1), None, 1), false),
            Target::Desired(None)
        );
        assert_eq!(
            deploy(&mut other, step(2, value(1), None, 1), true),
            Target::PutBack(seen(0))
        );
    }

    /// Three files in path order set one field; the last one that sets it wins.
    type Files = [Option<u8>; 3];

    fn fold(files: Files) -> Option<DesiredValue> {
        files.iter().rev().find_map(|f| *f).and_then(value)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]
        #[test]
        fn reverting_everything_in_any_order_restores_the_first_value(
            edits in prop::collection::vec((0_usize..3, prop::option::of(1_u8..5)), 1..9),
            order in prop::collection::vec(any::<prop::sample::Index>(), 32),
            batch in prop::collection::vec(1_usize..3, 32),
        ) {
            let mut files: Files = [None; 3];
            let mut store = 0_u8;
            let mut stack = Stack::new();
            let mut seq = 0;
            let mut live: Vec<(u64, usize, Option<u8>, Option<u8>)> = Vec::new();
            let write = |target: &Target, store: &mut u8| match target {
                Target::Desired(Some(DesiredValue::Value(v))) | Target::PutBack(Before::Value(v)) => {
                    *store = u8::try_from(v.as_u64().unwrap()).unwrap();
                }
                _ => {}
            };
            for (path, to) in edits {
                let from = files[path];
                if from == to { continue; }
                let before = fold(files);
                files[path] = to;
                let after = fold(files);
                seq += 1;
                live.push((seq, path, from, to));
                if before != after {
                    let target = deploy(&mut stack, step(seq, before, after, store), false);
                    write(&target, &mut store);
                }
            }
            let mut order = order.into_iter();
            let mut batch = batch.into_iter();
            while !live.is_empty() {
                let before = fold(files);
                let mut reverted = Vec::new();
                for _ in 0..batch.next().unwrap_or(1) {
                    // What `git revert` can undo without a conflict.
                    let free: Vec<usize> = (0..live.len()).filter(|i| files[live[*i].1] == live[*i].3).collect();
                    if free.is_empty() {
                        // Conflicts only: a person resolves them all at once, to the beginning.
                        files = [None; 3];
                        reverted.extend(live.drain(..).map(|l| Seq(l.0)));
                        break;
                    }
                    let pick = order.next().map_or(free[0], |index| *index.get(&free));
                    let (release, path, from, _) = live.remove(pick);
                    files[path] = from;
                    reverted.push(Seq(release));
                }
                reverted.sort_by(|a, b| b.cmp(a));
                seq += 1;
                if let Some(target) = revert(&mut stack, &step(seq, before, fold(files), store), &reverted) {
                    write(&target, &mut store);
                }
            }
            prop_assert_eq!(files, [None; 3]);
            prop_assert_eq!(&stack, &Stack::new());
            prop_assert_eq!(store, 0);
        }
    }
}
