//! `entities/<kind>/<shard>/<key>.yaml`: the slots of what has one kind and key, under every
//! assignment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DemandFile, Files, RecordError, ShownFile, ValueReader, ValueWriter, parse, yaml};
use crate::domain::{EntityKey, EntityRef, FieldId, Kind, Slot, StoreScope};
use crate::plan::{
    Authors, By, Failure, Held, Layer, LayerId, Managed, ManagedEntity, Origin, Says, Seq,
    SlotState, Statement, ValueDigest,
};
use crate::reconcile::pool::Pool;

/// A longer name of a file is cut. In bytes.
const NAME_BYTES: usize = 120;

#[derive(Debug, Serialize, Deserialize)]
struct KeyFile {
    kind: Kind,
    key: EntityKey,
    entities: Vec<EntityFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntityFile {
    store: StoreScope,
    #[serde(default, skip_serializing_if = "is_false")]
    whole: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    explicit: Vec<StoreScope>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureFile>,
    slots: Vec<SlotFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    statements: Vec<StatementFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<StatementFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<StatementFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FailureFile {
    store: StoreScope,
    error: String,
    permanent: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SlotFile {
    store: StoreScope,
    field: FieldId,
    base: ShownFile,
    held: Vec<HeldFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_by: Option<Seq>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HeldFile {
    value: ShownFile,
    by: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LayerFile {
    name: String,
    #[serde(flatten)]
    by: ByFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    demands: Option<DemandFile>,
    says: SaysFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    parked: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    shown: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ByFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heal: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaysFile {
    Base,
    Same,
    Demand(ShownFile),
    Seen(ShownFile),
}

#[derive(Debug, Serialize, Deserialize)]
struct StatementFile {
    path: String,
    store: StoreScope,
    field: FieldId,
    digest: ValueDigest,
    release: Seq,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The file of an entity.
pub(crate) fn entity_path(entity: &EntityRef) -> String {
    let EntityRef { kind, key, .. } = entity;
    let digest = Sha256::digest(format!("{kind}/{key}"));
    let mut name = String::new();
    for byte in key.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            // Writing to a text does not fail.
            _ => drop(write!(name, "%{byte:02X}")),
        }
    }
    if name.len() > NAME_BYTES {
        name.truncate(NAME_BYTES - 17);
        name.push('-');
        name.extend(digest.iter().take(8).map(|byte| format!("{byte:02x}")));
    }
    let shard = digest.first().copied().unwrap_or_default();
    format!("entities/{kind}/{shard:02x}/{name}.yaml")
}

fn values_folder(path: &str) -> String {
    format!("{}.values", path.strip_suffix(".yaml").unwrap_or(path))
}

/// The files of the entities of one kind and key, parsed back and compared.
pub(crate) fn write_entities(
    path: &str,
    entities: &BTreeMap<&EntityRef, &Arc<ManagedEntity>>,
) -> Result<Files, RecordError> {
    let Some((first, _)) = entities.first_key_value() else {
        return Ok(Files::new());
    };
    let mut values = ValueWriter::new(values_folder(path));
    let file = KeyFile {
        kind: first.kind,
        key: first.key.clone(),
        entities: entities
            .iter()
            .map(|(root, entity)| entity_file(root, entity, &mut values))
            .collect(),
    };
    let mut files = values.files;
    files.insert(path.to_owned(), yaml(path, &file)?);
    let back = read_entities(path, &files, &mut Pool::default())?;
    let same = back.len() == entities.len()
        && back
            .iter()
            .zip(entities)
            .all(|((a, b), (c, d))| a == *c && b == *d);
    match same {
        true => Ok(files),
        false => Err(RecordError::differs(path)),
    }
}

fn entity_file(root: &EntityRef, entity: &ManagedEntity, values: &mut ValueWriter) -> EntityFile {
    let ManagedEntity {
        slots,
        authors,
        moved_by,
        explicit,
        failures,
        whole,
    } = entity;
    let Authors {
        stated,
        said,
        removed,
    } = authors;
    let by_release = |all: &BTreeMap<Seq, BTreeSet<Statement>>| {
        let all = all.iter().flat_map(|(release, statements)| {
            statements.iter().map(|s| statement_file(s, *release))
        });
        all.collect()
    };
    EntityFile {
        store: root.store.clone(),
        whole: *whole,
        explicit: explicit.iter().map(|e| e.store.clone()).collect(),
        failures: failures
            .iter()
            .map(|(entity, Failure { error, permanent })| FailureFile {
                store: entity.store.clone(),
                error: error.clone(),
                permanent: *permanent,
            })
            .collect(),
        slots: slots
            .iter()
            .map(|(slot, state)| slot_file(slot, state, moved_by.get(slot), values))
            .collect(),
        statements: stated
            .iter()
            .map(|(s, author)| statement_file(s, *author))
            .collect(),
        said: by_release(said),
        removed: by_release(removed),
    }
}

fn slot_file(
    slot: &Slot,
    state: &SlotState,
    moved_by: Option<&Seq>,
    values: &mut ValueWriter,
) -> SlotFile {
    let SlotState { base, layers, held } = state;
    let field = &slot.field;
    SlotFile {
        store: slot.entity.store.clone(),
        field: field.clone(),
        base: values.shown(field, base),
        held: held
            .iter()
            .map(|Held { value, by }| HeldFile {
                value: values.shown(field, value),
                by: match by {
                    Origin::Base => "base".to_owned(),
                    Origin::Removed => "removed".to_owned(),
                    Origin::Layer(id) => name_of(*id),
                },
            })
            .collect(),
        moved_by: moved_by.copied(),
        layers: layers
            .iter()
            .map(|layer| layer_file(field, layer, values))
            .collect(),
    }
}

fn layer_file(field: &FieldId, layer: &Layer, values: &mut ValueWriter) -> LayerFile {
    let Layer {
        id,
        by,
        demands,
        says,
        of,
        parked,
        shown,
    } = layer;
    let (release, heal) = match by {
        By::Release(seq) => (Some(*seq), None),
        By::Heal(name) => (None, Some(name.clone())),
        By::Edit => (None, None),
    };
    LayerFile {
        name: name_of(*id),
        by: ByFile { release, heal },
        demands: demands.as_ref().map(|demand| values.demand(field, demand)),
        says: match says {
            Says::Base => SaysFile::Base,
            Says::Same => SaysFile::Same,
            Says::Demand(shown) => SaysFile::Demand(values.shown(field, shown)),
            Says::Seen(shown) => SaysFile::Seen(values.shown(field, shown)),
        },
        of: of.map(name_of),
        parked: *parked,
        shown: *shown,
    }
}

fn statement_file(statement: &Statement, release: Seq) -> StatementFile {
    let Statement { slot, path, digest } = statement;
    StatementFile {
        path: path.clone(),
        store: slot.entity.store.clone(),
        field: slot.field.clone(),
        digest: *digest,
        release,
    }
}

fn name_of(id: LayerId) -> String {
    format!("{}.{}", id.seq, id.n)
}

fn named(path: &str, name: &str) -> Result<LayerId, RecordError> {
    let wrong = || RecordError::new(path, format!("{name:?} is no name of a layer"));
    let (seq, n) = name.split_once('.').ok_or_else(wrong)?;
    Ok(LayerId {
        seq: Seq(seq.parse().map_err(|_| wrong())?),
        n: n.parse().map_err(|_| wrong())?,
    })
}

/// Reads the entities in a file.
pub(crate) fn read_entities(
    path: &str,
    files: &Files,
    pool: &mut Pool,
) -> Result<Managed, RecordError> {
    let KeyFile {
        kind,
        key,
        entities,
    } = parse(path, files)?;
    let mut reader = EntityReader {
        path,
        kind,
        key,
        values: ValueReader {
            folder: values_folder(path),
            files,
            pool,
        },
    };
    let entities = entities.into_iter().map(|file| {
        let root = reader.entity(file.store.clone());
        Ok((root, Arc::new(reader.managed(file)?)))
    });
    entities.collect()
}

struct EntityReader<'a> {
    path: &'a str,
    kind: Kind,
    key: EntityKey,
    values: ValueReader<'a>,
}

impl EntityReader<'_> {
    fn entity(&mut self, store: StoreScope) -> EntityRef {
        self.values.pool.entity(EntityRef {
            kind: self.kind,
            key: self.key.clone(),
            store,
        })
    }

    fn slot(&mut self, store: StoreScope, field: FieldId) -> Slot {
        Slot {
            entity: self.entity(store),
            field: self.values.pool.field(field),
        }
    }

    fn managed(&mut self, file: EntityFile) -> Result<ManagedEntity, RecordError> {
        let EntityFile {
            store: _,
            whole,
            explicit,
            failures,
            slots,
            statements,
            said,
            removed,
        } = file;
        let mut managed = ManagedEntity {
            whole,
            ..ManagedEntity::default()
        };
        for store in explicit {
            managed.explicit.insert(self.entity(store));
        }
        for FailureFile {
            store,
            error,
            permanent,
        } in failures
        {
            let failure = Failure { error, permanent };
            managed.failures.insert(self.entity(store), failure);
        }
        for file in slots {
            let (slot, state, moved_by) = self.slot_state(file)?;
            if let Some(release) = moved_by {
                managed.moved_by.insert(slot.clone(), release);
            }
            managed.slots.insert(slot, state);
        }
        for file in statements {
            let (statement, author) = self.statement(file);
            managed.authors.stated.insert(statement, author);
        }
        for (files, all) in [
            (said, &mut managed.authors.said),
            (removed, &mut managed.authors.removed),
        ] {
            for file in files {
                let (statement, release) = self.statement(file);
                all.entry(release).or_default().insert(statement);
            }
        }
        Ok(managed)
    }

    fn slot_state(
        &mut self,
        file: SlotFile,
    ) -> Result<(Slot, SlotState, Option<Seq>), RecordError> {
        let SlotFile {
            store,
            field,
            base,
            held,
            moved_by,
            layers,
        } = file;
        let slot = self.slot(store, field);
        let mut state = SlotState::new(self.values.shown(base)?);
        let held = held.into_iter().map(|held| self.held(held));
        state.held = held.collect::<Result<_, _>>()?;
        let layers = layers.into_iter().map(|layer| self.layer(layer));
        state.layers = layers.collect::<Result<_, _>>()?;
        Ok((slot, state, moved_by))
    }

    fn held(&mut self, file: HeldFile) -> Result<Held, RecordError> {
        Ok(Held {
            value: self.values.shown(file.value)?,
            by: match file.by.as_str() {
                "base" => Origin::Base,
                "removed" => Origin::Removed,
                name => Origin::Layer(named(self.path, name)?),
            },
        })
    }

    fn layer(&mut self, file: LayerFile) -> Result<Layer, RecordError> {
        let LayerFile {
            name,
            by,
            demands,
            says,
            of,
            parked,
            shown,
        } = file;
        Ok(Layer {
            id: named(self.path, &name)?,
            by: match (by.release, by.heal) {
                (Some(seq), _) => By::Release(seq),
                (None, Some(name)) => By::Heal(name),
                (None, None) => By::Edit,
            },
            demands: demands
                .map(|demand| self.values.demand(demand))
                .transpose()?,
            says: match says {
                SaysFile::Base => Says::Base,
                SaysFile::Same => Says::Same,
                SaysFile::Demand(shown) => Says::Demand(self.values.shown(shown)?),
                SaysFile::Seen(shown) => Says::Seen(self.values.shown(shown)?),
            },
            of: of.map(|name| named(self.path, &name)).transpose()?,
            parked,
            shown,
        })
    }

    fn statement(&mut self, file: StatementFile) -> (Statement, Seq) {
        let StatementFile {
            path,
            store,
            field,
            digest,
            release,
        } = file;
        let slot = self.slot(store, field);
        (Statement { slot, path, digest }, release)
    }
}
