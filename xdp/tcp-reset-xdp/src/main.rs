//! An XDP program that answers TCP segments to chosen ports with a reset, on the driver's receive path. Other frames
//! go up to the kernel untouched.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "core has no compare-and-swap for this target, although all its kernels do")]

mod shared;

use core::intrinsics::{AtomicOrdering, atomic_cxchg};
use core::net::IpAddr;
use core::panic::PanicInfo;

use aya_ebpf::bindings::xdp_action::XDP_DROP;
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{Array, LpmTrie, PerCpuArray};
use aya_ebpf::helpers::generated::bpf_ktime_get_coarse_ns;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use shared::{
    ANSWERED, Active, BUDGET_BITS, COUNTERS as COUNTERS_LEN, FAILED, LEFT_TO_THE_KERNEL, LIMITED, NETWORKS, NO_SYN,
    NetworkKey, OTHER, OTHER_ADDRESS, OTHER_STATION, SLOTS, Settings, Slot, TOTAL_LIMITED, WOULD_ANSWER,
};
use tcp_reset::tcp::{ACK, SYN};
use tcp_reset_xdp::{Frame, Policy, Rate, Reason, Segment, action, answer};

#[btf_map]
static ACTIVE: Array<Active, 1> = Array::new();
#[btf_map]
static SETTINGS: Array<Slot, SLOTS> = Array::new();
/// The networks to answer for, under the number of their slot.
#[btf_map]
static TO: LpmTrie<NetworkKey, u8, NETWORKS> = LpmTrie::new();
#[btf_map]
static COUNTERS: PerCpuArray<u64, COUNTERS_LEN> = PerCpuArray::new();
/// When a budget is full again. Sources whose hash is the same share one: so none is ever forgotten.
#[btf_map]
static SOURCES: Array<u64, { 1 << BUDGET_BITS }> = Array::new();
/// When the budget of all sources together is full again.
#[btf_map]
static TOTAL: Array<u64, 1> = Array::new();

/// The library's reasons are counted under their numbers.
const _: () = assert!(
    Reason::OTHER.0 == OTHER && Reason::LEFT_TO_THE_KERNEL.0 == LEFT_TO_THE_KERNEL && Reason::FAILED.0 == FAILED
);

/// The kernel reads it: with this one it lets the program call what is not reserved for the GPL.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 18] = *b"MIT OR Apache-2.0\0";

#[xdp(frags)]
#[inline(always)]
pub fn xdp_reset(context: XdpContext) -> u32 {
    let answered = answer(&mut Frame::new(context), &mut InMaps(None));
    count(answered.map_or_else(|Reason(counter)| counter, |()| ANSWERED));
    match answered {
        Err(Reason(LIMITED | TOTAL_LIMITED)) => XDP_DROP,
        _ => action(answered),
    }
}

/// What the maps say. It holds the settings of the frame.
struct InMaps(Option<&'static Settings>);

impl Policy for InMaps {
    #[inline(always)]
    fn wants(&mut self, segment: &Segment) -> Result<(), Reason> {
        let Active { slot, station, .. } = ACTIVE.get(0).ok_or(Reason::OTHER)?;
        let Slot { settings, ports } = SETTINGS.get(*slot).ok_or(Reason::OTHER)?;
        let port = segment.destination_port();
        let word = ports.get(usize::from(port >> 6)).ok_or(Reason::OTHER)?;
        if word >> (port & 63) & 1 == 0 {
            return Err(Reason::OTHER);
        }
        if segment.link.first_chunk() != Some(station) {
            return Err(Reason(OTHER_STATION));
        }
        if settings.syn != 0 && segment.flags() & (SYN | ACK) != SYN {
            return Err(Reason(NO_SYN));
        }
        if settings.to != 0 {
            answers_for(*slot, segment.destination())?;
        }
        self.0 = Some(settings);
        Ok(())
    }

    #[inline(always)]
    fn verifies_checksum(&self) -> bool {
        self.0.is_some_and(|settings| settings.trust == 0)
    }

    #[inline(always)]
    fn permits(&mut self, source: [u8; 8]) -> Result<(), Reason> {
        let settings = self.0.ok_or(Reason::OTHER)?;
        if settings.dry_run != 0 {
            return Err(Reason(WOULD_ANSWER));
        }
        if settings.interval | settings.total_interval == 0 {
            return Ok(());
        }
        limit(settings, source)
    }
}

/// Whether the address is in one of the networks.
#[inline(always)]
fn answers_for(slot: u32, address: IpAddr) -> Result<(), Reason> {
    let [a, b, c, d] = match address {
        IpAddr::V4(address) => [0, 0, 0xffff_u32.to_be(), u32::from_ne_bytes(address.octets())],
        IpAddr::V6(address) => address
            .octets()
            .as_chunks()
            .0
            .first_chunk()
            .map(|words| words.map(u32::from_ne_bytes))
            .ok_or(Reason::OTHER)?,
    };
    let key = Aligned(Key::new(8 * size_of::<NetworkKey>() as u32, [slot, a, b, c, d]));
    TO.get(&key.0).map(|_| ()).ok_or(Reason(OTHER_ADDRESS))
}

/// On the stack, the verifier permits only aligned accesses.
#[repr(align(8))]
struct Aligned(Key<NetworkKey>);

/// Counts a reset against the limit of all and against that of its source.
#[inline(always)]
fn limit(settings: &Settings, source: [u8; 8]) -> Result<(), Reason> {
    // As of the last tick, which is exact enough for a burst of a second. SAFETY: it takes nothing.
    let now = unsafe { bpf_ktime_get_coarse_ns() };
    // The limit of all comes first: what it drops takes nothing from the budget of a source.
    let total = TOTAL.get_ptr_mut(0).ok_or(Reason::OTHER)?;
    let all = Rate { interval: settings.total_interval, burst: settings.total_burst };
    // SAFETY: the value stays until the program ends; an aligned load is one access.
    let full = unsafe { total.read_volatile() };
    let next = if all.interval == 0 { full } else { all.take(full, now).ok_or(Reason(TOTAL_LIMITED))? };
    if settings.interval != 0 {
        limit_source(settings, source, now)?;
    }
    if next != full {
        // SAFETY: as above. It fails if another CPU has taken from the budget meanwhile: this one then gets nothing of it.
        let (_, taken) =
            unsafe { atomic_cxchg::<u64, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(total, full, next) };
        if !taken {
            return Err(Reason(TOTAL_LIMITED));
        }
    }
    Ok(())
}

#[inline(always)]
fn limit_source(settings: &Settings, source: [u8; 8], now: u64) -> Result<(), Reason> {
    // Who does not know the factor cannot choose sources that share a budget.
    let hash = u64::from_ne_bytes(source).wrapping_mul(settings.factor);
    let full = SOURCES.get_ptr_mut((hash >> (64 - BUDGET_BITS)) as u32).ok_or(Reason::OTHER)?;
    let rate = Rate { interval: settings.interval, burst: settings.burst };
    // SAFETY: the value stays until the program ends. Another CPU may write it at the same time: one reset more is sent then.
    unsafe { *full = rate.take(*full, now).ok_or(Reason(LIMITED))? };
    Ok(())
}

#[inline(always)]
fn count(counter: u32) {
    if let Some(counter) = COUNTERS.get_ptr_mut(counter) {
        // SAFETY: it belongs to this CPU while the program runs.
        unsafe { *counter += 1 };
    }
}

/// Required by the compiler; nothing calls it.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
