//! The meter against counters, a GPU and a clock that the tests hold.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// 4 threads at 4 W, memory at 10 W.
const MACHINE: Machine = Machine { threads: 4, memory_bytes: 8 << 30, is_arm: false };

/// A machine whose counters and clock a test moves.
struct Bench {
    powercap: tempfile::TempDir,
    moment: Arc<Mutex<Moment>>,
}

impl Bench {
    fn new() -> Self {
        let moment = Arc::new(Mutex::new(Moment { wall_s: 100.0, cpu_s: Some(50.0) }));
        Self { powercap: tempfile::tempdir().unwrap(), moment }
    }

    /// Plants a counter in the folder `folder`.
    fn plant(&self, folder: &str, name: &str, energy_uj: u64) {
        let folder = self.powercap.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("name"), format!("{name}\n")).unwrap();
        fs::write(folder.join("max_energy_range_uj"), "1000000000\n").unwrap();
        fs::write(folder.join("energy_uj"), format!("{energy_uj}\n")).unwrap();
    }

    fn count(&self, folder: &str, energy_uj: u64) {
        fs::write(self.powercap.path().join(folder).join("energy_uj"), format!("{energy_uj}\n")).unwrap();
    }

    fn wait(&self, wall_s: f64, cpu_s: f64) {
        let mut moment = self.moment.lock().unwrap();
        moment.wall_s += wall_s;
        moment.cpu_s = moment.cpu_s.map(|before| before + cpu_s);
    }

    fn meter(&self, gpu: Option<Box<dyn GpuCounter>>) -> EnergyMeter {
        let moment = self.moment.clone();
        EnergyMeter::start_with(self.powercap.path(), gpu, MACHINE, Box::new(move || *moment.lock().unwrap()))
    }
}

/// A GPU whose counters a test moves; 0 stands for one that it does not have.
#[derive(Clone, Default)]
struct Gpu {
    millijoules: Arc<AtomicU64>,
    milliwatts: Arc<AtomicU64>,
}

impl Gpu {
    fn set(&self, millijoules: u64, milliwatts: u64) {
        self.millijoules.store(millijoules, Ordering::Relaxed);
        self.milliwatts.store(milliwatts, Ordering::Relaxed);
    }
}

impl GpuCounter for Gpu {
    fn millijoules(&self) -> Option<u64> {
        Some(self.millijoules.load(Ordering::Relaxed)).filter(|&all| all > 0)
    }

    fn milliwatts(&self) -> Option<u64> {
        Some(self.milliwatts.load(Ordering::Relaxed)).filter(|&power| power > 0)
    }
}

fn assert_part(part: EnergyPart, wh: f64, measured: bool) {
    assert!((part.wh - wh).abs() < 1e-9 && part.measured == measured, "{part:?}, not {wh} Wh, measured: {measured}");
}

#[test]
fn two_packages_and_their_memory_are_added_up() {
    let bench = Bench::new();
    bench.plant("intel-rapl:0", "package-0", 5_000);
    bench.plant("intel-rapl:0:0", "core", 1_000);
    bench.plant("intel-rapl:0:1", "dram", 0);
    bench.plant("intel-rapl:1", "package-1", 0);
    bench.plant("intel-rapl:1:1", "dram", 70);
    bench.plant("intel-rapl:2", "psys", 0);
    bench.plant("intel-rapl-mmio:0", "package-0", 5_000);
    let mut meter = bench.meter(None);
    bench.wait(60.0, 30.0);
    bench.count("intel-rapl:0", 36_005_000);
    bench.count("intel-rapl:0:0", 900_000_000);
    bench.count("intel-rapl:0:1", 3_600_000);
    bench.count("intel-rapl:1", 72_000_000);
    bench.count("intel-rapl:2", 900_000_000);
    bench.count("intel-rapl-mmio:0", 36_005_000);
    let used = meter.so_far();
    assert_part(used.cpu, 0.03, true);
    assert_part(used.ram, 0.001, true);
    assert_eq!(used.gpu, None);
    assert!((used.total_wh() - 0.031).abs() < 1e-9);
    bench.count("intel-rapl:1", 108_000_000);
    assert_part(meter.so_far().cpu, 0.04, true);
}

#[test]
fn a_counter_that_starts_again_at_zero_is_followed() {
    let bench = Bench::new();
    bench.plant("intel-rapl:0", "package-0", 999_000_000);
    let mut meter = bench.meter(None);
    bench.count("intel-rapl:0", 35_000_000);
    assert_part(meter.so_far().cpu, 0.01, true);
}

#[test]
fn without_counters_the_rule_counts_this_process() {
    let bench = Bench::new();
    let mut meter = bench.meter(None);
    bench.wait(3600.0, 7200.0);
    let used = meter.so_far();
    assert_part(used.cpu, 8.0, false);
    assert_part(used.ram, 10.0, false);
    bench.wait(3600.0, 0.0);
    assert_part(meter.so_far().cpu, 8.0, false);
    assert_part(meter.so_far().ram, 20.0, false);
}

#[test]
fn a_package_that_may_not_be_read_leaves_an_estimate() {
    let bench = Bench::new();
    bench.plant("intel-rapl:0", "package-0", 1);
    bench.plant("intel-rapl:1", "package-1", 1);
    fs::write(bench.powercap.path().join("intel-rapl:1/energy_uj"), "not for you").unwrap();
    let mut meter = bench.meter(None);
    bench.wait(3600.0, 3600.0);
    bench.count("intel-rapl:0", 900_000_000);
    assert_part(meter.so_far().cpu, 4.0, false);
}

#[test]
fn a_counter_that_fails_midway_makes_the_sum_an_estimate() {
    let bench = Bench::new();
    bench.plant("intel-rapl:0", "package-0", 0);
    let mut meter = bench.meter(None);
    bench.wait(3600.0, 0.0);
    bench.count("intel-rapl:0", 36_000_000);
    assert_part(meter.so_far().cpu, 0.01, true);
    fs::remove_file(bench.powercap.path().join("intel-rapl:0/energy_uj")).unwrap();
    bench.wait(3600.0, 3600.0);
    assert_part(meter.so_far().cpu, 4.01, false);
}

#[test]
fn a_gpu_is_read_by_its_counter() {
    let (bench, gpu) = (Bench::new(), Gpu::default());
    gpu.set(1_000, 300_000);
    let mut meter = bench.meter(Some(Box::new(gpu.clone())));
    bench.wait(3600.0, 0.0);
    gpu.set(361_000, 300_000);
    let used = meter.so_far();
    assert_part(used.gpu.unwrap(), 0.1, true);
    assert!((used.total_wh() - 10.1).abs() < 1e-9);
}

#[test]
fn a_gpu_without_a_counter_is_estimated_by_its_power() {
    let (bench, gpu) = (Bench::new(), Gpu::default());
    gpu.set(0, 100_000);
    let mut meter = bench.meter(Some(Box::new(gpu.clone())));
    bench.wait(3600.0, 0.0);
    gpu.set(0, 300_000);
    assert_part(meter.so_far().gpu.unwrap(), 200.0, false);
    gpu.set(0, 0);
    bench.wait(3600.0, 0.0);
    assert_part(meter.so_far().gpu.unwrap(), 200.0, false);
}

#[test]
fn a_gpu_that_tells_nothing_is_left_out() {
    let bench = Bench::new();
    let mut meter = bench.meter(Some(Box::new(Gpu::default())));
    bench.wait(3600.0, 0.0);
    assert_eq!(meter.so_far().gpu, None);
}

#[test]
fn what_is_partly_estimated_is_an_estimate() {
    let (measured, estimate) = (EnergyPart { wh: 1.0, measured: true }, EnergyPart { wh: 2.0, measured: false });
    assert_part(measured.plus(&measured), 2.0, true);
    assert_part(measured.plus(&estimate), 3.0, false);
    assert_part(EnergyPart::default().plus(&measured), 1.0, true);
    assert_part(EnergyPart::default().plus(&EnergyPart::default()), 0.0, false);
    let one = Energy { gpu: Some(measured), ..Energy::default() };
    assert_eq!(one.plus(&Energy::default()).gpu, Some(measured));
    assert_part(one.plus(&one).gpu.unwrap(), 2.0, true);
}

#[test]
fn this_machine_is_measured_or_estimated() {
    let mut meter = EnergyMeter::start(true);
    let mixed = (0..3_000_000u64).fold(0, |sum, i| std::hint::black_box(sum ^ i.wrapping_mul(0x9e37_79b9)));
    std::hint::black_box(mixed);
    let first = meter.so_far();
    assert!(first.ram.wh > 0.0 && first.total_wh() > 0.0, "{first:?}");
    let later = meter.so_far();
    assert!(later.total_wh() >= first.total_wh(), "{first:?} then {later:?}");
}
