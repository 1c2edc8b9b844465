//! A comparison as pictures: held-out loss as bars, and loss against what is trained and energy against time as points, as in
//! the paper's Figures 5 and 6.

use egui::{Align2, Color32, Rect, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2};
use egui_plot::{GridInput, GridMark, Plot, PlotPoint, PlotPoints, Points};

use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{duration, figure, parameters};
use crate::app::widgets::legend::{Swatch, legend_row, swatch_label};
use crate::project::comparison::{Column, Compared};

const BAR: f32 = 18.0;
const BAR_NAME: f32 = 250.0;
const HEIGHT: f32 = 220.0;

/// Draws the charts of the runs, each in a colour of its own.
pub fn ui(ui: &mut Ui, runs: &[Compared]) {
    card(ui, "Held-out loss", |ui| bars_ui(ui, runs));
    card(ui, "What it takes", |ui| {
        let tokens = Tokens::of(ui);
        legend_row(ui, |ui| {
            for (index, run) in runs.iter().enumerate() {
                swatch_label(ui, Swatch::Dot, color(tokens, index), &run.title());
            }
        });
        ui.columns_const(|[left, right]| {
            let loss = Scatter {
                title: "Held-out loss by trained parameters",
                axes: (Column::WithRouter, Column::Best),
                names: ("Trained parameters", "Best held-out loss, nats"),
                x_text: |value| parameters(value.max(0.0) as usize),
            };
            loss.ui(left, runs);
            let energy = Scatter {
                title: "Energy by time",
                axes: (Column::Time, Column::Energy),
                names: ("Time trained", "Energy, Wh"),
                x_text: duration,
            };
            energy.ui(right, runs);
        });
    });
}

fn color(tokens: &Tokens, index: usize) -> Color32 {
    tokens.heads.get(index % tokens.heads.len()).copied().unwrap_or(tokens.accent)
}

/// A bar for the best loss of each run, from nothing, so that lengths compare as the losses do.
fn bars_ui(ui: &mut Ui, runs: &[Compared]) {
    let tokens = Tokens::of(ui);
    let most = runs.iter().filter_map(|run| run.held_out_best).fold(0.0, f64::max);
    let best = Column::Best.best(runs);
    for (index, run) in runs.iter().enumerate() {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BAR), Sense::hover());
        let font = TextStyle::Small.resolve(ui.style());
        let name = Rect::from_min_size(rect.min, vec2(BAR_NAME, BAR));
        ui.painter().with_clip_rect(name).text(
            name.left_center(),
            Align2::LEFT_CENTER,
            run.title(),
            font.clone(),
            tokens.text,
        );
        let room = (rect.width() - BAR_NAME - 72.0).max(1.0);
        let text = match run.held_out_best {
            Some(loss) => {
                let length = room * (loss / most.max(f64::MIN_POSITIVE)) as f32;
                let bar = Rect::from_min_size(pos2(name.right(), rect.top() + 2.0), vec2(length, BAR - 4.0));
                ui.painter().rect_filled(bar, size::RADIUS_SMALL, color(tokens, index));
                let is_best = run.is_whole() && best == Some(loss);
                let ink = if is_best { tokens.ok } else { tokens.text };
                let end = pos2(bar.right() + space::S, rect.center().y);
                ui.painter().text(end, Align2::LEFT_CENTER, format!("{loss:.3}"), font, ink);
                format!("{}: held-out loss {loss:.3}{}", run.title(), if is_best { ", best" } else { "" })
            }
            None => {
                let at = pos2(name.right(), rect.center().y);
                ui.painter().text(at, Align2::LEFT_CENTER, "not measured", font, tokens.text_weak);
                format!("{}: held-out loss not measured", run.title())
            }
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &text));
        response.on_hover_text(&run.run);
    }
}

/// The range that shows all values with room around them, also where they are alike.
fn frame(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let room = (0.15 * (high - low)).max(0.02 * high.abs()).max(f64::MIN_POSITIVE);
    (low - room, high + room)
}

/// About `count` marks at round numbers, all of which have room for their label.
fn few_marks(input: &GridInput, count: f64) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = (high - low) / count;
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|nice| nice * power).find(|step| *step >= rough).unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|at| GridMark { value: at as f64 * step, step_size: high - low }).collect()
}

/// Two figures of every run against each other.
struct Scatter {
    title: &'static str,
    axes: (Column, Column),
    names: (&'static str, &'static str),
    x_text: fn(f64) -> String,
}

impl Scatter {
    fn ui(&self, ui: &mut Ui, runs: &[Compared]) {
        let tokens = Tokens::of(ui);
        ui.strong(self.title);
        let points: Vec<(usize, f64, f64)> = runs
            .iter()
            .enumerate()
            .filter_map(|(index, run)| Some((index, self.axes.0.value(run)?, self.axes.1.value(run)?)))
            .collect();
        if points.is_empty() {
            ui.weak("No run has both figures.");
            return;
        }
        let x_text = self.x_text;
        let names: Vec<(String, f64, f64)> =
            points.iter().filter_map(|&(index, x, y)| Some((runs.get(index)?.title(), x, y))).collect();
        let summary = self.summary(&names);
        let x_range = frame(points.iter().map(|(_, x, _)| *x));
        let y_range = frame(points.iter().map(|(_, _, y)| *y));
        let plot = Plot::new(self.title)
            .height(HEIGHT)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .show_background(false)
            .grid_color(tokens.chart_grid)
            .set_margin_fraction(Vec2::ZERO)
            .x_axis_label(self.names.0)
            .y_axis_label(self.names.1)
            .x_axis_formatter(move |mark, _| if mark.value < 0.0 { String::new() } else { x_text(mark.value) })
            .y_axis_formatter(|mark, _| figure(mark.value))
            .x_grid_spacer(|input| few_marks(&input, 3.0))
            .y_grid_spacer(|input| few_marks(&input, 5.0))
            .include_x(x_range.0)
            .include_x(x_range.1)
            .include_y(y_range.0)
            .include_y(y_range.1)
            .label_formatter(|_| None);
        let shown = plot.show(ui, |plot_ui| {
            for (index, x, y) in points {
                let at = PlotPoints::Owned(vec![PlotPoint::new(x, y)]);
                plot_ui.points(Points::new(format!("{index}"), at).radius(5.0).color(color(tokens, index)));
            }
        });
        shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        shown.response.on_hover_text(summary);
    }

    /// The picture in words, a run a line.
    fn summary(&self, points: &[(String, f64, f64)]) -> String {
        let line = |(name, x, y): &(String, f64, f64)| format!("{name}: {}, {}", (self.x_text)(*x), figure(*y));
        format!("{}\n{}", self.title, points.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_room_around_values_that_are_alike() {
        assert_eq!(frame([2.0, 2.0].into_iter()), (1.96, 2.04));
        let (low, high) = frame([1.0, 3.0].into_iter());
        assert!((low - 0.7).abs() < 1e-12 && (high - 3.3).abs() < 1e-12);
    }

    #[test]
    fn marks_stand_at_round_numbers_within_the_picture() {
        let marks = few_marks(&GridInput { bounds: (1.23, 1.37), base_step_size: 0.001 }, 5.0);
        let values: Vec<String> = marks.iter().map(|mark| format!("{:.2}", mark.value)).collect();
        assert_eq!(values, ["1.25", "1.30", "1.35"]);
        assert!(few_marks(&GridInput { bounds: (1.0, 1.0), base_step_size: 0.001 }, 5.0).is_empty());
    }
}
