//! What each head attracts: its share, the tokens and examples that excite it most, and its name, which can be edited.

use std::collections::HashMap;

use egui::{Key, RichText, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::app::widgets::figures::{count, in_one_line};
use crate::app::widgets::legend::{Swatch, paint_swatch};
use crate::app::widgets::token_strip::visible;
use crate::inspect::RoutingSurvey;
use crate::inspect::survey::{ExcitingExample, ExcitingToken, HeadPortrait};
use crate::worker::protocol::Request;

/// Tokens and examples that are shown of a head.
const TOKENS: usize = 12;
const EXAMPLES: usize = 4;
/// Longest that a name may be, in letters.
const NAME_LETTERS: usize = 40;
const SNIPPET_LETTERS: usize = 96;
/// Narrowest column in which a head is told.
const NARROWEST: f32 = 420.0;

/// The heads with the names that are being edited.
#[derive(Default)]
pub struct PortraitsCard {
    edited: HashMap<usize, String>,
}

impl PortraitsCard {
    /// Draws the card.
    pub fn card_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, survey: &RoutingSurvey) {
        if survey.portraits.is_empty() {
            return;
        }
        card(ui, "What each head attracts", |ui| {
            let columns = ((ui.available_width() / NARROWEST) as usize).clamp(1, survey.portraits.len().min(3));
            for row in survey.portraits.chunks(columns) {
                ui.columns(columns, |columns| {
                    for (ui, portrait) in columns.iter_mut().zip(row) {
                        // Columns fill their width, which would spread the words of a line over it.
                        ui.vertical(|ui| self.portrait_ui(ui, cx, portrait, survey.heads));
                    }
                });
                ui.add_space(space::S);
            }
            ui.weak(
                "Lift: the head's mean gate at a token over its mean gate at all tokens. A name is suggested only where the \
                 head attracts something beyond chance.",
            );
        });
    }

    fn portrait_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, portrait: &HeadPortrait, heads: usize) {
        let tokens = Tokens::of(ui);
        theme::well_frame(tokens).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(12.0), egui::Sense::hover());
                paint_swatch(ui.painter(), Swatch::Square, rect, tokens.head(portrait.head));
                ui.strong(format!("Head {}", portrait.head + 1));
                self.name_ui(ui, cx, portrait);
            });
            let even = 1.0 / heads.max(1) as f32;
            ui.label(format!(
                "Mean gate {:.3} ± {:.3} over the examples; an even share is {even:.3}.",
                portrait.mean, portrait.deviation
            ));
            tokens_ui(ui, &portrait.tokens);
            examples_ui(ui, &portrait.examples);
        });
    }

    /// The name, edited in place, and the one that is suggested.
    fn name_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, portrait: &HeadPortrait) {
        let head = portrait.head;
        let Some(path) = cx.state.adapter_path() else {
            ui.weak("Save the adapter to name its heads.");
            return;
        };
        let given = cx.state.head_names().name(head).unwrap_or_default().to_owned();
        let mut name = self.edited.get(&head).cloned().unwrap_or_else(|| given.clone());
        let field = TextEdit::singleline(&mut name)
            .hint_text("Give it a name")
            .char_limit(NAME_LETTERS)
            .desired_width((ui.available_width() - space::S).min(200.0));
        let response = ui.add(field).accessible_name(format!("Name of head {}", head + 1));
        if response.changed() {
            self.edited.insert(head, name.clone());
        }
        if response.lost_focus() {
            let is_dropped = ui.input(|input| input.key_pressed(Key::Escape));
            self.edited.remove(&head);
            if !is_dropped && name.trim() != given {
                self.rename(cx, path, head, name.trim());
            }
        }
        let suggested = portrait.suggested_name.as_deref().filter(|name| *name != given && given.is_empty());
        if let Some(suggested) = suggested.filter(|_| !self.edited.contains_key(&head)) {
            let text = format!("Call it “{}”", in_one_line(suggested, NAME_LETTERS));
            if buttons::secondary(ui, Icon::Spark, &text, true).clicked() {
                self.rename(cx, path, head, suggested);
            }
        }
    }

    fn rename(&self, cx: &PageContext<'_>, path: &std::path::Path, head: usize, name: &str) {
        cx.request(Request::NameHead { path: path.to_path_buf(), head, name: name.to_owned() });
    }
}

fn tokens_ui(ui: &mut Ui, exciting: &[ExcitingToken]) {
    if exciting.is_empty() {
        ui.weak("No token excites it beyond the others.");
        return;
    }
    ui.label(RichText::new("Tokens that raise its gate most").small().color(Tokens::of(ui).text_weak));
    // Else the first row alone is as tall as a row of buttons.
    ui.spacing_mut().interact_size.y = space::L;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(space::XS, space::XS);
        for token in exciting.iter().take(TOKENS) {
            let tokens = Tokens::of(ui);
            let frame = egui::Frame::new()
                .fill(tokens.control)
                .corner_radius(size::RADIUS_SMALL)
                .inner_margin(egui::Margin::symmetric(6, 2));
            let words = format!(
                "Came {} times, mean gate {:.3}: {:.2} times the head's mean",
                count(token.count),
                token.mean,
                token.lift
            );
            let text = visible(&in_one_line(&token.text, 24));
            // A row has no room for it where it would have to break.
            let font = egui::TextStyle::Body.resolve(ui.style());
            let width = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text.clone(), font, tokens.text_strong).size().x);
            if ui.available_size_before_wrap().x < width + 12.0 {
                ui.end_row();
            }
            let shown = frame.show(ui, |ui| {
                let label = ui.add(egui::Label::new(RichText::new(&text).color(tokens.text_strong)).extend());
                // What the pointer would tell, for who has none.
                label.accessible_name(format!("“{text}”: {words}"));
            });
            shown.response.on_hover_text(words);
        }
    });
}

fn examples_ui(ui: &mut Ui, exciting: &[ExcitingExample]) {
    if exciting.is_empty() {
        return;
    }
    let tokens = Tokens::of(ui);
    ui.label(RichText::new("Examples that excite it most").small().color(tokens.text_weak));
    for example in exciting.iter().take(EXAMPLES) {
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(format!("{:.3}", example.mean)).color(tokens.accent_text));
            let text = in_one_line(&example.snippet, SNIPPET_LETTERS);
            let topic = example.topic.as_deref().map_or_else(String::new, |topic| format!(" ({topic})"));
            ui.add(egui::Label::new(format!("{text}{topic}")).wrap()).on_hover_text(example.source.to_string());
        });
    }
}
