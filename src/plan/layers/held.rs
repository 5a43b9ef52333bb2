//! The values that a slot is known to hold: learned from looks, from what is sent, and from its outcome.

use super::{By, Held, Layer, LayerId, Origin, Policy, Says, Shown, SlotState};

impl SlotState {
    /// Takes in what a look shows. A value that nobody here wrote is an edit: a layer on the one that was
    /// shown then; on the base, the new base; on a removal, the end of management. Returns true if it is
    /// an edit.
    pub fn observe(
        &mut self,
        id: LayerId,
        seen: &Shown,
        same: &impl Fn(&Shown, &Shown) -> bool,
        policy: Policy,
    ) -> bool {
        let same = |h: &Held| same(&h.value, seen);
        let known = match seen.is_default() {
            // A view may have a value of its own that equals the one under `all`; that was there first.
            true => self.held.iter().position(same),
            false => self.held.iter().rposition(same),
        };
        // A field that the store sets along with another one may show anything.
        let known = known.or_else(|| self.held.iter().rposition(|h| h.value.is_coupled()));
        if let Some(known) = known {
            let mut held = self.held.swap_remove(known);
            if held.value.is_coupled() {
                held.value = seen.clone();
            }
            self.held = vec![held];
            return false;
        }
        let mut by = self.held.first().map_or(Origin::Removed, |held| held.by);
        let under = match by {
            Origin::Layer(layer) => self.position(layer),
            Origin::Base | Origin::Removed => None,
        };
        match (by, under) {
            (Origin::Base, _) => self.base = seen.clone(),
            (Origin::Layer(_), Some(at))
                if self.layers[at].is_removal() && *seen != Shown::Gone =>
            {
                self.base = seen.clone();
                self.layers.drain(..=at);
                by = Origin::Base;
            }
            (Origin::Layer(_), Some(at)) => {
                // An edit of an edit takes its place.
                let at = match self.layers[at].by {
                    By::Edit => {
                        self.layers.remove(at);
                        at
                    }
                    By::Release(_) | By::Heal(_) => at + 1,
                };
                let edit = Layer {
                    shown: true,
                    ..Layer::new(id, By::Edit, None, Says::Seen(seen.clone()))
                };
                self.layers.insert(at, edit);
                by = Origin::Layer(id);
            }
            (Origin::Removed | Origin::Layer(_), _) => {
                by = Origin::Removed;
                if policy.keep_conflicts || *seen == Shown::Gone {
                    self.base = seen.clone();
                    by = Origin::Base;
                }
            }
        }
        self.hold(seen.clone(), by);
        self.ground();
        true
    }

    /// Lets the demand beneath the edits be shown again. The edits stay in their place, and rolling the
    /// heal back shows them. Returns false where there is nothing to heal.
    pub fn heal(&mut self, id: LayerId, name: &str) -> bool {
        // A layer on top that lies aside will return above the heal.
        let Some(last) = self.layers.iter().rposition(|l| !l.parked) else {
            return false;
        };
        let lying = &self.layers[..=last];
        let top = lying.iter().rev().find(|l| !l.is_edit() && !l.parked);
        let Some(says) = top.map(|l| l.says.clone()) else {
            return false;
        };
        let healable = says.shown().is_some() && !says.is_gone();
        if !healable || !lying[last].is_edit() || lying[last].says.is_gone() {
            return false;
        }
        let heal = Layer::new(id, By::Heal(name.to_owned()), None, says);
        self.layers.insert(last + 1, heal);
        true
    }

    /// Is recorded before the first write: from now on the store may hold this value.
    pub fn attempt(&mut self, value: Shown) {
        self.may_hold(value, self.top());
    }

    /// Is recorded before the first write: on its way to the target the store may show this value.
    pub fn pass_by(&mut self, value: Shown) {
        self.may_hold(value, Origin::Removed);
    }

    /// Takes in a verified outcome. `reached`: true if the store shows the target.
    pub fn settle(&mut self, seen: &Shown, reached: bool, same: &impl Fn(&Shown, &Shown) -> bool) {
        if reached {
            let by = self.top();
            // A view that shows the value under `all` has for its own the value that it was given.
            let given = Some(self.target().shown).filter(|given| {
                seen.is_default() && given.value().is_some() && !given.is_coupled()
            });
            let value = given.unwrap_or(seen).clone();
            self.hold(value.clone(), by);
            if let Origin::Layer(id) = by
                && let Some(at) = self.position(id)
            {
                let layer = &mut self.layers[at];
                layer.shown = true;
                if let (Says::Demand(Shown::Value(_)), Shown::Value(_)) = (&layer.says, seen) {
                    // From now on it is put back as it was shown.
                    layer.says = Says::Seen(value);
                }
            }
            return;
        }
        match self.held.iter().position(|h| same(&h.value, seen)) {
            Some(known) => self.held = vec![self.held.swap_remove(known)],
            // The field went or came with its entity.
            None => self.hold(seen.clone(), Origin::Removed),
        }
    }

    /// Notes that exactly this value is held.
    pub(super) fn hold(&mut self, value: Shown, by: Origin) {
        self.held = vec![Held { value, by }];
    }

    fn may_hold(&mut self, value: Shown, by: Origin) {
        let candidate = Held { value, by };
        if !self.held.contains(&candidate) {
            self.held.push(candidate);
        }
    }
}
