//! Training cases: steps of the real trainer, each with what it took.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::figures::{Figures, Sample};
use super::{Bench, Case, FlopCount, WARM_UP};
use crate::adapter::AdapterSpec;
use crate::data::Source;
use crate::ops::set_profiling;
use crate::text::TokenizedExample;
use crate::train::usage::{MemoryPeak, spent};
use crate::train::{Batcher, Dataset, Length, Row, TrainError, TrainSettings, Trainer};

/// Rows of random tokens that the steps take in turn.
const RANDOM_ROWS: usize = 16;

impl Bench<'_> {
    pub(super) fn train_rows(&self, case: Case, rows: usize, tokens: usize) -> Result<Figures, TrainError> {
        let settings = self.rows_settings(rows, tokens);
        let data = self.random_rows(&settings);
        self.train(case, settings, data)
    }

    /// Both ways of laying examples together take the same examples in the same steps.
    pub(super) fn train_corpus(&self, case: Case, packing: bool, corpus: &Arc<Dataset>) -> Result<Figures, TrainError> {
        let settings = TrainSettings { packing, ..self.settings.clone() };
        self.train(case, settings, corpus.clone())
    }

    /// Settings under which a step takes `rows` full rows at once.
    pub(super) fn rows_settings(&self, rows: usize, tokens: usize) -> TrainSettings {
        let context = tokens.min(self.decoder.config().max_position);
        TrainSettings { batch: rows, accumulate: 1, packing: false, context, ..self.settings.clone() }
    }

    /// Rows that fill the context, every token but the first supervised.
    pub(super) fn random_rows(&self, settings: &TrainSettings) -> Arc<Dataset> {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let vocab = self.decoder.config().vocab as u32;
        let row = |line: usize| {
            let ids: Vec<u32> = (0..settings.context).map(|_| rng.random_range(0..vocab)).collect();
            let tokens = TokenizedExample { supervised: vec![true; ids.len()], ids, ..TokenizedExample::default() };
            Row { tokens, source: Source { file: "random tokens".into(), line }, topic: None }
        };
        Arc::new(Dataset { train: (1..=RANDOM_ROWS).map(row).collect(), ..Dataset::default() })
    }

    fn train(&self, case: Case, settings: TrainSettings, data: Arc<Dataset>) -> Result<Figures, TrainError> {
        let peak = MemoryPeak::start();
        let mut steps = Steps::new(self, settings, data, WARM_UP + self.steps)?;
        for done in 0..WARM_UP {
            self.progress(case, done, WARM_UP + self.steps);
            steps.next(self)?;
        }
        set_profiling(true);
        let mut samples = Vec::with_capacity(self.steps);
        for done in 0..self.steps {
            self.progress(case, WARM_UP + done, WARM_UP + self.steps);
            samples.push(steps.next(self)?);
        }
        Ok(self.figures(case, &samples, &peak))
    }
}

/// A trainer, with the work of its steps counted beside it.
pub(super) struct Steps {
    trainer: Trainer,
    batcher: Batcher,
    spec: AdapterSpec,
}

impl Steps {
    /// A trainer of `steps` steps on an adapter of its own.
    pub fn new(
        bench: &Bench<'_>,
        settings: TrainSettings,
        data: Arc<Dataset>,
        steps: usize,
    ) -> Result<Self, TrainError> {
        let settings = TrainSettings { length: Length::Steps(steps), ..settings };
        settings.validate().map_err(TrainError::Settings)?;
        let spec = settings.adapter_spec();
        let adapter = bench.adapter(&spec)?;
        let (vars, decoder) = (adapter.vars(), bench.decoder.clone());
        let batcher = Batcher::new(data.clone(), settings.clone());
        let trainer = Trainer::new(decoder, Some(adapter), vars, data, settings, steps);
        Ok(Self { trainer, batcher, spec })
    }

    /// Takes one optimizer step: forward, backward and update of all its micro-batches.
    pub fn next(&mut self, bench: &Bench<'_>) -> Result<Sample, TrainError> {
        bench.job.check()?;
        let batches = self.batcher.step(self.trainer.step());
        let count = FlopCount { config: bench.decoder.config(), adapter: Some(&self.spec) };
        let flops = batches.micro_batches.iter().map(|micro| count.training(&micro.batch)).sum();
        let (record, spent) = spent(|| self.whole_step());
        record?;
        Ok(Sample { spent, tokens: batches.tokens, supervised: batches.supervised, flops })
    }

    fn whole_step(&mut self) -> Result<(), TrainError> {
        while self.trainer.micro_step()?.is_none() {}
        Ok(())
    }

    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }
}
