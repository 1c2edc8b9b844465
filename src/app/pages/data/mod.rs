//! The Data page: choose files with examples, see what was made of them, and read them as the model will. `files.rs` shows
//! what was detected and lets columns be chosen by hand, `audit/` what will be learned and what is wrong, `dropped.rs` lists
//! rows that cannot be used, `table/` lists the examples to be searched and changed, and `reading.rs` shows one with its
//! supervised tokens tinted.

pub mod audit;
mod dropped;
mod files;
mod reading;
mod split;
mod table;

use egui::{RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId, job_ui};
use crate::app::picker::PickPurpose;
use crate::app::theme::{self, Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card, card_with_actions, facts};
use crate::app::widgets::drop_zone::drop_zone;
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::data::KINDS_IN_WORDS;
use crate::worker::protocol::{DataSummary, Event, JobKind, Request};

use audit::AuditCard;
use files::{ColumnChoice, ColumnQuestion};
use split::SplitFields;
use table::{ExamplesTable, FirstRows};

/// The widest that the page with its table grows.
const WITH_TABLE: f32 = 1400.0;

/// The Data page.
#[derive(Default)]
pub struct DataPage {
    path: String,
    columns: ColumnChoice,
    question: ColumnQuestion,
    audit: AuditCard,
    table: ExamplesTable,
    first: FirstRows,
    split: SplitFields,
    has_data: bool,
}

impl Page for DataPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        job_ui(ui, cx, JobKind::ImportData);
        self.first.card(ui, cx);
        self.question.card(ui, cx);
        let Some(data) = &cx.state.data else {
            card(ui, "Choose files with examples", |ui| {
                let text = "Drop one or more files with examples here";
                if drop_zone(ui, Icon::Data, text, "or press to choose them", cx.is_dropping).clicked() {
                    cx.send(SystemCommand::Pick(PickPurpose::Data));
                }
                self.choose_ui(ui, cx);
                ui.add_space(space::S);
                shapes_ui(ui);
            });
            return;
        };
        summary_card(ui, cx, data, &mut self.split);
        self.table.card(ui, cx, data);
        files::files_card(ui, data);
        if let Some(map) = self.columns.card(ui, cx, data) {
            let paths = data.files.iter().map(|file| file.path.clone()).collect();
            cx.request(Request::ImportData { paths, map });
        }
        if let Some(fault) = self.audit.card(ui, cx, data) {
            self.table.show_fault(fault);
        }
        dropped::dropped_card(ui, data);
        topics_card(ui, data);
        card(ui, "Choose other files", |ui| self.choose_ui(ui, cx));
    }

    fn width(&self) -> f32 {
        if self.has_data { WITH_TABLE } else { size::PAGE }
    }

    fn note_event(&mut self, event: &Event) {
        self.question.note_event(event);
        self.table.note_event(event);
        self.first.note_event(event);
        self.has_data |= matches!(event, Event::DataImported(_));
        self.audit.note_event(event);
    }
}

impl DataPage {
    fn choose_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let action =
            path_field(ui, "File or folder with examples", "/path/to/examples.jsonl", &mut self.path, &["Browse…"]);
        if matches!(action, PathAction::Browse(_)) {
            cx.send(SystemCommand::Pick(PickPurpose::Data));
        }
        let path = typed_path(&self.path);
        let can_import = path.is_some() && cx.state.job(JobKind::ImportData).is_none();
        ui.horizontal(|ui| {
            let clicked = buttons::primary(ui, Icon::Data, "Import", can_import).clicked();
            if let Some(path) = path.filter(|_| can_import && (clicked || action == PathAction::Entered)) {
                cx.send(SystemCommand::Paths(PickPurpose::Data, vec![path]));
            }
            if cx.state.data.is_some() {
                ui.label(RichText::new("or drop files on the window").color(Tokens::of(ui).text_weak));
            }
        });
    }
}

/// What a row may look like.
fn shapes_ui(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(format!("Kinds of file: {KINDS_IN_WORDS}.")).color(tokens.text_weak));
    ui.label(
        RichText::new("Rows in any of these shapes are recognised by their column names:").color(tokens.text_weak),
    );
    let shapes = [
        ("question, answer", "a sheet, with choices too"),
        ("prompt, completion", "or prompt and response"),
        ("instruction, input, output", "Alpaca"),
        ("instruction, context, response", "Dolly"),
        ("messages", "chats with roles and contents"),
        ("conversations", "ShareGPT"),
        ("text", "or a .txt file: learnt as it stands"),
    ];
    egui::Grid::new("shapes").num_columns(2).min_row_height(0.0).spacing([space::XL, space::S]).show(ui, |ui| {
        for (columns, name) in shapes {
            ui.label(RichText::new(columns).monospace().color(tokens.text));
            ui.label(RichText::new(name).color(tokens.text_weak));
            ui.end_row();
        }
    });
}

fn summary_card(ui: &mut Ui, cx: &PageContext<'_>, data: &DataSummary, split: &mut SplitFields) {
    let go_on = |ui: &mut Ui| {
        let (page, text) = if cx.state.model.is_none() {
            (PageId::Model, "Continue to Model")
        } else {
            (PageId::Train, "Continue to Train")
        };
        if cx.state.active_run().is_none() && buttons::link(ui, text).clicked() {
            cx.send(SystemCommand::Show(page));
        }
    };
    card_with_actions(ui, &counted(data.kept, "example"), go_on, |ui| {
        let list = [
            Fact::new("Rows read", count(data.rows)),
            Fact::new("Kept", count(data.kept)),
            Fact::new("Dropped", count(data.dropped_rows)),
            Fact::new("For training", count(data.kept.saturating_sub(data.held_out))),
            Fact::new("Held out", count(data.held_out))
                .explained("Kept away from training, to measure what the adapter learnt. Duplicates stay on one side."),
            Fact::new("Files", count(data.files.len())),
        ];
        facts(ui, &list);
        if data.kept == 0 {
            notes::callout(ui, Level::Error, "No row can be used. The list below says why, row by row.");
        } else {
            ui.add_space(space::S);
            split.ui(ui, cx, data);
        }
    });
}

fn topics_card(ui: &mut Ui, data: &DataSummary) {
    let Some(largest) = data.topics.iter().map(|(_, count)| *count).max().filter(|&most| most > 0) else { return };
    card(ui, "Topics", |ui| {
        let tokens = Tokens::of(ui);
        let text = "From the labels in the data. The router knows nothing of them: it finds its own division of work.";
        ui.label(RichText::new(text).color(tokens.text_weak));
        ui.add_space(space::XS);
        egui::Grid::new("topics").num_columns(3).min_row_height(0.0).spacing([space::L, space::S]).show(ui, |ui| {
            for (name, examples) in data.topics.iter().take(12) {
                ui.label(RichText::new(name).color(tokens.text));
                let (rect, _) = ui.allocate_exact_size(egui::vec2(240.0, 8.0), egui::Sense::hover());
                let mut bar = rect;
                bar.set_width(rect.width() * *examples as f32 / largest as f32);
                ui.painter().rect_filled(bar, size::RADIUS_SMALL, tokens.accent);
                ui.label(RichText::new(count(*examples)).color(tokens.text_weak));
                ui.end_row();
            }
        });
        if data.topics.len() > 12 {
            ui.label(RichText::new(format!("and {} more", count(data.topics.len() - 12))).color(tokens.text_weak));
        }
    });
}

/// A short word on a tinted ground.
fn badge(ui: &mut Ui, text: &str) {
    let tokens = Tokens::of(ui);
    theme::callout_frame(tokens.accent_soft)
        .inner_margin(egui::Margin::symmetric(space::S as i8, space::XXS as i8))
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            ui.add(egui::Label::new(RichText::new(text).small().color(tokens.accent_text)).extend());
        });
}
