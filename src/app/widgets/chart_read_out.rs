//! Reading a chart: every line's value at the place under the pointer, at the place that the arrow keys have reached, or at
//! the place that is pointed at in another chart of the same run.

use std::ops::RangeInclusive;

use egui::{Color32, EventFilter, Key, Modifiers, Rect, Response, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotPoints, PlotTransform, PlotUi, Points, VLine};

use crate::app::theme::{Tokens, size, space};

use super::axes::{Axis, Pane};
use super::chart::{ChartLine, ChartView};
use super::chart_frame::is_drawable;
use super::chart_group::ChartGroup;
use super::figures::{count, duration, figure};
use super::legend::{Swatch, paint_swatch, swatch_label};

/// How near a mark must be to be told, in points.
const MARK_REACH: f64 = 6.0;

/// What one line reads.
struct Reading {
    name: String,
    color: Color32,
    value: f64,
}

/// Where a read-out was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Here, by pointer or keyboard.
    Here,
    /// In another chart.
    Elsewhere,
}

/// What all lines read at one step.
pub struct ReadOut {
    asked: Asked,
    /// Where the hover line stands.
    x: f64,
    step: usize,
    time_s: f64,
    readings: Vec<Reading>,
    /// What happened there beside.
    told: Vec<String>,
}

impl ReadOut {
    /// Reads `lines` at the measured step nearest to the pointer, to `cursor` while the chart has focus, or to where another
    /// chart of `group` is pointed at. Lines that are measured now and then are read at their own steps alone.
    pub fn find(
        plot_ui: &PlotUi<'_>,
        lines: &[ChartLine<'_>],
        pane: &Pane,
        cursor: Option<f64>,
        group: &ChartGroup,
    ) -> Option<Self> {
        let response = plot_ui.response();
        let pointed = if response.hovered() { plot_ui.pointer_coordinate().map(|at| at.x) } else { None };
        let here = pointed.or(cursor.filter(|_| response.has_focus()));
        let asked = if here.is_some() { Asked::Here } else { Asked::Elsewhere };
        let at = here.or(group.pointed.filter(|x| pane.x.contains(x)))?;
        let nearest = lines.iter().filter_map(|line| line.series.nearest(pane.axis, at));
        let distance = |x: f64| (x - at).abs();
        let sample = nearest.min_by(|a, b| distance(a.x(pane.axis)).total_cmp(&distance(b.x(pane.axis))))?;
        let x = if asked == Asked::Here { sample.x(pane.axis) } else { at };
        if !x.is_finite() {
            return None;
        }
        let [across, _] = plot_ui.transform().dvalue_dpos();
        let reach = MARK_REACH * across.abs();
        let told = if asked == Asked::Here { group.marks.told_at(pane.axis, at, reach) } else { Vec::new() };
        let reading = |line: &ChartLine<'_>| {
            let value = line.series.at_step(sample.step)?.value;
            Some(Reading { name: line.name.to_owned(), color: line.color, value })
        };
        let readings = lines.iter().filter_map(reading).collect();
        Some(Self { asked, x, step: sample.step, time_s: sample.time_s, readings, told })
    }

    /// The place that the other charts of the run read as well, where it was asked for here.
    pub fn shared_place(&self) -> Option<f64> {
        (self.asked == Asked::Here).then_some(self.x)
    }

    /// Draws a line at the place, and a dot on every value.
    pub fn mark(&self, plot_ui: &mut PlotUi<'_>, lines: &[ChartLine<'_>], pane: &Pane, color: Color32) {
        plot_ui.vline(VLine::new("read-out", self.x).color(color).width(1.0).allow_hover(false));
        let samples = lines.iter().filter_map(|line| Some((line.series.at_step(self.step)?, line.color)));
        let places = samples.map(|(s, color)| (PlotPoint::new(s.x(pane.axis), pane.scale.place(s.value)), color));
        for (i, (at, color)) in places.filter(|(at, _)| is_drawable(at)).enumerate() {
            let at = PlotPoints::Owned(vec![at]);
            let dot = Points::new("read-out", at).id(("read-out", i)).color(color).radius(3.5);
            plot_ui.points(dot.allow_hover(false));
        }
    }

    /// Shows the values: beside the pointer, below the chart while the keyboard reads it, or beside the hover line while
    /// another chart is pointed at.
    pub fn show(&self, ui: &Ui, response: &Response, transform: &PlotTransform, axis: Axis) {
        match self.asked {
            Asked::Elsewhere => {
                self.paint_beside(ui, *transform.frame(), transform.position_from_point_x(self.x), axis);
            }
            Asked::Here if response.hovered() => {
                response.clone().on_hover_ui_at_pointer(|ui| self.ui(ui, axis));
            }
            Asked::Here => response.show_tooltip_ui(|ui| self.ui(ui, axis)),
        }
    }

    fn ui(&self, ui: &mut Ui, axis: Axis) {
        ui.strong(self.place(axis));
        for reading in &self.readings {
            swatch_label(ui, Swatch::Line, reading.color, &reading.in_words());
        }
        for text in &self.told {
            ui.label(text);
        }
    }

    /// The values in words: `step 320: Loss 0.916, Smoothed 1.00`.
    pub fn in_words(&self) -> String {
        let values = self.readings.iter().map(Reading::in_words);
        let all = values.chain(self.told.iter().cloned()).collect::<Vec<_>>();
        format!("step {}: {}", count(self.step), all.join(", "))
    }

    fn place(&self, axis: Axis) -> String {
        let step = count(self.step);
        match axis {
            Axis::Step => format!("Step {step}"),
            Axis::Time => format!("{}, step {step}", duration(self.time_s)),
        }
    }

    /// A small box with the values to the right of the hover line, or to its left where there is no room.
    fn paint_beside(&self, ui: &Ui, frame: Rect, left: f32, axis: Axis) {
        let tokens = Tokens::of(ui);
        let font = TextStyle::Small.resolve(ui.style());
        let painter = ui.painter_at(frame);
        let layout = |text: String, color| painter.layout_no_wrap(text, font.clone(), color);
        let head = layout(self.place(axis), tokens.text_strong);
        let rows: Vec<_> =
            self.readings.iter().map(|reading| (reading.color, layout(reading.in_words(), tokens.text))).collect();
        let width = rows.iter().map(|(_, row)| row.size().x + SWATCH_ROOM).fold(head.size().x, f32::max);
        let height = head.size().y + rows.iter().map(|(_, row)| row.size().y).sum::<f32>();
        let outer = vec2(width, height) + 2.0 * vec2(space::S, space::XS);
        let right = left + space::S;
        let x = if right + outer.x <= frame.right() { right } else { left - space::S - outer.x };
        let place = Rect::from_min_size(pos2(x, frame.top() + space::XS), outer);
        painter.rect(place, size::RADIUS, tokens.card, Stroke::new(1.0, tokens.border_strong), StrokeKind::Inside);
        let mut at = place.min + vec2(space::S, space::XS);
        let head_height = head.size().y;
        painter.galley(at, head, tokens.text_strong);
        at.y += head_height;
        for (color, row) in rows {
            let row_height = row.size().y;
            let swatch = Rect::from_min_size(at, vec2(SWATCH_ROOM - space::XS, row_height));
            paint_swatch(&painter, Swatch::Line, swatch, color);
            painter.galley(at + vec2(SWATCH_ROOM, 0.0), row, tokens.text);
            at.y += row_height;
        }
    }
}

/// Room for a swatch and the gap behind it.
const SWATCH_ROOM: f32 = 14.0;

impl Reading {
    fn in_words(&self) -> String {
        format!("{} {}", self.name, figure(self.value))
    }
}

/// Lets a chart that has focus be read with the arrow keys, zoomed with plus and minus, and reset with Home.
pub fn steer_by_keys(
    ui: &Ui,
    response: &Response,
    view: &mut ChartView,
    group: &mut ChartGroup,
    (shown, whole): (&RangeInclusive<f64>, &RangeInclusive<f64>),
) {
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
    let nudge = match group.axis {
        Axis::Step => (width / 100.0).max(1.0),
        Axis::Time => width / 100.0,
    };
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
    if let Some(half) = half {
        group.zoom_to(at - half..=at + half, whole);
        ui.ctx().request_repaint();
    }
    if pressed(Key::Home) {
        group.reset_zoom();
        ui.ctx().request_repaint();
    }
}
