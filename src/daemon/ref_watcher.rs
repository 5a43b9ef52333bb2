//! The watch on the references, renewed where there is none or another repository has come to its
//! place. Without it there are still the polls.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::git::{Repository, Watch};
use crate::ports::GitError;

/// The time between two looks whether the watch still watches the repository.
const REWATCH: Duration = Duration::from_secs(5);

/// A watch that outlives the repository it was set upon.
pub(super) struct RefWatcher {
    repository: Repository,
    watch: Option<Watch>,
    /// What was said about its absence.
    said: Option<GitError>,
    next: Instant,
    /// The look in hand; its answer is another watch, where one is needed. A disk may hang, and the
    /// main loop must not hang with it.
    look: Option<JoinHandle<Option<Result<Watch, GitError>>>>,
}

impl RefWatcher {
    pub(super) fn new(repository: Repository) -> Self {
        let mut ref_watcher = Self {
            watch: None,
            said: None,
            next: Instant::now() + REWATCH,
            look: None,
            repository,
        };
        ref_watcher.take(ref_watcher.repository.watch());
        ref_watcher
    }

    fn take(&mut self, watch: Result<Watch, GitError>) {
        let error = match watch {
            Ok(watch) => {
                self.watch = Some(watch);
                self.said = None;
                return;
            }
            Err(error) => error,
        };
        self.watch = None;
        if self.said.as_ref() != Some(&error) {
            warn!(%error, "the repository is polled only");
        }
        self.said = Some(error);
    }

    /// Waits until it is worth looking at the references. May be dropped at any time.
    pub(super) async fn changed(&mut self) {
        loop {
            let watched = self.watch.as_ref().map(Watch::watched);
            let seen = async {
                match &mut self.watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            let renewed = async {
                if self.look.is_none() {
                    sleep_until(self.next).await;
                }
                let repository = &self.repository;
                let look = self.look.get_or_insert_with(|| {
                    let repository = repository.clone();
                    tokio::task::spawn_blocking(move || {
                        let outlived = watched.is_none_or(|watched| watched.is_outlived());
                        outlived.then(|| repository.watch())
                    })
                });
                // One that ended unexpectedly is followed by the next.
                look.await.ok().flatten()
            };
            let renewed = tokio::select! {
                () = seen => return,
                renewed = renewed => renewed,
            };
            self.look = None;
            self.next = Instant::now() + REWATCH;
            if let Some(watch) = renewed {
                self.take(watch);
                if self.watch.is_some() {
                    return;
                }
            }
        }
    }
}
