//! The entities of a pass in the order in which they are written.

use super::{EntityResult, Execution};
use crate::domain::Level;
use crate::plan::{Blueprint, Decision, WriteStep};
use crate::ports::{Clock, Ledger, StoreWrite};

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Takes a plan over: what is refused or needs nothing has its result, and the rest is to be written
    /// level by level.
    pub(super) fn take_over(&mut self, plan: Blueprint) -> Vec<Vec<WriteStep>> {
        for (entity, warning) in plan.warnings(&self.observation) {
            self.journal.about(Level::Warning, entity, warning);
        }
        for (entity, decision) in &plan.decisions {
            let result = match decision {
                Decision::Refused(why) => {
                    self.journal.about(Level::Error, entity, why.clone());
                    EntityResult::refused(why.clone())
                }
                Decision::Noop => EntityResult::noop(),
                Decision::Create(_) | Decision::Update(_) | Decision::Delete => continue,
            };
            self.results.insert(entity.clone(), result);
        }
        for (entity, note) in plan.handovers() {
            self.journal.about(Level::Info, entity, note);
        }
        let levels = plan.levels();
        let Blueprint {
            work,
            decisions: _,
            around,
        } = plan;
        self.work = work;
        self.around = around;
        levels
    }
}
