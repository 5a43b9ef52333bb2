//! Planning, purely: the rollback rule, what a pass would do, and how that is shown.

mod book;
mod caution;
mod compose;
mod decide;
mod inverse;
mod patch;
mod stack;
mod surroundings;
mod websites;
mod world;

pub use book::{
    Book, EntityRecord, PathChange, ReleaseRecord, SlotRecord, Slots, Standing, show, show_desired,
};
pub use caution::cautions;
pub use compose::{Cause, Composed, Draft, Headline, Named, Policy, compose};
pub use decide::{Being, Decision, EntityWork, Want, asked, decide, work};
pub use patch::patch;
pub use surroundings::Surroundings;
pub(crate) use world::{put_back_into, whole};

pub use stack::{Before, Seq, Stack, Step, Target, Transition, deploy, revert};
