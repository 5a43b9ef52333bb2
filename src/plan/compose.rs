//! From the commits of a pass to its releases: the slots that each one moves, with the values before and
//! after.
//!
//! Pure: the same book, commits and observation give the same releases. A pass is composed without an
//! observation first, to learn which entities it concerns: that follows from files and layers alone.

mod reverted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::book::Book;
use super::commit::{Altering, Moved, commit};
use super::entity::{Look, ManagedEntity, existence};
use super::layers::{Layer, Policy, Says, Seq, Shown, SlotState};
use super::naming::{ChangeId, Message, Revision};
use super::observed::Observed;
use super::release::{PlannedEntity, PlannedField, ReleaseRecord};
use super::statements::Difference;
use super::words::{Claims, claims};
use super::work::concerned;
use crate::domain::{
    Activity, CommitId, DesiredState, EntityRef, FieldId, Findings, Level, Observation, PhaseName,
    ReleaseKind, ReleaseStatus, Severity, Slot,
};

/// A commit, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// The words of a commit, and of those that it brings in, about reverting.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The messages that count: its own first.
    pub messages: Vec<Message>,
    /// The commits that ids and abbreviations in them name.
    pub ids: BTreeMap<String, CommitId>,
    /// The changes of these commits to the release files.
    pub changes: BTreeMap<CommitId, ChangeId>,
    /// `owner/name` of the repository, where that is known, and whether that is certain.
    pub repository: Option<(String, bool)>,
}

impl Words {
    /// True if no message says that anything is reverted.
    pub fn claims_nothing(&self) -> bool {
        let mut messages = self.messages.iter();
        messages.all(|message| claims(&message.text) == Claims::default())
    }
}

/// The reason for looking at a commit.
#[derive(Debug, Clone)]
pub enum Cause {
    /// A commit.
    Commit(Words),
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
    /// The commit, as it describes itself.
    pub headline: Headline,
    /// The reason for looking at it.
    pub cause: Cause,
    /// The desired state of the last valid commit before it.
    pub before: Arc<DesiredState>,
    /// Its desired state.
    pub after: Arc<DesiredState>,
    /// The names by which others can call it, and its changes to the release files since the last valid
    /// commit.
    pub revision: Revision,
    /// The commits that it brought in.
    pub brings: Vec<Revision>,
    /// Its findings, when they make it invalid.
    pub invalid: Option<Findings>,
}

/// A pass, composed.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The book with the new releases, not yet recorded.
    pub book: Book,
    /// The place of the pass in the history.
    pub pass: Seq,
    /// The new releases, oldest first.
    pub new: Vec<Seq>,
    /// Slots that were edited in Magento, with what they show.
    pub edits: BTreeMap<Slot, Shown>,
    /// The slots that the new releases move.
    pub moved: BTreeSet<Slot>,
    /// The notes about commits that make no release.
    pub notes: Vec<(CommitId, String)>,
}

impl Composed {
    /// The entities that the pass may write. `retry`: also those that only a person's `retry` helps.
    pub fn entities(&self, retry: bool) -> BTreeSet<EntityRef> {
        let mut entities = concerned(&self.book, &self.book.open_slots(retry));
        entities.extend(self.moved.iter().map(|slot| slot.entity.clone()));
        // An entity whose layers lie aside is not tried before they return.
        let aside = self.book.lying_aside();
        let failed = self.book.failed(retry);
        entities.extend(failed.filter(|entity| !aside.contains(*entity)).cloned());
        entities
    }
}

/// Composes a pass. `observation` may lack entities: what is not in it counts as unknown.
pub fn compose(
    book: &Book,
    drafts: &[Draft],
    observation: &Observation,
    policy: Policy,
    at: Timestamp,
) -> Composed {
    let mut book = book.clone();
    let pass = book.take_seq();
    let mut composer = Composer {
        book,
        look: Observed(observation),
        policy,
        at,
        new: Vec::new(),
        moved: BTreeSet::new(),
        shows: BTreeMap::new(),
        notes: Vec::new(),
    };
    let edits = look_at(&mut composer.book, &composer.look, pass, policy);
    for draft in drafts {
        composer.add(draft);
    }
    if let Some(newest) = drafts.iter().rev().find(|draft| draft.invalid.is_none()) {
        composer.note_explicit(&newest.after);
    }
    Composed {
        book: composer.book,
        pass,
        new: composer.new,
        edits,
        moved: composer.moved,
        notes: composer.notes,
    }
}

struct Composer<'a> {
    book: Book,
    look: Observed<'a>,
    policy: Policy,
    at: Timestamp,
    new: Vec<Seq>,
    moved: BTreeSet<Slot>,
    /// The values that slots show after the releases so far.
    shows: BTreeMap<Slot, Shown>,
    notes: Vec<(CommitId, String)>,
}

impl Composer<'_> {
    fn add(&mut self, draft: &Draft) {
        if let Some(findings) = &draft.invalid {
            let record = self.invalid(draft, findings);
            return self.push(record);
        }
        if let Cause::Adopt = draft.cause {
            return self.adopt(draft);
        }
        let difference = Difference::between(&draft.before, &draft.after);
        let mut reverted = self.reverted(draft, &difference);
        reverted.look_alike(&self.book, &difference);
        let mut record = self.record(draft, ReleaseKind::Deploy);
        // Of a commit that alters nothing, only its own message counts.
        let counts = match difference.alters_nothing() {
            true => &reverted.own,
            false => &reverted.all,
        };
        let moved = self.commit(draft, &difference, counts, &reverted.parts);
        let taken: BTreeSet<Seq> = moved
            .values()
            .flat_map(|moved| &moved.taken)
            .copied()
            .collect();
        let reverts: BTreeSet<Seq> = taken.union(&reverted.empty).copied().collect();
        record.reverts = reverts.into_iter().rev().collect();
        if !record.reverts.is_empty() {
            record.kind = ReleaseKind::Rollback;
        }
        // A statement that is only moved to another path may win there over another one.
        let is_release =
            !difference.alters_nothing() || !record.reverts.is_empty() || !moved.is_empty();
        let altered = difference.gone.iter().chain(&difference.new);
        let altered = altered.chain(difference.moved.iter().map(|(_, is)| is));
        let roots: BTreeSet<EntityRef> = altered.map(|s| s.slot.entity.root()).collect();
        let mut managed = roots.iter().filter_map(|root| self.book.managed.get(root));
        record.states = managed.any(|entity| entity.authors.stands_anywhere(record.seq));
        if is_release {
            self.plan_fields(&mut record, &moved);
        }
        self.explain(draft, &mut record, &reverted, is_release);
        self.explain_removals(draft, &mut record);
        self.explain_moves(&mut record, &difference);
        if is_release {
            self.push(record);
        }
    }

    /// Carries out the commit of the next release. Returns the slots that it moved.
    fn commit(
        &mut self,
        draft: &Draft,
        difference: &Difference,
        reverted: &BTreeSet<Seq>,
        parts: &BTreeSet<Seq>,
    ) -> BTreeMap<Slot, Moved> {
        let altering = Altering {
            release: self.book.next,
            before: &draft.before,
            after: &draft.after,
            difference,
            reverted,
            parts,
            policy: self.policy,
        };
        commit(&mut self.book.managed, &self.look, altering)
    }

    /// `ensure: present` spelled out, or not any more, alters no statement, but decides how a failed
    /// entity is tried again.
    fn note_explicit(&mut self, after: &DesiredState) {
        for entity in self.book.managed.values_mut() {
            if !entity.failures.is_empty() {
                Arc::make_mut(entity).note_explicit(after);
            }
        }
    }

    /// Notes the effect of the release on each field, for records and lists.
    fn plan_fields(&mut self, record: &mut ReleaseRecord, moved: &BTreeMap<Slot, Moved>) {
        for (slot, Moved { taken, conflict }) in moved {
            let Some(state) = self.book.slot(slot) else {
                continue;
            };
            let target = state.target();
            let field = PlannedField {
                before: self
                    .shows
                    .get(slot)
                    .cloned()
                    .unwrap_or_else(|| self.first(slot, state)),
                after: target.shown.clone(),
                put_back: target.exact || !taken.is_empty(),
                taken: !taken.is_empty(),
                conflict: *conflict,
            };
            if field.conflict {
                let line = conflict_line(self.policy);
                record.notes.push(self.slot_line(slot, line.to_owned()));
            }
            if let Some(note) = note(slot, &field) {
                record.notes.push(self.slot_line(slot, note));
            }
            let planned: &mut PlannedEntity =
                record.entities.entry(slot.entity.clone()).or_default();
            planned.fields.insert(slot.field.clone(), field);
        }
        let roots: BTreeSet<EntityRef> = moved.keys().map(|slot| slot.entity.root()).collect();
        for root in roots {
            let slots = self
                .book
                .managed
                .get(&root)
                .into_iter()
                .flat_map(|e| &e.slots);
            let shows = slots.map(|(slot, state)| (slot.clone(), state.target().shown.clone()));
            self.shows.extend(shows.collect::<Vec<_>>());
        }
        self.moved.extend(moved.keys().cloned());
    }

    /// Returns the value that a slot shows before the first release of the pass that moves it.
    fn first(&self, slot: &Slot, state: &SlotState) -> Shown {
        match (self.look.shown(slot), state.held.last()) {
            // Where a slot was not read, the value that is held stands for it.
            (Shown::Unknown, Some(held)) => held.value.clone(),
            (seen, _) => seen,
        }
    }

    /// Lays layers that demand what the files say and show what was observed; nothing is written.
    fn adopt(&mut self, draft: &Draft) {
        let difference = Difference::between(&draft.before, &draft.after);
        if difference.alters_nothing() {
            return;
        }
        let mut record = self.record(draft, ReleaseKind::Adopt);
        record.states = true;
        let nothing = BTreeSet::new();
        let moved = self.commit(draft, &difference, &nothing, &nothing);
        let roots: BTreeSet<EntityRef> = moved.keys().map(|slot| slot.entity.root()).collect();
        for root in roots {
            let Some(managed) = self.book.managed.get_mut(&root) else {
                continue;
            };
            // The fields on which a deletion lies are taken over as they are, too.
            for (slot, state) in &mut Arc::make_mut(managed).slots {
                let seen = self.look.shown(slot);
                let own = |layer: &&mut Layer| layer.release() == Some(record.seq);
                if let Some(top) = state.layers.last_mut().filter(own) {
                    top.says = Says::Seen(seen.clone());
                    state.settle(&seen, true, &Shown::eq);
                }
            }
        }
        self.plan_fields(&mut record, &moved);
        self.push(record);
    }

    fn invalid(&mut self, draft: &Draft, findings: &Findings) -> ReleaseRecord {
        let mut record = self.record(draft, ReleaseKind::Deploy);
        record.outcome.status = ReleaseStatus::Invalid;
        record.outcome.finished_at = Some(self.at);
        let critical = findings.0.iter();
        let critical = critical
            .filter(|f| f.severity == Severity::Critical)
            .count();
        record.outcome.message = Some(match critical {
            1 => "1 critical finding; the commit was left out".to_owned(),
            n => format!("{n} critical findings; the commit was left out"),
        });
        for finding in &findings.0 {
            let level = match finding.severity {
                Severity::Critical => Level::Error,
                Severity::Warning => Level::Warning,
                Severity::Info => Level::Info,
            };
            record.notes.push(self.line(level, finding.to_string()));
        }
        record
    }

    /// A release at the next place, which only [`Self::push`] takes.
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
            seq: self.book.next,
            id: first.then(|| commit.clone().into()),
            kind,
            states: false,
            reverts: Vec::new(),
            commit,
            first_parent,
            branch,
            subject,
            author,
            revision: draft.revision.clone(),
            brings: draft.brings.clone(),
            started_at: self.at,
            entities: BTreeMap::new(),
            notes: Vec::new(),
            outcome: super::release::Outcome::default(),
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

    fn slot_line(&self, slot: &Slot, message: String) -> Activity {
        Activity {
            kind: Some(slot.entity.kind),
            key: Some(slot.entity.key.clone()),
            store: Some(slot.entity.store.clone()),
            phase: PhaseName::Observe,
            ..self.line(Level::Warning, format!("{}: {message}", slot.field))
        }
    }

    fn push(&mut self, record: ReleaseRecord) {
        let seq = self.book.take_seq();
        self.new.push(seq);
        self.book.releases.insert(seq, Arc::new(record));
    }
}

/// Looks at all slots that were observed. Returns those that were edited, with what they show.
pub fn look_at(
    book: &mut Book,
    look: &Observed<'_>,
    pass: Seq,
    policy: Policy,
) -> BTreeMap<Slot, Shown> {
    let mut edits = BTreeMap::new();
    let observed: BTreeSet<EntityRef> = look.0.keys().map(EntityRef::root).collect();
    let parents = observed.iter().flat_map(EntityRef::parents);
    let deleted: BTreeSet<EntityRef> = parents.filter(|parent| is_deleted(book, parent)).collect();
    for root in &observed {
        let Some(entity) = book.managed.get_mut(root) else {
            continue;
        };
        let seen = |slot: &Slot| look.shown(slot) != Shown::Unknown;
        // An entity that went with another one that a release deleted comes back with that.
        let went = look.shown(&existence(root)) == Shown::Gone
            && root.parents().iter().any(|parent| deleted.contains(parent));
        if went || !entity.slots.keys().any(seen) {
            continue;
        }
        let mut looked: ManagedEntity = entity.as_ref().clone();
        for slot in looked.look(root, look, pass, policy) {
            let seen = look.shown(&slot);
            edits.insert(slot, seen);
        }
        if looked != **entity {
            *entity = Arc::new(looked);
        }
    }
    edits
}

/// True if a layer deletes the entity.
fn is_deleted(book: &Book, entity: &EntityRef) -> bool {
    let being = book.slot(&existence(entity));
    being.is_some_and(|being| !being.layers.is_empty() && *being.target().shown == Shown::Gone)
}

/// Returns the note of the kind's table about a field whose value is changed, if there is one.
fn note(slot: &Slot, field: &PlannedField) -> Option<String> {
    let FieldId::Named(name) = &slot.field else {
        return None;
    };
    let note = slot.entity.kind.field(name.as_str())?.note?;
    let before = field.before.value()?;
    let changes = !before.is_null() && field.after.value().is_some_and(|after| after != before);
    changes.then(|| note.to_owned())
}

fn conflict_line(policy: Policy) -> &'static str {
    if policy.keep_conflicts {
        "edited in Magento since the release that is rolled back; left as it is (on_conflict: keep)"
    } else {
        "edited in Magento since the release that is rolled back; the edit is kept in this release's snapshot"
    }
}
