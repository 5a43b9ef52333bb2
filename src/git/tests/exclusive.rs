//! The commits that a commit brings in, as `git rev-list` has them.

use std::collections::BTreeMap;

use super::support::Site;
use crate::domain::CommitId;
use crate::git::Repository;
use crate::ports::{GitError, Source as _};

/// Histories of commits without changes, with dates as they are wanted.
pub(super) struct Graph {
    pub(super) site: Site,
    pub(super) commits: BTreeMap<String, CommitId>,
}

impl Graph {
    /// Makes commits from `name: parents @ hours`, in this order; those `@ -` have no date.
    pub(super) fn new(lines: &[&str]) -> Self {
        let mut graph = Self {
            site: Site::new(),
            commits: BTreeMap::new(),
        };
        graph.site.commit("a", "1", "root");
        for line in lines {
            graph.add(line);
        }
        graph
    }

    pub(super) fn add(&mut self, line: &str) {
        let (name, rest) = line.split_once(':').unwrap();
        let (parents, hours) = rest.split_once('@').unwrap();
        let parents: Vec<&str> = parents.split_whitespace().collect();
        let id = self.commit(name, &parents, hours.trim());
        self.commits.insert(name.to_owned(), id);
    }

    /// The object is written as it is: `git commit-tree` asks for nothing else.
    fn commit(&self, name: &str, parents: &[&str], hours: &str) -> CommitId {
        use std::fmt::Write as _;
        let tree = self.site.git(&["rev-parse", "HEAD^{tree}"]);
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            writeln!(text, "parent {}", self.commits[*parent]).unwrap();
        }
        let date = match hours {
            "-" => String::new(),
            hours => {
                let time = 1_700_000_000 + hours.parse::<i64>().unwrap() * 3600;
                format!(" {time} +0000")
            }
        };
        for who in ["author", "committer"] {
            writeln!(text, "{who} Ada <ada@example.com>{date}").unwrap();
        }
        write!(text, "\n{name}\n").unwrap();
        std::fs::write(self.site.path("object"), text).unwrap();
        let args = [
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--literally",
            "../object",
        ];
        CommitId::new(self.site.git(&args)).unwrap()
    }

    pub(super) fn source(&self) -> Repository {
        self.site.in_place("work")
    }

    /// The names of what comes in, in order.
    pub(super) fn brought(&self, tip: &str, not_from: &[&str]) -> String {
        let not_from: Vec<CommitId> = not_from.iter().map(|n| self.commits[*n].clone()).collect();
        let brought = self.source().brought_in(&self.commits[tip], &not_from);
        let names = brought.unwrap().into_iter().map(|info| info.subject);
        names.collect::<Vec<_>>().join(" ")
    }

    /// The answer of `git rev-list`, sorted by name.
    fn listed(&self, tip: &str, not_from: &[&str]) -> Vec<String> {
        let tip_id = &self.commits[tip];
        let mut args = vec!["rev-list".to_owned(), tip_id.to_string()];
        args.extend(not_from.iter().map(|n| format!("^{}", self.commits[*n])));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let listed = self.site.git(&args);
        let ids = listed.lines().filter(|id| *id != tip_id.as_str());
        let names: BTreeMap<&str, &String> = self
            .commits
            .iter()
            .map(|(name, id)| (id.as_str(), name))
            .collect();
        let mut names: Vec<String> = ids.map(|id| names[id].clone()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_a_merge_brings_in() {
    let graph = Graph::new(&[
        "a:@1", "b: a@2", "x: a@3", "c: b@4", "y: x@5", "m: c y@6", "d: m@7",
    ]);
    assert_eq!(graph.brought("m", &["c"]), "y x");
    assert_eq!(graph.brought("c", &["b"]), "");
    // after invalid commits: what they brought in comes with the next valid one
    assert_eq!(graph.brought("d", &["b"]), "m y c x");
    assert_eq!(graph.brought("d", &["b", "y"]), "m c");
    assert_eq!(graph.brought("d", &["d"]), "");
    assert_eq!(graph.brought("b", &["d"]), "");
    assert_eq!(graph.brought("a", &[]), "");
    assert_eq!(graph.brought("d", &[]), "m y c x b a");
}

#[test]
fn unknown_commits_exclude_nothing() {
    let graph = Graph::new(&["a:@1", "b: a@2", "c: b@3"]);
    let source = graph.source();
    let unknown = CommitId::new("1".repeat(40)).unwrap();
    let brought = source.brought_in(
        &graph.commits["c"],
        &[unknown.clone(), graph.commits["a"].clone()],
    );
    assert_eq!(brought.unwrap().len(), 1);
    let missing = source.brought_in(&unknown, &[]);
    assert_eq!(missing, Err(GitError::NotFound(unknown.to_string())));
}

#[test]
fn children_come_before_their_parents_whatever_their_dates() {
    // x is dated before its parent y, and z in the future
    let graph = Graph::new(&[
        "a:@1",
        "z: a@900",
        "y: z@20",
        "x: y@2",
        "b: a@3",
        "m: b x@30",
    ]);
    assert_eq!(graph.brought("m", &["b"]), "x y z");
    // of one date, those of earlier parents first
    let graph = Graph::new(&["a:@1", "x: a@2", "y: a@2", "z: a@2", "m: a z x y@3"]);
    assert_eq!(graph.brought("m", &["a"]), "z x y");
}

#[test]
fn a_pull_request_that_had_merged_the_branch_brings_in_its_own_commits_alone() {
    let graph = Graph::new(&[
        "a:@1", "x: a@2", "b: a@3", "y: x b@4", "c: b@5", "z: y@6", "m: c z@7",
    ]);
    assert_eq!(graph.brought("m", &["c"]), "z y x");
    // somebody's `git pull` turned the first-parent line round
    let graph = Graph::new(&["a:@1", "b: a@2", "x: a@3", "m: x b@4"]);
    assert_eq!(graph.brought("m", &["b"]), "x");
}

#[test]
fn dates_that_are_wrong_do_not_bring_back_what_was_handled() {
    // The merge base, and what is before it, are dated after the commits that follow.
    let graph = Graph::new(&[
        "a:@500", "b: a@501", "c: b@3", "x: b@4", "d: c@5", "e: d@6", "m: e x@7",
    ]);
    assert_eq!(graph.brought("m", &["e"]), "x");
    // One commit of the epoch, on either side.
    let graph = Graph::new(&["a:@1", "b: a@2", "x: b@-400000", "c: b@3", "m: c x@4"]);
    assert_eq!(graph.brought("m", &["c"]), "x");
    let graph = Graph::new(&["a:@1", "b: a@2", "x: b@3", "c: b@-400000", "m: c x@4"]);
    assert_eq!(graph.brought("m", &["c"]), "x");
}

/// What an importer has left is as old as what it was made upon, so that a handled part of it is known.
#[test]
fn commits_without_a_date() {
    let graph = Graph::new(&[
        "a:@1",
        "b: a@2",
        "x: b@-",
        "y: x@-",
        "z: y@-",
        "t: b@9",
        "m: t z@10",
    ]);
    assert_eq!(graph.brought("m", &["z"]), "t");
    assert_eq!(graph.brought("m", &["t"]), "z y x");
    assert_eq!(graph.brought("z", &["b"]), "y x");
    let graph = Graph::new(&["a:@-", "b: a@-", "c: b@-", "m: b c@-"]);
    assert_eq!(graph.brought("m", &["b"]), "c");
    assert_eq!(graph.brought("m", &["c"]), "");
}

#[test]
fn histories_without_a_common_commit() {
    let graph = Graph::new(&["a:@1", "b: a@2", "p:@3", "q: p@4", "m: b q@5"]);
    assert_eq!(graph.brought("m", &["b"]), "q p");
    assert_eq!(graph.brought("q", &["b"]), "p");
}

/// Merges of one date each double the paths.
#[test]
fn many_merges_of_one_date() {
    let mut lines = vec!["c0:@1".to_owned()];
    for n in 1..25 {
        lines.push(format!("s{n}: c{}@1", n - 1));
        lines.push(format!("c{n}: c{} s{n}@1", n - 1));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let graph = Graph::new(&lines);
    assert_eq!(graph.brought("c24", &["c23"]), "s24");
    assert_eq!(graph.brought("c24", &["c22"]), "s24 c23 s23");
    assert_eq!(graph.brought("c24", &[]).split(' ').count(), 48);
}

/// Random histories with clocks that are off by some hours.
#[test]
fn agrees_with_git() {
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut graph = Graph::new(&["n0:@0"]);
    for n in 1..60_u64 {
        let parent = |random: &mut dyn FnMut(u64) -> u64| n - 1 - random(n.min(5));
        let mut parents = vec![parent(&mut random)];
        if n > 2 && random(3) == 0 {
            let second = parent(&mut random);
            if second != parents[0] {
                parents.push(second);
            }
        }
        let parents: Vec<String> = parents.iter().map(|p| format!("n{p}")).collect();
        let hours = n * 4 + random(16);
        graph.add(&format!("n{n}: {}@{hours}", parents.join(" ")));
    }
    for _ in 0..60 {
        let tip = format!("n{}", random(60));
        let not_from: Vec<String> = (0..random(3)).map(|_| format!("n{}", random(60))).collect();
        let not_from: Vec<&str> = not_from.iter().map(String::as_str).collect();
        let brought = graph.brought(&tip, &not_from);
        let mut brought: Vec<String> = brought.split_whitespace().map(str::to_owned).collect();
        brought.sort();
        assert_eq!(
            brought,
            graph.listed(&tip, &not_from),
            "{tip} without {not_from:?}"
        );
    }
}
