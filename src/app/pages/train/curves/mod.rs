//! The curves of a run: they follow the window's mirror of it, and are drawn as charts.

use egui::{Slider, Ui};

use crate::app::state::RunState;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::chart::{Chart, ChartLine, ChartView, Look};
use crate::app::widgets::series::Series;
use crate::app::widgets::smoothed_series::SmoothedSeries;
use crate::train::TrainSettings;

/// Steps taken over from the mirror in one frame: a long run that was not watched is caught up with in a few.
const STEPS_PER_FRAME: usize = 10_000;

/// Steps that smoothing reaches over at first.
const SPAN: f64 = 20.0;

const LOSS: &str = "Mean cross-entropy per supervised token, in nats. Lower is better; held-out loss counts the most.";
const RATE: &str = "How far each step moves the adapter: rises in warm-up, then falls with the schedule.";
const NORM: &str = "Length of all gradients together, before clipping. Calm is good; a sudden jump warns of trouble.";
const SPEED: &str = "Tokens trained on per second, padding not counted.";
const LOAD: &str =
    "Mean gate of each head. Equal shares mean that the router prefers none; 1 means that one took everything.";
const ENTROPY: &str =
    "How evenly a token's gates are spread over the heads: 1 is all alike, 0 is one head alone for every token.";

/// How each chart is looked at.
#[derive(Default)]
struct Views {
    loss: ChartView,
    lr: ChartView,
    grad_norm: ChartView,
    speed: ChartView,
    load: ChartView,
    entropy: ChartView,
}

/// Everything that is drawn over the steps of a run.
pub struct RunCurves {
    /// Which run it follows, as `AppState::run_count` counts them.
    run: usize,
    steps_taken: usize,
    evals_taken: usize,
    routing_taken: usize,
    loss: SmoothedSeries,
    held_out: Series,
    lr: Series,
    grad_norm: SmoothedSeries,
    speed: SmoothedSeries,
    load: Vec<Series>,
    head_names: Vec<String>,
    entropy: Series,
    views: Views,
}

impl Default for RunCurves {
    fn default() -> Self {
        Self {
            run: 0,
            steps_taken: 0,
            evals_taken: 0,
            routing_taken: 0,
            loss: SmoothedSeries::new(SPAN),
            held_out: Series::default(),
            lr: Series::default(),
            grad_norm: SmoothedSeries::new(SPAN),
            speed: SmoothedSeries::new(SPAN),
            load: Vec::new(),
            head_names: Vec::new(),
            entropy: Series::default(),
            views: Views::default(),
        }
    }
}

impl RunCurves {
    /// Takes over what run number `number` reported since the last frame. Gives back whether more is waiting.
    pub fn follow(&mut self, number: usize, run: &RunState) -> bool {
        if self.run != number || run.steps.len() < self.steps_taken {
            let views = std::mem::take(&mut self.views);
            let span = self.loss.span();
            *self = Self { run: number, views, ..Self::default() };
            self.set_span(span);
            self.expect_heads(&run.summary.settings);
        }
        for step in run.steps.iter().skip(self.steps_taken).take(STEPS_PER_FRAME) {
            self.steps_taken += 1;
            self.loss.push(step.step, step.loss);
            self.lr.push(step.step, step.lr);
            self.grad_norm.push(step.step, step.grad_norm);
            self.speed.push(step.step, step.tokens_per_s);
        }
        for eval in run.evals.iter().skip(self.evals_taken) {
            self.evals_taken += 1;
            self.held_out.push(eval.step, eval.loss);
        }
        for sample in run.routing.iter().skip(self.routing_taken) {
            self.routing_taken += 1;
            self.entropy.push(sample.step, sample.entropy.into());
            for (series, load) in self.load.iter_mut().zip(&sample.load) {
                series.push(sample.step, (*load).into());
            }
        }
        self.steps_taken < run.steps.len()
    }

    /// Makes room for the load of every head, where a router divides it.
    fn expect_heads(&mut self, settings: &TrainSettings) {
        let heads = if settings.method.has_router() { settings.adapter_spec().heads } else { 0 };
        self.load = vec![Series::default(); heads];
        self.head_names = (1..=heads).map(|head| format!("Head {head}")).collect();
    }

    fn set_span(&mut self, span: f64) {
        for series in [&mut self.loss, &mut self.grad_norm, &mut self.speed] {
            series.set_span(span);
        }
    }

    /// Draws the loss over the whole width.
    pub fn loss_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let lines = vec![
            line("Loss", &mut self.loss.raw, tokens.chart_raw, Look::Thin),
            line("Smoothed", &mut self.loss.smooth, tokens.chart_main, Look::Line),
            line("Held-out", &mut self.held_out, tokens.chart_held_out, Look::Marked),
        ];
        Chart::new("Loss", LOSS).height(240.0).ui(ui, &mut self.views.loss, lines);
        let mut span = self.loss.span();
        ui.horizontal(|ui| {
            let label = ui.label("Smoothing");
            ui.visuals_mut().widgets.inactive.bg_fill = tokens.control_active;
            let slider = Slider::new(&mut span, 1.0..=500.0).logarithmic(true).max_decimals(0).suffix(" steps");
            ui.add(slider).labelled_by(label.id).on_hover_text("How many steps the smoothed curves average over");
        });
        self.set_span(span);
    }

    /// Draws the smaller charts in two columns.
    pub fn details_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let views = &mut self.views;
        ui.spacing_mut().item_spacing.x = space::XL;
        ui.columns_const(|[left, right]| {
            let rate = vec![line("Rate", &mut self.lr, tokens.chart_main, Look::Line)];
            Chart::new("Learning rate", RATE).ui(left, &mut views.lr, rate);
            let norm = smoothed("Norm", &mut self.grad_norm, tokens);
            Chart::new("Gradient norm", NORM).ui(right, &mut views.grad_norm, norm);
        });
        ui.add_space(space::M);
        if !self.load.is_empty() {
            self.routing_ui(ui, tokens);
            ui.add_space(space::M);
        }
        let speed = smoothed("Tokens/s", &mut self.speed, tokens);
        Chart::new("Tokens per second", SPEED).linear_only().ui(ui, &mut self.views.speed, speed);
    }

    fn routing_ui(&mut self, ui: &mut Ui, tokens: &Tokens) {
        let views = &mut self.views;
        ui.columns_const(|[left, right]| {
            let names = self.head_names.iter();
            let load = self.load.iter_mut().zip(names).enumerate();
            let load = load.map(|(head, (series, name))| line(name, series, tokens.head(head), Look::Line)).collect();
            Chart::new("Head load", LOAD).linear_only().ui(left, &mut views.load, load);
            let entropy = vec![line("Entropy", &mut self.entropy, tokens.chart_main, Look::Line)];
            Chart::new("Gate entropy", ENTROPY).linear_only().ui(right, &mut views.entropy, entropy);
        });
    }
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
