//! Files that a power cut must not take away, and that others must be able to write beside us.
//!
//! gix neither syncs loose objects and references nor honours `core.sharedRepository`; in a
//! repository that is opened in place both are ours to do.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use gix::refs::FullName;
use gix::{ObjectId, Repository};

use crate::ports::GitError;

/// Syncs new objects and the directories that list them.
pub(super) fn objects(repository: &Repository, ids: &[ObjectId]) -> Result<(), GitError> {
    let root = repository.objects.store_ref().path().to_owned();
    let sharing = sharing(repository);
    let mut directories = BTreeSet::from([root.clone()]);
    for id in ids {
        let hex = id.to_string();
        let directory = root.join(&hex[..2]);
        // one that was there before, in a pack, has no file of its own
        let file = directory.join(&hex[2..]);
        if file.exists() {
            sync(&file)
                .and_then(|()| gix::fs::set_shared_repository_permissions(&file, sharing))
                .and_then(|()| share_directory(&directory, sharing))
                .map_err(|error| not_synced(&file, &error))?;
            directories.insert(directory);
        }
    }
    sync_directories(&directories)
}

/// Syncs a reference that was just moved, and the directories that it may have brought about.
pub(super) fn reference(repository: &Repository, name: &FullName) -> Result<(), GitError> {
    let root = repository.common_dir().join("refs");
    let file = repository.common_dir().join(name.as_bstr().to_string());
    let sharing = sharing(repository);
    let mut directories = BTreeSet::new();
    for directory in file.ancestors().skip(1) {
        if !directory.starts_with(&root) {
            break;
        }
        directories.insert(directory.to_owned());
    }
    // `pack-refs` may have been quicker
    if file.exists() {
        sync(&file)
            .and_then(|()| gix::fs::set_shared_repository_permissions(&file, sharing))
            .map_err(|error| not_synced(&file, &error))?;
    }
    for directory in &directories {
        share_directory(directory, sharing).map_err(|error| not_synced(directory, &error))?;
    }
    sync_directories(&directories)
}

/// `core.sharedRepository` in Git's compact form; 0 leaves all to the umask.
fn sharing(repository: &Repository) -> i32 {
    let config = repository.config_snapshot();
    config
        .string("core.sharedRepository")
        .and_then(|value| {
            gix::config::tree::Core::SHARED_REPOSITORY
                .try_into_shared_repository(Some(value))
                .ok()
        })
        .unwrap_or(0)
}

/// One that belongs to somebody else has its rights already, and is not ours to change.
fn share_directory(path: &Path, sharing: i32) -> io::Result<()> {
    match gix::fs::set_shared_repository_permissions(path, sharing) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

fn sync(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn sync_directories(directories: &BTreeSet<PathBuf>) -> Result<(), GitError> {
    if cfg!(unix) {
        for directory in directories {
            sync(directory).map_err(|error| not_synced(directory, &error))?;
        }
    }
    Ok(())
}

fn not_synced(path: &Path, error: &io::Error) -> GitError {
    GitError::Stalled {
        message: format!("{} cannot be made durable: {error}", path.display()),
        remedy: "check the disk and the rights on the repository".to_owned(),
    }
}
