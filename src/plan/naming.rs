//! Finds the releases that a commit names, by its own words and by those of the commits that it brings in.
//!
//! # Guarantees
//! - An id decides. Subjects and numbers are asked only where a message holds no id that names
//!   something.
//! - An id is never guessed at: it is that of a release's commit, of a commit that a release brought
//!   in, or of one with the same change to the release files.
//! - Reverting a revert names nothing to be taken back: it is an ordinary deploy.
//!
//! # Assumptions
//! Words name, and the trees decide: whatever is named here is taken back only in those slots where the
//! commit undoes a statement. So a message that claims too much does no harm.

mod search;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::search::{Search, Sense};
use super::layers::Seq;
use super::release::PathChange;
use super::words::{Claims, RequestNumber, claims, request_numbers, titles};
use crate::domain::CommitId;

/// One message that counts for a commit: the commit's own, or that of one that it brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The commit that it belongs to.
    pub commit: CommitId,
    /// True if that is the commit in question itself.
    pub own: bool,
    /// The whole message.
    pub text: String,
}

/// The digest of what a commit changes in the release files and the files they refer to. Two commits
/// with the same one make the same change: one is a cherry-pick or a rebased copy of the other.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ChangeId(String);

impl ChangeId {
    /// Takes a digest that was computed elsewhere.
    pub fn new(digest: impl Into<String>) -> Self {
        Self(digest.into())
    }

    /// The digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A commit by all that another one can call it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Revision {
    /// Its id.
    pub commit: CommitId,
    /// Its change to the release files; `None` where it changes none.
    pub change: Option<ChangeId>,
    /// Its subject, and the title of its pull request.
    pub titles: Vec<String>,
    /// The numbers of its pull or merge request.
    pub numbers: Vec<RequestNumber>,
    /// The release files, and files they refer to, that it changes. Of a commit that a release brought
    /// in they may be left out; then those of the release stand for them.
    pub paths: BTreeMap<String, PathChange>,
    /// True if it says that it reverts another one.
    pub is_revert: bool,
}

impl Revision {
    /// Reads the titles and numbers out of the commit's message.
    pub fn new(
        commit: CommitId,
        message: &str,
        change: Option<ChangeId>,
        paths: BTreeMap<String, PathChange>,
    ) -> Self {
        Self {
            commit,
            change,
            titles: titles(message),
            numbers: request_numbers(message),
            paths,
            is_revert: claims(message).says_revert,
        }
    }
}

/// A release that a commit can name. Releases of earlier commits of the same pass are among them.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its place in the history.
    pub seq: Seq,
    /// Its commit, compared with the last valid one before it.
    pub head: &'a Revision,
    /// The commits that came in with it: reachable from its commit, not from the last valid one handled
    /// before, and not its commit itself.
    pub brings: &'a [Revision],
    /// True if its files cannot be used.
    pub invalid: bool,
    /// True if it was taken back.
    pub rolled_back: bool,
    /// True if all that it does is to take others back. One that also deploys statements of its own is
    /// a release like any other: reverting it takes those back.
    pub is_rollback: bool,
    /// True if it took over what the store showed.
    pub is_adoption: bool,
}

/// A release that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRelease {
    /// The release.
    pub release: Seq,
    /// True if the commit's own message names it.
    pub own: bool,
    /// The commit whose message names it; the commit in question itself where that is one of them.
    pub by: CommitId,
    /// The commits that are meant, where not all of the release is: those that it brought in, or invalid
    /// ones before it. Only their statements are in question. Empty where the release is meant.
    pub commits: BTreeSet<CommitId>,
}

/// Something that a message says is reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A commit by its id, as spelled; with that commit, where there is such a one.
    Id(String, Option<CommitId>),
    /// A commit by its subject.
    Subject(String),
    /// A pull or merge request by its number.
    Request(RequestNumber),
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id, _) => f.write_str(id),
            Self::Subject(subject) => write!(f, "{subject:?}"),
            Self::Request(number) => write!(f, "{number}"),
        }
    }
}

/// A claim that names no release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The claim. An id with a commit is one that made no release: it altered nothing desired.
    pub claim: Claim,
    /// The commit whose message makes it.
    pub by: CommitId,
    /// True if that is the commit in question itself.
    pub own: bool,
}

/// The releases that the messages of a commit name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Naming {
    /// The releases to be taken back, newest first and each once. An invalid one is among them only
    /// where no valid one came after it.
    pub named: Vec<NamedRelease>,
    /// The rollbacks that are named: what they took back is deployed again. Newest first.
    pub rollbacks: Vec<Seq>,
    /// The releases that are named, but rolled back already, with nothing of the same change in their
    /// place. Newest first.
    pub rolled_back: Vec<Seq>,
    /// The claims that name no release. Subjects and numbers are among them only where nothing is named
    /// at all.
    pub unknown: Vec<Unknown>,
    /// True if a message says that something is undone, and nothing that it claims was found.
    pub says_revert: bool,
}

impl Naming {
    /// True if the words leave it to the trees which releases are taken back, if any. Where they also
    /// say that something is ([`Naming::says_revert`]), an inverse that only deletes is a rollback.
    pub fn is_undecided(&self) -> bool {
        self.named.is_empty() && self.rollbacks.is_empty() && self.rolled_back.is_empty()
    }
}

/// Returns what a commit names.
///
/// - `messages`: its own first, then those of the commits that it brings in, children before parents.
/// - `candidates`: the releases before it, oldest first.
/// - `resolve`: the commit that an id or an abbreviation names in the repository, if it is only one.
/// - `change_of`: the change of a commit to the release files.
/// - `repository`: `owner/name` of the watched repository, where it is known, and whether that is certain.
/// - `paths`: what the commit changes, compared with the last valid one.
pub fn name(
    messages: &[Message],
    candidates: &[Candidate<'_>],
    resolve: &dyn Fn(&str) -> Option<CommitId>,
    change_of: &dyn Fn(&CommitId) -> Option<ChangeId>,
    repository: Option<(&str, bool)>,
    paths: &BTreeMap<String, PathChange>,
) -> Naming {
    let spoken = messages
        .iter()
        .map(|message| (message, claims(&message.text)));
    let spoken: Vec<(&Message, Claims)> = spoken
        .filter(|(_, claims)| *claims != Claims::default())
        .collect();
    if spoken.is_empty() {
        return Naming::default();
    }
    let inside = messages.iter().map(|message| &message.commit).collect();
    let search = Search::new(candidates, inside, change_of, repository, paths);
    let claimed: Vec<Claimed<'_>> = spoken
        .into_iter()
        .map(|(message, claims)| Claimed {
            ids: claims
                .ids
                .iter()
                .map(|id| (id.clone(), resolve(id).or_else(|| search.known(id))))
                .collect(),
            message,
            claims,
        })
        .collect();
    let mut found = Found::default();
    for claimed in counting(&claimed) {
        found.add(claimed, &search);
    }
    found.into_naming(candidates)
}

/// A message with the commits that its ids name.
struct Claimed<'a> {
    message: &'a Message,
    claims: Claims,
    ids: Vec<(String, Option<CommitId>)>,
}

/// The messages that none of the others takes back. One that is taken back itself takes nothing back.
fn counting<'a>(claimed: &'a [Claimed<'a>]) -> impl Iterator<Item = &'a Claimed<'a>> {
    let mut reverted = BTreeSet::new();
    claimed.iter().filter(move |claimed| {
        if reverted.contains(&claimed.message.commit) {
            return false;
        }
        reverted.extend(claimed.ids.iter().filter_map(|(_, commit)| commit.as_ref()));
        true
    })
}

/// The names found so far, by place among the candidates.
#[derive(Default)]
struct Found {
    named: BTreeMap<usize, NamedRelease>,
    rollbacks: BTreeSet<usize>,
    rolled_back: BTreeSet<usize>,
    unknown: Vec<Unknown>,
    says_revert: bool,
}

impl Found {
    fn add(&mut self, claimed: &Claimed<'_>, search: &Search<'_>) {
        let Claimed { claims, ids, .. } = claimed;
        let mut any = false;
        for (id, commit) in ids {
            let sense = commit.as_ref().and_then(|commit| search.commit(commit));
            match sense {
                Some(sense) => {
                    any = true;
                    self.take(claimed, sense, search);
                }
                None => self.miss(claimed, Claim::Id(id.clone(), commit.clone())),
            }
        }
        if !any {
            any = self.add_without_ids(claimed, search);
        }
        if !any && ids.is_empty() {
            let number = claims.numbers.first().cloned().map(Claim::Request);
            let subject = || claims.subjects.first().cloned().map(Claim::Subject);
            if let Some(claim) = number.or_else(subject) {
                self.miss(claimed, claim);
            }
        }
        self.says_revert |= claims.says_revert && !any;
    }

    /// Takes what the numbers and subjects of a message mean. A subject that a number of the same message
    /// has found already only says the same in another way.
    fn add_without_ids(&mut self, claimed: &Claimed<'_>, search: &Search<'_>) -> bool {
        let mut reached = BTreeSet::new();
        let mut senses = Vec::new();
        for number in &claimed.claims.numbers {
            let matches = search.by_number(number);
            reached.extend(matches.iter().map(|m| m.at));
            senses.extend(search.choose(&matches));
        }
        let own = request_numbers(&claimed.message.text);
        for subject in &claimed.claims.subjects {
            let matches = search.by_subject(subject, &own);
            if !matches.iter().any(|m| reached.contains(&m.at)) {
                senses.extend(search.choose(&matches));
            }
        }
        let any = !senses.is_empty();
        for sense in senses {
            self.take(claimed, sense, search);
        }
        any
    }

    fn take(&mut self, claimed: &Claimed<'_>, sense: Sense<'_>, search: &Search<'_>) {
        let (at, part) = match sense {
            Sense::Release(at, part) => (at, part),
            Sense::Rollback(at) => {
                self.rollbacks.insert(at);
                return;
            }
            Sense::RolledBack(at) => {
                self.rolled_back.insert(at);
                return;
            }
            Sense::Inside => return,
        };
        let commits: BTreeSet<CommitId> = part.into_iter().cloned().collect();
        match self.named.get_mut(&at) {
            Some(named) if commits.is_empty() => named.commits.clear(),
            Some(named) if named.commits.is_empty() => {}
            Some(named) => named.commits.extend(commits),
            None => {
                let named = NamedRelease {
                    release: search.candidates[at].seq,
                    own: claimed.message.own,
                    by: claimed.message.commit.clone(),
                    commits,
                };
                self.named.insert(at, named);
            }
        }
    }

    fn miss(&mut self, claimed: &Claimed<'_>, claim: Claim) {
        self.unknown.push(Unknown {
            claim,
            by: claimed.message.commit.clone(),
            own: claimed.message.own,
        });
    }

    fn into_naming(self, candidates: &[Candidate<'_>]) -> Naming {
        let seqs = |found: BTreeSet<usize>| {
            let newest_first = found.into_iter().rev();
            newest_first.map(|at| candidates[at].seq).collect()
        };
        let mut naming = Naming {
            named: self.named.into_values().rev().collect(),
            rollbacks: seqs(self.rollbacks),
            rolled_back: seqs(self.rolled_back),
            unknown: self.unknown,
            says_revert: self.says_revert,
        };
        if !naming.is_undecided() {
            // The title of a pull request often says less exactly what a commit in it says by an id.
            let is_id = |unknown: &Unknown| matches!(unknown.claim, Claim::Id(..));
            naming.unknown.retain(is_id);
        }
        naming
    }
}
