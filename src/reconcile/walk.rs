//! From the head handled last to the tip of the branch: the commits of a pass as drafts.

mod change;
mod merged;
mod rewritten;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::change::{FileIds, change_between, paths};
use self::merged::Merged;
use super::error::PassError;
use super::ledger::LedgerSnapshot;
use crate::domain::{CommitId, DesiredState, Findings, ReleaseStatus, Severity};
use crate::manifest::{Loaded, Loader};
use crate::plan::{Book, Cause, Draft, Headline, NewCommit, Revision, Seq, Words};
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
    /// Its findings, none of them critical.
    pub findings: Findings,
    /// Whether the head must be recorded even where no release is made: the next commits do not
    /// descend from the head recorded last, or that one is invalid.
    pub must_record_head: bool,
    /// The releases whose commits came again with the same change when the branch was rewritten.
    pub renamed: BTreeMap<Seq, NewCommit>,
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
    ledger: &LedgerSnapshot,
    route: &Route<'_>,
) -> Result<Walked, PassError> {
    let mut walker = Walker::new(source, loader, &ledger.book, route);
    let handled = ledger.state.as_ref().and_then(|state| state.head.clone());
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
    if let Some(live) = ledger.state.as_ref().and_then(|state| state.live.clone()) {
        walker.start(live)?;
    }
    if ledger
        .state
        .as_ref()
        .is_some_and(|state| state.branch != route.branch)
    {
        walker.must_record_head = true;
        walker.single(&source.commit(&route.tip)?, Some(Cause::Switched))?;
        return Ok(walker.done(route.tip.clone()));
    }
    walker.repairs_invalid = ledger
        .book
        .of_commit(&handled)
        .is_some_and(|release| release.is_invalid());
    if walker.repairs_invalid {
        walker.owed = walker.owed_since(&handled)?;
    }
    if handled == route.tip {
        return Ok(walker.done(handled));
    }
    if walker.live.is_none() && route.bootstrap == Bootstrap::Adopt {
        // Nothing valid has been there to be adopted so far.
        walker.adopt(&route.tip, Some(&handled))?;
        return Ok(walker.done(route.tip.clone()));
    }
    if route.aside {
        walker.aside(&handled, &route.tip)?;
    } else if source.is_ancestor(&handled, &route.tip)? {
        let line = source.first_parents(&route.tip, Some(&handled))?;
        if line
            .first()
            .is_some_and(|first| first.parents.first() == Some(&handled))
        {
            for commit in &line {
                walker.commit(commit)?;
            }
        } else {
            // Somebody's `git pull` reparented the first-parent line round: all of it is one release.
            walker.reparented(&source.commit(&route.tip)?, handled)?;
        }
    } else if source.is_ancestor(&route.tip, &handled)? {
        walker.back(&source.commit(&route.tip)?)?;
    } else {
        walker.rewritten(&handled, route)?;
    }
    Ok(walker.done(route.tip.clone()))
}

/// Why a commit is looked at, where that is not yet settled because its files cannot be used.
#[derive(Debug, Clone, Copy)]
enum Owed {
    MovedBack,
    Switched,
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
    findings: Findings,
    files: FileIds,
    must_record_head: bool,
    /// Whether the head recorded last is invalid, so that a valid one must be recorded.
    repairs_invalid: bool,
    /// What an invalid commit was looked at for, and the next valid one is.
    owed: Option<Owed>,
    /// Since which commit, and by whom, a version of a file is broken: by path and content id.
    broken: BTreeMap<(String, String), (CommitId, String)>,
    renamed: BTreeMap<Seq, NewCommit>,
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
            findings: Findings::default(),
            files: FileIds::new_sync(),
            must_record_head: false,
            repairs_invalid: false,
            owed: None,
            broken: BTreeMap::new(),
            renamed: BTreeMap::new(),
        }
    }

    fn done(self, head: CommitId) -> Walked {
        Walked {
            drafts: self.drafts,
            head,
            live: self.live,
            state: self.state,
            findings: self.findings,
            must_record_head: self.must_record_head,
            renamed: self.renamed,
        }
    }

    fn load(&self, commit: &CommitId) -> Result<Loaded, PassError> {
        let tree = self.source.tree(commit)?;
        Ok(self.loader.read(tree.as_ref())?)
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
        self.findings = loaded.findings;
        self.files = loaded.files;
        self.live = Some(live);
        let trailing = self.book.current().rev().take_while(|r| r.is_invalid());
        for release in trailing.collect::<Vec<_>>().into_iter().rev() {
            // One that is gone from the repository cannot tell any more.
            if let Ok(loaded) = self.load(&release.commit) {
                self.note_broken(&release.commit, &release.author, &loaded);
            }
        }
        Ok(())
    }

    /// Notes since when files are broken.
    fn note_broken(&mut self, commit: &CommitId, author: &str, loaded: &Loaded) {
        let critical = loaded.findings.0.iter();
        let critical = critical.filter(|finding| finding.severity == Severity::Critical);
        for path in critical.map(|finding| &finding.origin.path) {
            if let Some(id) = loaded.files.get(path) {
                let known = self.broken.entry((path.clone(), id.clone()));
                known.or_insert_with(|| (commit.clone(), author.to_owned()));
            }
        }
    }

    /// Says of findings in files that were broken before since which commit they are, and by whom.
    fn tell_broken(&self, commit: &CommitId, loaded: &mut Loaded) {
        for finding in &mut loaded.findings.0 {
            let path = &finding.origin.path;
            let version = loaded.files.get(path).map(|id| (path.clone(), id.clone()));
            let since = version.and_then(|version| self.broken.get(&version));
            if let Some((since, author)) = since.filter(|(since, _)| since != commit) {
                finding.message = format!(
                    "{} (so since {} by {author})",
                    finding.message,
                    since.short()
                );
            }
        }
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
        let mut loaded = self.load(&info.id)?;
        if loaded.findings.any_critical() {
            // All that is wrong is told at once.
            let tree = self.source.tree(&info.id)?;
            self.loader.survey(tree.as_ref(), &mut loaded)?;
        }
        self.loaded(info, cause, loaded)
    }

    fn loaded(
        &mut self,
        info: &CommitInfo,
        cause: Option<Cause>,
        mut loaded: Loaded,
    ) -> Result<(), PassError> {
        for (name, theirs) in self.others {
            loaded
                .findings
                .0
                .extend(loaded.state.disputes(name, theirs));
        }
        if loaded.findings.any_critical() {
            self.invalid(info, cause, loaded);
            return Ok(());
        }
        self.must_record_head |= self.repairs_invalid;
        self.findings = std::mem::take(&mut loaded.findings);
        // What was said since the last valid commit counts: a revert arrives as a merged pull request
        // more often than not, and one pushed while another file was broken counts with the next
        // valid commit.
        let since = self.live.as_ref().or(info.parents.first());
        let brought = self
            .source
            .brought_in(&info.id, since.map_or(&[], std::slice::from_ref))?;
        let cause = match (cause, self.owed.take()) {
            (Some(cause), _) => cause,
            (None, Some(Owed::Switched)) => Cause::Switched,
            (None, Some(Owed::MovedBack)) => Cause::MovedBack(self.dropped(&info.id)?),
            (None, None) => Cause::Commit(self.words(info, &brought)?),
        };
        let says_nothing = match &cause {
            Cause::Commit(words) => words.claims_nothing(),
            Cause::Switched | Cause::MovedBack(_) | Cause::Adopt => false,
        };
        let changed = self.state.changed_files(&loaded.state);
        let paths = paths(&self.files, &loaded.files, changed);
        let quiet = says_nothing && paths.is_empty();
        let after = Arc::new(loaded.state);
        let before = std::mem::replace(&mut self.state, after.clone());
        self.files = loaded.files;
        self.live = Some(info.id.clone());
        if quiet {
            return Ok(());
        }
        let change = change_between(&before, &after);
        self.drafts.push(Draft {
            headline: self.headline(info),
            cause,
            before,
            after,
            revision: Revision::new(info.id.clone(), &info.message, change, paths),
            brings: self.revisions(&brought)?,
            invalid: None,
        });
        Ok(())
    }

    /// A commit whose files cannot be used: it demands nothing, and what it would have done otherwise is
    /// owed by the next valid one.
    fn invalid(&mut self, info: &CommitInfo, cause: Option<Cause>, mut loaded: Loaded) {
        self.note_broken(&info.id, &info.author, &loaded);
        self.tell_broken(&info.id, &mut loaded);
        self.owed = match cause {
            Some(Cause::MovedBack(_)) => Some(Owed::MovedBack),
            Some(Cause::Switched) => Some(Owed::Switched),
            Some(Cause::Adopt | Cause::Commit(_)) | None => self.owed,
        };
        let before = self.state.clone();
        self.drafts.push(Draft {
            headline: self.headline(info),
            cause: cause.unwrap_or_else(|| Cause::Commit(Words::default())),
            after: before.clone(),
            before,
            revision: Revision::new(info.id.clone(), &info.message, None, BTreeMap::new()),
            brings: Vec::new(),
            invalid: Some(loaded.findings),
        });
    }

    /// All since `handled` is one release, which therefore brought in whatever is not reachable from
    /// there, along whichever parent.
    fn reparented(&mut self, info: &CommitInfo, handled: CommitId) -> Result<(), PassError> {
        let mut info = info.clone();
        info.parents.insert(0, handled);
        self.single(&info, None)
    }

    /// The branch was moved back to an ancestor.
    fn back(&mut self, info: &CommitInfo) -> Result<(), PassError> {
        self.must_record_head = true;
        let dropped = self.dropped(&info.id)?;
        self.single(info, Some(Cause::MovedBack(dropped)))
    }

    /// What the head recorded last, which is invalid, was looked at for: the desired state in effect
    /// does not lie behind it.
    fn owed_since(&self, handled: &CommitId) -> Result<Option<Owed>, PassError> {
        let Some(live) = &self.live else {
            return Ok(None);
        };
        let mut valid = self.book.current().rev().filter(|r| !r.is_invalid());
        if valid.next().is_some_and(|r| r.branch != self.branch) {
            return Ok(Some(Owed::Switched));
        }
        let is_behind = self.source.is_ancestor(live, handled)?;
        Ok((!is_behind).then_some(Owed::MovedBack))
    }

    /// The releases whose commits are not reachable from a commit, newest first.
    fn dropped(&self, tip: &CommitId) -> Result<Vec<Seq>, PassError> {
        let mut dropped = Vec::new();
        let statuses = self.book.statuses(&self.book.standings());
        for release in self.book.current().rev() {
            // Of a merge that was reverted in part, the rest is still there.
            let is_over = statuses.get(&release.seq) == Some(&ReleaseStatus::RolledBack);
            if !is_over
                && !release.is_invalid()
                && !self.source.is_ancestor(&release.commit, tip)?
            {
                dropped.push(release.seq);
            }
        }
        Ok(dropped)
    }

    /// A revision beside the branch, as a pull request: what merging it now would do, as one commit.
    fn aside(&mut self, handled: &CommitId, tip: &CommitId) -> Result<(), PassError> {
        let base = self.source.merge_base(handled, tip)?.ok_or_else(|| {
            PassError::stalled(format!(
                "{} has no common history with the branch {}",
                tip.short(),
                self.branch
            ))
        })?;
        let tree = |commit: &CommitId| self.source.tree(commit);
        let (ours, theirs) = (self.live.as_ref().unwrap_or(handled), tip);
        let merged = Merged::new(tree(&base)?.as_ref(), tree(ours)?, tree(theirs)?)?;
        let loaded = self.loader.load(&merged)?;
        let mut info = self.source.commit(tip)?;
        info.parents.insert(0, handled.clone());
        self.loaded(&info, None, loaded)
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
