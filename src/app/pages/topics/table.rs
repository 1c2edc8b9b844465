//! The topics, one below the other, and how they are changed.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Rect, RichText, Sense, TextEdit, Ui, vec2};

use super::chosen::brief_ui;
use super::words;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{counted, percent};
use crate::app::widgets::legend::{Swatch, color_round, paint_swatch};
use crate::worker::protocol::{JobKind, Request, TopicBoard, TopicEdit, TopicView};

/// Width of the field for a name.
const NAME: f32 = 320.0;

/// The table with what is typed and ticked in it.
#[derive(Default)]
pub struct TopicTable {
    /// Names that are being typed, by the topic's id.
    typed: BTreeMap<u32, String>,
    /// Topics that are ticked for a merge, by their ids.
    ticked: BTreeSet<u32>,
}

impl TopicTable {
    /// Draws the card. Gives back the shown examples of a topic that is to be seen on the map.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, board: &TopicBoard) -> Option<Vec<usize>> {
        let is_idle = cx.state.job(JobKind::EditTopics).is_none();
        self.ticked.retain(|id| board.topics.iter().any(|topic| topic.id == *id));
        let mut wanted = None;
        card(ui, "Topics", |ui| {
            self.actions_ui(ui, cx, board, is_idle);
            for (at, topic) in board.topics.iter().enumerate() {
                ui.separator();
                ui.push_id(topic.id, |ui| {
                    if self.topic_ui(ui, cx, (topic, board), is_idle) {
                        let shown = board.shown.iter().enumerate();
                        let own = shown.filter(|(_, number)| **number == Some(at as u32)).map(|(dot, _)| dot);
                        wanted = Some(own.collect());
                    }
                });
            }
            if board.noise > 0 {
                ui.separator();
                ui.label(format!(
                    "{} of no topic ({}): they lie apart from all others, and are trained on without a topic.",
                    counted(board.noise, "example"),
                    percent(words::share(board.noise, board.examples))
                ));
            }
        });
        wanted
    }

    fn actions_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, board: &TopicBoard, is_idle: bool) {
        ui.horizontal_wrapped(|ui| {
            let can_merge = is_idle && self.ticked.len() > 1;
            let hint = "Tick two topics or more. They become one, with the name and colour of the largest.";
            if buttons::secondary(ui, Icon::Merge, "Merge the ticked", can_merge).on_hover_text(hint).clicked() {
                let mut ids: Vec<&TopicView> =
                    board.topics.iter().filter(|topic| self.ticked.contains(&topic.id)).collect();
                ids.sort_by_key(|topic| std::cmp::Reverse(topic.size));
                edit(cx, TopicEdit::Merge(ids.iter().map(|topic| topic.id).collect()));
                self.ticked.clear();
            }
            step_ui(ui, cx, UICommand::Undo, board.undo.as_deref().filter(|_| is_idle));
            step_ui(ui, cx, UICommand::Redo, board.redo.as_deref().filter(|_| is_idle));
            if buttons::secondary(ui, Icon::Save, "Save topics…", is_idle).clicked() {
                cx.send(SystemCommand::Pick(PickPurpose::SaveTopics));
            }
        });
    }

    /// Draws one topic. Gives back whether it is to be seen on the map.
    fn topic_ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        (topic, board): (&TopicView, &TopicBoard),
        is_idle: bool,
    ) -> bool {
        let tokens = Tokens::of(ui);
        let mut is_wanted = false;
        ui.horizontal_wrapped(|ui| {
            let mut is_ticked = self.ticked.contains(&topic.id);
            let tick = ui.checkbox(&mut is_ticked, "");
            if tick.changed() {
                if is_ticked {
                    self.ticked.insert(topic.id)
                } else {
                    self.ticked.remove(&topic.id)
                };
            }
            tick.accessible_name(format!("Tick {}", topic.name));
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, size::CONTROL), Sense::hover());
            let square = Rect::from_center_size(rect.center(), vec2(14.0, 14.0));
            let swatch = Swatch::of_round(color_round(tokens, topic.color));
            paint_swatch(ui.painter(), swatch, square, tokens.head(topic.color));
            self.name_ui(ui, cx, topic);
            let share = percent(words::share(topic.size, board.examples));
            ui.label(RichText::new(format!("{} ({share})", counted(topic.size, "example"))).color(tokens.text));
            if topic.is_excluded {
                ui.label(RichText::new("left out of training").color(tokens.warn));
            }
        });
        ui.horizontal_wrapped(|ui| {
            is_wanted = named_ui(ui, Icon::Search, "Show on the map", topic, true);
            if named_ui(ui, Icon::Split, "Split in two", topic, is_idle && topic.size > 1) {
                edit(cx, TopicEdit::Split(topic.id));
            }
            let (icon, text) =
                if topic.is_excluded { (Icon::Undo, "Take back in") } else { (Icon::Close, "Leave out of training") };
            if named_ui(ui, icon, text, topic, is_idle) {
                edit(cx, TopicEdit::Exclude { topic: topic.id, is_excluded: !topic.is_excluded });
            }
        });
        ui.label(RichText::new(topic.words.join(", ")).color(tokens.text_weak));
        examples_ui(ui, topic);
        is_wanted
    }

    fn name_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, topic: &TopicView) {
        let mut text = self.typed.get(&topic.id).unwrap_or(&topic.name).clone();
        let field = TextEdit::singleline(&mut text)
            .desired_width(NAME)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::CONTROL));
        let response = ui.add(field);
        if response.changed() {
            self.typed.insert(topic.id, text);
        }
        if response.lost_focus()
            && let Some(name) = self.typed.remove(&topic.id)
            && name != topic.name
            && !ui.input(|input| input.key_pressed(egui::Key::Escape))
        {
            edit(cx, TopicEdit::Rename { topic: topic.id, name });
        }
        response.accessible_name(format!("Name of {}", topic.name));
    }
}

/// The button that reads topics from a file.
pub fn open_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let is_idle = cx.state.job(JobKind::FindTopics).is_none();
    if buttons::secondary(ui, Icon::Folder, "Open topics…", is_idle).clicked() {
        cx.send(SystemCommand::Pick(PickPurpose::OpenTopics));
    }
}

/// Typical and borderline examples, folded.
fn examples_ui(ui: &mut Ui, topic: &TopicView) {
    let header = egui::CollapsingHeader::new("Examples").id_salt("examples").show(ui, |ui| {
        for (title, examples) in [("Typical", &topic.typical), ("On the border to another topic", &topic.borderline)] {
            if !examples.is_empty() {
                ui.label(RichText::new(title).small().color(Tokens::of(ui).text_weak));
                examples.iter().for_each(|example| brief_ui(ui, example));
                ui.add_space(space::XS);
            }
        }
    });
    header.header_response.accessible_name(format!("Examples of {}", topic.name));
}

/// A button that tells whom it is about to those who do not see where it stands.
fn named_ui(ui: &mut Ui, icon: Icon, text: &str, topic: &TopicView, is_enabled: bool) -> bool {
    let response = buttons::secondary(ui, icon, text, is_enabled);
    let is_clicked = response.clicked();
    response.accessible_name(format!("{text}: {}", topic.name));
    is_clicked
}

/// A button that takes a step back, or does it again, and says which.
fn step_ui(ui: &mut Ui, cx: &PageContext<'_>, command: UICommand, step: Option<&str>) {
    let info = command.info();
    let keys = command.shortcut_text(ui.ctx()).unwrap_or_default();
    let name = step.map_or_else(|| info.name.to_owned(), |step| format!("{}: {step}", info.name));
    ui.add_enabled_ui(step.is_some(), |ui| {
        if info.icon.small_button(ui, &name).on_hover_text(format!("{name}  {keys}")).clicked() {
            cx.send(SystemCommand::Ui(command));
        }
    });
}

fn edit(cx: &PageContext<'_>, edit: TopicEdit) {
    cx.request(Request::EditTopics(edit));
}
