//! Several entities in one request: each has an outcome of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::lease::Lease;
use super::super::write::{Job, Written, write};
use super::faults::block;
use super::world::World;
use crate::domain::{
    EntityId, EntityRef, FieldName, Kind, Observation, ObservedEntity, Presence, StoreViews, Value,
    Vocabulary,
};
use crate::plan::{EntityWork, ExistenceGoal, FieldGoal, PlanContext};
use crate::ports::{
    BatchKey, BulkId, Operation, StoreError, StoreRead, StoreWrite, Submitted, Write,
};

type Answers = Vec<Result<(), StoreError>>;

/// A store that answers each request by its script, and remembers which entities it held.
#[derive(Default)]
struct Scripted {
    script: Mutex<VecDeque<Answers>>,
    asked: Mutex<Vec<String>>,
    /// What it shows by then.
    titles: Mutex<BTreeMap<EntityRef, &'static str>>,
}

impl StoreRead for Scripted {
    async fn views(&self) -> Result<StoreViews, StoreError> {
        Ok(StoreViews(BTreeSet::new()))
    }
    async fn vocabulary(&self, _: &BTreeSet<Kind>) -> Result<Arc<Vocabulary>, StoreError> {
        Ok(Arc::default())
    }
    async fn observe(
        &self,
        wanted: &BTreeSet<EntityRef>,
        _: &BTreeSet<EntityRef>,
        _: &StoreViews,
    ) -> Result<Observation, StoreError> {
        let titles = self.titles.lock().unwrap();
        let shown = |entity: &EntityRef| found(titles.get(entity).unwrap_or(&"old"));
        Ok(wanted.iter().map(|e| (e.clone(), shown(e))).collect())
    }
    async fn check_queue(&self) -> Result<(), StoreError> {
        unreachable!("rows go by no queue")
    }
    async fn progress(&self, _: &BulkId) -> Result<BTreeMap<usize, Operation>, StoreError> {
        unreachable!("rows go by no queue")
    }
}

impl StoreWrite for Scripted {
    async fn check_rights(&self, _: &BTreeSet<Kind>) -> Result<(), StoreError> {
        Ok(())
    }
    async fn write(&self, writes: &[Write]) -> Answers {
        let keys: Vec<&str> = writes.iter().map(|w| w.entity.key.as_str()).collect();
        self.asked.lock().unwrap().push(keys.join(" "));
        self.script.lock().unwrap().pop_front().unwrap()
    }
    fn batch_key(&self, _: &Write) -> Option<BatchKey> {
        None
    }
    async fn submit(&self, _: &[Write]) -> Result<Submitted, StoreError> {
        unreachable!("rows go by no queue")
    }
}

fn found(title: &str) -> Presence {
    Presence::Found(ObservedEntity {
        id: EntityId(1),
        fields: [(FieldName::new("title").unwrap(), Value::from(title))].into(),
        inherited: None,
    })
}

fn job(key: &str) -> Job {
    let want = FieldGoal {
        value: Value::from("new"),
        exact: false,
    };
    Job {
        entity: block(key),
        work: EntityWork {
            being: ExistenceGoal::Any,
            fields: [(FieldName::new("title").unwrap(), want)].into(),
            slots: Vec::new(),
            explicit: false,
            problem: None,
            notes: Vec::new(),
        },
        presence: found("old"),
        views: Arc::new(StoreViews(BTreeSet::new())),
        around: Arc::new(PlanContext::default()),
    }
}

fn refused(message: &str) -> Result<(), StoreError> {
    Err(StoreError::Refused {
        status: 400,
        message: message.to_owned(),
    })
}

fn lost() -> Result<(), StoreError> {
    Err(StoreError::InDoubt {
        message: "lost".to_owned(),
    })
}

fn contended() -> Result<(), StoreError> {
    Err(StoreError::Contended {
        message: "a deadlock".to_owned(),
    })
}

/// Which requests were sent, and what became of each entity.
fn play(
    keys: &[&str],
    script: Vec<Answers>,
    by_then: &[(&str, &'static str)],
) -> (Vec<String>, Vec<Written>) {
    let store = Scripted {
        script: Mutex::new(script.into()),
        titles: Mutex::new(by_then.iter().map(|(k, t)| (block(k), *t)).collect()),
        ..Scripted::default()
    };
    let clock = World::new().clock;
    let lease = Lease::taken(Duration::from_secs(1), Duration::from_secs(30));
    let jobs = keys.iter().map(|key| job(key)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ended = runtime.block_on(write(&store, clock.as_ref(), &lease, jobs));
    let order: Vec<&str> = ended.iter().map(|(e, ..)| e.key.as_str()).collect();
    assert_eq!(order, keys);
    assert!(store.script.lock().unwrap().is_empty(), "not all was asked");
    let written = ended.into_iter().map(|(_, _, written, _)| written);
    (store.asked.into_inner().unwrap(), written.collect())
}

fn failed(error: &str, permanent: bool) -> Written {
    Written::Failed {
        error: error.to_owned(),
        permanent,
    }
}

#[test]
fn each_row_has_its_own_outcome_and_what_may_pass_goes_again_together() {
    let (asked, written) = play(
        &["a", "b", "c", "d"],
        vec![
            vec![Ok(()), refused("bad"), contended(), lost()],
            vec![Ok(()), Ok(())],
        ],
        &[],
    );
    assert_eq!(asked, ["a b c d", "c d"]);
    let sent = Written::Sent;
    assert_eq!(
        written,
        [sent.clone(), failed("bad", true), sent.clone(), sent]
    );
}

#[test]
fn a_lost_row_that_the_store_shows_is_not_sent_again() {
    let (asked, written) = play(&["a", "b"], vec![vec![lost(), Ok(())]], &[("a", "new")]);
    assert_eq!(asked, ["a b"]);
    assert_eq!(written, [Written::Sent, Written::Sent]);
}

#[test]
fn where_all_are_refused_alike_each_goes_alone() {
    let (asked, written) = play(
        &["a", "b", "c"],
        vec![
            vec![refused("a row is bad"); 3],
            vec![Ok(())],
            vec![refused("a row is bad")],
            vec![Ok(())],
        ],
        &[],
    );
    assert_eq!(asked, ["a b c", "a", "b", "c"]);
    let bad = failed("a row is bad", true);
    assert_eq!(written, [Written::Sent, bad, Written::Sent]);
}

#[test]
fn a_row_of_which_nothing_is_said_is_looked_for() {
    let (asked, written) = play(&["a", "b"], vec![vec![Ok(())], vec![Ok(())]], &[]);
    assert_eq!(asked, ["a b", "b"]);
    assert_eq!(written, [Written::Sent, Written::Sent]);
}

#[test]
fn what_never_goes_well_is_given_up_for_itself() {
    let round = || vec![contended(), lost()];
    let (asked, written) = play(&["a", "b"], (0..5).map(|_| round()).collect(), &[]);
    assert_eq!(asked, ["a b"; 5]);
    let doubt = Written::InDoubt {
        error: "lost".to_owned(),
    };
    assert_eq!(written, [failed("a deadlock", false), doubt]);
}
