//! A curve that grows: values over steps, kept whole, drawn thin.
//!
//! A run may bring 100,000 steps; a plot is a thousand pixels wide. [`Series`] keeps every value and, beside it, a
//! pyramid of buckets that know where their lowest and highest value stand. A push touches one bucket per level, and a
//! drawing takes the finest level that fits its budget, so that every spike stays visible at any zoom and the values
//! are exact once few enough are in view.

use std::ops::{Range, RangeInclusive};

use egui_plot::PlotPoint;

use super::axes::{Axis, Pane, Scale};

/// Samples of one bucket on the finest level; every further level covers twice as many.
const FINEST_BUCKET: usize = 4;

/// Marks a bucket without any finite value.
const NOWHERE: u32 = u32::MAX;

/// Where the lowest and the highest of some neighbouring samples stand, as indices into the samples.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    lowest: u32,
    highest: u32,
}

impl Bucket {
    const EMPTY: Bucket = Bucket { lowest: NOWHERE, highest: NOWHERE };
}

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub step: usize,
    /// Seconds trained until then; NaN where nobody told.
    pub time_s: f64,
    pub value: f64,
}

impl Sample {
    /// Where it stands on `axis`.
    pub fn x(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Step => self.step as f64,
            Axis::Time => self.time_s,
        }
    }

    fn point(&self, axis: Axis, scale: Scale) -> PlotPoint {
        PlotPoint::new(self.x(axis), scale.place(self.value))
    }
}

/// What the points ready for drawing were made from.
#[derive(Clone, Debug, PartialEq)]
struct View {
    samples: Range<usize>,
    revision: u64,
    axis: Axis,
    scale: Scale,
    budget: usize,
}

/// Values over steps, with what is needed to draw any part of them cheaply.
#[derive(Clone, Debug, Default)]
pub struct Series {
    samples: Vec<Sample>,
    /// `levels[k]` covers `FINEST_BUCKET << k` samples per bucket.
    levels: Vec<Vec<Bucket>>,
    lowest: Option<Sample>,
    highest: Option<Sample>,
    /// Indices of the values that are NaN or infinite.
    not_finite: Vec<u32>,
    revision: u64,
    view: Option<View>,
    drawn: Vec<PlotPoint>,
    /// Samples and buckets read or written so far: the measure of work that tests hold us to.
    #[cfg(test)]
    pub(crate) touched: usize,
}

impl Series {
    /// Appends a value of which only the step is known; see [`Series::push_at`].
    pub fn push(&mut self, step: usize, value: f64) {
        self.push_at(step, f64::NAN, value);
    }

    /// Appends a value. A step at or before the last one rewinds the series first: a resumed run writes its steps anew.
    /// Time that stands still or runs backwards is taken for the last one told.
    pub fn push_at(&mut self, step: usize, time_s: f64, value: f64) {
        if self.samples.last().is_some_and(|last| step <= last.step) {
            self.rewind(step);
        }
        let before = self.samples.last().map_or(f64::NAN, |last| last.time_s);
        // The larger of both, whichever is a number.
        self.append(Sample { step, time_s: time_s.max(before), value });
        self.revision += 1;
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        *self = Self { revision: self.revision + 1, ..Self::default() };
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no value yet.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The newest value.
    pub fn last(&self) -> Option<Sample> {
        self.samples.last().copied()
    }

    /// The oldest value.
    pub fn first(&self) -> Option<Sample> {
        self.samples.first().copied()
    }

    /// The lowest finite value, at its first step.
    pub fn lowest(&self) -> Option<Sample> {
        self.lowest
    }

    /// The highest finite value, at its first step.
    pub fn highest(&self) -> Option<Sample> {
        self.highest
    }

    /// How many values are NaN or infinite; they are drawn as gaps.
    pub fn not_finite(&self) -> usize {
        self.not_finite.len()
    }

    /// Every value, oldest first.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The value that stands nearest to `x`.
    pub fn nearest(&self, axis: Axis, x: f64) -> Option<Sample> {
        let after = self.samples.partition_point(|sample| sample.x(axis) < x);
        let neighbours = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|i| self.samples.get(i));
        neighbours.min_by(|a, b| (a.x(axis) - x).abs().total_cmp(&(b.x(axis) - x).abs())).copied()
    }

    /// The value of exactly this step.
    pub fn at_step(&self, step: usize) -> Option<Sample> {
        self.samples.binary_search_by_key(&step, |sample| sample.step).ok().and_then(|i| self.samples.get(i)).copied()
    }

    /// Makes the points that show what is within `pane`, at most about `budget` of them, with one more sample on each side
    /// so that the line runs out of the picture. They are made anew only when the series or the question changed.
    pub fn prepare(&mut self, pane: &Pane, budget: usize) {
        let samples = self.in_view(pane.axis, &pane.x);
        let (axis, scale) = (pane.axis, pane.scale);
        let view = View { samples: samples.clone(), revision: self.revision, axis, scale, budget };
        if self.view.as_ref() != Some(&view) {
            self.draw(samples, axis, scale, budget);
            self.view = Some(view);
        }
    }

    /// The points that [`Series::prepare`] made last.
    pub fn points(&self) -> &[PlotPoint] {
        &self.drawn
    }

    /// Values that are NaN or infinite within `pane`, at most one for each of `places` equal stretches of it, so that each
    /// leaves its mark however many there are.
    pub fn broken(&self, pane: &Pane, places: usize) -> Vec<Sample> {
        let width = (pane.x.end() - pane.x.start()) / places.max(1) as f64;
        let sample = |at: &u32| self.samples.get(*at as usize);
        let mut found = Vec::new();
        let mut from = *pane.x.start();
        for _ in 0..=places {
            let after = self.not_finite.partition_point(|at| sample(at).is_some_and(|s| s.x(pane.axis) < from));
            let Some(next) = self.not_finite.get(after).and_then(sample) else { break };
            let x = next.x(pane.axis);
            // A time that is not known is on no axis.
            if x.is_nan() || x > *pane.x.end() {
                break;
            }
            found.push(*next);
            from = (x + width).max(x.next_up());
        }
        found
    }

    /// Heights of at most `most` values within `pane`, evenly spread over them.
    pub fn spread(&self, pane: &Pane, most: usize) -> Vec<f64> {
        let samples = self.samples.get(self.in_view(pane.axis, &pane.x)).unwrap_or_default();
        let every = samples.len().div_ceil(most.max(1)).max(1);
        let heights = samples.iter().step_by(every).map(|sample| pane.scale.place(sample.value));
        heights.filter(|height| height.is_finite()).collect()
    }

    fn in_view(&self, axis: Axis, x: &RangeInclusive<f64>) -> Range<usize> {
        let start = self.samples.partition_point(|sample| sample.x(axis) < *x.start());
        let end = self.samples.partition_point(|sample| sample.x(axis) <= *x.end());
        start.saturating_sub(1)..end.max(start).saturating_add(1).min(self.samples.len())
    }

    fn draw(&mut self, samples: Range<usize>, axis: Axis, scale: Scale, budget: usize) {
        self.drawn.clear();
        if samples.len() <= budget {
            self.touch(samples.len());
            let exact = self.samples.get(samples).unwrap_or_default();
            self.drawn.extend(exact.iter().map(|sample| sample.point(axis, scale)));
            return;
        }
        // Two points for each bucket; the coarsest level always exists once there are more samples than a bucket holds.
        let fits = |level: &usize| samples.len() / (FINEST_BUCKET << level) * 2 <= budget;
        let level = (0..self.levels.len()).find(fits).unwrap_or(self.levels.len().saturating_sub(1));
        let size = FINEST_BUCKET << level;
        let buckets = samples.start / size..samples.end.div_ceil(size);
        self.touch(buckets.len());
        for index in buckets {
            let Some(bucket) = self.levels.get(level).and_then(|level| level.get(index)) else { continue };
            let points = self.bucket_points(*bucket, index * size, axis, scale);
            self.drawn.extend(points.into_iter().flatten());
        }
        // The buckets at both ends give their extremes, which may miss where the line begins and where it stands now.
        self.pin_ends(samples, axis, scale);
    }

    /// The bucket's extremes in the order of their steps, as far as they can be drawn; its first sample, a gap, where none
    /// can.
    fn bucket_points(&self, bucket: Bucket, start: usize, axis: Axis, scale: Scale) -> [Option<PlotPoint>; 2] {
        let at = |index: usize| self.samples.get(index).map(|sample| sample.point(axis, scale));
        if bucket.lowest == NOWHERE {
            return [at(start), None];
        }
        let (low, high) = (bucket.lowest as usize, bucket.highest as usize);
        let ends = [at(low.min(high)), at(low.max(high)).filter(|_| low != high)];
        let drawable = ends.map(|end| end.filter(|point| !point.y.is_nan()));
        if drawable.iter().any(Option::is_some) { drawable } else { [at(start), None] }
    }

    fn pin_ends(&mut self, samples: Range<usize>, axis: Axis, scale: Scale) {
        let end = |index: usize| self.samples.get(index).map(|sample| sample.point(axis, scale));
        let (first, last) = (end(samples.start), end(samples.end.saturating_sub(1)));
        if let (Some(first), Some(drawn)) = (first, self.drawn.first())
            && first.x < drawn.x
        {
            self.drawn.insert(0, first);
        }
        if let (Some(last), Some(drawn)) = (last, self.drawn.last())
            && last.x > drawn.x
        {
            self.drawn.push(last);
        }
    }

    fn append(&mut self, sample: Sample) {
        let index = self.samples.len();
        self.samples.push(sample);
        self.note_extremes(sample);
        let levels_needed = (index / FINEST_BUCKET).checked_ilog2().map_or(1, |log| log as usize + 2);
        while self.levels.len() < levels_needed {
            let level = self.coarser_level();
            self.levels.push(level);
        }
        let at = u32::try_from(index).ok().filter(|at| *at != NOWHERE && sample.value.is_finite());
        self.touch(self.levels.len());
        for (k, level) in self.levels.iter_mut().enumerate() {
            let slot = index / (FINEST_BUCKET << k);
            if level.len() <= slot {
                level.push(Bucket::EMPTY);
            }
            if let (Some(bucket), Some(at)) = (level.get_mut(slot), at) {
                include(bucket, at, &self.samples);
            }
        }
    }

    /// The level above the coarsest: each of its buckets joins two of that one's.
    fn coarser_level(&self) -> Vec<Bucket> {
        let Some(finer) = self.levels.last() else { return Vec::new() };
        finer
            .chunks(2)
            .map(|pair| {
                let mut joined = Bucket::EMPTY;
                for at in pair.iter().flat_map(|bucket| [bucket.lowest, bucket.highest]).filter(|at| *at != NOWHERE) {
                    include(&mut joined, at, &self.samples);
                }
                joined
            })
            .collect()
    }

    fn note_extremes(&mut self, sample: Sample) {
        if !sample.value.is_finite() {
            self.not_finite.extend(u32::try_from(self.samples.len().saturating_sub(1)));
            return;
        }
        if self.lowest.is_none_or(|lowest| sample.value < lowest.value) {
            self.lowest = Some(sample);
        }
        if self.highest.is_none_or(|highest| sample.value > highest.value) {
            self.highest = Some(sample);
        }
    }

    /// Drops every value from `step` on.
    fn rewind(&mut self, step: usize) {
        let keep = self.samples.partition_point(|sample| sample.step < step);
        let mut kept = std::mem::take(&mut self.samples);
        kept.truncate(keep);
        self.clear();
        for sample in kept {
            self.append(sample);
        }
    }

    #[cfg(test)]
    fn touch(&mut self, count: usize) {
        self.touched += count;
    }

    #[cfg(not(test))]
    #[inline]
    fn touch(&mut self, _count: usize) {}
}

fn include(bucket: &mut Bucket, at: u32, samples: &[Sample]) {
    let value = |index: u32| samples.get(index as usize).map_or(f64::NAN, |sample| sample.value);
    if bucket.lowest == NOWHERE || value(at) < value(bucket.lowest) {
        bucket.lowest = at;
    }
    if bucket.highest == NOWHERE || value(at) > value(bucket.highest) {
        bucket.highest = at;
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
