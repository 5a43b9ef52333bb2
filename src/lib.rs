//! gitmage makes a Magento 2 store match what a Git repository says, field by field, and can always
//! put back what was there before.
pub mod domain;
pub mod manifest;
pub mod ports;
pub mod sandbox;
