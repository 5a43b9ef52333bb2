//! Whatever a store holds can be recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Action, ChangeStatus, CommitId, EntityId, EntityKey, EntityRef, FieldName, FieldStatus, Kind,
    ReleaseKind, ReleaseStatus, Slot, StoreScope,
};
use crate::plan::{
    ChangeId, EntityOutcome, Failure, FieldOutcome, Headline, LayerId, ManagedEntity, NewCommit,
    Outcome, PlannedEntity, PlannedField, ReleaseRecord, Revision, Says, Seq, SlotState, Statement,
    ValueDigest,
};

fn commit(digit: &str) -> CommitId {
    CommitId::new(digit.repeat(40)).unwrap()
}

fn block(key: &str) -> EntityRef {
    EntityRef {
        kind: Kind::CMS_BLOCK,
        key: EntityKey::new(key).unwrap(),
        store: StoreScope::All,
    }
}

fn title() -> FieldId {
    FieldId::Named(FieldName::new("title").unwrap())
}

/// A release whose every text is one of these.
fn release(key: &str, texts: &[Value]) -> ReleaseRecord {
    let text = |n: usize| Shown::Value(texts[n % texts.len()].clone().into());
    let words = |n: usize| texts[n % texts.len()].to_string();
    let field = PlannedField {
        before: text(0),
        after: text(1),
        put_back: true,
        taken: true,
        conflict: true,
    };
    let existence = PlannedField {
        before: Shown::Gone,
        after: Shown::Here,
        ..field.clone()
    };
    let planned = PlannedEntity {
        id: Some(EntityId(7)),
        digest: Some("ab".repeat(32)),
        action: Action::Update,
        fields: [(FieldId::Existence, existence), (title(), field)].into(),
        whole: [(FieldName::new("content").unwrap(), texts[0].clone().into())].into(),
    };
    let at = "2026-11-21T22:00:00.123Z".parse().unwrap();
    ReleaseRecord {
        seq: Seq(12),
        id: None,
        kind: ReleaseKind::Rollback,
        states: true,
        reverts: vec![Seq(3)],
        commit: commit("a"),
        first_parent: Some(commit("b")),
        branch: "main".to_owned(),
        subject: words(7),
        author: words(8),
        revision: Revision::new(
            commit("a"),
            &words(9),
            Some(ChangeId::new("d")),
            BTreeMap::new(),
        ),
        brings: vec![Revision::new(
            commit("c"),
            &words(10),
            None,
            BTreeMap::new(),
        )],
        started_at: at,
        entities: [(block(key), planned)].into(),
        notes: Vec::new(),
        outcome: Outcome {
            status: ReleaseStatus::Snapshotted,
            ..Outcome::default()
        },
    }
}

fn pass(key: &str, texts: &[Value]) -> PassRecord {
    let text = |n: usize| Shown::Value(texts[n % texts.len()].clone().into());
    let at = "2026-11-21T22:00:00.123Z".parse().unwrap();
    let slot = Slot {
        entity: block(key),
        field: title(),
    };
    let field = FieldOutcome {
        status: FieldStatus::InDoubt,
        observed: Some(text(1)),
    };
    let entity = EntityOutcome {
        action: Action::Update,
        status: ChangeStatus::Failed,
        error: Some(texts[0].to_string()),
        fields: [(title(), field)].into(),
    };
    let outcome = Outcome {
        status: ReleaseStatus::Failed,
        finished_at: Some(at),
        snapshot: Some(commit("e")),
        message: Some(texts[0].to_string()),
        entities: [(block(key), entity)].into(),
        edits: [(slot.clone(), text(2))].into(),
        ..Outcome::default()
    };
    PassRecord {
        edits: [(slot, text(0))].into(),
        outcomes: [(Seq(12), outcome)].into(),
        renamed: [(
            Seq(3),
            NewCommit {
                headline: Headline {
                    commit: commit("f"),
                    first_parent: None,
                    branch: texts[0].to_string(),
                    subject: texts[0].to_string(),
                    author: texts[0].to_string(),
                },
                revision: release(key, texts).revision,
            },
        )]
        .into(),
        written: [(texts[0].to_string(), None)].into(),
        ..PassRecord::new(Seq(11), at, &[Seq(12)])
    }
}

fn managed(key: &str, texts: &[Value]) -> ManagedEntity {
    let value = |n: usize| texts[n % texts.len()].clone();
    let slot = Slot {
        entity: block(key),
        field: title(),
    };
    let id = |n| LayerId { seq: Seq(12), n };
    let mut state = SlotState::new(Shown::Value(value(0).into()));
    let demand = DesiredValue::Value(value(1).into());
    let says = Says::Demand(Shown::Value(value(1).into()));
    state.push(id(1), Seq(12), Some(demand.clone()), says, None);
    state.push(id(2), Seq(13), None, Says::Base, Some(id(9)));
    state.push(id(3), Seq(14), None, Says::Same, None);
    state.attempt(Shown::Value(value(2).into()));
    let by_value = |a: &Shown, b: &Shown| a == b;
    let mut edited = SlotState::new(Shown::Value(value(3).into()));
    edited.push(id(4), Seq(12), Some(demand.clone()), Says::Same, None);
    edited.settle(&Shown::Value(value(4).into()), true, &by_value);
    edited.observe(
        id(5),
        &Shown::Unknown,
        &by_value,
        crate::plan::Policy::default(),
    );
    edited.park(&[Seq(12)]);
    let existence = Slot {
        entity: block(key),
        field: FieldId::Existence,
    };
    let statement = Statement {
        slot: slot.clone(),
        path: value(5).to_string(),
        digest: ValueDigest::of(&demand),
    };
    let mut entity = ManagedEntity {
        whole: true,
        ..ManagedEntity::default()
    };
    entity.explicit.insert(block(key));
    let failure = Failure {
        error: value(6).to_string(),
        permanent: true,
    };
    entity.failures.insert(block(key), failure);
    entity.moved_by.insert(slot.clone(), Seq(12));
    entity.authors.stated.insert(statement.clone(), Seq(12));
    let said = BTreeSet::from([statement]);
    entity.authors.said.insert(Seq(12), said.clone());
    entity.authors.removed.insert(Seq(13), said);
    entity.slots.insert(slot, state);
    entity.slots.insert(existence, edited);
    entity
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
    // Writing reads back and compares.
    #[test]
    fn whatever_a_store_holds_can_be_recorded(
        key in "[a-z0-9:#./% -]{1,20}",
        texts in prop::collection::vec(text(), 1..12),
    ) {
        let failed = |e: RecordError| TestCaseError::fail(e.to_string());
        let written = write_release(&release(&key, &texts)).map_err(failed)?;
        prop_assert!(written.len() >= 2);
        write_pass(&pass(&key, &texts)).map_err(failed)?;
        let (root, entity) = (block(&key), Arc::new(managed(&key, &texts)));
        let group = BTreeMap::from([(&root, &entity)]);
        write_entities(&entity_path(&root), &group).map_err(failed)?;
    }
}

#[test]
fn every_key_has_a_file_of_its_own() {
    let mut paths = BTreeSet::new();
    let long = "x".repeat(300);
    let keys = [
        ".",
        "..",
        "a/b",
        "a%2Fb",
        "A",
        "a",
        &long,
        &format!("{long}y"),
        "é",
        "..yaml",
    ];
    for key in keys {
        let path = entity_path(&block(key));
        assert!(path.len() < 200, "{path}");
        assert!(!path.contains("/."), "{path}");
        assert_eq!(path.matches('/').count(), 3, "{path}");
        assert!(paths.insert(path.to_lowercase()) || key == "a", "{path}");
    }
}
