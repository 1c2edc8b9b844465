//! Every run of a folder: a table to search, filter and sort, and below it what belongs to the chosen ones. `filter.rs`
//! and `columns.rs` decide which rows stand where, `table.rs` draws them; `details.rs` and `notes.rs` are about one run,
//! `overlay.rs` and `difference.rs` about several; `trashing.rs` asks before a run goes.

mod columns;
mod details;
mod difference;
mod filter;
mod notes;
mod overlay;
mod table;
mod trashing;

use std::path::{Path, PathBuf};

use egui::{RichText, Ui};

use crate::app::commands::SystemCommand;
use crate::app::icons::Icon;
use crate::app::pages::{PageContext, PageId, job_ui};
use crate::app::picker::PickPurpose;
use crate::app::theme::{Tokens, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::{card, card_with_actions};
use crate::app::widgets::figures::{count, counted};
use crate::app::widgets::notes::{callout, empty_state};
use crate::app::widgets::path_field::{PathAction, path_field, typed_path};
use crate::project::runs::{RunEntry, RunList};
use crate::worker::protocol::{JobKind, Request};

use columns::Order;
use difference::Difference;
use filter::Filter;
use notes::NotesEditor;
use overlay::Overlay;
use trashing::Trashing;

/// The view of all runs.
#[derive(Default)]
pub(super) struct AllRuns {
    /// The folder as typed, and the one that it was last filled from.
    folder: String,
    shown_folder: Option<PathBuf>,
    filter: Filter,
    order: Order,
    chosen: Chosen,
    notes: NotesEditor,
    overlay: Overlay,
    difference: Difference,
    trashing: Trashing,
}

/// The runs that are chosen, in the order in which they were, which gives them their colours.
#[derive(Default)]
pub(super) struct Chosen(Vec<PathBuf>);

impl Chosen {
    /// The place of a run among the chosen ones.
    pub fn place(&self, run: &Path) -> Option<usize> {
        self.0.iter().position(|path| path == run)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Chooses a run, or chooses it no more.
    pub fn toggle(&mut self, run: &Path) {
        match self.place(run) {
            Some(place) => drop(self.0.remove(place)),
            None => self.0.push(run.to_path_buf()),
        }
    }

    /// Chooses one run alone.
    pub fn only(&mut self, run: &Path) {
        self.0 = vec![run.to_path_buf()];
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The chosen runs of a list; those that are gone from it are chosen no more.
    fn entries<'a>(&mut self, list: &'a RunList) -> Vec<&'a RunEntry> {
        let find = |path: &PathBuf| list.runs.iter().find(|run| run.path == *path);
        let entries: Vec<&RunEntry> = self.0.iter().filter_map(find).collect();
        if entries.len() < self.0.len() {
            self.0 = entries.iter().map(|run| run.path.clone()).collect();
        }
        entries
    }
}

impl AllRuns {
    /// Draws the view.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        self.ask_for_list(cx);
        self.folder_ui(ui, cx);
        ui.add_space(space::M);
        job_ui(ui, cx, JobKind::TrashRuns);
        if let Some(message) = cx.state.failure(JobKind::ListRuns) {
            callout(ui, Level::Error, message);
            return;
        }
        let Some(list) = &cx.state.runs.list else { return };
        if list.runs.is_empty() && list.unreadable.is_empty() {
            self.notes.keep(ui, cx, None);
            nothing_here_ui(ui, cx);
            return;
        }
        self.table_card(ui, cx, list);
        let chosen = self.chosen.entries(list);
        self.notes.keep(ui, cx, if let [one] = chosen.as_slice() { Some(*one) } else { None });
        match chosen.as_slice() {
            [] => {}
            [one] => {
                details::details_card(ui, cx, one, &mut self.notes, &mut self.trashing);
                self.overlay.card(ui, cx, &chosen);
            }
            several => {
                self.several_card(ui, cx, several);
                self.overlay.card(ui, cx, several);
                self.difference.card(ui, several);
            }
        }
        unreadable_ui(ui, list, &mut self.trashing);
        self.trashing.ui(ui.ctx(), cx);
    }

    /// Asks for the folder's runs when it is another one, or something has happened to a run.
    fn ask_for_list(&mut self, cx: &PageContext<'_>) {
        let folder = &cx.persisted.run_parent;
        let is_new = self.shown_folder.as_ref() != Some(folder);
        if is_new {
            self.folder = folder.display().to_string();
            self.shown_folder = Some(folder.clone());
        }
        if is_new || (cx.state.runs.is_stale && cx.state.job(JobKind::ListRuns).is_none()) {
            cx.request(Request::ListRuns { folder: folder.clone() });
        }
    }

    fn folder_ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        let hint = "The folder that holds the run folders";
        match path_field(ui, "Folder with runs", hint, &mut self.folder, &["Browse…"]) {
            PathAction::Browse(_) => cx.send(SystemCommand::Pick(PickPurpose::RunParent)),
            PathAction::Entered => {
                if let Some(path) = typed_path(&self.folder) {
                    cx.send(SystemCommand::Paths(PickPurpose::RunParent, vec![path]));
                }
            }
            PathAction::None => {}
        }
    }

    fn table_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, list: &RunList) {
        let rows = self.order.sorted(self.filter.matching(list));
        let title = if rows.len() == list.runs.len() {
            counted(rows.len(), "run")
        } else {
            format!("{} of {}", count(rows.len()), counted(list.runs.len(), "run"))
        };
        let is_listing = cx.state.job(JobKind::ListRuns).is_some();
        let refresh = |ui: &mut Ui| {
            let button = buttons::secondary(ui, Icon::Restore, "Refresh", !is_listing);
            if button.on_hover_text("Looks at the folder again").clicked() {
                self.overlay.read_again();
                cx.request(Request::ListRuns { folder: cx.persisted.run_parent.clone() });
            }
        };
        card_with_actions(ui, &title, refresh, |ui| {
            self.filter.ui(ui, list);
            if rows.is_empty() {
                ui.add_space(space::S);
                ui.label("No run matches what is searched for.");
                if ui.button("Show all runs").clicked() {
                    self.filter = Filter::default();
                }
                return;
            }
            table::table_ui(ui, cx, &rows, &mut self.order, &mut self.chosen);
            if self.chosen.len() == 0 {
                ui.weak("Click a run to see more of it. Tick several to lay their curves over each other and see how they differ.");
            }
        });
    }

    fn several_card(&mut self, ui: &mut Ui, cx: &PageContext<'_>, runs: &[&RunEntry]) {
        card(ui, &format!("{} chosen", counted(runs.len(), "run")), |ui| {
            let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
            ui.label(RichText::new(names.join(", ")).color(Tokens::of(ui).text_weak));
            ui.horizontal_wrapped(|ui| {
                if ui.button("Choose none").clicked() {
                    self.chosen.clear();
                }
                self.trashing.button(ui, cx, runs);
            });
        });
    }
}

/// Says what the page is for while there is no run, and how to get one.
fn nothing_here_ui(ui: &mut Ui, cx: &PageContext<'_>) {
    let text = "Each training makes a folder of its own, with its settings, its curves and its checkpoints. Train one, or \
                choose another folder above.";
    if empty_state(ui, Icon::Runs, "No runs in this folder", text, Some((Icon::Train, "Go to Train"))) {
        cx.send(SystemCommand::Show(PageId::Train));
    }
}

/// Tells of run folders that cannot be read.
fn unreadable_ui(ui: &mut Ui, list: &RunList, trashing: &mut Trashing) {
    if list.unreadable.is_empty() {
        return;
    }
    let title = format!("{} cannot be read", counted(list.unreadable.len(), "run"));
    card(ui, &title, |ui| {
        for run in &list.unreadable {
            ui.horizontal(|ui| {
                ui.label(RichText::new(&run.name).color(Tokens::of(ui).text_strong));
                if Icon::Trash.small_button(ui, &format!("Move {} to the recycle bin…", run.name)).clicked() {
                    trashing.ask(vec![(run.path.clone(), run.name.clone())]);
                }
            });
            callout(ui, Level::Warning, &run.problem);
        }
    });
}
