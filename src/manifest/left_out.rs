//! Files that look like release files and are left out: nobody shall be told "no findings" about it.

use super::glob::{ReleaseGlob, is_yaml};
use super::report::{MAX_FINDINGS, about_file, quote, quote_whole};
use super::tree::{EntryKind, Tree, TreeEntry};
use crate::domain::{Finding, Severity};

/// So many symbolic links are looked through; a tree may be made to have millions.
const MAX_LINKS: usize = 100;
/// So many links in a row are followed to tell whether a folder is at their end.
const MAX_HOPS: usize = 8;

/// A tree, and what of it is a release file.
pub(super) struct LeftOut<'a> {
    pub(super) glob: &'a ReleaseGlob,
    /// The globs of other environments: what they take is not left out.
    pub(super) others: &'a [ReleaseGlob],
    /// The entries that are asked about, sorted by path.
    pub(super) entries: &'a [TreeEntry],
    pub(super) tree: &'a dyn Tree,
    /// The paths of all entries below a folder, whether they are asked about or not.
    pub(super) paths_below: &'a dyn Fn(&str) -> Vec<String>,
    /// True of the files that are read.
    pub(super) is_used: &'a dyn Fn(&str) -> bool,
}

impl LeftOut<'_> {
    /// Returns what looks like a release file, or may hold some, and is not read. All of it are warnings.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut links = 0;
        let mut further = 0;
        for entry in self.entries {
            let path = entry.path.as_str();
            let finding = match entry.kind {
                _ if self.is_missed(path) => self.not_matched(entry),
                EntryKind::File => continue,
                _ if !self.may_hold_release_files(path) => continue,
                EntryKind::Submodule => submodule(path),
                EntryKind::Symlink => {
                    links += 1;
                    if links > MAX_LINKS || !self.hides_release_files(path) {
                        continue;
                    }
                    linked(path)
                }
            };
            if findings.len() < MAX_FINDINGS {
                findings.push(finding);
            } else {
                further += 1;
            }
        }
        if further > 0 {
            findings.push(warning(
                self.folder(),
                "release-not-matched",
                format!(
                    "{further} further files look like release files, but do not match the glob {}: they are left out",
                    self.glob_in_quotes()
                ),
                "rename these and check again",
            ));
        }
        findings
    }

    /// True if there are files where release files are looked for, apart from hidden ones and notes in
    /// Markdown.
    pub(super) fn any_files(&self) -> bool {
        self.count_files() > 0
    }

    /// That nothing matches the glob, in a tree or in one directory of it (`.` for its root).
    pub(super) fn no_release_files(&self, directory: Option<&str>) -> Finding {
        let folder = directory.filter(|directory| *directory != ".");
        let folder = folder.unwrap_or_else(|| self.folder());
        let though = match self.count_files() {
            0 => String::new(),
            1 => format!(", though there is a file in {}", quote(folder)),
            files => format!(", though there are {files} files in {}", quote(folder)),
        };
        let name = match self.glob.folders().first() {
            Some(folder) => {
                format!("name release files such as `{folder}/2026-11-27-black-friday.yaml`")
            }
            None => "name release files so that they match".to_owned(),
        };
        let or = match directory {
            None => "correct the glob",
            Some(_) => "check another directory",
        };
        warning(
            directory.unwrap_or(folder),
            "no-release-files",
            format!("no file matches the glob {}{though}", self.glob_in_quotes()),
            &format!("{name}, or {or}"),
        )
    }

    fn count_files(&self) -> usize {
        let counts = |entry: &&TreeEntry| {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            entry.kind == EntryKind::File
                && self.glob.is_below(&entry.path)
                && !name.starts_with('.')
                && !name.to_lowercase().ends_with(".md")
        };
        self.entries.iter().filter(counts).count()
    }

    /// The first leading folder, or the root.
    fn folder(&self) -> &str {
        self.glob.folders().first().map_or(".", String::as_str)
    }

    fn glob_in_quotes(&self) -> String {
        quote(self.glob.as_str())
    }

    /// True if a path was probably meant to match, and is not read in any other way either.
    fn is_missed(&self, path: &str) -> bool {
        self.glob.is_near(path) && self.is_unread(path)
    }

    fn not_matched(&self, entry: &TreeEntry) -> Finding {
        let path = entry.path.as_str();
        let (verb, but) = match entry.kind {
            EntryKind::File => ("rename it to", ""),
            EntryKind::Symlink => ("commit the file itself as", ", and is a symbolic link"),
            EntryKind::Submodule => ("commit the file itself as", ", and is a submodule"),
        };
        let remedy = match self.glob.matching_name(path) {
            None => "rename it so that it matches, or correct the glob".to_owned(),
            Some(name) if self.is_there(&name) => format!(
                "{} is there already: put the changes of both into that one, or choose another name",
                quote_whole(&name)
            ),
            Some(name) if folder_of(&name) != folder_of(path) => {
                format!("move it to {}, or correct the glob", quote_whole(&name))
            }
            Some(name) => format!("{verb} {}", quote_whole(&name)),
        };
        warning(
            path,
            "release-not-matched",
            format!(
                "{} looks like a release file, but does not match the glob {}{but}: it is left out",
                quote(path),
                self.glob_in_quotes()
            ),
            &remedy,
        )
    }

    fn is_there(&self, path: &str) -> bool {
        self.tree.entry(path).is_ok_and(|entry| entry.is_some())
    }

    /// True if something at a path stands in the way to release files. What matches by itself is
    /// refused already.
    fn may_hold_release_files(&self, path: &str) -> bool {
        (self.glob.is_below(path) || self.glob.leads_through(path)) && !self.glob.is_match(path)
    }

    /// True if a symbolic link leads to a folder with YAML files that are read in no other way, or to
    /// somewhere outside of the tree and is called as a folder is.
    fn hides_release_files(&self, link: &str) -> bool {
        let looks_like_folder = !link.rsplit('/').next().unwrap_or(link).contains('.');
        let mut path = link.to_owned();
        for _ in 0..MAX_HOPS {
            let target = self.tree.link_target(&path);
            let Some(next) = target.and_then(|target| resolve(&path, &target)) else {
                return looks_like_folder;
            };
            match self.tree.entry(&next) {
                Ok(Some(entry)) if entry.kind == EntryKind::Symlink => path = next,
                Ok(Some(entry)) => return entry.kind == EntryKind::Submodule,
                Ok(None) => {
                    let below = (self.paths_below)(&next);
                    return match below.is_empty() {
                        true => looks_like_folder,
                        false => below.iter().any(|path| self.is_unread(path)),
                    };
                }
                Err(_) => return looks_like_folder,
            }
        }
        looks_like_folder
    }

    /// True if a YAML file is read neither here nor in another environment.
    fn is_unread(&self, path: &str) -> bool {
        is_yaml(path)
            && !self.glob.is_match(path)
            && !(self.is_used)(path)
            && !self.others.iter().any(|other| other.is_match(path))
    }
}

/// The paths below a folder, of entries that are sorted; all of them below the root, `""`.
pub(super) fn paths_below(entries: &[TreeEntry], folder: &str) -> Vec<String> {
    let inside = match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let from = entries.partition_point(|entry| entry.path < inside);
    entries[from..]
        .iter()
        .map(|entry| &entry.path)
        .take_while(|path| path.starts_with(&inside))
        .cloned()
        .collect()
}

/// Returns where in the tree a link leads; `None` for somewhere outside.
fn resolve(link: &str, target: &str) -> Option<String> {
    if target.is_empty() || target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder_of(link)
        .split('/')
        .filter(|p| !p.is_empty())
        .collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn linked(path: &str) -> Finding {
    warning(
        path,
        "release-folder-linked",
        format!(
            "{} is a symbolic link, which is never followed: release files behind it are left out",
            quote(path)
        ),
        "commit the files themselves in its place",
    )
}

fn submodule(path: &str) -> Finding {
    warning(
        path,
        "release-folder-submodule",
        format!(
            "{} is a submodule, whose files are not in the commit: release files in it are left out",
            quote(path)
        ),
        "commit the files themselves in its place",
    )
}

fn warning(path: &str, id: &str, message: String, remedy: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        ..about_file(path, id, message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_on_from_its_own_folder() {
        let leads = |link: &str, target: &str| resolve(link, target);
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(
            leads("releases/new", "../archive/2026/"),
            some("archive/2026")
        );
        assert_eq!(leads("releases/a/new", "./b"), some("releases/a/b"));
        assert_eq!(leads("releases", "other"), some("other"));
        assert_eq!(leads("releases/all", ".."), some(""));
        assert_eq!(leads("releases/out", "../../x"), None);
        assert_eq!(leads("releases/out", "/srv/x"), None);
    }
}
