//! The same prompts, answered at every measure: one measure beside the start, or all of them in a list, with the words
//! tinted that are new since the measure before.

use std::collections::BTreeMap;

use egui::text::{LayoutJob, TextFormat};
use egui::{Button, Label, RichText, Slider, TextStyle, Ui};

use crate::app::icons::Icon;
use crate::app::theme::{self, Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{beginning, count, in_one_line};
use crate::app::widgets::notes::{long_text, scrolled};
use crate::app::widgets::slider::slider;
use crate::train::SampleRecord;

use super::word_changes::{Piece, changes};

/// Letters of a prompt that stand for it where one is chosen.
const PROMPT_LETTERS: usize = 32;
/// Letters of an answer that are set.
const ANSWER_LETTERS: usize = 4000;
/// Height that a long question, or all answers in a list, take before they scroll.
const QUESTION_HEIGHT: f32 = 96.0;
const LIST_HEIGHT: f32 = 420.0;
/// Width of the step's number before an answer in the list.
const STEP_WIDTH: f32 = 88.0;

/// How the answers are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Layout {
    /// One measure at a time, beside the start.
    #[default]
    Timeline,
    /// Every measure, one below the other.
    List,
}

/// What of the answers is looked at.
#[derive(Default)]
pub struct SamplesView {
    /// Which run it follows, as `AppState::run_count` counts them.
    run: usize,
    prompt: usize,
    /// The measure, counted from 0; `None` follows the latest.
    measure: Option<usize>,
    layout: Layout,
    is_expected_shown: bool,
    /// The answers to the prompt in pieces, measure by measure.
    pieces: Vec<Vec<Piece>>,
}

impl SamplesView {
    /// Draws the card with the answers of run number `number`; `waiting` says why there is none, where there is none.
    pub fn ui(&mut self, ui: &mut Ui, number: usize, samples: &[SampleRecord], waiting: &str) {
        if self.run != number {
            *self = Self { run: number, layout: self.layout, ..Self::default() };
        }
        let prompts: BTreeMap<usize, &SampleRecord> = samples.iter().rev().map(|s| (s.prompt, s)).collect();
        let mut layout = self.layout;
        card_with_actions(
            ui,
            "Answers as it learns",
            |ui| {
                if !samples.is_empty() {
                    buttons::segmented(ui, &mut layout, &[(Layout::Timeline, "Timeline"), (Layout::List, "All steps")]);
                }
            },
            |ui| {
                if prompts.is_empty() {
                    ui.weak(waiting);
                } else {
                    self.prompt_ui(ui, &prompts);
                    self.answers_ui(ui, samples);
                }
            },
        );
        self.layout = layout;
    }

    fn prompt_ui(&mut self, ui: &mut Ui, prompts: &BTreeMap<usize, &SampleRecord>) {
        if !prompts.contains_key(&self.prompt) {
            self.choose(prompts.keys().next().copied().unwrap_or(0));
        }
        if prompts.len() > 1 {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                for (&prompt, sample) in prompts {
                    let name = in_one_line(&sample.question, PROMPT_LETTERS);
                    let button = Button::selectable(self.prompt == prompt, name);
                    let about = sample
                        .topic
                        .as_ref()
                        .map_or("A prompt of the run".to_owned(), |topic| format!("Topic: {topic}"));
                    if ui.add(button).on_hover_text(about).clicked() {
                        self.choose(prompt);
                    }
                }
            });
            ui.add_space(space::XS);
        }
        let Some(sample) = prompts.get(&self.prompt) else { return };
        let tokens = Tokens::of(ui);
        let topic = sample.topic.as_ref().map_or(String::new(), |topic| format!(", topic {topic}"));
        ui.label(RichText::new(format!("Question{topic}")).small().color(tokens.text_weak));
        well_ui(ui, |ui| {
            scrolled(ui, "question", QUESTION_HEIGHT, |ui| long_text(ui, &sample.question));
        });
    }

    fn choose(&mut self, prompt: usize) {
        self.prompt = prompt;
        self.pieces.clear();
    }

    fn answers_ui(&mut self, ui: &mut Ui, samples: &[SampleRecord]) {
        let answers: Vec<&SampleRecord> = samples.iter().filter(|sample| sample.prompt == self.prompt).collect();
        self.compare(&answers);
        ui.add_space(space::XS);
        match self.layout {
            Layout::Timeline => self.timeline_ui(ui, &answers),
            Layout::List => self.list_ui(ui, &answers),
        }
        let Some(expected) = answers.last().and_then(|sample| sample.expected.as_ref()) else { return };
        ui.add_space(space::XS);
        ui.checkbox(&mut self.is_expected_shown, "Show the expected answer");
        if self.is_expected_shown {
            well_ui(ui, |ui| long_text(ui, expected));
        }
    }

    /// Takes answers apart that came since the last frame.
    fn compare(&mut self, answers: &[&SampleRecord]) {
        if self.pieces.len() > answers.len() {
            self.pieces.clear();
        }
        let mut before = self.pieces.len().checked_sub(1).and_then(|last| answers.get(last)).map(|s| shown(s));
        for sample in answers.iter().skip(self.pieces.len()) {
            let after = shown(sample);
            // Nothing is new in the first answer.
            self.pieces.push(changes(before.unwrap_or(after), after));
            before = Some(after);
        }
    }

    fn timeline_ui(&mut self, ui: &mut Ui, answers: &[&SampleRecord]) {
        let last = answers.len().saturating_sub(1);
        let measure = self.measure.map_or(last, |measure| measure.min(last));
        let chosen = self.scrubber_ui(ui, answers, measure);
        self.measure = (chosen < last).then_some(chosen);
        let (Some(first), Some(sample)) = (answers.first(), answers.get(chosen)) else { return };
        let before = chosen.checked_sub(1).and_then(|before| answers.get(before));
        ui.add_space(space::XS);
        let title = |sample: &SampleRecord| match sample.step {
            0 => "Before training".to_owned(),
            step => format!("After step {}", count(step)),
        };
        ui.columns_const(|[left, right]| {
            // Columns justify their text, which tears short lines apart.
            left.vertical(|ui| answer_ui(ui, &title(first), first, None, self.pieces.first()));
            right.vertical(|ui| answer_ui(ui, &title(sample), sample, before.copied(), self.pieces.get(chosen)));
        });
    }

    /// The row that one goes through the measures with. Gives back the measure that is chosen now.
    fn scrubber_ui(&self, ui: &mut Ui, answers: &[&SampleRecord], measure: usize) -> usize {
        const WORDS_WIDTH: f32 = 220.0;
        let last = answers.len().saturating_sub(1);
        let mut chosen = measure;
        ui.horizontal(|ui| {
            let label = ui.label("Step");
            let earlier = ui.add_enabled_ui(measure > 0, |ui| Icon::ChevronLeft.small_button(ui, "Previous measure"));
            if earlier.inner.clicked() {
                chosen = measure.saturating_sub(1);
            }
            ui.spacing_mut().slider_width = (ui.available_width() - WORDS_WIDTH).max(80.0);
            let measures = Slider::new(&mut chosen, 0..=last).show_value(false);
            let hint = "Drag, or use the arrow keys, to go through the answers";
            let moved = ui.add_enabled_ui(last > 0, |ui| slider(ui, measures)).inner;
            moved.labelled_by(label.id).on_hover_text(hint);
            let later = ui.add_enabled_ui(measure < last, |ui| Icon::ChevronRight.small_button(ui, "Next measure"));
            if later.inner.clicked() {
                chosen = measure + 1;
            }
            let step = answers.get(chosen).map_or(0, |sample| sample.step);
            let words = format!("{}, measure {} of {}", count(step), count(chosen + 1), count(answers.len()));
            ui.label(words);
        });
        chosen.min(last)
    }

    fn list_ui(&self, ui: &mut Ui, answers: &[&SampleRecord]) {
        well_ui(ui, |ui| {
            scrolled(ui, "answers", LIST_HEIGHT, |ui| {
                for (i, (sample, pieces)) in answers.iter().zip(&self.pieces).enumerate() {
                    if i > 0 {
                        ui.add_space(space::XS);
                    }
                    row_ui(ui, sample, pieces);
                }
            });
        });
    }
}

/// The part of an answer that is set.
fn shown(sample: &SampleRecord) -> &str {
    beginning(&sample.answer, ANSWER_LETTERS).0
}

fn well_ui(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    theme::well_frame(Tokens::of(ui)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        contents(ui);
    });
}

/// One answer of the list, behind its step.
fn row_ui(ui: &mut Ui, sample: &SampleRecord, pieces: &[Piece]) {
    let color = Tokens::of(ui).text_weak;
    ui.horizontal_top(|ui| {
        ui.allocate_ui(egui::vec2(STEP_WIDTH, 0.0), |ui| {
            ui.set_width(STEP_WIDTH);
            ui.label(RichText::new(format!("Step {}", count(sample.step))).color(color));
        });
        ui.vertical(|ui| text_ui(ui, sample, pieces));
    });
}

/// One answer under its title, with what became of it since the measure before.
fn answer_ui(
    ui: &mut Ui,
    title: &str,
    sample: &SampleRecord,
    before: Option<&SampleRecord>,
    pieces: Option<&Vec<Piece>>,
) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(title).color(tokens.text_strong));
    let pieces = pieces.map_or(&[][..], Vec::as_slice);
    well_ui(ui, |ui| text_ui(ui, sample, pieces));
    let Some(before) = before else { return };
    let since = count(before.step);
    let words = if shown(before) == shown(sample) {
        format!("The same as at step {since}")
    } else if pieces.iter().any(|piece| piece.is_new) {
        format!("Tinted: new since step {since}")
    } else {
        format!("Words left out since step {since}, none new")
    };
    ui.label(RichText::new(words).small().color(tokens.text_weak));
}

/// An answer with its new words tinted, and that it was cut where it was.
fn text_ui(ui: &mut Ui, sample: &SampleRecord, pieces: &[Piece]) {
    let tokens = Tokens::of(ui);
    if sample.answer.trim().is_empty() {
        ui.weak("Nothing: the answer is empty.");
        return;
    }
    let plain = TextFormat::simple(TextStyle::Body.resolve(ui.style()), tokens.text);
    let mut job = LayoutJob::default();
    for piece in pieces {
        let background = if piece.is_new { tokens.new_words } else { egui::Color32::TRANSPARENT };
        let text = shown(sample).get(piece.range.clone()).unwrap_or_default();
        job.append(text, 0.0, TextFormat { background, ..plain.clone() });
    }
    ui.add(Label::new(job).wrap().selectable(true));
    if sample.is_cut || shown(sample).len() < sample.answer.len() {
        ui.label(RichText::new("… cut here").small().color(tokens.text_weak));
    }
}
