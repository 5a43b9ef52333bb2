//! The releases that a claim may mean, and the one of them that it does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Candidate, ChangeId, Revision};
use crate::domain::CommitId;
use crate::plan::PathChange;
use crate::plan::words::{CLEAR_ID, RequestNumber, split_number, without_type};

/// The meaning of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense<'a> {
    /// A release, by its place among the candidates; or only one commit's part in it.
    Release(usize, Option<&'a CommitId>),
    /// A rollback.
    Rollback(usize),
    /// A release that was taken back, with none of the same change in its place.
    RolledBack(usize),
    /// A commit that comes in together with the message: together they come to nothing.
    Inside,
}

/// A release that a claim may mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match<'a> {
    /// Its place among the candidates.
    pub(super) at: usize,
    /// The revision that the claim fits: the release's own, or one that it brought in.
    revision: &'a Revision,
    /// The commit whose part in the release is meant, where not all of it is.
    part: Option<&'a CommitId>,
}

/// The releases before a commit, by their commits and changes.
pub(super) struct Search<'a> {
    pub(super) candidates: &'a [Candidate<'a>],
    /// The commits whose messages are read.
    inside: BTreeSet<&'a CommitId>,
    heads: HashMap<&'a CommitId, Vec<Match<'a>>>,
    brought: HashMap<&'a CommitId, Vec<Match<'a>>>,
    changes: HashMap<&'a ChangeId, Vec<Match<'a>>>,
    change_of: &'a dyn Fn(&CommitId) -> Option<ChangeId>,
    repository: Option<(&'a str, bool)>,
    paths: &'a BTreeMap<String, PathChange>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        candidates: &'a [Candidate<'a>],
        inside: BTreeSet<&'a CommitId>,
        change_of: &'a dyn Fn(&CommitId) -> Option<ChangeId>,
        repository: Option<(&'a str, bool)>,
        paths: &'a BTreeMap<String, PathChange>,
    ) -> Self {
        let mut search = Self {
            candidates,
            inside,
            heads: HashMap::new(),
            brought: HashMap::new(),
            changes: HashMap::new(),
            change_of,
            repository,
            paths,
        };
        for found in all(candidates) {
            let place = match found.part {
                None => &mut search.heads,
                Some(_) => &mut search.brought,
            };
            let revision = found.revision;
            place.entry(&revision.commit).or_default().push(found);
            if let Some(change) = &revision.change {
                search.changes.entry(change).or_default().push(found);
            }
        }
        search
    }

    /// Returns the commit of a release, or one that a release brought in, whose id starts so: the
    /// repository may no longer have it, or hold several with that start.
    pub(super) fn known(&self, id: &str) -> Option<CommitId> {
        if id.len() < CLEAR_ID {
            return None;
        }
        let commits = self.heads.keys().chain(self.brought.keys());
        let mut starting = commits.filter(|commit| commit.as_str().starts_with(id));
        let first = starting.next()?;
        let only = starting.all(|commit| commit == first);
        only.then(|| (*first).clone())
    }

    /// Returns the meaning of a commit that is named by its id; `None` where it names no release.
    pub(super) fn commit(&self, commit: &CommitId) -> Option<Sense<'a>> {
        if let Some(heads) = self.heads.get(commit) {
            return self.sense_of(heads);
        }
        if self.inside.contains(commit) {
            return Some(Sense::Inside);
        }
        if let Some(brought) = self.brought.get(commit) {
            return self.sense_of(brought);
        }
        let change = (self.change_of)(commit)?;
        self.sense_of(self.changes.get(&change)?)
    }

    /// Returns the releases of a pull or merge request.
    pub(super) fn by_number(&self, number: &RequestNumber) -> Vec<Match<'a>> {
        let fits = |found: &Match<'_>| {
            let mut known = found.revision.numbers.iter();
            known.any(|known| self.is_same_request(number, known))
        };
        all(self.candidates).filter(fits).collect()
    }

    /// True if a claim means the request by whose number a commit is known.
    fn is_same_request(&self, claim: &RequestNumber, known: &RequestNumber) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let own = self.repository.map(|(name, _)| name);
        let certain = self
            .repository
            .filter(|(_, certain)| *certain)
            .map(|(name, _)| name);
        claim.number == known.number
            && match (claim.repository.as_deref(), known.repository.as_deref()) {
                (Some(claimed), theirs) => theirs.or(own).is_some_and(|own| same(claimed, own)),
                // A claim that names no repository means this one.
                (None, Some(theirs)) => certain.is_none_or(|own| same(own, theirs)),
                (None, None) => true,
            }
    }

    /// Returns the releases of a subject. `own`: the numbers of the commit that claims it, which may have
    /// got to the end of the subject.
    pub(super) fn by_subject(&self, subject: &str, own: &[RequestNumber]) -> Vec<Match<'a>> {
        let (text, number) = split_number(subject);
        let is_own = number.as_ref().is_some_and(|number| own.contains(number));
        let same_number = |theirs: Option<RequestNumber>| match (&number, &theirs) {
            (Some(number), Some(theirs)) => self.is_same_request(number, theirs),
            _ => true,
        };
        let exactly = |title: &str| {
            let (theirs, number) = split_number(title);
            theirs == text && same_number(number)
        };
        let whatever_number = |title: &str| is_own && split_number(title).0 == text;
        let whatever_type = |title: &str| {
            let theirs = without_type(split_number(title).0);
            theirs == Some(text)
        };
        let ways: [&dyn Fn(&str) -> bool; 3] = [&exactly, &whatever_number, &whatever_type];
        let by = |way: &&dyn Fn(&str) -> bool| -> Vec<Match<'a>> {
            let fits = |found: &Match<'_>| found.revision.titles.iter().any(|title| way(title));
            all(self.candidates).filter(fits).collect()
        };
        let mut matches = ways.iter().map(by);
        matches
            .find(|matches| !matches.is_empty())
            .unwrap_or_default()
    }

    /// Returns the one that is meant by a subject or a number: of several, the newest of which the commit
    /// gives a path its earlier content back. Of one alone that is not asked.
    pub(super) fn choose(&self, matches: &[Match<'a>]) -> Option<Sense<'a>> {
        let mut whole = whole_first(matches);
        let several = whole.iter().filter(|m| !self.is_rollback(m)).count() > 1;
        if several {
            whole
                .retain(|m| !self.is_rollback(m) && (self.is_rolled_back(m) || self.gives_back(m)));
        }
        self.sense_of(&whole)
    }

    /// Returns the newest of some releases, given oldest first, that is not rolled back; else the newest
    /// one with the same change that is not.
    fn sense_of(&self, matches: &[Match<'a>]) -> Option<Sense<'a>> {
        let matches: Vec<Match<'a>> = matches.iter().map(|m| self.valid(*m)).collect();
        let mut newest_first = matches.iter().rev();
        if let Some(live) = newest_first.find(|m| self.is_live(m)) {
            return Some(Sense::Release(live.at, live.part));
        }
        let gone = matches.iter().rev().find(|m| !self.is_rollback(m));
        let Some(gone) = gone else {
            return matches.last().map(|m| Sense::Rollback(m.at));
        };
        let change = gone.revision.change.as_ref();
        let again = change.and_then(|change| self.changes.get(change));
        let again = again.into_iter().flatten().rev();
        let again = again.map(|m| self.valid(*m)).find(|m| self.is_live(m));
        Some(match again {
            Some(again) => Sense::Release(again.at, again.part),
            None => Sense::RolledBack(gone.at),
        })
    }

    /// Returns the next valid release, to which the changes of an invalid commit belong.
    fn valid(&self, found: Match<'a>) -> Match<'a> {
        let mut after = self.candidates.iter().enumerate().skip(found.at);
        match after.find(|(_, candidate)| !candidate.invalid) {
            Some((at, _)) if at != found.at => Match {
                at,
                part: Some(&found.revision.commit),
                ..found
            },
            _ => found,
        }
    }

    fn is_live(&self, found: &Match<'_>) -> bool {
        !self.is_rollback(found) && !self.is_rolled_back(found)
    }

    /// True if all of what is meant takes others back: the release, or the revert that it brought in
    /// beside something else.
    fn is_rollback(&self, found: &Match<'_>) -> bool {
        self.candidates[found.at].is_rollback || (found.part.is_some() && found.revision.is_revert)
    }

    fn is_rolled_back(&self, found: &Match<'_>) -> bool {
        self.candidates[found.at].rolled_back
    }

    /// True if the commit gives a path the content that it had before that revision.
    fn gives_back(&self, found: &Match<'_>) -> bool {
        let theirs = match found.revision.paths.is_empty() {
            true => &self.candidates[found.at].head.paths,
            false => &found.revision.paths,
        };
        self.paths.iter().any(|(path, change)| {
            let earlier = theirs.get(path).map(|theirs| &theirs.before);
            change.before != change.after && earlier == Some(&change.after)
        })
    }
}

/// Every revision of every candidate, oldest first; of each the release's own before what it brought in.
fn all<'a>(candidates: &'a [Candidate<'a>]) -> impl Iterator<Item = Match<'a>> {
    candidates.iter().enumerate().flat_map(|(at, candidate)| {
        let head = Match {
            at,
            revision: candidate.head,
            part: None,
        };
        let brought = candidate.brings.iter().map(move |revision| Match {
            at,
            revision,
            part: Some(&revision.commit),
        });
        std::iter::once(head).chain(brought)
    })
}

/// Keeps one match for each release: the release itself where that fits, else the newest fitting commit
/// that it brought in.
fn whole_first<'a>(matches: &[Match<'a>]) -> Vec<Match<'a>> {
    let mut kept: Vec<Match<'a>> = Vec::new();
    for found in matches {
        if kept.last().is_none_or(|last| last.at != found.at) {
            kept.push(*found);
        }
    }
    kept
}
