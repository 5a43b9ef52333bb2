//! Planning, purely: the rollback rule, what a pass would do, and how that is shown.

mod blueprint;
mod book;
mod commit;
mod compose;
mod context;
mod decide;
mod entity;
mod inverse;
mod layers;
mod naming;
mod observed;
mod patch;
mod release;
mod room;
mod statements;
#[cfg(test)]
mod tests;
mod warning;
mod websites;
mod words;
mod work;

pub use blueprint::Blueprint;
pub use book::{Book, Rest, Standing, Standings, show};
pub use compose::{Cause, Composed, Draft, Headline, Words, compose, look_at};
pub use context::PlanContext;
pub use decide::{Decision, decide};
pub use entity::{Failure, LayerNames, Look, Managed, ManagedEntity, existence};
pub use layers::{By, Held, Layer, LayerId, Origin, Policy, Says, Seq, Shown, SlotState};
pub use naming::{Candidate, ChangeId, Message, Revision, name};
pub use observed::{Observed, shown};
pub use patch::patch;
pub use release::{
    EntityOutcome, FieldOutcome, NewCommit, Outcome, PathChange, PlannedEntity, PlannedField,
    ReleaseRecord,
};
pub use room::{WriteStep, is_put_aside};
pub use statements::{Authors, Difference, Statement, ValueDigest};
pub use words::{Claims, claims};
pub use work::{EntityWork, ExistenceGoal, FieldGoal, asked, attempt};
