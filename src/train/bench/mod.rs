//! How fast this machine trains and answers, and where the time goes. A [`Bench`] measures [`Case`]s on a decoder, and
//! compares methods with each other; every training step it takes is a step of the real [`Trainer`](super::Trainer).
//!
//! A case gives [`Figures`]: wall time, the process's CPU time, tokens a second of both, floating-point operations by
//! the analytic count of `flops.rs` as a share of what the machine's matrix product reaches, peak memory, and the share
//! of each kind of operation. CPU time is what to compare on a machine that does other things too. Start reading at
//! `training.rs`.

mod answering;
mod case;
mod ceiling;
mod figures;
mod methods;
mod training;

use std::sync::Arc;

pub use super::usage::{load_average, threads};
pub use case::Case;
pub use ceiling::{Ceiling, ProductRate};
pub use figures::{Figures, Pace, TimeShares};
pub use methods::MethodCost;

use figures::Sample;

use super::usage::MemoryPeak;
use super::{Dataset, FlopCount, TrainError, TrainSettings};
use crate::adapter::{Adapter, AdapterSpec};
use crate::job::Job;
use crate::model::Decoder;
use crate::ops::set_profiling;

/// Steps before the first that is measured: memory is taken and threads are woken in them.
const WARM_UP: usize = 2;

/// What is measured, and how.
pub struct Bench<'a> {
    pub decoder: &'a Arc<Decoder>,
    /// Settings of the training cases; a case puts its own batch, context and packing in.
    pub settings: &'a TrainSettings,
    /// Steps that are measured; figures are the median over them.
    pub steps: usize,
    /// What the machine's products reach, in FLOP/s; `None` where that was not measured.
    pub ceiling: Option<f64>,
    pub job: &'a Job,
}

impl Bench<'_> {
    /// Measures one case. The two of a corpus take its examples; `None` where there is no corpus.
    ///
    /// # Errors
    /// When the computation fails, or the job is cancelled.
    pub fn measure(&self, case: Case, corpus: Option<&Arc<Dataset>>) -> Result<Option<Figures>, TrainError> {
        let figures = match case {
            Case::Rows { rows, tokens } => self.train_rows(case, rows, tokens)?,
            Case::Corpus { packing } => match corpus {
                Some(corpus) => self.train_corpus(case, packing, corpus)?,
                None => return Ok(None),
            },
            Case::Decode { adapted } => self.decode(case, adapted)?,
            Case::Prefill => self.prefill(case)?,
        };
        Ok(Some(figures))
    }

    /// Figures of what ran since profiling began, which ends here.
    fn figures(&self, case: Case, samples: &[Sample], peak: &MemoryPeak) -> Figures {
        let shares = TimeShares::since_start(samples.iter().map(|sample| sample.spent.wall_s).sum());
        set_profiling(false);
        Figures::of(&case.name(), samples, self.ceiling, peak.bytes(), shares)
    }

    /// An adapter with its heads at zero, as training begins with.
    fn adapter(&self, spec: &AdapterSpec) -> Result<Adapter, TrainError> {
        let config = self.decoder.config();
        let dims = |module: crate::adapter::Module| config.dims(module.target);
        Ok(Adapter::new(spec, config.layers, dims, self.settings.seed, self.decoder.device())?)
    }

    fn progress(&self, what: impl std::fmt::Display, done: usize, of: usize) {
        self.job.progress(done as f32 / of.max(1) as f32, format!("Measuring {what}"));
    }
}
