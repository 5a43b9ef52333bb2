//! What this host remembers of a ledger: its newest commit, so that one that vanished or was moved
//! back is noticed. One line: the rollback branch and the commit.
//!
//! # Guarantees
//! - The file is replaced in one step: a crash or a full disk leaves what was remembered before.
//!
//! # Accepted losses
//! - It may be deleted with the state directory; the ledger is then taken as it is found.

use std::io::{self, Write as _};
use std::path::Path;

use crate::domain::CommitId;

/// Remembers the newest commit of a rollback branch.
pub(super) fn write(path: &Path, branch: &str, tip: &CommitId) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{branch} {tip}")?;
    file.persist(path)?;
    Ok(())
}

/// The newest commit of a rollback branch that was remembered; nothing is known of another branch.
pub fn remembered(path: &Path, branch: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let tip = text.trim_end().strip_prefix(branch)?.strip_prefix(' ')?;
    Some(tip.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn is_replaced_in_one_step_and_counts_for_one_branch() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledgers/production");
        assert_eq!(remembered(&path, "rollback/production"), None);
        let commit = |digit: &str| CommitId::new(digit.repeat(40)).unwrap();
        write(&path, "rollback/production", &commit("a")).unwrap();
        // whoever still has the old file sees it whole
        let old = dir.path().join("old");
        std::fs::hard_link(&path, &old).unwrap();
        write(&path, "rollback/production", &commit("b")).unwrap();
        let known = |path| remembered(path, "rollback/production");
        assert_eq!(known(&old), Some("a".repeat(40)));
        assert_eq!(known(&path), Some("b".repeat(40)));
        assert_eq!(remembered(&path, "rollback"), None);
        assert_eq!(remembered(&path, "rollback/other"), None);
        let names = std::fs::read_dir(dir.path().join("ledgers")).unwrap();
        assert_eq!(names.count(), 1);
    }
}
