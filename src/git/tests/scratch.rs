//! Commits made beside a repository, and pushed into it.

use super::support::Site;
use crate::domain::CommitId;
use crate::git::{Clash, Identity, Location, Pushed, Repository, Scratch, Undo, Undone};
use crate::ports::{GitError, Source as _};

fn parent(site: &Site, commit: &CommitId) -> Option<CommitId> {
    let parents = site.git(&["log", "-1", "--format=%P", commit.as_str()]);
    parents
        .split(' ')
        .next()
        .and_then(|id| CommitId::new(id).ok())
}

fn undo(site: &Site, commit: &CommitId) -> Undo {
    Undo {
        commit: commit.clone(),
        parent: parent(site, commit),
    }
}

/// Takes commits back from the tip of `main`, in this order.
fn undone(site: &Site, scratch: &Scratch, commits: &[&CommitId]) -> Undone {
    let mut tree = scratch.content(&site.head()).unwrap();
    for commit in commits {
        match scratch.undo(tree, &undo(site, commit)).unwrap() {
            Undone::Clean(next) => tree = next,
            conflict @ Undone::Conflict(_) => return conflict,
        }
    }
    Undone::Clean(tree)
}

/// A commit of what is left, and its files.
fn made(site: &Site, scratch: &Scratch, commits: &[&CommitId]) -> (CommitId, Vec<String>) {
    let Undone::Clean(tree) = undone(site, scratch, commits) else {
        panic!("a conflict");
    };
    let who = Identity::of_user(jiff::Timestamp::UNIX_EPOCH);
    let commit = scratch.commit(tree, &site.head(), "Undo\n", &who).unwrap();
    let files = scratch.repository().unwrap().tree(&commit).unwrap();
    let files = files.entries().unwrap().into_iter().map(|e| e.path);
    (commit, files.collect())
}

fn conflict(undone: &Undone) -> Vec<Clash> {
    match undone {
        Undone::Clean(_) => panic!("no conflict"),
        Undone::Conflict(clashes) => clashes.clone(),
    }
}

fn clash(path: &str, gone: bool) -> Clash {
    Clash {
        path: path.to_owned(),
        gone,
    }
}

#[test]
fn what_commits_changed_is_taken_back() {
    for format in ["sha1", "sha256"] {
        let site = Site::with_format(format);
        let root = site.commit("a", "1\n", "root");
        let two = site.commit("b/c", "2\n", "two");
        let three = site.commit("a", "3\n", "three");
        site.push();
        for source in [site.in_place("bare.git"), site.mirror("m")] {
            let scratch = source.scratch().unwrap();
            let (commit, files) = made(&site, &scratch, &[&two]);
            assert_eq!(files, ["a"]);
            let repository = scratch.repository().unwrap();
            assert_eq!(repository.commit(&commit).unwrap().parents, [site.head()]);
            assert_eq!(repository.head("main").unwrap(), Some(site.head()));
            let (_, files) = made(&site, &scratch, &[&three, &two, &root]);
            assert_eq!(files, Vec::<String>::new());
            // Nothing of it is where it was not pushed.
            assert!(matches!(source.commit(&commit), Err(GitError::NotFound(_))));
        }
    }
}

#[test]
fn a_merge_is_taken_back_towards_the_parent_that_is_named() {
    let site = Site::new();
    let root = site.commit("a", "1\n", "root");
    site.git(&["checkout", "-q", "-b", "topic"]);
    let topic = site.commit("b", "2\n", "two");
    site.git(&["checkout", "-q", "main"]);
    let main = site.commit("c", "3\n", "three");
    site.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
    let merge = site.head();
    site.push();
    let source = site.in_place("bare.git");
    let scratch = source.scratch().unwrap();
    for (parent, left) in [
        (main, vec!["a", "c"]),
        (topic, vec!["a", "b"]),
        (root, vec!["a"]),
    ] {
        let tree = scratch.content(&merge).unwrap();
        let undo = Undo {
            commit: merge.clone(),
            parent: Some(parent),
        };
        let Undone::Clean(tree) = scratch.undo(tree, &undo).unwrap() else {
            panic!("a conflict");
        };
        let who = Identity::of_user(jiff::Timestamp::UNIX_EPOCH);
        let commit = scratch.commit(tree, &merge, "Undo\n", &who).unwrap();
        let tree = scratch.repository().unwrap().tree(&commit).unwrap();
        let files: Vec<_> = tree
            .entries()
            .unwrap()
            .into_iter()
            .map(|e| e.path)
            .collect();
        assert_eq!(files, left);
    }
}

#[test]
fn later_changes_of_the_same_lines_are_a_conflict() {
    let site = Site::new();
    site.commit("a", "1\n", "one");
    let two = site.commit("a", "2\n", "two");
    let three = site.commit("a", "3\n", "three");
    site.commit("b", "other\n", "other");
    site.push();
    let scratch = site.in_place("bare.git").scratch().unwrap();
    let both = conflict(&undone(&site, &scratch, &[&two]));
    assert_eq!(both, [clash("a", false)]);
    // Newest first there is none, also after one.
    let (_, files) = made(&site, &scratch, &[&three, &two]);
    assert_eq!(files, ["a", "b"]);
}

#[test]
fn a_file_that_is_gone_needs_nothing_or_a_decision() {
    let site = Site::new();
    let one = site.commit("a", "1\n", "one");
    let two = site.commit("a", "2\n", "two");
    site.git(&["rm", "-q", "a"]);
    site.commit("b", "another file\n", "tidy up");
    site.push();
    let scratch = site.in_place("bare.git").scratch().unwrap();
    let (_, files) = made(&site, &scratch, &[&one]);
    assert_eq!(files, ["b"]);
    let gone = conflict(&undone(&site, &scratch, &[&two]));
    assert_eq!(gone, [clash("a", true)]);
    let tip = scratch.content(&site.head()).unwrap();
    let left = scratch.undo_but_for_gone(tip, &undo(&site, &two)).unwrap();
    assert_eq!(left, tip);
}

#[test]
fn a_file_that_was_moved_is_taken_back_where_it_is() {
    let site = Site::new();
    site.commit("a", "1\n", "one");
    let changed = site.commit("a", "2\n", "two");
    let added = site.commit("b", "new\n", "three");
    std::fs::create_dir(site.path("work/old")).unwrap();
    site.git(&["mv", "a", "b", "old"]);
    site.git(&["commit", "-q", "-m", "tidy up"]);
    site.push();
    let scratch = site.mirror("m").scratch().unwrap();
    let (commit, files) = made(&site, &scratch, &[&added, &changed]);
    assert_eq!(files, ["old/a"]);
    let tree = scratch.repository().unwrap().tree(&commit).unwrap();
    assert_eq!(tree.read("old/a", 10).unwrap(), b"1\n");
    // Another file that only resembles it is another file.
    let lines: String = (0..50).map(|n| format!("line {n}\n")).collect();
    let similar = site.commit("c", &lines, "c");
    site.git(&["rm", "-q", "c"]);
    site.commit("d", &format!("{lines}and one more\n"), "d instead of c");
    site.push();
    let scratch = site.in_place("bare.git").scratch().unwrap();
    let (_, files) = made(&site, &scratch, &[&similar]);
    assert_eq!(files, ["d", "old/a", "old/b"]);
}

#[test]
fn links_and_names_of_a_commit_mean_nothing_here() {
    let site = Site::new();
    let target = site.path("target");
    std::fs::write(&target, "untouched").unwrap();
    site.commit("a", "1\n", "one");
    std::os::unix::fs::symlink(&target, site.path("work/link")).unwrap();
    let two = site.commit("a", "2\n", "two");
    std::fs::remove_file(site.path("work/link")).unwrap();
    site.commit(".gitattributes", "* filter=evil merge=evil\n", "three");
    site.push();
    site.git_in("bare.git", &["config", "merge.evil.driver", "touch evil"]);
    site.git_in("bare.git", &["config", "filter.evil.smudge", "touch evil"]);
    let scratch = site.in_place("bare.git").scratch().unwrap();
    let (_, files) = made(&site, &scratch, &[&two]);
    assert_eq!(files, [".gitattributes", "a"]);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "untouched");
}

fn pushed(source: &Repository, site: &Site, branch: &str) -> (CommitId, Result<Pushed, GitError>) {
    let scratch = source.scratch().unwrap();
    let (commit, _) = made(site, &scratch, &[&site.head()]);
    let old = source.head(branch).unwrap();
    let pushed = scratch.push(branch, old.as_ref(), &commit);
    (commit, pushed)
}

#[test]
fn a_push_moves_the_branch_or_is_refused_by_it() {
    let site = Site::new();
    let one = site.commit("a", "1\n", "one");
    site.push();
    let tip = |branch: &str| site.git_in("bare.git", &["rev-parse", branch]);
    for source in [site.in_place("bare.git"), site.mirror("m")] {
        site.push();
        source.refresh().unwrap();
        site.hook("pre-receive", "echo 'see https://forge.example/pr/1'");
        let (commit, done) = pushed(&source, &site, "main");
        assert_eq!(tip("main"), commit.as_str());
        let said = vec!["see https://forge.example/pr/1".to_owned()];
        assert_eq!(done, Ok(Pushed::Done { said }));

        site.push();
        source.refresh().unwrap();
        site.hook(
            "update",
            "[ $1 = refs/heads/main ] && { echo 'main is protected'; exit 1; }; exit 0",
        );
        let (_, refused) = pushed(&source, &site, "main");
        assert_eq!(tip("main"), one.as_str());
        let Ok(Pushed::Refused { words }) = refused else {
            panic!("{refused:?}");
        };
        assert!(words.contains("main is protected"), "{words}");
        let (commit, done) = pushed(&source, &site, "gitmage/undo");
        assert!(matches!(done, Ok(Pushed::Done { .. })), "{done:?}");
        assert_eq!(tip("gitmage/undo"), commit.as_str());
        site.git_in("bare.git", &["update-ref", "-d", "refs/heads/gitmage/undo"]);
        std::fs::remove_file(site.path("bare.git/hooks/update")).unwrap();
    }
}

#[test]
fn a_branch_that_was_moved_meanwhile_is_left_alone() {
    let site = Site::new();
    let one = site.commit("a", "1\n", "one");
    let two = site.commit("a", "2\n", "two");
    site.push();
    for source in [site.in_place("bare.git"), site.mirror("m")] {
        site.push();
        source.refresh().unwrap();
        // Forward would be a fast-forward all the same: where it was moved back, too, somebody meant it.
        let scratch = source.scratch().unwrap();
        let (commit, _) = made(&site, &scratch, &[&two]);
        site.git_in("bare.git", &["update-ref", "refs/heads/main", one.as_str()]);
        let raced = scratch.push("main", Some(&two), &commit);
        assert_eq!(raced, Ok(Pushed::Raced));
        let tip = site.git_in("bare.git", &["rev-parse", "main"]);
        assert_eq!(tip, one.as_str());
    }
}

#[test]
fn a_branch_that_is_checked_out_is_not_pulled_away() {
    let site = Site::new();
    let one = site.commit("a", "1\n", "one");
    let source = site.in_place("work");
    let (_, refused) = pushed(&source, &site, "main");
    let Ok(Pushed::Refused { words }) = refused else {
        panic!("{refused:?}");
    };
    assert!(words.contains("checked out"), "{words}");
    assert_eq!(site.head(), one);
    let (commit, done) = pushed(&source, &site, "gitmage/undo");
    assert!(matches!(done, Ok(Pushed::Done { .. })), "{done:?}");
    assert_eq!(site.git(&["rev-parse", "gitmage/undo"]), commit.as_str());
    assert_eq!(site.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_remote_that_is_away_is_no_refusal() {
    let site = Site::new();
    site.commit("a", "1\n", "one");
    site.push();
    let source = site.mirror("m");
    source.head("main").unwrap();
    std::fs::rename(site.path("bare.git"), site.path("away.git")).unwrap();
    let (_, unknown) = pushed(&source, &site, "main");
    assert!(
        matches!(unknown, Err(GitError::Unavailable { .. })),
        "{unknown:?}"
    );
}

#[test]
fn an_odd_place_is_borrowed_from_too() {
    let site = Site::new();
    site.commit("a", "1\n", "one");
    let two = site.commit("a", "2\n", "two");
    site.git_in(
        "",
        &["clone", "-q", "--bare", "work", "an odd #\"place.git"],
    );
    let location = Location::Path(site.path("an odd #\"place.git"));
    let source = Repository::open(site.options(location)).unwrap();
    let scratch = source.scratch().unwrap();
    let (commit, files) = made(&site, &scratch, &[&two]);
    assert_eq!(files, ["a"]);
    let done = scratch.push("main", Some(&site.head()), &commit);
    assert!(matches!(done, Ok(Pushed::Done { .. })), "{done:?}");
    assert_eq!(source.head("main").unwrap(), Some(commit));
}
