//! Power by rule, where no counter can be read: the fall-back of CodeCarbon 3, as its methodology page
//! (<https://mlco2.github.io/codecarbon/methodology.html>) and its code state it.
//!
//! | part | power |
//! | --- | --- |
//! | CPU | the share of the machine's CPU time that this process used, times the thermal design power (`cpu_load` mode, tracking the process) |
//! | CPU whose time the system does not tell | half the thermal design power (`constant` mode) |
//! | thermal design power | 4 W for each hardware thread, which is CodeCarbon's for a model that its list does not name; the list itself is not part of this program |
//! | memory | 5 W for each module, 1.5 W on ARM; 90 % of that from the 5th module on, 80 % from the 9th, 70 % from the 17th; two modules at least |
//! | modules | 2 up to 16 GB, 4 up to 64 GB, 8 up to 128 GB; beyond that the largest of 4 to 128 GB of which eight fit, up to 32 of them |

use super::Moment;

/// Thermal design power of a hardware thread, in watts.
const WATTS_PER_THREAD: f64 = 4.0;
/// The share of it that is assumed where nobody knows how busy the CPU is.
const CONSTANT_SHARE: f64 = 0.5;

/// What of a machine the rules ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    /// Hardware threads.
    pub threads: usize,
    pub memory_bytes: u64,
    pub is_arm: bool,
}

impl Machine {
    /// The machine that this runs on; memory that the system does not tell counts as little.
    pub fn here() -> Self {
        let memory = |mut system: sysinfo::System| {
            system.refresh_memory();
            system.total_memory()
        };
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: sysinfo::System::new().map_or(0, memory),
            is_arm: cfg!(any(target_arch = "arm", target_arch = "aarch64")),
        }
    }
}

/// Power of the CPU for this process over a span of time, in watts.
pub(super) fn cpu_watts(machine: &Machine, span: Moment) -> f64 {
    let design = WATTS_PER_THREAD * machine.threads as f64;
    match span.cpu_s {
        _ if span.wall_s <= 0.0 => 0.0,
        Some(cpu_s) => design * (cpu_s / span.wall_s / machine.threads as f64).min(1.0),
        None => design * CONSTANT_SHARE,
    }
}

/// Power of the machine's memory, in watts.
pub(super) fn ram_watts(machine: &Machine) -> f64 {
    let per_module = if machine.is_arm { 1.5 } else { 5.0 };
    let share = |module: usize| match module {
        0..4 => 1.0,
        4..8 => 0.9,
        8..16 => 0.8,
        _ => 0.7,
    };
    (0..modules(machine.memory_bytes)).map(|module| per_module * share(module)).sum()
}

/// How many memory modules a machine with that much memory is taken to have.
fn modules(bytes: u64) -> usize {
    let gigabytes = bytes as f64 / (1u64 << 30) as f64;
    match gigabytes {
        ..=16.0 => 2,
        ..=64.0 => 4,
        ..=128.0 => 8,
        _ => {
            let fits = |size: &f64| *size <= gigabytes / 8.0;
            let size = [128.0, 64.0, 32.0, 16.0].into_iter().find(fits).unwrap_or(16.0);
            ((gigabytes / size).ceil() as usize).min(32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(threads: usize, gigabytes: u64) -> Machine {
        Machine { threads, memory_bytes: gigabytes << 30, is_arm: false }
    }

    #[test]
    fn memory_draws_what_the_documented_examples_say() {
        let examples = [(2, 10.0), (8, 10.0), (16, 10.0), (32, 20.0), (64, 20.0), (128, 38.0), (1024, 38.0)];
        for (gigabytes, watts) in examples {
            let drawn = ram_watts(&machine(1, gigabytes));
            assert!((drawn - watts).abs() < 1e-9, "{gigabytes} GB: {drawn} W");
        }
        // 768 GB: eight of 64 GB fit, twelve are needed: 4 at 5 W, 4 at 4.5 W, 4 at 4 W.
        assert!((ram_watts(&machine(1, 768)) - 54.0).abs() < 1e-9);
        // 8 TB: 128 GB each would be 64 modules, and 32 is the most: 20 + 18 + 32 + 16 * 3.5 W.
        assert!((ram_watts(&machine(1, 8192)) - 126.0).abs() < 1e-9);
        assert!((ram_watts(&Machine { is_arm: true, ..machine(1, 4) }) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_cpu_draws_by_the_share_that_this_process_used() {
        let machine = machine(8, 16);
        let watts = |cpu_s| cpu_watts(&machine, Moment { wall_s: 10.0, cpu_s });
        assert_eq!(watts(Some(40.0)), 16.0, "half of 8 threads at 4 W");
        assert_eq!(watts(Some(0.0)), 0.0);
        assert_eq!(watts(Some(800.0)), 32.0, "never more than all threads");
        assert_eq!(watts(None), 16.0);
        assert_eq!(cpu_watts(&machine, Moment::default()), 0.0);
    }

    #[test]
    fn this_machine_has_threads_and_memory() {
        let here = Machine::here();
        assert!(here.threads > 0 && here.memory_bytes > 1 << 28, "{here:?}");
    }
}
