//! The sources of release files: one commit's tree, or a directory for offline checks.

/// No file system takes a symbolic link that holds more, in bytes.
const LONGEST_LINK: u64 = 4096;

/// The kinds of entries of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, executable or not.
    File,
    /// A symbolic link. Never followed.
    Symlink,
    /// A submodule.
    Submodule,
}

/// One entry of a tree; directories are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root, `/`-separated. Never starts with `/` and holds no `.` or `..` component.
    /// Bytes that are not UTF-8 are replaced; such a path is reported, not read.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Names the content: equal ids, equal bytes. The object id in Git, a digest in a directory.
    pub id: String,
}

/// The reasons why a file of a tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is no such entry.
    #[error("no such file")]
    NotFound,
    /// Larger than asked for; nothing was loaded.
    #[error("{bytes} bytes long, over the limit of {limit}")]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// The limit that was given.
        limit: u64,
    },
    /// The object database or the file system failed: no fault of the release file.
    #[error("{0}")]
    Unreadable(String),
}

/// The paths in which two trees differ, each with what is there in the second one.
pub type TreeChanges = Vec<(String, Option<TreeEntry>)>;

/// A tree of files.
pub trait Tree: Send + Sync {
    /// Every entry, sorted by path (bytewise).
    ///
    /// # Errors
    /// [`TreeError::Unreadable`].
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError>;

    /// The entry at a path, if there is one that is no directory.
    ///
    /// # Errors
    /// [`TreeError::Unreadable`].
    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError>;

    /// The bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`TreeError`].
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError>;

    /// The bytes of a file that was listed, of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`TreeError`].
    fn read_entry(&self, entry: &TreeEntry, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.read(&entry.path, limit)
    }

    /// Names all that is in the tree: equal ids, equal trees. `None` where nothing does.
    fn id(&self) -> Option<String> {
        None
    }

    /// The entries in which it differs from the tree of this id: each path with what is there now.
    /// `None` where that tree is not known.
    ///
    /// # Errors
    /// [`TreeError::Unreadable`].
    fn changes(&self, since: &str) -> Result<Option<TreeChanges>, TreeError> {
        let _ = since;
        Ok(None)
    }

    /// The path that a symbolic link holds, as it is written there; `None` where it cannot be told.
    /// Git keeps it as the bytes of a file.
    fn link_target(&self, path: &str) -> Option<String> {
        let bytes = self.read(path, LONGEST_LINK).ok()?;
        String::from_utf8(bytes).ok()
    }
}
