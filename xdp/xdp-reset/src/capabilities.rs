//! Which rights this process lacks.

use std::fs;

/// A capability: its number and its name.
type Capability = (u32, &'static str);

/// What it takes to load a program and to attach it.
pub const TO_LOAD: [Capability; 3] = [(39, "CAP_BPF"), (38, "CAP_PERFMON"), (12, "CAP_NET_ADMIN")];
/// What it takes to look at the programs, maps and links of other processes, in addition.
pub const TO_SEE_OTHERS: [Capability; 1] = [SYS_ADMIN];

const SYS_ADMIN: Capability = (21, "CAP_SYS_ADMIN");

/// Those of `needed` that this process does not have.
#[must_use]
pub fn missing(needed: &[Capability]) -> Vec<&'static str> {
    fs::read_to_string("/proc/self/status").map_or_else(|_| Vec::new(), |status| missing_in(&status, needed))
}

fn missing_in(status: &str, needed: &[Capability]) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) else {
        return Vec::new();
    };
    let has = |(number, _): &Capability| effective >> number & 1 == 1;
    // At bpf(2), CAP_SYS_ADMIN is all of them.
    needed.iter().filter(|capability| !has(capability) && !has(&SYS_ADMIN)).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing() {
        let missing =
            |mask: u64, needed: &[Capability]| missing_in(&format!("Name:\tx\nCapEff:\t{mask:016x}\n"), needed);
        assert_eq!(missing(0, &TO_LOAD), ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"]);
        assert_eq!(missing(1 << 39 | 1 << 12, &TO_LOAD), ["CAP_PERFMON"]);
        assert!(missing(1 << 39 | 1 << 38 | 1 << 12, &TO_LOAD).is_empty());
        assert!(missing(1 << 21, &TO_LOAD).is_empty());
        assert_eq!(missing(1 << 39 | 1 << 38 | 1 << 12, &TO_SEE_OTHERS), ["CAP_SYS_ADMIN"]);
        assert!(missing_in("no such line", &TO_LOAD).is_empty());
    }
}
