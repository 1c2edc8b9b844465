//! Draws the window: rail, status bar, the page in sight, and what floats above them.

use egui::{CentralPanel, Context, Frame, Margin, Panel, RichText, ScrollArea, Stroke, Ui};

use crate::app::closing::Closing;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId};
use crate::app::theme::{self, Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::notes;
use crate::app::{App, View, dropping};
use crate::worker::protocol::Request;

impl App {
    /// Draws everything.
    pub(super) fn draw(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let ctx = ui.ctx().clone();
        self.fit_window(&ctx);
        if self.view != View::Page(PageId::Routing) && self.pages.routing.leaves_watch() {
            self.commands.send(SystemCommand::Request(Request::WatchGates { on: false }));
        }
        if self.is_in_background() {
            let frame = Frame::new().fill(tokens.window).inner_margin(Margin::same(space::L as i8));
            CentralPanel::no_frame().frame(frame).show(ui, |ui| self.background_ui(ui));
            self.closing_ui(&ctx);
            return;
        }
        Panel::bottom("status bar")
            .exact_size(size::STATUS_BAR)
            .frame(Frame::new().fill(tokens.rail).inner_margin(Margin::symmetric(space::M as i8, 0)))
            .show(ui, |ui| self.status_bar_ui(ui));
        Panel::left("rail")
            .exact_size(size::RAIL)
            .resizable(false)
            .frame(Frame::new().fill(tokens.rail).inner_margin(Margin::same(space::M as i8)))
            .show(ui, |ui| self.rail_ui(ui));
        CentralPanel::no_frame().frame(Frame::new().fill(tokens.window)).show(ui, |ui| {
            self.banner_ui(ui);
            match self.view {
                View::Start => self.start_ui(ui),
                View::Page(id) => self.page_ui(ui, id),
            }
        });
        self.floating_ui(&ctx);
        if dropping::is_hovering(&ctx) {
            dropping::overlay_ui(&ctx, tokens);
        }
        // Commands of this frame take effect in the next one, which must come at once.
        if !self.queued.is_empty() {
            ctx.request_repaint();
        }
    }

    fn floating_ui(&mut self, ctx: &Context) {
        self.palette_ui(ctx);
        self.help_ui(ctx);
        self.notices_ui(ctx);
        self.chart_saving_ui(ctx);
        self.closing_ui(ctx);
        self.discarding_ui(ctx);
        self.toasts.ui(ctx);
    }

    /// A line across the top for what lasts.
    fn banner_ui(&self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let (level, message) = match &self.state.worker_gone {
            Some(message) => (Level::Error, message.as_str()),
            None if self.closing == Closing::AfterRun => (Level::Info, "The window closes when the run has ended."),
            None => return,
        };
        let frame = theme::callout_frame(level.soft_fill(tokens)).corner_radius(0);
        Panel::top("banner").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.add(level.icon().image(size::ICON).tint(level.color(tokens)).alt_text(level.word()));
                ui.label(message);
            });
        });
    }

    fn page_ui(&mut self, ui: &mut Ui, id: PageId) {
        let is_dropping = dropping::is_hovering(ui.ctx());
        let cx = PageContext {
            state: &self.state,
            persisted: &self.persisted,
            commands: &self.commands,
            context: self.pages.train.context(self.state.model.as_ref()),
            split: self.pages.train.split(),
            is_dropping,
        };
        let page = self.pages.page(id);
        if page.fills_window() {
            let width = page.width().min(ui.available_width() - 2.0 * space::XL);
            notes::column(ui, width, |ui| {
                ui.add_space(space::L);
                page_title_ui(ui, id);
                ui.add_space(space::S);
                page.ui(ui, &cx);
            });
            return;
        }
        ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, |ui| {
            let width = page.width().min(ui.available_width() - 2.0 * space::XL);
            notes::column(ui, width, |ui| {
                ui.add_space(space::XL);
                page_title_ui(ui, id);
                ui.add_space(space::L);
                page.ui(ui, &cx);
                ui.add_space(space::XL);
            });
        });
    }

    fn notices_ui(&mut self, ctx: &Context) {
        if !self.are_notices_open {
            return;
        }
        let response = dialog("notices", ctx).show(ctx, |ui| {
            ui.set_width(520.0);
            let tokens = Tokens::of(ui);
            ui.label(RichText::new("Notices").heading().color(tokens.text_strong));
            ui.add_space(space::XS);
            self.toasts.panel_ui(ui);
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                let is_closed = ui.button("Close").clicked();
                if ui.button("Clear all").clicked() {
                    self.toasts.clear();
                }
                is_closed
            })
            .inner
        });
        if response.inner || response.should_close() {
            self.are_notices_open = false;
        }
    }
}

fn page_title_ui(ui: &mut Ui, id: PageId) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.label(RichText::new(id.title()).text_style(theme::text::title()).color(tokens.text_strong));
    ui.label(RichText::new(id.purpose()).color(tokens.text_weak));
    ui.spacing_mut().item_spacing.y = space::S;
}

/// A dialog above the window.
pub(super) fn dialog(name: &str, ctx: &Context) -> egui::Modal {
    let tokens = Tokens::of_theme(ctx.theme());
    egui::Modal::new(egui::Id::unique(name)).frame(theme::dialog_frame(tokens))
}

/// The app's name with its mark.
pub(super) fn wordmark_ui(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(28.0), egui::Sense::hover());
        ui.painter().rect_filled(rect, size::RADIUS_LARGE, tokens.accent);
        Icon::Hydra.image(20.0).tint(tokens.on_accent).paint_at(ui, rect.shrink(4.0));
        ui.label(RichText::new("Hydra Studio").text_style(theme::text::card()).color(tokens.text_strong));
    });
}

/// A line between two parts of the rail.
pub(super) fn rule_ui(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 1.0), egui::Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens.border));
}
