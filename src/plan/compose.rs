//! From the commits of a pass to its releases: which slots move, by which rule, from what to what.
//!
//! Pure: the same book, commits and observation give the same releases. A pass is composed twice,
//! first without an observation to learn which entities it concerns, then with one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::book::{Book, EntityRecord, PathChange, ReleaseRecord, SlotRecord, fields_of};
use super::inverse::{Inverse, inverse};
use super::stack::{self, Before, Seq, Target};
use super::world::{World, put_back_into};
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, DesiredState, DesiredValue, Ensure, EntityRef,
    FieldId, FieldName, FieldStatus, Findings, Level, Observation, PhaseName, ReleaseKind,
    ReleaseStatus, Slot, Value,
};

/// What a commit says of itself.
#[derive(Debug, Clone)]
pub struct Headline {
    /// Its id.
    pub commit: CommitId,
    /// Its first parent.
    pub first_parent: Option<CommitId>,
    /// The branch.
    pub branch: String,
    /// First line of its message.
    pub subject: String,
    /// Its author.
    pub author: String,
}

/// A commit that the message says is reverted.
#[derive(Debug, Clone)]
pub struct Named {
    /// That commit.
    pub commit: CommitId,
    /// The commit on the branch that brought it in, where it is not on the branch itself.
    pub through: Option<CommitId>,
    /// Whether it is part of the history that ends in the commit whose message names it.
    pub reachable: bool,
    /// Whether the message is that of an earlier, invalid commit, whose changes come in only now.
    pub carried: bool,
}

/// What a commit stands for that made no release: reverting it goes by the desired values alone.
const NO_RELEASE: Seq = Seq(0);

/// Why a release is looked at.
#[derive(Debug, Clone)]
pub enum Cause {
    /// A commit, with the commits that its message says it reverts.
    Commit(Vec<Named>),
    /// Another branch was configured: the difference is deployed, and nothing is rolled back.
    Switched,
    /// The branch was moved back: these releases have left it, newest first.
    MovedBack(Vec<Seq>),
    /// The first start on a store whose values are taken over.
    Adopt,
}

/// One commit of a pass.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it says of itself.
    pub headline: Headline,
    /// Why it is looked at.
    pub cause: Cause,
    /// The desired state of the last valid commit before it.
    pub before: Arc<DesiredState>,
    /// Its desired state.
    pub after: Arc<DesiredState>,
    /// Release files, and files they refer to, that differ from the last valid commit.
    pub paths: BTreeMap<String, PathChange>,
    /// Its findings, when they make it invalid.
    pub invalid: Option<Findings>,
}

/// The policies that shape targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// `on_remove: restore`.
    pub restore_removed: bool,
    /// `on_conflict: keep`.
    pub keep_conflicts: bool,
}

/// A pass, composed.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The book with the new releases, not yet recorded.
    pub book: Book,
    /// The new releases, oldest first.
    pub new: Vec<Seq>,
    /// Earlier releases whose never-written slots were observed anew.
    pub renewed: Vec<Seq>,
    /// Slots of earlier passes that are tried again.
    pub retried: BTreeSet<Slot>,
}

impl Composed {
    /// Every slot of the pass.
    pub fn slots(&self) -> BTreeSet<Slot> {
        self.new
            .iter()
            .filter_map(|seq| self.book.releases.get(seq))
            .flat_map(|release| release.slots().map(|(slot, _)| slot).collect::<Vec<_>>())
            .chain(self.retried.iter().cloned())
            .collect()
    }

    /// Every entity of the pass.
    pub fn entities(&self) -> BTreeSet<EntityRef> {
        self.slots().into_iter().map(|slot| slot.entity).collect()
    }
}

/// Composes a pass. `observation` may lack entities: what is not in it counts as unknown.
pub fn compose(
    book: &Book,
    drafts: &[Draft],
    retry: &BTreeSet<Slot>,
    observation: &Observation,
    policy: Policy,
    at: Timestamp,
) -> Composed {
    let mut composer = Composer {
        book: book.clone(),
        world: World::new(observation),
        policy,
        at,
        new: Vec::new(),
    };
    for draft in drafts {
        composer.add(draft);
    }
    let wanted = drafts.iter().rev().find(|draft| draft.invalid.is_none());
    composer.finish(retry, wanted.map(|draft| draft.after.as_ref()))
}

struct Composer {
    book: Book,
    world: World,
    policy: Policy,
    at: Timestamp,
    new: Vec<Seq>,
}

/// A release that a commit reverts, with the slots concerned.
struct Reverted {
    release: Seq,
    slots: BTreeSet<Slot>,
}

impl Reverted {
    /// What says that an entity shall not be there hides its fields, too: where they show, or are
    /// hidden, again, that is the release's doing.
    fn cover_fields(&mut self, changed: &BTreeSet<Slot>) {
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

impl Composer {
    fn add(&mut self, draft: &Draft) {
        if let Some(findings) = &draft.invalid {
            let record = self.invalid(draft, findings);
            return self.push(record);
        }
        let own = draft.before.own_difference(&draft.after);
        let changed = draft.before.changed_slots(&draft.after);
        let (mut reverted, hint) = self.reverted(draft, &own, &changed);
        for release in &mut reverted {
            release.cover_fields(&changed);
        }
        if changed.is_empty() && reverted.is_empty() {
            return;
        }
        let kind = match (&draft.cause, reverted.is_empty()) {
            (Cause::Adopt, _) => ReleaseKind::Adopt,
            (Cause::MovedBack(_), _) | (Cause::Commit(_), false) => ReleaseKind::Rollback,
            (Cause::Commit(_), true) | (Cause::Switched, _) => ReleaseKind::Deploy,
        };
        let mut record = self.record(draft, kind);
        record.reverts = reverted
            .iter()
            .map(|r| r.release)
            .filter(|seq| *seq != NO_RELEASE)
            .collect();
        if let Some(hint) = hint {
            record.activity.push(self.line(Level::Warning, hint));
        }
        if let Some(why) = self.explain(draft, &record) {
            record.activity.push(why);
        }
        let slots: BTreeSet<Slot> = reverted
            .iter()
            .flat_map(|r| r.slots.iter().cloned())
            .chain(changed)
            .collect();
        let mut dissolved = BTreeSet::new();
        for slot in slots {
            let reverts: Vec<Seq> = reverted
                .iter()
                .filter(|r| r.slots.contains(&slot))
                .map(|r| r.release)
                .collect();
            // Existence comes first, so what this release makes again is known to its fields.
            let remade = record
                .entities
                .get(&slot.entity)
                .and_then(|entity| entity.slots.get(&FieldId::Existence))
                .and_then(|existence| match &existence.target {
                    Target::PutBack(Before::Entity(whole)) => whole.as_ref(),
                    Target::PutBack(_) | Target::Leave | Target::Desired(_) => None,
                })
                .map(|whole| (whole, dissolved.contains(&slot.entity)));
            let slot_record = self.slot(draft, record.seq, &slot, reverts, remade);
            if let Some(slot_record) = slot_record {
                if self.dissolve(record.seq, &slot, &slot_record) {
                    dissolved.insert(slot.entity.clone());
                }
                if slot_record.conflict {
                    let line = conflict_line(self.policy);
                    record.activity.push(self.entity_line(&slot, line));
                }
                let entity = entity_record(&mut record, &slot.entity, draft);
                entity.slots.insert(slot.field.clone(), slot_record);
            }
        }
        for slot in own {
            let entity = entity_record(&mut record, &slot.entity, draft);
            if !entity.slots.contains_key(&slot.field) {
                entity.listed.insert(slot.field);
            }
        }
        for entity in record.entities.values_mut() {
            let slots = entity.slots.clone();
            if let Some(existence) = entity.slots.get_mut(&FieldId::Existence) {
                let kept = std::iter::once(&mut existence.observed_before);
                for before in kept.chain(&mut existence.also) {
                    if let Before::Entity(Some(whole)) = before {
                        put_back_into(whole, &slots);
                    }
                }
                if let Target::PutBack(Before::Entity(Some(whole))) = &mut existence.target {
                    put_back_into(whole, &slots);
                }
            }
        }
        for (entity, entity_record) in &record.entities {
            self.world.apply(
                entity,
                entity_record.slots.iter().map(|(f, r)| (f, &r.target)),
            );
        }
        self.push(record);
    }

    fn slot(
        &self,
        draft: &Draft,
        seq: Seq,
        slot: &Slot,
        reverts: Vec<Seq>,
        remade: Option<(&BTreeMap<FieldName, Value>, bool)>,
    ) -> Option<SlotRecord> {
        let before = draft.before.get(slot);
        let after = draft.after.get(slot);
        let (mut observed, mut derived) = self.world.before(&slot.entity, &slot.field, false);
        let mut also = Vec::new();
        if let (Some((whole, dissolved)), FieldId::Named(name)) = (remade, &slot.field)
            && (dissolved || observed == Before::Missing)
        {
            // A field that shows through an entity made again goes back to the entity's own value.
            let own = Before::Value(whole.get(name).cloned().unwrap_or(Value::Null));
            let read = std::mem::replace(&mut observed, own);
            if !derived && matches!(read, Before::Value(_)) && read != observed {
                also.push(read);
            }
            derived = true;
        }
        let owed = self.owed(slot);
        let mut is_owed = owed.is_some();
        if let Some(owed) = owed.filter(|_| !derived) {
            let read = std::mem::replace(&mut observed, owed);
            if read != observed {
                also.push(read);
            }
        }
        let mut stack = self.book.stacks.get(slot).cloned().unwrap_or_default();
        let step = stack::Step {
            release: seq,
            before: before.clone(),
            after: after.clone(),
            observed: observed.clone(),
            effective: true,
        };
        let mut target = if matches!(draft.cause, Cause::Adopt) {
            // The store's value is taken over: the transition is pushed, nothing is written.
            stack::deploy(&mut stack, step, false);
            Target::PutBack(observed.clone())
        } else if reverts.is_empty() {
            stack::deploy(&mut stack, step, self.policy.restore_removed)
        } else {
            stack::revert(&mut stack, &step, &reverts)?
        };
        if let Some(whole) = self.to_be_made_again(slot, &target) {
            target = whole;
        }
        let mut conflict = false;
        if let Target::PutBack(_) = &target
            && !derived
            && !reverts.is_empty()
            && self.edited(slot, &observed)
        {
            conflict = true;
            if self.policy.keep_conflicts {
                target = Target::PutBack(observed.clone());
            }
        }
        let deletes = matches!(
            target,
            Target::Desired(Some(DesiredValue::Ensure(Ensure::Absent)))
                | Target::PutBack(Before::Missing)
        );
        if deletes && slot.field == FieldId::Existence {
            let read = self.world.before(&slot.entity, &slot.field, true).0;
            let whole = self.whole_with_debts(&slot.entity, &read);
            is_owed |= whole != read;
            match also.last_mut() {
                Some(known) => *known = read,
                None => {
                    if whole != read {
                        also.push(read);
                    }
                    observed = whole;
                }
            }
        }
        Some(SlotRecord {
            desired_before: before,
            desired_after: after,
            observed_before: observed,
            derived,
            owed: is_owed,
            reverts,
            target,
            status: None,
            observed: None,
            also,
            conflict,
            effective: true,
        })
    }

    /// Where a deleted entity is made again, the stacks of its fields go on from what it was then.
    /// Whether that is so.
    fn dissolve(&mut self, seq: Seq, slot: &Slot, record: &SlotRecord) -> bool {
        let (FieldId::Existence, Target::PutBack(Before::Entity(Some(whole)))) =
            (&slot.field, &record.target)
        else {
            return false;
        };
        let known = self.book.stacks.get(slot).cloned().unwrap_or_default();
        let mut after = known.clone();
        super::book::apply(&mut after, seq, record, false);
        let deleted = stack::deleted_at(&known, &after);
        if let Some(deleted) = deleted {
            self.book.rebase(&slot.entity, deleted, whole);
        }
        deleted.is_some()
    }

    /// What a rollback has still to put back, in this pass or because an earlier one failed. The next
    /// release takes the debt over: once it is reverted too, that is the value to be seen.
    fn owed(&self, slot: &Slot) -> Option<Before> {
        self.book.standings.get(slot)?.debt().cloned()
    }

    /// The whole of an entity that is about to be deleted, with what is still to be put back into it:
    /// that is how it would have to be made again.
    fn whole_with_debts(&self, entity: &EntityRef, read: &Before) -> Before {
        let Before::Entity(Some(fields)) = read else {
            return read.clone();
        };
        let mut fields = fields.clone();
        for (name, slot) in fields_of(entity) {
            let derived = self.world.before(entity, &slot.field, false).1;
            match self.owed(&slot).filter(|_| !derived) {
                Some(Before::Value(Value::Null)) => {
                    fields.remove(&name);
                }
                Some(Before::Value(value)) => {
                    fields.insert(name, value);
                }
                Some(Before::Missing | Before::Entity(_) | Before::Unknown) | None => {}
            }
        }
        Before::Entity(Some(fields))
    }

    /// What an earlier release of the pass, or one that failed, still has to make again: a later one
    /// that only wants the entity to be there must not make less of it.
    fn to_be_made_again(&self, slot: &Slot, target: &Target) -> Option<Target> {
        let standing = self.book.standings.get(slot).filter(|s| !s.done)?;
        let again = target.demands_existence() && standing.target.makes_again();
        again.then(|| standing.target.clone())
    }

    /// Whether a field shows something else than what was made of it last.
    fn edited(&self, slot: &Slot, observed: &Before) -> bool {
        let Some(standing) = self.book.standings.get(slot) else {
            return false;
        };
        if !standing.done {
            return false;
        }
        let FieldId::Named(name) = &slot.field else {
            return match (&standing.target, observed) {
                (Target::PutBack(Before::Missing), Before::Entity(_))
                | (Target::PutBack(Before::Entity(_)), Before::Missing) => true,
                (Target::Desired(Some(DesiredValue::Ensure(ensure))), Before::Entity(_)) => {
                    *ensure == Ensure::Absent
                }
                (Target::Desired(Some(DesiredValue::Ensure(ensure))), Before::Missing) => {
                    *ensure != Ensure::Absent
                }
                _ => false,
            };
        };
        let left = match &standing.target {
            Target::Desired(Some(DesiredValue::Value(value)))
            | Target::PutBack(Before::Value(value)) => value,
            Target::Desired(_) | Target::PutBack(_) | Target::Leave => return false,
        };
        match observed {
            Before::Value(seen) => match slot.entity.kind.field(name.as_str()) {
                Some(spec) => !spec.same(left, seen),
                None => left != seen,
            },
            Before::Missing | Before::Entity(_) | Before::Unknown => false,
        }
    }

    /// The releases that a commit reverts, newest first, and a hint where it only looks like one.
    fn reverted(
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
                let mut later = self.book.releases.range(invalid.seq..).map(|(_, r)| r);
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
    fn explain(&self, draft: &Draft, record: &ReleaseRecord) -> Option<Activity> {
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

    fn invalid(&self, draft: &Draft, findings: &Findings) -> ReleaseRecord {
        let mut record = self.record(draft, ReleaseKind::Deploy);
        record.status = ReleaseStatus::Invalid;
        record.finished_at = Some(self.at);
        let critical = findings
            .0
            .iter()
            .filter(|f| f.severity == crate::domain::Severity::Critical)
            .count();
        record.message = Some(match critical {
            1 => "1 critical finding; the commit was left out".to_owned(),
            n => format!("{n} critical findings; the commit was left out"),
        });
        for finding in &findings.0 {
            let level = match finding.severity {
                crate::domain::Severity::Critical => Level::Error,
                crate::domain::Severity::Warning => Level::Warning,
                crate::domain::Severity::Info => Level::Info,
            };
            record.activity.push(self.line(level, finding.to_string()));
        }
        record
    }

    fn record(&self, draft: &Draft, kind: ReleaseKind) -> ReleaseRecord {
        let Headline {
            commit,
            first_parent,
            branch,
            subject,
            author,
        } = draft.headline.clone();
        let first = !self.book.knows(&commit);
        ReleaseRecord {
            seq: self.book.next_seq(),
            id: first.then(|| commit.clone().into()),
            kind,
            status: ReleaseStatus::Pending,
            reverts: Vec::new(),
            commit,
            first_parent,
            branch,
            subject,
            author,
            started_at: self.at,
            finished_at: None,
            snapshot: None,
            message: None,
            phases: Vec::new(),
            activity: Vec::new(),
            paths: draft.paths.clone(),
            entities: BTreeMap::new(),
        }
    }

    fn line(&self, level: Level, message: String) -> Activity {
        Activity {
            at: self.at,
            phase: PhaseName::Validate,
            level,
            kind: None,
            key: None,
            store: None,
            message,
        }
    }

    fn entity_line(&self, slot: &Slot, message: String) -> Activity {
        Activity {
            kind: Some(slot.entity.kind),
            key: Some(slot.entity.key.clone()),
            store: Some(slot.entity.store.clone()),
            phase: PhaseName::Observe,
            ..self.line(Level::Warning, format!("{}: {message}", slot.field))
        }
    }

    fn push(&mut self, record: ReleaseRecord) {
        self.new.push(record.seq);
        self.book.push(record);
    }

    fn finish(mut self, retry: &BTreeSet<Slot>, wanted: Option<&DesiredState>) -> Composed {
        let touched: BTreeSet<Slot> = self
            .new
            .iter()
            .filter_map(|seq| self.book.releases.get(seq))
            .flat_map(|release| {
                // A release that leaves a slot as it is does not answer for it.
                release
                    .slots()
                    .filter(|(_, record)| record.target != Target::Leave)
                    .map(|(slot, _)| slot)
                    .collect::<Vec<_>>()
            })
            .collect();
        let retry = self.with_entities(&touched, retry);
        let retried: BTreeSet<Slot> = retry.difference(&touched).cloned().collect();
        let mut renewed: BTreeMap<Seq, ReleaseRecord> = BTreeMap::new();
        for slot in &retried {
            self.renew(slot, &mut renewed);
            if let Some(desired) = wanted.and_then(|state| state.entities.get(&slot.entity)) {
                self.allow(&slot.entity, desired.explicit, &mut renewed);
            }
        }
        let seqs = renewed.keys().copied().collect();
        if !renewed.is_empty() {
            self.book.update(renewed.into_values());
        }
        Composed {
            book: self.book,
            new: self.new,
            renewed: seqs,
            retried,
        }
    }

    /// What is tried again, and all that is open of entities that the pass touches and that are still to
    /// be made or deleted: whatever is sent for one of their fields does that, too.
    fn with_entities(&self, touched: &BTreeSet<Slot>, retry: &BTreeSet<Slot>) -> BTreeSet<Slot> {
        let concerned: BTreeSet<&EntityRef> = touched.union(retry).map(|s| &s.entity).collect();
        let open = self.book.open_slots(true);
        let unmade: BTreeSet<&EntityRef> = open
            .iter()
            .filter(|slot| slot.field == FieldId::Existence && concerned.contains(&slot.entity))
            .map(|slot| &slot.entity)
            .collect();
        let joined = open.iter().filter(|slot| unmade.contains(&slot.entity));
        retry.iter().chain(joined).cloned().collect()
    }

    /// `ensure: present` spelled out, or not any more, is no transition, but decides how a failed
    /// entity is tried again.
    fn allow(
        &self,
        entity: &EntityRef,
        explicit: bool,
        renewed: &mut BTreeMap<Seq, ReleaseRecord>,
    ) {
        let newest = self
            .book
            .releases
            .values()
            .rev()
            .find(|release| release.entities.contains_key(entity));
        let Some(newest) = newest else { return };
        let release = renewed.get(&newest.seq).unwrap_or(newest);
        if release
            .entities
            .get(entity)
            .is_none_or(|e| e.explicit == explicit)
        {
            return;
        }
        let mut release = release.clone();
        if let Some(record) = release.entities.get_mut(entity) {
            record.explicit = explicit;
        }
        renewed.insert(release.seq, release);
    }

    /// A slot that was never written is observed anew: the lowest of its unwritten transitions takes
    /// what the store shows now, those above what the one below it would have left.
    fn renew(&self, slot: &Slot, renewed: &mut BTreeMap<Seq, ReleaseRecord>) {
        let (seen, _) = self.world.before(&slot.entity, &slot.field, true);
        if seen == Before::Unknown {
            return;
        }
        let Some(stack) = self.book.stacks.get(slot) else {
            return;
        };
        let first = stack.iter().rposition(|t| t.effective).map_or(0, |i| i + 1);
        let mut before = seen;
        for transition in &stack[first..] {
            let seq = transition.observed_at;
            let release = renewed
                .get(&seq)
                .or_else(|| self.book.releases.get(&seq))
                .cloned();
            let Some(mut release) = release else { continue };
            let Some(record) = release.slot_mut(slot) else {
                continue;
            };
            if record.status == Some(FieldStatus::NotWritten) && record.observed_before != before {
                let old = std::mem::replace(&mut record.observed_before, before.clone());
                if old != Before::Unknown {
                    record.also.push(old);
                }
            }
            if let Some(DesiredValue::Value(value)) = &transition.desired_after {
                before = Before::Value(value.clone());
            }
            renewed.insert(seq, release);
        }
    }
}

/// Whether releases, oldest first, together left the desired value of a slot as it was.
fn came_to_nothing(releases: &[&ReleaseRecord], slot: &Slot) -> bool {
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

fn conflict_line(policy: Policy) -> String {
    if policy.keep_conflicts {
        "edited in Magento since the release that is rolled back; left as it is (on_conflict: keep)"
            .to_owned()
    } else {
        "edited in Magento since the release that is rolled back; the edit is kept in this release's snapshot".to_owned()
    }
}

fn entity_record<'a>(
    record: &'a mut ReleaseRecord,
    entity: &EntityRef,
    draft: &Draft,
) -> &'a mut EntityRecord {
    record
        .entities
        .entry(entity.clone())
        .or_insert_with(|| EntityRecord {
            id: None,
            digest: None,
            explicit: draft
                .after
                .entities
                .get(entity)
                .is_some_and(|desired| desired.explicit),
            listed: BTreeSet::new(),
            slots: BTreeMap::new(),
            action: Action::Noop,
            status: ChangeStatus::Pending,
            error: None,
            permanent: false,
        })
}
