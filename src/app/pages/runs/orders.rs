//! Runs for the queue, made from settings and from the model and data that are loaded.

use std::path::PathBuf;

use egui::Ui;

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::widgets::buttons;
use crate::app::widgets::path_field::typed_path;
use crate::project::{RunOrder, SweepPlace, Variant};
use crate::train::TrainSettings;
use crate::worker::protocol::{DataSummary, ModelSummary, Request};

/// The buttons beside the one that starts a run at once: put it in the queue, or plan several like it.
pub fn later_ui(ui: &mut Ui, cx: &PageContext<'_>, settings: TrainSettings, out: PathBuf, can_start: bool) {
    let (Some(data), Some(model)) = (&cx.state.data, &cx.state.model) else { return };
    let add = buttons::secondary(ui, Icon::Plus, "Add to the queue", can_start);
    if add.on_hover_text("The run begins at its turn; the queue is on the Runs page").clicked() {
        cx.request(Request::Enqueue { runs: vec![single(data, model, settings.clone(), out)] });
    }
    let compare = buttons::secondary(ui, Icon::Runs, "Compare methods…", settings.validate().is_ok());
    if compare.on_hover_text("Several runs of this setup: the methods side by side, or a sweep over values").clicked() {
        cx.send(SystemCommand::PlanRuns(Box::new(settings)));
    }
}

/// The queue's entry for one run of its own in the folder `out`.
fn single(data: &DataSummary, model: &ModelSummary, settings: TrainSettings, out: PathBuf) -> RunOrder {
    let title = out.file_name().map_or_else(|| "Run".to_owned(), |name| name.to_string_lossy().into_owned());
    let (paths, columns) = (files(data), data.map.clone());
    RunOrder { title, group: None, model: model.path.clone(), data: paths, columns, settings, out }
}

/// The queue's entries for variants that belong together; `kind` and the time name their group.
pub fn group(cx: &PageContext<'_>, kind: &str, variants: Vec<Variant>) -> Vec<RunOrder> {
    let (Some(data), Some(model)) = (&cx.state.data, &cx.state.model) else { return Vec::new() };
    let now = chrono::Local::now();
    let place = SweepPlace {
        model: model.path.clone(),
        data: files(data),
        columns: data.map.clone(),
        parent: cx.persisted.run_parent.clone(),
        prefix: format!("{}-{}", now.format("%Y-%m-%d-%H%M"), kind.to_lowercase()),
        group: format!("{kind} {}", now.format("%Y-%m-%d %H:%M")),
    };
    variants.into_iter().map(|variant| place.order(variant)).collect()
}

/// The files that were imported, not the folders they may have been named by: those may hold others by the run's turn.
fn files(data: &DataSummary) -> Vec<PathBuf> {
    data.files.iter().map(|file| file.path.clone()).collect()
}

/// Settings whose paths can be read on their own.
pub fn whole(settings: TrainSettings) -> TrainSettings {
    let init_adapter = settings.init_adapter.as_ref().and_then(|path| typed_path(&path.to_string_lossy()));
    TrainSettings { init_adapter, ..settings }
}
