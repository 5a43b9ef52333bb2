//! The rule of a rollback: the layers of one slot that go, and the layer that is laid where the files
//! then demand what no layer shows.

use super::{Held, Layer, LayerId, Origin, Policy, Says, Seq, SlotState};
use crate::domain::DesiredValue;

/// A rollback, as far as it concerns one slot.
#[derive(Debug, Clone)]
pub struct RollBack<'a> {
    /// The releases that it takes back here.
    pub reverted: &'a [Seq],
    /// The demand of the files afterwards.
    pub demands: Option<&'a DesiredValue>,
    /// The release whose statement that is.
    pub by: Seq,
    /// The value that a layer of that statement shows.
    pub says: Says,
    /// The name of the layer that may be needed.
    pub id: LayerId,
    /// True for a field: none of its layers beneath a deletion of the entity may go.
    pub floor: bool,
    /// True if the commit removes something else about the slot beside what it takes back.
    pub beside: bool,
    /// True if all that it removes beside stood only in files in which the releases taken back had said
    /// something: the commit undoes what was built on them.
    pub upon: bool,
}

impl SlotState {
    /// A commit takes back what these releases say here.
    pub fn roll_back(&mut self, rollback: RollBack<'_>, policy: Policy) {
        self.drop_layers_of(rollback.reverted, policy);
        let demands = rollback.demands;
        if demands.is_some() && rollback.by == rollback.id.seq {
            // The commit itself says it, beside what it takes back.
            self.lay(rollback);
        } else if self.demanded() == demands {
            // The commit also removes a demand of the existence, and another release's comes to light
            // beneath.
            let is_hidden = rollback.beside && !rollback.floor && demands.is_some();
            if is_hidden && self.demanded_by() != Some(rollback.by) {
                self.lay(rollback);
            }
        } else if demands.is_none() && !rollback.upon {
            self.remove_beneath(rollback.id, rollback.by, policy);
        } else {
            self.bring_to_light(rollback, policy);
        }
    }

    /// Lays the statement that the files make now on top.
    fn lay(&mut self, rollback: RollBack<'_>) {
        let RollBack {
            demands,
            by,
            says,
            id,
            ..
        } = rollback;
        self.push(id, by, demands.cloned(), says, None);
    }

    /// Takes away the layers that these releases put here, from top to bottom.
    fn drop_layers_of(&mut self, reverted: &[Seq], policy: Policy) {
        let theirs = |l: &&Layer| reverted.iter().any(|seq| l.is_put_by(*seq));
        for layer in self.ids(theirs).into_iter().rev() {
            let Some(at) = self.position(layer) else {
                continue;
            };
            let layer = self.layers[at].clone();
            let own = layer.release().is_some_and(|by| reverted.contains(&by));
            let same = |l: &Layer| l.by == layer.by && l.demands == layer.demands;
            // A demand that they brought to light still lies beneath, and was shown.
            let others = self.layers[..at].iter_mut().rev();
            let others = others.filter(|l| !l.is_edit() && !theirs(&&**l));
            let mut others = others.enumerate();
            let found = others.find(|(_, l)| !own && l.of.is_none() && same(l));
            let is_said = found.is_some_and(|(n, beneath)| {
                beneath.shown |= layer.shown;
                n == 0
            });
            self.drop_at(at, layer.demands.is_some() && !is_said, policy);
        }
    }

    /// The files show something older: the layers on top of that go too, but none beneath a deletion of
    /// the entity. Where no layer knows it, the files win.
    fn bring_to_light(&mut self, rollback: RollBack<'_>, policy: Policy) {
        let RollBack {
            demands, by, floor, ..
        } = rollback;
        let releases: Vec<&Layer> = self.layers.iter().filter(|l| !l.is_edit()).collect();
        let deletion = releases.iter().rposition(|l| floor && l.of.is_some());
        let lowest = deletion.unwrap_or(0);
        let says_it = |l: &&Layer| {
            l.demands.as_ref() == demands && l.release() == Some(by) && !rollback.beside
        };
        let known = releases.iter().skip(lowest).rposition(says_it);
        let keep = match known {
            Some(known) => lowest + known + 1,
            None if demands.is_none() && deletion.is_none() => 0,
            None => return self.lay(rollback),
        };
        let above = releases.iter().skip(keep).rev();
        for layer in above.map(|l| l.id).collect::<Vec<_>>() {
            self.drop_layer(layer, policy);
        }
    }

    /// A demand beneath was removed while another release hid it, or is removed by this commit: its
    /// value stays as it was shown.
    fn remove_beneath(&mut self, id: LayerId, by: Seq, policy: Policy) {
        while let Some(top) = self.newest() {
            let holds = |held: &Held| held.by == Origin::Layer(top.id);
            if top.demands.is_none() {
                return;
            }
            if top.shown || top.says == Says::Same || self.held.iter().any(holds) {
                let says = match policy.restore_removed {
                    true => Says::Base,
                    false => Says::Same,
                };
                return self.push(id, by, None, says, None);
            }
            self.drop_layer(top.id, policy);
        }
    }
}
