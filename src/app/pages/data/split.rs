//! How many examples are held out, set where it is seen: the same settings as on the Train page.

use egui::{DragValue, Response, RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::pages::PageContext;
use crate::app::theme::Tokens;
use crate::app::widgets::figures::counted;
use crate::worker::protocol::{DataSummary, Request, SplitRule};

/// The most that can be held out, in per cent.
const MOST: f64 = 89.0;

/// The fields with what is dragged or typed in them.
#[derive(Default)]
pub(super) struct SplitFields {
    typed: Option<SplitRule>,
}

impl SplitFields {
    /// Draws the fields, and says where the table shows another split than the next run's.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) {
        let tokens = Tokens::of(ui);
        let mut rule = self.typed.unwrap_or(cx.split);
        ui.horizontal_wrapped(|ui| {
            let label = ui.label(RichText::new("The next run holds out").color(tokens.text));
            let mut percent = 100.0 * rule.share;
            let field = DragValue::new(&mut percent).range(0.0..=MOST).speed(0.5).max_decimals(1).suffix(" %");
            let share = ui.add(field).labelled_by(label.id);
            if share.changed() {
                rule.share = (10.0 * percent).round() / 1000.0;
            }
            let hint = "A share of the examples that is kept away from training. It is a setting of the Train page, where \
                        Undo takes it back";
            let share = share.on_hover_text(hint);
            let label = ui.label(RichText::new("drawn with the seed").color(tokens.text));
            let seed = ui.add(DragValue::new(&mut rule.seed).speed(1.0)).labelled_by(label.id);
            let hint = "Another seed holds out other examples, and begins the run elsewhere. A setting of the Train page";
            let seed = seed.on_hover_text(hint);
            self.typed = (rule != cx.split).then_some(rule);
            // What is dragged or typed is one change, made at its end.
            let is_at_rest = |field: &Response| !field.dragged() && !field.has_focus();
            if let Some(rule) = self.typed.take_if(|_| is_at_rest(&share) && is_at_rest(&seed)) {
                cx.send(SystemCommand::SetSplit(rule));
            }
        });
        if data.split != cx.split && self.typed.is_none() {
            other_ui(ui, cx, data);
        }
    }
}

/// Where a run or an adapter holds out otherwise than the next run will.
fn other_ui(ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary) {
    let of = if cx.state.active_run().is_some() { "the run under way" } else { "the run of the loaded adapter" };
    ui.horizontal_wrapped(|ui| {
        let (held_out, seed) = (counted(data.held_out, "example"), data.split.seed);
        let share = (1000.0 * data.split.share).round() / 10.0;
        let text = format!("Shown are the {held_out} that {of} holds out ({share} %, seed {seed}).");
        ui.label(RichText::new(text).color(Tokens::of(ui).text_weak));
        let button = ui.add_enabled(cx.state.active_run().is_none(), egui::Button::new("Show the next run's split"));
        let hint = "Routing and Chat then offer these examples too, some of which the adapter was trained on";
        if button.on_hover_text(hint).clicked() {
            cx.request(Request::HoldOut(cx.split));
        }
    });
}
