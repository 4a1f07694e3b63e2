//! What the program answers, and how: the maps `SETTINGS`, `ACTIVE` and `TO`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, bail, ensure};
use aya::Pod;
use aya::maps::lpm_trie::Key;
use aya::maps::{Array, LpmTrie, Map, MapData};

use crate::explain;
use crate::networks::Network;
use crate::ports::Ports;
use crate::shared::{Active, NETWORKS, NetworkKey, SLOTS, Settings, Slot};

// SAFETY: it holds numbers alone, without padding between or after them.
unsafe impl Pod for Slot {}
// SAFETY: the same.
unsafe impl Pod for Active {}

/// What the program answers, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// How.
    pub settings: Settings,
    /// For which ports.
    pub ports: Ports,
    /// For which addresses; none means all.
    pub to: Vec<Network>,
}

/// The maps of a program that hold it.
pub struct SetupMaps {
    active: Array<MapData, Active>,
    slots: Array<MapData, Slot>,
    networks: LpmTrie<MapData, NetworkKey, u8>,
}

impl SetupMaps {
    /// Those of a program, from what gives a map by its name.
    pub fn take(mut named: impl FnMut(&str) -> Option<Map>) -> Result<Self> {
        let mut named = |name| named(name).with_context(|| format!("the program has no map {name}"));
        Ok(Self {
            active: named("ACTIVE")?.try_into()?,
            slots: named("SETTINGS")?.try_into()?,
            networks: named("TO")?.try_into()?,
        })
    }

    /// Those of a program that another process has loaded, by the numbers of its maps.
    pub fn of_other(map_ids: &[u32]) -> Result<Self> {
        let mut maps = Vec::new();
        for id in map_ids {
            let map = MapData::from_id(*id).map_err(|error| explain(error.into()))?;
            let name = map.info()?.name_as_str().context("a map has no name")?.to_owned();
            // Some of the others are of no type that can be taken.
            if let Ok(map) = Map::from_map_data(map) {
                maps.push((name, map));
            }
        }
        let take = |name: &str| Some(maps.swap_remove(maps.iter().position(|(known, _)| known == name)?).1);
        Self::take(take).context("the program on the interface is of another version than this one")
    }

    /// What is in force.
    pub fn read(&self) -> Result<Setup> {
        let active = self.active.get(&0, 0)?.slot;
        let Slot { settings, ports } = self.slots.get(&active, 0)?;
        let to = self.keys_of(active)?.into_iter().map(|(len, [_, words @ ..])| Network::from_prefix(len - 32, words));
        Ok(Setup { settings, ports: Ports(ports), to: to.collect::<Result<_>>()? })
    }

    /// Puts it into force, all at once: it is written into the slot that is not in force, then that one becomes it.
    pub fn write(&mut self, setup: &Setup) -> Result<()> {
        let Setup { mut settings, ports, to } = setup.clone();
        // Each slot may have half of the networks.
        let most = NETWORKS / SLOTS;
        ensure!(to.len() <= most, "at most {most} networks are possible");
        let active = self.active.get(&0, 0)?;
        let slot = 1 - active.slot.min(1);
        for (len, key) in self.keys_of(slot)? {
            self.networks.remove(&Key::new(len, key))?;
        }
        for network in &to {
            let (len, [a, b, c, d]) = network.prefix();
            self.networks.insert(&Key::new(32 + len, [slot, a, b, c, d]), 1, 0)?;
        }
        settings.to = u32::from(!to.is_empty());
        self.slots.set(slot, Slot { settings, ports: ports.0 }, 0)?;
        Ok(self.active.set(0, Active { slot, ..active }, 0)?)
    }

    /// The address of the interface: frames to others are passed up.
    pub fn set_station(&mut self, station: [u8; 6]) -> Result<()> {
        let active = self.active.get(&0, 0)?;
        Ok(self.active.set(0, Active { station, ..active }, 0)?)
    }

    /// The keys of a slot.
    fn keys_of(&self, slot: u32) -> Result<Vec<(u32, NetworkKey)>> {
        let mut keys = Vec::new();
        for key in self.networks.keys() {
            let key = key?;
            let (len, data) = (key.prefix_len(), key.data());
            if data[0] == slot {
                keys.push((len, data));
            }
        }
        Ok(keys)
    }
}

/// Only one process at a time changes what another one does: the lock ends with this value.
pub fn lock() -> Result<File> {
    const LOCK: &str = "/run/xdp-reset.lock";
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(LOCK);
    let file = file.with_context(|| format!("cannot open {LOCK}"))?;
    match file.lock() {
        Ok(()) => Ok(file),
        Err(error) => bail!("cannot lock {LOCK}: {error}"),
    }
}
