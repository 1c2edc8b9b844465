//! Cases without training: answering token by token, and reading a prompt.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::figures::{Figures, Sample};
use super::{Bench, Case, FlopCount, WARM_UP};
use crate::adapter::{Adapter, Pass};
use crate::model::KvCache;
use crate::ops::{among_threads, set_profiling};
use crate::train::TrainError;
use crate::train::usage::{MemoryPeak, spent};

/// Tokens of the prompt that decoding begins after.
const PROMPT: usize = 16;
/// Tokens decoded, and how many of them are measured at a time.
const DECODED: usize = 128;
const DECODED_AT_ONCE: usize = 32;
/// Tokens of the prompt that is read.
const PREFILLED: usize = 512;

/// An answer under way, as far as its speed is concerned: the most likely token is taken every time, whatever it says.
struct Answer<'a> {
    bench: &'a Bench<'a>,
    pass: Pass<'a>,
    cache: KvCache,
}

impl<'a> Answer<'a> {
    fn new(bench: &'a Bench<'a>, adapter: Option<&'a Adapter>) -> Result<Self, TrainError> {
        let cache = KvCache::new(bench.decoder.config());
        Ok(Self { bench, pass: Pass { adapter, ..Pass::default() }, cache })
    }

    /// Reads `ids` and gives the token that follows.
    fn next(&mut self, ids: &[u32]) -> Result<u32, TrainError> {
        among_threads(|| self.next_here(ids))
    }

    fn next_here(&mut self, ids: &[u32]) -> Result<u32, TrainError> {
        let logits = self.bench.decoder.next_logits(ids, &self.pass, &mut self.cache)?.to_vec1::<f32>()?;
        let likeliest = (0u32..).zip(logits).max_by(|(_, a), (_, b)| a.total_cmp(b));
        Ok(likeliest.map_or(0, |(token, _)| token))
    }
}

impl Bench<'_> {
    /// As many tokens as the model's context has room for, [`DECODED`] at most.
    pub(super) fn decode(&self, case: Case, adapted: bool) -> Result<Figures, TrainError> {
        let peak = MemoryPeak::start();
        let spec = self.settings.adapter_spec();
        let adapter = if adapted { Some(self.adapter(&spec)?) } else { None };
        let count = FlopCount { config: self.decoder.config(), adapter: adapted.then_some(&spec) };
        let mut answer = Answer::new(self, adapter.as_ref())?;
        let room = self.decoder.config().max_position.saturating_sub(PROMPT + WARM_UP);
        let runs = (room / DECODED_AT_ONCE).clamp(1, DECODED / DECODED_AT_ONCE);
        let mut token = answer.next(&self.prompt(PROMPT))?;
        for _ in 0..WARM_UP {
            token = answer.next(&[token])?;
        }
        set_profiling(true);
        let mut samples = Vec::with_capacity(runs);
        for done in 0..runs {
            self.progress(case, done, runs);
            let mut sample = Sample { tokens: DECODED_AT_ONCE.min(room), ..Sample::default() };
            let past = answer.cache.len();
            sample.flops = (0..sample.tokens).map(|i| count.answering(past + i, 1)).sum();
            let (result, taken) = spent(|| {
                (0..sample.tokens).try_fold(token, |token, _| {
                    self.job.check()?;
                    answer.next(&[token])
                })
            });
            (token, sample.spent) = (result?, taken);
            samples.push(sample);
        }
        Ok(self.figures(case, &samples, &peak))
    }

    /// Each step reads the prompt into an empty cache and gives the token that follows.
    pub(super) fn prefill(&self, case: Case) -> Result<Figures, TrainError> {
        let peak = MemoryPeak::start();
        let config = self.decoder.config();
        let prompt = self.prompt(PREFILLED.min(config.max_position));
        let flops = FlopCount { config, adapter: None }.answering(0, prompt.len());
        let mut samples = Vec::with_capacity(self.steps);
        for done in 0..WARM_UP + self.steps {
            self.job.check()?;
            self.progress(case, done, WARM_UP + self.steps);
            if done == WARM_UP {
                set_profiling(true);
            }
            let mut answer = Answer::new(self, None)?;
            let (result, taken) = spent(|| answer.next(&prompt));
            result?;
            if done >= WARM_UP {
                samples.push(Sample { spent: taken, tokens: prompt.len(), supervised: 0, flops });
            }
        }
        Ok(self.figures(case, &samples, &peak))
    }

    fn prompt(&self, tokens: usize) -> Vec<u32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        (0..tokens).map(|_| rng.random_range(0..self.decoder.config().vocab as u32)).collect()
    }
}
