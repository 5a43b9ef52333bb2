//! `passes/<sequence>.yaml`: what a pass found and what became of the releases that it carried out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Files, RecordError, ShownFile, ValueReader, ValueWriter, parse, yaml};
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, EntityKey, EntityRef, FieldId, FieldStatus, Kind,
    Phase, ReleaseStatus, Slot, StoreScope,
};
use crate::plan::{EntityOutcome, FieldOutcome, NewCommit, Outcome, Seq, Shown};
use crate::reconcile::pool::Pool;

/// A pass, as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PassRecord {
    /// Its place in the history.
    pub(crate) seq: Seq,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// When its outcome was known.
    pub(crate) finished_at: Option<Timestamp>,
    /// The releases that it makes.
    pub(crate) releases: Vec<Seq>,
    /// What was edited in Magento since the last pass.
    pub(crate) edits: BTreeMap<Slot, Shown>,
    /// What it adds to what became of releases.
    pub(crate) outcomes: BTreeMap<Seq, Outcome>,
    /// The releases that go on under other commits.
    pub(crate) renamed: BTreeMap<Seq, NewCommit>,
    /// The files of releases and entities that it has written, each with the digest of what it and its
    /// values say; `None` where the file went.
    pub(crate) written: BTreeMap<String, Option<String>>,
}

impl PassRecord {
    /// One that has found nothing yet.
    pub(crate) fn new(seq: Seq, started_at: Timestamp, releases: &[Seq]) -> Self {
        Self {
            seq,
            started_at,
            finished_at: None,
            releases: releases.to_vec(),
            edits: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            renamed: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct PassFile {
    sequence: Seq,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    releases: Vec<Seq>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<EditFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outcomes: Vec<OutcomeFile>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    renamed: BTreeMap<Seq, NewCommit>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    written: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EditFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    field: FieldId,
    shows: ShownFile,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutcomeFile {
    release: Seq,
    status: ReleaseStatus,
    finished_at: Option<Timestamp>,
    snapshot: Option<CommitId>,
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    phases: Vec<Phase>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<EditFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entities: Vec<EntityFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    activity: Vec<Activity>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntityFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    action: Action,
    status: ChangeStatus,
    error: Option<String>,
    fields: Vec<FieldFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FieldFile {
    field: FieldId,
    status: FieldStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observed: Option<ShownFile>,
}

/// The file of a pass.
pub(crate) fn pass_path(seq: Seq) -> String {
    format!("passes/{seq}.yaml")
}

fn values_folder(path: &str) -> String {
    format!("{}.values", path.strip_suffix(".yaml").unwrap_or(path))
}

/// The files of a pass, parsed back and compared.
pub(crate) fn write_pass(pass: &PassRecord) -> Result<Files, RecordError> {
    let PassRecord {
        seq,
        started_at,
        finished_at,
        releases,
        edits,
        outcomes,
        renamed,
        written,
    } = pass;
    let path = pass_path(*seq);
    let mut values = ValueWriter::new(values_folder(&path));
    let file = PassFile {
        sequence: *seq,
        started_at: *started_at,
        finished_at: *finished_at,
        releases: releases.clone(),
        edits: edit_files(edits, &mut values),
        outcomes: outcomes
            .iter()
            .map(|(release, outcome)| outcome_file(*release, outcome, &mut values))
            .collect(),
        renamed: renamed.clone(),
        written: written.clone(),
    };
    let mut files = values.files;
    files.insert(path.clone(), yaml(&path, &file)?);
    match read_pass(&path, &files, &mut Pool::default())? == *pass {
        true => Ok(files),
        false => Err(RecordError::differs(&path)),
    }
}

fn edit_files(edits: &BTreeMap<Slot, Shown>, values: &mut ValueWriter) -> Vec<EditFile> {
    let edits = edits.iter().map(|(slot, shown)| {
        let EntityRef { kind, key, store } = slot.entity.clone();
        EditFile {
            kind,
            key,
            store,
            field: slot.field.clone(),
            shows: values.shown(&slot.field, shown),
        }
    });
    edits.collect()
}

fn outcome_file(release: Seq, outcome: &Outcome, values: &mut ValueWriter) -> OutcomeFile {
    let Outcome {
        status,
        finished_at,
        snapshot,
        message,
        phases,
        activity,
        entities,
        edits,
    } = outcome;
    let entities = entities.iter().map(|(entity, outcome)| {
        let EntityOutcome {
            action,
            status,
            error,
            fields,
        } = outcome;
        let EntityRef { kind, key, store } = entity.clone();
        let fields = fields.iter().map(|(field, outcome)| FieldFile {
            field: field.clone(),
            status: outcome.status,
            observed: outcome
                .observed
                .as_ref()
                .map(|seen| values.shown(field, seen)),
        });
        EntityFile {
            kind,
            key,
            store,
            action: *action,
            status: *status,
            error: error.clone(),
            fields: fields.collect(),
        }
    });
    OutcomeFile {
        release,
        status: *status,
        finished_at: *finished_at,
        snapshot: snapshot.clone(),
        message: message.clone(),
        phases: phases.clone(),
        entities: entities.collect(),
        edits: edit_files(edits, values),
        activity: activity.clone(),
    }
}

/// Reads a pass.
pub(crate) fn read_pass(
    path: &str,
    files: &Files,
    pool: &mut Pool,
) -> Result<PassRecord, RecordError> {
    let PassFile {
        sequence,
        started_at,
        finished_at,
        releases,
        edits,
        outcomes,
        renamed,
        written,
    } = parse(path, files)?;
    let mut values = ValueReader {
        folder: values_folder(path),
        files,
        pool,
    };
    let edits = read_edits(edits, &mut values)?;
    let outcomes = outcomes.into_iter().map(|file| {
        let release = file.release;
        Ok((release, read_outcome(file, &mut values)?))
    });
    Ok(PassRecord {
        seq: sequence,
        started_at,
        finished_at,
        releases,
        edits,
        outcomes: outcomes.collect::<Result<_, RecordError>>()?,
        renamed,
        written,
    })
}

fn read_edits(
    edits: Vec<EditFile>,
    values: &mut ValueReader<'_>,
) -> Result<BTreeMap<Slot, Shown>, RecordError> {
    let edits = edits.into_iter().map(|file| {
        let EditFile {
            kind,
            key,
            store,
            field,
            shows,
        } = file;
        let slot = Slot {
            entity: values.pool.entity(EntityRef { kind, key, store }),
            field: values.pool.field(field),
        };
        Ok((slot, values.shown(shows)?))
    });
    edits.collect()
}

fn read_outcome(file: OutcomeFile, values: &mut ValueReader<'_>) -> Result<Outcome, RecordError> {
    let OutcomeFile {
        release: _,
        status,
        finished_at,
        snapshot,
        message,
        phases,
        edits,
        entities,
        activity,
    } = file;
    let edits = read_edits(edits, values)?;
    let entities = entities.into_iter().map(|file| {
        let EntityFile {
            kind,
            key,
            store,
            action,
            status,
            error,
            fields,
        } = file;
        let entity = values.pool.entity(EntityRef { kind, key, store });
        let fields = fields.into_iter().map(|file| {
            let observed = file.observed.map(|seen| values.shown(seen)).transpose()?;
            let outcome = FieldOutcome {
                status: file.status,
                observed,
            };
            Ok((values.pool.field(file.field), outcome))
        });
        let outcome = EntityOutcome {
            action,
            status,
            error,
            fields: fields.collect::<Result<_, RecordError>>()?,
        };
        Ok((entity, outcome))
    });
    Ok(Outcome {
        status,
        finished_at,
        snapshot,
        message,
        phases,
        activity,
        entities: entities.collect::<Result<_, RecordError>>()?,
        edits,
    })
}
