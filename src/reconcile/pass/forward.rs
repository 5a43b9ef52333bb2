//! From the ledger to the tip of the branch: compose, observe, plan, record.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{info, warn};

use super::{Beginning, Carrying, Memory, Reconciler, Request};
use crate::domain::{
    CommitId, EntityRef, FieldId, Level, Observation, PhaseName, Presence, ReleaseStatus,
};
use crate::plan::{
    Blueprint, Book, Composed, Decision, Observed, PlannedEntity, Seq, attempt, compose,
};
use crate::ports::{Clock, Ledger, Source, StoreWrite};
use crate::reconcile::collateral;
use crate::reconcile::error::PassError;
use crate::reconcile::execute::{self, Tools};
use crate::reconcile::journal::Journal;
use crate::reconcile::ledger::{LedgerSnapshot, PassFile};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// Goes to the tip of the branch, and tries again what failed.
    pub(super) async fn forward(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        request: &mut Request,
    ) -> Result<(LedgerSnapshot, CommitId, Vec<Seq>), PassError> {
        let mut journal = self.journal();
        journal.begin(PhaseName::Validate);
        let at = journal.now();
        let begun = match request.rebootstrap {
            Some(_) => Arc::new(ledger.book.begun_anew()),
            None => ledger.book.clone(),
        };
        let at_rest = begun.is_at_rest(request.retry);
        let patient = !request.retry && self.clock.monotonic() < memory.patience.due;
        let tip = self.tip().await?;
        if (at_rest || patient) && self.is_handled(&ledger, &tip, *request) {
            return Ok((ledger, tip, Vec::new()));
        }
        let walked = self
            .walk(ledger.clone(), tip, request.rebootstrap, false)
            .await?;
        let head = walked.head.clone();
        let known = begun.renamed(&walked.renamed);
        let nothing_seen = Observation::new();
        let drafted =
            |book: &Book| compose(book, &walked.drafts, &nothing_seen, self.setup.policy, at);
        let (mut book, mut draft) = (known.clone(), drafted(&known));
        // What lies aside returns on a retry, or where nothing of it would be refused: a pass with new
        // commits may have mended it.
        let returns = draft.book.has_parked(request.retry);
        if returns {
            book = known.unparked();
            draft = drafted(&book);
        }
        let elsewhere = walked.must_record_head || request.rebootstrap.is_some();
        let mut entities = draft.entities(request.retry);
        if returns {
            entities.extend(known.lying_aside());
        }
        let idle = patient || entities.is_empty();
        if draft.new.is_empty() && idle && !elsewhere {
            for (commit, note) in &draft.notes {
                warn!(commit = %commit.short(), "{note}");
            }
            return Ok((ledger, head, Vec::new()));
        }
        if entities.is_empty() {
            let (next, seqs) = self.note(ledger, &walked, draft, *request).await?;
            return Ok((next, head, seqs));
        }
        let beginning = Beginning {
            walked,
            known,
            returns: returns.then_some(book),
            asked_for: draft.book,
            entities,
            at,
        };
        let (next, seqs) = self
            .begin(memory, ledger, beginning, request, journal)
            .await?;
        Ok((next, head, seqs))
    }

    /// Observes the entities concerned, plans, and commits the snapshot; then carries the plan out.
    async fn begin(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        beginning: Beginning,
        request: &mut Request,
        mut journal: Journal,
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        journal.begin(PhaseName::Observe);
        let entities = &beginning.entities;
        let identity = self.identify(&ledger, *request).await?;
        self.check_rights(memory, entities).await?;
        let queue = self.queue(memory, entities, &mut journal).await?;
        let views = Arc::new(identity.views.clone());
        let mut tools = self.tools(views, &beginning.asked_for, entities).await?;
        tools.queue = queue;
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &with_roots(entities)).await?;
        let elsewhere = beginning.walked.must_record_head || request.rebootstrap.is_some();
        let (head, live) = (beginning.walked.head.clone(), beginning.walked.live.clone());
        let (at, renamed) = (beginning.at, beginning.walked.renamed.clone());
        let (mut composed, mut plan) = self.plan(beginning, &observation, &tools, *request);
        if composed.new.is_empty() && !elsewhere && is_all_on_record(&composed, &plan) {
            // Nothing has changed since: another pair of ledger commits would say the same again.
            return Ok((ledger, Vec::new()));
        }
        complete(&mut composed, &mut plan, &observation, &tools);
        tell_edits(&composed, &mut journal);
        journal.begin(PhaseName::Snapshot);
        let entities: BTreeSet<EntityRef> = plan.work.keys().cloned().collect();
        let now = self.clock.monotonic();
        self.in_flight().note(&mut composed.book, &entities, now);
        let pass = PassFile {
            sequence: composed.pass,
            head: head.clone(),
            live,
            releases: composed.new.clone(),
            entities: entities.iter().cloned().collect(),
            started_at: at,
            in_doubt: self.in_doubt(&entities),
            bulks: Vec::new(),
        };
        let mut hold = self.hold(&ledger, self.state(&ledger, identity, *request));
        let found = (composed.edits, renamed);
        let recorded = hold.record(composed.book, pass, found).await?;
        // Begun anew once: from here on the pass is resumed, never begun with a second snapshot.
        request.rebootstrap = None;
        info!(
            environment = self.setup.environment,
            head = %head,
            releases = recorded.pass().releases.len(),
            entities = entities.len(),
            "snapshot committed"
        );
        if self.stop.requested() {
            hold.park(false).await?;
            return Err(PassError::Stopped);
        }
        let carrying = Carrying {
            recorded,
            plan,
            tools,
            journal,
        };
        self.carry_out(hold, carrying, (observation, asked)).await
    }

    /// Composes the pass from what was observed, with what lies aside where nothing of it would be
    /// refused, and plans what is sent.
    fn plan(
        &self,
        beginning: Beginning,
        observation: &Observation,
        tools: &Tools<M, C>,
        request: Request,
    ) -> (Composed, Blueprint) {
        let Beginning {
            walked,
            known,
            returns,
            asked_for: _,
            entities: _,
            at,
        } = beginning;
        let plan = |book: &Book, returning: BTreeSet<EntityRef>| {
            let composed = compose(book, &walked.drafts, observation, self.setup.policy, at);
            let mut entities = composed.entities(request.retry);
            entities.extend(returning);
            let plan = tools.plan(&composed.book, &entities, observation);
            (composed, plan)
        };
        if let Some(unparked) = returns {
            let (composed, all) = plan(&unparked, known.lying_aside());
            if request.retry || all.refused().next().is_none() {
                return (composed, all);
            }
        }
        plan(&known, BTreeSet::new())
    }
}

/// The entities, with those whose values views are: both are read together.
pub(in crate::reconcile) fn with_roots(entities: &BTreeSet<EntityRef>) -> BTreeSet<EntityRef> {
    let roots = entities.iter().map(EntityRef::root);
    entities.iter().cloned().chain(roots).collect()
}

/// Tells of edits in the admin that no release of the pass takes away.
fn tell_edits(composed: &Composed, journal: &mut Journal) {
    let edits = composed.edits.keys();
    for slot in edits.filter(|slot| !composed.moved.contains(slot)) {
        let line = format!("{}: was edited in Magento since the last pass", slot.field);
        journal.about(Level::Info, &slot.entity, line);
    }
}

/// True if nothing would be sent, and whatever is refused is refused for the reason on record already.
fn is_all_on_record(composed: &Composed, plan: &Blueprint) -> bool {
    let on_record = |(entity, why): (&EntityRef, &str)| {
        let known = composed.book.entity(entity);
        let known = known.and_then(|managed| managed.failures.get(entity));
        known.is_some_and(|failure| failure.error == why)
    };
    let refused: Vec<_> = plan.refused().collect();
    refused.len() == plan.decisions.len() && refused.into_iter().all(on_record)
}

/// Completes a snapshot: what is deleted is kept whole, what may be sent is recorded, and each entity
/// of a release has its id, the digest of its other fields and the planned action.
fn complete<M, C>(
    composed: &mut Composed,
    plan: &mut Blueprint,
    observation: &Observation,
    tools: &Tools<M, C>,
) {
    let deleted = plan
        .decisions
        .iter()
        .filter(|(_, d)| **d == Decision::Delete);
    let deleted: Vec<EntityRef> = deleted.map(|(entity, _)| entity.clone()).collect();
    for entity in &deleted {
        if let Some(managed) = composed.book.managed.get_mut(entity) {
            Arc::make_mut(managed).keep_whole(entity, &Observed(observation));
        }
    }
    if !deleted.is_empty() {
        let entities = plan.work.keys().cloned().collect();
        *plan = tools.plan(&composed.book, &entities, observation);
    }
    for seq in &composed.new {
        let release = composed.book.releases.get_mut(seq);
        let Some(release) = release.filter(|release| !release.is_invalid()) else {
            continue;
        };
        let release = Arc::make_mut(release);
        release.outcome.status = ReleaseStatus::Snapshotted;
        for (entity, planned) in &mut release.entities {
            complete_entity(entity, planned, plan, observation);
        }
    }
    let mut sent = plan.work.clone();
    sent.retain(|entity, _| !matches!(plan.decisions.get(entity), Some(Decision::Refused(_))));
    attempt(&mut composed.book, &sent, observation);
}

fn complete_entity(
    entity: &EntityRef,
    planned: &mut PlannedEntity,
    plan: &Blueprint,
    observation: &Observation,
) {
    let Some(decision) = plan.decisions.get(entity) else {
        return;
    };
    planned.action = decision.action();
    let (Some(Presence::Found(found)), Some(work)) =
        (observation.get(entity), plan.work.get(entity))
    else {
        return;
    };
    let rows = collateral::Rows::of(plan.work.keys());
    let own = work.slots.iter().cloned();
    let listed: BTreeSet<FieldId> = own.chain(rows.set_of(entity)).collect();
    planned.id = Some(found.id);
    planned.digest = Some(collateral::digest(entity, found, &listed));
    if *decision == Decision::Delete {
        let all = found.fields.iter();
        planned.whole = all.map(|(n, v)| (n.clone(), v.clone().into())).collect();
    }
}
