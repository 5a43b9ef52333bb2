//! The slots of one entity in one release.

use super::SlotRecord;
use crate::domain::FieldId;

/// Slots by field, in order. Most entities have one or two, of which a tree's smallest node would
/// take the room of eleven.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slots(Vec<(FieldId, SlotRecord)>);

impl Slots {
    fn place(&self, field: &FieldId) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(field))
    }

    /// A field's slot.
    pub fn get(&self, field: &FieldId) -> Option<&SlotRecord> {
        let place = self.place(field).ok()?;
        self.0.get(place).map(|(_, slot)| slot)
    }

    /// A field's slot.
    pub fn get_mut(&mut self, field: &FieldId) -> Option<&mut SlotRecord> {
        let place = self.place(field).ok()?;
        self.0.get_mut(place).map(|(_, slot)| slot)
    }

    /// Sets a field's slot.
    pub fn insert(&mut self, field: FieldId, slot: SlotRecord) {
        match self.place(&field) {
            Ok(place) => self.0[place] = (field, slot),
            Err(place) => {
                if self.0.len() < 4 {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (field, slot));
            }
        }
    }

    /// Whether a field has a slot.
    pub fn contains_key(&self, field: &FieldId) -> bool {
        self.place(field).is_ok()
    }

    /// Whether no field has one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields.
    pub fn keys(&self) -> impl Iterator<Item = &FieldId> {
        self.0.iter().map(|(field, _)| field)
    }

    /// The slots, in the order of their fields.
    pub fn values(&self) -> impl Iterator<Item = &SlotRecord> {
        self.0.iter().map(|(_, slot)| slot)
    }

    /// Fields and slots.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldId, &SlotRecord)> {
        self.0.iter().map(|(field, slot)| (field, slot))
    }

    /// Fields and slots.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&FieldId, &mut SlotRecord)> {
        self.0.iter_mut().map(|(field, slot)| (&*field, slot))
    }
}

impl FromIterator<(FieldId, SlotRecord)> for Slots {
    fn from_iter<I: IntoIterator<Item = (FieldId, SlotRecord)>>(slots: I) -> Self {
        let mut all = Self::default();
        for (field, slot) in slots {
            all.insert(field, slot);
        }
        all
    }
}
