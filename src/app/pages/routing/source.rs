//! Which text is looked at: a prompt that is typed, or a held-out example.

use egui::{DragValue, TextEdit, Ui};

use crate::adapter::Method;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::count;
use crate::app::widgets::notes::{JobAction, callout, job_progress, long_text, scrolled};
use crate::worker::protocol::{InspectSource, JobKind, Request};

use super::through::Through;

/// Which text is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SourceKind {
    #[default]
    Prompt,
    HeldOut,
}

/// The text that is to be looked at.
#[derive(Default)]
pub struct TextSource {
    kind: SourceKind,
    prompt: String,
    /// The held-out example, counted from 0.
    example: usize,
}

impl TextSource {
    /// Draws the choice, and asks the worker to look.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>, method: Method, through: &mut Through) {
        if !method.has_router() {
            no_router_ui(ui, method);
            return;
        }
        let prompts = cx.state.data.as_ref().map_or(&[][..], |data| &data.held_out_prompts);
        if prompts.is_empty() {
            self.kind = SourceKind::Prompt;
        } else {
            let choices = [(SourceKind::Prompt, "A prompt"), (SourceKind::HeldOut, "A held-out example")];
            buttons::segmented(ui, &mut self.kind, &choices);
        }
        match self.kind {
            SourceKind::Prompt => self.prompt_ui(ui),
            SourceKind::HeldOut => self.example_ui(ui, prompts),
        }
        let is_ready = self.kind == SourceKind::HeldOut || !self.prompt.trim().is_empty();
        look_ui(ui, cx, (JobKind::Inspect, is_ready), through, |at| Request::Inspect { source: self.source(), at });
    }

    fn source(&self) -> InspectSource {
        match self.kind {
            SourceKind::Prompt => InspectSource::Prompt(self.prompt.trim().to_owned()),
            SourceKind::HeldOut => InspectSource::HeldOut(self.example),
        }
    }

    fn prompt_ui(&mut self, ui: &mut Ui) {
        let field = TextEdit::multiline(&mut self.prompt)
            .hint_text("Type a question. It is put into the model's chat template, then sent through the adapter.")
            .desired_width(f32::INFINITY)
            .desired_rows(2);
        ui.add(field).accessible_name("Prompt");
    }

    fn example_ui(&mut self, ui: &mut Ui, prompts: &[String]) {
        self.example = self.example.min(prompts.len().saturating_sub(1));
        ui.horizontal(|ui| {
            if ui
                .add_enabled_ui(self.example > 0, |ui| Icon::ChevronLeft.small_button(ui, "Previous example"))
                .inner
                .clicked()
            {
                self.example -= 1;
            }
            let mut number = self.example + 1;
            let label = ui.label("Example");
            let field = DragValue::new(&mut number).range(1..=prompts.len()).speed(0.1);
            if ui.add(field).labelled_by(label.id).changed() {
                self.example = number - 1;
            }
            ui.label(format!("of {}", count(prompts.len())));
            let has_next = self.example + 1 < prompts.len();
            if ui.add_enabled_ui(has_next, |ui| Icon::ChevronRight.small_button(ui, "Next example")).inner.clicked() {
                self.example += 1;
            }
        });
        let text = prompts.get(self.example).map_or("", String::as_str);
        theme::well_frame(Tokens::of(ui)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            scrolled(ui, "example", 120.0, |ui| long_text(ui, text));
        });
    }
}

/// Says that a method has no router to look at.
pub fn no_router_ui(ui: &mut Ui, method: Method) {
    let text = format!(
        "{} has no router: its gates are fixed, so there is nothing to see here. HydraLoRA and LoRA-MoE have one.",
        method.title()
    );
    callout(ui, Level::Info, &text);
}

/// The button that looks, with the adapter to look through; while it is at it, how far it is, and why it failed.
pub fn look_ui(
    ui: &mut Ui,
    cx: &PageContext<'_>,
    (job, is_ready): (JobKind, bool),
    through: &mut Through,
    request: impl FnOnce(Option<std::path::PathBuf>) -> Request,
) {
    if let Some(message) = cx.state.failure(job) {
        callout(ui, Level::Error, message);
    }
    if let Some(status) = cx.state.job(job) {
        if job_progress(ui, status) == JobAction::Cancel {
            cx.request(Request::Cancel { job });
        }
        return;
    }
    ui.horizontal(|ui| {
        if buttons::primary(ui, Icon::Search, "Look", is_ready).clicked() {
            cx.request(request(through.at()));
        }
        through.ui(ui, cx);
    });
}
