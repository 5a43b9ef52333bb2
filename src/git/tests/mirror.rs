//! Mirrors: fetching, pushing the ledger, refusals, remotes that come and go.

use std::time::{Duration, Instant};

use super::ledger::append_somehow;
use super::support::{Site, entry, script_at};
use crate::git::{Location, Repository};
use crate::ports::{GitError, Ledger as _, LedgerError, Source as _};

const BRANCH: &str = "rollback/production";

#[test]
fn follows_the_remote() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    site.git(&["push", "-q", "origin", "HEAD:topic", "HEAD:x"]);
    let source = site.mirror("m");
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    assert_eq!(source.resolve("HEAD").unwrap(), one);
    let two = site.commit("a", "2", "two");
    site.push();
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    source.refresh().unwrap();
    assert_eq!(source.head("main").unwrap(), Some(two));
    // rewritten
    site.git(&["reset", "-q", "--hard", one.as_str()]);
    let other = site.commit("a", "3", "three");
    site.push();
    // deleted; and a branch that takes the place of a directory and the other way round
    site.git(&["push", "-q", "origin", ":topic", ":x"]);
    site.git(&["push", "-q", "origin", "HEAD:x/y"]);
    source.refresh().unwrap();
    assert_eq!(source.head("main").unwrap(), Some(other));
    assert_eq!(source.head("topic").unwrap(), None);
    assert!(source.head("x/y").unwrap().is_some());
    site.git(&["push", "-q", "origin", ":x/y"]);
    site.git(&["push", "-q", "origin", "HEAD:x"]);
    source.refresh().unwrap();
    assert!(source.head("x").unwrap().is_some());
}

#[test]
fn an_empty_remote_is_no_fault() {
    let site = Site::new();
    let source = site.mirror("m");
    assert_eq!(source.head("main").unwrap(), None);
    let ledger = source.ledger(BRANCH, "production");
    let made = ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    let there = site.git_in("bare.git", &["rev-parse", BRANCH]);
    assert_eq!(there, made[0].as_str());
    let one = site.commit("a", "1", "one");
    site.push();
    source.refresh().unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one));
}

#[test]
fn the_mirror_may_be_deleted_damaged_or_of_another_remote() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    let source = site.mirror("m");
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    let mirror = site.path("state/m");
    std::fs::remove_dir_all(&mirror).unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    assert_eq!(source.commit(&one).unwrap().subject, "one");
    std::fs::remove_dir_all(&mirror).unwrap();
    source.refresh().unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    std::fs::write(mirror.join("config"), "[core").unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one.clone()));
    std::fs::remove_dir_all(mirror.join("objects")).unwrap();
    source.refresh().unwrap();
    assert_eq!(source.commit(&one).unwrap().subject, "one");
    site.git_in("", &["clone", "-q", "--bare", "work", "other.git"]);
    let two = site.commit("a", "2", "two");
    site.git(&["push", "-q", "../other.git", "main"]);
    let url = format!("file://{}", site.path("other.git").display());
    let mut options = site.options(Location::Remote(url));
    options.mirror_dir = mirror;
    let other = Repository::open(options).unwrap();
    assert_eq!(other.head("main").unwrap(), Some(two));
    let left: Vec<_> = std::fs::read_dir(site.path("state")).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn locks_that_a_crash_has_left_in_the_mirror_are_in_nobodys_way() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let source = site.mirror("m");
    source.refresh().unwrap();
    for lock in ["refs/heads/main.lock", "packed-refs.lock"] {
        // the second one is needed to prune a packed reference
        site.git(&["push", "-q", "origin", "HEAD:refs/heads/short-lived"]);
        source.refresh().unwrap();
        site.git_in("state/m", &["pack-refs", "--all"]);
        site.git(&["push", "-q", "origin", ":refs/heads/short-lived"]);
        let two = site.commit("a", lock, "two");
        site.push();
        let path = site.path("state/m").join(lock);
        std::fs::write(&path, "").unwrap();
        source.refresh().unwrap();
        assert_eq!(source.head("main").unwrap(), Some(two), "{lock}");
        assert_eq!(source.head("short-lived").unwrap(), None, "{lock}");
        assert!(!path.exists(), "{lock}");
    }
}

#[test]
fn a_remote_that_is_gone_may_come_back() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    let source = site.mirror("m");
    let ledger = source.ledger(BRANCH, "production");
    source.refresh().unwrap();
    std::fs::rename(site.path("bare.git"), site.path("away.git")).unwrap();
    let unavailable = |result: Result<(), GitError>| {
        assert!(
            matches!(result, Err(GitError::Unavailable { .. })),
            "{result:?}"
        );
    };
    unavailable(source.refresh());
    unavailable(site.mirror("another").refresh());
    let commits = [entry("1", &[("x", Some("1"))])];
    let lost = ledger.append(None, &commits);
    assert!(
        matches!(lost, Err(LedgerError::Unavailable { .. })),
        "{lost:?}"
    );
    // what is known stays readable
    assert_eq!(source.head("main").unwrap(), Some(one));
    assert_eq!(ledger.tip().unwrap(), None);
    std::fs::rename(site.path("away.git"), site.path("bare.git")).unwrap();
    source.refresh().unwrap();
    let made = ledger.append(None, &commits).unwrap();
    assert_eq!(ledger.tip().unwrap(), Some(made[0].clone()));
}

#[test]
fn a_place_that_is_no_repository_needs_a_person() {
    let site = Site::new();
    std::fs::create_dir(site.path("empty")).unwrap();
    let url = format!("file://{}", site.path("empty").display());
    let source = Repository::open(site.options(Location::Remote(url))).unwrap();
    match source.refresh() {
        Err(GitError::Stalled { remedy, .. }) => assert!(remedy.contains("repository.url")),
        other => panic!("{other:?}"),
    }
    site.commit("a", "1", "one");
    site.commit("a", "2", "two");
    site.push();
    let url = site.url();
    site.git_in("", &["clone", "-q", "--depth=1", "--bare", &url, "shallow"]);
    let url = format!("file://{}", site.path("shallow").display());
    let source = Repository::open(site.options(Location::Remote(url))).unwrap();
    match source.head("main") {
        Err(GitError::Stalled { remedy, .. }) => assert!(remedy.contains("--unshallow")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hook_that_declines_is_quoted() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ledger = site.mirror("m").ledger(BRANCH, "production");
    for hook in ["pre-receive", "update"] {
        site.hook(hook, "echo 'only release managers write here' >&2; exit 1");
        match ledger.append(None, &[entry("1", &[("x", Some("1"))])]) {
            Err(LedgerError::Stalled { message, remedy }) => {
                assert!(message.contains("only release managers"), "{message}");
                assert!(message.contains("hook declined"), "{message}");
                assert!(remedy.contains(BRANCH), "{remedy}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(ledger.tip().unwrap(), None);
        std::fs::remove_file(site.path("bare.git/hooks").join(hook)).unwrap();
    }
}

#[test]
fn a_full_disk_a_hidden_reference_and_a_lock_at_the_remote_are_told_apart() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ledger = site.mirror("m").ledger(BRANCH, "production");
    let commits = [entry("1", &[("x", Some("1"))])];
    let stalled = |in_remedy: &str| match ledger.append(None, &commits) {
        Err(LedgerError::Stalled { remedy, .. }) => assert!(remedy.contains(in_remedy), "{remedy}"),
        other => panic!("{other:?}"),
    };
    site.hook(
        "pre-receive",
        "echo 'fatal: write error: No space left on device' >&2; exit 1",
    );
    stalled("free some space");
    std::fs::remove_file(site.path("bare.git/hooks/pre-receive")).unwrap();
    site.git_in(
        "bare.git",
        &["config", "receive.hideRefs", "refs/heads/rollback"],
    );
    stalled("allow the account to push");
    site.git_in("bare.git", &["config", "--unset", "receive.hideRefs"]);
    let lock = site
        .path("bare.git/refs/heads")
        .join(format!("{BRANCH}.lock"));
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    match ledger.append(None, &commits) {
        Err(LedgerError::Unavailable { message }) => {
            assert!(message.contains("production.lock"), "{message}");
            assert!(message.contains("remove that file"), "{message}");
            assert!(!message.contains("an editor opened"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(lock).unwrap();
    assert_eq!(ledger.append(None, &commits).unwrap().len(), 1);
}

#[test]
fn a_remote_with_a_damaged_object_needs_a_person() {
    let site = Site::new();
    let head = site.commit("a", "1", "one");
    site.push();
    let hex = head.as_str();
    let object = site
        .path("bare.git/objects")
        .join(&hex[..2])
        .join(&hex[2..]);
    let whole = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "junk").unwrap();
    let source = site.mirror("m");
    match source.refresh() {
        Err(GitError::Stalled { remedy, .. }) => assert!(remedy.contains("git fsck"), "{remedy}"),
        other => panic!("{other:?}"),
    }
    std::fs::write(&object, whole).unwrap();
    source.refresh().unwrap();
    assert_eq!(source.head("main").unwrap(), Some(head));
}

#[test]
fn hooks_of_the_mirror_do_not_run() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let source = site.mirror("m");
    source.refresh().unwrap();
    let ran = site.path("ran");
    let hooks = site.path("state/m/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in ["pre-push", "reference-transaction", "post-update"] {
        script_at(
            &hooks.join(hook),
            &format!("touch {}; exit 1", ran.display()),
        );
    }
    let ledger = source.ledger(BRANCH, "production");
    ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    site.commit("a", "2", "two");
    site.push();
    source.refresh().unwrap();
    assert!(!ran.exists());
}

#[test]
fn pushes_only_from_where_the_remote_is() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ours = site.mirror("ours").ledger(BRANCH, "production");
    let theirs = site.mirror("theirs").ledger(BRANCH, "production");
    ours.refresh().unwrap();
    theirs.refresh().unwrap();
    let one = ours
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    let late = theirs.append(None, &[entry("late", &[("x", Some("late"))])]);
    assert!(matches!(late, Err(LedgerError::Raced { .. })), "{late:?}");
    assert_eq!(theirs.tip().unwrap(), None);
    theirs.refresh().unwrap();
    assert_eq!(theirs.tip().unwrap(), Some(one[0].clone()));
    let two = theirs
        .append(Some(&one[0]), &[entry("2", &[("x", Some("2"))])])
        .unwrap();
    let late = ours.append(Some(&one[0]), &[entry("late", &[("x", Some("late"))])]);
    assert!(matches!(late, Err(LedgerError::Raced { .. })), "{late:?}");
    // taken away on the remote
    site.git_in(
        "bare.git",
        &["update-ref", "-d", &format!("refs/heads/{BRANCH}")],
    );
    let late = theirs.append(Some(&two[0]), &[entry("late", &[("x", Some("late"))])]);
    assert!(matches!(late, Err(LedgerError::Raced { .. })), "{late:?}");
    theirs.refresh().unwrap();
    assert_eq!(theirs.tip().unwrap(), None);
}

#[test]
fn what_the_remote_lacks_is_dropped() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ledger = site.mirror("m").ledger(BRANCH, "production");
    let one = ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    let main = site.head();
    site.git_in(
        "state/m",
        &["update-ref", &format!("refs/heads/{BRANCH}"), main.as_str()],
    );
    assert_eq!(ledger.tip().unwrap(), Some(main));
    ledger.refresh().unwrap();
    assert_eq!(ledger.tip().unwrap(), Some(one[0].clone()));
}

#[test]
fn loses_no_commit_of_several_mirrors() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let ledger = site
                .mirror(&format!("m{writer}"))
                .ledger(BRANCH, "production");
            scope.spawn(move || {
                for n in 0..3 {
                    append_somehow(&ledger, &format!("{writer}/{n}"));
                }
            });
        }
    });
    let ledger = site.mirror("reader").ledger(BRANCH, "production");
    let tip = ledger.tip().unwrap().unwrap();
    assert_eq!(ledger.files(&tip, "").unwrap().len(), 9);
    assert_eq!(ledger.history(&tip, None).unwrap().len(), 9);
}

#[test]
fn a_push_whose_answer_is_lost_counts_when_it_landed() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let ledger = site.mirror("m").ledger(BRANCH, "production");
    let commit = |text: &str| [entry(text, &[("x", Some(text))])];
    let remote = || site.git_in("bare.git", &["rev-parse", BRANCH]);
    let one = ledger.append(None, &commit("1")).unwrap();
    // killed before the reference moves
    site.hook("pre-receive", "kill -9 $PPID");
    let lost = ledger.append(Some(&one[0]), &commit("2"));
    assert!(
        matches!(lost, Err(LedgerError::Unavailable { .. })),
        "{lost:?}"
    );
    assert_eq!(remote(), one[0].as_str());
    std::fs::remove_file(site.path("bare.git/hooks/pre-receive")).unwrap();
    // killed after it has moved
    site.hook("post-receive", "kill -9 $PPID");
    let two = ledger.append(Some(&one[0]), &commit("2")).unwrap();
    assert_eq!(remote(), two[0].as_str());
    assert_eq!(ledger.tip().unwrap(), Some(two[0].clone()));
    // and somebody has gone on from there
    let go_on = format!(
        "export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a\n\
         next=$(git commit-tree -p {BRANCH} -m next {BRANCH}^{{tree}})\n\
         git update-ref refs/heads/{BRANCH} $next\nkill -9 $PPID"
    );
    site.hook("post-receive", &go_on);
    let three = ledger.append(Some(&two[0]), &commit("3")).unwrap();
    let tip = ledger.tip().unwrap().unwrap();
    assert_eq!(remote(), tip.as_str());
    assert_eq!(ledger.history(&tip, Some(&three[0])).unwrap().len(), 1);
}

#[test]
fn a_silent_remote_is_given_up() {
    let site = Site::new();
    let script = site.path("ssh");
    let pid = site.path("pid");
    // the program that git started must go with it
    script_at(
        &script,
        &format!(
            "test \"$1\" = -G && exit 1; echo $$ > {}; exec tail -f /dev/null",
            pid.display()
        ),
    );
    let mut options = site.options(Location::parse("ssh://git@example.com/shop.git"));
    options.ssh_command = Some(script.display().to_string());
    options.timeout = Duration::from_millis(500);
    let started = Instant::now();
    match Repository::open(options).unwrap().refresh() {
        Err(GitError::Unavailable { message }) => assert!(message.contains("no sign of life")),
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    let pid = std::fs::read_to_string(pid).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "ssh outlives git"
        );
        std::thread::yield_now();
    }
}

#[test]
fn words_of_ssh_are_understood() {
    let site = Site::new();
    let says = |words: &str| {
        let script = site.path("ssh");
        script_at(&script, &format!("echo '{words}' >&2; exit 255"));
        let mut options = site.options(Location::parse("git@example.com:shop.git"));
        options.ssh_command = Some(script.display().to_string());
        Repository::open(options).unwrap().refresh().unwrap_err()
    };
    let stalled = |words: &str, remedy: &str| match says(words) {
        GitError::Stalled {
            message,
            remedy: told,
        } => {
            assert!(message.contains(words), "{message}");
            assert!(told.contains(remedy), "{words}: {told}");
        }
        other => panic!("{words}: {other:?}"),
    };
    stalled("Host key verification failed.", "known_hosts");
    stalled("git@example.com: Permission denied (publickey).", "key");
    stalled("ERROR: Repository not found.", "repository.url");
    let down = says("ssh: connect to host example.com port 22: Connection refused");
    assert!(matches!(down, GitError::Unavailable { .. }), "{down:?}");
    let down = says("ssh: Could not resolve hostname example.com: Name or service not known");
    assert!(matches!(down, GitError::Unavailable { .. }), "{down:?}");
}

#[test]
fn those_who_ask_together_share_a_fetch() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let script = site.path("ssh");
    let count = site.path("count");
    script_at(
        &script,
        &format!(
            "test \"$1\" = -G && exit 1; echo x >> {}; exec git-upload-pack {}",
            count.display(),
            site.path("bare.git").display()
        ),
    );
    let mut options = site.options(Location::parse("git@example.com:shop.git"));
    options.ssh_command = Some(script.display().to_string());
    let source = Repository::open(options).unwrap();
    source.refresh().unwrap();
    let before = std::fs::read_to_string(&count).unwrap().lines().count();
    let barrier = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                source.refresh().unwrap();
            });
        }
    });
    let fetches = std::fs::read_to_string(&count).unwrap().lines().count() - before;
    assert!((1..8).contains(&fetches), "{fetches}");
}
