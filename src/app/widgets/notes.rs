//! What a page says in place: a callout, an empty state, the progress of a job.

use egui::{Label, ProgressBar, Rect, RichText, ScrollArea, Ui, UiBuilder, Widget as _, vec2};

use crate::app::icons::Icon;
use crate::app::state::JobStatus;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{beginning, bytes, percent};

/// A text on a tinted ground, with the icon of its level. The text can be selected and copied.
pub fn callout(ui: &mut Ui, level: Level, text: &str) {
    let tokens = Tokens::of(ui);
    theme::callout_frame(level.soft_fill(tokens)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.add(level.icon().image(size::ICON).tint(level.color(tokens)).alt_text(level.word()));
            ui.add(Label::new(RichText::new(text).color(tokens.text)).wrap().selectable(true));
        });
    });
}

/// Fills an empty page: what would be here, and the button that brings it. Gives back whether the button was pressed.
pub fn empty_state(ui: &mut Ui, icon: Icon, title: &str, text: &str, action: Option<(Icon, &str)>) -> bool {
    let tokens = Tokens::of(ui);
    ui.add_space(size::ICON_LARGE);
    ui.vertical_centered(|ui| {
        ui.add(icon.image(size::ICON_LARGE).tint(tokens.text_weak));
        ui.add_space(space::S);
        ui.label(RichText::new(title).heading().color(tokens.text_strong));
        ui.set_max_width(460.0);
        ui.label(RichText::new(text).color(tokens.text_weak));
        ui.add_space(space::S);
        action.is_some_and(|(icon, text)| buttons::primary(ui, icon, text, true).clicked())
    })
    .inner
}

/// Letters of a foreign text that are set: more would cost every frame its time, and nobody reads on here.
const LETTERS: usize = 4000;

/// A text from outside that may be of any length: its beginning, and how much is not shown.
pub fn long_text(ui: &mut Ui, text: &str) {
    let tokens = Tokens::of(ui);
    let (shown, left_out) = beginning(text, LETTERS);
    ui.add(Label::new(RichText::new(shown).color(tokens.text)).wrap().selectable(true));
    if left_out > 0 {
        let note = format!("… and {} more, not shown here.", bytes(left_out as u64));
        ui.label(RichText::new(note).small().color(tokens.text_weak));
    }
}

/// What came of a progress line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    None,
    Cancel,
}

/// What a job does, how far it is, and a button to cancel it.
pub fn job_progress(ui: &mut Ui, job: &JobStatus) -> JobAction {
    let tokens = Tokens::of(ui);
    let mut action = JobAction::None;
    ui.horizontal(|ui| {
        let share = job.share.map(|share| percent(share.clamp(0.0, 1.0).into())).unwrap_or_default();
        ui.label(RichText::new(if job.is_cancelling { "Cancelling" } else { &job.note }).color(tokens.text));
        ui.label(RichText::new(share).color(tokens.text_weak));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if buttons::secondary(ui, Icon::Close, "Cancel", !job.is_cancelling).clicked() {
                action = JobAction::Cancel;
            }
        });
    });
    progress_bar(ui, job.share, ui.available_width(), 6.0);
    action
}

/// A bar that is filled to `share`; without a known end a part of it wanders along.
pub fn progress_bar(ui: &mut Ui, share: Option<f32>, width: f32, height: f32) {
    let tokens = Tokens::of(ui);
    if let Some(share) = share {
        ui.scope(|ui| {
            ui.visuals_mut().extreme_bg_color = tokens.control_active;
            ProgressBar::new(share).desired_width(width).desired_height(height).fill(tokens.accent).ui(ui);
        });
        return;
    }
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "In progress"));
    let radius = height / 2.0;
    ui.painter().rect_filled(rect, radius, tokens.control_active);
    let phase = ui.input(|i| i.time % 2.0) as f32 / 2.0;
    let (from, to) = (phase * 1.3 - 0.3, phase * 1.3);
    let x = |share: f32| rect.left() + rect.width() * share.clamp(0.0, 1.0);
    let part = Rect::from_x_y_ranges(x(from)..=x(to), rect.y_range());
    ui.painter().rect_filled(part, radius, tokens.accent);
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
}

/// Draws `contents` at most `height` points high; beyond that they scroll by themselves, wherever they stand on a page that
/// scrolls too. Below what is in view of such a page a scroll area would else shrink to a few rows.
pub fn scrolled<R>(ui: &mut Ui, id: &str, height: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let area = ScrollArea::vertical().id_salt(id).max_height(height).min_scrolled_height(height);
    area.auto_shrink([false, true]).show(ui, contents).inner
}

/// Draws `contents` in a column of at most `width` points, in the middle of what is there.
pub fn column<R>(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let room = ui.available_rect_before_wrap();
    let width = width.min(room.width());
    let rect = Rect::from_min_size(egui::pos2(room.center().x - width / 2.0, room.top()), vec2(width, room.height()));
    ui.scope_builder(UiBuilder::new().max_rect(rect), contents).inner
}
