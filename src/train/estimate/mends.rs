//! Settings under which a run takes less memory, the least harmful first.

use serde::{Deserialize, Serialize};

use super::facts::{DataFacts, MachineFacts, ModelFacts};
use super::memory::Memory;
use super::{micro_batches, time};
use crate::model::BaseType;
use crate::train::TrainSettings;

/// What a mend changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MendKind {
    /// Fewer rows at once and more micro-batches a step: the same effective batch, and the same result but for rounding.
    MicroBatch,
    /// Activations computed again instead of kept: the same result, in more time.
    Recompute,
    /// The base model in a smaller type: its weights are rounded, or left as they are stored.
    Base(BaseType),
    /// Examples cut shorter.
    Context,
}

/// Other settings for the same run, that take less memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mend {
    /// What is changed, in the order of the harm it does.
    pub kinds: Vec<MendKind>,
    pub settings: TrainSettings,
    /// The most memory that the process will hold.
    pub bytes: u64,
    /// How many times longer a step takes.
    pub slowdown: f64,
    /// Whether that is no more than can be had.
    pub suffices: bool,
    /// What is changed, and at what price.
    pub text: String,
}

/// Contexts that a mend offers, the longest first.
const CONTEXTS: [usize; 7] = [4096, 2048, 1024, 512, 256, 128, 64];

/// A smaller need counts as help from this share of the whole on.
const WORTH: f64 = 0.02;

/// Changes that are put together where none alone suffices, those of least harm first. `Base` is the one that helps most.
const TOGETHER: [&[Change]; 5] = [
    &[Change::MicroBatch, Change::Recompute],
    &[Change::MicroBatch, Change::Base],
    &[Change::MicroBatch, Change::Recompute, Change::Base],
    &[Change::MicroBatch, Change::Recompute, Change::Context],
    &[Change::MicroBatch, Change::Recompute, Change::Base, Change::Context],
];

/// What may be changed, before it is known to what.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    MicroBatch,
    Recompute,
    Base,
    Context,
}

/// Settings that take less memory than `settings`: those that fit come first, and among them those that do the least
/// harm. Where no change alone suffices, changes are put together.
pub fn mends(model: &ModelFacts, data: &DataFacts, machine: &MachineFacts, settings: &TrainSettings) -> Vec<Mend> {
    let mut search = Search { model, data, machine, settings, now: 0 };
    search.now = search.bytes(settings);
    let alone = [Change::MicroBatch, Change::Recompute, Change::Base, Change::Context];
    let mut found: Vec<Mend> = alone.iter().flat_map(|change| search.with(&[*change])).collect();
    if !found.iter().any(|mend| mend.suffices) {
        let together: Vec<Mend> = TOGETHER.iter().flat_map(|changes| search.with(changes)).collect();
        match together.iter().any(|mend| mend.suffices) {
            true => found.extend(together.into_iter().filter(|mend| mend.suffices)),
            // What needs the least is the nearest to a way out.
            false => found.extend(together.into_iter().min_by_key(|mend| mend.bytes)),
        }
    }
    found.sort_by_key(|mend| !mend.suffices);
    found
}

struct Search<'a> {
    model: &'a ModelFacts,
    data: &'a DataFacts,
    machine: &'a MachineFacts,
    settings: &'a TrainSettings,
    /// What the settings take as they are.
    now: u64,
}

impl Search<'_> {
    fn bytes(&self, settings: &TrainSettings) -> u64 {
        let largest = micro_batches::largest(self.data, settings);
        Memory::new(self.model, self.data, self.machine, settings).at(largest).total_bytes()
    }

    /// The mends that these changes make: of numbers the largest that fits, or the smallest where none does; of types
    /// each that helps, or the smallest where other things change too.
    fn with(&self, changes: &[Change]) -> Vec<Mend> {
        let bases = self.bases();
        let types: Vec<Option<BaseType>> = match changes {
            [Change::Base] => bases.into_iter().map(Some).collect(),
            _ if changes.contains(&Change::Base) => bases.last().copied().map(Some).into_iter().collect(),
            _ => vec![None],
        };
        types.into_iter().filter_map(|base| self.largest_that_fits(changes, base)).collect()
    }

    fn largest_that_fits(&self, changes: &[Change], base: Option<BaseType>) -> Option<Mend> {
        let mut last = None;
        for context in self.numbers(changes, Change::Context, self.settings.context, contexts) {
            for batch in self.numbers(changes, Change::MicroBatch, self.settings.batch, batches) {
                let settings = TrainSettings {
                    batch,
                    accumulate: self.settings.effective_batch() / batch.max(1),
                    context,
                    recompute: self.settings.recompute || changes.contains(&Change::Recompute),
                    base: base.unwrap_or(self.settings.base),
                    ..self.settings.clone()
                };
                let bytes = self.bytes(&settings);
                let fits = bytes <= self.machine.budget();
                last = Some((settings, bytes));
                if fits {
                    return last.and_then(|(settings, bytes)| self.mend(settings, bytes));
                }
            }
        }
        last.and_then(|(settings, bytes)| self.mend(settings, bytes))
    }

    /// What a number may become, the largest first; as it is where it is not to be changed.
    fn numbers(
        &self,
        changes: &[Change],
        change: Change,
        now: usize,
        less: fn(&TrainSettings) -> Vec<usize>,
    ) -> Vec<usize> {
        if changes.contains(&change) { less(self.settings) } else { vec![now] }
    }

    /// Types that take less memory than the base model's now, the largest first.
    fn bases(&self) -> Vec<BaseType> {
        let now = self.model.weight_bytes(self.settings.base);
        let mut all = vec![BaseType::Stored, BaseType::BF16, BaseType::F16, BaseType::Q8_0];
        all.retain(|base| self.model.weight_bytes(*base) < now);
        // The same size at no less harm is no choice.
        all.dedup_by_key(|base| self.model.weight_bytes(*base));
        all.sort_by_key(|base| std::cmp::Reverse(self.model.weight_bytes(*base)));
        all
    }

    /// The mend that other settings are, where they help.
    fn mend(&self, settings: TrainSettings, bytes: u64) -> Option<Mend> {
        if bytes as f64 > self.now as f64 * (1.0 - WORTH) {
            return None;
        }
        let (kinds, mut sentences) = (self.kinds(&settings), Vec::new());
        for kind in &kinds {
            sentences.push(self.sentence(*kind, &settings));
        }
        let slowdown = time::slowdown(self.model, self.data, self.settings, &settings);
        Some(Mend {
            kinds,
            bytes,
            slowdown,
            suffices: bytes <= self.machine.budget(),
            text: sentences.join("; "),
            settings,
        })
    }

    fn kinds(&self, settings: &TrainSettings) -> Vec<MendKind> {
        let changed = [
            (settings.batch != self.settings.batch, MendKind::MicroBatch),
            (settings.recompute != self.settings.recompute, MendKind::Recompute),
            (settings.base != self.settings.base, MendKind::Base(settings.base)),
            (settings.context != self.settings.context, MendKind::Context),
        ];
        changed.into_iter().filter(|(is_changed, _)| *is_changed).map(|(_, kind)| kind).collect()
    }

    fn sentence(&self, kind: MendKind, settings: &TrainSettings) -> String {
        match kind {
            MendKind::MicroBatch => format!(
                "compute {} at a time instead of {}, and gather {} times as often, for the same result",
                rows(settings.batch),
                self.settings.batch,
                self.settings.batch / settings.batch.max(1)
            ),
            MendKind::Recompute => "compute activations again instead of keeping them, for the same result".into(),
            MendKind::Base(BaseType::Stored) => {
                format!("keep the base model as it is stored, in {}, for the same result", self.model.stored_as)
            }
            MendKind::Base(BaseType::Q8_0) => "keep the base model in 8 bits, which rounds it a little more".into(),
            MendKind::Base(base) => format!("keep the base model in {base}, which rounds it to 16 bits"),
            MendKind::Context => {
                let context = settings.context;
                let cut = self.data.sample.iter().filter(|size| size.tokens > context).count();
                let share = 100.0 * cut as f64 / self.data.sample.len().max(1) as f64;
                format!("take a context of {context} tokens, to which {share:.0} % of the examples are cut")
            }
        }
    }
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".into() } else { format!("{count} rows") }
}

/// Fewer rows of a micro-batch that make up the same effective batch.
fn batches(settings: &TrainSettings) -> Vec<usize> {
    let whole = settings.effective_batch();
    (1..settings.batch)
        .rev()
        .filter(|batch| settings.batch.is_multiple_of(*batch) && whole.is_multiple_of(*batch))
        .collect()
}

fn contexts(settings: &TrainSettings) -> Vec<usize> {
    CONTEXTS.into_iter().filter(|context| *context < settings.context).collect()
}
