//! The training loop, one micro-batch at a time, so that whoever drives it can pause, stop or do something else in
//! between.

use std::sync::Arc;
use std::time::Instant;

use candle_core::backprop::GradStore;

use crate::adapter::{Adapter, GateCapture, GateLoad, Pass};
use crate::model::{Decoder, Sequences};
use crate::ops::{Balance, ComputeThreads};
use crate::text::Batch;

use super::batches::MicroBatch;
use super::dataset::{Dataset, Row, collate};
use super::feed::Feed;
use super::headroom::Headroom;
use super::micro_batching::MicroBatching;
use super::optimizer::{AdamConstants, AdamW};
use super::{StepRecord, TrainError, TrainSettings, WarningRecord};

/// What is trained: an adapter on a frozen base, or, from scratch, the base itself.
pub struct Trainer {
    decoder: Arc<Decoder>,
    adapter: Option<Adapter>,
    optimizer: AdamW,
    data: Arc<Dataset>,
    pub(super) feed: Feed,
    threads: ComputeThreads,
    settings: TrainSettings,
    steps: usize,
    /// Seconds trained, pauses left out.
    elapsed_s: f64,
    /// The optimizer step under way.
    current: Option<StepInProgress>,
    /// How steps fall into micro-batches now.
    pub(super) in_force: MicroBatching,
    pub(super) headroom: Headroom,
    pub(super) warnings: Vec<WarningRecord>,
    /// Whether it was said that there is nothing smaller than one row.
    pub(super) has_told_of_last_row: bool,
    /// Whether the gates of the next micro-batch are kept.
    is_looking: bool,
    seen: Option<GateLoad>,
}

/// One optimizer step under way: the micro-batches that are left, and what the done ones gave.
pub(super) struct StepInProgress {
    left: std::vec::IntoIter<MicroBatch>,
    /// Indices into the training rows, of the micro-batches that are done.
    examples: Vec<usize>,
    /// Supervised tokens of the whole effective batch: what the mean loss is taken over.
    supervised: usize,
    tokens: usize,
    loss: f64,
    micro: usize,
    seconds: f64,
}

/// Summed loss over some held-out rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EvalSum {
    /// Sum of cross-entropies, in nats.
    pub loss: f64,
    pub supervised: usize,
}

impl EvalSum {
    pub(super) fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.supervised += other.supervised;
    }

    /// Mean cross-entropy a token, in nats.
    pub fn mean(&self) -> f64 {
        self.loss / self.supervised.max(1) as f64
    }
}

impl Trainer {
    /// A trainer for `steps` optimizer steps. Without an adapter the decoder's own variables, `vars`, are trained.
    pub fn new(
        decoder: Arc<Decoder>,
        adapter: Option<Adapter>,
        vars: Vec<candle_core::Var>,
        data: Arc<Dataset>,
        settings: TrainSettings,
        steps: usize,
    ) -> Self {
        let constants = AdamConstants { weight_decay: settings.weight_decay, ..AdamConstants::default() };
        let optimizer = AdamW::new(vars, constants);
        let feed = Feed::new(data.clone(), settings.clone(), steps);
        let threads = ComputeThreads::new(settings.threads);
        Self {
            in_force: MicroBatching::of(&settings),
            headroom: Headroom::default(),
            warnings: Vec::new(),
            has_told_of_last_row: false,
            is_looking: false,
            seen: None,
            decoder,
            adapter,
            optimizer,
            data,
            feed,
            threads,
            settings,
            steps,
            elapsed_s: 0.0,
            current: None,
        }
    }

    /// Optimizer steps done.
    pub fn step(&self) -> usize {
        self.optimizer.steps()
    }

    /// Optimizer steps of the whole run.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Seconds trained so far, pauses left out.
    pub fn elapsed_s(&self) -> f64 {
        self.elapsed_s
    }

    /// The threads that the settings give to training.
    pub(super) fn threads(&self) -> ComputeThreads {
        self.threads.clone()
    }

    /// Runs `work` on the threads that the settings give to training.
    pub(super) fn on_threads<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.threads.run(work)
    }

    pub fn adapter(&self) -> Option<&Adapter> {
        self.adapter.as_ref()
    }

    pub fn decoder(&self) -> &Arc<Decoder> {
        &self.decoder
    }

    pub fn data(&self) -> &Arc<Dataset> {
        &self.data
    }

    pub fn settings(&self) -> &TrainSettings {
        &self.settings
    }

    pub(super) fn optimizer(&self) -> &AdamW {
        &self.optimizer
    }

    /// Goes on from a checkpoint's optimizer state; the adapter's tensors are the caller's to restore.
    pub(super) fn restore(
        &mut self,
        moments: &[super::optimizer::Moments],
        step: usize,
        elapsed_s: f64,
    ) -> Result<(), TrainError> {
        self.optimizer.restore(moments, step)?;
        self.elapsed_s = elapsed_s;
        self.current = None;
        Ok(())
    }

    /// Trains on one micro-batch; gives a record when that completed an optimizer step.
    ///
    /// Errs, with the rows of the batch, when the loss or a gradient is not a finite number.
    pub fn micro_step(&mut self) -> Result<Option<StepRecord>, TrainError> {
        self.threads.clone().run(|| self.micro_step_here())
    }

    fn micro_step_here(&mut self) -> Result<Option<StepRecord>, TrainError> {
        let started = Instant::now();
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin_step(),
        };
        if let Some(micro_batch) = current.left.next() {
            let Some(loss) = self.attempt(&micro_batch, &current)? else {
                self.elapsed_s += current.seconds + started.elapsed().as_secs_f64();
                return Ok(None);
            };
            current.loss += loss;
            current.micro += 1;
            current.examples.extend(micro_batch.examples);
        }
        current.seconds += started.elapsed().as_secs_f64();
        if current.left.len() > 0 {
            self.current = Some(current);
            return Ok(None);
        }
        self.finish_step(current, started).map(Some)
    }

    fn begin_step(&mut self) -> StepInProgress {
        let step = self.feed.step(self.step());
        StepInProgress {
            left: step.micro_batches.into_iter(),
            examples: Vec::new(),
            supervised: step.supervised,
            tokens: step.tokens,
            loss: 0.0,
            micro: 0,
            seconds: 0.0,
        }
    }

    /// Forward and backward over one micro-batch; gives its share of the mean loss.
    pub(super) fn learn(&mut self, micro_batch: &MicroBatch, current: &StepInProgress) -> Result<f64, TrainError> {
        let MicroBatch { batch, examples } = micro_batch;
        let micro = (self.step() * self.in_force.accumulate + current.micro) as u64;
        let share = batch.tokens() as f64 / current.tokens.max(1) as f64;
        let loss = self.gather_gradients(batch, current.supervised, share, micro)?;
        if !loss.is_finite() {
            return Err(self.not_finite("loss", self.step() + 1, &self.rows(examples)));
        }
        Ok(f64::from(loss))
    }

    /// The balance loss as it falls on a batch with this share of the step's tokens: the mean over all modules and tokens.
    fn balance(&self, batch: &Batch, share: f64) -> Option<Balance> {
        let adapter = self.adapter.as_ref().filter(|_| self.settings.balance_loss > 0.0)?;
        let weight = (self.settings.balance_loss * share / adapter.modules().count().max(1) as f64) as f32;
        Some(Balance { weight, spans: Arc::new(batch.spans.clone()) })
    }

    /// The loss of a batch, 0 where nothing in it is supervised. Its gradients are gathered where it is finite. `share` is
    /// its part of the tokens of the step.
    pub(super) fn gather_gradients(
        &mut self,
        batch: &Batch,
        supervised: usize,
        share: f64,
        micro: u64,
    ) -> candle_core::Result<f32> {
        let capture = self.is_looking.then(GateCapture::default);
        let balance = self.balance(batch, share);
        let pass = Pass {
            adapter: self.adapter.as_ref(),
            balance: balance.as_ref(),
            training_seed: Some(self.settings.seed.wrapping_add(micro << 20)),
            capture: capture.as_ref(),
            ..Pass::default()
        };
        let is_recomputed = self.settings.recompute && self.adapter.is_some();
        let loss = gather(&self.decoder, &mut self.optimizer, batch, supervised, &pass, is_recomputed)?;
        if let (Some(capture), Some(adapter)) = (capture, &self.adapter) {
            let mut load = GateLoad::new(adapter.spec().heads);
            load.add(&capture.take(), &batch.spans);
            (self.seen, self.is_looking) = (Some(load), false);
        }
        Ok(loss)
    }

    /// Looks at the gates of the next micro-batch; [`Trainer::take_gates`] gives them. Nothing else is computed for it.
    pub(super) fn look(&mut self) {
        self.is_looking = true;
    }

    /// How the gates of the micro-batch that was looked at share out.
    pub(super) fn take_gates(&mut self) -> Option<GateLoad> {
        self.seen.take()
    }

    /// Whether the next micro-batch is the first of a step.
    pub(super) fn is_between_steps(&self) -> bool {
        self.current.is_none()
    }

    /// Forgets what the step under way has gathered: it begins anew.
    pub(super) fn forget_step(&mut self) {
        self.optimizer.clear_gradients();
        self.current = None;
    }

    fn finish_step(&mut self, current: StepInProgress, started: Instant) -> Result<StepRecord, TrainError> {
        let grad_norm = self.optimizer.gradient_norm();
        if !grad_norm.is_finite() {
            self.optimizer.clear_gradients();
            return Err(self.not_finite("gradient", self.step() + 1, &self.rows(&current.examples)));
        }
        let limit = self.settings.max_grad_norm;
        let factor = if limit > 0.0 && grad_norm > limit { limit / grad_norm } else { 1.0 };
        let step = self.step() + 1;
        let lr = self.settings.lr_at(step, self.steps);
        let before_update = started.elapsed().as_secs_f64();
        self.optimizer.step(lr, factor)?;
        let seconds = current.seconds + (started.elapsed().as_secs_f64() - before_update);
        self.elapsed_s += seconds;
        Ok(StepRecord {
            step,
            steps: self.steps,
            loss: current.loss,
            lr,
            grad_norm,
            tokens: current.tokens,
            supervised: current.supervised,
            tokens_per_s: current.tokens as f64 / seconds.max(1e-9),
            elapsed_s: self.elapsed_s,
        })
    }

    fn rows(&self, examples: &[usize]) -> Vec<&Row> {
        examples.iter().filter_map(|&example| self.data.train.get(example)).collect()
    }

    fn not_finite(&self, what: &'static str, step: usize, rows: &[&Row]) -> TrainError {
        let sources = rows.iter().map(|row| row.source.to_string()).collect::<Vec<_>>().join(", ");
        TrainError::NotFinite { what, step, sources, checkpoint: None }
    }

    /// Held-out loss of some rows; the gates they get go into `load`.
    ///
    /// # Errors
    /// When the loss is not a finite number.
    pub fn evaluate(&self, rows: &[&Row], load: Option<&mut GateLoad>) -> Result<EvalSum, TrainError> {
        self.threads.run(|| self.evaluate_here(rows, load))
    }

    fn evaluate_here(&self, rows: &[&Row], load: Option<&mut GateLoad>) -> Result<EvalSum, TrainError> {
        let batch = collate(rows, self.settings.packing);
        let supervised = rows.iter().map(|row| row.tokens.supervised_count()).sum();
        let capture = GateCapture::default();
        let pass =
            Pass { adapter: self.adapter.as_ref(), capture: load.is_some().then_some(&capture), ..Pass::default() };
        let loss = loss_of(&self.decoder, &batch, 1, &pass)?;
        if let Some(load) = load {
            load.add(&capture.take(), &batch.spans);
        }
        let loss = loss.map(|loss| loss.to_scalar::<f32>()).transpose()?.map_or(0.0, f64::from);
        if !loss.is_finite() {
            return Err(self.not_finite("held-out loss", self.step(), rows));
        }
        Ok(EvalSum { loss, supervised })
    }
}

/// The loss of a batch, 0 where nothing in it is supervised; its gradients go to the optimizer where it is finite.
fn gather(
    decoder: &Decoder,
    optimizer: &mut AdamW,
    batch: &Batch,
    supervised: usize,
    pass: &Pass<'_>,
    is_recomputed: bool,
) -> candle_core::Result<f32> {
    if is_recomputed {
        let sequences = Sequences::of(batch);
        let gather = |grads: &GradStore| optimizer.gather(grads);
        let loss = decoder.loss_with_recomputation(&batch.ids, &batch.labels, &sequences, supervised, pass, gather)?;
        return Ok(loss.unwrap_or(0.0));
    }
    let Some(loss) = loss_of(decoder, batch, supervised, pass)? else { return Ok(0.0) };
    let value = loss.to_scalar::<f32>()?;
    if value.is_finite() {
        optimizer.gather(&loss.backward()?)?;
    }
    Ok(value)
}

/// The loss of a batch; `None` where nothing in it is supervised.
pub fn loss_of(
    decoder: &Decoder,
    batch: &Batch,
    count: usize,
    pass: &Pass<'_>,
) -> candle_core::Result<Option<candle_core::Tensor>> {
    let sequences = Sequences::of(batch);
    decoder.loss(&batch.ids, &batch.labels, &sequences, count, pass)
}
