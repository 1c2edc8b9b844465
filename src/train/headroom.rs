//! Whether memory can be had, asked before it is needed: an allocation that fails ends the process.

use std::time::{Duration, Instant};

use super::TrainError;
use super::estimate::{Estimate, MachineFacts, MemoryNow, Mend, memory_size};

/// A reading of the system's memory holds for so long.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Memory that is needed and cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} more memory is needed and {} can be had", memory_size(*.needed), memory_size(*.available))]
pub struct Shortage {
    /// Beside what the process holds, in bytes.
    pub needed: u64,
    pub available: u64,
}

/// Whether memory is asked for before it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryCheck {
    #[default]
    On,
    Off,
}

/// What the passes of a trainer may take.
#[derive(Debug, Default)]
pub(super) struct Headroom {
    check: MemoryCheck,
    /// The most that the process may hold, where it is told so.
    limit: Option<u64>,
    /// The least that was held between two passes: what is beyond that is the allocator's, and a pass can use it.
    standing: Option<u64>,
    read: Option<(Instant, MemoryNow)>,
}

impl Headroom {
    pub fn limit(&mut self, most: u64) {
        (self.limit, self.read) = (Some(most), None);
    }

    /// From now on every pass has what it takes.
    pub fn skip(&mut self) {
        self.check = MemoryCheck::Off;
    }

    /// Whether a pass that takes `bytes` can have them. Reads the system's memory at most once a second.
    ///
    /// # Errors
    /// With what is missing.
    pub fn check(&mut self, bytes: u64) -> Result<(), Shortage> {
        let Some(memory) = self.memory().filter(|_| self.check == MemoryCheck::On) else { return Ok(()) };
        let standing = *self.standing.insert(self.standing.map_or(memory.held, |least| least.min(memory.held)));
        let left = self.limit.map_or(u64::MAX, |most| most.saturating_sub(memory.held));
        let available = memory.available.min(left);
        let needed = (standing + bytes).saturating_sub(memory.held);
        if needed > available { Err(Shortage { needed, available }) } else { reserve(needed, available) }
    }

    fn memory(&mut self) -> Option<MemoryNow> {
        match self.read {
            Some((at, memory)) if at.elapsed() < READ_EVERY => Some(memory),
            _ => {
                let memory = MemoryNow::read()?;
                self.read = Some((Instant::now(), memory));
                Some(memory)
            }
        }
    }
}

/// Asks the system for the address space of `needed` bytes, and gives it back untouched.
fn reserve(needed: u64, available: u64) -> Result<(), Shortage> {
    let shortage = Shortage { needed, available };
    let bytes = usize::try_from(needed).map_err(|_| shortage)?;
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| shortage)
}

/// Whether a run can have what it is estimated to take; `mends` are asked for where it cannot.
///
/// # Errors
/// [`TrainError::TooLarge`] where it cannot.
pub(super) fn check(
    estimate: &Estimate,
    machine: &MachineFacts,
    mends: impl FnOnce() -> Vec<Mend>,
) -> Result<(), TrainError> {
    let (needed, budget) = (estimate.total_bytes(), machine.budget());
    let more = needed.saturating_sub(machine.memory_held);
    if needed <= budget && reserve(more, machine.memory_available).is_ok() {
        return Ok(());
    }
    Err(TrainError::TooLarge { needed, available: budget.min(machine.memory_total), mends: mends() })
}

/// Whether a computation failed because its device has no more memory.
pub(super) fn is_out_of_memory(error: &TrainError) -> bool {
    let TrainError::Compute(error) = error else { return false };
    let text = error.to_string().to_lowercase();
    text.contains("out of memory") || text.contains("out_of_memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_already_need_not_be_had_again() {
        let memory = MemoryNow { total: 1000, available: 100, held: 300 };
        let mut headroom = Headroom { read: Some((Instant::now(), memory)), ..Headroom::default() };
        assert_eq!(headroom.check(100), Ok(()));
        assert_eq!(headroom.check(101), Err(Shortage { needed: 101, available: 100 }));
        // The pass is over, and the allocator has kept fifty bytes of it.
        headroom.read = Some((Instant::now(), MemoryNow { available: 50, held: 350, ..memory }));
        assert_eq!(headroom.check(100), Ok(()));
        assert_eq!(headroom.check(101), Err(Shortage { needed: 51, available: 50 }));
    }

    #[test]
    fn no_more_is_taken_than_the_process_may_hold() {
        let memory = MemoryNow { total: 1000, available: 900, held: 300 };
        let mut headroom = Headroom { limit: Some(350), read: Some((Instant::now(), memory)), ..Headroom::default() };
        assert_eq!((headroom.check(50), headroom.check(51).is_err()), (Ok(()), true));
    }

    #[test]
    fn address_space_that_does_not_exist_is_refused_without_ending_the_process() {
        assert!(reserve(1 << 62, u64::MAX).is_err());
        assert_eq!(reserve(1 << 20, u64::MAX), Ok(()));
    }

    #[test]
    fn a_device_without_memory_is_told_from_other_failures() {
        let of = |text: &str| TrainError::Compute(candle_core::Error::Msg(text.into()));
        assert!(is_out_of_memory(&of("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")")));
        assert!(!is_out_of_memory(&of("shape mismatch")));
    }
}
