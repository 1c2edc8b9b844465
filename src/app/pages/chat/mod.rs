//! The page for talking with the model: a conversation whose answers stand side by side, each tinted on demand by the heads
//! that gave it, and a panel to change those heads, how answers are drawn, and who answers.
//!
//! `conversation.rs` is what was said, `sides.rs` who answers and `mixer.rs` what is done to the heads, all without a
//! window; `turns.rs` and `answer_view.rs` draw the conversation, `panel.rs` what stands beside it, `asking.rs` turns what
//! the user does into requests.

mod answer_view;
mod asking;
mod context;
mod conversation;
mod mixer;
mod mixer_ui;
mod panel;
mod picture;
mod prompt_view;
mod sampling;
mod saving;
mod side_heads;
mod sides;
mod tokens;
mod turns;

use std::path::Path;

use egui::{CentralPanel, Key, KeyboardShortcut, Modifiers, Panel, ScrollArea, TextEdit, Ui};

use crate::adapter::{AdapterSpec, Module};
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId};
use crate::app::theme::space;
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::notes::{callout, empty_state};
use crate::worker::protocol::{Event, GateWatch, JobKind, Request};

use context::{ContextMeter, Room, meter_ui};
use conversation::Conversation;
use mixer::Mixer;
use sampling::SamplingForm;
use saving::SavingForm;
use side_heads::{Mixers, SideHeads};
use sides::{SideChoice, SidesForm};
use turns::{Again, TurnsView, turns_ui};

/// Room for two answers side by side and the panel.
const WIDTH: f32 = 1600.0;
/// Width of the panel beside the conversation.
const PANEL: f32 = 304.0;

/// The Chat page.
#[derive(Default)]
pub struct ChatPage {
    conversation: Conversation,
    /// The question that is being typed.
    draft: String,
    sides: SidesForm,
    mixers: Mixers,
    side_heads: SideHeads,
    /// Whether answers are given anew whenever the heads change.
    is_live: bool,
    sampling: SamplingForm,
    gates: GateChoice,
    context: ContextMeter,
    saving: SavingForm,
    turns: TurnsView,
    next_id: u64,
    /// Why the next question cannot be asked.
    obstacle: Option<String>,
}

/// Which gates are shown under new answers.
#[derive(Debug, Default)]
struct GateChoice {
    is_shown: bool,
    /// The module whose gates are shown in place of the mean.
    module: Option<Module>,
}

impl GateChoice {
    /// The gates to look at where an answer is tinted by them.
    fn watch(&self) -> GateWatch {
        self.module.map_or(GateWatch::Mean, GateWatch::Module)
    }
}

impl Page for ChatPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let Some(model) = &cx.state.model else {
            let text = "Chat needs a model. With an adapter on it, both answer side by side.";
            let action = Some((Icon::Model, "Choose a model"));
            if empty_state(ui, Icon::Chat, "Nobody to talk to yet", text, action) {
                cx.send(SystemCommand::Show(PageId::Model));
            }
            return;
        };
        self.sampling.fit(model);
        let spec = adapter_spec(cx);
        match &spec {
            Some(spec) => self.mixers.active.fit(spec, model.layers),
            None => self.mixers.active = Mixer::default(),
        }
        if self.sides.choice(spec.is_some()) == SideChoice::TwoAdapters {
            let two = (&self.sides, &mut self.mixers.two);
            self.side_heads.update(ui, cx, two, (spec.as_ref(), model.layers));
        }
        self.go_on(ui, cx);
        Panel::right("chat panel")
            .exact_size(PANEL)
            .resizable(false)
            .frame(panel_frame())
            .show_separator_line(false)
            .show(ui, |ui| {
                ScrollArea::vertical().id_salt("chat panel").auto_shrink(false).show(ui, |ui| {
                    self.panel_ui(ui, cx, model, spec.as_ref());
                });
            });
        Panel::bottom("chat question").frame(egui::Frame::NONE).show_separator_line(false).show(ui, |ui| {
            self.composer_ui(ui, cx);
        });
        CentralPanel::no_frame().show(ui, |ui| self.conversation_ui(ui, cx, spec.as_ref()));
    }

    fn note_event(&mut self, event: &Event) {
        match event {
            Event::ModelLoaded(_) => self.context.forget(),
            Event::TranscriptSaved { .. } => self.saving.is_open = false,
            _ => {}
        }
    }

    fn width(&self) -> f32 {
        WIDTH
    }

    fn fills_window(&self) -> bool {
        true
    }
}

/// What the adapter at hand is made of: the one in training, or the one that is loaded.
fn adapter_spec(cx: &PageContext<'_>) -> Option<AdapterSpec> {
    let training = cx.state.active_run().map(|run| run.summary.settings.adapter_spec());
    training.or_else(|| cx.state.adapter.as_ref().map(|adapter| adapter.spec.clone()))
}

/// The panel stands clear of the conversation.
fn panel_frame() -> egui::Frame {
    egui::Frame::new().inner_margin(egui::Margin { left: space::L as i8, right: 0, top: 0, bottom: 0 })
}

impl ChatPage {
    /// Takes a folder that was picked for the adapter in a column.
    pub fn take_folder(&mut self, column: usize, path: &Path) {
        self.sides.take_folder(column, path);
    }

    /// Takes the file that was picked for the conversation.
    pub fn take_transcript(&mut self, path: &Path) {
        self.saving.take_path(path);
    }

    fn is_answering(&self, cx: &PageContext<'_>) -> bool {
        cx.state.job(JobKind::Generate).is_some()
    }

    fn conversation_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, spec: Option<&AdapterSpec>) {
        self.toolbar_ui(ui, cx, spec);
        ui.add_space(space::XS);
        // Two adapters are chosen by themselves.
        if spec.is_none() && self.sides.choice(false) != SideChoice::TwoAdapters {
            no_adapter_ui(ui, cx);
        }
        self.sides.adapters_ui(ui, cx, spec.is_some());
        if self.saving.is_open {
            let columns = self.transcripts(cx);
            self.saving.ui(ui, cx, &columns);
        }
        ScrollArea::vertical().id_salt("conversation").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
            if self.conversation.turns.is_empty() {
                self.beginning_ui(ui, cx);
                return;
            }
            let has_heads = spec.is_none_or(|spec| spec.heads > 1);
            let again = Again {
                is_answering: self.is_answering(cx),
                are_heads_changed: self.mixers.are_changed(self.sides.choice(spec.is_some())),
            };
            let action = turns_ui(ui, cx, &self.conversation, &mut self.turns, (again, has_heads));
            if let Some(action) = action {
                self.act(ui, cx, action);
            }
        });
    }

    fn toolbar_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, spec: Option<&AdapterSpec>) {
        ui.horizontal(|ui| {
            self.sides.ui(ui, spec.is_some());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let has_turns = !self.conversation.turns.is_empty();
                ui.add_enabled_ui(has_turns && !self.is_answering(cx), |ui| {
                    if Icon::Trash.small_button(ui, "Clear conversation").clicked() {
                        self.clear();
                    }
                });
                ui.add_enabled_ui(has_turns, |ui| {
                    if Icon::Save.small_button(ui, "Save conversation…").clicked() {
                        self.saving.open(cx);
                    }
                });
                let are_two = self.sides.choice(spec.is_some()) == SideChoice::TwoAdapters;
                if are_two || spec.is_some_and(|spec| spec.heads > 1) {
                    let hint = "Tints each token of new answers by the head that leads it, as it comes";
                    ui.checkbox(&mut self.gates.is_shown, "Show gates of new answers").on_hover_text(hint);
                }
            });
        });
    }

    /// What an empty conversation can begin with.
    fn beginning_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        ui.add_space(space::XXL);
        ui.vertical_centered(|ui| {
            ui.label(egui::RichText::new("Ask something your examples teach").heading());
            ui.weak("Answers stand side by side, drawn with the same seed.");
        });
        let prompts = cx.state.data.as_ref().map_or(&[][..], |data| &data.held_out_prompts);
        if prompts.is_empty() {
            return;
        }
        ui.add_space(space::L);
        ui.weak("Or take a question that was held out of training:");
        ui.with_layout(egui::Layout::top_down_justified(egui::Align::Min), |ui| {
            for prompt in prompts.iter().take(3) {
                let text = crate::app::widgets::figures::in_one_line(prompt, 120);
                if ui.add(egui::Button::new(text).truncate()).clicked() {
                    self.draft.clone_from(prompt);
                }
            }
        });
    }

    fn composer_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        ui.add_space(space::S);
        for (job, what) in [(JobKind::Generate, ""), (JobKind::Weigh, "The answers could not be read once more: ")] {
            if let Some(message) = cx.state.failure(job) {
                callout(ui, Level::Error, &format!("{what}{message}"));
            }
        }
        if let Some(obstacle) = &self.obstacle {
            callout(ui, Level::Warning, obstacle);
        }
        let is_answering = self.is_answering(cx);
        let field = TextEdit::multiline(&mut self.draft)
            .id_salt("chat question")
            .hint_text("Ask something. Enter sends, Shift+Enter begins a new line.")
            .desired_width(f32::INFINITY)
            .desired_rows(2)
            .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
        let response = ScrollArea::vertical().id_salt("draft").max_height(160.0).show(ui, |ui| ui.add(field)).inner;
        let response = response.accessible_name("Question");
        let is_sent = response.has_focus() && ui.input(|i| i.key_pressed(Key::Enter) && !i.modifiers.shift);
        let can_send = !self.draft.trim().is_empty() && !is_answering;
        ui.horizontal(|ui| {
            let clicked = buttons::primary(ui, Icon::Send, "Send", can_send).on_hover_text("Enter").clicked();
            if can_send && (clicked || is_sent) {
                self.send_draft(cx);
                response.request_focus();
            }
            if is_answering && buttons::secondary(ui, Icon::Stop, "Stop answering", true).clicked() {
                cx.request(Request::Cancel { job: JobKind::Generate });
            }
            meter_ui(ui, self.room(cx));
        });
        if let Some((level, text)) = self.room(cx).warning().filter(|_| cx.state.model.is_some()) {
            callout(ui, level, &text);
        }
        ui.add_space(space::M);
    }

    fn room(&self, cx: &PageContext<'_>) -> Room {
        let given = self.conversation.turns.last().map_or(&[][..], |turn| &turn.given);
        let answers = given.iter().filter_map(|given| cx.state.answers.get(&given.id));
        let last = answers.max_by_key(|answer| answer.prompt_tokens.map(|prompt| prompt + answer.tokens.len()));
        let used = self.context.used(cx, !self.draft.trim().is_empty(), last);
        let context = cx.state.model.as_ref().map_or(0, |model| model.max_context);
        Room { used, answer: self.sampling.values.max_tokens, context }
    }
}

fn no_adapter_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    callout(ui, Level::Info, "There is no adapter yet, so the base model answers alone. Train one, or open one.");
    ui.horizontal(|ui| {
        if buttons::link(ui, "Go to Train").clicked() {
            cx.send(SystemCommand::Show(PageId::Train));
        }
        if buttons::link(ui, "Open a trained adapter").clicked() {
            cx.send(SystemCommand::Ui(UICommand::OpenAdapter));
        }
    });
    ui.add_space(space::S);
}
