//! Runs side by side: what each trains, reaches and costs, as a table that can be sorted and taken away, and as charts.

use std::collections::HashSet;
use std::path::PathBuf;

use egui::{ComboBox, RichText, Ui};
use egui_extras::{Column as Width, TableBuilder, TableRow};

use crate::app::icons::Icon;
use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::app::toasts::Level;
use crate::app::widgets::buttons;
use crate::app::widgets::card::card_with_actions;
use crate::app::widgets::figures::{bytes, count, counted, duration, figure, parameters};
use crate::app::widgets::notes::{callout, empty_state};
use crate::project::comparison::{Column, Compared, differences, sort, status_name, to_csv};
use crate::project::runs::RunEntry;
use crate::worker::protocol::{JobKind, Request};

use super::comparison_charts;

/// Which runs are set side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Choice {
    /// The group of the latest run that has one, or all runs.
    #[default]
    Latest,
    All,
    /// Those with this tag.
    Group(String),
    /// Those that were ticked.
    Ticked(HashSet<PathBuf>),
}

/// The comparison with how it is sorted.
pub struct Comparison {
    choice: Choice,
    column: Column,
    is_descending: bool,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { choice: Choice::default(), column: Column::Best, is_descending: false }
    }
}

impl Comparison {
    /// Sets these runs side by side from now on.
    pub fn show(&mut self, runs: impl IntoIterator<Item = PathBuf>) {
        self.choice = Choice::Ticked(runs.into_iter().collect());
    }

    /// Draws the choice of runs, the table and the charts.
    pub fn ui(&mut self, ui: &mut Ui, cx: &PageContext<'_>) {
        ask_for_list(cx);
        let listed = cx.state.runs.list.as_ref().map_or(&[][..], |list| &list.runs);
        if listed.is_empty() {
            let text = "Runs that you trained are compared here: what each trains, reaches and costs.";
            empty_state(ui, Icon::Runs, "There is nothing to compare yet", text, None);
            return;
        }
        let groups = groups(listed);
        let entries: Vec<&RunEntry> = listed.iter().filter(|run| self.is_chosen(run, &groups)).collect();
        let mut runs: Vec<Compared> = entries.iter().map(|entry| Compared::of(entry)).collect();
        sort(&mut runs, self.column, self.is_descending);
        let name = self.name(&groups);
        card_with_actions(
            ui,
            "Comparison",
            |ui| taking_away_ui(ui, cx, &name, &runs),
            |ui| {
                self.choice_ui(ui, listed, &groups);
                let differing = differences(entries.iter().copied());
                if !differing.is_empty() {
                    let what = differing.join(", ");
                    let text = format!("These runs differ in more than the method: {what}. Compare with care.");
                    callout(ui, Level::Warning, &text);
                }
                if runs.is_empty() {
                    ui.weak("No run is chosen.");
                } else {
                    self.table_ui(ui, &runs);
                }
            },
        );
        if !runs.is_empty() {
            comparison_charts::ui(ui, &runs);
        }
    }

    fn is_chosen(&self, run: &RunEntry, groups: &[String]) -> bool {
        let has = |tag: &String| run.notes.tags.contains(tag);
        match &self.choice {
            Choice::Latest => groups.first().is_none_or(has),
            Choice::All => true,
            Choice::Group(group) => has(group),
            Choice::Ticked(paths) => paths.contains(&run.path),
        }
    }

    /// The chosen runs, by name.
    fn name(&self, groups: &[String]) -> String {
        match &self.choice {
            Choice::Latest => groups.first().cloned().unwrap_or_else(|| "All runs".to_owned()),
            Choice::All => "All runs".to_owned(),
            Choice::Group(group) => group.clone(),
            Choice::Ticked(paths) => counted(paths.len(), "chosen run"),
        }
    }

    fn choice_ui(&mut self, ui: &mut Ui, listed: &[RunEntry], groups: &[String]) {
        ui.horizontal(|ui| {
            let label = ui.label("Runs to compare");
            let combo =
                ComboBox::from_id_salt("group").icon(buttons::chevron).width(280.0).selected_text(self.name(groups));
            let combo = combo.show_ui(ui, |ui| {
                for group in groups {
                    ui.selectable_value(&mut self.choice, Choice::Group(group.clone()), group);
                }
                ui.selectable_value(&mut self.choice, Choice::All, "All runs");
            });
            combo.response.labelled_by(label.id);
        });
        let mut ticked: HashSet<PathBuf> =
            listed.iter().filter(|run| self.is_chosen(run, groups)).map(|run| run.path.clone()).collect();
        let before = ticked.len();
        egui::CollapsingHeader::new("Choose run by run").id_salt("ticks").show(ui, |ui| {
            for run in listed {
                let mut is_ticked = ticked.contains(&run.path);
                if ui.checkbox(&mut is_ticked, &run.name).changed() {
                    if is_ticked {
                        ticked.insert(run.path.clone())
                    } else {
                        ticked.remove(&run.path)
                    };
                }
            }
        });
        if ticked.len() != before {
            self.choice = Choice::Ticked(ticked);
        }
    }

    fn table_ui(&mut self, ui: &mut Ui, runs: &[Compared]) {
        const NAME: f32 = 190.0;
        let has_rates = runs.iter().any(|run| runs.first().is_some_and(|first| first.lr != run.lr));
        let columns: Vec<Column> = Column::ALL
            .into_iter()
            .filter(|column| *column != Column::Method && (*column != Column::LearningRate || has_rates))
            .collect();
        egui::ScrollArea::horizontal().id_salt("comparison").show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            let table = TableBuilder::new(ui).id_salt("comparison").column(Width::exact(NAME));
            columns
                .iter()
                .fold(table, |table, column| table.column(Width::exact(width(*column))))
                .vscroll(false)
                .auto_shrink([false, true])
                .header(2.0 * size::ROW, |mut header| {
                    header.col(|ui| self.heading_ui(ui, Column::Method));
                    for column in &columns {
                        header.col(|ui| self.heading_ui(ui, *column));
                    }
                })
                .body(|mut body| {
                    for run in runs {
                        body.row(size::ROW, |mut row| row_ui(&mut row, run, &columns, runs));
                    }
                });
        });
        ui.weak(
            "The best of a column among the runs that came to their end is set in colour. Energy with ~ is estimated.",
        );
    }

    /// A column's name, which sorts by it.
    fn heading_ui(&mut self, ui: &mut Ui, column: Column) {
        let (name, explanation) = words(column);
        let is_sorted = self.column == column;
        let tokens = Tokens::of(ui);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.spacing_mut().button_padding = egui::vec2(0.0, space::XXS);
            let color = if is_sorted { tokens.accent_text } else { tokens.text_strong };
            let button = egui::Button::new(RichText::new(name).small().color(color)).frame_when_inactive(false);
            let response = ui.add(button.wrap_mode(egui::TextWrapMode::Wrap)).on_hover_text(explanation);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Sort by {name}")));
            if response.clicked() {
                (self.column, self.is_descending) = (column, is_sorted && !self.is_descending);
            }
            if is_sorted {
                let icon = if self.is_descending { Icon::ArrowDown } else { Icon::ArrowUp };
                let order = if self.is_descending { "largest first" } else { "smallest first" };
                ui.add(icon.image(size::ICON / 1.5).tint(tokens.accent_text).alt_text(order));
            }
        });
    }
}

/// Asks for the runs where none were listed yet, or something has happened to one.
fn ask_for_list(cx: &PageContext<'_>) {
    let runs = &cx.state.runs;
    let is_asked = cx.state.job(JobKind::ListRuns).is_some() || cx.state.failure(JobKind::ListRuns).is_some();
    if (runs.list.is_none() || runs.is_stale) && !is_asked {
        cx.request(Request::ListRuns { folder: cx.persisted.run_parent.clone() });
    }
}

/// The groups among the runs by their tags, those of the latest run first.
fn groups(listed: &[RunEntry]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for tag in listed.iter().flat_map(|run| &run.notes.tags) {
        if !groups.contains(tag) {
            groups.push(tag.clone());
        }
    }
    groups
}

/// From right to left: the table as a file, and for pasting.
fn taking_away_ui(ui: &mut Ui, cx: &PageContext<'_>, name: &str, runs: &[Compared]) {
    if buttons::secondary(ui, Icon::Export, "Save as CSV", !runs.is_empty()).clicked() {
        let file: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '-' }).collect();
        let path = cx.persisted.run_parent.join(format!("{}.csv", file.to_lowercase()));
        cx.request(Request::SaveTable { path, text: to_csv(runs) });
    }
    if buttons::secondary(ui, Icon::File, "Copy as CSV", !runs.is_empty()).clicked() {
        ui.ctx().copy_text(to_csv(runs));
    }
}

fn row_ui(row: &mut TableRow<'_, '_>, run: &Compared, columns: &[Column], runs: &[Compared]) {
    row.col(|ui| {
        let tokens = Tokens::of(ui);
        let method = run.method.title();
        let text = if run.is_whole() { method.into() } else { format!("{method} ({})", status_name(&run.status)) };
        ui.add(egui::Label::new(RichText::new(text).color(tokens.text_strong)).truncate()).on_hover_text(&run.run);
    });
    for column in columns {
        row.col(|ui| {
            let tokens = Tokens::of(ui);
            let text = cell(*column, run);
            let is_best = run.is_whole() && column.best(runs).is_some_and(|best| column.value(run) == Some(best));
            if is_best {
                let label = ui.label(RichText::new(&text).strong().color(tokens.ok));
                label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{text}, best")));
                label.on_hover_text("The best of its column");
            } else {
                ui.label(RichText::new(text).color(tokens.text));
            }
        });
    }
}

/// A figure as people read it.
fn cell(column: Column, run: &Compared) -> String {
    let Some(value) = column.value(run) else { return "not known".to_owned() };
    match column {
        Column::Method => run.method.title().to_owned(),
        Column::Rank | Column::Heads => count(value as usize),
        Column::LearningRate => format!("{value:e}"),
        Column::Parameters | Column::WithRouter => parameters(value as usize),
        Column::Share => format!("{} %", figure(100.0 * value)),
        Column::First | Column::Best | Column::Last => format!("{value:.3}"),
        Column::Time => duration(value),
        Column::Energy => {
            let mark = if run.energy.is_some_and(|energy| energy.measured) { "" } else { "~" };
            format!("{mark}{} Wh", figure(value))
        }
        Column::Memory => bytes(value as u64),
    }
}

/// Room for a column's figures and its name in two lines.
fn width(column: Column) -> f32 {
    match column {
        Column::Method | Column::Rank | Column::Heads => 46.0,
        Column::LearningRate | Column::Share | Column::First | Column::Best | Column::Last => 66.0,
        Column::Parameters | Column::WithRouter => 74.0,
        Column::Time => 92.0,
        Column::Energy | Column::Memory => 78.0,
    }
}

/// A column's name, and what it tells.
fn words(column: Column) -> (&'static str, &'static str) {
    match column {
        Column::Method => ("Method", "What was trained; rest the pointer on a name to see its run"),
        Column::Rank => ("Rank", "Inner size of the adapter's matrices"),
        Column::Heads => ("Heads", "How many B each module has"),
        Column::LearningRate => ("Learning rate", "Its highest value in the run"),
        Column::Parameters => ("A and B trained", "Trainable parameters without those of the router"),
        Column::WithRouter => ("With router", "All trainable parameters"),
        Column::Share => ("Share of model", "All trainable parameters by those of the base model"),
        Column::First => ("Held-out before", "Loss on examples it was never trained on, before training"),
        Column::Best => ("Held-out best", "The lowest of these losses in the run"),
        Column::Last => ("Held-out last", "The same loss at the last measure"),
        Column::Time => ("Time", "Time trained, pauses left out"),
        Column::Energy => ("Energy", "Of processor, graphics card and memory together"),
        Column::Memory => ("Peak memory", "The most that the program held in the run"),
    }
}
