//! `gitmage.yaml`: found, read, checked, with every finding at once; and the secrets that it names.
//!
//! # Guarantees
//! - A [`Settings`] that exists is valid: URLs parse, branches are names that Git takes, no two
//!   environments share a ledger, every secret is there.
//! - No secret is repeated in a finding, an error, a log line or `Debug`, not even one that was
//!   written where it does not belong.
//!
//! # Assumptions
//! The file is on the host and trusted: it may name any file as a secret.

mod load;
mod parse;
mod reader;
mod report;
mod schema;
mod secrets;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod values;

pub use load::SettingsError;
pub use schema::schema;
pub use secrets::SecretSource;
pub use types::{
    Bootstrap, Environment, EnvironmentName, HistoryRewrites, OAuth, OnConflict, OnFailure,
    OnRemove, RepositorySettings, RepositoryUrl, Settings, Store, Writes,
};
