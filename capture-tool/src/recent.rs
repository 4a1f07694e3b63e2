//! A map that remembers what was used of late, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

/// Entries are young until there are as many as allowed; then all grow old together, and those that were old by then
/// are forgotten. To change an entry makes it young again.
pub struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash, V: Default> Recent<K, V> {
    /// A map of at most twice `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// The entry of `key`, made if it is not there.
    pub fn entry(&mut self, key: K) -> &mut V {
        if self.young.len() >= self.capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = self.old.remove(&key);
        self.young.entry(key).or_insert_with(|| old.unwrap_or_default())
    }

    /// The entry of `key`, if it is there.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}
