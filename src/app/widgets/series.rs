//! A curve that grows: values over steps, kept whole, drawn thin.
//!
//! A run may bring 100,000 steps; a plot is a thousand pixels wide. [`Series`] keeps every value and, beside it, a
//! pyramid of buckets that know where their lowest and highest value stand. A push touches one bucket per level, and a
//! drawing takes the finest level that fits its budget, so that every spike stays visible at any zoom and the values
//! are exact once few enough are in view.

use std::ops::{Range, RangeInclusive};

use egui_plot::PlotPoint;

/// Samples of one bucket on the finest level; every further level covers twice as many.
const FINEST_BUCKET: usize = 4;

/// Marks a bucket without any finite value.
const NOWHERE: u32 = u32::MAX;

/// How values are laid on the vertical axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    #[default]
    Linear,
    /// Powers of ten apart evenly; values of 0 and below cannot be shown.
    Log,
}

impl Scale {
    /// The height at which `value` is drawn; NaN where it cannot be.
    pub fn place(self, value: f64) -> f64 {
        match self {
            Scale::Linear if value.is_finite() => value,
            Scale::Log if value.is_finite() && value > 0.0 => value.log10(),
            _ => f64::NAN,
        }
    }

    /// The value that is drawn at `height`.
    pub fn value(self, height: f64) -> f64 {
        match self {
            Scale::Linear => height,
            Scale::Log => 10f64.powf(height),
        }
    }
}

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
    pub value: f64,
}

/// What the points ready for drawing were made from.
#[derive(Clone, Debug, PartialEq)]
struct View {
    samples: Range<usize>,
    revision: u64,
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
    lowest_positive: Option<f64>,
    not_finite: usize,
    revision: u64,
    view: Option<View>,
    drawn: Vec<PlotPoint>,
    /// Samples and buckets read or written so far: the measure of work that tests hold us to.
    #[cfg(test)]
    touched: usize,
}

impl Series {
    /// Appends a value. A step at or before the last one rewinds the series first: a resumed run writes its steps anew.
    pub fn push(&mut self, step: usize, value: f64) {
        if self.samples.last().is_some_and(|last| step <= last.step) {
            self.rewind(step);
        }
        self.append(Sample { step, value });
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
        self.not_finite
    }

    /// Every value, oldest first.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Heights between which all values lie on `scale`; `None` while nothing can be drawn.
    pub fn height_range(&self, scale: Scale) -> Option<RangeInclusive<f64>> {
        let low = match scale {
            Scale::Linear => self.lowest?.value,
            Scale::Log => self.lowest_positive?,
        };
        Some(scale.place(low)..=scale.place(self.highest?.value))
    }

    /// The value whose step is nearest to `step`.
    pub fn nearest(&self, step: f64) -> Option<Sample> {
        let after = self.samples.partition_point(|sample| (sample.step as f64) < step);
        let neighbours = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|i| self.samples.get(i));
        neighbours.min_by(|a, b| (a.step as f64 - step).abs().total_cmp(&(b.step as f64 - step).abs())).copied()
    }

    /// Points that show the steps in `steps`, at most about `budget` of them, with one more sample on each side so that
    /// the line runs out of the picture. Made anew only when the series or the question changed.
    pub fn drawn(&mut self, steps: RangeInclusive<f64>, scale: Scale, budget: usize) -> &[PlotPoint] {
        let samples = self.in_view(&steps);
        let view = View { samples: samples.clone(), revision: self.revision, scale, budget };
        if self.view.as_ref() != Some(&view) {
            self.draw(samples, scale, budget);
            self.view = Some(view);
        }
        &self.drawn
    }

    fn in_view(&self, steps: &RangeInclusive<f64>) -> Range<usize> {
        let start = self.samples.partition_point(|sample| (sample.step as f64) < *steps.start());
        let end = self.samples.partition_point(|sample| (sample.step as f64) <= *steps.end());
        start.saturating_sub(1)..end.max(start).saturating_add(1).min(self.samples.len())
    }

    fn draw(&mut self, samples: Range<usize>, scale: Scale, budget: usize) {
        self.drawn.clear();
        if samples.len() <= budget {
            self.touch(samples.len());
            let exact = self.samples.get(samples).unwrap_or_default();
            self.drawn.extend(exact.iter().map(|sample| point(*sample, scale)));
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
            let points = self.bucket_points(*bucket, index * size, scale);
            self.drawn.extend(points.into_iter().flatten());
        }
        // The buckets at both ends give their extremes, which may miss where the line begins and where it stands now.
        self.pin_ends(samples, scale);
    }

    /// The bucket's extremes in the order of their steps; its first sample, a gap, where no value of it is finite.
    fn bucket_points(&self, bucket: Bucket, start: usize, scale: Scale) -> [Option<PlotPoint>; 2] {
        let at = |index: usize| self.samples.get(index).map(|sample| point(*sample, scale));
        if bucket.lowest == NOWHERE {
            return [at(start), None];
        }
        let (low, high) = (bucket.lowest as usize, bucket.highest as usize);
        [at(low.min(high)), at(low.max(high)).filter(|_| low != high)]
    }

    fn pin_ends(&mut self, samples: Range<usize>, scale: Scale) {
        let end = |index: usize| self.samples.get(index).map(|sample| point(*sample, scale));
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
            self.not_finite += 1;
            return;
        }
        if self.lowest.is_none_or(|lowest| sample.value < lowest.value) {
            self.lowest = Some(sample);
        }
        if self.highest.is_none_or(|highest| sample.value > highest.value) {
            self.highest = Some(sample);
        }
        if sample.value > 0.0 && self.lowest_positive.is_none_or(|lowest| sample.value < lowest) {
            self.lowest_positive = Some(sample.value);
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

fn point(sample: Sample, scale: Scale) -> PlotPoint {
    PlotPoint::new(sample.step as f64, scale.place(sample.value))
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
