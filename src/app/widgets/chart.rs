//! A line chart over [`Series`]: a title with its legend, a logarithmic switch, zoom along the steps with the heights
//! following, a read-out of every line at the step under the pointer, and a summary in words for those who do not see it.

use std::ops::RangeInclusive;

use egui::{self, Color32, Role, Sense, Ui, Vec2, Vec2b, WidgetInfo};
use egui_plot::{Line, MarkerShape, Plot, PlotMemory, PlotPoint, PlotPoints, PlotUi, Points};

use crate::app::theme::{Tokens, size};

use super::chart_axis::{even_marks, log_marks, mark_label, step_label, step_range};
use super::chart_read_out::{ReadOut, steer_by_keys};
use super::figures::{count, counted, figure};
use super::legend::{Swatch, legend_row, swatch_label};
use super::series::{Scale, Series};

/// Points that one line may take; beyond it, neighbours are joined to their lowest and highest.
pub const LINE_BUDGET: usize = 2000;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Thin: what lies behind a smoothed line.
    Thin,
    Line,
    /// A line with a marker at each value, for values that are measured now and then.
    Marked,
}

/// One line of a chart.
pub struct ChartLine<'a> {
    pub name: &'a str,
    pub series: &'a mut Series,
    pub color: Color32,
    pub look: Look,
}

/// What a chart remembers between frames.
#[derive(Clone, Debug, Default)]
pub struct ChartView {
    pub scale: Scale,
    pub(super) zoomed: bool,
    pub(super) reset: bool,
    /// The steps to show from the next frame on.
    pub(super) zoom_to: Option<RangeInclusive<f64>>,
    /// The step that the keyboard reads out, while the chart has focus.
    pub(super) cursor: Option<f64>,
    /// The step range that the last frame showed; a change of it asks for one more frame.
    shown: Option<RangeInclusive<f64>>,
}

/// A chart of lines over the steps of a run.
pub struct Chart<'a> {
    title: &'a str,
    explanation: &'a str,
    height: f32,
    has_log: bool,
}

impl<'a> Chart<'a> {
    /// A chart named `title`; `explanation` is said when the pointer rests on the title.
    pub fn new(title: &'a str, explanation: &'a str) -> Self {
        Self { title, explanation, height: 180.0, has_log: true }
    }

    /// Height of the plot in points, its title and legend not counted.
    pub fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// Leaves out the logarithmic switch, for shares and other values that would gain nothing by it.
    pub fn linear_only(mut self) -> Self {
        self.has_log = false;
        self
    }

    /// Draws the chart over the width at hand.
    pub fn ui<'l>(self, ui: &mut Ui, view: &'l mut ChartView, lines: Vec<ChartLine<'l>>) {
        ui.push_id(self.title, |ui| {
            self.header_ui(ui, view, &lines);
            if lines.iter().all(|line| line.series.is_empty()) {
                self.empty_ui(ui);
            } else {
                self.plot_ui(ui, view, lines);
            }
        });
    }

    fn header_ui(&self, ui: &mut Ui, view: &mut ChartView, lines: &[ChartLine<'_>]) {
        ui.horizontal(|ui| {
            ui.strong(self.title).on_hover_text(self.explanation);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if self.has_log {
                    let mut log = view.scale == Scale::Log;
                    let hint = "Powers of ten apart evenly: shows small changes of small values.";
                    if ui.checkbox(&mut log, "Log").on_hover_text(hint).changed() {
                        view.scale = if log { Scale::Log } else { Scale::Linear };
                    }
                }
                if view.zoomed && ui.small_button("Reset zoom").clicked() {
                    view.reset = true;
                }
            });
        });
        legend_row(ui, |ui| {
            for line in lines {
                let last = line.series.last().map_or_else(String::new, |last| format!(" {}", figure(last.value)));
                let swatch = if line.look == Look::Marked { Swatch::Dot } else { Swatch::Line };
                swatch_label(ui, swatch, line.color, &format!("{}{last}", line.name));
            }
        });
    }

    fn empty_ui(&self, ui: &mut Ui) {
        let size = Vec2::new(ui.available_width(), self.height);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        ui.painter().rect_filled(rect, size::RADIUS, Tokens::of(ui).well);
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            "No values yet",
            egui::TextStyle::Body.resolve(ui.style()),
            ui.visuals().weak_text_color(),
        );
        let title = self.title;
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{title}, no values yet")));
    }

    fn plot_ui<'l>(&self, ui: &mut Ui, view: &'l mut ChartView, lines: Vec<ChartLine<'l>>) {
        let mut summary = summary(self.title, &lines);
        let steps = step_range(&lines);
        let scale = view.scale;
        let reset = std::mem::take(&mut view.reset);
        let zoom = std::mem::take(&mut view.zoom_to);
        let cursor = view.cursor;
        let pale = ui.visuals().weak_text_color();
        let id = ui.make_persistent_id("plot");
        let plot = self.plot(&steps, scale, ui).id(id);
        let shown = plot.show(ui, move |plot_ui| {
            if reset {
                plot_ui.set_auto_bounds(true);
            }
            let in_view = match zoom {
                Some(range) => {
                    plot_ui.set_plot_bounds_x(range.clone());
                    range
                }
                None if plot_ui.auto_bounds().x || reset => steps,
                None => plot_ui.plot_bounds().range_x(),
            };
            let read_out = ReadOut::find(plot_ui, &lines, cursor);
            if let Some(read_out) = &read_out {
                read_out.mark(plot_ui, scale, pale);
            }
            for line in lines {
                draw_line(plot_ui, line, in_view.clone(), scale);
            }
            read_out
        });
        let zoomed = PlotMemory::load(ui.ctx(), id).is_some_and(|memory| !memory.auto_bounds.x);
        let range = shown.transform.bounds().range_x();
        if view.shown.as_ref() != Some(&range) || view.zoomed != zoomed {
            // The lines of this frame were cut for the range of the last one.
            ui.ctx().request_repaint();
        }
        view.zoomed = zoomed;
        view.shown = Some(range.clone());
        steer_by_keys(ui, &shown.response, view, &range);
        if let Some(read_out) = shown.inner {
            if shown.response.has_focus() {
                summary += &format!("; {}", read_out.in_words());
            }
            read_out.tip(&shown.response);
        }
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
    }

    fn plot<'p>(&self, steps: &RangeInclusive<f64>, scale: Scale, ui: &Ui) -> Plot<'p> {
        let mut plot = Plot::new("plot")
            .height(self.height)
            .allow_zoom(Vec2b::new(true, false))
            .allow_drag(Vec2b::new(true, false))
            .allow_axis_zoom_drag(Vec2b::new(true, false))
            // A wheel scrolls the page; with Ctrl it zooms.
            .allow_scroll(false)
            .show_crosshair(false)
            .show_background(false)
            .set_margin_fraction(Vec2::new(0.015, 0.08))
            .grid_color(Tokens::of(ui).chart_grid)
            .label_formatter(|_| None)
            .y_axis_min_width(44.0)
            .x_axis_formatter(|mark, _| step_label(mark.value))
            .y_axis_formatter(move |mark, _| mark_label(scale, mark))
            .include_x(*steps.start())
            .include_x(*steps.end());
        let columns = (ui.available_width() / 110.0).clamp(2.0, 10.0);
        let rows = (self.height / 44.0).clamp(2.0, 8.0);
        plot = plot.x_grid_spacer(move |input| even_marks(&input, columns, 1.0));
        match scale {
            Scale::Linear => plot.y_grid_spacer(move |input| even_marks(&input, rows, 0.0)),
            Scale::Log => plot.y_grid_spacer(|input| log_marks(&input)),
        }
    }
}

fn draw_line<'a>(plot_ui: &mut PlotUi<'a>, line: ChartLine<'a>, steps: RangeInclusive<f64>, scale: Scale) {
    let ChartLine { name, series, color, look } = line;
    keep_height(plot_ui, series, scale);
    let points: &'a [PlotPoint] = series.drawn(steps, scale, LINE_BUDGET);
    let width = if look == Look::Thin { 1.0 } else { 1.75 };
    if points.len() == 1 || look == Look::Marked {
        // Markers of their own id: a line of one value has no length, and would not be seen.
        let radius = if look == Look::Thin { 2.0 } else { 3.0 };
        let shape = if look == Look::Marked { MarkerShape::Diamond } else { MarkerShape::Circle };
        let markers = Points::new(format!("{name} markers"), points).radius(radius).shape(shape);
        plot_ui.points(markers.color(color).allow_hover(false));
    }
    plot_ui.line(Line::new(name, points).color(color).width(width).allow_hover(false));
}

/// Keeps a flat line off the frame: heights that hardly differ are shown within a tenth of their size.
fn keep_height(plot_ui: &mut PlotUi<'_>, series: &Series, scale: Scale) {
    let Some(range) = series.height_range(scale) else { return };
    let (low, high) = range.into_inner();
    let least = match scale {
        Scale::Linear => high.abs().max(low.abs()) * 0.05,
        Scale::Log => 0.05,
    };
    let least = if least > 0.0 { least } else { 0.5 };
    if high - low >= least || !plot_ui.auto_bounds().y {
        return;
    }
    let middle = f64::midpoint(low, high);
    let x = series.first().map_or(0.0, |sample| sample.step as f64);
    let frame = vec![PlotPoint::new(x, middle - least), PlotPoint::new(x, middle + least)];
    let invisible = Points::new("frame", PlotPoints::Owned(frame)).radius(0.0).color(Color32::TRANSPARENT);
    plot_ui.points(invisible.allow_hover(false).id(("frame", x.to_bits(), middle.to_bits())));
}

/// The chart in words: how many series, and where the first of them stands and was lowest.
pub fn summary(title: &str, lines: &[ChartLine<'_>]) -> String {
    let drawn = lines.iter().filter(|line| !line.series.is_empty());
    let mut text = format!("{title}, {} series", drawn.clone().count());
    let Some(first) = drawn.clone().next() else {
        return format!("{title}, no values yet");
    };
    if let Some(last) = first.series.last() {
        text += &format!(", last {}", figure(last.value));
    }
    if let Some(lowest) = first.series.lowest() {
        text += &format!(", lowest {} at step {}", figure(lowest.value), count(lowest.step));
    }
    for line in drawn.skip(1) {
        if let Some(last) = line.series.last() {
            text += &format!("; {} last {}", line.name, figure(last.value));
        }
    }
    let gaps: usize = lines.iter().map(|line| line.series.not_finite()).sum();
    if gaps > 0 {
        text += &format!("; {} not a number", counted(gaps, "value"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        let mut series = Series::default();
        values.iter().enumerate().for_each(|(i, value)| series.push(i * 110, *value));
        series
    }

    #[test]
    fn the_summary_says_where_the_first_line_stands_and_what_the_others_read() {
        let (mut raw, mut held_out) = (series(&[2.0, 0.6, 0.398, 0.412]), series(&[1.9, 0.5]));
        let lines = [
            ChartLine { name: "Loss", series: &mut raw, color: Color32::PLACEHOLDER, look: Look::Thin },
            ChartLine { name: "Held-out", series: &mut held_out, color: Color32::PLACEHOLDER, look: Look::Marked },
        ];
        assert_eq!(
            summary("Loss", &lines),
            "Loss, 2 series, last 0.412, lowest 0.398 at step 220; Held-out last 0.500"
        );
    }

    #[test]
    fn the_summary_owns_up_to_gaps_and_to_having_nothing() {
        let mut broken = series(&[1.0, f64::NAN]);
        let line = ChartLine { name: "Loss", series: &mut broken, color: Color32::PLACEHOLDER, look: Look::Line };
        let text = summary("Loss", &[line]);
        assert!(text.contains("last not a number") && text.ends_with("1 value not a number"), "{text}");
        assert_eq!(summary("Loss", &[]), "Loss, no values yet");
    }

    #[test]
    fn one_value_has_room_on_both_sides() {
        let mut one = series(&[1.0]);
        let line = ChartLine { name: "Loss", series: &mut one, color: Color32::PLACEHOLDER, look: Look::Line };
        assert_eq!(step_range(&[line]), -0.5..=0.5);
    }
}
