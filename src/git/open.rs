//! Opening a repository with gix, and what is refused at the door.

use std::path::Path;
use std::time::SystemTime;

use gix::ThreadSafeRepository;

use super::objects::reason;
use crate::ports::GitError;

/// The time that a held lock of a reference is waited for, in milliseconds.
pub(super) const LOCK_WAIT: &str = "2000";

/// Tells whether an opened repository is still the one on disk: directories come and go, the
/// configuration is read when opening, and gix has room for so many packs only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp([Option<FileIdentity>; 4]);

/// Tells a file or directory from another one at the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileIdentity {
    file: u64,
    created: Option<SystemTime>,
    /// Not of the directory that changes with every object.
    content: Option<(Option<SystemTime>, u64)>,
}

impl Stamp {
    pub(super) fn of(common_dir: &Path) -> Self {
        let identity = |name, content| identity(&common_dir.join(name), content);
        Self([
            identity("objects", false),
            identity("objects/pack", true),
            identity("config", true),
            identity("shallow", true),
        ])
    }
}

pub(super) fn identity(path: &Path, content: bool) -> Option<FileIdentity> {
    let meta = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let file = std::os::unix::fs::MetadataExt::ino(&meta);
    #[cfg(not(unix))]
    let file = 0;
    Some(FileIdentity {
        file,
        created: meta.created().ok(),
        content: content.then(|| (meta.modified().ok(), meta.len())),
    })
}

/// Opens what is at a path: a bare repository, a work tree or a linked one.
///
/// Nothing but the repository's own configuration is read, and nothing in it can start a program
/// for what we do. Whoever owns it, it was named by the operator.
pub(super) fn open(path: &Path) -> Result<ThreadSafeRepository, GitError> {
    let repository = gix::open::Options::isolated()
        .with(gix::sec::Trust::Full)
        .config_overrides([
            // a pushed refs/replace/… must not change what a commit says
            "core.useReplaceRefs=false".to_owned(),
            format!("core.filesRefLockTimeout={LOCK_WAIT}"),
            format!("core.packedRefsTimeout={LOCK_WAIT}"),
        ])
        .open(path)
        .map_err(|error| GitError::Stalled {
            message: format!(
                "no usable Git repository at {}: {}",
                path.display(),
                reason(&error)
            ),
            remedy: "create it with `git init --bare`, or correct repository.url".to_owned(),
        })?;
    refuse(&repository.to_thread_local())?;
    Ok(repository)
}

/// Refuses what would be read wrongly or only in part.
fn refuse(repository: &gix::Repository) -> Result<(), GitError> {
    let place = repository.common_dir().display();
    let config = repository.config_snapshot();
    let stalled = |what: &str, remedy: &str| {
        Err(GitError::Stalled {
            message: format!("Git repository {place}: {what}"),
            remedy: remedy.to_owned(),
        })
    };
    let format = config.string("extensions.refStorage");
    if format.is_some_and(|format| !format.eq_ignore_ascii_case(b"files")) {
        return stalled(
            "its references are stored as a reftable, which cannot be read yet",
            "convert it with `git refs migrate --ref-format=files`",
        );
    }
    if repository.is_shallow().unwrap_or(true) {
        return stalled(
            "a shallow clone, which lacks the history",
            "complete it with `git fetch --unshallow`",
        );
    }
    let promised = config.string("extensions.partialClone").is_some()
        || config
            .plumbing()
            .sections_by_name("remote")
            .into_iter()
            .flatten()
            .any(|remote| remote.value("promisor").is_some());
    if promised {
        return stalled(
            "a partial clone, which lacks objects",
            "clone it again without `--filter`",
        );
    }
    Ok(())
}
