//! What a revision would change: the pass as far as it writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::error::PassError;
use super::execute::{self, Tools};
use super::ledger::{self, LedgerSnapshot};
use super::pass::{Reconciler, with_roots};
use super::{blocking, now};
use crate::domain::{
    Action, CommitId, EntityId, EntityKey, EntityRef, FieldId, Finding, Findings, Kind,
    Observation, Overridden, Presence, ReleaseKind, Severity, Slot, StoreScope, Value,
};
use crate::plan::{Composed, Decision, Draft, compose};
use crate::ports::{Clock, Ledger, Source, StoreWrite};

/// A plan, as `gitmage plan` shows it. The same commit and the same store give the same plan, byte
/// for byte: there is no time in it.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The environment.
    pub environment: String,
    /// The commit that would be reached.
    pub revision: CommitId,
    /// The newest valid commit of the ledger, from which the plan sets out; null at the first start.
    pub base: Option<CommitId>,
    /// The releases that would be made, oldest first.
    pub releases: Vec<PreviewedRelease>,
    /// The entities concerned, in the order of the plan; what needs nothing is a `noop`.
    pub changes: Vec<PreviewedChange>,
    /// Values that a later path hides.
    pub overridden: Vec<PreviewedOverride>,
    /// What is worth knowing beforehand.
    pub notes: Vec<String>,
}

/// A release that would be made.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewedRelease {
    /// Its commit.
    pub commit: CommitId,
    /// First line of the commit's message.
    pub subject: String,
    /// What it would be.
    pub kind: ReleaseKind,
    /// Whether its files can be used.
    pub valid: bool,
    /// The paths of the files that it adds, changes or takes away; empty for an invalid one.
    pub files: Vec<String>,
    /// The commits of the releases that it would revert, newest first.
    pub reverts: Vec<CommitId>,
    /// Its findings.
    pub findings: Findings,
}

/// An entity of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewedChange {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: EntityKey,
    /// Its assignment or scope.
    pub store: StoreScope,
    /// The store's id; null when it does not exist.
    pub id: Option<EntityId>,
    /// What would be done.
    pub action: Action,
    /// Why nothing can be done, where that is so.
    pub error: Option<String>,
    /// The fields that would change.
    pub fields: Vec<PreviewedField>,
    /// The change as an RFC 6902 patch of the entity, with a `test` of every value observed.
    pub patch: json_patch::Patch,
}

/// A field of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewedField {
    /// The field; `ensure` for the entity's existence.
    pub field: FieldId,
    /// The value the store shows.
    pub before: Value,
    /// The value it would have.
    pub after: Value,
    /// Whether it is put back by a rollback.
    pub put_back: bool,
}

/// A value that a later path hides.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewedOverride {
    /// Kind of the entity.
    pub kind: Kind,
    /// Its key.
    pub key: EntityKey,
    /// Its assignment or scope.
    pub store: StoreScope,
    /// The field.
    pub field: FieldId,
    /// `path:line:column` of the hidden value.
    pub hidden: String,
    /// `path:line:column` of the value in effect.
    pub by: String,
}

impl Preview {
    /// Whether applying it would send anything.
    pub fn changes_anything(&self) -> bool {
        self.changes
            .iter()
            .any(|change| change.action != Action::Noop)
    }

    /// Whether anything in it cannot be carried out.
    pub fn has_errors(&self) -> bool {
        self.changes.iter().any(|change| change.error.is_some())
            || self.releases.iter().any(|release| !release.valid)
    }
}

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// What going to a revision (the branch's tip where none is named) would change. Writes nothing.
    ///
    /// # Errors
    /// See [`PassError`].
    pub async fn preview(&self, revision: Option<&str>) -> Result<Preview, PassError> {
        let ledger = self.newest_ledger().await?;
        let (tip, aside) = match revision {
            None => (self.tip().await?, false),
            Some(revision) => {
                let tip = self.resolve(revision).await?;
                let aside = !self.is_on_branch(&tip).await?;
                (tip, aside)
            }
        };
        if let Some(state) = &ledger.state {
            self.same_url(&state.store)?;
        }
        let mut walked = self.walk(ledger.clone(), tip, None, aside).await?;
        if let (false, Some(live)) = (aside, walked.live.clone()) {
            walked.findings = self.findings(live).await?;
        }
        let at = now(self.clock.as_ref());
        let policy = self.setup.policy;
        let drafts = &walked.drafts;
        let draft = compose(&ledger.book, drafts, &Observation::new(), policy, at);
        let entities = draft.entities(false);
        let (mut observation, mut tools) = (Observation::new(), None);
        if !entities.is_empty() {
            let views = execute::retry(self.clock.as_ref(), || self.store.views()).await?;
            let needed = self.tools(Arc::new(views), &draft.book, &entities).await?;
            observation = execute::observe(&needed, &with_roots(&entities)).await?;
            tools = Some(needed);
        }
        let composed = compose(&ledger.book, drafts, &observation, policy, at);
        let mut notes = notes(&composed);
        notes.extend(walked.findings.0.iter().filter_map(warned));
        let mut previewed = Vec::new();
        if let Some(tools) = tools {
            let (changes, warnings) = changes(&composed, &observation, &tools);
            previewed = changes;
            notes.extend(warnings);
        }
        Ok(Preview {
            environment: self.setup.environment.clone(),
            revision: walked.head.clone(),
            base: ledger.state.as_ref().and_then(|state| state.live.clone()),
            releases: releases(&composed, drafts),
            changes: previewed,
            overridden: walked
                .state
                .overridden()
                .into_iter()
                .map(overridden)
                .collect(),
            notes,
        })
    }

    /// The ledger as the remote has it.
    async fn newest_ledger(&self) -> Result<LedgerSnapshot, PassError> {
        let (source, ledger) = (self.source.clone(), self.ledger.clone());
        let branch = self.setup.rollback_branch.clone();
        let read = move || {
            source.refresh()?;
            ledger.refresh()?;
            Ok(ledger::load(ledger.as_ref(), &branch)?)
        };
        blocking(read).await
    }

    async fn resolve(&self, revision: &str) -> Result<CommitId, PassError> {
        let (source, revision) = (self.source.clone(), revision.to_owned());
        blocking(move || Ok(source.resolve(&revision)?)).await
    }

    /// All that is to be noticed of a commit's files.
    async fn findings(&self, commit: CommitId) -> Result<Findings, PassError> {
        let (source, loader) = (self.source.clone(), self.loader.clone());
        let load = move || Ok(loader.load(source.tree(&commit)?.as_ref())?.findings);
        blocking(load).await
    }
}

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// True if a commit is the tip of the watched branch, or lies behind it.
    async fn is_on_branch(&self, commit: &CommitId) -> Result<bool, PassError> {
        let tip = self.tip().await?;
        let (source, commit) = (self.source.clone(), commit.clone());
        blocking(move || Ok(source.is_ancestor(&commit, &tip)?)).await
    }
}

fn changes<M, C>(
    composed: &Composed,
    observation: &Observation,
    tools: &Tools<M, C>,
) -> (Vec<PreviewedChange>, Vec<String>) {
    let entities = composed.entities(false);
    let plan = tools.plan(&composed.book, &entities, observation);
    let changes = plan.decisions.iter().map(|(entity, decision)| {
        let presence = observation.get(entity).unwrap_or(&Presence::Missing);
        change(composed, entity, presence, decision)
    });
    let warnings = plan.warnings(observation).into_iter();
    let notes = warnings.chain(plan.handovers());
    let notes = notes.map(|(entity, note)| {
        let EntityRef { kind, key, store } = entity;
        format!("{kind} {key} ({store}): {note}")
    });
    (changes.collect(), notes.collect())
}

fn releases(composed: &Composed, drafts: &[Draft]) -> Vec<PreviewedRelease> {
    let by_commit = drafts.iter().map(|draft| (&draft.headline.commit, draft));
    let drafts: BTreeMap<&CommitId, &Draft> = by_commit.collect();
    composed
        .new
        .iter()
        .filter_map(|seq| composed.book.releases.get(seq))
        .map(|release| {
            let draft = drafts.get(&release.commit);
            let findings = draft.and_then(|draft| draft.invalid.clone());
            let paths = draft.map(|draft| draft.revision.paths.keys().cloned());
            PreviewedRelease {
                commit: release.commit.clone(),
                subject: release.subject.clone(),
                kind: release.kind,
                valid: findings.is_none(),
                files: paths.into_iter().flatten().collect(),
                reverts: release
                    .reverts
                    .iter()
                    .filter_map(|seq| composed.book.releases.get(seq))
                    .map(|reverted| reverted.commit.clone())
                    .collect(),
                findings: findings.unwrap_or_default(),
            }
        })
        .collect()
}

fn notes(composed: &Composed) -> Vec<String> {
    let mut notes: Vec<String> = composed
        .new
        .iter()
        .filter_map(|seq| composed.book.releases.get(seq))
        // The findings of an invalid one stand beside it.
        .filter(|release| !release.is_invalid())
        .flat_map(|release| {
            release
                .notes
                .iter()
                .map(|line| match (&line.kind, &line.key, &line.store) {
                    (Some(kind), Some(key), Some(store)) => {
                        format!(
                            "{} {kind} {key} ({store}): {}",
                            release.commit.short(),
                            line.message
                        )
                    }
                    _ => format!("{} {}", release.commit.short(), line.message),
                })
        })
        .collect();
    let without = composed.notes.iter();
    notes.extend(without.map(|(commit, note)| format!("{} {note}", commit.short())));
    let mut seen = BTreeSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    notes
}

/// A warning about the files of the revision that is planned.
fn warned(finding: &Finding) -> Option<String> {
    let Finding {
        severity,
        origin,
        message,
        remedy,
        ..
    } = finding;
    let place = match origin.line {
        0 => origin.path.clone(),
        _ => origin.to_string(),
    };
    (*severity == Severity::Warning).then(|| format!("{place}: {message}; {remedy}"))
}

fn overridden(overridden: &Overridden) -> PreviewedOverride {
    let EntityRef { kind, key, store } = overridden.slot.entity.clone();
    PreviewedOverride {
        kind,
        key,
        store,
        field: overridden.slot.field.clone(),
        hidden: overridden.hidden.to_string(),
        by: overridden.by.to_string(),
    }
}

fn change(
    composed: &Composed,
    entity: &EntityRef,
    presence: &Presence,
    decision: &Decision,
) -> PreviewedChange {
    let found = presence.found();
    let is_put_back = |field: &FieldId| {
        let releases = composed.new.iter().rev();
        let mut planned = releases.filter_map(|seq| {
            let planned = composed.book.releases.get(seq)?.entities.get(entity)?;
            planned.fields.get(field)
        });
        let slot = Slot {
            entity: entity.clone(),
            field: field.clone(),
        };
        let tried_again = || {
            let state = composed.book.slot(&slot)?;
            Some(state.target().exact)
        };
        let new = planned.next().map(|planned| planned.put_back);
        new.or_else(tried_again).unwrap_or(false)
    };
    let existence = |after: &str| PreviewedField {
        field: FieldId::Existence,
        before: Value::from(if found.is_some() { "present" } else { "absent" }),
        after: Value::from(after),
        put_back: is_put_back(&FieldId::Existence),
    };
    let field = |name: &crate::domain::FieldName, value: &Value| {
        let field = FieldId::Named(name.clone());
        PreviewedField {
            before: found.map_or(Value::Null, |found| found.get(name).clone()),
            after: value.clone(),
            put_back: is_put_back(&field),
            field,
        }
    };
    let fields = match decision {
        Decision::Noop | Decision::Refused(_) => Vec::new(),
        Decision::Delete => vec![existence("absent")],
        Decision::Create(fields) => std::iter::once(existence("present"))
            .chain(fields.iter().map(|(name, value)| field(name, value)))
            .collect(),
        Decision::Update(fields) => fields
            .iter()
            .map(|(name, value)| field(name, value))
            .collect(),
    };
    let error = match decision {
        Decision::Refused(why) => Some(why.clone()),
        Decision::Noop | Decision::Create(_) | Decision::Update(_) | Decision::Delete => None,
    };
    let EntityRef { kind, key, store } = entity.clone();
    PreviewedChange {
        kind,
        key,
        store,
        id: found.map(|f| f.id),
        action: decision.action(),
        error,
        patch: crate::plan::patch(decision, found),
        fields,
    }
}
