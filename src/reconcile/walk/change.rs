//! What a commit changes: its statements, and the files that they stand in.

use std::collections::{BTreeMap, BTreeSet};

use rpds::RedBlackTreeMapSync;
use sha2::{Digest, Sha256};

use crate::domain::DesiredState;
use crate::plan::{ChangeId, Difference, PathChange, Statement};

/// The digest of the statements in which two states differ.
pub(super) fn change_between(before: &DesiredState, after: &DesiredState) -> Option<ChangeId> {
    let Difference { gone, new, moved } = Difference::between(before, after);
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = moved.into_iter().unzip();
    let mut hash = Sha256::new();
    let mut any = false;
    for (sign, statements) in [("-", gone), ("-", was), ("+", new), ("+", is)] {
        for Statement { slot, path, digest } in statements {
            any = true;
            hash.update(format!("{sign}{path}\0{slot}\0{digest}\n"));
        }
    }
    any.then(|| {
        let hash = hash.finalize();
        ChangeId::new(
            hash.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        )
    })
}

/// Path to entry id, as [`crate::manifest::Loaded`] has them.
pub(super) type FileIds = RedBlackTreeMapSync<String, String>;

/// What differs between the files of two commits. `changed`: where nothing else can differ.
pub(super) fn paths(
    before: &FileIds,
    after: &FileIds,
    changed: Option<&BTreeSet<String>>,
) -> BTreeMap<String, PathChange> {
    let all = || before.keys().chain(after.keys()).collect();
    let paths: BTreeSet<&String> = match changed {
        Some(changed) => changed.iter().collect(),
        None => all(),
    };
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            let change = PathChange {
                before: before.get(path).cloned(),
                after: after.get(path).cloned(),
            };
            (path.clone(), change)
        })
        .collect()
}
