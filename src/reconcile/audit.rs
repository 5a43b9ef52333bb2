//! `gitmage ledger verify`: what on the rollback branch its releases and passes do not explain.
//!
//! # Guarantees
//! A file of an entity that is not what its last pass has written is found, and so is a layer or
//! statement of a release that is not there, and a standing that the layers do not come to. Whoever
//! rewrites the files of the passes along with it is not found: protect the branch.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{self, LoadError};
use super::records::{self, Files};
use crate::domain::CommitId;
use crate::plan::{Book, Seq};
use crate::ports::{Ledger, LedgerError};

/// Something on the rollback branch that its releases and passes do not explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// How many releases there are.
    pub releases: usize,
    /// How many entities are managed.
    pub entities: usize,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

/// Looks through a rollback branch; `None` while there is none.
///
/// # Errors
/// See [`LoadError`]; a file that cannot be read is among them.
pub fn audit<L: Ledger>(ledger: &L, branch: &str) -> Result<Option<Audit>, LoadError> {
    let known = ledger::load(ledger, branch)?;
    let Some(tip) = &known.tip else {
        return Ok(None);
    };
    let book = &known.book;
    let mut flaws = unknown_releases(book);
    flaws.extend(standings(ledger, tip, book)?);
    Ok(Some(Audit {
        releases: book.releases.len(),
        entities: book.managed.len(),
        flaws,
    }))
}

/// The files of entities that do not say what the passes have written there.
pub(super) fn unexplained(
    files: &Files,
    written: &BTreeMap<String, Option<String>>,
) -> Option<Flaw> {
    let flaw = |path: &str, what: &str| Flaw {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let is_entity = |path: &&String| path.ends_with(".yaml");
    let there: BTreeSet<&String> = files.keys().filter(is_entity).collect();
    for path in &there {
        let values = format!("{}.values/", path.strip_suffix(".yaml").unwrap_or(path));
        let itself = files.get_key_value(*path).into_iter();
        let values_of_it = files.range(values.clone()..);
        let own = itself.chain(values_of_it.take_while(|(other, _)| other.starts_with(&values)));
        let own: Files = own
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect();
        match written.get(*path) {
            Some(Some(digest)) if *digest == records::digest(&own) => {}
            Some(_) => return Some(flaw(path, "does not say what gitmage has written there")),
            None => return Some(flaw(path, "was written by no pass")),
        }
    }
    let missing = written
        .iter()
        .find(|(path, digest)| digest.is_some() && !there.contains(path));
    missing.map(|(path, _)| flaw(path, "is missing"))
}

/// The folder of a release, where it does not say what a pass has written there.
pub(super) fn unexplained_release(
    folder: &str,
    files: &Files,
    written: &BTreeMap<String, Option<String>>,
) -> Option<Flaw> {
    let within = format!("{folder}/");
    let own = files.range(within.clone()..);
    let own = own.take_while(|(path, _)| path.starts_with(&within));
    let own: Files = own
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let path = format!("{within}{}", ledger::RELEASE);
    let what = match written.get(&path) {
        Some(Some(digest)) if *digest == records::digest(&own) => return None,
        Some(_) => "does not say what gitmage has written there, or its snapshot does not",
        None => "was written by no pass",
    };
    Some(Flaw {
        path,
        what: what.to_owned(),
    })
}

fn unknown_releases(book: &Book) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (root, entity) in &book.managed {
        let layers = entity.slots.values().flat_map(|state| &state.layers);
        let authors = &entity.authors;
        let named: BTreeSet<Seq> = layers
            .filter_map(|layer| layer.release())
            .chain(authors.stated.values().copied())
            .chain(authors.said.keys().copied())
            .chain(authors.removed.keys().copied())
            .chain(entity.moved_by.values().copied())
            .collect();
        for seq in named.iter().filter(|seq| !book.releases.contains_key(seq)) {
            flaws.push(Flaw {
                path: records::entity_path(root),
                what: format!("names release {seq}, which is not there"),
            });
        }
    }
    flaws
}

fn standings<L: Ledger>(ledger: &L, tip: &CommitId, book: &Book) -> Result<Vec<Flaw>, LedgerError> {
    let files = ledger.files(tip, "standing/")?;
    let standings = book.standings();
    let mut flaws = Vec::new();
    for (seq, status) in book.statuses(&standings) {
        let standing = standings.get(&seq).copied().unwrap_or_default();
        let path = records::standing_path(seq);
        let wanted = records::write_standing(seq, status, standing).ok();
        if files.get(&path) != wanted.as_ref() {
            let what = match files.contains_key(&path) {
                true => "does not say how the layers of the release lie",
                false => "is missing",
            };
            flaws.push(Flaw {
                path,
                what: what.to_owned(),
            });
        }
    }
    Ok(flaws)
}
