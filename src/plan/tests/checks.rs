//! The properties that hold whenever all is settled, and in the end.

use std::collections::BTreeMap;

use super::super::entity::{Look as _, existence};
use super::super::layers::{By, Layer, LayerId, Origin, Seq, Shown};
use super::history::{Features, History, Played};
use super::shop::{Files, said, sells, short, show};
use super::simulation::shows;
use crate::domain::{DesiredValue, Ensure, FieldId, Marker, Slot, marker_of};

impl History {
    pub(super) fn rest_at_times(&mut self) -> Played {
        match self.rng.percent(40) {
            true => self.rest(),
            false => Ok(()),
        }
    }

    /// Passes until nothing is left to do, and what holds then.
    pub(super) fn rest(&mut self) -> Played {
        if !self.sim.refused.is_empty() {
            return Ok(());
        }
        let lost = self.lost;
        for n in 0..4 {
            if n > 1 {
                self.lost = 0;
            }
            self.pass(None)?;
        }
        let (store, slots) = (self.sim.store.clone(), self.sim.slots());
        self.pass(None)?;
        self.lost = lost;
        if store != self.sim.store || slots != self.sim.slots() {
            return Err("what is settled moves".to_owned());
        }
        self.check_slots()?;
        self.check_demands()?;
        self.check_timeline()
    }

    fn check_slots(&self) -> Played {
        let store = &self.sim.store;
        for (slot, state) in self.sim.all_slots() {
            let seen = store.seen(slot);
            if state.held.len() != 1 || !store.same(slot, &state.held[0].value, &seen) {
                return Err(format!("{slot} holds something else"));
            }
            let shows = shows(store, slot, state);
            if shows && !state.is_settled() {
                return Err(format!("{slot} is not settled"));
            }
            let lies_in_wait = slot.field != FieldId::Existence && !store.has(&slot.entity);
            let was_deleted = slot.field == FieldId::Existence && self.features.admin;
            if !shows && !lies_in_wait && !was_deleted {
                return Err(format!("{slot} does not show its target"));
            }
            for layer in &state.layers {
                if layer.by != By::Edit && layer.shown != self.was_shown(slot, layer) {
                    return Err(format!("{slot}: {:?} was not shown, or was", layer.id));
                }
                if let Some(of) = layer.of {
                    let being = self.sim.slot(&existence(&slot.entity.root()));
                    if being.is_none_or(|being| being.layer(of).is_none()) {
                        return Err(format!("{slot}: the deletion {of:?} is no more"));
                    }
                }
                if let Some(release) = layer.release()
                    && self.taken.contains(&release)
                    && self.timeline.blind.is_none()
                {
                    return Err(format!("{slot}: {release} was taken back"));
                }
            }
            if state.layers.is_empty() && state.top() != Origin::Base {
                return Err(format!("{slot} has a top"));
            }
        }
        Ok(())
    }

    /// True if the store was seen to show a layer. What another layer brought to light is shown, too, when
    /// that goes.
    fn was_shown(&self, slot: &Slot, layer: &Layer) -> bool {
        let proven = &self.sim.proven;
        let same = |((s, _), demands): (&(Slot, LayerId), &Option<DesiredValue>)| {
            s == slot && *demands == layer.demands
        };
        proven.contains_key(&(slot.clone(), layer.id)) || (layer.shown && proven.iter().any(same))
    }

    /// Whatever is demanded is shown, where nobody has edited it.
    fn check_demands(&self) -> Played {
        if self.features.adopts {
            return Ok(());
        }
        for slot in self.sim.desired.slots() {
            let being = existence(&slot.entity.root());
            if self.edited.contains(&slot) || self.edited.contains(&being) {
                continue;
            }
            if !self.sim.stopped.is_empty() {
                // A demand that lies aside is not shown.
                continue;
            }
            let (demanded, shown) = (self.sim.desired.get(&slot), self.sim.store.seen(&slot));
            let is_shown = match (demanded.unwrap(), &shown) {
                (DesiredValue::Ensure(Ensure::Present), shown) => *shown == Shown::Here,
                (DesiredValue::Ensure(Ensure::Absent), shown) => *shown == Shown::Gone,
                (DesiredValue::Ensure(Ensure::Existing), _) | (_, Shown::Gone) => true,
                (DesiredValue::Value(value), shown) => {
                    let coupled = marker_of(&value) == Some(Marker::Coupled);
                    coupled || self.sim.store.same(&slot, &Shown::Value(value), shown)
                }
            };
            if !is_shown {
                return Err(format!("{slot} is demanded and shows {}", short(&shown)));
            }
        }
        Ok(())
    }

    /// The store and the authors are what they are told to be without layers.
    fn check_timeline(&self) -> Played {
        if self.timeline.blind.is_some() {
            return Ok(());
        }
        let ideal = self.timeline.play();
        if ideal.files != self.sim.files {
            return Err(format!(
                "the test's own files differ: {}",
                show(&ideal.files)
            ));
        }
        for slot in self.features.goods.slots() {
            let (is, shall) = (self.sim.store.seen(&slot), ideal.store.seen(&slot));
            let demand = ideal.demand(&slot);
            let Features {
                calm,
                stops,
                restore_removed,
                ..
            } = self.features;
            let in_one_pass = !calm || stops || restore_removed;
            let is_open = |slot: &Slot| {
                let demand = ideal.demand(slot).map(|(value, _)| value);
                let may_be_older = in_one_pass && ideal.made_with.contains(slot);
                let early = demand.is_none() && ideal.early.contains(slot);
                // Any day will do.
                let any = marker_of_demand(demand.as_ref()) == Some(Marker::Coupled);
                may_be_older || early || any || self.timeline.is_unsure(slot)
            };
            // A view shows what `all` shows where it has nothing of its own.
            let all = Slot {
                entity: slot.entity.root(),
                ..slot.clone()
            };
            let is_aside = ideal.aside.contains(&slot);
            // A view may be told to have what `all` has.
            let is_shown = self.sim.store.same(&slot, &shall, &is) || is == shall;
            if !is_shown && !is_open(&slot) && !is_open(&all) {
                return Err(format!(
                    "{slot} shows {} and not {}",
                    short(&is),
                    short(&shall)
                ));
            }
            let state = self.sim.slot(&slot);
            let knows = state.and_then(|state| state.demanded());
            if knows != demand.as_ref().map(|(value, _)| value) {
                return Err(format!(
                    "{slot}: the layers demand {knows:?}, and not {demand:?}"
                ));
            }
            let by = state.and_then(|state| state.demanded_by());
            // Of equal values, either author.
            let same = |(path, s): &(String, Slot)| {
                *s == slot && said(&ideal.files, path, s).as_ref() == knows
            };
            let mut whose = ideal.whose.iter();
            if let Some((_, author)) = demand
                && !is_aside
                && marker_of_demand(knows) != Some(Marker::Coupled)
                && !whose.any(|(place, author)| same(place) && by == Some(*author))
            {
                return Err(format!("{slot} is by {by:?} and not by {author}"));
            }
        }
        let mut whose = BTreeMap::new();
        for managed in self.sim.managed.values() {
            for (statement, author) in &managed.authors.stated {
                whose.insert((statement.path.clone(), statement.slot.clone()), *author);
            }
        }
        for ((path, slot), author) in &ideal.whose {
            let is = whose.remove(&(path.clone(), slot.clone()));
            if is != Some(*author) {
                return Err(format!(
                    "{slot} in {path} is said by {is:?} and not by {author}"
                ));
            }
        }
        match whose.keys().next() {
            Some((path, slot)) => Err(format!("nobody says {slot} in {path}")),
            None => Ok(()),
        }
    }

    pub(super) fn take_everything_back(&mut self) -> Played {
        self.sim.refused.clear();
        self.retry();
        self.rest()?;
        while !self.live.is_empty() {
            let mut releases: Vec<Seq> = self.live.keys().copied().collect();
            self.rng.shuffle(&mut releases);
            self.take_one_back(&releases);
            if self.rng.percent(60) {
                self.rest()?;
            }
        }
        self.check_the_end()
    }

    /// Takes everything back in this order, as far as nothing else stands in the way.
    pub(super) fn take_back_in_order(&mut self, order: &[usize]) -> Played {
        let releases: Vec<Seq> = self.live.keys().copied().collect();
        let mut releases: Vec<Seq> = order.iter().map(|n| releases[*n]).collect();
        while !self.live.is_empty() {
            releases.retain(|release| self.live.contains_key(release));
            self.take_one_back(&releases);
            self.rest()?;
        }
        self.check_the_end()
    }

    fn take_one_back(&mut self, releases: &[Seq]) {
        if !releases.iter().any(|release| self.revert(&[*release])) {
            self.commit(Files::new(), releases, "revert the rest");
            for release in releases {
                self.timeline.take_back(*release);
            }
            self.live.clear();
        }
    }

    fn check_the_end(&mut self) -> Played {
        if !self.sim.files.is_empty() {
            self.commit(Files::new(), &[], "away with what is left");
            self.timeline.blind = Some("what was left was removed");
        }
        for _ in 0..12 {
            self.pass(None)?;
            if self
                .sim
                .managed
                .values()
                .all(|entity| entity.slots.is_empty())
            {
                break;
            }
        }
        self.rest()?;
        if self
            .sim
            .managed
            .values()
            .any(|entity| !entity.slots.is_empty())
        {
            return Err("slots are left".to_owned());
        }
        let (is, was) = (&self.sim.store, &self.timeline.first);
        for slot in self.features.goods.slots() {
            let being = existence(&slot.entity.root());
            let exempt = self.features.keep_conflicts || self.edited.contains(&being);
            let exempt = exempt || (sells(&slot) && self.edited.contains(&slot));
            // A view's own value that was hidden at first came to light.
            let all = Slot {
                entity: slot.entity.root(),
                ..slot.clone()
            };
            let is_view = !slot.entity.exists_by_itself();
            let exempt = exempt || (is_view && self.edited.contains(&all));
            // An edit that may have gone with a life of its entity, or not.
            let exempt = exempt || (self.timeline.is_unsure(&slot) && self.edited.contains(&slot));
            if is.seen(&slot) != was.seen(&slot) && !exempt {
                let (is, was) = (short(&is.seen(&slot)), short(&was.seen(&slot)));
                return Err(format!("{slot} ends as {is} and not as {was}"));
            }
        }
        Ok(())
    }
}

fn marker_of_demand(demand: Option<&DesiredValue>) -> Option<Marker> {
    match demand? {
        DesiredValue::Value(value) => marker_of(value),
        DesiredValue::Ensure(_) => None,
    }
}
