//! Writing the ledger: the commits of a step, gathered before any of them is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{README, RELEASE, SEQUENCE, STATE, State};
use crate::domain::{EntityKey, EntityRef, Kind, ReleaseStatus};
use crate::plan::{Book, Managed, ManagedEntity, ReleaseRecord, Seq, Standing};
use crate::ports::LedgerCommit;
use crate::reconcile::records::{self, Files, PassRecord, RecordError};

/// Commits to be made, gathered before any of them is.
pub(in crate::reconcile) struct Writer {
    environment: String,
    at: Timestamp,
    commits: Vec<LedgerCommit>,
    /// What goes into the last commit.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Writer {
    pub(in crate::reconcile) fn new(environment: String, at: Timestamp) -> Self {
        Self {
            environment,
            at,
            commits: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// One commit for one release, with its snapshot.
    pub(in crate::reconcile) fn release(
        &mut self,
        verb: &str,
        release: &ReleaseRecord,
        pass: &mut PassRecord,
    ) -> Result<(), RecordError> {
        let files = records::write_release(release)?;
        if let Some(path) = files.keys().find(|path| path.ends_with(RELEASE)) {
            pass.written
                .insert(path.clone(), Some(records::digest(&files)));
        }
        let files = some(files);
        let sequence = format!("{SEQUENCE}{}\n", release.seq.0);
        self.about(verb, release, &sequence, files);
        Ok(())
    }

    /// One commit that tells what became of a release. What it says stands in the files of the pass.
    pub(in crate::reconcile) fn outcome(&mut self, verb: &str, release: &ReleaseRecord) {
        self.about(verb, release, "", BTreeMap::new());
    }

    fn about(
        &mut self,
        verb: &str,
        release: &ReleaseRecord,
        sequence: &str,
        files: BTreeMap<String, Option<Vec<u8>>>,
    ) {
        let short = release.commit.short();
        let message = format!(
            "{verb} {short} {}\n\nRelease: {}\nEnvironment: {}\n{sequence}Status: {}\n",
            release.subject,
            release.id.as_ref().map_or_else(
                || format!("{} (again)", release.commit),
                ToString::to_string
            ),
            self.environment,
            release.outcome.status,
        );
        self.commits.push(LedgerCommit {
            files,
            message,
            at: self.at,
        });
    }

    /// A commit that only changes the state.
    pub(in crate::reconcile) fn note(&mut self, subject: &str, status: &str) {
        let message = format!(
            "{subject}\n\nRelease: none\nEnvironment: {}\nStatus: {status}\n",
            self.environment
        );
        self.commits.push(LedgerCommit {
            files: BTreeMap::new(),
            message,
            at: self.at,
        });
    }

    /// What a pass has come to so far.
    pub(in crate::reconcile) fn pass(&mut self, pass: &PassRecord) -> Result<(), RecordError> {
        self.files.extend(some(records::write_pass(pass)?));
        Ok(())
    }

    /// The entities and standings that differ between two books. What the files of the entities say is
    /// noted with the pass, so that every file can be explained.
    pub(in crate::reconcile) fn book(
        &mut self,
        before: &Book,
        after: &Book,
        pass: &mut PassRecord,
    ) -> Result<(), RecordError> {
        self.entities(&before.managed, &after.managed, pass)?;
        let (was, is) = (standings(before), standings(after));
        for (seq, standing) in &is {
            if was.get(seq) != Some(standing) {
                let (status, standing) = *standing;
                let bytes = records::write_standing(*seq, status, standing)?;
                self.files.insert(records::standing_path(*seq), Some(bytes));
            }
        }
        Ok(())
    }

    fn entities<'a>(
        &mut self,
        before: &'a Managed,
        after: &'a Managed,
        pass: &mut PassRecord,
    ) -> Result<(), RecordError> {
        let mut stale: BTreeSet<String> = BTreeSet::new();
        // All that stand in one file have one key.
        let mut keys: BTreeSet<(Kind, &EntityKey)> = BTreeSet::new();
        let mut changed = |root: &'a EntityRef| {
            stale.insert(records::entity_path(root));
            keys.insert((root.kind, &root.key));
        };
        for (root, entity) in before {
            let same = |other: &Arc<ManagedEntity>| Arc::ptr_eq(entity, other) || entity == other;
            if !after.get(root).is_some_and(same) {
                changed(root);
            }
        }
        for root in after.keys().filter(|root| !before.contains_key(*root)) {
            changed(root);
        }
        if stale.is_empty() {
            return Ok(());
        }
        let (was, is) = (by_path(before, &keys), by_path(after, &keys));
        for path in &stale {
            let written = |group: Option<&Group<'_>>| match group {
                Some(group) => records::write_entities(path, group),
                None => Ok(Files::new()),
            };
            let (old, new) = (written(was.get(path))?, written(is.get(path))?);
            let digest = (!new.is_empty()).then(|| records::digest(&new));
            pass.written.insert(path.clone(), digest);
            let gone = old.keys().filter(|path| !new.contains_key(*path));
            self.files.extend(gone.map(|path| (path.clone(), None)));
            let changed = new
                .into_iter()
                .filter(|(path, bytes)| old.get(path) != Some(bytes));
            self.files
                .extend(changed.map(|(path, bytes)| (path, Some(bytes))));
        }
        Ok(())
    }

    /// Puts all that has changed and the state into the last commit (a commit of its own where there
    /// is none), and the branch's README beside it.
    pub(in crate::reconcile) fn finish(
        mut self,
        state: &State,
        subject: &str,
    ) -> Result<Vec<LedgerCommit>, RecordError> {
        if self.commits.is_empty() {
            self.note(subject, "state");
        }
        let bytes = records::yaml(STATE, state)?;
        let files = Files::from([(STATE.to_owned(), bytes)]);
        let back: State = records::parse(STATE, &files)?;
        if back != *state {
            return Err(RecordError::new(
                STATE,
                "does not read back as it was written; nothing was recorded",
            ));
        }
        if let Some(last) = self.commits.last_mut() {
            last.files.append(&mut self.files);
            last.files.extend(some(files));
            last.files
                .insert("README.md".to_owned(), Some(README.as_bytes().to_vec()));
        }
        Ok(self.commits)
    }
}

/// The entities of one file.
type Group<'a> = BTreeMap<&'a EntityRef, &'a Arc<ManagedEntity>>;

fn by_path<'a>(
    managed: &'a Managed,
    keys: &BTreeSet<(Kind, &EntityKey)>,
) -> BTreeMap<String, Group<'a>> {
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    let theirs = managed
        .iter()
        .filter(|(root, _)| keys.contains(&(root.kind, &root.key)));
    for (root, entity) in theirs {
        let path = records::entity_path(root);
        groups.entry(path).or_default().insert(root, entity);
    }
    groups
}

fn standings(book: &Book) -> BTreeMap<Seq, (ReleaseStatus, Standing)> {
    let standings = book.standings();
    let statuses = book.statuses(&standings);
    let with_standing = statuses.into_iter().map(|(seq, status)| {
        let standing = standings.get(&seq).copied().unwrap_or_default();
        (seq, (status, standing))
    });
    with_standing.collect()
}

fn some(files: Files) -> BTreeMap<String, Option<Vec<u8>>> {
    files
        .into_iter()
        .map(|(path, bytes)| (path, Some(bytes)))
        .collect()
}
