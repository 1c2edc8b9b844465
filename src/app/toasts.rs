//! Notices: each is shown for a while in a corner, and stays in the notice panel until it is cleared.

use std::collections::VecDeque;

use egui::{Align2, Area, Context, Id, Order, Ui, vec2};

use crate::app::icons::Icon;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::widgets::figures::in_one_line;

/// The longest message in a corner; the panel, and the page it concerns, show all of it.
const TOAST_LETTERS: usize = 180;

/// How many notices the panel keeps.
const HISTORY: usize = 200;

/// How many notices the corner shows at once.
const AT_ONCE: usize = 4;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    Info,
    Ok,
    Warning,
    Error,
}

impl Level {
    /// How long a notice of this level is shown, in seconds.
    fn seconds(self) -> f64 {
        match self {
            Level::Info | Level::Ok => 5.0,
            Level::Warning => 9.0,
            Level::Error => 14.0,
        }
    }

    pub(crate) fn icon(self) -> Icon {
        match self {
            Level::Info => Icon::Info,
            Level::Ok => Icon::Check,
            Level::Warning => Icon::Warning,
            Level::Error => Icon::Error,
        }
    }

    /// The word that stands for the level where colour and shape cannot be seen.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Info => "Note",
            Level::Ok => "Done",
            Level::Warning => "Warning",
            Level::Error => "Error",
        }
    }

    pub(crate) fn color(self, tokens: &Tokens) -> egui::Color32 {
        match self {
            Level::Info => tokens.accent_text,
            Level::Ok => tokens.ok,
            Level::Warning => tokens.warn,
            Level::Error => tokens.error,
        }
    }

    pub(crate) fn soft_fill(self, tokens: &Tokens) -> egui::Color32 {
        match self {
            Level::Info => tokens.accent_soft,
            Level::Ok => tokens.ok_soft,
            Level::Warning => tokens.warn_soft,
            Level::Error => tokens.error_soft,
        }
    }
}

struct Notice {
    id: u64,
    level: Level,
    message: String,
    /// How often the same message came in a row.
    times: usize,
    /// When it leaves the corner, on egui's clock; `None` until it is first drawn.
    until: Option<f64>,
    is_dismissed: bool,
}

/// All notices, latest last.
#[derive(Default)]
pub struct Toasts {
    notices: VecDeque<Notice>,
    next_id: u64,
    /// Warnings and errors not yet looked at in the panel.
    unread: usize,
}

impl Toasts {
    /// Shows a notice. The same message twice in a row is shown once, with its count.
    pub fn push(&mut self, level: Level, message: impl Into<String>) {
        let message = message.into();
        if matches!(level, Level::Warning | Level::Error) {
            self.unread += 1;
        }
        if let Some(last) = self.notices.back_mut().filter(|last| last.level == level && last.message == message) {
            last.times += 1;
            last.until = None;
            last.is_dismissed = false;
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.notices.push_back(Notice { id, level, message, times: 1, until: None, is_dismissed: false });
        while self.notices.len() > HISTORY {
            self.notices.pop_front();
        }
    }

    /// Puts a notice into the panel without showing it, for what the page in sight shows itself.
    pub fn keep(&mut self, level: Level, message: impl Into<String>) {
        self.push(level, message);
        if let Some(notice) = self.notices.back_mut() {
            notice.is_dismissed = true;
        }
    }

    /// Forgets every notice.
    pub fn clear(&mut self) {
        self.notices.clear();
        self.unread = 0;
    }

    /// Warnings and errors since the panel was last open.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Draws the notices that are still fresh, above everything else.
    pub fn ui(&mut self, ctx: &Context) {
        let now = ctx.input(|i| i.time);
        let mut offset = size::STATUS_BAR + space::M;
        let shown = self.shown(now);
        for notice in self.notices.iter_mut().rev().filter(|notice| shown.contains(&notice.id)) {
            let until = *notice.until.get_or_insert(now + notice.level.seconds());
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(until - now));
            let area = Area::new(Id::unique("toast").with(notice.id))
                .order(Order::Tooltip)
                .anchor(Align2::RIGHT_BOTTOM, vec2(-space::L, -offset))
                .show(ctx, |ui| toast_ui(ui, notice));
            offset += area.response.rect.height() + space::S;
        }
    }

    /// Ids of the notices in the corner: the latest that are fresh, but no error makes room for what matters less.
    fn shown(&self, now: f64) -> Vec<u64> {
        let is_fresh = |notice: &&Notice| !notice.is_dismissed && notice.until.is_none_or(|until| now < until);
        let mut fresh: Vec<&Notice> = self.notices.iter().rev().filter(is_fresh).collect();
        fresh.sort_by_key(|notice| notice.level != Level::Error);
        fresh.iter().take(AT_ONCE).map(|notice| notice.id).collect()
    }

    /// Draws the history, latest first.
    pub fn panel_ui(&mut self, ui: &mut Ui) {
        self.unread = 0;
        let tokens = Tokens::of(ui);
        if self.notices.is_empty() {
            ui.weak("Nothing has happened yet. Warnings, errors and finished work are listed here.");
            return;
        }
        egui::ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
            for notice in self.notices.iter().rev() {
                theme::callout_frame(notice.level.soft_fill(tokens)).show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    notice_ui(ui, notice);
                });
            }
        });
    }
}

fn notice_ui(ui: &mut Ui, notice: &Notice) {
    let tokens = Tokens::of(ui);
    ui.horizontal_top(|ui| {
        ui.add(notice.level.icon().image(size::ICON).tint(notice.level.color(tokens)).alt_text(notice.level.word()));
        let times = if notice.times > 1 { format!(" ({} times)", notice.times) } else { String::new() };
        ui.add(egui::Label::new(format!("{}{times}", notice.message)).wrap().selectable(true));
    });
}

fn toast_ui(ui: &mut Ui, notice: &mut Notice) {
    let tokens = Tokens::of(ui);
    egui::Frame::popup(ui.style()).inner_margin(space::M).fill(tokens.card).show(ui, |ui| {
        ui.set_width(340.0);
        ui.horizontal_top(|ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().interact_size.y = 20.0;
            ui.spacing_mut().button_padding = vec2(space::XS, space::XXS);
            let level = notice.level;
            ui.add(level.icon().image(size::ICON).tint(level.color(tokens)).alt_text(level.word()));
            let times = if notice.times > 1 { format!(" ({} times)", notice.times) } else { String::new() };
            ui.vertical(|ui| {
                ui.set_width(ui.available_width() - size::ICON - space::L);
                let message = in_one_line(&notice.message, TOAST_LETTERS);
                let response = ui.add(egui::Label::new(format!("{message}{times}")).wrap());
                ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
            });
            if Icon::Close.small_button(ui, "Dismiss").clicked() {
                notice.is_dismissed = true;
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_lesser_notices_push_no_error_out_of_the_corner() {
        let mut toasts = Toasts::default();
        toasts.push(Level::Error, "the disk is full");
        for number in 0..6 {
            toasts.keep(Level::Ok, format!("hidden {number}"));
            toasts.push(Level::Info, format!("note {number}"));
        }
        let message = |id: &u64| toasts.notices.iter().find(|notice| notice.id == *id).map(|n| n.message.as_str());
        let shown: Vec<_> = toasts.shown(0.0).iter().filter_map(message).map(str::to_owned).collect();
        assert_eq!(shown, ["the disk is full", "note 5", "note 4", "note 3"]);
    }
}
