//! The first-start screen: try the demo, begin a project, open something.

use egui::{RichText, ScrollArea, Sense, Stroke, Ui, UiBuilder, vec2};

use crate::app::App;
use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageId;
use crate::app::picker::PickPurpose;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::notes::{self, JobAction};
use crate::worker::protocol::{JobKind, Request};

/// One of the three choices.
struct Choice {
    icon: Icon,
    title: &'static str,
    text: &'static str,
    command: SystemCommand,
}

impl App {
    /// Draws the screen.
    pub(super) fn start_ui(&mut self, ui: &mut Ui) {
        ScrollArea::vertical().id_salt("start").auto_shrink(false).show(ui, |ui| {
            let width = (ui.available_width() - 2.0 * space::XL).min(880.0);
            notes::column(ui, width, |ui| {
                let tokens = Tokens::of(ui);
                // A little above the middle, where the eye rests.
                ui.add_space((0.16 * ui.available_height()).max(space::XXL));
                ui.label(
                    RichText::new("Teach a language model to answer like you")
                        .text_style(theme::text::title())
                        .color(tokens.text_strong),
                );
                ui.label(
                    RichText::new(
                        "Fine-tune it with HydraLoRA on your own questions and answers, watch every head learn, and \
                         take the adapter away. Everything stays on this computer.",
                    )
                    .color(tokens.text_weak),
                );
                ui.add_space(space::XL);
                self.resume_ui(ui);
                self.choices_ui(ui);
                ui.add_space(space::L);
                self.demo_progress_ui(ui);
                self.recent_ui(ui);
            });
        });
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        let choices = [
            Choice {
                icon: Icon::Spark,
                title: "Try the two-minute demo",
                text: "The real thing on a small bundled model and 2,000 bundled examples.",
                command: SystemCommand::Ui(UICommand::TryDemo),
            },
            Choice {
                icon: Icon::Plus,
                title: "New project",
                text: "Choose a base model and your own examples, then train.",
                command: SystemCommand::Show(PageId::Model),
            },
            Choice {
                icon: Icon::Folder,
                title: "Open a run",
                text: "Go on with a run folder from its last checkpoint.",
                command: SystemCommand::Pick(PickPurpose::Run),
            },
        ];
        let width = (ui.available_width() - 2.0 * space::L) / 3.0;
        // Narrow cards need more lines.
        let card = vec2(width, if width < 240.0 { 184.0 } else { 152.0 });
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for choice in choices {
                if choice_ui(ui, &choice, card).clicked() {
                    self.commands.send(choice.command);
                }
            }
        });
    }

    /// While the demo opens: how far it is, or why it failed.
    fn demo_progress_ui(&mut self, ui: &mut Ui) {
        for kind in [JobKind::LoadModel, JobKind::ImportData] {
            if let Some(job) = self.state.job(kind) {
                if notes::job_progress(ui, job) == JobAction::Cancel {
                    self.commands.send(SystemCommand::Request(Request::Cancel { job: kind }));
                }
                ui.add_space(space::L);
            } else if self.state.is_demo
                && let Some(message) = self.state.failure(kind)
            {
                notes::callout(ui, Level::Error, message);
                ui.add_space(space::L);
            }
        }
    }

    fn recent_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let recent = [
            ("Recent models", Icon::Model, PickPurpose::ModelFolder, &self.persisted.recent_models),
            ("Recent runs", Icon::Train, PickPurpose::Run, &self.persisted.recent_runs),
        ];
        for (title, icon, purpose, paths) in recent {
            if paths.is_empty() {
                continue;
            }
            ui.label(RichText::new(title).small().color(tokens.text_weak));
            for path in paths {
                let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into());
                let button = icon.button(&name).frame_when_inactive(false);
                if ui.add(button).on_hover_text(path.display().to_string()).clicked() {
                    self.commands.send(SystemCommand::Paths(purpose, vec![path.clone()]));
                }
            }
            ui.add_space(space::M);
        }
    }
}

/// A card that is one large button.
fn choice_ui(ui: &mut Ui, choice: &Choice, card: egui::Vec2) -> egui::Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(card, Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), choice.title));
    let is_lit = response.hovered() || response.has_focus();
    let (fill, stroke) = if is_lit { (tokens.control_hover, tokens.accent) } else { (tokens.card, tokens.border) };
    ui.painter().rect(rect, size::RADIUS_CARD, fill, Stroke::new(1.0, stroke), egui::StrokeKind::Inside);
    // A child ui leaves the cursor behind the card that was allocated above.
    let inside = UiBuilder::new().max_rect(rect.shrink(space::L)).layout(egui::Layout::top_down(egui::Align::Min));
    let ui = &mut ui.new_child(inside);
    let (mark, _) = ui.allocate_exact_size(egui::Vec2::splat(36.0), Sense::hover());
    ui.painter().rect_filled(mark, size::RADIUS_LARGE, tokens.accent_soft);
    choice.icon.image(20.0).tint(tokens.accent_text).paint_at(ui, mark.shrink(8.0));
    ui.add_space(space::XS);
    ui.label(RichText::new(choice.title).text_style(theme::text::card()).color(tokens.text_strong));
    ui.label(RichText::new(choice.text).color(tokens.text_weak));
    response
}
