//! The parts of a validated configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::Findings;
use crate::domain::kinds::Charset;

/// A whole validated configuration.
///
/// `S` is what a secret is: [`SecretString`] once read, [`SecretSource`](super::SecretSource) as
/// long as only its place is known. Whoever needs the store takes plain `Settings` and so cannot
/// forget to read the secrets; whoever reads Git only takes `Settings<SecretSource>`.
#[derive(Debug, Clone)]
pub struct Settings<S = SecretString> {
    /// The file it was read from, absolute.
    pub path: PathBuf,
    /// The watched repository.
    pub repository: RepositorySettings<S>,
    /// Where the mirror, the holder id and the control socket live; absolute.
    pub state_dir: PathBuf,
    /// The environments; never empty.
    pub environments: BTreeMap<EnvironmentName, Environment<S>>,
    /// What can be used but is probably not what was meant. Logged once when loaded.
    pub warnings: Findings,
}

/// The watched repository.
#[derive(Debug, Clone)]
pub struct RepositorySettings<S = SecretString> {
    /// Where it is.
    pub url: RepositoryUrl,
    /// The token for an HTTPS remote.
    pub token: Option<S>,
    /// Time between two looks at it.
    pub poll_interval: Duration,
}

/// The place of the watched repository. Never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryUrl {
    /// A plain path, absolute: opened in place.
    Path(PathBuf),
    /// `file://`, `https://`, `ssh://`, `host:path`, or `http://` on loopback: mirrored.
    Remote(String),
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Remote(url) => f.write_str(url),
        }
    }
}

/// A branch, a store and a rollback branch.
#[derive(Debug, Clone)]
pub struct Environment<S = SecretString> {
    /// Its name, the key in the configuration.
    pub name: EnvironmentName,
    /// The watched branch, without `refs/heads/`.
    pub branch: String,
    /// The branch that holds the ledger, without `refs/heads/`.
    pub rollback_branch: String,
    /// The glob of the release files; a valid pattern of `globset`.
    pub releases: String,
    /// The store.
    pub store: Store<S>,
    /// The action of the first start.
    pub bootstrap: Bootstrap,
    /// The treatment of what a failed pass has written.
    pub on_failure: OnFailure,
    /// The treatment of a field that leaves the files without a revert.
    pub on_remove: OnRemove,
    /// The treatment, in a rollback, of a field that was edited in Magento since.
    pub on_conflict: OnConflict,
    /// The treatment of a branch that was rewritten.
    pub history_rewrites: HistoryRewrites,
    /// The way in which writes reach the store.
    pub writes: Writes,
}

/// One Magento installation and how to talk to it.
#[derive(Debug, Clone)]
pub struct Store<S = SecretString> {
    /// The base URL, without `rest`; its path always ends in `/`.
    pub url: Url,
    /// The integration's credentials.
    pub oauth: OAuth<S>,
    /// Upper bound of requests at a time.
    pub concurrency: usize,
    /// Time that a single request may take.
    pub timeout: Duration,
    /// The character set of the shop's tables.
    pub charset: Charset,
}

/// The four values that Magento shows when an integration is activated.
#[derive(Debug, Clone)]
pub struct OAuth<S = SecretString> {
    /// Consumer key.
    pub consumer_key: S,
    /// Consumer secret.
    pub consumer_secret: S,
    /// Access token.
    pub access_token: S,
    /// Access token secret.
    pub access_token_secret: S,
}

/// The name of an environment: lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// Checks the text; `None` when it cannot be such a name.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = text.len() <= 63
            && bytes.next().is_some_and(word)
            && bytes.all(|b| word(b) || b == b'-' || b == b'_');
        valid.then(|| Self(text.to_owned()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for EnvironmentName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A setting that is one of a few words.
pub(super) trait Choice: Copy + Default + 'static {
    /// Every word with its meaning.
    const WORDS: &'static [(&'static str, Self)];
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident {
        $(#[$ddoc:meta])* $default:ident = $dword:literal,
        $($(#[$vdoc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $(#[$ddoc])* #[default] #[serde(rename = $dword)] $default,
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }
        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] =
                &[($dword, Self::$default) $(, ($word, Self::$variant))*];
        }
    };
}

choice! {
    /// What the first start does.
    Bootstrap {
        /// Deploy what the branch says.
        Deploy = "deploy",
        /// Take over what the store has; write nothing.
        Adopt = "adopt",
    }
}

choice! {
    /// What happens to what a failed pass has written.
    OnFailure {
        /// What was written stays.
        Keep = "keep",
        /// What this pass wrote is undone.
        Restore = "restore",
    }
}

choice! {
    /// What happens to a field that leaves the files without a revert.
    OnRemove {
        /// It stays as it is in the store.
        Keep = "keep",
        /// The value observed before the first release of it is put back.
        Restore = "restore",
    }
}

choice! {
    /// What a rollback does about a field that was edited in Magento since.
    OnConflict {
        /// Put the older value back all the same; the edit is in the rollback's snapshot.
        Restore = "restore",
        /// Leave the edit.
        Keep = "keep",
    }
}

choice! {
    /// What happens when the branch was rewritten.
    HistoryRewrites {
        /// Wait for a person.
        Stall = "stall",
        /// Roll back what left since the merge base, deploy the rest.
        Follow = "follow",
    }
}

choice! {
    /// How writes reach the store.
    Writes {
        /// One request for each entity, or for many rows of prices or stock.
        Rest = "rest",
        /// Through Magento's own queue (`/async/bulk`), many entities a request, where a kind has a
        /// route for that. Needs a running consumer of `async.operations.all`, and the right
        /// Magento_Logging::system_magento_logging_bulk_operations to read what becomes of them.
        Bulk = "bulk",
        /// Through the queue from 50 entities of a kind on, where it can be used; else like `rest`.
        Auto = "auto",
    }
}

impl Choice for Charset {
    const WORDS: &'static [(&'static str, Self)] =
        &[("utf8mb3", Self::Utf8mb3), ("utf8mb4", Self::Utf8mb4)];
}

impl<S> Settings<S> {
    /// The same settings with every secret replaced; `None` from `f` leaves a hole, and any hole
    /// makes the whole `None`. Every secret is visited all the same.
    pub(super) fn map_secrets<T>(self, mut f: impl FnMut(S) -> Option<T>) -> Option<Settings<T>> {
        let Self {
            path,
            repository,
            state_dir,
            environments,
            warnings,
        } = self;
        let repository = repository.map_secrets(&mut f);
        let total = environments.len();
        let environments: BTreeMap<_, _> = environments
            .into_iter()
            .filter_map(|(name, environment)| Some((name, environment.map_secrets(&mut f)?)))
            .collect();
        Some(Settings {
            path,
            repository: repository?,
            state_dir,
            environments: (environments.len() == total).then_some(environments)?,
            warnings,
        })
    }
}

impl<S> RepositorySettings<S> {
    fn map_secrets<T>(self, f: &mut impl FnMut(S) -> Option<T>) -> Option<RepositorySettings<T>> {
        let Self {
            url,
            token,
            poll_interval,
        } = self;
        let token = match token {
            Some(token) => Some(f(token)?),
            None => None,
        };
        Some(RepositorySettings {
            url,
            token,
            poll_interval,
        })
    }
}

impl<S> Environment<S> {
    fn map_secrets<T>(self, f: &mut impl FnMut(S) -> Option<T>) -> Option<Environment<T>> {
        let Self {
            name,
            branch,
            rollback_branch,
            releases,
            store,
            bootstrap,
            on_failure,
            on_remove,
            on_conflict,
            history_rewrites,
            writes,
        } = self;
        Some(Environment {
            name,
            branch,
            rollback_branch,
            releases,
            store: store.map_secrets(f)?,
            bootstrap,
            on_failure,
            on_remove,
            on_conflict,
            history_rewrites,
            writes,
        })
    }
}

impl<S> Store<S> {
    fn map_secrets<T>(self, f: &mut impl FnMut(S) -> Option<T>) -> Option<Store<T>> {
        let Self {
            url,
            oauth,
            concurrency,
            timeout,
            charset,
        } = self;
        let OAuth {
            consumer_key,
            consumer_secret,
            access_token,
            access_token_secret,
        } = oauth;
        // All four are asked for before any hole shows, so that all are reported.
        let four = (
            f(consumer_key),
            f(consumer_secret),
            f(access_token),
            f(access_token_secret),
        );
        Some(Store {
            url,
            oauth: OAuth {
                consumer_key: four.0?,
                consumer_secret: four.1?,
                access_token: four.2?,
                access_token_secret: four.3?,
            },
            concurrency,
            timeout,
            charset,
        })
    }
}
