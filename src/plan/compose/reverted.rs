//! The releases that a commit takes back, and the notes about that.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Composer, Draft};
use crate::domain::{Activity, EntityRef, Level, ReleaseKind};
use crate::plan::book::Book;
use crate::plan::inverse::{Inverse, inverse_of};
use crate::plan::layers::Seq;
use crate::plan::naming::{Candidate, Claim, Naming, name};
use crate::plan::release::ReleaseRecord;
use crate::plan::statements::Difference;

/// The releases that a commit takes back.
#[derive(Debug, Default)]
pub(super) struct Reverted {
    /// All of them.
    pub(super) all: BTreeSet<Seq>,
    /// Those that its own message names.
    pub(super) own: BTreeSet<Seq>,
    /// Those of which only commits that they brought in are named.
    pub(super) parts: BTreeSet<Seq>,
    /// Invalid ones: there is nothing of them to be taken back.
    pub(super) empty: BTreeSet<Seq>,
    /// The releases that its messages name.
    naming: Naming,
    /// True if no message says so, but the commit is exactly their inverse.
    wordless: bool,
    /// The releases that it seems to undo, although it is a removal.
    looks_like: Vec<Seq>,
}

impl Reverted {
    /// A commit that only deletes, without words, may look like the undoing of releases of which no
    /// statement is left then.
    pub(super) fn look_alike(&mut self, book: &Book, difference: &Difference) {
        if !self.all.is_empty() || !difference.new.is_empty() {
            return;
        }
        let stated = book
            .managed
            .values()
            .flat_map(|entity| &entity.authors.stated);
        let (mut gone, mut left) = (BTreeSet::new(), BTreeSet::new());
        for (statement, author) in stated {
            match difference.gone.contains(statement) {
                true => gone.insert(*author),
                false => left.insert(*author),
            };
        }
        self.looks_like = gone.difference(&left).copied().collect();
        self.looks_like.reverse();
    }
}

impl Composer<'_> {
    pub(super) fn reverted(&self, draft: &Draft, difference: &Difference) -> Reverted {
        let words = match &draft.cause {
            Cause::Adopt | Cause::Switched => return Reverted::default(),
            Cause::MovedBack(releases) => {
                let all: BTreeSet<Seq> = releases.iter().copied().collect();
                return Reverted {
                    own: all.clone(),
                    all,
                    ..Reverted::default()
                };
            }
            Cause::Commit(words) => words,
        };
        let candidates = self.candidates();
        let naming = name(
            &words.messages,
            &candidates,
            &|id| words.ids.get(id).cloned(),
            &|commit| words.changes.get(commit).cloned(),
            words
                .repository
                .as_ref()
                .map(|(name, certain)| (name.as_str(), *certain)),
            &draft.revision.paths,
        );
        let release = |seq: &Seq| self.book.releases.get(seq);
        let named = naming.named.iter().map(|named| named.release);
        // An invalid revert that the same commits take back again was never carried out.
        let counts =
            |seq: &Seq| !release(seq).is_some_and(|r| r.is_invalid() && r.revision.is_revert);
        let (empty, all): (BTreeSet<Seq>, BTreeSet<Seq>) = named
            .filter(counts)
            .partition(|seq| release(seq).is_some_and(|r| r.is_invalid()));
        let own = naming.named.iter().filter(|named| named.own);
        let own = own.map(|named| named.release).collect();
        let parts = naming
            .named
            .iter()
            .filter(|named| !named.commits.is_empty());
        let parts = parts.map(|named| named.release).collect();
        let mut reverted = Reverted {
            all,
            own,
            parts,
            empty,
            naming,
            wordless: false,
            looks_like: Vec::new(),
        };
        if reverted.naming.is_undecided() && !difference.alters_nothing() {
            match inverse_of(&candidates, &draft.revision.paths) {
                Inverse::Of(releases) => {
                    reverted.wordless = !reverted.naming.says_revert;
                    reverted.all = releases.into_iter().collect();
                }
                Inverse::OnlyDeletes(releases) if reverted.naming.says_revert => {
                    reverted.all = releases.into_iter().collect();
                }
                Inverse::OnlyDeletes(_) | Inverse::None => {}
            }
        }
        reverted
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let standings = self.book.standings();
        let taken_back = self.book.taken_back();
        let candidates = self.book.current().map(|release| {
            let standing = standings.get(&release.seq).copied().unwrap_or_default();
            let layers = standing.uppermost + standing.covered + standing.parked;
            Candidate {
                seq: release.seq,
                head: &release.revision,
                brings: &release.brings,
                invalid: release.is_invalid(),
                rolled_back: taken_back.contains(&release.seq)
                    && layers == 0
                    && standing.stated == 0,
                // The statements that it deploys beside taking others back can be taken back like any
                // other.
                is_rollback: release.kind == ReleaseKind::Rollback && standing.stated == 0,
                is_adoption: release.kind == ReleaseKind::Adopt,
            }
        });
        candidates.collect()
    }

    /// Says why a commit is a rollback although its message does not say so, or is none although it
    /// does, and what it names that does not exist.
    pub(super) fn explain(
        &mut self,
        draft: &Draft,
        record: &mut ReleaseRecord,
        reverted: &Reverted,
        is_release: bool,
    ) {
        let mut lines = Vec::new();
        if let Some(line) = self.why(draft, record, reverted) {
            lines.push(self.line(Level::Warning, line));
        }
        if let Some(hint) = self.hint(record, &reverted.looks_like) {
            lines.push(self.line(Level::Warning, hint));
        }
        let made_no_release = |claim: &Claim| matches!(claim, Claim::Id(_, Some(_)));
        let unknown = reverted.naming.unknown.iter();
        for unknown in unknown.filter(|unknown| !made_no_release(&unknown.claim)) {
            let line = format!(
                "the message of {} names {}, which is no release here: nothing is taken back for it; `gitmage releases` lists those there are",
                unknown.by.short(),
                unknown.claim
            );
            lines.push(self.line(Level::Warning, line));
        }
        if is_release {
            record.notes.extend(lines);
        } else {
            let commit = &record.commit;
            let notes = lines
                .into_iter()
                .map(|line: Activity| (commit.clone(), line.message));
            self.notes.extend(notes);
        }
    }

    fn why(&self, draft: &Draft, record: &ReleaseRecord, reverted: &Reverted) -> Option<String> {
        let undone = self.listed(record.reverts.iter());
        match &draft.cause {
            Cause::MovedBack(_) => Some(format!(
                "the branch {} was moved back to {}: rolls back {undone}",
                record.branch,
                record.commit.short()
            )),
            Cause::Commit(_) if reverted.wordless && record.kind == ReleaseKind::Rollback => {
                Some(format!(
                    "is exactly the inverse of {undone}, so what was observed before is put back; to deploy the files' values instead, change something else in the same commit"
                ))
            }
            Cause::Commit(_) if record.reverts.is_empty() && !reverted.all.is_empty() => {
                Some(format!(
                    "the message names {}, but what that says is in the files still, or is gone already: nothing is taken back",
                    self.listed(reverted.all.iter().rev())
                ))
            }
            Cause::Commit(_) | Cause::Adopt | Cause::Switched => None,
        }
    }

    fn listed<'s>(&self, releases: impl Iterator<Item = &'s Seq>) -> String {
        let releases = releases.filter_map(|seq| self.book.releases.get(seq));
        let listed = releases.map(|r| format!("{} ({})", r.commit.short(), r.subject));
        listed.collect::<Vec<_>>().join(", ")
    }

    fn hint(&self, record: &ReleaseRecord, releases: &[Seq]) -> Option<String> {
        let known = releases
            .iter()
            .filter_map(|seq| self.book.releases.get(seq));
        let known: Vec<_> = known.collect();
        let first = known.first()?;
        let commits: Vec<String> = known.iter().map(|r| r.commit.to_string()).collect();
        let changes = record.slots().any(|(_, field)| field.changes());
        let left = match (self.policy.restore_removed, changes) {
            (true, _) => "the values from before all releases are put back (on_remove: restore)",
            (false, true) => "what older files say comes to light",
            (false, false) => "the values stay in the store (on_remove: keep)",
        };
        Some(format!(
            "looks like the undoing of {} ({}), but only deletes: {left}; to roll back, push an empty commit with `Reverts: {}`, or use `gitmage rollback {}`",
            first.commit.short(),
            first.subject,
            commits.join(", "),
            commits.join(" ")
        ))
    }

    /// Says which fields no file names any more, and what becomes of them.
    pub(super) fn explain_removals(&self, draft: &Draft, record: &mut ReleaseRecord) {
        let mut removed: BTreeMap<EntityRef, Vec<String>> = BTreeMap::new();
        for (slot, field) in record.slots() {
            if !field.taken && draft.before.get(&slot).is_some() && draft.after.get(&slot).is_none()
            {
                let fields = removed.entry(slot.entity).or_default();
                fields.push(slot.field.to_string());
            }
        }
        let becomes = match self.policy.restore_removed {
            true => "what was there before all releases is put back (on_remove: restore)",
            false => "the store keeps what it shows (on_remove: keep)",
        };
        for (entity, fields) in removed {
            let message = format!("no longer managed: {}; {becomes}", fields.join(", "));
            record.notes.push(Activity {
                kind: Some(entity.kind),
                key: Some(entity.key),
                store: Some(entity.store),
                ..self.line(Level::Info, message)
            });
        }
    }

    /// Says which values win, or lose, because their file was moved alone.
    pub(super) fn explain_moves(&self, record: &mut ReleaseRecord, difference: &Difference) {
        let mut lines = Vec::new();
        for (was, is) in &difference.moved {
            let planned = record.entities.get(&was.slot.entity);
            let planned = planned.and_then(|planned| planned.fields.get(&was.slot.field));
            if planned.is_some_and(|planned| planned.changes()) {
                lines.push(self.slot_line(
                    &was.slot,
                    format!(
                        "{} was moved to {}, and the order of the paths decides which value counts",
                        was.path, is.path
                    ),
                ));
            }
        }
        record.notes.extend(lines);
    }
}
