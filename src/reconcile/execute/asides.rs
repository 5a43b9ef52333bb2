//! Values that an entity has for a moment, so that another can have its own.
//!
//! What was put aside is no value of the entity's: neither a snapshot nor an outcome shows it. It is seen
//! only where the entity is sent for good, or put back.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{EntityRef, FieldName, Observation, Presence, Value};
use crate::plan::{EntityWork, ExistenceGoal, FieldGoal, PlanContext, is_put_aside};

/// What was put aside so far.
#[derive(Debug, Default)]
pub(super) struct Asides {
    /// Whose request is under way.
    begun: BTreeSet<EntityRef>,
    /// What the store was made to show for the moment.
    sent: BTreeMap<EntityRef, BTreeMap<FieldName, Value>>,
}

impl Asides {
    /// What an attempt that was interrupted has put aside, and what shows so still.
    pub(super) fn left(work: &BTreeMap<EntityRef, EntityWork>, observation: &Observation) -> Self {
        let left = work.iter().filter_map(|(entity, work)| {
            let found = observation.get(entity)?.found()?;
            let fields = work.fields.keys().filter_map(|name| {
                let value = found.get(name);
                is_put_aside(entity, name, value).then(|| (name.clone(), value.clone()))
            });
            let fields: BTreeMap<FieldName, Value> = fields.collect();
            (!fields.is_empty()).then(|| (entity.clone(), fields))
        });
        Self {
            begun: BTreeSet::new(),
            sent: left.collect(),
        }
    }

    /// What an entity is asked to show for a moment.
    pub(super) fn begin(
        &mut self,
        entity: &EntityRef,
        fields: BTreeMap<FieldName, Value>,
    ) -> EntityWork {
        self.begun.insert(entity.clone());
        let exact = true;
        EntityWork {
            being: ExistenceGoal::Any,
            fields: fields
                .into_iter()
                .map(|(name, value)| (name, FieldGoal { value, exact }))
                .collect(),
            slots: Vec::new(),
            explicit: false,
            problem: None,
            notes: Vec::new(),
        }
    }

    /// A request about an entity has ended; whether it was one that puts aside.
    pub(super) fn end(&mut self, entity: &EntityRef) -> bool {
        self.begun.remove(entity)
    }

    /// The store shows it.
    pub(super) fn sent(&mut self, entity: &EntityRef, around: &PlanContext) {
        if let Some(fields) = around.room().aside(entity) {
            self.sent.insert(entity.clone(), fields.clone());
        }
    }

    /// It shows something else by now.
    pub(super) fn forget(&mut self, entity: &EntityRef) {
        self.sent.remove(entity);
    }

    /// Whether something of an entity is to be put aside first, and was not.
    pub(super) fn is_wanting(&self, entity: &EntityRef, around: &PlanContext) -> bool {
        around.room().aside(entity).is_some() && !self.sent.contains_key(entity)
    }

    /// What the store was made to show of an entity for the moment.
    pub(super) fn of(&self, entity: &EntityRef) -> Option<&BTreeMap<FieldName, Value>> {
        self.sent.get(entity)
    }

    /// An entity as the store shows it by now.
    pub(super) fn seen(&self, entity: &EntityRef, observed: Option<&Presence>) -> Presence {
        let mut presence = observed.cloned().unwrap_or(Presence::Missing);
        if let (Some(fields), Presence::Found(found)) = (self.sent.get(entity), &mut presence) {
            found.fields.extend(fields.clone());
        }
        presence
    }

    /// Puts the values before into what was read meanwhile, where what was put aside shows.
    pub(super) fn leave_out_of(&self, fresh: &mut Observation, before: &Observation) {
        for (entity, fields) in &self.sent {
            let (Some(Presence::Found(fresh)), Some(Presence::Found(before))) =
                (fresh.get_mut(entity), before.get(entity))
            else {
                continue;
            };
            for (name, value) in fields {
                if fresh.get(name) != value {
                    continue;
                }
                match before.fields.get(name) {
                    Some(value) => fresh.fields.insert(name.clone(), value.clone()),
                    None => fresh.fields.remove(name),
                };
            }
        }
    }
}
