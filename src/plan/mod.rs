//! Planning, purely: the rollback rule, what a pass would do, and how that is shown.

mod book;
mod caution;
pub mod commit;
mod compose;
mod decide;
pub mod entity;
mod inverse;
pub mod layers;
mod patch;
mod stack;
pub mod statements;
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
