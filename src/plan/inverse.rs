//! Reverts without words: a commit that is exactly the combined inverse of releases.

use std::collections::BTreeMap;

use super::book::{Book, PathChange};
use super::stack::Seq;
use crate::domain::{ReleaseKind, ReleaseStatus};

/// What a commit's file changes undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inverse {
    /// Exactly these releases, newest first, and a path gets an earlier content back.
    Of(Vec<Seq>),
    /// Exactly these releases, but by deleting files only: a removal.
    OnlyDeletes(Vec<Seq>),
    /// Nothing in particular.
    None,
}

/// Goes back through the releases that are not yet rolled back, newest first, and undoes on paper
/// each one whose files are all among the commit's and stand as it left them, until the files are
/// as the commit leaves them.
pub(super) fn inverse(book: &Book, paths: &BTreeMap<String, PathChange>) -> Inverse {
    if paths.is_empty() {
        return Inverse::None;
    }
    let mut now: BTreeMap<&str, Option<&str>> = paths
        .iter()
        .map(|(path, change)| (path.as_str(), change.before.as_deref()))
        .collect();
    let mut undone = Vec::new();
    for release in book.releases.range(book.epoch..).map(|(_, r)| r).rev() {
        if release.paths.is_empty()
            || release.status == ReleaseStatus::Invalid
            || matches!(release.kind, ReleaseKind::Rollback | ReleaseKind::Adopt)
            || book.reverted_by.contains_key(&release.seq)
        {
            continue;
        }
        let fits = release
            .paths
            .iter()
            .all(|(path, change)| now.get(path.as_str()) == Some(&change.after.as_deref()));
        if !fits {
            continue;
        }
        for (path, change) in &release.paths {
            now.insert(path, change.before.as_deref());
        }
        undone.push(release.seq);
        if paths
            .iter()
            .all(|(path, change)| now.get(path.as_str()) == Some(&change.after.as_deref()))
        {
            let gives_back = paths.values().any(|change| change.after.is_some());
            return if gives_back {
                Inverse::Of(undone)
            } else {
                Inverse::OnlyDeletes(undone)
            };
        }
    }
    Inverse::None
}
