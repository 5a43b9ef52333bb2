//! The ledger of one environment: `state.yaml`, the managed entities, the releases and passes, and the
//! commits that change them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit;
use super::pool::Pool;
use super::records::{self, Files, PassRecord, RecordError};
use crate::domain::{CommitId, EntityKey, EntityRef, Kind, ReleaseId, StoreViews};
use crate::plan::{Book, Managed, ManagedEntity, ReleaseRecord, Rest, Seq};
use crate::ports::{BulkId, Ledger, LedgerCommit, LedgerError};

/// The version of the ledger's format.
pub(super) const FORMAT: u32 = 2;

const STATE: &str = "state.yaml";
const README: &str = include_str!("ledger-readme.md");

/// `state.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Version of the format.
    pub format: u32,
    /// The environment.
    pub environment: String,
    /// The watched branch.
    pub branch: String,
    /// The store that the values belong to.
    pub store: StoreIdentity,
    /// The first release that counts for rollbacks; older ones are history only.
    pub epoch: Seq,
    /// The place of the next release or pass.
    pub next: Seq,
    /// The newest commit handled.
    pub head: Option<CommitId>,
    /// The newest valid commit handled: the one whose desired state is in effect.
    pub live: Option<CommitId>,
    /// Who may write to the store.
    pub lease: Option<LeaseFile>,
    /// The pass in hand.
    pub pass: Option<PassFile>,
    /// How the environment stands, so that it can be told without reading all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// A store, as the ledger names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreIdentity {
    /// Its URL.
    pub url: String,
    /// Its views.
    pub views: StoreViews,
}

/// Who may write to the store, and for how long after the taker first saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFile {
    /// The holder's id.
    pub holder: String,
    /// How long it is valid after somebody first saw this commit. In milliseconds.
    pub valid_ms: u64,
}

/// The pass in hand: enough to resume it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassFile {
    /// Its place in the history.
    pub sequence: Seq,
    /// The head when it is done.
    pub head: CommitId,
    /// The newest valid commit when it is done.
    pub live: Option<CommitId>,
    /// The releases it makes.
    pub releases: Vec<Seq>,
    /// The entities that it may write.
    pub entities: Vec<EntityRef>,
    /// When it began.
    pub started_at: Timestamp,
    /// True if writes of this pass or of earlier ones, whose answers were lost, might still arrive at
    /// its entities when it was recorded or given back.
    pub in_doubt: bool,
    /// Lists of its writes that the store took into its queue, oldest first. While operations of them
    /// are open there, nothing else is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bulks: Vec<BulkId>,
}

/// The ledger as read at one commit.
#[derive(Debug, Clone)]
pub struct LedgerSnapshot {
    /// That commit; `None` while the branch does not exist.
    pub tip: Option<CommitId>,
    /// `state.yaml`.
    pub state: Option<State>,
    /// The releases.
    pub book: Arc<Book>,
}

/// Why the ledger's content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The branch could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file on it is damaged.
    #[error(
        "the rollback branch {branch} at {commit} cannot be read: {why}; put it back to the newest commit that gitmage made there, or set a new `rollback_branch`"
    )]
    Damaged {
        /// The branch.
        branch: String,
        /// The commit.
        commit: CommitId,
        /// The file and what is wrong with it.
        why: String,
    },
    /// Written by a version that knew the rollback rule in another form.
    #[error(
        "the rollback branch {branch} has format {found}, which this version cannot read (it knows {FORMAT}): go on with the version that wrote it, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`"
    )]
    Older {
        /// The branch.
        branch: String,
        /// The format found.
        found: u32,
    },
    /// Written by a newer version.
    #[error(
        "the rollback branch {branch} has format {found}, this version knows {FORMAT}; install a newer gitmage"
    )]
    Newer {
        /// The branch.
        branch: String,
        /// The format found.
        found: u32,
    },
}

/// What is read first: it tells whether the rest can be.
#[derive(Debug, Deserialize)]
struct Format {
    format: u32,
}

/// Reads `state.yaml` alone, at the ledger's tip: what it says costs nothing to ask for.
///
/// # Errors
/// See [`LoadError`].
pub fn load_state<L: Ledger>(ledger: &L, branch: &str) -> Result<Option<State>, LoadError> {
    match ledger.tip()? {
        Some(tip) => state_at(ledger, branch, &tip).map(Some),
        None => Ok(None),
    }
}

/// True of the message of a commit that gitmage made on the rollback branch of this environment.
pub fn is_own(message: &str, environment: &str) -> bool {
    let trailer = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
    trailer("Environment: ") == Some(environment) && trailer("Status: ").is_some()
}

fn damaged(branch: &str, tip: &CommitId, error: &RecordError) -> LoadError {
    LoadError::Damaged {
        branch: branch.to_owned(),
        commit: tip.clone(),
        why: error.to_string(),
    }
}

fn state_at<L: Ledger>(ledger: &L, branch: &str, tip: &CommitId) -> Result<State, LoadError> {
    let damaged = |e: RecordError| damaged(branch, tip, &e);
    let state = ledger.files(tip, STATE)?;
    let Format { format } = records::parse(STATE, &state).map_err(damaged)?;
    let branch_of = || branch.to_owned();
    if format > FORMAT {
        return Err(LoadError::Newer {
            branch: branch_of(),
            found: format,
        });
    }
    if format < FORMAT {
        return Err(LoadError::Older {
            branch: branch_of(),
            found: format,
        });
    }
    records::parse(STATE, &state).map_err(damaged)
}

/// Reads the ledger at its tip.
///
/// # Errors
/// See [`LoadError`].
pub fn load<L: Ledger>(ledger: &L, branch: &str) -> Result<LedgerSnapshot, LoadError> {
    let Some(tip) = ledger.tip()? else {
        return Ok(LedgerSnapshot {
            tip: None,
            state: None,
            book: Arc::new(Book::new(Seq(1))),
        });
    };
    let damaged = |e: RecordError| damaged(branch, &tip, &e);
    let state = state_at(ledger, branch, &tip)?;
    let mut pool = Pool::default();
    let mut book = Book::new(state.epoch);
    book.next = state.next;
    let files = ledger.files(&tip, "entities/")?;
    for path in files.keys().filter(|path| path.ends_with(".yaml")) {
        let entities = records::read_entities(path, &files, &mut pool).map_err(damaged)?;
        book.managed.extend(entities);
    }
    let entities = files;
    let files = ledger.files(&tip, "passes/")?;
    let (mut outcomes, mut renamed) = (Vec::new(), Vec::new());
    let mut written = BTreeMap::new();
    for path in files.keys().filter(|path| path.ends_with(".yaml")) {
        let pass = records::read_pass(path, &files, &mut pool).map_err(damaged)?;
        outcomes.push(pass.outcomes);
        renamed.push(pass.renamed);
        written.extend(pass.written);
    }
    let mut releases = releases(ledger, &tip, &written, &mut pool, &damaged)?;
    written.retain(|path, _| path.starts_with("entities/"));
    if let Some(flaw) = audit::unexplained(&entities, &written) {
        return Err(damaged(RecordError::new(&flaw.path, flaw.what)));
    }
    drop((entities, files, pool));
    for (seq, outcome) in outcomes.into_iter().flatten() {
        if let Some(release) = releases.get_mut(&seq) {
            release.outcome.add(outcome);
        }
    }
    name_snapshots(ledger, &tip, &mut releases)?;
    for (seq, new) in renamed.into_iter().flatten() {
        if let Some(release) = releases.get_mut(&seq) {
            release.rename(new);
        }
    }
    let releases = releases.into_iter();
    book.releases = releases
        .map(|(seq, release)| (seq, Arc::new(release)))
        .collect();
    Ok(LedgerSnapshot {
        tip: Some(tip),
        state: Some(state),
        book: Arc::new(book),
    })
}

fn releases<L: Ledger>(
    ledger: &L,
    tip: &CommitId,
    written: &BTreeMap<String, Option<String>>,
    pool: &mut Pool,
    damaged: &impl Fn(RecordError) -> LoadError,
) -> Result<BTreeMap<Seq, ReleaseRecord>, LoadError> {
    let mut folders: BTreeMap<Seq, &str> = BTreeMap::new();
    let paths = ledger.named(tip, RELEASE)?;
    for path in &paths {
        let Some(folder) = path.strip_suffix(RELEASE).and_then(|p| p.strip_suffix('/')) else {
            continue;
        };
        let number = folder
            .rsplit('/')
            .next()
            .and_then(|name| name.split('-').next()?.parse().ok());
        if let Some(number) = number {
            folders.insert(Seq(number), folder);
        }
    }
    let mut releases = BTreeMap::new();
    // Some at a time: all files together are many times what is kept of them.
    let (mut read, mut files) = ("", Files::new());
    for (seq, folder) in folders {
        let some = folder.rsplit_once('-').map_or(folder, |(number, _)| {
            number.strip_suffix(|_: char| true).unwrap_or(number)
        });
        if some != read {
            (read, files) = (some, ledger.files(tip, some)?);
        }
        if let Some(flaw) = audit::unexplained_release(folder, &files, written) {
            return Err(damaged(RecordError::new(&flaw.path, flaw.what)));
        }
        let release = records::read_release(folder, &files, pool).map_err(damaged)?;
        releases.insert(seq, release);
    }
    Ok(releases)
}

/// A release whose snapshot commit is its own id's source cannot name it; until its outcome does, the
/// branch's history tells.
fn name_snapshots<L: Ledger>(
    ledger: &L,
    tip: &CommitId,
    releases: &mut BTreeMap<Seq, ReleaseRecord>,
) -> Result<(), LedgerError> {
    let mut open = BTreeSet::new();
    for (seq, release) in releases.iter_mut() {
        match release.outcome.snapshot.clone() {
            Some(snapshot) => name(release, &snapshot),
            None => drop(open.insert(*seq)),
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    for entry in ledger.history(tip, None)? {
        if open.is_empty() {
            break;
        }
        let Some(seq) = sequence_of(&entry.message) else {
            continue;
        };
        if open.remove(&seq)
            && let Some(release) = releases.get_mut(&seq)
        {
            name(release, &entry.id);
        }
    }
    Ok(())
}

/// Sets what only the snapshot commit can tell.
pub(super) fn name(release: &mut ReleaseRecord, snapshot: &CommitId) {
    let known = &mut release.outcome.snapshot;
    known.get_or_insert_with(|| snapshot.clone());
    let id = &mut release.id;
    id.get_or_insert_with(|| ReleaseId::from(snapshot.clone()));
}

/// What a release says of itself.
pub(super) const RELEASE: &str = "release.yaml";

/// A trailer of the commit that records a release first.
const SEQUENCE: &str = "Sequence: ";

fn sequence_of(message: &str) -> Option<Seq> {
    let line = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(SEQUENCE))?;
    line.trim().parse().ok().map(Seq)
}

/// Commits to be made, gathered before any of them is.
pub(super) struct Writer {
    environment: String,
    at: Timestamp,
    commits: Vec<LedgerCommit>,
    /// What goes into the last commit.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Writer {
    pub(super) fn new(environment: String, at: Timestamp) -> Self {
        Self {
            environment,
            at,
            commits: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// One commit for one release, with its snapshot.
    pub(super) fn release(
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
    pub(super) fn outcome(&mut self, verb: &str, release: &ReleaseRecord) {
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
    pub(super) fn note(&mut self, subject: &str, status: &str) {
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
    pub(super) fn pass(&mut self, pass: &PassRecord) -> Result<(), RecordError> {
        self.files.extend(some(records::write_pass(pass)?));
        Ok(())
    }

    /// The entities and standings that differ between two books. What the files of the entities say is
    /// noted with the pass, so that every file can be explained.
    pub(super) fn book(
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
    pub(super) fn finish(
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

fn standings(book: &Book) -> BTreeMap<Seq, (crate::domain::ReleaseStatus, crate::plan::Standing)> {
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
