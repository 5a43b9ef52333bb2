//! The glob of release files: which paths it takes, and which folders it means.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// The release files where nobody says otherwise.
pub(super) const DEFAULT: &str = "releases/**/*.{yaml,yml}";
/// The endings of YAML files, in lower case; the first is the one that is proposed.
const ENDINGS: [&str; 2] = ["yaml", "yml"];
/// A glob with more alternatives than these is not taken apart.
const MOST_ALTERNATIVES: usize = 256;

/// A glob that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad glob {glob:?} of release files: {why}; write one such as {:?}",
    DEFAULT
)]
pub struct BadGlob {
    /// The glob.
    pub glob: String,
    /// What is wrong with it.
    pub why: String,
}

/// A glob of release files: `*` stays within a directory, `**` does not.
#[derive(Debug, Clone)]
pub(super) struct ReleaseGlob {
    text: String,
    matcher: GlobMatcher,
    /// The fixed leading folders of its alternatives, each once. An alternative that begins with a
    /// wildcard, or that names one file, has none.
    folders: Vec<String>,
}

impl ReleaseGlob {
    pub(super) fn new(text: &str) -> Result<Self, BadGlob> {
        let bad = |why: String| BadGlob {
            glob: text.to_owned(),
            why,
        };
        if text.is_empty() {
            return Err(bad("it is empty".to_owned()));
        }
        if text.starts_with('/') || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad(
                "paths start at the repository's root, without `/`, `.` or `..`".to_owned(),
            ));
        }
        let matcher = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map(|glob| glob.compile_matcher())
            .map_err(|error| bad(error.kind().to_string()))?;
        let mut folders = Vec::new();
        for alternative in alternatives(text) {
            if let Some(folder) = leading_folder(&alternative)
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
        Ok(Self {
            text: text.to_owned(),
            matcher,
            folders,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_match(&self, path: &str) -> bool {
        self.matcher.is_match(Path::new(path))
    }

    /// The fixed leading folders, without a slash at the end.
    pub(super) fn folders(&self) -> &[String] {
        &self.folders
    }

    /// True if the path is below one of the leading folders.
    pub(super) fn is_below(&self, path: &str) -> bool {
        self.folders.iter().any(|folder| is_below(path, folder))
    }

    /// True if the path is one of the leading folders, or if one of them is below it.
    pub(super) fn leads_through(&self, path: &str) -> bool {
        self.folders
            .iter()
            .any(|folder| folder == path || is_below(folder, path))
    }

    /// True if a path that does not match was probably meant to: it has the ending of a YAML file, in
    /// any case, and is below a leading folder or would match with its ending in lower case.
    pub(super) fn is_near(&self, path: &str) -> bool {
        split_ending(path).is_some_and(|(stem, ending)| {
            self.is_below(path) || self.is_match(&format!("{stem}.{ending}"))
        })
    }

    /// A path that matches and differs from this one by as little as can be.
    pub(super) fn matching_name(&self, path: &str) -> Option<String> {
        let (stem, ending) = split_ending(path)?;
        let name = stem.rsplit('/').next().unwrap_or(stem);
        let endings = std::iter::once(ending).chain(ENDINGS);
        let renamed = endings.clone().map(|ending| format!("{stem}.{ending}"));
        let moved = self.folders.iter().flat_map(|folder| {
            endings
                .clone()
                .map(move |ending| format!("{folder}/{name}.{ending}"))
        });
        let mut names = renamed.chain(moved);
        names.find(|name| self.is_match(name))
    }
}

/// True if a path is in a folder or in one below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// True if a path ends as YAML files do, in whatever case.
pub(super) fn is_yaml(path: &str) -> bool {
    split_ending(path).is_some()
}

/// The path of a YAML file without its ending, and the ending in lower case.
fn split_ending(path: &str) -> Option<(&str, &'static str)> {
    let (stem, ending) = path.rsplit_once('.')?;
    let mut endings = ENDINGS.into_iter();
    let ending = endings.find(|known| ending.eq_ignore_ascii_case(known))?;
    Some((stem, ending))
}

/// The globs without braces that a glob stands for.
fn alternatives(glob: &str) -> Vec<String> {
    let mut whole = Vec::new();
    let mut pending = vec![glob.to_owned()];
    while let Some(next) = pending.pop() {
        if whole.len() + pending.len() > MOST_ALTERNATIVES {
            return vec![glob.to_owned()];
        }
        match first_braces(&next) {
            Some(choices) => pending.extend(choices.into_iter().rev()),
            None => whole.push(next),
        }
    }
    whole
}

/// The globs that come of the first pair of braces; `None` where there is none.
fn first_braces(glob: &str) -> Option<Vec<String>> {
    let mut depth = 0_usize;
    let mut in_class = false;
    let mut escaped = false;
    let mut opened = 0;
    let mut choices: Vec<&str> = Vec::new();
    let mut from = 0;
    for (at, c) in glob.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            ']' if in_class => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '{' => {
                if depth == 0 {
                    (opened, from) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(&glob[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(&glob[from..at]);
                let (before, after) = (&glob[..opened], &glob[at + 1..]);
                let choices = choices.iter();
                return Some(choices.map(|c| format!("{before}{c}{after}")).collect());
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The folder in which all paths that match a glob lie, where it names one before its first wildcard.
fn leading_folder(glob: &str) -> Option<String> {
    let parts: Vec<&str> = glob.split('/').collect();
    let wild = parts
        .iter()
        .position(|part| part.contains(['*', '?', '[', '{', '\\']))?;
    let fixed = parts[..wild].join("/");
    (!fixed.is_empty()).then_some(fixed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn folders(glob: &str) -> String {
        ReleaseGlob::new(glob).unwrap().folders().join(" ")
    }

    #[test]
    fn a_glob_means_the_folders_before_its_wildcards() {
        assert_eq!(folders(DEFAULT), "releases");
        assert_eq!(folders("releases/*.yaml"), "releases");
        assert_eq!(folders("shop/releases/20[0-9]?-*.yaml"), "shop/releases");
        assert_eq!(
            folders("releases/{de,fr/paris}/**"),
            "releases/de releases/fr/paris"
        );
        assert_eq!(folders("{a,b{c,d}}/x/*.yaml"), "a/x bc/x bd/x");
        assert_eq!(folders("a/\\{b,c\\}/*.yaml"), "a");
        assert_eq!(folders("a/[{,}]*.yaml"), "a");
        assert_eq!(folders("**/*.yaml"), "");
        assert_eq!(folders("releases/site.yaml"), "");
    }

    #[test]
    fn a_glob_of_very_many_alternatives_is_not_taken_apart() {
        let many = "{a,b}".repeat(20);
        assert_eq!(folders(&format!("releases/{many}/*.yaml")), "releases");
    }

    #[test]
    fn near_are_yaml_files_below_the_folder_and_other_cases_of_an_ending() {
        let glob = ReleaseGlob::new("releases/*.yaml").unwrap();
        for path in ["releases/a.YAML", "releases/a.yml", "releases/b/a.yaml"] {
            assert!(glob.is_near(path), "{path}");
        }
        for path in [
            "releases/a.txt",
            "other/a.YAML",
            "releases.yaml",
            "releases/yaml",
        ] {
            assert!(!glob.is_near(path), "{path}");
        }
        let anywhere = ReleaseGlob::new("**/*.yaml").unwrap();
        assert!(anywhere.is_near("a/b.YAML"));
        assert!(!anywhere.is_near(".github/ci.yml"));
        let one = ReleaseGlob::new("releases/site.yaml").unwrap();
        assert!(one.is_near("releases/site.Yaml"));
        assert!(!one.is_near("releases/other.yaml"));
    }

    #[test]
    fn the_name_that_matches_is_the_nearest() {
        let name = |glob: &str, path: &str| ReleaseGlob::new(glob).unwrap().matching_name(path);
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(name(DEFAULT, "releases/a.YAML"), some("releases/a.yaml"));
        assert_eq!(name(DEFAULT, "releases/a.Yml"), some("releases/a.yml"));
        assert_eq!(name("r/*.yaml", "r/a.YML"), some("r/a.yaml"));
        assert_eq!(name("r/*.yml", "r/b/a.yaml"), some("r/a.yml"));
        assert_eq!(name("r/2*.yaml", "r/a.yaml"), None);
        assert_eq!(name("r/*.yaml", "r/a.txt"), None);
    }
}
