//! Which releases a commit reverts, and in which of their slots.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Composer, Draft, NO_RELEASE, Named};
use crate::domain::{Activity, FieldId, Level, ReleaseKind, ReleaseStatus, Slot};
use crate::plan::book::ReleaseRecord;
use crate::plan::inverse::{Inverse, inverse};
use crate::plan::stack::Seq;

/// A release that a commit reverts, with the slots concerned.
pub(super) struct Reverted {
    pub(super) release: Seq,
    pub(super) slots: BTreeSet<Slot>,
}

impl Reverted {
    /// What says that an entity shall not be there hides its fields, too: where they show, or are
    /// hidden, again, that is the release's doing.
    pub(super) fn cover_fields(&mut self, changed: &BTreeSet<Slot>) {
        let existence = |slot: &Slot| Slot {
            entity: slot.entity.clone(),
            field: FieldId::Existence,
        };
        let covered = changed
            .iter()
            .filter(|slot| self.slots.contains(&existence(slot)));
        let covered: Vec<_> = covered.cloned().collect();
        self.slots.extend(covered);
    }
}

impl Composer<'_> {
    /// The releases that a commit reverts, newest first, and a hint where it only looks like one.
    pub(super) fn reverted(
        &self,
        draft: &Draft,
        own: &BTreeSet<Slot>,
        changed: &BTreeSet<Slot>,
    ) -> (Vec<Reverted>, Option<String>) {
        let named = match &draft.cause {
            Cause::Adopt | Cause::Switched => return (Vec::new(), None),
            Cause::MovedBack(releases) => {
                let all = releases.iter().filter_map(|seq| self.whole(*seq)).collect();
                return (all, None);
            }
            Cause::Commit(named) => named,
        };
        let mut reverted: BTreeMap<Seq, BTreeSet<Slot>> = BTreeMap::new();
        for named in named {
            if let Some((seq, slots)) = self.by_words(named, own, changed) {
                reverted.entry(seq).or_default().extend(slots);
            }
        }
        for (seq, slots) in self.cancelled(named, own) {
            reverted.entry(seq).or_insert(slots);
        }
        let mut hint = None;
        if named.is_empty() && !own.is_empty() {
            match inverse(&self.book, &draft.paths) {
                Inverse::Of(releases) => {
                    return (
                        releases
                            .into_iter()
                            .filter_map(|seq| self.whole(seq))
                            .collect(),
                        None,
                    );
                }
                Inverse::OnlyDeletes(releases) => hint = self.hint(&releases),
                Inverse::None => {}
            }
        }
        let reverted = reverted
            .into_iter()
            .rev()
            .map(|(release, slots)| Reverted { release, slots })
            .collect();
        (reverted, hint)
    }

    fn whole(&self, seq: Seq) -> Option<Reverted> {
        let release = self.book.releases.get(&seq)?;
        Some(Reverted {
            release: seq,
            slots: release.difference(),
        })
    }

    fn by_words(
        &self,
        named: &Named,
        own: &BTreeSet<Slot>,
        changed: &BTreeSet<Slot>,
    ) -> Option<(Seq, BTreeSet<Slot>)> {
        let within = |release: &ReleaseRecord| -> Option<(Seq, BTreeSet<Slot>)> {
            let slots: BTreeSet<Slot> = deployed(release).intersection(own).cloned().collect();
            (!slots.is_empty()).then_some((release.seq, slots))
        };
        match self.book.of_commit(&named.commit) {
            Some(invalid) if invalid.status == ReleaseStatus::Invalid => {
                // What it changed came in with the next commit that was valid.
                let later = self.book.releases.range(invalid.seq..);
                let mut later = later.map(|(_, release)| release.as_ref());
                let brought = later.find(|r| r.status != ReleaseStatus::Invalid);
                // Where it came to nothing, taking it back goes by the desired values alone.
                let alone = || (!named.carried).then(|| (invalid.seq, changed.clone()));
                brought.and_then(within).or_else(alone)
            }
            Some(release) => {
                let slots = deployed(release);
                (!slots.is_disjoint(own)).then_some((release.seq, slots))
            }
            None => {
                let through = named.through.as_ref();
                let brought = through.and_then(|commit| self.book.of_commit(commit));
                brought.and_then(within).or_else(|| {
                    // It altered nothing desired then, but taking it back does now.
                    (named.reachable && !changed.is_empty()).then(|| (NO_RELEASE, changed.clone()))
                })
            }
        }
    }

    /// Of releases that a commit takes back together, one may have undone what the other did, so that
    /// the commit changes no field of theirs: it reverts them all the same.
    fn cancelled(
        &self,
        named: &[Named],
        own: &BTreeSet<Slot>,
    ) -> impl Iterator<Item = (Seq, BTreeSet<Slot>)> {
        let mut all: BTreeMap<Seq, (&ReleaseRecord, BTreeSet<Slot>)> = BTreeMap::new();
        if !own.is_empty() {
            let releases = named.iter().filter_map(|n| self.book.of_commit(&n.commit));
            let valid = releases.filter(|r| r.status != ReleaseStatus::Invalid);
            all.extend(valid.map(|release| (release.seq, (release, deployed(release)))));
        }
        let shared = |seq: &Seq, slots: &BTreeSet<Slot>| {
            slots.iter().any(|slot| {
                let sharing = all.values().filter(|(_, theirs)| theirs.contains(slot));
                let sharing: Vec<_> = sharing.map(|(release, _)| *release).collect();
                sharing.iter().any(|release| release.seq != *seq) && came_to_nothing(&sharing, slot)
            })
        };
        let together: Vec<_> = all
            .iter()
            .filter(|(seq, (_, slots))| shared(seq, slots))
            .map(|(seq, (_, slots))| (*seq, slots.clone()))
            .collect();
        together.into_iter()
    }

    /// Why a commit is a rollback although its message does not say so, or is none although it does.
    pub(super) fn explain(&self, draft: &Draft, record: &ReleaseRecord) -> Option<Activity> {
        let undone: Vec<String> = record
            .reverts
            .iter()
            .filter_map(|seq| self.book.releases.get(seq))
            .map(|release| format!("{} ({})", release.commit.short(), release.subject))
            .collect();
        let undone = undone.join(", ");
        let (level, message) = match &draft.cause {
            Cause::MovedBack(_) => (
                Level::Warning,
                format!(
                    "the branch {} was moved back to {}: rolls back {undone}",
                    record.branch,
                    record.commit.short()
                ),
            ),
            Cause::Commit(named) if named.is_empty() && record.kind == ReleaseKind::Rollback => (
                Level::Warning,
                format!(
                    "is exactly the inverse of {undone}, so what was observed before is put back; to deploy the files' values instead, change something else in the same commit"
                ),
            ),
            // Reverting a revert is an ordinary deploy, and meant to be one.
            Cause::Commit(named)
                if !named.is_empty()
                    && record.kind == ReleaseKind::Deploy
                    && named.iter().all(|n| {
                        let release = self.book.of_commit(&n.commit);
                        release.is_none_or(|release| release.kind != ReleaseKind::Rollback)
                    }) =>
            {
                (
                    Level::Warning,
                    format!(
                        "the message says that it reverts {}, but it changes nothing that a release of that commit changed: an ordinary deploy",
                        named
                            .iter()
                            .map(|n| n.commit.short())
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                )
            }
            Cause::Commit(_) | Cause::Adopt | Cause::Switched => return None,
        };
        Some(self.line(level, message))
    }

    fn hint(&self, releases: &[Seq]) -> Option<String> {
        let commits: Vec<String> = releases
            .iter()
            .filter_map(|seq| self.book.releases.get(seq))
            .map(|release| release.commit.to_string())
            .collect();
        let first = releases
            .first()
            .and_then(|seq| self.book.releases.get(seq))?;
        Some(format!(
            "looks like the undoing of {} ({}); the values stay in the store: to roll back, add `Reverts: {}` to the commit's message",
            first.commit.short(),
            first.subject,
            commits.join(", ")
        ))
    }
}

/// Whether releases, oldest first, together left the desired value of a slot as it was. Of one that was
/// shadowed there nothing else is known than that it says something else.
fn came_to_nothing(releases: &[&ReleaseRecord], slot: &Slot) -> bool {
    if releases.iter().any(|release| release.slot(slot).is_none()) {
        return true;
    }
    let records = || releases.iter().filter_map(|release| release.slot(slot));
    let before = records().next().map(|record| &record.desired_before);
    before == records().next_back().map(|record| &record.desired_after)
}

/// The slots of a release that a later commit can revert. Reverting a revert is an ordinary deploy, so
/// of a rollback these are only the ones that it deployed beside what it reverted.
fn deployed(release: &ReleaseRecord) -> BTreeSet<Slot> {
    if release.kind != ReleaseKind::Rollback {
        return release.difference();
    }
    release
        .slots()
        .filter(|(_, record)| record.reverts.is_empty())
        .map(|(slot, _)| slot)
        .collect()
}
