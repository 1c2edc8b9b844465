//! The examples that were chosen on the map.

use egui::{Label, RichText, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, space};
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes::scrolled;
use crate::worker::protocol::{ExampleBrief, JobKind, Request, TopicEdit};

/// Examples that are listed.
const LISTED: usize = 100;
/// Height of the list.
const HEIGHT: f32 = 220.0;

/// Draws the examples at `chosen` of `shown`, with what can be done with them. Gives back whether they are to be chosen no longer.
pub fn chosen_ui(ui: &mut Ui, cx: &PageContext<'_>, shown: &[ExampleBrief], chosen: &[usize]) -> bool {
    let tokens = Tokens::of(ui);
    let examples = || chosen.iter().filter_map(|at| shown.get(*at));
    let mut is_done = false;
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{} chosen", counted(chosen.len(), "example")));
        let is_idle = cx.state.job(JobKind::EditTopics).is_none();
        if buttons::secondary(ui, Icon::Topics, "Make a topic of these", is_idle).clicked() {
            cx.request(Request::EditTopics(TopicEdit::Gather(examples().map(|example| example.row).collect())));
            is_done = true;
        }
        is_done |= buttons::secondary(ui, Icon::Close, "Choose none", true).clicked();
    });
    scrolled(ui, "chosen examples", HEIGHT, |ui| {
        for example in examples().take(LISTED) {
            brief_ui(ui, example);
        }
        if chosen.len() > LISTED {
            ui.label(RichText::new(format!("and {} more", count(chosen.len() - LISTED))).color(tokens.text_weak));
        }
    });
    is_done
}

/// One example in a line.
pub fn brief_ui(ui: &mut Ui, example: &ExampleBrief) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(&example.source).small().color(tokens.text_weak));
        ui.add(Label::new(RichText::new(&example.text).color(tokens.text)).truncate()).on_hover_text(&example.text);
    });
}
