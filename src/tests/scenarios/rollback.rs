//! `gitmage rollback`: the right revert commit, on the watched branch or beside it.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::world::{Options, Run, World, chmod, file, title};

const REMOTE: Options = Options {
    remote: true,
    settings: "",
};

/// A hook of the shared repository.
fn hook(w: &World, name: &str, script: &str) {
    let path = w.repo.bare.join("hooks").join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    chmod(&path, 0o755);
}

/// Refuses every push to `main`, as a forge that protects it.
fn protect(w: &World) {
    hook(
        w,
        "pre-receive",
        "while read -r _ _ ref; do [ $ref = refs/heads/main ] && { echo 'GH006: Protected branch'; exit 1; }; done; exit 0",
    );
}

#[track_caller]
fn pushed(w: &World, args: &[&str]) -> (String, Run) {
    let before = w.repo.tip("main").unwrap();
    let mut all = vec!["rollback", "--yes"];
    all.extend(args);
    let run = w.run(&all).converged();
    let tip = w.repo.tip("main").unwrap();
    assert_eq!(
        w.repo.git_bare(&["rev-parse", "main^"]),
        before,
        "{}",
        run.said()
    );
    assert!(
        run.stdout.contains(&format!("gitmage wait {}", &tip[..10])),
        "{}",
        run.said()
    );
    // Whoever works on goes on from there.
    w.repo.git(&["fetch", "-q", "origin", "main"]);
    w.repo.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    (tip, run)
}

/// Refused, and nothing was moved anywhere.
#[track_caller]
fn refused(w: &World, args: &[&str], words: &[&str]) {
    let refs = w.repo.git_bare(&["for-each-ref"]);
    let mut all = vec!["rollback"];
    all.extend(args);
    w.run(&all).failed_saying(words);
    assert_eq!(w.repo.git_bare(&["for-each-ref"]), refs);
}

fn message(w: &World, commit: &str) -> String {
    w.repo.git_bare(&["log", "-1", "--format=%B", commit])
}

fn hero(w: &World) -> Value {
    w.shop.field("cms_block", "home-hero", "all", "title")
}

#[test]
fn one_release_is_taken_back_by_whatever_names_it() {
    for options in [Options::default(), REMOTE] {
        let w = World::with(options);
        let before = w.shop.dump();
        let one = w
            .repo
            .release("a", &title("home-hero", "One"), "Say \"One\"");
        w.reconcile().converged();
        let (undo, _) = pushed(&w, &[&one[..7]]);
        assert_eq!(
            message(&w, &undo),
            format!("Revert \"Say \"One\"\"\n\nThis reverts commit {one}.\n\nReverts: {one}")
        );
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before);
        assert_eq!(w.stands(&one), "deploy rolled_back");
        assert_eq!(w.stands(&undo), "rollback live");
        let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
        w.reconcile().converged();
        let (undo, _) = pushed(&w, &["main"]);
        assert!(message(&w, &undo).contains(&two));
        w.reconcile().converged();
        assert_eq!(w.shop.dump(), before);
    }
}

#[test]
fn several_are_one_commit_whatever_their_order() {
    let w = World::with(REMOTE);
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    let three = w.repo.release("b", &title("old-hero", "Three"), "Three");
    w.reconcile().converged();
    let (undo, _) = pushed(&w, &[&one, &two, &one[..12]]);
    assert_eq!(
        message(&w, &undo),
        format!(
            "Revert 2 releases\n\nThis reverts commit {two}.\nThis reverts commit {one}.\n\nReverts: {two}\nReverts: {one}"
        )
    );
    w.reconcile().converged();
    assert_eq!(w.release(&undo)["reverts"], json!([two, one]));
    assert_eq!(
        w.shop.dump()["cms_block"]["home-hero"],
        before["cms_block"]["home-hero"]
    );
    assert_eq!(w.stands(&three), "deploy live");
}

#[test]
fn everything_after_a_release_is_taken_back_newest_first() {
    let w = World::new();
    let goal = w.repo.release("a", &title("home-hero", "Goal"), "Goal");
    w.reconcile().converged();
    let wanted = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    // Made and taken back meanwhile: nothing of it is left, and none of it may come again.
    let passing = w
        .repo
        .release("b", &title("old-hero", "Passing"), "Passing");
    w.reconcile().converged();
    w.repo.revert(&passing);
    w.reconcile().converged();
    w.repo.write("README.md", "no release\n");
    w.repo.commit("Explain");
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    // On the branch, and not handled yet.
    let waiting = w.repo.release("c", &title("footer-links", "Late"), "Late");
    let (undo, run) = pushed(&w, &["--to", &goal]);
    assert!(
        run.stdout.contains("takes back 3 releases"),
        "{}",
        run.said()
    );
    let trailers = w.repo.git_bare(&[
        "log",
        "-1",
        "--format=%(trailers:key=Reverts,valueonly)",
        &undo,
    ]);
    let trailers: Vec<&str> = trailers.split_whitespace().collect();
    assert_eq!(trailers, [waiting, two, one]);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), wanted);
    assert_eq!(w.repo.git(&["ls-files", "releases"]), "releases/a.yaml");
    let nothing = w.run(&["rollback", "--yes", "--to", &goal]).converged();
    assert!(
        nothing.stdout.contains("nothing came after"),
        "{}",
        nothing.said()
    );
    assert_eq!(w.repo.tip("main"), Some(undo));
}

#[test]
fn what_was_rolled_back_since_comes_again_where_it_was_there_before() {
    let w = World::new();
    w.repo.release("a", &title("home-hero", "First"), "First");
    let goal = w.repo.release("b", &title("old-hero", "Goal"), "Goal");
    w.reconcile().converged();
    let wanted = w.shop.dump();
    let first = w.repo.git(&["rev-parse", "HEAD~1"]);
    w.repo.revert(&first);
    w.repo.release("b", &title("old-hero", "Later"), "Later");
    w.reconcile().converged();
    assert_ne!(w.shop.dump(), wanted);
    pushed(&w, &["--to", &goal]);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), wanted);
}

#[test]
fn a_merge_is_taken_back_whole_by_any_of_its_commits() {
    let w = World::with(REMOTE);
    let before = w.shop.dump();
    w.repo.git(&["checkout", "-q", "-b", "feature"]);
    let part = w.repo.prepare("a", &title("home-hero", "One"), "One");
    w.repo.prepare("b", &title("old-hero", "Two"), "Two");
    w.repo.git(&["checkout", "-q", "main"]);
    let parent = w.repo.head();
    w.repo
        .git(&["merge", "-q", "--no-ff", "-m", "Merge feature", "feature"]);
    let merge = w.repo.head();
    w.repo.push();
    w.reconcile().converged();
    let (undo, _) = pushed(&w, &[&part]);
    assert_eq!(
        message(&w, &undo),
        format!(
            "Revert \"Merge feature\"\n\nThis reverts commit {merge}, reversing\nchanges made to {parent}.\n\nReverts: {merge}"
        )
    );
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
    assert_eq!(w.stands(&merge), "deploy rolled_back");
}

#[test]
fn a_pull_that_turned_the_line_round_is_taken_back_towards_what_was_handled() {
    let w = World::new();
    let base = w.repo.head();
    let theirs = w.repo.release("a", &title("home-hero", "Theirs"), "Theirs");
    w.reconcile().converged();
    let wanted = w.shop.dump();
    w.repo.git(&["checkout", "-q", "-b", "ours", &base]);
    w.repo.prepare("b", &title("old-hero", "Ours"), "Ours");
    w.repo.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge branch 'main'",
        "main",
    ]);
    let merge = w.repo.head();
    w.repo.push();
    w.reconcile().converged();
    let (undo, _) = pushed(&w, &[&merge]);
    assert!(message(&w, &undo).contains(&format!("changes made to {theirs}.")));
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), wanted);
    assert_eq!(w.stands(&theirs), "deploy live");
}

#[test]
fn what_an_invalid_commit_changed_goes_with_the_release_that_brought_it() {
    let w = World::new();
    let before = w.shop.dump();
    w.repo.write("releases/b.yaml", title("old-hero", "Two"));
    let invalid = w
        .repo
        .release("a", "changes:\n  - kind: nonsense\n", "Broken");
    w.reconcile().failed();
    let release = w.repo.release("a", &title("home-hero", "One"), "Repaired");
    w.reconcile().converged();
    assert_eq!(w.shop.field("cms_block", "old-hero", "all", "title"), "Two");
    refused(
        &w,
        &["--yes", &invalid],
        &[
            "came in with",
            &format!("gitmage rollback {}", &release[..10]),
        ],
    );
    let (undo, _) = pushed(&w, &[&release]);
    assert_eq!(
        message(&w, &undo),
        format!(
            "Revert \"Repaired\"\n\nThis reverts commit {release}.\nThis reverts commit {invalid}.\n\nReverts: {release}"
        )
    );
    assert_eq!(w.repo.git(&["ls-files", "releases"]), "");
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn a_conflict_names_the_files_and_the_later_release() {
    let w = World::with(REMOTE);
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    let three = w.repo.release("a", &title("home-hero", "Three"), "Three");
    w.reconcile().converged();
    refused(
        &w,
        &["--yes", &two],
        &[
            &format!("{} (Two) cannot be taken back alone", &two[..10]),
            &format!("releases/a.yaml: by {} (Three)", &three[..10]),
            &format!("gitmage rollback {} {}", &three[..10], &two[..10]),
            &format!("everything since {} (One)", &one[..10]),
            "nothing was pushed",
        ],
    );
    // As advised.
    pushed(&w, &[&three[..10], &two[..10]]);
    w.reconcile().converged();
    assert_eq!(hero(&w), "One");
    assert_eq!(w.stands(&one), "deploy live");
}

#[test]
fn what_would_refer_to_something_gone_is_refused_with_the_finding() {
    let w = World::new();
    w.repo.write("content/hero.html", "<h1>Sale</h1>\n");
    let content = "{ file: content/hero.html }";
    let one = w.repo.release(
        "a",
        &file(&[("cms_block", "home-hero", "all", "content", content)]),
        "One",
    );
    w.repo.release(
        "b",
        &file(&[("cms_block", "old-hero", "all", "content", content)]),
        "Two",
    );
    w.reconcile().converged();
    refused(
        &w,
        &["--yes", &one],
        &[
            "releases/b.yaml",
            "content/hero.html",
            "Roll back what refers to it",
        ],
    );
}

#[test]
fn a_broken_branch_is_said_to_be_in_the_way() {
    let w = World::new();
    let before = w.shop.dump();
    let goal = w.repo.release("a", &title("home-hero", "Goal"), "Goal");
    w.reconcile().converged();
    let wanted = w.shop.dump();
    w.repo
        .release("b", "changes:\n  - kind: nonsense\n", "Broken");
    w.reconcile().failed();
    refused(
        &w,
        &["--yes", &goal],
        &[
            "main cannot be used as they are",
            "releases/b.yaml:2:11",
            "git revert",
        ],
    );
    let (undo, _) = pushed(&w, &["--to", &goal]);
    assert!(message(&w, &undo).starts_with("Revert \"Broken\"\n"));
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), wanted);
    pushed(&w, &[&goal]);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn files_that_are_gone_already_leave_a_commit_of_words() {
    let w = World::with(REMOTE);
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    w.repo.remove("releases/a.yaml");
    w.repo.write("README.md", "tidy\n");
    w.repo.commit("Tidy up");
    w.repo.push();
    w.reconcile().converged();
    // Of the newer one only the older content could come back, which nobody demands any more.
    let (undo, run) = pushed(&w, &[&two, &one]);
    assert!(run.stdout.contains("the commit is empty"), "{}", run.said());
    assert_eq!(
        w.repo
            .git_bare(&["diff-tree", "-r", "--root", "main^", "main"]),
        ""
    );
    assert!(message(&w, &undo).ends_with(&format!("Reverts: {two}\nReverts: {one}")));
}

#[test]
fn a_file_that_was_moved_is_taken_back_where_it_is_and_one_that_was_merged_is_not() {
    let w = World::new();
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    let two = w.repo.release("b", &title("old-hero", "Two"), "Two");
    w.repo.write("releases/c.yaml", title("footer-links", "C"));
    let three = w.repo.commit("Three");
    w.repo.write("releases/c.yaml", title("footer-links", "CC"));
    let four = w.repo.commit("Four");
    w.repo.push();
    w.reconcile().converged();
    std::fs::create_dir(w.repo.path("releases/2026")).unwrap();
    w.repo
        .git(&["mv", "releases/a.yaml", "releases/2026/a.yaml"]);
    w.repo.commit("Move");
    w.repo.remove("releases/c.yaml");
    let both = file(&[
        ("cms_block", "footer-links", "all", "title", "CC"),
        ("cms_block", "old-hero", "all", "title", "Two"),
    ]);
    w.repo.write("releases/b.yaml", both);
    let merged = w.repo.commit("Merge files");
    w.repo.push();
    w.reconcile();
    pushed(&w, &[&one]);
    w.reconcile().converged();
    assert_eq!(
        w.shop.dump()["cms_block"]["home-hero"],
        before["cms_block"]["home-hero"]
    );
    refused(
        &w,
        &["--yes", &four],
        &["releases/c.yaml: by", &merged[..10]],
    );
    refused(&w, &["--yes", &two], &["releases/b.yaml: by"]);
    assert_eq!(w.stands(&three), "deploy canceled");
}

#[test]
fn where_the_branch_is_protected_the_commit_goes_beside_it() {
    let w = World::with(REMOTE);
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    protect(&w);
    let run = w.run(&["rollback", "--yes", &one]).converged();
    assert_eq!(w.repo.tip("main"), Some(one.clone()));
    let branches = w.repo.git_bare(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/gitmage",
    ]);
    let undo = w.repo.tip(&branches).unwrap();
    assert_eq!(branches, format!("gitmage/rollback-{}", &undo[..10]));
    for words in ["GH006: Protected branch", branches.as_str(), "NOT live"] {
        assert!(run.stdout.contains(words), "no {words:?} in {}", run.said());
    }
    assert_eq!(w.repo.git_bare(&["rev-parse", &format!("{undo}^")]), one);
    w.reconcile().converged();
    assert_eq!(hero(&w), "One");
    // Somebody brings it in.
    std::fs::remove_file(w.repo.bare.join("hooks/pre-receive")).unwrap();
    w.repo.git(&["fetch", "-q", "origin", &branches]);
    w.repo.git(&["merge", "-q", "--ff-only", "FETCH_HEAD"]);
    w.repo.push();
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn where_nothing_takes_a_push_both_reasons_are_said() {
    let w = World::with(REMOTE);
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    hook(&w, "pre-receive", "echo 'closed for the night'; exit 1");
    refused(
        &w,
        &["--yes", &one],
        &[
            "closed for the night",
            "gitmage/rollback-",
            "nothing was pushed",
        ],
    );
}

#[test]
fn a_hook_of_a_repository_in_place_counts_too() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    protect(&w);
    let run = w.run(&["rollback", "--yes", &one]).converged();
    assert!(run.stdout.contains("NOT live"), "{}", run.said());
    assert_eq!(w.repo.tip("main"), Some(one));
}

#[test]
fn a_branch_that_is_asked_for_is_pushed_instead() {
    let w = World::with(REMOTE);
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let args = ["rollback", "--yes", "--branch", "undo/one", &one];
    let run = w.run(&args).converged();
    assert!(run.stdout.contains("NOT live"), "{}", run.said());
    assert_eq!(w.repo.tip("main"), Some(one.clone()));
    let undo = w.repo.tip("undo/one").unwrap();
    assert_eq!(w.repo.git_bare(&["rev-parse", "undo/one^"]), one);
    // It has a commit by now that the new one does not come upon.
    refused(
        &w,
        &args[1..],
        &["undo/one is there already", "Name another"],
    );
    assert_eq!(w.repo.tip("undo/one"), Some(undo));
    for (branch, words) in [
        ("main", "production deploys that branch"),
        (
            "rollback/production",
            "the rollback branch of environment production",
        ),
        ("a..b", "none that Git allows"),
    ] {
        refused(&w, &["--yes", "--branch", branch, &one], &[words]);
    }
}

#[test]
fn a_branch_that_is_checked_out_is_left_to_whoever_works_there() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    // The configuration names the clone, which has a work tree.
    let config = std::fs::read_to_string(w.config()).unwrap();
    let bare = w.repo.bare.display().to_string();
    let clone = w.repo.path("").display().to_string();
    let config = config.replace(&bare, clone.trim_end_matches('/'));
    std::fs::write(w.config(), config).unwrap();
    w.reconcile().converged();
    let run = w.run(&["rollback", "--yes", &one]).converged();
    assert_eq!(w.repo.head(), one);
    assert_eq!(w.repo.git(&["status", "--porcelain"]), "");
    let branch = w.repo.git(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/gitmage",
    ]);
    for words in [
        "checked out in a work tree",
        "NOT live",
        &format!("git merge --ff-only {branch}"),
    ] {
        assert!(run.stdout.contains(words), "no {words:?} in {}", run.said());
    }
    w.repo.git(&["merge", "-q", "--ff-only", &branch]);
    w.reconcile().converged();
    assert_eq!(hero(&w), "Home hero");
}

/// The size and time of every file below a directory.
fn files(dir: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), path.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    for options in [Options::default(), REMOTE] {
        let w = World::with(options);
        let one = w.repo.release("a", &title("home-hero", "One"), "One");
        w.reconcile().converged();
        let shared = files(&w.repo.bare);
        let written = w.shop.writes().len();
        let run = w.run(&["rollback", "--dry-run", &one]).converged();
        for words in [
            "takes back 1 release",
            &one[..10],
            "~ update cms_block home-hero",
            "\"Home hero\"",
            "(put back)",
            "nothing was pushed to main",
        ] {
            assert!(run.stdout.contains(words), "no {words:?} in {}", run.said());
        }
        assert_eq!(files(&w.repo.bare), shared);
        assert_eq!(w.shop.writes().len(), written);
        assert_eq!(w.reconcile().converged().code, Some(0));
        assert_eq!(hero(&w), "One");
    }
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    refused(&w, &[&one], &["--yes", "--dry-run"]);
}

/// At a terminal, where somebody types an answer.
fn at_a_terminal(w: &World, args: &str, answer: &str) -> Run {
    let line = format!(
        "'{}' rollback {args} --config '{}'",
        env!("CARGO_BIN_EXE_gitmage"),
        w.config().display()
    );
    let mut child = std::process::Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(w.dir.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(answer.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    }
}

#[test]
fn at_a_terminal_the_plan_is_shown_and_the_answer_counts() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let run = at_a_terminal(&w, &one, "n\n");
    let run = run.failed_saying(&["(put back)", "Push this rollback to main? [y/N]"]);
    assert!(run.stdout.contains("nothing was pushed"), "{}", run.said());
    assert_eq!(w.repo.tip("main"), Some(one.clone()));
    // A store that is down is no reason not to ask.
    w.shop.faults(&json!({"revoked": true}));
    let run = at_a_terminal(&w, &one, "y\n").converged();
    assert!(
        run.stdout.contains("The plan cannot be shown"),
        "{}",
        run.said()
    );
    assert_eq!(w.repo.git_bare(&["rev-parse", "main^"]), one);
}

#[test]
fn what_cannot_be_taken_back_is_refused_with_what_to_do() {
    let w = World::new();
    refused(
        &w,
        &["--yes", "abcdef12"],
        &["no release \"abcdef12\"", "gitmage releases"],
    );
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    w.repo.write("README.md", "no release\n");
    let quiet = w.repo.commit("Explain");
    w.repo.push();
    refused(&w, &["--yes", &quiet], &["made no release"]);
    refused(
        &w,
        &["--yes", "--to", "nonsense"],
        &["no release \"nonsense\""],
    );
    let (undo, _) = pushed(&w, &[&one]);
    // It is on its way already.
    refused(
        &w,
        &["--yes", &one],
        &["takes it back already", &undo[..10]],
    );
    w.reconcile().converged();
    refused(
        &w,
        &["--yes", &one, &undo],
        &[
            &format!(
                "{} (One): is rolled back already, by {}",
                &one[..10],
                &undo[..10]
            ),
            &format!(
                "is a rollback itself; what it took back is deployed again by `git revert {}`",
                &undo[..10]
            ),
        ],
    );
    refused(&w, &["--yes", "--to", &one], &["is rolled back itself"]);
}

#[test]
fn an_adoption_is_no_release_to_be_taken_back() {
    let w = World::with(Options {
        settings: "bootstrap: adopt",
        ..Options::default()
    });
    let adopted = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    assert_eq!(w.stands(&adopted), "adopt live");
    refused(
        &w,
        &["--yes", &adopted],
        &["nothing to put back", "deleted from the release files"],
    );
    // One can go back to it.
    let two = w.repo.release("b", &title("old-hero", "Two"), "Two");
    w.reconcile().converged();
    pushed(&w, &["--to", &adopted]);
    w.reconcile().converged();
    assert_eq!(w.stands(&two), "deploy rolled_back");
}

#[test]
fn the_commit_is_whose_git_it_is_else_gitmages() {
    let w = World::new();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    let who = |commit: &str| {
        w.repo
            .git_bare(&["log", "-1", "--format=%an <%ae>, %cn <%ce>", commit])
    };
    let (undo, _) = pushed(&w, &["--env", "production", &one]);
    assert_eq!(
        who(&undo),
        "gitmage <gitmage@localhost>, gitmage <gitmage@localhost>"
    );
    w.reconcile().converged();
    let two = w.repo.release("a", &title("home-hero", "Two"), "Two");
    w.reconcile().converged();
    let config = w.dir.path().join("bob");
    std::fs::write(&config, "[user]\nname = Bob\nemail = bob@shop.example\n").unwrap();
    let status = w
        .command(&["rollback", "--yes", &two, "--config"])
        .arg(w.config())
        .env("GIT_CONFIG_GLOBAL", config)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(
        who("main"),
        "Bob <bob@shop.example>, Bob <bob@shop.example>"
    );
}

#[test]
fn a_branch_that_moves_meanwhile_is_taken_up_again_once() {
    let w = World::with(REMOTE);
    let before = w.shop.dump();
    let one = w.repo.release("a", &title("home-hero", "One"), "One");
    w.reconcile().converged();
    w.repo.write("README.md", "meanwhile\n");
    let meanwhile = w.repo.commit("Meanwhile");
    w.repo.git(&["push", "-q", "origin", "HEAD:later"]);
    // Somebody is quicker by the time of the first push.
    hook(
        &w,
        "pre-receive",
        &format!(
            "here=$(dirname \"$0\")/..\n[ -e \"$here/came\" ] && exit 0\n: > \"$here/came\"\nenv -u GIT_QUARANTINE_PATH git update-ref refs/heads/main {meanwhile}"
        ),
    );
    let run = w.run(&["rollback", "--yes", &one]).converged();
    assert!(run.stdout.contains("was moved meanwhile"), "{}", run.said());
    assert_eq!(w.repo.git_bare(&["rev-parse", "main^"]), meanwhile);
    w.reconcile().converged();
    assert_eq!(w.shop.dump(), before);
}
