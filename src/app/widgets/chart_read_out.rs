//! Reading a chart: every line's value at the step under the pointer, or at the step that the arrow keys have reached.

use std::ops::RangeInclusive;

use egui::{Color32, EventFilter, Key, Modifiers, Response, Stroke, StrokeKind, Ui};
use egui_plot::{PlotPoint, PlotPoints, PlotUi, Points, VLine};

use crate::app::theme::{Tokens, size};

use super::chart::{ChartLine, ChartView};
use super::figures::{count, figure};
use super::legend::{Swatch, swatch_label};
use super::series::Scale;

/// What one line reads.
struct Reading {
    name: String,
    color: Color32,
    value: f64,
}

/// What all lines read at one step.
pub struct ReadOut {
    step: usize,
    readings: Vec<Reading>,
}

impl ReadOut {
    /// Reads `lines` at the measured step nearest to the pointer, or to `cursor` while the chart has focus. Lines that
    /// are measured now and then are read at their own steps alone.
    pub fn find(plot_ui: &PlotUi<'_>, lines: &[ChartLine<'_>], cursor: Option<f64>) -> Option<Self> {
        let response = plot_ui.response();
        let pointed = if response.hovered() { plot_ui.pointer_coordinate().map(|at| at.x) } else { None };
        let at = pointed.or(cursor.filter(|_| response.has_focus()))?;
        let distance = |step: usize| (step as f64 - at).abs();
        let nearest = lines.iter().filter_map(|line| line.series.nearest(at));
        let step = nearest.map(|sample| sample.step).min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
        let reading = |line: &ChartLine<'_>| {
            let sample = line.series.nearest(step as f64).filter(|sample| sample.step == step)?;
            Some(Reading { name: line.name.to_owned(), color: line.color, value: sample.value })
        };
        Some(Self { step, readings: lines.iter().filter_map(reading).collect() })
    }

    /// Draws a line at the step, and a dot on every value.
    pub fn mark(&self, plot_ui: &mut PlotUi<'_>, scale: Scale, color: Color32) {
        let x = self.step as f64;
        plot_ui.vline(VLine::new("read-out", x).color(color).width(1.0).allow_hover(false));
        for (i, reading) in self.readings.iter().enumerate() {
            let at = PlotPoints::Owned(vec![PlotPoint::new(x, scale.place(reading.value))]);
            let dot = Points::new("read-out", at).id(("read-out", i)).color(reading.color).radius(3.5);
            plot_ui.points(dot.allow_hover(false));
        }
    }

    /// Shows the values beside the pointer, or below the chart while the keyboard reads it.
    pub fn tip(&self, response: &Response) {
        if response.hovered() {
            response.clone().on_hover_ui_at_pointer(|ui| self.ui(ui));
        } else {
            response.show_tooltip_ui(|ui| self.ui(ui));
        }
    }

    fn ui(&self, ui: &mut Ui) {
        ui.strong(format!("Step {}", count(self.step)));
        for reading in &self.readings {
            let text = format!("{} {}", reading.name, figure(reading.value));
            swatch_label(ui, Swatch::Line, reading.color, &text);
        }
    }

    /// The values in words: `step 320: Loss 0.916, Smoothed 1.00`.
    pub fn in_words(&self) -> String {
        let values = self.readings.iter().map(|reading| format!("{} {}", reading.name, figure(reading.value)));
        format!("step {}: {}", count(self.step), values.collect::<Vec<_>>().join(", "))
    }
}

/// Lets a chart that has focus be read with the arrow keys, zoomed with plus and minus, and reset with Home.
pub fn steer_by_keys(ui: &Ui, response: &Response, view: &mut ChartView, shown: &RangeInclusive<f64>) {
    if !response.has_focus() {
        view.cursor = None;
        return;
    }
    let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    let ring = Stroke::new(1.5, Tokens::of(ui).accent_text);
    ui.painter().rect_stroke(response.rect, size::RADIUS, ring, StrokeKind::Inside);
    let width = shown.end() - shown.start();
    let at = view.cursor.unwrap_or(f64::midpoint(*shown.start(), *shown.end()));
    let pressed = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let nudge = (width / 100.0).max(1.0);
    let moved = if pressed(Key::ArrowLeft) {
        Some(at - nudge)
    } else if pressed(Key::ArrowRight) {
        Some(at + nudge)
    } else {
        None
    };
    if let Some(moved) = moved {
        view.cursor = Some(moved.clamp(*shown.start(), *shown.end()));
        ui.ctx().request_repaint();
    }
    let half = if pressed(Key::Plus) || pressed(Key::Equals) {
        Some(width / 4.0)
    } else if pressed(Key::Minus) {
        Some(width)
    } else {
        None
    };
    if let Some(half) = half.filter(|half| *half > 0.5) {
        view.zoom_to = Some(at - half..=at + half);
        ui.ctx().request_repaint();
    }
    if pressed(Key::Home) {
        view.reset = true;
        ui.ctx().request_repaint();
    }
}
