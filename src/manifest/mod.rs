//! Release files: from the bytes of one commit to the desired state, with every finding of every file.
//!
//! [`Loader::load`] takes a [`Tree`], reads the files that match the glob, checks them one by one
//! (`file`, `change`, `value`), puts in the texts of `{ file: … }` (`content`), folds all
//! changes in path order (`fold`), checks what needs all files (`across`) and names what looks like a
//! release file and is none (`left_out`).
//!
//! Nothing here stops at the first error: the YAML becomes a tree of nodes with places (`crate::yaml`),
//! each check reports what it finds (`report`), and what could be read goes on.

mod across;
mod cache;
mod change;
mod content;
mod dir_tree;
mod file;
mod fold;
mod glob;
mod left_out;
mod loaded;
mod loader;
mod mapping;
mod prices;
mod report;
mod schema;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub use dir_tree::DirTree;
pub use glob::BadGlob;
pub use loaded::Loaded;
pub use loader::{Loader, LoaderOptions};
pub use schema::{OfStore, schema};
pub use tree::{EntryKind, Tree, TreeChanges, TreeEntry, TreeError};
