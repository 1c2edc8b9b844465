//! Saving a chart: asks for a file, writes it on a thread of its own, and tells how that went.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender};
use egui::{Context, RichText, Ui};

use crate::app::App;
use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::ui::dialog;
use crate::app::widgets::buttons;
use crate::app::widgets::chart_export::ChartExport;
use crate::app::widgets::notes::callout;
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};

/// A chart for which a file is being chosen.
struct Pending {
    export: Box<ChartExport>,
    path: String,
    /// The path that was last looked for on disk, and whether it was there.
    looked_for: Option<(PathBuf, bool)>,
}

impl Pending {
    fn is_there(&mut self, path: &Path) -> bool {
        match &self.looked_for {
            Some((looked_for, is_there)) if looked_for == path => *is_there,
            _ => {
                let is_there = path.exists();
                self.looked_for = Some((path.to_path_buf(), is_there));
                is_there
            }
        }
    }
}

/// How the writing of a file ended: what it shows, and where it is or why there is none.
type Written = (&'static str, Result<PathBuf, String>);

/// The chart that is to be saved, and what comes of those that were.
pub(super) struct ChartSaving {
    pending: Option<Pending>,
    written: (Sender<Written>, Receiver<Written>),
}

impl Default for ChartSaving {
    fn default() -> Self {
        Self { pending: None, written: crossbeam_channel::unbounded() }
    }
}

impl ChartSaving {
    /// Asks where to save a chart, and offers a free name in `folder`.
    pub fn ask(&mut self, export: Box<ChartExport>, folder: &Path) {
        let path = free_name(folder, export.figure.title(), export.format.extension());
        self.pending = Some(Pending { export, path: path.display().to_string(), looked_for: None });
    }

    /// Takes the path that was picked in a dialog.
    pub fn take_path(&mut self, path: &Path) {
        if let Some(pending) = &mut self.pending {
            pending.path = with_ending(path, pending.export.format.extension()).display().to_string();
            pending.looked_for = None;
        }
    }

    /// Writes the chart on a thread of its own, so that neither pixels nor a slow disk hold up the window.
    fn write(&self, ctx: &Context, export: Box<ChartExport>, path: PathBuf) {
        let (ctx, written) = (ctx.clone(), self.written.0.clone());
        let noun = export.figure.noun();
        let work = move || {
            let result = export.save(&path).map(|()| path).map_err(|error| error.to_string());
            // The window may have closed meanwhile.
            let _ = written.send((noun, result));
            ctx.request_repaint();
        };
        if let Err(error) = std::thread::Builder::new().name("chart-writer".to_owned()).spawn(work) {
            let _ = self.written.0.send((noun, Err(format!("no thread could be started: {error}"))));
        }
    }
}

impl App {
    /// Tells how the writing of charts went.
    pub(super) fn take_written_charts(&mut self) {
        for (noun, written) in self.chart_saving.written.1.try_iter() {
            match written {
                Ok(path) => self.toasts.push(Level::Ok, format!("Saved the {noun} to {}.", path.display())),
                Err(error) => self.toasts.push(Level::Error, format!("The {noun} was not saved: {error}")),
            }
        }
    }

    /// Draws the question where to save a chart.
    pub(super) fn chart_saving_ui(&mut self, ctx: &Context) {
        let Some(mut pending) = self.chart_saving.pending.take() else { return };
        let shown = dialog("saving a chart", ctx).show(ctx, |ui| {
            ui.set_width(520.0);
            self.chart_question_ui(ui, &mut pending)
        });
        match shown.inner {
            Answer::Waiting if shown.should_close() => {}
            Answer::Waiting => self.chart_saving.pending = Some(pending),
            Answer::Dropped => {}
            Answer::Chosen(path) => {
                if let Some(folder) = path.parent() {
                    self.persisted.chart_parent = folder.to_path_buf();
                }
                self.chart_saving.write(ctx, pending.export, path);
            }
        }
    }

    fn chart_question_ui(&self, ui: &mut Ui, pending: &mut Pending) -> Answer {
        let tokens = Tokens::of(ui);
        let format = pending.export.format;
        let heading = format!("Save the {}", pending.export.figure.noun());
        ui.label(RichText::new(heading).heading().color(tokens.text_strong));
        ui.weak(format!("{}: {}", pending.export.figure.title(), format.title()));
        ui.add_space(space::S);
        let action = path_field(ui, "File", "/path/to/file", &mut pending.path, &["Browse…"]);
        if matches!(action, PathAction::Browse(_)) {
            self.commands.send(SystemCommand::Pick(PickPurpose::Chart(format)));
        }
        let path = typed_path(&pending.path).map(|path| with_ending(&path, format.extension()));
        if path.as_ref().is_some_and(|path| pending.is_there(path)) {
            callout(ui, Level::Warning, "This file is there already. Saving replaces it.");
        }
        ui.add_space(space::S);
        let mut answer = Answer::Waiting;
        ui.horizontal(|ui| {
            let is_saved = buttons::primary(ui, Icon::Download, "Save", path.is_some()).clicked();
            if let Some(path) = path.filter(|_| is_saved || action == PathAction::Entered) {
                answer = Answer::Chosen(path);
            }
            if ui.button("Cancel").clicked() {
                answer = Answer::Dropped;
            }
        });
        answer
    }
}

/// What the user made of the question.
enum Answer {
    Waiting,
    Dropped,
    Chosen(PathBuf),
}

/// `path` with the format's ending, where it has none.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    if path.extension().is_some() { path.to_path_buf() } else { path.with_extension(ending) }
}

/// A name in `folder` that is not taken: `held-out-loss.png`, then `held-out-loss-2.png`.
fn free_name(folder: &Path, title: &str, ending: &str) -> PathBuf {
    let letters = title.to_lowercase();
    let words: Vec<&str> = letters.split(|letter: char| !letter.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let name = words.join("-");
    let numbered = |number: usize| match number {
        1 => folder.join(format!("{name}.{ending}")),
        _ => folder.join(format!("{name}-{number}.{ending}")),
    };
    (1..1000).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_title_and_is_free() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = free_name(folder.path(), "Held-out loss by topic", "svg");
        assert_eq!(first, folder.path().join("held-out-loss-by-topic.svg"));
        std::fs::write(&first, "")?;
        let second = free_name(folder.path(), "Held-out loss by topic", "svg");
        assert_eq!(second, folder.path().join("held-out-loss-by-topic-2.svg"));
        Ok(())
    }

    #[test]
    fn only_a_name_without_an_ending_gets_one() {
        assert_eq!(with_ending(Path::new("/a/loss"), "png"), Path::new("/a/loss.png"));
        assert_eq!(with_ending(Path::new("/a/loss.PNG"), "png"), Path::new("/a/loss.PNG"));
    }
}
