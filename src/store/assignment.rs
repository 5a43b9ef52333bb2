//! Observing entities that are found by key and store assignment.
//!
//! Answers never name an entity's assignment; only a search by `store_id eq N` tells it, one store at a
//! time (0 is "all store views"). So:
//! 1. Each assignment asked for is one search by key (a list of views: one for each view), with fields.
//!    For `all` that is the end of it.
//! 2. For views, the ids found are looked for in every other view and in store 0: an assignment must
//!    match exactly.
//! 3. Keys not found are searched without a store, and their hits' assignments are made out likewise.
//!
//! An entity without any assignment (its only view was deleted) is shown nowhere, blocks no key and
//! cannot be reached by a release file: it counts as missing. So does one that is made between the first
//! search and the third; creating it then is refused by the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::client::Client;
use super::search::{Filter, Row, Search, Show, run};
use crate::domain::{
    EntityId, EntityKey, EntityRef, FieldName, Hit, Kind, Observation, ObservedEntity, Presence,
    StoreCode, StoreScope, StoreViews, Value,
};
use crate::ports::StoreError;

/// Reads every entity named.
pub(super) async fn observe(
    client: &Arc<Client>,
    wanted: &BTreeSet<EntityRef>,
    views: &StoreViews,
) -> Result<Observation, StoreError> {
    let mut seen = Observation::new();
    let mut known = Vec::new();
    for entity in wanted {
        match unknown_view(entity, views) {
            Some(code) => {
                seen.insert(entity.clone(), Presence::UnknownView(code.clone()));
            }
            None => known.push(entity),
        }
    }
    let mut survey = Survey::new(views);

    survey.learn(client, by_assignment(&known, views)).await?;
    let candidates = survey.candidates(&known);
    survey.learn(client, survey.undecided(candidates)).await?;

    let mut absent = Vec::new();
    for entity in known {
        match survey.presence(entity) {
            Some(presence) => {
                seen.insert(entity.clone(), presence);
            }
            None => absent.push(entity),
        }
    }
    survey.learn(client, anywhere(&absent)).await?;
    let hits = survey.hits(&absent);
    survey.learn(client, survey.undecided(hits)).await?;
    for entity in absent {
        seen.insert(entity.clone(), survey.elsewhere(entity));
    }
    Ok(seen)
}

fn unknown_view<'a>(entity: &'a EntityRef, views: &StoreViews) -> Option<&'a StoreCode> {
    match &entity.store {
        StoreScope::All => None,
        StoreScope::Views(codes) => codes.iter().find(|code| views.id(code).is_none()),
    }
}

/// The stores that an assignment names.
fn stores_of(scope: &StoreScope, views: &StoreViews) -> BTreeSet<u32> {
    match scope {
        StoreScope::All => BTreeSet::from([0]),
        StoreScope::Views(codes) => codes.iter().filter_map(|code| views.id(code)).collect(),
    }
}

/// One search by key, with fields, for each kind and store that is named.
fn by_assignment(entities: &[&EntityRef], views: &StoreViews) -> Vec<Search> {
    let mut keys: BTreeMap<(Kind, u32), BTreeSet<EntityKey>> = BTreeMap::new();
    for entity in entities {
        for store in stores_of(&entity.store, views) {
            let keys = keys.entry((entity.kind, store)).or_default();
            keys.insert(entity.key.clone());
        }
    }
    keys.into_iter()
        .map(|((kind, store), keys)| Search {
            kind,
            filter: Filter::Keys(keys),
            store: Some(store),
            show: Show::All,
        })
        .collect()
}

/// One search by key for each kind, under whatever assignment.
fn anywhere(entities: &[&EntityRef]) -> Vec<Search> {
    let mut keys: BTreeMap<Kind, BTreeSet<EntityKey>> = BTreeMap::new();
    for entity in entities {
        keys.entry(entity.kind)
            .or_default()
            .insert(entity.key.clone());
    }
    keys.into_iter()
        .map(|(kind, keys)| Search {
            kind,
            filter: Filter::Keys(keys),
            store: None,
            show: Show::Key,
        })
        .collect()
}

/// An entity of one kind.
type Id = (Kind, EntityId);

/// The results of the searches so far.
struct Survey<'a> {
    views: &'a StoreViews,
    /// 0 and every view.
    stores: BTreeSet<u32>,
    keys: BTreeMap<Id, EntityKey>,
    fields: BTreeMap<Id, BTreeMap<FieldName, Value>>,
    linked: BTreeSet<(Id, u32)>,
    /// Searched by key in a store: what was not found there is not linked to it.
    searched_keys: BTreeSet<(Kind, EntityKey, u32)>,
    /// The same, by id.
    searched_ids: BTreeSet<(Id, u32)>,
}

impl<'a> Survey<'a> {
    fn new(views: &'a StoreViews) -> Self {
        let ids = views.0.iter().map(|view| view.id);
        Self {
            views,
            stores: ids.chain([0]).collect(),
            keys: BTreeMap::new(),
            fields: BTreeMap::new(),
            linked: BTreeSet::new(),
            searched_keys: BTreeSet::new(),
            searched_ids: BTreeSet::new(),
        }
    }

    async fn learn(
        &mut self,
        client: &Arc<Client>,
        searches: Vec<Search>,
    ) -> Result<(), StoreError> {
        for (search, rows) in run(client, searches).await? {
            self.note(search, rows);
        }
        Ok(())
    }

    fn note(&mut self, search: Search, rows: Vec<Row>) {
        let kind = search.kind;
        for Row { id, key, fields } in rows {
            let id = (kind, id);
            if let Some(key) = key {
                self.keys.insert(id, key);
            }
            if search.show == Show::All {
                self.fields.insert(id, fields);
            }
            if let Some(store) = search.store {
                self.linked.insert((id, store));
            }
        }
        let Some(store) = search.store else { return };
        match search.filter {
            Filter::Keys(keys) => {
                let searched = keys.into_iter().map(|key| (kind, key, store));
                self.searched_keys.extend(searched);
            }
            Filter::Ids(ids) => {
                let searched = ids.into_iter().map(|id| ((kind, id), store));
                self.searched_ids.extend(searched);
            }
        }
    }

    /// The entities with this key, compared with case. (The store's comparison ignores it.)
    fn with_key(&self, entity: &EntityRef) -> impl Iterator<Item = Id> {
        self.keys
            .iter()
            .filter(|(id, key)| id.0 == entity.kind && **key == entity.key)
            .map(|(id, _)| *id)
    }

    /// Entities that have the key and every view asked for, and perhaps others.
    fn candidates(&self, entities: &[&EntityRef]) -> BTreeSet<Id> {
        let mut candidates = BTreeSet::new();
        for entity in entities
            .iter()
            .filter(|entity| entity.store != StoreScope::All)
        {
            let stores = stores_of(&entity.store, self.views);
            let ids = self.with_key(entity);
            candidates
                .extend(ids.filter(|id| stores.iter().all(|s| self.linked.contains(&(*id, *s)))));
        }
        candidates
    }

    fn hits(&self, entities: &[&EntityRef]) -> BTreeSet<Id> {
        entities
            .iter()
            .flat_map(|entity| self.with_key(entity))
            .collect()
    }

    /// The searches that tell which stores these entities are linked to, where it is not known yet.
    fn undecided(&self, ids: BTreeSet<Id>) -> Vec<Search> {
        let mut open: BTreeMap<(Kind, u32), BTreeSet<EntityId>> = BTreeMap::new();
        for id in ids {
            for store in self
                .stores
                .iter()
                .filter(|store| !self.decided(id, **store))
            {
                open.entry((id.0, *store)).or_default().insert(id.1);
            }
        }
        open.into_iter()
            .map(|((kind, store), ids)| Search {
                kind,
                filter: Filter::Ids(ids),
                store: Some(store),
                show: Show::Id,
            })
            .collect()
    }

    fn decided(&self, id: Id, store: u32) -> bool {
        self.linked.contains(&(id, store))
            || self.searched_ids.contains(&(id, store))
            || self
                .keys
                .get(&id)
                .is_some_and(|key| self.searched_keys.contains(&(id.0, key.clone(), store)))
    }

    /// Linked to store 0, or exactly these views; `None` for no store at all.
    fn assignment(&self, id: Id) -> Option<StoreScope> {
        if self.linked.contains(&(id, 0)) {
            return Some(StoreScope::All);
        }
        let views: BTreeSet<StoreCode> = self
            .views
            .0
            .iter()
            .filter(|view| self.linked.contains(&(id, view.id)))
            .map(|view| view.code.clone())
            .collect();
        (!views.is_empty()).then_some(StoreScope::Views(views.into()))
    }

    /// The entity asked for, if there is one.
    fn presence(&self, entity: &EntityRef) -> Option<Presence> {
        let exact: Vec<Id> = self
            .with_key(entity)
            .filter(|id| self.assignment(*id).as_ref() == Some(&entity.store))
            // where a list of views was asked for, its entities' other stores are known only then
            .filter(|id| {
                entity.store == StoreScope::All || self.stores.iter().all(|s| self.decided(*id, *s))
            })
            .collect();
        match exact[..] {
            [] => None,
            [id] => self.fields.get(&id).map(|fields| {
                Presence::Found(ObservedEntity {
                    id: id.1,
                    fields: fields.clone(),
                    inherited: None,
                })
            }),
            _ => Some(Presence::Ambiguous(exact.iter().map(|id| id.1).collect())),
        }
    }

    /// Returns what there is instead of an entity that was not found.
    fn elsewhere(&self, entity: &EntityRef) -> Presence {
        let hits: Vec<Hit> = self
            .with_key(entity)
            .filter_map(|id| {
                let store = self.assignment(id)?;
                Some(Hit { id: id.1, store })
            })
            .collect();
        if hits.is_empty() {
            return Presence::Missing;
        }
        Presence::Elsewhere(hits)
    }
}
