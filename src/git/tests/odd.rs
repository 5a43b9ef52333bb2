//! Commits and trees that git would not make, and reads.

use std::collections::BTreeMap;

use super::support::Site;
use crate::domain::CommitId;
use crate::git::{Identity, Pushed, Repository, Undo, Undone};
use crate::manifest::{EntryKind, Tree, TreeEntry, TreeError};
use crate::ports::{CommitInfo, Source as _};

const ADA: &str = "Ada <ada@example.com> 1764201600 +0100";

/// Returns what comes after the parents of a commit, and why.
fn odd_commits() -> Vec<(&'static str, Vec<u8>)> {
    let both = |person: &str| format!("author {person}\ncommitter {person}\n\nSubject\n");
    let texts = [
        (
            "a line break in the mail",
            both("Ada <ada@example.com\n> 1764201600 +0100"),
        ),
        ("no brackets", both("Ada 1764201600 +0100")),
        (
            "doubled brackets",
            both("Ada<ada <Ada<ada@example.com>> 1764201600 +0200"),
        ),
        (
            "two mails",
            both("Ada <ada@example.com> <a@b> 1764201600 +0200"),
        ),
        (
            "brackets the wrong way round",
            both("Ada >ada@example.com< 1764201600 +0200"),
        ),
        (
            "no closing bracket",
            both("Ada <ada@example.com 1764201600 +0200"),
        ),
        ("no name", both("<ada@example.com> 1764201600 +0200")),
        ("no mail", both("Ada <> 1764201600 +0200")),
        ("neither", both(" <> 1764201600 +0200")),
        ("nobody", both("")),
        (
            "spaces around all",
            both("  Ada   < ada@example.com >   1764201600   +0200"),
        ),
        ("no time", both("Ada <ada@example.com>")),
        ("no zone", both("Ada <ada@example.com> 1764201600")),
        (
            "a zone of three digits",
            both("Ada <ada@example.com> 1764201600 --700"),
        ),
        (
            "a zone of six digits",
            both("Ada <ada@example.com> 1764201600 +051800"),
        ),
        ("a negative time", both("Ada <ada@example.com> -5 +0100")),
        ("time zero", both("Ada <ada@example.com> 0 +0000")),
        (
            "a huge time",
            both("Ada <ada@example.com> 99999999999999999999999999 +0100"),
        ),
        (
            "the last time of 63 bits",
            both("Ada <ada@example.com> 9223372036854775807 +0000"),
        ),
        (
            "a time with letters",
            both("Ada <ada@example.com> 17x64 +0100"),
        ),
        (
            "words in place of a time",
            both("Ada <ada@example.com> yesterday +0100"),
        ),
        ("no committer", format!("author {ADA}\n\nSubject\n")),
        ("no author", format!("committer {ADA}\n\nSubject\n")),
        ("no person at all", "\nSubject\n".to_owned()),
        (
            "two authors",
            format!("author {ADA}\nauthor Bob <b@b> 1 +0000\ncommitter {ADA}\n\nSubject\n"),
        ),
        (
            "two committers",
            format!("author {ADA}\ncommitter {ADA}\ncommitter Bob <b@b> 1 +0000\n\nSubject\n"),
        ),
        (
            "the wrong order",
            format!("committer {ADA}\nauthor {ADA}\n\nSubject\n"),
        ),
        ("no message", format!("author {ADA}\ncommitter {ADA}\n\n")),
        ("no blank line", format!("author {ADA}\ncommitter {ADA}\n")),
        (
            "no end of the last line",
            format!("author {ADA}\ncommitter {ADA}"),
        ),
        (
            "a message without a blank line",
            format!("author {ADA}\ncommitter {ADA}\nSubject\n"),
        ),
        (
            "a blank line too many",
            format!("author {ADA}\ncommitter {ADA}\n\n\n\nSubject\n\nBody\n"),
        ),
        (
            "a blank line too early",
            format!("author {ADA}\n\ncommitter {ADA}\n\nSubject\n"),
        ),
        (
            "a NUL in the message",
            format!("author {ADA}\ncommitter {ADA}\n\nSubject\0 hidden\n\nBody\n"),
        ),
        (
            "a NUL in the author",
            format!("author A\0da <a@b> 1 +0000\ncommitter {ADA}\n\nSubject\n"),
        ),
        (
            "a NUL at the end of a header",
            format!("author {ADA}\0\ncommitter {ADA}\n\nSubject\n"),
        ),
        (
            "two NULs among the headers",
            format!("author {ADA}\n\0\0committer {ADA}\n\nSubject\n"),
        ),
        (
            "a late parent",
            format!(
                "author {ADA}\nparent {}\ncommitter {ADA}\n\nSubject\n",
                "1".repeat(40)
            ),
        ),
        (
            "an unknown header",
            format!("author {ADA}\ncommitter {ADA}\nHG:extra a:b\nx\n\nSubject\n"),
        ),
        (
            "a signature and a merged tag",
            format!(
                "author {ADA}\ncommitter {ADA}\nmergetag object {}\n type commit\n tagger Bob <b@b> 1 +0000\n \n author Eve <e@e> 2 +0000\ngpgsig -----BEGIN\n \n committer Eve <e@e> 3 +0000\n -----END\n\nSubject\n",
                "1".repeat(40)
            ),
        ),
    ];
    texts
        .into_iter()
        .map(|(what, text)| (what, text.into_bytes()))
        .collect()
}

/// A commit of the tree of `HEAD`.
fn commit(site: &Site, parents: &[&str], rest: &[u8]) -> String {
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    let mut bytes = format!("tree {tree}\n").into_bytes();
    for parent in parents {
        bytes.extend(format!("parent {parent}\n").as_bytes());
    }
    bytes.extend(rest);
    site.object("commit", &bytes)
}

/// Returns what `git log` shows of a commit: author, time, subject, parents.
fn logged(site: &Site, id: &str) -> (String, jiff::Timestamp, String, String) {
    let format = "--format=%an%x00%ae%x00%ct%x00%s%x00%P%x00";
    let log = site.git(&["log", "-1", format, id]);
    let fields: Vec<&str> = log.split('\0').map(str::trim).collect();
    let [name, mail, time, subject, parents, ..] = fields.as_slice() else {
        panic!("{log:?}");
    };
    let author = match (*name, *mail) {
        ("", "") => "unknown".to_owned(),
        ("", mail) => format!("<{mail}>"),
        (name, mail) => format!("{name} <{mail}>"),
    };
    let time = time.parse().unwrap_or(0);
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    (author, time, (*subject).to_owned(), (*parents).to_owned())
}

fn shown(info: &CommitInfo) -> (String, jiff::Timestamp, String, String) {
    let parents: Vec<&str> = info.parents.iter().map(CommitId::as_str).collect();
    (
        info.author.clone(),
        info.committed_at,
        info.subject.clone(),
        parents.join(" "),
    )
}

#[test]
fn what_git_log_shows_is_shown() {
    let site = Site::new();
    let first = site.commit("a", "1", "first");
    let source = site.in_place("work");
    for (what, rest) in odd_commits() {
        let id = commit(&site, &[first.as_str()], &rest);
        let info = source.commit(&CommitId::new(id.clone()).unwrap()).unwrap();
        let (mut shown, mut logged) = (shown(&info), logged(&site, &id));
        if ["no zone", "a zone of three digits", "a time with letters"].contains(&what) {
            // Git orders by these times, but does not show them.
            assert!(shown.1.as_second() > 0, "{what}");
            (shown.1, logged.1) = Default::default();
        }
        assert_eq!(shown, logged, "{what}");
    }
    let authors = |person: &str| {
        let rest = format!("author {person}\ncommitter {person}\n\nSubject\n");
        let id = commit(&site, &[first.as_str()], rest.as_bytes());
        source.commit(&CommitId::new(id).unwrap()).unwrap().author
    };
    assert_eq!(authors("Ada <ada@example.com\n> 1 +0000"), "unknown");
    assert_eq!(authors("Ada 1764201600 +0100"), "unknown");
    assert_eq!(authors("Ada<ada <A<a@b>> 1 +0000"), "Ada <ada <A<a@b>");
}

/// Every one of them in a row, and a good one on top.
#[test]
fn histories_of_them_are_walked_in_place_and_mirrored() {
    let site = Site::new();
    let first = site.commit("a", "1", "first");
    site.push();
    let mirror = site.mirror("m");
    assert_eq!(mirror.head("main").unwrap(), Some(first.clone()));
    let mut line = vec![first.to_string()];
    for (_, rest) in odd_commits() {
        let tip = line.last().unwrap().clone();
        // Twice the same parent is odd too.
        let parents = vec![tip.as_str(); 1 + line.len() % 2];
        line.push(commit(&site, &parents, &rest));
    }
    let odd = CommitId::new(line.last().unwrap().clone()).unwrap();
    site.git(&["reset", "-q", "--hard", odd.as_str()]);
    let good = site.commit("a", "2", "A good one on top");
    site.push();
    let check = |source: &Repository, what: &str| {
        assert_eq!(source.head("main").unwrap().as_ref(), Some(&good), "{what}");
        assert!(source.is_ancestor(&first, &good).unwrap(), "{what}");
        assert!(!source.is_ancestor(&good, &first).unwrap(), "{what}");
        let all = [first.clone(), odd.clone(), good.clone()];
        let above = source.descendants(&first, &all.clone().into());
        assert_eq!(above.unwrap().len(), 3, "{what}");
        let base = source.merge_base(&odd, &good).unwrap();
        assert_eq!(base.as_ref(), Some(&odd), "{what}");
        let walked = source.first_parents(&good, Some(&first)).unwrap();
        assert_eq!(walked.len(), line.len(), "{what}");
        assert_eq!(walked[0].parents[0], first, "{what}");
        let brought = source.brought_in(&good, std::slice::from_ref(&first));
        assert_eq!(brought.unwrap().len(), line.len() - 1, "{what}");
        let steps = format!("main~{}", line.len());
        assert_eq!(source.resolve(&steps).unwrap(), first, "{what}");
        for id in [&odd, &good] {
            assert!(source.tree(id).unwrap().read("a", 9).is_ok(), "{what}");
        }
    };
    check(&site.in_place("work"), "a work tree");
    check(&site.in_place("bare.git"), "a bare repository");
    mirror.refresh().unwrap();
    check(&mirror, "a mirror that fetched them");
    check(&site.mirror("n"), "a mirror that cloned them");
    site.git(&["gc", "-q", "--prune=now"]);
    check(&site.in_place("work"), "packed, with a commit-graph");
}

#[test]
fn messages_are_decoded_as_their_header_says() {
    let site = Site::new();
    let first = site.commit("a", "1", "first");
    let source = site.in_place("work");
    let german = b"Gr\xf6\xdfe";
    let cases: &[(&str, &[u8], &str)] = &[
        ("ISO-8859-1", german, "Gr\u{f6}\u{df}e"),
        ("iso8859-1", german, "Gr\u{f6}\u{df}e"),
        ("latin-1", german, "Gr\u{f6}\u{df}e"),
        ("LATIN1", german, "Gr\u{f6}\u{df}e"),
        // Latin-1 has control characters where Windows has its own.
        ("ISO-8859-1", b"a\x80b", "a\u{80}b"),
        ("CP1252", b"a\x80b", "a\u{20ac}b"),
        ("windows-1252", b"a\x80b", "a\u{20ac}b"),
        ("ISO-8859-15", b"a\xa4b", "a\u{20ac}b"),
        ("ISO-8859-2", b"\xb1\xea", "\u{105}\u{119}"),
        ("windows-1251", b"\xcf\xf0\xe8", "\u{41f}\u{440}\u{438}"),
        ("KOI8-R", b"\xf0\xd2\xc9", "\u{41f}\u{440}\u{438}"),
        ("GBK", b"\xc4\xe3\xba\xc3", "\u{4f60}\u{597d}"),
        ("cp936", b"\xc4\xe3\xba\xc3", "\u{4f60}\u{597d}"),
        ("Shift_JIS", b"\x93\xfa\x96{", "\u{65e5}\u{672c}"),
        ("CP932", b"\x93\xfa\x96{", "\u{65e5}\u{672c}"),
        ("EUC-JP", b"\xc6\xfc\xcb\xdc", "\u{65e5}\u{672c}"),
        ("ISO-2022-JP", b"\x1b$BF|K\\\x1b(B", "\u{65e5}\u{672c}"),
        ("EUC-KR", b"\xb0\xa1", "\u{ac00}"),
        ("Big5", b"\xa4\xa4", "\u{4e2d}"),
        ("UTF-8", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
        ("utf8", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
        // What the header says is not true: shown as it stands.
        ("GBK", "\u{20ac}".as_bytes(), "\u{20ac}"),
        ("us-ascii", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
        ("UTF-8", german, "Gr\u{fffd}\u{fffd}e"),
        ("nonsense", german, "Gr\u{fffd}\u{fffd}e"),
        ("nonsense", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
        ("", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
        ("UTF-16", "Gr\u{f6}\u{df}e".as_bytes(), "Gr\u{f6}\u{df}e"),
    ];
    for (label, bytes, expected) in cases {
        let mut rest = b"author ".to_vec();
        rest.extend(*bytes);
        rest.extend(format!(" <a@b> 1 +0000\ncommitter {ADA}\nencoding {label}\n\n").as_bytes());
        rest.extend(*bytes);
        let id = commit(&site, &[first.as_str()], &rest);
        let info = source.commit(&CommitId::new(id.clone()).unwrap()).unwrap();
        assert_eq!(info.message, *expected, "{label}");
        assert_eq!(info.author, format!("{expected} <a@b>"), "{label}");
        // git shows no more than gitmage where its iconv knows less
        if *label != "UTF-16" {
            assert_eq!(shown(&info), logged(&site, &id), "{label} {bytes:?}");
        }
    }
    // The header may stand behind others, and the first one counts.
    let rest = format!(
        "author {ADA}\ncommitter {ADA}\ngpgsig x\n encoding GBK\nencoding ISO-8859-1\nencoding GBK\n\n"
    );
    let mut rest = rest.into_bytes();
    rest.extend(german);
    let id = CommitId::new(commit(&site, &[first.as_str()], &rest)).unwrap();
    assert_eq!(source.commit(&id).unwrap().subject, "Gr\u{f6}\u{df}e");
}

/// What git cannot read either is named.
#[test]
fn commits_that_git_cannot_read_are_named() {
    let site = Site::new();
    let first = site.commit("a", "1", "first");
    let tree = site.git(&["rev-parse", "HEAD^{tree}"]);
    let source = site.in_place("work");
    for bytes in [
        String::new(),
        format!("author {ADA}\n\nno tree\n"),
        "tree 123\n\nshort\n".to_owned(),
        format!("tree {tree}"),
        format!("tree {tree} \n\nno end\n"),
        format!("tree {tree}\nparent 123\n\nshort\n"),
        format!("tree {tree}\nparent {first}x\n\nlong\n"),
    ] {
        let id = site.object("commit", bytes.as_bytes());
        let shown = site.try_git_in("work", &["log", "-1", &id]);
        assert!(!shown.status.success(), "{bytes:?}");
        let id = CommitId::new(id).unwrap();
        let error = source.commit(&id).unwrap_err().to_string();
        assert!(
            error.contains(id.as_str()) && error.contains("git fsck"),
            "{error}"
        );
        assert!(source.is_ancestor(&first, &id).is_err(), "{bytes:?}");
        assert!(source.merge_base(&first, &id).is_err(), "{bytes:?}");
    }
    // A parent that is no commit.
    let id = commit(&site, &[&tree], b"\nSubject\n");
    let id = CommitId::new(id).unwrap();
    assert!(source.commit(&id).is_ok());
    let error = source.first_parents(&id, None).unwrap_err().to_string();
    assert!(
        error.contains(&tree) && error.contains("it is a tree"),
        "{error}"
    );
    let error = source.is_ancestor(&first, &id).unwrap_err().to_string();
    assert!(
        error.contains(&tree) && error.contains("it is a tree"),
        "{error}"
    );
}

#[test]
fn changes_are_taken_back_and_pushed_among_them() {
    let site = Site::new();
    let first = site.commit("a", "1\n", "first");
    site.commit("b", "1\n", "second");
    let odd = |parent: &str| commit(&site, &[parent], b"author Ada\ncommitter Ada\n\nodd\n");
    let before = odd(site.head().as_str());
    site.git(&["reset", "-q", "--hard", &before]);
    std::fs::write(site.path("work/a"), "2\n").unwrap();
    site.git(&["commit", "-q", "-a", "-m", "change"]);
    let change = odd(site.head().as_str());
    site.git(&["reset", "-q", "--hard", &change]);
    site.push();
    site.git_in("bare.git", &["config", "receive.fsckObjects", "true"]);
    let who = Identity::of_user(jiff::Timestamp::UNIX_EPOCH);
    for source in [site.mirror("m"), site.in_place("bare.git")] {
        let tip = source.head("main").unwrap().unwrap();
        let scratch = source.scratch().unwrap();
        let content = scratch.content(&tip).unwrap();
        let undo = |from: &str| Undo {
            commit: CommitId::new(change.clone()).unwrap(),
            parent: Some(CommitId::new(from.to_owned()).unwrap()),
        };
        let Undone::Clean(tree) = scratch.undo(content, &undo(&before)).unwrap() else {
            panic!("a conflict");
        };
        let made = scratch.commit(tree, &tip, "Take it back", &who).unwrap();
        let read = scratch.repository().unwrap().tree(&made).unwrap();
        assert_eq!(read.read("a", 9).unwrap(), b"1\n");
        assert_eq!(read.read("b", 9).unwrap(), b"1\n");
        let pushed = scratch.push("main", Some(&tip), &made).unwrap();
        assert!(matches!(pushed, Pushed::Done { .. }), "{pushed:?}");
        source.refresh().unwrap();
        assert!(source.is_ancestor(&first, &made).unwrap());
        // Not against what was taken back already.
        let content = scratch.content(&made).unwrap();
        let again = scratch.undo(content, &undo(&before)).unwrap();
        assert!(matches!(again, Undone::Clean(same) if same == content));
        let clash = scratch.undo(content, &undo(first.as_str())).unwrap();
        assert_eq!(clash, Undone::Clean(scratch.content(&first).unwrap()));
        site.git_in("bare.git", &["update-ref", "refs/heads/main", &change]);
    }
}

/// A tree object of entries as they are given.
fn tree(site: &Site, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode} {name}\0").as_bytes());
        let hex = id.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        bytes.extend(hex.map(|pair| byte(pair).unwrap()));
    }
    site.object("tree", &bytes)
}

/// Returns what is listed of a tree, with what is read at each path.
fn listed(site: &Site, root: &str) -> Vec<(String, EntryKind, String)> {
    let text = format!("tree {root}\n\nSubject\n");
    let id = CommitId::new(site.object("commit", text.as_bytes())).unwrap();
    let tree = site.in_place("work").tree(&id).unwrap();
    let entries = tree.entries().unwrap().into_iter();
    entries
        .map(|entry| {
            assert_eq!(tree.entry(&entry.path).unwrap().as_ref(), Some(&entry));
            let read = match entry.kind {
                EntryKind::Submodule => String::new(),
                _ => String::from_utf8(tree.read(&entry.path, 99).unwrap()).unwrap(),
            };
            (entry.path, entry.kind, read)
        })
        .collect()
}

#[test]
fn trees_are_read_whatever_their_modes_and_names_and_order_are() {
    use EntryKind::{File, Submodule, Symlink};
    let site = Site::new();
    let head = site.commit("x", "0", "first").to_string();
    let [one, two] = ["1", "2"].map(|text| site.object("blob", text.as_bytes()));
    let below = tree(&site, &[("100644", "f", &one)]);
    let other = tree(&site, &[("100644", "g", &two)]);
    let file = |path: &str, text: &str| (path.to_owned(), File, text.to_owned());
    for (what, entries, expected) in [
        (
            "modes of old versions, with zeros before them, and of nobody",
            vec![
                ("100664", "a", one.as_str()),
                ("100600", "b", &one),
                ("100777", "c", &one),
                ("0100644", "d", &one),
                ("00000000100644", "e", &one),
                ("040000", "f", &below),
                ("40755", "g", &below),
                ("120777", "h", &two),
                ("644", "i", &head),
                ("160001", "j", &head),
            ],
            vec![
                file("a", "1"),
                file("b", "1"),
                file("c", "1"),
                file("d", "1"),
                file("e", "1"),
                file("f/f", "1"),
                file("g/f", "1"),
                ("h".to_owned(), Symlink, "2".to_owned()),
                ("i".to_owned(), Submodule, String::new()),
                ("j".to_owned(), Submodule, String::new()),
            ],
        ),
        (
            "no order",
            vec![
                ("100644", "z", one.as_str()),
                ("40000", "d", &below),
                ("100644", "a", &two),
            ],
            vec![file("a", "2"), file("d/f", "1"), file("z", "1")],
        ),
        (
            "a file twice",
            vec![("100644", "a", one.as_str()), ("100644", "a", &two)],
            vec![file("a", "1")],
        ),
        (
            "a directory twice",
            vec![("40000", "d", below.as_str()), ("40000", "d", &other)],
            vec![file("d/f", "1")],
        ),
        (
            "a file and a directory of one name",
            vec![
                ("100644", "d", one.as_str()),
                ("100644", "d.x", &two),
                ("40000", "d", &below),
            ],
            vec![file("d", "1"), file("d.x", "2")],
        ),
        (
            "a directory and a file of one name",
            vec![("40000", "d", below.as_str()), ("100644", "d", &two)],
            vec![file("d/f", "1")],
        ),
        (
            "names that no checkout makes, or not on every system",
            vec![
                ("100644", ".", one.as_str()),
                ("100644", "..", &one),
                ("40000", ".GIT", &below),
                ("40000", ".git", &below),
                ("100644", "a/b", &one),
                ("100644", "con", &one),
                ("100644", "git~1", &one),
                ("100644", "x\\y", &one),
            ],
            vec![
                file(".GIT/f", "1"),
                file(".git/f", "1"),
                file("con", "1"),
                file("git~1", "1"),
                file("x\\y", "1"),
            ],
        ),
        ("nothing", vec![], vec![]),
    ] {
        let root = tree(&site, &entries);
        assert_eq!(listed(&site, &root), expected, "{what}");
        // Git's own look-up finds the same, where it finds anything in a tree without order.
        for (path, kind, text) in expected {
            let named = format!("{root}:{path}");
            if kind == File && what != "no order" {
                assert_eq!(
                    site.git(&["cat-file", "blob", &named]),
                    text,
                    "{what}: {path}"
                );
            }
        }
    }
}

/// Each path in which two trees differ, with what is listed there in the second one.
fn differing(before: &dyn Tree, after: &dyn Tree) -> BTreeMap<String, Option<TreeEntry>> {
    let by_path = |tree: &dyn Tree| -> BTreeMap<String, TreeEntry> {
        let entries = tree.entries().unwrap().into_iter();
        entries.map(|entry| (entry.path.clone(), entry)).collect()
    };
    let (was, is) = (by_path(before), by_path(after));
    let paths = was.keys().chain(is.keys());
    let paths = paths.filter(|path| was.get(*path) != is.get(*path));
    let differing = paths.map(|path| (path.clone(), is.get(path).cloned()));
    differing.collect()
}

#[test]
fn the_changes_between_trees_are_those_of_their_lists() {
    let site = Site::new();
    let head = site.commit("x", "0", "first").to_string();
    let [one, two] = ["1", "2"].map(|text| site.object("blob", text.as_bytes()));
    let deep = tree(&site, &[("100644", "f", &one), ("100644", "g", &two)]);
    let less = tree(&site, &[("100644", "f", &two)]);
    let both = tree(&site, &[("40000", "d", &deep), ("40000", "e", &less)]);
    let roots = [
        vec![],
        vec![("100644", "a", one.as_str()), ("40000", "d", &deep)],
        vec![("100644", "a", &two), ("40000", "d", &less)],
        vec![("120000", "a", &one), ("100644", "d", &one)],
        vec![("160000", "a", &head), ("40000", "d", &both)],
        vec![
            ("40000", "a", &both),
            ("40000", "d", &deep),
            ("100644", "z", &one),
        ],
        // What git would not make: of several of one name the first counts, and order means nothing.
        vec![("100644", "a", &one), ("100644", "a", &two)],
        vec![("40000", "d", &less), ("40000", "d", &deep)],
        vec![("100644", "d", &two), ("40000", "d", &both)],
        vec![("40000", "d", &both), ("100644", "d", &two)],
        vec![
            ("40000", "z", &both),
            ("100644", "..", &one),
            ("100644", "a", &two),
        ],
    ];
    let source = site.in_place("work");
    let trees: Vec<Box<dyn Tree>> = roots
        .iter()
        .map(|entries| {
            let text = format!("tree {}\n\nSubject\n", tree(&site, entries));
            let id = CommitId::new(site.object("commit", text.as_bytes())).unwrap();
            source.tree(&id).unwrap()
        })
        .collect();
    for before in &trees {
        for after in &trees {
            let changes = after.changes(&before.id().unwrap()).unwrap().unwrap();
            let count = changes.len();
            let changes: BTreeMap<_, _> = changes.into_iter().collect();
            assert_eq!(changes.len(), count, "a path is named twice");
            assert_eq!(changes, differing(before.as_ref(), after.as_ref()));
        }
    }
    assert!(trees[1].changes(&"0".repeat(40)).unwrap().is_none());
}

/// Git's own merges go through an index, which takes no such path.
#[test]
fn a_path_in_the_way_of_a_rollback_is_named() {
    let site = Site::new();
    let blob = site.object("blob", b"1");
    let below = tree(&site, &[("100644", "f", &blob)]);
    let root = tree(&site, &[("40000", ".GIT", &below), ("100644", "a", &blob)]);
    let text = format!("tree {root}\n\nSubject\n");
    let commit = CommitId::new(site.object("commit", text.as_bytes())).unwrap();
    let scratch = site.in_place("work").scratch().unwrap();
    let content = scratch.content(&commit).unwrap();
    let parent = None;
    let undone = scratch.undo(content, &Undo { commit, parent });
    let error = undone.unwrap_err().to_string();
    assert!(
        error.contains(".GIT/f") && error.contains("take that path off the branch"),
        "{error}"
    );
}

#[test]
fn trees_that_git_cannot_read_are_named() {
    let site = Site::new();
    let blob = site.object("blob", b"1");
    let whole = tree(&site, &[("100644", "a", &blob), ("100644", "b", &blob)]);
    let raw = std::process::Command::new("git")
        .args(["cat-file", "tree", &whole])
        .current_dir(site.path("work"))
        .output()
        .unwrap()
        .stdout;
    let mut bad_mode = raw.clone();
    bad_mode[3] = b'9';
    let cut = raw[..raw.len() - 1].to_vec();
    for (bytes, found) in [
        (cut, true),
        (bad_mode, false),
        (b"100644 a".to_vec(), false),
        (b" a\0".to_vec(), false),
    ] {
        let root = site.object("tree", &bytes);
        let text = format!("tree {root}\n\nSubject\n");
        let id = CommitId::new(site.object("commit", text.as_bytes())).unwrap();
        let tree = site.in_place("work").tree(&id).unwrap();
        let error = tree.entries().unwrap_err().to_string();
        assert!(error.contains(&root), "{error}");
        assert_eq!(tree.entry("a").is_ok(), found);
        assert!(matches!(tree.read("b", 9), Err(TreeError::Unreadable(_))));
    }
}
