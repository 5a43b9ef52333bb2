//! gitmage makes a Magento 2 store match what a Git repository says, field by field, and can always
//! put back what was there before.
pub mod assembly;
pub mod cli;
pub mod daemon;
pub mod domain;
pub mod git;
pub mod manifest;
pub mod plan;
pub mod ports;
pub mod reconcile;
pub mod sandbox;
pub mod settings;
pub mod store;
