//! The curves of a run: they follow the window's mirror of it, and are drawn as charts that are zoomed and read out
//! together. `values.rs` takes over what the run reports, step by step; `topics.rs`, `similarity.rs` and `usage.rs` hold
//! what has several lines of its own, and `marks.rs` what happened beside.

mod marks;
mod similarity;
mod topics;
mod usage;
mod values;

use egui::{Slider, Ui};

use crate::app::state::RunState;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::chart::{Chart, ChartLine, ChartView, Look};
use crate::app::widgets::chart_export::ChartExport;
use crate::app::widgets::chart_group::ChartGroup;
use crate::app::widgets::series::Series;
use crate::app::widgets::slider::slider;
use crate::app::widgets::smoothed_series::SmoothedSeries;

use values::RunValues;

const LOSS: &str = "Mean cross-entropy per supervised token, in nats. Lower is better; held-out loss counts the most.";
const RATE: &str = "How far each step moves the adapter: rises in warm-up, then falls with the schedule.";
const NORM: &str = "Length of all gradients together, before clipping. Calm is good; a sudden jump warns of trouble.";
const TOPICS: &str = "Held-out loss on the examples of each topic: which ones the adapter gets better at.";
const SPEED: &str = "Tokens trained on per second, padding not counted.";
const LOAD: &str =
    "Mean gate of each head. Equal shares mean that the router prefers none; 1 means that one took everything.";
const ENTROPY: &str =
    "How evenly a token's gates are spread over the heads: 1 is all alike, 0 is one head alone for every token.";
const SIMILARITY: &str =
    "Cosine of two heads' B, the mean over all modules: near 0 they learn different things, near 1 the same.";
const MEMORY: &str = "Memory that the program holds, in billions of bytes.";
const ENERGY: &str = "Energy used since the first step, in watt-hours. Measured by a counter of the hardware where there is \
                      one, else estimated from time and load.";

/// How each chart is looked at.
#[derive(Default)]
struct Views {
    loss: ChartView,
    lr: ChartView,
    grad_norm: ChartView,
    topics: ChartView,
    load: ChartView,
    entropy: ChartView,
    similarity: ChartView,
    speed: ChartView,
    memory: ChartView,
    energy: ChartView,
}

/// Everything that is drawn over the steps of a run.
#[derive(Default)]
pub struct RunCurves {
    values: RunValues,
    views: Views,
    group: ChartGroup,
}

/// A chart with what it shows.
struct Drawing<'a> {
    chart: Chart<'a>,
    view: &'a mut ChartView,
    lines: Vec<ChartLine<'a>>,
}

impl Drawing<'_> {
    fn ui(self, ui: &mut Ui, group: &mut ChartGroup) -> Option<ChartExport> {
        self.chart.ui_in(ui, self.view, group, self.lines)
    }
}

impl RunCurves {
    /// Takes over what run number `number` reported since the last frame. Gives back whether more is waiting.
    pub fn follow(&mut self, number: usize, run: &RunState) -> bool {
        if self.values.is_of_another(number, run) {
            self.values = RunValues::new(number, &run.summary.settings, self.values.span());
            self.group.marks.clear();
            self.group.reset_zoom();
        }
        self.values.follow(run, &mut self.group.marks)
    }

    /// Draws the controls and all charts. Gives back the chart that is to be saved, where one was chosen.
    pub fn ui(&mut self, ui: &mut Ui) -> Option<ChartExport> {
        self.group.begin(&[&self.values.loss.raw, &self.values.held_out]);
        self.controls_ui(ui);
        ui.add_space(space::XS);
        let loss = self.loss_ui(ui);
        ui.add_space(space::M);
        let other = self.details_ui(ui);
        self.group.end(ui);
        loss.or(other)
    }

    fn controls_ui(&mut self, ui: &mut Ui) {
        let mut span = self.values.span();
        ui.horizontal(|ui| {
            self.group.controls_ui(ui, &self.values.loss.raw);
            ui.add_space(space::S);
            let label = ui.label("Smoothing");
            let steps = Slider::new(&mut span, 1.0..=500.0).logarithmic(true).max_decimals(0).suffix(" steps");
            slider(ui, steps).labelled_by(label.id).on_hover_text("How many steps the smoothed curves average over");
            self.group.reset_zoom_ui(ui);
        });
        self.values.set_span(span);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            self.group.marks.legend_ui(ui);
        });
    }

    /// The loss, over the whole width.
    fn loss_ui(&mut self, ui: &mut Ui) -> Option<ChartExport> {
        let tokens = Tokens::of(ui);
        let values = &mut self.values;
        let lines = vec![
            line("Loss", &mut values.loss.raw, tokens.chart_raw, Look::Thin),
            line("Smoothed", &mut values.loss.smooth, tokens.chart_main, Look::Line),
            line("Held-out", &mut values.held_out, tokens.chart_held_out, Look::Marked),
        ];
        Chart::new("Loss", LOSS).height(240.0).ui_in(ui, &mut self.views.loss, &mut self.group, lines)
    }

    /// Takes over the colours that topics have on every page.
    pub fn take_topic_colors(&mut self, color: &dyn Fn(&str) -> Option<usize>) {
        self.values.topics.take_colors(color);
    }

    /// The smaller charts in two columns; the last has both where it would stand alone.
    fn details_ui(&mut self, ui: &mut Ui) -> Option<ChartExport> {
        let tokens = Tokens::of(ui);
        let (mut drawings, group) = (drawings(&mut self.values, &mut self.views, tokens).into_iter(), &mut self.group);
        let gap = ui.spacing().item_spacing.x;
        let mut export = None;
        while let Some(first) = drawings.next() {
            match drawings.next() {
                Some(second) => {
                    ui.spacing_mut().item_spacing.x = space::XL;
                    ui.columns_const(|[left, right]| {
                        for column in [&mut *left, &mut *right] {
                            column.spacing_mut().item_spacing.x = gap;
                        }
                        export = export.take().or(first.ui(left, group));
                        export = export.take().or(second.ui(right, group));
                    });
                    ui.spacing_mut().item_spacing.x = gap;
                }
                None => export = export.or(first.ui(ui, group)),
            }
            ui.add_space(space::M);
        }
        export
    }
}

/// The smaller charts of a run, as far as it has something to show for them.
fn drawings<'a>(values: &'a mut RunValues, views: &'a mut Views, tokens: &Tokens) -> Vec<Drawing<'a>> {
    let main = |name, series| vec![line(name, series, tokens.chart_main, Look::Line)];
    let mut list = vec![
        Drawing { chart: Chart::new("Learning rate", RATE), view: &mut views.lr, lines: main("Rate", &mut values.lr) },
        Drawing {
            chart: Chart::new("Gradient norm", NORM),
            view: &mut views.grad_norm,
            lines: smoothed("Norm", &mut values.grad_norm, tokens),
        },
    ];
    if !values.load.is_empty() {
        let load = values.load.iter_mut().enumerate();
        let load = load.map(|(head, (name, series))| line(name, series, tokens.head(head), Look::Line)).collect();
        let chart = Chart::new("Head load", LOAD).linear_only();
        list.push(Drawing { chart, view: &mut views.load, lines: load });
        let chart = Chart::new("Gate entropy", ENTROPY).linear_only();
        list.push(Drawing { chart, view: &mut views.entropy, lines: main("Entropy", &mut values.entropy) });
    }
    if !values.similarity.is_empty() {
        let chart = Chart::new("Similarity of heads", SIMILARITY).linear_only();
        let chart = values.similarity.note().into_iter().fold(chart, Chart::note);
        list.push(Drawing { chart, view: &mut views.similarity, lines: values.similarity.lines(tokens) });
    }
    if !values.topics.is_empty() {
        let chart = Chart::new("Held-out loss by topic", TOPICS);
        let chart = values.topics.note().into_iter().fold(chart, Chart::note);
        list.push(Drawing { chart, view: &mut views.topics, lines: values.topics.lines(tokens) });
    }
    let chart = Chart::new("Tokens per second", SPEED).linear_only();
    let speed = smoothed("Tokens/s", &mut values.speed, tokens);
    list.push(Drawing { chart, view: &mut views.speed, lines: speed });
    if !values.usage.is_empty() {
        let (memory, energy) = values.usage.lines(tokens);
        let chart = Chart::new("Memory", MEMORY).linear_only();
        list.push(Drawing { chart, view: &mut views.memory, lines: memory });
        let chart = Chart::new("Energy", ENERGY).linear_only();
        list.push(Drawing { chart, view: &mut views.energy, lines: energy });
    }
    list
}

fn line<'a>(name: &'a str, series: &'a mut Series, color: egui::Color32, look: Look) -> ChartLine<'a> {
    ChartLine { name, series, color, look }
}

fn smoothed<'a>(name: &'a str, series: &'a mut SmoothedSeries, tokens: &Tokens) -> Vec<ChartLine<'a>> {
    vec![
        line(name, &mut series.raw, tokens.chart_raw, Look::Thin),
        line("Smoothed", &mut series.smooth, tokens.chart_main, Look::Line),
    ]
}

#[cfg(test)]
mod tests;
