//! The processor's own energy counters (RAPL, Running Average Power Limit), as Linux shows them for Intel, and for AMD
//! since 5.8: a folder for each domain, with its `name`, `energy_uj` that counts microjoules, and `max_energy_range_uj`
//! at which it starts again at 0. Many systems let only root read the counter.

use std::fs;
use std::path::{Path, PathBuf};

use super::JOULES_PER_WH;

/// The folders of domains begin so; the same package may be listed again by another driver, as `intel-rapl-mmio`.
const FOLDER: &str = "intel-rapl:";

/// One counter.
#[derive(Debug)]
struct Domain {
    counter: PathBuf,
    /// The largest value, after which it starts again at 0.
    range_uj: Option<u64>,
    last_uj: Option<u64>,
}

impl Domain {
    fn open(folder: &Path) -> Self {
        let counter = folder.join("energy_uj");
        Self { range_uj: number_in(&folder.join("max_energy_range_uj")), last_uj: number_in(&counter), counter }
    }

    /// Microjoules since this was asked last; `None` where the counter could not be read, now or then.
    fn used_uj(&mut self) -> Option<u64> {
        let now = number_in(&self.counter);
        let last = std::mem::replace(&mut self.last_uj, now);
        let (last, now) = (last?, now?);
        match now.checked_sub(last) {
            Some(used) => Some(used),
            None => self.range_uj?.checked_sub(last)?.checked_add(now),
        }
    }
}

/// All counters of one kind: every processor package of the machine, say.
#[derive(Debug)]
pub(super) struct Domains(Vec<Domain>);

impl Domains {
    /// The domains below the folder `powercap` whose name begins with `kind`; none where the system keeps no counters.
    pub fn named(powercap: &Path, kind: &str) -> Self {
        let entries = fs::read_dir(powercap).into_iter().flatten().flatten();
        let is_domain =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER));
        let folders = entries.map(|entry| entry.path()).filter(is_domain);
        let is_kind = |path: &PathBuf| fs::read_to_string(path.join("name")).is_ok_and(|name| name.starts_with(kind));
        Self(folders.filter(is_kind).map(|folder| Domain::open(&folder)).collect())
    }

    /// Watt-hours of all of them since this was asked last. `None` where there are none, or one of them could not be read,
    /// now or then: the rest alone would tell too little.
    pub fn used_wh(&mut self) -> Option<f64> {
        // Every counter is read, so that one that fails leaves the others up to date.
        let used: Vec<Option<u64>> = self.0.iter_mut().map(Domain::used_uj).collect();
        let microjoules: u64 = used.into_iter().sum::<Option<u64>>().filter(|_| !self.0.is_empty())?;
        Some(microjoules as f64 * 1e-6 / JOULES_PER_WH)
    }
}

fn number_in(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
