//! The table of runs: a tick, then the columns. A click chooses a run alone, with Ctrl beside those that are chosen.

use egui::{Align, Color32, Layout, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2};
use egui_extras::{Column as Width, TableBuilder, TableRow};

use crate::app::pages::PageContext;
use crate::app::theme::{Tokens, size, space};
use crate::project::runs::{RunEntry, RunStatus};

use super::Chosen;
use super::columns::{Column, Direction, Order};

/// Tallest that the table grows before it scrolls by itself.
const HEIGHT: f32 = 12.0 * size::CONTROL;

const TICK: f32 = 26.0;

/// Draws the runs `rows`, and notes what is chosen and how it shall be ordered.
pub(super) fn table_ui(ui: &mut Ui, cx: &PageContext<'_>, rows: &[&RunEntry], order: &mut Order, chosen: &mut Chosen) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let columns = Column::fitting(ui.available_width() - TICK, space::S);
        let mut table = TableBuilder::new(ui)
            .id_salt("runs")
            .striped(true)
            .sense(Sense::click())
            .max_scroll_height(HEIGHT)
            .min_scrolled_height(HEIGHT)
            .auto_shrink([false, true])
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Width::exact(TICK));
        for column in &columns {
            table = table.column(match column.width() {
                Some(width) => Width::exact(width).clip(true),
                None => Width::remainder().clip(true),
            });
        }
        let header = table.header(size::CONTROL, |mut header| {
            header.col(|ui| all_ui(ui, rows, chosen));
            for column in &columns {
                header.col(|ui| heading_ui(ui, *column, order));
            }
        });
        header.body(|body| {
            body.rows(size::CONTROL, rows.len(), |mut row| {
                if let Some(run) = rows.get(row.index()) {
                    row_ui(&mut row, cx, run, &columns, chosen);
                }
            });
        });
    });
}

/// The tick of all rows that are shown.
fn all_ui(ui: &mut Ui, rows: &[&RunEntry], chosen: &mut Chosen) {
    let are_all = rows.iter().all(|run| chosen.place(&run.path).is_some());
    let mut is_on = are_all;
    let tick = ui.checkbox(&mut is_on, "");
    if tick.changed() {
        for run in rows.iter().filter(|run| are_all || chosen.place(&run.path).is_none()).copied().collect::<Vec<_>>() {
            chosen.toggle(&run.path);
        }
    }
    tick.accessible_name("Choose every run shown");
}

/// The heading of a column, which orders by it.
fn heading_ui(ui: &mut Ui, column: Column, order: &mut Order) {
    let tokens = Tokens::of(ui);
    let is_order = order.column == column;
    ui.spacing_mut().button_padding.x = 0.0;
    let color = if is_order { tokens.text_strong } else { tokens.text_weak };
    let text = RichText::new(column.title()).small().color(color);
    let response = ui.add(egui::Button::new(text).frame(false)).on_hover_text(column.explanation());
    if is_order {
        let (rect, _) = ui.allocate_exact_size(vec2(8.0, size::ICON), Sense::hover());
        let up = if order.direction == Direction::Rising { -1.0 } else { 1.0 };
        let point = |x: f32, y: f32| rect.center() + vec2(x, y * up);
        let points = vec![point(-3.0, -1.5), point(0.0, 1.5), point(3.0, -1.5)];
        ui.painter().line(points, Stroke::new(1.5, tokens.text_strong));
    }
    if response.clicked() {
        order.by(column);
    }
    response.accessible_name(format!("Order by {}", column.title().to_lowercase()));
}

fn row_ui(row: &mut TableRow<'_, '_>, cx: &PageContext<'_>, run: &RunEntry, columns: &[Column], chosen: &mut Chosen) {
    row.set_selected(chosen.place(&run.path).is_some());
    row.col(|ui| {
        let mut is_on = chosen.place(&run.path).is_some();
        let tick = ui.checkbox(&mut is_on, "");
        if tick.changed() {
            chosen.toggle(&run.path);
        }
        tick.accessible_name(format!("Choose {}", run.name));
    });
    let step = step(cx, run);
    for column in columns {
        row.col(|ui| match column {
            Column::Name => name_ui(ui, run, chosen),
            Column::Status => cell_ui(ui, &column.text(run, step), status_color(&run.status, Tokens::of(ui))),
            _ => cell_ui(ui, &column.text(run, step), Tokens::of(ui).text),
        });
    }
    let response = row.response();
    if response.clicked() {
        if response.ctx.input(|input| input.modifiers.command) {
            chosen.toggle(&run.path);
        } else {
            chosen.only(&run.path);
        }
    }
}

fn cell_ui(ui: &mut Ui, text: &str, color: Color32) {
    ui.add(egui::Label::new(RichText::new(text).color(color)).truncate().selectable(false));
}

/// The name with its tags, and the colour of its curves where several runs are chosen.
fn name_ui(ui: &mut Ui, run: &RunEntry, chosen: &Chosen) {
    let tokens = Tokens::of(ui);
    if let Some(place) = chosen.place(&run.path).filter(|_| chosen.len() > 1) {
        let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.0, tokens.head(place));
    }
    let tip = if run.notes.note.is_empty() { run.path.display().to_string() } else { run.notes.note.clone() };
    let name = egui::Label::new(RichText::new(&run.name).color(tokens.text_strong)).selectable(false).truncate();
    ui.add(name).on_hover_text(tip);
    for tag in &run.notes.tags {
        chip_ui(ui, tag);
    }
}

/// A tag in a frame, which stands out on a chosen row too.
fn chip_ui(ui: &mut Ui, tag: &str) {
    let tokens = Tokens::of(ui);
    let font = TextStyle::Small.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(tag.to_owned(), font, tokens.text);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(2.0 * space::S, space::XS), Sense::hover());
    let (fill, line) = (tokens.control, Stroke::new(1.0, tokens.border_strong));
    ui.painter().rect(rect, size::RADIUS, fill, line, StrokeKind::Inside);
    let text = rect.min + vec2(space::S, space::XXS);
    ui.painter().galley(text, galley, tokens.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, tag));
}

/// Where a run stands: the one of this window as it is now, any other as it was listed.
fn step(cx: &PageContext<'_>, run: &RunEntry) -> usize {
    let live = cx.state.active_run().filter(|active| active.summary.path == run.path);
    live.map_or(run.step, |active| active.step())
}

/// The colour of a status word.
pub(super) fn status_color(status: &RunStatus, tokens: &Tokens) -> Color32 {
    match status {
        RunStatus::Finished | RunStatus::EarlyStop => tokens.ok,
        RunStatus::InTraining => tokens.accent_text,
        RunStatus::Stopped => tokens.text,
        RunStatus::BrokenOff => tokens.warn,
        RunStatus::Failed { .. } => tokens.error,
    }
}
