//! The Export page: what will be written, where, and where it works. "Saved" is said only after the folder was re-read
//! and compared bit for bit.

use std::path::{Path, PathBuf};

use egui::{Label, RichText, Ui};

use crate::adapter::Method;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{Page, PageContext, PageId};
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{Fact, card, facts};
use crate::app::widgets::figures::{bytes, count, counted, parameters};
use crate::app::widgets::notes::{self, JobAction};
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::worker::protocol::{AdapterSummary, Event, ExportSummary, JobKind, Request};

/// The Export page.
#[derive(Default)]
pub struct ExportPage {
    /// The folder to write.
    out: String,
    /// The parent folder that the suggestion was made for; `None` asks for a new one.
    suggested_in: Option<PathBuf>,
}

impl Page for ExportPage {
    fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let Some(adapter) = &cx.state.adapter else {
            nothing_to_export_ui(ui, cx);
            return;
        };
        self.suggest(cx, adapter);
        if let Some(exported) = &cx.state.exported {
            exported_card(ui, cx, exported);
        }
        if cx.state.active_run().is_some() {
            let text = "This is the adapter that is loaded. The one in training can be exported once its run has ended; \
                        Stop and save ends it early.";
            notes::callout(ui, Level::Info, text);
        }
        card(ui, "What will be written", |ui| contents_ui(ui, adapter));
        card(ui, "Where to", |ui| self.target_ui(ui, cx));
        card(ui, "Where it works", |ui| uses_ui(ui, adapter.spec.method));
    }

    fn note_event(&mut self, event: &Event) {
        // The folder exists now, or belongs to another adapter: the next one needs another name.
        if matches!(event, Event::Exported(_) | Event::AdapterLoaded(_) | Event::TrainingDone(_)) {
            self.suggested_in = None;
        }
    }
}

impl ExportPage {
    fn suggest(&mut self, cx: &PageContext<'_>, adapter: &AdapterSummary) {
        let parent = &cx.persisted.export_parent;
        if self.suggested_in.as_ref() != Some(parent) {
            let model = cx.state.model.as_ref().map_or("adapter", |model| model.name.as_str());
            self.out = free_name(parent, model, adapter.spec.method).display().to_string();
            self.suggested_in = Some(parent.clone());
        }
    }

    fn target_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let action = path_field(ui, "New folder", "/path/to/new/folder", &mut self.out, &["Browse…"]);
        if matches!(action, PathAction::Browse(_)) {
            cx.send(SystemCommand::Pick(PickPurpose::ExportParent));
        }
        ui.label(RichText::new("The folder must not exist yet.").small().color(Tokens::of(ui).text_weak));
        ui.add_space(space::XS);
        let out = typed_path(&self.out);
        let can_export = out.is_some() && cx.state.job(JobKind::Export).is_none();
        let clicked = buttons::primary(ui, Icon::Export, "Export adapter", can_export).clicked();
        if let Some(out) = out.filter(|_| can_export && (clicked || action == PathAction::Entered)) {
            cx.request(Request::Export { out });
        }
        if let Some(job) = cx.state.job(JobKind::Export) {
            if notes::job_progress(ui, job) == JobAction::Cancel {
                cx.request(Request::Cancel { job: JobKind::Export });
            }
        } else if let Some(message) = cx.state.failure(JobKind::Export) {
            notes::callout(ui, Level::Error, message);
        }
    }
}

/// A folder name in `parent` that is not taken: `SmolLM2-135M-hydralora`, then `…-2`.
fn free_name(parent: &Path, model: &str, method: Method) -> PathBuf {
    let plain: String =
        model.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    let base = format!("{}-{}", plain.trim_matches(['-', '.']), method.name());
    let names = std::iter::once(base.clone()).chain((2..1000).map(|i| format!("{base}-{i}")));
    names.map(|name| parent.join(name)).find(|path| !path.exists()).unwrap_or_else(|| parent.join(base))
}

fn nothing_to_export_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let (text, action) = if cx.state.active_run().is_some() {
        ("The adapter can be exported once the run has ended. Stop and save ends it early.", "Go to Train")
    } else {
        ("Train an adapter, or load one on the Model page. Then it can leave from here.", "Train an adapter")
    };
    if notes::empty_state(ui, Icon::Export, "No adapter to export", text, Some((Icon::Train, action))) {
        cx.send(SystemCommand::Show(PageId::Train));
    }
}

fn contents_ui(ui: &mut Ui, adapter: &AdapterSummary) {
    let tokens = Tokens::of(ui);
    let total = adapter.parameters + adapter.router_parameters;
    let list = [
        Fact::new("Method", adapter.spec.method.title()),
        Fact::new("Heads", count(adapter.spec.heads)),
        Fact::new("Rank", count(adapter.spec.rank)),
        Fact::new("Parameters", parameters(total)).explained(count(total)),
        Fact::new("About", bytes(4 * total as u64)).explained("Four bytes for every parameter, stored as f32."),
    ];
    facts(ui, &list);
    let files = [
        ("adapter_model.safetensors", "the trained tensors: shared A, every head, the routers"),
        ("adapter_config.json", "method, rank, heads, scale and modules"),
        ("README.md", "a model card with what it was trained on and how well it did"),
        ("tokenizer files", "and the chat template, so that the folder stands alone"),
    ];
    egui::Grid::new("files to write").num_columns(2).min_row_height(0.0).spacing([space::XL, space::S]).show(
        ui,
        |ui| {
            for (name, what) in files {
                ui.label(RichText::new(name).monospace().color(tokens.text));
                ui.label(RichText::new(what).color(tokens.text_weak));
                ui.end_row();
            }
        },
    );
    ui.label(RichText::new("The base model is not copied.").small().color(tokens.text_weak));
}

fn exported_card(ui: &mut Ui, cx: &PageContext<'_>, exported: &ExportSummary) {
    card(ui, "Saved", |ui| {
        let tokens = Tokens::of(ui);
        let text = format!(
            "Re-read and compared bit for bit: {} in {}, {}.",
            counted(exported.tensors, "tensor"),
            counted(exported.files.len(), "file"),
            bytes(exported.bytes)
        );
        notes::callout(ui, Level::Ok, &text);
        let path = exported.path.display().to_string();
        ui.add(Label::new(RichText::new(&path).monospace().color(tokens.text)).wrap().selectable(true));
        ui.add(Label::new(RichText::new(exported.files.join(", ")).small().color(tokens.text_weak)).wrap());
        ui.horizontal(|ui| {
            if buttons::secondary(ui, Icon::Folder, "Open folder", true).clicked() {
                cx.send(SystemCommand::OpenFolder(exported.path.clone()));
            }
            if buttons::secondary(ui, Icon::File, "Copy path", true).clicked() {
                ui.ctx().copy_text(path);
            }
        });
    });
}

fn uses_ui(ui: &mut Ui, method: Method) {
    let peft = if method == Method::Lora {
        (true, "PEFT", "Written exactly as PEFT writes LoRA; it loads as any other.")
    } else {
        (false, "PEFT", "Knows one A and one B per module, without a router, and refuses this folder by its type.")
    };
    let code = "Its tensor names and layout. It reads pickled files, so convert the tensors there first.";
    let mut uses = vec![(true, "Hydra Studio", "Load it on the Model page, or pass it with --adapter.")];
    if method == Method::HydraLora {
        uses.push((true, "HydraLoRA's published code", code));
    }
    uses.push(peft);
    let tokens = Tokens::of(ui);
    for (works, name, text) in uses {
        ui.horizontal(|ui| {
            let (icon, color, alt) =
                if works { (Icon::Done, tokens.ok, "Works") } else { (Icon::Close, tokens.text_weak, "Does not work") };
            ui.add(icon.image(size::ICON).tint(color).alt_text(alt));
            ui.label(RichText::new(name).color(tokens.text_strong));
            ui.add(Label::new(RichText::new(text).color(tokens.text_weak)).truncate());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() -> std::io::Result<()> {
        let parent = tempfile::tempdir()?;
        let first = free_name(parent.path(), "org/Model 1", Method::HydraLora);
        assert_eq!(first, parent.path().join("org-Model-1-hydralora"));
        std::fs::create_dir(&first)?;
        let second = free_name(parent.path(), "org/Model 1", Method::HydraLora);
        assert_eq!(second, parent.path().join("org-Model-1-hydralora-2"));
        Ok(())
    }
}
