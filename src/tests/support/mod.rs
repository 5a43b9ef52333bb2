//! What several test programs begin with: a repository, a store, a configuration, and waiting.
#![allow(dead_code, reason = "each program uses a part of it")]

pub(crate) mod expect;
pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod model;
pub(crate) mod repo;
pub(crate) mod shop;
pub(crate) mod threads;
pub(crate) mod waiting;
pub(crate) mod wire;
pub(crate) mod world;
