//! Through which adapter is looked: the one that is there now, or one of the checkpoints of its run.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Ui};

use crate::app::pages::PageContext;
use crate::app::widgets::buttons;
use crate::app::widgets::figures::{count, file_name};
use crate::worker::protocol::{JobKind, Request};

/// The choice, and which run was asked for its checkpoints.
#[derive(Default)]
pub struct Through {
    at: Option<PathBuf>,
    asked: Option<PathBuf>,
}

impl Through {
    /// The folder to look through; `None` is the adapter that is there now.
    pub fn at(&self) -> Option<PathBuf> {
        self.at.clone()
    }

    /// Draws the choice, where there are checkpoints to choose from.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let places = checkpoints(cx);
        self.at.take_if(|at| !places.iter().any(|(_, path)| path == at));
        if places.is_empty() {
            return;
        }
        let name = |at: Option<&Path>| at.map_or_else(|| "The adapter as it is now".to_owned(), file_name);
        let label = ui.label("Through");
        let combo = ComboBox::from_id_salt("through").selected_text(name(self.at.as_deref())).icon(buttons::chevron);
        let shown = combo.width(200.0).show_ui(ui, |ui| {
            ui.selectable_value(&mut self.at, None, name(None));
            for (step, path) in &places {
                let text = format!("{}, step {}", file_name(path), count(*step));
                ui.selectable_value(&mut self.at, Some(path.clone()), text);
            }
        });
        shown.response.labelled_by(label.id).on_hover_text("A checkpoint shows how the adapter routed back then");
    }

    /// Asks once for what the folder of the present adapter keeps of its run.
    pub fn ask(&mut self, cx: &PageContext<'_>) {
        let Some(run) = cx.state.adapter_path() else { return };
        let is_known = self.asked.as_deref() == Some(run) || cx.state.job(JobKind::Replay).is_some();
        if is_known {
            return;
        }
        self.asked = Some(run.to_path_buf());
        cx.request(Request::Replay { run: run.to_path_buf() });
    }

    /// Asks again the next time, since the run has gone on.
    pub fn forget(&mut self) {
        self.asked = None;
    }
}

/// The checkpoints of the present adapter's run with their steps.
fn checkpoints(cx: &PageContext<'_>) -> Vec<(usize, PathBuf)> {
    let replay = &cx.state.gates.replay;
    if cx.state.adapter_path() != Some(replay.run.as_path()) {
        return Vec::new();
    }
    let kept = replay.frames.iter().filter_map(|frame| Some((frame.step, frame.checkpoint.clone()?)));
    let mut kept: Vec<(usize, PathBuf)> = kept.collect();
    kept.sort();
    kept.dedup();
    kept
}
