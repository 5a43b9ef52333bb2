//! Release files that cannot be used: refused with their place, and never in the way of good ones.

use crate::world::{World, activity, title};

/// A commit that cannot be used.
struct Bad {
    name: &'static str,
    /// Path and bytes of what is committed.
    files: Vec<(&'static str, Vec<u8>)>,
    /// What the activity says.
    says: &'static [&'static str],
}

fn bad(name: &'static str, text: impl Into<Vec<u8>>, says: &'static [&'static str]) -> Bad {
    Bad {
        name,
        files: vec![("releases/bad.yaml", text.into())],
        says,
    }
}

fn block(field: &str) -> String {
    format!("changes:\n  - kind: cms_block\n    key: old-hero\n    fields:\n      {field}\n")
}

/// Nine levels of ten aliases each.
fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        let list = vec![below; 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    format!("{text}changes: []\n")
}

fn cases() -> Vec<Bad> {
    let huge = vec![b'x'; 20 << 20];
    let mut huge_content = bad(
        "20 MB of content",
        block("content: { file: content/huge.html }"),
        &["releases/bad.yaml:5:", "content/huge.html"],
    );
    huge_content.files.push(("content/huge.html", huge.clone()));
    let mut emoji_content = bad(
        "an emoji in a file",
        block("content: { file: content/smile.html }"),
        &["releases/bad.yaml:5:", "content/smile.html"],
    );
    emoji_content
        .files
        .push(("content/smile.html", "<p>ok</p>\n<p>\u{1f600}</p>".into()));
    vec![
        bad(
            "a typo in a field",
            block("titel: Oops"),
            &["releases/bad.yaml:5:7", "titel", "title"],
        ),
        bad(
            "a wrong type",
            block("active: perhaps"),
            &["releases/bad.yaml:5:15"],
        ),
        bad(
            "an unknown kind",
            "changes:\n  - kind: cms_blok\n    key: a\n    fields: { title: a }\n",
            &["releases/bad.yaml:2:", "cms_block"],
        ),
        bad(
            "an unknown key",
            "changes: []\nchange: []\n",
            &["releases/bad.yaml:2:1", "change"],
        ),
        bad(
            "a duplicate key",
            block("title: a\n      title: b"),
            &["releases/bad.yaml:6:7", "title"],
        ),
        bad(
            "a missing file",
            block("content: { file: content/none.html }"),
            &["releases/bad.yaml:5:", "content/none.html"],
        ),
        bad(
            "a path that leaves the tree",
            block("content: { file: ../../../etc/passwd }"),
            &["releases/bad.yaml:5:", "../"],
        ),
        bad(
            "an absolute path",
            block("content: { file: /etc/passwd }"),
            &["releases/bad.yaml:5:", "/etc/passwd"],
        ),
        bad("an alias bomb", bomb(), &["releases/bad.yaml"]),
        bad("20 MB of YAML", huge, &["releases/bad.yaml"]),
        huge_content,
        bad(
            "invalid UTF-8",
            block("title: a")
                .into_bytes()
                .into_iter()
                .chain([0xff, 0xfe, b'\n'])
                .collect::<Vec<u8>>(),
            &["releases/bad.yaml", "UTF-8"],
        ),
        bad(
            "an emoji",
            block("title: Sale \u{1f389}"),
            &["releases/bad.yaml:5:", "\u{1f389}"],
        ),
        emoji_content,
        bad(
            "a title of 300 characters",
            block(&format!("title: {}", "x".repeat(300))),
            &["releases/bad.yaml:5:", "255"],
        ),
        bad(
            "a number out of range",
            "changes:\n  - kind: cms_page\n    key: home\n    fields:\n      sort_order: 99999\n",
            &["releases/bad.yaml:5:19", "32767"],
        ),
        bad(
            "a field of the store's",
            block("update_time: 2026-01-01"),
            &["releases/bad.yaml:5:7", "update_time"],
        ),
        bad(
            "layout XML",
            "changes:\n  - kind: cms_page\n    key: home\n    fields:\n      layout_update_xml: <x/>\n",
            &["releases/bad.yaml:5:7"],
        ),
        bad("no YAML at all", "changes: [\n", &["releases/bad.yaml:"]),
    ]
}

#[test]
fn bad_files_are_refused_with_their_place_and_the_next_good_commit_deploys() {
    std::thread::scope(|scope| {
        // Two worlds at a time are plenty for a small machine.
        let mut cases = cases();
        let half = cases.split_off(cases.len() / 2);
        for cases in [cases, half] {
            scope.spawn(move || {
                let w = World::new();
                for case in cases {
                    refused(&w, &case);
                }
            });
        }
    });
}

fn refused(w: &World, case: &Bad) {
    let Bad { name, files, says } = case;
    let (before, writes) = (w.shop.dump(), w.shop.writes().len());
    for (path, bytes) in files {
        w.repo.write(path, bytes);
    }
    let commit = w.repo.commit(name);
    w.repo.push();
    let run = w.reconcile();
    assert_eq!(run.code, Some(1), "{name}: {}", run.said());
    assert_eq!(w.stands(&commit), "deploy invalid", "{name}");
    let said = activity(&w.release(&commit));
    for words in *says {
        assert!(said.contains(words), "{name}: no {words:?} in {said}");
    }
    assert_eq!(w.shop.dump(), before, "{name}");
    assert_eq!(w.shop.writes().len(), writes, "{name}");

    for (path, _) in files {
        w.repo.remove(path);
    }
    let good = w
        .repo
        .release("good", &title("home-hero", &format!("After {name}")), name);
    w.reconcile().converged();
    assert_eq!(w.stands(&good), "deploy live", "{name}");
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        format!("After {name}")
    );
}

#[test]
fn symlinks_are_never_followed() {
    let w = World::new();
    let before = w.shop.dump();
    let outside = w.dir.path().join("outside.yaml");
    std::fs::write(&outside, title("home-hero", "From outside")).unwrap();
    w.repo
        .write("releases/good.yaml", title("old-hero", "Good"));
    std::os::unix::fs::symlink(&outside, w.repo.path("releases/link.yaml")).unwrap();
    let release = w.repo.commit("A release file that is a link");
    w.repo.push();
    w.reconcile().failed();
    assert_eq!(w.stands(&release), "deploy invalid");
    let said = activity(&w.release(&release));
    assert!(
        said.contains("releases/link.yaml") && said.contains("symbolic link"),
        "{said}"
    );

    w.repo.remove("releases/link.yaml");
    w.repo.write("content/real.html", "real");
    std::os::unix::fs::symlink("real.html", w.repo.path("content/link.html")).unwrap();
    let content = w.repo.release("c", "changes:\n  - kind: cms_block\n    key: home-hero\n    fields:\n      content: { file: content/link.html }\n", "Content behind a link");
    w.reconcile().failed();
    assert_eq!(w.stands(&content), "deploy invalid");
    let said = activity(&w.release(&content));
    assert!(
        said.contains("releases/c.yaml:5:") && said.contains("symbolic link"),
        "{said}"
    );
    assert_eq!(w.shop.dump(), before);
}

#[test]
fn all_findings_of_all_files_are_told_at_once() {
    let w = World::new();
    w.repo.write("releases/a.yaml", block("titel: Oops"));
    w.repo.write("releases/b.yaml", "changes:\n  - kind: cms_page\n    key: home\n    fields:\n      titel: Oops\n      sort_order: many\n");
    let commit = w.repo.commit("Three mistakes");
    w.repo.push();
    w.reconcile().failed();
    let said = activity(&w.release(&commit));
    for place in [
        "releases/a.yaml:5:7",
        "releases/b.yaml:5:7",
        "releases/b.yaml:6:19",
    ] {
        assert!(said.contains(place), "no {place} in {said}");
    }
}
