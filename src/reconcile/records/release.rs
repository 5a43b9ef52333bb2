//! `releases/<year>/<sequence>-<short id>/`: `release.yaml` says what, who, when and what was planned,
//! `snapshot.yaml` what was observed. Neither is rewritten.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Files, RecordError, ShownFile, ValueReader, ValueWriter, parse, yaml};
use crate::domain::{
    Action, Activity, CommitId, EntityId, EntityKey, EntityRef, FieldId, Kind, ReleaseId,
    ReleaseKind, ReleaseStatus, StoreScope,
};
use crate::plan::{Outcome, PlannedEntity, PlannedField, ReleaseRecord, Revision, Seq, Shown};
use crate::reconcile::pool::Pool;

#[derive(Debug, Serialize, Deserialize)]
struct ReleaseFile {
    sequence: Seq,
    id: Option<ReleaseId>,
    kind: ReleaseKind,
    /// What it was recorded with; what became of it is in the passes.
    status: ReleaseStatus,
    message: Option<String>,
    finished_at: Option<Timestamp>,
    states: bool,
    reverts: Vec<Seq>,
    commit: CommitId,
    first_parent: Option<CommitId>,
    branch: String,
    subject: String,
    author: String,
    revision: Revision,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    brings: Vec<Revision>,
    started_at: Timestamp,
    entities: Vec<EntityFile>,
    notes: Vec<Activity>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntityFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    action: Action,
    fields: Vec<FieldFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FieldFile {
    field: FieldId,
    after: ShownFile,
    put_back: bool,
    taken: bool,
    conflict: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SnapshotFile {
    entities: Vec<ObservedFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ObservedFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    id: Option<EntityId>,
    digest: Option<String>,
    fields: Vec<BeforeFile>,
    /// All that an entity shows that is to be deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    whole: Vec<BeforeFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BeforeFile {
    field: FieldId,
    before: ShownFile,
}

/// The folder of a release.
pub(crate) fn folder(release: &ReleaseRecord) -> String {
    let year = release.started_at.to_zoned(jiff::tz::TimeZone::UTC).year();
    format!("releases/{year}/{}-{}", release.seq, release.commit.short())
}

/// The files of a release, parsed back and compared.
pub(crate) fn write_release(release: &ReleaseRecord) -> Result<Files, RecordError> {
    let folder = folder(release);
    let mut values = ValueWriter::new(format!("{folder}/values"));
    let entities = release.entities.iter();
    let files = entities.map(|(entity, planned)| entity_files(entity, planned, &mut values));
    let (entities, observed) = files.unzip();
    let release_file = ReleaseFile {
        sequence: release.seq,
        id: release.id.clone(),
        kind: release.kind,
        status: release.outcome.status,
        message: release.outcome.message.clone(),
        finished_at: release.outcome.finished_at,
        states: release.states,
        reverts: release.reverts.clone(),
        commit: release.commit.clone(),
        first_parent: release.first_parent.clone(),
        branch: release.branch.clone(),
        subject: release.subject.clone(),
        author: release.author.clone(),
        revision: release.revision.clone(),
        brings: release.brings.clone(),
        started_at: release.started_at,
        entities,
        notes: release.notes.clone(),
    };
    let snapshot_file = SnapshotFile { entities: observed };
    let mut files = values.files;
    for (name, bytes) in [
        ("release.yaml", yaml(&folder, &release_file)?),
        ("snapshot.yaml", yaml(&folder, &snapshot_file)?),
    ] {
        files.insert(format!("{folder}/{name}"), bytes);
    }
    let back = read_release(&folder, &files, &mut Pool::default())?;
    match back == *release {
        true => Ok(files),
        false => Err(RecordError::differs(&folder)),
    }
}

/// What an entity is planned to be, and what was observed of it.
fn entity_files(
    entity: &EntityRef,
    planned: &PlannedEntity,
    values: &mut ValueWriter,
) -> (EntityFile, ObservedFile) {
    let PlannedEntity {
        id,
        digest,
        action,
        fields,
        whole,
    } = planned;
    let (mut planned, mut before) = (Vec::new(), Vec::new());
    for (field, of_field) in fields {
        planned.push(FieldFile {
            field: field.clone(),
            after: values.shown(field, &of_field.after),
            put_back: of_field.put_back,
            taken: of_field.taken,
            conflict: of_field.conflict,
        });
        before.push(BeforeFile {
            field: field.clone(),
            before: values.shown(field, &of_field.before),
        });
    }
    let whole = whole.iter().map(|(name, value)| {
        let field = FieldId::Named(name.clone());
        let before = values.shown(&field, &Shown::Value(value.clone()));
        BeforeFile { field, before }
    });
    let whole = whole.collect();
    let EntityRef { kind, key, store } = entity;
    let entity = EntityFile {
        kind: *kind,
        key: key.clone(),
        store: store.clone(),
        action: *action,
        fields: planned,
    };
    let observed = ObservedFile {
        kind: *kind,
        key: key.clone(),
        store: store.clone(),
        id: *id,
        digest: digest.clone(),
        fields: before,
        whole,
    };
    (entity, observed)
}

/// Reads the release in a folder. What it has in common with others read before is shared with them.
pub(crate) fn read_release(
    folder: &str,
    files: &Files,
    pool: &mut Pool,
) -> Result<ReleaseRecord, RecordError> {
    let release: ReleaseFile = parse(&format!("{folder}/release.yaml"), files)?;
    let snapshot: SnapshotFile = parse(&format!("{folder}/snapshot.yaml"), files)?;
    let mut values = ValueReader {
        folder: format!("{folder}/values"),
        files,
        pool,
    };
    if release.entities.len() != snapshot.entities.len() {
        return Err(RecordError::new(
            folder,
            "the snapshot is of other entities",
        ));
    }
    let entities = release.entities.into_iter().zip(snapshot.entities);
    let entities = entities
        .map(|(planned, observed)| read_entity(folder, planned, observed, &mut values))
        .collect::<Result<_, _>>()?;
    Ok(ReleaseRecord {
        seq: release.sequence,
        id: release.id,
        kind: release.kind,
        states: release.states,
        reverts: release.reverts,
        commit: release.commit,
        first_parent: release.first_parent,
        branch: release.branch,
        subject: release.subject,
        author: release.author,
        revision: release.revision,
        brings: release.brings,
        started_at: release.started_at,
        entities,
        notes: release.notes,
        outcome: Outcome {
            status: release.status,
            message: release.message,
            finished_at: release.finished_at,
            ..Outcome::default()
        },
    })
}

fn read_entity(
    folder: &str,
    planned: EntityFile,
    observed: ObservedFile,
    values: &mut ValueReader<'_>,
) -> Result<(EntityRef, PlannedEntity), RecordError> {
    let name = |kind, key: &EntityKey, store: &StoreScope| EntityRef {
        kind,
        key: key.clone(),
        store: store.clone(),
    };
    let entity = name(planned.kind, &planned.key, &planned.store);
    if entity != name(observed.kind, &observed.key, &observed.store) {
        let why = format!("{entity} has no snapshot");
        return Err(RecordError::new(folder, why));
    }
    let mut fields = BTreeMap::new();
    if planned.fields.len() != observed.fields.len() {
        let why = format!("the snapshot of {entity} is of other fields");
        return Err(RecordError::new(folder, why));
    }
    for (file, before) in planned.fields.into_iter().zip(observed.fields) {
        if file.field != before.field {
            let why = format!("{entity}: {} has no snapshot", file.field);
            return Err(RecordError::new(folder, why));
        }
        let field = PlannedField {
            before: values.shown(before.before)?,
            after: values.shown(file.after)?,
            put_back: file.put_back,
            taken: file.taken,
            conflict: file.conflict,
        };
        fields.insert(values.pool.field(file.field), field);
    }
    let mut whole = BTreeMap::new();
    for file in observed.whole {
        if let (FieldId::Named(name), Shown::Value(value)) =
            (file.field, values.shown(file.before)?)
        {
            whole.insert(name, value);
        }
    }
    let planned = PlannedEntity {
        whole,
        id: observed.id,
        digest: observed.digest,
        action: planned.action,
        fields,
    };
    Ok((values.pool.entity(entity), planned))
}
