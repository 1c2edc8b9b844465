//! The two axes of a chart: what its width counts, how its heights are laid, and which part of the plane is in sight.

use std::ops::RangeInclusive;

/// What a chart's width counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Optimizer steps.
    #[default]
    Step,
    /// Seconds trained.
    Time,
}

impl Axis {
    /// Every axis, with its name on screen.
    pub const CHOICES: [(Axis, &'static str); 2] = [(Axis::Step, "Step"), (Axis::Time, "Time")];

    /// The narrowest stretch that may be zoomed to.
    pub fn least_width(self) -> f64 {
        match self {
            Axis::Step => 1.0,
            Axis::Time => 0.01,
        }
    }
}

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

/// Whether values far from all others may stretch a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outliers {
    /// Every value is within the frame.
    #[default]
    Shown,
    /// The frame keeps to where the others are; those outside are marked at its edge.
    Clipped,
}

/// The stretch of the horizontal axis that is in sight, and how heights are laid on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pane {
    pub axis: Axis,
    pub scale: Scale,
    pub x: RangeInclusive<f64>,
}

impl Pane {
    /// The whole of `axis`.
    pub fn whole(axis: Axis, scale: Scale) -> Self {
        Self { axis, scale, x: f64::NEG_INFINITY..=f64::INFINITY }
    }
}
