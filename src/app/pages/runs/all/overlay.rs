//! Curves of several runs over each other, one colour for each run.

use std::path::PathBuf;

use egui::{Slider, Ui};

use crate::app::pages::PageContext;
use crate::app::runs_state::ReadRun;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::chart::{Chart, ChartLine, ChartView, Look};
use crate::app::widgets::slider::slider;
use crate::app::widgets::smoothed_series::SmoothedSeries;
use crate::project::runs::RunEntry;
use crate::train::RunHistory;
use crate::worker::protocol::{JobKind, Request};

/// Runs drawn at most: there are no more colours that can be told apart.
const MOST: usize = 8;

/// Values taken over in one frame: long runs are caught up with in a few.
const VALUES_PER_FRAME: usize = 10_000;

/// Steps that smoothing reaches over at first.
const SPAN: f64 = 20.0;

/// What is drawn over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Curve {
    #[default]
    HeldOut,
    Smoothed,
    Loss,
    LearningRate,
    GradientNorm,
    Speed,
}

impl Curve {
    const CHOICES: [(Self, &str); 6] = [
        (Self::HeldOut, "Held-out loss"),
        (Self::Smoothed, "Smoothed loss"),
        (Self::Loss, "Loss"),
        (Self::LearningRate, "Learning rate"),
        (Self::GradientNorm, "Gradient norm"),
        (Self::Speed, "Tokens/s"),
    ];

    fn title(self) -> &'static str {
        Self::CHOICES.iter().find(|(curve, _)| *curve == self).map_or("", |(_, title)| title)
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::HeldOut => {
                "Loss on examples that were never trained on. Lower is better, where the data is the same."
            }
            Self::Smoothed => "Loss of each step, averaged over the steps before it.",
            Self::Loss => "Loss of each step, on its own examples.",
            Self::LearningRate => "How far each step moved the adapter.",
            Self::GradientNorm => "Length of all gradients together, before clipping.",
            Self::Speed => "Tokens trained on per second, padding not counted.",
        }
    }

    /// The curve's value number `index`, with its step.
    fn value(self, history: &RunHistory, index: usize) -> Option<(usize, f64)> {
        if self == Self::HeldOut {
            return history.evals.get(index).map(|eval| (eval.step, eval.loss));
        }
        let step = history.steps.get(index)?;
        let value = match self {
            Self::LearningRate => step.lr,
            Self::GradientNorm => step.grad_norm,
            Self::Speed => step.tokens_per_s,
            Self::Loss | Self::Smoothed | Self::HeldOut => step.loss,
        };
        Some((step.step, value))
    }

    fn look(self) -> Look {
        if self == Self::HeldOut { Look::Marked } else { Look::Line }
    }
}

/// One run's line.
struct RunLine {
    run: PathBuf,
    name: String,
    /// The reading that it is made from.
    reading: usize,
    taken: usize,
    series: SmoothedSeries,
}

/// The card with the curves of the chosen runs.
pub(super) struct Overlay {
    curve: Curve,
    span: f64,
    lines: Vec<RunLine>,
    /// The runs whose curves were asked for last.
    asked: Vec<PathBuf>,
    view: ChartView,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { curve: Curve::default(), span: SPAN, lines: Vec::new(), asked: Vec::new(), view: ChartView::default() }
    }
}

impl Overlay {
    /// Forgets what was read, so that it is read again.
    pub fn read_again(&mut self) {
        self.asked.clear();
    }

    /// Draws the card.
    pub fn card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, runs: &[&RunEntry]) {
        let drawn = runs.get(..MOST).unwrap_or(runs);
        self.ask(cx, drawn);
        if self.follow(cx, drawn) {
            ui.ctx().request_repaint();
        }
        let mut curve = self.curve;
        let choose = |ui: &mut Ui| {
            buttons::segmented(ui, &mut curve, &Curve::CHOICES);
        };
        card_with_actions(ui, "Curves", choose, |ui| {
            if runs.len() > MOST {
                ui.weak(format!("The first {MOST} of the chosen runs are drawn."));
            }
            self.chart_ui(ui);
            if let Some(job) = cx.state.job(JobKind::ReadRuns) {
                ui.weak(&job.note);
            }
        });
        if curve != self.curve {
            self.curve = curve;
            self.lines.clear();
            self.view = ChartView::default();
        }
    }

    /// Asks for the curves of runs that were chosen since the last time.
    fn ask(&mut self, cx: &PageContext<'_>, runs: &[&RunEntry]) {
        let paths: Vec<PathBuf> = runs.iter().map(|run| run.path.clone()).collect();
        if paths == self.asked {
            return;
        }
        let is_again = self.asked.is_empty();
        self.asked.clone_from(&paths);
        let missing: Vec<PathBuf> =
            paths.into_iter().filter(|path| is_again || cx.state.runs.curves(path).is_none()).collect();
        if !missing.is_empty() {
            cx.request(Request::ReadRuns { paths: missing });
        }
    }

    /// Brings the lines up to what was read. Gives back whether more is waiting.
    fn follow(&mut self, cx: &PageContext<'_>, runs: &[&RunEntry]) -> bool {
        let mut before = std::mem::take(&mut self.lines);
        let mut room = VALUES_PER_FRAME;
        let mut is_waiting = false;
        for run in runs {
            let Some(read) = cx.state.runs.curves(&run.path) else { continue };
            let place = before.iter().position(|line| line.run == run.path && line.reading == read.number);
            let mut line = match place {
                Some(place) => before.swap_remove(place),
                None => RunLine::new(run, read, self.span),
            };
            while let Some((step, value)) = self.curve.value(&read.history, line.taken) {
                if room == 0 {
                    is_waiting = true;
                    break;
                }
                line.series.push(step, value);
                line.taken += 1;
                room -= 1;
            }
            self.lines.push(line);
        }
        is_waiting
    }

    fn chart_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let (curve, asked) = (self.curve, &self.asked);
        let lines = self.lines.iter_mut().map(|line| {
            // The colour is the run's, whether or not those before it could be read.
            let place = asked.iter().position(|path| *path == line.run).unwrap_or_default();
            let series = if curve == Curve::Smoothed { &mut line.series.smooth } else { &mut line.series.raw };
            ChartLine { name: &line.name, series, color: tokens.head(place), look: curve.look() }
        });
        let lines = lines.collect();
        Chart::new(curve.title(), curve.explanation()).height(260.0).ui(ui, &mut self.view, lines);
        if curve == Curve::Smoothed {
            self.smoothing_ui(ui);
        }
    }

    fn smoothing_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            let label = ui.label("Smoothing");
            let span = Slider::new(&mut self.span, 1.0..=500.0).logarithmic(true).max_decimals(0).suffix(" steps");
            slider(ui, span).labelled_by(label.id).on_hover_text("How many steps the smoothed curves average over");
        });
        for line in &mut self.lines {
            line.series.set_span(self.span);
        }
    }
}

impl RunLine {
    fn new(run: &RunEntry, read: &ReadRun, span: f64) -> Self {
        Self {
            run: run.path.clone(),
            name: run.name.clone(),
            reading: read.number,
            taken: 0,
            series: SmoothedSeries::new(span),
        }
    }
}
