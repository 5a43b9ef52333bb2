//! Everything that is shown to people.
//!
//! Everything is rendered with colours; [`Output`] takes them away where they are not wanted. What
//! comes from a repository or a store goes through [`clean`] first: it must not steer a terminal.

mod findings;
mod log;
mod output;
mod plan;
mod release;
mod rollback;
mod status;
mod table;
mod text;
mod value;

pub(super) use findings::{Tally, findings};
pub(super) use log::log;
pub(super) use output::{Output, stream_choice};
pub(super) use plan::{Summary, plan};
pub(super) use release::{release, releases};
pub(super) use rollback::{TakenBack, taken_back};
pub(super) use status::statuses;
pub(super) use text::{BOLD, clean, count, paint, status_style};
