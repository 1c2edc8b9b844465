//! What stands beside the conversation: the heads, how answers are drawn, the system prompt, and how the model reads it all.

use egui::{ComboBox, RichText, TextEdit, Ui};

use crate::adapter::{AdapterSpec, Module, Target};
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::card::card;
use crate::worker::protocol::ModelSummary;

use super::ChatPage;
use super::context::template_ui;
use super::mixer_ui::mixer_ui;
use super::sides::SideChoice;

impl ChatPage {
    pub(super) fn panel_ui(
        &mut self,
        ui: &mut Ui,
        cx: &PageContext<'_>,
        model: &ModelSummary,
        spec: Option<&AdapterSpec>,
    ) {
        let are_two = self.sides.choice(spec.is_some()) == SideChoice::TwoAdapters;
        let gated = if are_two { self.side_heads.shown_spec(cx, &self.sides, spec) } else { spec };
        let gated = gated.filter(|spec| spec.heads > 1);
        if are_two || gated.is_some() {
            card(ui, "Heads", |ui| {
                if are_two {
                    let two = (&self.sides, &mut self.mixers.two);
                    self.side_heads.ui(ui, cx, two, (spec, model.layers));
                } else if let Some(spec) = gated {
                    mixer_ui(ui, &mut self.mixers.active, (spec, cx.state.head_names()), model.layers);
                }
                let hint = "Answers the last question anew whenever a head is changed, with the same seed";
                ui.checkbox(&mut self.is_live, "Answer anew at each change").on_hover_text(hint);
            });
        }
        if let Some(spec) = gated {
            card(ui, "Gates", |ui| self.gates_ui(ui, spec, model.layers));
        }
        card(ui, "Drawing answers", |ui| self.sampling.ui(ui, model));
        card(ui, "System prompt", |ui| {
            let field = TextEdit::multiline(&mut self.conversation.system)
                .hint_text("How the model should answer; may be empty.")
                .desired_width(f32::INFINITY)
                .desired_rows(2);
            ui.add(field).accessible_name("System prompt");
            let tokens = Tokens::of(ui);
            ui.label(RichText::new(format!("Chat template: {}", model.template)).small().color(tokens.text_weak));
            ui.checkbox(&mut self.context.is_template_open, "Show it as the model reads it");
            if self.context.is_template_open {
                template_ui(ui, self.context.rendered(cx));
            }
        });
        ui.add_space(space::M);
    }

    fn gates_ui(&mut self, ui: &mut Ui, spec: &AdapterSpec, layers: usize) {
        let tokens = Tokens::of(ui);
        if !spec.method.has_router() {
            let text = format!("{} has no router: its gates are the same for every token.", spec.method.title());
            ui.label(RichText::new(text).small().color(tokens.text_weak));
        }
        ui.label(RichText::new("Whose gates tint the tokens").small().color(tokens.text_weak));
        let module = &mut self.gates.module;
        let layer = module.map(|module| module.layer);
        let name =
            |layer: Option<usize>| layer.map_or("Mean of all modules".to_owned(), |l| format!("Layer {}", l + 1));
        let first = spec.targets.first().copied().unwrap_or(Target::Q);
        let combo = ComboBox::from_id_salt("gates of layer").icon(buttons::chevron).selected_text(name(layer));
        let response = combo.width(ui.available_width() - space::S).show_ui(ui, |ui| {
            for choice in std::iter::once(None).chain((0..layers).map(Some)) {
                if ui.selectable_label(choice == layer, name(choice)).clicked() {
                    let target = module.map_or(first, |module| module.target);
                    *module = choice.map(|layer| Module { layer, target });
                }
            }
        });
        response.response.accessible_name("Gates of which layer");
        let Some(module) = module else { return };
        let combo = ComboBox::from_id_salt("gates of kind").icon(buttons::chevron).selected_text(module.target.name());
        let response = combo.width(ui.available_width() - space::S).show_ui(ui, |ui| {
            for target in &spec.targets {
                ui.selectable_value(&mut module.target, *target, target.name());
            }
        });
        response.response.accessible_name("Gates of which module");
    }
}
