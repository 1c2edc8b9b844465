//! The conversation as it is drawn: each question with its answers side by side, and what can be done with them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{Label, RichText, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::figures::in_one_line;
use crate::app::widgets::tall_list::{TallList, TallListItems};
use crate::worker::protocol::Side;

use super::answer_view::{AnswerAction, AnswerStrips, Heads, again_button, answer_ui, edit_button};
use super::conversation::{Conversation, Turn};

/// A question that is being written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    pub turn: usize,
    pub text: String,
}

/// What was done in the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnAction {
    Answer(AnswerAction),
    /// Begin to write a question anew.
    Edit(usize),
    LeaveEdit,
    /// Ask the question that was written anew, and forget what came after it.
    AskEdited,
    /// Answer the last question once more, with another seed.
    AnswerAgain,
    /// Answer it once more with the heads as they are set.
    AnswerWithHeads,
}

/// What the row below the last turn offers.
pub struct Again {
    pub is_answering: bool,
    /// Whether heads are changed.
    pub are_heads_changed: bool,
}

/// What is kept of the conversation as it is drawn.
#[derive(Default)]
pub struct TurnsView {
    /// The tokens of each answer, by its id.
    pub strips: HashMap<u64, AnswerStrips>,
    pub editing: Option<Editing>,
    list: TallList,
}

/// Draws the turns that are in view.
pub fn turns_ui(
    ui: &mut Ui,
    cx: &PageContext<'_>,
    conversation: &Conversation,
    TurnsView { strips, editing, list }: &mut TurnsView,
    (again, has_heads): (Again, bool),
) -> Option<TurnAction> {
    let mut action = None;
    let turn_revision = |index: usize| conversation.turns.get(index).map_or(0, |turn| revision(cx, turn, has_heads));
    // A question takes other room while it is written anew.
    let edited = editing.as_ref().map(|editing| (editing.turn, editing.text.lines().count() as u64 + 1));
    let items = TallListItems {
        count: conversation.turns.len(),
        revision: &|index| {
            turn_revision(index) ^ edited.filter(|(turn, _)| *turn == index).map_or(0, |(_, lines)| lines)
        },
        words: &|index| conversation.turns.get(index).map_or_else(String::new, |turn| turn_words(index, turn)),
    };
    list.ui(ui, &items, |ui, index| {
        let Some(turn) = conversation.turns.get(index) else { return };
        ui.push_id(("turn", index), |ui| {
            action = question_ui(ui, index, turn, editing, again.is_answering).or(action.take());
            ui.add_space(space::XS);
            action = answers_ui(ui, cx, turn, strips, has_heads).map(TurnAction::Answer).or(action.take());
        });
        ui.add_space(space::M);
    });
    if !conversation.turns.is_empty() {
        action = again_ui(ui, &again).or(action);
    }
    action
}

/// Changes whenever a turn takes other room: its answers go on, end, or are looked at in another way.
fn revision(cx: &PageContext<'_>, turn: &Turn, has_heads: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&turn.question, has_heads).hash(&mut hasher);
    for given in &turn.given {
        let answer = cx.state.answers.get(&given.id);
        (given.id, given.seen, given.is_prompt_seen, answer.map(|answer| (answer.revision, answer.end.is_some())))
            .hash(&mut hasher);
    }
    hasher.finish()
}

/// A turn that is out of sight.
fn turn_words(index: usize, turn: &Turn) -> String {
    let who: Vec<&str> = turn.given.iter().map(|given| given.name.as_str()).collect();
    let question = in_one_line(&turn.question, 80);
    format!("Question {}, out of sight: {question} Answered by {}.", index + 1, who.join(" and "))
}

fn question_ui(
    ui: &mut Ui,
    index: usize,
    turn: &Turn,
    editing: &mut Option<Editing>,
    is_answering: bool,
) -> Option<TurnAction> {
    let tokens = Tokens::of(ui);
    let mut action = None;
    theme::callout_frame(tokens.accent_soft).show(ui, |ui| {
        ui.set_width(ui.available_width());
        if let Some(edited) = editing.as_mut().filter(|edited| edited.turn == index) {
            action = editor_ui(ui, edited, is_answering);
            return;
        }
        ui.spacing_mut().interact_size.y = space::XL;
        ui.spacing_mut().button_padding.y = space::XXS;
        ui.with_layout(egui::Layout::right_to_left(egui::Align::TOP), |ui| {
            if edit_button(ui, index + 1) {
                action = Some(TurnAction::Edit(index));
            }
            ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.add(Label::new(RichText::new(&turn.question).color(tokens.text_strong)).wrap().selectable(true));
            });
        });
    });
    action
}

fn editor_ui(ui: &mut Ui, edited: &mut Editing, is_answering: bool) -> Option<TurnAction> {
    let field = TextEdit::multiline(&mut edited.text).desired_width(f32::INFINITY).desired_rows(2);
    ui.add(field).accessible_name(format!("Question {}", edited.turn + 1));
    let mut action = None;
    ui.horizontal(|ui| {
        let can = !edited.text.trim().is_empty() && !is_answering;
        let hint = "Goes on from here: what came after this question is forgotten.";
        if buttons::primary(ui, Icon::Send, "Ask again from here", can).on_hover_text(hint).clicked() {
            action = Some(TurnAction::AskEdited);
        }
        if ui.button("Leave as it was").clicked() {
            action = Some(TurnAction::LeaveEdit);
        }
    });
    action
}

fn answers_ui(
    ui: &mut Ui,
    cx: &PageContext<'_>,
    turn: &Turn,
    strips: &mut HashMap<u64, AnswerStrips>,
    has_heads: bool,
) -> Option<AnswerAction> {
    let mut action = None;
    ui.columns(turn.given.len().max(1), |columns| {
        for (ui, given) in columns.iter_mut().zip(&turn.given) {
            let (answer, strips) = (cx.state.answers.get(&given.id), strips.entry(given.id).or_default());
            let heads = match &given.side {
                Side::Folder { path, .. } => {
                    let spec = cx.state.gates.described(path).and_then(|found| found.as_ref().ok());
                    let are_several = spec.is_none_or(|spec| spec.heads > 1);
                    Heads { are_several, names: cx.state.gates.names(Some(path)) }
                }
                _ => Heads { are_several: has_heads, names: cx.state.head_names() },
            };
            // Columns fill their width, which would spread the words of a line over it.
            ui.push_id(given.id, |ui| {
                ui.vertical(|ui| action = answer_ui(ui, given, answer, strips, &heads).or(action.take()));
            });
        }
    });
    action
}

fn again_ui(ui: &mut Ui, again: &Again) -> Option<TurnAction> {
    let mut action = None;
    ui.horizontal_wrapped(|ui| {
        let can = !again.is_answering;
        let hint = "Answers the last question once more, with the next seed";
        if again_button(ui, Icon::Redo, "Answer again", hint, can) {
            action = Some(TurnAction::AnswerAgain);
        }
        if again.are_heads_changed {
            let hint = "Answers the last question as trained and with the heads as they are set, with the same seed";
            if again_button(ui, Icon::Routing, "Answer again with this mix", hint, can) {
                action = Some(TurnAction::AnswerWithHeads);
            }
        }
    });
    action
}
