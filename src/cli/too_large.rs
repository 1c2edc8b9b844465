//! A run that is too large for the machine, and the flags under which it is not.

use crate::train::estimate::memory_size;
use crate::train::{Mend, TrainError, TrainSettings};

/// The error with the flags that mend it, where it is about memory; `settings` are those that were refused.
pub(super) fn with_flags(error: TrainError, settings: &TrainSettings) -> anyhow::Error {
    let TrainError::TooLarge { needed, available, mends } = &error else { return error.into() };
    let (needed, available) = (memory_size(*needed), memory_size(*available));
    let mut text = format!("this run needs about {needed} of memory and can have {available}.");
    let suffice: Vec<&Mend> = mends.iter().filter(|mend| mend.suffices).collect();
    if suffice.is_empty() {
        text += " No other settings would do alone: close other programs, or take a smaller base model.";
    } else {
        text += " What would do, the least harmful first:";
        suffice.into_iter().for_each(|mend| text += &format!("\n  {}: {mend}", flags(mend, settings)));
    }
    anyhow::anyhow!("{text}\nOr try all the same with --no-memory-check.")
}

/// The flags that turn `settings` into the mend's.
fn flags(mend: &Mend, settings: &TrainSettings) -> String {
    let to = &mend.settings;
    let mut flags = Vec::new();
    if (to.batch, to.accumulate) != (settings.batch, settings.accumulate) {
        flags.push(format!("--batch {} --accumulate {}", to.batch, to.accumulate));
    }
    if to.recompute != settings.recompute {
        flags.push("--recompute".into());
    }
    if to.base != settings.base {
        flags.push(format!("--base {}", to.base));
    }
    if to.context != settings.context {
        flags.push(format!("--context {}", to.context));
    }
    flags.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BaseType;
    use crate::train::estimate::MendKind;

    #[test]
    fn a_run_that_is_too_large_is_refused_with_the_flags_under_which_it_is_not() {
        let asked = TrainSettings::default();
        let mend = |settings: TrainSettings, suffices| Mend {
            kinds: vec![MendKind::MicroBatch],
            settings,
            bytes: 900_000_000,
            slowdown: 1.3,
            suffices,
            text: "do less at a time".into(),
        };
        let smaller = TrainSettings { batch: 1, accumulate: 8, recompute: true, ..asked.clone() };
        let coarser = TrainSettings { base: BaseType::Q8_0, context: 256, ..asked.clone() };
        let mends = vec![mend(smaller, true), mend(coarser, true), mend(asked.clone(), false)];
        let error = TrainError::TooLarge { needed: 2_000_000_000, available: 1_000_000_000, mends };
        let text = with_flags(error, &asked).to_string();
        let lines: Vec<&str> = text.lines().collect();
        let price = "do less at a time (about 900 MB, 1.3 times as long)";
        assert!(lines[0].starts_with("this run needs about 2.0 GB of memory and can have 1.0 GB."), "{text}");
        assert_eq!(lines[1], format!("  --batch 1 --accumulate 8 --recompute: {price}"));
        assert_eq!(lines[2], format!("  --base q8_0 --context 256: {price}"));
        assert!(lines.len() == 4 && lines[3].contains("--no-memory-check"), "{text}");
    }

    #[test]
    fn any_other_error_stays_as_it_is() {
        let error = TrainError::Settings("no".into());
        assert_eq!(with_flags(error, &TrainSettings::default()).to_string(), "no");
    }
}
