//! Where cells and names stand.

use egui::{Pos2, Rect, TextStyle, Ui, Vec2, pos2, vec2};

use super::{PanelLabels, PanelTable, Place};
use crate::app::theme::space;

/// Height of all rows together that cells share, and what a row may take of it.
const ROWS_HEIGHT: f32 = 420.0;
const ROW_HEIGHT: std::ops::RangeInclusive<f32> = 9.0..=24.0;
/// Narrowest that a cell becomes.
const NARROWEST: f32 = 3.0;
/// Below this width a panel has no room for its name.
const NARROWEST_PANEL: f32 = 28.0;
/// Between two panels.
pub const GAP: f32 = space::M;
/// The swatch before a row's name.
pub const SWATCH: f32 = 14.0;
/// Height of the coloured marks below the columns.
pub const MARKS: f32 = 5.0;

/// Places in points, from the picture's upper left corner on.
#[derive(Clone, Debug)]
pub struct Layout {
    pub origin: Pos2,
    pub cell: Vec2,
    /// Width of the rows' names.
    pub names: f32,
    /// Height of the panels' names.
    pub head: f32,
    /// Height of what stands below the cells.
    pub foot: f32,
    panels: usize,
    rows: usize,
    columns: usize,
}

impl Layout {
    /// Fits `table` into the room that `ui` has.
    pub fn new(ui: &Ui, table: &PanelTable, labels: &PanelLabels<'_>) -> Self {
        let small = TextStyle::Small.resolve(ui.style());
        let width = |text: String| {
            let color = egui::Color32::PLACEHOLDER;
            ui.painter().layout_no_wrap(text, small.clone(), color).size().x
        };
        let named = (0..table.rows).map(|row| {
            let (name, color) = (labels.row)(row);
            width(name) + if color.is_some() { SWATCH } else { 0.0 }
        });
        let names = named.fold(width(labels.rows.to_owned()), f32::max) + space::S;
        let across = (ui.available_width() - names - GAP * table.panels.saturating_sub(1) as f32)
            / (table.panels * table.columns).max(1) as f32;
        let narrowest = if table.panels > 1 { NARROWEST_PANEL / table.columns.max(1) as f32 } else { 0.0 };
        let cell = vec2(
            across.clamp(NARROWEST.max(narrowest), labels.widest.max(NARROWEST.max(narrowest))),
            (ROWS_HEIGHT / table.rows.max(1) as f32).clamp(*ROW_HEIGHT.start(), *ROW_HEIGHT.end()),
        );
        let line = small.size + space::XS;
        let head = if table.panels > 1 || !(labels.panel)(0).is_empty() { line + space::XXS } else { 0.0 };
        let foot = MARKS + space::XXS + line;
        Self {
            origin: Pos2::ZERO,
            cell,
            names,
            head,
            foot,
            panels: table.panels,
            rows: table.rows,
            columns: table.columns,
        }
    }

    /// The same from another corner.
    pub fn at(self, origin: Pos2) -> Self {
        Self { origin, ..self }
    }

    /// The room that everything takes.
    pub fn size(&self) -> Vec2 {
        let cells = self.cell * vec2((self.panels * self.columns) as f32, self.rows as f32);
        let gaps = GAP * self.panels.saturating_sub(1) as f32;
        vec2(self.names + cells.x + gaps, self.head + cells.y + self.foot)
    }

    /// The cells of a panel.
    pub fn panel(&self, panel: usize) -> Rect {
        let size = self.cell * vec2(self.columns as f32, self.rows as f32);
        let left = self.names + panel as f32 * (size.x + GAP);
        Rect::from_min_size(self.origin + vec2(left, self.head), size)
    }

    /// One cell.
    pub fn cell(&self, place: Place) -> Rect {
        let from = self.panel(place.panel).min;
        Rect::from_min_size(from + self.cell * vec2(place.column as f32, place.row as f32), self.cell)
    }

    /// One row of a panel.
    pub fn row(&self, panel: usize, row: usize) -> Rect {
        let from = self.cell(Place { panel, row, column: 0 });
        Rect::from_min_size(from.min, vec2(self.panel(panel).width(), self.cell.y))
    }

    /// The middle of a row, at the right end of its name.
    pub fn row_name(&self, row: usize) -> Pos2 {
        pos2(self.origin.x + self.names - space::S, self.row(0, row).center().y)
    }

    /// The cell at a place.
    pub fn cell_at(&self, at: Pos2) -> Option<Place> {
        let panel = (0..self.panels).find(|panel| self.panel(*panel).contains(at))?;
        let from = (at - self.panel(panel).min) / self.cell;
        let (row, column) = (from.y as usize, from.x as usize);
        (row < self.rows && column < self.columns).then_some(Place { panel, row, column })
    }

    /// The row whose name is at a place.
    pub fn row_label_at(&self, at: Pos2) -> Option<usize> {
        let from = at - self.origin - vec2(0.0, self.head);
        if from.x < 0.0 || from.y < 0.0 || from.x >= self.names {
            return None;
        }
        Some((from.y / self.cell.y) as usize).filter(|row| *row < self.rows)
    }
}

/// Every how manyth name is set so that names `needs` wide have room at `pitch` each.
pub fn stride(pitch: f32, needs: f32) -> usize {
    [1, 2, 5, 10, 20, 50, 100].into_iter().find(|step| *step as f32 * pitch >= needs).unwrap_or(200)
}

/// Whether the name at `index` is set where every `stride`th is: the first, and round numbers counted from 1.
pub fn is_named(index: usize, stride: usize) -> bool {
    stride == 1 || index == 0 || (index + 1).is_multiple_of(stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout {
            origin: pos2(100.0, 50.0),
            cell: vec2(10.0, 20.0),
            names: 40.0,
            head: 16.0,
            foot: 20.0,
            panels: 2,
            rows: 2,
            columns: 3,
        }
    }

    #[test]
    fn the_pointer_finds_its_cell_and_its_row() {
        let layout = layout();
        assert_eq!(layout.cell_at(pos2(145.0, 70.0)), Some(Place { panel: 0, row: 0, column: 0 }));
        assert_eq!(
            layout.cell_at(pos2(100.0 + 40.0 + 30.0 + GAP + 25.0, 95.0)),
            Some(Place { panel: 1, row: 1, column: 2 })
        );
        assert_eq!(layout.cell_at(pos2(100.0 + 40.0 + 30.0 + GAP / 2.0, 70.0)), None, "between two panels");
        assert_eq!((layout.row_label_at(pos2(110.0, 90.0)), layout.row_label_at(pos2(110.0, 60.0))), (Some(1), None));
    }

    #[test]
    fn names_are_set_as_far_as_there_is_room() {
        let named =
            |count, pitch| (0..count).filter(|i| is_named(*i, stride(pitch, 24.0))).map(|i| i + 1).collect::<Vec<_>>();
        assert_eq!(named(4, 30.0), [1, 2, 3, 4]);
        assert_eq!(named(12, 8.0), [1, 5, 10]);
        assert_eq!(named(3, 0.1), [1]);
    }
}
