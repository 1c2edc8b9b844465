//! The values of a run as series, taken over from the window's mirror a few thousand steps a frame.

use crate::app::state::RunState;
use crate::app::widgets::chart_marks::Marks;
use crate::app::widgets::series::Series;
use crate::app::widgets::smoothed_series::SmoothedSeries;
use crate::train::TrainSettings;

use super::marks::MarksTaken;
use super::similarity::SimilarityCurves;
use super::topics::TopicCurves;
use super::usage::UsageCurves;

/// Steps taken over from the mirror in one frame: a long run that was not watched is caught up with in a few.
const STEPS_PER_FRAME: usize = 10_000;

/// Steps that smoothing reaches over at first.
const SPAN: f64 = 20.0;

/// How much of each list of the mirror is taken over.
#[derive(Debug, Default)]
struct Taken {
    steps: usize,
    evals: usize,
    routing: usize,
    usage: usize,
    marks: MarksTaken,
}

/// Every value of one run that a chart shows.
#[derive(Debug)]
pub struct RunValues {
    /// Which run it follows, as `AppState::run_count` counts them.
    run: usize,
    taken: Taken,
    pub loss: SmoothedSeries,
    pub held_out: Series,
    pub lr: Series,
    pub grad_norm: SmoothedSeries,
    pub speed: SmoothedSeries,
    /// A line for every head, with its name; none where no router divides the load.
    pub load: Vec<(String, Series)>,
    pub entropy: Series,
    pub topics: TopicCurves,
    pub similarity: SimilarityCurves,
    pub usage: UsageCurves,
}

impl Default for RunValues {
    fn default() -> Self {
        Self {
            run: 0,
            taken: Taken::default(),
            loss: SmoothedSeries::new(SPAN),
            held_out: Series::default(),
            lr: Series::default(),
            grad_norm: SmoothedSeries::new(SPAN),
            speed: SmoothedSeries::new(SPAN),
            load: Vec::new(),
            entropy: Series::default(),
            topics: TopicCurves::default(),
            similarity: SimilarityCurves::default(),
            usage: UsageCurves::default(),
        }
    }
}

impl RunValues {
    /// No value yet of run `number`, smoothed over `span` steps.
    pub fn new(number: usize, settings: &TrainSettings, span: f64) -> Self {
        let heads = if settings.method.has_router() { settings.adapter_spec().heads } else { 0 };
        let load = (1..=heads).map(|head| (format!("Head {head}"), Series::default())).collect();
        let mut values = Self { run: number, load, ..Self::default() };
        values.set_span(span);
        values
    }

    /// Whether these are not the values of run `number`, as far as it has come.
    pub fn is_of_another(&self, number: usize, run: &RunState) -> bool {
        self.run != number || run.steps.len() < self.taken.steps
    }

    /// Takes over what `run` reported since the last call. Gives back whether more is waiting.
    pub fn follow(&mut self, run: &RunState, marks: &mut Marks) -> bool {
        for step in run.steps.iter().skip(self.taken.steps).take(STEPS_PER_FRAME) {
            self.taken.steps += 1;
            let (at, time_s) = (step.step, step.elapsed_s);
            self.loss.push_at(at, time_s, step.loss);
            self.lr.push_at(at, time_s, step.lr);
            self.grad_norm.push_at(at, time_s, step.grad_norm);
            self.speed.push_at(at, time_s, step.tokens_per_s);
        }
        for eval in run.evals.iter().skip(self.taken.evals) {
            self.taken.evals += 1;
            self.held_out.push_at(eval.step, eval.elapsed_s, eval.loss);
            self.topics.push(eval);
        }
        for sample in run.routing.iter().skip(self.taken.routing) {
            self.taken.routing += 1;
            let time_s = time_at(run, sample.step);
            self.entropy.push_at(sample.step, time_s, sample.entropy.into());
            for ((_, series), load) in self.load.iter_mut().zip(&sample.load) {
                series.push_at(sample.step, time_s, (*load).into());
            }
            self.similarity.push(sample.step, time_s, &sample.similarity);
        }
        for usage in run.usage.iter().skip(self.taken.usage) {
            self.taken.usage += 1;
            self.usage.push(usage);
        }
        self.taken.marks.follow(run, marks);
        self.taken.steps < run.steps.len()
    }

    /// Steps that the smoothed lines average over.
    pub fn span(&self) -> f64 {
        self.loss.span()
    }

    /// Changes the steps that the smoothed lines average over.
    pub fn set_span(&mut self, span: f64) {
        for series in [&mut self.loss, &mut self.grad_norm, &mut self.speed] {
            series.set_span(span);
        }
    }
}

/// Seconds trained when `step` was done; 0 before the first.
pub fn time_at(run: &RunState, step: usize) -> f64 {
    let after = run.steps.partition_point(|record| record.step <= step);
    after.checked_sub(1).and_then(|i| run.steps.get(i)).map_or(0.0, |record| record.elapsed_s)
}
