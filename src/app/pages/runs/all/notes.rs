//! Tags and note of one run, edited in place. What was typed is sent when the field is left, when another run is chosen,
//! and after a moment without a key.

use std::path::PathBuf;

use egui::{Key, RichText, TextEdit, Ui};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::notes::callout;
use crate::project::runs::{RunEntry, RunNotes};
use crate::worker::protocol::{JobKind, Request};

/// Seconds without a key after which a note is sent.
const PAUSE_S: f64 = 1.5;

/// The notes of the run that is looked at, as they are typed.
#[derive(Default)]
pub(super) struct NotesEditor {
    draft: Option<Draft>,
}

struct Draft {
    run: PathBuf,
    /// What the run has, as the worker told last.
    told: RunNotes,
    /// What was last sent to be written.
    sent: RunNotes,
    notes: RunNotes,
    new_tag: String,
    /// When the note was last typed in, on egui's clock.
    typed_at: Option<f64>,
}

impl Draft {
    fn of(run: &RunEntry) -> Self {
        let notes = run.notes.clone();
        Self {
            run: run.path.clone(),
            told: notes.clone(),
            sent: notes.clone(),
            notes,
            new_tag: String::new(),
            typed_at: None,
        }
    }

    fn send(&mut self, cx: &PageContext<'_>) {
        self.typed_at = None;
        if self.notes != self.sent {
            self.sent = self.notes.clone();
            cx.request(Request::NoteRun { path: self.run.clone(), notes: self.notes.clone() });
        }
    }
}

impl NotesEditor {
    /// Follows the run that is looked at: another one's notes are sent before they go out of sight.
    pub fn keep(&mut self, ui: &Ui, cx: &PageContext<'_>, run: Option<&RunEntry>) {
        if let Some(draft) = &mut self.draft {
            let now = ui.input(|input| input.time);
            let is_other = run.is_none_or(|run| run.path != draft.run);
            match draft.typed_at {
                Some(typed_at) if is_other || now - typed_at > PAUSE_S => draft.send(cx),
                Some(_) => ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(PAUSE_S)),
                None => {}
            }
            let is_told_anew = run.is_some_and(|run| run.notes != draft.told) && draft.typed_at.is_none();
            if is_other || is_told_anew {
                self.draft = None;
            }
        }
        if let (None, Some(run)) = (&self.draft, run) {
            self.draft = Some(Draft::of(run));
        }
    }

    /// Draws the tags and the note.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let Some(draft) = &mut self.draft else { return };
        tags_ui(ui, cx, draft);
        ui.add_space(space::XS);
        let name = ui.label(RichText::new("Note").small().color(Tokens::of(ui).text_weak));
        let field = TextEdit::multiline(&mut draft.notes.note)
            .id_salt(("note", &draft.run))
            .hint_text("What this run was for, and what came of it")
            .desired_rows(2)
            .desired_width(f32::INFINITY);
        let response = ui.add(field).labelled_by(name.id);
        if response.changed() {
            draft.typed_at = Some(ui.input(|input| input.time));
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(PAUSE_S));
        }
        if response.lost_focus() {
            draft.send(cx);
        }
        if let Some(message) = cx.state.failure(JobKind::NoteRun) {
            callout(ui, Level::Error, message);
        }
    }
}

/// The tags as chips that can be taken off, and a field for another.
fn tags_ui(ui: &mut Ui, cx: &PageContext<'_>, draft: &mut Draft) {
    ui.label(RichText::new("Tags").small().color(Tokens::of(ui).text_weak));
    ui.horizontal_wrapped(|ui| {
        let mut taken_off = None;
        for tag in &draft.notes.tags {
            if chip_ui(ui, tag) {
                taken_off = Some(tag.clone());
            }
        }
        if let Some(tag) = taken_off {
            draft.notes.tags.retain(|other| *other != tag);
            draft.send(cx);
        }
        let field = TextEdit::singleline(&mut draft.new_tag)
            .id_salt(("tag", &draft.run))
            .hint_text("Add a tag")
            .desired_width(120.0)
            .align(egui::Align2::LEFT_CENTER)
            .min_size(egui::vec2(0.0, size::CONTROL));
        let response = ui.add(field);
        let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if is_entered && !draft.new_tag.trim().is_empty() {
            let tags = draft.notes.tags.iter().map(String::as_str).chain([draft.new_tag.as_str()]);
            draft.notes = RunNotes::new(tags, draft.notes.note.as_str());
            draft.new_tag.clear();
            draft.send(cx);
            response.request_focus();
        }
        response.accessible_name("Add a tag");
    });
}

/// A tag with a button that takes it off; gives back whether that was pressed.
fn chip_ui(ui: &mut Ui, tag: &str) -> bool {
    let tokens = Tokens::of(ui);
    let margin = egui::Margin { left: space::S as i8, right: 0, top: 0, bottom: 0 };
    let frame = theme::callout_frame(tokens.accent_soft).inner_margin(margin);
    let shown = frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.spacing_mut().button_padding = egui::vec2(space::XS, 0.0);
            ui.label(RichText::new(tag).color(tokens.accent_text));
            Icon::Close.small_button(ui, &format!("Take off the tag {tag}")).clicked()
        })
        .inner
    });
    shown.inner
}
