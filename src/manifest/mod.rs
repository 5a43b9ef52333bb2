//! Release files: from the bytes of one commit to the desired state, with every finding of every file.

mod tree;

pub use tree::{EntryKind, Tree, TreeEntry, TreeError};
