//! Entities found by key in a search and written one by one: groups, taxes, cart rules, coupons.

use std::collections::BTreeSet;

use super::client::misshapen;
use super::{Reading, Writing};
use crate::domain::{EntityRef, Observation};
use crate::ports::{StoreError, Write};

/// Reads every entity named.
pub(super) async fn observe(
    _store: &Reading<'_>,
    _wanted: &BTreeSet<EntityRef>,
) -> Result<Observation, StoreError> {
    Err(misshapen("no way to read this kind"))
}

/// Sends one write.
pub(super) async fn write(_store: &Writing<'_>, _write: &Write) -> Result<(), StoreError> {
    Err(misshapen("no way to write this kind"))
}
