//! What a revision names.

use super::support::Site;
use crate::domain::CommitId;
use crate::ports::{GitError, Source as _};

#[test]
fn steps_are_taken_over_commits_whose_authors_cannot_be_read() {
    let site = Site::new();
    let first = site.commit("a", "1", "first");
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    let make = |parents: &[&str]| {
        let parents: String = parents.iter().map(|p| format!("parent {p}\n")).collect();
        site.object(
            "commit",
            format!("tree {tree}\n{parents}author Ada\ncommitter Ada\n\nodd\n").as_bytes(),
        )
    };
    let second = make(&[first.as_str()]);
    let side = make(&[first.as_str()]);
    let merge = make(&[&second, &side]);
    site.git(&["update-ref", "refs/heads/main", &merge]);
    let source = site.in_place("work");
    for (revision, expected) in [
        ("main", merge.as_str()),
        ("main^0", &merge),
        ("main~0", &merge),
        ("main^{commit}", &merge),
        ("main^{}", &merge),
        ("HEAD^", &second),
        ("HEAD~", &second),
        ("main^2", &side),
        ("main~1", &second),
        ("main~2", first.as_str()),
        ("main^^", first.as_str()),
        ("main^2~1", first.as_str()),
        ("main^2^{commit}~", first.as_str()),
        (&format!("{}^2", &merge[..7]), &side),
    ] {
        assert_eq!(
            source.resolve(revision).unwrap().as_str(),
            expected,
            "{revision}"
        );
    }
    for revision in [
        "main~3",
        "main^3",
        "main~99999999999999999999",
        "main^{tree}",
        "main:a",
        "main:a~1",
        "main^-",
        "main^@",
        "main~x",
        "^main",
        "~1",
        "^",
        "main..HEAD",
        "main~\u{e9}",
    ] {
        assert_eq!(
            source.resolve(revision),
            Err(GitError::NotFound(revision.to_owned())),
            "{revision}"
        );
    }
}

#[test]
fn tags_are_followed_however_little_they_say() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    let two = site.commit("a", "2", "two");
    let tag = |name: &str, bytes: &str| {
        let id = site.object("tag", bytes.as_bytes());
        site.git(&["update-ref", &format!("refs/tags/{name}"), &id]);
        id
    };
    // As git made them in 2005: without a tagger, and without a message.
    let old = tag("old", &format!("object {two}\ntype commit\ntag old\n"));
    tag(
        "nested",
        &format!("object {old}\ntype tag\ntag nested\n\nmessage\n"),
    );
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    tag("tree", &format!("object {tree}\ntype tree\ntag tree\n\n"));
    site.git(&["branch", "v1", one.as_str()]);
    let source = site.in_place("work");
    for revision in ["old", "nested", "nested^{}", "old^0", "old^{commit}"] {
        assert_eq!(source.resolve(revision).unwrap(), two, "{revision}");
    }
    assert_eq!(source.resolve("nested~1").unwrap(), one);
    assert_eq!(
        source.resolve("tree"),
        Err(GitError::NotFound("tree".to_owned()))
    );
    // Git itself makes no branch of a tag.
    std::fs::write(site.path("work/.git/refs/heads/tagged"), format!("{old}\n")).unwrap();
    assert_eq!(source.head("tagged").unwrap(), Some(two.clone()));
    assert_eq!(source.resolve("tagged~1").unwrap(), one);
    let broken = site.object("tag", b"nothing\n");
    for revision in [
        broken.clone(),
        format!("{broken}~1"),
        format!("{broken}^{{}}"),
    ] {
        let error = source.resolve(&revision).unwrap_err().to_string();
        assert!(error.contains("names no object"), "{error}");
    }
}

#[test]
fn an_abbreviation_of_one_commit_and_of_other_objects_is_the_commit() {
    let site = Site::new();
    let parent = site.commit("a", "1", "one");
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    let mut args: Vec<String> = ["hash-object", "-w"].map(str::to_owned).into();
    for n in 0..1000 {
        let path = site.path(&n.to_string());
        std::fs::write(&path, n.to_string()).unwrap();
        args.push(path.display().to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let blobs = site.git(&args);
    let starts: std::collections::BTreeSet<&str> = blobs.lines().map(|id| &id[..4]).collect();
    let who = "Ada <ada@example.com> 1700000000 +0000";
    let commit = (0..).find_map(|n| {
        let text = format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{n}\n");
        let id = site.object("commit", text.as_bytes());
        starts.contains(&id[..4]).then_some(id)
    });
    let commit = CommitId::new(commit.unwrap()).unwrap();
    let source = site.in_place("work");
    let short = &commit.as_str()[..4];
    assert_eq!(source.resolve(short).unwrap(), commit);
    assert_eq!(source.resolve(&format!("{short}~1")).unwrap(), parent);
}
