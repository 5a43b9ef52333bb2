//! The ledger's files: one folder a release, readable by people and by programs.
//!
//! `release.yaml` says what, who, when and what became of it; `snapshot.yaml` what was desired and
//! observed before. Values over 1 kB, or not plain printable text, are files of their own beside
//! them. Whatever is written is parsed back and compared first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::pool::Pool;
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, DesiredValue, Ensure, EntityId, EntityKey, EntityRef,
    FieldId, FieldName, FieldStatus, Kind, Phase, ReleaseId, ReleaseKind, ReleaseStatus,
    SharedValue, StoreScope, Value,
};
use crate::plan::{
    Before, EntityRecord, PathChange, ReleaseRecord, Seq, SlotRecord, Slots, Target,
};

/// A value longer than this is a file of its own. In bytes.
const INLINE_BYTES: usize = 1024;

/// Why a ledger file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub(crate) struct RecordError {
    path: String,
    why: String,
}

impl RecordError {
    pub(crate) fn new(path: &str, why: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

/// The files of one folder or of the root, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueFile {
    Value(Value),
    File(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DesiredFile {
    Absent,
    Ensure(Ensure),
    Value(Value),
    File(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BeforeFile {
    Missing,
    Unknown,
    Present,
    Entity(BTreeMap<FieldName, ValueFile>),
    Value(Value),
    File(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetFile {
    Leave,
    Desired(DesiredFile),
    PutBack(BeforeFile),
}

#[derive(Debug, Serialize, Deserialize)]
struct ReleaseFile {
    sequence: Seq,
    id: Option<ReleaseId>,
    kind: ReleaseKind,
    status: ReleaseStatus,
    reverts: Vec<Seq>,
    commit: CommitId,
    first_parent: Option<CommitId>,
    branch: String,
    subject: String,
    author: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    snapshot: Option<CommitId>,
    message: Option<String>,
    phases: Vec<Phase>,
    entities: Vec<OutcomeFile>,
    activity: Vec<Activity>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutcomeFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    action: Action,
    status: ChangeStatus,
    error: Option<String>,
    permanent: bool,
    fields: Vec<FieldOutcomeFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FieldOutcomeFile {
    field: FieldId,
    status: Option<FieldStatus>,
    effective: bool,
    observed: Option<BeforeFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SnapshotFile {
    paths: BTreeMap<String, PathChange>,
    entities: Vec<EntityFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntityFile {
    kind: Kind,
    key: EntityKey,
    store: StoreScope,
    id: Option<EntityId>,
    digest: Option<String>,
    explicit: bool,
    listed: BTreeSet<FieldId>,
    fields: Vec<SlotFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SlotFile {
    field: FieldId,
    desired_before: DesiredFile,
    desired_after: DesiredFile,
    observed_before: BeforeFile,
    derived: bool,
    owed: bool,
    reverts: Vec<Seq>,
    target: TargetFile,
    conflict: bool,
    also: Vec<BeforeFile>,
}

/// The folder of a release: `releases/<year>/<sequence>-<short id>`.
pub(crate) fn folder(release: &ReleaseRecord) -> String {
    let year = release.started_at.to_zoned(jiff::tz::TimeZone::UTC).year();
    format!("releases/{year}/{}-{}", release.seq, release.commit.short())
}

/// The files of a release, parsed back and compared.
pub(crate) fn write(release: &ReleaseRecord) -> Result<Files, RecordError> {
    let folder = folder(release);
    let mut values = Values::default();
    let mut outcomes = Vec::new();
    let mut entities = Vec::new();
    for (number, (entity, record)) in release.entities.iter().enumerate() {
        let EntityRecord {
            id,
            digest,
            explicit,
            listed,
            slots,
            action,
            status,
            error,
            permanent,
        } = record;
        let mut fields = Vec::new();
        let mut outcome_fields = Vec::new();
        for (field, slot) in slots.iter() {
            values.name = format!("{:04}-{}-{field}", number + 1, entity.kind);
            fields.push(values.slot(field, slot));
            outcome_fields.push(FieldOutcomeFile {
                field: field.clone(),
                status: slot.status,
                effective: slot.effective,
                observed: slot
                    .observed
                    .as_ref()
                    .map(|seen| values.before(seen, "after")),
            });
        }
        let EntityRef { kind, key, store } = entity;
        entities.push(EntityFile {
            kind: *kind,
            key: key.clone(),
            store: store.clone(),
            id: *id,
            digest: digest.clone(),
            explicit: *explicit,
            listed: listed.clone(),
            fields,
        });
        outcomes.push(OutcomeFile {
            kind: *kind,
            key: key.clone(),
            store: store.clone(),
            action: *action,
            status: *status,
            error: error.clone(),
            permanent: *permanent,
            fields: outcome_fields,
        });
    }
    let release_file = ReleaseFile {
        sequence: release.seq,
        id: release.id.clone(),
        kind: release.kind,
        status: release.status,
        reverts: release.reverts.clone(),
        commit: release.commit.clone(),
        first_parent: release.first_parent.clone(),
        branch: release.branch.clone(),
        subject: release.subject.clone(),
        author: release.author.clone(),
        started_at: release.started_at,
        finished_at: release.finished_at,
        snapshot: release.snapshot.clone(),
        message: release.message.clone(),
        phases: release.phases.clone(),
        entities: outcomes,
        activity: release.activity.clone(),
    };
    let snapshot_file = SnapshotFile {
        paths: release.paths.clone(),
        entities,
    };
    let mut files: Files = values
        .files
        .into_iter()
        .map(|(name, bytes)| (format!("{folder}/{name}"), bytes))
        .collect();
    for (name, bytes) in [
        ("release.yaml", yaml(&folder, &release_file)?),
        ("snapshot.yaml", yaml(&folder, &snapshot_file)?),
    ] {
        files.insert(format!("{folder}/{name}"), bytes);
    }
    drop((release_file, snapshot_file));
    let back = read(&folder, &files, &mut Pool::of(release))?;
    if back != *release {
        return Err(RecordError::new(
            &folder,
            "does not read back as it was written; nothing was recorded",
        ));
    }
    Ok(files)
}

/// Reads the release in a folder. What it has in common with others read before is shared with them.
pub(crate) fn read(
    folder: &str,
    files: &Files,
    pool: &mut Pool,
) -> Result<ReleaseRecord, RecordError> {
    let release: ReleaseFile = parse(&format!("{folder}/release.yaml"), files)?;
    let snapshot: SnapshotFile = parse(&format!("{folder}/snapshot.yaml"), files)?;
    let mut reader = Reader {
        folder,
        files,
        pool,
    };
    let mut outcomes: BTreeMap<EntityRef, OutcomeFile> = release
        .entities
        .into_iter()
        .map(|o| {
            (
                EntityRef {
                    kind: o.kind,
                    key: o.key.clone(),
                    store: o.store.clone(),
                },
                o,
            )
        })
        .collect();
    let mut entities = BTreeMap::new();
    for file in snapshot.entities {
        let EntityFile {
            kind,
            key,
            store,
            id,
            digest,
            explicit,
            listed,
            fields,
        } = file;
        let entity = reader.pool.entity(EntityRef { kind, key, store });
        let outcome = outcomes.remove(&entity).ok_or_else(|| {
            RecordError::new(folder, format!("{entity} has a snapshot but no outcome"))
        })?;
        let mut seen: BTreeMap<FieldId, FieldOutcomeFile> = outcome
            .fields
            .into_iter()
            .map(|f| (f.field.clone(), f))
            .collect();
        let mut slots = Slots::default();
        for slot in fields {
            let field = reader.pool.field(slot.field.clone());
            let outcome = seen.remove(&field).ok_or_else(|| {
                RecordError::new(folder, format!("{entity}: {field} has no outcome"))
            })?;
            slots.insert(field, reader.slot(slot, outcome)?);
        }
        entities.insert(
            entity,
            EntityRecord {
                id,
                digest,
                explicit,
                listed,
                slots,
                action: outcome.action,
                status: outcome.status,
                error: outcome.error,
                permanent: outcome.permanent,
            },
        );
    }
    Ok(ReleaseRecord {
        seq: release.sequence,
        id: release.id,
        kind: release.kind,
        status: release.status,
        reverts: release.reverts,
        commit: release.commit,
        first_parent: release.first_parent,
        branch: release.branch,
        subject: release.subject,
        author: release.author,
        started_at: release.started_at,
        finished_at: release.finished_at,
        snapshot: release.snapshot,
        message: release.message,
        phases: release.phases,
        activity: release.activity,
        paths: snapshot.paths,
        entities,
    })
}

/// YAML of one of our own structures.
pub(crate) fn yaml<T: Serialize>(path: &str, value: &T) -> Result<Vec<u8>, RecordError> {
    serde_yaml::to_string(value)
        .map(String::into_bytes)
        .map_err(|e| RecordError::new(path, e))
}

/// Parses one of our own files: as large as a release may be, so without the budgets that guard
/// release files.
pub(crate) fn parse<T: DeserializeOwned>(path: &str, files: &Files) -> Result<T, RecordError> {
    let bytes = files
        .get(path)
        .ok_or_else(|| RecordError::new(path, "missing from the rollback branch"))?;
    let text = std::str::from_utf8(bytes).map_err(|e| RecordError::new(path, e))?;
    let options = serde_yaml::options! { budget: None };
    serde_yaml::from_str_with_options(text, options).map_err(|e| RecordError::new(path, e))
}

/// Values that are kept in files of their own.
#[derive(Default)]
struct Values {
    name: String,
    files: Files,
    /// The path of each, by the digest of its bytes.
    known: BTreeMap<[u8; 32], String>,
}

impl Values {
    fn slot(&mut self, field: &FieldId, slot: &SlotRecord) -> SlotFile {
        SlotFile {
            field: field.clone(),
            desired_before: self.desired(slot.desired_before.as_ref(), "desired-before"),
            desired_after: self.desired(slot.desired_after.as_ref(), "desired-after"),
            observed_before: self.before(&slot.observed_before, "before"),
            derived: slot.derived,
            owed: slot.owed,
            reverts: slot.reverts.clone(),
            target: match &slot.target {
                Target::Leave => TargetFile::Leave,
                Target::Desired(desired) => {
                    TargetFile::Desired(self.desired(desired.as_ref(), "target"))
                }
                Target::PutBack(before) => TargetFile::PutBack(self.before(before, "target")),
            },
            conflict: slot.conflict,
            also: slot
                .also
                .iter()
                .enumerate()
                .map(|(i, before)| self.before(before, &format!("also-{}", i + 1)))
                .collect(),
        }
    }

    fn value(&mut self, value: &Value, role: &str) -> ValueFile {
        match value {
            Value::String(text) if !is_plain(text) => {
                // Equal bytes are kept once.
                let digest: [u8; 32] = Sha256::digest(text).into();
                if let Some(path) = self.known.get(&digest) {
                    return ValueFile::File(path.clone());
                }
                let path = format!("values/{}.{role}.txt", self.name);
                self.files.insert(path.clone(), text.clone().into_bytes());
                self.known.insert(digest, path.clone());
                ValueFile::File(path)
            }
            value => ValueFile::Value(value.clone()),
        }
    }

    fn desired(&mut self, desired: Option<&DesiredValue>, role: &str) -> DesiredFile {
        match desired {
            None => DesiredFile::Absent,
            Some(DesiredValue::Ensure(ensure)) => DesiredFile::Ensure(*ensure),
            Some(DesiredValue::Value(value)) => match self.value(value, role) {
                ValueFile::Value(value) => DesiredFile::Value(value),
                ValueFile::File(path) => DesiredFile::File(path),
            },
        }
    }

    fn before(&mut self, before: &Before, role: &str) -> BeforeFile {
        match before {
            Before::Missing => BeforeFile::Missing,
            Before::Unknown => BeforeFile::Unknown,
            Before::Entity(None) => BeforeFile::Present,
            Before::Entity(Some(fields)) => BeforeFile::Entity(
                fields
                    .iter()
                    .map(|(name, value)| {
                        (name.clone(), self.value(value, &format!("{role}.{name}")))
                    })
                    .collect(),
            ),
            Before::Value(value) => match self.value(value, role) {
                ValueFile::Value(value) => BeforeFile::Value(value),
                ValueFile::File(path) => BeforeFile::File(path),
            },
        }
    }
}

/// Short text of printable characters that survives an editor.
fn is_plain(text: &str) -> bool {
    text.len() <= INLINE_BYTES
        && text.chars().all(|c| {
            c == '\n'
                || !(c.is_control()
                    || matches!(
                        c,
                        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
                    ))
        })
        && !text.lines().any(|line| line.ends_with(' '))
        && !text.starts_with([' ', '\n'])
}

struct Reader<'a> {
    folder: &'a str,
    files: &'a Files,
    pool: &'a mut Pool,
}

impl Reader<'_> {
    fn slot(
        &mut self,
        slot: SlotFile,
        outcome: FieldOutcomeFile,
    ) -> Result<SlotRecord, RecordError> {
        Ok(SlotRecord {
            desired_before: self.desired(slot.desired_before)?,
            desired_after: self.desired(slot.desired_after)?,
            observed_before: self.before(slot.observed_before)?,
            derived: slot.derived,
            owed: slot.owed,
            reverts: slot.reverts,
            target: match slot.target {
                TargetFile::Leave => Target::Leave,
                TargetFile::Desired(desired) => Target::Desired(self.desired(desired)?),
                TargetFile::PutBack(before) => Target::PutBack(self.before(before)?),
            },
            status: outcome.status,
            observed: outcome.observed.map(|seen| self.before(seen)).transpose()?,
            also: slot
                .also
                .into_iter()
                .map(|b| self.before(b))
                .collect::<Result<_, _>>()?,
            conflict: slot.conflict,
            effective: outcome.effective,
        })
    }

    fn text(&self, name: &str) -> Result<Value, RecordError> {
        let path = format!("{}/{name}", self.folder);
        let bytes = self
            .files
            .get(&path)
            .ok_or_else(|| RecordError::new(&path, "missing from the rollback branch"))?;
        let text = std::str::from_utf8(bytes).map_err(|e| RecordError::new(&path, e))?;
        Ok(Value::from(text))
    }

    fn file(&mut self, name: &str) -> Result<SharedValue, RecordError> {
        Ok(self.pool.value(self.text(name)?))
    }

    fn value(&self, value: ValueFile) -> Result<Value, RecordError> {
        match value {
            ValueFile::Value(value) => Ok(value),
            ValueFile::File(name) => self.text(&name),
        }
    }

    fn desired(&mut self, desired: DesiredFile) -> Result<Option<DesiredValue>, RecordError> {
        Ok(match desired {
            DesiredFile::Absent => None,
            DesiredFile::Ensure(ensure) => Some(DesiredValue::Ensure(ensure)),
            DesiredFile::Value(value) => Some(DesiredValue::Value(self.pool.value(value))),
            DesiredFile::File(name) => Some(DesiredValue::Value(self.file(&name)?)),
        })
    }

    fn before(&mut self, before: BeforeFile) -> Result<Before, RecordError> {
        Ok(match before {
            BeforeFile::Missing => Before::Missing,
            BeforeFile::Unknown => Before::Unknown,
            BeforeFile::Present => Before::Entity(None),
            BeforeFile::Entity(fields) => Before::Entity(Some(
                fields
                    .into_iter()
                    .map(|(name, value)| Ok((name, self.value(value)?)))
                    .collect::<Result<_, RecordError>>()?,
            )),
            BeforeFile::Value(value) => Before::Value(self.pool.value(value)),
            BeforeFile::File(name) => Before::Value(self.file(&name)?),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commit(digit: &str) -> CommitId {
        CommitId::new(digit.repeat(40)).unwrap()
    }

    /// A release whose every text is one of these.
    fn release(key: &str, texts: &[Value]) -> ReleaseRecord {
        let text = |n: usize| texts[n % texts.len()].clone();
        let words = |n: usize| text(n).to_string();
        let slot = SlotRecord {
            desired_before: None,
            desired_after: Some(DesiredValue::Value(text(0).into())),
            observed_before: Before::Value(text(1).into()),
            derived: true,
            owed: true,
            reverts: vec![Seq(3)],
            target: Target::PutBack(Before::Value(text(2).into())),
            status: Some(FieldStatus::InDoubt),
            observed: Some(Before::Value(text(3).into())),
            also: vec![Before::Value(text(4).into()), Before::Unknown],
            conflict: true,
            effective: false,
        };
        let fields = BTreeMap::from([(FieldName::new("content").unwrap(), text(5))]);
        let existence = SlotRecord {
            desired_before: Some(DesiredValue::Ensure(Ensure::Present)),
            desired_after: Some(DesiredValue::Ensure(Ensure::Absent)),
            observed_before: Before::Entity(Some(fields)),
            target: Target::Leave,
            observed: None,
            status: None,
            ..slot.clone()
        };
        let entity = EntityRef {
            kind: Kind::CMS_BLOCK,
            key: EntityKey::new(key).unwrap(),
            store: StoreScope::All,
        };
        let record = EntityRecord {
            id: Some(EntityId(7)),
            digest: Some("ab".repeat(32)),
            explicit: true,
            listed: BTreeSet::from([FieldId::Existence]),
            slots: Slots::from_iter([
                (FieldId::Existence, existence),
                (FieldId::Named(FieldName::new("title").unwrap()), slot),
            ]),
            action: Action::Update,
            status: ChangeStatus::Failed,
            error: Some(words(6)),
            permanent: true,
        };
        let at: Timestamp = "2026-11-21T22:00:00.123Z".parse().unwrap();
        ReleaseRecord {
            seq: Seq(12),
            id: None,
            kind: ReleaseKind::Deploy,
            status: ReleaseStatus::Failed,
            reverts: vec![Seq(3)],
            commit: commit("a"),
            first_parent: Some(commit("b")),
            branch: "main".to_owned(),
            subject: words(7),
            author: words(8),
            started_at: at,
            finished_at: Some(at),
            snapshot: None,
            message: Some(words(9)),
            phases: Vec::new(),
            activity: Vec::new(),
            paths: BTreeMap::from([(
                words(10),
                PathChange {
                    before: None,
                    after: Some("c".to_owned()),
                },
            )]),
            entities: BTreeMap::from([(entity, record)]),
        }
    }

    /// What YAML is known to stumble over, and anything else.
    fn text() -> impl Strategy<Value = Value> {
        let odd = [
            "",
            " ",
            "\n",
            "\t",
            "yes",
            "null",
            "~",
            "1",
            "1.0",
            "0x1f",
            "2026-01-01",
            "- a",
            "# b",
            "a: b",
            "a\r\nb\r\n",
            "\ttab first\n",
            "  two\n\n\nlines  \n",
            "'",
            "\"",
            "|",
            ">-",
            "!tag",
            "&a",
            "*a",
            "{{block id=\"x\"}}",
            "%directive",
            "---\n...",
            "\u{feff}bom",
            "\u{85}",
            "\u{2028}",
            "\0",
            "\u{7f}",
            "żółć 日本 😀",
            "end\\",
            "a\n b\n\tc",
            "trailing \n",
            "\n\nleading",
        ];
        prop_oneof![
            3 => prop::sample::select(odd.to_vec()).prop_map(Value::from),
            3 => any::<String>().prop_map(Value::from),
            1 => "[a-z\n\t :#'\"-]{0,80}".prop_map(Value::from),
            1 => prop::collection::vec(any::<char>(), 1000..1100)
                .prop_map(|chars| Value::from(chars.into_iter().collect::<String>())),
            1 => Just(Value::Null),
            1 => any::<bool>().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn whatever_a_store_holds_can_be_recorded(
            key in "[a-z0-9:#. -]{1,20}",
            texts in prop::collection::vec(text(), 1..12),
        ) {
            // `write` reads back and compares.
            let release = release(&key, &texts);
            let files = write(&release).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(read(&folder(&release), &files, &mut Pool::default()).unwrap(), release);
        }
    }
}
