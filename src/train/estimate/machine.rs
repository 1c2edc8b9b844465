//! What the machine has and what is left of it, and what this process holds.

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, get_current_pid};

use super::facts::MachineFacts;
use super::time::REACHED;
use crate::ops::gemm_rate;

/// Sizes of the product whose rate is measured: tokens, outputs and inputs of a small model's projection.
const PRODUCT: [usize; 3] = [512, 1536, 576];

/// Memory that the process can still take, and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemoryNow {
    /// Of the machine, or of the container.
    pub total: u64,
    /// The least that system, container and the process's own limit leave.
    pub available: u64,
    pub held: u64,
}

impl MachineFacts {
    /// Measures the machine, which takes a quarter of a second and all cores.
    pub fn measure() -> Self {
        let [m, n, k] = PRODUCT;
        Self { flops_per_s: gemm_rate(m, n, k), ..Self::unmeasured() }
    }

    /// What can be read at once: all but the rate.
    pub fn unmeasured() -> Self {
        let unknown = MemoryNow { total: u64::MAX, available: u64::MAX, held: 0 };
        let memory = MemoryNow::read().unwrap_or(unknown);
        Self {
            flops_per_s: 0.0,
            threads: rayon::current_num_threads(),
            memory_total: memory.total,
            memory_available: memory.available,
            memory_held: memory.held,
            memory_of_run: 0,
        }
    }

    /// The same machine with its memory as it is now.
    pub fn now(self) -> Self {
        Self { flops_per_s: self.flops_per_s, threads: self.threads, ..Self::unmeasured() }
    }

    /// The same machine, which trains at so many operations a second, as measured in training itself.
    pub(in crate::train) fn at_pace(self, flops_per_s: f64) -> Self {
        Self { flops_per_s: flops_per_s / REACHED, ..self }
    }

    /// The same machine, where so much of what is held is the run's.
    pub fn with_run(self, bytes: u64) -> Self {
        Self { memory_of_run: bytes, ..self }
    }
}

impl MemoryNow {
    /// Reads it from the system, which takes well below a millisecond; `None` where the system does not tell.
    pub fn read() -> Option<Self> {
        let memory = MemoryRefreshKind::nothing().with_ram();
        let mut system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory)).ok()?;
        let own = get_current_pid().ok()?;
        let of_process = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, of_process);
        let process = system.process(own)?;
        let (mut total, mut available) = (system.total_memory(), system.available_memory());
        if let Some(container) = process.cgroup_limits().or_else(|| system.cgroup_limits()) {
            total = total.min(container.total_memory);
            // What a container holds of files is given up when memory is asked for.
            available = available.min(container.total_memory.saturating_sub(container.rss));
        }
        if let Some(limit) = address_space_left() {
            available = available.min(limit);
        }
        Some(Self { total, available, held: process.memory() }).filter(|memory| memory.total > 0)
    }
}

/// What a limit on the process's address space leaves, where there is one (`ulimit -v`).
#[cfg(target_os = "linux")]
fn address_space_left() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};

    let limit = getrlimit(Resource::As).current?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let taken = crate::train::usage::status_bytes(&status, "VmSize:")?;
    Some(limit.saturating_sub(taken))
}

#[cfg(not(target_os = "linux"))]
fn address_space_left() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_a_computer() {
        let memory = MemoryNow::read().unwrap();
        assert!(memory.total > 1 << 28 && memory.available > 0 && memory.available <= memory.total, "{memory:?}");
        assert!(memory.held > 1 << 20 && memory.held < memory.total, "{memory:?}");
    }
}
