//! Where the examples are saved as they are now.

use egui::Ui;

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::widgets::buttons;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::worker::protocol::{DataSummary, JobKind, Request};

/// The field for the folder, while it is open.
#[derive(Default)]
pub(super) struct Saving {
    folder: Option<String>,
}

/// The button that opens and closes the field; whether it was pressed.
pub(super) fn button_ui(ui: &mut Ui, cx: &PageContext<'_>) -> bool {
    let button = buttons::secondary(ui, Icon::Save, "Save as…", cx.state.job(JobKind::SaveData).is_none());
    let tip = "Write these examples as JSONL to a folder, and beside them the rows that are left out";
    button.on_hover_text(tip).clicked()
}

impl Saving {
    /// Opens the field with a folder that suits the data, or closes it.
    pub fn toggle(&mut self, cx: &PageContext<'_>, data: &DataSummary) {
        self.folder = match self.folder {
            Some(_) => None,
            None => {
                let stem = data.files.first().and_then(|file| file.path.file_stem());
                let stem = stem.map_or("examples".into(), |stem| stem.to_string_lossy());
                let folder = cx.persisted.export_parent.join(format!("{stem}-dataset"));
                Some(folder.display().to_string())
            }
        };
    }

    /// The field, where it is open.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let Some(text) = &mut self.folder else { return };
        let action = path_field(ui, "Folder for the examples", "/path/to/folder", text, &[]);
        let folder = typed_path(text);
        let clicked = buttons::primary(ui, Icon::Save, "Save the examples", folder.is_some()).clicked();
        if let Some(folder) = folder.filter(|_| clicked || action == PathAction::Entered) {
            cx.request(Request::SaveData { folder });
            self.folder = None;
        }
    }
}
