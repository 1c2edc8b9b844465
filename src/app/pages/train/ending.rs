//! The end of a run in words: the verdict with each finding's likely cause and next thing to try, and where to go from
//! here.

use egui::{Label, RichText, Ui};

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::picker::PickPurpose;
use crate::app::run_verdict::{level, verdict_at};
use crate::app::state::{Phase, RunState};
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{count, counted, duration};
use crate::app::widgets::notes::callout;
use crate::evaluate::verdict::{Action, Finding, FindingKind, Verdict};
use crate::worker::protocol::{Request, TrainingEnd};

use super::running::warnings_ui;

/// What the user wants to see after the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The settings of the next run, further down the page.
    Settings,
}

/// The verdict on the run that has ended, kept so that it is not judged anew in every frame.
#[derive(Default)]
pub struct Ending {
    judged: Option<(Case, Verdict)>,
}

/// What a verdict was made of, as far as it can change.
#[derive(Clone, Debug, PartialEq)]
struct Case {
    run: usize,
    phase: Phase,
    evals: usize,
    checkpoints: usize,
}

impl Ending {
    /// Draws the end of `run`, which is run number `number`: its verdict and the next steps, or why it failed and what to
    /// do.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, number: usize, run: &RunState) -> Option<Wish> {
        let verdict = self.verdict(number, run)?;
        let title = match &run.phase {
            Phase::Done(end) if end.stopped => "Stopped and saved",
            Phase::Done(end) if end.step < end.steps => "Training ended early",
            Phase::Done(_) => "Training is done",
            _ => "The run failed",
        };
        card(ui, title, |ui| {
            let action = verdict_ui(ui, verdict, &Checkpoints::of(cx, run)).cloned();
            ui.add_space(space::XS);
            match &run.phase {
                Phase::Done(end) => {
                    facts_ui(ui, cx, run, end);
                    ui.add_space(space::XS);
                    next_steps_ui(ui, cx, end);
                }
                _ => mend_ui(ui, cx, run, verdict),
            }
            carry_out(cx, run, action?)
        })
    }

    fn verdict(&mut self, number: usize, run: &RunState) -> Option<&Verdict> {
        if run.is_active() {
            return None;
        }
        let case =
            Case { run: number, phase: run.phase.clone(), evals: run.evals.len(), checkpoints: run.checkpoints.len() };
        if self.judged.as_ref().is_none_or(|(judged, _)| *judged != case) {
            self.judged = verdict_at(run, &run.phase).map(|verdict| (case, verdict));
        }
        self.judged.as_ref().map(|(_, verdict)| verdict)
    }
}

/// Does what a finding offers, or gives back what the page is to do.
fn carry_out(cx: &PageContext<'_>, run: &RunState, action: Action) -> Option<Wish> {
    match action {
        Action::UseCheckpoint { name, .. } => cx.request(Request::LoadAdapter { path: run.summary.path.join(name) }),
        Action::ShowData => cx.send(SystemCommand::Show(PageId::Data)),
        Action::ShowSettings => return Some(Wish::Settings),
    }
    None
}

/// Whether a checkpoint can be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// The folder's name of the one whose adapter answers now.
    pub in_use: Option<String>,
    /// Why none can be loaded, where none can.
    pub obstacle: Option<&'static str>,
}

impl Checkpoints {
    fn of(cx: &PageContext<'_>, run: &RunState) -> Self {
        let path = cx.state.adapter.as_ref().and_then(|adapter| adapter.path.as_ref());
        let of_run = path.and_then(|path| path.strip_prefix(&run.summary.path).ok());
        let in_use = of_run.map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.is_empty());
        Self { in_use, obstacle: UICommand::OpenAdapter.obstacle(cx.state) }
    }
}

/// Draws a verdict: its headline, then every finding. Gives back what the user wants done about one.
pub fn verdict_ui<'a>(ui: &mut Ui, verdict: &'a Verdict, checkpoints: &Checkpoints) -> Option<&'a Action> {
    callout(ui, level(verdict.level), &verdict.headline);
    let mut wanted = None;
    for finding in &verdict.findings {
        ui.add_space(space::XS);
        let action = finding_ui(ui, finding, checkpoints);
        wanted = action.or(wanted);
    }
    wanted
}

fn finding_ui<'a>(ui: &mut Ui, finding: &'a Finding, checkpoints: &Checkpoints) -> Option<&'a Action> {
    let tokens = Tokens::of(ui);
    let level = level(finding.level);
    ui.horizontal_top(|ui| {
        ui.add(level.icon().image(size::ICON).tint(level.color(tokens)).alt_text(level.word()));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.add(Label::new(RichText::new(&finding.text).color(tokens.text)).wrap().selectable(true));
            for (name, text) in [("Likely cause", &finding.cause), ("To try next", &finding.next)] {
                let Some(text) = text else { continue };
                let text = RichText::new(format!("{name}: {text}")).color(tokens.text_weak);
                ui.add(Label::new(text).wrap().selectable(true));
            }
            let action = finding.action.as_ref()?;
            ui.add_space(space::XXS);
            action_ui(ui, action, checkpoints).then_some(action)
        })
        .inner
    })
    .inner
}

/// The button of an action; gives back whether it was pressed.
fn action_ui(ui: &mut Ui, action: &Action, checkpoints: &Checkpoints) -> bool {
    let (icon, text) = match action {
        Action::UseCheckpoint { name, .. } if checkpoints.in_use.as_ref() == Some(name) => {
            let tokens = Tokens::of(ui);
            ui.label(RichText::new("The adapter of this checkpoint is loaded.").color(tokens.ok));
            return false;
        }
        Action::UseCheckpoint { step, .. } => (Icon::Hydra, format!("Use checkpoint at step {}", count(*step))),
        Action::ShowSettings => (Icon::Settings, "Show settings".to_owned()),
        Action::ShowData => (Icon::Data, "Show data".to_owned()),
    };
    let obstacle = checkpoints.obstacle.filter(|_| matches!(action, Action::UseCheckpoint { .. }));
    let button = buttons::secondary(ui, icon, &text, obstacle.is_none());
    button.on_disabled_hover_text(obstacle.unwrap_or_default()).clicked()
}

/// How long it took, what it used, and where its adapter is.
fn facts_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState, end: &TrainingEnd) {
    let place = if is_loaded(cx, end) { "is loaded, and kept in" } else { "is not loaded any more, but kept in" };
    ui.weak(format!(
        "{} of {} in {}. The adapter {place} {}.",
        count(end.step),
        counted(end.steps, "step"),
        duration(end.elapsed_s),
        end.path.display()
    ));
    warnings_ui(ui, &run.warnings);
    if let Some(usage) = run.usage.last() {
        ui.weak(format!("Energy: {}.", usage.energy.in_words()));
    }
}

/// Whether the adapter that the run left is the one that answers now.
fn is_loaded(cx: &PageContext<'_>, end: &TrainingEnd) -> bool {
    cx.state.adapter.as_ref().and_then(|adapter| adapter.path.as_ref()) == Some(&end.path)
}

fn next_steps_ui(ui: &mut Ui, cx: &PageContext<'_>, end: &TrainingEnd) {
    ui.horizontal(|ui| {
        if is_loaded(cx, end) {
            if buttons::primary(ui, Icon::Routing, "See the routing", true).clicked() {
                cx.send(SystemCommand::Show(PageId::Routing));
            }
            if buttons::secondary(ui, Icon::Export, "Export", true).clicked() {
                cx.send(SystemCommand::Show(PageId::Export));
            }
        } else if UICommand::OpenAdapter.obstacle(cx.state).is_none()
            && buttons::secondary(ui, Icon::Hydra, "Load it again", true).clicked()
        {
            cx.send(SystemCommand::Paths(PickPurpose::Adapter, vec![end.path.clone()]));
        }
        if end.stopped && end.step < end.steps && buttons::secondary(ui, Icon::Play, "Go on training", true).clicked() {
            cx.request(Request::ResumeRun { run: end.path.clone() });
        }
    });
}

/// The way on after a failure. A run that halted would halt again where it did.
fn mend_ui(ui: &mut Ui, cx: &PageContext<'_>, run: &RunState, verdict: &Verdict) {
    let is_mendable = verdict.finding(FindingKind::Halted).is_none() && !run.checkpoints.is_empty();
    if is_mendable && buttons::primary(ui, Icon::Restore, "Go on from the last checkpoint", true).clicked() {
        cx.request(Request::ResumeRun { run: run.summary.path.clone() });
    }
}
