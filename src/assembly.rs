//! The composition root: from settings to the adapters and the reconcilers that use them.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use secrecy::SecretString;

use crate::git::{BranchLedger, Location, Repository, RepositoryOptions};
use crate::manifest::{Loader, LoaderOptions};
use crate::plan::Policy;
use crate::ports::{Clock, GitError, StoreError};
use crate::reconcile::{Bootstrap, Progress, Reconciler, Rewrites, Setup, Sibling, Stop, Writes};
use crate::settings::{self, Environment, EnvironmentName, RepositoryUrl, Settings};
use crate::store::{Credentials, Magento, StoreOptions};

/// A reconciler of the real world.
pub type RealReconciler = Reconciler<Repository, BranchLedger, Magento, SystemClock>;

/// The clock of the machine.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Duration,
}

/// Goes on while the machine is suspended, as a lease runs out meanwhile: on Linux neither
/// `CLOCK_MONOTONIC` nor [`std::time::Instant`] does.
fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    // Neither is ever negative.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: since_boot(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        since_boot().saturating_sub(self.start)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match getrandom::fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
            // Without chance there is no jitter; the waits stay as long.
            Err(_) => 0.5,
        }
    }
}

/// The reasons why the pieces could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The store's URL or TLS.
    #[error("environment {environment}: {source}")]
    Store {
        /// Which environment.
        environment: EnvironmentName,
        /// Why.
        source: StoreError,
    },
    /// The glob of an environment.
    #[error("environment {environment}: {why}")]
    Releases {
        /// Which environment.
        environment: EnvironmentName,
        /// Why.
        why: String,
    },
    /// The state directory.
    #[error(
        "the state directory {path} cannot be used: {why}; create it for this user, or set `state_dir`"
    )]
    StateDir {
        /// Which directory or file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The identity of this host for the lease, under a file lock: a second process of the same state
/// directory does not get it.
#[derive(Debug)]
pub struct HolderLock {
    id: String,
    _file: File,
}

impl HolderLock {
    /// Takes the lock; `None` when another process has it.
    ///
    /// # Errors
    /// [`AssemblyError::StateDir`].
    pub fn take(state_dir: &Path) -> Result<Option<Self>, AssemblyError> {
        let path = state_dir.join("holder");
        let fail = |why: std::io::Error| AssemblyError::StateDir {
            path: path.clone(),
            why: why.to_string(),
        };
        std::fs::create_dir_all(state_dir).map_err(fail)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        let mut id = String::new();
        file.read_to_string(&mut id).map_err(fail)?;
        let id = id.trim().to_owned();
        if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Some(Self { id, _file: file }));
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|e| fail(std::io::Error::other(e.to_string())))?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        file.set_len(0).map_err(fail)?;
        file.rewind().map_err(fail)?;
        file.write_all(id.as_bytes()).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        Ok(Some(Self { id, _file: file }))
    }

    /// The holder id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The watched repository. What is wrong at its place is told by what is asked of it first.
///
/// # Errors
/// See [`GitError`].
pub fn repository<S>(
    settings: &Settings<S>,
    token: Option<SecretString>,
) -> Result<Repository, GitError> {
    let location = match &settings.repository.url {
        RepositoryUrl::Path(path) => Location::Path(path.clone()),
        RepositoryUrl::Remote(url) => Location::Remote(url.clone()),
    };
    Repository::at(RepositoryOptions {
        location,
        token,
        mirror_dir: settings.state_dir.join("mirror"),
        ssh_command: std::env::var("GIT_SSH_COMMAND").ok(),
        ca_file: std::env::var_os("GIT_SSL_CAINFO").map(PathBuf::from),
        timeout: Duration::from_secs(60),
    })
}

/// The release files of an environment. It knows those of the others in the same repository.
///
/// # Errors
/// [`AssemblyError::Releases`] for a bad glob.
pub fn loader<S>(settings: &Settings<S>, name: &EnvironmentName) -> Result<Loader, AssemblyError> {
    let environment = &settings.environments[name];
    let others = settings.environments.iter();
    let others = others.filter(|(other, _)| *other != name);
    Loader::new(LoaderOptions {
        releases: environment.releases.clone(),
        charset: environment.store.charset,
        ..LoaderOptions::default()
    })
    .and_then(|loader| loader.beside(others.map(|(_, other)| other.releases.as_str())))
    .map_err(|error| AssemblyError::Releases {
        environment: name.clone(),
        why: error.to_string(),
    })
}

/// The store of an environment.
///
/// # Errors
/// [`AssemblyError::Store`].
pub fn store(name: &EnvironmentName, environment: &Environment) -> Result<Magento, AssemblyError> {
    let settings::OAuth {
        consumer_key,
        consumer_secret,
        access_token,
        access_token_secret,
    } = environment.store.oauth.clone();
    Magento::new(StoreOptions {
        url: environment.store.url.clone(),
        credentials: Credentials {
            consumer_key,
            consumer_secret,
            access_token,
            access_token_secret,
        },
        timeout: environment.store.timeout,
        concurrency: environment.store.concurrency,
    })
    .map_err(|source| AssemblyError::Store {
        environment: name.clone(),
        source,
    })
}

/// The other environments of the same store.
fn siblings<S>(
    settings: &Settings<S>,
    name: &EnvironmentName,
) -> Result<Vec<Sibling>, AssemblyError> {
    let url = &settings.environments[name].store.url;
    settings
        .environments
        .iter()
        .filter(|(other, environment)| *other != name && environment.store.url == *url)
        .map(|(other, environment)| {
            Ok(Sibling {
                environment: other.to_string(),
                branch: environment.branch.clone(),
                loader: Arc::new(loader(settings, other)?),
            })
        })
        .collect()
}

/// Returns the action of an environment's first start.
pub fn bootstrap<S>(environment: &Environment<S>) -> Bootstrap {
    match environment.bootstrap {
        settings::Bootstrap::Deploy => Bootstrap::Deploy,
        settings::Bootstrap::Adopt => Bootstrap::Adopt,
    }
}

/// Returns what becomes of an environment whose branch was rewritten.
pub fn rewrites<S>(environment: &Environment<S>) -> Rewrites {
    match environment.history_rewrites {
        settings::HistoryRewrites::Stall => Rewrites::Stall,
        settings::HistoryRewrites::Follow => Rewrites::Follow,
    }
}

/// Returns the policy that an environment is planned by.
pub fn policy<S>(environment: &Environment<S>) -> Policy {
    Policy {
        restore_removed: environment.on_remove == settings::OnRemove::Restore,
        keep_conflicts: environment.on_conflict == settings::OnConflict::Keep,
    }
}

/// One environment's reconciler. `holder` is [`HolderLock::id`]; a plan writes nothing and may give
/// any text.
///
/// # Errors
/// See [`AssemblyError`].
pub fn reconciler(
    settings: &Settings,
    repository: &Repository,
    name: &EnvironmentName,
    holder: &str,
    progress: Progress,
    stop: Stop,
) -> Result<RealReconciler, AssemblyError> {
    let environments: &BTreeMap<EnvironmentName, Environment> = &settings.environments;
    let environment = &environments[name];
    let setup = Setup {
        environment: name.to_string(),
        branch: environment.branch.clone(),
        rollback_branch: environment.rollback_branch.clone(),
        store_url: environment.store.url.to_string(),
        bootstrap: bootstrap(environment),
        rewrites: rewrites(environment),
        policy: policy(environment),
        restore_failed: environment.on_failure == settings::OnFailure::Restore,
        charset: environment.store.charset,
        concurrency: environment.store.concurrency,
        writes: match environment.writes {
            settings::Writes::Rest => Writes::Rest,
            settings::Writes::Bulk => Writes::Bulk,
            settings::Writes::Auto => Writes::Auto,
        },
        timeout: environment.store.timeout,
        holder: holder.to_owned(),
        siblings: siblings(settings, name)?,
        memory: settings.state_dir.join("ledgers").join(name.as_str()),
    };
    let ports = (
        Arc::new(repository.clone()),
        Arc::new(repository.ledger(&environment.rollback_branch, name.as_str())),
        Arc::new(store(name, environment)?),
        Arc::new(SystemClock::default()),
    );
    Ok(Reconciler::new(
        ports,
        Arc::new(loader(settings, name)?),
        setup,
        progress,
        stop,
    ))
}
