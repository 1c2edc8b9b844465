//! Energy that a run uses. A counter of the hardware is read where there is one that may be read: the processor's RAPL
//! counters for CPU and memory (`rapl.rs`), NVML's for a GPU (`gpu.rs`). Elsewhere the rule that CodeCarbon documents
//! stands in (`rule.rs`), and the figure is marked as an estimate.
//!
//! A counter measures the machine as a whole, whatever else it does meanwhile; the rule for the CPU counts the time of
//! this process alone. Start reading at [`EnergyMeter`].

mod gpu;
mod rapl;
mod rule;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Instant;

use gpu::{GpuCounter, GpuUse};
use rapl::Domains;
use rule::Machine;

use super::usage::cpu_seconds;
use super::{Energy, EnergyPart};

/// Where Linux lists the counters of its power capping drivers.
const POWERCAP: &str = "/sys/class/powercap";

/// Joules of a watt-hour.
const JOULES_PER_WH: f64 = 3600.0;

/// A point in time, by the clock and by the processor.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    wall_s: f64,
    /// CPU time of all threads of this process, where the system tells.
    cpu_s: Option<f64>,
}

impl Moment {
    /// The time between an earlier moment and this one.
    fn since(self, earlier: Self) -> Self {
        let cpu_s = earlier.cpu_s.zip(self.cpu_s).map(|(before, after)| (after - before).max(0.0));
        Self { wall_s: (self.wall_s - earlier.wall_s).max(0.0), cpu_s }
    }
}

/// Tells the moment; tests bring their own.
type Clock = Box<dyn Fn() -> Moment + Send>;

/// Adds up the energy used from its start on. Asking costs a few small reads. Ask at least every few minutes: a counter
/// that has gone round more than once in between cannot tell.
pub struct EnergyMeter {
    clock: Clock,
    machine: Machine,
    packages: Domains,
    memory: Domains,
    gpu: Option<GpuUse>,
    last: Moment,
    used: Energy,
}

impl EnergyMeter {
    /// Begins to measure this machine, now; with its NVIDIA GPU where the run computes on one. A run that stands still
    /// drops its meter, starts another when it goes on, and adds both up by [`Energy::plus`].
    pub fn start(uses_gpu: bool) -> Self {
        let started = Instant::now();
        let clock = Box::new(move || Moment { wall_s: started.elapsed().as_secs_f64(), cpu_s: cpu_seconds() });
        let gpu = if uses_gpu { gpu::nvidia() } else { None };
        Self::start_with(Path::new(POWERCAP), gpu, Machine::here(), clock)
    }

    fn start_with(powercap: &Path, gpu: Option<Box<dyn GpuCounter>>, machine: Machine, clock: Clock) -> Self {
        Self {
            packages: Domains::named(powercap, "package"),
            memory: Domains::named(powercap, "dram"),
            gpu: gpu.map(GpuUse::start),
            machine,
            last: clock(),
            used: Energy::default(),
            clock,
        }
    }

    /// Energy used since the start.
    pub fn so_far(&mut self) -> Energy {
        let now = (self.clock)();
        let span = now.since(self.last);
        self.last = now;
        let (packages, memory) = (self.packages.used_wh(), self.memory.used_wh());
        let cpu = measured_or(packages, || rule::cpu_watts(&self.machine, span) * span.wall_s / JOULES_PER_WH);
        let ram = measured_or(memory, || rule::ram_watts(&self.machine) * span.wall_s / JOULES_PER_WH);
        let gpu = self.gpu.as_mut().and_then(|gpu| gpu.used(span.wall_s));
        self.used = self.used.plus(&Energy { cpu, gpu, ram });
        self.used
    }
}

/// What a counter has measured, or an estimate where there is none.
fn measured_or(measured_wh: Option<f64>, estimate_wh: impl FnOnce() -> f64) -> EnergyPart {
    match measured_wh {
        Some(wh) => EnergyPart { wh, measured: true },
        None => EnergyPart { wh: estimate_wh(), measured: false },
    }
}

impl EnergyPart {
    /// Both together; measured where no share of it is an estimate.
    pub fn plus(&self, other: &Self) -> Self {
        let is_sound = |part: &Self| part.measured || part.wh == 0.0;
        let measured = (self.measured || other.measured) && is_sound(self) && is_sound(other);
        Self { wh: self.wh + other.wh, measured }
    }
}

impl Energy {
    /// Both together, part by part.
    pub fn plus(&self, other: &Self) -> Self {
        let gpu = match (self.gpu, other.gpu) {
            (Some(one), Some(two)) => Some(one.plus(&two)),
            (one, two) => one.or(two),
        };
        Self { cpu: self.cpu.plus(&other.cpu), gpu, ram: self.ram.plus(&other.ram) }
    }

    /// All parts together, in watt-hours.
    pub fn total_wh(&self) -> f64 {
        self.cpu.wh + self.gpu.map_or(0.0, |gpu| gpu.wh) + self.ram.wh
    }
}
