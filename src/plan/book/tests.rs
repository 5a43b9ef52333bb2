//! Whatever changes: what the book says is what a replay of the whole history comes to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    Action, ChangeStatus, FieldStatus, Kind, ReleaseKind, ReleaseStatus, SharedValue, StoreScope,
};

fn entity(number: usize) -> EntityRef {
    EntityRef {
        kind: Kind::CMS_BLOCK,
        key: ["a", "b", "c"][number % 3].parse().unwrap(),
        store: StoreScope::All,
    }
}

fn field(number: usize) -> FieldId {
    match number % 3 {
        0 => FieldId::Existence,
        n => FieldId::Named(["title", "content"][n - 1].parse().unwrap()),
    }
}

/// A slot's record from a few numbers, as good or bad as they are.
fn slot(field: &FieldId, [before, after, seen, how]: [u8; 4], reverts: Vec<Seq>) -> SlotRecord {
    let exists = *field == FieldId::Existence;
    let desired = |n: u8| match (n % 4, exists) {
        (0, _) => None,
        (1, true) => Some(DesiredValue::Ensure(Ensure::Absent)),
        (_, true) => Some(DesiredValue::Ensure(Ensure::Present)),
        (n, false) => Some(DesiredValue::Value(SharedValue::from(n))),
    };
    let observed = |n: u8| match (n % 4, exists) {
        (0, _) => Before::Missing,
        (1, true) => Before::Entity(None),
        (n, true) => Before::Entity(Some(BTreeMap::from([(
            "title".parse().unwrap(),
            Value::from(n),
        )]))),
        (n, false) => Before::Value(SharedValue::from(n)),
    };
    let status = [
        None,
        Some(FieldStatus::Written),
        Some(FieldStatus::NotWritten),
    ];
    SlotRecord {
        desired_before: desired(before),
        desired_after: desired(after),
        observed_before: observed(seen),
        derived: false,
        owed: how & 8 > 0,
        reverts,
        target: match how % 3 {
            0 => Target::Leave,
            1 => Target::Desired(desired(after)),
            _ => Target::PutBack(observed(seen / 4)),
        },
        status: status[usize::from(how / 16) % 3],
        observed: None,
        also: Vec::new(),
        conflict: false,
        effective: how & 4 > 0,
    }
}

/// Which entity and field, which releases it takes back, and what it says.
type Drawn = (usize, usize, BTreeSet<u64>, [u8; 4]);

fn release(seq: u64, invalid: bool, drawn: &[Drawn]) -> ReleaseRecord {
    let mut entities: BTreeMap<EntityRef, EntityRecord> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for (of, name, reverts, numbers) in drawn {
        let reverts = reverts.iter().rev().filter(|reverted| **reverted < seq);
        let reverts: Vec<Seq> = reverts.copied().map(Seq).collect();
        all.extend(reverts.iter().copied());
        let record = entities.entry(entity(*of)).or_insert_with(|| EntityRecord {
            id: None,
            digest: None,
            explicit: false,
            listed: BTreeSet::new(),
            slots: Slots::default(),
            action: Action::Noop,
            status: ChangeStatus::Done,
            error: None,
            permanent: numbers[0] & 16 > 0,
        });
        let field = field(*name);
        let slot = slot(&field, *numbers, reverts);
        record.slots.insert(field, slot);
    }
    ReleaseRecord {
        seq: Seq(seq),
        id: None,
        kind: ReleaseKind::Deploy,
        status: match invalid {
            true => ReleaseStatus::Invalid,
            false => ReleaseStatus::Live,
        },
        reverts: all.into_iter().collect(),
        commit: CommitId::new(format!("{seq:040x}")).unwrap(),
        first_parent: None,
        branch: "main".to_owned(),
        subject: "s".to_owned(),
        author: "a".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        finished_at: None,
        snapshot: None,
        message: None,
        phases: Vec::new(),
        activity: Vec::new(),
        paths: BTreeMap::new(),
        entities,
    }
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let one = (
        0_usize..3,
        0_usize..3,
        prop::collection::btree_set(1_u64..8, 0..3),
        any::<[u8; 4]>(),
    );
    prop::collection::vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_change_comes_to_what_a_replay_comes_to(
        history in prop::collection::vec((prop::bool::weighted(0.1), drawn()), 1..9),
        changes in prop::collection::vec((0_usize..8, prop::bool::weighted(0.1), drawn()), 1..4),
        epoch in 0_u64..4,
    ) {
        let count = history.len();
        let releases = history.iter().zip(1..);
        let releases = releases.map(|((invalid, drawn), seq)| release(seq, *invalid, drawn));
        let mut book = Book::replay(releases, Seq(epoch));
        for (at, invalid, drawn) in changes {
            let seq = u64::try_from(at % count).unwrap() + 1;
            book.update([release(seq, invalid, &drawn)]);
            let replayed = Book::replay(book.releases.values().cloned(), Seq(epoch));
            prop_assert_eq!(&book, &replayed);
        }
    }
}
