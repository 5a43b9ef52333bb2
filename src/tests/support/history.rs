//! The developers of a history: they commit, merge and revert with Git itself, and know of each
//! release what it changed.

use std::fmt::Write as _;

use proptest::sample::Index;

use super::model::{self, Change, Edit, Files, Form, between, shows, undone};
use super::repo::Repo;

/// One entity each, as a kind, a key and a store view of the embedded store.
pub(crate) const ENTITIES: [[&str; 3]; 7] = [
    ["cms_block", "home-hero", "all"],
    ["cms_block", "countdown", "de"],
    ["cms_page", "home", "all"],
    ["cms_page", "black-friday", "all"],
    // The same key under `all` exists.
    ["cms_block", "home-hero", "de"],
    // Both exist.
    ["cms_block", "footer-links", "de"],
    ["cms_page", "winter-sale", "all"],
];

/// The same for the catalogue. What one of them needs is none of the others, but for the values of views.
pub(crate) const CATALOGUE: [([&str; 3], Form); 12] = [
    (["product", "24-MB01", "all"], Form::Whole),
    (["product", "24-MB01", "de"], Form::Fields),
    (["product", "new/bag 1", "all"], Form::Whole),
    (["category", "Default Category/Sale", "all"], Form::Whole),
    (["category", "Default Category/Gear", "de"], Form::Fields),
    (["category", "Default Category/New", "all"], Form::Whole),
    (
        [
            "category_product",
            "Default Category/Gear/Bags|24-WB03",
            "all",
        ],
        Form::Row,
    ),
    (["tier_price", "24-MB02|all|General|7", "all"], Form::Row),
    (["source_item", "24-WB03|default", "all"], Form::Row),
    (["special_price", "24-WB03", "all"], Form::Row),
    (["base_price", "24-MB02", "all"], Form::Value),
    (["cart_rule", "Spring", "all"], Form::Whole),
];

/// A commit that can be reverted.
struct Commit {
    id: String,
    kind: Kind,
    changes: Vec<Change>,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Ordinary,
    Merge,
    /// What came in by this merge, and is reverted apart from it.
    Part(String),
}

/// What was committed, and what of it is still to be taken back.
#[derive(Default)]
pub(crate) struct History {
    entities: Vec<[&'static str; 3]>,
    files: Files,
    live: Vec<Commit>,
    /// Reverts that may be reverted themselves.
    reverts: Vec<Commit>,
    pub(crate) releases: usize,
    pub(crate) reverted: usize,
    /// One line for each commit, for a test that fails.
    pub(crate) told: String,
}

impl History {
    /// The first commit: what the releases refer to.
    pub(crate) fn begin(repo: &Repo, entities: Vec<[&'static str; 3]>) -> Self {
        let history = Self {
            entities,
            ..Self::default()
        };
        history.write(repo);
        repo.commit("Add contents");
        history
    }

    /// Returns how many releases are to be taken back.
    pub(crate) fn live(&self) -> usize {
        self.live.len()
    }

    fn tell(&mut self, id: &str, what: &str) {
        writeln!(self.told, "  {} {what}", &id[..8]).unwrap();
    }

    fn write(&self, repo: &Repo) {
        let tree = model::tree(&self.files, &self.entities);
        for (path, text) in &tree {
            repo.write(path, text);
        }
        for entry in std::fs::read_dir(repo.path("releases"))
            .into_iter()
            .flatten()
        {
            let name = entry.unwrap().file_name();
            let path = format!("releases/{}", name.to_str().unwrap());
            if !tree.contains_key(&path) {
                repo.remove(&path);
            }
        }
    }

    /// One release, where the edits change anything.
    fn commit(&mut self, repo: &Repo, edits: &[Edit]) -> Option<Commit> {
        let before = self.files.clone();
        model::apply(&mut self.files, edits);
        let changes = between(&before, &self.files);
        if changes.is_empty() {
            return None;
        }
        self.releases += 1;
        let subject = format!("Release {}", self.releases);
        self.write(repo);
        let id = repo.commit(&subject);
        self.tell(&id, &format!("{subject}: {changes:?}"));
        let kind = Kind::Ordinary;
        Some(Commit { id, kind, changes })
    }

    pub(crate) fn release(&mut self, repo: &Repo, edits: &[Edit]) {
        let release = self.commit(repo, edits);
        self.live.extend(release);
    }

    /// Releases on a branch of their own; the merge is one release. Its parts can be reverted one by
    /// one where none has to do with another.
    pub(crate) fn merge(&mut self, repo: &Repo, releases: &[Vec<Edit>], parts: bool) {
        let before = self.files.clone();
        repo.git(&["checkout", "-q", "-B", "side"]);
        let inner: Vec<Commit> = releases
            .iter()
            .filter_map(|edits| self.commit(repo, edits))
            .collect();
        repo.git(&["checkout", "-q", "main"]);
        let changes = between(&before, &self.files);
        if inner.is_empty() {
            return;
        }
        repo.git(&["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
        let id = repo.head();
        self.tell(&id, &format!("Merge side, parts: {parts}"));
        let entities: Vec<usize> = inner
            .iter()
            .flat_map(|commit| commit.changes.iter().map(|change| change.at.1))
            .collect();
        let mut distinct = entities.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if parts && distinct.len() == entities.len() {
            self.live.extend(inner.into_iter().map(|commit| Commit {
                kind: Kind::Part(id.clone()),
                ..commit
            }));
        } else if !changes.is_empty() {
            let kind = Kind::Merge;
            self.live.push(Commit { id, kind, changes });
        }
    }

    /// A commit with a file that cannot be read.
    pub(crate) fn bad(&mut self, repo: &Repo) -> String {
        let id = repo.prepare("bad", "changes:\n  - kind: nothing\n", "Break it");
        self.tell(&id, "Break it");
        id
    }

    /// Its revert.
    pub(crate) fn good_again(&mut self, repo: &Repo, bad: &str) {
        let id = repo.revert_only(&[bad]);
        self.tell(&id, "Revert \"Break it\"");
    }

    /// Reverts some of the releases, each in a commit of its own or all in one; whether there was
    /// any to be reverted.
    pub(crate) fn revert(&mut self, repo: &Repo, picks: &[Index], one_commit: bool) -> bool {
        if one_commit {
            return self.revert_at_once(repo, picks);
        }
        let mut any = false;
        for pick in picks {
            let possible = self.possible(&[]);
            if possible.is_empty() {
                break;
            }
            let at = *pick.get(&possible);
            let commit = self.live.remove(at);
            self.reverted += 1;
            let changes = self.undo(repo, &commit);
            let (id, kind) = (repo.head(), Kind::Ordinary);
            self.reverts.push(Commit { id, kind, changes });
            any = true;
        }
        any
    }

    /// The revert of a revert is a release like any other.
    pub(crate) fn reapply(&mut self, repo: &Repo, pick: &Index) {
        let reverts = self.reverts.iter().enumerate();
        let possible: Vec<usize> = reverts
            .filter(|(_, revert)| undone(&self.files, &revert.changes).is_some())
            .map(|(at, _)| at)
            .collect();
        if possible.is_empty() {
            return;
        }
        let commit = self.reverts.remove(*pick.get(&possible));
        let changes = self.undo(repo, &commit);
        let (id, kind) = (repo.head(), Kind::Ordinary);
        self.live.push(Commit { id, kind, changes });
    }

    /// `git revert`; where the lines are too near for Git, somebody resolves the conflict.
    fn undo(&mut self, repo: &Repo, commit: &Commit) -> Vec<Change> {
        let before = self.files.clone();
        self.files = undone(&before, &commit.changes).unwrap();
        let mut args = vec!["revert", "--no-edit"];
        if commit.kind == Kind::Merge {
            args.extend(["-m", "1"]);
        }
        args.push(&commit.id);
        let clean = repo.try_git(&args).status.success();
        self.write(repo);
        repo.git(&["add", "-A"]);
        if !clean {
            repo.git(&["revert", "--continue"]);
        } else if !repo.git(&["status", "--porcelain"]).is_empty() {
            repo.git(&["commit", "-q", "--amend", "--no-edit"]);
        }
        let id = repo.head();
        let how = if clean { "" } else { ", after a conflict" };
        self.tell(&id, &format!("reverts {}{how}", &commit.id[..8]));
        between(&before, &self.files)
    }

    /// Returns what can be reverted together with others in one commit. Words count only where the commit
    /// changes a field that the release changed; of one that shows nothing Git makes no commit. The
    /// part of a merge stands for the merge only in the fields that the reverting commit changes, so
    /// it is reverted alone.
    fn possible(&self, with: &[(Files, Commit)]) -> Vec<usize> {
        let start = with.first().map_or(&self.files, |(start, _)| start);
        let live = self.live.iter().enumerate();
        let is_part = |commit: &Commit| matches!(commit.kind, Kind::Part(_));
        live.filter(|(_, commit)| {
            with.is_empty() || !(is_part(commit) || with.iter().any(|(_, c)| is_part(c)))
        })
        .filter(|(_, commit)| {
            undone(&self.files, &commit.changes).is_some_and(|files| {
                let mut all = with.iter().map(|(_, commit)| commit).chain([*commit]);
                all.all(|commit| shows(&commit.changes, start, &files))
            })
        })
        .map(|(at, _)| at)
        .collect()
    }

    fn revert_at_once(&mut self, repo: &Repo, picks: &[Index]) -> bool {
        let mut taken: Vec<(Files, Commit)> = Vec::new();
        for pick in picks {
            let possible = self.possible(&taken);
            if possible.is_empty() {
                break;
            }
            let commit = self.live.remove(*pick.get(&possible));
            let before = self.files.clone();
            self.files = undone(&before, &commit.changes).unwrap();
            taken.push((before, commit));
        }
        self.reverted += taken.len();
        let Some((before, _)) = taken.first() else {
            return false;
        };
        let changes = between(before, &self.files);
        let id = self.commit_words(repo, "Revert something", taken.iter().map(|(_, c)| &c.id));
        let kind = Kind::Ordinary;
        self.reverts.push(Commit { id, kind, changes });
        true
    }

    /// What is left conflicts: somebody takes all of it back in one commit.
    pub(crate) fn revert_the_rest(&mut self, repo: &Repo) {
        self.files.clear();
        let rest: Vec<Commit> = self.live.drain(..).rev().collect();
        self.reverted += rest.len();
        let mut ids: Vec<&String> = Vec::new();
        for commit in &rest {
            // Here a part is reverted with the rest of its merge.
            let id = match &commit.kind {
                Kind::Part(merge) => merge,
                Kind::Ordinary | Kind::Merge => &commit.id,
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        self.commit_words(repo, "Revert the rest", ids.into_iter());
    }

    fn commit_words<'a>(
        &mut self,
        repo: &Repo,
        subject: &str,
        ids: impl Iterator<Item = &'a String>,
    ) -> String {
        let mut message = format!("{subject}\n\n");
        for id in ids {
            writeln!(message, "This reverts commit {id}.").unwrap();
        }
        self.write(repo);
        let id = repo.commit(&message);
        self.tell(&id, &message.replace('\n', " "));
        id
    }
}
