//! The memory pilot: a run's first piece of work. It holds the estimate against the memory that there is, and then passes
//! once over the heaviest micro-batch.

use super::super::estimate::{Place, estimate, mends};
use super::super::{
    DataFacts, Dataset, Estimate, EstimateRecord, MachineFacts, ModelFacts, TrainError, TrainSettings, headroom,
};
use super::{Run, RunEvent, Work};
use crate::adapter::Adapter;
use crate::model::BaseModel;

/// Bytes of one trained number.
const TRAINED: u64 = 4;

/// What a run is to be, and where.
pub(super) struct Prospect {
    model: ModelFacts,
    data: DataFacts,
    machine: MachineFacts,
    settings: TrainSettings,
}

/// What is in memory already of what a run trains.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Made {
    Adapter,
    /// With gradients and two moments.
    Optimizer,
}

impl Prospect {
    pub fn new(model: &BaseModel, data: &Dataset, settings: TrainSettings, adapter: &Adapter, made: Made) -> Self {
        let (model, data) = (ModelFacts::of(model), DataFacts::of(data));
        let trained = TRAINED * (adapter.parameters() + adapter.router_parameters()) as u64;
        let trained = if made == Made::Optimizer { 4 * trained } else { trained };
        let of_run = model.loaded_bytes + data.token_bytes(settings.context) + trained;
        let machine = MachineFacts::unmeasured().with_run(of_run);
        Self { model, data, machine, settings }
    }

    fn estimate(&self) -> Estimate {
        estimate(&self.model, &self.data, &self.machine, &self.settings)
    }

    /// # Errors
    /// [`TrainError::TooLarge`] where the memory cannot be had; a GPU's is not known before it is asked for.
    pub fn check(&self) -> Result<(), TrainError> {
        if self.model.place == Place::Gpu {
            return Ok(());
        }
        let others = || mends(&self.model, &self.data, &self.machine, &self.settings);
        headroom::check(&self.estimate(), &self.machine, others)
    }
}

/// The settings of a run that goes on cannot be changed.
fn without_mends(error: TrainError) -> TrainError {
    match error {
        TrainError::TooLarge { needed, available, .. } => TrainError::TooLarge { needed, available, mends: Vec::new() },
        other => other,
    }
}

impl Run {
    /// Leaves out whatever holds the run's memory against what there is.
    pub fn skip_memory_check(&mut self) {
        self.work.retain(|work| *work != Work::Pilot);
        self.trainer.skip_memory_check();
    }

    /// Holds the estimate against the memory that there is, passes once over the heaviest micro-batch, and tells of both. A
    /// new run that is too large is refused; one that goes on is divided into smaller micro-batches first.
    pub(super) fn pilot(&mut self) -> Result<Vec<RunEvent>, TrainError> {
        let Some(mut prospect) = self.prospect() else { return Ok(Vec::new()) };
        let is_new = self.trainer.step() == 0;
        while let Err(error) = prospect.check() {
            if is_new {
                return Err(error);
            }
            if !self.trainer.fall_back("memory runs short") {
                return Err(without_mends(error));
            }
            prospect.settings = self.trainer.micro_batching().put_into(self.trainer.settings());
        }
        let dry = self.trainer.dry_pass()?.unwrap_or_default();
        prospect.settings = self.trainer.micro_batching().put_into(self.trainer.settings());
        prospect.machine = prospect.machine.at_pace(dry.flops_per_s);
        let estimate = prospect.estimate();
        let (step, total, available) = (self.trainer.step(), estimate.total_bytes(), prospect.machine.budget());
        let record = EstimateRecord { step, estimate, total, available, measured: dry.peak_bytes };
        let warnings = self.trainer.take_warnings().into_iter().map(RunEvent::Warning);
        Ok(warnings.chain([RunEvent::Estimate(record)]).collect())
    }

    fn prospect(&self) -> Option<Prospect> {
        let settings = self.trainer.micro_batching().put_into(self.trainer.settings());
        let adapter = self.trainer.adapter()?;
        Some(Prospect::new(&self.model, self.trainer.data(), settings, adapter, Made::Optimizer))
    }
}
