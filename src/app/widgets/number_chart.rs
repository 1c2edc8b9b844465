//! A small chart of values over whole numbers that count something: groups, trials. Few values, so that all of them can be told in
//! words too; one number can be marked, and levels drawn across.

use std::fmt::Write as _;

use egui::{Color32, Role, Ui, Vec2b, WidgetInfo};
use egui_plot::{
    GridMark, HLine, HoverPosition, Line, LineStyle, MarkerShape, Plot, PlotPoint, PlotPoints, PlotUi, Points, VLine,
};

use super::figures::{count, figure};
use super::legend::{Swatch, legend_row, swatch_label};

/// How far apart marks pretend to be, so that each is labelled.
const LABEL_ROOM: f64 = 3.0;

/// One line of the chart; its first value belongs to the number 1.
pub struct NumberLine<'a> {
    pub name: &'a str,
    pub values: Vec<f64>,
    pub color: Color32,
}

/// A level across the chart.
pub struct NumberLevel {
    pub name: String,
    pub value: f64,
    pub color: Color32,
}

/// The chart.
pub struct NumberChart<'a> {
    pub title: &'a str,
    pub explanation: &'a str,
    /// What the numbers count, in the singular: `group`.
    pub unit: &'a str,
    /// The number that is marked.
    pub marked: Option<usize>,
    pub levels: Vec<NumberLevel>,
    pub height: f32,
}

impl NumberChart<'_> {
    /// Draws the chart over the width at hand.
    pub fn ui(&self, ui: &mut Ui, lines: &[NumberLine<'_>]) {
        ui.strong(self.title).on_hover_text(self.explanation);
        if lines.len() + self.levels.len() > 1 {
            legend_row(ui, |ui| {
                for line in lines {
                    swatch_label(ui, Swatch::Dot, line.color, line.name);
                }
                for level in &self.levels {
                    swatch_label(ui, Swatch::Line, level.color, &level.name);
                }
            });
        }
        let words = self.summary(lines);
        let unit = self.unit;
        let plot = Plot::new(self.title)
            .height(self.height)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .show_axes(Vec2b::TRUE)
            .show_grid(Vec2b::new(false, true))
            .x_grid_spacer(|input| whole_numbers(input.bounds))
            .x_axis_formatter(|mark, _| count(mark.value.round().max(0.0) as usize))
            .label_formatter(move |position| match position {
                HoverPosition::NearDataPoint { position, .. } => {
                    Some(format!("{unit} {}: {}", figure(position.x.round()), figure(position.y)))
                }
                HoverPosition::Elsewhere { .. } => None,
            });
        let response = plot.show(ui, |plot| self.draw(plot, lines)).response;
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    }

    fn draw(&self, plot: &mut PlotUi<'_>, lines: &[NumberLine<'_>]) {
        for level in &self.levels {
            plot.hline(HLine::new(level.name.clone(), level.value).color(level.color).style(LineStyle::dashed_loose()));
        }
        for line in lines {
            let points: Vec<PlotPoint> = points(&line.values);
            plot.line(Line::new(line.name, PlotPoints::Owned(points.clone())).color(line.color).width(1.5));
            let dots = Points::new(line.name, PlotPoints::Owned(points)).color(line.color);
            plot.points(dots.shape(MarkerShape::Circle).radius(3.5));
        }
        if let Some((marked, color)) = self.marked.zip(lines.first().map(|line| line.color)) {
            plot.vline(VLine::new("chosen", marked as f64).color(color).style(LineStyle::dashed_dense()));
        }
    }

    /// Every value in words.
    fn summary(&self, lines: &[NumberLine<'_>]) -> String {
        let mut text = self.title.to_owned();
        for line in lines {
            let _ = write!(text, ". {} by {}:", line.name, self.unit);
            for (number, value) in line.values.iter().enumerate() {
                let _ = write!(text, "{} {} at {}", if number == 0 { "" } else { "," }, figure(*value), number + 1);
            }
        }
        for level in &self.levels {
            let _ = write!(text, ". {}: {}", level.name, figure(level.value));
        }
        if let Some(marked) = self.marked {
            let _ = write!(text, ". Chosen: {marked}");
        }
        text
    }
}

/// A mark at every whole number from 1 up, all of one weight: the step makes room for a label at each.
fn whole_numbers((from, to): (f64, f64)) -> Vec<GridMark> {
    let numbers = from.max(1.0).ceil() as usize..=to.max(0.0).floor() as usize;
    numbers.map(|number| GridMark { value: number as f64, step_size: LABEL_ROOM }).collect()
}

fn points(values: &[f64]) -> Vec<PlotPoint> {
    values.iter().enumerate().map(|(at, value)| PlotPoint::new(at as f64 + 1.0, *value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_at_the_whole_numbers_that_count_something() {
        let marks: Vec<f64> = whole_numbers((-0.4, 3.2)).iter().map(|mark| mark.value).collect();
        assert_eq!(marks, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn every_value_is_told_in_words() {
        let level = NumberLevel { name: "Chosen here".into(), value: 4.0, color: Color32::PLACEHOLDER };
        let chart = NumberChart {
            title: "Errors",
            explanation: "",
            unit: "group",
            marked: Some(2),
            levels: vec![level],
            height: 100.0,
        };
        let line = NumberLine { name: "Error", values: vec![1.0, 0.5], color: Color32::PLACEHOLDER };
        assert_eq!(
            chart.summary(&[line]),
            "Errors. Error by group: 1.00 at 1, 0.500 at 2. Chosen here: 4.00. Chosen: 2"
        );
    }
}
