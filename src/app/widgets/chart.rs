//! A line chart over [`Series`]: a title with its legend, a logarithmic switch, zoom along its width with the heights
//! following, a read-out of every line at the place under the pointer, marks for what happened beside, a menu that saves it,
//! and a summary in words for those who do not see it. Charts of one run share a [`ChartGroup`].

use std::ops::RangeInclusive;

use egui::{self, Color32, Role, Sense, Ui, Vec2, Vec2b, WidgetInfo};
use egui_plot::{Line, MarkerShape, Plot, PlotUi, Points};

use crate::app::theme::{Tokens, size};

use super::axes::{Outliers, Pane, Scale};
use super::chart_axis::{even_marks, log_marks, mark_label, width_label, width_marks};
use super::chart_edges::draw_edges;
use super::chart_export::{ChartExport, ChartFigure, ChartFormat, Figure, save_menu};
use super::chart_frame::{heights, is_drawable};
use super::chart_group::ChartGroup;
use super::chart_read_out::{ReadOut, steer_by_keys};
use super::figures::{count, counted, figure};
use super::legend::{Swatch, legend_row, swatch_label};
use super::series::Series;

/// Points that one line may take; beyond it, neighbours are joined to their lowest and highest.
pub const LINE_BUDGET: usize = 2000;

/// Height of the labels below a plot, in points.
const LABELS: f32 = 20.0;

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
    /// The place that the keyboard reads out, while the chart has focus.
    pub(super) cursor: Option<f64>,
    /// What the chart would share with others, where it stands alone.
    alone: ChartGroup,
}

/// Whether a chart has its own zoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    Alone,
    Grouped,
}

/// A chart of lines over the steps of a run.
pub struct Chart<'a> {
    title: &'a str,
    explanation: &'a str,
    height: f32,
    has_log: bool,
    note: Option<String>,
}

impl<'a> Chart<'a> {
    /// A chart named `title`; `explanation` is said when the pointer rests on the title.
    pub fn new(title: &'a str, explanation: &'a str) -> Self {
        Self { title, explanation, height: 180.0, has_log: true, note: None }
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

    /// Says something in a few words beside the legend.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Draws the chart alone, over the width at hand. Gives back what is to be saved, where that was chosen.
    pub fn ui(self, ui: &mut Ui, view: &mut ChartView, lines: Vec<ChartLine<'_>>) -> Option<ChartExport> {
        let mut group = std::mem::take(&mut view.alone);
        group.begin(&[]);
        let export = self.show(ui, view, (&mut group, Company::Alone), lines);
        group.end(ui);
        view.alone = group;
        export
    }

    /// Draws the chart as one of `group`, over the width at hand. Gives back what is to be saved, where that was chosen.
    pub fn ui_in(
        self,
        ui: &mut Ui,
        view: &mut ChartView,
        group: &mut ChartGroup,
        lines: Vec<ChartLine<'_>>,
    ) -> Option<ChartExport> {
        self.show(ui, view, (group, Company::Grouped), lines)
    }

    fn show(
        self,
        ui: &mut Ui,
        view: &mut ChartView,
        (group, company): (&mut ChartGroup, Company),
        lines: Vec<ChartLine<'_>>,
    ) -> Option<ChartExport> {
        ui.push_id(self.title, |ui| {
            let is_empty = lines.iter().all(|line| line.series.is_empty());
            let format = self.header_ui(ui, view, (group, company), &lines);
            if is_empty {
                self.empty_ui(ui);
                return None;
            }
            self.plot_ui(ui, view, group, lines, format)
        })
        .inner
    }

    fn header_ui(
        &self,
        ui: &mut Ui,
        view: &mut ChartView,
        (group, company): (&mut ChartGroup, Company),
        lines: &[ChartLine<'_>],
    ) -> Option<ChartFormat> {
        let format = ui.horizontal(|ui| {
            ui.strong(self.title).on_hover_text(self.explanation);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let has_values = lines.iter().any(|line| !line.series.is_empty());
                let format = save_menu(ui, self.title, has_values);
                if self.has_log {
                    let mut log = view.scale == Scale::Log;
                    let hint = "Powers of ten apart evenly: shows small changes of small values.";
                    if ui.checkbox(&mut log, "Log").on_hover_text(hint).changed() {
                        view.scale = if log { Scale::Log } else { Scale::Linear };
                    }
                }
                if company == Company::Alone {
                    group.reset_zoom_ui(ui);
                }
                format
            })
            .inner
        });
        legend_row(ui, |ui| {
            for line in lines {
                let last = line.series.last().map_or_else(String::new, |last| format!(" {}", figure(last.value)));
                let swatch = if line.look == Look::Marked { Swatch::Dot } else { Swatch::Line };
                swatch_label(ui, swatch, line.color, &format!("{}{last}", line.name));
            }
            if let Some(note) = &self.note {
                ui.label(egui::RichText::new(note).small().weak());
            }
        });
        format.inner
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

    fn plot_ui(
        &self,
        ui: &mut Ui,
        view: &mut ChartView,
        group: &mut ChartGroup,
        mut lines: Vec<ChartLine<'_>>,
        format: Option<ChartFormat>,
    ) -> Option<ChartExport> {
        let whole = group.whole_width(lines.iter().map(|line| &*line.series));
        let pane = Pane { axis: group.axis, scale: view.scale, x: group.zoom.clone().unwrap_or_else(|| whole.clone()) };
        lines.iter_mut().for_each(|line| line.series.prepare(&pane, LINE_BUDGET));
        let strip = group.marks.height() / (self.height - LABELS).max(1.0);
        let y = heights(&lines, &pane, group.outliers, strip.min(0.5).into());
        let (cursor, tokens) = (view.cursor, Tokens::of(ui));
        let id = ui.make_persistent_id("plot");
        let shown = self.plot(&pane, strip, ui).id(id).show(ui, |plot_ui| {
            plot_ui.set_plot_bounds_x(pane.x.clone());
            plot_ui.set_plot_bounds_y(y.clone());
            let read_out = ReadOut::find(plot_ui, &lines, &pane, cursor, group);
            if let Some(read_out) = &read_out {
                read_out.mark(plot_ui, &lines, &pane, tokens.text_weak);
            }
            lines.iter().for_each(|line| draw_line(plot_ui, line));
            draw_edges(plot_ui, &lines, &pane, &y, (group.marks.height(), tokens));
            read_out
        });
        let x = shown.transform.bounds().range_x();
        group.marks.paint(ui, *shown.transform.frame(), pane.axis, &x);
        follow_zoom(ui, &shown.response, group, (&x, &pane.x, &whole));
        steer_by_keys(ui, &shown.response, view, group, (&x, &whole));
        let mut summary = self.in_words(&lines, group);
        if let Some(read_out) = shown.inner {
            if let Some(place) = read_out.shared_place() {
                group.pointed_now = Some(place);
            }
            if shown.response.has_focus() {
                summary += &format!("; {}", read_out.in_words());
            }
            read_out.show(ui, &shown.response, &shown.transform, pane.axis);
        }
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        let figure = |format| ChartFigure::of(self.title, format, (&pane, &y), &lines, &group.marks, tokens);
        format.map(|format| ChartExport { format, figure: Figure::Chart(figure(format)) })
    }

    /// The empty plot. Heights within its lowest `strip` are not named: they belong to symbols, and to the labels below.
    fn plot<'p>(&self, pane: &Pane, strip: f32, ui: &Ui) -> Plot<'p> {
        let (axis, scale) = (pane.axis, pane.scale);
        let unnamed = f64::from(strip.max(0.04));
        let is_named = move |height: f64, shown: &RangeInclusive<f64>| {
            height - shown.start() >= unnamed * (shown.end() - shown.start())
        };
        let columns = (ui.available_width() / 110.0).clamp(2.0, 10.0);
        let rows = (self.height / 44.0).clamp(2.0, 8.0);
        let plot = Plot::new("plot")
            .height(self.height)
            .allow_zoom(Vec2b::new(true, false))
            .allow_drag(Vec2b::new(true, false))
            .allow_axis_zoom_drag(Vec2b::new(true, false))
            // A wheel scrolls the page; with Ctrl it zooms.
            .allow_scroll(false)
            .show_crosshair(false)
            .show_background(false)
            .grid_color(Tokens::of(ui).chart_grid)
            .label_formatter(|_| None)
            .y_axis_min_width(44.0)
            .x_axis_formatter(move |mark, _| width_label(axis, mark.value))
            .y_axis_formatter(
                move |mark, shown| {
                    if is_named(mark.value, shown) { mark_label(scale, mark) } else { String::new() }
                },
            )
            .x_grid_spacer(move |input| width_marks(axis, &input, columns));
        match scale {
            Scale::Linear => plot.y_grid_spacer(move |input| even_marks(&input, rows, 0.0)),
            Scale::Log => plot.y_grid_spacer(|input| log_marks(&input)),
        }
    }

    fn in_words(&self, lines: &[ChartLine<'_>], group: &ChartGroup) -> String {
        let mut text = summary(self.title, lines);
        if group.outliers == Outliers::Clipped {
            text += "; outliers are clipped";
        }
        if let Some(marks) = group.marks.in_words() {
            text += &format!("; {marks}");
        }
        if let Some(note) = &self.note {
            text += &format!("; {note}");
        }
        text
    }
}

/// Takes over what the pointer did to the width: `shown` is what it is now, `asked` what was to be shown.
fn follow_zoom(
    ui: &Ui,
    response: &egui::Response,
    group: &mut ChartGroup,
    (shown, asked, whole): (&RangeInclusive<f64>, &RangeInclusive<f64>, &RangeInclusive<f64>),
) {
    let least = 1e-9 * (asked.end() - asked.start());
    let has_moved = (shown.start() - asked.start()).abs() > least || (shown.end() - asked.end()).abs() > least;
    if response.double_clicked() {
        group.reset_zoom();
    } else if has_moved {
        group.zoom_to(shown.clone(), whole);
    } else {
        return;
    }
    // The lines of this frame were cut for what it began with.
    ui.ctx().request_repaint();
}

/// Draws a line in parts: what cannot be drawn ends one, for the plot itself takes no gaps.
fn draw_line<'a>(plot_ui: &mut PlotUi<'a>, line: &'a ChartLine<'_>) {
    let ChartLine { name, series, color, look } = line;
    let width = if *look == Look::Thin { 1.0 } else { 1.75 };
    let parts = series.points().split(|point| !is_drawable(point)).filter(|part| !part.is_empty());
    for (number, part) in parts.enumerate() {
        if part.len() == 1 || *look == Look::Marked {
            // A line of one value has no length, and would not be seen.
            let radius = if *look == Look::Thin { 2.0 } else { 3.0 };
            let shape = if *look == Look::Marked { MarkerShape::Diamond } else { MarkerShape::Circle };
            let markers = Points::new(*name, part).id((*name, "markers", number)).radius(radius).shape(shape);
            plot_ui.points(markers.color(*color).allow_hover(false));
        }
        let line = Line::new(*name, part).id((*name, number)).color(*color).width(width);
        plot_ui.line(line.allow_hover(false));
    }
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
}
