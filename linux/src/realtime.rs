//! Real-time priority for what must not wait for a processor.

use std::io;

use thread_priority::{
    Error, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Gives this thread, and those that it starts, the lowest real-time priority (`SCHED_RR`, sched(7)).
///
/// The system leaves a part of each second to other threads (`kernel.sched_rt_runtime_us`).
///
/// # Errors
///
/// The system's, if the process lacks `CAP_SYS_NICE`.
pub fn become_realtime() -> io::Result<()> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).map_err(|error| match error {
        Error::OS(code) => io::Error::from_raw_os_error(code),
        error => io::Error::other(format!("{error:?}")),
    })
}
