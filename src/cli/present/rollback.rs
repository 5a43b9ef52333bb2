//! The releases that a rollback takes back, for people.

use super::table::table;
use super::text::{BOLD, PLAIN, YELLOW, count, paint, short, status_style};
use crate::domain::{ReleaseKind, ReleaseStatus};

/// A release that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// The id by which it is named.
    pub(crate) id: String,
    /// What it is; `None` for a commit that is not handled yet.
    pub(crate) kind: Option<ReleaseKind>,
    /// Where it stands.
    pub(crate) status: ReleaseStatus,
    /// The subject of its commit.
    pub(crate) subject: String,
}

impl TakenBack {
    /// True for what is put back in the store: of an invalid commit nothing was deployed, and what a
    /// rollback took back is deployed again.
    pub(crate) fn is_put_back(&self) -> bool {
        self.status != ReleaseStatus::Invalid && self.kind != Some(ReleaseKind::Rollback)
    }
}

/// The list, newest first.
pub(crate) fn taken_back(environment: &str, taken: &[TakenBack]) -> String {
    let rows: Vec<_> = taken
        .iter()
        .map(|taken| {
            let kind = taken.kind.map_or("commit", ReleaseKind::as_str);
            vec![
                (short(&taken.id).to_owned(), YELLOW),
                (taken.status.to_string(), status_style(taken.status)),
                (kind.to_owned(), PLAIN),
                (taken.subject.clone(), PLAIN),
            ]
        })
        .collect();
    let number = taken.iter().filter(|taken| taken.is_put_back()).count();
    format!(
        "{} {environment}: takes back {}\n{}\n",
        paint(BOLD, "Rollback of"),
        count(number, "release", "releases"),
        table(&["ID", "STATUS", "KIND", "SUBJECT"], &rows)
    )
}
