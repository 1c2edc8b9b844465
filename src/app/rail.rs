//! The left rail: the steps of the work with their marks, and below them commands, notices and settings.

use egui::{Align, Layout, Rect, RichText, Sense, Stroke, ThemePreference, Ui, WidgetInfo, pos2, vec2};

use crate::app::commands::{SystemCommand, UICommand};
use crate::app::icons::Icon;
use crate::app::pages::PageId;
use crate::app::steps::Mark;
use crate::app::theme::{Tokens, size, space};
use crate::app::widgets::{buttons, figures::percent};
use crate::app::{App, View, ui};

const ENTRY_HEIGHT: f32 = 36.0;

impl App {
    /// Draws the rail.
    pub(super) fn rail_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.add_space(space::XS);
        ui::wordmark_ui(ui);
        ui.add_space(space::L);
        for id in PageId::STEPS {
            let mark = self.state.mark(id);
            let is_shown = self.view == View::Page(id);
            let keys = UICommand::ALL.into_iter().find(|command| command.page() == Some(id));
            let response = entry_ui(ui, id.icon(), id.title(), is_shown, Some(mark));
            let keys = keys.and_then(|command| command.shortcut_text(ui.ctx())).unwrap_or_default();
            if response.on_hover_text(format!("{}. {}  {keys}", mark.words(), id.purpose())).clicked() {
                self.commands.send(SystemCommand::Show(id));
            }
        }
        ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            self.rail_foot_ui(ui);
        });
    }

    /// From the bottom up.
    fn rail_foot_ui(&mut self, ui: &mut Ui) {
        let settings = entry_ui(ui, Icon::Settings, "Settings", false, None);
        egui::Popup::from_toggle_button_response(&settings)
            .align(egui::RectAlign::RIGHT_END)
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.settings_ui(ui));
        let unread = self.toasts.unread();
        let notices = if unread == 0 { "Notices".to_owned() } else { format!("Notices ({unread})") };
        for (name, command) in
            [(notices.as_str(), UICommand::Notices), ("Commands", UICommand::Palette), ("Start", UICommand::ShowStart)]
        {
            let is_shown = command == UICommand::ShowStart && self.view == View::Start;
            let response = entry_ui(ui, command.info().icon, name, is_shown, None);
            let keys = command.shortcut_text(ui.ctx()).unwrap_or_default();
            if response.on_hover_text(format!("{}  {keys}", command.info().tooltip)).clicked() {
                self.commands.send(SystemCommand::Ui(command));
            }
        }
        let runs = entry_ui(ui, Icon::Runs, PageId::Runs.title(), self.view == View::Page(PageId::Runs), None);
        let keys = UICommand::ShowRuns.shortcut_text(ui.ctx()).unwrap_or_default();
        if runs.on_hover_text(format!("{}  {keys}", PageId::Runs.purpose())).clicked() {
            self.commands.send(SystemCommand::Show(PageId::Runs));
        }
        ui.add_space(space::XS);
        ui::rule_ui(ui);
    }

    fn settings_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        ui.set_width(248.0);
        ui.spacing_mut().item_spacing.y = space::S;
        ui.label(RichText::new("Theme").small().color(tokens.text_weak));
        let mut theme = self.persisted.theme;
        let choices =
            [(ThemePreference::System, "System"), (ThemePreference::Light, "Light"), (ThemePreference::Dark, "Dark")];
        if buttons::segmented(ui, &mut theme, &choices) {
            let command = match theme {
                ThemePreference::Dark => UICommand::DarkTheme,
                ThemePreference::Light => UICommand::LightTheme,
                ThemePreference::System => UICommand::SystemTheme,
            };
            self.commands.send(SystemCommand::Ui(command));
        }
        ui.add_space(space::S);
        ui.label(RichText::new("Size of everything").small().color(tokens.text_weak));
        ui.horizontal(|ui| {
            for (name, command) in
                [("Smaller", UICommand::ZoomOut), ("Larger", UICommand::ZoomIn), ("Reset", UICommand::ZoomReset)]
            {
                if ui.button(name).on_hover_text(command.shortcut_text(ui.ctx()).unwrap_or_default()).clicked() {
                    self.commands.send(SystemCommand::Ui(command));
                }
            }
            ui.label(RichText::new(percent(self.persisted.zoom.into())).color(tokens.text_weak));
        });
        ui.add_space(space::S);
        if UICommand::Help.info().icon.button(UICommand::Help.info().name).atom_ui(ui).response.clicked() {
            self.commands.send(SystemCommand::Ui(UICommand::Help));
            ui.close();
        }
    }
}

/// One entry: icon, name, and at the right end its mark.
fn entry_ui(ui: &mut Ui, icon: Icon, name: &str, is_shown: bool, mark: Option<Mark>) -> egui::Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ENTRY_HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, ui.is_enabled(), is_shown, name));
    if let Some(mark) = mark {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(mark.words()));
    }
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let fill = match (is_shown, response.hovered()) {
        (true, _) => Some(tokens.accent_soft),
        (false, true) => Some(tokens.control_hover),
        _ => None,
    };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, size::RADIUS, fill);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.5, tokens.accent);
        ui.painter().rect_stroke(rect, size::RADIUS, stroke, egui::StrokeKind::Inside);
    }
    let color = if is_shown { tokens.text_strong } else { tokens.text };
    let icon_color = if is_shown { tokens.accent_text } else { tokens.text_weak };
    let at = |x: f32| Rect::from_center_size(pos2(x, rect.center().y), vec2(18.0, 18.0));
    icon.image(18.0).tint(icon_color).paint_at(ui, at(rect.left() + 19.0));
    let font = egui::TextStyle::Body.resolve(ui.style());
    ui.painter().text(pos2(rect.left() + 38.0, rect.center().y), egui::Align2::LEFT_CENTER, name, font, color);
    if let Some((icon, color)) = mark.and_then(|mark| mark_icon(mark, tokens)) {
        icon.image(18.0).tint(color).paint_at(ui, at(rect.right() - 17.0).shrink(1.0));
    }
    response
}

fn mark_icon(mark: Mark, tokens: &Tokens) -> Option<(Icon, egui::Color32)> {
    match mark {
        Mark::Done => Some((Icon::Done, tokens.ok)),
        Mark::Running => Some((Icon::Pending, tokens.accent_text)),
        Mark::Next => Some((Icon::Next, tokens.accent_text)),
        Mark::NotYet => None,
    }
}
