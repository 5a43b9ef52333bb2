//! From the head handled last to the tip of the branch: the commits of a pass as drafts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::PassError;
use super::ledger::Ledgered;
use crate::domain::{CommitId, DesiredState};
use crate::manifest::{Loaded, Loader};
use crate::plan::{Book, Cause, Draft, Headline, Named, PathChange, Seq};
use crate::ports::{CommitInfo, GitError, Source};

/// How the first start on a store treats the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bootstrap {
    /// The whole first-parent history is one pass.
    #[default]
    Deploy,
    /// The store's values are taken over; nothing is written.
    Adopt,
}

/// What happens when the branch does not descend from the head handled last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rewrites {
    /// A person must decide.
    #[default]
    Stall,
    /// What left since the merge base is rolled back, the rest is deployed.
    Follow,
}

/// Where to walk.
#[derive(Debug, Clone)]
pub struct Route<'a> {
    /// The branch, for records.
    pub branch: &'a str,
    /// Where to.
    pub tip: CommitId,
    /// First start.
    pub bootstrap: Bootstrap,
    /// Rewritten histories.
    pub rewrites: Rewrites,
    /// A plan of a revision that is not on the branch: what it changes since it left it.
    pub aside: bool,
    /// What other environments of the same store want, by their names.
    pub others: Vec<(String, Arc<DesiredState>)>,
}

/// The commits of a pass.
#[derive(Debug, Clone)]
pub struct Walked {
    /// One draft a commit, oldest first; many of them alter nothing.
    pub drafts: Vec<Draft>,
    /// The newest commit.
    pub head: CommitId,
    /// The newest valid commit.
    pub live: Option<CommitId>,
    /// Its desired state.
    pub state: Arc<DesiredState>,
    /// Whether the head must be recorded even where no release is made: the next commits do not
    /// descend from the head recorded last, or that one is invalid.
    pub astray: bool,
}

/// How many branches are named to somebody whose branch is gone.
const NAMED_BRANCHES: usize = 8;

/// The tip of the watched branch.
///
/// # Errors
/// [`PassError::Stalled`] naming the branches there are, when it is not one of them.
pub fn tip_of<S: Source>(source: &S, branch: &str, rollback: &str) -> Result<CommitId, PassError> {
    if let Some(tip) = source.head(branch)? {
        return Ok(tip);
    }
    let mut others = source.branches()?;
    others.retain(|other| other != rollback);
    let more = others.len().saturating_sub(NAMED_BRANCHES);
    others.truncate(NAMED_BRANCHES);
    let there_are = match (others.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" (there are: {})", others.join(", ")),
        (false, more) => format!(" (there are: {} and {more} more)", others.join(", ")),
    };
    Err(PassError::stalled(format!(
        "the repository has no branch {branch}{there_are}; push it, or correct `branch`"
    )))
}

/// Walks.
///
/// # Errors
/// [`PassError::Stalled`] for a rewritten branch, and whatever reading commits gives.
pub fn walk<S: Source>(
    source: &S,
    loader: &Loader,
    ledgered: &Ledgered,
    route: &Route<'_>,
) -> Result<Walked, PassError> {
    let mut walker = Walker::new(source, loader, &ledgered.book, route);
    let handled = ledgered.state.as_ref().and_then(|state| state.head.clone());
    let Some(handled) = handled else {
        match route.bootstrap {
            Bootstrap::Deploy => {
                for commit in source.first_parents(&route.tip, None)? {
                    walker.commit(&commit)?;
                }
            }
            Bootstrap::Adopt => walker.adopt(&route.tip, None)?,
        }
        return Ok(walker.done(route.tip.clone()));
    };
    if let Some(live) = ledgered.state.as_ref().and_then(|state| state.live.clone()) {
        walker.start(live)?;
    }
    if ledgered
        .state
        .as_ref()
        .is_some_and(|state| state.branch != route.branch)
    {
        walker.astray = true;
        walker.single(&source.commit(&route.tip)?, Some(Cause::Switched))?;
        return Ok(walker.done(route.tip.clone()));
    }
    walker.mends = ledgered
        .book
        .of_commit(&handled)
        .is_some_and(|release| release.status == crate::domain::ReleaseStatus::Invalid);
    if handled == route.tip {
        return Ok(walker.done(handled));
    }
    if walker.live.is_none() && route.bootstrap == Bootstrap::Adopt {
        // Nothing valid has been there to be adopted so far.
        walker.adopt(&route.tip, Some(&handled))?;
        return Ok(walker.done(route.tip.clone()));
    }
    if source.is_ancestor(&handled, &route.tip)? {
        let line = source.first_parents(&route.tip, Some(&handled))?;
        if line
            .first()
            .is_some_and(|first| first.parents.first() == Some(&handled))
        {
            for commit in &line {
                walker.commit(commit)?;
            }
        } else {
            // Somebody's `git pull` turned the first-parent line round: all of it is one release.
            walker.turned(&source.commit(&route.tip)?, handled)?;
        }
    } else if source.is_ancestor(&route.tip, &handled)? {
        walker.back(&source.commit(&route.tip)?)?;
    } else if route.aside {
        walker.aside(&handled, &route.tip)?;
    } else {
        walker.rewritten(&handled, route)?;
    }
    Ok(walker.done(route.tip.clone()))
}

struct Walker<'a, S> {
    source: &'a S,
    loader: &'a Loader,
    book: &'a Book,
    branch: &'a str,
    others: &'a [(String, Arc<DesiredState>)],
    drafts: Vec<Draft>,
    live: Option<CommitId>,
    state: Arc<DesiredState>,
    files: BTreeMap<String, String>,
    astray: bool,
    /// What the messages of invalid commits say, whose changes come in with the next valid one.
    carried: Vec<Named>,
    /// Whether the head recorded last is invalid, so that a valid one must be recorded.
    mends: bool,
}

impl<'a, S: Source> Walker<'a, S> {
    fn new(source: &'a S, loader: &'a Loader, book: &'a Book, route: &'a Route<'_>) -> Self {
        Self {
            source,
            loader,
            book,
            branch: route.branch,
            others: &route.others,
            drafts: Vec::new(),
            live: None,
            state: Arc::default(),
            files: BTreeMap::new(),
            astray: false,
            carried: Vec::new(),
            mends: false,
        }
    }

    fn done(self, head: CommitId) -> Walked {
        Walked {
            drafts: self.drafts,
            head,
            live: self.live,
            state: self.state,
            astray: self.astray,
        }
    }

    fn load(&self, commit: &CommitId) -> Result<Loaded, PassError> {
        let tree = self.source.tree(commit)?;
        Ok(self.loader.load(tree.as_ref())?)
    }

    /// Sets out from the desired state in effect.
    fn start(&mut self, live: CommitId) -> Result<(), PassError> {
        let loaded = self.load(&live).map_err(|error| match error {
            PassError::Waiting { .. } => error,
            _ => PassError::stalled(format!(
                "the commit {} whose values are in effect is gone from the repository ({error}); push it back, or run `gitmage reconcile --rebootstrap deploy|adopt`",
                live.short()
            )),
        })?;
        self.state = Arc::new(loaded.state);
        self.files = loaded.files;
        self.live = Some(live);
        let book = self.book;
        let trailing = book.releases.range(book.epoch..).map(|(_, r)| r).rev();
        let invalid = trailing.take_while(|r| r.status == crate::domain::ReleaseStatus::Invalid);
        for release in invalid {
            let named = self.named(&self.source.commit(&release.commit)?)?;
            self.carry(&named);
        }
        Ok(())
    }

    fn carry(&mut self, named: &[Named]) {
        self.carried
            .extend(named.iter().cloned().map(|named| Named {
                carried: true,
                ..named
            }));
    }

    fn commit(&mut self, info: &CommitInfo) -> Result<(), PassError> {
        self.single(info, None)
    }

    /// Takes over the store's values at the newest valid commit.
    fn adopt(&mut self, tip: &CommitId, after: Option<&CommitId>) -> Result<(), PassError> {
        let line = self.source.first_parents(tip, after)?;
        let mut newest = line.len();
        for (at, info) in line.iter().enumerate().rev() {
            newest = at;
            if !self.load(&info.id)?.findings.any_critical() {
                break;
            }
        }
        for info in line.iter().skip(newest) {
            let cause = self.live.is_none().then_some(Cause::Adopt);
            self.single(info, cause)?;
        }
        Ok(())
    }

    fn single(&mut self, info: &CommitInfo, cause: Option<Cause>) -> Result<(), PassError> {
        let cause = match cause {
            Some(cause) => cause,
            None => Cause::Commit(self.named(info)?),
        };
        let mut loaded = self.load(&info.id)?;
        for (name, theirs) in self.others {
            loaded
                .findings
                .0
                .extend(loaded.state.disputes(name, theirs));
        }
        if loaded.findings.any_critical() {
            if let Cause::Commit(named) = &cause {
                self.carry(named);
            }
            let before = self.state.clone();
            self.drafts.push(Draft {
                headline: self.headline(info),
                cause,
                after: before.clone(),
                before,
                paths: BTreeMap::new(),
                invalid: Some(loaded.findings),
            });
            return Ok(());
        }
        self.astray |= self.mends;
        let cause = match cause {
            Cause::Commit(mut named) => {
                named.append(&mut self.carried);
                Cause::Commit(named)
            }
            cause => cause,
        };
        let plain = matches!(&cause, Cause::Commit(named) if named.is_empty());
        let paths = paths(&self.files, &loaded.files);
        let after = if plain && paths.is_empty() {
            self.state.clone()
        } else {
            Arc::new(loaded.state)
        };
        let before = std::mem::replace(&mut self.state, after.clone());
        self.files = loaded.files;
        self.live = Some(info.id.clone());
        if !(plain && paths.is_empty()) {
            self.drafts.push(Draft {
                headline: self.headline(info),
                cause,
                before,
                after,
                paths,
                invalid: None,
            });
        }
        Ok(())
    }

    /// All since `handled` is one release, which therefore brought in whatever is not reachable from
    /// there, along whichever parent.
    fn turned(&mut self, info: &CommitInfo, handled: CommitId) -> Result<(), PassError> {
        let mut info = info.clone();
        info.parents.insert(0, handled);
        self.single(&info, None)
    }

    /// The branch was moved back to an ancestor.
    fn back(&mut self, info: &CommitInfo) -> Result<(), PassError> {
        self.astray = true;
        let dropped = self.dropped(&info.id)?;
        self.single(info, Some(Cause::MovedBack(dropped)))
    }

    /// The releases whose commits are not reachable from a commit, newest first.
    fn dropped(&self, tip: &CommitId) -> Result<Vec<Seq>, PassError> {
        let mut dropped = Vec::new();
        let book = self.book;
        for release in book.releases.range(book.epoch..).map(|(_, r)| r).rev() {
            // Of a merge that was reverted in part, the rest is still there.
            if book.status(release) != crate::domain::ReleaseStatus::RolledBack
                && release.status != crate::domain::ReleaseStatus::Invalid
                && !self.source.is_ancestor(&release.commit, tip)?
            {
                dropped.push(release.seq);
            }
        }
        Ok(dropped)
    }

    fn rewritten(&mut self, handled: &CommitId, route: &Route<'_>) -> Result<(), PassError> {
        let base = match route.rewrites {
            Rewrites::Stall => {
                return Err(PassError::stalled(format!(
                    "the branch {} was rewritten: {} does not descend from {}, the commit handled last; push a branch that does, or set `history_rewrites: follow` to roll back what left and deploy the rest",
                    route.branch,
                    route.tip.short(),
                    handled.short()
                )));
            }
            Rewrites::Follow => self.source.merge_base(handled, &route.tip)?,
        };
        let Some(base) = base else {
            return Err(PassError::stalled(format!(
                "the branch {} was replaced by one without a common history; run `gitmage reconcile --rebootstrap deploy|adopt`",
                route.branch
            )));
        };
        self.back(&self.source.commit(&base)?)?;
        let line = self.source.first_parents(&route.tip, Some(&base))?;
        if line
            .first()
            .is_some_and(|first| first.parents.first() == Some(&base))
        {
            for commit in &line {
                self.commit(commit)?;
            }
            Ok(())
        } else {
            self.turned(&self.source.commit(&route.tip)?, base)
        }
    }

    /// A revision beside the branch, as a pull request that is not rebased: what it changes since the
    /// merge base, as one release.
    fn aside(&mut self, handled: &CommitId, tip: &CommitId) -> Result<(), PassError> {
        let base = self.source.merge_base(handled, tip)?.ok_or_else(|| {
            PassError::stalled(format!(
                "{} has no common history with the branch {}",
                tip.short(),
                self.branch
            ))
        })?;
        self.start(base)?;
        let info = self.source.commit(tip)?;
        self.single(&info, Some(Cause::Commit(Vec::new())))
    }

    fn headline(&self, info: &CommitInfo) -> Headline {
        Headline {
            commit: info.id.clone(),
            first_parent: info.parents.first().cloned(),
            branch: self.branch.to_owned(),
            subject: info.subject.clone(),
            author: info.author.clone(),
        }
    }

    /// The commits that a message says are reverted, with the merge that brought each in.
    fn named(&self, info: &CommitInfo) -> Result<Vec<Named>, PassError> {
        let mut named = Vec::new();
        for commit in self.source.reverted(info)? {
            let through = self.through(&commit)?;
            let reachable = self.source.is_ancestor(&commit, &info.id)?;
            named.push(Named {
                commit,
                through,
                reachable,
                carried: false,
            });
        }
        Ok(named)
    }

    /// The commit on the branch from which `commit` is reachable, but not from its first parent. Of a
    /// commit that is on the branch itself that is not asked.
    fn through(&self, commit: &CommitId) -> Result<Option<CommitId>, PassError> {
        let recorded = self
            .book
            .releases
            .values()
            .map(|r| (&r.commit, r.first_parent.as_ref()));
        let drafted = self
            .drafts
            .iter()
            .map(|d| (&d.headline.commit, d.headline.first_parent.as_ref()));
        let line: Vec<_> = recorded.chain(drafted).collect();
        if line.iter().any(|(candidate, _)| *candidate == commit) {
            return Ok(None);
        }
        Ok(brought_in(self.source, commit, &line)?)
    }
}

/// The newest of some commits, given with their first parents and oldest first, from which `commit`
/// is reachable, but not from its first parent: the merge that brought it in.
///
/// # Errors
/// Whatever reading commits gives.
pub fn brought_in<S: Source>(
    source: &S,
    commit: &CommitId,
    line: &[(&CommitId, Option<&CommitId>)],
) -> Result<Option<CommitId>, GitError> {
    let all = line.iter().flat_map(|(id, first)| [Some(*id), *first]);
    let all = all.flatten().cloned().collect();
    let reached = source.descendants(commit, &all)?;
    let brought = line.iter().rev().find(|(id, first_parent)| {
        let before = first_parent.is_some_and(|parent| reached.contains(parent));
        reached.contains(*id) && !before
    });
    Ok(brought.map(|(id, _)| (*id).clone()))
}

/// What differs between the files of two commits.
fn paths(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, PathChange> {
    before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            let change = PathChange {
                before: before.get(path).cloned(),
                after: after.get(path).cloned(),
            };
            (path.clone(), change)
        })
        .collect()
}
