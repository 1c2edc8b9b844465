//! What charts of one run share: what their width counts, the stretch of it in sight, the place that is pointed at, and
//! what happened in the run.

use std::ops::RangeInclusive;

use egui::Ui;

use crate::app::theme::space;

use super::axes::{Axis, Outliers};
use super::buttons::segmented;
use super::chart_frame::{ends, whole_width};
use super::chart_marks::Marks;
use super::series::{Sample, Series};

/// Charts that are zoomed and read out together.
#[derive(Clone, Debug, Default)]
pub struct ChartGroup {
    pub axis: Axis,
    pub outliers: Outliers,
    pub marks: Marks,
    /// First and last values of what is longest.
    ends: Vec<Sample>,
    /// The stretch in sight; `None` shows all.
    pub(super) zoom: Option<RangeInclusive<f64>>,
    /// The place pointed at in the last frame.
    pub(super) pointed: Option<f64>,
    /// The place pointed at in this frame, as far as it is drawn.
    pub(super) pointed_now: Option<f64>,
}

impl ChartGroup {
    /// Goes on to the next frame; call it once before the charts are drawn. All of them are as wide as `longest` at least,
    /// so that the same place is above the same place.
    pub fn begin(&mut self, longest: &[&Series]) {
        self.pointed = self.pointed_now.take();
        self.ends = longest.iter().copied().flat_map(ends).collect();
    }

    /// The width that shows all of `series`, and what every chart of the group shows.
    pub(super) fn whole_width<'s>(&self, series: impl Iterator<Item = &'s Series>) -> RangeInclusive<f64> {
        whole_width(series.flat_map(ends).chain(self.ends.iter().copied()), self.axis)
    }

    /// Asks for another frame where the place pointed at has moved: the charts of this one were drawn without it. Call it
    /// once after they are drawn.
    pub fn end(&self, ui: &Ui) {
        if self.pointed != self.pointed_now {
            ui.ctx().request_repaint();
        }
    }

    /// Whether a part is in sight, and not all.
    pub fn is_zoomed(&self) -> bool {
        self.zoom.is_some()
    }

    /// Shows all.
    pub fn reset_zoom(&mut self) {
        self.zoom = None;
    }

    /// Shows `x`; all of it where that is no less than `whole`, and nothing new where it is too narrow.
    pub(super) fn zoom_to(&mut self, x: RangeInclusive<f64>, whole: &RangeInclusive<f64>) {
        if x.end() - x.start() < self.axis.least_width() {
            return;
        }
        let shows_all = x.start() <= whole.start() && x.end() >= whole.end();
        self.zoom = (!shows_all).then_some(x);
    }

    /// Counts the width in another way, and keeps in sight what is; `clock` knows steps and times.
    pub fn set_axis(&mut self, axis: Axis, clock: &Series) {
        let place = |x: f64| clock.nearest(self.axis, x).map(|sample| sample.x(axis)).filter(|x| x.is_finite());
        let zoom = self.zoom.as_ref().and_then(|zoom| Some(place(*zoom.start())?..=place(*zoom.end())?));
        self.zoom = zoom.filter(|zoom| zoom.end() - zoom.start() >= axis.least_width());
        self.axis = axis;
        self.pointed = None;
        self.pointed_now = None;
    }

    /// The controls for all charts: axis, outliers, zoom. `clock` knows steps and times.
    pub fn controls_ui(&mut self, ui: &mut Ui, clock: &Series) {
        let mut axis = self.axis;
        let shown = ui.scope(|ui| segmented(ui, &mut axis, &Axis::CHOICES)).response;
        shown.on_hover_text("What the width of the charts counts: optimizer steps, or the time trained");
        if axis != self.axis {
            self.set_axis(axis, clock);
        }
        ui.add_space(space::XS);
        let mut is_clipped = self.outliers == Outliers::Clipped;
        let hint = "Keeps the height to where most values lie; those outside are marked at the edge.";
        if ui.checkbox(&mut is_clipped, "Clip outliers").on_hover_text(hint).changed() {
            self.outliers = if is_clipped { Outliers::Clipped } else { Outliers::Shown };
        }
    }

    /// A button that shows all again, while a part is in sight.
    pub fn reset_zoom_ui(&mut self, ui: &mut Ui) {
        if self.is_zoomed() && ui.small_button("Reset zoom").clicked() {
            self.reset_zoom();
            ui.ctx().request_repaint();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Series {
        let mut clock = Series::default();
        (0..=100).for_each(|step| clock.push_at(step, step as f64 * 3.0, 1.0));
        clock
    }

    #[test]
    fn charts_of_one_run_are_equally_wide() {
        let mut group = ChartGroup::default();
        let (whole, part) = (clock(), {
            let mut part = Series::default();
            (10..=20).for_each(|step| part.push_at(step, step as f64 * 3.0, 1.0));
            part
        });
        group.begin(&[&whole]);
        assert_eq!(group.whole_width([&part].into_iter()), group.whole_width([&whole].into_iter()));
        group.begin(&[]);
        assert_eq!(group.whole_width([&part].into_iter()), 9.85..=20.15);
    }

    #[test]
    fn another_axis_keeps_the_same_part_in_sight() {
        let mut group = ChartGroup::default();
        group.zoom_to(20.0..=40.0, &(0.0..=100.0));
        group.set_axis(Axis::Time, &clock());
        assert_eq!(group.zoom, Some(60.0..=120.0));
        group.set_axis(Axis::Step, &clock());
        assert_eq!(group.zoom, Some(20.0..=40.0));
        group.set_axis(Axis::Time, &Series::default());
        assert!(!group.is_zoomed(), "without a clock all is shown");
    }

    #[test]
    fn a_zoom_is_neither_narrower_than_a_step_nor_wider_than_all() {
        let mut group = ChartGroup::default();
        let whole = 0.0..=100.0;
        group.zoom_to(5.0..=5.5, &whole);
        assert!(!group.is_zoomed());
        group.zoom_to(5.0..=8.0, &whole);
        assert_eq!(group.zoom, Some(5.0..=8.0));
        group.zoom_to(-1.0..=100.0, &whole);
        assert!(!group.is_zoomed());
    }
}
