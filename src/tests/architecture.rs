//! The arrows between the modules, and words that have no place in the tree.
//!
//! The source is read as rustfmt leaves it. Inside `#[cfg(test)]` modules anything may be imported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every top-level module with the modules that it may import besides itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("yaml", &[]),
    ("manifest", &["domain", "yaml"]),
    ("plan", &["domain"]),
    ("ports", &["domain", "manifest"]),
    ("git", &["domain", "manifest", "ports"]),
    ("store", &["domain", "ports"]),
    ("sandbox", &["domain"]),
    ("settings", &["domain", "yaml"]),
    ("reconcile", &["domain", "manifest", "plan", "ports"]),
    // The composition root: the only place below the verbs that knows the adapters.
    (
        "assembly",
        &[
            "domain",
            "git",
            "manifest",
            "plan",
            "ports",
            "reconcile",
            "settings",
            "store",
        ],
    ),
    (
        "http",
        &["domain", "plan", "ports", "reconcile", "settings"],
    ),
    (
        "daemon",
        &[
            "assembly",
            "domain",
            "git",
            "http",
            "manifest",
            "plan",
            "ports",
            "reconcile",
            "settings",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "assembly",
            "daemon",
            "domain",
            "git",
            "http",
            "manifest",
            "plan",
            "ports",
            "reconcile",
            "sandbox",
            "settings",
            "store",
        ],
    ),
];

/// The names through which the trees of commits are read: all of `manifest` that these two may know.
const TREE_ONLY: &[&str] = &["git", "ports"];
const TREE: &[&str] = &["EntryKind", "Tree", "TreeEntry", "TreeError"];

/// Roots of the crate; everything else at the top is a module.
const ROOTS: &[&str] = &["lib", "main", "tests", "benches"];

/// Returns what in `text`, a file of `module`, breaks the arrows. `root` is whether the file is the
/// module's own, from which `super` is the crate.
fn violations(module: &str, root: bool, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("the module {module} is not in the table of arrows")];
    };
    let code = without_tests_and_comments(text);
    let mut found = Vec::new();
    for path in crate_paths(&code) {
        let mut parts = path.split("::");
        let target = parts.next().unwrap_or_default();
        let inner = parts.next().unwrap_or_default();
        let known = ARROWS.iter().any(|(name, _)| *name == target);
        if !known || target == module {
            continue;
        }
        if !allowed.contains(&target) {
            found.push(format!("{module} must not import {target}: crate::{path}"));
        } else if target == "manifest" && TREE_ONLY.contains(&module) && !TREE.contains(&inner) {
            found.push(format!(
                "{module} may import only manifest::Tree: crate::{path}"
            ));
        }
    }
    if root && code.lines().any(|line| line.starts_with("use super::")) {
        found.push(format!("{module} must write crate:: instead of super::"));
    }
    found
}

/// The code without comments and without `#[cfg(test)] mod … { … }`.
fn without_tests_and_comments(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        if trimmed == "#[cfg(test)]"
            && let Some(next) = lines.peek()
            && next.contains("mod ")
            && next.ends_with('{')
        {
            let end = format!("{indent}}}");
            lines.by_ref().find(|line| *line == end);
        } else if !trimmed.starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or_default());
            code.push('\n');
        }
    }
    code
}

/// Every path after `crate::`, groups spread out: `crate::{a::B, c}` is `a::B` and `c`.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        // `$crate::` in macros counts, `other_crate::` does not.
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        spread(&code[start + "crate::".len()..], "", &mut paths);
    }
    paths
}

/// Reads one path or group at the start of `text`; answers with what follows it.
fn spread<'a>(text: &'a str, prefix: &str, paths: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let after = spread(rest, prefix, paths);
            let after = after.trim_start().trim_start_matches(',');
            if after.len() == rest.len() {
                return rest;
            }
            rest = after;
        }
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = format!("{prefix}{name}");
    if let Some(inner) = rest.strip_prefix("::") {
        return spread(inner, &format!("{path}::"), paths);
    }
    paths.push(path);
    let rest = rest.trim_start();
    match rest.strip_prefix("as ") {
        Some(alias) => alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a path, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = entries
        .flat_map(|entry| files(&entry.unwrap().path()))
        .collect();
    all.sort();
    all
}

/// The files that hold a module declared as `#[cfg(test)] mod x;` in this file.
fn test_only(file: &Path, text: &str) -> Vec<PathBuf> {
    let stem = file.file_stem().unwrap();
    let directory = if stem == "mod" || stem == "lib" || stem == "main" {
        file.parent().unwrap().to_owned()
    } else {
        file.with_extension("")
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_suffix(';')?.rsplit_once("mod "))
        .flat_map(|(_, name)| [directory.join(format!("{name}.rs")), directory.join(name)])
        .collect()
}

#[test]
fn arrows_run_one_way() {
    let source = repository().join("src");
    let all: Vec<(PathBuf, String)> = files(&source)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let exempt: Vec<PathBuf> = all
        .iter()
        .flat_map(|(path, text)| test_only(path, text))
        .collect();
    let mut modules = BTreeSet::new();
    let mut found = Vec::new();
    for (path, text) in &all {
        let inside = path.strip_prefix(&source).unwrap();
        let top = Path::new(inside.components().next().unwrap().as_os_str());
        let module = top.file_stem().unwrap().to_str().unwrap();
        if ROOTS.contains(&module) || exempt.iter().any(|test| path.starts_with(test)) {
            continue;
        }
        modules.insert(module.to_owned());
        let root = inside.components().count() == 1 || inside == top.join("mod.rs");
        for violation in violations(module, root, text) {
            found.push(format!("src/{}: {violation}", inside.display()));
        }
    }
    assert!(
        modules.contains("domain") && modules.contains("settings"),
        "{modules:?}"
    );
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    for (module, root, text) in [
        ("domain", true, "use crate::manifest::Tree;"),
        ("domain", false, "fn f() -> crate::ports::Next {}"),
        ("plan", true, "use crate::{domain::Kind, git::Mirror};"),
        (
            "plan",
            true,
            "use crate::{\n    domain::{Kind, Value as V},\n    store,\n};",
        ),
        ("store", true, "use crate::git::Mirror;"),
        ("store", true, "use crate::manifest::Tree;"),
        ("git", true, "use crate::manifest::{Tree, compile};"),
        ("git", true, "use crate::manifest;"),
        (
            "reconcile",
            true,
            "    let x = crate::store::Client::new();",
        ),
        ("daemon", true, "use crate::cli;"),
        ("settings", true, "use super::git::Mirror;"),
        ("settings", true, "#[cfg(test)]\nuse crate::git::Mirror;"),
        (
            "settings",
            true,
            "#[cfg(test)]\nmod tests {\n    x\n}\nuse crate::git::Mirror;",
        ),
        ("newcomer", true, ""),
    ] {
        let found = violations(module, root, text);
        assert_eq!(found.len(), 1, "{module}: {text}: {found:?}");
    }
    for (module, root, text) in [
        ("domain", true, "use crate::domain::Kind; // not crate::git"),
        (
            "domain",
            true,
            "//! See [`crate::git`].\nuse crate::domain::Kind;",
        ),
        (
            "git",
            true,
            "use crate::manifest::{Tree, TreeError};\nuse crate::ports::Source;",
        ),
        ("git", false, "use super::mirror::Mirror;"),
        ("plan", true, "use gix_crate::git::Mirror;"),
        ("cli", true, "use crate::{daemon, sandbox::Sandbox, git};"),
        (
            "settings",
            true,
            "#[cfg(test)]\nmod tests {\n    use crate::git::Mirror;\n}",
        ),
    ] {
        let found = violations(module, root, text);
        assert_eq!(found, Vec::<String>::new(), "{module}: {text}");
    }
}

/// Paths of a machine and left-overs. Split, so that this file does not hold them.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

const HOUSE: &[&str] = &[
    ".ci",
    ".deny.toml",
    ".justfile",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "Cargo.toml",
    "README.md",
    "examples",
    "schemas",
    "src",
    "systemd",
];

#[test]
fn nothing_is_left_over() {
    let all: Vec<PathBuf> = HOUSE
        .iter()
        .flat_map(|entry| files(&repository().join(entry)))
        .collect();
    assert!(all.len() > 30, "only {} files found", all.len());
    let mut found = Vec::new();
    for path in all {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        for (number, line) in (1..).zip(text.lines()) {
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
