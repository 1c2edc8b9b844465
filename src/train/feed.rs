//! The micro-batches of a run, prepared a step ahead on a thread of their own, so that training never waits for its
//! data.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, bounded};

use super::batches::{Batcher, StepBatches};
use super::{Dataset, TrainSettings};

/// Gives the micro-batches of one step after the other. What it gives is what [`Batcher::step`] gives.
pub struct Feed {
    batcher: Batcher,
    /// Steps of the whole run: none is prepared beyond.
    steps: usize,
    ahead: Option<Ahead>,
}

/// The thread that prepares steps. One of them waits in the channel, and the thread waits with the next.
struct Ahead {
    /// The step that comes next from the channel.
    next: usize,
    ready: Receiver<StepBatches>,
    thread: JoinHandle<()>,
}

impl Feed {
    /// A feed for a run of `steps` steps. Nothing is prepared before the first is asked for.
    pub fn new(data: Arc<Dataset>, settings: TrainSettings, steps: usize) -> Self {
        Self { batcher: Batcher::new(data, settings), steps, ahead: None }
    }

    /// The micro-batches of the step after `step` steps. A step out of turn, as where a run goes on from a checkpoint,
    /// starts the thread anew from there.
    pub fn step(&mut self, step: usize) -> StepBatches {
        if self.ahead.as_ref().is_none_or(|ahead| ahead.next != step) {
            self.stop();
            self.ahead = Ahead::start(self.batcher.clone(), step, self.steps);
        }
        // Beyond the run's end, or where there is no thread to be had, a step is made in place.
        self.ahead.as_mut().and_then(Ahead::take).unwrap_or_else(|| self.batcher.step(step))
    }

    /// Ends the thread, after the step that it is at.
    fn stop(&mut self) {
        if let Some(Ahead { ready, thread, .. }) = self.ahead.take() {
            drop(ready);
            // A thread that panicked gave nothing, and its step is made in place.
            let _ = thread.join();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Ahead {
    fn start(mut batcher: Batcher, first: usize, steps: usize) -> Option<Self> {
        let (sender, ready) = bounded(1);
        let prepare = move || {
            for step in first..steps {
                // A feed that is gone wants no more.
                if sender.send(batcher.step(step)).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("batches".to_owned()).spawn(prepare).ok()?;
        Some(Self { next: first, ready, thread })
    }

    fn take(&mut self) -> Option<StepBatches> {
        self.next += 1;
        self.ready.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::data::Source;
    use crate::text::TokenizedExample;
    use crate::train::Row;

    fn data(count: usize) -> Arc<Dataset> {
        let row = |i: usize| {
            let ids: Vec<u32> = (0..2 + i * 5 % 30).map(|t| (i + t) as u32).collect();
            let tokens = TokenizedExample { supervised: vec![true; ids.len()], ids, ..TokenizedExample::default() };
            Row { tokens, source: Source { file: "rows".into(), line: i + 1 }, topic: None }
        };
        Arc::new(Dataset { train: (0..count).map(row).collect(), ..Dataset::default() })
    }

    fn settings(packing: bool) -> TrainSettings {
        TrainSettings { batch: 3, accumulate: 2, packing, context: 32, seed: 11, ..TrainSettings::default() }
    }

    #[test]
    fn a_feed_gives_what_is_made_in_place() {
        for packing in [true, false] {
            let mut feed = Feed::new(data(40), settings(packing), 30);
            let mut batcher = Batcher::new(data(40), settings(packing));
            for step in 0..30 {
                assert_eq!(feed.step(step), batcher.step(step));
            }
        }
    }

    #[test]
    fn a_run_that_goes_on_at_any_step_gets_the_batches_of_the_unbroken_one() {
        let whole: Vec<StepBatches> = {
            let mut feed = Feed::new(data(40), settings(true), 20);
            (0..20).map(|step| feed.step(step)).collect()
        };
        for from in 0..20 {
            let mut feed = Feed::new(data(40), settings(true), 20);
            for (step, unbroken) in whole.iter().enumerate().skip(from) {
                assert_eq!(feed.step(step), *unbroken);
            }
        }
    }

    #[test]
    fn steps_out_of_turn_and_beyond_the_end_are_given_all_the_same() {
        let mut feed = Feed::new(data(40), settings(true), 10);
        let mut batcher = Batcher::new(data(40), settings(true));
        for step in [0, 1, 7, 7, 8, 2, 3, 9, 10, 11, 0] {
            assert_eq!(feed.step(step), batcher.step(step), "{step}");
        }
    }

    #[test]
    fn no_more_is_prepared_than_the_steps_that_come_next() {
        let mut feed = Feed::new(data(40), settings(true), usize::MAX);
        feed.step(0);
        let ahead = feed.ahead.as_ref().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while ahead.ready.is_empty() && Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!((ahead.next, ahead.ready.len(), ahead.ready.capacity()), (1, 1, Some(1)));
        assert!(!ahead.thread.is_finished());
    }

    #[test]
    fn a_dropped_feed_leaves_no_thread_that_holds_the_data() {
        let data = data(40);
        let mut feed = Feed::new(data.clone(), settings(true), usize::MAX);
        feed.step(0);
        drop(feed);
        assert_eq!(Arc::strong_count(&data), 1);
    }
}
