//! A watch on the references of a repository.
//!
//! An event says only that it is worth looking: which reference moved, and whether any did, is for
//! the reader to find out. Events can be lost, so polling goes on, rarely.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{CreateKind, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::open::{self, FileIdentity};
use crate::ports::GitError;

/// Events this soon after one that was told are told together.
const BURST: Duration = Duration::from_millis(75);
/// The first file of a new directory can come before the directory is watched: look again.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// A watch on the references of a repository.
pub struct Watch {
    pokes: Arc<Pokes>,
    told: Option<Instant>,
    look_again: Option<Instant>,
    /// Watches until it is dropped.
    _watcher: Option<RecommendedWatcher>,
    /// The directories that are watched, whatever their names stand for by now.
    watched: Watched,
}

/// The directories of a watch, as they were when it was set.
#[derive(Debug, Clone, Default)]
pub struct Watched(Vec<(PathBuf, Option<FileIdentity>)>);

impl Watched {
    /// True if what is watched is gone, or something else has come to its place.
    pub fn is_outlived(&self) -> bool {
        let Self(directories) = self;
        directories
            .iter()
            .any(|(path, identity)| open::identity(path, false) != *identity)
    }
}

#[derive(Default)]
struct Pokes {
    any: Notify,
    new_directory: AtomicBool,
}

impl Watch {
    /// A watch that never sees anything.
    pub(super) fn nothing() -> Self {
        Self {
            pokes: Arc::default(),
            told: None,
            look_again: None,
            _watcher: None,
            watched: Watched::default(),
        }
    }

    /// Watches the directory that all work trees of a repository share.
    pub(super) fn on(common_dir: &Path) -> Result<Self, GitError> {
        let mut watch = Self::nothing();
        let refused = |error: notify::Error| GitError::Stalled {
            message: format!("{} cannot be watched: {error}", common_dir.display()),
            remedy: "raise fs.inotify.max_user_watches or max_user_instances".to_owned(),
        };
        let pokes = Arc::clone(&watch.pokes);
        let mut watcher =
            notify::recommended_watcher(move |event| pokes.take(event)).map_err(refused)?;
        let mut watch_path = |path: &Path, mode| watcher.watch(path, mode).map_err(refused);
        let refs = common_dir.join("refs");
        // Looked at first: what is exchanged in between is watched once too often, not never.
        let known = [common_dir, &refs].map(|path| (path.to_owned(), open::identity(path, false)));
        watch.watched = Watched(known.into());
        watch_path(common_dir, RecursiveMode::NonRecursive)?;
        watch_path(&refs, RecursiveMode::Recursive)?;
        watch._watcher = Some(watcher);
        Ok(watch)
    }

    /// Returns what is watched.
    pub fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// Waits for a change: at once for the first event, together for those that follow closely.
    /// May be dropped at any time without losing an event.
    pub async fn changed(&mut self) {
        if let Some(told) = self.told {
            sleep_until(told + BURST).await;
        }
        let again = self.look_again;
        let second_look = async move {
            match again {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.pokes.any.notified() => {}
            () = second_look => self.look_again = None,
        }
        let now = Instant::now();
        self.told = Some(now);
        if self.pokes.new_directory.swap(false, Ordering::SeqCst) {
            self.look_again = Some(now + SECOND_LOOK);
        }
    }
}

impl Pokes {
    /// An error (an overflow, say) means that events were lost, which is an event too.
    fn take(&self, event: notify::Result<notify::Event>) {
        if let Ok(event) = &event
            && !event.need_rescan()
        {
            if !concerns_references(event) {
                return;
            }
            if matches!(
                event.kind,
                EventKind::Create(CreateKind::Folder | CreateKind::Any)
            ) {
                self.new_directory.store(true, Ordering::SeqCst);
            }
        }
        self.any.notify_one();
    }
}

/// Reading is no change, and a lock is not yet one.
fn concerns_references(event: &notify::Event) -> bool {
    let is_lock = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "lock");
    !matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(is_lock)
}
