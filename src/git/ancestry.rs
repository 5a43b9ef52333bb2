//! The walks over a history, which tell what commits lead to which.
//!
//! gix's own walks stop at the first commit whose author or committer they cannot read, so these read
//! parents and dates themselves (`commit.rs`).
//!
//! # Guarantees
//! - Each commit is read once. Where git has written a commit-graph, it is read from there, and what lies
//!   below the commit that is looked for is not walked through.
//! - Answers do not depend on the dates of commits; only how soon they are found does.
//! - Grafts and replacements change nothing: what counts is what the commits themselves say.

use std::collections::{BinaryHeap, VecDeque};

use gix::commitgraph::{GENERATION_NUMBER_MAX, Graph};
use gix::hashtable::hash_map::Entry;
use gix::hashtable::{HashMap, HashSet};
use gix::objs::{Find as _, Kind};
use gix::{ObjectId, Repository};

use super::commit;
use super::objects::{damaged, reason};
use crate::ports::GitError;

/// The part of a history that was looked at so far.
pub(super) struct Ancestry<'r> {
    repository: &'r Repository,
    graph: Option<Graph>,
    read: HashMap<ObjectId, Read>,
    buffer: Vec<u8>,
}

/// The part of a commit that walks need.
struct Read {
    parents: Vec<ObjectId>,
    /// Committer's time, in seconds. Nothing where it cannot be read, and was not made up for yet.
    time: Option<i64>,
    /// Greater than that of any parent; nothing for a commit that the commit-graph has not.
    generation: Option<u32>,
}

impl<'r> Ancestry<'r> {
    pub(super) fn of(repository: &'r Repository) -> Self {
        Self {
            repository,
            // One that is damaged is as good as none.
            graph: repository.commit_graph_if_enabled().ok().flatten(),
            read: HashMap::default(),
            buffer: Vec::new(),
        }
    }

    /// The parents of a commit.
    pub(super) fn parents(&mut self, id: ObjectId) -> Result<&[ObjectId], GitError> {
        Ok(&self.read(id)?.parents)
    }

    /// The time of a commit in seconds. One without a date, or with none that can be read, is as old as
    /// the youngest of its parents.
    pub(super) fn time(&mut self, id: ObjectId) -> Result<i64, GitError> {
        let mut pending = vec![id];
        while let Some(&id) = pending.last() {
            let Read { parents, time, .. } = self.read(id)?;
            if time.is_none() {
                let parents = parents.clone();
                let mut youngest = 0;
                let above = pending.len();
                for parent in parents {
                    match self.read(parent)?.time {
                        Some(time) => youngest = youngest.max(time),
                        None => pending.push(parent),
                    }
                }
                if pending.len() > above {
                    continue;
                }
                if let Some(read) = self.read.get_mut(&id) {
                    read.time = Some(youngest);
                }
            }
            pending.pop();
        }
        Ok(self.read(id)?.time.unwrap_or_default())
    }

    /// True if `ancestor` is reachable from `descendant`, or is the same.
    pub(super) fn reaches(
        &mut self,
        descendant: ObjectId,
        ancestor: ObjectId,
    ) -> Result<bool, GitError> {
        let floor = self.read(ancestor)?.generation;
        let mut seen = HashSet::from_iter([descendant]);
        let mut next = VecDeque::from([descendant]);
        while let Some(id) = next.pop_front() {
            if id == ancestor {
                return Ok(true);
            }
            let read = self.read(id)?;
            if read.is_above(floor) {
                next.extend(read.parents.iter().filter(|parent| seen.insert(**parent)));
            }
        }
        Ok(false)
    }

    /// Those of some commits from which `ancestor` is reachable, found by one walk.
    pub(super) fn descendants(
        &mut self,
        ancestor: ObjectId,
        of: impl IntoIterator<Item = ObjectId>,
    ) -> Result<Vec<ObjectId>, GitError> {
        let floor = self.read(ancestor)?.generation;
        let mut tips: HashSet<ObjectId> = of.into_iter().collect();
        let mut seen = tips.clone();
        let mut next: Vec<ObjectId> = tips.iter().copied().collect();
        let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::default();
        while let Some(id) = next.pop() {
            let read = self.read(id)?;
            if read.is_above(floor) {
                for parent in &read.parents {
                    children.entry(*parent).or_default().push(id);
                    if seen.insert(*parent) {
                        next.push(*parent);
                    }
                }
            }
        }
        let mut found = Vec::new();
        let mut next = vec![ancestor];
        while let Some(id) = next.pop() {
            if tips.remove(&id) {
                found.push(id);
            }
            // Each is followed once: what it leads to is taken out.
            next.extend(children.remove(&id).unwrap_or_default());
        }
        Ok(found)
    }

    /// The best common ancestor of two commits. Of several that do not reach each other it is the
    /// youngest.
    pub(super) fn merge_base(
        &mut self,
        a: ObjectId,
        b: ObjectId,
    ) -> Result<Option<ObjectId>, GitError> {
        let mut bases = self.common(a, b)?;
        // Wrong dates can have left some that others reach.
        while let [(_, first), others @ ..] = bases.as_slice() {
            let first = *first;
            let mut is_reached = false;
            for (_, other) in others {
                is_reached |= self.reaches(*other, first)?;
            }
            if !is_reached {
                return Ok(Some(first));
            }
            bases.remove(0);
        }
        Ok(None)
    }

    /// The common ancestors of two commits that a walk from both sides comes to first, with their times,
    /// youngest first. The best are all among them.
    fn common(&mut self, a: ObjectId, b: ObjectId) -> Result<Vec<(i64, ObjectId)>, GitError> {
        let mut paint = Paint::default();
        paint.add(a, self.time(a)?, FROM_A);
        paint.add(b, self.time(b)?, FROM_B);
        let mut found = Vec::new();
        while let Some((time, id, marks)) = paint.next() {
            let marks = match marks {
                COMMON => {
                    found.push((time, id));
                    COMMON | BEYOND
                }
                _ => marks,
            };
            for parent in self.parents(id)?.to_vec() {
                paint.add(parent, self.time(parent)?, marks);
            }
        }
        found.retain(|(_, id)| paint.marks(*id) == COMMON);
        Ok(found)
    }

    fn read(&mut self, id: ObjectId) -> Result<&Read, GitError> {
        match self.read.entry(id) {
            Entry::Occupied(read) => Ok(read.into_mut()),
            Entry::Vacant(place) => {
                let from_graph = self.graph.as_ref().and_then(|graph| by_graph(graph, id));
                let read = match from_graph {
                    Some(read) => read,
                    None => by_object(self.repository, id, &mut self.buffer)?,
                };
                Ok(place.insert(read))
            }
        }
    }
}

impl Read {
    /// True if the commit can lead to one of that generation. A commit-graph has all ancestors of the
    /// commits that it has, so that none of them leads to one that it has not.
    fn is_above(&self, floor: Option<u32>) -> bool {
        match (self.generation, floor) {
            (Some(UNNUMBERED), Some(_)) | (Some(_), Some(UNNUMBERED)) | (None, _) => true,
            (Some(own), Some(floor)) => own > floor,
            (Some(_), None) => false,
        }
    }
}

/// The generation of a commit that the commit-graph has without telling one.
const UNNUMBERED: u32 = 0;

fn by_graph(graph: &Graph, id: ObjectId) -> Option<Read> {
    let commit = graph.commit_by_id(id)?;
    let parents = commit.iter_parents().map(|position| {
        let id = graph.id_at(position.ok()?);
        Some(id.to_owned())
    });
    Some(Read {
        parents: parents.collect::<Option<_>>()?,
        time: i64::try_from(commit.committer_timestamp())
            .ok()
            .filter(|time| *time > 0),
        generation: match commit.generation() {
            GENERATION_NUMBER_MAX.. => Some(UNNUMBERED),
            generation => Some(generation),
        },
    })
}

fn by_object(
    repository: &Repository,
    id: ObjectId,
    buffer: &mut Vec<u8>,
) -> Result<Read, GitError> {
    let object = repository
        .objects
        .try_find(&id, buffer)
        .map_err(|error| damaged("commit", id, reason(&error)))?
        .ok_or_else(|| damaged("commit", id, "it is not there"))?;
    if object.kind != Kind::Commit {
        return Err(damaged("commit", id, format!("it is a {}", object.kind)));
    }
    let (_, parents, rest) = commit::links(id, object.data)?;
    Ok(Read {
        parents,
        time: commit::time(rest).filter(|time| *time > 0),
        generation: None,
    })
}

/// Reachable from the first of two commits.
const FROM_A: u8 = 1;
/// Reachable from the second.
const FROM_B: u8 = 2;
const COMMON: u8 = FROM_A | FROM_B;
/// Reachable from a common ancestor.
const BEYOND: u8 = 4;

/// Commits marked from both sides, youngest first, until all that are left to be followed lie beyond a
/// common ancestor.
#[derive(Default)]
struct Paint {
    /// The marks of each commit, and true if it is in the queue.
    seen: HashMap<ObjectId, (u8, bool)>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// The number of commits in the queue that are not beyond.
    open: usize,
}

impl Paint {
    fn add(&mut self, id: ObjectId, time: i64, marks: u8) {
        let (own, queued) = self.seen.entry(id).or_default();
        if *own | marks == *own {
            return;
        }
        let was_open = *queued && *own & BEYOND == 0;
        *own |= marks;
        let is_open = *own & BEYOND == 0;
        self.open = self.open + usize::from(is_open) - usize::from(was_open);
        if !std::mem::replace(queued, true) {
            self.queue.push((time, id));
        }
    }

    fn next(&mut self) -> Option<(i64, ObjectId, u8)> {
        if self.open == 0 {
            return None;
        }
        let (time, id) = self.queue.pop()?;
        let (marks, queued) = self.seen.get_mut(&id)?;
        *queued = false;
        self.open -= usize::from(*marks & BEYOND == 0);
        Some((time, id, *marks))
    }

    fn marks(&self, id: ObjectId) -> u8 {
        self.seen.get(&id).map_or(0, |(marks, _)| *marks)
    }
}
