//! The plan of a pass: the one value that is printed, recorded and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::book::Book;
use super::context::PlanContext;
use super::decide::{Decision, decide};
use super::room::WriteStep;
use super::warning::warnings;
use super::work::{EntityWork, work};
use crate::domain::kinds::Charset;
use crate::domain::{Action, EntityRef, Observation, Presence, Vocabulary};

/// For each entity of a pass what is wanted of it and what is sent, and in which order. Nothing decides
/// again afterwards but a refresh of entities that were observed anew.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The goals for each entity.
    pub work: BTreeMap<EntityRef, EntityWork>,
    /// The decision about each entity.
    pub decisions: BTreeMap<EntityRef, Decision>,
    /// The rest of the pass, as far as a decision must know it.
    pub around: Arc<PlanContext>,
}

impl Blueprint {
    /// Plans what these entities need to show their targets.
    pub fn of(
        book: &Book,
        entities: &BTreeSet<EntityRef>,
        observation: &Observation,
        vocabulary: &Vocabulary,
        charset: Charset,
    ) -> Self {
        let work = work(book, entities, vocabulary, charset);
        Self::of_work(work, observation, vocabulary, charset)
    }

    /// Plans what this work takes.
    pub fn of_work(
        work: BTreeMap<EntityRef, EntityWork>,
        observation: &Observation,
        vocabulary: &Vocabulary,
        charset: Charset,
    ) -> Self {
        let around = PlanContext::of(&work, observation, charset, vocabulary);
        let decided = work.iter().map(|(entity, work)| {
            let presence = observation.get(entity).unwrap_or(&Presence::Missing);
            (entity.clone(), decide(entity, work, presence, &around))
        });
        Self {
            decisions: decided.collect(),
            work,
            around: Arc::new(around),
        }
    }

    /// Returns the entities for which nothing can be sent, with the reasons.
    pub fn refused(&self) -> impl Iterator<Item = (&EntityRef, &str)> {
        self.decisions
            .iter()
            .filter_map(|(entity, decision)| match decision {
                Decision::Refused(why) => Some((entity, why.as_str())),
                Decision::Noop | Decision::Create(_) | Decision::Update(_) | Decision::Delete => {
                    None
                }
            })
    }

    /// Returns the steps that send it, level by level.
    pub fn levels(&self) -> Vec<Vec<WriteStep>> {
        let sent = self
            .decisions
            .iter()
            .filter_map(|(entity, decision)| match decision {
                Decision::Noop | Decision::Refused(_) => None,
                sent => Some((entity.clone(), sent.action())),
            });
        let sent: BTreeMap<EntityRef, Action> = sent.collect();
        self.around.room().levels(&sent)
    }

    /// Returns what a person should know beforehand of writes that are carried out all the same.
    pub fn warnings(&self, observation: &Observation) -> Vec<(&EntityRef, String)> {
        let said = self.decisions.iter().flat_map(|(entity, decision)| {
            let presence = observation.get(entity).unwrap_or(&Presence::Missing);
            let is_sent = !matches!(decision, Decision::Noop | Decision::Refused(_));
            let work = self.work.get(entity).filter(|_| is_sent);
            let notes = work.into_iter().flat_map(|work| work.notes.clone());
            let said = warnings(entity, decision, presence)
                .into_iter()
                .chain(notes);
            said.map(move |warning| (entity, warning))
        });
        said.collect()
    }

    /// Says how unique values are handed over within the pass.
    pub fn handovers(&self) -> impl Iterator<Item = (&EntityRef, String)> {
        self.around.room().notes()
    }
}
