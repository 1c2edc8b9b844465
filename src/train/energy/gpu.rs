//! What an NVIDIA GPU says of its energy, through NVML. The driver's library is looked for when a meter starts; without
//! it, and on any other GPU, nothing is told. Like a processor's counter it measures the GPU as a whole.

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::{EnergyPart, JOULES_PER_WH};

/// A GPU, or several that a run computes on, as far as energy goes.
pub(super) trait GpuCounter: Send {
    /// Energy since the driver was loaded; GPUs before Volta, and slices of one, do not count it.
    fn millijoules(&self) -> Option<u64>;
    /// The power it draws at this moment.
    fn milliwatts(&self) -> Option<u64>;
}

/// The energy of a GPU from one moment to the next.
pub(super) struct GpuUse {
    counter: Box<dyn GpuCounter>,
    last_mj: Option<u64>,
    last_mw: Option<u64>,
}

impl GpuUse {
    pub fn start(counter: Box<dyn GpuCounter>) -> Self {
        Self { last_mj: counter.millijoules(), last_mw: counter.milliwatts(), counter }
    }

    /// Energy in the `wall_s` seconds since this was asked last: what was counted, or else an estimate, the mean of the
    /// power at both ends times the time. `None` where the GPU tells neither.
    pub fn used(&mut self, wall_s: f64) -> Option<EnergyPart> {
        let now_mj = self.counter.millijoules();
        let last_mj = std::mem::replace(&mut self.last_mj, now_mj);
        // A driver that was loaded again counts from 0.
        if let Some(used_mj) = last_mj.zip(now_mj).and_then(|(last, now)| now.checked_sub(last)) {
            return Some(EnergyPart { wh: used_mj as f64 * 1e-3 / JOULES_PER_WH, measured: true });
        }
        let now_mw = self.counter.milliwatts()?;
        let last_mw = self.last_mw.replace(now_mw).unwrap_or(now_mw);
        let watts = (last_mw as f64 + now_mw as f64) / 2.0 * 1e-3;
        Some(EnergyPart { wh: watts * wall_s / JOULES_PER_WH, measured: false })
    }
}

/// The GPUs of this machine that the process computes on.
pub(super) fn nvidia() -> Option<Box<dyn GpuCounter>> {
    match Nvidia::open() {
        Ok(gpus) => Some(Box::new(gpus)),
        Err(error) => {
            log::debug!("no energy of a GPU is told: {error}");
            None
        }
    }
}

/// NVIDIA GPUs by their index.
struct Nvidia {
    nvml: Nvml,
    indices: Vec<u32>,
}

impl Nvidia {
    /// The GPUs that list this process among those that compute on them. A process in a container goes by another number
    /// there, and then it is the first GPU.
    fn open() -> Result<Self, NvmlError> {
        let nvml = Nvml::init()?;
        let count = nvml.device_count()?;
        let process = std::process::id();
        let computes_here = |index: &u32| {
            let processes = nvml.device_by_index(*index).and_then(|gpu| gpu.running_compute_processes());
            processes.is_ok_and(|all| all.iter().any(|other| other.pid == process))
        };
        let mut indices: Vec<u32> = (0..count).filter(computes_here).collect();
        if indices.is_empty() {
            nvml.device_by_index(0)?;
            indices.push(0);
        }
        Ok(Self { nvml, indices })
    }

    fn sum(&self, figure: impl Fn(&Device<'_>) -> Result<u64, NvmlError>) -> Option<u64> {
        let of = |&index: &u32| self.nvml.device_by_index(index).and_then(|gpu| figure(&gpu)).ok();
        self.indices.iter().map(of).sum()
    }
}

impl GpuCounter for Nvidia {
    fn millijoules(&self) -> Option<u64> {
        self.sum(|gpu| gpu.total_energy_consumption())
    }

    fn milliwatts(&self) -> Option<u64> {
        self.sum(|gpu| gpu.power_usage().map(u64::from))
    }
}
