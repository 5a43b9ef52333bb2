//! From the commits of a pass to its releases: which slots move, by which rule, from what to what.
//!
//! Pure: the same book, commits and observation give the same releases. A pass is composed twice,
//! first without an observation to learn which entities it concerns, then with one.

mod retry;
mod reverted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::book::{Book, EntityRecord, PathChange, ReleaseRecord, SlotRecord, Slots};
use super::decide::may_be;
use super::stack::{self, Before, Seq, Target};
use super::world::{World, put_back_into};
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, DesiredState, DesiredValue, Ensure, EntityRef,
    FieldId, FieldName, Findings, Level, Marker, Observation, PhaseName, ReleaseKind,
    ReleaseStatus, Slot, Value, marker_of,
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
        self.book.slots_of(&self.new, self.retried.iter().cloned())
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
        dissolved: BTreeSet::new(),
    };
    for draft in drafts {
        composer.add(draft);
    }
    let wanted = drafts.iter().rev().find(|draft| draft.invalid.is_none());
    composer.finish(retry, wanted.map(|draft| draft.after.as_ref()))
}

struct Composer<'a> {
    book: Book,
    world: World<'a>,
    policy: Policy,
    at: Timestamp,
    new: Vec<Seq>,
    /// Entities whose stacks were rebased while a release was composed, before all of it was known.
    dissolved: BTreeSet<EntityRef>,
}

impl Composer<'_> {
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
                if let Some(note) = note(&slot, &slot_record) {
                    record.activity.push(self.entity_line(&slot, note));
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
        let (before, after) = self.desired(draft, slot);
        let (mut observed, mut derived) = self.world.before(&slot.entity, &slot.field, false);
        if let (Some(DesiredValue::Value(kept)), Before::Value(value)) = (&before, &mut observed) {
            value.share(kept);
        }
        let mut also = Vec::new();
        if let (Some((whole, dissolved)), FieldId::Named(name)) = (remade, &slot.field)
            && (dissolved || observed == Before::Missing)
        {
            // A field that shows through an entity made again goes back to the entity's own value.
            let own = whole.get(name).cloned().unwrap_or(Value::Null);
            let own = Before::Value(own.into());
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
        let stack = self.book.stacks.get(slot).cloned();
        let mut stack = stack.map_or_else(stack::Stack::new, Arc::unwrap_or_clone);
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

    /// The desired value before a draft and after it, the first as it is kept already.
    fn desired(&self, draft: &Draft, slot: &Slot) -> (Option<DesiredValue>, Option<DesiredValue>) {
        let mut before = draft.before.get(slot);
        let top = self.book.stacks.get(slot).and_then(|stack| stack.last());
        if let Some(DesiredValue::Value(kept)) = top.and_then(|top| top.desired_after.as_ref())
            && let Some(DesiredValue::Value(value)) = &mut before
        {
            value.share(kept);
        }
        (before, draft.after.get(slot))
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
        let mut after = stack::Stack::clone(&known);
        super::book::apply(&mut after, seq, record, false);
        let deleted = stack::deleted_at(&known, &after);
        if let Some(deleted) = deleted {
            self.book.rebase(&slot.entity, deleted, whole);
            self.dissolved.insert(slot.entity.clone());
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
        for (slot, standing) in self.book.standings_of(entity) {
            let FieldId::Named(name) = &slot.field else {
                continue;
            };
            let derived = self.world.before(entity, &slot.field, false).1;
            match standing.debt().filter(|_| !derived) {
                Some(Before::Value(value)) if value.is_null() => {
                    fields.remove(name);
                }
                Some(Before::Value(value)) => {
                    fields.insert(name.clone(), value.to_value());
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
            Before::Value(seen) if may_be(&slot.entity, name, left, seen) => false,
            // A view's own value that is equal to the one under `all` shows as inherited.
            Before::Value(seen) if marker_of(seen) == Some(Marker::Default) => {
                let inherited = self.world.inherited(&slot.entity, name);
                !inherited.is_some_and(|value| may_be(&slot.entity, name, left, value))
            }
            Before::Value(_) => true,
            Before::Missing | Before::Entity(_) | Before::Unknown => false,
        }
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
}

/// What is to be known of a field whose value is changed, where its kind's table says so.
fn note(slot: &Slot, record: &SlotRecord) -> Option<String> {
    let FieldId::Named(name) = &slot.field else {
        return None;
    };
    let note = slot.entity.kind.field(name.as_str())?.note?;
    let (Target::Desired(Some(DesiredValue::Value(value))) | Target::PutBack(Before::Value(value))) =
        &record.target
    else {
        return None;
    };
    match &record.observed_before {
        Before::Value(seen) if !seen.is_null() && seen != value => Some(note.to_owned()),
        Before::Value(_) | Before::Missing | Before::Entity(_) | Before::Unknown => None,
    }
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
            slots: Slots::default(),
            action: Action::Noop,
            status: ChangeStatus::Pending,
            error: None,
            permanent: false,
        })
}
