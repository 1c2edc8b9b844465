//! Draws the panels: one image for all cells, and the names around them.

use egui::{Align2, Color32, ColorImage, Painter, Rect, Stroke, StrokeKind, TextStyle, TextureId, Ui, pos2, vec2};

use super::layout::{Layout, MARKS, SWATCH, is_named, stride};
use super::{Chosen, PanelLabels, PanelTable, Place};
use crate::app::theme::{Tokens, space};

/// Cells at least this large have lines between them.
const LINED: f32 = 8.0;
/// Cells at least this large show their value.
const FIGURED: egui::Vec2 = vec2(40.0, 16.0);

/// One pixel for each cell, the panels side by side.
pub fn pixels(ui: &Ui, table: &PanelTable) -> ColorImage {
    let tokens = Tokens::of(ui);
    let side = ui.input(|input| input.max_texture_side).max(1);
    // A texture has a largest side: what lies beyond it, which no known model has, shares pixels.
    let (wide, high) = (table.panels * table.columns, table.rows);
    let (width, height) = (wide.clamp(1, side), high.clamp(1, side));
    let color = |row: usize, along: usize| {
        let (row, along) = (row * high / height, along * wide / width);
        let place = Place { panel: along / table.columns.max(1), row, column: along % table.columns.max(1) };
        table.value(place).map_or(tokens.well, |value| table.scale.color(tokens, value))
    };
    let pixels = (0..height).flat_map(|row| (0..width).map(move |along| (row, along))).map(|(r, a)| color(r, a));
    ColorImage::new([width, height], pixels.collect())
}

/// Draws cells and names.
pub fn panels(ui: &Ui, texture: TextureId, table: &PanelTable, layout: &Layout, labels: &PanelLabels<'_>) {
    let tokens = Tokens::of(ui);
    for panel in 0..table.panels {
        let cells = layout.panel(panel);
        let part = |panel: usize| panel as f32 / table.panels as f32;
        let uv = Rect::from_min_max(pos2(part(panel), 0.0), pos2(part(panel + 1), 1.0));
        ui.painter().image(texture, cells, uv, Color32::WHITE);
        lines(ui.painter(), cells, layout, table, tokens);
        if layout.head > 0.0 {
            let small = TextStyle::Small.resolve(ui.style());
            let at = pos2(cells.left(), cells.top() - space::XS);
            ui.painter().text(at, Align2::LEFT_BOTTOM, (labels.panel)(panel), small, tokens.text);
        }
        columns(ui, cells, layout, table, labels);
    }
    rows(ui, layout, table, labels);
    if layout.cell.x >= FIGURED.x && layout.cell.y >= FIGURED.y {
        figures(ui, layout, table, labels);
    }
}

fn lines(painter: &Painter, cells: Rect, layout: &Layout, table: &PanelTable, tokens: &Tokens) {
    let gap = Stroke::new(1.0, tokens.card);
    if layout.cell.y >= LINED {
        for row in 1..table.rows {
            painter.hline(cells.x_range(), cells.top() + row as f32 * layout.cell.y, gap);
        }
    }
    if layout.cell.x >= LINED {
        for column in 1..table.columns {
            painter.vline(cells.left() + column as f32 * layout.cell.x, cells.y_range(), gap);
        }
    }
}

/// Below every column a mark in its colour, and its name where there is room.
fn columns(ui: &Ui, cells: Rect, layout: &Layout, table: &PanelTable, labels: &PanelLabels<'_>) {
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let every = stride(layout.cell.x, 16.0);
    for column in 0..table.columns {
        let left = cells.left() + column as f32 * layout.cell.x;
        let (name, color) = (labels.column)(column);
        let top = cells.bottom() + space::XXS;
        if let Some(color) = color {
            let inset = if layout.cell.x >= LINED { 1.0 } else { 0.0 };
            let mark = Rect::from_min_size(pos2(left + inset, top), vec2(layout.cell.x - inset, MARKS));
            ui.painter().rect_filled(mark, 0.0, color);
        }
        if is_named(column, every) {
            let at = pos2(left + layout.cell.x / 2.0, top + MARKS + space::XXS);
            ui.painter().text(at, Align2::CENTER_TOP, name, small.clone(), tokens.text_weak);
        }
    }
}

fn rows(ui: &Ui, layout: &Layout, table: &PanelTable, labels: &PanelLabels<'_>) {
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let every = stride(layout.cell.y, small.size);
    for row in (0..table.rows).filter(|row| is_named(*row, every)) {
        let (name, color) = (labels.row)(row);
        let at = layout.row_name(row);
        match color {
            None => {
                ui.painter().text(at, Align2::RIGHT_CENTER, name, small.clone(), tokens.text_weak);
            }
            Some(color) => {
                let left = layout.origin.x;
                let swatch = Rect::from_center_size(pos2(left + 5.0, at.y), egui::Vec2::splat(10.0));
                ui.painter().rect_filled(swatch, 2.0, color);
                let at = pos2(left + SWATCH, at.y);
                ui.painter().text(at, Align2::LEFT_CENTER, name, small.clone(), tokens.text);
            }
        }
    }
    let at = pos2(layout.row_name(0).x, layout.panel(0).bottom() + MARKS + 2.0 * space::XXS);
    ui.painter().text(at, Align2::RIGHT_TOP, labels.rows, small, tokens.text_weak);
}

fn figures(ui: &Ui, layout: &Layout, table: &PanelTable, labels: &PanelLabels<'_>) {
    let tokens = Tokens::of(ui);
    let small = TextStyle::Small.resolve(ui.style());
    let rows = (0..table.rows).flat_map(|row| (0..table.columns).map(move |column| (row, column)));
    for (panel, (row, column)) in (0..table.panels).flat_map(|panel| rows.clone().map(move |cell| (panel, cell))) {
        let place = Place { panel, row, column };
        let Some(value) = table.value(place) else { continue };
        let color = Tokens::text_on(table.scale.color(tokens, value));
        let figure = (labels.figure)(place, value);
        let cell = layout.cell(place);
        let set = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), small.clone(), color);
        // Where there is no room for all of it, what matters comes first.
        let short = figure.split(' ').next().unwrap_or_default();
        let fitting =
            [figure.as_str(), short].map(set).into_iter().find(|text| text.size().x + space::XS <= cell.width());
        if let Some(text) = fitting {
            ui.painter().galley(cell.center() - text.size() / 2.0, text, color);
        }
    }
}

/// Outlines what is chosen.
pub fn chosen(ui: &Ui, layout: &Layout, table: &PanelTable, chosen: Chosen) {
    let panels = (0..table.panels).filter(|panel| chosen.panel.is_none_or(|only| only == *panel));
    match (chosen.row, chosen.panel) {
        (Some(row), _) if row < table.rows => panels.for_each(|panel| outline(ui, layout.row(panel, row))),
        (None, Some(panel)) if panel < table.panels => outline(ui, layout.panel(panel)),
        _ => {}
    }
}

/// A line around what is pointed at or chosen.
pub fn outline(ui: &Ui, rect: Rect) {
    let color = Tokens::of(ui).text_strong;
    ui.painter().rect_stroke(rect, 2.0, Stroke::new(1.5, color), StrokeKind::Outside);
}
