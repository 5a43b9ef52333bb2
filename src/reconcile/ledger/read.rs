//! Reading the ledger: all of it, `state.yaml` alone, or some of its releases.
//!
//! # Guarantees
//! Whatever is read of releases and entities was checked against what the passes have written. What is not
//! read is not checked: `gitmage ledger verify`, and every pass, read all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::{FORMAT, LedgerSnapshot, LoadError, RELEASE, SEQUENCE, STATE, State, name};
use crate::domain::{CommitId, Release};
use crate::plan::{Book, NewCommit, Outcome, ReleaseRecord, Seq, Standing, Standings};
use crate::ports::{Ledger, LedgerError};
use crate::reconcile::audit;
use crate::reconcile::pool::Pool;
use crate::reconcile::records::{self, Files, RecordError};

/// What is read first: it tells whether the rest can be.
#[derive(Debug, Deserialize)]
struct Format {
    format: u32,
}

/// The releases that a list is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    /// So many of the newest ones; `None` for all.
    pub limit: Option<usize>,
    /// Those taken up at this time or later; `None` for all.
    pub since: Option<Timestamp>,
}

/// The releases of a ledger, without what is managed: enough to list and show them, at the cost of those
/// that were asked for.
#[derive(Debug)]
pub struct ReleaseList {
    /// `state.yaml`.
    pub state: Option<State>,
    /// The releases asked for, and those that they take back.
    book: Book,
    shown: BTreeSet<Seq>,
    older: usize,
}

impl ReleaseList {
    /// The book, of which only the releases can be asked.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// How many releases there are beside those asked for.
    pub fn older(&self) -> usize {
        self.older
    }

    /// The releases asked for, newest first.
    pub fn views(&self) -> Vec<Release> {
        let shown = self.shown.iter().rev();
        let records = shown.filter_map(|seq| self.book.releases.get(seq));
        self.book.views_of(records.map(AsRef::as_ref))
    }
}

/// Reads `state.yaml` alone, at the ledger's tip: what it says costs nothing to ask for.
///
/// # Errors
/// See [`LoadError`].
pub fn load_state<L: Ledger>(ledger: &L, branch: &str) -> Result<Option<State>, LoadError> {
    match ledger.tip()? {
        Some(tip) => Reading::at(ledger, branch, tip).state().map(Some),
        None => Ok(None),
    }
}

/// Reads releases at the ledger's tip, and no entity.
///
/// # Errors
/// See [`LoadError`].
pub fn load_releases<L: Ledger>(
    ledger: &L,
    branch: &str,
    recent: Recent,
) -> Result<ReleaseList, LoadError> {
    let Some(tip) = ledger.tip()? else {
        return Ok(ReleaseList {
            state: None,
            book: Book::new(Seq(1)),
            shown: BTreeSet::new(),
            older: 0,
        });
    };
    let mut reading = Reading::at(ledger, branch, tip);
    let state = reading.state()?;
    let mut book = Book::new(state.epoch);
    book.next = state.next;
    let folders = reading.folders()?;
    let (releases, shown) = reading.recent(recent, &folders)?;
    let standings = reading.standings(releases.keys(), recent == Recent::default())?;
    reading.finish(&mut book, releases)?;
    Ok(ReleaseList {
        state: Some(state),
        book: book.with_standings(standings),
        older: folders.len() - shown.len(),
        shown,
    })
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
    let mut reading = Reading::at(ledger, branch, tip.clone());
    let state = reading.state()?;
    let mut book = Book::new(state.epoch);
    book.next = state.next;
    let entities = reading.entities(&mut book)?;
    reading.passes(Seq(0))?;
    let folders = reading.folders()?;
    let releases = reading.all_of(&folders)?;
    let written = &mut reading.written;
    written.retain(|path, _| path.starts_with("entities/"));
    if let Some(flaw) = audit::unexplained(&entities, written) {
        return Err(reading.damaged(&RecordError::new(&flaw.path, flaw.what)));
    }
    drop(entities);
    reading.finish(&mut book, releases)?;
    Ok(LedgerSnapshot {
        tip: Some(tip),
        state: Some(state),
        book: Arc::new(book),
    })
}

type Releases = BTreeMap<Seq, ReleaseRecord>;

/// A ledger as it is being read.
struct Reading<'a, L> {
    ledger: &'a L,
    branch: &'a str,
    tip: CommitId,
    pool: Pool,
    /// What the passes read so far made of releases, in order.
    outcomes: Vec<BTreeMap<Seq, Outcome>>,
    renamed: Vec<BTreeMap<Seq, NewCommit>>,
    /// What they have written.
    written: BTreeMap<String, Option<String>>,
}

impl<'a, L: Ledger> Reading<'a, L> {
    fn at(ledger: &'a L, branch: &'a str, tip: CommitId) -> Self {
        Self {
            ledger,
            branch,
            tip,
            pool: Pool::default(),
            outcomes: Vec::new(),
            renamed: Vec::new(),
            written: BTreeMap::new(),
        }
    }

    fn damaged(&self, error: &RecordError) -> LoadError {
        LoadError::Damaged {
            branch: self.branch.to_owned(),
            commit: self.tip.clone(),
            why: error.to_string(),
        }
    }

    fn files(&self, prefix: &str) -> Result<Files, LedgerError> {
        self.ledger.files(&self.tip, prefix)
    }

    fn state(&self) -> Result<State, LoadError> {
        let state = self.files(STATE)?;
        let Format { format } = records::parse(STATE, &state).map_err(|e| self.damaged(&e))?;
        let branch = || self.branch.to_owned();
        if format > FORMAT {
            return Err(LoadError::Newer {
                branch: branch(),
                found: format,
            });
        }
        if format < FORMAT {
            return Err(LoadError::Older {
                branch: branch(),
                found: format,
            });
        }
        records::parse(STATE, &state).map_err(|e| self.damaged(&e))
    }

    /// Reads all entities; returns their files.
    fn entities(&mut self, book: &mut Book) -> Result<Files, LoadError> {
        let files = self.files("entities/")?;
        for path in files.keys().filter(|path| path.ends_with(".yaml")) {
            let entities = records::read_entities(path, &files, &mut self.pool);
            book.managed.extend(entities.map_err(|e| self.damaged(&e))?);
        }
        Ok(files)
    }

    /// Reads the passes from this place on.
    fn passes(&mut self, from: Seq) -> Result<(), LoadError> {
        let files = match from {
            Seq(0) => self.files("passes/")?,
            _ => {
                let mut some = Files::new();
                for path in self.ledger.paths(&self.tip, "passes/")? {
                    let is_later = sequence_in(&path, "passes/").is_some_and(|seq| seq >= from);
                    if is_later && path.ends_with(".yaml") {
                        some.append(&mut self.files(path.trim_end_matches(".yaml"))?);
                    }
                }
                some
            }
        };
        for path in files.keys().filter(|path| path.ends_with(".yaml")) {
            let pass = records::read_pass(path, &files, &mut self.pool);
            let pass = pass.map_err(|e| self.damaged(&e))?;
            self.outcomes.push(pass.outcomes);
            self.renamed.push(pass.renamed);
            self.written.extend(pass.written);
        }
        Ok(())
    }

    /// The folder of every release.
    fn folders(&self) -> Result<BTreeMap<Seq, String>, LoadError> {
        let paths = self.ledger.paths(&self.tip, "releases/")?;
        let folders = paths.iter().filter_map(|path| {
            let folder = path.strip_suffix(RELEASE)?.strip_suffix('/')?;
            let (_, name) = folder.rsplit_once('/')?;
            let number = name.split('-').next()?.parse().ok()?;
            Some((Seq(number), folder.to_owned()))
        });
        Ok(folders.collect())
    }

    /// Reads every release. The passes must have been read.
    fn all_of(&mut self, folders: &BTreeMap<Seq, String>) -> Result<Releases, LoadError> {
        let mut releases = Releases::new();
        // Some at a time: all files together are many times what is kept of them.
        let (mut read, mut files) = ("", Files::new());
        for (seq, folder) in folders {
            let some = folder
                .rsplit_once('-')
                .map_or(folder.as_str(), |(number, _)| {
                    number.strip_suffix(|_: char| true).unwrap_or(number)
                });
            if some != read {
                (read, files) = (some, self.files(some)?);
            }
            let release = self.release(folder, &files)?;
            self.check(folder, &files)?;
            releases.insert(*seq, release);
        }
        Ok(releases)
    }

    fn release(&mut self, folder: &str, files: &Files) -> Result<ReleaseRecord, LoadError> {
        records::read_release(folder, files, &mut self.pool).map_err(|e| self.damaged(&e))
    }

    /// A release must say what a pass has written.
    fn check(&self, folder: &str, files: &Files) -> Result<(), LoadError> {
        match audit::unexplained_release(folder, files, &self.written) {
            Some(flaw) => Err(self.damaged(&RecordError::new(&flaw.path, flaw.what))),
            None => Ok(()),
        }
    }

    /// Reads the newest releases, those that they take back, and all passes that may say something of
    /// one of them. Tells which were asked for.
    fn recent(
        &mut self,
        recent: Recent,
        folders: &BTreeMap<Seq, String>,
    ) -> Result<(Releases, BTreeSet<Seq>), LoadError> {
        if recent == Recent::default() {
            self.passes(Seq(0))?;
            let releases = self.all_of(folders)?;
            let shown = releases.keys().copied().collect();
            return Ok((releases, shown));
        }
        let (mut releases, mut shown) = (Releases::new(), BTreeSet::new());
        let mut read = Vec::new();
        let limit = recent.limit.unwrap_or(usize::MAX);
        for (seq, folder) in folders.iter().rev() {
            if shown.len() == limit {
                break;
            }
            let files = self.files(&format!("{folder}/"))?;
            let release = self.release(folder, &files)?;
            // The clocks of several daemons need not agree: an earlier one may have come later.
            if recent.since.is_some_and(|since| release.started_at < since) {
                continue;
            }
            read.push((folder, files));
            shown.insert(*seq);
            releases.insert(*seq, release);
        }
        let reverts = releases.values().flat_map(|release| &release.reverts);
        let reverts: BTreeSet<Seq> = reverts.copied().collect();
        for seq in reverts.difference(&shown) {
            if let Some(folder) = folders.get(seq) {
                let files = self.files(&format!("{folder}/"))?;
                let release = self.release(folder, &files)?;
                read.push((folder, files));
                releases.insert(*seq, release);
            }
        }
        if let Some((oldest, _)) = releases.first_key_value() {
            // A pass takes its place before those of its releases.
            let passes = self.ledger.paths(&self.tip, "passes/")?;
            let passes = passes.iter().filter(|path| path.ends_with(".yaml"));
            let passes = passes.filter_map(|path| sequence_in(path, "passes/"));
            let first = passes.filter(|pass| pass < oldest).max();
            self.passes(first.unwrap_or(*oldest))?;
        }
        for (folder, files) in read {
            self.check(folder, &files)?;
        }
        Ok((releases, shown))
    }

    /// How the layers of some releases lie.
    fn standings<'s>(
        &self,
        releases: impl Iterator<Item = &'s Seq>,
        all: bool,
    ) -> Result<Standings, LoadError> {
        let all = match all {
            true => Some(self.files("standing/")?),
            false => None,
        };
        let mut standings = Standings::new();
        for seq in releases {
            let path = records::standing_path(*seq);
            let one = match &all {
                Some(_) => None,
                None => Some(self.files(&path)?),
            };
            let files = all.as_ref().or(one.as_ref());
            if let Some(files) = files.filter(|files| files.contains_key(&path)) {
                let standing = records::read_standing(*seq, files);
                let standing = standing.map_err(|e| self.damaged(&e))?;
                standings.insert(*seq, standing);
            }
        }
        standings.retain(|_, standing| *standing != Standing::default());
        Ok(standings)
    }

    /// Adds what the passes made of the releases, and puts them into the book.
    fn finish(mut self, book: &mut Book, mut releases: Releases) -> Result<(), LoadError> {
        for (seq, outcome) in std::mem::take(&mut self.outcomes).into_iter().flatten() {
            if let Some(release) = releases.get_mut(&seq) {
                release.outcome.add(outcome);
            }
        }
        self.name_snapshots(&mut releases)?;
        for (seq, new) in self.renamed.into_iter().flatten() {
            if let Some(release) = releases.get_mut(&seq) {
                release.rename(new);
            }
        }
        let releases = releases.into_iter();
        book.releases = releases
            .map(|(seq, release)| (seq, Arc::new(release)))
            .collect();
        Ok(())
    }

    /// A release whose snapshot commit is its own id's source cannot name it; until its outcome does,
    /// the branch's history tells.
    fn name_snapshots(&self, releases: &mut Releases) -> Result<(), LedgerError> {
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
        for entry in self.ledger.history(&self.tip, None)? {
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
}

/// The place in the history that the name of a file or folder begins with.
fn sequence_in(path: &str, folder: &str) -> Option<Seq> {
    let name = path.strip_prefix(folder)?;
    let digits = name.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(Seq)
}

fn sequence_of(message: &str) -> Option<Seq> {
    let line = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(SEQUENCE))?;
    line.trim().parse().ok().map(Seq)
}
