//! Files and folders dropped on the window: what they are decides where they go.

use std::path::{Path, PathBuf};

use egui::{Align2, Context, Id, LayerId, Order, Stroke, TextStyle};

use crate::app::App;
use crate::app::commands::SystemCommand;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::data::holds_data;

impl App {
    /// Hands dropped paths to whom they are for.
    pub(super) fn take_dropped_files(&mut self, ctx: &Context) {
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect());
        if dropped.is_empty() || self.closing.is_asking() {
            return;
        }
        let (data, others): (Vec<_>, Vec<_>) = dropped.into_iter().partition(|path| purpose(path) == PickPurpose::Data);
        if !data.is_empty() {
            self.commands.send(SystemCommand::Paths(PickPurpose::Data, data));
        }
        let mut others = others.into_iter();
        if let Some(first) = others.next() {
            self.commands.send(SystemCommand::Paths(purpose(&first), vec![first]));
        }
        if others.next().is_some() {
            self.toasts.push(Level::Warning, "Several folders were dropped: only the first one was opened.");
        }
    }
}

/// What a dropped path is for: told by what lies in a folder, by the name of a file.
fn purpose(path: &Path) -> PickPurpose {
    if path.join("run.json").is_file() {
        PickPurpose::Run
    } else if path.join("adapter_config.json").is_file() {
        PickPurpose::Adapter
    } else if path.is_dir() {
        folder_purpose(path)
    } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) {
        PickPurpose::ModelFile
    } else {
        PickPurpose::Data
    }
}

/// What a dropped folder is for: data where files with examples lie in it and nothing of a model does.
fn folder_purpose(folder: &Path) -> PickPurpose {
    let files = || folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let is_of_model = |path: PathBuf| {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        path.ends_with("config.json") || extension.is_some_and(|name| name == "gguf" || name == "safetensors")
    };
    if !files().any(is_of_model) && holds_data(folder) { PickPurpose::Data } else { PickPurpose::ModelFolder }
}

/// Whether something hovers over the window that could be dropped.
pub(super) fn is_hovering(ctx: &Context) -> bool {
    ctx.input(|input| !input.raw.hovered_files.is_empty())
}

/// Lights up the window while something hovers over it.
pub(super) fn overlay_ui(ctx: &Context, tokens: &Tokens) {
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop overlay")));
    let rect = ctx.content_rect().shrink(space::S);
    painter.rect_filled(rect, size::RADIUS_CARD, tokens.accent_soft.gamma_multiply(0.9));
    painter.rect_stroke(rect, size::RADIUS_CARD, Stroke::new(2.0, tokens.accent), egui::StrokeKind::Inside);
    let font = TextStyle::Heading.resolve(&ctx.global_style());
    let text = "Drop a model, an adapter, a run or files with examples";
    painter.text(rect.center(), Align2::CENTER_CENTER, text, font, tokens.text_strong);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_path_is_told_by_what_it_is() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let make = |name: &str, file: &str| -> std::io::Result<PathBuf> {
            let path = folder.path().join(name);
            std::fs::create_dir(&path)?;
            std::fs::write(path.join(file), "{}")?;
            Ok(path)
        };
        assert_eq!(purpose(&make("model", "config.json")?), PickPurpose::ModelFolder);
        assert_eq!(purpose(&make("adapter", "adapter_config.json")?), PickPurpose::Adapter);
        assert_eq!(purpose(&make("run", "run.json")?), PickPurpose::Run);
        std::fs::write(folder.path().join("model/tokenizer.json"), "{}")?;
        assert_eq!(purpose(&folder.path().join("model")), PickPurpose::ModelFolder, "a model's own .json is no data");
        assert_eq!(purpose(&make("weights", "model.GGUF")?), PickPurpose::ModelFolder);
        assert_eq!(purpose(&make("tables", "tickets.csv")?), PickPurpose::Data);
        assert_eq!(purpose(&make("pictures", "one.png")?), PickPurpose::ModelFolder);
        assert_eq!(purpose(Path::new("x/Model.GGUF")), PickPurpose::ModelFile);
        assert_eq!(purpose(Path::new("x/rows.jsonl")), PickPurpose::Data);
        Ok(())
    }
}
