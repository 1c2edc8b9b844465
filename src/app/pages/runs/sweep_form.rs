//! Several runs from one setup: the methods side by side, or every combination of chosen values. Both say how many runs and
//! steps they come to before they fill the queue.

use egui::{RichText, Ui};

use crate::adapter::Method;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::train::plan;
use crate::app::pages::{PageContext, PageId};
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes::callout;
use crate::project::sweep::SweepError;
use crate::project::{Contender, Sweep, Variant};
use crate::train::TrainSettings;
use crate::worker::protocol::{DataSummary, ModelSummary, Request};

use super::orders;
use super::queue_view::below_title;

const RANKS: [usize; 5] = [4, 8, 16, 32, 64];
const HEADS: [usize; 5] = [2, 3, 4, 6, 8];
const RATES: [f64; 6] = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3];

/// The forms for several runs.
#[derive(Default)]
pub struct SweepForm {
    /// The settings that every run shares, once they were handed over, and what is varied.
    plan: Option<(TrainSettings, Sweep)>,
}

impl SweepForm {
    /// Plans from these settings, and varies nothing yet.
    pub fn plan(&mut self, settings: TrainSettings) {
        self.plan = Some((settings.clone(), Sweep::of(&settings)));
    }

    /// Draws both forms, or the way to what they need.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let (Some((base, sweep)), Some(data), Some(model)) = (&mut self.plan, &cx.state.data, &cx.state.model) else {
            return card(ui, "Several runs at once", |ui| missing_ui(ui, cx));
        };
        card(ui, "Compare methods", |ui| {
            base_ui(ui, base, data, model);
            compare_ui(ui, cx, base, data);
        });
        card(ui, "Sweep", |ui| {
            base_ui(ui, base, data, model);
            sweep_ui(ui, cx, base, sweep, data);
        });
    }
}

fn missing_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    ui.label(
        "Set up a run on the Train page, with its model and data, and choose “Compare methods…” there: the methods side by \
         side on the same data, or a sweep over ranks, heads, learning rates and methods.",
    );
    if buttons::link(ui, "Set up a run").clicked() {
        cx.send(SystemCommand::Show(PageId::Train));
    }
}

/// What all runs share.
fn base_ui(ui: &mut Ui, base: &TrainSettings, data: &DataSummary, model: &ModelSummary) {
    let examples = plan::training_examples(data, base);
    ui.weak(format!(
        "On {} with {}: {} of {} each, context {} tokens, seed {}.",
        model.name,
        counted(data.kept, "example"),
        counted(base.total_steps(examples), "step"),
        counted(base.effective_batch(), "example"),
        count(base.context),
        base.seed
    ));
    ui.add_space(space::XS);
}

/// How many runs there are and what they come to.
fn totals(variants: &[Variant], data: &DataSummary) -> String {
    let steps = |variant: &Variant| variant.settings.total_steps(plan::training_examples(data, &variant.settings));
    let all: usize = variants.iter().map(steps).sum();
    format!("{}, {} in all.", counted(variants.len(), "run"), counted(all, "step"))
}

fn compare_ui(ui: &mut Ui, cx: &PageContext<'_>, base: &TrainSettings, data: &DataSummary) {
    let variants: Vec<Variant> = Contender::ALL.into_iter().map(|contender| contender.variant(base)).collect();
    ui.label("Trains these one after another, with nothing but the method changed, and sets them side by side:");
    below_title(ui, |ui| {
        for variant in &variants {
            ui.label(RichText::new(&variant.title).color(Tokens::of(ui).text_strong));
        }
    });
    ui.add_space(space::XS);
    ui.weak(format!("{} They begin at once, or when the run under way has ended.", totals(&variants, data)));
    let problem = variants.iter().find_map(|variant| variant.settings.validate().err());
    if let Some(problem) = &problem {
        callout(ui, Level::Warning, problem);
    }
    if buttons::primary(ui, Icon::Play, "Compare methods", problem.is_none()).clicked() {
        cx.request(Request::Enqueue { runs: orders::group(cx, "Methods", variants) });
        cx.request(Request::StartQueue);
    }
}

fn sweep_ui(ui: &mut Ui, cx: &PageContext<'_>, base: &TrainSettings, sweep: &mut Sweep, data: &DataSummary) {
    ui.label("Trains every combination of the values that are ticked.");
    ui.add_space(space::XS);
    egui::Grid::new("sweep").num_columns(2).spacing([space::L, space::S]).show(ui, |ui| {
        let methods = Method::ALL.map(|method| (method, method.title().to_owned()));
        choices_ui(ui, "Method", &mut sweep.methods, &methods);
        choices_ui(ui, "Rank", &mut sweep.ranks, &with_own(&RANKS, base.rank, count));
        choices_ui(ui, "Heads", &mut sweep.heads, &with_own(&HEADS, base.heads, count));
        choices_ui(ui, "Learning rate", &mut sweep.rates, &with_own(&RATES, base.lr, |rate| format!("{rate:e}")));
    });
    ui.weak("Plain LoRA has one head, so it is trained once for all numbers of heads.");
    ui.add_space(space::XS);
    match sweep.variants(base) {
        Ok(variants) => {
            ui.label(totals(&variants, data));
            let text = format!("Add {} to the queue", counted(variants.len(), "run"));
            if buttons::primary(ui, Icon::Plus, &text, true).clicked() {
                cx.request(Request::Enqueue { runs: orders::group(cx, "Sweep", variants) });
            }
        }
        Err(error) => {
            callout(ui, Level::Warning, &problem(&error));
            buttons::primary(ui, Icon::Plus, "Add to the queue", false);
        }
    }
}

/// The usual values and the setup's own, each with its name, in order.
fn with_own<T: Copy + PartialOrd>(usual: &[T], own: T, name: impl Fn(T) -> String) -> Vec<(T, String)> {
    let mut values = usual.to_vec();
    if !values.contains(&own) {
        let at = values.iter().position(|value| *value > own).unwrap_or(values.len());
        values.insert(at, own);
    }
    values.into_iter().map(|value| (value, name(value))).collect()
}

/// A row of ticks; what is chosen stays in the order of the row.
fn choices_ui<T: Copy + PartialEq>(ui: &mut Ui, name: &str, chosen: &mut Vec<T>, choices: &[(T, String)]) {
    ui.label(RichText::new(name).color(Tokens::of(ui).text));
    ui.horizontal_wrapped(|ui| {
        for (value, text) in choices {
            let mut is_chosen = chosen.contains(value);
            let tick = ui.checkbox(&mut is_chosen, text);
            tick.accessible_name(format!("{name}: {text}"));
            if is_chosen != chosen.contains(value) {
                let is_kept = |other: &T| if other == value { is_chosen } else { chosen.contains(other) };
                *chosen = choices.iter().map(|(other, _)| *other).filter(is_kept).collect();
            }
        }
    });
    ui.end_row();
}

fn problem(error: &SweepError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setups_own_value_stands_among_the_usual_ones() {
        let values: Vec<usize> = with_own(&RANKS, 12, count).into_iter().map(|(value, _)| value).collect();
        assert_eq!(values, [4, 8, 12, 16, 32, 64]);
        assert_eq!(with_own(&RATES, 2e-4, |rate| format!("{rate:e}")).len(), RATES.len());
        assert_eq!(with_own(&HEADS, 12, count).last().map(|(_, name)| name.as_str()), Some("12"));
    }

    #[test]
    fn a_problem_is_told_as_a_sentence() {
        assert_eq!(problem(&SweepError::Empty { what: "rank" }), "Choose at least one rank.");
    }
}
