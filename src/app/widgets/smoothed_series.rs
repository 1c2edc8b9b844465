//! A series beside its moving average, which grows with it.

use super::series::Series;

/// An exponential moving average that starts at the first value instead of at zero, and skips what is not finite.
#[derive(Clone, Debug)]
struct Average {
    /// Share of the past that is kept at each step, 0 to just below 1.
    keep: f64,
    sum: f64,
    weight: f64,
}

impl Average {
    /// Averages over about `span` steps.
    fn over(span: f64) -> Self {
        Self { keep: 1.0 - 1.0 / span.max(1.0), sum: 0.0, weight: 0.0 }
    }

    fn push(&mut self, value: f64) -> f64 {
        if value.is_finite() {
            self.sum = self.keep * self.sum + (1.0 - self.keep) * value;
            self.weight = self.keep * self.weight + (1.0 - self.keep);
        }
        self.sum / self.weight
    }
}

/// A series and its moving average, which grows with it.
#[derive(Clone, Debug)]
pub struct SmoothedSeries {
    pub raw: Series,
    pub smooth: Series,
    average: Average,
    span: f64,
}

impl SmoothedSeries {
    /// An empty series smoothed over about `span` steps; a span of 1 smooths nothing.
    pub fn new(span: f64) -> Self {
        Self { raw: Series::default(), smooth: Series::default(), average: Average::over(span), span }
    }

    /// Appends a value of which only the step is known; see [`Series::push`].
    pub fn push(&mut self, step: usize, value: f64) {
        self.push_at(step, f64::NAN, value);
    }

    /// Appends a value; see [`Series::push_at`].
    pub fn push_at(&mut self, step: usize, time_s: f64, value: f64) {
        let rewound = self.raw.last().is_some_and(|last| step <= last.step);
        self.raw.push_at(step, time_s, value);
        if rewound {
            self.smooth_anew();
        } else {
            self.smooth.push_at(step, time_s, self.average.push(value));
        }
    }

    /// Forgets every value and keeps the span.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.smooth.clear();
        self.average = Average::over(self.span);
    }

    /// Steps that the average reaches over.
    pub fn span(&self) -> f64 {
        self.span
    }

    /// Changes the steps that the average reaches over; costs a pass over the series, and nothing if it stays the same.
    pub fn set_span(&mut self, span: f64) {
        if span != self.span {
            self.span = span;
            self.smooth_anew();
        }
    }

    fn smooth_anew(&mut self) {
        self.average = Average::over(self.span);
        self.smooth.clear();
        for sample in self.raw.samples() {
            self.smooth.push_at(sample.step, sample.time_s, self.average.push(sample.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A falling value with a bump at every seventh step.
    fn wave(step: usize) -> f64 {
        2.0 / (1.0 + step as f64 / 500.0) + if step.is_multiple_of(7) { 0.3 } else { 0.0 }
    }

    fn steps_and_values(series: &Series) -> Vec<(usize, f64)> {
        series.samples().iter().map(|sample| (sample.step, sample.value)).collect()
    }

    #[test]
    fn smoothing_starts_at_the_first_value_and_grows_as_it_would_anew() {
        let mut grown = SmoothedSeries::new(20.0);
        for step in 1..=500 {
            grown.push(step, wave(step));
        }
        assert_eq!(grown.smooth.first().map(|s| s.value), Some(wave(1)));
        let mut anew = grown.clone();
        anew.set_span(1.0);
        assert_eq!(steps_and_values(&anew.smooth), steps_and_values(&anew.raw));
        anew.set_span(20.0);
        assert_eq!(steps_and_values(&anew.smooth), steps_and_values(&grown.smooth));
    }

    #[test]
    fn smoothing_bridges_what_is_not_a_number_and_follows_a_rewind() {
        let mut series = SmoothedSeries::new(10.0);
        for (step, value) in [2.0, f64::NAN, 2.0].into_iter().enumerate() {
            series.push(step, value);
        }
        assert!(series.smooth.samples().iter().all(|sample| sample.value == 2.0));
        series.push(1, 4.0);
        assert_eq!(series.smooth.len(), 2);
    }
}
