//! Reading: openings, walks, trees, reverts.

use super::support::Site;
use crate::domain::CommitId;
use crate::git::{Location, Repository};
use crate::manifest::{EntryKind, TreeError};
use crate::ports::{GitError, Source as _};

fn subjects(source: &Repository, tip: &CommitId, after: Option<&CommitId>) -> Vec<String> {
    let line = source.first_parents(tip, after).unwrap();
    line.into_iter().map(|info| info.subject).collect()
}

fn stalled(result: Result<impl Sized, GitError>) -> String {
    match result.err().unwrap() {
        error @ GitError::Stalled { .. } => error.to_string(),
        other => panic!("not stalled: {other:?}"),
    }
}

#[test]
fn opens_every_kind_of_repository() {
    let site = Site::new();
    let head = site.commit("a.yaml", "a", "one");
    site.push();
    site.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    for name in ["work", "work/.git", "bare.git", "linked"] {
        let source = site.in_place(name);
        assert_eq!(source.head("main").unwrap(), Some(head.clone()), "{name}");
    }
    assert_eq!(
        site.in_place("linked").head("side").unwrap(),
        Some(head.clone())
    );
    assert_eq!(site.mirror("m").head("main").unwrap(), Some(head));
}

#[test]
fn tells_a_path_from_a_url() {
    let remote = |text: &str| matches!(Location::parse(text), Location::Remote(_));
    for url in [
        "file:///a",
        "https://h/a",
        "ssh://h/a",
        "git@h:a/b.git",
        "h:a",
    ] {
        assert!(remote(url), "{url}");
    }
    for path in ["/srv/git/a.git", "a", "./a:b", "../x"] {
        assert!(!remote(path), "{path}");
    }
}

#[test]
fn refuses_locations_that_cannot_be_used() {
    let site = Site::new();
    let open = |url: &str| Repository::open(site.options(Location::parse(url)));
    let text = stalled(open("https://me:hunter2@example.com/a.git"));
    assert!(
        text.contains("repository.token") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(stalled(open("http://example.com/a")).contains("https://"));
    let nowhere = site.path("nowhere").display().to_string();
    assert!(stalled(open(&nowhere)).contains(&nowhere));
    let mut options = site.options(Location::Path(site.path("work")));
    options.token = Some("secret-token".into());
    let text = stalled(Repository::open(options.clone()));
    assert!(text.contains("https:// only"), "{text}");
    assert!(!format!("{options:?}").contains("secret-token"));
}

#[test]
fn refuses_what_is_there_only_in_part() {
    let site = Site::new();
    site.commit("a", "a", "one");
    site.commit("a", "b", "two");
    site.push();
    site.git_in("bare.git", &["config", "uploadpack.allowFilter", "true"]);
    let url = site.url();
    site.git_in("", &["clone", "-q", "--depth=1", &url, "shallow"]);
    site.git_in(
        "",
        &[
            "clone",
            "-q",
            "--filter=blob:none",
            "--bare",
            &url,
            "partial",
        ],
    );
    site.git_in(
        "",
        &["init", "-q", "--bare", "--ref-format=reftable", "reftable"],
    );
    let open = |name: &str| Repository::open(site.options(Location::Path(site.path(name))));
    assert!(stalled(open("shallow")).contains("--unshallow"));
    assert!(stalled(open("partial")).contains("--filter"));
    assert!(stalled(open("reftable")).contains("refs migrate"));
    // completing it is enough, without opening it anew
    let source = site.in_place("work");
    std::fs::write(site.path("work/.git/shallow"), format!("{}\n", site.head())).unwrap();
    assert!(stalled(source.head("main")).contains("shallow"));
    std::fs::remove_file(site.path("work/.git/shallow")).unwrap();
    assert_eq!(source.head("main").unwrap(), Some(site.head()));
}

#[test]
fn a_repository_made_anew_at_the_same_place_is_opened_anew() {
    let site = Site::new();
    site.commit("a", "a", "one");
    site.push();
    let source = site.in_place("bare.git");
    assert!(source.head("main").unwrap().is_some());
    std::fs::remove_dir_all(site.path("bare.git")).unwrap();
    stalled(source.head("main"));
    site.git_in("", &["init", "-q", "--bare", "bare.git"]);
    assert_eq!(source.head("main").unwrap(), None);
    let second = site.commit("a", "b", "two");
    site.push();
    assert_eq!(source.head("main").unwrap(), Some(second.clone()));
    assert_eq!(source.commit(&second).unwrap().subject, "two");
}

/// Merges of one date each double the paths; a search that follows all of them never ends.
#[test]
fn many_merges_of_one_date_are_walked_once() {
    let site = Site::new();
    let first = site.commit("a", "1", "one");
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    let mut tip = first.to_string();
    for _ in 0..40 {
        let make = |parents: &[&str]| {
            let mut args = vec!["commit-tree", "-m", "more", tree.trim()];
            for parent in parents {
                args.extend(["-p", *parent]);
            }
            site.git(&args).trim().to_owned()
        };
        let side = make(&[&tip]);
        tip = make(&[&tip, &side]);
    }
    site.git(&["reset", "-q", "--hard", &tip]);
    let tip = CommitId::new(tip).unwrap();
    let alone = CommitId::new(
        site.git(&["commit-tree", "-m", "alone", tree.trim()])
            .trim(),
    )
    .unwrap();
    let source = site.in_place("work");
    assert!(source.is_ancestor(&first, &tip).unwrap());
    assert!(!source.is_ancestor(&tip, &first).unwrap());
    assert!(!source.is_ancestor(&alone, &tip).unwrap());
}

#[test]
fn walks_first_parents_only() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    site.git(&["checkout", "-q", "-b", "topic"]);
    let topic = site.commit("b", "1", "topic");
    site.git(&["checkout", "-q", "main"]);
    site.commit("a", "3", "three");
    site.git(&["merge", "-q", "--no-ff", "-m", "merge topic", "topic"]);
    let tip = site.commit("a", "4", "four");
    let source = site.in_place("work");
    assert_eq!(
        subjects(&source, &tip, None),
        ["one", "two", "three", "merge topic", "four"]
    );
    assert_eq!(
        subjects(&source, &tip, Some(&two)),
        ["three", "merge topic", "four"]
    );
    // reachable, but not on the line
    assert_eq!(subjects(&source, &tip, Some(&topic)).len(), 5);
    assert_eq!(subjects(&source, &tip, Some(&tip)), [""; 0]);
    assert!(source.is_ancestor(&topic, &tip).unwrap());
    assert!(source.is_ancestor(&tip, &tip).unwrap());
    assert!(!source.is_ancestor(&tip, &topic).unwrap());
    let unknown = CommitId::new("1".repeat(40)).unwrap();
    assert!(!source.is_ancestor(&unknown, &tip).unwrap());
    let all = [&one, &two, &topic, &tip, &unknown];
    let reached = |ancestor: &CommitId| {
        let reached = source.descendants(ancestor, &all.map(CommitId::clone).into());
        reached.unwrap().into_iter().collect::<Vec<_>>()
    };
    let sorted = |ids: &[&CommitId]| {
        let mut ids: Vec<CommitId> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(reached(&one), sorted(&[&one, &two, &topic, &tip]));
    assert_eq!(reached(&topic), sorted(&[&topic, &tip]));
    assert_eq!(reached(&tip), sorted(&[&tip]));
    assert_eq!(reached(&unknown), []);
    assert_eq!(source.merge_base(&topic, &tip).unwrap(), Some(topic));
    assert_eq!(source.merge_base(&one, &tip).unwrap(), Some(one));
    site.git(&["checkout", "-q", "--orphan", "alone"]);
    let alone = site.commit("c", "1", "alone");
    assert_eq!(source.merge_base(&alone, &tip).unwrap(), None);
    assert_eq!(
        source.commit(&unknown),
        Err(GitError::NotFound(unknown.to_string()))
    );
}

#[test]
fn tells_who_when_and_what() {
    let site = Site::new();
    let id = site.commit("a", "1", "  A subject\nover two lines\n\nBody.\n");
    let info = site.in_place("work").commit(&id).unwrap();
    assert_eq!(info.author, "Ada <ada@example.com>");
    assert_eq!(info.subject, "A subject over two lines");
    assert!(info.message.ends_with("Body.\n"));
    assert_eq!(info.committed_at.to_string(), "2026-11-21T09:00:00Z");
    assert_eq!(info.parents, []);
    // bytes that are no UTF-8, as the header says
    std::fs::write(site.path("message"), b"caf\xe9").unwrap();
    site.git(&["config", "i18n.commitEncoding", "ISO-8859-1"]);
    site.git(&["commit", "-q", "--allow-empty", "-F", "../message"]);
    let info = site.in_place("work").commit(&site.head()).unwrap();
    assert_eq!(info.subject, "caf\u{e9}");
    assert_eq!(info.parents, [id]);
}

#[test]
fn resolves_revisions() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    site.git(&["tag", "-a", "-m", "tag", "v1", "HEAD~1"]);
    let source = site.in_place("work");
    for revision in [
        "main~1",
        "v1",
        "HEAD^",
        "refs/tags/v1",
        one.as_str(),
        one.short(),
    ] {
        assert_eq!(source.resolve(revision).unwrap(), one, "{revision}");
    }
    assert_eq!(source.resolve("main").unwrap(), two);
    for revision in ["nothing", "main:a", "", "--help", "main~9"] {
        assert_eq!(
            source.resolve(revision),
            Err(GitError::NotFound(revision.to_owned()))
        );
    }
    assert_eq!(source.head("nothing").unwrap(), None);
}

#[test]
fn resolves_ids_and_nothing_else() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    let blob = site.git(&["rev-parse", "HEAD:a"]);
    site.git(&["branch", "abc123", "HEAD"]);
    site.git(&["tag", "-a", "-m", "tag", "v1", "HEAD"]);
    let tag = site.git(&["rev-parse", "v1"]);
    let source = site.in_place("work");
    let resolved = |id: &str| source.resolve_id(id).unwrap();
    for id in [
        one.as_str(),
        one.short(),
        &one.as_str()[..7],
        &one.as_str().to_uppercase(),
    ] {
        assert_eq!(resolved(id), Some(one.clone()), "{id}");
    }
    assert_eq!(resolved(two.as_str()), Some(two));
    let absent = "f".repeat(40);
    let long = format!("{one}0");
    for id in [
        "", "ab", "main", "abc123", "v1", &tag, &blob, &absent, "zzzz", &long,
    ] {
        assert_eq!(resolved(id), None, "{id}");
    }
}

#[test]
fn several_commits_of_one_abbreviation_are_none() {
    let site = Site::new();
    site.commit("a", "1", "one");
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    // Of a thousand commits two share their first four digits.
    let mut args: Vec<String> = ["hash-object", "-t", "commit", "-w"]
        .map(str::to_owned)
        .into();
    for n in 0..1000 {
        let who = "Ada <ada@example.com> 1700000000 +0000";
        let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\n{n}\n");
        let path = site.path(&n.to_string());
        std::fs::write(&path, text).unwrap();
        args.push(path.display().to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ids = site.git(&args);
    let mut starts = std::collections::BTreeMap::new();
    let twice = ids.lines().find_map(|id| {
        let other = starts.insert(&id[..4], id)?;
        Some((other.to_owned(), id.to_owned()))
    });
    let (first, second) = twice.unwrap();
    let source = site.in_place("work");
    assert_eq!(source.resolve_id(&first[..4]).unwrap(), None);
    assert_eq!(
        source.resolve_id(&second).unwrap(),
        Some(CommitId::new(second).unwrap())
    );
}

#[test]
fn the_name_of_a_repository_on_a_forge() {
    let site = Site::new();
    let name = |url: &str| {
        let repository = Repository::at(site.options(Location::parse(url)));
        repository.unwrap().name()
    };
    for (url, expected) in [
        ("https://github.com/agency/shop.git", Some("agency/shop")),
        (
            "https://me@example.com:8443/agency/shop/",
            Some("agency/shop"),
        ),
        (
            "ssh://git@example.com:22/agency/shop.git",
            Some("agency/shop"),
        ),
        (
            "git@gitlab.com:agency/web/shop.git",
            Some("agency/web/shop"),
        ),
        ("git@example.com:/agency/shop", Some("agency/shop")),
        ("https://example.com/shop.git", None),
        ("git@example.com:shop.git", None),
        ("https://example.com", None),
    ] {
        let name = name(url);
        assert_eq!(
            name.as_ref().map(|own| own.name.as_str()),
            expected,
            "{url}"
        );
        assert!(name.is_none_or(|own| own.is_certain), "{url}");
    }
    for url in ["file:///srv/agency/shop.git", "/srv/agency/shop.git"] {
        let own = name(url).unwrap();
        assert_eq!((own.name.as_str(), own.is_certain), ("agency/shop", false));
    }
}

#[test]
fn reads_a_tree_without_a_checkout() {
    let site = Site::new();
    std::os::unix::fs::symlink("a.txt", site.path("work/link")).unwrap();
    std::fs::create_dir_all(site.path("work/a")).unwrap();
    std::fs::write(site.path("work/a/x"), "nested").unwrap();
    std::fs::write(site.path("work/a-b"), "sorted before a/x").unwrap();
    let commit = site.commit("a.txt", "text", "files");
    site.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},sub"),
    ]);
    site.git(&["commit", "-q", "-m", "submodule"]);
    let tree = site.in_place("work").tree(&site.head()).unwrap();
    let entries = tree.entries().unwrap();
    let listed: Vec<_> = entries.iter().map(|e| (e.path.as_str(), e.kind)).collect();
    assert_eq!(
        listed,
        [
            ("a-b", EntryKind::File),
            ("a.txt", EntryKind::File),
            ("a/x", EntryKind::File),
            ("link", EntryKind::Symlink),
            ("sub", EntryKind::Submodule),
        ]
    );
    assert_eq!(entries[2].id, site.git(&["rev-parse", "HEAD:a/x"]));
    assert_eq!(tree.entry("a/x").unwrap().as_ref(), Some(&entries[2]));
    for path in ["a", "nothing", "a/x/y", "../a.txt", "", "/a.txt", "a//x"] {
        assert_eq!(tree.entry(path).unwrap(), None, "{path}");
    }
    assert_eq!(tree.read("a/x", 6).unwrap(), b"nested");
    assert!(matches!(
        tree.read("a/x", 5),
        Err(TreeError::TooLarge { bytes: 6, limit: 5 })
    ));
    assert!(matches!(tree.read("sub", 99), Err(TreeError::NotFound)));
    assert!(matches!(tree.read("a", 99), Err(TreeError::NotFound)));
}

#[test]
fn names_the_object_that_is_missing() {
    let site = Site::new();
    let one = site.commit("a.yaml", "gone", "one");
    let two = site.commit("b.yaml", "here", "two");
    let blob = site.git(&["rev-parse", "HEAD:a.yaml"]);
    let remove = |id: &str| {
        let path = site.path("work/.git/objects").join(&id[..2]).join(&id[2..]);
        std::fs::remove_file(path).unwrap();
    };
    remove(&blob);
    let source = site.in_place("work");
    let tree = source.tree(&two).unwrap();
    assert_eq!(tree.entries().unwrap().len(), 2);
    let error = tree.read("a.yaml", 99).unwrap_err().to_string();
    assert!(error.contains(&blob) && error.contains("a.yaml"), "{error}");
    remove(one.as_str());
    let text = stalled(source.first_parents(&two, None));
    assert!(
        text.contains(one.as_str()) && text.contains("git fsck"),
        "{text}"
    );
}

#[test]
fn a_pushed_replacement_changes_nothing() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    site.git(&["replace", one.as_str(), two.as_str()]);
    assert_eq!(site.in_place("work").commit(&one).unwrap().subject, "one");
}

#[test]
fn reads_sha256_repositories() {
    let site = Site::with_format("sha256");
    let one = site.commit("a.yaml", "a", "one");
    let two = site.commit(
        "a.yaml",
        "b",
        &format!("undo\n\nThis reverts commit {one}."),
    );
    site.push();
    for source in [site.in_place("bare.git"), site.mirror("m")] {
        assert_eq!(subjects(&source, &two, None), ["one", "undo"]);
        let info = source.commit(&two).unwrap();
        assert_eq!(source.reverted(&info).unwrap(), std::slice::from_ref(&one));
        assert_eq!(source.tree(&two).unwrap().read("a.yaml", 9).unwrap(), b"b");
    }
}

#[test]
fn reads_on_while_the_repository_is_packed() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let source = site.in_place("work");
    assert!(source.commit(&one).is_ok());
    let two = site.commit("a", "2", "two");
    site.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(source.head("main").unwrap(), Some(two.clone()));
    assert_eq!(subjects(&source, &two, None), ["one", "two"]);
    assert_eq!(source.tree(&one).unwrap().read("a", 9).unwrap(), b"1");
}

#[test]
fn reads_on_while_packs_pile_up() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let source = site.in_place("work");
    assert!(source.commit(&one).is_ok());
    // more than gix has room for in a repository that had none when it was opened
    for n in 0..40 {
        site.git(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
        site.git(&["repack", "-q", "-d"]);
    }
    let tip = source.head("main").unwrap().unwrap();
    assert_eq!(subjects(&source, &tip, None).len(), 41);
}

#[test]
fn resolves_what_a_message_reverts() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    let blob = site.git(&["rev-parse", "HEAD:a"]);
    let message = format!(
        "undo\n\nThis reverts commit {}.\nThis reverts commit {}.\n\nReverts: {two}, {blob}, {}\n",
        two.short(),
        "f".repeat(40),
        one.as_str().to_uppercase(),
    );
    let undo = site.commit("a", "1", &message);
    let source = site.in_place("work");
    let info = source.commit(&undo).unwrap();
    assert_eq!(source.reverted(&info).unwrap(), [two, one]);
}
