//! What the process used: time by the clock, CPU time of all its threads, memory. What a system does not tell is
//! `None`.

use std::time::Instant;

/// Time spent on something.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spent {
    pub wall_s: f64,
    /// Of all threads of the process.
    pub cpu_s: Option<f64>,
}

/// Runs `work` and gives what it took beside its result.
pub(super) fn spent<R>(work: impl FnOnce() -> R) -> (R, Spent) {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let result = work();
    let wall_s = started.elapsed().as_secs_f64();
    let cpu_s = cpu.zip(cpu_seconds()).map(|(before, after)| after - before);
    (result, Spent { wall_s, cpu_s })
}

/// User and system time of the process so far. The clock rather than `/proc/self/stat`, which counts in hundredths of a
/// second: a decoded token takes no more.
#[cfg(unix)]
pub(in crate::train) fn cpu_seconds() -> Option<f64> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
pub(in crate::train) fn cpu_seconds() -> Option<f64> {
    None
}

/// Follows the most memory that the process holds at once, from now on.
#[derive(Debug)]
pub(super) struct MemoryPeak {
    is_reset: bool,
}

impl MemoryPeak {
    /// Forgets the peak so far, where the system lets a process do so: Linux, by `/proc/self/clear_refs`.
    pub fn start() -> Self {
        Self { is_reset: std::fs::write("/proc/self/clear_refs", "5").is_ok() }
    }

    /// The most memory since then in bytes, the model's own included.
    pub fn bytes(&self) -> Option<u64> {
        let status = self.is_reset.then(|| std::fs::read_to_string("/proc/self/status").ok()).flatten()?;
        status_bytes(&status, "VmHWM:")
    }
}

/// What a line of `/proc/<pid>/status` such as `VmHWM:   123456 kB` tells, in bytes.
pub(super) fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// How many processes were ready to run, on average over the last 1, 5 and 15 minutes; `None` where `/proc` does not
/// tell.
pub fn load_average() -> Option<[f64; 3]> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

/// Threads that the arithmetic is spread over.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_a_process() {
        assert_eq!(
            status_bytes("VmPeak:\t    3892 kB\nVmHWM:\t    2140 kB\nVmRSS:\t 1 kB\n", "VmHWM:"),
            Some(2140 * 1024)
        );
        assert_eq!(status_bytes("VmPeak:\t    3892 kB\n", "VmHWM:"), None);
    }

    #[cfg(unix)]
    #[test]
    fn work_takes_time_by_the_clock_and_of_the_processor() {
        let mix = |sum: u64, i: u64| std::hint::black_box(sum ^ i.wrapping_mul(0x9e37_79b9));
        let (mixed, spent) = spent(|| (0..2_000_000).fold(0, mix));
        assert_ne!(mixed, 0);
        assert!(spent.wall_s > 0.0 && spent.cpu_s.is_some_and(|cpu_s| cpu_s > 0.0), "{spent:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_follows_what_is_held() {
        let peak = MemoryPeak::start();
        let held = vec![1u8; 64 << 20];
        std::hint::black_box(&held);
        // Where a sandbox does not let a process reset its peak there is none to read.
        if let Some(bytes) = peak.bytes() {
            assert!(bytes >= 64 << 20, "{bytes}");
        }
        assert!(load_average().is_some());
    }
}
