//! Categories, their products, product attributes and their options.

mod attributes;
mod categories;
mod links;
mod refusals;

use serde_json::Value;

use crate::world::World;
use crate::{nothing_to_do, same};

/// Deploys, looks, and reverts: nothing is left to do after each, and in the end all is as before.
#[track_caller]
fn there_and_back(w: &World, changes: &str, look: impl FnOnce(&Value)) {
    let before = w.shop.dump();
    let commit = w.repo.release("a", changes, "There");
    w.reconcile().converged();
    look(&w.shop.dump());
    nothing_to_do(w);
    w.repo.revert(&commit);
    w.reconcile().converged();
    same(&before, &w.shop.dump());
    nothing_to_do(w);
    assert_eq!(w.stands(&commit), "deploy rolled_back");
}
