//! In which order the entities of a pass are written.

use std::collections::{BTreeMap, BTreeSet};

use super::{EntityResult, Execution};
use crate::domain::{EntityRef, Level, Presence};
use crate::plan::{Decision, cautions, decide};
use crate::ports::{Clock, Ledger, StoreWrite};

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// The entities to be written, in the order of the levels: deletes that make room for a create
    /// of the same key, then creates and updates top-down, then deletes bottom-up.
    pub(super) fn levels(&mut self) -> Vec<Vec<EntityRef>> {
        let mut decisions: BTreeMap<EntityRef, Decision> = BTreeMap::new();
        for (entity, work) in &self.work {
            let presence = self.observation.get(entity).unwrap_or(&Presence::Missing);
            let decision = decide(entity, work, presence, &self.around);
            for caution in cautions(entity, &decision, presence) {
                self.journal.about(Level::Warning, entity, caution);
            }
            match &decision {
                Decision::Refused(why) => {
                    self.journal.about(Level::Error, entity, why.clone());
                    self.results
                        .insert(entity.clone(), EntityResult::refused(why.clone()));
                }
                Decision::Noop => {
                    self.results.insert(entity.clone(), EntityResult::noop());
                }
                Decision::Create(_) | Decision::Update(_) | Decision::Delete => {
                    decisions.insert(entity.clone(), decision);
                }
            }
        }
        let created: BTreeSet<_> = decisions
            .iter()
            .filter(|(_, d)| matches!(d, Decision::Create(_)))
            .map(|(e, _)| (e.kind, e.key.clone()))
            .collect();
        let mut room = Vec::new();
        let mut up: BTreeMap<_, Vec<EntityRef>> = BTreeMap::new();
        let mut down: BTreeMap<_, Vec<EntityRef>> = BTreeMap::new();
        for (entity, decision) in decisions {
            if decision != Decision::Delete {
                up.entry(entity.rank()).or_default().push(entity);
            } else if created.contains(&(entity.kind, entity.key.clone())) {
                room.push(entity);
            } else {
                down.entry(entity.rank()).or_default().push(entity);
            }
        }
        std::iter::once(room)
            .chain(up.into_values())
            .chain(down.into_values().rev())
            .filter(|level| !level.is_empty())
            .collect()
    }
}
