//! Two daemons over one ledger and one store: whatever they do between any two steps, there is never
//! more than one holder of the lease, and never a write without it.
//!
//! Model checking without a model of the product: the daemons run its own code over ports whose every
//! call is a gate ([`arena`]); a schedule is the list of the gates where something unusual happens, and
//! is played from the beginning ([`explore`]). An [`observer`] looks at the ledger and the store from
//! outside.
//!
//! - [`token`]: the lease, the hold and the respect for somebody else's lease alone, so that many
//!   schedules can be played, and both daemons' right to write is looked at in every state.
//! - [`passes`]: whole passes of two reconcilers, with their writes, outcomes and rollback.
//!
//! Not between the check of the lease and the sending: that loss is accepted. A daemon writes one
//! entity at a time here: two of its threads at two gates would make a schedule play differently
//! each time.
//!
//! `GITMAGE_LEASE_DEEPER=1 cargo test --lib tests::lease -- --nocapture` plays all schedules with one
//! unusual move more, and ten times as many random ones; that takes many minutes.

mod arena;
mod explore;
mod observer;
mod passes;
mod ports;
mod token;

use std::time::Duration;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a lease is valid, by the design: twice the timeout and ten seconds.
const TERM: Duration = Duration::from_secs(70);
