//! Commit objects that importers and web forms have left in the world.

use crate::support::threads::failures;
use crate::world::{World, title};
use crate::{black_friday, cyber_monday};

/// What each has after its parents: `{message}` is put in.
const ODD: [(&str, &str); 15] = [
    (
        "a line break in the address",
        "author Ada <ada@example.com\n> 1764201600 +0100\ncommitter Ada <ada@example.com\n> 1764201600 +0100\n\n{message}\n",
    ),
    (
        "no brackets",
        "author Ada 1764201600 +0100\ncommitter Ada 1764201600 +0100\n\n{message}\n",
    ),
    (
        "doubled brackets",
        "author Ada<ada <Ada<ada@example.com>> 1764201600 +0200\ncommitter Ada<ada <Ada<ada@example.com>> 1764201600 +0200\n\n{message}\n",
    ),
    (
        "a zone of three digits",
        "author Ada <ada@example.com> 1764201600 --700\ncommitter Ada <ada@example.com> 1764201600 --700\n\n{message}\n",
    ),
    (
        "a zone of six digits",
        "author Ada <ada@example.com> 1764201600 +051800\ncommitter Ada <ada@example.com> 1764201600 +051800\n\n{message}\n",
    ),
    (
        "no time",
        "author Ada <ada@example.com>\ncommitter Ada <ada@example.com>\n\n{message}\n",
    ),
    (
        "a negative time",
        "author Ada <ada@example.com> -1764201600 +0100\ncommitter Ada <ada@example.com> -1764201600 +0100\n\n{message}\n",
    ),
    (
        "a huge time",
        "author Ada <ada@example.com> 99999999999999999999999999 +0100\ncommitter Ada <ada@example.com> 99999999999999999999999999 +0100\n\n{message}\n",
    ),
    (
        "neither name nor address",
        "author  <> 1764201600 +0100\ncommitter  <> 1764201600 +0100\n\n{message}\n",
    ),
    (
        "no committer",
        "author Ada <ada@example.com> 1764201600 +0100\n\n{message}\n",
    ),
    (
        "no author",
        "committer Ada <ada@example.com> 1764201600 +0100\n\n{message}\n",
    ),
    ("nobody", "\n{message}\n"),
    (
        "two authors",
        "author Ada <ada@example.com> 1764201600 +0100\nauthor Bob <bob@example.com> 1764201600 +0100\ncommitter Ada <ada@example.com> 1764201600 +0100\n\n{message}\n",
    ),
    (
        "a NUL in the message",
        "author Ada <ada@example.com> 1764201600 +0100\ncommitter Ada <ada@example.com> 1764201600 +0100\n\n{message}\n\0hidden\n",
    ),
    (
        "a NUL in the author",
        "author A\0da <ada@example.com> 1764201600 +0100\ncommitter Ada <ada@example.com> 1764201600 +0100\n\n{message}\n",
    ),
];

/// Writes an object as somebody else's program would; its id.
fn object(w: &World, kind: &str, bytes: &[u8]) -> String {
    let object = w.dir.path().join("object");
    std::fs::write(&object, bytes).unwrap();
    let object = object.to_str().unwrap();
    w.repo
        .git(&["hash-object", "-t", kind, "-w", "--literally", object])
}

/// A commit of a tree on top of `main`, with these parents of its own.
fn commit_of(w: &World, tree: &str, parents: &[&str], rest: &str) -> String {
    let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
    let text = format!("tree {tree}\n{parents}{rest}");
    let id = object(w, "commit", text.as_bytes());
    w.repo.git(&["update-ref", "refs/heads/main", &id]);
    id
}

/// A commit of the work tree on top of `main`.
fn commit_object(w: &World, rest: &str, message: &str) -> String {
    w.repo.git(&["add", "-A"]);
    let tree = w.repo.git(&["write-tree"]);
    let parent = w.repo.head();
    commit_of(w, &tree, &[&parent], &rest.replace("{message}", message))
}

#[test]
fn a_commit_that_git_only_just_reads_is_deployed_and_reverted_like_any() {
    let failed = failures(&ODD, |(_, rest)| {
        let w = World::new();
        w.deploy("footer", &title("footer-links", "Footer"), "Footer");
        let before = w.shop.dump();
        w.repo.write("releases/black-friday.yaml", black_friday());
        let campaign = commit_object(&w, rest, "Black Friday hero");
        w.push();
        w.shows("home-hero", "Black Friday");
        w.stand(&[(&campaign, "deploy live")]);
        let next = w.deploy("cyber-monday", &cyber_monday(), "A good one on top");
        w.shows("old-hero", "Cyber Monday");
        w.revert(&next);
        // The revert itself comes from such a program too.
        w.repo.remove("releases/black-friday.yaml");
        let undone = commit_object(&w, rest, &format!("Off\n\nThis reverts commit {campaign}."));
        w.push();
        w.is_as(&before);
        w.stand(&[
            (&campaign, "deploy rolled_back"),
            (&undone, "rollback live"),
        ]);
    });
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn a_message_in_latin_1_is_shown_as_git_shows_it() {
    let w = World::new();
    w.repo.write("releases/black-friday.yaml", black_friday());
    w.repo.git(&["add", "-A"]);
    let message = w.dir.path().join("message");
    std::fs::write(&message, b"Gr\xf6\xdfe der Gesch\xe4fte\n").unwrap();
    w.repo.git(&[
        "-c",
        "i18n.commitEncoding=ISO-8859-1",
        "commit",
        "-q",
        "-F",
        message.to_str().unwrap(),
    ]);
    let campaign = w.repo.head();
    w.push();
    assert_eq!(
        w.release(&campaign)["subject"],
        "Gr\u{f6}\u{df}e der Gesch\u{e4}fte"
    );
    w.run(&["releases"])
        .exits(0)
        .says("Gr\u{f6}\u{df}e der Gesch\u{e4}fte");
    // Its subject is what a revert by words alone names.
    w.repo.remove("releases/black-friday.yaml");
    w.repo.write("releases/cyber-monday.yaml", cyber_monday());
    let undone = w
        .repo
        .commit("Revert \"Gr\u{f6}\u{df}e der Gesch\u{e4}fte\"");
    w.push();
    w.shows("home-hero", "Home hero");
    w.takes_back(&undone, &[&campaign]);
}

/// A commit without a message cannot say what it takes back: the trees do.
#[test]
fn a_commit_without_a_message_and_one_with_one_parent_twice_are_deployed() {
    let w = World::new();
    w.deploy("footer", &title("footer-links", "Footer"), "Footer");
    w.repo.write("releases/black-friday.yaml", black_friday());
    let silent = commit_object(&w, "author Ada\ncommitter Ada", "");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.stand(&[(&silent, "deploy live")]);
    assert_eq!(w.release(&silent)["subject"], "");
    assert_eq!(w.release(&silent)["author"], "unknown");
    w.repo.write("releases/cyber-monday.yaml", cyber_monday());
    w.repo.git(&["add", "-A"]);
    let tree = w.repo.git(&["write-tree"]);
    let twice = commit_of(&w, &tree, &[&silent, &silent], "\nTwice upon the same\n");
    w.push();
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&silent, "deploy live"), (&twice, "deploy live")]);
    let revert = w.repo.revert_only(&["-m", "1", &twice]);
    w.push();
    w.shows("old-hero", "Last year's hero");
    w.takes_back(&revert, &[&twice]);
}

/// Files as old versions of Git and other programs store them.
#[test]
fn a_tree_that_git_only_just_reads_is_deployed() {
    let w = World::new();
    let blob = |text: String| object(&w, "blob", text.as_bytes());
    let tree = |entries: &[(&str, &str, &str)]| {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend(format!("{mode} {name}\0").bytes());
            let digits = (0..id.len()).step_by(2).map(|at| &id[at..at + 2]);
            bytes.extend(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
        object(&w, "tree", &bytes)
    };
    let (friday, monday) = (blob(black_friday()), blob(cyber_monday()));
    let releases = tree(&[
        ("0000100664", "z.yaml", &friday),
        ("100664", "a.yaml", &monday),
        ("100644", "a.yaml", &friday),
    ]);
    let root = tree(&[
        ("040000", "releases", &releases),
        ("40000", ".GIT", &releases),
    ]);
    let parent = w.repo.head();
    let campaign = commit_of(&w, &root, &[&parent], "\nOdd files\n");
    w.push();
    w.shows("home-hero", "Black Friday");
    w.shows("old-hero", "Cyber Monday");
    w.stand(&[(&campaign, "deploy live")]);
    // The next one has a tree as Git makes it.
    w.repo.write("releases/z.yaml", black_friday());
    w.repo.write("releases/a.yaml", cyber_monday());
    w.repo
        .write("releases/footer.yaml", title("footer-links", "Footer"));
    let next = w.repo.commit("A good one on top");
    w.push();
    w.shows("footer-links", "Footer");
    w.stand(&[(&campaign, "deploy live"), (&next, "deploy live")]);
}
