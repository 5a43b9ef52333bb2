//! Git: the watched repository, the ledger on its rollback branch, and the watch on its references.
//!
//! A plain path is opened in place with gix. Every other URL is mirrored into a bare repository
//! below `state_dir`; what goes over a network is done by the `git` program (`program.rs`), all
//! reading and all making of ledger commits by gix, but for commits, which gix reads more strictly than
//! git does (`commit.rs`). Commits for the watched branch are made in a
//! scratch repository (`scratch.rs`), where the program takes changes back.

mod ancestry;
mod commit;
mod durable;
mod exclusive;
mod identity;
mod ledger;
mod location;
mod mirror;
mod objects;
mod open;
mod program;
mod refusal;
mod repository;
mod revision;
mod scratch;
mod tree;
mod watch;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use identity::Identity;
pub use ledger::BranchLedger;
pub use location::Location;
pub use repository::{Repository, RepositoryOptions};
pub use scratch::{Clash, Pushed, Scratch, TreeId, Undo, Undone};
pub use watch::{Watch, Watched};
pub use words::reverted_commits;
