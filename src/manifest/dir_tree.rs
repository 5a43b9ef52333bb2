//! A directory as a tree, for offline checks.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::across;
use super::left_out::LeftOut;
use super::loaded::Loaded;
use super::loader::Loader;
use super::tree::{EntryKind, Tree, TreeEntry, TreeError};

/// A directory on disk as a [`Tree`]. Symbolic links are listed and never followed; what git would
/// not track as content (`.git`, sockets, pipes) is left out; a directory with a `.git` of its own
/// is a submodule.
#[derive(Debug, Clone)]
pub struct DirTree {
    root: PathBuf,
    /// Only what is below this path is listed; all else can still be read.
    listed: String,
}

impl DirTree {
    /// The whole of a directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            listed: String::new(),
        }
    }

    fn walk(&self, directory: &str, entries: &mut Vec<TreeEntry>) -> Result<(), TreeError> {
        let on_disk = self.root.join(directory);
        let listing = fs::read_dir(&on_disk).map_err(|error| unreadable(&on_disk, &error))?;
        for item in listing {
            let item = item.map_err(|error| unreadable(&on_disk, &error))?;
            let name = item.file_name().to_string_lossy().into_owned();
            if name == ".git" {
                continue;
            }
            let path = match directory {
                "" => name,
                _ => format!("{directory}/{name}"),
            };
            let kind = item
                .file_type()
                .map_err(|error| unreadable(&item.path(), &error))?;
            if kind.is_dir() && !is_repository(&item.path()) {
                self.walk(&path, entries)?;
            } else if let Some(entry) = describe(&item.path(), path)? {
                entries.push(entry);
            }
        }
        Ok(())
    }

    /// The paths of all that is below a directory, listed or not.
    fn paths_below(&self, directory: &str) -> Vec<String> {
        let place = match directory {
            "" => Some(self.root.clone()),
            directory => self.locate(directory),
        };
        let mut below = Vec::new();
        if let Some(place) = place.filter(|place| place.is_dir() && !place.is_symlink()) {
            // What cannot be read is not known to be there.
            let _ = collect_paths(&place, &mut below);
        }
        let paths = below.iter().filter_map(|path| relative(path, &self.root));
        paths.collect()
    }

    /// The place on disk, unless a link or a submodule stands in the way.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let mut on_disk = self.root.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if matches!(part, "" | "." | ".." | ".git") || part.contains('\\') {
                return None;
            }
            on_disk.push(part);
            let metadata = fs::symlink_metadata(&on_disk).ok()?;
            let passable = metadata.is_dir() && !is_repository(&on_disk);
            if parts.peek().is_some() && !passable {
                return None;
            }
        }
        Some(on_disk)
    }
}

impl Tree for DirTree {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let mut entries = Vec::new();
        match self.listed.as_str() {
            "" => self.walk("", &mut entries)?,
            listed => match self.locate(listed) {
                Some(place) if place.is_dir() && !place.is_symlink() && !is_repository(&place) => {
                    self.walk(listed, &mut entries)?;
                }
                Some(_) => entries.extend(self.entry(listed)?),
                None => {}
            },
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        match self.locate(path) {
            Some(on_disk) => describe(&on_disk, path.to_owned()),
            None => Ok(None),
        }
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let on_disk = self.locate(path).ok_or(TreeError::NotFound)?;
        let metadata =
            fs::symlink_metadata(&on_disk).map_err(|error| unreadable(&on_disk, &error))?;
        if !metadata.is_file() {
            return Err(TreeError::NotFound);
        }
        if metadata.len() > limit {
            return Err(TreeError::TooLarge {
                bytes: metadata.len(),
                limit,
            });
        }
        let mut bytes = Vec::new();
        File::open(&on_disk)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(|error| unreadable(&on_disk, &error))?;
        Ok(bytes)
    }

    fn link_target(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.locate(path)?).ok()?;
        target.to_str().map(str::to_owned)
    }
}

impl Loader {
    /// Checks what is at a path on disk, as `gitmage validate PATH` does: one release file, or all
    /// those of a directory.
    ///
    /// Paths in release files start at the root of the repository. That is the nearest directory
    /// from which the glob matches the path, or nearly does; where it does from nowhere, a file is
    /// checked all the same, within the repository or directory that it stands in. The paths of
    /// findings are such that they can be opened from where `path` could.
    ///
    /// # Errors
    /// Fails when there is nothing at the path, or it cannot be read.
    pub fn load_path(&self, path: &Path) -> Result<Loaded, TreeError> {
        let (tree, shown) = self.open(path)?;
        let directory = path.is_dir();
        let inside = format!("{}/", tree.listed);
        let entries = tree.entries()?;
        let mut loaded = self.read_where(&tree, &entries, &|path| match directory {
            true => {
                self.is_release_file(path) && (tree.listed.is_empty() || path.starts_with(&inside))
            }
            false => path == tree.listed,
        })?;
        let left_out = LeftOut {
            glob: &self.glob,
            others: &self.others,
            entries: &entries,
            tree: &tree,
            paths_below: &|folder| tree.paths_below(folder),
            // A file that is named is read, whether it matches or not.
            is_used: &|path| directory && loaded.files.contains_key(path),
        };
        let mut findings = left_out.findings();
        if directory && loaded.files.is_empty() {
            let directory = match tree.listed.as_str() {
                "" => ".",
                listed => listed,
            };
            findings.push(left_out.no_release_files(Some(directory)));
        }
        findings.extend(across::warnings(&loaded.state));
        loaded.findings.0.extend(findings);
        loaded.findings.sort();
        for finding in &mut loaded.findings.0 {
            let full = match finding.origin.path.as_str() {
                "." if shown.as_os_str().is_empty() => PathBuf::from("."),
                "." => shown.clone(),
                path => shown.join(path),
            };
            finding.origin.path = full.to_string_lossy().into_owned();
        }
        Ok(loaded)
    }

    /// The tree that a path belongs to, and its root as the user would write it.
    fn open(&self, path: &Path) -> Result<(DirTree, PathBuf), TreeError> {
        let failed = |error: io::Error| unreadable(path, &error);
        // A slash at the end would have a link followed.
        let bare: PathBuf = path.components().collect();
        let metadata = fs::symlink_metadata(&bare).map_err(failed)?;
        let directory = path.is_dir();
        if directory
            && metadata.is_symlink()
            && let Some(opened) = self.open_link(&bare)
        {
            return Ok(opened);
        }
        let absolute = if directory {
            path.canonicalize().map_err(failed)?
        } else {
            let name = path.file_name().unwrap_or_default();
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                Some(_) | None => Path::new("."),
            };
            parent.canonicalize().map_err(failed)?.join(name)
        };
        let root = self
            .root_by_glob(&absolute, directory)?
            .or_else(|| enclosing_repository(&absolute))
            .unwrap_or_else(|| match absolute.parent() {
                Some(parent) if !directory => parent.to_owned(),
                Some(_) | None => absolute.clone(),
            });
        let listed = relative(&absolute, &root).unwrap_or_default();
        let shown = as_written(path, &listed).unwrap_or_else(|| root.clone());
        Ok((DirTree { root, listed }, shown))
    }

    /// A symbolic link in place of a folder of release files; `None` for one that stands elsewhere.
    fn open_link(&self, link: &Path) -> Option<(DirTree, PathBuf)> {
        let parent = match link.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let absolute = parent.canonicalize().ok()?.join(link.file_name()?);
        let root = enclosing_repository(absolute.parent()?)?;
        let listed = relative(&absolute, &root)?;
        let concerned = self.glob.is_below(&listed) || self.glob.leads_through(&listed);
        let shown = as_written(link, &listed).unwrap_or_else(|| root.clone());
        concerned.then_some((DirTree { root, listed }, shown))
    }

    fn root_by_glob(&self, absolute: &Path, directory: bool) -> Result<Option<PathBuf>, TreeError> {
        let mut paths = Vec::new();
        if directory {
            collect_paths(absolute, &mut paths)?;
        } else {
            paths.push(absolute.to_owned());
        }
        let repository = enclosing_repository(absolute);
        let within = |root: &&Path| {
            let above = repository.as_ref().filter(|top| !root.starts_with(top));
            above.is_none()
        };
        let roots = || {
            let roots = absolute.ancestors().skip(usize::from(!directory));
            roots.take_while(within)
        };
        let any = |root: &Path, takes: &dyn Fn(&str) -> bool| {
            let mut below = paths.iter().filter_map(|path| relative(path, root));
            below.any(|path| takes(&path))
        };
        let matched = roots().find(|root| any(root, &|path| self.is_release_file(path)));
        let root =
            matched.or_else(|| roots().find(|root| any(root, &|path| self.glob.is_near(path))));
        Ok(root.map(Path::to_owned))
    }
}

/// The root of a tree as a user would write it who wrote `path` for what is `listed` in it:
/// `a/releases/x.yaml` with the root two levels up is seen from `a`. `None` when it cannot be told.
fn as_written(path: &Path, listed: &str) -> Option<PathBuf> {
    let written: Vec<Component<'_>> = path.components().collect();
    let depth = listed.split('/').filter(|part| !part.is_empty()).count();
    let (above, below) = written.split_at_checked(written.len().checked_sub(depth)?)?;
    // Parts such as `..` name other directories than the last ones of the resolved path.
    let plain = below
        .iter()
        .all(|part| matches!(part, Component::Normal(_)));
    let parts = above.iter().filter(|part| **part != Component::CurDir);
    plain.then(|| parts.collect())
}

/// Every file below a directory that could be a release file.
fn collect_paths(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), TreeError> {
    let listing = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    for item in listing {
        let item = item.map_err(|error| unreadable(directory, &error))?;
        let kind = item
            .file_type()
            .map_err(|error| unreadable(&item.path(), &error))?;
        if !kind.is_dir() {
            paths.push(item.path());
        } else if item.file_name() != ".git" && !is_repository(&item.path()) {
            collect_paths(&item.path(), paths)?;
        }
    }
    Ok(())
}

fn enclosing_repository(path: &Path) -> Option<PathBuf> {
    path.ancestors()
        .find(|directory| is_repository(directory))
        .map(Path::to_owned)
}

/// A path below a root, `/`-separated.
fn relative(path: &Path, root: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    let parts: Vec<_> = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Some(parts.join("/"))
}

fn is_repository(directory: &Path) -> bool {
    directory.join(".git").exists()
}

/// The entry of a path that is no directory; `None` for one that is, and for what is no file at all.
fn describe(on_disk: &Path, path: String) -> Result<Option<TreeEntry>, TreeError> {
    let metadata = fs::symlink_metadata(on_disk).map_err(|error| unreadable(on_disk, &error))?;
    let (kind, id) = if metadata.is_symlink() {
        let target = fs::read_link(on_disk).map_err(|error| unreadable(on_disk, &error))?;
        let digest = Sha256::digest(target.as_os_str().as_encoded_bytes());
        (EntryKind::Symlink, hex(&digest))
    } else if metadata.is_file() {
        let digest = digest(on_disk).map_err(|error| unreadable(on_disk, &error))?;
        (EntryKind::File, digest)
    } else if metadata.is_dir() && is_repository(on_disk) {
        (EntryKind::Submodule, String::new())
    } else {
        return Ok(None);
    };
    Ok(Some(TreeEntry { path, kind, id }))
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(path: &Path, error: &io::Error) -> TreeError {
    TreeError::Unreadable(format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_shown_as_it_was_written() {
        let shown = |path: &str, listed: &str| {
            as_written(Path::new(path), listed).map(|root| root.display().to_string())
        };
        assert_eq!(shown(".", "").as_deref(), Some(""));
        assert_eq!(
            shown("./releases/a.yaml", "releases/a.yaml").as_deref(),
            Some("")
        );
        assert_eq!(
            shown("x/releases/a.yaml", "releases/a.yaml").as_deref(),
            Some("x")
        );
        assert_eq!(shown("../x/releases", "releases").as_deref(), Some("../x"));
        assert_eq!(shown("/x/releases", "releases").as_deref(), Some("/x"));
        assert_eq!(shown("a.yaml", "releases/a.yaml"), None);
        assert_eq!(shown("../a.yaml", "releases/a.yaml"), None);
    }
}
