//! Advanced mode: every setting with its control, its usual range, its default, what it does, and a way back.

use egui::{RichText, Sense, TextEdit, Ui, vec2};

use super::fields::{Field, GROUPS, all_fields};
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::figures::counted;
use crate::train::TrainSettings;

const MARK: f32 = size::ICON / 2.0;
const NAME: f32 = 152.0;

/// From this width on, a row has its usual range beside its control.
const WIDE: f32 = 900.0;
/// Width of a control there, and where the range stands below it.
const CONTROL_WIDE: f32 = 384.0;
const CONTROL_NARROW: f32 = 328.0;

/// How Advanced mode is looked at.
#[derive(Debug, Default)]
pub struct Advanced {
    search: String,
    /// Fields whose explanation is open.
    explained: Vec<Field>,
    is_all_explained: bool,
}

impl Advanced {
    /// Draws every setting. Gives the name of what a button did beyond a single field.
    pub fn ui(&mut self, ui: &mut Ui, settings: &mut TrainSettings, cx: &PageContext<'_>) -> Option<String> {
        let changed = all_fields().filter(|field| field.is_changed(settings)).count();
        let is_reset = self.tools_ui(ui, changed);
        let mut is_any_shown = false;
        for (title, fields) in GROUPS {
            let shown: Vec<Field> = fields.iter().copied().filter(|field| self.is_found(title, *field)).collect();
            if shown.is_empty() {
                continue;
            }
            is_any_shown = true;
            ui.add_space(space::S);
            ui.label(RichText::new(title).strong().color(Tokens::of(ui).text_strong));
            for field in shown {
                self.field_ui(ui, field, settings, cx);
            }
        }
        if !is_any_shown {
            ui.add_space(space::S);
            ui.label("No setting has that in its name or its explanation.");
        }
        is_reset.then(|| {
            *settings = TrainSettings::default();
            format!("Reset of {}", counted(changed, "setting"))
        })
    }

    /// The search, what the marks mean, and the way back to the defaults. Gives back whether that was taken.
    fn tools_ui(&mut self, ui: &mut Ui, changed: usize) -> bool {
        let tokens = Tokens::of(ui);
        let mut is_reset = false;
        ui.horizontal_wrapped(|ui| {
            let search = TextEdit::singleline(&mut self.search)
                .hint_text("Search settings")
                .desired_width(200.0)
                .align(egui::Align2::LEFT_CENTER)
                .min_size(vec2(0.0, size::CONTROL));
            ui.add(search).accessible_name("Search settings");
            ui.checkbox(&mut self.is_all_explained, "Explain every setting");
            if changed > 0 && ui.button(format!("Reset {}", counted(changed, "change"))).clicked() {
                is_reset = true;
            }
        });
        let text = "A dot marks what differs from the default. The question mark beside a setting says what it does.";
        ui.label(RichText::new(text).small().color(tokens.text_weak));
        is_reset
    }

    fn is_found(&self, group: &str, field: Field) -> bool {
        let (search, text) = (self.search.trim().to_lowercase(), field.text());
        let places = [group, text.name, text.explanation];
        places.into_iter().any(|place| place.to_lowercase().contains(&search))
    }

    fn field_ui(&mut self, ui: &mut Ui, field: Field, settings: &mut TrainSettings, cx: &PageContext<'_>) {
        let tokens = Tokens::of(ui);
        let text = field.text();
        let usual = RichText::new(range_in_words(field)).small().color(tokens.text_weak);
        let is_wide = ui.available_width() >= WIDE;
        let mut indent = 0.0;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = space::XXS;
            let left = ui.max_rect().left();
            ui.horizontal(|ui| {
                mark_ui(ui, field.is_changed(settings));
                part_ui(ui, NAME, |ui| {
                    let name = ui.label(RichText::new(text.name).color(tokens.text));
                    name.on_hover_text(text.explanation);
                });
                self.help_button_ui(ui, field);
                indent = ui.cursor().left() - left;
                part_ui(ui, if is_wide { CONTROL_WIDE } else { CONTROL_NARROW }, |ui| {
                    ui.spacing_mut().interact_size.x = 72.0;
                    field.control_ui(ui, settings, cx);
                });
                if is_wide {
                    ui.label(usual.clone());
                }
                if field.is_changed(settings)
                    && Icon::Restore.small_button(ui, &format!("Reset {}", text.name)).clicked()
                {
                    field.reset(settings);
                }
            });
            if !is_wide {
                below_ui(ui, indent, |ui| ui.label(usual));
            }
            if self.is_all_explained || self.explained.contains(&field) {
                below_ui(ui, indent, |ui| ui.label(RichText::new(text.explanation).color(tokens.text_weak)));
            }
        });
    }

    /// The question mark that opens and closes a field's explanation.
    fn help_button_ui(&mut self, ui: &mut Ui, field: Field) {
        let name = field.text().name;
        let is_open = self.explained.contains(&field);
        let action = if is_open { format!("Hide what {name} does") } else { format!("What {name} does") };
        if Icon::Help.small_button(ui, &action).clicked() {
            if is_open {
                self.explained.retain(|other| *other != field);
            } else {
                self.explained.push(field);
            }
        }
    }
}

/// A dot where the field differs from its default.
fn mark_ui(ui: &mut Ui, is_changed: bool) {
    let (dot, response) = ui.allocate_exact_size(vec2(MARK, size::CONTROL), Sense::hover());
    if is_changed {
        ui.painter().circle_filled(dot.center(), 3.5, Tokens::of(ui).accent_text);
        response.on_hover_text("Differs from the default");
    }
}

/// The range that is usual, and the default.
fn range_in_words(field: Field) -> String {
    let (usual, default) = (field.text().usual, field.value_in_brief(&TrainSettings::default()));
    if usual.eq_ignore_ascii_case(&default) {
        format!("Usual and default: {usual}.")
    } else {
        format!("Usual: {usual}. Default: {default}.")
    }
}

/// A line under a row, where its control begins.
fn below_ui<R>(ui: &mut Ui, indent: f32, contents: impl FnOnce(&mut Ui) -> R) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.spacing_mut().interact_size.y = 0.0;
        ui.add_space(indent);
        ui.vertical(contents);
    });
}

/// A part of a row, at least `width` wide.
fn part_ui(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(width, size::CONTROL), layout, |ui| {
        ui.set_min_width(width);
        contents(ui);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_names_groups_and_explanations_in_any_case() {
        let found = |search: &str| {
            let view = Advanced { search: search.into(), ..Advanced::default() };
            let fields = GROUPS.iter().flat_map(|(title, fields)| fields.iter().map(move |field| (*title, *field)));
            fields.filter(|(title, field)| view.is_found(title, *field)).map(|(_, field)| field).collect::<Vec<_>>()
        };
        assert_eq!(found(" WARM-up "), [Field::Schedule, Field::Warmup]);
        assert_eq!(found("memory and speed"), [Field::Base, Field::Recompute, Field::Threads]);
        assert!(found("no such thing").is_empty());
        assert_eq!(found("").len(), all_fields().count());
    }
}
