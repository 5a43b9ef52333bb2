//! Parsed versions of release files, so that a walk over thousands of commits parses each one once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A bounded map: when the younger half is full it becomes the older one, which is dropped.
pub(super) struct Cache<K, V> {
    halves: Mutex<Halves<K, V>>,
    /// Of one half.
    limit: u64,
}

struct Halves<K, V> {
    young: HashMap<K, (Arc<V>, u64)>,
    weight: u64,
    old: HashMap<K, (Arc<V>, u64)>,
}

impl<K: Eq + Hash, V> Cache<K, V> {
    /// A cache of at most so many bytes, as far as their owners told them.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            halves: Mutex::new(Halves {
                young: HashMap::new(),
                weight: 0,
                old: HashMap::new(),
            }),
            limit: limit / 2,
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, _)) = halves.young.get(key) {
            return Some(Arc::clone(value));
        }
        let (key, (value, weight)) = halves.old.remove_entry(key)?;
        halves.insert(key, Arc::clone(&value), weight, self.limit);
        Some(value)
    }

    pub(super) fn insert(&self, key: K, value: Arc<V>, weight: u64) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.insert(key, value, weight, self.limit);
    }
}

impl<K: Eq + Hash, V> Halves<K, V> {
    fn insert(&mut self, key: K, value: Arc<V>, weight: u64, limit: u64) {
        if weight > limit {
            return;
        }
        if self.weight + weight > limit {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        if let Some((_, before)) = self.young.insert(key, (value, weight)) {
            self.weight -= before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_is_used_and_stays_within_its_limit() {
        let cache = Cache::new(200);
        cache.insert(0, Arc::new("kept"), 50);
        for i in 1..100 {
            cache.insert(i, Arc::new("other"), 50);
            assert_eq!(cache.get(&0).as_deref(), Some(&"kept"));
        }
        assert_eq!(cache.get(&50), None);
        let held = |halves: &HashMap<i32, (Arc<&str>, u64)>| {
            halves.values().map(|(_, weight)| weight).sum::<u64>()
        };
        let halves = cache.halves.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(held(&halves.young) + held(&halves.old) <= 200);
        assert_eq!(held(&halves.young), halves.weight);
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let cache = Cache::new(100);
        cache.insert("big", Arc::new(()), 51);
        assert_eq!(cache.get(&"big"), None);
    }
}
