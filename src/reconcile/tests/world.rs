//! A repository, a ledger and a store in memory, and a process that can be killed at any request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::super::ledger::{self, Recent, State};
use super::super::{
    Bootstrap, PassError, Reconciler, Report, Request, Rewrites, Setup, Stop, Writes, records,
};
use super::queue::FakeQueue;
use crate::domain::kinds::Charset;
use crate::domain::{
    CommitId, EntityId, EntityRef, FieldName, Hit, Kind, Observation, ObservedEntity, Presence,
    StoreCode, StoreScope, StoreView, StoreViews, Value, Vocabulary,
};
use crate::manifest::{EntryKind, Loader, LoaderOptions, Tree, TreeEntry, TreeError};
use crate::plan::{Book, Policy};
use crate::ports::{
    BatchKey, BulkId, Clock, CommitInfo, GitError, Ledger, LedgerCommit, LedgerEntry, LedgerError,
    Operation, Payload, RepositoryName, Source, StoreError, StoreRead, StoreWrite, Submitted,
    Write,
};

type Paths = BTreeMap<String, String>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Kills the process at one of the points where it talks to the store or the ledger: from then on
/// nothing gets through.
#[derive(Default)]
pub(super) struct Fuse {
    points: AtomicUsize,
    at: AtomicUsize,
    dead: AtomicBool,
}

impl Fuse {
    /// Kills at the point of this number from now on, counted from 1; 0 is never.
    pub(super) fn arm(&self, at: usize) {
        self.points.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
        self.dead.store(false, Ordering::SeqCst);
    }

    pub(super) fn points(&self) -> usize {
        self.points.load(Ordering::SeqCst)
    }

    pub(super) fn blown(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// One point; whether the process is dead.
    fn passes(&self) -> bool {
        let point = self.points.fetch_add(1, Ordering::SeqCst) + 1;
        if point == self.at.load(Ordering::SeqCst) {
            self.dead.store(true, Ordering::SeqCst);
        }
        !self.blown()
    }
}

pub(super) struct FakeClock {
    millis: AtomicU64,
    /// When the process is asked to stop.
    stop: Mutex<Option<(Duration, watch::Sender<bool>)>>,
}

impl FakeClock {
    pub(super) fn forward(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.millis.fetch_add(by, Ordering::SeqCst);
        let now = self.monotonic();
        if let Some((_, stop)) = lock(&self.stop).take_if(|(at, _)| *at <= now) {
            stop.send_replace(true);
        }
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000).unwrap()
            + jiff::SignedDuration::try_from(self.monotonic()).unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
    async fn sleep(&self, duration: Duration) {
        self.forward(duration);
        tokio::task::yield_now().await;
    }
    fn jitter(&self) -> f64 {
        0.5
    }
}

struct MemoryTree(Paths);

fn content_id(text: &str) -> String {
    format!("{:x?}", &Sha256::digest(text)[..8])
}

impl Tree for MemoryTree {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        self.0
            .keys()
            .map(|path| self.entry(path)?.ok_or(TreeError::NotFound))
            .collect()
    }
    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, TreeError> {
        Ok(self.0.get(path).map(|text| TreeEntry {
            path: path.to_owned(),
            kind: EntryKind::File,
            id: content_id(text),
        }))
    }
    fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, TreeError> {
        let text = self.0.get(path).ok_or(TreeError::NotFound)?;
        Ok(text.clone().into_bytes())
    }
}

/// One line of history.
#[derive(Default)]
pub(super) struct FakeSource {
    commits: Mutex<Vec<(CommitInfo, Paths)>>,
    /// How many of them the branch holds.
    head: AtomicUsize,
}

impl FakeSource {
    /// Commits this tree upon the head, and moves the branch there.
    pub(super) fn commit(&self, message: &str, files: Paths) -> CommitId {
        let mut commits = lock(&self.commits);
        commits.truncate(self.head.load(Ordering::SeqCst));
        let number = commits.len() + 1;
        let id = content_id(&format!("{number} {message} {files:?}"));
        let id = CommitId::new(format!(
            "{:0>40}",
            id.replace(|c: char| !c.is_ascii_hexdigit(), "")
        ));
        let id = id.unwrap();
        let info = CommitInfo {
            id: id.clone(),
            parents: commits
                .last()
                .map(|(last, _)| last.id.clone())
                .into_iter()
                .collect(),
            author: "Ada <ada@example.com>".to_owned(),
            committed_at: Timestamp::UNIX_EPOCH,
            subject: message.lines().next().unwrap_or_default().to_owned(),
            message: message.to_owned(),
        };
        commits.push((info, files));
        self.head.store(number, Ordering::SeqCst);
        id
    }

    fn position(&self, id: &CommitId) -> Option<usize> {
        lock(&self.commits)
            .iter()
            .position(|(info, _)| info.id == *id)
    }

    fn at(&self, id: &CommitId) -> Result<(CommitInfo, Paths), GitError> {
        let found = lock(&self.commits)
            .iter()
            .find(|(info, _)| info.id == *id)
            .cloned();
        found.ok_or_else(|| GitError::NotFound(id.to_string()))
    }
}

impl Source for FakeSource {
    fn refresh(&self) -> Result<(), GitError> {
        Ok(())
    }
    fn head(&self, _branch: &str) -> Result<Option<CommitId>, GitError> {
        let head = self.head.load(Ordering::SeqCst);
        let commits = lock(&self.commits);
        Ok(head.checked_sub(1).map(|at| commits[at].0.id.clone()))
    }
    fn branches(&self) -> Result<Vec<String>, GitError> {
        Ok(vec!["main".to_owned()])
    }
    fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        CommitId::new(revision).map_err(|_| GitError::NotFound(revision.to_owned()))
    }
    fn resolve_id(&self, id: &str) -> Result<Option<CommitId>, GitError> {
        let commits = lock(&self.commits);
        let mut fitting = commits
            .iter()
            .map(|(info, _)| &info.id)
            .filter(|commit| id.len() >= 4 && commit.as_str().starts_with(id));
        let first = fitting.next().cloned();
        Ok(first.filter(|_| fitting.next().is_none()))
    }
    fn name(&self) -> Option<RepositoryName> {
        None
    }
    fn commit(&self, id: &CommitId) -> Result<CommitInfo, GitError> {
        Ok(self.at(id)?.0)
    }
    fn first_parents(
        &self,
        tip: &CommitId,
        after: Option<&CommitId>,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let to = self.position(tip).map_or(0, |at| at + 1);
        let from = after
            .and_then(|id| self.position(id))
            .map_or(0, |at| at + 1);
        let commits = lock(&self.commits);
        Ok(commits[from.min(to)..to]
            .iter()
            .map(|(info, _)| info.clone())
            .collect())
    }
    fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError> {
        Ok(match (self.position(ancestor), self.position(descendant)) {
            (Some(a), Some(d)) => a <= d,
            _ => false,
        })
    }
    fn descendants(
        &self,
        ancestor: &CommitId,
        of: &BTreeSet<CommitId>,
    ) -> Result<BTreeSet<CommitId>, GitError> {
        let all = of.iter().cloned();
        let reached = all.filter(|id| self.position(ancestor) <= self.position(id));
        Ok(reached.collect())
    }
    fn brought_in(
        &self,
        tip: &CommitId,
        not_from: &[CommitId],
    ) -> Result<Vec<CommitInfo>, GitError> {
        let to = self.position(tip);
        let to = to.ok_or_else(|| GitError::NotFound(tip.to_string()))?;
        let after = not_from.iter().filter_map(|id| self.position(id)).max();
        let from = after.map_or(0, |at| at + 1).min(to);
        let commits = lock(&self.commits);
        let newest_first = commits[from..to].iter().rev();
        Ok(newest_first.map(|(info, _)| info.clone()).collect())
    }
    fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        Ok(self
            .position(a)
            .min(self.position(b))
            .map(|at| lock(&self.commits)[at].0.id.clone()))
    }
    fn reverted(&self, info: &CommitInfo) -> Result<Vec<CommitId>, GitError> {
        let lines = info.message.lines();
        let named = lines.filter_map(|line| line.strip_prefix("This reverts commit "));
        let ids = named.filter_map(|id| CommitId::new(id.trim_end_matches('.')).ok());
        Ok(ids.filter(|id| self.position(id).is_some()).collect())
    }
    fn tree(&self, commit: &CommitId) -> Result<Box<dyn Tree>, GitError> {
        Ok(Box::new(MemoryTree(self.at(commit)?.1)))
    }
}

type Blobs = BTreeMap<String, Vec<u8>>;

#[derive(Clone)]
struct LedgerNode {
    id: CommitId,
    message: String,
    files: Arc<Blobs>,
}

pub(super) struct FakeLedger {
    nodes: Mutex<Vec<LedgerNode>>,
    fuse: Arc<Fuse>,
}

impl FakeLedger {
    pub(super) fn len(&self) -> usize {
        lock(&self.nodes).len()
    }

    /// What `state.yaml` says at the tip.
    pub(super) fn state(&self) -> Option<State> {
        let files = lock(&self.nodes).last()?.files.clone();
        Some(records::parse("state.yaml", &files).unwrap())
    }
}

fn gone() -> LedgerError {
    LedgerError::Unavailable {
        message: "killed".to_owned(),
    }
}

impl Ledger for FakeLedger {
    fn refresh(&self) -> Result<(), LedgerError> {
        Ok(())
    }
    fn tip(&self) -> Result<Option<CommitId>, LedgerError> {
        Ok(lock(&self.nodes).last().map(|node| node.id.clone()))
    }
    fn files(&self, at: &CommitId, prefix: &str) -> Result<Blobs, LedgerError> {
        let nodes = lock(&self.nodes);
        let node = nodes.iter().find(|node| node.id == *at).ok_or_else(gone)?;
        let files = node
            .files
            .iter()
            .filter(|(path, _)| path.starts_with(prefix));
        Ok(files
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect())
    }
    fn history(
        &self,
        at: &CommitId,
        until: Option<&CommitId>,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        let nodes = lock(&self.nodes);
        let line = nodes.iter().rev().skip_while(|node| node.id != *at);
        let line = line.take_while(|node| Some(&node.id) != until);
        Ok(line
            .map(|node| LedgerEntry {
                id: node.id.clone(),
                message: node.message.clone(),
            })
            .collect())
    }
    fn append(
        &self,
        expected: Option<&CommitId>,
        commits: &[LedgerCommit],
    ) -> Result<Vec<CommitId>, LedgerError> {
        if !self.fuse.passes() {
            return Err(gone());
        }
        let mut nodes = lock(&self.nodes);
        if nodes.last().map(|node| &node.id) != expected {
            return Err(LedgerError::Raced {
                branch: "rollback".to_owned(),
            });
        }
        let mut ids = Vec::new();
        for commit in commits {
            let mut files = nodes
                .last()
                .map(|node| node.files.as_ref().clone())
                .unwrap_or_default();
            for (path, bytes) in &commit.files {
                match bytes {
                    Some(bytes) => files.insert(path.clone(), bytes.clone()),
                    None => files.remove(path),
                };
            }
            let id = CommitId::new(format!("{:040x}", 0xbeef_0000 + nodes.len())).unwrap();
            ids.push(id.clone());
            nodes.push(LedgerNode {
                id,
                message: commit.message.clone(),
                files: Arc::new(files),
            });
        }
        drop(nodes);
        if !self.fuse.passes() {
            return Err(gone());
        }
        Ok(ids)
    }
}

type Fields = BTreeMap<FieldName, Value>;

/// A store with Magento's semantics as far as the core sees them.
pub(super) struct FakeStore {
    entities: Mutex<BTreeMap<EntityRef, (EntityId, Fields)>>,
    next_id: AtomicU64,
    in_flight: Mutex<BTreeSet<EntityRef>>,
    /// Keys whose writes are refused for good.
    pub(super) broken: Mutex<BTreeSet<String>>,
    /// A title that is refused.
    pub(super) unfit: Mutex<Option<String>>,
    /// Of so many writes each one loses its answer; whether it was carried out alternates.
    pub(super) lossy: AtomicUsize,
    pub(super) writes: AtomicUsize,
    /// How long a request takes. In milliseconds.
    pub(super) latency: AtomicU64,
    /// The next update or deletion loses its answer, and is carried out so much later.
    pub(super) delay: Mutex<Option<Duration>>,
    late: Mutex<Vec<(Duration, EntityRef, Option<Fields>)>>,
    pub(super) queue: FakeQueue,
    ledger: Arc<FakeLedger>,
    fuse: Arc<Fuse>,
    clock: Arc<FakeClock>,
}

impl FakeStore {
    /// Every entity by kind, key and assignment, without ids; null is absent.
    pub(super) fn dump(&self) -> BTreeMap<String, Fields> {
        lock(&self.entities)
            .iter()
            .map(|(entity, (_, fields))| (entity.to_string(), fields.clone()))
            .collect()
    }

    /// What an administrator does.
    pub(super) fn edit(&self, entity: &EntityRef, fields: Option<&[(&str, Value)]>) {
        let mut entities = lock(&self.entities);
        let Some(fields) = fields else {
            entities.remove(entity);
            return;
        };
        let id = EntityId(self.next_id.fetch_add(1, Ordering::SeqCst));
        let (_, stored) = entities
            .entry(entity.clone())
            .or_insert((id, Fields::new()));
        for (name, value) in fields {
            stored.insert(FieldName::new(*name).unwrap(), value.clone());
        }
    }

    /// Carries out what was delayed until now.
    pub(super) fn arrive(&self) {
        let now = self.clock.monotonic();
        let mut late = lock(&self.late);
        late.sort_by_key(|(at, ..)| *at);
        for (_, entity, fields) in late.extract_if(.., |(at, ..)| *at <= now) {
            let mut entities = lock(&self.entities);
            match (fields, entities.get_mut(&entity)) {
                (None, _) => drop(entities.remove(&entity)),
                (Some(fields), Some((_, stored))) => merge(stored, &fields),
                (Some(_), None) => {}
            }
        }
    }

    /// Whether this write is lost, and carried out later.
    fn loses(&self, entity: &EntityRef, fields: Option<&Fields>) -> Result<(), StoreError> {
        let Some(delay) = lock(&self.delay).take_if(|_| !self.fuse.blown()) else {
            return Ok(());
        };
        let at = self.clock.monotonic() + delay;
        lock(&self.late).push((at, entity.clone(), fields.cloned()));
        Err(StoreError::InDoubt {
            message: "the answer was lost".to_owned(),
        })
    }

    fn dead() -> StoreError {
        StoreError::Unavailable {
            message: "killed".to_owned(),
            retry_after: None,
        }
    }

    async fn write<T>(
        &self,
        entity: &EntityRef,
        write: impl FnOnce(&mut BTreeMap<EntityRef, (EntityId, Fields)>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.fuse.passes() {
            return Err(Self::dead());
        }
        let state = self.ledger.state().expect("a write without a ledger");
        assert!(state.pass.is_some(), "a write without a snapshot");
        assert!(state.lease.is_some(), "a write without a lease");
        self.assert_not_queued(entity);
        assert!(
            lock(&self.in_flight).insert(entity.clone()),
            "two writes of {entity} at once"
        );
        tokio::task::yield_now().await;
        self.clock
            .forward(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let lossy = self.lossy.load(Ordering::SeqCst);
        let lost = lossy > 0 && number.is_multiple_of(lossy);
        let carried_out = !lost || (number / lossy.max(1)).is_multiple_of(2);
        let refused = lock(&self.broken).contains(entity.key.as_str());
        let result = if refused {
            Err(refuse("Something is wrong with it."))
        } else if carried_out {
            write(&mut lock(&self.entities))
        } else {
            Err(StoreError::InDoubt {
                message: "the answer was lost".to_owned(),
            })
        };
        lock(&self.in_flight).remove(entity);
        if !self.fuse.passes() {
            return Err(Self::dead());
        }
        if lost && !refused {
            return Err(StoreError::InDoubt {
                message: "the answer was lost".to_owned(),
            });
        }
        result
    }
}

fn refuse(message: &str) -> StoreError {
    StoreError::Refused {
        status: 400,
        message: message.to_owned(),
    }
}

fn merge(stored: &mut Fields, fields: &Fields) {
    for (name, value) in fields {
        match value {
            Value::Null => stored.remove(name),
            value => stored.insert(name.clone(), value.clone()),
        };
    }
}

impl StoreRead for FakeStore {
    async fn views(&self) -> Result<StoreViews, StoreError> {
        let view = |code: &str, id| StoreView {
            code: StoreCode::new(code).unwrap(),
            id,
        };
        Ok(StoreViews([view("default", 1), view("de", 2)].into()))
    }

    async fn vocabulary(&self, _kinds: &BTreeSet<Kind>) -> Result<Arc<Vocabulary>, StoreError> {
        Ok(Arc::default())
    }

    async fn observe(
        &self,
        wanted: &BTreeSet<EntityRef>,
        _whole: &BTreeSet<EntityRef>,
        views: &StoreViews,
    ) -> Result<Observation, StoreError> {
        if self.fuse.blown() {
            return Err(Self::dead());
        }
        self.arrive();
        self.consume();
        self.clock
            .forward(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
        let entities = lock(&self.entities);
        let presence = |entity: &EntityRef| {
            if let Some(code) = entity
                .store
                .single()
                .filter(|code| views.id(code).is_none())
            {
                return Presence::UnknownView(code.clone());
            }
            if let Some((id, fields)) = entities.get(entity) {
                return Presence::Found(ObservedEntity {
                    id: *id,
                    fields: fields.clone(),
                    inherited: None,
                });
            }
            let same = |e: &EntityRef| e.kind == entity.kind && e.key == entity.key;
            let hits: Vec<Hit> = entities
                .iter()
                .filter(|(other, _)| same(other))
                .map(|(other, (id, _))| Hit {
                    id: *id,
                    store: other.store.clone(),
                })
                .collect();
            match hits.is_empty() {
                true => Presence::Missing,
                false => Presence::Elsewhere(hits),
            }
        };
        Ok(wanted
            .iter()
            .map(|entity| (entity.clone(), presence(entity)))
            .collect())
    }

    async fn check_queue(&self) -> Result<(), StoreError> {
        if self.queue.denied.load(Ordering::SeqCst) {
            return Err(StoreError::Unauthorized {
                message: "the store denies it".to_owned(),
                remedy: "tick the box".to_owned(),
            });
        }
        Ok(())
    }

    async fn progress(&self, bulk: &BulkId) -> Result<BTreeMap<usize, Operation>, StoreError> {
        if self.fuse.blown() {
            return Err(Self::dead());
        }
        self.consume();
        self.queue.progress(bulk)
    }
}

impl StoreWrite for FakeStore {
    async fn check_rights(&self, _kinds: &BTreeSet<Kind>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<(), StoreError>> {
        let mut results = Vec::new();
        for write in writes {
            let current = || write.current.as_ref().unwrap();
            results.push(match &write.payload {
                Payload::Create(fields) => self.create(&write.entity, fields).await.map(|_| ()),
                Payload::Update(fields) => self.update(&write.entity, current(), fields).await,
                Payload::Delete => self.delete(&write.entity, current()).await,
            });
        }
        results
    }

    fn batch_key(&self, write: &Write) -> Option<BatchKey> {
        self.queue.batch_key(write)
    }

    async fn submit(&self, writes: &[Write]) -> Result<Submitted, StoreError> {
        if !self.fuse.passes() {
            return Err(Self::dead());
        }
        for write in writes {
            self.assert_not_queued(&write.entity);
        }
        self.clock
            .forward(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
        let submitted = self.queue.accept(writes)?;
        if !self.fuse.passes() {
            return Err(Self::dead());
        }
        Ok(submitted)
    }
}

impl FakeStore {
    /// Nothing is sent to what is open in a list that the ledger names, and nothing at all without a
    /// snapshot and a lease.
    fn assert_not_queued(&self, entity: &EntityRef) {
        let state = self.ledger.state().expect("a write without a ledger");
        assert!(state.lease.is_some(), "a write without a lease");
        let pass = state.pass.expect("a write without a snapshot");
        let open = self.queue.is_open(entity, &pass.bulks);
        assert!(!open, "{entity} was sent while it was in the queue");
    }

    /// The consumer carries out a few operations; without it, nothing comes of them.
    pub(super) fn consume(&self) {
        while let Some(write) = self.queue.take() {
            let done = self.carry_out(&write);
            self.queue.finish(done);
        }
    }

    fn carry_out(&self, write: &Write) -> Operation {
        let failed = |message: &str| Operation::Failed {
            message: message.to_owned(),
        };
        let entity = &write.entity;
        if lock(&self.broken).contains(entity.key.as_str()) {
            return failed("Something is wrong with it.");
        }
        let mut entities = lock(&self.entities);
        match (&write.payload, entities.get_mut(entity)) {
            (Payload::Create(_), Some(_)) => return failed("It exists already."),
            (Payload::Create(fields), None) => {
                let id = EntityId(self.next_id.fetch_add(1, Ordering::SeqCst));
                let active = FieldName::new("active").unwrap();
                let mut stored = Fields::from([(active, Value::Bool(true))]);
                merge(&mut stored, fields);
                entities.insert(entity.clone(), (id, stored));
            }
            (Payload::Update(fields), Some((_, stored))) => merge(stored, fields),
            (Payload::Delete, Some(_)) => drop(entities.remove(entity)),
            (Payload::Update(_) | Payload::Delete, None) => return failed("It does not exist."),
        }
        Operation::Done
    }
}

impl FakeStore {
    async fn create(&self, entity: &EntityRef, fields: &Fields) -> Result<EntityId, StoreError> {
        let id = EntityId(self.next_id.fetch_add(1, Ordering::SeqCst));
        self.write(entity, |entities| {
            if entities.contains_key(entity) {
                return Err(refuse("It exists already."));
            }
            if !fields.keys().any(|name| name.as_str() == "title") {
                return Err(refuse("Required field \"title\" is empty."));
            }
            let mut stored = Fields::from([(FieldName::new("active").unwrap(), Value::Bool(true))]);
            merge(&mut stored, fields);
            entities.insert(entity.clone(), (id, stored));
            Ok(id)
        })
        .await
    }

    async fn update(
        &self,
        entity: &EntityRef,
        current: &ObservedEntity,
        fields: &Fields,
    ) -> Result<(), StoreError> {
        self.arrive();
        self.loses(entity, Some(fields))?;
        let title = FieldName::new("title").unwrap();
        let unfit = lock(&self.unfit).clone().map(Value::from);
        if unfit.is_some() && unfit.as_ref() == fields.get(&title) {
            return Err(refuse("This title is not fit."));
        }
        self.write(entity, |entities| match entities.get_mut(entity) {
            Some((id, stored)) if *id == current.id => {
                merge(stored, fields);
                Ok(())
            }
            _ => Err(StoreError::Gone {
                message: "It does not exist.".to_owned(),
            }),
        })
        .await
    }

    async fn delete(&self, entity: &EntityRef, current: &ObservedEntity) -> Result<(), StoreError> {
        self.arrive();
        self.loses(entity, None)?;
        self.write(entity, |entities| match entities.get(entity) {
            Some((id, _)) if *id == current.id => {
                entities.remove(entity);
                Ok(())
            }
            _ => Err(StoreError::Gone {
                message: "It does not exist.".to_owned(),
            }),
        })
        .await
    }
}

pub(super) type Process = Reconciler<FakeSource, FakeLedger, FakeStore, FakeClock>;

/// All of it, with the process that works on it.
pub(super) struct World {
    pub(super) source: Arc<FakeSource>,
    pub(super) ledger: Arc<FakeLedger>,
    pub(super) store: Arc<FakeStore>,
    pub(super) clock: Arc<FakeClock>,
    pub(super) fuse: Arc<Fuse>,
    pub(super) policy: Policy,
    pub(super) restore_failed: bool,
    pub(super) writes: Writes,
    pub(super) bootstrap: Bootstrap,
    pub(super) branch: String,
    holder: usize,
    process: Option<Process>,
    pub(super) loader: Arc<Loader>,
    /// The next process is asked to stop after this time.
    pub(super) stop_after: Option<Duration>,
    memory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

pub(super) fn entity(kind: Kind, key: &str, store: &str) -> EntityRef {
    EntityRef {
        kind,
        key: key.parse().unwrap(),
        store: match store {
            "all" => StoreScope::All,
            code => StoreScope::view(StoreCode::new(code).unwrap()),
        },
    }
}

/// Made once: thousands of worlds read the same kind of files.
fn loader() -> Arc<Loader> {
    static LOADER: LazyLock<Arc<Loader>> =
        LazyLock::new(|| Arc::new(Loader::new(LoaderOptions::default()).unwrap()));
    LOADER.clone()
}

impl World {
    pub(super) fn new() -> Self {
        let fuse = Arc::new(Fuse::default());
        let clock = Arc::new(FakeClock {
            millis: AtomicU64::new(1000),
            stop: Mutex::default(),
        });
        let ledger = Arc::new(FakeLedger {
            nodes: Mutex::default(),
            fuse: fuse.clone(),
        });
        let store = Arc::new(FakeStore {
            entities: Mutex::default(),
            next_id: AtomicU64::new(1),
            in_flight: Mutex::default(),
            broken: Mutex::default(),
            unfit: Mutex::default(),
            lossy: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            latency: AtomicU64::new(20),
            delay: Mutex::default(),
            late: Mutex::default(),
            queue: FakeQueue::default(),
            ledger: ledger.clone(),
            fuse: fuse.clone(),
            clock: clock.clone(),
        });
        Self {
            source: Arc::default(),
            ledger,
            store,
            clock,
            fuse,
            policy: Policy::default(),
            restore_failed: false,
            writes: Writes::default(),
            bootstrap: Bootstrap::default(),
            branch: "main".to_owned(),
            holder: 1,
            process: None,
            loader: loader(),
            stop_after: None,
            memory: tempfile::tempdir().unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    /// Ends the process, dead or alive; the next one is started by the next pass.
    pub(super) fn restart(&mut self, elsewhere: bool) {
        self.process = None;
        self.holder += usize::from(elsewhere);
        self.fuse.arm(0);
        lock(&self.store.in_flight).clear();
    }

    /// The environment, as the process that runs now sees it.
    pub(super) fn setup(&self) -> Setup {
        Setup {
            environment: "production".to_owned(),
            branch: self.branch.clone(),
            rollback_branch: "rollback/production".to_owned(),
            store_url: "https://shop.example.com/".to_owned(),
            bootstrap: self.bootstrap,
            rewrites: Rewrites::Stall,
            policy: self.policy,
            restore_failed: self.restore_failed,
            siblings: Vec::new(),
            charset: Charset::default(),
            concurrency: 3,
            writes: self.writes,
            timeout: Duration::from_secs(30),
            holder: format!("holder-{}", self.holder),
            memory: self.memory.path().join(format!("memory-{}", self.holder)),
        }
    }

    pub(super) fn process(&mut self) -> &Process {
        let setup = self.setup();
        let ports = (
            self.source.clone(),
            self.ledger.clone(),
            self.store.clone(),
            self.clock.clone(),
        );
        let loader = self.loader.clone();
        let (sender, stop) = Stop::new();
        if let (None, Some(after)) = (&self.process, self.stop_after.take()) {
            *lock(&self.clock.stop) = Some((self.clock.monotonic() + after, sender));
        }
        self.process
            .get_or_insert_with(|| Reconciler::new(ports, loader, setup, Arc::new(|_| ()), stop))
    }

    pub(super) fn pass(&mut self, request: Request) -> Result<Report, PassError> {
        self.process();
        let Some(process) = &self.process else {
            unreachable!("just made")
        };
        let report = self.runtime.block_on(process.pass(request))?;
        // What is kept in memory is what a fresh process reads.
        assert_eq!(*report.ledger.book, *self.read().book);
        Ok(report)
    }

    /// Runs passes until one ends with an outcome; waits as long as it is told to. A process that was
    /// killed is started again, here or elsewhere.
    pub(super) fn settle(&mut self, retry: bool, elsewhere: bool) -> Report {
        for _ in 0..12 {
            let request = Request {
                retry,
                rebootstrap: None,
            };
            match self.pass(request) {
                Ok(report) if !self.fuse.blown() => return report,
                Err(PassError::Leased { left, .. }) if !self.fuse.blown() => {
                    self.clock.forward(left + Duration::from_secs(1));
                }
                Err(PassError::Waiting { after, .. }) if !self.fuse.blown() => {
                    let wait = after.unwrap_or_default() + Duration::from_secs(1);
                    self.clock.forward(wait);
                }
                Ok(_) | Err(_) if self.fuse.blown() => self.restart(elsewhere),
                other => panic!("the pass ended with {:?}", other.err()),
            }
        }
        panic!("no pass came to an end");
    }

    /// A preview of the branch's tip.
    pub(super) fn preview(&mut self) -> super::super::Preview {
        self.process();
        let Some(process) = &self.process else {
            unreachable!("just made")
        };
        self.runtime.block_on(process.preview(None)).unwrap()
    }

    /// The ledger, as a fresh process reads it.
    /// What lists show, which read no entity and not every release, is what all of the ledger says.
    fn lists_say_the_same(&self, book: &Book) {
        let views = book.views();
        for limit in [None, Some(1), Some(3)] {
            let recent = Recent { limit, since: None };
            let branch = "rollback/production";
            let list = ledger::load_releases(self.ledger.as_ref(), branch, recent).unwrap();
            let shown = limit.unwrap_or(views.len()).min(views.len());
            assert_eq!(list.views(), views[..shown]);
            assert_eq!(list.older(), views.len() - shown);
        }
        if let Some(oldest) = views.get(views.len() / 2) {
            let recent = Recent {
                limit: None,
                since: Some(oldest.started_at),
            };
            let list = ledger::load_releases(self.ledger.as_ref(), "rollback/production", recent);
            let since = views
                .iter()
                .filter(|view| view.started_at >= oldest.started_at);
            assert!(list.unwrap().views().iter().eq(since));
        }
    }

    pub(super) fn read(&self) -> ledger::LedgerSnapshot {
        let all = ledger::load(self.ledger.as_ref(), "rollback/production").unwrap();
        self.lists_say_the_same(&all.book);
        all
    }
}

/// The tree with these files.
pub(super) fn files(files: &[(&str, &str)]) -> Paths {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}
